//! Servers for one test, which are gone with it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{self, Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use redis::{AsyncConnectionConfig, FromRedisValue, aio::MultiplexedConnection};

const LIMIT: Duration = Duration::from_secs(20);

/// On a socket in a folder of its own.
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
        // A busy machine is no failure.
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(LIMIT));
        let client = redis::Client::open(self.url())?;
        client.get_multiplexed_async_connection_with_config(&patient).await
    }

    async fn is_ready(&self) {
        let started = Instant::now();
        while self.try_connect().await.is_err() {
            assert!(started.elapsed() < LIMIT, "redis-server does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Writes each command to the disk, so that nothing is lost when it is killed.
fn run(folder: &Path) -> Child {
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

/// A process of its own, on a free port.
pub struct ChatServer {
    child: Child,
    pub url: String,
    /// What it prints has to go somewhere.
    output: Option<BufReader<ChildStdout>>,
}

impl ChatServer {
    pub fn start(redis_url: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_chat"))
            .env("CHAT_ADDRESS", "127.0.0.1:0")
            .env("CHAT_STREAMS", "100")
            .env("REDIS_URL", redis_url)
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo has built it");
        // From here on it ends with this, whatever happens.
        let mut server = Self { child, url: String::new(), output: None };
        let mut output = BufReader::new(server.child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it prints text");
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        server.url = url.expect("it says first where it is").to_owned();
        server.output = Some(output);
        server
    }

    /// As `kill -9` does: it can say nothing any more, neither to a browser nor to Redis.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

impl Drop for ChatServer {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
