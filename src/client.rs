//! An event source that connects, and connects again.
//!
//! It does what the caller's functions and `Reconnect` leave to do: to keep one
//! thing going at a time, to hand over what one connection leaves behind to the
//! next, and to say what happens. Futures, bodies and timers are boxed, one each
//! to a connection: so the source is `Unpin`, and nobody has to pin it.
//!
//! No event is lost or doubled here because of one invariant: what the parser
//! has committed is what was yielded. It reads no further than the item that
//! the caller is given, so whenever a connection is dropped, its last event ID
//! is that of the last event that the caller has seen.

use alloc::{boxed::Box, string::String};
use core::{
    fmt,
    future::Future,
    hash::BuildHasher,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::hash::RandomState;

use bytes::{Buf, Bytes};
use futures_core::{FusedStream, Stream};
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body::Body;

use self::{
    connect::{Connect, Sleep},
    refusal::Refusal,
    signal::{Disconnect, Signal},
    timer::{Alarm, Idle},
};
use crate::{
    decoder::Decoder,
    ending::Ending,
    event::Item,
    parser::{Parser, ParserBuilder},
    reconnect::{Reconnect, ReconnectBuilder, Step, Stop},
};

pub(crate) mod connect;
mod head;
mod refusal;
pub(crate) mod signal;
mod timer;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// After so many steps without a signal, most of which read a frame of the body, other
/// tasks have their turn: a body that is always ready would keep its thread for ever.
const STEPS_A_POLL: usize = 64;

/// For how long the body of a response that is refused is read.
const REFUSAL_TIME: Duration = Duration::from_secs(5);

/// Follows an event stream across connections: a [`Stream`] of [`Signal`]s over
/// any HTTP client and any runtime.
///
/// It is given a request, a function that sends it, and one that sleeps. It
/// connects when it is polled, yields what arrives, and when the connection is
/// lost, connects again as [`Reconnect`] decides, with the last event ID. Each
/// attempt begins with a fresh copy of the request, which the function may change
/// before it is sent: to add an access token that expires, for example.
///
/// # Termination
///
/// It ends after a [`Signal::Disconnected`] whose `wait` is `None`, and after
/// [`close`](Self::close); [`stopped`](Self::stopped) says why. With the default
/// policy, and a server that does not stop it, it never ends.
///
/// # What is sent again
///
/// By default only a request whose method has no effects, such as GET
/// ([`http::Method::is_safe`]; RFC 9110, section 9.2.1). For any other, such as
/// a POST to an LLM service, the end of the first connection is the end, unless
/// [`replay`](EventSourceBuilder::replay) says that it may be sent again.
///
/// # Cancellation safety
///
/// Dropping the future of a `next()` loses nothing: all state is in the source.
/// Dropping the source drops the connection, or the attempt to make one, at
/// once.
///
/// # Cost
///
/// As for [`Decoder`], and a few allocations for each connection. With an idle
/// timeout, the timer is set once for each time that the source has to wait for
/// bytes.
///
/// # Examples
///
/// A server that answers with one event and then with 204:
///
/// ```
/// use std::{convert::Infallible, future::ready};
///
/// use futures::{StreamExt, executor::block_on};
/// use http::{Request, Response};
/// use sse_wire::{EventSource, Signal, Stop};
///
/// let request = Request::get("http://localhost/events").body("")?;
/// let connect = |request: Request<_>| {
///     let response = match request.headers().get("last-event-id") {
///         None => Response::builder().header("content-type", "text/event-stream"),
///         Some(_) => Response::builder().status(204),
///     };
///     ready(Ok::<_, Infallible>(response.body("id: 7\ndata: a\n\n".to_owned()).unwrap()))
/// };
/// let sleep = |_| ready(()); // or `tokio::time::sleep`
///
/// let mut source = EventSource::new(request, connect, sleep);
/// let mut data = Vec::new();
/// while let Some(signal) = block_on(source.next()) {
///     match signal {
///         Signal::Event(event) => data.push(event.data().to_owned()),
///         Signal::Disconnected { why, wait } => eprintln!("{why}; again after {wait:?}"),
///         _ => {}
///     }
/// }
/// assert_eq!(data, ["a"]);
/// assert_eq!(source.stopped(), Some(Stop::NoContent));
/// # Ok::<(), http::Error>(())
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct EventSource<C: Connect, S: Sleep> {
    request: Request<Bytes>,
    connect: C,
    sleep: S,
    random: fn() -> u64,
    idle_timeout: Option<Duration>,
    error_body_limit: usize,
    reconnect: Reconnect,
    decoder: Decoder,
    state: State<C, S>,
    /// What `Reconnect` is told: it stands still but for the stable times that
    /// were reached.
    now: Duration,
}

/// What it is doing.
///
/// | it is | until | and then it is |
/// |---|---|---|
/// | `Start` | it is polled | `Connecting`, or `Stopped` if no attempt is allowed |
/// | `Connecting` | there is a response | `Open` or `Refused` |
/// | `Open` | the body ends | `Ended` |
/// | `Refused` | enough of the body is read | `Waiting` or `Stopped` |
/// | `Ended` | it is polled again | `Waiting` or `Stopped` |
/// | `Connecting`, `Open` | there is an error, or nothing for too long | `Waiting` or `Stopped` |
/// | `Waiting` | the time is over | `Connecting` |
enum State<C: Connect, S: Sleep> {
    Start,
    Waiting(Pin<Box<S::Future>>),
    Connecting {
        response: Pin<Box<C::Future>>,
        idle: Option<Idle<S::Future>>,
    },
    Open {
        body: Pin<Box<C::Body>>,
        idle: Option<Idle<S::Future>>,
        stable: Alarm<S::Future>,
    },
    /// The body has ended, and all of it was yielded.
    Ended {
        ending: Ending,
        stable: Alarm<S::Future>,
    },
    Refused {
        refusal: Box<Refusal<C::Body>>,
        time: Alarm<S::Future>,
        wait: Option<Duration>,
    },
    Stopped,
}

impl<C: Connect, S: Sleep> EventSource<C, S> {
    /// Follows the stream that `request` asks for, with the default settings.
    ///
    /// `connect` is any function that sends a request and returns a future
    /// response; `sleep` any that returns a future which is ready after a
    /// [`Duration`]. Does nothing until it is polled.
    pub fn new<T, F, B, E, Z>(request: Request<T>, connect: C, sleep: S) -> Self
    where
        T: Into<Bytes>,
        C: FnMut(Request<Bytes>) -> F,
        F: Future<Output = Result<Response<B>, E>>,
        B: Body<Error: Into<E>>,
        S: FnMut(Duration) -> Z,
        Z: Future,
    {
        EventSourceBuilder::new(request).build(connect, sleep)
    }

    /// Drops the connection, if there is one, and connects at once. Also after
    /// it has stopped or was closed, and also if the request is one that is not
    /// [sent again](Self#what-is-sent-again) by itself. The attempts are counted
    /// from zero again.
    ///
    /// What has arrived but was not yielded is dropped, and asked for again: the
    /// last event ID is that of the last event that you have seen.
    pub fn reconnect(&mut self) {
        self.drop_connection();
        self.state = State::Start;
    }

    /// Drops the connection, or the attempt to make one, at once. Nothing more
    /// is yielded, until [`reconnect`](Self::reconnect).
    pub fn close(&mut self) {
        self.drop_connection();
        if self.stopped().is_none() {
            self.reconnect.stop(Stop::Closed);
        }
    }

    /// The last event ID (WHATWG HTML §9.2.6): that of the last event that was
    /// yielded, or a later one that came without an event.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The reconnection time that the server asked for, if any.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    /// Why it connects no more, if it does not.
    pub fn stopped(&self) -> Option<Stop> {
        self.reconnect.stopped()
    }

    fn drop_connection(&mut self) {
        self.state = State::Stopped;
        self.learn();
        self.decoder.reset();
    }

    fn learn(&mut self) {
        self.reconnect.learn(self.decoder.last_event_id(), self.decoder.reconnection_time());
    }

    fn start(&mut self) {
        self.learn();
        match self.reconnect.start() {
            Step::Connect { .. } => self.connect(),
            _ => self.state = State::Stopped,
        }
    }

    fn connect(&mut self) {
        let mut request = self.request.clone();
        if let Some(id) = self.reconnect.last_event_id() {
            // An ID that is no header value was dropped before.
            if let Ok(id) = HeaderValue::from_bytes(id.as_bytes()) {
                request.headers_mut().insert(LAST_EVENT_ID, id);
            }
        }
        let idle = self.idle_timeout.map(|limit| Idle::new(limit, &mut self.sleep));
        let response = Box::pin(self.connect.connect(request));
        self.state = State::Connecting { response, idle };
    }

    fn open_or_refuse(
        &mut self,
        response: Response<C::Body>,
        idle: Option<Idle<S::Future>>,
        cx: &mut Context<'_>,
    ) -> Option<Signal<C::Error>> {
        let random = (self.random)();
        let wait = match self.reconnect.http_response(&response, self.now, random) {
            Step::Open => {
                let (head, body) = response.into_parts();
                let stable = self.sleep.sleep(self.reconnect.stable_after());
                let stable = Alarm::new(stable, cx);
                let idle = idle.map(|mut idle| {
                    idle.alive();
                    idle
                });
                self.state = State::Open { body: Box::pin(body), idle, stable };
                return Some(Signal::Open(Response::from_parts(head, ())));
            }
            Step::Connect { wait, .. } => Some(wait),
            Step::Stop(_) => None,
        };
        let (head, body) = response.into_parts();
        let refusal = Box::new(Refusal::new(head, body, self.error_body_limit));
        let time = Alarm::new(self.sleep.sleep(REFUSAL_TIME), cx);
        self.state = State::Refused { refusal, time, wait };
        None
    }

    /// The connection that was open is lost.
    fn lose(
        &mut self,
        why: Disconnect<C::Error>,
        stable: Option<Alarm<S::Future>>,
        cx: &mut Context<'_>,
    ) -> Option<Signal<C::Error>> {
        self.drop_connection();
        if stable.is_some_and(|mut stable| stable.is_over(cx)) {
            self.now = self.now.saturating_add(self.reconnect.stable_after());
        }
        let random = (self.random)();
        let step = match why {
            Disconnect::Ended(Ending::Complete) => self.reconnect.end(self.now, random),
            _ => self.reconnect.transport_error(self.now, random),
        };
        let wait = match step {
            Step::Connect { wait, .. } => Some(wait),
            _ => None,
        };
        self.disconnected(why, wait)
    }

    /// Waits, or stops.
    fn disconnected(
        &mut self,
        why: Disconnect<C::Error>,
        wait: Option<Duration>,
    ) -> Option<Signal<C::Error>> {
        self.state = match wait {
            Some(wait) => State::Waiting(Box::pin(self.sleep.sleep(wait))),
            None => State::Stopped,
        };
        Some(Signal::Disconnected { why, wait })
    }

    /// Goes on with what it is doing by a step; `None` if there is nothing to yield,
    /// and another step to be done.
    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<Signal<C::Error>>> {
        let signal = match &mut self.state {
            State::Open { .. } => return self.poll_open(cx),
            State::Start => {
                self.start();
                None
            }
            State::Waiting(sleep) => {
                ready!(sleep.as_mut().poll(cx));
                self.connect();
                None
            }
            State::Connecting { response, idle } => match response.as_mut().poll(cx) {
                Poll::Ready(Ok(response)) => {
                    let idle = idle.take();
                    self.open_or_refuse(response, idle, cx)
                }
                Poll::Ready(Err(error)) => self.lose(Disconnect::Transport(error), None, cx),
                Poll::Pending => {
                    ready!(poll_idle(idle, &mut self.sleep, cx));
                    self.lose(Disconnect::Idle, None, cx)
                }
            },
            State::Refused { refusal, time, .. } => {
                // First, because what has arrived is read even if the time is over.
                let read = refusal.poll_read(cx);
                if read == Poll::Ready(false) || time.is_over(cx) {
                    self.refused()
                } else {
                    ready!(read);
                    None
                }
            }
            State::Ended { .. } => self.ended(cx),
            State::Stopped => None,
        };
        Poll::Ready(signal)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Signal<C::Error>>> {
        loop {
            match self.decoder.next_item() {
                Ok(Some(Item::Event(event))) => {
                    self.reconnect.event();
                    return Poll::Ready(Some(Signal::Event(event)));
                }
                Ok(Some(Item::Comment(text))) => return Poll::Ready(Some(Signal::Comment(text))),
                // The decoder knows them.
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Poll::Ready(Some(Signal::Dropped(error))),
            }
        }
        let State::Open { body, idle, .. } = &mut self.state else {
            return Poll::Ready(None);
        };
        let lost = match body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers are of no interest.
                if let Ok(mut data) = frame.into_data() {
                    if let (Some(idle), true) = (idle, data.has_remaining()) {
                        idle.alive();
                    }
                    self.decoder.push(data.copy_to_bytes(data.remaining()));
                }
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(error))) => Some(Disconnect::Transport(error.into())),
            Poll::Ready(None) => None,
            Poll::Pending => {
                ready!(poll_idle(idle, &mut self.sleep, cx));
                Some(Disconnect::Idle)
            }
        };
        let State::Open { stable, .. } = core::mem::replace(&mut self.state, State::Stopped) else {
            return Poll::Ready(None);
        };
        Poll::Ready(match lost {
            Some(why) => self.lose(why, Some(stable), cx),
            None => self.finish(stable),
        })
    }

    /// The body has ended, which may make one more event or error.
    fn finish(&mut self, stable: Alarm<S::Future>) -> Option<Signal<C::Error>> {
        let is_cut = self.decoder.has_pending();
        let ending = if is_cut { Ending::Cut } else { Ending::Complete };
        self.state = State::Ended { ending, stable };
        match self.decoder.finish() {
            Ok(event) => event.map(|event| {
                self.reconnect.event();
                Signal::Event(event)
            }),
            Err(error) => Some(Signal::Dropped(error)),
        }
    }

    fn ended(&mut self, cx: &mut Context<'_>) -> Option<Signal<C::Error>> {
        match core::mem::replace(&mut self.state, State::Stopped) {
            State::Ended { ending, stable } => {
                self.lose(Disconnect::Ended(ending), Some(stable), cx)
            }
            _ => None,
        }
    }

    fn refused(&mut self) -> Option<Signal<C::Error>> {
        match core::mem::replace(&mut self.state, State::Stopped) {
            State::Refused { refusal, wait, .. } => {
                let response = Box::new(refusal.into_response());
                self.disconnected(Disconnect::Refused(response), wait)
            }
            _ => None,
        }
    }
}

