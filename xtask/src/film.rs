//! The moving picture at the head of the README: pictures of a kiosk's visit, smaller and one after the other, as an
//! animated PNG.

use anyhow::Context as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Pixels of a picture that become one, on each side.
const SHRINK: usize = 2;

/// What of each picture is shown, in its pixels.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// A picture, three bytes a pixel.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

fn read(path: &Path) -> anyhow::Result<Picture> {
    let mut decoder = png::Decoder::new(std::io::BufReader::new(File::open(path)?));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().context("too large")?];
    let info = reader.next_frame(&mut pixels)?;
    pixels.truncate(info.buffer_size());
    let samples = info.color_type.samples();
    anyhow::ensure!(samples >= 3, "{} is no picture in colours", path.display());
    let pixels = pixels.chunks_exact(samples).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Ok(Picture { width: info.width as usize, height: info.height as usize, pixels })
}

/// Each pixel is the mean of those that it stands for, in few enough shades that the file stays small.
fn shrink(picture: &Picture, area: Area) -> anyhow::Result<Picture> {
    let Area { left, top, .. } = area;
    let inside = left + area.width <= picture.width && top + area.height <= picture.height;
    anyhow::ensure!(inside, "it has {}x{} pixels", picture.width, picture.height);
    let (width, height) = (area.width / SHRINK, area.height / SHRINK);
    let mean = |x: usize, y: usize, channel: usize| {
        let at = |dx: usize, dy: usize| {
            usize::from(
                picture.pixels[((top + y * SHRINK + dy) * picture.width + left + x * SHRINK + dx) * 3 + channel],
            )
        };
        let sum: usize = (0..SHRINK * SHRINK).map(|n| at(n % SHRINK, n / SHRINK)).sum();
        let mean = sum / (SHRINK * SHRINK);
        u8::try_from((mean + 2) / 4 * 4).unwrap_or(u8::MAX)
    };
    let pixels =
        (0..width * height).flat_map(|n| [0, 1, 2].map(|channel| mean(n % width, n / width, channel))).collect();
    Ok(Picture { width, height, pixels })
}

/// Writes the pictures as one, each for so many tenths of a second, again and again.
pub(crate) fn write(pictures: &[(PathBuf, u16)], area: Area, into: &Path) -> anyhow::Result<()> {
    let mut encoder = None;
    for (path, tenths) in pictures {
        let picture =
            read(path).and_then(|picture| shrink(&picture, area)).with_context(|| path.display().to_string())?;
        let (width, height) = (u32::try_from(picture.width)?, u32::try_from(picture.height)?);
        let writer = match &mut encoder {
            Some(writer) => writer,
            none => {
                let mut made = png::Encoder::new(BufWriter::new(File::create(into)?), width, height);
                made.set_color(png::ColorType::Rgb);
                made.set_compression(png::Compression::High);
                made.set_animated(u32::try_from(pictures.len())?, 0)?;
                made.set_frame_delay(*tenths, 10)?;
                none.insert(made.write_header()?)
            }
        };
        writer.set_frame_delay(*tenths, 10)?;
        writer.write_image_data(&picture.pixels).with_context(|| path.display().to_string())?;
    }
    encoder.context("no pictures")?.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_one_size_become_frames_that_a_reader_finds() {
        let directory = tempfile::tempdir().expect("directory");
        let picture = |name: &str, colour: [u8; 4]| {
            let path = directory.path().join(name);
            let mut encoder = png::Encoder::new(File::create(&path).expect("file"), 12, 9);
            encoder.set_color(png::ColorType::Rgba);
            encoder.write_header().and_then(|mut w| w.write_image_data(&colour.repeat(12 * 9))).expect("picture");
            path
        };
        let pictures = [(picture("a.png", [255, 0, 0, 255]), 10), (picture("b.png", [0, 0, 255, 255]), 25)];
        let film = directory.path().join("film.png");
        let area = Area { left: 2, top: 1, width: 8, height: 6 };
        write(&pictures, area, &film).expect("film");
        assert!(write(&pictures, Area { left: 5, ..area }, &directory.path().join("no.png")).is_err(), "outside");
        let mut reader =
            png::Decoder::new(std::io::BufReader::new(File::open(&film).expect("film"))).read_info().expect("film");
        assert_eq!((reader.info().width, reader.info().height), (4, 3));
        assert_eq!(reader.info().animation_control().expect("it moves").num_frames, 2);
        let mut frame = vec![0; reader.output_buffer_size().expect("size")];
        let mut seen = Vec::new();
        for _ in 0..2 {
            reader.next_frame(&mut frame).expect("frame");
            let delay = reader.info().frame_control().expect("frame").delay_num;
            seen.push(([frame[0], frame[1], frame[2]], delay));
        }
        assert_eq!(seen, [([255, 0, 0], 10), ([0, 0, 255], 25)]);
    }
}
