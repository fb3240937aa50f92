//! Time on a machine that does other things, too.
//!
//! All contenders run in turns, so that whatever slows the machine down slows
//! down all of them; a turn is a few runs, the first of which warms the caches
//! up. The least time of all is the one with the fewest interruptions; the
//! median tells how far off the usual run is.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

const RUNS_IN_A_TURN: usize = 3;
/// Even the slowest get so many turns.
const FEWEST_TURNS: usize = 2;

/// What was measured of one contender.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Time {
    pub least: Duration,
    pub median: Duration,
    pub runs: usize,
}

/// A run of one contender, and how long it took.
pub type Run<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// Runs all of them in turns until the budget is spent. Those that are much
/// slower than the others get fewer turns.
pub fn in_turns(contenders: &mut [Run<'_>], budget: Duration) -> Vec<Time> {
    let mut samples: Vec<Vec<Duration>> = vec![Vec::new(); contenders.len()];
    let fair_share = budget / contenders.len().max(1) as u32;
    let start = Instant::now();
    for round in 0.. {
        if round >= FEWEST_TURNS && start.elapsed() >= budget {
            break;
        }
        for turn in 0..contenders.len() {
            // Another one begins each round.
            let index = (turn + round) % contenders.len();
            let spent: Duration = samples[index].iter().sum();
            if round < FEWEST_TURNS || spent < 2 * fair_share {
                samples[index].extend((0..RUNS_IN_A_TURN).map(|_| contenders[index]()));
            }
        }
    }
    samples.into_iter().map(time).collect()
}

fn time(mut samples: Vec<Duration>) -> Time {
    samples.sort_unstable();
    Time { least: samples[0], median: samples[samples.len() / 2], runs: samples.len() }
}

/// What is to be done just before and just after all that is timed.
static HOOKS: OnceLock<[fn(); 2]> = OnceLock::new();

/// Lets others count what happens while a stopwatch runs.
pub fn watch(start: fn(), stop: fn()) {
    HOOKS.set([start, stop]).expect("nobody watches yet");
}

/// Everything that is timed is between its start and its stop, and nothing else.
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[inline(never)]
    pub fn start() -> Self {
        if let Some([start, _]) = HOOKS.get() {
            start();
        }
        Self(Instant::now())
    }

    #[inline(never)]
    pub fn stop(self) -> Duration {
        let time = self.0.elapsed();
        if let Some([_, stop]) = HOOKS.get() {
            stop();
        }
        time
    }
}
