//! Runs the examples as their users do, each as a process of its own.
//!
//! Servers get port 0 and print where they are, so nothing collides. No test depends on how
//! long something takes: one that hangs is ended, and fails, after a minute.

mod common;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use common::{MINUTE, Running, Server};
use http::{Request, Response};
use serde_json::{Value, json};
use sse_wire::{Event, EventReader};
use ureq::{Agent, Body};

const OPENAI: &str = include_str!("../../../tests/transcripts/01_openai_chat_completions.sse");
const OPENAI_ERROR: &str =
    include_str!("../../../tests/transcripts/07_openrouter_comments_error.sse");
const ANTHROPIC: &str = include_str!("../../../tests/transcripts/03_anthropic_messages.sse");
const ANTHROPIC_ERROR: &str =
    include_str!("../../../tests/transcripts/04_anthropic_error_midstream.sse");

const AXUM: &str = env!("CARGO_BIN_EXE_axum_server");
const HYPER: &str = env!("CARGO_BIN_EXE_hyper_server");
const RESUME: &str = env!("CARGO_BIN_EXE_resume");
const PROXY: &str = env!("CARGO_BIN_EXE_proxy");
const REQWEST: &str = env!("CARGO_BIN_EXE_reqwest_client");
const BLOCKING: &str = env!("CARGO_BIN_EXE_blocking_reader");
const OPENAI_TOKENS: &str = env!("CARGO_BIN_EXE_openai_tokens");
const ANTHROPIC_THINKING: &str = env!("CARGO_BIN_EXE_anthropic_thinking");
const MCP: &str = env!("CARGO_BIN_EXE_mcp_streamable_http");

#[test]
fn the_axum_server_counts_for_each_client() {
    let server = Server::start(AXUM, &[]);
    for _ in 0..2 {
        let mut events = events(get(&server.url, None));
        for n in 0..3 {
            let event = next(&mut events);
            assert_eq!((event.event_type(), event.data()), ("tick", n.to_string().as_str()));
        }
    }
}

#[test]
fn the_hyper_server_counts_from_where_a_client_was() {
    let server = Server::start(HYPER, &[]);
    for (last, first) in [(None, 0), (Some("41"), 42)] {
        let mut events = events(get(&server.url, last));
        for n in first..first + 3 {
            assert_eq!(next(&mut events).id(), Some(n.to_string().as_str()));
        }
    }
}

#[test]
fn resume_sends_what_a_client_has_missed_also_through_the_proxy() {
    let server = Server::start(RESUME, &[]);
    let proxy = Server::start(PROXY, &[&server.url]);
    for url in [&server.url, &proxy.url] {
        let mut before = events(get(url, None));
        let [first, seen] = [next(&mut before), next(&mut before)];
        drop(before);
        let mut after = events(get(url, first.id()));
        assert_eq!(next(&mut after), seen);
        let count = |event: &Event| event.data().parse::<u64>().unwrap();
        assert_eq!(count(&next(&mut after)), count(&seen) + 1);
        assert_eq!(next(&mut events(get(url, Some("1-1")))).event_type(), "gap");
    }
}

#[test]
fn the_proxy_says_that_there_is_no_server() {
    // A port that was free a moment ago, and that nobody listens on.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Server::start(PROXY, &[&format!("http://{gone}/events")]);
    assert_eq!(get(&proxy.url, None).status(), 502);
}

#[test]
fn the_clients_print_the_events_of_the_servers() {
    let server = Server::start(AXUM, &[]);
    let mut reqwest = Running::start(REQWEST, &[&server.url]);
    let mut blocking = Running::start(BLOCKING, &[&server.url]);
    for n in 0..3 {
        assert_eq!(reqwest.line(), n.to_string());
        assert_eq!(blocking.line(), format!("tick: {n}"));
    }
}

#[test]
fn the_reqwest_client_continues_where_it_was_cut_off() {
    let server = Script::start(&[
        "id: 7\nretry: 10\ndata: a\n\n",
        "id: 8\ndata: b\n\n",
        // Status 204: the end.
        "",
    ]);
    let (stdout, _, ok) = finish(Command::new(REQWEST).arg(&server.url));
    assert_eq!((stdout.as_str(), ok), ("a\nb\n", true));
    for last in [None, Some("7"), Some("8")] {
        assert_eq!(header(&server.request().0, "last-event-id"), last);
    }
}

#[test]
fn the_blocking_reader_says_that_a_stream_was_cut() {
    for (stream, printed, whole) in
        [("data: a\n\n", "message: a\n", true), ("data: a\n\ndata: b\n", "message: a\n", false)]
    {
        let server = Script::start(&[stream]);
        let (stdout, stderr, ok) = finish(Command::new(BLOCKING).arg(&server.url));
        assert_eq!((stdout.as_str(), ok), (printed, whole));
        assert_eq!(stderr.contains("cut"), !whole);
    }
}

