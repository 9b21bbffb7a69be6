//! What of a holder a profile may name: the closed list, with what the law calls each.

use serde::{Deserialize, Serialize};

/// A datum about the holder of a card, by the canonical name of the field dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Item {
    IdNumber,
    /// Of a passport, or the nine digits in the MRZ of a citizen card.
    DocumentNumber,
    FullName,
    /// `dd/MM/yyyy`.
    DateOfBirth,
    /// `Nam` or `Nữ`; `M`, `F` or `<` of a passport.
    Sex,
    /// Text of the citizen card; three letters of a passport.
    Nationality,
    Ethnicity,
    Religion,
    PlaceOfOrigin,
    Residence,
    Features,
    /// `dd/MM/yyyy`.
    IssueDate,
    /// `dd/MM/yyyy`, or text such as `Không thời hạn`.
    ExpiryDate,
    Father,
    Mother,
    Spouse,
    OldIdNumber,
    /// Of a passport whose EF.DG11 has them.
    OtherNames,
    /// Of a passport, from EF.DG11.
    PlaceOfBirth,
    /// Of a passport, from EF.DG11.
    Telephone,
    /// Of a passport, from EF.DG11.
    Profession,
    /// Of a passport, from EF.DG12.
    IssuingAuthority,
    /// The image as it stands in EF.DG2: JPEG or JPEG 2000.
    Portrait,
}

/// What the Law on Personal Data Protection 91/2025/QH15 and Decree 356/2025/NĐ-CP call a datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Sensitivity {
    Basic,
    Sensitive,
}

impl Item {
    /// Every one, in the order in which people read them.
    pub const ALL: [Self; 23] = [
        Self::IdNumber,
        Self::DocumentNumber,
        Self::FullName,
        Self::DateOfBirth,
        Self::Sex,
        Self::Nationality,
        Self::Ethnicity,
        Self::Religion,
        Self::PlaceOfOrigin,
        Self::Residence,
        Self::Features,
        Self::IssueDate,
        Self::ExpiryDate,
        Self::Father,
        Self::Mother,
        Self::Spouse,
        Self::OldIdNumber,
        Self::OtherNames,
        Self::PlaceOfBirth,
        Self::Telephone,
        Self::Profession,
        Self::IssuingAuthority,
        Self::Portrait,
    ];

    /// The stable name in profiles, JSON and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdNumber => "id_number",
            Self::DocumentNumber => "document_number",
            Self::FullName => "full_name",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
            Self::Nationality => "nationality",
            Self::Ethnicity => "ethnicity",
            Self::Religion => "religion",
            Self::PlaceOfOrigin => "place_of_origin",
            Self::Residence => "residence",
            Self::Features => "features",
            Self::IssueDate => "issue_date",
            Self::ExpiryDate => "expiry_date",
            Self::Father => "father",
            Self::Mother => "mother",
            Self::Spouse => "spouse",
            Self::OldIdNumber => "old_id_number",
            Self::OtherNames => "other_names",
            Self::PlaceOfBirth => "place_of_birth",
            Self::Telephone => "telephone",
            Self::Profession => "profession",
            Self::IssuingAuthority => "issuing_authority",
            Self::Portrait => "portrait",
        }
    }

    /// The datum of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|item| item.name() == name)
    }

    /// What it is called at a desk, in Vietnamese and English.
    #[must_use]
    pub const fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::IdNumber => ("Số định danh cá nhân", "Personal number"),
            Self::DocumentNumber => ("Số giấy tờ", "Document number"),
            Self::FullName => ("Họ và tên", "Full name"),
            Self::DateOfBirth => ("Ngày sinh", "Date of birth"),
            Self::Sex => ("Giới tính", "Sex"),
            Self::Nationality => ("Quốc tịch", "Nationality"),
            Self::Ethnicity => ("Dân tộc", "Ethnicity"),
            Self::Religion => ("Tôn giáo", "Religion"),
            Self::PlaceOfOrigin => ("Quê quán / nơi đăng ký khai sinh", "Place of origin"),
            Self::Residence => ("Nơi cư trú trên thẻ", "Residence on the card"),
            Self::Features => ("Đặc điểm nhận dạng", "Features"),
            Self::IssueDate => ("Ngày cấp", "Date of issue"),
            Self::ExpiryDate => ("Có giá trị đến", "Date of expiry"),
            Self::Father => ("Họ tên cha", "Father"),
            Self::Mother => ("Họ tên mẹ", "Mother"),
            Self::Spouse => ("Họ tên vợ/chồng", "Spouse"),
            Self::OldIdNumber => ("Số cũ (CMND, định danh)", "Old number"),
            Self::OtherNames => ("Tên gọi khác", "Other names"),
            Self::PlaceOfBirth => ("Nơi sinh", "Place of birth"),
            Self::Telephone => ("Số điện thoại trên giấy tờ", "Telephone in the document"),
            Self::Profession => ("Nghề nghiệp", "Profession"),
            Self::IssuingAuthority => ("Nơi cấp", "Issuing authority"),
            Self::Portrait => ("Ảnh chân dung", "Portrait"),
        }
    }

    /// How the law ranks it. Ethnicity, religion and what a body looks like are sensitive.
    #[must_use]
    pub const fn sensitivity(self) -> Sensitivity {
        match self {
            Self::Ethnicity | Self::Religion | Self::Features | Self::Portrait => Sensitivity::Sensitive,
            _ => Sensitivity::Basic,
        }
    }

    /// The data group that holds it: of a citizen card or, where that has no such datum, of a passport. A passport has
    /// names and dates in DG1, and in DG11 and DG12 where they are read.
    #[must_use]
    pub const fn data_group(self) -> u8 {
        match self {
            Self::Portrait => 2,
            Self::DocumentNumber => 1,
            Self::OtherNames | Self::PlaceOfBirth | Self::Telephone | Self::Profession => 11,
            Self::IssuingAuthority => 12,
            _ => 13,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_serde_reads() {
        for item in Item::ALL {
            assert_eq!(serde_json::to_value(item).expect("JSON"), item.name());
            assert_eq!(Item::find(item.name()), Some(item));
        }
    }
}
