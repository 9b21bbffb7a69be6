//! The machine readable zone as a person types it and OCR reads it.
//!
//! What opens a chip are document number, birth and expiry (ICAO 9303-11 §9.7.2), each with a check digit: they are
//! looked for, and nothing else need be there or be right. One line of a passport (TD3, TD2) holds all three, the first
//! two of a card (TD1) do.
//!
//! | mended | where it is proved |
//! |---|---|
//! | lower case, spaces, noise, `«` | the three check digits fit |
//! | a letter in a date or check digit | there are digits only, and one for each letter (`CONFUSED`) |
//! | one character of the document number; all its letters | its check digit fits then, and did not before |
//! | fillers too many or too few | the three check digits fit where they then stand |
//!
//! Where two mendings fit, both are keys: the chip decides, it refuses a wrong one and forgets it. Over [`MAX_KEYS`] the
//! text is refused, since each wrong key costs the holder a second. What fits as it stands is never refused. A check
//! digit cannot tell `G` from `6` and `L` from `1` (their values differ by ten and twenty), so a letter of these that
//! fits has the digit behind it as a second key; a digit that fits is believed.

use super::{MrzError, MrzKey, check_digit};
use zeroize::Zeroizing;

/// The most keys that a text may have.
pub const MAX_KEYS: usize = 4;

/// The longest text that is looked at, in characters: three lines of 30 with as much noise again.
const MAX_LENGTH: usize = 200;

/// Characters that OCR takes for one another; the digit stands first.
const CONFUSED: [&str; 8] = ["0ODQ", "1IL", "2Z", "4A", "5S", "6G", "7T", "8B"];

/// What was mended, or is not as it must be outside the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remark {
    /// Lower case.
    Case,
    /// Characters that no machine readable zone has.
    Noise,
    /// Fillers were missing, or too many.
    Fillers,
    /// The lines are not all there, or not of their length.
    Incomplete,
    /// A character of the document number.
    DocumentNumber,
    /// A character of the date of birth.
    Birth,
    /// A character of the date of expiry.
    Expiry,
    /// The number can be mended in several ways; the chip decides.
    Alternatives,
    /// The key fits, a check digit beside it does not.
    OtherCheckDigit,
}

impl Remark {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Case,
        Self::Noise,
        Self::Fillers,
        Self::Incomplete,
        Self::DocumentNumber,
        Self::Birth,
        Self::Expiry,
        Self::Alternatives,
        Self::OtherCheckDigit,
    ];

    /// A stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Noise => "noise",
            Self::Fillers => "fillers",
            Self::Incomplete => "incomplete",
            Self::DocumentNumber => "document_number",
            Self::Birth => "birth",
            Self::Expiry => "expiry",
            Self::Alternatives => "alternatives",
            Self::OtherCheckDigit => "other_check_digit",
        }
    }
}

/// What a text yields. Personal data: `Debug` shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct MrzText {
    /// Keys worth trying, the likeliest first: at least one, at most [`MAX_KEYS`].
    pub keys: Vec<MrzKey>,
    /// The document number, where there is one key only.
    pub document_number: Option<Zeroizing<String>>,
    /// What was mended, and what is odd, in the order of [`Remark::ALL`].
    pub remarks: Vec<Remark>,
}

impl std::fmt::Debug for MrzText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MrzText({} keys, {:?})", self.keys.len(), self.remarks)
    }
}

impl MrzText {
    /// Finds what opens the chip.
    ///
    /// # Errors
    /// When it is not there, or can be mended in too many ways.
    pub fn read(text: &str) -> Result<Self, MrzError> {
        let clean = Clean::of(text)?;
        let best = clean.windows().min_by_key(|found| found.cost).ok_or(MrzError::NoKey)?;
        // A number of digits that was read with letters is what it is; of others nobody knows which was meant.
        let is_digits = best.numbers.first().is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
        if best.numbers.len() > MAX_KEYS && !is_digits {
            return Err(MrzError::Ambiguous);
        }
        let keys = best.numbers.iter().take(MAX_KEYS).map(|number| MrzKey::new(number, &best.birth, &best.expiry));
        let mut remarks = [&clean.remarks[..], &best.remarks].concat();
        let mended = remarks.contains(&Remark::DocumentNumber);
        remarks.extend((mended && best.numbers.len() > 1).then_some(Remark::Alternatives));
        remarks.extend(clean.about_the_rest());
        remarks.sort_unstable();
        remarks.dedup();
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        let document_number = best.numbers.first().filter(|_| keys.len() == 1).cloned();
        Ok(Self { keys, document_number, remarks })
    }
}

