//! Nine event streams of about 1 MiB each, generated.
//!
//! Each has the shape of something that servers send, and is the same on every
//! run and machine. The events contain words of varying length, so that no two
//! neighbours have their line ends in the same place: a stream of equal events
//! would be read from the branch predictor's memory.
//!
//! When changing this file: numbers measured before apply to other streams.
#![allow(dead_code, reason = "each bench and test uses a part of it")]

use core::fmt::Write;

/// How long a stream becomes before no further event is added.
const LENGTH: usize = 1024 * 1024;

/// Chunk sizes, in bytes: a large read, and what one TCP segment carries.
pub(crate) const CHUNK_SIZES: [usize; 2] = [16 * 1024, 1460];

/// A generated event stream.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// How many events are in it.
    pub(crate) events: usize,
    /// How many items: events and comments.
    pub(crate) items: usize,
}

/// All nine.
pub(crate) fn all() -> [Corpus; 9] {
    [
        // Chunks of OpenAI chat completions, about 250 bytes each.
        corpus("openai_chat", "\n", 1, openai_chat),
        // Text deltas of Anthropic messages, with `event`: about 130 bytes.
        corpus("anthropic", "\n", 1, anthropic),
        // Mostly characters of three bytes, about 110 bytes.
        corpus("chinese", "\n", 1, chinese),
        // `data: {"t":"a"}`, 17 bytes: little but line ends.
        corpus("tiny", "\n", 1, |_, stream| stream.push_str("data: {\"t\":\"a\"}\n\n")),
        // A server that can resume: `id`, `event` and `data`, about 45 bytes.
        corpus("id_event_data", "\n", 1, id_event_data),
        // As `anthropic`, with CR LF for each line end.
        corpus("crlf", "\r\n", 1, anthropic),
        // Three `data` lines an event: data that is no slice of the stream.
        corpus("three_lines", "\n", 1, three_lines),
        // Seven comments to an event, as in the wait for a slow answer.
        corpus("keep_alive", "\n", 8, keep_alive),
        // Events of 40 KB: longer than a chunk.
        corpus("large", "\n", 1, large),
    ]
}

/// Calls `add` with 0, 1, 2 … until the stream is long enough. Each call adds
/// one event, and `items` items in all.
fn corpus(
    name: &'static str,
    line_end: &str,
    items: usize,
    add: impl Fn(usize, &mut String),
) -> Corpus {
    let mut stream = String::new();
    let mut events = 0;
    while stream.len() < LENGTH {
        add(events, &mut stream);
        events += 1;
    }
    let bytes = stream.replace('\n', line_end).into_bytes();
    Corpus { name, bytes, events, items: events * items }
}

fn openai_chat(index: usize, stream: &mut String) {
    let word = word(index);
    write(
        stream,
        format_args!(
            "data: {{\"id\":\"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012\",\
             \"object\":\"chat.completion.chunk\",\"created\":1735689600,\
             \"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_0123456789\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {word}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        ),
    );
}

fn anthropic(index: usize, stream: &mut String) {
    let word = word(index);
    write(
        stream,
        format_args!(
            "event: content_block_delta\n\
             data: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\" {word}\"}}}}\n\n"
        ),
    );
}

fn chinese(index: usize, stream: &mut String) {
    const TEXT: [&str; 4] =
        ["服务器发送的事件流", "人工智能正在改变世界", "今天的天气很好，我们去公园", "请稍等"];
    let (text, next) = (TEXT[random(index) % 4], TEXT[random(index + 1) % 4]);
    write(
        stream,
        format_args!(
            "data: {{\"内容\":\"{text}，{next}。\",\"序号\":{index:05},\"完成\":false}}\n\n"
        ),
    );
}

fn id_event_data(index: usize, stream: &mut String) {
    let word = word(index);
    write(stream, format_args!("id: {index:05}\nevent: delta\ndata: {{\"t\":\"{word}\"}}\n\n"));
}

fn three_lines(index: usize, stream: &mut String) {
    for line in 0..3 {
        write(stream, format_args!("data: elements <p>{}</p>\n", word(3 * index + line)));
    }
    stream.push('\n');
}

fn keep_alive(index: usize, stream: &mut String) {
    for _ in 0..7 {
        stream.push_str(": OPENROUTER PROCESSING\n\n");
    }
    write(stream, format_args!("data: {{\"t\":\"{}\"}}\n\n", word(index)));
}

fn large(index: usize, stream: &mut String) {
    let end = stream.len() + 40_000;
    stream.push_str("data: ");
    for n in 0.. {
        if stream.len() >= end {
            break;
        }
        stream.push_str(word(index + n));
        stream.push(' ');
    }
    stream.push_str("\n\n");
}

/// `write!` into a `String`, which cannot fail.
fn write(stream: &mut String, text: core::fmt::Arguments<'_>) {
    stream.write_fmt(text).expect("a `String` grows");
}

/// A word of one to thirteen letters.
fn word(index: usize) -> &'static str {
    const WORDS: [&str; 16] = [
        "a",
        "the",
        "of",
        "stream",
        "event",
        "and",
        "connection",
        "is",
        "parser",
        "chunk",
        "reconnects",
        "to",
        "boundary",
        "it",
        "specification",
        "line",
    ];
    WORDS[random(index) % WORDS.len()]
}

/// A number that looks random, and is always the same for the same index.
fn random(index: usize) -> usize {
    let mixed = (index as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as usize
}
