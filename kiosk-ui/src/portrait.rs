//! The holder's portrait as pixels: JPEG and JPEG 2000, whole or as far as it has arrived.
//!
//! A chip gives its portrait in pieces over a second or more. What is there already can be shown: a JPEG fills from
//! the top, a JPEG 2000 becomes sharper.

use zeroize::Zeroizing;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// A picture, wiped when dropped. `Debug` shows its size only.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    rgb: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

impl Picture {
    /// From three bytes a pixel, row by row from the top; `None` when their number is another.
    #[must_use]
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let rgb = Zeroizing::new(rgb);
        (rgb.len() == (width * height * 3) as usize).then_some(Self { width, height, rgb })
    }

    /// Three bytes a pixel, row by row from the top.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

/// The longest side taken; portraits on chips have a few hundred pixels, and a larger claim is an attack on memory.
const LONGEST_SIDE: u32 = 2048;

/// Decodes a portrait, or the front of one. `None` when there is not enough yet, the picture is too large, or it is
/// neither JPEG nor JPEG 2000.
#[must_use]
pub fn decode(image: &[u8]) -> Option<Picture> {
    if image.starts_with(&[0xFF, 0xD8]) { jpeg(image) } else { jpeg_2000(image) }
}

fn jpeg(image: &[u8]) -> Option<Picture> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(LONGEST_SIDE as usize)
        .set_max_height(LONGEST_SIDE as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(image), options);
    let rgb = Zeroizing::new(decoder.decode().ok()?);
    let info = decoder.info()?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    (rgb.len() == (width * height * 3) as usize).then_some(Picture { width, height, rgb })
}

fn jpeg_2000(image: &[u8]) -> Option<Picture> {
    let image = hayro_jpeg2000::Image::new(image, &hayro_jpeg2000::DecodeSettings::default()).ok()?;
    let (width, height) = (image.width(), image.height());
    if width.max(height) > LONGEST_SIDE {
        return None;
    }
    let mut context = hayro_jpeg2000::DecoderContext::default();
    let decoded = image.decode(&mut context).ok()?;
    let data = Zeroizing::new(decoded.data_u8());
    let pixels = (width * height) as usize;
    let channels = data.len().checked_div(pixels)?;
    let rgb = match channels {
        // Grey, with or without alpha.
        1 | 2 => data.chunks_exact(channels).flat_map(|pixel| [pixel[0]; 3]).collect(),
        3 | 4 => data.chunks_exact(channels).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
        _ => return None,
    };
    Some(Picture { width, height, rgb: Zeroizing::new(rgb) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 128;
    const HEIGHT: usize = 192;

    /// A JPEG with something to see in every row.
    fn sample() -> Vec<u8> {
        let pixel = |at: usize| [(at * 7 % 251) as u8, (at / WIDTH * 5 % 256) as u8, (at * at % 241) as u8];
        let pixels: Vec<u8> = (0..WIDTH * HEIGHT).flat_map(pixel).collect();
        let mut out = Vec::new();
        jpeg_encoder::Encoder::new(&mut out, 90)
            .encode(&pixels, WIDTH as u16, HEIGHT as u16, jpeg_encoder::ColorType::Rgb)
            .expect("an image");
        out
    }

    #[test]
    fn a_jpeg_fills_from_the_top_while_it_arrives() {
        let whole = sample();
        let picture = decode(&whole).expect("the whole picture");
        assert_eq!((picture.width, picture.height), (WIDTH as u32, HEIGHT as u32));
        assert_eq!(picture.rgb().len(), WIDTH * HEIGHT * 3);
        // With a third of its data missing the upper half is as it will be.
        let front = decode(&whole[..whole.len() * 2 / 3]).expect("a part of it");
        let half = WIDTH * HEIGHT / 2 * 3;
        assert_eq!(front.rgb()[..half], picture.rgb()[..half]);
        assert_ne!(front.rgb(), picture.rgb());
        assert_eq!(decode(&whole[..100]), None, "tables alone are no picture");
    }

    #[test]
    fn what_is_no_portrait_is_none() {
        assert_eq!(decode(b""), None);
        assert_eq!(decode(b"BM no portrait"), None);
        // A frame header that claims 60,000 by 60,000 pixels.
        let mut huge = sample();
        let frame = huge.windows(2).position(|w| w == [0xFF, 0xC0]).expect("SOF0");
        huge[frame + 5..frame + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
        assert_eq!(decode(&huge), None);
    }

    #[test]
    fn a_jpeg_2000_becomes_sharper_with_shared_vectors() {
        let Some(file) = test_support::shared("images/silver.jp2") else { return };
        let whole = std::fs::read(file).expect("readable");
        let picture = decode(&whole).expect("the whole picture");
        assert_eq!((picture.width, picture.height), (413, 531));
        let distance = |per_cent: usize| {
            let front = decode(&whole[..whole.len() * per_cent / 100]).expect("a part of it");
            front.rgb().iter().zip(picture.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>()
        };
        assert!(distance(25) > distance(60) && distance(60) > distance(95), "each piece makes it better");
    }
}
