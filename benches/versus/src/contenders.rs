//! Who takes part, and how each is driven: the same way for all that have the
//! same kind of interface.
//!
//! There are two kinds: *pushed* parsers, which are given one chunk after the
//! other, and *streams* over a stream of chunks. Each file of `contenders` has
//! a few lines of glue for one crate, by which its events can be seen, and the
//! loops around them are here.
//!
//! When changing this file: whatever is timed must be the same for all.

mod eventsource;
mod finesse;
mod floor;
mod rig;
mod russe;
mod sse_core;
mod sse_parse;
mod sse_stream;
mod sse_wire;
mod sseer;

use std::{
    cell::Cell,
    convert::Infallible,
    fmt::Debug,
    hint::black_box,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, stream};

use crate::{
    input::Chunks,
    measure::Stopwatch,
    reference::{Summary, last_byte},
};

/// One way to use one crate.
pub struct Contender {
    /// As on crates.io.
    pub package: &'static str,
    /// The type that parses.
    pub api: &'static str,
    pub league: League,
    /// What it is given, and what it gives.
    pub how: &'static str,
    /// Reads a stream; the time it took, without preparations, and what a timed
    /// run can afford to look at.
    pub time: fn(&Chunks) -> (Duration, Glance),
    /// Reads a stream and looks at everything.
    pub check: fn(&Chunks) -> Summary,
    /// Creates so many parsers, which read in turns. `None` for those that do
    /// not take chunks.
    pub fleet: Option<fn(usize) -> Box<dyn Fleet>>,
    /// Of the parser or stream itself, in bytes.
    pub size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum League {
    /// This crate's lent events.
    OwnLent,
    /// This crate's owned events, of chunks that are pushed.
    OwnPushed,
    /// This crate's stream of events.
    OwnStream,
    /// This crate's blocking reader; it reads as much at a time as it wants.
    OwnReader,
    PeerPushed,
    PeerStream,
    /// No parser: the least that any of them has to do.
    Floor,
}

impl Contender {
    pub fn name(&self) -> String {
        format!("{} {}", self.package, self.api)
    }

    pub fn is_peer(&self) -> bool {
        matches!(self.league, League::PeerPushed | League::PeerStream)
    }

    pub fn is_floor(&self) -> bool {
        self.league == League::Floor
    }

    /// Whether the result is that of the reference; a panic is not.
    pub fn is_right(&self, chunks: &Chunks, expected: Summary) -> bool {
        std::panic::catch_unwind(|| (self.check)(chunks)).is_ok_and(|found| found == expected)
    }
}

pub fn all() -> Vec<Contender> {
    vec![
        sse_wire::lent(),
        sse_wire::pushed(),
        sse_wire::stream(),
        sse_wire::reader(),
        sse_core::pushed(),
        sse_core::stream(),
        sse_stream::stream(),
        sseer::stream(),
        sse_parse::pushed(),
        sse_parse::stream(),
        russe::pushed(),
        finesse::pushed(),
        rig::pushed(),
        eventsource::second(),
        eventsource::first(),
        floor::pushed(),
    ]
}

/// An event, lent or owned, in its crate's own type.
pub trait Seen {
    fn event_type(&self) -> &str;
    fn data(&self) -> &str;
    fn id(&self) -> &str;
}

/// The item of a stream that has no errors.
impl<T: Seen, E: Debug> Seen for Result<T, E> {
    #[inline]
    fn event_type(&self) -> &str {
        self.as_ref().expect("a valid stream").event_type()
    }

    #[inline]
    fn data(&self) -> &str {
        self.as_ref().expect("a valid stream").data()
    }

    #[inline]
    fn id(&self) -> &str {
        self.as_ref().expect("a valid stream").id()
    }
}

/// Looks at events.
pub trait Sink {
    fn see(&mut self, event: &impl Seen);
}

impl Sink for Summary {
    fn see(&mut self, event: &impl Seen) {
        self.add(event.event_type(), event.data(), event.id());
    }
}

/// What a timed run looks at, the same for all: the event has to be there in full,
/// and the length and the last byte of its data are read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Glance {
    pub events: usize,
    pub length: usize,
    pub last_bytes: u64,
}

impl Sink for Glance {
    #[inline]
    fn see(&mut self, event: &impl Seen) {
        let data = black_box(event).data();
        self.events += 1;
        self.length += data.len();
        self.last_bytes += last_byte(data);
    }
}

impl From<Summary> for Glance {
    fn from(summary: Summary) -> Self {
        let Summary { events, length, last_bytes, .. } = summary;
        Self { events, length, last_bytes }
    }
}

/// A parser that is given one chunk after the other.
trait Pushed {
    fn new() -> Self;

