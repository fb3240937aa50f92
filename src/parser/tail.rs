//! The unfinished line: the one that a chunk end has cut.
//!
//! It is read as it arrives, and only what it means is kept: the field name is a
//! position in the one name that it can still become, and the value goes
//! straight to where it belongs in the [`Block`]. There it is validated when the
//! line is complete, so that for what is kept nothing here has to think of a
//! character that is cut. Lines that are not UTF-8 are read here too, however they are cut.

use core::{mem, str};

use super::{
    Utf8Policy,
    block::{Block, Buffer, Refusal, TooLarge},
    field::{self, Digits, Field},
};
use crate::text::is_cut_character;

/// What a line turns out to be when it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    /// A comment, which is in the block's line buffer.
    Comment,
    Retry(u64),
    /// A line that has already had its whole effect on the block.
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// There is no unfinished line.
    #[default]
    Closed,
    /// A line has begun, but no byte of it has been read.
    Begun,
    /// This many bytes of the field name have been read, and nothing else.
    Name(Field, u8),
    /// The colon has been read, but nothing of the value.
    Colon(Field),
    Value(Field),
    /// The rest of the line does not matter: its block is refused.
    Skipped,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    state: State,
    digits: Digits,
    ignored: Ignored,
}

impl Tail {
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// Begins a line, which may be added to the open block: nothing of that may
    /// be in the chunk any more.
    pub(super) fn begin(&mut self, block: &Block) {
        let state = if block.dropped { State::Skipped } else { State::Begun };
        *self = Self { state, ..Self::default() };
    }

    /// Skips the rest of the line.
    pub(super) fn skip(&mut self) {
        self.state = State::Skipped;
    }

    /// Same as [`read`](Self::read), for a few bytes of data or of a comment, if
    /// nothing more is to be done for them than to append them. Otherwise does
    /// nothing, and returns false.
    #[inline(always)]
    pub(super) fn append(&mut self, bytes: &[u8], block: &mut Block) -> bool {
        match self.state {
            State::Value(Field::Data) => block.append(Buffer::Data, bytes),
            State::Value(Field::Comment) => block.append(Buffer::Line, bytes),
            _ => false,
        }
    }

    /// Reads the next bytes of the line, none of which is a line end.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], block: &mut Block) -> Result<(), Refusal> {
        // What is most frequent first.
        match self.state {
            State::Value(Field::Data) => return block.push_value(Buffer::Data, bytes),
            State::Value(Field::Comment) => return block.push_value(Buffer::Line, bytes),
            _ => {}
        }
        let value = self.read_name(bytes, block)?;
        self.read_value(value, block)
    }

    /// Ends the line, if there is one.
    pub(super) fn finish(&mut self, block: &mut Block) -> Result<Finished, Refusal> {
        let field = match mem::take(&mut self.state) {
            State::Value(field) | State::Colon(field) => field,
            State::Name(field, matched) if usize::from(matched) == field.name().len() => {
                begin_value(field, block)?;
                field
            }
            State::Name(..) => Field::Unknown,
            State::Closed | State::Begun | State::Skipped => return Ok(Finished::Other),
        };
        match Buffer::of(field) {
            Some(buffer) => block.end_value(buffer)?,
            None => self.ignored.end(block.utf8_policy)?,
        }
        match field {
            Field::EventType => block.set_event_type_to_line(),
            Field::Id => block.set_id_to_line(),
            Field::Comment => return Ok(Finished::Comment),
            Field::Retry => return Ok(self.digits.reconnection_time().into()),
            Field::Data | Field::Unknown => {}
        }
        Ok(Finished::Other)
    }

    /// Reads what there is of the field name, the colon and the space after it,
    /// and returns the rest, which belongs to the value.
    fn read_name<'a>(&mut self, bytes: &'a [u8], block: &mut Block) -> Result<&'a [u8], Refusal> {
        if self.state == State::Begun && bytes.len() >= field::LONGEST_START {
            let (field, start) = field::split(bytes);
            begin_value(field, block)?;
            self.state = State::Value(field);
            return Ok(if field == Field::Unknown { bytes } else { &bytes[start..] });
        }
        let (field, matched) = match (self.state, bytes) {
            (State::Begun, [first, ..]) => (Field::starting_with(*first), 0),
            (State::Name(field, matched), [_, ..]) => (field, matched),
            (State::Colon(field), [first, rest @ ..]) => {
                self.state = State::Value(field);
                return Ok(if *first == b' ' { rest } else { bytes });
            }
            _ => return Ok(bytes),
        };
        let name = &field.name()[usize::from(matched)..];
        let same = name.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        match &bytes[same..] {
            [] => {
                self.state = State::Name(field, matched + same as u8);
                Ok(&[])
            }
            [b':', rest @ ..] if same == name.len() => {
                begin_value(field, block)?;
                self.state = State::Colon(field);
                self.read_name(rest, block)
            }
            _ => {
                self.state = State::Value(Field::Unknown);
                Ok(bytes)
            }
        }
    }

    /// Reads the next bytes of the value.
    fn read_value(&mut self, bytes: &[u8], block: &mut Block) -> Result<(), Refusal> {
        let State::Value(field) = self.state else { return Ok(()) };
        match (field, Buffer::of(field)) {
            (Field::Id, Some(buffer)) => match memchr::memchr(0, bytes) {
                None => block.push_value(buffer, bytes),
                Some(nul) => {
                    block.push_value(buffer, &bytes[..nul])?;
                    block.end_value(buffer)?;
                    block.clear_line();
                    self.state = State::Value(Field::Unknown);
                    self.ignored.push(&bytes[nul..], block.utf8_policy)
                }
            },
            (_, Some(buffer)) => block.push_value(buffer, bytes),
            (field, None) => {
                if field == Field::Retry {
                    self.digits.push(bytes);
                }
                self.ignored.push(bytes, block.utf8_policy)
            }
        }
    }
}

impl From<Option<u64>> for Finished {
    fn from(retry: Option<u64>) -> Self {
        retry.map_or(Self::Other, Self::Retry)
    }
}

fn begin_value(field: Field, block: &mut Block) -> Result<(), TooLarge> {
    Buffer::of(field).map_or(Ok(()), |buffer| block.begin_value(buffer))
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
