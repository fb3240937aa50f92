//! The end of a body that its server wants.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{
    batch::Batch,
    source::{Fill, Filled, PollFill},
};
use crate::Encoded;

pin_project! {
    /// A source of events until a signal. Made by
    /// [`EventBody::shutdown`](super::EventBody::shutdown).
    #[derive(Debug)]
    pub struct UntilShutdown<S, F> {
        #[pin]
        source: S,
        #[pin]
        signal: F,
        last: Encoded,
    }
}

impl<S, F> UntilShutdown<S, F> {
    pub(super) fn new(source: S, signal: F, last: Encoded) -> Self {
        Self { source, signal, last }
    }
}

impl<S: Fill, F: Future> Fill for UntilShutdown<S, F> {
    fn poll_fill(self: Pin<&mut Self>, cx: &mut Context<'_>, batch: &mut Batch) -> PollFill {
        let this = self.project();
        // First, because a stream that is always ready has to end, too.
        if this.signal.poll(cx).is_ready() {
            batch.put(this.last)?;
            return Poll::Ready(Ok(Filled::End));
        }
        this.source.poll_fill(cx, batch)
    }
}
