//! An allocator that counts what each thread allocates. Whatever test binary
//! has this file as a module, by `#[path]`, uses it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// What some work has allocated, on its own thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocations {
    /// How often it has allocated, or enlarged what it had.
    pub calls: usize,
    /// How many bytes that was in all; of what was enlarged, all of the new size; of what
    /// became smaller, nothing.
    pub bytes: u64,
    /// How many bytes were alive at the most.
    pub peak: isize,
    /// How many bytes still are; fewer than none if it has freed older ones.
    pub left: isize,
}

/// Runs `work` and returns what it has allocated.
pub fn counted(work: impl FnOnce()) -> Allocations {
    let before = TOTAL.get();
    TOTAL.set(Allocations { peak: before.left, ..before });
    work();
    let after = TOTAL.get();
    TOTAL.set(Allocations { peak: before.peak.max(after.peak), ..after });
    Allocations {
        calls: after.calls - before.calls,
        bytes: after.bytes - before.bytes,
        peak: after.peak - before.left,
        left: after.left - before.left,
    }
}

thread_local! {
    static TOTAL: Cell<Allocations> =
        const { Cell::new(Allocations { calls: 0, bytes: 0, peak: 0, left: 0 }) };
}

/// Memory of `size` bytes, of which so many have to be filled.
fn count_allocated(size: usize, filled: usize) {
    let Allocations { calls, bytes, peak, left } = TOTAL.get();
    let left = left + size as isize;
    TOTAL.set(Allocations {
        calls: calls + 1,
        bytes: bytes + filled as u64,
        peak: peak.max(left),
        left,
    });
}

fn count_freed(size: usize) {
    let total = TOTAL.get();
    TOTAL.set(Allocations { left: total.left - size as isize, ..total });
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[allow(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_allocated(layout.size(), layout.size());
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count_freed(layout.size());
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new are alive while one is copied to the other. What becomes
        // smaller stays where it is, as a rule.
        count_allocated(size, if size > layout.size() { size } else { 0 });
        count_freed(layout.size());
        // SAFETY: as the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
