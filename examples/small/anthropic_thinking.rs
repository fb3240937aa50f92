//! Prints what a model of Anthropic thinks, dimmed, and then its answer, as they come; says
//! how the answer has ended.
//!
//! ```sh
//! cargo run -p examples --bin anthropic_thinking    # a recorded answer: no key, no network
//! ANTHROPIC_API_KEY=… cargo run -p examples --features tls --bin anthropic_thinking 'Is 8633 prime?'
//! ```
//!
//! `ANTHROPIC_BASE_URL` and `ANTHROPIC_MODEL` choose another service, and another model. The
//! thinking goes to stderr: `> answer.txt` keeps the answer alone.

use std::{
    env,
    error::Error,
    io::{self, Write},
    time::Duration,
};

use futures_util::{StreamExt, stream, stream::BoxStream};
use serde::Deserialize;
use serde_json::json;
use sse_wire::{EventStreamExt, StreamError, bytes::Bytes};

const RECORDED: &[u8] = include_bytes!("../../tests/transcripts/03_anthropic_messages.sse");

type Body = BoxStream<'static, reqwest::Result<Bytes>>;

enum End {
    /// The service has said all, and why it stopped there: `end_turn`, `tool_use`…
    Finished(Option<String>),
    /// An error within the stream: the status was 200 long ago.
    Failed(String),
    /// The connection has ended, or broken off, before the answer did.
    Cut,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let body = match env::var("ANTHROPIC_API_KEY") {
        Ok(key) => ask(&key, env::args().nth(1).as_deref().unwrap_or("Is 8633 prime?")).await?,
        Err(_) => recorded(),
    };
    match print(body).await? {
        End::Finished(reason) => eprintln!("\n[finished: {}]", reason.as_deref().unwrap_or("?")),
        End::Failed(error) => return Err(format!("the service says: {error}").into()),
        End::Cut => return Err("cut off: that is not the whole answer".into()),
    }
    Ok(())
}

async fn print(body: Body) -> Result<End, Box<dyn Error>> {
    let mut reason = None;
    let mut events = body.events();
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(StreamError::Transport(_)) => break,
            Err(error) => return Err(error.into()),
        };
        match event.event_type() {
            "content_block_delta" => match event.json::<Data<Delta>>()?.delta {
                Delta::Thinking { thinking } => eprint!("\x1b[2m{thinking}\x1b[0m"),
                Delta::Text { text } => print!("{text}"),
                Delta::Other => {}
            },
            "content_block_stop" => eprintln!(),
            "message_delta" => reason = event.json::<Data<MessageDelta>>()?.delta.stop_reason,
            "message_stop" => return Ok(End::Finished(reason)),
            "error" => return Ok(End::Failed(event.data().to_owned())),
            // `ping`, and whatever will be added: not an error.
            _ => {}
        }
        io::stdout().flush()?;
    }
    // Whatever `events.ending()` says: the last event has not come.
    Ok(End::Cut)
}

#[derive(Deserialize)]
struct Data<D> {
    delta: D,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "text_delta")]
    Text { text: String },
    /// The arguments of a tool call, a signature…
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageDelta {
    stop_reason: Option<String>,
}

async fn ask(key: &str, prompt: &str) -> Result<Body, Box<dyn Error>> {
    let base = env::var("ANTHROPIC_BASE_URL").unwrap_or("https://api.anthropic.com".to_owned());
    if base.starts_with("https:") && !cfg!(feature = "tls") {
        return Err("for https, build this with `--features tls`".into());
    }
    let model = env::var("ANTHROPIC_MODEL").unwrap_or("claude-sonnet-4-6".to_owned());
    let request = reqwest::Client::new()
        .post(format!("{base}/v1/messages"))
        .header("x-api-key", key)
        .header("anthropic-version", "2023-06-01")
        .json(&json!({
            "model": model,
            "stream": true,
            "max_tokens": 4096,
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "messages": [{"role": "user", "content": prompt}],
        }));
    let mut response = request.send().await?;
    if !response.status().is_success() {
        // Such as that the key is wrong. The first chunk is enough.
        let why = response.chunk().await?.unwrap_or_default();
        return Err(format!("{}: {}", response.status(), String::from_utf8_lossy(&why)).into());
    }
    Ok(response.bytes_stream().boxed())
}

/// Line by line, about as fast as a service.
fn recorded() -> Body {
    let lines = stream::iter(RECORDED.split_inclusive(|&byte| byte == b'\n'));
    let paced = lines.then(async |line| {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(Bytes::from_static(line))
    });
    paced.boxed()
}
