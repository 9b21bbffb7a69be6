use super::*;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::pkey::Private;
use openssl::x509::X509Name;
use openssl::x509::extension::BasicConstraints;

fn key() -> EcKey<Private> {
    EcKey::generate(&group().expect("curve")).expect("key")
}

fn public(key: &EcKey<Private>) -> EcKey<Public> {
    EcKey::from_public_key(&group().expect("curve"), key.public_key()).expect("key")
}

fn area(begin: &[u8], key: &EcKey<Private>) -> Vec<u8> {
    let (x, y) = coordinates(&public(key)).expect("point");
    [begin, &[0, 32], &x, &[0, 32], &y].concat()
}

/// What a TPM does: TPM2_ActivateCredential, by the text of part 1 clause 24 and from the other side.
fn activated(endorsement: &EcKey<Private>, name: &Name, credential: &Credential) -> Option<Vec<u8>> {
    let point = hex::decode(&credential.secret).expect("hexadecimal");
    let blob = hex::decode(&credential.blob).expect("hexadecimal");
    let (x, y) = (&point[2..34], &point[36..]);
    let group = group().expect("curve");
    let mut context = BigNumContext::new().expect("context");
    let sender = EcPoint::from_bytes(&group, &[&[4][..], x, y].concat(), &mut context).expect("point");
    let mut shared = EcPoint::new(&group).expect("point");
    shared.mul2(&group, &sender, endorsement.private_key(), &mut context).expect("agreed");
    let (mut z, mut no) = (BigNum::new().expect("number"), BigNum::new().expect("number"));
    shared.affine_coordinates(&group, &mut z, &mut no, &mut context).expect("coordinates");
    let z = z.to_vec_padded(32).expect("32 octets");
    let own = coordinates(&public(endorsement)).expect("point").0;
    let seed = openssl::sha::sha256(&[&[0, 0, 0, 1][..], &z, b"IDENTITY\0", x, &own].concat());
    let mac = |key: &[u8], parts: &[&[u8]]| hmac(key, parts).expect("HMAC").to_vec();
    let integrity = mac(&seed, &[&[0, 0, 0, 1], b"INTEGRITY\0", &[0, 0, 1, 0]]);
    let (said, identity) = blob[2..].split_at(32);
    if mac(&integrity, &[identity, &name.0]) != said {
        return None;
    }
    let cipher = mac(&seed, &[&[0, 0, 0, 1], b"STORAGE\0", &name.0, &[0, 0, 0, 128]]);
    let plain = openssl::symm::decrypt(Cipher::aes_128_cfb128(), &cipher[..16], Some(&[0; 16]), identity).ok()?;
    plain.strip_prefix(&[0, 32]).map(<[u8]>::to_vec)
}

#[test]
fn a_secret_opens_with_one_endorsement_key_and_for_one_name() {
    let (own, other) = (key(), key());
    let endorsement = Endorsement::read(&area(&ENDORSEMENT, &own)).expect("endorsement key");
    let (spki, name) = resident(&area(&SIGNING, &key())).expect("key");
    assert!(PKey::public_key_from_der(&spki).is_ok());
    let (_, another) = resident(&area(&SIGNING, &key())).expect("key");
    let credential = endorsement.credential(&name, &[7; 32]).expect("credential");
    assert_eq!(activated(&own, &name, &credential), Some(vec![7; 32]));
    assert_eq!(activated(&other, &name, &credential), None, "another TPM");
    assert_eq!(activated(&own, &another, &credential), None, "another key in it");
    let again = endorsement.credential(&name, &[7; 32]).expect("credential");
    assert_ne!(again, credential, "each has a sender of its own");
}

#[test]
fn only_what_a_tpm_made_inside_and_keeps_is_taken() {
    let own = key();
    let good = area(&SIGNING, &own);
    assert!(resident(&good).is_ok());
    // Each octet before the point: kind, hash, attributes, policy, scheme, curve.
    for at in 0..SIGNING.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(resident(&changed).is_err(), "octet {at}");
    }
    // fixedTPM, fixedParent, sensitiveDataOrigin: what could be moved or came from elsewhere.
    for bit in [1, 4, 5] {
        let mut changed = good.clone();
        changed[7] ^= 1 << bit;
        assert!(resident(&changed).is_err(), "attribute {bit}");
    }
    let ek = area(&ENDORSEMENT, &own);
    for at in 0..ENDORSEMENT.len() {
        let mut changed = ek.clone();
        changed[at] ^= 1;
        assert!(Endorsement::read(&changed).is_err(), "octet {at}");
    }
    for whole in [&good, &ek] {
        for length in 0..whole.len() {
            assert!(resident(&whole[..length]).is_err() && Endorsement::read(&whole[..length]).is_err());
        }
        assert!(resident(&[&whole[..], &[0]].concat()).is_err());
    }
    let mut off = good;
    let last = off.len() - 1;
    off[last] ^= 1;
    assert!(resident(&off).is_err(), "a point that is not on the curve");
}

