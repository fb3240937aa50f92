//! Answers: what a question becomes.

use std::time::Duration;

use axum::{Json, Router, response::IntoResponse, routing::post};
use chat::{
    config::Config,
    upstream::{Service, Settings, Upstream},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    Server, config, until,
    user::{send, text, types},
};

#[tokio::test]
async fn an_answer_streams_and_is_kept() {
    let server = Server::start().await;
    let user = server.user().await;
    let (job, events) = user.ask(&json!({"prompt": "What is SSE?"})).await;
    let events = events.rest().await;
    assert_eq!(types(&events), ["token", "done"]);
    assert_eq!(events.last().unwrap().data(), r#"{"reason":"stop"}"#);
    assert!(events.len() > 50, "by token, and not at once");

    let state = user.state(&job).await;
    assert_eq!(state["text"], text(&events));
    assert_eq!(state["prompt"], "What is SSE?");
    assert_eq!(state["kind"], "answer");
    assert_eq!(state["last_event_id"], events.last().unwrap().id().unwrap());
    assert_eq!(state["end"], json!({"event": "done", "data": {"reason": "stop"}}));

    let (second, events) = user.ask(&json!({"prompt": "And then?"})).await;
    events.rest().await;
    let conversation = user.state("/api/answers").await;
    assert_eq!(conversation, json!([state, user.state(&second).await]));
    send(user.delete("/api/answers"), 204).await;
    assert_eq!(user.state("/api/answers").await, json!([]));
}

#[tokio::test]
async fn each_thing_to_show_has_a_type_of_its_own_and_is_in_the_state() {
    let server = Server::start().await;
    let user = server.user().await;
    for service in ["openai", "anthropic"] {
        for (show, event_type) in
            [("thinking", "thinking"), ("image", "item"), ("audio", "item"), ("tool", "tool")]
        {
            let question = json!({"prompt": "Show me", "service": service, "show": show});
            let (job, events) = user.ask(&question).await;
            let events = events.rest().await;
            assert!(types(&events).contains(&event_type), "{service} {show}: {events:?}");
            let state = user.state(&job).await;
            assert_eq!(state["text"], text(&events));
            match show {
                "thinking" => assert_ne!(state["thinking"], ""),
                "tool" => {
                    let arguments = state["tools"][0]["arguments"].as_str().unwrap();
                    assert!(serde_json::from_str::<Value>(arguments).unwrap().is_object());
                    assert_ne!(state["tools"][0]["name"], "");
                }
                _ => {
                    let media_type = state["items"][0]["type"].as_str().unwrap();
                    assert!(media_type.starts_with(show), "{media_type}");
                    let item = events.iter().find(|event| event.event_type() == "item").unwrap();
                    assert_eq!(item.json::<Value>().unwrap(), state["items"][0]);
                }
            }
        }
    }
}

#[tokio::test]
async fn what_fails_ends_with_why() {
    let server = Server::start().await;
    let user = server.user().await;
    for (fault, kind) in [("error", "error"), ("cut", "cut"), ("refused", "refused")] {
        let (job, events) = user.ask(&json!({"prompt": "Try", "fault": fault})).await;
        let events = events.rest().await;
        let last = events.last().unwrap();
        assert_eq!(last.event_type(), "failed");
        let data: Value = last.json().unwrap();
        assert_eq!(data["kind"], kind);
        assert_ne!(data["message"], "");
        assert_eq!(user.state(&job).await["end"], json!({"event": "failed", "data": data}));
    }
    // The server lives on.
    for fault in ["comments", "crlf", "none"] {
        let (_, events) = user.ask(&json!({"prompt": "Try", "fault": fault})).await;
        assert_eq!(types(&events.rest().await), ["token", "done"], "{fault}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_a_failure_and_no_more() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let settings =
        Settings { service: Service::OpenAi, base_url, key: None, model: "none".to_owned() };
    let server = Server::asking(Upstream::real(settings).unwrap(), config()).await;
    let user = server.user().await;
    let (_, events) = user.ask(&json!({"prompt": "Hello?"})).await;
    let events = events.rest().await;
    assert_eq!(types(&events), ["failed"]);
    assert_eq!(events[0].json::<Value>().unwrap()["kind"], "unreachable");
    let status = user.status(|status| status["jobs"] == 0).await;
    assert_eq!(status["quota"]["used"], 0);
}

/// A service that answers how many it was told, and which the first and the last one were.
async fn listener(Json(request): Json<Value>) -> impl IntoResponse {
    let said = request["messages"].as_array().unwrap();
    let [first, last] = [&said[0], &said[said.len() - 1]].map(|said| said["content"].as_str());
    let text = format!("{} {} {}", said.len(), first.unwrap(), last.unwrap());
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let body = format!("data: {chunk}\n\ndata: {end}\n\ndata: [DONE]\n\n");
    ([("content-type", "text/event-stream")], body)
}

#[tokio::test]
async fn the_service_is_told_the_last_turns_of_the_conversation() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", socket.local_addr().unwrap());
    let service = Router::new().route("/v1/chat/completions", post(listener));
    tokio::spawn(axum::serve(socket, service).into_future());
    let settings =
        Settings { service: Service::OpenAi, base_url, key: None, model: "parrot".to_owned() };
    let server = Server::asking(Upstream::real(settings).unwrap(), config()).await;
    let user = server.user().await;
    let ask = async |prompt: &str| {
        let (_, events) = user.ask(&json!({"prompt": prompt})).await;
        text(&events.rest().await)
    };
    assert_eq!(ask("a").await, "1 a a");
    assert_eq!(ask("b").await, "3 a b");
    send(user.delete("/api/answers"), 204).await;
    for turn in 0..=20 {
        assert_eq!(ask(&format!("q{turn}")).await, format!("{} q0 q{turn}", 2 * turn + 1));
    }
    assert_eq!(ask("z").await, "41 q1 z");
}

#[tokio::test]
async fn to_stop_cancels_the_request_and_gives_the_quota_back() {
    let server = Server::start().await;
    let user = server.user().await;
    let (job, mut events) = user.ask(&json!({"prompt": "Stop!", "fault": "silent"})).await;
    let first = events.next().await;
    let status = user.status(|status| status["upstream"]["open"] == 1).await;
    assert_eq!(status["quota"], json!({"used": 2000, "of": 20_000}));
    assert_eq!(status["jobs"], 1);

    send(user.delete(&job), 204).await;
    let mut events = events.rest().await;
    assert_eq!(events.last().unwrap().event_type(), "stopped");
    assert_eq!(events.last().unwrap().data(), "{}");
    let status = user.status(|status| status["jobs"] == 0).await;
    assert_eq!(status["upstream"], json!({"open": 0, "cancelled": 1}));
    events.insert(0, first);
    assert_eq!(status["quota"]["used"], events.len() - 1);

    // A new conversation stops what runs, too.
    let job = user.begin("silent").await;
    send(user.delete("/api/answers"), 204).await;
    assert_eq!(user.ended(&job).await["end"]["event"], "stopped");
    // To stop what is over is no error.
    send(user.delete(&job), 204).await;
}

#[tokio::test]
async fn an_answer_that_nobody_listens_to_is_stopped() {
    let server = Server::with(Config { abandoned_after: Duration::from_secs(2), ..config() }).await;
    let user = server.user().await;
    let (heard, mut listener) = user.ask(&json!({"prompt": "Go on", "fault": "silent"})).await;
    listener.next().await;
    let (left, mut events) = user.ask(&json!({"prompt": "Go on", "fault": "silent"})).await;
    events.next().await;
    drop(events);
    assert_eq!(user.ended(&left).await["end"]["event"], "stopped");
    assert_eq!(user.state(&heard).await["end"], Value::Null);
    assert_eq!(server.chat.status.figures().upstream.cancelled, 1);
    drop(listener);
    assert_eq!(user.ended(&heard).await["end"]["event"], "stopped");
    until(async || server.chat.status.figures().jobs == 0).await;
}

/// Or an answer could be stopped right after somebody has come.
#[tokio::test]
async fn who_comes_listens_at_once() {
    let after = Duration::from_secs(3600);
    let server = Server::with(Config { abandoned_after: after, ..config() }).await;
    let user = server.user().await;
    let job = user.begin("silent").await;
    let session = user.cookie.to_str().unwrap().strip_prefix("session=").unwrap();
    let name = format!("{session}/{}", job.rsplit('/').next().unwrap());
    let log = server.chat.store.open(&name).await.unwrap().unwrap();
    log.listened(Duration::ZERO).await.unwrap();
    assert!(!log.is_listened_to().await.unwrap());
    let _events = user.events(&job, None).await;
    assert!(log.is_listened_to().await.unwrap());
}
