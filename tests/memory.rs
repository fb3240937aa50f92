//! Memory, counted by an allocator: how often each tier allocates for streams
//! such as servers send, and what is shared, kept and given back. What hostile
//! streams cost is in `attacks.rs`.

#[path = "common/allocations.rs"]
mod allocations;
#[path = "../benches/corpora/streams.rs"]
mod corpora;

use std::{hint::black_box, sync::LazyLock};

use allocations::counted;
use bytes::{Bytes, BytesMut};
use sse_wire::{Decoder, Event, Parser};

/// Chunk sizes: all at once, as the benches have them, and small ones.
const SIZES: [usize; 4] = [usize::MAX, 16 * 1024, 1460, 64];

/// Capacity that the parser keeps for data. Larger data that it has put together
/// is moved into its event.
const KEPT: usize = 4096;

/// How long the text of an event may be that it has in itself, if it is no slice.
const SHORT: usize = 80;

/// How often a stream is read before allocations count: buffers change places,
/// so it takes a few rounds to warm all of them.
const WARM_UP: usize = 4;

/// The first part of each corpus of the benches.
static SAMPLES: LazyLock<Vec<Sample>> =
    LazyLock::new(|| corpora::all().into_iter().map(Sample::new).collect());

struct Sample {
    name: &'static str,
    bytes: Bytes,
    events: Vec<Block>,
}

/// A block with data.
struct Block {
    start: usize,
    end: usize,
    data_lines: usize,
    /// How long data, type and ID of its event are together.
    text: usize,
}

impl Sample {
    const LENGTH: usize = 40 * 1024;

    fn new(corpus: corpora::Corpus) -> Self {
        let stream = String::from_utf8(corpus.bytes).unwrap();
        let blank_line = if stream.contains('\r') { "\r\n\r\n" } else { "\n\n" };
        let mut sample = Self { name: corpus.name, bytes: Bytes::new(), events: Vec::new() };
        let mut end = 0;
        for block in stream.split_inclusive(blank_line) {
            let start = end;
            if start > Self::LENGTH {
                break;
            }
            end += block.len();
            let data_lines = block.lines().filter(|line| line.starts_with("data:")).count();
            if data_lines > 0 {
                let text = text_length(block);
                sample.events.push(Block { start, end, data_lines, text });
            }
        }
        sample.bytes = Bytes::from(stream).slice(..end);
        sample
    }

    /// Without a copy, so that only what is tested allocates.
    fn chunks(&self, size: usize) -> impl Iterator<Item = Bytes> + Clone {
        chunks(&self.bytes, size)
    }

    /// The events that cannot be slices of chunks of this size: those that a
    /// chunk end cuts, and those with several `data` lines.
    fn copied(&self, size: usize) -> impl Iterator<Item = &Block> {
        self.events.iter().filter(move |block| block.is_cut(size) || block.data_lines > 1)
    }
}

fn text_length(block: &str) -> usize {
    let mut parser = Parser::new();
    let mut feed = parser.feed(block.as_bytes());
    let event = feed.next_event().unwrap().unwrap();
    let event_type = if block.contains("event:") { event.event_type() } else { "" };
    event.data().len() + event_type.len() + event.id().unwrap_or_default().len()
}

impl Block {
    fn is_cut(&self, size: usize) -> bool {
        self.start / size != (self.end - 1) / size
    }

    /// Whether its event has the text in itself, if it is no slice.
    fn is_short(&self) -> bool {
        self.text <= SHORT
    }

    fn is_large(&self) -> bool {
        self.end - self.start > KEPT
    }

    /// How often a buffer for it grows at the most, if it doubles.
    fn doublings(&self) -> usize {
        (self.end - self.start).ilog2() as usize
    }
}

fn chunks(bytes: &Bytes, size: usize) -> impl Iterator<Item = Bytes> + Clone {
    (0..bytes.len())
        .step_by(size)
        .map(move |start| bytes.slice(start..bytes.len().min(start.saturating_add(size))))
}

fn lend(parser: &mut Parser, chunks: impl IntoIterator<Item = Bytes>) -> usize {
    let mut events = 0;
    for chunk in chunks {
        let mut feed = parser.feed(&chunk);
        while let Some(event) = feed.next_event().unwrap() {
            black_box(event);
            events += 1;
        }
    }
    events
}

