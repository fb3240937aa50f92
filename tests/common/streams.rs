//! Arbitrary event streams, ways to cut them and settings to read them with:
//! what the properties are tested on.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::{env, io::ErrorKind};

use proptest::{collection::vec, prelude::*, sample::select};
use sse_wire::{EofPolicy, Utf8Policy};

use crate::common::{
    driven::{Move, Way},
    reference::Settings,
};

/// To test a property with so many cases, or with as many as `PROPTEST_CASES` says: fewer
/// where tests are emulated.
pub fn config(cases: u32) -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    // This has read the variable, if there is one.
    let cases = env::var_os("PROPTEST_CASES").map_or(cases, |_| config.cases);
    ProptestConfig { cases, ..config }
}

/// A stream, half of the time a valid one.
pub fn stream() -> impl Strategy<Value = Vec<u8>> {
    let valid = valid_stream().prop_map(String::into_bytes);
    prop_oneof![8 => valid, 4 => damaged(), 3 => fragments(), 1 => long_lines()]
}

/// Lines as long as several chunks, most of which are ASCII, but some no text at all.
pub fn long_lines() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![4 => Just("a"), 1 => Just("é"), 1 => Just("😀")];
    let letters = (200usize..3000, letter)
        .prop_map(|(length, letter)| letter.repeat(length / letter.len()).into_bytes());
    let starts = select(vec!["data:", "data: ", "event: ", "id: ", ": ", "x", "retry: "]);
    let line = (select(vec!["\n", "\n\n", "\r\n\r\n", "\r\r"]), starts)
        .prop_map(|(end, start)| [end, start].concat().into_bytes());
    let piece = prop_oneof![12 => letters, 2 => line, 1 => fragment()];
    (select(vec!["data:", "data: a\ndata: "]), vec(piece, 1..12))
        .prop_map(|(start, pieces)| [start.as_bytes().to_vec(), pieces.concat()].concat())
}

/// A stream by the grammar of WHATWG HTML §9.2.5, with all the freedom it gives,
/// and perhaps an unfinished block at the end.
pub fn valid_stream() -> impl Strategy<Value = String> {
    let bom = prop_oneof![5 => Just(""), 1 => Just("\u{FEFF}")];
    (bom, vec(block(), 0..8), vec(line(), 0..3), value()).prop_map(
        |(bom, blocks, lines, unfinished)| {
            [bom, &blocks.concat(), &lines.concat(), &unfinished].concat()
        },
    )
}

/// Lines and the blank line after them.
pub fn block() -> impl Strategy<Value = String> {
    (vec(line(), 0..6), line_end()).prop_map(|(lines, end)| lines.concat() + end)
}

fn line() -> impl Strategy<Value = String> {
    let colon = prop_oneof![6 => Just(": "), 2 => Just(":"), 1 => Just(":  ")];
    let field = (name(), colon, value()).prop_map(|parts| [&parts.0, parts.1, &parts.2].concat());
    let retry = "retry:( |)[0-9]{1,21}";
    let comment = value().prop_map(|text| format!(":{text}"));
    let line = prop_oneof![8 => field, 1 => name(), 1 => retry, 1 => comment];
    (line, line_end()).prop_map(|(line, end)| line + end)
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("\n"), 1 => Just("\r"), 2 => Just("\r\n")]
}

fn name() -> impl Strategy<Value = String> {
    let near_misses = vec![
        "dat",
        "datas",
        "data ",
        " data",
        "Data",
        "\u{FEFF}data",
        "data\0",
        "dаta",
        "d",
        "even",
        "events",
        "EVENT",
        "i",
        "ids",
        "Id",
        "retr",
        "retry ",
        "rétry",
        "\0",
    ];
    prop_oneof![
        6 => Just("data".to_owned()),
        2 => Just("event".to_owned()),
        2 => Just("id".to_owned()),
        1 => Just("retry".to_owned()),
        1 => select(near_misses).prop_map(str::to_owned),
        1 => "[^\r\n:]{1,6}",
    ]
}

