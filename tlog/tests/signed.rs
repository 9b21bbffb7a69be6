//! Notes, receipts, keys that change, and what a device takes: each refusal by itself.

mod common;

use common::{Log, ORIGIN, TIME, ed25519, eddsa, es256, keys, p256, spki};
use coset::cbor::Value;
use coset::{CborSerializable as _, CoseSign1, Header, Label, TaggedCborSerializable as _};
use openssl::error::ErrorStack;
use proptest::prelude::*;
use tlog::note::{MAX_NOTE, Note, NoteKey, Role};
use tlog::tree::{Nodes as _, empty};
use tlog::{Checkpoint, Consistency, Evidence, Keys, LogError, Receipt, Seen, SignedRoot};

fn code<T: std::fmt::Debug>(result: Result<T, LogError>) -> &'static str {
    result.expect_err("refused").code()
}

#[test]
fn a_checkpoint_is_signed_twice_over_one_root() {
    let log = Log::of(10);
    let note = keys().open_note(log.note().to_string().as_bytes()).expect("the note");
    let cose = keys().open_cose(&log.cose()).expect("the COSE");
    assert_eq!(note.checkpoint, cose.checkpoint);
    assert_eq!(note.checkpoint, log.checkpoint());
}

#[test]
fn a_note_in_any_other_form_is_refused() {
    let good = Log::of(10).note().to_string();
    let open = |text: &str| keys().open_note(text.as_bytes());
    open(&good).expect("the note");
    let (body, line) = good.split_once("\n\n").expect("both");
    for (wrong, why) in [
        (String::new(), "log_note_malformed"),
        (body.to_owned(), "log_note_malformed"),
        (format!("{body}\n\n"), "log_note_malformed"),
        (good.trim_end().to_owned(), "log_note_malformed"),
        (format!("{good}\n"), "log_note_malformed"),
        (format!("{good}x"), "log_note_malformed"),
        (good.replace('\n', "\r\n"), "log_note_malformed"),
        (good.replacen("\n10\n", "\n10\t\n", 1), "log_note_malformed"),
        (good.replace("\u{2014} ", "- "), "log_note_malformed"),
        (good.replace("\u{2014} ", "\u{2014}  "), "log_note_malformed"),
        (format!("{body}\n\n{}", line.repeat(65)), "log_note_malformed"),
        (format!("{body}\n\n{}", "\u{2014} a AAAAAA==\n"), "log_note_malformed"),
        (format!("{body}\n\n{}", "\u{2014} a AAAA\n"), "log_note_malformed"),
        (format!("{body}\n\n{}{line}", "x".repeat(MAX_NOTE)), "log_note_malformed"),
        (good.replacen("\n10\n", "\n010\n", 1), "log_checkpoint_malformed"),
        (good.replacen("\n10\n", "\n+10\n", 1), "log_checkpoint_malformed"),
        (good.replacen("\n10\n", "\n4611686018427387905\n", 1), "log_checkpoint_malformed"),
        (good.replacen("=\n", "\n", 1), "log_checkpoint_malformed"),
        (good.replacen("=\n", "=\nmore\n", 1), "log_checkpoint_malformed"),
        (good.replacen("=\n", "=\n\n", 1), "log_checkpoint_malformed"),
        (good.replacen(ORIGIN, "log tinh31", 1), "log_checkpoint_malformed"),
        (good.replacen(ORIGIN, "", 1), "log_checkpoint_malformed"),
        (good.replacen(ORIGIN, "log.tinh32.example/events", 1), "log_origin"),
        (good.replacen("\n10\n", "\n11\n", 1), "log_signature"),
    ] {
        assert_eq!(code(open(&wrong)), why, "{wrong:?}");
    }
    let mut bytes = good.into_bytes();
    bytes[3] = 0xFF;
    assert_eq!(code(keys().open_note(&bytes)), "log_note_malformed");
}

