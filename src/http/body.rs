//! The body of an HTTP response that sends events.

use alloc::boxed::Box;
use core::{
    error::Error,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use ::http::Response;
use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    batch::Batch,
    headers,
    keep_alive::{KeepAlive, KeptAlive, Timer},
    shutdown::UntilShutdown,
    source::{Filled, Source},
};
use crate::{Encode, EncodeError, Encoded};

pin_project! {
    /// A stream of events as the body of an HTTP response, for any server that takes
    /// an [`http_body::Body`]: hyper with HTTP/1.1 and HTTP/2, axum, and others.
    ///
    /// The items of the stream are anything that is [`Encode`]: [`Event`],
    /// [`Item`](crate::Item), or [`Encoded`] for what goes to many clients; or
    /// results of that.
    ///
    /// # When it sends
    ///
    /// It takes from the stream what is ready, and sends it as soon as the stream has
    /// no more at the moment, or after 16 KiB. It takes nothing while the server does
    /// not ask for more: a client that reads slowly slows down the stream, and
    /// nothing is queued here but the batch in hand.
    ///
    /// # How it ends
    ///
    /// With the stream, or with its first error; then, and not only when the body is
    /// dropped, the stream is dropped. Over HTTP/1.1, what was ready before an error is
    /// still sent, and the server is given time to write it: hyper throws away what it has
    /// not written. A server reacts to an error by breaking the connection off, so that the
    /// client knows, and reconnects. When a client disconnects, a server drops the body.
    ///
    /// Over HTTP/2, a server resets the stream, and with that discards what it has not written
    /// yet (RFC 9113 §5.4.2): if the client is slow, much of what was ready, even the head. If
    /// the client has to learn why, send an event of yours and end the stream in order.
    ///
    /// # Cost
    ///
    /// Events are encoded into one buffer that is used again as soon as the server
    /// has written its bytes: no allocation for each event. An [`Encoded`] that
    /// comes alone, or has 4 KiB, is not copied. An idle body keeps at most 4 KiB
    /// of its buffer.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{executor::block_on, stream};
    /// use http_body::Body;
    /// use sse_wire::{Event, http::EventBody};
    ///
    /// let response = EventBody::new(stream::iter(["a", "b"].map(Event::new))).into_response();
    /// assert_eq!(response.headers()["content-type"], "text/event-stream");
    ///
    /// // What a server does with it:
    /// let mut body = std::pin::pin!(response.into_body());
    /// let frame = block_on(std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)));
    /// assert_eq!(frame.unwrap()?.into_data().unwrap(), "data: a\n\ndata: b\n\n");
    /// # Ok::<(), sse_wire::http::BodyError>(())
    /// ```
    ///
    /// [`Event`]: crate::Event
    #[derive(Debug)]
    #[must_use = "a body sends nothing unless a server has it"]
    pub struct EventBody<S> {
        // Until it ends.
        #[pin]
        source: Option<S>,
        batch: Batch,
        // To be reported after what is in the batch.
        error: Option<BodyError>,
        // The server has a chance to write what it has before it learns of the error.
        yields: bool,
    }
}

impl<S> EventBody<S> {
    /// A body of the events of a stream.
    pub fn new(events: S) -> Self
    where
        S: Stream,
        S::Item: Encode,
    {
        Self::of(events)
    }