    /// Shows all events that this chunk completes.
    fn push(&mut self, chunk: &[u8], sink: &mut impl Sink);
}

/// A stream of events over a stream of chunks.
trait Streamed<'a> {
    /// What of all that it takes costs it the least.
    type Chunk: 'a;

    fn chunks(chunks: &'a Chunks) -> Vec<Self::Chunk>;

    fn events(
        chunks: impl Stream<Item = Result<Self::Chunk, Infallible>> + 'a,
    ) -> impl Stream<Item: Seen> + 'a;
}

fn time_pushed<P: Pushed>(chunks: &Chunks) -> (Duration, Glance) {
    let slices = chunks.slices();
    let mut parser = P::new();
    let mut glance = Glance::default();
    let watch = Stopwatch::start();
    for chunk in &slices {
        parser.push(chunk, &mut glance);
    }
    (watch.stop(), glance)
}

fn check_pushed<P: Pushed>(chunks: &Chunks) -> Summary {
    let mut parser = P::new();
    let mut summary = Summary::default();
    for chunk in chunks.slices() {
        parser.push(chunk, &mut summary);
    }
    summary
}

fn time_streamed<P: for<'a> Streamed<'a>>(chunks: &Chunks) -> (Duration, Glance) {
    let chunks = stream::iter(P::chunks(chunks).into_iter().map(Ok));
    let mut events = pin!(P::events(chunks));
    let mut glance = Glance::default();
    let watch = Stopwatch::start();
    poll_all(events.as_mut(), &mut glance);
    (watch.stop(), glance)
}

fn check_streamed<P: for<'a> Streamed<'a>>(chunks: &Chunks) -> Summary {
    let chunks = stream::iter(P::chunks(chunks).into_iter().map(Ok));
    let mut summary = Summary::default();
    poll_all(pin!(P::events(chunks)), &mut summary);
    summary
}

/// Polls to the end, or until there are no more chunks yet.
#[inline]
fn poll_all<S: Stream<Item: Seen>>(mut events: Pin<&mut S>, sink: &mut impl Sink) {
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(event)) = events.as_mut().poll_next(&mut context) {
        sink.see(&event);
    }
}

/// Many parsers, as in a gateway, each for a connection of its own.
pub trait Fleet {
    /// Each gets the next chunk, one after the other.
    fn push(&mut self, chunk: &Bytes) -> Glance;
}

struct PushedFleet<P>(Vec<P>);

impl<P: Pushed> Fleet for PushedFleet<P> {
    fn push(&mut self, chunk: &Bytes) -> Glance {
        let mut glance = Glance::default();
        for parser in &mut self.0 {
            parser.push(chunk, &mut glance);
        }
        glance
    }
}

fn pushed_fleet<P: Pushed + 'static>(parsers: usize) -> Box<dyn Fleet> {
    Box::new(PushedFleet((0..parsers).map(|_| P::new()).collect::<Vec<P>>()))
}

/// Of a stream, whose type has no name, and the chunk that is about to be read.
struct StreamedFleet<S> {
    streams: Vec<S>,
    next_chunk: Rc<Cell<Option<Bytes>>>,
}

impl<S: Stream<Item: Seen>> Fleet for StreamedFleet<Pin<Box<S>>> {
    fn push(&mut self, chunk: &Bytes) -> Glance {
        let mut glance = Glance::default();
        for events in &mut self.streams {
            self.next_chunk.set(Some(chunk.clone()));
            poll_all(events.as_mut(), &mut glance);
        }
        glance
    }
}

/// A body that is read: one chunk is there, or none yet.
struct Body(Rc<Cell<Option<Bytes>>>);

impl Stream for Body {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.take().map_or(Poll::Pending, |chunk| Poll::Ready(Some(Ok(chunk))))
    }
}

fn streamed_fleet<S: Stream<Item: Seen> + 'static>(
    parsers: usize,
    events: impl Fn(Body) -> S,
) -> Box<dyn Fleet> {
    let next_chunk = Rc::new(Cell::new(None));
    let streams = (0..parsers).map(|_| Box::pin(events(Body(Rc::clone(&next_chunk))))).collect();
    Box::new(StreamedFleet { streams, next_chunk })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{SEGMENT, corpora};

    /// Optimised or not. The program itself does this in each cell.
    #[test]
    fn all_read_what_the_reference_reads() {
        let corpus = &corpora()[0];
        let chunks = Chunks::new(&corpus.bytes, SEGMENT);
        for contender in all().iter().filter(|contender| !contender.is_floor()) {
            assert!(contender.is_right(&chunks, corpus.expected), "{}", contender.name());
        }
    }
}
