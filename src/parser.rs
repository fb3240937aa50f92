//! The parser (WHATWG HTML §9.2.5 and §9.2.6): bytes in, lent events out.
//!
//! # Advice for hackers
//!
//! A chunk is read in three parts. Its *head* completes the line that the
//! previous chunk left unfinished. Its *body* is all the whole lines. Its
//! *tail* is an unfinished line. Head and tail go through [`tail`], which
//! puts a short line together and reads a longer one as it arrives. A line of the
//! body ([`Parser::read_line`]) is whole and known to be UTF-8; what is found there
//! are spans of the chunk. A line that is not UTF-8 is read as if it had been cut
//! out by chunk ends.
//!
//! Where lines end, and what is text, [`Reading`] knows: it looks ahead by
//! more than a kilobyte, so that the loop over the lines, in [`Parser::advance`], has next to
//! nothing to do for each of them.
//!
//! [`Parser::advance`] moves to the next item and says what kind it is,
//! borrowing nothing. Lending happens afterwards, from where the parser knows
//! the text to be, and differs for each owner of a chunk: `Feed`, `Decoder`,
//! `EventReader`. Whenever `advance` returns, nothing in the parser refers to
//! the chunk except the item to be lent. That is why a `Feed` may be dropped at
//! any time.
//!
//! Whatever the parser does must not depend on where chunks end. So each line
//! has one outcome, errors included, whichever way it was read.

mod block;
mod config;
mod feed;
mod field;
mod tail;

use alloc::{boxed::Box, string::String};
use core::{mem, time::Duration};

pub(crate) use self::block::{Fields, ID};
use self::{
    block::{Block, DATA, RETRY, Refusal, TooLarge},
    config::Config,
    field::{Digits, Field},
    tail::{Finished, Tail},
};
pub use self::{
    config::{EofPolicy, ParserBuilder, Utf8Policy},
    feed::Feed,
};
use crate::{
    error::ParseError,
    event::{EventRef, IdSource, ItemRef},
    lines::{LF, WINDOW},
    text::{Chunk, LinePart, Reading, ShortText, Span, Text, TextBuffer},
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
/// is split across chunks, or that has several `data` lines, a comment or bytes
/// that are not UTF-8 in it, for the last event ID, and for an error.
///
/// Between blocks the buffers keep at most 4 KiB for data, and 1 KiB each for
/// type, ID and unfinished line. While a block is open, they hold at most three
/// times [`max_event_size`](ParserBuilder::max_event_size) beside that, and half of
/// it again for the moment in which one of them grows. The last event ID is kept
/// besides, at its full length.
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
    eof_policy: EofPolicy,
    last_event_id: TextBuffer,
    /// In milliseconds, if `has_reconnection_time` (an `Option` would be a word more). The open
    /// block may have set another.
    reconnection_time: u64,
    has_reconnection_time: bool,

    /// How many bytes of the stream have been read.
    offset: u64,
    seam: Seam,
    tail: Tail,
    block: Block,

    /// Where in the chunk the comment is that was read last, to be lent.
    comment: Span,
    /// A block has set the last event ID since the owner asked.
    new_id: bool,
    /// The error that `advance` has met with, for the moment until it is taken.
    error: Option<Box<ParseError>>,
}

