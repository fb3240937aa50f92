//! Time that grows with the input and no faster, counted in instructions:
//! whatever the input, four times as much of it is at most four times the work.
//!
//! `cargo bench --bench linear` prints the work of each case, and fails if one
//! is more than a tenth above. It needs valgrind, and takes minutes;
//! `-- EventWriter` selects the cases that have that in their name.

mod callgrind;

use std::{
    collections::VecDeque,
    convert::Infallible,
    env,
    hint::black_box,
    io::{self, Read},
    iter,
    process::ExitCode,
};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, executor::block_on, stream};
use sse_wire::{Decoder, EventReader, EventStream, EventWriter, Parser};

/// By how much the work may grow if the input is four times as large. It may grow
/// less: the kernel moves large buffers, which is not counted.
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
    ("comments in a block", LARGE, [b"data: a\n", b":\n", b"\n"]),
    ("ids in a block", LARGE, [b"", b"id: 1\n", b"\n"]),
];

const EVENTS: &[Input] = &[
    ("events in one chunk", usize::MAX, [b"", EVENT, b""]),
    ("events", LARGE, [b"", EVENT, b""]),
    ("events, tiny chunks", TINY, [b"", EVENT, b""]),
    ("events with CR", LARGE, [b"", b"data: a\r\r", b""]),
];

const INVALID_BYTES: &[Input] = &[
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
    add("Parser", parse, &all, 2 << 20);
    add("Parser with limit", parse_limited, LONG_LINES, 2 << 20);
    add("Parser with limit", parse_limited, LONG_BLOCKS, 1 << 18);
    add("Parser with feeds dropped", parse_dropping_feeds, &EVENTS[..1], 1 << 18);
    add("Decoder", decode, &all, 1 << 18);
    add("EventStream", poll, &all, 1 << 18);
    add("EventReader", read, &all, 1 << 18);
    add("EventWriter", write, &LONG_LINES[..2], 1 << 18);
    add("EventWriter", write, &LONG_BLOCKS[..4], 1 << 18);
    cases
}

impl Case {
    fn chunks(&self, size: usize) -> Vec<Bytes> {
        let (_, chunk_size, [head, filling, end]) = self.input;
        let filled = head.iter().chain(iter::repeat_n(filling, size / filling.len()).flatten());
        let bytes: Bytes = filled.chain(end).chain(EVENT).copied().collect();
        let starts = (0..bytes.len()).step_by(chunk_size.min(bytes.len()));
        let end = |start: usize| bytes.len().min(start.saturating_add(chunk_size));
        starts.map(|start| bytes.slice(start..end(start))).collect()
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
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
    println!("instructions per byte, ratio for four times the input, case");
    let selected: Vec<_> = cases.iter().filter(|case| case.name.contains(part)).collect();
    let failed = selected.iter().filter(|case| !is_linear(case)).count();
    println!("{} cases, {failed} of them not linear", selected.len());
    ExitCode::from(u8::from(failed > 0 || selected.is_empty()))
}

/// Counts and prints.
fn is_linear(case: &Case) -> bool {
    let [once, four_times] =
        case.sizes.map(|size| callgrind::instructions(&[&case.name, &size.to_string()]) as f64);
    let ratio = four_times / once;
    let is_linear = ratio <= LARGEST_RATIO;
    let remark = if is_linear { "" } else { " NOT LINEAR" };
    println!("{:>8.2} {ratio:>6.3}  {}{remark}", four_times / case.sizes[1] as f64, case.name);
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

fn poll(chunks: Vec<Bytes>) -> usize {
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, Infallible>));
    block_on(EventStream::with_parser(chunks, unlimited()).items().map(black_box).count())
}

fn read(chunks: Vec<Bytes>) -> usize {
    let mut reader = EventReader::with_parser(Chunks(chunks.into()), unlimited());
    let mut results = 0;
    while let Some(item) = reader.next_item().transpose() {
        results += usize::from(black_box(item).is_ok());
    }
    results
}

/// Reads one chunk at a time, as a socket does.
struct Chunks(VecDeque<Bytes>);

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(chunk) = self.0.front_mut() else { return Ok(0) };
        let part = chunk.split_to(chunk.len().min(buffer.len()));
        buffer[..part.len()].copy_from_slice(&part);
        if chunk.is_empty() {
            self.0.pop_front();
        }
        Ok(part.len())
    }
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

fn unlimited() -> Parser {
    Parser::builder().max_event_size(usize::MAX).build()
}
