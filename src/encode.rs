//! Writing event streams (WHATWG HTML §9.2.5).
//!
//! An event is validated when it is built, so encoding one cannot fail and
//! cannot be used to inject fields. What is encoded and parsed again is equal.
//!
//! Besides [`Event::encode`], there are functions here for what else a stream
//! may hold. [`EventWriter`] is for servers that do not need an `Event`, and
//! [`Encoded`] is for bytes that go to many clients.
//!
//! # Examples
//!
//! ```
//! use bytes::BytesMut;
//! use core::time::Duration;
//! use sse_wire::{Event, encode};
//!
//! let mut stream = BytesMut::new();
//! encode::retry(Duration::from_secs(2), &mut stream)?;
//! encode::comment("keep-alive", &mut stream);
//! Event::new("two\nlines").encode(&mut stream);
//! assert_eq!(stream, "retry: 2000\n\n: keep-alive\n\ndata: two\ndata: lines\n\n");
//! # Ok::<(), sse_wire::EncodeError>(())
//! ```

mod encoded;
mod gather;
mod writer;

use alloc::vec::Vec;
use core::{fmt, time::Duration};

use bytes::{BufMut, Bytes};

use self::gather::Gather;
pub use self::{encoded::Encoded, writer::EventWriter};
use crate::{
    error::EncodeError,
    event::{DEFAULT_EVENT_TYPE, Event, EventRef, Item, ItemRef},
};

/// Writes a comment, as a block of its own: clients ignore it, but it keeps a
/// connection alive.
///
/// CR, LF and CR LF in the text start another comment line. Does not allocate.
///
/// # Panics
///
/// If `dst` has no room and cannot grow, as with anything that writes to a
/// [`BufMut`].
///
/// # Examples
///
/// ```
/// let mut stream = Vec::new();
/// sse_wire::encode::comment("one\ntwo", &mut stream);
/// assert_eq!(stream, b": one\n: two\n\n");
/// ```
pub fn comment(text: &str, dst: &mut impl BufMut) {
    let mut block = Gather::new(dst);
    block.put(b": ");
    put_lines(text, b"\n: ", |bytes| block.put(bytes));
    block.put(b"\n");
    block.finish();
}

/// Writes a reconnection time, as a block of its own (WHATWG HTML §9.2.6).
/// Does not allocate.
///
/// # Errors
///
/// [`EncodeError::Retry`] if the time is not a whole number of milliseconds, or
/// more than `u64::MAX` of them. Nothing is written in that case.
///
/// # Panics
///
/// If `dst` has no room and cannot grow.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
///
/// let mut stream = Vec::new();
/// sse_wire::encode::retry(Duration::from_millis(1500), &mut stream)?;
/// assert_eq!(stream, b"retry: 1500\n\n");
/// assert!(sse_wire::encode::retry(Duration::from_micros(1), &mut stream).is_err());
/// # Ok::<(), sse_wire::EncodeError>(())
/// ```
pub fn retry(time: Duration, dst: &mut impl BufMut) -> Result<(), EncodeError> {
    let milliseconds = whole_milliseconds(time)?;
    let mut block = Gather::new(dst);
    put_retry(milliseconds, &mut block);
    block.finish();
    Ok(())
}

/// Writes a last event ID, as a block of its own without data: it sets the ID
/// and dispatches nothing (WHATWG HTML §9.2.6). Does not allocate.
///
/// # Errors
///
/// [`EncodeError::LineEnd`] for CR or LF and [`EncodeError::Nul`] for U+0000 in
/// the ID. Nothing is written in that case.
///
/// # Panics
///
/// If `dst` has no room and cannot grow.
///
/// # Examples
///
/// ```
/// let mut stream = Vec::new();
/// sse_wire::encode::last_event_id("7", &mut stream)?;
/// assert_eq!(stream, b"id: 7\n\n");
/// # Ok::<(), sse_wire::EncodeError>(())
/// ```
pub fn last_event_id(id: &str, dst: &mut impl BufMut) -> Result<(), EncodeError> {
    validate_id(id)?;
    let mut block = Gather::new(dst);
    block.put_field(b"id: ", id);
    block.finish();
    Ok(())
}

/// What can be written into an event stream: [`Event`], [`Item`] and
/// [`Encoded`], and the lent [`EventRef`] and [`ItemRef`].
///
/// Sealed: other crates cannot implement it, so every implementation writes
/// valid blocks.
///
/// Encoding an [`Event`], [`EventRef`] or [`Encoded`] cannot fail. [`Event`]
/// and [`EventRef`] also have infallible methods of the same names.
///
/// # Examples
///
/// ```
/// use sse_wire::{Encode, EncodeError, Encoded, Event};
///
/// fn append(stream: &mut Vec<u8>, value: &impl Encode) -> Result<(), EncodeError> {
///     stream.reserve(value.encoded_len());
///     value.encode(stream)
/// }
///
/// let mut stream = Vec::new();
/// append(&mut stream, &Encoded::comment("keep-alive"))?;
/// append(&mut stream, &Event::new("a"))?;
/// assert_eq!(stream, b": keep-alive\n\ndata: a\n\n");
/// # Ok::<(), EncodeError>(())
/// ```
pub trait Encode: sealed::Sealed {
    /// Writes the value, with the blank line that ends its block.
    ///
    /// # Errors
    ///
    /// For an [`Item`] made by hand, which has not been validated, those of
    /// [`last_event_id`] and [`retry`]. Nothing is written in that case.
    ///
    /// # Panics
    ///
    /// If `dst` has no room and cannot grow.
    fn encode(&self, dst: &mut impl BufMut) -> Result<(), EncodeError>;

