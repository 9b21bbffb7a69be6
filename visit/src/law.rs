//! The laws that profiles, pages and docs name, and from when until when each is in force.
//!
//! A profile says in its own words what allows it. Which law that is can be told by its number, which no other text
//! has; so a ground that has lapsed is found at a site's own profile, too.
//!
//! ```
//! use time::macros::date;
//! use visit::law::{Standing, standing};
//!
//! let words = "Nghị định 13/2023/NĐ-CP; Quy chế thi";
//! let found: Vec<_> = standing(words, date!(2026 - 11 - 30)).collect();
//! assert!(matches!(found[..], [Standing::Lapsed(law)] if law.instead == ["91/2025/QH15", "356/2025/NĐ-CP"]));
//! ```

use time::Date;
use time::macros::date;

/// A law, decree, circular or decision.
#[derive(Debug, PartialEq, Eq)]
pub struct Law {
    /// Number, year and who made it, as it is cited.
    pub number: &'static str,
    /// Its title, or what it is about where the title is a sentence.
    pub title_vi: &'static str,
    /// The same in English.
    pub title_en: &'static str,
    /// Its first day in force.
    pub from: Date,
    /// Its last day, where that is known.
    pub until: Option<Date>,
    /// What came in its place.
    pub instead: &'static [&'static str],
}

/// What is known of a law that a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It is in force.
    InForce(&'static Law),
    /// It was.
    Lapsed(&'static Law),
    /// It will be.
    NotYet(&'static Law),
    /// Nothing: its number.
    Unknown(&'a str),
}

const fn law(number: &'static str, title_vi: &'static str, title_en: &'static str, from: Date) -> Law {
    Law { number, title_vi, title_en, from, until: None, instead: &[] }
}

/// What this product's own texts name, as of 2026-11: numbers and dates from the texts' own final articles, but for the end of
/// 85/2016/NĐ-CP, which one survey of the new law says. 118/2025/QH15 amends ten laws on security from 2026-07-01; which of
/// their articles was not seen.
pub const LAWS: &[Law] = &[
    law("26/2023/QH15", "Luật Căn cước", "Law on Identification", date!(2024 - 07 - 01)),
    law("91/2025/QH15", "Luật Bảo vệ dữ liệu cá nhân", "Law on Personal Data Protection", date!(2026 - 01 - 01)),
    law("356/2025/NĐ-CP", "Nghị định về bảo vệ dữ liệu cá nhân", "Decree on personal data", date!(2026 - 01 - 01)),
    Law {
        until: Some(date!(2025 - 12 - 31)),
        instead: &["91/2025/QH15", "356/2025/NĐ-CP"],
        ..law("13/2023/NĐ-CP", "Nghị định về bảo vệ dữ liệu cá nhân", "Decree on personal data", date!(2023 - 07 - 01))
    },
    law("68/2020/QH14", "Luật Cư trú", "Law on Residence", date!(2021 - 07 - 01)),
    law(
        "47/2014/QH13",
        "Luật Nhập cảnh, xuất cảnh, quá cảnh, cư trú của người nước ngoài tại Việt Nam",
        "Law on foreigners' entry, exit, transit and residence",
        date!(2015 - 01 - 01),
    ),
    law("15/2023/QH15", "Luật Khám bệnh, chữa bệnh", "Law on Medical Examination and Treatment", date!(2024 - 01 - 01)),
    law("188/2025/NĐ-CP", "Nghị định về bảo hiểm y tế", "Decree on health insurance", date!(2025 - 08 - 15)),
    law("118/2025/NĐ-CP", "Nghị định về một cửa", "Decree on one-stop desks", date!(2025 - 07 - 01)),
    law("20/2021/NĐ-CP", "Nghị định về trợ giúp xã hội", "Decree on social assistance", date!(2021 - 07 - 01)),
    law("176/2025/NĐ-CP", "Nghị định về trợ cấp hưu trí xã hội", "Decree on social pensions", date!(2025 - 07 - 01)),
    law(
        "69/2024/NĐ-CP",
        "Nghị định về định danh và xác thực điện tử",
        "Decree on electronic identification and authentication",
        date!(2024 - 07 - 01),
    ),
    law("46/2019/QH14", "Luật Thư viện", "Law on Libraries", date!(2020 - 07 - 01)),
    law("116/2025/QH15", "Luật An ninh mạng", "Law on Cybersecurity", date!(2026 - 07 - 01)),
    Law {
        until: Some(date!(2026 - 06 - 30)),
        instead: &["116/2025/QH15"],
        ..law(
            "85/2016/NĐ-CP",
            "Nghị định về bảo đảm an toàn hệ thống thông tin theo cấp độ",
            "Decree on the levels of information systems",
            date!(2016 - 07 - 01),
        )
    },
];

/// Where a law says what is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Article {
    /// The law's number.
    pub law: &'static str,
    /// Its article.
    pub article: u16,
}

/// Until when the stay of citizens is notified.
pub const STAY_OF_CITIZENS: Article = Article { law: "68/2020/QH14", article: 30 };
/// Until when that of foreigners is.
pub const STAY_OF_FOREIGNERS: Article = Article { law: "47/2014/QH13", article: 33 };

impl Article {
    /// As it is cited, in Vietnamese and English.
    #[must_use]
    pub fn cited(self) -> (String, String) {
        let title = |of: fn(&Law) -> &'static str| Law::of(self.law).map_or("", of);
        let Self { law, article } = self;
        (
            format!("{} {law}, Điều {article}", title(|law| law.title_vi)),
            format!("{} {law}, Art. {article}", title(|law| law.title_en)),
        )
    }
}

impl Law {
    /// The law of that number.
    #[must_use]
    pub fn of(number: &str) -> Option<&'static Self> {
        LAWS.iter().find(|law| law.number == number)
    }
}

/// Each law that a text names by its number, and how it stands on that day.
pub fn standing(text: &str, day: Date) -> impl Iterator<Item = Standing<'_>> {
    numbers(text).map(move |number| match Law::of(number) {
        None => Standing::Unknown(number),
        Some(law) if day < law.from => Standing::NotYet(law),
        Some(law) if law.until.is_some_and(|until| until < day) => Standing::Lapsed(law),
        Some(law) => Standing::InForce(law),
    })
}

