//! Bodies, polled by hand as a server polls them: what is sent when, what is asked for
//! when, and how a body ends. Real servers are in `examples/serve`.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    error::Error,
    future::{Future, pending, ready},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::{
    StreamExt,
    channel::{mpsc, oneshot},
    stream::{self, BoxStream, Stream},
};
use http::Response;
use http_body::Body;
use proptest::prelude::*;
use sse_wire::{
    Encode, EncodeError, Encoded, Event, Item,
    http::{BodyError, EventBody, KeepAlive, Timer, headers},
};

/// What a body has for a server that polls it once. Panics for an error.
fn poll(body: &mut (impl Body<Data = Bytes, Error = BodyError> + Unpin)) -> Poll<Option<String>> {
    try_poll(body).map(|next| next.map(Result::unwrap))
}

fn try_poll(
    body: &mut (impl Body<Data = Bytes, Error = BodyError> + Unpin),
) -> Poll<Option<Result<String, BodyError>>> {
    let cx = &mut Context::from_waker(Waker::noop());
    let next = Pin::new(body).poll_frame(cx);
    next.map_ok(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

fn sent(text: impl Into<String>) -> Poll<Option<String>> {
    Poll::Ready(Some(text.into()))
}

const END: Poll<Option<String>> = Poll::Ready(None);

/// A stream whose items are sent to it, and that ends with its sender.
fn channel() -> (mpsc::UnboundedSender<Event>, EventBody<mpsc::UnboundedReceiver<Event>>) {
    let (sender, receiver) = mpsc::unbounded();
    (sender, EventBody::new(receiver))
}

fn event(data: &str) -> Event {
    Event::new(data)
}

#[test]
fn what_is_ready_is_sent_together_and_at_once() {
    let (events, mut body) = channel();
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(poll(&mut body), Poll::Pending);
    for data in ["a", "b\nc"] {
        events.unbounded_send(event(data)).unwrap();
    }
    assert_eq!(poll(&mut body), sent("data: a\n\ndata: b\ndata: c\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);
    events.unbounded_send(event("d")).unwrap();
    drop(events);
    assert_eq!(poll(&mut body), sent("data: d\n\n"));
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert_eq!(poll(&mut body), END);
    assert_eq!(poll(&mut body), END);
}

#[test]
fn an_event_is_sent_whole_however_large_and_a_batch_is_not_larger_than_its_last_one() {
    let sizes = [1, 16 * 1024 - 9, 100_000, 1, 1];
    let events = sizes.map(|size| event(&"x".repeat(size)));
    let mut body = EventBody::new(stream::iter(events.clone()));
    let mut all = String::new();
    let mut frames = Vec::new();
    while let Poll::Ready(Some(frame)) = poll(&mut body) {
        assert!(frame.ends_with("\n\n"));
        frames.push(frame.len());
        all.push_str(&frame);
    }
    assert_eq!(frames, [9 + 16 * 1024 - 1, 100_008, 18]);
    let expected: Vec<u8> = events.iter().flat_map(Event::to_bytes).collect();
    assert_eq!(all.as_bytes(), expected);
}

#[test]
fn a_stream_that_is_always_ready_is_sent_in_batches_and_read_no_further() {
    let taken = Rc::new(Cell::new(0));
    let events = stream::repeat_with(|| {
        taken.set(taken.get() + 1);
        event(&"x".repeat(92))
    });
    let mut body = EventBody::new(events);
    for batch in 1..=3 {
        let Poll::Ready(Some(frame)) = poll(&mut body) else { panic!("a stream without end") };
        assert_eq!(frame.len(), 16_400);
        assert_eq!(taken.get(), batch * 164, "nothing is taken before it is asked for");
    }
}

#[test]
fn an_encoded_event_is_sent_to_each_body_without_a_copy() {
    let encoded = Encoded::from(event("to all"));
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..3 {
        let mut body = EventBody::new(stream::iter([encoded.clone()]));
        let Poll::Ready(Some(Ok(frame))) = pin!(&mut body).poll_frame(cx) else { panic!() };
        let bytes = frame.into_data().unwrap();
        assert_eq!(bytes, "data: to all\n\n");
        assert_eq!(bytes.as_ptr(), encoded.as_bytes().as_ptr());
    }
}

#[test]
fn an_error_of_the_stream_comes_after_what_came_before_it_and_keeps_its_type() {
    let events = stream::iter([Ok(event("a")), Err(std::fmt::Error), Ok(event("b"))]);
    let mut body = EventBody::try_new(events);
    assert!(matches!(try_poll(&mut body), Poll::Ready(Some(Ok(text))) if text == "data: a\n\n"));
    assert!(!body.is_end_stream());
    assert_eq!(poll(&mut body), Poll::Pending, "the server writes what it has");
    let Poll::Ready(Some(Err(error))) = try_poll(&mut body) else { panic!() };
    assert_eq!(error.to_string(), "the stream of events failed");
    assert!(error.source().unwrap().is::<std::fmt::Error>());
    assert!(body.is_end_stream());
    assert_eq!(poll(&mut body), END);
}

#[test]
fn an_item_that_is_not_valid_ends_the_body_and_nothing_of_it_is_sent() {
    let items = [
        Item::Comment("fine".into()),
        Item::LastEventId("1\ndata: injected".into()),
        Item::Comment("too late".into()),
    ];
    let mut body = EventBody::new(stream::iter(items));
    assert_eq!(poll(&mut body), sent(": fine\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);
    let Poll::Ready(Some(Err(BodyError::Encode(error)))) = try_poll(&mut body) else { panic!() };
    assert_eq!(error, EncodeError::LineEnd { field: "id", position: 1 });
    assert_eq!(poll(&mut body), END);
}

#[test]
fn errors_may_be_anything_that_can_be_boxed() {
    let _ = EventBody::try_new(stream::pending::<Result<Event, String>>());
    let _ = EventBody::try_new(stream::pending::<Result<Item, std::io::Error>>());
    let _ = EventBody::try_new(stream::pending::<Result<Encoded, Infallible>>());
    type Boxed = Box<dyn Error + Send + Sync>;
    let _ = EventBody::try_new(stream::pending::<Result<Event, Boxed>>());
}

/// A stream that says when it is dropped.
struct Dropped(Rc<Cell<bool>>, Option<Event>);

impl Stream for Dropped {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Event>> {
        match self.1.take() {
            Some(event) => Poll::Ready(Some(event)),
            None => Poll::Pending,
        }
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn the_stream_is_dropped_with_its_body() {
    let dropped = Rc::new(Cell::new(false));
    let mut body = EventBody::new(Dropped(Rc::clone(&dropped), None));
    assert_eq!(poll(&mut body), Poll::Pending);
    assert!(!dropped.get());
    drop(body);
    assert!(dropped.get());
}

#[test]
fn the_stream_is_dropped_as_soon_as_the_body_has_ended() {
    let dropped = Rc::new(Cell::new(false));
    let stream = Dropped(Rc::clone(&dropped), None).take_until(ready(()));
    let mut body = EventBody::new(stream);
    assert_eq!(poll(&mut body), END);
    assert!(dropped.get());
    drop(body);
}

#[test]
fn a_response_has_the_headers_of_an_event_stream() {
    let response: Response<EventBody<stream::Empty<Event>>> =
        EventBody::new(stream::empty()).into_response();
    assert_eq!(response.status(), 200);
    assert_eq!(*response.headers(), headers());
    let mut headers: Vec<_> = response.headers().iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(
        headers,
        [
            ("cache-control", "no-cache, no-transform"),
            ("content-type", "text/event-stream"),
            ("x-accel-buffering", "no"),
        ]
    );
}

#[test]
fn a_body_can_be_sent_if_its_stream_can() {
    fn is_send<T: Send>(_: T) {}
    fn is_unpin<T: Unpin>(_: &T) {}
    let body = EventBody::new(stream::pending::<Event>().boxed())
        .keep_alive(KeepAlive::after(Duration::from_secs(1), |_| ready(())))
        .shutdown(pending::<()>(), Encoded::comment("end"));
    is_unpin(&body);
    is_send(body);
}

/// A timer that elapses when told so, and that counts.
#[derive(Default)]
struct ByHand {
    restarted: Cell<usize>,
    elapsed: Cell<bool>,
}

struct HandTimer(Rc<ByHand>);

impl Timer for HandTimer {
    fn restart(self: Pin<&mut Self>) {
        self.0.restarted.set(self.0.restarted.get() + 1);
    }

    fn poll_elapsed(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.elapsed.take() { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn a_comment_is_sent_when_the_timer_elapses_and_each_pause_restarts_it() {
    let hand = Rc::new(ByHand::default());
    let (events, body) = channel();
    let mut body = body.keep_alive(KeepAlive::with_timer(HandTimer(Rc::clone(&hand))));
    assert_eq!(poll(&mut body), Poll::Pending);
    assert_eq!(hand.restarted.get(), 0, "it counts from the beginning");

    hand.elapsed.set(true);
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);
    assert_eq!(hand.restarted.get(), 0, "the timer has begun again by itself");

    for data in ["a", "b"] {
        events.unbounded_send(event(data)).unwrap();
    }
    assert_eq!(poll(&mut body), sent("data: a\n\ndata: b\n\n"));
    assert_eq!(hand.restarted.get(), 0, "not yet: there may be more");
    hand.elapsed.set(true);
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
    assert_eq!(hand.restarted.get(), 1);
    drop(events);
    assert_eq!(poll(&mut body), END);
}

#[test]
fn the_first_comment_can_be_sent_at_once_and_with_any_text() {
    let (events, body) = channel();
    events.unbounded_send(event("a")).unwrap();
    let keep_alive = KeepAlive::ticks(stream::pending::<()>()).comment("hello\n\nworld").at_once();
    let mut body = body.keep_alive(keep_alive);
    assert_eq!(poll(&mut body), sent(": hello\n: \n: world\n\ndata: a\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);

    let keep_alive = KeepAlive::ticks(stream::pending::<()>()).at_once();
    let mut body = EventBody::new(stream::pending::<Event>()).keep_alive(keep_alive);
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);
}

#[test]
fn ticks_send_comments_but_not_the_one_after_an_event() {
    let (ticks, ticked) = mpsc::unbounded();
    let (events, body) = channel();
    let mut body = body.keep_alive(KeepAlive::ticks(ticked));
    assert_eq!(poll(&mut body), Poll::Pending);
    ticks.unbounded_send(()).unwrap();
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
    ticks.unbounded_send(()).unwrap();
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
    events.unbounded_send(event("a")).unwrap();
    assert_eq!(poll(&mut body), sent("data: a\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);
    ticks.unbounded_send(()).unwrap();
    assert_eq!(poll(&mut body), Poll::Pending);
    ticks.unbounded_send(()).unwrap();
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
    // No ticks any more, but events.
    drop(ticks);
    assert_eq!(poll(&mut body), Poll::Pending);
    events.unbounded_send(event("b")).unwrap();
    assert_eq!(poll(&mut body), sent("data: b\n\n"));
}

#[test]
fn a_sleep_is_asked_for_once_for_each_pause() {
    let wakers: Rc<RefCell<Vec<oneshot::Sender<()>>>> = Rc::default();
    let sleeping = Rc::clone(&wakers);
    let sleep = move |time| {
        assert_eq!(time, Duration::from_secs(7));
        let (wake, asleep) = oneshot::channel::<()>();
        sleeping.borrow_mut().push(wake);
        asleep
    };
    let (events, body) = channel();
    let mut body = body.keep_alive(KeepAlive::after(Duration::from_secs(7), sleep));
    for _ in 0..3 {
        assert_eq!(poll(&mut body), Poll::Pending);
    }
    assert_eq!(wakers.borrow().len(), 1);
    wakers.borrow_mut().pop().unwrap().send(()).unwrap();
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
    assert!(wakers.borrow().is_empty(), "nobody sleeps while the server writes");
    assert_eq!(poll(&mut body), Poll::Pending);
    assert_eq!(wakers.borrow().len(), 1);
    events.unbounded_send(event("a")).unwrap();
    assert_eq!(poll(&mut body), sent("data: a\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);
    assert_eq!(wakers.borrow().len(), 2);
    assert!(wakers.borrow()[0].is_canceled(), "the pause before was interrupted");
}

#[test]
fn a_signal_ends_a_body_with_a_last_block_and_drops_its_stream() {
    let dropped = Rc::new(Cell::new(false));
    let (stop, stopped) = oneshot::channel::<()>();
    let retry = Encoded::retry(Duration::from_secs(2)).unwrap();
    let mut body = EventBody::new(Dropped(Rc::clone(&dropped), Some(event("a"))))
        .keep_alive(KeepAlive::ticks(stream::pending::<()>()))
        .shutdown(stopped, retry);
    assert_eq!(poll(&mut body), sent("data: a\n\n"));
    assert_eq!(poll(&mut body), Poll::Pending);
    stop.send(()).unwrap();
    assert_eq!(poll(&mut body), sent("retry: 2000\n\n"));
    assert!(dropped.get());
    assert!(body.is_end_stream());
    assert_eq!(poll(&mut body), END);
}

#[test]
fn a_signal_ends_a_body_whose_stream_is_always_ready() {
    let stop = Rc::new(Cell::new(false));
    let signal = {
        let stop = Rc::clone(&stop);
        std::future::poll_fn(move |_| if stop.get() { Poll::Ready(()) } else { Poll::Pending })
    };
    let last = Encoded::from(event("bye"));
    let mut body = EventBody::new(stream::repeat_with(|| event("a"))).shutdown(signal, last);
    assert!(poll(&mut body).is_ready());
    stop.set(true);
    assert_eq!(poll(&mut body), sent("data: bye\n\n"));
    assert_eq!(poll(&mut body), END);
}

#[test]
fn keep_alive_and_shutdown_may_be_in_any_order_and_bodies_boxed() {
    let keep_alive = KeepAlive::ticks(stream::repeat(()));
    let events: BoxStream<'static, Event> = stream::pending().boxed();
    let mut body = EventBody::new(events)
        .shutdown(pending::<()>(), Encoded::comment("end"))
        .keep_alive(keep_alive);
    assert_eq!(poll(&mut body), sent(": keep-alive\n\n"));
}

#[test]
fn any_future_is_a_signal() {
    fn ended<F: Future>(signal: F) -> impl Body<Data = Bytes> {
        EventBody::new(stream::pending::<Event>()).shutdown(signal, Encoded::comment("end"))
    }
    let _ = ended(async { 7 });
    let _ = ended(ready("any output"));
}

/// What a stream has for a body, one step after the other; `None` is a pause.
fn steps() -> impl Strategy<Value = Vec<Option<Item>>> {
    let size = prop_oneof![8 => 0usize..300, 2 => 3_900usize..4_200, 1 => 16_000usize..40_000];
    let text = size.prop_map(|size| "x".repeat(size));
    let step =
        (prop_oneof![6 => Just(0), 1 => Just(1), 2 => Just(2)], text).prop_map(|(kind, text)| {
            match kind {
                0 => Some(Item::Event(event(&text))),
                1 => Some(Item::Comment(text)),
                _ => None,
            }
        });
    proptest::collection::vec(step, 0..60)
}

/// All frames of a body whose stream takes these steps and ends.
fn frames<T: Encode>(steps: Vec<Option<T>>) -> Vec<String> {
    let mut steps = steps.into_iter();
    let mut body = EventBody::new(stream::poll_fn(move |_| match steps.next() {
        Some(Some(item)) => Poll::Ready(Some(item)),
        Some(None) => Poll::Pending,
        None => Poll::Ready(None),
    }));
    let mut frames = Vec::new();
    loop {
        match poll(&mut body) {
            Poll::Ready(Some(frame)) => frames.push(frame),
            Poll::Ready(None) => return frames,
            Poll::Pending => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_ready_when_all_is_sent_once_in_order_and_in_bounded_batches(steps in steps()) {
        let encoded: Vec<_> = steps
            .iter()
            .map(|step| step.as_ref().map(|item| Encoded::try_from(item).unwrap()))
            .collect();
        let blocks = encoded.iter().flatten().map(|block| block.as_bytes());
        let expected = blocks.collect::<Vec<_>>().concat();
        for frames in [frames(steps), frames(encoded)] {
            for frame in &frames {
                prop_assert!(frame.ends_with("\n\n"));
                let last = frame.trim_end().rfind("\n\n").map_or(0, |start| start + 2);
                prop_assert!(last < 16 * 1024, "a batch that was full before its last event");
            }
            prop_assert!(frames.concat().as_bytes() == expected);
        }
    }
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use sse_wire::http::EventBody;
    use tokio::time::{Instant, advance, sleep};

    use super::*;

    /// The next frame, and how many seconds it has taken.
    async fn next<B>(body: &mut B) -> (u64, String)
    where
        B: Body<Data = Bytes, Error = BodyError> + Unpin,
    {
        let start = Instant::now();
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        let bytes = frame.unwrap().unwrap().into_data().unwrap();
        (start.elapsed().as_secs(), String::from_utf8(bytes.to_vec()).unwrap())
    }

    const QUIET: Duration = Duration::from_secs(15);

    async fn keeps_alive<T: Timer>(keep_alive: KeepAlive<T>) {
        let (events, body) = channel();
        let mut body = Box::pin(body.keep_alive(keep_alive));
        assert_eq!(next(&mut body).await, (15, ": keep-alive\n\n".into()));
        assert_eq!(next(&mut body).await, (15, ": keep-alive\n\n".into()));
        let later = async {
            sleep(Duration::from_secs(10)).await;
            events.unbounded_send(event("a")).unwrap();
        };
        let (frame, ()) = tokio::join!(next(&mut body), later);
        assert_eq!(frame, (10, "data: a\n\n".into()));
        assert_eq!(next(&mut body).await, (15, ": keep-alive\n\n".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_comment_comes_after_a_quiet_time_and_an_event_begins_it_anew() {
        keeps_alive(KeepAlive::tokio(QUIET)).await;
        keeps_alive(KeepAlive::after(QUIET, sleep)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_ask_for_long_gets_one_comment() {
        let mut body = Box::pin(
            EventBody::new(stream::pending::<Event>()).keep_alive(KeepAlive::tokio(QUIET)),
        );
        assert_eq!(poll(&mut body), Poll::Pending);
        advance(QUIET * 10).await;
        assert_eq!(next(&mut body).await, (0, ": keep-alive\n\n".into()));
        assert_eq!(next(&mut body).await, (15, ": keep-alive\n\n".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_too_long_for_a_clock_does_not_panic() {
        let keep_alive = KeepAlive::tokio(Duration::MAX);
        let mut body = Box::pin(EventBody::new(stream::pending::<Event>()).keep_alive(keep_alive));
        assert_eq!(poll(&mut body), Poll::Pending);
    }
}
