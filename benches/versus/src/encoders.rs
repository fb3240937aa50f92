//! Encoders, and how each is driven.
//!
//! There are two starts: events that have been built before, in each crate's own
//! type, and events in parts, as text. What is compared has the same start.

use std::{hint::black_box, time::Duration};

use axum::response::{IntoResponse, sse};
use bytes::BytesMut;
use futures::stream;
use http_body::Body as _;
use sse_stream::Sse;
use sse_wire::EventWriter;
use tokio_util::codec::Encoder as _;

use crate::{
    input::Corpus,
    measure::{Run, Stopwatch, Time, in_turns},
    reference::{self, Event, Summary},
};

/// One way to encode events with one crate.
pub struct Encoder {
    pub package: &'static str,
    pub api: &'static str,
    pub is_own: bool,
    pub start: Start,
    pub how: &'static str,
    /// Encodes all events; the time it took, without preparations, and the
    /// bytes, if they are to be kept.
    pub run: fn(&[Event], Output) -> (Duration, Output),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    Built,
    Parts,
}

impl Encoder {
    pub fn name(&self) -> String {
        format!("{} {}", self.package, self.api)
    }
}

/// Where encoded events go.
#[derive(Debug)]
pub enum Output {
    /// They are all there at some time, in their own order.
    Glance {
        length: usize,
    },
    Kept(Vec<u8>),
}

impl Output {
    #[inline]
    fn take(&mut self, event: &[u8]) {
        match self {
            Self::Glance { length } => *length += black_box(event).len(),
            Self::Kept(bytes) => bytes.extend_from_slice(event),
        }
    }
}

pub fn all() -> Vec<Encoder> {
    vec![
        Encoder {
            package: "sse-wire",
            api: "Event::encode",
            is_own: true,
            start: Start::Built,
            how: "borrows the event; into a `BytesMut` that is used again",
            run: own_events,
        },
        Encoder {
            package: "sse-stream",
            api: "Sse::encode",
            is_own: false,
            start: Start::Built,
            how: "takes the event; returns a `Bytes`",
            run: sse_stream,
        },
        Encoder {
            package: "russe",
            api: "Encoder",
            is_own: false,
            start: Start::Built,
            how: "takes the event; into a `BytesMut` that is used again",
            run: russe,
        },
        Encoder {
            package: "sse-wire",
            api: "EventWriter",
            is_own: true,
            start: Start::Parts,
            how: "into a `BytesMut` that is used again",
            run: own_writer,
        },
        Encoder {
            package: "sse-stream",
            api: "Sse",
            is_own: false,
            start: Start::Parts,
            how: "built, and encoded as above",
            run: sse_stream_parts,
        },
        Encoder {
            package: "russe",
            api: "Message",
            is_own: false,
            start: Start::Parts,
            how: "built, and encoded as above",
            run: russe_parts,
        },
        Encoder {
            package: "axum",
            api: "Event",
            is_own: false,
            start: Start::Parts,
            how: "built in a stream, from which `Sse` makes a body, which is polled: no other way is public",
            run: axum,
        },
    ]
}

fn own_events(events: &[Event], mut output: Output) -> (Duration, Output) {
    let events: Vec<sse_wire::Event> = events.iter().map(own_event).collect();
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    let watch = Stopwatch::start();
    for event in &events {
        buffer.clear();
        event.encode(&mut buffer);
        output.take(&buffer);
    }
    (watch.stop(), output)
}

fn own_event(event: &Event) -> sse_wire::Event {
    let mut builder = sse_wire::Event::builder().data(&*event.data);
    if !event.event_type.is_empty() {
        builder = builder.event_type(&*event.event_type);
    }
    if !event.id.is_empty() {
        builder = builder.id(&*event.id);
    }
    builder.build().expect("a valid event")
}

fn own_writer(events: &[Event], mut output: Output) -> (Duration, Output) {
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    let watch = Stopwatch::start();
    for event in events {
        buffer.clear();
        let mut writer = EventWriter::new(&mut buffer);
        if !event.event_type.is_empty() {
            writer = writer.event_type(&event.event_type).expect("a valid type");
        }
        if !event.id.is_empty() {
            writer = writer.id(&event.id).expect("a valid ID");
        }
        writer.data(&event.data).finish();
        output.take(&buffer);
    }
    (watch.stop(), output)
}

fn sse_stream(events: &[Event], mut output: Output) -> (Duration, Output) {
    let events: Vec<Sse> = events.iter().map(sse_stream_event).collect();
    let watch = Stopwatch::start();
    for event in events {
        output.take(&event.encode().expect("a valid event"));
    }
    (watch.stop(), output)
}

