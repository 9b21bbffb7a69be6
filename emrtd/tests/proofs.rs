//! What the proofs of the chip are worth: under which keys they count, when they accuse, and that whatever is dropped,
//! odd, unbound or kept back lets nothing pass.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::hazmat::tlv::encode;
use emrtd::{
    AccessPolicy, Action, Evidence, FileEvidence, FileId, HashAlgorithm, Outcome, Phase, Proof, Session, SystemEntropy,
    TrustStore,
};
use support::tolerable::drive;
use support::{AN, BINH, chip, found, issued, make, not_performed, plan, put, read, reason, trust, verify};
use support::{whole, word};
use verdict::Word;
use virtual_card::issuer::Oddity;
use virtual_card::manners::{ActiveProof, ChipProof, Refused, Sfi};
use virtual_card::{Answer, Chip, Fault, Lie, Make, Manners, Persona};

/// A read that ends in the middle says what it did not come to.
#[test]
fn a_read_that_broke_off_vouches_for_nobody() {
    let mut chip = chip(AN, Make::default(), Manners::default(), false);
    let mut session = Session::new(plan(AN, AccessPolicy::Auto), Box::new(SystemEntropy));
    while let Ok(Action::Transmit(command)) = session.next() {
        let Answer::Response(answer) = chip.transmit(&command) else { panic!("lifted") };
        if session.progress().phase == Phase::File(FileId::Dg(14)) {
            break;
        }
        session.feed(&answer).expect("accepted");
    }
    let evidence = session.into_evidence().expect("opened");
    assert!(evidence.content(FileId::Dg(13)).is_some());
    let verification = verify(&evidence, &trust());
    assert_eq!(verification.missing, [2, 14, 15]);
    assert_eq!(verification.answers().word(), Word::Unproved);
}

/// A group over which the chip breaks off in whatever manner it is asked: the rest is read, and it vouches for nobody.
#[test]
fn a_group_that_cannot_be_had_is_left_out() {
    let mut chip = chip(AN, Make::default(), Manners::default(), false);
    let mut session = Session::new(plan(AN, AccessPolicy::Auto), Box::new(SystemEntropy));
    loop {
        let command = match session.next().expect("action") {
            Action::Transmit(command) => command,
            Action::Reset => {
                chip.reset();
                session.was_reset();
                continue;
            }
            Action::Sign(_) | Action::Done => break,
        };
        let Answer::Response(mut answer) = chip.transmit(&command) else { panic!("lifted") };
        if session.progress().phase == Phase::File(FileId::Dg(14)) {
            chip.reset();
            answer = vec![0x69, 0x88];
        }
        session.feed(&answer).expect("accepted");
    }
    let evidence = session.into_evidence().expect("opened");
    assert_eq!(evidence.not_read[&FileId::Dg(14)], "session_lost:6988");
    let verification = verify(&evidence, &trust());
    assert_eq!((verification.missing.clone(), verification.answers().word()), (vec![14], Word::Unproved));
    assert_eq!(found(&verification, "active_authentication"), (Outcome::Passed, None));
}

/// One that breaks off over every group is not opened for ever.
#[test]
fn a_chip_that_breaks_off_again_and_again_is_given_up() {
    let files = issued(AN, Make::default(), Oddity::None, |groups| {
        groups.insert(11, encode(0x6B, &[]));
        groups.insert(12, encode(0x6C, &[]));
    });
    let mut chip =
        chip(AN, Make::default(), Manners { sfi: Sfi::Refused(Refused::bare(0x6985)), ..Manners::default() }, false);
    put(&mut chip, &files);
    // EF.SOD is read, header and rest; whatever is selected then is answered bare.
    let mut reads = 0;
    chip.set_liar(Box::new(move |ins| {
        reads += u32::from(ins == 0xB0);
        if ins != 0xA4 || reads < 2 {
            return Lie::None;
        }
        reads = 0;
        Lie::Raw(vec![0x6F, 0x00])
    }));
    let plan = plan(AN, AccessPolicy::Auto).with_data_groups(&[1, 2, 11, 12, 13, 14, 15]);
    let read = drive(&mut chip, plan);
    assert_eq!(read.evidence.map_err(|error| error.code()).err(), Some("secure_messaging_failed"));
    assert!((10..16).contains(&read.resets), "{}", read.resets);
}

