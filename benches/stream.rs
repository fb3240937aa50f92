//! The owned and the adapted tiers: `Decoder`, `EventStream` and `EventReader`.
//! Each corpus; in chunks of each size, except for `EventReader`, which reads
//! in steps of its own.

mod corpora;

use core::{convert::Infallible, hint::black_box};

use bytes::Bytes;
use corpora::{CHUNK_SIZES, Corpus};
use criterion::{BenchmarkId, Criterion, Throughput};
use futures::{StreamExt, executor::block_on, stream};
use sse_wire::{Decoder, EventReader, EventStream};

fn main() {
    corpora::bench_each(bench);
}

fn bench(criterion: &mut Criterion, corpus: &Corpus) {
    let mut group = criterion.benchmark_group(format!("stream/{}", corpus.name));
    group.throughput(Throughput::Bytes(corpus.bytes.len() as u64));
    for size in CHUNK_SIZES {
        // Chunks that share no memory, as those of a transport.
        let chunks: Vec<Bytes> = corpus.bytes.chunks(size).map(Bytes::copy_from_slice).collect();
        assert_eq!(count_decoded(&chunks), corpus.events);
        group.bench_function(BenchmarkId::new("decoder", size), |bencher| {
            bencher.iter(|| count_decoded(&chunks));
        });
        assert_eq!(count_streamed(&chunks), corpus.events);
        group.bench_function(BenchmarkId::new("event_stream", size), |bencher| {
            bencher.iter(|| count_streamed(&chunks));
        });
    }
    assert_eq!(count_read(&corpus.bytes), corpus.events);
    group.bench_function("event_reader", |bencher| {
        bencher.iter(|| count_read(&corpus.bytes));
    });
    group.finish();
}

fn count_decoded(chunks: &[Bytes]) -> usize {
    let mut decoder = Decoder::new();
    let mut count = 0;
    for chunk in chunks {
        decoder.push(chunk.clone());
        while let Some(event) = decoder.next_event().expect("a valid stream") {
            black_box(event);
            count += 1;
        }
    }
    count
}

fn count_streamed(chunks: &[Bytes]) -> usize {
    let chunks = stream::iter(chunks.iter().cloned().map(Ok::<_, Infallible>));
    let mut events = EventStream::new(chunks);
    let mut count = 0;
    block_on(async {
        while let Some(event) = events.next().await {
            black_box(event.expect("a valid stream"));
            count += 1;
        }
    });
    count
}

fn count_read(bytes: &[u8]) -> usize {
    let mut reader = EventReader::new(bytes);
    let mut count = 0;
    while let Some(event) = reader.next_event().expect("a valid stream") {
        black_box(event);
        count += 1;
    }
    count
}
