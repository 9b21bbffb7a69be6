//! SecurityInfos (ICAO 9303-11 §9.2): what EF.CardAccess and EF.DG14 say about the chip's protocols.
//!
//! ```text
//! SecurityInfos ::= SET OF SEQUENCE { protocol OBJECT IDENTIFIER, requiredData ANY, optionalData ANY OPTIONAL }
//! ```

use crate::crypto::{AgreementKey, Cipher, CryptoError, HashAlgorithm, NamedGroup, SignatureAlgorithm};
use crate::oid::{self, Oid};
use crate::tlv::{self, Reader, Tlv, TlvError, tag};

/// How PACE maps the nonce to a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of ICAO 9303-11")]
pub enum Mapping {
    Generic,
    Integrated,
    ChipAuthentication,
}

/// On which group a key agreement works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the algorithms'")]
pub enum KeyAgreement {
    Dh,
    Ecdh,
}

impl KeyAgreement {
    /// `DH` or `ECDH`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dh => "DH",
            Self::Ecdh => "ECDH",
        }
    }
}

/// One way of PACE that the chip offers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaceInfo {
    /// The protocol identifier as bytes, for MSE:Set AT and the authentication token.
    pub oid: Vec<u8>,
    /// Mapping of the nonce.
    pub mapping: Mapping,
    /// Kind of group.
    pub key_agreement: KeyAgreement,
    /// Cipher of the session that PACE opens.
    pub cipher: Cipher,
    /// Protocol version; 2 for ICAO.
    pub version: u32,
    /// Standardised domain parameter id.
    pub parameter_id: Option<u32>,
}

impl PaceInfo {
    /// The group that the parameter id names, if it is of the right kind.
    #[must_use]
    pub fn group(&self) -> Option<NamedGroup> {
        let group = NamedGroup::from_parameter_id(self.parameter_id?)?;
        (matches!(group, NamedGroup::Ec(_)) == (self.key_agreement == KeyAgreement::Ecdh)).then_some(group)
    }

    /// The protocol as the field writes it, for example `PACE-ECDH-GM-AES-CBC-CMAC-128`.
    #[must_use]
    pub fn name(&self) -> String {
        let mapping = match self.mapping {
            Mapping::Generic => "GM",
            Mapping::Integrated => "IM",
            Mapping::ChipAuthentication => "CAM",
        };
        format!("PACE-{}-{mapping}-{}", self.key_agreement.name(), self.cipher.name())
    }

    fn read(oid: &[u8], required: &Tlv<'_>, optional: Option<&Tlv<'_>>) -> Result<Option<Self>, TlvError> {
        let [mapping, cipher] = oid[oid::PACE.0.len()..] else { return Ok(None) };
        let (key_agreement, mapping) = match mapping {
            1 => (KeyAgreement::Dh, Mapping::Generic),
            2 => (KeyAgreement::Ecdh, Mapping::Generic),
            3 => (KeyAgreement::Dh, Mapping::Integrated),
            4 => (KeyAgreement::Ecdh, Mapping::Integrated),
            6 => (KeyAgreement::Ecdh, Mapping::ChipAuthentication),
            _ => return Ok(None),
        };
        let Some(cipher) = Cipher::from_oid_suffix(cipher) else { return Ok(None) };
        let version = required.small_uint()?;
        let parameter_id = optional.map(Tlv::small_uint).transpose()?;
        Ok(Some(Self { oid: oid.to_vec(), mapping, key_agreement, cipher, version, parameter_id }))
    }
}

/// One way of chip authentication that the chip offers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChipAuthenticationInfo {
    /// The protocol identifier as bytes.
    pub oid: Vec<u8>,
    /// Kind of group.
    pub key_agreement: KeyAgreement,
    /// Cipher of the session after it.
    pub cipher: Cipher,
    /// Protocol version.
    pub version: u32,
    /// Which of several keys it goes with.
    pub key_id: Option<Vec<u8>>,
}

/// A chip authentication public key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChipAuthenticationKey {
    /// The key, or why it cannot be used.
    pub key: Result<AgreementKey, CryptoError>,
    /// Which of several keys it is.
    pub key_id: Option<Vec<u8>>,
}

/// Where EF.CVCA is (TR-03110-3 §A.1.1.3): another place than usual stands in TerminalAuthenticationInfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CvcaFile {
    /// File identifier.
    pub fid: [u8; 2],
    /// Short file identifier, if it has one.
    pub sfi: Option<u8>,
}

impl Default for CvcaFile {
    fn default() -> Self {
        Self { fid: [0x01, 0x1C], sfi: Some(0x1C) }
    }
}

impl CvcaFile {
    /// FileID ::= SEQUENCE { fid OCTET STRING (2), sfid OCTET STRING (1) OPTIONAL }
    fn read(file: &Tlv<'_>) -> Result<Self, TlvError> {
        const BAD: TlvError = TlvError::Value("efCVCA");
        let mut fields = file.children();
        let fid = fields.expect(tag::OCTET_STRING)?.value.try_into().map_err(|_| BAD)?;
        let sfi = fields.optional(tag::OCTET_STRING)?.map(|t| t.value.first().copied().ok_or(BAD)).transpose()?;
        Ok(Self { fid, sfi: sfi.filter(|sfi| (1..=30).contains(sfi)) })
    }
}

