//! Parsers in other languages, with the same bytes, on the same machine, in the
//! same run: what the scripts in `other-languages` have measured.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::input::{CHUNKINGS, Corpus};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/other-languages/run");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/corpora");

/// What was measured of a stream in a chunking.
pub struct Row {
    pub language: String,
    pub library: String,
    pub version: String,
    pub corpus: String,
    pub chunking: String,
    /// In nanoseconds, the least; `None` if the events were not those that are in
    /// the stream.
    pub time: Option<f64>,
}

/// Runs the scripts.
pub fn measure(corpora: &[Corpus]) -> Vec<Row> {
    write_corpora(corpora, Path::new(FOLDER));
    let output = Command::new(SCRIPT).arg(FOLDER).stderr(Stdio::inherit()).output();
    let output = output.expect("the script runs");
    if !output.status.success() {
        eprintln!("other-languages/run failed: what it has printed is used");
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| row(line, corpora)).collect()
}

/// Writes each stream to a file, and `corpora.csv`, from which the scripts know
/// the names of the streams and of the chunkings.
pub fn write_corpora(corpora: &[Corpus], folder: &Path) {
    fs::create_dir_all(folder).expect("a folder for the corpora");
    let mut list = String::new();
    for corpus in corpora {
        let file = format!("{}.txt", corpus.name);
        fs::write(folder.join(&file), &corpus.bytes).expect("a file for a corpus");
        for chunking in CHUNKINGS {
            let size = chunking.size.unwrap_or(0);
            list += &format!("{};{file};{};{size}\n", corpus.name, chunking.name);
        }
    }
    fs::write(folder.join("corpora.csv"), list).expect("a file for the list");
}

/// `language;library;version;corpus;chunking;nanoseconds;events;checksum`
fn row(line: &str, corpora: &[Corpus]) -> Option<Row> {
    let fields: Vec<&str> = line.split(';').collect();
    let [language, library, version, corpus, chunking, time, events, checksum] = fields[..] else {
        eprintln!("not a result: {line}");
        return None;
    };
    let expected = corpora.iter().find(|known| known.name == corpus)?.expected;
    let is_right =
        events.parse() == Ok(expected.events) && checksum.parse() == Ok(expected.checksum);
    Some(Row {
        language: language.to_owned(),
        library: library.to_owned(),
        version: version.to_owned(),
        corpus: corpus.to_owned(),
        chunking: chunking.to_owned(),
        time: time.parse().ok().filter(|_| is_right),
    })
}
