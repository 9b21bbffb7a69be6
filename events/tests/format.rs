//! The format: a fixed vector, every refusal, and properties.

use events::event::{Body, Bytes, CheckResult, Decision, Event, VERSION, Verification};
use events::{Chain, EventError, SignedEvent, Verifier};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use proptest::prelude::*;
use verdict::{Answers, Chip, Issuer, Rung, Word};

/// The key of the vectors: private number 1, which nobody can mistake for a secret.
fn key() -> EcKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let one = BigNum::from_u32(1).expect("number");
    let mut public = EcPoint::new(&group).expect("point");
    let mut ctx = openssl::bn::BigNumContext::new().expect("context");
    public.mul_generator2(&group, &one, &mut ctx).expect("point");
    EcKey::from_private_components(&group, &one, &public).expect("key")
}

fn public() -> Vec<u8> {
    PKey::from_ec_key(key()).and_then(|k| k.public_key_to_der()).expect("DER")
}

fn sign(data: &[u8]) -> Result<[u8; 64], openssl::error::ErrorStack> {
    let signature = EcdsaSig::sign(&openssl::sha::sha256(data), &key())?;
    let mut plain = [0; 64];
    plain[..32].copy_from_slice(&signature.r().to_vec_padded(32)?);
    plain[32..].copy_from_slice(&signature.s().to_vec_padded(32)?);
    Ok(plain)
}

fn event(sequence: u64, previous: Bytes<32>) -> Event {
    of_version(VERSION, sequence, previous)
}

fn of_version(version: u32, sequence: u64, previous: Bytes<32>) -> Event {
    let answers = (version > 1).then(|| Answers::of_chip(Issuer::Unknown, Chip::Proved));
    Event {
        version,
        at: 1_780_000_000,
        id: Bytes([7; 16]),
        software: "0.1.0".to_owned(),
        time_quality: "system".to_owned(),
        uptime_ms: 1234,
        device: "kiosk-1".to_owned(),
        sequence,
        body: Body::Verification(Verification {
            access: "PACE-ECDH-GM-AES-CBC-CMAC-128".to_owned(),
            checks: vec![
                CheckResult { id: "sod_signature".to_owned(), reason: None, outcome: "passed".to_owned() },
                CheckResult {
                    id: "dsc_chain".to_owned(),
                    reason: Some("no_anchor".to_owned()),
                    outcome: "not_performed".to_owned(),
                },
            ],
            profile: "identify".to_owned(),
            subject: Some(Bytes([9; 32])),
            decision: (version == 1).then_some(Decision::Undecided),
            rung: answers.and_then(Answers::rung),
            word: answers.map(Answers::word),
            answers,
            document: answers.map(|_| "citizen_card".to_owned()),
            evidence: Bytes([3; 32]),
        }),
        boot: Bytes([5; 16]),
        previous,
    }
}

fn signed(sequence: u64, previous: Bytes<32>) -> SignedEvent {
    SignedEvent::sign(event(sequence, previous), &public(), sign).expect("signed")
}

/// Payload and signed form of each version.
const VECTORS: [(u32, &str, &str); 2] = [
    (1, include_str!("../vectors/event-v1.payload.hex"), include_str!("../vectors/event-v1.cose.hex")),
    (2, include_str!("../vectors/event-v2.payload.hex"), include_str!("../vectors/event-v2.cose.hex")),
];

#[test]
fn the_payloads_of_the_vectors_have_not_changed() {
    for (version, payload, cose) in VECTORS {
        let event = of_version(version, 1, Bytes([0; 32]));
        let bytes = SignedEvent::sign(event.clone(), &public(), sign).expect("signed").bytes;
        let message: coset::CoseSign1 = coset::CborSerializable::from_slice(&bytes).expect("COSE");
        assert_eq!(hex::encode(message.payload.expect("payload")), payload.trim(), "version {version}");
        let kept = hex::decode(cose.trim()).expect("hex");
        let verified = Verifier::new(&public()).expect("key").verify(&kept).expect("the vector verifies");
        assert_eq!(verified.event, event);
    }
}

/// What another implementation (Python: `cbor2`, `cryptography`) wrote and signed as a tally.
const TALLY: (&str, &str) =
    (include_str!("../vectors/tally-v2.payload.hex"), include_str!("../vectors/tally-v2.cose.hex"));

