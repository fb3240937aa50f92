//! What jobs say, kept apart from who listens.
//!
//! A job (an answer, a task) writes events into a log of its own, and ends the log with a
//! last event. Whoever wants to see them follows the log from an ID on, from any tab and
//! after any break, and the job neither knows nor waits. Logs are in the memory of this
//! process, or in Redis, where other servers find them, too.

// `Ok(log.stop())`: what is done at once here is done by asking there.
#![allow(clippy::unit_arg)]

pub mod memory;
pub mod redis;

use std::time::Duration;

use futures_util::stream::BoxStream;
use sse_wire::{After, EncodeError, Encoded, Event, EventLog, Events, Gap};

/// A log that has ended is kept so long after it was last used.
const KEPT: Duration = Duration::from_secs(3600);
const MAX_LOGS: usize = 10_000;
/// Names in a list: the last ones.
const MAX_LIST: usize = 100;

/// All logs, and lists of their names.
#[derive(Clone, Debug)]
pub enum Store {
    Memory(memory::Store),
    Redis(redis::Store),
}

impl Store {
    /// In the Redis at that URL, or else in memory. Each log holds so many events.
    pub async fn new(redis_url: Option<&str>, max_events: usize) -> Result<Self, StoreError> {
        match redis_url {
            Some(url) => redis::Store::connect(url, max_events).await.map(Self::Redis),
            None => Ok(Self::Memory(memory::Store::new(max_events))),
        }
    }

    /// A new log. The name has to be new, too.
    pub async fn create(&self, name: &str) -> Result<Log, StoreError> {
        match self {
            Self::Memory(store) => store.create(name).map(Log::Memory),
            Self::Redis(store) => store.create(name).await.map(Log::Redis),
        }
    }

    pub async fn open(&self, name: &str) -> Result<Option<Log>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.open(name).map(Log::Memory)),
            Self::Redis(store) => Ok(store.open(name).await?.map(Log::Redis)),
        }
    }

    /// Adds the name of a log to the end of a list, which need not exist. Only the last
    /// `MAX_LIST` are kept.
    pub async fn add(&self, list: &str, name: &str) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => Ok(store.add(list, name)),
            Self::Redis(store) => store.add(list, name).await,
        }
    }

    pub async fn list(&self, list: &str) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.list(list)),
            Self::Redis(store) => store.list(list).await,
        }
    }

    pub async fn clear(&self, list: &str) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => Ok(store.clear(list)),
            Self::Redis(store) => store.clear(list).await,
        }
    }
}

/// The log of one job. Only the job writes to it; anyone may ask it to stop.
#[derive(Clone, Debug)]
pub enum Log {
    Memory(memory::Log),
    Redis(redis::Log),
}

/// What the events up to one of them come to, in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub json: String,
    /// The ID of that event: follow the log after it.
    pub last_event_id: String,
}

impl EventLog for Log {
    type Error = StoreError;

    async fn push(&self, event: &Event) -> Result<String, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.push(event)),
            Self::Redis(log) => log.push(event).await,
        }
    }

    async fn after(&self, id: &str) -> Result<After, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.after(id)),
            Self::Redis(log) => log.after(id).await,
        }
    }

    async fn events(&self) -> Result<(Events, String), StoreError> {
        match self {
            Self::Memory(log) => Ok(log.events()),
            Self::Redis(log) => log.events().await,
        }
    }
}

impl Log {
    /// Keeps what all events so far come to. Whoever loads it follows the log from there,
    /// so do this often enough that the events since are still in the log.
    pub async fn save(&self, json: String) -> Result<(), StoreError> {
        match self {
            Self::Memory(log) => Ok(log.save(json)),
            Self::Redis(log) => log.save(json).await,
        }
    }

    /// The last that was saved; before that, nothing, and the ID of the start.
    pub async fn state(&self) -> Result<State, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.state()),
            Self::Redis(log) => log.state().await,
        }
    }

    /// Pushes the last event, and saves what all come to.
    pub async fn end(&self, last: &Event, json: String) -> Result<(), StoreError> {
        match self {
            Self::Memory(log) => Ok(log.end(last, json)),
            Self::Redis(log) => log.end(last, json).await,
        }
    }

    /// Whether nothing comes after that ID any more.
    pub async fn is_over_after(&self, id: &str) -> Result<bool, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.is_over_after(id)),
            Self::Redis(log) => log.is_over_after(id).await,
        }
    }

    /// All events after that ID, or from the start, those that are still to come too, up to
    /// the last one. An ID that is not known (any more) gives an event `gap` and ends: load
    /// the state, and follow from there.
    pub fn follow(&self, last: Option<&str>) -> BoxStream<'static, Result<Encoded, StoreError>> {
        match self {
            Self::Memory(log) => log.follow(last),
            Self::Redis(log) => log.follow(last),
        }
    }

    /// Says that somebody listens, and will for that time.
    pub async fn listened(&self, time: Duration) -> Result<(), StoreError> {
        match self {
            Self::Memory(log) => Ok(log.listened(time)),
            Self::Redis(log) => log.listened(time).await,
        }
    }

    /// Whether somebody listens, to any server.
    pub async fn is_listened_to(&self) -> Result<bool, StoreError> {
        match self {
            Self::Memory(log) => Ok(log.is_listened_to()),
            Self::Redis(log) => log.is_listened_to().await,
        }
    }

    /// Asks the job to stop, wherever it runs.
    pub async fn stop(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(log) => Ok(log.stop()),
            Self::Redis(log) => log.stop().await,
        }
    }

    /// Is ready when the job has been asked to stop, and never if the log cannot be reached.
    pub async fn stopped(&self) {
        match self {
            Self::Memory(log) => log.stopped().await,
            Self::Redis(log) => log.stopped().await,
        }
    }
}

fn gap_event(gap: Gap) -> Encoded {
    Event::builder()
        .event_type("gap")
        .data(gap.to_string())
        .build()
        .expect("a constant event type is valid")
        .into()
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("there are too many running jobs on this server: try again later")]
    Full,

    /// Another server has ended it, because it took this one for dead; or it has expired.
    #[error("the log of this job has ended, or is not there any more")]
    Closed,

    #[error(
        "Redis cannot be reached, or does not do what it is asked: look at REDIS_URL, and at its log"
    )]
    Redis(#[from] ::redis::RedisError),

    #[error("an entry of a log in Redis is not an event: something else has written to it")]
    Entry(#[from] EncodeError),
}
