//! The recipes of sse-wire's documentation, as code to be compiled and run.
//!
//! They are in `docs/recipes`, one to a file, and sse-wire's documentation shows
//! those files whole. They are modules here, so that `tests/loopback.rs` runs
//! what the documentation shows. This is a package of its own so that sse-wire
//! does not depend on the crates that they use, not even for its tests.
#![allow(dead_code, reason = "each `main` is for a program of its own")]

#[path = "../../../docs/recipes/follow_hyper.rs"]
pub mod follow_hyper;
#[path = "../../../docs/recipes/follow_reqwest.rs"]
pub mod follow_reqwest;
#[path = "../../../docs/recipes/follow_ureq.rs"]
pub mod follow_ureq;
#[path = "../../../docs/recipes/futures_io.rs"]
pub mod futures_io;
#[path = "../../../docs/recipes/hyper.rs"]
pub mod hyper;
#[path = "../../../docs/recipes/reader_stream.rs"]
pub mod reader_stream;
#[path = "../../../docs/recipes/reqwest.rs"]
pub mod reqwest;

/// The page on following streams: its code compiles, too.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/follow.md")]
pub mod follow_page {}

/// The examples of the README. They are here and not in sse-wire itself because one of
/// them uses `reqwest`.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub mod readme {}

/// The page itself: each recipe compiles alone, as it is shown. For doctests
/// only, because its links lead into sse-wire.
#[cfg(doctest)]
#[path = "../../../docs/recipes.rs"]
pub mod page;
