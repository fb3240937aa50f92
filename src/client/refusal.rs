//! The body of a response that is no event stream: read, because it often says
//! what is wrong, but not to its end at any price.

use alloc::boxed::Box;
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{Response, response::Parts};
use http_body::Body;

pub(super) struct Refusal<B> {
    head: Parts,
    body: Pin<Box<B>>,
    read: BytesMut,
    limit: usize,
}

impl<B: Body> Refusal<B> {
    pub(super) fn new(head: Parts, body: B, limit: usize) -> Self {
        Self { head, body: Box::pin(body), read: BytesMut::new(), limit }
    }

    /// Reads a frame. Says whether there may be more: not after the end, an error, or the
    /// limit.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let room = self.limit - self.read.len();
        if room == 0 {
            return Poll::Ready(false);
        }
        let Some(Ok(frame)) = ready!(self.body.as_mut().poll_frame(cx)) else {
            return Poll::Ready(false);
        };
        if let Ok(data) = frame.into_data() {
            self.read.put(data.take(room));
        }
        Poll::Ready(true)
    }

    /// The response, with what was read.
    pub(super) fn into_response(self) -> Response<Bytes> {
        Response::from_parts(self.head, self.read.freeze())
    }
}
