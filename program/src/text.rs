//! Text about a person.

use zeroize::Zeroizing;

/// What a person typed or a card said: wiped when dropped, and no `Debug` output tells more than its length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Private(pub Zeroizing<String>);

/// For what is sealed, and for those to whom a profile releases it.
impl serde::Serialize for Private {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Private {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Private({})", self.0.len())
    }
}

impl From<String> for Private {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}
