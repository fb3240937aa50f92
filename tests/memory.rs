//! Memory, counted by an allocator: none for lent events, no more than the
//! limit allows for hostile streams, and what is no longer needed is freed.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use bytes::{Bytes, BytesMut};
#[cfg(feature = "std")]
use sse_wire::EventReader;
use sse_wire::{Decoder, EofPolicy, Event, EventWriter, ParseError, Parser};

struct Counting;

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { calls: 0, live: 0, peak: 0 }) };
}

/// What this thread has allocated.
#[derive(Clone, Copy, Debug)]
struct Count {
    calls: usize,
    live: isize,
    peak: isize,
}

impl Count {
    fn add(self, calls: usize, bytes: isize) -> Self {
        let live = self.live + bytes;
        Self { calls: self.calls + calls, live, peak: self.peak.max(live) }
    }
}

fn count(calls: usize, bytes: isize) {
    COUNT.set(COUNT.get().add(calls, bytes));
}

#[allow(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new are alive while one is copied to the other.
        count(1, size as isize);
        count(0, -(layout.size() as isize));
        // SAFETY: as the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work` and returns how often it has allocated, how many bytes were
/// alive at the most, and how many still are.
fn counted(work: impl FnOnce()) -> (usize, isize, isize) {
    let before = COUNT.get();
    COUNT.set(Count { peak: before.live, ..before });
    work();
    let after = COUNT.get();
    (after.calls - before.calls, after.peak - before.live, after.live - before.live)
}

fn read_all(parser: &mut Parser, chunk: &[u8]) -> (usize, Vec<ParseError>) {
    let (mut events, mut errors) = (0, Vec::new());
    let mut feed = parser.feed(chunk);
    loop {
        match feed.next_event() {
            Ok(Some(event)) => {
                std::hint::black_box(event.data());
                events += 1;
            }
            Ok(None) => return (events, errors),
            Err(error) => errors.push(error),
        }
    }
}

#[test]
fn a_chunk_of_two_mib_of_empty_events_costs_no_memory() {
    let chunk = b"data\n\n".repeat((2 << 20) / 6);
    let mut parser = Parser::new();
    let mut events = 0;
    let (calls, ..) = counted(|| events = read_all(&mut parser, &chunk).0);
    assert_eq!((calls, events), (0, (2 << 20) / 6));
}

#[test]
fn lent_events_allocate_nothing_once_the_buffers_are_warm() {
    let stream = "event: delta\nid: 123\ndata: {\"text\":\"né\"}\n\n: keep-alive\n\n\
                  data: one\ndata: two\n\nretry: 5\n\n"
        .repeat(1000);
    // Buffers of cut values change places, so they are warm after a few rounds.
    for size in [1, 7, 64, 1460, 16384, stream.len()] {
        let mut parser = Parser::new();
        let mut read =
            || stream.as_bytes().chunks(size).map(|chunk| read_all(&mut parser, chunk).0).sum();
        for _ in 0..4 {
            let events: usize = read();
            assert_eq!(events, 2000);
        }
        let (calls, ..) = counted(|| assert_eq!(read(), 2000));
        assert_eq!(calls, 0, "chunks of {size}");
    }
}

/// Feeds a healthy event, then `head`, then `filling` for ever, and then ends
/// that block and feeds an event that must be delivered.
fn attack(limit: usize, head: &[u8], filling: &[u8], expected_errors: usize) {
    let mut parser = Parser::builder().max_event_size(limit).build();
    read_all(&mut parser, b"data: 1\n\n");
    let chunk = filling.repeat(4096 / filling.len());
    let mut errors = Vec::new();
    let (_, peak, left) = counted(|| {
        errors.extend(read_all(&mut parser, head).1);
        for _ in 0..(16 * limit / chunk.len()) {
            errors.extend(read_all(&mut parser, &chunk).1);
        }
        let (events, more) = read_all(&mut parser, b"\n\ndata: healthy\n\n");
        errors.extend(more);
        assert!(events >= 1);
        read_all(&mut parser, b"");
    });
    let context = String::from_utf8_lossy(head).into_owned() + &String::from_utf8_lossy(filling);
    assert_eq!(errors.len(), expected_errors, "{context:?}: {errors:?}");
    let ceiling = (3 * limit + chunk.len()) as isize;
    assert!(peak <= ceiling, "{context:?}: {peak} of {ceiling} bytes");
    assert!(left <= 8 * 1024, "{context:?}: {left} bytes left");
}

#[test]
fn an_endless_line_holds_no_more_than_the_limit_allows() {
    let limit = 1 << 18;
    for head in ["data:", "event:", "id:", ":", "data: a\ndata: b\nid: "] {
        attack(limit, head.as_bytes(), b"a", 1);
        attack(limit, head.as_bytes(), b"\xFF", 1);
    }
    for head in ["unknown:", "retry:", "data"] {
        attack(limit, head.as_bytes(), b"1", 0);
    }
}