#[test]
fn only_the_logs_own_key_signs_its_note() {
    let log = Log::of(10);
    let text = log.checkpoint().text();
    let of = |name, seed| {
        let (key, private) = ed25519(name, Role::Author, seed);
        key.sign(&text, eddsa(&private)).expect("signed")
    };
    let open = |signatures: Vec<_>| keys().open_note(Note { text: text.clone(), signatures }.to_string().as_bytes());
    open(vec![of(ORIGIN, 7)]).expect("its own");
    open(vec![of("elsewhere.example", 9), of(ORIGIN, 9), of(ORIGIN, 7)]).expect("those of others are passed over");
    assert_eq!(code(open(vec![of(ORIGIN, 9)])), "log_signature");
    assert_eq!(code(open(vec![of("elsewhere.example", 7)])), "log_signature");
    // A line that names the log's key, and is signed with another: the note is spoilt, whatever else stands in it.
    let (key, _) = ed25519(ORIGIN, Role::Author, 7);
    let forged = key.sign(&text, eddsa(&ed25519(ORIGIN, Role::Author, 9).1)).expect("signed");
    assert_eq!(code(open(vec![of(ORIGIN, 7), forged])), "log_signature");
    let (witness, private) = ed25519(ORIGIN, Role::Witness, 7);
    let line = witness.cosign(&text, TIME, eddsa(&private)).expect("signed");
    assert_eq!(code(open(vec![line])), "log_signature", "what a witness says is no signature of the log");
    assert_eq!(code(witness.sign(&text, eddsa(&private))), "log_key_malformed");
    assert_eq!(code(key.cosign(&text, TIME, eddsa(&private))), "log_key_malformed");
    let fails = |_: &[u8]| Err(ErrorStack::get());
    assert_eq!(code(key.sign(&text, fails)), "log_signing");
}

#[test]
fn a_key_of_a_note_reads_back_and_a_slip_of_the_pen_is_noticed() {
    for role in [Role::Author, Role::Witness] {
        let (key, _) = ed25519("witness.example/1", role, 3);
        let text = key.to_string();
        assert_eq!(text.parse::<NoteKey>().expect("read"), key);
        let (name, rest) = text.split_once('+').expect("parts");
        let (id, raw) = rest.split_once('+').expect("parts");
        for wrong in [
            String::new(),
            name.to_owned(),
            format!("{name}+{id}"),
            format!("{name}+{}+{raw}", "00000000"),
            format!("{name}+{}+{raw}", id.to_uppercase() + "0"),
            format!("x{text}"),
            format!("a b+{id}+{raw}"),
            format!("{name}+{id}+{raw}="),
            format!("{name}+{id}+Ag=="),
            format!("+{id}+{raw}"),
        ] {
            assert_eq!(code(wrong.parse::<NoteKey>()), "log_key_malformed", "{wrong}");
        }
    }
}

#[test]
fn enough_witnesses_must_have_signed() {
    let log = Log::of(10);
    let mut note = log.note();
    let witness = |seed: u8| ed25519(&format!("witness.example/{seed}"), Role::Witness, seed);
    let cosign = |seed, time| {
        let (key, private) = witness(seed);
        key.cosign(&note.text, time, eddsa(&private)).expect("signed")
    };
    let (first, second, stranger) = (cosign(1, TIME), cosign(2, TIME + 5), cosign(9, TIME));
    let of = |quorum| keys().witnesses(vec![witness(1).0, witness(2).0], quorum).expect("keys");
    let names = |note: &Note, quorum| {
        of(quorum).witnessed(note.to_string().as_bytes()).map(|names| names.len()).map_err(|error| error.code())
    };
    assert_eq!(names(&note, 0), Ok(0));
    assert_eq!(names(&note, 1), Err("log_witnesses"));
    note.signatures.extend([stranger, first.clone(), first]);
    assert_eq!((names(&note, 1), names(&note, 2)), (Ok(1), Err("log_witnesses")), "who signs twice is one");
    note.signatures.push(second);
    assert_eq!(names(&note, 2), Ok(2));
    assert_eq!(witness(2).0.find(&note).expect("right").expect("signed").time, Some(TIME + 5));
    // Another text under their names.
    let other = Note { text: Log::of(11).checkpoint().text(), ..note.clone() };
    assert_eq!(names(&other, 0), Err("log_signature"));
    assert_eq!(code(keys().witnesses(vec![witness(1).0], 2)), "log_key_malformed");
    assert_eq!(code(keys().witnesses(vec![witness(1).0, ed25519("b", Role::Witness, 1).0], 1)), "log_key_malformed");
    assert_eq!(code(keys().witnesses(vec![ed25519("b", Role::Author, 1).0], 1)), "log_key_malformed");
    assert_eq!(
        code(keys().witnesses(vec![ed25519("b", Role::Witness, 7).0], 1)),
        "log_key_malformed",
        "the log itself"
    );
}

