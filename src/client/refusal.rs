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

    /// Reads to the end, to an error, or up to the limit.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.read.len() < self.limit {
            let Some(Ok(frame)) = ready!(self.body.as_mut().poll_frame(cx)) else { break };
            if let Ok(data) = frame.into_data() {
                self.read.put(data.take(self.limit - self.read.len()));
            }
        }
        Poll::Ready(())
    }

    /// The response, with what was read.
    pub(super) fn into_response(self) -> Response<Bytes> {
        Response::from_parts(self.head, self.read.freeze())
    }
}
