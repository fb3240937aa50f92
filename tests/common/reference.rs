//! The parser once more, slow and obvious, and sharing no code with the library:
//! it has the whole stream at once, knows no chunks, and copies whatever is
//! easier to copy.
//!
//! [`standard`] is §9.2.6 of the standard, step by step. This file finds the lines
//! for it, and adds what the standard leaves to us: when a block is refused, and
//! what happens at the end. Lines are decoded one by one, which is the same as
//! decoding the whole stream: no character contains the byte of a CR or LF.

mod standard;

use std::str;

use sse_wire::{EofPolicy, ParseError, Parser, Utf8Policy};

use self::standard::Interpreter;
use super::{Record, Recorded};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// How a stream is to be read.
#[derive(Clone, Debug)]
pub struct Settings {
    pub max_event_size: usize,
    pub utf8_policy: Utf8Policy,
    pub eof_policy: EofPolicy,
    pub last_event_id: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_event_size: usize::MAX,
            utf8_policy: Utf8Policy::Replace,
            eof_policy: EofPolicy::Discard,
            last_event_id: String::new(),
        }
    }
}

impl Settings {
    /// The parser under test, with these settings.
    pub fn parser(&self) -> Parser {
        Parser::builder()
            .max_event_size(self.max_event_size)
            .utf8_policy(self.utf8_policy)
            .eof_policy(self.eof_policy)
            .last_event_id(&self.last_event_id)
            .build()
    }

    /// Reads a whole stream: the expected result.
    pub fn read(&self, stream: &[u8]) -> Record {
        // "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark
        // (BOM), if any."
        let lines = stream.strip_prefix(BOM).unwrap_or(stream);
        let mut reader = Reader::new(self, stream.len() - lines.len());
        // "Lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE
        // FEED (CRLF) character pair, a single U+000A LINE FEED (LF) character, or
        // a single U+000D CARRIAGE RETURN (CR) character."
        let mut rest = lines;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let pair = rest[end..].starts_with(b"\r\n");
            let (line, after) = (&rest[..end], &rest[end + 1 + usize::from(pair)..]);
            reader.read_line(line, stream.len() - after.len());
            rest = after;
        }
        reader.end(rest);
        reader.into_record()
    }
}

/// Why a block is refused.
enum Fault {
    TooLarge,
    InvalidUtf8,
}

struct Reader<'a> {
    settings: &'a Settings,
    interpreter: Interpreter,
    /// The interpreter before the open block, and where that begins.
    before_block: Interpreter,
    block_start: usize,
    /// The open block was refused.
    refused: bool,
    items: Vec<Recorded>,
}

impl<'a> Reader<'a> {
    fn new(settings: &'a Settings, start: usize) -> Self {
        let mut interpreter = Interpreter::default();
        interpreter.last_event_id_buffer.clone_from(&settings.last_event_id);
        interpreter.last_event_id_string.clone_from(&settings.last_event_id);
        let before_block = interpreter.clone();
        let items = Vec::new();
        Self { settings, interpreter, before_block, block_start: start, refused: false, items }
    }

    /// Reads a complete line, after whose line end the next one begins at
    /// `next`.
    fn read_line(&mut self, line: &[u8], next: usize) {
        if !self.refused {
            match self.fault(line) {
                Some(fault) => self.refuse(fault),
                None => self.interpreter.process_line(&String::from_utf8_lossy(line)),
            }
            self.items.append(&mut self.interpreter.items);
        }
        if line.is_empty() {
            self.refused = false;
            self.before_block = self.interpreter.clone();
            self.block_start = next;
        }
    }

    /// Ends the stream after an unfinished line, which may be empty.
    fn end(&mut self, unfinished: &[u8]) {
        if !self.refused {
            self.fault_so_far(unfinished).into_iter().for_each(|fault| self.refuse(fault));
        }
        // "Once the end of the file is reached, any pending data must be
        // discarded."
        match self.settings.eof_policy {
            EofPolicy::Dispatch if !self.refused => self.dispatch(unfinished),
            EofPolicy::Error if self.is_pending(unfinished) => {
                let offset = self.block_start as u64;
                self.items.push(Recorded::Error(ParseError::UnexpectedEnd { offset }));
            }
            _ => {}
        }
    }

