//! The file for citizens, as a workbook.

use super::{Guest, Layout, NotMade, cell, comes_back_otherwise};
use program::Failure;
use std::io::Cursor;
use umya_spreadsheet::{NumberingFormat, Workbook};
use zeroize::Zeroizing;

/// The file for citizens.
///
/// # Errors
/// `lodging_incomplete` names guest and column; `lodging_template` when the template cannot be used.
pub fn xlsx(layout: &Layout, template: Option<&[u8]>, guests: &[&Guest]) -> Result<Vec<u8>, NotMade> {
    let unusable = |why: String| {
        let message = format!("the template cannot be used: {why}");
        Failure::usage("lodging_template", message, "download the template from the portal again")
    };
    let mut book = match template {
        Some(bytes) => umya_spreadsheet::reader::xlsx::read_reader(Cursor::new(bytes), true)
            .map_err(|e| unusable(format!("{e:?}").chars().take(80).collect()))?,
        None => blank(layout),
    };
    let sheet =
        book.sheet_by_name_mut(&layout.sheet).map_err(|_| unusable(format!("it has no sheet {}", layout.sheet)))?;
    let mut written = Vec::new();
    for (at, guest) in guests.iter().enumerate() {
        let row = layout.first_row.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        for (column, index) in layout.column.iter().zip(1_u32..) {
            let text = cell(layout, column, guest, at + 1).map_err(|failure| NotMade::Guest(at, failure))?;
            if text.is_empty() {
                continue;
            }
            let cell = sheet.cell_mut((index, row));
            if column.value.as_deref() == Some("index") {
                cell.set_value_number(at as f64 + 1.0);
            } else {
                cell.set_value_string(text.clone());
                cell.style_mut().number_format_mut().set_format_code(NumberingFormat::FORMAT_TEXT);
            }
            written.push((at, (index, row), Zeroizing::new(text)));
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    umya_spreadsheet::writer::xlsx::write_writer(&book, &mut bytes)
        .map_err(|e| unusable(format!("{e:?}").chars().take(80).collect()))?;
    let bytes = bytes.into_inner();
    let book = umya_spreadsheet::reader::xlsx::read_reader(Cursor::new(&bytes), true).map_err(|e| {
        let message = format!("the workbook does not open again: {e:?}").chars().take(120).collect::<String>();
        Failure::device("lodging_workbook", message, "download the template from the portal again")
    })?;
    let sheet = book.sheet_by_name(&layout.sheet).map_err(|_| unusable("the sheet went away".to_owned()))?;
    for (at, place, text) in &written {
        let same = sheet.cell(*place).is_some_and(|cell| *cell.value() == ***text && !cell.is_formula());
        if !same {
            return Err(NotMade::Guest(*at, comes_back_otherwise(at + 1)));
        }
    }
    Ok(bytes)
}

/// A file of the template's layout: title, notes, headers, example, and the verbatim values on a second sheet.
pub(super) fn blank(layout: &Layout) -> Workbook {
    let mut book = umya_spreadsheet::new_file();
    if let Ok(sheet) = book.sheet_mut(0) {
        sheet.set_name(&layout.sheet);
        sheet.cell_mut((1, 1)).set_value_string("DANH SÁCH KHÁCH VIỆT NAM LƯU TRÚ");
        sheet.cell_mut((1, 2)).set_value_string("Dữ liệu từ dòng 5; không sửa các dòng 1 đến 4.");
        for (column, index) in layout.column.iter().zip(1_u32..) {
            let star = if column.required { " *" } else { "" };
            sheet.cell_mut((index, 3)).set_value_string(format!("{}{star}", column.header));
            sheet.cell_mut((index, 4)).set_value_string("[EXAMPLE]");
        }
    }
    if let Ok(sheet) = book.new_sheet("DANH_MUC") {
        for (list, column) in layout.code.values().zip(1_u32..) {
            let mut values: Vec<&String> = list.values().collect();
            values.sort();
            values.dedup();
            for (value, row) in values.into_iter().zip(1_u32..) {
                sheet.cell_mut((column, row)).set_value_string(value);
            }
        }
    }
    book
}
