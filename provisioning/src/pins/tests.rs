//! Tests of pins.

use super::*;
use serde_json::json;
use virtual_card::Issuer;
use virtual_card::issuer::{DocumentSigner, IssuerFault};

/// 2026-11-29.
const NOW: UnixTime = UnixTime(1_795_910_400);
const REASON: &str = "compared with the authority's page";

fn issuer() -> Issuer {
    Issuer::new(IssuerFault::None).expect("issuer")
}

fn signer(issuer: &Issuer) -> Vec<u8> {
    issuer.document_signer(DocumentSigner::Brainpool256).expect("certificate")
}

fn candidate(der: &[u8], documents: &[&str], reason: &str, now: UnixTime) -> Result<Candidate, PinError> {
    let documents: Vec<String> = documents.iter().map(|kind| (*kind).to_owned()).collect();
    Candidate::new(der, None, &documents, reason, now)
}

fn pin(der: &[u8], documents: &[&str], reason: &str, source: &Path) {
    let candidate = candidate(der, documents, reason, NOW).expect("a candidate");
    let digits = candidate.pin.sha256[..8].to_uppercase();
    candidate.confirm(&format!("{digits}\n")).expect("confirmed").write(source).expect("written");
}

#[test]
fn a_pin_is_written_as_devices_read_it_and_leaves_what_is_there() {
    let directory = tempfile::tempdir().expect("directory");
    let source = directory.path();
    assert_eq!(list(source).expect("none"), []);
    let (one, two) = (signer(&issuer()), signer(&issuer()));
    pin(&one, &["citizen_card"], REASON, source);
    let path = source.join("trust/pins.toml");
    let text = std::fs::read_to_string(&path).expect("file");
    let sha256 = events::hash(&one);
    let expected = format!(
        "[[pin]]\nsha256 = \"{sha256}\"\ndocuments = [\"citizen_card\"]\nreason = \"{REASON}\"\nadded = \"2026-11-29\"\n"
    );
    assert_eq!(text, expected);
    assert!(stand_alone(source), "devices would use nothing else");
    std::fs::write(source.join("trust/csca.cer"), "x").expect("an anchor");
    assert!(!stand_alone(source));
    // Remarks and pins of before stay, byte for byte.
    let by_hand = format!("# kept by hand\n{text}");
    std::fs::write(&path, &by_hand).expect("file");
    pin(&two, &["passport", "citizen_card", "passport"], "because \"so\"", source);
    assert!(std::fs::read_to_string(&path).expect("file").starts_with(by_hand.trim_end()));
    let pins = list(source).expect("pins");
    assert_eq!(
        (pins.len(), pins[1].reason.as_str(), pins[1].documents.join(" ").as_str()),
        (2, "because \"so\"", "citizen_card passport")
    );
    // The same signer again: one pin, with the newest word.
    pin(&one, &["residence_card"], "another reason", source);
    let pins = list(source).expect("pins");
    assert_eq!(
        (pins.len(), pins[1].sha256.as_str(), pins[1].reason.as_str()),
        (2, sha256.to_string().as_str(), "another reason")
    );
    let names: Vec<_> = std::fs::read_dir(source.join("trust")).expect("directory").collect();
    assert_eq!(names.len(), 2, "nothing lies beside");
    // An older file without kinds, and one with a list in its line.
    std::fs::write(
        &path,
        format!("pin = [{{ sha256 = \"{}\", reason = \"x\", added = \"2026-01-01\" }}]\n", events::hash(b"x")),
    )
    .expect("file");
    pin(&two, &["passport"], REASON, source);
    let shown = text_of(source);
    assert!(
        shown.contains("citizen_card, since 2026-01-01: x")
            && shown.contains(&format!("passport, since 2026-11-29: {REASON}")),
        "{shown}"
    );
    std::fs::write(&path, "pin = 7\n").expect("file");
    assert_eq!(list(source).expect_err("damaged").code, "trust_record_damaged");
    let confirmed = candidate(&two, &["passport"], REASON, NOW).expect("a candidate");
    let digits = confirmed.pin.sha256[..8].to_owned();
    let refused = confirmed.confirm(&digits).expect("confirmed").write(source).expect_err("damaged");
    assert_eq!(refused.code, "trust_record_damaged");
    assert_eq!(std::fs::read_to_string(&path).expect("file"), "pin = 7\n", "it is left to whoever mends it");
}

fn text_of(source: &Path) -> String {
    text(&list(source).expect("pins"))
}

