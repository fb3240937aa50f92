//! When to connect again, for how long to wait before, and when to stop.
//!
//! A state machine that does nothing by itself: it has no clock, no randomness
//! and no I/O, so that it works wherever `alloc` does and each of its decisions
//! can be tested. What it may be told, and in which order, is not checked: an
//! input that makes no sense is answered like a lost connection, never with a
//! panic. Two counters must not be mixed up: `attempts` is what `max_attempts`
//! limits, and any event resets it; `failures` is how far the backoff has
//! grown, and one event of a server that crashes at once does not reset that.

use alloc::{borrow::ToOwned, string::String};
use core::time::Duration;

/// The longest last event ID that is sent back: servers refuse larger headers.
const LONGEST_ID: usize = 4096;

/// The shortest wait that can be configured, so that nothing can spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Decides whether, when and with which last event ID to connect again (WHATWG
/// HTML §9.2.3).
///
/// It is told what happens, and answers with the next [`Step`]. It has no clock
/// and no randomness: `now` is the time since any fixed moment, such as
/// `start.elapsed()` of an `Instant`, and `random` is a new random number, of
/// which all 64 bits count. `EventSource` (feature `client`) drives it over
/// any HTTP client; with a loop of your own you do so yourself:
///
/// | what happens | tell it | answer |
/// |---|---|---|
/// | you want to connect, for the first time or anew | [`start`](Self::start) | `Connect` |
/// | a response arrives | [`response`](Self::response), after [`retry_after`](Self::retry_after) if it has that header | any |
/// | an event arrives | [`event`](Self::event) | |
/// | the stream ends, or breaks | [`learn`](Self::learn) what it said, then [`end`](Self::end) or [`transport_error`](Self::transport_error) | `Connect` or `Stop` |
/// | no connection can be made | [`transport_error`](Self::transport_error) | `Connect` or `Stop` |
///
/// # How long it waits
///
/// A random time between two bounds, evenly distributed ("full jitter"). *n* is the number
/// of failures in a row, so it is 1 before the first wait:
///
/// | the server has sent | at least | less than |
/// |---|---|---|
/// | nothing | the [floor](ReconnectBuilder::min_wait): 100 ms | 2ⁿ times the [reconnection time](ReconnectBuilder::reconnection_time) of the policy, which is 1 s |
/// | a `retry` | that time, because the standard lets a client wait longer but not shorter | 2ⁿ times that time |
/// | a `Retry-After`, for the next wait | that time | as much more as the bounds above are apart |
///
/// No bound is below the floor or above the [cap](ReconnectBuilder::max_wait), which is 30 s,
/// but for a `Retry-After`, which has a [limit of its own](ReconnectBuilder::max_retry_after).
/// With `random` 0 the wait is the lower bound.
///
/// # What is a success
///
/// The backoff begins anew, with *n* = 0, after a connection that has stayed open for the
/// [stable time](ReconnectBuilder::stable_after), 30 s, or has delivered an event and then
/// [ended in order](Self::end). One that delivers events and breaks off sooner counts as a
/// failure: a server that crashes at the same event again and again would otherwise be
/// asked by all its clients every second. If something on the way, such as a gateway with
/// a time limit, breaks off each connection sooner than that, set a shorter stable time.
///
/// The [maximum number of attempts](ReconnectBuilder::max_attempts) asks for less: any event
/// counts, because a client that gets on should not give up.
///
/// # Which responses are retried
///
/// - 200 with the content type `text/event-stream` is opened. With another
///   content type it stops, as the standard demands.
/// - 204 stops: that is how a server says that it has nothing more to send.
/// - 408, 429 and 5xx are retried; [`retry_status`](ReconnectBuilder::retry_status)
///   changes that. Anything else stops, a redirect, too: following those is
///   the HTTP client's task.
/// - Transport errors are retried.
///
/// # Cost
///
/// Allocates only to keep the last event ID.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use sse_wire::{Parser, Reconnect, Step};
///
/// let mut reconnect = Reconnect::new();
/// let mut parser = Parser::new();
/// let (mut now, random) = (Duration::ZERO, 0);
///
/// assert_eq!(reconnect.start(), Step::Connect { wait: Duration::ZERO, last_event_id: None });
/// assert_eq!(reconnect.response(200, Some("text/event-stream"), now, random), Step::Open);
/// let mut feed = parser.feed(b"retry: 2000\nid: 7\ndata: a\n\ndata: cut o");
/// while let Some(_event) = feed.next_event()? {
///     reconnect.event();
/// }
///
/// // The connection breaks.
/// now += Duration::from_secs(5);
/// reconnect.learn(parser.last_event_id(), parser.reconnection_time());
/// parser.reset();
/// let wait = Duration::from_secs(2);
/// assert_eq!(
///     reconnect.transport_error(now, random),
///     Step::Connect { wait, last_event_id: Some("7") },
/// );
/// # Ok::<(), sse_wire::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reconnect {
    policy: ReconnectBuilder,
    /// As asked for by the server.
    reconnection_time: Option<Duration>,
    /// For the next wait only.
    retry_after: Option<Duration>,
    /// Empty if there is none, or none that can be sent.
    last_event_id: String,
    /// Connections tried since the last success.
    attempts: u32,
    /// By how much the backoff has grown.
    failures: u32,
    opened: Option<Duration>,
    has_delivered: bool,
    stopped: Option<Stop>,
}

