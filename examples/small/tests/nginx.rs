//! That nginx, with `docs/nginx.conf`, passes each event on when it is sent.
//!
//! The server sends an event only when the client has read the one before. So a proxy that
//! holds events back is noticed because nothing moves, and not by a clock: time only bounds
//! how long the server waits before it gives up.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio, id},
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};

use axum::{Router, body::Body, http::HeaderMap, response::Response, routing::get};
use futures_util::stream;
use sse_wire::{
    Event, EventReader,
    http::{EventBody, last_event_id},
};
use tokio::{runtime::Runtime, sync::watch, time::timeout};

const CONFIGURATION: &str = include_str!("../../../docs/nginx.conf");
const MINUTE: Duration = Duration::from_secs(60);
const EVENTS: usize = 20;

#[test]
#[ignore = "needs nginx: run `.ci/nginx`"]
fn each_event_arrives_when_it_is_sent() {
    let server = Server::start(Header::Missing, MINUTE);
    let nginx = Nginx::start(CONFIGURATION, server.address);
    assert_eq!(server.read(&mut nginx.get(None)), Ok(EVENTS));
}

#[test]
#[ignore = "needs nginx: run `.ci/nginx`"]
fn each_event_arrives_over_tls_and_http2_too() {
    let server = Server::start(Header::Missing, MINUTE);
    let nginx = Nginx::start(&with_tls(), server.address);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--insecure", "--max-time", "60", "--dump-header", "-"]);
    curl.arg(format!("https://127.0.0.1:{}/events", nginx.tls_port));
    let mut curl = curl.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(curl.stdout.take().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stdout.read_line(&mut head).unwrap(), 0, "{head}");
    }
    assert!(head.starts_with("HTTP/2 200"), "{head}");
    assert_eq!(server.read(&mut stdout), Ok(EVENTS));
    assert!(curl.wait().unwrap().success());
}

#[test]
#[ignore = "needs nginx: run `.ci/nginx`"]
fn the_header_that_we_send_is_enough() {
    let server = Server::start(Header::Sent, MINUTE);
    let nginx = Nginx::start(&with_defaults(), server.address);
    assert_eq!(server.read(&mut nginx.get(None)), Ok(EVENTS));
}

/// Or the tests above would show nothing.
#[test]
#[ignore = "needs nginx: run `.ci/nginx`"]
fn with_neither_nothing_arrives_until_the_server_gives_up() {
    let server = Server::start(Header::Missing, Duration::from_secs(1));
    let nginx = Nginx::start(&with_defaults(), server.address);
    assert_eq!(server.read(&mut nginx.get(None)), Err("the server has waited in vain"));
}

#[test]
#[ignore = "needs nginx: run `.ci/nginx`"]
fn the_server_learns_the_last_event_id_and_that_a_client_has_gone() {
    let server = Server::start(Header::Missing, MINUTE);
    let nginx = Nginx::start(CONFIGURATION, server.address);
    let mut events = EventReader::new(nginx.get(Some("41")));
    assert_eq!(events.next().unwrap().unwrap().data(), "after 41");
    assert!(server.gone.try_recv().is_err());
    drop(events);
    server.gone.recv_timeout(MINUTE / 2).expect("the stream of the client was dropped");
}

/// With its port, or the server would take its own pages for those of another origin.
#[test]
#[ignore = "needs nginx: run `.ci/nginx`"]
fn the_server_learns_the_host_that_the_client_has_asked_for() {
    let server = Server::start(Header::Missing, MINUTE);
    let nginx = Nginx::start(CONFIGURATION, server.address);
    let host = format!("127.0.0.1:{}", nginx.port);
    let response = ureq::get(format!("http://{host}/host")).call().unwrap();
    assert_eq!(response.into_body().read_to_string().unwrap(), host);
}

fn with_tls() -> String {
    let text = replace(CONFIGURATION, "#listen ", "listen ");
    replace(
        &replace(&text, "#ssl_certificate ", "ssl_certificate "),
        "#ssl_certificate_key",
        "ssl_certificate_key",
    )
}

/// As it is with `proxy_pass` alone.
fn with_defaults() -> String {
    replace(&replace(CONFIGURATION, "proxy_buffering off;", ""), "proxy_http_version 1.1;", "")
}