/// Whether a text is meant as a machine readable zone, readable or not: fillers in a row among letters and digits.
#[must_use]
pub fn looks_like(text: &str) -> bool {
    Clean::of(text).is_ok_and(|clean| {
        let fillers = clean.run.windows(2).filter(|pair| *pair == b"<<").count();
        clean.run.len() >= 28 && fillers > 0 && clean.dropped * 10 <= clean.run.len()
    })
}

/// A text in the alphabet of the zone.
struct Clean {
    run: Zeroizing<Vec<u8>>,
    /// Where its lines begin.
    starts: Vec<usize>,
    dropped: usize,
    remarks: Vec<Remark>,
}

/// A place where all three fields fit.
struct Found {
    cost: usize,
    numbers: Vec<Zeroizing<String>>,
    birth: Zeroizing<String>,
    expiry: Zeroizing<String>,
    remarks: Vec<Remark>,
}

impl Clean {
    fn of(text: &str) -> Result<Self, MrzError> {
        let mut clean = Self {
            run: Zeroizing::new(Vec::with_capacity(MAX_LENGTH)),
            starts: vec![0],
            dropped: 0,
            remarks: Vec::new(),
        };
        for character in text.chars() {
            // Full width letters and digits of CJK keyboards are those of ASCII, at an offset.
            let character = match u32::from(character) {
                wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap_or(character),
                _ => character,
            };
            match character {
                'A'..='Z' | '0'..='9' | '<' => clean.run.push(character as u8),
                'a'..='z' => {
                    clean.run.push(character.to_ascii_uppercase() as u8);
                    clean.remarks.push(Remark::Case);
                }
                '«' | '»' => {
                    clean.run.extend(b"<<");
                    clean.remarks.push(Remark::Fillers);
                }
                '‹' | '›' => clean.run.push(b'<'),
                '\n' | '\r' => clean.starts.push(clean.run.len()),
                _ if character.is_whitespace() || character == '\u{feff}' => {}
                _ => {
                    clean.dropped += 1;
                    clean.remarks.push(Remark::Noise);
                }
            }
            if clean.run.len() + clean.dropped > MAX_LENGTH {
                return Err(MrzError::Length(clean.run.len() + clean.dropped));
            }
        }
        clean.starts.dedup();
        Ok(clean)
    }

    /// Every place where the fields of a layout fit, with what it takes.
    fn windows(&self) -> impl Iterator<Item = Found> {
        let lines = (0..self.run.len()).flat_map(move |at| (7..=11).filter_map(move |width| self.line(at, width)));
        let cards = (0..self.run.len().min(8)).flat_map(move |at| self.card(at));
        lines.chain(cards)
    }

    fn at(&self, at: usize, length: usize) -> Option<&[u8]> {
        self.run.get(at..at.checked_add(length)?)
    }

    /// The second line of TD3 and TD2 (9303-4 §4.2.2, 9303-6 §4.2.2): number, digit, nationality, birth, digit, sex,
    /// expiry, digit.
    fn line(&self, at: usize, width: usize) -> Option<Found> {
        let number = Number { field: self.at(at, width)?, digit: self.at(at + width, 1)?[0], overflow: None };
        let rest = at + width + 1;
        let nationality = self.at(rest, 3)?;
        if nationality.iter().all(u8::is_ascii_digit) {
            return None;
        }
        // A long number of TD2 goes on behind the dates.
        let overflow = self.at(rest + 18, 7).or_else(|| self.run.get(rest + 18..)).unwrap_or_default();
        self.found(Number { overflow: Some(overflow), ..number }, rest + 3, 3 * usize::from(!self.is_start(at)))
    }

    /// The first two lines of TD1 (9303-5 §4.2.2). Where the second begins is known only as far as the fillers of the
    /// first are all there.
    fn card(&self, at: usize) -> Vec<Found> {
        if !self.at(at, 2).is_some_and(|code| matches!(code[0], b'I' | b'A' | b'C' | b'1')) {
            return Vec::new();
        }
        let seconds = |width: usize| {
            let usual = at + 6 + width + 15;
            let near = (usual.saturating_sub(6)..=usual + 6).map(move |second| (second, usual.abs_diff(second)));
            near.chain(self.starts.iter().filter(move |start| **start > at + 14).map(|start| (*start, 0)))
        };
        let mut all = Vec::new();
        for width in 7..=11 {
            let Some((field, digit)) = self.at(at + 5, width).zip(self.at(at + 5 + width, 1)) else { break };
            for (second, moved) in seconds(width) {
                let overflow = self.run.get(at + 6 + width..second);
                let number = Number { field, digit: digit[0], overflow };
                all.extend(self.found(number, second, moved + at));
            }
        }
        all
    }