impl Reconnect {
    /// Creates a machine with the default policy, which never gives up on
    /// failures that may pass.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets the policy.
    pub fn builder() -> ReconnectBuilder {
        ReconnectBuilder::default()
    }

    /// Begins, or begins anew after a stop: connects at once, and all counters
    /// start from zero. Keeps the last event ID and the reconnection time.
    pub fn start(&mut self) -> Step<'_> {
        self.attempts = 0;
        self.failures = 0;
        self.retry_after = None;
        self.stopped = None;
        self.disconnected();
        self.connect_after(Duration::ZERO)
    }

    /// A response has arrived: its status, and its `Content-Type` if it has
    /// one.
    ///
    /// The content type is compared with `text/event-stream` exactly, but for
    /// case; any parameters may follow. Without one,
    /// [`ContentTypePolicy`] decides.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sse_wire::{Reconnect, Step, Stop};
    ///
    /// let answer = |status, content_type| {
    ///     let mut reconnect = Reconnect::new();
    ///     reconnect.start();
    ///     match reconnect.response(status, content_type, Duration::ZERO, 0) {
    ///         Step::Open => "open",
    ///         Step::Connect { .. } => "again",
    ///         Step::Stop(Stop::ContentType) => "wrong content type",
    ///         Step::Stop(_) => "stop",
    ///         _ => unreachable!(),
    ///     }
    /// };
    /// assert_eq!(answer(200, Some("Text/Event-Stream ; charset=utf-8")), "open");
    /// assert_eq!(answer(200, Some("text/event-streaming")), "wrong content type");
    /// assert_eq!(answer(503, Some("text/html")), "again");
    /// assert_eq!(answer(404, Some("text/html")), "stop");
    /// assert_eq!(answer(204, None), "stop");
    /// ```
    pub fn response(
        &mut self,
        status: u16,
        content_type: Option<&str>,
        now: Duration,
        random: u64,
    ) -> Step<'_> {
        self.disconnected();
        match status {
            _ if self.stopped.is_some() => self.again(random),
            200 if self.policy.content_type.accepts(content_type) => {
                self.retry_after = None;
                self.opened = Some(now);
                Step::Open
            }
            200 => self.stop(Stop::ContentType),
            204 => self.stop(Stop::NoContent),
            _ if (self.policy.retry_status)(status) => self.transport_error(now, random),
            _ => self.stop(Stop::Status(status)),
        }
    }

    /// The response that [`response`](Self::response) is told next has a
    /// `Retry-After`. Bounded by
    /// [`max_retry_after`](ReconnectBuilder::max_retry_after), and ignored if
    /// that response is opened.
    pub fn retry_after(&mut self, wait: Duration) {
        self.retry_after = Some(wait);
    }

    /// An event has arrived: the connection is a success, and the attempts are
    /// counted from zero again.
    ///
    /// Call it for events only. A server that accepts connections, sends a
    /// comment and breaks down is not one that works.
    pub fn event(&mut self) {
        self.has_delivered = true;
        self.attempts = 0;
    }

    /// What the stream has said so far, as its parser knows it: the last event
    /// ID and the reconnection time. To be called before the connection is
    /// [ended](Self::end), or at any other time, such as before the first
    /// connection of a program that has stored the ID.
    ///
    /// An ID that cannot be a header value is not sent, so that it cannot make
    /// every further request fail: one with a control character, with a space or
    /// tab at its start or end, or of more than 4096 bytes. IDs need not be
    /// ASCII; they are sent as UTF-8, as the standard says, so make the header
    /// value from bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use sse_wire::Reconnect;
    ///
    /// let mut reconnect = Reconnect::new();
    /// reconnect.learn("caf\u{e9}", None);
    /// assert_eq!(reconnect.last_event_id(), Some("caf\u{e9}"));
    /// reconnect.learn("\u{1}", None);
    /// assert_eq!(reconnect.last_event_id(), None);
    /// ```
    pub fn learn(&mut self, last_event_id: &str, reconnection_time: Option<Duration>) {
        let id = if is_header_value(last_event_id) { last_event_id } else { "" };
        id.clone_into(&mut self.last_event_id);
        self.reconnection_time = reconnection_time;
    }

    /// The body has ended in order, between two blocks. If it has delivered an event, the
    /// backoff begins anew.
    pub fn end(&mut self, now: Duration, random: u64) -> Step<'_> {
        if self.has_delivered {
            self.failures = 0;
        }
        self.transport_error(now, random)
    }

    /// No connection could be made, or it was lost: an error, an end within a
    /// block, a time without any byte.
    pub fn transport_error(&mut self, now: Duration, random: u64) -> Step<'_> {
        let is_stable = |opened| now.saturating_sub(opened) >= self.policy.stable_after;
        if self.opened.is_some_and(is_stable) {
            self.attempts = 0;
            self.failures = 0;
        }
        self.disconnected();
        self.again(random)
    }

    /// The last event ID to connect with, if there is one that can be sent. The
    /// same as in the last [`Step::Connect`].
    pub fn last_event_id(&self) -> Option<&str> {
        (!self.last_event_id.is_empty()).then_some(&self.last_event_id)
    }

    /// How many connections were tried since the last success, including the
    /// current one.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// For how long a connection must have been open to be a success, events
    /// or not. See [`ReconnectBuilder::stable_after`].
    pub fn stable_after(&self) -> Duration {
        self.policy.stable_after
    }

    /// Why it has stopped, if it has.
    pub fn stopped(&self) -> Option<Stop> {
        self.stopped
    }

    /// From now on no connection is made again.
    #[cfg(feature = "client")]
    pub(crate) fn once(&mut self) {
        self.policy.is_once = true;
    }

    /// Stops for the reason given, until the next `start`.
    pub(crate) fn stop(&mut self, why: Stop) -> Step<'static> {
        self.disconnected();
        self.stopped = Some(why);
        Step::Stop(why)
    }

    fn disconnected(&mut self) {
        self.opened = None;
        self.has_delivered = false;
    }

    fn again(&mut self, random: u64) -> Step<'_> {
        if let Some(why) = self.stopped {
            return Step::Stop(why);
        }
        if self.policy.is_once {
            return self.stop(Stop::Once);
        }
        self.failures = self.failures.saturating_add(1);
        let wait = self.wait(random);
        self.connect_after(wait)
    }

    fn connect_after(&mut self, wait: Duration) -> Step<'_> {
        if self.policy.max_attempts.is_some_and(|max| self.attempts >= max) {
            return self.stop(Stop::MaxAttempts);
        }
        self.attempts = self.attempts.saturating_add(1);
        Step::Connect { wait, last_event_id: self.last_event_id() }
    }

    fn wait(&mut self, random: u64) -> Duration {
        let ReconnectBuilder { min_wait, max_wait, .. } = self.policy;
        let base = self.reconnection_time.unwrap_or(self.policy.reconnection_time).max(min_wait);
        let factor = 1_u32 << self.failures.min(31);
        let high = base.saturating_mul(factor).min(max_wait);
        let low = self.reconnection_time.map_or(min_wait, |_| base.min(max_wait));
        let jitter = fraction(high - low, random);
        match self.retry_after.take() {
            Some(wait) => {
                let longest = self.policy.max_retry_after.max(max_wait);
                low.max(wait).saturating_add(jitter).min(longest)
            }
            None => low + jitter,
        }
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self::new()
    }
}

