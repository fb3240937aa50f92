//! Small pieces, put together before they go into a buffer.

use core::fmt;

use bytes::BufMut;

/// Puts small pieces together and passes large ones on. `put_slice` of a
/// `BytesMut` is a call that is never inlined: to copy a few bytes twice costs
/// less than a call for each field name and line end.
pub(super) struct Gather<'a, B> {
    dst: &'a mut B,
    bytes: [u8; SIZE],
    length: usize,
}

/// Enough for short events. Twice as much was no faster, and has to be zeroed.
const SIZE: usize = 128;

impl<'a, B: BufMut> Gather<'a, B> {
    #[inline]
    pub(super) fn new(dst: &'a mut B) -> Self {
        Self { dst, bytes: [0; SIZE], length: 0 }
    }

    // If it were not inlined, no length would be known in it.
    #[inline(always)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.length..self.length + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => {
                self.flush();
                self.dst.put_slice(bytes);
            }
        }
    }

    #[inline]
    pub(super) fn put_field(&mut self, name: &[u8], value: &str) {
        self.put(name);
        self.put(value.as_bytes());
        self.put(b"\n");
    }

    /// Puts what is left, and the blank line that ends a block.
    #[inline]
    pub(super) fn finish(&mut self) {
        self.put(b"\n");
        self.flush();
    }

    #[inline]
    fn flush(&mut self) {
        self.dst.put_slice(&self.bytes[..self.length]);
        self.length = 0;
    }
}

impl<B: BufMut> fmt::Write for Gather<'_, B> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
