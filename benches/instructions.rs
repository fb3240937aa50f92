//! How many instructions each parser and encoder takes for the streams of
//! `corpora`, to compare two versions of the library with each other.
//!
//! ```sh
//! cargo bench --bench instructions                      # counts and prints; needs valgrind
//! cargo bench --bench instructions -- --save FILE       # writes the counts to a file instead
//! cargo bench --bench instructions -- --compare FILE    # fails if one is 5 % above that in the file
//! cargo bench --bench instructions -- --compare FILE 7  # or 7 %
//! ```
//!
//! Compilers and processors differ, so a file is worth something only on the
//! machine that it is from. `.ci/instructions` makes one with the version before a
//! change.
//!
//! When changing this file: it is also built with that older version, so it can use
//! only what that has, too.

mod callgrind;
mod chunks;
#[path = "corpora/streams.rs"]
mod corpora;

use std::{
    collections::HashMap,
    convert::Infallible,
    fs,
    hint::black_box,
    io::{self, Read},
    process::ExitCode,
};

use bytes::{Bytes, BytesMut};
use callgrind::measured;
use futures::{StreamExt, executor::block_on, stream};
use sse_wire::{Encode, Event, EventReader, EventStream, EventWriter, Item, Parser};

/// How much of each stream is read, in bytes.
const LENGTH: usize = 256 * 1024;

/// What a read from a socket may bring, what one TCP segment carries, and what is
/// hardly ever so little.
const CHUNK_SIZES: [usize; 3] = [16 * 1024, 1460, 7];

/// By how much a count may rise, in percent, if nothing else is said.
const LARGEST_RISE: f64 = 5.0;

/// What is counted, each with every stream. Returns how many events or items there
/// were, or bytes.
enum Work {
    /// Reads chunks of some size.
    Read(fn(&[Bytes]) -> usize, usize),
    /// Writes the events of a stream.
    Write(fn(&[u8]) -> usize),
}

fn works() -> Vec<(String, Work)> {
    let mut works = Vec::new();
    let mut add = |tier: &str, read| {
        works.extend(CHUNK_SIZES.map(|size| {
            let name = format!("{tier}, chunks of {size}");
            (name, Work::Read(read, size))
        }));
    };
    add("Parser", parse);
    add("Parser, items", parse_items);
    add("EventStream", poll);
    add("EventReader", read);
    works.push(("Event::encode".to_owned(), Work::Write(encode_events)));
    works.push(("Item::encode".to_owned(), Work::Write(encode_items)));
    works.push(("EventWriter".to_owned(), Work::Write(write)));
    works
}

fn main() -> ExitCode {
    let arguments = callgrind::arguments();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if let ["--measure", work] = arguments[..] {
        measure(work);
        return ExitCode::SUCCESS;
    }
    if !callgrind::is_installed() {
        eprintln!("Nothing was counted: valgrind is not installed.");
        return ExitCode::FAILURE;
    }
    match arguments[..] {
        [] => print(&count()),
        ["--save", file] => save(&count(), file),
        ["--compare", file] => return compare(file, LARGEST_RISE),
        ["--compare", file, rise] => return compare(file, rise.parse().expect("a number")),
        _ => panic!("unknown arguments: {arguments:?}"),
    }
    ExitCode::SUCCESS
}

/// What was counted, and for what.
struct Count {
    case: String,
    instructions: u64,
}

fn count() -> Vec<Count> {
    let works = works();
    let corpora = corpora::all();
    let of_corpus = |corpus| works.iter().map(move |(work, _)| (corpus, work));
    let cases: Vec<_> = corpora.iter().flat_map(of_corpus).collect();
    callgrind::in_parallel(&cases, |(corpus, work)| Count {
        case: format!("{}, {work}", corpus.name),
        instructions: callgrind::instructions(&["--measure", work], &corpus.bytes[..LENGTH]),
    })
}

/// Runs in a process of its own, under callgrind. It is given its stream, because
/// to generate one takes longer there than to read it.
fn measure(name: &str) {
    let mut stream = Vec::new();
    io::stdin().read_to_end(&mut stream).expect("a stream");
    let works = works();
    let (_, work) = works.iter().find(|(work, _)| work == name).expect("something to count");
    let results = match work {
        Work::Read(read, size) => {
            let chunks = chunks::cut(&stream.into(), *size);
            measured(|| read(&chunks))
        }
        Work::Write(write) => write(&stream),
    };
    assert!(results > 0, "no results");
}

fn print(counts: &[Count]) {
    println!("instructions  per byte  case");
    for Count { case, instructions } in counts {
        println!("{instructions:>12}  {:>8.2}  {case}", *instructions as f64 / LENGTH as f64);
    }
}

