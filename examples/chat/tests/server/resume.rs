//! Who comes back gets every event once, or is told that some are gone.

use chat::config::Config;
use futures_util::StreamExt;
use serde_json::json;
use sse_wire::{Event, EventSource, Signal, Stop};

use super::{
    Server, config, until,
    user::{Events, send, text, types},
    within,
};

#[tokio::test]
async fn each_token_comes_once_wherever_the_connection_broke() {
    let server = Server::start().await;
    let user = server.user().await;
    let (job, mut events) = user.ask(&json!({"prompt": "What is SSE?"})).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(events.next().await);
    }
    drop(events);
    // While it runs, and each time from where the last one ended.
    for _ in 0..10 {
        let last = all.last().and_then(Event::id).unwrap();
        let mut events = user.events(&job, Some(last)).await;
        all.push(events.next().await);
        all.push(events.next().await);
    }
    let last = all.last().unwrap().id().unwrap().to_owned();
    // In the URL, where the page has to put it; the header is the newer one.
    let request = user.get(&format!("{job}/events?last_event_id={last}"));
    all.extend(Events::of(send(request, 200).await).rest().await);

    let state = user.state(&job).await;
    assert_eq!(text(&all), state["text"].as_str().unwrap());
    let whole = user.events(&job, None).await.rest().await;
    assert_eq!(whole, all);
    assert_eq!(types(&all), ["token", "done"]);
    let both = user.get(&format!("{job}/events?last_event_id={last}"));
    let both = both.header("last-event-id", all.last().unwrap().id().unwrap());
    send(both, 204).await;
}

#[tokio::test]
async fn what_is_over_is_not_fetched_again() {
    let server = Server::start().await;
    let user = server.user().await;
    let job = user.begin("none").await;
    let state = user.ended(&job).await;
    let last = state["last_event_id"].as_str().unwrap();
    send(user.get_events(&job, Some(last)), 204).await;
    // All of it is still there for who has nothing.
    assert_eq!(types(&user.events(&job, None).await.rest().await), ["token", "done"]);
}

#[tokio::test]
async fn an_event_source_goes_on_after_the_server_has_cut_it_off() {
    let server = Server::start().await;
    let user = server.user().await;
    let job = user.begin("slow").await;
    let client = user.client.clone();
    let connect = move |request: axum::http::Request<_>| {
        let client = client.clone();
        async move { client.execute(request.try_into()?).await.map(axum::http::Response::from) }
    };
    let request = axum::http::Request::get(format!("{}{job}/events", user.base)).body("").unwrap();
    let mut source = EventSource::new(request, connect, tokio::time::sleep);
    let mut events = Vec::new();
    let mut connections = 0;
    while let Some(signal) = within(source.next()).await {
        match signal {
            Signal::Open(_) => connections += 1,
            Signal::Event(event) => events.push(event),
            Signal::Disconnected { .. } => {}
            other => assert!(matches!(other, Signal::Comment(_)), "{other:?}"),
        }
        if events.len() == 3 && connections == 1 {
            send(user.post(&format!("{job}/cut")), 204).await;
        }
    }
    assert_eq!(source.stopped(), Some(Stop::NoContent));
    assert_eq!(connections, 2);
    assert_eq!(types(&events), ["token", "done"]);
    assert_eq!(text(&events), user.state(&job).await["text"].as_str().unwrap());
}

#[tokio::test]
async fn a_cut_is_no_end() {
    let server = Server::start().await;
    let user = server.user().await;
    let (job, mut events) = user.ask(&json!({"prompt": "Cut!", "fault": "silent"})).await;
    events.next().await;
    let mut other_tab = user.events(&job, None).await;
    other_tab.next().await;
    send(user.post(&format!("{job}/cut")), 204).await;
    for mut events in [events, other_tab] {
        loop {
            match events.try_next().await.expect("no end") {
                Ok(_) => {}
                Err(error) => break drop(error),
            }
        }
    }
    // The job does not know of it, and the next connection is not cut.
    assert!(user.state(&job).await["end"].is_null());
    let mut again = user.events(&job, None).await;
    again.next().await;
    send(user.delete(&job), 204).await;
    assert_eq!(again.rest().await.last().unwrap().event_type(), "stopped");
}

#[tokio::test]
async fn after_a_gap_the_state_has_what_is_missing() {
    let server = Server::with(Config { replay_events: 16, ..config() }).await;
    let user = server.user().await;
    let (job, mut events) = user.ask(&json!({"prompt": "Go on", "fault": "silent"})).await;
    let first = events.next().await.id().unwrap().to_owned();
    until(async || {
        let next = user.events(&job, Some(&first)).await.next().await;
        next.event_type() == "gap"
    })
    .await;
    assert_eq!(types(&user.events(&job, None).await.rest().await), ["gap"]);
    let unknown = user.events(&job, Some("1-1")).await.rest().await;
    assert_eq!(types(&unknown), ["gap"]);

    let state = user.state(&job).await;
    let after = user.events(&job, state["last_event_id"].as_str()).await;
    send(user.delete(&job), 204).await;
    let rest = after.rest().await;
    assert_eq!(rest.last().unwrap().event_type(), "stopped");
    let all = state["text"].as_str().unwrap().to_owned() + &text(&rest);
    assert_eq!(all, user.ended(&job).await["text"].as_str().unwrap());
    assert!(!all.is_empty());
}