#[test]
fn from_its_size_on_the_new_key_signs_and_the_old_one_no_longer() {
    let sign = |size, number| {
        let key = p256(number);
        let signed = SignedRoot::sign(Log::of(size).checkpoint(), &spki(&key), es256(&key)).expect("signed");
        signed.to_bytes().expect("bytes")
    };
    let note = |size, seed| {
        let (key, private) = ed25519(ORIGIN, Role::Author, seed);
        let text = Log::of(size).checkpoint().text();
        let line = key.sign(&text, eddsa(&private)).expect("signed");
        Note { text, signatures: vec![line] }.to_string()
    };
    let table = format!(
        "# of the operator\norigin {ORIGIN}\n2 cose {}\n10 cose {}\n\n2 note {}\n10 note {}\nwitness {}\nquorum 0\n",
        openssl::base64::encode_block(&spki(&p256(1))).replace('\n', ""),
        openssl::base64::encode_block(&spki(&p256(2))).replace('\n', ""),
        ed25519(ORIGIN, Role::Author, 1).0,
        ed25519(ORIGIN, Role::Author, 2).0,
        ed25519("witness.example", Role::Witness, 5).0,
    );
    let keys = Keys::parse(&table).expect("a table");
    for (size, number, allowed) in
        [(2, 1, true), (9, 1, true), (9, 2, false), (10, 1, false), (10, 2, true), (11, 1, false), (50, 2, true)]
    {
        assert_eq!(keys.open_cose(&sign(size, number)).is_ok(), allowed, "key {number} at {size}");
        assert_eq!(keys.open_note(note(size, number as u8).as_bytes()).is_ok(), allowed, "key {number} at {size}");
    }
    assert_eq!(code(keys.open_cose(&sign(1, 1))), "log_key_unknown");
    assert_eq!(code(keys.open_note(note(1, 1).as_bytes())), "log_key_unknown");
    let (first, rest) = table.split_once("2 cose").expect("a line");
    for wrong in [
        "",
        "origin",
        &format!("2 cose{rest}"),
        &table.replace("10 cose", "2 cose"),
        &table.replace("10 note", "1 note"),
        &table.replace("10 note", "4611686018427387905 note"),
        &table.replace("2 note", "2 pgp"),
        &table.replace("2 note", "x note"),
        &table.replace("quorum 0", "quorum 2"),
        &table.replace("quorum 0", "quorum 0\nquorum 0"),
        &format!("{first}2 cose AAAA"),
        &format!("{first}2 cose !"),
        &format!("{table}more\n"),
        &table.replace(&format!("origin {ORIGIN}"), "origin elsewhere.example"),
    ] {
        assert_eq!(code(Keys::parse(wrong)), "log_key_malformed", "{wrong}");
    }
    let strict = Keys::parse(&table.replace("quorum 0\n", "")).expect("a table");
    assert_eq!(code(strict.witnessed(note(10, 2).as_bytes())), "log_witnesses", "who lists witnesses wants them");
}

