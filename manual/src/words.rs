//! Spelling and names: one way to write a thing, codes and buttons as they are.

use crate::Page;
use pulldown_cmark::{Event, Tag, TagEnd};

/// One word a thing: what is not written, and what is instead.
const INSTEAD: [(&str, &str); 9] = [
    ("passphrase", "pass phrase"),
    ("whitelist", "list"),
    ("blacklist", "list"),
    ("behavior", "behaviour"),
    ("ki ốt", "ki-ốt"),
    ("kiốt", "ki-ốt"),
    ("máy scan", "máy quét"),
    ("scan mã", "quét mã"),
    ("file cấu hình", "tệp cấu hình"),
];

/// Findings about spelling and words of a text; `place` begins each.
#[must_use]
pub fn findings(page: &Page) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in page.text.lines().enumerate() {
        let place = format!("{}:{}", page.path, number + 1);
        for word in line.split(|c: char| !c.is_alphabetic()).filter(|word| has_old_tone(word)) {
            findings.push(format!("{place}: {word}: the tone stands on the first vowel here (hủy, xóa, khóa)"));
        }
        let lower = line.to_lowercase();
        for (not, but) in INSTEAD.iter().filter(|(not, _)| has_word(&lower, not)) {
            findings.push(format!("{place}: {not}: write {but}"));
        }
    }
    findings
}

/// Whether words stand in a text, and not only as a piece of longer ones.
fn has_word(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + words.len()..]);
        !before.ends_with(char::is_alphabetic) && !after.starts_with(char::is_alphabetic)
    })
}

/// Whether a syllable ends in oa, oe or uy with the tone on its last letter: xoá, khoẻ, huỷ. In quý and the like the u belongs to
/// the consonant.
fn has_old_tone(syllable: &str) -> bool {
    let lower = syllable.to_lowercase();
    let mut letters = lower.chars().rev();
    match (letters.next(), letters.next(), letters.next()) {
        (Some('à' | 'á' | 'ả' | 'ã' | 'ạ' | 'è' | 'é' | 'ẻ' | 'ẽ' | 'ẹ'), Some('o'), _) => true,
        (Some('ỳ' | 'ý' | 'ỷ' | 'ỹ' | 'ỵ'), Some('u'), before) => before != Some('q'),
        _ => false,
    }
}

/// Codes that a page quotes and the reference does not list: words of small letters with `_`. A number at the end may stand there
/// as `N`.
#[must_use]
pub fn unknown_codes(page: &Page, reference: &str) -> Vec<String> {
    let is_code = |word: &str| {
        word.contains('_') && word.bytes().all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let is_known = |word: &str| {
        let general = format!("`{}N`", word.trim_end_matches(|c: char| c.is_ascii_digit()));
        reference.contains(&format!("`{word}`")) || reference.contains(&general)
    };
    let quoted = page.quoted().into_iter().filter(|(_, word)| is_code(word) && !is_known(word));
    quoted.map(|(at, word)| format!("{}: {word}: no page lists this code", page.place(at))).collect()
}

/// Names of what can be pressed or read on a screen, which a guide writes *so* or «so», and which the sources of the screens do not
/// have. `…` at the end may stand for the rest.
#[must_use]
pub fn unknown_names(page: &Page, sources: &str) -> Vec<String> {
    let (mut findings, mut open) = (Vec::new(), None::<(usize, String)>);
    let mut look = |at: usize, name: &str| {
        if !sources.contains(name.trim_end_matches('…')) {
            findings.push(format!("{}: {name}: no screen has these words", page.place(at)));
        }
    };
    for (event, range) in page.events() {
        match event {
            Event::Start(Tag::Emphasis) => open = Some((range.start, String::new())),
            Event::End(TagEnd::Emphasis) => {
                if let Some((at, name)) = open.take() {
                    look(at, &name);
                }
            }
            Event::Text(text) => {
                if let Some((_, name)) = &mut open {
                    *name += &text;
                }
                for name in text.split('«').skip(1).filter_map(|rest| rest.split('»').next()) {
                    look(range.start, name);
                }
            }
            _ => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_tones_and_other_words_are_found() {
        let page =
            Page::new("p.md", "hủy, xóa, khóa, quý, hoàn, toàn, thuý\nXOÁ huỷ\nA passphrase; passphrases, ki ốt\n");
        let found: Vec<String> =
            findings(&page).into_iter().map(|f| f.split(": ").nth(1).unwrap_or_default().to_owned()).collect();
        assert_eq!(found, ["thuý", "XOÁ", "huỷ", "passphrase", "ki ốt"]);
    }

    #[test]
    fn codes_that_no_page_lists_are_found() {
        let page = Page::new("p.md", "`no_reader` `made_up` `http_401` `agent.toml` `--serial`");
        assert_eq!(unknown_codes(&page, "| `no_reader`, `http_N` |"), ["p.md:1: made_up: no page lists this code"]);
    }

    #[test]
    fn names_that_no_screen_has_are_found() {
        let page = Page::new("p.md", "*Nạp* *Nạp…*, «Đúng»\n**F2** *Nap*, «Dung»");
        let expected = ["p.md:2: Nap: no screen has these words", "p.md:2: Dung: no screen has these words"];
        assert_eq!(unknown_names(&page, "Nạp danh sách, Đúng người"), expected);
    }
}
