// [dependencies]
// axum = "0.8"
// http-body-util = "0.1"
// hyper = "1"
// hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }
// sse-wire = { version = "0.1", features = ["http"] }
// tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "sync"] }
use std::io;

use axum::{
    Router,
    body::Body,
    http::{
        HeaderMap, Request, Response, StatusCode, Uri,
        header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER},
    },
    response::Result,
    routing::get,
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sse_wire::{
    Event, ItemRef, Tee,
    http::{LAST_EVENT_ID, headers, last_event_id},
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, Sender},
};

/// Passes a stream on byte for byte, and sends its events to a log as well.
pub fn logged(upstream: Response<Incoming>, log: Sender<Event>) -> Response<Body> {
    let chunks = Tee::new(upstream.into_body().into_data_stream(), move |item| {
        if let Ok(ItemRef::Event(event)) = item {
            // A log that is too slow has a gap: the client does not wait for it.
            _ = log.try_send(event.to_event());
        }
    });
    let mut response = Response::new(Body::from_stream(chunks));
    *response.headers_mut() = headers();
    response
}

/// The stream of the upstream after the client's last event, or how to answer without one.
async fn open(
    client: &Client<HttpConnector, Body>,
    upstream: Uri,
    headers: &HeaderMap,
) -> Result<Response<Incoming>> {
    let mut request = Request::get(upstream).header(ACCEPT, "text/event-stream");
    if let Some(id) = last_event_id(headers).map_err(|_| StatusCode::BAD_REQUEST)? {
        request = request.header(LAST_EVENT_ID, id.as_bytes());
    }
    let request = request.body(Body::empty()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let response = client.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if response.status() != StatusCode::OK {
        // It says whether and when to come back: 204 is never.
        let after = response.headers().get(RETRY_AFTER).map(|time| (RETRY_AFTER, time.clone()));
        return Err((response.status(), HeaderMap::from_iter(after)).into());
    }
    // Any text parses as an event stream, an error in JSON too.
    let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |t| t.as_bytes());
    let media_type = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    if !media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream") {
        return Err(StatusCode::BAD_GATEWAY.into());
    }
    Ok(response)
}

pub fn app(upstream: Uri, log: Sender<Event>) -> Router {
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let events = async move |headers: HeaderMap| -> Result<_> {
        Ok(logged(open(&client, upstream, &headers).await?, log))
    };
    Router::new().route("/events", get(events))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let (log, mut logged) = mpsc::channel::<Event>(256);
    let upstream = Uri::from_static("http://127.0.0.1:3000/events");
    let listener = TcpListener::bind("127.0.0.1:4000").await?;
    tokio::spawn(axum::serve(listener, app(upstream, log)).into_future());
    while let Some(event) = logged.recv().await {
        println!("{}", event.data());
    }
    Ok(())
}
