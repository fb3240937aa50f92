//! What is encoded and parsed again is equal, and a value that would not be is
//! an error.
#![cfg(all(feature = "std", feature = "stream"))]

mod common;
#[path = "common/streams.rs"]
mod streams;

use std::{fmt::Write, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use common::Tier;
use proptest::prelude::*;
use sse_wire::{
    Decoder, Encode, EncodeError, Encoded, Event, EventBuilder, EventWriter, Item, ItemRef, Parser,
    encode,
};

/// Text with all that could go wrong in it.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z ]{0,4}".prop_map(String::from),
        1 => prop::sample::select(vec![
            "\n", "\r", "\r\n", "\n\r", "\0", ":", " ", "data:", "id: 1", "event", "retry: 5",
            "\u{FEFF}", "\u{85}", "\u{2028}", "é", "😀", "\t", "\u{B}", "message", "\n\n",
        ]).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn hostile_time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        any::<u64>().prop_map(Duration::from_millis),
        (0u64..100_000).prop_map(Duration::from_millis),
        (0u64..100_000).prop_map(Duration::from_micros),
        any::<(u64, u32)>().prop_map(|(s, ns)| Duration::new(s, ns % 1_000_000_000)),
    ]
}

/// Data as the standard hands it back: with LF for each line end.
fn normalized(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

fn decode(bytes: impl Buf) -> Vec<Item> {
    let mut bytes = bytes;
    let mut decoder = Decoder::new();
    decoder.push(bytes.copy_to_bytes(bytes.remaining()));
    std::iter::from_fn(|| decoder.next_item().unwrap()).collect()
}

/// A call of an `EventWriter`.
#[derive(Clone, Debug)]
enum Call {
    EventType(String),
    Id(String),
    Retry(Duration),
    Data(String),
    /// Through `fmt::Write`.
    Formatted(String),
    /// Through `io::Write`, so many bytes at a time.
    Bytes(String, usize),
}

impl Call {
    fn set_field(&self, builder: EventBuilder) -> EventBuilder {
        match self {
            Self::EventType(text) => builder.event_type(text),
            Self::Id(text) => builder.id(text),
            Self::Retry(time) => builder.retry(*time),
            Self::Data(_) | Self::Formatted(_) | Self::Bytes(..) => builder,
        }
    }

    fn data(&self) -> Option<&str> {
        match self {
            Self::Data(text) | Self::Formatted(text) | Self::Bytes(text, _) => Some(text),
            Self::EventType(_) | Self::Id(_) | Self::Retry(_) => None,
        }
    }
}

fn call() -> impl Strategy<Value = Call> {
    let line_ends = prop::sample::select(vec!["\n", "\r", ""]).prop_map(String::from);
    let text = || prop_oneof![2 => "[a-z]{0,4}", 1 => hostile_text()];
    let time =
        prop_oneof![2 => (0u64..100_000).prop_map(Duration::from_millis), 1 => hostile_time()];
    prop_oneof![
        1 => text().prop_map(Call::EventType),
        1 => text().prop_map(Call::Id),
        1 => time.prop_map(Call::Retry),
        2 => hostile_text().prop_map(Call::Data),
        2 => line_ends.prop_map(Call::Data),
        2 => hostile_text().prop_map(Call::Formatted),
        1 => (hostile_text(), 4usize..9).prop_map(|(text, size)| Call::Bytes(text, size)),
    ]
}

/// Writes an event as the calls say, and ends it if none is an error.
fn write_event(
    buffer: &mut BytesMut,
    calls: &[Call],
    end: impl FnOnce(EventWriter<'_>),
) -> Result<(), EncodeError> {
    let mut event = EventWriter::new(buffer);
    for call in calls {
        event = match call {
            Call::EventType(text) => event.event_type(text)?,
            Call::Id(text) => event.id(text)?,
            Call::Retry(time) => event.retry(*time)?,
            Call::Data(text) => event.data(text),
            Call::Formatted(text) => {
                event.write_str(text).unwrap();
                event
            }
            Call::Bytes(text, size) => {
                write_bytes(&mut event, text.as_bytes(), *size);
                event
            }
        };
    }
    end(event);
    Ok(())
}

/// Writes so many bytes at a time, and again those that were not taken.
fn write_bytes(writer: &mut impl std::io::Write, bytes: &[u8], size: usize) {
    let mut rest = bytes;
    loop {
        let taken = writer.write(&rest[..rest.len().min(size)]).unwrap();
        rest = &rest[taken..];
        if rest.is_empty() {
            return;
        }
    }
}

/// Builds the event that such a writer writes.
fn build_event(calls: &[Call]) -> Result<Event, EncodeError> {
    // A value that is not valid is an error even if a later one replaces it.
    for call in calls {
        call.set_field(Event::builder()).build()?;
    }
    let fields = calls.iter().fold(Event::builder(), |builder, call| call.set_field(builder));
    // Data behind another field is a line of its own.
    let parts = calls.split(|call| call.data().is_none()).filter(|part| !part.is_empty());
    let data =
        parts.map(|part| normalized(&part.iter().filter_map(Call::data).collect::<String>()));
    fields.data(data.collect::<Vec<_>>().join("\n")).build()
}

/// The only event in the bytes.
fn decode_event(bytes: impl Buf) -> Event {
    match decode(bytes).as_slice() {
        [Item::Event(event)] => event.clone(),
        items => panic!("not one event: {items:?}"),
    }
}

proptest! {
    #![proptest_config(streams::config(2000))]

    #[test]
    fn what_the_builder_accepts_comes_back_equal(
        event_type in prop::option::of(hostile_text()),
        id in prop::option::of(hostile_text()),
        time in prop::option::of(hostile_time()),
        data in hostile_text(),
    ) {
        let mut builder = Event::builder().data(&data);
        if let Some(event_type) = &event_type {
            builder = builder.event_type(event_type);
        }
        if let Some(id) = &id {
            builder = builder.id(id);
        }
        if let Some(time) = time {
            builder = builder.retry(time);
        }
        let bad_type = event_type.iter().any(|text| text.contains(['\r', '\n']));
        let bad_id = id.iter().any(|text| text.contains(['\r', '\n', '\0']));
        let bad_time = time.is_some_and(|time| {
            time.subsec_nanos() % 1_000_000 != 0 || time.as_millis() > u128::from(u64::MAX)
        });
        match builder.build() {
            Ok(event) => {
                prop_assert!(!bad_type && !bad_id && !bad_time);
                prop_assert_eq!(event.data(), normalized(&data));
                prop_assert_eq!(event.id(), id.as_deref());
                prop_assert_eq!(event.retry(), time);
                let event_type = event_type.filter(|text| !text.is_empty());
                prop_assert_eq!(event.event_type(), event_type.as_deref().unwrap_or("message"));

                let bytes = event.to_bytes();
                prop_assert_eq!(bytes.len(), event.encoded_len());
                let back = decode_event(bytes);
                prop_assert_eq!(&back, &event);
                prop_assert_eq!(back.last_event_id(), event.last_event_id());
            }
            Err(error) => prop_assert!(bad_type || bad_id || bad_time, "{}", error),
        }
    }

    #[test]
    fn what_the_writer_accepts_comes_back_equal_however_its_data_comes(
        calls in prop::collection::vec(call(), 0..8),
        finished in prop::bool::weighted(0.9),
    ) {
        let mut buffer = BytesMut::from("before");
        let end = |event: EventWriter<'_>| if finished { event.finish() };
        let written = write_event(&mut buffer, &calls, end);
        let event = build_event(&calls);
        prop_assert_eq!(written.as_ref().err(), event.as_ref().err());
        match event {
            Ok(event) if finished => {
                buffer.advance("before".len());
                prop_assert_eq!(decode_event(buffer), event);
            }
            _ => prop_assert_eq!(buffer, "before"),
        }
    }

    #[test]
    fn a_comment_comes_back_as_its_lines_and_injects_nothing(text in hostile_text()) {
        let mut bytes = BytesMut::new();
        encode::comment(&text, &mut bytes);
        prop_assert_eq!(bytes.len(), Item::Comment(text.clone()).encoded_len());
        let expected: Vec<_> =
            normalized(&text).split('\n').map(|line| Item::Comment(line.into())).collect();
        prop_assert_eq!(decode(bytes), expected);
    }

    #[test]
    fn an_item_made_by_hand_is_written_whole_or_not_at_all(
        id in hostile_text(),
        time in hostile_time(),
    ) {
        for item in [Item::LastEventId(id), Item::Retry(time)] {
            let mut bytes = BytesMut::new();
            match item.encode(&mut bytes) {
                Ok(()) => {
                    prop_assert_eq!(bytes.len(), item.encoded_len());
                    prop_assert_eq!(decode(bytes), [item]);
                }
                Err(_) => prop_assert_eq!(bytes, ""),
            }
        }
    }

    #[test]
    fn items_written_out_again_are_an_equivalent_stream(stream in streams::stream()) {
        // What an unfinished block sets is no item.
        let stream = [&stream[..], b"\n\n"].concat();
        let mut parser = Parser::new();
        let mut copy = BytesMut::new();
        let mut feed = parser.feed(&stream);
        while let Some(item) = feed.next_item().unwrap() {
            let start = copy.len();
            item.encode(&mut copy).unwrap();
            prop_assert_eq!(copy.len() - start, item.encoded_len());
        }
        let original = Tier::Parser.run(Parser::new(), &[&stream]);
        let copy = Tier::Parser.run(Parser::new(), &[&copy]);
        prop_assert_eq!(copy, original);
    }
}

#[test]
fn errors_name_the_field_and_the_position() {
    let error = Event::builder().event_type("ab\rc").build().unwrap_err();
    assert_eq!(error, EncodeError::LineEnd { field: "event", position: 2 });
    assert_eq!(
        error.to_string(),
        "line end at byte 2 of the `event` field; the value must be one line"
    );
    let error = Event::builder().id("é\0").build().unwrap_err();
    assert_eq!(error, EncodeError::Nul { field: "id", position: 2 });
    let error = encode::retry(Duration::from_micros(1), &mut BytesMut::new()).unwrap_err();
    assert!(error.to_string().contains("`retry` field"), "{error}");
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing_behind() {
    let mut buffer = BytesMut::new();
    EventWriter::new(&mut buffer).data("kept").finish();
    drop(EventWriter::new(&mut buffer).event_type("x").unwrap().data("a\nb"));
    assert_eq!(buffer, "data: kept\n\n");
}

#[test]
fn a_writer_without_data_writes_an_event_that_is_dispatched() {
    let mut buffer = BytesMut::new();
    EventWriter::new(&mut buffer).event_type("done").unwrap().finish();
    assert_eq!(decode_event(buffer).event_type(), "done");
}

#[test]
fn data_behind_another_field_is_a_line_of_its_own() {
    let mut buffer = BytesMut::new();
    EventWriter::new(&mut buffer).data("a\r").id("1").unwrap().data("\nb").finish();
    assert_eq!(buffer, "data: a\ndata: \nid: 1\ndata: \ndata: b\n\n");
}

#[test]
fn empty_data_behind_another_field_is_a_line_unless_there_is_nothing_to_write() {
    let mut buffer = BytesMut::new();
    EventWriter::new(&mut buffer).data("a").id("1").unwrap().data("").finish();
    assert_eq!(buffer, "data: a\nid: 1\ndata: \n\n");

    buffer.clear();
    let mut event = EventWriter::new(&mut buffer).data("a").id("1").unwrap();
    std::io::Write::write_all(&mut event, b"").unwrap();
    event.finish();
    assert_eq!(buffer, "data: a\nid: 1\n\n");
}

#[test]
fn short_and_long_values_are_written_whole() {
    // Around the sizes at which other code takes over.
    for length in (0..40).chain(100..140).chain([1000]) {
        let text = "x".repeat(length);
        let lines = format!("{text}\n{text}");
        let event = Event::builder().event_type(&*text).id(&*text).data(&*lines).build().unwrap();
        let field = if text.is_empty() { String::new() } else { format!("event: {text}\n") };
        let expected = format!("{field}id: {text}\ndata: {text}\ndata: {text}\n\n");
        assert_eq!(&event.to_bytes()[..], expected.as_bytes());

        let mut buffer = vec![0; expected.len()];
        event.encode(&mut &mut buffer[..]);
        assert_eq!(buffer, expected.as_bytes());

        for end in ["\n", "\r"] {
            let error = Err(EncodeError::LineEnd { field: "id", position: length });
            assert_eq!(Event::builder().id(format!("{text}{end}")).build(), error);
        }
        for plain in ["\t", "\u{B}", "\u{1}"] {
            let id = format!("{text}{plain}");
            assert_eq!(Event::builder().id(&*id).build().unwrap().id(), Some(&*id));
        }
    }
}

#[test]
fn a_field_after_the_data_adds_nothing_to_it() {
    let mut buffer = BytesMut::new();
    EventWriter::new(&mut buffer).data("a").id("1").unwrap().finish();
    assert_eq!(buffer, "data: a\nid: 1\n\n");
}

#[test]
fn a_writer_refuses_a_time_that_is_not_in_whole_milliseconds() {
    for time in [Duration::from_nanos(1), Duration::from_micros(1500), Duration::MAX] {
        let mut buffer = BytesMut::new();
        assert!(EventWriter::new(&mut buffer).retry(time).is_err(), "{time:?}");
        assert!(Event::builder().retry(time).build().is_err(), "{time:?}");
        assert_eq!(buffer, "");
    }
    let mut buffer = BytesMut::new();
    EventWriter::new(&mut buffer).retry(Duration::from_secs(2)).unwrap().data("a").finish();
    assert_eq!(buffer, "retry: 2000\ndata: a\n\n");
}

#[test]
fn a_cr_lf_between_two_writes_is_one_line_end() {
    let mut buffer = BytesMut::new();
    EventWriter::new(&mut buffer).data("a\r").data("").data("\nb\r").data("\rc").finish();
    assert_eq!(decode_event(buffer).data(), "a\nb\n\nc");

    let mut buffer = BytesMut::new();
    let mut event = EventWriter::new(&mut buffer);
    for piece in ["a", "\r", "", "\n", "\n", "\r", "\r", "\n", "b"] {
        event = event.data(piece);
    }
    event.finish();
    assert_eq!(decode_event(buffer).data(), "a\n\n\n\nb");
}

#[test]
fn the_default_type_is_not_written() {
    for event_type in ["", "message"] {
        let event = Event::builder().event_type(event_type).data("a").build().unwrap();
        assert_eq!(&event.to_bytes()[..], b"data: a\n\n");
    }
}

#[test]
fn all_that_can_be_encoded_encodes_the_same() {
    let event = Event::builder().id("1").data("a").build().unwrap();
    let wire = event.to_bytes();
    fn bytes(value: &impl Encode) -> BytesMut {
        let mut bytes = BytesMut::new();
        value.encode(&mut bytes).unwrap();
        assert_eq!(bytes.len(), value.encoded_len());
        bytes
    }
    let encoded = Encoded::from(&event);
    assert_eq!(encoded.as_bytes(), wire);
    assert_eq!(bytes(&event), wire);
    assert_eq!(bytes(&event.as_event_ref()), wire);
    assert_eq!(bytes(&encoded), wire);
    assert_eq!(bytes(&Item::from(event.clone())), wire);
    assert_eq!(bytes(&ItemRef::Event(event.as_event_ref())), wire);
    assert_eq!(Encoded::try_from(&Item::from(event)), Ok(encoded));
    assert_eq!(Encoded::comment("a\nb").as_bytes(), b": a\n: b\n\n");
    assert_eq!(bytes(&Item::Comment(String::from("a\r\nb\rc"))), ": a\n: b\n: c\n\n");
    assert_eq!(Encoded::retry(Duration::from_secs(1)).unwrap().as_bytes(), b"retry: 1000\n\n");
    assert!(Encoded::retry(Duration::MAX).is_err());
    assert!(Encoded::try_from(&Item::LastEventId("\n".into())).is_err());
}

#[test]
fn a_serialiser_writes_straight_into_the_buffer() {
    let value = serde_json::json!({"text": "é\n", "n": [1, 2]});
    let mut buffer = BytesMut::new();
    let mut event = EventWriter::new(&mut buffer).id("1").unwrap();
    serde_json::to_writer_pretty(&mut event, &value).unwrap();
    event.finish();
    let event = decode_event(buffer);
    assert_eq!(serde_json::from_str::<serde_json::Value>(event.data()).unwrap(), value);
}

#[test]
fn a_writer_takes_bytes_in_whole_characters_only() {
    use std::io::{ErrorKind, Write};

    let mut buffer = BytesMut::new();
    let mut event = EventWriter::new(&mut buffer);
    assert_eq!(event.write(b"a\xC3").unwrap(), 1);
    event.write_all("é".as_bytes()).unwrap();
    for bytes in [&b"\xFF"[..], b"\xC3"] {
        assert_eq!(event.write(bytes).unwrap_err().kind(), ErrorKind::InvalidData);
    }
    assert_eq!(event.write_all(b"b\xFF").unwrap_err().kind(), ErrorKind::InvalidData);
    event.flush().unwrap();
    event.finish();
    assert_eq!(buffer, "data: aéb\n\n");
}

#[test]
fn encoded_bytes_are_shared_and_not_copied() {
    let encoded = Encoded::comment("to all");
    let start = encoded.as_bytes().as_ptr();
    assert_eq!(encoded.clone().as_bytes().as_ptr(), start);
    assert_eq!(Bytes::from(encoded.clone()).as_ptr(), start);
    assert_eq!(encoded.as_ref(), b": to all\n\n");
    assert_eq!(encoded.into_bytes().as_ptr(), start);
}

#[test]
fn a_clone_of_an_event_shares_its_text() {
    let event = Event::new("a".to_owned());
    assert_eq!(event.clone().data().as_ptr(), event.data().as_ptr());
}

#[test]
fn each_line_end_of_data_becomes_lf() {
    for (data, expected) in [("a\r\nb", "a\nb"), ("a\rb", "a\nb"), ("\n\r\r\n", "\n\n\n")] {
        assert_eq!(Event::new(data).data(), expected);
        assert_eq!(Event::builder().data(data).build().unwrap().data(), expected);
    }
}

#[test]
fn data_given_as_a_string_is_not_copied() {
    let data = String::from("a\nb");
    let start = data.as_ptr();
    assert_eq!(Event::new(data).data().as_ptr(), start);
}
