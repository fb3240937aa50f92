//! What is to be reached, and what has been.

use super::{Report, Rival, geometric_mean};
use crate::{
    cells::Cell,
    contenders::League,
    encoders::{Encoder, Start},
    input::{LARGE_READ, LLM_SHAPED},
};

pub struct Target {
    pub text: String,
    pub measured: f64,
    /// What is to be reached, as a bound and as what is aimed at.
    pub bound: f64,
    pub aim: Option<f64>,
    /// Whether less is better.
    pub is_cost: bool,
    /// What decided it, if that is a single cell.
    pub remark: String,
}

impl Target {
    pub fn is_met(&self) -> bool {
        if self.is_cost { self.measured <= self.bound } else { self.measured >= self.bound }
    }
}

pub(super) fn all(report: &Report) -> Vec<Target> {
    let network = |cell: &Cell| cell.chunking.is_network;
    let tiny = |cell: &Cell| !cell.chunking.is_network;
    let mut targets = vec![
        mean(
            report,
            "`Parser`, 27 cells of network chunks, mean",
            League::OwnLent,
            network,
            3.0,
            Some(4.0),
        ),
        mean(
            report,
            "`EventStream`, 27 cells of network chunks, mean",
            League::OwnStream,
            network,
            2.3,
            Some(3.0),
        ),
        mean(report, "`Parser`, 18 cells of tiny chunks, mean", League::OwnLent, tiny, 1.5, None),
        mean(
            report,
            "`EventStream`, 18 cells of tiny chunks, mean",
            League::OwnStream,
            tiny,
            1.0,
            None,
        ),
        least(report, "`Parser`, the worst of 45 cells", League::OwnLent, 0.9),
        least(report, "`EventStream`, the worst of 45 cells", League::OwnStream, 0.8),
    ];
    targets.extend(LLM_SHAPED.iter().filter_map(|name| floor(report, name)));
    targets.extend(reader(report));
    targets.extend(encoders(report, Start::Built, "sse-stream"));
    targets.extend(encoders(report, Start::Parts, "sse-stream"));
    targets.extend(encoders(report, Start::Parts, "axum"));
    targets.extend(allocations(report));
    targets
}

fn mean(
    report: &Report,
    text: &str,
    league: League,
    is_meant: impl Fn(&Cell) -> bool,
    bound: f64,
    aim: Option<f64>,
) -> Target {
    let measured = report.mean_ratio(league, Rival::Any, is_meant).unwrap_or(f64::NAN);
    Target { text: text.to_owned(), measured, bound, aim, is_cost: false, remark: String::new() }
}

fn least(report: &Report, text: &str, league: League, bound: f64) -> Target {
    let ratios = report.cells.iter().filter_map(|cell| {
        let ratio = report.ratio(cell, league, Rival::Any)?;
        Some((ratio, format!("{}, {}", cell.corpus, cell.chunking.name)))
    });
    let (measured, remark) =
        ratios.min_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap_or((f64::NAN, String::new()));
    Target { text: text.to_owned(), measured, bound, aim: Some(1.0), is_cost: false, remark }
}

/// By the medians of both.
fn floor(report: &Report, corpus: &str) -> Option<Target> {
    let cell = large_read(report, corpus)?;
    let own = cell.time(report.index(League::OwnLent))?;
    let floor = cell.time(report.index(League::Floor))?;
    let least = own.least.as_secs_f64() / floor.least.as_secs_f64();
    Some(Target {
        text: format!("`Parser`, {corpus}, 16 KiB: cost in walks, by medians"),
        measured: own.median.as_secs_f64() / floor.median.as_secs_f64(),
        bound: 1.6,
        aim: None,
        is_cost: true,
        remark: format!("{least:.2} by the least times"),
    })
}

fn reader(report: &Report) -> Option<Target> {
    let (own, reader) = (report.index(League::OwnLent), report.index(League::OwnReader));
    let cells = report.cells.iter().filter(|cell| cell.chunking == LARGE_READ);
    let ratios: Option<Vec<f64>> = cells
        .map(|cell| {
            let own = cell.time(own)?.least.as_secs_f64();
            Some(own / cell.time(reader)?.least.as_secs_f64())
        })
        .collect();
    Some(Target {
        text: "`EventReader` over a `&[u8]`, speed in that of `Parser`, mean of nine".to_owned(),
        measured: geometric_mean(&ratios?)?,
        bound: 0.8,
        aim: None,
        is_cost: false,
        remark: String::new(),
    })
}

/// Our encoder against one other from the same start.
fn encoders(report: &Report, start: Start, package: &str) -> Option<Target> {
    let find = |is_meant: &dyn Fn(&Encoder) -> bool| {
        let mut encoders = report.encoders.iter();
        encoders.position(|encoder| encoder.start == start && is_meant(encoder))
    };
    let own = find(&|encoder| encoder.is_own)?;
    let other = find(&|encoder| encoder.package == package)?;
    let ratios: Option<Vec<f64>> = report
        .encode_cells
        .iter()
        .map(|cell| {
            let time = |index: usize| Some(cell.times[index]?.least.as_secs_f64());
            Some(time(other)? / time(own)?)
        })
        .collect();
    let (own, other) = (&report.encoders[own], &report.encoders[other]);
    Some(Target {
        text: format!("`{}` against {}, mean of nine", own.api, other.name()),
        measured: geometric_mean(&ratios?)?,
        bound: 2.0,
        aim: None,
        is_cost: false,
        remark: String::new(),
    })
}

fn allocations(report: &Report) -> Option<Target> {
    let own = |name: &str| name.starts_with("sse-wire ");
    let counts = report.memory.iter().filter(|count| count.kind == "encode" && own(&count.name));
    Some(Target {
        text: "Our encoders: allocations for an event, at most".to_owned(),
        measured: counts.map(|count| count.values[0]).max_by(f64::total_cmp)?,
        bound: 0.0,
        aim: None,
        is_cost: true,
        remark: String::new(),
    })
}

fn large_read<'a>(report: &'a Report, corpus: &str) -> Option<&'a Cell> {
    report.cells.iter().find(|cell| cell.corpus == corpus && cell.chunking == LARGE_READ)
}
