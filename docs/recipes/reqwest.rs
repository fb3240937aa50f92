// [dependencies]
// futures-util = "0.3"
// reqwest = { version = "0.13", features = ["stream"] }
// sse-wire = "0.1"
// tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
use std::error::Error;

use futures_util::StreamExt;
use reqwest::{Client, header};
use sse_wire::{Ending, Event, EventStreamExt, StreamError};

pub async fn read_events(
    client: &Client,
    url: &str,
    json: String,
    mut on_event: impl FnMut(Event),
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let request = client
        .post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/event-stream")
        .body(json);
    let response = request.send().await?.error_for_status()?;

    let mut events = response.bytes_stream().events();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => on_event(event),
            // One block was dropped; the next event is from after it.
            Err(StreamError::Parse(error)) => eprintln!("{error}"),
            // The connection broke; nothing more will arrive.
            Err(error) => return Err(error.into()),
        }
    }
    match events.ending() {
        Some(Ending::Complete) => Ok(()),
        _ => Err("the stream was cut within an event".into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let json = r#"{"stream": true}"#.to_owned();
    let print = |event: Event| println!("{}", event.data());
    read_events(&Client::new(), "http://127.0.0.1:3000/answer", json, print).await
}