fn decode(
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = Bytes>,
    mut keep: impl FnMut(Event),
) {
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().unwrap() {
            keep(event);
        }
    }
}

// The lent tiers.

#[test]
fn lent_events_allocate_nothing_once_the_buffers_are_warm() {
    for sample in SAMPLES.iter() {
        for size in SIZES.into_iter().chain([7, 1]) {
            let chunks = sample.chunks(size);
            let mut parser = Parser::new();
            for _ in 0..WARM_UP {
                assert_eq!(lend(&mut parser, chunks.clone()), sample.events.len());
            }
            let calls = counted(|| _ = lend(&mut parser, chunks.clone())).calls;
            // An event larger than what the buffers keep is assembled in one
            // that is freed afterwards.
            let large = sample.copied(size).filter(|block| block.is_large());
            let allowed: usize = large.map(Block::doublings).sum();
            assert!(calls <= allowed, "{} in chunks of {size}: {calls}", sample.name);
            assert!(allowed == 0 || sample.name == "large");
        }
    }
}

#[test]
fn lent_items_of_every_kind_allocate_nothing_once_the_buffers_are_warm() {
    let valid = "event: delta\nid: 123\ndata: {\"text\":\"né\"}\n\n: keep-alive\n\n\
                 data: one\ndata: two\n\nretry: 5\nid: 7\n\nid\n\n";
    let stream = [valid.as_bytes(), b"data: \xFF\n\n"].concat().repeat(100);
    for size in SIZES.into_iter().chain([7, 1]) {
        let mut parser = Parser::new();
        let mut read = || {
            let mut items = 0;
            for chunk in stream.chunks(size) {
                let mut feed = parser.feed(chunk);
                while let Some(item) = feed.next_item().unwrap() {
                    black_box(item);
                    items += 1;
                }
            }
            items
        };
        for _ in 0..WARM_UP {
            assert_eq!(read(), 700);
        }
        assert_eq!(counted(|| _ = read()).calls, 0, "chunks of {size}");
    }
}

#[test]
fn values_that_fill_the_kept_buffers_allocate_nothing_once_these_are_warm() {
    // One by one, because a second value may be in the buffer of the first.
    for block in [
        format!("data: {}\ndata: {}\n\n", "a".repeat(KEPT / 2), "a".repeat(KEPT / 2 - 1)),
        format!("event: {}\ndata: a\n\n", "a".repeat(1024)),
        format!("id: {}\ndata: a\n\n", "a".repeat(1024)),
        format!("data: a\n: {}\n\n", "a".repeat(1024)),
    ] {
        let block = Bytes::from(block);
        // Each time in the same pieces, so that no other ones made the room.
        for size in [1, 64, 300, 700, 1000, 1460, 3000] {
            let mut parser = Parser::new();
            let mut read = || assert_eq!(lend(&mut parser, chunks(&block, size)), 1);
            (0..WARM_UP).for_each(|_| read());
            assert_eq!(counted(read).calls, 0, "{:?}… in chunks of {size}", block.slice(..20));
        }
    }
}

#[test]
fn a_chunk_of_two_mib_of_empty_events_costs_no_memory() {
    let chunk = Bytes::from(b"data\n\n".repeat((2 << 20) / 6));
    let mut parser = Parser::new();
    let used = counted(|| assert_eq!(lend(&mut parser, [chunk]), (2 << 20) / 6));
    assert_eq!((used.calls, used.peak), (0, 0));
}

#[test]
fn a_long_line_is_assembled_with_few_copies() {
    let line = Bytes::from(format!("data: {}\n\n", "a".repeat(2 << 20)));
    let mut parser = Parser::new();
    drop(line.clone());
    let calls = counted(|| assert_eq!(lend(&mut parser, chunks(&line, 256)), 1)).calls;
    assert!(calls <= 20, "{calls} allocations");
}

