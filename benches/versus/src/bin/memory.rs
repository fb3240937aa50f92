//! What each contender allocates: lines of CSV, for the report of `versus`, which
//! runs this program. Its allocator counts, and so no time is measured here.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use sse_wire_versus::{
    contenders::{self, Contender},
    encoders::{self, Encoder, Output},
    input::{self, Chunks, Corpus, SEGMENT},
    measure, reference,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

impl Counting {
    fn grow(size: usize) {
        let live = LIVE.fetch_add(size, Relaxed) + size;
        PEAK.fetch_max(live, Relaxed);
    }
}

// SAFETY: everything is done by `System`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        Self::grow(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        LIVE.fetch_sub(layout.size(), Relaxed);
        Self::grow(size);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What was counted when the stopwatch was started, and while it ran.
static ALLOCATIONS_BEFORE: AtomicUsize = AtomicUsize::new(0);
static LIVE_BEFORE: AtomicUsize = AtomicUsize::new(0);
static COUNTED: AtomicUsize = AtomicUsize::new(0);
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

fn start() {
    ALLOCATIONS_BEFORE.store(ALLOCATIONS.load(Relaxed), Relaxed);
    LIVE_BEFORE.store(LIVE.load(Relaxed), Relaxed);
    PEAK.store(LIVE.load(Relaxed), Relaxed);
}

fn stop() {
    COUNTED.store(ALLOCATIONS.load(Relaxed) - ALLOCATIONS_BEFORE.load(Relaxed), Relaxed);
    HIGHEST.store(PEAK.load(Relaxed) - LIVE_BEFORE.load(Relaxed), Relaxed);
}

/// Of parsers that have read the same, and that wait.
const IDLE_PARSERS: usize = 100;
/// How much they have read.
const READ_BEFORE_IDLE: usize = 8 * 1024;

fn main() {
    measure::watch(start, stop);
    let corpora = input::corpora();
    let contenders = contenders::all();
    for contender in contenders.iter().filter(|contender| !contender.is_floor()) {
        for corpus in &corpora {
            print_reading(contender, corpus);
        }
        let stream = &corpora[0].bytes;
        let between = input::shortened(stream.clone(), READ_BEFORE_IDLE);
        print_idle(contender, "between", &between);
        print_idle(contender, "within", &between[..between.len() - 3]);
    }
    for encoder in encoders::all() {
        for corpus in &corpora {
            print_encoding(&encoder, corpus);
        }
    }
}

/// `read,contender,corpus,allocations per event,bytes on the heap at most`
fn print_reading(contender: &Contender, corpus: &Corpus) {
    (contender.time)(&Chunks::new(&corpus.bytes, SEGMENT));
    let each = COUNTED.load(Relaxed) as f64 / corpus.expected.events as f64;
    let peak = HIGHEST.load(Relaxed);
    println!("read,{},{},{each:.3},{peak}", contender.name(), corpus.name);
}

/// `idle,contender,where,bytes,of which in the parser itself`
fn print_idle(contender: &Contender, place: &str, stream: &[u8]) {
    let Some(create) = contender.fleet else { return };
    let chunks = Chunks::new(stream, SEGMENT).shared();
    let before = LIVE.load(Relaxed);
    let mut fleet = create(IDLE_PARSERS);
    for chunk in &chunks {
        fleet.push(chunk);
    }
    let each = (LIVE.load(Relaxed) - before) / IDLE_PARSERS;
    println!("idle,{},{place},{each},{}", contender.name(), contender.size);
}

/// `encode,encoder,corpus,allocations per event,bytes on the heap at most`
fn print_encoding(encoder: &Encoder, corpus: &Corpus) {
    let events = reference::events(&corpus.bytes);
    (encoder.run)(&events, Output::Glance { length: 0 });
    let each = COUNTED.load(Relaxed) as f64 / events.len() as f64;
    let peak = HIGHEST.load(Relaxed);
    println!("encode,{},{},{each:.3},{peak}", encoder.name(), corpus.name);
}
