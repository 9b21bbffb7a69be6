//! Active authentication with every hash and every curve, signed by OpenSSL on the card's behalf (ICAO 9303-11 §6.1).

use emrtd::hazmat::active_authentication::{ActiveAuthentication, ActiveAuthenticationTranscript, Answer};
use emrtd::hazmat::apdu::{Command, Response, StatusWord};
use emrtd::hazmat::crypto::curve::ParameterForm;
use emrtd::hazmat::crypto::{Curve, PublicKey};
use emrtd::hazmat::exchange::{Exchange as _, Step};
use emrtd::hazmat::tlv::{self, encode, tag};
use emrtd::{HashAlgorithm, SystemEntropy};
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::rsa::{Padding, Rsa};

const CHALLENGE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

#[test]
fn rsa_with_every_trailer_of_scheme_1() {
    let rsa = Rsa::generate(2048).expect("key");
    let spki = openssl::pkey::PKey::from_rsa(rsa.clone()).expect("key").public_key_to_der().expect("DER");
    let key = PublicKey::from_spki(&tlv::first(&spki, tag::SEQUENCE).expect("SPKI")).expect("key");
    for (hash, trailer) in [
        (HashAlgorithm::Sha1, &[0xBC][..]),
        (HashAlgorithm::Sha1, &[0x33, 0xCC]),
        (HashAlgorithm::Sha224, &[0x38, 0xCC]),
        (HashAlgorithm::Sha256, &[0x34, 0xCC]),
        (HashAlgorithm::Sha384, &[0x36, 0xCC]),
        (HashAlgorithm::Sha512, &[0x35, 0xCC]),
    ] {
        let size = rsa.size() as usize;
        let m1 = vec![0x5A; size - 1 - hash.output_len() - trailer.len()];
        let digest = hash.digest(&[&m1[..], &CHALLENGE].concat());
        let block = [&[0x6A], &m1[..], &digest, trailer].concat();
        let mut signature = vec![0; size];
        rsa.private_encrypt(&block, &mut signature, Padding::NONE).expect("signature");
        let mut other = openssl::bn::BigNum::new().expect("number");
        other.checked_sub(rsa.n(), &openssl::bn::BigNum::from_slice(&signature).expect("number")).expect("difference");
        // The standard allows s and n - s.
        for response in [signature.clone(), other.to_vec_padded(size as i32).expect("width")] {
            let transcript = ActiveAuthenticationTranscript { challenge: CHALLENGE.to_vec(), response };
            assert_eq!(transcript.verify(&key, None), Ok(true), "{} {trailer:02X?}", hash.name());
            let other = ActiveAuthenticationTranscript { challenge: vec![0; 8], ..transcript };
            assert_eq!(other.verify(&key, None), Ok(false), "{} over another challenge", hash.name());
        }
        // A trailer that names another hash than was used.
        let wrong = if trailer == [0x34, 0xCC] { [0x35, 0xCC] } else { [0x34, 0xCC] };
        let block = [&block[..size - 2], &wrong].concat();
        rsa.private_encrypt(&block, &mut signature, Padding::NONE).expect("signature");
        let transcript = ActiveAuthenticationTranscript { challenge: CHALLENGE.to_vec(), response: signature };
        assert_eq!(transcript.verify(&key, None), Ok(false), "{} under another trailer", hash.name());
    }
}

