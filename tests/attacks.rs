//! What a hostile or broken peer may send, through every tier and cut into
//! chunks of every size: each attack comes to the same end, holds no more
//! memory than is promised, gives it back, and harms no other event.
//!
//! When adding an attack: it is a row of [`REPEATED`] if it is some bytes for
//! ever, and a line of [`shaped`] if its sizes depend on the limit. A value of
//! exactly the limit is a row of [`BOUNDARIES`].
#![cfg(all(feature = "std", feature = "stream"))]

#[path = "common/allocations.rs"]
mod allocations;
mod common;
#[path = "common/fed.rs"]
mod fed;

use std::fmt;

use Outcome::{Each, Nothing, Once, Refused};
use allocations::counted;
use bytes::Bytes;
use common::{Record, Recorded, Tier};
use fed::{Fed, Sink};
use sse_wire::{Decoder, EofPolicy, Event, EventReader, ItemRef, ParseError, Parser, Utf8Policy};

/// What comes before each attack. Its ID is the last event ID unless the
/// attack commits another.
const BEFORE: &str = "id: before\ndata: 1\n\n";
/// What comes after it: the end of its line, that of its block, and an event.
const AFTER: &str = "\n\ndata: healthy\n\n";
/// Where the attack starts.
const START: u64 = BEFORE.len() as u64;

/// What the buffers of a parser keep between blocks.
const KEPT: usize = 4096 + 3 * 1024;
/// What a tier itself takes, a short last event ID, and one small event.
const SMALL: usize = 1024;
/// The bytes of one character: they do not count against the limit before it is
/// complete, so there is room for them besides.
const CHARACTER: usize = 4;

/// Attacks that a peer could keep up for ever, and that go on here for at least as
/// long as the limit: what comes first, the bytes that repeat, and what becomes of
/// them.
const REPEATED: &[(&[u8], &[u8], Outcome)] = &[
    // Endless lines that would have to be stored.
    (b"data:", b"a", Refused),
    (b"data: ", b" ", Refused),
    (b"data:", b":", Refused),
    (b"data:", b"\0", Refused),
    (b"data: ", "\u{FEFF}".as_bytes(), Refused),
    (b"data: ", "é".as_bytes(), Refused),
    (b"data: ", "😀".as_bytes(), Refused),
    (b"event:", b"a", Refused),
    (b"event: ", "😀".as_bytes(), Refused),
    (b"event:", b"\0", Refused),
    (b"id:", b"1", Refused),
    (b"id: ", "😀".as_bytes(), Refused),
    (b":", b"a", Refused),
    (b":", b":", Refused),
    (b": ", "😀".as_bytes(), Refused),
    (b":", b"\0", Refused),
    (b"data: a\ndata: b\nid: ", b"1", Refused),
    (b"id: refused\nevent: refused\nretry: 5\ndata: ", b"a", Refused),
    // Each of these bytes is decoded to three.
    (b"data: ", b"\xFF", Refused),
    (b"event: ", b"\xFF", Refused),
    (b"id: ", b"\xFF", Refused),
    (b": ", b"\xFF", Refused),
    (b"data: ", b"\xF0\x9F\x98", Refused),
    (b"data: ", b"\xE2\xE2\x82", Refused),
    (b"event: ", b"\xF0\x9F\x98", Refused),
    (b"id: ", b"\xF0\x9F\x98", Refused),
    (b": ", b"\xF0\x9F\x98", Refused),
    // Endless blocks of lines that would have to be stored.
    (b"", b"data\n", Refused),
    (b"", b"data\r", Refused),
    (b"", b"data\r\n", Refused),
    (b"", b"data: a\r\n", Refused),
    (b"", b"data: \xFF\n", Refused),
    (
        b"id: refused\n",
        b"data: and more and more and more\nid: refused\nevent: refused\n\x01\n",
        Refused,
    ),
    // Endless lines of which nothing is stored.
    (b"unknown:", b"a", Nothing),
    (b"unknown", b"a", Nothing),
    (b"data", b"a", Nothing),
    (b"data ", b":", Nothing),
    (b"", b"\0", Nothing),
    (b"", b"\xFF", Nothing),
    (b"", b"\xF0\x9F\x98", Nothing),
    (b"", "\u{FEFF}".as_bytes(), Nothing),
    (b"unknown: ", b"\xFF", Nothing),
    (b"unknown: ", "😀".as_bytes(), Nothing),
    (b"id:", b"\0", Nothing),
    (b"id: 1\0", b"1", Nothing),
    (b"id: 1\0", b"\xFF", Nothing),
    (b"retry:", b"1", Once(&[Seen::Retry(u64::MAX)])),
    (b"retry:", b"0", Once(&[Seen::Retry(0)])),
    (b"retry:", b"a", Nothing),
    (b"retry: 1", b" ", Nothing),
    (b"retry: 1", b"\xFF", Nothing),
    // Endless blocks of which nothing, or only the last line, is stored.
    (b"", b"unknown\n", Nothing),
    (b"", b"datax: 1\n", Nothing),
    (b"", b"\xFF\n", Nothing),
    (b"", b"\0\r", Nothing),
    (b"", b"event: x\n", Nothing),
    (b"", b"event\n", Nothing),
    (b"", b"id: 1\0\n", Nothing),
    (b"", b"retry\n", Nothing),
    (b"", b"retry: x\n", Nothing),
    (b"", b"retry: 1\n", Once(&[Seen::Retry(1)])),
    (b"", b"id:1\n", Once(&[Seen::LastEventId("1")])),
    (b"", b"id:2\nid:1\r\n", Once(&[Seen::LastEventId("1")])),
    (b"", b"id\n", Once(&[Seen::LastEventId("")])),
    (b"", b"id:1\nevent:x\nretry:1\n", Once(&[Seen::LastEventId("1"), Seen::Retry(1)])),
    (b"data: a\n", b"event: x\nid: 1\n", Once(&[Seen::Event("x", "a", "1")])),
    // Endless streams of small items.
    (b"", b":\n", Each(Seen::Comment(""))),
    (b"", b": c\r\n", Each(Seen::Comment("c"))),
    (b"", b":\xFF\n", Each(Seen::Comment("\u{FFFD}"))),
    (b"", b"retry:1\n\n", Each(Seen::Retry(1))),
    (b"", b"id:1\n\n", Each(Seen::LastEventId("1"))),
    (b"", b"data\n\n", Each(Seen::Event("message", "", "before"))),
    (b"", b"data\r\r", Each(Seen::Event("message", "", "before"))),
    (b"", b"data: a\r\n\r\n", Each(Seen::Event("message", "a", "before"))),
    (b"", b"data: a\ndata: b\n\n", Each(Seen::Event("message", "a\nb", "before"))),
    (b"", b"id:1\nevent:x\ndata:\xFF\n\n", Each(Seen::Event("x", "\u{FFFD}", "1"))),
    (b"", b"\r", Nothing),
    (b"", b"\n", Nothing),
    (b"", b"\r\n", Nothing),
    (b"", b"\n\r", Nothing),
];

