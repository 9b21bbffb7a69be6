//! Chips of the field that dislike a length, refuse or cut (`vectors/field-cases`), and others of their kind: each is
//! asked in another way before it counts as one that proved nothing, and none is accused.

mod support;

use emrtd::hazmat::tlv::encode;
use emrtd::lds::Sod;
use emrtd::{AccessPolicy, Evidence, Expected, Manner, Outcome, Password, Plan};
use serde_json::Value;
use support::tolerable::drive;
use support::{AN, BINH, chip, issued, make, not_performed, plan, put, read, reason, trust, verify, whole, word};
use verdict::Word;
use virtual_card::issuer::Oddity;
use virtual_card::manners::{Above, ActiveProof, ChipProof, Largest, Pace as PaceEnd, PastEnd, Refused};
use virtual_card::personalise::Card;
use virtual_card::{Fault, Make, Manners};

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

#[test]
fn aa_exact_length() {
    let case = case(include_str!("../vectors/field-cases/aa-exact-length.json"));
    assert_eq!(case["expected"], "asked again with that Le; active_authentication passed; genuine");
    // A signature of 256 bytes is named as 6C00, one of 64 as 6C40.
    for persona in [AN, BINH] {
        let mut chip = chip(persona, Make::default(), ActiveProof::ExactOnly, false);
        let (evidence, asked) = whole(&mut chip, persona, &[ACTIVE]);
        assert_eq!(reason(&evidence, "active_authentication"), (Outcome::Passed, None), "{}", persona.id);
        assert_eq!((asked, word(&evidence, &trust())), (vec![2], Word::Proved), "{}", persona.id);
    }
}

#[test]
fn aa_empty_on_extended() {
    let case = case(include_str!("../vectors/field-cases/aa-empty-on-extended.json"));
    assert_eq!((&case["expected"], &case["when"]["le_above"]), (&"asked again with Le 256".into(), &256.into()));
    let mut chip = chip(AN, Make::default(), ActiveProof::EmptyOnExtended, false);
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
            let mut chip = chip(AN, Make::default(), ActiveProof::Refused(Refused::protected(status)), active_only);
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
        let mut chip = chip(AN, Make::default(), ActiveProof::Truncated(length), active_only);
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
            let mut chip = chip(AN, make(make_id), ChipProof::Refused(ins, Refused::protected(status)), false);
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
    let mut chip = chip(AN, Make::default(), ActiveProof::InParts, true);
    let (evidence, asked) = whole(&mut chip, AN, &[ACTIVE, GET_RESPONSE]);
    assert_eq!((asked, word(&evidence, &trust())), (vec![1, 1], Word::Proved));
}

/// What the chip took when files were read says nothing about its signature.
#[test]
fn a_learnt_read_size_argues_no_proof_away() {
    for max_response in [256, 65_536] {
        let mut chip = chip(AN, Make::default(), ActiveProof::ExactOnly, true);
        let card = Card::new(AN, Fault::None).expect("card");
        let (_, sod) = card.files().find(|(id, _)| *id == 0x011D).expect("EF.SOD");
        let signer = Sod::parse(sod).expect("EF.SOD").signer_fingerprint().expect("a signer");
        let expected = Some(Expected::new(Manner::sized(96, 96), signer));
        let plan = plan(AN, AccessPolicy::Auto).with_expected(expected).with_max_response(max_response);
        let evidence = read(&mut chip, plan).expect("read");
        assert_eq!(word(&evidence, &trust()), Word::Proved, "{max_response}");
    }
    // A strict chip cannot answer in short form: it was asked, and says so itself.
    let mut chip = chip(AN, Make::default(), Manners::default(), false);
    let plan = plan(AN, AccessPolicy::Auto).with_max_response(256);
    let evidence = read(&mut chip, plan).expect("read");
    assert_eq!(reason(&evidence, "active_authentication"), not_performed("chip_refused:6700"));
    assert_eq!(word(&evidence, &trust()), Word::Proved, "by chip authentication");
}

/// EF.DG14 of the card, which also offers AES-256 so many times; this chip does not know it.
fn offering_aes_256(times: usize) -> Vec<(u16, Vec<u8>)> {
    let aes_256 = [0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x03, 0x02, 0x04];
    let offer = encode(0x30, &[encode(0x06, &aes_256), encode(0x02, &[1])].concat());
    issued(AN, Make::default(), Oddity::None, |groups| {
        let set = emrtd::hazmat::tlv::first(&groups[&14], 0x6E).expect("EF.DG14").value.to_vec();
        let infos = emrtd::hazmat::tlv::first(&set, 0x31).expect("SET").value;
        groups.insert(14, encode(0x6E, &encode(0x31, &[infos, &offer.repeat(times)].concat())));
    })
}

