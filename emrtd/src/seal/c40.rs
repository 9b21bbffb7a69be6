//! C40 (ICAO 9303-13 §2.6): three characters in two bytes.

use zeroize::Zeroizing;

/// The text; a space stands where the printed zone has a filler. `None` for what no seal has: characters of the shift
/// sets, a half pair, a pad in the middle.
pub(super) fn decode(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3 / 2));
    let mut pairs = bytes.chunks_exact(2);
    while let Some(pair) = pairs.next() {
        let is_last = pairs.len() == 0;
        if pair[0] == 0xFE {
            // One character is left over: the code of ASCII plus one.
            let character = pair[1].checked_sub(1).filter(|_| is_last)?;
            text.push(char::from(character));
            continue;
        }
        let value = u16::from_be_bytes([pair[0], pair[1]]).checked_sub(1)?;
        let triple = [value / 1600, value / 40 % 40, value % 40];
        let shown = if is_last && triple[2] == 0 { 2 } else { 3 };
        for value in &triple[..shown] {
            text.push(character(*value)?);
        }
    }
    let in_alphabet = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || c == ' ';
    (pairs.remainder().is_empty() && text.chars().all(in_alphabet)).then_some(text)
}

fn character(value: u16) -> Option<char> {
    let value = u8::try_from(value).ok()?;
    match value {
        3 => Some(' '),
        4..=13 => Some(char::from(b'0' + value - 4)),
        14..=39 => Some(char::from(b'A' + value - 14)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(hex: &str) -> Option<String> {
        decode(&hex::decode(hex).expect("hexadecimal")).map(|text| text.to_string())
    }

    #[test]
    fn examples_of_the_standard() {
        // 9303-13 §2.3.1 and appendix C; TR-03137 §3.2.3.
        for (hex, expected) in
            [("DE515826", "VISA01"), ("EB0466A9", "XK CD"), ("EB11FE45", "XKCD"), ("62d719c9", "BSI01"), ("", "")]
        {
            assert_eq!(text(hex).as_deref(), Some(expected));
        }
        for wrong in ["DE", "0000", "FA01", "FE45DE51", "EB0466A9EB04 66A9", "FE00", "FE62"] {
            assert_eq!(text(&wrong.replace(' ', "")), None, "{wrong}");
        }
    }

    /// The formula of 9303-13 §2.6.1.
    fn encode(text: &str) -> Vec<u8> {
        const ALPHABET: &str = "\0\0\0 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let value = |c: char| ALPHABET.rfind(c).expect("in the alphabet");
        let characters: Vec<char> = text.chars().collect();
        let pair = |triple: &[char]| match triple {
            [one] => vec![0xFE, *one as u8 + 1],
            _ => {
                let third = triple.get(2).map_or(0, |c| value(*c));
                let number = 1600 * value(triple[0]) + 40 * value(triple[1]) + third + 1;
                u16::try_from(number).expect("16 bits").to_be_bytes().to_vec()
            }
        };
        characters.chunks(3).flat_map(pair).collect()
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "[A-Z0-9 ]{0,60}") {
            prop_assert_eq!(decode(&encode(&text)).map(|t| t.to_string()), Some(text));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            drop(decode(&bytes));
        }
    }
}
