//! The least that a parser has to do: to find each line end.

use std::hint::black_box;

use memchr::memchr2_iter;

use super::{Contender, League, Pushed, Sink, check_pushed, time_pushed};

struct Floor;

impl Pushed for Floor {
    fn new() -> Self {
        Self
    }

    #[inline]
    fn push(&mut self, chunk: &[u8], _: &mut impl Sink) {
        let sum: usize = memchr2_iter(b'\r', b'\n', chunk).sum();
        black_box(sum);
    }
}

pub(super) fn pushed() -> Contender {
    Contender {
        package: "memchr",
        api: "memchr2_iter",
        league: League::Floor,
        how: "goes from line end to line end, and does nothing there",
        time: time_pushed::<Floor>,
        check: check_pushed::<Floor>,
        fleet: None,
        size: 0,
    }
}