#[test]
fn a_tally_that_another_implementation_wrote_is_one_and_is_written_the_same_here() {
    let row = |n, of: &[&str]| events::Row { n, of: of.iter().map(|word| (*word).to_owned()).collect() };
    let by = events::tally::Counted::Outcome;
    let pairs = vec![events::tally::Counted::Age, events::tally::Counted::Sex];
    let mut tally = event(1, Bytes([0; 32]));
    tally.body = Body::Tally(events::Tally {
        to: "2026-11-28".to_owned(),
        from: "2026-11-27".to_owned(),
        tables: vec![
            events::Table { by: vec![by], rows: vec![row(9, &["done"]), row(1, &["refused"])] },
            events::Table { by: pairs, rows: vec![row(4, &["18-29", "f"]), row(6, &["60+", "unknown"])] },
        ],
        profile: "lodging".to_owned(),
    });
    let bytes = SignedEvent::sign(tally.clone(), &public(), sign).expect("signed").bytes;
    let message: coset::CoseSign1 = coset::CborSerializable::from_slice(&bytes).expect("COSE");
    assert_eq!(hex::encode(message.payload.expect("payload")), TALLY.0.trim());
    let foreign = hex::decode(TALLY.1.trim()).expect("hex");
    let verified = Verifier::new(&public()).expect("key").verify(&foreign).expect("the vector verifies");
    assert_eq!(verified.event, tally);
}

#[test]
fn keys_stand_in_deterministic_order() {
    fn sorted(value: &serde_cbor::Value, bytes: &[u8]) {
        // `Value` keeps maps sorted in canonical order: encoding it again must change nothing.
        assert_eq!(serde_cbor::to_vec(value).expect("CBOR"), bytes);
    }
    for (_, payload, _) in VECTORS {
        let payload = hex::decode(payload.trim()).expect("hex");
        sorted(&serde_cbor::from_slice(&payload).expect("CBOR"), &payload);
    }
    let mut visit = event(1, Bytes([0; 32]));
    visit.body = Body::Visit(events::Visit {
        why: None,
        mark: Some(verdict::Because::Assurance),
        rung: Some(Rung::Signed),
        staff: Some(events::Vouching { by: Bytes([4; 32]), reason: "seen".to_owned() }),
        visit: Bytes([1; 16]),
        holder: Some(verdict::Holder::ByStaff),
        result: "done".to_owned(),
        subject: None,
        profile: "hospital-desk".to_owned(),
        recipients: Vec::new(),
        verification: Some(1),
    });
    let mut signer = event(2, Bytes([0; 32]));
    let certificate = vec![0x30, 0];
    let document = "citizen_card".to_owned();
    signer.body = Body::Signer(events::Signer { count: 3, since: 1_780_000_000, numbers: 2, document, certificate });
    let payload = serde_cbor::to_vec(&signer).expect("CBOR");
    sorted(&serde_cbor::from_slice(&payload).expect("CBOR"), &payload);
    let mut access = event(3, Bytes([0; 32]));
    access.body = Body::Access(events::Access {
        by: "nv-2".to_owned(),
        role: events::Duty::Nurse,
        what: events::Look::Record,
        count: 1,
        visits: vec![Bytes([1; 16])],
        profile: "hospital-desk".to_owned(),
    });
    let payload = serde_cbor::to_vec(&access).expect("CBOR");
    sorted(&serde_cbor::from_slice(&payload).expect("CBOR"), &payload);
    let mut change = event(4, Bytes([0; 32]));
    change.body = Body::Change(events::Change {
        by: "nv-2".to_owned(),
        act: events::Act::Corrected,
        why: Some("typing_error".to_owned()),
        role: events::Duty::Nurse,
        visit: Bytes([1; 16]),
        profile: "hospital-desk".to_owned(),
        version: 2,
        commitment: Bytes([2; 32]),
    });
    let mut handover = event(5, Bytes([0; 32]));
    handover.body = Body::Handover(events::Handover {
        by: "nv-2".to_owned(),
        to: None,
        here: 4,
        kept: 9,
        role: events::Duty::Reception,
        since: 1_780_000_000,
        unsent: 1,
        profile: "lodging".to_owned(),
        refused: 2,
    });
    for event in [&change, &handover] {
        let payload = serde_cbor::to_vec(event).expect("CBOR");
        sorted(&serde_cbor::from_slice(&payload).expect("CBOR"), &payload);
    }
    // A visit has had `subject` before `profile` since version 1; see the head of the crate.
    for event in [visit, signer, access, change, handover] {
        let signed = SignedEvent::sign(event.clone(), &public(), sign).expect("signed");
        assert_eq!(Verifier::new(&public()).expect("key").verify(&signed.bytes).expect("genuine").event, event);
    }
}

