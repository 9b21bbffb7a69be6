//! The running endpoint among strangers who take what they can get.

mod fleet_of_one;

use cccd_central::SqliteStore;
use cccd_central::registrar::registry::Registry;
use cccd_central::registrar::{Decision, Policy, Registrar};
use cccd_central::store::conformance::tells;
use events::sync::encode_batch;
use events::{Chain, SignedEvent, SystemClock};
use fleet::FleetCa;
use fleet::request::Way;
use fleet_of_one::{Machine, sign};
use openssl::ssl::{SslConnector, SslMethod, SslStream};
use openssl::x509::X509;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// As long as a test waits for what must come.
const LIVES: Duration = Duration::from_secs(120);

struct Serving(Child, SocketAddr);

impl Serving {
    fn start(dir: &Path) -> Self {
        let mut serve = Command::new(env!("CARGO_BIN_EXE_cccd-central"));
        serve.arg("--db").arg(dir.join("central.db")).arg("--registrar").arg(dir.join("registrar.toml"));
        serve.args(["serve", "--listen", "127.0.0.1:0", "--tls"]).arg(dir.join("tls"));
        serve.arg("--pass-phrase-file").arg(dir.join("pass-phrase"));
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("cccd-central");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on https://").expect("an address").parse();
        Self(child, address.expect("an address"))
    }

    /// The most memory that it ever had, MiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("/proc");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
        line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("a number") / 1024
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A fleet with one device that was let in.
struct Fleet {
    dir: tempfile::TempDir,
    machine: Machine,
    certificate: Vec<u8>,
    /// One event, signed once: another signature would be another event.
    batch: Vec<u8>,
}

impl Fleet {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let at = dir.path();
        let made = Command::new(env!("CARGO_BIN_EXE_cccd-central"))
            .args(["init", "--host", "localhost", "--environment", "practice", "--dir"])
            .arg(at)
            .output()
            .expect("cccd-central");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let phrase = fs::read(at.join("pass-phrase")).expect("pass phrase");
        let ca = FleetCa::open(&at.join("ca"), phrase.trim_ascii()).expect("CA");
        let db = at.join("central.db");
        drop(SqliteStore::open(&db).expect("store"));
        let policy = Policy {
            url: "https://localhost".to_owned(),
            environment: "practice".to_owned(),
            operators: Vec::new(),
            days: 90,
            grace_days: 400,
            files: None,
        };
        let registry = Registry::open(&db).expect("registry");
        let registrar = Registrar::new(registry, ca, policy, Arc::new(SystemClock::new()));
        let machine = Machine::new("kiosk-1");
        let let_in = registrar.enrol_at(&machine.asks(Way::Usb, None), "Site A", "identify", "test").expect("let in");
        let Decision::Issued { certificate, .. } = let_in else { panic!("it waits") };
        let mut event = events::signed::read(&tells("kiosk-1", 1, 1, 100)).expect("an event");
        event.previous = Chain::EMPTY.head;
        let signed =
            SignedEvent::sign(event, machine.event(), |message| sign(&machine.event, message)).expect("signed");
        let batch = encode_batch([signed.bytes.as_slice()]);
        Self { dir, machine, certificate, batch }
    }

    fn connector(&self, own: bool) -> SslConnector {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).expect("OpenSSL");
        connector.set_ca_file(self.dir.path().join("tls/fleet-ca.cert.pem")).expect("the root");
        if own {
            connector.set_certificate(&X509::from_der(&self.certificate).expect("certificate")).expect("certificate");
            connector.set_private_key(&self.machine.tls.0).expect("key");
        }
        connector.build()
    }

    /// What the device gets for a batch.
    fn send(&self, to: SocketAddr) -> String {
        let mut stream = connected(&self.connector(true), to, Ipv4Addr::LOCALHOST).expect("the device connects");
        let batch = &self.batch;
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            batch.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(batch)).expect("sent");
        let mut answer = Vec::new();
        // Whoever closes without a farewell has still sent all.
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// TCP from an address of the loopback network.
fn from(to: SocketAddr, own: Ipv4Addr) -> std::io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((own, 0).into())?;
        socket.connect(to).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(LIVES))?;
    stream.set_write_timeout(Some(LIVES))?;
    Ok(stream)
}

fn connected(connector: &SslConnector, to: SocketAddr, own: Ipv4Addr) -> Option<SslStream<TcpStream>> {
    connector.connect("localhost", from(to, own).ok()?).ok()
}

