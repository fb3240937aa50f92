//! Parses a stream and encodes an event with nothing but C's `malloc` below it. The
//! exit status is 0 if the results are right.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::{
    alloc::{GlobalAlloc, Layout},
    convert::Infallible,
    ffi::{c_int, c_void},
    panic::PanicInfo,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use sse_wire::{Event, EventStream, Parser};

#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    let works = lends_events() && streams_events() && encodes_an_event();
    c_int::from(!works)
}

fn lends_events() -> bool {
    let mut parser = Parser::new();
    let mut data = Vec::new();
    for chunk in ["id: 7\ndata: caf\u{e9}\n\ndata: t", "wo\r", "\n\r\n"] {
        let mut feed = parser.feed(chunk.as_bytes());
        while let Ok(Some(event)) = feed.next_event() {
            data.extend_from_slice(event.data().as_bytes());
        }
    }
    data == "caf\u{e9}two".as_bytes() && parser.last_event_id() == "7"
}

fn streams_events() -> bool {
    let mut stream = pin!(EventStream::new(Chunks(["data: o", "ne\n\ndata: two\n\n"].iter())));
    let mut context = Context::from_waker(Waker::noop());
    let mut next = || match stream.as_mut().poll_next(&mut context) {
        Poll::Ready(Some(Ok(event))) => Some(event),
        _ => None,
    };
    next().is_some_and(|event| event.data() == "one")
        && next().is_some_and(|event| event.data() == "two")
        && next().is_none()
}

fn encodes_an_event() -> bool {
    let event = Event::builder().event_type("token").data("two\nlines").build();
    event.is_ok_and(|event| event.to_bytes() == "event: token\ndata: two\ndata: lines\n\n")
}

struct Chunks(core::slice::Iter<'static, &'static str>);

impl Stream for Chunks {
    type Item = Result<&'static str, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().copied().map(Ok))
    }
}

#[link(name = "c")]
unsafe extern "C" {
    fn abort() -> !;
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it may be called at any time.
    unsafe { abort() }
}

struct Malloc;

#[global_allocator]
static MALLOC: Malloc = Malloc;

// SAFETY: `aligned_alloc` gives memory that nothing else has, of the size and
// alignment that were asked for, or null.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let layout = layout.pad_to_align();
        // SAFETY: the size is a multiple of the alignment, a power of two.
        unsafe { aligned_alloc(layout.align(), layout.size()) }.cast()
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: it is from `alloc`.
        unsafe { free(memory.cast()) }
    }
}