    /// How many bytes [`encode`](Self::encode) writes.
    fn encoded_len(&self) -> usize;
}

impl EventRef<'_> {
    /// Writes the event, with the blank line that ends it. Does not allocate,
    /// unless the buffer has to grow.
    ///
    /// An ID that the event only inherits is not written: to forward a stream,
    /// encode its [items](Item).
    ///
    /// # Panics
    ///
    /// If `dst` has less room than [`encoded_len`](Self::encoded_len) and
    /// cannot grow.
    #[inline]
    pub fn encode(&self, dst: &mut impl BufMut) {
        self.encode_with_id(self.id(), dst);
    }

    /// Writes the event with another ID, which is valid, or with none.
    // As a call of its own it costs `encode` up to a tenth more instructions.
    #[inline(always)]
    fn encode_with_id(&self, id: Option<&str>, dst: &mut impl BufMut) {
        let mut block = Gather::new(dst);
        if self.event_type() != DEFAULT_EVENT_TYPE {
            block.put_field(b"event: ", self.event_type());
        }
        if let Some(id) = id {
            block.put_field(b"id: ", id);
        }
        if let Some(time) = self.retry() {
            put_retry(milliseconds(time), &mut block);
        }
        // There is no CR in the data of an event.
        let mut rest = self.data();
        while let Some(end) = find_lf(rest.as_bytes()) {
            block.put_field(b"data: ", &rest[..end]);
            rest = &rest[end + 1..];
        }
        block.put_field(b"data: ", rest);
        block.finish();
    }

    /// How many bytes [`encode`](Self::encode) writes. Counts the lines of the
    /// data.
    pub fn encoded_len(&self) -> usize {
        let event_type = match self.event_type() {
            DEFAULT_EVENT_TYPE => 0,
            event_type => "event: \n".len() + event_type.len(),
        };
        let id = self.id().map_or(0, id_len);
        let retry = self.retry().map_or(0, |time| retry_len(milliseconds(time)));
        event_type + id + retry + lines_len(self.data(), "data: ".len()) + 1
    }

    /// Returns the encoded event. Allocates once.
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode(&mut bytes);
        bytes.into()
    }
}

impl Event {
    /// Writes the event, with the blank line that ends it. Does not allocate,
    /// unless the buffer has to grow.
    ///
    /// An ID that the event only inherits is not written: to forward a stream,
    /// encode its [items](Item).
    ///
    /// # Panics
    ///
    /// If `dst` has less room than [`encoded_len`](Self::encoded_len) and
    /// cannot grow.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut stream = bytes::BytesMut::new();
    /// sse_wire::Event::new("hello").encode(&mut stream);
    /// assert_eq!(stream, "data: hello\n\n");
    /// ```
    pub fn encode(&self, dst: &mut impl BufMut) {
        self.as_event_ref().encode(dst);
    }

    /// How many bytes [`encode`](Self::encode) writes. Counts the lines of the
    /// data.
    pub fn encoded_len(&self) -> usize {
        self.as_event_ref().encoded_len()
    }

    /// Returns the encoded event. Allocates once.
    pub fn to_bytes(&self) -> Bytes {
        self.as_event_ref().to_bytes()
    }
}

impl Encode for EventRef<'_> {
    fn encode(&self, dst: &mut impl BufMut) -> Result<(), EncodeError> {
        EventRef::encode(self, dst);
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        EventRef::encoded_len(self)
    }
}

impl Encode for Event {
    fn encode(&self, dst: &mut impl BufMut) -> Result<(), EncodeError> {
        Encode::encode(&self.as_event_ref(), dst)
    }

    fn encoded_len(&self) -> usize {
        Self::encoded_len(self)
    }
}

impl Encode for ItemRef<'_> {
    fn encode(&self, dst: &mut impl BufMut) -> Result<(), EncodeError> {
        match *self {
            Self::Event(event) => event.encode(dst),
            Self::Comment(text) => comment(text, dst),
            Self::LastEventId(id) => last_event_id(id, dst)?,
            Self::Retry(time) => retry(time, dst)?,
        }
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        match *self {
            Self::Event(event) => event.encoded_len(),
            Self::Comment(text) => lines_len(text, ": ".len()) + 1,
            Self::LastEventId(id) => id_len(id) + 1,
            Self::Retry(time) => retry_len(milliseconds(time)) + 1,
        }
    }
}

