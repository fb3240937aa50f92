//! What an `EventSource` yields.

use alloc::{boxed::Box, string::String};
use core::{fmt, time::Duration};

use bytes::Bytes;
use http::Response;

use crate::{ending::Ending, error::ParseError, event::Event};

/// What an [`EventSource`](crate::EventSource) yields: events, and all that
/// happens to its connection. `E` is the error of the transport.
///
/// # Examples
///
/// ```
/// use std::{error::Error, time::Duration};
///
/// use sse_wire::{Event, Signal};
///
/// /// What to show to a user.
/// fn status<E: Error + 'static>(signal: &Signal<E>) -> Option<String> {
///     match signal {
///         Signal::Open(_) => Some("connected".to_owned()),
///         Signal::Disconnected { wait: Some(wait), .. } => {
///             Some(format!("connecting again in {} s", wait.as_secs()))
///         }
///         Signal::Disconnected { why, wait: None } => Some(why.to_string()),
///         Signal::Dropped(error) => Some(error.to_string()),
///         _ => None,
///     }
/// }
///
/// let why = sse_wire::Disconnect::<std::io::Error>::Idle;
/// let signal = Signal::Disconnected { why, wait: Some(Duration::from_secs(3)) };
/// assert_eq!(status(&signal).as_deref(), Some("connecting again in 3 s"));
/// assert_eq!(status(&Signal::<std::io::Error>::Event(Event::new("a"))), None);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Signal<E> {
    /// A connection is open: the head of its response.
    Open(Response<()>),
    /// An event.
    Event(Event),
    /// A comment: what follows the colon, without one leading space.
    Comment(String),
    /// A block was dropped, as it is by every parser. The connection stays open.
    Dropped(ParseError),
    /// There is no connection any more, or none could be made.
    Disconnected {
        /// What has happened.
        why: Disconnect<E>,
        /// After which time the next connection will be made; `None` if none
        /// will be, and the source ends. Then
        /// [`EventSource::stopped`](crate::EventSource::stopped) says why.
        wait: Option<Duration>,
    },
}

/// Why an [`EventSource`](crate::EventSource) has no connection.
///
/// As is usual with `source()`, the text of [`Transport`](Self::Transport) does
/// not repeat that of its cause: print both.
///
/// # Examples
///
/// A body that says more than the status:
///
/// ```
/// use http::Response;
/// use sse_wire::Disconnect;
///
/// fn explain(why: &Disconnect<std::io::Error>) -> String {
///     match why {
///         Disconnect::Refused(response) if !response.body().is_empty() => {
///             format!("{why}: {}", String::from_utf8_lossy(response.body()))
///         }
///         _ => why.to_string(),
///     }
/// }
///
/// let response = Response::builder().status(429).body("quota exceeded".into())?;
/// assert_eq!(
///     explain(&Disconnect::Refused(Box::new(response))),
///     "the server answered 429 Too Many Requests: quota exceeded"
/// );
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect<E> {
    /// The HTTP client failed: no connection could be made, or the body broke
    /// off.
    #[error("the transport of the event stream failed")]
    Transport(#[source] E),
    /// The body ended: [`Complete`](Ending::Complete), or
    /// [`Cut`](Ending::Cut) within a block.
    #[error("the event stream ended{}", if *.0 == Ending::Cut { " within a block" } else { "" })]
    Ended(Ending),
    /// Nothing arrived for the
    /// [idle timeout](crate::EventSourceBuilder::idle_timeout).
    #[error("no byte arrived for the idle timeout")]
    Idle,
    /// The response is not an event stream: its status, its headers, and as much
    /// of its body as the
    /// [limit](crate::EventSourceBuilder::error_body_limit) allows and as
    /// arrived within five seconds.
    #[error("the server answered {}", Answer(.0))]
    Refused(Box<Response<Bytes>>),
}

/// What is wrong with a response that was refused.
struct Answer<'a>(&'a Response<Bytes>);

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.0.status();
        write!(f, "{status}")?;
        if status != http::StatusCode::OK {
            return Ok(());
        }
        match self.0.headers().get(http::header::CONTENT_TYPE) {
            Some(content_type) => write!(f, " with the content type {content_type:?}"),
            None => f.write_str(" without a content type"),
        }
    }
}
