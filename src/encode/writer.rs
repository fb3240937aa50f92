//! Events written straight into a buffer, without an [`Event`](crate::Event).

use core::{fmt, time::Duration};

use bytes::BytesMut;

use super::{put_lines, put_retry, validate_event_type, validate_id, whole_milliseconds};
use crate::error::EncodeError;

/// Writes one event straight into a buffer: for a server that builds no
/// [`Event`](crate::Event), and for data that is formatted or serialised as it
/// is written.
///
/// Nothing is copied twice, and nothing is allocated unless the buffer has to
/// grow. The event is complete with [`finish`](Self::finish). If an error
/// occurs before that, or the writer is dropped, what it has written is removed
/// from the buffer.
///
/// The data is all the text given to [`data`](Self::data) and to `write!`, in
/// that order and with nothing in between. CR, LF and CR LF in it start a new
/// `data` line. Data that is written after another field starts a new line,
/// too. With feature `std` the writer is also an `io::Write`, for serialisers.
/// Feature `json` adds `json`, for any value that `serde` can serialise.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use core::fmt::Write;
/// use sse_wire::EventWriter;
///
/// let mut buffer = BytesMut::new();
/// let mut event = EventWriter::new(&mut buffer).event_type("point")?.id("7")?;
/// write!(event, "{{\"x\":{},\n", 1)?;
/// write!(event, "\"y\":{}}}", 2)?;
/// event.finish();
/// assert_eq!(buffer, "event: point\nid: 7\ndata: {\"x\":1,\ndata: \"y\":2}\n\n");
///
/// // An ID that would inject a field is an error, and leaves nothing behind.
/// assert!(EventWriter::new(&mut buffer).data("x").id("8\ndata: y").is_err());
/// assert!(buffer.ends_with(b"2}\n\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the event is removed again unless it ends with `finish`"]
pub struct EventWriter<'a> {
    buffer: &'a mut BytesMut,
    /// Where the buffer ends if the event is not finished.
    start: usize,
    data: Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    /// There is no data yet.
    None,
    /// A `data` line is being written.
    Open,
    /// It has just begun, after a CR: an LF now would belong to that CR.
    OpenAfterCr,
    /// Another field came after the data.
    Closed,
}

impl<'a> EventWriter<'a> {
    /// Begins an event at the end of the buffer.
    #[inline]
    pub fn new(buffer: &'a mut BytesMut) -> Self {
        Self { start: buffer.len(), buffer, data: Data::None }
    }

    /// Writes the event type. An empty one means `message`, the default.
    ///
    /// # Errors
    ///
    /// [`EncodeError::LineEnd`] for CR or LF in it.
    #[inline]
    pub fn event_type(mut self, event_type: &str) -> Result<Self, EncodeError> {
        validate_event_type(event_type)?;
        self.put_field(b"event: ", event_type);
        Ok(self)
    }

    /// Writes the ID. An empty one resets what was set before.
    ///
    /// # Errors
    ///
    /// [`EncodeError::LineEnd`] for CR or LF and [`EncodeError::Nul`] for
    /// U+0000 in it.
    #[inline]
    pub fn id(mut self, id: &str) -> Result<Self, EncodeError> {
        validate_id(id)?;
        self.put_field(b"id: ", id);
        Ok(self)
    }

    /// Writes the reconnection time.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Retry`] if it is not a whole number of milliseconds, or
    /// more than `u64::MAX` of them.
    #[inline]
    pub fn retry(mut self, time: Duration) -> Result<Self, EncodeError> {
        let milliseconds = whole_milliseconds(time)?;
        put_retry(milliseconds, self.between_lines());
        Ok(self)
    }

    /// Appends text to the data, as `write!` does. Behind another field, empty
    /// text is an empty line. (`io::Write::write_all` of no bytes writes nothing.)
    #[inline]
    pub fn data(mut self, text: &str) -> Self {
        self.put_data(text);
        self
    }

    /// Ends the event. An event without data gets empty data, because otherwise
    /// a client would not dispatch it.
    #[inline]
    pub fn finish(mut self) {
        if self.data == Data::None {
            self.put_data("");
        }
        self.between_lines().extend_from_slice(b"\n");
        self.start = self.buffer.len();
    }

    #[inline]
    fn put_data(&mut self, text: &str) {
        if matches!(self.data, Data::None | Data::Closed) {
            self.buffer.extend_from_slice(b"data: ");
            self.data = Data::Open;
        }
        let rest = match self.data {
            Data::OpenAfterCr => text.strip_prefix('\n').unwrap_or(text),
            _ => text,
        };
        let after_cr = put_lines(rest, b"\ndata: ", |bytes| self.buffer.extend_from_slice(bytes));
        if !text.is_empty() {
            self.data = if after_cr { Data::OpenAfterCr } else { Data::Open };
        }
    }

    #[inline]
    fn put_field(&mut self, name: &[u8], value: &str) {
        let buffer = self.between_lines();
        buffer.extend_from_slice(name);
        buffer.extend_from_slice(value.as_bytes());
        buffer.extend_from_slice(b"\n");
    }

    /// The buffer, with the last line ended.
    #[inline]
    fn between_lines(&mut self) -> &mut BytesMut {
        if matches!(self.data, Data::Open | Data::OpenAfterCr) {
            self.buffer.extend_from_slice(b"\n");
            self.data = Data::Closed;
        }
        self.buffer
    }
}

impl fmt::Write for EventWriter<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put_data(text);
        Ok(())
    }
}

/// For serialisers. Takes whole characters only: a partial character at the end
/// of `bytes` is left for the next call, as `write_all` handles it. Bytes that
/// are not UTF-8, and a partial character alone, are an error of kind
/// `InvalidData`.
#[cfg(feature = "std")]
impl std::io::Write for EventWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid()),
        };
        if text.is_empty() && !bytes.is_empty() {
            let problem = "data of an event is UTF-8, written in whole characters";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, problem));
        }
        self.put_data(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for EventWriter<'_> {
    #[inline]
    fn drop(&mut self) {
        self.buffer.truncate(self.start);
    }
}
