//! The format: a fixed vector, every refusal, and properties.

use events::event::{Body, Bytes, CheckResult, Decision, Event, Verification};
use events::{Chain, EventError, SignedEvent, Verifier};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use proptest::prelude::*;

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
    Event {
        version: 1,
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
            decision: Decision::Undecided,
            evidence: Bytes([3; 32]),
        }),
        boot: Bytes([5; 16]),
        previous,
    }
}

fn signed(sequence: u64, previous: Bytes<32>) -> SignedEvent {
    SignedEvent::sign(event(sequence, previous), &public(), sign).expect("signed")
}

#[test]
fn the_payload_of_the_vector_has_not_changed() {
    let bytes = signed(1, Bytes([0; 32])).bytes;
    let message: coset::CoseSign1 = coset::CborSerializable::from_slice(&bytes).expect("COSE");
    let payload = hex::encode(message.payload.expect("payload"));
    assert_eq!(payload, include_str!("../vectors/event-v1.payload.hex").trim());
    let kept = hex::decode(include_str!("../vectors/event-v1.cose.hex").trim()).expect("hex");
    let verified = Verifier::new(&public()).expect("key").verify(&kept).expect("the vector verifies");
    assert_eq!(verified.event, event(1, Bytes([0; 32])));
}

#[test]
fn keys_stand_in_deterministic_order() {
    fn sorted(value: &serde_cbor::Value, bytes: &[u8]) {
        // `Value` keeps maps sorted in canonical order: encoding it again must change nothing.
        assert_eq!(serde_cbor::to_vec(value).expect("CBOR"), bytes);
    }
    let payload = hex::decode(include_str!("../vectors/event-v1.payload.hex").trim()).expect("hex");
    sorted(&serde_cbor::from_slice(&payload).expect("CBOR"), &payload);
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
    // Version 1 written in two bytes.
    let mut long = vec![payload[0], 0x61, b'v', 0x18, 0x01];
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
fn another_key_is_refused() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let other = EcKey::generate(&group).and_then(PKey::from_ec_key).and_then(|k| k.public_key_to_der()).expect("key");
    let bytes = signed(1, Bytes([0; 32])).bytes;
    assert_eq!(Verifier::new(&other).expect("key").verify(&bytes), Err(EventError::Signature));
    assert_eq!(Verifier::new(b"no key").err(), Some(EventError::Key));
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
    std::fs::write(format!("{root}event-v1.cose.hex"), hex::encode(&bytes) + "\n").expect("written");
    let payload = hex::encode(message.payload.expect("payload")) + "\n";
    std::fs::write(format!("{root}event-v1.payload.hex"), payload).expect("written");
}
