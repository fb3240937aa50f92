//! Events from an asynchronous stream of chunks.

use alloc::string::String;
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::{
    decoder::Decoder,
    ending::Ending,
    error::StreamError,
    event::{Event, Item},
    parser::{Kind, Parser, Wanted},
};

pin_project! {
    /// The events of a stream of chunks, as a [`Stream`].
    ///
    /// Works over any stream of `Result<B, E>` where `B: Into<Bytes>`: the body
    /// of an HTTP response, a file, a socket. It needs no runtime, and is `Send`
    /// if the inner stream is. `tokio_util::io::ReaderStream` makes such a stream of
    /// tokio's `AsyncRead`; the [`recipes`](crate::recipes) show that, and the same for
    /// `futures-io`.
    ///
    /// # Termination
    ///
    /// A [`StreamError::Parse`] does not end the stream: the next item is from
    /// after the block that was dropped. After a [`StreamError::Transport`],
    /// and after the end, it yields `None` forever; [`ending`](Self::ending)
    /// tells which it was, and whether the end was within a block.
    ///
    /// # Reconnecting
    ///
    /// Once the stream has ended, however it ended, the parser from
    /// [`into_parts`](Self::into_parts) is ready for the next connection: it
    /// has the last event ID and the reconnection time, and nothing of an
    /// unfinished block.
    ///
    /// # Cancellation safety
    ///
    /// Dropping the future of a `next()` loses nothing: all state is in the
    /// stream.
    ///
    /// # Cost
    ///
    /// Same as [`Decoder`].
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on, stream};
    /// use sse_wire::{Ending, EventStream};
    ///
    /// let chunks = ["data: 1\n\ndata: ", "2\n\ndata: 3"].map(Ok::<_, std::io::Error>);
    /// let mut events = EventStream::new(stream::iter(chunks));
    /// let mut data = Vec::new();
    /// while let Some(event) = block_on(events.next()) {
    ///     data.push(event?.data().to_owned());
    /// }
    /// assert_eq!(data, ["1", "2"]);
    /// assert_eq!(events.ending(), Some(Ending::Cut));
    /// # Ok::<(), sse_wire::StreamError<std::io::Error>>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<S> {
        #[pin]
        inner: S,
        decoder: Decoder,
        bytes_read: u64,
        ending: Option<Ending>,
    }
}

impl<S> EventStream<S> {
    /// Reads events from `inner`, with the default limit and the standard's
    /// policies.
    pub fn new(inner: S) -> Self {
        Self::with_parser(inner, Parser::new())
    }

    /// Reads events from `inner`, continuing exactly where `parser` is, with
    /// its limit, policies and last event ID. For a new connection, call
    /// [`Parser::reset`] first if the parser has read one before.
    pub fn with_parser(inner: S, parser: Parser) -> Self {
        Self { inner, decoder: Decoder::with_parser(parser), bytes_read: 0, ending: None }
    }

    /// Also yields comments, IDs and reconnection times.
    pub fn items(self) -> Items<S> {
        Items { events: self }
    }

    /// Ends at the event whose data is exactly `sentinel`, as `[DONE]` ends the
    /// streams of several LLM services, and tells whether it was reached.
    ///
    /// The sentinel itself is not yielded. Its event type does not matter. A
    /// sentinel without its blank line at the end of the stream counts only
    /// with [`EofPolicy::Dispatch`](crate::EofPolicy::Dispatch).
    pub fn until_sentinel(self, sentinel: impl Into<String>) -> UntilSentinel<S> {
        UntilSentinel { events: self, sentinel: sentinel.into(), outcome: None }
    }

