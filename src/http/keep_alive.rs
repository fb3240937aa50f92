//! Comments while there is nothing else to send, on any timer.
//!
//! A timer starts again only when a source is found to have nothing, and not with
//! each event: while events come without a pause, it costs nothing.

use core::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::{
    batch::Batch,
    source::{Fill, PollFill},
};
use crate::Encoded;

/// When to send a comment, and which, for
/// [`EventBody::keep_alive`](super::EventBody::keep_alive).
///
/// It takes the caller's timer: a function that sleeps, from any runtime, a stream of
/// ticks, or any [`Timer`]. With feature `tokio`, `KeepAlive::tokio` has one.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "tokio")] {
/// use std::time::Duration;
///
/// use futures::stream;
/// use sse_wire::{Event, http::{EventBody, KeepAlive}};
///
/// // `async_io::Timer::after`, `futures_timer::Delay::new` and others do as well.
/// let keep_alive = KeepAlive::after(Duration::from_secs(15), tokio::time::sleep);
/// let body = EventBody::new(stream::pending::<Event>()).keep_alive(keep_alive.at_once());
/// # drop(body);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeepAlive<T> {
    timer: T,
    comment: Encoded,
    at_once: bool,
}

impl<F, S> KeepAlive<SleepTimer<F, S>>
where
    F: FnMut(Duration) -> S,
    S: Future,
{
    /// Sends a comment when nothing was sent for the time of `quiet`, and again after
    /// each such time.
    ///
    /// `sleep` is called for each time that it is quiet, so once for each event if
    /// there is a pause after each. A time of zero sends comments without end.
    pub fn after(quiet: Duration, sleep: F) -> Self {
        Self::with_timer(SleepTimer { quiet, sleep, sleeping: None })
    }
}

impl<S: Stream> KeepAlive<TickTimer<S>> {
    /// Sends a comment with each item of a stream, such as that of an interval,
    /// unless something was sent since the item before.
    ///
    /// So it is quiet for less than two intervals. When the stream ends, there are no
    /// more comments.
    pub fn ticks(ticks: S) -> Self {
        Self::with_timer(TickTimer { ticks: Some(ticks), skip: false })
    }
}

#[cfg(feature = "tokio")]
impl KeepAlive<TokioTimer> {
    /// Sends a comment when nothing was sent for the time of `quiet`, with a timer of
    /// tokio's. Cheaper than [`after`](Self::after) with `tokio::time::sleep`: there
    /// is one timer for each body, which is moved, and not one for each pause.
    ///
    /// # Panics
    ///
    /// When the body is polled, if that is not within a runtime of tokio's that has
    /// its time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures::stream;
    /// use sse_wire::{Event, http::{EventBody, KeepAlive}};
    ///
    /// let body = EventBody::new(stream::pending::<Event>())
    ///     .keep_alive(KeepAlive::tokio(Duration::from_secs(15)));
    /// # drop(body);
    /// ```
    pub fn tokio(quiet: Duration) -> Self {
        Self::with_timer(TokioTimer { quiet, sleep: None })
    }
}

impl<T> KeepAlive<T> {
    /// Sends a comment whenever this timer has elapsed.
    pub fn with_timer(timer: T) -> Self {
        Self { timer, comment: Encoded::KEEP_ALIVE, at_once: false }
    }

    /// Sends the first comment at once, before any event: so that a proxy that waits
    /// for the first bytes of a body opens the connection.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    /// Sends this comment, instead of `keep-alive`. Allocates; for many bodies, make one
    /// `KeepAlive` and clone it.
    #[must_use]
    pub fn comment(mut self, text: &str) -> Self {
        self.comment = Encoded::comment(text);
        self
    }
}

/// Tells when it has been quiet for too long.
///
/// Implement it for a timer that can be reset for less than making a new one costs.
///
/// # Examples
///
/// A timer that elapses as soon as it is quiet, for a test:
///
/// ```
/// use std::{pin::{Pin, pin}, task::{Context, Poll}};
///
/// use futures::{executor::block_on, stream};
/// use http_body::Body;
/// use sse_wire::{Event, http::{EventBody, KeepAlive, Timer}};
///
/// struct Impatient;
///
/// impl Timer for Impatient {
///     fn restart(self: Pin<&mut Self>) {}
///     fn poll_elapsed(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
///         Poll::Ready(())
///     }
/// }
///
/// let keep_alive = KeepAlive::with_timer(Impatient).comment("still here");
/// let mut body = EventBody::new(stream::pending::<Event>()).keep_alive(keep_alive);
/// let frame = block_on(std::future::poll_fn(|cx| pin!(&mut body).poll_frame(cx)));
/// assert_eq!(frame.unwrap()?.into_data().unwrap(), ": still here\n\n");
/// # Ok::<(), sse_wire::http::BodyError>(())
/// ```
pub trait Timer {
    /// Begins to count again: something was sent. It is called when the next pause
    /// begins, which is just before [`poll_elapsed`](Self::poll_elapsed).
    fn restart(self: Pin<&mut Self>);

