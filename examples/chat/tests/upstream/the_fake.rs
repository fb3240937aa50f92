//! What the fake says, and what goes wrong with it, in both shapes.

use std::time::Duration;

use chat::upstream::{Delta, FailureKind, Fault, Question, Service, Show, Turn, Upstream, fake};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Answer, SERVICES, question, read, within};

const SHOWS: [Show; 5] = [Show::Text, Show::Thinking, Show::Image, Show::Audio, Show::Tool];

/// Long enough for a busy machine, and waited for only where the fake is silent.
const SILENCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn answers_the_prompt_in_pieces() {
    for service in SERVICES {
        let answer = ask_fake(service, Show::Text, Fault::None).await;
        assert_eq!(answer.reason(), Some("stop"), "{service:?}");
        for part in
            ["> What is “SSE”?", "## ", "1. **", "| é | 2 |", "中文", "👩‍🚀", "```rust", "](https://"]
        {
            assert!(answer.text.contains(part), "{service:?}: no {part} in {}", answer.text);
        }
        let tokens = answer.deltas.len() - 1;
        assert!(tokens > answer.text.split_whitespace().count(), "some split words");
        let is_token = |delta: &&Delta| matches!(delta, Delta::Token(_));
        assert_eq!(answer.deltas.iter().filter(is_token).count(), tokens, "and nothing else");
    }
}

#[tokio::test]
async fn says_the_same_in_both_shapes() {
    for show in SHOWS {
        let [openai, anthropic] = SERVICES.map(|service| ask_fake(service, show, Fault::None));
        let (openai, anthropic) = tokio::join!(openai, anthropic);
        assert_eq!(openai.deltas, anthropic.deltas, "{show:?}");
    }
}

#[tokio::test]
async fn thinks_before_it_answers() {
    for service in SERVICES {
        let answer = ask_fake(service, Show::Thinking, Fault::None).await;
        assert_eq!(answer.reason(), Some("stop"));
        assert!(answer.thinking.starts_with("The question is “What is “SSE”?”"));
        assert!(answer.text.starts_with("I have thought about"));
        let is_thinking = |delta: &&Delta| matches!(delta, Delta::Thinking(_));
        let first_token = answer.deltas.iter().position(|delta| matches!(delta, Delta::Token(_)));
        assert_eq!(first_token, Some(answer.deltas.iter().filter(is_thinking).count()));
    }
}

#[tokio::test]
async fn shows_a_picture() {
    for service in SERVICES {
        let answer = ask_fake(service, Show::Image, Fault::None).await;
        assert_eq!(answer.reason(), Some("stop"));
        let [(media_type, picture)] = &answer.items[..] else { panic!("{:?}", answer.items) };
        assert_eq!(media_type, "image/png");
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.ends_with(b"IEND\xaeB`\x82"));
    }
}

