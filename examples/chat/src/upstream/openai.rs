//! OpenAI's chat completions, and what others have added to them: DeepSeek its
//! `reasoning_content`, OpenRouter `reasoning`, pictures, and errors within the stream.
//!
//! ```text
//! data: {"choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
//!
//! data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}
//!
//! data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}
//!
//! data: [DONE]
//! ```

use std::{collections::VecDeque, mem};

use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use sse_wire::{EventStream, Json, Outcome, UntilSentinel};

use super::{
    Chunks, Delta, Failure, Key, MAX_ANSWER,
    media::{self, Sound},
    tools::Calls,
};

pub(super) const PATH: &[&str] = &["chat", "completions"];

pub(super) fn headers(key: Option<&Key>) -> HeaderMap {
    key.map(|key| (AUTHORIZATION, key.header("Bearer "))).into_iter().collect()
}

pub(super) fn body(model: &str, messages: &[Value]) -> Value {
    json!({"model": model, "messages": messages, "stream": true})
}

pub(super) fn deltas(
    events: EventStream<impl Chunks>,
) -> impl Stream<Item = Result<Delta, Failure>> + Send {
    let answer = Answer {
        chunks: events.until_sentinel("[DONE]").json(),
        ready: VecDeque::new(),
        calls: Calls::default(),
        sound: Sound::default(),
        reason: None,
        is_over: false,
    };
    stream::try_unfold(answer, async |mut answer| {
        Ok(answer.next().await?.map(|delta| (delta, answer)))
    })
}

struct Answer<S> {
    chunks: Json<UntilSentinel<S>, Chunk>,
    ready: VecDeque<Delta>,
    calls: Calls,
    sound: Sound,
    reason: Option<String>,
    is_over: bool,
}

impl<S: Chunks> Answer<S> {
    async fn next(&mut self) -> Result<Option<Delta>, Failure> {
        while self.ready.is_empty() && !self.is_over {
            match self.chunks.next().await {
                Some(chunk) => self.read(chunk?)?,
                None => self.finish()?,
            }
        }
        Ok(self.ready.pop_front())
    }

    fn read(&mut self, chunk: Chunk) -> Result<(), Failure> {
        if self.chunks.get_ref().get_ref().bytes_read() > MAX_ANSWER {
            return Err(Failure::too_long());
        }
        if let Some(error) = chunk.error {
            return Err(Failure::in_band(&error));
        }
        // There is none in the chunk that says how many tokens were used.
        for choice in chunk.choices.unwrap_or_default() {
            self.reason = choice.finish_reason.or(self.reason.take());
            self.read_delta(choice.delta.unwrap_or_default())?;
        }
        Ok(())
    }

    fn read_delta(&mut self, delta: Piece) -> Result<(), Failure> {
        // Some gateways send both.
        let thinking = delta.reasoning_content.or(delta.reasoning).unwrap_or_default();
        if !thinking.is_empty() {
            self.ready.push_back(Delta::Thinking(thinking));
        }
        for text in [delta.content, delta.refusal].into_iter().flatten() {
            if !text.is_empty() {
                self.ready.push_back(Delta::Token(text));
            }
        }
        for image in delta.images.unwrap_or_default() {
            self.ready.push_back(media::item_of_url(&image.image_url.url)?);
        }
        if let Some(audio) = delta.audio {
            if let Some(text) = audio.transcript.filter(|text| !text.is_empty()) {
                self.ready.push_back(Delta::Token(text));
            }
            self.sound.push(audio.data.as_deref().unwrap_or_default())?;
        }
        for call in delta.tool_calls.unwrap_or_default() {
            let arguments = call.function.arguments.unwrap_or_default();
            let (index, name) = match self.calls.number(call.index) {
                // Some gateways repeat the name.
                Some(index) => (index, None),
                None => (self.calls.begin(call.index)?, call.function.name),
            };
            if name.is_some() || !arguments.is_empty() {
                self.ready.push_back(Delta::Tool { index, name, arguments });
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.chunks.get_ref().outcome() != Some(Outcome::Finished) {
            return Err(Failure::cut());
        }
        self.is_over = true;
        self.ready.extend(mem::take(&mut self.sound).into_item());
        let reason = self.reason.take().unwrap_or_else(|| "stop".to_owned());
        self.ready.push_back(Delta::Done { reason });
        Ok(())
    }
}

// Services leave out, or set to null, whatever they have nothing to say about.

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Piece>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Piece {
    content: Option<String>,
    refusal: Option<String>,
    reasoning: Option<String>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
    images: Option<Vec<Image>>,
    audio: Option<Audio>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    function: Function,
}

#[derive(Default, Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    image_url: ImageUrl,
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Deserialize)]
struct Audio {
    transcript: Option<String>,
    data: Option<String>,
}
