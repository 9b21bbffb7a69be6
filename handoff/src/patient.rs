//! What several formats say of one person, each in its own words.

use config::FhirSystems;
use visit::content::Released;
use visit::profile::Item;

/// A format's words for man, woman, and whatever else a document says or leaves out.
pub(crate) fn sex<T>(said: Option<&str>, [man, woman, other]: [T; 3]) -> T {
    match said {
        Some("Nam" | "M") => man,
        Some("Nữ" | "F") => woman,
        _ => other,
    }
}

/// By what the person is known: `chip`, `vneid`, `seen` or `typed`.
pub(crate) fn source(released: &Released) -> &'static str {
    released.means().as_str()
}

/// A value that says something.
pub(crate) fn value<'a>(released: &'a Released, name: &str) -> Option<&'a str> {
    released.get(name).filter(|value| !value.is_empty())
}

/// Whether a number is one that Vietnam gives a person. No passport's has twelve digits.
pub(crate) fn is_personal(number: &str) -> bool {
    number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number by which a hospital knows somebody.
pub(crate) struct Number<'a> {
    pub(crate) value: &'a str,
    pub(crate) system: &'a str,
    /// Of HL7 v2 table 0203.
    pub(crate) kind: &'static str,
}

/// That of the card, else of the passport; nothing for whom neither is known.
pub(crate) fn number<'a>(released: &'a Released, systems: &'a FhirSystems) -> Option<Number<'a>> {
    let value = value(released, Item::IdNumber.name()).or_else(|| value(released, Item::DocumentNumber.name()))?;
    let (kind, system) = if is_personal(value) { ("NI", &systems.personal_number) } else { ("PPN", &systems.passport) };
    Some(Number { value, system, kind })
}
