//! [`Decoder`] as a decoder of `tokio_util::codec`.
//!
//! A parse error is an item and not an error, because `FramedRead` ends at an
//! error: it yields `None` next, and whoever stops there, as every loop does, loses
//! the events after the block that was dropped.

use std::io;

use bytes::BytesMut;

use crate::{Decoder, error::ParseError, event::Event};

/// For `FramedRead`, over anything that is tokio's `AsyncRead` (feature `codec`).
///
/// An item is an event, or the [`ParseError`] of a block that was dropped, after which
/// the next item is from the next block. So the only error is that of the reader. When
/// the bytes end, the [`EofPolicy`](crate::EofPolicy) decides what happens to an
/// unfinished block: with `Error`, the last item says that the stream was cut off.
///
/// A `tokio_util::io::ReaderStream` and an `EventStream` do the same, and have
/// [`ending`](crate::Ending), comments and `until_sentinel` besides.
///
/// # Examples
///
/// ```
/// use futures::{StreamExt, executor::block_on};
/// use sse_wire::{Decoder, EofPolicy, ParseError, Parser};
/// use tokio_util::codec::FramedRead;
///
/// let parser = Parser::builder().max_event_size(8).eof_policy(EofPolicy::Error).build();
/// let reader = &b"data: 1\n\ndata: far too large\n\ndata: 2\n\ndata: cut o"[..];
/// let mut events = FramedRead::new(reader, Decoder::with_parser(parser));
/// let mut next = || block_on(events.next()).transpose();
/// assert_eq!(next()?.unwrap()?.data(), "1");
/// assert!(matches!(next()?, Some(Err(ParseError::EventTooLarge { .. }))));
/// assert_eq!(next()?.unwrap()?.data(), "2");
/// assert!(matches!(next()?, Some(Err(ParseError::UnexpectedEnd { .. }))));
/// assert_eq!(next()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl tokio_util::codec::Decoder for Decoder {
    type Item = Result<Event, ParseError>;
    type Error = io::Error;

    fn decode(&mut self, src: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        if !src.is_empty() {
            self.push(src.split().freeze());
        }
        Ok(self.next_event().transpose())
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        match self.decode(src)? {
            None => Ok(self.finish().transpose()),
            item => Ok(item),
        }
    }
}
