//! A second parser, slow and obvious: WHATWG HTML §9.2.6 word by word, over the
//! whole stream as text, without limits or errors.

use std::{mem, time::Duration};

use sse_wire::EofPolicy;

use crate::{
    common::{Record, Recorded},
    input::Input,
};

/// What the standard makes of a stream, and this crate of its end.
pub(crate) fn record(input: &Input<'_>) -> Record {
    let text = String::from_utf8_lossy(input.stream);
    let mut rest = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let mut record =
        Record { last_event_id: input.last_event_id().to_owned(), ..Record::default() };
    let mut block = Block::default();
    while let Some(end) = rest.find(['\r', '\n']) {
        block.line(&rest[..end], &mut record);
        let pair = rest[end..].starts_with("\r\n");
        rest = &rest[end + 1 + usize::from(pair)..];
    }
    if input.eof_policy() == EofPolicy::Dispatch {
        block.end_of_stream(rest, &mut record);
    }
    record
}

#[derive(Default)]
struct Block {
    data: Option<String>,
    event_type: String,
    id: Option<String>,
    retry: Option<Duration>,
}

impl Block {
    fn line(&mut self, line: &str, record: &mut Record) {
        if line.is_empty() {
            return mem::take(self).end(record);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => record.items.push(Recorded::Comment(value.to_owned())),
            "data" => self.add_data(value),
            "event" => value.clone_into(&mut self.event_type),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if is_number(value) => {
                // Nothing but digits: what cannot be parsed is too large.
                self.retry = Some(Duration::from_millis(value.parse().unwrap_or(u64::MAX)));
                record.retry = self.retry;
            }
            _ => {}
        }
    }

    fn add_data(&mut self, value: &str) {
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
    }

    fn end(self, record: &mut Record) {
        if let Some(id) = &self.id {
            id.clone_into(&mut record.last_event_id);
        }
        match self.data {
            Some(data) => record.items.push(Recorded::Event {
                event_type: if self.event_type.is_empty() {
                    "message".to_owned()
                } else {
                    self.event_type
                },
                data,
                last_event_id: record.last_event_id.clone(),
                id: self.id,
                retry: self.retry,
            }),
            None => {
                record.items.extend(self.id.map(Recorded::LastEventId));
                record.items.extend(self.retry.map(Recorded::Retry));
            }
        }
    }

    /// Ends the last line and block, of which only an event is delivered.
    fn end_of_stream(mut self, line: &str, record: &mut Record) {
        let items = record.items.len();
        if !line.is_empty() {
            self.line(line, record);
        }
        self.end(record);
        let last = record.items.split_off(items);
        record.items.extend(last.into_iter().filter(|item| matches!(item, Recorded::Event { .. })));
    }
}

fn is_number(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}
