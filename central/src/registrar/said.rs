//! What a device says of itself and nobody has proved.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Serialize, Serializer};
use std::fmt;

/// Where a device says that its keys are. A program that keeps them in files can say `tpm` as well, and nothing of a request tells:
/// a word that would be believed is shown with what it is worth. `file` needs no proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection(String);

impl Protection {
    /// As the device says it.
    #[must_use]
    pub fn said(word: &str) -> Self {
        Self(word.to_owned())
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worth = if self.0 == "file" { "" } else { " (unproved)" };
        f.pad(&format!("{}{worth}", self.0))
    }
}

impl Serialize for Protection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ToSql for Protection {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for Protection {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        String::column_result(value).map(Self)
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
        assert_eq!(format!("{:<16}|", Protection::said("tpm")), "tpm (unproved)  |");
    }
}
