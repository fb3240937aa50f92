//! What a gateway does with a stream that it passes on: edit some events, or only look.
//!
//! `EditEvents` is for who changes something: it parses and writes anew, so that the
//! stream is equivalent but not the same. `Tee` is for who does not: it never touches a
//! chunk, and what it reads cannot hold one up.

use alloc::{collections::VecDeque, string::String};
use core::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::{Event, Item, ItemRef, ParseError, Parser};

pin_project! {
    /// The items of a stream, with some of their events changed: for a gateway.
    ///
    /// Comments, IDs and reconnection times pass, and so does what an event sets besides
    /// itself: if an event is removed, or replaced by one that has no ID, then its ID is
    /// an item of its own, before the event, and the same with its reconnection time. So
    /// a client that reconnects through the gateway continues where it would have
    /// without it.
    ///
    /// # Cost
    ///
    /// An event that is kept is moved. What comes in one chunk shares that chunk, as
    /// with [`EventStream`](crate::EventStream).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on, stream};
    /// use sse_wire::{Edit, EditEvents, Encode, EventStreamExt};
    ///
    /// let upstream = [Ok::<_, std::io::Error>(": hi\n\nid: 1\ndata: pass"), Ok("word\n\nid: 2\ndata: b\n\n")];
    /// let items = stream::iter(upstream).events().items();
    /// let mut items = EditEvents::new(items, |event| match event.data() {
    ///     "password" => Edit::Remove,
    ///     data => Edit::Replace(event.with_data(data.to_uppercase())),
    /// });
    /// let mut downstream = bytes::BytesMut::new();
    /// while let Some(item) = block_on(items.next()) {
    ///     item?.encode(&mut downstream)?;
    /// }
    /// assert_eq!(downstream, ": hi\n\nid: 1\n\nid: 2\ndata: B\n\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct EditEvents<S, F> {
        #[pin]
        items: S,
        edit: F,
        // What else an event has become.
        next: VecDeque<Item>,
    }
}

/// What to do with an event: see [`EditEvents`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit {
    /// It passes as it is.
    Keep,
    /// This one passes instead.
    Replace(Event),
    /// Nothing passes but its ID and its reconnection time.
    Remove,
}

impl<S, F> EditEvents<S, F>
where
    F: FnMut(&Event) -> Edit,
{
    /// Asks `edit` about each event among `items`, which are those of
    /// [`EventStream::items`](crate::EventStream::items) or any results of items.
    pub fn new(items: S, edit: F) -> Self {
        Self { items, edit, next: VecDeque::new() }
    }
}

impl<S, F> EditEvents<S, F> {
    /// The stream of items.
    pub fn get_ref(&self) -> &S {
        &self.items
    }

    /// Returns the stream of items.
    pub fn into_inner(self) -> S {
        self.items
    }
}

impl<S, F, E> Stream for EditEvents<S, F>
where
    S: Stream<Item = Result<Item, E>>,
    F: FnMut(&Event) -> Edit,
{
    type Item = Result<Item, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if let Some(item) = this.next.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let event = match ready!(this.items.as_mut().poll_next(cx)) {
                Some(Ok(Item::Event(event))) => event,
                other => return Poll::Ready(other),
            };
            let edited = match (this.edit)(&event) {
                Edit::Keep => return Poll::Ready(Some(Ok(event.into()))),
                Edit::Replace(edited) => Some(edited),
                Edit::Remove => None,
            };
            this.next.extend(what_it_sets(&event, edited.as_ref()));
            this.next.extend(edited.map(Item::Event));
        }
    }
}

/// What an event sets and its replacement does not.
fn what_it_sets(event: &Event, edited: Option<&Event>) -> impl Iterator<Item = Item> + use<> {
    let id = event.id().filter(|_| edited.is_none_or(|edited| edited.id().is_none()));
    let retry = event.retry().filter(|_| edited.is_none_or(|edited| edited.retry().is_none()));
    let id = id.map(|id| Item::LastEventId(id.into()));
    id.into_iter().chain(retry.map(Item::Retry))
}

// Functions have no `Debug`.
impl<S: fmt::Debug, F> fmt::Debug for EditEvents<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EditEvents").field("items", &self.items).finish_non_exhaustive()
    }
}

