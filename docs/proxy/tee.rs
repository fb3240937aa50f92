// axum = "0.8"
// http-body-util = "0.1"
// sse-wire = { version = "0.1", features = ["http"] }
// tokio = { version = "1", features = ["sync"] }
use axum::{body::Body, http::Response};
use http_body_util::BodyExt;
use sse_wire::{Event, ItemRef, Tee, http::headers};
use tokio::sync::mpsc::Sender;

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
