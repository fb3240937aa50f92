//! `EventSource` against scripted servers, with a time that passes only when
//! nothing else can happen: hours of waiting take no time, and each wait is
//! exact. `examples/recipes/tests/follow.rs` has real servers and clients.
#![cfg(feature = "client")]

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream::FusedStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use proptest::{collection::vec, prelude::*};
use sse_wire::{
    Disconnect, Ending, EofPolicy, EventSource, EventSourceBuilder, ParseError, Parser, Reconnect,
    Signal, Stop,
};

// ---- Following

#[test]
fn all_that_happens_is_visible_in_order() {
    let world = World::new([
        stream(["retry: 5000\nid: 1\nda", "ta: a\n\n: hi\ndata: b\n\ndata: cut o"]),
        Answer::Error("refused"),
        stream(["data: c\n\nid: 2\n\n"]),
        status(204),
    ]);
    let mut source = world.get();
    assert_eq!(
        world.log(&mut source),
        [
            "open 200",
            "event a",
            "comment hi",
            "event b",
            "the event stream ended within a block; again after 5s",
            "the transport of the event stream failed: refused; again after 5s",
            "open 200",
            "event c",
            "the event stream ended; again after 5s",
            "the server answered 204 No Content",
        ]
    );
    assert_eq!(world.ids(), ["", "1", "1", "2"]);
    assert_eq!(world.now.get(), seconds(15));
    assert_eq!(source.stopped(), Some(Stop::NoContent));
    assert_eq!(source.last_event_id(), "2");
    assert_eq!(source.reconnection_time(), Some(seconds(5)));
}

#[test]
fn the_head_of_a_response_is_visible() {
    let head = Response::builder()
        .header("content-type", "text/event-stream; charset=utf-8")
        .header("x-request-id", "77");
    let world = World::new([Answer::Response(head, vec![])]);
    let Some(Signal::Open(response)) = world.next(&mut world.get()) else { panic!() };
    assert_eq!(response.headers()["x-request-id"], "77");
}

#[test]
fn a_dropped_block_is_visible_and_the_stream_goes_on() {
    let world = World::new([stream(["data: 12345\n\ndata: 1\n\n"]), status(204)]);
    let mut source = world.source(builder("GET").parser(Parser::builder().max_event_size(4)));
    world.next(&mut source);
    let dropped = world.next(&mut source);
    assert!(
        matches!(dropped, Some(Signal::Dropped(ParseError::EventTooLarge { limit: 4, .. }))),
        "{dropped:?}"
    );
    assert_eq!(world.log(&mut source)[0], "event 1");
}

#[test]
fn a_line_that_never_ends_is_one_error_and_an_idle_server_is_left() {
    let endless = (0..10_000).map(|_| Piece::Data(Bytes::from_static(&[b'x'; 1000])));
    let start = [Piece::Data("id: 1\ndata: a\n\nid: 2\ndata: ".into())];
    let world = World::new([
        Answer::Response(ok(), start.into_iter().chain(endless).chain([Piece::Stall]).collect()),
        status(204),
    ]);
    let mut source = world.source(
        builder("GET").parser(Parser::builder().max_event_size(1000)).idle_timeout(seconds(60)),
    );
    let log = world.log(&mut source);
    assert_eq!(log[1], "event a");
    assert!(log[2].starts_with("dropped: an event or comment of at least"), "{log:?}");
    assert_eq!(log[3], "no byte arrived for the idle timeout; again after 100ms");
    assert_eq!(world.ids(), ["", "1"]);
}

#[test]
fn a_body_that_breaks_off_is_no_end() {
    let broken = vec![Piece::Data("id: 1\ndata: a\n\nid: 2\ndata: b\n".into()), Piece::Error];
    let world = World::new([Answer::Response(ok(), broken), status(204)]);
    let log = world.log(&mut world.get());
    assert_eq!(
        log[1..3],
        ["event a", "the transport of the event stream failed: broken; again after 100ms"]
    );
    assert_eq!(world.ids(), ["", "1"]);
}

#[test]
fn the_end_of_a_stream_is_dispatched_or_an_error_if_that_is_the_policy() {
    let cut = "id: 7\ndata: a";
    let world = World::new([stream([cut]), status(204)]);
    let dispatch = Parser::builder().eof_policy(EofPolicy::Dispatch);
    let log = world.log(&mut world.source(builder("GET").parser(dispatch)));
    assert_eq!(log[1..3], ["event a", "the event stream ended within a block; again after 100ms"]);
    assert_eq!(world.ids(), ["", "7"]);

    let world = World::new([stream([cut]), status(204)]);
    let error = Parser::builder().eof_policy(EofPolicy::Error);
    let log = world.log(&mut world.source(builder("GET").parser(error)));
    assert!(log[1].starts_with("dropped: the stream ended within the block"), "{log:?}");
    assert_eq!(world.ids(), ["", ""]);
}

