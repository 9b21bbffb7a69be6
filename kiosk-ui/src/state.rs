//! What the kiosk knows that shows. A pure value: whoever drives it has clocks and devices.

mod device;
mod setup;
mod step;

pub use crate::holder::Holder;
pub use device::{About, Carried, EnrolStep, Enrolment, Part, Trouble};
pub use setup::{Calibration, Lack, MARKS, NotStarted};
pub use step::{Answer, Consent, Help, Queue, Review, Side};

use crate::judged::Judged;
use crate::panel::Panel;
use crate::text::{Language, Phrase};
use crate::typing::Typing;

/// What a touch asks for. A `Debug` output does not tell which digit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Act {
    Start,
    Agree,
    Cancel,
    Back,
    NoCard,
    TypeNumber,
    Digit(u8),
    Backspace,
    Confirm,
    Retry,
    OtherCard,
    MoreTime,
    Finish,
    Language,
    TextSize,
    Contrast,
    Speech,
    Staff,
    Technician,
    Key(char),
    Shift,
    Digits,
    Choose(u8),
    More,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Start => "Start",
            Self::Agree => "Agree",
            Self::Cancel => "Cancel",
            Self::Back => "Back",
            Self::NoCard => "NoCard",
            Self::TypeNumber => "TypeNumber",
            Self::Digit(_) => "Digit",
            Self::Backspace => "Backspace",
            Self::Confirm => "Confirm",
            Self::Retry => "Retry",
            Self::OtherCard => "OtherCard",
            Self::MoreTime => "MoreTime",
            Self::Finish => "Finish",
            Self::Language => "Language",
            Self::TextSize => "TextSize",
            Self::Contrast => "Contrast",
            Self::Speech => "Speech",
            Self::Staff => "Staff",
            Self::Technician => "Technician",
            // Not which.
            Self::Key(_) => "Key",
            Self::Shift => "Shift",
            Self::Digits => "Digits",
            Self::Choose(_) => "Choose",
            Self::More => "More",
        })
    }
}

/// What can be set for one person and is reset for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences {
    /// The language.
    pub language: Language,
    /// Larger text.
    pub large: bool,
    /// White and yellow on black.
    pub high_contrast: bool,
    /// Everything is read out.
    pub speech: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { language: Language::Vietnamese, large: false, high_contrast: false, speech: false }
    }
}

/// The steps of a read as people see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ReadStep {
    Connect,
    Unlock,
    Text,
    Portrait,
    Verify,
}

impl ReadStep {
    /// In order.
    pub const ALL: [Self; 5] = [Self::Connect, Self::Unlock, Self::Text, Self::Portrait, Self::Verify];

    /// What it is called.
    #[must_use]
    pub const fn phrase(self) -> Phrase {
        match self {
            Self::Connect => Phrase::StepConnect,
            Self::Unlock => Phrase::StepUnlock,
            Self::Text => Phrase::StepText,
            Self::Portrait => Phrase::StepPortrait,
            Self::Verify => Phrase::StepVerify,
        }
    }
}

/// What went wrong, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// What happened.
    pub what: Phrase,
    /// What to do.
    pub next: Phrase,
    /// How often it may be tried again; at none, staff is called.
    pub tries_left: u8,
    /// Whoever stands there is turned away; else it is nobody's fault, and no red is shown.
    pub refused: bool,
}

/// Which letters the keyboard on the glass has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Layer {
    #[default]
    Lower,
    Upper,
    Digits,
}

/// A field of a form, while it is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What is asked for, in Vietnamese and English.
    pub label: (String, String),
    /// What was typed so far.
    pub text: Typing,
    /// Which field of how many, from 0.
    pub at: usize,
    /// How many there are.
    pub of: usize,
    /// Which letters there are to press.
    pub layer: Layer,
    /// It was left empty and must not be.
    pub wrong: bool,
}

/// One of several things is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is asked for, in Vietnamese and English.
    pub label: (String, String),
    /// What there is to choose from.
    pub options: Vec<(String, String)>,
    /// The first of them that shows.
    pub from: usize,
}

/// How many choices a panel shows at once.
#[must_use]
pub const fn choices_shown(panel: Panel) -> usize {
    if panel.is_tiny() {
        0
    } else if panel.is_portrait() && !panel.is_slim() {
        8
    } else {
        4
    }
}

/// Something that the site tells people while nobody is served, in Vietnamese and English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// A few words.
    pub title: (String, String),
    /// A sentence or two.
    pub text: (String, String),
    /// An address, shown as a QR code.
    pub link: Option<String>,
}

/// How many digits a citizen's number has.
pub const NUMBER_DIGITS: usize = 12;

