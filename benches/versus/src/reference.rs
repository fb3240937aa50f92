//! What is in a stream, by the steps of the standard (WHATWG HTML §9.2.6) and
//! nothing else: the reference of the tests of sse-wire, which shares no code with
//! anything that is measured.

#[path = "../../../tests/common/mod.rs"]
mod common;

use common::{Recorded, reference::Settings};

/// An event, in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Empty for `message`.
    pub event_type: String,
    pub data: String,
    /// The last event ID.
    pub id: String,
}

/// The events of a stream.
pub fn events(stream: &[u8]) -> Vec<Event> {
    let record = Settings::default().read(stream);
    record.items.into_iter().filter_map(event).collect()
}

fn event(item: Recorded) -> Option<Event> {
    let Recorded::Event { event_type, data, last_event_id: id, .. } = item else { return None };
    let event_type = if event_type == "message" { String::new() } else { event_type };
    Some(Event { event_type, data, id })
}

/// How many events, and a checksum of their types, data and IDs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub events: usize,
    pub checksum: u32,
    /// Of all data.
    pub length: usize,
    /// The sum of the last byte of each event's data: what timed runs can afford.
    pub last_bytes: u64,
}

impl Default for Summary {
    fn default() -> Self {
        Self { events: 0, checksum: 0x811C_9DC5, length: 0, last_bytes: 0 }
    }
}

impl Summary {
    /// The type of an event may be given as `message` or left out.
    pub fn add(&mut self, event_type: &str, data: &str, id: &str) {
        let event_type = if event_type.is_empty() { "message" } else { event_type };
        for part in [event_type, data, id] {
            part.bytes().for_each(|byte| self.add_to_checksum(byte));
            // In no text: tells `ab`, `c` from `a`, `bc`.
            self.add_to_checksum(0xFF);
        }
        self.events += 1;
        self.length += data.len();
        self.last_bytes += last_byte(data);
    }

    /// FNV-1a, 32 bits: a few lines in any language.
    fn add_to_checksum(&mut self, byte: u8) {
        self.checksum = (self.checksum ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
}

/// The last byte as a number, or 0.
#[inline]
pub fn last_byte(data: &str) -> u64 {
    data.as_bytes().last().copied().map_or(0, u64::from)
}

pub fn summary(events: &[Event]) -> Summary {
    let mut summary = Summary::default();
    for event in events {
        summary.add(&event.event_type, &event.data, &event.id);
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_is_one() {
        for stream in ["id: 1\ndata: a\ndata:b\n\n", "id:1\r\ndata: a\r\ndata: b\r\n\r\n"] {
            let stream = format!(":\n{stream}event: x\n\ndata: cut");
            let event = Event { event_type: String::new(), data: "a\nb".into(), id: "1".into() };
            assert_eq!(events(stream.as_bytes()), [event]);
        }
    }

    #[test]
    fn no_type_is_the_type_message() {
        let (mut named, mut unnamed) = (Summary::default(), Summary::default());
        named.add("message", "a", "");
        unnamed.add("", "a", "");
        assert_eq!(named, unnamed);
    }
}
