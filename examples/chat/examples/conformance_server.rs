//! Serves each conformance case to a browser, in two ways: the stream of the case as it
//! is, and the events of the case as the crate encodes them. Both have to give the
//! browser's own `EventSource` the same events. `tests/browser/conformance.test.mjs` compares.
//!
//! An `EventSource` connects again when a stream ends. This shows what its events do not: the
//! last event ID after the whole stream, and the reconnection time. So visits are noted; the
//! second one is the last.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{
        HeaderMap, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{Html, IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use sse_wire::{Event, Item, http::EventBody};
use tokio::net::TcpListener;

const CASES: &str = include_str!("../../../tests/conformance/cases.jsonl");

#[tokio::main]
async fn main() -> io::Result<()> {
    let cases = CASES.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let service = Arc::new(Service { cases, visits: Mutex::default() });
    let app = Router::new()
        .route("/", get(Html("<!doctype html><title>Conformance</title>")))
        .route("/visits", get(visits))
        .route("/{way}/{index}", get(visit))
        .with_state(service);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

struct Service {
    cases: Vec<Case>,
    /// By path.
    visits: Mutex<HashMap<String, Vec<Visit>>>,
}

#[derive(Deserialize)]
struct Case {
    input_b64: String,
    initial_last_event_id: String,
    events: Vec<Expected>,
    last_event_id_committed: String,
    retry_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Expected {
    r#type: String,
    data: String,
    id: String,
}

#[derive(Clone, Serialize)]
struct Visit {
    last_event_id_b64: Option<String>,
    /// In milliseconds, since the visit before.
    after: u128,
    #[serde(skip)]
    at: Instant,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Raw,
    Encoded,
}

async fn visit(
    State(service): State<Arc<Service>>,
    Path((way, index)): Path<(Way, usize)>,
    uri: axum::http::Uri,
    headers: HeaderMap,
) -> Response {
    let Some(case) = service.cases.get(index) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let before = service.note(uri.path(), &headers);
    // A case with an ID from an earlier connection needs one that leaves it behind.
    let earlier = usize::from(!case.initial_last_event_id.is_empty());
    match before {
        _ if before < earlier => body(vec![
            Item::LastEventId(case.initial_last_event_id.clone()),
            Item::Retry(Duration::from_millis(10)),
        ]),
        _ if before > earlier => StatusCode::NO_CONTENT.into_response(),
        _ => match way {
            Way::Raw => raw(case),
            Way::Encoded => body(encoded(case)),
        },
    }
}

impl Service {
    /// How many visits there were before.
    fn note(&self, path: &str, headers: &HeaderMap) -> usize {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visits = visits.entry(path.to_owned()).or_default();
        let before = visits.len();
        let at = Instant::now();
        let after = visits.last().map_or(0, |last| at.duration_since(last.at).as_millis());
        let last_event_id_b64 =
            headers.get("last-event-id").map(|id| STANDARD.encode(id.as_bytes()));
        visits.push(Visit { last_event_id_b64, after, at });
        before
    }
}

async fn visits(State(service): State<Arc<Service>>) -> Json<HashMap<String, Vec<Visit>>> {
    Json(service.visits.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

fn raw(case: &Case) -> Response {
    let input = STANDARD.decode(&case.input_b64).expect("the input of a case is base64");
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, input).into_response()
}

/// What a server would send that wants the browser to have the events of the case.
fn encoded(case: &Case) -> Vec<Item> {
    let mut items = Vec::new();
    let mut last_event_id = &case.initial_last_event_id;
    for Expected { r#type, data, id } in &case.events {
        let mut event = Event::builder().event_type(r#type).data(data);
        if id != last_event_id {
            event = event.id(id);
            last_event_id = id;
        }
        items.push(event.build().expect("the events of a case are valid").into());
    }
    if case.last_event_id_committed != *last_event_id {
        items.push(Item::LastEventId(case.last_event_id_committed.clone()));
    }
    items.extend(case.retry_ms.map(|ms| Item::Retry(Duration::from_millis(ms))));
    items
}

fn body(items: Vec<Item>) -> Response {
    EventBody::new(stream::iter(items)).into_response().map(Body::new)
}
