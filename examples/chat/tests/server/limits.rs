//! Bad input, and too much of it: an error in JSON that says what to do, and the server
//! lives on.

use chat::config::Config;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;

use super::{
    Server, config,
    user::{Events, error, send, types},
};

#[tokio::test]
async fn a_bad_question_is_refused() {
    let server = Server::start().await;
    let user = server.user().await;
    let ask = |prompt: &str| user.post("/api/answers").json(&json!({"prompt": prompt}));
    let as_json = |body: &'static str| {
        user.post("/api/answers").header(CONTENT_TYPE, "application/json").body(body)
    };
    for empty in ["", " \n"] {
        assert_eq!(error(ask(empty), 400).await, "write something first");
    }
    assert!(error(ask(&"x".repeat(16 * 1024 + 1)), 413).await.contains("16 KiB"));
    error(ask(&"x".repeat(1024 * 1024)), 413).await;
    for bad in ["", "{", "[]", "{}", r#"{"prompt": 1}"#, r#"{"prompt": "a", "show": "x"}"#] {
        error(as_json(bad), 400).await;
    }
    error(user.post("/api/answers").body(r#"{"prompt": "a form can do this"}"#), 415).await;
    error(user.post("/api/tasks").body("kind=picture"), 415).await;
    assert_eq!(user.state("/api/answers").await, json!([]));
    // As large as it may be, and all of it escaped.
    let (_, events) = user.ask(&json!({"prompt": "\u{1}".repeat(16 * 1024)})).await;
    assert_eq!(types(&events.rest().await), ["token", "done"]);
}

#[tokio::test]
async fn what_is_not_there_is_an_error_in_json() {
    let server = Server::start().await;
    let user = server.user().await;
    let job = format!("/api/jobs/{:032x}", 1);
    for path in ["", "/events", "/cut", "/token"] {
        let request = if matches!(path, "/cut" | "/token") {
            user.post(&format!("{job}{path}"))
        } else {
            user.get(&format!("{job}{path}"))
        };
        assert!(error(request, 404).await.contains("no such job"));
    }
    for path in ["/nothing", "/api/nothing", "/../Cargo.toml", "/%2e%2e%2fCargo.toml"] {
        error(user.get(path), 404).await;
    }
    for id in ["x", "..%2fanswers", "%00", "%ff"] {
        let status = if id == "%ff" { 400 } else { 404 };
        error(user.get(&format!("/api/jobs/{id}/events")), status).await;
    }
    error(user.delete("/api/status"), 405).await;
}

#[tokio::test]
async fn a_last_event_id_that_nobody_was_given_is_refused_or_a_gap() {
    let server = Server::start().await;
    let user = server.user().await;
    let job = user.begin("none").await;
    let events = |query: &str| user.get(&format!("{job}/events?last_event_id={query}"));
    for bad in ["%00", "%0a", "1&last_event_id=2", &"x".repeat(5000)] {
        error(events(bad), 400).await;
    }
    for unknown in ["x", "1-1", "18446744073709551615-18446744073709551615"] {
        let events = Events::of(send(events(unknown), 200).await);
        assert_eq!(types(&events.rest().await), ["gap"]);
    }
}

#[tokio::test]
async fn a_user_has_so_many_streams_and_others_have_theirs() {
    let server = Server::with(Config { streams: 2, ..config() }).await;
    let user = server.user().await;
    let status = Events::of(send(user.get("/api/status"), 200).await);
    let (job, mut events) = user.ask(&json!({"prompt": "a", "fault": "silent"})).await;
    events.next().await;
    let refused = send(user.get_events(&job, None), 429).await;
    assert_eq!(refused.headers()[RETRY_AFTER], "5");
    // One that is refused has not begun either.
    let request = user.post("/api/answers").header("accept", "text/event-stream");
    error(request.json(&json!({"prompt": "b"})), 429).await;
    assert_eq!(user.state("/api/answers").await.as_array().unwrap().len(), 1);
    let other = server.user().await;
    drop(Events::of(send(other.get("/api/status"), 200).await));
    drop(status);
    super::until(async || user.get_events(&job, None).send().await.unwrap().status() == 200).await;
    send(user.delete(&job), 204).await;
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_said_and_what_is_not_used_comes_back() {
    let server = Server::start().await;
    let user = server.user().await;
    let mut jobs = Vec::new();
    for _ in 0..10 {
        jobs.push(user.begin("silent").await);
    }
    let eleventh = || user.post("/api/answers").json(&json!({"prompt": "one more"}));
    assert_eq!(send(eleventh(), 429).await.headers()[RETRY_AFTER], "5");
    assert!(error(eleventh(), 429).await.contains("wait for them"));
    for job in &jobs[..2] {
        send(user.delete(job), 204).await;
        user.ended(job).await;
    }
    send(eleventh(), 201).await;
}
