//! Where lines end: at LF, CR, or CR LF (WHATWG HTML §9.2.5).

use memchr::{memchr2, memrchr2};

pub(super) const LF: u8 = b'\n';
pub(super) const CR: u8 = b'\r';

/// How far ahead to look for whole lines, and validate them, at a time.
///
/// Large enough for the cost of a step to vanish, small enough for a window to
/// stay in the L1 cache from its validation to its last line, and for a caller
/// who drops each `Feed` after its first event to pay a bounded price.
const WINDOW: usize = 32 * 1024;

/// The position of the first CR or LF.
pub(super) fn first_end(bytes: &[u8]) -> Option<usize> {
    memchr2(LF, CR, bytes)
}

/// The position of the last CR or LF.
pub(super) fn last_end(bytes: &[u8]) -> Option<usize> {
    memrchr2(LF, CR, bytes)
}

/// The end of the whole lines at the start of `bytes`, line ends included: all
/// those in a window, or the first one if it is longer than that.
///
/// `None` if not even one line is complete. A CR LF pair is never split.
pub(super) fn whole_lines(bytes: &[u8]) -> Option<usize> {
    let (window, beyond) = bytes.split_at(bytes.len().min(WINDOW));
    let end = match last_end(window) {
        Some(end) => end,
        None => window.len() + first_end(beyond)?,
    };
    let pair = bytes[end] == CR && bytes.get(end + 1) == Some(&LF);
    Some(end + 1 + usize::from(pair))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn whole_lines_end_after_the_last_line_end() {
        assert_eq!(whole_lines(b""), None);
        assert_eq!(whole_lines(b"a"), None);
        assert_eq!(whole_lines(b"a\nb"), Some(2));
        assert_eq!(whole_lines(b"a\nb\rc"), Some(4));
        assert_eq!(whole_lines(b"a\r\n"), Some(3));
    }

    #[test]
    fn a_window_does_not_part_cr_and_lf() {
        let mut bytes = vec![b'a'; WINDOW - 1];
        bytes.extend(b"\r\nb\n");
        assert_eq!(whole_lines(&bytes), Some(WINDOW + 1));
    }

    #[test]
    fn a_window_is_as_long_as_documented() {
        let mut bytes = vec![b'a'; 33 * 1024];
        bytes[0] = LF;
        bytes[32 * 1024] = LF;
        assert_eq!(whole_lines(&bytes), Some(1));
        bytes[32 * 1024 - 1] = LF;
        assert_eq!(whole_lines(&bytes), Some(32 * 1024));
    }

    #[test]
    fn a_line_longer_than_a_window_is_one_step() {
        let mut bytes = vec![b'a'; 3 * WINDOW];
        assert_eq!(whole_lines(&bytes), None);
        bytes.extend(b"\nb\n");
        assert_eq!(whole_lines(&bytes), Some(3 * WINDOW + 1));
    }
}
