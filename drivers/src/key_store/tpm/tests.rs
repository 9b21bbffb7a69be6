use super::*;
use crate::key_store::conformance;
use test_support::software_tpm::{Bus, SoftwareTpm};

fn open(tpm: &SoftwareTpm, keys: &Path, pass_phrase: &[u8]) -> TpmKeyStore {
    TpmKeyStore::open(&tpm.tcti(), keys, pass_phrase).expect("TPM")
}

/// A store over the connection of another, as swtpm has one at a time. What a store knows lies in its files.
fn over(store: &TpmKeyStore) -> Box<dyn KeyStore> {
    let orders = store.orders.lock().expect("orders").clone();
    Box::new(TpmKeyStore {
        directory: store.directory.clone(),
        parent: Arc::clone(&store.parent),
        orders: Mutex::new(orders),
    })
}

#[test]
fn the_tpm_store_conforms_and_gives_nothing_to_another_pass_phrase_or_tpm() {
    let (tpm, keys) = (SoftwareTpm::start(), tempfile::tempdir().expect("directory"));
    let store = open(&tpm, keys.path(), b"pass phrase");
    conformance::run(&store, || over(&store));
    let (public, secret) = (store.public_key("tls").expect("key"), store.secret("book").expect("secret"));
    let locked = |store: &TpmKeyStore| {
        assert!(matches!(store.sign("tls", b"x"), Err(KeyStoreError::Locked(_))));
        assert!(matches!(store.secret("book"), Err(KeyStoreError::Locked(_))));
    };
    drop(store);
    for _ in 0..40 {
        // More often than a TPM's lockout would bear.
        locked(&open(&tpm, keys.path(), b"another"));
    }
    let again = open(&tpm, keys.path(), b"pass phrase");
    assert_eq!(again.public_key("tls").expect("key"), public);
    assert_eq!(*again.secret("book").expect("secret"), *secret);
    again.sign("tls", b"x").expect("signature");
    drop(again);
    let other = SoftwareTpm::start();
    let stranger = open(&other, keys.path(), b"pass phrase");
    locked(&stranger);
    assert_eq!(stranger.generate("new").expect_err("elsewhere").code(), "key_store_other_tpm");
    assert_eq!(stranger.secret("new").expect_err("elsewhere").code(), "key_store_other_tpm");
    for label in ["tls", "book", "other", "event"] {
        stranger.remove(label).expect("removed");
    }
    stranger.generate("new").expect("with nothing left of the one before it is taken");
}

#[test]
fn a_file_that_is_cut_or_changed_is_locked() {
    let (tpm, keys) = (SoftwareTpm::start(), tempfile::tempdir().expect("directory"));
    let store = open(&tpm, keys.path(), b"pass phrase");
    store.generate("event").expect("key");
    let path = keys.path().join("event.tpm");
    let whole = std::fs::read(&path).expect("file");
    for length in [0, 8, 9, 10, 40, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("file");
        assert!(matches!(store.sign("event", b"x"), Err(KeyStoreError::Locked(_))), "{length} bytes");
    }
    let mut changed = whole;
    let last = changed.len() - 1;
    changed[last] ^= 1;
    std::fs::write(&path, &changed).expect("file");
    assert!(matches!(store.sign("event", b"x"), Err(KeyStoreError::Locked(_))));
}

#[test]
fn without_a_tpm_it_says_so() {
    let error = TpmKeyStore::open("device:/nowhere", Path::new("/nowhere"), b"x").expect_err("no TPM");
    assert_eq!(error.code(), "key_store_device");
}

/// TPM_CC of the commands that carry a secret or a signature (TPM 2.0 part 2, table 12).
const START: u32 = 0x176;
const CREATE: u32 = 0x153;
const LOAD: u32 = 0x157;
const SIGN: u32 = 0x15D;
const UNSEAL: u32 = 0x15E;

#[test]
fn somebody_on_the_bus_reads_no_pass_phrase_no_secret_and_nothing_that_is_signed() {
    let (tpm, keys) = (SoftwareTpm::start(), tempfile::tempdir().expect("directory"));
    let bus = tpm.tapped();
    let store = TpmKeyStore::open(&bus.tcti(), keys.path(), b"pass phrase").expect("TPM");
    let public = store.generate("event").expect("key");
    let signature = store.sign("event", b"who came").expect("signature");
    let secret = store.secret("box").expect("sealed");
    assert_eq!(*store.secret("box").expect("unsealed"), *secret);
    // The probe works: what is public goes by in the clear.
    assert!(bus.has(&public[public.len() - 32..]) && bus.has(&signature[..32]));
    assert!(!bus.has(&*secret), "the secret, sealed or unsealed");
    assert!(!bus.has(&openssl::sha::sha256(b"who came")), "what is signed");
    assert!(!bus.has(&openssl::sha::sha256(b"pass phrase")), "what opens the keys");
    // TPM_RS_PW: an authorisation value in the clear.
    assert!(!bus.has(&[0x40, 0, 0, 9]), "no pass word of a TPM is sent at all");
    let heard = bus.heard();
    for code in [CREATE, LOAD, SIGN, UNSEAL] {
        assert!(heard.iter().any(|(command, ..)| *command == code), "{code:#x}");
    }
}

