//! Card verifiable certificates (BSI TR-03110-3 §C.1) of terminal authentication: CVCA, document verifier, terminal.
//! Those of authentication and signature terminals, which eIDs know, are read and told apart; only inspection systems
//! open an eMRTD.
//!
//! ```text
//! 7F21 { 7F4E { 5F29 profile 0, 42 authority reference, 7F49 { 06 algorithm, key }, 5F20 holder reference,
//!               7F4C { 06 id-IS, id-AT or id-ST, 53 authorisation }, 5F25 effective, 5F24 expiration },
//!        5F37 signature }
//! ```
//!
//! The chip checks signatures and dates; the terminal only finds the path from a key that the chip trusts to its own.

use crate::crypto::HashAlgorithm;
use crate::oid::{self, Oid};
use crate::tlv::{self, Tlv, TlvError};
use crate::x509::UnixTime;
use thiserror::Error;

/// Certificate template.
const CERTIFICATE: u32 = 0x7F21;
const BODY: u32 = 0x7F4E;
const SIGNATURE: u32 = 0x5F37;
const AUTHORITY_REFERENCE: u32 = 0x42;
const HOLDER_REFERENCE: u32 = 0x5F20;
const PUBLIC_KEY: u32 = 0x7F49;
const AUTHORISATION: u32 = 0x7F4C;
const EFFECTIVE: u32 = 0x5F25;
const EXPIRATION: u32 = 0x5F24;

/// How an inspection system signs: the last two arcs under id-TA (0.4.0.127.0.7.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS with MGF1 of the same hash and a salt as long as the hash.
    RsaPss(HashAlgorithm),
    /// ECDSA, plain signature `r ‖ s`.
    Ecdsa(HashAlgorithm),
}

impl TerminalAlgorithm {
    fn from_oid(id: Oid<'_>) -> Option<Self> {
        use HashAlgorithm::{Sha1, Sha224, Sha256, Sha384, Sha512};
        Some(match id.0.strip_prefix(oid::TA.0)? {
            [1, 1] => Self::RsaPkcs1(Sha1),
            [1, 2] => Self::RsaPkcs1(Sha256),
            [1, 3] => Self::RsaPss(Sha1),
            [1, 4] => Self::RsaPss(Sha256),
            [1, 5] => Self::RsaPkcs1(Sha512),
            [1, 6] => Self::RsaPss(Sha512),
            [2, 1] => Self::Ecdsa(Sha1),
            [2, 2] => Self::Ecdsa(Sha224),
            [2, 3] => Self::Ecdsa(Sha256),
            [2, 4] => Self::Ecdsa(Sha384),
            [2, 5] => Self::Ecdsa(Sha512),
            _ => return None,
        })
    }

    /// The hash in it.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => hash,
        }
    }
}

/// What an inspection system may read (TR-03110-3 §C.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Authorisation {
    /// Fingerprints, EF.DG3.
    pub fingerprints: bool,
    /// Irises, EF.DG4.
    pub irises: bool,
}

impl Authorisation {
    /// Every right.
    pub const ALL: Self = Self { fingerprints: true, irises: true };

    const fn from_bits(bits: u8) -> Self {
        Self { fingerprints: bits & 0x01 != 0, irises: bits & 0x02 != 0 }
    }

    /// What both allow: rights only shrink along a chain.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { fingerprints: self.fingerprints && other.fingerprints, irises: self.irises && other.irises }
    }

    /// Whether a data group needs no right, or this one gives it.
    #[must_use]
    pub const fn allows(self, data_group: u8) -> bool {
        match data_group {
            3 => self.fingerprints,
            4 => self.irises,
            _ => true,
        }
    }
}

/// For which kind of terminal a certificate is (TR-03110-3 §C.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum TerminalType {
    InspectionSystem,
    AuthenticationTerminal,
    SignatureTerminal,
}

impl TerminalType {
    fn from_oid(id: Oid<'_>) -> Option<Self> {
        match id {
            oid::ROLE_INSPECTION_SYSTEM => Some(Self::InspectionSystem),
            oid::ROLE_AUTHENTICATION_TERMINAL => Some(Self::AuthenticationTerminal),
            oid::ROLE_SIGNATURE_TERMINAL => Some(Self::SignatureTerminal),
            _ => None,
        }
    }
}

/// Whose key a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Country verifying CA: self-signed or link.
    Cvca,
    /// Document verifier, domestic or foreign.
    DocumentVerifier,
    /// The terminal itself.
    Terminal,
}

/// Why a certificate or a chain cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CvcError {
    /// The structure is malformed.
    #[error("malformed card verifiable certificate")]
    Malformed(#[from] TlvError),
    /// The role is not that of a terminal's chain.
    #[error("the certificate {0} is not for a terminal")]
    Role(String),
    /// The signature algorithm of the terminal's key is not known.
    #[error("the certificate {0} names an unknown signature algorithm")]
    Algorithm(String),
    /// No certificate of an inspection system, or more than one.
    #[error("{0} certificates of inspection systems, expected one")]
    InspectionSystems(usize),
}

