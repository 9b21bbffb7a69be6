//! The card is strict, and the terminal opens it: whole reads in one process, without a reader.

mod support;

use emrtd::hazmat::tlv::encode;
use emrtd::{AccessPolicy, Action, Evidence, Interrupted, Outcome, Session, SystemEntropy};
use support::{issued, plan, put, read, trust, verify, word};
use verdict::Word;
use virtual_card::issuer::Oddity;
use virtual_card::{Answer, Chip, Fault, Make, PERSONAS, Persona};

#[test]
fn every_persona_is_genuine_with_pace_and_with_bac() {
    let trust = trust();
    for persona in &PERSONAS {
        for access in [AccessPolicy::Pace, AccessPolicy::Bac] {
            let mut chip = Chip::new(persona, Fault::None).expect("card");
            let evidence = read(&mut chip, plan(persona, access)).unwrap_or_else(|e| panic!("{}: {e:?}", persona.id));
            let verification = verify(&evidence, &trust);
            let (answers, checks) = (verification.answers(), verification.checks);
            assert_eq!(answers.word(), Word::Proved, "{} {access:?}: {checks:#?}", persona.id);
            let stored = Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence");
            assert_eq!(stored.document(), evidence.document(), "{}", persona.id);
            assert_eq!(verify(&stored, &trust).checks, checks, "{}", persona.id);
        }
    }
}

#[test]
fn nothing_is_given_before_access() {
    let mut chip = Chip::new(&PERSONAS[0], Fault::None).expect("card");
    let mut send = |hex: &str| match chip.transmit(&hex::decode(hex).expect("hex")) {
        Answer::Response(bytes) => hex::encode_upper(bytes),
        Answer::Lifted => panic!("lifted"),
    };
    assert_eq!(send("00A4000C023F00"), "6D00");
    assert_eq!(send("00A4020C02011C"), "9000");
    assert!(send("00B0000000").ends_with("9000"));
    assert_eq!(send("00A4040C07A0000002471001"), "9000");
    assert_eq!(send("00A4020C02011C"), "6A82");
    for (file, answer) in [("0101", "6982"), ("0102", "6982"), ("0103", "6982"), ("010B", "6A82"), ("011D", "6982")] {
        assert_eq!(send(&format!("00A4020C02{file}")), answer, "{file}");
    }
    assert_eq!(send("00B0810000"), "6982");
    assert_eq!(send("0088000008000000000000000000"), "6982");
    assert_eq!(send("002241A40C800A04007F00070202030202"), "6A80");
    assert_eq!(send("00B0"), "6700");
}

#[test]
fn faults_show_in_the_checks() {
    let trust = trust();
    let persona = &PERSONAS[0];
    for (fault, check, outcome, reason, expected) in [
        (Fault::Cloned, "active_authentication", Outcome::Failed, "wrong_answer", Word::NotGenuine),
        (Fault::Cloned, "chip_authentication", Outcome::Failed, "wrong_answer", Word::NotGenuine),
        (Fault::Stripped, "dg_hash.15", Outcome::NotPerformed, "listed_but_not_given", Word::Unproved),
        (Fault::Stripped, "dg_hash.14", Outcome::NotPerformed, "listed_but_not_given", Word::Unproved),
        (Fault::Altered(13), "dg_hash.13", Outcome::Failed, "hash_differs", Word::NotGenuine),
        (Fault::Altered(2), "dg_hash.2", Outcome::Failed, "hash_differs", Word::NotGenuine),
        (Fault::SelfMadeCsca, "dsc_chain", Outcome::NotPerformed, "issuer_key_unknown", Word::Signed),
        (Fault::ExpiredDsc, "dsc_validity", Outcome::Failed, "dsc_expired", Word::NotGenuine),
        (Fault::RevokedDsc, "dsc_revocation", Outcome::Failed, "dsc_revoked", Word::NotGenuine),
        (Fault::NoCloneCheck, "active_authentication", Outcome::NotPerformed, "no_dg15", Word::Unproved),
    ] {
        let mut chip = Chip::new(persona, fault).expect("card");
        let evidence = read(&mut chip, plan(persona, AccessPolicy::Auto)).expect("read");
        let checks = verify(&evidence, &trust).checks;
        let found = checks.iter().find(|c| c.id == check).unwrap_or_else(|| panic!("{check}"));
        assert_eq!((found.outcome, found.reason.as_deref()), (outcome, Some(reason)), "{fault:?}");
        assert_eq!(word(&evidence, &trust), expected, "{fault:?}");
    }
}

