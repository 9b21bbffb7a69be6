//! Documents of any state and kind, and passive authentication over them.

use emrtd::{Check, Document, DocumentKind, Facts, Group, Outcome, PassiveAuthentication, TrustStore, UnixTime};
use std::collections::BTreeMap;
use verdict::Issuer as Answer;
use virtual_card::Issuer;
use virtual_card::issuer::{DocumentSigner, IssuerFault, TrustFile};

pub(crate) const SIGNED_AT: &str = "230401120000Z";

/// EF.DG1 of a document, and a group whose content does not matter.
pub(crate) fn groups(kind: DocumentKind, issuer: &str) -> BTreeMap<u8, Vec<u8>> {
    let mrz = match kind {
        DocumentKind::Passport => format!("{:<<44}{:<<44}", format!("P<{issuer:<<3}NGUYEN<<A"), ""),
        DocumentKind::IdentityCard => td1("ID", issuer, issuer),
        DocumentKind::ResidenceCard => td1("IR", issuer, "UTO"),
        // No zone says that it is a seal.
        DocumentKind::Other | DocumentKind::Seal => format!("{:<<44}{:<<44}", format!("V<{issuer:<<3}NGUYEN<<A"), ""),
    };
    let dg1 = emrtd::hazmat::tlv::encode(0x61, &emrtd::hazmat::tlv::encode(0x5F1F, mrz.as_bytes()));
    BTreeMap::from([(1, dg1), (15, b"data group fifteen".to_vec())])
}

fn td1(code: &str, issuer: &str, nationality: &str) -> String {
    let second = format!("{:<<15}{nationality:<<3}", "7901155M3901153");
    format!("{:<<30}{second:<<30}{:<<30}", format!("{code}{issuer:<<3}"), "NGUYEN<<A")
}

/// A citizen's card of Vietnam.
pub(crate) fn card() -> BTreeMap<u8, Vec<u8>> {
    groups(DocumentKind::IdentityCard, "VNM")
}

/// What EF.DG1 says.
pub(crate) fn facts(groups: &BTreeMap<u8, Vec<u8>>) -> Facts {
    let mrz = groups.get(&1).and_then(|file| emrtd::lds::dg1::parse(file).ok());
    Facts::of(mrz.as_ref().map(Document::of))
}

pub(crate) fn judge_with(
    sod: &[u8],
    groups: &BTreeMap<u8, Vec<u8>>,
    facts: &Facts,
    trust: &TrustStore,
    now: UnixTime,
) -> PassiveAuthentication {
    let groups = groups.iter().map(|(n, bytes)| (*n, Group::Bytes(bytes))).collect();
    PassiveAuthentication::run(sod, &groups, facts, trust, None, now)
}

pub(crate) fn judge(
    sod: &[u8],
    groups: &BTreeMap<u8, Vec<u8>>,
    trust: &TrustStore,
    now: UnixTime,
) -> PassiveAuthentication {
    judge_with(sod, groups, &facts(groups), trust, now)
}

pub(crate) fn store(files: &[TrustFile]) -> TrustStore {
    let mut store = TrustStore::new();
    for file in files {
        store.add(file.name, &file.der).expect("a trust file");
    }
    store
}

/// Outcome and reason of a check.
pub(crate) fn found<'a>(checks: &'a [Check], id: &str) -> (Outcome, Option<&'a str>) {
    let check = super::check(checks, id);
    (check.outcome, check.reason.as_deref())
}

/// The practice issuer.
pub(crate) fn honest() -> Issuer {
    Issuer::new(IssuerFault::None).expect("issuer")
}

/// EF.SOD by the usual document signer.
pub(crate) fn sod_of(issuer: &Issuer, groups: &BTreeMap<u8, Vec<u8>>) -> Vec<u8> {
    issuer.sod(DocumentSigner::Brainpool256, groups, SIGNED_AT).expect("SOD")
}

/// A store with these files.
pub(crate) fn with(files: &[&[u8]]) -> TrustStore {
    let mut store = TrustStore::new();
    for file in files {
        store.add("file", file).expect("a trust file");
    }
    store
}

/// The answer, and reason of the chain's check.
pub(crate) fn chain(result: &PassiveAuthentication) -> (Answer, Option<&str>) {
    (result.issuer, found(&result.checks, "dsc_chain").1)
}

/// A directory with these values, as the ICAO PKD writes it.
pub(crate) fn ldif(entries: &[(&str, &[u8])]) -> String {
    let mut text = "version: 1\n\n".to_owned();
    for (at, (attribute, value)) in entries.iter().enumerate() {
        let encoded = openssl::base64::encode_block(value).replace('\n', "");
        text += &format!("dn: o=DSC,c=VN,cn={at}\nobjectClass: top\n{attribute}::");
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(70));
            text += &format!(" {line}\n");
            rest = more;
        }
        text += "\n";
    }
    text
}
