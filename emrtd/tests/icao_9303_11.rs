//! The worked examples of ICAO 9303-11, every intermediate value, and the leading-zero set.

mod support;

use emrtd::hazmat::apdu::{Command, Response};
use emrtd::hazmat::bac::Bac;
use emrtd::hazmat::crypto::integrated::random_function;
use emrtd::hazmat::crypto::{AgreementKey, Cipher, Curve, DhDomain, Domain, ModpGroup, SessionKeys};
use emrtd::hazmat::pace::{Pace, PaceOutput, ParameterReference};
use emrtd::hazmat::security_info::SecurityInfos;
use emrtd::hazmat::tlv;
use emrtd::{HashAlgorithm, Mrz, MrzKey, Password, ScriptedEntropy, Secret};
use serde_json::Value;
use support::{bytes, replay, shared_json, standard};

fn key_of(information: &str) -> MrzKey {
    let number = information.len() - 14;
    MrzKey::new(&information[..number - 1], &information[number..number + 6], &information[number + 7..number + 13])
        .expect("key data")
}

#[test]
fn appendix_d_mrz_samples_yield_the_key_data() {
    for sample in standard()["bac"]["mrz_samples"].as_array().expect("samples") {
        let mrz = Mrz::parse(sample["mrz"].as_str().expect("mrz")).expect("MRZ");
        // The standard prints a wrong composite check digit in the two samples without a long number.
        let long = sample["format"].as_str().expect("format").ends_with("long");
        assert_eq!(mrz.check_digits_ok, long, "{}", sample["format"]);
        assert_eq!(mrz.key().expect("key").information(), sample["mrz_information"].as_str().expect("text").as_bytes());
    }
}

#[test]
fn appendix_d_basic_access_control() {
    let v = &standard()["bac"];
    let key = key_of(v["mrz_information"].as_str().expect("text"));
    assert_eq!(key.information(), v["mrz_information"].as_str().expect("text").as_bytes());
    let seed = HashAlgorithm::Sha1.digest(key.information());
    assert_eq!(seed[..16], bytes(v, "Kseed"));
    assert_eq!(Cipher::TripleDes.derive(&seed[..16], 1).expose(), bytes(v, "KEnc"));
    assert_eq!(Cipher::TripleDes.derive(&seed[..16], 2).expose(), bytes(v, "KMAC"));

    let mut entropy = ScriptedEntropy::default();
    entropy.push(&bytes(v, "RND_IFD"));
    entropy.push(&bytes(v, "K_IFD"));
    let ok = [0x90, 0x00];
    let authenticate = [&[0x00, 0x82, 0, 0, 0x28][..], &bytes(v, "EIFD"), &bytes(v, "MIFD"), &[0x28]].concat();
    let mut session = replay(
        &mut Bac::new(&key),
        &mut entropy,
        &[
            (vec![0x00, 0x84, 0, 0, 8], [&bytes(v, "RND_IC")[..], &ok].concat()),
            (authenticate, [&bytes(v, "EIC")[..], &bytes(v, "MIC"), &ok].concat()),
        ],
    );
    let ssc = bytes(v, "SSC").iter().fold(0u128, |n, b| n << 8 | u128::from(*b));
    assert_eq!(session.counter(), ssc);

    let session_seed = bytes(v, "Kseed_session");
    assert_eq!(Cipher::TripleDes.derive(&session_seed, 1).expose(), bytes(v, "KSEnc"));
    assert_eq!(Cipher::TripleDes.derive(&session_seed, 2).expose(), bytes(v, "KSMAC"));
    for message in v["sm"].as_array().expect("messages") {
        let plain = plain_command(&bytes(message, "plain"));
        assert_eq!(session.protect(&plain), bytes(message, "prot"));
        let opened = session.unprotect(&bytes(message, "resp")).expect("opens");
        let expected = Response::decode(&bytes(message, "plain_resp")).expect("response");
        assert_eq!((opened.data.expose(), opened.status), (expected.data.expose(), expected.status));
    }
}

