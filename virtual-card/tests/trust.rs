//! Trust and tolerance: every named deviation, pins, revocation and deviation lists, anchors that are not there.

mod support;

use emrtd::cms::{Deviation, Severity};
use emrtd::passive_authentication::{Group, PassiveAuthentication, SodVerification};
use emrtd::trust::{Pin, TrustStore};
use emrtd::verdict::{Decision, Outcome, Policy};
use emrtd::x509::UnixTime;
use std::collections::BTreeMap;
use support::{check, now, trust};
use virtual_card::Issuer;
use virtual_card::issuer::{DocumentSigner, IssuerFault, Oddity};

const SIGNED_AT: &str = "230401120000Z";

fn groups() -> BTreeMap<u8, Vec<u8>> {
    BTreeMap::from([(1, b"data group one".to_vec()), (15, b"data group fifteen".to_vec())])
}

fn judge(sod: &[u8], groups: &BTreeMap<u8, Vec<u8>>, trust: &TrustStore, now: UnixTime) -> PassiveAuthentication {
    let groups = groups.iter().map(|(n, bytes)| (*n, Group::Bytes(bytes))).collect();
    SodVerification::new(sod, trust, None, now).with_groups(&groups)
}

fn honest() -> Issuer {
    Issuer::new(IssuerFault::None).expect("issuer")
}

#[test]
fn every_named_deviation_is_accepted_and_reported() {
    use DocumentSigner::{Brainpool256, RsaPss};
    let trust = trust();
    let odd = |signer, oddity| honest().odd_sod(signer, &groups(), SIGNED_AT, oddity).expect("SOD");
    let mut seen = Vec::new();
    for (oddity, signer, deviation) in [
        (Oddity::None, Brainpool256, None),
        (Oddity::None, RsaPss, None),
        (Oddity::Lds18, Brainpool256, None),
        (Oddity::IndefiniteLength, Brainpool256, Some(Deviation::IndefiniteLength)),
        (Oddity::ContentTypeIsData, Brainpool256, Some(Deviation::ContentTypeIsData)),
        (Oddity::SignatureAlgorithmIsKeyType, Brainpool256, Some(Deviation::SignatureAlgorithmIsKeyType)),
        (Oddity::Sha1, Brainpool256, Some(Deviation::Sha1)),
        (Oddity::NoSignedAttributes, Brainpool256, Some(Deviation::NoSignedAttributes)),
        (Oddity::Version, Brainpool256, Some(Deviation::Version)),
        (Oddity::DigestAlgorithms, Brainpool256, Some(Deviation::DigestAlgorithms)),
        (Oddity::SignerIdentifier, Brainpool256, Some(Deviation::SignerIdentifier)),
        (Oddity::CertificateAlgorithm, Brainpool256, Some(Deviation::CertificateAlgorithm)),
        (Oddity::AuthorityKeyIdentifier, Brainpool256, Some(Deviation::AuthorityKeyIdentifier)),
        (Oddity::PssParameters, RsaPss, Some(Deviation::PssParameters)),
        (Oddity::LdsVersion, Brainpool256, Some(Deviation::LdsVersion)),
    ] {
        let result = judge(&odd(signer, oddity), &groups(), &trust, now());
        assert!(result.trusted, "{oddity:?}: {:#?}", result.checks);
        assert_eq!(Policy::Files.decide(&result.checks), Decision::Genuine, "{oddity:?}");
        assert_eq!(result.deviations, Vec::from_iter(deviation), "{oddity:?}");
        seen.extend(deviation);
    }
    for deviation in Deviation::ALL {
        assert!(seen.contains(&deviation), "{deviation:?} has a case above");
        assert!(matches!(deviation.severity(), Severity::Form | Severity::Strength), "{deviation:?}");
    }
    assert_eq!(Deviation::Sha1.severity(), Severity::Strength);
}

#[test]
fn missing_unknown_and_pinned_issuers_are_told_apart() {
    let sod = honest().sod(DocumentSigner::Brainpool256, &groups(), SIGNED_AT).expect("SOD");
    let reason = |sod: &[u8], store: &TrustStore| {
        let result = judge(sod, &groups(), store, now());
        let chain = check(&result.checks, "dsc_chain").clone();
        (chain.outcome, chain.reason, Policy::Files.decide(&result.checks))
    };
    let undecided = |reason: &str| (Outcome::NotPerformed, Some(reason.to_owned()), Decision::Undecided);
    assert_eq!(reason(&sod, &TrustStore::new()), undecided("no_anchor"));
    // Somebody's own CSCA under the real one's name.
    let forger = Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer");
    let forged = forger.sod(DocumentSigner::Brainpool256, &groups(), SIGNED_AT).expect("SOD");
    assert_eq!(reason(&forged, &trust()), undecided("issuer_key_unknown"));
    // The operator pins one document signer: it is trusted, its neighbour is not.
    let mut pinned = TrustStore::new();
    let signer = judge(&sod, &groups(), &trust(), now()).document_signer.expect("document signer");
    let fingerprint = signer.fingerprint();
    pinned.pin(Pin { fingerprint, source: "pins.toml".to_owned(), reason: "handed over in person".to_owned() });
    assert_eq!(reason(&sod, &pinned), (Outcome::Passed, None, Decision::Genuine));
    let other = honest().sod(DocumentSigner::RsaPss, &groups(), SIGNED_AT).expect("SOD");
    assert_eq!(reason(&other, &pinned), undecided("no_anchor"));
    assert_eq!(reason(&forged, &pinned), undecided("no_anchor"));
}

