//! Who receives something, and what is asked.

use crate::departments;
use program::{Text, TextError};
use serde::{Deserialize, Serialize};

/// Somebody who receives something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Which; the configuration says how it is reached. `desk` and `app` are on this device.
    pub id: String,
    /// What it receives: of the holder, of the form (`form.ID`), of the list (`roster.ATTRIBUTE`).
    pub fields: Vec<String>,
}

program::closed_set! {
    /// Some of those who come.
    pub enum Group {
        /// Under seven: an adult agrees in their place (Luật Bảo vệ dữ liệu cá nhân 91/2025/QH15, Art. 24).
        Below7 = "below_7",
        /// Under fourteen: nobody has to have a card (Luật Căn cước 26/2023/QH15, Art. 19).
        Below14 = "below_14",
        /// Under sixteen: a child.
        Below16 = "below_16",
        /// Citizens of Vietnam.
        Citizen = "citizen",
        /// Everybody else.
        Foreigner = "foreigner",
        /// Whoever showed a paper that no list has.
        OtherPaper = "other_paper",
    }
}

/// A field that people fill in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// One of these, not free text.
    #[serde(default)]
    pub choice: Vec<Choice>,
    /// What fills it in; at a kiosk it is then not asked.
    pub from: Option<Source>,
    /// Of whom it is asked; of everybody where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_of: Option<Group>,
    /// The hospital's system is asked for the departments to choose from; `offer` is for when it does not answer.
    #[serde(default)]
    pub departments: bool,
    /// Codes of departments ([`crate::departments`]), from which `choice` is made.
    #[serde(default)]
    pub offer: Vec<String>,
}

/// What fills a field in without anybody typing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The QR code of a health insurance card: its code.
    HealthInsurance,
}

impl FormField {
    /// Gives the departments that are offered the names that the ministry gives them.
    ///
    /// # Errors
    /// What of it is wrong.
    pub(super) fn name_departments(&mut self) -> Result<(), String> {
        if !self.departments {
            return if self.offer.is_empty() { Ok(()) } else { Err("offer is for departments".to_owned()) };
        }
        // Whatever is called something else here would be sent on under a code that means another department.
        if !self.choice.is_empty() {
            return Err("departments are offered by the ministry's codes, and not under names of one's own".to_owned());
        }
        let known = |code: &String| {
            let known =
                departments::find(code).ok_or_else(|| format!("{code} is no department of the ministry's list"))?;
            let (label_vi, label_en) = (known.name.to_owned(), known.name_en.to_owned());
            Ok::<_, String>(Choice { value: code.clone(), label_vi, label_en })
        };
        self.choice = self.offer.iter().map(known).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Puts the departments of the hospital's system in the place of those that are offered.
    pub(super) fn replace_departments(&mut self, departments: &[(String, String)]) {
        if self.departments && !departments.is_empty() {
            let choice = |(value, name): &(String, String)| Choice {
                value: value.clone(),
                label_vi: name.clone(),
                label_en: name.clone(),
            };
            self.choice = departments.iter().map(choice).collect();
        }
    }

    /// Takes what somebody answered; an empty text where it may be left empty.
    ///
    /// # Errors
    /// Why this is no answer.
    pub fn take(&self, answer: &str) -> Result<Text, Unfit> {
        let text = Text::typed(answer)?;
        let said = text.as_str();
        if said.is_empty() {
            return if self.optional { Ok(text) } else { Err(Unfit::Missing) };
        }
        if said.chars().count() > LONGEST_ANSWER {
            return Err(TextError::Long(LONGEST_ANSWER).into());
        }
        let is_said = |choice: &Choice| Text::cleaned(&choice.value) == text;
        let known = self.choice.is_empty() || self.choice.iter().any(is_said);
        if known && self.keyboard.accepts(said) { Ok(text) } else { Err(Unfit::Form) }
    }
}

/// Why something is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// There is none.
    Missing,
    /// It is none of those to choose from, no day, or whatever else it must be.
    Form,
    /// It holds what no text may hold.
    Text(TextError),
}

impl From<TextError> for Unfit {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

/// Characters that an answer may have.
pub const LONGEST_ANSWER: usize = 500;

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is passed on.
    pub value: String,
    /// What is shown.
    pub label_vi: String,
    /// The same in English.
    pub label_en: String,
}

/// What is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyboard {
    /// Words.
    #[default]
    Text,
    /// Digits.
    Digits,
    /// A day, `dd/MM/yyyy`.
    Date,
    /// A file, of which only the SHA-256 is taken.
    Digest,
}

impl Keyboard {
    /// Whether a text, which may be empty, is one of this kind.
    #[must_use]
    pub fn accepts(self, text: &str) -> bool {
        let text = text.trim();
        match self {
            _ if text.is_empty() => true,
            Self::Text | Self::Digits => true,
            Self::Date => text.len() == 10 && cccd::date::parse_day_first(text).is_some(),
            Self::Digest => text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        }
    }
}
