//! Events and the other items of a stream, lent and owned.
//!
//! The lent ones borrow their text from a chunk or a parser. The owned ones
//! share a chunk, so that an event costs a reference count and not a copy.

mod builder;

use alloc::{
    string::{String, ToString},
    sync::Arc,
};
use core::{fmt, hash, time::Duration};

pub use self::builder::EventBuilder;
use crate::text::EventText;

/// The event type of an event that specifies none (WHATWG HTML §9.2.6).
pub(crate) const DEFAULT_EVENT_TYPE: &str = "message";

/// An event, lent by a parser.
///
/// It is `Copy`. Two events are equal if their type, data, ID and retry are. A
/// last event ID that is only inherited does not count: it is part of the
/// stream, not of the event.
///
/// # Examples
///
/// ```
/// use sse_wire::Parser;
///
/// let mut parser = Parser::new();
/// let mut feed = parser.feed(b"id: 7\ndata: a\ndata: b\n\n");
/// let event = feed.next_event()?.unwrap();
/// assert_eq!(event.event_type(), "message");
/// assert_eq!(event.data(), "a\nb");
/// assert_eq!(event.id(), Some("7"));
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    data: &'a str,
    event_type: &'a str,
    last_event_id: &'a str,
    id_source: IdSource,
    /// In milliseconds.
    retry: Option<u64>,
}

/// Whose the last event ID is. Here, and in all that events are made of, there
/// is nothing smaller than a word: to copy an event just after it was written, a
/// processor has to wait if it was written in smaller pieces than it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum IdSource {
    Inherited,
    Own,
}

impl<'a> EventRef<'a> {
    /// Creates an event whose ID, if it has one, is the last event ID. An empty
    /// type stands for the default one.
    #[inline(always)]
    pub(crate) fn new(
        data: &'a str,
        event_type: &'a str,
        id_source: IdSource,
        last_event_id: &'a str,
        retry: Option<u64>,
    ) -> Self {
        let event_type = if event_type.is_empty() { DEFAULT_EVENT_TYPE } else { event_type };
        Self { data, event_type, last_event_id, id_source, retry }
    }

    /// The event type: `message` if the block specifies none or an empty one
    /// (WHATWG HTML §9.2.6). Never empty.
    #[inline]
    pub fn event_type(&self) -> &'a str {
        self.event_type
    }

    /// The data: the values of all `data` lines, joined by LF. It contains no
    /// CR.
    #[inline]
    pub fn data(&self) -> &'a str {
        self.data
    }

    /// The value of the block's own `id` field. It may be empty, which resets
    /// the last event ID.
    #[inline]
    pub fn id(&self) -> Option<&'a str> {
        (self.id_source == IdSource::Own).then_some(self.last_event_id)
    }

    /// The last event ID of the stream at this event: its own ID, or else the
    /// one that an earlier block has set, or an empty string. A browser calls
    /// it `lastEventId`.
    #[inline]
    pub fn last_event_id(&self) -> &'a str {
        self.last_event_id
    }

    /// The reconnection time that the block sets, in whole milliseconds.
    #[inline]
    pub fn retry(&self) -> Option<Duration> {
        self.retry.map(Duration::from_millis)
    }

    /// Copies the event into memory of its own, including a last event ID that
    /// it only inherits. Allocates once if type, data and ID are more than 80 bytes
    /// together, and once more for an ID that it inherits.
    ///
    /// For many events that may inherit a long ID, use a
    /// [`Decoder`](crate::Decoder): its events share it.
    pub fn to_event(&self) -> Event {
        self.copied_with(&mut SharedId::default())
    }

    /// Same as [`to_event`](Self::to_event), but an inherited ID is shared.
    pub(crate) fn copied_with(&self, shared_id: &mut SharedId) -> Event {
        let inherited_id = match self.id_source {
            IdSource::Own => None,
            IdSource::Inherited => shared_id.get(self.last_event_id),
        };
        let event_type = if self.event_type == DEFAULT_EVENT_TYPE { "" } else { self.event_type };
        let text = EventText::copied(self.data, event_type, self.id().unwrap_or_default());
        Event::from_parts(text, self.id_source, inherited_id, self.retry)
    }

    /// What two equal events have in common.
    fn content(&self) -> impl Eq + hash::Hash + use<'a> {
        (self.data, self.event_type, self.id(), self.retry)
    }
}

impl PartialEq for EventRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}

