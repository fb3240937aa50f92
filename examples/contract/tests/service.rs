//! Plays the part of the suite: a server of a stream, and one that hears the
//! reports.

use std::{
    io,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn the_service_follows_reports_restarts_and_stops() {
    timeout(Duration::from_secs(60), converse()).await.expect("it hangs");
}

async fn converse() {
    let (service, serving) = serve().await;
    let client = client();

    let status = client.get(&service).send().await.unwrap().text().await.unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert!(status["capabilities"].as_array().unwrap().contains(&json!("restart")));

    let stream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reports = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let parameters = json!({
        "streamUrl": url(&stream),
        "callbackUrl": format!("{}/callback", url(&reports)),
        "tag": "ignored",
        "initialDelayMs": 0,
        "readTimeoutMs": 500,
        "lastEventId": "0",
        "headers": { "x-header": "value" },
        "method": "REPORT",
        "body": "{}",
    });
    let location = create(&service, &parameters).await;

    let (mut first, request) = accept(&stream).await;
    assert!(request.starts_with("REPORT / HTTP/1.1\r\n"), "{request}");
    for line in ["x-header: value", "cache-control: no-cache", "last-event-id: 0", "\r\n{}"] {
        assert!(request.contains(line), "{request}");
    }
    first.write_all(STREAM.as_bytes()).await.unwrap();
    first.write_all(b"event: x\nid: 1\ndata: Hello\n\n:there\n").await.unwrap();
    let event = json!({ "type": "x", "data": "Hello", "id": "1" });
    assert_eq!(report(&reports).await, (1, json!({ "kind": "event", "event": event })));
    assert_eq!(report(&reports).await, (2, json!({ "kind": "comment", "comment": "there" })));

    let listen = client.post(&location).body(r#"{"command":"listen","listen":{"type":"x"}}"#);
    assert!(listen.send().await.unwrap().status().is_success());
    let unknown = client.post(&location).body(r#"{"command":"unknown"}"#);
    assert_eq!(unknown.send().await.unwrap().status(), 400);
    let restart = client.post(&location).body(r#"{"command":"restart"}"#);
    assert!(restart.send().await.unwrap().status().is_success());
    let (second, request) = accept(&stream).await;
    assert!(request.contains("last-event-id: 1"), "{request}");
    drop(second);
    let (count, error) = report(&reports).await;
    assert_eq!((count, &error["kind"]), (3, &json!("error")));

    // Silent for longer than the read timeout.
    let (third, _) = accept(&stream).await;
    let (count, error) = report(&reports).await;
    assert_eq!((count, &error["kind"]), (4, &json!("error")));
    drop(third);

    let (mut fourth, _) = accept(&stream).await;
    assert_eq!(client.delete(&location).send().await.unwrap().status(), 204);
    assert_eq!(fourth.read(&mut [0]).await.unwrap(), 0, "it has hung up");
    assert_eq!(client.delete(&location).send().await.unwrap().status(), 404);
    assert_eq!(client.post(&service).body("{}").send().await.unwrap().status(), 400);

    assert!(client.delete(&service).send().await.unwrap().status().is_success());
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_retry_takes_the_place_of_the_initial_delay_though_it_is_shorter() {
    let (service, _) = serve().await;
    let stream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reports = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let parameters = json!({
        "streamUrl": url(&stream),
        "callbackUrl": url(&reports),
        "initialDelayMs": 3_600_000,
        "readTimeoutMs": null,
        "lastEventId": null,
        "headers": null,
        "method": null,
        "body": null,
    });
    create(&service, &parameters).await;
    let (mut first, request) = accept(&stream).await;
    assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
    assert!(!request.contains("last-event-id"), "{request}");
    first.write_all(STREAM.as_bytes()).await.unwrap();
    first.write_all(b"retry: 200\ndata: a\n\ndata: cut o").await.unwrap();
    drop(first);
    let start = Instant::now();
    for kind in ["event", "error"] {
        assert_eq!(callback(&reports).await["kind"], kind);
    }
    timeout(Duration::from_secs(20), accept(&stream)).await.expect("too late");
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_error_and_says_why() {
    for location in ["", "location: \r\n"] {
        let (service, _) = serve().await;
        let stream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let reports = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let parameters = json!({ "streamUrl": url(&stream), "callbackUrl": url(&reports) });
        create(&service, &parameters).await;
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = accept(&stream).await;
                let answer = format!(
                    "HTTP/1.1 301 Moved\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n"
                );
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let report = timeout(Duration::from_secs(60), callback(&reports)).await.unwrap();
        assert_eq!(report["kind"], "error");
        let error = report["error"].as_str().unwrap();
        assert!(error.contains("301") || error.contains("redirect"), "{error}");
    }
}

#[tokio::test]
async fn an_event_of_a_mebibyte_is_reported_whole() {
    let (service, _) = serve().await;
    let stream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reports = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let parameters = json!({ "streamUrl": url(&stream), "callbackUrl": url(&reports) });
    create(&service, &parameters).await;
    let (mut socket, _) = accept(&stream).await;
    let data = "x".repeat(1024 * 1024);
    socket.write_all(format!("{STREAM}data: {data}\n\n").as_bytes()).await.unwrap();
    let report = timeout(Duration::from_secs(60), callback(&reports)).await.unwrap();
    assert!(report["event"]["data"] == data);
}

/// The URL of a service, and what it ends with.
async fn serve() -> (String, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (url(&listener), tokio::spawn(sse_wire_contract::serve(listener)))
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The URL of the stream that the service now follows.
async fn create(service: &str, parameters: &Value) -> String {
    let created = client().post(service).body(parameters.to_string()).send().await.unwrap();
    assert_eq!(created.status(), 201);
    format!("{service}{}", created.headers()["location"].to_str().unwrap())
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

/// A connection, and its request with the body.
async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let mut socket = listener.accept().await.unwrap().0;
    let mut request = String::new();
    loop {
        let mut piece = [0; 1024];
        let length = socket.read(&mut piece).await.unwrap();
        assert_ne!(length, 0, "{request}");
        request += std::str::from_utf8(&piece[..length]).unwrap();
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() == length.map_or(0, |length| length.parse().unwrap()) {
            return (socket, request);
        }
    }
}

/// The number of a report, and the report.
async fn report(listener: &TcpListener) -> (u32, Value) {
    let (path, report) = heard(listener).await;
    (path.strip_prefix("/callback/").unwrap().parse().unwrap(), report)
}

/// A report without its number.
async fn callback(listener: &TcpListener) -> Value {
    heard(listener).await.1
}

async fn heard(listener: &TcpListener) -> (String, Value) {
    let (mut socket, request) = accept(listener).await;
    let answer = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    socket.write_all(answer.as_bytes()).await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let path = head.split(' ').nth(1).unwrap();
    (path.to_owned(), serde_json::from_str(body).unwrap())
}
