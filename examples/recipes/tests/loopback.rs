//! Runs the recipes against servers, a file and a child process that deliver
//! their streams in awkward pieces, or not to the end.
//!
//! A server here is a function over a socket, so that it can break the rules of
//! HTTP. A body in chunks makes the cuts certain: hyper delivers no two chunks
//! as one, whatever TCP makes of them. Nothing here sleeps; the timeout is
//! there only so that a failure does not hang.

use std::{error::Error, io, path::Path, time::Duration};

use futures_util::io::BufReader;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioExecutor};
use sse_wire::{Ending, Event, StreamError};
use sse_wire_recipes as recipes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

type HyperClient = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

/// Three events and a comment, with both line ends and characters of two and of
/// four bytes.
const STREAM: &str = "id: 1\r\ndata: caf\u{e9}\r\n\r\n: \u{1f980}\n\n\
    event: add\r\ndata: \u{1f980}\r\ndata: two\r\n\r\ndata: [DONE]\n\n";

const DATA: [&str; 3] = ["caf\u{e9}", "\u{1f980}\ntwo", "[DONE]"];

const CHUNKED: &str = "transfer-encoding: chunked";

/// One byte more than the default limit, and so more than any recipe sets.
const TOO_LARGE: usize = 16 * 1024 * 1024 + 1;

#[tokio::test]
async fn events_cut_at_every_byte_arrive_whole() {
    let readings = read_http(async |socket| {
        send_head(socket, CHUNKED).await?;
        send_chunks(socket, STREAM.as_bytes().chunks(1)).await?;
        send_last_chunk(socket).await
    })
    .await;
    for reading in readings {
        reading.assert(&DATA, End::Complete);
    }
}

#[tokio::test]
async fn cuts_within_a_character_and_between_cr_and_lf_do_no_harm() {
    let (e_acute, crab) = (STREAM.find('\u{e9}').unwrap(), STREAM.rfind('\u{1f980}').unwrap());
    let line_end = STREAM.rfind("\r\n").unwrap();
    let cuts = [0, e_acute + 1, crab + 1, crab + 3, line_end + 1, STREAM.len()];
    let readings = read_http(async |socket| {
        send_head(socket, CHUNKED).await?;
        let pieces = cuts.windows(2).map(|cut| &STREAM.as_bytes()[cut[0]..cut[1]]);
        send_chunks(socket, pieces).await?;
        send_last_chunk(socket).await
    })
    .await;
    for reading in readings {
        reading.assert(&DATA, End::Complete);
    }
}