/// A card verifiable certificate. Its signature is the chip's to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CvCertificate {
    /// Body and signature as they stand, which is what PSO:Verify Certificate takes.
    value: Vec<u8>,
    /// Certification authority reference.
    pub authority: Vec<u8>,
    /// Certificate holder reference.
    pub holder: Vec<u8>,
    /// Kind of terminal whose chain it belongs to.
    pub terminal: TerminalType,
    /// Role of the holder.
    pub role: Role,
    /// Rights of the holder; none but in the chain of an inspection system.
    pub authorisation: Authorisation,
    /// Signature algorithm of the holder's key.
    pub algorithm: Option<TerminalAlgorithm>,
    /// First day of validity.
    pub effective: UnixTime,
    /// Last day of validity.
    pub expiration: UnixTime,
}

impl CvCertificate {
    /// Reads one certificate.
    ///
    /// # Errors
    /// When it is malformed or not for terminals.
    pub fn parse(bytes: &[u8]) -> Result<Self, CvcError> {
        let certificate = tlv::first(bytes, CERTIFICATE)?;
        let mut fields = certificate.children();
        let body = fields.expect(BODY)?;
        fields.expect(SIGNATURE)?;
        let field = |tag| tlv::find(body.value, tag).and_then(|found| found.ok_or(TlvError::Missing(tag)));
        let holder = field(HOLDER_REFERENCE)?.value.to_vec();
        let key = field(PUBLIC_KEY)?;
        let algorithm = TerminalAlgorithm::from_oid(Oid(key.children().expect(tlv::tag::OID)?.value));
        let authorisation = field(AUTHORISATION)?;
        let mut parts = authorisation.children();
        let terminal = TerminalType::from_oid(Oid(parts.expect(tlv::tag::OID)?.value));
        let terminal = terminal.ok_or_else(|| CvcError::Role(reference(&holder)))?;
        // One byte; five of authentication terminals. The role stands in the first two bits of all.
        let (bits, authorisation) = match (terminal, parts.expect(0x53)?.value) {
            (TerminalType::InspectionSystem, [bits]) => (bits, Authorisation::from_bits(*bits)),
            (TerminalType::SignatureTerminal, [bits]) | (TerminalType::AuthenticationTerminal, [bits, _, _, _, _]) => {
                (bits, Authorisation::default())
            }
            _ => return Err(TlvError::Value("authorisation").into()),
        };
        Ok(Self {
            value: certificate.value.to_vec(),
            authority: field(AUTHORITY_REFERENCE)?.value.to_vec(),
            holder,
            terminal,
            role: match bits >> 6 {
                3 => Role::Cvca,
                0 => Role::Terminal,
                _ => Role::DocumentVerifier,
            },
            authorisation,
            algorithm,
            effective: date(&field(EFFECTIVE)?)?,
            expiration: date(&field(EXPIRATION)?)?,
        })
    }

    /// The holder reference as text.
    #[must_use]
    pub fn holder_name(&self) -> String {
        reference(&self.holder)
    }
}

/// A reference as text: country, mnemonic, sequence number.
#[must_use]
pub fn reference(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Six unpacked digits, YYMMDD, of this century.
fn date(field: &Tlv<'_>) -> Result<UnixTime, TlvError> {
    const BAD: TlvError = TlvError::Value("date");
    let [y1, y2, m1, m2, d1, d2] = *field.value else { return Err(BAD) };
    if field.value.iter().any(|digit| *digit > 9) {
        return Err(BAD);
    }
    UnixTime::from_date(2000 + i32::from(y1 * 10 + y2), m1 * 10 + m2, d1 * 10 + d2).ok_or(BAD)
}

/// An inspection system's certificates: its own, those of document verifiers, and link certificates of the CVCA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalCertificates {
    own: CvCertificate,
    algorithm: TerminalAlgorithm,
    issuers: Vec<CvCertificate>,
}

/// More certificates than this in one path are a mistake.
const MAX_PATH: usize = 8;

impl TerminalCertificates {
    /// From the operator's files, in any order, each with one or more certificates. Chains of other kinds of terminal may
    /// be among them, and are left out.
    ///
    /// # Errors
    /// When one cannot be read, or not exactly one is that of an inspection system.
    pub fn parse<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, CvcError> {
        let (mut own, mut issuers) = (Vec::new(), Vec::new());
        for file in files {
            let mut reader = tlv::Reader::new(file);
            while let Some(object) = reader.next()? {
                let certificate = CvCertificate::parse(object.raw)?;
                match (certificate.terminal, certificate.role) {
                    (TerminalType::InspectionSystem, Role::Terminal) => own.push(certificate),
                    (TerminalType::InspectionSystem, _) => issuers.push(certificate),
                    _ => {}
                }
            }
        }
        let count = own.len();
        let (Some(own), 1) = (own.pop(), count) else { return Err(CvcError::InspectionSystems(count)) };
        let algorithm = own.algorithm.ok_or_else(|| CvcError::Algorithm(own.holder_name()))?;
        Ok(Self { own, algorithm, issuers })
    }