#[test]
fn a_large_event_after_one_of_its_size_is_assembled_with_fewer_copies() {
    let large = Bytes::from(format!("data: {}\n\n", "a".repeat(60_000)));
    let small = Bytes::from_static(b"data: a\ndata: b\n\n");
    let mut parser = Parser::new();
    let mut read = |block| counted(|| assert_eq!(lend(&mut parser, chunks(block, 1460)), 1)).calls;
    let first = read(&large);
    read(&small);
    // At once, as soon as more than a little has arrived.
    assert_eq!((first, read(&large)), (7, 1));
}

#[test]
fn an_event_of_another_size_ends_the_guess_that_the_last_one_was_worth() {
    let event = |length| Bytes::from(format!("data: {}\n\n", "a".repeat(length)));
    let (large, medium) = (event(60_000), event(2_000));
    let mut parser = Parser::new();
    let mut read = |block| counted(|| assert_eq!(lend(&mut parser, chunks(block, 1460)), 1)).peak;
    read(&large);
    assert!(read(&medium) > 60_000);
    assert!(read(&medium) < 8192);
}

#[test]
fn a_buffer_is_no_larger_than_its_content_needs_whatever_was_in_it_before() {
    for limit in [20_000, 100_000, 1_000_000, 16 << 20] {
        let large = a_line(limit / 2 - 100);
        let small = a_line(5_000);
        let mut parser = Parser::builder().max_event_size(limit).build();
        let left = counted(|| {
            for chunk in chunks(&large, 1460).chain([Bytes::from_static(b"\n")]) {
                feed(&mut parser, &chunk);
            }
            chunks(&small, 1460).for_each(|chunk| feed(&mut parser, &chunk));
        })
        .left;
        // Doubled, or as large at once as the last one, within bounds.
        let allowed = (2 * 5_000).max((limit / 64).min(64 * 1024)) + 1024;
        assert!(left <= allowed as isize, "limit {limit}: {left} of {allowed}");
    }
}

fn a_line(length: usize) -> Bytes {
    format!("data: {}\n", "a".repeat(length)).into()
}

#[test]
fn a_value_that_just_fits_its_buffer_does_not_move() {
    let [head, rest] = ["data: ", ""].map(|start| format!("{start}{}", "a".repeat(32)));
    let mut parser = Parser::new();
    let calls = counted(|| {
        assert_eq!(parser.feed(head.as_bytes()).next_event(), Ok(None));
        assert_eq!(parser.feed(rest.as_bytes()).next_event(), Ok(None));
        assert!(parser.feed(b"\n\n").next_event().unwrap().is_some());
    })
    .calls;
    assert_eq!(calls, 1);
}

#[cfg(feature = "std")]
#[test]
fn a_reader_that_lends_allocates_its_buffer_and_what_its_parser_does() {
    use sse_wire::EventReader;

    for sample in SAMPLES.iter() {
        let chunks = sample.chunks(16 * 1024);
        let mut parser = Parser::new();
        let expected = counted(|| _ = lend(&mut parser, chunks.clone())).calls;
        let calls = counted(|| {
            let mut reader = EventReader::new(&sample.bytes[..]);
            while let Some(event) = reader.next_event().unwrap() {
                black_box(event);
            }
        })
        .calls;
        assert_eq!(calls, 1 + expected, "{}", sample.name);
    }
}

// The owned tiers.

#[test]
fn a_decoder_allocates_once_a_chunk_and_once_an_event_that_is_no_slice() {
    for sample in SAMPLES.iter() {
        for size in SIZES {
            let chunks = sample.chunks(size);
            let mut decoder = Decoder::new();
            for _ in 0..WARM_UP {
                decode(&mut decoder, chunks.clone(), drop);
            }
            let calls = counted(|| decode(&mut decoder, chunks.clone(), drop)).calls;
            let allowed = chunks.clone().count() + copies(sample, size);
            assert!(calls <= allowed, "{} in chunks of {size}: {calls}", sample.name);
        }
    }
}

