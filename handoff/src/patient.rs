//! What several formats say of one person, each in its own words.

use config::FhirSystems;
use program::Private;
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

/// The number by which a hospital knows somebody, or knew them.
pub(crate) struct Number<'a> {
    pub(crate) value: &'a str,
    pub(crate) system: &'a str,
    /// Of HL7 v2 table 0203.
    pub(crate) kind: &'static str,
}

/// That of the card, else of the passport; nothing for whom neither is known.
pub(crate) fn number<'a>(released: &'a Released, systems: &'a FhirSystems) -> Option<Number<'a>> {
    let value = value(released, Item::IdNumber.name()).or_else(|| value(released, Item::DocumentNumber.name()))?;
    Some(of_kind(value, systems))
}

/// A number with the system of its kind.
fn of_kind<'a>(value: &'a str, systems: &'a FhirSystems) -> Number<'a> {
    let (kind, system) = if is_personal(value) { ("NI", &systems.personal_number) } else { ("PPN", &systems.passport) };
    Number { value, system, kind }
}

/// The numbers that somebody had before, as far as their document says; never the one that they have.
pub(crate) fn old_numbers(released: &Released) -> Vec<Private> {
    let own = released.item(Item::IdNumber).unwrap_or_default();
    let said = value(released, Item::OldIdNumber.name()).and_then(cccd::number::old_numbers).unwrap_or_default();
    said.into_iter().map(Private::from).filter(|old| old.0.as_str() != own).collect()
}

/// The system of a number that somebody had before.
pub(crate) fn old_system<'a>(old: &str, systems: &'a FhirSystems) -> &'a str {
    if is_personal(old) { &systems.personal_number } else { &systems.old_number }
}

/// Who answers for a patient who is a child or cannot answer for themselves.
pub(crate) struct Guardian<'a> {
    /// As staff typed it.
    pub(crate) name: &'a str,
    /// Of their card, else of their passport.
    pub(crate) number: Option<Number<'a>>,
}

/// Who answers for a patient; nothing where nobody is named.
pub(crate) fn guardian<'a>(released: &'a Released, systems: &'a FhirSystems) -> Option<Guardian<'a>> {
    let number = value(released, "form.guardian_number");
    let number = number.map(|number| of_kind(number, systems));
    Some(Guardian { name: value(released, "form.guardian")?, number })
}
