//! The last events of a stream, for clients that reconnect.
//!
//! Each event gets an ID that says where it is: which log, which event. So a client's
//! last event ID is enough to know what it has missed, or that nobody knows any more.
//! A log is not shared and not asynchronous: a lock around it, and the channel to those
//! who are connected, are the caller's, because both have to change in one step.

use alloc::{
    collections::VecDeque,
    string::{String, ToString},
    vec::{self, Vec},
};
use core::{borrow::Borrow, fmt, future::Future, str::FromStr};

use crate::{Encoded, Event};

/// The last events of a stream, each with an ID of its own: a client that reconnects
/// with the last one that it has gets all later ones, or is told that some are lost.
///
/// Holds at most so many events and bytes, and drops the oldest. IDs are an *epoch*
/// and a number that counts up, such as `1712345678-42`. The epoch tells logs apart: give
/// a server that starts again without its old events a new one, such as the time at which
/// it started, or a client that has been away would miss events and not know it. That time
/// has to be precise enough that two starts differ: nanoseconds, which fit until 2554.
///
/// # Cost
///
/// An event is encoded when it is pushed, and never again: what is sent to those who are
/// connected, and to those who come back, are the same bytes. That takes three small
/// allocations: the bytes, their reference count, and for a moment the ID.
///
/// # Examples
///
/// ```
/// use sse_wire::{After, Event, Gap, Replay};
///
/// let mut replay = Replay::new(1712345678).max_events(2);
/// let first = replay.push(Event::new("a"));
/// assert_eq!(first.to_string(), "1712345678-1");
/// replay.push(Event::new("b"));
/// replay.push(Event::new("c"));
///
/// // A client that had "a" when it was cut off:
/// let After::Events(events) = replay.after("1712345678-1") else { panic!() };
/// let sent: Vec<_> = events.map(|event| event.into_bytes()).collect();
/// assert_eq!(sent, ["id: 1712345678-2\ndata: b\n\n", "id: 1712345678-3\ndata: c\n\n"]);
///
/// // One that had nothing but the start, one of an earlier run, and one that lies:
/// assert_eq!(replay.after("1712345678-0"), After::Gap(Gap::Dropped { events: 1 }));
/// assert_eq!(replay.after("1700000000-9"), After::Gap(Gap::OtherEpoch));
/// assert_eq!(replay.after("1712345678-99"), After::Gap(Gap::Unknown));
/// ```
#[derive(Clone, Debug)]
pub struct Replay {
    last: ReplayId,
    /// Of which the last one is `last`, and those before it count down.
    events: VecDeque<Encoded>,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl Replay {
    /// An empty log, of at most 1,024 events and 1 MiB.
    pub fn new(epoch: u64) -> Self {
        Self::starting_after(ReplayId { epoch, number: 0 })
    }

    /// The same, and the first event gets the ID that follows this one: for a server that
    /// has stored its events, and pushes them again when it starts. Its clients then do not
    /// notice that it was gone.
    ///
    /// ```
    /// use sse_wire::{After, Event, Replay, ReplayId};
    ///
    /// // Events 41 and 42 are stored, and those before are not any more.
    /// let before: ReplayId = "1712345678-40".parse()?;
    /// let mut replay = Replay::starting_after(before);
    /// for stored in ["forty-one", "forty-two"] {
    ///     replay.push(Event::new(stored));
    /// }
    /// assert!(matches!(replay.after("1712345678-41"), After::Events(_)));
    /// assert!(matches!(replay.after("1712345678-39"), After::Gap(_)));
    /// # Ok::<(), sse_wire::ReplayIdError>(())
    /// ```
    pub fn starting_after(last: ReplayId) -> Self {
        Self { last, events: VecDeque::new(), bytes: 0, max_events: 1024, max_bytes: 1024 * 1024 }
    }

    /// Holds at most so many events.
    #[must_use]
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events;
        self.drop_oldest();
        self
    }

