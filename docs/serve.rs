//! How to serve events with axum, hyper, or anything that sends an HTTP body.
//!
//! - [With axum](#with-axum)
//! - [How to stop](#how-to-stop)
//! - [With hyper](#with-hyper)
//! - [One event to many clients](#one-event-to-many-clients)
//! - [Keep-alive](#keep-alive)
//! - [What to mind](#what-to-mind)
//!
//! Each example is a whole program: its first lines belong in `Cargo.toml`, without the
//! slashes, and `curl -N http://127.0.0.1:3000/` with its path shows what it sends. Each is
//! tested exactly as shown, over a real connection. Clients that come
//! back are on the page [`resume`](crate::resume), gateways on [`proxy`](crate::proxy). In the
//! repository, `docs/troubleshooting.md` is for when it does not work, with a command for each
//! symptom, and `docs/nginx.conf` is a configuration that is tested.
//!
//! # With axum
//!
//! A response of [`EventBody`](crate::EventBody) is one that a handler can return.
//!
//! ```no_run
#![doc = include_str!("serve/axum.rs")]
//! ```
//!
//! # How to stop
//!
//! `with_graceful_shutdown` waits until all responses have ended, and a stream of events does
//! not end by itself. So the same signal goes to [`shutdown`](crate::EventBody::shutdown),
//! which ends a body with a last reconnection time: a browser comes back after that time,
//! and not after its own.
//!
//! The wait has a limit: a server asks a body for more, and the body looks at the signal, only
//! when its client has read what there was, so one client that does not read would keep the
//! server from ever stopping.
//!
//! ```no_run
#![doc = include_str!("serve/axum_stop.rs")]
//! ```
//!
//! # With hyper
//!
//! The body is the same for HTTP/1.1 and HTTP/2. Here clients may say where they were, and
//! each gets another reconnection time when the server stops, so that they do not all come
//! back at once.
//!
//! ```no_run
#![doc = include_str!("serve/hyper.rs")]
//! ```
//!
//! # One event to many clients
//!
//! An [`Encoded`](crate::Encoded) event is encoded once, and all bodies send the same bytes.
//! The channel is any that delivers to each receiver; with a bounded one, a client that
//! reads too slowly falls behind, and there are two ways to deal with it:
//!
//! - **Cut it off.** The error of the channel becomes that of the body, the connection is
//!   broken off, and the client reconnects. With [`Replay`](crate::Replay) it then gets
//!   what it has missed.
//! - **Tell it**, and continue with what comes: right if only the latest state counts.
//!
//! ```no_run
#![doc = include_str!("serve/broadcast.rs")]
//! ```
//!
//! In neither case does a slow client slow down the others, or hold more than what the
//! channel holds and what is in its socket: see [what it costs](#what-it-costs).
//!
//! # Keep-alive
//!
//! Proxies close connections on which nothing is sent, some after 30 seconds, and a server
//! does not notice that a client is gone until it sends something. A comment every 15
//! seconds helps against both (WHATWG HTML §9.2.7). [`KeepAlive`](crate::http::KeepAlive) takes
//! any timer:
//!
//! | runtime | keep-alive |
//! |---|---|
//! | tokio, with feature `tokio` | `KeepAlive::tokio(quiet)` |
//! | tokio, without it | `KeepAlive::after(quiet, tokio::time::sleep)` |
//! | smol, async-std | `KeepAlive::after(quiet, async_io::Timer::after)` |
//! | any other | `KeepAlive::after(quiet, futures_timer::Delay::new)` |
//! | one timer for all | `KeepAlive::ticks(stream)` |
//!
//! An interval for `ticks` should leave out those that it has missed, as
//! `MissedTickBehavior::Skip` of tokio does, or they become comments one after the other.
//!
//! [`at_once`](crate::http::KeepAlive::at_once) sends the first one before any event. Some proxies
//! do not pass on even the head of a response until there is something in the body, and
//! without it a browser says `open` only then.
//!
//! # What to mind
//!
//! - **Compression.** The `CompressionLayer` of tower-http 0.6 does not touch an event stream.
//!   If that is overruled with `compress_when`, it compresses and still delivers each event
//!   before the next: both are tested. It then costs each client a compressor, and each
//!   event is compressed for each client. Another middleware may wait for more bytes, and
//!   then nothing arrives for long: it should heed `Cache-Control: no-transform`.
//! - **Proxies.** nginx buffers responses unless told not to, as `X-Accel-Buffering: no`
//!   does. [`headers`](crate::http::headers) has it, for other responses than ours as well.
//! - **HTTP/1.1 in browsers.** A browser opens six connections to a server at most, for all
//!   its tabs. Over HTTP/2 there may be a hundred streams on one.
//! - **Other origins.** A page of another origin may read a stream only with the headers of
//!   CORS, such as tower-http's `CorsLayer` adds.
//! - **Timeouts.** One for whole responses ends a stream in the middle. One between two
//!   pieces of a body, as tower-http's `ResponseBodyTimeoutLayer` has it, has to be longer than
//!   the quiet time of the keep-alive.
//! - **Errors.** By the time a stream fails, its status was sent. The client learns of an
//!   error by the connection that breaks off, or by an event of yours. If it has to get that
//!   event, end the stream in order after it: over HTTP/2, an error discards what the server
//!   has not written yet.
//! - **A client that is gone.** The server drops the body, and that drops the stream: at once
//!   if the connection was closed, and with the next bytes, or much later, if it is only
//!   silent.
//!
//! # What it costs
//!
//! An `EventBody` is 112 bytes and its stream, an idle one keeps at most 4 KiB of buffer,
//! and a body of `Encoded` events none. Ten thousand bodies with keep-alive, each after an
//! event of 200 bytes, are 7.8 MB with what their streams keep (`tests/http_memory.rs`). The
//! sockets, and what a server keeps for a connection, come on top. Of a stream that is
//! always ready, 2 to 4 MiB are taken for a client that does not read, which is what fits
//! into the sockets on both sides of a connection on loopback.