#[test]
fn a_receipt_is_of_one_entry_at_one_place() {
    let log = Log::of(500);
    let tree = log.tree();
    let signed = log.signed();
    let receipt = signed.receipt(&tree.inclusion(123, 500).expect("proof")).expect("receipt");
    let (index, checkpoint) = keys().open_receipt(&receipt, &log.entries[123]).expect("it is in there");
    assert_eq!((index, &checkpoint), (123, &log.checkpoint()));
    assert!(receipt.len() < 500, "{} bytes", receipt.len());
    assert_eq!(code(keys().open_receipt(&receipt, &log.entries[124])), "log_signature");
    assert_eq!(code(keys().open_cose(&receipt)), "log_receipt_malformed");
    assert_eq!(code(keys().open_receipt(&log.cose(), &log.entries[123])), "log_receipt_malformed");
    assert_eq!(code(signed.receipt(&tree.inclusion(1, 499).expect("proof"))), "log_position");
    // The same signature, for the step from an older log.
    let old = Log::of(77).checkpoint();
    let proof = tree.consistency(77, 500).expect("proof");
    let step = signed.consistency(&proof).expect("receipt");
    assert_eq!(keys().open_consistency(&step, &old).expect("it extends"), log.checkpoint());
    let other = Checkpoint { root: empty(), ..old.clone() };
    assert_eq!(code(keys().open_consistency(&step, &other)), "log_proof_differs");
    assert_eq!(code(keys().open_consistency(&step, &Log::of(78).checkpoint())), "log_origin");
    assert_eq!(code(keys().open_consistency(&receipt, &old)), "log_receipt_malformed");
    assert_eq!(code(signed.consistency(&Consistency { new: 499, ..proof })), "log_position");
    // Another log's, another key's.
    let elsewhere = Keys::new("log.tinh32.example/events").cose(0, &spki(&p256(1))).expect("keys");
    assert_eq!(code(elsewhere.open_receipt(&receipt, &log.entries[123])), "log_origin");
    let another = Keys::new(ORIGIN).cose(0, &spki(&p256(2))).expect("keys");
    assert_eq!(code(another.open_receipt(&receipt, &log.entries[123])), "log_signature");
    assert_eq!(code(Keys::new(ORIGIN).open_receipt(&receipt, &log.entries[123])), "log_key_unknown");
    let fails = |_: &[u8]| Err(ErrorStack::get());
    assert_eq!(code(SignedRoot::sign(log.checkpoint(), &spki(&p256(1)), fails)), "log_signing");
}

/// Receipts whose signature is right over what is in them: only the one rule stands in their way.
#[test]
fn a_receipt_in_any_other_shape_is_refused_however_well_it_is_signed() {
    let log = Log::of(500);
    let proof = log.tree().inclusion(123, 500).expect("proof");
    let good = CoseSign1::from_tagged_slice(&log.signed().receipt(&proof).expect("receipt")).expect("COSE");
    let made = |change: &dyn Fn(&mut CoseSign1)| {
        let mut message = good.clone();
        message.protected.original_data = None;
        change(&mut message);
        let root = log.checkpoint().root.0;
        let data =
            coset::sig_structure_data(coset::SignatureContext::CoseSign1, message.protected.clone(), None, &[], &root);
        message.signature = es256(&p256(1))(&data).expect("signed").to_vec();
        message.to_tagged_vec().expect("bytes")
    };
    let open = |bytes: &[u8]| keys().open_receipt(bytes, &log.entries[123]);
    let refused = |change: &dyn Fn(&mut CoseSign1)| code(open(&made(change)));
    open(&made(&|_| {})).expect("the plain form");
    let malformed = "log_receipt_malformed";
    let algorithm = |alg| Some(coset::RegisteredLabelWithPrivate::Assigned(alg));
    assert_eq!(refused(&|it| it.protected.header.alg = algorithm(coset::iana::Algorithm::ES384)), malformed);
    assert_eq!(refused(&|it| it.protected.header.alg = None), malformed);
    assert_eq!(refused(&|it| it.protected.header.key_id = b"another!".to_vec()), "log_signature");
    let critical = coset::RegisteredLabelWithPrivate::Assigned(coset::iana::HeaderParameter::Alg);
    assert_eq!(refused(&|it| it.protected.header.crit.push(critical.clone())), malformed);
    let claim = |at: usize, value: Value| {
        move |it: &mut CoseSign1| {
            let claims = it.protected.header.rest.iter_mut().find(|(label, _)| *label == Label::Int(15));
            claims.and_then(|(_, claims)| claims.as_map_mut()).expect("claims")[at].1 = value.clone();
        }
    };
    assert_eq!(refused(&claim(0, "elsewhere".into())), malformed, "iss");
    assert_eq!(refused(&claim(1, "log.tinh31.example/other".into())), "log_origin", "sub");
    assert_eq!(refused(&claim(1, 5.into())), malformed, "sub");
    assert_eq!(refused(&claim(2, 499.into())), malformed, "a size that the proof has not");
    assert_eq!(refused(&claim(2, (-1).into())), malformed, "size");
    assert_eq!(refused(&|it| it.protected.header.rest.retain(|(label, _)| *label != Label::Int(15))), malformed);
    assert_eq!(refused(&|it| it.protected.header.rest.retain(|(label, _)| *label != Label::Int(395))), malformed);
    assert_eq!(
        refused(&|it| it
            .protected
            .header
            .rest
            .iter_mut()
            .filter(|(label, _)| *label == Label::Int(395))
            .for_each(|(_, vds)| *vds = 2.into())),
        malformed
    );
    assert_eq!(refused(&|it| it.payload = Some(log.checkpoint().root.0.to_vec())), malformed, "root and proof");
    assert_eq!(refused(&|it| it.payload = Some(vec![1])), malformed);
    assert_eq!(refused(&|it| it.unprotected = Header::default()), malformed, "neither root nor proof");
    assert_eq!(refused(&|it| it.unprotected.key_id = vec![1]), malformed);
    assert_eq!(refused(&|it| it.unprotected.rest.push((Label::Int(-70_001), 1.into()))), malformed);
    let proofs = |value: Value| move |it: &mut CoseSign1| it.unprotected.rest[0].1 = value.clone();
    let list = |kind: i64, list: Vec<Value>| Value::Map(vec![(kind.into(), Value::Array(list))]);
    let one = Value::from(proof.to_bytes());
    open(&made(&proofs(list(-1, vec![one.clone()])))).expect("the plain form");
    for value in [
        Value::Null,
        Value::Map(Vec::new()),
        list(-1, Vec::new()),
        list(-1, vec![one.clone(), one.clone()]),
        list(-1, vec![Value::Null]),
        list(-3, vec![one.clone()]),
        Value::Map(vec![((-1).into(), one.clone())]),
        Value::Map(vec![((-1).into(), Value::Array(vec![one.clone()])), ((-2).into(), Value::Array(Vec::new()))]),
    ] {
        assert_eq!(refused(&proofs(value)), malformed);
    }
    assert_eq!(refused(&proofs(list(-1, vec![vec![0_u8; 5].into()]))), "log_proof_malformed");
    let plain = made(&|_| {});
    assert_eq!(code(open(&[&plain[..], &[0]].concat())), malformed, "a byte behind it");
    assert_eq!(code(open(&plain[1..])), malformed, "no tag");
    assert_eq!(code(open(&[&plain[..1], &[0x98, 0x04], &plain[2..]].concat())), malformed, "a length in two bytes");
    assert_eq!(code(open(&good.clone().to_vec().expect("untagged"))), malformed);
    assert_eq!(code(open(&vec![0; 9000])), malformed);
    for at in 0..plain.len() {
        let mut bytes = plain.clone();
        bytes[at] ^= 1;
        assert!(open(&bytes).is_err(), "byte {at}");
    }
}