#[test]
fn events_that_are_kept_cost_no_more_than_those_that_are_dropped() {
    for sample in SAMPLES.iter() {
        for size in SIZES {
            let chunks = sample.chunks(size);
            let mut decoder = Decoder::new();
            for _ in 0..WARM_UP {
                decode(&mut decoder, chunks.clone(), drop);
            }
            let dropped = counted(|| decode(&mut decoder, chunks.clone(), drop));
            let mut kept = Vec::with_capacity(sample.events.len());
            let used = counted(|| decode(&mut decoder, chunks, |event| kept.push(event)));
            let name = sample.name;
            assert_eq!(used.calls, dropped.calls, "{name} in chunks of {size}");
            assert_eq!(used.bytes, dropped.bytes, "{name} in chunks of {size}");
        }
    }
}

#[test]
fn an_event_takes_the_chunk_that_it_ends_and_otherwise_one_allocation_is_for_all() {
    for (chunk, expected) in [
        ("data: a\n\n", 0),
        ("data: a\r\n\r\n", 0),
        ("data: a\r\r", 0),
        ("id: 1\nevent: x\ndata: a\nretry: 5\n\n", 0),
        // What comes before it does not matter.
        (":\n\nevent: x\n\n\ndata: a\n\n", 0),
        // There is more: another event, or just a byte.
        ("data: a\n\n\n", 1),
        ("data: a\n\nd", 1),
        ("data: a\r\n\r\nretry: 1\n\n", 1),
        ("data: a\n\ndata: b\n\n", 1),
        ("id: 1\ndata: a\n\ndata: b\n\ndata: c\n\n:", 1),
        // One that is no slice, and short, has its text in itself, and needs no chunk.
        ("data: a\ndata: b\n\n", 0),
        ("data: a\ndata: b\n\ndata: c\ndata: d\n\n", 0),
        ("data: a\ndata: b\n\ndata: c\n\n", 0),
        ("data: a\n\ndata: b\ndata: c\n\n", 1),
    ] {
        let bytes = Bytes::from_static(chunk.as_bytes());
        let mut decoder = Decoder::new();
        for _ in 0..WARM_UP {
            decode(&mut decoder, [bytes.clone()], drop);
            decoder.reset();
        }
        let mut kept = Vec::with_capacity(3);
        let calls = counted(|| decode(&mut decoder, [bytes], |event| kept.push(event))).calls;
        assert_eq!(calls, expected, "{chunk:?}");
    }
}

/// A block whose data has two lines, so that it is no slice, and how long the
/// text of its event is.
fn joined(event_type: &str, id: &str, length: usize) -> (Bytes, usize) {
    let data = "a".repeat(length - "b\n".len());
    let mut block = format!("data: b\ndata: {data}\n\n");
    for (field, value) in [("event", event_type), ("id", id)] {
        if !value.is_empty() {
            block = format!("{field}: {value}\n{block}");
        }
    }
    (block.into(), event_type.len() + id.len() + length)
}

/// What a parser allocates for a block, and what a decoder does, each of which has
/// read it before.
fn lent_and_owned(block: &Bytes, size: usize) -> [allocations::Allocations; 2] {
    let mut parser = Parser::new();
    let mut decoder = Decoder::new();
    for _ in 0..WARM_UP {
        lend(&mut parser, chunks(block, size));
        decode(&mut decoder, chunks(block, size), drop);
    }
    let lent = counted(|| _ = lend(&mut parser, chunks(block, size)));
    let mut kept = Vec::with_capacity(1);
    let owned = counted(|| decode(&mut decoder, chunks(block, size), |event| kept.push(event)));
    assert_eq!(kept.len(), 1);
    [lent, owned]
}

#[test]
fn an_event_that_is_no_slice_has_just_the_memory_that_its_text_needs() {
    for (event_type, id) in [("", ""), ("t", "1"), (&"t".repeat(500), &"1".repeat(300))] {
        for length in [2, SHORT - 2, SHORT - 1, 100, KEPT / 2 + 1, KEPT] {
            let (block, text) = joined(event_type, id, length);
            let (calls, bytes) = if text <= SHORT { (0, 0) } else { (1, text as u64) };
            for size in [usize::MAX, 1460, 64] {
                let [lent, owned] = lent_and_owned(&block, size);
                assert_eq!((lent.calls, owned.calls), (0, calls), "{length} in chunks of {size}");
                assert_eq!(owned.bytes, bytes, "{length} in chunks of {size}");
            }
        }
    }
}

