use super::*;
use crate::canvas::Color;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization as _;
use verdict::{Because, Rung};

/// Every admission there is.
fn admissions() -> Vec<Admission> {
    let with = |of: fn(Because) -> Admission| Because::ALL.into_iter().map(of);
    std::iter::once(Admission::GoesOn)
        .chain(with(Admission::Marked))
        .chain(with(Admission::AskStaff))
        .chain(with(Admission::Refused))
        .collect()
}

/// Every text of the table.
fn texts() -> Vec<Pair> {
    let said = |word| {
        let said = of(word);
        let (staff, citizen) = (said.staff, said.citizen);
        vec![said.title, said.chip, staff.says, staff.next, said.act.0, citizen.says, citizen.next]
    };
    let words = Word::ALL.into_iter().flat_map(said);
    let courses = Word::ALL.into_iter().flat_map(|word| admissions().into_iter().map(move |one| course(word, one)));
    let reasons = Because::ALL.into_iter().map(of_reason);
    words.chain(courses).chain(reasons).chain(Rung::ALL.into_iter().map(of_rung)).chain([DESK]).collect()
}

/// Whether a word is built like a Vietnamese syllable: an initial, vowels, a final.
fn is_syllable(word: &str) -> bool {
    let plain: String = word.to_lowercase().nfd().filter(char::is_ascii).collect();
    let plain = if word.to_lowercase().starts_with('đ') { format!("d{plain}") } else { plain };
    let initials = [
        "ngh", "ng", "nh", "th", "tr", "ch", "gh", "gi", "kh", "ph", "qu", "b", "c", "d", "g", "h", "k", "l", "m", "n",
        "r", "s", "t", "v", "x", "",
    ];
    let finals = ["", "c", "ch", "m", "n", "ng", "nh", "p", "t"];
    initials.into_iter().filter_map(|initial| plain.strip_prefix(initial)).any(|rest| {
        let end = rest.find(|c: char| !"aeiouy".contains(c)).unwrap_or(rest.len());
        (1..=3).contains(&end) && finals.contains(&&rest[end..])
    })
}

#[test]
fn whatever_is_said_is_said_in_both_languages() {
    for text in texts() {
        assert!(!text.vi.trim().is_empty() && !text.en.trim().is_empty() && text.vi != text.en, "{text:?}");
        assert_eq!(text.vi.contains("{desk}"), text.en.contains("{desk}"), "{text:?}");
    }
}

#[test]
fn vietnamese_texts_hold_no_english_and_are_spelled_as_state_documents_are() {
    let kept = ["chip", "QR", "VNeID", "desk"];
    assert!(!is_syllable("card") && !is_syllable("issuer") && is_syllable("được") && is_syllable("giấy"));
    for text in texts() {
        let words = text.vi.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        for word in words.filter(|word| !kept.iter().any(|kept| kept.eq_ignore_ascii_case(word))) {
            assert!(is_syllable(word), "{word} in {text:?}");
        }
        assert!(text.en.is_ascii(), "{text:?}");
        for old in ["huỷ", "xoá", "khoá", "hoá"] {
            assert!(!text.vi.to_lowercase().contains(old), "{text:?}");
        }
    }
}

#[test]
fn every_word_has_a_name_of_its_own_and_nobody_is_accused() {
    let titles: BTreeSet<&str> = Word::ALL.map(|word| of(word).title.vi).into_iter().collect();
    let chips: BTreeSet<&str> = Word::ALL.map(|word| of(word).chip.vi).into_iter().collect();
    assert_eq!((titles.len(), chips.len()), (Word::ALL.len(), Word::ALL.len()));
    for text in texts() {
        let both = text.both().to_lowercase();
        for harsh in ["giả", "forge", "fake", "fraud", "lừa"] {
            assert!(!both.split(|c: char| !c.is_alphabetic()).any(|word| word == harsh), "{text:?}");
        }
    }
}

#[test]
fn green_and_teal_are_for_the_two_upper_words_only() {
    for word in Word::ALL {
        let said = of(word);
        assert_eq!(matches!(said.tone, Tone::Green | Tone::Teal), word.is_green(), "{word:?}");
        // A colour never stands alone: no two words share both shape and title.
        let alike = Word::ALL.into_iter().filter(|other| of(*other).tone == said.tone);
        assert!(alike.filter(|other| of(*other).chip == said.chip).count() == 1, "{word:?}");
    }
    assert_eq!((of(Word::Proved).tone, of(Word::Pinned).tone), (Tone::Green, Tone::Teal));
}

#[test]
fn every_tone_is_read_on_its_ground_and_on_that_of_the_page() {
    let (white, black) = (Color(0x00FF_FFFF), Color(0));
    for tone in Tone::ALL {
        for (shades, page) in [(tone.light(), white), (tone.dark(), Color(0x0011_1D30))] {
            assert!(shades.ink.contrast(shades.ground) >= 4.5, "{tone:?}");
            assert!(shades.ink.contrast(page) >= 4.5, "{tone:?}");
        }
        // The disc's sign, and what high contrast makes of both.
        assert!(tone.light().ink.contrast(white) >= 4.5 && tone.dark().ink.contrast(black) >= 4.5, "{tone:?}");
    }
}

#[test]
fn the_table_can_be_handed_on() {
    let table = table();
    assert_eq!((table.words.len(), table.reasons.len()), (Word::ALL.len(), Because::ALL.len()));
    assert_eq!((table.rungs.len(), table.tones.len()), (Rung::ALL.len(), Tone::ALL.len()));
    let text = toml::to_string(&table).expect("plain lists");
    for part in
        ["word = \"not_genuine\"", "title = { vi", "#0a6e3d", "level = 5", "Đã xác thực thẻ", "edge = \"dashed\""]
    {
        assert!(text.contains(part) || text.contains(&part.replace("title = { vi", "[words.title]")), "{part}");
    }
}

#[test]
fn the_place_of_staff_has_the_name_that_the_site_gives_it() {
    let refused = course(Word::NotGenuine, Admission::Refused(Because::NotGenuine));
    assert!(with_desk(refused, Language::Vietnamese, Some("Quầy 1")).ends_with("đến Quầy 1."));
    assert!(with_desk(refused, Language::English, None).ends_with("the help desk."));
}

#[test]
fn phrases_outside_the_table_say_the_same() {
    let title = of(Word::OtherHolder).title;
    assert_eq!(
        (crate::Phrase::FaceDiffers.text(Language::Vietnamese), crate::Phrase::FaceDiffers.text(Language::English)),
        (title.vi, title.en)
    );
    let names: BTreeSet<String> = spoken().map(|(name, _)| name).collect();
    assert!(names.len() == spoken().count() && spoken().all(|(_, text)| !text.vi.contains('{')));
}
