//! Owned events, without I/O: the parser and the chunk it reads.

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::{
    error::ParseError,
    event::{Event, Item, LastEventId, SharedId},
    parser::{Cursor, Fields, Kind, Parser, Place},
    text::{Chunk, OwnedBytes, Span},
};

/// How much space is reserved at a time for events that cannot be slices.
/// Larger events get memory of their own, so that no small event keeps it
/// alive.
const ARENA: usize = 4096;

/// How long an ID may be for later events of its chunk to point at it there. A
/// longer one is copied once for all of them, or else each of them that is
/// detached from the chunk would have to copy it.
const SHORT_ID: usize = 64;

/// For how many chunks the queue keeps room when it is empty.
const KEPT_IN_QUEUE: usize = 16;

/// A parser of owned events: push chunks in, take [`Event`]s out. Pushing and
/// reading may be interleaved freely.
///
/// It does no I/O. An event that is entirely within a chunk is a slice of it.
/// One that is not, because it is split across chunks or has several `data`
/// lines, is copied once, and shares its memory with its neighbours.
///
/// # Cost
///
/// One allocation for each chunk that has events in it. One for each event that
/// cannot be a slice, plus two for every 4 KiB of such events that are kept, or
/// one for each larger one. One for a last event ID that events of later chunks,
/// or of its own if it is longer than 64 bytes, inherit. And those that the [`Parser`] makes for a block that is larger than
/// its buffers. The last event ID is kept twice: by the parser, and for the
/// events that inherit it.
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
    /// Chunks that were pushed before the one above was read.
    queue: VecDeque<Bytes>,
    /// Space for events that cannot be slices.
    arena: BytesMut,
    /// Where in the chunk the last event ID is, if a block in it has set it and
    /// it is short.
    id_in_chunk: Option<Span>,
    shared_id: SharedId,
}

impl Decoder {
    /// Creates a decoder with the default limit and the standard's policies.
    pub fn new() -> Self {
        Self::with_parser(Parser::new())
    }

    /// Creates a decoder that continues exactly where `parser` is, with its
    /// limit, policies and last event ID. For a new connection, call
    /// [`Parser::reset`] first if the parser has read one before.
    pub fn with_parser(parser: Parser) -> Self {
        Self {
            cursor: parser.cursor(),
            parser,
            chunk: Chunk::new(OwnedBytes::Sole(Bytes::new())),
            queue: VecDeque::new(),
            arena: BytesMut::new(),
            id_in_chunk: None,
            shared_id: SharedId::default(),
        }
    }

    /// Adds the next bytes of the stream, however few or many. Does not copy
    /// them; chunks that are pushed before the earlier ones were read wait in a
    /// queue.
    pub fn push(&mut self, chunk: Bytes) {
        if self.has_unread() {
            self.queue.push_back(chunk);
        } else {
            self.begin_chunk(chunk);
        }
    }

    /// Returns the next event, skipping other items.
    ///
    /// Returns `None` when everything pushed has been read: push more, or
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// Same as [`Feed::next_event`](crate::Feed::next_event): once for each
    /// block that is dropped. The next call continues after that block.
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

    /// Returns the next item, event or other.
    ///
    /// Returns `None` when everything pushed has been read.
    ///
    /// # Errors
    ///
    /// Same as [`next_event`](Self::next_event).
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
    /// Bytes that were pushed but not read are discarded. Afterwards the
    /// decoder is ready for the next connection.
    ///
    /// # Errors
    ///
    /// Same as [`Parser::finish`].
    pub fn finish(&mut self) -> Result<Option<Event>, ParseError> {
        self.shared_id.forget();
        let last = self.parser.finish().map(|event| event.map(|event| event.to_event()));
        // The parser still holds what it has lent.
        self.reset();
        last
    }

    /// Makes the decoder ready for the first byte of a new connection: keeps
    /// the last event ID, the reconnection time and the configuration, and
    /// forgets everything else, including bytes that were not read.
    pub fn reset(&mut self) {
        self.parser.reset();
        self.discard_unread();
    }

