//! Target `tiers`: `Decoder`, `EventStream` and `EventReader` deliver what
//! `Parser` does, and a `Decoder` may be read late or taken apart.

use bytes::Bytes;
use sse_wire::{Decoder, Parser};

use crate::{
    common::{Recorded, Tier},
    events,
    input::Input,
};

/// Panics unless all tiers agree on a stream.
pub fn tiers(input: &[u8]) {
    let input = Input::new(input);
    let chunks = input.chunks();
    let expected = Tier::Parser.run(input.parser(), &chunks);
    for tier in Tier::ALL {
        assert_eq!(tier.run(input.parser(), &chunks), expected, "{tier:?} in {chunks:X?}");
    }
    let events = events(&expected.items);
    assert_eq!(read_late(input.parser(), &chunks), events, "read late");
    assert_eq!(taken_apart(input.parser(), &chunks), events, "taken apart");
}

/// Takes one event for each chunk pushed, and the others at the end.
fn read_late(parser: Parser, chunks: &[&[u8]]) -> Vec<Recorded> {
    let mut decoder = Decoder::with_parser(parser);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        events.extend(next(&mut decoder));
    }
    finish(decoder, events)
}

/// As [`read_late`], through another decoder for each chunk.
fn taken_apart(mut parser: Parser, chunks: &[&[u8]]) -> Vec<Recorded> {
    let mut unread = Bytes::new();
    let mut events = Vec::new();
    for chunk in chunks {
        let mut decoder = Decoder::with_parser(parser);
        decoder.push(unread);
        decoder.push(Bytes::copy_from_slice(chunk));
        events.extend(next(&mut decoder));
        (parser, unread) = decoder.into_parts();
    }
    let mut decoder = Decoder::with_parser(parser);
    decoder.push(unread);
    finish(decoder, events)
}

fn next(decoder: &mut Decoder) -> Option<Recorded> {
    decoder.next_event().transpose().map(Recorded::from)
}

/// Takes what is left, and ends the stream.
fn finish(mut decoder: Decoder, mut events: Vec<Recorded>) -> Vec<Recorded> {
    while let Some(event) = next(&mut decoder) {
        events.push(event);
    }
    events.extend(decoder.finish().transpose().map(Recorded::from));
    events
}