/// What to do next, as [`Reconnect`] decides.
///
/// # Examples
///
/// A loop that follows a stream for ever, over functions that stand for an HTTP
/// client and a timer:
///
/// ```
/// use std::time::Duration;
///
/// use sse_wire::{Reconnect, Step, Stop};
///
/// fn follow(mut get: impl FnMut(Option<&str>) -> u16, sleep: impl Fn(Duration)) -> Stop {
///     let (now, random) = (Duration::ZERO, 0);
///     let mut reconnect = Reconnect::new();
///     let mut step = reconnect.start();
///     loop {
///         step = match step {
///             Step::Connect { wait, last_event_id } => {
///                 sleep(wait);
///                 let status = get(last_event_id);
///                 reconnect.response(status, Some("text/event-stream"), now, random)
///             }
///             Step::Open => {
///                 reconnect.event(); // and so on, for each event
///                 reconnect.learn("7", None);
///                 reconnect.end(now, random)
///             }
///             Step::Stop(why) => return why,
///             _ => unreachable!(),
///         }
///     }
/// }
///
/// let get = |last_event_id: Option<&str>| if last_event_id == Some("7") { 204 } else { 200 };
/// assert_eq!(follow(get, |_| {}), Stop::NoContent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step<'a> {
    /// Read the response: it is an event stream.
    Open,
    /// Wait, then connect.
    Connect {
        /// For how long to wait.
        wait: Duration,
        /// What to send as the `Last-Event-ID` header, if anything.
        last_event_id: Option<&'a str>,
    },
    /// Do not connect again.
    Stop(Stop),
}

