//! Server-Sent Events on the wire: a zero-copy parser that gives the standard's
//! result wherever chunks end, an encoder that cannot be made to inject fields,
//! and adapters for asynchronous streams and blocking readers.
//!
//! ```
//! use sse_wire::{Event, Parser};
//!
//! // Bytes in, as they arrive: here the second event is cut in the middle.
//! let mut parser = Parser::new();
//! let mut data = Vec::new();
//! for chunk in ["id: 7\ndata: one\n\ndata: t", "wo\n\n"] {
//!     let mut feed = parser.feed(chunk.as_bytes());
//!     while let Some(event) = feed.next_event()? {
//!         data.push(event.data().to_owned());
//!     }
//! }
//! assert_eq!(data, ["one", "two"]);
//! assert_eq!(parser.last_event_id(), "7");
//!
//! // Events out: validated when built, so encoding cannot fail.
//! let event = Event::builder().event_type("token").data("two\nlines").build()?;
//! assert_eq!(&event.to_bytes()[..], b"event: token\ndata: two\ndata: lines\n\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which type to use
//!
//! | you have | use | events are |
//! |---|---|---|
//! | chunks, and a loop of your own | [`Parser`] | lent: [`EventRef`] |
//! | chunks, and events that must outlive them | [`Decoder`] | owned: [`Event`] |
//! | a `Stream` of chunks: an HTTP body, a file | [`EventStream`] | owned |
//! | a `std::io::Read`: a file, a pipe, a socket | [`EventReader`] | lent, or owned as an `Iterator` |
//! | tokio's `AsyncRead` or `AsyncBufRead` | [`EventStream`] over `tokio_util::io::ReaderStream`, or `FramedRead` with a [`Decoder`] (feature `codec`) | owned |
//! | `AsyncBufRead` of `futures-io` | [`EventStream`] over four lines, in the [`recipes`] | owned |
//! | events to send | [`Event::builder`], or [`EventWriter`] into a buffer | |
//! | one event to send to many | [`Encoded`] | |
//! | a request, to be sent again when the connection is lost | `EventSource` (feature `client`) | owned |
//! | a client of your own | [`Reconnect`], which decides when to connect again | |
//! | a stream of events to serve over HTTP | [`EventBody`] (feature `http`) | |
//! | clients that come back | [`Replay`] | |
//! | a stream to pass on | [`EditEvents`], [`Tee`] | owned, or lent |
//!
//! All parsers deliver the same events and errors, wherever chunks end. Each
//! also has `next_item` or `items`, for [comments, IDs and reconnection
//! times](ItemRef).
//!
//! Recipes for `reqwest`, `hyper`, tokio and `futures-io` are in the [`recipes`]
//! module; how to serve with axum and hyper is on the page [`serve`], and [`resume`]
//! and [`proxy`] are about clients that come back, and gateways.
//!
//! # What it promises
//!
//! - **The standard's result.** WHATWG HTML §9.2.5 and §9.2.6, wherever chunks
//!   end. Nothing waits for a byte that it does not need.
//! - **No copies.** An event that is entirely within one chunk is a slice of
//!   it. Only an event that is split across chunks, has several `data` lines or
//!   is not UTF-8 is assembled in a buffer. [`Parser`] says what that costs.
//! - **Bounded memory.** [`ParserBuilder::max_event_size`] limits what one
//!   block may hold. A block that exceeds it yields one [`ParseError`], and the
//!   next block is intact.
//! - **Linear time.** Nothing is searched again when the next chunk arrives.
//! - **No panics** on any input, and nothing injected on output: text that
//!   would not round-trip is an [`EncodeError`].
//!
//! # What it does not do
//!
//! It contains no HTTP client, no server and no runtime. `EventSource` (feature
//! `client`) connects through functions of yours, and follows a stream across
//! connections. When a stream ends that you have opened yourself,
//! [`EventStream::ending`] says whether it was cut off. It does not interpret
//! data, except as JSON and if asked to (feature `json`).
//!
//! # Features
//!
//! `std` and `stream` are on by default. Without `std` the crate is `no_std`
//! and needs `alloc`; everything but [`EventReader`] remains available. Without
//! `stream` there is no [`EventStream`], and nothing to pass one on.
//!
//! The others are off by default, and so are their dependencies. `http` adds
//! [`EventBody`] and the module [`mod@http`], and `tokio` a timer for its
//! keep-alive. `client` adds `EventSource`. `codec` makes a [`Decoder`] one of
//! `tokio_util::codec`. `json` adds `json` to events and to streams of them, to
//! [`EventBuilder`] and to [`EventWriter`].
//!
//! # Vocabulary
//!
//! The standard's. An *event stream* arrives in *chunks*. It consists of
//! *lines*, most of them *fields* with a *field value*; the lines up to a blank
//! one form a *block*. A block that has *data* is *dispatched* as an event,
//! with an *event type*. Blocks set the *last event ID* and the *reconnection
//! time*. A line that starts with a colon is a *comment*.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "std", feature = "stream", feature = "http")),
    allow(rustdoc::broken_intra_doc_links, reason = "the page names what is left out")
)]
// Here and not in Cargo.toml, because tests, benches and examples have `std`.
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "codec")]
mod codec;
mod decoder;
pub mod encode;
mod ending;
mod error;
mod event;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "json")]
mod json;
mod lines;
mod parser;
#[cfg(feature = "stream")]
mod pass_through;
#[cfg(feature = "std")]
mod reader;
mod reconnect;
mod replay;
mod shared;
#[cfg(feature = "stream")]
mod stream;
mod text;

