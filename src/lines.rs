//! Where lines end: at LF, CR, or CR LF (WHATWG HTML §9.2.5).
//!
//! A call of `memchr` costs more than a short line, so line ends are found for
//! [one and a half kilobytes](WINDOW) at a time: a bit for each byte, in masks of 64, and a
//! summary with a bit for each mask that is not zero. Going from one line end to
//! the next is then two or three instructions and no search, and there is no
//! branch on whether the next 64 bytes contain one, which nobody could predict.
//!
//! The masks are made by [`vector`], which differs by processor, by its wider kind `avx2`,
//! if a program that has `std` finds it there, and by the twin that runs everywhere,
//! `portable`; the tests hold them equal.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use memchr::memchr2;

pub(crate) const LF: u8 = b'\n';
pub(crate) const CR: u8 = b'\r';

/// Bytes that have a bit each in a mask.
const BLOCK: usize = 64;
const BLOCKS: usize = 24;

/// How far ahead to look for line ends at a time.
///
/// Large enough for the cost of a step to vanish, and for a chunk that is one TCP segment, of
/// 1,460 bytes, to be one step; small enough for a caller who drops each `Feed` after its first
/// event to pay a bounded price.
pub(crate) const WINDOW: usize = BLOCK * BLOCKS;

/// The line ends of a chunk that have been found but not been read.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct LineEnds {
    /// Those in the current block of 64 bytes, which starts at `block`.
    bits: u64,
    block: usize,
    /// The later blocks of the window that contain any, which starts at
    /// `window`, and `masks` with theirs.
    summary: u64,
    window: usize,
    /// Up to where the chunk has been searched.
    searched: usize,
    line: Line,
    /// Last, and so it has to be in memory: or else a compiler that sets to zero
    /// what is around it will do so here.
    masks: Masks,
}

/// What is known about the line that the next search begins in. A word, because
/// what is next to it is written together with it and read alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
enum Line {
    /// Nothing: look for the next line ends.
    Any,
    /// All of the last window was part of it: look for its end.
    Long,
}

/// The masks of a window. Those of blocks that are not in it are left as they
/// are, so that a short chunk does not pay for them.
#[derive(Debug)]
struct Masks([MaybeUninit<u64>; BLOCKS]);

impl Masks {
    /// # Safety
    ///
    /// The mask of this block, which is below `BLOCKS`, must have been set. The bit of a block is
    /// set in the summary when that is done, by `search_each`, and nowhere else.
    #[inline]
    unsafe fn get(&self, block: usize) -> u64 {
        // SAFETY: by the caller's promise.
        unsafe { self.0.get_unchecked(block).assume_init() }
    }
}

/// What [`LineEnds::search`] has looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Searched {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether all of it is known to be ASCII. Unsafe code relies on it.
    pub(crate) is_ascii: bool,
}

