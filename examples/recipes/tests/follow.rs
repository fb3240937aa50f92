//! Follows servers that misbehave, on loopback, through each HTTP client of the
//! recipes.
//!
//! A server here is a function over a socket, so that it can break the rules of
//! HTTP. It answers one request to a connection. Waits are short, and no test
//! depends on how short: a timer that fires early makes one more connection,
//! and not another result. `SOAK_SOURCES=1000` makes the soak larger.

use std::{
    collections::BTreeMap,
    future::Future,
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use futures_util::StreamExt;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioExecutor};
use sse_wire::{
    Connect, Disconnect, Ending, EventSource, EventSourceBuilder, Parser, Reconnect,
    ReconnectBuilder, Signal, Sleep, Stop,
};
use sse_wire_recipes::{follow_hyper, follow_reqwest, follow_ureq};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};

// ---- One misbehaviour at a time

#[tokio::test]
async fn a_stream_cut_within_an_event_goes_on_after_the_last_whole_one() {
    for ending in [End::LastChunk, End::Close, End::Reset] {
        let server =
            Server::with(
                ending,
                async |ending: End, request: Request, socket: Socket| match request.number {
                    0 => socket.stream("id: 1\ndata: a\n\nid: 2\ndata: b", ending).await,
                    1 => socket.stream("id: 2\ndata: b\n\n", End::LastChunk).await,
                    _ => socket.answer("204 No Content", "", "").await,
                },
            )
            .await;
        for client in Client::ALL {
            server.begin_anew();
            let log = client.follow(&server, builder(&server)).await;
            assert_eq!(log.events, ["a", "b"], "{client:?}, {ending:?}");
            assert_eq!(log.stopped, Some(Stop::NoContent));
            assert_eq!(server.ids(), ["", "1", "2"], "{client:?}, {ending:?}");
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_that_is_cut_is_no_clean_end() {
    let server = Server::new(async |request: Request, mut socket: Socket| match request.number {
        0 => {
            socket.write(&head("200 OK", "content-type: text/event-stream\r\n")).await?;
            socket.write("id: 1\ndata: a\n\nid: 2\ndata: b\n").await
        }
        _ => socket.answer("204 No Content", "", "").await,
    })
    .await;
    for client in Client::ASYNC {
        server.begin_anew();
        let log = client.follow(&server, builder(&server)).await;
        assert_eq!(log.events, ["a"]);
        assert_eq!(log.reasons, ["cut", "refused 204"], "{client:?}");
        assert_eq!(server.ids(), ["", "1"]);
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_left_at_whatever_it_stalls() {
    let server = Server::new(async |request: Request, mut socket: Socket| {
        match request.number {
            0 => {}
            1 => socket.write("HTTP/1.1 200").await?,
            2 => socket.write(&stream_head()).await?,
            3 => {
                socket.write(&stream_head()).await?;
                socket.chunk(b"id: 1\ndata: a\n\n: keep").await?;
            }
            _ => return socket.answer("204 No Content", "", "").await,
        }
        // Open, and silent.
        std::future::pending().await
    })
    .await;
    for client in Client::ASYNC {
        server.begin_anew();
        let builder = builder(&server).idle_timeout(Duration::from_millis(50));
        let log = client.follow(&server, builder).await;
        assert_eq!(log.events, ["a"]);
        assert_eq!(log.reasons, ["idle", "idle", "idle", "idle", "refused 204"], "{client:?}");
        assert_eq!(server.ids(), ["", "", "", "", "1"]);
    }
    server.begin_anew();
    let log = follow_blocking(&server, policy(), Duration::from_millis(200)).await;
    assert_eq!(log.events, ["a"]);
    assert_eq!(log.stopped, Some(Stop::NoContent));
    assert_eq!(server.ids(), ["", "", "", "", "1"]);
}

#[tokio::test]
async fn a_server_whose_kernel_accepts_and_nobody_else_is_idle() {
    // As if the program behind it hung.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for client in Client::ASYNC {
        let builder = EventSourceBuilder::new(http::Request::get(&url).body("").unwrap())
            .reconnect(policy().max_attempts(3))
            .idle_timeout(Duration::from_millis(50));
        let log = client.read(builder).await;
        assert_eq!(log.reasons, ["idle", "idle", "idle"], "{client:?}");
        assert_eq!(log.stopped, Some(Stop::MaxAttempts));
    }
}

#[tokio::test]
async fn comments_and_parts_of_events_keep_a_connection_alive() {
    let server = Server::new(async |request: Request, mut socket: Socket| match request.number {
        0 => {
            socket.write(&stream_head()).await?;
            for piece in [":", " hi", "\n", "data", ": ", "a", "\n", "\n"] {
                tokio::time::sleep(Duration::from_millis(100)).await;
                socket.chunk(piece.as_bytes()).await?;
            }
            socket.write("0\r\n\r\n").await
        }
        _ => socket.answer("204 No Content", "", "").await,
    })
    .await;
    let builder = builder(&server).idle_timeout(Duration::from_millis(600));
    let log = Client::Hyper.follow(&server, builder).await;
    assert_eq!(log.events, ["a"]);
    assert_eq!(log.comments, ["hi"]);
    assert_eq!(log.reasons, ["end", "refused 204"]);

    server.begin_anew();
    let log = follow_blocking(&server, policy(), Duration::from_millis(600)).await;
    assert_eq!(log.events, ["a"]);
    assert_eq!(server.ids(), ["", ""]);
}

#[tokio::test]
async fn garbage_is_no_event_and_no_end() {
    let garbage: Arc<[u8]> = random_bytes(7).take(100_000).filter(|byte| *byte != b'\n').collect();
    let server =
        Server::with(garbage, async |garbage: Arc<[u8]>, request: Request, mut socket: Socket| {
            match request.number {
                // No HTTP.
                0 => socket.write_bytes(&garbage).await,
                1 => socket.write("HTTP/1.1 two hundred\r\n\r\n").await,
                // No chunks.
                2 => {
                    socket.write(&stream_head()).await?;
                    socket.write_bytes(&garbage).await
                }
                // No event stream, and then one.
                3 => {
                    socket.write(&stream_head()).await?;
                    socket.chunk(&garbage).await?;
                    socket.chunk(b"\n\nid: 1\ndata: a\n\n").await?;
                    socket.write("0\r\n\r\n").await
                }
                _ => socket.answer("204 No Content", "", "").await,
            }
        })
        .await;
    for client in Client::ALL {
        server.begin_anew();
        let log = client.follow(&server, builder(&server)).await;
        assert_eq!(log.events, ["a"], "{client:?}");
        assert_eq!(server.ids(), ["", "", "", "", "1"], "{client:?}");
        if client != Client::Ureq {
            let reasons = ["transport", "transport", "transport", "end", "refused 204"];
            assert_eq!(log.reasons, reasons, "{client:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_content_type_stops() {
    for (content_type, is_right) in [
        ("text/html", false),
        ("text/event-stream-2", false),
        ("application/json; text/event-stream", false),
        ("text/event-stream; charset=utf-8", true),
        ("TEXT/EVENT-STREAM;x", true),
    ] {
        let server = Server::with(
            content_type,
            async |content_type: &str, request: Request, socket: Socket| match request.number {
                0 => {
                    let header = format!("content-type: {content_type}\r\n");
                    socket.answer("200 OK", &header, "data: a\n\n").await
                }
                _ => socket.answer("204 No Content", "", "").await,
            },
        )
        .await;
        for client in Client::ALL {
            server.begin_anew();
            let log = client.follow(&server, builder(&server)).await;
            let stop = if is_right { Stop::NoContent } else { Stop::ContentType };
            assert_eq!(log.stopped, Some(stop), "{client:?}: {content_type}");
            assert_eq!(log.events.len(), usize::from(is_right));
        }
    }
}

#[tokio::test]
async fn no_content_stops_at_once() {
    let server =
        Server::new(async |_, socket: Socket| socket.answer("204 No Content", "", "").await).await;
    for client in Client::ALL {
        server.begin_anew();
        let log = client.follow(&server, builder(&server)).await;
        assert_eq!(log.stopped, Some(Stop::NoContent), "{client:?}");
        assert_eq!(server.ids(), [""]);
    }
}

#[tokio::test]
async fn a_redirect_is_followed_by_the_clients_that_do_and_stops_the_others() {
    let server = Server::new(async |request: Request, socket: Socket| match &request.path[..] {
        "/" => socket.answer("301 Moved Permanently", "location: /moved\r\n", "").await,
        _ if request.id == "1" => socket.answer("204 No Content", "", "").await,
        _ => socket.stream("id: 1\ndata: a\n\n", End::LastChunk).await,
    })
    .await;
    for client in [Client::Reqwest, Client::Ureq] {
        let log = client.follow(&server, builder(&server)).await;
        assert_eq!(log.events, ["a"], "{client:?}");
        assert_eq!(log.stopped, Some(Stop::NoContent), "{client:?}");
    }
    let log = Client::Hyper.follow(&server, builder(&server)).await;
    assert_eq!(log.reasons, ["refused 301"]);
    assert_eq!(log.stopped, Some(Stop::Status(301)));
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_no_endless_loop() {
    for location in ["", "location: \r\n", "location: http://[\r\n"] {
        let server = Server::with(location, async |location: &str, _, socket: Socket| {
            socket.answer("301 Moved Permanently", location, "").await
        })
        .await;
        let few = || builder(&server).reconnect(policy().max_attempts(2));
        for client in Client::ALL {
            server.begin_anew();
            let log = client.follow_with(&server, few(), policy().max_attempts(2)).await;
            assert_eq!(log.events, [""; 0]);
            assert!(server.ids().len() <= 50, "{client:?}, {location:?}: {:?}", server.ids());
            assert!(
                matches!(log.stopped, Some(Stop::Status(301) | Stop::MaxAttempts)),
                "{client:?}, {location:?}: {log:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_retry_after_is_waited_for() {
    let server = Server::new(async |request: Request, socket: Socket| match request.number {
        0 => socket.answer("429 Too Many Requests", "retry-after: 1\r\n", "slow down").await,
        _ => socket.answer("204 No Content", "", "").await,
    })
    .await;
    for client in Client::ALL {
        server.begin_anew();
        let start = Instant::now();
        let log = client.follow(&server, builder(&server)).await;
        assert!(start.elapsed() >= Duration::from_secs(1), "{client:?}");
        assert_eq!(log.stopped, Some(Stop::NoContent));
        if client != Client::Ureq {
            assert_eq!(log.refusals[0], "slow down", "{client:?}");
        }
    }
}

#[tokio::test]
async fn a_storm_of_errors_ends_with_the_attempts_or_with_the_storm() {
    let server = Server::new(async |request: Request, socket: Socket| match request.number {
        20 => socket.stream("id: 1\ndata: a\n\n", End::LastChunk).await,
        21 => socket.answer("204 No Content", "", "").await,
        _ => socket.answer("503 Service Unavailable", "", "overloaded").await,
    })
    .await;
    for client in Client::ALL {
        server.begin_anew();
        let log = client.follow(&server, builder(&server)).await;
        assert_eq!(log.events, ["a"], "{client:?}");
        assert_eq!(server.ids().len(), 22, "{client:?}");

        server.begin_anew();
        let few = builder(&server).reconnect(policy().max_attempts(7));
        let log = client.follow_with(&server, few, policy().max_attempts(7)).await;
        assert_eq!(log.stopped, Some(Stop::MaxAttempts), "{client:?}");
        assert_eq!(server.ids().len(), 7, "{client:?}");
    }
}

#[tokio::test]
async fn a_refused_port_is_tried_as_often_as_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    for client in Client::ASYNC {
        let builder = EventSourceBuilder::new(http::Request::get(&url).body("").unwrap())
            .reconnect(policy().max_attempts(3));
        let log = client.read(builder).await;
        assert_eq!(log.reasons, ["transport", "transport", "transport"], "{client:?}");
        assert_eq!(log.stopped, Some(Stop::MaxAttempts));
    }
    let idle = Duration::from_secs(10);
    let stopped = follow_ureq::follow(&url, &policy().max_attempts(3), idle, |_| {});
    assert_eq!(stopped, Some(Stop::MaxAttempts));
}

#[tokio::test]
async fn a_line_that_never_ends_is_dropped_and_the_next_event_is_whole() {
    let server = Server::new(async |request: Request, mut socket: Socket| match request.number {
        0 => {
            socket.write(&stream_head()).await?;
            socket.chunk(b"id: 1\ndata: a\n\nid: 2\ndata: ").await?;
            for _ in 0..200 {
                socket.chunk(&[b'x'; 10_000]).await?;
            }
            socket.chunk(b"\n\ndata: b\n\n").await?;
            socket.write("0\r\n\r\n").await
        }
        _ => socket.answer("204 No Content", "", "").await,
    })
    .await;
    for client in Client::ASYNC {
        server.begin_anew();
        let builder = builder(&server).parser(Parser::builder().max_event_size(100_000));
        let log = client.follow(&server, builder).await;
        assert_eq!(log.events, ["a", "b"], "{client:?}");
        assert_eq!(log.dropped, 1);
        assert_eq!(server.ids(), ["", "1"], "the ID of what was dropped counts for nothing");
    }
}

#[tokio::test]
async fn a_compressed_stream_is_delivered_event_by_event_if_the_client_decompresses() {
    let delivered = Arc::new(Notify::new());
    let notified = Arc::clone(&delivered);
    let server = Server::with(
        notified,
        async |notified: Arc<Notify>, request: Request, mut socket: Socket| {
            if request.number > 0 {
                return socket.answer("204 No Content", "", "").await;
            }
            assert!(request.head.contains("accept-encoding: gzip"), "{}", request.head);
            let headers = "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n\
            transfer-encoding: chunked\r\n";
            socket.write(&head("200 OK", headers)).await?;
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            for n in 1..=3 {
                write!(encoder, "id: {n}\ndata: {n}\n\n")?;
                encoder.flush()?;
                socket.chunk(&std::mem::take(encoder.get_mut())).await?;
                notified.notified().await;
            }
            socket.chunk(&encoder.finish()?).await?;
            socket.write("0\r\n\r\n").await
        },
    )
    .await;
    let mut source = follow_reqwest::source(builder(&server), reqwest_client(), no_authorization);
    let mut events = Vec::new();
    while let Some(signal) = source.next().await {
        if let Signal::Event(event) = signal {
            events.push(event.data().to_owned());
            delivered.notify_one();
        }
    }
    assert_eq!(events, ["1", "2", "3"]);
    assert_eq!(server.ids(), ["", "3"]);
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    async fn answer(request: Request, mut socket: Socket) -> io::Result<()> {
        match &request.id[..] {
            "" => {
                socket.write(&stream_head()).await?;
                socket.chunk(b"id: 1\ndata: before\n\nid: 2\ndata: cut").await?;
                std::future::pending().await
            }
            "1" => socket.stream("id: 2\ndata: after\n\n", End::LastChunk).await,
            _ => socket.answer("204 No Content", "", "").await,
        }
    }
    for client in Client::ASYNC {
        let server = Server::bind("127.0.0.1:0", answer).await;
        let address = server.address.clone();
        let mut server = Some(server);
        let mut refused = 0;
        let on_signal = |signal: &Seen| match signal {
            // With it all of its connections are gone.
            Seen::Event(data) if data == "before" => drop(server.take()),
            Seen::Disconnected("transport") => {
                refused += 1;
                if refused == 3 {
                    let listener = std::net::TcpListener::bind(&address).unwrap();
                    server = Some(Server::listen(listener, answer));
                }
            }
            _ => {}
        };
        let request = http::Request::get(format!("http://{address}/")).body("").unwrap();
        let builder = EventSourceBuilder::new(request).reconnect(policy());
        let log = client.read_with(builder, on_signal).await;
        assert_eq!(log.events, ["before", "after"], "{client:?}");
        assert_eq!(log.stopped, Some(Stop::NoContent));
    }
}

#[tokio::test]
async fn a_request_with_a_body_is_sent_again_only_if_that_is_chosen() {
    let server = Server::new(async |request: Request, socket: Socket| {
        assert_eq!((&request.method[..], &request.body[..]), ("POST", "{\"q\":1}"));
        match request.number {
            0 => socket.stream("id: 1\ndata: a\n\n", End::Close).await,
            _ => socket.answer("204 No Content", "", "").await,
        }
    })
    .await;
    let post = || {
        let request = http::Request::post(&server.url).body("{\"q\":1}").unwrap();
        EventSourceBuilder::new(request).reconnect(policy())
    };
    for client in Client::ASYNC {
        server.begin_anew();
        let log = client.follow(&server, post()).await;
        assert_eq!(log.stopped, Some(Stop::Once), "{client:?}");
        assert_eq!(server.ids(), [""], "{client:?}");

        server.begin_anew();
        let log = client.follow(&server, post().replay()).await;
        assert_eq!(log.stopped, Some(Stop::NoContent), "{client:?}");
        assert_eq!(server.ids(), ["", "1"], "{client:?}");
    }
}

#[tokio::test]
async fn each_attempt_has_a_fresh_token() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tokens);
    let server = Server::with(
        seen,
        async |seen: Arc<Mutex<Vec<String>>>, request: Request, socket: Socket| {
            let token = request.header("authorization");
            seen.lock().unwrap().push(token);
            match request.number {
                3 => socket.answer("204 No Content", "", "").await,
                _ => socket.answer("503 Service Unavailable", "", "").await,
            }
        },
    )
    .await;
    let mut count = 0;
    let authorization = move || {
        count += 1;
        std::future::ready(format!("Bearer {count}").parse().unwrap())
    };
    let source = follow_reqwest::source(builder(&server), reqwest_client(), authorization);
    follow_reqwest::follow(source, |_| {}).await.unwrap();
    assert_eq!(*tokens.lock().unwrap(), ["Bearer 1", "Bearer 2", "Bearer 3", "Bearer 4"]);
}

#[tokio::test]
async fn the_recipe_for_reqwest_says_why_it_gives_up() {
    let server =
        Server::new(async |_, socket: Socket| socket.answer("403 Forbidden", "", "no entry").await)
            .await;
    let source = follow_reqwest::source(builder(&server), reqwest_client(), no_authorization);
    let error = follow_reqwest::follow(source, |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered 403 Forbidden");
}

#[tokio::test]
async fn an_id_that_is_not_ascii_is_sent_back_as_it_came() {
    let server = Server::new(async |request: Request, socket: Socket| match request.number {
        0 => socket.stream("id: caf\u{e9}\ndata: a\n\n", End::LastChunk).await,
        _ => socket.answer("204 No Content", "", "").await,
    })
    .await;
    for client in Client::ALL {
        server.begin_anew();
        client.follow(&server, builder(&server)).await;
        assert_eq!(server.ids(), ["", "caf\u{e9}"], "{client:?}");
    }
}

#[tokio::test]
async fn dropping_or_closing_a_source_hangs_up_at_once() {
    for is_closed in [false, true] {
        let hung_up = Arc::new(Notify::new());
        let notify = Arc::clone(&hung_up);
        let server = Server::with(notify, async |notify: Arc<Notify>, _, mut socket: Socket| {
            socket.write(&stream_head()).await?;
            socket.chunk(b"data: a\n\n").await?;
            while socket.0.read(&mut [0]).await? > 0 {}
            notify.notify_one();
            Ok(())
        })
        .await;
        let mut source = follow_hyper::source(builder(&server), hyper_client());
        while !matches!(source.next().await, Some(Signal::Event(_))) {}
        if is_closed {
            source.close();
            assert!(source.next().await.is_none());
        } else {
            drop(source);
        }
        timeout(Duration::from_secs(60), hung_up.notified()).await.unwrap();
    }
}

#[tokio::test]
async fn sources_can_be_spawned() {
    fn is_send(_: impl Send + Unpin + 'static) {}
    let request = || EventSourceBuilder::new(http::Request::get("/").body("").unwrap());
    is_send(follow_hyper::source(request(), hyper_client()));
    is_send(Box::pin(async move {
        let source = follow_reqwest::source(request(), reqwest_client(), no_authorization);
        follow_reqwest::follow(source, |_| {}).await
    }));
}

// ---- All of them at random

/// How many events each source must get.
const EVENTS: usize = 60;

/// Each of 200 sources follows a server that fails it in a random way at least
/// five times, so that there are 1,000 connections and more.
#[tokio::test]
async fn no_event_is_lost_or_doubled_in_a_thousand_connections_that_fail_at_random() {
    let sources = std::env::var("SOAK_SOURCES").map_or(200, |count| count.parse().unwrap());
    type Shared = (Arc<Mutex<BTreeMap<usize, usize>>>, Arc<Mutex<BTreeMap<Fault, usize>>>);
    let (connections, faults) = Shared::default();
    let server = {
        let (connections, faults) = (Arc::clone(&connections), Arc::clone(&faults));
        Server::with(
            (connections, faults),
            async |(connections, faults): Shared, request: Request, socket: Socket| {
                let source: usize = request.path[1..].parse().unwrap();
                let connection = {
                    let mut connections = connections.lock().unwrap();
                    let count = connections.entry(source).or_insert(0_usize);
                    *count += 1;
                    *count
                };
                let seed = (source * 1_000 + connection) as u64;
                let fault = Fault::random(seed, connection);
                *faults.lock().unwrap().entry(fault).or_insert(0_usize) += 1;
                let sent = if request.id.is_empty() { 0 } else { request.id.parse().unwrap() };
                fault.answer(socket, sent, seed).await
            },
        )
        .await
    };

    let mut followers = Vec::new();
    for source in 0..sources {
        let request = http::Request::get(format!("{}{source}", server.url)).body("").unwrap();
        let builder = EventSourceBuilder::new(request)
            .reconnect(policy())
            .parser(Parser::builder().max_event_size(10_000))
            .idle_timeout(Duration::from_millis(300));
        let client = Client::ASYNC[source % 2];
        followers.push(tokio::spawn(async move { client.read(builder).await }));
    }
    let expected: Vec<_> = (1..=EVENTS).map(|number| number.to_string()).collect();
    for (source, follower) in followers.into_iter().enumerate() {
        let log = follower.await.unwrap();
        assert_eq!(log.events, expected, "source {source}");
        assert_eq!(log.stopped, Some(Stop::NoContent), "source {source}");
    }

    let connections = connections.lock().unwrap();
    let total: usize = connections.values().sum();
    let faults = faults.lock().unwrap();
    println!("{total} connections: {faults:?}");
    assert!(total >= 5 * sources, "{total} connections");
    assert_eq!(faults.len(), Fault::ALL.len() + 1, "each of them, and none");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    None,
    EndEarly,
    CutInEvent,
    CloseWithoutLastChunk,
    Reset,
    ShortBody,
    Stall,
    SingleBytes,
    TooLarge,
    Garbage,
    HangUp,
    Unavailable,
    TooMany,
}

impl Fault {
    const ALL: [Self; 12] = [
        Self::EndEarly,
        Self::CutInEvent,
        Self::CloseWithoutLastChunk,
        Self::Reset,
        Self::ShortBody,
        Self::Stall,
        Self::SingleBytes,
        Self::TooLarge,
        Self::Garbage,
        Self::HangUp,
        Self::Unavailable,
        Self::TooMany,
    ];

    /// After enough of them, none.
    fn random(seed: u64, connection: usize) -> Self {
        if connection > 12 {
            Self::None
        } else {
            Self::ALL[random(seed) as usize % Self::ALL.len()]
        }
    }

    async fn answer(self, mut socket: Socket, sent: usize, seed: u64) -> io::Result<()> {
        if sent == EVENTS {
            return socket.answer("204 No Content", "", "").await;
        }
        let event = |number: usize| format!("event: x\nid: {number}\r\ndata: {number}\n\n");
        let last = (sent + 1 + random(seed + 1) as usize % 12).min(EVENTS);
        let whole: String = (sent + 1..=last).map(event).collect();
        let cut = format!("{whole}: \u{1f980}\nretry: 0\nid: 77\ndata: {}", last + 1);
        match self {
            Self::None => {
                let rest: String = (sent + 1..=EVENTS).map(event).collect();
                socket.stream(&rest, End::LastChunk).await
            }
            Self::EndEarly => socket.stream(&whole, End::LastChunk).await,
            Self::CutInEvent => socket.stream(&cut, End::LastChunk).await,
            Self::CloseWithoutLastChunk => socket.stream(&cut, End::Close).await,
            Self::Reset => socket.stream(&cut, End::Reset).await,
            Self::ShortBody => {
                let length = format!(
                    "content-type: text/event-stream\r\ncontent-length: {}\r\n",
                    cut.len() + 1
                );
                socket.write(&head("200 OK", &length)).await?;
                socket.write(&cut).await
            }
            Self::Stall => {
                socket.write(&stream_head()).await?;
                socket.chunk(cut.as_bytes()).await?;
                // Until it is left.
                while socket.0.read(&mut [0]).await? > 0 {}
                Ok(())
            }
            Self::SingleBytes => {
                socket.write(&stream_head()).await?;
                for byte in cut.as_bytes().chunks(1) {
                    socket.chunk(byte).await?;
                }
                Ok(())
            }
            Self::TooLarge => {
                let large = format!("{whole}id: 77\ndata: {}\n\n", "x".repeat(20_000));
                socket.stream(&large, End::LastChunk).await
            }
            Self::Garbage => {
                let garbage: Vec<u8> = random_bytes(seed).take(1_000).collect();
                socket.write_bytes(&garbage).await
            }
            Self::HangUp => Ok(()),
            Self::Unavailable => socket.answer("503 Service Unavailable", "", "overloaded").await,
            Self::TooMany => {
                socket.answer("429 Too Many Requests", "retry-after: 0\r\n", "slow down").await
            }
        }
    }
}

/// SplitMix64.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn random_bytes(seed: u64) -> impl Iterator<Item = u8> {
    (0..).flat_map(move |n| random(seed.wrapping_add(n)).to_le_bytes())
}

// ---- Clients

#[derive(Clone, Copy, Debug, PartialEq)]
enum Client {
    Reqwest,
    Hyper,
    Ureq,
}

impl Client {
    const ASYNC: [Self; 2] = [Self::Reqwest, Self::Hyper];
    const ALL: [Self; 3] = [Self::Reqwest, Self::Hyper, Self::Ureq];

    /// Follows to the end.
    async fn follow(self, server: &Server, builder: EventSourceBuilder) -> Log {
        self.follow_with(server, builder, policy()).await
    }

    /// The recipe for `ureq` takes the policy only.
    async fn follow_with(
        self,
        server: &Server,
        builder: EventSourceBuilder,
        policy: ReconnectBuilder,
    ) -> Log {
        match self {
            Self::Ureq => follow_blocking(server, policy, Duration::from_secs(10)).await,
            _ => self.read(builder).await,
        }
    }

    async fn read(self, builder: EventSourceBuilder) -> Log {
        self.read_with(builder, |_| {}).await
    }

    async fn read_with(self, builder: EventSourceBuilder, on_signal: impl FnMut(&Seen)) -> Log {
        match self {
            Self::Reqwest => {
                let source = follow_reqwest::source(builder, reqwest_client(), no_authorization);
                Log::read(source, on_signal).await
            }
            Self::Hyper => {
                Log::read(follow_hyper::source(builder, hyper_client()), on_signal).await
            }
            Self::Ureq => unreachable!("it has no source"),
        }
    }
}

async fn follow_blocking(server: &Server, policy: ReconnectBuilder, idle: Duration) -> Log {
    let url = server.url.clone();
    let follow = move || {
        let mut log = Log::default();
        log.stopped = follow_ureq::follow(&url, &policy, idle, |event| {
            log.events.push(event.data().to_owned())
        });
        log
    };
    let following = tokio::task::spawn_blocking(follow);
    timeout(Duration::from_secs(60), following).await.expect("it hangs").unwrap()
}

fn reqwest_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn no_authorization() -> http::HeaderValue {
    http::HeaderValue::from_static("")
}

fn hyper_client() -> hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>> {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http()
}

fn policy() -> ReconnectBuilder {
    Reconnect::builder().min_wait(Duration::from_millis(1)).max_wait(Duration::from_millis(20))
}

fn builder(server: &Server) -> EventSourceBuilder {
    let request = http::Request::get(&server.url).body("").unwrap();
    EventSourceBuilder::new(request).reconnect(policy())
}

/// What a source has yielded.
#[derive(Debug, Default)]
struct Log {
    events: Vec<String>,
    comments: Vec<String>,
    dropped: usize,
    reasons: Vec<String>,
    /// The bodies of the responses that were refused.
    refusals: Vec<String>,
    stopped: Option<Stop>,
}

enum Seen {
    Event(String),
    Disconnected(&'static str),
}

impl Log {
    async fn read<C: Connect>(
        mut source: EventSource<C, impl Sleep>,
        mut on_signal: impl FnMut(&Seen),
    ) -> Self {
        let mut log = Self::default();
        let reading = async {
            while let Some(signal) = source.next().await {
                log.add(signal, &mut on_signal);
            }
        };
        timeout(Duration::from_secs(60), reading).await.expect("it hangs");
        log.stopped = source.stopped();
        log
    }

    fn add<E>(&mut self, signal: Signal<E>, on_signal: &mut impl FnMut(&Seen)) {
        match signal {
            Signal::Event(event) => {
                self.events.push(event.data().to_owned());
                on_signal(&Seen::Event(event.data().to_owned()));
            }
            Signal::Comment(text) => self.comments.push(text),
            Signal::Dropped(_) => self.dropped += 1,
            Signal::Disconnected { why, .. } => {
                let reason = match why {
                    Disconnect::Transport(_) => "transport",
                    Disconnect::Ended(Ending::Complete) => "end",
                    Disconnect::Ended(_) => "cut",
                    Disconnect::Idle => "idle",
                    Disconnect::Refused(response) => {
                        self.reasons.push(format!("refused {}", response.status().as_u16()));
                        let body = String::from_utf8(response.into_body().into()).unwrap();
                        return self.refusals.push(body);
                    }
                    _ => unreachable!(),
                };
                self.reasons.push(reason.to_owned());
                on_signal(&Seen::Disconnected(reason));
            }
            _ => {}
        }
    }
}

// ---- Servers

/// Until it is dropped, with all its connections.
struct Server {
    address: String,
    url: String,
    requests: Arc<Requests>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Requests {
    count: AtomicUsize,
    ids: Mutex<Vec<String>>,
}

impl Server {
    async fn new<F, A>(answer: F) -> Self
    where
        F: Fn(Request, Socket) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::bind("127.0.0.1:0", answer).await
    }

    /// `state` is what the function shares with the test.
    async fn with<T, F, A>(state: T, answer: F) -> Self
    where
        T: Clone + Send + Sync + 'static,
        F: Fn(T, Request, Socket) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::new(move |request, socket| answer(state.clone(), request, socket)).await
    }

    async fn bind<F, A>(address: &str, answer: F) -> Self
    where
        F: Fn(Request, Socket) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::listen(std::net::TcpListener::bind(address).unwrap(), answer)
    }

    fn listen<F, A>(listener: std::net::TcpListener, answer: F) -> Self
    where
        F: Fn(Request, Socket) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Requests::default());
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            // Dropped with the server, and its connections with it.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let mut socket = Socket(listener.accept().await.unwrap().0);
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                connections.spawn(async move {
                    let Some(request) = socket.request(&seen).await else { return };
                    // The client may hang up before the server is done.
                    _ = answer(request, socket).await;
                });
            }
        });
        let url = format!("http://{address}/");
        Self { address, url, requests, task }
    }

    /// The last event ID of each request, or "".
    fn ids(&self) -> Vec<String> {
        self.requests.ids.lock().unwrap().clone()
    }

    fn begin_anew(&self) {
        self.requests.count.store(0, Relaxed);
        self.requests.ids.lock().unwrap().clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Request {
    /// How many came before it.
    number: usize,
    method: String,
    path: String,
    head: String,
    id: String,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> String {
        let line = |line: &str| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
        self.head.lines().find_map(line).unwrap_or_default()
    }
}

struct Socket(TcpStream);

/// How a stream ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As HTTP has it.
    LastChunk,
    Close,
    Reset,
}

impl Socket {
    async fn request(&mut self, seen: &Requests) -> Option<Request> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.0.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut words = head.split(' ').map(str::to_owned);
        let mut request = Request {
            number: 0,
            method: words.next()?,
            path: words.next()?,
            head,
            id: String::new(),
            body: String::new(),
        };
        let length = request.header("content-length").parse().unwrap_or(0);
        while bytes.len() < end + length {
            self.0.read_buf(&mut bytes).await.ok()?;
        }
        request.body = String::from_utf8(bytes[end..].to_vec()).unwrap();
        request.id = request.header("last-event-id");
        request.number = seen.count.fetch_add(1, Relaxed);
        seen.ids.lock().unwrap().push(request.id.clone());
        Some(request)
    }

    /// A response with its length.
    async fn answer(mut self, status: &str, headers: &str, body: &str) -> io::Result<()> {
        let length = match status {
            "204 No Content" => String::new(),
            _ => format!("content-length: {}\r\n", body.len()),
        };
        self.write(&head(status, &format!("{headers}{length}connection: close\r\n"))).await?;
        self.write(body).await
    }

    /// An event stream, in two chunks.
    async fn stream(mut self, stream: &str, end: End) -> io::Result<()> {
        self.write(&stream_head()).await?;
        let (first, second) = stream.as_bytes().split_at(stream.len() / 2);
        self.chunk(first).await?;
        self.chunk(second).await?;
        match end {
            End::LastChunk => self.write("0\r\n\r\n").await,
            End::Close => Ok(()),
            End::Reset => {
                // What was sent before a reset may be lost: let it be read.
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.0.set_zero_linger()
            }
        }
    }

    async fn chunk(&mut self, data: &[u8]) -> io::Result<()> {
        let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
        chunk.extend_from_slice(data);
        chunk.extend_from_slice(b"\r\n");
        self.write_bytes(&chunk).await
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes()).await
    }

    async fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        tokio::task::yield_now().await;
        Ok(())
    }
}

fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}\r\n")
}

fn stream_head() -> String {
    head("200 OK", "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n")
}
