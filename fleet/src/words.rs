//! Six words that two screens show. Whoever compares them knows that both stand for the same request and the same root:
//! nobody is between device and central.
//!
//! A word is one of 1024 syllables, 16 beginnings by 64 ends, without tone marks: they can be read out over a telephone.
//! Six carry 60 bits of SHA-256 over what is compared.

const BEGINNINGS: [&str; 16] = ["b", "c", "ch", "d", "g", "h", "kh", "l", "m", "n", "ng", "ph", "r", "s", "t", "v"];

const ENDS: [&str; 64] = [
    "a", "ac", "ai", "am", "an", "ang", "anh", "ao", "ap", "at", "au", "ay", "e", "ech", "em", "en", "eng", "eo", "ep",
    "et", "eu", "i", "ich", "iem", "ien", "ieng", "iep", "iet", "ieu", "im", "in", "inh", "ip", "it", "iu", "o", "oa",
    "oac", "oai", "oan", "oang", "oat", "oc", "oi", "om", "on", "ong", "op", "ot", "u", "ua", "uan", "uc", "ui", "um",
    "un", "ung", "uoi", "uon", "uong", "uot", "up", "ut", "uy",
];

/// The words for what is compared.
#[must_use]
pub fn words(compared: &[&[u8]]) -> [String; 6] {
    let mut hasher = openssl::sha::Sha256::new();
    hasher.update(b"cccd-words-v1");
    for part in compared {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    let hash = hasher.finish();
    let bits = hash.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    std::array::from_fn(|place| {
        let index = usize::try_from(bits >> (54 - 10 * place) & 0x3FF).unwrap_or_default();
        format!("{}{}", BEGINNINGS[index >> 6], ENDS[index & 0x3F])
    })
}

/// The words for a request: its birth key, its nonce, and the fingerprints of the roots that the device knows. Somebody
/// between device and central has other roots or another key, and so other words.
#[must_use]
pub fn of_request(birth: &[u8], nonce: events::event::Bytes<16>, roots: &[String]) -> [String; 6] {
    let mut roots: Vec<&[u8]> = roots.iter().map(String::as_bytes).collect();
    roots.sort_unstable();
    words(&[&[birth, &nonce.0][..], &roots].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn words_are_distinct_and_follow_every_part() {
        let all: BTreeSet<String> =
            BEGINNINGS.iter().flat_map(|b| ENDS.iter().map(move |e| format!("{b}{e}"))).collect();
        assert_eq!(all.len(), 1024, "no two beginnings and ends make the same word");
        let first = words(&[b"key", b"nonce"]);
        assert_eq!(first, words(&[b"key", b"nonce"]));
        for other in [words(&[b"key", b"nonce "]), words(&[b"keyn", b"once"]), words(&[b"key"])] {
            assert_ne!(first, other);
        }
        assert!(first.iter().all(|word| all.contains(word)));
    }

    #[test]
    fn whoever_stands_between_device_and_central_has_other_words() {
        let nonce = |byte| events::event::Bytes([byte; 16]);
        let roots = ["a".to_owned(), "b".to_owned()];
        let own = of_request(b"birth", nonce(1), &roots);
        assert_eq!(own, of_request(b"birth", nonce(1), &["b".to_owned(), "a".to_owned()]), "in whatever order");
        for other in [
            of_request(b"another", nonce(1), &roots),
            of_request(b"birth", nonce(2), &roots),
            of_request(b"birth", nonce(1), &roots[..1]),
            of_request(b"birth", nonce(1), &[]),
        ] {
            assert_ne!(own, other);
        }
    }
}
