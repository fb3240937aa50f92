// futures-util = "0.3"
// sse-wire = { version = "0.1", features = ["http"] }
// tokio = { version = "1", features = ["sync"] }
// tokio-stream = { version = "0.1", features = ["sync"] }
use futures_util::StreamExt;
use sse_wire::{
    Encoded, Event,
    http::{EventBody, Source},
};
use tokio::sync::broadcast::Sender;
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
