//! Other makes of chip than the CCCD: every form of chip authentication, PACE with chip-authentication mapping,
//! terminal authentication, PACE on every curve.

mod support;

use emrtd::{
    AccessPolicy, Error, Evidence, FileId, Outcome, Plan, Proof, SigningRequest, TerminalAlgorithm,
    TerminalCertificates,
};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::PKey;
use support::{check, plan, read, read_signing, trust, verify, word};
use verdict::Word;
use virtual_card::make::CURVES;
use virtual_card::{Chip, Fault, MAKES, Make, PERSONAS, eac};

#[test]
fn every_make_is_genuine_and_its_copy_is_not() {
    let trust = trust();
    let persona = &PERSONAS[0];
    for make in MAKES {
        for access in [AccessPolicy::Pace, AccessPolicy::Bac] {
            let mut chip = Chip::with_make(persona, Fault::None, make).expect("card");
            let evidence = read(&mut chip, plan(persona, access)).unwrap_or_else(|e| panic!("{}: {e:?}", make.id));
            let checks = verify(&evidence, &trust).checks;
            assert_eq!(word(&evidence, &trust), Word::Proved, "{} {access:?}: {checks:#?}", make.id);
            let stored = Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence");
            assert_eq!(verify(&stored, &trust).checks, checks, "{}", make.id);
            // What proves the chip, beside active authentication.
            let proof =
                if make.id == "cam" && access == AccessPolicy::Pace { "pace_cam" } else { "chip_authentication" };
            assert_eq!(check(&checks, proof).outcome, Outcome::Passed, "{} {access:?}", make.id);

            let mut copy = Chip::with_make(persona, Fault::Cloned, make).expect("card");
            let evidence = read(&mut copy, plan(persona, access)).unwrap_or_else(|e| panic!("{}: {e:?}", make.id));
            let checks = verify(&evidence, &trust).checks;
            assert_eq!(check(&checks, proof).outcome, Outcome::Failed, "{} {access:?}: {checks:#?}", make.id);
            assert_eq!(verify(&evidence, &trust).chip, verdict::Chip::Copy, "{}", make.id);
            assert_eq!(word(&evidence, &trust), Word::NotGenuine, "{}", make.id);
        }
    }
}

/// Chip-authentication mapping proves the chip by itself: without active authentication the card stays genuine.
#[test]
fn chip_authentication_mapping_spares_chip_authentication() {
    let trust = trust();
    let persona = &PERSONAS[0];
    let mut chip = Chip::with_make(persona, Fault::None, *Make::find("cam").expect("make")).expect("card");
    let plan = plan(persona, AccessPolicy::Pace).with_data_groups(&[1, 14]);
    let mut evidence = read(&mut chip, plan).expect("read");
    assert_eq!(evidence.access.protocol, "PACE-ECDH-CAM-AES-CBC-CMAC-128");
    assert_eq!(evidence.chip_authentication, Proof::NotAsked("pace_cam_proved_it".to_owned()));
    evidence.active_authentication = Proof::NotAsked("left_out".to_owned());
    let checks = verify(&evidence, &trust).checks;
    assert_eq!(word(&evidence, &trust), Word::Proved, "{checks:#?}");
    // Under no anchor the proof counts as far as the signature of EF.SOD does.
    let nobody = emrtd::TrustStore::new();
    let checks = verify(&evidence, &nobody).checks;
    assert_eq!(check(&checks, "pace_cam").outcome, Outcome::Passed);
    assert_eq!(check(&checks, "card_security").reason.as_deref(), Some("no_anchor"));
    assert_eq!(word(&evidence, &nobody), Word::Signed);
    // Every change in the proof or in the file that binds its key shows.
    let Proof::Answered(data) = &evidence.pace_cam else { panic!("answered") };
    for at in 0..data.data.len() {
        let mut changed = evidence.clone();
        let mut data = data.clone();
        data.data[at] ^= 1;
        changed.pace_cam = Proof::Answered(data);
        assert_eq!(word(&changed, &trust), Word::NotGenuine, "byte {at} of the proof");
    }
    let file = evidence.content(FileId::CardSecurity).expect("EF.CardSecurity").to_vec();
    for bit in (0..file.len() * 8).step_by(41) {
        let mut changed = evidence.clone();
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        changed.files.insert(FileId::CardSecurity, emrtd::FileEvidence::Content(file.as_slice().into()));
        let checks = verify(&changed, &trust).checks;
        // Bits that nothing signs, such as those of the signer's name in the SignerInfo, may change.
        if check(&checks, "card_security").outcome == Outcome::Passed {
            assert_eq!(check(&checks, "pace_cam").outcome, Outcome::Passed, "bit {bit}");
        } else {
            assert_eq!(word(&changed, &trust), Word::Unproved, "bit {bit}");
        }
    }
}