/// A session that is dropped after chip authentication accuses nobody, and what was read before stays.
#[test]
fn a_bare_answer_to_the_first_command_under_the_new_keys_is_a_lost_session() {
    for (active_only, expected) in [(false, Word::Proved), (true, Word::Proved)] {
        let mut chip = chip(AN, Make::default(), ChipProof::LostAfter(0x6988), active_only);
        let (evidence, _) = whole(&mut chip, AN, &[]);
        let reason = reason(&evidence, "chip_authentication");
        assert_eq!(reason, not_performed(if active_only { "no_dg14" } else { "session_lost:6988" }));
        assert!(evidence.content(FileId::Dg(2)).is_some());
        assert_eq!(word(&evidence, &trust()), expected);
    }
    let (chip_proof, active_proof) = (ChipProof::LostAfter(0x6988), ActiveProof::Refused(Refused::protected(0x6985)));
    let manners = Manners { chip_proof, active_proof, ..Manners::default() };
    let (evidence, _) = whole(&mut chip(AN, Make::default(), manners, false), AN, &[]);
    assert_eq!(word(&evidence, &trust()), Word::Unproved, "nothing was proved");
}

/// The same with whatever else a chip may say that is not protected.
#[test]
fn what_is_not_protected_is_no_answer() {
    for (answer, reason) in [
        (vec![0x90, 0x00], "session_lost:9000"),
        (vec![0x6F, 0x00], "session_lost:6F00"),
        (vec![0x99, 0x02, 0x90, 0x00, 0x90, 0x00], "session_lost:9000"),
        (vec![0x99], "session_lost"),
        (vec![], "session_lost"),
    ] {
        let mut chip = chip(AN, Make::default(), Manners::default(), false);
        let mut session = Session::new(plan(AN, AccessPolicy::Auto), Box::new(SystemEntropy));
        while let Action::Transmit(command) = session.next().expect("command") {
            let sent = session.progress().phase;
            let Answer::Response(honest) = chip.transmit(&command) else { panic!("lifted") };
            // READ BINARY under the new keys.
            let confirms = sent == Phase::ChipAuthentication && command[1] == 0xB0;
            session.feed(if confirms { &answer } else { &honest }).expect("accepted");
        }
        let evidence = session.into_evidence().expect("opened");
        assert_eq!(support::reason(&evidence, "chip_authentication"), not_performed(reason));
        assert_eq!(word(&evidence, &trust()), Word::Proved, "by active authentication");
    }
}

/// An answer under other keys is kept as it came: whoever has the evidence sees that it is wrong.
#[test]
fn a_copy_that_answers_under_other_keys_is_refuted_by_its_transcript() {
    let mut chip = Chip::new(AN, Fault::Cloned).expect("card");
    let mut evidence = read(&mut chip, plan(AN, AccessPolicy::Auto)).expect("read");
    assert!(matches!(evidence.chip_authentication, Proof::Answered(_)));
    evidence.active_authentication = Proof::NotAsked("left_out".to_owned());
    let stored = Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence");
    for evidence in [&evidence, &stored] {
        let verification = verify(evidence, &trust());
        assert_eq!(found(&verification, "chip_authentication"), (Outcome::Failed, Some("wrong_answer")));
        assert_eq!(verification.chip, verdict::Chip::Copy);
    }
}

/// Under a right MAC the chip has shown that it holds the key, whatever else is odd about its answer; what has no MAC
/// is no answer.
#[test]
fn an_odd_confirmation_is_not_wrong() {
    let mut chip = Chip::new(AN, Fault::None).expect("card");
    let honest = read(&mut chip, plan(AN, AccessPolicy::Auto)).expect("read");
    for (expected, change) in [
        ("answer_odd", (|answer| *answer.last_mut().expect("status") ^= 1) as fn(&mut Vec<u8>)),
        ("answer_short", |answer| *answer = vec![0x69, 0x88]),
        ("answer_odd", |answer| answer.clear()),
    ] {
        let mut evidence = honest.clone();
        evidence.active_authentication = Proof::NotAsked("left_out".to_owned());
        let Proof::Answered(transcript) = &mut evidence.chip_authentication else { panic!("answered") };
        change(&mut transcript.response);
        assert_eq!(reason(&evidence, "chip_authentication"), not_performed(expected));
        assert_eq!(word(&evidence, &trust()), Word::Unproved);
    }
}

