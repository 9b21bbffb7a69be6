//! The proofs of the chip against chips that dislike a length, refuse, cut or drop: nothing of that accuses, and nothing
//! of it lets anything pass. The cases of the field stand in `vectors/field-cases`.

mod support;

use emrtd::Evidence;
use emrtd::crypto::HashAlgorithm;
use emrtd::evidence::{FileEvidence, Proof};
use emrtd::file::FileId;
use emrtd::secret::SystemEntropy;
use emrtd::session::{AccessPolicy, Action, Phase, Plan, Session};
use emrtd::tlv::encode;
use emrtd::trust::TrustStore;
use emrtd::verdict::Outcome;
use serde_json::Value;
use support::{answers, found, issued, plan, put, read, trust, verify, watch, word};
use verdict::Word;
use virtual_card::issuer::Oddity;
use virtual_card::{Answer, Chip, Fault, Make, PERSONAS, Persona, Quirk};

const AN: &Persona = &PERSONAS[0];
const BINH: &Persona = &PERSONAS[1];
const ACTIVE: u8 = 0x88;
const MSE: u8 = 0x22;
const GENERAL_AUTHENTICATE: u8 = 0x86;
const GET_RESPONSE: u8 = 0xC0;

fn case(text: &str) -> Value {
    serde_json::from_str(text).expect("a field case")
}

/// The status words of a case.
fn statuses(case: &Value) -> Vec<u16> {
    let words = case["answer"]["sw"].as_array().expect("status words");
    words.iter().map(|word| u16::from_str_radix(word.as_str().expect("text"), 16).expect("hexadecimal")).collect()
}

fn make(id: &str) -> Make {
    *Make::find(id).expect("make")
}

/// A chip with these ways; `active_only`: a card that has no chip authentication.
fn chip(persona: &Persona, make: Make, quirks: &[Quirk], active_only: bool) -> Chip {
    let mut chip = Chip::with_make(persona, Fault::None, make).expect("card");
    if active_only {
        put(&mut chip, &issued(persona, make, Oddity::None, |groups| drop(groups.remove(&14))));
    }
    for quirk in quirks {
        chip.add_quirk(*quirk);
    }
    chip
}

/// A whole read: the evidence, and how often the chip was sent each of these instructions.
fn whole(chip: &mut Chip, persona: &Persona, instructions: &[u8]) -> (Evidence, Vec<usize>) {
    let seen = watch(chip);
    let evidence = read(chip, plan(persona, AccessPolicy::Auto)).expect("read");
    let seen = seen.lock().expect("lock");
    let counts = instructions.iter().map(|ins| seen.iter().filter(|one| *one == ins).count()).collect();
    // Whatever was found is found again in the stored form.
    let stored = Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence");
    assert_eq!(verify(&stored, &trust()).checks, verify(&evidence, &trust()).checks);
    (evidence, counts)
}

fn reason(evidence: &Evidence, id: &str) -> (Outcome, Option<String>) {
    let verification = verify(evidence, &trust());
    let (outcome, reason) = found(&verification, id);
    (outcome, reason.map(str::to_owned))
}

fn not_performed(reason: &str) -> (Outcome, Option<String>) {
    (Outcome::NotPerformed, Some(reason.to_owned()))
}

#[test]
fn aa_exact_length() {
    let case = case(include_str!("../vectors/field-cases/aa-exact-length.json"));
    assert_eq!(case["expected"], "asked again with that Le; active_authentication passed; genuine");
    // A signature of 256 bytes is named as 6C00, one of 64 as 6C40.
    for persona in [AN, BINH] {
        let mut chip = chip(persona, Make::default(), &[Quirk::ActiveExactLength], false);
        let (evidence, asked) = whole(&mut chip, persona, &[ACTIVE]);
        assert_eq!(reason(&evidence, "active_authentication"), (Outcome::Passed, None), "{}", persona.id);
        assert_eq!((asked, word(&evidence, &trust())), (vec![2], Word::Proved), "{}", persona.id);
    }
}

#[test]
fn aa_empty_on_extended() {
    let case = case(include_str!("../vectors/field-cases/aa-empty-on-extended.json"));
    assert_eq!((&case["expected"], &case["when"]["le_above"]), (&"asked again with Le 256".into(), &256.into()));
    let mut chip = chip(AN, Make::default(), &[Quirk::ActiveEmptyOnExtended], false);
    let (evidence, asked) = whole(&mut chip, AN, &[ACTIVE]);
    assert_eq!(reason(&evidence, "active_authentication"), (Outcome::Passed, None));
    assert_eq!((asked, word(&evidence, &trust())), (vec![2], Word::Proved));
}

