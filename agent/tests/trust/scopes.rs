//! For which kinds of document something vouches, down to the rung of a card.

use super::*;
use emrtd::FileId;
use reading::trust::check::findings;
use reading::trust::import::pin;
use reading::trust::scope::scope;
use reading::trust::vouches_for_citizen_cards;
use verdict::Rung;
use virtual_card::issuer::{CscaKey, DocumentSigner};

fn list(issuer: &Issuer) -> Vec<u8> {
    let files = files(issuer);
    issuer.master_list(&[&files[0], &files[1]], "260101000000Z").expect("list")
}

/// The rung, and that `trust check` says the same of citizen cards as the verdict.
fn rung(evidence: &Evidence, bench: &Bench) -> Rung {
    let rung = judged(evidence, bench).rung().expect("a rung");
    let anchors = bench.load();
    let promised = vouches_for_citizen_cards(&anchors.store);
    assert_eq!(promised, matches!(rung, Rung::Proved | Rung::Pinned));
    let missing = findings(&anchors, now()).into_iter().find(|finding| finding.code == "cccd_anchor_missing");
    assert_eq!(missing.is_some(), !promised);
    rung
}

#[test]
fn a_card_is_proved_only_within_the_scope_of_its_anchor() {
    let (evidence, issuer) = (card("an"), vietnam());
    let (anchor, sha256) = (root(&issuer), hex::encode(fingerprint(&root(&issuer))));
    // Given in person: every kind, unless it is narrowed.
    let bench = Bench::new();
    bench.import(&anchor, &all()).expect("imported");
    assert_eq!(rung(&evidence, &bench), Rung::Proved);
    scope(&bench.trust(), &sha256[..8], &documents(&["passport"]), now()).expect("narrowed");
    assert_eq!(rung(&evidence, &bench), Rung::Signed);
    let said = scope(&bench.trust(), &sha256, &documents(&["passport", "citizen_card"]), now()).expect("widened");
    assert_eq!(said.changed[0].documents, ["passport", "citizen_card"]);
    assert_eq!((rung(&evidence, &bench), bench.load().words.anchors.len()), (Rung::Proved, 1));
    // In a master list: passports, unless it is widened for this certificate.
    let bench = Bench::new();
    bench.import(&list(&issuer), &all()).expect("imported");
    assert_eq!(rung(&evidence, &bench), Rung::Signed);
    scope(&bench.trust(), &sha256, &documents(&["citizen_card"]), now()).expect("widened");
    assert_eq!(rung(&evidence, &bench), Rung::Proved);
    // Said when it is imported, and before anything is there.
    let bench = Bench::new();
    bench.import_for(&anchor, Some(&["passport", "residence_card"]), &all()).expect("imported");
    assert_eq!(rung(&evidence, &bench), Rung::Signed);
    let bench = Bench::with(&[]);
    assert!(!scope(&bench.trust(), &sha256, &documents(&["passport"]), now()).expect("said").here);
    assert_eq!(findings(&bench.load(), now()).last().map(|finding| finding.code), Some("scope_unused"));
    bench.import(&anchor, &all()).expect("imported");
    assert_eq!(rung(&evidence, &bench), Rung::Signed);
}

#[test]
fn what_makes_a_certificate_vouch_for_more_needs_a_word_again() {
    let issuer = vietnam();
    let anchor = root(&issuer);
    let bench = Bench::new();
    bench.import_for(&anchor, Some(&["passport"]), &all()).expect("imported");
    let wider = Some(&["passport", "citizen_card"][..]);
    assert_eq!(code(bench.import_for(&anchor, wider, &nothing())).as_deref(), Some("trust_anchors_unconfirmed"));
    bench.import_for(&anchor, wider, &accept(&anchor)).expect("imported");
    // The same from another hand: a master list's entry is raised to the operator's.
    let bench = Bench::new();
    bench.import(&list(&issuer), &all()).expect("imported");
    assert_eq!(code(bench.import(&anchor, &nothing())).as_deref(), Some("trust_anchors_unconfirmed"));
}

#[test]
fn nothing_of_another_state_makes_a_card_more_than_it_was() {
    let evidence = card("an");
    for known in [false, true] {
        let bench = Bench::with(&[]);
        if known {
            bench.import(&root(&vietnam()), &all()).expect("imported");
        }
        let before = rung(&evidence, &bench);
        for country in ["UT", "LA"] {
            let issuer = Issuer::of(country).expect("issuer");
            let sha256 = hex::encode(fingerprint(&root(&issuer)));
            bench.import(&root(&issuer), &nothing()).expect("imported");
            bench.import(&list(&issuer), &all()).expect("imported");
            bench.import(&issuer.same_name(CscaKey::New, CscaKey::Old).expect("link"), &all()).expect("imported");
            scope(&bench.trust(), &sha256, &documents(&["passport", "identity_card"]), now()).expect("said");
            let unfit = scope(&bench.trust(), &sha256, &documents(&["citizen_card"]), now());
            assert_eq!(code(unfit).as_deref(), Some("documents_unfit"));
            let unfit = bench.import_for(&root(&issuer), Some(&["citizen_card"]), &all());
            assert_eq!(code(unfit).as_deref(), Some("documents_unfit"));
            assert_eq!(rung(&evidence, &bench), before, "{country}");
        }
        // A card that one of them signed is theirs to sign for nobody.
        let word = format!(
            "[[anchor]]\nsha256 = \"{}\"\ndocuments = [\"citizen_card\"]\nreason = \"x\"\nadded = \"x\"\n",
            hex::encode(fingerprint(&root(&Issuer::of("UT").expect("issuer"))))
        );
        bench.put("anchors.toml", word.as_bytes());
        assert_eq!(rung(&evidence, &bench), before);
        assert!(findings(&bench.load(), now()).iter().any(|finding| finding.code == "scope_unfit"));
    }
}

