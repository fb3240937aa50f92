//! What an item looks like: as text, as JSON, or as just its data.

use std::{
    borrow::Cow,
    env,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use serde_json::Value;
use sse_wire::{Ending, EventRef, ItemRef};

/// How wide the column of the event types is.
const COLUMN: usize = 20;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Format {
    /// For a person.
    Text,
    /// One object per line.
    Json,
    /// As it was sent.
    Data,
}

/// Prints items in one of the formats.
pub(crate) struct Printer {
    format: Format,
    colours: Colours,
}

impl Printer {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, colours: Colours::of_stdout() }
    }

    pub(crate) fn item(&self, output: &mut impl Write, item: ItemRef<'_>) -> io::Result<()> {
        match self.format {
            Format::Text => self.text(output, item),
            Format::Json => json(output, item),
            Format::Data => data(output, item),
        }
    }

    /// Prints the last line: how much was read, and how it ended. Text only.
    pub(crate) fn summary(
        &self,
        output: &mut impl Write,
        tally: &Tally,
        bytes: u64,
        ending: Option<Ending>,
    ) -> io::Result<()> {
        if self.format != Format::Text {
            return Ok(());
        }
        let Tally { events, comments, ids, retries, errors } = tally;
        let ending = match ending {
            Some(Ending::Complete) => "complete",
            Some(Ending::Cut) => "cut within a block",
            _ => "broken off by an error",
        };
        let Colours { strong, end, .. } = self.colours;
        writeln!(
            output,
            "{strong}events: {events}, comments: {comments}, lone ids: {ids}, \
             lone retries: {retries}, errors: {errors}, bytes: {bytes}, ending: {ending}{end}",
        )
    }

    fn text(&self, output: &mut impl Write, item: ItemRef<'_>) -> io::Result<()> {
        match item {
            ItemRef::Event(event) => self.event(output, event),
            ItemRef::Comment(text) => self.aside(output, "comment", text),
            ItemRef::LastEventId(id) => self.aside(output, "id", id),
            ItemRef::Retry(time) => self.aside(output, "retry", &format!("{} ms", millis(time))),
            _ => Ok(()),
        }
    }

    fn event(&self, output: &mut impl Write, event: EventRef<'_>) -> io::Result<()> {
        let Colours { strong, faint, end } = self.colours;
        write!(output, "{strong}{:COLUMN$}{end} ", visible(event.event_type()))?;
        if let Some(id) = event.id() {
            write!(output, "{faint}[id {}]{end} ", visible(id))?;
        }
        if let Some(time) = event.retry() {
            write!(output, "{faint}[retry {} ms]{end} ", millis(time))?;
        }
        let mut lines = event.data().split('\n');
        writeln!(output, "{}", visible(lines.next().unwrap_or_default()))?;
        lines.try_for_each(|line| writeln!(output, "{:COLUMN$} {}", "", visible(line)))
    }

    fn aside(&self, output: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
        let Colours { faint, end, .. } = self.colours;
        writeln!(output, "{faint}: {name:width$} {}{end}", visible(value), width = COLUMN - 2)
    }
}

/// How many items of each kind there were.
#[derive(Default)]
pub(crate) struct Tally {
    events: u64,
    comments: u64,
    ids: u64,
    retries: u64,
    pub(crate) errors: u64,
}

impl Tally {
    /// Whether there was nothing, not even an error.
    pub(crate) fn is_empty(&self) -> bool {
        self.events + self.comments + self.ids + self.retries + self.errors == 0
    }

    pub(crate) fn count(&mut self, item: ItemRef<'_>) {
        match item {
            ItemRef::Event(_) => self.events += 1,
            ItemRef::Comment(_) => self.comments += 1,
            ItemRef::LastEventId(_) => self.ids += 1,
            ItemRef::Retry(_) => self.retries += 1,
            _ => {}
        }
    }
}

/// The escape sequences of a terminal, or empty strings for anything else.
#[derive(Clone, Copy)]
struct Colours {
    strong: &'static str,
    faint: &'static str,
    end: &'static str,
}

impl Colours {
    const ON: Self = Self { strong: "\x1b[1;36m", faint: "\x1b[2m", end: "\x1b[0m" };
    const OFF: Self = Self { strong: "", faint: "", end: "" };

    /// See <https://no-color.org>.
    fn of_stdout() -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if io::stdout().is_terminal() && !unwanted { Self::ON } else { Self::OFF }
    }
}

fn json(output: &mut impl Write, item: ItemRef<'_>) -> io::Result<()> {
    match item {
        ItemRef::Event(event) => object(
            output,
            "event",
            &[
                ("type", Some(event.event_type().into())),
                ("id", event.id().map(Value::from)),
                ("last_event_id", Some(event.last_event_id().into())),
                ("retry", event.retry().map(|time| millis(time).into())),
                ("data", Some(event.data().into())),
            ],
        ),
        ItemRef::Comment(text) => object(output, "comment", &[("text", Some(text.into()))]),
        ItemRef::LastEventId(id) => object(output, "last_event_id", &[("id", Some(id.into()))]),
        ItemRef::Retry(time) => object(output, "retry", &[("ms", Some(millis(time).into()))]),
        _ => Ok(()),
    }
}

/// Writes the fields in this order, which a [`serde_json::Map`] would not keep.
fn object(output: &mut impl Write, item: &str, fields: &[(&str, Option<Value>)]) -> io::Result<()> {
    write!(output, r#"{{"item":"{item}""#)?;
    for (name, value) in fields {
        if let Some(value) = value {
            write!(output, r#","{name}":{value}"#)?;
        }
    }
    writeln!(output, "}}")
}

fn data(output: &mut impl Write, item: ItemRef<'_>) -> io::Result<()> {
    match item {
        ItemRef::Event(event) => writeln!(output, "{}", event.data()),
        _ => Ok(()),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The text, with what a terminal would obey rather than show escaped, as in
/// `\u{1b}`.
fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_obeyed(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

/// Control characters except the tab, and those that change the direction of
/// writing.
fn is_obeyed(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