    /// The last event ID (WHATWG HTML §9.2.6). See [`Parser::last_event_id`].
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The reconnection time that the stream asked for, if any. See
    /// [`Parser::reconnection_time`].
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    /// How many bytes have arrived. Any byte, even of a comment, is a sign of
    /// life.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// How the stream has ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The inner stream.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner stream; what is read from it directly does not become events.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner stream; what it has delivered but was not read is
    /// lost.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Returns the inner stream, the parser, and the bytes that the stream has
    /// delivered but the parser has not read: feed them to it, and nothing is
    /// lost. Before the end the parser is in the middle of the stream; to read
    /// another stream with it, [`reset`](Parser::reset) it.
    pub fn into_parts(self) -> (S, Parser, Bytes) {
        let (parser, unread) = self.decoder.into_parts();
        (self.inner, parser, unread)
    }
}

impl<S, B, E> EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    /// Reads up to the next item that is wanted, or to the end. Moves no event:
    /// that is for the caller to make where it is to be.
    #[inline(always)]
    fn poll_advance(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        wanted: Wanted,
    ) -> Poll<Step<E>> {
        loop {
            let this = self.as_mut().project();
            match this.decoder.advance(wanted) {
                Kind::End => {}
                Kind::Error => return Poll::Ready(Step::Error),
                kind => return Poll::Ready(Step::Kind(kind)),
            }
            if this.ending.is_some() {
                return Poll::Ready(Step::None);
            }
            let chunk = ready!(self.as_mut().poll_chunk(cx));
            let this = self.as_mut().project();
            match chunk {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    *this.ending = Some(Ending::Transport);
                    this.decoder.reset();
                    return Poll::Ready(Step::Transport(error));
                }
                None => {
                    let cut = this.decoder.has_pending();
                    *this.ending = Some(if cut { Ending::Cut } else { Ending::Complete });
                    return Poll::Ready(match this.decoder.end_stream() {
                        Kind::End => Step::None,
                        Kind::Error => Step::Error,
                        kind => Step::Kind(kind),
                    });
                }
            }
        }
    }

    /// Gives the decoder the next chunks, until it has something to read.
    #[inline(always)]
    fn poll_chunk(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<(), E>>> {
        let mut this = self.project();
        while let Some(chunk) = ready!(this.inner.as_mut().poll_next(cx)?) {
            let chunk = chunk.into();
            *this.bytes_read += chunk.len() as u64;
            if this.decoder.take(chunk) {
                return Poll::Ready(Some(Ok(())));
            }
        }
        Poll::Ready(None)
    }

    #[inline(always)]
    fn parse_error(self: Pin<&mut Self>) -> StreamError<E> {
        StreamError::Parse(*self.project().decoder.take_error())
    }
}

/// What `poll_advance` has reached.
enum Step<E> {
    Kind(Kind),
    /// The decoder has it.
    Error,
    Transport(E),
    /// The end.
    None,
}

impl<S, B, E> Stream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    type Item = Result<Event, StreamError<E>>;

    #[inline(always)]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(self.as_mut().poll_advance(cx, Wanted::Events)) {
            Step::Kind(_) => Poll::Ready(Some(Ok(self.project().decoder.event()))),
            Step::Error => Poll::Ready(Some(Err(self.parse_error()))),
            Step::Transport(error) => Poll::Ready(Some(Err(StreamError::Transport(error)))),
            Step::None => Poll::Ready(None),
        }
    }
}

impl<S, B, E> FusedStream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    fn is_terminated(&self) -> bool {
        self.ending.is_some()
    }
}

pin_project! {
    /// The items of a stream of chunks: events, comments, IDs, reconnection
    /// times. Made by [`EventStream::items`].
    ///
    /// For gateways that forward a stream: the items, written out again, form
    /// an equivalent stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on, stream};
    /// use sse_wire::{Encode, EventStream};
    ///
    /// let upstream = [Ok::<_, std::io::Error>(":hi\r\ndata: 1\r\nid: 7\r\n\r\nid\n\n")];
    /// let mut items = EventStream::new(stream::iter(upstream)).items();
    /// let mut downstream = bytes::BytesMut::new();
    /// while let Some(item) = block_on(items.next()) {
    ///     item?.encode(&mut downstream)?;
    /// }
    /// assert_eq!(downstream, ": hi\n\nid: 7\ndata: 1\n\nid: \n\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Items<S> {
        #[pin]
        events: EventStream<S>,
    }
}

