//! A device's TPM and central: what it proves, and what it does not.

mod fleet_of_one;

use cccd_central::StoreError;
use cccd_central::registrar::registry::{Device, DeviceState, Registry};
use cccd_central::registrar::said::Protection;
use cccd_central::registrar::{Policy, Registrar, RegistrarError};
use cccd_central::tls::Presented;
use drivers::key_store::tpm::TpmKeyStore;
use drivers::key_store::{KeyStore as _, KeyStoreError, Residence as _};
use events::Clock;
use fleet::authority::FleetCa;
use fleet::fingerprint;
use fleet::residence::{Challenge, Claim, Credential, Endorsement, Opened, Proof};
use fleet_of_one::{PHRASE, Rig, key};
use openssl::pkey::PKey;
use openssl::x509::X509;
use std::sync::Arc;
use test_support::software_tpm::SoftwareTpm;

/// A maker of TPMs: key and certificate.
fn maker() -> (PKey<openssl::pkey::Private>, X509) {
    let (key, _) = key();
    let certificate = certified(&key, &key.public_key_to_der().expect("key"), true);
    (key, certificate)
}

/// A certificate of a maker's for a key.
fn certified(maker: &PKey<openssl::pkey::Private>, key: &[u8], is_authority: bool) -> X509 {
    let name = |text: &str| {
        let mut name = openssl::x509::X509Name::builder().expect("name");
        name.append_entry_by_text("CN", text).expect("name");
        name.build()
    };
    let mut builder = X509::builder().expect("builder");
    builder.set_version(2).expect("version");
    builder.set_subject_name(&name(if is_authority { "maker" } else { "chip" })).expect("name");
    builder.set_issuer_name(&name("maker")).expect("name");
    builder.set_pubkey(&*PKey::public_key_from_der(key).expect("key")).expect("key");
    let at = |days: u32| openssl::asn1::Asn1Time::days_from_now(days).expect("time");
    builder.set_not_before(&at(0)).expect("time");
    builder.set_not_after(&at(9000)).expect("time");
    if is_authority {
        let ca = openssl::x509::extension::BasicConstraints::new().critical().ca().build().expect("extension");
        builder.append_extension(ca).expect("extension");
    }
    builder.sign(maker, openssl::hash::MessageDigest::sha256()).expect("signed");
    builder.build()
}

/// A device that came in with its keys in a TPM, as central sees it at each request.
fn in_a_tpm(rig: &Rig, name: &str, keys: &TpmKeyStore) -> Presented {
    let (birth, event) = (keys.generate("birth").expect("key"), keys.generate("event").expect("key"));
    let device = Device {
        name: name.to_owned(),
        serial: name.to_owned(),
        site: "Site A".to_owned(),
        profile: "identify".to_owned(),
        state: DeviceState::Active,
        birth: Some(fingerprint(&birth)),
        event_key: Some(hex::encode(event)),
        protection: Some(Protection::said("tpm")),
        ..Device::default()
    };
    rig.registrar.registry().change::<_, StoreError>(|change| change.put(&device)).expect("let in");
    Presented { name: name.to_owned(), key: "its TLS key".to_owned() }
}

/// Central over the same registry, where it believes what these makers certify.
fn believing(rig: &Rig, makers: Vec<X509>) -> Registrar {
    let at = |name: &str| rig.directory.path().join(name);
    let ca = FleetCa::open(&at("ca"), PHRASE).expect("CA");
    let policy = Policy {
        url: "https://central.example".to_owned(),
        environment: "practice".to_owned(),
        operators: Vec::new(),
        days: 90,
        grace_days: 400,
        files: None,
    };
    let registry = Registry::open(&at("central.db")).expect("registry");
    Registrar::new(registry, ca, policy, Arc::clone(&rig.clock) as Arc<dyn Clock>).believing(makers)
}

/// What a device shows of a TPM, with keys of the same or another.
fn claim(endorsement: &TpmKeyStore, keys: &TpmKeyStore) -> Claim {
    let area = |label| hex::encode(keys.public_area(label).expect("public area"));
    Claim {
        endorsement: hex::encode(endorsement.endorsement().expect("endorsement key").public),
        certificate: None,
        birth: area("birth"),
        event: area("event"),
    }
}

fn opens(keys: &TpmKeyStore, challenge: &Challenge) -> Result<Opened, KeyStoreError> {
    let open = |label, credential: &Credential| {
        let octets = |text: &String| hex::decode(text).expect("hexadecimal");
        keys.activate(label, &octets(&credential.blob), &octets(&credential.secret)).map(|secret| hex::encode(&*secret))
    };
    Ok(Opened { birth: open("birth", &challenge.birth)?, event: open("event", &challenge.event)? })
}