    fn is_start(&self, at: usize) -> bool {
        self.starts.contains(&at) || matches!((at, self.run.len()), (36, 72) | (44, 88))
    }

    /// Number, and the dates that stand at `dates`: birth, digit, sex, expiry, digit.
    fn found(&self, number: Number<'_>, dates: usize, moved: usize) -> Option<Found> {
        let dates = self.at(dates, 15)?;
        if !matches!(dates[7], b'M' | b'F' | b'X' | b'<') {
            return None;
        }
        let (birth, birth_mended) = date(&dates[..6], dates[6])?;
        let (expiry, expiry_mended) = date(&dates[8..14], dates[14])?;
        let (numbers, number_mended) = number.candidates()?;
        if [&birth, &expiry].into_iter().all(|date| date.bytes().all(|b| b == b'<')) {
            return None;
        }
        // A number cut short fits by chance as often as a mended one, and is less likely.
        let fillers = moved
            + match number.field.len() {
                9 => 0,
                10.. => 1,
                _ => 6,
            };
        let mended = usize::from(birth_mended) + usize::from(expiry_mended) + usize::from(number_mended);
        // What had to be moved or mended must at least be days.
        if fillers + mended > 0 && !(is_plausible(&birth) && is_plausible(&expiry)) {
            return None;
        }
        let remarks = [
            (number_mended, Remark::DocumentNumber),
            (birth_mended, Remark::Birth),
            (expiry_mended, Remark::Expiry),
            (fillers > 0, Remark::Fillers),
        ];
        let remarks = remarks.into_iter().filter_map(|(said, remark)| said.then_some(remark)).collect();
        // Fillers alone fit anywhere.
        let unknown = birth.bytes().chain(expiry.bytes()).chain([dates[7]]).filter(|b| *b == b'<').count();
        Some(Found { cost: 4 * mended + fillers + unknown, numbers, birth, expiry, remarks })
    }

    /// What is odd beside the key.
    fn about_the_rest(&self) -> Option<Remark> {
        let text = Zeroizing::new(String::from_utf8(self.run.to_vec()).ok()?);
        match super::Mrz::parse(&text) {
            Ok(mrz) => (!mrz.check_digits_ok).then_some(Remark::OtherCheckDigit),
            Err(_) => Some(Remark::Incomplete),
        }
    }
}

/// A document number where it may stand.
#[derive(Clone, Copy)]
struct Number<'a> {
    field: &'a [u8],
    digit: u8,
    /// What follows where a filler stands for its check digit (9303-5 §4.2.4).
    overflow: Option<&'a [u8]>,
}

impl Number<'_> {
    /// The numbers that fit their check digit, the likeliest first, and whether the first was mended.
    fn candidates(&self) -> Option<(Vec<Zeroizing<String>>, bool)> {
        // Another width is one of fillers only.
        if self.field.len() > 9 && self.field[9..].iter().any(|b| *b != b'<') {
            return None;
        }
        let mut number = Zeroizing::new(self.field[..self.field.len().min(9)].to_vec());
        let mut digit = self.digit;
        if digit == b'<' {
            // Only a number that fills its field goes on elsewhere.
            if number.len() != 9 || number.contains(&b'<') {
                return None;
            }
            let overflow = self.overflow?.split(|b| *b == b'<').next()?;
            let (last, tail) = overflow.split_last()?;
            number.extend_from_slice(tail);
            digit = *last;
        }
        while number.last() == Some(&b'<') {
            number.pop();
        }
        let text = Zeroizing::new(String::from_utf8(number.to_vec()).ok()?);
        let (read, digit) = (digit, as_digit(digit)?);
        if text.is_empty() || text.starts_with('<') || text.contains("<<") {
            return None;
        }
        let fits = |text: &str| check_digit(text) == Some(digit as char);
        if fits(&text) {
            let silent = |(at, with): &(usize, u8)| text.as_bytes()[*at].is_ascii_alphabetic() && with.is_ascii_digit();
            let others = substitutions(&text).filter(silent).map(|change| changed(&text, change));
            let mut numbers = vec![text.clone()];
            numbers.extend(others.filter(|other| fits(other)).take(MAX_KEYS - 1));
            return Some((numbers, read != digit));
        }
        let mut numbers = Vec::new();
        let digits = text.bytes().map(as_digit).collect::<Option<Vec<u8>>>();
        numbers.extend(digits.and_then(|digits| String::from_utf8(digits).ok()).map(Zeroizing::new));
        // A digit in the place of a letter first: most numbers are of digits.
        let mut changes: Vec<_> = substitutions(&text).collect();
        changes.sort_by_key(|(_, with)| !with.is_ascii_digit());
        numbers.extend(changes.into_iter().map(|change| changed(&text, change)));
        numbers.retain(|number| fits(number));
        let mut seen: Vec<Zeroizing<String>> = Vec::new();
        numbers.retain(|number| {
            let new = !seen.contains(number);
            if new {
                seen.push(number.clone());
            }
            new
        });
        (!numbers.is_empty()).then_some((numbers, true))
    }
}