/// Files of an inspection system, and a hand that signs with its key.
fn terminal(number: u8) -> (TerminalCertificates, impl Fn(&SigningRequest) -> Option<Vec<u8>>) {
    let files = eac::terminal_files(number).expect("files");
    let certificates = files.iter().filter(|f| f.name.ends_with(".cvcert")).map(|f| f.content.as_slice());
    let certificates = TerminalCertificates::parse(certificates).expect("certificates");
    let pem = files.iter().find(|f| f.name == "terminal.key.pem").expect("key").content.clone();
    let sign = move |request: &SigningRequest| {
        assert_eq!(request.algorithm, TerminalAlgorithm::Ecdsa(emrtd::HashAlgorithm::Sha256));
        let key = PKey::private_key_from_pem(&pem).expect("key").ec_key().expect("key");
        let digest = hash(MessageDigest::sha256(), &request.message).expect("digest");
        let signature = EcdsaSig::sign(&digest, &key).expect("signature");
        let number = |n: &openssl::bn::BigNumRef| n.to_vec_padded(32).expect("width");
        Some([number(signature.r()), number(signature.s())].concat())
    };
    (certificates, sign)
}

fn not_read(evidence: &Evidence, group: u8) -> Option<&str> {
    evidence.not_read.get(&FileId::Dg(group)).map(String::as_str)
}

#[test]
fn terminal_authentication_opens_what_the_chain_allows() {
    let trust = trust();
    let persona = &PERSONAS[0];
    let everything = vec![1, 2, 3, 4, 13, 14, 15];
    for make in ["eac", "eac-dh"] {
        for access in [AccessPolicy::Pace, AccessPolicy::Bac] {
            for (number, opened, unread) in [(1, &[3u8, 4][..], None), (2, &[3], Some("not_authorised"))] {
                let (certificates, sign) = terminal(number);
                let mut chip = Chip::with_make(persona, Fault::None, *Make::find(make).expect("make")).expect("card");
                let data_groups = everything.clone();
                let plan = plan(persona, access).with_data_groups(&data_groups).with_terminal(certificates);
                let evidence = read_signing(&mut chip, plan, sign).expect("read");
                let record = evidence.terminal_authentication.as_ref().expect("record");
                assert_eq!((record.result.as_str(), record.fingerprints), ("granted", true), "{make} {access:?}");
                for group in opened {
                    assert!(evidence.content(FileId::Dg(*group)).is_some(), "{make} EF.DG{group}");
                }
                assert_eq!(not_read(&evidence, 4), unread);
                assert_eq!(word(&evidence, &trust), Word::Proved, "{:#?}", verify(&evidence, &trust).checks);
                // The key to a session that carried biometrics is not stored with it.
                let stored = Evidence::from_cbor(&evidence.to_cbor()).expect("stored evidence");
                let checks = verify(&stored, &trust).checks;
                assert_eq!(check(&checks, "chip_authentication").reason.as_deref(), Some("withheld_biometrics_read"));
                assert_eq!(word(&stored, &trust), Word::Proved, "active authentication remains");
            }
        }
    }
}

