//! EF.DG2 (ICAO 9303-10 §4.7.2): the holder's face, in the record format of ISO/IEC 19794-5:2005 or in the tagged
//! format of ISO/IEC 39794-5.
//!
//! ```text
//! 75 { 7F61 { 02 01 n, 7F60 { A1 {…}, 5F2E or 7F2E <biometric data block> } × n } }
//! block:  "FAC\0" "010\0" length:u32 faces:u16, then per face
//!         length:u32 points:u16 <14 bytes> points × 8 bytes,
//!         type:u8 codec:u8 width:u16 height:u16 <6 bytes> image
//! 39794:  65 { A0 version, A1 { 30 { … A1 { A0 { A0 { 80 image, A1 { … A7 { 80 width, 81 height } } } } } } … } }
//! ```

use crate::tlv::{self, Tlv, TlvError};

/// How the image is coded, by its first bytes; the record's codec field is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageType {
    /// JPEG.
    Jpeg,
    /// JPEG 2000, as a JP2 file or a bare codestream.
    Jpeg2000,
}

impl ImageType {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Jpeg2000 => "image/jp2",
        }
    }

    fn sniff(image: &[u8]) -> Option<Self> {
        if image.starts_with(&[0xFF, 0xD8, 0xFF]) {
            Some(Self::Jpeg)
        } else if image.starts_with(&[0, 0, 0, 0x0C, 0x6A, 0x50]) || image.starts_with(&[0xFF, 0x4F, 0xFF, 0x51]) {
            Some(Self::Jpeg2000)
        } else {
            None
        }
    }
}

/// A face image inside the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FaceImage<'a> {
    /// Coding.
    pub image_type: ImageType,
    /// Width in pixels as the record states it; zero where the issuer left it out.
    pub width: u16,
    /// Height in pixels as the record states it.
    pub height: u16,
    /// The coded image.
    pub image: &'a [u8],
}

impl std::fmt::Debug for FaceImage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaceImage({:?}, {}x{})", self.image_type, self.width, self.height)
    }
}

/// Reads the file: the first face of every biometric template.
///
/// # Errors
/// When a structure is malformed or an image is neither JPEG nor JPEG 2000.
pub fn parse(file: &[u8]) -> Result<Vec<FaceImage<'_>>, TlvError> {
    let dg2 = tlv::first(file, 0x75)?;
    let group = tlv::first(dg2.value, 0x7F61)?;
    let mut templates = group.children();
    templates.expect(tlv::tag::INTEGER)?;
    let mut faces = Vec::new();
    while let Some(template) = templates.optional(0x7F60)? {
        let block = match tlv::find(template.value, 0x5F2E)? {
            Some(block) => block,
            None => tlv::find(template.value, 0x7F2E)?.ok_or(TlvError::Missing(0x5F2E))?,
        };
        faces.push(match tlv::first(block.value, FACE_IMAGE_DATA_BLOCK) {
            Ok(tagged) => tagged_face(&tagged)?,
            Err(_) => face(block.value)?,
        });
    }
    Ok(faces)
}

/// FaceImageDataBlock of ISO/IEC 39794-5.
const FACE_IMAGE_DATA_BLOCK: u32 = 0x65;

/// The first representation of an ISO/IEC 39794-5 block.
fn tagged_face<'a>(block: &Tlv<'a>) -> Result<FaceImage<'a>, TlvError> {
    let inside = |object: &Tlv<'a>, tag| tlv::find(object.value, tag)?.ok_or(TlvError::Missing(tag));
    let representation = inside(&inside(block, 0xA1)?, tlv::tag::SEQUENCE)?;
    // imageRepresentation, base, imageRepresentation2DBlock.
    let two_dimensional = inside(&inside(&inside(&representation, 0xA1)?, 0xA0)?, 0xA0)?;
    let image = inside(&two_dimensional, 0x80)?.value;
    let size = tlv::find(two_dimensional.value, 0xA1)?.map(|information| tlv::find(information.value, 0xA7));
    let (mut width, mut height) = (0, 0);
    if let Some(size) = size.transpose()?.flatten() {
        let number = |tag| -> Result<u16, TlvError> {
            let number = inside(&size, tag)?.small_uint()?;
            u16::try_from(number).map_err(|_| TlvError::Value("image size"))
        };
        (width, height) = (number(0x80)?, number(0x81)?);
    }
    let image_type = ImageType::sniff(image).ok_or(NO_IMAGE)?;
    Ok(FaceImage { image_type, width, height, image })
}

