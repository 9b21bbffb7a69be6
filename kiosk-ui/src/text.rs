//! Every phrase in both languages.

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Language {
    Vietnamese,
    English,
}

macro_rules! phrases {
    ($($name:ident: $vi:literal, $en:literal;)*) => {
        /// Something that is said to a person.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the phrases stand beside the names")]
        pub enum Phrase {
            $($name,)*
        }

        impl Phrase {
            /// Every phrase.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The phrase in a language.
            #[must_use]
            pub const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::Vietnamese) => $vi,
                      (Self::$name, Language::English) => $en,)*
                }
            }
        }
    };
}

phrases! {
    Genuine: "Thẻ thật", "The card is genuine";
    NotGenuine: "Thẻ không hợp lệ", "The card is not genuine";
    Undecided: "Chưa thể kết luận", "No conclusion possible";
    NextGenuine: "Trả thẻ cho người dân", "Give the card back";
    NextNotGenuine: "Giữ bình tĩnh, mời người phụ trách kiểm tra", "Stay calm and call the person in charge";
    NextUndecided: "Kiểm tra chứng thư tin cậy của thiết bị hoặc xem thẻ bằng mắt",
        "Check the device's trust anchors, or examine the card by eye";
    PlaceCard: "Đặt thẻ lên đầu đọc", "Lay the card on the reader";
    KeepCard: "Giữ yên thẻ", "Leave the card where it is";
    PutCardBack: "Đặt lại thẻ lên đầu đọc để đọc tiếp", "Put the card back on the reader to go on";
    TakeCard: "Lấy lại thẻ", "Take the card back";
    TryAgain: "Thử lại", "Try again";
    CheckNumber: "Kiểm tra lại số thẻ", "Check the number on the card";
    CallStaff: "Gọi nhân viên", "Call staff";
    ScanOrType: "Quét mã QR hoặc nhập số thẻ", "Scan the QR code or type the card's number";
    HealthInsuranceCard: "Đây là thẻ bảo hiểm y tế, hãy quét căn cước", "This is a health insurance card; scan the citizen card";
    CheckSignature: "Chữ ký của cơ quan cấp", "Issuer's signature";
    CheckChain: "Chứng thư của cơ quan cấp", "Issuer's certificate";
    CheckValidity: "Hiệu lực chứng thư", "Certificate validity";
    CheckRevocation: "Chứng thư chưa bị thu hồi", "Certificate not revoked";
    CheckHash: "Dữ liệu không bị sửa", "Data unaltered";
    CheckCopy: "Chip không bị sao chép", "Chip is no copy";
    CheckConsistent: "Thông tin trên thẻ khớp nhau", "The card's details agree";
}

impl Phrase {
    /// The phrase in both languages, Vietnamese first.
    #[must_use]
    pub fn both(self) -> String {
        format!("{} / {}", self.text(Language::Vietnamese), self.text(Language::English))
    }

    /// What a check of this identifier is called.
    #[must_use]
    pub fn of_check(id: &str) -> Self {
        match id {
            "sod_signature" | "card_security" => Self::CheckSignature,
            "dsc_chain" => Self::CheckChain,
            "dsc_validity" => Self::CheckValidity,
            "dsc_revocation" => Self::CheckRevocation,
            "active_authentication" | "chip_authentication" | "pace_cam" => Self::CheckCopy,
            id if id.starts_with("dg_hash.") => Self::CheckHash,
            _ => Self::CheckConsistent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_phrase_is_empty_or_the_same_in_both_languages() {
        let mut seen = BTreeSet::new();
        for phrase in Phrase::ALL {
            let (vi, en) = (phrase.text(Language::Vietnamese), phrase.text(Language::English));
            assert!(!vi.is_empty() && !en.is_empty() && vi != en, "{phrase:?}");
            assert!(seen.insert(vi), "{phrase:?} repeats {vi}");
        }
    }
}
