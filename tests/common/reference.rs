//! The parser once more, slow and obvious: the steps of WHATWG HTML §9.2.6, each
//! under the standard's own words, over the whole stream as text.
//!
//! It shares nothing with the library and knows no chunks, no limit and no
//! errors. What it records besides events is this crate's addition, and is kept
//! apart from the standard's steps in [`Extras`].

use std::time::Duration;

use super::{Record, Recorded};

/// What the standard makes of a stream.
///
/// With `dispatch_at_end`, the missing line ends are added, as
/// `EofPolicy::Dispatch` does it; of what they complete, only an event counts.
pub fn record(stream: &[u8], last_event_id: &str, dispatch_at_end: bool) -> Record {
    let mut interpreter = Interpreter {
        last_event_id_buffer: last_event_id.to_owned(),
        record: Record { last_event_id: last_event_id.to_owned(), ..Record::default() },
        ..Interpreter::default()
    };
    // "Streams must be decoded using the UTF-8 decode algorithm", which "strips
    // one leading UTF-8 Byte Order Mark (BOM), if any".
    let text = String::from_utf8_lossy(stream);
    let mut rest = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    // "Lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE
    // FEED (CRLF) character pair, a single U+000A LINE FEED (LF) character, or a
    // single U+000D CARRIAGE RETURN (CR) character."
    while let Some(end) = rest.find(['\r', '\n']) {
        interpreter.process_line(&rest[..end]);
        let pair = rest[end..].starts_with("\r\n");
        rest = &rest[end + 1 + usize::from(pair)..];
    }
    // "Once the end of the file is reached, any pending data must be discarded."
    let mut record = interpreter.record.clone();
    if dispatch_at_end {
        let complete = record.items.len();
        if !rest.is_empty() {
            interpreter.process_line(rest);
        }
        interpreter.process_line("");
        record = interpreter.record;
        let last = record.items.split_off(complete);
        record.items.extend(last.into_iter().filter(|item| matches!(item, Recorded::Event { .. })));
    }
    record
}

/// "When a stream is parsed, a data buffer, an event type buffer, and a last
/// event ID buffer must be associated with it."
#[derive(Default)]
struct Interpreter {
    data_buffer: String,
    event_type_buffer: String,
    last_event_id_buffer: String,
    extras: Extras,
    record: Record,
}

/// What the open block has set, for the items that are this crate's addition.
#[derive(Default)]
struct Extras {
    id: Option<String>,
    retry: Option<Duration>,
}

impl Interpreter {
    /// "Lines must be processed, in the order they are received, as follows:"
    fn process_line(&mut self, line: &str) {
        if line.is_empty() {
            // "If the line is empty (a blank line): Dispatch the event, as
            // defined below."
            self.dispatch();
        } else if let Some(comment) = line.strip_prefix(':') {
            // "If the line starts with a U+003A COLON character (:): Ignore the
            // line."
            let comment = comment.strip_prefix(' ').unwrap_or(comment);
            self.record.items.push(Recorded::Comment(comment.to_owned()));
        } else if let Some((field, value)) = line.split_once(':') {
            // "Collect the characters on the line before the first U+003A COLON
            // character (:), and let field be that string. Collect the characters
            // on the line after the first U+003A COLON character (:), and let
            // value be that string. If value starts with a U+0020 SPACE
            // character, remove it from value."
            self.process_field(field, value.strip_prefix(' ').unwrap_or(value));
        } else {
            // "Otherwise: Process the field […] using the whole line as the field
            // name, and the empty string as the field value."
            self.process_field(line, "");
        }
    }

    fn process_field(&mut self, name: &str, value: &str) {
        match name {
            // "Set the event type buffer to the field value."
            "event" => value.clone_into(&mut self.event_type_buffer),
            // "Append the field value to the data buffer, then append a single
            // U+000A LINE FEED (LF) character to the data buffer."
            "data" => {
                self.data_buffer.push_str(value);
                self.data_buffer.push('\n');
            }
            // "If the field value does not contain U+0000 NULL, then set the last
            // event ID buffer to the field value. Otherwise, ignore the field."
            "id" if !value.contains('\0') => {
                value.clone_into(&mut self.last_event_id_buffer);
                self.extras.id = Some(value.to_owned());
            }
            // "If the field value consists of only ASCII digits, then interpret
            // the field value as an integer in base ten, and set the event
            // stream's reconnection time to that integer. Otherwise, ignore the
            // field."
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                // Digits that are not a `u64` are too large for one.
                let time = Duration::from_millis(value.parse().unwrap_or(u64::MAX));
                self.record.retry = Some(time);
                self.extras.retry = Some(time);
            }
            // "Otherwise: The field is ignored."
            _ => {}
        }
    }

    /// "When the user agent is required to dispatch the event, the user agent
    /// must process the data buffer, the event type buffer, and the last event ID
    /// buffer using steps appropriate for the user agent."
    fn dispatch(&mut self) {
        // "Set the last event ID string of the event source to the value of the
        // last event ID buffer. The buffer does not get reset."
        self.last_event_id_buffer.clone_into(&mut self.record.last_event_id);
        let extras = std::mem::take(&mut self.extras);
        // "If the data buffer is an empty string, set the data buffer and the
        // event type buffer to the empty string and return."
        if self.data_buffer.is_empty() {
            self.event_type_buffer.clear();
            self.record.items.extend(extras.id.map(Recorded::LastEventId));
            self.record.items.extend(extras.retry.map(Recorded::Retry));
            return;
        }
        // "If the data buffer's last character is a U+000A LINE FEED (LF)
        // character, then remove the last character from the data buffer."
        if self.data_buffer.ends_with('\n') {
            self.data_buffer.pop();
        }
        // "Initialize event's type attribute to "message", its data attribute to
        // data, […] and its lastEventId attribute to the last event ID string of
        // the event source. If the event type buffer has a value other than the
        // empty string, change the type of the newly created event to equal the
        // value of the event type buffer."
        let mut event_type = "message".to_owned();
        if !self.event_type_buffer.is_empty() {
            self.event_type_buffer.clone_into(&mut event_type);
        }
        // "Set the data buffer and the event type buffer to the empty string."
        self.event_type_buffer.clear();
        self.record.items.push(Recorded::Event {
            event_type,
            data: std::mem::take(&mut self.data_buffer),
            id: extras.id,
            last_event_id: self.record.last_event_id.clone(),
            retry: extras.retry,
        });
    }
}
