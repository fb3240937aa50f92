//! An answer: a job that asks the service, and passes on what it says.

use std::{pin::pin, sync::Arc};

use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

use crate::{
    Chat,
    job::{End, Job, abandoned, interrupted},
    quota::Reservation,
    store::StoreError,
    upstream::{Delta, FailureKind, MAX_CALLS, Question},
};

/// All that an answer may come to.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Its state: what its events come to.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    kind: &'static str,
    prompt: String,
    thinking: String,
    text: String,
    items: Vec<Item>,
    tools: Vec<Tool>,
    #[serde(skip)]
    bytes: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Item {
    r#type: String,
    base64: String,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Tool {
    name: String,
    arguments: String,
}

impl Answer {
    pub fn new(prompt: String) -> Self {
        Self { kind: "answer", prompt, ..Self::default() }
    }

    /// Adds what a delta says, unless that is too much.
    fn add(&mut self, delta: &Delta) -> bool {
        let bytes = match delta {
            Delta::Thinking(text) => {
                self.thinking.push_str(text);
                text.len()
            }
            Delta::Token(text) => {
                self.text.push_str(text);
                text.len()
            }
            Delta::Item { media_type, base64 } => {
                self.items.push(Item { r#type: media_type.clone(), base64: base64.clone() });
                base64.len()
            }
            Delta::Tool { index, .. } if *index >= MAX_CALLS => return false,
            Delta::Tool { index, name, arguments } => {
                if self.tools.len() <= *index {
                    self.tools.resize_with(index + 1, Tool::default);
                }
                let tool = &mut self.tools[*index];
                tool.name.push_str(name.as_deref().unwrap_or_default());
                tool.arguments.push_str(arguments);
                arguments.len()
            }
            Delta::Done { .. } => 0,
        };
        self.bytes += bytes;
        self.bytes <= MAX_BYTES
    }
}

/// Runs until the answer is done, or has to end.
pub async fn run(
    chat: Arc<Chat>,
    mut job: Job<Answer>,
    question: Question,
    mut quota: Reservation,
) -> Result<(), StoreError> {
    let end = listen(&chat, &mut job, question, &mut quota).await?;
    // Who hears the last event sees a quota in which this is done.
    drop(quota);
    job.end(end).await
}

/// Passes the deltas on, up to the end. To return is to break the request off.
async fn listen(
    chat: &Chat,
    job: &mut Job<Answer>,
    question: Question,
    quota: &mut Reservation,
) -> Result<End, StoreError> {
    let _open = chat.status.count(|figures| &mut figures.upstream.open);
    let mut deltas = pin!(chat.upstream.ask(question));
    let mut interrupted = pin!(interrupted(chat, &job.log));
    let mut abandoned = pin!(abandoned(chat, &job.log));
    loop {
        let delta = tokio::select! {
            biased;
            end = &mut interrupted => return Ok(cancelled(chat, end)),
            end = &mut abandoned => return Ok(cancelled(chat, end)),
            delta = deltas.next() => delta,
        };
        let delta = match delta {
            Some(Ok(Delta::Done { reason })) => return Ok(End::done(json!({"reason": reason}))),
            Some(Ok(delta)) => delta,
            Some(Err(failure)) => return Ok(End::failed(failure.kind, &failure.message)),
            None => return Ok(End::failed(FailureKind::Cut, "the answer broke off")),
        };
        if !quota.spend() {
            return Ok(End::done(json!({"reason": "length"})));
        }
        if !job.state.add(&delta) {
            return Ok(End::failed(FailureKind::Invalid, "the answer is too large"));
        }
        say(job, &delta).await?;
    }
}

fn cancelled(chat: &Chat, end: End) -> End {
    chat.status.add(|figures| &mut figures.upstream.cancelled);
    end
}

/// Writes a delta into the log.
async fn say(job: &mut Job<Answer>, delta: &Delta) -> Result<(), StoreError> {
    match delta {
        Delta::Thinking(text) => job.push("thinking", &json!({"text": text})).await,
        Delta::Token(text) => job.push("token", &json!({"text": text})).await,
        Delta::Tool { index, name: Some(name), arguments } => {
            job.push("tool", &json!({"index": index, "name": name, "arguments": arguments})).await
        }
        Delta::Tool { index, name: None, arguments } => {
            job.push("tool", &json!({"index": index, "arguments": arguments})).await
        }
        Delta::Item { media_type, base64 } => {
            job.push("item", &json!({"type": media_type, "base64": base64})).await?;
            // The log may be too small for it, and then the state has to have it.
            job.save().await
        }
        Delta::Done { .. } => Ok(()),
    }
}