impl Event {
    /// The same event with other data: its type, ID and reconnection time are kept. CR LF
    /// and CR in the data become LF.
    ///
    /// Copies the parts of the event once. An ID that it only inherits is not kept. For
    /// data that is JSON, give it `serde_json::to_string(&value)?`.
    ///
    /// ```
    /// use sse_wire::Event;
    ///
    /// let event = Event::builder().event_type("token").id("7").data("a").build()?;
    /// let shouted = event.with_data(event.data().to_uppercase());
    /// assert_eq!(&shouted.to_bytes()[..], b"event: token\nid: 7\ndata: A\n\n");
    /// # Ok::<(), sse_wire::EncodeError>(())
    /// ```
    #[must_use]
    pub fn with_data(&self, data: impl Into<String>) -> Self {
        let mut builder = Self::builder().event_type(self.event_type()).data(data);
        if let Some(id) = self.id() {
            builder = builder.id(id);
        }
        if let Some(time) = self.retry() {
            builder = builder.retry(time);
        }
        builder.build().expect("the parts of an event are valid")
    }
}

pin_project! {
    /// A stream of chunks that passes as it is, byte for byte and chunk for chunk, while
    /// its events are read: for a gateway that counts or logs.
    ///
    /// A function sees each item when the chunk that completes it passes, or why a block
    /// has none; what is wrong with a block never changes or ends the stream. It has to
    /// be quick, because the chunk waits for it: send what takes long to someone else, as
    /// an owned [`Item`].
    ///
    /// At the end, [`Parser::finish`] decides what becomes of a block that is cut off, and
    /// after an error of the stream the function sees nothing more.
    ///
    /// # Cost
    ///
    /// That of a [`Parser`], which lends its items: no allocation for an event. Memory is
    /// bounded by [`ParserBuilder::max_event_size`](crate::ParserBuilder::max_event_size).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on, stream};
    /// use sse_wire::{ItemRef, Tee};
    ///
    /// let upstream = ["data: 1\r\n", "\r\ndata: 2\n\nda"].map(Ok::<_, std::io::Error>);
    /// let mut events = 0;
    /// let tee = Tee::new(stream::iter(upstream), |item| {
    ///     events += usize::from(matches!(item, Ok(ItemRef::Event(_))));
    /// });
    /// let chunks: Vec<_> = block_on(tee.map(Result::unwrap).collect());
    /// assert_eq!(chunks, ["data: 1\r\n", "\r\ndata: 2\n\nda"]);
    /// assert_eq!(events, 2);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct Tee<S, F> {
        #[pin]
        chunks: S,
        // Until the stream ends.
        parser: Option<Parser>,
        inspect: F,
    }
}

impl<S, F> Tee<S, F>
where
    F: FnMut(Result<ItemRef<'_>, ParseError>),
{
    /// Reads the items of a stream of chunks with the default limit and the standard's
    /// policies, and shows them to `inspect`.
    pub fn new(chunks: S, inspect: F) -> Self {
        Self::with_parser(chunks, Parser::new(), inspect)
    }

    /// The same with a parser of your own. [`Utf8Policy`](crate::Utf8Policy) and limits
    /// are only for what is read.
    pub fn with_parser(chunks: S, parser: Parser, inspect: F) -> Self {
        Self { chunks, parser: Some(parser), inspect }
    }
}

impl<S, F> Tee<S, F> {
    /// The stream of chunks.
    pub fn get_ref(&self) -> &S {
        &self.chunks
    }

    /// Returns the stream of chunks.
    pub fn into_inner(self) -> S {
        self.chunks
    }
}

impl<S, F, B, E> Stream for Tee<S, F>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    F: FnMut(Result<ItemRef<'_>, ParseError>),
{
    type Item = Result<B, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let next = ready!(this.chunks.poll_next(cx));
        match &next {
            Some(Ok(chunk)) => {
                if let Some(parser) = this.parser {
                    inspect_all(parser, chunk.as_ref(), this.inspect);
                }
            }
            Some(Err(_)) => *this.parser = None,
            None => {
                if let Some(mut parser) = mem::take(this.parser) {
                    if let Some(last) = parser.finish().transpose() {
                        (this.inspect)(last.map(ItemRef::Event));
                    }
                }
            }
        }
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.chunks.size_hint()
    }
}

fn inspect_all(
    parser: &mut Parser,
    chunk: &[u8],
    inspect: &mut impl FnMut(Result<ItemRef<'_>, ParseError>),
) {
    let mut feed = parser.feed(chunk);
    while let Some(item) = feed.next_item().transpose() {
        inspect(item);
    }
}

// Functions have no `Debug`.
impl<S: fmt::Debug, F> fmt::Debug for Tee<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee").field("chunks", &self.chunks).finish_non_exhaustive()
    }
}
