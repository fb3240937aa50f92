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
//! | events to send | [`Event::builder`], or [`EventWriter`] into a buffer | |
//! | one event to send to many | [`Encoded`] | |
//! | a request, to be sent again when the connection is lost | `EventSource` (feature `client`) | owned |
//! | a client of your own | [`Reconnect`], which decides when to connect again | |
//!
//! All parsers deliver the same events and errors, wherever chunks end. Each
//! also has `next_item` or `items`, for [comments, IDs and reconnection
//! times](ItemRef).
//!
//! Recipes for `reqwest`, `hyper` and tokio are in the [`recipes`] module.
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
//! `stream` there is no [`EventStream`]. `client` adds `EventSource`, and depends
//! on `http`, `http-body` and `httpdate`. `json` adds `Event::json`, and `json` on
//! streams, and depends on `serde` and `serde_json`. These two are not on by
//! default.
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
    not(all(feature = "std", feature = "stream")),
    allow(rustdoc::broken_intra_doc_links, reason = "the page names what is left out")
)]
// Here and not in Cargo.toml, because tests, benches and examples have `std`.
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "client")]
mod client;
mod decoder;
pub mod encode;
mod ending;
mod error;
mod event;
#[cfg(feature = "json")]
mod json;
mod lines;
mod parser;
#[cfg(feature = "std")]
mod reader;
mod reconnect;
mod shared;
#[cfg(feature = "stream")]
mod stream;
mod text;

// For the documentation only: it shows files that `examples/recipes` compiles.
#[cfg(all(doc, not(doctest), feature = "std", feature = "stream"))]
#[path = "../docs/recipes.rs"]
pub mod recipes;

/// The page on following a stream, whose code `examples/recipes` compiles.
#[cfg(all(doc, not(doctest), feature = "client"))]
#[doc = include_str!("../docs/follow.md")]
pub mod follow {}

#[cfg(feature = "client")]
pub use self::client::{
    EventSource, EventSourceBuilder,
    connect::{Connect, Sleep},
    signal::{Disconnect, Signal},
};
#[cfg(feature = "json")]
pub use self::json::JsonError;
#[cfg(all(feature = "json", feature = "stream"))]
pub use self::json::stream::{Json, JsonStreamError};
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
};

/// The examples of the README, run as tests.
#[cfg(all(doctest, feature = "std", feature = "stream"))]
#[doc = include_str!("../README.md")]
mod readme {}
