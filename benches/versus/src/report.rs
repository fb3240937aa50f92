//! Everything that was measured, and what follows from it.

pub mod chart;
pub mod csv;
pub mod markdown;
mod reasons;
mod targets;

use std::time::Duration;

use self::targets::Target;
use crate::{
    cells::Cell,
    contenders::{Contender, League},
    encoders::{EncodeCell, Encoder},
    memory::Count,
    other_languages::Row,
};

pub struct Report {
    /// Whether the machine was asked for less time than figures need.
    pub is_quick: bool,
    pub environment: Vec<(&'static str, String)>,
    pub contenders: Vec<Contender>,
    pub cells: Vec<Cell>,
    pub latency: Cell,
    /// For each contender, the time for a line of each length.
    pub long_line: Vec<Vec<Option<Duration>>>,
    /// For each contender, nanoseconds for a byte for each size of a fleet.
    pub fleets: Vec<Vec<Option<f64>>>,
    pub encoders: Vec<Encoder>,
    pub encode_cells: Vec<EncodeCell>,
    pub memory: Vec<Count>,
    pub other_languages: Vec<Row>,
}

/// What a ratio is to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rival {
    /// The fastest interface of any other crate.
    Any,
    /// The fastest parser of any other crate that chunks are pushed into.
    Pushed,
    /// The fastest stream of any other crate.
    Stream,
}

impl Report {
    /// How many times as fast we are as the fastest other crate in a cell.
    pub fn ratio(&self, cell: &Cell, league: League, rival: Rival) -> Option<f64> {
        cell.ratio(&self.contenders, league, |contender| match rival {
            Rival::Any => contender.is_peer(),
            Rival::Pushed => contender.league == League::PeerPushed,
            Rival::Stream => contender.league == League::PeerStream,
        })
    }

    /// The name of the fastest other crate in a cell.
    pub fn fastest_peer(&self, cell: &Cell) -> String {
        let fastest = cell.fastest(&self.contenders, Contender::is_peer);
        fastest.map_or("nobody".to_owned(), |(index, _)| self.contenders[index].name())
    }

    /// The geometric mean of our ratios in those cells that are meant.
    pub fn mean_ratio(
        &self,
        league: League,
        rival: Rival,
        is_meant: impl Fn(&Cell) -> bool,
    ) -> Option<f64> {
        let cells = self.cells.iter().filter(|cell| is_meant(cell));
        let ratios: Option<Vec<f64>> = cells.map(|cell| self.ratio(cell, league, rival)).collect();
        geometric_mean(&ratios?)
    }

    /// The geometric mean of a contender's speed in megabytes per second, in those
    /// cells that are meant; `None` if it is wrong in one of them.
    pub fn mean_speed(&self, index: usize, is_meant: impl Fn(&Cell) -> bool) -> Option<f64> {
        let cells = self.cells.iter().filter(|cell| is_meant(cell));
        let speeds: Option<Vec<f64>> = cells
            .map(|cell| Some(megabytes_per_second(cell.length, cell.time(index)?.least)))
            .collect();
        geometric_mean(&speeds?)
    }

    /// The index of the contender in this league, which is one of ours or the floor.
    pub fn index(&self, league: League) -> usize {
        let found = self.contenders.iter().position(|contender| contender.league == league);
        found.expect("one of each league")
    }

    pub fn targets(&self) -> Vec<Target> {
        targets::all(self)
    }
}

pub(crate) fn geometric_mean(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().map(|value| value.ln()).sum();
    (!values.is_empty()).then(|| (sum / values.len() as f64).exp())
}

pub(crate) fn megabytes_per_second(length: usize, time: Duration) -> f64 {
    length as f64 / 1e6 / time.as_secs_f64()
}