#[test]
fn ecdsa_on_every_curve_plain_and_der_with_the_hash_of_dg14_or_without() {
    for curve in Curve::ALL {
        let name = match curve {
            Curve::Secp192r1 => "prime192v1",
            Curve::Secp256r1 => "prime256v1",
            other => other.name(),
        };
        let nid = openssl::asn1::Asn1Object::from_str(name).expect("curve").nid();
        let private = EcKey::generate(&EcGroup::from_curve_name(nid).expect("curve")).expect("key");
        let mut ctx = BigNumContext::new().expect("context");
        let form = PointConversionForm::UNCOMPRESSED;
        let point = private.public_key().to_bytes(private.group(), form, &mut ctx).expect("point");
        let key = PublicKey::ec(curve, ParameterForm::Named, &point).expect("key");
        let width = curve.field_len();
        let natural = match width {
            24 => HashAlgorithm::Sha1,
            28 => HashAlgorithm::Sha224,
            32 | 40 => HashAlgorithm::Sha256,
            48 => HashAlgorithm::Sha384,
            _ => HashAlgorithm::Sha512,
        };
        for hash in HashAlgorithm::ALL {
            let signature = EcdsaSig::sign(&hash.digest(&CHALLENGE), &private).expect("signature");
            let number = |n: &openssl::bn::BigNumRef| n.to_vec_padded(width as i32).expect("width");
            let plain = [number(signature.r()), number(signature.s())].concat();
            for response in [plain, signature.to_der().expect("DER")] {
                let transcript = ActiveAuthenticationTranscript { challenge: CHALLENGE.to_vec(), response };
                let context = format!("{} {}", curve.name(), hash.name());
                assert_eq!(transcript.verify(&key, Some(hash)), Ok(true), "{context}");
                assert!(hash != natural || transcript.verify(&key, None) == Ok(true), "{context} without EF.DG14");
                let wrong = ActiveAuthenticationTranscript { challenge: vec![9; 8], ..transcript };
                assert_eq!(wrong.verify(&key, Some(hash)), Ok(false), "{context} over another challenge");
            }
        }
    }
}

fn rsa_key(bits: u32) -> PublicKey {
    let spki = openssl::pkey::PKey::from_rsa(Rsa::generate(bits).expect("key")).expect("key");
    let spki = spki.public_key_to_der().expect("DER");
    PublicKey::from_spki(&tlv::first(&spki, tag::SEQUENCE).expect("SPKI")).expect("key")
}

