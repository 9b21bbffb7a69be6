//! EF.DG16 (ICAO 9303-10 §4.7.16): persons to notify.
//!
//! ```text
//! 70 { 02 n, A1 { 5F50 recorded, 5F51 name, 5F52 telephone, 5F53 address }, A2 {…}, … }
//! ```

use super::field::{self, Date, Odd, Text};
use crate::tlv::{self, TlvError, tag};

/// What stands in EF.DG16.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dg16 {
    /// The persons, in order.
    pub persons: Vec<PersonToNotify>,
    /// Fields that were left out.
    pub odd: Vec<Odd>,
}

/// A person to notify.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PersonToNotify {
    /// When it was recorded.
    pub recorded: Option<Date>,
    /// Name: primary identifier, `<<`, secondary identifier.
    pub name: Option<Text>,
    /// Telephone.
    pub telephone: Option<Text>,
    /// Address; `<` separates its parts.
    pub address: Option<Text>,
}

impl Dg16 {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not EF.DG16. Odd fields are no error.
    pub fn parse(file: &[u8]) -> Result<Self, TlvError> {
        let dg16 = tlv::first(file, 0x70)?;
        let mut it = Self::default();
        for object in field::objects(0x70, dg16.value, &mut it.odd) {
            match object.tag {
                tag::INTEGER => {}
                // The standard counts from A1 on; some issuers from A0.
                0xA0..=0xBE => {
                    let mut person = PersonToNotify::default();
                    let slots: &mut field::Slots<'_> = &mut [
                        (0x5F50, &mut person.recorded),
                        (0x5F51, &mut person.name),
                        (0x5F52, &mut person.telephone),
                        (0x5F53, &mut person.address),
                    ];
                    field::read(object.tag, object.value, slots, &mut it.odd);
                    it.persons.push(person);
                }
                tag => it.odd.push(Odd { tag, why: "unknown" }),
            }
        }
        Ok(it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::encode;

    /// After the example in ICAO 9303-10 §4.7.16.
    #[test]
    fn two_persons_are_told_apart() {
        let person = |date: &[u8], name: &[u8], telephone: &[u8], address: &[u8]| {
            let fields = [(0x5F50, date), (0x5F51, name), (0x5F52, telephone), (0x5F53, address)];
            fields.map(|(tag, value)| encode(tag, value)).concat()
        };
        let (smith, brown) = (
            person(b"20020101", b"SMITH<<CHARLES<R", b"19525551212", b"123 MAPLE RD<ANYTOWN<MN<55100"),
            person(b"2002", b"BROWN<<MARY<J", b"<<<", b"49 REDWOOD LN<OCEAN BREEZE<CA<94000"),
        );
        let content = [encode(0x02, &[2]), encode(0xA1, &smith), encode(0xA2, &brown)].concat();
        let dg16 = Dg16::parse(&encode(0x70, &content)).expect("EF.DG16");
        let names: Vec<_> = dg16.persons.iter().map(|person| person.name.as_ref().map_or("", Text::as_str)).collect();
        assert_eq!(names, ["SMITH<<CHARLES<R", "BROWN<<MARY<J"]);
        assert!(dg16.persons[0].recorded.is_some() && dg16.persons[1].recorded.is_none());
        assert!(dg16.persons[0].telephone.is_some() && dg16.persons[1].telephone.is_none());
        assert_eq!(dg16.odd.iter().map(ToString::to_string).collect::<Vec<_>>(), ["5F50:date"]);
        let address = dg16.persons[0].address.as_ref().expect("an address");
        assert_eq!(*address.joined(", "), "123 MAPLE RD, ANYTOWN, MN, 55100");
        assert!(!format!("{dg16:?}").contains("SMITH"));
    }

    #[test]
    fn what_is_no_person_is_odd() {
        let content = [encode(0x5F51, b"X"), encode(0xA1, &[0x5F, 0x51, 0x05]), vec![0xA2]].concat();
        let dg16 = Dg16::parse(&encode(0x70, &content)).expect("EF.DG16");
        let odd: Vec<_> = dg16.odd.iter().map(ToString::to_string).collect();
        assert_eq!((dg16.persons.len(), odd), (1, ["70:cut", "5F51:unknown", "A1:cut"].map(str::to_owned).to_vec()));
    }
}