#[test]
fn a_chip_that_refuses_the_best_offer_is_asked_for_the_next() {
    let mut chip = chip(AN, Make::default(), Manners::default(), false);
    put(&mut chip, &offering_aes_256(1));
    let (evidence, asked) = whole(&mut chip, AN, &[MSE]);
    assert_eq!(reason(&evidence, "chip_authentication"), (Outcome::Passed, None));
    assert_eq!(asked, [2]);
}

#[test]
fn a_file_with_many_offers_keeps_nobody_busy() {
    let mut chip = chip(AN, Make::default(), Manners::default(), false);
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
        let mut chip = chip(AN, Make::default(), Manners::default(), false);
        put(&mut chip, &files);
        let plan = plan(AN, AccessPolicy::Auto).with_max_response(max_response);
        let evidence = read(&mut chip, plan).expect("read");
        assert_eq!(reason(&evidence, "active_authentication"), not_performed(expected));
    }
}

/// A whole read of a chip with these manners, which resets when it has to: the evidence, and the commands.
fn driven(manners: impl Into<Manners>, plan: Plan) -> (Evidence, usize) {
    let mut chip = chip(AN, Make::default(), manners, false);
    let read = drive(&mut chip, plan);
    let evidence = read.evidence.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(word(&evidence, &trust()), Word::Proved, "{:#?}", verify(&evidence, &trust()).checks);
    assert!(evidence.not_read.is_empty(), "{:?}", evidence.not_read);
    (evidence, read.commands)
}

#[test]
fn pace_token_refused_bac_works() {
    let case = case(include_str!("../vectors/field-cases/pace-token-refused-bac-works.json"));
    assert_eq!(
        (&case["expected"], &case["answer"]["sw"]),
        (&"BAC with the same MRZ, fallback recorded".into(), &"6300".into())
    );
    let mut plan = plan(AN, AccessPolicy::Auto);
    plan.passwords.retain(|password| matches!(password, Password::Mrz(_)));
    let (evidence, _) = driven(PaceEnd::TokenRefused, plan.clone());
    assert_eq!((evidence.access.protocol.as_str(), evidence.access.password.as_str()), ("BAC", "MRZ"));
    assert!(evidence.access.fallback.is_some());
    // Where the policy is PACE, a refused token is what it was.
    let mut chip = chip(AN, Make::default(), PaceEnd::TokenRefused, false);
    let error = read(&mut chip, plan.with_access(AccessPolicy::Pace)).expect_err("no access");
    assert_eq!(error.code(), "wrong_access_key");
}

#[test]
fn read_length_limit_plain() {
    let case = case(include_str!("../vectors/field-cases/read-length-limit-plain.json"));
    assert_eq!((&case["expected"], &case["when"]["le_above"]), (&"opened anew and read with 160".into(), &160.into()));
    for status in statuses(&case) {
        for most in [160, 192] {
            let manner = Largest::Limited(most, Above::Refused(Refused::bare(status)));
            let (_, commands) = driven(manner, plan(AN, AccessPolicy::Auto));
            // 21,057 bytes in answers of 160, and what it takes to find that out.
            assert!((130..190).contains(&commands), "{status:04X} {most}: {commands}");
        }
    }
}

#[test]
fn read_past_end_6b00_protected() {
    let case = case(include_str!("../vectors/field-cases/read-past-end-6b00-protected.json"));
    let expected = "header first, then exact lengths: as many commands as before";
    assert_eq!((&case["expected"], &case["answer"]["sw"]), (&expected.into(), &"6B00".into()));
    let plan = plan(AN, AccessPolicy::Auto);
    let (_, plain) = driven(Manners::default(), plan.clone());
    let (_, commands) = driven(PastEnd::Refused(Refused::protected(0x6B00)), plan);
    // Once refused, the first file that is shorter than a short answer costs a command; each after it a header.
    assert!(commands <= plain + 5, "{commands} instead of {plain}");
}

#[test]
fn read_past_end_plain() {
    let case = case(include_str!("../vectors/field-cases/read-past-end-plain.json"));
    let expected = "session opened anew, header read with a small Le first, then exact lengths; read";
    assert_eq!((&case["expected"], &case["answer"]["session"]), (&expected.into(), &"dropped".into()));
    for status in statuses(&case) {
        for access in [AccessPolicy::Pace, AccessPolicy::Bac] {
            let (_, commands) = driven(PastEnd::Refused(Refused::bare(status)), plan(AN, access));
            assert!(commands < 60, "{status:04X} {access:?}: {commands}");
        }
    }
}