#[test]
fn a_short_event_of_a_parser_that_was_cloned_in_the_middle_of_it_allocates_nothing() {
    let mut parser = Parser::new();
    assert!(parser.feed(b"data: abc\n").next_event().unwrap().is_none());
    // Its buffer has room for no more than it holds.
    let mut decoder = Decoder::with_parser(parser.clone());
    let mut events = Vec::with_capacity(1);
    let rest = Bytes::from_static(b"\n");
    let calls = counted(|| decode(&mut decoder, [rest], |event| events.push(event))).calls;
    assert_eq!((calls, events[0].data()), (0, "abc"));
}

#[test]
fn large_data_that_is_put_together_is_moved_into_its_event_and_not_copied() {
    for (length, event_type, id) in
        [(KEPT + 1, "", ""), (3 * KEPT, "", ""), (100_000, "t", "1"), (1_000_000, "", "1")]
    {
        let (block, text) = joined(event_type, id, length);
        for size in [1460, 64] {
            let [lent, owned] = lent_and_owned(&block, size);
            // The buffer becomes the event, and what it does not fill is given back.
            assert!(owned.calls <= lent.calls + 1, "{length} in chunks of {size}");
            assert_eq!(owned.bytes, lent.bytes, "{length} in chunks of {size}");
            assert!(owned.left <= text as isize, "{length} in chunks of {size}: {}", owned.left);
        }
    }
}

#[test]
fn large_data_that_fills_its_buffer_makes_room_for_its_type_and_no_more() {
    for length in [1 << 16, 1 << 17, 1 << 18] {
        let (block, text) = joined("type", "", length);
        let [_, owned] = lent_and_owned(&block, 1460);
        assert!(owned.left <= text as isize, "{length}: {}", owned.left);
    }
}

#[test]
fn an_id_inherited_within_its_chunk_is_not_copied() {
    let blocks = (10..60).map(|id| format!("id: {id}\ndata: x\n\ndata: y\n\ndata: z\n\n"));
    let chunk = Bytes::from(blocks.collect::<String>());
    let mut decoder = Decoder::new();
    decode(&mut decoder, [chunk.clone()], drop);
    let mut inherited = 0;
    let count = |event: Event| inherited += usize::from(event.id() != Some(event.last_event_id()));
    let calls = counted(|| decode(&mut decoder, [chunk], count)).calls;
    assert_eq!((calls, inherited), (1, 100));
}

#[test]
fn an_id_of_up_to_64_bytes_is_inherited_within_its_chunk_and_a_longer_one_is_copied_once() {
    for (length, copies) in [(64, 0), (65, 1)] {
        let id = "1".repeat(length);
        let chunk = Bytes::from(format!("id: {id}\ndata: x\n\ndata: y\n\ndata: z\n\n"));
        let mut decoder = Decoder::new();
        let mut events = Vec::with_capacity(3);
        decode(&mut decoder, [chunk.clone()], drop);
        let calls = counted(|| decode(&mut decoder, [chunk], |event| events.push(event))).calls;
        assert_eq!(calls, 1 + copies, "{length}");
        for event in events.into_iter().skip(1) {
            assert_eq!(event.last_event_id(), id);
            // A copy that shares the long ID, or takes the short one along.
            assert_eq!(counted(|| drop(event.detach())).calls, 1 - copies, "{length}");
        }
    }
}

/// What the events cost that are no slices: each its own memory, unless it is short; a large
/// one the buffer that the parser assembles it in, and a handle.
fn copies(sample: &Sample, size: usize) -> usize {
    let copied = sample.copied(size).filter(|block| !block.is_short());
    copied.map(|block| if block.is_large() { 1 + block.doublings() } else { 1 }).sum()
}

#[cfg(feature = "stream")]
#[test]
fn a_stream_allocates_what_its_decoder_does() {
    use futures::{FutureExt, StreamExt, stream};
    use sse_wire::EventStream;

    for sample in SAMPLES.iter() {
        for size in SIZES {
            let chunks = sample.chunks(size);
            let expected = counted(|| decode(&mut Decoder::new(), chunks.clone(), drop)).calls;
            let mut events = EventStream::new(stream::iter(chunks.map(Ok::<_, ()>)));
            let calls =
                counted(|| while let Some(Some(Ok(_))) = events.next().now_or_never() {}).calls;
            assert_eq!(calls, expected, "{} in chunks of {size}", sample.name);
        }
    }
}

