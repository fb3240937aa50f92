// [dependencies]
// axum = "0.8"
// futures-util = "0.3"
// sse-wire = { version = "0.1", features = ["http", "tokio"] }
// tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "signal", "time"] }
// tokio-util = "0.7"
use std::{io, time::Duration};

use axum::{Router, extract::State, http::Response, routing::get};
use futures_util::stream;
use sse_wire::{
    Encoded, Event,
    http::{EventBody, KeepAlive, Source},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop` is cancelled, and until all bodies have ended after that, or 5 seconds.
pub async fn serve(listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let app = Router::new().route("/events", get(events)).with_state(stop.clone());
    let server = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    // A body that a client does not read waits for that client, and not for the signal.
    let too_long = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = too_long => Ok(()),
    }
}

async fn events(State(stop): State<CancellationToken>) -> Response<EventBody<impl Source>> {
    // Yours. This one would never end.
    let events = stream::pending::<Event>();
    let come_back_after = Encoded::retry(Duration::from_secs(2)).expect("whole milliseconds");
    EventBody::new(events)
        .keep_alive(KeepAlive::tokio(Duration::from_secs(15)).at_once())
        .shutdown(stop.cancelled_owned(), come_back_after)
        .into_response()
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let server = tokio::spawn(serve(listener, stop.clone()));
    tokio::signal::ctrl_c().await?;
    stop.cancel();
    server.await?
}