#[test]
fn trailers_and_empty_frames_are_passed_over() {
    let pieces = vec![
        Piece::Data(Bytes::new()),
        Piece::Data("data: a\n\n".into()),
        Piece::Trailers,
        Piece::Data("data: b\n\n".into()),
    ];
    let world = World::new([Answer::Response(ok(), pieces), status(204)]);
    assert_eq!(world.log(&mut world.get())[1..3], ["event a", "event b"]);
}

// ---- Idle timeout

#[test]
fn any_byte_and_nothing_else_resets_the_idle_timeout() {
    let after = |time, data: &'static str| [Piece::Wait(seconds(time)), Piece::Data(data.into())];
    let pieces = [
        after(9, ":"),       // a part of a comment
        after(9, "\n"),      // the rest of it
        after(9, "data: a"), // a part of an event
        after(9, "x"),
        after(9, "\n\n"),
        after(9, ""), // no byte
        after(9, "never"),
    ];
    let world =
        World::new([Answer::Response(ok(), pieces.into_iter().flatten().collect()), status(204)]);
    let mut source = world.source(builder("GET").idle_timeout(seconds(10)));
    let log = world.log(&mut source);
    assert_eq!(
        log[1..4],
        ["comment ", "event ax", "no byte arrived for the idle timeout; again after 100ms"]
    );
    // And the little more that it may take.
    assert_eq!(world.now.get(), seconds(45 + 10 + 1) + millis(100));
}

#[test]
fn a_server_that_accepts_and_does_not_answer_is_idle() {
    let world = World::new([Answer::Silence, status(204)]);
    let log = world.log(&mut world.source(builder("GET").idle_timeout(seconds(10))));
    assert_eq!(log[0], "no byte arrived for the idle timeout; again after 100ms");
    assert_eq!(world.now.get(), seconds(10 + 1) + millis(100));
}

/// A transport with a task of its own may not have run when the timer is polled.
#[test]
fn bytes_that_a_busy_program_reads_a_little_late_are_no_idle_time() {
    let late = |time| Piece::Wait(seconds(10) + time);
    let data = |data: &'static str| Piece::Data(data.into());
    let pieces = vec![
        late(millis(999)),
        data("data: a\n\n"),
        late(millis(999)),
        data("data: b\n\n"),
        late(millis(1001)),
        data("data: never\n\n"),
    ];
    let world = World::new([Answer::Response(ok(), pieces), status(204)]);
    let log = world.log(&mut world.source(builder("GET").idle_timeout(seconds(10))));
    let idle = "no byte arrived for the idle timeout; again after 100ms";
    assert_eq!(log[1..4], ["event a", "event b", idle]);

    let world = World::new([Answer::Silence, status(204)]);
    world.log(&mut world.source(builder("GET").idle_timeout(seconds(100))));
    assert_eq!(world.now.get(), seconds(100 + 1) + millis(100), "a second at most");
    let world = World::new([Answer::Silence, status(204)]);
    world.log(&mut world.source(builder("GET").idle_timeout(seconds(1))));
    assert_eq!(world.now.get(), seconds(1) + millis(100 + 100), "a tenth at most");
}

#[test]
fn a_body_that_is_always_ready_lets_other_tasks_run() {
    let empty = || (0..1000).map(|_| Piece::Data(Bytes::new())).collect();
    let refused = || Response::builder().status(500);
    for answer in [Answer::Response(ok(), empty()), Answer::Response(refused(), empty())] {
        let world = World::new([answer, status(204)]);
        let mut source = world.get();
        let mut turns = 0;
        loop {
            match poll_once(&mut source) {
                (Poll::Ready(Some(Signal::Open(_))), _) => {}
                (Poll::Ready(_), _) => break,
                (Poll::Pending, is_woken) => {
                    assert!(is_woken);
                    turns += 1;
                }
            }
        }
        assert!((5..100).contains(&turns), "{turns}");
    }
}

#[test]
fn to_close_what_has_stopped_keeps_the_reason() {
    let world = World::new([status(204)]);
    let mut source = world.get();
    world.log(&mut source);
    source.close();
    assert_eq!(source.stopped(), Some(Stop::NoContent));
}

#[test]
fn what_arrived_while_nobody_read_is_no_idle_time() {
    let data = |data: &'static str| Piece::Data(data.into());
    let pieces =
        vec![data("data: a\n\n"), Piece::Wait(seconds(1)), data("data: b\n\n"), Piece::Stall];
    let world = World::new([Answer::Response(ok(), pieces)]);
    let mut source = world.source(builder("GET").idle_timeout(seconds(10)));
    world.next(&mut source);
    assert_eq!(text(world.next(&mut source)), "event a");
    assert!(world.poll(&mut source).is_pending());
    world.now.set(seconds(1000));
    assert_eq!(text(world.next(&mut source)), "event b");
    assert!(world.poll(&mut source).is_pending());
}

