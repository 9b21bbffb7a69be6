//! EF.DG11 (ICAO 9303-10 §4.7.11): additional details of the holder.
//!
//! ```text
//! 6B { 5C tags, 5F0E full name, A0 { 02 n, 5F0F other name × n }, 5F10 …, 5F2B date of birth, 5F11 … }
//! ```

use super::field::{self, Date, Image, Odd, Text};
use crate::tlv::{self, TlvError};

/// What stands in EF.DG11.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dg11 {
    /// Full name in national characters: primary identifier, `<<`, secondary identifier.
    pub full_name: Option<Text>,
    /// Other names.
    pub other_names: Vec<Text>,
    /// Personal number.
    pub personal_number: Option<Text>,
    /// Full date of birth.
    pub date_of_birth: Option<Date>,
    /// Place of birth; `<` separates its parts.
    pub place_of_birth: Option<Text>,
    /// Permanent address; `<` separates its parts.
    pub permanent_address: Option<Text>,
    /// Telephone.
    pub telephone: Option<Text>,
    /// Profession.
    pub profession: Option<Text>,
    /// Title.
    pub title: Option<Text>,
    /// Personal summary.
    pub personal_summary: Option<Text>,
    /// Proof of citizenship.
    pub proof_of_citizenship: Option<Image>,
    /// Numbers of other valid travel documents; `<` separates them.
    pub other_document_numbers: Option<Text>,
    /// Custody information.
    pub custody: Option<Text>,
    /// Fields that were left out.
    pub odd: Vec<Odd>,
}

impl Dg11 {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not EF.DG11. Odd fields are no error.
    pub fn parse(file: &[u8]) -> Result<Self, TlvError> {
        let dg11 = tlv::first(file, 0x6B)?;
        let mut it = Self::default();
        let slots: &mut field::Slots<'_> = &mut [
            (0x5F0E, &mut it.full_name),
            (0x5F0F, &mut it.other_names),
            (0x5F10, &mut it.personal_number),
            (0x5F2B, &mut it.date_of_birth),
            (0x5F11, &mut it.place_of_birth),
            (0x5F42, &mut it.permanent_address),
            (0x5F12, &mut it.telephone),
            (0x5F13, &mut it.profession),
            (0x5F14, &mut it.title),
            (0x5F15, &mut it.personal_summary),
            (0x5F16, &mut it.proof_of_citizenship),
            (0x5F17, &mut it.other_document_numbers),
            (0x5F18, &mut it.custody),
        ];
        field::read(0x6B, dg11.value, slots, &mut it.odd);
        Ok(it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::encode;

    /// After the example in ICAO 9303-10 §4.7.11.
    const EXAMPLE: &[u8] = b"\x6B\x63\x5C\x0A\x5F\x0E\x5F\x11\x5F\x42\x5F\x12\x5F\x13\
        \x5F\x0E\x0DSMITH<<JOHN<J\x5F\x11\x0AANYTOWN<MN\x5F\x42\x17123 MAPLE RD<ANYTOWN<MN\
        \x5F\x12\x0E1-612-555-1212\x5F\x13\x0CTRAVEL<AGENT";

    fn value(text: Option<&Text>) -> &str {
        text.map_or("", Text::as_str)
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        let dg11 = Dg11::parse(EXAMPLE).expect("EF.DG11");
        assert_eq!(value(dg11.full_name.as_ref()), "SMITH<<JOHN<J");
        assert_eq!(value(dg11.profession.as_ref()), "TRAVEL<AGENT");
        let address = dg11.permanent_address.as_ref().expect("an address");
        assert_eq!(address.parts().collect::<Vec<_>>(), ["123 MAPLE RD", "ANYTOWN", "MN"]);
        assert_eq!(*dg11.place_of_birth.as_ref().expect("a place").joined(", "), "ANYTOWN, MN");
        assert!(dg11.odd.is_empty() && dg11.date_of_birth.is_none(), "{:?}", dg11.odd);
    }

    #[test]
    fn every_field_is_read_whatever_is_odd_about_another() {
        let image = [0xFF, 0xD8, 0xFF, 0xE0];
        let names = [encode(0x02, &[2]), encode(0x5F0F, b"PETIT"), encode(0x5F0F, b"LE<PETIT")].concat();
        let fields = [
            encode(0x5C, &[0x5F]),
            encode(0xA0, &names),
            encode(0x5F0F, b"UNWRAPPED"),
            encode(0x5F10, b"12345"),
            encode(0x5F2B, b"19850902"),
            encode(0x5F14, b"DR"),
            encode(0x5F15, b"S"),
            encode(0x5F16, &image),
            encode(0x5F17, b"A1<B2"),
            encode(0x5F18, b"C"),
        ];
        let whole = encode(0x6B, &fields.concat());
        let dg11 = Dg11::parse(&whole).expect("EF.DG11");
        let names: Vec<_> = dg11.other_names.iter().map(Text::as_str).collect();
        assert_eq!(names, ["PETIT", "LE<PETIT", "UNWRAPPED"]);
        assert_eq!(dg11.date_of_birth.as_ref().map(ToString::to_string).as_deref(), Some("1985-09-02"));
        assert!(dg11.proof_of_citizenship.as_ref().is_some_and(|proof| proof.bytes.expose() == image));
        assert_eq!((value(dg11.other_document_numbers.as_ref()), value(dg11.custody.as_ref())), ("A1<B2", "C"));
        assert_eq!(dg11.odd, []);

        let odd = [
            encode(0x5F2B, b"2.9.1985"),
            encode(0x5F10, b"1"),
            encode(0x5F10, b"2"),
            encode(0x5F7F, b"?"),
            encode(0x5F0E, b"A<<B"),
            vec![0x5F, 0x14, 0x09],
        ];
        let dg11 = Dg11::parse(&encode(0x6B, &odd.concat())).expect("EF.DG11");
        assert_eq!((value(dg11.personal_number.as_ref()), value(dg11.full_name.as_ref())), ("1", "A<<B"));
        let odd: Vec<_> = dg11.odd.iter().map(ToString::to_string).collect();
        assert_eq!(odd, ["6B:cut", "5F2B:date", "5F10:repeated", "5F7F:unknown"]);
    }

    #[test]
    fn no_cut_and_no_nesting_is_more_than_odd() {
        let whole = encode(0x6B, &EXAMPLE[2..]);
        for end in 0..whole.len() - 2 {
            // The outer length is made to fit.
            assert!(Dg11::parse(&encode(0x6B, &whole[2..2 + end])).is_ok(), "cut at {end}");
            assert!(Dg11::parse(&whole[..end]).is_err(), "cut at {end}");
        }
        let deep = (0..10_000).fold(Vec::new(), |inner, _| encode(0xA0, &inner));
        assert_eq!(Dg11::parse(&encode(0x6B, &deep)).expect("EF.DG11").odd[0].tag, 0xA0);
    }

    #[test]
    fn a_debug_output_shows_no_value() {
        let text = format!("{:?}", Dg11::parse(EXAMPLE).expect("EF.DG11"));
        assert!(!text.contains("SMITH") && !text.contains("1985"), "{text}");
    }
}
