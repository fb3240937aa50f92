//! What each request is answered with: the interface of the README.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sse_wire::{
    Encoded,
    http::{EventBody, KeepAlive, last_event_id, last_event_id_in_query},
};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::{
    Chat,
    answer::{self, Answer},
    connections::{Broken, Connection},
    error::{Error, Json, Path, Query},
    id::{Id, random_below},
    job::{Job, Name, load},
    origin, page,
    session::{self, Session},
    store::{Log, StoreError},
    task::{self, Task},
    upstream::{Fault, Question, Service, Show, Turn},
};

const MAX_PROMPT: usize = 16 * 1024;
/// As JSON a prompt can be six times as long.
const MAX_BODY: usize = 8 * MAX_PROMPT;
/// Turns of the conversation that the service is told.
const MAX_TURNS: usize = 20;
const QUIET: Duration = Duration::from_secs(15);

const CONTENT_SECURITY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data: blob:; media-src data: blob:; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

type Shared = State<Arc<Chat>>;
type User = Extension<Arc<Session>>;

pub fn app(chat: Arc<Chat>) -> Router {
    let api = Router::new()
        .route("/answers", post(ask).get(answers).delete(clear))
        .route("/tasks", post(begin).get(tasks))
        .route("/jobs/{id}", get(state).delete(stop))
        .route("/jobs/{id}/events", get(events))
        .route("/jobs/{id}/cut", post(cut))
        .route("/jobs/{id}/token", post(token))
        .route("/status", get(status))
        .fallback(async || Error::NoPage)
        // Before the layers, which are for it, too.
        .method_not_allowed_fallback(async || Error::Method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(SetResponseHeaderLayer::if_not_present(
            CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ));
    let header = SetResponseHeaderLayer::overriding;
    Router::new()
        .nest("/api", api)
        .route("/", get(page::file))
        .method_not_allowed_fallback(async || Error::Method)
        .layer(middleware::from_fn_with_state(Arc::clone(&chat), session::find))
        .layer(middleware::from_fn_with_state(Arc::clone(&chat), origin::check))
        .layer(origin::cors(&chat.config))
        .route("/{*path}", get(page::file))
        .method_not_allowed_fallback(async || Error::Method)
        .layer(middleware::from_fn_with_state(Arc::clone(&chat), origin::check_host))
        .layer(header(CONTENT_SECURITY_POLICY, CONTENT_SECURITY))
        .layer(header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(header(REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .with_state(chat)
}

#[derive(Deserialize)]
struct Ask {
    prompt: String,
    #[serde(default)]
    service: Service,
    #[serde(default)]
    show: Show,
    #[serde(default)]
    fault: Fault,
}

async fn ask(
    State(chat): Shared,
    Extension(session): User,
    headers: HeaderMap,
    Json(Ask { prompt, service, show, fault }): Json<Ask>,
) -> Result<Response, Error> {
    if prompt.trim().is_empty() {
        return Err(Error::EmptyPrompt);
    }
    if prompt.len() > MAX_PROMPT {
        return Err(Error::LongPrompt);
    }
    chat.check_open()?;
    let wants_events = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    let connection = wants_events.then(|| Connection::open(&session, &chat.status)).transpose()?;
    let quota = session.quota.reserve()?;

    let list = answer_list(&session);
    let turns = turns(&chat, &list).await?;
    let name = Name { session: session.id, id: Id::random() };
    let job = Job::create(&chat, &list, name, Answer::new(prompt.clone())).await?;
    let log = job.log.clone();
    let question = Question { turns, prompt, service, show, fault };
    chat.spawn(session, answer::run(Arc::clone(&chat), job, question, quota));

    match connection {
        None => created(name, &log).await,
        Some(connection) => {
            let events = follow(&chat, connection, name, log, None).await?;
            Ok((location(name), events).into_response())
        }
    }
}

async fn answers(State(chat): Shared, Extension(session): User) -> Result<Response, Error> {
    Ok(Json(states(&chat, &answer_list(&session)).await?).into_response())
}

/// A new conversation. What still runs would belong to none.
async fn clear(State(chat): Shared, Extension(session): User) -> Result<StatusCode, Error> {
    let list = answer_list(&session);
    let names = chat.store.list(&list).await?;
    chat.store.clear(&list).await?;
    for name in names {
        if let Some(log) = chat.store.open(&name).await? {
            log.stop().await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Begin {
    kind: task::Kind,
}

async fn begin(
    State(chat): Shared,
    Extension(session): User,
    Json(Begin { kind }): Json<Begin>,
) -> Result<Response, Error> {
    chat.check_open()?;
    let permit = Arc::clone(&session.tasks).try_acquire_owned();
    let permit = permit.map_err(|_| Error::TooManyTasks)?;
    let name = Name { session: session.id, id: Id::random() };
    let job = Job::create(&chat, &task_list(&session), name, Task::new(kind)).await?;
    let log = job.log.clone();
    chat.spawn(session, task::run(Arc::clone(&chat), job, permit));
    created(name, &log).await
}

async fn tasks(State(chat): Shared, Extension(session): User) -> Result<Response, Error> {
    Ok(Json(states(&chat, &task_list(&session)).await?).into_response())
}

async fn state(
    State(chat): Shared,
    Extension(session): User,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let (_, log) = own(&chat, &session, &id).await?;
    Ok(Json(load(&log.state().await?)?).into_response())
}

async fn stop(
    State(chat): Shared,
    Extension(session): User,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let (_, log) = own(&chat, &session, &id).await?;
    log.stop().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cut(
    State(chat): Shared,
    Extension(session): User,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let (name, _) = own(&chat, &session, &id).await?;
    chat.connections.cut(name);
    Ok(StatusCode::NO_CONTENT)
}

async fn token(
    State(chat): Shared,
    Extension(session): User,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let (name, _) = own(&chat, &session, &id).await?;
    let token = chat.tokens.issue(name)?;
    let expires_in = chat.tokens.lifetime().as_secs();
    Ok(Json(json!({"token": token, "expires_in": expires_in})).into_response())
}

#[derive(Deserialize)]
struct WithToken {
    token: Option<String>,
}

async fn events(
    State(chat): Shared,
    Extension(session): User,
    Path(id): Path<String>,
    Query(WithToken { token }): Query<WithToken>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let raw = raw.unwrap_or_default();
    let Some(token) = token else {
        return events_of(&chat, &session, &id, &raw, &headers).await;
    };
    let opened = async {
        let name = chat.tokens.spend(&token, &id)?;
        let owner = chat.sessions.get(name.session)?;
        events_of(&chat, &owner, &id, &raw, &headers).await
    };
    let mut response = opened.await.into_response();
    // Whoever has the token, from wherever; and so the cookie must not count.
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

async fn events_of(
    chat: &Chat,
    owner: &Arc<Session>,
    id: &str,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let (name, log) = own(chat, owner, id).await?;
    let in_query = last_event_id_in_query(query, "last_event_id")?;
    // The header is newer: a browser has it from the events that came.
    let last = last_event_id(headers)?.or(in_query.as_deref());
    if let Some(last) = last {
        if log.is_over_after(last).await? {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let connection = Connection::open(owner, &chat.status)?;
    Ok(follow(chat, connection, name, log, last).await?)
}

async fn status(State(chat): Shared, Extension(session): User) -> Result<Response, Error> {
    let connection = Connection::open(&session, &chat.status)?;
    let events = chat.status.events(&session.quota).map(move |event| {
        let _open = &connection;
        Ok::<_, Broken>(Encoded::from(event))
    });
    Ok(stream_of(&chat, events))
}

async fn follow(
    chat: &Chat,
    connection: Connection,
    name: Name,
    log: Log,
    last: Option<&str>,
) -> Result<Response, StoreError> {
    let events = chat.connections.follow(connection, name, log, last).await?;
    Ok(stream_of(chat, events))
}

/// A response that is an event stream. A client that is cut off comes back soon, and when
/// the server stops, each at another time, so that they do not all come at once.
fn stream_of(
    chat: &Chat,
    events: impl Stream<Item = Result<Encoded, Broken>> + Send + 'static,
) -> Response {
    let come_back = |milliseconds| {
        Encoded::retry(Duration::from_millis(milliseconds)).expect("whole milliseconds")
    };
    let last_words = come_back(1000 + random_below(2000));
    let first = stream::iter([Ok(come_back(1000))]);
    EventBody::try_new(first.chain(events))
        .keep_alive(KeepAlive::tokio(QUIET).at_once())
        .shutdown(chat.stop.clone().cancelled_owned(), last_words)
        .into_response()
        .into_response()
}

async fn created(name: Name, log: &Log) -> Result<Response, Error> {
    let state = Json(load(&log.state().await?)?);
    Ok((StatusCode::CREATED, location(name), state).into_response())
}

fn location(name: Name) -> [(HeaderName, String); 1] {
    [(LOCATION, format!("/api/jobs/{}", name.id))]
}

/// A job of this user. That of another has another name, so it is not found.
async fn own(chat: &Chat, session: &Session, id: &str) -> Result<(Name, Log), Error> {
    let id = id.parse().map_err(|_| Error::NoJob)?;
    let name = Name { session: session.id, id };
    let log = chat.store.open(&name.to_string()).await?;
    Ok((name, log.ok_or(Error::NoJob)?))
}

fn answer_list(session: &Session) -> String {
    format!("{}/answers", session.id)
}

fn task_list(session: &Session) -> String {
    format!("{}/tasks", session.id)
}

/// The states of the jobs of a list, without those that are not there any more.
async fn states(chat: &Chat, list: &str) -> Result<Vec<Map<String, Value>>, Error> {
    let mut states = Vec::new();
    for name in chat.store.list(list).await? {
        if let Some(log) = chat.store.open(&name).await? {
            states.push(load(&log.state().await?)?);
        }
    }
    Ok(states)
}

/// The last turns that have an answer, if only a part of one; oldest first.
async fn turns(chat: &Chat, list: &str) -> Result<Vec<Turn>, Error> {
    #[derive(Deserialize)]
    struct Said {
        prompt: String,
        text: String,
    }

    let mut turns = VecDeque::new();
    for name in chat.store.list(list).await?.iter().rev() {
        let Some(log) = chat.store.open(name).await? else { continue };
        let Said { prompt, text } = serde_json::from_str(&log.state().await?.json)?;
        if !text.is_empty() {
            turns.push_front(Turn { prompt, answer: text });
        }
        if turns.len() == MAX_TURNS {
            break;
        }
    }
    Ok(turns.into())
}
