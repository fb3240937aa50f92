//! sse-core. Its limit is set to ours, so that the long line is not too large.

use std::{convert::Infallible, num::NonZeroUsize};

use futures::Stream;
use sse_core::{SseDecoder, SseEvent, SseStream};

use super::{
    Contender, League, Pushed, Seen, Sink, Streamed, check_pushed, check_streamed, pushed_fleet,
    streamed_fleet, time_pushed, time_streamed,
};
use crate::input::Chunks;

const LIMIT: NonZeroUsize = NonZeroUsize::new(16 << 20).expect("not zero");

impl Seen for SseEvent {
    #[inline]
    fn event_type(&self) -> &str {
        match self {
            Self::Message(event) => &event.event,
            Self::Retry(_) => "",
        }
    }

    #[inline]
    fn data(&self) -> &str {
        match self {
            Self::Message(event) => &event.data,
            Self::Retry(_) => "",
        }
    }

    #[inline]
    fn id(&self) -> &str {
        match self {
            Self::Message(event) => event.last_event_id.as_deref().unwrap_or(""),
            Self::Retry(_) => "",
        }
    }
}

impl Pushed for SseDecoder {
    fn new() -> Self {
        Self::with_limit(LIMIT)
    }

    #[inline]
    fn push(&mut self, mut chunk: &[u8], sink: &mut impl Sink) {
        while let Some(event) = self.next(&mut chunk) {
            sink.see(&event);
        }
    }
}

pub(super) fn pushed() -> Contender {
    Contender {
        package: "sse-core",
        api: "SseDecoder",
        league: League::PeerPushed,
        how: "`next(&mut &[u8])` until `None`: owned events",
        time: time_pushed::<SseDecoder>,
        check: check_pushed::<SseDecoder>,
        fleet: Some(pushed_fleet::<SseDecoder>),
        size: size_of::<SseDecoder>(),
    }
}

fn with_limit<S: futures::TryStream>(chunks: S) -> SseStream<S> {
    let mut events = SseStream::with_decoder(SseDecoder::with_limit(LIMIT));
    events.attach(chunks);
    events
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
        with_limit(chunks)
    }
}

pub(super) fn stream() -> Contender {
    Contender {
        package: "sse-core",
        api: "SseStream",
        league: League::PeerStream,
        how: "over a stream of `&[u8]`, polled: owned events",
        time: time_streamed::<Streams>,
        check: check_streamed::<Streams>,
        fleet: Some(|parsers| streamed_fleet(parsers, with_limit)),
        size: size_of::<SseStream<futures::stream::Empty<Result<&[u8], Infallible>>>>(),
    }
}
