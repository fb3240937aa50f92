//! The error types: what can go wrong in the bytes read ([`ParseError`]), in
//! the values to be written ([`EncodeError`]), or in the source of the bytes
//! ([`StreamError`]).

use core::time::Duration;

/// Why a block of the event stream was dropped.
///
/// The parser continues after such an error: the next call reads the block
/// after the one that was dropped. Only [`UnexpectedEnd`](Self::UnexpectedEnd)
/// is the end.
///
/// # Examples
///
/// ```
/// use sse_wire::{ParseError, Parser};
///
/// let mut parser = Parser::builder().max_event_size(4).build();
/// let mut feed = parser.feed(b"data: 12345\n\ndata: 1234\n\n");
/// assert!(matches!(
///     feed.next_event(),
///     Err(ParseError::EventTooLarge { limit: 4, offset: 0, .. })
/// ));
/// assert_eq!(feed.next_event()?.unwrap().data(), "1234");
/// # Ok::<(), ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// A block, or a comment in it, decodes to more bytes than
    /// [`ParserBuilder::max_event_size`](crate::ParserBuilder::max_event_size)
    /// allows.
    #[error(
        "an event or comment of at least {size} bytes exceeds the limit of {limit} bytes, in the block at byte {offset} of the stream; \
         the limit is set with `ParserBuilder::max_event_size`"
    )]
    EventTooLarge {
        /// How many bytes had been counted when the limit was exceeded. How far
        /// beyond the limit that is depends on where the chunks were cut.
        size: usize,
        /// The limit in bytes.
        limit: usize,
        /// Where the block starts: how many bytes of the stream come before it.
        offset: u64,
    },

    /// A block contains bytes that are not UTF-8, and the parser was built
    /// with [`Utf8Policy::Reject`](crate::Utf8Policy::Reject).
    #[error(
        "invalid UTF-8 in the block at byte {offset} of the stream; \
         `Utf8Policy::Replace` would accept it with U+FFFD in its place"
    )]
    InvalidUtf8 {
        /// Where the block starts: how many bytes of the stream come before it.
        offset: u64,
    },

    /// The stream ended within a block, and the parser was built with
    /// [`EofPolicy::Error`](crate::EofPolicy::Error).
    #[error(
        "the stream ended within the block at byte {offset}, before its blank line; \
         `EofPolicy` decides what happens to such a block"
    )]
    UnexpectedEnd {
        /// Where the block starts: how many bytes of the stream come before it.
        offset: u64,
    },
}

impl ParseError {
    /// Where the dropped block starts: how many bytes of the stream come before
    /// it.
    ///
    /// ```
    /// use sse_wire::{Parser, Utf8Policy};
    ///
    /// let mut parser = Parser::builder().utf8_policy(Utf8Policy::Reject).build();
    /// let mut feed = parser.feed(b"data: a\n\ndata: \xFF\n\n");
    /// assert!(feed.next_event()?.is_some());
    /// assert_eq!(feed.next_event().unwrap_err().offset(), 9);
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    pub fn offset(&self) -> u64 {
        match *self {
            Self::EventTooLarge { offset, .. }
            | Self::InvalidUtf8 { offset }
            | Self::UnexpectedEnd { offset } => offset,
        }
    }
}

/// Why a value cannot be written into an event stream.
///
/// Each of these values would be changed by a round trip, or would add fields
/// of its own.
///
/// # Examples
///
/// ```
/// use sse_wire::{EncodeError, Event};
///
/// let injected = Event::builder().event_type("a\nid: 7").build();
/// assert_eq!(injected, Err(EncodeError::LineEnd { field: "event", position: 1 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A line end in an event type or ID, which would begin a new field.
    #[error("line end at byte {position} of the `{field}` field; the value must be one line")]
    LineEnd {
        /// The field name: `event` or `id`.
        field: &'static str,
        /// Where the CR or LF is in the value, in bytes.
        position: usize,
    },

    /// U+0000 in an ID, which makes a parser ignore the field.
    #[error(
        "U+0000 NULL at byte {position} of the `{field}` field; a parser would ignore the field"
    )]
    Nul {
        /// The field name: `id`.
        field: &'static str,
        /// Where the NUL is in the value, in bytes.
        position: usize,
    },

    /// A reconnection time that is not a whole number of milliseconds, or more
    /// than `u64::MAX` of them.
    #[error(
        "{time:?} in the `retry` field; it must be a whole number of milliseconds, at most `u64::MAX`"
    )]
    Retry {
        /// The reconnection time that was asked for.
        time: Duration,
    },
}

/// Why an adapter could not deliver the next event.
///
/// `E` is the error of the source of the bytes. The two are told apart because
/// they call for different reactions: after [`Parse`](Self::Parse) the stream
/// continues, after [`Transport`](Self::Transport) it has to be reopened.
///
/// As is usual with `source()`, the text of a `Transport` error does not repeat
/// that of its cause: print both.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "std")] {
/// use sse_wire::{EventReader, Parser, StreamError};
///
/// let parser = Parser::builder().max_event_size(8).build();
/// let reader = EventReader::with_parser(&b"data: far too large\n\ndata: fits\n\n"[..], parser);
/// let mut data = Vec::new();
/// for event in reader {
///     match event {
///         Ok(event) => data.push(event.data().to_owned()),
///         Err(StreamError::Parse(error)) => eprintln!("one block was dropped: {error}"),
///         Err(StreamError::Transport(error)) => panic!("the connection broke: {error}"),
///         Err(error) => panic!("{error}"),
///     }
/// }
/// assert_eq!(data, ["fits"]);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// The source of the bytes failed.
    #[error("the transport of the event stream failed")]
    Transport(#[source] E),

    /// A block was dropped; the next call continues with the next block, if the
    /// stream has not ended.
    #[error(transparent)]
    Parse(#[from] ParseError),
}
