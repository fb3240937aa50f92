//! A server that sends what it is told to, once.

use std::time::{Duration, Instant};

use chat::upstream::{Key, Service, Settings, Upstream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::within;

pub const KEY: &str = "sk-0123456789";
pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n";

/// What a server does once it has sent everything.
#[derive(Clone, Copy)]
pub enum Then {
    Close,
    /// Until the client closes.
    Wait,
    /// These bytes, again and again, until the client closes.
    Repeat(&'static [u8]),
    /// One comment after the other for some time, and then the last event.
    Comments {
        time: Duration,
        last: &'static str,
    },
}

pub struct Served {
    pub upstream: Upstream,
    /// Ends with the connection: the request.
    pub request: JoinHandle<String>,
}

/// A service that answers with these bytes, and ends a body by closing the connection.
pub async fn serve(service: Service, response: impl Into<Vec<u8>>, then: Then) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1/", listener.local_addr().unwrap());
    let response = response.into();
    let request = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let request = read_request(&mut socket).await;
        // A client that has seen enough closes before everything is sent.
        _ = send(&mut socket, &response, then).await;
        request
    });
    let key = Some(Key::new(KEY).unwrap());
    let settings = Settings { service, base_url, key, model: "a-model".to_owned() };
    Served { upstream: Upstream::real(settings).unwrap(), request }
}

async fn send(socket: &mut TcpStream, response: &[u8], then: Then) -> std::io::Result<()> {
    socket.write_all(response).await?;
    match then {
        Then::Close => socket.shutdown().await,
        Then::Wait => socket.read(&mut [0]).await.map(drop),
        Then::Repeat(bytes) => loop {
            socket.write_all(bytes).await?;
        },
        Then::Comments { time, last } => {
            let end = Instant::now() + time;
            while Instant::now() < end {
                socket.write_all(b": keep-alive\n\n").await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            socket.write_all(last.as_bytes()).await
        }
    }
}

/// The head, and as much of a body as it says.
async fn read_request(socket: &mut TcpStream) -> String {
    let mut request = String::new();
    loop {
        let mut bytes = [0; 4096];
        let len = within(socket.read(&mut bytes)).await.unwrap();
        assert_ne!(len, 0, "{request}");
        request += std::str::from_utf8(&bytes[..len]).unwrap();
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if len.is_some_and(|len| len.parse() == Ok(body.len())) {
                return request;
            }
        }
    }
}
