//! The unfinished line: the one that a chunk end has cut.
//!
//! It is read byte by byte as it arrives, and only what it means is kept: the
//! field name is a position in the one name that it can still become, the value
//! goes straight to where it belongs in the [`Block`], and of a character that
//! is cut only its first bytes wait here. Lines that are not UTF-8 are read
//! here too, however they are cut.

use core::{str, time::Duration};

use super::{
    Utf8Policy,
    block::{Block, TooLarge},
    field::{Digits, Field},
};
use crate::text::{Chunk, StableBytes};

/// Why a line, and with it its block, is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    TooLarge(usize),
    InvalidUtf8,
}

impl From<TooLarge> for Refusal {
    fn from(TooLarge(size): TooLarge) -> Self {
        Self::TooLarge(size)
    }
}

/// What a line turns out to be when it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    /// A comment, which is in the block's line buffer.
    Comment,
    Retry(Duration),
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
    Name(Field, usize),
    /// The colon has been read, but nothing of the value.
    Colon(Field),
    Value(Field),
    /// The rest of the line does not matter: its block is refused.
    Skipped,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    state: State,
    character: CutCharacter,
    digits: Digits,
}

impl Tail {
    pub(super) fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// Begins a line. Whatever the open block has in the chunk is saved,
    /// because the line may be added to it.
    pub(super) fn begin<B: StableBytes>(&mut self, block: &mut Block, chunk: &Chunk<B>) {
        block.save(chunk);
        self.state = if block.dropped { State::Skipped } else { State::Begun };
    }

    /// Skips the rest of the line.
    pub(super) fn skip(&mut self) {
        self.state = State::Skipped;
    }

    /// Reads the next bytes of the line, none of which is a line end.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        block: &mut Block,
        policy: Utf8Policy,
    ) -> Result<(), Refusal> {
        let value = self.read_name(bytes, block)?;
        let Self { state, character, digits } = self;
        if *state == State::Skipped {
            return Ok(());
        }
        character.decode(value, |piece| push(piece.text(policy)?, state, digits, block))
    }

    /// Ends the line, if there is one.
    pub(super) fn finish(
        &mut self,
        block: &mut Block,
        policy: Utf8Policy,
    ) -> Result<Finished, Refusal> {
        let Self { mut state, character, mut digits } = core::mem::take(self);
        if let State::Name(field, matched) = state {
            state = State::Value(Field::Unknown);
            if matched == field.name().len() {
                begin_value(field, block)?;
                state = State::Value(field);
            }
        }
        if character.is_cut() {
            push(Piece::Invalid.text(policy)?, &mut state, &mut digits, block)?;
        }
        let (State::Colon(field) | State::Value(field)) = state else {
            return Ok(Finished::Other);
        };
        match field {
            Field::EventType => block.set_event_type_to_line(),
            Field::Id => block.set_id_to_line(),
            Field::Comment => return Ok(Finished::Comment),
            Field::Retry => return Ok(digits.reconnection_time().into()),
            Field::Data | Field::Unknown => {}
        }
        Ok(Finished::Other)
    }

    /// Reads what there is of the field name, the colon and the space after it,
    /// and returns the rest, which belongs to the value.
    fn read_name<'a>(&mut self, bytes: &'a [u8], block: &mut Block) -> Result<&'a [u8], Refusal> {
        let (field, matched) = match (self.state, bytes) {
            (State::Begun, [first, ..]) => (Field::starting_with(*first), 0),
            (State::Name(field, matched), [_, ..]) => (field, matched),
            (State::Colon(field), [first, rest @ ..]) => {
                self.state = State::Value(field);
                return Ok(if *first == b' ' { rest } else { bytes });
            }
            _ => return Ok(bytes),
        };
        let name = &field.name()[matched..];
        let same = name.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        match &bytes[same..] {
            [] => {
                self.state = State::Name(field, matched + same);
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
}

impl From<Option<Duration>> for Finished {
    fn from(retry: Option<Duration>) -> Self {
        retry.map_or(Self::Other, Self::Retry)
    }
}

fn begin_value(field: Field, block: &mut Block) -> Result<(), TooLarge> {
    match field {
        Field::Data => block.begin_data(),
        Field::EventType | Field::Id | Field::Comment => {
            block.begin_line();
            Ok(())
        }
        Field::Retry | Field::Unknown => Ok(()),
    }
}

/// Adds text to the value of the line's field.
fn push(
    text: &str,
    state: &mut State,
    digits: &mut Digits,
    block: &mut Block,
) -> Result<(), Refusal> {
    let State::Value(field) = *state else { return Ok(()) };
    match field {
        Field::Data => block.push_data(text)?,
        Field::EventType | Field::Comment => block.push_line(text)?,
        Field::Id => match text.find('\0') {
            None => block.push_line(text)?,
            Some(nul) => {
                block.push_line(&text[..nul])?;
                block.clear_line();
                *state = State::Value(Field::Unknown);
            }
        },
        Field::Retry => digits.push(text),
        Field::Unknown => {}
    }
    Ok(())
}

/// What bytes decode to.
enum Piece<'a> {
    Text(&'a str),
    /// One maximal subpart that is not UTF-8 (Unicode §3.9, as in the Encoding
    /// Standard's decoder).
    Invalid,
}

impl<'a> Piece<'a> {
    fn text(self, policy: Utf8Policy) -> Result<&'a str, Refusal> {
        match (self, policy) {
            (Self::Text(text), _) => Ok(text),
            (Self::Invalid, Utf8Policy::Replace) => Ok("\u{FFFD}"),
            (Self::Invalid, Utf8Policy::Reject) => Err(Refusal::InvalidUtf8),
        }
    }
}

