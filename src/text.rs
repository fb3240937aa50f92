//! Text over bytes that were validated once: all the unsafe code of the crate.
//!
//! A chunk is validated as a whole, because a vectorised validation of
//! thousands of bytes costs next to nothing, while one for each short field
//! value does not. From then on its field values are spans, and a span becomes
//! a `&str` without another look at the bytes. Two types carry the proof:
//!
//! - [`Chunk`] knows which region of its bytes is valid and lends text from it;
//! - [`Slices`] are spans that a `Chunk` has proved, with shared ownership.
//!
//! When changing this file: a span may only reach `from_utf8_unchecked` if it
//! was sliced, by `str` indexing, out of text that was validated.
#![allow(unsafe_code)]

#[cfg(feature = "std")]
use alloc::boxed::Box;
use alloc::{string::String, sync::Arc};
use core::{ops::Range, str};

use bytes::{Bytes, BytesMut};

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

    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Bytes that stay the same for as long as nobody borrows them mutably.
///
/// # Safety
///
/// Every call of `bytes` on a value must return the same bytes, unless the
/// value is mutably borrowed in between.
pub(crate) unsafe trait StableBytes {
    fn bytes(&self) -> &[u8];
}

// SAFETY: a shared slice does not change.
unsafe impl StableBytes for &[u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A chunk as the transport delivered it, and the region of it that is known
/// to be UTF-8.
///
/// INVARIANT: `bytes[valid]` is UTF-8.
#[derive(Debug)]
pub(crate) struct Chunk<B> {
    bytes: B,
    valid: Span,
}

impl<B: StableBytes> Chunk<B> {
    pub(crate) fn new(bytes: B) -> Self {
        Self { bytes, valid: Span::default() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Validates `span` and returns the end of the text at its start: the end
    /// of the span if all of it is UTF-8.
    ///
    /// A span that starts in the valid region, or where it ends, extends that
    /// region; any other span replaces it.
    pub(crate) fn validate(&mut self, span: Span) -> usize {
        let end = match simdutf8::compat::from_utf8(&self.bytes()[span.range()]) {
            Ok(_) => span.end,
            Err(error) => span.start + error.valid_up_to(),
        };
        let extends = span
            .start
            .checked_sub(self.valid.start)
            .is_some_and(|start| self.valid_text().is_char_boundary(start));
        self.valid = Span::new(if extends { self.valid.start } else { span.start }, end);
        end
    }

    /// Whether `span` is in the valid region, so that [`text`](Self::text) can
    /// lend it.
    pub(crate) fn is_valid(&self, span: Span) -> bool {
        self.valid.start <= span.start && span.end <= self.valid.end
    }

    /// The text at `span`, which must be in the valid region, on character
    /// boundaries. Costs a few comparisons.
    #[inline]
    pub(crate) fn text(&self, span: Span) -> &str {
        &self.valid_text()[span.start - self.valid.start..span.end - self.valid.start]
    }

    #[inline]
    fn valid_text(&self) -> &str {
        // SAFETY: by the invariant.
        unsafe { str::from_utf8_unchecked(&self.bytes()[self.valid.range()]) }
    }
}

impl<'c> Chunk<&'c [u8]> {
    pub(crate) const EMPTY: Self = Self { bytes: &[], valid: Span { start: 0, end: 0 } };

    /// The bytes from `start` on, for as long as the chunk itself lives.
    pub(crate) fn rest(&self, start: usize) -> &'c [u8] {
        &self.bytes[start..]
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
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

#[cfg(feature = "std")]
impl Chunk<ReadBuffer> {
    pub(crate) fn with_buffer(size: usize) -> Self {
        Self::new(ReadBuffer { buffer: alloc::vec![0; size].into_boxed_slice(), filled: 0 })
    }

    /// Replaces the bytes with what `read` puts into the buffer, and returns
    /// how many there are. What was known about the old bytes is forgotten.
    pub(crate) fn refill<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.valid = Span::default();
        self.bytes.filled = 0;
        let filled = read(&mut self.bytes.buffer)?;
        self.bytes.filled = filled.min(self.bytes.buffer.len());
        Ok(self.bytes.filled)
    }
}

/// A chunk that becomes shared when the first event is sliced out of it.
#[derive(Debug)]
pub(crate) enum OwnedBytes {
    Sole(Bytes),
    Shared(Arc<Bytes>),
}

// SAFETY: `Bytes` is immutable, and sharing it moves the handle, not the bytes.
unsafe impl StableBytes for OwnedBytes {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Sole(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl OwnedBytes {
    fn share(&mut self) -> Arc<Bytes> {
        if let Self::Sole(bytes) = self {
            *self = Self::Shared(Arc::new(core::mem::take(bytes)));
        }
        match self {
            Self::Shared(bytes) => Arc::clone(bytes),
            Self::Sole(_) => unreachable!("shared above"),
        }
    }
}

impl Chunk<OwnedBytes> {
    /// Shares the chunk with an event whose text is at these spans, each of
    /// which must be empty or one that [`text`](Self::text) can lend.
    ///
    /// Allocates only at the first call for a chunk.
    pub(crate) fn slices(&mut self, data: Span, event_type: Span, id: Span) -> Slices {
        for span in [data, event_type, id] {
            if span.len() > 0 {
                self.text(span);
            }
        }
        Slices { buffer: self.bytes.share(), data, event_type, id }
    }

    /// The bytes from `start` on, without a copy.
    pub(crate) fn tail(&self, start: usize) -> Bytes {
        match &self.bytes {
            OwnedBytes::Sole(bytes) => bytes.slice(start..),
            OwnedBytes::Shared(bytes) => bytes.slice(start..),
        }
    }
}

/// The three texts of an event, in one shared buffer.
///
/// INVARIANT: the bytes at each span are UTF-8.
#[derive(Clone, Debug)]
pub(crate) struct Slices {
    buffer: Arc<Bytes>,
    data: Span,
    event_type: Span,
    id: Span,
}

impl Slices {
    /// Copies the three texts into memory of their own.
    ///
    /// Allocates that memory, and the reference count.
    pub(crate) fn copied(data: &str, event_type: &str, id: &str) -> Self {
        let text = [data, event_type, id].concat();
        Self::joined(text.into(), data, event_type, id)
    }

    /// Copies the three texts to the end of `arena` and splits that part off.
    ///
    /// Allocates the reference count, and new space if the arena has too
    /// little.
    pub(crate) fn copied_to(arena: &mut BytesMut, data: &str, event_type: &str, id: &str) -> Self {
        for text in [data, event_type, id] {
            arena.extend_from_slice(text.as_bytes());
        }
        Self::joined(arena.split().freeze(), data, event_type, id)
    }

    /// The buffer must be data, type and ID, joined.
    fn joined(buffer: Bytes, data: &str, event_type: &str, id: &str) -> Self {
        let type_end = data.len() + event_type.len();
        assert_eq!(buffer.len(), type_end + id.len(), "nothing else is in the buffer");
        Self {
            data: Span::new(0, data.len()),
            event_type: Span::new(data.len(), type_end),
            id: Span::new(type_end, buffer.len()),
            buffer: Arc::new(buffer),
        }
    }

    /// Takes over data that has no type and no ID.
    pub(crate) fn from_data(data: String) -> Self {
        Self {
            data: Span::new(0, data.len()),
            event_type: Span::default(),
            id: Span::default(),
            buffer: Arc::new(Bytes::from(data)),
        }
    }

    pub(crate) fn data(&self) -> &str {
        self.text(self.data)
    }

    pub(crate) fn event_type(&self) -> &str {
        self.text(self.event_type)
    }

    pub(crate) fn id(&self) -> &str {
        self.text(self.id)
    }

    fn text(&self, span: Span) -> &str {
        // SAFETY: by the invariant, which the constructors establish: spans
        // of a chunk were sliced as text there, copied ones are whole strings.
        unsafe { str::from_utf8_unchecked(&self.buffer[span.range()]) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    /// Validates spans one after another; returns the last end and the region.
    fn validate(bytes: &[u8], spans: &[(usize, usize)]) -> (usize, Span) {
        let mut chunk = Chunk::new(bytes);
        let mut end = 0;
        for (start, span_end) in spans {
            end = chunk.validate(Span::new(*start, *span_end));
        }
        assert!(str::from_utf8(&bytes[chunk.valid.range()]).is_ok());
        (end, chunk.valid)
    }

    #[test]
    fn a_span_that_adjoins_or_overlaps_extends_the_valid_region() {
        assert_eq!(validate(b"abcdef", &[(0, 2), (2, 4)]), (4, Span::new(0, 4)));
        assert_eq!(validate(b"abcdef", &[(1, 4), (2, 6)]), (6, Span::new(1, 6)));
    }

    #[test]
    fn a_span_that_stands_apart_replaces_the_valid_region() {
        assert_eq!(validate(b"abcdef", &[(0, 2), (3, 5)]), (5, Span::new(3, 5)));
        assert_eq!(validate(b"abcdef", &[(3, 5), (0, 2)]), (2, Span::new(0, 2)));
    }

    #[test]
    fn a_valid_region_ends_before_what_is_invalid() {
        assert_eq!(validate(b"ab\xFFcd", &[(0, 5)]), (2, Span::new(0, 2)));
        assert_eq!(validate(b"ab\xFFcd", &[(0, 2), (2, 5)]), (2, Span::new(0, 2)));
    }

    #[test]
    fn a_span_from_within_a_character_never_extends_what_is_valid() {
        let bytes = "aéb".as_bytes();
        assert_eq!(validate(bytes, &[(0, 4), (2, 4)]), (2, Span::new(2, 2)));
        assert_eq!(validate(b"a\xC3\xA9", &[(0, 1), (2, 3)]), (2, Span::new(2, 2)));
    }

    #[test]
    #[should_panic]
    fn text_outside_of_the_valid_region_is_not_lent() {
        let mut chunk = Chunk::new(&b"ab\xFF"[..]);
        chunk.validate(Span::new(0, 2));
        chunk.text(Span::new(0, 3));
    }

    #[test]
    #[should_panic]
    fn a_part_of_a_character_is_not_lent() {
        let mut chunk = Chunk::new("é".as_bytes());
        chunk.validate(Span::new(0, 2));
        chunk.text(Span::new(0, 1));
    }

    #[test]
    #[should_panic]
    fn slices_are_checked_before_they_are_made() {
        let mut chunk = Chunk::new(OwnedBytes::Sole(Bytes::from_static(b"ab\xFF")));
        chunk.validate(Span::new(0, 2));
        chunk.slices(Span::new(0, 1), Span::default(), Span::new(1, 3));
    }

    #[test]
    fn slices_stay_valid_when_the_chunk_is_gone() {
        let mut chunk = Chunk::new(OwnedBytes::Sole(Bytes::from("type data".to_owned())));
        chunk.validate(Span::new(0, 9));
        let slices = chunk.slices(Span::new(5, 9), Span::new(0, 4), Span::default());
        drop(chunk);
        assert_eq!((slices.data(), slices.event_type(), slices.id()), ("data", "type", ""));
    }
}
