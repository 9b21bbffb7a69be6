//! EF.DG7 (ICAO 9303-10 §4.7.7): the holder's signature or usual mark, as images.
//!
//! ```text
//! 67 { 02 n, 5F43 image × n }
//! ```

use super::field::{self, Image, Odd};
use crate::tlv::{self, TlvError};

/// What stands in EF.DG7.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dg7 {
    /// The images, in order.
    pub images: Vec<Image>,
    /// Fields that were left out.
    pub odd: Vec<Odd>,
}

impl Dg7 {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not EF.DG7. Odd fields are no error.
    pub fn parse(file: &[u8]) -> Result<Self, TlvError> {
        let dg7 = tlv::first(file, 0x67)?;
        let (mut images, mut odd) = (Vec::new(), Vec::new());
        field::read(0x67, dg7.value, &mut [(0x5F43, &mut images)], &mut odd);
        Ok(Self { images, odd })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lds::ImageType;
    use crate::tlv::encode;

    #[test]
    fn signatures_are_told_by_their_first_bytes() {
        let images = [&[0xFF, 0xD8, 0xFF, 0xE0][..], &[0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20], b"GIF89a"];
        let fields = images.map(|image| encode(0x5F43, image)).concat();
        let dg7 = Dg7::parse(&encode(0x67, &[encode(0x02, &[3]), fields].concat())).expect("EF.DG7");
        let types: Vec<_> = dg7.images.iter().map(|image| image.image_type).collect();
        assert_eq!(types, [Some(ImageType::Jpeg), Some(ImageType::Jpeg2000), None]);
        assert!(dg7.images.iter().zip(images).all(|(read, image)| read.bytes.expose() == image));
        assert_eq!(Dg7::parse(&encode(0x6B, &[])), Err(TlvError::Unexpected { expected: 0x67, found: 0x6B }));
    }
}
