//! Names in certificates (RFC 5280 §4.1.2.4): compared, and made fit to be shown.

use crate::oid::{self, Oid};
use crate::tlv::{self, Tlv, TlvError, tag};

/// The country in a DER name, upper case and fit to be shown.
#[must_use]
pub fn country(name: &[u8]) -> Option<String> {
    name_attribute(name, oid::COUNTRY_NAME).map(|c| printable(c.trim()).to_uppercase())
}

/// The common name in a DER name, or its country when it has none, fit to be shown.
#[must_use]
pub fn common_name(name: &[u8]) -> String {
    let found = name_attribute(name, oid::COMMON_NAME).or_else(|| country(name));
    found.map_or_else(|| "(no name)".to_owned(), |name| printable(&name))
}

/// Whether two names are equal, letter case and the string type aside (RFC 5280 §7.1, simplified).
#[must_use]
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || matches!((normalised(a), normalised(b)), (Ok(a), Ok(b)) if a == b)
}

fn normalised(name: &[u8]) -> Result<Vec<(Vec<u8>, String)>, TlvError> {
    let mut parts = Vec::new();
    let mut sets = tlv::first(name, tag::SEQUENCE)?.children();
    while let Some(set) = sets.next()? {
        let mut pairs = set.children();
        while let Some(pair) = pairs.next()? {
            let mut pair = pair.children();
            let id = pair.expect(tag::OID)?.value.to_vec();
            let value = pair.next()?.ok_or(TlvError::Missing(tag::PRINTABLE_STRING))?;
            parts.push((id, text(&value).trim().to_lowercase()));
        }
    }
    Ok(parts)
}

fn name_attribute(name: &[u8], wanted: Oid<'_>) -> Option<String> {
    let mut sets = tlv::first(name, tag::SEQUENCE).ok()?.children();
    let mut found = None;
    while let Ok(Some(set)) = sets.next() {
        let mut pair = tlv::first(set.value, tag::SEQUENCE).ok()?.children();
        if pair.expect(tag::OID).is_ok_and(|t| Oid(t.value) == wanted) {
            found = pair.next().ok().flatten().map(|t| text(&t));
        }
    }
    found
}

fn text(value: &Tlv<'_>) -> String {
    if value.tag == tag::BMP_STRING {
        let units: Vec<u16> = value.value.chunks(2).map(|c| c.iter().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value.value).into_owned()
}

/// What may be shown: whoever chooses a name also chooses its control characters, which move a terminal's cursor or
/// turn the direction of reading. Each becomes a replacement character; no name is longer than a line or two.
pub(crate) fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
    };
    text.chars().take(256).map(|c| if hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::encode;

    fn name(country: &str, common: &str) -> Vec<u8> {
        let part = |id: Oid<'_>, value: &str| {
            let pair = [encode(tag::OID, id.0), encode(tag::UTF8_STRING, value.as_bytes())].concat();
            encode(tag::SET, &encode(tag::SEQUENCE, &pair))
        };
        encode(tag::SEQUENCE, &[part(oid::COUNTRY_NAME, country), part(oid::COMMON_NAME, common)].concat())
    }

    #[test]
    fn control_characters_of_a_name_never_reach_a_terminal() {
        for bad in ["\u{1b}[2J", "\u{7}", "\u{9b}31m", "\u{202e}", "\u{2066}", "\r\n", "\u{85}", "\u{200f}", "\u{feff}"]
        {
            let hostile = name(&format!("V{bad}N"), &format!("CSCA{bad} VN"));
            for shown in [common_name(&hostile), country(&hostile).expect("country")] {
                assert!(!shown.chars().any(|c| bad.contains(c) && !c.is_ascii_graphic()), "{shown:?}");
            }
        }
        assert_eq!(common_name(&name("VN", "Cục Cảnh sát")), "Cục Cảnh sát");
    }

    #[test]
    fn names_are_equal_whatever_case_and_string_type_they_are_in() {
        assert!(same_name(&name("vn", "CSCA"), &name("VN", "Csca")));
        assert!(!same_name(&name("VN", "CSCA"), &name("VN", "CSCA 2")));
    }
}
