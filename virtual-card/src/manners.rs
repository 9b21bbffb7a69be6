//! Manners: how a chip answers where other chips answer otherwise. None of them is a fault; each is met in the field or
//! allowed by ISO/IEC 7816-4, and a card with any of them is as genuine as one without.
//!
//! One table ([`SWITCHES`]) drives the command line, the lists of the tests and the generator of tolerable cards.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A status word by which a chip refuses, and what becomes of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The status word.
    pub status: u16,
    /// Whether it comes outside secure messaging; the session is dropped then.
    pub bare: bool,
}

impl Refused {
    /// Inside secure messaging.
    #[must_use]
    pub const fn protected(status: u16) -> Self {
        Self { status, bare: false }
    }

    /// Outside secure messaging.
    #[must_use]
    pub const fn bare(status: u16) -> Self {
        Self { status, bare: true }
    }

    /// Each status word in both ways.
    fn each(statuses: &'static [u16]) -> impl Iterator<Item = Self> {
        statuses.iter().flat_map(|status| [Self::protected(*status), Self::bare(*status)])
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}{}", self.status, guard(self.bare))
    }
}

const fn guard(bare: bool) -> &'static str {
    if bare { "-bare" } else { "" }
}

/// READ BINARY by short identifier (P1 = `80` and the SFI, ISO/IEC 7816-4 §11.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sfi {
    /// It works.
    #[default]
    Taken,
    /// It is refused.
    Refused(Refused),
}

/// READ BINARY with an Le that passes the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PastEnd {
    /// What is left, with 9000.
    #[default]
    Clipped,
    /// What is left, with 6282.
    Warned,
    /// No data, and `6Cxx` with what is left; `6C00` where that is 256 bytes or more.
    Exact {
        /// Outside secure messaging.
        bare: bool,
    },
    /// No data, and this status; 9000 is an empty answer.
    Refused(Refused),
}

/// The largest Le of READ BINARY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Largest {
    /// Whatever the form of the command can say.
    #[default]
    Unlimited,
    /// So many bytes.
    Limited(u16, Above),
}

/// What comes of an Le above the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Above {
    /// No data, and this status.
    Refused(Refused),
    /// No data, and `6Cxx` with the largest Le.
    Exact {
        /// Outside secure messaging.
        bare: bool,
    },
    /// As many bytes as the largest Le, with 9000.
    Fewer,
}

/// Length fields in extended form (ISO/IEC 7816-4 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extended {
    /// They work.
    #[default]
    Taken,
    /// They are refused.
    Refused(Refused),
    /// They work, but no answer has more bytes of data than these.
    AtMost(u16),
}

/// READ BINARY with odd INS (`B1`), without which no byte past 32,767 is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Odd {
    /// It works.
    #[default]
    Taken,
    /// It is refused.
    Refused(Refused),
}

/// P2 of SELECT (ISO/IEC 7816-4 §11.2.2): which control information is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelectFile {
    /// `0C`, none.
    #[default]
    Silent,
    /// Only this P2; others are refused so.
    Only(u8, Refused),
}

/// The same of the application. The answer is protected when PACE ran before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelectApplication {
    /// `0C`, none.
    #[default]
    Silent,
    /// Only `00`; others are refused so.
    Fci(Refused),
}

/// How the master file is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterFileForm {
    /// `3F00`, P2 = `0C`.
    Identifier,
    /// No data, P2 = `0C`.
    NoData,
    /// `3F00`, P2 = `00`.
    Fci,
}

/// SELECT MF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MasterFile {
    /// 6D00; the chip is in the master file anyway, as a CCCD.
    #[default]
    Refused,
    /// Every form passes.
    Any,
    /// One form passes.
    Form(MasterFileForm),
    /// One form passes, and EF.CardAccess is not found before.
    Needed(MasterFileForm),
}

/// How EF.CardAccess is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CardAccess {
    /// By SELECT and by short identifier.
    #[default]
    Both,
    /// By SELECT only.
    SelectOnly,
    /// By short identifier only.
    SfiOnly,
    /// Not at all, although the chip does PACE.
    Hidden,
    /// Not at all, for it knows BAC only.
    Absent,
}

