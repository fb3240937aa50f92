//! Bytes that many events share: a reference count that is cheaper than the one
//! of `Arc` where references are given out one after the other.
//!
//! An atomic addition costs as much as reading a short event, and has to wait for
//! all that was written before it. So the [`Lender`] adds many references to the
//! count at a time, and then gives them out without touching it.
#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::{
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering, fence},
};

use bytes::Bytes;

/// How many references a lender takes at a time.
const CREDIT: usize = 1 << 16;

struct Counted {
    /// How many references there are: those that were given out, and those that
    /// the lender still has.
    count: AtomicUsize,
    bytes: Bytes,
}

/// One of several references to bytes, the last of which frees them.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct SharedBytes(
    // INVARIANT: points at a `Counted` from `Lender::new`, one reference of whose
    // count is this one's.
    NonNull<Counted>,
);

// SAFETY: all that is shared is an atomic number and `Bytes`, which are `Sync`;
// who frees the bytes may be another thread, and `Bytes` is `Send`.
unsafe impl Send for SharedBytes {}
// SAFETY: as above.
unsafe impl Sync for SharedBytes {}

impl SharedBytes {
    #[inline]
    fn counted(&self) -> &Counted {
        // SAFETY: it is there for as long as there is a reference, like this one.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.counted().bytes
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
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl Clone for SharedBytes {
    #[inline]
    fn clone(&self) -> Self {
        let old = self.counted().count.fetch_add(1, Ordering::Relaxed);
        // Only who forgets references, which never gives them back, gets here.
        assert!(old <= isize::MAX as usize, "too many references to a chunk");
        Self(self.0)
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
    /// One of its references.
    shared: core::mem::ManuallyDrop<SharedBytes>,
    /// INVARIANT: how many it has, that one included: at least one.
    credit: usize,
}

impl Lender {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let counted = Box::leak(Box::new(Counted { count: AtomicUsize::new(CREDIT), bytes }));
        let shared = core::mem::ManuallyDrop::new(SharedBytes(NonNull::from(counted)));
        Self { shared, credit: CREDIT }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &Bytes {
        self.shared.bytes()
    }

    /// Gives out a reference.
    #[inline]
    pub(crate) fn lend(&mut self) -> SharedBytes {
        if self.credit == 1 {
            self.take_credit();
        }
        self.credit -= 1;
        SharedBytes(self.shared.0)
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