#[test]
fn without_an_idle_timeout_nothing_is_too_long() {
    let hour = seconds(60 * 60);
    let pieces = vec![Piece::Wait(hour), Piece::Data("data: a\n\n".into())];
    let world = World::new([Answer::Response(ok(), pieces), status(204)]);
    assert_eq!(world.log(&mut world.get())[1], "event a");
    assert!(world.now.get() >= hour);
}

// ---- Responses that are no event stream

#[test]
fn a_response_that_is_refused_keeps_status_headers_and_a_part_of_its_body() {
    let head = || Response::builder().status(403).header("x-request-id", "77");
    let pieces = || vec![Piece::Data("no ".into()), Piece::Trailers, Piece::Data("entry".into())];
    for (limit, body) in [(100, "no entry"), (8, "no entry"), (7, "no entr"), (3, "no "), (0, "")] {
        let world = World::new([Answer::Response(head(), pieces())]);
        let mut source = world.source(builder("GET").error_body_limit(limit));
        let response = refused(world.next(&mut source));
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["x-request-id"], "77");
        assert_eq!(response.body(), body);
        assert!(world.next(&mut source).is_none());
        assert_eq!(source.stopped(), Some(Stop::Status(403)));
    }
}

#[test]
fn the_body_of_a_refusal_that_breaks_off_or_stalls_is_kept_so_far() {
    for end in [Piece::Error, Piece::Stall] {
        let pieces = vec![Piece::Data("overl".into()), end];
        let head = Response::builder().status(503);
        let world = World::new([Answer::Response(head, pieces), status(204)]);
        assert_eq!(refused(world.next(&mut world.get())).body(), "overl");
        assert!(world.now.get() <= seconds(5));
    }
}

#[test]
fn a_refusal_that_has_reached_the_limit_is_not_waited_for() {
    let pieces = vec![Piece::Data("no entry".into()), Piece::Stall];
    let world = World::new([Answer::Response(Response::builder().status(403), pieces)]);
    let mut source = world.source(builder("GET").error_body_limit(8));
    assert_eq!(refused(world.next(&mut source)).body(), "no entry");
    assert_eq!(world.now.get(), Duration::ZERO);
}

#[test]
fn an_endless_refusal_is_read_up_to_the_limit_only() {
    let pieces = (0..1_000_000).map(|_| Piece::Data("x".into())).collect();
    let world = World::new([Answer::Response(Response::builder().status(500), pieces)]);
    assert_eq!(refused(world.next(&mut world.get())).body().len(), 16 * 1024);
}

#[test]
fn a_wrong_content_type_says_which_one_it_is() {
    let answer = |content_type: Option<&str>| {
        let mut head = Response::builder();
        if let Some(content_type) = content_type {
            head = head.header("content-type", content_type);
        }
        Answer::Response(head, vec![Piece::Data("data: a\n\n".into())])
    };
    let log = |answer| World::new([answer]).once();
    assert_eq!(
        log(answer(Some("text/html"))),
        "the server answered 200 OK with the content type \"text/html\""
    );
    assert_eq!(log(answer(None)), "the server answered 200 OK without a content type");
    assert_eq!(
        log(answer(Some("text/event-stream\u{a0}"))),
        "the server answered 200 OK with the content type \"text/event-stream\\xc2\\xa0\""
    );
}

#[test]
fn a_redirect_that_the_client_did_not_follow_stops() {
    assert_eq!(World::new([status(301)]).once(), "the server answered 301 Moved Permanently");
}

#[test]
fn too_many_requests_are_retried_when_the_server_says() {
    let head = Response::builder().status(429).header("retry-after", "120");
    let world = World::new([Answer::Response(head, vec![]), status(204)]);
    let log = world.log(&mut world.get());
    assert_eq!(log[0], "the server answered 429 Too Many Requests; again after 120s");
    assert_eq!(world.now.get(), seconds(120));
}

#[test]
fn a_storm_of_errors_is_backed_off_from_until_the_last_attempt() {
    let world = World::new((0..5).map(|_| status(503)));
    let policy = Reconnect::builder().max_attempts(5);
    let mut source = world.source(builder("GET").reconnect(policy).random(|| u64::MAX));
    let waits: Vec<_> = std::iter::from_fn(|| world.next(&mut source))
        .map(|signal| match signal {
            Signal::Disconnected { wait, .. } => wait.map(|wait| wait.as_secs_f32().round()),
            _ => panic!("{signal:?}"),
        })
        .collect();
    assert_eq!(waits, [Some(2.0), Some(4.0), Some(8.0), Some(16.0), None]);
    assert_eq!(source.stopped(), Some(Stop::MaxAttempts));
}