    /// Is ready when it was quiet for too long, and begins to count again. When it is
    /// not ready, it has to wake the task later.
    fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
}

pin_project! {
    /// A function that sleeps. Made by [`KeepAlive::after`]. A clone does not sleep yet.
    pub struct SleepTimer<F, S> {
        quiet: Duration,
        sleep: F,
        #[pin]
        sleeping: Option<S>,
    }
}

impl<F, S> Timer for SleepTimer<F, S>
where
    F: FnMut(Duration) -> S,
    S: Future,
{
    fn restart(self: Pin<&mut Self>) {
        self.project().sleeping.set(None);
    }

    fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if this.sleeping.is_none() {
            this.sleeping.set(Some((this.sleep)(*this.quiet)));
        }
        if let Some(sleeping) = this.sleeping.as_mut().as_pin_mut() {
            ready!(sleeping.poll(cx));
        }
        this.sleeping.set(None);
        Poll::Ready(())
    }
}

impl<F: Clone, S> Clone for SleepTimer<F, S> {
    fn clone(&self) -> Self {
        Self { quiet: self.quiet, sleep: self.sleep.clone(), sleeping: None }
    }
}

// Functions have no `Debug`.
impl<F, S> fmt::Debug for SleepTimer<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SleepTimer").field("quiet", &self.quiet).finish_non_exhaustive()
    }
}

pin_project! {
    /// A stream of ticks. Made by [`KeepAlive::ticks`].
    #[derive(Clone, Debug)]
    pub struct TickTimer<S> {
        // Until it ends.
        #[pin]
        ticks: Option<S>,
        // The next one: something was sent since the last one.
        skip: bool,
    }
}

impl<S: Stream> Timer for TickTimer<S> {
    fn restart(self: Pin<&mut Self>) {
        *self.project().skip = true;
    }

    fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while let Some(ticks) = this.ticks.as_mut().as_pin_mut() {
            match ready!(ticks.poll_next(cx)) {
                Some(_) if mem::take(this.skip) => {}
                Some(_) => return Poll::Ready(()),
                None => this.ticks.set(None),
            }
        }
        Poll::Pending
    }
}

#[cfg(feature = "tokio")]
pin_project! {
    /// A timer of tokio's. Made by [`KeepAlive::tokio`]. A clone has not begun yet.
    #[derive(Debug)]
    pub struct TokioTimer {
        quiet: Duration,
        // Made when it is first polled, because that has to be in a runtime.
        #[pin]
        sleep: Option<tokio::time::Sleep>,
    }
}

#[cfg(feature = "tokio")]
impl Clone for TokioTimer {
    fn clone(&self) -> Self {
        Self { quiet: self.quiet, sleep: None }
    }
}

#[cfg(feature = "tokio")]
impl Timer for TokioTimer {
    fn restart(self: Pin<&mut Self>) {
        let this = self.project();
        if let Some(sleep) = this.sleep.as_pin_mut() {
            sleep.reset(deadline(*this.quiet));
        }
    }

    fn poll_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if this.sleep.is_none() {
            this.sleep.set(Some(tokio::time::sleep_until(deadline(*this.quiet))));
        }
        if let Some(mut sleep) = this.sleep.as_pin_mut() {
            ready!(sleep.as_mut().poll(cx));
            sleep.reset(deadline(*this.quiet));
        }
        Poll::Ready(())
    }
}

/// The end of a pause that begins now. A time too long for a clock is one that does
/// not end.
#[cfg(feature = "tokio")]
fn deadline(quiet: Duration) -> tokio::time::Instant {
    const LONG: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    tokio::time::Instant::now() + quiet.min(LONG)
}

pin_project! {
    /// A source of events, and comments between them. Made by
    /// [`EventBody::keep_alive`](super::EventBody::keep_alive).
    #[derive(Debug)]
    pub struct KeptAlive<S, T> {
        #[pin]
        source: S,
        #[pin]
        timer: T,
        comment: Encoded,
        at_once: bool,
        // Something was sent, and the timer does not know.
        sent: bool,
    }
}

impl<S, T> KeptAlive<S, T> {
    pub(super) fn new(source: S, keep_alive: KeepAlive<T>) -> Self {
        let KeepAlive { timer, comment, at_once } = keep_alive;
        Self { source, timer, comment, at_once, sent: false }
    }
}

impl<S: Fill, T: Timer> Fill for KeptAlive<S, T> {
    fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>, batch: &mut Batch) -> PollFill {
        let this = self.project();
        if mem::take(this.at_once) {
            batch.put(this.comment)?;
        }
        let filled = this.source.poll_fill(cx, batch);
        if filled.is_ready() || !batch.is_empty() {
            *this.sent = true;
            return filled;
        }
        let mut timer = this.timer;
        if mem::take(this.sent) {
            timer.as_mut().restart();
        }
        ready!(timer.poll_elapsed(cx));
        batch.put(this.comment)?;
        Poll::Pending
    }
}
