//! Streams of JSON.

use core::{
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;

use super::JsonError;
use crate::{
    error::StreamError,
    event::Event,
    stream::{EventStream, UntilSentinel},
};

/// Why a stream of JSON could not deliver the next value.
///
/// # Examples
///
/// ```
/// use futures::{StreamExt, executor::block_on, stream};
/// use sse_wire::{EventStreamExt, JsonStreamError};
///
/// let chunks = ["data: {\"error\":1}\n\n", "data: 2\n\n"].map(Ok::<_, std::io::Error>);
/// let mut numbers = stream::iter(chunks).events().json::<u32>();
/// match block_on(numbers.next()) {
///     Some(Err(JsonStreamError::Json(error))) => assert_eq!(error.event().data(), r#"{"error":1}"#),
///     other => panic!("{other:?}"),
/// }
/// // The stream goes on.
/// assert_eq!(block_on(numbers.next()).unwrap()?, 2);
/// # Ok::<(), JsonStreamError<std::io::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonStreamError<E> {
    /// The stream of events failed, or a block was dropped.
    #[error(transparent)]
    Stream(#[from] StreamError<E>),
    /// An event is not the JSON that was expected; the next one may be.
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl<S> EventStream<S> {
    /// Reads the data of each event as JSON. See [`Json`].
    pub fn json<T: DeserializeOwned>(self) -> Json<Self, T> {
        Json { inner: self, of: PhantomData }
    }
}

impl<S> UntilSentinel<S> {
    /// Reads the data of each event before the sentinel as JSON. See [`Json`].
    pub fn json<T: DeserializeOwned>(self) -> Json<Self, T> {
        Json { inner: self, of: PhantomData }
    }
}

pin_project! {
    /// The data of events, each read as JSON. Made by [`EventStream::json`] and
    /// [`UntilSentinel::json`].
    ///
    /// An event that is not the JSON that was expected is an error, and the
    /// stream goes on. To read several types of events, look at the
    /// [type](Event::event_type) and call [`Event::json`] instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on, stream};
    /// use serde::Deserialize;
    /// use sse_wire::{EventStreamExt, Outcome};
    ///
    /// #[derive(Deserialize)]
    /// struct Delta {
    ///     text: String,
    /// }
    ///
    /// let chunks = ["data: {\"text\":\"a\"}\n\ndata: {\"te", "xt\":\"b\"}\n\ndata: [DONE]\n\n"];
    /// let body = stream::iter(chunks.map(Ok::<_, std::io::Error>));
    /// let mut deltas = body.events().until_sentinel("[DONE]").json::<Delta>();
    /// let mut text = String::new();
    /// while let Some(delta) = block_on(deltas.next()) {
    ///     text += &delta?.text;
    /// }
    /// assert_eq!(text, "ab");
    /// assert_eq!(deltas.get_ref().outcome(), Some(Outcome::Finished));
    /// # Ok::<(), sse_wire::JsonStreamError<std::io::Error>>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Json<S, T> {
        #[pin]
        inner: S,
        of: PhantomData<fn() -> T>,
    }
}

impl<S, T> Json<S, T> {
    /// The stream of events, with its `ending` or `outcome`.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the stream of events.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, T, E> Stream for Json<S, T>
where
    S: Stream<Item = Result<Event, StreamError<E>>>,
    T: DeserializeOwned,
{
    type Item = Result<T, JsonStreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().inner.poll_next(cx).map(|event| {
            Some(match event? {
                Ok(event) => event.json().map_err(JsonStreamError::Json),
                Err(error) => Err(JsonStreamError::Stream(error)),
            })
        })
    }
}

impl<S, T, E> FusedStream for Json<S, T>
where
    S: FusedStream<Item = Result<Event, StreamError<E>>>,
    T: DeserializeOwned,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}
