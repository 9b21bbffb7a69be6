//! Documents as bytes: EF.DG1 and EF.DG13, written by hand and not by the code that reads them.

use super::Person;

/// The number of the citizen whose cards these are.
pub const NUMBER: &str = "001099000017";
/// The number of somebody else.
pub const OTHER_NUMBER: &str = "079185000028";
/// A number that nobody has, which ends in the same six digits as [`NUMBER`]: it opens the same chip.
pub const CAN_TWIN: &str = "048200000017";

/// What document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Paper {
    /// A citizen's card of Vietnam.
    Citizen,
    /// The same, with spaces in the number of its group 13.
    CitizenSpaced,
    /// A card of Vietnam without a personal number.
    NumberlessVnm,
    /// A residence card of Vietnam.
    ResidenceVnm,
    /// A passport of Vietnam.
    PassportVnm,
    /// A visa of Vietnam.
    VisaVnm,
    /// A card of Korea (TD1), with twelve digits where Vietnam has the number.
    ForeignTd1,
    /// The same with a group 13 like Vietnam's, which has the number, too.
    ForeignTd1National,
    /// A card of Korea (TD2).
    ForeignTd2,
    /// A residence card of Korea.
    ResidenceKor,
    /// A passport of Korea.
    PassportKor,
}

/// The dates of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dates {
    /// Issued 2022-01-16, until 2039-01-15.
    Current,
    /// Until 2024-01-15.
    Expired,
    /// Issued 2027-01-16.
    NotYet,
    /// Without end.
    Endless,
    /// An end that cannot be read.
    Unreadable,
}

impl Paper {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Citizen,
        Self::CitizenSpaced,
        Self::NumberlessVnm,
        Self::ResidenceVnm,
        Self::PassportVnm,
        Self::VisaVnm,
        Self::ForeignTd1,
        Self::ForeignTd1National,
        Self::ForeignTd2,
        Self::ResidenceKor,
        Self::PassportKor,
    ];

    /// Whether Vietnam is the state that it names; Korea else.
    #[must_use]
    pub const fn is_vietnamese(self) -> bool {
        matches!(
            self,
            Self::Citizen
                | Self::CitizenSpaced
                | Self::NumberlessVnm
                | Self::ResidenceVnm
                | Self::PassportVnm
                | Self::VisaVnm
        )
    }

    /// The state in the MRZ.
    #[must_use]
    pub const fn state(self) -> &'static str {
        if self.is_vietnamese() { "VNM" } else { "KOR" }
    }

    /// What the product calls such a document.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Citizen | Self::CitizenSpaced => "citizen_card",
            Self::NumberlessVnm | Self::ForeignTd1 | Self::ForeignTd1National | Self::ForeignTd2 => "identity_card",
            Self::ResidenceVnm | Self::ResidenceKor => "residence_card",
            Self::PassportVnm | Self::PassportKor => "passport",
            Self::VisaVnm => "other",
        }
    }

    /// Whether the MRZ has the number where a card of Vietnam has it.
    #[must_use]
    pub const fn number_in_mrz(self) -> bool {
        matches!(self, Self::Citizen | Self::CitizenSpaced)
    }

    /// Whether there is a group 13.
    #[must_use]
    pub const fn is_national(self) -> bool {
        matches!(self, Self::Citizen | Self::CitizenSpaced | Self::NumberlessVnm | Self::ForeignTd1National)
    }

    /// Whether the group 13 has the number.
    #[must_use]
    pub const fn number_in_group(self) -> bool {
        matches!(self, Self::Citizen | Self::CitizenSpaced | Self::ForeignTd1National)
    }

    /// The document number.
    #[must_use]
    pub const fn document_number(self) -> &'static str {
        match self {
            Self::Citizen | Self::CitizenSpaced | Self::NumberlessVnm => "099000017",
            _ => "M12345678",
        }
    }
}

impl Dates {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Current, Self::Expired, Self::NotYet, Self::Endless, Self::Unreadable];

    const fn mrz(self) -> &'static str {
        match self {
            Self::Current | Self::NotYet => "390115",
            Self::Expired => "240115",
            Self::Endless => "991231",
            Self::Unreadable => "<<<<<<",
        }
    }

    /// Issue and expiry as group 13 has them.
    const fn national(self) -> (&'static str, &'static str) {
        match self {
            Self::Current => ("16/01/2022", "15/01/2039"),
            Self::Expired => ("16/01/2022", "15/01/2024"),
            Self::NotYet => ("16/01/2027", "15/01/2039"),
            Self::Endless => ("16/01/2022", "Không thời hạn"),
            Self::Unreadable => ("16/01/2022", "soon"),
        }
    }
}

/// ICAO 9303-3 §4.9: weights 7, 3, 1.
fn digit(text: &str) -> u32 {
    let value = |c: char| c.to_digit(36).unwrap_or(0);
    text.chars().zip([7, 3, 1].into_iter().cycle()).map(|(c, weight)| value(c) * weight).sum::<u32>() % 10
}

