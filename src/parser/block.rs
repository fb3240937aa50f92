//! The open block: what its lines have set so far, and where that text is.
//!
//! A value that is entirely within the chunk is a span of the chunk. It moves
//! into a buffer of its own only if the block outlives the chunk
//! ([`Block::save`]), if a second line joins the data, or if a chunk end cut
//! its line, in which case `Tail` appends it here piece by piece.
//!
//! When changing this file: an open block must have no [`Place::Chunk`] when the
//! parser returns to its caller, and a value is counted against the limit before
//! it is stored.

use alloc::string::String;
use core::{mem, time::Duration};

use crate::text::{Chunk, Span, StableBytes};

/// Capacity that the data buffer keeps between blocks, in bytes.
const KEPT_FOR_DATA: usize = 4096;
/// Capacity that each of the other three buffers keeps between blocks.
const KEPT_FOR_OTHERS: usize = 1024;

/// The smallest capacity of a buffer, if it has any.
const SMALLEST: usize = 64;

/// Where the value of a field is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// The block has no such field.
    #[default]
    Absent,
    /// In the chunk being read.
    Chunk(Span),
    /// In the block's buffer for that field.
    Buffer,
    /// Nowhere: together with the data it exceeds the limit, so only its length
    /// still counts. A later line may set the field anew.
    Oversize(usize),
}

/// What the lines of a block have set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) data: Place,
    pub(crate) event_type: Place,
    pub(crate) id: Place,
    pub(crate) retry: Option<Duration>,
}

impl Fields {
    /// Whether no field that has a place is set.
    fn is_empty(&self) -> bool {
        [self.data, self.event_type, self.id] == [Place::Absent; 3]
    }
}

/// More bytes than the limit allows: at least this many.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooLarge(pub(super) usize);

/// The open block and the buffers it is assembled in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(super) fields: Fields,
    /// Where the block starts in the stream.
    pub(super) start: u64,
    /// The block has ended, and is what is lent, until the next one begins.
    ended: bool,
    /// The block was refused: its remaining lines are skipped.
    pub(super) dropped: bool,
    /// `ParserBuilder::max_event_size`.
    pub(super) limit: usize,
    /// A buffer may have more capacity than it keeps between blocks.
    outgrown: bool,
    data: String,
    event_type: String,
    id: String,
    /// The value of the unfinished line, if it is a type, an ID or a comment.
    line: String,
}

impl Block {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Sets the data to a whole line of the chunk, or adds that line to it.
    #[inline]
    pub(super) fn add_data<B: StableBytes>(
        &mut self,
        chunk: &Chunk<B>,
        value: Span,
    ) -> Result<(), TooLarge> {
        if self.fields.data == Place::Absent {
            check(value.len(), self.limit)?;
            self.fields.data = Place::Chunk(value);
            return Ok(());
        }
        self.save_data(chunk);
        self.begin_data()?;
        self.push_data(chunk.text(value))
    }

    #[inline]
    pub(super) fn set_event_type(&mut self, value: Span) -> Result<(), TooLarge> {
        check(value.len(), self.limit)?;
        self.fields.event_type = Place::Chunk(value);
        Ok(())
    }

    /// Sets the ID, unless it contains U+0000: such a field is ignored.
    ///
    /// What comes after the NUL does not count: if a chunk ends there, the
    /// field is given up before those bytes are seen.
    #[inline]
    pub(super) fn set_id<B: StableBytes>(
        &mut self,
        chunk: &Chunk<B>,
        value: Span,
    ) -> Result<(), TooLarge> {
        match memchr::memchr(0, &chunk.bytes()[value.range()]) {
            Some(nul) => check(nul, self.limit),
            None => {
                check(value.len(), self.limit)?;
                self.fields.id = Place::Chunk(value);
                Ok(())
            }
        }
    }

    /// Checks a comment that is entirely within the chunk.
    pub(super) fn check_comment(&self, value: Span) -> Result<(), TooLarge> {
        check(value.len(), self.limit)
    }

    /// Begins a data line in the buffer, after the data so far, which must no
    /// longer be in the chunk.
    pub(super) fn begin_data(&mut self) -> Result<(), TooLarge> {
        if self.fields.data == Place::Absent {
            self.data.clear();
            self.fields.data = Place::Buffer;
            return Ok(());
        }
        self.push_data("\n")
    }

