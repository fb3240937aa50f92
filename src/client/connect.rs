//! The caller's side of an `EventSource`: functions that connect and sleep.
//! These traits only give names to what such functions return, so that the
//! source has two type parameters and not five.

use core::{future::Future, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;

/// Sends a request: the HTTP client of an [`EventSource`](crate::EventSource).
///
/// Implemented by all functions from a request to a future response whose body
/// is an [`http_body::Body`]. The error of the body must convert into that of the
/// request; for different ones, `Box<dyn Error + Send + Sync>` will do.
///
/// With [`Sleep`], it gives a name to the source that a function returns:
///
/// ```
/// use std::{convert::Infallible, future::ready};
///
/// use http::{Request, Response};
/// use sse_wire::{Connect, EventSource, Sleep};
///
/// fn follow(url: &str) -> http::Result<EventSource<impl Connect, impl Sleep>> {
///     let connect = |_request| ready(Ok::<_, Infallible>(Response::new("a body".to_owned())));
///     Ok(EventSource::new(Request::get(url).body("")?, connect, |_time| ready(())))
/// }
/// assert!(follow("http://localhost/events").is_ok());
/// ```
pub trait Connect {
    /// The body of a response.
    type Body: Body<Error: Into<Self::Error>>;
    /// The error of the transport.
    type Error;
    /// The response to come.
    type Future: Future<Output = Result<Response<Self::Body>, Self::Error>>;

    /// Sends the request.
    fn connect(&mut self, request: Request<Bytes>) -> Self::Future;
}

impl<C, F, B, E> Connect for C
where
    C: FnMut(Request<Bytes>) -> F,
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: Into<E>>,
{
    type Body = B;
    type Error = E;
    type Future = F;

    fn connect(&mut self, request: Request<Bytes>) -> F {
        self(request)
    }
}

/// Waits: the timer of an [`EventSource`](crate::EventSource).
///
/// Implemented by all functions from a [`Duration`] to a future, such as
/// `tokio::time::sleep`. What the future returns does not matter.
///
/// ```
/// use std::time::Duration;
///
/// use sse_wire::Sleep;
///
/// fn is_sleep(_: impl Sleep) {}
/// is_sleep(|_time: Duration| std::future::ready("at once"));
/// ```
pub trait Sleep {
    /// Is ready after the time.
    type Future: Future;

    /// Waits for the time.
    fn sleep(&mut self, time: Duration) -> Self::Future;
}

impl<S, F> Sleep for S
where
    S: FnMut(Duration) -> F,
    F: Future,
{
    type Future = F;

    fn sleep(&mut self, time: Duration) -> F {
        self(time)
    }
}
