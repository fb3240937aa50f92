//! The decoder behind `tokio_util::codec::FramedRead`.
#![cfg(all(feature = "codec", feature = "stream"))]

mod common;
#[path = "common/streams.rs"]
mod streams;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll},
};

use common::{Record, Recorded};
use futures::{FutureExt, StreamExt, executor::block_on};
use proptest::prelude::*;
use sse_wire::{Decoder, EofPolicy, Event, ParseError, Parser};
use streams::{cut, settings, sizes, stream};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::codec::FramedRead;

/// A reader that does as it is told. An empty chunk is an end.
struct Script(VecDeque<Step>);

enum Step {
    Chunk(Vec<u8>),
    Error(ErrorKind),
    /// Nothing now.
    Pending,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.pop_front() {
            Some(Step::Chunk(mut chunk)) => {
                let rest = chunk.split_off(chunk.len().min(buffer.remaining()));
                buffer.put_slice(&chunk);
                if !rest.is_empty() {
                    self.0.push_front(Step::Chunk(rest));
                }
                Poll::Ready(Ok(()))
            }
            Some(Step::Error(kind)) => Poll::Ready(Err(kind.into())),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(Ok(())),
        }
    }
}

fn chunk(text: &str) -> Step {
    Step::Chunk(text.into())
}

type Framed = FramedRead<Script, Decoder>;

/// The data of the next event.
fn next(events: &mut Framed) -> Option<String> {
    let item = block_on(events.next())?;
    Some(item.expect("no error of the reader").expect("no parse error").data().to_owned())
}

proptest! {
    #![proptest_config(streams::config(500))]

    #[test]
    fn any_stream_in_any_chunks_is_what_the_reference_makes_of_it(
        stream in stream(),
        settings in settings(),
        sizes in sizes(),
    ) {
        let chunks = cut(&stream, &sizes).into_iter().filter(|chunk| !chunk.is_empty());
        let script = Script::new(chunks.map(|chunk| Step::Chunk(chunk.to_vec())));
        let mut events = FramedRead::new(script, Decoder::with_parser(settings.parser()));
        let mut record = Record::default();
        while let Some(item) = block_on(events.next()) {
            record.items.push(Recorded::from(item.unwrap()));
        }
        record.last_event_id = events.decoder().last_event_id().to_owned();
        record.retry = events.decoder().reconnection_time();
        prop_assert_eq!(record, settings.read(&stream).events_and_errors());
    }
}

#[test]
fn a_block_that_is_dropped_does_not_end_the_events() {
    let parser = Parser::builder().max_event_size(4).build();
    let script = Script::new([chunk("data: 1\n\ndata: 12345\n\ndata: 2\n\n")]);
    let mut events = FramedRead::new(script, Decoder::with_parser(parser));
    assert_eq!(next(&mut events).unwrap(), "1");
    let dropped = block_on(events.next()).unwrap().unwrap();
    assert!(matches!(dropped, Err(ParseError::EventTooLarge { limit: 4, offset: 9, .. })));
    assert_eq!(next(&mut events).unwrap(), "2");
    assert_eq!(next(&mut events), None);
}

#[test]
fn the_policy_decides_about_an_event_that_the_end_cuts_off() {
    let last = |policy| {
        let parser = Parser::builder().eof_policy(policy).build();
        let script = Script::new([chunk("data: 1\n\ndata:"), chunk(" 2")]);
        let mut events = FramedRead::new(script, Decoder::with_parser(parser));
        assert_eq!(next(&mut events).unwrap(), "1");
        let last = block_on(events.next()).transpose().unwrap();
        assert!(block_on(events.next()).is_none());
        last
    };
    assert_eq!(last(EofPolicy::Discard), None);
    assert_eq!(last(EofPolicy::Dispatch), Some(Ok(Event::new("2"))));
    assert_eq!(last(EofPolicy::Error), Some(Err(ParseError::UnexpectedEnd { offset: 9 })));
}

#[test]
fn an_error_of_the_reader_passes_and_what_came_before_it_is_kept() {
    let script = Script::new([
        chunk("id: 7\ndata: 1\n\ndata: 2"),
        Step::Error(ErrorKind::TimedOut),
        chunk("\n\n"),
    ]);
    let mut events = FramedRead::new(script, Decoder::new());
    assert_eq!(next(&mut events).unwrap(), "1");
    let error = block_on(events.next()).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(block_on(events.next()).is_none());
    assert!(events.decoder().has_pending());
    assert_eq!(events.decoder().last_event_id(), "7");
    // A reader that times out can go on.
    assert_eq!(next(&mut events).unwrap(), "2");
}

#[test]
fn what_comes_after_an_end_is_a_new_stream() {
    let script = Script::new([
        chunk("id: 7\ndata: 1\n\ndata: cut o"),
        chunk(""),
        chunk("\u{feff}data: 2\n\n"),
    ]);
    let mut events = FramedRead::new(script, Decoder::new());
    assert_eq!(next(&mut events).unwrap(), "1");
    assert_eq!(next(&mut events), None);
    let event = block_on(events.next()).unwrap().unwrap().unwrap();
    assert_eq!((event.data(), event.last_event_id()), ("2", "7"));
}

#[test]
fn a_next_that_is_dropped_loses_nothing() {
    let script =
        Script::new([chunk("data: 1"), Step::Pending, chunk("\n"), Step::Pending, chunk("\n")]);
    let mut events = FramedRead::new(script, Decoder::new());
    assert!(events.next().now_or_never().is_none());
    assert!(events.next().now_or_never().is_none());
    assert_eq!(next(&mut events).unwrap(), "1");
}