impl LineEnds {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            bits: 0,
            block: 0,
            summary: 0,
            window: 0,
            masks: Masks([MaybeUninit::uninit(); BLOCKS]),
            searched: 0,
            line: Line::Any,
        }
    }

    /// Begins another chunk at `start`, which is where its first line starts.
    #[inline]
    pub(crate) fn restart(&mut self, start: usize) {
        (self.bits, self.summary) = (0, 0);
        (self.searched, self.line) = (start, Line::Any);
    }

    /// Begins a chunk of at most one block, which has been searched.
    #[inline]
    pub(crate) fn restart_with(&mut self, found: Found, length: usize) {
        self.restart(length);
        (self.block, self.bits) = (0, found.ends);
    }

    /// The next line end that has been found.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<usize> {
        if self.bits == 0 {
            if self.summary == 0 {
                return None;
            }
            let block = self.summary.trailing_zeros() as usize;
            self.summary &= self.summary - 1;
            // SAFETY: the summary says that the block has a mask.
            self.bits = unsafe { self.masks.get(block) };
            self.block = self.window + block * BLOCK;
        }
        let end = self.block + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(end)
    }

    /// Up to where the chunk has been searched.
    pub(crate) fn searched(&self) -> usize {
        self.searched
    }

    /// Whether all of the chunk has been searched.
    #[inline(always)]
    pub(crate) fn have_searched(&self, bytes: &[u8]) -> bool {
        self.searched == bytes.len()
    }

    /// Whether all of the chunk has been searched, and all line ends are read.
    #[inline(always)]
    pub(crate) fn are_read(&self, bytes: &[u8]) -> bool {
        self.bits == 0 && self.summary == 0 && self.have_searched(bytes)
    }

    /// Searches the next part of the chunk, once all line ends that have been
    /// found are read. `None` if all of it has been searched.
    #[inline]
    pub(crate) fn search(&mut self, bytes: &[u8]) -> Option<Searched> {
        let start = self.searched;
        let rest = &bytes[start..];
        if rest.is_empty() {
            return None;
        }
        let is_ascii = match self.line {
            Line::Any => self.search_window(rest),
            Line::Long => self.search_line(rest),
        };
        Some(Searched { start, end: self.searched, is_ascii })
    }

    /// Says that the line which goes on here is long.
    #[inline]
    pub(crate) fn go_on_with_long_line(&mut self) {
        self.line = Line::Long;
    }

    /// Searches for the end of a long line: it needs no masks for what is between.
    fn search_line(&mut self, rest: &[u8]) -> bool {
        self.line = Line::Any;
        let (end, is_ascii) = find_line_end(rest);
        match end {
            Some(length) => {
                (self.block, self.bits) = (self.searched + length, 1);
                self.searched += length + 1;
            }
            None => self.searched += rest.len(),
        }
        is_ascii
    }

    #[inline]
    fn search_window(&mut self, rest: &[u8]) -> bool {
        if rest.len() <= BLOCK {
            let Found { ends, non_ascii } = Found::in_short(rest);
            (self.block, self.bits) = (self.searched, ends);
            self.searched += rest.len();
            return non_ascii == 0;
        }
        let window = &rest[..rest.len().min(WINDOW)];
        self.window = self.searched;
        self.searched += window.len();
        let (summary, non_ascii) = search_blocks(window, &mut self.masks);
        self.summary = summary;
        self.line = if summary == 0 { Line::Long } else { Line::Any };
        non_ascii == 0
    }
}

/// The first line end, and whether all up to it, and it too, is known to be ASCII.
fn find_line_end(bytes: &[u8]) -> (Option<usize>, bool) {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::find_line_end(bytes) };
    }
    (memchr2(LF, CR, bytes), false)
}

/// Fills the masks of a window of at least one block and at most [`BLOCKS`], and returns its
/// summary, and zero if it is ASCII.
#[inline]
fn search_blocks(window: &[u8], masks: &mut Masks) -> (u64, u64) {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::search_blocks(window, masks) };
    }
    search_blocks_anywhere(window, masks)
}

/// The same, with what every processor of the target has.
#[inline(never)]
fn search_blocks_anywhere(window: &[u8], masks: &mut Masks) -> (u64, u64) {
    search_each(window, masks, vector::block)
}

/// The same, with this way to search a block.
#[inline(always)]
fn search_each(
    window: &[u8],
    masks: &mut Masks,
    search: impl Fn(&[u8; BLOCK]) -> Found,
) -> (u64, u64) {
    let (mut summary, mut high) = (0, 0);
    let blocks = window.chunks_exact(BLOCK);
    let (whole, beyond) = (blocks.len(), blocks.remainder().len());
    for (mask, block) in masks.0.iter_mut().zip(blocks) {
        let Found { ends, non_ascii } = search(block.try_into().expect("64 bytes"));
        mask.write(ends);
        // From above, because to shift by a constant is cheaper.
        summary = summary >> 1 | u64::from(ends != 0) << (BLOCKS - 1);
        high |= non_ascii;
    }
    summary >>= BLOCKS - whole;
    if beyond > 0 {
        // The last 64 bytes of the window overlap the block before.
        let Found { ends, non_ascii } = search(window.last_chunk().expect("64 bytes"));
        let mask = ends >> (BLOCK - beyond);
        masks.0[whole].write(mask);
        summary |= u64::from(mask != 0) << whole;
        high |= non_ascii;
    }
    (summary, high)
}

/// What is in at most 64 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// A bit for each line end: bit 0 is the first byte.
    ends: u64,
    /// Zero if all of them are ASCII.
    non_ascii: u64,
}

impl Found {
    /// Of a chunk that is not longer than a block.
    #[inline]
    pub(crate) fn in_chunk(chunk: &[u8]) -> Option<Self> {
        (chunk.len() <= BLOCK).then(|| Self::in_short(chunk))
    }

    #[inline]
    pub(crate) fn has_line_end(self) -> bool {
        self.ends != 0
    }

    #[inline]
    pub(crate) fn is_ascii(self) -> bool {
        self.non_ascii == 0
    }

