//! Tables that an operator hands in: CSV with a header. Lines are named, people are not.

use program::Failure;
use std::fmt::Display;
use std::fs::File;
use std::path::Path;

/// A table is not as it must be.
pub(crate) fn malformed(message: impl Into<String>) -> Failure {
    Failure::usage("table_malformed", message, "mend the table, and call this again: nothing was written")
}

/// What the reader of tables says; never a cell's content.
pub(crate) fn unreadable(error: &csv::Error) -> Failure {
    let line = error.position().map_or(0, csv::Position::line);
    malformed(match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("line {line} is not in UTF-8"),
        csv::ErrorKind::UnequalLengths { .. } => format!("line {line} has another number of fields than the header"),
        _ => format!("line {line} cannot be read"),
    })
}

/// Opens a table; its rows and its header.
pub(crate) fn open(path: &Path) -> Result<(csv::Reader<File>, csv::StringRecord), Failure> {
    let file = File::open(path).map_err(|error| program::files::unreadable(path, &error))?;
    let mut reader = csv::Reader::from_reader(file);
    let headers = reader.headers().map_err(|error| unreadable(&error))?.clone();
    Ok((reader, headers))
}

/// What is wrong with a row, counted from 0 below the header.
pub(crate) fn wrong(row: usize, what: impl Display) -> Failure {
    malformed(format!("line {}: {what}", row + 2))
}

/// Something that must hold of a row.
pub(crate) fn check(holds: bool, row: usize, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(wrong(row, what)) }
}