#[test]
fn aa_refused() {
    let case = case(include_str!("../vectors/field-cases/aa-refused.json"));
    let expected = "not_performed with the status word; genuine when chip authentication passed, undecided otherwise";
    assert_eq!(case["expected"], expected);
    for status in statuses(&case) {
        for (active_only, expected) in [(false, Word::Proved), (true, Word::Unproved)] {
            let mut chip = chip(AN, Make::default(), &[Quirk::ActiveRefused(status)], active_only);
            let (evidence, asked) = whole(&mut chip, AN, &[ACTIVE]);
            let refused = not_performed(&format!("chip_refused:{status:04X}"));
            assert_eq!(reason(&evidence, "active_authentication"), refused);
            assert_eq!((asked, word(&evidence, &trust())), (vec![1], expected), "{status:04X}");
        }
    }
}

#[test]
fn aa_truncated() {
    let case = case(include_str!("../vectors/field-cases/aa-truncated.json"));
    let expected = "shorter than the modulus: asked again with another Le, then not_performed; genuine when chip \
                    authentication passed, else undecided";
    assert_eq!((&case["expected"], &case["answer"]["data"]), (&expected.into(), &"signature[0..231]".into()));
    for (length, active_only, expected) in [
        (231, false, Word::Proved),
        (231, true, Word::Unproved),
        (0, true, Word::Unproved),
        (255, true, Word::Unproved),
    ] {
        let mut chip = chip(AN, Make::default(), &[Quirk::ActiveTruncated(length)], active_only);
        let (evidence, asked) = whole(&mut chip, AN, &[ACTIVE]);
        assert_eq!(reason(&evidence, "active_authentication"), not_performed("answer_short"));
        // Extended as usual, Le 256, extended with the exact length.
        assert_eq!((asked, word(&evidence, &trust())), (vec![3], expected), "{length}");
    }
}

#[test]
fn ca_refused() {
    let case = case(include_str!("../vectors/field-cases/ca-refused.json"));
    let expected = "other form tried (KAT), then not_performed with the status word; genuine by active authentication";
    assert_eq!((&case["expected"], &case["when"]["ins"]), (&expected.into(), &serde_json::json!(["22", "86"])));
    for status in statuses(&case) {
        // The other form is there for 3DES only: after MSE:Set KAT comes MSE:Set AT, and the other way round.
        for (make_id, ins, asked) in [
            ("cccd", MSE, [1, 0]),
            ("cccd", GENERAL_AUTHENTICATE, [1, 1]),
            ("ca-kat", MSE, [2, 0]),
            ("ca-3des-at", MSE, [2, 0]),
            ("ca-3des-at", GENERAL_AUTHENTICATE, [2, 1]),
            ("ca-key-only", MSE, [2, 0]),
        ] {
            let mut chip = chip(AN, make(make_id), &[Quirk::ChipRefused { ins, status }], false);
            let (evidence, counts) = whole(&mut chip, AN, &[MSE, GENERAL_AUTHENTICATE]);
            let refused = not_performed(&format!("chip_refused:{status:04X}"));
            assert_eq!(reason(&evidence, "chip_authentication"), refused, "{make_id}");
            assert_eq!(reason(&evidence, "active_authentication"), (Outcome::Passed, None));
            assert_eq!((&counts[..], word(&evidence, &trust())), (&asked[..], Word::Proved), "{make_id} {ins:02X}");
        }
    }
}

#[test]
fn a_signature_in_two_parts_is_fetched() {
    let mut chip = chip(AN, Make::default(), &[Quirk::ActiveInParts], true);
    let (evidence, asked) = whole(&mut chip, AN, &[ACTIVE, GET_RESPONSE]);
    assert_eq!((asked, word(&evidence, &trust())), (vec![1, 1], Word::Proved));
}

/// What the chip took when files were read says nothing about its signature.
#[test]
fn a_learnt_read_size_argues_no_proof_away() {
    for max_response in [256, 65_536] {
        let mut chip = chip(AN, Make::default(), &[Quirk::ActiveExactLength], true);
        let small = emrtd::file::ReadSize { short: 24, extended: 24 };
        let plan = Plan { read_size: Some(small), max_response, ..plan(AN, AccessPolicy::Auto) };
        let evidence = read(&mut chip, plan).expect("read");
        assert_eq!(word(&evidence, &trust()), Word::Proved, "{max_response}");
    }
    // A strict chip cannot answer in short form: it was asked, and says so itself.
    let mut chip = chip(AN, Make::default(), &[], false);
    let plan = Plan { max_response: 256, ..plan(AN, AccessPolicy::Auto) };
    let evidence = read(&mut chip, plan).expect("read");
    assert_eq!(reason(&evidence, "active_authentication"), not_performed("chip_refused:6700"));
    assert_eq!(word(&evidence, &trust()), Word::Proved, "by chip authentication");
}

