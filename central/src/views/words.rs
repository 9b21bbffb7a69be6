//! What pages say: Vietnamese first, English where somebody chose it. A code that has no word here is shown as it is.

use crate::registrar::registry::DeviceState;
use crate::views::care::{Group, Trouble};

/// In which language somebody reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// Vietnamese.
    #[default]
    Vi,
    /// English.
    En,
}

impl Language {
    /// As HTML names it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// One of the two.
    pub(crate) const fn say(self, vi: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }

    /// A count with its separators: 1.234 and 1,234.
    pub(crate) fn count(self, count: u64) -> String {
        let digits = count.to_string();
        let separator = self.say(".", ",");
        let mut out = String::with_capacity(digits.len() * 4 / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                out.push_str(separator);
            }
            out.push(digit);
        }
        out
    }

    /// How long something took or is ago: the two largest units.
    pub(crate) fn span(self, seconds: i64) -> String {
        let seconds = seconds.unsigned_abs();
        let units = [(86_400, "ngày", "d"), (3600, "giờ", "h"), (60, "phút", "min")];
        let mut rest = seconds;
        let mut parts = Vec::new();
        for (length, vi, en) in units {
            let many = rest / length;
            rest %= length;
            if many > 0 || !parts.is_empty() {
                parts.push((many, self.say(vi, en)));
            }
        }
        match parts.as_slice() {
            [] => self.say("dưới 1 phút", "under 1 min").to_owned(),
            [(many, unit), (0, _), ..] | [(many, unit)] => format!("{many} {unit}"),
            [(many, unit), (less, smaller), ..] => format!("{many} {unit} {less} {smaller}"),
        }
    }
}

/// Seconds from UTC to the time in Vietnam.
pub(crate) const VIETNAM: i64 = 7 * 3600;

fn civil(at: i64) -> Option<time::OffsetDateTime> {
    time::OffsetDateTime::from_unix_timestamp(at.checked_add(VIETNAM)?).ok()
}

/// `dd/mm/yyyy` in Vietnam.
pub(crate) fn day(at: i64) -> String {
    civil(at).map_or_else(|| format!("@{at}"), |t| format!("{:02}/{:02}/{:04}", t.day(), u8::from(t.month()), t.year()))
}

/// `HH:MM` in Vietnam.
pub(crate) fn minute(at: i64) -> String {
    civil(at).map_or_else(|| format!("@{at}"), |t| format!("{:02}:{:02}", t.hour(), t.minute()))
}

/// `HH:MM:SS` in Vietnam.
pub(crate) fn second(at: i64) -> String {
    civil(at).map_or_else(|| format!("@{at}"), |t| format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second()))
}

/// RFC 3339 with the offset of Vietnam, for tables that programs read.
pub(crate) fn stamp(at: i64) -> String {
    civil(at).map_or_else(
        || format!("@{at}"),
        |t| {
            let (month, day) = (u8::from(t.month()), t.day());
            format!("{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}+07:00", t.year(), t.hour(), t.minute(), t.second())
        },
    )
}

/// The first second of a day `YYYY-MM-DD` in Vietnam.
pub(crate) fn midnight(day: &str) -> Option<i64> {
    let mut parts = day.split('-');
    let (year, month, number) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let at = emrtd::UnixTime::from_date(year.parse().ok()?, month.parse().ok()?, number.parse().ok()?)?;
    Some(at.0 - VIETNAM)
}

/// The day of a time in Vietnam, `YYYY-MM-DD`.
pub(crate) fn iso_day(at: i64) -> String {
    emrtd::UnixTime(at.saturating_add(VIETNAM)).to_string()
}

impl Trouble {
    /// What people call it.
    pub(crate) const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::ShutOut => ("Bị chặn", "Shut out"),
            Self::Ended => ("Hết chứng thư", "Certificate over"),
            Self::Silent => ("Mất liên lạc", "Silent"),
            Self::Contradicts => ("Sự kiện mâu thuẫn", "Contradictory events"),
            Self::Unreadable => ("Dữ liệu hỏng", "Unreadable data"),
            Self::Outbox => ("Gửi chậm", "Sends slowly"),
            Self::Disk => ("Đĩa gần đầy", "Disk nearly full"),
            Self::Clock => ("Lệch giờ", "Clock is off"),
            Self::Ends => ("Chứng thư sắp hết", "Certificate ends"),
            Self::Bundle => ("Cấu hình cũ", "Old configuration"),
            Self::Version => ("Phần mềm cũ", "Old software"),
        }
    }
}