/// Under a key that the SOD does not bind neither a right nor a wrong answer counts.
#[test]
fn what_the_sod_does_not_bind_proves_nothing_either_way() {
    for (fault, group, proof) in [
        (Fault::None, 14, "chip_authentication"),
        (Fault::None, 15, "active_authentication"),
        (Fault::Cloned, 14, "chip_authentication"),
        (Fault::Cloned, 15, "active_authentication"),
    ] {
        let mut chip = Chip::new(AN, fault).expect("card");
        let mut evidence = read(&mut chip, plan(AN, AccessPolicy::Auto)).expect("read");
        let files = issued(AN, Make::default(), Oddity::None, |groups| drop(groups.remove(&group)));
        let sod = &files.iter().find(|(id, _)| *id == 0x011D).expect("SOD").1;
        evidence.files.insert(FileId::Sod, FileEvidence::Content(sod.as_slice().into()));
        let (active, chip) = (Proof::NotAsked("left_out".to_owned()), Proof::NotAsked("left_out".to_owned()));
        match group {
            14 => evidence.active_authentication = active,
            _ => evidence.chip_authentication = chip,
        }
        let verification = verify(&evidence, &trust());
        assert_eq!(found(&verification, proof), (Outcome::NotPerformed, Some("key_not_bound")), "{fault:?}");
        assert_eq!(verification.chip, verdict::Chip::Unproved, "{fault:?}");
        // The group that nobody signed lets nothing pass.
        assert_eq!(verification.issuer, verdict::Issuer::Unchecked, "{fault:?}");
        assert_eq!(verification.answers().word(), Word::Unproved);
    }
}

#[test]
fn proofs_count_under_a_right_signature_of_an_unknown_issuer() {
    let nobody = TrustStore::new();
    for (fault, expected) in [(Fault::None, Word::Signed), (Fault::Cloned, Word::NotGenuine)] {
        let mut chip = Chip::new(AN, fault).expect("card");
        let evidence = read(&mut chip, plan(AN, AccessPolicy::Auto)).expect("read");
        assert_eq!(word(&evidence, &nobody), expected);
    }
    // A wrong signature binds nothing.
    let mut chip = Chip::new(AN, Fault::None).expect("card");
    let mut evidence = read(&mut chip, plan(AN, AccessPolicy::Auto)).expect("read");
    let mut sod = evidence.content(FileId::Sod).expect("SOD").to_vec();
    let end = sod.len() - 3;
    sod[end] ^= 1;
    evidence.files.insert(FileId::Sod, FileEvidence::Content(sod.as_slice().into()));
    let verification = verify(&evidence, &trust());
    assert_eq!(found(&verification, "active_authentication").1, Some("key_not_bound"));
    assert_eq!(found(&verification, "chip_authentication").1, Some("key_not_bound"));
    assert_eq!(verification.chip, verdict::Chip::Unproved);
}

/// The evidence of a card with chip-authentication mapping, nothing else proved.
fn mapped(persona: &Persona, files: Option<&[(u16, Vec<u8>)]>) -> Evidence {
    let mut chip = Chip::with_make(persona, Fault::None, make("cam")).expect("card");
    put(&mut chip, files.unwrap_or_default());
    let mut evidence = read(&mut chip, plan(persona, AccessPolicy::Pace)).expect("read");
    evidence.active_authentication = Proof::NotAsked("left_out".to_owned());
    evidence
}

#[test]
fn mapping_counts_only_with_a_bound_dg14_that_repeats_the_key() {
    assert_eq!(word(&mapped(AN, None), &trust()), Word::Proved);
    // The SOD lists no EF.DG14: any chip with a card of its own could stand here.
    let files = issued(AN, make("cam"), Oddity::None, |groups| drop(groups.remove(&14)));
    let evidence = mapped(AN, Some(&files));
    let verification = verify(&evidence, &trust());
    assert_eq!(found(&verification, "pace_cam"), (Outcome::NotPerformed, Some("key_not_bound")));
    assert_eq!(verification.answers().word(), Word::Unproved);
    // It does list it, but of EF.DG14 only the digest is there: nobody can see that it repeats the key.
    let mut evidence = mapped(AN, None);
    let dg14 = evidence.content(FileId::Dg(14)).expect("EF.DG14");
    let (length, hash) = (dg14.len(), HashAlgorithm::Sha256);
    let redacted = FileEvidence::Digest { length, hash, digest: hash.digest(dg14) };
    evidence.files.insert(FileId::Dg(14), redacted);
    let verification = verify(&evidence, &trust());
    assert!(verification.passive.bound.contains(&14));
    assert_eq!(found(&verification, "pace_cam"), (Outcome::NotPerformed, Some("key_not_bound")));
    assert_eq!(verification.answers().word(), Word::Unproved);
    // Another card's EF.CardSecurity and key beside the files of a victim.
    let (victim, other) = (mapped(AN, None), mapped(BINH, None));
    let mut spliced = victim.clone();
    spliced.pace_cam = other.pace_cam.clone();
    spliced.files.insert(FileId::CardSecurity, other.files[&FileId::CardSecurity].clone());
    let verification = verify(&spliced, &trust());
    let differs = Some("card_security_differs_from_dg14");
    assert_eq!(found(&verification, "card_security"), (Outcome::Remark, differs));
    assert_eq!(found(&verification, "pace_cam"), (Outcome::NotPerformed, differs));
    assert_eq!(verification.answers().word(), Word::Unproved);
    // Only the answer of another card: wrong, under a key that is bound.
    let mut wrong = victim.clone();
    wrong.pace_cam = other.pace_cam.clone();
    let verification = verify(&wrong, &trust());
    assert_eq!(found(&verification, "pace_cam"), (Outcome::Failed, Some("wrong_answer")));
    assert_eq!(verification.answers().word(), Word::NotGenuine);
    // Part of an answer accuses nobody.
    let mut short = victim;
    let Proof::Answered(data) = &mut short.pace_cam else { panic!("answered") };
    data.data.truncate(20);
    let verification = verify(&short, &trust());
    assert_eq!(found(&verification, "pace_cam"), (Outcome::NotPerformed, Some("answer_short")));
    assert_eq!(verification.answers().word(), Word::Unproved);
}

