// [dependencies]
// bytes = "1"
// futures-util = { version = "0.3", features = ["io"] }
// sse-wire = "0.1"
use std::{io, pin::pin};

use bytes::Bytes;
use futures_util::{AsyncBufRead, AsyncBufReadExt, TryStreamExt, stream};
use sse_wire::{Ending, Event, EventStreamExt, StreamError};

pub async fn read_events(
    reader: impl AsyncBufRead + Unpin,
    mut on_event: impl FnMut(Event),
) -> Result<Option<Ending>, StreamError<io::Error>> {
    let chunks = stream::try_unfold(reader, |mut reader| async move {
        let chunk = Bytes::copy_from_slice(reader.fill_buf().await?);
        reader.consume_unpin(chunk.len());
        Ok::<_, io::Error>((!chunk.is_empty()).then_some((chunk, reader)))
    });
    let mut events = pin!(chunks.events());
    while let Some(event) = events.try_next().await? {
        on_event(event);
    }
    // `Cut` if the last event has no blank line after it, and was discarded.
    Ok(events.ending())
}
