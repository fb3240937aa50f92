//! Events from their parts, validated once.

use alloc::string::String;
use core::time::Duration;

use super::{Event, EventRef, IdSource};
use crate::{
    encode::{validate_event_type, validate_id, whole_milliseconds},
    error::EncodeError,
    text::{EventText, Slices},
};

/// Builds an [`Event`]; made by [`Event::builder`].
///
/// Each part may be left out, and parts may be set in any order; if a part is
/// set twice, the last one counts. An event without data has empty data: a
/// block needs a `data` line to be dispatched.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use sse_wire::{EncodeError, Event};
///
/// let event = Event::builder()
///     .event_type("token")
///     .id("7")
///     .retry(Duration::from_secs(3))
///     .data("hello")
///     .build()?;
/// assert_eq!(event.id(), Some("7"));
///
/// let injected = Event::builder().id("8\ndata: no").data("yes").build();
/// assert_eq!(injected, Err(EncodeError::LineEnd { field: "id", position: 1 }));
/// # Ok::<(), sse_wire::EncodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "an event is made by `build`"]
pub struct EventBuilder {
    data: String,
    event_type: String,
    id: Option<String>,
    retry: Option<Duration>,
}

impl EventBuilder {
    /// Sets the event type; an empty one means `message`, the default.
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_type = event_type.into();
        self
    }

    /// Sets the ID, which a client sends when it reconnects. An empty one
    /// resets what was set before.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the reconnection time, in whole milliseconds.
    pub fn retry(mut self, time: Duration) -> Self {
        self.retry = Some(time);
        self
    }

    /// Sets the data, which may have any number of lines. CR LF and CR in it
    /// become LF: an event stream cannot tell them apart. Feature `json` adds `json`,
    /// for any value that `serde` can serialise.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = data.into();
        self
    }

    /// Validates the parts and builds the event. Copies them once.
    ///
    /// # Errors
    ///
    /// [`EncodeError::LineEnd`] for CR or LF in the type or the ID,
    /// [`EncodeError::Nul`] for U+0000 in the ID, [`EncodeError::Retry`] for a
    /// reconnection time that is not a whole number of milliseconds, or more than
    /// `u64::MAX` of them.
    pub fn build(self) -> Result<Event, EncodeError> {
        validate_event_type(&self.event_type)?;
        if let Some(id) = &self.id {
            validate_id(id)?;
        }
        let retry = self.retry.map(whole_milliseconds).transpose()?;
        let data = normalized(self.data);
        let (id_source, id) = match &self.id {
            Some(id) => (IdSource::Own, &id[..]),
            None => (IdSource::Inherited, ""),
        };
        let event = EventRef::new(&data, &self.event_type, id_source, id, retry);
        Ok(event.to_event())
    }

    /// Builds an event with nothing but data, which needs no validation.
    pub(super) fn with_data(data: String) -> Event {
        let text = EventText::Slices(Slices::from_data(normalized(data)));
        Event::from_parts(text, IdSource::Inherited, None, None)
    }
}

/// Data as a parser returns it: with LF for each line end.
fn normalized(data: String) -> String {
    if memchr::memchr(b'\r', data.as_bytes()).is_none() {
        return data;
    }
    data.replace("\r\n", "\n").replace('\r', "\n")
}
