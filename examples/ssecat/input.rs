//! Where the bytes come from, and how they are read.

use std::{
    cell::RefCell,
    fmt,
    fs::File,
    io::{self, Read, Write},
    num::NonZeroUsize,
    path::PathBuf,
};

const TRANSCRIPT: &[u8] = include_bytes!("transcript.sse");

/// Where to read a stream from.
#[derive(PartialEq)]
pub(crate) enum Source {
    /// What an LLM API may send; all of it made up.
    Transcript,
    Stdin,
    File(PathBuf),
}

impl Source {
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Transcript => Box::new(TRANSCRIPT),
            Self::Stdin => Box::new(io::stdin().lock()),
            Self::File(path) => Box::new(File::open(path)?),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transcript => f.write_str("transcript"),
            Self::Stdin => f.write_str("stdin"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Reads chunks of limited size, and flushes the output before each.
///
/// So everything that has arrived is on the screen while a read waits for more,
/// and yet the events of one read share one write.
pub(crate) struct Input<'a, W> {
    bytes: Box<dyn Read>,
    chunk: NonZeroUsize,
    output: &'a RefCell<W>,
}

impl<'a, W: Write> Input<'a, W> {
    pub(crate) fn new(bytes: Box<dyn Read>, chunk: NonZeroUsize, output: &'a RefCell<W>) -> Self {
        Self { bytes, chunk, output }
    }
}

impl<W: Write> Read for Input<'_, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.output.borrow_mut().flush()?;
        let length = buffer.len().min(self.chunk.get());
        self.bytes.read(&mut buffer[..length])
    }
}
