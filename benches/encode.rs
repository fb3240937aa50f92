//! The encoder: events built, encoded, and written without being built.
//!
//! The events of each corpus, and the comments of the one that has any. Bytes
//! per second count the bytes that are written, or, for `build`, would be.

mod corpora;

use core::hint::black_box;

use bytes::BytesMut;
use corpora::Corpus;
use criterion::{Criterion, Throughput};
use sse_wire::{Encode, Event, EventReader, EventWriter, Item, Parser};

fn main() {
    corpora::bench_each(bench);
}

fn bench(criterion: &mut Criterion, corpus: &Corpus) {
    if corpus.items > corpus.events {
        bench_items(criterion, corpus);
    } else {
        bench_events(criterion, corpus);
    }
}

fn bench_events(criterion: &mut Criterion, corpus: &Corpus) {
    let events: Vec<Event> =
        EventReader::new(&corpus.bytes[..]).collect::<Result<_, _>>().expect("a valid stream");
    let mut buffer = BytesMut::new();
    encode(&events, &mut buffer);
    assert_eq!(count_events(&buffer), corpus.events);
    let length = buffer.len();

    let mut group = criterion.benchmark_group(format!("encode/{}", corpus.name));
    group.throughput(Throughput::Bytes(length as u64));
    group.bench_function("event", |bencher| {
        bencher.iter(|| encode(&events, &mut buffer));
    });
    write(&events, &mut buffer);
    assert_eq!(count_events(&buffer), corpus.events);
    assert_eq!(buffer.len(), length);
    group.bench_function("writer", |bencher| {
        bencher.iter(|| write(&events, &mut buffer));
    });
    assert!(events.iter().all(|event| build(event) == *event));
    group.bench_function("build", |bencher| {
        bencher.iter(|| events.iter().for_each(|event| drop(black_box(build(event)))));
    });
    group.finish();
}

fn bench_items(criterion: &mut Criterion, corpus: &Corpus) {
    let items = items(&corpus.bytes);
    assert_eq!(items.len(), corpus.items);
    let mut buffer = BytesMut::new();
    encode(&items, &mut buffer);
    assert_eq!(buffer, corpus.bytes);

    let mut group = criterion.benchmark_group(format!("encode/{}", corpus.name));
    group.throughput(Throughput::Bytes(corpus.bytes.len() as u64));
    group.bench_function("item", |bencher| {
        bencher.iter(|| encode(&items, &mut buffer));
    });
    group.finish();
}

/// Encodes everything into a buffer that is used again.
fn encode(values: &[impl Encode], buffer: &mut BytesMut) {
    buffer.clear();
    for value in values {
        value.encode(buffer).expect("a valid value");
    }
    black_box(buffer);
}

fn write(events: &[Event], buffer: &mut BytesMut) {
    buffer.clear();
    for event in events {
        let mut writer = EventWriter::new(buffer);
        if event.event_type() != "message" {
            writer = writer.event_type(event.event_type()).expect("a valid type");
        }
        if let Some(id) = event.id() {
            writer = writer.id(id).expect("a valid ID");
        }
        writer.data(event.data()).finish();
    }
    black_box(buffer);
}

fn build(event: &Event) -> Event {
    let mut builder = Event::builder().event_type(event.event_type()).data(event.data());
    if let Some(id) = event.id() {
        builder = builder.id(id);
    }
    builder.build().expect("valid parts")
}

fn count_events(stream: &[u8]) -> usize {
    EventReader::new(stream).count()
}

fn items(stream: &[u8]) -> Vec<Item> {
    let mut parser = Parser::new();
    let mut feed = parser.feed(stream);
    let mut items = Vec::new();
    while let Some(item) = feed.next_item().expect("a valid stream") {
        items.push(item.to_item());
    }
    items
}
