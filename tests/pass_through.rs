//! What a gateway makes of a stream: an equivalent one if it edits, the same if it only
//! looks.

mod common;
#[path = "common/streams.rs"]
mod streams;

use common::{Record, Tier};
use futures::{Stream, StreamExt, executor::block_on, stream};
use proptest::prelude::*;
use sse_wire::{
    Decoder, Edit, EditEvents, Encode, EofPolicy, Event, EventStreamExt, Item, ItemRef, ParseError,
    Parser, StreamError, Tee,
};
use streams::{cut, sizes, stream};

type Chunk = Result<Vec<u8>, std::io::Error>;

fn upstream(bytes: &[u8], sizes: &[usize]) -> impl Stream<Item = Chunk> + Unpin + use<> {
    let chunks: Vec<_> = cut(bytes, sizes).iter().map(|chunk| Ok(chunk.to_vec())).collect();
    stream::iter(chunks)
}

/// What a gateway that edits events sends. Nothing here makes an error.
fn through(bytes: &[u8], sizes: &[usize], edit: impl FnMut(&Event) -> Edit) -> Vec<u8> {
    let mut items = EditEvents::new(upstream(bytes, sizes).events().items(), edit);
    let mut downstream = Vec::new();
    while let Some(item) = block_on(items.next()) {
        item.unwrap().encode(&mut downstream).unwrap();
    }
    downstream
}

fn read(bytes: &[u8]) -> Record {
    Tier::Parser.run(Parser::new(), &[bytes])
}

fn items(bytes: &[u8]) -> Vec<Item> {
    let mut decoder = Decoder::new();
    decoder.push(bytes.to_vec().into());
    std::iter::from_fn(|| decoder.next_item().unwrap()).collect()
}

/// The last event ID at each event with data, and both values at the end.
fn ids(record: &Record) -> (Vec<&str>, &str, Option<std::time::Duration>) {
    let ids = record.events().into_iter().map(|(.., id)| id).collect();
    (ids, &record.last_event_id, record.retry)
}

/// The stream, with what an unfinished block sets left out: the standard sets the
/// reconnection time at its line, and it is not part of any item.
fn whole_blocks(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend_from_slice(b"\n\n");
    bytes
}

proptest! {
    #![proptest_config(streams::config(300))]

    #[test]
    fn a_stream_of_which_all_is_kept_is_equivalent(stream in stream(), sizes in sizes()) {
        let stream = whole_blocks(stream);
        let downstream = through(&stream, &sizes, |_| Edit::Keep);
        prop_assert_eq!(items(&downstream), items(&stream));
        let (sent, was) = (read(&downstream), read(&stream));
        prop_assert_eq!(ids(&sent), ids(&was));
    }

    #[test]
    fn an_event_that_is_replaced_sets_what_it_set(stream in stream(), sizes in sizes()) {
        let stream = whole_blocks(stream);
        let downstream = through(&stream, &sizes, |_| Edit::Replace(Event::new("x")));
        let (sent, was) = (read(&downstream), read(&stream));
        prop_assert_eq!(ids(&sent), ids(&was));
        prop_assert!(sent.events().iter().all(|(_, data, _)| *data == "x"));
        prop_assert_eq!(sent.comments(), was.comments());
    }

    #[test]
    fn events_that_are_removed_set_what_they_set(stream in stream(), sizes in sizes()) {
        let stream = whole_blocks(stream);
        let downstream = through(&stream, &sizes, |_| Edit::Remove);
        let (sent, was) = (read(&downstream), read(&stream));
        prop_assert!(sent.events().is_empty());
        prop_assert_eq!(&sent.last_event_id, &was.last_event_id);
        prop_assert_eq!(sent.retry, was.retry);
        prop_assert_eq!(sent.comments(), was.comments());
    }

    #[test]
    fn other_data_changes_nothing_else(stream in stream(), sizes in sizes()) {
        let stream = whole_blocks(stream);
        let same = |event: &Event| Edit::Replace(event.with_data(event.data()));
        prop_assert_eq!(items(&through(&stream, &sizes, same)), items(&stream));
    }

    #[test]
    fn a_tee_passes_each_chunk_as_it_is_and_sees_each_item(stream in stream(), sizes in sizes()) {
        let mut seen = Vec::new();
        let tee = Tee::new(upstream(&stream, &sizes), |item: Result<ItemRef<'_>, ParseError>| {
            seen.push(item.unwrap().to_item());
        });
        let passed: Vec<_> = block_on(tee.map(Result::unwrap).collect());
        prop_assert_eq!(passed, cut(&stream, &sizes));
        prop_assert_eq!(seen, items(&stream));
    }
}

