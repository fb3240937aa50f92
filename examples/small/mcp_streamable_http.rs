//! The Streamable HTTP transport of MCP, both ends of it: JSON-RPC by POST, an answer that is
//! JSON or an event stream, a session, and a stream that is cut off and resumed.
//!
//! ```sh
//! cargo run -p examples --bin mcp_streamable_http          # a client, and a server for it
//! cargo run -p examples --bin mcp_streamable_http serve    # the server alone
//! ```

use std::{
    collections::HashMap,
    env,
    error::Error,
    iter,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Limited};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sse_wire::{
    After, Event, EventStream, EventStreamExt, Replay, StreamError,
    http::{EventBody, LAST_EVENT_ID, last_event_id},
};
use tokio::net::TcpListener;
use uuid::Uuid;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

const VERSION: &str = "2025-11-25";
const SESSION: &str = "mcp-session-id";

#[tokio::main]
async fn main() -> Result<()> {
    let address = env::args().nth(2).unwrap_or("127.0.0.1:3000".to_owned());
    if env::args().nth(1).as_deref() == Some("serve") {
        let listener = TcpListener::bind(address).await?;
        println!("http://{}/mcp", listener.local_addr()?);
        return Ok(axum::serve(listener, server()).await?);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, server()).into_future());

    let mut client = Client { http: reqwest::Client::new(), url, session: None, calls: 0 };
    let me = json!({"name": "example", "version": "1"});
    let about = json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": me});
    println!("{}", client.call("initialize", about).await?["serverInfo"]);
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    client.send(client.http.post(&client.url).json(&ready)).await?;
    let count = json!({"name": "count", "arguments": {"to": 5}, "_meta": {"progressToken": "p"}});
    println!("{}", client.call("tools/call", count).await?);
    client.send(client.http.delete(&client.url)).await?;
    Ok(())
}

struct Client {
    http: reqwest::Client,
    url: String,
    session: Option<String>,
    calls: u64,
}

impl Client {
    async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.calls += 1;
        let call = json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params});
        let response = self.send(self.http.post(&self.url).json(&call)).await?;
        if let Some(session) = response.headers().get(SESSION) {
            self.session = Some(session.to_str()?.to_owned());
        }
        let content_type = response.headers().get(header::CONTENT_TYPE).map(|t| t.as_bytes());
        let mut answer = if content_type.is_some_and(|t| t.starts_with(b"text/event-stream")) {
            self.last_of(response).await?
        } else {
            let body = Limited::new(reqwest::Body::from(response), 1024 * 1024);
            serde_json::from_slice(&body.collect().await?.to_bytes())?
        };
        match answer.get("error") {
            Some(error) => Err(error.to_string().into()),
            None => Ok(answer["result"].take()),
        }
    }

    /// The answer in a stream, which comes last. Continues where the stream was cut off.
    async fn last_of(&self, response: reqwest::Response) -> Result<Value> {
        let mut events = response.bytes_stream().events();
        for _ in 0..5 {
            while let Some(event) = events.next().await {
                let event = match event {
                    // There for its ID only.
                    Ok(event) if event.data().is_empty() => continue,
                    Ok(event) => event,
                    Err(StreamError::Transport(_)) => break,
                    Err(error) => return Err(error.into()),
                };
                let said: Value = event.json()?;
                if said["id"] == self.calls {
                    return Ok(said);
                }
                println!("{}", said["params"]);
            }
            let (_, parser, _) = events.into_parts();
            let last = parser.last_event_id();
            eprintln!("cut off; continues after {last}");
            tokio::time::sleep(parser.reconnection_time().unwrap_or(Duration::from_secs(1))).await;
            let request = self.http.get(&self.url).header(LAST_EVENT_ID, last);
            events = EventStream::with_parser(self.send(request).await?.bytes_stream(), parser);
        }
        Err("cut off five times".into())
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<reqwest::Response> {
        request = request.header(header::ACCEPT, "application/json, text/event-stream");
        if let Some(session) = &self.session {
            request = request.header(SESSION, session).header("mcp-protocol-version", VERSION);
        }
        Ok(request.send().await?.error_for_status()?)
    }
}

