//! Revocation lists: whose count, which decides, and what a list that is not in order does. And the directories in which
//! they come.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::{DocumentKind, Outcome, TrustStore, UnixTime};
use std::collections::BTreeMap;
use support::issued::{SIGNED_AT, card, chain, found, honest, judge, ldif, sod_of, with};
use support::{check, now, trust};
use verdict::Issuer as Answer;
use virtual_card::Issuer;
use virtual_card::issuer::{CscaKey, DocumentSigner, IssuerFault, ListOddity, ListRequest, Oddity};

#[test]
fn a_stale_revocation_list_still_revokes_but_no_longer_clears() {
    let late = UnixTime::from_date(2041, 1, 1).expect("date");
    for (fault, at, outcome, reason) in [
        (IssuerFault::None, now(), Outcome::Passed, None),
        (IssuerFault::None, late, Outcome::NotPerformed, Some("revocation_list_stale")),
        (IssuerFault::RevokedDsc, now(), Outcome::Failed, Some("dsc_revoked")),
        (IssuerFault::RevokedDsc, late, Outcome::Failed, Some("dsc_revoked")),
    ] {
        let issuer = Issuer::new(fault).expect("issuer");
        let result = judge(&sod_of(&issuer, &card()), &card(), &trust(), at);
        let revocation = check(&result.checks, "dsc_revocation");
        assert_eq!((revocation.outcome, revocation.reason.as_deref()), (outcome, reason), "{fault:?}");
        assert!(revocation.detail.as_deref().expect("detail").contains("days old"), "{revocation:?}");
    }
}

/// Old or new document signer, list signed by the old, the new or a stranger's key, with and without the link and with
/// the new key as an anchor of its own: a list counts under any key of the name that stands.
#[test]
fn a_revocation_list_counts_under_every_key_of_the_name_that_stands() {
    use CscaKey::{New, Old, Stranger};
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Known {
        Nothing,
        Link,
        StrangersLink,
        Anchor,
    }
    let revoked = Issuer::new(IssuerFault::RevokedDsc).expect("issuer");
    let honest = honest();
    for known in [Known::Nothing, Known::Link, Known::StrangersLink, Known::Anchor] {
        for (signer, by) in [(Old, Old), (Old, New), (New, Old), (New, New), (Old, Stranger), (New, Stranger)] {
            let list = honest.revocation_list(by, &ListRequest { number: 7, ..ListRequest::default() }).expect("list");
            let mut store = with(&[&honest.trust_files().expect("files")[0].der, &list]);
            match known {
                Known::Nothing => {}
                Known::Link => drop(store.add("link", &honest.same_name(New, Old).expect("link"))),
                Known::StrangersLink => drop(store.add("link", &honest.same_name(New, Stranger).expect("link"))),
                Known::Anchor => drop(store.add("new", &honest.same_name(New, New).expect("anchor"))),
            }
            let there = |key| key == Old || (key == New && matches!(known, Known::Link | Known::Anchor));
            for (issuer, clear) in [(&honest, true), (&revoked, false)] {
                let sod = issuer.sod_under(signer, &card(), SIGNED_AT).expect("SOD");
                let result = judge(&sod, &card(), &store, now());
                let case = format!("{known:?}, signer under {signer:?}, list by {by:?}, clear {clear}");
                if !there(signer) {
                    let reason = match known {
                        Known::StrangersLink => "link_unanchored",
                        _ => "issuer_key_unknown",
                    };
                    assert_eq!(chain(&result), (Answer::Unknown, Some(reason)), "{case}");
                    continue;
                }
                let (answer, outcome) = match (there(by), clear) {
                    (false, _) => (Answer::Vouched, (Outcome::NotPerformed, Some("revocation_list_unsigned"))),
                    (true, true) => (Answer::Vouched, (Outcome::Passed, None)),
                    (true, false) => (Answer::Refuted, (Outcome::Failed, Some("dsc_revoked"))),
                };
                assert_eq!((result.issuer, found(&result.checks, "dsc_revocation")), (answer, outcome), "{case}");
            }
        }
    }
}