fn note_of(log: &Log) -> tlog::Signed {
    keys().open_note(log.note().to_string().as_bytes()).expect("signed")
}

fn cose_of(log: &Log) -> tlog::Signed {
    keys().open_cose(&log.cose()).expect("signed")
}

#[test]
fn a_device_takes_what_extends_and_keeps_both_where_it_does_not() {
    let (old, new) = (Log::of(70), Log::of(100));
    let tree = new.tree();
    let proof = tree.consistency(70, 100).expect("proof");
    let mut seen = Seen::nothing();
    assert_eq!(seen.wants_proof_from(), None);
    seen.take(cose_of(&Log::of(0)), None).expect("the first is taken as it is");
    assert_eq!(seen.wants_proof_from(), None, "everything extends nothing");
    seen.take(cose_of(&old), None).expect("it extends nothing");
    seen.take(note_of(&old), None).expect("the same again, in the other form");
    assert_eq!(seen.wants_proof_from(), Some(70));
    let before = seen.clone();
    assert_eq!(code(seen.take(cose_of(&Log::of(69)), Some(&proof))), "log_older");
    assert_eq!(code(seen.take(cose_of(&new), None)), "log_unproven");
    let elsewhere = tree.consistency(71, 100).expect("proof");
    assert_eq!(code(seen.take(cose_of(&new), Some(&elsewhere))), "log_unproven", "a proof of something else");
    let short = Consistency { path: proof.path[1..].to_vec(), ..proof.clone() };
    assert_eq!(code(seen.take(cose_of(&new), Some(&short))), "log_unproven", "no log makes such a proof");
    assert_eq!(seen, before, "what is not taken changes nothing");

    // The past was changed, and the log proves the step from that other past.
    let mut other = Log::of(100);
    other.entries[3] = b"another".to_vec();
    let dishonest = other.tree().consistency(70, 100).expect("proof");
    let Err(LogError::Inconsistent(evidence)) = seen.take(cose_of(&other), Some(&dishonest)) else { panic!("taken") };
    assert!(evidence.is_certain(), "{}", evidence.describe());
    let kept = Evidence::open(&evidence.to_bytes(), &keys()).expect("it proves itself");
    assert_eq!(kept, *evidence);
    // A proof that leads nowhere accuses nobody for certain.
    let mut broken = proof.clone();
    broken.path[0].0[0] ^= 1;
    let Err(LogError::Inconsistent(evidence)) = seen.take(cose_of(&new), Some(&broken)) else { panic!("taken") };
    assert!(!evidence.is_certain(), "{}", evidence.describe());
    let honest = Evidence { known: cose_of(&old), offered: cose_of(&new), proof: Some(proof.clone()), prefix: None };
    assert!(!honest.is_certain(), "a log that extends is not convicted");
    // Two roots of one size need no proof.
    let mut other = old.clone();
    other.entries[69] = b"another".to_vec();
    let Err(LogError::Inconsistent(evidence)) = seen.take(note_of(&other), None) else { panic!("taken") };
    assert!(evidence.is_certain() && evidence.describe().contains("70 entries"));
    assert_eq!(Evidence::open(&evidence.to_bytes(), &keys()).expect("kept"), *evidence);
    let stranger = Keys::new(ORIGIN).cose(0, &spki(&p256(2))).expect("keys");
    assert!(Evidence::open(&evidence.to_bytes(), &stranger).is_err(), "it is believed for its signatures only");
    assert_eq!(seen, before);
    seen.take(cose_of(&new), Some(&proof)).expect("it extends");
    assert_eq!(seen.last().map(|it| it.checkpoint.size), Some(100));
    let again = Seen::kept(keys().open_cose(seen.last().expect("kept").bytes()).expect("signed"));
    assert_eq!(again, seen);
}