#[test]
fn an_endless_block_holds_no_more_than_the_limit_allows() {
    let limit = 1 << 18;
    attack(limit, b"", b"data\n", 1);
    attack(limit, b"", b"data: a\r\n", 1);
    for filling in [&b":\n"[..], b"id:1\n", b"event: x\n", b"retry: 1\n", b"x\n"] {
        attack(limit, b"", filling, 0);
    }
}

#[test]
fn type_and_id_and_data_and_a_comment_together_stay_within_three_times_the_limit() {
    let limit = 1 << 20;
    let long = "a".repeat(limit);
    for (event_type, id, data) in
        [(1, 1, 0), (2, 2, 2), (4, 4, 2), (1, 2, 4), (100, 100, 1), (1, 1, 1), (2, 1, 1)]
    {
        let part = |part| &long[..limit.checked_div(part).unwrap_or(0)];
        let stream =
            format!("event: {}\nid: {}\ndata: {}\n:{long}", part(event_type), part(id), part(data));
        let mut parser = Parser::builder().max_event_size(limit).build();
        let (_, peak, _) = counted(|| {
            for chunk in stream.as_bytes().chunks(1000) {
                read_all(&mut parser, chunk);
            }
        });
        // While a buffer grows, it stands there twice.
        let ceiling = 3 * limit + limit / 2 + 10_000;
        assert!(peak <= ceiling as isize, "{event_type} {id} {data}: {peak}");
    }
}

#[test]
fn a_large_event_leaves_no_capacity_behind() {
    let large = format!("data: {}\n\n", "a".repeat(400 * 1024));
    let mut parser = Parser::new();
    let (_, _, left) = counted(|| {
        for chunk in large.as_bytes().chunks(1460) {
            read_all(&mut parser, chunk);
        }
    });
    assert!(left <= 8 * 1024, "{left} bytes left");
}

#[test]
fn the_end_of_the_stream_gives_back_an_unfinished_block() {
    let parsers = [EofPolicy::Discard, EofPolicy::Error]
        .map(|policy| Parser::builder().eof_policy(policy).build());
    for mut parser in parsers {
        let (_, peak, left) = counted(|| {
            for _ in 0..100 {
                read_all(&mut parser, &[b"data: ", "a".repeat(4096).as_bytes()].concat());
            }
            let _ = parser.finish();
        });
        assert!(peak > 400_000 && left <= 8 * 1024, "{left} of {peak} bytes left");
    }
}

#[test]
fn an_owned_event_after_a_large_one_is_small() {
    let large = format!("data: {}\n\nda", "a".repeat(400 * 1024));
    let mut event = None;
    let (_, _, left) = counted(|| {
        let mut decoder = Decoder::new();
        for chunk in large.as_bytes().chunks(1460) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while decoder.next_event().unwrap().is_some() {}
        }
        decoder.push(Bytes::from_static(b"ta: b\n\n"));
        event = decoder.next_event().unwrap();
    });
    assert_eq!(event.unwrap().data(), "b");
    assert!(left <= 8 * 1024, "{left} bytes for one event");
}

#[test]
fn buffers_keep_no_more_than_they_say_whatever_the_limit() {
    for limit in [3_000, 16_000, 16 << 20] {
        for length in [900, 2_900, 15_900] {
            let text = "a".repeat(length.min(limit));
            let mut parser = Parser::builder().max_event_size(limit).build();
            let (_, _, left) = counted(|| {
                for field in ["data: ", "event: ", "id: ", ":"] {
                    // Cut, and whole with a second line after it.
                    for chunk in format!("{field}{text}\n\n").as_bytes().chunks(700) {
                        read_all(&mut parser, chunk);
                    }
                    read_all(&mut parser, format!("{field}{text}\n{field}\n\n").as_bytes());
                }
                read_all(&mut parser, b"id\n\n");
            });
            assert!(left <= 8 * 1024, "{left} bytes left of {length} with limit {limit}");
        }
    }
}

#[test]
fn a_long_last_event_id_is_given_back_when_it_is_replaced() {
    let limit = 1 << 20;
    let mut parser = Parser::builder().max_event_size(limit).build();
    let streams =
        [limit / 2 + 1, limit - 1, limit, 1].map(|length| format!("id:{}\n\n", "1".repeat(length)));
    let (_, peak, left) = counted(|| {
        for stream in &streams {
            for chunk in stream.as_bytes().chunks(1000) {
                read_all(&mut parser, chunk);
            }
            read_all(&mut parser, b"");
        }
    });
    assert!(left <= 8 * 1024, "{left} bytes left");
    assert!(peak <= (3 * limit + 10_000) as isize, "{peak}");
}