#[test]
fn the_newest_list_decides_and_one_that_is_not_in_order_clears_nobody() {
    let (honest, revoked) = (honest(), Issuer::new(IssuerFault::RevokedDsc).expect("issuer"));
    let list = |request: ListRequest| honest.revocation_list(CscaKey::Old, &request).expect("list");
    let root = honest.trust_files().expect("files")[0].der.clone();
    let ask = |issuer: &Issuer, lists: &[&[u8]]| {
        let store = with(&[&[&root[..]], lists].concat());
        let result = judge(&sod_of(issuer, &card()), &card(), &store, now());
        let (outcome, reason) = found(&result.checks, "dsc_revocation");
        (outcome, reason.map(str::to_owned))
    };
    let not_performed = |reason: &str| (Outcome::NotPerformed, Some(reason.to_owned()));
    let passed = (Outcome::Passed, None);
    let failed = (Outcome::Failed, Some("dsc_revoked".to_owned()));
    let base = ListRequest { number: 1, ..ListRequest::default() };
    let old = list(ListRequest { this_update: "20250101000000Z", revokes: false, ..base });
    let new = list(base);
    assert_eq!(ask(&revoked, &[&old]), passed);
    assert_eq!((ask(&revoked, &[&old, &new]), ask(&revoked, &[&new, &old])), (failed.clone(), failed.clone()));
    // Of one day, the higher number.
    let higher = list(ListRequest { number: 200, revokes: false, ..base });
    assert_eq!(ask(&revoked, &[&new, &higher]), passed);
    assert_eq!(ask(&honest, &[]), not_performed("no_revocation_list"));
    let future = ListRequest { this_update: "20390101000000Z", ..base };
    assert_eq!(ask(&honest, &[&list(future)]), not_performed("revocation_list_future"));
    assert_eq!(ask(&revoked, &[&list(future)]), failed, "a list of any day revokes");
    for (oddity, reason) in [
        (ListOddity::Delta, "revocation_list_unusable"),
        (ListOddity::Indirect, "revocation_list_unusable"),
        (ListOddity::IndirectEntry, "revocation_list_unusable"),
        (ListOddity::UnknownCritical, "revocation_list_unusable"),
        (ListOddity::WrongSignature, "revocation_list_unsigned"),
    ] {
        let odd = list(ListRequest { oddity, this_update: "20260501000000Z", ..base });
        for issuer in [&honest, &revoked] {
            assert_eq!(ask(issuer, &[&odd]), not_performed(reason), "{oddity:?} alone");
        }
        // Beside one that is in order it changes nothing.
        assert_eq!((ask(&revoked, &[&odd, &new]), ask(&honest, &[&odd, &new])), (failed.clone(), passed.clone()));
    }
}

#[test]
fn a_key_that_is_not_for_revocation_lists_signs_none() {
    let issuer = Issuer::odd(Oddity::CscaNoListSign).expect("issuer");
    let trust = support::issued::store(&issuer.trust_files().expect("files"));
    let result = judge(&sod_of(&issuer, &card()), &card(), &trust, now());
    let unsigned = (Outcome::NotPerformed, Some("revocation_list_unsigned"));
    assert_eq!((result.issuer, found(&result.checks, "dsc_revocation")), (Answer::Vouched, unsigned));
}

/// Nobody vouches for a certificate that came loose in a directory: neither does a list under its key count.
#[test]
fn a_key_that_nobody_vouches_for_neither_revokes_nor_clears() {
    let honest = honest();
    let list = honest.revocation_list(CscaKey::Stranger, &ListRequest::default()).expect("list");
    let fake = honest.same_name(CscaKey::Stranger, CscaKey::Stranger).expect("certificate");
    let mut store = with(&[&honest.trust_files().expect("files")[0].der, &list]);
    store.add("pkd.ldif", ldif(&[("cACertificate;binary", &fake)]).as_bytes()).expect("directory");
    let revoked = Issuer::new(IssuerFault::RevokedDsc).expect("issuer");
    let result = judge(&sod_of(&revoked, &card()), &card(), &store, now());
    assert_eq!(found(&result.checks, "dsc_revocation").1, Some("revocation_list_unsigned"));
    assert_eq!(result.issuer, Answer::Vouched);
}