    /// The certificate of the inspection system itself.
    #[must_use]
    pub const fn own(&self) -> &CvCertificate {
        &self.own
    }

    /// How the inspection system's key signs.
    #[must_use]
    pub const fn algorithm(&self) -> TerminalAlgorithm {
        self.algorithm
    }

    /// The certificates to show to a chip that trusts these CVCA keys, in order, and the rights that come of them.
    /// `None` when no path leads there.
    #[must_use]
    pub fn path(&self, trusted: &[Vec<u8>]) -> Option<(Vec<&CvCertificate>, Authorisation)> {
        let mut path = vec![&self.own];
        while let Some(first) = path.first().filter(|c| !trusted.contains(&c.authority)) {
            // A link certificate: the CVCA's new key under its old one.
            let issuer = self.issuers.iter().find(|c| c.holder == first.authority && c.authority != c.holder)?;
            if path.len() == MAX_PATH {
                return None;
            }
            path.insert(0, issuer);
        }
        let rights = path.iter().fold(Authorisation::ALL, |rights, c| rights.and(c.authorisation));
        Some((path, rights))
    }
}

impl CvCertificate {
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::encode;

    fn certificate(holder: &[u8], authority: &[u8], role: Oid<'_>, authorisation: &[u8]) -> Vec<u8> {
        let algorithm = [oid::TA.0, &[2, 3]].concat();
        let template = [encode(0x06, role.0), encode(0x53, authorisation)].concat();
        let body = [
            encode(0x5F29, &[0]),
            encode(AUTHORITY_REFERENCE, authority),
            encode(PUBLIC_KEY, &[encode(0x06, &algorithm), encode(0x86, &[4; 65])].concat()),
            encode(HOLDER_REFERENCE, holder),
            encode(AUTHORISATION, &template),
            encode(EFFECTIVE, &[2, 6, 0, 1, 0, 1]),
            encode(EXPIRATION, &[2, 7, 0, 1, 0, 1]),
        ];
        encode(CERTIFICATE, &[encode(BODY, &body.concat()), encode(SIGNATURE, &[1; 64])].concat())
    }

    #[test]
    fn chains_of_other_terminals_are_read_and_give_no_right() {
        let kinds = [
            (oid::ROLE_INSPECTION_SYSTEM, TerminalType::InspectionSystem, &[0xC3][..], &[0x83][..], &[0x03][..]),
            (
                oid::ROLE_AUTHENTICATION_TERMINAL,
                TerminalType::AuthenticationTerminal,
                &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
                &[0x80, 0x00, 0x00, 0x01, 0x03],
                &[0x00, 0x00, 0x00, 0x01, 0x03],
            ),
            (oid::ROLE_SIGNATURE_TERMINAL, TerminalType::SignatureTerminal, &[0xC3], &[0x83], &[0x03]),
        ];
        let mut all = Vec::new();
        for (role, terminal, cvca, verifier, own) in kinds {
            let chain = [(cvca, Role::Cvca), (verifier, Role::DocumentVerifier), (own, Role::Terminal)];
            for (bits, expected) in chain {
                let bytes = certificate(b"DEOWN00001", b"DEDV000001", role, bits);
                let read = CvCertificate::parse(&bytes).expect("a certificate");
                assert_eq!((read.terminal, read.role), (terminal, expected));
                let rights = terminal == TerminalType::InspectionSystem;
                assert_eq!(read.authorisation == Authorisation::ALL, rights, "{terminal:?}");
                assert!(rights || read.authorisation == Authorisation::default());
                if expected == Role::Terminal {
                    all.extend(bytes);
                }
            }
            assert!(CvCertificate::parse(&certificate(b"X", b"Y", role, &[0, 0])).is_err(), "two bytes of rights");
        }
        // Of all three, the inspection system's own is found.
        let found = TerminalCertificates::parse([all.as_slice()]).expect("certificates");
        assert_eq!(found.own().terminal, TerminalType::InspectionSystem);
        let other = certificate(b"X", b"Y", oid::ROLE_AUTHENTICATION_TERMINAL, &[0; 5]);
        assert_eq!(TerminalCertificates::parse([other.as_slice()]), Err(CvcError::InspectionSystems(0)));
        let unknown = certificate(b"X", b"Y", oid::TA, &[0]);
        assert_eq!(CvCertificate::parse(&unknown), Err(CvcError::Role("X".to_owned())));
    }
}