#[cfg(feature = "std")]
#[test]
fn a_reader_that_copies_allocates_once_an_event_that_is_not_short() {
    use sse_wire::EventReader;

    for sample in SAMPLES.iter() {
        let lent = counted(|| {
            let mut reader = EventReader::new(&sample.bytes[..]);
            while reader.next_event().unwrap().is_some() {}
        });
        let owned =
            counted(|| drop(EventReader::new(&sample.bytes[..]).map(Result::unwrap).last()));
        let long = sample.events.iter().filter(|block| !block.is_short()).count();
        assert_eq!(owned.calls, lent.calls + long, "{}", sample.name);
    }
}

#[test]
fn a_copy_of_an_event_allocates_once_if_it_is_long_and_once_for_an_id_it_inherits() {
    for (fields, inherited) in [("", 0), ("event: x\nid: 1\n", 0), ("id: 1\n\n", 1)] {
        for (data, long) in [("a".repeat(SHORT - 2), 0), ("a".repeat(SHORT + 1), 1)] {
            let stream = format!("{fields}data: {data}\n\n");
            let mut parser = Parser::new();
            let mut feed = parser.feed(stream.as_bytes());
            let lent = feed.next_event().unwrap().unwrap();
            let mut event = None;
            assert_eq!(counted(|| event = Some(lent.to_event())).calls, long + inherited);
            // What is inherited is shared already.
            assert_eq!(counted(|| event = event.take().map(Event::detach)).calls, long);
            // The first clone makes it shared.
            for expected in [long, 0, 0] {
                assert_eq!(counted(|| drop(event.clone())).calls, expected);
            }
        }
    }
}

// What is shared, kept and given back.

#[test]
fn buffers_keep_no_more_than_they_say_whatever_the_limit_and_the_cuts() {
    for (limit, length) in [(3_000, 2_900), (16_000, 15_900), (16 << 20, 900), (16 << 20, 15_900)] {
        for field in ["data: ", "event: ", "id: ", ":"] {
            let line = format!("{field}{}\n", "a".repeat(length));
            for block in [
                line.as_bytes().chunks(700).chain([&b"\n"[..]]).collect(),
                vec![format!("{line}\n").as_bytes()],
                vec![line.as_bytes(), b"\n"],
                vec![line.as_bytes(), b"data\n\n"],
                vec![format!("{line}{field}\n\n").as_bytes()],
                vec![format!("{line}{field}").as_bytes(), b"\n\n"],
            ] {
                // A last event ID may be long, until it is replaced.
                for after in [&[&b"id\n\n"[..]][..], &[b"id", b"\n\n"], &[b"id\n", b"\n"]] {
                    let (left, _) = left_by(limit, &[&block[..], after].concat());
                    // 4 KiB for data, 1 KiB for type, ID, unfinished line and
                    // last event ID.
                    assert!(left <= 8 * 1024, "{left} bytes left of {field}, limit {limit}");
                }
            }
        }
    }
}

/// Feeds a chunk, of which events and errors do not matter.
fn feed(parser: &mut Parser, chunk: &[u8]) {
    let mut feed = parser.feed(chunk);
    while !matches!(feed.next_event(), Ok(None)) {}
}

/// What feeding these chunks leaves, with the parser that has read them.
fn left_by(limit: usize, chunks: &[&[u8]]) -> (isize, Parser) {
    let mut parser = Parser::builder().max_event_size(limit).build();
    let left = counted(|| chunks.iter().for_each(|chunk| feed(&mut parser, chunk))).left;
    (left, parser)
}