/// What becomes of an attack that repeats some bytes.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// One error.
    Refused,
    /// No item and no error, as if it had not been there.
    Nothing,
    /// These items, at its blank line.
    Once(&'static [Seen<'static>]),
    /// This item, each time.
    Each(Seen<'static>),
}

/// What a tier delivers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen<'a> {
    /// With its type, data and last event ID.
    Event(&'a str, &'a str, &'a str),
    Comment(&'a str),
    LastEventId(&'a str),
    /// In milliseconds.
    Retry(u64),
    /// With the offset of the block, as the next one.
    TooLarge(u64),
    InvalidUtf8(u64),
}

impl<'a> Seen<'a> {
    fn new(item: Result<ItemRef<'a>, ParseError>) -> Self {
        match item {
            Ok(ItemRef::Event(event)) => {
                Self::Event(event.event_type(), event.data(), event.last_event_id())
            }
            Ok(ItemRef::Comment(text)) => Self::Comment(text),
            Ok(ItemRef::LastEventId(id)) => Self::LastEventId(id),
            Ok(ItemRef::Retry(time)) => Self::Retry(time.as_millis().try_into().unwrap()),
            Err(ParseError::EventTooLarge { size, limit, offset }) => {
                assert!(size > limit);
                Self::TooLarge(offset)
            }
            Err(ParseError::InvalidUtf8 { offset }) => Self::InvalidUtf8(offset),
            other => panic!("{other:?}"),
        }
    }
}

/// One attack, and what it comes to.
struct Attack {
    name: String,
    lines: Vec<u8>,
    delivered: Vec<Seen<'static>>,
    /// How many times the limit it may make a parser hold.
    held: usize,
    utf8_policy: Utf8Policy,
}

impl Attack {
    fn new(name: impl Into<String>, lines: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            lines: lines.into(),
            delivered: Vec::new(),
            held: 0,
            utf8_policy: Utf8Policy::Replace,
        }
    }

    fn delivers(self, delivered: impl Into<Vec<Seen<'static>>>) -> Self {
        Self { delivered: delivered.into(), ..self }
    }

    fn holds(self, held: usize) -> Self {
        Self { held, ..self }
    }

    fn rejecting(self) -> Self {
        let name = format!("{}, rejecting what is not UTF-8", self.name);
        Self { name, utf8_policy: Utf8Policy::Reject, ..self }
    }

    /// An attack of bytes that repeat.
    fn repeated(head: &[u8], filling: &[u8], outcome: Outcome, limit: usize) -> Self {
        // Twice the limit, or as many lines of data, each with its LF.
        let times = match outcome {
            Refused if filling.ends_with(b"\n") || filling.ends_with(b"\r") => limit + 2,
            _ => 2 * limit / filling.len(),
        };
        let name = format!("{} and for ever {}", head.escape_ascii(), filling.escape_ascii());
        let attack = Self::new(name, [head, &filling.repeat(times)].concat());
        match outcome {
            // One buffer, and half of it again while it grows to its last size.
            Refused => attack.delivers([Seen::TooLarge(START)]).holds(2),
            Nothing => attack,
            Once(items) => attack.delivers(items),
            Each(item) => attack.delivers(vec![item; times]),
        }
    }

    /// The last event ID after it.
    fn last_event_id(&self) -> &'static str {
        let id = |seen: &Seen<'static>| match *seen {
            Seen::Event(_, _, id) | Seen::LastEventId(id) => Some(id),
            _ => None,
        };
        self.delivered.iter().rev().find_map(id).unwrap_or("before")
    }

    /// All that is delivered, from the event before it to the one after it.
    fn expected(&self) -> impl Iterator<Item = Seen<'static>> {
        [Seen::Event("message", "1", "before")]
            .into_iter()
            .chain(self.delivered.iter().copied())
            .chain([Seen::Event("message", "healthy", self.last_event_id())])
    }
}

/// How a stream is cut, and a limit that suits chunks of that size.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// A chunk size, or [`BEFORE_THE_BLANK_LINE`].
    chunk: usize,
    limit: usize,
}

/// Not a size: cuts the stream once, before the blank line that ends the attack.
const BEFORE_THE_BLANK_LINE: usize = 0;

/// The limits are not powers of two, which buffers that double reach exactly.
const CUTS: [Cut; 6] = [
    Cut { chunk: 1, limit: 500 },
    Cut { chunk: 7, limit: 5_000 },
    Cut { chunk: 1460, limit: 12_000 },
    Cut { chunk: 16 * 1024, limit: 20_000 },
    Cut { chunk: usize::MAX, limit: 20_000 },
    Cut { chunk: BEFORE_THE_BLANK_LINE, limit: 20_000 },
];

fn attacks(limit: usize) -> impl Iterator<Item = Attack> {
    let repeated = REPEATED
        .iter()
        .map(move |&(head, filling, outcome)| Attack::repeated(head, filling, outcome, limit));
    repeated.chain(shaped(limit)).chain(rejected(limit))
}

