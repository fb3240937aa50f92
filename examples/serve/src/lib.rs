//! The servers and gateways of sse-wire's documentation, as code to be compiled and run.
//!
//! They are in `docs/serve`, `docs/resume` and `docs/proxy`, and the pages of the
//! documentation show those files whole. They are modules here, so that
//! `tests/recipes.rs` runs what the documentation shows. This is a package of its own so
//! that sse-wire does not depend on servers, not even for its tests.
#![allow(dead_code, reason = "each `main` is for a program of its own")]

#[path = "../../../docs/serve/axum.rs"]
pub mod axum;
#[path = "../../../docs/serve/axum_stop.rs"]
pub mod axum_stop;
#[path = "../../../docs/serve/broadcast.rs"]
pub mod broadcast;
#[path = "../../../docs/proxy/edit.rs"]
pub mod edit;
#[path = "../../../docs/resume/hub.rs"]
pub mod hub;
#[path = "../../../docs/serve/hyper.rs"]
pub mod hyper;
#[path = "../../../docs/proxy/tee.rs"]
pub mod tee;

/// The pages themselves: each example compiles alone, as it is shown. For doctests only,
/// because their links lead into sse-wire.
#[cfg(doctest)]
#[path = "../../../docs"]
pub mod pages {
    pub mod proxy;
    pub mod resume;
    pub mod serve;
}
