//! `cccd-central init`: what it makes is enough to serve, is its owner's alone, and is never replaced.

use openssl::ssl::{SslConnector, SslMethod};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn init(program: &Path, dir: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(["init", "--host", "localhost", "--dir"]).arg(dir).args(more).output().expect("cccd-central")
}

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_cccd-central").into()
}

fn made(dir: &Path) -> String {
    let output = init(&program(), dir, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Everything below a directory, itself included.
fn paths(dir: &Path) -> Vec<PathBuf> {
    let mut all = vec![dir.to_owned()];
    let mut at = 0;
    while let Some(path) = all.get(at).cloned() {
        at += 1;
        if path.is_dir() {
            all.extend(fs::read_dir(path).expect("directory").map(|entry| entry.expect("entry").path()));
        }
    }
    all
}

fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = paths(dir).into_iter().filter(|path| path.is_file());
    files.map(|path| (path.clone(), fs::read(path).expect("file"))).collect()
}

#[test]
fn what_is_there_is_kept_and_nobody_else_reads_it() {
    let place = tempfile::tempdir().expect("directory");
    let dir = place.path().join("central");
    let first = made(&dir);
    assert_eq!(first.lines().filter(|line| line.starts_with("made ")).count(), 7, "{first}");
    for path in paths(&dir) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(path.metadata().expect("metadata").permissions().mode() & 0o777, wanted, "{}", path.display());
    }
    let before = contents(&dir);
    let second = made(&dir);
    assert!(!second.contains("made ") && second.contains("kept "), "{second}");
    assert_eq!(contents(&dir), before);
}

#[test]
fn a_call_that_was_cut_off_is_finished_by_the_next() {
    let place = tempfile::tempdir().expect("directory");
    let dir = place.path();
    made(dir);
    // As if it had been cut off while it filled one of them, and before those that come later.
    let order = ["pass-phrase", "ca", "tls", "operator", "operator.pem", "log", "registrar.toml"];
    for (at, cut) in order.iter().enumerate() {
        for name in &order[at..] {
            let path = dir.join(name);
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
        }
        let half = dir.join(format!(".{cut}.new"));
        if cut.contains('.') || *cut == "pass-phrase" {
            fs::write(half, "half").expect("file");
        } else {
            fs::create_dir(&half).expect("directory");
            fs::write(half.join("root-1.key.pem"), "half").expect("file");
        }
        let said = made(dir);
        assert_eq!(said.lines().filter(|line| line.starts_with("made ")).count(), order.len() - at, "{cut}: {said}");
        assert!(!paths(dir).iter().any(|path| path.extension().is_some_and(|kind| kind == "new")), "{cut}");
    }
}