/// Never ready if there is no timeout.
fn poll_idle<S: Sleep>(
    idle: &mut Option<Idle<S::Future>>,
    sleep: &mut S,
    cx: &mut Context<'_>,
) -> Poll<()> {
    idle.as_mut().map_or(Poll::Pending, |idle| idle.poll(sleep, cx))
}

impl<C: Connect, S: Sleep> Stream for EventSource<C, S> {
    type Item = Signal<C::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        for _ in 0..STEPS_A_POLL {
            if let State::Stopped = this.state {
                return Poll::Ready(None);
            }
            if let Some(signal) = ready!(this.poll_state(cx)) {
                return Poll::Ready(Some(signal));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<C: Connect, S: Sleep> FusedStream for EventSource<C, S> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Stopped)
    }
}

// Nothing is pinned but what is boxed.
impl<C: Connect, S: Sleep> Unpin for EventSource<C, S> {}

impl<C: Connect, S: Sleep> fmt::Debug for EventSource<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start => "to be started",
            State::Waiting(_) => "waiting",
            State::Connecting { .. } => "connecting",
            State::Open { .. } => "open",
            State::Ended { .. } => "ended",
            State::Refused { .. } => "refused",
            State::Stopped => "stopped",
        };
        // Without the headers of the request, which may hold secrets.
        f.debug_struct("EventSource")
            .field("method", self.request.method())
            .field("state", &state)
            .field("last_event_id", &self.last_event_id())
            .field("attempts", &self.reconnect.attempts())
            .field("stopped", &self.stopped())
            .finish_non_exhaustive()
    }
}

