//! Tables for spreadsheet programs: CSV (RFC 4180), UTF-8 with its mark, every cell in quotes.
//!
//! Which sign parts cells is a setting of the machine that opens the file. Under another one a quoted cell is no whole, so a cell is
//! guarded wherever one could begin: no sign with which a formula begins stands at its start or behind a separator of any
//! locale without an apostrophe before it.

use program::{Failure, Text};

/// Signs with which spreadsheet programs begin a formula, the wide ones of East Asian keyboards among them.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}'];
/// Signs that part cells in some locale or program.
const SEPARATORS: [char; 8] = [',', ';', '\t', '|', ':', '^', '\u{FF0C}', '\u{FF1B}'];

/// A cell that is none but text.
fn guarded(cell: &str) -> String {
    let mut guarded = String::with_capacity(cell.len() + 2);
    let mut begins = true;
    for c in cell.chars() {
        if begins && FORMULA.contains(&c) {
            guarded.push('\'');
        }
        begins = SEPARATORS.contains(&c) || begins && (c.is_whitespace() || c == '"');
        guarded.push(c);
    }
    guarded
}

/// A table, read again before it is given out.
///
/// # Errors
/// `csv` when it does not come back as it was written, or the rows are not of one length.
pub fn csv(rows: &[Vec<String>]) -> Result<Vec<u8>, Failure> {
    let broken = |why: String| Failure::device("csv", why, "report this as a bug");
    let rows = rows.iter().map(|row| row.iter().map(|cell| guarded(Text::cleaned(cell).as_str())).collect());
    let rows: Vec<Vec<String>> = rows.collect();
    // The mark tells spreadsheet programs that this is UTF-8.
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(&mut bytes);
    for row in &rows {
        writer.write_record(row).map_err(|e| broken(e.to_string()))?;
    }
    writer.flush().map_err(|e| broken(e.to_string()))?;
    drop(writer);
    let own = bytes.get('\u{feff}'.len_utf8()..).unwrap_or_default();
    let read = csv::ReaderBuilder::new().has_headers(false).from_reader(own).into_deserialize();
    let read: Result<Vec<Vec<String>>, _> = read.collect();
    if read.is_ok_and(|read| read == rows) {
        Ok(bytes)
    } else {
        Err(broken("a table does not come back as it was written".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cells: &[&str]) -> String {
        let row = cells.iter().map(|cell| (*cell).to_owned()).collect();
        String::from_utf8(csv(&[row]).expect("table")).expect("UTF-8")
    }

    #[test]
    fn every_cell_is_quoted_and_none_is_a_formula() {
        assert_eq!(table(&["=1+1", "a,b"]), "\u{feff}\"'=1+1\",\"a,b\"\n");
        assert_eq!(table(&["Nguyen;=1+1", "", "x\"; \"=2"]), "\u{feff}\"Nguyen;'=1+1\",\"\",\"x\"\"; \"\"'=2\"\n");
        assert_eq!(table(&["Nguyễn Văn An", "15/01/1999"]), "\u{feff}\"Nguyễn Văn An\",\"15/01/1999\"\n");
        assert_eq!(table(&["a\r\n=1"]), "\u{feff}\"a =1\"\n", "a cell is one line");
    }
}