/// Fails if there is nothing to replace, so that the tests do not try something else.
fn replace(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

/// Whether the server sends `X-Accel-Buffering: no`.
#[derive(Clone, Copy, PartialEq)]
enum Header {
    Sent,
    Missing,
}

/// Sends an event when the one before has been acknowledged.
struct Server {
    address: SocketAddr,
    acknowledged: watch::Sender<usize>,
    /// Each stream that has ended or was dropped.
    gone: mpsc::Receiver<()>,
    _runtime: Runtime,
}

impl Server {
    fn start(header: Header, patience: Duration) -> Self {
        let runtime = Runtime::new().unwrap();
        let (acknowledged, acknowledgements) = watch::channel(0);
        let (gone_sender, gone) = mpsc::channel();
        let events = async move |headers: HeaderMap| {
            let gone = Gone(gone_sender);
            respond(&headers, header, acknowledgements, patience, gone)
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let host = async |headers: HeaderMap| headers["host"].to_str().unwrap().to_owned();
        let app = Router::new().route("/events", get(events)).route("/host", get(host));
        runtime.spawn(axum::serve(listener, app).into_future());
        Self { address, acknowledged, gone, _runtime: runtime }
    }

    /// Reads the events of a stream, and acknowledges each: how many there were.
    fn read(&self, stream: &mut dyn Read) -> Result<usize, &'static str> {
        let mut events = EventReader::new(stream);
        let mut count = 0;
        while let Some(event) = events.next_event().unwrap() {
            if event.event_type() == "in-vain" {
                return Err("the server has waited in vain");
            }
            count += 1;
            self.acknowledged.send_replace(count);
        }
        Ok(count)
    }
}

struct Gone(mpsc::Sender<()>);

impl Drop for Gone {
    fn drop(&mut self) {
        _ = self.0.send(());
    }
}

fn respond(
    headers: &HeaderMap,
    header: Header,
    acknowledged: watch::Receiver<usize>,
    patience: Duration,
    gone: Gone,
) -> Response {
    let first = format!("after {}", last_event_id(headers).unwrap().unwrap_or("nothing"));
    let start = (0, first, acknowledged, gone);
    let events = stream::unfold(start, move |(n, data, mut acknowledged, gone)| async move {
        if n == EVENTS {
            return None;
        }
        let event = Event::builder();
        let (event, next) =
            match timeout(patience, acknowledged.wait_for(|&count| count >= n)).await {
                Ok(Ok(_)) => (event.data(data), n + 1),
                // Arrives together with what the proxy has held back.
                _ => (event.event_type("in-vain").data(""), EVENTS),
            };
        Some((event.build(), (next, next.to_string(), acknowledged, gone)))
    });
    let mut response = EventBody::try_new(events).into_response().map(Body::new);
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    if header == Header::Missing {
        response.headers_mut().remove("x-accel-buffering");
    }
    response
}

/// nginx, as an unprivileged process with all its files in a folder of its own.
struct Nginx {
    process: Child,
    port: u16,
    tls_port: u16,
    folder: PathBuf,
}

impl Nginx {
    fn start(configuration: &str, server: SocketAddr) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("sse-wire-nginx-{}-{}", id(), COUNT.fetch_add(1, Relaxed));
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let [port, tls_port] = free_ports();
        let mut text = replace(configuration, "127.0.0.1:3000", &server.to_string());
        text = replace(&text, "listen 8080", &format!("listen 127.0.0.1:{port}"));
        text = replace(
            &text,
            "listen 8443 ssl http2",
            &format!("listen 127.0.0.1:{tls_port} ssl http2"),
        );
        text = text.replace("/etc/nginx/", &format!("{}/", folder.display()));
        // Where its package has them, only root may write.
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};", folder.display()));
        text = replace(&text, "http {", &format!("http {{ access_log off; {}", paths.concat()));
        fs::write(folder.join("nginx.conf"), text).unwrap();
        if !configuration.contains("#ssl_certificate") {
            make_certificate(&folder);
        }
        let process = Command::new("nginx")
            .arg("-p")
            .arg(&folder)
            .args(["-c", "nginx.conf", "-e", "error.log", "-g", "daemon off; pid nginx.pid;"])
            .spawn()
            .expect("nginx is installed");
        let mut nginx = Self { process, port, tls_port, folder };
        nginx.wait_until_it_listens();
        nginx
    }

    fn wait_until_it_listens(&mut self) {
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            if self.process.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.join("error.log"));
        panic!("nginx does not listen: {}", log.unwrap_or_default());
    }

    fn get(&self, last_event_id: Option<&str>) -> impl Read + use<> {
        let agent = ureq::Agent::config_builder().timeout_per_read(Some(MINUTE * 2)).build();
        let url = format!("http://127.0.0.1:{}/events", self.port);
        let mut request = agent.new_agent().get(url).header("accept-encoding", "gzip");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.call().unwrap();
        assert_eq!(response.headers().get("content-encoding"), None);
        response.into_body().into_reader()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // With SIGTERM it ends its workers. By SIGKILL they would remain.
        _ = Command::new("kill").arg(self.process.id().to_string()).status();
        _ = self.process.wait();
        _ = fs::remove_dir_all(&self.folder);
    }
}

/// That were free a moment ago.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn make_certificate(folder: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(' '));
    openssl.args("-subj /CN=127.0.0.1 -keyout key.pem -out certificate.pem".split(' '));
    let made = openssl.current_dir(folder).stderr(Stdio::null()).status();
    assert!(made.expect("openssl is installed").success());
}
