//! One test for each failure found in a published parser or encoder of event
//! streams. `|` in a comment is a chunk boundary. Those about memory are in
//! `memory.rs`.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use std::time::Duration;

use common::{Record, Tier};
use sse_wire::{EncodeError, Event, Parser};

/// Runs chunks through every tier, which must agree.
fn run_from(last_event_id: &str, chunks: &[&[u8]]) -> Record {
    let run = |tier: Tier| tier.run(Parser::builder().last_event_id(last_event_id).build(), chunks);
    let record = run(Tier::Parser);
    for tier in Tier::ALL {
        assert_eq!(run(tier), record, "{tier:?}");
    }
    record
}

fn run(chunks: &[&[u8]]) -> Record {
    run_from("", chunks)
}

fn data(record: &Record) -> Vec<&str> {
    record.events().iter().map(|(_, data, _)| *data).collect()
}

#[test]
fn a_leading_bom_is_passed_over_however_it_is_cut() {
    // A panic, or a lost first event.
    assert_eq!(data(&run(&[b"\xEF\xBB\xBFdata: a\n\n"])), ["a"]);
    // EF | BB BF: nothing delivered.
    assert_eq!(data(&run(&[b"\xEF", b"\xBB\xBFdata: a\n\n"])), ["a"]);
    assert_eq!(data(&run(&[b"\xEF", b"\xBB", b"\xBF", b"data: a\n\n"])), ["a"]);
    assert_eq!(data(&run(&[b"\xEF\xBB\xBF", b"data: a\n\n"])), ["a"]);
}

#[test]
fn a_bom_anywhere_else_is_text() {
    assert_eq!(data(&run(&[b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\ndata: b\n\n"])), ["b"]);
    assert_eq!(data(&run(&[b"\n\xEF\xBB\xBFdata: a\n\ndata: \xEF\xBB\xBFb\n\n"])), ["\u{FEFF}b"]);
}

#[test]
fn an_event_that_ends_in_cr_is_delivered_without_another_byte() {
    let mut parser = Parser::new();
    let mut feed = parser.feed(b"data: a\r\r");
    assert_eq!(feed.next_event().unwrap().unwrap().data(), "a");
    let mut feed = parser.feed(b"\ndata: b\r");
    assert_eq!(feed.next_event().unwrap(), None);
    let mut feed = parser.feed(b"\r");
    assert_eq!(feed.next_event().unwrap().unwrap().data(), "b");
}

#[test]
fn cr_lf_cut_between_chunks_is_one_line_end() {
    // data: a CR | LF data: b: gave two events.
    assert_eq!(data(&run(&[b"data: a\r", b"\ndata: b\r\n\r\n"])), ["a\nb"]);
    assert_eq!(data(&run(&[b"data: a\r", b"", b"\n", b"\r", b"\ndata: b\n\n"])), ["a", "b"]);
    assert_eq!(data(&run(&[b"data: a\r", b"", b"\ndata: b\n\n"])), ["a\nb"]);
}

#[test]
fn an_invalid_byte_is_replaced_and_the_stream_goes_on() {
    assert_eq!(data(&run(&[b"data: a\xFFb\n\ndata: c\n\n"])), ["a\u{FFFD}b", "c"]);
}

#[test]
fn a_seeded_last_event_id_stays_for_events_without_an_id() {
    let record = run_from("7", &[b"data: a\n\ndata: b\n\n"]);
    assert_eq!(record.events(), [("message", "a", "7"), ("message", "b", "7")]);
    assert_eq!(record.last_event_id, "7");
}

#[test]
fn an_id_without_data_is_committed() {
    let record = run(&[b"data: a\nid: 1\n\nid: 2\n\ndata: b\n\n"]);
    assert_eq!(record.last_event_id, "2");
    assert_eq!(record.events(), [("message", "a", "1"), ("message", "b", "2")]);
}

#[test]
fn a_retry_without_data_is_not_lost() {
    assert_eq!(run(&[b"retry: 10\n\n"]).retry, Some(Duration::from_millis(10)));
}

#[test]
fn only_ascii_digits_are_a_reconnection_time() {
    for value in ["+5", "-1", "1e3", " 5", "5 ", "0x5", "5.0", "", "٥"] {
        // A first space would be the one that is not part of the value.
        assert_eq!(run(&[b"retry: ", value.as_bytes(), b"\n\n"]).retry, None, "{value:?}");
    }
    assert_eq!(run(&[b"retry: 007\n\n"]).retry, Some(Duration::from_millis(7)));
}

#[test]
fn a_large_reconnection_time_saturates_at_64_bits() {
    // Ignored by a parser that had 32 bits for it.
    let retry = |value: &str| run(&[b"retry: ", value.as_bytes(), b"\n\n"]).retry;
    assert_eq!(retry("4294967296"), Some(Duration::from_millis(1 << 32)));
    assert_eq!(retry("99999999999999999999"), Some(Duration::from_millis(u64::MAX)));
}

#[test]
fn an_empty_event_field_resets_the_type() {
    // The type stayed `x`.
    let record = run(&[b"event: x\nevent\ndata: a\n\n"]);
    assert_eq!(record.events(), [("message", "a", "")]);
}

#[test]
fn empty_data_is_dispatched() {
    assert_eq!(data(&run(&[b"data:\n\ndata\n\ndata\ndata\n\n"])), ["", "", "\n"]);
}

#[test]
fn an_id_with_nul_is_ignored() {
    let record = run(&[b"id: 1\nid: 2\0\ndata: a\n\n"]);
    assert_eq!(record.events(), [("message", "a", "1")]);
    let record = run(&[b"id: 1\nid: 2", b"\0", b"3\ndata: a\n\n"]);
    assert_eq!(record.events(), [("message", "a", "1")]);
}

#[test]
fn an_encoder_cannot_be_injected() {
    let build = |event_type: &str, id: &str| Event::builder().event_type(event_type).id(id).build();
    for end in ["\n", "\r", "\r\n"] {
        let value = format!("a{end}data: injected");
        let error = |field| Err(EncodeError::LineEnd { field, position: 1 });
        assert_eq!(build(&value, ""), error("event"));
        assert_eq!(build("", &value), error("id"));

        let bytes = Event::new(format!("a{end}{end}event: injected")).to_bytes();
        assert_eq!(&bytes[..], b"data: a\ndata: \ndata: event: injected\n\n");
    }
    assert_eq!(build("", "1\0"), Err(EncodeError::Nul { field: "id", position: 1 }));
}

#[test]
fn a_value_that_cannot_be_written_is_an_error_and_no_panic() {
    let retry = |time| Event::builder().retry(time).build();
    for time in [Duration::from_micros(1500), Duration::MAX] {
        assert_eq!(retry(time), Err(EncodeError::Retry { time }));
    }
}

#[test]
fn empty_data_is_written() {
    assert_eq!(&Event::new("").to_bytes()[..], b"data: \n\n");
}

#[test]
fn a_leading_space_of_data_survives() {
    let bytes = Event::new(" a\n  b").to_bytes();
    assert_eq!(data(&run(&[&bytes])), [" a\n  b"]);
}

#[test]
fn a_reconnection_time_is_written_in_milliseconds() {
    let event = Event::builder().retry(Duration::from_secs(3)).build().unwrap();
    assert_eq!(&event.to_bytes()[..], b"retry: 3000\ndata: \n\n");
}