#[test]
fn a_pin_vouches_for_what_it_was_pinned_for() {
    let evidence = card("an");
    let sod = evidence.content(FileId::Sod).expect("EF.SOD").to_vec();
    let pinned = |words: &[&str]| {
        let bench = Bench::new();
        let file = bench.file(&sod);
        pin(&file, &bench.trust(), &documents(words), now()).map(|_| bench)
    };
    for (words, expected) in [
        (&[][..], Rung::Pinned),
        (&["citizen_card"], Rung::Pinned),
        (&["passport", "citizen_card"], Rung::Pinned),
        (&["passport"], Rung::Signed),
        (&["passport", "residence_card"], Rung::Signed),
    ] {
        let bench = pinned(words).expect("pinned");
        assert_eq!(rung(&evidence, &bench), expected, "{words:?}");
    }
    assert_eq!(code(pinned(&["card"])).as_deref(), Some("documents_unknown"));
    // A pin may be said anew.
    let bench = pinned(&["passport"]).expect("pinned");
    let sha256 = bench.load().pins.pins[0].sha256.clone();
    assert!(scope(&bench.trust(), &sha256[..8], &documents(&["citizen_card"]), now()).expect("said").pin);
    assert_eq!((rung(&evidence, &bench), bench.load().pins.pins.len()), (Rung::Pinned, 1));
    // One of before this version names no kinds.
    let text = std::fs::read_to_string(bench.trust().join("pins.toml")).expect("pins");
    let old: String =
        text.lines().filter(|line| !line.starts_with("documents")).map(|line| format!("{line}\n")).collect();
    bench.put("pins.toml", old.as_bytes());
    assert_eq!(rung(&evidence, &bench), Rung::Pinned);
    // Citizen cards are what a foreign signer can never be pinned for.
    let foreign = Issuer::of("UT").expect("issuer").document_signer(DocumentSigner::RsaPss).expect("certificate");
    let bench = Bench::new();
    let result = pin(&bench.file(&foreign), &bench.trust(), &documents(&[]), now());
    assert_eq!(code(result).as_deref(), Some("documents_unfit"));
    assert!(!bench.trust().exists());
}

/// A file with a mistake in it counts for nothing, and shuts whom it names.
#[test]
fn a_word_that_cannot_be_read_fails_closed() {
    let (evidence, issuer) = (card("an"), vietnam());
    let anchor = root(&issuer);
    let sha256 = hex::encode(fingerprint(&anchor));
    let word = |sha256: &str, documents: &str| {
        format!("[[anchor]]\nsha256 = \"{sha256}\"\ndocuments = {documents}\nreason = \"x\"\nadded = \"x\"\n")
    };
    let good = word(&sha256, "[\"citizen_card\"]");
    let other = "00".repeat(32);
    for (text, why) in [
        (word(&sha256, "[\"citizen_cards\"]"), "citizen_cards"),
        (word(&sha256, "[\"other\"]"), "other"),
        (good.clone() + &word("00ff", "[\"passport\"]"), "00ff"),
        (good.clone() + &word(&other, "[\"visa\"]"), "visa"),
        (good.clone() + &good, "twice"),
        (good.clone() + "[[anchors]]\n", "anchors"),
        (good.clone() + "\u{fffd}\"", "expected"),
    ] {
        // It widens nothing in a list, and the one given in person, which it may have narrowed, is shut.
        for file in [&list(&issuer), &anchor] {
            let bench = Bench::with(&[file]);
            bench.put("anchors.toml", good.as_bytes());
            assert_eq!(rung(&evidence, &bench), Rung::Proved);
            bench.put("anchors.toml", text.as_bytes());
            let left_out = bench.load().left_out;
            assert!(
                left_out.len() == 1 && left_out[0].starts_with("anchors.toml: ") && left_out[0].contains(why),
                "{left_out:?}"
            );
            assert_eq!(rung(&evidence, &bench), Rung::Signed, "{text}");
            // Nobody writes over a file that cannot be read.
            let refused = scope(&bench.trust(), &sha256, &documents(&["citizen_card"]), now());
            assert_eq!(code(refused).as_deref(), Some("trust_record_damaged"));
        }
    }
    // Whom it does not name is as before.
    let bench = Bench::with(&[&anchor]);
    bench.put("anchors.toml", word(&other, "[\"visa\"]").as_bytes());
    assert_eq!(rung(&evidence, &bench), Rung::Proved);
    // Pins are all or none.
    let bench = Bench::new();
    let sod = evidence.content(FileId::Sod).expect("EF.SOD").to_vec();
    pin(&bench.file(&sod), &bench.trust(), &documents(&[]), now()).expect("pinned");
    let text = std::fs::read_to_string(bench.trust().join("pins.toml")).expect("pins");
    bench.put("pins.toml", (text + &word("00", "[]").replace("anchor", "pin")).as_bytes());
    assert_eq!((rung(&evidence, &bench), bench.load().left_out.len()), (Rung::Signed, 1));
}
