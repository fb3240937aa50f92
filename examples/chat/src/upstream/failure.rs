//! Why there is no answer, or not all of it, in words for the page. Most of them come from
//! outside: they are cut short, and the key is not among them.

use std::{error::Error, iter::successors, time::Duration};

use reqwest::{Response, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_wire::{JsonError, JsonStreamError, StreamError};

use super::Key;

/// Of what a service says about an error, in characters.
const MAX_MESSAGE: usize = 500;
/// Of the body of a refusal, and how long to wait for it.
const MAX_REFUSAL: usize = 64 << 10;
const REFUSAL_TIME: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The service said so within the stream.
    Error,
    /// The stream ended, or broke, before the service said that it is over.
    Cut,
    /// Nothing came for too long.
    Silent,
    /// Another status than 2xx.
    Refused,
    Unreachable,
    /// Not an event stream, not what is expected in one, or too large.
    Invalid,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Invalid, message)
    }

    pub(super) fn cut() -> Self {
        Self::new(FailureKind::Cut, "the service broke off before its answer was over")
    }

    pub(super) fn too_long() -> Self {
        Self::invalid("the answer of the service is too long")
    }

    /// The error of a service within its stream: text, or an object with a message.
    pub(super) fn in_band(error: &Value) -> Self {
        let message = message_of(error).map_or_else(|| error.to_string(), str::to_owned);
        Self::new(FailureKind::Error, shorten(&message))
    }

    pub(super) fn of_request(error: reqwest::Error) -> Self {
        if error.is_connect() {
            let message = format!("cannot connect to the service: {}", cause(&error));
            return Self::new(FailureKind::Unreachable, message);
        }
        Self::of_transport(&error)
    }

    fn of_transport(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::new(FailureKind::Silent, "the service has been silent for too long");
        }
        Self::cut()
    }

    pub(super) async fn refused(response: Response) -> Self {
        let status = response.status();
        let message = match refusal(response).await {
            Some(message) => format!("the service refused: {status}: {message}"),
            None => format!("the service refused: {status}"),
        };
        Self::new(FailureKind::Refused, message)
    }

    pub(super) async fn not_a_stream(response: Response) -> Self {
        let content_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], |t| t.as_bytes());
        let content_type = shorten(&String::from_utf8_lossy(content_type));
        let mut text = format!("the service answered with `{content_type}`, not an event stream");
        if let Some(message) = refusal(response).await {
            text += &format!(": {message}");
        }
        Self::invalid(text)
    }

    pub(super) fn without(mut self, key: Option<&Key>) -> Self {
        if let Some(key) = key {
            self.message = key.hide_in(&self.message);
        }
        self
    }
}

impl From<StreamError<reqwest::Error>> for Failure {
    fn from(error: StreamError<reqwest::Error>) -> Self {
        match error {
            StreamError::Transport(error) => Self::of_transport(&error),
            // Too large.
            error => Self::invalid(error.to_string()),
        }
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        Self::invalid(format!("{error}: {}", shorten(&cause(&error))))
    }
}

impl From<JsonStreamError<reqwest::Error>> for Failure {
    fn from(error: JsonStreamError<reqwest::Error>) -> Self {
        match error {
            JsonStreamError::Stream(error) => error.into(),
            JsonStreamError::Json(error) => error.into(),
            error => Self::invalid(error.to_string()),
        }
    }
}

/// What a body that is no event stream says, if it says it in JSON. A page in HTML, for
/// people who came by another way, says nothing here.
async fn refusal(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    // Whatever has come when the time is over will do.
    _ = tokio::time::timeout(REFUSAL_TIME, async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_REFUSAL - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == MAX_REFUSAL {
                break;
            }
        }
    })
    .await;
    let body: Value = serde_json::from_slice(&body).ok()?;
    message_of(body.get("error").unwrap_or(&body)).map(shorten)
}

fn message_of(error: &Value) -> Option<&str> {
    error.as_str().or_else(|| error.get("message")?.as_str())
}

/// The innermost of the causes, which says what has happened, and names no URL.
fn cause(error: &dyn Error) -> String {
    successors(error.source(), |&error| error.source()).last().unwrap_or(error).to_string()
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