#[tokio::test]
async fn plays_a_sound() {
    for service in SERVICES {
        let answer = ask_fake(service, Show::Audio, Fault::None).await;
        assert_eq!(answer.reason(), Some("stop"));
        let [(media_type, sound)] = &answer.items[..] else { panic!("{:?}", answer.items) };
        assert_eq!(media_type, "audio/wav");
        assert_eq!((&sound[..4], &sound[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
        let len = |at: usize| u32::from_le_bytes(sound[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((len(4), len(40)), (sound.len() - 8, sound.len() - 44));
        assert!(sound[44..].iter().any(|&byte| byte != 0), "not silence");
    }
}

#[tokio::test]
async fn calls_two_tools_with_arguments_in_pieces() {
    for service in SERVICES {
        let answer = ask_fake(service, Show::Tool, Fault::None).await;
        assert_eq!(answer.reason(), Some("tool_calls"));
        let [search, weather] = &answer.tools[..] else { panic!("{:?}", answer.tools) };
        assert_eq!((search.0.as_str(), weather.0.as_str()), ("search", "get_weather"));
        let [search, weather] = [search, weather]
            .map(|(_, arguments)| serde_json::from_str::<serde_json::Value>(arguments).unwrap());
        assert_eq!(search["query"], "What is “SSE”?");
        assert_eq!(weather["city"], "Zürich");
        let pieces = answer.deltas.iter().filter(|delta| matches!(delta, Delta::Tool { .. }));
        assert!(pieces.count() > 10);
    }
}

#[tokio::test]
async fn remembers_what_was_said() {
    let fake = Upstream::fake_at(1000).await.unwrap();
    for service in SERVICES {
        let turn =
            |prompt: &str, answer: &str| Turn { prompt: prompt.into(), answer: answer.into() };
        let turns = vec![turn("one", "1"), turn("lost", ""), turn("two", "2")];
        let question = Question { turns, service, ..question() };
        let answer = read(fake.ask(question)).await;
        // An answer that was stopped before it began is not a turn.
        assert!(answer.text.contains("Before that you said 2 other things, “two” the latest."));
    }
}

#[tokio::test]
async fn answers_the_same_however_it_is_sent() {
    for service in SERVICES {
        for show in SHOWS {
            let whole = ask_fake(service, show, Fault::None).await;
            for fault in [Fault::Slow, Fault::Comments, Fault::Crlf] {
                let answer = ask_fake(service, show, fault).await;
                assert_eq!(answer.failure, None, "{service:?}, {show:?}, {fault:?}");
                assert_eq!(answer.deltas, whole.deltas, "{service:?}, {show:?}, {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn breaks_off_in_the_middle() {
    for service in SERVICES {
        for show in SHOWS {
            let answer = in_the_middle(service, show, Fault::Cut).await;
            assert_eq!(answer.failure().0, FailureKind::Cut, "{service:?}, {show:?}");
        }
    }
}

#[tokio::test]
async fn reports_an_error_within_the_stream() {
    for (service, message) in SERVICES.into_iter().zip(["The server had an error", "Overloaded"]) {
        for show in SHOWS {
            let answer = in_the_middle(service, show, Fault::Error).await;
            let (kind, text) = answer.failure();
            assert_eq!(kind, FailureKind::Error, "{service:?}, {show:?}");
            assert!(text.starts_with(message), "{text}");
        }
    }
}

#[tokio::test]
async fn falls_silent() {
    for show in [Show::Text, Show::Tool] {
        let [openai, anthropic] =
            SERVICES.map(|service| in_the_middle(service, show, Fault::Silent));
        let (openai, anthropic) = tokio::join!(openai, anthropic);
        for answer in [openai, anthropic] {
            assert_eq!(answer.failure().0, FailureKind::Silent, "{show:?}");
        }
    }
}

#[tokio::test]
async fn refuses() {
    for service in SERVICES {
        let answer = ask_fake(service, Show::Text, Fault::Refused).await;
        let message =
            "the service refused: 429 Too Many Requests: Rate limit reached: try again in 20 s";
        assert_eq!(answer.failure(), (FailureKind::Refused, message));
        assert!(answer.deltas.is_empty());
    }
}

/// Some of what it says without the fault, and not all of it.
async fn in_the_middle(service: Service, show: Show, fault: Fault) -> Answer {
    let whole = ask_fake(service, show, Fault::None).await;
    let answer = ask_fake(service, show, fault).await;
    assert!(!answer.deltas.is_empty() && answer.deltas.len() < whole.deltas.len());
    assert!(whole.deltas.starts_with(&answer.deltas), "{service:?}, {show:?}, {fault:?}");
    answer
}

// That its faults are there, as bytes:

#[tokio::test]
async fn cuts_a_character_in_two() {
    for path in PATHS {
        let body = raw_body(path, "cut").await;
        let error = std::str::from_utf8(&body).unwrap_err();
        assert_eq!(error.error_len(), None, "{path}: the end is missing, and all else is valid");
    }
}

#[tokio::test]
async fn ends_lines_with_cr_lf() {
    for path in PATHS {
        let body = String::from_utf8(raw_body(path, "crlf").await).unwrap();
        assert!(body.ends_with("\r\n\r\n"), "{path}");
        assert!(!body.replace("\r\n", "").contains(['\r', '\n']), "{path}");
    }
}

#[tokio::test]
async fn sends_comments_before_and_between() {
    for path in PATHS {
        let body = String::from_utf8(raw_body(path, "comments").await).unwrap();
        let (before, rest) = body.split_once("data:").unwrap();
        assert_eq!(before.matches(": FAKE PROCESSING\n\n").count(), 8, "{path}");
        assert!(rest.matches("\n\n: FAKE PROCESSING\n\n").count() > 5, "{path}");
    }
}

#[tokio::test]
async fn refuses_what_it_does_not_know() {
    for path in PATHS {
        assert!(raw(path, "none", r#"{"stream": true}"#).await.starts_with(b"HTTP/1.0 422 "));
        let request = r#"{"messages": [], "stream": true}"#;
        assert!(raw(path, "none", request).await.starts_with(b"HTTP/1.0 200 "));
        assert!(raw(path, "flood", request).await.starts_with(b"HTTP/1.0 400 "));
        assert!(raw(path, "none", r#"{"messages": []}"#).await.starts_with(b"HTTP/1.0 400 "));
    }
}

const PATHS: [&str; 2] = ["/v1/chat/completions", "/v1/messages"];

async fn raw_body(path: &str, fault: &str) -> Vec<u8> {
    let request = r#"{"messages": [{"role": "user", "content": "?"}], "stream": true}"#;
    let response = raw(path, fault, request).await;
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    response[end + 4..].to_vec()
}

/// By HTTP/1.0, whose bodies end with the connection, and have nothing else in them.
async fn raw(path: &str, fault: &str, body: &str) -> Vec<u8> {
    let mut socket = TcpStream::connect(fake::start(1000).await.unwrap()).await.unwrap();
    let len = body.len();
    let head = format!(
        "POST {path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {len}\r\n\
         x-fake-fault: {fault}\r\n\r\n"
    );
    socket.write_all((head + body).as_bytes()).await.unwrap();
    let mut response = Vec::new();
    within(socket.read_to_end(&mut response)).await.unwrap();
    response
}

/// What the fake says to the question, a thousand times as fast.
async fn ask_fake(service: Service, show: Show, fault: Fault) -> Answer {
    let fake = Upstream::fake_at(1000).await.unwrap().silent_after(SILENCE).unwrap();
    read(fake.ask(Question { service, show, fault, ..question() })).await
}
