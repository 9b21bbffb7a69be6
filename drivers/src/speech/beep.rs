//! Tones as a WAV file in memory.

use super::Tone;

const RATE: u32 = 22_050;

/// A WAV file: 16 bits, one channel. Each tone swells and fades for 5 ms, so that it does not click.
#[must_use]
pub fn wave(tones: &[Tone]) -> Vec<u8> {
    let mut samples = Vec::new();
    for &(hertz, milliseconds) in tones {
        let count = RATE * u32::from(milliseconds) / 1000;
        let edge = RATE / 200;
        for at in 0..count {
            let swell = at.min(count - at).min(edge) as f32 / edge as f32;
            let angle = at as f32 / RATE as f32 * f32::from(hertz) * std::f32::consts::TAU;
            samples.extend_from_slice(&((angle.sin() * swell * 12_000.0) as i16).to_le_bytes());
        }
    }
    let size = u32::try_from(samples.len()).unwrap_or(0);
    let header = [
        b"RIFF".as_slice(),
        &(36 + size).to_le_bytes(),
        b"WAVEfmt ",
        &16u32.to_le_bytes(),
        &1u16.to_le_bytes(),
        &1u16.to_le_bytes(),
        &RATE.to_le_bytes(),
        &(RATE * 2).to_le_bytes(),
        &2u16.to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &size.to_le_bytes(),
    ];
    [&header.concat()[..], &samples].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_have_their_length_and_silence_is_silent() {
        let file = wave(&[(1000, 100), (0, 50)]);
        assert_eq!((&file[..4], &file[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
        let samples: Vec<i16> = file[44..].chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(samples.len() as u32, RATE * 100 / 1000 + RATE * 50 / 1000);
        let (tone, silence) = samples.split_at(2205);
        assert!(tone.iter().any(|s| *s > 11_000) && silence.iter().all(|s| *s == 0));
        assert_eq!(tone[0], 0, "no click");
    }
}
