//! JSON in the data of events.
#![cfg(all(feature = "json", feature = "stream"))]

use std::{collections::BTreeMap, error::Error};

use bytes::BytesMut;
use futures::{
    StreamExt,
    executor::block_on,
    stream::{self, FusedStream},
};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};
use serde_json::value::RawValue;
use sse_wire::{
    Ending, Event, EventStreamExt, EventWriter, Json, JsonEncodeError, JsonError, JsonStreamError,
    Outcome, ParseError, Parser, StreamError,
};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Delta<'a> {
    text: &'a str,
}

#[test]
fn what_is_read_borrows_from_the_event_or_its_chunk() {
    let event = Event::new(r#"{"text":"caf\u00e9"}"#);
    assert!(event.json::<Delta<'_>>().is_err(), "an escape cannot be borrowed");
    let event = Event::new("{\"text\":\"caf\u{e9}\"}");
    let delta: Delta<'_> = event.json().unwrap();
    assert!(event.data().as_bytes().as_ptr_range().contains(&delta.text.as_ptr()));

    let chunk = b"data: {\"text\":\"a\"}\n\n";
    let mut parser = Parser::new();
    let mut feed = parser.feed(chunk);
    let delta: Delta<'_> = feed.next_event().unwrap().unwrap().json().unwrap();
    assert!(chunk.as_ptr_range().contains(&delta.text.as_ptr()));
}

#[test]
fn data_of_several_lines_is_one_value() {
    let mut parser = Parser::new();
    let mut feed = parser.feed(b"data: {\ndata: \"text\": \"a\"\ndata: }\n\n");
    assert_eq!(feed.next_event().unwrap().unwrap().json::<Delta<'_>>().unwrap().text, "a");
}

#[test]
fn an_error_keeps_the_event_and_says_where() {
    let event =
        Event::builder().event_type("error").id("7").data("{\"text\":\n1}").build().unwrap();
    let mut error = event.json::<Delta<'_>>().unwrap_err();
    for _ in 0..2 {
        assert_eq!(error.event(), &event);
        assert_eq!(error.line(), 2);
        assert!(error.to_string().contains("`error` event"), "{error}");
        assert!(error.source().unwrap().to_string().contains("expected a borrowed string"));
        error = event.as_event_ref().json::<Delta<'_>>().unwrap_err();
    }
    assert_eq!(error.into_event(), event);
}

#[test]
fn no_data_and_no_json_are_errors() {
    for data in ["", " ", "[DONE]", "{", "{\"text\":\"a\"} x", "\u{feff}1"] {
        assert!(Event::new(data).json::<serde_json::Value>().is_err(), "{data:?}");
    }
    let deep = "[".repeat(1_000_000);
    assert!(Event::new(deep).json::<serde_json::Value>().is_err());
}

#[test]
fn a_stream_goes_on_after_what_is_not_what_was_expected() {
    let parser = Parser::builder().max_event_size(20).build();
    let chunks = ["data: 1\n\ndata: x\n\n", "data: ", &"2".repeat(30), "\n\ndata: 3\n\ndata: 4"];
    let body = stream::iter(chunks.map(|chunk| Ok::<_, std::io::Error>(chunk.to_owned())));
    let mut numbers: Json<_, u32> = sse_wire::EventStream::with_parser(body, parser).json();
    let mut next = || block_on(numbers.next());
    assert!(matches!(next(), Some(Ok(1))));
    assert!(
        matches!(next(), Some(Err(JsonStreamError::Json(error))) if error.event().data() == "x")
    );
    let too_large = next();
    assert!(
        matches!(
            too_large,
            Some(Err(JsonStreamError::Stream(StreamError::Parse(
                ParseError::EventTooLarge { .. }
            ))))
        ),
        "{too_large:?}"
    );
    assert!(matches!(next(), Some(Ok(3))));
    assert!(next().is_none());
    assert!(numbers.is_terminated());
    assert_eq!(numbers.get_ref().ending(), Some(Ending::Cut));
    assert_eq!(numbers.into_inner().bytes_read(), 72);
}

#[test]
fn a_sentinel_is_no_value_and_what_comes_after_it_can_be_read() {
    let body = stream::iter([Ok::<_, std::io::Error>("data: 1\n\ndata: [DONE]\n\ndata: 2\n\n")]);
    let mut numbers = body.events().until_sentinel("[DONE]").json::<u32>();
    assert!(matches!(block_on(numbers.next()), Some(Ok(1))));
    assert!(block_on(numbers.next()).is_none());
    assert_eq!(numbers.get_ref().outcome(), Some(Outcome::Finished));
    let mut rest = numbers.into_inner().into_inner().json::<u32>();
    assert!(matches!(block_on(rest.next()), Some(Ok(2))));
}

#[test]
fn errors_pass_through_with_their_sources() {
    let body = stream::iter([Ok("data: 1\n\n"), Err(std::io::Error::other("reset"))]);
    let mut numbers = body.events().json::<u32>();
    assert!(matches!(block_on(numbers.next()), Some(Ok(1))));
    let error = block_on(numbers.next()).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the transport of the event stream failed");
    assert_eq!(error.source().unwrap().to_string(), "reset");
    assert!(block_on(numbers.next()).is_none());
}

#[test]
fn errors_may_go_anywhere() {
    fn is_error<T: Error + Send + Sync + 'static>() {}
    is_error::<JsonError>();
    is_error::<JsonStreamError<std::io::Error>>();
    is_error::<JsonEncodeError>();
    fn is_sent<T: Send + Sync + Unpin>() {}
    // Values are made and passed on, never held.
    is_sent::<Json<(), std::rc::Rc<()>>>();
    const { assert!(size_of::<Result<u8, JsonError>>() <= 24) };
}

/// A value that says halfway that it cannot be serialised.
struct FailsHalfway;

impl Serialize for FailsHalfway {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element("half")?;
        Err(serde::ser::Error::custom("the other half is missing"))
    }
}

/// The event that is written for a value, in the two ways that there are.
fn written<T: ?Sized + Serialize>(value: &T) -> Event {
    let built = Event::builder().event_type("a").id("7").json(value).unwrap().build().unwrap();
    let mut buffer = BytesMut::new();
    let writer = EventWriter::new(&mut buffer).event_type("a").unwrap().id("7").unwrap();
    writer.json(value).unwrap().finish();
    assert_eq!(buffer, built.to_bytes());
    assert_eq!(read(&buffer), std::slice::from_ref(&built));
    built
}

fn read(stream: &[u8]) -> Vec<Event> {
    let mut parser = Parser::new();
    let mut feed = parser.feed(stream);
    std::iter::from_fn(|| feed.next_event().unwrap().map(|event| event.to_event())).collect()
}

#[test]
fn what_is_written_as_json_is_read_as_the_same_value_and_is_one_line() {
    for text in ["", "two\nlines\r\n", "\u{0}\u{1f}\u{7f}", "caf\u{e9} \u{1f980} \u{2028}", "\"\\"]
    {
        let event = written(&Delta { text });
        assert!(!event.data().contains('\n'), "{event:?}");
        let value: serde_json::Value = event.json().unwrap();
        assert_eq!(value["text"], text);
    }
    assert_eq!(written(&None::<u8>).data(), "null");
    assert_eq!(written("text").data(), "\"text\"");
    assert_eq!(written(&[1.5, -0.0]).data(), "[1.5,-0.0]");
    let long = "\u{e9}x".repeat(100_000);
    assert_eq!(written(&Delta { text: &long }).json::<Delta<'_>>().unwrap().text, long);
}

#[test]
fn line_ends_of_raw_json_start_new_lines_and_change_nothing_in_its_value() {
    let raw: &RawValue = serde_json::from_str("{\r\n\"text\":\r\r\"a\"\n}").unwrap();
    let event = written(raw);
    assert_eq!(event.data(), "{\n\"text\":\n\n\"a\"\n}");
    assert_eq!(event.json::<Delta<'_>>().unwrap(), Delta { text: "a" });
    let nested = written(&BTreeMap::from([("delta", raw)]));
    assert_eq!(nested.json::<BTreeMap<&str, Delta<'_>>>().unwrap()["delta"].text, "a");
}

#[test]
fn a_pretty_printer_writes_an_event_of_several_lines() {
    let mut buffer = BytesMut::new();
    let mut writer = EventWriter::new(&mut buffer);
    serde_json::to_writer_pretty(&mut writer, &Delta { text: "a" }).unwrap();
    writer.finish();
    assert_eq!(buffer, "data: {\ndata:   \"text\": \"a\"\ndata: }\n\n");
    assert_eq!(read(&buffer)[0].json::<Delta<'_>>().unwrap().text, "a");
}

#[test]
fn a_value_that_cannot_be_json_is_an_error_and_leaves_nothing_behind() {
    fn check<T: Serialize>(value: &T, why: &str) {
        let mut buffer = BytesMut::from("data: before\n\n");
        let writer = EventWriter::new(&mut buffer).event_type("a").unwrap().data("first ");
        let error = writer.json(value).unwrap_err();
        assert_eq!(buffer, "data: before\n\n");
        assert_eq!(error.to_string(), "the data of an event cannot be written as JSON");
        assert_eq!(error.source().unwrap().to_string(), why);
        let error = Event::builder().json(value).unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), why);
    }
    check(&FailsHalfway, "the other half is missing");
    check(&[FailsHalfway], "the other half is missing");
    check(&BTreeMap::from([([0, 0], "origin")]), "key must be a string");
}

#[test]
fn json_is_a_part_of_the_data_of_a_writer_and_the_last_data_of_a_builder() {
    let mut buffer = BytesMut::new();
    let writer = EventWriter::new(&mut buffer).data("a\r").json(&1).unwrap();
    writer.id("7").unwrap().json(&2).unwrap().data("\n").finish();
    assert_eq!(buffer, "data: a\ndata: 1\nid: 7\ndata: 2\ndata: \n\n");
    let event = Event::builder().data("a").json(&1).unwrap().build().unwrap();
    assert_eq!(event, Event::new("1"));
}
