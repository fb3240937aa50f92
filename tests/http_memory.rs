//! What bodies cost, counted by an allocator: no allocation for each event, and little
//! for each of ten thousand bodies that wait. The figures are printed:
//! `cargo test --all-features --test http_memory -- --nocapture`.

#[path = "common/allocations.rs"]
mod allocations;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use allocations::counted;
use bytes::Bytes;
use futures::stream::{self, Stream};
use http_body::Body;
use sse_wire::{
    Encode, Encoded, Event, Replay,
    http::{BodyError, EventBody, KeepAlive},
};

const BODIES: usize = 10_000;

fn poll<B>(body: &mut B) -> Option<Bytes>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    let cx = &mut Context::from_waker(Waker::noop());
    match Pin::new(body).poll_frame(cx) {
        Poll::Ready(Some(frame)) => Some(frame.unwrap().into_data().unwrap()),
        Poll::Ready(None) | Poll::Pending => None,
    }
}

/// So many events each time, and then nothing for two polls: that which ends the batch,
/// and that which finds nothing to send.
fn bursts<T: Clone>(value: T, events: usize) -> impl Stream<Item = T> + Unpin {
    let mut polls = 0;
    stream::poll_fn(move |_| {
        polls = (polls + 1) % (events + 2);
        if (1..=events).contains(&polls) { Poll::Ready(Some(value.clone())) } else { Poll::Pending }
    })
}

#[test]
fn no_event_allocates() {
    for (size, events) in [(5, 1), (5, 100), (500, 1), (500, 10), (500, 1000), (3000, 1)] {
        let event = Event::new("x".repeat(size));
        let mut body = EventBody::new(bursts(event, events));
        let mut run = |rounds: usize| {
            let mut frames = 0;
            for _ in 0..rounds {
                while let Some(frame) = poll(&mut body) {
                    assert!(frame.ends_with(b"\n\n"));
                    frames += 1;
                }
            }
            frames
        };
        run(4);
        let mut frames = 0;
        let counted = counted(|| frames = run(1000));
        println!("{size:5} bytes x {events:4}: {frames} frames, {} allocations", counted.calls);
        // A burst that is larger than what an idle body keeps grows its buffer anew.
        let allowed = if size * events > 4000 { 16 * 1000 } else { 0 };
        assert!(counted.calls <= allowed, "{size} x {events}: {counted:?}");
    }
}

#[test]
fn what_is_encoded_once_costs_its_bodies_nothing() {
    let encoded = Encoded::from(Event::new("x".repeat(500)));
    let mut bodies: Vec<_> =
        (0..BODIES).map(|_| EventBody::new(bursts(encoded.clone(), 1))).collect();
    let counted = counted(|| {
        for body in &mut bodies {
            assert_eq!(poll(body).unwrap().len(), encoded.encoded_len());
            assert_eq!(poll(body), None);
        }
    });
    assert_eq!((counted.calls, counted.left), (0, 0), "{counted:?}");
}

#[test]
fn ten_thousand_bodies_that_wait_are_small() {
    let waiting = || {
        let sleep = |_: Duration| std::future::pending::<()>();
        EventBody::new(bursts(Event::new("x".repeat(200)), 1))
            .keep_alive(KeepAlive::after(Duration::from_secs(15), sleep))
    };
    let bare = size_of_val(&EventBody::new(stream::pending::<Event>()));
    println!("EventBody without its stream: {bare} bytes");
    assert!(bare <= 128, "{bare}");
    let mut bodies = Vec::with_capacity(BODIES);
    let opened = counted(|| {
        for _ in 0..BODIES {
            let mut body = waiting();
            assert_eq!(poll(&mut body).unwrap().len(), 208);
            assert_eq!(poll(&mut body), None);
            bodies.push(body);
        }
    });
    let each = size_of_val(&bodies[0]);
    let heap = opened.left as usize / BODIES;
    println!(
        "{BODIES} bodies with keep-alive, each after an event of 200 bytes: {each} bytes and {heap} on the heap each, {:.1} MB",
        ((each + heap) * BODIES) as f64 / 1e6
    );
    // The event that the stream of this test keeps is a part of it.
    assert!(each + heap <= 1200, "{each} + {heap}");
}

#[test]
fn a_large_buffer_is_given_back_when_there_is_a_pause() {
    let mut body = EventBody::new(bursts(Event::new("x".repeat(1_000_000)), 1));
    let counted = counted(|| {
        assert_eq!(poll(&mut body).unwrap().len(), 1_000_008);
        assert_eq!(poll(&mut body), None);
    });
    assert!(counted.left <= 4096, "{counted:?}");
}

#[test]
fn a_log_holds_what_it_says_and_shares_it() {
    let event = Event::new("x".repeat(100));
    let mut replay = Replay::new(1).max_events(1000).max_bytes(usize::MAX);
    let filled = counted(|| {
        for _ in 0..5000 {
            replay.push(&event);
        }
    });
    // The ID, as text, the event, and a reference count; and growth of the log.
    assert!(filled.calls <= 3 * 5000 + 16, "{filled:?}");
    let overhead = 1024 * (size_of::<Encoded>() + 32);
    assert!(filled.left as usize <= replay.bytes() + overhead, "{filled:?}");
    let again = counted(|| drop(replay.events()));
    assert_eq!(again.calls, 1, "{again:?}");
}
