//! Whether lengths are written as DER wants (X.690 §10.1).

use crate::tlv::{MAX_DEPTH, Reader, announced};

/// Whether every length in `object`, and in what is nested in it, is as short as it can be. Indefinite lengths are
/// another matter and do not count.
#[must_use]
pub(crate) fn has_shortest_lengths(object: &[u8]) -> bool {
    walk(object, 0)
}

fn walk(input: &[u8], depth: usize) -> bool {
    let mut reader = Reader::new(input);
    while let Ok(Some(one)) = reader.next() {
        let shortest = octets(one.tag as usize) + length_octets(one.value.len());
        // An indefinite length announces nothing.
        let longer = announced(one.raw).is_ok() && one.raw.len() - one.value.len() > shortest;
        if longer || (one.is_constructed() && depth < 4 * MAX_DEPTH && !walk(one.value, depth + 1)) {
            return false;
        }
    }
    true
}

fn octets(number: usize) -> usize {
    (usize::BITS as usize - number.leading_zeros() as usize).div_ceil(8).max(1)
}

fn length_octets(length: usize) -> usize {
    if length < 0x80 { 1 } else { 1 + octets(length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::encode;

    #[test]
    fn a_length_that_is_longer_than_it_needs_to_be_is_seen_at_any_depth() {
        assert!(has_shortest_lengths(&encode(0x30, &[encode(0x04, &[1; 200]), encode(0x7F61, &[1; 70_000])].concat())));
        assert!(!has_shortest_lengths(&encode(0x30, &[0x04, 0x81, 0x01, 0xAA])));
        assert!(!has_shortest_lengths(&[0x30, 0x82, 0x00, 0x80].into_iter().chain([0; 128]).collect::<Vec<_>>()));
        assert!(has_shortest_lengths(&[0x30, 0x80, 0x04, 0x01, 0xAA, 0, 0]), "indefinite is another matter");
        assert!(has_shortest_lengths(&[0x30]), "what cannot be read is another matter, too");
    }
}
