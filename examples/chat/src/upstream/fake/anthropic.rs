//! As Anthropic writes an answer: in blocks, each of which has a start, deltas and a stop.

use serde_json::{Value, json};
use sse_wire::Event;

use super::super::Delta;

pub(super) fn write(deltas: &[Delta]) -> Vec<Event> {
    let usage = json!({"input_tokens": 20, "output_tokens": 1});
    let message = json!({
        "id": "msg_fake", "type": "message", "role": "assistant", "model": "fake", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    let mut writer = Writer::default();
    writer.event(json!({"type": "message_start", "message": message}));
    writer.event(json!({"type": "ping"}));
    for delta in deltas {
        writer.write(delta);
    }
    writer.stop();
    let reason = deltas.iter().find_map(|delta| match delta {
        Delta::Done { reason } if reason == "tool_calls" => Some("tool_use"),
        Delta::Done { .. } => Some("end_turn"),
        _ => None,
    });
    let delta = json!({"stop_reason": reason, "stop_sequence": null});
    let usage = json!({"output_tokens": deltas.len()});
    writer.event(json!({"type": "message_delta", "delta": delta, "usage": usage}));
    writer.event(json!({"type": "message_stop"}));
    writer.events
}

pub(super) fn error() -> Event {
    let error = json!({"type": "overloaded_error", "message": "Overloaded", "details": null});
    event(&json!({"type": "error", "error": error}))
}

#[derive(Default)]
struct Writer {
    events: Vec<Event>,
    blocks: usize,
    /// The type of the block that has started.
    open: Option<&'static str>,
}

impl Writer {
    fn write(&mut self, delta: &Delta) {
        match delta {
            Delta::Thinking(text) => {
                self.continue_block(
                    "thinking",
                    json!({"type": "thinking", "thinking": "", "signature": ""}),
                );
                self.delta(json!({"type": "thinking_delta", "thinking": text}));
            }
            Delta::Token(text) => {
                self.continue_block("text", json!({"type": "text", "text": ""}));
                self.delta(json!({"type": "text_delta", "text": text}));
            }
            Delta::Item { media_type, base64 } => {
                let kind = if media_type.starts_with("image/") { "image" } else { "audio" };
                let source = json!({"type": "base64", "media_type": media_type, "data": base64});
                self.start(kind, json!({"type": kind, "source": source}));
            }
            Delta::Tool { index, name, arguments } => {
                if let Some(name) = name {
                    let id = format!("toolu_fake{index}");
                    self.start(
                        "tool_use",
                        json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                    );
                }
                self.delta(json!({"type": "input_json_delta", "partial_json": arguments}));
            }
            Delta::Done { .. } => {}
        }
    }

    fn continue_block(&mut self, kind: &'static str, block: Value) {
        if self.open != Some(kind) {
            self.start(kind, block);
        }
    }

    fn start(&mut self, kind: &'static str, block: Value) {
        self.stop();
        self.event(
            json!({"type": "content_block_start", "index": self.blocks, "content_block": block}),
        );
        self.open = Some(kind);
    }

    fn delta(&mut self, delta: Value) {
        self.event(json!({"type": "content_block_delta", "index": self.blocks, "delta": delta}));
    }

    fn stop(&mut self) {
        let Some(kind) = self.open.take() else { return };
        if kind == "thinking" {
            self.delta(json!({"type": "signature_delta", "signature": "ZmFrZQ=="}));
        }
        self.event(json!({"type": "content_block_stop", "index": self.blocks}));
        self.blocks += 1;
    }

    fn event(&mut self, data: Value) {
        self.events.push(event(&data));
    }
}

/// The type of an event is also in its data.
fn event(data: &Value) -> Event {
    let event_type = data["type"].as_str().unwrap_or_default();
    let event = Event::builder().event_type(event_type).data(data.to_string()).build();
    event.expect("these types are constant")
}
