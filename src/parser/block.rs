//! The open block: what its lines have set so far, and where that text is.
//!
//! A value that is entirely within the chunk is a span of the chunk. It moves
//! into a buffer of its own only if the block outlives the chunk
//! ([`Block::save`]), if a second line joins the data, or if a chunk end cut
//! its line, in which case `Tail` puts it here: at once if it is short, or else piece by piece.
//!
//! When changing this file: an open block must have nothing in the chunk when the
//! parser returns to its caller, and a value is counted against the limit before
//! it is stored.

use core::mem;

use super::{
    Utf8Policy,
    field::{Digits, Field},
};
use crate::text::{LinePart, Reading, ShortText, Span, Text, TextBuffer, is_cut_character};

/// Capacity that the data buffer keeps between blocks, in bytes.
const KEPT_FOR_DATA: usize = 4096;
/// Capacity that each of the other three buffers keeps between blocks.
const KEPT_FOR_OTHERS: usize = 1024;

/// How many bytes of a character may be there without the last one.
const CUT_CHARACTER: usize = 3;

/// How large a buffer may become at once because the last one was as large, if
/// that is not more than a small part of the limit.
const LARGEST_GUESS: usize = 64 * 1024;
/// How much data there has to be for such a guess.
const SMALLEST_GUESS: usize = 1024;

/// The smallest capacity of a buffer, if it has any. So short data can be taken out as it is.
const SMALLEST: usize = ShortText::CAPACITY;

/// A field of a block, as the bit that stands for it in [`Fields`].
pub(crate) type Bit = u64;
pub(crate) const DATA: Bit = 1;
pub(crate) const EVENT_TYPE: Bit = 2;
pub(crate) const ID: Bit = 4;
pub(crate) const RETRY: Bit = 8;

/// What the lines of a block have set, and where it is.
///
/// One number says both, because this is asked several times for each line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields {
    /// Which fields are set; four bits further up, whose value is in the block's
    /// buffer for that field; another four up, whose value is nowhere: together
    /// with the data it exceeds the limit, so only its length still counts. All
    /// other values are in the chunk.
    bits: Bit,
    data: Span,
    event_type: Span,
    id: Span,
}

impl Fields {
    #[inline]
    pub(crate) fn has(&self, fields: Bit) -> bool {
        self.bits & fields != 0
    }

    /// Whether this is all that is set, and in the chunk.
    #[inline]
    fn are_just(&self, fields: Bit) -> bool {
        self.bits == fields
    }

    /// Whether all those that are set are in the chunk.
    #[inline]
    fn are_in_chunk(&self) -> bool {
        self.bits >> 4 == 0
    }

    #[inline]
    fn is_in_buffer(&self, field: Bit) -> bool {
        self.bits & field << 4 != 0
    }

    #[inline]
    fn is_nowhere(&self, field: Bit) -> bool {
        self.bits & field << 8 != 0
    }

    /// Where the data is, if it is all that is set, and in the chunk.
    #[inline(always)]
    pub(crate) fn just_data(&self) -> Option<Span> {
        self.are_just(DATA).then_some(self.data)
    }

    /// Where data, type and ID are, if all those that are set are in the chunk.
    #[inline]
    pub(crate) fn in_chunk(&self) -> Option<[Span; 3]> {
        self.are_in_chunk().then(|| [DATA, EVENT_TYPE, ID].map(|field| self.span(field)))
    }

    /// The data, the type or the ID, if it is in the chunk.
    #[inline]
    fn span_in_chunk(&self, field: Bit) -> Option<Span> {
        let is_there = self.has(field) && !self.is_in_buffer(field) && !self.is_nowhere(field);
        is_there.then(|| self.span(field))
    }

    /// Where the field is, or just as long as it is. Empty if it is not set, or
    /// in its buffer.
    #[inline]
    fn span(&self, field: Bit) -> Span {
        if !self.has(field) {
            return Span::default();
        }
        match field {
            DATA => self.data,
            EVENT_TYPE => self.event_type,
            _ => self.id,
        }
    }

