//! sse-wire and other crates for Server-Sent Events, with the same bytes in the
//! same process.
//!
//! A library, because there are two programs: `versus`, which measures time and
//! writes the report, and `memory`, whose allocator counts and would cost time.

pub mod contenders;
pub mod input;
pub mod reference;
