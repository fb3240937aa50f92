//! The examples of WHATWG HTML §9.2, as they appear there.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use common::Tier;
use sse_wire::Parser;

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