#[test]
fn a_stream_that_ends_in_order_after_an_event_is_not_backed_off_from_but_one_that_breaks_is() {
    let longest = |answer: fn() -> Answer| {
        let world = World::new([answer(), answer(), answer(), status(204)]);
        let mut source = world.source(builder("GET").random(|| u64::MAX));
        let waits =
            std::iter::from_fn(|| world.next(&mut source)).filter_map(|signal| match signal {
                Signal::Disconnected { wait, .. } => wait,
                _ => None,
            });
        waits.map(|wait| wait.as_secs_f32().round()).collect::<Vec<_>>()
    };
    assert_eq!(longest(|| stream(["data: a\n\n"])), [2.0, 2.0, 2.0]);
    assert_eq!(longest(|| stream([": a\n\n"])), [2.0, 4.0, 8.0]);
    assert_eq!(longest(|| stream(["data: a\n\ndata: b"])), [2.0, 4.0, 8.0]);
    let broken = || Answer::Response(ok(), vec![Piece::Data("data: a\n\n".into()), Piece::Error]);
    assert_eq!(longest(broken), [2.0, 4.0, 8.0]);
}

#[test]
fn a_stable_connection_resets_the_backoff_without_any_event() {
    let open_for = |time| Answer::Response(ok(), vec![Piece::Wait(time), Piece::Error]);
    let answers = [status(503), status(503), open_for(seconds(30)), status(204)];
    let world = World::new(answers);
    let mut source = world.source(builder("GET").random(|| u64::MAX));
    let log = world.log(&mut source);
    assert!(log[3].ends_with("again after 1.999999999s"), "{log:?}");

    let world = World::new([status(503), status(503), open_for(millis(29_999)), status(204)]);
    let mut source = world.source(builder("GET").random(|| u64::MAX));
    let log = world.log(&mut source);
    assert!(log[3].ends_with("again after 7.999999999s"), "{log:?}");
}

// ---- Requests

#[test]
fn a_request_has_what_browsers_send_unless_it_has_its_own() {
    let world = World::new([status(204)]);
    world.log(&mut world.get());
    let headers = world.requests.borrow()[0].headers().clone();
    assert_eq!(headers["accept"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers.len(), 2);

    let request = Request::get("/").header("accept", "a/b").header("cache-control", "c");
    let world = World::new([status(204)]);
    world.log(&mut world.source(EventSourceBuilder::new(request.body("").unwrap())));
    let headers = world.requests.borrow()[0].headers().clone();
    assert_eq!(headers["accept"], "a/b");
    assert_eq!(headers["cache-control"], "c");
}

#[test]
fn each_attempt_is_a_fresh_request() {
    let world = World::new([Answer::Error("1"), Answer::Error("2"), status(204)]);
    let token = Cell::new(0);
    let mut connect = world.connect();
    let connect: ConnectFn = Box::new(move |mut request| {
        token.set(token.get() + 1);
        // The one added to the request before is gone.
        request.headers_mut().append("authorization", token.get().into());
        connect(request)
    });
    let mut source = EventSource::new(get(), connect, world.sleep());
    world.log(&mut source);
    let requests = world.requests.borrow();
    let tokens: Vec<_> =
        requests.iter().flat_map(|request| request.headers().get_all("authorization")).collect();
    assert_eq!(tokens, ["1", "2", "3"]);
}

#[test]
fn a_post_is_not_sent_again_by_itself() {
    for method in ["POST", "PUT", "PATCH", "DELETE", "REPORT"] {
        for answer in [stream(["data: a\n\n"]), Answer::Error("reset"), status(503)] {
            let world = World::new([answer]);
            let mut source = world.source(builder(method));
            let log = world.log(&mut source);
            assert!(!log.last().unwrap().contains("again"), "{log:?}");
            assert_eq!(source.stopped(), Some(Stop::Once));
        }
    }
}

#[test]
fn a_post_is_sent_again_with_its_body_if_that_is_chosen() {
    let world = World::new([stream(["id: 1\ndata: a\n\n"]), Answer::Error("reset"), status(204)]);
    world.log(&mut world.source(builder("POST").replay()));
    let requests = world.requests.borrow();
    assert!(requests.iter().all(|request| request.method() == "POST" && request.body() == "{}"));
    drop(requests);
    assert_eq!(world.ids(), ["", "1", "1"]);
}

#[test]
fn what_is_safe_is_sent_again() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        let world = World::new([Answer::Error("reset"), status(204)]);
        world.log(&mut world.source(builder(method)));
        assert_eq!(world.requests.borrow().len(), 2);
    }
}

#[test]
fn the_last_event_id_of_the_request_or_of_the_parser_is_the_first() {
    let answers = || [stream(["data: a\n\nid\n\n"]), status(204)];
    let world = World::new(answers());
    let request = Request::get("/").header("last-event-id", "41").body("").unwrap();
    let mut source = world.source(EventSourceBuilder::new(request));
    assert_eq!(source.last_event_id(), "41");
    world.log(&mut source);
    // The server has taken it back.
    assert_eq!(world.ids(), ["41", ""]);

    let world = World::new(answers());
    let parser = Parser::builder().last_event_id("caf\u{e9}");
    world.log(&mut world.source(builder("GET").parser(parser)));
    assert_eq!(world.ids(), ["caf\u{e9}", ""]);
}

