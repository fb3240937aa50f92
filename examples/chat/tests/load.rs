//! A thousand open streams on one server: all get all events, and what that costs in memory
//! and time is printed (`--nocapture`). Over HTTP/2, and in one process, so both sides count:
//! two sockets for each would be more files than a process may have open.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat::{
    Chat,
    config::Config,
    store::{Store, memory},
    upstream::Upstream,
};
use futures_util::{StreamExt, future::join_all, stream::BoxStream};
use reqwest::{Client, header::COOKIE};
use sse_wire::{Event, EventLog, EventStream};
use tokio::{net::TcpListener, time::timeout};

const STREAMS: usize = 1000;
/// On each connection.
const SHARED: usize = 100;
const ONE_BY_ONE: usize = 10;
const AT_ONCE: usize = 500;
const PATIENCE: Duration = Duration::from_secs(60);

type Events = EventStream<BoxStream<'static, reqwest::Result<axum::body::Bytes>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_open_streams_get_all_events() {
    let config = Config { streams: STREAMS + 1, ..Config::default() };
    let store = Store::Memory(memory::Store::new(config.replay_events));
    let chat = Chat::new(config, store, Upstream::fake().await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(chat::serve(Arc::clone(&chat), listener, None));

    let client = || Client::builder().no_proxy().tls_certs_only([]).http2_prior_knowledge().build();
    let page = client().unwrap().get(&base).send().await.unwrap();
    let cookie =
        page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    // A log of this user, which the test writes as a job would.
    let (session, id) = (cookie.strip_prefix("session=").unwrap(), format!("{:032x}", 1));
    let log = chat.store.create(&format!("{session}/{id}")).await.unwrap();
    log.save("{}".into()).await.unwrap();

    let before = resident();
    let start = Instant::now();
    let mut streams: Vec<Events> = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS / SHARED {
        let client = client().unwrap();
        for _ in 0..SHARED {
            let request =
                client.get(format!("{base}/api/jobs/{id}/events")).header(COOKIE, &cookie);
            let response = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
            assert_eq!(response.status(), 200);
            streams.push(EventStream::new(response.bytes_stream().boxed()));
        }
    }
    println!("{STREAMS} streams: opened in {:?}", start.elapsed());
    assert_eq!(chat.status.figures().connections, STREAMS);
    let bytes = resident().saturating_sub(before) * 1024;
    println!("{} bytes of memory for each, server and client", bytes / STREAMS);

    let mut latencies = Vec::new();
    for n in 0..ONE_BY_ONE {
        let data = n.to_string();
        let start = Instant::now();
        log.push(&Event::new(&*data)).await.unwrap();
        let arrivals = streams.iter_mut().map(async |events| {
            assert_eq!(next(events).await.unwrap().data(), data);
            start.elapsed()
        });
        latencies.extend(join_all(arrivals).await);
    }
    latencies.sort();
    let [median, last] = [latencies.len() / 2, latencies.len() - 1].map(|n| latencies[n]);
    println!("an event to all: {median:?} in the middle, {last:?} at most");

    let start = Instant::now();
    for n in 0..AT_ONCE {
        log.push(&Event::new(n.to_string())).await.unwrap();
    }
    log.end(&Event::new("end"), "{}".into()).await.unwrap();
    let readers = streams.into_iter().map(async |mut events| {
        for n in 0..AT_ONCE {
            assert_eq!(next(&mut events).await.unwrap().data(), n.to_string());
        }
        assert_eq!(next(&mut events).await.unwrap().data(), "end");
        assert_eq!(next(&mut events).await, None);
    });
    join_all(readers).await;
    println!("{AT_ONCE} events to all, and the end: {:?}", start.elapsed());
    timeout(PATIENCE, async {
        while chat.status.figures().connections > 0 {
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
