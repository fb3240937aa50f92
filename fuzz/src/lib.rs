//! The bodies of the fuzz targets. Each is a plain function of the input that
//! panics if the library breaks a promise, so that a test can run it too.
//!
//! [`parse`], [`reference`] and [`tiers`] read an input as described in `input`,
//! [`encode`] as described there. All compare the results as records of the test
//! harness of the main package.

#[path = "../../tests/common/mod.rs"]
mod common;
mod encode;
mod input;
mod parse;
mod reference;
mod tiers;

use std::{env, fs};

use common::Recorded;

pub use self::{encode::encode, parse::parse, reference::reference, tiers::tiers};

/// Runs the body of a target over the files that the command line names.
pub fn replay(target: fn(&[u8])) {
    for path in env::args_os().skip(1) {
        target(&fs::read(path).expect("a file that can be read"));
    }
}

/// What is left of the items for a caller of `next_event`.
fn events(items: &[Recorded]) -> Vec<Recorded> {
    let is_other = |item: &&Recorded| {
        matches!(item, Recorded::Comment(_) | Recorded::LastEventId(_) | Recorded::Retry(_))
    };
    items.iter().filter(|item| !is_other(item)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a target over its seeds, and over each of them cut off anywhere.
    fn run_seeds(name: &str, target: fn(&[u8])) {
        let folder = format!("{}/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
        let seeds: Vec<_> = fs::read_dir(folder).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(seeds.len() >= 10, "only {} seeds", seeds.len());
        for seed in seeds {
            println!("{}", seed.path().display());
            let input = fs::read(seed.path()).unwrap();
            (0..=input.len()).for_each(|end| target(&input[..end]));
        }
    }

    #[test]
    fn parse_holds_for_its_seeds() {
        run_seeds("streams", parse);
    }

    #[test]
    fn reference_holds_for_its_seeds() {
        run_seeds("streams", reference);
    }

    #[test]
    fn tiers_hold_for_their_seeds() {
        run_seeds("streams", tiers);
    }

    #[test]
    fn encode_holds_for_its_seeds() {
        run_seeds("encode", encode);
    }
}