    /// Both, if the second starts `offset` bytes after the first. They may
    /// overlap.
    #[inline]
    fn and(self, second: Self, offset: usize) -> Self {
        Self {
            ends: self.ends | second.ends << offset,
            non_ascii: self.non_ascii | second.non_ascii,
        }
    }

    /// Of at most 64 bytes.
    #[inline]
    fn in_short(bytes: &[u8]) -> Self {
        let length = bytes.len();
        if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            Self::in_32(first).and(Self::in_32(last), length - 32)
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            vector::sixteen(first).and(vector::sixteen(last), length - 16)
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let [first, last] = [first, last].map(|word| vector::word(u64::from_le_bytes(*word)));
            first.and(last, length - 8)
        } else {
            vector::word(word(bytes))
        }
    }

    #[inline]
    fn in_32(bytes: &[u8; 32]) -> Self {
        let [first, last] = [0, 16].map(|start| &bytes[start..start + 16]);
        let sixteen = |bytes: &[u8]| vector::sixteen(bytes.try_into().expect("16 bytes"));
        sixteen(first).and(sixteen(last), 16)
    }
}

/// Up to seven bytes, the first of which is the lowest of the word.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|bytes| u64::from(u32::from_le_bytes(*bytes)));
        first | last << (8 * (bytes.len() - 4))
    } else {
        bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }
}

/// Eight bytes at a time, in the registers that every processor has.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod portable {
    use super::{CR, Found, LF};

    const EACH: u64 = u64::MAX / 0xFF;
    const LOW_BITS: u64 = 0x7F * EACH;
    const HIGH_BIT: u64 = 0x80 * EACH;
    const LOW_NIBBLE: u64 = 0x0F * EACH;

    #[inline]
    pub(super) fn block(bytes: &[u8; 64]) -> Found {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        }
        // CR and LF are below 16, and text is hardly ever. Where the high nibble
        // is not zero, adding 15 to it carries into the fifth bit.
        let carries = words
            .iter()
            .fold(u64::MAX, |carries, word| carries & ((word >> 4 & LOW_NIBBLE) + LOW_NIBBLE));
        const FIFTH_BIT: u64 = 0x10 * EACH;
        if carries & FIFTH_BIT == FIFTH_BIT {
            let non_ascii = words.iter().fold(0, |high, word| high | word) & HIGH_BIT;
            return Found { ends: 0, non_ascii };
        }
        let each = words.iter().enumerate();
        each.fold(Found::default(), |found, (index, bytes)| found.and(word(*bytes), 8 * index))
    }

    #[inline]
    pub(super) fn sixteen(bytes: &[u8; 16]) -> Found {
        let [low, high] = [0, 64].map(|shift| (u128::from_le_bytes(*bytes) >> shift) as u64);
        word(low).and(word(high), 8)
    }

    /// Of eight bytes, the first of which is the lowest.
    #[inline]
    pub(super) fn word(bytes: u64) -> Found {
        let high_bits =
            zero_bytes(bytes ^ (u64::from(LF) * EACH)) | zero_bytes(bytes ^ (u64::from(CR) * EACH));
        // Moves the bit of each byte, which is 7 places from the next, to where
        // they are neighbours: in the highest byte.
        let ends = (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        Found { ends, non_ascii: bytes & HIGH_BIT }
    }

    /// The high bit of each byte that is zero.
    #[inline]
    fn zero_bytes(bytes: u64) -> u64 {
        // No carry leaves its byte, so this is exact for each of them.
        !(((bytes & LOW_BITS) + LOW_BITS) | bytes | LOW_BITS)
    }
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use portable as vector;

/// Sixteen bytes at a time, with SSE2. Programs for x86-64 may use it, except
/// where there is no operating system.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod vector {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_loadu_si128, _mm_movemask_epi8,
        _mm_or_si128, _mm_set1_epi8,
    };

    use super::{CR, Found, LF};

    #[inline]
    pub(super) fn block(bytes: &[u8; 64]) -> Found {
        let quarter = |index: usize| load(bytes[16 * index..][..16].try_into().expect("16 bytes"));
        let (a, b, c, d) = (quarter(0), quarter(1), quarter(2), quarter(3));
        let ends = line_ends(a) | line_ends(b) << 16 | line_ends(c) << 32 | line_ends(d) << 48;
        // SAFETY: this is compiled only for targets with SSE2.
        let all = unsafe { _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)) };
        Found { ends, non_ascii: high_bits(all) }
    }

    #[inline]
    pub(super) fn sixteen(bytes: &[u8; 16]) -> Found {
        let vector = load(bytes);
        Found { ends: line_ends(vector), non_ascii: high_bits(vector) }
    }

    /// Of eight bytes, the first of which is the lowest.
    #[inline]
    pub(super) fn word(bytes: u64) -> Found {
        // SAFETY: this is compiled only for targets with SSE2.
        let vector = unsafe { _mm_cvtsi64_si128(bytes as i64) };
        Found { ends: line_ends(vector), non_ascii: high_bits(vector) }
    }

    #[inline]
    fn load(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: 16 bytes are there to be read, and need not be aligned.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline]
    fn line_ends(vector: __m128i) -> u64 {
        // SAFETY: this is compiled only for targets with SSE2.
        let equal = unsafe {
            let lf = _mm_cmpeq_epi8(vector, _mm_set1_epi8(LF as i8));
            let cr = _mm_cmpeq_epi8(vector, _mm_set1_epi8(CR as i8));
            _mm_or_si128(lf, cr)
        };
        high_bits(equal)
    }

    /// The high bit of each byte.
    #[inline]
    fn high_bits(vector: __m128i) -> u64 {
        // SAFETY: this is compiled only for targets with SSE2.
        let bits = unsafe { _mm_movemask_epi8(vector) };
        u64::from(bits as u32)
    }
}

