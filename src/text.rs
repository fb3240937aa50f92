//! Text over bytes that were validated once.
//!
//! A chunk is validated by the window of `lines`, unless it is ASCII, because a vectorised
//! validation of many bytes costs next to nothing, while one for each short field
//! value does not. From then on its field values are spans, and a span becomes a
//! `&str` without another look at the bytes. These types carry the proof:
//!
//! - [`Chunk`] knows which region of its bytes is valid and lends text from it;
//! - [`LinePart`] knows whether it is text, if a chunk end has cut it from its line;
//! - [`TextBuffer`] and [`LineStart`] know how much of what was put together in them is;
//! - [`EventText`] has spans that a `Chunk` has proved, with shared ownership, or a copy.
//!
//! When changing this file: a span may only reach `from_utf8_unchecked` if
//! [`Text::get`] has found that it cuts no character of what was validated. All other
//! unsafe code of the crate is in `lines` and `shared`.
#![allow(unsafe_code)]

#[cfg(feature = "std")]
use alloc::boxed::Box;
use alloc::{string::String, vec::Vec};
use core::{mem::MaybeUninit, ops::Range, ptr, slice, str};

use bytes::Bytes;

use crate::{
    lines::{CR, Found, LF, LineEnds},
    shared::{OwnedBytes, OwnedChunk},
};

/// A part of some bytes, from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Bytes that stay the same for as long as nobody borrows them mutably.
///
/// # Safety
///
/// Every call of `bytes` on a value must return the same bytes, unless the
/// value is mutably borrowed in between. To move or clone it must not change them.
pub(crate) unsafe trait StableBytes {
    fn bytes(&self) -> &[u8];
}

// SAFETY: a shared slice does not change.
unsafe impl StableBytes for &[u8] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A chunk as the transport delivered it, and how far it has been read.
///
/// INVARIANT: `bytes[progress.valid]` is UTF-8.
#[derive(Debug)]
pub(crate) struct Chunk<B> {
    bytes: B,
    progress: Progress,
}

/// How far a chunk has been read, and what is known about it. In this order in
/// memory, because of the last part of `LineEnds`.
#[derive(Debug)]
#[repr(C)]
struct Progress {
    /// Where the next line starts, or continues.
    position: usize,
    /// Where the chunk starts in the stream.
    origin: u64,
    valid: Span,
    ends: LineEnds,
}

impl Progress {
    /// Searches the next parts of the chunk, which has these bytes, for line ends,
    /// and returns the first.
    #[inline(never)]
    fn look_ahead(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            let searched = self.ends.search(bytes)?;
            if searched.is_ascii && searched.start == self.valid.end {
                self.valid.end = searched.end;
            }
            if let Some(end) = self.ends.next() {
                return Some(end);
            }
        }
    }

    /// Validates the line that was passed last, and with it all after it that has
    /// been searched. A character that is cut there is validated with what follows.
    #[inline(never)]
    fn validate(&mut self, bytes: &[u8], line: Span) -> bool {
        let end = self.ends.searched();
        let valid = &mut self.valid;
        loop {
            valid.end += match simdutf8::compat::from_utf8(&bytes[valid.end..end]) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
            if valid.end >= line.start {
                return line.end <= valid.end;
            }
            // What is not UTF-8 was in a line before this one.
            assert!(line.start <= end, "the line has been searched");
            *valid = Span::new(line.start, line.start);
        }
    }

    /// Begins a chunk that is this long, in which this was found if it is short.
    #[inline(always)]
    fn begin(&mut self, length: usize, found: Option<Found>) {
        if let Some(found) = found {
            self.ends.restart_with(found, length);
            self.valid.end = if found.is_ascii() { length } else { 0 };
        }
    }

    /// For another chunk, which starts at `origin`. Nothing is known about it.
    #[inline]
    fn restart(&mut self, origin: u64) {
        self.position = 0;
        self.origin = origin;
        self.valid = Span::default();
        self.ends.restart(0);
    }
}

impl<B: StableBytes> Chunk<B> {
    /// A chunk that starts at `origin` in the stream.
    #[inline(always)]
    pub(crate) fn new(bytes: B, origin: u64) -> Self {
        let ends = LineEnds::new();
        let mut progress = Progress { position: 0, origin, valid: Span::default(), ends };
        let searched = bytes.bytes();
        progress.begin(searched.len(), Found::in_chunk(searched));
        Self { bytes, progress }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    /// Whether all of it has been read.
    #[inline]
    pub(crate) fn is_read(&self) -> bool {
        self.progress.position == self.bytes().len()
    }

    /// Lends the chunk to the parser, to read on.
    #[inline]
    pub(crate) fn reading(&mut self) -> Reading<'_> {
        Reading { bytes: self.bytes.bytes(), progress: &mut self.progress }
    }

    /// What is known to be text.
    #[inline]
    pub(crate) fn text(&self) -> Text<'_> {
        Text { bytes: self.bytes.bytes(), valid: self.progress.valid }
    }
}

/// The region of a chunk that is known to be UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text<'a> {
    // INVARIANT: `bytes[valid]` is UTF-8.
    bytes: &'a [u8],
    valid: Span,
}

