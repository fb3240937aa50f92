//! Long tasks: progress, a result, and what can happen on the way.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat::config::Config;
use serde_json::{Value, json};

use super::{
    Server, config,
    user::{User, error, json, send, types},
};

async fn begin(user: &User, kind: &str) -> String {
    let response = send(user.post("/api/tasks").json(&json!({"kind": kind})), 201).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let state = json(response).await;
    assert_eq!(state["kind"], kind);
    assert_eq!(state["progress"]["done"], 0);
    assert_eq!(location, format!("/api/jobs/{}", state["id"].as_str().unwrap()));
    location
}

async fn rest(user: &User, job: &str) -> Vec<sse_wire::Event> {
    user.events(job, None).await.rest().await
}

#[tokio::test]
async fn several_tasks_run_at_once_and_each_has_a_result() {
    let server = Server::start().await;
    let user = server.user().await;
    let picture = begin(&user, "picture").await;
    let sound = begin(&user, "sound").await;
    for (job, media_type, magic) in
        [(&picture, "image/png", &b"\x89PNG\r\n\x1a\n"[..]), (&sound, "audio/wav", b"RIFF")]
    {
        let events = rest(&user, job).await;
        assert_eq!(types(&events), ["progress", "done"]);
        let done: Vec<u64> = events[..events.len() - 1]
            .iter()
            .map(|event| event.json::<Value>().unwrap()["done"].as_u64().unwrap())
            .collect();
        assert_eq!(done, (1..=100).collect::<Vec<_>>());
        let result: Value = events.last().unwrap().json().unwrap();
        assert_eq!(result["type"], media_type);
        assert!(BASE64.decode(result["base64"].as_str().unwrap()).unwrap().starts_with(magic));
        let state = user.state(job).await;
        assert_eq!(state["progress"]["done"], 100);
        assert_eq!(state["end"], json!({"event": "done", "data": result}));
    }
    // The list of a page that was loaded anew.
    let list = user.state("/api/tasks").await;
    assert_eq!(list, json!([user.state(&picture).await, user.state(&sound).await]));
    // It is none of the conversation.
    assert_eq!(user.state("/api/answers").await, json!([]));
}

#[tokio::test]
async fn a_task_that_fails_says_how_far_it_was() {
    let server = Server::start().await;
    let user = server.user().await;
    let job = begin(&user, "failing").await;
    let events = rest(&user, &job).await;
    assert_eq!(types(&events), ["progress", "failed"]);
    assert_eq!(events.last().unwrap().json::<Value>().unwrap()["kind"], "task");
    assert_eq!(user.state(&job).await["progress"]["done"], 60);
}

#[tokio::test]
async fn a_task_is_cancelled() {
    let hour = Duration::from_secs(3600);
    let server = Server::with(Config { task_pause: hour, ..config() }).await;
    let user = server.user().await;
    let job = begin(&user, "picture").await;
    let mut events = user.events(&job, None).await;
    assert_eq!(events.next().await.event_type(), "progress");
    send(user.delete(&job), 204).await;
    assert_eq!(types(&events.rest().await), ["stopped"]);
    let state = user.state(&job).await;
    assert_eq!(state["end"], json!({"event": "stopped", "data": {}}));
    assert_eq!(state["progress"]["done"], 1);
}

#[tokio::test]
async fn nobody_has_too_many_tasks_and_there_is_no_other_kind() {
    let hour = Duration::from_secs(3600);
    let server = Server::with(Config { task_pause: hour, ..config() }).await;
    let user = server.user().await;
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(begin(&user, "sound").await);
    }
    let ninth = || user.post("/api/tasks").json(&json!({"kind": "sound"}));
    let response = send(ninth(), 429).await;
    assert_eq!(response.headers()["retry-after"], "5");
    send(user.delete(&jobs[0]), 204).await;
    user.ended(&jobs[0]).await;
    let response = send(ninth(), 201).await;
    drop(response);
    let unknown = error(user.post("/api/tasks").json(&json!({"kind": "none"})), 400).await;
    assert!(unknown.contains("none"), "{unknown}");
}
