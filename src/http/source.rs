//! Where a body gets its events from.
//!
//! A source fills a batch. So what is around a stream of events, keep-alive and
//! shutdown, is asked once for each batch and not once for each event, and needs no
//! item type of its own.

use alloc::boxed::Box;
use core::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{BodyError, batch::Batch};
use crate::Encode;

/// What an [`EventBody`](super::EventBody) can send: a stream whose items are
/// [`Encode`], or are results of that, and what
/// [`keep_alive`](super::EventBody::keep_alive) and
/// [`shutdown`](super::EventBody::shutdown) make of one.
///
/// Sealed: other crates cannot implement it. To name it in a bound is seldom
/// necessary, because each of those streams implements it:
///
/// ```
/// use futures::Stream;
/// use http::Response;
/// use sse_wire::{Event, http::EventBody};
///
/// fn answer<S: Stream<Item = Event>>(events: S) -> Response<EventBody<S>> {
///     EventBody::new(events).into_response()
/// }
/// ```
pub trait Source: Fill {}

impl<S: Fill> Source for S {}

/// How a source has left a batch.
#[expect(unnameable_types, reason = "part of what seals `Source`")]
#[derive(Debug)]
pub enum Filled {
    /// There is no room for more.
    Full,
    /// Nothing will come any more.
    End,
}

/// What it comes to, to fill a batch.
pub(super) type PollFill = Poll<Result<Filled, BodyError>>;

#[expect(unnameable_types, reason = "this is what seals `Source`")]
pub trait Fill {
    /// Adds what is ready to the batch, which is not full. `Pending` means that
    /// there is no more at the moment; there may be something in the batch.
    fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>, batch: &mut Batch) -> PollFill;
}

impl<S> Fill for S
where
    S: Stream,
    S::Item: Put,
{
    fn poll_fill(mut self: Pin<&mut Self>, cx: &mut Context<'_>, batch: &mut Batch) -> PollFill {
        while !batch.is_full() {
            match ready!(self.as_mut().poll_next(cx)) {
                Some(item) => item.put(batch)?,
                None => return Poll::Ready(Ok(Filled::End)),
            }
        }
        Poll::Ready(Ok(Filled::Full))
    }
}

/// An item of a stream of events.
#[expect(unnameable_types, reason = "part of what seals `Source`")]
pub trait Put {
    fn put(self, batch: &mut Batch) -> Result<(), BodyError>;
}

impl<T: Encode> Put for T {
    fn put(self, batch: &mut Batch) -> Result<(), BodyError> {
        Ok(batch.put(&self)?)
    }
}

impl<T: Encode, E: Into<Box<dyn Error + Send + Sync>>> Put for Result<T, E> {
    fn put(self, batch: &mut Batch) -> Result<(), BodyError> {
        Ok(batch.put(&self.map_err(|error| BodyError::Source(error.into()))?)?)
    }
}
