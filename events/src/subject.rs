//! The keyed hash that stands for a person: HMAC-SHA-256 under a key of the site, over `cccd-subject-v1` and the
//! number (twelve digits of a citizen, or the number of a passport).
//!
//! Devices of one site share the key, so that the same person is known again there, and nowhere else.

use crate::event::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The keyed hash of a number.
#[must_use]
pub fn keyed_hash(key: &[u8], number: &str) -> Bytes<32> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"cccd-subject-v1");
    mac.update(number.as_bytes());
    Bytes(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_has_not_changed() {
        // printf 'cccd-subject-v1001099000017' | openssl dgst -sha256 -hmac key
        let expected = "1cfb5da47f715dc146bec8656fe63f03b716a74882f70e567c703db8db9f3428";
        assert_eq!(keyed_hash(b"key", "001099000017").to_string(), expected);
        assert_ne!(keyed_hash(b"other", "001099000017").to_string(), expected);
    }
}