/// The ICAO PKD's own form, as it comes: what lies in it loose is nobody's word, its master lists are their signers'.
#[test]
fn a_directory_in_the_pkds_form_is_taken_as_it_comes() {
    let issuer = honest();
    let files = issuer.trust_files().expect("files");
    let (root, crl) = (&files[0].der, &files[2].der);
    let signer = issuer.document_signer(DocumentSigner::Brainpool256).expect("certificate");
    let list = issuer.master_list(&[root], "260101000000Z").expect("master list");
    let mut broken = list.clone();
    let at = broken.len() - 3;
    broken[at] ^= 1;
    let sod = sod_of(&issuer, &card());
    let answer =
        |store: &TrustStore, groups: &BTreeMap<u8, Vec<u8>>, sod: &[u8]| judge(sod, groups, store, now()).issuer;
    let entries: [(&str, &[u8]); 5] = [
        ("userCertificate;binary", &signer),
        ("cACertificate;binary", root),
        ("certificateRevocationList;binary", crl),
        ("pkdMasterListContent", &broken),
        ("userCertificate;binary", b"no certificate"),
    ];
    let mut told = Vec::new();
    let mut store = TrustStore::new();
    let added = store.add_with("pkd.ldif", ldif(&entries).as_bytes(), &mut |done, of| told.push((done, of)));
    let added = added.expect("a directory");
    assert_eq!(told.last(), Some(&(5, 5)));
    assert_eq!((added.certificates, added.signers, added.revocation_lists), (1, 1, 1));
    assert_eq!((added.refused_lists, added.unreadable, store.signers()), (1, 1, 1));
    // The loose CSCA is known, and vouches for nothing.
    let result = judge(&sod, &card(), &store, now());
    assert_eq!(found(&result.checks, "anchor_scope").1, Some("out_of_scope"));
    assert_eq!(result.issuer, Answer::Unknown);
    // The same in a master list vouches for passports; from the operator's hand, for everything.
    let passport = support::issued::groups(DocumentKind::Passport, "VNM");
    let passport_sod = sod_of(&issuer, &passport);
    assert_eq!(answer(&store, &passport, &passport_sod), Answer::Unknown);
    let added = store.add("ml.ldif", ldif(&[("CscaMasterListData", &list)]).as_bytes()).expect("a directory");
    assert_eq!((added.master_lists.len(), added.certificates), (1, 1), "raised to the list's word");
    assert_eq!(answer(&store, &passport, &passport_sod), Answer::Vouched);
    assert_eq!(answer(&store, &card(), &sod), Answer::Unknown);
    store.add("csca.cer", root).expect("certificate");
    assert_eq!(answer(&store, &card(), &sod), Answer::Vouched);
    // What comes later on a lesser word takes nothing away.
    assert_eq!(store.add("again.ml", &list).expect("list").known, 1);
    assert_eq!(answer(&store, &card(), &sod), Answer::Vouched);
    assert!(TrustStore::new().add("empty.ldif", b"dn: o=nothing\nobjectClass: top\n").is_err());
}

/// Tens of thousands of document signers, as the PKD has them, are kept as bytes.
#[test]
fn a_directory_of_many_thousands_is_read() {
    let issuer = honest();
    let signer = issuer.document_signer(DocumentSigner::Brainpool256).expect("certificate");
    // The serial number is the one octet after version and tag; any number of two octets makes another certificate.
    let made: Vec<Vec<u8>> = (0..2_000u32)
        .map(|n| {
            let mut der = signer.clone();
            let end = der.len();
            der[end - 4..].copy_from_slice(&n.to_be_bytes());
            der
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = made.iter().map(|der| ("userCertificate;binary", &der[..])).collect();
    let mut store = TrustStore::new();
    let added = store.add("pkd.ldif", ldif(&entries).as_bytes()).expect("a directory");
    assert_eq!((added.signers, store.signers(), store.entries().len()), (2_000, 2_000, 0));
}