/// What the next bytes may belong to, other than the beginning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seam {
    None,
    /// To a BOM at the start of the stream, of which so many have been read.
    Bom(u8),
    /// To a line end whose CR was the last byte: an LF now is part of it.
    LineEnd,
    /// To the unfinished line.
    Line,
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
            last_event_id: last_event_id.into(),
            reconnection_time: 0,
            has_reconnection_time: false,
            offset: 0,
            seam: Seam::Bom(0),
            tail: Tail::default(),
            block: Block::new(config.max_event_size, config.utf8_policy),
            comment: Span::default(),
            new_id: false,
            error: None,
            eof_policy: config.eof_policy,
        }
    }

    /// Gives the parser the next bytes of the stream, however few or many.
    ///
    /// Reads nothing yet: [`Feed::next_event`] and [`Feed::next_item`] do that,
    /// until they return `None`. Does not copy or allocate.
    #[inline]
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
        match self.end_stream() {
            Kind::Event => Ok(Some(self.lend_event(Text::default()))),
            Kind::Error => Err(*self.take_error()),
            _ => Ok(None),
        }
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
        matches!(self.seam, Seam::Bom(1..) | Seam::Line) || self.block.has_data()
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
    #[inline]
    pub fn last_event_id(&self) -> &str {
        self.last_event_id.text()
    }

    /// The reconnection time that the stream asked for, if any (WHATWG HTML
    /// §9.2.6).
    ///
    /// A number of milliseconds that does not fit in a `u64` counts as
    /// `u64::MAX`. It changes at the `retry` line, not at the blank line.
    pub fn reconnection_time(&self) -> Option<Duration> {
        let before = self.has_reconnection_time.then_some(self.reconnection_time);
        self.retry().or(before).map(Duration::from_millis)
    }

    /// How many bytes of the stream have been read.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads up to the next item that is wanted, and returns what it is.
    ///
    /// This is the loop that everything depends on. It becomes part of its
    /// callers; what is done seldom is not, but has functions of its own. So has
    /// whatever makes an error: as a part of what is returned here, it would be
    /// in the way of the events.
    #[inline(always)]
    pub(crate) fn advance(&mut self, mut chunk: Reading<'_>, wanted: Wanted) -> Kind {
        if wanted == Wanted::Items && self.block.pass_id_without_data() {
            return Kind::Retry;
        }
        self.begin_block();
        if chunk.is_read() {
            return Kind::End;
        }
        if self.seam != Seam::None {
            // Not in `cross_seam`: for most short chunks this is all, and should cost no call.
            if let Some(part) = chunk.part_of_line() {
                if self.append_part(part) {
                    chunk.take_rest();
                    return Kind::End;
                }
            }
            if let Some(kind) = self.cross_seam(chunk.reborrow(), wanted) {
                return kind;
            }
        }
        while let Some(line) = chunk.next_line(|| self.seam = Seam::LineEnd) {
            let item = if line.is_empty() {
                self.end_block(&chunk)
            } else if self.block.dropped {
                None
            } else if chunk.is_text(line) {
                match self.read_line(&chunk, line) {
                    Ok(item) => item,
                    Err(TooLarge(size)) => return self.refuse_line(chunk.offset(), size),
                }
            } else {
                self.read_invalid_line(chunk.reborrow(), line, wanted)
            };
            if let Some(kind) = item {
                if self.deliver(kind, wanted, &chunk) {
                    return kind;
                }
            }
        }
        if chunk.is_read() && self.block.is_empty() {
            self.offset = chunk.offset();
            return Kind::End;
        }
        self.end_chunk(chunk.reborrow())
    }

    /// Same as [`finish`](Self::finish), but borrows nothing: returns what is to be lent,
    /// or taken out.
    #[cold]
    pub(crate) fn end_stream(&mut self) -> Kind {
        self.begin_block();
        let last = match self.eof_policy {
            EofPolicy::Dispatch => self.dispatch_pending(),
            EofPolicy::Error if self.has_pending() => {
                self.fail(ParseError::UnexpectedEnd { offset: self.block.start })
            }
            EofPolicy::Error | EofPolicy::Discard => Kind::End,
        };
        self.restart();
        if last != Kind::Event {
            self.begin_block();
        }
        last
    }

    /// Reads a chunk that is a part of a line, if nothing is to be done with it but to append
    /// it to the unfinished line.
    #[inline]
    pub(crate) fn append_part(&mut self, part: LinePart<'_>) -> bool {
        let is_read = self.seam == Seam::Line && self.tail.append(part, &mut self.block);
        if is_read {
            self.offset += part.bytes().len() as u64;
        }
        is_read
    }

    /// The error that was met with. It stays in its box, so that it is moved to where it
    /// is to be by who has called, and no call has to be told where that is.
    #[cold]
    pub(crate) fn take_error(&mut self) -> Box<ParseError> {
        self.error.take().expect("it has been stored")
    }

    /// Stores an error, to be taken out by who has called `advance`.
    #[cold]
    fn fail(&mut self, error: ParseError) -> Kind {
        self.error = Some(Box::new(error));
        Kind::Error
    }

    /// Whether a block has set the last event ID since this was asked last.
    #[inline]
    pub(crate) fn take_new_id(&mut self) -> bool {
        mem::take(&mut self.new_id)
    }

    /// What has been set by the block whose end `advance` has moved to.
    #[inline]
    pub(crate) fn fields(&self) -> &Fields {
        &self.block.fields
    }

    /// The reconnection time that the block has set whose end `advance` has
    /// moved to, in milliseconds.
    #[inline]
    pub(crate) fn retry(&self) -> Option<u64> {
        self.block.retry()
    }

    /// Takes out the data of the event that `advance` has moved to, if it has
    /// been put together and is large. What is lent afterwards has none.
    pub(crate) fn take_large_data(&mut self) -> Option<TextBuffer> {
        self.block.take_large_data()
    }

    /// The data of the event that `advance` has moved to, if it is all that there is, has been
    /// put together, and is not large.
    #[inline]
    pub(crate) fn small_data(&self) -> Option<&str> {
        self.block.small_data()
    }

    /// The same, if it is so short that an event has it in itself.
    #[inline(always)]
    pub(crate) fn short_data(&self) -> Option<ShortText> {
        self.block.short_data()
    }

    /// Lends data, type and ID of that event, if it has them.
    #[inline]
    pub(crate) fn own_text<'a>(&'a self, chunk: Text<'a>) -> [&'a str; 3] {
        let id = if self.block.fields.has(ID) { self.last_event_id.text() } else { "" };
        [self.block.data(chunk), self.block.event_type(chunk), id]
    }

    /// Lends the event that `advance` has moved to.
    #[inline(always)]
    pub(crate) fn lend_event<'a>(&'a self, chunk: Text<'a>) -> EventRef<'a> {
        if let Some(data) = self.block.just_data(chunk) {
            let last_event_id = self.last_event_id.text();
            return EventRef::new(data, "", IdSource::Inherited, last_event_id, None);
        }
        EventRef::new(
            self.block.data(chunk),
            self.block.event_type(chunk),
            if self.block.fields.has(ID) { IdSource::Own } else { IdSource::Inherited },
            self.last_event_id.text(),
            self.retry(),
        )
    }

    /// Lends the item that `advance` has moved to.
    #[inline]
    pub(crate) fn lend_item<'a>(&'a self, kind: Kind, chunk: Text<'a>) -> Option<ItemRef<'a>> {
        match kind {
            Kind::Event => Some(ItemRef::Event(self.lend_event(chunk))),
            Kind::Comment => Some(ItemRef::Comment(chunk.get(self.comment))),
            Kind::CommentInBuffer => Some(ItemRef::Comment(self.block.comment())),
            Kind::LastEventId => Some(ItemRef::LastEventId(self.last_event_id.text())),
            Kind::Retry => self.retry().map(|time| ItemRef::Retry(Duration::from_millis(time))),
            Kind::End | Kind::Error => None,
        }
    }

    /// Makes everything ready to return an item to the caller, and says whether it
    /// is wanted. If not, it is passed over.
    #[inline(always)]
    fn deliver(&mut self, kind: Kind, wanted: Wanted, chunk: &Reading<'_>) -> bool {
        match (kind, wanted) {
            (Kind::Event | Kind::End | Kind::Error, _) => true,
            (Kind::Comment | Kind::CommentInBuffer, Wanted::Items) => {
                self.offset = chunk.offset();
                self.block.save(chunk);
                true
            }
            (Kind::LastEventId | Kind::Retry, Wanted::Items) => true,
            (Kind::Comment, Wanted::Events) => false,
            (_, Wanted::Events) => {
                self.begin_block();
                false
            }
        }
    }

    /// Reads a whole line that is not blank.
    #[inline(always)]
    fn read_line(&mut self, chunk: &Reading<'_>, line: Span) -> Result<Option<Kind>, TooLarge> {
        let (field, value_start) = field::split(chunk.bytes(line));
        let value = Span::new(line.start + value_start, line.end);
        match field {
            Field::Data => self.block.add_data(chunk, value)?,
            Field::EventType => self.block.set_event_type(value)?,
            Field::Id => self.block.set_id(chunk.bytes(value), value)?,
            Field::Retry => self.block.set_retry(Digits::of(chunk.bytes(value))),
            Field::Comment => {
                self.block.check_comment(value.len())?;
                self.comment = value;
                return Ok(Some(Kind::Comment));
            }
            Field::Unknown => {}
        }
        Ok(None)
    }

    /// Reads a whole line that is not UTF-8.
    #[cold]
    fn read_invalid_line(
        &mut self,
        chunk: Reading<'_>,
        line: Span,
        wanted: Wanted,
    ) -> Option<Kind> {
        self.offset = chunk.offset();
        self.block.save(&chunk);
        let begun = self.tail.begin(LinePart::unknown(chunk.bytes(line)), &mut self.block);
        let finished = self.tail.finish(LinePart::EMPTY, &mut self.block, wanted);
        self.end_line(begun.and(finished))
    }

    /// Ends the block at its blank line, which has just been passed.
    #[inline(always)]
    fn end_block(&mut self, chunk: &Reading<'_>) -> Option<Kind> {
        let offset = chunk.offset();
        // Most blocks have nothing but data, and then there is nothing to sum up: it was checked
        // at its line. A block that was refused has nothing that is set.
        if self.block.is_just_data() {
            self.offset = offset;
            self.block.end(offset);
            return Some(Kind::Event);
        }
        if self.block.is_just_data_in_buffer() {
            self.offset = offset;
            self.block.end(offset);
            self.block.note_length();
            return Some(Kind::Event);
        }
        if self.block.is_empty() {
            self.block.pass(offset);
            return None;
        }
        if self.block.exceeds_limit(chunk.len()) {
            return Some(self.refuse_at_end(offset));
        }
        self.offset = offset;
        self.block.end(offset);
        self.block.note_length();
        self.commit(chunk)
    }

    /// Commits the reconnection time and the last event ID of the block that has ended, and
    /// dispatches the event if there is data.
    #[inline(always)]
    fn commit(&mut self, chunk: &Reading<'_>) -> Option<Kind> {
        let fields = &self.block.fields;
        let (has_data, has_id, has_retry) = (fields.has(DATA), fields.has(ID), fields.has(RETRY));
        self.commit_retry();
        if has_id {
            self.block.commit_id(&mut self.last_event_id, chunk);
            self.new_id = true;
        }
        if has_data {
            return Some(Kind::Event);
        }
        if has_id {
            return Some(Kind::LastEventId);
        }
        if has_retry {
            return Some(Kind::Retry);
        }
        self.begin_block();
        None
    }

    /// Refuses the block at its blank line.
    #[cold]
    fn refuse_at_end(&mut self, offset: u64) -> Kind {
        let error = self.refuse(Refusal::TooLarge(self.block.size()));
        self.offset = offset;
        self.block.pass(offset);
        error
    }

    /// Refuses the block because of the line that has been passed.
    #[cold]
    fn refuse_line(&mut self, offset: u64, size: usize) -> Kind {
        self.offset = offset;
        self.refuse(Refusal::TooLarge(size))
    }

    /// Forgets the block that has ended, if one has: nothing of it is lent any
    /// more. Frees memory that no unfinished line needs.
    #[inline(always)]
    fn begin_block(&mut self) {
        self.block.begin();
        if self.block.outgrown {
            self.trim();
        }
    }

    #[cold]
    fn trim(&mut self) {
        if !self.tail.is_open() {
            self.block.trim();
        }
    }

    /// Makes the block's reconnection time, if it has one, that of the stream.
    #[inline]
    fn commit_retry(&mut self) {
        if let Some(time) = self.retry() {
            self.reconnection_time = time;
            self.has_reconnection_time = true;
        }
    }

    /// Drops the open block, as if none of its lines had been there.
    #[cold]
    fn refuse(&mut self, refusal: Refusal) -> Kind {
        if self.tail.is_open() {
            self.tail.give_up(self.seam == Seam::Line);
        }
        self.block.refuse();
        let offset = self.block.start;
        self.fail(match refusal {
            Refusal::TooLarge(size) => {
                ParseError::EventTooLarge { size, limit: self.block.limit, offset }
            }
            Refusal::InvalidUtf8 => ParseError::InvalidUtf8 { offset },
        })
    }

    /// Reads what belongs to the bytes before this chunk. Returns an item that
    /// is wanted, or the end, if that is reached.
    #[inline]
    fn cross_seam(&mut self, chunk: Reading<'_>, wanted: Wanted) -> Option<Kind> {
        if self.seam == Seam::Line {
            return self.read_head(chunk, wanted);
        }
        self.cross_line_end_or_bom(chunk, wanted)
    }

    /// Reads what belongs to a line end or a BOM, and the head if that was no BOM.
    #[inline(never)]
    fn cross_line_end_or_bom(&mut self, mut chunk: Reading<'_>, wanted: Wanted) -> Option<Kind> {
        match self.seam {
            Seam::Bom(read) => self.read_bom(read, &mut chunk),
            _ => self.skip_lf(&mut chunk),
        }
        if self.seam == Seam::Line { self.read_head(chunk, wanted) } else { None }
    }

    /// Reads the head of the chunk: its part of the unfinished line.
    #[inline(never)]
    fn read_head(&mut self, mut chunk: Reading<'_>, wanted: Wanted) -> Option<Kind> {
        if self.tail.has_data_above(WINDOW, &self.block) {
            chunk.go_on_with_long_line();
        }
        self.seam = Seam::None;
        let item = match chunk.next_line(|| self.seam = Seam::LineEnd) {
            Some(last) => self.finish_line(chunk.part(last), wanted),
            None => {
                self.seam = Seam::Line;
                let part = chunk.take_rest();
                Some(self.read_part(chunk.part(part)))
            }
        };
        self.offset = chunk.offset();
        item.filter(|kind| self.deliver(*kind, wanted, &chunk))
    }

    /// Passes over a BOM at the very start of the stream.
    fn read_bom(&mut self, read: u8, chunk: &mut Reading<'_>) {
        let missing = &BOM[usize::from(read)..];
        let rest = chunk.rest();
        let same = missing.iter().zip(rest).take_while(|(a, b)| a == b).count();
        if same == missing.len() {
            self.seam = Seam::None;
            chunk.skip(same);
            self.block.start = chunk.offset();
        } else if same == rest.len() {
            self.seam = Seam::Bom(read + same as u8);
            chunk.skip(same);
        } else {
            self.settle_bom();
        }
    }

    /// Treats what was read as the beginning of a BOM as the beginning of a
    /// line.
    fn settle_bom(&mut self) {
        let Seam::Bom(read) = self.seam else { return };
        self.seam = Seam::None;
        if read > 0 {
            // Never an error: it is no field, and the beginning of a character.
            self.begin_line(LinePart::unknown(&BOM[..usize::from(read)]));
        }
    }

    /// Passes over the LF of a CR LF that a chunk end has split.
    fn skip_lf(&mut self, chunk: &mut Reading<'_>) {
        let Some(first) = chunk.rest().first() else { return };
        self.seam = Seam::None;
        if *first == LF {
            let between_blocks = self.block.start == chunk.offset();
            chunk.skip(1);
            if between_blocks {
                self.block.start = chunk.offset();
            }
        }
    }

    /// Reads the tail of the chunk: the beginning of a line, if anything.
    #[inline(never)]
    fn end_chunk(&mut self, mut chunk: Reading<'_>) -> Kind {
        self.block.save(&chunk);
        let tail = chunk.take_rest();
        self.offset = chunk.offset();
        if tail.is_empty() {
            return Kind::End;
        }
        self.begin_line(chunk.part(tail))
    }

    /// Reads the beginning of an unfinished line.
    #[inline]
    fn begin_line(&mut self, part: LinePart<'_>) -> Kind {
        self.seam = Seam::Line;
        let begun = self.tail.begin(part, &mut self.block);
        self.pass(begun)
    }

    /// Reads the next part of the unfinished line.
    #[inline(never)]
    fn read_part(&mut self, part: LinePart<'_>) -> Kind {
        let read = self.tail.read(part, &mut self.block);
        self.pass(read)
    }

    /// There is nothing to be delivered before the line ends, but an error.
    #[inline]
    fn pass(&mut self, read: Result<(), Refusal>) -> Kind {
        read.map_or_else(|refusal| self.refuse(refusal), |()| Kind::End)
    }

    /// Reads the last part of the unfinished line.
    fn finish_line(&mut self, last: LinePart<'_>, wanted: Wanted) -> Option<Kind> {
        let finished = self.tail.finish(last, &mut self.block, wanted);
        self.end_line(finished)
    }

    /// Does what is left to be done for a line that has ended.
    #[inline]
    fn end_line(&mut self, finished: Result<Finished, Refusal>) -> Option<Kind> {
        match finished {
            Ok(Finished::Other) => None,
            Ok(Finished::Comment) => Some(Kind::CommentInBuffer),
            Err(refusal) => Some(self.refuse(refusal)),
        }
    }

    /// Ends the unfinished line and block as if their line ends were there.
    /// That dispatches an event, or nothing.
    fn dispatch_pending(&mut self) -> Kind {
        self.settle_bom();
        if self.finish_line(LinePart::EMPTY, Wanted::Events) == Some(Kind::Error) {
            return Kind::Error;
        }
        let mut no_chunk = Chunk::new(&[][..], self.offset);
        let item = self.end_block(&no_chunk.reading());
        item.filter(|kind| matches!(kind, Kind::Event | Kind::Error)).unwrap_or(Kind::End)
    }

    /// Forgets everything but the ID, the reconnection time, and what is lent.
    fn restart(&mut self) {
        self.commit_retry();
        self.offset = 0;
        self.seam = Seam::Bom(0);
        self.tail = Tail::default();
        self.block.end(0);
        self.block.dropped = false;
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// What a caller of [`Parser::advance`] is interested in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Events,
    Items,
}

/// What [`Parser::advance`] has moved to, to be lent by the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Comment,
    /// One that was put together in the block's buffer, if items are wanted.
    CommentInBuffer,
    LastEventId,
    Retry,
    /// All of the chunk has been read.
    End,
    /// To be taken out with [`Parser::take_error`].
    Error,
}
