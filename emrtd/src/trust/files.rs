//! Files that come into the store: certificates, CSCA master lists (ICAO 9303-12 §9), revocation and deviation lists,
//! and directories with all of them.

use super::ldif::{self, Kind};
use super::{Entry, Origin, TrustStore};
use crate::cms::{CmsError, SignedData};
use crate::crl::Crl;
use crate::deviation_list::{DeviationList, is_deviation_list};
use crate::oid::{self, Oid};
use crate::tlv::{self, TlvError, tag};
use crate::x509::{Certificate, Purpose, UnixTime, same_name, split_certificates};
use std::sync::Arc;
use thiserror::Error;

/// Why a file gives no trust anchors.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Neither certificates nor a list.
    #[error("neither X.509 certificates nor a revocation list, a CSCA master list, a deviation list or a PKD's LDIF")]
    Unreadable(#[source] TlvError),
    /// The master list's signature is wrong.
    #[error("the master list's signature does not verify ({0})")]
    MasterListSignature(&'static str),
    /// The master list cannot be read.
    #[error("the master list cannot be read")]
    MasterList(#[source] CmsError),
    /// The deviation list cannot be read, or its signature is wrong.
    #[error("the deviation list cannot be used")]
    DeviationList(#[source] CmsError),
}

/// What one file added.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Added {
    /// Certificates taken, or raised to a better word than the one on which they were there.
    pub certificates: usize,
    /// Certificates that were there already.
    pub known: usize,
    /// Document signers of a directory, kept aside.
    pub signers: usize,
    /// Revocation lists taken.
    pub revocation_lists: usize,
    /// Deviation lists taken.
    pub deviation_lists: usize,
    /// Certificates that could not be read and were left out.
    pub unreadable: usize,
    /// Lists of a directory that were left out, because they cannot be read or their signature is wrong.
    pub refused_lists: usize,
    /// Master lists taken: who signed them. A file that is no directory has one at most.
    pub master_lists: Vec<MasterList>,
}

/// Whose word a CSCA master list is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MasterList {
    /// The name of its signer.
    pub signer: String,
    /// The CSCA that vouches for the signer. It stands in the list itself: whether it is the right one, only somebody
    /// who knows it from elsewhere can tell.
    pub authority: Certificate,
    /// When it was signed, if it says so.
    pub signed: Option<UnixTime>,
}

/// What was read from a file and not yet taken.
#[derive(Default)]
struct Intake {
    entries: Vec<Entry>,
    signers: Vec<Certificate>,
    crls: Vec<Crl>,
    deviations: Vec<DeviationList>,
    added: Added,
    last_error: Option<TlvError>,
}

impl TrustStore {
    /// Adds the content of one file: certificates (DER or PEM, one or many), revocation lists, a CSCA master list,
    /// a deviation list, or a directory in the ICAO PKD's form (LDIF).
    ///
    /// # Errors
    /// When it is none of them, or a list's own signature is wrong. Nothing is added then. In a directory, which
    /// holds the lists of many, a list that is wrong is left out and counted.
    pub fn add(&mut self, source: &str, bytes: &[u8]) -> Result<Added, TrustError> {
        self.add_with(source, bytes, &mut |_, _| ())
    }

    /// The same; `progress` is told how many of how many entries of a directory are done.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn add_with(
        &mut self,
        source: &str,
        bytes: &[u8],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Added, TrustError> {
        let mut intake = Intake::default();
        if ldif::is_ldif(bytes) {
            intake.directory(source, bytes, progress);
        } else {
            for object in split_certificates(bytes).map_err(TrustError::Unreadable)? {
                intake.object(source, &object, &Origin::Operator)?;
            }
        }
        let Intake { entries, signers, crls, deviations, mut added, last_error } = intake;
        if entries.len() + signers.len() + crls.len() + deviations.len() == 0 {
            return Err(TrustError::Unreadable(last_error.unwrap_or(TlvError::Missing(tag::SEQUENCE))));
        }
        for entry in entries {
            if self.add_entry(entry) {
                added.certificates += 1;
            } else {
                added.known += 1;
            }
        }
        for signer in signers {
            if self.add_signer(&signer) {
                added.signers += 1;
            } else {
                added.known += 1;
            }
        }
        (added.revocation_lists, added.deviation_lists) = (crls.len(), deviations.len());
        self.revocation_lists.extend(crls);
        self.deviation_lists.extend(deviations);
        self.remembered = Arc::default();
        Ok(added)
    }
}

impl Intake {
    fn object(&mut self, source: &str, object: &[u8], origin: &Origin) -> Result<(), TrustError> {
        if is_content_info(object) {
            return self.list(source, object);
        }
        if let Ok(crl) = Crl::parse(object) {
            self.crls.push(crl);
        } else if let Some(certificate) = self.certificate(object) {
            self.entries.push(Entry::new(certificate, source, origin.clone()));
        }
        Ok(())
    }

    fn certificate(&mut self, der: &[u8]) -> Option<Certificate> {
        match Certificate::parse(der) {
            Ok(certificate) => Some(certificate),
            Err(error) => {
                self.added.unreadable += 1;
                self.last_error = Some(error);
                None
            }
        }
    }

    fn list(&mut self, source: &str, object: &[u8]) -> Result<(), TrustError> {
        let signed = SignedData::parse(object).map_err(TrustError::MasterList)?;
        if is_deviation_list(&signed) {
            self.deviations.push(DeviationList::from_signed(&signed).map_err(TrustError::DeviationList)?);
            return Ok(());
        }
        let signer = list_signer(&signed)?;
        let (mut certificates, unreadable) = listed(&signed)?;
        let authority = authority(signer, certificates.iter().chain(&signed.certificates))?;
        let list = MasterList { signer: signer.subject_name(), authority, signed: signed.signing_time };
        let origin = Origin::MasterList { signer: list.signer.clone(), signed: list.signed };
        self.added.unreadable += unreadable;
        self.added.master_lists.push(list);
        self.entries.extend(certificates.drain(..).map(|c| Entry::new(c, source, origin.clone())));
        Ok(())
    }

    /// What lies loose in a directory is nobody's word.
    fn directory(&mut self, source: &str, bytes: &[u8], progress: &mut dyn FnMut(usize, usize)) {
        ldif::read(bytes, progress, |kind, value| match kind {
            Kind::Certificate => {
                let Some(certificate) = self.certificate(value) else { return };
                if certificate.claims_authority() || certificate.is_self_issued() {
                    self.entries.push(Entry::new(certificate, source, Origin::Directory));
                } else {
                    self.signers.push(certificate);
                }
            }
            Kind::RevocationList => match Crl::parse(value) {
                Ok(crl) => self.crls.push(crl),
                Err(_) => self.added.refused_lists += 1,
            },
            Kind::List => {
                if self.list(source, value).is_err() {
                    self.added.refused_lists += 1;
                }
            }
            Kind::Malformed => self.added.unreadable += 1,
        });
    }
}

fn is_content_info(object: &[u8]) -> bool {
    let outer = tlv::first(object, tag::SEQUENCE);
    outer.is_ok_and(|o| o.children().expect(tag::OID).is_ok_and(|id| Oid(id.value) == oid::SIGNED_DATA))
}

/// Who signed a master list, rightly and as one who may.
fn list_signer(signed: &SignedData) -> Result<&Certificate, TrustError> {
    let wrong = TrustError::MasterListSignature;
    if Oid(&signed.content_type) != oid::CSCA_MASTER_LIST {
        return Err(wrong("not a CSCA master list"));
    }
    let signer =
        signed.certificates.iter().find(|c| signed.is_signer(c)).ok_or_else(|| wrong("no signer certificate"))?;
    if !matches!(signed.verify(signer), Ok(Ok(()))) {
        return Err(wrong("wrong signature"));
    }
    match signer.extensions.faults(Purpose::MasterList)[..] {
        [] => Ok(signer),
        _ => Err(wrong("its signer may not sign master lists")),
    }
}

/// CscaMasterList ::= SEQUENCE { version INTEGER, certList SET OF Certificate }, with how many could not be read.
fn listed(signed: &SignedData) -> Result<(Vec<Certificate>, usize), TrustError> {
    let read = |e| TrustError::MasterList(CmsError::Malformed(e));
    let mut fields = tlv::first(&signed.content, tag::SEQUENCE).map_err(TrustError::Unreadable)?.children();
    fields.expect(tag::INTEGER).map_err(read)?;
    let mut each = fields.expect(tag::SET).map_err(read)?.children();
    let (mut certificates, mut unreadable) = (Vec::new(), 0);
    while let Some(certificate) = each.next().map_err(read)? {
        match Certificate::parse(certificate.raw) {
            Ok(certificate) => certificates.push(certificate),
            Err(_) => unreadable += 1,
        }
    }
    Ok((certificates, unreadable))
}

/// The self-signed authority among these that issued a list's signer.
fn authority<'a>(
    signer: &Certificate,
    mut candidates: impl Iterator<Item = &'a Certificate>,
) -> Result<Certificate, TrustError> {
    let vouches = |issuer: &&Certificate| {
        issuer.is_authority()
            && same_name(issuer.subject(), signer.issuer())
            && signer.is_signed_by(issuer).unwrap_or(false)
            && issuer.is_self_issued()
            && issuer.is_signed_by(issuer).unwrap_or(false)
    };
    let found = candidates.find(vouches).cloned();
    found.ok_or(TrustError::MasterListSignature("the signer's CSCA is not in the list"))
}
