//! Owned events, without I/O: the parser and the chunk it reads.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc};
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::{
    error::ParseError,
    event::{Event, IdSource, Item, SharedId},
    parser::{ID, Kind, Parser, Wanted},
    shared::OwnedChunk,
    text::{Arrived, Chunk, EventText, ShortText, Slices, Span},
};

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
/// One that is not, because it is split across chunks, has several `data` lines or
/// is not UTF-8, is put together and copied: if it is short into the [`Event`] itself, or else
/// into memory of its own. With feature `codec` it is a decoder of `tokio_util::codec`,
/// too, for `FramedRead`.
///
/// # Cost
///
/// One allocation for each chunk that has several events in it, or one and more
/// bytes after it; none for one event that is a whole chunk. One for each event
/// that cannot be a slice, if its type, data and ID are more than 80 bytes. One for a
/// last event ID that events of later chunks inherit, or of its own chunk if it is
/// longer than 64 bytes, or if such an event is no slice. And those that the [`Parser`]
/// makes for a block that is larger than its buffers. The last event ID is kept twice:
/// by the parser, and for the events that inherit it.
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
    chunk: Chunk<OwnedChunk>,
    /// Chunks that were pushed before the one above was read.
    queue: VecDeque<Bytes>,
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
            chunk: Chunk::new(OwnedChunk::EMPTY, parser.offset()),
            parser,
            queue: VecDeque::new(),
            id_in_chunk: None,
            shared_id: SharedId::default(),
        }
    }

    /// Adds the next bytes of the stream, however few or many. Does not copy them, unless
    /// they are at most 64 and just go on with an unfinished line: those are read at once.
    /// Chunks that are pushed before the earlier ones were read wait in a queue.
    #[inline]
    pub fn push(&mut self, chunk: Bytes) {
        self.take(chunk);
    }

    /// Same as [`push`](Self::push). Says whether there is anything to read now: not if the
    /// chunk was just a part of a line, and the parser has it.
    #[inline(always)]
    pub(crate) fn take(&mut self, chunk: Bytes) -> bool {
        if self.has_unread() {
            if !chunk.is_empty() {
                self.queue.push_back(chunk);
            }
            return true;
        }
        let chunk = Arrived::new(chunk);
        // The chunk itself is shown to no call, so that it need not be in memory before it is
        // where it stays.
        if chunk.part_of_line().is_some_and(|part| self.parser.append_part(part)) {
            return false;
        }
        self.begin_chunk(chunk);
        true
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
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event>, ParseError> {
        match self.advance(Wanted::Events) {
            Kind::Event => Ok(Some(self.event())),
            Kind::Error => Err(*self.take_error()),
            _ => Ok(None),
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
        match self.advance(Wanted::Items) {
            Kind::Error => Err(*self.take_error()),
            kind => Ok(self.item(kind)),
        }
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
        let last = match self.end_stream() {
            Kind::Event => Ok(Some(self.event())),
            Kind::Error => Err(*self.take_error()),
            _ => Ok(None),
        };
        // The parser still holds what it has lent.
        self.parser.reset();
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
        let first = self.chunk.rest();
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

    /// Reads up to the next item that is wanted, or to the end of what was
    /// pushed.
    #[inline(always)]
    pub(crate) fn advance(&mut self, wanted: Wanted) -> Kind {
        loop {
            let kind = self.parser.advance(self.chunk.reading(), wanted);
            if kind != Kind::End || !self.next_chunk() {
                return kind;
            }
        }
    }

    /// Same as [`finish`](Self::finish), but moves no event.
    pub(crate) fn end_stream(&mut self) -> Kind {
        let last = self.parser.end_stream();
        self.discard_unread();
        last
    }

    /// The error that `advance` has met with.
    pub(crate) fn take_error(&mut self) -> Box<ParseError> {
        self.parser.take_error()
    }

    /// Takes the next chunk from the queue. If there is none, lets go of the old
    /// one: it may take long until another comes.
    #[inline]
    fn next_chunk(&mut self) -> bool {
        if self.queue.is_empty() {
            self.end_chunk();
            return false;
        }
        self.take_from_queue();
        true
    }

    #[cold]
    fn take_from_queue(&mut self) {
        if let Some(chunk) = self.queue.pop_front() {
            self.trim_queue();
            self.begin_chunk(Arrived::new(chunk));
        }
    }

    /// Lets go of the chunk.
    #[inline]
    fn end_chunk(&mut self) {
        self.id_in_chunk = None;
        if !self.chunk.is_gone() {
            self.chunk.clear();
        }
    }

    #[inline]
    fn begin_chunk(&mut self, chunk: Arrived) {
        self.id_in_chunk = None;
        self.chunk.replace(chunk, self.parser.offset());
    }

    fn has_unread(&self) -> bool {
        !self.chunk.is_read() || !self.queue.is_empty()
    }

    fn discard_unread(&mut self) {
        self.queue.clear();
        self.trim_queue();
        self.end_chunk();
    }

    /// Frees the room of a queue that was long.
    fn trim_queue(&mut self) {
        if self.queue.is_empty() {
            self.queue.shrink_to(KEPT_IN_QUEUE);
        }
    }

    /// The item that `advance` has moved to.
    pub(crate) fn item(&mut self, kind: Kind) -> Option<Item> {
        if kind == Kind::Event {
            return Some(Item::Event(self.event()));
        }
        self.parser.lend_item(kind, self.chunk.text()).map(|item| item.to_item())
    }

    /// The event that `advance` has moved to.
    ///
    /// It is made here, of its parts, and nothing that is called is told where: so the
    /// compiler may leave it in registers until it is where the caller wants it. In memory it
    /// would be copied from place to place, which costs as much as to read a short event,
    /// because a copy waits for what has just been written in smaller pieces.
    #[inline(always)]
    pub(crate) fn event(&mut self) -> Event {
        if self.parser.take_new_id() {
            self.shared_id.forget();
            self.id_in_chunk = None;
        }
        let fields = self.parser.fields();
        if let Some(data) = fields.just_data() {
            // Most events.
            let (id, inherited_id) = self.inherited_id();
            let text = self.chunk.slices(data, Span::default(), id);
            return Event::from_parts(text, IdSource::Inherited, inherited_id, None);
        }
        let (has_id, in_chunk, retry) = (fields.has(ID), fields.in_chunk(), self.parser.retry());
        let Some([data, event_type, own_id]) = in_chunk else {
            let text = self.copied_text();
            if has_id {
                return Event::from_parts(text, IdSource::Own, None, retry);
            }
            let inherited_id = self.shared_id.get(self.parser.last_event_id());
            return Event::from_parts(text, IdSource::Inherited, inherited_id, retry);
        };
        if has_id {
            self.id_in_chunk = (own_id.len() <= SHORT_ID).then_some(own_id);
            let text = self.chunk.slices(data, event_type, own_id);
            return Event::from_parts(text, IdSource::Own, None, retry);
        }
        let (id, inherited_id) = self.inherited_id();
        let text = self.chunk.slices(data, event_type, id);
        Event::from_parts(text, IdSource::Inherited, inherited_id, retry)
    }

    /// The ID that an event without one of its own inherits: where it is, if that is in the
    /// chunk, or else a copy.
    #[inline(always)]
    fn inherited_id(&mut self) -> (Span, Option<Arc<str>>) {
        match self.id_in_chunk {
            Some(earlier) if self.chunk.text().contains(earlier) => (earlier, None),
            _ => (Span::default(), self.shared_id.get(self.parser.last_event_id())),
        }
    }

    /// The text of that event, if not all of it is in the chunk.
    #[inline(always)]
    fn copied_text(&mut self) -> EventText {
        match self.parser.short_data() {
            Some(data) => EventText::Short(data),
            None => self.copied_long_text(),
        }
    }

    #[inline(never)]
    fn copied_long_text(&mut self) -> EventText {
        match self.parser.small_data() {
            // Most of them.
            Some(data) if data.len() > ShortText::CAPACITY => {
                EventText::Slices(Slices::copied(data, "", ""))
            }
            _ => self.copied_texts(),
        }
    }

    #[inline(never)]
    fn copied_texts(&mut self) -> EventText {
        let large_data = self.parser.take_large_data();
        let [data, event_type, id] = self.parser.own_text(self.chunk.text());
        match large_data {
            Some(data) => EventText::Slices(Slices::from_buffer(data, event_type, id)),
            None => EventText::copied(data, event_type, id),
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}
