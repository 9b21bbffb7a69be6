//! A device and its central without a network between them, or with one that lies.

mod bundles;
mod https;
mod keeper;

use events::Clock;
use fleet::FleetCa;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub(crate) const PHRASE: &[u8] = b"a pass phrase of the test";
/// When a certificate of the test's CA is valid.
pub(crate) const NOW: i64 = 1_900_000_000;
pub(crate) const DAY: i64 = 86_400;

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn at(wall: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(wall)))
    }

    pub(crate) fn set(&self, wall: i64) {
        self.0.store(wall, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn wall(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(1000)
    }
}

/// A fleet with the key and the certificate of its server.
pub(crate) struct Home {
    _directory: tempfile::TempDir,
    pub(crate) ca: FleetCa,
    pub(crate) key: PKey<Private>,
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let clock = HandClock::at(NOW);
        let ca = FleetCa::create(&directory.path().join("ca"), PHRASE, &*clock).expect("CA");
        let server = directory.path().join("server");
        ca.server(&server, &["127.0.0.1".to_owned()], PHRASE, &*clock).expect("server");
        let read = |name: &str| std::fs::read(server.join(name)).expect("file");
        let key = events::sealed::Lock::new(PHRASE).open_key(&read("server.key.pem")).expect("key");
        let chain = X509::stack_from_pem(&read("server.cert.pem")).expect("PEM");
        let chain = chain.iter().map(|certificate| certificate.to_der().expect("DER")).collect();
        Self { _directory: directory, ca, key, chain }
    }
}

/// A new P-256 key and its public part.
pub(crate) fn key() -> (PKey<Private>, Vec<u8>) {
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("group");
    let key = PKey::from_ec_key(openssl::ec::EcKey::generate(&group).expect("key")).expect("key");
    let public = key.public_key_to_der().expect("public key");
    (key, public)
}