#[test]
fn without_a_key_answers_are_recorded_ones() {
    let (stdout, stderr, ok) = finish(Command::new(OPENAI_TOKENS).env_remove("OPENAI_API_KEY"));
    assert_eq!((stdout, ok), (openai_text(OPENAI), true));
    assert!(stderr.contains("[finished: stop]"));

    let mut command = Command::new(ANTHROPIC_THINKING);
    let (stdout, stderr, ok) = finish(command.env_remove("ANTHROPIC_API_KEY"));
    assert_eq!((stdout, ok), (anthropic_text(ANTHROPIC, "text"), true));
    let thought = stderr.replace("\x1b[2m", "").replace("\x1b[0m", "");
    assert!(thought.starts_with(&anthropic_text(ANTHROPIC, "thinking")));
    assert!(stderr.contains("[finished: tool_use]"));
}

#[test]
fn finished_failed_and_cut_answers_are_told_apart() {
    // In the middle of a line, of which the first characters are ASCII.
    let cut = |stream: &'static str| &stream[..stream.match_indices("\n\n").nth(40).unwrap().0 + 9];
    for (stream, said, ok) in [
        (OPENAI, "[finished: stop]", true),
        (OPENAI_ERROR, "Provider disconnected unexpectedly", false),
        (cut(OPENAI), "cut off", false),
    ] {
        let (stdout, stderr) = ask(OPENAI_TOKENS, "OPENAI", stream, ok);
        assert_eq!(stdout, openai_text(stream));
        assert!(stderr.contains(said), "{stderr}");
    }
    for (stream, said, ok) in [
        (ANTHROPIC, "[finished: tool_use]", true),
        (ANTHROPIC_ERROR, "Overloaded", false),
        (cut(ANTHROPIC), "cut off", false),
    ] {
        let (stdout, stderr) = ask(ANTHROPIC_THINKING, "ANTHROPIC", stream, ok);
        assert_eq!(stdout, anthropic_text(stream, "text"));
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_tls_a_key_for_a_service_gets_a_hint() {
    for (program, service) in [(OPENAI_TOKENS, "OPENAI"), (ANTHROPIC_THINKING, "ANTHROPIC")] {
        let mut command = Command::new(program);
        let command = command.env(format!("{service}_API_KEY"), "a-key");
        let (_, stderr, ok) = finish(command.env_remove(format!("{service}_BASE_URL")));
        assert!(!ok && stderr.contains("--features tls"), "{stderr}");
    }
}

#[test]
fn a_service_that_refuses_is_quoted() {
    let server = Script::start(&["refuse"]);
    let mut command = Command::new(OPENAI_TOKENS);
    command.env("OPENAI_API_KEY", "wrong").env("OPENAI_BASE_URL", &server.url);
    let (stdout, stderr, ok) = finish(&mut command);
    assert_eq!((stdout.as_str(), ok), ("", false));
    assert!(stderr.contains("401 Unauthorized: refuse"), "{stderr}");
}

/// Asks a service that answers with this stream, with a key and a prompt.
fn ask(program: &str, service: &str, stream: &str, is_ok: bool) -> (String, String) {
    let server = Script::start(&[stream]);
    let (stdout, stderr, ok) = finish(
        Command::new(program)
            .arg("why?")
            .env(format!("{service}_API_KEY"), "a-key")
            .env(format!("{service}_BASE_URL"), server.url.trim_end_matches("/events")),
    );
    assert_eq!(ok, is_ok, "{stderr}");
    let (head, body) = server.request();
    assert!(head.contains("a-key"), "{head}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["messages"][0]["content"], &body["stream"]), (&json!("why?"), &json!(true)));
    (stdout, stderr)
}

fn openai_text(stream: &str) -> String {
    let text = |event: Event| {
        let chunk: Value = event.json().ok()?;
        Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
    };
    EventReader::new(stream.as_bytes()).filter_map(|event| text(event.unwrap())).collect()
}

fn anthropic_text(stream: &str, kind: &str) -> String {
    let text = |event: Event| Some(event.json::<Value>().ok()?["delta"][kind].as_str()?.to_owned());
    EventReader::new(stream.as_bytes()).filter_map(|event| text(event.unwrap())).collect()
}

#[test]
fn mcp_gets_the_whole_answer_of_a_stream_that_breaks_off() {
    let (stdout, stderr, ok) = finish(&mut Command::new(MCP));
    assert!(ok, "{stderr}");
    assert_eq!(stderr.matches("cut off; continues after 1-2").count(), 1);
    let printed: Vec<Value> = stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let progress = (1..=5).map(|n| json!({"progressToken": "p", "progress": n, "total": 5}));
    let content = json!({"content": [{"type": "text", "text": "counted to 5"}]});
    assert_eq!(printed[1..], progress.chain([content]).collect::<Vec<_>>());
}

#[test]
fn the_mcp_server_keeps_sessions_apart() {
    const SESSION: &str = "mcp-session-id";
    let server = Server::start_with(MCP, &["serve", "127.0.0.1:0"]);
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"arguments":{"to":3}}}"#;
    let [a, b] = [(); 2].map(|()| {
        let response = send("POST", &server.url, &[], initialize);
        response.headers()[SESSION].to_str().unwrap().to_owned()
    });
    let [a, b] = [(SESSION, a.as_str()), (SESSION, b.as_str())];
    assert_ne!(a, b);

    let first = events(send("POST", &server.url, &[a], call));
    let ids: Vec<_> = first.map(|event| event.unwrap().id().unwrap().to_owned()).collect();
    assert_eq!(ids, ["1-0", "1-1", "1-2"]);
    let last = ("last-event-id", "1-2");
    assert_eq!(events(send("GET", &server.url, &[a, last], "")).count(), 2);

    let ping = r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#;
    let status =
        |method, headers: &[_], body| send(method, &server.url, headers, body).status().as_u16();
    assert_eq!(status("GET", &[b, last], ""), 404, "the events of another session");
    assert_eq!(status("GET", &[b], ""), 405, "nothing to resume");
    assert_eq!(status("POST", &[], ping), 404, "no session");
    assert_eq!(status("POST", &[b], "{"), 400, "no JSON");
    assert_eq!(status("POST", &[("origin", "https://example.com")], initialize), 403, "a page");
    assert_eq!(status("POST", &[b], ping), 200);
    assert_eq!(status("DELETE", &[b], ""), 200);
    assert_eq!(status("POST", &[b], ping), 404, "a session that is over");
}

// Processes.

/// Runs a program to its end: what it prints, and whether it succeeds.
fn finish(command: &mut Command) -> (String, String, bool) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = read_all(child.stdout.take().unwrap());
    let stderr = read_all(child.stderr.take().unwrap());
    let [stdout, stderr] = [stdout, stderr].map(|text| text.recv_timeout(MINUTE));
    if stdout.is_err() || stderr.is_err() {
        _ = child.kill();
    }
    let status = child.wait().unwrap();
    (stdout.expect("after a minute"), stderr.expect("after a minute"), status.success())
}