#[test]
fn an_id_that_is_no_header_value_is_not_sent() {
    let world = World::new([stream(["id: a\u{1}b\ndata: a\n\n"]), status(204)]);
    world.log(&mut world.get());
    assert_eq!(world.ids(), ["", ""]);
}

// ---- Closing

#[test]
fn close_and_drop_cancel_at_once() {
    let stalled =
        || Answer::Response(ok(), vec![Piece::Data("data: a\n\ndata: b\n\n".into()), Piece::Stall]);
    let refusal = || Answer::Response(Response::builder().status(503), vec![Piece::Stall]);
    // How often to poll before it is cancelled, and what it waits for then.
    type Case = (fn() -> Answer, usize, usize);
    let cases: [Case; 5] = [
        (|| Answer::Silence, 1, 1),
        (|| Answer::Error("reset"), 2, 0),
        (stalled, 2, 1),
        (stalled, 4, 1),
        (refusal, 1, 1),
    ];
    for (answer, polls, alive) in cases {
        for is_dropped in [false, true] {
            let world = World::new([answer()]);
            let mut source = world.source(builder("GET").idle_timeout(seconds(60)));
            for _ in 0..polls {
                _ = world.poll(&mut source);
            }
            assert_eq!(world.alive.get(), alive);
            assert!(!world.timers.borrow().is_empty());
            if is_dropped {
                drop(source);
            } else {
                source.close();
                assert_eq!(source.stopped(), Some(Stop::Closed));
                assert!(source.is_terminated());
                assert!(matches!(world.poll(&mut source), Poll::Ready(None)));
            }
            assert_eq!(world.alive.get(), 0);
            assert!(world.timers.borrow().is_empty());
        }
    }
}

#[test]
fn an_unused_source_connects_to_nothing() {
    let world = World::new([]);
    let mut source = world.get();
    assert!(!source.is_terminated());
    source.close();
    assert!(matches!(world.poll(&mut source), Poll::Ready(None)));
}

#[test]
fn after_the_end_there_is_nothing() {
    let world = World::new([status(204)]);
    let mut source = world.get();
    world.log(&mut source);
    assert!(source.is_terminated());
    assert!(matches!(world.poll(&mut source), Poll::Ready(None)));
}

#[test]
fn to_reconnect_by_hand_asks_for_what_was_not_yielded() {
    let world = World::new([
        stream(["id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n"]),
        stream(["id: 3\ndata: c\n\n"]),
        status(204),
        status(204),
    ]);
    let mut source = world.get();
    world.next(&mut source);
    assert_eq!(text(world.next(&mut source)), "event a");
    assert_eq!(text(world.next(&mut source)), "event b");
    source.reconnect();
    assert_eq!(world.alive.get(), 0);
    let log = world.log(&mut source);
    assert_eq!(log[..2], ["open 200", "event c"]);
    assert_eq!(world.ids(), ["", "2", "3"]);

    source.reconnect();
    assert_eq!(source.stopped(), Some(Stop::NoContent), "until it is polled");
    assert_eq!(world.log(&mut source), ["the server answered 204 No Content"]);
    assert_eq!(world.ids(), ["", "2", "3", "3"]);
}

#[test]
fn to_reconnect_by_hand_opens_what_was_closed() {
    let world = World::new([stream(["id: 1\ndata: a\n\ndata: b\n\n"]), status(204)]);
    let mut source = world.get();
    world.next(&mut source);
    world.next(&mut source);
    source.close();
    source.reconnect();
    assert!(!source.is_terminated());
    assert_eq!(world.log(&mut source), ["the server answered 204 No Content"]);
    assert_eq!(world.ids(), ["", "1"]);
}

#[test]
fn to_reconnect_by_hand_sends_a_post_again_and_counts_from_zero() {
    let world = World::new([status(503), status(503), status(503)]);
    let mut source = world.source(builder("POST"));
    for _ in 0..3 {
        assert_eq!(world.log(&mut source), ["the server answered 503 Service Unavailable"]);
        source.reconnect();
    }
}

// ---- What it is

#[test]
fn state_is_printed_and_secrets_are_not() {
    let request = Request::get("/?key=secret").header("authorization", "secret").body("secret");
    let builder = EventSourceBuilder::new(request.unwrap());
    let printed = format!("{builder:?}");
    assert!(printed.contains("GET") && !printed.contains("secret"), "{printed}");

    let world = World::new([
        Answer::Error("reset"),
        stream(["data: a\n\n"]),
        Answer::Response(Response::builder().status(404), vec![Piece::Wait(seconds(1))]),
    ]);
    let mut source = world.source(builder.random(|| 0));
    let mut states = vec![format!("{source:?}")];
    for _ in 0..8 {
        _ = world.poll(&mut source);
        states.push(format!("{source:?}"));
        world.now.set(world.now.get() + seconds(10));
    }
    let expected = [
        "to be started",
        "waiting",
        "waiting",
        "open",
        "open",
        "waiting",
        "waiting",
        "refused",
        "stopped",
    ];
    assert_eq!(states.len(), expected.len());
    for (printed, state) in states.iter().zip(expected) {
        assert!(printed.contains(state) && !printed.contains("secret"), "{state}: {printed}");
    }
}