/// Where PACE runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Wherever it is begun.
    #[default]
    Anywhere,
    /// In the master file: 6985 in the application.
    MasterFile,
    /// In the application: 6985 before.
    Application,
    /// In the application, and EF.CardAccess is found there only.
    ApplicationAlone,
}

/// How PACE ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// As it should.
    #[default]
    Works,
    /// The last step is answered 6300 although the password is right; BAC works.
    TokenRefused,
}

/// Long answers to READ BINARY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parts {
    /// In one piece.
    #[default]
    Whole,
    /// In pieces of 100 bytes of data, each protected, `61xx`, protected GET RESPONSE.
    Inner,
    /// The protected answer is cut in pieces of 100 bytes: `61xx` and GET RESPONSE outside secure messaging.
    Outer,
}

/// Commands with more data than a short command has (ISO/IEC 7816-4 §5.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chaining {
    /// In extended form or chained.
    #[default]
    Taken,
    /// Chained only: 6700 in extended form.
    Wanted,
    /// In extended form only: 6884 where chained.
    Refused,
}

/// EF.ATR/INFO, in the master file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Info {
    /// Not there.
    #[default]
    Absent,
    /// There, with extended length information (ISO/IEC 7816-4 §12.7.1, DO `7F66`).
    Stated,
}

/// Chip authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChipProof {
    /// It works, with and without the identifier of the key.
    #[default]
    Works,
    /// A command of it is refused: `22` MSE, `86` GENERAL AUTHENTICATE.
    Refused(u8, Refused),
    /// MSE without the identifier of the key is refused with 6A88, if EF.DG14 states one.
    IdentifierWanted,
    /// MSE with the identifier of the key is refused with 6A80.
    IdentifierRefused,
    /// GENERAL AUTHENTICATE wants the exact Le, and names it with `6C02`.
    ExactLength,
    /// The first command afterwards is answered with this status outside secure messaging.
    LostAfter(u16),
}

/// INTERNAL AUTHENTICATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActiveProof {
    /// It works.
    #[default]
    Works,
    /// With Le 256 only; 6700 otherwise.
    ShortOnly,
    /// With the signature's length as Le only, and `6Cxx` otherwise.
    ExactOnly,
    /// In extended form only; 6700 otherwise.
    ExtendedOnly,
    /// In two parts: `61xx`, then GET RESPONSE.
    InParts,
    /// Only so many bytes of the signature come.
    Truncated(usize),
    /// 9000 without data when Le is above 256.
    EmptyOnExtended,
    /// Refused.
    Refused(Refused),
}

/// From when on a chip dislikes what it dislikes in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moment {
    /// From the start.
    #[default]
    Always,
    /// From the second file on.
    SecondFile,
    /// In EF.DG2 only.
    Portrait,
    /// From the twelfth command of a session on.
    Late,
    /// A single time.
    Once,
}

/// A switch that is one of a list of values.
trait Way: Copy + PartialEq + Default + fmt::Display {
    /// All values that are tried; the first is the plain one.
    fn all() -> Vec<Self>;
}

macro_rules! way {
    ($kind:ty, $all:expr, |$value:ident, $f:ident| $display:expr) => {
        impl Way for $kind {
            fn all() -> Vec<Self> {
                $all
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, $f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $value = *self;
                $display
            }
        }
    };
}

/// The plain value and others.
fn plain_and<T: Default>(others: impl IntoIterator<Item = T>) -> Vec<T> {
    std::iter::once(T::default()).chain(others).collect()
}

