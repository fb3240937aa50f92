//! The parser (WHATWG HTML §9.2.5 and §9.2.6): bytes in, lent events out.
//!
//! # Advice for hackers
//!
//! A chunk is read in three parts. Its *head* completes the line that the
//! previous chunk left unfinished. Its *body* is all the whole lines. Its
//! *tail* is an unfinished line. Head and tail go through [`tail`], byte by
//! byte as they arrive. The body is validated as UTF-8 in one go, so the loop
//! over its lines ([`Parser::read_line`]) never meets a cut line, a cut
//! character or a byte that is not text; what it finds are spans of the chunk.
//! A line of the body that is not UTF-8 is treated as if it had been cut out by
//! chunk ends, and so is read like a head or tail.
//!
//! [`Parser::advance`] moves a [`Cursor`] to the next item and says what kind
//! it is, borrowing nothing. Lending happens afterwards, from where the parser
//! knows the text to be, and differs for each owner of a chunk: `Feed`,
//! `Decoder`, `EventReader`. Whenever `advance` returns, nothing in the parser
//! refers to the chunk except the item to be lent. That is why a `Feed` may be
//! dropped at any time.
//!
//! Whatever the parser does must not depend on where chunks end. So each line
//! has one outcome, errors included, whichever way it was read.

mod block;
mod config;
mod feed;
mod field;
mod lines;
mod tail;

use alloc::string::String;
use core::{mem, time::Duration};

pub(crate) use self::block::{Fields, Place};
use self::{
    block::{Block, TooLarge},
    config::Config,
    field::{Digits, Field},
    lines::{CR, LF},
    tail::{Finished, Refusal, Tail},
};
pub use self::{
    config::{EofPolicy, ParserBuilder, Utf8Policy},
    feed::Feed,
};
use crate::{
    error::ParseError,
    event::{EventRef, ItemRef},
    text::{Chunk, Span, StableBytes},
};

const BOM: &[u8] = "\u{FEFF}".as_bytes();

/// An incremental parser of event streams: give it the bytes as they arrive,
/// take the events out (WHATWG HTML §9.2.5, §9.2.6).
///
/// It does no I/O. It holds the state that outlives a chunk: an unfinished
/// line, an unfinished block, the last event ID, the reconnection time. Events
/// are lent: their text is borrowed from the chunk if it is entirely within it,
/// and otherwise from a buffer in the parser.
///
/// Wherever chunks end, the events are the same, and so are the errors except
/// for [`size`](ParseError::EventTooLarge::size); each event is delivered with
/// the byte that completes it.
///
/// # Cost
///
/// Each byte is looked at a fixed number of times, unless each [`Feed`] is
/// dropped [early](Feed::remaining). Memory is allocated only for a block that
/// is split across chunks, or that has several `data` lines or a comment in it,
/// and for the last event ID.
///
/// While a block is open, the buffers hold at most three times
/// [`max_event_size`](ParserBuilder::max_event_size), and half of it again for
/// the moment in which one of them grows. Between blocks at most 4 KiB are kept
/// for data, and 1 KiB each for type, ID and unfinished line. The last event ID
/// is kept besides, at its full length.
///
/// # Examples
///
/// ```
/// use sse_wire::Parser;
///
/// let mut parser = Parser::new();
/// let mut data = Vec::new();
/// // A chunk may end anywhere: here within the two bytes of `é`.
/// for chunk in [&b"event: token\ndata: caf\xC3"[..], b"\xA9\n\ndata: 2\n\n"] {
///     let mut feed = parser.feed(chunk);
///     while let Some(event) = feed.next_event()? {
///         data.push((event.event_type().to_owned(), event.data().to_owned()));
///     }
/// }
/// assert_eq!(data, [("token".into(), "café".into()), ("message".into(), "2".into())]);
/// assert!(!parser.has_pending());
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parser {
    config: Config,
    last_event_id: String,
    reconnection_time: Option<Duration>,

    /// How many bytes of the stream have been read.
    offset: u64,
    /// How many bytes of a BOM have been read at the start of the stream; its
    /// full length, too, once it is settled that there is none.
    bom: usize,
    /// The last byte read was a CR that ended a line: an LF now would belong to
    /// it.
    after_cr: bool,
    tail: Tail,
    block: Block,
    /// The reconnection time before the first `retry` of the open block.
    reconnection_time_before: Option<Duration>,

    /// The place of the comment that was read last, to be lent.
    comment: Place,
    /// The block that ended last had no data, but both an ID and a reconnection
    /// time, and the second of these two items is yet to be delivered.
    retry_undelivered: bool,
}

