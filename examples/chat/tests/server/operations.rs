//! What whoever runs the server sees of it.

use std::{sync::Arc, time::Duration};

use chat::{Chat, config::Config, tls};
use futures_util::StreamExt;
use reqwest::{Client, Version, header::ETAG};
use serde_json::json;
use sse_wire::Item;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    Server, config,
    user::{Events, error, send, types},
    within,
};

#[tokio::test]
async fn the_page_is_there_and_is_fetched_once() {
    let server = Server::start().await;
    let user = server.user().await;
    let page = send(user.get("/"), 200).await;
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self'; img-src 'self' data: blob:;"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-cache");
    let etag = page.headers()[ETAG].clone();
    send(user.get("/").header("if-none-match", etag), 304).await;
    send(user.get("/index.html").header("if-none-match", "\"other\""), 200).await;
    error(user.post("/"), 405).await;
}

#[tokio::test]
async fn the_status_counts_what_is_open() {
    let server = Server::start().await;
    let user = server.user().await;
    let other = server.user().await;
    let (job, mut events) = user.ask(&json!({"prompt": "a", "fault": "silent"})).await;
    events.next().await;
    // Itself, too.
    let status = other.status(|status| status["connections"] == 2).await;
    assert_eq!(status["jobs"], 1);
    assert_eq!(status["upstream"], json!({"open": 1, "cancelled": 0}));
    assert_eq!(status["quota"], json!({"used": 0, "of": 20_000}));
    drop(events);
    other.status(|status| status["connections"] == 1).await;
    send(user.delete(&job), 204).await;
    other.status(|status| status["jobs"] == 0 && status["upstream"]["cancelled"] == 1).await;
}

#[tokio::test]
async fn a_stream_opens_with_a_comment_and_a_time_to_come_back() {
    let server = Server::start().await;
    let user = server.user().await;
    let mut items = Events::of(send(user.get("/api/status"), 200).await).0.items();
    let mut next = async || within(items.next()).await.unwrap().unwrap();
    assert_eq!(next().await, Item::Comment("keep-alive".into()));
    assert_eq!(next().await, Item::Retry(Duration::from_secs(1)));
    assert!(matches!(next().await, Item::Event(_)));
}

#[tokio::test]
async fn to_stop_is_to_end_all_in_good_order() {
    let grace = Duration::from_millis(200);
    let server = Server::with(Config { grace, ..config() }).await;
    let user = server.user().await;
    let mut status = Events::of(send(user.get("/api/status"), 200).await);
    status.next().await;
    let (silent, mut events) = user.ask(&json!({"prompt": "a", "fault": "silent"})).await;
    events.next().await;
    // Two that come back must not come at once, but two random times may be the same.
    server.chat.stop.cancel();
    for mut events in [status, events] {
        while let Some(event) = events.try_next().await {
            event.expect("an end in good order");
        }
        let again = events.0.reconnection_time().unwrap();
        assert!((1000..3000).contains(&again.as_millis()), "{again:?}");
    }
    within(server.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());

    // What was not done by then has an end, too.
    let session = user.cookie.to_str().unwrap().strip_prefix("session=").unwrap().to_owned();
    let name = format!("{session}/{}", silent.rsplit('/').next().unwrap());
    let log = server.chat.store.open(&name).await.unwrap().unwrap();
    let state = log.state().await.unwrap().json;
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["end"]["data"]["kind"], "gone");
    assert_eq!(server.chat.status.figures().jobs, 0);
}

#[tokio::test]
async fn an_answer_that_runs_is_finished_before_the_server_stops() {
    let server = Server::with(Config { grace: Duration::from_secs(60), ..config() }).await;
    let user = server.user().await;
    let (job, mut events) = user.ask(&json!({"prompt": "a", "fault": "slow"})).await;
    events.next().await;
    server.chat.stop.cancel();
    within(server.serving).await.unwrap().unwrap();
    let session = user.cookie.to_str().unwrap().strip_prefix("session=").unwrap().to_owned();
    let name = format!("{session}/{}", job.rsplit('/').next().unwrap());
    let log = server.chat.store.open(&name).await.unwrap().unwrap();
    assert!(log.state().await.unwrap().json.contains(r#""event":"done""#));
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let grace = Duration::from_millis(200);
    let server = Server::with(Config { grace, ..config() }).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket
        .write_all(b"POST /api/answers HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9")
        .await
        .unwrap();
    let user = server.user().await;
    send(user.get("/"), 200).await;
    server.chat.stop.cancel();
    within(server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn http_2_without_tls_has_many_streams_on_one_connection() {
    let server = Server::with(Config { streams: 50, ..config() }).await;
    let user = server.user().await;
    let client = Client::builder().no_proxy().tls_certs_only([]).http2_prior_knowledge();
    let client = client.build().unwrap();
    let mut open = Vec::new();
    for _ in 0..50 {
        let request = client.get(format!("{}/api/status", user.base));
        let response = send(request.header("cookie", &user.cookie), 200).await;
        assert_eq!(response.version(), Version::HTTP_2);
        open.push(Events::of(response));
    }
    for events in &mut open {
        assert_eq!(events.next().await.event_type(), "status");
    }
    assert_eq!(server.chat.status.figures().connections, 50);
    // Where the host is in the URI.
    let question = json!({"prompt": "a"});
    let request = client.post(format!("{}/api/answers", user.base)).json(&question);
    send(request.header("origin", &user.base), 201).await;
}

#[tokio::test]
async fn https_speaks_http_2() {
    let server = Server::start().await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secure = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = secure.local_addr().unwrap();
    let chat: Arc<Chat> = Arc::clone(&server.chat);
    let secure = tls::Listener::new(secure).unwrap();
    tokio::spawn(chat::serve(chat, plain, Some(secure)));

    // One that never shakes hands keeps nobody waiting.
    let mut silent = TcpStream::connect(address).await.unwrap();
    let client = Client::builder().no_proxy().tls_danger_accept_invalid_certs(true);
    let client = client.build().unwrap();
    let response =
        send(client.get(format!("https://localhost:{}/api/status", address.port())), 200).await;
    assert_eq!(response.version(), Version::HTTP_2);
    let mut events = Events::of(response);
    assert_eq!(events.next().await.event_type(), "status");
    server.chat.stop.cancel();
    assert!(types(&events.rest().await).iter().all(|event_type| *event_type == "status"));
    drop(server);
    assert_eq!(within(silent.read(&mut [0; 1])).await.unwrap_or(0), 0);
}
