//! What the parser promises beyond the standard: items, limits, policies,
//! errors, and feeds that are dropped. Each runs through every tier where
//! possible. Sizes about the limit are in `attacks.rs`.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use common::{Record, Recorded, Tier};
use sse_wire::{
    Decoder, EofPolicy, Event, EventBuilder, EventReader, Item, ItemRef, ParseError, Parser,
    ParserBuilder, Utf8Policy,
};

/// Runs a stream through every tier, whole, byte by byte and at every cut in
/// two; all must agree.
fn run(builder: &ParserBuilder, stream: &[u8]) -> Record {
    let whole = Tier::Parser.run(builder.build(), &[stream]);
    for tier in Tier::ALL {
        assert_eq!(tier.run(builder.build(), &[stream]), whole, "{tier:?}");
        let bytes: Vec<_> = stream.chunks(1).collect();
        assert_eq!(tier.run(builder.build(), &bytes), whole, "{tier:?}, byte by byte");
        for cut in 0..=stream.len() {
            let (head, rest) = stream.split_at(cut);
            let record = tier.run(builder.build(), &[head, rest]);
            assert_eq!(record, whole, "{tier:?}, cut at {cut}");
        }
    }
    whole
}

fn event(data: &str) -> Recorded {
    Recorded::Event {
        event_type: "message".into(),
        data: data.into(),
        id: None,
        last_event_id: String::new(),
        retry: None,
    }
}

fn too_large(limit: usize, offset: u64) -> Recorded {
    Recorded::TooLarge { limit, offset }
}

#[test]
fn what_a_block_with_data_sets_comes_with_its_event() {
    let record = run(&Parser::builder(), b"retry: 5\nid: 7\ndata: a\n\ndata: b\n\n");
    let Recorded::Event { id, retry, .. } = &record.items[0] else { panic!() };
    assert_eq!((id.as_deref(), *retry), (Some("7"), Some(Duration::from_millis(5))));
    let Recorded::Event { id, last_event_id, retry, .. } = &record.items[1] else { panic!() };
    assert_eq!((id.as_deref(), last_event_id.as_str(), *retry), (None, "7", None));
    assert_eq!(record.items.len(), 2);
}

#[test]
fn what_a_block_without_data_sets_comes_as_items_id_first() {
    let record = run(&Parser::builder(), b": hi\nretry: 5\nevent: x\nid: 7\n\nid\n\nretry:1\n\n\n");
    assert_eq!(
        record.items,
        [
            Recorded::Comment("hi".into()),
            Recorded::LastEventId("7".into()),
            Recorded::Retry(Duration::from_millis(5)),
            Recorded::LastEventId(String::new()),
            Recorded::Retry(Duration::from_millis(1)),
        ]
    );
}

#[test]
fn a_comment_comes_at_its_own_line_and_leaves_its_block_alone() {
    let record = run(&Parser::builder(), b"data: a\n:  one\nid: 1\n:\ndata: b\n\n");
    assert_eq!(record.comments(), [" one", ""]);
    assert_eq!(record.events(), [("message", "a\nb", "1")]);
    assert!(matches!(record.items[2], Recorded::Event { .. }));
}

#[test]
fn the_reconnection_time_changes_at_its_line_and_the_id_at_the_blank_line() {
    let mut parser = Parser::new();
    let mut feed = parser.feed(b"retry: 5\nid: 7\ndata: a\n");
    assert_eq!(feed.next_item(), Ok(None));
    assert_eq!(feed.reconnection_time(), Some(Duration::from_millis(5)));
    assert_eq!(feed.last_event_id(), "");
    let mut feed = parser.feed(b"\n");
    assert!(feed.next_item().unwrap().is_some());
    assert_eq!(feed.last_event_id(), "7");
}

#[test]
fn the_last_valid_retry_of_a_block_counts() {
    let record = run(&Parser::builder(), b"retry: 5\nretry: 6\nretry: x\ndata: a\n\n");
    assert_eq!(record.retry, Some(Duration::from_millis(6)));
}

#[test]
fn a_dropped_block_leaves_the_reconnection_time_as_it_was() {
    let builder = Parser::builder().max_event_size(2);
    let record = run(&builder, b"retry: 1\n\nretry: 2\nretry: 3\ndata: abc\nretry: 4\n\n");
    assert_eq!(record.retry, Some(Duration::from_millis(1)));
}

