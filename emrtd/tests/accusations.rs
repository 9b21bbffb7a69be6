//! Nothing but a proof accuses: over evidence that is changed in every way that a chip or a recorder could change it, a
//! check fails exactly where the issuer is refuted or the chip is a copy, and only for a reason of the list.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::{AccessPolicy, Check, Evidence, FileEvidence, FileId, MAY_FAIL, Outcome, Proof, TrustStore, may_stand};
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;
use support::{plan, read, trust, verify};
use verdict::{Chip, Issuer, Word};
use virtual_card::manners::{ActiveProof, ChipProof, Refused};
use virtual_card::{Fault, Make, Manners, PERSONAS};

/// Reads of honest, odd and copied cards.
static READS: LazyLock<Vec<Evidence>> = LazyLock::new(|| {
    let manners: [Manners; 5] = [
        Manners::default(),
        ActiveProof::Truncated(100).into(),
        ActiveProof::Refused(Refused::protected(0x6985)).into(),
        ChipProof::LostAfter(0x6982).into(),
        ChipProof::Refused(0x22, Refused::protected(0x6A80)).into(),
    ];
    let mut reads = Vec::new();
    for make in ["cccd", "cam", "ca-kat", "ca-two-keys"] {
        for (persona, fault) in [(0, Fault::None), (1, Fault::None), (0, Fault::Cloned), (1, Fault::SelfMadeCsca)] {
            for manners in manners {
                let make = *Make::find(make).expect("make");
                let chip = virtual_card::Chip::with_manners(&PERSONAS[persona], fault, make, manners);
                let mut chip = chip.expect("card");
                reads.push(read(&mut chip, plan(&PERSONAS[persona], AccessPolicy::Auto)).expect("read"));
            }
        }
    }
    reads
});

static TRUST: LazyLock<TrustStore> = LazyLock::new(trust);

/// One change of evidence.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, Index),
    Cut(Index, Index),
    Leave(Index, &'static str),
    TakeFrom(Index, Index),
    Refuse(u8, String),
    NotAsk(u8, String),
    FlipAnswer(u8, Index),
    CutAnswer(u8, Index),
    AnswerOf(u8, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let reason = prop_oneof![
        Just("chip_refused:6985".to_owned()),
        Just("session_lost:6988".to_owned()),
        Just("chip_does_not_hold_the_key".to_owned()),
        "[a-z_:0-9]{0,20}",
    ];
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(file, at)| Change::Flip(file, at)),
        (index(), index()).prop_map(|(file, at)| Change::Cut(file, at)),
        (index(), prop_oneof![Just("absent"), Just("denied"), Just("not_in_sod"), Just("not_reached")])
            .prop_map(|(file, reason)| Change::Leave(file, reason)),
        (index(), index()).prop_map(|(file, read)| Change::TakeFrom(file, read)),
        (0u8..3, reason.clone()).prop_map(|(proof, reason)| Change::Refuse(proof, reason)),
        (0u8..3, reason).prop_map(|(proof, reason)| Change::NotAsk(proof, reason)),
        (0u8..3, index()).prop_map(|(proof, at)| Change::FlipAnswer(proof, at)),
        (0u8..3, index()).prop_map(|(proof, at)| Change::CutAnswer(proof, at)),
        (0u8..3, index()).prop_map(|(proof, read)| Change::AnswerOf(proof, read)),
    ]
}

