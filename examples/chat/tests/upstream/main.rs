//! What is read of an answer: from the fake, from recorded streams, and from servers that do
//! not behave. Nothing sleeps in order to wait for something: the timeouts are there only so
//! that a failure does not hang.

mod recorded;
mod server;
mod servers;
mod settings;
mod the_fake;

use std::{future::Future, pin::pin, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat::upstream::{Delta, Failure, FailureKind, Question, Service};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

const SERVICES: [Service; 2] = [Service::OpenAi, Service::Anthropic];

fn question() -> Question {
    Question { prompt: "What is “SSE”?".to_owned(), ..Question::default() }
}

/// An answer, put together as a page would.
#[derive(Debug, Default)]
struct Answer {
    deltas: Vec<Delta>,
    text: String,
    thinking: String,
    items: Vec<(String, Vec<u8>)>,
    tools: Vec<(String, String)>,
    failure: Option<Failure>,
}

impl Answer {
    /// The reason that a whole answer gives last.
    fn reason(&self) -> Option<&str> {
        match self.deltas.last() {
            Some(Delta::Done { reason }) if self.failure.is_none() => Some(reason),
            _ => None,
        }
    }

    /// Why it is not whole.
    fn failure(&self) -> (FailureKind, &str) {
        assert!(!self.deltas.iter().any(|delta| matches!(delta, Delta::Done { .. })));
        let failure = self.failure.as_ref().expect("a failure");
        (failure.kind, &failure.message)
    }
}

async fn read(deltas: impl Stream<Item = Result<Delta, Failure>>) -> Answer {
    let mut deltas = pin!(deltas);
    let mut answer = Answer::default();
    while let Some(delta) = within(deltas.next()).await {
        let delta = match delta {
            Ok(delta) => delta,
            Err(failure) => {
                answer.failure = Some(failure);
                assert!(within(deltas.next()).await.is_none(), "it ends after an error");
                break;
            }
        };
        match delta.clone() {
            Delta::Token(text) => answer.text += &text,
            Delta::Thinking(text) => answer.thinking += &text,
            Delta::Item { media_type, base64 } => {
                answer.items.push((media_type, BASE64.decode(base64).unwrap()));
            }
            Delta::Tool { index, name: Some(name), arguments } => {
                assert_eq!(index, answer.tools.len());
                answer.tools.push((name, arguments));
            }
            Delta::Tool { index, name: None, arguments } => answer.tools[index].1 += &arguments,
            Delta::Done { .. } => {}
        }
        answer.deltas.push(delta);
    }
    answer
}

/// What a test waits for comes within this time, or the test fails.
async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future).await.expect("in 30 seconds")
}
