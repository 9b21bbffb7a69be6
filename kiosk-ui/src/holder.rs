//! The person whose card lies there.

use crate::portrait::Picture;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The person whose card lies there, as far as the public screen shows. Wiped when dropped; never in a `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// The name as a public screen shows it; see [`Holder::new`].
    pub name: Zeroizing<String>,
    /// The portrait, as far as it has arrived.
    pub picture: Option<Arc<Picture>>,
}

impl Holder {
    /// Of a full name only the last word stays, which is the given name in Vietnamese; initials stand for the others.
    /// The person knows who is meant, the queue behind does not.
    #[must_use]
    pub fn new(full_name: &str, picture: Option<Arc<Picture>>) -> Self {
        let mut name = Zeroizing::new(String::with_capacity(full_name.len() * 2));
        let mut words = full_name.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if words.peek().is_none() {
                name.push_str(word);
            } else {
                name.extend(word.chars().take(1));
                name.push_str(". ");
            }
        }
        Self { name, picture }
    }
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Holder")
    }
}
