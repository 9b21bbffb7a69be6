//! Site profiles: what a use of the card reads, why it may, and what may leave the device.

use crate::failure::Failure;
use serde::Deserialize;

/// A site profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Identifier.
    pub id: String,
    /// Title for citizens and staff.
    pub title_vi: String,
    /// The same in English.
    pub title_en: String,
    /// What the data are for, as the citizen is asked.
    pub purpose_vi: String,
    /// The same in English.
    pub purpose_en: String,
    /// What allows it.
    pub legal_basis: String,
    /// Data groups to read.
    pub data_groups: Vec<u8>,
    /// What goes into events.
    pub event: EventScope,
    /// What a kiosk asks people to fill in once their card is genuine.
    #[serde(default)]
    pub form: Vec<FormField>,
}

/// A field that people fill in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormField {
    /// Identifier.
    pub id: String,
    /// What is asked for.
    pub label_vi: String,
    /// The same in English.
    pub label_en: String,
    /// Which keyboard is shown first.
    #[serde(default)]
    pub keyboard: Keyboard,
    /// May be left empty.
    #[serde(default)]
    pub optional: bool,
}

/// Which keyboard is shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Keyboard {
    #[default]
    Text,
    Digits,
}

/// What about the holder may stand in an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventScope {
    /// Fields, from a closed list.
    pub fields: Vec<EventField>,
    /// Who receives them.
    pub recipients: Vec<String>,
    /// How long they are kept.
    pub retention_days: u32,
}

/// A field that a profile may put into events. There is no name, number or image to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventField {
    /// The holder's number under the site's keyed hash.
    Subject,
}

/// The profiles that come with the agent.
const BUILT_IN: [(&str, &str); 2] =
    [("identify", include_str!("../profiles/identify.toml")), ("register", include_str!("../profiles/register.toml"))];

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// With line and reason when it is not one.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let remedy = "compare with agent/profiles/identify.toml";
        let invalid =
            |why: String| Failure::usage("profile_invalid", format!("the profile is not valid: {why}"), remedy);
        let profile: Self = toml::from_str(text).map_err(|e| invalid(e.to_string().trim().to_owned()))?;
        if let Some(group) = profile.data_groups.iter().find(|n| !matches!(n, 1..=16)) {
            return Err(invalid(format!("data group {group} does not exist")));
        }
        if !profile.data_groups.contains(&1) {
            return Err(invalid("data group 1 must be read: without it no verdict is possible".to_owned()));
        }
        Ok(profile)
    }

    /// A profile by the name of one that comes with the agent, or from a file whose name ends in `.toml`.
    ///
    /// # Errors
    /// When there is none of that name, or the file is not a profile.
    pub fn load(name: &str) -> Result<Self, Failure> {
        if !name.ends_with(".toml") {
            return Self::built_in(name);
        }
        let text = std::fs::read_to_string(name).map_err(|e| {
            let message = format!("cannot read {name}: {e}");
            Failure::usage("file_unreadable", message, "name a file that exists and may be read")
        })?;
        Self::parse(&text)
    }

    /// Identifiers of the profiles that come with the agent.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(id, _)| *id)
    }

    /// A profile that comes with the agent.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn built_in(id: &str) -> Result<Self, Failure> {
        match BUILT_IN.iter().find(|(known, _)| *known == id) {
            Some((_, text)) => Self::parse(text),
            None => {
                let known = BUILT_IN.map(|(id, _)| id).join(", ");
                Err(Failure::usage("profile_unknown", format!("no profile {id:?}"), &format!("choose one of: {known}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_valid_and_says_why_it_may() {
        for (id, _) in BUILT_IN {
            let profile = Profile::built_in(id).expect("valid");
            assert_eq!(profile.id, id);
            assert!(
                !profile.purpose_vi.is_empty() && !profile.purpose_en.is_empty() && !profile.legal_basis.is_empty()
            );
            assert!(profile.event.retention_days > 0);
        }
    }

    #[test]
    fn errors_name_the_line() {
        let text = BUILT_IN[0].1.replace("fields = [\"subject\"]", "fields = [\"full_name\"]");
        let failure = Profile::parse(&text).expect_err("a name may not leave");
        assert_eq!(failure.code, "profile_invalid");
        assert!(failure.message.contains("line"), "{}", failure.message);
    }
}