impl<'a> Text<'a> {
    /// The text at `span`, which must be in the valid region, on character
    /// boundaries. Costs a few comparisons.
    #[inline]
    pub(crate) fn get(self, span: Span) -> &'a str {
        self.try_get(span).expect("a span of text")
    }

    /// The same, or `None` if there is no such text.
    #[inline]
    fn try_get(self, span: Span) -> Option<&'a str> {
        let is_text = self.contains(span)
            && span.start <= span.end
            && self.is_boundary(span.start)
            && self.is_boundary(span.end);
        // SAFETY: it is a part of the valid region, cut on character boundaries.
        is_text.then(|| unsafe { str::from_utf8_unchecked(self.bytes.get_unchecked(span.range())) })
    }

    /// Whether a place within the valid region is between two characters, as
    /// `str::is_char_boundary`.
    #[inline]
    fn is_boundary(self, place: usize) -> bool {
        // SAFETY: as far as the region goes there are bytes.
        place >= self.valid.end || starts_character(unsafe { *self.bytes.get_unchecked(place) })
    }

    /// Whether [`get`](Self::get) can lend `span`, which starts and ends on
    /// character boundaries.
    #[inline]
    pub(crate) fn contains(self, span: Span) -> bool {
        self.valid.start <= span.start && span.end <= self.valid.end
    }
}

/// A chunk while it is read, whoever owns it.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    // INVARIANT: as of `Chunk`, of which these are the parts.
    bytes: &'a [u8],
    progress: &'a mut Progress,
}

impl<'a> Reading<'a> {
    /// Passed on like this, none of it has to be in memory.
    #[inline(always)]
    pub(crate) fn reborrow(&mut self) -> Reading<'_> {
        Reading { bytes: self.bytes, progress: &mut *self.progress }
    }

    /// What has not been read.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.progress.position..]
    }

    /// How many bytes of the stream have been read.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.progress.origin + self.progress.position as u64
    }

    /// How long all of the chunk is.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all has been read.
    #[inline]
    pub(crate) fn is_read(&self) -> bool {
        self.progress.position == self.bytes.len()
    }

    /// Passes over bytes at the start of the chunk, none of which ends a line
    /// that is to be read.
    pub(crate) fn skip(&mut self, length: usize) {
        assert!(length <= self.rest().len(), "what is passed over is there");
        let start = self.progress.position + length;
        self.progress.position = start;
        self.progress.valid = Span::new(start, start);
        self.progress.ends.restart(start);
    }

    /// Passes over all that is left, and returns where it is.
    #[inline(always)]
    pub(crate) fn take_rest(&mut self) -> Span {
        let rest = Span::new(self.progress.position, self.bytes.len());
        self.progress.position = rest.end;
        rest
    }

    /// Moves past the end of the line, and returns where the line is, without
    /// its end. `None` if it does not end in this chunk. Calls `cut` if an LF at
    /// the start of the next chunk would be part of the line end.
    #[inline(always)]
    pub(crate) fn next_line(&mut self, cut: impl FnOnce()) -> Option<Span> {
        let start = self.progress.position;
        let end = self.next_end()?;
        self.progress.position = end + 1;
        if self.bytes[end] == CR {
            match self.bytes.get(end + 1) {
                Some(&LF) => {
                    self.next_end();
                    self.progress.position = end + 2;
                }
                Some(_) => {}
                None => cut(),
            }
        }
        Some(Span::new(start, end))
    }

    #[inline(always)]
    fn next_end(&mut self) -> Option<usize> {
        match self.progress.ends.next() {
            Some(end) => Some(end),
            None if self.progress.ends.have_searched(self.bytes) => None,
            None => self.progress.look_ahead(self.bytes),
        }
    }

    /// Says that the line that goes on in this chunk is already longer than what
    /// is searched at a time.
    pub(crate) fn go_on_with_long_line(&mut self) {
        self.progress.ends.go_on_with_long_line();
    }

    /// All that is left of a chunk in which no more line ends, if that is known: of a short
    /// chunk it is.
    #[inline(always)]
    pub(crate) fn part_of_line(&self) -> Option<LinePart<'a>> {
        let rest = Span::new(self.progress.position, self.bytes.len());
        self.progress.ends.are_read(self.bytes).then(|| LinePart {
            bytes: self.bytes(rest),
            // Hardly ever is it text and not this.
            is_text: self.progress.valid == rest,
        })
    }

    #[inline]
    pub(crate) fn bytes(&self, part: Span) -> &'a [u8] {
        &self.bytes[part.range()]
    }

    /// A part of a line.
    #[inline]
    pub(crate) fn part(&self, part: Span) -> LinePart<'a> {
        LinePart { bytes: self.bytes(part), is_text: self.text().try_get(part).is_some() }
    }

    /// Whether the line that was passed last is UTF-8. If so, it is in the
    /// region that [`text`](Self::text) lends.
    #[inline(always)]
    pub(crate) fn is_text(&mut self, line: Span) -> bool {
        line.end <= self.progress.valid.end || self.progress.validate(self.bytes, line)
    }

    /// What is known to be text.
    #[inline]
    pub(crate) fn text(&self) -> Text<'a> {
        Text { bytes: self.bytes, valid: self.progress.valid }
    }
}

impl<'c> Chunk<&'c [u8]> {
    /// The bytes that have not been read, for as long as the chunk itself lives.
    pub(crate) fn rest(&self) -> &'c [u8] {
        &self.bytes[self.progress.position..]
    }
}

/// A read buffer, and how much of it the last read filled.
#[cfg(feature = "std")]
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    buffer: Box<[u8]>,
    filled: usize,
}

