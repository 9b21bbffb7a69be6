//! Seals under the practice issuer: what vouches for one, and that nothing else does.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::seal::{Seal, SealKind, Value};
use emrtd::{Certificate, DocumentKind, Outcome, PassiveAuthentication, Pin, Scope, TrustStore, UnixTime};
use support::issued::{found, honest, ldif};
use support::now;
use verdict::Issuer as Answer;
use virtual_card::Issuer;
use virtual_card::issuer::{SealRequest, SealSigner, c40};

const MRZ: &str = "V<VNMNGUYEN<<VAN<A<<<<<<<<<<<<<<<<<<C1234567<2VNM9901155M2701016";

/// Canonical: names in order, no white space.
const PROOF: &str = r#"{"hdr":{"is":"VNM","t":"icao.vacc","v":1},"msg":{"pid":{"dob":"1999-01-15","i":"C1234567","n":"NGUYỄN VĂN A","sex":"M"},"uvci":"U32870","ve":[{"des":"XM68M6","dis":"RA01.0","nam":"Comirnaty","vd":[{"adm":"Bệnh viện","ctr":"VNM","dvc":"2021-03-03","lot":"VC35679","seq":1}]}]}}"#;

fn features() -> Vec<(u8, Vec<u8>)> {
    let mrz = MRZ.replace('<', " ");
    vec![(2, c40(&mrz)), (3, vec![1]), (4, vec![90, 0, 0]), (5, c40("C1234567 "))]
}

fn visa(issuer: &Issuer, signer: SealSigner, state: &str, date: u32) -> Vec<u8> {
    let request = SealRequest { state, date, kind: [0x01, 0x5D], features: &features() };
    issuer.seal(signer, &request).expect("a seal")
}

/// Anchors, and the signers aside as a directory has them.
fn trust(issuer: &Issuer) -> TrustStore {
    let mut store = TrustStore::new();
    for file in issuer.trust_files().expect("files") {
        store.add(file.name, &file.der).expect("a trust file");
    }
    for signer in SealSigner::ALL {
        store.add_signer(&Certificate::parse(&issuer.seal_signer(signer).expect("signer")).expect("certificate"));
    }
    store
}

fn judge(seal: &[u8], trust: &TrustStore) -> PassiveAuthentication {
    Seal::parse(seal).expect("a seal").verify(trust, None, now())
}

#[test]
fn a_visa_and_a_proof_of_the_state_are_vouched_for() {
    let issuer = honest();
    let store = trust(&issuer);
    let bytes = visa(&issuer, SealSigner::BarCode, "VNM", 4_012_023);
    let result = judge(&bytes, &store);
    assert_eq!(result.issuer, Answer::Vouched, "{:#?}", result.checks);
    assert_eq!(result.judged_at.map(|t| t.to_string()).as_deref(), Some("2023-04-01"));
    let seal = Seal::parse(&bytes).expect("a seal");
    assert_eq!((seal.content().kind, seal.content().text("passport_number")), (SealKind::Visa, Some("C1234567")));
    assert!(seal.content().features["number_of_entries"] == Value::Entries(Some(1)));
    let proof = issuer.seal_nc(SealSigner::NonConstrained, PROOF).expect("a seal");
    let result = judge(proof.as_bytes(), &store);
    assert_eq!(result.issuer, Answer::Vouched, "{:#?}", result.checks);
    let seal = Seal::parse(proof.as_bytes()).expect("a seal");
    assert!(matches!(&seal.content().features["doses"], Value::Doses(doses) if *doses[0].number == *"1"));
}

/// The canonical form is what counts: order and white space do not, every value does.
#[test]
fn a_proof_may_be_written_otherwise_and_not_say_otherwise() {
    let issuer = honest();
    let store = trust(&issuer);
    let proof = issuer.seal_nc(SealSigner::NonConstrained, PROOF).expect("a seal");
    let json: serde_json::Value = serde_json::from_str(&proof).expect("JSON");
    let pretty = serde_json::to_string_pretty(&json).expect("JSON");
    assert_ne!(pretty, proof);
    assert_eq!(judge(pretty.as_bytes(), &store).issuer, Answer::Vouched);
    let escaped = proof.replace("NGUYỄN", "NGUY\\u1ec4N");
    assert_eq!(judge(escaped.as_bytes(), &store).issuer, Answer::Vouched);
    let mut changes = 0;
    for (from, to) in [
        ("VNM\",\"t", "LAO\",\"t"),
        ("1999-01-15", "1999-01-16"),
        ("\"seq\":1", "\"seq\":2"),
        ("\"v\":1", "\"v\":2"),
        ("VĂN A", "VĂN B"),
        ("\"sex\":\"M\"", "\"sex\":\"M\",\"x\":null"),
        ("RA01.0", "RA01"),
    ] {
        let changed = proof.replacen(from, to, 1);
        assert_ne!(changed, proof, "{from}");
        let result = judge(changed.as_bytes(), &store);
        assert_eq!(result.issuer, Answer::Refuted, "{from}");
        assert_eq!(found(&result.checks, "seal_signature"), (Outcome::Failed, Some("wrong_signature")));
        changes += 1;
    }
    assert_eq!(changes, 7);
    // The signer meant one, the reader may take the other.
    let twice = proof.replacen("\"sex\":\"M\"", "\"sex\":\"M\",\"sex\":\"M\"", 1);
    assert!(Seal::parse(twice.as_bytes()).is_err());
}

