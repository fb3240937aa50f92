//! Events from a blocking reader.

use alloc::vec::Vec;
use core::time::Duration;
use std::io::{self, ErrorKind, Read};

use crate::{
    ending::Ending,
    error::{ParseError, StreamError},
    event::{Event, EventRef, ItemRef, SharedId},
    parser::{Kind, Parser, Wanted},
    text::{Chunk, ReadBuffer},
};

/// How much is read at a time, in bytes.
const BUFFER: usize = 16 * 1024;

/// The events of a blocking [`Read`]: a file, a pipe, the body of an HTTP response. A socket
/// itself is one only if nothing but the event stream comes from it: the head of a response,
/// and the sizes of its chunks, are for an HTTP client to take off.
///
/// [`next_event`](Self::next_event) and [`next_item`](Self::next_item) lend
/// what they read, without a copy. As an [`Iterator`] it yields [`Event`]s,
/// each of which is a copy.
///
/// # Termination
///
/// A [`StreamError::Parse`] does not end it: the next call continues after the
/// block that was dropped. Neither does [`ErrorKind::WouldBlock`] or
/// [`ErrorKind::TimedOut`]: nothing is lost, and the next call tries again.
/// [`ErrorKind::Interrupted`] is retried internally. After any other error of
/// the reader, and after the end, there is nothing more;
/// [`ending`](Self::ending) tells which it was, and the parser from
/// [`into_parts`](Self::into_parts) is ready for the next connection.
///
/// # Cost
///
/// Reads up to 16 KiB at a time into one buffer; do not wrap the reader in
/// another. Other than that it allocates as described at [`Parser`], once for an
/// owned event of more than 80 bytes, and once for a last event ID that owned events
/// inherit. An event is delivered as soon as the reader has returned the bytes that
/// complete it.
///
/// # Examples
///
/// ```
/// use sse_wire::{Ending, EventReader};
///
/// let mut reader = EventReader::new(&b"data: 1\n\ndata: 2\n\ndata: 3"[..]);
/// assert_eq!(reader.next_event()?.unwrap().data(), "1");
/// let others: Vec<_> = reader.by_ref().collect::<Result<_, _>>()?;
/// assert_eq!(others[0].data(), "2");
/// assert_eq!(reader.ending(), Some(Ending::Cut));
/// # Ok::<(), sse_wire::StreamError<std::io::Error>>(())
/// ```
#[derive(Debug)]
pub struct EventReader<R> {
    inner: R,
    parser: Parser,
    chunk: Chunk<ReadBuffer>,
    shared_id: SharedId,
    bytes_read: u64,
    ending: Option<Ending>,
}

impl<R> EventReader<R> {
    /// Reads events from `inner`, with the default limit and the standard's
    /// policies.
    pub fn new(inner: R) -> Self {
        Self::with_parser(inner, Parser::new())
    }

    /// Reads events from `inner`, continuing exactly where `parser` is, with
    /// its limit, policies and last event ID. For a new connection, call
    /// [`Parser::reset`] first if the parser has read one before.
    pub fn with_parser(inner: R, parser: Parser) -> Self {
        Self {
            inner,
            chunk: Chunk::with_buffer(BUFFER, parser.offset()),
            parser,
            shared_id: SharedId::default(),
            bytes_read: 0,
            ending: None,
        }
    }

    /// The last event ID (WHATWG HTML §9.2.6). See [`Parser::last_event_id`].
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// The reconnection time that the stream asked for, if any. See
    /// [`Parser::reconnection_time`].
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.parser.reconnection_time()
    }

    /// How many bytes have been read.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// How the stream has ended, if it has. An error after which the next call
    /// tries again does not end it.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The inner reader.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The inner reader; what is read from it directly does not become events.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Returns the inner reader; what was read from it but not parsed is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Returns the inner reader, the parser, and the bytes that were read but
    /// that the parser has not seen: feed them to it, and nothing is lost.
    /// Before the end the parser is in the middle of the stream; to read
    /// another stream with it, [`reset`](Parser::reset) it.
    pub fn into_parts(self) -> (R, Parser, Vec<u8>) {
        let unread = self.chunk.rest().to_vec();
        (self.inner, self.parser, unread)
    }
}