/// Twice as many bytes at a time, if the processor can do that.
///
/// # Safety
///
/// Of all functions in here: the processor must have AVX2.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[allow(clippy::missing_safety_doc, reason = "it is the same for all of them, above")]
#[allow(unused_unsafe, reason = "in Rust 1.85 the intrinsics are unsafe here, too")]
mod avx2 {
    use core::arch::x86_64::{
        __m256i, _mm_setr_epi8, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256,
        _mm256_movemask_epi8, _mm256_or_si256, _mm256_setzero_si256, _mm256_shuffle_epi8,
        _mm256_testz_si256,
    };

    use memchr::memchr2;

    use super::{BLOCK, CR, Found, LF, Masks, search_each};

    /// How many bytes [`find_line_end`] looks at in a step.
    const STEP: usize = 2 * BLOCK;

    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn search_blocks(window: &[u8], masks: &mut Masks) -> (u64, u64) {
        // SAFETY: by the caller's promise.
        search_each(window, masks, |bytes| unsafe { block(bytes) })
    }

    /// The first line end, and whether all up to it is ASCII, and a few bytes after it.
    ///
    /// To ask both in one step costs no more than a `memchr2` that asks for one: what takes the
    /// time is to load the bytes.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn find_line_end(bytes: &[u8]) -> (Option<usize>, bool) {
        let Some(last) = bytes.len().checked_sub(STEP) else {
            return (memchr2(LF, CR, bytes), bytes.is_ascii());
        };
        // SAFETY: by the caller's promise. `start` is at most `last`.
        unsafe {
            let mut all = _mm256_setzero_si256();
            let mut start = 0;
            loop {
                let step: &[u8; STEP] = &*bytes.as_ptr().add(start).cast();
                let [a, b, c, d] = [load(step, 0), load(step, 32), load(step, 64), load(step, 96)];
                all = or(all, or(or(a, b), or(c, d)));
                let ends = or(or(ends(a), ends(b)), or(ends(c), ends(d)));
                if _mm256_testz_si256(ends, ends) == 0 {
                    let [first, second] = [0, BLOCK]
                        .map(|at| block(step[at..][..BLOCK].try_into().expect("64 bytes")).ends);
                    let ends = u128::from(first) | u128::from(second) << BLOCK;
                    return (Some(start + ends.trailing_zeros() as usize), high_bits(all) == 0);
                }
                if start == last {
                    return (None, high_bits(all) == 0);
                }
                // The last step overlaps the one before.
                start = last.min(start + STEP);
            }
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) unsafe fn block(bytes: &[u8; BLOCK]) -> Found {
        // SAFETY: by the caller's promise.
        unsafe {
            let (a, b) = (load(bytes, 0), load(bytes, 32));
            let ends = high_bits(ends(a)) | high_bits(ends(b)) << 32;
            Found { ends, non_ascii: high_bits(or(a, b)) }
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn load<const LENGTH: usize>(bytes: &[u8; LENGTH], start: usize) -> __m256i {
        let bytes = &bytes[start..start + 32];
        // SAFETY: 32 bytes are there to be read, and need not be aligned.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn or(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: by the caller's promise.
        unsafe { _mm256_or_si256(a, b) }
    }

    /// All bits of each byte that is a line end, and none of the others.
    ///
    /// LF and CR differ in their lower four bits. These choose from a table the only byte that
    /// is a line end and has them, or else one that has others; a byte that is not ASCII
    /// chooses 0. That is one operation less than to compare with both.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn ends(vector: __m256i) -> __m256i {
        const LF: i8 = super::LF as i8;
        const CR: i8 = super::CR as i8;
        // SAFETY: by the caller's promise.
        unsafe {
            let table = _mm_setr_epi8(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, LF, 0, 0, CR, 0, 0);
            let table = _mm256_broadcastsi128_si256(table);
            _mm256_cmpeq_epi8(vector, _mm256_shuffle_epi8(table, vector))
        }
    }

    /// The high bit of each byte.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn high_bits(vector: __m256i) -> u64 {
        // SAFETY: by the caller's promise.
        let bits = unsafe { _mm256_movemask_epi8(vector) };
        u64::from(bits as u32)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;

    fn expected(bytes: &[u8]) -> (u64, bool) {
        let bits = bytes.iter().enumerate().map(|(index, byte)| {
            u64::from(matches!(*byte, LF | CR)).checked_shl(index as u32).unwrap()
        });
        (bits.fold(0, |ends, bit| ends | bit), bytes.is_ascii())
    }

    fn found(found: Found) -> (u64, bool) {
        (found.ends, found.non_ascii == 0)
    }

    /// Bytes that are line ends, next to them in value, or not ASCII, in an
    /// order that looks random.
    fn samples() -> impl Iterator<Item = [u8; 64]> {
        const BYTES: [u8; 16] = *b"\n\r\x0B\x0C\x0E\x09\x00\x1A\x8A\x8D\xFF\x80a\x7F0 ";
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        (0..20_000).map(move |round| {
            // The search looks at nibbles, so the text counts, too.
            let mut bytes = [b' ' + (random() % 95) as u8; 64];
            // A few, or many.
            for _ in 0..random() % [3, 200][round % 2] {
                bytes[random() % 64] = BYTES[random() % 16];
            }
            bytes
        })
    }

    /// What each way to search a block finds.
    fn in_block(bytes: &[u8; 64]) -> impl Iterator<Item = (u64, bool)> {
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        let wide = std::arch::is_x86_feature_detected!("avx2").then(|| {
            // SAFETY: the processor has AVX2.
            unsafe { avx2::block(bytes) }
        });
        #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
        let wide = None;
        [vector::block(bytes), portable::block(bytes)].into_iter().chain(wide).map(found)
    }

    #[test]
    fn each_way_to_search_finds_the_same() {
        for bytes in samples() {
            assert!(in_block(&bytes).all(|found| found == expected(&bytes)), "{bytes:?}");
            let sixteen = bytes.first_chunk().unwrap();
            assert_eq!(found(vector::sixteen(sixteen)), expected(sixteen), "{sixteen:?}");
            assert_eq!(found(portable::sixteen(sixteen)), expected(sixteen), "{sixteen:?}");
            for length in 0..=64 {
                let short = &bytes[64 - length..];
                assert_eq!(found(Found::in_short(short)), expected(short), "{short:?}");
            }
        }
    }

    #[test]
    fn each_byte_value_is_told_apart() {
        for byte in 0..=255 {
            for position in 0..64 {
                let mut bytes = [b'a' + byte % 16; 64];
                bytes[position] = byte;
                assert!(in_block(&bytes).all(|found| found == expected(&bytes)), "{byte}");
            }
        }
    }

    /// The line ends of a chunk, and which parts of it are ASCII.
    fn all(bytes: &[u8]) -> (Vec<usize>, Vec<Searched>) {
        let mut lines = LineEnds::new();
        let (mut ends, mut parts) = (Vec::new(), Vec::new());
        loop {
            ends.extend(core::iter::from_fn(|| lines.next()));
            let Some(part) = lines.search(bytes) else { break };
            assert!(!part.is_ascii || bytes[part.start..part.end].is_ascii());
            assert_eq!(lines.searched(), part.end);
            parts.push(part);
        }
        (ends, parts)
    }

    #[test]
    fn all_line_ends_of_a_chunk_are_found_once_and_in_order() {
        let bytes: Vec<u8> = samples().take(200).flatten().collect();
        let lines = b"a\n".repeat(900);
        let long =
            [&b"b".repeat(5000)[..], b"\n\n", &b"c".repeat(WINDOW - 1), b"\r", &b"d".repeat(70)]
                .concat();
        for bytes in
            [&bytes[..], &bytes[..1000], &bytes[..WINDOW + 1], &bytes[..63], &lines, &long, b""]
        {
            let expected: Vec<_> =
                (0..bytes.len()).filter(|index| matches!(bytes[*index], LF | CR)).collect();
            let (ends, parts) = all(bytes);
            assert_eq!(ends, expected);
            let joined = parts.iter().fold(0, |end, part| {
                assert_eq!(part.start, end);
                part.end
            });
            assert_eq!(joined, bytes.len());
        }
    }

    #[test]
    fn a_byte_that_is_not_ascii_is_seen_wherever_it_stands() {
        for length in (0..200).chain(WINDOW - 4..WINDOW + 76) {
            for position in (0..length).step_by(1 + length / 200) {
                let mut bytes = vec![b'a'; length];
                bytes[position] = 0x80;
                all(&bytes);
                bytes[length - 1] = LF;
                all(&bytes);
            }
        }
    }

    #[test]
    fn the_end_of_a_long_line_is_found_and_whether_it_is_ascii() {
        for length in (0..300).step_by(7).chain([127, 128, 129, 255, 256, 257, 1460]) {
            for end in (0..=length).step_by(1 + length / 100) {
                for (line_end, other) in [(LF, 0x80), (CR, 0xFF), (LF, 0x8A), (CR, 0x0B)] {
                    for position in [0, end / 2, end.saturating_sub(1), end, end + 1, end + 200] {
                        let mut bytes = vec![b'a'; length];
                        let line = &mut bytes[end..];
                        line.iter_mut().step_by(3).for_each(|byte| *byte = line_end);
                        bytes.get_mut(position).into_iter().for_each(|byte| *byte = other);
                        let expected = bytes.iter().position(|byte| matches!(*byte, LF | CR));
                        let (found, is_ascii) = find_line_end(&bytes);
                        assert_eq!(found, expected, "{bytes:?}");
                        assert!(!is_ascii || bytes[..found.unwrap_or(length)].is_ascii());
                        #[cfg(all(feature = "std", target_arch = "x86_64"))]
                        if std::arch::is_x86_feature_detected!("avx2") && bytes.is_ascii() {
                            assert!(is_ascii);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn another_chunk_begins_with_nothing_known() {
        for first in [&b"a\nb\nc"[..], &b"a\n".repeat(500), &[b'a'; WINDOW]] {
            let mut lines = LineEnds::new();
            assert!(lines.search(first).is_some());
            lines.next();
            lines.restart(3);
            assert_eq!(lines.next(), None);
            let chunk = b"\n\n\na\nb\n".repeat(20);
            let searched = lines.search(&chunk);
            assert_eq!(searched, Some(Searched { start: 3, end: chunk.len(), is_ascii: true }));
            assert_eq!((lines.next(), lines.next()), (Some(4), Some(6)));
        }
    }

    #[test]
    fn a_short_chunk_is_searched_at_once() {
        assert_eq!(Found::in_chunk(&[b'a'; 65]), None);
        let chunk = [&[b'a'; 63][..], b"\n"].concat();
        let mut lines = LineEnds::new();
        lines.restart_with(Found::in_chunk(&chunk).unwrap(), chunk.len());
        assert!(lines.have_searched(&chunk) && !lines.are_read(&chunk));
        assert_eq!(lines.next(), Some(63));
        assert!(lines.are_read(&chunk));
    }

    #[test]
    fn a_window_is_as_long_as_documented() {
        let (_, parts) = all(&vec![b'\n'; 1537]);
        let lengths: Vec<_> = parts.iter().map(|part| part.end - part.start).collect();
        assert_eq!(lengths, [1536, 1]);
        assert!(parts.iter().all(|part| part.is_ascii));
    }

    #[test]
    fn a_line_longer_than_a_window_is_searched_in_two_steps() {
        let line = [&b"a".repeat(100_000)[..], b"\nb\nc\n"].concat();
        let (ends, parts) = all(&line);
        assert_eq!(ends, [100_000, 100_002, 100_004]);
        // And those after it together.
        assert_eq!(parts.iter().map(|part| part.end).collect::<Vec<_>>(), [1536, 100_001, 100_005]);
    }
}