/// Short commands of the examples: case 2 (five bytes) or case 3.
fn plain_command(bytes: &[u8]) -> Command {
    let command = Command::new(bytes[0], bytes[1], bytes[2], bytes[3]);
    match bytes.len() {
        5 => command.with_le(u32::from(bytes[4])),
        _ => command.with_data(bytes[5..].to_vec()),
    }
}

fn pairs(apdus: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let apdus: Vec<_> = apdus.as_array().expect("apdus").iter().map(|a| bytes(a, "hex")).collect();
    apdus.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// Appendix I prints one private key that is larger than the order.
fn reduced(private: &[u8], curve: Curve) -> Vec<u8> {
    assert_eq!(curve, Curve::BrainpoolP256r1, "the only curve of the examples");
    let order = "A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7";
    let order = openssl::bn::BigNum::from_hex_str(order).expect("number");
    let private = openssl::bn::BigNum::from_slice(private).expect("number");
    (&private % &order).to_vec_padded(32).expect("number")
}

/// Every value of a generic mapping run, computed from the two private keys of each side.
fn check_generic_mapping(v: &Value, cipher: Cipher, curve: Curve) {
    let point = |field: &str| [&[0x04][..], &bytes(v, field)].concat();
    let nonce = cipher.decrypt(&Secret::new(bytes(v, "Kpi")), cipher.zero_iv(), &bytes(v, "enc_nonce_z"));
    assert_eq!(nonce.as_deref(), Some(&bytes(v, "nonce_s")[..]));
    let domain = Domain::standard(curve).expect("curve");
    let terminal = domain.key_pair_from_bytes(&bytes(v, "map_term_priv")).expect("key");
    let chip = domain.key_pair_from_bytes(&bytes(v, "map_chip_priv")).expect("key");
    assert_eq!(terminal.public(), point("map_term_pub"));
    assert_eq!(chip.public(), point("map_chip_pub"));
    let shared = domain.agree(&terminal, chip.public()).expect("agree");
    assert_eq!(shared.uncompressed(), point("shared_H"));
    assert_eq!(domain.agree(&chip, terminal.public()).expect("agree").uncompressed(), point("shared_H"));
    let mapped = domain.map_generic(&Secret::new(bytes(v, "nonce_s")), &terminal, chip.public()).expect("map");
    assert_eq!(mapped.generator().expect("generator"), point("mapped_G"));
    let terminal = mapped.key_pair_from_bytes(&bytes(v, "ka_term_priv")).expect("key");
    let chip = mapped.key_pair_from_bytes(&reduced(&bytes(v, "ka_chip_priv"), curve)).expect("key");
    assert_eq!(terminal.public(), point("ka_term_pub"));
    assert_eq!(chip.public(), point("ka_chip_pub"));
    let shared = mapped.agree(&terminal, chip.public()).expect("agree");
    assert_eq!(shared.x(), bytes(v, "shared_K"));
    let keys = SessionKeys::derive(cipher, shared.x());
    assert_eq!(keys.enc.expose(), bytes(v, "KSEnc"));
    assert_eq!(keys.mac.expose(), bytes(v, "KSMAC"));
}

#[test]
fn appendix_g1_pace_generic_mapping() {
    let v = &standard()["pace_gm_ecdh"];
    let password = Password::Mrz(key_of(v["password_mrz_information"].as_str().expect("text")));
    assert_eq!(password.pace_secret().expose(), bytes(v, "K"));
    assert_eq!(Cipher::Aes128.derive(&bytes(v, "K"), 3).expose(), bytes(v, "Kpi"));
    check_generic_mapping(v, Cipher::Aes128, Curve::BrainpoolP256r1);
    let keys = SessionKeys::derive(Cipher::Aes128, &bytes(v, "shared_K"));
    assert_eq!(Cipher::Aes128.mac(&keys.mac, &bytes(v, "input_T_IFD"))[..], bytes(v, "T_IFD"));
    assert_eq!(Cipher::Aes128.mac(&keys.mac, &bytes(v, "input_T_IC"))[..], bytes(v, "T_IC"));

    let infos = SecurityInfos::parse(&tlv::encode(0x31, &bytes(v, "PACEInfo"))).expect("SecurityInfos");
    let mut entropy = ScriptedEntropy::default();
    entropy.push(&bytes(v, "map_term_priv"));
    entropy.push(&bytes(v, "ka_term_priv"));
    let mut pace = Pace::new(infos.pace[0].clone(), password, ParameterReference::Omit);
    let session = replay(&mut pace, &mut entropy, &pairs(&v["apdus"])).session;
    assert_eq!((session.cipher(), session.counter()), (Cipher::Aes128, 0));
}

/// Replays the commands of a worked example with the terminal's two private keys.
fn replay_example(v: &Value) -> PaceOutput {
    let password = Password::Mrz(key_of(v["password_mrz_information"].as_str().expect("text")));
    assert_eq!(Cipher::Aes128.derive(password.pace_secret().expose(), 3).expose(), bytes(v, "Kpi"));
    let infos = SecurityInfos::parse(&tlv::encode(0x31, &bytes(v, "PACEInfo"))).expect("SecurityInfos");
    let mut entropy = ScriptedEntropy::default();
    entropy.push(&bytes(v, "map_term_priv"));
    entropy.push(&bytes(v, "ka_term_priv"));
    let mut pace = Pace::new(infos.pace[0].clone(), password, ParameterReference::Omit);
    let mut exchanged = pairs(&v["apdus"]);
    // Appendix G.2 prints the last answer without its status.
    let (_, last) = exchanged.last_mut().expect("an answer");
    if !last.ends_with(&[0x90, 0x00]) {
        last.extend([0x90, 0x00]);
    }
    replay(&mut pace, &mut entropy, &exchanged)
}

fn check_tokens(v: &Value) {
    let keys = SessionKeys::derive(Cipher::Aes128, &bytes(v, "shared_K"));
    assert_eq!(keys.enc.expose(), bytes(v, "KSEnc"));
    assert_eq!(keys.mac.expose(), bytes(v, "KSMAC"));
    assert_eq!(Cipher::Aes128.mac(&keys.mac, &bytes(v, "input_T_IFD"))[..], bytes(v, "T_IFD"));
    assert_eq!(Cipher::Aes128.mac(&keys.mac, &bytes(v, "input_T_IC"))[..], bytes(v, "T_IC"));
}

fn nonce_of(v: &Value) -> Secret {
    let cipher = Cipher::Aes128;
    let nonce = cipher.decrypt(&Secret::new(bytes(v, "Kpi")), cipher.zero_iv(), &bytes(v, "enc_nonce_z"));
    assert_eq!(nonce.as_deref(), Some(&bytes(v, "nonce_s")[..]));
    Secret::new(bytes(v, "nonce_s"))
}

/// Key agreement of a DH example on its mapped generator, from all private keys.
fn check_dh_agreement(v: &Value, mapped: &DhDomain) {
    assert_eq!(mapped.generator(), bytes(v, "mapped_g"));
    let terminal = mapped.key_pair_from_bytes(&bytes(v, "ka_term_priv")).expect("key");
    let chip = mapped.key_pair_from_bytes(&bytes(v, "ka_chip_priv")).expect("key");
    assert_eq!(terminal.public(), bytes(v, "ka_term_pub"));
    assert_eq!(chip.public(), bytes(v, "ka_chip_pub"));
    assert_eq!(mapped.agree(&terminal, chip.public()).expect("agree").expose(), bytes(v, "shared_K"));
    assert_eq!(mapped.agree(&chip, terminal.public()).expect("agree").expose(), bytes(v, "shared_K"));
}

#[test]
fn appendix_g2_pace_generic_mapping_over_dh() {
    let v = &standard()["pace_gm_dh"];
    let domain = DhDomain::standard(ModpGroup::Modp1024Sub160).expect("group");
    let terminal = domain.key_pair_from_bytes(&bytes(v, "map_term_priv")).expect("key");
    let chip = domain.key_pair_from_bytes(&bytes(v, "map_chip_priv")).expect("key");
    assert_eq!(terminal.public(), bytes(v, "map_term_pub"));
    assert_eq!(chip.public(), bytes(v, "map_chip_pub"));
    let shared = domain.agree(&terminal, chip.public()).expect("agree");
    assert_eq!(shared.expose(), bytes(v, "shared_H"));
    check_dh_agreement(v, &domain.map_generic(&nonce_of(v), &terminal, chip.public()).expect("map"));
    check_tokens(v);
    assert_eq!(replay_example(v).session.cipher(), Cipher::Aes128);
}

#[test]
fn appendix_h1_pace_integrated_mapping() {
    let v = &standard()["pace_im_ecdh"];
    let random = random_function(Cipher::Aes128, &nonce_of(v), &bytes(v, "nonce_t"), 256);
    assert_eq!(random, bytes(v, "R"));
    let mapped = Domain::standard(Curve::BrainpoolP256r1).expect("curve").map_integrated(&random).expect("map");
    assert_eq!(mapped.generator().expect("generator")[1..], [bytes(v, "mapped_Gx"), bytes(v, "mapped_Gy")].concat());
    let point = |field: &str| [&[0x04][..], &bytes(v, field)].concat();
    let terminal = mapped.key_pair_from_bytes(&bytes(v, "ka_term_priv")).expect("key");
    let chip = mapped.key_pair_from_bytes(&bytes(v, "ka_chip_priv")).expect("key");
    assert_eq!((terminal.public(), chip.public()), (&point("ka_term_pub")[..], &point("ka_chip_pub")[..]));
    assert_eq!(mapped.agree(&terminal, chip.public()).expect("agree").x(), bytes(v, "shared_K"));
    check_tokens(v);
}

#[test]
fn appendix_h2_pace_integrated_mapping_over_dh() {
    let v = &standard()["pace_im_dh"];
    let random = random_function(Cipher::Aes128, &nonce_of(v), &bytes(v, "nonce_t"), 1024);
    assert_eq!(random, bytes(v, "R"));
    let domain = DhDomain::standard(ModpGroup::Modp1024Sub160).expect("group");
    check_dh_agreement(v, &domain.map_integrated(&random).expect("map"));
    check_tokens(v);
}

#[test]
fn appendix_i_pace_chip_authentication_mapping() {
    let v = &standard()["pace_cam_ecdh"];
    check_generic_mapping(v, Cipher::Aes128, Curve::BrainpoolP256r1);
    check_tokens(v);
    let output = replay_example(v);
    let data = output.chip_authentication.expect("chip authentication data");
    assert_eq!(data.data, bytes(v, "dec_CA_data"));
    assert_eq!(data.mapping_key, [&[0x04][..], &bytes(v, "map_chip_pub")].concat());
    let chip = [&[0x04][..], &bytes(v, "chip_CA_pub")].concat();
    let key = AgreementKey::Ec { curve: Curve::BrainpoolP256r1, point: chip.clone() };
    assert_eq!(data.verify(&key), Ok(true));
    let mut other = data.clone();
    other.data[0] ^= 1;
    assert_eq!(other.verify(&key), Ok(false), "another number is no proof");
    // EF.CardSecurity holds the same key.
    let infos = SecurityInfos::parse(&tlv::encode(0x31, &bytes(v, "ChipAuthenticationPublicKeyInfo"))).expect("infos");
    let Ok(AgreementKey::Ec { point, .. }) = &infos.chip_authentication_keys[0].key else { panic!("a key") };
    assert_eq!(*point, chip);
}

/// The message of appendix F; its modulus is not printed, so a real chip stands in for the signature
/// (`recordings.rs`).
#[test]
fn appendix_f_active_authentication_message() {
    let v = &standard()["active_authentication_rsa"];
    // M1 is printed one byte longer than F holds: 106 bytes of message make a 1,024-bit block.
    let f = bytes(v, "F");
    let (m1, hash) = (&f[1..f.len() - 21], &f[f.len() - 21..f.len() - 1]);
    assert_eq!(hash, HashAlgorithm::Sha1.digest(&[m1, &bytes(v, "RND_IFD")].concat()));
    assert_eq!((f[0], f[f.len() - 1]), (0x6A, 0xBC));
    assert_eq!(m1, bytes(v, "M1"));
    assert_eq!(hash, bytes(v, "H"));
}

/// Appendix H.1 works with the CAN 123456.
#[test]
fn the_password_of_a_can_is_its_digits() {
    let password = Password::can("123456").expect("CAN");
    let key = Cipher::Aes128.derive(password.pace_secret().expose(), 3);
    assert_eq!(hex::encode_upper(key.expose()), "591468CDA83D65219CCCB8560233600F");
}

#[test]
fn leading_zeros_are_kept_in_every_place_with_shared_vectors() {
    let Some(all) = shared_json("vectors/pace-leading-zero-vectors.json") else { return };
    let cases = all["vectors"].as_array().expect("vectors");
    assert!(cases.len() >= 7);
    for v in cases {
        println!("{}", v["case"]);
        check_generic_mapping(v, Cipher::Aes128, Curve::BrainpoolP256r1);
        let can = v["password"].as_str().and_then(|p| p.strip_prefix("CAN ")).expect("a CAN");
        // This set was made with SHA-1 of the CAN for K, where the standard takes the digits themselves
        // (see `the_password_of_a_can_is_its_digits`); K is an input here, so the rest is unaffected.
        let password = Password::Can(Secret::new(HashAlgorithm::Sha1.digest(can.as_bytes())));
        assert_eq!(Cipher::Aes128.derive(password.pace_secret().expose(), 3).expose(), bytes(v, "Kpi"));
        // The whole run with the terminal's keys: both tokens come out.
        let infos = SecurityInfos::parse(&hex::decode("31143012060a04007f0007020204020202010202010d").expect("hex"));
        let mut entropy = ScriptedEntropy::default();
        entropy.push(&bytes(v, "map_term_priv"));
        entropy.push(&bytes(v, "ka_term_priv"));
        let tlv7c = |tag, value: &[u8]| tlv::encode(0x7C, &tlv::encode(tag, value));
        let point = |field: &str| [&[0x04][..], &bytes(v, field)].concat();
        let command = |cla: u8, data: Vec<u8>| [&[cla, 0x86, 0, 0, data.len() as u8][..], &data, &[0]].concat();
        let answer = |data: Vec<u8>| [&data[..], &[0x90, 0x00]].concat();
        let run = [
            (hex::decode("0022c1a40f800a04007f00070202040202830102").expect("hex"), vec![0x90, 0x00]),
            (command(0x10, vec![0x7C, 0]), answer(tlv7c(0x80, &bytes(v, "enc_nonce_z")))),
            (command(0x10, tlv7c(0x81, &point("map_term_pub"))), answer(tlv7c(0x82, &point("map_chip_pub")))),
            (command(0x10, tlv7c(0x83, &point("ka_term_pub"))), answer(tlv7c(0x84, &point("ka_chip_pub")))),
            (command(0x00, tlv7c(0x85, &bytes(v, "T_IFD"))), answer(tlv7c(0x86, &bytes(v, "T_IC")))),
        ];
        let info = infos.expect("SecurityInfos").pace[0].clone();
        let _: PaceOutput = replay(&mut Pace::new(info, password, ParameterReference::Omit), &mut entropy, &run);
    }
}