#[cfg(feature = "std")]
// SAFETY: neither field has interior mutability.
unsafe impl StableBytes for ReadBuffer {
    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

#[cfg(feature = "std")]
impl Chunk<ReadBuffer> {
    pub(crate) fn with_buffer(size: usize, origin: u64) -> Self {
        let buffer = alloc::vec![0; size].into_boxed_slice();
        Self::new(ReadBuffer { buffer, filled: 0 }, origin)
    }

    /// The bytes that have not been read.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes()[self.progress.position..]
    }

    /// Replaces the bytes with what `read` puts into the buffer, and returns
    /// how many there are. All of the old ones must have been read.
    pub(crate) fn refill<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let origin = self.reading().offset();
        self.progress.restart(origin);
        self.bytes.filled = 0;
        let filled = read(&mut self.bytes.buffer)?;
        self.bytes.filled = filled.min(self.bytes.buffer.len());
        self.progress.begin(self.bytes.filled, Found::in_chunk(self.bytes.bytes()));
        Ok(self.bytes.filled)
    }
}

/// A chunk that has just arrived. If it is short it is searched at once: most of those are
/// just a part of a line, and have not to be made a [`Chunk`].
pub(crate) struct Arrived {
    bytes: Bytes,
    // INVARIANT: what is in these bytes.
    found: Option<Found>,
}

impl Arrived {
    #[inline(always)]
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { found: Found::in_chunk(&bytes), bytes }
    }

    /// All of it, if it is short and no line ends in it.
    #[inline(always)]
    pub(crate) fn part_of_line(&self) -> Option<LinePart<'_>> {
        let found = self.found.filter(|found| !found.has_line_end())?;
        Some(LinePart { bytes: &self.bytes, is_text: found.is_ascii() })
    }
}

/// A part of a line, and whether it is known to be text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinePart<'a> {
    bytes: &'a [u8],
    // INVARIANT: only if the bytes are UTF-8.
    is_text: bool,
}

impl<'a> LinePart<'a> {
    pub(crate) const EMPTY: Self = Self { bytes: &[], is_text: true };

    /// Of which nothing is known.
    #[inline]
    pub(crate) fn unknown(bytes: &'a [u8]) -> Self {
        Self { bytes, is_text: false }
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub(crate) fn split_at(self, length: usize) -> [Self; 2] {
        let (first, rest) = self.bytes.split_at(length);
        // Text that is cut between two characters is text on both sides.
        let is_text = self.is_text && rest.first().is_none_or(|byte| starts_character(*byte));
        [first, rest].map(|bytes| Self { bytes, is_text })
    }
}

impl Chunk<OwnedChunk> {
    /// Replaces the chunk by one that starts at `origin` in the stream.
    #[inline]
    pub(crate) fn replace(&mut self, chunk: Arrived, origin: u64) {
        let Arrived { bytes, found } = chunk;
        let length = bytes.len();
        self.replace_bytes(bytes.into(), origin);
        self.progress.begin(length, found);
    }

    /// Whether there is no chunk, or an event has taken it.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        self.bytes.is_gone()
    }

    /// Replaces the chunk by nothing, which starts nowhere.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.replace_bytes(OwnedChunk::EMPTY, 0);
    }

    #[inline]
    fn replace_bytes(&mut self, bytes: OwnedChunk, origin: u64) {
        // In this order: to drop the old bytes may panic, and what is known about them
        // must not be believed of the new ones then.
        self.progress.restart(origin);
        self.bytes = bytes;
    }

    /// An event whose text is at these spans, each of which must be empty or
    /// one that [`text`](Self::text) can lend.
    ///
    /// The event takes the chunk itself if all of it has been read. Otherwise
    /// it shares the chunk, for which the first one allocates.
    #[inline(always)]
    pub(crate) fn slices(&mut self, data: Span, event_type: Span, id: Span) -> EventText {
        for span in [data, event_type, id] {
            if !span.is_empty() {
                self.text().get(span);
            }
        }
        if self.is_read() {
            self.progress.restart(0);
            EventText::Slices(Slices { buffer: self.bytes.take(), data, event_type, id })
        } else {
            EventText::Slices(Slices { buffer: self.bytes.lend(), data, event_type, id })
        }
    }

    /// The bytes that have not been read, without a copy.
    pub(crate) fn rest(&self) -> Bytes {
        self.bytes.after(self.progress.position)
    }
}

/// The three texts of an event.
#[derive(Clone)]
pub(crate) enum EventText {
    Slices(Slices),
    /// Only of what has to be copied: what is a slice is shared, however short.
    Short(ShortText),
}

impl EventText {
    /// Copies the three texts. Allocates once, or not at all if they are short.
    pub(crate) fn copied(data: &str, event_type: &str, id: &str) -> Self {
        match ShortText::copied([data, event_type, id]) {
            Some(short) => Self::Short(short),
            None => Self::Slices(Slices::copied(data, event_type, id)),
        }
    }

    #[inline]
    pub(crate) fn data(&self) -> &str {
        match self {
            Self::Slices(slices) => slices.text(slices.data),
            Self::Short(short) => short.text(0),
        }
    }

    #[inline]
    pub(crate) fn event_type(&self) -> &str {
        match self {
            Self::Slices(slices) => slices.text(slices.event_type),
            Self::Short(short) => short.text(1),
        }
    }

    #[inline]
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Slices(slices) => slices.text(slices.id),
            Self::Short(short) => short.text(2),
        }
    }
}