    #[inline]
    fn put_in_chunk(&mut self, field: Bit, span: Span) {
        self.bits = self.bits & !(field << 4 | field << 8) | field;
        match field {
            DATA => self.data = span,
            EVENT_TYPE => self.event_type = span,
            _ => self.id = span,
        }
    }

    #[inline]
    fn put_in_buffer(&mut self, field: Bit) {
        self.put_in_chunk(field, Span::default());
        self.bits |= field << 4;
    }

    fn put_nowhere(&mut self, field: Bit, length: usize) {
        self.put_in_chunk(field, Span::new(0, length));
        self.bits |= field << 8;
    }
}

/// More bytes than the limit allows: at least this many.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooLarge(pub(super) usize);

/// Why a line, and with it its block, is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    TooLarge(usize),
    InvalidUtf8,
}

impl From<TooLarge> for Refusal {
    fn from(TooLarge(size): TooLarge) -> Self {
        Self::TooLarge(size)
    }
}

/// The open block and the buffers it is assembled in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(super) fields: Fields,
    /// Where the block starts in the stream.
    pub(super) start: u64,
    /// The block has ended, and is what is lent, until the next one begins.
    pub(super) ended: bool,
    /// The block was refused: its remaining lines are skipped.
    pub(super) dropped: bool,
    /// In milliseconds, if `fields` have it.
    retry: u64,
    /// `ParserBuilder::max_event_size`.
    pub(super) limit: usize,
    /// How long a value may be for nothing to be wrong with it before its line
    /// ends: U+FFFD has three bytes, and may stand for one.
    unchecked: usize,
    pub(super) utf8_policy: Utf8Policy,
    /// A buffer may have more capacity than it keeps between blocks.
    pub(super) outgrown: bool,
    /// How long the data was that was put together last, unless it was short, or
    /// [`LARGEST_GUESS`].
    last_length: u32,
    data: TextBuffer,
    event_type: TextBuffer,
    id: TextBuffer,
    /// The value of the unfinished line, if it is a type, an ID or a comment.
    line: TextBuffer,
}

impl Block {
    pub(super) fn new(limit: usize, utf8_policy: Utf8Policy) -> Self {
        let unchecked = match utf8_policy {
            Utf8Policy::Replace => limit / 3,
            Utf8Policy::Reject => 0,
        };
        Self { limit, unchecked, utf8_policy, ..Self::default() }
    }

    /// Sets the data to a whole line of the chunk, or adds that line to it.
    #[inline]
    pub(super) fn add_data(&mut self, chunk: &Reading<'_>, value: Span) -> Result<(), TooLarge> {
        if self.fields.has(DATA) {
            return self.join_data(chunk.text(), value);
        }
        check(value.len(), self.limit)?;
        self.fields.put_in_chunk(DATA, value);
        Ok(())
    }

    #[inline(never)]
    fn join_data(&mut self, text: Text<'_>, value: Span) -> Result<(), TooLarge> {
        // A third line asks `save_data` for nothing, which has more to ask itself.
        if !self.fields.is_in_buffer(DATA) {
            self.save_data(text);
        }
        self.join_text(text.get(value))
    }

    #[inline]
    fn join_text(&mut self, value: &str) -> Result<(), TooLarge> {
        self.make_room_for_line(value.len())?;
        self.data.push_line(value);
        Ok(())
    }

    /// Makes room for the LF between two data lines, and a next line of this length.
    #[inline]
    fn make_room_for_line(&mut self, length: usize) -> Result<(), TooLarge> {
        let size = self.data.len().saturating_add(1 + length);
        check(size, self.limit)?;
        self.make_room(Buffer::Data, size);
        Ok(())
    }

    #[inline]
    pub(super) fn set_event_type(&mut self, value: Span) -> Result<(), TooLarge> {
        check(value.len(), self.limit)?;
        self.fields.put_in_chunk(EVENT_TYPE, value);
        Ok(())
    }