/// Builds an [`EventSource`].
///
/// # Examples
///
/// ```
/// use std::{convert::Infallible, future::ready, time::Duration};
///
/// use futures::{StreamExt, executor::block_on};
/// use http::{Request, Response};
/// use sse_wire::{Disconnect, EventSourceBuilder, Parser, Reconnect, Signal, Stop};
///
/// let request = Request::post("http://localhost/answer").body("{}")?;
/// let mut source = EventSourceBuilder::new(request)
///     .replay()
///     .idle_timeout(Duration::from_secs(60))
///     .reconnect(Reconnect::builder().max_attempts(3))
///     .parser(Parser::builder().max_event_size(1024 * 1024))
///     .error_body_limit(100)
///     .build(
///         |_request| {
///             let response = Response::builder().status(503).body("overloaded".to_owned());
///             ready(Ok::<_, Infallible>(response.unwrap()))
///         },
///         |_time| ready(()),
///     );
/// for is_last in [false, false, true] {
///     let Some(Signal::Disconnected { why, wait }) = block_on(source.next()) else { panic!() };
///     assert_eq!(why.to_string(), "the server answered 503 Service Unavailable");
///     let Disconnect::Refused(response) = why else { panic!() };
///     assert_eq!(response.body(), "overloaded");
///     assert_eq!(wait.is_none(), is_last);
/// }
/// assert_eq!(source.stopped(), Some(Stop::MaxAttempts));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a source is made by `build`"]
pub struct EventSourceBuilder {
    request: Request<Bytes>,
    random: fn() -> u64,
    idle_timeout: Option<Duration>,
    error_body_limit: usize,
    is_replayed: bool,
    reconnect: ReconnectBuilder,
    parser: ParserBuilder,
}

