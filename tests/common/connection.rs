//! A transport on which nothing arrives until it is put there: a stream and a
//! reader, of which clones are the same connection.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind, Read},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use futures::Stream;

#[derive(Clone, Default)]
pub struct Connection(Rc<RefCell<VecDeque<Arrival>>>);

pub enum Arrival {
    Chunk(Bytes),
    /// Nothing now; what a reader says then.
    Pause(ErrorKind),
    Failed,
    Ended,
}

impl Connection {
    pub fn put(&self, arrival: Arrival) {
        self.0.borrow_mut().push_back(arrival);
    }

    /// Puts a chunk before all that has arrived.
    pub fn put_back(&self, chunk: Bytes) {
        self.0.borrow_mut().push_front(Arrival::Chunk(chunk));
    }

    fn next(&self) -> Arrival {
        self.0.borrow_mut().pop_front().unwrap_or(Arrival::Pause(ErrorKind::WouldBlock))
    }
}

impl Stream for Connection {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.next() {
            Arrival::Chunk(chunk) => Poll::Ready(Some(Ok(chunk))),
            Arrival::Pause(_) => Poll::Pending,
            Arrival::Failed => Poll::Ready(Some(Err(ErrorKind::ConnectionReset.into()))),
            Arrival::Ended => Poll::Ready(None),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.next() {
                // To a reader, an empty chunk would be the end.
                Arrival::Chunk(chunk) if chunk.is_empty() => {}
                Arrival::Chunk(mut chunk) => {
                    let length = chunk.len().min(buffer.len());
                    chunk.copy_to_slice(&mut buffer[..length]);
                    if chunk.has_remaining() {
                        self.put_back(chunk);
                    }
                    return Ok(length);
                }
                Arrival::Pause(kind) => return Err(kind.into()),
                Arrival::Failed => return Err(ErrorKind::ConnectionReset.into()),
                Arrival::Ended => return Ok(0),
            }
        }
    }
}