/// For each session, what the last call has to say. Each call has an epoch of its own, so
/// that its IDs are not those of another one.
type Sessions = Arc<Mutex<HashMap<String, Replay>>>;

fn server() -> Router {
    let sessions = Sessions::default();
    Router::new().route("/mcp", post(answer).get(resume).delete(end)).with_state(sessions)
}

async fn answer(
    State(sessions): State<Sessions>,
    headers: HeaderMap,
    Json(call): Json<Value>,
) -> Result<Response, StatusCode> {
    let session = session(&headers)?;
    let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = |key: &str, value: Value| json!({"jsonrpc": "2.0", "id": call["id"], key: value});
    if call["method"] == "initialize" {
        if sessions.len() == 100 {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let me = json!({"name": "counter", "version": "1"});
        let can = json!({"tools": {}});
        let about = json!({"protocolVersion": VERSION, "capabilities": can, "serverInfo": me});
        let session = Uuid::new_v4().to_string();
        sessions.insert(session.clone(), Replay::new(0));
        return Ok(([(SESSION, session)], Json(answer("result", about))).into_response());
    }
    let log = sessions.get_mut(session).ok_or(StatusCode::NOT_FOUND)?;
    if call.get("id").is_none() {
        return Ok(StatusCode::ACCEPTED.into_response()); // a notification
    }
    if call["method"] != "tools/call" {
        let unknown = json!({"code": -32601, "message": "this server has tools/call only"});
        return Ok(Json(answer("error", unknown)).into_response());
    }
    *log = Replay::new(log.last_id().epoch() + 1);
    // An ID to come back with, before there is anything to say.
    let here = Event::builder().id(log.last_id().to_string()).retry(Duration::from_millis(100));
    let here = here.data("").build().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let params = &call["params"];
    let to = params["arguments"]["to"].as_u64().unwrap_or(0).min(100);
    for n in 1..=to {
        let token = &params["_meta"]["progressToken"];
        let progress = json!({"progressToken": token, "progress": n, "total": to});
        let say = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress});
        log.push(Event::new(say.to_string()));
    }
    let content = json!([{"type": "text", "text": format!("counted to {to}")}]);
    log.push(Event::new(answer("result", json!({"content": content})).to_string()));
    // Breaks off after two events, to show what happens then.
    let events = iter::once(here.into()).chain(log.events().take(2));
    Ok(EventBody::new(stream::iter(events)).into_response().into_response())
}

async fn resume(
    State(sessions): State<Sessions>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, StatusCode> {
    let sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
    let log = sessions.get(session(&headers)?).ok_or(StatusCode::NOT_FOUND)?;
    let last = last_event_id(&headers).map_err(|_| StatusCode::BAD_REQUEST)?;
    // Without an ID it would be a stream of what the server says unasked: nothing.
    match log.after(last.ok_or(StatusCode::METHOD_NOT_ALLOWED)?) {
        After::Events(events) => Ok(EventBody::new(stream::iter(events)).into_response()),
        After::Gap(_) => Err(StatusCode::NOT_FOUND),
    }
}

async fn end(State(sessions): State<Sessions>, headers: HeaderMap) -> Result<(), StatusCode> {
    let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.remove(session(&headers)?).map(drop).ok_or(StatusCode::NOT_FOUND)
}

/// The session of a request: none before the first answer.
fn session(headers: &HeaderMap) -> Result<&str, StatusCode> {
    // From a page in a browser, which could be of anyone. This server is not for them.
    if headers.contains_key(header::ORIGIN) {
        return Err(StatusCode::FORBIDDEN);
    }
    let session = headers.get(SESSION).map_or(Ok(""), |value| value.to_str());
    session.map_err(|_| StatusCode::BAD_REQUEST)
}