#[test]
fn waits_are_random_unless_that_is_changed() {
    let wait = || {
        let world = World::new([Answer::Error("reset")]);
        let mut source = EventSource::new(get(), world.connect(), world.sleep());
        match world.next(&mut source) {
            Some(Signal::Disconnected { wait, .. }) => wait,
            signal => panic!("{signal:?}"),
        }
    };
    let waits: std::collections::BTreeSet<_> = (0..8).map(|_| wait()).collect();
    assert!(waits.len() > 4, "{waits:?}");
}

#[test]
fn a_source_may_go_anywhere_if_its_functions_may() {
    fn is_owned<T: Send + Unpin + 'static>(_: T) {}
    let connect = |_request: Request<Bytes>| async {
        std::future::ready(()).await;
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    };
    is_owned(EventSource::new(get(), connect, |_time| std::future::ready(())));
}

#[test]
fn a_disconnect_is_an_error_with_its_source() {
    let disconnect = Disconnect::Transport(std::io::Error::other("reset"));
    let error: Box<dyn std::error::Error + Send + Sync> = disconnect.into();
    assert_eq!(error.to_string(), "the transport of the event stream failed");
    assert_eq!(error.source().unwrap().to_string(), "reset");
}

// ---- Whatever happens

/// A server that has the events 1 to `count`, sends those after the last event
/// ID, and breaks off as the faults say.
fn faulty(faults: Vec<(Fault, usize, usize)>, count: usize) -> impl FnMut(usize) -> Answer {
    let mut faults = faults.into_iter();
    move |sent: usize| {
        let rest: String = (sent + 1..=count).map(event).collect();
        let Some((fault, cut, size)) = faults.next() else {
            return if sent == count { status(204) } else { stream([rest]) };
        };
        let cut =
            Bytes::from(rest).slice(..cut.min((sent + 1..=count).map(|n| event(n).len()).sum()));
        let chunks = cut.chunks(size).map(|chunk| Piece::Data(Bytes::copy_from_slice(chunk)));
        let mut pieces: Vec<_> = chunks.collect();
        match fault {
            Fault::End => {}
            Fault::Error => pieces.push(Piece::Error),
            Fault::Stall => pieces.push(Piece::Stall),
            Fault::Status => return status(503),
            Fault::Refuse => return Answer::Error("refused"),
            Fault::Silence => return Answer::Silence,
        }
        Answer::Response(ok(), pieces)
    }
}