/// Attacks of lines whose length depends on the limit.
fn shaped(limit: usize) -> Vec<Attack> {
    let (all, more, half, third) = (a(limit), a(limit + 1), a(limit / 2), a(limit / 3));
    let refused = [Seen::TooLarge(START)];
    let block = format!("id: refused\ndata: {more}\n\n");
    let sum = format!("id: {half}\nevent: {half}\ndata: aa\n\n");
    let each = |block: &str| {
        let length = block.len() as u64;
        [0, 1, 2].map(|index| Seen::TooLarge(START + index * length))
    };
    let growing: String = (0..)
        .map(|exponent| 3_usize.pow(exponent))
        .take_while(|length| *length < limit)
        .map(|length| format!("event: {0}\nid: {0}\n", a(length)))
        .collect();
    vec![
        Attack::new("block after block", block.repeat(3)).delivers(each(&block)).holds(2),
        Attack::new("sum after sum", sum.repeat(3)).delivers(each(&sum)).holds(2),
        Attack::new("a refused line that goes on", format!("data: {}", more.repeat(4)))
            .delivers(refused)
            .holds(2),
        Attack::new(
            "an endless line after a refused one",
            format!("data: {more}\nid: {more}{more}"),
        )
        .delivers(refused)
        .holds(2),
        Attack::new(
            "any lines after a refused one",
            format!("id: {more}\n") + &":\nid: refused\nretry: 1\ndata\n\x01\n".repeat(500),
        )
        .delivers(refused)
        .holds(2),
        Attack::new(
            "type, ID and data that are too large together",
            format!("event: {third}\nid: {third}\ndata: {third}{}\n", a(limit % 3 + 1)),
        )
        .delivers(refused)
        .holds(2),
        Attack::new(
            "a type and an ID of the limit",
            format!("event: {all}\nid: {all}\ndata: {all}\n"),
        )
        .delivers(refused)
        .holds(3),
        Attack::new(
            "a type and an ID that grow",
            format!("{growing}event: {all}\nid: {all}\ndata\n"),
        )
        .delivers(refused)
        .holds(3),
        Attack::new("types that are replaced", format!("event: {all}\nevent\n").repeat(3)).holds(3),
        Attack::new("IDs that are replaced", format!("id: {all}\nid: b\n").repeat(3))
            .delivers([Seen::LastEventId("b")])
            .holds(3),
        Attack::new("IDs that are given up", format!("id: {all}\0\n\n").repeat(3)).holds(2),
        Attack::new(
            "a comment in the middle of a refused block",
            format!("data: {half}\n: c\ndata: {half}{}\n: d\n", a(limit % 2)),
        )
        .delivers([Seen::Comment("c"), Seen::TooLarge(START)])
        .holds(2),
        Attack::new(
            "a comment that is too large, after data, type and ID",
            format!("data: {half}\nevent: {half}\nid: {half}\n: {more}\ndata: {more}\n"),
        )
        .delivers(refused)
        .holds(3),
    ]
}

/// Attacks on a parser that rejects what is not UTF-8.
fn rejected(limit: usize) -> impl Iterator<Item = Attack> {
    const FIELDS: [&str; 8] = [
        "data: ",
        "event: ",
        "id: ",
        ": ",
        "retry: 1",
        "unknown: ",
        "",
        "id: 1\nretry: 1\ndata: x",
    ];
    const STORED: [&str; 5] = ["data: ", "event: ", "id: ", ": ", "id: 1\nretry: 1\ndata: x"];
    let invalid = FIELDS.into_iter().flat_map(move |field| {
        [&b"\xFF"[..], b"\xF0\x9F\x98", b"\xC0\x80", b"\xED\xA0\x80\n"].map(|bytes| {
            let outcome = Once(&[Seen::InvalidUtf8(START)]);
            let attack = Attack::repeated(field.as_bytes(), bytes, outcome, limit);
            // What is stored is stored before it is validated, up to the limit.
            attack.holds(usize::from(STORED.contains(&field)))
        })
    });
    let valid = FIELDS
        .into_iter()
        .take(4)
        .map(move |field| Attack::repeated(field.as_bytes(), "😀".as_bytes(), Refused, limit));
    let both = [b"data: ", a(limit + 1).as_bytes(), b"\xFF\n"].concat();
    let both = Attack::new("too large before it is invalid", both)
        .delivers([Seen::TooLarge(START)])
        .holds(2);
    invalid.chain(valid).chain([both]).map(Attack::rejecting)
}

/// Opens a tier with a limit and an attack's policy.
fn open(tier: Tier, cut: Cut, attack: &Attack) -> Box<dyn Fed> {
    tier.open(Parser::builder().max_event_size(cut.limit).utf8_policy(attack.utf8_policy).build())
}

fn feed(fed: &mut dyn Fed, chunks: &[Bytes], sink: &mut Sink<'_>) {
    for chunk in chunks {
        fed.chunk(chunk, sink);
    }
}

fn chunks(stream: impl Into<Vec<u8>>, size: usize) -> Vec<Bytes> {
    let mut rest = Bytes::from(stream.into());
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        chunks.push(rest.split_to(size.min(rest.len())));
    }
    chunks
}

/// What a tier keeps between blocks.
fn kept(tier: Tier) -> isize {
    let beside_parser = match tier {
        Tier::Parser | Tier::Decoder | Tier::EventStream => 0,
        // The buffer that it reads into.
        Tier::EventReader => 16 * 1024,
    };
    (KEPT + SMALL + beside_parser) as isize
}

/// What a tier holds of its chunks while it reads them.
fn one_of(chunks: &[Bytes], tier: Tier) -> isize {
    match tier {
        // Lent, or read into the buffer.
        Tier::Parser | Tier::EventReader => 0,
        Tier::Decoder | Tier::EventStream => {
            chunks.iter().map(Bytes::len).max().unwrap_or(0) as isize
        }
    }
}