    /// Holds at most so many bytes, as encoded. An event that is larger alone is not
    /// held, nor is any before it: for who comes back that is a [`Gap`].
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self.drop_oldest();
        self
    }

    /// Adds an event with the next ID, which takes the place of its own if it has one,
    /// and returns that ID.
    ///
    /// Encodes the event. Takes an `Event` or a `&Event`.
    pub fn push(&mut self, event: impl Borrow<Event>) -> ReplayId {
        self.publish(event);
        self.last
    }

    /// The same, and returns the event with that ID as it is to be sent to those who are
    /// connected. So it is encoded once for all.
    ///
    /// For who connects at the same time: take what is missed and subscribe to what comes
    /// under the lock under which this is called and its result is sent, or an event may
    /// be lost or come twice.
    ///
    /// ```
    /// use sse_wire::{Event, Replay};
    ///
    /// let mut replay = Replay::new(5);
    /// assert_eq!(replay.publish(Event::new("a")).as_bytes(), b"id: 5-1\ndata: a\n\n");
    /// assert_eq!(replay.last_id().to_string(), "5-1");
    /// ```
    pub fn publish(&mut self, event: impl Borrow<Event>) -> Encoded {
        self.last = self.last.next();
        let id = self.last.to_string();
        let encoded = Encoded::with_id(event.borrow().as_event_ref(), &id);
        self.bytes += encoded.as_bytes().len();
        self.events.push_back(encoded.clone());
        self.drop_oldest();
        encoded
    }

    /// All events after that of an ID, or why that is not known.
    ///
    /// The ID may be anything that a client sends. That of the log before its first
    /// event is a valid one, with the number 0. Allocates once; the events are shared.
    pub fn after(&self, id: &str) -> After {
        match self.find(id) {
            Ok(start) => After::Events(self.events.range(start..).cloned().collect()),
            Err(gap) => After::Gap(gap),
        }
    }

    /// All events that there are, for a client that is new or has missed some.
    /// Allocates once; the events are shared.
    pub fn events(&self) -> Events {
        self.events.iter().cloned().collect()
    }

    /// The ID of the last event. Send it to a new client as
    /// [`Item::LastEventId`](crate::Item::LastEventId): if it is cut off before its
    /// first event, it knows where it was.
    pub fn last_id(&self) -> ReplayId {
        self.last
    }

    /// How many bytes the events are, as encoded.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The index of the first event after an ID.
    fn find(&self, id: &str) -> Result<usize, Gap> {
        let id: ReplayId = id.parse().map_err(|_| Gap::Unknown)?;
        if id.epoch != self.last.epoch {
            return Err(Gap::OtherEpoch);
        }
        let missed = self.last.number.checked_sub(id.number).ok_or(Gap::Unknown)?;
        let held = self.events.len();
        match usize::try_from(missed) {
            Ok(missed) if missed <= held => Ok(held - missed),
            _ => Err(Gap::Dropped { events: missed - held as u64 }),
        }
    }

    fn drop_oldest(&mut self) {
        while self.events.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.as_bytes().len();
        }
    }
}

/// The ID of an event in a [`Replay`], written as `epoch-number`.
///
/// # Examples
///
/// ```
/// use sse_wire::ReplayId;
///
/// let id: ReplayId = "1712345678-42".parse()?;
/// assert_eq!((id.epoch(), id.number()), (1712345678, 42));
/// assert_eq!(id.to_string(), "1712345678-42");
/// assert!("1712345678-042".parse::<ReplayId>().is_err());
/// # Ok::<(), sse_wire::ReplayIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplayId {
    epoch: u64,
    number: u64,
}

impl ReplayId {
    /// Which log it is of.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Which event: the first one is 1, and 0 is before it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// After the last number, which nobody reaches by counting, comes another epoch.
    fn next(self) -> Self {
        match self.number.checked_add(1) {
            Some(number) => Self { number, ..self },
            None => Self { epoch: self.epoch.wrapping_add(1), number: 1 },
        }
    }
}

impl fmt::Display for ReplayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

impl FromStr for ReplayId {
    type Err = ReplayIdError;

    fn from_str(id: &str) -> Result<Self, ReplayIdError> {
        let (epoch, number) = id.split_once('-').ok_or(ReplayIdError)?;
        Ok(Self { epoch: parse_number(epoch)?, number: parse_number(number)? })
    }
}

