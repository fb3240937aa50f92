//! Names that nobody can guess.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

const DIGITS: usize = 32;

/// 128 random bits, in hexadecimal: of a session, a job, a token. Who knows it may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(u128);

impl Id {
    pub fn random() -> Self {
        Self(random())
    }
}

/// For what should not happen at the same time everywhere.
pub fn random_below(end: u64) -> u64 {
    (random() % u128::from(end)) as u64
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    u128::from_ne_bytes(bytes)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// There is one way only to write an ID, because names are made of them.
impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != DIGITS || !text.bytes().all(is_digit) {
            return Err(NoId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NoId)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ID has {DIGITS} digits, from 0 to f")]
pub struct NoId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_in_no_other_way() {
        let id = Id::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(Id(10).to_string(), "0000000000000000000000000000000a");
        let bad = ["", "a", "+000000000000000000000000000000a", "0000000000000000000000000000000A"];
        for bad in bad.into_iter().chain(["../../00000000000000000000000000"]) {
            assert_eq!(bad.parse::<Id>(), Err(NoId), "{bad}");
        }
    }
}