way!(Sfi, plain_and(Refused::each(&[0x6A82, 0x6A86, 0x6985, 0x6F00, 0x6D00, 0x6B00]).map(Self::Refused)), |way, f| {
    match way {
        Self::Taken => f.write_str("taken"),
        Self::Refused(refused) => write!(f, "{refused}"),
    }
});
way!(
    PastEnd,
    plain_and(
        [Self::Warned, Self::Exact { bare: false }, Self::Exact { bare: true }]
            .into_iter()
            .chain(Refused::each(&[0x6B00, 0x6700, 0x6282, 0x9000]).map(Self::Refused))
    ),
    |way, f| match way {
        Self::Clipped => f.write_str("clipped"),
        Self::Warned => f.write_str("warned"),
        Self::Exact { bare } => write!(f, "6Cxx{}", guard(bare)),
        Self::Refused(refused) => write!(f, "{refused}"),
    }
);
way!(
    Largest,
    {
        let above = || {
            Refused::each(&[0x6700, 0x6988, 0x6F00, 0x6C00]).map(Above::Refused).chain([
                Above::Exact { bare: false },
                Above::Exact { bare: true },
                Above::Fewer,
            ])
        };
        plain_and(
            [231, 192, 160, 128, 112, 96]
                .into_iter()
                .flat_map(|bytes| above().map(move |above| Self::Limited(bytes, above))),
        )
    },
    |way, f| match way {
        Self::Unlimited => f.write_str("unlimited"),
        Self::Limited(bytes, Above::Refused(refused)) => write!(f, "{bytes}:{refused}"),
        Self::Limited(bytes, Above::Exact { bare }) => write!(f, "{bytes}:6Cxx{}", guard(bare)),
        Self::Limited(bytes, Above::Fewer) => write!(f, "{bytes}:fewer"),
    }
);
way!(
    Extended,
    plain_and(Refused::each(&[0x6700]).map(Self::Refused).chain([Self::AtMost(256), Self::AtMost(4000)])),
    |way, f| match way {
        Self::Taken => f.write_str("taken"),
        Self::Refused(refused) => write!(f, "{refused}"),
        Self::AtMost(bytes) => write!(f, "at-most-{bytes}"),
    }
);
way!(Odd, plain_and(Refused::each(&[0x6D00, 0x6A86]).map(Self::Refused)), |way, f| match way {
    Self::Taken => f.write_str("taken"),
    Self::Refused(refused) => write!(f, "{refused}"),
});
way!(
    SelectFile,
    plain_and(
        [0x00, 0x04]
            .into_iter()
            .flat_map(|p2| { Refused::each(&[0x6700, 0x6A86, 0x6A81]).map(move |refused| Self::Only(p2, refused)) })
    ),
    |way, f| match way {
        Self::Silent => f.write_str("0C"),
        Self::Only(p2, refused) => write!(f, "{p2:02X}:{refused}"),
    }
);
way!(SelectApplication, plain_and(Refused::each(&[0x6700, 0x6A86, 0x6A81]).map(Self::Fci)), |way, f| match way {
    Self::Silent => f.write_str("0C"),
    Self::Fci(refused) => write!(f, "00:{refused}"),
});
way!(
    MasterFile,
    {
        use MasterFileForm::{Fci, Identifier, NoData};
        let each = |to: fn(MasterFileForm) -> Self| [Identifier, NoData, Fci].map(to);
        plain_and([Self::Any].into_iter().chain(each(Self::Form)).chain(each(Self::Needed)))
    },
    |way, f| {
        let name = |form| match form {
            MasterFileForm::Identifier => "3F00",
            MasterFileForm::NoData => "no-data",
            MasterFileForm::Fci => "fci",
        };
        match way {
            Self::Refused => f.write_str("6D00"),
            Self::Any => f.write_str("any"),
            Self::Form(form) => f.write_str(name(form)),
            Self::Needed(form) => write!(f, "needed-{}", name(form)),
        }
    }
);
way!(CardAccess, vec![Self::Both, Self::SelectOnly, Self::SfiOnly, Self::Hidden, Self::Absent], |way, f| f.write_str(
    match way {
        Self::Both => "both",
        Self::SelectOnly => "select-only",
        Self::SfiOnly => "sfi-only",
        Self::Hidden => "hidden",
        Self::Absent => "absent",
    }
));
way!(Place, vec![Self::Anywhere, Self::MasterFile, Self::Application, Self::ApplicationAlone], |way, f| f.write_str(
    match way {
        Self::Anywhere => "anywhere",
        Self::MasterFile => "master-file",
        Self::Application => "application",
        Self::ApplicationAlone => "application-alone",
    }
));
way!(Pace, vec![Self::Works, Self::TokenRefused], |way, f| f.write_str(match way {
    Self::Works => "works",
    Self::TokenRefused => "6300",
}));
way!(Parts, vec![Self::Whole, Self::Inner, Self::Outer], |way, f| f.write_str(match way {
    Self::Whole => "whole",
    Self::Inner => "inner",
    Self::Outer => "outer",
}));
way!(Chaining, vec![Self::Taken, Self::Wanted, Self::Refused], |way, f| f.write_str(match way {
    Self::Taken => "taken",
    Self::Wanted => "wanted",
    Self::Refused => "refused",
}));
way!(Info, vec![Self::Absent, Self::Stated], |way, f| f.write_str(match way {
    Self::Absent => "absent",
    Self::Stated => "stated",
}));
way!(
    ChipProof,
    plain_and(
        [0x22, 0x86]
            .into_iter()
            .flat_map(|ins| Refused::each(&[0x6F00, 0x6A80]).map(move |refused| Self::Refused(ins, refused)))
            .chain([Self::IdentifierWanted, Self::IdentifierRefused, Self::ExactLength])
            .chain([0x6982, 0x6988].map(Self::LostAfter))
    ),
    |way, f| match way {
        Self::Works => f.write_str("works"),
        Self::Refused(ins, refused) => write!(f, "{ins:02X}:{refused}"),
        Self::IdentifierWanted => f.write_str("id-wanted"),
        Self::IdentifierRefused => f.write_str("id-refused"),
        Self::ExactLength => f.write_str("exact"),
        Self::LostAfter(status) => write!(f, "lost-{status:04X}"),
    }
);
way!(
    ActiveProof,
    plain_and(
        [
            Self::ShortOnly,
            Self::ExactOnly,
            Self::ExtendedOnly,
            Self::InParts,
            Self::Truncated(31),
            Self::EmptyOnExtended
        ]
        .into_iter()
        .chain(Refused::each(&[0x6D00, 0x6985, 0x6982]).map(Self::Refused))
    ),
    |way, f| match way {
        Self::Works => f.write_str("works"),
        Self::ShortOnly => f.write_str("256-only"),
        Self::ExactOnly => f.write_str("exact-only"),
        Self::ExtendedOnly => f.write_str("extended-only"),
        Self::InParts => f.write_str("in-parts"),
        Self::Truncated(length) => write!(f, "first-{length}"),
        Self::EmptyOnExtended => f.write_str("empty-on-extended"),
        Self::Refused(refused) => write!(f, "{refused}"),
    }
);
way!(Moment, vec![Self::Always, Self::SecondFile, Self::Portrait, Self::Late, Self::Once], |way, f| f.write_str(
    match way {
        Self::Always => "always",
        Self::SecondFile => "second-file",
        Self::Portrait => "dg2",
        Self::Late => "late",
        Self::Once => "once",
    }
));