impl Eq for EventRef<'_> {}

impl hash::Hash for EventRef<'_> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.content().hash(state);
    }
}

/// An event that owns, or shares, its text.
///
/// Cheap to clone: text of more than 80 bytes is shared, and never copied. An event
/// from a [`Decoder`](crate::Decoder) or `EventStream` that is a slice of the chunk that
/// it arrived in shares it, and so keeps all of that chunk alive: 1,000 events of 4 bytes,
/// kept from 1,000 chunks of 32 KiB, hold 32 MiB. [`detach`](Self::detach)
/// those that you keep for long.
///
/// Two events are equal if their type, data, ID and retry are, as for
/// [`EventRef`].
///
/// # Examples
///
/// ```
/// use sse_wire::Event;
///
/// let event = Event::builder().event_type("token").id("7").data("hello").build()?;
/// assert_eq!(&event.to_bytes()[..], b"event: token\nid: 7\ndata: hello\n\n");
/// # Ok::<(), sse_wire::EncodeError>(())
/// ```
#[derive(Clone)]
pub struct Event {
    text: EventText,
    id_source: IdSource,
    /// The last event ID, if it is not in the text. There it is if it is the
    /// event's own, or if an earlier event of the same chunk has set it.
    inherited_id: Option<Arc<str>>,
    /// In milliseconds.
    retry: Option<u64>,
}

/// The last event ID, copied once for all events that inherit it.
#[derive(Debug, Default)]
pub(crate) struct SharedId(Option<Arc<str>>);

impl SharedId {
    /// Notes that the ID has changed.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }

    /// For an event that inherits `id`, which is assumed to be unchanged unless
    /// [`forget`](Self::forget) was called. `None` if it is empty.
    #[inline]
    pub(crate) fn get(&mut self, id: &str) -> Option<Arc<str>> {
        if id.is_empty() { None } else { Some(self.share(id)) }
    }

    #[inline(never)]
    fn share(&mut self, id: &str) -> Arc<str> {
        Arc::clone(self.0.get_or_insert_with(|| Arc::from(id)))
    }
}

impl Event {
    /// Creates an event with nothing but data. CR LF and CR in it become LF: an
    /// event stream cannot tell them apart.
    ///
    /// Does not copy a `String`, unless it contains a CR.
    ///
    /// ```
    /// use sse_wire::Event;
    ///
    /// let event = Event::new("two\r\nlines");
    /// assert_eq!(event.data(), "two\nlines");
    /// assert_eq!(event.event_type(), "message");
    /// ```
    pub fn new(data: impl Into<String>) -> Self {
        EventBuilder::with_data(data.into())
    }

    /// Returns a builder for an event from its parts, which are validated once.
    pub fn builder() -> EventBuilder {
        EventBuilder::default()
    }

    #[inline(always)]
    pub(crate) fn from_parts(
        text: EventText,
        id_source: IdSource,
        inherited_id: Option<Arc<str>>,
        retry: Option<u64>,
    ) -> Self {
        Self { text, id_source, inherited_id, retry }
    }

    /// The event type: `message` if there is no other (WHATWG HTML §9.2.6).
    /// Never empty.
    #[inline]
    pub fn event_type(&self) -> &str {
        self.as_event_ref().event_type()
    }

    /// The data: the values of all `data` lines, joined by LF. It contains no
    /// CR.
    #[inline]
    pub fn data(&self) -> &str {
        self.text.data()
    }

    /// The event's own ID. It may be empty, which resets the last event ID.
    #[inline]
    pub fn id(&self) -> Option<&str> {
        (self.id_source == IdSource::Own).then(|| self.text.id())
    }

    /// The last event ID of the stream at this event: its own ID, or else the
    /// one that an earlier block has set, or an empty string. A browser calls
    /// it `lastEventId`.
    #[inline]
    pub fn last_event_id(&self) -> &str {
        match &self.inherited_id {
            Some(id) => id,
            None => self.text.id(),
        }
    }

    /// The reconnection time that the event sets, in whole milliseconds.
    #[inline]
    pub fn retry(&self) -> Option<Duration> {
        self.retry.map(Duration::from_millis)
    }