// For the documentation only: it shows files that `examples/recipes` compiles.
#[cfg(all(doc, not(doctest), feature = "std", feature = "stream"))]
#[path = "../docs/recipes.rs"]
pub mod recipes;

/// The page on following a stream, whose code `examples/recipes` compiles.
///
// The file's own definitions of these are for those who read it as a file: the first
// definition counts.
/// [`EventSource`]: crate::EventSource
/// [`Reconnect`]: crate::Reconnect
/// [recipes]: crate::recipes
///
#[cfg(all(doc, not(doctest), feature = "client"))]
#[doc = include_str!("../docs/follow.md")]
pub mod follow {}

// The same, and `examples/serve` compiles those.
#[cfg(all(doc, not(doctest), feature = "http"))]
#[path = "../docs/proxy.rs"]
pub mod proxy;
#[cfg(all(doc, not(doctest), feature = "http"))]
#[path = "../docs/resume.rs"]
pub mod resume;
#[cfg(all(doc, not(doctest), feature = "http"))]
#[path = "../docs/serve.rs"]
pub mod serve;

#[cfg(feature = "client")]
pub use self::client::{
    EventSource, EventSourceBuilder,
    connect::{Connect, Sleep},
    signal::{Disconnect, Signal},
};
#[cfg(feature = "http")]
#[doc(inline)]
pub use self::http::EventBody;
#[cfg(all(feature = "json", feature = "stream"))]
pub use self::json::stream::{Json, JsonStreamError};
#[cfg(feature = "json")]
pub use self::json::{JsonEncodeError, JsonError};
#[cfg(feature = "stream")]
pub use self::pass_through::{Edit, EditEvents, Tee};
#[cfg(feature = "std")]
pub use self::reader::EventReader;
#[cfg(feature = "stream")]
pub use self::stream::{EventStream, EventStreamExt, Items, Outcome, UntilSentinel};
/// The `bytes` crate, whose types appear in this crate's signatures.
pub use bytes;

#[doc(inline)]
pub use self::encode::{Encode, Encoded, EventWriter};
pub use self::{
    decoder::Decoder,
    ending::Ending,
    error::{EncodeError, ParseError, StreamError},
    event::{Event, EventBuilder, EventRef, Item, ItemRef},
    parser::{EofPolicy, Feed, Parser, ParserBuilder, Utf8Policy},
    reconnect::{ContentTypePolicy, Reconnect, ReconnectBuilder, Step, Stop},
    replay::{After, EventLog, Events, Gap, Replay, ReplayId, ReplayIdError},
};
