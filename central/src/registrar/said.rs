//! What a device says of itself, and what of it is proved.

use fleet::residence::Proof;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Serialize, Serializer};
use std::fmt;

/// Where a device says that its keys are. A program that keeps them in files can say `tpm` as well, and nothing of a request tells:
/// a word that would be believed is shown with what it is worth. `file` needs no proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    word: String,
    /// What its TPM proved of the keys that it has. Only the registry says so.
    proof: Option<Proof>,
}

impl Protection {
    /// As the device says it.
    #[must_use]
    pub fn said(word: &str) -> Self {
        Self { word: word.to_owned(), proof: None }
    }

    /// The same, with what is proved of it.
    #[must_use]
    pub(super) fn proved(self, proof: Option<Proof>) -> Self {
        Self { proof, ..self }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worth = match (self.word.as_str(), self.proof) {
            ("file", _) | ("tpm", Some(Proof::Vouched)) => "",
            ("tpm", Some(Proof::FirstSight)) => " (known by first sight)",
            _ => " (unproved)",
        };
        f.pad(&format!("{}{worth}", self.word))
    }
}

impl Serialize for Protection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ToSql for Protection {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.word.to_sql()
    }
}

impl FromSql for Protection {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        String::column_result(value).map(|word| Self::said(&word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_a_device_stands_there_as_if_it_were_proved() {
        for (word, shown) in
            [("tpm", "tpm (unproved)"), ("token", "token (unproved)"), ("file", "file"), ("x", "x (unproved)")]
        {
            assert_eq!(Protection::said(word).to_string(), shown);
            assert_eq!(serde_json::json!(Protection::said(word)), serde_json::json!(shown));
        }
        let proved = |word, proof| Protection::said(word).proved(Some(proof)).to_string();
        assert_eq!(proved("tpm", Proof::Vouched), "tpm");
        assert_eq!(proved("tpm", Proof::FirstSight), "tpm (known by first sight)");
        // A TPM proves nothing of a device that keeps its keys elsewhere.
        assert_eq!(proved("token", Proof::Vouched), "token (unproved)");
        assert_eq!(Protection::said("tpm (known by first sight)").to_string(), "tpm (known by first sight) (unproved)");
        assert_eq!(format!("{:<16}|", Protection::said("tpm")), "tpm (unproved)  |");
    }
}
