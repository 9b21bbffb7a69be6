//! `events.cddl` is the format: every kind of event that this crate writes is one by the grammar, and what this crate refuses is none, as
//! a judge says who shares no line with it (Python: `zcbor`, `cbor2`, `cryptography`).

use events::event::{Bytes, VERSION};
use events::tally::Counted;
use events::{
    Access, Act, Body, Change, CheckResult, Consent, Decision, DeviceEvent, Disclosure, Duty, Erasure, Event, Handover,
    Look, Receiving, Row, SignedEvent, Signer, Table, Tally, Verification, Verifier, Visit, Vouching,
};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use serde_cbor::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use verdict::{Answers, Because, Chip, Holder, Issuer, Rung, Word};

/// The key of the vectors.
fn key() -> EcKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let one = BigNum::from_u32(1).expect("number");
    let mut public = EcPoint::new(&group).expect("point");
    let mut context = BigNumContext::new().expect("context");
    public.mul_generator2(&group, &one, &mut context).expect("point");
    EcKey::from_private_components(&group, &one, &public).expect("key")
}

fn public() -> Vec<u8> {
    PKey::from_ec_key(key()).and_then(|key| key.public_key_to_der()).expect("DER")
}

fn sign(data: &[u8]) -> Result<[u8; 64], openssl::error::ErrorStack> {
    let signature = EcdsaSig::sign(&openssl::sha::sha256(data), &key())?;
    let mut plain = [0; 64];
    plain[..32].copy_from_slice(&signature.r().to_vec_padded(32)?);
    plain[32..].copy_from_slice(&signature.s().to_vec_padded(32)?);
    Ok(plain)
}

fn event(version: u32, body: Body) -> Event {
    Event {
        version,
        at: -1,
        id: Bytes([7; 16]),
        software: "0.1.0".to_owned(),
        time_quality: "signed".to_owned(),
        uptime_ms: 1 << 40,
        device: "kiosk-1".to_owned(),
        sequence: u64::MAX,
        body,
        boot: Bytes([5; 16]),
        previous: Bytes([0; 32]),
    }
}

fn verification(answers: Option<Answers>) -> Verification {
    let check = |reason: Option<&str>| CheckResult {
        id: "dsc_chain".to_owned(),
        reason: reason.map(str::to_owned),
        outcome: "not_performed".to_owned(),
    };
    Verification {
        access: "BAC".to_owned(),
        checks: vec![check(None), check(Some("no_anchor"))],
        profile: "identify".to_owned(),
        subject: None,
        decision: answers.is_none().then_some(Decision::NotGenuine),
        rung: answers.and_then(Answers::rung),
        word: answers.map(Answers::word),
        answers,
        document: answers.map(|_| "passport".to_owned()),
        evidence: Bytes([3; 32]),
    }
}

fn visit(version: u32) -> Visit {
    let new = version == VERSION;
    Visit {
        why: Some("card_expired".to_owned()),
        mark: new.then_some(Because::Expired),
        rung: new.then_some(Rung::Pinned),
        staff: new.then(|| Vouching { by: Bytes([1; 32]), reason: "known".to_owned() }),
        visit: Bytes([2; 16]),
        holder: new.then_some(Holder::ByStaff),
        result: "done".to_owned(),
        subject: Some(Bytes([4; 32])),
        profile: "lodging".to_owned(),
        recipients: vec![Receiving { id: "police".to_owned(), fields: vec!["full_name".to_owned()] }],
        verification: Some(300),
    }
}

/// One table by each thing that may be counted, and one by two.
fn tally() -> Tally {
    let row = |n, of: &[&str]| Row { n, of: of.iter().map(|word| (*word).to_owned()).collect() };
    let outcome = Table { by: vec![Counted::Outcome], rows: vec![row(300, &["done"])] };
    let others = Counted::ALL.into_iter().filter(|by| *by != Counted::Outcome);
    let mut tables = vec![outcome];
    tables.extend(others.map(|by| Table { by: vec![by], rows: vec![row(1, &["18-29"]), row(2, &["60+"])] }));
    tables.push(Table { by: vec![Counted::Age, Counted::Sex], rows: vec![row(5, &["0-13", "f"])] });
    Tally { to: "2026-11-28".to_owned(), from: "2026-11-27".to_owned(), tables, profile: "lodging".to_owned() }
}

