//! The path from a certificate to an anchor.

use super::{Entry, Pin, Role, TrustStore};
use crate::crypto::CryptoError;
use crate::document::Scope;
use crate::x509::{Certificate, same_name};
use std::collections::HashMap;

/// What leads from a document signer to an anchor, or where it ends.
#[derive(Debug, Clone)]
pub enum Chain {
    /// Document signer's issuer first, anchor last.
    Trusted(Vec<Entry>),
    /// The operator trusts this very certificate.
    Pinned(Pin),
    /// No anchor of the store bears the name of this certificate's issuer, and none issued it.
    NoAnchor,
    /// A CSCA of the issuer's name is here, but its key did not sign: the issuer's key is newer than the store, or
    /// self-made.
    UnknownKey(Entry),
    /// A CSCA of the issuer's name and with the very key identifier that the certificate names stands here, but did
    /// not sign it.
    Forged(Entry),
    /// A certificate here has the key that signed, but does not stand itself.
    NotStanding(Entry, Role),
    /// A candidate issuer exists, but its key or the signature algorithm cannot be used.
    Unusable(Entry, CryptoError),
}

impl Chain {
    /// Which of two ends is told: the one that says more.
    const fn rank(&self) -> u8 {
        match self {
            Self::Trusted(_) | Self::Pinned(_) => 6,
            Self::Forged(_) => 5,
            Self::NotStanding(..) => 4,
            Self::Unusable(..) => 3,
            Self::UnknownKey(_) => 2,
            Self::NoAnchor => 0,
        }
    }
}

/// What a path vouches for: what all of it does.
#[must_use]
pub fn scope_of(path: &[Entry]) -> Scope {
    path.iter().fold(Scope::ALL, |scope, entry| scope.and(entry.vouches()))
}

/// How many links a path may have.
const MAX_LINKS: usize = 4;

/// How many certificates one search looks at: a store may be full of links in circles.
const MAX_STEPS: usize = 256;

/// Paths remembered at most; a hostile card brings a new document signer every time.
const MAX_REMEMBERED: usize = 1024;

/// A search under way.
struct Search<'a> {
    store: &'a TrustStore,
    /// Links on the way, by index.
    trail: Vec<usize>,
    best: Option<Vec<usize>>,
    end: Chain,
    steps: usize,
}

impl TrustStore {
    /// Looks for the path from `certificate` to an anchor. Of several, the one that vouches for most is taken.
    ///
    /// Key identifiers only order the candidates: issuers are known to write wrong ones, so every certificate
    /// of the country is tried before the answer is that there is no anchor. The answer is remembered.
    #[must_use]
    pub fn chain(&self, certificate: &Certificate) -> Chain {
        match self.pins.get(&certificate.fingerprint()) {
            Some(pin) => Chain::Pinned(pin.clone()),
            None => self.issuer_chain(certificate),
        }
    }

    /// The same whether or not the certificate is pinned.
    pub(super) fn issuer_chain(&self, certificate: &Certificate) -> Chain {
        let fingerprint = certificate.fingerprint();
        if let Some(chain) = self.remembered().chains.get(&fingerprint) {
            return chain.clone();
        }
        let mut search = Search { store: self, trail: Vec::new(), best: None, end: Chain::NoAnchor, steps: 0 };
        search.from(certificate);
        let chain = match search.best {
            Some(path) => Chain::Trusted(path.into_iter().map(|at| self.entries[at].clone()).collect()),
            None => search.end,
        };
        let mut remembered = self.remembered();
        if remembered.chains.len() >= MAX_REMEMBERED {
            remembered.chains.clear();
        }
        remembered.chains.insert(fingerprint, chain.clone());
        chain
    }

    /// Certificates of the issuer's country: by key identifier, by name, anchors before links, wide before narrow.
    fn candidates(&self, certificate: &Certificate) -> Vec<usize> {
        let country = certificate.issuer_country().unwrap_or_default();
        let mut found: Vec<usize> = self.by_country.get(&country).into_iter().flatten().copied().collect();
        found.sort_by_cached_key(|at| {
            let entry = &self.entries[*at];
            let (key, name) = fits(entry, certificate);
            (!key, !name, !names_itself(&entry.certificate), std::cmp::Reverse(entry.scope.kinds().count()))
        });
        found
    }
}

