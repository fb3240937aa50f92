//! How to pass a stream of events on.
//!
//! Between a server and its clients, such as an LLM service and a browser, there may be a
//! gateway: it checks who asks, hides keys, counts. There are two ways to pass a stream on:
//!
//! | | [`EditEvents`](crate::EditEvents) | [`Tee`](crate::Tee) |
//! |---|---|---|
//! | what clients get | an equivalent stream: the same events, IDs, comments, reconnection times | the same bytes, in the same chunks |
//! | events can be | changed, removed | seen |
//! | a block that is too large | an error, which ends the stream unless you leave it out | passes, and is not seen |
//! | costs | parsing and encoding | parsing |
//!
//! Each example is a whole program, whose first lines belong in `Cargo.toml`, without the
//! slashes. It passes on what a server on port 3000 sends, such as the one on the page
//! [`resume`](crate::resume): `curl -N http://127.0.0.1:4000/events`.
//!
//! # Edit some events
//!
//! What a removed event sets, its ID and reconnection time, is passed on, so that a client
//! that reconnects through the gateway continues at the right place. For that the gateway
//! sends the client's last event ID to the upstream.
//!
//! ```no_run
#![doc = include_str!("proxy/edit.rs")]
//! ```
//!
//! Where the upstream has no stream to give, its status and `Retry-After` are the gateway's
//! answer: with a bare 502 instead, clients would come back to a stream that is over
//! (204), or sooner than they were told.
//!
//! # Only look
//!
//! The client's last event ID, and what the upstream refuses, pass as above.
//!
//! ```no_run
#![doc = include_str!("proxy/tee.rs")]
//! ```
//!
//! # What to mind
//!
//! - **A stream that is cut off.** By default an event without its blank line at the end is
//!   discarded, and the stream ends: a gateway would make a whole stream of one that was
//!   cut. [`EofPolicy::Error`](crate::EofPolicy::Error) makes an error of it, and that ends the
//!   body in such a way that the client knows. A `Tee` passes the end on as it is.
//! - **Slow clients.** Both take from the upstream only what the client takes, so that the
//!   upstream is slowed down, too, and nothing piles up.
//! - **A client that is gone.** The body is dropped, and with it the response of the upstream:
//!   an HTTP client closes that connection, and an LLM service stops to generate.
//! - **Comments are its keep-alive.** They are passed on, so a gateway needs none of its own,
//!   unless it is further from the client than the upstream is from it.
//! - **Compression.** Neither reads a body that is compressed. Do not pass on the client's
//!   `Accept-Encoding`, or have the HTTP client decompress.
//! - **Headers.** Take those of [`headers`](crate::http::headers), and not those of the
//!   upstream: some of them are about its connection only (RFC 9110 §7.6.1).
