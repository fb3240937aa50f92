// [dependencies]
// futures-util = "0.3"
// sse-wire = "0.1"
// tokio = { version = "1", features = ["io-std", "macros", "rt-multi-thread"] }
// tokio-util = { version = "0.7", features = ["io"] }
use std::{io, pin::pin};

use futures_util::TryStreamExt;
use sse_wire::{Ending, Event, EventStreamExt, StreamError};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

pub async fn read_events(
    reader: impl AsyncRead,
    mut on_event: impl FnMut(Event),
) -> Result<Option<Ending>, StreamError<io::Error>> {
    // Pinned, because not every reader is `Unpin`.
    let mut events = pin!(ReaderStream::new(reader).events());
    while let Some(event) = events.try_next().await? {
        on_event(event);
    }
    // `Cut` if the last event has no blank line after it, and was discarded.
    Ok(events.ending())
}

#[tokio::main]
async fn main() -> Result<(), StreamError<io::Error>> {
    let ending = read_events(tokio::io::stdin(), |event| println!("{}", event.data())).await?;
    println!("{ending:?}");
    Ok(())
}