/// Why [`Reconnect`] stops.
///
/// # Examples
///
/// It is also an error, for callers to whom it is one:
///
/// ```
/// use sse_wire::Stop;
///
/// fn result(why: Stop) -> Result<(), Stop> {
///     match why {
///         Stop::NoContent | Stop::Closed => Ok(()),
///         _ => Err(why),
///     }
/// }
/// assert_eq!(result(Stop::NoContent), Ok(()));
/// assert_eq!(Stop::Status(404).to_string(), "the server answered with status 404");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// The server has answered 204 No Content: it has nothing more to send.
    #[error("the server has nothing more to send")]
    NoContent,
    /// The server has answered with a status that is not retried.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The response is not an event stream by its content type.
    #[error("the content type of the response is not `text/event-stream`")]
    ContentType,
    /// The maximum number of attempts was made without a success.
    #[error("the maximum number of attempts to connect was reached")]
    MaxAttempts,
    /// The policy is to connect only once.
    #[error("the request was to be sent once only")]
    Once,
    /// You have closed it.
    #[error("it was closed")]
    Closed,
}

/// What happens to a response with status 200 and no `Content-Type`. One with
/// another type than `text/event-stream` always stops.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use sse_wire::{ContentTypePolicy, Reconnect, Step};
///
/// let policy = Reconnect::builder().content_type(ContentTypePolicy::AllowMissing);
/// let mut reconnect = policy.build();
/// reconnect.start();
/// assert_eq!(reconnect.response(200, None, Duration::ZERO, 0), Step::Open);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentTypePolicy {
    /// It stops, as the standard demands (WHATWG HTML §9.2.3).
    #[default]
    Require,
    /// It is opened.
    AllowMissing,
}

impl ContentTypePolicy {
    fn accepts(self, content_type: Option<&str>) -> bool {
        let Some(content_type) = content_type else { return self == Self::AllowMissing };
        let essence = content_type.split(';').next().unwrap_or_default();
        let is_space = |c| matches!(c, ' ' | '\t' | '\r' | '\n');
        essence.trim_matches(is_space).eq_ignore_ascii_case("text/event-stream")
    }
}

/// Builds a [`Reconnect`], and is its policy.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use sse_wire::{ContentTypePolicy, Reconnect};
///
/// let reconnect = Reconnect::builder()
///     .min_wait(Duration::from_millis(500))
///     .max_wait(Duration::from_secs(60))
///     .max_attempts(10)
///     .retry_status(|status| status >= 500 || status == 404)
///     .content_type(ContentTypePolicy::AllowMissing)
///     .build();
/// assert_eq!(reconnect.attempts(), 0);
/// ```
#[derive(Clone, Debug)]
#[must_use = "the machine is made by `build`"]
pub struct ReconnectBuilder {
    reconnection_time: Duration,
    min_wait: Duration,
    max_wait: Duration,
    max_retry_after: Duration,
    stable_after: Duration,
    max_attempts: Option<u32>,
    retry_status: fn(u16) -> bool,
    content_type: ContentTypePolicy,
    is_once: bool,
}

