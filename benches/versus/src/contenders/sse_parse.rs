//! sse-parse.

use std::convert::Infallible;

use futures::Stream;
use sse_parse::{Event, EventStream, SseParser};

use super::{
    Contender, League, Pushed, Seen, Sink, Streamed, check_pushed, check_streamed, pushed_fleet,
    streamed_fleet, time_pushed, time_streamed,
};
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

impl Pushed for SseParser {
    fn new() -> Self {
        Self::new()
    }

    #[inline]
    fn push(&mut self, chunk: &[u8], sink: &mut impl Sink) {
        self.feed(chunk);
        while let Some(event) = self.next_event() {
            sink.see(&event);
        }
    }
}

pub(super) fn pushed() -> Contender {
    Contender {
        package: "sse-parse",
        api: "SseParser",
        league: League::PeerPushed,
        how: "`feed(&[u8])`, then `next_event` until `None`: owned events",
        time: time_pushed::<SseParser>,
        check: check_pushed::<SseParser>,
        fleet: Some(pushed_fleet::<SseParser>),
        size: size_of::<SseParser>(),
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
        EventStream::new(chunks)
    }
}

pub(super) fn stream() -> Contender {
    Contender {
        package: "sse-parse",
        api: "EventStream",
        league: League::PeerStream,
        how: "over a stream of `&[u8]`, polled: owned events",
        time: time_streamed::<Streams>,
        check: check_streamed::<Streams>,
        fleet: Some(|parsers| streamed_fleet(parsers, EventStream::new)),
        size: size_of::<EventStream<()>>(),
    }
}
