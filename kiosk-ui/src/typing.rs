//! Vietnamese from Latin keys: Telex.
//!
//! `ddaangs` becomes `đấng`: the word at hand is composed anew from its keys at every press, so that signs land where
//! they belong however late they are typed. What was composed is text; a press of backspace takes one letter of it.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Most letters of a field.
pub const MOST: usize = 120;

/// Text that is being typed. It may be personal: wiped when dropped, in no `Debug` output.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Typing {
    /// Words that are done.
    done: Zeroizing<String>,
    /// Keys of the word at hand.
    keys: Zeroizing<String>,
}

impl std::fmt::Debug for Typing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typing")
    }
}

impl Typing {
    /// Takes a key. Beyond [`MOST`] letters nothing more is taken.
    pub fn press(&mut self, key: char) {
        // A buffer that grows would leave copies behind.
        if self.done.capacity() < MOST * 4 {
            self.done.reserve_exact(MOST * 4);
            self.keys.reserve_exact(MOST * 4);
        }
        if self.text().chars().count() >= MOST {
            return;
        }
        if key.is_alphabetic() {
            self.keys.push(key);
        } else {
            self.end_word();
            // No blank at the beginning, and never two.
            if key != ' ' || !(self.done.is_empty() || self.done.ends_with(' ')) {
                self.done.push(key);
            }
        }
    }

    /// Takes the last letter away.
    pub fn backspace(&mut self) {
        self.end_word();
        self.done.pop();
        // What stands before it is the word at hand again: its signs can still be changed.
        let start = self.done.char_indices().rev().take_while(|(_, letter)| letter.is_alphabetic()).last();
        if let Some((start, _)) = start {
            let word = Zeroizing::new(self.done.split_off(start));
            let keys = keys_of(&word);
            if compose(&keys) == word {
                self.keys.push_str(&keys);
            } else {
                self.done.push_str(&word);
            }
        }
    }

    /// The text as it stands.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(MOST * 4));
        text.push_str(&self.done);
        text.push_str(&compose(&self.keys));
        text
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.done.is_empty() && self.keys.is_empty()
    }

    fn end_word(&mut self) {
        let word = compose(&self.keys);
        self.done.push_str(&word);
        self.keys = Zeroizing::default();
        self.keys.reserve_exact(MOST * 4);
    }
}

/// The word that these keys make.
fn compose(keys: &str) -> Zeroizing<String> {
    let mut word = Zeroizing::new(String::with_capacity(keys.len() * 4));
    vi::transform_buffer(&vi::TELEX, keys.chars(), &mut word);
    word
}

/// Keys that make a word: its letters and their marks, the tone last.
fn keys_of(word: &str) -> Zeroizing<String> {
    let mut keys = Zeroizing::new(String::with_capacity(word.len() * 2));
    let (mut base, mut tone) = (' ', None);
    for letter in word.nfd() {
        match letter {
            'đ' => keys.push_str("dd"),
            'Đ' => keys.push_str("DD"),
            '\u{302}' => keys.push(base),
            '\u{306}' | '\u{31B}' => keys.push('w'),
            '\u{300}' => tone = Some('f'),
            '\u{301}' => tone = Some('s'),
            '\u{309}' => tone = Some('r'),
            '\u{303}' => tone = Some('x'),
            '\u{323}' => tone = Some('j'),
            letter => {
                base = letter;
                keys.push(letter);
            }
        }
    }
    keys.extend(tone);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(keys: &str) -> Typing {
        let mut typing = Typing::default();
        keys.chars().for_each(|key| typing.press(key));
        typing
    }

    #[test]
    fn telex_makes_vietnamese() {
        for (keys, text) in [
            ("Nguyeexn Thij Huowng Giang", "Nguyễn Thị Hương Giang"),
            ("Tr aafn Vawn DDuwcs", "Tr ần Văn Đức"),
            ("soos 12 Lee Lowji, Quaajn 1", "số 12 Lê Lợi, Quận 1"),
            ("DDAWSK LAWSK", "ĐẮK LẮK"),
            ("thuyr hoaf quyeets", "thuỷ hoà quyết"),
            ("0912 345 678", "0912 345 678"),
            ("  hai  ", "hai "),
        ] {
            assert_eq!(typed(keys).text().as_str(), text, "{keys}");
        }
    }

    #[test]
    fn backspace_takes_a_letter_and_the_word_can_go_on() {
        let mut typing = typed("Ddaatj");
        assert_eq!(typing.text().as_str(), "Đật");
        typing.backspace();
        assert_eq!(typing.text().as_str(), "Đậ");
        typing.press('p');
        assert_eq!(typing.text().as_str(), "Đập");
        let mut typing = typed("hai ");
        typing.backspace();
        typing.backspace();
        typing.press('f');
        assert_eq!(typing.text().as_str(), "hà");
        for _ in 0..5 {
            typing.backspace();
        }
        assert!(typing.is_empty() && typing.text().is_empty());
    }

    proptest! {
        #[test]
        fn whatever_is_pressed_backspace_empties_it(keys in "[a-zA-Z0-9 ,.]{0,40}") {
            let mut typing = typed(&keys);
            let letters = typing.text().chars().count();
            prop_assert!(letters <= keys.chars().count().min(MOST));
            for left in (0..letters).rev() {
                typing.backspace();
                prop_assert_eq!(typing.text().chars().count(), left);
            }
            prop_assert!(typing.is_empty());
        }
    }
}