/// Whether an entry has the key identifier, and the name, that a certificate gives its issuer.
fn fits(entry: &Entry, certificate: &Certificate) -> (bool, bool) {
    let named = certificate.authority_key_identifier();
    let key = named.is_some() && entry.certificate.subject_key_identifier() == named;
    (key, same_name(entry.certificate.subject(), certificate.issuer()))
}

/// Whether it looks like an anchor: links may bear one name on both sides, but give two keys.
fn names_itself(certificate: &Certificate) -> bool {
    let key = certificate.authority_key_identifier();
    certificate.is_self_issued() && (key.is_none() || key == certificate.subject_key_identifier())
}

impl Search<'_> {
    fn from(&mut self, certificate: &Certificate) {
        let own = certificate.fingerprint();
        let store = self.store;
        // One key stands in several certificates, as anchor and as link; and one key signed.
        let mut checked: HashMap<&[u8], Result<bool, CryptoError>> = HashMap::new();
        let mut by = None::<&[u8]>;
        for at in store.candidates(certificate) {
            let entry = &store.entries[at];
            if self.trail.contains(&at) || entry.certificate.fingerprint() == own || self.steps >= MAX_STEPS {
                continue;
            }
            let key = entry.certificate.key_info();
            if by.is_some_and(|by| by != key) {
                continue;
            }
            self.steps += 1;
            let signed = checked.entry(key).or_insert_with(|| certificate.is_signed_by(&entry.certificate)).clone();
            match signed {
                Ok(true) => {
                    by = Some(key);
                    self.step(at);
                }
                // Only what starts the path is judged: of links it is enough that they do not stand.
                _ if !self.trail.is_empty() => {}
                signed => self.note(entry, signed, fits(entry, certificate)),
            }
            if self.is_found() {
                return;
            }
        }
    }

    /// The key of this entry signed.
    fn step(&mut self, at: usize) {
        let entry = &self.store.entries[at];
        if entry.is_anchor() {
            let path = [&self.trail[..], &[at]].concat();
            if self.scope(&path).kinds().count() > self.best.as_ref().map_or(0, |best| self.scope(best).kinds().count())
                || self.best.is_none()
            {
                self.best = Some(path);
            }
            return;
        }
        if entry.certificate.is_authority() && self.trail.len() < MAX_LINKS {
            self.trail.push(at);
            self.from(&entry.certificate);
            self.trail.pop();
        }
        if self.best.is_none() && self.trail.is_empty() {
            self.tell(Chain::NotStanding(entry.clone(), Role::fallen(&entry.certificate)));
        }
    }

    /// The key of this entry did not sign.
    fn note(&mut self, entry: &Entry, signed: Result<bool, CryptoError>, (key, name): (bool, bool)) {
        match signed {
            // A key of another type did not sign.
            Err(CryptoError::Invalid(_)) if !key && name => self.tell(Chain::UnknownKey(entry.clone())),
            Err(error) if key || name => self.tell(Chain::Unusable(entry.clone(), error)),
            // What nobody vouches for accuses nobody.
            Ok(_) if key && name && entry.scope != Scope::NONE && entry.is_anchor() => {
                self.tell(Chain::Forged(entry.clone()))
            }
            _ if name && entry.certificate.claims_authority() => self.tell(Chain::UnknownKey(entry.clone())),
            _ => {}
        }
    }

    fn tell(&mut self, end: Chain) {
        if end.rank() > self.end.rank() {
            self.end = end;
        }
    }

    fn scope(&self, path: &[usize]) -> Scope {
        path.iter().fold(Scope::ALL, |scope, at| scope.and(self.store.entries[*at].vouches()))
    }

    /// A path that vouches for everything cannot be bettered.
    fn is_found(&self) -> bool {
        self.best.as_ref().is_some_and(|path| self.scope(path) == Scope::ALL)
    }
}
