//! The bodies of the fuzz targets. Each is a plain function of the input that
//! panics if the library breaks a promise, so that a test can run it too.
//!
//! [`parse`], [`reference`] and [`tiers`] read an input as described in `input`,
//! [`encode`] and [`connection`] as described there. All but the last compare the
//! results as records of the test harness of the main package.

#[path = "../../tests/common/mod.rs"]
mod common;
mod connection;
mod encode;
mod input;
mod parse;
mod reference;
mod tiers;

use std::{env, fs};

pub use self::{
    connection::connection, encode::encode, parse::parse, reference::reference, tiers::tiers,
};

/// Runs the body of a target over the files that the command line names.
pub fn replay(target: fn(&[u8])) {
    for path in env::args_os().skip(1) {
        target(&fs::read(path).expect("a file that can be read"));
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Runs a target over its seeds, and over each of them cut off anywhere, or, if
    /// it is long, at a hundred places; and over what long runs have found.
    fn run_seeds(name: &str, target: fn(&[u8])) {
        for path in files(&format!("seeds/{name}"), 20) {
            let input = read(&path);
            let step = if input.len() < 1000 { 1 } else { input.len() / 100 };
            (0..input.len()).step_by(step).for_each(|end| target(&input[..end]));
            target(&input);
        }
        files(&format!("found/{name}"), 100).iter().for_each(|path| target(&read(path)));
    }

    /// The files of a folder, of which there are at least so many.
    fn files(folder: &str, at_least: usize) -> Vec<PathBuf> {
        let entries = fs::read_dir(format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        assert!(paths.len() >= at_least, "only {} files in {folder}", paths.len());
        paths
    }

    /// Also prints the path, so that the last one printed is the one that fails.
    fn read(path: &Path) -> Vec<u8> {
        println!("{}", path.display());
        fs::read(path).unwrap()
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

    #[test]
    fn connection_holds_for_its_seeds() {
        run_seeds("connection", connection);
    }
}
