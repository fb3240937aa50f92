//! sse-stream. Its parser is not public without the stream.

use std::convert::Infallible;

use futures::Stream;
use sse_stream::{Sse, SseByteStream};

use super::{Contender, League, Seen, Streamed, check_streamed, streamed_fleet, time_streamed};
use crate::input::Chunks;

impl Seen for Sse {
    #[inline]
    fn event_type(&self) -> &str {
        self.event.as_deref().unwrap_or("")
    }

    #[inline]
    fn data(&self) -> &str {
        self.data.as_deref().unwrap_or("")
    }

    #[inline]
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or("")
    }
}

struct Streams;

impl<'a> Streamed<'a> for Streams {
    type Chunk = &'a [u8];

    fn chunks(chunks: &'a Chunks) -> Vec<&'a [u8]> {
        chunks.slices()
    }

    fn events(
        chunks: impl Stream<Item = Result<&'a [u8], Infallible>> + 'a,
    ) -> impl Stream<Item: Seen> + 'a {
        SseByteStream::new(chunks)
    }
}

pub(super) fn stream() -> Contender {
    Contender {
        package: "sse-stream",
        api: "SseByteStream",
        league: League::PeerStream,
        how: "over a stream of `&[u8]`, polled: owned events; no other interface is public",
        time: time_streamed::<Streams>,
        check: check_streamed::<Streams>,
        fleet: Some(|parsers| streamed_fleet(parsers, SseByteStream::new)),
        size: size_of::<SseByteStream<futures::stream::Empty<Result<&[u8], Infallible>>>>(),
    }
}