/// Data, type and ID of an event that are short together, in the event itself.
///
/// INVARIANT: each text is UTF-8, and begins where the one before ends.
#[derive(Clone, Copy)]
pub(crate) struct ShortText {
    bytes: [MaybeUninit<u8>; Self::CAPACITY],
    /// Where each text ends: a byte for each, but in one word, because of what is said at
    /// `IdSource`.
    ends: u64,
}

impl ShortText {
    /// How long the three may be together. More would make every event larger than it is worth.
    pub(crate) const CAPACITY: usize = 80;

    fn copied(texts: [&str; 3]) -> Option<Self> {
        if texts.iter().map(|text| text.len()).sum::<usize>() > Self::CAPACITY {
            return None;
        }
        let mut bytes = [0; Self::CAPACITY];
        let (mut end, mut ends) = (0, 0);
        for (index, text) in texts.into_iter().enumerate() {
            bytes[end..][..text.len()].copy_from_slice(text.as_bytes());
            end += text.len();
            ends |= (end as u64) << (8 * index);
        }
        Some(Self { bytes: bytes.map(MaybeUninit::new), ends })
    }

    #[inline]
    fn text(&self, index: usize) -> &str {
        let end = |index: usize| usize::from((self.ends >> (8 * index)) as u8);
        let start = if index == 0 { 0 } else { end(index - 1) };
        // SAFETY: by the invariant.
        unsafe {
            let first = self.bytes.as_ptr().add(start).cast();
            str::from_utf8_unchecked(slice::from_raw_parts(first, end(index) - start))
        }
    }
}

/// Data, type and ID of an event, in one buffer.
///
/// INVARIANT: the bytes at each span are UTF-8.
#[derive(Clone)]
pub(crate) struct Slices {
    buffer: OwnedBytes,
    data: Span,
    event_type: Span,
    id: Span,
}

impl Slices {
    /// Copies the three texts into memory of their own, which is all that it
    /// allocates.
    #[inline(always)]
    pub(crate) fn copied(data: &str, event_type: &str, id: &str) -> Self {
        let mut buffer = Vec::with_capacity(data.len() + event_type.len() + id.len());
        append(&mut buffer, data.as_bytes());
        Self::join(buffer, event_type, id)
    }

    /// Takes over data.
    pub(crate) fn from_data(data: String) -> Self {
        Self::join(data.into_bytes(), "", "")
    }

    /// Takes over data, all of which must have been validated, copies the other
    /// two, and gives back the memory that is not needed.
    pub(crate) fn from_buffer(data: TextBuffer, event_type: &str, id: &str) -> Self {
        let mut data = data.into_text();
        data.reserve_exact(event_type.len() + id.len());
        data.shrink_to(data.len() + event_type.len() + id.len());
        Self::join(data.into_bytes(), event_type, id)
    }

    /// Appends type and ID to data, which must be UTF-8.
    #[inline(always)]
    fn join(mut buffer: Vec<u8>, event_type: &str, id: &str) -> Self {
        let data = Span::new(0, buffer.len());
        append(&mut buffer, event_type.as_bytes());
        let event_type = Span::new(data.end, buffer.len());
        append(&mut buffer, id.as_bytes());
        let id = Span::new(event_type.end, buffer.len());
        Self { data, event_type, id, buffer: OwnedBytes::Sole(Bytes::from(buffer)) }
    }

    #[inline]
    fn text(&self, span: Span) -> &str {
        // SAFETY: by the invariant, which the constructors establish: spans
        // of a chunk were sliced as text there, copied ones are whole strings.
        unsafe { str::from_utf8_unchecked(&self.buffer.bytes()[span.range()]) }
    }
}

/// Text that is put together from pieces, the last of which may be cut off in a
/// character, or not be text at all, until it is [validated](Self::validate).
///
/// INVARIANT: `bytes[..valid]` is UTF-8.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextBuffer {
    bytes: Vec<u8>,
    valid: usize,
}

impl TextBuffer {
    /// The text, without what has not been validated.
    #[inline]
    pub(crate) fn text(&self) -> &str {
        // SAFETY: by the invariant.
        unsafe { str::from_utf8_unchecked(self.bytes.get_unchecked(..self.valid)) }
    }

    /// The text, if it is short, as data of an event. Copied without a branch on how long it
    /// is, and in pieces that a processor need not wait for when the event is moved.
    #[inline(always)]
    pub(crate) fn short(&self) -> Option<ShortText> {
        const CAPACITY: usize = ShortText::CAPACITY;
        let length = self.valid;
        if length > CAPACITY || self.bytes.capacity() < CAPACITY {
            return None;
        }
        // SAFETY: there is room for so many bytes. The first are text, and the others may be
        // anything.
        let bytes = unsafe { self.bytes.as_ptr().cast::<[MaybeUninit<u8>; CAPACITY]>().read() };
        // Type and ID are empty, and end there, too.
        Some(ShortText { bytes, ends: length as u64 * 0x01_01_01 })
    }

    /// How many bytes there are, validated or not.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many of them have not been validated.
    #[inline]
    pub(crate) fn unvalidated(&self) -> usize {
        self.bytes.len() - self.valid
    }

    pub(crate) fn unvalidated_bytes(&self) -> &[u8] {
        &self.bytes[self.valid..]
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        self.bytes.reserve_exact(additional);
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.valid = 0;
    }

