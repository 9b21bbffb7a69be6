//! Stored evidence: what an older version wrote is still read, and says no less.

use emrtd::{
    Check, Circumstances, Document, DocumentKind, Evidence, EvidenceError, FileId, Outcome, Proof, TrustStore,
    UnixTime, Verification,
};
use verdict::Chip;

/// Written by the last version that wrote version 1, of a virtual card and of a copy of it.
const GENUINE: &[u8] = include_bytes!("../vectors/evidence-v1/genuine.cbor");
const COPY: &[u8] = include_bytes!("../vectors/evidence-v1/copy.cbor");

fn verify(evidence: &Evidence) -> Verification {
    let mut trust = TrustStore::new();
    let csca = include_bytes!("../vectors/evidence-v1/csca-practice-1.cer");
    trust.add("csca-practice-1.cer", csca).expect("certificate");
    evidence.verify(&trust, &Circumstances::now(UnixTime::from_date(2026, 6, 1).expect("date")))
}

fn check<'a>(verification: &'a Verification, id: &str) -> (Outcome, Option<&'a str>) {
    let check: &Check = verification.checks.iter().find(|check| check.id == id).expect("check");
    (check.outcome, check.reason.as_deref())
}

#[test]
fn version_1_is_still_read() {
    let evidence = Evidence::from_cbor(GENUINE).expect("version 1");
    assert_eq!(evidence.document(), None, "version 1 does not say");
    let verification = verify(&evidence);
    assert!(verification.passive.signed && verification.is_complete(), "{:#?}", verification.checks);
    assert_eq!(verification.issuer, verdict::Issuer::Unknown, "whether it is the state's own signer, nobody can tell");
    assert_eq!(check(&verification, "active_authentication"), (Outcome::Passed, None));
    assert_eq!(check(&verification, "chip_authentication"), (Outcome::Passed, None));
    assert_eq!(verification.chip, Chip::Proved);
    // It is written anew as version 2, with nothing lost.
    let again = Evidence::from_cbor(&evidence.to_cbor()).expect("version 2");
    assert_eq!(again, evidence);
}

#[test]
fn a_copy_in_version_1_is_still_a_copy() {
    let evidence = Evidence::from_cbor(COPY).expect("version 1");
    let verification = verify(&evidence);
    assert_eq!(check(&verification, "active_authentication"), (Outcome::Failed, Some("wrong_answer")));
    // What version 1 called a refusal accuses nobody by itself.
    let refused = (Outcome::NotPerformed, Some("chip_does_not_hold_the_key"));
    assert_eq!(check(&verification, "chip_authentication"), refused);
    assert_eq!(verification.chip, Chip::Copy);
    let mut alone = evidence;
    alone.active_authentication = Proof::NotAsked("left_out".to_owned());
    assert_eq!(verify(&alone).chip, Chip::Unproved);
}

#[test]
fn what_the_document_is_stands_in_version_2_without_its_holder() {
    let mut evidence = Evidence::from_cbor(GENUINE).expect("version 1");
    let mrz = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";
    let dg1 = emrtd::hazmat::tlv::encode(0x61, &emrtd::hazmat::tlv::encode(0x5F1F, mrz.as_bytes()));
    evidence.files.insert(FileId::Dg(1), emrtd::FileEvidence::Content(dg1.as_slice().into()));
    let document = Document::new(DocumentKind::IdentityCard, "VNM", "ID");
    assert_eq!(evidence.document().as_ref(), Some(&document));
    let stored = evidence.to_cbor();
    assert!(!stored.windows(6).any(|window| window == b"NGUYEN" || window == b"990115"));
    let read = Evidence::from_cbor(&stored).expect("version 2");
    assert_eq!((read.document().as_ref(), read.content(FileId::Dg(1))), (Some(&document), None));
    // Kept once more, it still says so.
    assert_eq!(Evidence::from_cbor(&read.to_cbor()).expect("version 2").document(), Some(document));
    // A kind that is not known here is not taken for another; nor is a version.
    let at = stored.windows(13).position(|window| window == b"identity_card").expect("kind");
    let mut other = stored.clone();
    other[at] = b'X';
    assert!(matches!(Evidence::from_cbor(&other), Err(EvidenceError::Kind(kind)) if kind == "Xdentity_card"));
    let at = stored.windows(8).position(|window| window == b"\x67version").expect("version") + 8;
    let mut newer = stored;
    newer[at] = 3;
    assert!(matches!(Evidence::from_cbor(&newer), Err(EvidenceError::Version(3))));
}