/// A number as it is written: that has no sign, and no zeros before it.
fn parse_number(digits: &str) -> Result<u64, ReplayIdError> {
    let is_canonical = digits == "0" || digits.starts_with(|first| matches!(first, '1'..='9'));
    digits.parse().ok().filter(|_| is_canonical).ok_or(ReplayIdError)
}

/// The text is not a [`ReplayId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not the ID of an event in a log: it should be two numbers, as in `1712345678-42`")]
#[non_exhaustive]
pub struct ReplayIdError;

/// What came after an event: see [`Replay::after`].
// Exhaustive: there is no third answer, and whoever asks has to deal with both.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a client with a gap has to be told"]
pub enum After {
    /// All later events; none, if that was the last one.
    Events(Events),
    /// Some may be lost.
    Gap(Gap),
}

/// Why a client cannot get all that it has missed.
///
/// What to do then is the server's choice: tell the client with an event, so that it
/// loads its state anew, and continue with what there is, [`Replay::events`]. Then send
/// [`Replay::last_id`]: if there are no events, the client would have the same gap when it
/// reconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Gap {
    /// So many of them are not held any more.
    #[error("{events} events after that ID are not held any more")]
    Dropped {
        /// How many.
        events: u64,
    },

    /// The ID is of another log: the server has started again since.
    #[error("that ID is of another epoch: the log has begun anew since")]
    OtherEpoch,

    /// The ID is not one that this log has given to an event.
    #[error("that ID is not known")]
    Unknown,
}

/// Events in their order, encoded and shared. Made by [`Replay`], or of a `Vec` by an
/// [`EventLog`] of yours.
///
/// # Examples
///
/// ```
/// use sse_wire::{Encoded, Event, Events};
///
/// let mut events: Events = [Event::new("a"), Event::new("b")].map(Encoded::from).into_iter().collect();
/// assert_eq!(events.len(), 2);
/// assert_eq!(events.next().unwrap().as_bytes(), b"data: a\n\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Events(vec::IntoIter<Encoded>);

impl Iterator for Events {
    type Item = Encoded;

    fn next(&mut self) -> Option<Encoded> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Events {
    fn next_back(&mut self) -> Option<Encoded> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for Events {}

impl core::iter::FusedIterator for Events {}

impl FromIterator<Encoded> for Events {
    fn from_iter<I: IntoIterator<Item = Encoded>>(events: I) -> Self {
        Vec::from_iter(events).into()
    }
}

impl From<Vec<Encoded>> for Events {
    fn from(events: Vec<Encoded>) -> Self {
        Self(events.into_iter())
    }
}

impl PartialEq for Events {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice() == other.0.as_slice()
    }
}

impl Eq for Events {}

/// A log of events that several servers can share, such as a stream of Redis: what
/// [`Replay`] does, asynchronously and with errors.
///
/// The IDs are the log's own and mean nothing but to it. A `Mutex<Replay>` is such a log,
/// so that a server can be written once and tested without the other.
///
/// # Examples
///
/// A log that asks a server. `XADD` of Redis returns an ID, and `XRANGE` the entries from
/// one on; to notice a gap, see whether that one is still there:
///
/// ```
/// use sse_wire::{After, EncodeError, Encoded, Event, EventLog, Events, Gap};
///
/// # #[derive(Debug, thiserror::Error)] #[error("")] struct RedisError;
/// # impl From<EncodeError> for RedisError { fn from(_: EncodeError) -> Self { Self } }
/// # #[derive(Clone)] struct Redis;
/// # impl Redis {
/// #     async fn xadd(&self, _: &str) -> Result<String, RedisError> { Ok("5-0".into()) }
/// #     async fn xrange(&self, _: &str) -> Result<Vec<(String, String)>, RedisError> {
/// #         Ok(vec![("5-0".into(), "a".into()), ("6-0".into(), "b".into())])
/// #     }
/// # }
/// struct RedisLog {
///     redis: Redis,
/// }
///
/// fn encode((id, data): (String, String)) -> Result<Encoded, EncodeError> {
///     Ok(Event::builder().id(id).data(data).build()?.into())
/// }
///
/// impl EventLog for RedisLog {
///     type Error = RedisError;
///
///     async fn push(&self, event: &Event) -> Result<String, RedisError> {
///         self.redis.xadd(event.data()).await
///     }
///
///     async fn after(&self, id: &str) -> Result<After, RedisError> {
///         // The start. If entries are dropped, `XINFO STREAM` says whether any was.
///         if id == "0-0" {
///             return Ok(After::Events(self.events().await?.0));
///         }
///         let mut entries = self.redis.xrange(id).await?.into_iter();
///         // The event itself has to be the first, or it is not there any more.
///         if entries.next().is_none_or(|(first, _)| first != id) {
///             return Ok(After::Gap(Gap::Unknown));
///         }
///         Ok(After::Events(entries.map(encode).collect::<Result<_, _>>()?))
///     }
///
///     async fn events(&self) -> Result<(Events, String), RedisError> {
///         let entries = self.redis.xrange("-").await?;
///         let last = entries.last().map_or_else(|| "0-0".to_owned(), |(id, _)| id.clone());
///         Ok((entries.into_iter().map(encode).collect::<Result<_, _>>()?, last))
///     }
/// }
///
/// # futures::executor::block_on(async {
/// let log = RedisLog { redis: Redis };
/// assert_eq!(log.push(&Event::new("a")).await?, "5-0");
/// let After::Events(mut events) = log.after("5-0").await? else { panic!() };
/// assert_eq!(events.next().unwrap().as_bytes(), b"id: 6-0\ndata: b\n\n");
/// assert_eq!(log.events().await?.1, "6-0");
/// # Ok::<(), RedisError>(())
/// # }).unwrap();
/// ```
pub trait EventLog {
    /// Why the log could not be reached.
    type Error;

