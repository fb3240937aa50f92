//! A service without a model: it needs no key and no network, and what it does can be
//! chosen. A server of its own on a loopback port speaks both shapes over HTTP, so that
//! whoever asks it does what it would do with a real one.
//!
//! What it says is in `story.rs`, how each service writes that in `openai.rs` and
//! `anthropic.rs`, how fast in `pace.rs`, and what goes wrong on the way in `faults.rs`.

mod anthropic;
mod faults;
mod openai;
mod pace;
mod story;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::Error},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::{Fault, Question, Service};

const SHOW: HeaderName = HeaderName::from_static("x-fake-show");
const FAULT: HeaderName = HeaderName::from_static("x-fake-fault");

/// Histories are long.
const MAX_REQUEST: usize = 16 << 20;

/// Starts the server, which runs as long as the runtime.
pub async fn start(speed: u32) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app(speed)).await });
    Ok(address)
}

/// How a question says what the fake is to do.
pub(super) fn headers(question: &Question) -> HeaderMap {
    let choices = [(SHOW, word(question.show)), (FAULT, word(question.fault))];
    choices.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn word(choice: impl Serialize) -> Option<HeaderValue> {
    HeaderValue::from_str(serde_json::to_value(choice).ok()?.as_str()?).ok()
}

fn app(speed: u32) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1/messages", post(messages))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(speed)
}

async fn chat_completions(
    State(speed): State<u32>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Response {
    answer(Service::OpenAi, speed, &headers, &request)
}

async fn messages(
    State(speed): State<u32>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Response {
    answer(Service::Anthropic, speed, &headers, &request)
}

#[derive(Debug, Deserialize)]
struct Request {
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: String,
}

fn answer(service: Service, speed: u32, headers: &HeaderMap, request: &Request) -> Response {
    let (Some(show), Some(fault)) = (choice(headers, &SHOW), choice(headers, &FAULT)) else {
        return refuse(StatusCode::BAD_REQUEST, "the fake knows no such choice");
    };
    if !request.stream {
        return refuse(StatusCode::BAD_REQUEST, "the fake only streams: set `stream` to true");
    }
    if fault == Fault::Refused {
        let refusal =
            refuse(StatusCode::TOO_MANY_REQUESTS, "Rate limit reached: try again in 20 s");
        return ([(RETRY_AFTER, "20")], refusal).into_response();
    }
    let deltas = story::tell(show, &request.messages);
    let (events, error) = match service {
        Service::OpenAi => (openai::write(&deltas), openai::error()),
        Service::Anthropic => (anthropic::write(&deltas), anthropic::error()),
    };
    let script = pace::paused(events, fault);
    faults::response(script, speed, fault, &error)
}

/// A header that may be left out.
fn choice<'de, T: Default + Deserialize<'de>>(
    headers: &'de HeaderMap,
    name: &HeaderName,
) -> Option<T> {
    let Some(value) = headers.get(name) else { return Some(T::default()) };
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(value.to_str().ok()?)).ok()
}

/// As both services do it, nearly.
fn refuse(status: StatusCode, message: &str) -> Response {
    let error = json!({"type": "error", "error": {"type": "refused", "message": message}});
    (status, Json(error)).into_response()
}
