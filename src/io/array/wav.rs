//! WAV files: PCM of 8 to 32 bits, and floating point numbers. `[channels, samples]`, PCM scaled to −1..1.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use hound::{SampleFormat, WavReader};

use super::ArrayFile;

/// Numbers of a file that are beyond any model's input.
const MOST_SAMPLES: u32 = 1 << 28;

/// Reads all samples.
///
/// # Errors
/// When it is no WAV file, or is compressed.
pub(super) fn read(path: &Path) -> Result<ArrayFile> {
    let reader = WavReader::open(path).context("this is no WAV file that can be read")?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    ensure!(channels > 0 && reader.len() <= MOST_SAMPLES, "it has too many samples, or no channel");
    let interleaved: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.into_samples::<f32>().collect::<Result<_, _>>(),
        SampleFormat::Int => {
            let scale = 1.0 / (1_u64 << (u32::from(spec.bits_per_sample) - 1)) as f32;
            let scaled = reader.into_samples::<i32>();
            scaled.map(|sample| sample.map(|sample| sample as f32 * scale)).collect()
        }
    }
    .context("the file is truncated or damaged")?;
    let length = interleaved.len() / channels;
    ensure!(length > 0, "it holds no samples");
    let channel = |channel: usize| interleaved.iter().skip(channel).step_by(channels).copied();
    let values = (0..channels).flat_map(channel).collect();
    let note = format!(
        "{}: {length} samples of {channels} channel{}, {} a second",
        path.display(),
        if channels == 1 { "" } else { "s" },
        spec.sample_rate
    );
    Ok(ArrayFile {
        shape: vec![channels, length],
        values,
        names: None,
        is_table: false,
        note: Some(note),
    })
}

#[cfg(test)]
mod tests {
    use hound::{WavSpec, WavWriter};

    use super::*;

    #[test]
    fn every_width_is_scaled_to_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        for bits in [8, 16, 24, 32] {
            let spec = WavSpec {
                channels: 2,
                sample_rate: 8000,
                bits_per_sample: bits,
                sample_format: SampleFormat::Int,
            };
            let half = 1_i32 << (bits - 2);
            let mut writer = WavWriter::create(&path, spec).unwrap();
            for sample in [half, 0, -half, half / 2] {
                writer.write_sample(sample).unwrap();
            }
            writer.finalize().unwrap();
            let read = read(&path).unwrap();
            assert_eq!(read.shape, [2, 2]);
            // Channel by channel.
            assert_eq!(read.values, [0.5, -0.5, 0.0, 0.25], "{bits} bits");
            assert!(read.note.unwrap().contains("8000 a second"));
        }
        let spec = WavSpec {
            channels: 1,
            sample_rate: 16000,
            bits_per_sample: 32,
            sample_format: SampleFormat::Float,
        };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for sample in [0.125_f32, -1.5] {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        assert_eq!(read(&path).unwrap().values, [0.125, -1.5]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert!(read(&path).is_err());
        std::fs::write(&path, b"RIFF").unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains("no WAV file"));
    }
}