/// The first bytes of a character whose other bytes have not arrived yet.
#[derive(Clone, Copy, Debug, Default)]
struct CutCharacter {
    bytes: [u8; 4],
    length: usize,
}

impl CutCharacter {
    fn is_cut(self) -> bool {
        self.length > 0
    }

    /// Decodes the next bytes of a value, and keeps the beginning of a
    /// character at their end.
    fn decode<E>(
        &mut self,
        mut bytes: &[u8],
        mut sink: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let (true, [next, rest @ ..]) = (self.is_cut(), bytes) {
            self.bytes[self.length] = *next;
            let joined = self.bytes;
            match str::from_utf8(&joined[..=self.length]) {
                Ok(character) => {
                    self.length = 0;
                    bytes = rest;
                    sink(Piece::Text(character))?;
                }
                Err(error) if error.error_len().is_none() => {
                    self.length += 1;
                    bytes = rest;
                }
                // Without `next` it was the beginning of a character, so `next`
                // is not part of what is invalid: it is looked at again.
                Err(_) => {
                    self.length = 0;
                    sink(Piece::Invalid)?;
                }
            }
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if let Ok(text) = simdutf8::compat::from_utf8(bytes) {
            return sink(Piece::Text(text));
        }
        let mut left = bytes.len();
        for part in bytes.utf8_chunks() {
            let (valid, invalid) = (part.valid(), part.invalid());
            left -= valid.len() + invalid.len();
            if !valid.is_empty() {
                sink(Piece::Text(valid))?;
            }
            if left == 0 && is_beginning(invalid) {
                self.bytes[..invalid.len()].copy_from_slice(invalid);
                self.length = invalid.len();
            } else if !invalid.is_empty() {
                sink(Piece::Invalid)?;
            }
        }
        Ok(())
    }
}

/// Whether a character could begin with these bytes.
fn is_beginning(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    /// Decodes pieces and, at the end, an unfinished character.
    fn decode(pieces: &[&[u8]]) -> String {
        let mut decoded = String::new();
        let mut character = CutCharacter::default();
        for bytes in pieces {
            let Ok(()) = character.decode(bytes, |piece| {
                decoded.push_str(piece.text(Utf8Policy::Replace).unwrap());
                Ok::<_, core::convert::Infallible>(())
            });
        }
        if character.is_cut() {
            decoded.push('\u{FFFD}');
        }
        decoded
    }

    #[test]
    fn decoding_in_any_two_pieces_equals_decoding_the_whole() {
        let samples: &[&[u8]] = &[
            "aé€😀b".as_bytes(),
            b"\xE2\x82A",
            b"\xF0\x9F\x98",
            b"\xF0\x9F\xF0\x9F\x98\x80",
            b"\xED\xA0\x80\xC0\x80\xFF\xF4\x90\x80\x80",
            b"\xE2\xE2\x82\xE2\x82\xAC",
        ];
        for bytes in samples {
            let whole = String::from_utf8_lossy(bytes);
            for cut in 0..=bytes.len() {
                let (head, rest) = bytes.split_at(cut);
                assert_eq!(decode(&[head, rest]), whole, "{bytes:X?} cut at {cut}");
            }
            assert_eq!(decode(&bytes.chunks(1).collect::<alloc::vec::Vec<_>>()), whole);
        }
    }
}
