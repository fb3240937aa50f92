//! The unfinished line: the one that a chunk end has cut.
//!
//! The first bytes of it are put together ([`LineStart`]). If it ends before they are
//! many, it is read like a line of the body. Otherwise it is read as it arrives, and only
//! what it means is kept: the value goes straight to where it belongs in the [`Block`].
//! There it is validated at the latest when the line is complete, unless it is known to be
//! text, so that for what is kept nothing here has to think of a character that is cut. Lines
//! that are not UTF-8 are read here too, however they are cut.

use core::{mem, str};

use super::{
    Utf8Policy, Wanted,
    block::{Block, Buffer, Refusal},
    field::{self, Digits, Field},
};
use crate::text::{LinePart, LineStart, is_cut_character};

/// What a line turns out to be when it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    /// A comment, which is in the block's line buffer if items are wanted.
    Comment,
    /// A line that has already had its whole effect on the block.
    Other,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// There is no unfinished line.
    #[default]
    Closed,
    /// All that there is of the line, of which nothing has been read.
    Start(LineStart),
    Value(Value),
    /// The rest of the line does not matter: its block is refused.
    Skipped,
}

/// The rest of a line whose field is known.
#[derive(Clone, Copy, Debug)]
struct Value {
    field: Field,
    ignored: Ignored,
    digits: Digits,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    state: State,
}

impl Tail {
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    /// Whether this is a `data` line of a block that has more data than this: a hint that the
    /// line is long.
    #[inline]
    pub(super) fn has_data_above(&self, length: usize, block: &Block) -> bool {
        matches!(self.state, State::Value(Value { field: Field::Data, .. }))
            && block.data_length() > length
    }

    /// Begins a line, which may be added to the open block: nothing of that may
    /// be in the chunk any more.
    #[inline]
    pub(super) fn begin(&mut self, first: LinePart<'_>, block: &mut Block) -> Result<(), Refusal> {
        if block.dropped {
            self.state = State::Skipped;
            Ok(())
        } else if first.bytes().len() > LineStart::CAPACITY {
            self.begin_value(first, block)
        } else {
            self.state = State::Start(LineStart::default());
            self.go_on(first, block)
        }
    }

    /// Gives up the line, the rest of which is skipped if it goes on.
    pub(super) fn give_up(&mut self, goes_on: bool) {
        self.state = if goes_on { State::Skipped } else { State::Closed };
    }

    /// Same as [`read`](Self::read), if nothing more is to be done for the part than to append
    /// it. Otherwise does nothing, and returns false.
    #[inline(always)]
    pub(super) fn append(&mut self, part: LinePart<'_>, block: &mut Block) -> bool {
        match &mut self.state {
            State::Value(Value { field: Field::Data, .. }) => block.append(Buffer::Data, part),
            State::Value(Value { field: Field::Comment, .. }) => block.append(Buffer::Line, part),
            State::Start(start) => {
                block.may_wait(start.len() + part.bytes().len()) && start.push(part)
            }
            _ => false,
        }
    }

    /// Reads the next bytes of the line, none of which is a line end.
    #[inline]
    pub(super) fn read(&mut self, part: LinePart<'_>, block: &mut Block) -> Result<(), Refusal> {
        match &mut self.state {
            State::Value(value) => value.read(part, block),
            State::Start(_) => self.go_on(part, block),
            State::Closed | State::Skipped => Ok(()),
        }
    }

    /// Adds the next bytes to the start of the line. Reads them if they are more than can wait,
    /// which is always enough to know the field.
    #[inline]
    fn go_on(&mut self, part: LinePart<'_>, block: &mut Block) -> Result<(), Refusal> {
        let State::Start(start) = &mut self.state else { return Ok(()) };
        let rest = start.fill(part);
        let may_wait = block.may_wait(start.len()) || !field::is_known(start.bytes());
        if rest.bytes().is_empty() && may_wait {
            // With its colon it is data, and the LF before it counts.
            return if start.bytes() == b"data:" { Ok(block.check_next_line()?) } else { Ok(()) };
        }
        let start = *start;
        self.begin_value(start.part(), block)?;
        self.read(rest, block)
    }

    /// Ends the line, if there is one, with this part. The text of a comment is there only if
    /// items are wanted.
    pub(super) fn finish(
        &mut self,
        last: LinePart<'_>,
        block: &mut Block,
        wanted: Wanted,
    ) -> Result<Finished, Refusal> {
        let mut read = if self.append(last, block) { Ok(()) } else { self.read(last, block) };
        if let State::Start(line) = &self.state {
            if let Some(line) = line.text() {
                let finished = read_short_line(line, block, wanted);
                self.state = State::Closed;
                return finished;
            }
            let line = *line;
            read = self.begin_value(line.part(), block);
        }
        let state = mem::take(&mut self.state);
        read?;
        match state {
            State::Value(value) => value.end(block),
            _ => Ok(Finished::Other),
        }
    }

    /// Reads the field of a line of which this is the start, or all.
    #[inline]
    fn begin_value(&mut self, line: LinePart<'_>, block: &mut Block) -> Result<(), Refusal> {
        let (field, start) = field::split(line.bytes());
        self.state = State::Value(Value::new(field));
        if let Some(buffer) = Buffer::of(field) {
            block.begin_value(buffer)?;
        }
        let [_, value] = line.split_at(start);
        self.read(if field == Field::Unknown { line } else { value }, block)
    }
}

impl Value {
    #[inline]
    fn new(field: Field) -> Self {
        Self { field, ignored: Ignored::default(), digits: Digits::default() }
    }

