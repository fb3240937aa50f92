//! Target `parse`: whatever the bytes, `Parser` does not panic; however they
//! are cut, the result is the same; and it is the standard's.

use sse_wire::{EofPolicy, Parser};

use crate::{
    common::{Recorded, Tier, reference},
    events,
    input::Input,
    record,
};

/// Panics unless a stream, cut in several ways, has one outcome.
pub fn parse(input: &[u8]) {
    let input = Input::new(input);
    let whole = Tier::Parser.run(input.parser(), &[input.stream]);
    let chunks = input.chunks();
    assert_eq!(Tier::Parser.run(input.parser(), &chunks), whole, "in {chunks:X?}");
    let bytes: Vec<&[u8]> = input.stream.chunks(1).collect();
    assert_eq!(Tier::Parser.run(input.parser(), &bytes), whole, "byte by byte");
    let events = events(&whole.items);
    assert_eq!(dropping_feeds(input.parser(), &chunks), events, "dropping feeds");
    if input.accepts_everything() {
        let dispatch = input.eof_policy() == EofPolicy::Dispatch;
        let expected = reference::record(input.stream, input.last_event_id(), dispatch);
        assert_eq!(whole, expected, "the parser and the reference");
    }
}

/// Takes one event of each feed, and feeds what remains anew.
fn dropping_feeds(mut parser: Parser, chunks: &[&[u8]]) -> Vec<Recorded> {
    let mut events = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let mut feed = parser.feed(rest);
            let Some(event) = feed.next_event().transpose() else { break };
            events.push(record(event));
            rest = feed.remaining();
        }
    }
    events.extend(parser.finish().transpose().map(record));
    events
}
