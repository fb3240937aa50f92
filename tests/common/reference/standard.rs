//! The steps of WHATWG HTML §9.2.6, each under the standard's own words.
//!
//! What is delivered besides events is this crate's addition: comments, and what
//! is in [`Extras`].

use std::time::Duration;

use super::super::Recorded;

/// "When a stream is parsed, a data buffer, an event type buffer, and a last
/// event ID buffer must be associated with it."
#[derive(Clone, Default)]
pub struct Interpreter {
    pub data_buffer: String,
    pub event_type_buffer: String,
    pub last_event_id_buffer: String,
    /// "The last event ID string of the event source."
    pub last_event_id_string: String,
    pub reconnection_time: Option<Duration>,
    pub extras: Extras,
    /// What has been delivered and not been taken.
    pub items: Vec<Recorded>,
}

/// What the open block has set, for the items that are this crate's addition.
#[derive(Clone, Default)]
pub struct Extras {
    pub id: Option<String>,
    pub retry: Option<Duration>,
}

impl Interpreter {
    /// "Lines must be processed, in the order they are received, as follows:"
    pub fn process_line(&mut self, line: &str) {
        if line.is_empty() {
            // "If the line is empty (a blank line): Dispatch the event, as
            // defined below."
            self.dispatch();
        } else if let Some(comment) = line.strip_prefix(':') {
            // "If the line starts with a U+003A COLON character (:): Ignore the
            // line." This crate delivers it.
            let comment = comment.strip_prefix(' ').unwrap_or(comment);
            self.items.push(Recorded::Comment(comment.to_owned()));
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
            // An empty value has no digits, so we ignore it.
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                // Digits that are not a `u64` are too large for one.
                let time = Duration::from_millis(value.parse().unwrap_or(u64::MAX));
                self.reconnection_time = Some(time);
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
        self.last_event_id_buffer.clone_into(&mut self.last_event_id_string);
        let extras = std::mem::take(&mut self.extras);
        // "If the data buffer is an empty string, set the data buffer and the
        // event type buffer to the empty string and return."
        if self.data_buffer.is_empty() {
            self.event_type_buffer.clear();
            self.items.extend(extras.id.map(Recorded::LastEventId));
            self.items.extend(extras.retry.map(Recorded::Retry));
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
        self.items.push(Recorded::Event {
            event_type,
            data: std::mem::take(&mut self.data_buffer),
            id: extras.id,
            last_event_id: self.last_event_id_string.clone(),
            retry: extras.retry,
        });
    }
}
