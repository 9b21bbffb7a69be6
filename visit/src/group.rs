//! Of whom a field of a form is asked: children, foreigners, whoever showed a paper without a name of its own. Pure: the day comes
//! as an argument.

use crate::content::Content;
use crate::profile::{FormField, Group, Item};
use crate::source::{Paper, Source};
use cccd::date::CardDate;
use time::{Date, Month};

impl Group {
    /// Whether somebody is of it on a day. Of whom the day of birth is not known to the day, the youngest that they can be counts: a child
    /// is never taken for a grown-up. Of whom nothing is known is no child.
    #[must_use]
    pub fn has(self, content: &Content, today: Date) -> bool {
        match self {
            Self::Below7 => is_below(content, 7, today),
            Self::Below14 => is_below(content, 14, today),
            Self::Below16 => is_below(content, 16, today),
            Self::Citizen => is_citizen(content.source, nationality(content)),
            Self::Foreigner => !is_citizen(content.source, nationality(content)),
            Self::OtherPaper => {
                !content.source.is_chip()
                    && content
                        .assurance
                        .as_ref()
                        .is_some_and(|assurance| assurance.document == Paper::OtherPaper.code())
            }
        }
    }

    /// What it is called beside a field, in Vietnamese and English.
    #[must_use]
    pub const fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Below7 => ("trẻ dưới 7 tuổi", "under 7"),
            Self::Below14 => ("trẻ dưới 14 tuổi", "under 14"),
            Self::Below16 => ("trẻ dưới 16 tuổi", "under 16"),
            Self::Citizen => ("công dân Việt Nam", "citizens of Vietnam"),
            Self::Foreigner => ("người nước ngoài", "foreigners"),
            Self::OtherPaper => ("giấy tờ khác", "another paper"),
        }
    }
}

fn nationality(content: &Content) -> Option<&str> {
    content.items.get(&Item::Nationality).map(|text| text.as_str())
}

/// Whether somebody is a citizen of Vietnam: by their card, else by what they are called.
#[must_use]
pub fn is_citizen(source: Source, nationality: Option<&str>) -> bool {
    source == Source::CitizenCard || nationality.is_some_and(is_vietnam)
}

/// Whether a text is how people write this state: with marks or without, in one word or two, or its codes.
#[must_use]
pub fn is_vietnam(text: &str) -> bool {
    let plain = cccd::name::Folded::new(text).plain().replace(' ', "");
    matches!(plain.as_str(), "vietnam" | "vnm" | "vn")
}

/// Whether somebody is, or may be, younger than so many years.
#[must_use]
pub fn is_below(content: &Content, years: u8, today: Date) -> bool {
    let born = content.items.get(&Item::DateOfBirth).and_then(|text| CardDate::from_text(text.as_str()));
    born.and_then(|born| youngest(born, today)).is_some_and(|age| age < i32::from(years))
}

/// The age in whole years of the youngest whom a date of birth fits; nothing where no year is known.
#[must_use]
pub fn youngest(born: CardDate, today: Date) -> Option<i32> {
    let year = born.year()?;
    let (month, day) = match born {
        CardDate::Day(day) => (day.month(), day.day()),
        CardDate::Month { month, .. } => (month, month.length(year)),
        CardDate::Year(_) | CardDate::Unknown => (Month::December, 31),
    };
    let had = (u8::from(today.month()), today.day()) >= (u8::from(month), day);
    Some(today.year() - year - i32::from(!had))
}

impl FormField {
    /// Whether it is asked of somebody.
    #[must_use]
    pub fn is_asked_of(&self, content: &Content, today: Date) -> bool {
        self.asked_of.is_none_or(|group| group.has(content, today))
    }
}