impl Group {
    /// What people call it.
    pub(crate) const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Wrong(trouble) => trouble.title(),
            Self::Fine => ("Bình thường", "All well"),
            Self::Expected => ("Chưa đến", "Expected"),
            Self::Retired => ("Ngừng dùng", "Retired"),
        }
    }
}

/// What people call a state of the registry.
pub(crate) const fn state(state: DeviceState) -> (&'static str, &'static str) {
    match state {
        DeviceState::Expected => ("đang chờ", "expected"),
        DeviceState::Active => ("đang dùng", "active"),
        DeviceState::Quarantined => ("bị chặn vì có bản sao", "quarantined"),
        DeviceState::Revoked => ("đã thu hồi", "revoked"),
        DeviceState::Replaced => ("đã thay máy khác", "replaced"),
    }
}

/// What people call a kind of event.
pub(crate) fn kind(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word {
        "verification" => ("Kiểm tra thẻ", "Verification"),
        "consent" => ("Đồng ý", "Consent"),
        "visit" => ("Lượt phục vụ", "Visit"),
        "erasure" => ("Xóa dữ liệu", "Erasure"),
        "disclosure" => ("Cho xem dữ liệu", "Disclosure"),
        "signer" => ("Chứng thư ký lạ", "Unknown signer"),
        "access" => ("Nhân viên xem", "Access"),
        "change" => ("Sửa bản ghi", "Change"),
        "handover" => ("Giao ca", "Handover"),
        "tally" => ("Số đếm ngày", "Tally"),
        "device" => ("Thiết bị", "Device"),
        _ => return None,
    })
}

/// What people call a deed of the journal.
pub(crate) fn deed(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word {
        "assigned" => ("Chuyển điểm hoặc hồ sơ", "Assigned"),
        "enrolled" => ("Ghi danh", "Enrolled"),
        "renewed" => ("Gia hạn chứng thư", "Renewed"),
        "expected" => ("Đăng ký chờ", "Expected"),
        "quarantined" => ("Bị chặn", "Quarantined"),
        "released" => ("Bỏ chặn", "Released"),
        "revoked" => ("Thu hồi", "Revoked"),
        "replaced" => ("Thay máy", "Replaced"),
        "approved" => ("Xác nhận", "Approved"),
        "dismissed" => ("Từ chối yêu cầu", "Dismissed"),
        _ => return None,
    })
}

/// How good an outcome is: for the colour of its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Well.
    Good,
    /// To be looked at.
    Look,
    /// Stopped.
    Stop,
    /// Neither.
    Plain,
}

impl Tone {
    /// The class in the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "pill good",
            Self::Look => "pill look",
            Self::Stop => "pill stop",
            Self::Plain => "pill plain",
        }
    }
}

