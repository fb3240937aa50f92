//! A stream in chunks, as a transport delivers it.

use std::{
    io::{self, Read},
    slice,
};

use bytes::Bytes;

/// In chunks of some size, and a last one that may be smaller; without a copy.
pub(crate) fn cut(stream: &Bytes, size: usize) -> Vec<Bytes> {
    let end = |start: usize| stream.len().min(start.saturating_add(size));
    let starts = (0..stream.len()).step_by(size);
    starts.map(|start| stream.slice(start..end(start))).collect()
}

/// Reads one chunk at a time, as a socket does.
pub(crate) struct Reader<'a> {
    chunks: slice::Iter<'a, Bytes>,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(chunks: &'a [Bytes]) -> Self {
        Self { chunks: chunks.iter(), rest: &[] }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.chunks.next().map_or(&[], |chunk| chunk);
        }
        self.rest.read(buffer)
    }
}
