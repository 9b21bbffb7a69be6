//! What the operator or a scanner gives, turned into passwords and into what is known of the card.

use crate::failure::Failure;
use cccd::judgement::Known;
use cccd::number::Number;
use cccd::qr::{self, Scan};
use emrtd::mrz::MrzKey;
use emrtd::password::Password;
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
}

/// From the 12-digit number.
///
/// # Errors
/// When it is not one.
pub fn from_number(text: &str) -> Result<AccessKey, Failure> {
    let number = Number::parse(text.trim())
        .map_err(|e| Failure::usage("number_malformed", e.to_string(), "type the 12 digits printed on the card"))?;
    let passwords = cccd::access::from_number(&number);
    Ok(AccessKey { passwords, known: Known { number: Some(number), ..Known::default() } })
}

/// From the six-digit card access number.
///
/// # Errors
/// When it is not one.
pub fn from_can(text: &str) -> Result<AccessKey, Failure> {
    let password = Password::can(text.trim())
        .map_err(|e| Failure::usage("can_malformed", e.to_string(), "type the last six digits of the card's number"))?;
    Ok(AccessKey { passwords: vec![password], known: Known::default() })
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
    Ok(AccessKey { passwords: vec![Password::Mrz(key)], known })
}

/// From the lines of a machine readable zone as an OCR scanner or a person types them, or as [`from_mrz`] has it.
///
/// # Errors
/// When it is neither.
pub fn from_mrz_text(text: &str) -> Result<AccessKey, Failure> {
    let lines = Zeroizing::new(text.split_whitespace().collect::<String>());
    if lines.contains(',') {
        return from_mrz(text);
    }
    let malformed = |why: &str| {
        let remedy = "scan or type both lines of the passport's data page anew";
        Failure::usage("mrz_malformed", why, remedy)
    };
    let mrz = emrtd::mrz::Mrz::parse(&lines).map_err(|e| malformed(&e.to_string()))?;
    if !mrz.check_digits_ok {
        return Err(malformed("a check digit of the machine readable zone does not fit"));
    }
    let key = MrzKey::new(&mrz.document_number, &mrz.birth, &mrz.expiry).map_err(|e| malformed(&e.to_string()))?;
    let known = Known { document_number: Some(mrz.document_number.clone().into()), ..Known::default() };
    Ok(AccessKey { passwords: vec![Password::Mrz(key)], known })
}

/// From the text of a QR code.
///
/// # Errors
/// When it is not that of a citizen card.
pub fn from_qr(text: &str) -> Result<AccessKey, Failure> {
    match qr::parse(text) {
        Ok(Scan::Cccd(qr)) => {
            let passwords = cccd::access::from_qr(&qr);
            Ok(AccessKey {
                passwords,
                known: Known { number: Some(qr.number.clone()), qr: Some(*qr), ..Known::default() },
            })
        }
        Ok(Scan::HealthInsurance) => Err(Failure::usage(
            "qr_health_insurance",
            "this is the QR code of a health insurance card",
            "scan the QR code of the citizen card",
        )),
        Err(error) => Err(Failure::usage(
            error.code(),
            error.to_string(),
            "scan the QR code of the citizen card, or type its number",
        )),
    }
}

/// A line from a scanner or keyboard: a QR code, or the number.
///
/// # Errors
/// When it is neither.
pub fn from_scan(line: &str) -> Result<AccessKey, Failure> {
    if line.contains('|') { from_qr(line) } else { from_number(line) }
}
