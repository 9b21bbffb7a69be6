//! How a chip is asked for its files: one ladder, from what is fast to what every chip takes.
//!
//! ISO/IEC 7816-4 leaves much to the chip. Whatever a terminal asks beyond the plainest of commands is a [`Feature`];
//! [`Manner`] says which of them this chip has, and how many bytes it gives at once. A feature is given up by one rule:
//!
//! | the chip | what follows |
//! |---|---|
//! | refuses under secure messaging | the read goes on without the feature |
//! | answers bare, or with a MAC that is wrong | the session is lost: the chip is reset, opened anew, and the read goes on at the byte where it was, without the feature |
//! | is gone under a command of extended length, for the second time | it lies there, and what carries its answers loses long ones: the read goes on without extended length |
//!
//! | manner | reads |
//! |---|---|
//! | `fast` | by short identifier, header and data in one command, in extended length or with 223 bytes and more |
//! | `careful` | without one of the other features, or with 160 bytes a command |
//! | `slow` | with 128 or 96 bytes a command |
//!
//! A number of bytes is lowered only by a refusal in the middle of a file, where every byte that was asked for is there:
//! at its end a chip may refuse because there is no more to give.

use crate::apdu::Command;

/// What a chip may lack without being the worse for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// READ BINARY by short file identifier (§11.3.2): names and reads a file in one command. Without: SELECT.
    ShortIdentifier,
    /// An Le that may pass the end of the file: brings header and data at once. Without: the header, then exactly the rest.
    LePastEnd,
    /// Extended length fields (§5.2) for answers of more than 256 bytes.
    ExtendedLength,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ShortIdentifier, Self::LePastEnd, Self::ExtendedLength];

    /// A stable identifier.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShortIdentifier => "short_identifier",
            Self::LePastEnd => "le_past_end",
            Self::ExtendedLength => "extended_length",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// How SELECT is spelt (§11.2.2): what it wants back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// Nothing: P2 = `0C`.
    Silent,
    /// File control information: P2 = `00`.
    Information,
    /// File control parameters: P2 = `04`.
    Parameters,
}

impl Select {
    pub(crate) const ALL: [Self; 3] = [Self::Silent, Self::Information, Self::Parameters];

    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Silent => Self::Information,
            Self::Information => Self::Parameters,
            Self::Parameters => Self::Silent,
        }
    }

    /// Goes on to the next spelling; false after the last.
    pub(crate) fn turn(&mut self) -> bool {
        let last = *self == Self::Parameters;
        if !last {
            *self = self.next();
        }
        !last
    }

    /// The command, by P1.
    pub(crate) fn command(self, p1: u8, name: &[u8]) -> Command {
        let select = |p2| Command::new(0x00, 0xA4, p1, p2).with_data(name.to_vec());
        match self {
            Self::Silent => select(0x0C),
            Self::Information => select(0x00).with_le(256),
            Self::Parameters => select(0x04).with_le(256),
        }
    }
}

/// The most that is asked for in one extended command. More saves little, shows no progress, and is lost whole when the
/// card is lifted.
pub const CHUNK: u32 = 4096;

/// Sizes of short commands below the greatest, as chips of the field had them: older Dutch, German and US passports give
/// 160 bytes at most, others less.
const STEPS: [u32; 3] = [160, 128, 96];

/// The header of every file fits this: tag, and length in up to three bytes.
pub(crate) const HEADER: u32 = 4;

/// How a chip is asked for its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    without: u8,
    /// The most bytes asked for in a short command.
    short: u32,
    /// The most bytes asked for in an extended command; not above `short` when there is none.
    extended: u32,
    /// How files are selected.
    pub(crate) file: Select,
    /// How the application is selected.
    pub(crate) application: Select,
}

impl Default for Manner {
    fn default() -> Self {
        Self::FAST
    }
}

impl Manner {
    /// Everything that makes a read fast.
    pub const FAST: Self = Self::sized(256, CHUNK);

    /// As [`Self::FAST`], but with so many bytes a command: in short ones, and in extended ones.
    #[must_use]
    pub const fn sized(short: u32, extended: u32) -> Self {
        Self { without: 0, short, extended, file: Select::Silent, application: Select::Silent }
    }

    /// Within what the protection of answers leaves of a short one, and what reader and chip take in an extended one.
    #[must_use]
    pub(crate) fn within(self, short: u32, extended: u32) -> Self {
        let short = self.short.min(short);
        let extended = if self.has(Feature::ExtendedLength) { self.extended.min(extended).max(short) } else { short };
        Self { short, extended, ..self }
    }

