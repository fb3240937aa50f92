//! What may go wrong between a service and those who read its stream.
//!
//! What is a valid stream is written by an [`EventBody`]; by hand is written only what it
//! would not write.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt, stream};
use sse_wire::{
    Encoded, Event,
    http::{EventBody, headers},
};

use super::{super::Fault, pace::Script};

/// How many come before the first event, and how long each takes.
const COMMENTS: usize = 8;
const COMMENT_TIME: Duration = Duration::from_millis(250);
/// So many events are between two others.
const EVENTS_A_COMMENT: usize = 20;

pub(super) fn response(mut script: Script, speed: u32, fault: Fault, error: &Event) -> Response {
    let middle = script.len() / 3;
    match fault {
        Fault::Error => {
            script.truncate(middle);
            script.push((Duration::ZERO, error.into()));
            events(play(script, speed))
        }
        Fault::Comments => events(play(with_comments(script), speed)),
        Fault::Silent => {
            script.truncate(middle);
            events(play(script, speed).chain(stream::pending()))
        }
        Fault::Cut => {
            let (whole, part) = cut(script, middle);
            let bytes =
                play(whole, speed).map(Encoded::into_bytes).chain(stream::once(async { part }));
            raw(bytes.map(Ok).chain(stream::once(broken())))
        }
        Fault::Crlf => raw(play(script, speed).map(|event| Ok(with_crlf(&event)))),
        Fault::None | Fault::Slow | Fault::Refused => events(play(script, speed)),
    }
}

fn play(script: Script, speed: u32) -> impl Stream<Item = Encoded> + Send {
    stream::iter(script).then(move |(pause, event)| async move {
        let pause = pause / speed.max(1);
        // The timer does not know less.
        if pause >= Duration::from_millis(1) {
            tokio::time::sleep(pause).await;
        }
        event
    })
}

fn events(events: impl Stream<Item = Encoded> + Send + 'static) -> Response {
    EventBody::new(events).into_response().map(Body::new)
}

fn raw(bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Response {
    (headers(), Body::from_stream(bytes)).into_response()
}

fn with_comments(script: Script) -> Script {
    let comment = Encoded::comment("FAKE PROCESSING");
    let mut commented = vec![(COMMENT_TIME, comment.clone()); COMMENTS];
    for events in script.chunks(EVENTS_A_COMMENT) {
        commented.extend_from_slice(events);
        commented.push((Duration::ZERO, comment.clone()));
    }
    commented
}

/// What comes before the cut, and how much of an event: the first from the middle on that
/// has a character of several bytes, up to the middle of that.
fn cut(mut script: Script, middle: usize) -> (Script, Bytes) {
    let place = |(_, event): &(Duration, Encoded)| {
        event.as_bytes().iter().position(|byte| !byte.is_ascii())
    };
    let found =
        script.iter().enumerate().skip(middle).find_map(|(n, event)| Some((n, place(event)?)));
    let (n, end) = found.unwrap_or((middle, 8));
    let bytes = script[n].1.clone().into_bytes();
    script.truncate(n);
    (script, bytes.slice(..=end))
}

/// Lets the server write what it has: it throws that away with an error.
async fn broken() -> io::Result<Bytes> {
    tokio::task::yield_now().await;
    Err(io::ErrorKind::BrokenPipe.into())
}

/// All data is JSON, which has no line ends of its own.
fn with_crlf(event: &Encoded) -> Bytes {
    let text = String::from_utf8_lossy(event.as_bytes());
    text.replace('\n', "\r\n").into()
}
