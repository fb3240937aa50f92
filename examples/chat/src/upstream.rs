//! Where answers come from.

use std::{io, time::Duration};

use futures_util::{Stream, StreamExt, future, stream};
use serde::{Deserialize, Serialize};

/// Where answers come from.
#[derive(Clone, Debug)]
pub struct Upstream(());

impl Upstream {
    pub async fn from_env() -> io::Result<Self> {
        Self::fake().await
    }

    pub async fn fake() -> io::Result<Self> {
        Ok(Self(()))
    }

    pub fn ask(
        &self,
        question: Question,
    ) -> impl Stream<Item = Result<Delta, Failure>> + Send + use<> {
        let pause = Duration::from_millis(if question.fault == Fault::Slow { 250 } else { 20 });
        let words =
            format!("You are at turn {} and asked: {}", question.turns.len(), question.prompt);
        let words: Vec<String> = words.split_inclusive(' ').map(str::to_owned).collect();
        let failure = |kind, message: &str| Some(Err(Failure { kind, message: message.into() }));
        let end = match question.fault {
            Fault::Cut => failure(FailureKind::Cut, "the service broke off"),
            Fault::Error => failure(FailureKind::Error, "the service is overloaded"),
            Fault::Refused => failure(FailureKind::Refused, "the service refused: 429"),
            Fault::Silent => None,
            _ => Some(Ok(Delta::Done { reason: "stop".into() })),
        };
        let first = match question.show {
            Show::Text => None,
            Show::Thinking => Some(Delta::Thinking("Let me think.".into())),
            Show::Image | Show::Audio => Some(Delta::Item {
                media_type: "image/png".into(),
                base64: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==".into(),
            }),
            Show::Tool => Some(Delta::Tool {
                index: 0,
                name: Some("weather".into()),
                arguments: r#"{"city":"Oslo"}"#.into(),
            }),
        };
        let words = if question.fault == Fault::Refused { Vec::new() } else { words };
        let words = stream::iter(words).then(move |word| async move {
            tokio::time::sleep(pause).await;
            Ok(Delta::Token(word))
        });
        let end = stream::once(async move {
            match end {
                Some(end) => end,
                None => future::pending().await,
            }
        });
        stream::iter(first.map(Ok)).chain(words).chain(end)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Question {
    pub turns: Vec<Turn>,
    pub prompt: String,
    pub service: Service,
    pub show: Show,
    pub fault: Fault,
}

#[derive(Clone, Debug)]
pub struct Turn {
    pub prompt: String,
    pub answer: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    #[default]
    OpenAi,
    Anthropic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    #[default]
    Text,
    Thinking,
    Image,
    Audio,
    Tool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    Thinking(String),
    Token(String),
    Item { media_type: String, base64: String },
    Tool { index: usize, name: Option<String>, arguments: String },
    Done { reason: String },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    Error,
    Cut,
    Silent,
    Refused,
    Unreachable,
    Invalid,
}
