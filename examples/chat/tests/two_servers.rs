//! Two servers that share a Redis, over HTTP: a client that loses the one goes on at the
//! other, misses nothing and gets nothing twice. Needs `redis-server`, and is run by
//! `.ci/redis`.
//!
//! The job is a task: it takes 8 seconds, in 100 steps that are easy to count.

mod common;

use std::{future::Future, sync::LazyLock, time::Duration};

use axum::http::{Request, Response, header};
use common::{ChatServer, RedisServer};
use futures_util::{StreamExt, future::join_all};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sse_wire::{Event, EventSourceBuilder, EventStream, Signal, Stop};
use tokio::time::timeout;

const SESSION: &str = "session=0123456789abcdef0123456789abcdef";

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("a client")
});

async fn limited<T>(test: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), test).await.expect("the test ends in time")
}

async fn send(method: Method, server: &ChatServer, path: &str, body: Value) -> reqwest::Response {
    let request = CLIENT.request(method, format!("{}/api/{path}", server.url));
    let request = request.header(header::COOKIE, SESSION).json(&body);
    request.send().await.expect("the server lives")
}

/// Begins a task, and returns its ID.
async fn begin(server: &ChatServer) -> String {
    let response = send(Method::POST, server, "tasks", json!({"kind": "picture"})).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let state: Value = response.json().await.unwrap();
    state["id"].as_str().expect("an ID").to_owned()
}

