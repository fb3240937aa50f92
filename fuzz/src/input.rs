//! How an input of `parse`, `reference` and `tiers` is read: six bytes of settings, then the
//! event stream. The settings are designed so that ASCII digits make readable
//! seeds: `000000` is a default parser and one chunk.

use std::io::ErrorKind;

use sse_wire::{EofPolicy, Parser, Utf8Policy};

use crate::common::{
    driven::{Move, Way},
    reference::Settings,
};

/// By digit; what is no digit counts as one from 0 to 7.
const LIMITS: [usize; 10] = [16 << 20, 0, 1, 4, 8, 16, 64, usize::MAX, 1024, 5000];

pub(crate) struct Input<'a> {
    settings: [u8; 6],
    pub(crate) stream: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        let (head, stream) = input.split_at(input.len().min(6));
        let mut settings = [0; 6];
        settings[..head.len()].copy_from_slice(head);
        Self { settings, stream }
    }

    pub(crate) fn parser(&self) -> Parser {
        self.settings().parser()
    }

    /// The first two settings: 1, 2 (or 4) and 8 in the first are the UTF-8
    /// policy, the end-of-stream policy, and a last event ID to begin with; the
    /// second is the limit.
    pub(crate) fn settings(&self) -> Settings {
        let [first, second, ..] = self.settings;
        Settings {
            max_event_size: LIMITS[match second {
                b'8' => 8,
                b'9' => 9,
                other => usize::from(other & 7),
            }],
            utf8_policy: if first & 1 == 0 { Utf8Policy::Replace } else { Utf8Policy::Reject },
            eof_policy: match first & 6 {
                2 => EofPolicy::Dispatch,
                4 => EofPolicy::Error,
                _ => EofPolicy::Discard,
            },
            last_event_id: if first & 8 == 0 { String::new() } else { "seeded".to_owned() },
        }
    }

    /// The stream cut into chunks by the last four settings, which are the
    /// sizes of the first four chunks, of the next four, and so on. Four zeros
    /// are one chunk; otherwise a zero is an empty chunk.
    pub(crate) fn chunks(&self) -> Vec<&'a [u8]> {
        let sizes = &self.settings[2..];
        if sizes.iter().all(|size| chunk_size(*size) == 0) {
            return vec![self.stream];
        }
        let mut chunks = Vec::new();
        let mut rest = self.stream;
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(rest.len().min(chunk_size(*size)));
            chunks.push(chunk);
            rest = after;
        }
        chunks
    }

    /// What a caller does after each chunk, in these ways: up to three moves, one
    /// for each byte of the stream, whatever else that byte is.
    pub(crate) fn moves(&self, ways: &[Way]) -> Vec<Vec<Move>> {
        let step = |byte: &u8| match byte % 16 {
            0 => Move::Rebuild,
            1 => Move::Pause(ErrorKind::WouldBlock),
            2 => Move::Pause(ErrorKind::Interrupted),
            3 => Move::Take(Way::Item, usize::MAX),
            count => Move::Take(ways[usize::from(*byte) % ways.len()], usize::from(count / 4)),
        };
        let moves = |bytes: &[u8]| bytes.iter().map(step).collect();
        self.stream.chunks(3).map(moves).collect()
    }
}

/// The digits of ASCII are themselves; beyond ASCII are the large sizes.
fn chunk_size(setting: u8) -> usize {
    match setting {
        0..0x80 => usize::from(setting & 0x0F),
        0x80.. => usize::from(setting & 0x7F) * 64,
    }
}
