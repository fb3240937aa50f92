//! The tiers as callers may drive them: chunks that arrive before the last one
//! was read, items taken in one way and another, a tier taken apart in between,
//! and used again after an end.

use std::{
    io::{self, ErrorKind},
    iter,
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use sse_wire::{
    Decoder, Ending, EventReader, EventRef, EventStream, Item, ParseError, Parser, StreamError,
};

use super::{
    Record, Recorded, Tier,
    connection::{Arrival, Connection},
};

/// What a caller may do between two chunks.
#[derive(Clone, Copy, Debug)]
pub enum Move {
    /// Takes up to so many, but does not wait.
    Take(Way, usize),
    /// What a reader is told after the last chunk; a stream is pending.
    Pause(ErrorKind),
    /// Takes the tier apart, and makes another one of the parts.
    Rebuild,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Item,
    Event,
    /// Owned events, as adapters of the tier yield them.
    Owned,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Item, Self::Event, Self::Owned];
}

pub type Taken = Result<Item, ParseError>;

/// A tier with an open connection.
pub trait Driven {
    fn arrive(&mut self, chunk: Bytes);

    fn pause(&mut self, kind: ErrorKind);

    fn take(&mut self, way: Way, count: usize) -> Vec<Taken>;

    fn rebuild(self: Box<Self>) -> Box<dyn Driven>;

    /// Ends the connection. What has arrived and was not taken is returned by the
    /// tiers that read for themselves, and lost by the others.
    fn finish(&mut self) -> Vec<Taken>;

    /// Breaks the connection.
    fn reset(&mut self);

    /// Opens the next connection, after an end.
    fn reopen(self: Box<Self>) -> Box<dyn Driven>;

    /// The last event ID and the reconnection time.
    fn kept(&self) -> (String, Option<Duration>);
}

impl Tier {
    pub fn drive(self, parser: Parser) -> Box<dyn Driven> {
        match self {
            Self::Parser => Box::new(Feeding { parser, unread: Vec::new() }),
            Self::Decoder => Box::new(Decoder::with_parser(parser)),
            Self::EventStream => Connected::<EventStream<_>>::open(Connection::default(), parser),
            Self::EventReader => Connected::<EventReader<_>>::open(Connection::default(), parser),
        }
    }

    /// Runs the chunks through this tier, with some moves after each, which
    /// repeat; then takes the rest, and ends the stream.
    pub fn play(self, parser: Parser, chunks: &[&[u8]], moves: &[Vec<Move>]) -> Record {
        play_to_end(self.drive(parser), chunks, moves)
    }
}

/// As [`Tier::play`].
pub fn play_to_end(tier: Box<dyn Driven>, chunks: &[&[u8]], moves: &[Vec<Move>]) -> Record {
    let (mut tier, mut items) = play(tier, chunks, moves);
    items.extend(tier.take(Way::Item, usize::MAX));
    items.extend(tier.finish());
    assert_eq!(tier.take(Way::Item, 1), [], "after the end");
    let (last_event_id, retry) = tier.kept();
    // Owned items are kept to the end, so that one that is overwritten shows.
    Record { items: items.into_iter().map(Recorded::from).collect(), last_event_id, retry }
}

/// Plays up to the last chunk, and returns the tier and what was taken.
pub fn play(
    mut tier: Box<dyn Driven>,
    chunks: &[&[u8]],
    moves: &[Vec<Move>],
) -> (Box<dyn Driven>, Vec<Taken>) {
    let mut items = Vec::new();
    let mut moves = moves.iter().cycle();
    for chunk in chunks {
        tier.arrive(Bytes::copy_from_slice(chunk));
        for step in moves.next().into_iter().flatten() {
            match *step {
                Move::Take(way, count) => items.extend(tier.take(way, count)),
                Move::Pause(kind) => tier.pause(kind),
                Move::Rebuild => tier = tier.rebuild(),
            }
        }
    }
    (tier, items)
}

/// A parser that is fed anew each time, with what the last feed has left.
struct Feeding {
    parser: Parser,
    unread: Vec<u8>,
}