    /// Whether the stream would be cut off if it ended here: within a line,
    /// within a block that has data, or before bytes that were not read.
    pub fn has_pending(&self) -> bool {
        self.has_unread() || self.parser.has_pending()
    }

    /// The last event ID (WHATWG HTML §9.2.6). See [`Parser::last_event_id`].
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time that the stream asked for, if any. See
    /// [`Parser::reconnection_time`].
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.parser.reconnection_time()
    }

    /// The bytes that were pushed but have not been read. Copies them if they
    /// were pushed in several chunks.
    pub fn unread(&self) -> Bytes {
        let first = self.chunk.tail(self.cursor.position());
        if self.queue.is_empty() {
            return first;
        }
        let mut joined = BytesMut::from(first);
        joined.extend(self.queue.iter().cloned());
        joined.freeze()
    }

    /// Returns the parser, and the [`unread`](Self::unread) bytes: feed them to
    /// it, and nothing is lost.
    pub fn into_parts(self) -> (Parser, Bytes) {
        let unread = self.unread();
        (self.parser, unread)
    }

    fn advance(&mut self) -> Result<Kind, ParseError> {
        loop {
            let kind = self.parser.advance(&mut self.chunk, &mut self.cursor)?;
            match kind {
                Kind::Event | Kind::LastEventId if self.parser.has_new_id() => self.note_id(),
                Kind::Event | Kind::LastEventId | Kind::Comment | Kind::Retry => {}
                Kind::End => match self.queue.pop_front() {
                    Some(chunk) => {
                        self.trim_queue();
                        self.begin_chunk(chunk);
                        continue;
                    }
                    // It may take long until the next one comes.
                    None => self.begin_chunk(Bytes::new()),
                },
            }
            return Ok(kind);
        }
    }

    /// Notes where the last event ID is, which the block that has ended set.
    fn note_id(&mut self) {
        self.shared_id.forget();
        self.id_in_chunk = match self.parser.fields().id {
            Place::Chunk(span) if span.len() <= SHORT_ID => Some(span),
            _ => None,
        };
    }

    fn begin_chunk(&mut self, chunk: Bytes) {
        self.chunk = Chunk::new(OwnedBytes::Sole(chunk));
        self.cursor = self.parser.cursor();
        self.id_in_chunk = None;
    }

    fn has_unread(&self) -> bool {
        self.cursor.position() < self.chunk.len() || !self.queue.is_empty()
    }

    fn discard_unread(&mut self) {
        self.queue.clear();
        self.trim_queue();
        self.begin_chunk(Bytes::new());
    }

    /// Frees the room of a queue that was long.
    fn trim_queue(&mut self) {
        if self.queue.is_empty() {
            self.queue.shrink_to(KEPT_IN_QUEUE);
        }
    }

    /// The event that `advance` has moved to.
    fn event(&mut self) -> Event {
        let fields = *self.parser.fields();
        let own = fields.id != Place::Absent;
        if let Some([data, event_type, own_id]) = in_chunk(&fields) {
            let (id, last_event_id) = match self.id_in_chunk {
                _ if own => (own_id, LastEventId::Own),
                Some(earlier) if self.chunk.is_valid(earlier) => (earlier, LastEventId::Earlier),
                _ => (own_id, self.shared_id.inherited(self.parser.last_event_id())),
            };
            let text = self.chunk.slices(data, event_type, id);
            return Event::from_parts(text, last_event_id, fields.retry);
        }
        let event = self.parser.lend_event(&self.chunk);
        let length = event.text_length();
        if length > ARENA {
            return event.copied_with(&mut self.shared_id);
        }
        if self.arena.capacity() < length {
            self.arena.reserve(ARENA);
        }
        event.copied_to(&mut self.arena, &mut self.shared_id)
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Where data, type and ID are, if all those present are in the chunk.
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
