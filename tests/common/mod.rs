//! Every way into the crate, behind one signature: bytes cut into chunks in, a
//! record of the results out. Tests that run a table through all tiers use it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod connection;
pub mod driven;
pub mod reference;

use std::{
    collections::VecDeque,
    convert::Infallible,
    io::{self, Read},
    time::Duration,
};

use futures::{StreamExt, executor::block_on, stream};
use sse_wire::{
    Decoder, Event, EventReader, EventRef, EventStream, Item, ItemRef, ParseError, Parser,
    StreamError,
};

/// What a stream has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub items: Vec<Recorded>,
    pub last_event_id: String,
    pub retry: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    Event {
        event_type: String,
        data: String,
        id: Option<String>,
        last_event_id: String,
        retry: Option<Duration>,
    },
    Comment(String),
    LastEventId(String),
    Retry(Duration),
    /// An error, without the size that was known when it was found, which may
    /// depend on the chunks.
    TooLarge {
        limit: usize,
        offset: u64,
    },
    Error(ParseError),
}

impl From<EventRef<'_>> for Recorded {
    fn from(event: EventRef<'_>) -> Self {
        Self::Event {
            event_type: event.event_type().into(),
            data: event.data().into(),
            id: event.id().map(Into::into),
            last_event_id: event.last_event_id().into(),
            retry: event.retry(),
        }
    }
}

impl From<Event> for Recorded {
    fn from(event: Event) -> Self {
        let lent = event.as_event_ref();
        assert_eq!((event.event_type(), event.data()), (lent.event_type(), lent.data()));
        assert_eq!((event.id(), event.retry()), (lent.id(), lent.retry()));
        assert_eq!(event.last_event_id(), lent.last_event_id());
        lent.into()
    }
}

impl From<ItemRef<'_>> for Recorded {
    fn from(item: ItemRef<'_>) -> Self {
        match item {
            ItemRef::Event(event) => event.into(),
            ItemRef::Comment(text) => Self::Comment(text.into()),
            ItemRef::LastEventId(id) => Self::LastEventId(id.into()),
            ItemRef::Retry(time) => Self::Retry(time),
            other => panic!("an item of a new kind: {other:?}"),
        }
    }
}

impl From<Item> for Recorded {
    fn from(item: Item) -> Self {
        item.as_item_ref().into()
    }
}

impl From<ParseError> for Recorded {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::EventTooLarge { limit, offset, .. } => Self::TooLarge { limit, offset },
            error => Self::Error(error),
        }
    }
}

impl<T: Into<Self>> From<Result<T, ParseError>> for Recorded {
    fn from(item: Result<T, ParseError>) -> Self {
        item.map_or_else(Self::from, T::into)
    }
}

impl Recorded {
    /// What `next_event` returns.
    pub fn is_event_or_error(&self) -> bool {
        !matches!(self, Self::Comment(_) | Self::LastEventId(_) | Self::Retry(_))
    }
}

impl Record {
    /// `(type, data, last event ID)` of each event.
    pub fn events(&self) -> Vec<(&str, &str, &str)> {
        self.items
            .iter()
            .filter_map(|item| match item {
                Recorded::Event { event_type, data, last_event_id, .. } => {
                    Some((event_type.as_str(), data.as_str(), last_event_id.as_str()))
                }
                _ => None,
            })
            .collect()
    }

    /// What is left of it for a caller of `next_event`.
    pub fn events_and_errors(&self) -> Self {
        let items = self.items.iter().filter(|item| item.is_event_or_error()).cloned().collect();
        Self { items, last_event_id: self.last_event_id.clone(), retry: self.retry }
    }

    pub fn comments(&self) -> Vec<&str> {
        self.items
            .iter()
            .filter_map(|item| match item {
                Recorded::Comment(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    pub fn errors(&self) -> usize {
        let is_error =
            |item: &&Recorded| matches!(item, Recorded::TooLarge { .. } | Recorded::Error(_));
        self.items.iter().filter(is_error).count()
    }
}

/// One way into the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Parser,
    Decoder,
    EventStream,
    EventReader,
}

impl Tier {
    pub const ALL: [Self; 4] = [Self::Parser, Self::Decoder, Self::EventStream, Self::EventReader];

    /// Runs the chunks, and the end of the stream, through this tier.
    pub fn run(self, parser: Parser, chunks: &[&[u8]]) -> Record {
        match self {
            Self::Parser => run_parser(parser, chunks),
            Self::Decoder => run_decoder(parser, chunks),
            Self::EventStream => run_stream(parser, chunks),
            Self::EventReader => run_reader(parser, chunks),
        }
    }
}

fn run_parser(mut parser: Parser, chunks: &[&[u8]]) -> Record {
    let mut record = Record::default();
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        while let Some(item) = feed.next_item().transpose() {
            record.items.push(item.into());
        }
        assert!(feed.remaining().is_empty());
    }
    if let Some(event) = parser.finish().transpose() {
        record.items.push(event.into());
    }
    record.last_event_id = parser.last_event_id().into();
    record.retry = parser.reconnection_time();
    record
}

fn run_decoder(parser: Parser, chunks: &[&[u8]]) -> Record {
    let mut record = Record::default();
    let mut decoder = Decoder::with_parser(parser);
    // Owned items are kept to the end, so that one that is overwritten shows.
    let mut items = Vec::new();
    for chunk in chunks {
        decoder.push(chunk.to_vec().into());
        while let Some(item) = decoder.next_item().transpose() {
            items.push(item);
        }
    }
    items.extend(decoder.finish().map(|event| event.map(Item::Event)).transpose());
    record.items.extend(items.into_iter().map(Recorded::from));
    record.last_event_id = decoder.last_event_id().into();
    record.retry = decoder.reconnection_time();
    record
}

fn run_stream(parser: Parser, chunks: &[&[u8]]) -> Record {
    let mut record = Record::default();
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok::<_, Infallible>(chunk.to_vec())).collect();
    let mut items = EventStream::with_parser(stream::iter(chunks), parser).items();
    while let Some(item) = block_on(items.next()) {
        record.items.push(item.map_err(parse_error).into());
    }
    record.last_event_id = items.get_ref().last_event_id().into();
    record.retry = items.get_ref().reconnection_time();
    record
}

fn run_reader(parser: Parser, chunks: &[&[u8]]) -> Record {
    let mut record = Record::default();
    let mut reader = EventReader::with_parser(ChunkReader::new(chunks), parser);
    while let Some(item) = reader.next_item().transpose() {
        record.items.push(item.map_err(parse_error).into());
    }
    record.last_event_id = reader.last_event_id().into();
    record.retry = reader.reconnection_time();
    record
}

fn parse_error<E: std::error::Error>(error: StreamError<E>) -> ParseError {
    match error {
        StreamError::Parse(error) => error,
        error => panic!("{error}"),
    }
}

/// Reads one chunk at a time, as a socket does.
pub struct ChunkReader<'a> {
    chunks: VecDeque<&'a [u8]>,
}

impl<'a> ChunkReader<'a> {
    pub fn new(chunks: &[&'a [u8]]) -> Self {
        Self { chunks: chunks.iter().copied().filter(|chunk| !chunk.is_empty()).collect() }
    }
}

impl Read for ChunkReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(chunk) = self.chunks.front_mut() else { return Ok(0) };
        let length = chunk.read(buffer)?;
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        Ok(length)
    }
}
