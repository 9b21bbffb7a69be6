//! Real SODs and a real CSCA master list; expected outcome check by check.

mod support;

use emrtd::hazmat::crypto::curve::ParameterForm;
use emrtd::hazmat::crypto::{Curve, PublicKey};
use emrtd::hazmat::x509::KeyUsage;
use emrtd::{
    Certificate, Deviation, Document, DocumentKind, Entry, Facts, Group, Outcome, PassiveAuthentication, Pin, Role,
    Scope, TrustStore, UnixTime,
};
use std::collections::{BTreeMap, BTreeSet};
use support::shared;
use verdict::Issuer;

fn trust() -> Option<TrustStore> {
    let mut store = TrustStore::new();
    let list = std::fs::read(shared("masterlists/DE_ML_2026-05-28.ml")?).expect("readable");
    let added = store.add("DE_ML_2026-05-28.ml", &list).expect("a master list with a valid signature");
    let signer = &added.master_lists[0].signer;
    println!("master list: {} certificates, {} unreadable, signer {signer}", added.certificates, added.unreadable);
    assert_eq!((added.certificates, added.unreadable), (588, 0));
    Some(store)
}

fn check(store: &TrustStore, sod: &str, now: UnixTime) -> Option<PassiveAuthentication> {
    let bytes = std::fs::read(shared(&format!("sods/{sod}"))?).expect("readable");
    let result = PassiveAuthentication::run(&bytes, &BTreeMap::new(), &Facts::default(), store, None, now);
    for check in &result.checks {
        println!("{sod}: {check:?}");
    }
    Some(result)
}

fn day(year: i32) -> UnixTime {
    UnixTime::from_date(year, 6, 1).expect("date")
}

fn passed(result: &PassiveAuthentication, id: &str) -> bool {
    result.checks.iter().any(|c| c.id == id && c.outcome == Outcome::Passed)
}

fn with_indonesia() -> Option<TrustStore> {
    let mut store = trust()?;
    // Indonesia's CSCAs are not in the German list.
    for name in ["2010-12_CSCA", "2016-01_CSCA", "2016-01_CSCA_LINK", "2020-10_CSCA", "2020-10_CSCA_LINK"] {
        if let Some(path) = shared(&format!("masterlists/IDN_2010_SERIES_CSCA_CERT/{name}.cer")) {
            store.add(name, &std::fs::read(path).expect("readable")).expect("a certificate");
        }
    }
    Some(store)
}

const SODS: [(&str, &[Deviation]); 8] = [
    ("AT_2023_ecdsa.bin", &[]),
    ("CN_2017_econtent-id-data.bin", &[Deviation::Version, Deviation::ContentTypeIsData]),
    ("FR_2017_rsa.bin", &[]),
    ("GB_2021_ecdsa256.bin", &[]),
    ("ID_2025_rsapss.bin", &[]),
    ("NZ_2017_rsa_indefinite-len.bin", &[Deviation::IndefiniteLength, Deviation::SignatureAlgorithmIsKeyType]),
    ("RU_2019_sha1_ecdsa.bin", &[Deviation::Sha1, Deviation::Sha1Certificate]),
    ("US_2021_rsa.bin", &[Deviation::SignatureAlgorithmIsKeyType]),
];

#[test]
fn eight_real_sods_verify_and_leave_open_what_only_their_data_groups_say() {
    let Some(store) = with_indonesia() else { return };
    for (sod, deviations) in SODS {
        let Some(result) = check(&store, sod, day(2026)) else { return };
        for id in ["sod_signature", "dsc_chain", "dsc_validity"] {
            assert!(passed(&result, id), "{sod} {id}: {:#?}", result.checks);
        }
        for id in ["issuing_state", "anchor_scope"] {
            let found = result.checks.iter().find(|c| c.id == id).and_then(|c| c.reason.as_deref());
            assert_eq!(found, Some("no_dg1"), "{sod} {id}");
        }
        // Signers that list document types wait for the MRZ; the others may sign anything.
        let types = result.document_signer.as_ref().is_some_and(|s| s.extensions.document_types.is_some());
        assert_eq!(passed(&result, "dsc_purpose"), !types, "{sod}");
        assert!(result.signed && !result.trusted, "{sod}");
        assert_eq!(result.issuer, Issuer::Unchecked, "{sod}: there is no EF.DG1");
        assert_eq!(result.deviations, deviations, "{sod}");
    }
}

/// Long after its document signer has ended, a SOD without a signing time is open, and one with a signing time is as
/// good as ever.
#[test]
fn no_real_sod_is_ever_refuted_by_the_calendar() {
    let Some(store) = with_indonesia() else { return };
    for (sod, _) in SODS {
        for year in [2008, 2026, 2030, 2045] {
            let Some(result) = check(&store, sod, day(year)) else { return };
            assert_ne!(result.issuer, Issuer::Refuted, "{sod} in {year}: {:#?}", result.checks);
            assert!(passed(&result, "sod_signature") && passed(&result, "dsc_chain"), "{sod} in {year}");
        }
    }
}

