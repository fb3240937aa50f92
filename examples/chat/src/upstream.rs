//! Where answers come from: an LLM service, or the fake that is built in.
//!
//! Either is asked by a real HTTP request, and its event stream is read with
//! [`EventStream`]. What it says becomes [`Delta`]s, which are the same for all services; how
//! each of them writes it down is in a file of its own. An answer ends in one of three ways,
//! and they are told apart: the service said that it is over ([`Delta::Done`]), the stream
//! ended without that ([`FailureKind::Cut`]), or the service reported an error
//! ([`FailureKind::Error`]).
//!
//! All that comes from outside is bounded: an event, an answer, and what a refusal says.

mod anthropic;
mod failure;
pub mod fake;
mod media;
mod openai;
mod settings;
mod tools;

use std::{io, time::Duration};

use axum::body::Bytes;
use futures_util::{Stream, TryFutureExt, TryStreamExt, stream::BoxStream};
use reqwest::{
    Client, RequestBuilder, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_wire::{EventStream, Parser};

pub use self::{
    failure::{Failure, FailureKind},
    settings::{Key, Settings},
    tools::MAX_CALLS,
};

const EVENT_STREAM: &str = "text/event-stream";

/// Of one event. A picture comes as one.
const MAX_EVENT: usize = 4 << 20;
/// Of a whole answer, as it is on the wire.
const MAX_ANSWER: u64 = 16 << 20;
const SILENCE_OF_FAKE: Duration = Duration::from_secs(30);
/// Some think for minutes, and say nothing.
const SILENCE: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Default)]
pub struct Question {
    /// What was said before, oldest first.
    pub turns: Vec<Turn>,
    pub prompt: String,
    /// Which of its two shapes the fake speaks. A real service has its own.
    pub service: Service,
    /// For the fake.
    pub show: Show,
    /// For the fake.
    pub fault: Fault,
}

#[derive(Clone, Debug)]
pub struct Turn {
    pub prompt: String,
    pub answer: String,
}

/// How a service writes requests and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Chat completions, which DeepSeek, OpenRouter, vLLM, Ollama and many others have, too.
    #[default]
    OpenAi,
    /// Messages.
    Anthropic,
}

/// What the fake answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    #[default]
    Text,
    Thinking,
    Image,
    Audio,
    Tool,
}

/// What goes wrong at the fake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    #[default]
    None,
    Slow,
    Cut,
    Error,
    Refused,
    Silent,
    Comments,
    Crlf,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    Thinking(String),
    Token(String),
    /// A picture or a sound.
    Item {
        media_type: String,
        base64: String,
    },
    /// Of a call, some more of its arguments. Calls are counted from 0, and `name` is in the
    /// first delta of each.
    Tool {
        index: usize,
        name: Option<String>,
        arguments: String,
    },
    /// The last. The reason is in the words of OpenAI: `stop`, `length`, `tool_calls`, …
    Done {
        reason: String,
    },
}

/// An LLM service, or the fake.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: Client,
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    Fake { base_url: Url },
    Real { service: Service, base_url: Url, model: String, key: Option<Key> },
}

impl Upstream {
    /// The service that `LLM_BASE_URL`, `LLM_API_KEY`, `LLM_MODEL` and `LLM_SERVICE` name, or
    /// else the fake.
    pub async fn from_env() -> io::Result<Self> {
        let get = |name: &str| std::env::var(name).ok();
        let upstream = match Settings::from_vars(get)? {
            Some(settings) => Self::real(settings),
            None => Self::fake().await,
        }?;
        match Settings::silence(get)? {
            Some(silence) => upstream.silent_after(silence),
            None => Ok(upstream),
        }
    }

    /// A server of its own on a loopback port, which runs as long as the runtime.
    pub async fn fake() -> io::Result<Self> {
        Self::fake_at(1).await
    }

    /// The fake, speaking so many times as fast.
    pub async fn fake_at(speed: u32) -> io::Result<Self> {
        let address = fake::start(speed).await?;
        let base_url = settings::base_url(&format!("http://{address}/v1"))?;
        let client = settings::client(&base_url, SILENCE_OF_FAKE)?;
        Ok(Self { client, target: Target::Fake { base_url } })
    }