const NO_IMAGE: TlvError = TlvError::Value("image is neither JPEG nor JPEG 2000");

/// Where the image starts in the front of a file that is still being read, and how it is coded: a portrait can be
/// decoded while it arrives. `None` until enough is there, or when the format does not allow it.
#[must_use]
pub fn image_start(front: &[u8]) -> Option<(usize, ImageType)> {
    // Headers before the image are short in every format.
    let window = &front[..front.len().min(400)];
    (0..window.len()).find_map(|at| {
        let image_type = ImageType::sniff(&front[at..])?;
        Some((at, image_type))
    })
}

fn face(block: &[u8]) -> Result<FaceImage<'_>, TlvError> {
    const CUT: TlvError = TlvError::Truncated;
    let u16_at = |bytes: &[u8], at: usize| -> Result<u16, TlvError> {
        bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]])).ok_or(CUT)
    };
    let record = block.strip_prefix(b"FAC\0").ok_or(TlvError::Value("not an ISO/IEC 19794-5 record"))?;
    let record = record.get(10..).ok_or(CUT)?;
    let length = record.get(..4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).ok_or(CUT)?;
    // Some issuers count wrongly; the image then ends with the block.
    let record = record.get(..length as usize).unwrap_or(record);
    let points = usize::from(u16_at(record, 4)?);
    let information = record.get(20 + points * 8..).ok_or(CUT)?;
    let (width, height) = (u16_at(information, 2)?, u16_at(information, 4)?);
    let image = information.get(12..).ok_or(CUT)?;
    let image_type = ImageType::sniff(image).ok_or(NO_IMAGE)?;
    Ok(FaceImage { image_type, width, height, image })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::encode;

    /// A JPEG as far as its first bytes go.
    const IMAGE: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3, 4];

    fn file(block: &[u8], tag: u32) -> Vec<u8> {
        let template = encode(0x7F60, &[encode(0xA1, &encode(0x81, &[0x02])), encode(tag, block)].concat());
        encode(0x75, &encode(0x7F61, &[encode(0x02, &[1]), template].concat()))
    }

    fn record_19794() -> Vec<u8> {
        let mut face = vec![0; 20];
        face[..4].copy_from_slice(&(32 + IMAGE.len() as u32).to_be_bytes());
        face.extend_from_slice(&[1, 0, 0x01, 0x2C, 0x01, 0x90, 0, 0, 0, 0, 0, 0]);
        face.extend_from_slice(IMAGE);
        [b"FAC\x00010\x00", &(14 + face.len() as u32).to_be_bytes()[..], &[0, 1], &face].concat()
    }

    fn block_39794() -> Vec<u8> {
        let size = encode(0xA7, &[encode(0x80, &[0x01, 0x2C]), encode(0x81, &[0x01, 0x90])].concat());
        let information = encode(0xA1, &[encode(0xA0, &encode(0x80, &[0])), size].concat());
        let two_dimensional = encode(0xA0, &[encode(0x80, IMAGE), information].concat());
        let representation = encode(0xA1, &encode(0xA0, &two_dimensional));
        let block = encode(0x30, &[encode(0x80, &[1]), representation].concat());
        encode(0x65, &[encode(0xA0, &[0x80, 1, 3]), encode(0xA1, &block)].concat())
    }

    #[test]
    fn both_face_formats_give_the_image() {
        for bytes in [file(&record_19794(), 0x5F2E), file(&record_19794(), 0x7F2E), file(&block_39794(), 0x7F2E)] {
            let faces = parse(&bytes).expect("a face");
            let [FaceImage { image_type: ImageType::Jpeg, width: 300, height: 400, image: IMAGE }] = faces[..] else {
                panic!("{faces:?}")
            };
            // The same image is found in the front of a file that is still arriving.
            let (start, image_type) = image_start(&bytes).expect("an image");
            assert!(bytes[start..].starts_with(IMAGE) && image_type == ImageType::Jpeg);
        }
        assert_eq!(image_start(&file(&record_19794(), 0x5F2E)[..40]), None);
        // Every cut of the tagged form is an error, not a wrong image.
        let block = block_39794();
        for end in 0..block.len() {
            assert!(parse(&file(&block[..end], 0x7F2E)).is_err(), "cut at {end}");
        }
    }
}