    /// Sets the ID, unless it contains U+0000.
    #[inline]
    pub(super) fn set_id(&mut self, bytes: &[u8], value: Span) -> Result<(), TooLarge> {
        if self.is_id(bytes)? {
            self.fields.put_in_chunk(ID, value);
        }
        Ok(())
    }

    /// Whether the value can be an ID. A field that contains U+0000 is ignored.
    ///
    /// What comes after the NUL does not count: if a chunk ends there, the
    /// field is given up before those bytes are seen.
    #[inline]
    fn is_id(&self, value: &[u8]) -> Result<bool, TooLarge> {
        let nul = find_nul(value);
        check(nul.unwrap_or(value.len()), self.limit)?;
        Ok(nul.is_none())
    }

    /// Sets the data to a whole line that is not in the chunk, or adds that line to it.
    #[inline]
    pub(super) fn add_data_text(&mut self, value: &str) -> Result<(), TooLarge> {
        if self.fields.has(DATA) {
            return self.join_text(value);
        }
        check(value.len(), self.limit)?;
        replace(&mut self.data, value, KEPT_FOR_DATA);
        self.fields.put_in_buffer(DATA);
        Ok(())
    }

    #[inline]
    pub(super) fn set_event_type_text(&mut self, value: &str) -> Result<(), TooLarge> {
        check(value.len(), self.limit)?;
        replace(&mut self.event_type, value, KEPT_FOR_OTHERS);
        self.fields.put_in_buffer(EVENT_TYPE);
        Ok(())
    }

