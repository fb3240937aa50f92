//! Target `encode`: whatever the encoder accepts is parsed back equal, whatever
//! it refuses would not be, and nothing is left behind by what it refuses.
//!
//! An input is a list of parts separated by FF: the settings, the event type,
//! the ID, the reconnection time, and the pieces of the data. The first byte of
//! the settings says which parts are present: 1 the type, 2 the ID, 4 the time;
//! 8 puts the data before them. As in `input`, ASCII digits make readable
//! seeds. The whole input is also taken as a stream, and written out again.

use std::{borrow::Cow, fmt::Write as _, time::Duration};

use bytes::BytesMut;
use sse_wire::{Encode, EncodeError, Encoded, Event, EventWriter, Item, Parser, encode as write};

use crate::common::{Record, Recorded, Tier};

/// Panics unless what is written and parsed again is equal.
pub fn encode(input: &[u8]) {
    let parts = Parts::new(input);
    event(&parts);
    event_in_pieces(&parts);
    comment(&parts.data());
    last_event_id(&parts.id_text);
    retry(parts.time);
    stream_again(input);
}

struct Parts<'a> {
    settings: u8,
    event_type_text: Cow<'a, str>,
    id_text: Cow<'a, str>,
    time: Duration,
    pieces: Vec<Cow<'a, str>>,
}

impl<'a> Parts<'a> {
    fn new(input: &'a [u8]) -> Self {
        let mut parts = input.split(|byte| *byte == 0xFF);
        let mut next = || parts.next().unwrap_or_default();
        let settings = next().first().copied().unwrap_or_default();
        let [event_type_text, id_text] = [next(), next()].map(String::from_utf8_lossy);
        let time = time(next());
        let pieces = parts.map(String::from_utf8_lossy).collect();
        Self { settings, event_type_text, id_text, time, pieces }
    }

    fn event_type(&self) -> Option<&str> {
        (self.settings & 1 != 0).then_some(&*self.event_type_text)
    }

    fn id(&self) -> Option<&str> {
        (self.settings & 2 != 0).then_some(&*self.id_text)
    }

    fn retry(&self) -> Option<Duration> {
        (self.settings & 4 != 0).then_some(self.time)
    }

    fn data(&self) -> String {
        self.pieces.concat()
    }

    /// The pieces of the data that come before the other fields, and the rest.
    fn pieces_around_fields(&self) -> (&[Cow<'a, str>], &[Cow<'a, str>]) {
        let middle = if self.settings & 8 == 0 { 0 } else { self.pieces.len().div_ceil(2) };
        self.pieces.split_at(middle)
    }

    /// Whether a parser would give all of it back.
    fn is_valid(&self) -> bool {
        self.event_type().is_none_or(is_one_line)
            && self.id().is_none_or(is_id)
            && self.retry().is_none_or(is_whole_milliseconds)
    }

    fn build(&self) -> Result<Event, EncodeError> {
        let mut builder = Event::builder().data(self.data());
        if let Some(event_type) = self.event_type() {
            builder = builder.event_type(event_type);
        }
        if let Some(id) = self.id() {
            builder = builder.id(id);
        }
        if let Some(time) = self.retry() {
            builder = builder.retry(time);
        }
        builder.build()
    }

    /// Writes as [`build`](Self::build) builds, but does not always finish.
    fn write(&self, buffer: &mut BytesMut) -> Result<(), EncodeError> {
        let (before, after) = self.pieces_around_fields();
        let mut writer = EventWriter::new(buffer);
        for piece in before {
            writer = writer.data(piece);
        }
        if let Some(event_type) = self.event_type() {
            writer = writer.event_type(event_type)?;
        }
        if let Some(id) = self.id() {
            writer = writer.id(id)?;
        }
        if let Some(time) = self.retry() {
            writer = writer.retry(time)?;
        }
        for piece in after {
            write!(writer, "{piece}").expect("writing to a buffer cannot fail");
        }
        writer.finish();
        Ok(())
    }

    /// The data as [`write`](Self::write) gives it out.
    fn written_data(&self) -> String {
        let (before, after) = self.pieces_around_fields();
        let (before_text, after_text) = (with_lf(&before.concat()), with_lf(&after.concat()));
        let any_field = self.settings & 7 != 0;
        if before.is_empty() || after.is_empty() {
            before_text + &after_text
        } else if any_field {
            before_text + "\n" + &after_text
        } else {
            with_lf(&self.data())
        }
    }
}

/// A time as text: milliseconds, a dot, nanoseconds.
fn time(bytes: &[u8]) -> Duration {
    let text = String::from_utf8_lossy(bytes);
    let (milliseconds, nanoseconds) = text.split_once('.').unwrap_or((&text, ""));
    let number = |digits: &str| digits.parse().unwrap_or(0);
    Duration::from_millis(number(milliseconds)) + Duration::from_nanos(number(nanoseconds))
}

fn event(parts: &Parts<'_>) {
    let event = match parts.build() {
        Ok(event) => event,
        Err(error) => return check_refusal(parts, &error),
    };
    assert!(parts.is_valid(), "{event:?} was accepted");
    assert_eq!(event.data(), with_lf(&parts.data()));
    let bytes = event.to_bytes();
    assert_eq!(bytes.len(), event.encoded_len());
    let mut buffer = BytesMut::new();
    event.encode(&mut buffer);
    assert_eq!(buffer, bytes);
    assert_eq!(Encoded::from(&event).as_bytes(), bytes);
    assert_eq!(read(&bytes).items, [Recorded::from(event.clone())]);
}