    /// Adds an event and returns its ID.
    ///
    /// # Errors
    ///
    /// Those of the log.
    fn push(&self, event: &Event) -> impl Future<Output = Result<String, Self::Error>> + Send;

    /// All events after that of an ID, which may be anything that a client sends, or why
    /// that is not known.
    ///
    /// # Errors
    ///
    /// Those of the log. That an ID is not known is none.
    fn after(&self, id: &str) -> impl Future<Output = Result<After, Self::Error>> + Send;

    /// All events that there are, and the ID with which [`after`](Self::after) goes on from
    /// there: for a client that is new, or has a [`Gap`]. Of a log that has no event yet it
    /// is that of the start, so that a client has one in any case.
    ///
    /// # Errors
    ///
    /// Those of the log.
    fn events(&self) -> impl Future<Output = Result<(Events, String), Self::Error>> + Send;
}

#[cfg(feature = "std")]
impl EventLog for std::sync::Mutex<Replay> {
    type Error = core::convert::Infallible;

    async fn push(&self, event: &Event) -> Result<String, Self::Error> {
        let mut replay = self.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(replay.push(event).to_string())
    }

    async fn after(&self, id: &str) -> Result<After, Self::Error> {
        let replay = self.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(replay.after(id))
    }

    async fn events(&self) -> Result<(Events, String), Self::Error> {
        let replay = self.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok((replay.events(), replay.last_id().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(events: Events) -> Vec<String> {
        events
            .map(|event| {
                let text = core::str::from_utf8(event.as_bytes()).unwrap();
                text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_string()
            })
            .collect()
    }

    fn pushed(replay: Replay, events: u64) -> Replay {
        let mut replay = replay;
        for number in 1..=events {
            let id = replay.push(Event::new(number.to_string()));
            assert_eq!(id, ReplayId { epoch: replay.last.epoch, number });
        }
        replay
    }

    #[test]
    fn after_each_event_come_all_later_ones_or_a_gap() {
        let replay = pushed(Replay::new(7).max_events(3), 5);
        for number in 0..=6 {
            let expected = match number {
                0..2 => After::Gap(Gap::Dropped { events: 2 - number }),
                6 => After::Gap(Gap::Unknown),
                _ => After::Events(replay.events.range(number as usize - 2..).cloned().collect()),
            };
            assert_eq!(replay.after(&ReplayId { epoch: 7, number }.to_string()), expected);
        }
        assert_eq!(data(replay.events()), ["3", "4", "5"]);
        assert_ne!(replay.after("7-2"), replay.after("7-3"));
        assert_eq!((replay.last_id().epoch(), replay.last_id().number()), (7, 5));
    }

    #[test]
    fn a_log_that_is_filled_again_has_the_same_ids() {
        let log = pushed(Replay::new(7), 5);
        let mut again = Replay::starting_after("7-2".parse().unwrap());
        assert_eq!(again.after("7-2"), After::Events(Events::default()));
        (3..=5).for_each(|number| _ = again.push(Event::new(number.to_string())));
        assert_eq!(again.last_id(), log.last_id());
        for number in 2..=5 {
            let id = ReplayId { epoch: 7, number }.to_string();
            assert_eq!(again.after(&id), log.after(&id));
        }
        assert_eq!(again.after("7-1"), After::Gap(Gap::Dropped { events: 1 }));
    }

    #[test]
    fn after_the_last_number_comes_another_epoch() {
        let mut replay = Replay::starting_after(ReplayId { epoch: 7, number: u64::MAX });
        assert_eq!(replay.push(Event::new("a")), ReplayId { epoch: 8, number: 1 });
        assert_eq!(
            data(match replay.after("8-0") {
                After::Events(events) => events,
                _ => panic!(),
            }),
            ["a"]
        );
        assert_eq!(replay.after("7-18446744073709551615"), After::Gap(Gap::OtherEpoch));
    }

    #[test]
    fn a_log_is_as_large_as_it_may_be_and_no_larger() {
        let block = "id: 7-1\ndata: 1\n\n".len();
        let replay = pushed(Replay::new(7).max_bytes(3 * block), 9);
        assert_eq!(replay.bytes(), 3 * block);
        assert_eq!(data(replay.events()), ["7", "8", "9"]);
        let replay = replay.max_bytes(3 * block - 1);
        assert_eq!((replay.bytes(), replay.events().len()), (2 * block, 2));
        let replay = replay.max_events(1);
        assert_eq!((replay.bytes(), replay.events().len()), (block, 1));
        let replay = replay.max_events(0);
        assert_eq!((replay.bytes(), replay.events().len()), (0, 0));
        assert_eq!(replay.after("7-9"), After::Events(Events::default()));
    }

    #[test]
    fn an_event_that_is_too_large_is_a_gap() {
        let mut replay = pushed(Replay::new(7).max_bytes(100), 1);
        let large = replay.push(Event::new("x".repeat(100)));
        assert_eq!(replay.events().len(), 0);
        assert_eq!(replay.bytes(), 0);
        assert_eq!(replay.after("7-1"), After::Gap(Gap::Dropped { events: 1 }));
        assert_eq!(replay.after(&large.to_string()), After::Events(Events::default()));
        replay.push(Event::new("3"));
        assert_eq!(replay.after("7-1"), After::Gap(Gap::Dropped { events: 1 }));
        let After::Events(events) = replay.after("7-2") else { panic!() };
        assert_eq!(data(events), ["3"]);
    }

    #[test]
    fn the_id_of_the_log_takes_the_place_of_that_of_the_event() {
        let mut replay = Replay::new(7);
        let event = Event::builder().event_type("t").id("mine\u{e9}").data("a\nb").build().unwrap();
        let sent = replay.publish(&event);
        assert_eq!(sent.as_bytes(), b"event: t\nid: 7-1\ndata: a\ndata: b\n\n");
        assert_eq!(replay.events().next(), Some(sent));
        assert_eq!(replay.push(event), replay.last_id());
    }

    #[test]
    fn whatever_a_client_sends_is_a_gap_at_most() {
        let replay = pushed(Replay::new(7), 1);
        let numbers = ["", "+1", "-1", "01", " 1", "1 ", "1a", "18446744073709551616", "\u{661}"];
        for number in numbers {
            assert_eq!(replay.after(&alloc::format!("7-{number}")), After::Gap(Gap::Unknown));
            assert_eq!(replay.after(&alloc::format!("{number}-1")), After::Gap(Gap::Unknown));
            assert_eq!(replay.after(number), After::Gap(Gap::Unknown));
        }
        assert_eq!(replay.after("18446744073709551615-1"), After::Gap(Gap::OtherEpoch));
        assert_eq!(replay.after("7-18446744073709551615"), After::Gap(Gap::Unknown));
    }
}