    #[inline]
    pub(super) fn set_id_text(&mut self, value: &str) -> Result<(), TooLarge> {
        if self.is_id(value.as_bytes())? {
            replace(&mut self.id, value, KEPT_FOR_OTHERS);
            self.fields.put_in_buffer(ID);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn set_comment_text(&mut self, value: &str) -> Result<(), TooLarge> {
        self.check_comment(value.len())?;
        replace(&mut self.line, value, KEPT_FOR_OTHERS);
        Ok(())
    }

    /// Sets the reconnection time, if that is one.
    #[inline]
    pub(super) fn set_retry(&mut self, digits: Digits) {
        if let Some(milliseconds) = digits.reconnection_time() {
            self.fields.bits |= RETRY;
            self.retry = milliseconds;
        }
    }

    /// The reconnection time that the block has set, in milliseconds.
    #[inline]
    pub(super) fn retry(&self) -> Option<u64> {
        self.fields.has(RETRY).then_some(self.retry)
    }

    /// Checks a comment, of which all is there.
    #[inline]
    pub(super) fn check_comment(&self, length: usize) -> Result<(), TooLarge> {
        check(length, self.limit)
    }

    /// Whether nothing can be wrong yet with a line of so many bytes, even if it joins the data.
    #[inline]
    pub(super) fn may_wait(&self, length: usize) -> bool {
        let before = if self.fields.has(DATA) { self.data.len() + 1 } else { 0 };
        before + length <= self.unchecked
    }

    /// Checks the LF that a next data line would add.
    pub(super) fn check_next_line(&self) -> Result<(), TooLarge> {
        if self.fields.has(DATA) { check(self.data.len() + 1, self.limit) } else { Ok(()) }
    }

    /// Begins a value in a buffer: data after the data so far, which must no
    /// longer be in the chunk; any other in a buffer of its own, because it
    /// replaces the old value only once its line is complete.
    pub(super) fn begin_value(&mut self, buffer: Buffer) -> Result<(), TooLarge> {
        match buffer {
            Buffer::Data => self.begin_data(),
            Buffer::Line => {
                self.line.clear();
                Ok(())
            }
        }
    }

    fn begin_data(&mut self) -> Result<(), TooLarge> {
        if !self.fields.has(DATA) {
            self.data.clear();
            self.fields.put_in_buffer(DATA);
            return Ok(());
        }
        self.make_room_for_line(0)?;
        self.data.push_line("");
        Ok(())
    }

    /// Appends the next part of a value, if there is room, and nothing can be
    /// wrong with it before the line ends.
    #[inline(always)]
    pub(super) fn append(&mut self, buffer: Buffer, part: LinePart<'_>) -> bool {
        let unchecked = self.unchecked;
        let value = self.buffer(buffer);
        value.len() + part.bytes().len() <= unchecked && value.push_if_room(part)
    }

    /// Appends the next part of a value. If it is not known to be text, it is validated when
    /// the line ends, unless what is wrong with it may be an error before that.
    #[inline]
    pub(super) fn push_value(&mut self, buffer: Buffer, part: LinePart<'_>) -> Result<(), Refusal> {
        let limit = self.limit;
        let size = self.buffer(buffer).len().saturating_add(part.bytes().len());
        if size > limit {
            return self.push_up_to_limit(buffer, part.bytes());
        }
        self.make_room(buffer, size);
        self.buffer(buffer).push(part);
        if size <= self.unchecked { Ok(()) } else { self.validate(buffer, false) }
    }

    /// Appends bytes that exceed the limit, unless the last of them are the
    /// beginning of a character: they do not count before that is complete.
    #[cold]
    fn push_up_to_limit(&mut self, buffer: Buffer, bytes: &[u8]) -> Result<(), Refusal> {
        let length = self.buffer(buffer).len();
        let longest = self.limit.saturating_add(CUT_CHARACTER + 1) - length;
        let bytes = &bytes[..bytes.len().min(longest)];
        self.make_room(buffer, length + bytes.len());
        self.buffer(buffer).push(LinePart::unknown(bytes));
        self.validate(buffer, false)
    }

    /// Ends a value: all of it is text now.
    #[inline]
    pub(super) fn end_value(&mut self, buffer: Buffer) -> Result<(), Refusal> {
        self.validate(buffer, true)
    }

    #[inline]
    fn validate(&mut self, buffer: Buffer, is_complete: bool) -> Result<(), Refusal> {
        let limit = self.limit;
        let value = self.buffer(buffer);
        let is_valid = value.validate();
        check(value.text().len(), limit)?;
        if is_valid || (!is_complete && is_cut_character(value.unvalidated_bytes())) {
            return Ok(());
        }
        self.replace_invalid(buffer, is_complete)
    }

    /// Puts U+FFFD in the place of what is not UTF-8: one for each maximal
    /// subpart (Unicode §3.9, as in the Encoding Standard's decoder).
    #[cold]
    fn replace_invalid(&mut self, buffer: Buffer, is_complete: bool) -> Result<(), Refusal> {
        if self.utf8_policy == Utf8Policy::Reject {
            return Err(Refusal::InvalidUtf8);
        }
        let limit = self.limit;
        let value = self.buffer(buffer);
        let size = value.text().len().saturating_add(value.replaced_length(is_complete));
        check(size.saturating_sub(CUT_CHARACTER), limit)?;
        self.make_room(buffer, size);
        let value = self.buffer(buffer);
        value.replace_invalid(is_complete);
        Ok(check(value.text().len(), limit)?)
    }

    /// Makes room for a value of this size.
    #[inline]
    fn make_room(&mut self, buffer: Buffer, size: usize) {
        if size > self.buffer(buffer).capacity() {
            self.grow(buffer, size);
        }
    }

    #[cold]
    fn grow(&mut self, buffer: Buffer, size: usize) {
        let limit = self.limit;
        let kept = match buffer {
            Buffer::Data => {
                self.drop_oversize(size);
                KEPT_FOR_DATA
            }
            Buffer::Line => KEPT_FOR_OTHERS,
        };
        let usual = match buffer {
            // And an eighth more: streams that repeat a size hardly do so to the byte.
            Buffer::Data if size > SMALLEST_GUESS => {
                (self.last_length as usize * 9 / 8).min(LARGEST_GUESS).min(limit / 64)
            }
            _ => 0,
        };
        let value = self.buffer(buffer);
        grow(value, size, limit, kept, usual);
        self.outgrown |= self.buffer(buffer).capacity() > kept;
    }

    #[inline]
    fn buffer(&mut self, buffer: Buffer) -> &mut TextBuffer {
        match buffer {
            Buffer::Data => &mut self.data,
            Buffer::Line => &mut self.line,
        }
    }

    /// How much data there is in the buffer.
    pub(super) fn data_length(&self) -> usize {
        self.data.len()
    }

    /// Gives up the value that was begun.
    pub(super) fn clear_line(&mut self) {
        trim(&mut self.line, KEPT_FOR_OTHERS);
    }

    /// Makes the value of the finished line the event type.
    pub(super) fn set_event_type_to_line(&mut self) {
        adopt(&mut self.event_type, &mut self.line);
        self.fields.put_in_buffer(EVENT_TYPE);
    }

    /// Makes the value of the finished line, which contains no NUL, the ID.
    pub(super) fn set_id_to_line(&mut self) {
        adopt(&mut self.id, &mut self.line);
        self.fields.put_in_buffer(ID);
    }

    /// Copies what is in the chunk into the buffers, because the block may
    /// outlive the chunk.
    #[inline(always)]
    pub(super) fn save(&mut self, chunk: &Reading<'_>) {
        if self.fields.has(DATA | EVENT_TYPE | ID) {
            self.save_fields(chunk.text());
        }
    }

    fn save_fields(&mut self, text: Text<'_>) {
        self.save_data(text);
        self.drop_oversize(length(&self.fields, DATA, &self.data));
        let fields = &mut self.fields;
        for (field, buffer) in [(EVENT_TYPE, &mut self.event_type), (ID, &mut self.id)] {
            if let Some(span) = fields.span_in_chunk(field) {
                replace(buffer, text.get(span), KEPT_FOR_OTHERS);
                self.outgrown |= buffer.capacity() > KEPT_FOR_OTHERS;
                fields.put_in_buffer(field);
            }
        }
    }

    /// Frees a type and an ID that together with data of this length exceed
    /// the limit.
    #[inline]
    fn drop_oversize(&mut self, data_length: usize) {
        if self.fields.has(EVENT_TYPE | ID) {
            self.drop_fields(data_length);
        }
    }

    fn drop_fields(&mut self, data_length: usize) {
        let fields = &mut self.fields;
        for (field, buffer) in [(EVENT_TYPE, &mut self.event_type), (ID, &mut self.id)] {
            let length = length(fields, field, buffer);
            if fields.has(field) && length.saturating_add(data_length) > self.limit {
                fields.put_nowhere(field, length);
                *buffer = TextBuffer::default();
            }
        }
    }

    #[inline]
    fn save_data(&mut self, text: Text<'_>) {
        if let Some(span) = self.fields.span_in_chunk(DATA) {
            self.drop_oversize(span.len());
            replace(&mut self.data, text.get(span), KEPT_FOR_DATA);
            self.outgrown |= self.data.capacity() > KEPT_FOR_DATA;
            self.fields.put_in_buffer(DATA);
        }
    }

    /// Whether the block is open and has data. A block that was refused may
    /// have had some, so it counts.
    pub(super) fn has_data(&self) -> bool {
        !self.ended && (self.dropped || self.fields.has(DATA))
    }

    /// Whether nothing has been set.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.fields.are_just(0)
    }

    /// Ends the block at its blank line, or at the end of the stream. What it
    /// has set remains, to be lent, until [`begin`](Self::begin). Not for a block
    /// that was refused: of that there is nothing.
    #[inline]
    pub(super) fn end(&mut self, next_start: u64) {
        self.ended = true;
        self.start = next_start;
    }

    /// Notes how long data is that was put together, unless it is short.
    #[inline]
    pub(super) fn note_length(&mut self) {
        if self.fields.is_in_buffer(DATA) && self.data.len() > SMALLEST_GUESS {
            self.last_length = self.data.len().min(LARGEST_GUESS) as u32;
        }
    }

    /// Ends a block of which there is nothing to be lent, because it is empty or was
    /// refused.
    #[inline]
    pub(super) fn pass(&mut self, next_start: u64) {
        self.dropped = false;
        self.start = next_start;
    }

    /// Begins the next block, if this one has ended.
    #[inline(always)]
    pub(super) fn begin(&mut self) {
        if self.ended {
            self.ended = false;
            self.fields.bits = 0;
        }
    }

    /// Whether the block has ended without data, but with both an ID and a
    /// reconnection time. If so, only the second of these two items is left.
    #[inline]
    pub(super) fn pass_id_without_data(&mut self) -> bool {
        let fields = &mut self.fields;
        let has_both = self.ended && !fields.has(DATA) && fields.has(ID) && fields.has(RETRY);
        if has_both {
            fields.bits &= !ID;
        }
        has_both
    }

    /// Makes the block's ID, if it has one, the last event ID.
    #[inline(always)]
    pub(super) fn commit_id(&mut self, last_event_id: &mut TextBuffer, chunk: &Reading<'_>) {
        if let Some(span) = self.fields.span_in_chunk(ID) {
            replace(last_event_id, chunk.text().get(span), KEPT_FOR_OTHERS);
        } else if self.fields.is_in_buffer(ID) {
            mem::swap(last_event_id, &mut self.id);
            self.outgrown |= self.id.capacity() > KEPT_FOR_OTHERS;
        }
    }

    /// Whether data is all that is set, and in the chunk.
    #[inline(always)]
    pub(super) fn is_just_data(&self) -> bool {
        self.fields.are_just(DATA)
    }

    /// Whether data is all that is set, and in its buffer.
    #[inline(always)]
    pub(super) fn is_just_data_in_buffer(&self) -> bool {
        self.fields.are_just(DATA | DATA << 4)
    }

    /// Whether the block's parts are too large together. Each alone was checked
    /// at its line; those that are all in the chunk are not larger than that.
    #[inline(always)]
    pub(super) fn exceeds_limit(&self, chunk_length: usize) -> bool {
        let is_within = self.fields.are_in_chunk() && chunk_length <= self.limit;
        !is_within && self.size() > self.limit
    }

    /// How long data, type and ID are together.
    #[inline]
    pub(super) fn size(&self) -> usize {
        let fields = &self.fields;
        length(fields, DATA, &self.data)
            .saturating_add(length(fields, EVENT_TYPE, &self.event_type))
            .saturating_add(length(fields, ID, &self.id))
    }

    /// Refuses the block: nothing that it has set counts, and what its buffers
    /// hold is freed.
    pub(super) fn refuse(&mut self) {
        self.fields = Fields::default();
        self.dropped = true;
        self.trim();
    }

    /// Frees what the buffers hold beyond their kept capacity, if no open block
    /// needs it. The caller makes sure that no unfinished line does.
    #[inline]
    pub(super) fn trim(&mut self) {
        if self.outgrown {
            trim(&mut self.line, KEPT_FOR_OTHERS);
            if !self.fields.has(DATA | EVENT_TYPE | ID) {
                self.outgrown = false;
                trim(&mut self.data, KEPT_FOR_DATA);
                trim(&mut self.event_type, KEPT_FOR_OTHERS);
                trim(&mut self.id, KEPT_FOR_OTHERS);
            }
        }
    }

    /// Takes data out that is larger than the kept buffer.
    pub(super) fn take_large_data(&mut self) -> Option<TextBuffer> {
        let is_large = self.fields.is_in_buffer(DATA) && self.data.len() > KEPT_FOR_DATA;
        is_large.then(|| mem::take(&mut self.data))
    }

    /// The data, if it is all that is set, and in its buffer, which is not large.
    #[inline]
    pub(super) fn small_data(&self) -> Option<&str> {
        let is_small = self.is_just_data_in_buffer() && self.data.len() <= KEPT_FOR_DATA;
        is_small.then(|| self.data.text())
    }

    /// The same, if it is so short that an event has it in itself.
    #[inline(always)]
    pub(super) fn short_data(&self) -> Option<ShortText> {
        if self.is_just_data_in_buffer() { self.data.short() } else { None }
    }

    /// The data, if it is all that is set, and in the chunk.
    #[inline(always)]
    pub(super) fn just_data<'a>(&self, chunk: Text<'a>) -> Option<&'a str> {
        self.fields.just_data().map(|data| chunk.get(data))
    }

    #[inline(always)]
    pub(super) fn data<'a>(&'a self, chunk: Text<'a>) -> &'a str {
        self.text(DATA, &self.data, chunk)
    }

    #[inline(always)]
    pub(super) fn event_type<'a>(&'a self, chunk: Text<'a>) -> &'a str {
        self.text(EVENT_TYPE, &self.event_type, chunk)
    }

    /// The comment of the finished line.
    #[inline]
    pub(super) fn comment(&self) -> &str {
        self.line.text()
    }

    #[inline(always)]
    fn text<'a>(&self, field: Bit, buffer: &'a TextBuffer, chunk: Text<'a>) -> &'a str {
        if !self.fields.has(field) {
            ""
        } else if self.fields.is_in_buffer(field) {
            buffer.text()
        } else {
            chunk.get(self.fields.span(field))
        }
    }
}