/// Every kind, with all that it may have and with as little as it may.
fn bodies(version: u32) -> Vec<Body> {
    let old = version < VERSION;
    let answers = |issuer, chip| (!old).then(|| Answers::of_chip(issuer, chip));
    let nobody = old.then_some(Bytes([9; 32]));
    let bare = Visit {
        why: None,
        mark: None,
        rung: None,
        staff: None,
        holder: None,
        subject: None,
        recipients: Vec::new(),
        verification: None,
        ..visit(version)
    };
    let mut bodies = vec![
        Body::Verification(verification(answers(Issuer::Vouched, Chip::Proved))),
        Body::Verification(verification(answers(Issuer::Refuted, Chip::Copy))),
        Body::Visit(visit(version)),
        Body::Visit(bare),
        Body::Erasure(Erasure { why: "retention".to_owned(), count: 3, profile: String::new(), subject: nobody }),
        Body::Disclosure(Disclosure { count: 1, subject: nobody }),
        Body::Signer(Signer {
            count: 1,
            since: -5,
            numbers: 2,
            document: "passport".to_owned(),
            certificate: vec![0x30, 0x00],
        }),
        Body::Consent(Consent {
            act: "touch".to_owned(),
            text: "Tôi đồng ý".to_owned(),
            visit: Bytes([2; 16]),
            profile: "lodging".to_owned(),
            version: "1".to_owned(),
            language: "vi".to_owned(),
        }),
        Body::Device(DeviceEvent { to: None, from: Some("1".to_owned()), what: "started".to_owned() }),
    ];
    let looks = [Look::Visit, Look::Result, Look::Record, Look::List, Look::Search, Look::Export, Look::Corrections];
    let looks = looks.into_iter().chain([Look::Print, Look::Attestation, Look::File, Look::Subject]);
    let duties = Duty::STAFF.into_iter().chain([Duty::Program, Duty::Operator]).cycle();
    bodies.extend(looks.zip(duties).map(|(what, role)| {
        let visits = vec![Bytes([2; 16]), Bytes([3; 16])];
        Body::Access(Access { by: "uid:0".to_owned(), role, what, count: 2, visits, profile: String::new() })
    }));
    if !old {
        bodies.extend(Act::ALL.into_iter().zip([None, Some("room".to_owned())].into_iter().cycle()).map(
            |(act, why)| {
                let (by, visit, profile) = ("nv-1".to_owned(), Bytes([2; 16]), "lodging".to_owned());
                Body::Change(Change {
                    by,
                    act,
                    why,
                    role: Duty::Manager,
                    visit,
                    profile,
                    version: 1,
                    commitment: Bytes([7; 32]),
                })
            },
        ));
        bodies.extend([None, Some("nv-2".to_owned())].map(|to| {
            let (by, role, profile) = ("nv-1".to_owned(), Duty::Reception, "lodging".to_owned());
            Body::Handover(Handover { by, to, here: 3, kept: 9, role, since: 5, unsent: 1, profile, refused: 0 })
        }));
        bodies.push(Body::Tally(tally()));
    }
    // Of version 2, because there were fewer before.
    let kinds: BTreeSet<&str> = bodies.iter().map(Body::kind).collect();
    assert!(old || kinds == BTreeSet::from(Body::KINDS), "{kinds:?}");
    bodies
}

fn signed(event: &Event) -> Vec<u8> {
    SignedEvent::sign(event.clone(), &public(), sign).expect("signed").bytes
}