#[test]
fn other_makes_of_chip_are_read_too() {
    let persona = &PERSONAS[0];
    for (fault, protocol, fallback) in [
        (Fault::NoPace, "BAC", Some("pace_not_offered")),
        (Fault::HiddenCardAccess, "PACE-ECDH-GM-AES-CBC-CMAC-128", Some("card_access_assumed")),
        (Fault::NoExtendedLength, "PACE-ECDH-GM-AES-CBC-CMAC-128", None),
    ] {
        let mut chip = Chip::new(persona, fault).expect("card");
        let mut plan = plan(persona, AccessPolicy::Auto);
        if fault == Fault::HiddenCardAccess {
            plan.card_access_fallback = Some(hex::decode("31143012060a04007f0007020204020202010202010d").expect("hex"));
        }
        if fault == Fault::NoExtendedLength {
            plan.max_response = 256;
        }
        let evidence = read(&mut chip, plan).unwrap_or_else(|e| panic!("{fault:?}: {e:?}"));
        assert_eq!(evidence.access.protocol, protocol);
        assert_eq!(evidence.access.fallback.as_deref(), fallback);
    }
}

/// EF.CardAccess may offer what the chip then refuses: the next of its offers is tried.
#[test]
fn the_next_offer_of_pace_is_tried_where_the_best_is_refused() {
    let persona = &PERSONAS[0];
    let offer = |cipher: u8| {
        let oid = [0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, cipher];
        let parts = [encode(0x06, &oid), encode(0x02, &[2]), encode(0x02, &[13])];
        encode(0x30, &parts.concat())
    };
    let mut chip = Chip::new(persona, Fault::None).expect("card");
    chip.set_file(0x011C, encode(0x31, &[offer(4), offer(3), offer(2)].concat()));
    let evidence = read(&mut chip, plan(persona, AccessPolicy::Pace)).expect("read");
    assert_eq!(evidence.access.protocol, "PACE-ECDH-GM-AES-CBC-CMAC-128");
    assert_eq!(evidence.access.fallback, None);
}

#[test]
fn a_wrong_password_says_so() {
    for access in [AccessPolicy::Pace, AccessPolicy::Bac, AccessPolicy::Auto] {
        let mut chip = Chip::new(&PERSONAS[0], Fault::WrongPassword).expect("card");
        let error = read(&mut chip, plan(&PERSONAS[0], access)).expect_err("no access");
        assert_eq!(error.code(), "wrong_access_key", "{access:?}");
    }
}

#[test]
fn garbage_is_never_believed() {
    let mut chip = Chip::new(&PERSONAS[0], Fault::Garbage).expect("card");
    let error = read(&mut chip, plan(&PERSONAS[0], AccessPolicy::Auto)).expect_err("no read");
    assert_eq!(error.code(), "secure_messaging_failed");
}

/// Reads until the card leaves; then what there is to go on from.
#[allow(clippy::result_large_err, reason = "a test")]
fn read_until_lifted(chip: &mut Chip, mut session: Session) -> Result<Evidence, Option<Interrupted>> {
    while let Action::Transmit(command) = session.next().expect("command") {
        match chip.transmit(&command) {
            Answer::Response(bytes) => session.feed(&bytes).expect("accepted"),
            Answer::Lifted => return Err(session.interrupt()),
        }
    }
    Ok(session.into_evidence().expect("opened"))
}

fn begin(persona: &Persona, interrupted: Option<Interrupted>) -> Session {
    let (plan, entropy) = (plan(persona, AccessPolicy::Auto), Box::new(SystemEntropy));
    match interrupted {
        Some(interrupted) => Session::resume(plan, entropy, interrupted),
        None => Session::new(plan, entropy),
    }
}