impl<S> Items<S> {
    /// The stream of events, with its `ending`, its last event ID and so on.
    pub fn get_ref(&self) -> &EventStream<S> {
        &self.events
    }

    /// Returns the stream of events, to continue with events only.
    pub fn into_inner(self) -> EventStream<S> {
        self.events
    }
}

impl<S, B, E> Stream for Items<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    type Item = Result<Item, StreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut events = self.project().events;
        match ready!(events.as_mut().poll_advance(cx, Wanted::Items)) {
            Step::Kind(kind) => Poll::Ready(events.project().decoder.item(kind).map(Ok)),
            Step::Error => Poll::Ready(Some(Err(events.parse_error()))),
            Step::Transport(error) => Poll::Ready(Some(Err(StreamError::Transport(error)))),
            Step::None => Poll::Ready(None),
        }
    }
}

impl<S, B, E> FusedStream for Items<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}

pin_project! {
    /// The events before a sentinel. Made by [`EventStream::until_sentinel`].
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on, stream};
    /// use sse_wire::{EventStream, Outcome};
    ///
    /// let chunks = [Ok::<_, std::io::Error>("data: {}\n\ndata: [DONE]\n\n")];
    /// let mut events = EventStream::new(stream::iter(chunks)).until_sentinel("[DONE]");
    /// assert_eq!(block_on(events.next()).unwrap()?.data(), "{}");
    /// assert!(block_on(events.next()).is_none());
    /// assert_eq!(events.outcome(), Some(Outcome::Finished));
    /// # Ok::<(), sse_wire::StreamError<std::io::Error>>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct UntilSentinel<S> {
        #[pin]
        events: EventStream<S>,
        sentinel: String,
        outcome: Option<Outcome>,
    }
}

/// Whether a stream reached its sentinel. See [`UntilSentinel`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The sentinel arrived: the sender has sent everything that it had to
    /// send.
    Finished,
    /// The stream ended, or failed, before the sentinel.
    CutOff,
}

impl<S> UntilSentinel<S> {
    /// Whether the sentinel arrived; `None` while the stream continues.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The stream of events, with its `ending`, its last event ID and so on.
    pub fn get_ref(&self) -> &EventStream<S> {
        &self.events
    }

    /// Returns the stream of events, to continue after the sentinel.
    pub fn into_inner(self) -> EventStream<S> {
        self.events
    }
}

impl<S, B, E> Stream for UntilSentinel<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    type Item = Result<Event, StreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if this.outcome.is_some() {
            return Poll::Ready(None);
        }
        let next = ready!(this.events.poll_next(cx));
        let (next, outcome) = match next {
            Some(Ok(event)) if event.data() == this.sentinel => (None, Some(Outcome::Finished)),
            None | Some(Err(StreamError::Transport(_))) => (next, Some(Outcome::CutOff)),
            next => (next, None),
        };
        *this.outcome = outcome;
        Poll::Ready(next)
    }
}

impl<S, B, E> FusedStream for UntilSentinel<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
{
    fn is_terminated(&self) -> bool {
        self.outcome.is_some()
    }
}

/// Turns a stream of chunks into a stream of events.
///
/// # Examples
///
/// ```
/// use futures::{StreamExt, executor::block_on, stream};
/// use sse_wire::EventStreamExt;
///
/// let mut events = stream::iter([Ok::<_, std::io::Error>("data: 1\n\n")]).events();
/// assert_eq!(block_on(events.next()).unwrap()?.data(), "1");
/// # Ok::<(), sse_wire::StreamError<std::io::Error>>(())
/// ```
pub trait EventStreamExt: Stream + Sized {
    /// The events of this stream of chunks, as by [`EventStream::new`].
    fn events<B, E>(self) -> EventStream<Self>
    where
        Self: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
    {
        EventStream::new(self)
    }
}

impl<S: Stream> EventStreamExt for S {}
