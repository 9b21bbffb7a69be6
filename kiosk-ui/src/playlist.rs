//! What a site tells people while nobody is served: a playlist of notices.
//!
//! ```toml
//! version = 7                     # the operator's own count
//! [[notice]]
//! title_vi = "Lịch khám thứ Bảy"
//! title_en = "Open on Saturdays"
//! text_vi = "…"
//! text_en = "…"
//! link = "https://…"              # shown as a QR code; may be left out
//! from = "2026-12-01"             # first and last day; may be left out
//! until = "2027-01-31"
//! ```

use crate::state::Notice;
use serde::Deserialize;
use thiserror::Error;
use time::Date;
use time::macros::format_description;

/// Why a text is no playlist, with the line where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the playlist is not valid: {0}")]
pub struct PlaylistError(String);

/// Most notices, and most bytes of a link: more modules than that are too small for a telephone.
const MOST: (usize, usize) = (50, 300);

/// A playlist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Playlist {
    /// The operator's count.
    pub version: u64,
    notices: Vec<(Option<Date>, Option<Date>, Notice)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    notice: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    title_vi: String,
    title_en: String,
    text_vi: String,
    text_en: String,
    link: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

impl Playlist {
    /// Reads a playlist.
    ///
    /// # Errors
    /// With line and reason when it is not a playlist.
    pub fn parse(text: &str) -> Result<Self, PlaylistError> {
        let invalid = PlaylistError;
        let file: File = toml::from_str(text).map_err(|e| invalid(e.to_string().trim().to_owned()))?;
        if file.notice.len() > MOST.0 {
            return Err(invalid(format!("more than {} notices", MOST.0)));
        }
        let day = |text: Option<String>| {
            let parsed = text.map(|text| {
                Date::parse(&text, format_description!("[year]-[month]-[day]"))
                    .map_err(|_| invalid(format!("{text:?} is no day; write 2026-12-01")))
            });
            parsed.transpose()
        };
        let mut notices = Vec::new();
        for entry in file.notice {
            if entry.title_vi.trim().is_empty() || entry.title_en.trim().is_empty() {
                return Err(invalid("a notice needs a title in both languages".to_owned()));
            }
            if entry.link.as_ref().is_some_and(|link| !link.starts_with("https://") || link.len() > MOST.1) {
                return Err(invalid(format!("a link begins with https:// and has at most {} bytes", MOST.1)));
            }
            let notice = Notice {
                title: (entry.title_vi, entry.title_en),
                text: (entry.text_vi, entry.text_en),
                link: entry.link,
            };
            notices.push((day(entry.from)?, day(entry.until)?, notice));
        }
        Ok(Self { version: file.version, notices })
    }

    /// The notices of a day.
    #[must_use]
    pub fn of(&self, today: Date) -> Vec<Notice> {
        let is_now = |from: &Option<Date>, until: &Option<Date>| {
            from.is_none_or(|from| from <= today) && until.is_none_or(|until| today <= until)
        };
        self.notices.iter().filter(|(from, until, _)| is_now(from, until)).map(|(.., notice)| notice.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    const TEXT: &str = r#"
        version = 7
        [[notice]]
        title_vi = "A"
        title_en = "B"
        text_vi = ""
        text_en = ""
        link = "https://example.vn/a"
        from = "2026-12-01"
        until = "2026-12-31"
        [[notice]]
        title_vi = "C"
        title_en = "D"
        text_vi = ""
        text_en = ""
    "#;

    #[test]
    fn notices_have_their_days() {
        let playlist = Playlist::parse(TEXT).expect("playlist");
        let titles = |day| playlist.of(day).into_iter().map(|notice| notice.title.0).collect::<Vec<_>>();
        assert_eq!(titles(date!(2026 - 11 - 30)), ["C"]);
        assert_eq!(titles(date!(2026 - 12 - 01)), ["A", "C"]);
        assert_eq!(titles(date!(2026 - 12 - 31)), ["A", "C"]);
        assert_eq!(titles(date!(2027 - 01 - 01)), ["C"]);
    }

    #[test]
    fn what_is_not_a_playlist_says_why() {
        for (from, to, why) in [
            ("https://example.vn/a", "http://example.vn/a", "https"),
            ("2026-12-01", "1/12/2026", "no day"),
            ("title_vi = \"C\"", "title_vi = \" \"", "title"),
            ("version = 7", "versio = 7", "line"),
        ] {
            let failure = Playlist::parse(&TEXT.replace(from, to)).expect_err(why);
            assert!(failure.to_string().contains(why), "{failure}");
        }
    }
}