/// A store over a tapped bus, with a key and a secret in it. A TPM of its own each: without a resource manager before it, one has no
/// room left after a few connections that broke off.
fn tapped(keys: &Path) -> (SoftwareTpm, Bus, TpmKeyStore) {
    let tpm = SoftwareTpm::start();
    let bus = tpm.tapped();
    let store = TpmKeyStore::open(&bus.tcti(), keys, b"pass phrase").expect("TPM");
    store.generate("event").expect("key");
    store.secret("box").expect("secret");
    (tpm, bus, store)
}

/// One bit of the answers to a command, so far from the begin of what the session vouches for, or from its end.
fn flip(bus: &Bus, code: u32, at: isize) {
    bus.alter(move |command, answer| {
        // Behind tag, length and code: a handle in the answer to LOAD, then the length of the parameters, the parameters, the HMAC.
        let begin: usize = if code == LOAD { 18 } else { 14 };
        let at = if at < 0 { answer.len().checked_add_signed(at) } else { begin.checked_add_signed(at) };
        if command == code
            && let Some(octet) = at.and_then(|at| answer.get_mut(at))
        {
            *octet ^= 1;
        }
    });
}

#[test]
fn an_answer_that_was_altered_on_the_bus_is_refused() {
    for (code, at) in
        [(CREATE, 8), (CREATE, -8), (LOAD, 8), (LOAD, -8), (SIGN, 20), (SIGN, -8), (UNSEAL, 8), (UNSEAL, -8)]
    {
        let keys = tempfile::tempdir().expect("directory");
        let (_tpm, bus, store) = tapped(keys.path());
        flip(&bus, code, at);
        let said = match code {
            CREATE => store.generate("another").map(drop),
            LOAD | SIGN => store.sign("event", b"x").map(drop),
            _ => store.secret("box").map(drop),
        };
        let said = said.expect_err("altered");
        assert_eq!(said.code(), "key_store_altered", "{code:#x} {at}: {said:?}");
    }
}

#[test]
fn it_goes_on_when_nobody_alters_anything_any_more() {
    let keys = tempfile::tempdir().expect("directory");
    let (_tpm, bus, store) = tapped(keys.path());
    let secret = store.secret("box").expect("secret");
    flip(&bus, CREATE, 8);
    assert_eq!(store.generate("another").expect_err("altered").code(), "key_store_altered");
    assert_eq!(store.public_key("another").expect_err("nothing was kept").code(), "key_missing");
    bus.leave();
    store.sign("event", b"x").expect("signature");
    assert_eq!(*store.secret("box").expect("secret"), *secret);
    // The start of a session, altered: what follows fails under the storage key, which has no pass phrase that could be wrong.
    bus.alter(|command, answer| {
        if command == START {
            let last = answer.len() - 1;
            answer[last] ^= 1;
        }
    });
    assert_eq!(store.sign("event", b"x").expect_err("altered").code(), "key_store_altered");
}

#[test]
fn a_tpm_shows_its_endorsement_key_with_its_makers_certificate_if_it_has_one() {
    let (tpm, keys) = (SoftwareTpm::start(), tempfile::tempdir().expect("directory"));
    let store = open(&tpm, keys.path(), b"pass phrase");
    let bare = store.endorsement().expect("endorsement key");
    assert_eq!(bare.certificate, None);
    let certified = store.ask(|tpm| {
        tpm.certify(&[0x30; 700]);
        Ok(())
    });
    certified.expect("certified");
    let shown = store.endorsement().expect("endorsement key");
    assert_eq!((shown.public, shown.certificate), (bare.public, Some(vec![0x30; 700])));
    assert_eq!(store.public_area("event").expect_err("none yet").code(), "key_missing");
    let public = store.generate("event").expect("key");
    let area = store.public_area("event").expect("public area");
    assert_eq!(area[area.len() - 32..], public[public.len() - 32..], "the same point");
    for (blob, secret) in [(&[][..], &[][..]), (&[0; 66], &[0; 68]), (&[0; 500], &[0; 500])] {
        assert_eq!(store.activate("event", blob, secret).expect_err("nonsense").code(), "key_store_not_for_us");
    }
    store.sign("event", b"x").expect("it goes on");
}