#[test]
fn mapping_without_a_dg14_that_repeats_the_key_is_followed_by_chip_authentication() {
    // EF.DG14 has the key of chip authentication only: the last entry, that of mapping, is left out.
    let files = issued(AN, make("cam"), Oddity::None, |groups| {
        let set = emrtd::hazmat::tlv::first(&groups[&14], 0x6E).expect("EF.DG14").value.to_vec();
        let mut infos = emrtd::hazmat::tlv::first(&set, 0x31).expect("SET").children();
        let mut entries: Vec<&[u8]> = Vec::new();
        while let Some(entry) = infos.next().expect("entry") {
            entries.push(entry.raw);
        }
        entries.pop();
        let dg14 = encode(0x6E, &encode(0x31, &entries.concat()));
        groups.insert(14, dg14);
    });
    let evidence = mapped(AN, Some(&files));
    assert!(matches!(evidence.chip_authentication, Proof::Answered(_)), "{:?}", evidence.chip_authentication);
    let verification = verify(&evidence, &trust());
    assert_eq!(found(&verification, "pace_cam").1, Some("card_security_differs_from_dg14"));
    assert_eq!(found(&verification, "chip_authentication"), (Outcome::Passed, None));
}

#[test]
fn a_card_security_that_nobody_signed_lets_nothing_pass() {
    let mut evidence = mapped(AN, None);
    let file = evidence.content(FileId::CardSecurity).expect("EF.CardSecurity").to_vec();
    let mut broken = file.clone();
    let end = broken.len() - 3;
    broken[end] ^= 1;
    for (content, outcome, reason) in [
        (broken, Outcome::Remark, "wrong_signature"),
        (file[..40].to_vec(), Outcome::Remark, "card_security_malformed"),
    ] {
        evidence.files.insert(FileId::CardSecurity, FileEvidence::Content(content.as_slice().into()));
        let verification = verify(&evidence, &trust());
        assert_eq!(found(&verification, "card_security"), (outcome, Some(reason)));
        assert_eq!(verification.answers().word(), Word::Unproved, "{reason}");
    }
}

/// EF.CardAccess is unsigned: another one than EF.DG14 repeats accuses nobody, but what was proved over such a channel
/// does not count.
#[test]
fn a_channel_that_the_issuer_did_not_sign_proves_nothing() {
    for (fault, expected) in [(Fault::None, verdict::Chip::Unproved), (Fault::Cloned, verdict::Chip::Copy)] {
        let mut chip = Chip::new(AN, fault).expect("card");
        let mut evidence = read(&mut chip, plan(AN, AccessPolicy::Auto)).expect("read");
        let other = "31143012060a04007f00070202040202020102020110";
        for (content, reason) in [(other, "card_access_differs_from_dg14"), ("3103", "card_access_malformed")] {
            let content = hex::decode(content).expect("hex");
            evidence.files.insert(FileId::CardAccess, FileEvidence::Content(content.as_slice().into()));
            let verification = verify(&evidence, &trust());
            assert_eq!(found(&verification, "card_access"), (Outcome::Remark, Some(reason)));
            assert_eq!(verification.chip, expected, "{reason}");
        }
    }
}

