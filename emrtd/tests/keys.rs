//! Keys and signatures in the forms of BSI TR-03111 and TR-03110, made by OpenSSL and put into those forms here.

mod support;

use emrtd::HashAlgorithm;
use emrtd::hazmat::crypto::curve::ParameterForm;
use emrtd::hazmat::crypto::{Curve, PublicKey, SignatureAlgorithm};
use emrtd::hazmat::security_info::SecurityInfos;
use emrtd::hazmat::tlv::{self, encode, tag};
use emrtd::lds::dg15;
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;

/// ecdsa-plain-SHA1 and on, arcs 1 to 5.
fn plain_identifier(arc: u8) -> Vec<u8> {
    encode(tag::OID, &[0x04, 0x00, 0x7F, 0x00, 0x07, 0x01, 0x01, 0x04, 0x01, arc])
}

fn algorithm(identifier: &[u8]) -> Result<SignatureAlgorithm, emrtd::hazmat::crypto::CryptoError> {
    let sequence = encode(tag::SEQUENCE, identifier);
    SignatureAlgorithm::from_algorithm(&tlv::first(&sequence, tag::SEQUENCE).expect("SEQUENCE"), None)
}

#[test]
fn plain_signatures_hold_under_their_identifiers_and_in_no_other_form() {
    const MESSAGE: &[u8] = b"signed in the plain form";
    let digests = [
        (1, MessageDigest::sha1(), HashAlgorithm::Sha1),
        (2, MessageDigest::sha224(), HashAlgorithm::Sha224),
        (3, MessageDigest::sha256(), HashAlgorithm::Sha256),
        (4, MessageDigest::sha384(), HashAlgorithm::Sha384),
        (5, MessageDigest::sha512(), HashAlgorithm::Sha512),
    ];
    for (curve, nid, width) in [
        (Curve::BrainpoolP256r1, Nid::BRAINPOOL_P256R1, 32),
        (Curve::BrainpoolP512r1, Nid::BRAINPOOL_P512R1, 64),
        (Curve::Secp521r1, Nid::SECP521R1, 66),
    ] {
        let group = EcGroup::from_curve_name(nid).expect("curve");
        let own = EcKey::generate(&group).expect("key");
        let mut context = BigNumContext::new().expect("context");
        let point = own.public_key().to_bytes(&group, PointConversionForm::UNCOMPRESSED, &mut context).expect("point");
        let key = PublicKey::ec(curve, ParameterForm::Named, &point).expect("key");
        let own = PKey::from_ec_key(own).expect("key");
        for (arc, digest, hash) in digests {
            let named = algorithm(&plain_identifier(arc)).expect("known");
            assert_eq!(named, SignatureAlgorithm::EcdsaPlain(hash));
            let der = Signer::new(digest, &own).expect("signer").sign_oneshot_to_vec(MESSAGE).expect("signature");
            let pair = EcdsaSig::from_der(&der).expect("r and s");
            let half = |n: &openssl::bn::BigNumRef| n.to_vec_padded(width).expect("width");
            let plain = [half(pair.r()), half(pair.s())].concat();
            let holds = |message: &[u8], signature: &[u8]| key.verify(&named, message, signature).expect("fits");
            assert!(holds(MESSAGE, &plain), "{} {}", curve.name(), hash.name());
            assert!(!holds(b"another", &plain) && !holds(MESSAGE, &der), "{} {}", curve.name(), hash.name());
            assert!(
                !holds(MESSAGE, &plain[1..]) && !holds(MESSAGE, &[&[0], &plain[..]].concat()) && !holds(MESSAGE, &[])
            );
            for at in [0, width as usize - 1, plain.len() - 1] {
                let mut flipped = plain.clone();
                flipped[at] ^= 1;
                assert!(!holds(MESSAGE, &flipped), "byte {at}");
            }
            assert!(!key.verify(&SignatureAlgorithm::Ecdsa(hash), MESSAGE, &plain).expect("fits"), "not DER");
        }
    }
    for arc in [0, 6, 7, 255] {
        assert!(algorithm(&plain_identifier(arc)).is_err(), "arc {arc}");
    }
}

