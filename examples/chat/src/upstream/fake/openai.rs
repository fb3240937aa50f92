//! As OpenAI writes an answer; thoughts as DeepSeek, and pictures as OpenRouter.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::{Value, json};
use sse_wire::Event;

use super::super::{Delta, media};

/// Of a sound, in bytes: 100 ms.
const SOUND_PIECE: usize = 4800;

pub(super) fn write(deltas: &[Delta]) -> Vec<Event> {
    let writer = Writer::new();
    let role = json!({"role": "assistant", "content": "", "refusal": null});
    let mut events = vec![writer.chunk(&role, None)];
    for delta in deltas {
        writer.write(delta, &mut events);
    }
    let tokens = deltas.len();
    let usage =
        json!({"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": 20 + tokens});
    events.push(writer.event(&json!([]), &usage));
    events.push(Event::new("[DONE]"));
    events
}

pub(super) fn error() -> Event {
    let message = "The server had an error while processing your request. Sorry about that!";
    let error = json!({"message": message, "type": "server_error", "param": null, "code": null});
    Event::new(json!({"error": error}).to_string())
}

struct Writer {
    id: String,
    created: u64,
}

impl Writer {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { id: format!("chatcmpl-fake{:x}", now.as_nanos()), created: now.as_secs() }
    }

    fn write(&self, delta: &Delta, events: &mut Vec<Event>) {
        match delta {
            Delta::Thinking(text) => {
                events.push(self.chunk(&json!({"content": null, "reasoning_content": text}), None));
            }
            Delta::Token(text) => events.push(self.chunk(&json!({"content": text}), None)),
            Delta::Item { media_type, base64 } if media_type == "audio/wav" => {
                let wav = BASE64.decode(base64).expect("the fake has encoded it");
                for piece in wav[media::WAV_HEADER..].chunks(SOUND_PIECE) {
                    let audio = json!({"id": "audio_fake", "data": BASE64.encode(piece)});
                    events.push(self.chunk(&json!({"audio": audio}), None));
                }
            }
            Delta::Item { media_type, base64 } => {
                let url = json!({"url": format!("data:{media_type};base64,{base64}")});
                let image = json!({"type": "image_url", "image_url": url, "index": 0});
                events.push(self.chunk(&json!({"content": "", "images": [image]}), None));
            }
            Delta::Tool { index, name, arguments } => {
                let call = match name {
                    Some(name) => json!({
                        "index": index, "id": format!("call_fake{index}"), "type": "function",
                        "function": {"name": name, "arguments": arguments},
                    }),
                    None => json!({"index": index, "function": {"arguments": arguments}}),
                };
                events.push(self.chunk(&json!({"tool_calls": [call]}), None));
            }
            Delta::Done { reason } => events.push(self.chunk(&json!({}), Some(reason))),
        }
    }

    fn chunk(&self, delta: &Value, finish_reason: Option<&str>) -> Event {
        let choice = json!({
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        });
        self.event(&json!([choice]), &Value::Null)
    }

    fn event(&self, choices: &Value, usage: &Value) -> Event {
        let chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": "fake", "system_fingerprint": "fp_fake", "choices": choices, "usage": usage,
        });
        Event::new(chunk.to_string())
    }
}
