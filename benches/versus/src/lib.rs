//! sse-wire and other crates for Server-Sent Events, with the same bytes in the
//! same process.
//!
//! A library, because there are two programs: `versus`, which measures time and
//! writes the report, and `memory`, whose allocator counts and would cost time.

pub mod cells;
pub mod contenders;
pub mod encoders;
pub mod environment;
pub mod input;
pub mod measure;
pub mod memory;
pub mod other_languages;
pub mod reference;
pub mod report;
pub mod special;
