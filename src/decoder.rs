//! Owned events, without I/O: the parser together with the chunk it reads.

use alloc::sync::Arc;
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::{
    error::ParseError,
    event::{Event, Item, LastEventId},
    parser::{Cursor, Fields, Kind, Parser, Place},
    text::{Chunk, OwnedBytes, Span},
};

/// How much room is made at a time for events that cannot be slices.
const ARENA: usize = 4096;

/// A parser of owned events: push chunks in, take [`Event`]s out. Pushing and
/// reading may be interleaved freely.
///
/// It does no I/O. An event that lies whole in a chunk is a slice of it. One
/// that does not, because a chunk end has cut it or because it has several
/// `data` lines, is copied once, and shares its memory with its neighbours.
///
/// # Cost
///
/// One allocation for each chunk that has events in it; one for each event
/// that cannot be a slice, and one for each 4 KiB of them; one for a last
/// event ID that events of later chunks inherit.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use sse_wire::Decoder;
///
/// let mut decoder = Decoder::new();
/// let mut events = Vec::new();
/// for chunk in ["data: 1\n\nda", "ta: 2\n", "\n"] {
///     decoder.push(Bytes::from(chunk));
///     while let Some(event) = decoder.next_event()? {
///         events.push(event);
///     }
/// }
/// assert_eq!(events.iter().map(|event| event.data()).collect::<Vec<_>>(), ["1", "2"]);
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    parser: Parser,
    chunk: Chunk<OwnedBytes>,
    cursor: Cursor,
    arena: BytesMut,
    last_event_id: SharedId,
}

/// Where events that inherit the last event ID can have it from.
#[derive(Debug)]
enum SharedId {
    /// Nowhere yet; it has to be copied out of the parser.
    Unshared,
    /// The chunk being read.
    Chunk(Span),
    /// Memory of its own.
    Copied(Arc<str>),
}

impl Decoder {
    /// A decoder with the default limit and the standard's policies.
    pub fn new() -> Self {
        Self::with_parser(Parser::new())
    }

    /// A decoder that continues exactly where `parser` is, with its limit,
    /// policies and last event ID. For a new connection, call
    /// [`Parser::reset`] first, if the parser has read one before.
    pub fn with_parser(parser: Parser) -> Self {
        Self {
            cursor: parser.cursor(),
            parser,
            chunk: Chunk::new(OwnedBytes::Sole(Bytes::new())),
            arena: BytesMut::new(),
            last_event_id: SharedId::Unshared,
        }
    }

    /// Takes the next bytes of the stream, however few or many.
    ///
    /// Does not copy them if the bytes before have been read, that is, if
    /// [`next_event`](Self::next_event) has returned `None`. Otherwise they are
    /// joined to what is left of those.
    pub fn push(&mut self, chunk: Bytes) {
        let unread = self.take_unread();
        let chunk = if unread.is_empty() {
            chunk
        } else {
            let mut joined = BytesMut::from(unread);
            joined.extend_from_slice(&chunk);
            joined.freeze()
        };
        self.chunk = Chunk::new(OwnedBytes::Sole(chunk));
    }

    /// The next event, passing over the other items.
    ///
    /// `None` when all that was pushed has been read: push more, or
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// As [`Feed::next_event`](crate::Feed::next_event): once for each block
    /// that is dropped. The next call goes on after it.
    pub fn next_event(&mut self) -> Result<Option<Event>, ParseError> {
        loop {
            let kind = self.advance()?;
            match kind {
                Kind::Event => return Ok(Some(self.event())),
                Kind::End => return Ok(None),
                Kind::Comment | Kind::LastEventId | Kind::Retry => {}
            }
        }
    }

    /// The next item, event or other.
    ///
    /// `None` when all that was pushed has been read.
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    pub fn next_item(&mut self) -> Result<Option<Item>, ParseError> {
        let kind = self.advance()?;
        Ok(match kind {
            Kind::Event => Some(Item::Event(self.event())),
            kind => self.parser.lend_item(kind, &self.chunk).map(|item| item.to_item()),
        })
    }

    /// Ends the stream: the [`EofPolicy`](crate::EofPolicy) decides what
    /// happens to an unfinished block. See [`Parser::finish`].
    ///
    /// Bytes that were pushed and not read are discarded. Afterwards the
    /// decoder is ready for the next connection.
    ///
    /// # Errors
    ///
    /// As [`Parser::finish`].
    pub fn finish(&mut self) -> Result<Option<Event>, ParseError> {
        let last = self.parser.finish().map(|event| event.map(|event| event.to_event()));
        self.reset();
        last
    }