    /// Appends a part of a line, to be validated unless all is known to be text.
    #[inline(always)]
    pub(crate) fn push(&mut self, part: LinePart<'_>) {
        let is_text = part.is_text && self.unvalidated() == 0;
        append(&mut self.bytes, part.bytes);
        if is_text {
            self.valid = self.bytes.len();
        }
    }

    /// Same as [`push`](Self::push), if there is room.
    #[inline(always)]
    pub(crate) fn push_if_room(&mut self, part: LinePart<'_>) -> bool {
        let has_room = self.bytes.capacity() - self.bytes.len() >= part.bytes.len();
        if has_room {
            self.push(part);
        }
        has_room
    }

    /// Appends a line to text, all of which must have been validated.
    #[inline]
    pub(crate) fn push_line(&mut self, text: &str) {
        assert_eq!(self.unvalidated(), 0, "text follows text");
        self.bytes.push(LF);
        append(&mut self.bytes, text.as_bytes());
        self.valid = self.bytes.len();
    }

    /// Appends text. All before it must have been validated.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str) {
        assert_eq!(self.unvalidated(), 0, "text follows text");
        append(&mut self.bytes, text.as_bytes());
        self.valid = self.bytes.len();
    }

    /// Validates what has not been, and says whether all is text now.
    #[inline]
    pub(crate) fn validate(&mut self) -> bool {
        let rest = &self.bytes[self.valid..];
        if rest.is_empty() {
            return true;
        }
        match simdutf8::compat::from_utf8(rest) {
            Ok(_) => {
                self.valid = self.bytes.len();
                true
            }
            Err(error) => {
                self.valid += error.valid_up_to();
                false
            }
        }
    }

    /// How long what has not been validated is with a U+FFFD in the place of
    /// each maximal subpart that is not UTF-8. Unless this is all, there may be
    /// more bytes of the character at its end.
    pub(crate) fn replaced_length(&self, is_all: bool) -> usize {
        let parts = parts(self.unvalidated_bytes(), is_all);
        parts.map(|part| part.kept + part.replacement().len()).sum()
    }

    /// Puts them there, without an allocation if there is room.
    pub(crate) fn replace_invalid(&mut self, is_all: bool) {
        let (mut to, old_end) = (self.valid, self.bytes.len());
        let longer = self.replaced_length(is_all) - self.unvalidated();
        // The old bytes move to the end, and then each part to its place: that
        // is never beyond where it comes from.
        self.bytes.resize(old_end + longer, 0);
        self.bytes.copy_within(self.valid..old_end, self.valid + longer);
        let mut from = self.valid + longer;
        while from < self.bytes.len() {
            let part = parts(&self.bytes[from..], is_all).next().expect("there is a rest");
            self.bytes.copy_within(from..from + part.kept, to);
            from += part.length;
            to += part.kept;
            let replacement = part.replacement();
            self.bytes[to..][..replacement.len()].copy_from_slice(replacement);
            to += replacement.len();
        }
        self.validate();
    }

    pub(crate) fn shrink_to(&mut self, capacity: usize) {
        self.bytes.shrink_to(capacity);
    }

    /// The text, all of which must have been validated.
    fn into_text(self) -> String {
        assert_eq!(self.unvalidated(), 0, "all of it is text");
        // SAFETY: by the invariant.
        unsafe { String::from_utf8_unchecked(self.bytes) }
    }
}

impl From<String> for TextBuffer {
    fn from(text: String) -> Self {
        let bytes = text.into_bytes();
        Self { valid: bytes.len(), bytes }
    }
}

/// The first bytes of a line, put together from the parts they arrive in. No memory is
/// allocated for them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineStart {
    length: u8,
    // INVARIANT: unless all parts were text. So they need not be looked at again, for which a
    // processor would have to wait that has just written them.
    may_be_no_text: bool,
    bytes: [u8; Self::CAPACITY],
}

impl LineStart {
    pub(crate) const CAPACITY: usize = 29;

    /// Appends a part, if there is room.
    #[inline(always)]
    pub(crate) fn push(&mut self, part: LinePart<'_>) -> bool {
        let (start, end) = (self.len(), self.len() + part.bytes.len());
        if end > Self::CAPACITY {
            return false;
        }
        // SAFETY: there is room for as many, which is not borrowed elsewhere.
        unsafe { copy(part.bytes, self.bytes[start..end].as_mut_ptr()) };
        self.length = end as u8;
        self.may_be_no_text |= !part.is_text;
        true
    }

    /// Appends as much of the part as there is room for, and returns the rest.
    #[inline]
    pub(crate) fn fill<'a>(&mut self, part: LinePart<'a>) -> LinePart<'a> {
        if self.push(part) {
            return LinePart::EMPTY;
        }
        let [first, rest] = part.split_at(Self::CAPACITY - self.len());
        self.push(first);
        rest
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.length)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len()]
    }

    /// All of it.
    #[inline]
    pub(crate) fn part(&self) -> LinePart<'_> {
        LinePart { bytes: self.bytes(), is_text: !self.may_be_no_text }
    }

    /// All of it, if it is UTF-8.
    #[inline]
    pub(crate) fn text(&self) -> Option<&str> {
        if self.may_be_no_text {
            return str::from_utf8(self.bytes()).ok();
        }
        // SAFETY: by the invariant.
        Some(unsafe { str::from_utf8_unchecked(self.bytes()) })
    }
}

/// A part of some bytes that ends where something is not UTF-8, or with them.
struct Part {
    length: usize,
    /// How much of it remains, at its start.
    kept: usize,
}

