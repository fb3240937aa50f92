//! Streams in the shape of public services, as they are in the tests of the library. What is
//! in them is found out in another way: line by line, since in these each event is a line.

use std::{fs, path::Path};

use chat::upstream::{
    Delta::{self, Done, Thinking, Token, Tool},
    FailureKind, Service,
};
use serde_json::Value;

use crate::{
    Answer, question, read,
    server::{OK, Then, serve},
};

#[tokio::test]
async fn of_openai() {
    let (answer, expected) = answer(Service::OpenAi, "01_openai_chat_completions").await;
    assert_eq!((&answer.deltas, answer.reason()), (&expected, Some("stop")));
    assert!(answer.text.starts_with("A stream is a promise") && answer.deltas.len() > 200);
}

#[tokio::test]
async fn of_deepseek_with_comments_and_thoughts() {
    let (answer, expected) = answer(Service::OpenAi, "06_deepseek_keepalive").await;
    assert_eq!((&answer.deltas, answer.reason()), (&expected, Some("stop")));
    assert!(answer.thinking.starts_with("流式接口") && answer.text.starts_with("流式接口"));
}

#[tokio::test]
async fn of_openrouter_with_an_error_before_the_sentinel() {
    let (answer, expected) = answer(Service::OpenAi, "07_openrouter_comments_error").await;
    let message = "Provider disconnected unexpectedly";
    assert_eq!(answer.failure(), (FailureKind::Error, message));
    let expected: Vec<_> = expected.into_iter().filter(|d| !matches!(d, Done { .. })).collect();
    assert_eq!(answer.deltas, expected);
    assert!(answer.text.starts_with("A stream is a promise"));
}

#[tokio::test]
async fn of_anthropic_with_thoughts_and_a_tool() {
    let (answer, expected) = answer(Service::Anthropic, "03_anthropic_messages").await;
    assert_eq!((&answer.deltas, answer.reason()), (&expected, Some("tool_calls")));
    assert!(answer.thinking.starts_with("流式接口") && answer.text.starts_with("```rust\nfn"));
    let [(name, arguments)] = &answer.tools[..] else { panic!("{:?}", answer.tools) };
    assert_eq!(name, "write_file");
    assert!(serde_json::from_str::<Value>(arguments).unwrap().is_object());
}

#[tokio::test]
async fn of_anthropic_with_an_error() {
    let (answer, expected) = answer(Service::Anthropic, "04_anthropic_error_midstream").await;
    assert_eq!(answer.failure(), (FailureKind::Error, "Overloaded"));
    assert_eq!(answer.deltas, expected);
    assert!(answer.text.starts_with("A stream is a promise"));
}

#[tokio::test]
async fn wherever_they_are_cut_off() {
    for (service, name) in [
        (Service::OpenAi, "01_openai_chat_completions"),
        (Service::Anthropic, "03_anthropic_messages"),
    ] {
        let stream = stream(name);
        let (_, whole) = answer(service, name).await;
        let last = stream.trim_end().len();
        // Within the first event, in the middle, and before the blank line at the end.
        for end in [0, 20, stream.len() / 2, last - 10, last] {
            let end = (0..=end).rev().find(|&end| stream.is_char_boundary(end)).unwrap();
            let response = OK.to_owned() + &stream[..end];
            let answer = read(serve(service, response, Then::Close).await.upstream.ask(question()));
            let answer = answer.await;
            assert_eq!(answer.failure().0, FailureKind::Cut, "{name}, {end}");
            assert!(whole.starts_with(&answer.deltas), "{name}, {end}");
        }
    }
}

async fn answer(service: Service, name: &str) -> (Answer, Vec<Delta>) {
    let stream = stream(name);
    let served = serve(service, OK.to_owned() + &stream, Then::Close).await;
    let values = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let values = values.filter_map(|data| serde_json::from_str(data).ok());
    let expected = match service {
        Service::OpenAi => of_chunks(values),
        Service::Anthropic => of_events(values),
    };
    (read(served.upstream.ask(question())).await, expected)
}

fn stream(name: &str) -> String {
    let transcripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    fs::read_to_string(transcripts.join(name).with_extension("sse")).unwrap()
}

fn of_chunks(chunks: impl Iterator<Item = Value>) -> Vec<Delta> {
    let mut deltas = Vec::new();
    let mut done = None;
    for chunk in chunks {
        let choice = &chunk["choices"][0];
        let text = |name: &str| choice["delta"][name].as_str().filter(|text| !text.is_empty());
        deltas.extend(text("reasoning_content").map(|text| Thinking(text.to_owned())));
        deltas.extend(text("content").map(|text| Token(text.to_owned())));
        done = choice["finish_reason"].as_str().map(|reason| reason.to_owned()).or(done);
    }
    deltas.extend(done.map(|reason| Done { reason }));
    deltas
}

/// There is at most one call in them.
fn of_events(events: impl Iterator<Item = Value>) -> Vec<Delta> {
    let mut deltas = Vec::new();
    for event in events {
        let text = |name: &str| {
            let text = event["delta"][name].as_str().filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let name = event["content_block"]["name"].as_str().map(str::to_owned);
        if let Some(name) = name {
            deltas.push(Tool { index: 0, name: Some(name), arguments: String::new() });
        }
        deltas.extend(text("thinking").map(Thinking));
        deltas.extend(text("text").map(Token));
        deltas.extend(text("partial_json").map(|arguments| Tool {
            index: 0,
            name: None,
            arguments,
        }));
        if event["delta"]["stop_reason"] == "tool_use" {
            deltas.push(Done { reason: "tool_calls".to_owned() });
        }
    }
    deltas
}
