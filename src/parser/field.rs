//! Lines into fields (WHATWG HTML §9.2.6): which field a line holds, where its
//! value starts, and what the digits of `retry` are worth.
//!
//! The four field names differ in their first byte, so that byte selects the
//! only name worth comparing; the colon is never searched for.

/// The kind of a line that is not blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    EventType,
    Id,
    Retry,
    /// A line that starts with a colon: in effect, a field with an empty name.
    Comment,
    /// Any other name: the line is ignored.
    Unknown,
}

impl Field {
    /// The only field that a line with this first byte can be, judging by that
    /// byte alone.
    pub(super) fn starting_with(first: u8) -> Self {
        match first {
            b'd' => Self::Data,
            b'e' => Self::EventType,
            b'i' => Self::Id,
            b'r' => Self::Retry,
            b':' => Self::Comment,
            _ => Self::Unknown,
        }
    }

    /// The field name: what is before the colon.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::EventType => b"event",
            Self::Id => b"id",
            Self::Retry => b"retry",
            Self::Comment | Self::Unknown => b"",
        }
    }
}

/// The field of a whole line that is not blank, and where its value starts.
///
/// The value extends to the end of the line; one leading space is not part of
/// it. A field name without a colon has an empty value.
#[inline(always)]
pub(super) fn split(line: &[u8]) -> (Field, usize) {
    // What most lines are. Then one call for each field, so that its name is a
    // constant there.
    if line.starts_with(b"data: ") {
        return (Field::Data, 6);
    }
    match Field::starting_with(line[0]) {
        Field::Data => split_as(Field::Data, line),
        Field::EventType => split_as(Field::EventType, line),
        Field::Id => split_as(Field::Id, line),
        Field::Retry => split_as(Field::Retry, line),
        Field::Comment => split_as(Field::Comment, line),
        Field::Unknown => (Field::Unknown, line.len()),
    }
}

/// Whether [`split`] finds in the start of a line what it would find in all of it.
pub(super) fn is_known(start: &[u8]) -> bool {
    let name = Field::starting_with(start[0]).name();
    match start.strip_prefix(name) {
        Some([] | [b':']) => false,
        Some(_) => true,
        None => !name.starts_with(start),
    }
}

#[inline(always)]
fn split_as(field: Field, line: &[u8]) -> (Field, usize) {
    let name = field.name();
    match line.strip_prefix(name) {
        Some([]) => (field, line.len()),
        Some([b':', b' ', ..]) => (field, name.len() + 2),
        Some([b':', ..]) => (field, name.len() + 1),
        _ => (Field::Unknown, line.len()),
    }
}

/// The value of a `retry` field, which may arrive in pieces.
///
/// Only ASCII digits are valid, a number of milliseconds above `u64::MAX`
/// saturates, and no digit is stored: however long the value, it costs no
/// memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digits {
    milliseconds: u64,
    any: bool,
    other: bool,
}

impl Digits {
    /// Those of a whole value.
    pub(super) fn of(value: &[u8]) -> Self {
        let mut digits = Self::default();
        digits.push(value);
        digits
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if byte.is_ascii_digit() {
                self.any = true;
                let digit = u64::from(byte - b'0');
                self.milliseconds = self.milliseconds.saturating_mul(10).saturating_add(digit);
            } else {
                self.other = true;
            }
        }
    }

    /// The reconnection time in milliseconds, or `None` if the field must be ignored.
    pub(super) fn reconnection_time(self) -> Option<u64> {
        (self.any && !self.other).then_some(self.milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leading_space_is_not_part_of_the_value() {
        assert_eq!(split(b"data:x"), (Field::Data, 5));
        assert_eq!(split(b"data: x"), (Field::Data, 6));
        assert_eq!(split(b"data:  x"), (Field::Data, 6));
        assert_eq!(split(b": x"), (Field::Comment, 2));
    }

    #[test]
    fn a_name_without_a_colon_has_an_empty_value() {
        assert_eq!(split(b"retry"), (Field::Retry, 5));
        assert_eq!(split(b":"), (Field::Comment, 1));
    }

    #[test]
    fn names_are_compared_whole_and_to_the_letter() {
        for line in [&b"dat"[..], b"datax: 1", b"Data: 1", b"data : 1", b" data: 1", b"x", b"idx"] {
            assert_eq!(split(line).0, Field::Unknown, "{line:?}");
        }
    }

    #[test]
    fn digits_saturate_and_nothing_else_is_a_number() {
        let time = |pieces: &[&str]| {
            let mut digits = Digits::default();
            pieces.iter().for_each(|piece| digits.push(piece.as_bytes()));
            digits.reconnection_time()
        };
        assert_eq!(time(&["00", "10"]), Some(10));
        assert_eq!(time(&["18446744073709551616"]), Some(u64::MAX));
        for text in ["", "+5", "-1", "1e3", " 5", "5 ", "1.0", "٣"] {
            assert_eq!(time(&[text]), None, "{text:?}");
        }
    }
}
