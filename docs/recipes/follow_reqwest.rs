// # cargo run -p examples --bin reqwest_client   # beside a server such as `axum_server`
// [dependencies]
// futures-util = "0.3"
// http = "1"
// reqwest = { version = "0.13", features = ["stream"] }
// sse-wire = { version = "0.1", features = ["client"] }
// tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
use std::{env, error::Error, future::Future, iter::successors, time::Duration};

use futures_util::StreamExt;
use http::{Request, Response, header};
use sse_wire::{Connect, Event, EventSource, EventSourceBuilder, Signal, Sleep, Stop};

/// For each attempt, `authorization` makes a new header, because the old one
/// may have expired.
pub fn source<F: Future<Output = header::HeaderValue> + Send>(
    builder: EventSourceBuilder,
    client: reqwest::Client,
    mut authorization: impl FnMut() -> F,
) -> EventSource<
    impl Connect<Error = reqwest::Error, Body: Send, Future: Send>,
    impl Sleep<Future: Send>,
> {
    let connect = move |mut request: Request<_>| {
        let client = client.clone();
        let authorization = authorization();
        async move {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.await);
            client.execute(request.try_into()?).await.map(Response::from)
        }
    };
    builder.build(connect, tokio::time::sleep)
}

pub async fn follow(
    mut source: EventSource<impl Connect<Error = reqwest::Error>, impl Sleep>,
    mut on_event: impl FnMut(Event),
) -> Result<(), Box<dyn Error + Send + Sync>> {
    while let Some(signal) = source.next().await {
        match signal {
            Signal::Event(event) => on_event(event),
            Signal::Disconnected { why, wait: Some(wait) } => {
                eprintln!("{}; connecting again in {wait:?}", explain(&why));
            }
            // The server has nothing more to send.
            Signal::Disconnected { .. } if source.stopped() == Some(Stop::NoContent) => {}
            Signal::Disconnected { why, .. } => return Err(why.into()),
            _ => {}
        }
    }
    Ok(())
}

/// An error with what has caused it, which its own text does not repeat.
pub fn explain(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = env::args().nth(1).unwrap_or("http://127.0.0.1:3000/events".to_owned());
    let request = Request::get(url).body("")?;
    let builder = EventSourceBuilder::new(request).idle_timeout(Duration::from_secs(45));
    let authorization = || async { header::HeaderValue::from_static("Bearer fresh") };
    let source = source(builder, reqwest::Client::new(), authorization);
    follow(source, |event| println!("{}", event.data())).await
}
