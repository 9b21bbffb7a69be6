//! Open data: what is published, as CSV and JSON, with a data dictionary (DCAT-AP, JSON-LD).

use super::{Cell, OUTSIDE, Publication};
use serde_json::{Value, json};

/// What the JSON is; a change of meaning changes the number.
pub const SCHEMA: &str = "cccd-central/figures/1";

/// Every published cell as a line.
#[must_use]
pub fn csv(all: &[Publication]) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(vec![0xEF, 0xBB, 0xBF]);
    let mut write = |row: [&str; 7]| program::ignore(out.write_record(row), "writing to memory does not fail");
    write(["month", "profile", "rows_by", "row", "columns_by", "column", "count"]);
    for made in all {
        for table in &made.tables {
            for (row, cells) in table.rows.iter().zip(&table.cells) {
                for (column, cell) in table.columns.iter().zip(cells) {
                    let count = match cell {
                        Cell::Count(n) => n.to_string(),
                        Cell::Hidden => String::new(),
                    };
                    write([&made.month, &made.profile, &table.rows_by, row, &table.columns_by, column, &count]);
                }
            }
        }
    }
    out.into_inner().unwrap_or_default()
}

/// The same in JSON.
#[must_use]
pub fn document(all: &[Publication]) -> Value {
    json!({ "schema": SCHEMA, "least": OUTSIDE, "publications": all })
}

/// What the columns and words mean, and where the data are.
#[must_use]
pub fn dictionary() -> Value {
    let words = |list: &[(&str, &str)]| {
        list.iter().map(|(word, means)| json!({ "word": word, "means": means })).collect::<Vec<_>>()
    };
    json!({
        "@context": { "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/" },
        "@type": "dcat:Dataset",
        "dct:title": { "vi": "Số lượt phục vụ bằng thẻ căn cước, theo tháng", "en": "Visits served with the identity card, by month" },
        "dct:description": {
            "vi": "Thiết bị tự đếm trong ngày rồi ký; trung tâm chỉ cộng. Ô dưới 10 người, và ô có thể làm lộ ô đó, để trống. Số liệu một tháng công bố một lần, không sửa.",
            "en": "Devices count by day and sign; the centre only adds up. Cells under 10 people, and those that could give one away, are empty. A month is published once and is not revised.",
        },
        "dct:accrualPeriodicity": "http://publications.europa.eu/resource/authority/frequency/MONTHLY",
        "dcat:distribution": [
            { "@type": "dcat:Distribution", "dcat:accessURL": "/open/figures.csv", "dcat:mediaType": "text/csv" },
            { "@type": "dcat:Distribution", "dcat:accessURL": "/open/figures.json", "dcat:mediaType": "application/json" },
        ],
        "columns": words(&[
            ("month", "YYYY-MM, in Vietnam's time"),
            ("profile", "what the card was used for"),
            ("rows_by", "day, unit, all, or a class"),
            ("row", "the class; total is the sum of all rows; others are units with a single site"),
            ("columns_by", "a class"),
            ("column", "the class; total is the sum of all columns"),
            ("count", "visits; empty where it is hidden"),
        ]),
        "classes": words(&[
            ("outcome", "done, refused, cancelled"),
            ("origin", "domestic, foreign"),
            ("age", "0-13, 14-17, 18-29, 30-44, 45-59, 60+: years on the day of the visit"),
            ("sex", "f, m"),
            ("province", "code of the province of residence since 2025-07-01; abroad"),
            ("rung", "claimed, shown, signed, pinned, proved: how much was assured"),
            ("refusal", "why somebody was turned away"),
            ("unknown", "of any class: it is not known"),
        ]),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Line, publish};
    use super::*;

    #[test]
    fn what_is_hidden_is_in_no_form_of_the_open_data() {
        let line = |of: &str, n| Line {
            site: "A".to_owned(),
            day: "2026-10-01".to_owned(),
            by: "origin".to_owned(),
            of: of.to_owned(),
            n,
        };
        let made = publish(
            ("2026-10", "lodging"),
            &[line("domestic", 731), line("foreign", 7)],
            &super::super::units::Units::default(),
            OUTSIDE,
        );
        let (table, document) =
            (String::from_utf8(csv(std::slice::from_ref(&made))).expect("text"), document(&[made]).to_string());
        for text in [&table, &document] {
            assert!(
                !text.contains("731") && !text.contains(",7\n") && !text.contains("[7") && text.contains("738"),
                "{text}"
            );
        }
        let own = dictionary().to_string();
        for head in table.trim_start_matches('\u{feff}').lines().next().expect("a head").split(',') {
            assert!(own.contains(&format!("\"word\":\"{head}\"")), "{head} is explained");
        }
    }
}