/// An event whose payload was changed as a value, signed with the right key all the same.
fn changed(body: Body, change: impl FnOnce(&mut Vec<(Value, Value)>)) -> Vec<u8> {
    let value = serde_cbor::value::to_value(event(VERSION, body)).expect("CBOR");
    let Value::Map(map) = value else { unreachable!("an event is a map") };
    // In the order of the format; the library's own map is sorted by something else.
    let keys = ["v", "at", "id", "sw", "tq", "up", "dev", "seq", "body", "boot", "prev"];
    let mut pairs: Vec<(Value, Value)> =
        keys.into_iter().map(|key| Value::Text(key.to_owned())).map(|key| (key.clone(), map[&key].clone())).collect();
    change(&mut pairs);
    let mut payload = vec![0xA0 | pairs.len() as u8];
    for (key, value) in pairs {
        payload.extend(serde_cbor::to_vec(&key).expect("CBOR"));
        payload.extend(serde_cbor::to_vec(&value).expect("CBOR"));
    }
    envelope(payload, |_| {})
}

fn envelope(payload: Vec<u8>, change: impl FnOnce(&mut coset::CoseSign1)) -> Vec<u8> {
    let header = coset::HeaderBuilder::new()
        .algorithm(coset::iana::Algorithm::ES256)
        .key_id(events::signed::key_id(&public()))
        .build();
    let mut message = coset::CoseSign1Builder::new().protected(header).payload(payload).build();
    change(&mut message);
    let data = message.tbs_data(b"cccd-event-v1");
    message.signature = sign(&data).expect("signed").to_vec();
    coset::CborSerializable::to_vec(message).expect("CBOR")
}

/// What the judge says of each; `None` where it is not at hand.
fn judged(events: &[Vec<u8>]) -> Option<Vec<String>> {
    let mut judge = test_support::python("judge_event.py")?;
    let grammar = concat!(env!("CARGO_MANIFEST_DIR"), "/events.cddl");
    let lines = events.iter().map(hex::encode).collect::<Vec<_>>().join("\n");
    let mut judge = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
    let text = format!("{grammar}\n{}\n{lines}\n", hex::encode(public()));
    judge.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("taken");
    let output = judge.wait_with_output().expect("judged");
    assert!(output.status.success(), "the judge failed");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let said: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(said.len(), events.len(), "one word for each: {said:?}");
    Some(said)
}

#[test]
fn the_vectors_and_every_kind_of_event_are_events_by_the_grammar_and_another_implementation() {
    let vectors = [include_str!("../vectors/event-v1.cose.hex"), include_str!("../vectors/event-v2.cose.hex")];
    let mut all: Vec<Vec<u8>> = vectors.iter().map(|text| hex::decode(text.trim()).expect("hex")).collect();
    for version in 1..=VERSION {
        all.extend(bodies(version).into_iter().map(|body| signed(&event(version, body))));
    }
    let verifier = Verifier::new(&public()).expect("key");
    let kinds: Vec<String> = all
        .iter()
        .map(|bytes| verifier.verify(bytes).expect("an event").event.body)
        .map(|body| serde_cbor::value::to_value(body).expect("CBOR"))
        .map(|body| match body {
            Value::Map(map) => match map.into_keys().next() {
                Some(Value::Text(kind)) => kind,
                other => unreachable!("a kind is a text: {other:?}"),
            },
            other => unreachable!("a body is a map: {other:?}"),
        })
        .collect();
    let Some(said) = judged(&all) else { return };
    assert_eq!(said, kinds);
}

