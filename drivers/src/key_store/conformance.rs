//! What every key store must do.

use super::{KeyStore, KeyStoreError};
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::pkey::PKey;

/// Runs the suite on an empty store; `reopen` opens the same store again.
///
/// # Panics
/// When the store does not conform; the message names the clause.
pub fn run(store: &dyn KeyStore, reopen: impl Fn() -> Box<dyn KeyStore>) {
    assert!(matches!(store.sign("event", b"x"), Err(KeyStoreError::NoKey(_))), "a missing key is NoKey");
    assert!(matches!(store.public_key("event"), Err(KeyStoreError::NoKey(_))), "a missing key is NoKey");
    let public = store.generate("event").expect("a key is made");
    assert!(matches!(store.generate("event"), Err(KeyStoreError::Exists(_))), "a key is never overwritten");
    assert_eq!(store.public_key("event").expect("public key"), public, "the public key is the one that was made");
    let other = store.generate("tls").expect("a second key");
    assert_ne!(public, other, "keys differ");
    for message in [&b""[..], b"message", &[0x55; 10_000]] {
        let signature = store.sign("event", message).expect("signature");
        assert!(valid(&public, message, &signature), "a signature verifies");
        assert!(!valid(&other, message, &signature), "under its own key only");
    }
    let secret = store.secret("book").expect("a secret is made");
    assert_eq!(*store.secret("book").expect("secret"), *secret, "a secret stays what it is");
    assert_ne!(*store.secret("other").expect("secret"), *secret, "secrets differ");
    assert_eq!(*reopen().secret("book").expect("secret"), *secret, "secrets survive");
    let again = reopen();
    assert_eq!(again.public_key("event").expect("public key"), public, "keys survive");
    let signature = again.sign("event", b"later").expect("signature");
    assert!(valid(&public, b"later", &signature), "and still sign");
    store.remove("event").expect("removed");
    store.remove("event").expect("removing what is not there is no error");
    assert!(matches!(store.sign("event", b"x"), Err(KeyStoreError::NoKey(_))), "a removed key signs nothing");
    assert!(matches!(reopen().public_key("event"), Err(KeyStoreError::NoKey(_))), "and is gone for ever");
    assert_ne!(store.generate("event").expect("a new key"), public, "its label is free");
    store.remove("book").expect("removed");
    assert_ne!(*store.secret("book").expect("secret"), *secret, "a removed secret is made anew");
    assert_eq!(store.public_key("tls").expect("public key"), other, "the other key is untouched");
}

fn valid(public: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
    let key = PKey::public_key_from_der(public).and_then(|k| k.ec_key()).expect("a SubjectPublicKeyInfo");
    let (r, s) = signature.split_at(32);
    let number = |bytes| BigNum::from_slice(bytes).expect("number");
    let signature = EcdsaSig::from_private_components(number(r), number(s)).expect("signature");
    signature.verify(&openssl::sha::sha256(message), &key).expect("verification")
}
