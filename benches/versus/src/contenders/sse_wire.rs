//! This crate.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures::Stream;
use sse_wire::{Decoder, Event, EventReader, EventRef, EventStream, Parser};

use super::{
    Contender, Glance, League, Pushed, Seen, Sink, Streamed, check_pushed, check_streamed,
    pushed_fleet, streamed_fleet, time_pushed, time_streamed,
};
use crate::{input::Chunks, measure::Stopwatch, reference::Summary};

impl Seen for EventRef<'_> {
    #[inline]
    fn event_type(&self) -> &str {
        self.event_type()
    }

    #[inline]
    fn data(&self) -> &str {
        self.data()
    }

    #[inline]
    fn id(&self) -> &str {
        self.last_event_id()
    }
}

impl Seen for Event {
    #[inline]
    fn event_type(&self) -> &str {
        self.event_type()
    }

    #[inline]
    fn data(&self) -> &str {
        self.data()
    }

    #[inline]
    fn id(&self) -> &str {
        self.last_event_id()
    }
}

impl Pushed for Parser {
    fn new() -> Self {
        Self::new()
    }

    #[inline]
    fn push(&mut self, chunk: &[u8], sink: &mut impl Sink) {
        let mut feed = self.feed(chunk);
        while let Some(event) = feed.next_event().expect("a valid stream") {
            sink.see(&event);
        }
    }
}

pub(super) fn lent() -> Contender {
    Contender {
        package: "sse-wire",
        api: "Parser",
        league: League::OwnLent,
        how: "`feed(&[u8])`, then `next_event` until `None`: lent events",
        time: time_pushed::<Parser>,
        check: check_pushed::<Parser>,
        fleet: Some(pushed_fleet::<Parser>),
        size: size_of::<Parser>(),
    }
}

pub(super) fn pushed() -> Contender {
    Contender {
        package: "sse-wire",
        api: "Decoder",
        league: League::OwnPushed,
        how: "`push(Bytes)`, then `next_event` until `None`: owned events, slices of the chunks",
        time: |chunks| {
            let chunks = chunks.shared();
            let (mut decoder, mut glance) = (Decoder::new(), Glance::default());
            let watch = Stopwatch::start();
            chunks.into_iter().for_each(|chunk| decode(&mut decoder, chunk, &mut glance));
            (watch.stop(), glance)
        },
        check: |chunks| {
            let (mut decoder, mut summary) = (Decoder::new(), Summary::default());
            let chunks = chunks.shared().into_iter();
            chunks.for_each(|chunk| decode(&mut decoder, chunk, &mut summary));
            summary
        },
        fleet: None,
        size: size_of::<Decoder>(),
    }
}

#[inline]
fn decode(decoder: &mut Decoder, chunk: Bytes, sink: &mut impl Sink) {
    decoder.push(chunk);
    while let Some(event) = decoder.next_event().expect("a valid stream") {
        sink.see(&event);
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
        package: "sse-wire",
        api: "EventStream",
        league: League::OwnStream,
        how: "over a stream of `Bytes`, polled: owned events, slices of the chunks",
        time: time_streamed::<Streams>,
        check: check_streamed::<Streams>,
        fleet: Some(|parsers| streamed_fleet(parsers, EventStream::new)),
        size: size_of::<EventStream<()>>(),
    }
}

pub(super) fn reader() -> Contender {
    Contender {
        package: "sse-wire",
        api: "EventReader",
        league: League::OwnReader,
        how: "over a `&[u8]`, `next_event` until `None`: lent events, in reads of its own size",
        time: time_reader,
        check: check_reader,
        fleet: None,
        size: size_of::<EventReader<&[u8]>>(),
    }
}

fn time_reader(chunks: &Chunks) -> (Duration, Glance) {
    let bytes = chunks.slices().concat();
    let mut reader = EventReader::new(&bytes[..]);
    let mut glance = Glance::default();
    let watch = Stopwatch::start();
    while let Some(event) = reader.next_event().expect("a valid stream") {
        glance.see(&event);
    }
    (watch.stop(), glance)
}

fn check_reader(chunks: &Chunks) -> Summary {
    let bytes = chunks.slices().concat();
    let mut reader = EventReader::new(&bytes[..]);
    let mut summary = Summary::default();
    while let Some(event) = reader.next_event().expect("a valid stream") {
        summary.see(&event);
    }
    summary
}