/// Where an unfinished value is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buffer {
    Data,
    /// A type, an ID or a comment.
    Line,
}

impl Buffer {
    /// The buffer for the values of a field, if they are kept.
    pub(super) fn of(field: Field) -> Option<Self> {
        match field {
            Field::Data => Some(Self::Data),
            Field::EventType | Field::Id | Field::Comment => Some(Self::Line),
            Field::Retry | Field::Unknown => None,
        }
    }
}

/// How long a value is, wherever it is.
#[inline]
fn length(fields: &Fields, field: Bit, buffer: &TextBuffer) -> usize {
    if fields.is_in_buffer(field) { buffer.len() } else { fields.span(field).len() }
}

/// Where the first U+0000 is. An ID is mostly shorter than a call of `memchr` is worth.
#[inline]
fn find_nul(bytes: &[u8]) -> Option<usize> {
    if bytes.len() <= 16 {
        bytes.iter().position(|byte| *byte == 0)
    } else {
        memchr::memchr(0, bytes)
    }
}

#[inline]
fn check(size: usize, limit: usize) -> Result<(), TooLarge> {
    if size > limit { Err(TooLarge(size)) } else { Ok(()) }
}

/// Makes room for `size` bytes, which are within the limit, but for a character
/// that is cut. The buffer doubles as it grows, but not beyond the kept capacity,
/// or half the limit, if that is enough; once beyond half the limit it grows to
/// the limit at once, to avoid another copy on the way. So its capacity is never
/// more than both the kept one, or the usual one, and twice its content.
fn grow(buffer: &mut TextBuffer, size: usize, limit: usize, kept: usize, usual: usize) {
    let doubled = buffer.capacity().saturating_mul(2).max(size).max(SMALLEST);
    let capacity = if size.max(usual) <= kept {
        doubled.min(kept)
    } else if size <= limit / 2 {
        doubled.max(usual).min(limit / 2)
    } else {
        limit.saturating_add(CUT_CHARACTER + 1).min(isize::MAX as usize)
    };
    buffer.reserve_exact(capacity - buffer.len());
}

/// Makes `text` the content of the buffer. A buffer that is too small is not
/// grown, which would copy its old content, but replaced; and so is one that is
/// larger than both the text and the kept capacity, for it may stay for long.
#[inline]
fn replace(buffer: &mut TextBuffer, text: &str, kept: usize) {
    if buffer.capacity() < text.len() || buffer.capacity() > text.len().max(kept) {
        *buffer = TextBuffer::default();
        buffer.reserve_exact(text.len().max(SMALLEST));
    }
    buffer.clear();
    buffer.push_text(text);
}

/// Moves the finished line into the buffer of its field, without a copy unless
/// much of its capacity is unused.
fn adopt(buffer: &mut TextBuffer, line: &mut TextBuffer) {
    mem::swap(buffer, line);
    trim(line, KEPT_FOR_OTHERS);
    buffer.shrink_to(KEPT_FOR_OTHERS);
}

fn trim(buffer: &mut TextBuffer, kept: usize) {
    buffer.clear();
    if buffer.capacity() > kept {
        *buffer = TextBuffer::default();
    }
}
