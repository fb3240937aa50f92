//! The examples of WHATWG HTML §9.2, as they appear there, and the rules that
//! they do not show. `docs/conformance.md` has all rules, and what holds them.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use std::{
    convert::Infallible,
    io::{self, Read},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use common::{ChunkReader, Tier};
use futures::{FutureExt, StreamExt, stream};
use sse_wire::{Decoder, Event, EventReader, EventStreamExt, EventWriter, Parser, encode};

/// The events of a stream, through every tier, as `(type, data, last event ID)`.
fn assert_events(stream: &str, expected: &[(&str, &str, &str)]) {
    for tier in Tier::ALL {
        let record = tier.run(Parser::new(), &[stream.as_bytes()]);
        assert_eq!(record.events(), expected, "{tier:?}");
    }
}

#[test]
fn messages_of_one_and_of_two_lines() {
    assert_events(
        "data: This is the first message.\n\n\
         data: This is the second message, it\ndata: has two lines.\n\n\
         data: This is the third message.\n\n",
        &[
            ("message", "This is the first message.", ""),
            ("message", "This is the second message, it\nhas two lines.", ""),
            ("message", "This is the third message.", ""),
        ],
    );
}

#[test]
fn event_types() {
    assert_events(
        "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        &[("add", "73857293", ""), ("remove", "2153", ""), ("add", "113411", "")],
    );
}

#[test]
fn a_stock_ticker() {
    assert_events("data: YHOO\ndata: +2\ndata: 10\n\n", &[("message", "YHOO\n+2\n10", "")]);
}

#[test]
fn four_blocks_with_a_comment_an_id_and_its_reset() {
    // The last block is not followed by a blank line, and so is discarded.
    let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n\
                  data:  third event";
    let events = [("message", "first event", "1"), ("message", "second event", "")];
    assert_events(stream, &events);
    let third = ("message", " third event", "");
    assert_events(&format!("{stream}\n\n"), &[events[0], events[1], third]);
}

#[test]
fn two_empty_blocks_of_data_and_one_that_is_cut() {
    assert_events("data\n\ndata\ndata\n\ndata:", &[("message", "", ""), ("message", "\n", "")]);
}

#[test]
fn the_space_after_the_colon_is_optional() {
    assert_events("data:test\n\ndata: test\n\n", &[("message", "test", ""); 2]);
}

// Rules without an example.

#[test]
fn lines_end_in_three_ways_in_one_stream() {
    let events = [("message", "a\nb\nc", ""), ("message", "d", ""), ("message", "e", "")];
    assert_events("data: a\rdata: b\ndata: c\r\n\r\ndata: d\n\rdata: e\r\r\n", &events);
    let no_line_ends = "data: a\u{B}b\u{C}c\u{85}d\u{2028}e\u{2029}f\u{0}g\n\n";
    let data = "a\u{B}b\u{C}c\u{85}d\u{2028}e\u{2029}f\u{0}g";
    assert_events(no_line_ends, &[("message", data, "")]);
}

#[test]
fn the_name_ends_at_the_first_colon() {
    assert_events(
        "data:a:b: c\n\ndata:: d\n\n",
        &[("message", "a:b: c", ""), ("message", ": d", "")],
    );
}

#[test]
fn names_that_are_not_to_the_letter_are_ignored() {
    for name in
        ["Data", "DATA", "data ", " data", "\tdata", "dat", "data\0", "\u{FEFF}data", "ｄata"]
    {
        let stream = format!("event: x\n{name}: a\n{name}\ndata: b\n\n");
        assert_events(&stream, &[("x", "b", "")]);
    }
    for line in ["Id: 1", "ID: 1", "id : 1", "Event: y", "eventx: y", "Retry: 1", "retry : 1"] {
        let stream = format!("{line}\ndata: a\n\n");
        assert_events(&stream, &[("message", "a", "")]);
        assert_eq!(Tier::Parser.run(Parser::new(), &[stream.as_bytes()]).retry, None);
    }
}

#[test]
fn a_later_type_or_id_of_a_block_replaces_an_earlier_one() {
    assert_events("event: a\nid: 1\ndata: x\nevent: b\nid: 2\n\n", &[("b", "x", "2")]);
}

#[test]
fn a_type_without_data_is_gone_with_its_block() {
    assert_events("event: x\n\ndata: a\n\n", &[("message", "a", "")]);
}

#[test]
fn a_type_or_data_is_gone_with_its_event() {
    assert_events("event: x\ndata: a\n\ndata: b\n\n", &[("x", "a", ""), ("message", "b", "")]);
}

#[test]
fn only_the_last_lf_of_the_data_is_removed() {
    assert_events("data: a\ndata\ndata:\n\n", &[("message", "a\n\n", "")]);
}

#[test]
fn nul_is_text_except_in_an_id() {
    assert_events("event: a\0\ndata: \0\nid: \0\n\n", &[("a\0", "\0", "")]);
}

#[test]
fn an_event_is_delivered_with_the_byte_that_completes_it() {
    for end in ["\n\n", "\r\r", "\r\n\r", "\n\r"] {
        let stream = format!("data: a{end}");
        let (before, last) = stream.as_bytes().split_at(stream.len() - 1);

        let mut parser = Parser::new();
        assert_eq!(parser.feed(before).next_event(), Ok(None), "{end:?}");
        assert!(parser.feed(last).next_event().unwrap().is_some(), "{end:?}");

        let mut decoder = Decoder::new();
        decoder.push(Bytes::copy_from_slice(before));
        assert_eq!(decoder.next_event(), Ok(None), "{end:?}");
        decoder.push(Bytes::copy_from_slice(last));
        assert!(decoder.next_event().unwrap().is_some(), "{end:?}");

        let chunks = [before, last].map(|chunk| Ok::<_, Infallible>(chunk.to_vec()));
        let mut events = stream::iter(chunks).chain(stream::pending()).events();
        assert!(events.next().now_or_never().is_some(), "{end:?}");

        let mut reader = EventReader::new(ChunkReader::new(&[before, last]).chain(NotRead));
        assert!(reader.next_event().unwrap().is_some(), "{end:?}");
    }
}

/// What comes after the last byte that has arrived.
struct NotRead;

impl Read for NotRead {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("a read that would block")
    }
}

#[test]
fn what_is_written_is_in_the_grammar() {
    let texts =
        ["", " ", ":", "\n", "\r", "\r\n", "a\n\nb", "\u{FEFF}", "\0", "data: x\nid: 1\n\n"];
    for text in texts {
        let mut stream = BytesMut::new();
        encode::comment(text, &mut stream);
        Event::new(text).encode(&mut stream);
        let event = EventWriter::new(&mut stream).id("1").unwrap().event_type(": x").unwrap();
        event.data(text).retry(Duration::ZERO).unwrap().data(text).finish();
        encode::last_event_id("", &mut stream).unwrap();
        encode::retry(Duration::ZERO, &mut stream).unwrap();
        assert_is_in_grammar(std::str::from_utf8(&stream).unwrap());
    }
}

/// > stream = \[ bom ] *event
/// > event = *( comment / field ) end-of-line
///
/// Every line is terminated, and the last one is blank. What is not a comment is
/// a field that the standard knows.
fn assert_is_in_grammar(stream: &str) {
    let lines = stream.strip_suffix('\n').expect("the last line is terminated");
    assert!(lines.ends_with('\n'), "the last line is blank: {stream:?}");
    for line in lines.split(['\r', '\n']) {
        let name = line.split(':').next().unwrap();
        assert!(["", "data", "event", "id", "retry"].contains(&name), "{stream:?}");
    }
}
