//! A tune, note by note.

const RATE: u32 = 11_025;
const NOTE_SECONDS: f64 = 0.3;
/// The beginning of "Ode to Joy", in semitones from A.
const NOTES: [i32; 15] = [7, 7, 8, 10, 10, 8, 7, 5, 3, 3, 5, 7, 7, 5, 5];

pub(super) struct Sound {
    samples: Vec<i16>,
}

impl Sound {
    pub(super) fn new() -> Self {
        Self { samples: Vec::new() }
    }

    /// Computes the samples of one step of so many.
    pub(super) fn play(&mut self, step: usize, of: usize) {
        let all = (NOTES.len() as f64 * NOTE_SECONDS * f64::from(RATE)) as usize;
        let samples = self.samples.len()..all * step / of;
        self.samples.extend(samples.map(sample));
    }

    /// The samples behind the header of a WAV file: PCM, one channel of 16 bits.
    pub(super) fn wav(&self) -> Vec<u8> {
        let size = self.samples.len() as u32 * 2;
        let mut wav = Vec::with_capacity(44 + size as usize);
        wav.extend(b"RIFF");
        wav.extend((36 + size).to_le_bytes());
        wav.extend(b"WAVEfmt ");
        wav.extend(16_u32.to_le_bytes());
        wav.extend(1_u16.to_le_bytes());
        wav.extend(1_u16.to_le_bytes());
        wav.extend(RATE.to_le_bytes());
        wav.extend((RATE * 2).to_le_bytes());
        wav.extend(2_u16.to_le_bytes());
        wav.extend(16_u16.to_le_bytes());
        wav.extend(b"data");
        wav.extend(size.to_le_bytes());
        wav.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        wav
    }
}

fn sample(index: usize) -> i16 {
    let seconds = index as f64 / f64::from(RATE);
    let note = (seconds / NOTE_SECONDS) as usize;
    let semitones = NOTES.get(note).copied().unwrap_or_default();
    let frequency = 440.0 * 2_f64.powf(f64::from(semitones) / 12.0);
    // Each note fades, so that two equal ones are two.
    let loudness = (-6.0 * (seconds % NOTE_SECONDS)).exp();
    let wave = (std::f64::consts::TAU * frequency * seconds).sin();
    (wave * loudness * 12_000.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_how_long_it_is() {
        let mut sound = Sound::new();
        (1..=100).for_each(|step| sound.play(step, 100));
        let wav = sound.wav();
        assert_eq!(wav.len(), 44 + 2 * 49_612);
        assert_eq!(wav[40..44], (2 * 49_612_u32).to_le_bytes());
        assert!(sound.samples.iter().any(|&sample| sample > 5_000));
    }
}