#[test]
fn a_version_has_its_own_keys_and_no_others() {
    let refused = |event: Event| {
        let signed = SignedEvent::sign(event, &public(), sign).expect("signed");
        Verifier::new(&public()).expect("key").verify(&signed.bytes).expect_err("refused")
    };
    let with = |version, change: &dyn Fn(&mut Verification)| {
        let mut event = of_version(version, 1, Bytes([0; 32]));
        let Body::Verification(body) = &mut event.body else { unreachable!("made above") };
        change(body);
        refused(event)
    };
    assert_eq!(refused(of_version(3, 1, Bytes([0; 32]))), EventError::Version(3));
    assert_eq!(with(1, &|body| body.word = Some(Word::Proved)), EventError::Payload);
    assert_eq!(with(1, &|body| body.decision = None), EventError::Payload);
    assert_eq!(with(2, &|body| body.decision = Some(Decision::Genuine)), EventError::Payload);
    assert_eq!(with(2, &|body| body.answers = None), EventError::Payload);
    // A rung or word that the answers do not carry cannot be signed into an event.
    assert_eq!(with(2, &|body| body.word = Some(Word::Proved)), EventError::Payload);
    assert_eq!(with(2, &|body| body.rung = Some(Rung::Proved)), EventError::Payload);
}

#[test]
fn every_changed_bit_is_refused() {
    let verifier = Verifier::new(&public()).expect("key");
    let bytes = signed(1, Bytes([0; 32])).bytes;
    verifier.verify(&bytes).expect("genuine");
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(verifier.verify(&changed).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(verifier.verify(&bytes[..length]).is_err(), "cut to {length}");
    }
    assert!(verifier.verify(&[&bytes[..], &[0]].concat()).is_err(), "trailing byte");
}

#[test]
fn other_encodings_of_the_same_event_are_refused() {
    let original = event(1, Bytes([0; 32]));
    let envelope = |payload: Vec<u8>| {
        let header = coset::HeaderBuilder::new()
            .algorithm(coset::iana::Algorithm::ES256)
            .key_id(events::signed::key_id(&public()))
            .build();
        let message = coset::CoseSign1Builder::new()
            .protected(header)
            .payload(payload)
            .create_signature(b"cccd-event-v1", |data| sign(data).expect("signature").to_vec())
            .build();
        coset::CborSerializable::to_vec(message).expect("CBOR")
    };
    let verifier = Verifier::new(&public()).expect("key");
    let payload = serde_cbor::to_vec(&original).expect("CBOR");
    verifier.verify(&envelope(payload.clone())).expect("the plain form is genuine");
    // The version written in two bytes.
    let mut long = vec![payload[0], 0x61, b'v', 0x18, 0x02];
    long.extend_from_slice(&payload[4..]);
    assert_eq!(verifier.verify(&envelope(long)), Err(EventError::NotDeterministic));
    // The first two keys swapped.
    let serde_cbor::Value::Map(map) = serde_cbor::from_slice(&payload).expect("CBOR") else { panic!("map") };
    let mut swapped = vec![0xA0 | map.len() as u8];
    let mut entries: Vec<_> = map.into_iter().collect();
    entries.swap(0, 1);
    for (key, value) in entries {
        swapped.extend(serde_cbor::to_vec(&key).expect("CBOR"));
        swapped.extend(serde_cbor::to_vec(&value).expect("CBOR"));
    }
    assert_eq!(verifier.verify(&envelope(swapped)), Err(EventError::NotDeterministic));
    // A map of indefinite length.
    let mut indefinite = vec![0xBF];
    indefinite.extend_from_slice(&payload[1..]);
    indefinite.push(0xFF);
    assert_eq!(verifier.verify(&envelope(indefinite)), Err(EventError::NotDeterministic));
    // A byte behind the payload.
    assert_eq!(verifier.verify(&envelope([payload, vec![0]].concat())), Err(EventError::Payload));
}