#[test]
fn an_old_log_of_a_power_of_two_is_convicted_by_who_has_read_the_new_one() {
    let old = Log::of(64);
    let mut new = Log::of(100);
    new.entries[5] = b"another".to_vec();
    let tree = new.tree();
    let proof = tree.consistency(64, 100).expect("proof");
    let mut seen = Seen::kept(cose_of(&old));
    let Err(LogError::Inconsistent(mut evidence)) = seen.take(cose_of(&new), Some(&proof)) else { panic!("taken") };
    assert!(!evidence.is_certain(), "the path leaves the old root out");
    evidence.prefix = Some(tree.root(64).expect("root"));
    assert!(evidence.is_certain());
    evidence.prefix = Some(old.checkpoint().root);
    assert!(!evidence.is_certain());
    evidence.proof = None;
    assert!(!evidence.is_certain());
    for wrong in [&b""[..], &[0x80], &evidence.to_bytes()[1..], &[&evidence.to_bytes()[..], &[0]].concat()] {
        assert_eq!(code(Evidence::open(wrong, &keys())), "log_state");
    }
}

#[test]
fn an_empty_log_has_one_root() {
    let wrong = Checkpoint { root: Log::of(3).checkpoint().root, ..Log::of(0).checkpoint() };
    let key = p256(1);
    let signed = SignedRoot::sign(wrong, &spki(&key), es256(&key)).and_then(|it| it.to_bytes()).expect("signed");
    let mut seen = Seen::kept(keys().open_cose(&signed).expect("opened"));
    assert_eq!(code(seen.take(cose_of(&Log::of(3)), None)), "log_checkpoint_malformed");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[\\PC\n]{0,200}") {
        prop_assert!(Receipt::parse(&bytes).is_err());
        prop_assert!(Note::parse(&bytes).is_err());
        drop(Note::parse(text.as_bytes()).map(|note| note.to_string()));
        drop(Checkpoint::parse(&text));
        drop(Keys::parse(&text));
        drop(text.parse::<NoteKey>());
        prop_assert!(Evidence::open(&bytes, &keys()).is_err());
    }
}
