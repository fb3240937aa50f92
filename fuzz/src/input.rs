//! How an input of `parse` and `tiers` is read: six bytes of settings, then the
//! event stream. The settings are designed so that ASCII digits make readable
//! seeds: `000000` is a default parser and one chunk.

use sse_wire::{EofPolicy, Parser, ParserBuilder, Utf8Policy};

const LIMITS: [Option<usize>; 8] =
    [None, Some(0), Some(1), Some(4), Some(8), Some(16), Some(64), Some(usize::MAX)];

/// The last event ID that a parser begins with, if its settings say so.
pub(crate) const SEEDED_ID: &str = "seeded";

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

    /// A parser by the first two settings: 1, 2 (or 4) and 8 in the first are
    /// the UTF-8 policy, the end-of-stream policy, and a seeded last event ID;
    /// the second is the limit.
    pub(crate) fn parser(&self) -> Parser {
        let mut builder: ParserBuilder =
            Parser::builder().utf8_policy(self.utf8_policy()).eof_policy(self.eof_policy());
        if let Some(bytes) = self.limit() {
            builder = builder.max_event_size(bytes);
        }
        builder.last_event_id(self.last_event_id()).build()
    }

    /// Whether the parser can neither fail nor has a choice but at the end.
    pub(crate) fn accepts_everything(&self) -> bool {
        let fits = self.limit().is_none_or(|limit| limit > 64);
        fits && self.utf8_policy() == Utf8Policy::Replace && self.eof_policy() != EofPolicy::Error
    }

    pub(crate) fn last_event_id(&self) -> &'static str {
        if self.settings[0] & 8 == 0 { "" } else { SEEDED_ID }
    }

    pub(crate) fn eof_policy(&self) -> EofPolicy {
        match self.settings[0] & 6 {
            2 => EofPolicy::Dispatch,
            4 => EofPolicy::Error,
            _ => EofPolicy::Discard,
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
            let (chunk, behind) = rest.split_at(rest.len().min(chunk_size(*size)));
            chunks.push(chunk);
            rest = behind;
        }
        chunks
    }

    fn utf8_policy(&self) -> Utf8Policy {
        if self.settings[0] & 1 == 0 { Utf8Policy::Replace } else { Utf8Policy::Reject }
    }

    fn limit(&self) -> Option<usize> {
        LIMITS[usize::from(self.settings[1] & 7)]
    }
}

/// The digits of ASCII are themselves; beyond ASCII are the large sizes.
fn chunk_size(setting: u8) -> usize {
    match setting {
        0..0x80 => usize::from(setting & 0x0F),
        0x80.. => usize::from(setting & 0x7F) * 64,
    }
}
