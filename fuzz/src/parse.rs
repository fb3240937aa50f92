//! Target `parse`: whatever the bytes, `Parser` does not panic, and however they
//! are cut, with whatever limit and policies, the result is the same.

use sse_wire::Parser;

use crate::{
    common::{Recorded, Tier},
    input::Input,
};

/// Panics unless a stream, cut in several ways, has one outcome.
pub fn parse(input: &[u8]) {
    let input = Input::new(input);
    let whole = Tier::Parser.run(input.parser(), &[input.stream]);
    let chunks = input.chunks();
    assert_eq!(Tier::Parser.run(input.parser(), &chunks), whole, "in {chunks:X?}");
    let bytes: Vec<&[u8]> = input.stream.chunks(1).collect();
    assert_eq!(Tier::Parser.run(input.parser(), &bytes), whole, "byte by byte");
    let events = whole.events_and_errors().items;
    assert_eq!(dropping_feeds(input.parser(), &chunks), events, "dropping feeds");
}

/// Takes one event of each feed, and feeds what remains anew.
fn dropping_feeds(mut parser: Parser, chunks: &[&[u8]]) -> Vec<Recorded> {
    let mut events = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let mut feed = parser.feed(rest);
            let Some(event) = feed.next_event().transpose() else { break };
            events.push(event.into());
            rest = feed.remaining();
        }
    }
    events.extend(parser.finish().transpose().map(Recorded::from));
    events
}
