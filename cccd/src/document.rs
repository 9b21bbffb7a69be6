//! What kind of document a chip is in, and which kinds a use of it takes.
//!
//! The kind is told from the signed data alone: EF.DG1, and for the number EF.DG13. What was scanned or typed to open
//! the chip says nothing about it.

use crate::cross_check::mrz_number;
use crate::dg13::{Dg13, Field};
use crate::number::Number;
use emrtd::{Document, DocumentKind, Mrz, MrzFormat};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Kinds of document, by their codes `citizen_card`, `passport`, `identity_card`, `residence_card` and `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The card of a Vietnamese citizen: CCCD, since 2024 thẻ Căn cước.
    CitizenCard,
    /// As [`DocumentKind::Passport`].
    Passport,
    /// As [`DocumentKind::IdentityCard`].
    IdentityCard,
    /// As [`DocumentKind::ResidenceCard`].
    ResidenceCard,
    /// As [`DocumentKind::Other`].
    Other,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::CitizenCard, Self::Passport, Self::IdentityCard, Self::ResidenceCard, Self::Other];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CitizenCard => "citizen_card",
            Self::Passport => DocumentKind::Passport.code(),
            Self::IdentityCard => DocumentKind::IdentityCard.code(),
            Self::ResidenceCard => DocumentKind::ResidenceCard.code(),
            Self::Other => DocumentKind::Other.code(),
        }
    }

    /// The one with this code.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Tells the kind of the document with this EF.DG1 and, where it was read, EF.DG13.
    #[must_use]
    pub fn of(mrz: &Mrz, dg13: Option<&Dg13>) -> Self {
        let of_vietnam = mrz.issuer == "VNM" && mrz.nationality == "VNM";
        let is_id1 = mrz.format == MrzFormat::Td1 && mrz.document_code.starts_with('I');
        match Document::of(mrz).kind {
            DocumentKind::IdentityCard if of_vietnam && is_id1 && has_number(mrz, dg13) => Self::CitizenCard,
            DocumentKind::IdentityCard => Self::IdentityCard,
            DocumentKind::ResidenceCard => Self::ResidenceCard,
            DocumentKind::Passport => Self::Passport,
            DocumentKind::Other | DocumentKind::Seal => Self::Other,
        }
    }
}

/// Whether the signed data carry a personal identification number.
fn has_number(mrz: &Mrz, dg13: Option<&Dg13>) -> bool {
    let national = dg13.and_then(|dg13| dg13.get(Field::IdNumber));
    national.is_some_and(|text| Number::from_spaced(text).is_some()) || mrz_number(mrz).is_some()
}

/// A text that is no kind of document to take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no kind of document that can be taken: citizen_card, passport, identity_card, residence_card, the last \
     three also with a state, as in passport:KOR"
)]
pub struct TakenError(pub String);

/// The kinds of document that a profile takes, each of every state or of one.
///
/// In settings a list of strings: `["citizen_card", "passport:KOR", "identity_card:THA"]`. An empty list takes
/// nothing, and [`Kind::Other`] is never taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Taken(Vec<(Kind, Option<String>)>);

impl Taken {
    /// Reads the strings of a profile.
    ///
    /// # Errors
    /// With the first string that is no kind, or whose state is not one to three capital letters as in an MRZ
    /// (ICAO 9303-3, section 5); a citizen card is one of Vietnam and needs no state.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, TakenError> {
        texts
            .into_iter()
            .map(|text| one(text).ok_or_else(|| TakenError(text.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a document of this kind is taken that this state issued (as in EF.DG1: three letters, or `D`).
    #[must_use]
    pub fn takes(&self, kind: Kind, issuer: &str) -> bool {
        self.0.iter().any(|(taken, state)| *taken == kind && state.as_deref().is_none_or(|state| state == issuer))
    }

    /// The strings that it was read from.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(kind, state)| match state {
            Some(state) => format!("{}:{state}", kind.code()),
            None => kind.code().to_owned(),
        })
    }
}

fn one(text: &str) -> Option<(Kind, Option<String>)> {
    let (kind, state) = text.split_once(':').map_or((text, None), |(kind, state)| (kind, Some(state)));
    let kind = Kind::find(kind).filter(|kind| *kind != Kind::Other)?;
    let fits = |state: &str| {
        matches!(state.len(), 1..=3)
            && state.bytes().all(|b| b.is_ascii_uppercase())
            && (kind != Kind::CitizenCard || state == "VNM")
    };
    state.is_none_or(fits).then(|| (kind, state.map(str::to_owned)))
}

impl TryFrom<Vec<String>> for Taken {
    type Error = TakenError;

    fn try_from(texts: Vec<String>) -> Result<Self, TakenError> {
        Self::parse(texts.iter().map(String::as_str))
    }
}

impl From<Taken> for Vec<String> {
    fn from(taken: Taken) -> Self {
        taken.texts().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emrtd::hazmat::tlv::{self, tag};

    const CARD: &str = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";

    /// The MRZ of the card with its code, issuer, nationality and number exchanged.
    fn td1(code: &str, issuer: &str, nationality: &str, number: &str) -> Mrz {
        let mut text = CARD.to_owned();
        text.replace_range(0..5, &format!("{code:<<2}{issuer:<<3}"));
        text.replace_range(45..48, nationality);
        text.replace_range(15..30, &format!("{number:<<15}"));
        Mrz::parse(&text).expect("MRZ")
    }

    fn national(number: &str) -> Dg13 {
        let string = tlv::encode(tag::UTF8_STRING, number.as_bytes());
        let entry = [tlv::encode(tag::INTEGER, &[1]), string].concat();
        let entries = tlv::encode(tag::SEQUENCE, &tlv::encode(tag::SEQUENCE, &entry));
        Dg13::parse(&tlv::encode(0x6D, &entries)).expect("EF.DG13")
    }

    #[test]
    fn a_citizen_card_is_one_of_vietnam_with_a_number_that_is_signed() {
        const NUMBER: &str = "001099000017";
        assert_eq!(Kind::of(&Mrz::parse(CARD).expect("MRZ"), None), Kind::CitizenCard);
        assert_eq!(Kind::of(&td1("I", "VNM", "VNM", NUMBER), None), Kind::CitizenCard);
        assert_eq!(Kind::of(&td1("ID", "VNM", "VNM", ""), Some(&national(NUMBER))), Kind::CitizenCard);
        // Each condition by itself.
        assert_eq!(Kind::of(&td1("ID", "VNM", "VNM", ""), None), Kind::IdentityCard);
        assert_eq!(Kind::of(&td1("ID", "VNM", "VNM", "0010990000"), Some(&national("12"))), Kind::IdentityCard);
        assert_eq!(Kind::of(&td1("ID", "VNM", "KOR", NUMBER), Some(&national(NUMBER))), Kind::ResidenceCard);
        assert_eq!(Kind::of(&td1("ID", "THA", "VNM", NUMBER), Some(&national(NUMBER))), Kind::ResidenceCard);
        assert_eq!(Kind::of(&td1("ID", "VNM", "<<<", NUMBER), None), Kind::IdentityCard);
        assert_eq!(Kind::of(&td1("A", "VNM", "VNM", NUMBER), None), Kind::IdentityCard);
        assert_eq!(Kind::of(&td1("IR", "VNM", "VNM", NUMBER), None), Kind::ResidenceCard);
    }

    #[test]
    fn other_documents_are_told_by_their_code() {
        for (code, issuer, nationality, expected) in [
            ("ID", "THA", "THA", Kind::IdentityCard),
            ("C", "D", "D<<", Kind::IdentityCard),
            ("AR", "D", "VNM", Kind::ResidenceCard),
            ("CR", "FRA", "VNM", Kind::ResidenceCard),
            ("IR", "GBR", "KOR", Kind::ResidenceCard),
            ("AC", "KOR", "KOR", Kind::Other),
            ("XX", "KOR", "KOR", Kind::Other),
            ("", "KOR", "KOR", Kind::Other),
            ("XX", "VNM", "VNM", Kind::Other),
            ("P", "USA", "USA", Kind::Passport),
        ] {
            assert_eq!(Kind::of(&td1(code, issuer, nationality, ""), None), expected, "{code} {issuer}");
        }
        let td3 = |code: &str| Mrz::parse(&format!("{code:<<2}KOR{:<<39}{:<<44}", "KIM<<MIN", "")).expect("MRZ");
        assert_eq!(Kind::of(&td3("P"), None), Kind::Passport);
        assert_eq!(Kind::of(&td3("PM"), None), Kind::Passport);
        assert_eq!(Kind::of(&td3("V"), None), Kind::Other);
        assert_eq!(Kind::of(&td3("I"), None), Kind::Other);
        let mut td2 = Mrz::parse(&format!("I<THA{:<<31}{:<<36}", "A<<B", "")).expect("MRZ");
        assert_eq!(Kind::of(&td2, None), Kind::IdentityCard);
        // What Vietnam issues as citizen cards has the size TD1.
        td2.issuer = "VNM".to_owned();
        for (nationality, expected) in [("VNM", Kind::IdentityCard), ("KOR", Kind::ResidenceCard)] {
            td2.nationality = nationality.to_owned();
            assert_eq!(Kind::of(&td2, Some(&national("001099000017"))), expected, "{nationality}");
        }
    }

    #[test]
    fn a_profile_takes_what_it_names_and_nothing_else() {
        let texts = ["citizen_card", "passport:KOR", "passport:D", "identity_card"];
        let taken = Taken::parse(texts).expect("kinds");
        for (kind, issuer, expected) in [
            (Kind::CitizenCard, "VNM", true),
            (Kind::Passport, "KOR", true),
            (Kind::Passport, "D", true),
            (Kind::Passport, "USA", false),
            (Kind::Passport, "", false),
            (Kind::IdentityCard, "THA", true),
            (Kind::ResidenceCard, "VNM", false),
            (Kind::Other, "VNM", false),
        ] {
            assert_eq!(taken.takes(kind, issuer), expected, "{kind:?} {issuer}");
        }
        assert!(Taken::parse(["passport"]).expect("kind").takes(Kind::Passport, "USA"));
        assert!(!Kind::ALL.into_iter().any(|kind| Taken::default().takes(kind, "VNM")));
        let json = serde_json::to_string(&taken).expect("JSON");
        assert_eq!(json, serde_json::to_string(&texts).expect("JSON"));
        assert_eq!(serde_json::from_str::<Taken>(&json).expect("kinds"), taken);
    }

    #[test]
    fn a_kind_that_nobody_knows_is_an_error() {
        for text in [
            "",
            "other",
            "Passport",
            "visa",
            "passport:",
            "passport:kor",
            "passport:KORE",
            "passport:KOR:D",
            "passport ",
            ":KOR",
            "citizen_card:KOR",
            "other:VNM",
        ] {
            assert_eq!(Taken::parse(["passport", text]), Err(TakenError(text.to_owned())), "{text}");
            assert!(serde_json::from_str::<Taken>(&format!("[{text:?}]")).is_err(), "{text}");
        }
        assert!(Taken::parse(["citizen_card:VNM"]).is_ok());
    }

    #[test]
    fn every_kind_has_its_code_in_json_as_well() {
        for kind in Kind::ALL {
            assert_eq!(Kind::find(kind.code()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.code());
        }
        assert_eq!(Kind::find("id_card"), None);
    }
}
