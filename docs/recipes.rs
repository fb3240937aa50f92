//! How to read events with the crates that deliver the bytes.
//!
//! - [`reqwest`](#reqwest)
//! - [`hyper`, and any other HTTP body](#hyper-and-any-other-http-body)
//! - [Files, sockets and child processes](#files-sockets-and-child-processes)
//! - [`AsyncBufRead` of `futures-io`](#asyncbufread-of-futures-io)
//! - [Following a stream with `reqwest`](#following-a-stream-with-reqwest), with
//!   [`hyper`](#following-a-stream-with-hyper), and
//!   [without asynchrony, with `ureq`](#following-a-stream-with-ureq)
//! - [How a stream ends](#how-a-stream-ends)
//! - [What to mind](#what-to-mind)
//!
//! Each recipe is tested exactly as shown, against a real server or file. Its first
//! lines belong in `Cargo.toml`, without the slashes: this crate depends on none of
//! the crates that they use. The server on the page `resume` (feature `http`) is one
//! to try those that follow a stream with.
//!
//! # `reqwest`
//!
//! Sends a request as LLM services expect it, continues after a block that is
//! dropped, and returns an error if the stream was cut off within an event. How to
//! notice that an answer is not whole is [below](#how-a-stream-ends). The example of
//! `Event::json` (feature `json`) makes one enum of the events of an LLM service, by
//! their type.
//!
//! ```no_run
#![doc = include_str!("recipes/reqwest.rs")]
//! ```
//!
//! # `hyper`, and any other HTTP body
//!
//! `into_data_stream()` turns any `http_body::Body` into a stream of chunks, so
//! this also works for `tower` and `axum`. Here the limit is lower than the
//! default, and `?` stops at the first error of any kind.
//!
//! ```no_run
#![doc = include_str!("recipes/hyper.rs")]
//! ```
//!
//! # Files, sockets and child processes
//!
//! `ReaderStream` turns any `AsyncRead` into a stream of chunks: a
//! `tokio::fs::File`, a `TcpStream`, the `stdout` of a child process. Without
//! an asynchronous runtime, [`EventReader`](crate::EventReader) does the same
//! for `std::io::Read`. Where the rest of a program uses `tokio_util::codec`, feature
//! `codec` makes a [`Decoder`](crate::Decoder) one for `FramedRead`.
//!
//! ```no_run
#![doc = include_str!("recipes/reader_stream.rs")]
//! ```
//!
//! # `AsyncBufRead` of `futures-io`
//!
//! For `smol`, `async-std`, and other runtimes but tokio. What is in the buffer of the
//! reader is a chunk. Around an `AsyncRead`, put a `futures_util::io::BufReader`.
//! If you have `tokio-util` anyway, with features `compat` and `io`, then
//! `ReaderStream::new(reader.compat())` is the same.
//!
//! ```
#![doc = include_str!("recipes/futures_io.rs")]
//! ```
//!
//! # Following a stream with `reqwest`
//!
//! Connects, and connects again, with a new `Authorization` for each attempt.
//! `reqwest` follows redirects, and decompresses if it has those features. What
//! can happen, and what may be set, is on the `follow` page (feature `client`).
//!
//! ```no_run
#![doc = include_str!("recipes/follow_reqwest.rs")]
//! ```
//!
//! # Following a stream with `hyper`
//!
//! `hyper` follows no redirects: one stops the source. A client built with
//! `http2_only(true)` (feature `http2` of `hyper-util`) follows over HTTP/2.
//!
//! ```no_run
#![doc = include_str!("recipes/follow_hyper.rs")]
//! ```
//!
//! # Following a stream with `ureq`
//!
//! The same without asynchrony: `Reconnect` is driven by a loop, and the events
//! come from an [`EventReader`](crate::EventReader). `timeout_per_read` of `ureq` is the
//! idle timeout: if no byte comes for that long, the connection is lost. `ureq` follows
//! redirects.
//!
//! ```no_run
#![doc = include_str!("recipes/follow_ureq.rs")]
//! ```
//!
//! # How a stream ends
//!
//! | result | what it means | what to do |
//! |---|---|---|
//! | [`StreamError::Parse`](crate::StreamError::Parse) | one block was dropped, by default only because it exceeds the limit | continue, or give up |
//! | [`StreamError::Transport`](crate::StreamError::Transport) | the connection broke: the body is shorter than its length, or its last chunk is missing | reconnect; a server that sets IDs continues after [`last_event_id()`](crate::EventStream::last_event_id), sent as `Last-Event-ID` |
//! | `None`, and [`Ending::Cut`](crate::Ending::Cut) | the body is complete for HTTP, but its last event is not | the same as after a transport error |
//! | `None`, and [`Ending::Complete`](crate::Ending::Complete) | the body ended between two events | nothing, if that is how the server ends its streams |
//!
//! A body that has neither a length nor chunks ends where the connection does,
//! whether the server was done or crashed. If it crashed between two events,
//! nothing in the bytes can tell. That is the purpose of a last event such as
//! `[DONE]`, and of [`until_sentinel`](crate::EventStream::until_sentinel).
//! Instead of `events()` and `ending()` above:
//!
//! ```
//! use futures_util::{Stream, StreamExt};
//! use sse_wire::{EventStreamExt, Outcome};
//!
//! async fn read_answer<E: std::error::Error + 'static>(
//!     body: impl Stream<Item = Result<hyper::body::Bytes, E>> + Unpin,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut events = body.events().until_sentinel("[DONE]");
//!     while let Some(event) = events.next().await {
//!         println!("{}", event?.data());
//!     }
//!     match events.outcome() {
//!         Some(Outcome::Finished) => Ok(()),
//!         _ => Err("the answer was cut off".into()),
//!     }
//! }
//! ```
//!
//! Other services end an answer with an event of a certain type, such as `message_stop`.
//! Then remember that you have seen it, whatever `ending()` says:
//!
//! ```
//! use futures_util::{Stream, StreamExt};
//! use sse_wire::EventStreamExt;
//!
//! async fn read_answer<E: std::error::Error + 'static>(
//!     body: impl Stream<Item = Result<hyper::body::Bytes, E>> + Unpin,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut events = body.events();
//!     while let Some(event) = events.next().await {
//!         let event = event?;
//!         match event.event_type() {
//!             "message_stop" => return Ok(()),
//!             "error" => return Err(event.data().into()),
//!             _ => println!("{}", event.data()),
//!         }
//!     }
//!     Err("the answer was cut off".into())
//! }
//! ```
//!
//! # Reconnecting
//!
//! `EventSource` (feature `client`) does it for you, and
//! [`Reconnect`](crate::Reconnect) decides when. By hand, for a stream that you
//! open and read yourself: when a stream has ended, however it ended, its parser
//! carries the last event ID and the reconnection time over to the next
//! connection, and nothing else:
//!
//! ```
//! use std::time::Duration;
//!
//! use futures_util::Stream;
//! use sse_wire::EventStream;
//!
//! fn reconnected<S, T: Stream>(ended: EventStream<S>, connect: impl Fn(&str) -> T) -> EventStream<T> {
//!     let (_, parser, _) = ended.into_parts();
//!     let pause = parser.reconnection_time().unwrap_or(Duration::from_secs(3));
//!     std::thread::sleep(pause); // or your runtime's `sleep`
//!     let body = connect(parser.last_event_id()); // sent as `Last-Event-ID`, unless it is empty
//!     EventStream::with_parser(body, parser)
//! }
//! ```
//!
//! # What to mind
//!
//! - **Other responses.** Any text parses as an event stream, usually one
//!   without events. Check that the `Content-Type` is `text/event-stream`. A
//!   server that responds with an error status says why in the body, which the
//!   recipes drop.
//! - **Timeouts.** `reqwest`'s `ClientBuilder::timeout` ends a stream in the
//!   middle, even while data arrives; `read_timeout` ends it when nothing
//!   arrives.
//! - **Pinning.** An [`EventStream`](crate::EventStream) is `Unpin` if the
//!   inner stream is, as those of `reqwest` and `hyper` are. Otherwise, after
//!   `let mut events = std::pin::pin!(events);` you can call `next()`, and
//!   `ending()` as well.
//! - **Memory.** An event keeps the chunk that it arrived in alive. If you keep
//!   a few of many events for long, keep
//!   [`event.detach()`](crate::Event::detach).
//! - **Cancellation.** `next()` in a `tokio::select!` loses nothing when another
//!   branch wins.