#[test]
fn a_long_last_event_id_is_given_back_when_a_short_one_replaces_it() {
    let long = "1".repeat(100_000);
    let whole = format!("id:{long}\n\n");
    let line = format!("id:{long}\n");
    for chunks in [
        [whole.as_str(), "id: 2\n\n", "", ""],
        [&whole, "id: 2\n", "\n", ""],
        [&whole, "id", ": 2\n\n", ""],
        // Both are of one block, of which only the last ID counts.
        [&line, "id: 2\n", "\n", ""],
        ["id:", &long, "\nid: 2\n", "\n"],
        ["id:", &long, "\nid: 2\n: comment\n", "\n"],
        ["id:", &long, "\nid: ", "2\n\n"],
    ] {
        let (left, parser) = left_by(100_000, &chunks.map(str::as_bytes));
        assert_eq!(parser.last_event_id(), "2");
        assert!(left <= 8 * 1024, "{left} bytes left");
    }
}

#[test]
fn a_decoder_holds_no_chunk_that_it_has_read() {
    let mut decoder = Decoder::new();
    let left = counted(|| {
        decode(&mut decoder, [Bytes::from(b"id: 1\ndata: a\n\n".repeat(10_000))], drop);
        decode(&mut decoder, [Bytes::from(b"id: 1\ndata: a\n\nda".repeat(10_000))], drop);
    })
    .left;
    assert!(left <= 2 * 1024, "{left} bytes left");
    // What was in it is still known.
    decode(&mut decoder, [Bytes::from_static(b"ta: b\n\n")], |event| {
        assert_eq!((event.data(), event.last_event_id()), ("b", "1"));
    });
}

#[test]
fn chunks_that_wait_are_neither_copied_nor_held_longer_than_they_are_read() {
    let chunk = Bytes::from("data: a\n\n".repeat(10));
    let mut decoder = Decoder::new();
    let mut kept = Vec::with_capacity(10_000);
    let used = counted(|| {
        for _ in 0..1000 {
            decoder.push(chunk.clone());
        }
        while let Some(event) = decoder.next_event().unwrap() {
            kept.push(event);
        }
    });
    assert_eq!(kept.len(), 10_000);
    // A handle for each, in a queue that doubles, and the count that its events share.
    assert!(used.peak < 1000 * 200, "{}", used.peak);
    assert!(used.left < 1000 * 80, "{}", used.left);
    drop(kept);
    let left = counted(|| {
        for _ in 0..1000 {
            decoder.push(chunk.clone());
        }
        decoder.reset();
    })
    .left;
    assert!(left <= 1024, "{left}");
}

#[test]
fn an_event_that_is_kept_shares_no_memory_with_a_large_one_before_it() {
    for field in ["data", "event", "id"] {
        let large = format!("data\n{field}: {}\n\n", "a".repeat(400 * 1024));
        let small = "id: 1\ndata: b\ndata: c\n\n";
        let chunks =
            [chunks(&large.into(), 1460).collect(), vec![Bytes::from_static(small.as_bytes())]];
        let mut kept = None;
        let left = counted(|| {
            let mut decoder = Decoder::new();
            decode(&mut decoder, chunks.concat(), |event| kept = Some(event));
        })
        .left;
        assert_eq!(kept.unwrap().data(), "b\nc");
        assert!(left <= 8 * 1024, "{left} bytes for one event, after a large {field}");
    }
}

#[test]
fn an_event_that_is_dropped_lets_go_of_its_chunk_and_one_that_is_kept_does_not() {
    let chunk = [b"data: small\n\ndata: ".as_slice(), &[b'a'; 16 * 1024], b"\n\n"].concat();
    let left = |keep: fn(Event) -> Option<Event>| {
        let mut kept = Vec::with_capacity(100);
        counted(|| {
            let mut decoder = Decoder::new();
            for _ in 0..100 {
                decoder.push(Bytes::copy_from_slice(&chunk));
                kept.extend(decoder.next_event().unwrap().and_then(keep));
                while decoder.next_event().unwrap().is_some() {}
            }
        })
        .left
    };
    assert_eq!(left(|_| None), 0);
    assert!(left(Some) >= 100 * 16 * 1024);
    assert!(left(|event| Some(event.detach())) <= 100 * 100);
}

// The encoder.

/// What `write` has appended to a buffer, without an allocation.
fn without_allocation(write: impl Fn(&mut BytesMut)) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(4096);
    let calls = counted(|| write(&mut buffer)).calls;
    assert_eq!(calls, 0, "{buffer:?}");
    buffer
}