fn sse_stream_parts(events: &[Event], mut output: Output) -> (Duration, Output) {
    let watch = Stopwatch::start();
    for event in events {
        output.take(&sse_stream_event(event).encode().expect("a valid event"));
    }
    (watch.stop(), output)
}

fn sse_stream_event(event: &Event) -> Sse {
    Sse {
        event: non_empty(&event.event_type).map(str::to_owned),
        data: Some(event.data.clone()),
        id: non_empty(&event.id).map(str::to_owned),
        retry: None,
    }
}

fn russe(events: &[Event], mut output: Output) -> (Duration, Output) {
    let events: Vec<russe::Event> = events.iter().map(russe_event).collect();
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    let mut encoder = russe::Encoder::default();
    let watch = Stopwatch::start();
    for event in events {
        buffer.clear();
        encoder.encode(event, &mut buffer).expect("a valid event");
        output.take(&buffer);
    }
    (watch.stop(), output)
}

fn russe_parts(events: &[Event], mut output: Output) -> (Duration, Output) {
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    let mut encoder = russe::Encoder::default();
    let watch = Stopwatch::start();
    for event in events {
        buffer.clear();
        encoder.encode(russe_event(event), &mut buffer).expect("a valid event");
        output.take(&buffer);
    }
    (watch.stop(), output)
}

fn russe_event(event: &Event) -> russe::Event {
    russe::Event::Message(russe::Message {
        data: event.data.as_str().into(),
        event: non_empty(&event.event_type).map(Into::into),
        retry: None,
        id: non_empty(&event.id).map(Into::into),
    })
}

fn axum(events: &[Event], mut output: Output) -> (Duration, Output) {
    // The body has to own its stream, and so the events.
    let events = events.to_vec();
    let events = (0..events.len()).map(move |index| {
        let event = &events[index];
        let mut built = sse::Event::default();
        if !event.event_type.is_empty() {
            built = built.event(&event.event_type);
        }
        if !event.id.is_empty() {
            built = built.id(&event.id);
        }
        Ok::<_, std::convert::Infallible>(built.data(&event.data))
    });
    let mut body = sse::Sse::new(stream::iter(events)).into_response().into_body();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let watch = Stopwatch::start();
    while let std::task::Poll::Ready(Some(frame)) =
        std::pin::Pin::new(&mut body).poll_frame(&mut context)
    {
        let frame = frame.expect("a valid event");
        output.take(frame.data_ref().expect("data, and no trailers"));
    }
    (watch.stop(), output)
}

/// What was measured of the events of a stream.
pub struct EncodeCell {
    pub corpus: &'static str,
    pub events: usize,
    /// In the order of the encoders.
    pub times: Vec<Option<Time>>,
}

/// Measures the encoders with each corpus, after each has been checked.
pub fn measure(encoders: &[Encoder], corpora: &[Corpus], budget: Duration) -> Vec<EncodeCell> {
    corpora.iter().map(|corpus| cell(encoders, corpus, budget)).collect()
}

fn cell(encoders: &[Encoder], corpus: &Corpus, budget: Duration) -> EncodeCell {
    let events = reference::events(&corpus.bytes);
    let right: Vec<bool> =
        encoders.iter().map(|encoder| encodes(encoder, &events, corpus.expected)).collect();
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (encoder, _) in encoders.iter().zip(&right).filter(|(_, right)| **right) {
        let events = &events;
        runs.push(Box::new(move || (encoder.run)(events, Output::Glance { length: 0 }).0));
    }
    let mut times = in_turns(&mut runs, budget).into_iter();
    let times = right.into_iter().map(|right| right.then(|| times.next()).flatten()).collect();
    EncodeCell { corpus: corpus.name, events: events.len(), times }
}

/// Whether what it writes is read as the same events.
fn encodes(encoder: &Encoder, events: &[Event], expected: Summary) -> bool {
    match (encoder.run)(events, Output::Kept(Vec::new())).1 {
        Output::Kept(bytes) => reference::summary(&reference::events(&bytes)) == expected,
        Output::Glance { .. } => false,
    }
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::corpora;

    #[test]
    fn all_write_what_the_reference_reads() {
        for corpus in corpora() {
            let events = reference::events(&corpus.bytes);
            for encoder in all() {
                let is_right = encodes(&encoder, &events, corpus.expected);
                assert!(is_right, "{}, {}", encoder.name(), corpus.name);
            }
        }
    }
}
