//! Real servers on loopback and a real client. Nothing sleeps in order to wait for
//! something: the timeouts are there only so that a failure does not hang.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use http_body_util::{BodyDataStream, BodyExt, Empty};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::HeaderMap,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_wire::{
    Event, EventStream,
    http::{EventBody, Source},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// A server, and what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Axum,
    Http1,
    Http2,
}

pub const SERVERS: [Server; 3] = [Server::Axum, Server::Http1, Server::Http2];

impl Server {
    /// Answers each request with a body that `make` makes of its headers.
    pub async fn serve<S>(
        self,
        make: impl Fn(&HeaderMap) -> EventBody<S> + Send + Sync + 'static,
    ) -> SocketAddr
    where
        S: Source + Send + 'static,
    {
        let make = Arc::new(make);
        let (listener, address) = listen().await;
        if self == Self::Axum {
            let handler = move |headers: HeaderMap| {
                let response = make(&headers).into_response();
                async { response }
            };
            let app = Router::new().route("/events", get(handler));
            tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
            return address;
        }
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let make = Arc::clone(&make);
                let service = service_fn(move |request: Request<Incoming>| {
                    let response = make(request.headers()).into_response();
                    async { Ok::<_, Infallible>(response) }
                });
                let socket = TokioIo::new(socket);
                match self {
                    Self::Http2 => {
                        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        tokio::spawn(server.serve_connection(socket, service));
                    }
                    _ => {
                        let server = hyper::server::conn::http1::Builder::new();
                        tokio::spawn(server.serve_connection(socket, service));
                    }
                }
            }
        });
        address
    }

    pub async fn get(self, address: SocketAddr, last_event_id: Option<&str>) -> Response<Incoming> {
        let request = request("/events", last_event_id);
        match self {
            Self::Http2 => Http2::connect(address).await.send(request).await,
            _ => get_http1(address, request).await,
        }
    }
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Runs an app of axum's.
pub async fn serve_app(app: Router) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

pub fn request(path: &str, last_event_id: Option<&str>) -> Request<Empty<Bytes>> {
    let mut request = Request::get(format!("http://127.0.0.1{path}"));
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    request.body(Empty::new()).unwrap()
}

/// A connection of its own, which ends with the body of the response.
pub async fn get_http1(address: SocketAddr, request: Request<Empty<Bytes>>) -> Response<Incoming> {
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    within(sender.send_request(request)).await.unwrap()
}

/// A connection for many requests.
#[derive(Clone)]
pub struct Http2(hyper::client::conn::http2::SendRequest<Empty<Bytes>>);

impl Http2 {
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), socket);
        let (sender, connection) = client.await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub async fn send(&mut self, request: Request<Empty<Bytes>>) -> Response<Incoming> {
        within(self.0.ready()).await.unwrap();
        within(self.0.send_request(request)).await.unwrap()
    }
}

pub type Events = EventStream<BodyDataStream<Incoming>>;

pub fn events(response: Response<Incoming>) -> Events {
    EventStream::new(response.into_body().into_data_stream())
}

/// The next chunk of a body, as text.
pub async fn chunk(body: &mut Incoming) -> Option<String> {
    let frame = within(body.frame()).await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

/// All of a body, or that it was cut off.
pub async fn whole(body: Incoming) -> Result<String, hyper::Error> {
    let bytes = within(body.collect()).await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

pub fn event(data: impl Into<String>) -> Event {
    Event::new(data)
}

/// What a test waits for comes within this time, or the test fails.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future).await.expect("in 30 seconds")
}

/// Waits for something that others do.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    within(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
