//! Documents of any state and kind, and passive authentication over them.

use emrtd::document::{Document, DocumentKind};
use emrtd::passive_authentication::{Facts, Group, PassiveAuthentication, passive_authentication};
use emrtd::trust::TrustStore;
use emrtd::verdict::{Check, Outcome};
use emrtd::x509::UnixTime;
use std::collections::BTreeMap;
use virtual_card::issuer::TrustFile;

pub(crate) const SIGNED_AT: &str = "230401120000Z";

/// EF.DG1 of a document, and a group whose content does not matter.
pub(crate) fn groups(kind: DocumentKind, issuer: &str) -> BTreeMap<u8, Vec<u8>> {
    let mrz = match kind {
        DocumentKind::Passport => format!("{:<<44}{:<<44}", format!("P<{issuer:<<3}NGUYEN<<A"), ""),
        DocumentKind::IdentityCard => td1("ID", issuer, issuer),
        DocumentKind::ResidenceCard => td1("IR", issuer, "UTO"),
        DocumentKind::Other => format!("{:<<44}{:<<44}", format!("V<{issuer:<<3}NGUYEN<<A"), ""),
    };
    let dg1 = emrtd::tlv::encode(0x61, &emrtd::tlv::encode(0x5F1F, mrz.as_bytes()));
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
    Facts { document: mrz.as_ref().map(Document::of), ..Facts::default() }
}

pub(crate) fn judge_with(
    sod: &[u8],
    groups: &BTreeMap<u8, Vec<u8>>,
    facts: &Facts,
    trust: &TrustStore,
    now: UnixTime,
) -> PassiveAuthentication {
    let groups = groups.iter().map(|(n, bytes)| (*n, Group::Bytes(bytes))).collect();
    passive_authentication(sod, &groups, facts, trust, None, now)
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
