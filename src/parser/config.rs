//! What a caller can choose: the limit, the two policies, the last event ID.

use alloc::{borrow::ToOwned, string::String};

use super::Parser;

/// What happens to bytes that are not UTF-8.
///
/// # Examples
///
/// ```
/// use sse_wire::{ParseError, Parser, Utf8Policy};
///
/// let stream = b"data: a\xFF\n\ndata: b\n\n";
///
/// let mut parser = Parser::new();
/// assert_eq!(parser.feed(stream).next_event()?.unwrap().data(), "a\u{FFFD}");
///
/// let mut parser = Parser::builder().utf8_policy(Utf8Policy::Reject).build();
/// let mut feed = parser.feed(stream);
/// assert_eq!(feed.next_event(), Err(ParseError::InvalidUtf8 { offset: 0 }));
/// assert_eq!(feed.next_event()?.unwrap().data(), "b");
/// # Ok::<(), ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Utf8Policy {
    /// The default: they are decoded to U+FFFD, as by "UTF-8 decode" of the
    /// Encoding Standard. This is what WHATWG HTML §9.2.6 asks for.
    #[default]
    Replace,
    /// The block that contains them is dropped, with one
    /// [`ParseError::InvalidUtf8`](crate::ParseError::InvalidUtf8).
    Reject,
}

/// What happens to a block that the end of the stream has cut off.
///
/// # Examples
///
/// ```
/// use sse_wire::{EofPolicy, ParseError, Parser};
///
/// // What `finish` returns for a stream that lacks its last blank line.
/// let finish = |policy| {
///     let mut parser = Parser::builder().eof_policy(policy).build();
///     assert_eq!(parser.feed(b"data: a\n").next_event(), Ok(None));
///     parser.finish().map(|event| event.map(|event| event.data().to_owned()))
/// };
/// assert_eq!(finish(EofPolicy::Discard), Ok(None));
/// assert_eq!(finish(EofPolicy::Dispatch), Ok(Some("a".to_owned())));
/// assert_eq!(finish(EofPolicy::Error), Err(ParseError::UnexpectedEnd { offset: 0 }));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EofPolicy {
    /// The default: it is discarded. This is what WHATWG HTML §9.2.6 asks for.
    #[default]
    Discard,
    /// It is dispatched as if the missing line ends were there, for servers
    /// that forget the last blank line. Its ID is committed, too. A comment
    /// that was cut off is dropped.
    Dispatch,
    /// It is discarded, with one
    /// [`ParseError::UnexpectedEnd`](crate::ParseError::UnexpectedEnd).
    Error,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(super) max_event_size: usize,
    pub(super) utf8_policy: Utf8Policy,
    pub(super) eof_policy: EofPolicy,
}

/// Builds any number of identical [`Parser`]s.
///
/// # Examples
///
/// ```
/// use sse_wire::{EofPolicy, Parser, Utf8Policy};
///
/// let builder = Parser::builder()
///     .max_event_size(1024 * 1024)
///     .utf8_policy(Utf8Policy::Reject)
///     .eof_policy(EofPolicy::Error)
///     .last_event_id("41");
/// let parsers: Vec<Parser> = (0..1000).map(|_| builder.build()).collect();
/// assert_eq!(parsers[999].last_event_id(), "41");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a parser is made by `build`"]
pub struct ParserBuilder {
    config: Config,
    last_event_id: String,
}

impl ParserBuilder {
    /// Sets the limit, in bytes, on what one block decodes to: type, ID and
    /// data with the LFs that join its lines. It also applies to each comment.
    /// The default is 16 MiB; `usize::MAX` lifts it.
    ///
    /// A block that exceeds it is dropped with one
    /// [`ParseError::EventTooLarge`](crate::ParseError::EventTooLarge), as soon
    /// as one value, or the data so far, is known to exceed it, or else, if
    /// only the sum does, at the blank line. The standard has no such limit,
    /// but without one a peer decides how much memory is used: with it, about
    /// three times the limit, as described at [`Parser`].
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.config.max_event_size = bytes;
        self
    }

    /// Sets what happens to bytes that are not UTF-8.
    pub fn utf8_policy(mut self, policy: Utf8Policy) -> Self {
        self.config.utf8_policy = policy;
        self
    }

    /// Sets what happens to a block that the end of the stream has cut off.
    pub fn eof_policy(mut self, policy: EofPolicy) -> Self {
        self.config.eof_policy = policy;
        self
    }

    /// Sets the last event ID to start with, from an earlier connection. It is
    /// used as is.
    pub fn last_event_id(mut self, id: impl AsRef<str>) -> Self {
        id.as_ref().clone_into(&mut self.last_event_id);
        self
    }

    /// Builds a parser. Allocates only to copy a last event ID.
    pub fn build(&self) -> Parser {
        Parser::with_config(self.config, self.last_event_id.clone())
    }
}

impl Default for ParserBuilder {
    fn default() -> Self {
        Self {
            config: Config {
                max_event_size: 16 * 1024 * 1024,
                utf8_policy: Utf8Policy::default(),
                eof_policy: EofPolicy::default(),
            },
            last_event_id: String::new(),
        }
    }
}
