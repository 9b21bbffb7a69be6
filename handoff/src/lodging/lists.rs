//! The portal's closed lists, as one file of data with its source, its date and its own hash: `handoff/data/lodging-lists.tsv`.
//!
//! The portal answers "success" to a value that it does not know, and drops whom it stands for. So every value is compared here, before a
//! file is made, and none is guessed.

use cccd::name::{Likeness, compare};
use std::sync::LazyLock;

const DATA: &str = include_str!("../../data/lodging-lists.tsv");

/// One line of a list: the list, the code, the portal's own string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) list: &'static str,
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
}

static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let lines = DATA.lines().filter(|line| !line.starts_with('#'));
    let line = |line: &'static str| {
        let mut cells = line.split('\t');
        Some(Line { list: cells.next()?, code: cells.next()?, text: cells.next()? })
    };
    lines.filter_map(line).collect()
});

fn of(list: &str) -> impl Iterator<Item = &'static Line> {
    LINES.iter().filter(move |line| line.list == list)
}

/// Whether a string is, sign by sign, one of a list.
#[must_use]
pub fn has(list: &str, text: &str) -> bool {
    of(list).any(|line| line.text == text)
}

/// The strings of a list, in the portal's order.
pub fn texts(list: &str) -> impl Iterator<Item = &'static str> {
    of(list).map(|line| line.text)
}

/// The portal's code of a nationality: as an MRZ has it, or as the portal's own list writes it. Nothing for what it does not have.
#[must_use]
pub fn nationality(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let name = |line: &Line| line.text.split_once(" - ").map_or("", |(_, name)| name);
    let exact = of("nationality").find(|line| line.code == text || line.text == text);
    exact.or_else(|| of("nationality").find(|line| is_same(name(line), text))).map(|line| line.code)
}

/// The provinces to which an address as people write it may belong today, for somebody who knows: the last part that names one, by its
/// name of before or since 2025-07-01. A name that belonged to more than one is all of them.
#[must_use]
pub fn provinces(address: &str) -> Vec<&'static str> {
    let found = |part: &str| -> Vec<&'static str> {
        let mut texts: Vec<&str> =
            of("was").filter(|line| is_same(line.code, bare(part))).map(|line| line.text).collect();
        texts.dedup();
        texts
    };
    address.rsplit([',', ';']).map(|part| found(part.trim())).find(|texts| !texts.is_empty()).unwrap_or_default()
}

/// Whether two spellings are one name, marks aside.
fn is_same(ours: &str, theirs: &str) -> bool {
    !theirs.is_empty() && matches!(compare(ours, theirs), Likeness::Same | Likeness::SameWithoutMarks)
}

/// A province's name without what it is.
fn bare(name: &str) -> &str {
    let kinds = ["Tỉnh ", "tỉnh ", "Thành phố ", "thành phố ", "TP. ", "TP.", "Tp. ", "T. "];
    kinds.into_iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name).trim()
}

/// The hash that the file says of itself, and the part that it is of.
#[must_use]
pub fn own_hash() -> (&'static str, &'static str) {
    let said = DATA.lines().find_map(|line| line.strip_prefix("# sha256: ")).unwrap_or_default();
    let body = DATA.find("\nsex\t").map_or("", |at| &DATA[at + 1..]);
    (said, body)
}