/// Runs an attack between two healthy events through a tier.
fn withstand(tier: Tier, cut: Cut, attack: &Attack) {
    let context = format!("{}, {tier:?}, {cut:?}", attack.name);
    let mut stream = [BEFORE.as_bytes(), &attack.lines, AFTER.as_bytes()].concat();
    let chunks = match cut.chunk {
        BEFORE_THE_BLANK_LINE => {
            let rest = stream.split_off(stream.len() - AFTER.len() + 1);
            vec![stream.into(), rest.into()]
        }
        size => chunks(stream, size),
    };
    let mut expected = attack.expected();
    let mut fed = None;
    let used = counted(|| {
        let fed = fed.insert(open(tier, cut, attack));
        feed(&mut **fed, &chunks, &mut |item| {
            let (seen, expected) = (Some(Seen::new(item)), expected.next());
            assert!(seen == expected, "{context}: {} for {}", short(&seen), short(&expected));
        });
    });
    assert_eq!(expected.next(), None, "{context}");
    let ceiling = (attack.held * cut.limit) as isize + kept(tier) + one_of(&chunks, tier);
    assert!(used.peak <= ceiling, "{context}: {} of {ceiling} bytes", used.peak);
    assert!(used.left <= kept(tier), "{context}: {} bytes left", used.left);
}

/// Without most of a long text.
fn short(value: &impl fmt::Debug) -> String {
    format!("{value:?}").chars().take(200).collect()
}

fn withstand_all(tier: Tier) {
    for cut in CUTS {
        attacks(cut.limit).for_each(|attack| withstand(tier, cut, &attack));
    }
}

#[test]
fn a_parser_withstands_every_attack() {
    withstand_all(Tier::Parser);
}

#[test]
fn a_decoder_withstands_every_attack() {
    withstand_all(Tier::Decoder);
}

#[test]
fn a_stream_withstands_every_attack() {
    withstand_all(Tier::EventStream);
}

#[test]
fn a_reader_withstands_every_attack() {
    withstand_all(Tier::EventReader);
}

/// Breaks an attack off, and goes on with another connection.
fn reconnect(tier: Tier, cut: Cut, attack: &Attack, break_off: fn(&mut dyn Fed)) {
    let context = format!("{}, {tier:?}, broken off", attack.name);
    let chunks = chunks([BEFORE.as_bytes(), &attack.lines].concat(), cut.chunk);
    let mut fed = open(tier, cut, attack);
    let mut delivered = 0;
    let held = counted(|| feed(&mut *fed, &chunks, &mut |_| delivered += 1)).left;
    if delivered == 1 + attack.delivered.len() {
        // What was refused, or is ignored, is freed without waiting for its end.
        assert!(held <= kept(tier), "{context}: {held} bytes held");
    }
    let left = held + counted(|| break_off(&mut *fed)).left;
    assert!(left <= kept(tier), "{context}: {left} bytes left");

    let parser = fed.into_parser();
    let id = parser.last_event_id().to_owned();
    assert!(id == "before" || id == attack.last_event_id());
    let mut delivered = 0;
    tier.open(parser).chunk(&Bytes::from_static(b"\ndata: healthy\n\n"), &mut |item| {
        assert_eq!(Seen::new(item), Seen::Event("message", "healthy", &id), "{context}");
        delivered += 1;
    });
    assert_eq!(delivered, 1, "{context}");
}

#[test]
fn an_attack_that_ends_in_the_middle_leaves_nothing_behind() {
    let cut = Cut { chunk: 1460, limit: 12_000 };
    for tier in Tier::ALL {
        for attack in attacks(cut.limit) {
            reconnect(tier, cut, &attack, |fed| fed.fail());
            reconnect(tier, cut, &attack, |fed| {
                fed.end(&mut |item| panic!("{item:?}, of a block that is discarded"));
            });
        }
    }
}

// Sizes about the limit.

