//! Every stream in every chunking: a cell, in which all are compared.

use std::time::Duration;

use crate::{
    contenders::{Contender, Glance, League},
    input::{CHUNKINGS, Chunking, Chunks, Corpus, LARGE_READ},
    measure::{Run, Time, in_turns},
};

/// What was measured of a stream in a chunking.
pub struct Cell {
    pub corpus: &'static str,
    pub chunking: Chunking,
    /// In bytes.
    pub length: usize,
    /// How many events are in it.
    pub events: usize,
    /// In the order of the contenders.
    pub results: Vec<Outcome>,
}

#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Time(Time),
    /// Not the events that are in the stream.
    Wrong,
    /// It does not apply.
    None,
}

impl Outcome {
    pub fn time(self) -> Option<Time> {
        match self {
            Self::Time(time) => Some(time),
            Self::Wrong | Self::None => None,
        }
    }
}

/// Measures all cells, each for as long as `budget`.
pub fn all(contenders: &[Contender], corpora: &[Corpus], budget: Duration) -> Vec<Cell> {
    let mut cells = Vec::new();
    for corpus in corpora {
        for chunking in CHUNKINGS {
            eprintln!("{}, {}", corpus.name, chunking.name);
            cells.push(cell(contenders, corpus, chunking, budget));
        }
    }
    cells
}

/// Measures one cell, after each contender has been checked.
pub fn cell(
    contenders: &[Contender],
    corpus: &Corpus,
    chunking: Chunking,
    budget: Duration,
) -> Cell {
    let chunks = Chunks::new(&corpus.bytes, chunking);
    let mut results: Vec<Outcome> =
        contenders.iter().map(|contender| check(contender, corpus, chunking, &chunks)).collect();
    let glance = Glance::from(corpus.expected);
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (contender, result) in contenders.iter().zip(&results) {
        if result.time().is_some() {
            let chunks = &chunks;
            runs.push(Box::new(move || {
                let (time, found) = (contender.time)(chunks);
                assert!(contender.is_floor() || found == glance);
                time
            }));
        }
    }
    let mut times = in_turns(&mut runs, budget).into_iter();
    drop(runs);
    for result in &mut results {
        if result.time().is_some() {
            *result = Outcome::Time(times.next().expect("a time for each that ran"));
        }
    }
    let (length, events) = (corpus.bytes.len(), corpus.expected.events);
    Cell { corpus: corpus.name, chunking, length, events, results }
}

/// `Outcome::Time`, without the time, for those that are to be measured.
fn check(contender: &Contender, corpus: &Corpus, chunking: Chunking, chunks: &Chunks) -> Outcome {
    match contender.league {
        League::OwnReader if chunking != LARGE_READ => Outcome::None,
        League::Floor => Outcome::Time(Time::default()),
        _ if contender.is_right(chunks, corpus.expected) => Outcome::Time(Time::default()),
        _ => Outcome::Wrong,
    }
}

impl Cell {
    /// The time of the contender with this index.
    pub fn time(&self, index: usize) -> Option<Time> {
        self.results[index].time()
    }

    /// The least time of all contenders of which `is_meant` is true, and its index.
    pub fn fastest(
        &self,
        contenders: &[Contender],
        is_meant: impl Fn(&Contender) -> bool,
    ) -> Option<(usize, Duration)> {
        let meant = (0..contenders.len()).filter(|&index| is_meant(&contenders[index]));
        let times = meant.filter_map(|index| Some((index, self.time(index)?.least)));
        times.min_by_key(|(_, time)| *time)
    }

    /// By how much the contender of this league is faster than the fastest of
    /// those that are meant.
    pub fn ratio(
        &self,
        contenders: &[Contender],
        league: League,
        is_meant: impl Fn(&Contender) -> bool,
    ) -> Option<f64> {
        let (_, own) = self.fastest(contenders, |contender| contender.league == league)?;
        let (_, fastest) = self.fastest(contenders, is_meant)?;
        Some(fastest.as_secs_f64() / own.as_secs_f64())
    }
}
