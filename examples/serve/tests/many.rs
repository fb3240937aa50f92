//! Ten thousand open bodies, over axum and hyper: each gets each event, and what they
//! cost in memory is printed (`--nocapture`). Over HTTP/2, because two sockets for each
//! would be more files than a process may have open.

mod common;

use std::time::Instant;

use common::{Events, Http2, Server, event, events, request, until, within};
use futures_util::{StreamExt, future::join_all};
use sse_wire::{Encoded, http::KeepAlive};
use sse_wire_serve::broadcast::{cut_off_if_slow, send_to_all};
use tokio::sync::broadcast;

const BODIES: usize = 10_000;
/// On each connection: fewer than the 200 that hyper allows.
const STREAMS: usize = 100;

#[tokio::test]
async fn ten_thousand_open_bodies_get_each_event() {
    for server in [Server::Axum, Server::Http2] {
        let clients = broadcast::Sender::<Encoded>::new(16);
        let sender = clients.clone();
        let before = resident();
        let address = server
            .serve(move |_| {
                let quiet = std::time::Duration::from_secs(3600);
                cut_off_if_slow(&sender).keep_alive(KeepAlive::tokio(quiet))
            })
            .await;
        let start = Instant::now();
        let mut connected: Vec<Events> = Vec::with_capacity(BODIES);
        for _ in 0..BODIES / STREAMS {
            let mut connection = Http2::connect(address).await;
            for _ in 0..STREAMS {
                connected.push(events(connection.send(request("/events", None)).await));
            }
        }
        assert_eq!(clients.receiver_count(), BODIES);
        let opened = start.elapsed();
        for data in ["a", "b", "c"] {
            let start = Instant::now();
            send_to_all(&clients, &event(data));
            let arrived = join_all(connected.iter_mut().map(|events| within(events.next()))).await;
            assert!(
                arrived
                    .iter()
                    .all(|event| event.as_ref().unwrap().as_ref().unwrap().data() == data)
            );
            println!("{server:?}: an event to {BODIES} clients in {:?}", start.elapsed());
        }
        println!("{server:?}: opened in {opened:?}");
        // Later ones would be given memory that is there already.
        if server == Server::Axum {
            let kib = resident().saturating_sub(before);
            let each = kib * 1024 / BODIES;
            println!("{server:?}: {kib} KiB for servers and clients, {each} bytes each");
        }
        drop(connected);
        until(|| clients.receiver_count() == 0).await;
    }
}

/// Memory of this process, in KiB; 0 where there is no `/proc`.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
