//! The tiers as they wait for their next chunk, keeping nothing of what they
//! have delivered: for streams that are too long to keep, and for what is held
//! in the meantime.
#![allow(unreachable_pub, reason = "it is a part of a test binary")]

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use sse_wire::{
    Decoder, EventReader, EventStream, Item, ItemRef, Items, ParseError, Parser, StreamError,
};

use crate::common::{
    Tier,
    connection::{Arrival, Connection},
};

/// What takes each result as it is delivered.
pub type Sink<'a> = dyn FnMut(Result<ItemRef<'_>, ParseError>) + 'a;

/// A tier with an open connection.
pub trait Fed {
    /// Delivers what one more chunk completes.
    fn chunk(&mut self, chunk: &Bytes, sink: &mut Sink<'_>);

    /// Ends the stream, and delivers what that completes.
    fn end(&mut self, sink: &mut Sink<'_>);

    /// Breaks the connection.
    fn fail(&mut self);

    /// The parser, for the next connection.
    fn into_parser(self: Box<Self>) -> Parser;
}

impl Tier {
    /// Opens a connection.
    pub fn open(self, parser: Parser) -> Box<dyn Fed> {
        let connection = Connection::default();
        match self {
            Self::Parser => Box::new(parser),
            Self::Decoder => Box::new(Decoder::with_parser(parser)),
            Self::EventStream => {
                let items = EventStream::with_parser(connection.clone(), parser).items();
                Box::new(Streamed { items, connection })
            }
            Self::EventReader => Box::new(EventReader::with_parser(connection, parser)),
        }
    }
}

impl Fed for Parser {
    fn chunk(&mut self, chunk: &Bytes, sink: &mut Sink<'_>) {
        let mut feed = self.feed(chunk);
        while let Some(item) = feed.next_item().transpose() {
            sink(item);
        }
    }

    fn end(&mut self, sink: &mut Sink<'_>) {
        if let Some(event) = self.finish().transpose() {
            sink(event.map(ItemRef::Event));
        }
    }

    fn fail(&mut self) {
        self.reset();
    }

    fn into_parser(self: Box<Self>) -> Parser {
        *self
    }
}

impl Fed for Decoder {
    fn chunk(&mut self, chunk: &Bytes, sink: &mut Sink<'_>) {
        // A copy, because it is the decoder that keeps the chunk alive.
        self.push(Bytes::copy_from_slice(chunk));
        while let Some(item) = self.next_item().transpose() {
            lend(item, sink);
        }
    }

    fn end(&mut self, sink: &mut Sink<'_>) {
        if let Some(event) = self.finish().transpose() {
            lend(event.map(Item::Event), sink);
        }
    }

    fn fail(&mut self) {
        self.reset();
    }

    fn into_parser(self: Box<Self>) -> Parser {
        self.into_parts().0
    }
}

struct Streamed {
    items: Items<Connection>,
    connection: Connection,
}

impl Streamed {
    fn poll(&mut self, sink: &mut Sink<'_>) {
        while let Some(Some(item)) = self.items.next().now_or_never() {
            match item {
                Ok(item) => lend(Ok(item), sink),
                Err(StreamError::Parse(error)) => lend(Err(error), sink),
                Err(_) => {}
            }
        }
    }
}

impl Fed for Streamed {
    fn chunk(&mut self, chunk: &Bytes, sink: &mut Sink<'_>) {
        self.connection.put(Arrival::Chunk(Bytes::copy_from_slice(chunk)));
        self.poll(sink);
    }

    fn end(&mut self, sink: &mut Sink<'_>) {
        self.connection.put(Arrival::Ended);
        self.poll(sink);
    }

    fn fail(&mut self) {
        self.connection.put(Arrival::Failed);
        self.poll(&mut |_| panic!("an error of the transport delivers nothing"));
    }

    fn into_parser(self: Box<Self>) -> Parser {
        self.items.into_inner().into_parts().1
    }
}

impl Fed for EventReader<Connection> {
    fn chunk(&mut self, chunk: &Bytes, sink: &mut Sink<'_>) {
        self.get_ref().put(Arrival::Chunk(chunk.clone()));
        read(self, sink);
    }

    fn end(&mut self, sink: &mut Sink<'_>) {
        self.get_ref().put(Arrival::Ended);
        read(self, sink);
    }

    fn fail(&mut self) {
        self.get_ref().put(Arrival::Failed);
        read(self, &mut |_| panic!("an error of the transport delivers nothing"));
    }

    fn into_parser(self: Box<Self>) -> Parser {
        self.into_parts().1
    }
}

fn read(reader: &mut EventReader<Connection>, sink: &mut Sink<'_>) {
    loop {
        match reader.next_item() {
            Ok(Some(item)) => sink(Ok(item)),
            Err(StreamError::Parse(error)) => sink(Err(error)),
            Ok(None) | Err(_) => return,
        }
    }
}

fn lend(item: Result<Item, ParseError>, sink: &mut Sink<'_>) {
    match &item {
        Ok(item) => sink(Ok(item.as_item_ref())),
        Err(error) => sink(Err(error.clone())),
    }
}
