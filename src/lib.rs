//! Server-Sent Events: a zero-copy, spec-exact incremental parser, an encoder
//! that cannot be injected, and adapters for byte streams and readers.
#![no_std]
// Here and not in Cargo.toml, because tests, benches and examples have `std`.
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod decoder;
pub mod encode;
mod ending;
mod error;
mod event;
mod parser;
#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "stream")]
mod stream;
mod text;

#[cfg(feature = "std")]
pub use self::reader::EventReader;
#[cfg(feature = "stream")]
pub use self::stream::{EventStream, EventStreamExt, Items, Outcome, UntilSentinel};
pub use self::{
    decoder::Decoder,
    encode::{Encode, Encoded, EventWriter},
    ending::Ending,
    error::{EncodeError, ParseError, StreamError},
    event::{Event, EventBuilder, EventRef, Item, ItemRef},
    parser::{EofPolicy, Feed, Parser, ParserBuilder, Utf8Policy},
};
