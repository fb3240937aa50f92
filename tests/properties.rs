//! Properties of arbitrary streams: however they are cut, through whichever
//! tier, with whatever limit and policies, the result is the reference's.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;
#[path = "common/streams.rs"]
mod streams;

use common::{
    Record, Recorded, Tier,
    driven::{Driven, Way, play, play_to_end},
    reference::Settings,
};
use proptest::{prelude::*, sample::select};
use sse_wire::{EofPolicy, ParseError, Parser, Utf8Policy};
use streams::{cut, moves, settings, sizes, stream};

proptest! {
    #![proptest_config(streams::config(2000))]

    #[test]
    fn any_stream_in_any_chunks_through_any_tier_is_what_the_reference_makes_of_it(
        stream in stream(),
        settings in settings(),
        sizes in sizes(),
    ) {
        let expected = settings.read(&stream);
        let chunks = cut(&stream, &sizes);
        for tier in Tier::ALL {
            prop_assert_eq!(&tier.run(settings.parser(), &[&stream]), &expected, "{:?}", tier);
            prop_assert_eq!(&tier.run(settings.parser(), &chunks), &expected, "{:?}", tier);
        }
    }

    #[test]
    fn a_feed_dropped_anywhere_loses_only_what_remains(
        stream in stream(),
        settings in settings(),
        sizes in sizes(),
        moves in moves(&[Way::Item]),
    ) {
        let record = Tier::Parser.play(settings.parser(), &cut(&stream, &sizes), &moves);
        prop_assert_eq!(record, settings.read(&stream));
    }

    #[test]
    fn a_tier_read_late_interrupted_and_taken_apart_loses_nothing(
        stream in stream(),
        settings in settings(),
        sizes in sizes(),
        moves in moves(&[Way::Item]),
    ) {
        let expected = settings.read(&stream);
        for tier in Tier::ALL {
            let record = tier.play(settings.parser(), &cut(&stream, &sizes), &moves);
            prop_assert_eq!(&record, &expected, "{:?}", tier);
        }
    }

    #[test]
    fn events_and_items_may_be_taken_in_turn_from_any_tier(
        stream in stream(),
        settings in settings(),
        sizes in sizes(),
        moves in moves(&Way::ALL),
    ) {
        let expected = settings.read(&stream);
        for tier in Tier::ALL {
            let record = tier.play(settings.parser(), &cut(&stream, &sizes), &moves);
            let mut all = expected.items.iter();
            let in_order = record.items.iter().all(|item| all.any(|other| other == item));
            prop_assert!(in_order, "{:?}: {:#?}", tier, record);
            let (events, expected) = (record.events_and_errors(), expected.events_and_errors());
            prop_assert_eq!(events, expected, "{:?}", tier);
        }
    }

    #[test]
    fn any_tier_after_an_end_in_any_state_equals_one_seeded_with_what_it_keeps(
        before in stream(),
        after in stream(),
        settings in settings(),
        sizes in sizes(),
        moves in moves(&[Way::Item]),
        end in select(ENDS.to_vec()),
    ) {
        for tier in Tier::ALL {
            let driven = tier.drive(settings.parser());
            let (mut used, _) = play(driven, &cut(&before, &sizes), &moves);
            end(&mut *used);
            let (last_event_id, retry) = used.kept();
            let mut expected = Settings { last_event_id, ..settings.clone() }.read(&after);
            expected.retry = expected.retry.or(retry);
            let record = play_to_end(used.reopen(), &cut(&after, &sizes), &moves);
            prop_assert_eq!(record, expected, "{:?}", tier);
        }
    }

    #[test]
    fn a_block_above_the_limit_is_one_error_and_changes_nothing_else(
        before in HEALTHY_BLOCKS,
        after in HEALTHY_BLOCKS,
        block_of_size in select(BLOCKS_OF_SIZE.to_vec()),
        limit in HEALTHY_SIZE..200usize,
        excess in 1usize..100,
        sizes in sizes(),
    ) {
        let settings = Settings { max_event_size: limit, ..Settings::default() };
        for size in [limit - 1, limit, limit + excess] {
            let block = block_of_size(size);
            let stream = [&before, &block, &after].map(String::as_str).concat();
            let expected = if size <= limit {
                run(&Settings::default(), &[stream.as_bytes()])
            } else {
                let offset = before.len() as u64;
                with_error(&before, Recorded::TooLarge { limit, offset }, &after)
            };
            prop_assert_eq!(run(&settings, &[stream.as_bytes()]), expected.clone());
            prop_assert_eq!(run(&settings, &cut(stream.as_bytes(), &sizes)), expected);
        }
    }

    #[test]
    fn a_block_with_invalid_bytes_is_replaced_in_part_or_rejected_as_a_whole(
        before in HEALTHY_BLOCKS,
        line in select(vec!["data: a", "event: ", "id: 9", "retry: 1", ": a", "unknown", "dat", ""]),
        invalid in select(INVALID.to_vec()),
        after in HEALTHY_BLOCKS,
        sizes in sizes(),
    ) {
        let block = [b"retry: 7\nid: 8\ndata: b\n", line.as_bytes(), invalid, b"x\ndata: c\n\n"];
        let stream = [before.as_bytes(), &block.concat(), after.as_bytes()].concat();
        let chunks = cut(&stream, &sizes);

        let replaced = run(&Settings::default(), &[String::from_utf8_lossy(&stream).as_bytes()]);
        prop_assert_eq!(run(&Settings::default(), &chunks), replaced);

        let error = Recorded::Error(ParseError::InvalidUtf8 { offset: before.len() as u64 });
        let rejected = with_error(&before, error, &after);
        let reject = Settings { utf8_policy: Utf8Policy::Reject, ..Settings::default() };
        prop_assert_eq!(run(&reject, &chunks), rejected);
    }

    #[test]
    fn the_end_discards_dispatches_or_reports_what_is_unfinished(
        stream in stream(),
        sizes in sizes(),
    ) {
        let with_policy = |eof_policy| Settings { eof_policy, ..Settings::default() };
        let chunks = cut(&stream, &sizes);
        let discarded = run(&with_policy(EofPolicy::Discard), &chunks);

        let completed = run(&with_policy(EofPolicy::Discard), &[&stream, missing_ends(&stream)]);
        let mut dispatched = Record { items: discarded.items.clone(), ..completed.clone() };
        let last = completed.items.last().filter(|_| completed.events() != discarded.events());
        dispatched.items.extend(last.cloned());
        prop_assert_eq!(run(&with_policy(EofPolicy::Dispatch), &chunks), dispatched);

        let mut reported = run(&with_policy(EofPolicy::Error), &chunks);
        let mut parser = Parser::new();
        let mut feed = parser.feed(&stream);
        while feed.next_item().expect("a stream without errors").is_some() {}
        if parser.has_pending() {
            let error = reported.items.pop();
            let is_reported =
                matches!(error, Some(Recorded::Error(ParseError::UnexpectedEnd { .. })));
            prop_assert!(is_reported, "{:?}", error);
        }
        prop_assert_eq!(reported, discarded);
    }
}