impl Driven for Feeding {
    fn arrive(&mut self, chunk: Bytes) {
        self.unread.extend_from_slice(&chunk);
    }

    fn pause(&mut self, _: ErrorKind) {}

    fn take(&mut self, way: Way, count: usize) -> Vec<Taken> {
        let mut feed = self.parser.feed(&self.unread);
        let taken = up_to(count, || match way {
            Way::Item => Some(feed.next_item().transpose()?.map(|item| item.to_item())),
            Way::Event | Way::Owned => Some(feed.next_event().transpose()?.map(owned)),
        });
        self.unread = feed.remaining().to_vec();
        taken
    }

    fn rebuild(self: Box<Self>) -> Box<dyn Driven> {
        self
    }

    fn finish(&mut self) -> Vec<Taken> {
        self.unread.clear();
        self.parser.finish().transpose().map(|event| event.map(owned)).into_iter().collect()
    }

    fn reset(&mut self) {
        self.unread.clear();
        self.parser.reset();
    }

    fn reopen(self: Box<Self>) -> Box<dyn Driven> {
        self
    }

    fn kept(&self) -> (String, Option<Duration>) {
        (self.parser.last_event_id().to_owned(), self.parser.reconnection_time())
    }
}

impl Driven for Decoder {
    fn arrive(&mut self, chunk: Bytes) {
        self.push(chunk);
    }

    fn pause(&mut self, _: ErrorKind) {}

    fn take(&mut self, way: Way, count: usize) -> Vec<Taken> {
        up_to(count, || match way {
            Way::Item => self.next_item().transpose(),
            Way::Event => Some(self.next_event().transpose()?.map(Item::Event)),
            Way::Owned => Some(self.next_event().transpose()?.map(|event| event.detach().into())),
        })
    }

    fn rebuild(self: Box<Self>) -> Box<dyn Driven> {
        let (parser, unread) = self.into_parts();
        let mut decoder = Self::with_parser(parser);
        decoder.push(unread);
        Box::new(decoder)
    }

    fn finish(&mut self) -> Vec<Taken> {
        Self::finish(self).transpose().map(|event| event.map(Item::Event)).into_iter().collect()
    }

    fn reset(&mut self) {
        Self::reset(self);
    }

    fn reopen(self: Box<Self>) -> Box<dyn Driven> {
        self
    }

    fn kept(&self) -> (String, Option<Duration>) {
        (self.last_event_id().to_owned(), self.reconnection_time())
    }
}

/// What reads for itself, and the connection that it reads from.
struct Connected<A> {
    /// Taken out only while something is taken from it.
    adapter: Option<A>,
    connection: Connection,
}

/// What an [`EventStream`] and an [`EventReader`] have in common.
trait Adapter: Sized + 'static {
    fn with_connection(connection: Connection, parser: Parser) -> Self;

    fn take(self, way: Way, count: usize) -> (Self, Vec<Taken>);

    fn ending(&self) -> Option<Ending>;

    fn kept(&self) -> (String, Option<Duration>);

    fn into_unread(self) -> (Parser, Bytes);
}

impl<A: Adapter> Connected<A> {
    fn open(connection: Connection, parser: Parser) -> Box<dyn Driven> {
        let adapter = Some(A::with_connection(connection.clone(), parser));
        Box::new(Self { adapter, connection })
    }

    fn adapter(&self) -> &A {
        self.adapter.as_ref().expect("given back")
    }

    /// Takes what has arrived, and then the end.
    fn drain(&mut self) -> Vec<Taken> {
        let mut taken = Vec::new();
        while self.adapter().ending().is_none() {
            taken.extend(self.take(Way::Item, usize::MAX));
        }
        taken
    }
}

impl<A: Adapter> Driven for Connected<A> {
    fn arrive(&mut self, chunk: Bytes) {
        self.connection.put(Arrival::Chunk(chunk));
    }

    fn pause(&mut self, kind: ErrorKind) {
        self.connection.put(Arrival::Pause(kind));
    }

