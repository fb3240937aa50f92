//! eventsource-stream, the crate that most use, and the fork that goes on with it.

use std::convert::Infallible;

use futures::Stream;

use super::{Contender, League, Seen, Streamed, check_streamed, streamed_fleet, time_streamed};
use crate::input::Chunks;

impl Seen for eventsource_stream::Event {
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

impl Seen for eventsource_stream2::Event {
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

struct First;

impl<'a> Streamed<'a> for First {
    type Chunk = &'a [u8];

    fn chunks(chunks: &'a Chunks) -> Vec<&'a [u8]> {
        chunks.slices()
    }

    fn events(
        chunks: impl Stream<Item = Result<&'a [u8], Infallible>> + 'a,
    ) -> impl Stream<Item: Seen> + 'a {
        eventsource_stream::EventStream::new(chunks)
    }
}

pub(super) fn first() -> Contender {
    Contender {
        package: "eventsource-stream",
        api: "EventStream",
        league: League::PeerStream,
        how: "over a stream of `&[u8]`, polled: owned events; no other interface is public",
        time: time_streamed::<First>,
        check: check_streamed::<First>,
        fleet: Some(|parsers| streamed_fleet(parsers, eventsource_stream::EventStream::new)),
        size: size_of::<eventsource_stream::EventStream<()>>(),
    }
}

struct Second;

impl<'a> Streamed<'a> for Second {
    type Chunk = &'a [u8];

    fn chunks(chunks: &'a Chunks) -> Vec<&'a [u8]> {
        chunks.slices()
    }

    fn events(
        chunks: impl Stream<Item = Result<&'a [u8], Infallible>> + 'a,
    ) -> impl Stream<Item: Seen> + 'a {
        eventsource_stream2::EventStream::new(chunks)
    }
}

pub(super) fn second() -> Contender {
    Contender {
        package: "eventsource-stream2",
        api: "EventStream",
        league: League::PeerStream,
        how: "over a stream of `&[u8]`, polled: owned events; no other interface is public",
        time: time_streamed::<Second>,
        check: check_streamed::<Second>,
        fleet: Some(|parsers| streamed_fleet(parsers, eventsource_stream2::EventStream::new)),
        size: size_of::<eventsource_stream2::EventStream<()>>(),
    }
}
