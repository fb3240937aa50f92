//! A Redis for one test: on a socket in a folder of its own, and gone with the test.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    fs,
    path::PathBuf,
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use redis::{FromRedisValue, aio::MultiplexedConnection};

pub struct RedisServer {
    child: Child,
    folder: PathBuf,
}

impl RedisServer {
    pub async fn start() -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("chat-redis-{}-{number}", process::id()));
        fs::create_dir(&folder).expect("the folder is new");
        let child = run(&folder);
        let server = Self { child, folder };
        server.is_ready().await;
        server
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.join("socket").display())
    }

    pub async fn connect(&self) -> MultiplexedConnection {
        self.try_connect().await.expect("Redis runs")
    }

    pub async fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().expect("a command"));
        words.for_each(|word| _ = command.arg(word));
        command.query_async(&mut self.connect().await).await.expect("Redis answers")
    }

    /// As when the power fails. What Redis has written is still there, and no more.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    pub async fn start_again(&mut self) {
        self.child = run(&self.folder);
        self.is_ready().await;
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        redis::Client::open(self.url())?.get_multiplexed_async_connection().await
    }

    async fn is_ready(&self) {
        let started = Instant::now();
        while self.try_connect().await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "redis-server does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Writes each command to the disk, unless it is told not to.
fn run(folder: &PathBuf) -> Child {
    Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync", "always"])
        .args(["--unixsocket", "socket", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed: see .ci/redis")
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        _ = fs::remove_dir_all(&self.folder);
    }
}