#[test]
fn what_is_no_key_is_told_as_such() {
    for text in ["not a pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert_eq!(Verifier::from_pem(text.as_bytes()).expect_err("no key").code(), "event_key");
    }
}

#[test]
fn another_key_is_refused() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let other = EcKey::generate(&group).and_then(PKey::from_ec_key).and_then(|k| k.public_key_to_der()).expect("key");
    let bytes = signed(1, Bytes([0; 32])).bytes;
    assert_eq!(Verifier::new(&other).expect("key").verify(&bytes), Err(EventError::Signature));
    assert_eq!(Verifier::new(b"no key").err(), Some(EventError::Key));
}

/// An envelope as no device makes it, signed over `context` with the right key all the same.
fn crafted(
    payload: Option<Vec<u8>>,
    context: &[u8],
    change: impl FnOnce(&mut coset::Header, &mut coset::Header),
) -> Vec<u8> {
    let mut header = coset::HeaderBuilder::new()
        .algorithm(coset::iana::Algorithm::ES256)
        .key_id(events::signed::key_id(&public()))
        .build();
    let mut unprotected = coset::Header::default();
    change(&mut header, &mut unprotected);
    let builder = coset::CoseSign1Builder::new().protected(header).unprotected(unprotected);
    let builder = payload.into_iter().fold(builder, coset::CoseSign1Builder::payload);
    let message = builder.create_signature(context, |data| sign(data).expect("signature").to_vec()).build();
    coset::CborSerializable::to_vec(message).expect("CBOR")
}

const EVENT: &[u8] = b"cccd-event-v1";

fn payload() -> Option<Vec<u8>> {
    Some(serde_cbor::to_vec(&event(1, Bytes([0; 32]))).expect("CBOR"))
}

/// Each of these has a right signature: only the one rule stands in its way.
#[test]
fn what_is_rightly_signed_and_in_another_shape_is_refused() {
    use coset::RegisteredLabelWithPrivate::Assigned;
    use coset::iana::{Algorithm, HeaderParameter};
    let verifier = Verifier::new(&public()).expect("key");
    verifier.verify(&crafted(payload(), EVENT, |_, _| {})).expect("the plain form is genuine");
    let headers = Err(EventError::Envelope("unexpected headers"));
    let extra = || (coset::Label::Int(-70_001), coset::cbor::Value::Bool(true));
    let refused = |change: &dyn Fn(&mut coset::Header, &mut coset::Header)| {
        verifier.verify(&crafted(payload(), EVENT, |inner, outer| change(inner, outer)))
    };
    assert_eq!(refused(&|_, outer| outer.rest.push(extra())), headers);
    assert_eq!(refused(&|_, outer| outer.key_id = b"other".to_vec()), headers);
    assert_eq!(refused(&|inner, _| inner.rest.push(extra())), headers);
    assert_eq!(refused(&|inner, _| inner.crit.push(Assigned(HeaderParameter::Alg))), headers);
    let algorithm = Err(EventError::Envelope("algorithm is not ES256"));
    let other = Assigned(Algorithm::ES384);
    assert_eq!(refused(&|inner, _| inner.alg = Some(other.clone())), algorithm);
    assert_eq!(refused(&|inner, _| inner.alg = None), algorithm);
    assert_eq!(refused(&|inner, _| inner.key_id = b"another!".to_vec()), Err(EventError::Signature));
    assert_eq!(verifier.verify(&crafted(None, EVENT, |_, _| {})), Err(EventError::Envelope("no payload")));
    // An encoding that a decoder takes: the array's length in two bytes.
    let plain = crafted(payload(), EVENT, |_, _| {});
    assert_eq!(plain[0], 0x84);
    let long = [&[0x98, 0x04], &plain[1..]].concat();
    assert_eq!(verifier.verify(&long), Err(EventError::NotDeterministic));
}

#[test]
fn an_event_of_another_version_or_size_is_refused_however_well_it_is_signed() {
    let verifier = Verifier::new(&public()).expect("key");
    let of = |event: &Event| crafted(Some(serde_cbor::to_vec(event).expect("CBOR")), EVENT, |_, _| {});
    for version in [0, VERSION + 1] {
        let other = Event { version, ..event(1, Bytes([0; 32])) };
        assert_eq!(verifier.verify(&of(&other)), Err(EventError::Version(version)));
    }
    let mixed = Event { version: 1, ..event(1, Bytes([0; 32])) };
    assert_eq!(verifier.verify(&of(&mixed)), Err(EventError::Payload), "keys of another version");
    let large = Event { software: "x".repeat(events::signed::MAX_EVENT), ..event(1, Bytes([0; 32])) };
    assert_eq!(verifier.verify(&of(&large)), Err(EventError::TooLarge));
}

