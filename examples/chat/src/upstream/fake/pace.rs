//! How fast the fake speaks: after a moment, 40 events a second, in bursts of no rhythm.

use std::time::Duration;

use sse_wire::{Encoded, Event};

use super::super::Fault;

const FIRST: u64 = 300;
const SLOW: u64 = 250;
/// In milliseconds, before one event after the other, and again from the start. Their mean
/// is 25.
const BURSTS: [u64; 20] = [0, 0, 0, 70, 0, 15, 45, 0, 0, 120, 5, 30, 0, 60, 0, 25, 10, 0, 95, 25];

/// What to send, and how long to wait before that.
pub(super) type Script = Vec<(Duration, Encoded)>;

pub(super) fn paused(events: Vec<Event>, fault: Fault) -> Script {
    let rest = BURSTS.map(|pause| if fault == Fault::Slow { SLOW } else { pause });
    let pauses = [FIRST].into_iter().chain(rest.into_iter().cycle()).map(Duration::from_millis);
    pauses.zip(events.into_iter().map(Encoded::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(fault: Fault, events: usize) -> Duration {
        let script = paused(vec![Event::new("token"); events], fault);
        script.iter().map(|(pause, _)| *pause).sum()
    }

    #[test]
    fn after_300_ms_it_speaks_40_tokens_a_second() {
        assert_eq!(time(Fault::None, 1), Duration::from_millis(300));
        assert_eq!(time(Fault::None, 1 + 40), Duration::from_millis(1300));
        assert_eq!(time(Fault::Slow, 1 + 4), Duration::from_millis(1300));
    }
}
