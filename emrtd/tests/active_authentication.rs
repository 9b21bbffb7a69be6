//! Active authentication with every hash and every curve, signed by OpenSSL on the card's behalf (ICAO 9303-11 §6.1).

use emrtd::active_authentication::ActiveAuthenticationTranscript;
use emrtd::crypto::curve::ParameterForm;
use emrtd::crypto::{Curve, HashAlgorithm, PublicKey};
use emrtd::tlv::{self, tag};
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