#[test]
fn errors_say_how_much_how_far_and_what_to_do() {
    let mut parser = Parser::builder().max_event_size(4).build();
    let error = parser.feed(b"data: 123456\n\n").next_event().unwrap_err();
    assert_eq!(error, ParseError::EventTooLarge { size: 6, limit: 4, offset: 0 });
    let text = error.to_string();
    for part in ["6 bytes", "limit of 4 bytes", "byte 0", "ParserBuilder::max_event_size"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn rejected_bytes_drop_their_block_once_wherever_they_stand() {
    let builder = Parser::builder().utf8_policy(Utf8Policy::Reject);
    for line in [
        &b"data: \xFF\xFF"[..],
        b"event: \xE2\x82",
        b"id: \xC0\x80",
        b"retry: 1\xFF",
        b": \xED\xA0\x80",
        b"unknown\xFF",
        b"\xFF",
        b"dat\xFF: a",
    ] {
        let stream =
            [b"data: a\n\nid: 1\nretry: 3\n", line, b"\ndata: \xFF\n\ndata: c\n\n"].concat();
        let record = run(&builder, &stream);
        let error = Recorded::Error(ParseError::InvalidUtf8 { offset: 9 });
        assert_eq!(record.items, [event("a"), error, event("c")], "{line:X?}");
        assert_eq!((record.last_event_id.as_str(), record.retry), ("", None));
    }
}

#[test]
fn the_first_of_two_faults_of_a_line_is_the_one_reported() {
    let builder = Parser::builder().utf8_policy(Utf8Policy::Reject).max_event_size(4);
    let invalid = Recorded::Error(ParseError::InvalidUtf8 { offset: 0 });
    assert_eq!(run(&builder, b"data: 12\xFF345\n\n").items, [invalid]);
    assert_eq!(run(&builder, b"data: 12345\xFF\n\n").items, [too_large(4, 0)]);
    let id = run(&Parser::builder().max_event_size(4), b"id: 1234\x005\ndata: a\n\n");
    assert_eq!(id.items, [event("a")]);
}

#[test]
fn invalid_bytes_are_replaced_as_the_encoding_standard_does_it() {
    for bytes in [
        &b"\xE2\x82A"[..],
        b"\xF0\x9F\x98",
        b"\xED\xA0\x80",
        b"\xC0\x80\xC1\xBF",
        b"\xF8\x88\x80\x80\x80",
        b"\xF4\x90\x80\x80",
        b"\xE2\xE2\x82\xAC\x80",
        b"\xEF\xBB",
    ] {
        let stream = [b"data: ", bytes, b"\n\n"].concat();
        let record = run(&Parser::builder(), &stream);
        assert_eq!(record.items, [event(&String::from_utf8_lossy(bytes))], "{bytes:X?}");
    }
}

#[test]
fn a_byte_that_is_not_utf8_is_found_wherever_in_its_chunk_it_stands() {
    // A chunk is searched and validated by parts, most of which are ASCII here.
    for length in (0..200).chain(740..780).chain(1510..1550) {
        let head = "a".repeat(length);
        for rest in [0, 1, 70, 1100].map(|rest| "a".repeat(rest)) {
            let invalid = format!("data: {head}\n\ndata: {head}?{rest}\n\ndata: {rest}\n\n");
            let stream: Vec<_> =
                invalid.bytes().map(|byte| if byte == b'?' { 0xFF } else { byte }).collect();
            let expected = [&head, &format!("{head}\u{FFFD}{rest}"), &rest].map(|data| event(data));
            for tier in [Tier::Parser, Tier::Decoder] {
                let record = tier.run(Parser::new(), &[&stream]);
                assert_eq!(record.items, expected, "{tier:?}, {length} and {}", rest.len());
            }
        }
        let lines = "data\n\n".repeat(length % 200);
        let stream = [lines.as_bytes(), b"data: \xFF\n\n", lines.as_bytes()].concat();
        let record = Tier::Parser.run(Parser::new(), &[&stream]);
        assert_eq!(record.items[length % 200], event("\u{FFFD}"));
        assert_eq!(record.items.len(), 2 * (length % 200) + 1);
    }
}

#[test]
fn an_item_that_waits_is_passed_over_by_who_takes_events() {
    let stream = b"id: 1\nretry: 5\n\ndata: a\nretry: 7\n\ndata: b\n\n";
    let is_b = |item: ItemRef<'_>| matches!(item, ItemRef::Event(event) if event.data() == "b");

    let mut parser = Parser::new();
    let mut feed = parser.feed(stream);
    assert_eq!(feed.next_item(), Ok(Some(ItemRef::LastEventId("1"))));
    assert_eq!(feed.next_event().unwrap().unwrap().data(), "a");
    assert!(is_b(feed.next_item().unwrap().unwrap()));

    let mut decoder = Decoder::new();
    decoder.push(stream.as_slice().into());
    assert_eq!(decoder.next_item(), Ok(Some(Item::LastEventId("1".into()))));
    assert_eq!(decoder.next_event().unwrap().unwrap().data(), "a");
    assert!(is_b(decoder.next_item().unwrap().unwrap().as_item_ref()));

    let mut reader = EventReader::new(&stream[..]);
    assert_eq!(reader.next_item().unwrap(), Some(ItemRef::LastEventId("1")));
    assert_eq!(reader.next_event().unwrap().unwrap().data(), "a");
    assert!(is_b(reader.next_item().unwrap().unwrap()));
}

#[test]
fn a_character_counts_against_the_limit_when_it_is_complete() {
    let builder = Parser::builder().max_event_size(4);
    for field in ["data: ", "event: ", "id: ", ": "] {
        for value in [&b"abcd\xE2\x82"[..], b"\xFF\xE2\x82", b"\xFFa\xF0\x9F\x98", b"\xFFa\xC3"] {
            let line = [field.as_bytes(), value].concat();
            assert_eq!(run(&builder, &line).items, [], "{field}{value:X?}");
            // By its last byte, or by what cannot be part of it.
            for next in [&b"\x80\x80"[..], b"a", b"\xC3", b"\n"] {
                let record = run(&builder, &[&line, next].concat());
                assert_eq!(record.items, [too_large(4, 0)], "{field}{value:X?}{next:X?}");
            }
        }
    }
}

#[test]
fn by_default_a_cut_block_is_discarded() {
    let record = run(&Parser::builder(), b"data: a\n\nid: 1\ndata: b\n");
    assert_eq!((record.items.as_slice(), record.last_event_id.as_str()), (&[event("a")][..], ""));
}

#[test]
fn a_cut_block_can_be_dispatched_as_if_its_line_ends_were_there() {
    let builder = Parser::builder().eof_policy(EofPolicy::Dispatch);
    for end in ["", "\n", "\r", "\r\n"] {
        let record = run(&builder, format!("id: 1\nevent: x\ndata: a{end}").as_bytes());
        assert_eq!(record.events(), [("x", "a", "1")], "{end:?}");
    }
    assert_eq!(run(&builder, b"data").events(), [("message", "", "")]);
    assert_eq!(run(&builder, b"data: \xE2\x82").events(), [("message", "\u{FFFD}", "")]);
    // With the last event ID as it is then.
    let record = run(&builder, b"id: 1\n\ndata: a\n\nid: 2\n\ndata: b");
    assert_eq!(record.events(), [("message", "a", "1"), ("message", "b", "2")]);
    assert_eq!(run(&builder, b"id: 1").last_event_id, "1");
    assert_eq!(run(&builder, b"retry: 1").retry, Some(Duration::from_millis(1)));
    for nothing in [&b": comment"[..], b"", b"data: a\n\n: x\n", b"dat", b"\xEF\xBB"] {
        let record = run(&builder, nothing);
        assert_eq!(record.events(), run(&Parser::builder(), nothing).events(), "{nothing:?}");
    }
}

#[test]
fn a_cut_block_that_is_dispatched_keeps_to_limit_and_policy() {
    let builder = Parser::builder().eof_policy(EofPolicy::Dispatch).max_event_size(4);
    assert_eq!(run(&builder, b"id: 123\ndata: 45").items, [too_large(4, 0)]);
    let builder = builder.utf8_policy(Utf8Policy::Reject);
    let error = Recorded::Error(ParseError::InvalidUtf8 { offset: 0 });
    for stream in [&b"data: \xE2\x82"[..], b"x\xE2", b"\xEF", b"\xEF\xBB"] {
        assert_eq!(run(&builder, stream).items, std::slice::from_ref(&error), "{stream:X?}");
    }
}

#[test]
fn a_cut_block_can_be_an_error() {
    let builder = Parser::builder().eof_policy(EofPolicy::Error);
    let error = |offset| Recorded::Error(ParseError::UnexpectedEnd { offset });
    assert_eq!(run(&builder, b"data: a\n\ndata: b\n").items, [event("a"), error(9)]);
    assert_eq!(run(&builder, b"x").items, [error(0)]);
    assert_eq!(run(&builder, b"\xEF\xBB").items, [error(0)]);
    for complete in [&b""[..], b"data: a\n\n", b"data: a\r\n\r\n", b"id: 1\n", b"\xEF\xBB\xBF"] {
        assert_eq!(run(&builder, complete).errors(), 0, "{complete:?}");
    }
}

#[test]
fn pending_is_an_unfinished_line_or_a_block_with_data() {
    let pending = |stream: &[u8]| {
        let mut parser = Parser::new();
        let mut feed = parser.feed(stream);
        while feed.next_event().unwrap().is_some() {}
        parser.has_pending()
    };
    for stream in [&b"data: a\n"[..], b"data", b"x", b": c", b"\xEF\xBB", b"data: a\r"] {
        assert!(pending(stream), "{stream:?}");
    }
    for stream in [&b""[..], b"\n", b"data: a\n\n", b": c\n", b"id: 1\n", b"\xEF\xBB\xBF"] {
        assert!(!pending(stream), "{stream:?}");
    }
}

#[test]
fn after_finish_the_parser_is_ready_for_a_new_connection() {
    for policy in [EofPolicy::Discard, EofPolicy::Dispatch, EofPolicy::Error] {
        let mut parser = Parser::builder().eof_policy(policy).build();
        let mut feed = parser.feed(b"id: 1\nretry: 2\n\ndata: cut");
        assert_eq!(feed.next_event(), Ok(None));
        let dispatched = parser.finish().ok().flatten().is_some();
        assert_eq!(dispatched, policy == EofPolicy::Dispatch);
        assert!(!parser.has_pending());
        assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(2)));
        let mut feed = parser.feed(b"\xEF\xBB\xBFdata: new\n\n");
        let event = feed.next_event().unwrap().unwrap();
        assert_eq!((event.data(), event.last_event_id()), ("new", "1"));
    }
}

