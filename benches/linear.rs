//! Work that grows with the input and no faster: whatever the input, four times
//! as much of it is at most four times the instructions, and four times the bytes
//! that are allocated. The latter, because a buffer that grows in small steps is
//! copied again and again, and of a large one the kernel moves the pages, which
//! takes no instructions of ours.
//!
//! `cargo bench --bench linear` prints both for each case, and fails if one
//! is more than a tenth above. It needs valgrind, and takes minutes;
//! `-- EventWriter` selects the cases that have that in their name.

#[path = "../tests/common/allocations.rs"]
mod allocations;
mod callgrind;
mod chunks;

use std::{convert::Infallible, hint::black_box, iter, process::ExitCode};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, executor::block_on, stream};
use sse_wire::{Decoder, Event, EventReader, EventStream, EventWriter, Parser};

/// By how much the work may grow if the input is four times as large. It may grow
/// less.
const LARGEST_RATIO: f64 = 4.0 * 1.1;

/// What a read from a socket may bring, and what is hardly ever so little.
const LARGE: usize = 16 * 1024;
const TINY: usize = 7;

/// What is read: a head, a filling as often as it takes, and an end, in chunks
/// of some size. An event follows.
type Input = (&'static str, usize, [&'static [u8]; 3]);

const EVENT: &[u8] = b"event: a\nid: 1\ndata: {\"text\":\"a\"}\n\n";

const LONG_LINES: &[Input] = &[
    ("one line of data", LARGE, [b"data: ", b"a", b"\n\n"]),
    ("one line of data, tiny chunks", TINY, [b"data: ", b"a", b"\n\n"]),
    ("one comment", LARGE, [b": ", b"a", b"\n\n"]),
    ("one id", LARGE, [b"id: ", b"1", b"\n\n"]),
    ("one unknown field", LARGE, [b"x: ", b"a", b"\n\n"]),
    ("one retry", LARGE, [b"retry: ", b"0", b"\n\n"]),
];

const LONG_BLOCKS: &[Input] = &[
    ("lines of data", LARGE, [b"", b"data: a\n", b"\n"]),
    ("lines of data, tiny chunks", TINY, [b"", b"data: a\n", b"\n"]),
    ("empty lines of data", LARGE, [b"", b"data\n", b"\n"]),
    ("lines of data with CR", LARGE, [b"", b"data: a\r", b"\r"]),
    ("lines of data with CR, tiny chunks", TINY, [b"", b"data: a\r", b"\r"]),
    ("comments in a block", LARGE, [b"data: a\n", b":\n", b"\n"]),
    ("ids in a block", LARGE, [b"", b"id: 1\n", b"\n"]),
];

const EVENTS: &[Input] = &[
    ("events in one chunk", usize::MAX, [b"", EVENT, b""]),
    ("events", LARGE, [b"", EVENT, b""]),
    ("events, tiny chunks", TINY, [b"", EVENT, b""]),
    ("events with CR", LARGE, [b"", b"data: a\r\r", b""]),
    ("events with CR, tiny chunks", TINY, [b"", b"data: a\r\r", b""]),
];

const INVALID_BYTES: &[Input] = &[
    ("a line after an invalid byte", LARGE, [b"data: \xFF", b"a", b"\n\n"]),
    ("invalid bytes in one line", LARGE, [b"data: ", b"\xFF", b"\n\n"]),
    ("invalid bytes in each line", LARGE, [b"", b"data: \xE2\x82\n", b"\n"]),
];

struct Case {
    name: String,
    input: Input,
    work: fn(Vec<Bytes>) -> usize,
    /// In bytes.
    sizes: [usize; 2],
}

fn cases() -> Vec<Case> {
    let all = [LONG_LINES, LONG_BLOCKS, EVENTS, INVALID_BYTES].concat();
    let mut cases = Vec::new();
    let mut add = |tier: &str, work, inputs: &[Input], size| {
        cases.extend(inputs.iter().map(|input| Case {
            name: format!("{tier}: {}", input.0),
            input: *input,
            work,
            sizes: [size, 4 * size],
        }));
    };
    add("Parser", parse, LONG_LINES, 2 << 20);
    add("Parser", parse, &[LONG_BLOCKS, EVENTS, INVALID_BYTES].concat(), 1 << 18);
    add("Parser with limit", parse_limited, LONG_LINES, 2 << 20);
    add("Parser with limit", parse_limited, LONG_BLOCKS, 1 << 18);
    add("Parser with feeds dropped", parse_dropping_feeds, &EVENTS[..1], 1 << 18);
    add("Decoder", decode, &all, 1 << 18);
    add("Decoder read late", decode_late, &LONG_LINES[..2], 1 << 18);
    add("Decoder read late", decode_late, &LONG_BLOCKS[..2], 1 << 18);
    add("Decoder read late", decode_late, EVENTS, 1 << 18);
    add("EventStream", poll, &all, 1 << 18);
    add("EventReader", read, &all, 1 << 18);
    add("EventWriter", write, &LONG_LINES[..2], 1 << 18);
    add("EventWriter", write, &LONG_BLOCKS[..4], 1 << 18);
    add("Event::encode", encode, &LONG_LINES[..1], 1 << 18);
    add("Event::encode", encode, &LONG_BLOCKS[..4], 1 << 18);
    cases
}