#[test]
fn an_id_and_a_reconnection_time_come_before_what_replaces_their_event() {
    let stream = b"id: 1\nretry: 5\ndata: a\n\nid: 2\nretry: 6\ndata: b\n\ndata: c\n\n";
    let downstream = through(stream, &[7], |event| match event.data() {
        "a" => Edit::Replace(Event::builder().id("own").data("A").build().unwrap()),
        "b" => Edit::Remove,
        _ => Edit::Keep,
    });
    let expected = "retry: 5\n\nid: own\ndata: A\n\nid: 2\n\nretry: 6\n\ndata: c\n\n";
    assert_eq!(String::from_utf8(downstream).unwrap(), expected);
}

#[test]
fn errors_pass_and_what_follows_them_too() {
    let parser = Parser::builder().max_event_size(3).build();
    let chunks = stream::iter([Ok("data: 1\n\ndata: 1234\n\ndata: 2\n\n"), Err("cut")]);
    let items = sse_wire::EventStream::with_parser(chunks, parser).items();
    let mut edited = EditEvents::new(items, |_| Edit::Keep);
    let mut next = || block_on(edited.next());
    assert!(matches!(next(), Some(Ok(Item::Event(event))) if event.data() == "1"));
    assert!(matches!(next(), Some(Err(StreamError::Parse(ParseError::EventTooLarge { .. })))));
    assert!(matches!(next(), Some(Ok(Item::Event(event))) if event.data() == "2"));
    assert!(matches!(next(), Some(Err(StreamError::Transport("cut")))));
    assert!(next().is_none());
}

#[test]
fn a_tee_shows_what_is_wrong_and_passes_it() {
    let parser = Parser::builder().max_event_size(3).eof_policy(EofPolicy::Error).build();
    let chunks = ["data: 12", "34\n\ndata: 2\n\nda", "ta: 3\n"];
    let mut seen = Vec::new();
    let tee = Tee::with_parser(
        stream::iter(chunks.map(Ok::<_, std::io::Error>)),
        parser,
        |item: Result<ItemRef<'_>, ParseError>| seen.push(item.map(|item| item.to_item())),
    );
    let passed: Vec<_> = block_on(tee.map(Result::unwrap).collect());
    assert_eq!(passed, chunks);
    assert!(matches!(seen[0], Err(ParseError::EventTooLarge { .. })));
    assert_eq!(seen[1], Ok(Item::Event(Event::new("2"))));
    assert!(matches!(seen[2], Err(ParseError::UnexpectedEnd { .. })));
    assert_eq!(seen.len(), 3);
}

#[test]
fn a_tee_may_dispatch_the_last_block_and_never_after_an_error() {
    let run = |chunks: Vec<Result<&'static str, &'static str>>| {
        let parser = Parser::builder().eof_policy(EofPolicy::Dispatch).build();
        let mut seen = 0;
        let tee = Tee::with_parser(stream::iter(chunks), parser, |item| {
            item.unwrap();
            seen += 1;
        });
        block_on(tee.for_each(|_| async {}));
        seen
    };
    assert_eq!(run(vec![Ok("data: 1")]), 1);
    assert_eq!(run(vec![Ok("data: 1"), Err("cut")]), 0);
    assert_eq!(run(vec![Ok("data: 1"), Err("cut"), Ok("\n\n")]), 0);
}