#[test]
fn the_operators_key_may_be_taken_away_and_signs_what_devices_take() {
    let place = tempfile::tempdir().expect("directory");
    let dir = place.path().join("central");
    assert!(made(&dir).contains("operator away"));
    let operator = place.path().join("stick");
    fs::rename(dir.join("operator"), &operator).expect("taken away");
    let public = fs::read(dir.join("operator.pem")).expect("public key");
    assert!(!made(&dir).contains("operator away"), "it is no longer here");
    assert_eq!(fs::read(dir.join("operator.pem")).expect("public key"), public);
    assert!(!dir.join("operator").exists());

    let (parts, bundle) = (place.path().join("parts"), place.path().join("bundle"));
    fs::create_dir(&parts).expect("directory");
    fs::write(parts.join("site.toml"), "").expect("part");
    let phrase = fs::read(operator.join("pass-phrase")).expect("pass phrase");
    let clock = events::SystemClock::new();
    let heading = provisioning::bundle::Heading { version: 1, environment: "production", fresh_days: 90, over: None };
    provisioning::bundle::build(&operator, &phrase, &parts, &heading, &clock, &bundle).expect("signed");
    let said = provisioning::bundle::inspect(&bundle, &[dir.join("operator.pem")], &clock).expect("taken");
    assert!(said.contains("signed by "), "{said}");

    // Another's key, made elsewhere.
    let other = place.path().join("other");
    let output = init(&program(), &other, &["--operator", &dir.join("operator.pem").display().to_string()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(other.join("operator.pem")).expect("public key"), public);
    assert!(!other.join("operator").exists());
}

#[test]
fn what_cannot_be_made_leaves_nothing() {
    let place = tempfile::tempdir().expect("directory");
    let dir = place.path().join("central");
    for (arguments, code) in [
        (vec!["--host", "https://central.example"], "[host_malformed]"),
        (vec!["--host", "central.example:8443"], "[host_malformed]"),
        (vec!["--operator", "/nowhere"], "[file_unreadable]"),
        (vec!["--operator", "/dev/null"], "[operator_key]"),
    ] {
        let output = init(&program(), &dir, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(64) && said.contains(code), "{arguments:?}: {said}");
        assert!(!dir.exists(), "{arguments:?}");
    }
}

/// Central with what `init` made, and where it listens.
struct Serving(Child, String);

impl Serving {
    fn start(dir: &Path) -> Self {
        let mut serve = Command::new(program());
        serve.arg("--db").arg(dir.join("central.db")).arg("--registrar").arg(dir.join("registrar.toml"));
        serve.args(["serve", "--listen", "127.0.0.1:0", "--tls"]).arg(dir.join("tls"));
        serve.arg("--pass-phrase-file").arg(dir.join("pass-phrase"));
        let mut child = serve.stdout(Stdio::piped()).spawn().expect("cccd-central");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on https://").expect("an address").to_owned();
        Self(child, address)
    }

    /// What a browser gets that trusts the fleet's root and has no certificate.
    fn get(&self, dir: &Path, path: &str) -> String {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).expect("OpenSSL");
        connector.set_ca_file(dir.join("tls/fleet-ca.cert.pem")).expect("the root");
        let stream = TcpStream::connect(&self.1).expect("connected");
        let mut stream = connector.build().connect("localhost", stream).expect("TLS");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        // Whoever closes without a farewell has still sent all.
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn what_was_made_serves_the_technicians_page_over_tls() {
    let place = tempfile::tempdir().expect("directory");
    let dir = place.path();
    made(dir);
    let serving = Serving::start(dir);
    let root = serving.get(dir, "/");
    assert!(root.starts_with("HTTP/1.1 307") && root.contains("location: /technician\r\n"), "{root}");
    let page = serving.get(dir, "/technician");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("</html>"), "{page}");
    assert!(serving.get(dir, "/technician/api/devices").starts_with("HTTP/1.1 401"), "nobody is logged in");
    drop(serving);

    let registrar = dir.join("registrar.toml");
    let settings = fs::read_to_string(&registrar).expect("settings").replace("page = true", "page = false");
    fs::write(registrar, settings).expect("settings");
    assert!(Serving::start(dir).get(dir, "/technician").starts_with("HTTP/1.1 404"), "only where it is asked for");
}

/// A user that every Debian has, and that may do nothing.
const DAEMON: u32 = 1;

#[test]
fn root_makes_all_of_it_for_the_owner_of_the_directory() {
    if fs::metadata("/proc/self").expect("/proc").uid() != 0 {
        test_support::skipped("only root can be told from the owner");
        return;
    }
    let place = tempfile::tempdir().expect("directory");
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("mode");
    let (own, dir, secret) = (place.path().join("cccd-central"), place.path().join("etc"), place.path().join("secret"));
    // Where the daemon may start it.
    fs::copy(program(), &own).expect("the program");
    for directory in [&dir, &secret] {
        fs::create_dir(directory).expect("directory");
        fs::set_permissions(directory, Permissions::from_mode(0o700)).expect("mode");
    }
    chown(&dir, Some(DAEMON), Some(DAEMON)).expect("root may");
    let output = init(&own, &dir, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Root's own file, which the daemon could not reach.
    let word = secret.join("word");
    program::private::replace(&word, b"a pass word of the test").expect("file");
    let mut technician = Command::new(&own);
    technician.arg("--db").arg(dir.join("central.db")).arg("--registrar").arg(dir.join("registrar.toml"));
    let output = technician
        .args(["staff", "add", "an.tech", "--role", "technician", "--everywhere", "--pass-word-file"])
        .arg(word)
        .output();
    let output = output.expect("cccd-central");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for path in paths(&dir) {
        assert_eq!(path.metadata().expect("metadata").uid(), DAEMON, "{}", path.display());
    }
}
