// [dependencies]
// futures-util = "0.3"
// http-body-util = "0.1"
// hyper = "1"
// hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }
// sse-wire = { version = "0.1", features = ["client"] }
// tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sse_wire::{Connect, EventSource, EventSourceBuilder, Signal, Sleep};

// The errors of a connection and of a body have different types.
type Error = Box<dyn std::error::Error + Send + Sync>;

pub fn source(
    builder: EventSourceBuilder,
    client: Client<HttpConnector, Full<Bytes>>,
) -> EventSource<impl Connect<Error = Error, Body: Send, Future: Send>, impl Sleep<Future: Send>> {
    let connect = move |request: Request<_>| {
        let response = client.request(request.map(Full::new));
        async { Ok(response.await?) }
    };
    builder.build(connect, tokio::time::sleep)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let request = Request::get("http://127.0.0.1:3000/events").body("")?;
    let builder = EventSourceBuilder::new(request).idle_timeout(Duration::from_secs(45));
    let mut source = source(builder, Client::builder(TokioExecutor::new()).build_http());
    while let Some(signal) = source.next().await {
        match signal {
            Signal::Event(event) => println!("{}", event.data()),
            // With `?`, because the text of an error does not repeat what has caused it.
            Signal::Disconnected { why, wait } => eprintln!("{why:?}; again after {wait:?}"),
            _ => {}
        }
    }
    Ok(())
}
