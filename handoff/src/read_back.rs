//! What was made is read again by a parser before it counts as made: a file that its recipient cannot read reports nobody in it,
//! and says so to nobody.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::Value;
use zeroize::Zeroizing;

/// The code of a message or file that did not come back as it was written.
pub const MALFORMED: &str = "message_malformed";

/// The text of a JSON value that reads back as the same.
#[must_use]
pub fn json(value: &Value) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(value.to_string());
    serde_json::from_str::<Value>(&text).is_ok_and(|read| read == *value).then_some(text)
}

/// The elements of an XML document that have no elements in them, with their texts, in order; `None` where it is not
/// well-formed (XML 1.0, §2.1: one root, every element closed, no character that XML has no place for).
#[must_use]
pub fn xml(bytes: &[u8]) -> Option<Vec<(String, Zeroizing<String>)>> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(is_char))?;
    let mut reader = Reader::from_str(text);
    let (mut leaves, mut roots) = (Vec::new(), 0);
    // Elements that are open, and whether one was in them.
    let mut open: Vec<(Zeroizing<String>, bool)> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) => {
                match open.last_mut() {
                    Some((_, parent)) => *parent = true,
                    None => roots += 1,
                }
                open.push((Zeroizing::default(), false));
            }
            Event::End(end) => {
                let (text, parent) = open.pop()?;
                if !parent {
                    leaves.push((std::str::from_utf8(end.name().as_ref()).ok()?.to_owned(), text));
                }
            }
            Event::Text(part) => match open.last_mut() {
                Some((text, _)) => text.push_str(&part.decode().ok()?),
                None if part.decode().ok()?.trim().is_empty() => {}
                None => return None,
            },
            Event::GeneralRef(reference) => {
                let (text, _) = open.last_mut()?;
                match reference.resolve_char_ref().ok()? {
                    Some(c) if is_char(c) => text.push(c),
                    Some(_) => return None,
                    None => text.push_str(resolve_predefined_entity(&reference.decode().ok()?)?),
                }
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Empty(_) | Event::CData(_) | Event::PI(_) | Event::DocType(_) => return None,
            Event::Eof => return (roots == 1 && open.is_empty()).then_some(leaves),
        }
    }
}

/// `Char` of XML 1.0.
const fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_parser_takes_is_not_made() {
        let leaves = xml(b"<?xml version=\"1.0\"?><a><b>x &amp; &#65;</b> <c></c></a>").expect("well-formed");
        let leaves: Vec<(&str, &str)> = leaves.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(leaves, [("b", "x & A"), ("c", "")]);
        for broken in [
            "<a>\u{1}</a>",
            "<a>\u{b}</a>",
            "<a>&#1;</a>",
            "<a>\u{ffff}</a>",
            "<a>&x;</a>",
            "<a>& b</a>",
            "<a><b></a></b>",
            "<a></a><b></b>",
            "<a></a>x",
            "<a>",
            "",
        ] {
            assert_eq!(xml(broken.as_bytes()), None, "{broken:?}");
        }
        assert_eq!(xml(b"<a>\xff</a>"), None);
    }

    #[test]
    fn json_is_the_same_again() {
        let value = serde_json::json!({ "name": "Nguyễn\u{1}" });
        assert_eq!(json(&value).map(|text| text.to_string()), Some(value.to_string()));
    }
}