fn with_digit(text: &str) -> String {
    format!("{text}{}", digit(text))
}

/// A TLV object; lengths up to 65,535.
pub(super) fn object(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut out = tag.to_vec();
    match length {
        0..=127 => out.push(length as u8),
        128..=255 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(value);
    out
}

fn td1(code: &str, state: &str, nationality: &str, document: &str, optional: &str, expiry: &str, name: &str) -> String {
    let first = format!("{:<<30}", format!("{code:<<2}{state:<<3}{}{optional}", with_digit(document)));
    let (birth, expiry) = (with_digit("990115"), with_digit(expiry));
    let composite = digit(&[&first[5..], &birth, &expiry, &"<".repeat(11)].concat());
    format!("{first}{birth}M{expiry}{nationality:<<3}{}{composite}{name:<<30}", "<".repeat(11))
}

/// The MRZ of a person's card.
pub(super) fn td1_of(person: &Person) -> String {
    let first = format!("{:<<30}", format!("IDVNM{}{}", with_digit(&person.number[3..]), person.number));
    let (birth, expiry) = (with_digit(&person.mrz_birth), with_digit(&person.mrz_expiry));
    let composite = (digit(&[&first[5..], &birth, &expiry, &"<".repeat(11)].concat()) + person.wrong_digit) % 10;
    let Person { sex, mrz_name, .. } = person;
    format!("{first}{birth}{sex}{expiry}VNM{}{composite}{mrz_name:<<30}", "<".repeat(11))
}

fn td2(state: &str, document: &str, expiry: &str, name: &str) -> String {
    let (number, birth, expiry) = (with_digit(document), with_digit("990115"), with_digit(expiry));
    let composite = digit(&format!("{number}{birth}{expiry}<<<<<<<"));
    format!("{:<<36}{number}{state}{birth}M{expiry}<<<<<<<{composite}", format!("ID{state}{name}"))
}

fn td3(code: &str, state: &str, document: &str, expiry: &str, name: &str) -> String {
    let (number, birth, expiry) = (with_digit(document), with_digit("990115"), with_digit(expiry));
    let rest = format!("{expiry}{}0", "<".repeat(14));
    let composite = digit(&format!("{number}{birth}{rest}"));
    format!("{:<<44}{number}{state}{birth}M{rest}{composite}", format!("{code:<<2}{state}{name}"))
}

/// EF.DG1 of a document; of another person where `other`.
#[must_use]
pub fn paper_dg1(paper: Paper, dates: Dates, other: bool) -> Vec<u8> {
    let (name, number) = if other { ("TRAN<<THI<BINH", OTHER_NUMBER) } else { ("NGUYEN<<VAN<AN", NUMBER) };
    let document = if other { "185000028" } else { paper.document_number() };
    let expiry = dates.mrz();
    let mrz = match paper {
        Paper::Citizen | Paper::CitizenSpaced => td1("ID", "VNM", "VNM", document, number, expiry, name),
        Paper::NumberlessVnm => td1("ID", "VNM", "VNM", document, "", expiry, name),
        Paper::ResidenceVnm => td1("IR", "VNM", "KOR", document, "", expiry, name),
        Paper::PassportVnm => td3("P", "VNM", document, expiry, name),
        Paper::VisaVnm => td3("V", "VNM", document, expiry, name),
        Paper::ForeignTd1 | Paper::ForeignTd1National => td1("ID", "KOR", "KOR", document, number, expiry, name),
        Paper::ForeignTd2 => td2("KOR", document, expiry, name),
        Paper::ResidenceKor => td1("IR", "KOR", "VNM", document, "", expiry, name),
        Paper::PassportKor => td3("P", "KOR", document, expiry, name),
    };
    object(&[0x61], &object(&[0x5F, 0x1F], mrz.as_bytes()))
}

/// EF.DG13 of a document that has one.
#[must_use]
pub fn paper_dg13(paper: Paper, dates: Dates, other: bool) -> Vec<u8> {
    let (issued, expires) = dates.national();
    let (name, number) = if other { ("Trần Thị Bình", OTHER_NUMBER) } else { ("Nguyễn Văn An", NUMBER) };
    let number = match paper {
        Paper::CitizenSpaced => format!("{} {} {}", &number[..3], &number[3..6], &number[6..]),
        _ if paper.number_in_group() => number.to_owned(),
        _ => String::new(),
    };
    let fields = [
        (1, &*number),
        (2, name),
        (3, "15/01/1999"),
        (4, "Nam"),
        (5, "Việt Nam"),
        (9, "Số 1, Đường Ví Dụ"),
        (11, issued),
        (12, expires),
    ];
    let entry = |(index, text): &(u8, &str)| {
        object(&[0x30], &[object(&[0x02], &[*index]), object(&[0x0C], text.as_bytes())].concat())
    };
    let entries: Vec<u8> = fields.iter().filter(|(_, text)| !text.is_empty()).flat_map(entry).collect();
    object(&[0x6D], &object(&[0x30], &entries))
}
