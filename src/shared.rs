//! The bytes of a chunk, and of the events in it, which may share them.
//!
//! An atomic addition costs as much as reading a short event, because it waits for
//! all that was written before it. So references are not counted one by one as
//! `Arc` does: a [`Lender`] takes many of them at a time, and then gives them out
//! without touching the count.
#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::{
    mem::{self, ManuallyDrop},
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering, fence},
};

use bytes::Bytes;

use crate::text::StableBytes;

/// The bytes of a chunk that becomes owned events.
#[derive(Debug)]
pub(crate) struct OwnedChunk {
    // INVARIANT: those that the owner keeps alive, or none. They are here, too, so that it need
    // not be asked who that is.
    bytes: Kept,
    owner: Owner,
}

#[derive(Debug)]
enum Owner {
    /// There are no bytes, which costs nothing to drop.
    Nobody,
    /// No event has a part of the chunk.
    Sole(Bytes),
    /// Events may have parts of it.
    Lender(Lender),
}

/// Bytes that something beside this keeps alive and where they are.
#[derive(Clone, Copy, Debug)]
struct Kept(NonNull<[u8]>);

// SAFETY: what is shared are bytes that do not change.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Kept {
    const NONE: Self = Self(NonNull::slice_from_raw_parts(NonNull::dangling(), 0));

    #[inline]
    fn new(bytes: &[u8]) -> Self {
        Self(NonNull::from(bytes))
    }

    /// # Safety
    ///
    /// The bytes must be alive for as long as they are borrowed.
    #[inline]
    unsafe fn get<'a>(self) -> &'a [u8] {
        // SAFETY: by the caller's promise.
        unsafe { self.0.as_ref() }
    }
}

// SAFETY: `Bytes` is immutable, and sharing it moves the handle, not the bytes.
unsafe impl StableBytes for OwnedChunk {
    #[inline]
    fn bytes(&self) -> &[u8] {
        // SAFETY: by the invariant.
        unsafe { self.bytes.get() }
    }
}

impl OwnedChunk {
    pub(crate) const EMPTY: Self = Self { bytes: Kept::NONE, owner: Owner::Nobody };

    /// Whether there is no chunk, or its last event has taken it.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.owner, Owner::Nobody)
    }

    /// A reference to the chunk, for an event. The first one allocates.
    #[inline]
    pub(crate) fn lend(&mut self) -> OwnedBytes {
        if let Owner::Sole(bytes) = &mut self.owner {
            // In this order: to allocate may panic.
            self.bytes = Kept::NONE;
            let lender = Lender::new(mem::take(bytes));
            self.bytes = lender.shared.bytes;
            self.owner = Owner::Lender(lender);
        }
        match &mut self.owner {
            Owner::Lender(lender) => OwnedBytes::Shared(lender.lend()),
            Owner::Sole(_) | Owner::Nobody => OwnedBytes::default(),
        }
    }

    /// The chunk itself, for its last event.
    #[inline]
    pub(crate) fn take(&mut self) -> OwnedBytes {
        self.bytes = Kept::NONE;
        match mem::replace(&mut self.owner, Owner::Nobody) {
            Owner::Sole(bytes) => OwnedBytes::Sole(bytes),
            Owner::Lender(mut lender) => OwnedBytes::Shared(lender.lend()),
            Owner::Nobody => OwnedBytes::default(),
        }
    }

    /// What comes after so many bytes, without a copy.
    pub(crate) fn after(&self, length: usize) -> Bytes {
        match &self.owner {
            Owner::Sole(bytes) => bytes.slice(length..),
            Owner::Lender(lender) => lender.shared.counted().bytes.slice(length..),
            Owner::Nobody => Bytes::new(),
        }
    }
}

impl From<Bytes> for OwnedChunk {
    #[inline]
    fn from(bytes: Bytes) -> Self {
        Self { bytes: Kept::new(&bytes), owner: Owner::Sole(bytes) }
    }
}

/// The bytes of an event.
#[derive(Clone, Debug)]
pub(crate) enum OwnedBytes {
    /// It has them alone.
    Sole(Bytes),
    Shared(SharedBytes),
}