#[test]
fn what_is_no_signer_or_not_said_is_refused_before_anybody_is_asked() {
    let issuer = issuer();
    let good = signer(&issuer);
    let authority =
        issuer.trust_files().expect("files").into_iter().find(|file| file.name.ends_with(".cer")).expect("CSCA");
    let end = Certificate::parse(&good).expect("certificate").not_after;
    let abroad = signer(&Issuer::of("KR").expect("issuer"));
    candidate(&abroad, &["passport"], REASON, NOW).expect("another state's passports");
    for (der, documents, reason, now, code) in [
        (&authority.der, &["citizen_card"][..], REASON, NOW, "pin_is_authority"),
        (&b"nothing".to_vec(), &["citizen_card"], REASON, NOW, "pin_unreadable"),
        (&good[..100].to_vec(), &["citizen_card"], REASON, NOW, "pin_unreadable"),
        (&good, &["citizen_card"], REASON, UnixTime(end.0 + GRACE + 1), "pin_expired"),
        (&good, &["id_card"], REASON, NOW, "pin_documents"),
        (&abroad, &["passport", "citizen_card"], REASON, NOW, "pin_documents"),
        (&good, &["citizen_card", "other"], REASON, NOW, "pin_documents"),
        (&good, &[], REASON, NOW, "pin_documents"),
        (&good, &["citizen_card"], " \n", NOW, "pin_reason_missing"),
        (&good, &["citizen_card"], "a\u{1b}[2J", NOW, "pin_reason_missing"),
    ] {
        let refused = candidate(der, documents, reason, now).expect_err(code);
        assert_eq!(refused.code, code);
        assert!(refused.to_string().contains(" → "), "{refused}");
    }
    candidate(&good, &["citizen_card"], REASON, UnixTime(end.0 + GRACE - 1)).expect("its documents live on after it");
}

#[test]
fn a_pin_wants_the_digits_of_its_own_fingerprint() {
    let der = signer(&issuer());
    let sha256 = events::hash(&der).to_string();
    let confirm = |typed: &str| candidate(&der, &["citizen_card"], REASON, NOW).expect("a candidate").confirm(typed);
    let other = events::hash(b"another").to_string();
    for wrong in ["", "y", "yes", &sha256[..7], &sha256[1..9], &other[..8], &sha256] {
        assert_eq!(confirm(wrong).expect_err(wrong).code, "pin_not_confirmed");
    }
    for right in [sha256[..8].to_owned(), format!(" {} {}\n", &sha256[..4], &sha256[4..8])] {
        confirm(&right).expect("confirmed");
    }
    let shown = candidate(&der, &["citizen_card"], REASON, NOW).expect("a candidate").shown();
    let groups: Vec<&str> = (0..64).step_by(4).map(|at| &sha256[at..at + 4]).collect();
    for part in [groups.join(" ").as_str(), "subject", "issuer", "EC brainpoolP256r1", "not looked up", REASON] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn a_signer_is_found_by_its_whole_hash_in_what_central_exported() {
    let directory = tempfile::tempdir().expect("directory");
    let path = |name: &str| directory.path().join(name);
    let (one, two) = (signer(&issuer()), signer(&issuer()));
    let listed = |der: &[u8], devices: u64| {
        let certificate = openssl::base64::encode_block(der);
        // The hash of the list is not believed.
        json!({ "sha256": "00", "content": null, "documents": ["citizen_card"], "devices": devices, "count": 9,
                "numbers_at_most": 7, "since": 0, "last": 86_400, "certificate": certificate })
    };
    let list = json!({ "schema": "cccd-central/signers/1", "signers": [listed(&one, 2), listed(&two, 3)] });
    let file = path("list.json");
    std::fs::write(&file, list.to_string()).expect("list");
    let sha256 = events::hash(&two).to_string();
    let typed = format!("{} {}", sha256[..32].to_uppercase(), &sha256[32..]);
    let (der, seen) = find(&typed, Some(&file)).expect("found");
    assert_eq!((&der, seen.as_ref().map(|seen| seen.devices)), (&two, Some(3)));
    let shown = seen.expect("seen").shown();
    assert_eq!(shown, "9 documents over 7 numbers at most, at 3 devices, from 1970-01-01 to 1970-01-02");
    // A file of the operator's own, in PEM.
    let pem = openssl::x509::X509::from_der(&one).and_then(|it| it.to_pem()).expect("PEM");
    std::fs::write(path("one.pem"), &pem).expect("file");
    let own = path("one.pem").display().to_string();
    assert_eq!(find(&own, None).expect("read"), (one.clone(), None));
    assert_eq!(find(&own, Some(&file)).expect("read").1.map(|seen| seen.devices), Some(2));
    std::fs::write(path("two.pem"), [&pem[..], &pem].concat()).expect("file");
    // Directories: with the list of an export, and with certificates only.
    std::fs::create_dir(path("out")).expect("directory");
    std::fs::write(path("out/a.cer"), &two).expect("file");
    std::fs::write(path("out/readme"), "no certificate").expect("file");
    assert_eq!(find(&sha256, Some(&path("out"))).expect("found"), (two.clone(), None));
    std::fs::copy(&file, path("out/signers.json")).expect("list");
    assert!(find(&sha256, Some(&path("out"))).expect("found").1.is_some());
    std::fs::write(path("next.json"), list.to_string().replace("signers/1", "signers/2")).expect("list");
    let two_in_one = path("two.pem").display().to_string();
    for (what, from, code) in [
        (&sha256, None, "pin_unknown"),
        (&events::hash(b"x").to_string(), Some("list.json"), "pin_unknown"),
        (&sha256[..16].to_owned(), Some("list.json"), "pin_fingerprint"),
        (&"no/such/file".to_owned(), Some("list.json"), "pin_fingerprint"),
        (&two_in_one, None, "pin_unreadable"),
        (&sha256, Some("next.json"), "signers_unreadable"),
        (&sha256, Some("one.pem"), "signers_unreadable"),
        (&sha256, Some("missing"), "signers_unreadable"),
    ] {
        assert_eq!(find(what, from.map(path).as_deref()).expect_err(code).code, code, "{what} {from:?}");
    }
}
