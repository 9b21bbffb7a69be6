//! Central over HTTPS: whom a device believes that it is central.

use crate::{DAY, HandClock, Home, NOW, PHRASE, key};
use drivers::key_store::KeyStore;
use drivers::key_store::file::FileKeyStore;
use events::event::Bytes;
use fleet::authority::Roots;
use identity::central::{Central as _, CentralError, Enrolled};
use identity::{Credential, Https, TrustedClock};
use openssl::pkey::{PKey, Private};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Shows one certificate, whether or not the key is its own.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn converse(stream: &mut (impl Read + Write), answers: &dyn Fn(&str) -> Vec<u8>) -> std::io::Result<()> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let length = request.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    stream.read_exact(&mut vec![0; length])?;
    stream.write_all(&answers(request.split(' ').nth(1).unwrap_or_default()))?;
    stream.flush()
}

fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

/// A server with this certificate and this key, that answers to a path; its address.
fn server(chain: &[Vec<u8>], key: &PKey<Private>, answers: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let pkcs8 = PrivatePkcs8KeyDer::from(key.private_key_to_pkcs8().expect("PKCS#8"));
    let key = provider.key_provider.load_private_key(PrivateKeyDer::Pkcs8(pkcs8)).expect("key");
    let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(CertifiedKey::new(chain, key)))));
    let config = Arc::new(config);
    let port = listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut stream = StreamOwned::new(connection, stream);
        // A client that breaks off is what some tests want.
        drop(converse(&mut stream, &answers));
        stream.conn.send_close_notify();
        drop(stream.flush());
    });
    format!("https://127.0.0.1:{port}")
}

struct Device {
    _directory: tempfile::TempDir,
    keys: Arc<dyn KeyStore>,
    clock: Arc<HandClock>,
}

impl Device {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let keys = Arc::new(FileKeyStore::new(directory.path(), PHRASE));
        Self { _directory: directory, keys, clock: HandClock::at(NOW) }
    }

    fn https(&self, url: &str) -> Https {
        let clock = TrustedClock::without_build_time(Arc::clone(&self.clock) as Arc<dyn events::Clock>, 0);
        Https::new(url, Arc::clone(&self.keys), Arc::new(clock))
    }

    fn credential(&self, home: &Home) -> Credential {
        let public = self.keys.generate("tls-a").expect("key");
        let certificate = home.ca.device_certificate("d", &public, &*HandClock::at(NOW), 90).expect("certificate");
        Credential::new("tls-a", &certificate).expect("credential")
    }
}

/// Whether a device that trusts these roots gets as far as to be told to wait.
fn enrols(https: &Https, roots: &Roots) -> Result<(), CentralError> {
    match https.enrol(roots, None, b"request", b"csr")? {
        Enrolled::Pending(_) => Ok(()),
        Enrolled::Issued(_) => panic!("nothing was issued"),
    }
}

const NONCE: Bytes<16> = Bytes([1; 16]);

fn waits(_: &str) -> Vec<u8> {
    answer("202 Accepted", b"")
}

fn says(_: &str) -> Vec<u8> {
    answer("200 OK", b"bytes")
}

#[test]
fn only_a_server_of_the_devices_fleet_is_central() {
    let (home, stranger, device) = (Home::new(), Home::new(), Device::new());
    let (roots, strangers) = (home.ca.roots().expect("roots"), stranger.ca.roots().expect("roots"));
    let https = device.https(&server(&home.chain, &home.key, waits));
    enrols(&https, &roots).expect("its own");
    assert!(matches!(enrols(&https, &strangers), Err(CentralError::Unreachable { time: false, .. })));
    let https = device.https(&server(&home.chain, &home.key, says));
    assert_eq!(https.time(&roots, NONCE).expect("its own"), b"bytes");
    assert!(matches!(https.time(&strangers, NONCE), Err(CentralError::Unreachable { time: false, .. })));
}

#[test]
fn a_certificate_without_its_key_is_nobodys() {
    let (home, device) = (Home::new(), Device::new());
    let roots = home.ca.roots().expect("roots");
    let (other, _) = key();
    assert!(enrols(&device.https(&server(&home.chain, &other, waits)), &roots).is_err());
    assert!(device.https(&server(&home.chain, &other, says)).time(&roots, NONCE).is_err());
    let body = fleet::est::to_body(&fleet::est::certs_only(&roots.to_der().expect("DER")));
    let shows = move |_: &str| answer("200 OK", body.as_bytes());
    assert!(device.https(&server(&home.chain, &other, shows.clone())).unverified_roots().is_err());
    let shown = device.https(&server(&home.chain, &home.key, shows)).unverified_roots().expect("roots");
    assert_eq!(shown.fingerprints(), roots.fingerprints());
}

#[test]
fn a_certificate_that_is_over_ends_everything_but_the_question_for_the_time() {
    let (home, device) = (Home::new(), Device::new());
    let roots = home.ca.roots().expect("roots");
    let url = server(&home.chain, &home.key, waits);
    for at in [NOW - 1000 * DAY, NOW + 2000 * DAY] {
        device.clock.set(at);
        let refused = enrols(&device.https(&url), &roots);
        assert!(matches!(refused, Err(CentralError::Unreachable { time: true, .. })), "{refused:?}");
        device.https(&server(&home.chain, &home.key, says)).time(&roots, NONCE).expect("the time is asked");
    }
}

#[test]
fn nothing_is_asked_in_the_clear_and_no_other_place_is_gone_to() {
    let (home, device) = (Home::new(), Device::new());
    let roots = home.ca.roots().expect("roots");
    let port = listen(|mut stream| drop(converse(&mut stream, &waits)));
    assert!(enrols(&device.https(&format!("http://127.0.0.1:{port}")), &roots).is_err());
    let elsewhere = |path: &str| match path {
        "/elsewhere" => answer("202 Accepted", b""),
        _ => b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
    };
    assert!(enrols(&device.https(&server(&home.chain, &home.key, elsewhere)), &roots).is_err());
}

#[test]
fn a_file_comes_in_the_part_that_was_asked_for() {
    let (home, device) = (Home::new(), Device::new());
    let roots = home.ca.roots().expect("roots");
    let own = device.credential(&home);
    let part = |_: &str| answer("206 Partial Content", b"part");
    let https = device.https(&server(&home.chain, &home.key, part));
    assert_eq!(https.file(&roots, &own, "hash", 0).expect("a part"), b"part");
    let https = device.https(&server(&home.chain, &home.key, says));
    assert!(matches!(https.file(&roots, &own, "hash", 5), Err(CentralError::Unreachable { .. })), "the whole of it");
}

#[test]
fn an_answer_without_end_is_not_kept() {
    let (home, device) = (Home::new(), Device::new());
    let roots = home.ca.roots().expect("roots");
    let long = |path: &str| answer("200 OK", &vec![b'A'; if path.contains("/time") { 256 * 1024 + 1 } else { 9 }]);
    let https = device.https(&server(&home.chain, &home.key, long));
    assert!(matches!(https.time(&roots, NONCE), Err(CentralError::Unreachable { time: false, .. })));
    let own = device.credential(&home);
    assert_eq!(https.assignment(&roots, &own).expect("short"), b"AAAAAAAAA");
}
