//! The words over a card as paper has them: short, both languages, one set for all surfaces (`kiosk_ui::words`).

use kiosk_ui::words;
use serde_json::{Map, Value, json};

/// Everything that the desk's page says of a card, by code: `word`, `because` and `rung`.
#[must_use]
pub fn for_a_page() -> Value {
    let table = words::table();
    let by_code = |rows: Vec<(&'static str, Value)>| {
        Value::Object(rows.into_iter().map(|(code, value)| (code.to_owned(), value)).collect::<Map<_, _>>())
    };
    let word = |row: words::WordRow| {
        let value = json!({
            "title": row.title, "chip": row.chip, "staff": row.staff.says, "next": row.staff.next,
            "tone": row.tone, "icon": kebab(&row.icon), "path": row.path, "edge": row.edge,
        });
        (row.word.code(), value)
    };
    json!({
        "word": by_code(table.words.into_iter().map(word).collect()),
        "because": by_code(table.reasons.into_iter().map(|row| (row.because.code(), json!(row.text))).collect()),
        "rung": by_code(table.rungs.into_iter().map(|row| (row.rung.code(), json!(row.name))).collect()),
    })
}

/// `ShieldTick` as `shield-tick`.
fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("page/icons.js");
    const STYLE: &str = include_str!("page/desk.css");

    #[test]
    fn the_page_has_a_shape_and_a_colour_for_every_word() {
        let words = for_a_page();
        for word in verdict::Word::ALL {
            let said = &words["word"][word.code()];
            let (icon, tone) = (said["icon"].as_str().expect("icon"), said["tone"].as_str().expect("tone"));
            assert!(PAGE.contains(&format!("\"{icon}\": [")) || PAGE.contains(&format!("  {icon}: [")), "{icon}");
            assert!(STYLE.contains(&format!(".tone-{tone} {{")), "{tone}");
            assert!(["title", "chip", "staff", "next"].iter().all(|part| said[part]["vi"].is_string()), "{said}");
        }
        for because in verdict::Because::ALL {
            assert!(words["because"][because.code()]["vi"].is_string());
        }
    }

    #[test]
    fn names_of_shapes() {
        assert_eq!(kebab("CalendarCross"), "calendar-cross");
    }
}