    /// Lends the event. Costs nothing.
    #[inline]
    pub fn as_event_ref(&self) -> EventRef<'_> {
        EventRef::new(
            self.text.data(),
            self.text.event_type(),
            self.id_source,
            self.last_event_id(),
            self.retry,
        )
    }

    /// Copies the event out of the chunk that it keeps alive.
    ///
    /// Allocates once if type, data and ID are more than 80 bytes together, and once
    /// more for an ID that it inherits from its own chunk. Any other inherited last event
    /// ID stays shared with other events; it never keeps a chunk alive.
    pub fn detach(self) -> Self {
        let mut shared_id = SharedId(self.inherited_id.clone());
        self.as_event_ref().copied_with(&mut shared_id)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("event_type", &self.event_type())
            .field("data", &self.data())
            .field("id", &self.id())
            .field("last_event_id", &self.last_event_id())
            .field("retry", &self.retry())
            .finish()
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.as_event_ref() == other.as_event_ref()
    }
}

impl Eq for Event {}

impl hash::Hash for Event {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_event_ref().hash(state);
    }
}

impl From<EventRef<'_>> for Event {
    fn from(event: EventRef<'_>) -> Self {
        event.to_event()
    }
}

/// An item of a stream, lent by a parser: an event, comment, ID or reconnection
/// time.
///
/// What a block with data sets is part of its event. What a block *without*
/// data sets is delivered at its blank line, as separate items: first the last
/// event ID, then the reconnection time. A comment is delivered when its line
/// ends, even in the middle of a block. So the items, written out again, form
/// an equivalent stream.
///
/// ```
/// use sse_wire::{ItemRef, Parser};
///
/// let mut parser = Parser::new();
/// let mut feed = parser.feed(b"data: a\n: b\n\nretry: 5\nid: 7\n\n");
/// assert_eq!(feed.next_item()?, Some(ItemRef::Comment("b")));
/// assert!(matches!(feed.next_item()?, Some(ItemRef::Event(event)) if event.data() == "a"));
/// assert_eq!(feed.next_item()?, Some(ItemRef::LastEventId("7")));
/// assert_eq!(feed.next_item()?, Some(ItemRef::Retry(core::time::Duration::from_millis(5))));
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ItemRef<'a> {
    /// An event.
    Event(EventRef<'a>),
    /// A comment: what follows the colon, without one leading space.
    Comment(&'a str),
    /// The last event ID, set by a block without data.
    LastEventId(&'a str),
    /// The reconnection time, set by a block without data.
    Retry(Duration),
}

impl ItemRef<'_> {
    /// Copies the item into memory of its own.
    pub fn to_item(&self) -> Item {
        match *self {
            Self::Event(event) => Item::Event(event.to_event()),
            Self::Comment(text) => Item::Comment(text.to_string()),
            Self::LastEventId(id) => Item::LastEventId(id.to_string()),
            Self::Retry(time) => Item::Retry(time),
        }
    }
}

impl From<ItemRef<'_>> for Item {
    fn from(item: ItemRef<'_>) -> Self {
        item.to_item()
    }
}

/// An item of a stream, owned: the counterpart of [`ItemRef`].
///
/// Events share their text, as described at [`Event`]; comments and IDs are
/// copies.
///
/// # Examples
///
/// ```
/// use sse_wire::{Decoder, Encode, Item};
///
/// let mut decoder = Decoder::new();
/// decoder.push(": keep-alive\n\n".into());
/// let item = decoder.next_item()?.unwrap();
/// assert_eq!(item, Item::Comment("keep-alive".to_owned()));
///
/// // Items can be made by hand, too; they are validated when they are encoded.
/// let mut buffer = Vec::new();
/// Item::LastEventId("7".to_owned()).encode(&mut buffer)?;
/// assert_eq!(buffer, b"id: 7\n\n");
/// assert!(Item::LastEventId("7\n".to_owned()).encode(&mut buffer).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item {
    /// An event.
    Event(Event),
    /// A comment: what follows the colon, without one leading space.
    Comment(String),
    /// The last event ID, set by a block without data.
    LastEventId(String),
    /// The reconnection time, set by a block without data.
    Retry(Duration),
}

impl Item {
    /// Lends the item. Costs nothing.
    pub fn as_item_ref(&self) -> ItemRef<'_> {
        match self {
            Self::Event(event) => ItemRef::Event(event.as_event_ref()),
            Self::Comment(text) => ItemRef::Comment(text),
            Self::LastEventId(id) => ItemRef::LastEventId(id),
            Self::Retry(time) => ItemRef::Retry(*time),
        }
    }
}

impl From<Event> for Item {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}