    /// What two chips have in common: features that both lack, sizes that neither exceeds.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        let both = |one, two| if one == two { one } else { Select::Silent };
        Self {
            without: self.without & other.without,
            short: self.short.max(other.short),
            extended: self.extended.max(other.extended),
            file: both(self.file, other.file),
            application: both(self.application, other.application),
        }
    }

    /// Whether the chip lacks nothing; what the reader cannot do is not the chip's.
    #[must_use]
    pub fn is_plain(self) -> bool {
        self.without().next().is_none() && self.short > STEPS[0]
    }

    /// What of this manner was not expected: of cards like another one, which this one turns out not to be.
    #[must_use]
    pub(crate) fn beyond(self, expected: Self) -> Self {
        let without = self.without & !expected.without;
        let short = if self.short < expected.short { self.short } else { Self::FAST.short };
        let extended = if without & Feature::ExtendedLength.bit() == 0 { CHUNK } else { short };
        let own = |found, expected| if found == expected { Select::Silent } else { found };
        let (file, application) = (own(self.file, expected.file), own(self.application, expected.application));
        Self { without, short, extended, file, application }
    }

    /// Whether a feature is used.
    #[must_use]
    pub const fn has(self, feature: Feature) -> bool {
        self.without & feature.bit() == 0
    }

    /// What is not used, by name.
    pub fn without(self) -> impl Iterator<Item = &'static str> {
        let silent = [(self.file, "silent_select"), (self.application, "silent_select_of_application")];
        let silent = silent.into_iter().filter(|(select, _)| *select != Select::Silent).map(|(_, name)| name);
        Feature::ALL.into_iter().filter(move |feature| !self.has(*feature)).map(Feature::name).chain(silent)
    }

    /// The most bytes asked for in a short command.
    #[must_use]
    pub const fn short(self) -> u32 {
        self.short
    }

    /// The most bytes asked for at all.
    #[must_use]
    pub const fn most(self) -> u32 {
        if self.extended > self.short { self.extended } else { self.short }
    }

    /// `fast`, `careful` or `slow`.
    #[must_use]
    pub fn name(self) -> &'static str {
        let short_only = |name| name == Feature::ExtendedLength.name();
        match self.short {
            0..=128 => "slow",
            161.. if self.without().all(short_only) => "fast",
            _ => "careful",
        }
    }

    /// Another spelling of SELECT for files; false when all were tried, beginning with the one that `worked`. That one is
    /// gone back to then.
    pub(crate) fn turn_file(&mut self, worked: Option<Select>) -> bool {
        self.file = self.file.next();
        self.file != worked.unwrap_or(Select::Silent)
    }

    /// Goes on without a feature; false when it did already.
    pub(crate) fn give_up(&mut self, feature: Feature) -> bool {
        let had = self.has(feature);
        self.without |= feature.bit();
        if feature == Feature::ExtendedLength {
            self.extended = self.short;
        }
        had
    }

    /// What to ask for where so many bytes are left in the file.
    pub(crate) fn ask(self, left: usize) -> u32 {
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        if left > self.short { left.min(self.most()) } else { left }
    }

    /// After the refusal of so many bytes that are there: the next lower number; false when there is none. `longest` is
    /// the most that the chip ever gave in one answer.
    pub(crate) fn lower(&mut self, asked: u32, longest: usize) -> bool {
        if asked > self.short {
            self.extended = match asked {
                1025.. => 1024.max(self.short),
                _ => self.short,
            };
            if self.extended == self.short {
                self.give_up_extended(longest);
            }
            return true;
        }
        let Some(step) = STEPS.into_iter().find(|step| *step < asked) else { return false };
        self.short = step;
        self.extended = step;
        self.without |= Feature::ExtendedLength.bit();
        true
    }

    /// Goes on in short commands: with as many bytes as a short answer can have where the chip has shown that it gives
    /// more than the next step, else with that.
    pub(crate) fn give_up_extended(&mut self, longest: usize) {
        if longest <= STEPS[0] as usize {
            self.short = self.short.min(STEPS[0]);
        }
        self.give_up(Feature::ExtendedLength);
    }

    /// As many bytes as the chip itself names with `6Cxx`.
    pub(crate) fn lower_to(&mut self, exact: u32) {
        let exact = exact.max(STEPS[2]);
        self.short = self.short.min(exact);
        self.give_up(Feature::ExtendedLength);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_down_to_96_and_no_further() {
        let mut manner = Manner::FAST.within(223, 65_488);
        let mut sizes = vec![manner.most()];
        while manner.lower(manner.most(), 223) {
            sizes.push(manner.most());
        }
        assert_eq!(sizes, [4096, 1024, 223, 160, 128, 96]);
        assert_eq!((manner.name(), manner.without().collect::<Vec<_>>()), ("slow", vec!["extended_length"]));
    }

    #[test]
    fn a_chip_that_never_gave_more_is_asked_for_160_next() {
        let mut manner = Manner::FAST.within(223, 65_488);
        manner.give_up_extended(4);
        assert_eq!((manner.most(), manner.name()), (160, "careful"));
    }

    #[test]
    fn two_chips_have_in_common_what_both_lack() {
        let (mut one, mut two) = (Manner::FAST, Manner::FAST);
        assert!(one.give_up(Feature::ShortIdentifier) && !one.give_up(Feature::ShortIdentifier));
        one.lower_to(120);
        two.lower_to(200);
        let both = one.common(two);
        assert_eq!(both.without().collect::<Vec<_>>(), ["extended_length"]);
        assert_eq!((both.short(), both.most(), both.name()), (200, 200, "fast"));
        assert!(!both.is_plain() && one.common(Manner::FAST).is_plain());
    }

    #[test]
    fn what_was_expected_of_another_signers_cards_is_taken_back() {
        let mut expected = Manner::FAST;
        expected.give_up(Feature::ShortIdentifier);
        expected.give_up_extended(0);
        let mut found = expected.within(223, 65_488);
        found.give_up(Feature::LePastEnd);
        let own = found.beyond(expected).within(223, 65_488);
        assert_eq!(own.without().collect::<Vec<_>>(), ["le_past_end"]);
        assert_eq!((own.short(), own.most()), (223, 4096));
    }
}
