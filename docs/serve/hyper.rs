// # cargo run -p examples --bin hyper_server   # and then the `curl` that it prints
// [dependencies]
// futures-util = "0.3"
// hyper = { version = "1", features = ["http1", "http2", "server"] }
// hyper-util = { version = "0.1", features = ["http1", "http2", "server-auto", "server-graceful", "tokio"] }
// sse-wire = { version = "0.1", features = ["http"] }
// tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "signal", "time"] }
// tokio-util = "0.7"
use std::{convert::Infallible, env, io, time::Duration};

use futures_util::stream;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use sse_wire::{
    Encoded, Event,
    http::{EventBody, KeepAlive, Source, last_event_id},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Counts for each client until the server stops, over HTTP/1.1 and HTTP/2.
pub async fn serve(listener: TcpListener, stop: CancellationToken) {
    let server = Builder::new(TokioExecutor::new());
    let connections = GracefulShutdown::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let socket = match accepted {
            Ok((socket, _)) => socket,
            // A client that has gone already, or too many open files: neither lasts.
            Err(error) => {
                eprintln!("{error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let stop = stop.clone();
        let service = service_fn(move |request| {
            let response = count(&request, stop.clone());
            async { Ok::<_, Infallible>(response) }
        });
        let connection = server.serve_connection(TokioIo::new(socket), service);
        let connection = connections.watch(connection.into_owned());
        // An error of one connection: its client is gone.
        tokio::spawn(async { _ = connection.await });
    }
    // Until all bodies have ended, but not for ever: one that a client does not read waits for
    // that client, and not for the signal.
    _ = tokio::time::timeout(Duration::from_secs(5), connections.shutdown()).await;
}

fn count(
    request: &Request<Incoming>,
    stop: CancellationToken,
) -> Response<EventBody<impl Source + use<>>> {
    let last = last_event_id(request.headers()).ok().flatten();
    let start = last.and_then(|id| id.parse::<u32>().ok()).map_or(0, |id| id.saturating_add(1));
    let events = stream::unfold(start, async |n| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let event = Event::builder().id(n.to_string()).data(n.to_string()).build();
        Some((event, n.saturating_add(1)))
    });
    // Any function that sleeps will do.
    let keep_alive = KeepAlive::after(Duration::from_secs(15), tokio::time::sleep);
    // Clients come back between one second and two later, and not all at once.
    let pause = Duration::from_millis(1000 + u64::from(start.wrapping_mul(7919) % 1000));
    let last_words = Encoded::retry(pause).expect("whole milliseconds");
    EventBody::try_new(events)
        .keep_alive(keep_alive)
        .shutdown(stop.cancelled_owned(), last_words)
        .into_response()
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let stop = CancellationToken::new();
    let address = env::args().nth(1).unwrap_or("127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("curl -N http://{}/events", listener.local_addr()?);
    let server = tokio::spawn(serve(listener, stop.clone()));
    tokio::signal::ctrl_c().await?;
    stop.cancel();
    server.await?;
    Ok(())
}
