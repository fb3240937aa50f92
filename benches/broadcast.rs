//! One event to many clients: encoded once and shared, or by each body.
//!
//! Each round sends one event through a channel of tokio's and polls each body until it
//! waits again, as a server does; there are no sockets. `channel alone` has the streams
//! without their bodies. Events per second count each client's.

use core::{
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use futures::{Stream, stream};
use http_body::Body;
use sse_wire::{
    Encoded, Event,
    http::{BodyError, EventBody},
};
use tokio::sync::broadcast::{self, error::RecvError};

const SUBSCRIBERS: [usize; 3] = [1, 100, 10_000];

/// As large as one of an LLM service.
const DATA: usize = 250;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for subscribers in SUBSCRIBERS {
        bench(&mut criterion, subscribers);
    }
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, subscribers: usize) {
    let event = Event::builder().event_type("token").id("7").data("x".repeat(DATA)).build();
    let event = event.expect("a valid event");

    let mut group = criterion.benchmark_group(format!("broadcast/{subscribers}"));
    group.throughput(Throughput::Elements(subscribers as u64));
    group.bench_function("encoded once", |bencher| {
        let mut clients = Clients::<Encoded>::new(subscribers);
        bencher.iter_batched(
            || event.clone(),
            |event| clients.send(Encoded::from(event)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("encoded by each", |bencher| {
        let mut clients = Clients::<Event>::new(subscribers);
        bencher.iter_batched(|| event.clone(), |event| clients.send(event), BatchSize::SmallInput);
    });
    group.bench_function("channel alone", |bencher| {
        let (sender, _) = broadcast::channel(16);
        let subscribe = |_| Box::pin(events(sender.subscribe()));
        let mut streams: Vec<_> = (0..subscribers).map(subscribe).collect();
        let encoded = Encoded::from(event.clone());
        bencher.iter(|| {
            assert!(sender.send(encoded.clone()).is_ok());
            let cx = &mut Context::from_waker(Waker::noop());
            for stream in &mut streams {
                while let Poll::Ready(Some(event)) = stream.as_mut().poll_next(cx) {
                    black_box(event.expect("no error"));
                }
            }
        });
    });
    group.finish();
}

type Boxed = dyn Body<Data = Bytes, Error = BodyError>;

/// A channel, and a body for each client.
struct Clients<T> {
    sender: broadcast::Sender<T>,
    bodies: Vec<Pin<Box<Boxed>>>,
}

impl<T: sse_wire::Encode + Clone + Send + 'static> Clients<T> {
    fn new(subscribers: usize) -> Self {
        let (sender, _) = broadcast::channel(16);
        let mut clients = Self { bodies: Vec::new(), sender };
        for _ in 0..subscribers {
            let body = EventBody::try_new(events(clients.sender.subscribe()));
            clients.bodies.push(Box::pin(body));
        }
        assert_eq!(clients.poll(), 0);
        clients
    }

    fn send(&mut self, value: T) {
        assert!(self.sender.send(value).is_ok());
        assert_eq!(self.poll(), self.bodies.len());
    }

    /// Polls each body until it waits, and counts the frames.
    fn poll(&mut self) -> usize {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut frames = 0;
        for body in &mut self.bodies {
            while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(cx) {
                black_box(frame.expect("no error"));
                frames += 1;
            }
        }
        frames
    }
}

/// What a receiver receives, as a stream.
fn events<T: Clone + Send + 'static>(
    receiver: broadcast::Receiver<T>,
) -> impl Stream<Item = Result<T, RecvError>> {
    stream::unfold(receiver, async |mut receiver| {
        let next = receiver.recv().await;
        Some((next, receiver))
    })
}