#[test]
fn a_signature_counts_for_one_kind_of_thing() {
    let verifier = Verifier::new(&public()).expect("key");
    let of_event = crafted(payload(), EVENT, |_, _| {});
    let of_list = crafted(payload(), b"cccd-document-v1/list", |_, _| {});
    assert_eq!(verifier.open_document("list", &of_list).ok(), payload());
    assert_eq!(verifier.open_document("bundle", &of_list), Err(EventError::Signature));
    assert_eq!(verifier.open_document("list", &of_event), Err(EventError::Signature));
    assert_eq!(verifier.verify(&of_list), Err(EventError::Signature));
    let other = coset::RegisteredLabelWithPrivate::Assigned(coset::iana::Algorithm::ES384);
    let weak = crafted(payload(), b"cccd-document-v1/list", |inner, _| inner.alg = Some(other));
    assert_eq!(verifier.open_document("list", &weak), Err(EventError::Envelope("algorithm is not ES256")));
}

#[test]
fn a_plain_signature_has_one_length() {
    let verifier = Verifier::new(&public()).expect("key");
    let signature = sign(b"data").expect("signature");
    verifier.check(&signature, b"data").expect("genuine");
    for wrong in [&signature[..63], &[&signature[..], &[0]].concat(), &[]] {
        assert_eq!(verifier.check(wrong, b"data"), Err(EventError::Signature), "{} bytes", wrong.len());
    }
    assert_eq!(verifier.check(&signature, b"date"), Err(EventError::Signature));
}

#[test]
fn a_key_on_another_curve_is_none() {
    let group = EcGroup::from_curve_name(Nid::SECP384R1).expect("curve");
    let other = EcKey::generate(&group).and_then(PKey::from_ec_key).and_then(|k| k.public_key_to_der()).expect("key");
    assert_eq!(Verifier::new(&other).err(), Some(EventError::Key));
}

#[test]
fn a_chain_takes_only_the_next_event() {
    let mut chain = Chain::EMPTY;
    let first = signed(1, chain.head);
    chain.append(&first).expect("first");
    let second = signed(2, chain.head);
    assert_eq!(chain.append(&first), Err(EventError::Sequence { expected: 2, got: 1 }));
    assert_eq!(chain.append(&signed(3, chain.head)), Err(EventError::Sequence { expected: 2, got: 3 }));
    assert_eq!(chain.append(&signed(2, Bytes([1; 32]))), Err(EventError::Broken(2)));
    chain.append(&second).expect("second");
    assert_eq!((chain.sequence, chain.head), (2, events::hash(&second.bytes)));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(events::signed::read(&bytes).is_err());
    }

    #[test]
    fn any_event_survives_the_round_trip(at in any::<i64>(), up in any::<u64>(), device in "[a-z0-9-]{1,40}", reason in proptest::option::of("[a-z_]{1,20}")) {
        let mut original = event(1, Bytes([0; 32]));
        original.at = at;
        original.uptime_ms = up;
        original.device = device;
        let Body::Verification(body) = &mut original.body else { unreachable!("made above") };
        body.checks[0].reason = reason;
        let signed = SignedEvent::sign(original.clone(), &public(), sign).expect("signed");
        prop_assert_eq!(Verifier::new(&public()).expect("key").verify(&signed.bytes).expect("genuine").event, original);
    }
}

/// Writes the vectors; run by hand when the format gets a new version.
#[test]
#[ignore = "writes vectors/: for a new format version only"]
fn write_vectors() {
    let bytes = signed(1, Bytes([0; 32])).bytes;
    let message: coset::CoseSign1 = coset::CborSerializable::from_slice(&bytes).expect("COSE");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/");
    std::fs::write(format!("{root}event-v{VERSION}.cose.hex"), hex::encode(&bytes) + "\n").expect("written");
    let payload = hex::encode(message.payload.expect("payload")) + "\n";
    std::fs::write(format!("{root}event-v{VERSION}.payload.hex"), payload).expect("written");
}