#[test]
fn reset_forgets_the_connection_and_keeps_id_and_reconnection_time() {
    for stream in [&b"id: 1\nretry: 2\n\n"[..], b"id: 1\nretry: 2\n\ndata: cut\r"] {
        let mut parser = Parser::new();
        let mut feed = parser.feed(stream);
        assert_eq!(feed.next_event(), Ok(None));
        parser.reset();
        assert_eq!(parser.last_event_id(), "1");
        assert_eq!(parser.reconnection_time(), Some(Duration::from_millis(2)));
        // Neither the LF nor the data belongs to what came before. What follows
        // the LF is not at the start, where a BOM would be passed over.
        let mut feed = parser.feed(b"\n\xEF\xBB\xBFdata: unknown\ndata: new\n\n");
        assert_eq!(feed.next_event().unwrap().unwrap().data(), "new");
    }
}

#[test]
fn reset_forgets_where_in_the_stream_it_was() {
    let fault = b"\ndata: far too large\n\n";
    for stream in [&b"data: a\r"[..], b"data: a\n\n", b"\xEF\xBB\xBFdata: a", b"\xEF\xBB"] {
        let mut parser = Parser::builder().max_event_size(8).build();
        let mut feed = parser.feed(stream);
        while feed.next_event().unwrap().is_some() {}
        parser.reset();
        let error = parser.feed(fault).next_event().unwrap_err();
        assert_eq!(error.offset(), 1, "{stream:?}");
    }
}