fn event(number: usize) -> String {
    match number % 3 {
        0 => format!("id: {number}\r\ndata: {number}\r\n\r\n"),
        1 => format!(": {number}\nid:{number}\ndata:{number}\n\n"),
        _ => format!("event: x\ndata: {number}\nid: {number}\n\n"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    End,
    Error,
    Stall,
    Status,
    Refuse,
    Silence,
}

proptest! {
    #[test]
    fn no_response_makes_it_panic_or_hold_more_than_the_limit(
        status in prop_oneof![Just(200), 100..1000_u16],
        headers in vec((
            prop::sample::select(&["content-type", "retry-after", "date", "last-event-id"]),
            prop_oneof![
                vec(prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8], 0..40),
                "[0-9]{1,40}".prop_map(String::into_bytes),
                "(Sun|Mon), [0-9]{2} (Feb|Nov) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
                    .prop_map(String::into_bytes),
                "text/event-stream.{0,3}".prop_map(String::into_bytes),
            ],
        ), 0..5),
        body in vec(vec(any::<u8>(), 0..100), 0..20),
    ) {
        let mut head = Response::builder().status(status);
        for (name, value) in &headers {
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            head = head.header(*name, value);
        }
        let pieces = body.into_iter().map(|data| Piece::Data(data.into())).collect();
        let world = World::new([Answer::Response(head, pieces), self::status(204), self::status(204)]);
        let mut source = world.source(builder("GET").error_body_limit(300));
        while let Some(signal) = world.next(&mut source) {
            if let Signal::Disconnected { why: Disconnect::Refused(response), .. } = signal {
                prop_assert!(response.body().len() <= 300);
            }
        }
        prop_assert!(source.stopped().is_some());
    }

    #[test]
    fn no_event_is_lost_or_doubled_whatever_breaks(
        faults in vec(
            (
                prop::sample::select(&[
                    Fault::End, Fault::Error, Fault::Stall, Fault::Status, Fault::Refuse, Fault::Silence,
                ]),
                0..200_usize,
                1..50_usize,
            ),
            0..20,
        ),
        reconnects in vec(any::<bool>(), 50),
    ) {
        const COUNT: usize = 30;
        let world = World::new([]);
        let mut server = faulty(faults, COUNT);
        let connect: ConnectFn = Box::new({
            let world = Rc::clone(&world);
            let mut connect = world.connect();
            move |request: Request<Bytes>| {
                let id = request.headers().get("last-event-id");
                let sent = id.map_or(0, |id| id.to_str().unwrap().parse().unwrap());
                world.answers.borrow_mut().push_back(server(sent));
                connect(request)
            }
        });
        let mut source = EventSourceBuilder::new(get())
            .idle_timeout(seconds(60))
            .random(|| 0)
            .build(connect, world.sleep());
        let mut read = Vec::new();
        while let Some(signal) = world.next(&mut source) {
            if let Signal::Event(event) = signal {
                read.push(event.data().parse::<usize>().unwrap());
                // By hand, with what has arrived not read.
                if reconnects[read.len()] {
                    source.reconnect();
                }
            }
        }
        prop_assert_eq!(read, (1..=COUNT).collect::<Vec<_>>());
    }
}

// ---- A world in which time passes only if nothing else can happen

type ConnectFn = Box<dyn FnMut(Request<Bytes>) -> Attempt>;
type SleepFn = Box<dyn FnMut(Duration) -> Timer>;
type Source = EventSource<ConnectFn, SleepFn>;

#[derive(Default)]
struct World {
    now: Cell<Duration>,
    /// Those that were not dropped, by number.
    timers: RefCell<Vec<(u64, Duration)>>,
    timer_count: Cell<u64>,
    /// Attempts and bodies that were not dropped.
    alive: Cell<usize>,
    answers: RefCell<VecDeque<Answer>>,
    requests: RefCell<Vec<Request<Bytes>>>,
}

/// The second value says whether the task was woken meanwhile.
fn poll_once(source: &mut Source) -> (Poll<Option<Signal<&'static str>>>, bool) {
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let signal = source.poll_next_unpin(&mut Context::from_waker(&waker));
    (signal, woken.0.load(Ordering::Relaxed))
}

impl World {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Rc<Self> {
        let world = Self::default();
        world.answers.borrow_mut().extend(answers);
        Rc::new(world)
    }

    fn connect(self: &Rc<Self>) -> ConnectFn {
        let world = Rc::clone(self);
        Box::new(move |request| {
            world.requests.borrow_mut().push(request);
            let answer = world.answers.borrow_mut().pop_front().expect("one attempt too many");
            Attempt { life: Some(Life::new(&world)), answer }
        })
    }

    fn sleep(self: &Rc<Self>) -> SleepFn {
        let world = Rc::clone(self);
        Box::new(move |time| Timer { world: Rc::clone(&world), time, number: None })
    }

    /// Waits as short as it may.
    fn get(self: &Rc<Self>) -> Source {
        self.source(builder("GET"))
    }

    fn source(self: &Rc<Self>, builder: EventSourceBuilder) -> Source {
        builder.build(self.connect(), self.sleep())
    }

    /// Polls as a runtime does: again, if the task was woken meanwhile.
    fn poll(&self, source: &mut Source) -> Poll<Option<Signal<&'static str>>> {
        loop {
            let (signal, is_woken) = poll_once(source);
            if signal.is_ready() || !is_woken {
                return signal;
            }
        }
    }

    /// Polls until there is a signal or the end.
    fn next(&self, source: &mut Source) -> Option<Signal<&'static str>> {
        for _ in 0..10_000 {
            match self.poll(source) {
                Poll::Ready(signal) => return signal,
                Poll::Pending => self.pass_time(),
            }
        }
        panic!("time passes, and nothing happens");
    }

    fn pass_time(&self) {
        let timers = self.timers.borrow();
        let next = timers.iter().map(|timer| timer.1).filter(|time| *time > self.now.get()).min();
        self.now.set(next.expect("the source waits for ever"));
    }

    /// All signals up to the end, as text.
    fn log(&self, source: &mut Source) -> Vec<String> {
        std::iter::from_fn(|| self.next(source)).map(|signal| text(Some(signal))).collect()
    }

    /// The only signal.
    fn once(self: &Rc<Self>) -> String {
        let [only] = self.log(&mut self.get()).try_into().unwrap();
        only
    }

    /// The last event ID of each request.
    fn ids(&self) -> Vec<String> {
        let id = |request: &Request<Bytes>| {
            let id = request.headers().get("last-event-id");
            let bytes = id.map(|id| id.as_bytes().to_vec());
            String::from_utf8(bytes.unwrap_or_default()).unwrap()
        };
        self.requests.borrow().iter().map(id).collect()
    }
}

fn builder(method: &str) -> EventSourceBuilder {
    let request = Request::builder().method(method).uri("/").body("{}").unwrap();
    EventSourceBuilder::new(request).random(|| 0)
}