#[test]
fn a_long_line_is_assembled_with_few_copies() {
    let line = format!("data: {}\n\n", "a".repeat(2 << 20));
    let mut parser = Parser::new();
    let (calls, ..) = counted(|| {
        for chunk in line.as_bytes().chunks(256) {
            read_all(&mut parser, chunk);
        }
    });
    assert!(calls <= 20, "{calls} allocations");
}

#[cfg(feature = "std")]
#[test]
fn an_inherited_last_event_id_is_shared_and_not_copied_for_each_event() {
    let stream = format!("id: {}\ndata\n\n", "1".repeat(64 * 1024)) + &"data\n\n".repeat(1000);
    let (_, peak, _) = counted(|| {
        let events: Vec<_> = EventReader::new(stream.as_bytes()).map(Result::unwrap).collect();
        assert!(events.iter().all(|event| event.last_event_id().len() == 64 * 1024));
        assert_eq!(events.len(), 1001);
    });
    assert!(peak < 1 << 20, "{peak}");
}

#[test]
fn chunks_pushed_in_advance_are_neither_copied_nor_read_twice() {
    let chunk = Bytes::from("data: a\n\n".repeat(100));
    let mut decoder = Decoder::new();
    let mut kept = Vec::with_capacity(10_000);
    let (_, peak, _) = counted(|| {
        for _ in 0..100 {
            decoder.push(chunk.clone());
        }
        while let Some(event) = decoder.next_event().unwrap() {
            kept.push(event);
        }
    });
    assert_eq!(kept.len(), 10_000);
    assert!(peak < 64 * 1024, "{peak}");
}

#[test]
fn detached_events_do_not_keep_their_chunks() {
    let chunk = format!("data: keep\n\ndata: {}\n\n", "a".repeat(32 * 1024));
    let keep = |detach: bool| {
        let mut kept = Vec::with_capacity(1000);
        let (_, _, left) = counted(|| {
            let mut decoder = Decoder::new();
            for _ in 0..1000 {
                decoder.push(Bytes::copy_from_slice(chunk.as_bytes()));
                let event = decoder.next_event().unwrap().unwrap();
                kept.push(if detach { event.detach() } else { event });
                decoder.next_event().unwrap();
            }
        });
        assert!(kept.iter().all(|event| event.data() == "keep"));
        left
    };
    assert!(keep(false) > 32 * 1024 * 1000, "an event shares its chunk");
    assert!(keep(true) < 256 * 1000, "a detached one does not");
}

#[test]
fn a_decoder_allocates_once_a_chunk_and_once_an_event_that_is_no_slice() {
    let chunks: Vec<Bytes> = (0..100)
        .map(|chunk| format!("id: {chunk}\ndata: x\n\ndata: y\n\n").repeat(50).into())
        .collect();
    let mut decoder = Decoder::new();
    let decode = |decoder: &mut Decoder, chunk: Bytes| {
        let mut events = 0;
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().unwrap() {
            assert!(!event.last_event_id().is_empty());
            events += 1;
        }
        events
    };
    let (calls, ..) = counted(|| {
        for chunk in chunks {
            assert_eq!(decode(&mut decoder, chunk), 100);
        }
    });
    // The one beyond is for the parser's own last event ID.
    assert_eq!(calls, 100 + 1);

    let lines = Bytes::from("data: a\ndata: b\n\n".repeat(50));
    decode(&mut decoder, lines.clone());
    let (calls, ..) = counted(|| assert_eq!(decode(&mut decoder, lines.clone()), 50));
    assert_eq!(calls, 50);

    // Those that are kept share their room, 4 KiB at a time.
    let lines = Bytes::from("data: a\ndata: b\n\n".repeat(10_000));
    decode(&mut decoder, lines.clone());
    decoder.push(lines.clone());
    let mut kept = Vec::with_capacity(10_000);
    let (calls, ..) = counted(|| {
        kept.extend(std::iter::from_fn(|| decoder.next_event().unwrap()));
    });
    assert!((10_000..10_100).contains(&calls), "{calls}");
}

#[test]
fn encoding_into_a_buffer_with_room_allocates_nothing() {
    let event = Event::builder().event_type("t").id("1").data("a\nb").build().unwrap();
    let mut buffer = BytesMut::with_capacity(4096);
    let (calls, ..) = counted(|| {
        event.encode(&mut buffer);
        EventWriter::new(&mut buffer).id("2").unwrap().data("c\r\nd").finish();
        sse_wire::encode::comment("e", &mut buffer);
    });
    assert_eq!(calls, 0);
    assert_eq!(buffer, "event: t\nid: 1\ndata: a\ndata: b\n\nid: 2\ndata: c\ndata: d\n\n: e\n\n");
}