/// Feeds answers; gives the commands and, once the run is over, the length of the answer or the status of the refusal.
fn climb(key: &PublicKey, first: u32, extended: bool, answers: &[(u16, usize)]) -> (Vec<Command>, Result<usize, u16>) {
    let mut run = ActiveAuthentication::new(key.clone(), first, extended);
    let mut commands = vec![run.begin(&mut SystemEntropy).expect("command")];
    for (status, length) in answers {
        let response = Response { data: vec![0x11; *length].as_slice().into(), status: StatusWord(*status) };
        match run.feed(&response, &mut SystemEntropy) {
            Ok(Step::Send(command)) => commands.push(command),
            Ok(Step::Done(transcript)) => {
                let asked = commands.iter().rfind(|command| command.ins == 0x88).expect("a challenge");
                assert_eq!(asked.data.expose(), transcript.challenge, "the transcript keeps the last challenge");
                return (commands, Ok(transcript.response.len()));
            }
            Err(emrtd::Error::Status { status, .. }) => return (commands, Err(status.0)),
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("{commands:?} has no end");
}

#[test]
fn a_chip_that_dislikes_a_length_is_asked_for_another() {
    let key = rsa_key(2048);
    // (Le, extended form) of each command.
    type Case = (bool, &'static [(u16, usize)], &'static [(u32, bool)], Result<usize, u16>);
    let cases: [Case; 10] = [
        (true, &[(0x9000, 256)], &[(4096, true)], Ok(256)),
        (true, &[(0x6C00, 0), (0x9000, 256)], &[(4096, true), (256, false)], Ok(256)),
        (true, &[(0x9000, 0), (0x9000, 256)], &[(4096, true), (256, false)], Ok(256)),
        (true, &[(0x6700, 0), (0x9000, 256)], &[(4096, true), (256, false)], Ok(256)),
        (true, &[(0x9000, 231), (0x9000, 231), (0x9000, 256)], &[(4096, true), (256, false), (256, true)], Ok(256)),
        (true, &[(0x9000, 231), (0x9000, 0), (0x9000, 7)], &[(4096, true), (256, false), (256, true)], Ok(7)),
        // A length that is named again is no reason to ask again for ever.
        (false, &[(0x6CDF, 0), (0x6CDF, 0)], &[(256, false), (0xDF, false)], Err(0x6CDF)),
        (
            true,
            &[(0x6C10, 0), (0x6C20, 0), (0x6C30, 0), (0x6C40, 0), (0x6C50, 0)],
            &[(4096, true), (16, false), (32, false), (48, false), (64, false)],
            Err(0x6C50),
        ),
        (true, &[(0x6985, 0)], &[(4096, true)], Err(0x6985)),
        (true, &[(0x9000, 0), (0x6985, 0)], &[(4096, true), (256, false)], Err(0x6985)),
    ];
    for (extended, answers, expected, end) in cases {
        let (commands, found) = climb(&key, if extended { 4096 } else { 256 }, extended, answers);
        let asked: Vec<_> = commands.iter().map(|c| (c.le.expect("Le"), c.is_extended())).collect();
        assert_eq!((&asked[..], found), (expected, end), "{answers:04X?}");
        assert!(commands.len() <= 5);
        let mut challenges: Vec<_> =
            commands.iter().filter(|c| c.ins == 0x88).map(|c| c.data.expose().to_vec()).collect();
        let count = challenges.len();
        challenges.sort();
        challenges.dedup();
        assert_eq!(challenges.len(), count, "every challenge is used once");
    }
}

/// A short signature fits every short answer: it is asked for in short length, whatever reader and chip have.
#[test]
fn a_signature_of_128_bytes_is_asked_for_in_short_length() {
    let key = rsa_key(1024);
    for extended in [false, true] {
        let (commands, found) = climb(&key, 256, extended, &[(0x6700, 0), (0x9000, 128)]);
        let asked: Vec<_> = commands.iter().map(|c| (c.le.expect("Le"), c.is_extended())).collect();
        assert_eq!((&asked[..], found), (&[(256, false), (128, false)][..], Ok(128)));
    }
}

/// Only an answer as long as a signature says anything.
#[test]
fn an_answer_of_another_length_is_not_wrong() {
    let judge = |key: &PublicKey, response: &[u8]| {
        let transcript = ActiveAuthenticationTranscript { challenge: CHALLENGE.to_vec(), response: response.to_vec() };
        transcript.judge(key, None).expect("usable key")
    };
    let rsa = rsa_key(2048);
    for (length, answer) in [(0, Answer::Short), (231, Answer::Short), (255, Answer::Short), (257, Answer::Odd)] {
        assert_eq!(judge(&rsa, &vec![0x11; length]), answer, "{length}");
    }
    for response in [[0x11; 256], [0; 256], [0xFF; 256]] {
        assert_eq!(judge(&rsa, &response), Answer::Wrong);
    }
    let private = EcKey::generate(&EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("curve"));
    let private = private.expect("key");
    let mut ctx = BigNumContext::new().expect("context");
    let form = PointConversionForm::UNCOMPRESSED;
    let point = private.public_key().to_bytes(private.group(), form, &mut ctx).expect("point");
    let ec = PublicKey::ec(Curve::Secp256r1, ParameterForm::Named, &point).expect("key");
    for (length, answer) in [(0, Answer::Short), (63, Answer::Short), (64, Answer::Wrong), (65, Answer::Odd)] {
        assert_eq!(judge(&ec, &vec![0x11; length]), answer, "{length}");
    }
    // The DER form has no fixed length, but a shape.
    let integer = |length| encode(tag::INTEGER, &vec![0x11; length]);
    let der = |r, s| encode(tag::SEQUENCE, &[integer(r), integer(s)].concat());
    assert_eq!(judge(&ec, &der(32, 32)), Answer::Wrong);
    assert_eq!(judge(&ec, &der(1, 1)), Answer::Wrong);
    assert_eq!(judge(&ec, &der(33, 32)), Answer::Odd);
    assert_eq!(judge(&ec, &der(32, 32)[..69]), Answer::Odd, "cut");
    assert_eq!(judge(&ec, &[der(32, 32), vec![0]].concat()), Answer::Odd, "something behind it");
    assert_eq!(judge(&ec, &encode(tag::SEQUENCE, &integer(32))), Answer::Short);
}