    /// Reads the next bytes of the value.
    #[inline]
    fn read(&mut self, part: LinePart<'_>, block: &mut Block) -> Result<(), Refusal> {
        match self.field {
            Field::Data => block.push_value(Buffer::Data, part),
            Field::EventType | Field::Comment => block.push_value(Buffer::Line, part),
            Field::Id | Field::Retry | Field::Unknown => self.read_seldom(part, block),
        }
    }

    #[inline(never)]
    fn read_seldom(&mut self, part: LinePart<'_>, block: &mut Block) -> Result<(), Refusal> {
        let bytes = part.bytes();
        match self.field {
            Field::Id => match memchr::memchr(0, bytes) {
                None => block.push_value(Buffer::Line, part),
                Some(nul) => {
                    let [id, ignored] = part.split_at(nul);
                    block.push_value(Buffer::Line, id)?;
                    block.end_value(Buffer::Line)?;
                    block.clear_line();
                    self.field = Field::Unknown;
                    self.ignored.push(ignored.bytes(), block.utf8_policy)
                }
            },
            Field::Retry => {
                self.digits.push(bytes);
                self.ignored.push(bytes, block.utf8_policy)
            }
            _ => self.ignored.push(bytes, block.utf8_policy),
        }
    }

    /// Ends the line.
    #[inline]
    fn end(self, block: &mut Block) -> Result<Finished, Refusal> {
        if self.field == Field::Data {
            block.end_value(Buffer::Data)?;
            return Ok(Finished::Other);
        }
        match Buffer::of(self.field) {
            Some(buffer) => block.end_value(buffer)?,
            None => self.ignored.end(block.utf8_policy)?,
        }
        match self.field {
            Field::EventType => block.set_event_type_to_line(),
            Field::Id => block.set_id_to_line(),
            Field::Retry => block.set_retry(self.digits),
            Field::Comment => return Ok(Finished::Comment),
            Field::Data | Field::Unknown => {}
        }
        Ok(Finished::Other)
    }
}

/// Reads a line of which nothing was read before.
#[inline]
fn read_short_line(line: &str, block: &mut Block, wanted: Wanted) -> Result<Finished, Refusal> {
    let (field, start) = field::split(line.as_bytes());
    let value = &line[start..];
    match field {
        Field::Data => block.add_data_text(value)?,
        Field::EventType => block.set_event_type_text(value)?,
        Field::Id => block.set_id_text(value)?,
        Field::Comment => {
            match wanted {
                Wanted::Items => block.set_comment_text(value)?,
                Wanted::Events => block.check_comment(value.len())?,
            }
            return Ok(Finished::Comment);
        }
        Field::Retry => block.set_retry(Digits::of(value.as_bytes())),
        Field::Unknown => {}
    }
    Ok(Finished::Other)
}

/// What is not kept of a line. It matters only to who rejects what is not UTF-8,
/// so for that the first bytes of a character wait here for the others.
#[derive(Clone, Copy, Debug, Default)]
struct Ignored {
    cut: [u8; 4],
    length: u8,
}

impl Ignored {
    fn push(&mut self, mut bytes: &[u8], policy: Utf8Policy) -> Result<(), Refusal> {
        if policy == Utf8Policy::Replace {
            return Ok(());
        }
        while let (1.., [next, rest @ ..]) = (self.length, bytes) {
            self.cut[usize::from(self.length)] = *next;
            self.length += 1;
            bytes = rest;
            let character = &self.cut[..usize::from(self.length)];
            if str::from_utf8(character).is_ok() {
                self.length = 0;
            } else if !is_cut_character(character) {
                return Err(Refusal::InvalidUtf8);
            }
        }
        let valid = match str::from_utf8(bytes) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let cut = &bytes[valid..];
        if !cut.is_empty() {
            if !is_cut_character(cut) {
                return Err(Refusal::InvalidUtf8);
            }
            self.cut[..cut.len()].copy_from_slice(cut);
            self.length = cut.len() as u8;
        }
        Ok(())
    }

    /// At the end of the line.
    fn end(self, policy: Utf8Policy) -> Result<(), Refusal> {
        match policy {
            Utf8Policy::Reject if self.length > 0 => Err(Refusal::InvalidUtf8),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether pieces of a line that is not kept are rejected.
    fn is_rejected(pieces: &[&[u8]]) -> bool {
        let mut ignored = Ignored::default();
        let read = pieces.iter().try_for_each(|piece| ignored.push(piece, Utf8Policy::Reject));
        read.and_then(|()| ignored.end(Utf8Policy::Reject)).is_err()
    }

    #[test]
    fn what_is_ignored_is_rejected_however_it_is_cut() {
        let samples: &[&[u8]] = &[
            "aé€😀b".as_bytes(),
            b"\xE2\x82A",
            b"\xF0\x9F\x98",
            b"\xF0\x9F\xF0\x9F\x98\x80",
            b"\xED\xA0\x80",
            b"\xC0\x80",
            b"a\xFF",
            b"\xE2\x82\xAC\xE2",
        ];
        for bytes in samples {
            let expected = str::from_utf8(bytes).is_err();
            for cut in 0..=bytes.len() {
                let (head, rest) = bytes.split_at(cut);
                assert_eq!(is_rejected(&[head, rest]), expected, "{bytes:X?} cut at {cut}");
            }
            assert_eq!(is_rejected(&bytes.chunks(1).collect::<alloc::vec::Vec<_>>()), expected);
        }
    }
}