impl Part {
    /// What comes after that, instead of the rest.
    fn replacement(&self) -> &'static [u8] {
        if self.kept < self.length { "\u{FFFD}".as_bytes() } else { &[] }
    }
}

fn parts(bytes: &[u8], is_all: bool) -> impl Iterator<Item = Part> {
    let mut left = bytes.len();
    bytes.utf8_chunks().map(move |part| {
        let (valid, invalid) = (part.valid().len(), part.invalid());
        let length = valid + invalid.len();
        left -= length;
        let is_cut = left == 0 && !is_all && is_cut_character(invalid);
        Part { length, kept: if is_cut { length } else { valid } }
    })
}

/// Whether a byte of text is the first of a character, and not one of those that follow.
#[inline]
fn starts_character(byte: u8) -> bool {
    byte as i8 >= -0x40
}

/// Whether bytes are the beginning of one character.
pub(crate) fn is_cut_character(bytes: &[u8]) -> bool {
    bytes.len() < 4
        && str::from_utf8(bytes)
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

/// Appends bytes: a few of them without a call of `memcpy`, which costs more than
/// they do.
#[inline(always)]
fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    let end = buffer.len() + bytes.len();
    buffer.reserve(bytes.len());
    // SAFETY: there is room for so many bytes, which is not within `bytes`, and they are
    // written.
    unsafe {
        copy(bytes, buffer.spare_capacity_mut().as_mut_ptr().cast());
        buffer.set_len(end);
    }
}

/// # Safety
///
/// As many bytes as in `from` must be writable at `to`, which is apart from it.
#[inline(always)]
unsafe fn copy(from: &[u8], to: *mut u8) {
    let (length, from) = (from.len(), from.as_ptr());
    // SAFETY: by the caller's promise. Each of the two halves is not longer than `length`.
    unsafe {
        if length < 8 {
            if length >= 4 {
                copy_halves::<4>(from, to, length);
            } else if length >= 2 {
                copy_halves::<2>(from, to, length);
            } else if length == 1 {
                *to = *from;
            }
        } else if length < 16 {
            copy_halves::<8>(from, to, length);
        } else if length <= 32 {
            copy_halves::<16>(from, to, length);
        } else if length <= 64 {
            copy_halves::<32>(from, to, length);
        } else {
            ptr::copy_nonoverlapping(from, to, length);
        }
    }
}