impl OwnedBytes {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Sole(bytes) => bytes,
            Self::Shared(bytes) => bytes.bytes(),
        }
    }
}

impl Default for OwnedBytes {
    fn default() -> Self {
        Self::Sole(Bytes::new())
    }
}

/// How many references a lender takes at a time.
const CREDIT: usize = 1 << 16;

#[derive(Debug)]
struct Counted {
    /// How many references there are: those that were given out, and those that
    /// the lender still has.
    count: AtomicUsize,
    bytes: Bytes,
}

/// One of several references to bytes, the last of which frees them.
#[derive(Debug)]
pub(crate) struct SharedBytes {
    // INVARIANT: points at a `Counted` from `Lender::new`, one reference of whose
    // count is this one's.
    counted: NonNull<Counted>,
    // INVARIANT: all of its bytes.
    bytes: Kept,
}

// SAFETY: all that is shared is an atomic number and `Bytes`, which are `Sync`;
// who frees the bytes may be another thread, and `Bytes` is `Send`.
unsafe impl Send for SharedBytes {}
// SAFETY: as above.
unsafe impl Sync for SharedBytes {}

impl SharedBytes {
    #[inline]
    fn counted(&self) -> &Counted {
        // SAFETY: it is there for as long as there is a reference, like this one.
        unsafe { self.counted.as_ref() }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        // SAFETY: by the invariants.
        unsafe { self.bytes.get() }
    }

    /// Gives back this many references, and with the last one frees the bytes.
    ///
    /// # Safety
    ///
    /// The caller must have had as many, and use none of them any more.
    #[inline]
    unsafe fn release(&mut self, references: usize) {
        // `Release`, so that whatever was done with the bytes is over before this.
        if self.counted().count.fetch_sub(references, Ordering::Release) == references {
            // SAFETY: the count is zero now.
            unsafe { self.free() }
        }
    }

    /// # Safety
    ///
    /// There must be no reference left.
    #[cold]
    unsafe fn free(&mut self) {
        // And freeing comes after what all others have done.
        fence(Ordering::Acquire);
        // SAFETY: it is from `Box::leak`, and by the caller's promise nobody else
        // can reach it.
        drop(unsafe { Box::from_raw(self.counted.as_ptr()) });
    }
}

impl Clone for SharedBytes {
    #[inline]
    fn clone(&self) -> Self {
        let count = &self.counted().count;
        if count.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
            // Only who forgets references, which never gives them back, gets here.
            count.fetch_sub(1, Ordering::Relaxed);
            panic!("too many references to a chunk");
        }
        Self { counted: self.counted, bytes: self.bytes }
    }
}

impl Drop for SharedBytes {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this one's own reference, for the last time.
        unsafe { self.release(1) }
    }
}

/// Who gives out references to bytes.
#[derive(Debug)]
pub(crate) struct Lender {
    /// The first of its references, which are released all together.
    shared: ManuallyDrop<SharedBytes>,
    /// INVARIANT: how many it has, that one included: at least one.
    credit: usize,
}

impl Lender {
    fn new(bytes: Bytes) -> Self {
        let counted = Box::leak(Box::new(Counted { count: AtomicUsize::new(CREDIT), bytes }));
        let bytes = Kept::new(&counted.bytes);
        let shared = ManuallyDrop::new(SharedBytes { counted: NonNull::from(counted), bytes });
        Self { shared, credit: CREDIT }
    }

    /// Gives out a reference.
    #[inline]
    fn lend(&mut self) -> SharedBytes {
        if self.credit == 1 {
            self.take_credit();
        }
        self.credit -= 1;
        SharedBytes { counted: self.shared.counted, bytes: self.shared.bytes }
    }

    #[cold]
    fn take_credit(&mut self) {
        self.shared.counted().count.fetch_add(CREDIT, Ordering::Relaxed);
        self.credit += CREDIT;
    }
}