#[test]
fn the_hash_of_active_authentication_is_named_by_either_family() {
    let x962 = |last: u8| encode(tag::OID, &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, last]);
    for (identifier, hash) in [
        (plain_identifier(3), Some(HashAlgorithm::Sha256)),
        (plain_identifier(5), Some(HashAlgorithm::Sha512)),
        (x962(3), Some(HashAlgorithm::Sha384)),
        (plain_identifier(6), None),
    ] {
        let id_aa = encode(tag::OID, &[0x67, 0x81, 0x08, 0x01, 0x01, 0x05]);
        let info = encode(tag::SEQUENCE, &[id_aa, encode(tag::INTEGER, &[1]), identifier].concat());
        let infos = SecurityInfos::parse(&encode(tag::SET, &info)).expect("SecurityInfos");
        assert_eq!(infos.active_authentication_hash, hash);
    }
}

/// A modulus of whole bytes has its highest bit set; without the zero octet in front DER makes it negative.
#[test]
fn a_modulus_of_a_chip_is_unsigned_and_one_of_a_certificate_is_not_mended() {
    let rsa = Rsa::generate(2048).expect("key");
    let modulus = rsa.n().to_vec();
    let spki = |modulus: &[u8]| {
        let numbers = [encode(tag::INTEGER, modulus), encode(tag::INTEGER, &rsa.e().to_vec())].concat();
        let bits = encode(tag::BIT_STRING, &[&[0], &encode(tag::SEQUENCE, &numbers)[..]].concat());
        let rsa_encryption = encode(tag::OID, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]);
        let algorithm = encode(tag::SEQUENCE, &[rsa_encryption, encode(tag::NULL, &[])].concat());
        encode(tag::SEQUENCE, &[algorithm, bits].concat())
    };
    let (short, whole) = (spki(&modulus), spki(&[&[0], &modulus[..]].concat()));
    for bytes in [&short, &whole] {
        let key = dg15::parse(&encode(0x6F, bytes)).expect("a key");
        let PublicKey::Rsa { key, bits: 2048 } = key else { panic!("{key:?}") };
        assert_eq!(key.rsa().expect("RSA").n(), rsa.n());
    }
    let of_certificate = |bytes: &[u8]| PublicKey::from_spki(&tlv::first(bytes, tag::SEQUENCE).expect("SPKI")).is_ok();
    assert!(of_certificate(&whole) && !of_certificate(&short));
    assert!(dg15::parse(&encode(0x6F, &spki(&[]))).is_err(), "no modulus at all");
}

#[test]
fn the_key_of_a_test_document_of_the_bsi_is_read() {
    let Some(path) = support::shared("lds/bsi-tr03105-new/Datagroup15.bin") else { return };
    let key = dg15::parse(&std::fs::read(path).expect("readable")).expect("a key");
    assert!(key.describe().starts_with("RSA"), "{}", key.describe());
}

/// A value outside of the subgroup gives its owner a piece of the terminal's key; 0, 1 and p - 1 give away the shared secret.
#[test]
fn values_outside_the_subgroup_are_refused() {
    use emrtd::SystemEntropy;
    use emrtd::hazmat::crypto::CryptoError;
    use emrtd::hazmat::crypto::dh::{DhDomain, ModpGroup};
    let refused = Some(CryptoError::Invalid("public value"));
    for group in [ModpGroup::Modp1024Sub160, ModpGroup::Modp2048Sub224, ModpGroup::Modp2048Sub256] {
        let domain = DhDomain::standard(group).expect("group");
        let pair = || domain.key_pair(&mut SystemEntropy).expect("key pair");
        let own = pair();
        assert!(domain.agree(&own, pair().public()).is_ok());
        for value in [&[][..], &[0], &[1], &[2], &[3]] {
            assert_eq!(domain.agree(&own, value).err(), refused, "{group:?} {value:?}");
        }
    }
    // Where nobody says the order of the subgroup, the trivial ones are refused all the same.
    let parameters = openssl::dh::Dh::get_2048_256().expect("group");
    let (p, g) = (parameters.prime_p().to_vec(), parameters.generator().to_vec());
    let stated = DhDomain::stated(&p, None, &g).expect("group");
    let own = stated.key_pair(&mut SystemEntropy).expect("key pair");
    let mut last = p.clone();
    *last.last_mut().expect("a prime") -= 1;
    for value in [&[0][..], &[1], &last, &p] {
        assert_eq!(stated.agree(&own, value).err(), refused);
    }
}
