//! What a body sends next: events, put together until they are worth sending.
//!
//! A body is one of thousands, and most of them wait. So the buffer is as large as
//! its events, is used again as soon as the server has written what was in it, and
//! a large one is given back when there is nothing to send. An event that is already
//! encoded, and comes alone, as one to many clients does, needs no buffer.

use core::mem;

use bytes::{Bytes, BytesMut};

use crate::{Encode, EncodeError};

/// A batch of so many bytes is sent, even if more events are ready. It is larger
/// only by the last event in it.
const FULL: usize = 16 * 1024;

/// Shared bytes of at least this size are sent as they are. To copy fewer costs less
/// than to send them alone.
const LARGE: usize = 4 * 1024;

/// What an idle body keeps of its buffer.
const KEPT: usize = 4 * 1024;

/// Bytes to be sent: those of the buffer, and then those that are shared.
///
/// Shared bytes that are not `LARGE` are moved to the buffer when anything comes
/// after them.
#[derive(Debug, Default)]
#[expect(unnameable_types, reason = "part of what seals `Source`")]
pub struct Batch {
    buffer: BytesMut,
    shared: Bytes,
    /// What the buffer has allocated, as far as can be seen.
    allocated: usize,
}

impl Batch {
    /// Adds a block. Not to be called if the batch is full.
    pub(super) fn put(&mut self, block: &impl Encode) -> Result<(), EncodeError> {
        if !self.shared.is_empty() {
            self.buffer.extend_from_slice(&mem::take(&mut self.shared));
        }
        match block.as_shared() {
            Some(bytes) if self.buffer.is_empty() || bytes.len() >= LARGE => {
                self.shared = bytes.clone();
            }
            _ => {
                self.buffer.reserve(block.encoded_len());
                block.encode(&mut self.buffer)?;
            }
        }
        Ok(())
    }

    /// Takes what is to be sent next.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        if self.buffer.is_empty() {
            let shared = mem::take(&mut self.shared);
            return (!shared.is_empty()).then_some(shared);
        }
        let bytes = self.buffer.split();
        self.allocated = self.allocated.max(bytes.len() + self.buffer.capacity());
        Some(bytes.freeze())
    }

    /// Gives back a large buffer, because there is nothing to put into it.
    pub(super) fn rest(&mut self) {
        if self.allocated > KEPT {
            self.buffer = BytesMut::new();
            self.allocated = 0;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.shared.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= FULL || self.shared.len() >= LARGE
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::{Encoded, Event};

    fn encoded(length: usize) -> Encoded {
        Encoded::from(Event::new("x".repeat(length)))
    }

    #[test]
    fn what_is_encoded_and_alone_is_sent_without_a_copy() {
        let block = encoded(10);
        let mut batch = Batch::default();
        batch.put(&block).unwrap();
        assert_eq!(batch.take().unwrap().as_ptr(), block.as_bytes().as_ptr());
        assert_eq!(batch.buffer.capacity(), 0);
        assert_eq!(batch.take(), None);
    }

    #[test]
    fn what_is_encoded_and_small_is_sent_together() {
        let mut batch = Batch::default();
        batch.put(&Encoded::comment("a")).unwrap();
        batch.put(&Encoded::comment("b")).unwrap();
        batch.put(&Event::new("c")).unwrap();
        batch.put(&Encoded::comment("d")).unwrap();
        assert_eq!(batch.take().unwrap(), ": a\n\n: b\n\ndata: c\n\n: d\n\n");
        assert!(batch.is_empty());
    }

    #[test]
    fn what_is_encoded_and_large_is_sent_without_a_copy_after_what_came_before() {
        let block = encoded(LARGE);
        let mut batch = Batch::default();
        batch.put(&Event::new("a")).unwrap();
        assert!(!batch.is_full());
        batch.put(&block).unwrap();
        assert!(batch.is_full());
        assert_eq!(batch.take().unwrap(), "data: a\n\n");
        assert!(batch.is_full());
        assert_eq!(batch.take().unwrap().as_ptr(), block.as_bytes().as_ptr());
        assert!(batch.is_empty());
    }

    #[test]
    fn a_buffer_that_was_sent_is_used_again() {
        let mut batch = Batch::default();
        batch.put(&Event::new("a".repeat(100))).unwrap();
        let first = batch.take().unwrap().as_ptr();
        for _ in 0..10 {
            batch.put(&Event::new("b".repeat(100))).unwrap();
            assert_eq!(batch.take().unwrap().as_ptr(), first);
        }
    }

    #[test]
    fn a_large_buffer_is_given_back_and_a_small_one_is_not() {
        for (length, is_kept) in [(100, true), (4096, true), (4097, false)] {
            let mut batch = Batch::default();
            batch.put(&Event::new("a".repeat(length - "data: \n\n".len()))).unwrap();
            let sent = batch.take();
            batch.rest();
            drop(sent);
            batch.buffer.reserve(1);
            assert_eq!(batch.buffer.capacity() > 90, is_kept, "{length}");
        }
    }

    #[test]
    fn an_error_leaves_nothing_behind() {
        let mut batch = Batch::default();
        let item = crate::Item::LastEventId(String::from("a\nb"));
        assert!(batch.put(&item).is_err());
        assert!(batch.is_empty());
    }
}
