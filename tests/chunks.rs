//! Properties of arbitrary input: however it is cut, through whichever tier,
//! with whatever limit and policies, the result is the same.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use common::{Tier, reference};
use proptest::prelude::*;
use sse_wire::{EofPolicy, Parser, ParserBuilder, Utf8Policy};

/// Bytes near to those of an event stream.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            &b"data: a\n"[..], b"data", b"data:", b"event: x\n", b"event", b"id: 1\n", b"id",
            b"retry: 5\n", b"retry", b": c\n", b":", b" ", b"\n", b"\r", b"\r\n", b"\n\n",
            b"\xEF\xBB\xBF", b"\0", b"dat", b"datas: a\n", b"Data: a\n", b"unknown: b\r",
        ]).prop_map(<[u8]>::to_vec),
        2 => prop::sample::select(vec![
            &b"\xFF"[..], b"\xE2\x82", b"\xE2\x82\xAC", b"\xF0\x9F\x98\x80", b"\xF0\x9F\x98",
            b"\xED\xA0\x80", b"\xC0\x80", b"\x80",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => (0usize..200).prop_map(|length| vec![b'a'; length]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn builder() -> impl Strategy<Value = ParserBuilder> {
    let limit = prop_oneof![Just(usize::MAX), 0usize..20, 100usize..300];
    let utf8 = prop::sample::select(vec![Utf8Policy::Replace, Utf8Policy::Reject]);
    let eof = prop::sample::select(vec![EofPolicy::Discard, EofPolicy::Dispatch, EofPolicy::Error]);
    (limit, utf8, eof, "[a-z]{0,3}").prop_map(|(limit, utf8, eof, id)| {
        Parser::builder().max_event_size(limit).utf8_policy(utf8).eof_policy(eof).last_event_id(id)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_cut_through_any_tier_equals_the_whole(
        stream in stream(),
        builder in builder(),
        sizes in prop::collection::vec(0usize..12, 1..30),
    ) {
        let whole = Tier::Parser.run(builder.build(), &[&stream]);
        let mut chunks = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().cycle().take(stream.len() + sizes.len()) {
            let (chunk, after) = rest.split_at(rest.len().min(*size));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        for tier in Tier::ALL {
            prop_assert_eq!(&tier.run(builder.build(), &[&stream]), &whole, "{:?}", tier);
            prop_assert_eq!(&tier.run(builder.build(), &chunks), &whole, "{:?}", tier);
        }
    }

    #[test]
    fn what_is_neither_limited_nor_rejected_is_what_the_standard_makes_of_it(
        stream in stream(),
        last_event_id in "[a-z]{0,3}",
        dispatch in any::<bool>(),
    ) {
        let policy = if dispatch { EofPolicy::Dispatch } else { EofPolicy::Discard };
        let parser = Parser::builder().last_event_id(&last_event_id).eof_policy(policy).build();
        let expected = reference::record(&stream, &last_event_id, dispatch);
        prop_assert_eq!(Tier::Parser.run(parser, &[&stream]), expected);
    }

    #[test]
    fn reset_in_any_state_equals_a_parser_seeded_with_what_it_keeps(
        before in stream(),
        after in stream(),
        builder in builder(),
    ) {
        let mut used = builder.build();
        let mut feed = used.feed(&before);
        while !matches!(feed.next_item(), Ok(None)) {}
        used.reset();

        let mut seeded = builder.last_event_id(used.last_event_id()).build();
        if let Some(time) = used.reconnection_time() {
            let retry = format!("retry: {}\n\n", time.as_millis());
            let mut feed = seeded.feed(retry.as_bytes());
            while !matches!(feed.next_item(), Ok(None)) {}
            seeded.reset();
        }
        prop_assert_eq!(Tier::Parser.run(used, &[&after]), Tier::Parser.run(seeded, &[&after]));
    }

    #[test]
    fn a_limit_that_nothing_exceeds_changes_nothing(stream in stream()) {
        let whole = Tier::Parser.run(Parser::new(), &[&stream]);
        let parser = Parser::builder().max_event_size(3 * stream.len()).build();
        prop_assert_eq!(Tier::Parser.run(parser, &[&stream]), whole);
    }
}
