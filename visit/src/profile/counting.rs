//! What a profile counts of its visits ([`crate::tally`] counts).

use super::Item;
use events::tally::Counted;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a profile counts: tables, each by one class or two. The one by outcome is always there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counting {
    /// By what, table by table.
    pub by: Vec<Vec<Counted>>,
}

impl Counting {
    /// What does not fit together, and what to do about it: `takes` says what the profile takes of a holder.
    pub(crate) fn fault(&self, takes: impl Fn(Item) -> bool) -> Option<(String, &'static str)> {
        let mut seen = BTreeSet::new();
        for table in &self.by {
            if table.is_empty() || table.len() > 2 {
                let why = "a table is by one class or by two".to_owned();
                return Some((why, "count by less at once: what is told must not be about a few"));
            }
            if table == &[Counted::Outcome] || !seen.insert(table) || table.windows(2).any(|pair| pair[0] == pair[1]) {
                return Some(("a table stands twice".to_owned(), "name each once; the one by outcome is always there"));
            }
            let needs = |by: &Counted| match by {
                Counted::Age => Some(Item::DateOfBirth),
                Counted::Sex => Some(Item::Sex),
                Counted::Origin => Some(Item::Nationality),
                Counted::Province => Some(Item::Residence),
                Counted::Rung | Counted::Outcome | Counted::Refusal => None,
            };
            if let Some(item) = table.iter().filter_map(needs).find(|item| !takes(*item)) {
                let why = format!("{} is counted and not taken", item.name());
                return Some((why, "name it under take, or leave the table out"));
            }
        }
        None
    }
}
