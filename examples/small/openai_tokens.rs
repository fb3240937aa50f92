//! Prints an answer of an OpenAI-compatible service as it comes, and says how it has ended.
//!
//! ```sh
//! cargo run -p examples --bin openai_tokens    # a recorded answer: no key, no network
//! OPENAI_API_KEY=… cargo run -p examples --features tls --bin openai_tokens 'Why is the sky blue?'
//! ```
//!
//! For another service set `OPENAI_BASE_URL` and `OPENAI_MODEL`, such as
//! `https://api.deepseek.com/v1` and `deepseek-chat`.

use std::{
    env,
    error::Error,
    io::{self, Write},
    time::Duration,
};

use futures_util::{StreamExt, stream, stream::BoxStream};
use serde::Deserialize;
use serde_json::json;
use sse_wire::{EventStreamExt, Outcome, StreamError, bytes::Bytes};

const RECORDED: &[u8] = include_bytes!("../../tests/transcripts/01_openai_chat_completions.sse");

type Body = BoxStream<'static, reqwest::Result<Bytes>>;

enum End {
    /// The service has said all, and why it stopped there: `stop`, `length`…
    Finished(Option<String>),
    /// An error within the stream: the status was 200 long ago.
    Failed(String),
    /// The connection has ended, or broken off, before the answer did.
    Cut,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let body = match env::var("OPENAI_API_KEY") {
        Ok(key) => ask(&key, env::args().nth(1).as_deref().unwrap_or("Tell me a joke.")).await?,
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
    let mut events = body.events().until_sentinel("[DONE]");
    while let Some(event) = events.next().await {
        let chunk: Chunk = match event {
            Ok(event) => event.json()?,
            Err(StreamError::Transport(_)) => break,
            Err(error) => return Err(error.into()),
        };
        if let Some(error) = chunk.error {
            return Ok(End::Failed(error.message));
        }
        // Often one, but the last chunk has none.
        for choice in chunk.choices {
            print!("{}", choice.delta.content.unwrap_or_default());
            reason = choice.finish_reason.or(reason);
        }
        io::stdout().flush()?;
    }
    Ok(match events.outcome() {
        Some(Outcome::Finished) => End::Finished(reason),
        _ => End::Cut,
    })
}

/// What this program needs of a chunk. Services add fields, and leave some out.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<ServiceError>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct ServiceError {
    message: String,
}

async fn ask(key: &str, prompt: &str) -> Result<Body, Box<dyn Error>> {
    let base = env::var("OPENAI_BASE_URL").unwrap_or("https://api.openai.com/v1".to_owned());
    if base.starts_with("https:") && !cfg!(feature = "tls") {
        return Err("for https, build this with `--features tls`".into());
    }
    let model = env::var("OPENAI_MODEL").unwrap_or("gpt-4.1-nano".to_owned());
    let request = reqwest::Client::new()
        .post(format!("{base}/chat/completions"))
        .bearer_auth(key)
        .json(&json!({
            "model": model,
            "stream": true,
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
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(Bytes::from_static(line))
    });
    paced.boxed()
}
