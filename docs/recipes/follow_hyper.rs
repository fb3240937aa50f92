// sse-wire = { version = "0.1", features = ["client"] }
// hyper = "1"
// hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }
// http-body-util = "0.1"
// tokio = { version = "1", features = ["time"] }
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use sse_wire::{Connect, EventSource, EventSourceBuilder, Sleep};

// The errors of a connection and of a body have different types.
type Error = Box<dyn std::error::Error + Send + Sync>;

pub fn source(
    builder: EventSourceBuilder,
    client: Client<HttpConnector, Full<Bytes>>,
) -> EventSource<impl Connect<Error = Error, Body: Send, Future: Send>, impl Sleep<Future: Send>> {
    let connect = move |request: hyper::Request<_>| {
        let response = client.request(request.map(Full::new));
        async { Ok(response.await?) }
    };
    builder.build(connect, tokio::time::sleep)
}
