//! The server, as browsers and others use it: over real HTTP, on loopback. Nothing sleeps in
//! order to wait for something: the timeouts are there only so that a failure does not hang.

mod access;
mod answers;
mod limits;
mod operations;
mod resume;
mod tasks;
mod user;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use chat::{
    Chat,
    config::Config,
    store::{Store, memory},
    upstream::Upstream,
};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};

use self::user::User;

/// A server of its own for each test.
struct Server {
    chat: Arc<Chat>,
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Asks a fake that speaks fast. Tasks do not pause.
    async fn start() -> Self {
        Self::with(config()).await
    }

    async fn with(config: Config) -> Self {
        Self::asking(Upstream::fake_at(20).await.unwrap(), config).await
    }

    async fn asking(upstream: Upstream, config: Config) -> Self {
        let store = Store::Memory(memory::Store::new(config.replay_events));
        let chat = Chat::new(config, store, upstream);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(chat::serve(Arc::clone(&chat), listener, None));
        Self { chat, address, serving }
    }

    /// Somebody who has opened the page.
    async fn user(&self) -> User {
        User::open(&format!("http://{}", self.address)).await
    }
}

fn config() -> Config {
    Config { task_pause: Duration::ZERO, ..Config::default() }
}

/// What a test waits for comes within this time, or the test fails.
async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), future).await.expect("in a minute")
}

/// Waits for something that others do.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    within(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
