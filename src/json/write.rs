//! JSON as the data of events that are written.

#[cfg(not(feature = "std"))]
use core::fmt::Write as _;

use serde::ser::Serialize;

use crate::{encode::EventWriter, event::EventBuilder};

impl EventBuilder {
    /// Sets the data to a value, written as JSON in one line. Allocates for its text
    /// only.
    ///
    /// # Errors
    ///
    /// [`JsonEncodeError`], if the value cannot be JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::Serialize;
    /// use sse_wire::Event;
    ///
    /// #[derive(Serialize)]
    /// struct Delta<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// let event = Event::builder().event_type("delta").json(&Delta { text: "two\nlines" })?.build()?;
    /// assert_eq!(&event.to_bytes()[..], b"event: delta\ndata: {\"text\":\"two\\nlines\"}\n\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json<T: ?Sized + Serialize>(self, value: &T) -> Result<Self, JsonEncodeError> {
        let text = serde_json::to_string(value).map_err(JsonEncodeError::new)?;
        Ok(self.data(text))
    }
}

impl EventWriter<'_> {
    /// Appends a value to the data, written as JSON in one line, straight into the
    /// buffer. Does not allocate, unless the buffer has to grow. (Without feature
    /// `std`, the text is made first.)
    ///
    /// Line ends in text are escaped, as JSON demands. Those of a
    /// `serde_json::value::RawValue`, or of a pretty printer that writes through
    /// `io::Write`, are between two parts of the value: they start new `data` lines,
    /// and what is read back is the same JSON.
    ///
    /// # Errors
    ///
    /// [`JsonEncodeError`], if the value cannot be JSON, even if that turns out when
    /// half of it is written. Nothing of the event is left in the buffer.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use bytes::BytesMut;
    /// use sse_wire::EventWriter;
    ///
    /// let mut buffer = BytesMut::new();
    /// EventWriter::new(&mut buffer).id("7")?.json(&[("a", 1), ("b", 2)])?.finish();
    /// assert_eq!(buffer, "id: 7\ndata: [[\"a\",1],[\"b\",2]]\n\n");
    ///
    /// // The keys of JSON are text.
    /// let no_json = BTreeMap::from([([0, 0], "origin")]);
    /// assert!(EventWriter::new(&mut buffer).id("8")?.json(&no_json).is_err());
    /// assert!(buffer.ends_with(b"2]]\n\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json<T: ?Sized + Serialize>(mut self, value: &T) -> Result<Self, JsonEncodeError> {
        put(value, &mut self).map_err(JsonEncodeError::new)?;
        Ok(self)
    }
}

#[cfg(feature = "std")]
fn put<T: ?Sized + Serialize>(value: &T, dst: &mut EventWriter<'_>) -> serde_json::Result<()> {
    serde_json::to_writer(dst, value)
}

/// Without `std`, serde_json writes into memory of its own only.
#[cfg(not(feature = "std"))]
fn put<T: ?Sized + Serialize>(value: &T, dst: &mut EventWriter<'_>) -> serde_json::Result<()> {
    let text = serde_json::to_string(value)?;
    // To write into a buffer never fails.
    let _ = dst.write_str(&text);
    Ok(())
}

/// Why a value cannot be written as JSON: it has a key that is no text, or its
/// `Serialize` returns an error. A number that is not finite is none: it becomes `null`.
///
/// As is usual with `source()`, its text does not repeat that of its cause: print
/// both.
///
/// # Examples
///
/// ```
/// use std::{collections::BTreeMap, error::Error};
///
/// use sse_wire::Event;
///
/// let error = Event::builder().json(&BTreeMap::from([([0, 0], "origin")])).unwrap_err();
/// assert_eq!(error.to_string(), "the data of an event cannot be written as JSON");
/// assert_eq!(error.source().unwrap().to_string(), "key must be a string");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the data of an event cannot be written as JSON")]
pub struct JsonEncodeError {
    source: serde_json::Error,
}

impl JsonEncodeError {
    #[cold]
    fn new(source: serde_json::Error) -> Self {
        Self { source }
    }
}
