//! The test service of `sse-contract-tests`, a suite for clients of event streams
//! in any language (github.com/launchdarkly/sse-contract-tests).
//!
//! The suite asks the service to follow a stream that it serves itself, in awkward
//! pieces, and the service reports what an `EventSource` yields. It contains no
//! logic of its own, so that what the suite finds is found in the library.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::StreamExt;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use sse_wire::{EventSourceBuilder, Parser, Reconnect, Signal};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};

/// What the suite may ask for besides the standard.
const CAPABILITIES: [&str; 10] = [
    "204",
    "bom",
    "comments",
    "cr-only",
    "headers",
    "last-event-id",
    "post",
    "read-timeout",
    "report",
    "restart",
];

/// Serves until the suite asks it to stop.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let service = Arc::new(Service::default());
    loop {
        let connection = tokio::select! {
            connection = listener.accept() => connection?.0,
            () = service.stop.notified() => return Ok(()),
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(move |request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(service.answer(request).await) }
            });
            // The suite may hang up whenever it likes.
            _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(connection), answer)
                .await;
        });
    }
}

#[derive(Default)]
struct Service {
    /// To each stream goes a command, and the end when its sender is dropped.
    streams: Mutex<HashMap<String, mpsc::UnboundedSender<Restart>>>,
    count: AtomicU64,
    stop: Notify,
}

struct Restart;

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return status(StatusCode::BAD_REQUEST) };
        let body = body.to_bytes();
        match (head.method, head.uri.path()) {
            (Method::GET, "/") => {
                let body = json!({ "capabilities": CAPABILITIES }).to_string();
                Response::new(body.into())
            }
            (Method::DELETE, "/") => {
                self.stop.notify_one();
                status(StatusCode::NO_CONTENT)
            }
            (Method::POST, "/") => self.create(&body),
            (Method::POST, path) => self.restart(path, &body),
            (Method::DELETE, path) => {
                let is_known = self.streams.lock().unwrap().remove(path).is_some();
                status(if is_known { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
            }
            _ => status(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn create(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let parameters = serde_json::from_slice::<Parameters>(body).ok();
        let Some((builder, callback_url)) = parameters
            .and_then(|parameters| Some((parameters.builder()?, parameters.callback_url)))
        else {
            return status(StatusCode::BAD_REQUEST);
        };
        let path = format!("/streams/{}", self.count.fetch_add(1, Relaxed));
        let (sender, commands) = mpsc::unbounded_channel();
        self.streams.lock().unwrap().insert(path.clone(), sender);
        tokio::spawn(follow(builder, callback_url, commands));
        let mut response = status(StatusCode::CREATED);
        response.headers_mut().insert(header::LOCATION, path.parse().expect("it is ASCII"));
        response
    }

    fn restart(&self, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let command: Value = serde_json::from_slice(body).unwrap_or_default();
        status(match self.streams.lock().unwrap().get(path) {
            None => StatusCode::NOT_FOUND,
            Some(stream) if command["command"] == "restart" => {
                _ = stream.send(Restart);
                StatusCode::ACCEPTED
            }
            Some(_) => StatusCode::BAD_REQUEST,
        })
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// How the suite asks for a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    stream_url: String,
    callback_url: String,
    initial_delay_ms: Option<u64>,
    read_timeout_ms: Option<u64>,
    last_event_id: Option<String>,
    #[serde(default)]
    headers: HashMap<String, String>,
    method: Option<String>,
    #[serde(default)]
    body: String,
}

impl Parameters {
    fn builder(&self) -> Option<EventSourceBuilder> {
        let method = self.method.as_deref().unwrap_or("GET");
        let mut request = Request::builder().method(method).uri(&self.stream_url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut policy = Reconnect::builder();
        if let Some(delay) = self.initial_delay_ms.map(Duration::from_millis) {
            policy = policy.min_wait(delay).reconnection_time(delay);
        }
        let parser = Parser::builder().last_event_id(self.last_event_id.as_deref().unwrap_or(""));
        let builder = EventSourceBuilder::new(request.body(self.body.clone()).ok()?)
            .reconnect(policy)
            .parser(parser)
            .replay();
        Some(match self.read_timeout_ms {
            Some(time) => builder.idle_timeout(Duration::from_millis(time)),
            None => builder,
        })
    }
}

/// Reports what the source yields, until the sender of commands is dropped.
async fn follow(
    builder: EventSourceBuilder,
    callback_url: String,
    mut commands: mpsc::UnboundedReceiver<Restart>,
) {
    let client = reqwest::Client::builder().no_proxy().build().expect("there is no TLS to set up");
    let connect = |request: Request<_>| {
        let client = client.clone();
        async move { client.execute(request.try_into()?).await.map(Response::from) }
    };
    let mut source = builder.build(connect, tokio::time::sleep);
    let mut count = 0;
    loop {
        let signal = tokio::select! {
            command = commands.recv() => match command {
                Some(Restart) => {
                    source.reconnect();
                    continue;
                }
                None => return,
            },
            Some(signal) = source.next() => signal,
        };
        let Some(report) = report(signal) else { continue };
        count += 1;
        let url = format!("{callback_url}/{count}");
        // If the suite does not listen, nobody can be told.
        _ = client.post(url).body(report.to_string()).send().await;
    }
}

fn report<E: std::error::Error + 'static>(signal: Signal<E>) -> Option<Value> {
    Some(match signal {
        Signal::Event(event) => json!({
            "kind": "event",
            "event": {
                "type": event.event_type(),
                "data": event.data(),
                "id": event.last_event_id(),
            },
        }),
        Signal::Comment(text) => json!({ "kind": "comment", "comment": text }),
        Signal::Dropped(error) => json!({ "kind": "error", "error": error.to_string() }),
        Signal::Disconnected { why, .. } => json!({ "kind": "error", "error": why.to_string() }),
        _ => return None,
    })
}