/// What `error` says must be so, and of the first field that is not valid.
fn check_refusal(parts: &Parts<'_>, error: &EncodeError) {
    let event_type = parts.event_type().filter(|text| !is_one_line(text));
    let id = parts.id().filter(|text| !is_id(text));
    match *error {
        EncodeError::LineEnd { field: "event", position } => {
            assert_eq!(event_type.unwrap().find(['\r', '\n']), Some(position));
        }
        EncodeError::LineEnd { field: "id", position } => {
            assert_eq!(event_type, None);
            assert_eq!(id.unwrap().find(['\r', '\n']), Some(position));
        }
        EncodeError::Nul { field: "id", position } => {
            assert_eq!(event_type, None);
            assert!(is_one_line(id.unwrap()));
            assert_eq!(id.unwrap().find('\0'), Some(position));
        }
        EncodeError::Retry { time } => {
            assert_eq!((event_type, id), (None, None));
            assert_eq!(parts.retry(), Some(time));
            assert!(!is_whole_milliseconds(time));
        }
        _ => panic!("an error of a new kind: {error:?}"),
    }
}

fn event_in_pieces(parts: &Parts<'_>) {
    const BEFORE: &[u8] = b"data: before\n\n";
    let mut buffer = BytesMut::from(BEFORE);
    if let Err(error) = parts.write(&mut buffer) {
        assert_eq!(parts.build(), Err(error));
        assert_eq!(buffer, BEFORE, "an error leaves something behind");
        return;
    }
    assert!(parts.is_valid());
    let items = read(&buffer).items;
    let [_, Recorded::Event { event_type, data, id, retry, .. }] = &items[..] else {
        panic!("{items:?} of one event");
    };
    let expected_type = parts.event_type().filter(|text| !text.is_empty()).unwrap_or("message");
    assert_eq!(event_type, expected_type);
    assert_eq!(*data, parts.written_data());
    assert_eq!(id.as_deref(), parts.id());
    assert_eq!(*retry, parts.retry());

    let length = buffer.len();
    drop(EventWriter::new(&mut buffer).data(data));
    assert_eq!(buffer.len(), length, "a dropped writer leaves something behind");
}

fn comment(text: &str) {
    let mut buffer = BytesMut::new();
    write::comment(text, &mut buffer);
    check_length(&buffer, &Item::Comment(text.to_owned()));
    assert_eq!(Encoded::comment(text).as_bytes(), buffer);
    let text = with_lf(text);
    let lines = text.split('\n').map(|line| Recorded::Comment(line.to_owned()));
    assert_eq!(read(&buffer).items, lines.collect::<Vec<_>>());
}

fn last_event_id(id: &str) {
    let mut buffer = BytesMut::new();
    let written = write::last_event_id(id, &mut buffer);
    assert_eq!(written.is_ok(), is_id(id));
    if written.is_err() {
        return assert_eq!(buffer, "");
    }
    check_length(&buffer, &Item::LastEventId(id.to_owned()));
    assert_eq!(read(&buffer).items, [Recorded::LastEventId(id.to_owned())]);
}

fn retry(time: Duration) {
    let mut buffer = BytesMut::new();
    let written = write::retry(time, &mut buffer);
    assert_eq!(written.is_ok(), is_whole_milliseconds(time));
    if written.is_err() {
        return assert_eq!(buffer, "");
    }
    check_length(&buffer, &Item::Retry(time));
    assert_eq!(Encoded::retry(time).map(Encoded::into_bytes), Ok(buffer.clone().freeze()));
    assert_eq!(read(&buffer).items, [Recorded::Retry(time)]);
}

/// The items of a stream, written out again, are an equivalent stream.
fn stream_again(stream: &[u8]) {
    let mut parser = Parser::new();
    let mut feed = parser.feed(stream);
    let mut buffer = BytesMut::new();
    while let Some(item) = feed.next_item().expect("a stream without errors") {
        let start = buffer.len();
        item.encode(&mut buffer).expect("an item that was parsed");
        assert_eq!(buffer.len() - start, item.encoded_len());
    }
    assert_eq!(read(&buffer).items, read(stream).items);
}

fn check_length(bytes: &[u8], item: &Item) {
    assert_eq!(bytes.len(), item.encoded_len());
    let encoded = Encoded::try_from(item).expect("an item that was encoded");
    assert_eq!(encoded.as_bytes(), bytes);
}

fn read(stream: &[u8]) -> Record {
    Tier::Parser.run(Parser::builder().max_event_size(usize::MAX).build(), &[stream])
}

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn is_one_line(text: &str) -> bool {
    !text.contains(['\r', '\n'])
}

fn is_id(text: &str) -> bool {
    is_one_line(text) && !text.contains('\0')
}

fn is_whole_milliseconds(time: Duration) -> bool {
    time.subsec_nanos().is_multiple_of(1_000_000) && time.as_millis() <= u128::from(u64::MAX)
}