fn get() -> Request<&'static str> {
    Request::get("/").body("").unwrap()
}

#[track_caller]
fn text(signal: Option<Signal<&'static str>>) -> String {
    match signal.expect("the end") {
        Signal::Open(head) => format!("open {}", head.status().as_u16()),
        Signal::Event(event) => format!("event {}", event.data()),
        Signal::Comment(text) => format!("comment {text}"),
        Signal::Dropped(error) => format!("dropped: {error}"),
        Signal::Disconnected { why, wait } => {
            let wait = wait.map(|wait| format!("; again after {wait:?}")).unwrap_or_default();
            let (why, cause) = match why {
                Disconnect::Transport(cause) => {
                    ("the transport of the event stream failed".to_owned(), format!(": {cause}"))
                }
                Disconnect::Ended(Ending::Cut) => {
                    ("the event stream ended within a block".to_owned(), String::new())
                }
                Disconnect::Ended(_) => ("the event stream ended".to_owned(), String::new()),
                Disconnect::Idle => {
                    ("no byte arrived for the idle timeout".to_owned(), String::new())
                }
                // `&str` is no error.
                Disconnect::Refused(response) => {
                    (Disconnect::<std::io::Error>::Refused(response).to_string(), String::new())
                }
                _ => unreachable!(),
            };
            format!("{why}{cause}{wait}")
        }
        _ => unreachable!(),
    }
}

#[track_caller]
fn refused(signal: Option<Signal<&'static str>>) -> Response<Bytes> {
    match signal {
        Some(Signal::Disconnected { why: Disconnect::Refused(response), .. }) => *response,
        _ => panic!("{signal:?}"),
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What happens to a request.
enum Answer {
    Response(http::response::Builder, Vec<Piece>),
    Error(&'static str),
    Silence,
}

enum Piece {
    Data(Bytes),
    Trailers,
    Error,
    Wait(Duration),
    Stall,
}

fn ok() -> http::response::Builder {
    Response::builder().header("content-type", "text/event-stream")
}

fn stream<T: Into<Bytes>>(chunks: impl IntoIterator<Item = T>) -> Answer {
    Answer::Response(ok(), chunks.into_iter().map(|chunk| Piece::Data(chunk.into())).collect())
}

fn status(status: u16) -> Answer {
    Answer::Response(Response::builder().status(status), vec![])
}

/// Something that must be dropped.
struct Life(Rc<World>);

impl Life {
    fn new(world: &Rc<World>) -> Self {
        world.alive.set(world.alive.get() + 1);
        Self(Rc::clone(world))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.alive.set(self.0.alive.get() - 1);
    }
}

struct Attempt {
    /// Goes on to the body.
    life: Option<Life>,
    answer: Answer,
}

impl Future for Attempt {
    type Output = Result<Response<Pieces>, &'static str>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::replace(&mut self.answer, Answer::Silence) {
            Answer::Response(head, pieces) => {
                let life = self.life.take().expect("polled after it was ready");
                let body = Pieces { wait: None, pieces: pieces.into(), life };
                Poll::Ready(Ok(head.body(body).unwrap()))
            }
            Answer::Error(error) => Poll::Ready(Err(error)),
            Answer::Silence => Poll::Pending,
        }
    }
}

struct Pieces {
    wait: Option<Timer>,
    pieces: VecDeque<Piece>,
    life: Life,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        loop {
            if let Some(wait) = &mut self.wait {
                std::task::ready!(Pin::new(wait).poll(cx));
                self.wait = None;
            }
            return Poll::Ready(match self.pieces.pop_front() {
                None => None,
                Some(Piece::Data(data)) => Some(Ok(Frame::data(data))),
                Some(Piece::Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
                Some(Piece::Error) => Some(Err("broken")),
                Some(Piece::Wait(time)) => {
                    let world = Rc::clone(&self.life.0);
                    self.wait = Some(Timer { world, time, number: None });
                    continue;
                }
                Some(Piece::Stall) => {
                    self.pieces.push_front(Piece::Stall);
                    return Poll::Pending;
                }
            });
        }
    }
}

/// Begins when it is first polled, as one made by an `async` function does.
struct Timer {
    world: Rc<World>,
    time: Duration,
    number: Option<u64>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let now = self.world.now.get();
        let Some(number) = self.number else {
            let number = self.world.timer_count.get();
            self.world.timer_count.set(number + 1);
            self.world.timers.borrow_mut().push((number, now + self.time));
            self.number = Some(number);
            return if self.time.is_zero() { Poll::Ready(()) } else { Poll::Pending };
        };
        let timers = self.world.timers.borrow();
        let deadline = timers.iter().find(|timer| timer.0 == number).expect("it is alive").1;
        if now >= deadline { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.world.timers.borrow_mut().retain(|timer| Some(timer.0) != self.number);
    }
}
