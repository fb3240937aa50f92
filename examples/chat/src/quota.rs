//! How many tokens a user may have in an hour.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

const TOKENS: u64 = 20_000;
const WINDOW: Duration = Duration::from_secs(3600);
/// Of one answer, which can have no more.
const RESERVED: u64 = 2_000;

/// Who watches is told of each change.
#[derive(Clone, Debug)]
pub struct Quota(watch::Sender<Window>);

#[derive(Clone, Copy, Debug)]
pub struct Window {
    since: Instant,
    spent: u64,
    reserved: u64,
}

/// Why nothing can be reserved.
#[derive(Debug)]
pub enum Refused {
    /// All is used, for so long.
    Used(Duration),
    /// All is used or reserved, and of the latter some may be given back.
    Reserved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Used {
    pub used: u64,
    pub of: u64,
}

impl Quota {
    pub fn new() -> Self {
        Self(watch::Sender::new(Window { since: Instant::now(), spent: 0, reserved: 0 }))
    }

    /// What one answer may use.
    pub fn reserve(&self) -> Result<Reservation, Refused> {
        let mut result = Ok(());
        self.0.send_modify(|window| result = window.reserve());
        result.map(|()| Reservation { quota: self.clone(), left: RESERVED })
    }

    pub fn watch(&self) -> watch::Receiver<Window> {
        self.0.subscribe()
    }
}

impl Window {
    pub fn used(&self) -> Used {
        Used { used: self.spent + self.reserved, of: TOKENS }
    }

    fn reserve(&mut self) -> Result<(), Refused> {
        let age = self.since.elapsed();
        if age >= WINDOW {
            (self.since, self.spent) = (Instant::now(), 0);
        }
        if self.spent + RESERVED > TOKENS {
            return Err(Refused::Used(WINDOW.saturating_sub(age)));
        }
        if self.spent + self.reserved + RESERVED > TOKENS {
            return Err(Refused::Reserved);
        }
        self.reserved += RESERVED;
        Ok(())
    }
}

/// What is left of it is given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    quota: Quota,
    left: u64,
}

impl Reservation {
    /// Uses one token, or says that all are used.
    pub fn spend(&mut self) -> bool {
        let is_left = self.left > 0;
        if is_left {
            self.left -= 1;
            self.quota.0.send_modify(|window| {
                window.reserved -= 1;
                window.spent += 1;
            });
        }
        is_left
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.quota.0.send_modify(|window| window.reserved -= self.left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_used_is_given_back_and_there_is_no_more_than_that() {
        let quota = Quota::new();
        let used = || quota.0.borrow().used().used;
        let mut reservation = quota.reserve().unwrap();
        assert!(reservation.spend());
        assert_eq!(used(), RESERVED);
        drop(reservation);
        assert_eq!(used(), 1);

        let all: Vec<_> = std::iter::from_fn(|| quota.reserve().ok()).collect();
        assert_eq!(all.len(), 9);
        assert!(matches!(quota.reserve(), Err(Refused::Reserved)));
        drop(all);
        let mut reservation = quota.reserve().unwrap();
        assert_eq!((0..).take_while(|_| reservation.spend()).count(), RESERVED as usize);
        while let Ok(mut reservation) = quota.reserve() {
            while reservation.spend() {}
        }
        assert!(matches!(quota.reserve(), Err(Refused::Used(time)) if time <= WINDOW));
    }
}
