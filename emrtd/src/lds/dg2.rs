//! EF.DG2 (ICAO 9303-10 §4.7.2): the holder's face, in the record format of ISO/IEC 19794-5:2005 or in the tagged
//! format of ISO/IEC 39794-5, in every wrapping of [`super::biometric`].
//!
//! ```text
//! 19794-5: "FAC\0" "010\0" length:u32 faces:u16, then per face
//!          length:u32 points:u16 <14 bytes> points × 8 bytes,
//!          type:u8 codec:u8 width:u16 height:u16 <6 bytes> image
//! 39794-5: A0 version, A1 representationBlocks { 30 {
//!            80 representationId,
//!            A1 imageRepresentation { A0 base { A0 imageRepresentation2DBlock {
//!              80 representationData2D (the image),
//!              A1 imageInformation2DBlock { A0 format, …, A7 imageSizeBlock { 80 width, 81 height }, … }, … } } }, … } × n }
//! ```

use super::biometric::{self, Block, Front, RecordFormat, blocks};
use crate::tlv::{TlvError, tag};
use thiserror::Error;

/// How the image is coded, by its first bytes; the record's codec field is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

    pub(super) fn sniff(image: &[u8]) -> Option<Self> {
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
#[non_exhaustive]
pub struct FaceImage<'a> {
    /// The format of the record around it.
    pub format: RecordFormat,
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
        write!(f, "FaceImage({}, {:?}, {}x{})", self.format.name(), self.image_type, self.width, self.height)
    }
}

/// Why a file, or a record in it, has no face image that can be used. It accuses nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoFace {
    /// The structure is malformed.
    #[error("EF.DG2 is malformed")]
    Malformed(#[from] TlvError),
    /// There is no biometric template with a data block.
    #[error("EF.DG2 has no biometric data block")]
    NoBlock,
    /// The record is of neither format.
    #[error("the record in EF.DG2 is neither ISO/IEC 19794-5 nor 39794-5")]
    Format,
    /// The record has no two-dimensional image.
    #[error("the record in EF.DG2 has no image")]
    NoImage,
    /// The image is coded otherwise.
    #[error("the image in EF.DG2 is neither JPEG nor JPEG 2000")]
    Coding,
}

impl NoFace {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NoBlock => "no_data_block",
            Self::Format => "format_unknown",
            Self::NoImage => "no_image",
            Self::Coding => "coding_unknown",
        }
    }
}

/// Reads the file: every face of every record that can be read, in order. One odd record hides no other.
///
/// # Errors
/// Why there is none: what is odd about the first record.
pub fn parse(file: &[u8]) -> Result<Vec<FaceImage<'_>>, NoFace> {
    let (blocks, odd) = blocks(Front::whole(file), 0x75);
    let mut faces = Vec::new();
    let mut why = None;
    for found in blocks.iter().flat_map(faces_of) {
        match found {
            Ok(face) => faces.push(face.image),
            Err(error) => why = why.or(Some(error)),
        }
    }
    if faces.is_empty() {
        Err(why.or_else(|| odd.map(NoFace::Malformed)).unwrap_or(NoFace::NoBlock))
    } else {
        Ok(faces)
    }
}

/// Where the first image starts in the front of a file that is still being read, and how it is coded: a portrait can be
/// decoded while it arrives. `None` until enough is there, or when the format does not allow it.
#[must_use]
pub fn image_start(front: &[u8]) -> Option<(usize, ImageType)> {
    let (blocks, _) = blocks(Front::arriving(front), 0x75);
    let found = blocks.iter().flat_map(faces_of).find_map(Result::ok)?;
    Some((found.at, found.image.image_type))
}

/// A face and where its image stands in the file.
struct Found<'a> {
    at: usize,
    image: FaceImage<'a>,
}

fn faces_of<'a>(block: &Block<'a>) -> Vec<Result<Found<'a>, NoFace>> {
    match block.format {
        Some(RecordFormat::Face19794) => faces_19794(block.content),
        Some(RecordFormat::Face39794) => match biometric::representations(block.content) {
            Ok(blocks) if blocks.is_empty() => vec![Err(NoFace::NoImage)],
            Ok(blocks) => blocks.into_iter().map(face_39794).collect(),
            Err(error) => vec![Err(error.into())],
        },
        _ => vec![Err(NoFace::Format)],
    }
}

fn found(format: RecordFormat, image: Front<'_>, width: u16, height: u16) -> Result<Found<'_>, NoFace> {
    let bytes = image.bytes();
    let image_type = ImageType::sniff(bytes).ok_or(NoFace::Coding)?;
    Ok(Found { at: image.at(), image: FaceImage { format, image_type, width, height, image: bytes } })
}

/// A representation block of ISO/IEC 39794-5.
fn face_39794(representation: Front<'_>) -> Result<Found<'_>, NoFace> {
    // An extension block in the place of a choice is another kind of image.
    let base = representation.inside(tag::CONTEXT_1)?.find(tag::CONTEXT_0)?.ok_or(NoFace::NoImage)?;
    let two_dimensional = base.find(tag::CONTEXT_0)?.ok_or(NoFace::NoImage)?;
    let image = two_dimensional.inside(0x80)?;
    // What the image itself says better is never a reason to refuse it; while it arrives, this is not there yet.
    let (width, height) = size_39794(two_dimensional).unwrap_or_default();
    found(RecordFormat::Face39794, image, width, height)
}

fn size_39794(two_dimensional: Front<'_>) -> Option<(u16, u16)> {
    let size = two_dimensional.find(tag::CONTEXT_1).ok()??.find(0xA7).ok()??;
    let number = |tag| {
        let bytes = size.find(tag).ok()??.bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let bytes = &bytes[zeros..];
        (bytes.len() <= 2).then(|| bytes.iter().fold(0, |n, byte| n << 8 | u16::from(*byte)))
    };
    Some((number(0x80)?, number(0x81)?))
}

/// A face's headers in ISO/IEC 19794-5.
const SHORTEST_FACE: usize = 32;

/// The faces of an ISO/IEC 19794-5 record.
fn faces_19794(record: Front<'_>) -> Vec<Result<Found<'_>, NoFace>> {
    let mut faces = Vec::new();
    let count = number(record, 12, 2).unwrap_or(1).max(1);
    let mut rest = record.skip(14);
    for _ in 0..count {
        let Ok(face) = rest else { break };
        // Some issuers count wrongly; the image then ends with the block.
        let length = number(face, 0, 4).unwrap_or_default() as usize;
        let own = if length < SHORTEST_FACE { face } else { face.take(length).unwrap_or(face) };
        faces.push(face_19794(own));
        rest = face.skip(length);
        if length < SHORTEST_FACE || own.is_arriving() {
            break;
        }
    }
    if faces.is_empty() { vec![Err(TlvError::Truncated.into())] } else { faces }
}

fn face_19794(face: Front<'_>) -> Result<Found<'_>, NoFace> {
    let information = face.skip(20 + number(face, 4, 2)? as usize * 8)?;
    // Two bytes always fit.
    let (width, height) = (number(information, 2, 2)? as u16, number(information, 4, 2)? as u16);
    found(RecordFormat::Face19794, information.skip(12)?, width, height)
}

/// A big-endian number in a record.
fn number(record: Front<'_>, at: usize, length: usize) -> Result<u32, TlvError> {
    let bytes = record.bytes().get(at..at + length).ok_or(TlvError::Truncated)?;
    Ok(bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}