/// The entries of a SecurityInfos set that this terminal knows.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SecurityInfos {
    /// Offers of PACE, in the chip's order.
    pub pace: Vec<PaceInfo>,
    /// Offers of chip authentication.
    pub chip_authentication: Vec<ChipAuthenticationInfo>,
    /// Chip authentication keys.
    pub chip_authentication_keys: Vec<ChipAuthenticationKey>,
    /// Hash of ECDSA active authentication, from ActiveAuthenticationInfo.
    pub active_authentication_hash: Option<HashAlgorithm>,
    /// Where EF.CVCA is, when the chip offers terminal authentication.
    pub terminal_authentication: Option<CvcaFile>,
    /// Identifiers of entries that were not understood, dotted.
    pub unknown: Vec<String>,
}

impl SecurityInfos {
    /// Reads the SET; what follows it in the file is ignored, unknown entries are listed.
    ///
    /// # Errors
    /// When the structure is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlvError> {
        let set = tlv::first(bytes, tag::SET)?;
        let mut infos = Self::default();
        let mut entries = set.children();
        while let Some(entry) = entries.next()? {
            infos.read(&mut entry.children())?;
        }
        Ok(infos)
    }

    fn read(&mut self, fields: &mut Reader<'_>) -> Result<(), TlvError> {
        let id = fields.expect(tag::OID)?.value;
        let required = fields.next()?.ok_or(TlvError::Missing(tag::INTEGER))?;
        let optional = fields.next()?;
        let starts = |prefix: Oid<'_>, extra| id.starts_with(prefix.0) && id.len() == prefix.0.len() + extra;
        if starts(oid::PACE, 2) {
            match PaceInfo::read(id, &required, optional.as_ref())? {
                Some(info) => self.pace.push(info),
                None => self.unknown.push(Oid(id).to_string()),
            }
        } else if starts(oid::CA_DH, 1) || starts(oid::CA_ECDH, 1) {
            let key_agreement = if id.starts_with(oid::CA_DH.0) { KeyAgreement::Dh } else { KeyAgreement::Ecdh };
            match id.last().copied().and_then(Cipher::from_oid_suffix) {
                Some(cipher) => self.chip_authentication.push(ChipAuthenticationInfo {
                    oid: id.to_vec(),
                    key_agreement,
                    cipher,
                    version: required.small_uint()?,
                    key_id: optional.map(|t| t.value.to_vec()),
                }),
                None => self.unknown.push(Oid(id).to_string()),
            }
        } else if matches!(Oid(id), oid::PK_ECDH | oid::PK_DH) {
            let key = AgreementKey::from_spki(&required);
            self.chip_authentication_keys
                .push(ChipAuthenticationKey { key, key_id: optional.map(|t| t.value.to_vec()) });
        } else if Oid(id) == oid::ACTIVE_AUTHENTICATION {
            // The plain identifiers of TR-03111, or those of X9.62 that some issuers write instead.
            let algorithm = optional.and_then(|t| SignatureAlgorithm::ecdsa(Oid(t.value)));
            self.active_authentication_hash = algorithm.map(|algorithm| algorithm.hash());
        } else if Oid(id) == oid::TA {
            // Whatever stands there wrongly, the usual place can still be tried.
            self.terminal_authentication = Some(optional.and_then(|f| CvcaFile::read(&f).ok()).unwrap_or_default());
        } else {
            self.unknown.push(Oid(id).to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EF.CardAccess of a CCCD (three entries, the last PACE-ECDH-GM-AES-128 on brainpoolP256r1).
    const CCCD: &str =
        "3134300d060804007f0007020202020101300f060a04007f000702020302020201013012060a04007f0007020204020202010202010d";

    #[test]
    fn a_cccd_offers_pace_gm_on_brainpool_256() {
        let infos = SecurityInfos::parse(&hex::decode(CCCD).expect("hex")).expect("SecurityInfos");
        let [pace] = &infos.pace[..] else { panic!("one PACEInfo") };
        assert_eq!(pace.name(), "PACE-ECDH-GM-AES-CBC-CMAC-128");
        assert_eq!(pace.group(), Some(NamedGroup::Ec(crate::crypto::Curve::BrainpoolP256r1)));
        assert_eq!(infos.chip_authentication[0].cipher, Cipher::Aes128);
        assert!(infos.unknown.is_empty());
        assert_eq!(infos.terminal_authentication, Some(CvcaFile::default()));
    }

    #[test]
    fn ef_cvca_may_be_elsewhere() {
        let entry = |file: &str| format!("30{:02x}060804007f0007020202020101{file}", 13 + file.len() / 2);
        for (file, fid, sfi) in [("3004040201ff", [0x01, 0xFF], None), ("300704020150040110", [0x01, 0x50], Some(0x10))]
        {
            let bytes = hex::decode(format!("31{:02x}{}", entry(file).len() / 2, entry(file))).expect("hex");
            let infos = SecurityInfos::parse(&bytes).expect("SecurityInfos");
            assert_eq!(infos.terminal_authentication, Some(CvcaFile { fid, sfi }));
        }
    }
}
