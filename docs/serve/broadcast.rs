// [dependencies]
// axum = "0.8"
// futures-util = "0.3"
// sse-wire = { version = "0.1", features = ["http"] }
// tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "sync", "time"] }
// tokio-stream = { version = "0.1", features = ["sync"] }
use std::{io, time::Duration};

use axum::{Router, routing::get};
use futures_util::StreamExt;
use sse_wire::{
    Encoded, Event,
    http::{EventBody, Source},
};
use tokio::{net::TcpListener, sync::broadcast::Sender};
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

/// Encodes once, however many clients there are. Does not wait for any of them.
pub fn send_to_all(clients: &Sender<Encoded>, event: &Event) {
    // An error says that there are no clients.
    _ = clients.send(Encoded::from(event));
}

/// Cuts a client off that is too slow: it reconnects, and says what it has.
pub fn cut_off_if_slow(clients: &Sender<Encoded>) -> EventBody<impl Source + use<>> {
    // The error, `Lagged`, is that of the body.
    EventBody::try_new(BroadcastStream::new(clients.subscribe()))
}

/// Tells a client that is too slow how many events it has missed.
pub fn tell_if_slow(clients: &Sender<Encoded>) -> EventBody<impl Source + use<>> {
    EventBody::try_new(BroadcastStream::new(clients.subscribe()).map(|next| match next {
        Err(BroadcastStreamRecvError::Lagged(events)) => {
            let missed = Event::builder().event_type("missed").data(events.to_string());
            missed.build().map(Encoded::from)
        }
        Ok(event) => Ok(event),
    }))
}

pub fn app(clients: &Sender<Encoded>) -> Router {
    let [strict, lenient] = [clients.clone(), clients.clone()];
    Router::new()
        .route("/all", get(async move || cut_off_if_slow(&strict).into_response()))
        .route("/latest", get(async move || tell_if_slow(&lenient).into_response()))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let clients = Sender::new(256);
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    tokio::spawn(axum::serve(listener, app(&clients)).into_future());
    for n in 0_u64.. {
        send_to_all(&clients, &Event::new(n.to_string()));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