/// Has the server break off all connections to a job.
async fn cut(server: &ChatServer, job: &str) {
    let response = send(Method::POST, server, &format!("jobs/{job}/cut"), json!({})).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

async fn connect(server: &ChatServer, job: &str, last: Option<&str>) -> reqwest::Response {
    let request = CLIENT.get(format!("{}/api/jobs/{job}/events", server.url));
    let mut request = request.header(header::COOKIE, SESSION);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.send().await.expect("the server lives")
}

/// What a client has seen of a job.
#[derive(Debug, Default)]
struct Seen {
    events: Vec<Event>,
}

impl Seen {
    /// Follows it from the last event on, until there are so many, or the connection is gone.
    async fn follow(&mut self, server: &ChatServer, job: &str, until: usize) {
        let response = connect(server, job, self.last()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut events = EventStream::new(response.bytes_stream());
        while self.events.len() < until {
            match events.next().await {
                Some(Ok(event)) => self.events.push(event),
                Some(Err(_)) | None => break,
            }
        }
    }

    fn last(&self) -> Option<&str> {
        self.events.last().and_then(Event::id)
    }

    fn steps(&self) -> Vec<u64> {
        let progress = self.events.iter().filter(|event| event.event_type() == "progress");
        let data = progress.map(|event| event.json::<Value>().expect("JSON"));
        data.map(|data| data["done"].as_u64().expect("a number")).collect()
    }

    /// All steps and the result, each once, in their order.
    fn assert_whole(&self) {
        assert_eq!(self.steps(), (1..=100).collect::<Vec<_>>());
        assert_eq!(self.events.len(), 101);
        assert_eq!(self.events[100].event_type(), "done");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn who_is_cut_off_by_one_server_goes_on_at_the_other() {
    let redis = RedisServer::start().await;
    let [here, there] = [(); 2].map(|()| ChatServer::start(&redis.url()));
    limited(async {
        let job = begin(&here).await;
        let mut seen = Seen::default();
        // The first server cuts it, and goes on with the job.
        tokio::join!(seen.follow(&here, &job, usize::MAX), async {
            Seen::default().follow(&here, &job, 20).await;
            cut(&here, &job).await;
        });
        assert!((20..80).contains(&seen.events.len()));
        // It leaves the second.
        seen.follow(&there, &job, 60).await;
        seen.follow(&here, &job, 80).await;
        seen.follow(&there, &job, usize::MAX).await;
        seen.assert_whole();
        for server in [&here, &there] {
            assert_eq!(connect(server, &job, seen.last()).await.status(), StatusCode::NO_CONTENT);
            let state = send(Method::GET, server, &format!("jobs/{job}"), Value::Null).await;
            let state: Value = state.json().await.unwrap();
            assert_eq!(state["end"]["event"], "done");
            assert_eq!(state["last_event_id"].as_str(), seen.last());
        }
    })
    .await;
}

/// The client of the crate, which connects to the next server each time, as through a
/// load balancer.
#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn an_event_source_whose_servers_take_turns_misses_nothing() {
    let redis = RedisServer::start().await;
    let servers = [(); 2].map(|()| ChatServer::start(&redis.url()));
    let job = limited(begin(&servers[0])).await;
    let path = format!("/api/jobs/{job}/events");
    let mut urls = servers.iter().map(|server| format!("{}{path}", server.url)).cycle();
    let connect = |mut request: Request<_>| {
        *request.uri_mut() = urls.next().expect("it is a cycle").parse().expect("a URL");
        async move { CLIENT.execute(request.try_into()?).await.map(Response::from) }
    };
    let request = Request::get(path.as_str()).header(header::COOKIE, SESSION).body("").unwrap();
    let mut source = EventSourceBuilder::new(request).build(connect, tokio::time::sleep);

    let mut seen = Seen::default();
    let mut connections = 0;
    limited(async {
        while let Some(signal) = source.next().await {
            match signal {
                Signal::Event(event) => seen.events.push(event),
                Signal::Disconnected { .. } => connections += 1,
                _ => {}
            }
            if matches!(seen.events.len(), 20 | 40 | 60) {
                for server in &servers {
                    cut(server, &job).await;
                }
            }
        }
    })
    .await;
    assert_eq!(source.stopped(), Some(Stop::NoContent));
    assert!(connections > 3, "it was never cut");
    seen.assert_whole();
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn who_loses_the_server_goes_on_at_the_one_that_runs_the_job() {
    let redis = RedisServer::start().await;
    let [here, mut there] = [(); 2].map(|()| ChatServer::start(&redis.url()));
    limited(async {
        let job = begin(&here).await;
        let mut seen = Seen::default();
        seen.follow(&there, &job, 30).await;
        there.kill();
        seen.follow(&here, &job, usize::MAX).await;
        seen.assert_whole();
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn a_job_whose_server_is_killed_has_failed_and_all_are_told_once() {
    let redis = RedisServer::start().await;
    let [mut here, there] = [(); 2].map(|()| ChatServer::start(&redis.url()));
    limited(async {
        let job = begin(&here).await;
        let follow = || async {
            let mut seen = Seen::default();
            // Of the server that dies, and then of the other, up to the end.
            seen.follow(&here, &job, 20).await;
            seen
        };
        let clients = join_all((0..10).map(|_| follow())).await;
        here.kill();
        let follow = |mut seen: Seen| async {
            seen.follow(&there, &job, usize::MAX).await;
            seen
        };
        let clients = join_all(clients.into_iter().map(follow)).await;
        for seen in &clients {
            let (last, steps) = (seen.events.last().unwrap(), seen.steps());
            assert_eq!(last.event_type(), "failed");
            assert_eq!(last.json::<Value>().unwrap()["kind"], "gone");
            assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>());
            assert_eq!(steps.len() + 1, seen.events.len());
            assert_eq!(seen.last(), clients[0].last());
        }
        let again = connect(&there, &job, clients[0].last()).await;
        assert_eq!(again.status(), StatusCode::NO_CONTENT);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn a_job_is_stopped_from_the_other_server() {
    let redis = RedisServer::start().await;
    let [here, there] = [(); 2].map(|()| ChatServer::start(&redis.url()));
    limited(async {
        let job = begin(&here).await;
        let mut seen = Seen::default();
        seen.follow(&here, &job, 5).await;
        let stopped = send(Method::DELETE, &there, &format!("jobs/{job}"), Value::Null).await;
        assert_eq!(stopped.status(), StatusCode::NO_CONTENT);
        seen.follow(&there, &job, usize::MAX).await;
        let last = seen.events.last().unwrap();
        assert_eq!(last.event_type(), "stopped");
        assert!(seen.events.len() < 40, "it took too long");
    })
    .await;
}

/// The job cannot go on without its log; but all else does, and whoever followed the job is
/// told.
#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn a_server_lives_on_while_redis_is_gone() {
    let mut redis = RedisServer::start().await;
    let here = ChatServer::start(&redis.url());
    limited(async {
        let job = begin(&here).await;
        let mut seen = Seen::default();
        tokio::join!(seen.follow(&here, &job, usize::MAX), async {
            Seen::default().follow(&here, &job, 10).await;
            redis.kill();
        });
        let tasks = || send(Method::GET, &here, "tasks", Value::Null);
        assert_eq!(tasks().await.status(), StatusCode::SERVICE_UNAVAILABLE);

        redis.start_again().await;
        while tasks().await.status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Seen::default().follow(&here, &begin(&here).await, 10).await;
        seen.follow(&here, &job, usize::MAX).await;
        let (last, steps) = (seen.events.last().unwrap(), seen.steps());
        assert_eq!(last.event_type(), "failed");
        assert_eq!(last.json::<Value>().unwrap()["kind"], "gone");
        assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>());
    })
    .await;
}