/// A block that decodes to so many bytes, the last event ID before it, and what
/// is delivered of it.
type Boundary = (&'static str, fn(usize) -> Vec<u8>, fn(usize, &str) -> Vec<Recorded>);

/// Blocks that decode to as many bytes as they are told.
const BOUNDARIES: &[Boundary] = &[
    (
        "data",
        |size| format!("data:{}\n\n", a(size)).into(),
        |size, id| vec![event("", a(size), None, id)],
    ),
    (
        "data with a space",
        |size| format!("data: {}\r\n\r\n", a(size)).into(),
        |size, id| vec![event("", a(size), None, id)],
    ),
    (
        "empty lines of data",
        |size| ("data\r".repeat(size + 1) + "\r").into(),
        |size, id| vec![event("", "\n".repeat(size), None, id)],
    ),
    (
        "two lines of data",
        |size| (lines(&two(size)) + "\n").into(),
        |size, id| vec![event("", two(size), None, id)],
    ),
    (
        "data of two bytes each",
        |size| format!("data: {}{}\n\n", "é".repeat(size / 2), a(size % 2)).into(),
        |size, id| vec![event("", "é".repeat(size / 2) + &a(size % 2), None, id)],
    ),
    (
        "invalid bytes, which become three each",
        |size| [b"data: ", &b"\xFF".repeat(size / 3)[..], a(size % 3).as_bytes(), b"\n\n"].concat(),
        |size, id| vec![event("", "\u{FFFD}".repeat(size / 3) + &a(size % 3), None, id)],
    ),
    ("a type without data", |size| format!("event: {}\n\n", a(size)).into(), |_, _| vec![]),
    (
        "a type",
        |size| format!("event: {}\ndata\n\n", a(size)).into(),
        |size, id| vec![event(&a(size), String::new(), None, id)],
    ),
    (
        "an ID without data",
        |size| format!("id: {}\n\n", a(size)).into(),
        |size, _| vec![Recorded::LastEventId(a(size))],
    ),
    (
        "an ID",
        |size| format!("id: {}\ndata\n\n", a(size)).into(),
        |size, _| vec![event("", String::new(), Some(a(size)), &a(size))],
    ),
    (
        "an ID up to its NUL",
        |size| format!("data\nid: {}\0aa\n\n", a(size)).into(),
        |_, id| vec![event("", String::new(), None, id)],
    ),
    (
        "a comment",
        |size| format!(": {}\n\n", a(size)).into(),
        |size, _| vec![Recorded::Comment(a(size))],
    ),
    (
        "a comment within a block of as many bytes",
        |size| format!("event: {0}\n:{0}\ndata\n\n", a(size)).into(),
        |size, id| vec![Recorded::Comment(a(size)), event(&a(size), String::new(), None, id)],
    ),
    (
        "the sum of type, ID and data",
        |size| {
            let (part, rest) = (a(size / 3), a(size - size / 3 * 2));
            format!("event: {part}\nid: {part}\ndata: {rest}\n\n").into()
        },
        |size, _| {
            let part = a(size / 3);
            vec![event(&part, a(size - size / 3 * 2), Some(part.clone()), &part)]
        },
    ),
    (
        "the sum of two lines of data, ID and type, with a comment before the last",
        |size| {
            let (part, rest) = (a(size / 4), a(size - size / 4 * 2));
            format!("{}id: {part}\n:\nevent: {rest}\n\n", lines(&two(size / 4))).into()
        },
        |size, _| {
            let (part, rest) = (a(size / 4), a(size - size / 4 * 2));
            let comment = Recorded::Comment(String::new());
            vec![comment, event(&rest, two(size / 4), Some(part.clone()), &part)]
        },
    ),
    (
        "a type that an empty one replaces",
        |size| format!("event: {}\nevent\ndata\n\n", a(size)).into(),
        |_, id| vec![event("", String::new(), None, id)],
    ),
    (
        "an ID that an empty one replaces",
        |size| format!("id: {}\nid\ndata\n\n", a(size)).into(),
        |_, _| vec![event("", String::new(), Some(String::new()), "")],
    ),
    (
        "a type and an ID in place of longer ones",
        |size| {
            let (long, part, rest) = (a(size), a(size / 3), a(size - size / 3 * 2));
            format!("event: {long}\nid: {long}\ndata: {part}\nevent: {part}\nid: {rest}\n\n").into()
        },
        |size, _| {
            let (part, rest) = (a(size / 3), a(size - size / 3 * 2));
            vec![event(&part, part.clone(), Some(rest.clone()), &rest)]
        },
    ),
];

fn a(length: usize) -> String {
    "a".repeat(length)
}

/// Two lines of this length, together with the LF that joins them.
fn two(length: usize) -> String {
    match length {
        0 => String::new(),
        _ => a(length / 2) + "\n" + &a((length - 1) / 2),
    }
}

/// The lines of a block that has this data.
fn lines(data: &str) -> String {
    data.split('\n').map(|line| format!("data: {line}\n")).collect()
}

fn event(event_type: &str, data: String, id: Option<String>, last_event_id: &str) -> Recorded {
    let event_type = if event_type.is_empty() { "message" } else { event_type }.to_owned();
    let last_event_id = last_event_id.to_owned();
    Recorded::Event { event_type, data, id, last_event_id, retry: None }
}

/// All that a stream comes to in which a block of this size stands between two
/// events that fit any limit.
fn about_the_limit(boundary: &Boundary, limit: usize, size: usize) -> (Vec<u8>, Record) {
    let (_, block, delivered) = boundary;
    let stream = [b"data\n\n", &block(size)[..], b"data\n\n"].concat();
    let empty = |id: &str| event("", String::new(), None, id);
    let mut delivered = delivered(size, "before");
    if size > limit {
        delivered.retain(|item| matches!(item, Recorded::Comment(text) if text.is_empty()));
        delivered.push(Recorded::TooLarge { limit, offset: 6 });
    }
    let last_event_id = match delivered.last() {
        Some(Recorded::Event { last_event_id: id, .. } | Recorded::LastEventId(id)) => id.clone(),
        _ => "before".to_owned(),
    };
    let items =
        [empty("before")].into_iter().chain(delivered).chain([empty(&last_event_id)]).collect();
    (stream, Record { items, last_event_id, retry: None })
}

/// Runs blocks of the limit, a byte less and a byte more, cut by `cuts`.
fn run_about_the_limit(limit: usize, cuts: fn(&[u8]) -> Vec<Vec<&[u8]>>) {
    for boundary in BOUNDARIES {
        for size in limit.saturating_sub(1)..=limit + 1 {
            let (stream, expected) = about_the_limit(boundary, limit, size);
            for chunks in cuts(&stream) {
                for tier in Tier::ALL {
                    let builder = Parser::builder().max_event_size(limit).last_event_id("before");
                    let record = tier.run(builder.build(), &chunks);
                    assert!(
                        record == expected,
                        "{} of {size} with limit {limit}, {tier:?}, {} chunks: {}",
                        boundary.0,
                        chunks.len(),
                        short(&record.items),
                    );
                }
            }
        }
    }
}

#[test]
fn a_block_of_exactly_a_small_limit_passes_and_one_byte_more_does_not_however_it_is_cut() {
    for limit in [0, 1, 2, 3, 8] {
        run_about_the_limit(limit, |stream| {
            let mut cuts: Vec<Vec<&[u8]>> = (0..=stream.len())
                .map(|cut| stream.split_at(cut))
                .map(|(head, rest)| vec![head, rest])
                .collect();
            cuts.push(stream.chunks(1).collect());
            cuts
        });
    }
}

#[test]
fn a_block_of_exactly_a_limit_beyond_the_kept_buffers_passes_and_one_byte_more_does_not() {
    for limit in [1024, 5_000] {
        run_about_the_limit(limit, |stream| {
            [usize::MAX, 3000, 1460, 61].map(|size| stream.chunks(size).collect()).into()
        });
    }
}

#[test]
fn by_default_the_limit_is_16_mib() {
    let limit = 16 << 20;
    for (size, passes) in [(limit, true), (limit + 1, false)] {
        let mut delivered = Vec::new();
        let chunks = chunks(format!("data: {}\n\n", a(size)), 1 << 20);
        feed(&mut Parser::new(), &chunks, &mut |item| {
            delivered.push(match item {
                Ok(ItemRef::Event(event)) => event.data().len() == size,
                Err(error) => {
                    assert_eq!(error, ParseError::EventTooLarge { size, limit, offset: 0 });
                    false
                }
                other => panic!("{other:?}"),
            });
        });
        assert_eq!(delivered, [passes]);
    }
}

#[test]
fn an_error_does_not_wait_for_the_end_of_the_block() {
    for limit in [0, 1, 8, 5_000] {
        let more = a(limit + 1);
        for lines in [
            format!("data: {more}\n"),
            format!("data: {more}"),
            format!("data: {}\ndata\n", a(limit)),
            format!("data: {}\ndata:", a(limit)),
            format!("data: {}\ndata: b", a(limit)),
            "data\n".repeat(limit + 2),
            format!("event: {more}\n"),
            format!("id: {more}"),
            format!("id: {more}\n"),
            format!(":{more}\n"),
            format!("data\n:{more}"),
            // Bytes that are decoded to three each.
            format!("data: {}", "?".repeat(limit / 3 + 1)),
            format!("data: {}?", a(limit)),
            format!("event: {}", "?".repeat(limit / 3 + 1)),
            format!("data\n:{}", "?".repeat(limit / 3 + 1)),
        ] {
            let invalid = |byte| if byte == b'?' { 0xFF } else { byte };
            let lines: Vec<_> = lines.into_bytes().into_iter().map(invalid).collect();
            for size in [1, 7, usize::MAX] {
                for tier in Tier::ALL {
                    let mut fed = tier.open(Parser::builder().max_event_size(limit).build());
                    let mut errors = 0;
                    feed(&mut *fed, &chunks(lines.as_slice(), size), &mut |item| {
                        assert_eq!(Seen::new(item), Seen::TooLarge(0));
                        errors += 1;
                    });
                    let start = lines[..lines.len().min(20)].escape_ascii();
                    assert_eq!(errors, 1, "{start}…, limit {limit}, {tier:?}, chunks of {size}");
                }
            }
        }
    }
}

// Memory, in ways that need a test of their own.

/// Feeds chunks to a parser and returns how much it held at the most between
/// them, and at any moment.
fn held(parser: &mut Parser, chunks: &[Bytes]) -> (isize, isize) {
    let (mut held, mut between, mut peak) = (0, 0, 0);
    for chunk in chunks {
        let used = counted(|| parser.chunk(chunk, &mut |_| {}));
        peak = peak.max(held + used.peak);
        held += used.left;
        between = between.max(held);
    }
    (between, peak)
}

#[test]
fn all_parts_of_a_block_together_hold_no_more_than_three_times_the_limit() {
    for limit in [65_536, 100_000] {
        for percent in [0, 1, 13, 20, 26, 30, 45, 50, 51, 60, 76, 99, 100] {
            let data = a(limit * percent / 100);
            let rest = a(limit - data.len());
            let all = a(limit);
            for lines in [
                format!("data: {data}\nevent: {rest}\nid: {rest}\n:{all}"),
                format!("event: {rest}\nid: {rest}\ndata: {data}\n:{all}"),
                format!("event: {all}\nid: {all}\ndata: {data}\n:{all}"),
                format!("event: {all}\nid: {all}\nevent\nid\ndata: {data}\n:{all}"),
                format!("event: {all}\nevent: a\nid: {all}\nid: a\ndata: {data}\n:{all}"),
                format!(":{all}\nevent: {rest}\nid: {rest}\ndata: {data}"),
                format!("id: {rest}\ndata: {data}\n\nid: {rest}\n:{all}\ndata: {data}"),
                format!("event: {all}\nid: {all}\n:{all}\ndata: {data}"),
                format!("event: {all}\nid: {all}\nid: {all}\0\ndata: {data}"),
                format!("event: {all}\nid: {all}\n:{all}\ndata\ndata: {data}"),
            ] {
                // Also so that each line is whole, or cut once at its end.
                let by_line = |cut: usize| -> Vec<_> {
                    let lines = lines.split_inclusive('\n').flat_map(|line| {
                        let (line, end) = line.split_at(line.len().saturating_sub(cut));
                        [line, end].map(|part| Bytes::copy_from_slice(part.as_bytes()))
                    });
                    lines.collect()
                };
                for chunks in [chunks(lines.clone(), 1000), by_line(0), by_line(1)] {
                    let mut parser = Parser::builder().max_event_size(limit).build();
                    let (between, peak) = held(&mut parser, &chunks);
                    let last_event_id = parser.last_event_id().len();
                    let ceiling = (3 * limit + last_event_id + KEPT) as isize;
                    let start = lines.escape_debug().take(20).collect::<String>();
                    assert!(between <= ceiling, "{start}…, {percent} %: {between} of {ceiling}");
                    let ceiling = ceiling + (limit / 2) as isize;
                    assert!(peak <= ceiling, "{start}…, {percent} %: {peak} of {ceiling}");
                }
            }
        }
    }
}

#[test]
fn a_long_last_event_id_comes_on_top_of_three_times_the_limit() {
    let limit = 100_000;
    let all = a(limit);
    let lines = format!("id: {all}\ndata\n\ndata: x\n\nevent: {all}\nid: {all}\n:{all}");
    for tier in Tier::ALL {
        let ids = if tier == Tier::Parser { 1 } else { 2 };
        let mut fed = tier.open(Parser::builder().max_event_size(limit).build());
        let (mut held, mut most) = (0, 0);
        for chunk in chunks(lines.clone(), 1460) {
            held += counted(|| fed.chunk(&chunk, &mut |_| {})).left;
            most = most.max(held);
        }
        let ceiling = ((3 + ids) * limit) as isize + kept(tier);
        assert!(most <= ceiling, "{tier:?}: {most} of {ceiling}");
        assert!(most > (3 * limit) as isize, "{tier:?}: {most}, and no ID on top of it");
    }
}

#[test]
fn a_buffer_that_grows_to_the_limit_never_takes_more_than_half_of_it_again() {
    // Some are just above, some just below what doubling reaches.
    for limit in [60_000, 66_000, 100_000, 130_000] {
        for field in ["data: ", "event: ", "id: ", ": "] {
            for size in [100, 1460, limit / 10 * 6] {
                let chunks = chunks(format!("{field}{}", a(limit)), size);
                let mut parser = Parser::builder().max_event_size(limit).build();
                let peak = counted(|| feed(&mut parser, &chunks, &mut |_| {})).peak;
                let ceiling = (limit + limit / 2 + CHARACTER) as isize;
                assert!(peak <= ceiling, "{field}{limit}, chunks of {size}: {peak}");
            }
        }
    }
}

#[test]
fn a_long_type_or_id_is_freed_once_a_short_one_replaces_it_in_an_open_block() {
    let long = a(100_000);
    for field in ["event", "id"] {
        for size in [1, 1460, usize::MAX] {
            let mut parser = Parser::new();
            let left = counted(|| {
                for line in [format!("{field}: {long}\n"), format!("{field}: x\n")] {
                    let chunks = chunks(line, size);
                    feed(&mut parser, &chunks, &mut |item| panic!("{item:?}"));
                }
            })
            .left;
            assert!(left <= KEPT as isize, "{field}, chunks of {size}: {left} bytes");
        }
    }
}

#[test]
fn two_mib_of_tiny_events_in_one_chunk_cost_that_chunk_and_no_more() {
    let stream = Bytes::from(b"data\n\n".repeat((2 << 20) / 6));
    for tier in Tier::ALL {
        let mut fed = None;
        let mut events = 0;
        let used = counted(|| {
            let fed = fed.insert(tier.open(Parser::new()));
            fed.chunk(&stream, &mut |item| events += usize::from(item.is_ok()));
        });
        assert_eq!(events, (2 << 20) / 6);
        let ceiling = kept(tier) + one_of(std::slice::from_ref(&stream), tier);
        assert!(used.peak <= ceiling, "{tier:?}: {}", used.peak);
        assert!(used.left <= kept(tier), "{tier:?}: {}", used.left);
    }
}

#[test]
fn a_block_of_a_million_ids_sets_the_last_one() {
    let stream = Bytes::from(b"id:1\n".repeat(999_999));
    for tier in [Tier::Parser, Tier::EventReader] {
        let mut fed = None;
        let mut delivered = Vec::with_capacity(1);
        let used = counted(|| {
            let fed = fed.insert(tier.open(Parser::new()));
            fed.chunk(&stream, &mut |item| panic!("{item:?}"));
            fed.chunk(&Bytes::from_static(b"id:last\n\n"), &mut |item| {
                delivered.push(matches!(item, Ok(ItemRef::LastEventId("last"))));
            });
        });
        assert_eq!(delivered, [true]);
        assert!(used.peak <= kept(tier), "{tier:?}: {}", used.peak);
    }
}

#[test]
fn byte_order_marks_at_the_start_are_one_and_then_a_line() {
    for size in [1, 7, 1460, usize::MAX] {
        for tier in Tier::ALL {
            let mut fed = tier.open(Parser::builder().max_event_size(100).build());
            let stream = "\u{FEFF}".repeat(5000) + "data: no\ndata: yes\n\n";
            let mut delivered = 0;
            feed(&mut *fed, &chunks(stream, size), &mut |item| {
                assert_eq!(Seen::new(item), Seen::Event("message", "yes", ""));
                delivered += 1;
            });
            assert_eq!(delivered, 1, "{tier:?}, chunks of {size}");
        }
    }
}

#[test]
fn an_event_as_large_as_the_limit_is_delivered_and_leaves_no_memory_behind() {
    let limit = 100_000;
    for (size, block) in [
        (limit, format!("data: {}\n\n", a(limit))),
        (limit, format!("data: {}\ndata: {}\n\n", a(limit / 2), a(limit / 2 - 1))),
        (limit / 2, format!("event: {0}\ndata: {0}\n\n", a(limit / 2))),
        (limit, format!("{}data\n\n", "data\n".repeat(limit))),
    ] {
        for cut in [1460, 16 * 1024, usize::MAX] {
            let chunks = chunks(block.repeat(3) + "data: healthy\n\n", cut);
            for tier in Tier::ALL {
                let mut fed = None;
                let mut sizes = Vec::with_capacity(4);
                let used = counted(|| {
                    let parser = Parser::builder().max_event_size(limit).build();
                    let fed = fed.insert(tier.open(parser));
                    feed(&mut **fed, &chunks, &mut |item| match item {
                        Ok(ItemRef::Event(event)) => sizes.push(event.data().len()),
                        other => panic!("{other:?}"),
                    });
                });
                assert_eq!(sizes, [size, size, size, "healthy".len()]);
                let ceiling = 3 * limit as isize + kept(tier) + one_of(&chunks, tier);
                assert!(used.peak <= ceiling, "{tier:?}, chunks of {cut}: {}", used.peak);
                assert!(used.left <= kept(tier), "{tier:?}, chunks of {cut}: {}", used.left);
            }
        }
    }
}

#[test]
fn an_event_that_the_end_has_completed_leaves_no_memory_behind() {
    let limit = 100_000;
    let chunks = chunks(format!("data: {}", a(limit)), 1460);
    for tier in Tier::ALL {
        let builder = Parser::builder().max_event_size(limit).eof_policy(EofPolicy::Dispatch);
        let mut fed = tier.open(builder.build());
        let mut length = 0;
        let mut left = counted(|| {
            feed(&mut *fed, &chunks, &mut |item| panic!("{item:?}"));
            fed.end(&mut |item| match item {
                Ok(ItemRef::Event(event)) => length = event.data().len(),
                other => panic!("{other:?}"),
            });
        })
        .left;
        assert_eq!(length, limit);
        let mut parser = fed.into_parser();
        if [Tier::Parser, Tier::EventReader].contains(&tier) {
            // They have lent it to the end.
            left += counted(|| parser.reset()).left;
        }
        assert!(left <= kept(tier), "{tier:?}: {left} bytes left");
    }
}

#[test]
fn a_limit_that_is_lifted_lets_any_size_pass_and_still_gives_it_back() {
    let data = "é".repeat(1 << 20);
    let block = format!("event: type\nid: 1\ndata: {data}\ndata: {data}\n: {data}\n\n");
    for (tier, cut) in
        Tier::ALL.into_iter().flat_map(|tier| [(tier, 16 * 1024), (tier, usize::MAX)])
    {
        let chunks = chunks(block.clone(), cut);
        let mut fed = None;
        let mut delivered = Vec::with_capacity(2);
        let left = counted(|| {
            let fed = fed.insert(tier.open(Parser::builder().max_event_size(usize::MAX).build()));
            feed(&mut **fed, &chunks, &mut |item| {
                delivered.push(match item.unwrap() {
                    ItemRef::Comment(text) => text == data,
                    ItemRef::Event(event) => {
                        let lines: [&str; 2] = [&data, &data];
                        let others = (event.event_type(), event.id());
                        event.data().split('\n').eq(lines) && others == ("type", Some("1"))
                    }
                    other => panic!("{other:?}"),
                });
            });
        })
        .left;
        assert_eq!(delivered, [true, true]);
        assert!(left <= kept(tier), "{tier:?}, chunks of {cut}: {left} bytes left");
    }
}

#[test]
fn a_huge_last_event_id_is_not_copied_for_each_event_that_inherits_it() {
    const ID: usize = 64 * 1024;
    const EVENTS: usize = 2000;
    let stream =
        format!("id: {}\n\n", a(ID)) + &"data: x\n\n:c\n\ndata: y\ndata: z\n\n".repeat(EVENTS / 2);
    let check = |name: &str, work: &dyn Fn(&mut Vec<Event>)| {
        let mut kept = Vec::with_capacity(EVENTS);
        let used = counted(|| work(&mut kept));
        assert_eq!(kept.len(), EVENTS);
        assert!(kept.iter().all(|event| event.last_event_id().len() == ID));
        // The parser's and the one that the events share, besides the buffer
        // that it was assembled in; and the events.
        let ceiling = (4 * ID + 40_000 + 100 * EVENTS) as isize;
        assert!(used.peak <= ceiling, "{name}: {} of {ceiling}", used.peak);
        let left = (ID + 2 * stream.len() + 100 * EVENTS) as isize;
        assert!(used.left <= left, "{name}: {} of {left} left", used.left);
    };
    for size in [100, 1460, 16 * 1024, usize::MAX] {
        check("Decoder", &|kept| {
            let mut decoder = Decoder::new();
            for chunk in stream.as_bytes().chunks(size) {
                decoder.push(Bytes::copy_from_slice(chunk));
                kept.extend(std::iter::from_fn(|| decoder.next_event().unwrap()));
            }
        });
    }
    check("EventReader", &|kept| {
        kept.extend(EventReader::new(stream.as_bytes()).map(Result::unwrap));
    });
    check("Decoder, detached", &|kept| {
        let mut decoder = Decoder::new();
        decoder.push(Bytes::copy_from_slice(stream.as_bytes()));
        kept.extend(std::iter::from_fn(|| decoder.next_event().unwrap()).map(Event::detach));
    });
}

#[test]
fn a_decoder_that_is_read_late_holds_what_was_pushed_and_gives_it_back() {
    const PUSHED: usize = 1000;
    let limit = 20_000;
    let line = Bytes::from(a(1460));
    let mut decoder = Decoder::with_parser(Parser::builder().max_event_size(limit).build());
    let mut errors = 0;
    let mut delivered = Vec::with_capacity(1);
    let used = counted(|| {
        decoder.push(Bytes::from_static(b"data: "));
        for _ in 0..PUSHED {
            decoder.push(Bytes::copy_from_slice(&line));
        }
        decoder.push(Bytes::from_static(b"\n\ndata: healthy\n\n"));
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => delivered.push(event.data() == "healthy"),
                Ok(None) => break,
                Err(_) => errors += 1,
            }
        }
    });
    assert_eq!((errors, delivered), (1, vec![true]));
    // The chunks, and a handle for each in a queue that doubles.
    let ceiling = (PUSHED * (line.len() + 150) + 3 * limit) as isize;
    assert!(used.peak <= ceiling, "{} of {ceiling}", used.peak);
    assert!(used.left <= kept(Tier::Decoder), "{} bytes left", used.left);
}