/// What people call an outcome, and how good it is.
pub(crate) fn outcome(word: &str) -> Option<((&'static str, &'static str), Tone)> {
    use Tone::{Good, Look, Plain, Stop};
    Some(match word {
        "done" => (("Xong", "Done"), Good),
        "refused" => (("Từ chối", "Refused"), Stop),
        "cancelled" => (("Bỏ dở", "Broken off"), Look),
        "proved" => (("Xác thực đủ", "Proved"), Good),
        "genuine" => (("Thẻ thật", "Genuine"), Good),
        "pinned" => (("Chứng thư ghim", "Pinned"), Good),
        "signed" => (("Chưa rõ nơi cấp", "Issuer not known"), Look),
        "shown" => (("Nhân viên xem", "Shown to staff"), Look),
        "claimed" => (("Tự khai", "Claimed"), Look),
        "unproved" => (("Chưa chứng minh", "Unproved"), Look),
        "undecided" => (("Chưa kết luận", "Undecided"), Look),
        "expired" => (("Hết hạn", "Expired"), Stop),
        "not_yet_valid" => (("Chưa có hiệu lực", "Not yet valid"), Stop),
        "withdrawn" => (("Đã thu hồi", "Withdrawn"), Stop),
        "other_document" => (("Giấy tờ khác loại", "Another document"), Stop),
        "other_card" => (("Thẻ khác", "Another card"), Stop),
        "other_holder" => (("Không phải chủ thẻ", "Another holder"), Stop),
        "not_genuine" => (("Không phải thẻ thật", "Not genuine"), Stop),
        "kept" => (("Giữ nguyên", "Kept as it is"), Plain),
        "touch" | "told_staff" | "app" => (("Đồng ý", "Agreed"), Good),
        "erased" => (("Đã xóa", "Erased"), Plain),
        "disclosed" => (("Đã cho xem", "Disclosed"), Plain),
        "seen" => (("Gặp lần đầu", "Seen"), Plain),
        "looked" => (("Đã xem", "Looked"), Plain),
        "handed_over" => (("Đã giao", "Handed over"), Plain),
        "counted" => (("Đã đếm", "Counted"), Plain),
        "bundle_activated" => (("Áp dụng cấu hình", "Bundle active"), Good),
        "bundle_refused" => (("Không nhận cấu hình", "Bundle refused"), Look),
        "bundle_stale" => (("Cấu hình quá hạn", "Bundle stale"), Look),
        "bundle_withdrawn" => (("Rút cấu hình hỏng", "Bundle withdrawn"), Look),
        "certificate_renewed" => (("Gia hạn chứng thư", "Certificate renewed"), Good),
        "clock_jumped" => (("Giờ bị nhảy", "Clock jumped"), Look),
        "time_signed" => (("Nhận giờ trung tâm", "Time taken"), Plain),
        "settings_activated" => (("Áp dụng thiết lập", "Settings active"), Good),
        "settings_refused" => (("Thiết lập sai", "Settings refused"), Look),
        "staff_called" => (("Gọi nhân viên", "Staff called"), Plain),
        "staff_came" => (("Nhân viên đến", "Staff came"), Plain),
        "update_kept" => (("Đã cập nhật", "Update kept"), Good),
        "update_failed" => (("Cập nhật hỏng", "Update failed"), Look),
        "enrolled" => (("Đã ghi danh", "Enrolled"), Good),
        _ => return None,
    })
}

/// A rung of assurance: its word and its place, 1 to 5.
pub(crate) fn rung(word: &str) -> Option<(&'static str, &'static str, u8)> {
    Some(match word {
        "claimed" => ("Tự khai", "Claimed", 1),
        "shown" => ("Nhân viên xem", "Shown", 2),
        "signed" => ("Chưa rõ nơi cấp", "Signed", 3),
        "pinned" => ("Chứng thư ghim", "Pinned", 4),
        "proved" => ("Xác thực đủ", "Proved", 5),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ages_and_days_are_written_as_people_read_them() {
        let (vi, en) = (Language::Vi, Language::En);
        assert_eq!([0, 999, 1000, 1_234_567].map(|n| vi.count(n)), ["0", "999", "1.000", "1.234.567"]);
        assert_eq!(en.count(1_234_567), "1,234,567");
        let spans = [0, 59, 60, 3600, 18_720, 86_400, 90_000, 86_460].map(|seconds| vi.span(seconds));
        assert_eq!(
            spans,
            ["dưới 1 phút", "dưới 1 phút", "1 phút", "1 giờ", "5 giờ 12 phút", "1 ngày", "1 ngày 1 giờ", "1 ngày"]
        );
        assert_eq!(en.span(18_720), "5 h 12 min");
        // 2026-11-30 23:30 UTC is the next day in Vietnam.
        let at = emrtd::UnixTime::from_date(2026, 11, 30).expect("a day").0 + 23 * 3600 + 1800;
        assert_eq!(
            (day(at).as_str(), minute(at).as_str(), iso_day(at).as_str()),
            ("01/12/2026", "06:30", "2026-12-01")
        );
        assert_eq!(stamp(at), "2026-12-01T06:30:00+07:00");
        assert_eq!(midnight("2026-12-01"), Some(at - 6 * 3600 - 1800));
        assert_eq!([midnight(""), midnight("2026-13-01"), midnight("2026-12-01-1")], [None; 3]);
    }

    #[test]
    fn every_kind_and_every_rung_of_this_version_has_its_word() {
        for word in events::Body::KINDS {
            assert!(kind(word).is_some(), "{word}");
        }
        for word in ["claimed", "shown", "signed", "pinned", "proved"] {
            assert!(rung(word).is_some() && outcome(word).is_some(), "{word}");
        }
    }
}
