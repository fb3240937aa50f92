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
    http::{Response, StatusCode, Uri},
    routing::get,
};
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sse_wire::{Event, ItemRef, Tee, http::headers};
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, Sender},
};

/// Passes a stream on byte for byte, and sends its events to a log as well.
pub fn logged(upstream: Response<hyper::body::Incoming>, log: Sender<Event>) -> Response<Body> {
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

pub fn app(upstream: Uri, log: Sender<Event>) -> Router {
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let events = async move || -> Result<_, StatusCode> {
        let response = client.get(upstream).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        match response.status() {
            StatusCode::OK => Ok(logged(response, log)),
            _ => Err(StatusCode::BAD_GATEWAY),
        }
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
