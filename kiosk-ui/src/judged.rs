//! What a card came to, as a screen shows it: the word, what becomes of the visit, and the facts behind both.

use crate::holder::Holder;
use crate::icon::Icon;
use crate::text::Language;
use crate::words::{self, Pair};
use verdict::{Admission, Because, Rung, Word};

/// A text of the site's in Vietnamese and English.
pub type Texts = (String, String);

/// What a card came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The word over it.
    pub word: Word,
    /// What becomes of the visit.
    pub admission: Admission,
    /// Whose card it is, until the card is gone.
    pub holder: Option<Holder>,
    /// What is listed, in this order.
    pub facts: Vec<Fact>,
    /// What follows, where the visit goes on.
    pub then: Then,
    /// What the site calls the place where staff is: `Quầy 1`.
    pub desk: Option<Texts>,
}

/// What follows a result where the visit goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Then {
    /// Nothing more is asked.
    #[default]
    Finish,
    /// The number in the queue.
    Ticket,
    /// Something that has a name: `chọn khoa`, `choose a department`.
    Named(Texts),
}

/// Which kind of document another document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Document {
    Passport,
    IdentityCard,
    ResidenceCard,
    Other,
}

/// The sign before a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Mark {
    Tick,
    Question,
    Date,
    Info,
    Passport,
    Card,
    Arrow,
}

impl Mark {
    /// Its picture.
    #[must_use]
    pub const fn icon(self) -> Icon {
        match self {
            Self::Tick => Icon::Tick,
            Self::Question => Icon::Question,
            Self::Date => Icon::Clock,
            Self::Info => Icon::Info,
            Self::Passport => Icon::Passport,
            Self::Card => Icon::Card,
            Self::Arrow => Icon::ArrowRight,
        }
    }
}

/// Something that is listed under a result. Dates are text as people read it: `01/01/2040`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The chip answered rightly and the data are intact.
    Intact,
    /// The issuer is the right one.
    Issuer,
    /// The operator accepted the signer.
    Accepted,
    /// Issuer and chip are right, though something else stands against the card.
    Verified,
    /// Nobody here vouches for the signer.
    IssuerUnknown,
    /// In date until this day.
    InDate(String),
    /// After this day.
    Expired(String),
    /// Before this day.
    ValidFrom(String),
    /// The card's dates, or today's, are not certain.
    DatesUnknown,
    /// The sentence that goes with a word.
    Says(Word),
    /// Which kind of document it is.
    Is(Document),
    /// Which kind is taken here: `thẻ căn cước`.
    Takes(Texts),
    /// How to get to the desk.
    Way(Texts),
}

/// What a caller knows beside the word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// How much is assured.
    pub rung: Option<Rung>,
    /// The day of expiry, where it is certain: `01/01/2040`.
    pub until: Option<String>,
    /// The day of issue, where that has not come.
    pub from: Option<String>,
    /// Which kind of document it is.
    pub document: Option<Document>,
    /// Which kind is taken here.
    pub takes: Option<Texts>,
    /// The name of the place where staff is.
    pub desk: Option<Texts>,
    /// How to get there.
    pub way: Option<Texts>,
}

impl Judged {
    /// What is shown of a word and what becomes of the visit.
    #[must_use]
    pub fn new(word: Word, admission: Admission, details: Details) -> Self {
        let Details { rung, until, from, document, takes, desk, way } = details;
        let rung = match word {
            Word::Proved => Some(Rung::Proved),
            Word::Pinned => Some(Rung::Pinned),
            Word::Signed => Some(Rung::Signed),
            Word::Expired | Word::NotYetValid => rung,
            _ => None,
        };
        let mut facts = match rung {
            Some(Rung::Proved | Rung::Pinned) if !word.is_green() => vec![Fact::Verified],
            Some(Rung::Proved) => vec![Fact::Intact, Fact::Issuer],
            Some(Rung::Pinned) => vec![Fact::Intact, Fact::Accepted],
            Some(Rung::Signed) => vec![Fact::Intact],
            _ => Vec::new(),
        };
        let certain = admission.because() != Some(Because::ValidityUnknown);
        match word {
            Word::Proved | Word::Pinned | Word::Signed => facts.extend(until.filter(|_| certain).map(Fact::InDate)),
            Word::Expired => facts.extend(until.map(Fact::Expired)),
            Word::NotYetValid => facts.extend(from.map(Fact::ValidFrom)),
            Word::OtherDocument => {
                facts.push(document.map_or(Fact::Says(word), Fact::Is));
                facts.extend(takes.map(Fact::Takes));
            }
            _ => facts.push(Fact::Says(word)),
        }
        if rung == Some(Rung::Signed) {
            facts.push(Fact::IssuerUnknown);
        }
        if !certain {
            facts.push(Fact::DatesUnknown);
        }
        if !admission.goes_on() {
            facts.extend(way.map(Fact::Way));
        }
        Self { word, admission, holder: None, facts, then: Then::default(), desk }
    }