/// Every character that OCR may have taken another one for, with its place.
fn substitutions(text: &str) -> impl Iterator<Item = (usize, u8)> {
    text.bytes().enumerate().flat_map(|(at, byte)| {
        let class = CONFUSED.iter().find(|class| class.as_bytes().contains(&byte)).copied().unwrap_or_default();
        class.bytes().filter(move |other| *other != byte).map(move |other| (at, other))
    })
}

fn changed(text: &str, (at, with): (usize, u8)) -> Zeroizing<String> {
    let mut changed = Zeroizing::new(text.to_owned());
    changed.replace_range(at..=at, char::from(with).encode_utf8(&mut [0; 4]));
    changed
}

/// The digit that a character of a date or check digit is.
fn as_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte),
        _ => CONFUSED.iter().find(|class| class.as_bytes().contains(&byte)).map(|class| class.as_bytes()[0]),
    }
}

/// A date with its check digit, and whether a character was mended. What is not known is a filler, and so is the check
/// digit of a date that is not known at all.
fn date(field: &[u8], digit: u8) -> Option<(Zeroizing<String>, bool)> {
    let text = field.iter().map(|byte| if *byte == b'<' { Some(b'<') } else { as_digit(*byte) });
    let text = Zeroizing::new(String::from_utf8(text.collect::<Option<Vec<u8>>>()?).ok()?);
    let digit_read = if digit == b'<' && text.bytes().all(|b| b == b'<') { b'0' } else { as_digit(digit)? };
    let mended = text.as_bytes() != field || (digit_read != digit && digit != b'<');
    (check_digit(&text) == Some(digit_read as char)).then_some((text, mended))
}

