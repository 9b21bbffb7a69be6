//! Words for kinds of document, and what they mean for a certificate. Files, command line and reports have the words of
//! [`cccd::document::Kind`]; `emrtd` knows no states and has identity cards only. Nothing else translates between them.

use cccd::document::Kind;
use emrtd::{DocumentKind, Scope};

/// The site's own state, as a machine readable zone has it.
const OWN_STATE: &str = "VNM";

/// Words that may stand in `documents`, beside [`SEAL`].
const WORDS: [Kind; 4] = [Kind::CitizenCard, Kind::Passport, Kind::IdentityCard, Kind::ResidenceCard];

/// Visible digital seals: no document, so that no [`Kind`] has the word.
const SEAL: &str = DocumentKind::Seal.code();

/// For which kinds a pin is that names none.
pub const CITIZEN_CARD: Kind = Kind::CitizenCard;

/// Whether certificates of this country sign for the site's own state.
#[must_use]
pub fn is_own_state(country: &str) -> bool {
    emrtd::hazmat::country::signs_for(OWN_STATE, country) == Some(true)
}

/// What a kind is to a certificate.
#[must_use]
pub const fn document(kind: Kind) -> DocumentKind {
    match kind {
        Kind::CitizenCard | Kind::IdentityCard => DocumentKind::IdentityCard,
        Kind::Passport => DocumentKind::Passport,
        Kind::ResidenceCard => DocumentKind::ResidenceCard,
        Kind::Other => DocumentKind::Other,
    }
}

/// Reads a list of words. No word is no kind.
///
/// # Errors
/// With the first that is none, and those that there are.
pub fn scope(words: &[String]) -> Result<Scope, String> {
    let read = |word: &String| {
        if word == SEAL {
            return Ok(Scope::of(&[DocumentKind::Seal]));
        }
        let kind = Kind::find(word).filter(|kind| WORDS.contains(kind)).ok_or_else(|| {
            let known = WORDS.map(Kind::code).join(", ");
            format!("{word:?} is no kind of document that can be vouched for; there are {known}, {SEAL}")
        })?;
        Ok(Scope::of(&[document(kind)]))
    };
    words.iter().map(read).try_fold(Scope::NONE, |all, scope: Result<Scope, String>| Ok(all.or(scope?)))
}

/// A word that means nothing for a certificate of this country: no other state issues citizen cards.
#[must_use]
pub fn misfit(words: &[String], country: &str) -> Option<&'static str> {
    let citizen = Kind::CitizenCard.code();
    (!is_own_state(country) && words.iter().any(|word| word == citizen)).then_some(citizen)
}

/// The words for a scope of a certificate of this country.
#[must_use]
pub fn words(scope: Scope, country: &str) -> Vec<&'static str> {
    let word = |kind| match kind {
        DocumentKind::Passport => Kind::Passport.code(),
        DocumentKind::IdentityCard if is_own_state(country) => Kind::CitizenCard.code(),
        DocumentKind::IdentityCard => Kind::IdentityCard.code(),
        DocumentKind::ResidenceCard => Kind::ResidenceCard.code(),
        DocumentKind::Other => Kind::Other.code(),
        DocumentKind::Seal => SEAL,
    };
    scope.kinds().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_documents_and_nothing_else() {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let read = |words: &[&str]| scope(&owned(words));
        assert_eq!(
            read(&["citizen_card", "passport"]),
            Ok(Scope::of(&[DocumentKind::IdentityCard, DocumentKind::Passport]))
        );
        assert_eq!(read(&[]), Ok(Scope::NONE));
        assert_eq!(read(&["seal"]), Ok(Scope::of(&[DocumentKind::Seal])));
        assert_eq!(words(Scope::of(&[DocumentKind::Seal]), "VN"), ["seal"]);
        for wrong in ["other", "", "Passport", "citizen card", "all"] {
            assert!(read(&["passport", wrong]).is_err_and(|why| why.contains("residence_card")), "{wrong}");
        }
        let both = Scope::of(&[DocumentKind::IdentityCard, DocumentKind::ResidenceCard]);
        assert_eq!(words(both, "VN"), ["citizen_card", "residence_card"]);
        assert_eq!(words(both, "KR"), ["identity_card", "residence_card"]);
        assert_eq!(misfit(&owned(&["passport", "citizen_card"]), "KR"), Some("citizen_card"));
        assert_eq!(misfit(&owned(&["citizen_card"]), "vn"), None);
    }
}
