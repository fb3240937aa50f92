// [dependencies]
// futures-util = "0.3"
// http-body-util = "0.1"
// hyper = "1"
// hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }
// sse-wire = "0.1"
// tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
use std::error::Error;

use futures_util::TryStreamExt;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sse_wire::{Ending, Event, EventStream, Parser};

pub async fn read_events(
    client: &Client<HttpConnector, Full<Bytes>>,
    url: &str,
    json: String,
    mut on_event: impl FnMut(Event),
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/event-stream")
        .body(json.into())?;
    let response = client.request(request).await?;
    if !response.status().is_success() {
        return Err(format!("the server answered {}", response.status()).into());
    }

    let parser = Parser::builder().max_event_size(1024 * 1024).build();
    let mut events = EventStream::with_parser(response.into_body().into_data_stream(), parser);
    while let Some(event) = events.try_next().await? {
        on_event(event);
    }
    match events.ending() {
        Some(Ending::Complete) => Ok(()),
        _ => Err("the stream was cut within an event".into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let json = r#"{"stream": true}"#.to_owned();
    let print = |event: Event| println!("{}", event.data());
    read_events(&client, "http://127.0.0.1:3000/answer", json, print).await
}