impl Encode for Item {
    fn encode(&self, dst: &mut impl BufMut) -> Result<(), EncodeError> {
        self.as_item_ref().encode(dst)
    }

    fn encoded_len(&self) -> usize {
        self.as_item_ref().encoded_len()
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "this is what seals `Encode`")]
    pub trait Sealed {
        /// The bytes that `encode` writes, if they are there already.
        #[doc(hidden)]
        #[inline]
        fn as_shared(&self) -> Option<&bytes::Bytes> {
            None
        }
    }

    impl Sealed for super::Event {}
    impl Sealed for super::EventRef<'_> {}
    impl Sealed for super::Item {}
    impl Sealed for super::ItemRef<'_> {}
    impl Sealed for super::Encoded {
        #[inline]
        fn as_shared(&self) -> Option<&bytes::Bytes> {
            Some(self.bytes())
        }
    }
}

#[inline]
pub(crate) fn validate_event_type(event_type: &str) -> Result<(), EncodeError> {
    if is_plain(event_type.as_bytes()) { Ok(()) } else { validate_one_line("event", event_type) }
}

#[inline]
pub(crate) fn validate_id(id: &str) -> Result<(), EncodeError> {
    if is_plain(id.as_bytes()) { Ok(()) } else { validate_unusual_id(id) }
}

#[cold]
fn validate_unusual_id(id: &str) -> Result<(), EncodeError> {
    validate_one_line("id", id)?;
    match memchr::memchr(0, id.as_bytes()) {
        Some(position) => Err(EncodeError::Nul { field: "id", position }),
        None => Ok(()),
    }
}

#[cold]
fn validate_one_line(field: &'static str, value: &str) -> Result<(), EncodeError> {
    match memchr::memchr2(b'\n', b'\r', value.as_bytes()) {
        Some(position) => Err(EncodeError::LineEnd { field, position }),
        None => Ok(()),
    }
}

/// The reconnection time as it is written.
#[inline]
pub(crate) fn whole_milliseconds(time: Duration) -> Result<u64, EncodeError> {
    match u64::try_from(time.as_millis()) {
        Ok(milliseconds) if Duration::from_millis(milliseconds) == time => Ok(milliseconds),
        _ => Err(EncodeError::Retry { time }),
    }
}

/// Same as [`whole_milliseconds`], for a time that has been validated.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn put_retry(milliseconds: u64, dst: &mut impl fmt::Write) {
    // What is written to here never fails.
    let _ = writeln!(dst, "retry: {milliseconds}");
}

fn id_len(id: &str) -> usize {
    "id: \n".len() + id.len()
}

fn retry_len(milliseconds: u64) -> usize {
    let digits = milliseconds.checked_ilog10().map_or(1, |log| log as usize + 1);
    "retry: \n".len() + digits
}

/// Puts text of any number of lines, with `next` for each line end in it.
/// Returns whether the text ended in a CR, to which an LF may still belong.
#[inline]
fn put_lines(text: &str, next: &[u8], mut put: impl FnMut(&[u8])) -> bool {
    let mut rest = text.as_bytes();
    while let Some(end) = find_line_end(rest) {
        put(&rest[..end]);
        put(next);
        let pair = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + 1 + usize::from(pair)..];
    }
    put(rest);
    text.ends_with('\r')
}

#[inline]
fn find_line_end(bytes: &[u8]) -> Option<usize> {
    if is_short_and_plain(bytes) {
        return None;
    }
    memchr::memchr2(b'\n', b'\r', bytes)
}

#[inline]
fn find_lf(bytes: &[u8]) -> Option<usize> {
    if is_short_and_plain(bytes) {
        return None;
    }
    memchr::memchr(b'\n', bytes)
}

/// Spares a search, which costs more in short text than a look at each byte.
#[inline]
fn is_short_and_plain(bytes: &[u8]) -> bool {
    bytes.len() < 32 && is_plain(bytes)
}

/// Whether there is neither NUL nor a line end in the bytes, and no other of the
/// control characters up to CR, so that it is one comparison for each.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    // Without a way out, so that it is vectorised.
    bytes.iter().fold(true, |is_plain, &byte| is_plain & (byte > b'\r'))
}

/// How many bytes text of any number of lines takes, each line with a prefix
/// and a line end.
fn lines_len(text: &str, prefix: usize) -> usize {
    let ends = memchr::memchr2_iter(b'\n', b'\r', text.as_bytes());
    let (mut lines, mut pairs) = (1, 0);
    for end in ends {
        match text.as_bytes()[end..] {
            [b'\r', b'\n', ..] => pairs += 1,
            _ => lines += 1,
        }
    }
    text.len() - pairs + lines * prefix + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_and_plain_is_known_without_a_search() {
        assert!(is_short_and_plain(b"data \xFF"));
        assert!(is_short_and_plain(&[b'a'; 31]));
        assert!(!is_short_and_plain(&[b'a'; 32]));
        for control in 0..=b'\r' {
            assert!(!is_short_and_plain(&[b'a', control]));
        }
    }
}
