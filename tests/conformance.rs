//! The conformance cases: inputs and the results that WHATWG HTML §9.2.6
//! gives, through every tier, however they are cut.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use base64::{Engine, engine::general_purpose::STANDARD};
use common::{Record, Tier};
use serde_json::Value;
use sse_wire::Parser;

/// Fewer runs than this mean that cases or cuts were lost.
const RUNS_AT_LEAST: usize = 90_000;

struct Case {
    name: String,
    input: Vec<u8>,
    own_chunks: Option<Vec<Vec<u8>>>,
    initial_last_event_id: String,
    events: Vec<(String, String, String)>,
    last_event_id: String,
    retry_ms: Option<u64>,
    retry_overflows: bool,
    comments: Option<Vec<String>>,
}

impl Case {
    fn read(line: &str) -> Self {
        let case: Value = serde_json::from_str(line).expect("a line is a JSON object");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let bytes = |value: &Value| STANDARD.decode(text(value)).expect("base64");
        let list = |value: &Value| value.as_array().cloned();
        Self {
            name: text(&case["name"]),
            input: bytes(&case["input_b64"]),
            own_chunks: list(&case["chunks_b64"]).map(|chunks| chunks.iter().map(bytes).collect()),
            initial_last_event_id: text(&case["initial_last_event_id"]),
            events: list(&case["events"])
                .expect("a list")
                .iter()
                .map(|event| (text(&event["type"]), text(&event["data"]), text(&event["id"])))
                .collect(),
            last_event_id: text(&case["last_event_id_committed"]),
            retry_ms: case["retry_ms"].as_u64(),
            retry_overflows: list(&case["tags"])
                .expect("a list")
                .contains(&"retry-overflow".into()),
            comments: list(&case["comments"]).map(|comments| comments.iter().map(text).collect()),
        }
    }

    fn check(&self, tier: Tier, chunks: &[&[u8]]) {
        let parser = Parser::builder().last_event_id(&self.initial_last_event_id).build();
        let record = tier.run(parser, chunks);
        let context = || format!("case {} through {tier:?} in {chunks:X?}", self.name);
        let events: Vec<_> =
            self.events.iter().map(|(t, d, i)| (t.as_str(), d.as_str(), i.as_str())).collect();
        assert_eq!(record.events(), events, "{}", context());
        assert_eq!(record.last_event_id, self.last_event_id, "{}", context());
        assert_eq!(record.errors(), 0, "{}", context());
        self.check_retry(&record, &context);
        if let Some(comments) = &self.comments {
            // The cases have the text after the colon, before one space is removed.
            let comments: Vec<_> =
                comments.iter().map(|text| text.strip_prefix(' ').unwrap_or(text)).collect();
            assert_eq!(record.comments(), comments, "{}", context());
        }
    }

    fn check_retry(&self, record: &Record, context: &dyn Fn() -> String) {
        let millis = record.retry.map(|time| time.as_millis());
        if self.retry_overflows {
            assert!(millis.is_some_and(|millis| millis > 1 << 53), "{}", context());
        } else {
            assert_eq!(millis, self.retry_ms.map(u128::from), "{}", context());
        }
    }
}

#[test]
fn every_case_through_every_tier_at_every_cut() {
    let mut runs = 0;
    for line in include_str!("conformance/cases.jsonl").lines() {
        let case = Case::read(line);
        let input = case.input.as_slice();
        for tier in Tier::ALL {
            let mut check = |chunks: &[&[u8]]| {
                case.check(tier, chunks);
                runs += 1;
            };
            check(&[input]);
            check(&input.chunks(1).collect::<Vec<_>>());
            // Of the few inputs of many KB, only the ends are cut everywhere.
            for cut in (0..=input.len()).filter(|cut| *cut < 600 || input.len() - cut < 32) {
                let (head, rest) = input.split_at(cut);
                check(&[head, rest]);
            }
            if let Some(chunks) = &case.own_chunks {
                check(&chunks.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
        }
    }
    println!("{runs} runs");
    assert!(runs >= RUNS_AT_LEAST, "only {runs} runs");
}