    /// Adds the missing line ends. What they complete counts only if it is an
    /// event, or an error.
    fn dispatch(&mut self, unfinished: &[u8]) {
        let delivered = self.items.len();
        if !unfinished.is_empty() {
            self.read_line(unfinished, 0);
        }
        self.read_line(b"", 0);
        let completed = self.items.split_off(delivered);
        self.items.extend(completed.into_iter().filter(Recorded::is_event_or_error));
    }

    fn is_pending(&self, unfinished: &[u8]) -> bool {
        self.refused || !unfinished.is_empty() || !self.interpreter.data_buffer.is_empty()
    }

    /// Drops the open block, as if none of its lines had been there; its
    /// comments have been delivered already.
    fn refuse(&mut self, fault: Fault) {
        self.interpreter = self.before_block.clone();
        self.refused = true;
        let offset = self.block_start as u64;
        self.items.push(match fault {
            Fault::TooLarge => Recorded::TooLarge { limit: self.settings.max_event_size, offset },
            Fault::InvalidUtf8 => Recorded::Error(ParseError::InvalidUtf8 { offset }),
        });
    }

    fn into_record(self) -> Record {
        let Interpreter { last_event_id_string, reconnection_time, .. } = self.interpreter;
        Record { items: self.items, last_event_id: last_event_id_string, retry: reconnection_time }
    }

    /// The first fault of a complete line. That of a blank line is the sum of
    /// what the block has set.
    fn fault(&self, line: &[u8]) -> Option<Fault> {
        if line.is_empty() {
            let Interpreter { data_buffer, event_type_buffer, extras, .. } = &self.interpreter;
            let data = data_buffer.strip_suffix('\n').unwrap_or(data_buffer);
            let id = extras.id.as_deref().unwrap_or_default();
            return self.check(data.len() + event_type_buffer.len() + id.len());
        }
        match self.settings.utf8_policy {
            Utf8Policy::Reject if str::from_utf8(line).is_err() => {
                self.fault_so_far(line).or(Some(Fault::InvalidUtf8))
            }
            _ => self.check(self.size_with(&String::from_utf8_lossy(line))),
        }
    }

    /// The first fault of a line of which this much has arrived.
    fn fault_so_far(&self, line: &[u8]) -> Option<Fault> {
        let arrived = without_cut_character(line);
        let text = match self.settings.utf8_policy {
            Utf8Policy::Reject => {
                arrived.utf8_chunks().next().map_or("", |part| part.valid()).into()
            }
            _ => String::from_utf8_lossy(arrived),
        };
        let invalid = self.settings.utf8_policy == Utf8Policy::Reject && text.len() < arrived.len();
        // Without a colon, it is not settled yet which field this is.
        let too_large = text.contains(':').then(|| self.check(self.size_with(&text))).flatten();
        too_large.or(invalid.then_some(Fault::InvalidUtf8))
    }

    fn check(&self, size: usize) -> Option<Fault> {
        (size > self.settings.max_event_size).then_some(Fault::TooLarge)
    }

    /// What counts against the limit with this line: its value, and for data
    /// also the lines before it, with their LFs.
    fn size_with(&self, line: &str) -> usize {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.interpreter.data_buffer.len() + value.len(),
            // What comes after a NUL does not count.
            "id" => value.find('\0').unwrap_or(value.len()),
            // A comment has no field name.
            "event" | "" => value.len(),
            _ => 0,
        }
    }
}

/// The bytes without the beginning of a character at their end.
fn without_cut_character(bytes: &[u8]) -> &[u8] {
    let is_cut = |end: &&[u8]| {
        str::from_utf8(end)
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    let ends = (1..=bytes.len().min(3)).map(|length| &bytes[bytes.len() - length..]);
    let cut = ends.into_iter().find(is_cut).unwrap_or_default();
    &bytes[..bytes.len() - cut.len()]
}