#[test]
fn encoding_into_a_buffer_with_room_allocates_nothing() {
    use std::time::Duration;

    use sse_wire::{Encode, Encoded, Item, encode};

    let event = Event::builder().event_type("t").id("1").data("a\nb").build().unwrap();
    let encoded = "event: t\nid: 1\ndata: a\ndata: b\n\n";
    assert_eq!(without_allocation(|buffer| event.encode(buffer)), encoded);
    assert_eq!(without_allocation(|buffer| event.as_event_ref().encode(buffer)), encoded);

    let time = Duration::from_millis(5);
    for (item, encoded) in [
        (Item::Event(event.clone()), encoded),
        (Item::Comment("c\nd".into()), ": c\n: d\n\n"),
        (Item::LastEventId("2".into()), "id: 2\n\n"),
        (Item::Retry(time), "retry: 5\n\n"),
    ] {
        assert_eq!(without_allocation(|buffer| item.encode(buffer).unwrap()), encoded);
        let lent = item.as_item_ref();
        assert_eq!(without_allocation(|buffer| lent.encode(buffer).unwrap()), encoded);
        let bytes = Encoded::try_from(&item).unwrap();
        assert_eq!(without_allocation(|buffer| bytes.encode(buffer).unwrap()), encoded);
        assert_eq!(counted(|| _ = black_box(item.encoded_len())).calls, 0);
        assert_eq!(counted(|| _ = Encoded::try_from(&item).unwrap()).calls, 1);
    }
    let functions = without_allocation(|buffer| {
        encode::comment("c", buffer);
        encode::retry(time, buffer).unwrap();
        encode::last_event_id("2", buffer).unwrap();
    });
    assert_eq!(functions, ": c\n\nretry: 5\n\nid: 2\n\n");

    // Other buffers than `BytesMut`.
    let (mut vector, mut array) = (Vec::with_capacity(64), [0; 64]);
    let calls = counted(|| {
        event.encode(&mut vector);
        event.encode(&mut &mut array[..]);
    })
    .calls;
    assert_eq!(calls, 0);
    assert!(vector == encoded.as_bytes() && array.starts_with(&vector));
    assert_eq!(counted(|| drop(event.to_bytes())).calls, 1);
}

#[test]
fn writing_an_event_into_a_buffer_with_room_allocates_nothing() {
    use std::{fmt::Write, time::Duration};

    use sse_wire::EventWriter;

    let written = without_allocation(|buffer| {
        let mut event = EventWriter::new(buffer).event_type("t").unwrap().id("1").unwrap();
        write!(event, "{{\"x\":{}}}\r\n", 7).unwrap();
        #[cfg(feature = "std")]
        std::io::Write::write_all(&mut event, "é\n".as_bytes()).unwrap();
        #[cfg(not(feature = "std"))]
        event.write_str("é\n").unwrap();
        event.data("b").retry(Duration::from_millis(5)).unwrap().finish();
    });
    let expected = "event: t\nid: 1\ndata: {\"x\":7}\ndata: é\ndata: b\nretry: 5\n\n";
    assert_eq!(written, expected);
    // A writer that fails, and one that is dropped, leave nothing.
    let written = without_allocation(|buffer| {
        assert!(EventWriter::new(buffer).data("a").id("\n").is_err());
        assert!(EventWriter::new(buffer).data("a").id("\0").is_err());
        drop(EventWriter::new(buffer).data("a"));
    });
    assert_eq!(written, "");
}

#[test]
#[cfg(all(feature = "json", feature = "std"))]
fn writing_json_into_a_buffer_with_room_allocates_nothing() {
    use serde_json::json;
    use sse_wire::EventWriter;

    let value = json!({"text": "two\nlines \"é\"", "numbers": [1, -2.5, null]});
    let written = without_allocation(|buffer| {
        EventWriter::new(buffer).id("1").unwrap().json(&value).unwrap().finish();
    });
    let event = Event::builder().id("1").data(value.to_string()).build().unwrap();
    assert_eq!(written, &event.to_bytes()[..]);
}
