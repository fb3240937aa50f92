//! What is asked of a real service, and what becomes of answers that are not as they should be.

use std::time::Duration;

use chat::upstream::{Delta, FailureKind, Key, Question, Service, Settings, Turn, Upstream};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Answer, SERVICES, question, read,
    server::{KEY, OK, Then, serve},
    within,
};

const DONE: &str = "data: [DONE]\n\n";
const LAST: [&str; 2] = [DONE, "event: message_stop\ndata: {}\n\n"];

#[tokio::test]
async fn a_request_has_the_key_the_history_and_nothing_for_the_fake() {
    let turn = Turn { prompt: "one".to_owned(), answer: "1".to_owned() };
    let question = Question { turns: vec![turn], prompt: "two".to_owned(), ..Question::default() };
    let messages = json!([
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "two"},
    ]);
    for (service, first, headers) in [
        (
            Service::OpenAi,
            "POST /v1/chat/completions HTTP/1.1",
            vec![format!("authorization: Bearer {KEY}")],
        ),
        (
            Service::Anthropic,
            "POST /v1/messages HTTP/1.1",
            vec![format!("x-api-key: {KEY}"), "anthropic-version: 2023-06-01".to_owned()],
        ),
    ] {
        let served = serve(service, OK, Then::Close).await;
        read(served.upstream.ask(question.clone())).await;
        let request = within(served.request).await.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let lines: Vec<_> = head.lines().collect();
        assert_eq!(lines[0], first);
        for header in headers.iter().map(String::as_str).chain(["accept: text/event-stream"]) {
            assert!(lines.contains(&header), "no {header} in {head}");
        }
        assert!(!head.contains("x-fake"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["messages"], &body["stream"]), (&messages, &json!(true)));
        assert_eq!(body["model"], "a-model");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_wants_any_more_is_broken_off() {
    let chunk = r#"data: {"choices":[{"delta":{"content":"Hi"}}]}"#;
    let served = serve(Service::OpenAi, format!("{OK}{chunk}\n\n"), Then::Wait).await;
    let mut deltas = Box::pin(served.upstream.ask(question()));
    let first = within(deltas.next()).await.unwrap();
    assert_eq!(first, Ok(Delta::Token("Hi".to_owned())));
    assert!(!served.request.is_finished());
    drop(deltas);
    within(served.request).await.unwrap();
}

#[tokio::test]
async fn what_services_add_and_leave_out_is_read() {
    let stream = concat!(
        ": OPENROUTER PROCESSING\n\n",
        "data: {}\n\n",
        "data: {\"choices\":null,\"error\":null}\n\n",
        "data: {\"choices\":[{}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"Hm\",\"reasoning_content\":\"Hm\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"refusal\":\"No\",\"new\":[1]}}],\"new\":{}}\n\n",
        // By what others count calls from, and with a name in each piece.
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":18446744073709551615,",
        "\"function\":{\"name\":\"a\",\"arguments\":\"{\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":18446744073709551615,",
        "\"function\":{\"name\":\"a\",\"arguments\":\"}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"b\"}}]}}]}\n\n",
        "data: [DONE]\n\n",
        "data: not read any more\n\n",
    );
    let answer = ask(Service::OpenAi, stream).await;
    assert_eq!(answer.reason(), Some("stop"));
    assert_eq!((answer.thinking.as_str(), answer.text.as_str()), ("Hm", "No"));
    assert_eq!(answer.tools, [("a".to_owned(), "{}".to_owned()), ("b".to_owned(), String::new())]);

    let stream = concat!(
        "event: new_type\ndata: {\"type\":\"new_type\"}\n\n",
        "event: content_block_start\ndata: {\"index\":0,\"content_block\":{\"type\":\"new\"}}\n\n",
        "event: content_block_delta\n",
        "data: {\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n",
        "event: content_block_delta\ndata: {\"index\":0,\"delta\":{\"type\":\"new_delta\"}}\n\n",
        "event: content_block_start\ndata: {\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"Hi\"}}\n\n",
        "event: message_delta\ndata: {\"delta\":{\"stop_reason\":\"max_tokens\"}}\n\n",
        "event: message_stop\ndata: {}\n\n",
        "event: error\ndata: not read any more\n\n",
    );
    let answer = ask(Service::Anthropic, stream).await;
    let expected = [Delta::Token("Hi".to_owned()), Delta::Done { reason: "length".to_owned() }];
    assert_eq!(answer.deltas, expected);
}

#[tokio::test]
async fn an_answer_is_over_with_its_last_event_even_if_the_connection_is_not() {
    for (service, last) in SERVICES.into_iter().zip(LAST) {
        let served = serve(service, format!("{OK}{last}"), Then::Wait).await;
        let answer = read(served.upstream.ask(question())).await;
        assert_eq!(answer.reason(), Some("stop"), "{service:?}");
        within(served.request).await.unwrap();
    }
}

#[tokio::test]
async fn an_error_within_the_stream_may_be_written_in_many_ways() {
    for (error, message) in [
        (r#"{"error":{"message":"broken","code":500}}"#, "broken"),
        (r#"{"error":"broken"}"#, "broken"),
        (r#"{"error":{"code":7}}"#, r#"{"code":7}"#),
        (r#"{"error":{"message":"broken"},"choices":[]}"#, "broken"),
    ] {
        for event in ["", "event: error\n"] {
            let answer = ask(Service::OpenAi, &format!("{event}data: {error}\n\n{DONE}")).await;
            assert_eq!(answer.failure(), (FailureKind::Error, message));
        }
        let answer = ask(Service::Anthropic, &format!("event: error\ndata: {error}\n\n")).await;
        assert_eq!(answer.failure(), (FailureKind::Error, message));
    }
}

#[tokio::test]
async fn what_cannot_be_shown_is_invalid() {
    let url = |url: &str| json!({"images": [{"image_url": {"url": url}}]});
    let calls: Vec<_> = (0..65).map(|index| json!({"index": index})).collect();
    for delta in [
        url("https://example.com/picture.png"),
        url("data:text/html;base64,AAAA"),
        url("data:image/png;base64,<script>"),
        url("data:image/;base64,AAAA"),
        url("data:image/png\" onload=\";base64,AAAA"),
        json!({"audio": {"data": "?"}}),
        json!({"tool_calls": calls}),
        json!({"content": 7}),
    ] {
        let chunk = json!({"choices": [{"delta": delta}]});
        let answer = ask(Service::OpenAi, &format!("data: {chunk}\n\n{DONE}")).await;
        assert_eq!(answer.failure().0, FailureKind::Invalid, "{chunk}");
    }
    let source = json!({"media_type": "text/html", "data": "AAAA"});
    let block = json!({"index": 0, "content_block": {"type": "image", "source": source}});
    let stream = format!("event: content_block_start\ndata: {block}\n\n");
    assert_eq!(ask(Service::Anthropic, &stream).await.failure().0, FailureKind::Invalid);
}

#[tokio::test]
async fn data_that_is_not_json_is_invalid() {
    for (service, event_type) in SERVICES.into_iter().zip(["message", "message_delta"]) {
        let answer = ask(service, &format!("event: {event_type}\ndata: <html>\n\n")).await;
        let (kind, message) = answer.failure();
        assert_eq!(kind, FailureKind::Invalid);
        assert!(message.contains(event_type) && message.contains("line 1 column 1"), "{message}");
    }
}

#[tokio::test]
async fn an_event_and_an_answer_may_not_be_too_large() {
    for service in SERVICES {
        let start = format!("{OK}data: ");
        let served = serve(service, start, Then::Repeat(&[b'1'; 16 << 10])).await;
        let answer = read(served.upstream.ask(question())).await;
        let (kind, message) = answer.failure();
        assert_eq!(kind, FailureKind::Invalid);
        assert!(message.contains("4194304"), "{message}");
    }
    let block = br#"event: content_block_delta
data: {"index":0,"delta":{"type":"text_delta","text":""}}

event: ping
data: {}

"#;
    let chunk = b"data: {\"choices\":[]}\n\n";
    for (service, event) in SERVICES.into_iter().zip([&chunk[..], &block[..]]) {
        let event = event.repeat(1000).leak();
        let served = serve(service, OK, Then::Repeat(event)).await;
        let answer = read(served.upstream.ask(question())).await;
        assert_eq!(answer.failure().0, FailureKind::Invalid);
    }
}

#[tokio::test]
async fn comments_are_a_sign_of_life() {
    let silence = Duration::from_secs(1);
    for (service, last) in SERVICES.into_iter().zip(LAST) {
        let served = serve(service, OK, Then::Comments { time: 2 * silence, last }).await;
        let upstream = served.upstream.silent_after(silence).unwrap();
        assert_eq!(read(upstream.ask(question())).await.reason(), Some("stop"));
    }
}

#[tokio::test]
async fn a_service_that_sends_nothing_is_silent() {
    let silence = Duration::from_millis(100);
    for response in ["", "HTTP/1.1 200 OK\r\n", &format!("{OK}: a comment\n\ndata: {{")] {
        let served = serve(Service::OpenAi, response, Then::Wait).await;
        let upstream = served.upstream.silent_after(silence).unwrap();
        assert_eq!(read(upstream.ask(question())).await.failure().0, FailureKind::Silent);
        within(served.request).await.unwrap();
    }
    let refusal = "HTTP/1.1 500 Internal Server Error\r\n\r\n{";
    let served = serve(Service::OpenAi, refusal, Then::Wait).await;
    let upstream = served.upstream.silent_after(silence).unwrap();
    let message = "the service refused: 500 Internal Server Error";
    assert_eq!(read(upstream.ask(question())).await.failure(), (FailureKind::Refused, message));
}

#[tokio::test]
async fn another_content_type_is_invalid() {
    for content_type in ["text/html", "application/json", "text/event-streams", "", "text/plain"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n\r\n");
        let response = head + r#"{"error": {"message": "no such model"}}"#;
        let served = serve(Service::OpenAi, response, Then::Close).await;
        let answer = read(served.upstream.ask(question())).await;
        let (kind, message) = answer.failure();
        assert_eq!(kind, FailureKind::Invalid);
        assert!(message.contains(&format!("`{content_type}`")), "{message}");
        assert!(message.ends_with(": no such model"), "{message}");
    }
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>data: [DONE]\n\n</html>";
    let served = serve(Service::OpenAi, page, Then::Close).await;
    let answer = read(served.upstream.ask(question())).await;
    let message = "the service answered with `text/html`, not an event stream";
    assert_eq!(answer.failure(), (FailureKind::Invalid, message));
    let other_case = "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\n\r\ndata: [DONE]\n\n";
    let served = serve(Service::OpenAi, other_case, Then::Close).await;
    assert_eq!(read(served.upstream.ask(question())).await.reason(), Some("stop"));
}

#[tokio::test]
async fn a_refusal_says_why() {
    for (body, expected) in [
        (
            r#"{"error": {"message": "no credit"}}"#,
            "the service refused: 402 Payment Required: no credit",
        ),
        (r#"{"message": "no credit"}"#, "the service refused: 402 Payment Required: no credit"),
        (r#"{"error": "no credit"}"#, "the service refused: 402 Payment Required: no credit"),
        ("<html>no credit</html>", "the service refused: 402 Payment Required"),
        ("", "the service refused: 402 Payment Required"),
        ("{}", "the service refused: 402 Payment Required"),
    ] {
        let response = format!("HTTP/1.1 402 Payment Required\r\n\r\n{body}");
        let served = serve(Service::OpenAi, response, Then::Close).await;
        let answer = read(served.upstream.ask(question())).await;
        assert_eq!(answer.failure(), (FailureKind::Refused, expected));
    }
}

#[tokio::test]
async fn a_refusal_without_end_is_read_up_to_a_limit() {
    let start = "HTTP/1.1 500 Internal Server Error\r\n\r\n{\"error\":\"";
    let served = serve(Service::OpenAi, start, Then::Repeat(&[b'a'; 4096])).await;
    let answer = read(served.upstream.ask(question())).await;
    let message = "the service refused: 500 Internal Server Error";
    assert_eq!(answer.failure(), (FailureKind::Refused, message));
    within(served.request).await.unwrap();
}

#[tokio::test]
async fn a_long_message_is_cut_short() {
    let long = "é".repeat(10_000);
    let response = format!("HTTP/1.1 500 No\r\n\r\n{{\"error\":\"{long}\"}}");
    let served = serve(Service::OpenAi, response, Then::Close).await;
    let answer = read(served.upstream.ask(question())).await;
    assert!(answer.failure().1.ends_with("éé…"));
    assert_eq!(answer.failure().1.matches('é').count(), 500);
    let answer = ask(Service::OpenAi, &format!("data: {{\"error\":\"{long}\"}}\n\n")).await;
    assert_eq!(answer.failure().1.matches('é').count(), 500);
}

#[tokio::test]
async fn a_service_that_nobody_runs_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let upstream = Upstream::real(settings(base_url)).unwrap();
    let answer = read(upstream.ask(question())).await;
    let (kind, message) = answer.failure();
    assert_eq!(kind, FailureKind::Unreachable);
    assert!(message.contains("refused"), "{message}");
}

#[tokio::test]
async fn a_connection_that_is_closed_without_a_response_is_cut() {
    for response in ["", "HTTP/1.1 200 OK\r\ncontent-ty"] {
        let served = serve(Service::OpenAi, response, Then::Close).await;
        let answer = read(served.upstream.ask(question())).await;
        assert_eq!(answer.failure().0, FailureKind::Cut);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_because_the_key_would_go_there() {
    let (elsewhere, response) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), "HTTP/1.1 307 Temporary Redirect");
    let url = format!("http://{}/", elsewhere.local_addr().unwrap());
    let response = format!("{response}\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
    let served = serve(Service::Anthropic, response, Then::Close).await;
    let answer = read(served.upstream.ask(question())).await;
    let message = "the service refused: 307 Temporary Redirect";
    assert_eq!(answer.failure(), (FailureKind::Refused, message));
}

#[tokio::test]
async fn the_key_is_in_no_message() {
    let error = format!(r#"{{"error": {{"message": "wrong key {KEY}"}}}}"#);
    for response in [
        format!("HTTP/1.1 401 Unauthorized\r\n\r\n{error}"),
        format!("HTTP/1.1 200 OK\r\ncontent-type: {KEY}\r\n\r\n{error}"),
        format!("{OK}event: error\ndata: {error}\n\n"),
    ] {
        for service in SERVICES {
            let served = serve(service, response.clone(), Then::Close).await;
            let answer = read(served.upstream.ask(question())).await;
            let message = answer.failure().1;
            assert!(message.contains("wrong key (the key)") && !message.contains(KEY), "{message}");
        }
    }
}

#[tokio::test]
async fn the_key_is_in_no_debug_output() {
    let settings = settings("http://127.0.0.1:1/v1".to_owned());
    assert!(!format!("{settings:?}").contains(KEY));
    for service in SERVICES {
        let upstream = Upstream::real(Settings { service, ..settings.clone() }).unwrap();
        assert!(!format!("{upstream:?} {upstream:#?}").contains(KEY));
    }
}

fn settings(base_url: String) -> Settings {
    let key = Some(Key::new(KEY).unwrap());
    Settings { service: Service::OpenAi, base_url, key, model: "a-model".to_owned() }
}

async fn ask(service: Service, stream: &str) -> Answer {
    let served = serve(service, format!("{OK}{stream}"), Then::Close).await;
    read(served.upstream.ask(question())).await
}