    /// Makes the decoder ready for the first byte of a new connection: keeps
    /// the last event ID, the reconnection time and the configuration, and
    /// forgets everything else, including bytes that were not read.
    pub fn reset(&mut self) {
        self.parser.reset();
        self.take_unread();
    }

    /// Whether the stream would be cut off if it ended here: within a line, or
    /// within a block that has data, or before bytes that were not read.
    pub fn has_pending(&self) -> bool {
        self.cursor.position() < self.chunk.len() || self.parser.has_pending()
    }

    /// The last event ID (WHATWG HTML §9.2.6). See [`Parser::last_event_id`].
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time that the stream asked for, if it did. See
    /// [`Parser::reconnection_time`].
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.parser.reconnection_time()
    }

    /// The bytes that were pushed and have not been read. Does not copy.
    pub fn unread(&self) -> Bytes {
        self.chunk.tail(self.cursor.position())
    }

    /// The parser, and the bytes that were pushed and have not been read: feed
    /// them to it, and nothing is lost.
    pub fn into_parts(self) -> (Parser, Bytes) {
        (self.parser, self.chunk.into_tail(self.cursor.position()))
    }

    fn advance(&mut self) -> Result<Kind, ParseError> {
        let kind = self.parser.advance(&mut self.chunk, &mut self.cursor)?;
        if let Kind::Event | Kind::LastEventId = kind {
            match self.parser.fields().id {
                Place::Absent => {}
                Place::Chunk(span) => self.last_event_id = SharedId::Chunk(span),
                Place::Buffer | Place::Oversize(_) => self.last_event_id = SharedId::Unshared,
            }
        }
        Ok(kind)
    }

    /// The event that `advance` has moved to.
    fn event(&mut self) -> Event {
        let fields = *self.parser.fields();
        let own = (fields.id != Place::Absent).then_some(LastEventId::Own);
        if let Some([data, event_type, id]) = in_chunk(&fields) {
            let (id, last_event_id) = match (own, &self.last_event_id) {
                (Some(own), _) => (id, own),
                (None, SharedId::Chunk(earlier)) if self.chunk.is_valid(*earlier) => {
                    (*earlier, LastEventId::Earlier)
                }
                (None, _) => (id, self.inherited()),
            };
            let text = self.chunk.slices(data, event_type, id);
            return Event::from_parts(text, last_event_id, fields.retry);
        }
        let last_event_id = own.unwrap_or_else(|| self.inherited());
        let event = self.parser.lend_event(&self.chunk);
        let length = event.text_length();
        if self.arena.capacity() < length {
            self.arena.reserve(length.max(ARENA));
        }
        event.copied_to(&mut self.arena, last_event_id)
    }

    /// The last event ID for an event that has none of its own.
    fn inherited(&mut self) -> LastEventId {
        let id = self.parser.last_event_id();
        if id.is_empty() {
            return LastEventId::Empty;
        }
        let id = match &self.last_event_id {
            SharedId::Copied(id) => Arc::clone(id),
            SharedId::Unshared | SharedId::Chunk(_) => Arc::from(id),
        };
        self.last_event_id = SharedId::Copied(Arc::clone(&id));
        LastEventId::Inherited(id)
    }

    fn take_unread(&mut self) -> Bytes {
        let none = Chunk::new(OwnedBytes::Sole(Bytes::new()));
        let unread = core::mem::replace(&mut self.chunk, none).into_tail(self.cursor.position());
        self.cursor = self.parser.cursor();
        if matches!(self.last_event_id, SharedId::Chunk(_)) {
            self.last_event_id = SharedId::Unshared;
        }
        unread
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Where data, type and ID lie, if all that there is lies in the chunk.
fn in_chunk(fields: &Fields) -> Option<[Span; 3]> {
    let mut spans = [Span::default(); 3];
    for (span, place) in spans.iter_mut().zip([fields.data, fields.event_type, fields.id]) {
        match place {
            Place::Absent => {}
            Place::Chunk(in_chunk) => *span = in_chunk,
            Place::Buffer | Place::Oversize(_) => return None,
        }
    }
    Some(spans)
}