#[test]
fn a_coordinate_without_its_leading_zero_is_the_same_key_with_a_name_of_its_own() {
    // One key in 256 has such a point.
    let (x, y) = loop {
        let (x, y) = coordinates(&public(&key())).expect("point");
        if x[0] == 0 {
            break (x, y);
        }
    };
    let whole = resident(&[&SIGNING[..], &[0, 32], &x, &[0, 32], &y].concat()).expect("key");
    let short = resident(&[&SIGNING[..], &[0, 31], &x[1..], &[0, 32], &y].concat()).expect("key");
    assert_eq!(whole.0, short.0);
    assert_ne!(whole.1, short.1);
}

/// A certificate of `subject`'s key that `issuer` signed, valid for days around day 100 of 1970.
fn certificate(subject: (&str, &EcKey<Private>), issuer: (&str, &EcKey<Private>), is_authority: bool) -> X509 {
    let name = |text: &str| {
        let mut name = X509Name::builder().expect("name");
        name.append_entry_by_nid(Nid::COMMONNAME, text).expect("name");
        name.build()
    };
    let mut builder = X509::builder().expect("builder");
    builder.set_version(2).expect("version");
    builder.set_subject_name(&name(subject.0)).expect("name");
    builder.set_issuer_name(&name(issuer.0)).expect("name");
    builder.set_pubkey(&PKey::from_ec_key(public(subject.1)).expect("key")).expect("key");
    builder.set_not_before(&Asn1Time::from_unix(50 * 86_400).expect("time")).expect("time");
    builder.set_not_after(&Asn1Time::from_unix(150 * 86_400).expect("time")).expect("time");
    if is_authority {
        builder.append_extension(BasicConstraints::new().critical().ca().build().expect("extension")).expect("CA");
    }
    builder.sign(&PKey::from_ec_key(issuer.1.clone()).expect("key"), MessageDigest::sha256()).expect("signed");
    builder.build()
}

#[test]
fn only_a_maker_whom_the_operator_named_vouches_for_an_endorsement_key() {
    let (own, root, below, stranger) = (key(), key(), key(), key());
    let endorsement = Endorsement::read(&area(&ENDORSEMENT, &own)).expect("endorsement key");
    let maker = certificate(("maker", &root), ("maker", &root), true);
    let between = certificate(("between", &below), ("maker", &root), true);
    let (direct, under) =
        (certificate(("tpm", &own), ("maker", &root), false), certificate(("tpm", &own), ("between", &below), false));
    let proof = |certificate: Option<&X509>, roots: &[&X509], day: i64| {
        let der = certificate.map(|certificate| certificate.to_der().expect("DER"));
        let roots: Vec<X509> = roots.iter().map(|root| (*root).clone()).collect();
        endorsement.proof(der.as_deref(), &roots, day * 86_400).expect("looked at")
    };
    assert_eq!(proof(Some(&direct), &[&maker], 100), Proof::Vouched);
    assert_eq!(proof(Some(&under), &[&maker, &between], 100), Proof::Vouched);
    assert_eq!(proof(Some(&under), &[&between], 100), Proof::Vouched, "an authority between is named by itself");
    let first_sight = [
        (None, vec![&maker], 100),
        (Some(&direct), vec![], 100),
        // An authority between that nobody brings.
        (Some(&under), vec![&maker], 100),
        (Some(&direct), vec![&maker], 200),
        (Some(&direct), vec![&direct], 100),
    ];
    for (certificate, roots, day) in first_sight {
        assert_eq!(proof(certificate, &roots, day), Proof::FirstSight);
    }
    let foreign = certificate(("tpm", &own), ("maker", &stranger), false);
    assert_eq!(proof(Some(&foreign), &[&maker], 100), Proof::FirstSight, "the name alone says nothing");
    let others = certificate(("tpm", &stranger), ("maker", &root), false);
    assert_eq!(proof(Some(&others), &[&maker], 100), Proof::FirstSight, "another TPM's certificate");
    let garbage = endorsement.proof(Some(b"no certificate"), &[maker], 0).expect("looked at");
    assert_eq!(garbage, Proof::FirstSight);
}
