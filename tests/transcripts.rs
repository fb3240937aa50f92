//! Transcripts in the wire format of public services, through every tier,
//! however they are cut. The expected results are in `expected.json`; the
//! digest there covers the type, data and last event ID of each event.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use std::{collections::BTreeMap, fs, path::Path};

use common::{Record, Recorded, Tier};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sse_wire::Parser;

/// Fewer runs than this mean that transcripts or cuts were lost.
const RUNS_AT_LEAST: usize = 5_000;

/// At how many of its line ends and characters of several bytes each transcript
/// is cut in two.
const PLACES: usize = 500;

#[test]
fn every_transcript_through_every_tier_however_it_is_cut() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let expected = fs::read_to_string(directory.join("expected.json")).unwrap();
    let expected: BTreeMap<String, Value> = serde_json::from_str(&expected).unwrap();
    let mut runs = 0;
    for (name, expected) in &expected {
        let input = fs::read(directory.join(format!("{name}.sse"))).unwrap();
        let whole = Tier::Parser.run(Parser::new(), &[&input]);
        check(name, &whole, expected);
        let mut check = |tier: Tier, chunks: &[&[u8]], cut: &str| {
            let record = tier.run(Parser::new(), chunks);
            assert!(record == whole, "{name} through {tier:?}, cut {cut}");
            runs += 1;
        };
        let places = places(&input);
        assert!(places.len() >= PLACES, "{name}");
        for tier in Tier::ALL {
            check(tier, &[&input], "nowhere");
            for size in [1, 7, 64, 1400, 16384] {
                check(
                    tier,
                    &input.chunks(size).collect::<Vec<_>>(),
                    &format!("every {size} bytes"),
                );
            }
            for shift in -3..=3 {
                let cuts = places.iter().map(|place| place.saturating_add_signed(shift));
                let cut = format!("{shift} bytes from every line end and long character");
                check(tier, &chunks_at(&input, cuts), &cut);
            }
        }
        // In two only, and so at each place through one tier in turn.
        let step = places.len() / PLACES;
        for (count, place) in places.iter().step_by(step).enumerate() {
            let cut = place.saturating_add_signed(count as isize % 7 - 3);
            let tier = Tier::ALL[count % Tier::ALL.len()];
            check(tier, &chunks_at(&input, [cut].into_iter()), &format!("at {cut}"));
        }
    }
    println!("{runs} runs");
    assert!(runs >= RUNS_AT_LEAST, "only {runs} runs");
}

fn check(name: &str, record: &Record, expected: &Value) {
    let mut digest = Sha256::new();
    let mut types = BTreeMap::<&str, u64>::new();
    for (event_type, data, last_event_id) in record.events() {
        *types.entry(event_type).or_default() += 1;
        for text in [event_type, data, last_event_id] {
            digest.update(text);
            digest.update([0]);
        }
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, expected["events_sha256"], "{name}");
    assert_eq!(serde_json::json!(types), expected["event_types"], "{name}");
    assert_eq!(record.comments().len() as u64, expected["comments"], "{name}");
    assert_eq!(record.last_event_id, expected["last_event_id"], "{name}");
    let retries: Vec<u64> = record.items.iter().filter_map(retry_ms).collect();
    assert_eq!(serde_json::json!(retries), expected["retries_ms"], "{name}");
    assert_eq!(record.errors(), 0, "{name}");
}

fn retry_ms(item: &Recorded) -> Option<u64> {
    match item {
        Recorded::Event { retry: Some(time), .. } | Recorded::Retry(time) => {
            Some(time.as_millis() as u64)
        }
        _ => None,
    }
}

/// Where lines end and characters of several bytes begin.
fn places(input: &[u8]) -> Vec<usize> {
    let is_place = |byte: u8| matches!(byte, b'\n' | b'\r' | 0xC0..);
    (0..input.len()).filter(|place| is_place(input[*place])).collect()
}

fn chunks_at(input: &[u8], cuts: impl Iterator<Item = usize>) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    let mut start = 0;
    for cut in cuts.map(|cut| cut.min(input.len())).filter(|cut| *cut > 0) {
        if cut > start {
            chunks.push(&input[start..cut]);
            start = cut;
        }
    }
    chunks.push(&input[start..]);
    chunks
}