#[test]
fn where_keys_are_is_believed_when_the_tpm_proved_it() {
    let (maker, root) = maker();
    let rig = Rig::new();
    let (tpms, directory) = ([SoftwareTpm::start(), SoftwareTpm::start()], tempfile::tempdir().expect("directory"));
    let [own, other] = ["own", "other"].map(|name| {
        let tpm = &tpms[usize::from(name == "other")];
        TpmKeyStore::open(&tpm.tcti(), &directory.path().join(name), b"pass phrase").expect("TPM")
    });
    let presented = in_a_tpm(&rig, "kiosk-1", &own);
    let theirs = in_a_tpm(&rig, "kiosk-2", &other);
    let known = || rig.registrar.registry().device("kiosk-1").expect("registry").expect("a device");
    let shown = || known().protection.expect("said").to_string();
    let ask = |claim: &Claim| rig.registrar.claim(&presented, claim);
    let tell = |opened: &Opened| rig.registrar.opened(&presented, opened);
    let code = |error: RegistrarError| error.answer().1;
    assert_eq!(shown(), "tpm (unproved)", "its own word");

    // Keys of somebody else, and what is no TPM's.
    assert_eq!(code(ask(&claim(&other, &other)).expect_err("theirs")), "tpm_keys");
    let swapped = Claim { birth: claim(&own, &own).event, ..claim(&own, &own) };
    assert_eq!(code(ask(&swapped).expect_err("the wrong one")), "tpm_keys");
    let nonsense = Claim { endorsement: claim(&own, &own).birth, ..claim(&own, &own) };
    assert_eq!(code(ask(&nonsense).expect_err("no endorsement key")), "fleet_malformed");
    // The endorsement key of one TPM, the keys of another: neither opens it.
    let mixed = ask(&claim(&other, &own)).expect("asked");
    assert_eq!(opens(&own, &mixed).expect_err("another TPM's").code(), "key_store_not_for_us");
    assert_eq!(opens(&other, &mixed).expect_err("keys that are not in it").code(), "key_store_not_for_us");
    // What was encrypted for one key is not given out for another in the same TPM.
    let crossed = ask(&claim(&own, &own)).expect("asked");
    let crossed = Challenge { birth: crossed.event.clone(), event: crossed.birth };
    assert_eq!(opens(&own, &crossed).expect_err("another key's").code(), "key_store_not_for_us");
    // A wrong answer ends the question.
    let challenge = ask(&claim(&own, &own)).expect("asked");
    let right = opens(&own, &challenge).expect("opened");
    let wrong = Opened { event: right.birth.clone(), ..right.clone() };
    assert_eq!(code(tell(&wrong).expect_err("wrong")), "tpm_proof");
    assert_eq!(code(tell(&right).expect_err("over")), "tpm_unasked");
    // What another device was asked is nothing here.
    let asked_there = rig.registrar.claim(&theirs, &claim(&other, &other)).expect("asked");
    let opened_there = opens(&other, &asked_there).expect("opened");
    assert_eq!(code(tell(&opened_there).expect_err("not asked here")), "tpm_unasked");
    ask(&claim(&own, &own)).expect("asked");
    assert_eq!(code(tell(&opened_there).expect_err("another device's")), "tpm_proof");
    // Too late.
    let late = ask(&claim(&own, &own)).expect("asked");
    rig.clock.pass(121);
    assert_eq!(code(tell(&opens(&own, &late).expect("opened")).expect_err("late")), "tpm_unasked");
    assert_eq!(shown(), "tpm (unproved)", "nothing of all that proved anything");

    let challenge = ask(&claim(&own, &own)).expect("asked");
    let answer = opens(&own, &challenge).expect("opened");
    tell(&answer).expect("proved");
    assert_eq!(shown(), "tpm (known by first sight)", "nobody vouches for this TPM");
    assert_eq!(code(tell(&answer).expect_err("replayed")), "tpm_unasked");
    assert_eq!(code(ask(&claim(&other, &own)).expect_err("another TPM now")), "tpm_other");

    // With its maker's certificate, at a central that believes the maker.
    let believing = believing(&rig, vec![root]);
    let endorsement = Endorsement::read(&own.endorsement().expect("shown").public).expect("endorsement key");
    let vouched = certified(&maker, &endorsement.public_key().expect("key"), false).to_der().expect("DER");
    let claim = Claim { certificate: Some(hex::encode(vouched)), ..claim(&own, &own) };
    let answer = opens(&own, &believing.claim(&presented, &claim).expect("asked")).expect("opened");
    assert_eq!(believing.opened(&presented, &answer).expect("proved"), Proof::Vouched);
    assert_eq!(shown(), "tpm");

    // What was proved is of those keys: a device that comes in with others has proved nothing.
    let anew = Device { birth: Some("another".to_owned()), ..known() };
    rig.registrar.registry().change::<_, StoreError>(|change| change.put(&anew)).expect("written");
    assert_eq!(shown(), "tpm (unproved)");
}