    fn take(&mut self, way: Way, count: usize) -> Vec<Taken> {
        let adapter = self.adapter.take().expect("given back");
        let (adapter, taken) = adapter.take(way, count);
        self.adapter = Some(adapter);
        taken
    }

    fn rebuild(self: Box<Self>) -> Box<dyn Driven> {
        let (parser, unread) = self.adapter.expect("given back").into_unread();
        self.connection.put_back(unread);
        Self::open(self.connection, parser)
    }

    fn finish(&mut self) -> Vec<Taken> {
        self.connection.put(Arrival::Ended);
        let taken = self.drain();
        assert_ne!(self.adapter().ending(), Some(Ending::Transport));
        taken
    }

    fn reset(&mut self) {
        self.connection.put(Arrival::Failed);
        self.drain();
        assert_eq!(self.adapter().ending(), Some(Ending::Transport));
    }

    fn reopen(self: Box<Self>) -> Box<dyn Driven> {
        let (parser, unread) = self.adapter.expect("given back").into_unread();
        assert_eq!(unread, "", "after an end");
        Self::open(Connection::default(), parser)
    }

    fn kept(&self) -> (String, Option<Duration>) {
        self.adapter().kept()
    }
}

impl Adapter for EventStream<Connection> {
    fn with_connection(connection: Connection, parser: Parser) -> Self {
        Self::with_parser(connection, parser)
    }

    fn take(mut self, way: Way, count: usize) -> (Self, Vec<Taken>) {
        match way {
            Way::Item => {
                let mut items = self.items();
                let taken = up_to(count, || poll(&mut items));
                (items.into_inner(), taken)
            }
            Way::Event => {
                let taken = up_to(count, || poll(&mut self));
                (self, taken)
            }
            Way::Owned => {
                let mut events = self.until_sentinel("\r, which is never a part of data");
                let taken = up_to(count, || poll(&mut events));
                (events.into_inner(), taken)
            }
        }
    }

    fn ending(&self) -> Option<Ending> {
        self.ending()
    }

    fn kept(&self) -> (String, Option<Duration>) {
        (self.last_event_id().to_owned(), self.reconnection_time())
    }

    fn into_unread(self) -> (Parser, Bytes) {
        let (_, parser, unread) = self.into_parts();
        (parser, unread)
    }
}

impl Adapter for EventReader<Connection> {
    fn with_connection(connection: Connection, parser: Parser) -> Self {
        Self::with_parser(connection, parser)
    }

    fn take(mut self, way: Way, count: usize) -> (Self, Vec<Taken>) {
        let taken = up_to(count, || match way {
            Way::Item => {
                let item = self.next_item().transpose()?;
                delivered(item.map(|item| item.to_item()))
            }
            Way::Event => delivered(self.next_event().transpose()?.map(owned)),
            Way::Owned => delivered(self.next()?),
        });
        (self, taken)
    }

    fn ending(&self) -> Option<Ending> {
        self.ending()
    }

    fn kept(&self) -> (String, Option<Duration>) {
        (self.last_event_id().to_owned(), self.reconnection_time())
    }

    fn into_unread(self) -> (Parser, Bytes) {
        let (_, parser, unread) = self.into_parts();
        (parser, unread.into())
    }
}

fn up_to(count: usize, next: impl FnMut() -> Option<Taken>) -> Vec<Taken> {
    iter::from_fn(next).take(count).collect()
}

fn owned(event: EventRef<'_>) -> Item {
    event.to_event().into()
}

fn poll<S, T>(stream: &mut S) -> Option<Taken>
where
    S: Stream<Item = Result<T, StreamError<io::Error>>> + Unpin,
    T: Into<Item>,
{
    delivered(stream.next().now_or_never()??)
}

/// What is not an error of the transport.
fn delivered(result: Result<impl Into<Item>, StreamError<io::Error>>) -> Option<Taken> {
    match result {
        Ok(item) => Some(Ok(item.into())),
        Err(StreamError::Parse(error)) => Some(Err(error)),
        Err(_) => None,
    }
}
