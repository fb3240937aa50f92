//! Keys that say that a job lives: each expires soon after its job is gone, with or
//! without its server.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use redis::aio::ConnectionManager;
use tokio::time::sleep;

/// A job that has not been heard of for so long is gone.
pub(super) const LEASE: Duration = Duration::from_secs(10);
const RENEWED_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Vec<Weak<str>>>);

impl Leases {
    /// Renews the key until all clones of what this returns are dropped.
    pub(super) fn renew(&self, key: &str) -> Arc<str> {
        let lease = Arc::from(key);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&lease));
        lease
    }

    pub(super) async fn keep(self: Arc<Self>, mut redis: ConnectionManager) {
        loop {
            sleep(RENEWED_EVERY).await;
            let mut renew = redis::pipe();
            // So that a connection that was lost is noticed, and made again, when there are
            // no leases too.
            renew.cmd("PING");
            for lease in self.held() {
                renew.cmd("SET").arg(&*lease).arg("").arg("PX").arg(LEASE.as_millis() as u64);
            }
            // If it fails, the next time may do.
            _ = renew.exec_async(&mut redis).await;
        }
    }

    fn held(&self) -> Vec<Arc<str>> {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|lease| lease.strong_count() > 0);
        leases.iter().filter_map(Weak::upgrade).collect()
    }
}
