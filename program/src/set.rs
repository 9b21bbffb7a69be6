//! Closed sets of words: what stands in a file, a database or on the wire as text, and in the code as an enum.

use thiserror::Error;

/// A word that is none of a set's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{word:?} is none of {set}: {known}")]
pub struct Unknown {
    /// The set's name.
    pub set: &'static str,
    /// What was there instead.
    pub word: String,
    /// What could have been there.
    pub known: String,
}

/// Declares an enum whose members have words: `as_str`, `ALL`, `Display`, `FromStr` (an unknown word is an error, never a member)
/// and, as text, serde.
///
/// ```
/// program::closed_set! {
///     /// How a door is.
///     pub enum Door {
///         /// Nobody gets through.
///         Locked = "locked",
///         /// Everybody does.
///         Open = "open",
///     }
/// }
///
/// assert_eq!("open".parse(), Ok(Door::Open));
/// assert_eq!(Door::Locked.to_string(), "locked");
/// let error = "ajar".parse::<Door>().unwrap_err();
/// assert_eq!(error.to_string(), "\"ajar\" is none of Door: locked, open");
/// ```
#[macro_export]
macro_rules! closed_set {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$each:meta])* $member:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[$each])* $member),+
        }

        impl $name {
            /// Every one.
            $vis const ALL: [Self; [$($word),+].len()] = [$(Self::$member),+];

            /// Its word.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $word),+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::set::Unknown;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.into_iter().find(|member| member.as_str() == word).ok_or_else(|| $crate::set::Unknown {
                    set: stringify!($name),
                    word: word.to_owned(),
                    known: Self::ALL.map(Self::as_str).join(", "),
                })
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as $crate::serde::Deserialize>::deserialize(deserializer)?;
                word.parse().map_err(<D::Error as $crate::serde::de::Error>::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    closed_set! {
        /// Of the test.
        enum Weather {
            /// One.
            Sun = "sun",
            /// Another.
            Rain = "rain",
        }
    }

    #[test]
    fn every_member_comes_back_from_its_word_and_no_other_word_does() {
        for each in Weather::ALL {
            assert_eq!(each.as_str().parse(), Ok(each));
            let json = serde_json::to_string(&each).expect("JSON");
            assert_eq!(serde_json::from_str::<Weather>(&json).expect("JSON"), each);
        }
        for other in ["", "Sun", " sun", "snow"] {
            assert_eq!(other.parse::<Weather>().expect_err(other).word, other);
            assert!(serde_json::from_str::<Weather>(&format!("{other:?}")).is_err());
        }
    }
}