/// Which screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// The device has to be let in first.
    Enrolment(Enrolment),
    /// Nobody is there.
    Attract,
    /// What is done with the data, and whether the person agrees.
    Consent(Consent),
    /// Scan the QR code, or type the number.
    Scan {
        /// A health insurance card was scanned already.
        insurance: bool,
    },
    /// The number by hand; only how many digits are there shows.
    Number {
        /// Digits so far.
        typed: usize,
        /// The last try was wrong.
        wrong: bool,
    },
    /// What there is for those who have no card.
    NoCard {
        /// Passports and residence cards are taken, too.
        passports: bool,
    },
    /// Lay the card on the reader.
    Place,
    /// The chip is read.
    Reading {
        /// Where it stands.
        step: ReadStep,
        /// Per cent of the whole.
        per_cent: u8,
        /// Whose card it is, once known.
        holder: Option<Holder>,
    },
    /// The card was lifted in the middle; the read waits for it.
    Lifted,
    /// What the card came to.
    Result(Judged),
    /// Something to fill in.
    Form(Field),
    /// Something to choose.
    Choice(Choice),
    /// What was filled in, before anything is printed or sent.
    Review(Review),
    /// A number in the queue.
    Ticket {
        /// As called.
        number: String,
        /// Where to go.
        place: String,
        /// How many are before it, where the counter said so.
        queue: Option<Queue>,
    },
    /// The card still lies there.
    TakeCard,
    /// Something went wrong.
    Problem(Problem),
    /// Staff was called, or is somewhere; it stands over what was going on, which stays.
    Staff(Help),
    /// Does the person need more time?
    MoreTime,
    /// The kiosk cannot work without this part; [`State::parts`] says since when.
    OutOfService(Part),
    /// What a technician wants to see.
    Technician,
    /// Whether the whole picture shows, and upright.
    TestPicture,
    /// Marks to touch.
    Calibration(Calibration),
    /// The kiosk does not work.
    NotStarted(NotStarted),
}

impl Screen {
    /// Whether it has the panel to itself: nobody is served yet.
    #[must_use]
    pub const fn is_bare(&self) -> bool {
        matches!(self, Self::TestPicture | Self::Calibration(_) | Self::NotStarted(_))
    }

    /// Which of the three named steps it belongs to.
    #[must_use]
    pub const fn step(&self) -> Option<usize> {
        match self {
            Self::Consent(_) | Self::Scan { .. } | Self::Number { .. } | Self::NoCard { .. } => Some(0),
            Self::Place | Self::Reading { .. } | Self::Lifted => Some(1),
            Self::Result(_) | Self::Form(_) | Self::Choice(_) | Self::Review(_) | Self::Ticket { .. } => Some(2),
            _ => None,
        }
    }
}

/// The time as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WallClock {
    /// `08:41`.
    pub time: String,
    /// 0 is Monday.
    pub weekday: u8,
    /// `23/11/2026`.
    pub date: String,
}

/// Everything that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The panel.
    pub panel: Panel,
    /// This person's settings.
    pub preferences: Preferences,
    /// The screen.
    pub screen: Screen,
    /// Name of the site.
    pub site: String,
    /// Time of day and date.
    pub clock: WallClock,
    /// Tenths of a second, for what moves.
    pub tick: u32,
    /// Seconds until the screen closes itself.
    pub seconds_left: Option<u16>,
    /// Seconds that it had.
    pub seconds_of: u16,
    /// Where the reader is, seen from the glass; `None` where nobody said.
    pub reader_at: Option<Side>,
    /// Where the scanner is.
    pub scanner_at: Option<Side>,
    /// What is being pressed.
    pub pressed: Option<Act>,
    /// The parts that this kiosk has, and what is wrong with them.
    pub parts: Vec<(Part, Option<Trouble>)>,
    /// For the technician.
    pub about: About,
    /// What shows between two calls to begin.
    pub notice: Option<Notice>,
}

impl State {
    /// A kiosk that nobody uses.
    #[must_use]
    pub fn new(panel: Panel, site: &str) -> Self {
        Self {
            panel,
            preferences: Preferences::default(),
            screen: Screen::Attract,
            site: site.to_owned(),
            clock: WallClock::default(),
            tick: 0,
            seconds_left: None,
            seconds_of: 0,
            reader_at: None,
            scanner_at: None,
            pressed: None,
            parts: Vec::new(),
            about: About::default(),
            notice: None,
        }
    }

    /// What is wrong with a part that this kiosk has.
    #[must_use]
    pub fn trouble(&self, part: Part) -> Option<&Trouble> {
        self.parts.iter().find(|(each, _)| *each == part)?.1.as_ref()
    }

    /// Whether this kiosk has a part and it works.
    #[must_use]
    pub fn works(&self, part: Part) -> bool {
        self.parts.iter().any(|(each, trouble)| *each == part && trouble.is_none())
    }
}