/// A connection that stands there, and what it holds.
enum Stuck {
    Silent(#[allow(dead_code, reason = "it is held")] TcpStream),
    Begun(#[allow(dead_code, reason = "it is held")] SslStream<TcpStream>),
}

#[test]
fn a_thousand_stuck_strangers_take_neither_memory_nor_a_devices_turn() {
    let fleet = Fleet::new();
    let serving = Serving::start(fleet.dir.path());
    let before = serving.memory();
    let batch = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388608\r\n\r\n";
    let enrol = "POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16384\r\n\r\n";
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
    let stranger = fleet.connector(false);
    let mut stuck = Vec::new();
    let mut honest = 0;
    for n in 0..1000_u32 {
        // From fifty addresses, and every tenth from that of the device.
        let own = if n % 10 == 0 { Ipv4Addr::LOCALHOST } else { Ipv4Addr::new(127, 0, 1, (n % 50) as u8 + 1) };
        if n % 5 == 0 {
            stuck.extend(from(serving.1, own).ok().map(Stuck::Silent));
        } else if let Some(mut stream) = connected(&stranger, serving.1, own) {
            let (text, filled) = match n % 5 {
                // Two hundred of these are more than the memory that is asked of central.
                1 => (batch, 1024 * 1024),
                2 => (enrol, 16 * 1024 - 1),
                3 => (head, 16 * 1024),
                _ => ("", 0),
            };
            // It is refused in the midst of it, or not.
            drop(stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(&vec![b'x'; filled])));
            stuck.push(Stuck::Begun(stream));
        }
        if n % 250 == 249 {
            let answer = fleet.send(serving.1);
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"committed\":1"), "{n}: {answer}");
            honest += 1;
        }
    }
    assert!(stuck.len() > 900, "{} strangers could connect", stuck.len());
    let memory = serving.memory();
    println!(
        "{} strangers: {before} MiB before, {memory} MiB at most, {honest} batches of the device taken",
        stuck.len()
    );
    assert!(memory < 150, "{memory} MiB");
}

#[test]
fn whoever_sends_nothing_is_sent_away_and_a_device_waits_behind_nobody() {
    let fleet = Fleet::new();
    let serving = Serving::start(fleet.dir.path());
    // The oldest of an address goes when the address has too many.
    let stranger = fleet.connector(false);
    let mut first = connected(&stranger, serving.1, Ipv4Addr::new(127, 0, 2, 1)).expect("connected");
    let others: Vec<_> = (0..32).map(|_| connected(&stranger, serving.1, Ipv4Addr::new(127, 0, 2, 1))).collect();
    assert!(others.iter().all(Option::is_some), "who comes is let in");
    // Its connection ends, which a read sees.
    let ended = first.read(&mut [0; 16]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    // And one that begins a request and does not end it is sent away by and by, with nobody behind it.
    let mut slow = connected(&stranger, serving.1, Ipv4Addr::new(127, 0, 2, 2)).expect("connected");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").expect("sent");
    let ended = slow.read(&mut [0; 16]);
    let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    assert!(ended.as_ref().err().is_none_or(|error| !timed_out(error)), "{ended:?}");
    assert!(fleet.send(serving.1).starts_with("HTTP/1.1 200"));
}

#[test]
fn whoever_is_refused_in_the_midst_of_a_body_hears_why() {
    let fleet = Fleet::new();
    let serving = Serving::start(fleet.dir.path());
    let head =
        |length: usize| format!("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    let ask = |own: bool, length: usize| {
        let mut stream = connected(&fleet.connector(own), serving.1, Ipv4Addr::new(127, 0, 3, 1)).expect("connected");
        let body = vec![b'x'; length];
        drop(stream.write_all(head(length).as_bytes()).and_then(|()| stream.write_all(&body)));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    };
    for _ in 0..10 {
        let answer = ask(false, 200_000);
        assert!(answer.contains("certificate_missing"), "{answer}");
    }
    let db = fleet.dir.path().join("central.db");
    let registrar = fleet.dir.path().join("registrar.toml");
    let mut revoke = Command::new(env!("CARGO_BIN_EXE_cccd-central"));
    revoke.arg("--db").arg(db).arg("--registrar").arg(registrar);
    let revoked = revoke.args(["fleet", "revoke", "kiosk-1", "--why", "stolen"]).output().expect("cccd-central");
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    for _ in 0..5 {
        let answer = ask(true, 2_000_000);
        assert!(answer.contains("device_revoked"), "{answer}");
    }
}