#[test]
fn reset_forgets_an_item_that_was_not_taken() {
    let mut parser = Parser::new();
    let mut feed = parser.feed(b"id: 1\nretry: 2\n\n");
    assert_eq!(feed.next_item(), Ok(Some(ItemRef::LastEventId("1"))));
    parser.reset();
    assert_eq!(parser.feed(b":a\n").next_item(), Ok(Some(ItemRef::Comment("a"))));
}

#[test]
fn a_dropped_block_that_is_cut_is_pending() {
    for stream in [&b"data: 123456789\ndata: x"[..], b"data: 123456789\n", b"data: 123456789"] {
        let builder = Parser::builder().max_event_size(4).eof_policy(EofPolicy::Error);
        let record = run(&builder, stream);
        let end = Recorded::Error(ParseError::UnexpectedEnd { offset: 0 });
        assert_eq!(record.items, [too_large(4, 0), end], "{stream:?}");
    }
}

#[test]
fn offsets_point_at_the_block_however_its_lines_end() {
    let builder = Parser::builder().max_event_size(1);
    let record = run(&builder, b"\xEF\xBB\xBFdata: 12\r\n\r\ndata: 3\r\r\n\ndata: 45\r\n\r\n");
    assert_eq!(record.items, [too_large(1, 3), event("3"), too_large(1, 26)]);
}