fn flip(bytes: &mut [u8], at: Index) {
    if !bytes.is_empty() {
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

fn apply(evidence: &mut Evidence, change: &Change) {
    let files: Vec<FileId> = evidence.files.keys().copied().collect();
    let file = |index: &Index| if files.is_empty() { FileId::Sod } else { files[index.index(files.len())] };
    let edit = |evidence: &mut Evidence, id, edit: &dyn Fn(&mut Vec<u8>)| {
        if let Some(content) = evidence.content(id) {
            let mut bytes = content.to_vec();
            edit(&mut bytes);
            evidence.files.insert(id, FileEvidence::Content(bytes.as_slice().into()));
        }
    };
    match change {
        Change::Flip(index, at) => edit(evidence, file(index), &|bytes| flip(bytes, *at)),
        Change::Cut(index, at) => edit(evidence, file(index), &|bytes| bytes.truncate(at.index(bytes.len().max(1)))),
        Change::Leave(index, reason) => {
            evidence.files.remove(&file(index));
            evidence.not_read.insert(file(index), (*reason).to_owned());
        }
        Change::TakeFrom(index, read) => {
            if let Some(other) = read.get(&READS).files.get(&file(index)) {
                evidence.files.insert(file(index), other.clone());
            }
        }
        Change::Refuse(0, reason) => evidence.active_authentication = Proof::Refused(reason.clone()),
        Change::Refuse(1, reason) => evidence.chip_authentication = Proof::Refused(reason.clone()),
        Change::Refuse(_, reason) => evidence.pace_cam = Proof::Refused(reason.clone()),
        Change::NotAsk(0, reason) => evidence.active_authentication = Proof::NotAsked(reason.clone()),
        Change::NotAsk(1, reason) => evidence.chip_authentication = Proof::NotAsked(reason.clone()),
        Change::NotAsk(_, reason) => evidence.pace_cam = Proof::NotAsked(reason.clone()),
        Change::FlipAnswer(proof, at) => answer(evidence, *proof, &|bytes| flip(bytes, *at)),
        Change::CutAnswer(proof, at) => answer(evidence, *proof, &|bytes| bytes.truncate(at.index(bytes.len().max(1)))),
        Change::AnswerOf(0, read) => {
            evidence.active_authentication = read.get(&READS).active_authentication.clone();
        }
        Change::AnswerOf(1, read) => evidence.chip_authentication = read.get(&READS).chip_authentication.clone(),
        Change::AnswerOf(_, read) => evidence.pace_cam = read.get(&READS).pace_cam.clone(),
    }
}

fn answer(evidence: &mut Evidence, proof: u8, edit: &dyn Fn(&mut Vec<u8>)) {
    match proof {
        0 => {
            if let Proof::Answered(transcript) = &mut evidence.active_authentication {
                edit(&mut transcript.response);
            }
        }
        1 => {
            if let Proof::Answered(transcript) = &mut evidence.chip_authentication {
                edit(&mut transcript.response);
            }
        }
        _ => {
            if let Proof::Answered(data) = &mut evidence.pace_cam {
                edit(&mut data.data);
            }
        }
    }
}

fn failed(checks: &[Check]) -> impl Iterator<Item = &Check> {
    checks.iter().filter(|check| check.outcome == Outcome::Failed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_check_fails_exactly_where_the_issuer_is_refuted_or_the_chip_a_copy(
        read in any::<Index>(),
        changes in prop::collection::vec(change(), 0..4),
        anchors in any::<bool>(),
    ) {
        let mut evidence = read.get(&READS).clone();
        for change in &changes {
            apply(&mut evidence, change);
        }
        let nobody = TrustStore::new();
        let verification = verify(&evidence, if anchors { &TRUST } else { &nobody });
        let answers = verification.answers();
        for check in failed(&verification.checks) {
            prop_assert!(may_stand(check), "{check:?} may not fail");
        }
        let of_chip = ["active_authentication", "chip_authentication", "pace_cam"];
        let copy = failed(&verification.checks).any(|check| of_chip.contains(&check.id.as_str()));
        prop_assert_eq!(copy, answers.chip == Chip::Copy);
        prop_assert_eq!(failed(&verification.passive.checks).next().is_some(), answers.issuer == Issuer::Refuted);
        let accused = failed(&verification.checks).next().is_some();
        prop_assert_eq!(accused, answers.word() == Word::NotGenuine, "{:#?}", verification.checks);
        // Whoever is proved has an answer that passed.
        if answers.chip == Chip::Proved {
            let passed = |check: &&Check| check.outcome == Outcome::Passed && of_chip.contains(&check.id.as_str());
            prop_assert!(verification.checks.iter().any(|check| passed(&check)));
        }
    }
}

/// The list is no longer than it must be: what the proofs of the chip may fail for does occur.
#[test]
fn every_accusation_of_the_chip_occurs() {
    let mut seen: Vec<(String, String)> = Vec::new();
    for evidence in READS.iter() {
        for check in failed(&verify(evidence, &TRUST).checks) {
            seen.push((check.id.clone(), check.reason.clone().unwrap_or_default()));
        }
    }
    // Those of the issuer occur in `wrong.rs` and `scope.rs`.
    let of_chip = ["active_authentication", "chip_authentication", "pace_cam"];
    for (id, reason) in MAY_FAIL.iter().filter(|(id, _)| of_chip.contains(id)) {
        assert!(seen.contains(&((*id).to_owned(), (*reason).to_owned())), "{id} {reason} never occurs");
    }
}
