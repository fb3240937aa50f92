//! What the cells do not show: a line that does not end, one event in one
//! segment, and many connections at once.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{
    cells::{self, Cell},
    contenders::{Contender, Fleet, Glance},
    input::{BLOCK, Chunking, Chunks, Corpus, SEGMENT},
    measure::Stopwatch,
    reference,
};

/// Lengths of a line, in bytes.
pub const LINE_LENGTHS: [usize; 6] = [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20];
const LINE_CHUNKS: Chunking = Chunking { name: "256 B", size: Some(256), is_network: false };
/// Who has taken so long for a line is not asked for a longer one.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The time for one line of each length, as far as it was measured: a curve for
/// each contender.
pub fn long_line(contenders: &[Contender]) -> Vec<Vec<Option<Duration>>> {
    let mut curves = vec![Vec::new(); contenders.len()];
    for length in LINE_LENGTHS {
        let line = Corpus::new("line", [b"data: ", &vec![b'a'; length][..], b"\n\n"].concat());
        let chunks = Chunks::new(&line.bytes, LINE_CHUNKS);
        for (contender, curve) in contenders.iter().zip(&mut curves) {
            let too_slow = matches!(curve.last(), Some(None))
                || matches!(curve.last(), Some(Some(time)) if *time > PATIENCE / 2);
            curve.push((!too_slow).then(|| least(contender, &chunks, &line)).flatten());
        }
    }
    curves
}

/// Of up to seven runs, if they are right.
fn least(contender: &Contender, chunks: &Chunks, line: &Corpus) -> Option<Duration> {
    let expected = Glance::from(line.expected);
    let start = Instant::now();
    let mut least = None;
    for _ in 0..7 {
        let (time, found) = (contender.time)(chunks);
        if !contender.is_floor() && found != expected {
            return None;
        }
        least = Some(least.map_or(time, |least: Duration| least.min(time)));
        if start.elapsed() > PATIENCE {
            break;
        }
    }
    least
}

/// Events that fill a TCP segment each, in a chunk each: the time for one is what
/// passes between its arrival and its delivery.
pub fn latency(contenders: &[Contender], budget: Duration) -> Cell {
    let data = "a".repeat(SEGMENT.size.expect("a size") - "data: \n\n".len());
    let stream = format!("data: {data}\n\n").repeat(200);
    let corpus = Corpus::new("segment", stream.into_bytes());
    cells::cell(contenders, &corpus, BLOCK, budget)
}

/// How many connections a gateway may have.
pub const FLEETS: [usize; 3] = [1, 100, 10_000];
/// How many bytes are read in a measurement, all parsers together, or more if
/// that would be less than two chunks for each.
const FLEET_BYTES: usize = 1 << 20;

/// The least time for a byte, in nanoseconds, for each size of a fleet.
pub fn fleets(contenders: &[Contender], corpus: &Corpus) -> Vec<Vec<Option<f64>>> {
    let chunks = Chunks::new(&corpus.bytes, SEGMENT).shared();
    let mut results = vec![vec![None; FLEETS.len()]; contenders.len()];
    for (index, parsers) in FLEETS.into_iter().enumerate() {
        let steps = (FLEET_BYTES / (parsers * chunks[0].len())).clamp(2, chunks.len());
        // In turns, as everything.
        for _ in 0..5 {
            for (contender, results) in contenders.iter().zip(&mut results) {
                let Some(create) = contender.fleet else { continue };
                let time = fleet(create, parsers, &chunks[..steps]);
                let least = results[index].map_or(time, |least: f64| least.min(time));
                results[index] = Some(least);
            }
        }
    }
    results
}

/// Nanoseconds for a byte.
fn fleet(create: fn(usize) -> Box<dyn Fleet>, parsers: usize, chunks: &[Bytes]) -> f64 {
    let mut fleet = create(parsers);
    let mut events = 0;
    let watch = Stopwatch::start();
    for chunk in chunks {
        events += fleet.push(chunk).events;
    }
    let time = watch.stop();
    let stream = chunks.concat();
    assert_eq!(events, parsers * reference::events(&stream).len());
    time.as_secs_f64() * 1e9 / (parsers * stream.len()) as f64
}