/// Copies the first and the last `HALF` of so many bytes. They may overlap.
///
/// # Safety
///
/// `length` bytes can be read at `from` and written at `to`, which are apart from
/// each other, and `HALF` is not more than that.
#[inline]
unsafe fn copy_halves<const HALF: usize>(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        ptr::copy_nonoverlapping(from, to, HALF);
        ptr::copy_nonoverlapping(from.add(length - HALF), to.add(length - HALF), HALF);
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    /// Reads all lines; returns each that is text, and otherwise `None`.
    fn lines(bytes: &[u8]) -> Vec<Option<&str>> {
        let mut chunk = Chunk::new(bytes, 0);
        let mut lines = Vec::new();
        while let Some(line) = chunk.reading().next_line(|| ()) {
            let is_text = chunk.reading().is_text(line);
            let whole = str::from_utf8(&bytes[line.range()]);
            assert_eq!(is_text, whole.is_ok());
            if is_text {
                assert!(chunk.text().contains(line));
                assert_eq!(chunk.text().get(line), whole.unwrap());
            }
            assert!(str::from_utf8(&bytes[chunk.progress.valid.range()]).is_ok());
            lines.push(whole.ok());
        }
        lines
    }

    #[test]
    fn each_line_that_is_utf8_is_text() {
        assert_eq!(lines(b"a\nb\n"), [Some("a"), Some("b")]);
        assert_eq!(lines("é\n€\n".as_bytes()), [Some("é"), Some("€")]);
        let lines = lines(b"a\n\xFF\nb\n\n\xC3\n\xA9\nc\n");
        assert_eq!(lines, [Some("a"), None, Some("b"), Some(""), None, None, Some("c")]);
    }

    #[test]
    fn lines_of_ascii_are_text_without_a_validation() {
        let bytes = b"data: a\r\n\n".repeat(500);
        let mut chunk = Chunk::new(&bytes[..], 0);
        while let Some(line) = chunk.reading().next_line(|| ()) {
            assert!(chunk.text().contains(line));
        }
        assert_eq!(chunk.progress.valid, Span::new(0, bytes.len()));
    }

    #[test]
    fn each_line_is_told_apart_wherever_windows_end() {
        for length in (0..40).chain(1510..1550).chain(3050..3090) {
            let padding = "a".repeat(length);
            for (line, is_text) in [(&b"\xC3\xA9"[..], true), (b"\xC3", false), (b"\xA9b", false)] {
                let mut stream =
                    [line, b"\n", padding.as_bytes(), line, b"\n", line, b"\nb\n"].concat();
                for end in *b"\n\r" {
                    stream.iter_mut().filter(|byte| **byte == LF).for_each(|byte| *byte = end);
                    let found: Vec<_> = lines(&stream).iter().map(Option::is_some).collect();
                    assert_eq!(found, [is_text, is_text, is_text, true], "{length} {line:?}");
                }
            }
        }
    }

    #[test]
    fn a_line_ends_with_cr_or_lf_or_both() {
        assert_eq!(lines(b"\n\n\r\r\n\n\ra\r\nb").len(), 7);
        let mut chunk = Chunk::new(&b"a\r\nb\rc\n"[..], 0);
        let lines = core::iter::from_fn(|| chunk.reading().next_line(|| ()).map(Span::range));
        assert_eq!(lines.collect::<Vec<_>>(), [0..1, 3..4, 5..6]);
    }

    #[test]
    #[should_panic]
    fn text_outside_of_the_valid_region_is_not_lent() {
        let mut chunk = Chunk::new(&b"ab\n\xFF\n"[..], 0);
        let line = chunk.reading().next_line(|| ()).unwrap();
        assert!(chunk.reading().is_text(line));
        chunk.text().get(Span::new(0, 4));
    }

    #[test]
    #[should_panic]
    fn a_part_of_a_character_is_not_lent() {
        let mut chunk = Chunk::new("é\n".as_bytes(), 0);
        let line = chunk.reading().next_line(|| ()).unwrap();
        assert!(chunk.reading().is_text(line));
        chunk.text().get(Span::new(0, 1));
    }

    #[test]
    #[should_panic]
    fn slices_are_checked_before_they_are_made() {
        let mut chunk = Chunk::new(OwnedChunk::from(Bytes::from_static(b"ab\n\xFF\n")), 0);
        let line = chunk.reading().next_line(|| ()).unwrap();
        assert!(chunk.reading().is_text(line));
        chunk.slices(Span::new(0, 1), Span::default(), Span::new(1, 4));
    }

    #[test]
    fn a_few_bytes_are_appended_without_growing_if_there_is_room() {
        let mut buffer = TextBuffer::default();
        let part = LinePart::unknown(b"a");
        assert!(!buffer.push_if_room(part));
        buffer.reserve_exact(8);
        let room = buffer.capacity();
        for _ in 0..room {
            assert!(buffer.push_if_room(part));
        }
        assert!(!buffer.push_if_room(part));
        assert_eq!((buffer.unvalidated(), buffer.capacity()), (room, room));
    }

    #[test]
    fn a_short_chunk_without_a_line_end_is_known_as_one_at_once() {
        let part = |bytes: &[u8]| {
            let mut chunk = Chunk::new(bytes, 0);
            chunk.reading().part_of_line().map(|part| part.bytes().len())
        };
        assert_eq!(part(b"abc"), Some(3));
        assert_eq!(part(&[b'a'; 64]), Some(64));
        assert_eq!(part(&[b'a'; 65]), None);
        assert_eq!(part(b"ab\n"), None);
    }

    #[test]
    fn a_part_is_appended_to_a_line_start_as_a_whole_or_not() {
        const ROOM: usize = LineStart::CAPACITY;
        for first in 0..=ROOM {
            let bytes: [u8; ROOM + 1] = core::array::from_fn(|index| index as u8);
            let [first, rest] = LinePart::unknown(&bytes).split_at(first);
            let mut start = LineStart::default();
            assert!(start.push(first));
            assert!(!start.push(rest));
            assert_eq!(start.bytes(), first.bytes());
            assert_eq!(start.fill(rest).bytes(), &bytes[ROOM..]);
            assert_eq!(start.text().map(str::as_bytes), Some(&bytes[..ROOM]));
            assert!(start.push(LinePart::unknown(b"")));
            assert!(!start.push(LinePart::unknown(b"x")));
        }
    }

    #[test]
    fn a_line_start_is_text_if_it_is_utf_8() {
        let no_text: [&[u8]; 3] = [b"a\xFF", b"\x80", b"\0\x80\0"];
        let text: [&[u8]; 3] = ["é€😀".as_bytes(), b"a\x7F", b""];
        for (bytes, is_text) in
            no_text.map(|no| (no, false)).into_iter().chain(text.map(|yes| (yes, true)))
        {
            let mut start = LineStart::default();
            for byte in bytes.chunks(1) {
                // Each may be the only one that is known to be text.
                let mut chunk = Chunk::new(byte, 0);
                assert!(start.push(chunk.reading().part_of_line().unwrap()));
            }
            assert_eq!(start.text().map(str::as_bytes), is_text.then_some(bytes));
        }
    }

    #[test]
    fn a_part_of_text_is_text_where_no_character_is_cut() {
        let text = "aé\nb€";
        let bytes = text.as_bytes();
        let mut chunk = Chunk::new(bytes, 0);
        let mut reading = chunk.reading();
        let line = reading.next_line(|| ()).unwrap();
        assert!(reading.is_text(line));
        for start in 0..bytes.len() {
            for end in start..=bytes.len() {
                let is_text = text.get(start..end).is_some();
                let part = reading.part(Span::new(start, end));
                assert_eq!((part.bytes(), part.is_text), (&bytes[start..end], is_text));
                for cut in start..=end {
                    let parts = part.split_at(cut - start);
                    let is_text = is_text && text.is_char_boundary(cut);
                    assert_eq!(parts.map(|part| part.is_text), [is_text; 2]);
                    assert_eq!(
                        parts.map(|part| part.bytes()),
                        [&bytes[start..cut], &bytes[cut..end]]
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_known_to_be_text_is_not_validated_again() {
        let mut buffer = TextBuffer::default();
        let text = LinePart { bytes: "é".as_bytes(), is_text: true };
        let unknown = LinePart::unknown(b"a");
        for (part, unvalidated) in [(text, 0), (text, 0), (unknown, 1), (text, 3)] {
            buffer.push(part);
            assert_eq!(buffer.unvalidated(), unvalidated);
        }
        assert!(buffer.validate());
        assert_eq!(buffer.text(), "ééaé");
    }

    #[test]
    #[should_panic]
    fn data_that_was_not_validated_makes_no_slices() {
        let mut buffer = TextBuffer::default();
        buffer.push(LinePart::unknown(b"\xFF"));
        Slices::from_buffer(buffer, "", "");
    }

    #[test]
    fn three_texts_that_were_copied_are_the_same_whether_they_are_short_or_not() {
        let text = "é".repeat(60);
        for lengths in [[0, 0, 0], [80, 0, 0], [0, 80, 0], [0, 0, 80], [2, 76, 2], [40, 4, 38]]
            .into_iter()
            .flat_map(|[a, b, c]| [[a, b, c], [a + 2, b, c], [a, b + 2, c], [a, b, c + 2]])
        {
            let [data, event_type, id] = lengths.map(|length| &text[..length]);
            let copied = EventText::copied(data, event_type, id);
            let is_short = lengths.iter().sum::<usize>() <= ShortText::CAPACITY;
            assert_eq!(matches!(copied, EventText::Short(_)), is_short, "{lengths:?}");
            for copied in [copied.clone(), copied] {
                assert_eq!(
                    (copied.data(), copied.event_type(), copied.id()),
                    (data, event_type, id)
                );
            }
        }
    }

    #[test]
    fn short_text_is_taken_from_a_buffer_that_has_room_for_the_longest() {
        let mut buffer = TextBuffer::default();
        assert!(buffer.short().is_none());
        buffer.reserve_exact(ShortText::CAPACITY);
        for length in (0..=ShortText::CAPACITY + 2).step_by(2) {
            buffer.clear();
            buffer.push_text(&"é".repeat(length / 2));
            let short = buffer.short();
            assert_eq!(short.is_some(), length <= ShortText::CAPACITY);
            if let Some(short) = short {
                assert_eq!([0, 1, 2].map(|index| short.text(index)), [buffer.text(), "", ""]);
            }
        }
        // What has not been validated is no part of it.
        buffer.clear();
        buffer.push_text("a");
        buffer.push(LinePart::unknown(b"\xFF"));
        assert_eq!(buffer.short().unwrap().text(0), "a");
        buffer.shrink_to(ShortText::CAPACITY - 1);
        assert!(buffer.short().is_none());
    }

    #[test]
    fn slices_stay_valid_when_the_chunk_is_gone() {
        for rest in ["", "more"] {
            let bytes = Bytes::from("type data\n".to_owned() + rest);
            let mut chunk = Chunk::new(OwnedChunk::from(bytes), 0);
            let line = chunk.reading().next_line(|| ()).unwrap();
            assert!(chunk.reading().is_text(line));
            let slices = chunk.slices(Span::new(5, 9), Span::new(0, 4), Span::default());
            assert_eq!(chunk.bytes().is_empty(), rest.is_empty());
            drop(chunk);
            assert_eq!((slices.data(), slices.event_type(), slices.id()), ("data", "type", ""));
        }
    }

    #[test]
    fn a_buffer_is_the_same_however_it_is_filled() {
        let text = "abcdefghijklmnopqrstuvwxyzé";
        for size in 1..=20 {
            let mut buffer = TextBuffer::default();
            for (round, piece) in text.as_bytes().chunks(size).enumerate() {
                if round % 2 == 0 {
                    buffer.reserve_exact(20);
                }
                buffer.push(LinePart::unknown(piece));
            }
            assert_eq!((buffer.text(), buffer.unvalidated(), buffer.len()), ("", 28, 28));
            assert!(buffer.validate());
            assert_eq!(buffer.text(), text);
        }
    }

    #[test]
    fn a_buffer_lends_only_what_is_text() {
        let mut buffer = TextBuffer::default();
        buffer.push(LinePart::unknown(b"ab\xC3"));
        assert!(!buffer.validate());
        assert_eq!((buffer.text(), buffer.unvalidated_bytes()), ("ab", &b"\xC3"[..]));
        buffer.push(LinePart::unknown(b"\xA9\xFF"));
        assert!(!buffer.validate());
        assert_eq!((buffer.text(), buffer.unvalidated_bytes()), ("abé", &b"\xFF"[..]));
    }

    #[test]
    fn each_maximal_subpart_is_replaced_in_its_place() {
        let samples: &[&[u8]] = &[
            "aé€😀b".as_bytes(),
            b"\xE2\x82A",
            b"\xFF\xFF\xFFabc\xFF",
            b"a\xF0\x9F\x98",
            b"\xF0\x9F\xF0\x9F\x98\x80\xE2\x82",
            b"\xED\xA0\x80\xC0\x80\xFF\xF4\x90\x80\x80",
        ];
        for bytes in samples {
            let whole = String::from_utf8_lossy(bytes);
            for cut in 0..=bytes.len() {
                let (head, rest) = bytes.split_at(cut);
                let mut buffer = TextBuffer::default();
                for (piece, is_all) in [(head, false), (rest, true)] {
                    buffer.push(LinePart::unknown(piece));
                    buffer.replace_invalid(is_all);
                    let rest = buffer.unvalidated_bytes();
                    assert!(rest.is_empty() || (!is_all && is_cut_character(rest)));
                }
                assert_eq!(buffer.text(), whole, "{bytes:X?} cut at {cut}");
            }
        }
    }
}