    /// A body of the events of a stream that may fail: with an
    /// [error](BodyError::Source) of the stream it ends.
    ///
    /// The error may be anything that becomes a boxed one, also a `String`.
    ///
    /// ```
    /// use futures::stream;
    /// use sse_wire::{Event, http::EventBody};
    ///
    /// let events = stream::iter([Ok(Event::new("a")), Err("the database is gone")]);
    /// let response = EventBody::try_new(events).into_response();
    /// # assert_eq!(response.status(), 200);
    /// ```
    pub fn try_new<T, E>(events: S) -> Self
    where
        S: Stream<Item = Result<T, E>>,
        T: Encode,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::of(events)
    }

    fn of(source: S) -> Self {
        Self { source: Some(source), batch: Batch::default(), error: None, yields: false }
    }

    /// Sends a comment whenever nothing else was sent for some time, on any timer:
    /// so that proxies do not close the connection, and the client, or the server,
    /// notices that it is gone. See [`KeepAlive`].
    ///
    /// The standard recommends "a comment line (one starting with a ':' character)
    /// every 15 seconds or so" (WHATWG HTML §9.2.7).
    pub fn keep_alive<T: Timer>(self, keep_alive: KeepAlive<T>) -> EventBody<KeptAlive<S, T>> {
        self.map(|source| KeptAlive::new(source, keep_alive))
    }

    /// Ends the body when `signal` is ready, whatever its output, with a last block.
    ///
    /// That is usually a reconnection time, [`Encoded::retry`], so that clients come
    /// back when a new server is up. Give each body a time of its own, or they will
    /// all come back at once. An event that is ready but not yet sent is not sent any
    /// more: a client that reconnects asks for what comes after the last one that it
    /// has.
    ///
    /// Of the signal there has to be one future for each body, such as that of a
    /// `CancellationToken` of tokio-util, or a `Shared` one of futures. It is polled
    /// once for each batch.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures::{channel::oneshot, stream};
    /// use sse_wire::{Encoded, Event, http::EventBody};
    ///
    /// let (stop, stopped) = oneshot::channel::<()>();
    /// let events = stream::pending::<Event>();
    /// let last = Encoded::retry(Duration::from_millis(1500))?;
    /// let response = EventBody::new(events).shutdown(stopped, last).into_response();
    /// # drop((stop, response));
    /// # Ok::<(), sse_wire::EncodeError>(())
    /// ```
    pub fn shutdown<F: Future>(self, signal: F, last: Encoded) -> EventBody<UntilShutdown<S, F>> {
        self.map(|source| UntilShutdown::new(source, signal, last))
    }

    /// A response with status 200, this body, and the [`headers`] of an event stream.
    pub fn into_response(self) -> Response<Self> {
        let mut response = Response::new(self);
        *response.headers_mut() = headers();
        response
    }

    fn map<T>(self, wrap: impl FnOnce(S) -> T) -> EventBody<T> {
        let Self { source, batch, error, yields } = self;
        EventBody { source: source.map(wrap), batch, error, yields }
    }
}

impl<S: Source> Body for EventBody<S> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut this = self.project();
        if !this.batch.is_full() {
            if let Some(source) = this.source.as_mut().as_pin_mut() {
                match source.poll_fill(cx, this.batch) {
                    Poll::Pending if this.batch.is_empty() => {
                        this.batch.rest();
                        return Poll::Pending;
                    }
                    Poll::Pending | Poll::Ready(Ok(Filled::Full)) => {}
                    Poll::Ready(Ok(Filled::End)) => this.source.set(None),
                    Poll::Ready(Err(error)) => {
                        this.source.set(None);
                        *this.error = Some(error);
                        *this.yields = true;
                    }
                }
            }
        }
        if let Some(bytes) = this.batch.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if mem::take(this.yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(this.error.take().map(Err))
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none() && self.batch.is_empty() && self.error.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

/// Why an [`EventBody`] could not go on.
///
/// It is one type whatever the stream is, because a server makes a boxed error of it
/// anyway; `downcast_ref` on the source tells what it was.
///
/// # Examples
///
/// ```
/// use futures::{executor::block_on, stream};
/// use http_body::Body;
/// use sse_wire::{EncodeError, Item, http::{BodyError, EventBody}};
///
/// // An item made by hand, which would inject a field.
/// let items = stream::iter([Item::LastEventId("1\ndata: 2".to_owned())]);
/// let mut body = EventBody::new(items);
/// let frame = block_on(std::future::poll_fn(|cx| std::pin::pin!(&mut body).poll_frame(cx)));
/// assert!(matches!(frame, Some(Err(BodyError::Encode(EncodeError::LineEnd { .. })))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The stream of events failed.
    #[error("the stream of events failed")]
    Source(#[source] Box<dyn Error + Send + Sync>),

    /// An [`Item`](crate::Item) made by hand is not valid.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
