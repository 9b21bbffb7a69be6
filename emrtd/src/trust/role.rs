//! What a certificate of the store is, and for what it vouches.

use super::{Chain, TrustStore};
use crate::crypto::{CryptoError, Protection};
use crate::document::{DocumentKind, Scope};
use crate::x509::{Certificate, UnixTime};
use std::sync::{Arc, OnceLock};

/// How a certificate came into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It lay loose in a directory (LDIF): nobody vouches for it.
    Directory,
    /// It stood in a master list that verified.
    MasterList {
        /// The name of the list's signer.
        signer: String,
        /// When the list was signed, if it says so.
        signed: Option<UnixTime>,
    },
    /// The operator gave the certificate itself.
    Operator,
}

impl Origin {
    /// What is vouched for when the operator says nothing else.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self {
            Self::Directory => Scope::NONE,
            Self::MasterList { .. } => Scope::of(&[DocumentKind::Passport]),
            Self::Operator => Scope::ALL,
        }
    }

    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Directory => 0,
            Self::MasterList { .. } => 1,
            Self::Operator => 2,
        }
    }
}

/// A certificate of the store.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The certificate.
    pub certificate: Certificate,
    /// The name of the file it was found in.
    pub source: String,
    /// How it came there.
    pub origin: Origin,
    /// For which kinds of document of its state it vouches, if it stands.
    pub scope: Scope,
    /// Whether its own key signed it: checked once. At load for what the operator gave; for the hundreds of a list
    /// when one is first asked for, or a kiosk would start seconds later for states that it never meets.
    pub(super) own: Arc<OnceLock<Result<bool, CryptoError>>>,
}

impl Entry {
    pub(super) fn new(certificate: Certificate, source: &str, origin: Origin) -> Self {
        let scope = origin.scope();
        let entry = Self { certificate, source: source.to_owned(), origin, scope, own: Arc::default() };
        if entry.origin == Origin::Operator {
            let _known = entry.is_self_signed();
        }
        entry
    }

    /// For what it vouches: no word makes more of an authority for health certificates than its own issuer did.
    #[must_use]
    pub fn vouches(&self) -> Scope {
        let most =
            if self.certificate.extensions.is_health_only() { Scope::of(&[DocumentKind::Seal]) } else { Scope::ALL };
        self.scope.and(most)
    }

    /// Whether it is self-signed, and an authority.
    #[must_use]
    pub fn is_anchor(&self) -> bool {
        self.certificate.is_authority() && self.is_self_signed() == Ok(true)
    }

    fn is_self_signed(&self) -> Result<bool, CryptoError> {
        // Another name is another's signature: no need to look.
        let check = || Ok(self.certificate.is_self_issued() && self.certificate.is_signed_by(&self.certificate)?);
        self.own.get_or_init(check).clone()
    }
}

/// What a certificate of the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A self-signed authority.
    Anchor,
    /// An authority that the key of an anchor, or of another standing link, signed.
    Link,
    /// An authority that nobody here signed: newer than the store, or somebody's own.
    LinkUnanchored,
    /// It names itself as its issuer, and its key did not sign it.
    SelfSignatureWrong,
    /// basicConstraints and keyUsage do not both make it an authority.
    NotAnAuthority,
    /// Its key, or the algorithm that it is signed with, cannot be used, or anybody can break it.
    Unusable,
}

impl Role {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Anchor,
        Self::Link,
        Self::LinkUnanchored,
        Self::SelfSignatureWrong,
        Self::NotAnAuthority,
        Self::Unusable,
    ];

    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::Link => "link",
            Self::LinkUnanchored => "link_unanchored",
            Self::SelfSignatureWrong => "self_signature_wrong",
            Self::NotAnAuthority => "not_an_authority",
            Self::Unusable => "key_unusable",
        }
    }

    /// What an authority is that does not stand.
    pub(super) fn fallen(certificate: &Certificate) -> Self {
        let usable = certificate.public_key().is_ok_and(|key| key.protection() != Protection::Broken)
            && certificate.signature_algorithm().is_ok();
        let named = certificate.authority_key_identifier();
        let names_itself = named.is_none() || named == certificate.subject_key_identifier();
        match () {
            () if !certificate.is_authority() => Self::NotAnAuthority,
            () if !usable => Self::Unusable,
            () if certificate.is_self_issued() && names_itself => Self::SelfSignatureWrong,
            () => Self::LinkUnanchored,
        }
    }

    /// Whether it leads to an anchor, or is one.
    #[must_use]
    pub const fn stands(self) -> bool {
        matches!(self, Self::Anchor | Self::Link)
    }
}

impl TrustStore {
    /// What an entry of this store is.
    #[must_use]
    pub fn role(&self, entry: &Entry) -> Role {
        let certificate = &entry.certificate;
        if !certificate.is_authority() {
            return Role::NotAnAuthority;
        }
        if entry.is_anchor() {
            return Role::Anchor;
        }
        if matches!(self.issuer_chain(certificate), Chain::Trusted(_)) {
            return Role::Link;
        }
        Role::fallen(certificate)
    }
}