/// A switch of [`Manners`], by its number in the table.
#[derive(Clone, Copy)]
pub struct Switch {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
    count: fn() -> usize,
    values: fn() -> Vec<String>,
    get: fn(&Manners) -> String,
    set: fn(&mut Manners, usize),
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Switch({})", self.name)
    }
}

impl Switch {
    /// What the switch can say; the first is the plain manner.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        (self.values)()
    }

    /// How many values it has.
    #[must_use]
    pub fn count(&self) -> usize {
        (self.count)()
    }

    /// What it says here.
    #[must_use]
    pub fn get(&self, manners: &Manners) -> String {
        (self.get)(manners)
    }

    /// Sets it to one of its values, by number.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn set(&self, manners: &mut Manners, value: usize) {
        (self.set)(manners, value);
    }
}

macro_rules! manners {
    ($($(#[$doc:meta])* $field:ident: $kind:ty = $name:literal, $about:literal;)*) => {
        /// The manners of a chip. The default is the plain card.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Manners {
            $($(#[$doc])* #[doc = $about] pub $field: $kind,)*
        }

        $(impl From<$kind> for Manners {
            fn from($field: $kind) -> Self {
                Self { $field, ..Self::default() }
            }
        })*

        /// All switches.
        pub const SWITCHES: &[Switch] = &[$(Switch {
            name: $name,
            about: $about,
            count: || <$kind>::all().len(),
            values: || <$kind>::all().iter().map(ToString::to_string).collect(),
            get: |manners| manners.$field.to_string(),
            set: |manners, value| manners.$field = <$kind>::all()[value],
        },)*];
    };
}

manners! {
    sfi: Sfi = "sfi", "READ BINARY by short identifier";
    past_end: PastEnd = "past-end", "READ BINARY with an Le past the end of the file";
    largest: Largest = "largest", "the largest Le of READ BINARY, and what comes above it";
    extended: Extended = "extended", "length fields in extended form";
    odd: Odd = "odd", "READ BINARY with odd INS";
    select_file: SelectFile = "select-file", "the P2 of SELECT EF, and what comes of others";
    select_application: SelectApplication = "select-application", "the same of SELECT application";
    master_file: MasterFile = "master-file", "SELECT MF";
    card_access: CardAccess = "card-access", "how EF.CardAccess is read";
    place: Place = "pace-place", "where PACE runs";
    pace: Pace = "pace", "how PACE ends";
    parts: Parts = "parts", "61xx and GET RESPONSE when files are read";
    chaining: Chaining = "chaining", "long commands";
    info: Info = "info", "EF.ATR/INFO";
    chip_proof: ChipProof = "ca", "chip authentication";
    active_proof: ActiveProof = "aa", "active authentication";
    moment: Moment = "moment", "from when on the chip dislikes what it dislikes in files";
}

impl Manners {
    /// Whether a chip can have all of these at once: there is a way to every file.
    #[must_use]
    pub fn possible(&self) -> bool {
        !(self.card_access == CardAccess::SfiOnly && self.sfi != Sfi::Taken)
    }

    /// Manners by chance; `pick` gives a number below the one that it is given. A third of the switches are not plain.
    #[must_use]
    pub fn draw(mut pick: impl FnMut(usize) -> usize) -> Self {
        let mut manners = Self::default();
        for switch in SWITCHES {
            if pick(3) == 0 {
                switch.set(&mut manners, pick(switch.count()));
            }
        }
        if manners.possible() { manners } else { Self { card_access: CardAccess::default(), ..manners } }
    }
}

/// The manners that are not plain, as the command line takes them.
impl fmt::Display for Manners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Self::default();
        let mut before = "";
        for switch in SWITCHES {
            let value = switch.get(self);
            if value != switch.get(&plain) {
                write!(f, "{before}{}={value}", switch.name)?;
                before = ",";
            }
        }
        f.write_str(if before.is_empty() { "plain" } else { "" })
    }
}

/// The text names no manners.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MannersError {
    /// There is no such switch.
    #[error("no manner {0:?}; known are {known}", known = SWITCHES.iter().map(|s| s.name).collect::<Vec<_>>().join(", "))]
    Switch(String),
    /// The switch has no such value.
    #[error("{name} cannot be {value:?}; it can be {known}")]
    Value {
        /// The switch.
        name: &'static str,
        /// What it was to be.
        value: String,
        /// What it can be.
        known: String,
    },
    /// No chip has these at once.
    #[error("no chip has all of these manners: there is no way to one of its files")]
    Impossible,
}

