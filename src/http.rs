//! Serving events over HTTP, with any server whose responses have an
//! [`http_body::Body`].
//!
//! [`EventBody`] makes a body, and a whole response, of a stream of events;
//! [`KeepAlive`] sends comments while there are none; [`last_event_id`] says where a
//! client wants to continue, and a [`Replay`](crate::Replay) has what it has missed.
//! Nothing here has a runtime or a server: those are the caller's.
//!
//! Import items by name, as all examples do: `use sse_wire::*` would make `http` this module
//! and no longer the crate of that name, which is then `::http`.
//!
//! How to do all that with axum and hyper is on the page [`serve`](crate::serve), and
//! what else there is to mind: proxies, compression, slow clients.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//!
//! use futures::stream;
//! use http::{Request, Response};
//! use sse_wire::{Event, http::{EventBody, last_event_id}};
//!
//! fn handle<B>(request: &Request<B>) -> Response<impl http_body::Body + use<B>> {
//!     let last: u32 = match last_event_id(request.headers()) {
//!         Ok(Some(id)) => id.parse().unwrap_or(0),
//!         _ => 0,
//!     };
//!     let events = (last + 1..=3).map(|n| Event::builder().id(n.to_string()).data("tick").build());
//!     EventBody::try_new(stream::iter(events)).into_response()
//! }
//!
//! let request = Request::get("/events").header("last-event-id", "2").body(())?;
//! let response = handle(&request);
//! assert_eq!(response.headers()["cache-control"], "no-cache, no-transform");
//! # Ok::<(), http::Error>(())
//! ```

mod batch;
mod body;
mod keep_alive;
mod last_event_id;
mod shutdown;
mod source;

use ::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};

#[cfg(feature = "tokio")]
pub use self::keep_alive::TokioTimer;
pub use self::{
    body::{BodyError, EventBody},
    keep_alive::{KeepAlive, KeptAlive, SleepTimer, TickTimer, Timer},
    last_event_id::{
        LAST_EVENT_ID, LastEventIdError, MAX_LAST_EVENT_ID, last_event_id, last_event_id_in_query,
    },
    shutdown::UntilShutdown,
    source::Source,
};

/// The headers of a response that is an event stream.
///
/// - `Content-Type: text/event-stream` (WHATWG HTML §9.2.5). It has no `charset`: the
///   format is always UTF-8.
/// - `Cache-Control: no-cache, no-transform`: caches do not answer in the server's
///   place, and proxies neither compress nor collect what passes (RFC 9111 §5.2.2).
/// - `X-Accel-Buffering: no`: nginx passes on what it has, at once.
///
/// There is no `Connection`, which HTTP/2 forbids (RFC 9113 §8.2.2), and which is the
/// server's own to set. Allocates: a header map does.
///
/// # Examples
///
/// ```
/// let headers = sse_wire::http::headers();
/// assert_eq!(headers["content-type"], "text/event-stream");
/// assert_eq!(headers["x-accel-buffering"], "no");
/// assert!(!headers.contains_key("connection"));
/// ```
pub fn headers() -> HeaderMap {
    const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

    let mut headers = HeaderMap::with_capacity(3);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    headers
}
