//! A browser, as far as the server can tell.

use futures_util::{StreamExt, stream::BoxStream};
use reqwest::{
    Client, RequestBuilder, Response,
    header::{ACCEPT, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE},
};
use serde_json::{Value, json};
use sse_wire::{Event, EventStream, StreamError};

use super::{until, within};

pub(crate) struct User {
    pub(crate) client: Client,
    pub(crate) base: String,
    pub(crate) cookie: HeaderValue,
}

impl User {
    pub(crate) async fn open(base: &str) -> Self {
        let page = within(client(HeaderMap::new()).get(base).send()).await.unwrap();
        assert_eq!(page.status(), 200);
        let cookie = page.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        let cookie = HeaderValue::from_str(cookie.split(';').next().unwrap()).unwrap();
        Self::known(base, cookie)
    }

    /// In another tab.
    pub(crate) fn known(base: &str, cookie: HeaderValue) -> Self {
        let headers = HeaderMap::from_iter([(COOKIE, cookie.clone())]);
        Self { client: client(headers), base: base.to_owned(), cookie }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.base))
    }

    /// Begins an answer, and does not listen. Returns the path of the job.
    pub(crate) async fn begin(&self, fault: &str) -> String {
        let question = json!({"prompt": "What is SSE?", "fault": fault});
        path(&send(self.post("/api/answers").json(&question), 201).await)
    }

    /// Begins an answer, and listens to it.
    pub(crate) async fn ask(&self, question: &Value) -> (String, Events) {
        let request = self.post("/api/answers").json(question);
        let response = send(request.header(ACCEPT, "text/event-stream"), 200).await;
        (path(&response), Events::of(response))
    }

    pub(crate) async fn events(&self, job: &str, last: Option<&str>) -> Events {
        Events::of(send(self.get_events(job, last), 200).await)
    }

    pub(crate) fn get_events(&self, job: &str, last: Option<&str>) -> RequestBuilder {
        let last = last.map(|id| (HeaderName::from_static("last-event-id"), id.parse().unwrap()));
        self.get(&format!("{job}/events")).headers(last.into_iter().collect())
    }

    pub(crate) async fn state(&self, path: &str) -> Value {
        json(send(self.get(path), 200).await).await
    }

    /// The state that a job ends with.
    pub(crate) async fn ended(&self, job: &str) -> Value {
        until(async || !self.state(job).await["end"].is_null()).await;
        self.state(job).await
    }

    /// The status as soon as it is so.
    pub(crate) async fn status(&self, mut is_so: impl FnMut(&Value) -> bool) -> Value {
        let mut events = Events::of(send(self.get("/api/status"), 200).await);
        loop {
            let event = events.next().await;
            assert_eq!(event.event_type(), "status");
            let status = event.json().unwrap();
            if is_so(&status) {
                return status;
            }
        }
    }
}

fn client(headers: HeaderMap) -> Client {
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([]).default_headers(headers).build().unwrap()
}

/// The path of a job in a response.
fn path(response: &Response) -> String {
    let path = response.headers()[LOCATION].to_str().unwrap();
    assert!(path.starts_with("/api/jobs/"), "{path}");
    path.to_owned()
}

pub(crate) async fn send(request: RequestBuilder, status: u16) -> Response {
    let response = within(request.send()).await.unwrap();
    if response.status() != status {
        panic!("{}: {:?}", response.status(), response.text().await);
    }
    response
}

/// What is wrong, as the server says it.
pub(crate) async fn error(request: RequestBuilder, status: u16) -> String {
    let error = json(send(request, status).await).await;
    error["error"].as_str().unwrap().to_owned()
}

pub(crate) async fn json(response: Response) -> Value {
    serde_json::from_slice(&within(response.bytes()).await.unwrap()).unwrap()
}

type Chunks = BoxStream<'static, reqwest::Result<axum::body::Bytes>>;

pub(crate) struct Events(pub(crate) EventStream<Chunks>);

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self(EventStream::new(response.bytes_stream().boxed()))
    }

    /// If there is one, and the connection was not broken off.
    pub(crate) async fn try_next(&mut self) -> Option<Result<Event, StreamError<reqwest::Error>>> {
        within(self.0.next()).await
    }

    pub(crate) async fn next(&mut self) -> Event {
        self.try_next().await.expect("an event").unwrap()
    }

    /// All that come, up to an end in good order.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.try_next().await {
            events.push(event.unwrap());
        }
        events
    }
}

/// The text that tokens come to.
pub(crate) fn text(events: &[Event]) -> String {
    let tokens = events.iter().filter(|event| event.event_type() == "token");
    tokens
        .map(|token| token.json::<Value>().unwrap()["text"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn types(events: &[Event]) -> Vec<&str> {
    let mut types: Vec<&str> = events.iter().map(Event::event_type).collect();
    types.dedup();
    types
}