impl FromStr for Manners {
    type Err = MannersError;

    fn from_str(text: &str) -> Result<Self, MannersError> {
        let mut manners = Self::default();
        for word in text.split(',').filter(|word| !matches!(*word, "" | "plain")) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let switch = SWITCHES.iter().find(|switch| switch.name == name);
            let switch = switch.ok_or_else(|| MannersError::Switch(name.to_owned()))?;
            let values = switch.values();
            let Some(at) = values.iter().position(|known| known == value) else {
                let known = values.join(", ");
                return Err(MannersError::Value { name: switch.name, value: value.to_owned(), known });
            };
            switch.set(&mut manners, at);
        }
        if manners.possible() { Ok(manners) } else { Err(MannersError::Impossible) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_written_and_read_and_the_first_is_plain() {
        for switch in SWITCHES {
            let values = switch.values();
            assert_eq!(switch.get(&Manners::default()), values[0], "{}", switch.name);
            for (at, value) in values.iter().enumerate() {
                assert_eq!(values.iter().position(|other| other == value), Some(at), "{} {value}", switch.name);
                let mut manners = Manners::default();
                switch.set(&mut manners, at);
                assert_eq!(manners.to_string().parse(), Ok(manners), "{} {value}", switch.name);
            }
        }
        assert_eq!(Manners::default().to_string(), "plain");
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert!(matches!("fid=1".parse::<Manners>(), Err(MannersError::Switch(name)) if name == "fid"));
        assert!(matches!("sfi=1".parse::<Manners>(), Err(MannersError::Value { name: "sfi", .. })));
        assert_eq!("sfi=6A82,card-access=sfi-only".parse::<Manners>(), Err(MannersError::Impossible));
    }
}
