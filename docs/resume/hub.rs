// # cargo run -p examples --bin resume   # and then the `curl` that it prints
// [dependencies]
// axum = "0.8"
// futures-util = "0.3"
// sse-wire = { version = "0.1", features = ["http", "tokio"] }
// tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "sync", "time"] }
// tokio-stream = { version = "0.1", features = ["sync"] }
use std::{
    env, io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::get,
};
use futures_util::{StreamExt, stream};
use sse_wire::{
    After, EncodeError, Encoded, Event, Item, Replay,
    http::{EventBody, KeepAlive, Source, last_event_id, last_event_id_in_query},
};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_stream::wrappers::BroadcastStream;

/// The last events, and all who wait for the next.
pub struct Hub {
    log: Mutex<Replay>,
    clients: broadcast::Sender<Encoded>,
}

impl Hub {
    pub fn new(log: Replay) -> Self {
        Self { log: Mutex::new(log), clients: broadcast::Sender::new(256) }
    }

    pub fn publish(&self, event: Event) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that all get the events in the order of their IDs. An error
        // says that there are no clients.
        _ = self.clients.send(log.publish(event));
    }

    /// What a client has missed, and then what comes.
    pub fn subscribe(
        &self,
        last: Option<&str>,
    ) -> Result<EventBody<impl Source + use<>>, EncodeError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, too: what is not in the log by now will come.
        let live = BroadcastStream::new(self.clients.subscribe());
        // Tells a client where it is, without an event.
        let here = Encoded::try_from(&Item::LastEventId(log.last_id().to_string()))?;
        let mut first = Vec::new();
        match last.map(|id| log.after(id)) {
            // A new client: where it begins.
            None => first.push(here),
            Some(After::Events(missed)) => first.extend(missed),
            // It has to load its state anew, and then continues with what there is. That
            // may be nothing: without an ID it would have the same gap the next time.
            Some(After::Gap(gap)) => {
                let told = Event::builder().event_type("gap").data(gap.to_string()).build()?;
                first.push(told.into());
                first.extend(log.events());
                first.push(here);
            }
        }
        Ok(EventBody::try_new(stream::iter(first).map(Ok).chain(live)))
    }
}

pub fn app(hub: Arc<Hub>) -> Router {
    Router::new().route("/events", get(events)).with_state(hub)
}

async fn events(
    State(hub): State<Arc<Hub>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<impl IntoResponse, StatusCode> {
    let query = query.unwrap_or_default();
    let in_query =
        last_event_id_in_query(&query, "lastEventId").map_err(|_| StatusCode::BAD_REQUEST)?;
    let in_header = last_event_id(&headers).map_err(|_| StatusCode::BAD_REQUEST)?;
    let last = in_header.or(in_query.as_deref());
    let body = hub.subscribe(last).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(body.keep_alive(KeepAlive::tokio(Duration::from_secs(15)).at_once()).into_response())
}

#[tokio::main]
async fn main() -> io::Result<()> {
    // In nanoseconds, so that no two starts have the same.
    let start = SystemTime::UNIX_EPOCH.elapsed().map_err(io::Error::other)?.as_nanos();
    let epoch = u64::try_from(start).map_err(io::Error::other)?;
    let hub = Arc::new(Hub::new(Replay::new(epoch)));
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("curl -N http://{}/events", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, app(Arc::clone(&hub))).into_future());
    for n in 0_u64.. {
        hub.publish(Event::new(n.to_string()));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