/// `12/2026/QH15`: digits, a year, and letters that say who made it.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|sign: char| !(sign.is_alphanumeric() || sign == '/' || sign == '-'));
    words.filter(|word| {
        let mut parts = word.split('/');
        let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u16>().is_ok());
        is_number(parts.next())
            && parts.next().is_some_and(|year| year.len() == 4 && year.parse::<u16>().is_ok())
            && parts.next().is_some_and(|maker| maker.starts_with(char::is_uppercase))
            && parts.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    /// The day of the build: what lapses later fails the build after it.
    #[allow(clippy::disallowed_methods, reason = "whether a law is in force is asked on the day of the build")]
    fn today() -> Date {
        time::OffsetDateTime::now_utc().date()
    }

    #[test]
    fn no_profile_that_comes_with_the_agent_stands_on_a_law_that_is_not_in_force() {
        let mut named = 0;
        for id in Profile::names_built_in() {
            let profile = Profile::built_in(id).expect("valid");
            for standing in standing(&profile.legal_basis, today()) {
                assert!(matches!(standing, Standing::InForce(_)), "{id}: {standing:?}");
                named += 1;
            }
        }
        assert!(named > 30, "{named}");
    }

    #[test]
    fn a_law_is_in_force_from_its_first_day_to_its_last() {
        let on = |day| standing("Decree 85/2016/NĐ-CP.", day).next();
        let law = Law::of("85/2016/NĐ-CP").expect("known");
        assert_eq!(on(date!(2016 - 06 - 30)), Some(Standing::NotYet(law)));
        assert_eq!(on(date!(2016 - 07 - 01)), Some(Standing::InForce(law)));
        assert_eq!(on(date!(2026 - 06 - 30)), Some(Standing::InForce(law)));
        assert_eq!(on(date!(2026 - 07 - 01)), Some(Standing::Lapsed(law)));
    }

    #[test]
    fn a_number_is_found_in_any_words_and_nothing_else_is_one() {
        let found: Vec<_> = standing("Luật X 999/2025/QH15, Điều 3; 28/11/2026; 1/2; và/hoặc", today()).collect();
        assert_eq!(found, [Standing::Unknown("999/2025/QH15")]);
    }

    #[test]
    fn what_came_instead_is_known_and_each_number_is_there_once() {
        for law in LAWS {
            assert_eq!(LAWS.iter().filter(|other| other.number == law.number).count(), 1, "{}", law.number);
            assert_eq!(law.until.is_some(), !law.instead.is_empty(), "{}", law.number);
            assert!(law.until.is_none_or(|until| law.from < until), "{}", law.number);
            assert!(law.instead.iter().all(|number| Law::of(number).is_some()), "{}", law.number);
            assert_eq!(numbers(law.number).collect::<Vec<_>>(), [law.number]);
        }
    }
}