    /// Whose card it is.
    #[must_use]
    pub fn of(mut self, holder: Option<Holder>) -> Self {
        self.holder = holder;
        self
    }

    /// What follows.
    #[must_use]
    pub fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    /// What the person is told of the visit.
    #[must_use]
    pub fn course(&self, language: Language) -> String {
        let desk = self.desk.as_ref().map(|texts| pick(texts, language));
        words::with_desk(words::course(self.word, self.admission), language, desk)
    }

    /// Whether another card could change anything.
    #[must_use]
    pub const fn another_may_do(&self) -> bool {
        let good_enough = self.word.is_green() && self.admission.goes_on();
        !(good_enough || matches!(self.word, Word::Withdrawn | Word::OtherHolder | Word::NotGenuine))
    }
}

/// The text of a pair in a language.
#[must_use]
pub fn pick((vietnamese, english): &Texts, language: Language) -> &str {
    match language {
        Language::Vietnamese => vietnamese,
        Language::English => english,
    }
}

impl Document {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Passport, Self::IdentityCard, Self::ResidenceCard, Self::Other];

    const fn says(self) -> Pair {
        match self {
            Self::Passport => Pair { vi: "Đây là hộ chiếu", en: "This is a passport" },
            Self::IdentityCard => Pair { vi: "Đây là thẻ căn cước", en: "This is an identity card" },
            Self::ResidenceCard => Pair { vi: "Đây là thẻ cư trú", en: "This is a residence card" },
            Self::Other => {
                Pair { vi: "Máy không nhận loại giấy tờ này", en: "This kind of document is not taken" }
            }
        }
    }
}

impl Fact {
    /// The sign before it.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        match self {
            Self::Intact | Self::Issuer | Self::Accepted | Self::Verified | Self::InDate(_) => Mark::Tick,
            Self::IssuerUnknown | Self::DatesUnknown => Mark::Question,
            Self::Says(Word::Claimed | Word::Unproved) => Mark::Question,
            Self::Expired(_) | Self::ValidFrom(_) => Mark::Date,
            Self::Is(Document::Passport) => Mark::Passport,
            Self::Says(_) | Self::Is(Document::Other) => Mark::Info,
            Self::Is(_) | Self::Takes(_) => Mark::Card,
            Self::Way(_) => Mark::Arrow,
        }
    }

    /// How little is lost where there is no room for it: the least first. What is good needs the least saying.
    #[must_use]
    pub const fn weight(&self) -> u8 {
        match (self, self.mark()) {
            (Self::Is(_), _) | (_, Mark::Date) => 5,
            (_, Mark::Arrow) => 4,
            (_, Mark::Question) => 3,
            (_, Mark::Card | Mark::Passport) => 2,
            (_, Mark::Info) => 1,
            (_, Mark::Tick) => 0,
        }
    }

    /// What it says.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let own = |vi: &str, en: &str| match language {
            Language::Vietnamese => vi.to_owned(),
            Language::English => en.to_owned(),
        };
        match self {
            Self::Intact => own("Chip trả lời đúng, dữ liệu còn nguyên vẹn", "The chip answered rightly, data intact"),
            Self::Issuer => own("Đúng cơ quan cấp thẻ", "Issued by the right authority"),
            Self::Accepted => own("Đơn vị này chấp nhận nơi ký thẻ", "This site accepts the card’s signer"),
            Self::Verified => own("Đã xác thực thẻ", "The card is verified"),
            Self::IssuerUnknown => own(
                "Máy chưa có chứng thư của cơ quan cấp thẻ",
                "This machine has no certificate of the issuing authority",
            ),
            Self::InDate(day) => own("Thẻ còn hạn đến ", "In date until ") + day,
            Self::Expired(day) => own("Hết hạn ngày ", "Expired on ") + day,
            Self::ValidFrom(day) => own("Có hiệu lực từ ngày ", "Valid from ") + day,
            Self::DatesUnknown => own("Chưa chắc chắn về ngày của thẻ", "The card’s dates are not certain"),
            Self::Says(word) => words::of(*word).citizen.says.text(language).trim_end_matches('.').to_owned(),
            Self::Is(document) => document.says().text(language).to_owned(),
            Self::Takes((vi, en)) => match language {
                Language::Vietnamese => format!("Máy này nhận {vi}"),
                Language::English => format!("This machine takes {en}"),
            },
            Self::Way(texts) => pick(texts, language).to_owned(),
        }
    }
}
