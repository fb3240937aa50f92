//! What compression in the middle does to a stream of events: by default nothing, and if
//! it is forced, each event still arrives before the next is sent.

mod common;

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use axum::{Router, routing::get};
use common::{chunk, event, get_http1, request, serve_app, within};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::{Response, body::Incoming};
use sse_wire::{Event, http::EventBody};
use tokio::sync::mpsc;
use tower_http::compression::CompressionLayer;

type Sender = mpsc::UnboundedSender<Event>;

/// A server with a layer around it, and what it sends to its one client.
async fn open(layered: impl FnOnce(Router) -> Router) -> (Sender, Response<Incoming>) {
    let (sender, receiver) = mpsc::unbounded_channel::<Event>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let handler = move || {
        let receiver = receiver.lock().unwrap().take().expect("one request");
        let events =
            stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        let response = EventBody::new(events).into_response();
        async { response }
    };
    let address = serve_app(layered(Router::new().route("/events", get(handler)))).await;
    let mut request = request("/events", None);
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    (sender, get_http1(address, request).await)
}

#[tokio::test]
async fn the_compression_of_tower_http_leaves_a_stream_of_events_as_it_is() {
    let (sender, response) = open(|app| app.layer(CompressionLayer::new())).await;
    assert!(!response.headers().contains_key("content-encoding"));
    let mut body = response.into_body();
    for data in ["a".repeat(1000), "b".into()] {
        sender.send(event(&data)).unwrap();
        assert_eq!(chunk(&mut body).await, Some(format!("data: {data}\n\n")));
    }
}

#[tokio::test]
async fn compression_that_is_forced_delivers_each_event_at_once() {
    let force = |_: _, _: _, _: &_, _: &_| true;
    let (sender, response) =
        open(|app| app.layer(CompressionLayer::new().compress_when(force))).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let mut body = response.into_body();
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    for data in ["a", "b", "c"] {
        sender.send(event(data)).unwrap();
        let expected = format!("data: {data}\n\n");
        while decoder.get_ref() != expected.as_bytes() {
            let frame = within(body.frame()).await.unwrap().unwrap();
            decoder.write_all(&frame.into_data().unwrap()).unwrap();
            decoder.flush().unwrap();
        }
        decoder.get_mut().clear();
    }
    drop(sender);
    while let Some(frame) = within(body.frame()).await {
        decoder.write_all(&frame.unwrap().into_data().unwrap()).unwrap();
    }
    assert_eq!(decoder.finish().unwrap(), b"");
}
