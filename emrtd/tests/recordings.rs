//! Recordings of real chips, replayed bit-exact.

mod support;

use emrtd::hazmat::active_authentication::{ActiveAuthentication, ActiveAuthenticationTranscript};
use emrtd::hazmat::apdu::{Command, Response};
use emrtd::hazmat::chip_authentication::{ChipAuthentication, ChipAuthenticationParameters};
use emrtd::hazmat::crypto::{Cipher, SessionKeys};
use emrtd::hazmat::exchange::{Exchange, Step};
use emrtd::hazmat::pace::{Pace, ParameterReference};
use emrtd::hazmat::secure_messaging::SecureMessaging;
use emrtd::hazmat::security_info::SecurityInfos;
use emrtd::{ScriptedEntropy, Secret, lds};
use serde_json::Value;
use support::{bytes, hex_upper, shared_json};

fn transcript(name: &str) -> Option<Value> {
    let all = shared_json("vectors/real-chip-transcripts.json")?;
    Some(all["transcripts"][name].clone())
}

fn session(v: &Value) -> SecureMessaging {
    let cipher = match v["cipher"].as_str() {
        Some("TDES") => Cipher::TripleDes,
        _ => Cipher::Aes128,
    };
    let keys = SessionKeys { cipher, enc: Secret::new(bytes(v, "ks_enc")), mac: Secret::new(bytes(v, "ks_mac")) };
    SecureMessaging::with_counter(keys, bytes(v, "ssc").iter().fold(0, |n, b| n << 8 | u128::from(*b)))
}

/// Drives an exchange through recorded protected messages as far as they go.
fn replay_protected<E: Exchange>(
    exchange: &mut E,
    entropy: &mut ScriptedEntropy,
    channel: &mut SecureMessaging,
    apdus: &[Value],
) -> E::Output {
    let mut command = exchange.begin(entropy).expect("first command");
    for apdu in apdus {
        let sent = channel.protect(&command);
        assert_eq!(hex_upper(&sent), hex_upper(&bytes(apdu, "c")));
        let answer = channel.unprotect(&bytes(apdu, "r")).expect("opens");
        match exchange.feed(&answer, entropy).expect("accepted") {
            Step::Send(next) => command = next,
            Step::Done(output) => return output,
        }
    }
    panic!("the exchange wants more than the recording holds");
}

#[test]
fn an_austrian_chip_authenticates_itself() {
    let Some(v) = transcript("CA_AT") else { return };
    let infos = lds::dg14(&bytes(&v, "dg14")).expect("EF.DG14");
    let parameters = ChipAuthenticationParameters::choose(&infos).expect("a usable key");
    let mut entropy = ScriptedEntropy::default();
    entropy.push(&bytes(&v, "terminal_private"));
    let mut channel = session(&v["sm_before"]);
    let apdus = v["apdus"].as_array().expect("apdus");
    let mut run = ChipAuthentication::new(vec![parameters], 0).expect("a way to ask");
    let mut done = replay_protected(&mut run, &mut entropy, &mut channel, apdus);
    // The rest of the recording runs under the new keys.
    for apdu in &apdus[2..] {
        let plain = &apdu["plain"];
        let header = bytes(plain, "header");
        let mut command = Command::new(header[0] & 0xF3, header[1], header[2], header[3]);
        if plain["data"].is_string() {
            command = command.with_data(bytes(plain, "data"));
        }
        if let Some(le) = plain["le"].as_str() {
            let le = u32::from_str_radix(le, 16).expect("Le");
            command = command.with_le(if le == 0 { 256 } else { le });
        }
        assert_eq!(hex_upper(&done.session.protect(&command)), hex_upper(&bytes(apdu, "c")));
        done.session.unprotect(&bytes(apdu, "r")).expect("opens");
    }
    let after = session(&v["sm_after"]);
    assert_eq!(done.session.counter(), after.counter());
}

#[test]
fn a_new_zealand_chip_opens_with_pace_and_3des() {
    let Some(v) = transcript("PACE_NZ_GM_3DES") else { return };
    let infos = SecurityInfos::parse(&bytes(&v, "card_access")).expect("EF.CardAccess");
    // The recording holds SHA-1 of the key data instead of the data; it is the K of PACE either way.
    let password = emrtd::Password::Can(Secret::new(bytes(&v, "password_K_sha1_of_mrz")));
    let mut entropy = ScriptedEntropy::default();
    entropy.push(&bytes(&v, "terminal_map_private"));
    entropy.push(&bytes(&v, "terminal_ka_private"));
    let pairs: Vec<_> = v["apdus"].as_array().expect("apdus").iter().map(|a| (bytes(a, "c"), bytes(a, "r"))).collect();
    let mut pace = Pace::new(infos.pace[0].clone(), password, ParameterReference::Name);
    let mut command = pace.begin(&mut entropy).expect("command");
    for (index, (sent, received)) in pairs.iter().enumerate() {
        let mut encoded = command.encode();
        if index == 0 {
            // Only the password reference differs: the recording used the MRZ.
            let at = encoded.windows(3).position(|w| w == [0x83, 0x01, 0x02]).expect("reference");
            encoded[at + 2] = 0x01;
        }
        assert_eq!(hex_upper(&encoded), hex_upper(sent));
        match pace.feed(&Response::decode(received).expect("response"), &mut entropy).expect("accepted") {
            Step::Send(next) => command = next,
            Step::Done(output) => {
                assert_eq!((index, output.session.cipher()), (pairs.len() - 1, Cipher::TripleDes));
                return;
            }
        }
    }
    panic!("PACE did not finish");
}

#[test]
fn a_chip_signs_a_challenge_with_rsa() {
    let Some(v) = transcript("AA_RSA") else { return };
    let key = lds::dg15::parse(&bytes(&v, "dg15")).expect("EF.DG15");
    let mut entropy = ScriptedEntropy::default();
    entropy.push(&bytes(&v, "nonce"));
    let mut channel = session(&v["sm_before"]);
    let mut run = ActiveAuthentication::new(key.clone(), 256, false);
    let apdus = v["apdus"].as_array().expect("apdus");
    let transcript = replay_protected(&mut run, &mut entropy, &mut channel, apdus);
    assert_eq!(transcript.response, bytes(&v, "signature"));
    assert!(transcript.verify(&key, None).expect("usable key"));
    for bit in 0..transcript.response.len() * 8 {
        let mut changed: ActiveAuthenticationTranscript = transcript.clone();
        changed.response[bit / 8] ^= 1 << (bit % 8);
        assert!(!changed.verify(&key, None).expect("usable key"), "bit {bit}");
    }
}
