//! Prints the events of a server, without asynchrony: `EventReader` reads whatever is a
//! `std::io::Read`, here the body of a response of `ureq`.
//!
//! ```sh
//! cargo run -p examples --bin axum_server       # in one terminal
//! cargo run -p examples --bin blocking_reader   # in another
//! ```
//!
//! It reads one stream to its end. One that connects again is `docs/recipes/follow_ureq.rs`.

use std::{env, error::Error, io};

use sse_wire::{Ending, EventReader};

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or("http://127.0.0.1:3000/events".to_owned());
    let body = ureq::get(url).header("accept", "text/event-stream").call()?.into_body();
    // Any text parses as an event stream, usually one without events.
    if body.mime_type() != Some("text/event-stream") {
        return Err("the answer is no event stream".into());
    }
    match print(body.into_reader())? {
        Some(Ending::Complete) => Ok(()),
        _ => Err("the stream was cut within an event".into()),
    }
}

/// The same for a file, a pipe, or the output of another program.
fn print(stream: impl io::Read) -> Result<Option<Ending>, Box<dyn Error>> {
    let mut events = EventReader::new(stream);
    // Lent, not copied; to keep events, use it as an iterator.
    while let Some(event) = events.next_event()? {
        println!("{}: {}", event.event_type(), event.data());
    }
    Ok(events.ending())
}