#[test]
fn a_card_lifted_anywhere_and_put_back_is_read_on() {
    let trust = trust();
    let persona = &PERSONAS[0];
    let mut resumed = 0;
    for lifted_after in (100..24_000).step_by(397) {
        let mut chip = Chip::new(persona, Fault::Lifted(lifted_after)).expect("card");
        let Err(interrupted) = read_until_lifted(&mut chip, begin(persona, None)) else { continue };
        let expected = interrupted.as_ref().is_some_and(|interrupted| interrupted.files() > 0);
        chip.put_back();
        let mut session = begin(persona, interrupted);
        let mut bytes = 0;
        while let Action::Transmit(command) = session.next().expect("command") {
            let Answer::Response(answer) = chip.transmit(&command) else { panic!("lifted again") };
            bytes += answer.len();
            session.feed(&answer).expect("accepted");
        }
        assert_eq!(session.is_resumed(), expected, "lifted after {lifted_after}");
        if expected {
            resumed += 1;
            // What was there is not read again, but for the answer that the lift cut off: access, SOD and proofs
            // cost under 4 KiB, an answer 4 KiB, the whole card 22 KiB.
            assert!(bytes < 30_000 - lifted_after, "lifted after {lifted_after}: {bytes} bytes more");
        }
        let evidence = session.into_evidence().expect("opened");
        assert_eq!(
            word(&evidence, &trust),
            Word::Proved,
            "lifted after {lifted_after}: {:#?}",
            verify(&evidence, &trust)
        );
    }
    assert!(resumed > 40, "{resumed} reads were resumed");
}

/// A reader that says it takes long answers, and loses those of more than `most` bytes: to the terminal the card has left.
/// How often it came back until it was read, and how many bytes one answer had at most then.
fn read_through(chip: &mut Chip, persona: &Persona, most: usize) -> (Evidence, usize, usize) {
    let (mut session, mut losses, mut longest) = (begin(persona, None), 0, 0);
    while let Action::Transmit(command) = session.next().expect("command") {
        let Answer::Response(answer) = chip.transmit(&command) else { panic!("the card has not left") };
        longest = longest.max(answer.len());
        if answer.len() <= most {
            session.feed(&answer).expect("accepted");
        } else {
            (losses, longest) = (losses + 1, 0);
            assert!(losses <= 5, "the agent gives up after the fifth time");
            chip.reset();
            session = begin(persona, session.interrupt());
        }
    }
    (session.into_evidence().expect("opened"), losses, longest)
}

#[test]
fn a_reader_that_loses_long_answers_is_asked_for_short_ones() {
    let (trust, persona) = (trust(), &PERSONAS[0]);
    for most in [258, 384, 1000, 2000, 4000] {
        let mut chip = Chip::new(persona, Fault::None).expect("card");
        let (evidence, losses, longest) = read_through(&mut chip, persona, most);
        assert_eq!(word(&evidence, &trust), Word::Proved, "{most}");
        assert_eq!((losses, longest <= 258), (2, true), "{most}: the second loss is no lift");
    }
    let mut chip = Chip::new(persona, Fault::None).expect("card");
    let (_, losses, longest) = read_through(&mut chip, persona, 65_538);
    assert!(losses == 0 && longest > 384, "the card has answers that such a reader loses");
}

#[test]
fn another_card_put_back_is_not_spliced() {
    let trust = trust();
    let (first, second) = (&PERSONAS[0], &PERSONAS[1]);
    let mut chip = Chip::new(first, Fault::Lifted(12_000)).expect("card");
    let interrupted = read_until_lifted(&mut chip, begin(first, None)).expect_err("lifted");
    assert!(interrupted.is_some());
    let mut other = Chip::new(second, Fault::None).expect("card");
    let evidence = read_until_lifted(&mut other, begin(second, interrupted)).expect("read");
    let mrz = emrtd::lds::dg1::parse(evidence.content(emrtd::FileId::Dg(1)).expect("EF.DG1")).expect("MRZ");
    assert_eq!(mrz.document_number, second.mrz_fields().0, "every file is the second card's");
    assert_eq!(word(&evidence, &trust), Word::Proved);
}