#[test]
fn every_flipped_bit_of_a_visa_is_noticed() {
    let issuer = honest();
    let store = trust(&issuer);
    let bytes = visa(&issuer, SealSigner::BarCode, "VNM", 4_012_023);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            if let Ok(seal) = Seal::parse(&changed) {
                let result = seal.verify(&store, None, now());
                assert!(!result.trusted && !result.signed, "byte {at} bit {bit}: {:?}", result.checks);
            }
        }
    }
}

#[test]
fn only_bar_code_signers_of_the_form_sign_seals() {
    let issuer = honest();
    let store = trust(&issuer);
    for signer in SealSigner::ALL {
        let vds = judge(&visa(&issuer, signer, "VNM", 4_012_023), &store);
        let nc = judge(issuer.seal_nc(signer, PROOF).expect("a seal").as_bytes(), &store);
        for (result, right) in [(vds, SealSigner::BarCode), (nc, SealSigner::NonConstrained)] {
            assert_eq!(result.trusted, signer == right, "{signer:?}: {:#?}", result.checks);
            let reason = found(&result.checks, "dsc_purpose").1;
            let expected = match signer {
                _ if signer == right => None,
                SealSigner::Unnamed => Some("not_for_barcodes"),
                _ => Some("for_other_purpose"),
            };
            assert_eq!(reason, expected, "{signer:?}");
        }
    }
}

#[test]
fn who_is_not_known_vouches_for_nothing() {
    let issuer = honest();
    let bytes = visa(&issuer, SealSigner::BarCode, "VNM", 4_012_023);
    let proof = issuer.seal_nc(SealSigner::NonConstrained, PROOF).expect("a seal");
    // Nobody, and the anchors without the signer.
    let mut anchors = TrustStore::new();
    assert_eq!(judge(&bytes, &anchors).issuer, Answer::Unchecked);
    assert_eq!(judge(proof.as_bytes(), &anchors).issuer, Answer::Unknown, "it carries its certificate");
    for file in issuer.trust_files().expect("files") {
        anchors.add(file.name, &file.der).expect("a trust file");
    }
    assert_eq!(
        found(&judge(&bytes, &anchors).checks, "seal_signature"),
        (Outcome::NotPerformed, Some("signer_unknown"))
    );
    // The signer without an anchor.
    let mut signers = TrustStore::new();
    let signer = Certificate::parse(&issuer.seal_signer(SealSigner::BarCode).expect("signer")).expect("certificate");
    signers.add_signer(&signer);
    let result = judge(&bytes, &signers);
    assert_eq!((result.issuer, found(&result.checks, "dsc_chain").1), (Answer::Unknown, Some("no_anchor")));
    // Somebody else's certificate of the same name and number accuses nobody.
    let other = Issuer::of("LA").expect("issuer");
    let mut bytes_of_other = visa(&issuer, SealSigner::BarCode, "VNM", 4_012_023);
    let last = bytes_of_other.len() - 1;
    bytes_of_other[last] ^= 1;
    assert_eq!(found(&judge(&bytes_of_other, &signers).checks, "seal_signature").1, Some("signer_not_vouched"));
    // Another state's signer does not sign for this one.
    let foreign = visa(&other, SealSigner::BarCode, "VNM", 4_012_023);
    let result = judge(&foreign, &trust(&other));
    assert_eq!((result.issuer, found(&result.checks, "issuing_state").1), (Answer::Refuted, Some("state_differs")));
}

#[test]
fn the_operator_says_who_vouches_for_seals() {
    let issuer = honest();
    let bytes = visa(&issuer, SealSigner::BarCode, "VNM", 4_012_023);
    for (scope, expected) in [
        (Scope::of(&[DocumentKind::Passport]), Answer::Unknown),
        (Scope::of(&[DocumentKind::Seal]), Answer::Vouched),
        (Scope::ALL, Answer::Vouched),
        (Scope::NONE, Answer::Unknown),
    ] {
        let mut store = trust(&issuer);
        let root = store.entries().iter().find(|entry| entry.is_anchor()).expect("an anchor").certificate.fingerprint();
        store.set_scope(&root, scope);
        assert_eq!(judge(&bytes, &store).issuer, expected, "{scope}");
    }
    let mut pinned = TrustStore::new();
    let signer = Certificate::parse(&issuer.seal_signer(SealSigner::BarCode).expect("signer")).expect("certificate");
    pinned.add_signer(&signer);
    for (scope, expected) in [
        (Scope::of(&[DocumentKind::Seal]), Answer::Pinned),
        (Scope::of(&[DocumentKind::IdentityCard]), Answer::Unknown),
    ] {
        pinned.pin(Pin::new(signer.fingerprint(), scope, "pins.toml", "a test"));
        assert_eq!(judge(&bytes, &pinned).issuer, expected, "{scope}");
    }
}

