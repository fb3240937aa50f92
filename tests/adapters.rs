//! What the decoder, the stream and the reader add to the parser: how they end,
//! what they keep, and what survives an error or an interruption.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;

use std::{
    collections::VecDeque,
    convert::Infallible,
    io::{self, ErrorKind, Read},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use common::ChunkReader;
use futures::{
    FutureExt, Stream, StreamExt,
    executor::block_on,
    stream::{self, FusedStream},
};
use sse_wire::{
    Decoder, Ending, EofPolicy, Event, EventReader, EventStream, EventStreamExt, Item, Outcome,
    ParseError, Parser, StreamError,
};

/// A stream, or reader, that does as it is told.
struct Script<E>(VecDeque<Step<E>>);

enum Step<E> {
    Chunk(&'static str),
    Error(E),
    /// Nothing now.
    Pending,
}

impl<E> Script<E> {
    fn new(steps: impl IntoIterator<Item = Step<E>>) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl<E: Unpin> Stream for Script<E> {
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.pop_front() {
            Some(Step::Chunk(chunk)) => Poll::Ready(Some(Ok(chunk.into()))),
            Some(Step::Error(error)) => Poll::Ready(Some(Err(error))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }
}

impl Read for Script<ErrorKind> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.pop_front() {
            Some(Step::Chunk(chunk)) => {
                buffer[..chunk.len()].copy_from_slice(chunk.as_bytes());
                Ok(chunk.len())
            }
            Some(Step::Error(kind)) => Err(kind.into()),
            Some(Step::Pending) => Err(ErrorKind::WouldBlock.into()),
            None => Ok(0),
        }
    }
}

fn chunks(chunks: &[&'static str]) -> Script<Infallible> {
    Script::new(chunks.iter().map(|chunk| Step::Chunk(chunk)))
}

fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    block_on(stream.next())
}

fn data<E: std::fmt::Debug>(event: Option<Result<Event, E>>) -> String {
    event.unwrap().unwrap().data().to_owned()
}

// The decoder.

#[test]
fn chunks_pushed_before_the_last_was_read_wait_for_their_turn() {
    let mut decoder = Decoder::new();
    for chunk in ["data: 1\n", "\nda", "ta: 2\n\n"] {
        decoder.push(chunk.into());
    }
    assert_eq!(decoder.next_event().unwrap().unwrap().data(), "1");
    decoder.push("data: 3\n\n".into());
    assert_eq!(decoder.unread(), "data: 2\n\ndata: 3\n\n");
    assert_eq!(decoder.next_event().unwrap().unwrap().data(), "2");
    assert_eq!(decoder.next_event().unwrap().unwrap().data(), "3");
    assert_eq!(decoder.next_event().unwrap(), None);
}

#[test]
fn an_event_that_lies_whole_in_its_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from("id: 1\nevent: type\ndata: whole\n\n".to_owned());
    let range = chunk.as_ptr_range();
    let mut decoder = Decoder::new();
    decoder.push(chunk);
    let event = decoder.next_event().unwrap().unwrap();
    for text in [event.data(), event.event_type(), event.last_event_id()] {
        assert!(range.contains(&text.as_ptr()));
    }
    let event = event.detach();
    assert!(!range.contains(&event.data().as_ptr()));
    assert_eq!((event.event_type(), event.data(), event.id()), ("type", "whole", Some("1")));
}

#[test]
fn the_last_event_id_is_inherited_within_and_across_chunks() {
    let stream = "data: none\n\nid: 1\ndata: own\n\ndata: earlier\n\ndata: two\ndata: lines\n\n\
                  data: \u{FFFD}\n\nid\ndata: reset\n\ndata: none\n\nid: 2\n\ndata: after\n\n";
    let expected = ["", "1", "1", "1", "1", "", "", "2"];
    for size in 1..stream.len() {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        for chunk in stream.as_bytes().chunks(size) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Some(event) = decoder.next_event().unwrap() {
                events.push(event);
            }
        }
        let ids: Vec<_> = events.iter().map(Event::last_event_id).collect();
        assert_eq!(ids, expected, "chunks of {size}");
        let detached: Vec<_> = events.iter().cloned().map(Event::detach).collect();
        assert_eq!(detached, events);
        assert_eq!(detached.iter().map(Event::last_event_id).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn events_of_later_chunks_share_the_id_they_inherit_even_detached() {
    let mut decoder = Decoder::new();
    decoder.push("id: 1\n\n".into());
    assert_eq!(decoder.next_event(), Ok(None));
    decoder.push("data: a\n\ndata: b\ndata: c\n\n".into());
    let slice = decoder.next_event().unwrap().unwrap();
    let copy = decoder.next_event().unwrap().unwrap();
    let id = slice.last_event_id().as_ptr();
    assert_eq!(copy.last_event_id().as_ptr(), id);
    for event in [slice, copy] {
        assert_eq!(event.detach().last_event_id().as_ptr(), id);
    }
}

#[test]
fn an_invalid_line_between_an_id_and_its_heir_in_one_chunk_does_no_harm() {
    let mut decoder = Decoder::new();
    decoder.push(Bytes::from_static(b"id: 1\ndata: a\n\n:\xFF\n\ndata: b\n\n"));
    decoder.next_event().unwrap().unwrap();
    let event = decoder.next_event().unwrap().unwrap();
    assert_eq!((event.data(), event.last_event_id(), event.id()), ("b", "1", None));
}

#[test]
fn an_id_committed_by_finish_is_inherited() {
    let parser = Parser::builder().eof_policy(EofPolicy::Dispatch).build();
    let mut decoder = Decoder::with_parser(parser);
    let decode = |decoder: &mut Decoder, chunk: &'static str| {
        decoder.push(chunk.into());
        decoder.next_event().unwrap()
    };
    decode(&mut decoder, "id: 1\ndata: a\n\n").unwrap();
    assert_eq!(decode(&mut decoder, "data: b\n\n").unwrap().last_event_id(), "1");
    assert_eq!(decode(&mut decoder, "id: 2\ndata: c\n"), None);
    assert_eq!(decoder.finish().unwrap().unwrap().last_event_id(), "2");
    assert_eq!(decode(&mut decoder, "data: d\n\n").unwrap().last_event_id(), "2");
}

#[test]
fn a_decoder_can_be_taken_apart_anywhere() {
    let stream = "id: 1\ndata: a\n\nid: 2\ndata: b\ndata: c\n: x\n\ndata: d\n\n";
    for cut in 0..=stream.len() {
        for items in 0..4 {
            let mut decoder = Decoder::new();
            decoder.push(Bytes::copy_from_slice(&stream.as_bytes()[..cut]));
            let mut seen = Vec::new();
            for _ in 0..items {
                seen.extend(decoder.next_item().unwrap());
            }
            let (parser, unread) = decoder.into_parts();
            let mut decoder = Decoder::with_parser(parser);
            decoder.push(unread);
            decoder.push(Bytes::copy_from_slice(&stream.as_bytes()[cut..]));
            seen.extend(std::iter::from_fn(|| decoder.next_item().unwrap()));
            let data: Vec<_> = seen
                .iter()
                .map(|item| match item {
                    Item::Event(event) => event.data(),
                    _ => "comment",
                })
                .collect();
            assert_eq!(data, ["a", "comment", "b\nc", "d"], "cut at {cut}, {items} items");
        }
    }
}

#[test]
fn a_decoder_has_pending_bytes_until_they_are_read() {
    let mut decoder = Decoder::new();
    assert!(!decoder.has_pending());
    decoder.push("data: 1\n\n".into());
    assert!(decoder.has_pending());
    assert!(decoder.next_event().unwrap().is_some());
    assert!(!decoder.has_pending());
    decoder.push("data: 2\n\nda".into());
    decoder.reset();
    assert!(!decoder.has_pending());
    assert_eq!(decoder.next_event().unwrap(), None);
}

#[test]
fn the_end_and_a_reset_discard_what_was_pushed_and_not_read() {
    for end in [|decoder: &mut Decoder| assert_eq!(decoder.finish(), Ok(None)), Decoder::reset] {
        let mut decoder = Decoder::new();
        for chunk in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            decoder.push(chunk.into());
        }
        assert_eq!(decoder.next_event().unwrap().unwrap().data(), "1");
        end(&mut decoder);
        assert!(!decoder.has_pending());
        assert_eq!(decoder.unread(), "");
        assert_eq!(decoder.next_event(), Ok(None));
        decoder.push("data: 4\n\n".into());
        assert_eq!(decoder.next_event().unwrap().unwrap().data(), "4");
    }
}

#[test]
fn an_adapter_counts_on_from_where_its_parser_is() {
    let parser = || {
        let mut parser = Parser::builder().max_event_size(1).build();
        assert!(parser.feed(b"data: 1\n\n").next_event().unwrap().is_some());
        parser
    };
    let stream = "data: 23\n\ndata: 45\n\n";
    // Whether or not it is asked for events before there is a chunk.
    for asked in [false, true] {
        let mut decoder = Decoder::with_parser(parser());
        assert!(!asked || decoder.next_event() == Ok(None));
        decoder.push(stream.into());
        for offset in [9, 19] {
            assert_eq!(decoder.next_event().unwrap_err().offset(), offset);
        }
    }
    let mut events = EventStream::with_parser(chunks(&[stream]), parser());
    let mut reader = EventReader::with_parser(stream.as_bytes(), parser());
    for offset in [9, 19] {
        let Some(Err(StreamError::Parse(error))) = next(&mut events) else { panic!() };
        assert_eq!(error.offset(), offset);
        let Some(Err(StreamError::Parse(error))) = reader.next() else { panic!() };
        assert_eq!(error.offset(), offset);
    }
}

#[test]
fn a_parse_error_reads_the_same_from_an_adapter() {
    let fault = ParseError::InvalidUtf8 { offset: 9 };
    assert_eq!(StreamError::<io::Error>::from(fault.clone()).to_string(), fault.to_string());
}

#[test]
fn a_detached_event_has_all_that_it_had() {
    for block in ["id: 1\nevent: type\nretry: 5\ndata: a\n\n", "data: a\ndata: b\nretry: 5\n\n"] {
        let mut decoder = Decoder::new();
        decoder.push(block.into());
        let event = decoder.next_event().unwrap().unwrap();
        assert_eq!(event.retry(), Some(Duration::from_millis(5)));
        assert_eq!(event.clone().detach(), event);
        assert_eq!(Event::from(event.as_event_ref()), event);
    }
}

#[test]
fn a_decoder_that_is_finished_reads_the_next_connection() {
    let parser = Parser::builder().eof_policy(EofPolicy::Dispatch).build();
    let mut decoder = Decoder::with_parser(parser);
    decoder.push("id: 1\ndata: a\ndata: b".into());
    assert_eq!(decoder.next_event().unwrap(), None);
    assert_eq!(decoder.finish().unwrap().unwrap().data(), "a\nb");
    decoder.push("\u{FEFF}data: c\n\n".into());
    let event = decoder.next_event().unwrap().unwrap();
    assert_eq!((event.data(), event.last_event_id()), ("c", "1"));
}

// The stream.

#[test]
fn a_stream_that_ends_between_blocks_is_complete() {
    let mut events = chunks(&["data: 1\n", "\n", ": bye\n"]).events();
    assert_eq!(data(next(&mut events)), "1");
    assert_eq!(events.ending(), None);
    assert!(!events.is_terminated());
    assert!(next(&mut events).is_none());
    assert_eq!(events.ending(), Some(Ending::Complete));
    assert!(events.is_terminated());
    assert_eq!(events.bytes_read(), 15);
    assert!(next(&mut events).is_none());
}

#[test]
fn a_stream_that_ends_within_a_block_is_cut_whatever_the_policy() {
    for (policy, delivered) in
        [(EofPolicy::Discard, 0), (EofPolicy::Dispatch, 1), (EofPolicy::Error, 1)]
    {
        let parser = Parser::builder().eof_policy(policy).build();
        let mut events = EventStream::with_parser(chunks(&["data: 1"]), parser);
        let mut seen = Vec::new();
        while let Some(event) = next(&mut events) {
            seen.push(event);
        }
        assert_eq!(seen.len(), delivered, "{policy:?}");
        assert_eq!(events.ending(), Some(Ending::Cut));
        if policy == EofPolicy::Error {
            let error = StreamError::Parse(ParseError::UnexpectedEnd { offset: 0 });
            assert_eq!(seen, [Err(error)]);
        }
    }
}

#[test]
fn a_transport_error_ends_a_stream_and_keeps_its_source() {
    let error = io::Error::from(ErrorKind::ConnectionReset);
    let steps = [Step::Chunk("id: 1\ndata: a\n\nda"), Step::Error(error), Step::Chunk("ta")];
    let mut events = Script::new(steps).events();
    assert_eq!(data(next(&mut events)), "a");
    let error = next(&mut events).unwrap().unwrap_err();
    assert!(matches!(error, StreamError::Transport(_)));
    let source = std::error::Error::source(&error).expect("the source is kept");
    assert_eq!(source.to_string(), "connection reset");
    assert!(!error.to_string().contains("connection reset"), "and printed once");
    assert!(next(&mut events).is_none());
    assert_eq!(events.ending(), Some(Ending::Transport));
    assert_eq!(events.last_event_id(), "1", "what a reconnect needs is still there");
}

#[test]
fn after_any_ending_the_parser_is_ready_for_a_new_connection() {
    let stream = "id: 1\ndata: a\n\ndata: ha";
    for last in [None, Some(Step::Error(ErrorKind::ConnectionReset))] {
        let transport = last.is_some();
        let steps = [Step::Chunk(stream)].into_iter().chain(last);
        let mut events = Script::new(steps).events();
        while next(&mut events).is_some() {}
        let ending = if transport { Ending::Transport } else { Ending::Cut };
        assert_eq!(events.ending(), Some(ending));
        let (_, parser, unread) = events.into_parts();
        assert!(unread.is_empty() && !parser.has_pending());

        let last = transport.then_some(Step::Error(ErrorKind::ConnectionReset));
        let steps = [Step::Chunk(stream)].into_iter().chain(last);
        let mut reader = EventReader::with_parser(Script::new(steps), parser);
        while reader.next().is_some() {}
        assert_eq!(reader.ending(), Some(ending));
        let (_, mut parser, unread) = reader.into_parts();
        assert!(unread.is_empty());
        let mut feed = parser.feed(b"data: b\n\n");
        let event = feed.next_event().unwrap().unwrap();
        assert_eq!((event.data(), event.last_event_id()), ("b", "1"));
    }
}

#[test]
fn a_parse_error_does_not_end_a_stream() {
    let parser = Parser::builder().max_event_size(4).build();
    let stream = chunks(&["data: 123", "45\ndata: 6\n\nretry: 7\ndata: 8\n\n"]);
    let mut events = EventStream::with_parser(stream, parser);
    assert!(matches!(next(&mut events), Some(Err(StreamError::Parse(_)))));
    assert_eq!(data(next(&mut events)), "8");
    assert_eq!(events.reconnection_time(), Some(Duration::from_millis(7)));
    assert!(next(&mut events).is_none());
    assert_eq!(events.ending(), Some(Ending::Complete));
}

#[test]
fn a_next_that_is_dropped_loses_nothing() {
    let steps = [
        Step::Chunk("data: 1\n\ndata"),
        Step::Pending,
        Step::Chunk(": 2\n"),
        Step::Pending,
        Step::Chunk("\n"),
    ];
    let mut events = Script::<Infallible>::new(steps).events();
    let mut seen = Vec::new();
    while !events.is_terminated() {
        // Each future is polled once and dropped.
        if let Some(Some(event)) = events.next().now_or_never() {
            seen.push(data(Some(event)));
        }
    }
    assert_eq!(seen, ["1", "2"]);
}

#[test]
fn comments_are_items_and_any_byte_is_a_sign_of_life() {
    let mut items = chunks(&[": a", "bc\n", "retry: 1\n\n"]).events().items();
    assert_eq!(next(&mut items), Some(Ok(Item::Comment("abc".into()))));
    assert_eq!(items.get_ref().bytes_read(), 6);
    assert_eq!(next(&mut items), Some(Ok(Item::Retry(Duration::from_millis(1)))));
    assert_eq!(next(&mut items), None);
    assert!(items.is_terminated());
}

#[test]
fn a_sentinel_tells_finished_from_cut_off() {
    let finished = &["data: 1\n\ndata: [DO", "NE]\n\ndata: after\n\n"];
    let mut events = chunks(finished).events().until_sentinel("[DONE]");
    assert_eq!(data(next(&mut events)), "1");
    assert_eq!(events.outcome(), None);
    assert!(next(&mut events).is_none());
    assert!(events.is_terminated());
    assert_eq!(events.outcome(), Some(Outcome::Finished));
    assert!(next(&mut events).is_none());
    assert_eq!(data(next(&mut events.into_inner())), "after");

    let mut events = chunks(&["data: 1\n\ndata: [DONE]\n"]).events().until_sentinel("[DONE]");
    assert_eq!(data(next(&mut events)), "1");
    assert!(next(&mut events).is_none());
    assert_eq!(events.outcome(), Some(Outcome::CutOff));
    assert_eq!(events.get_ref().ending(), Some(Ending::Cut));

    let steps = [Step::Error("reset")];
    let mut events = Script::new(steps).events().until_sentinel("[DONE]");
    assert_eq!(next(&mut events), Some(Err(StreamError::Transport("reset"))));
    assert_eq!(events.outcome(), Some(Outcome::CutOff));
    assert!(next(&mut events).is_none());
    assert_eq!(events.outcome(), Some(Outcome::CutOff));
}

#[test]
fn a_sentinel_is_all_of_the_data_of_an_event_of_any_type() {
    let stream = chunks(&[
        "data: [DONE]!\n\ndata: ![DONE]\n\ndata:  [DONE]\n\ndata: [DONE]\ndata\n\ndata: [DON\n\n",
        "id: [DONE]\n\nevent: [DONE]\ndata\n\nevent: end\ndata: [DONE]\n\n",
    ]);
    let mut events = stream.events().until_sentinel("[DONE]");
    let expected = ["[DONE]!", "![DONE]", " [DONE]", "[DONE]\n", "[DON", ""];
    for expected in expected {
        assert_eq!(data(next(&mut events)), expected);
        assert_eq!(events.outcome(), None);
    }
    assert_eq!(next(&mut events), None);
    assert_eq!(events.outcome(), Some(Outcome::Finished));
}

#[test]
fn a_parse_error_before_a_sentinel_decides_nothing() {
    let parser = Parser::builder().max_event_size(6).build();
    let stream = chunks(&["data: too large\n\ndata: 1\n\ndata: [DONE]\n\n"]);
    let mut events = EventStream::with_parser(stream, parser).until_sentinel("[DONE]");
    assert!(matches!(next(&mut events), Some(Err(StreamError::Parse(_)))));
    assert_eq!(events.outcome(), None);
    assert!(!events.is_terminated());
    assert_eq!(data(next(&mut events)), "1");
    assert_eq!(next(&mut events), None);
    assert_eq!(events.outcome(), Some(Outcome::Finished));
}

#[test]
fn a_stream_that_has_ended_is_not_asked_again() {
    let mut ended = false;
    let inner = stream::poll_fn(move |_| {
        assert!(!std::mem::replace(&mut ended, true), "asked again after its end");
        Poll::Ready(None::<Result<Bytes, Infallible>>)
    });
    let mut items = inner.events().items();
    assert!(!items.is_terminated());
    assert_eq!(next(&mut items), None);
    assert_eq!(next(&mut items), None);
    let mut events = items.into_inner();
    assert_eq!(next(&mut events), None);
    let mut events = events.until_sentinel("");
    assert!(!events.is_terminated());
    assert_eq!(next(&mut events), None);
    assert_eq!(events.outcome(), Some(Outcome::CutOff));
}

#[test]
fn what_is_inside_an_adapter_can_be_reached_and_taken_out() {
    let mut events = chunks(&["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]).events();
    assert_eq!(events.get_ref().0.len(), 3);
    events.get_mut().0.pop_front();
    assert_eq!(data(next(&mut events)), "2");
    let mut items = events.items();
    assert_eq!(items.get_ref().get_ref().0.len(), 1);
    assert!(next(&mut items).is_some());
    let mut events = items.into_inner().until_sentinel("x");
    assert_eq!(events.get_ref().bytes_read(), 18);
    assert_eq!(next(&mut events), None);
    assert_eq!(events.into_inner().into_inner().0.len(), 0);

    let mut reader = EventReader::new(&b"data: 1\n\n"[..]);
    assert_eq!(reader.get_ref().len(), 9);
    *reader.get_mut() = b"retry: 5\ndata: 2\n\n";
    assert_eq!(data(reader.next()), "2");
    assert_eq!(reader.reconnection_time(), Some(Duration::from_millis(5)));
    *reader.get_mut() = b"rest";
    assert_eq!(reader.into_inner(), b"rest");
}

#[test]
fn a_stream_taken_apart_loses_nothing() {
    let mut events = chunks(&["data: 1\n\ndata: 2\n\nda", "ta: 3\n\n"]).events();
    assert_eq!(data(next(&mut events)), "1");
    let (inner, parser, unread) = events.into_parts();
    let rest = stream::iter([Ok(unread)]).chain(inner);
    let events = EventStream::with_parser(rest, parser);
    let events: Vec<_> = block_on(events.map(|event| data(Some(event))).collect());
    assert_eq!(events, ["2", "3"]);
}

#[test]
fn a_stream_needs_neither_send_nor_an_error_type_that_is_an_error() {
    let not_send = std::rc::Rc::new(());
    let inner = stream::iter([Ok("data: 1\n\n"), Err(not_send)]);
    let events: Vec<_> = block_on(inner.events().collect());
    assert!(matches!(events.as_slice(), [Ok(_), Err(StreamError::Transport(_))]));
}

#[test]
fn a_stream_of_vectors_or_strings_is_a_stream_of_chunks() {
    let vectors = stream::iter([Ok::<_, Infallible>(b"data: 1\n\n".to_vec())]);
    let strings = stream::iter([Ok::<_, Infallible>("data: 1\n\n".to_owned())]);
    assert_eq!(data(next(&mut vectors.events())), "1");
    assert_eq!(data(next(&mut strings.events())), "1");
}

// The reader.

#[test]
fn a_reader_tells_complete_from_cut() {
    for (stream, ending) in [
        ("data: 1\n\n", Ending::Complete),
        ("", Ending::Complete),
        ("data: 1\n\ndata: 2\n", Ending::Cut),
    ] {
        let mut reader = EventReader::new(stream.as_bytes());
        while let Some(event) = reader.next_event().unwrap() {
            assert_eq!(event.data(), "1");
        }
        assert_eq!(reader.ending(), Some(ending), "{stream:?}");
        assert_eq!(reader.bytes_read(), stream.len() as u64);
        assert!(reader.next_event().unwrap().is_none());
        assert!(reader.next_item().unwrap().is_none());
        assert!(reader.next().is_none());
    }
}

#[test]
fn a_reader_dispatches_a_cut_block_once_if_asked_to() {
    let parser = Parser::builder().eof_policy(EofPolicy::Dispatch).build();
    let mut reader = EventReader::with_parser(&b"data: 1"[..], parser);
    assert_eq!(reader.next_event().unwrap().unwrap().data(), "1");
    assert_eq!(reader.ending(), Some(Ending::Cut));
    assert!(reader.next_event().unwrap().is_none());
}

#[test]
fn a_reader_goes_on_after_interruptions_and_timeouts() {
    let mut reader = EventReader::new(Script::new([
        Step::Chunk("data: 1"),
        Step::Error(ErrorKind::Interrupted),
        Step::Chunk("23"),
        Step::Pending,
        Step::Error(ErrorKind::TimedOut),
        Step::Chunk("\n\ndata: 4\n\n"),
    ]));
    for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
        match reader.next_event() {
            Err(StreamError::Transport(error)) => assert_eq!(error.kind(), kind),
            other => panic!("{other:?}"),
        }
        assert_eq!(reader.ending(), None);
    }
    assert_eq!(reader.next_event().unwrap().unwrap().data(), "123");
    assert_eq!(data(reader.next()), "4");
    assert!(reader.next().is_none());
}

#[test]
fn any_other_error_ends_a_reader() {
    for kind in [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof, ErrorKind::Other] {
        let steps =
            [Step::Chunk("id: 1\ndata: 1\n\nda"), Step::Error(kind), Step::Chunk("ta: 2\n\n")];
        let mut reader = EventReader::new(Script::new(steps));
        assert_eq!(data(reader.next()), "1");
        assert!(matches!(reader.next(), Some(Err(StreamError::Transport(_)))));
        assert!(reader.next().is_none(), "{kind}");
        assert_eq!(reader.ending(), Some(Ending::Transport));
        assert_eq!(reader.last_event_id(), "1");
    }
}

#[test]
fn a_parse_error_does_not_end_a_reader() {
    let parser = Parser::builder().max_event_size(1).build();
    let mut reader = EventReader::with_parser(&b"data: 12\n\ndata: 3\n\n"[..], parser);
    assert!(matches!(reader.next(), Some(Err(StreamError::Parse(_)))));
    assert_eq!(data(reader.next()), "3");
}

#[test]
fn a_reader_shares_the_last_event_id_as_it_was_at_each_event() {
    let stream = "data: a\n\nid: 1\n\ndata: b\n\ndata: c\n\nid: 2\ndata: d\n\ndata: e\n\n\
                  id\n\ndata: f\n\nid: 3\ndata: g";
    let parser = Parser::builder().eof_policy(EofPolicy::Dispatch).build();
    let mut reader = EventReader::with_parser(stream.as_bytes(), parser);
    let ids: Vec<_> =
        reader.by_ref().map(|event| event.unwrap().last_event_id().to_owned()).collect();
    assert_eq!(ids, ["", "1", "1", "2", "2", "", "3"]);
    // After the end the parser is at the beginning of a new stream.
    assert!(reader.next_event().unwrap().is_none());
    let (_, mut parser, _) = reader.into_parts();
    let mut feed = parser.feed(b"data: h\n\n");
    assert_eq!(feed.next_event().unwrap().unwrap().last_event_id(), "3");
}

#[test]
fn offsets_begin_anew_after_the_end_of_a_reader() {
    let parser = Parser::builder().max_event_size(1).build();
    let mut reader = EventReader::with_parser(&b"data: 1\n\n"[..], parser);
    while reader.next_event().unwrap().is_some() {}
    assert!(reader.next_event().unwrap().is_none());
    let (_, mut parser, _) = reader.into_parts();
    assert_eq!(parser.feed(b"data: 23\n\n").next_event().unwrap_err().offset(), 0);
}

#[test]
fn a_reader_delivers_an_event_with_the_read_that_completes_it() {
    let mut reader = EventReader::new(Script::new([
        Step::Chunk("data: 1\r\r"),
        Step::Pending,
        Step::Chunk("\ndata: 2\r\n\r"),
        Step::Pending,
    ]));
    assert_eq!(reader.next_event().unwrap().unwrap().data(), "1");
    assert!(reader.next_event().is_err());
    assert_eq!(reader.next_event().unwrap().unwrap().data(), "2");
}

#[test]
fn a_reader_taken_apart_loses_nothing() {
    let mut reader =
        EventReader::new(ChunkReader::new(&[b"data: 1\n\ndata: 2\n\nda", b"ta: 3\n\n"]));
    assert_eq!(reader.next_event().unwrap().unwrap().data(), "1");
    let (inner, parser, unread) = reader.into_parts();
    let reader = EventReader::with_parser(io::Cursor::new(unread).chain(inner), parser);
    assert_eq!(reader.map(|event| data(Some(event))).collect::<Vec<_>>(), ["2", "3"]);
}

#[test]
fn a_reader_taken_apart_after_any_event_has_read_just_that_far() {
    const BLOCK: &str = "data: a\n\n";
    let stream = BLOCK.repeat(5000);
    for count in (0..5000).step_by(97) {
        let mut reader = EventReader::new(stream.as_bytes());
        assert_eq!(reader.by_ref().take(count).filter(Result::is_ok).count(), count);
        let (rest, _, unread) = reader.into_parts();
        assert!([&unread, rest].concat() == stream.as_bytes()[BLOCK.len() * count..], "{count}");
    }
}

#[test]
fn a_reader_that_has_ended_is_not_asked_again() {
    // An empty chunk is the end, whatever would come after it.
    let steps = [Step::Chunk("data: 1\n\n"), Step::Chunk(""), Step::Chunk("data: 2\n\n")];
    let mut reader = EventReader::new(Script::new(steps));
    assert_eq!(data(reader.next()), "1");
    assert!(reader.next().is_none());
    assert_eq!(reader.ending(), Some(Ending::Complete));
    assert!(reader.next().is_none());
    assert!(reader.next_item().unwrap().is_none());
    assert_eq!(reader.bytes_read(), 9);
    assert_eq!(reader.get_ref().0.len(), 1);
}

#[test]
fn a_reader_asks_for_16_kib_at_a_time() {
    struct Asked(Vec<usize>);
    impl Read for Asked {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.push(buffer.len());
            buffer.fill(b'\n');
            Ok(if self.0.len() < 3 { buffer.len() } else { 0 })
        }
    }
    let mut reader = EventReader::new(Asked(Vec::new()));
    assert!(reader.next_item().unwrap().is_none());
    assert_eq!(reader.bytes_read(), 32 * 1024);
    assert_eq!(reader.into_inner().0, [16 * 1024; 3]);
}

#[test]
fn chunks_that_wait_are_read_in_the_order_in_which_they_were_pushed() {
    let mut decoder = Decoder::new();
    let mut data = Vec::new();
    decoder.push("data: 1\n\n".into());
    decoder.push("data: 2\n\n".into());
    data.push(decoder.next_event().unwrap().unwrap().data().to_owned());
    decoder.push("data: 3\n\n".into());
    while let Some(event) = decoder.next_event().unwrap() {
        data.push(event.data().to_owned());
    }
    assert_eq!(data, ["1", "2", "3"]);
}

#[test]
fn a_reader_notices_a_new_last_event_id_with_or_without_data() {
    let stream = b"id: 1\n\ndata: a\n\nid: 2\n\ndata: b\n\nid: 3\ndata: c\n\ndata: d\n\n";
    let events: Result<Vec<_>, _> = EventReader::new(&stream[..]).collect();
    let ids: Vec<_> =
        events.unwrap().iter().map(|event| event.last_event_id().to_owned()).collect();
    assert_eq!(ids, ["1", "2", "3", "3"]);
}

#[test]
fn finish_and_reset_of_a_decoder_discard_what_it_has_not_read() {
    let unread = Bytes::from("data: old\n\ndata: o");
    let endings: [fn(&mut Decoder); 2] =
        [|decoder| assert_eq!(decoder.finish(), Ok(None)), |decoder| decoder.reset()];
    for end in endings {
        let parser = Parser::builder().max_event_size(4).build();
        let mut decoder = Decoder::with_parser(parser);
        decoder.push(unread.clone());
        decoder.push(unread.clone());
        end(&mut decoder);
        assert_eq!(decoder.next_event(), Ok(None));
        decoder.push("data: too large\n\ndata: new\n\n".into());
        assert_eq!(decoder.next_event().unwrap_err().offset(), 0);
        assert_eq!(decoder.next_event().unwrap().unwrap().data(), "new");
    }
}

#[test]
fn only_data_that_is_exactly_the_sentinel_ends_a_stream() {
    let data = [" [DONE]", "[DONE] ", "[DONE]x", "x[DONE]", "[done]"];
    let mut stream: String = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    stream += "data: far too large\n\ndata: [DONE]\n\ndata: after\n\n";
    let parser = Parser::builder().max_event_size(8).build();
    let chunks = stream::iter([Ok::<_, Infallible>(stream)]);
    let mut events = EventStream::with_parser(chunks, parser).until_sentinel("[DONE]");
    let mut seen = Vec::new();
    while let Some(event) = block_on(events.next()) {
        seen.push(event.map(|event| event.data().to_owned()).map_err(|_| "refused"));
    }
    let expected: Vec<_> =
        data.iter().map(|data| Ok((*data).to_owned())).chain([Err("refused")]).collect();
    assert_eq!(seen, expected);
    assert_eq!(events.outcome(), Some(Outcome::Finished));
}

#[test]
fn a_reader_says_the_reconnection_time_before_the_end() {
    let mut reader = EventReader::new(&b"retry: 5\n\ndata: a\n\ndata: b\n\n"[..]);
    assert!(reader.next_event().unwrap().is_some());
    assert_eq!(reader.reconnection_time(), Some(Duration::from_millis(5)));
}

#[test]
fn a_reader_that_says_that_it_has_read_more_than_it_could_does_no_harm() {
    struct Liar(bool);
    impl Read for Liar {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer[..9].copy_from_slice(b"data: a\n\n");
            Ok(if std::mem::take(&mut self.0) { usize::MAX } else { 0 })
        }
    }
    let mut reader = EventReader::new(Liar(true));
    assert_eq!(reader.next_event().unwrap().unwrap().data(), "a");
    assert!(reader.next_event().unwrap().is_none());
}
