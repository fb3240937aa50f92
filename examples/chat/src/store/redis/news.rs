//! Which keys have changed, told to who waits for one of them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis::{FromRedisValue, PushInfo, PushKind};
use tokio::sync::watch;

/// The channel on which a server says that a key has changed.
pub(super) const CHANNEL: &str = "chat:news";

#[derive(Debug)]
pub(super) struct News(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: HashMap<String, watch::Sender<()>>,
    /// When the connection was last made or lost.
    connected: Instant,
}

impl News {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner { waiting: HashMap::new(), connected: Instant::now() }))
    }

    /// Is changed now, so that one looks for the first time, and whenever the key may be.
    pub(super) fn of(&self, key: &str) -> watch::Receiver<()> {
        let waiting = &mut self.inner().waiting;
        if !waiting.contains_key(key) {
            waiting.retain(|_, sender| sender.receiver_count() > 0);
        }
        let mut receiver = waiting.entry(key.to_owned()).or_default().subscribe();
        receiver.mark_changed();
        receiver
    }

    /// For how long the connection has been there, at least.
    pub(super) fn connected_for(&self) -> Duration {
        self.inner().connected.elapsed()
    }

    /// What Redis sends by itself, and that it is gone.
    pub(super) fn hear(&self, push: &PushInfo) {
        match (&push.kind, &*push.data) {
            (PushKind::Message, [_, key]) => {
                // A key that is not text is not one of ours.
                let key = String::from_redis_value_ref(key).unwrap_or_default();
                if let Some(sender) = self.inner().waiting.get(&key) {
                    sender.send_replace(());
                }
            }
            // Whatever was said meanwhile is lost, so all look for themselves. Without a
            // connection that fails, and they know.
            (PushKind::Subscribe | PushKind::Disconnection, _) => {
                let mut inner = self.inner();
                inner.connected = Instant::now();
                inner.waiting.values().for_each(|sender| sender.send_replace(()));
            }
            _ => {}
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