/// VDS-NC lets a state set an authority aside for health: what lies below it signs no card.
#[test]
fn an_authority_for_health_vouches_for_seals_only() {
    let issuer = honest();
    let mut store = TrustStore::new();
    let health = issuer.health_authority().expect("certificate");
    store.add(health.name, &health.der).expect("a trust file");
    let proof = issuer.seal_nc(SealSigner::NonConstrained, PROOF).expect("a seal");
    assert_eq!(judge(proof.as_bytes(), &store).issuer, Answer::Vouched);
    let groups = support::issued::card();
    let sod = support::issued::sod_of(&issuer, &groups);
    let result = support::issued::judge(&sod, &groups, &store, now());
    assert_eq!((result.issuer, found(&result.checks, "anchor_scope").1), (Answer::Unknown, Some("out_of_scope")));
    store.set_scope(&Certificate::parse(&health.der).expect("certificate").fingerprint(), Scope::ALL);
    assert_eq!(
        support::issued::judge(&sod, &groups, &store, now()).issuer,
        Answer::Unknown,
        "no word makes more of it"
    );
}

#[test]
fn dates_are_judged_at_the_day_of_signature() {
    let issuer = honest();
    let store = trust(&issuer);
    // Before the signer's certificate began, and in the future.
    let early = judge(&visa(&issuer, SealSigner::BarCode, "VNM", 1_012_020), &store);
    assert_eq!((early.issuer, found(&early.checks, "dsc_validity").1), (Answer::Refuted, Some("dsc_not_yet_valid")));
    let late = judge(&visa(&issuer, SealSigner::BarCode, "VNM", 1_012_030), &store);
    assert_eq!(late.deviations.len(), 1, "{:?}", late.deviations);
    // Long after the signer's certificate has ended, what it signed in time stands; a proof without a date does not.
    let later = UnixTime::from_date(2039, 6, 1).expect("a day");
    let seal = Seal::parse(&visa(&issuer, SealSigner::BarCode, "VNM", 4_012_023)).expect("a seal");
    assert_eq!(seal.verify(&store, None, later).issuer, Answer::Vouched);
    let proof = issuer.seal_nc(SealSigner::NonConstrained, PROOF).expect("a seal");
    let result = Seal::parse(proof.as_bytes()).expect("a seal").verify(&store, None, later);
    assert_eq!(found(&result.checks, "dsc_validity").1, Some("dsc_expired_signing_time_unknown"));
    assert!(!result.trusted);
}

#[test]
fn signers_come_with_a_directory() {
    let issuer = honest();
    let certificate = issuer.seal_signer(SealSigner::BarCode).expect("signer");
    let mut store = TrustStore::new();
    for file in issuer.trust_files().expect("files") {
        store.add(file.name, &file.der).expect("a trust file");
    }
    store.add("pkd.ldif", ldif(&[("userCertificate;binary", &certificate)]).as_bytes()).expect("a directory");
    assert_eq!(judge(&visa(&issuer, SealSigner::BarCode, "VNM", 4_012_023), &store).issuer, Answer::Vouched);
}

#[test]
fn what_must_be_there_and_is_not_leaves_a_seal_unchecked() {
    let issuer = honest();
    let store = trust(&issuer);
    for (left_out, name) in [(2u8, "mrz"), (4, "duration_of_stay"), (5, "passport_number")] {
        let features: Vec<_> = features().into_iter().filter(|(tag, _)| *tag != left_out).collect();
        let request = SealRequest { state: "VNM", date: 4_012_023, kind: [0x01, 0x5D], features: &features };
        let result = judge(&issuer.seal(SealSigner::BarCode, &request).expect("a seal"), &store);
        assert_eq!(result.issuer, Answer::Unchecked);
        let check = support::check(&result.checks, "seal_content");
        assert_eq!((check.code(), check.detail.as_deref()), (Some("feature_missing"), Some(name)));
    }
    let request = SealRequest { state: "VNM", date: 4_012_023, kind: [0x0B, 0x01], features: &features() };
    let result = judge(&issuer.seal(SealSigner::BarCode, &request).expect("a seal"), &store);
    assert_eq!((result.issuer, found(&result.checks, "seal_content").1), (Answer::Unchecked, Some("kind_unknown")));
    let mut more = features();
    more.push((0x40, vec![1]));
    let request = SealRequest { state: "VNM", date: 4_012_023, kind: [0x01, 0x5D], features: &more };
    let result = judge(&issuer.seal(SealSigner::BarCode, &request).expect("a seal"), &store);
    assert_eq!((result.issuer, found(&result.checks, "seal_content").1), (Answer::Vouched, Some("feature_unknown")));
}