/// A document signer that lies in the trust directory issues nothing: it is no certification authority.
#[test]
fn a_certificate_that_is_no_authority_is_no_link() {
    let mut store = trust();
    let signer = honest().document_signer(DocumentSigner::Brainpool256).expect("certificate");
    store.add("dsc.cer", &signer).expect("a certificate");
    let sod = honest().sod(DocumentSigner::Brainpool256, &groups(), SIGNED_AT).expect("SOD");
    assert!(judge(&sod, &groups(), &store, now()).trusted, "its own path is not disturbed");
    let alone = {
        let mut store = TrustStore::new();
        store.add("dsc.cer", &signer).expect("a certificate");
        store
    };
    let result = judge(&sod, &groups(), &alone, now());
    assert_eq!(check(&result.checks, "dsc_chain").reason.as_deref(), Some("no_anchor"));
}

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
        let sod = issuer.sod(DocumentSigner::Brainpool256, &groups(), SIGNED_AT).expect("SOD");
        let result = judge(&sod, &groups(), &trust(), at);
        let revocation = check(&result.checks, "dsc_revocation");
        assert_eq!((revocation.outcome, revocation.reason.as_deref()), (outcome, reason), "{fault:?}");
        assert!(revocation.detail.as_deref().expect("detail").contains("days old"), "{revocation:?}");
    }
}

#[test]
fn a_deviation_list_takes_doubt_away_and_makes_nothing_pass() {
    let issuer = honest();
    let sod = issuer.sod(DocumentSigner::Brainpool256, &groups(), SIGNED_AT).expect("SOD");
    let mut wrong = groups();
    wrong.insert(15, b"another data group fifteen".to_vec());
    let with = |list: &[u8]| {
        let mut store = trust();
        assert_eq!(store.add("list", list).expect("deviation list").deviation_lists, 1);
        store
    };
    let list = |kind, group| issuer.deviation_list(DocumentSigner::Brainpool256, kind, group).expect("list");
    let decide = |store: &TrustStore, groups: &BTreeMap<u8, Vec<u8>>| {
        let result = judge(&sod, groups, store, now());
        (Policy::Files.decide(&result.checks), result)
    };
    assert_eq!(decide(&trust(), &wrong).0, Decision::NotGenuine);
    // Hashes of group 15 are declared wrong: undecided, never genuine.
    let store = with(&list([2, 2], Some(15)));
    let (decision, result) = decide(&store, &wrong);
    assert_eq!(check(&result.checks, "dg_hash.15").reason.as_deref(), Some("issuer_declared_deviation"));
    assert_eq!(
        (decision, &result.known_deviations[..]),
        (Decision::Undecided, &["declared by the practice issuer".to_owned()][..])
    );
    assert!(!result.bound.contains(&15));
    assert_eq!(decide(&store, &groups()).0, Decision::Genuine, "what is right stays right");
    // A declaration about another group explains nothing.
    assert_eq!(decide(&with(&list([2, 2], Some(2))), &wrong).0, Decision::NotGenuine);
    // Nor does one about another document signer.
    let other = issuer.deviation_list(DocumentSigner::RsaPss, [2, 2], Some(15)).expect("list");
    assert_eq!(decide(&with(&other), &wrong).0, Decision::NotGenuine);
    // Nor one that somebody else signed.
    let forger = Issuer::new(IssuerFault::SelfMadeCsca).expect("issuer");
    let forged = forger.deviation_list(DocumentSigner::Brainpool256, [2, 2], Some(15)).expect("list");
    assert_eq!(decide(&with(&forged), &wrong).0, Decision::NotGenuine);
    // A key that the issuer calls compromised proves nothing any more.
    assert!(decide(&with(&list([1, 4], None)), &groups()).1.active_key_compromised);
    // A changed list is refused whole.
    let mut changed = list([2, 2], Some(15));
    let at = changed.len() - 3;
    changed[at] ^= 1;
    assert!(TrustStore::new().add("list", &changed).is_err());
}

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    let issuer = honest();
    let files = issuer.trust_files().expect("files");
    let certificates: Vec<&[u8]> = files.iter().filter(|f| f.name.ends_with(".cer")).map(|f| &f.der[..]).collect();
    let list = issuer.master_list(&certificates, "260101000000Z").expect("master list");
    let mut store = TrustStore::new();
    let added = store.add("list.ml", &list).expect("master list");
    assert_eq!((added.certificates, added.known), (2, 0));
    assert!(matches!(&store.entries()[0].origin, emrtd::trust::Origin::MasterList { signed: Some(_), .. }));
    assert_eq!(store.add("again.ml", &list).expect("master list").known, 2);
    // A revocation list before a master list whose signature is wrong.
    let crl = &files.iter().find(|f| f.name.ends_with(".crl")).expect("list").der;
    let mut bad = list.clone();
    let at = bad.len() - 3;
    bad[at] ^= 1;
    let mut store = TrustStore::new();
    assert!(store.add("both", &[crl.as_slice(), &bad].concat()).is_err());
    assert_eq!((store.revocation_lists().count(), store.entries().len()), (0, 0));
}
