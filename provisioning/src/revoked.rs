//! The operator's side of cards that were lost or withdrawn: from a table to the part `revoked/cards` of a site's bundle.

use crate::table;
use cccd::Number;
use fleet::revoked::RevokedCards;
use program::{Failure, files};
use std::path::Path;
use time::macros::format_description;
use zeroize::Zeroizing;

/// Turns a table (CSV with the columns `number` and `issued`, `YYYY-MM-DD` or empty for every card of that number) into the
/// site's list; how many cards it has.
///
/// # Errors
/// When the table is not as it must be. Lines are named, people are not.
pub fn build(table: &Path, lists: &[u8], out: &Path) -> Result<usize, Failure> {
    let (mut reader, headers) = table::open(table)?;
    let column = |name: &str| headers.iter().position(|header| header.trim() == name);
    let number = column("number").ok_or_else(|| table::malformed("the table has no column number"))?;
    let issued = column("issued");
    let mut cards: Vec<(Zeroizing<String>, Option<String>)> = Vec::new();
    for (at, row) in reader.records().enumerate() {
        let row = row.map_err(|error| table::unreadable(&error))?;
        let cell = |column: usize| row.get(column).unwrap_or_default().trim();
        let text = cell(number).trim_start_matches('\'');
        table::check(Number::parse(text).is_ok(), at, "no number of a citizen")?;
        let day = issued.map(cell).filter(|day| !day.is_empty());
        let is_day = |day: &str| time::Date::parse(day, format_description!("[year]-[month]-[day]")).is_ok();
        table::check(day.is_none_or(is_day), at, "the date of issue is written YYYY-MM-DD")?;
        cards.push((Zeroizing::new(text.to_owned()), day.map(str::to_owned)));
    }
    let list = RevokedCards::new(lists, cards.iter().map(|(number, issued)| (number.as_str(), issued.as_deref())));
    if let Some(directory) = out.parent() {
        std::fs::create_dir_all(directory).map_err(|error| files::unwritable(directory, &error))?;
    }
    files::write(out, list.to_bytes())?;
    Ok(list.len())
}