    pub fn real(settings: Settings) -> io::Result<Self> {
        let Settings { service, base_url, key, model } = settings;
        let base_url = settings::base_url(&base_url)?;
        let client = settings::client(&base_url, SILENCE)?;
        Ok(Self { client, target: Target::Real { service, base_url, model, key } })
    }

    /// Gives up after so long without a byte, instead of 300 seconds, or of the fake 30. A comment is a sign of
    /// life, too: services send them while they think.
    pub fn silent_after(self, silence: Duration) -> io::Result<Self> {
        let (Target::Fake { base_url } | Target::Real { base_url, .. }) = &self.target;
        Ok(Self { client: settings::client(base_url, silence)?, ..self })
    }

    /// Asks. The stream ends after [`Delta::Done`] or an error. Dropping it closes the
    /// connection, whereupon a service stops to generate.
    pub fn ask(
        &self,
        question: Question,
    ) -> impl Stream<Item = Result<Delta, Failure>> + Send + use<> {
        let Self { client, target } = self.clone();
        let key = target.key().cloned();
        let answer = async move {
            let (service, request) = target.request(&client, &question);
            let response = request.send().await.map_err(Failure::of_request)?;
            Ok(service.deltas(check(response).await?))
        };
        // A service may repeat the key when it complains of it.
        answer.try_flatten_stream().map_err(move |failure| failure.without(key.as_ref()))
    }
}

impl Target {
    fn key(&self) -> Option<&Key> {
        match self {
            Self::Fake { .. } => None,
            Self::Real { key, .. } => key.as_ref(),
        }
    }

    fn request(self, client: &Client, question: &Question) -> (Service, RequestBuilder) {
        let (service, base_url, model, headers) = match self {
            Self::Fake { base_url } => {
                (question.service, base_url, "fake".to_owned(), fake::headers(question))
            }
            Self::Real { service, base_url, model, key } => {
                (service, base_url, model, service.headers(key.as_ref()))
            }
        };
        let request = client
            .post(service.endpoint(base_url))
            .headers(headers)
            .header(ACCEPT, EVENT_STREAM)
            .json(&service.body(&model, &messages(question)));
        (service, request)
    }
}

impl Service {
    fn endpoint(self, base_url: Url) -> Url {
        settings::append(
            base_url,
            match self {
                Self::OpenAi => openai::PATH,
                Self::Anthropic => anthropic::PATH,
            },
        )
    }

    fn headers(self, key: Option<&Key>) -> HeaderMap {
        match self {
            Self::OpenAi => openai::headers(key),
            Self::Anthropic => anthropic::headers(key),
        }
    }

    fn body(self, model: &str, messages: &[Value]) -> Value {
        match self {
            Self::OpenAi => openai::body(model, messages),
            Self::Anthropic => anthropic::body(model, messages),
        }
    }

    fn deltas(self, response: Response) -> BoxStream<'static, Result<Delta, Failure>> {
        let parser = Parser::builder().max_event_size(MAX_EVENT).build();
        let events = EventStream::with_parser(response.bytes_stream(), parser);
        match self {
            Self::OpenAi => Box::pin(openai::deltas(events)),
            Self::Anthropic => Box::pin(anthropic::deltas(events)),
        }
    }
}

/// The body of a response.
trait Chunks: Stream<Item = reqwest::Result<Bytes>> + Send + Unpin {}

impl<S: Stream<Item = reqwest::Result<Bytes>> + Send + Unpin> Chunks for S {}

/// The conversation. Both services write it in the same way.
fn messages(question: &Question) -> Vec<Value> {
    // An answer that was stopped before it began is empty, and services refuse that.
    let turns = question.turns.iter().filter(|turn| !turn.answer.is_empty());
    let said = turns.flat_map(|turn| [("user", &turn.prompt), ("assistant", &turn.answer)]);
    let messages = said.chain([("user", &question.prompt)]);
    messages.map(|(role, content)| json!({"role": role, "content": content})).collect()
}

/// Any text parses as an event stream, an error in JSON or a page in HTML as one without
/// events. So the status and the content type have to be those of an event stream.
async fn check(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if !status.is_success() {
        return Err(Failure::refused(response).await);
    }
    let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |t| t.as_bytes());
    let media_type = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    if media_type.trim_ascii().eq_ignore_ascii_case(EVENT_STREAM.as_bytes()) {
        return Ok(response);
    }
    Err(Failure::not_a_stream(response).await)
}
