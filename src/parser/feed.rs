//! A chunk with the parser that reads it: the tier that lends.

use core::time::Duration;

use super::{Kind, Parser, Wanted};
use crate::{
    error::ParseError,
    event::{EventRef, ItemRef},
    text::Chunk,
};

/// A chunk being read: lends the events in it, one at a time.
///
/// Made by [`Parser::feed`]. Read it until it returns `None`; the parser has
/// then taken in all of the chunk.
///
/// # Termination
///
/// `None` means that the chunk has been read, not that the stream has ended:
/// feed the next one. It is not an `Iterator`, because events borrow from it.
///
/// A `Feed` that is dropped earlier loses only [`remaining`](Self::remaining),
/// the bytes that have not been read. The same is true if `?` leaves it because
/// of an error. To continue after an error, keep the `Feed` and match:
///
/// ```
/// use sse_wire::Parser;
///
/// let mut parser = Parser::builder().max_event_size(8).build();
/// let mut feed = parser.feed(b"data: far too large\n\ndata: fits\n\n");
/// let mut seen = Vec::new();
/// loop {
///     match feed.next_event() {
///         Ok(Some(event)) => seen.push(event.data().to_owned()),
///         Ok(None) => break,
///         Err(error) => seen.push(error.to_string()),
///     }
/// }
/// assert!(seen[0].contains("exceeds the limit of 8 bytes"));
/// assert_eq!(seen[1], "fits");
/// ```
#[derive(Debug)]
#[must_use = "the bytes are read by `next_event` and `next_item`"]
pub struct Feed<'p, 'c> {
    parser: &'p mut Parser,
    chunk: Chunk<&'c [u8]>,
}

impl<'p, 'c> Feed<'p, 'c> {
    #[inline(always)]
    pub(super) fn new(parser: &'p mut Parser, chunk: &'c [u8]) -> Self {
        let origin = parser.offset();
        Self { parser, chunk: Chunk::new(chunk, origin) }
    }

    /// Reads up to the next event, skipping other items, and lends it.
    ///
    /// Returns `None` when the chunk has been read. Allocates as described at
    /// [`Parser`].
    ///
    /// # Errors
    ///
    /// [`ParseError::EventTooLarge`], or [`ParseError::InvalidUtf8`] with
    /// [`Utf8Policy::Reject`](crate::Utf8Policy::Reject): once for each block that is dropped. The next
    /// call continues after that block.
    #[inline(always)]
    pub fn next_event(&mut self) -> Result<Option<EventRef<'_>>, ParseError> {
        match self.parser.advance(self.chunk.reading(), Wanted::Events) {
            Kind::Event => Ok(Some(self.parser.lend_event(self.chunk.text()))),
            Kind::Error => Err(*self.parser.take_error()),
            _ => Ok(None),
        }
    }

    /// Reads up to the next item, event or other, and lends it.
    ///
    /// Returns `None` when the chunk has been read. Allocates as described at
    /// [`Parser`].
    ///
    /// # Errors
    ///
    /// Same as [`next_event`](Self::next_event).
    ///
    /// # Examples
    ///
    /// ```
    /// use sse_wire::{ItemRef, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let mut feed = parser.feed(b": keep-alive\n\nid: 7\n\n");
    /// assert_eq!(feed.next_item()?, Some(ItemRef::Comment("keep-alive")));
    /// assert_eq!(feed.next_item()?, Some(ItemRef::LastEventId("7")));
    /// assert_eq!(feed.next_item()?, None);
    /// # Ok::<(), sse_wire::ParseError>(())
    /// ```
    #[inline]
    pub fn next_item(&mut self) -> Result<Option<ItemRef<'_>>, ParseError> {
        match self.parser.advance(self.chunk.reading(), Wanted::Items) {
            Kind::Error => Err(*self.parser.take_error()),
            kind => Ok(self.parser.lend_item(kind, self.chunk.text())),
        }
    }

    /// The bytes that have not been read yet. Feed them later, and nothing is
    /// lost. Costs nothing.
    ///
    /// A new `Feed` starts its lookahead from scratch, which may cover up to
    /// 1.5 KiB, and one long line. So do not create one for each event without need.
    pub fn remaining(&self) -> &'c [u8] {
        self.chunk.rest()
    }

    /// Same as [`Parser::last_event_id`], while the parser is borrowed here.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// Same as [`Parser::reconnection_time`], while the parser is borrowed
    /// here.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.parser.reconnection_time()
    }
}