impl EventSourceBuilder {
    /// Begins with a request and the default settings.
    ///
    /// Unless the request has them, `Accept: text/event-stream` and
    /// `Cache-Control: no-cache` are added, as browsers do (WHATWG HTML §9.2.2).
    /// If it has a `Last-Event-ID`, that is the one to start with.
    pub fn new<T: Into<Bytes>>(request: Request<T>) -> Self {
        let mut request = request.map(Into::into);
        let headers = request.headers_mut();
        headers
            .entry(header::ACCEPT)
            .or_insert(const { HeaderValue::from_static("text/event-stream") });
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(const { HeaderValue::from_static("no-cache") });
        Self {
            request,
            random,
            idle_timeout: None,
            error_body_limit: 16 * 1024,
            is_replayed: false,
            reconnect: Reconnect::builder(),
            parser: Parser::builder(),
        }
    }

    /// Sets when and how often to connect again.
    pub fn reconnect(mut self, policy: ReconnectBuilder) -> Self {
        self.reconnect = policy;
        self
    }

    /// Sets the limit on events, the policies, and the last event ID to start
    /// with.
    pub fn parser(mut self, parser: ParserBuilder) -> Self {
        self.parser = parser;
        self
    }

    /// Sends the request again even if its method says that it has effects. See
    /// [`EventSource`](EventSource#what-is-sent-again).
    pub fn replay(mut self) -> Self {
        self.is_replayed = true;
        self
    }

