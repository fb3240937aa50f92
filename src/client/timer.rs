//! Timers made of the caller's sleep function. There is no clock here: a timer
//! is all that a program for wasm, or a test with a time of its own, has to
//! supply.

use alloc::boxed::Box;
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::Sleep;

/// For a transport to hand over what has arrived: more than it takes to poll it.
const LITTLE_MORE: Duration = Duration::from_secs(1);

/// Says, when asked, whether a time is over.
pub(super) struct Alarm<F> {
    sleep: Option<Pin<Box<F>>>,
}

impl<F: Future> Alarm<F> {
    /// Polls once, because some futures begin to sleep only then.
    pub(super) fn new(sleep: F, cx: &mut Context<'_>) -> Self {
        let mut alarm = Self { sleep: Some(Box::pin(sleep)) };
        alarm.is_over(cx);
        alarm
    }

    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        // A future must not be polled again after it was ready.
        if self.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready()) {
            self.sleep = None;
        }
        self.sleep.is_none()
    }
}

/// Is ready when nothing has happened for some time.
///
/// It is set again only when it is polled after something has happened, and
/// that is when nothing more has arrived: a burst of chunks sets it once.
///
/// Time that is over says that nothing has arrived here, and not that nothing was
/// sent: a task that was kept from running finds its timer elapsed before the transport
/// has read what waits in its socket. So there is a little more time then.
pub(super) struct Idle<F> {
    limit: Duration,
    sleep: Pin<Box<F>>,
    is_alive: bool,
    is_over: bool,
}

impl<F: Future> Idle<F> {
    pub(super) fn new(limit: Duration, sleep: &mut impl Sleep<Future = F>) -> Self {
        Self { limit, sleep: Box::pin(sleep.sleep(limit)), is_alive: false, is_over: false }
    }

    /// Something has happened.
    pub(super) fn alive(&mut self) {
        self.is_alive = true;
    }

    pub(super) fn poll(
        &mut self,
        sleep: &mut impl Sleep<Future = F>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if core::mem::take(&mut self.is_alive) {
            self.is_over = false;
            self.sleep.set(sleep.sleep(self.limit));
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if core::mem::replace(&mut self.is_over, true) {
                return Poll::Ready(());
            }
            self.sleep.set(sleep.sleep(LITTLE_MORE.min(self.limit / 10)));
        }
    }
}