#[test]
fn a_refused_block_does_not_end_the_sharing_of_a_huge_last_event_id() {
    const ID: usize = 64 * 1024;
    const EVENTS: usize = 500;
    let refused = b"id: refused\n:\ndata: \xFF\n\ndata: x\n\n".repeat(EVENTS);
    let stream = [b"id: ", a(ID).as_bytes(), b"\n\n", &refused].concat();
    let parser = Parser::builder().utf8_policy(Utf8Policy::Reject).build();
    let mut kept = Vec::with_capacity(EVENTS);
    let used = counted(|| {
        let reader = EventReader::with_parser(&stream[..], parser);
        kept.extend(reader.filter_map(Result::ok));
    });
    assert_eq!(kept.len(), EVENTS);
    assert!(kept.iter().all(|event| event.last_event_id().len() == ID));
    let ceiling = (4 * ID + 300 * EVENTS) as isize;
    assert!(used.left <= ceiling, "{} of {ceiling}", used.left);
}

#[cfg(panic = "unwind")]
mod unwinding {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Bytes whose owner panics when it is dropped, as a broken transport may.
    struct Panicking(&'static [u8]);

    impl AsRef<[u8]> for Panicking {
        fn as_ref(&self) -> &[u8] {
            self.0
        }
    }

    impl Drop for Panicking {
        fn drop(&mut self) {
            panic!("the owner of a chunk");
        }
    }

    #[test]
    fn a_chunk_whose_owner_panics_when_dropped_proves_nothing_about_the_next_one() {
        let text: &[u8] = b"....abcdefg............\ndata: y\n\ndata: z\n\n";
        let not_text: &[u8] = b"....\xFF\xFF\xFF............\ndata: y\n\ndata: z\n\n";
        for next in [not_text, text] {
            let mut decoder = Decoder::new();
            decoder.push(Bytes::from_owner(Panicking(b"id: 123\ndata: x\n\n: c\n")));
            assert_eq!(decoder.next_event().unwrap().unwrap().last_event_id(), "123");
            assert_eq!(decoder.next_item().unwrap().unwrap().as_item_ref(), ItemRef::Comment("c"));
            // All of it has been read, so it is dropped here.
            let push = AssertUnwindSafe(|| decoder.push(Bytes::from_static(next)));
            catch_unwind(push).unwrap_err();
            let event = decoder.next_event().unwrap().unwrap();
            assert_eq!(event.last_event_id().as_bytes(), b"123");
        }
    }
}
