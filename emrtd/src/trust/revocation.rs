//! Which revocation list decides about a certificate (RFC 5280 §6.3, ICAO 9303-12 §7.1.4).
//!
//! A CSCA that has changed its key signs one list with its newest key for everything that it ever issued. A list
//! therefore belongs to a *name*, and counts when any key of that name that stands here, and for which somebody vouches, signed it. The newest decides.

use super::{Entry, TrustStore};
use crate::crl::Crl;
use crate::document::Scope;
use crate::x509::{Certificate, KeyUsage, UnixTime, same_name};

/// What the lists say of a certificate.
#[derive(Debug, Clone, Copy)]
pub enum Revocation<'a> {
    /// There is none of its issuer.
    NoList,
    /// There are lists, but no key that stands here signed one.
    Unsigned(&'a Crl),
    /// There are lists, but of a kind that decides nothing.
    Unusable(&'a Crl),
    /// The newest names it. A list that is past its day still revokes.
    Revoked(&'a Crl),
    /// The newest does not name it, but the next one is overdue.
    Stale(&'a Crl),
    /// The newest does not name it, but is of a later day than today.
    Future(&'a Crl),
    /// The newest does not name it.
    Clear(&'a Crl),
}

impl TrustStore {
    /// What the lists say of `subject`, whose issuer is `issuer` if that is known here.
    #[must_use]
    pub fn revocation(&self, subject: &Certificate, issuer: Option<&Entry>, now: UnixTime) -> Revocation<'_> {
        let about = |crl: &Crl| {
            same_name(crl.issuer(), subject.issuer())
                || issuer.is_some_and(|entry| same_name(crl.issuer(), entry.certificate.subject()))
        };
        let (mut newest, mut unusable, mut unsigned) = (None::<&Crl>, None, None);
        for (at, crl) in self.revocation_lists.iter().enumerate().filter(|(_, crl)| about(crl)) {
            if !self.is_signed(at, crl, issuer) {
                unsigned = Some(crl);
            } else if crl.unusable().is_some() {
                unusable = Some(crl);
            } else if newest.is_none_or(|other| crl.age() > other.age()) {
                newest = Some(crl);
            }
        }
        match (newest, unusable, unsigned) {
            (Some(crl), ..) if crl.revokes(subject) => Revocation::Revoked(crl),
            (Some(crl), ..) if crl.this_update > now => Revocation::Future(crl),
            (Some(crl), ..) if crl.next_update.is_some_and(|next| next < now) => Revocation::Stale(crl),
            (Some(crl), ..) => Revocation::Clear(crl),
            (None, Some(crl), _) => Revocation::Unusable(crl),
            (None, None, Some(crl)) => Revocation::Unsigned(crl),
            (None, None, None) => Revocation::NoList,
        }
    }

    /// Whether a standing key signed the list: one of its issuer's name, or the subject's issuer.
    fn is_signed(&self, at: usize, crl: &Crl, issuer: Option<&Entry>) -> bool {
        let by = |entry: &Entry| {
            let usage = entry.certificate.extensions.key_usage;
            entry.scope != Scope::NONE
                && usage.is_none_or(|usage| usage.contains(KeyUsage::REVOCATION_LISTS))
                && crl.is_signed_by(&entry.certificate).unwrap_or(false)
        };
        let remembered = self.remembered().lists.get(&at).copied();
        let named = remembered.unwrap_or_else(|| {
            let key = crl.authority_key_identifier();
            let mut entries: Vec<_> =
                self.entries.iter().filter(|e| same_name(e.certificate.subject(), crl.issuer())).collect();
            entries.sort_by_key(|e| key.is_none() || e.certificate.subject_key_identifier() != key);
            // The signature first: whether a link stands takes longer to find out.
            let signed = entries.into_iter().any(|entry| by(entry) && self.role(entry).stands());
            self.remembered().lists.insert(at, signed);
            signed
        });
        named || issuer.is_some_and(by)
    }
}