/// EF.DG14 of the card, which also offers AES-256 so many times; this chip does not know it.
fn offering_aes_256(times: usize) -> Vec<(u16, Vec<u8>)> {
    let aes_256 = [0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x03, 0x02, 0x04];
    let offer = encode(0x30, &[encode(0x06, &aes_256), encode(0x02, &[1])].concat());
    issued(AN, Make::default(), Oddity::None, |groups| {
        let set = emrtd::tlv::first(&groups[&14], 0x6E).expect("EF.DG14").value.to_vec();
        let infos = emrtd::tlv::first(&set, 0x31).expect("SET").value;
        groups.insert(14, encode(0x6E, &encode(0x31, &[infos, &offer.repeat(times)].concat())));
    })
}

#[test]
fn a_chip_that_refuses_the_best_offer_is_asked_for_the_next() {
    let mut chip = chip(AN, Make::default(), &[], false);
    put(&mut chip, &offering_aes_256(1));
    let (evidence, asked) = whole(&mut chip, AN, &[MSE]);
    assert_eq!(reason(&evidence, "chip_authentication"), (Outcome::Passed, None));
    assert_eq!(asked, [2]);
}

#[test]
fn a_file_with_many_offers_keeps_nobody_busy() {
    let mut chip = chip(AN, Make::default(), &[], false);
    put(&mut chip, &offering_aes_256(100));
    let (evidence, asked) = whole(&mut chip, AN, &[MSE]);
    assert_eq!(reason(&evidence, "chip_authentication"), not_performed("chip_refused:6A80"));
    assert_eq!(asked, [4]);
}

#[test]
fn only_a_signature_that_fits_no_short_answer_is_argued_away() {
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(3072).expect("key")).expect("key");
    let dg15 = encode(0x6F, &key.public_key_to_der().expect("DER"));
    let files = issued(AN, Make::default(), Oddity::None, |groups| drop(groups.insert(15, dg15)));
    for (max_response, expected) in [(256, "signature_needs_extended_length"), (65_536, "answer_short")] {
        let mut chip = chip(AN, Make::default(), &[], false);
        put(&mut chip, &files);
        let plan = Plan { max_response, ..plan(AN, AccessPolicy::Auto) };
        let evidence = read(&mut chip, plan).expect("read");
        assert_eq!(reason(&evidence, "active_authentication"), not_performed(expected));
    }
}

/// A read that ends in the middle says what it did not come to.
#[test]
fn a_read_that_broke_off_vouches_for_nobody() {
    let mut chip = chip(AN, Make::default(), &[], false);
    let mut session = Session::new(plan(AN, AccessPolicy::Auto), Box::new(SystemEntropy));
    while let Ok(Action::Transmit(command)) = session.next() {
        let Answer::Response(mut answer) = chip.transmit(&command) else { panic!("lifted") };
        if session.progress().phase == Phase::File(FileId::Dg(14)) {
            answer = vec![0x69, 0x88];
        }
        if session.feed(&answer).is_err() {
            break;
        }
    }
    let evidence = session.into_evidence().expect("opened");
    assert!(evidence.content(FileId::Dg(13)).is_some());
    let verification = verify(&evidence, &trust());
    assert_eq!(verification.missing, [2, 14, 15]);
    assert_eq!(answers(&verification).word(), Word::Unproved);
}