fn save(counts: &[Count], file: &str) {
    let lines = counts.iter().map(|count| format!("{}\t{}\n", count.instructions, count.case));
    fs::write(file, lines.collect::<String>()).expect("a file that can be written");
    println!("{} cases counted", counts.len());
}

/// Counts, prints by how much each case differs from the file, and fails if one is
/// more than so many percent above it.
fn compare(file: &str, largest_rise: f64) -> ExitCode {
    let saved = fs::read_to_string(file).expect("a file that was saved");
    let before: HashMap<&str, f64> = saved
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(instructions, case)| (case, instructions.parse().expect("a number")))
        .collect();
    println!("instructions  per byte    rise  case");
    let (mut risen, mut fallen, mut failed) = (Vec::new(), Vec::new(), 0);
    for Count { case, instructions } in count() {
        let now = instructions as f64;
        let rise = before.get(&case[..]).map(|before| 100.0 * (now / before - 1.0));
        // Plus 0, for no negative 0.
        let shown = |rise: f64| format!("{:+.1} %", (10.0 * rise).round() / 10.0 + 0.0);
        let shown = rise.map_or("new".to_owned(), shown);
        let line = format!("{now:>12}  {:>8.2} {shown:>8}  {case}", now / LENGTH as f64);
        println!("{line}");
        let rise = rise.unwrap_or(0.0);
        failed += usize::from(rise > largest_rise);
        if rise > LARGEST_RISE {
            risen.push(line);
        } else if rise < -LARGEST_RISE {
            fallen.push(line);
        }
    }
    summarise(&format!("have fallen by more than {LARGEST_RISE} %"), &fallen);
    summarise(&format!("have risen by more than {LARGEST_RISE} %"), &risen);
    println!("{failed} cases have risen by more than the {largest_rise} % that are allowed");
    ExitCode::from(u8::from(failed > 0 || before.is_empty()))
}

fn summarise(what: &str, lines: &[String]) {
    println!("\n{} cases {what}", lines.len());
    lines.iter().for_each(|line| println!("{line}"));
}

fn parse(chunks: &[Bytes]) -> usize {
    let mut parser = Parser::new();
    let mut events = 0;
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        while let Some(event) = feed.next_event().expect("a valid stream") {
            black_box(event);
            events += 1;
        }
    }
    events
}

fn parse_items(chunks: &[Bytes]) -> usize {
    let mut parser = Parser::new();
    let mut items = 0;
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        while let Some(item) = feed.next_item().expect("a valid stream") {
            black_box(item);
            items += 1;
        }
    }
    items
}

fn poll(chunks: &[Bytes]) -> usize {
    let chunks = stream::iter(chunks.iter().cloned().map(Ok::<_, Infallible>));
    let events = EventStream::new(chunks);
    block_on(events.map(|event| black_box(event.expect("a valid stream"))).count())
}

fn read(chunks: &[Bytes]) -> usize {
    let mut reader = EventReader::new(chunks::Reader::new(chunks));
    let mut events = 0;
    while let Some(event) = reader.next_event().expect("a valid stream") {
        black_box(event);
        events += 1;
    }
    events
}

fn encode_events(stream: &[u8]) -> usize {
    encode(&events(stream), |event, buffer| event.encode(buffer))
}

fn encode_items(stream: &[u8]) -> usize {
    let mut parser = Parser::new();
    let mut feed = parser.feed(stream);
    let mut items = Vec::new();
    while let Some(item) = feed.next_item().expect("a valid stream") {
        items.push(item.to_item());
    }
    encode(&items, |item: &Item, buffer| item.encode(buffer).expect("a valid item"))
}

fn write(stream: &[u8]) -> usize {
    encode(&events(stream), |event, buffer| {
        let mut writer = EventWriter::new(buffer);
        if event.event_type() != "message" {
            writer = writer.event_type(event.event_type()).expect("a valid type");
        }
        if let Some(id) = event.id() {
            writer = writer.id(id).expect("a valid ID");
        }
        writer.data(event.data()).finish();
    })
}

fn events(stream: &[u8]) -> Vec<Event> {
    EventReader::new(stream).collect::<Result<_, _>>().expect("a valid stream")
}

/// Only what is done with each value is counted.
fn encode<T>(values: &[T], each: impl Fn(&T, &mut BytesMut)) -> usize {
    let mut buffer = BytesMut::with_capacity(2 * LENGTH);
    measured(|| values.iter().for_each(|value| each(value, &mut buffer)));
    buffer.len()
}