#[test]
fn the_words_of_a_look_and_of_an_act_are_those_of_their_encoding() {
    use events::{Act, Duty, Look};
    for duty in Duty::STAFF.into_iter().chain([Duty::Program, Duty::Operator]) {
        let word = serde_cbor::value::to_value(duty).expect("CBOR");
        assert_eq!(word, serde_cbor::Value::Text(duty.code().to_owned()));
    }
    let all = [Look::Visit, Look::Result, Look::Record, Look::List, Look::Search, Look::Export, Look::Corrections];
    for look in all.into_iter().chain([Look::Print, Look::Attestation, Look::File, Look::Subject]) {
        let word = serde_cbor::value::to_value(look).expect("CBOR");
        assert_eq!(word, serde_cbor::Value::Text(look.code().to_owned()));
    }
    for act in Act::ALL {
        let word = serde_cbor::value::to_value(act).expect("CBOR");
        assert_eq!(word, serde_cbor::Value::Text(act.code().to_owned()));
    }
}

/// An event of `VERSION` as its fields, changed as a newer program might.
fn newer(change: impl FnOnce(&mut std::collections::BTreeMap<serde_cbor::Value, serde_cbor::Value>)) -> Vec<u8> {
    let plain = serde_cbor::value::to_value(event(1, Bytes([0; 32]))).expect("CBOR");
    let serde_cbor::Value::Map(mut map) = plain else { panic!("a map") };
    change(&mut map);
    serde_cbor::to_vec(&serde_cbor::Value::Map(map)).expect("CBOR")
}

#[test]
fn what_a_newer_device_says_is_received_and_what_is_damaged_is_not() {
    use events::Content;
    use serde_cbor::Value;
    let text = |text: &str| Value::Text(text.to_owned());
    let verifier = Verifier::new(&public()).expect("key");
    let receive = |payload: Vec<u8>| verifier.receive(&crafted(Some(payload), EVENT, |_, _| {}));
    let known = receive(newer(|_| ())).expect("known");
    assert!(matches!(&known.content, Content::Known(known) if **known == event(1, Bytes([0; 32]))));
    let body = |kind: &str| Value::Map([(text(kind), Value::Map([(text("day"), Value::Integer(3))].into()))].into());
    for (payload, kind) in [
        (newer(|map| drop(map.insert(text("body"), body("tally")))), "tally"),
        (newer(|map| drop(map.insert(text("body"), body("\u{1b}[2J")))), "other"),
        (newer(|map| drop(map.insert(text("v"), Value::Integer(3)))), "verification"),
        (newer(|map| drop(map.insert(text("extra"), Value::Null))), "verification"),
    ] {
        assert!(verifier.verify(&crafted(Some(payload.clone()), EVENT, |_, _| {})).is_err(), "not known: {kind}");
        let received = receive(payload.clone()).expect("received");
        assert_eq!((received.unknown_kind(), received.head.device.as_str()), (Some(kind), "kiosk-1"));
        assert_eq!(received.head.link, events::Link { sequence: 1, previous: Bytes([0; 32]) });
        let of_list = crafted(Some(payload), b"cccd-document-v1/list", |_, _| {});
        assert_eq!(verifier.receive(&of_list), Err(EventError::Signature), "it is signed all the same");
    }
    // What is known is held to what is known of it.
    let mixed = receive(newer(|map| drop(map.insert(text("v"), Value::Integer(1)))));
    assert_eq!(mixed, Err(EventError::Payload));
    for lacks in ["v", "at", "tq", "dev", "seq", "prev", "body"] {
        assert_eq!(receive(newer(|map| drop(map.remove(&text(lacks))))), Err(EventError::Payload), "{lacks}");
    }
    let zero = newer(|map| drop(map.insert(text("v"), Value::Integer(0))));
    assert_eq!(receive(zero), Err(EventError::Version(0)));
    let float = newer(|map| drop(map.insert(text("extra"), Value::Float(0.5))));
    assert_eq!(receive(float), Err(EventError::Payload));
    let plain = newer(|map| drop(map.insert(text("body"), body("tally"))));
    let mut endless = vec![0xBF];
    endless.extend_from_slice(&plain[1..]);
    endless.push(0xFF);
    assert_eq!(receive(endless), Err(EventError::NotDeterministic));
    assert_eq!(receive([plain, vec![0]].concat()), Err(EventError::Payload));
    assert_eq!(receive(vec![0xA0]), Err(EventError::Payload));
}