impl Case {
    fn chunks(&self, size: usize) -> Vec<Bytes> {
        let (_, chunk_size, [head, filling, end]) = self.input;
        let filled = head.iter().chain(iter::repeat_n(filling, size / filling.len()).flatten());
        let bytes: Bytes = filled.chain(end).chain(EVENT).copied().collect();
        chunks::cut(&bytes, chunk_size)
    }
}

fn main() -> ExitCode {
    let arguments = callgrind::arguments();
    let cases = cases();
    if let [name, size] = &arguments[..] {
        let case = cases.iter().find(|case| case.name == *name).expect("a case");
        let chunks = case.chunks(size.parse().expect("a size"));
        assert!(callgrind::measured(|| (case.work)(chunks)) > 0, "no results");
        return ExitCode::SUCCESS;
    }
    if !callgrind::is_installed() {
        eprintln!("Nothing was counted: valgrind is not installed.");
        return ExitCode::FAILURE;
    }
    let part = arguments.first().map_or("", String::as_str);
    let selected: Vec<_> = cases.into_iter().filter(|case| case.name.contains(part)).collect();
    let counts = callgrind::in_parallel(&selected, Case::count);
    println!("for each byte of input, and the ratio for four times the input:");
    println!("   instructions  bytes allocated  case");
    let failed = iter::zip(&selected, &counts).filter(|(case, counts)| !is_linear(case, counts));
    let failed = failed.count();
    println!("{} cases, {failed} of them not linear", selected.len());
    ExitCode::from(u8::from(failed > 0 || selected.is_empty()))
}

/// What was counted for each size.
struct Counts {
    instructions: [u64; 2],
    bytes_allocated: [u64; 2],
}

impl Case {
    fn count(&self) -> Counts {
        let instructions =
            self.sizes.map(|size| callgrind::instructions(&[&self.name, &size.to_string()], b""));
        let bytes_allocated = self.sizes.map(|size| {
            let chunks = self.chunks(size);
            allocations::counted(|| _ = black_box((self.work)(chunks))).bytes
        });
        Counts { instructions, bytes_allocated }
    }
}

/// Prints, too.
fn is_linear(case: &Case, counts: &Counts) -> bool {
    let mut is_linear = true;
    for [once, four_times] in [counts.instructions, counts.bytes_allocated] {
        let (once, four_times) = (once as f64, four_times as f64);
        is_linear &= four_times <= LARGEST_RATIO * once;
        let ratio = if once > 0.0 { four_times / once } else { 0.0 };
        print!("{:>8.2} {ratio:>6.3}  ", four_times / case.sizes[1] as f64);
    }
    println!("{}{}", case.name, if is_linear { "" } else { " NOT LINEAR" });
    is_linear
}

fn parse(chunks: Vec<Bytes>) -> usize {
    parse_with(unlimited(), &chunks)
}

fn parse_limited(chunks: Vec<Bytes>) -> usize {
    parse_with(Parser::builder().max_event_size(1000).build(), &chunks)
}

fn parse_with(mut parser: Parser, chunks: &[Bytes]) -> usize {
    let mut results = 0;
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        while let Some(item) = feed.next_item().transpose() {
            results += usize::from(black_box(item).is_ok());
        }
    }
    results
}

fn parse_dropping_feeds(chunks: Vec<Bytes>) -> usize {
    let mut parser = unlimited();
    let mut results = 0;
    for chunk in &chunks {
        let mut rest = &chunk[..];
        loop {
            let mut feed = parser.feed(rest);
            let Ok(Some(_)) = feed.next_item() else { break };
            rest = feed.remaining();
            results += 1;
        }
    }
    results
}

fn decode(chunks: Vec<Bytes>) -> usize {
    let mut decoder = Decoder::with_parser(unlimited());
    let mut results = 0;
    for chunk in chunks {
        decoder.push(chunk);
        results += iter::from_fn(|| decoder.next_item().transpose()).map(black_box).count();
    }
    results
}

fn decode_late(chunks: Vec<Bytes>) -> usize {
    let mut decoder = Decoder::with_parser(unlimited());
    chunks.into_iter().for_each(|chunk| decoder.push(chunk));
    iter::from_fn(|| decoder.next_item().transpose()).map(black_box).count()
}

fn poll(chunks: Vec<Bytes>) -> usize {
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, Infallible>));
    block_on(EventStream::with_parser(chunks, unlimited()).items().map(black_box).count())
}

fn read(chunks: Vec<Bytes>) -> usize {
    let mut reader = EventReader::with_parser(chunks::Reader::new(&chunks), unlimited());
    let mut results = 0;
    while let Some(item) = reader.next_item().transpose() {
        results += usize::from(black_box(item).is_ok());
    }
    results
}

/// Writes each chunk as a piece of the data of one event.
fn write(chunks: Vec<Bytes>) -> usize {
    let mut buffer = BytesMut::new();
    let mut event = EventWriter::new(&mut buffer);
    for chunk in chunks {
        event = event.data(&String::from_utf8_lossy(&chunk));
    }
    event.finish();
    buffer.len()
}

/// Builds and encodes an event whose data is all the chunks.
fn encode(chunks: Vec<Bytes>) -> usize {
    let data = String::from_utf8(chunks.concat()).expect("text");
    let event = Event::builder().data(data).build().expect("a valid event");
    let mut buffer = BytesMut::new();
    event.encode(&mut buffer);
    buffer.len()
}

fn unlimited() -> Parser {
    Parser::builder().max_event_size(usize::MAX).build()
}