/// BSI's test document of TR-03105, with its data groups; its CSCA is not at hand.
#[test]
fn a_whole_document_of_an_unknown_issuer_is_rightly_signed() {
    let read = |name: &str| Some(std::fs::read(shared(&format!("lds/bsi-tr03105-new/{name}"))?).expect("readable"));
    let (Some(sod), Some(dg1), Some(dg2)) = (read("EF_SOD.bin"), read("Datagroup1.bin"), read("Datagroup2.bin")) else {
        return;
    };
    let document = emrtd::lds::dg1::parse(&dg1).ok().map(|mrz| Document::of(&mrz));
    println!("{document:?}");
    let facts = Facts::of(document);
    let groups = BTreeMap::from([(1, Group::Bytes(&dg1)), (2, Group::Bytes(&dg2))]);
    let result = PassiveAuthentication::run(&sod, &groups, &facts, &TrustStore::new(), None, day(2026));
    println!("{:#?} {:?}", result.checks, result.deviations);
    assert_eq!(result.bound, [1, 2]);
    assert_eq!(result.issuer, Issuer::Unknown);
    assert!(result.signed);
    // Pinned, and judged while its signer was valid, it passes as a whole.
    let mut store = TrustStore::new();
    let fingerprint = result.document_signer.expect("signer").fingerprint();
    store.pin(Pin::new(fingerprint, Scope::of(&[DocumentKind::Passport]), "pins.toml", "test document"));
    let then = PassiveAuthentication::run(&sod, &groups, &facts, &store, Some(day(2014)), day(2026));
    assert_eq!(then.issuer, Issuer::Pinned, "{:#?}", then.checks);
    let expired = PassiveAuthentication::run(&sod, &groups, &facts, &store, None, day(2026));
    assert_eq!(expired.issuer, Issuer::Unknown, "no signing time, and no date of issue");
}

#[test]
fn without_its_csca_a_real_sod_is_signed_by_nobody_known() {
    let Some(result) = check(&TrustStore::new(), "AT_2023_ecdsa.bin", day(2026)) else { return };
    let chain = result.checks.iter().find(|c| c.id == "dsc_chain").expect("dsc_chain");
    assert_eq!((chain.outcome, chain.reason.as_deref()), (Outcome::NotPerformed, Some("no_anchor")));
    assert!(result.signed && !result.trusted);
}

/// Of 588 certificates nothing is lost without a name, and no key that vouches for anything is lost at all.
#[test]
fn every_certificate_of_a_real_master_list_has_a_role() {
    let Some(store) = trust() else { return };
    let mut counts: BTreeMap<(Role, bool), usize> = BTreeMap::new();
    let anchors: BTreeSet<&[u8]> =
        store.entries().iter().filter(|e| e.is_anchor()).map(|e| e.certificate.key_info()).collect();
    let mut only_here = BTreeSet::new();
    for entry in store.entries() {
        let role = store.role(entry);
        *counts.entry((role, entry.certificate.is_self_issued())).or_default() += 1;
        assert_eq!(entry.scope, Scope::of(&[DocumentKind::Passport]));
        if !role.stands() && !anchors.contains(entry.certificate.key_info()) {
            println!("{}: {:?}, and no anchor has its key", role.code(), entry.certificate);
            only_here.insert(entry.certificate.key_info());
        }
        // Every self-signed CSCA of the list is an authority by both extensions.
        let own = entry.certificate.is_signed_by(&entry.certificate) == Ok(true);
        assert_eq!(own, role == Role::Anchor, "{:?}", entry.certificate);
    }
    println!("{counts:?}, {} keys under no anchor", only_here.len());
    assert!(only_here.is_empty(), "what does not stand is there as an anchor, too");
    let lists = |e: &&Entry| {
        e.is_anchor() && e.certificate.extensions.key_usage.is_some_and(|u| u.contains(KeyUsage::REVOCATION_LISTS))
    };
    println!("{} anchors sign revocation lists", store.entries().iter().filter(lists).count());
    let count = |role, same_name| counts.get(&(role, same_name)).copied().unwrap_or_default();
    assert_eq!((count(Role::Anchor, true), count(Role::Anchor, false)), (375, 0));
    assert_eq!((count(Role::Link, true), count(Role::Link, false)), (123, 69));
    assert_eq!((count(Role::LinkUnanchored, true), count(Role::LinkUnanchored, false)), (10, 2));
    assert_eq!((count(Role::NotAnAuthority, true), count(Role::NotAnAuthority, false)), (3, 6));
    assert_eq!(counts.values().sum::<usize>(), 588);
}

#[test]
fn the_vietnamese_passport_csca_with_explicit_parameters_loads() {
    let Some(path) = shared("certs/csca_vn_6b5fa6fe.cer") else { return };
    let certificate = Certificate::parse(&std::fs::read(path).expect("readable")).expect("a certificate");
    assert_eq!(certificate.country().as_deref(), Some("VN"));
    let PublicKey::Ec { curve, form, .. } = certificate.public_key().expect("usable key") else { panic!("EC key") };
    assert_eq!((*curve, *form), (Curve::BrainpoolP512r1, ParameterForm::Explicit));
    assert_eq!(certificate.is_signed_by(&certificate), Ok(true));
}
