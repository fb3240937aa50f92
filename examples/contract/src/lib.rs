//! The test service of `sse-contract-tests`, a suite for clients of event streams
//! in any language (github.com/launchdarkly/sse-contract-tests).
//!
//! The suite asks the service to follow a stream that it serves itself, in awkward
//! pieces, and the service reports what an `EventSource` yields. It contains no
//! logic of its own, so that what the suite finds is found in the library.

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    io,
    iter::successors,
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

/// What the suite may ask for besides the standard. Without `event-type-listeners`, because
/// an `EventSource` yields events of all types: the command for it is accepted, too.
const CAPABILITIES: [&str; 12] = [
    "204",
    "bom",
    "comments",
    "cr-only",
    "empty-or-missing-location",
    "headers",
    "last-event-id",
    "payload-size-stress-testable",
    "post",
    "read-timeout",
    "report",
    "restart",
];

/// For how long the suite may take to accept a report.
const REPORT_TIME: Duration = Duration::from_secs(10);

/// Serves until the suite asks it to stop.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let service = Arc::new(Service::default());
    loop {
        let connection = tokio::select! {
            connection = listener.accept() => match connection {
                Ok((connection, _)) => connection,
                // A client that has gone already, or too many open files: neither lasts.
                Err(error) => {
                    eprintln!("{error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
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
            (Method::POST, path) => self.command(path, &body),
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

    fn command(&self, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let command: Value = serde_json::from_slice(body).unwrap_or_default();
        let streams = self.streams.lock().unwrap();
        status(match (streams.get(path), command["command"].as_str()) {
            (None, _) => StatusCode::NOT_FOUND,
            (Some(stream), Some("restart")) => {
                _ = stream.send(Restart);
                StatusCode::ACCEPTED
            }
            (Some(_), Some("listen")) => StatusCode::ACCEPTED,
            (Some(_), _) => StatusCode::BAD_REQUEST,
        })
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// How the suite asks for a stream. `null` is the same as nothing, and `tag` is for logs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    stream_url: String,
    callback_url: String,
    initial_delay_ms: Option<u64>,
    read_timeout_ms: Option<u64>,
    last_event_id: Option<String>,
    headers: Option<HashMap<String, String>>,
    method: Option<String>,
    body: Option<String>,
}

impl Parameters {
    fn builder(&self) -> Option<EventSourceBuilder> {
        let method = self.method.as_deref().unwrap_or("GET");
        let mut request = Request::builder().method(method).uri(&self.stream_url);
        for (name, value) in self.headers.iter().flatten() {
            request = request.header(name, value);
        }
        let mut policy = Reconnect::builder();
        if let Some(delay) = self.initial_delay_ms.map(Duration::from_millis) {
            // Not the floor, which a `retry` of the stream may not be below.
            policy = policy.min_wait(Duration::ZERO).reconnection_time(delay);
        }
        let parser = Parser::builder().last_event_id(self.last_event_id.as_deref().unwrap_or(""));
        let builder =
            EventSourceBuilder::new(request.body(self.body.clone().unwrap_or_default()).ok()?)
                .reconnect(policy)
                .parser(parser)
                // The suite measures: so the first wait is the initial delay, without jitter.
                .random(|| 1 << 63)
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
        // If the suite does not listen, nobody can be told. One after the other, so that
        // they are in order.
        _ = client.post(url).timeout(REPORT_TIME).body(report.to_string()).send().await;
    }
}

fn report<E: Error + 'static>(signal: Signal<E>) -> Option<Value> {
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
        Signal::Dropped(error) => json!({ "kind": "error", "error": explain(&error) }),
        Signal::Disconnected { why, .. } => json!({ "kind": "error", "error": explain(&why) }),
        _ => return None,
    })
}

/// An error, and what has caused it.
fn explain(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
