//! `Parser`: events and items lent, nothing copied. Each corpus, in chunks of
//! each size.
//!
//! `cargo bench --bench parse -- tiny` measures one corpus;
//! `cargo bench --bench parse -- --test` runs each bench once.

mod corpora;

use core::hint::black_box;

use corpora::{CHUNK_SIZES, Corpus};
use criterion::{BenchmarkId, Criterion, Throughput};
use sse_wire::Parser;

fn main() {
    corpora::bench_each(bench);
}

fn bench(criterion: &mut Criterion, corpus: &Corpus) {
    let mut group = criterion.benchmark_group(format!("parse/{}", corpus.name));
    group.throughput(Throughput::Bytes(corpus.bytes.len() as u64));
    for size in CHUNK_SIZES {
        let chunks: Vec<&[u8]> = corpus.bytes.chunks(size).collect();
        assert_eq!(count_events(&chunks), corpus.events);
        group.bench_function(BenchmarkId::new("next_event", size), |bencher| {
            bencher.iter(|| count_events(&chunks));
        });
        assert_eq!(count_items(&chunks), corpus.items);
        group.bench_function(BenchmarkId::new("next_item", size), |bencher| {
            bencher.iter(|| count_items(&chunks));
        });
    }
    group.finish();
}

fn count_events(chunks: &[&[u8]]) -> usize {
    let mut parser = Parser::new();
    let mut count = 0;
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        while let Some(event) = feed.next_event().expect("a valid stream") {
            black_box(event);
            count += 1;
        }
    }
    count
}

fn count_items(chunks: &[&[u8]]) -> usize {
    let mut parser = Parser::new();
    let mut count = 0;
    for chunk in chunks {
        let mut feed = parser.feed(chunk);
        while let Some(item) = feed.next_item().expect("a valid stream") {
            black_box(item);
            count += 1;
        }
    }
    count
}