/// Whether a date may be one; what is not known is `00` or `<<`.
fn is_plausible(date: &str) -> bool {
    let part = |at: usize, most: u8| match &date[at..at + 2] {
        "<<" => true,
        text => text.parse::<u8>().is_ok_and(|number| number <= most),
    };
    part(2, 12) && part(4, 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TD1: &str = "IDVNM0990000176001099000017<<7\n9901155M3901153VNM<<<<<<<<<<<8\nNGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";
    const TD2: &str = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6";
    const TD3: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10";

    fn information(text: &str) -> Vec<Vec<u8>> {
        let read = MrzText::read(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        read.keys.iter().map(|key| key.information().to_vec()).collect()
    }

    fn remarks(text: &str) -> Vec<&'static str> {
        MrzText::read(text).expect("a key").remarks.into_iter().map(Remark::code).collect()
    }

    /// Where the keyed fields of a text with lines stand: number with its digit, birth, expiry.
    fn keyed(text: &str) -> Vec<usize> {
        match text {
            TD1 => (5..15).chain(31..38).chain(39..46).collect(),
            TD2 => (37..47).chain(50..57).chain(58..65).collect(),
            _ => (45..55).chain(58..65).chain(66..73).collect(),
        }
    }

    #[test]
    fn whole_zones_are_read_without_a_remark() {
        for (text, key) in [
            (TD1, &b"099000017699011553901153"[..]),
            (TD2, b"D23145890774081221204159"),
            (TD3, b"L898902C3674081221204159"),
        ] {
            for text in
                [text.to_owned(), text.replace('\n', ""), text.replace('\n', "\r\n"), format!("\u{feff} {text} \n")]
            {
                assert_eq!(information(&text)[0], key, "{text}");
                assert_eq!(MrzText::read(&text).expect("a key").remarks, [], "{text}");
            }
        }
    }

    #[test]
    fn the_lines_that_hold_the_key_are_enough() {
        let lines = |text: &str, from: usize, to: usize| text.lines().collect::<Vec<_>>()[from..to].join("\n");
        for (text, from, to) in [(TD1, 0, 2), (TD2, 1, 2), (TD3, 1, 2)] {
            let part = lines(text, from, to);
            assert_eq!(information(&part), information(text), "{part}");
            assert_eq!(information(&part.replace('\n', "")), information(text), "{part}");
            assert_eq!(remarks(&part), ["incomplete"], "{part}");
        }
        for (text, from, to) in [(TD1, 1, 3), (TD1, 0, 1), (TD2, 0, 1), (TD3, 0, 1)] {
            assert_eq!(MrzText::read(&lines(text, from, to)), Err(MrzError::NoKey));
        }
    }

    #[test]
    fn what_stands_beside_the_key_may_be_wrong() {
        for (from, to) in [("ZE184226B", "ZE18A226B"), ("ERIKSSON", "ER1KSS0N"), ("<<<<<10", "<<<<<19")] {
            let text = TD3.replace(from, to);
            assert_eq!(information(&text), information(TD3), "{text}");
        }
        assert_eq!(remarks(&TD3.replace("ZE184226B", "ZE18A226B")), ["other_check_digit"]);
    }

    #[test]
    fn case_noise_and_fillers() {
        for (text, said) in [
            (TD3.to_lowercase(), "case"),
            (TD3.replace("L898902C", "L898 902C"), ""),
            (TD3.replace("C36UTO", "C.3*6UTO"), "noise"),
            (TD3.replace("MARIA<<<", "MARIA<"), "incomplete"),
            (TD3.replace("MARIA<<<", "MARIA<<<<<<"), "incomplete"),
            (TD3.replace("<<", "«"), "fillers"),
            (TD1.replace("17<<7", "17<7"), "incomplete"),
            (TD1.replace("17<<7\n", "17<7"), "fillers"),
            (TD1.replace("17<<7\n", "17<<<7"), "fillers"),
            (
                TD3.chars()
                    .map(|c| char::from_u32(u32::from(c) + if c == '\n' { 0 } else { 0xFEE0 }).expect("wide"))
                    .collect(),
                "",
            ),
        ] {
            let right = if text.contains("VNM") { TD1 } else { TD3 };
            assert_eq!(information(&text), information(right), "{text}");
            assert!(said.is_empty() || remarks(&text).contains(&said), "{text}: {:?}", remarks(&text));
        }
        // Fillers of a short number.
        let short = "L898902C<3UTO6908061F9406236ZE184226B<<<<<<<";
        for text in [short.replace("C<3", "C3"), short.replace("C<3", "C<<3")] {
            assert_eq!(information(&text), information(short), "{text}");
        }
    }

    #[test]
    fn long_numbers_go_on_in_the_optional_data() {
        let long = |text: &str| information(text)[0][..13].to_vec();
        let td1 = "I<UTOD23145890<7349<<<<<<<<<<<3407127M9507122UTO<<<<<<<<<<<2STEVENSON<<PETER<JOHN<<<<<<<<<";
        assert_eq!(long(td1), b"D231458907349");
        assert_eq!(long(&td1[..60]), b"D231458907349");
    }

    #[test]
    fn mrz_text_of_the_field_opens() {
        let file = include_str!("../../vectors/field-cases/mrz-text.json");
        let case: serde_json::Value = serde_json::from_str(file).expect("JSON");
        let mut rows = 0;
        for row in case["rows"].as_array().expect("rows") {
            let text = match row["change"].as_str().expect("change") {
                "O for 0 in the document number" => TD3.replace("L898902C", "L8989O2C"),
                "one wrong letter in the optional data only" => TD3.replace("ZE184226B", "ZF184226B"),
                "lower case" => TD3.to_lowercase(),
                "second line only" => TD3.lines().nth(1).expect("two lines").to_owned(),
                other => panic!("{other}: no such change is known"),
            };
            assert_eq!(information(&text)[0], information(TD3)[0], "{row}");
            assert!(!MrzText::read(&text).expect("a key").remarks.is_empty(), "{row}: it is said");
            rows += 1;
        }
        assert_eq!(rows, 4);
    }

    /// Every single confusion in the keyed fields of each layout.
    #[test]
    fn one_confusion_never_hides_the_right_key() {
        let (mut tried, mut mended) = (0, 0);
        for text in [TD1, TD2, TD3] {
            let right = &information(text)[0];
            for at in keyed(text) {
                let one = &text[at..=at];
                for (_, with) in substitutions(one) {
                    let confused = changed(text, (at, with));
                    tried += 1;
                    if is_silent(one.as_bytes()[0], with) {
                        continue;
                    }
                    let keys = information(&confused);
                    assert!(keys.contains(right) && keys.len() <= MAX_KEYS, "{}", *confused);
                    let first = keys.iter().position(|key| key == right);
                    let letter_fits =
                        !MrzText::read(&confused).expect("a key").remarks.contains(&Remark::DocumentNumber);
                    assert!(
                        text != TD1 || first == Some(usize::from(keys[0] != *right && letter_fits)),
                        "{}",
                        *confused
                    );
                    mended += 1;
                }
            }
        }
        assert!(tried > 90 && mended > tried - 3, "{mended} of {tried}");
    }

    /// A letter that was taken for a digit of the same value modulo ten leaves no trace.
    fn is_silent(was: u8, with: u8) -> bool {
        let value = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 };
        was.is_ascii_alphabetic() && with.is_ascii_digit() && value(was).abs_diff(value(with)).is_multiple_of(10)
    }

    #[test]
    fn what_proves_nothing_is_refused() {
        for text in ["", "hello", "001099000017", "P<UTO", "https://example.vn/<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"]
        {
            assert!(MrzText::read(text).is_err(), "{text}");
        }
        assert_eq!(MrzText::read(&TD3.replace("740812", "741812")), Err(MrzError::NoKey));
        assert!(matches!(MrzText::read(&"<".repeat(300)), Err(MrzError::Length(_))));
        assert!(looks_like(TD3) && looks_like(&TD3.replace("740812", "741812")) && !looks_like("<<<"));
        assert!(!looks_like("001099000017||Nguyễn Văn A|15011999|Nam|Số 1|15042021"));
    }

    #[test]
    fn a_text_shows_nothing_of_its_holder() {
        assert_eq!(format!("{:?}", MrzText::read(TD3).expect("a key")), "MrzText(2 keys, [])");
    }

    fn td3(number: &str, birth: (u8, u8, u8), expiry: (u8, u8, u8)) -> String {
        let digit = |text: &str| check_digit(text).expect("the alphabet");
        let date = |(year, month, day)| format!("{year:02}{month:02}{day:02}");
        let (number, birth, expiry) = (format!("{number:<<9}"), date(birth), date(expiry));
        let line = format!("{number}{}UTO{birth}{}F{expiry}{}", digit(&number), digit(&birth), digit(&expiry));
        format!("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n{line:<<42}00")
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,220}") {
            drop(MrzText::read(&text));
            let _looks = looks_like(&text);
        }

        #[test]
        fn nor_does_anything_in_the_alphabet(text in "[A-Z0-9<\n]{0,120}") {
            if let Ok(read) = MrzText::read(&text) {
                prop_assert!(!read.keys.is_empty() && read.keys.len() <= MAX_KEYS);
            }
        }

        #[test]
        fn any_single_confusion_of_any_number_is_mended_or_refused(
            number in "[A-Z0-9]{5,9}", birth in (0u8..100, 1u8..13, 1u8..29), expiry in (0u8..100, 1u8..13, 1u8..29),
            place in any::<proptest::sample::Index>(), which in any::<proptest::sample::Index>(),
        ) {
            let text = td3(&number, birth, expiry);
            let right = information(&text)[0].clone();
            let keyed: Vec<_> = (45..55).chain(58..65).chain(66..73).collect();
            let at = keyed[place.index(keyed.len())];
            let one = &text[at..=at];
            let changes: Vec<_> = substitutions(one).collect();
            if let Some((_, with)) = changes.get(which.index(changes.len().max(1)))
                && !is_silent(one.as_bytes()[0], *with)
            {
                match MrzText::read(&changed(&text, (at, *with))) {
                    // Four keys hold the right one but where a number of digits fits, too, or the text as it stands.
                    Ok(read) => prop_assert!(
                        read.keys.iter().any(|key| key.information() == right)
                            || read.keys.len() == MAX_KEYS
                                && (!read.remarks.contains(&Remark::DocumentNumber)
                                    || read.keys[0].information().iter().all(|b| !b.is_ascii_alphabetic())),
                        "{} {} {}", text, at, with
                    ),
                    Err(error) => prop_assert_eq!(error, MrzError::Ambiguous),
                }
            }
        }
    }
}