    pub(super) fn push_data(&mut self, text: &str) -> Result<(), TooLarge> {
        self.drop_oversize(self.data.len() + text.len());
        append(&mut self.data, text, self.limit, KEPT_FOR_DATA)?;
        self.outgrown |= self.data.capacity() > KEPT_FOR_DATA;
        Ok(())
    }

    /// Begins a value that is not data; it replaces the old value only once its
    /// line is complete.
    pub(super) fn begin_line(&mut self) {
        self.line.clear();
    }

    /// Gives up the value that was begun.
    pub(super) fn clear_line(&mut self) {
        trim(&mut self.line, KEPT_FOR_OTHERS);
    }

    pub(super) fn push_line(&mut self, text: &str) -> Result<(), TooLarge> {
        append(&mut self.line, text, self.limit, KEPT_FOR_OTHERS)?;
        self.outgrown |= self.line.capacity() > KEPT_FOR_OTHERS;
        Ok(())
    }

    /// Makes the value of the finished line the event type.
    pub(super) fn set_event_type_to_line(&mut self) {
        adopt(&mut self.event_type, &mut self.line);
        self.fields.event_type = Place::Buffer;
    }

    /// Makes the value of the finished line, which contains no NUL, the ID.
    pub(super) fn set_id_to_line(&mut self) {
        adopt(&mut self.id, &mut self.line);
        self.fields.id = Place::Buffer;
    }

    /// Copies what is in the chunk into the buffers, because the block may
    /// outlive the chunk.
    pub(super) fn save<B: StableBytes>(&mut self, chunk: &Chunk<B>) {
        self.save_data(chunk);
        self.drop_oversize(length(self.fields.data, &self.data));
        let fields = &mut self.fields;
        for (place, buffer) in
            [(&mut fields.event_type, &mut self.event_type), (&mut fields.id, &mut self.id)]
        {
            if let Place::Chunk(span) = *place {
                replace(buffer, chunk.text(span), KEPT_FOR_OTHERS);
                self.outgrown |= buffer.capacity() > KEPT_FOR_OTHERS;
                *place = Place::Buffer;
            }
        }
    }

    /// Frees a type and an ID that together with data of this length exceed
    /// the limit.
    fn drop_oversize(&mut self, data_length: usize) {
        let fields = &mut self.fields;
        for (place, buffer) in
            [(&mut fields.event_type, &mut self.event_type), (&mut fields.id, &mut self.id)]
        {
            let length = length(*place, buffer);
            if *place != Place::Absent && length.saturating_add(data_length) > self.limit {
                *place = Place::Oversize(length);
                *buffer = String::new();
            }
        }
    }

    fn save_data<B: StableBytes>(&mut self, chunk: &Chunk<B>) {
        if let Place::Chunk(span) = self.fields.data {
            self.drop_oversize(span.len());
            replace(&mut self.data, chunk.text(span), KEPT_FOR_DATA);
            self.outgrown |= self.data.capacity() > KEPT_FOR_DATA;
            self.fields.data = Place::Buffer;
        }
    }

    /// Whether the block is open and has data. A block that was refused may
    /// have had some, so it counts.
    pub(super) fn has_data(&self) -> bool {
        !self.ended && (self.dropped || self.fields.data != Place::Absent)
    }

    /// Ends the block at its blank line, or at the end of the stream. What it
    /// has set remains, to be lent, until [`begin`](Self::begin).
    #[inline]
    pub(super) fn end(&mut self, next_start: u64) {
        self.ended = true;
        self.dropped = false;
        self.start = next_start;
    }

    /// Begins the next block, if this one has ended.
    #[inline]
    pub(super) fn begin(&mut self) {
        if self.ended {
            self.ended = false;
            self.fields = Fields::default();
        }
    }

    /// Makes the block's ID, if it has one, the last event ID.
    #[inline]
    pub(super) fn commit_id<B: StableBytes>(
        &mut self,
        last_event_id: &mut String,
        chunk: &Chunk<B>,
    ) {
        match self.fields.id {
            Place::Absent | Place::Oversize(_) => {}
            Place::Chunk(span) => replace(last_event_id, chunk.text(span), KEPT_FOR_OTHERS),
            Place::Buffer => {
                mem::swap(last_event_id, &mut self.id);
                self.outgrown |= self.id.capacity() > KEPT_FOR_OTHERS;
            }
        }
    }