#[test]
fn biometrics_stay_closed_without_right_or_wish() {
    let persona = &PERSONAS[0];
    let eac = *Make::find("eac").expect("make");
    let read_with = |plan: Plan, sign: &dyn Fn(&SigningRequest) -> Option<Vec<u8>>| {
        let mut chip = Chip::with_make(persona, Fault::None, eac).expect("card");
        let evidence = read_signing(&mut chip, plan, sign).expect("read");
        assert_eq!(word(&evidence, &trust()), Word::Proved, "{:#?}", verify(&evidence, &trust()).checks);
        evidence
    };
    let wanting =
        |terminal| plan(persona, AccessPolicy::Auto).with_data_groups(&[1, 3, 4, 14, 15]).with_terminal(terminal);
    // Wanted, but the operator has no certificates.
    let evidence = read_with(wanting(None), &|_| None);
    assert_eq!(not_read(&evidence, 3), Some("no_terminal_authentication"));
    // Certificates are there, but the profile asks for no biometrics: the chip is never asked.
    let (certificates, sign) = terminal(1);
    let plan = plan(persona, AccessPolicy::Auto).with_terminal(certificates.clone());
    let evidence = read_with(plan, &|_| panic!("nothing is to be signed"));
    assert_eq!((evidence.terminal_authentication, evidence.not_read.len()), (None, 0));
    // An expired certificate, a missing link, a wrong signature, a token that is away.
    let (expired, sign_expired) = terminal(3);
    let unlinked = eac::terminal_files(1).expect("files");
    let unlinked = unlinked.iter().filter(|f| f.name.ends_with(".cvcert") && !f.name.contains("CVCA"));
    let unlinked = TerminalCertificates::parse(unlinked.map(|f| f.content.as_slice())).expect("certificates");
    let wrong = |request: &SigningRequest| {
        let mut signature = sign(request)?;
        signature[5] ^= 1;
        Some(signature)
    };
    for (certificates, sign, result) in [
        (expired, &sign_expired as &dyn Fn(&SigningRequest) -> Option<Vec<u8>>, "chip_refused"),
        (unlinked, &|_| panic!("nothing is to be signed"), "no_certificate_path"),
        (certificates.clone(), &wrong, "chip_refused"),
        (certificates, &|_| None, "no_signature"),
    ] {
        let evidence = read_with(wanting(Some(certificates)), sign);
        assert_eq!(evidence.terminal_authentication.as_ref().expect("record").result, result);
        assert_eq!(not_read(&evidence, 3), Some("terminal_authentication_failed"));
    }
}

/// PACE on every curve, again and again: fixed-width encodings never fail. `PACE_RUNS` sets how often on each curve
/// (10000 for a soak).
#[test]
fn pace_never_fails_on_any_curve() {
    let runs: usize = std::env::var("PACE_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let persona = &PERSONAS[0];
    for curve in CURVES {
        let variants = [(16, false), (24, true), (32, false), (16, true), (24, false), (32, true)];
        let mut chips = variants.map(|(key_bytes, cam)| {
            (Chip::with_make(persona, Fault::None, Make::with_pace(curve, key_bytes, cam)).expect("card"), cam)
        });
        for run in 0..runs {
            let (chip, cam) = &mut chips[run % variants.len()];
            chip.reset();
            let plan = plan(persona, AccessPolicy::Pace).with_data_groups(&[]);
            let evidence = read(chip, plan);
            let evidence = evidence.unwrap_or_else(|e: Error| panic!("id {} run {run}: {e:?}", curve.id));
            assert!(evidence.content(FileId::Sod).is_some());
            if *cam {
                let Proof::Answered(data) = &evidence.pace_cam else { panic!("answered") };
                let file = evidence.content(FileId::CardSecurity).expect("EF.CardSecurity");
                let security = emrtd::lds::CardSecurity::parse(file).expect("EF.CardSecurity");
                assert!(security.proves(data), "id {} run {run}", curve.id);
            }
        }
    }
}
