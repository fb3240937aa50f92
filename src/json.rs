//! JSON in the data of events.
//!
//! Only where the caller asks for it: a parser knows nothing of JSON, so an event
//! whose data is none is still an event, and an error keeps it. What is written is
//! text like any other.

use alloc::boxed::Box;

use serde::de::Deserialize;

pub use self::write::JsonEncodeError;
use crate::event::{Event, EventRef};

#[cfg(feature = "stream")]
pub(crate) mod stream;
mod write;

impl<'a> EventRef<'a> {
    /// Reads the data as JSON. What is read may borrow from the chunk or parser
    /// that the event borrows from.
    ///
    /// # Errors
    ///
    /// [`JsonError`], with a copy of the event.
    ///
    /// # Examples
    ///
    /// ```
    /// use sse_wire::Parser;
    ///
    /// let mut parser = Parser::new();
    /// let mut feed = parser.feed(b"data: [\"a\",\ndata: \"b\"]\n\n");
    /// let event = feed.next_event()?.unwrap();
    /// assert_eq!(event.json::<[&str; 2]>()?, ["a", "b"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json<T: Deserialize<'a>>(&self) -> Result<T, JsonError> {
        serde_json::from_str(self.data()).map_err(|source| JsonError::new(self.to_event(), source))
    }
}

impl Event {
    /// Reads the data as JSON. What is read may borrow from the event.
    ///
    /// # Errors
    ///
    /// [`JsonError`], with a clone of the event, which is cheap.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::Deserialize;
    /// use sse_wire::Event;
    ///
    /// #[derive(Deserialize)]
    /// struct Delta<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// let event = Event::new(r#"{"text":"hello"}"#);
    /// assert_eq!(event.json::<Delta>()?.text, "hello");
    /// # Ok::<(), sse_wire::JsonError>(())
    /// ```
    ///
    /// One enum for all events of a service, by their type:
    ///
    /// ```
    /// use serde::Deserialize;
    /// use sse_wire::{Event, JsonError};
    ///
    /// enum Answer {
    ///     Delta(ContentBlockDelta),
    ///     Stop,
    ///     Other(Event), // services add types
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct ContentBlockDelta {
    ///     index: usize,
    ///     delta: serde_json::Value,
    /// }
    ///
    /// fn read(event: Event) -> Result<Answer, JsonError> {
    ///     Ok(match event.event_type() {
    ///         "content_block_delta" => Answer::Delta(event.json()?),
    ///         "message_stop" => Answer::Stop,
    ///         _ => Answer::Other(event),
    ///     })
    /// }
    ///
    /// let data = r#"{"index":0,"delta":{"type":"text_delta","text":"hello"}}"#;
    /// let event = Event::builder().event_type("content_block_delta").data(data).build()?;
    /// assert!(matches!(read(event)?, Answer::Delta(ContentBlockDelta { index: 0, delta })
    ///     if delta["text"] == "hello"));
    /// # let stop = Event::builder().event_type("message_stop").data("{}").build()?;
    /// # assert!(matches!(read(stop)?, Answer::Stop));
    /// # assert!(matches!(read(Event::new("ping"))?, Answer::Other(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JsonError> {
        serde_json::from_str(self.data()).map_err(|source| JsonError::new(self.clone(), source))
    }
}

/// Why the data of an event could not be read as JSON. Keeps the event: it may
/// be an error message of the server, or whatever else it sends when all is not
/// well.
///
/// As is usual with `source()`, its text does not repeat that of its cause, which
/// says what is wrong and where: print both.
///
/// # Examples
///
/// ```
/// use std::error::Error;
///
/// use sse_wire::Event;
///
/// let error = Event::new("[1,\n2,\noverloaded]").json::<Vec<u32>>().unwrap_err();
/// assert_eq!((error.line(), error.column()), (3, 1));
/// assert_eq!(error.event().data(), "[1,\n2,\noverloaded]");
/// assert_eq!(error.to_string(), "the data of a `message` event is not the JSON that was expected");
/// assert_eq!(error.source().unwrap().to_string(), "expected value at line 3 column 1");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the data of a `{}` event is not the JSON that was expected", .event.event_type())]
pub struct JsonError {
    // Boxed, because a result that is seldom an error should not be large.
    event: Box<Event>,
    source: serde_json::Error,
}

impl JsonError {
    #[cold]
    fn new(event: Event, source: serde_json::Error) -> Self {
        Self { event: Box::new(event), source }
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Returns the event.
    pub fn into_event(self) -> Event {
        *self.event
    }

    /// In which line of the data the error is, from 1.
    pub fn line(&self) -> usize {
        self.source.line()
    }

    /// In which column of that line it is, in bytes, from 1; 0 if it is at the
    /// start of the line, or before the data.
    pub fn column(&self) -> usize {
        self.source.column()
    }
}