#[tokio::test]
async fn an_event_is_delivered_before_the_server_sends_the_next() {
    for client in [Client::Reqwest, Client::Hyper] {
        let delivered = Notify::new();
        let reading = exchange(
            async |socket| {
                send_head(socket, CHUNKED).await?;
                for data in ["1", "2", "3"] {
                    send_chunks(socket, [format!("data: {data}\n\n").as_bytes()]).await?;
                    delivered.notified().await;
                }
                send_last_chunk(socket).await
            },
            async |url| client.read(&url, |_| delivered.notify_one()).await,
        )
        .await;
        reading.assert(&["1", "2", "3"], End::Complete);
    }
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_a_transport_error() {
    let readings = read_http(async |socket| {
        send_head(socket, &format!("content-length: {}", STREAM.len() + 1)).await?;
        socket.write_all(STREAM.as_bytes()).await
    })
    .await;
    for reading in readings {
        reading.assert(&DATA, End::Transport);
    }
}

#[tokio::test]
async fn a_body_without_its_last_chunk_is_a_transport_error() {
    let readings = read_http(async |socket| {
        send_head(socket, CHUNKED).await?;
        send_chunks(socket, [STREAM.as_bytes()]).await
    })
    .await;
    for reading in readings {
        reading.assert(&DATA, End::Transport);
    }
}

#[tokio::test]
async fn a_whole_body_that_ends_within_an_event_is_cut() {
    let readings = read_http(async |socket| {
        send_head(socket, CHUNKED).await?;
        send_chunks(socket, [STREAM.trim_end().as_bytes()]).await?;
        send_last_chunk(socket).await
    })
    .await;
    for reading in readings {
        reading.assert(&DATA[..2], End::Cut);
    }
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_within_an_event_is_cut() {
    let readings = read_http(async |socket| {
        send_head(socket, "connection: close").await?;
        socket.write_all(STREAM.trim_end().as_bytes()).await
    })
    .await;
    for reading in readings {
        reading.assert(&DATA[..2], End::Cut);
    }
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_between_events_is_complete() {
    let readings = read_http(async |socket| {
        send_head(socket, "connection: close").await?;
        socket.write_all(STREAM.as_bytes()).await
    })
    .await;
    for reading in readings {
        reading.assert(&DATA, End::Complete);
    }
}

#[tokio::test]
async fn behind_an_event_that_is_too_large_one_recipe_goes_on_and_the_other_stops() {
    let [reqwest, hyper] = read_http(async |socket| {
        send_head(socket, CHUNKED).await?;
        let large = format!("data: 1\n\ndata: {}\n\ndata: 3\n\n", "x".repeat(TOO_LARGE));
        send_chunks(socket, large.as_bytes().chunks(64 * 1024)).await?;
        send_last_chunk(socket).await
    })
    .await;
    reqwest.assert(&["1", "3"], End::Complete);
    hyper.assert(&["1"], End::Parse);
}

#[tokio::test]
async fn a_status_that_is_no_success_is_an_error_without_events() {
    let readings = read_http(async |socket| {
        let head = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 9\r\n\r\n";
        socket.write_all(head.as_bytes()).await?;
        socket.write_all(b"data: 1\n\n").await
    })
    .await;
    for reading in readings {
        reading.assert(&[], End::Refused);
    }
}

#[tokio::test]
async fn a_reader_that_delivers_single_bytes_delivers_whole_events() {
    let (mut writer, reader) = tokio::io::duplex(1);
    let write = async move { writer.write_all(STREAM.as_bytes()).await.unwrap() };
    let ((), (data, ending)) = tokio::join!(write, read(reader));
    assert_eq!(data, DATA);
    assert_eq!(ending.unwrap(), Some(Ending::Complete));
}

#[tokio::test]
async fn a_buffered_reader_of_futures_delivers_whole_events() {
    // By bytes, and all at once.
    for capacity in [1, STREAM.len()] {
        let (mut writer, reader) = tokio::io::duplex(capacity);
        let write = async move { writer.write_all(STREAM.as_bytes()).await.unwrap() };
        let ((), (data, ending)) = tokio::join!(write, read_buffered(reader));
        assert_eq!(data, DATA);
        assert_eq!(ending.unwrap(), Some(Ending::Complete));
    }
    let (data, ending) = read_buffered(STREAM.trim_end().as_bytes()).await;
    assert_eq!(data, DATA[..2]);
    assert_eq!(ending.unwrap(), Some(Ending::Cut));
}

#[tokio::test]
async fn a_buffered_reader_of_futures_over_a_socket_that_is_reset_is_a_transport_error() {
    let (data, ending) = read_buffered(reset_socket().await).await;
    assert_eq!(data, [""; 0]);
    assert!(matches!(ending, Err(StreamError::Transport(_))), "{ending:?}");
}

#[tokio::test]
async fn a_reader_of_futures_can_be_made_one_of_tokio() {
    let reader = futures_util::io::Cursor::new(STREAM);
    let (data, ending) = read(FuturesAsyncReadCompatExt::compat(reader)).await;
    assert_eq!(data, DATA);
    assert_eq!(ending.unwrap(), Some(Ending::Complete));
}

#[tokio::test]
async fn a_socket_that_is_closed_within_an_event_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let write = async {
        let mut socket = listener.accept().await.unwrap().0;
        for piece in STREAM.trim_end().as_bytes().chunks(1) {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let read = async { read(TcpStream::connect(address).await.unwrap()).await };
    let ((), (data, ending)) = tokio::join!(write, read);
    assert_eq!(data, DATA[..2]);
    assert_eq!(ending.unwrap(), Some(Ending::Cut));
}

#[tokio::test]
async fn a_socket_that_is_reset_is_a_transport_error() {
    let (data, ending) = read(reset_socket().await).await;
    assert_eq!(data, [""; 0]);
    assert!(matches!(ending, Err(StreamError::Transport(_))), "{ending:?}");
}

#[tokio::test]
async fn a_file_is_read_to_its_end() {
    let name = format!("recipes-{}.sse", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    tokio::fs::write(&path, STREAM).await.unwrap();
    let (data, ending) = read(tokio::fs::File::open(&path).await.unwrap()).await;
    tokio::fs::remove_file(&path).await.unwrap();
    assert_eq!(data, DATA);
    assert_eq!(ending.unwrap(), Some(Ending::Complete));
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_child_process_prints_is_read_until_it_dies() {
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", r"printf 'data: 1\r'; printf '\n\r\ndata: 2'; kill -9 $$"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (data, ending) = read(child.stdout.take().unwrap()).await;
    assert!(!child.wait().await.unwrap().success());
    assert_eq!(data, ["1"]);
    assert_eq!(ending.unwrap(), Some(Ending::Cut));
}

#[tokio::test]
async fn the_recipes_can_be_spawned() {
    fn assert_send(_: impl Send) {}
    let (reqwest, hyper) = (reqwest_client(), hyper_client());
    assert_send(recipes::reqwest::read_events(&reqwest, "", String::new(), drop));
    assert_send(recipes::hyper::read_events(&hyper, "", String::new(), drop));
    assert_send(recipes::reader_stream::read_events(tokio::io::empty(), drop));
    assert_send(recipes::futures_io::read_events(futures_util::io::empty(), drop));
}

async fn reset_socket() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    // To be reset, and not closed, when it is dropped.
    listener.accept().await.unwrap().0.set_zero_linger().unwrap();
    client
}

/// Both recipes for HTTP, each against a server of its own that gives `answer`.
async fn read_http(answer: impl AsyncFn(&mut TcpStream) -> io::Result<()>) -> [Reading; 2] {
    let reqwest = exchange(&answer, async |url| Client::Reqwest.read(&url, |_| {}).await).await;
    let hyper = exchange(&answer, async |url| Client::Hyper.read(&url, |_| {}).await).await;
    [reqwest, hyper]
}

/// Runs `client` against a server that gives `answer` to the first request, and
/// closes the connection.
async fn exchange(
    answer: impl AsyncFn(&mut TcpStream) -> io::Result<()>,
    client: impl AsyncFn(String) -> Reading,
) -> Reading {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let server = async {
        let mut socket = listener.accept().await.unwrap().0;
        assert_request(&mut socket).await;
        // The client may hang up before the server is done.
        _ = answer(&mut socket).await;
    };
    let both = async { tokio::join!(client(url), server).0 };
    timeout(Duration::from_secs(60), both).await.expect("the exchange hangs")
}

/// Reads a request, and panics unless it is the one that the recipes send.
async fn assert_request(socket: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0, "a request without its body");
    }
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("POST /events HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\naccept: text/event-stream\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
}

/// Sends the head of an answer, with the header that says how the body ends.
async fn send_head(socket: &mut TcpStream, header: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{header}\r\n\r\n");
    socket.write_all(head.as_bytes()).await
}

/// Sends each piece as a chunk of its own.
async fn send_chunks<'a>(
    socket: &mut TcpStream,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> io::Result<()> {
    for piece in pieces {
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        socket.write_all(&chunk).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Sends the chunk that says that the body is whole.
async fn send_last_chunk(socket: &mut TcpStream) -> io::Result<()> {
    socket.write_all(b"0\r\n\r\n").await
}

/// What a recipe for HTTP has read.
struct Reading {
    client: Client,
    data: Vec<String>,
    end: End,
}

impl Reading {
    #[track_caller]
    fn assert(&self, data: &[&str], end: End) {
        assert_eq!(self.data, data, "{:?}", self.client);
        assert_eq!(self.end, end, "{:?}", self.client);
    }
}

#[derive(Clone, Copy, Debug)]
enum Client {
    Reqwest,
    Hyper,
}

impl Client {
    /// Runs the recipe for this client, and looks at each event with `inspect`.
    async fn read(self, url: &str, inspect: impl Fn(&Event)) -> Reading {
        let json = String::from("{}");
        let mut data = Vec::new();
        let on_event = |event: Event| {
            inspect(&event);
            data.push(event.data().to_owned());
        };
        let end = match self {
            Self::Reqwest => {
                let result =
                    recipes::reqwest::read_events(&reqwest_client(), url, json, on_event).await;
                End::new::<reqwest::Error>(result)
            }
            Self::Hyper => {
                let result =
                    recipes::hyper::read_events(&hyper_client(), url, json, on_event).await;
                End::new::<hyper::Error>(result)
            }
        };
        Reading { client: self, data, end }
    }
}

fn reqwest_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn hyper_client() -> HyperClient {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http()
}

/// How a recipe for HTTP has come to its end.
#[derive(Debug, PartialEq)]
enum End {
    Complete,
    Cut,
    Parse,
    Transport,
    Refused,
}

impl End {
    /// Tells the errors apart; `E` is that of the transport.
    fn new<E: Error + 'static>(result: Result<(), Box<dyn Error + Send + Sync>>) -> Self {
        let Err(error) = result else { return Self::Complete };
        match error.downcast_ref::<StreamError<E>>() {
            Some(StreamError::Parse(_)) => Self::Parse,
            Some(_) => Self::Transport,
            None if error.to_string().contains("cut within an event") => Self::Cut,
            None if error.to_string().contains("429") => Self::Refused,
            None => panic!("{error:?}"),
        }
    }
}

/// The recipe for readers: the data of the events, and what it returns.
async fn read(
    reader: impl AsyncRead,
) -> (Vec<String>, Result<Option<Ending>, StreamError<io::Error>>) {
    let mut data = Vec::new();
    let on_event = |event: Event| data.push(event.data().to_owned());
    let reading = recipes::reader_stream::read_events(reader, on_event);
    let ending = timeout(Duration::from_secs(60), reading).await.expect("the reading hangs");
    (data, ending)
}

/// The recipe for buffered readers of futures, over what tokio reads.
async fn read_buffered(
    reader: impl AsyncRead + Unpin,
) -> (Vec<String>, Result<Option<Ending>, StreamError<io::Error>>) {
    let mut data = Vec::new();
    let on_event = |event: Event| data.push(event.data().to_owned());
    let reader = BufReader::new(TokioAsyncReadCompatExt::compat(reader));
    let reading = recipes::futures_io::read_events(reader, on_event);
    let ending = timeout(Duration::from_secs(60), reading).await.expect("the reading hangs");
    (data, ending)
}