/// What one chip proved says nothing of the one that is there now.
#[test]
fn a_copy_put_down_for_a_lifted_card_is_a_copy() {
    let trust = trust();
    let persona = &PERSONAS[0];
    // A card whose only proof is active authentication, and a copy of it: the same files, another key.
    let files = issued(persona, Make::default(), Oddity::None, |groups| drop(groups.remove(&14)));
    let mut chip = Chip::new(persona, Fault::Lifted(12_000)).expect("card");
    put(&mut chip, &files);
    let interrupted = read_until_lifted(&mut chip, begin(persona, None)).expect_err("lifted");
    assert!(interrupted.is_some());
    let mut copy = Chip::new(persona, Fault::Cloned).expect("card");
    put(&mut copy, &files);
    let mut session = begin(persona, interrupted);
    while let Action::Transmit(command) = session.next().expect("command") {
        let Answer::Response(answer) = copy.transmit(&command) else { panic!("lifted") };
        session.feed(&answer).expect("accepted");
    }
    assert!(session.is_resumed());
    let verification = verify(&session.into_evidence().expect("opened"), &trust);
    assert_eq!(verification.chip, verdict::Chip::Copy, "{:#?}", verification.checks);
    // The genuine card put back is what it was.
    let interrupted = {
        let mut chip = Chip::new(persona, Fault::Lifted(12_000)).expect("card");
        put(&mut chip, &files);
        read_until_lifted(&mut chip, begin(persona, None)).expect_err("lifted")
    };
    chip.put_back();
    let evidence = read_until_lifted(&mut chip, begin(persona, interrupted)).expect("read");
    assert_eq!(word(&evidence, &trust), Word::Proved);
}

/// EF.CardSecurity is read with PACE, so it is the one of the session, not of the one before.
#[test]
fn what_opened_the_chip_is_not_taken_over() {
    let persona = &PERSONAS[0];
    let cam = *Make::find("cam").expect("make");
    let mut chip = Chip::with_make(persona, Fault::Lifted(12_000), cam).expect("card");
    let interrupted = read_until_lifted(&mut chip, begin(persona, None)).expect_err("lifted");
    chip.put_back();
    chip.set_file(0x3F1D, encode(0x30, b"another"));
    let evidence = read_until_lifted(&mut chip, begin(persona, interrupted)).expect("read");
    let file = evidence.content(emrtd::FileId::CardSecurity);
    assert_eq!(file, Some(&encode(0x30, b"another")[..]));
}

/// What is asked again is asked of chips that want it so; the others are read as fast as before.
#[test]
fn a_plain_card_is_read_with_26_commands() {
    let mut chip = Chip::new(&PERSONAS[0], Fault::None).expect("card");
    let mut session = begin(&PERSONAS[0], None);
    let mut commands = 0;
    while let Action::Transmit(command) = session.next().expect("command") {
        let Answer::Response(answer) = chip.transmit(&command) else { panic!("lifted") };
        session.feed(&answer).expect("accepted");
        commands += 1;
    }
    assert_eq!(commands, 26);
}

/// Beyond 32,767 bytes an offset does not fit READ BINARY with even INS (ISO/IEC 7816-4 §11.3.3).
#[test]
fn files_beyond_32_kibibytes_are_read_whole() {
    let persona = &PERSONAS[0];
    for max_response in [256, 65_536] {
        for access in [AccessPolicy::Pace, AccessPolicy::Bac] {
            let mut chip = Chip::new(persona, Fault::None).expect("card");
            let content: Vec<u8> = (0..70_000u32).map(|n| (n % 251) as u8).collect();
            let file = encode(0x75, &content);
            chip.set_file(0x0102, file.clone());
            let plan = plan(persona, access).with_max_response(max_response);
            let evidence = read(&mut chip, plan).expect("read");
            assert_eq!(evidence.content(emrtd::FileId::Dg(2)), Some(&file[..]), "{max_response} {access:?}");
        }
    }
}
