//! Many users with as many streams as each may have: all get all events, and what that costs
//! in memory and time is printed (`--nocapture`). Over HTTP/2, and in one process, so both
//! sides count: with a socket for each stream there would be 2,000 open files, and here 400.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat::{
    Chat,
    config::Config,
    store::{Log, Store, memory},
    upstream::Upstream,
};
use futures_util::{StreamExt, future::join_all, stream::BoxStream};
use reqwest::{Client, header::COOKIE};
use sse_wire::{Event, EventLog, EventStream};
use tokio::{net::TcpListener, time::timeout};

const USERS: usize = 200;
const STREAMS: usize = USERS * STREAMS_OF_EACH;
const STREAMS_OF_EACH: usize = 5;
const ONE_BY_ONE: usize = 10;
const AT_ONCE: usize = 500;
/// Of a stream: both sides, without optimization.
const MAX_BYTES: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

type Events = EventStream<BoxStream<'static, reqwest::Result<axum::body::Bytes>>>;

/// Somebody who has begun a job, and follows it in each tab.
struct User {
    log: Log,
    streams: Vec<Events>,
}

impl User {
    async fn open(chat: &Chat, base: &str, number: usize) -> Self {
        let client = Client::builder().no_proxy().tls_certs_only([]).http2_prior_knowledge();
        let client = client.build().unwrap();
        // The log of a job, which the test writes.
        let (session, id) = (format!("{number:032x}"), format!("{:032x}", 1));
        let log = chat.store.create(&format!("{session}/{id}")).await.unwrap();
        log.save("{}".into()).await.unwrap();
        let mut streams = Vec::new();
        for _ in 0..STREAMS_OF_EACH {
            let request = client.get(format!("{base}/api/jobs/{id}/events"));
            let request = request.header(COOKIE, format!("session={session}"));
            let response = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
            assert_eq!(response.status(), 200);
            streams.push(EventStream::new(response.bytes_stream().boxed()));
        }
        Self { log, streams }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_streams_of_many_users_get_all_events() {
    #[cfg(unix)]
    {
        // Some systems give 256 to whoever does not ask for more.
        _ = rlimit::increase_nofile_limit(u64::MAX);
    }
    _ = rustls::crypto::ring::default_provider().install_default();
    let config = Config::default();
    assert_eq!(config.streams, STREAMS_OF_EACH);
    let store = Store::Memory(memory::Store::new(config.replay_events));
    let chat = Chat::new(config, store, Upstream::fake().await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(chat::serve(Arc::clone(&chat), listener, None));
    // What is there once is not of a stream.
    drop(User::open(&chat, &base, USERS).await);
    until_open(&chat, 0).await;

    let before = resident();
    let start = Instant::now();
    let mut users = Vec::with_capacity(USERS);
    for number in 0..USERS {
        users.push(User::open(&chat, &base, number).await);
    }
    println!("{USERS} users, {STREAMS} streams: opened in {:?}", start.elapsed());
    assert_eq!(chat.status.figures().connections, STREAMS);

    let mut latencies = Vec::new();
    for n in 0..ONE_BY_ONE {
        let data = n.to_string();
        let start = Instant::now();
        for user in &users {
            user.log.push(&Event::new(&*data)).await.unwrap();
        }
        let streams = users.iter_mut().flat_map(|user| &mut user.streams);
        let arrivals = streams.map(async |events| {
            assert_eq!(next(events).await.unwrap().data(), data);
            start.elapsed()
        });
        latencies.extend(join_all(arrivals).await);
    }
    latencies.sort();
    let [median, last] = [latencies.len() / 2, latencies.len() - 1].map(|n| latencies[n]);
    println!("an event to all: {median:?} in the middle, {last:?} at most");

    let bytes = resident().saturating_sub(before) * 1024 / STREAMS;
    println!("{bytes} bytes of memory for each stream, server and client");
    assert!(bytes < MAX_BYTES, "{bytes}");

    let start = Instant::now();
    for user in &users {
        for n in 0..AT_ONCE {
            user.log.push(&Event::new(n.to_string())).await.unwrap();
        }
        user.log.end(&Event::new("end"), "{}".into()).await.unwrap();
    }
    let streams = users.into_iter().flat_map(|user| user.streams);
    let readers = streams.map(async |mut events| {
        for n in 0..AT_ONCE {
            assert_eq!(next(&mut events).await.unwrap().data(), n.to_string());
        }
        assert_eq!(next(&mut events).await.unwrap().data(), "end");
        assert_eq!(next(&mut events).await, None);
    });
    join_all(readers).await;
    println!("{AT_ONCE} events to all, and the end: {:?}", start.elapsed());
    until_open(&chat, 0).await;
}

/// So many streams, as the server counts them.
async fn until_open(chat: &Chat, count: usize) {
    timeout(PATIENCE, async {
        while chat.status.figures().connections != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("no connection is counted that has ended");
}

async fn next(events: &mut Events) -> Option<Event> {
    timeout(PATIENCE, events.next()).await.expect("an event in time").map(Result::unwrap)
}

/// Memory of this process, in KiB; 0 where there is no `/proc`.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
