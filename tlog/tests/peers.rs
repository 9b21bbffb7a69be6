//! Receipts, proofs and notes against implementations that share no line with this one: `scitt-cose` from PyPI, and notes as Python reads
//! them from their specification.

mod common;

use common::{Log, ORIGIN, TIME, ed25519, eddsa, es256, keys, p256, spki};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;
use tlog::note::Role;
use tlog::receipt::Proof;
use tlog::tree::{Nodes as _, leaf};
use tlog::{Checkpoint, Receipt};

/// What the judge answers; `None` where it is not at hand.
fn judged(task: &Value) -> Option<Value> {
    let mut judge = test_support::python("judge_log.py")?;
    let mut judge = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
    judge.stdin.take().expect("a pipe").write_all(task.to_string().as_bytes()).expect("taken");
    let output = judge.wait_with_output().expect("judged");
    assert!(output.status.success(), "the judge failed");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// A log of real events: what a device signs is what the log takes in.
fn log() -> Log {
    let vectors = [
        include_str!("../../events/vectors/event-v1.cose.hex"),
        include_str!("../../events/vectors/event-v2.cose.hex"),
    ];
    let mut log = Log::of(150);
    log.entries.extend(vectors.map(|text| hex::decode(text.trim()).expect("hex")));
    log
}

#[test]
fn receipts_proofs_and_notes_hold_for_others_and_theirs_for_us() {
    let log = log();
    let (tree, size, root) = (log.tree(), log.size(), log.checkpoint().root);
    let signed = log.signed();
    let places = [0, 1, 77, 127, 128, size - 2, size - 1];
    let receipts: Vec<Value> = places
        .iter()
        .map(|index| signed.receipt(&tree.inclusion(*index, size).expect("proof")).expect("receipt"))
        .zip(places)
        .map(|(receipt, index)| json!([hex::encode(receipt), index]))
        .collect();
    let steps: Vec<Value> = [1, 2, 63, 64, 65, 128, 150]
        .into_iter()
        .map(|old| {
            let path = tree.consistency(old, size).expect("proof").path;
            let path: Vec<String> = path.iter().map(ToString::to_string).collect();
            json!([old, tree.root(old).expect("root").to_string(), path])
        })
        .collect();
    let mut note = log.note();
    let (witness, private) = ed25519("witness.example/1", Role::Witness, 1);
    note.signatures.push(witness.cosign(&note.text, TIME, eddsa(&private)).expect("signed"));
    let raw = |name, role, seed| hex::encode(ed25519(name, role, seed).1.raw_public_key().expect("key"));
    let pem = openssl::pkey::PKey::from_ec_key(p256(1)).and_then(|key| key.private_key_to_pem_pkcs8()).expect("PEM");
    let task = json!({
        "key": String::from_utf8(pem).expect("PEM"),
        "entries": log.entries.iter().map(hex::encode).collect::<Vec<_>>(),
        "root": root.to_string(),
        "receipts": receipts,
        "consistency": steps,
        "note": note.to_string(),
        "signers": [
            [ORIGIN, 1, raw(ORIGIN, Role::Author, 7)],
            ["witness.example/1", 4, raw("witness.example/1", Role::Witness, 1)],
            ["witness.example/2", 4, raw("witness.example/2", Role::Witness, 2)],
        ],
    });
    let Some(said) = judged(&task) else { return };
    assert_eq!(said["receipts"], json!(vec!["right"; places.len()]));
    assert_eq!(said["consistency"], json!(vec![true; steps.len()]));
    assert_eq!(said["signers"], json!([ORIGIN, "witness.example/1"]));
    let key = events::Verifier::new(&spki(&p256(1))).expect("key");
    for (made, index) in said["made"].as_array().expect("a list").iter().zip(places) {
        let bytes = hex::decode(made.as_str().expect("hex")).expect("hex");
        let receipt = Receipt::parse(&bytes).expect("a receipt");
        let entry = &log.entries[index as usize];
        assert_eq!(receipt.verify(&leaf(entry), &key).expect("it holds"), root);
        assert_eq!(receipt.verify(&leaf(b"another"), &key).expect_err("refused").code(), "log_signature");
        assert!(
            matches!(&receipt.proof, Proof::Inclusion(proof) if *proof == tree.inclusion(index, size).expect("proof"))
        );
        // Its size is under no signature, so it is none of this log.
        assert_eq!(keys().open_receipt(&bytes, entry).expect_err("refused").code(), "log_receipt_malformed");
    }

    // What is wrong is wrong for them too.
    let mut wrong = task.clone();
    let other = Checkpoint { root: leaf(b"another"), ..log.checkpoint() };
    let forged = tlog::SignedRoot::sign(other, &spki(&p256(1)), es256(&p256(1))).expect("signed");
    let forged = forged.receipt(&tree.inclusion(5, size).expect("proof")).expect("receipt");
    let moved = signed.receipt(&tree.inclusion(6, size).expect("proof")).expect("receipt");
    wrong["receipts"] = json!([[hex::encode(forged), 5], [hex::encode(moved), 5]]);
    wrong["consistency"] = json!([[64, leaf(b"another").to_string(), steps[3][2]], [65, steps[3][1], steps[3][2]]]);
    let mut spoilt = note.clone();
    spoilt.text = spoilt.text.replace("\n152\n", "\n153\n");
    wrong["note"] = spoilt.to_string().into();
    let Some(said) = judged(&wrong) else { return };
    let refused = |word: &Value| word.as_str().is_some_and(|word| word.starts_with("refused"));
    assert!(said["receipts"].as_array().expect("a list").iter().all(refused), "{said}");
    assert_eq!((&said["consistency"], &said["signers"]), (&json!([false, false]), &json!([])));
}