impl Parser {
    /// Creates a parser with the default limit and the standard's policies.
    /// Does not allocate.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder that sets a limit, policies and a last event ID.
    pub fn builder() -> ParserBuilder {
        ParserBuilder::default()
    }

    pub(crate) fn with_config(config: Config, last_event_id: String) -> Self {
        Self {
            last_event_id,
            reconnection_time: None,
            offset: 0,
            bom: 0,
            after_cr: false,
            tail: Tail::default(),
            block: Block::new(config.max_event_size),
            reconnection_time_before: None,
            comment: Place::Absent,
            retry_undelivered: false,
            config,
        }
    }

    /// Gives the parser the next bytes of the stream, however few or many.
    ///
    /// Reads nothing yet: [`Feed::next_event`] and [`Feed::next_item`] do that,
    /// until they return `None`. Does not copy or allocate.
    #[must_use = "the bytes are read by the feed's `next_event` and `next_item`"]
    pub fn feed<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> Feed<'p, 'c> {
        Feed::new(self, chunk)
    }

    /// Ends the stream: the [`EofPolicy`] decides what happens to an unfinished
    /// block, which by default is discarded (WHATWG HTML §9.2.6).
    ///
    /// Afterwards the parser is as after [`reset`](Self::reset), ready for the
    /// next connection. `None` is returned both for a stream that ended between
    /// two blocks and for one that was cut off: call
    /// [`has_pending`](Self::has_pending) before `finish` to tell them apart.
    /// An event is returned only with [`EofPolicy::Dispatch`].
    ///
    /// # Errors
    ///
    /// [`ParseError::UnexpectedEnd`] with [`EofPolicy::Error`] if there is an
    /// unfinished block. With [`EofPolicy::Dispatch`], also any error that the
    /// completed block causes.
    ///
    /// # Examples
    ///
    /// ```
    /// use sse_wire::{EofPolicy, Parser};
    ///
    /// // The last blank line is missing.
    /// let stream = b"data: 1\n\ndata: 2\n";
    ///
    /// let mut parser = Parser::builder().eof_policy(EofPolicy::Dispatch).build();
    /// let mut feed = parser.feed(stream);
    /// assert_eq!(feed.next_event()?.unwrap().data(), "1");
    /// assert_eq!(feed.next_event()?, None);
    /// assert!(parser.has_pending());
    /// assert_eq!(parser.finish()?.unwrap().data(), "2");
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    pub fn finish(&mut self) -> Result<Option<EventRef<'_>>, ParseError> {
        self.begin_block();
        let last = match self.config.eof_policy {
            EofPolicy::Discard => Ok(false),
            EofPolicy::Dispatch => self.dispatch_pending(),
            EofPolicy::Error if self.has_pending() => {
                Err(ParseError::UnexpectedEnd { offset: self.block.start })
            }
            EofPolicy::Error => Ok(false),
        };
        self.restart();
        if last != Ok(true) {
            self.begin_block();
        }
        Ok(last?.then(|| self.lend_event(NO_CHUNK)))
    }

    /// Whether the stream would be cut off if it ended here: within a line, or
    /// within a block that has data. Costs nothing.
    ///
    /// Any line counts, a comment too, and any block that was dropped. A block
    /// that has set only an ID, a type or a reconnection time so far does not.
    ///
    /// ```
    /// let mut parser = sse_wire::Parser::new();
    /// assert_eq!(parser.feed(b"data: 1\n").next_event()?, None);
    /// assert!(parser.has_pending());
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    pub fn has_pending(&self) -> bool {
        let within_bom = (1..BOM.len()).contains(&self.bom);
        within_bom || self.tail.is_open() || self.block.has_data()
    }

    /// Makes the parser ready for the first byte of a new connection: keeps
    /// the last event ID, the reconnection time and the configuration, and
    /// forgets everything else.
    ///
    /// Without it, what the old connection left unfinished would be joined to
    /// the first line of the new one. [`finish`](Self::finish) does the same.
    ///
    /// ```
    /// let mut parser = sse_wire::Parser::new();
    /// assert!(parser.feed(b"id: 1\ndata: a\n\ndata: ha").next_event()?.is_some());
    /// parser.reset();
    /// assert_eq!(parser.feed(b"data: b\n\n").next_event()?.unwrap().data(), "b");
    /// assert_eq!(parser.last_event_id(), "1");
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    pub fn reset(&mut self) {
        self.restart();
        self.begin_block();
    }

    /// The last event ID (WHATWG HTML §9.2.6), or an empty string: what a
    /// client sends as `Last-Event-ID` when it reconnects.
    ///
    /// Blocks without data set it too, and an empty `id` field resets it. It
    /// changes at the blank line of a block.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time that the stream asked for, if any (WHATWG HTML
    /// §9.2.6).
    ///
    /// A number of milliseconds that does not fit in a `u64` counts as
    /// `u64::MAX`. It changes at the `retry` line, not at the blank line.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// Where to start reading a chunk.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor { origin: self.offset, ..Cursor::default() }
    }

    /// Reads up to the next item and returns what it is and where it is.
    pub(crate) fn advance<B: StableBytes>(
        &mut self,
        chunk: &mut Chunk<B>,
        cursor: &mut Cursor,
    ) -> Result<Kind, ParseError> {
        if mem::take(&mut self.retry_undelivered) {
            return Ok(Kind::Retry);
        }
        self.begin_block();
        let outcome = self.read(chunk, cursor);
        self.offset = cursor.offset();
        outcome
    }

    /// Whether the block whose end `advance` has moved to has set an ID.
    pub(crate) fn has_new_id(&self) -> bool {
        self.block.fields.id != Place::Absent
    }

    /// What has been set by the block whose end `advance` has moved to.
    pub(crate) fn fields(&self) -> &Fields {
        &self.block.fields
    }

    /// Lends the event that `advance` has moved to.
    #[inline]
    pub(crate) fn lend_event<'a, B: StableBytes>(&'a self, chunk: &'a Chunk<B>) -> EventRef<'a> {
        EventRef::new(
            self.block.data(chunk),
            self.block.event_type(chunk),
            self.has_new_id(),
            &self.last_event_id,
            self.block.fields.retry,
        )
    }

    /// Lends the item that `advance` has moved to.
    pub(crate) fn lend_item<'a, B: StableBytes>(
        &'a self,
        kind: Kind,
        chunk: &'a Chunk<B>,
    ) -> Option<ItemRef<'a>> {
        match kind {
            Kind::Event => Some(ItemRef::Event(self.lend_event(chunk))),
            Kind::Comment => Some(ItemRef::Comment(self.block.comment(self.comment, chunk))),
            Kind::LastEventId => Some(ItemRef::LastEventId(&self.last_event_id)),
            Kind::Retry => self.block.fields.retry.map(ItemRef::Retry),
            Kind::End => None,
        }
    }

    fn read<B: StableBytes>(
        &mut self,
        chunk: &mut Chunk<B>,
        cursor: &mut Cursor,
    ) -> Result<Kind, ParseError> {
        loop {
            let kind = if cursor.position < cursor.body_end {
                self.read_line(chunk, cursor)?
            } else if cursor.position == chunk.len() {
                self.block.save(chunk);
                Some(Kind::End)
            } else if self.after_cr {
                self.skip_lf(chunk.bytes(), cursor);
                None
            } else if self.bom < BOM.len() {
                self.read_bom(chunk, cursor)?;
                None
            } else if self.tail.is_open() {
                self.read_head(chunk, cursor)?
            } else {
                self.find_body(chunk, cursor)?;
                None
            };
            if let Some(kind) = kind {
                return Ok(kind);
            }
        }
    }

    /// Reads the next line of the body.
    #[inline]
    fn read_line<B: StableBytes>(
        &mut self,
        chunk: &mut Chunk<B>,
        cursor: &mut Cursor,
    ) -> Result<Option<Kind>, ParseError> {
        let start = cursor.position;
        let rest = &chunk.bytes()[start..cursor.body_end];
        let length = lines::first_end(rest).expect("the body ends with a line end");
        let (line, end) = (&rest[..length], start + length);
        self.end_line(chunk.bytes(), end, cursor);
        if line.is_empty() {
            return self.end_block(chunk, cursor);
        }
        if self.block.dropped {
            return Ok(None);
        }
        let (field, value_start) = field::split(line);
        let value = Span::new(start + value_start, end);
        let taken = match field {
            Field::Data => self.block.add_data(chunk, value),
            Field::EventType => self.block.set_event_type(value),
            Field::Id => self.block.set_id(chunk, value),
            Field::Retry => {
                let mut digits = Digits::default();
                digits.push(chunk.text(value));
                if let Some(time) = digits.reconnection_time() {
                    self.set_retry(time);
                }
                Ok(())
            }
            Field::Comment => {
                self.block.check_comment(value).map_err(|error| self.refuse(error.into()))?;
                self.block.save(chunk);
                self.comment = Place::Chunk(value);
                return Ok(Some(Kind::Comment));
            }
            Field::Unknown => Ok(()),
        };
        taken.map_err(|error| self.refuse(error.into()))?;
        Ok(None)
    }

    /// Moves past the line end at `end`.
    #[inline]
    fn end_line(&mut self, bytes: &[u8], end: usize, cursor: &mut Cursor) {
        cursor.position = end + 1;
        if bytes[end] == CR {
            match bytes.get(end + 1) {
                Some(&LF) => cursor.position += 1,
                Some(_) => {}
                None => self.after_cr = true,
            }
        }
    }

    /// Ends the block at its blank line, which the cursor has just passed:
    /// commits the last event ID, and dispatches the event if there is data.
    #[inline]
    fn end_block<B: StableBytes>(
        &mut self,
        chunk: &Chunk<B>,
        cursor: &Cursor,
    ) -> Result<Option<Kind>, ParseError> {
        if let Err(TooLarge(size)) = self.block.check_sum() {
            let error = self.refuse(Refusal::TooLarge(size));
            self.block.end(cursor.offset());
            return Err(error);
        }
        self.block.end(cursor.offset());
        self.block.commit_id(&mut self.last_event_id, chunk);
        let Fields { data, id, retry, .. } = self.block.fields;
        Ok(match (data, id, retry) {
            (Place::Absent, Place::Absent, None) => {
                self.begin_block();
                None
            }
            (Place::Absent, Place::Absent, Some(_)) => Some(Kind::Retry),
            (Place::Absent, _, retry) => {
                self.retry_undelivered = retry.is_some();
                Some(Kind::LastEventId)
            }
            _ => Some(Kind::Event),
        })
    }

    /// Forgets the block that has ended, if one has: nothing of it is lent any
    /// more. Frees memory that no unfinished line needs.
    #[inline]
    fn begin_block(&mut self) {
        self.block.begin();
        if !self.tail.is_open() {
            self.block.trim();
        }
    }

    fn set_retry(&mut self, time: Duration) {
        if self.block.fields.retry.is_none() {
            self.reconnection_time_before = self.reconnection_time;
        }
        self.block.fields.retry = Some(time);
        self.reconnection_time = Some(time);
    }

    /// Drops the open block, as if none of its lines had been there.
    #[cold]
    fn refuse(&mut self, refusal: Refusal) -> ParseError {
        if self.block.fields.retry.is_some() {
            self.reconnection_time = self.reconnection_time_before;
        }
        if self.tail.is_open() {
            self.tail.skip();
        }
        self.block.refuse();
        let offset = self.block.start;
        match refusal {
            Refusal::TooLarge(size) => {
                ParseError::EventTooLarge { size, limit: self.block.limit, offset }
            }
            Refusal::InvalidUtf8 => ParseError::InvalidUtf8 { offset },
        }
    }

    /// Passes over the LF of a CR LF that a chunk end has split.
    fn skip_lf(&mut self, bytes: &[u8], cursor: &mut Cursor) {
        self.after_cr = false;
        if bytes[cursor.position] == LF {
            let between_blocks = self.block.start == cursor.offset();
            cursor.position += 1;
            if between_blocks {
                self.block.start = cursor.offset();
            }
        }
    }

    /// Passes over a BOM at the very start of the stream.
    fn read_bom<B: StableBytes>(
        &mut self,
        chunk: &Chunk<B>,
        cursor: &mut Cursor,
    ) -> Result<(), ParseError> {
        if chunk.bytes()[cursor.position] == BOM[self.bom] {
            cursor.position += 1;
            self.bom += 1;
            if self.bom == BOM.len() {
                self.block.start = cursor.offset();
            }
            return Ok(());
        }
        self.settle_bom(chunk)
    }

    /// Treats what was read as the beginning of a BOM as the beginning of a
    /// line.
    fn settle_bom<B: StableBytes>(&mut self, chunk: &Chunk<B>) -> Result<(), ParseError> {
        let read = mem::replace(&mut self.bom, BOM.len());
        if (1..BOM.len()).contains(&read) {
            self.tail.begin(&mut self.block, chunk);
            self.read_tail(&BOM[..read])?;
        }
        Ok(())
    }

    /// Reads the head of the chunk: its part of the unfinished line.
    fn read_head<B: StableBytes>(
        &mut self,
        chunk: &Chunk<B>,
        cursor: &mut Cursor,
    ) -> Result<Option<Kind>, ParseError> {
        let rest = &chunk.bytes()[cursor.position..];
        let Some(length) = lines::first_end(rest) else {
            cursor.position = chunk.len();
            return self.read_tail(rest).map(|()| None);
        };
        self.end_line(chunk.bytes(), cursor.position + length, cursor);
        let read = self.read_tail(&rest[..length]);
        self.finish_tail().and_then(|kind| read.map(|()| kind))
    }

    /// Reads a chunk's part of the unfinished line.
    fn read_tail(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        self.tail
            .read(bytes, &mut self.block, self.config.utf8_policy)
            .map_err(|refusal| self.refuse(refusal))
    }

    /// Ends the unfinished line.
    fn finish_tail(&mut self) -> Result<Option<Kind>, ParseError> {
        let finished = self.tail.finish(&mut self.block, self.config.utf8_policy);
        match finished.map_err(|refusal| self.refuse(refusal))? {
            Finished::Comment => {
                self.comment = Place::Buffer;
                return Ok(Some(Kind::Comment));
            }
            Finished::Retry(time) => self.set_retry(time),
            Finished::Other => {}
        }
        Ok(None)
    }

    /// Finds and validates the next whole lines, or else the unfinished line
    /// that ends the chunk.
    fn find_body<B: StableBytes>(
        &mut self,
        chunk: &mut Chunk<B>,
        cursor: &mut Cursor,
    ) -> Result<(), ParseError> {
        let start = cursor.position;
        if cursor.lines_end <= start {
            let rest = &chunk.bytes()[start..];
            let Some(length) = lines::whole_lines(rest) else {
                cursor.position = chunk.len();
                self.tail.begin(&mut self.block, chunk);
                return self.read_tail(&chunk.bytes()[start..]);
            };
            cursor.lines_end = start + length;
        }
        let valid_end = chunk.validate(Span::new(start, cursor.lines_end));
        cursor.body_end = valid_end;
        if valid_end < cursor.lines_end {
            match lines::last_end(&chunk.bytes()[start..valid_end]) {
                Some(end) => cursor.body_end = start + end + 1,
                None => {
                    // The line at `start` is the one with the invalid bytes.
                    cursor.body_end = start;
                    self.tail.begin(&mut self.block, chunk);
                }
            }
        }
        Ok(())
    }

    /// Ends the unfinished line and block as if their line ends were there.
    /// Says whether that dispatches an event.
    fn dispatch_pending(&mut self) -> Result<bool, ParseError> {
        self.settle_bom(NO_CHUNK)?;
        self.finish_tail()?;
        Ok(self.end_block(NO_CHUNK, &self.cursor())? == Some(Kind::Event))
    }

    /// Forgets everything but the ID, the reconnection time, and what is lent.
    fn restart(&mut self) {
        self.offset = 0;
        self.bom = 0;
        self.after_cr = false;
        self.tail = Tail::default();
        self.block.end(0);
        self.retry_undelivered = false;
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// The place in a chunk up to which it has been read.
///
/// It borrows nothing, so the owner of a chunk can keep it beside the chunk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// Where the next line starts, or continues.
    position: usize,
    /// Where the whole lines that are known to be valid end.
    body_end: usize,
    /// Where the whole lines found so far end.
    lines_end: usize,
    /// Where the chunk starts in the stream.
    origin: u64,
}

impl Cursor {
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    fn offset(&self) -> u64 {
        self.origin + self.position as u64
    }
}

/// What [`Parser::advance`] has moved to, to be lent by the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Comment,
    LastEventId,
    Retry,
    /// All of the chunk has been read.
    End,
}

/// For text that is in buffers.
const NO_CHUNK: &Chunk<&[u8]> = &Chunk::EMPTY;
