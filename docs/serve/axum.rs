// # cargo run -p examples --bin axum_server   # and then the `curl` that it prints
// [dependencies]
// axum = "0.8"
// futures-util = "0.3"
// sse-wire = { version = "0.1", features = ["http", "tokio"] }
// tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "time"] }
use std::{env, io, time::Duration};

use axum::{Router, http::Response, routing::get};
use futures_util::stream;
use sse_wire::{
    Event,
    http::{EventBody, KeepAlive, Source},
};
use tokio::net::TcpListener;

pub fn app() -> Router {
    Router::new().route("/events", get(ticks))
}

async fn ticks() -> Response<EventBody<impl Source>> {
    let events = stream::unfold(0, async |tick| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let event = Event::builder().event_type("tick").data(tick.to_string()).build();
        Some((event, tick + 1))
    });
    EventBody::try_new(events)
        .keep_alive(KeepAlive::tokio(Duration::from_secs(15)).at_once())
        .into_response()
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("curl -N http://{}/events", listener.local_addr()?);
    axum::serve(listener, app()).await
}
