//! What the benches read, and how they are run with each of the streams.
//!
//! The streams are in a file of their own because tests read them, too.

mod streams;

use core::time::Duration;

use criterion::Criterion;

#[allow(unused_imports, reason = "each bench uses a part of it")]
pub(crate) use self::streams::{CHUNK_SIZES, Corpus};

/// Benches with each corpus, for about a second a bench: the numbers of a
/// quiet machine are steady long before that.
pub(crate) fn bench_each(bench: impl Fn(&mut Criterion, &Corpus)) {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    for corpus in streams::all() {
        bench(&mut criterion, &corpus);
    }
    criterion.final_summary();
}