#[test]
fn an_event_that_lies_whole_in_its_chunk_is_lent_from_there() {
    let chunk = b"event: type\ndata: whole\n\n".as_slice();
    let mut parser = Parser::new();
    let mut feed = parser.feed(chunk);
    let event = feed.next_event().unwrap().unwrap();
    for text in [event.data(), event.event_type()] {
        assert!(chunk.as_ptr_range().contains(&text.as_ptr()));
    }
}

#[test]
fn two_events_with_the_same_content_are_equal() {
    fn parse(stream: &[u8]) -> sse_wire::Event {
        let mut parser = Parser::new();
        let mut feed = parser.feed(stream);
        let mut last = None;
        while let Some(event) = feed.next_event().unwrap() {
            last = Some(event.to_event());
        }
        last.unwrap()
    }
    let event = parse(b"data: a\n\n");
    assert_eq!(event, parse(b"id: 1\n\nevent:message\ndata:a\n\n"));
    assert_ne!(event, parse(b"id: 1\ndata: a\n\n"));
    assert_ne!(event, parse(b"retry: 1\ndata: a\n\n"));
    assert_ne!(parse(b"retry: 2\ndata: a\n\n"), parse(b"retry: 1\ndata: a\n\n"));
    assert_ne!(event, parse(b"event: b\ndata: a\n\n"));
}

#[test]
fn what_an_event_is_shows_when_it_is_debugged() {
    let event = Event::builder().event_type("x").id("7").data("a").build().unwrap();
    let text = format!("{event:?}");
    for part in ["Event", r#"event_type: "x""#, r#"data: "a""#, r#"id: Some("7")"#] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn equal_events_have_equal_hashes_and_others_do_not() {
    fn hash(value: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }
    let mut parser = Parser::builder().last_event_id("7").build();
    let mut feed = parser.feed(b"data: a\n\n");
    let inherits = feed.next_event().unwrap().unwrap();
    let event = Event::new("a");
    assert_eq!(inherits.last_event_id(), "7");
    assert_eq!(hash(inherits), hash(event.as_event_ref()));
    assert_eq!(hash(inherits.to_event()), hash(&event));
    let build = |builder: EventBuilder| builder.build().unwrap();
    let others = [
        Event::new("b"),
        build(Event::builder().data("a").id("7")),
        build(Event::builder().data("a").event_type("x")),
        build(Event::builder().data("a").retry(Duration::from_millis(1))),
    ];
    for other in others {
        assert_ne!(hash(&event), hash(&other), "{other:?}");
        assert_ne!(hash(event.as_event_ref()), hash(other.as_event_ref()), "{other:?}");
    }
}

#[test]
fn the_end_does_not_give_out_once_more_what_was_given_out_last() {
    for policy in [EofPolicy::Discard, EofPolicy::Dispatch, EofPolicy::Error] {
        let mut parser = Parser::builder().eof_policy(policy).build();
        let mut feed = parser.feed(b"id: 1\ndata: a\n\ndata: unread\n\n");
        assert!(feed.next_event().unwrap().is_some());
        assert_eq!(parser.finish(), Ok(None), "{policy:?}");
        assert_eq!(parser.finish(), Ok(None), "{policy:?}");
    }
}