/// A session that is dropped after chip authentication accuses nobody, and what was read before stays.
#[test]
fn a_bare_answer_to_the_first_command_under_the_new_keys_is_a_lost_session() {
    for (active_only, expected) in [(false, Word::Proved), (true, Word::Proved)] {
        let mut chip = chip(AN, Make::default(), &[Quirk::BareConfirm(0x6988)], active_only);
        let (evidence, _) = whole(&mut chip, AN, &[]);
        let reason = reason(&evidence, "chip_authentication");
        assert_eq!(reason, not_performed(if active_only { "no_dg14" } else { "session_lost:6988" }));
        assert!(evidence.content(FileId::Dg(2)).is_some());
        assert_eq!(word(&evidence, &trust()), expected);
    }
    let quirks = [Quirk::BareConfirm(0x6988), Quirk::ActiveRefused(0x6985)];
    let (evidence, _) = whole(&mut chip(AN, Make::default(), &quirks, false), AN, &[]);
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
        let mut chip = chip(AN, Make::default(), &[], false);
        let mut session = Session::new(plan(AN, AccessPolicy::Auto), Box::new(SystemEntropy));
        while let Action::Transmit(command) = session.next().expect("command") {
            let sent = session.progress().phase;
            let Answer::Response(honest) = chip.transmit(&command) else { panic!("lifted") };
            // READ BINARY under the new keys.
            let confirms = sent == Phase::ChipAuthentication && command[1] == 0xB0;
            session.feed(if confirms { &answer } else { &honest }).expect("accepted");
        }
        let evidence = session.into_evidence().expect("opened");
        assert_eq!(self::reason(&evidence, "chip_authentication"), not_performed(reason));
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
        assert_eq!(answers(&verification).word(), Word::Unproved);
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
    assert_eq!(answers(&verification).word(), Word::Unproved);
    // Another card's EF.CardSecurity and key beside the files of a victim.
    let (victim, other) = (mapped(AN, None), mapped(BINH, None));
    let mut spliced = victim.clone();
    spliced.pace_cam = other.pace_cam.clone();
    spliced.files.insert(FileId::CardSecurity, other.files[&FileId::CardSecurity].clone());
    let verification = verify(&spliced, &trust());
    let differs = Some("card_security_differs_from_dg14");
    assert_eq!(found(&verification, "card_security"), (Outcome::Remark, differs));
    assert_eq!(found(&verification, "pace_cam"), (Outcome::NotPerformed, differs));
    assert_eq!(answers(&verification).word(), Word::Unproved);
    // Only the answer of another card: wrong, under a key that is bound.
    let mut wrong = victim.clone();
    wrong.pace_cam = other.pace_cam.clone();
    let verification = verify(&wrong, &trust());
    assert_eq!(found(&verification, "pace_cam"), (Outcome::Failed, Some("wrong_answer")));
    assert_eq!(answers(&verification).word(), Word::NotGenuine);
    // Part of an answer accuses nobody.
    let mut short = victim;
    let Proof::Answered(data) = &mut short.pace_cam else { panic!("answered") };
    data.data.truncate(20);
    let verification = verify(&short, &trust());
    assert_eq!(found(&verification, "pace_cam"), (Outcome::NotPerformed, Some("answer_short")));
    assert_eq!(answers(&verification).word(), Word::Unproved);
}

#[test]
fn mapping_without_a_dg14_that_repeats_the_key_is_followed_by_chip_authentication() {
    // EF.DG14 has the key of chip authentication only: the last entry, that of mapping, is left out.
    let files = issued(AN, make("cam"), Oddity::None, |groups| {
        let set = emrtd::tlv::first(&groups[&14], 0x6E).expect("EF.DG14").value.to_vec();
        let mut infos = emrtd::tlv::first(&set, 0x31).expect("SET").children();
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
        assert_eq!(answers(&verification).word(), Word::Unproved, "{reason}");
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
    let mut chip = chip(AN, Make::default(), &[], false);
    let plan = Plan { data_groups: vec![1], ..plan(AN, AccessPolicy::Auto) };
    let evidence = read(&mut chip, plan).expect("read");
    assert_eq!(word(&evidence, &trust()), Word::Proved);
    assert!(evidence.content(FileId::Dg(2)).is_none() && evidence.not_read.is_empty());
}

#[test]
fn without_dg1_or_with_a_group_kept_back_nobody_is_vouched_for() {
    let honest = read(&mut chip(AN, Make::default(), &[], false), plan(AN, AccessPolicy::Auto)).expect("read");
    let complete = verify(&honest, &trust());
    assert!(complete.is_complete() && complete.missing.is_empty());
    for (number, reason) in [(1, "absent"), (2, "denied"), (13, "not_reached")] {
        let mut evidence = honest.clone();
        evidence.files.remove(&FileId::Dg(number));
        evidence.not_read.insert(FileId::Dg(number), reason.to_owned());
        let verification = verify(&evidence, &trust());
        assert_eq!(verification.missing, [number]);
        assert_eq!(found(&verification, &format!("dg_hash.{number}")).1, Some("listed_but_not_given"));
        assert_eq!((verification.issuer, answers(&verification).word()), (verdict::Issuer::Unchecked, Word::Unproved));
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
        let mut chip = chip(AN, Make::default(), &[], false);
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
