//! Health insurance cards.

use zeroize::Zeroizing;

/// The code of a health insurance card: 10, 12 or 15 characters. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Insurance {
    /// The code, in capitals.
    pub code: Zeroizing<String>,
}

impl std::fmt::Debug for Insurance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Insurance({})", self.code.len())
    }
}
