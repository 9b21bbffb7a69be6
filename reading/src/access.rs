//! What the operator or a scanner gives, turned into passwords and into what is known of the card.

use cccd::code::{Code, Kind};
use cccd::judgement::Known;
use cccd::number::Number;
use emrtd::mrz::{MrzText, Remark};
use emrtd::{MrzKey, Password};
use kiosk_ui::{Language, Phrase};
use program::Failure;
use zeroize::Zeroizing;

/// What a person typed or a card said: wiped when dropped, and no `Debug` output tells more than its length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Private(pub Zeroizing<String>);

/// For what is sealed, and for those to whom a profile releases it.
impl serde::Serialize for Private {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Private {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Private({})", self.0.len())
    }
}

impl From<String> for Private {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Passwords to try, and what was known of the card before.
#[derive(Debug, Clone, Default)]
pub struct AccessKey {
    /// Best first.
    pub passwords: Vec<Password>,
    /// For the cross-checks.
    pub known: Known,
    /// What was mended of machine readable lines.
    pub mended: Vec<Remark>,
}

/// From the 12-digit number.
///
/// # Errors
/// When it is not one.
pub fn from_number(text: &str) -> Result<AccessKey, Failure> {
    let number = Number::parse(text.trim())
        .map_err(|e| Failure::usage("number_malformed", e.to_string(), "type the 12 digits printed on the card"))?;
    Ok(of_number(number))
}

fn of_number(number: Number) -> AccessKey {
    let passwords = cccd::access::from_number(&number);
    AccessKey { passwords, known: Known { number: Some(number), ..Known::default() }, ..AccessKey::default() }
}

/// From the six-digit card access number.
///
/// # Errors
/// When it is not one.
pub fn from_can(text: &str) -> Result<AccessKey, Failure> {
    let password = Password::can(text.trim())
        .map_err(|e| Failure::usage("can_malformed", e.to_string(), "type the last six digits of the card's number"))?;
    Ok(AccessKey { passwords: vec![password], ..AccessKey::default() })
}

/// From `DOCNO,YYMMDD,YYMMDD`: document number, birth, expiry. The 12-digit number may stand for the document
/// number, whose last nine digits it ends in.
///
/// # Errors
/// When it is not that.
pub fn from_mrz(text: &str) -> Result<AccessKey, Failure> {
    let malformed = |why: String| {
        Failure::usage(
            "mrz_malformed",
            why,
            "give document number, birth and expiry as in the MRZ: 099000017,990115,390115",
        )
    };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [document, birth, expiry] = parts[..] else {
        return Err(malformed("--mrz takes three fields with commas between them".to_owned()));
    };
    let number = Number::parse(document).ok();
    let document = number.as_ref().map_or(document, Number::document_number);
    let key = MrzKey::new(document, birth, expiry).map_err(|e| malformed(e.to_string()))?;
    let known = Known { number: number.clone(), document_number: Some(document.to_owned().into()), ..Known::default() };
    Ok(AccessKey { passwords: vec![Password::Mrz(key)], known, ..AccessKey::default() })
}

/// From the lines of a machine readable zone as an OCR scanner or a person types them, or as [`from_mrz`] has it.
///
/// # Errors
/// When it is neither.
pub fn from_mrz_text(text: &str) -> Result<AccessKey, Failure> {
    if text.contains(',') && !text.contains('<') {
        return from_mrz(text);
    }
    MrzText::read(text)
        .map(from_lines)
        .map_err(|error| Failure { message: error.to_string(), ..refused(Kind::MrzUnread) })
}

fn from_lines(text: MrzText) -> AccessKey {
    if !text.remarks.is_empty() {
        let mended: Vec<_> = text.remarks.iter().map(|remark| remark.code()).collect();
        tracing::info!(mended = mended.join(", "), keys = text.keys.len(), "machine readable lines were mended");
    }
    let MrzText { keys, document_number, remarks } = text;
    let passwords = keys.into_iter().map(Password::Mrz).collect();
    AccessKey { passwords, known: Known { document_number, ..Known::default() }, mended: remarks }
}

/// From the text of a citizen card's QR code, or whatever else opens a card.
///
/// # Errors
/// When it opens none; the code says what it is.
pub fn from_qr(text: &str) -> Result<AccessKey, Failure> {
    from_scan(text, true)
}

/// From what a scanner read or a person typed. The lines of other documents than citizen cards are taken where
/// `takes_mrz`.
///
/// # Errors
/// When it opens none; the code says what it is.
pub fn from_scan(text: &str, takes_mrz: bool) -> Result<AccessKey, Failure> {
    from_code(Code::of(text), takes_mrz)
}

/// The same of a code that was told already.
///
/// # Errors
/// As [`from_scan`].
pub fn from_code(code: Code, takes_mrz: bool) -> Result<AccessKey, Failure> {
    match code {
        Code::CitizenCard(qr) => {
            let passwords = cccd::access::from_qr(&qr);
            let known = Known { number: Some(qr.number.clone()), qr: Some(*qr), ..Known::default() };
            Ok(AccessKey { passwords, known, ..AccessKey::default() })
        }
        Code::Number(number) => Ok(of_number(number)),
        Code::Mrz { mrz, is_citizen } if takes_mrz || is_citizen => Ok(from_lines(*mrz)),
        Code::Mrz { .. } => Err(passport_not_accepted()),
        Code::HealthInsurance(_) => Err(refused(Kind::HealthInsurance)),
        Code::Other(kind) => Err(refused(kind)),
    }
}

/// A passport where none is taken.
#[must_use]
pub fn passport_not_accepted() -> Failure {
    Failure::usage(
        "passport_not_accepted",
        "this profile reads citizen cards only",
        "scan the citizen card, or choose a profile that accepts passports",
    )
}

/// What is said of a code that opens nothing, on a screen.
#[must_use]
pub const fn said_of(kind: Kind) -> Phrase {
    match kind {
        Kind::HealthInsurance => Phrase::CodeInsurance,
        Kind::Vneid => Phrase::CodeVneid,
        Kind::Link => Phrase::CodeLink,
        Kind::Payment => Phrase::CodePayment,
        Kind::BoardingPass => Phrase::CodeBoardingPass,
        Kind::Seal => Phrase::CodeSeal,
        Kind::OldNumber => Phrase::CodeOldNumber,
        Kind::Mrz => Phrase::CodePassport,
        Kind::MrzUnread => Phrase::LinesNotRead,
        Kind::CitizenCardUnread => Phrase::CodeNotRead,
        Kind::Digits => Phrase::NumberWrong,
        Kind::CitizenCard | Kind::Number | Kind::Unknown => Phrase::NotACardCode,
    }
}

/// Why a code opens nothing, in a sentence, with what helps.
fn refused(kind: Kind) -> Failure {
    let remedy = match kind {
        Kind::MrzUnread => "scan or type both lines of the passport's data page anew",
        Kind::CitizenCardUnread => "scan the QR code of the citizen card again, or type its number",
        Kind::Digits => "type the 12 digits printed on the card",
        Kind::OldNumber => "type the 12 digits of the citizen card; the old card is no longer valid",
        Kind::Seal => "check it with `cccd-agent seal verify`; here scan the citizen card",
        Kind::Vneid => "scan the QR code of the citizen card itself: this device cannot ask VNeID",
        _ => "scan the QR code of the citizen card, or type its number",
    };
    let message = match kind {
        Kind::Digits => cccd::number::NumberError.to_string(),
        kind => said_of(kind).text(Language::English).to_owned(),
    };
    Failure::usage(kind.refusal().unwrap_or("qr_unknown"), message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TD3: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
    const TD1: &str = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";

    #[test]
    fn every_kind_that_opens_nothing_is_said_on_every_surface() {
        let page = include_str!("../../desk/src/page/words.js");
        let errors = include_str!("../../docs/errors.md");
        for kind in Kind::ALL {
            let Some(code) = kind.refusal() else { continue };
            let failure = refused(kind);
            assert_eq!((failure.code.as_str(), failure.remedy.is_empty()), (code, false));
            assert!(page.contains(&format!("  {code}: [")), "the desk's page has no words for {code}");
            assert!(errors.contains(&format!("`{code}`")), "docs/errors.md does not list {code}");
            let told = kind != Kind::Unknown;
            assert_eq!(said_of(kind) != Phrase::NotACardCode, told, "{kind:?}");
        }
    }

    #[test]
    fn lines_of_a_passport_open_where_the_profile_takes_passports_and_those_of_a_citizen_card_everywhere() {
        let code = |text: &str, takes| from_scan(text, takes).map(|key| key.passwords.len()).map_err(|f| f.code);
        assert_eq!(code(TD3, false), Err("passport_not_accepted".to_owned()));
        assert!(code(TD3, true).is_ok() && code(TD1, false).is_ok());
        let key = from_mrz_text(&TD3.to_lowercase()).expect("a key");
        assert_eq!(key.mended, [Remark::Case]);
        assert_eq!(from_mrz_text("P<UTO").map_err(|f| f.code).map(|_| ()), Err("mrz_malformed".to_owned()));
    }
}
