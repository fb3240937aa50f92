//! sseer. What is public below its stream reads lines, not events.

use std::convert::Infallible;

use bytes::Bytes;
use futures::Stream;
use sseer::{event::Event, event_stream::EventStream};

use super::{Contender, League, Seen, Streamed, check_streamed, streamed_fleet, time_streamed};
use crate::input::Chunks;

impl Seen for Event {
    #[inline]
    fn event_type(&self) -> &str {
        &self.event
    }

    #[inline]
    fn data(&self) -> &str {
        &self.data
    }

    #[inline]
    fn id(&self) -> &str {
        &self.id
    }
}

struct Streams;

impl<'a> Streamed<'a> for Streams {
    type Chunk = Bytes;

    fn chunks(chunks: &'a Chunks) -> Vec<Bytes> {
        chunks.shared()
    }

    fn events(
        chunks: impl Stream<Item = Result<Bytes, Infallible>> + 'a,
    ) -> impl Stream<Item: Seen> + 'a {
        EventStream::new(chunks)
    }
}

pub(super) fn stream() -> Contender {
    Contender {
        package: "sseer",
        api: "EventStream",
        league: League::PeerStream,
        how: "over a stream of `Bytes`, polled: owned events, slices of the chunks",
        time: time_streamed::<Streams>,
        check: check_streamed::<Streams>,
        fleet: Some(|parsers| streamed_fleet(parsers, EventStream::new)),
        size: size_of::<EventStream<()>>(),
    }
}