impl ReconnectBuilder {
    /// Sets the reconnection time (WHATWG HTML §9.2.3) for as long as the server has not
    /// sent one. The default is one second.
    ///
    /// The first wait is random, and less than twice this time, so that it is about this
    /// time on average; each further failure doubles that bound. Unlike a `retry` of the
    /// server it is not the shortest wait: that is [`min_wait`](Self::min_wait). See
    /// [how long it waits](Reconnect#how-long-it-waits).
    pub fn reconnection_time(mut self, time: Duration) -> Self {
        self.reconnection_time = time;
        self
    }

    /// Sets the floor: no wait is shorter, even if the server sends `retry: 0`.
    /// The default is 100 ms, and the least is 1 ms.
    pub fn min_wait(mut self, wait: Duration) -> Self {
        self.min_wait = wait;
        self
    }

    /// Sets the cap: no wait is longer, whatever `retry` the server sends, but
    /// for a `Retry-After`. The default is 30 s. If it is below the floor, it is
    /// the floor.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Sets how much of a `Retry-After` is obeyed, if that is more than the
    /// cap. The default is one hour.
    pub fn max_retry_after(mut self, wait: Duration) -> Self {
        self.max_retry_after = wait;
        self
    }

    /// Sets for how long a connection must have been open to be a success whatever it has
    /// delivered and however it ends: then the backoff begins anew, and the attempts are
    /// counted from zero. The default is 30 s. See [what is a
    /// success](Reconnect#what-is-a-success).
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.stable_after = time;
        self
    }

    /// Sets how many connections may be tried without a success, the first one
    /// included. By default there is no limit.
    ///
    /// Only an event, or a connection that was open for the
    /// [stable time](Self::stable_after), is a success; a response with status
    /// 200 is not.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Sets which statuses are retried. It is not asked about 200 and 204,
    /// whose meaning the standard fixes. The default is 408, 429 and 5xx.
    pub fn retry_status(mut self, is_retried: fn(u16) -> bool) -> Self {
        self.retry_status = is_retried;
        self
    }

    /// Sets what happens to a response without a content type.
    pub fn content_type(mut self, policy: ContentTypePolicy) -> Self {
        self.content_type = policy;
        self
    }

    /// Connects only once, for a request that must not be repeated: whatever
    /// ends the connection, the answer is [`Stop::Once`].
    pub fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    /// Builds a machine. Does not allocate.
    pub fn build(&self) -> Reconnect {
        let mut policy = self.clone();
        policy.min_wait = policy.min_wait.max(SHORTEST_WAIT);
        policy.max_wait = policy.max_wait.max(policy.min_wait);
        Reconnect {
            policy,
            reconnection_time: None,
            retry_after: None,
            last_event_id: String::new(),
            attempts: 0,
            failures: 0,
            opened: None,
            has_delivered: false,
            stopped: None,
        }
    }
}

impl Default for ReconnectBuilder {
    fn default() -> Self {
        Self {
            reconnection_time: Duration::from_secs(1),
            min_wait: Duration::from_millis(100),
            max_wait: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(60 * 60),
            stable_after: Duration::from_secs(30),
            max_attempts: None,
            retry_status: |status| matches!(status, 408 | 429 | 500..=599),
            content_type: ContentTypePolicy::default(),
            is_once: false,
        }
    }
}

/// Whether an ID arrives as it is when it is sent as a header value: HTTP allows
/// no control characters but the tab, and removes spaces around a value.
fn is_header_value(id: &str) -> bool {
    let is_allowed = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    id.len() <= LONGEST_ID
        && id.bytes().all(is_allowed)
        && !id.starts_with([' ', '\t'])
        && !id.ends_with([' ', '\t'])
}

/// `random`/2^64 of `time`, of at most 584 years of it.
fn fraction(time: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let product = u128::from(nanos) * u128::from(random);
    Duration::from_nanos((product >> 64) as u64)
}
