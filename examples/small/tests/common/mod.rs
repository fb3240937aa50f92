//! The examples as processes, which end with the test that has started them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    io::{BufRead, BufReader},
    process::{ChildStdout, Command, Stdio},
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

/// For what does not come at all. Nothing takes so long otherwise.
pub const MINUTE: Duration = Duration::from_secs(60);

/// A process that is ended with the test, or after a minute.
pub struct Running {
    stdout: BufReader<ChildStdout>,
    ended: Option<Sender<()>>,
    ending: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (ended, end) = mpsc::channel();
        // Whoever waits for a line then gets the end of the output instead.
        let ending = thread::spawn(move || {
            _ = end.recv_timeout(MINUTE);
            _ = child.kill();
            _ = child.wait();
        });
        Self { stdout, ended: Some(ended), ending: Some(ending) }
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.ended.take());
        _ = self.ending.take().map(JoinHandle::join);
    }
}

/// One of the servers, and where it says that it is.
pub struct Server {
    pub url: String,
    _process: Running,
}

impl Server {
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        Self::start_with(program, &[&["127.0.0.1:0"], arguments].concat())
    }

    pub fn start_with(program: &str, arguments: &[&str]) -> Self {
        let mut process = Running::start(program, arguments);
        let line = process.line();
        let url = line.strip_prefix("curl -N ").unwrap_or(&line).to_owned();
        assert!(url.starts_with("http://"), "{line}");
        Self { url, _process: process }
    }
}