/// What ends a connection, after which a tier can be used for the next.
const ENDS: [fn(&mut dyn Driven); 2] = [|tier| tier.reset(), |tier| drop(tier.finish())];

/// The bytes that no decoder of UTF-8 accepts, also with an `x` after them.
const INVALID: [&[u8]; 7] =
    [b"\xFF", b"\x80", b"\xC3", b"\xE2\x82", b"\xF0\x9F\x98", b"\xC0\x80", b"\xED\xA0\x80"];

/// A regular expression for blocks of which none decodes to more than
/// [`HEALTHY_SIZE`] bytes.
const HEALTHY_BLOCKS: &str =
    "((id|event|data): [a-z]{0,3}\n|: [a-z]{0,3}\n|retry: [0-9]{1,3}\n|\n){0,4}\n";
const HEALTHY_SIZE: usize = 20;

/// Blocks that decode to so many bytes.
const BLOCKS_OF_SIZE: [fn(usize) -> String; 7] = [
    |size| format!("data:{:a<size$}\n\n", ""),
    |size| "data\n".repeat(size + 1) + "\n",
    |size| format!("event:{:a<size$}\ndata\n\n", ""),
    |size| format!("data\nid:{:a<size$}\n\n", ""),
    |size| format!("id:{:a<size$}\n\n", ""),
    |size| format!("data\n:{:a<size$}\n\n", ""),
    |size| {
        let third = size / 3;
        let rest = size - 2 * third;
        format!("retry: 1\nevent:{:a<third$}\ndata:{:a<rest$}\nid:{:a<third$}\n\n", "", "", "")
    },
];

/// What two streams come to, one after the other, with an error in between.
fn with_error(before: &str, error: Recorded, after: &str) -> Record {
    let position = run(&Settings::default(), &[before.as_bytes()]).items.len();
    let mut record = run(&Settings::default(), &[before.as_bytes(), after.as_bytes()]);
    record.items.insert(position, error);
    record
}

fn run(settings: &Settings, chunks: &[&[u8]]) -> Record {
    Tier::Parser.run(settings.parser(), chunks)
}

/// What completes the last line and its block.
fn missing_ends(stream: &[u8]) -> &'static [u8] {
    match stream.last() {
        Some(b'\r' | b'\n') => b"\r",
        _ => b"\r\r",
    }
}