impl<R: Read> EventReader<R> {
    /// Reads up to the next event, skipping other items, and lends it.
    ///
    /// Returns `None` at the end.
    ///
    /// # Errors
    ///
    /// [`StreamError::Transport`] if the reader fails; [`StreamError::Parse`]
    /// as for [`Feed::next_event`](crate::Feed::next_event), and at the end as
    /// for [`Parser::finish`].
    #[inline(always)]
    pub fn next_event(&mut self) -> Result<Option<EventRef<'_>>, StreamError<io::Error>> {
        match self.advance(Wanted::Events) {
            Ok(Step::Kind(_)) => Ok(Some(self.parser.lend_event(self.chunk.text()))),
            Ok(Step::Finish) => Ok(self.parser.finish()?),
            Ok(Step::None) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads up to the next item, event or other, and lends it.
    ///
    /// Returns `None` at the end.
    ///
    /// # Errors
    ///
    /// Same as [`next_event`](Self::next_event).
    #[inline]
    pub fn next_item(&mut self) -> Result<Option<ItemRef<'_>>, StreamError<io::Error>> {
        Ok(match self.advance(Wanted::Items)? {
            Step::Kind(kind) => self.parser.lend_item(kind, self.chunk.text()),
            Step::Finish => self.parser.finish()?.map(ItemRef::Event),
            Step::None => None,
        })
    }

    /// Reads up to the next item that is wanted, or to the end.
    #[inline(always)]
    fn advance(&mut self, wanted: Wanted) -> Result<Step, StreamError<io::Error>> {
        if self.ending.is_some() {
            return Ok(Step::None);
        }
        loop {
            match self.parser.advance(self.chunk.reading(), wanted) {
                Kind::End => {}
                Kind::Error => return Err((*self.parser.take_error()).into()),
                kind => return Ok(Step::Kind(kind)),
            }
            if self.fill()? == 0 {
                let cut = self.parser.has_pending();
                self.ending = Some(if cut { Ending::Cut } else { Ending::Complete });
                return Ok(Step::Finish);
            }
        }
    }

    /// Reads the next chunk; 0 bytes mean the end.
    #[inline(never)]
    fn fill(&mut self) -> Result<usize, StreamError<io::Error>> {
        loop {
            match self.chunk.refill(|buffer| self.inner.read(buffer)) {
                Ok(length) => {
                    self.bytes_read += length as u64;
                    return Ok(length);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        return Err(StreamError::Transport(error));
                    }
                    _ => {
                        self.ending = Some(Ending::Transport);
                        self.parser.reset();
                        return Err(StreamError::Transport(error));
                    }
                },
            }
        }
    }
}

/// Yields owned events, each of which is a copy, except for an inherited last event
/// ID, which they share. Continues after errors as described at [`EventReader`], and
/// ends where that ends.
impl<R: Read> Iterator for EventReader<R> {
    type Item = Result<Event, StreamError<io::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.advance(Wanted::Events).and_then(|step| {
            if self.parser.take_new_id() {
                self.shared_id.forget();
            }
            let event = lend_event(step, &mut self.parser, &self.chunk)?;
            Ok(event.map(|event| event.copied_with(&mut self.shared_id)))
        });
        event.transpose()
    }
}

/// Lends the event that `advance` has reached, or that the end makes.
/// A function of two fields, so that a third can be borrowed beside it.
#[inline(always)]
fn lend_event<'a>(
    step: Step,
    parser: &'a mut Parser,
    chunk: &'a Chunk<ReadBuffer>,
) -> Result<Option<EventRef<'a>>, ParseError> {
    match step {
        Step::Kind(_) => Ok(Some(parser.lend_event(chunk.text()))),
        Step::Finish => parser.finish(),
        Step::None => Ok(None),
    }
}

/// What `advance` has reached.
enum Step {
    Kind(Kind),
    /// The end: the parser has to be finished.
    Finish,
    /// After the end.
    None,
}
