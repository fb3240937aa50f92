//! Pictures and sounds in JSON.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use super::{Delta, Failure};

/// Of a sound, in bytes: 87 seconds.
const MAX_SOUND: usize = 4 << 20;
pub(super) const WAV_HEADER: usize = 44;
pub(super) const SAMPLES_A_SECOND: u32 = 24_000;

/// What is shown by a page as it is has to be what it says.
pub(super) fn item(media_type: &str, base64: String) -> Result<Delta, Failure> {
    let subtype = media_type.strip_prefix("image/").or_else(|| media_type.strip_prefix("audio/"));
    let is_word = |word: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        !word.is_empty() && word.bytes().all(is_plain)
    };
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    if subtype.is_some_and(is_word) && base64.bytes().all(is_base64) {
        return Ok(Delta::Item { media_type: media_type.to_owned(), base64 });
    }
    Err(Failure::invalid("the service sent neither a picture nor a sound, but something else"))
}

/// `data:image/png;base64,…`
pub(super) fn item_of_url(url: &str) -> Result<Delta, Failure> {
    let parts = url.strip_prefix("data:").and_then(|url| url.split_once(";base64,"));
    let Some((media_type, base64)) = parts else {
        return Err(Failure::invalid("the service sent a link to a picture, not a picture"));
    };
    item(media_type, base64.to_owned())
}

/// A sound that comes in pieces, each in base64: 16 bits a sample, mono.
#[derive(Debug, Default)]
pub(super) struct Sound(Vec<u8>);

impl Sound {
    pub(super) fn push(&mut self, base64: &str) -> Result<(), Failure> {
        let piece = BASE64.decode(base64).map_err(|error| Failure::invalid(error.to_string()))?;
        if self.0.len() + piece.len() > MAX_SOUND {
            return Err(Failure::invalid("the service sent a sound that is too long"));
        }
        self.0.extend(piece);
        Ok(())
    }

    /// As a WAV file, which browsers play.
    pub(super) fn into_item(self) -> Option<Delta> {
        if self.0.is_empty() {
            return None;
        }
        let base64 = BASE64.encode(wav(&self.0));
        Some(Delta::Item { media_type: "audio/wav".to_owned(), base64 })
    }
}

/// Of samples of 16 bits, mono.
pub(super) fn wav(samples: &[u8]) -> Vec<u8> {
    let len = u32::try_from(samples.len()).expect("sounds are limited");
    let bytes_a_second = 2 * SAMPLES_A_SECOND;
    let mut wav = Vec::with_capacity(WAV_HEADER + samples.len());
    wav.extend(b"RIFF");
    wav.extend((len + 36).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1_u16, 1].map(u16::to_le_bytes).concat()); // PCM, one channel
    wav.extend([SAMPLES_A_SECOND, bytes_a_second].map(u32::to_le_bytes).concat());
    wav.extend([2_u16, 16].map(u16::to_le_bytes).concat()); // bytes and bits a sample
    wav.extend(b"data");
    wav.extend(len.to_le_bytes());
    wav.extend(samples);
    wav
}