/// A value: short, with all that is special; or long; or longer than the parser
/// looks ahead.
fn value() -> impl Strategy<Value = String> {
    let special = select(vec![" ", ":", "\0", "\u{FEFF}", "é", "€", "😀", "\u{85}", "\u{2028}"]);
    let short = vec(prop_oneof![3 => "[a-z0-9]{1,4}", 1 => special.prop_map(str::to_owned)], 0..4)
        .prop_map(|pieces| pieces.concat());
    let any = "[^\r\n]{0,8}";
    let long = |lengths| {
        (lengths, select(vec!["a", "é", "€", "😀"])).prop_map(|(length, text)| text.repeat(length))
    };
    prop_oneof![120 => short, 40 => any, 12 => long(20..1500usize), 1 => long(8_000..34_000)]
}

/// A valid stream in which a few bytes have been replaced, added or lost.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let fault = (any::<prop::sample::Index>(), 0..3usize, fragment());
    (valid_stream(), vec(fault, 1..5)).prop_map(|(stream, faults)| {
        let mut stream = stream.into_bytes();
        for (index, lost, added) in faults {
            let start = index.index(stream.len() + 1);
            let end = stream.len().min(start + lost);
            stream.splice(start..end, added);
        }
        stream
    })
}

/// Nothing but pieces that are likely to be misread.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    vec(fragment(), 0..40).prop_map(|fragments| fragments.concat())
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let text = vec![
        "data: a\n",
        "data",
        "data:",
        "event: x\n",
        "event",
        "id: 1\n",
        "id",
        "retry: 5\n",
        "retry",
        ": c\n",
        ":",
        " ",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "\u{FEFF}",
        "\0",
        "dat",
        "id:\0",
    ];
    let not_text = vec![
        &b"\xFF"[..],
        b"\xE2\x82",
        b"\xF0\x9F\x98",
        b"\xED\xA0\x80",
        b"\xC0\x80",
        b"\x80",
        b"\xEF\xBB",
        b"\xF4\x90\x80\x80",
        b"\xC3",
    ];
    prop_oneof![
        6 => select(text).prop_map(|text| text.as_bytes().to_vec()),
        2 => select(not_text).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..8),
        1 => (0usize..200).prop_map(|length| vec![b'a'; length]),
    ]
}

/// Every policy, and limits that most streams exceed somewhere.
pub fn settings() -> impl Strategy<Value = Settings> {
    let limit = prop_oneof![
        2 => Just(usize::MAX),
        2 => 0usize..20,
        2 => 100usize..2000,
        1 => 2000usize..20_000,
    ];
    let utf8 = select(vec![Utf8Policy::Replace, Utf8Policy::Reject]);
    let eof = select(vec![EofPolicy::Discard, EofPolicy::Dispatch, EofPolicy::Error]);
    (limit, utf8, eof, "[a-z]{0,3}").prop_map(
        |(max_event_size, utf8_policy, eof_policy, last_event_id)| Settings {
            max_event_size,
            utf8_policy,
            eof_policy,
            last_event_id,
        },
    )
}

/// The sizes of chunks, which [`cut`] repeats. Zero is an empty chunk.
pub fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![4 => 0usize..12, 1 => 12usize..3000];
    prop_oneof![4 => vec(size, 1..30), 1 => vec(900usize..3000, 1..4)]
        .prop_filter("a chunk that is not empty", |sizes| sizes.iter().any(|size| *size > 0))
}

/// Cuts a stream into chunks.
pub fn cut<'a>(stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = stream;
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(rest.len().min(*size));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// The moves after each chunk, which repeat, with these ways to take something.
pub fn moves(ways: &[Way]) -> impl Strategy<Value = Vec<Vec<Move>>> + use<> {
    let count = prop_oneof![3 => 1usize..4, 1 => Just(usize::MAX)];
    let take = (select(ways.to_vec()), count).prop_map(|(way, count)| Move::Take(way, count));
    let pauses = vec![ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted];
    let step =
        prop_oneof![6 => take, 1 => select(pauses).prop_map(Move::Pause), 1 => Just(Move::Rebuild)];
    vec(vec(step, 0..4), 1..8)
}
