//! Bodies over axum, and hyper with HTTP/1.1 and HTTP/2: each test runs over all three.

mod common;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use common::{SERVERS, Server, chunk, event, events, until, whole, within};
use futures_util::{Stream, StreamExt, stream};
use sse_wire::{
    Encoded, Ending, Event, Item,
    http::{EventBody, KeepAlive, last_event_id},
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// A body of what a channel sends, for one request.
fn of_channel() -> (
    mpsc::UnboundedSender<Event>,
    impl Fn() -> EventBody<stream::BoxStream<'static, Event>> + Send + Sync + 'static,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = Mutex::new(Some(receiver));
    let make = move || {
        let receiver = receiver.lock().unwrap().take().expect("one request");
        let events =
            stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        EventBody::new(events.boxed())
    };
    (sender, make)
}

#[tokio::test]
async fn each_event_arrives_before_the_next_is_sent() {
    for server in SERVERS {
        let (sender, make) = of_channel();
        let address = server.serve(move |_| make()).await;
        let mut events = events(server.get(address, None).await);
        for data in ["a", "two\nlines", "caf\u{e9}", ""] {
            sender.send(event(data)).unwrap();
            let event = within(events.next()).await.unwrap().unwrap();
            assert_eq!(event.data(), data, "{server:?}");
        }
        drop(sender);
        assert!(within(events.next()).await.is_none());
        assert_eq!(events.ending(), Some(Ending::Complete), "{server:?}");
    }
}

#[tokio::test]
async fn what_is_ready_arrives_as_one_chunk() {
    for server in SERVERS {
        let address =
            server.serve(|_| EventBody::new(stream::iter(["a", "b", "c"].map(event)))).await;
        let mut body = server.get(address, None).await.into_body();
        let all = "data: a\n\ndata: b\n\ndata: c\n\n";
        assert_eq!(chunk(&mut body).await.as_deref(), Some(all), "{server:?}");
        assert_eq!(chunk(&mut body).await, None, "{server:?}");
    }
}

#[tokio::test]
async fn the_headers_are_those_of_an_event_stream_and_none_is_of_the_connection() {
    for server in SERVERS {
        let address = server.serve(|_| EventBody::new(stream::pending::<Event>())).await;
        let response = server.get(address, None).await;
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(headers["content-type"], "text/event-stream", "{server:?}");
        assert_eq!(headers["cache-control"], "no-cache, no-transform");
        assert_eq!(headers["x-accel-buffering"], "no");
        for none in ["connection", "content-length", "content-encoding"] {
            assert!(!headers.contains_key(none), "{server:?}: {none}");
        }
    }
}

#[tokio::test]
async fn large_events_arrive_whole_between_small_ones() {
    let sizes = [1, 10_000_000, 0, 16_384, 5_000, 1];
    for server in SERVERS {
        let address = server
            .serve(move |_| {
                let items = sizes.into_iter().enumerate().map(|(n, size)| {
                    let event = event("x".repeat(size));
                    // Both kinds: encoded here, and encoded before.
                    if n % 2 == 0 {
                        Encoded::from(event)
                    } else {
                        Encoded::try_from(&Item::from(event)).unwrap()
                    }
                });
                EventBody::new(stream::iter(items.collect::<Vec<_>>()))
            })
            .await;
        let events = events(server.get(address, None).await);
        let arrived: Vec<_> =
            within(events.map(|event| event.unwrap().data().len()).collect()).await;
        assert_eq!(arrived, sizes, "{server:?}");
    }
}

/// Says when it is dropped, and is always, or never, ready.
struct Noticed {
    is_ready: bool,
    taken: Arc<AtomicUsize>,
    dropped: Arc<AtomicBool>,
}

impl Stream for Noticed {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Event>> {
        if !self.is_ready {
            return Poll::Pending;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(event("x".repeat(1016))))
    }
}

impl Drop for Noticed {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

/// A server of such a stream, how many KiB were taken from it, and whether it was dropped.
async fn noticed(
    server: Server,
    is_ready: bool,
) -> (std::net::SocketAddr, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (taken, dropped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let counters = (Arc::clone(&taken), Arc::clone(&dropped));
    let address = server
        .serve(move |_| {
            let (taken, dropped) = (Arc::clone(&counters.0), Arc::clone(&counters.1));
            EventBody::new(Noticed { is_ready, taken, dropped })
        })
        .await;
    (address, taken, dropped)
}

#[tokio::test]
async fn the_stream_of_a_client_that_has_gone_is_dropped() {
    for server in SERVERS {
        for is_ready in [false, true] {
            let (address, _, dropped) = noticed(server, is_ready).await;
            let response = server.get(address, None).await;
            assert!(!dropped.load(Ordering::Relaxed));
            drop(response);
            until(|| dropped.load(Ordering::Relaxed)).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_stream() {
    for server in SERVERS {
        let (address, taken, _) = noticed(server, true).await;
        let response = server.get(address, None).await;
        // Until nothing more is taken for a while: what there is, is in the sockets.
        let mut before = 0;
        within(async {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let now = taken.load(Ordering::Relaxed);
                if now == before && now > 0 {
                    break;
                }
                before = now;
            }
        })
        .await;
        println!("{server:?}: {before} KiB taken for a client that does not read");
        assert!(before < 16 * 1024, "{server:?}: {before} KiB");
        // And it goes on when the client reads.
        let mut body = response.into_body();
        let mut read = 0;
        while read < 2 * before * 1024 {
            read += chunk(&mut body).await.unwrap().len();
        }
        assert!(taken.load(Ordering::Relaxed) > before, "{server:?}");
    }
}

#[tokio::test]
async fn an_error_cuts_the_body_off_after_what_came_before_it() {
    for server in SERVERS {
        let address = server
            .serve(|_| EventBody::try_new(stream::iter([Ok(event("a")), Err("broken")])))
            .await;
        let mut events = events(server.get(address, None).await);
        assert_eq!(within(events.next()).await.unwrap().unwrap().data(), "a", "{server:?}");
        within(events.next()).await.unwrap().unwrap_err();
        assert_eq!(events.ending(), Some(Ending::Transport), "{server:?}");
    }
}

#[tokio::test]
async fn a_comment_at_once_opens_the_connection() {
    for server in SERVERS {
        let address = server
            .serve(|_| {
                let keep_alive = KeepAlive::tokio(Duration::from_millis(20)).at_once();
                EventBody::new(stream::pending::<Event>()).keep_alive(keep_alive)
            })
            .await;
        let mut body = server.get(address, None).await.into_body();
        for _ in 0..3 {
            assert_eq!(chunk(&mut body).await.as_deref(), Some(": keep-alive\n\n"), "{server:?}");
        }
    }
}

#[tokio::test]
async fn a_signal_ends_all_bodies_with_a_reconnection_time() {
    for server in SERVERS {
        let (stop, opened) = (CancellationToken::new(), Arc::new(Notify::new()));
        let (stopped, opening) = (stop.clone(), Arc::clone(&opened));
        let address = server
            .serve(move |_| {
                let last = Encoded::retry(Duration::from_millis(1500)).unwrap();
                opening.notify_one();
                EventBody::new(stream::iter([event("a")]).chain(stream::pending()))
                    .shutdown(stopped.clone().cancelled_owned(), last)
            })
            .await;
        let mut bodies = Vec::new();
        for _ in 0..5 {
            let mut body = server.get(address, None).await.into_body();
            opened.notified().await;
            assert_eq!(chunk(&mut body).await.as_deref(), Some("data: a\n\n"));
            bodies.push(body);
        }
        stop.cancel();
        for body in bodies {
            assert_eq!(whole(body).await.unwrap(), "retry: 1500\n\n", "{server:?}");
        }
    }
}

#[tokio::test]
async fn an_id_in_a_header_arrives_as_it_was_sent() {
    for server in SERVERS {
        let address = server
            .serve(|headers| {
                let id = last_event_id(headers).unwrap().unwrap_or("none").to_owned();
                EventBody::new(stream::iter([event(id)]))
            })
            .await;
        for (id, expected) in
            [(None, "none"), (Some("7"), "7"), (Some("caf\u{e9} 1"), "caf\u{e9} 1")]
        {
            let body = server.get(address, id).await.into_body();
            assert_eq!(whole(body).await.unwrap(), format!("data: {expected}\n\n"));
        }
    }
}