#[test]
fn the_keys_of_the_chip_are_read_whatever_the_plan_says() {
    let mut chip = chip(AN, Make::default(), Manners::default(), false);
    let plan = plan(AN, AccessPolicy::Auto).with_data_groups(&[1]);
    let evidence = read(&mut chip, plan).expect("read");
    assert_eq!(word(&evidence, &trust()), Word::Proved);
    assert!(evidence.content(FileId::Dg(2)).is_none() && evidence.not_read.is_empty());
}

#[test]
fn without_dg1_or_with_a_group_kept_back_nobody_is_vouched_for() {
    let honest =
        read(&mut chip(AN, Make::default(), Manners::default(), false), plan(AN, AccessPolicy::Auto)).expect("read");
    let complete = verify(&honest, &trust());
    assert!(complete.is_complete() && complete.missing.is_empty());
    for (number, reason) in [(1, "absent"), (2, "denied"), (13, "not_reached")] {
        let mut evidence = honest.clone();
        evidence.files.remove(&FileId::Dg(number));
        evidence.not_read.insert(FileId::Dg(number), reason.to_owned());
        let verification = verify(&evidence, &trust());
        assert_eq!(verification.missing, [number]);
        assert_eq!(found(&verification, &format!("dg_hash.{number}")).1, Some("listed_but_not_given"));
        assert_eq!((verification.issuer, verification.answers().word()), (verdict::Issuer::Unchecked, Word::Unproved));
    }
    // Simply not asked for is enough for EF.DG1: it says what document this is.
    let mut evidence = honest.clone();
    evidence.files.remove(&FileId::Dg(1));
    assert_eq!(word(&evidence, &trust()), Word::Unproved);
    // A group that no SOD lists is not missed, nor is one of a SOD that cannot be read.
    let mut evidence = honest.clone();
    evidence.not_read.insert(FileId::Dg(11), "absent".to_owned());
    assert_eq!(word(&evidence, &trust()), Word::Proved);
    evidence.files.insert(FileId::Sod, FileEvidence::Content(b"\x77\x02\x30\x00".as_slice().into()));
    let verification = verify(&evidence, &trust());
    assert!(verification.checks.iter().all(|check| !check.id.starts_with("dg_hash")), "{:#?}", verification.checks);
    evidence.files.remove(&FileId::Sod);
    let verification = verify(&evidence, &trust());
    assert_eq!((verification.issuer, verification.chip), (verdict::Issuer::Unchecked, verdict::Chip::Unproved));
}

#[test]
fn the_date_of_issue_is_read_where_the_sod_has_no_signing_time() {
    let dg12 = encode(0x6C, &[encode(0x5C, &[0x5F, 0x26]), encode(0x5F26, b"20210415")].concat());
    for (oddity, expected) in [(Oddity::NoSignedAttributes, true), (Oddity::None, false)] {
        let files = issued(AN, Make::default(), oddity, |groups| drop(groups.insert(12, dg12.clone())));
        let mut chip = chip(AN, Make::default(), Manners::default(), false);
        put(&mut chip, &files);
        let evidence = read(&mut chip, plan(AN, AccessPolicy::Auto)).expect("read");
        assert_eq!(evidence.content(FileId::Dg(12)).is_some(), expected, "{oddity:?}");
        assert_eq!(word(&evidence, &trust()), Word::Proved, "{oddity:?}");
        if expected {
            // It is about the holder: only its digest is stored.
            let stored = Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence");
            let digest = HashAlgorithm::Sha256.digest(&dg12);
            let redacted = FileEvidence::Digest { length: dg12.len(), hash: HashAlgorithm::Sha256, digest };
            assert_eq!(stored.files[&FileId::Dg(12)], redacted);
        }
    }
}

/// What was found out while the portrait was on the air is about one EF.SOD.
#[test]
fn what_was_found_out_about_another_sod_is_not_used() {
    use emrtd::{Circumstances, SodVerification};
    use support::issued::{card, honest, sod_of};
    let (evidence, _) = whole(&mut chip(AN, Make::default(), Manners::default(), false), AN, &[]);
    let (trust, circumstances) = (trust(), Circumstances::now(support::now()));
    let plain = evidence.verify(&trust, &circumstances).checks;
    let prepared = |sod: &[u8]| SodVerification::new(sod, &trust, None, support::now());
    let own = prepared(evidence.content(FileId::Sod).expect("EF.SOD"));
    assert_eq!(evidence.verify_prepared(&trust, Some(&own), &circumstances).checks, plain);
    let other = prepared(&sod_of(&honest(), &card()));
    assert_eq!(evidence.verify_prepared(&trust, Some(&other), &circumstances).checks, plain);
}