    /// Checks the sum of the block's parts.
    #[inline]
    pub(super) fn check_sum(&self) -> Result<(), TooLarge> {
        let Fields { data, event_type, id, .. } = self.fields;
        let size = length(data, &self.data)
            .saturating_add(length(event_type, &self.event_type))
            .saturating_add(length(id, &self.id));
        check(size, self.limit)
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
            if self.fields.is_empty() {
                self.outgrown = false;
                trim(&mut self.data, KEPT_FOR_DATA);
                trim(&mut self.event_type, KEPT_FOR_OTHERS);
                trim(&mut self.id, KEPT_FOR_OTHERS);
            }
        }
    }

    #[inline]
    pub(super) fn data<'a, B: StableBytes>(&'a self, chunk: &'a Chunk<B>) -> &'a str {
        text(self.fields.data, &self.data, chunk)
    }

    #[inline]
    pub(super) fn event_type<'a, B: StableBytes>(&'a self, chunk: &'a Chunk<B>) -> &'a str {
        text(self.fields.event_type, &self.event_type, chunk)
    }

    #[inline]
    pub(super) fn comment<'a, B: StableBytes>(
        &'a self,
        place: Place,
        chunk: &'a Chunk<B>,
    ) -> &'a str {
        text(place, &self.line, chunk)
    }
}

/// The text of a value, wherever it is.
#[inline]
fn text<'a, B: StableBytes>(place: Place, buffer: &'a str, chunk: &'a Chunk<B>) -> &'a str {
    match place {
        Place::Chunk(span) => chunk.text(span),
        Place::Buffer => buffer,
        Place::Absent | Place::Oversize(_) => "",
    }
}

#[inline]
fn length(place: Place, buffer: &str) -> usize {
    match place {
        Place::Absent => 0,
        Place::Chunk(span) => span.len(),
        Place::Buffer => buffer.len(),
        Place::Oversize(length) => length,
    }
}

#[inline]
fn check(size: usize, limit: usize) -> Result<(), TooLarge> {
    if size > limit { Err(TooLarge(size)) } else { Ok(()) }
}

/// Appends within the limit. The buffer doubles as it grows, but not beyond the
/// kept capacity, or half the limit, if that is enough; once beyond half the
/// limit it grows to the limit at once, to avoid another copy on the way. So its
/// capacity is never more than both the kept one and twice its content.
fn append(buffer: &mut String, text: &str, limit: usize, kept: usize) -> Result<(), TooLarge> {
    let size = buffer.len().saturating_add(text.len());
    check(size, limit)?;
    if size > buffer.capacity() {
        let doubled = buffer.capacity().saturating_mul(2).max(size).max(SMALLEST);
        let capacity = if size <= kept {
            doubled.min(kept)
        } else if size <= limit / 2 {
            doubled.min(limit / 2)
        } else {
            limit.min(isize::MAX as usize)
        };
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.push_str(text);
    Ok(())
}

/// Makes `text` the content of the buffer. A buffer that is too small is not
/// grown, which would copy its old content, but replaced; and so is one that is
/// larger than both the text and the kept capacity, for it may stay for long.
fn replace(buffer: &mut String, text: &str, kept: usize) {
    if buffer.capacity() < text.len() || buffer.capacity() > text.len().max(kept) {
        *buffer = String::new();
        buffer.reserve_exact(text.len().max(SMALLEST));
    }
    buffer.clear();
    buffer.push_str(text);
}

/// Moves the finished line into the buffer of its field, without a copy unless
/// much of its capacity is unused.
fn adopt(buffer: &mut String, line: &mut String) {
    mem::swap(buffer, line);
    trim(line, KEPT_FOR_OTHERS);
    buffer.shrink_to(KEPT_FOR_OTHERS);
}

fn trim(buffer: &mut String, kept: usize) {
    buffer.clear();
    if buffer.capacity() > kept {
        *buffer = String::new();
    }
}
