//! The event streams that are open: how many there are, who has them, and how one is broken
//! off.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, future, stream};
use sse_wire::Encoded;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    job::Name,
    session::Session,
    status::{Counted, Status},
    store::{Log, StoreError},
};

#[derive(Clone, Debug)]
pub struct Connections {
    all: Arc<Mutex<HashMap<Name, Followed>>>,
    /// How long it is enough to have said that somebody listens.
    listened: Duration,
}

/// A log that at least one connection follows.
#[derive(Debug)]
struct Followed {
    log: Log,
    connections: usize,
    /// Breaks all of them off.
    cut: CancellationToken,
}

/// Of a user, who has no more than some. Ends when it is dropped.
#[derive(Debug)]
pub struct Connection {
    // The session lives as long, and so do its limits.
    _session: Arc<Session>,
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Connection {
    pub fn open(session: &Arc<Session>, status: &Status) -> Result<Self, Error> {
        let permit = Arc::clone(&session.streams).try_acquire_owned();
        Ok(Self {
            _permit: permit.map_err(|_| Error::TooManyStreams)?,
            _counted: status.count(|figures| &mut figures.connections),
            _session: Arc::clone(session),
        })
    }
}

impl Connections {
    pub fn new(listened: Duration) -> Self {
        Self { all: Arc::default(), listened }
    }

    /// The events of a log after an ID, for one connection.
    pub async fn follow(
        &self,
        connection: Connection,
        name: Name,
        log: Log,
        last: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Encoded, Broken>> + use<>, StoreError> {
        let events = log.follow(last).map(|event| event.map_err(Broken::from));
        let following = self.enter(name, log.clone());
        // To say so with all others may be too late.
        log.listened(self.listened).await?;
        let cut = following.cut.clone();
        // After its events, or the cut: only the latter is an error.
        let end = stream::once(async move {
            let _open_until_here = (connection, &following);
            following.cut.is_cancelled().then_some(Err(Broken::Cut))
        });
        Ok(events.take_until(cut.cancelled_owned()).chain(end.filter_map(future::ready)))
    }

    /// Breaks off all connections to a log.
    pub fn cut(&self, name: Name) {
        if let Some(followed) = self.all().get_mut(&name) {
            std::mem::take(&mut followed.cut).cancel();
        }
    }

    /// Says again and again for which logs somebody listens here.
    pub async fn renew(self) {
        loop {
            let logs: Vec<Log> = self.all().values().map(|followed| followed.log.clone()).collect();
            for log in logs {
                // If that fails the connections do, too.
                _ = log.listened(self.listened).await;
            }
            tokio::time::sleep(self.listened / 4).await;
        }
    }

    fn enter(&self, name: Name, log: Log) -> Following {
        let mut all = self.all();
        let followed = all.entry(name).or_insert_with(|| Followed {
            log,
            connections: 0,
            cut: CancellationToken::new(),
        });
        followed.connections += 1;
        Following { all: self.clone(), name, cut: followed.cut.clone() }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Name, Followed>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection to a log.
struct Following {
    all: Connections,
    name: Name,
    cut: CancellationToken,
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut all = self.all.all();
        if let Some(followed) = all.get_mut(&self.name) {
            followed.connections -= 1;
            if followed.connections == 0 {
                all.remove(&self.name);
            }
        }
    }
}

/// Why a connection breaks off, in the middle of its events.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("cut off, as was asked for")]
    Cut,
    #[error(transparent)]
    Store(#[from] StoreError),
}