#[test]
fn what_is_no_event_is_none_by_the_grammar_either() {
    let body = || bodies(VERSION).remove(0);
    let text = |text: &str| Value::Text(text.to_owned());
    let payload = serde_cbor::to_vec(&event(VERSION, body())).expect("CBOR");
    let with = |key: &'static str, value: Value| {
        changed(body(), move |pairs| {
            pairs
                .iter_mut()
                .filter(|(name, _)| *name == Value::Text(key.to_owned()))
                .for_each(|pair| pair.1 = value.clone());
        })
    };
    let good = changed(body(), |_| {});
    let long = [&[0x98, 0x04], &good[1..]].concat();
    let wrong: Vec<(&str, Vec<u8>)> = vec![
        ("another version", with("v", Value::Integer(3))),
        ("a version of its own keys", with("v", Value::Integer(1))),
        ("no kind", with("body", Value::Map([].into()))),
        ("a kind that is not known", with("body", Value::Map([(text("lost"), Value::Map([].into()))].into()))),
        ("a key missing", changed(body(), |pairs| drop(pairs.pop()))),
        ("a key too many", changed(body(), |pairs| pairs.push((text("zz"), Value::Null)))),
        ("keys in another order", changed(body(), |pairs| pairs.swap(0, 1))),
        ("a key twice", changed(body(), |pairs| pairs.push(pairs[10].clone()))),
        ("a short identifier", with("id", Value::Bytes(vec![7; 15]))),
        ("a text for bytes", with("boot", text("boot"))),
        ("a time that is a text", with("at", text("now"))),
        ("a float", with("up", Value::Float(1.0))),
        ("a header outside the signature", envelope(payload.clone(), |it| it.unprotected.key_id = vec![1])),
        (
            "another algorithm",
            envelope(payload.clone(), |it| {
                it.protected.header.alg =
                    Some(coset::RegisteredLabelWithPrivate::Assigned(coset::iana::Algorithm::ES384));
            }),
        ),
        ("no key's name", envelope(payload.clone(), |it| it.protected.header.key_id = Vec::new())),
        ("another key's name", envelope(payload.clone(), |it| it.protected.header.key_id = vec![1; 8])),
        ("no payload", envelope(payload.clone(), |it| it.payload = None)),
        ("a byte behind the payload", envelope([&payload[..], &[0]].concat(), |_| {})),
        ("a length in two bytes", long),
        ("another signature", [&good[..good.len() - 1], &[good[good.len() - 1] ^ 1]].concat()),
        ("cut off", good[..good.len() - 1].to_vec()),
        ("nothing", vec![0xF6]),
        (
            "a count of nobody",
            with("body", {
                let mut other = tally();
                other.tables[1].rows[0].n = 0;
                serde_cbor::value::to_value(Body::Tally(other)).expect("CBOR")
            }),
        ),
        (
            "a person in an erasure",
            with(
                "body",
                serde_cbor::value::to_value(Body::Erasure(Erasure {
                    why: "retention".to_owned(),
                    count: 1,
                    profile: String::new(),
                    subject: Some(Bytes([1; 32])),
                }))
                .expect("CBOR"),
            ),
        ),
        (
            "a word that is none",
            with("body", {
                let mut other = verification(Some(Answers::of_chip(Issuer::Vouched, Chip::Proved)));
                other.word = Some(Word::Proved);
                other.decision = Some(Decision::Genuine);
                serde_cbor::value::to_value(Body::Verification(other)).expect("CBOR")
            }),
        ),
    ];
    let verifier = Verifier::new(&public()).expect("key");
    for (what, bytes) in &wrong {
        assert!(verifier.verify(bytes).is_err(), "{what}");
    }
    // What the grammar says beyond the verifier: the first no chain takes, the second is the word of a version to come.
    let beyond =
        vec![("position 0", with("seq", Value::Integer(0))), ("a quality that is none", with("tq", text("best")))];
    let taken: Vec<SignedEvent> = beyond
        .iter()
        .map(|(what, bytes)| verifier.verify(bytes).unwrap_or_else(|error| panic!("{what}: {error}")))
        .collect();
    let mut chain = events::Chain::EMPTY;
    assert_eq!(chain.append(&taken[0]), Err(events::EventError::Sequence { expected: 1, got: 0 }));
    let wrong: Vec<(&str, Vec<u8>)> = wrong.into_iter().chain(beyond).collect();
    let all: Vec<Vec<u8>> =
        wrong.iter().map(|(_, bytes)| bytes.clone()).chain([signed(&event(VERSION, body()))]).collect();
    let Some(said) = judged(&all) else { return };
    for ((what, _), said) in wrong.iter().zip(&said) {
        assert!(said.starts_with("refused:"), "{what}: {said}");
    }
    assert_eq!(said.last().map(String::as_str), Some("verification"), "the judge refuses not everything");
}
