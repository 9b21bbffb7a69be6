//! Big numbers that are wiped when dropped.

use openssl::bn::BigNum;
use openssl::error::ErrorStack;

/// A secret number: wiped when dropped, and computed with in constant time where the library can.
pub(super) struct SecretNumber(BigNum);

impl SecretNumber {
    /// From big-endian bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, ErrorStack> {
        let mut number = BigNum::from_slice(bytes)?;
        number.set_const_time();
        Ok(Self(number))
    }
}

impl std::ops::Deref for SecretNumber {
    type Target = BigNum;

    fn deref(&self) -> &BigNum {
        &self.0
    }
}

impl Drop for SecretNumber {
    fn drop(&mut self) {
        self.0.clear();
    }
}