    /// Sets for how long nothing may arrive: neither a response, nor one byte of
    /// the stream, be it of a comment or of half an event. Then the connection
    /// is dropped, as if it had broken.
    ///
    /// By default there is no such timeout, and a connection whose other end has
    /// gone without a word may stay open for hours. Set it to more than the time
    /// between the comments that the server sends to keep connections alive; the
    /// standard suggests to send one every 15 seconds.
    ///
    /// It may take a tenth longer, or a second if that is less, so that bytes which wait
    /// in the socket of a busy program count. A source that is not polled while it
    /// connects does not connect, and that time counts, too.
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = Some(time);
        self
    }

    /// Sets how many bytes are kept of the body of a response that is no event
    /// stream. The default is 16 KiB.
    pub fn error_body_limit(mut self, bytes: usize) -> Self {
        self.error_body_limit = bytes;
        self
    }

    /// Sets where random numbers come from, one for each wait. They need not be
    /// secret, but all 64 bits of them count. `|| 0` makes each wait the
    /// shortest that is allowed.
    pub fn random(mut self, random: fn() -> u64) -> Self {
        self.random = random;
        self
    }

    /// Builds the source, as [`EventSource::new`] does.
    pub fn build<C, S, F, B, E, Z>(mut self, connect: C, sleep: S) -> EventSource<C, S>
    where
        C: FnMut(Request<Bytes>) -> F,
        F: Future<Output = Result<Response<B>, E>>,
        B: Body<Error: Into<E>>,
        S: FnMut(Duration) -> Z,
        Z: Future,
    {
        let mut reconnect = self.reconnect.build();
        if !self.is_replayed && !self.request.method().is_safe() {
            reconnect.once();
        }
        if let Some(id) = self.request.headers_mut().remove(LAST_EVENT_ID) {
            self.parser = self.parser.last_event_id(String::from_utf8_lossy(id.as_bytes()));
        }
        EventSource {
            request: self.request,
            connect,
            sleep,
            random: self.random,
            idle_timeout: self.idle_timeout,
            error_body_limit: self.error_body_limit,
            reconnect,
            decoder: Decoder::with_parser(self.parser.build()),
            state: State::Start,
            now: Duration::ZERO,
        }
    }
}

impl fmt::Debug for EventSourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers of the request, which may hold secrets.
        f.debug_struct("EventSourceBuilder")
            .field("method", self.request.method())
            .field("idle_timeout", &self.idle_timeout)
            .field("error_body_limit", &self.error_body_limit)
            .field("is_replayed", &self.is_replayed)
            .field("reconnect", &self.reconnect)
            .field("parser", &self.parser)
            .finish_non_exhaustive()
    }
}

/// The keys of each `RandomState` differ, and those of the first are random.
fn random() -> u64 {
    RandomState::new().hash_one(())
}
