//! Anthropic's messages: blocks, one after the other, each of which begins, grows and ends.
//!
//! ```text
//! event: content_block_start
//! data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
//!
//! event: content_block_delta
//! data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}
//!
//! event: content_block_stop
//! data: {"type":"content_block_stop","index":0}
//!
//! event: message_delta
//! data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}
//!
//! event: message_stop
//! data: {"type":"message_stop"}
//! ```

use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use sse_wire::{Event, EventStream};

use super::{Chunks, Delta, Failure, Key, MAX_ANSWER, media, tools::Calls};

pub(super) const PATH: &[&str] = &["messages"];

/// The service wants to know. No answer of a chat is longer.
const MAX_TOKENS: u32 = 8192;

pub(super) fn headers(key: Option<&Key>) -> HeaderMap {
    let version = HeaderValue::from_static("2023-06-01");
    let version = (HeaderName::from_static("anthropic-version"), version);
    let key = key.map(|key| (HeaderName::from_static("x-api-key"), key.header("")));
    [version].into_iter().chain(key).collect()
}

pub(super) fn body(model: &str, messages: &[Value]) -> Value {
    json!({"model": model, "max_tokens": MAX_TOKENS, "messages": messages, "stream": true})
}

pub(super) fn deltas(
    events: EventStream<impl Chunks>,
) -> impl Stream<Item = Result<Delta, Failure>> + Send {
    let answer = Answer { events, calls: Calls::default(), reason: None, is_over: false };
    stream::try_unfold(answer, async |mut answer| {
        Ok(answer.next().await?.map(|delta| (delta, answer)))
    })
}

struct Answer<S> {
    events: EventStream<S>,
    calls: Calls,
    reason: Option<String>,
    is_over: bool,
}

impl<S: Chunks> Answer<S> {
    async fn next(&mut self) -> Result<Option<Delta>, Failure> {
        while !self.is_over {
            let Some(event) = self.events.next().await else {
                return Err(Failure::cut());
            };
            if self.events.bytes_read() > MAX_ANSWER {
                return Err(Failure::too_long());
            }
            if let Some(delta) = self.read(&event?)? {
                return Ok(Some(delta));
            }
        }
        Ok(None)
    }

    fn read(&mut self, event: &Event) -> Result<Option<Delta>, Failure> {
        match event.event_type() {
            "content_block_start" => self.start(event.json()?),
            "content_block_delta" => self.grow(event.json()?),
            "message_delta" => {
                let MessageDelta { delta } = event.json()?;
                self.reason = delta.stop_reason.or(self.reason.take());
                Ok(None)
            }
            "message_stop" => {
                self.is_over = true;
                let reason = self.reason.take().map_or_else(|| "stop".to_owned(), translated);
                Ok(Some(Delta::Done { reason }))
            }
            "error" => Err(Failure::in_band(&event.json::<Error>()?.error)),
            // `message_start`, `content_block_stop`, `ping`, and those that are new: the service
            // says that it adds types.
            _ => Ok(None),
        }
    }

    fn start(&mut self, block: BlockStart) -> Result<Option<Delta>, Failure> {
        Ok(match block.content_block {
            Block::Text { text } => some(text).map(Delta::Token),
            Block::Thinking { thinking } => some(thinking).map(Delta::Thinking),
            Block::ToolUse { name } => {
                let index = self.calls.begin(block.index)?;
                Some(Delta::Tool { index, name: Some(name), arguments: String::new() })
            }
            Block::Image { source } | Block::Audio { source } => {
                Some(media::item(&source.media_type, source.data)?)
            }
            Block::Other => None,
        })
    }

    fn grow(&mut self, block: BlockDelta) -> Result<Option<Delta>, Failure> {
        Ok(match block.delta {
            Growth::TextDelta { text } => some(text).map(Delta::Token),
            Growth::ThinkingDelta { thinking } => some(thinking).map(Delta::Thinking),
            // Blocks of other types grow by it, too.
            Growth::InputJsonDelta { partial_json } => {
                let call = some(partial_json).zip(self.calls.number(block.index));
                call.map(|(arguments, index)| Delta::Tool { index, name: None, arguments })
            }
            Growth::Other => None,
        })
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Into the words of OpenAI, so that a page need not know which service it was.
fn translated(reason: String) -> String {
    match reason.as_str() {
        "end_turn" | "stop_sequence" => "stop".to_owned(),
        "max_tokens" => "length".to_owned(),
        "tool_use" => "tool_calls".to_owned(),
        "refusal" => "content_filter".to_owned(),
        _ => reason,
    }
}

#[derive(Deserialize)]
struct BlockStart {
    index: u64,
    content_block: Block,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
    },
    ToolUse {
        name: String,
    },
    /// The service reads pictures, and shows none yet: this is how it would write one.
    Image {
        source: Source,
    },
    /// The same.
    Audio {
        source: Source,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Source {
    media_type: String,
    data: String,
}

#[derive(Deserialize)]
struct BlockDelta {
    index: u64,
    delta: Growth,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Growth {
    TextDelta {
        text: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageDelta {
    delta: MessageChange,
}

#[derive(Deserialize)]
struct MessageChange {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Error {
    error: Value,
}
