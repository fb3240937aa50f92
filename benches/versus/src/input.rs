//! What is read: the corpora of the benches, shortened, in chunks.
//!
//! A shorter stream is read in less time, so that more rounds end without an
//! interruption by other programs. It is still long enough that a branch
//! predictor does not know it by heart.

#[path = "../../corpora/streams.rs"]
mod streams;

use bytes::Bytes;

use crate::reference;

/// How long a stream is, at least, and at most one event more.
const LENGTH: usize = 256 * 1024;

/// The streams that have the shape of what LLM services send.
pub const LLM_SHAPED: [&str; 3] = ["openai_chat", "anthropic", "chinese"];

/// What a stream is, for those who do not know its name.
pub fn title(name: &str) -> &str {
    match name {
        "openai_chat" => "OpenAI chat, 250 B",
        "anthropic" => "Anthropic, with event:, 130 B",
        "chinese" => "Chinese, 110 B",
        "tiny" => r#"{"t":"a"}, 17 B"#,
        "id_event_data" => "id, event and data, 45 B",
        "crlf" => "Anthropic, with CR LF",
        "three_lines" => "three data lines",
        "keep_alive" => "keep-alive comments",
        "large" => "40 KB",
        _ => name,
    }
}

/// A stream, and what a correct parser makes of it.
pub struct Corpus {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub expected: reference::Summary,
}

/// All nine.
pub fn corpora() -> Vec<Corpus> {
    streams::all()
        .into_iter()
        .map(|corpus| Corpus::new(corpus.name, shortened(corpus.bytes, LENGTH)))
        .collect()
}

impl Corpus {
    pub fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        let expected = reference::summary(&reference::events(&bytes));
        Self { name, bytes, expected }
    }
}

/// Up to the first blank line after `length` bytes.
pub fn shortened(mut stream: Vec<u8>, length: usize) -> Vec<u8> {
    let end = block_ends(&stream).find(|&end| end >= length);
    stream.truncate(end.expect("a blank line"));
    stream
}

/// Where blocks end. The lines of a stream all end in the same way, LF or CR LF.
fn block_ends(stream: &[u8]) -> impl Iterator<Item = usize> {
    let blank: &[u8] = if stream.contains(&b'\r') { b"\r\n\r\n" } else { b"\n\n" };
    memchr::memmem::find_iter(stream, blank).map(|start| start + blank.len())
}

/// How a stream is cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chunking {
    pub name: &'static str,
    /// In bytes; `None` is a chunk for each block, as a server flushes it.
    pub size: Option<usize>,
    /// What the network may deliver, and not only tests.
    pub is_network: bool,
}

pub const LARGE_READ: Chunking =
    Chunking { name: "16 KiB", size: Some(16 * 1024), is_network: true };
pub const SEGMENT: Chunking = Chunking { name: "1,460 B", size: Some(1460), is_network: true };
pub const BLOCK: Chunking = Chunking { name: "one event", size: None, is_network: true };

pub const CHUNKINGS: [Chunking; 5] = [
    LARGE_READ,
    SEGMENT,
    BLOCK,
    Chunking { name: "64 B", size: Some(64), is_network: false },
    Chunking { name: "7 B", size: Some(7), is_network: false },
];

/// A stream in chunks: each in memory of its own, as those of a transport, both
/// as slices and with a reference count.
pub struct Chunks {
    shared: Vec<Bytes>,
}

impl Chunks {
    pub fn new(stream: &[u8], chunking: Chunking) -> Self {
        let shared = match chunking.size {
            Some(size) => stream.chunks(size).map(Bytes::copy_from_slice).collect(),
            None => {
                let mut start = 0;
                let ends = block_ends(stream);
                ends.map(|end| {
                    Bytes::copy_from_slice(&stream[std::mem::replace(&mut start, end)..end])
                })
                .collect()
            }
        };
        Self { shared }
    }

    pub fn slices(&self) -> Vec<&[u8]> {
        self.shared.iter().map(|chunk| &chunk[..]).collect()
    }

    pub fn shared(&self) -> Vec<Bytes> {
        self.shared.clone()
    }
}
