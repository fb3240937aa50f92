//! Every way in which people use Server-Sent Events with AI, in one small server: see
//! its README for what it does, and for its interface.

mod answer;
pub mod config;
mod connections;
mod error;
mod id;
mod job;
mod origin;
mod page;
mod quota;
mod routes;
mod server;
mod session;
pub mod status;
pub mod store;
mod task;
pub mod tls;
mod tokens;
pub mod upstream;

use std::{
    io::{self, Write},
    sync::Arc,
};

use futures_util::Future;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    config::Config,
    connections::Connections,
    error::Error,
    session::{Session, Sessions},
    status::Status,
    store::{Store, StoreError},
    tokens::Tokens,
    upstream::Upstream,
};
pub use self::{routes::app, server::serve};

/// What all requests share.
#[derive(Debug)]
pub struct Chat {
    pub config: Config,
    pub store: Store,
    pub status: Status,
    /// Cancel it, and the server stops in good order.
    pub stop: CancellationToken,
    upstream: Upstream,
    sessions: Sessions,
    tokens: Tokens,
    connections: Connections,
    jobs: TaskTracker,
    /// Jobs that still run have to end now.
    kill: CancellationToken,
}

impl Chat {
    /// Needs a runtime of tokio's, for what is to be done again and again.
    pub fn new(config: Config, store: Store, upstream: Upstream) -> Arc<Self> {
        let stop = CancellationToken::new();
        // A little longer, so that renewing may be late.
        let connections = Connections::new(config.abandoned_after * 4 / 3);
        let renewing = connections.clone().renew();
        tokio::spawn(stop.clone().run_until_cancelled_owned(renewing));
        Arc::new(Self {
            sessions: Sessions::new(config.streams),
            tokens: Tokens::new(config.token_lifetime),
            status: Status::default(),
            jobs: TaskTracker::new(),
            kill: CancellationToken::new(),
            config,
            store,
            stop,
            upstream,
            connections,
        })
    }

    /// Lets a job of a user run.
    fn spawn(
        &self,
        session: Arc<Session>,
        job: impl Future<Output = Result<(), StoreError>> + Send + 'static,
    ) {
        let running = self.status.count(|figures| &mut figures.jobs);
        self.jobs.spawn(async move {
            if let Err(error) = job.await {
                // Whoever read this may be gone, and `eprintln` would panic.
                _ = writeln!(io::stderr(), "a job has lost its log: {error}");
            }
            drop((running, session));
        });
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.stop.is_cancelled() { Err(Error::Stopping) } else { Ok(()) }
    }
}
