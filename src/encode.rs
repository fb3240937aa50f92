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
mod writer;

use alloc::vec::Vec;
use core::{
    fmt::{self, Write as _},
    time::Duration,
};

use bytes::{BufMut, Bytes};

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
    dst.put_slice(b": ");
    put_lines(text, b"\n: ", dst);
    dst.put_slice(b"\n\n");
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
    put_retry(whole_milliseconds(time)?, dst);
    dst.put_slice(b"\n");
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
    put_field(b"id: ", id, dst);
    dst.put_slice(b"\n");
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
    pub fn encode(&self, dst: &mut impl BufMut) {
        if self.event_type() != DEFAULT_EVENT_TYPE {
            put_field(b"event: ", self.event_type(), dst);
        }
        if let Some(id) = self.id() {
            put_field(b"id: ", id, dst);
        }
        if let Some(time) = self.retry() {
            put_retry(milliseconds(time), dst);
        }
        dst.put_slice(b"data: ");
        put_lines(self.data(), b"\ndata: ", dst);
        dst.put_slice(b"\n\n");
    }

    /// How many bytes [`encode`](Self::encode) writes. Counts the lines of the
    /// data.
    pub fn encoded_len(&self) -> usize {
        let event_type = match self.event_type() {
            DEFAULT_EVENT_TYPE => 0,
            event_type => "event: \n".len() + event_type.len(),
        };
        let id = self.id().map_or(0, |id| "id: \n".len() + id.len());
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
            Self::LastEventId(id) => "id: \n\n".len() + id.len(),
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
    pub trait Sealed {}

    impl Sealed for super::Event {}
    impl Sealed for super::EventRef<'_> {}
    impl Sealed for super::Item {}
    impl Sealed for super::ItemRef<'_> {}
    impl Sealed for super::Encoded {}
}

pub(crate) fn validate_event_type(event_type: &str) -> Result<(), EncodeError> {
    validate_one_line("event", event_type)
}

pub(crate) fn validate_id(id: &str) -> Result<(), EncodeError> {
    validate_one_line("id", id)?;
    match memchr::memchr(0, id.as_bytes()) {
        Some(position) => Err(EncodeError::Nul { field: "id", position }),
        None => Ok(()),
    }
}

fn validate_one_line(field: &'static str, value: &str) -> Result<(), EncodeError> {
    match memchr::memchr2(b'\n', b'\r', value.as_bytes()) {
        Some(position) => Err(EncodeError::LineEnd { field, position }),
        None => Ok(()),
    }
}

/// The reconnection time as it is written.
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

fn put_field(name: &[u8], value: &str, dst: &mut impl BufMut) {
    dst.put_slice(name);
    dst.put_slice(value.as_bytes());
    dst.put_slice(b"\n");
}

fn put_retry(milliseconds: u64, dst: &mut impl BufMut) {
    // A `Put` does not fail.
    let _ = writeln!(Put(dst), "retry: {milliseconds}");
}

fn retry_len(milliseconds: u64) -> usize {
    let digits = milliseconds.checked_ilog10().map_or(1, |log| log as usize + 1);
    "retry: \n".len() + digits
}

/// Writes text of any number of lines, with `next` for each line end in it.
/// Returns whether the text ended in a CR, to which an LF may still belong.
fn put_lines(text: &str, next: &[u8], dst: &mut impl BufMut) -> bool {
    let mut rest = text.as_bytes();
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        dst.put_slice(&rest[..end]);
        dst.put_slice(next);
        let pair = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + 1 + usize::from(pair)..];
    }
    dst.put_slice(rest);
    rest.is_empty() && text.ends_with('\r')
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

/// Writes formatted text into a buffer.
struct Put<'a, B>(&'a mut B);

impl<B: BufMut> fmt::Write for Put<'_, B> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put_slice(text.as_bytes());
        Ok(())
    }
}