impl Drop for Lender {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: by the invariant it has as many, and this is the last use.
        unsafe { self.shared.release(self.credit) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::{sync::Arc, vec::Vec};
    #[cfg(not(target_family = "wasm"))]
    use std::thread;

    use super::*;

    /// A chunk that is alive for as long as there are two of this `Arc`.
    fn chunk() -> (OwnedChunk, Arc<[u8]>) {
        let bytes: Arc<[u8]> = Arc::from(&b"abc"[..]);
        (Bytes::from_owner(Arc::clone(&bytes)).into(), bytes)
    }

    fn is_alive(bytes: &Arc<[u8]>) -> bool {
        Arc::strong_count(bytes) > 1
    }

    #[test]
    fn the_last_reference_frees_the_bytes() {
        for events in 0..4 {
            let (mut chunk, bytes) = chunk();
            let mut references: Vec<_> = (0..events).map(|_| chunk.lend()).collect();
            references.extend(references.first().cloned());
            assert_eq!(chunk.bytes(), b"abc");
            drop(chunk);
            while let Some(reference) = references.pop() {
                assert_eq!(reference.bytes(), b"abc");
                assert!(is_alive(&bytes));
            }
            assert!(!is_alive(&bytes));
        }
    }

    #[test]
    fn the_last_event_takes_the_chunk() {
        for others in 0..3 {
            let (mut chunk, bytes) = chunk();
            let others: Vec<_> = (0..others).map(|_| chunk.lend()).collect();
            let last = chunk.take();
            assert_eq!((last.bytes(), chunk.bytes()), (&b"abc"[..], &b""[..]));
            drop((chunk, last));
            assert_eq!(is_alive(&bytes), !others.is_empty());
            drop(others);
            assert!(!is_alive(&bytes));
        }
    }

    #[test]
    fn there_are_more_references_than_are_taken_at_a_time() {
        let (mut chunk, bytes) = chunk();
        let references: Vec<_> = (0..2 * CREDIT + 1).map(|_| chunk.lend()).collect();
        drop(chunk);
        assert!(is_alive(&bytes));
        drop(references);
        assert!(!is_alive(&bytes));
    }

    #[test]
    #[cfg(not(target_family = "wasm"))]
    fn references_may_be_dropped_by_any_thread() {
        for _ in 0..50 {
            let (mut chunk, bytes) = chunk();
            thread::scope(|scope| {
                for _ in 0..4 {
                    let reference = chunk.lend();
                    scope.spawn(move || {
                        let copies: Vec<_> = (0..100).map(|_| reference.clone()).collect();
                        assert!(copies.iter().all(|copy| copy.bytes() == b"abc"));
                    });
                }
                drop(chunk);
            });
            assert!(!is_alive(&bytes));
        }
    }

    #[test]
    #[cfg(panic = "unwind")]
    fn a_reference_that_is_refused_is_not_counted() {
        let (mut chunk, _) = chunk();
        let reference = chunk.lend();
        let OwnedBytes::Shared(shared) = &reference else { panic!("it is shared") };
        let count = &shared.counted().count;
        let before = count.load(Ordering::Relaxed);
        let too_many = isize::MAX as usize + 1;
        count.store(too_many, Ordering::Relaxed);
        // With 32 bits, a caller can forget as many, and catch each of as many panics
        // again: the count must not come round to zero.
        let clone = core::panic::AssertUnwindSafe(|| reference.clone());
        std::panic::catch_unwind(clone).unwrap_err();
        let after = count.swap(before, Ordering::Relaxed);
        assert_eq!(after, too_many);
    }

    #[test]
    fn what_comes_after_the_part_that_was_read_is_not_copied() {
        let (mut chunk, _) = chunk();
        let start = chunk.bytes().as_ptr();
        assert_eq!(chunk.after(1).as_ptr(), start.wrapping_add(1));
        let _lent = chunk.lend();
        assert_eq!(
            (chunk.after(1).as_ptr(), &chunk.after(3)[..]),
            (start.wrapping_add(1), &b""[..])
        );
        chunk.take();
        assert_eq!(chunk.after(0), b"" as &[u8]);
    }
}
