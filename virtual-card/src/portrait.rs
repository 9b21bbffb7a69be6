//! Drawn portraits that nobody can take for a person: a figure of flat shapes with the persona's number of hair
//! styles and colours, and a band across the picture.

use emrtd::hazmat::tlv::encode;
use jpeg_encoder::{ColorType, Encoder, EncodingError};

/// Width of a portrait in pixels.
pub const WIDTH: u16 = 300;
/// Height of a portrait in pixels.
pub const HEIGHT: u16 = 400;

/// A JPEG portrait for a persona's identifier: the same one every time.
///
/// # Errors
/// When the encoder fails.
pub fn jpeg(id: &str) -> Result<Vec<u8>, EncodingError> {
    let seed = id.bytes().fold(0x811C_9DC5u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    let mut pixels = Vec::with_capacity(usize::from(WIDTH) * usize::from(HEIGHT) * 3);
    for y in 0..i32::from(HEIGHT) {
        for x in 0..i32::from(WIDTH) {
            pixels.extend_from_slice(&colour(seed, x, y));
        }
    }
    let mut out = Vec::new();
    Encoder::new(&mut out, 90).encode(&pixels, WIDTH, HEIGHT, ColorType::Rgb)?;
    Ok(out)
}

/// A biometric data block with what its template says of it.
pub(crate) struct Block {
    pub(crate) tag: u32,
    /// Format type, registered by ISO/IEC JTC 1/SC 37.
    pub(crate) format: u16,
    pub(crate) data: Vec<u8>,
}

/// The image as a record of ISO/IEC 19794-5:2005.
pub(crate) fn record(image: &[u8]) -> Block {
    let mut data = Vec::new();
    let length = 20 + 12 + image.len();
    data.extend_from_slice(b"FAC\x00010\x00");
    data.extend_from_slice(&(14 + length as u32).to_be_bytes());
    data.extend_from_slice(&1u16.to_be_bytes());
    data.extend_from_slice(&(length as u32).to_be_bytes());
    // No feature points; sex, eyes, hair, properties, expression and pose unspecified.
    data.extend_from_slice(&[0; 16]);
    // Full frontal, JPEG.
    data.extend_from_slice(&[0x01, 0x00]);
    data.extend_from_slice(&WIDTH.to_be_bytes());
    data.extend_from_slice(&HEIGHT.to_be_bytes());
    data.extend_from_slice(&[0x01, 0x00, 0x00, 0x00, 0x00, 0x00]);
    data.extend_from_slice(image);
    Block { tag: 0x5F2E, format: 8, data }
}

/// The image as a block of ISO/IEC 39794-5:2019 in ICAO's profile: one representation, in two dimensions.
pub(crate) fn tagged(image: &[u8]) -> Block {
    let sequence = |tag, parts: &[Vec<u8>]| encode(tag, &parts.concat());
    let number = |tag, value: u16| {
        let bytes = value.to_be_bytes();
        // An INTEGER of DER: no octet more than it needs, and none that makes it negative.
        match bytes {
            [0, low] if low < 0x80 => encode(tag, &[low]),
            [high, _] if high >= 0x80 => encode(tag, &[&[0], &bytes[..]].concat()),
            _ => encode(tag, &bytes),
        }
    };
    let version = sequence(0xA0, &[number(0x80, 3), number(0x81, 2019)]);
    // Format JPEG, kind MRTD.
    let size = sequence(0xA7, &[number(0x80, WIDTH), number(0x81, HEIGHT)]);
    let information = sequence(0xA1, &[encode(0xA0, &number(0x80, 2)), encode(0xA1, &number(0x80, 0)), size]);
    let image = sequence(0xA0, &[encode(0x80, image), information]);
    let captured = sequence(0xA2, &[number(0x80, 2026), number(0x81, 3), number(0x82, 1)]);
    let representation = sequence(0x30, &[number(0x80, 1), encode(0xA1, &encode(0xA0, &image)), captured]);
    let block = sequence(0x65, &[version, encode(0xA1, &representation)]);
    Block { tag: 0x7F2E, format: 0x2A, data: encode(0xA1, &block) }
}

fn colour(seed: u32, x: i32, y: i32) -> [u8; 3] {
    const SKIN: [[u8; 3]; 3] = [[240, 200, 165], [225, 180, 140], [205, 160, 120]];
    const HAIR: [[u8; 3]; 3] = [[40, 32, 30], [70, 50, 40], [150, 150, 150]];
    const SHIRT: [[u8; 3]; 4] = [[60, 110, 180], [180, 80, 80], [70, 140, 100], [120, 90, 160]];
    let pick = |shift: u32, n: usize| (seed >> shift) as usize % n;
    let inside = |cx: i32, cy: i32, rx: i64, ry: i64| {
        let (dx, dy) = (i64::from(x - cx), i64::from(y - cy));
        dx * dx * ry * ry + dy * dy * rx * rx <= rx * rx * ry * ry
    };
    // The band says at a glance that this is no photograph.
    if (x + y).rem_euclid(400) < 14 {
        return [255, 140, 0];
    }
    let hair_depth = 20 + (seed >> 12) as i32 % 30;
    if inside(118, 185, 9, 6) || inside(182, 185, 9, 6) {
        return [30, 30, 30];
    }
    if inside(150, 245, 28, 6) {
        return [170, 70, 70];
    }
    if inside(150, 200, 75, 100) {
        return if y < 105 + hair_depth { HAIR[pick(4, 3)] } else { SKIN[pick(0, 3)] };
    }
    if inside(150, 180, 92, 108) && (y < 180 || seed & 0x100 != 0) {
        return HAIR[pick(4, 3)];
    }
    if inside(150, 420, 130, 115) {
        return SHIRT[pick(8, 4)];
    }
    let shade = (y / 4) as u8;
    [190 + shade / 4, 215, 240 - shade / 4]
}