fn read_all(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(io::read_to_string(&mut pipe).unwrap()));
    receiver
}

// HTTP.

fn get(url: &str, last_event_id: Option<&str>) -> Response<Body> {
    let id = last_event_id.map(|id| ("last-event-id", id));
    send("GET", url, id.as_slice(), "")
}

fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let config = Agent::config_builder().http_status_as_error(false);
    let agent = config.timeout_per_read(Some(MINUTE)).build().new_agent();
    let request = Request::builder().method(method).uri(url);
    let request = request.header("content-type", "application/json");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    if body.is_empty() {
        return agent.run(request.body(()).unwrap()).unwrap();
    }
    agent.run(request.body(body).unwrap()).unwrap()
}

fn events(response: Response<Body>) -> EventReader<impl Read> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    EventReader::new(response.into_body().into_reader())
}

fn next(events: &mut EventReader<impl Read>) -> Event {
    events.next().expect("an event").unwrap()
}

/// A server that gives one of these streams to each connection, and then ends it. An empty
/// one is a 204, and `refuse` a 401.
struct Script {
    url: String,
    requests: Receiver<(String, String)>,
}

impl Script {
    fn start(streams: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let streams: Vec<_> = streams.iter().map(|&stream| stream.to_owned()).collect();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in streams {
                let mut socket = BufReader::new(listener.accept().unwrap().0);
                sender.send(read_request(&mut socket)).unwrap();
                let status = match stream.as_str() {
                    "" => "204 No Content",
                    "refuse" => "401 Unauthorized",
                    _ => "200 OK",
                };
                let head = "content-type: text/event-stream\r\nconnection: close\r\n\r\n";
                // A client may leave as soon as it knows enough.
                _ = write!(socket.get_mut(), "HTTP/1.1 {status}\r\n{head}{stream}");
            }
        });
        Self { url, requests }
    }

    /// The head, in lower case, and the body of the next request.
    fn request(&self) -> (String, String) {
        self.requests.recv_timeout(MINUTE).expect("a request")
    }
}

fn read_request(socket: &mut impl BufRead) -> (String, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(socket.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|header| header.0 == name).map(|header| header.1)
}
