//! The fleet's door: who gets in with what can be read on a machine's back, and what is lost with the process that the network reaches.
//!
//! At 76998b9 a stranger with an expected serial number got the site's keys, and the fleet's root signed inside central.

use cccd_central::issuer::{Issuer as _, IssuerError, Remote};
use cccd_central::people::Scope;
use events::sync::Receipt;
use events::{Clock, SystemClock};
use fleet::authority::{FleetCa, ISSUERS};
use fleet::request::Way;
use hil_tests::fleet::{Rig, settle};
use hil_tests::fleet_line::FleetLine;
use hil_tests::program;
use identity::State;
use identity::keeper::Progress;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

const PHRASE: &[u8] = b"a pass phrase of the signer";
/// What the signer signs in an hour, here.
const AN_HOUR: usize = 12;

#[test]
fn whoever_reads_the_number_on_the_back_gets_neither_certificate_nor_the_sites_keys() {
    let rig = Rig::new();
    let (machine, stranger) = (rig.device(), rig.device());
    rig.registrar.expect(&machine.serial, None, "Site A", "identify", "test").expect("expected");
    let roots = rig.ca().roots().expect("roots");
    State::new(&machine.serial, "rig", "https://central.example", Some(&roots)).save(&stranger.place).expect("state");
    // The stranger is first.
    let mut theirs = stranger.start(Way::List, None).expect("started");
    let Progress::Waiting { words: shown_there, .. } = settle(&mut theirs).expect("settled") else {
        panic!("it is in")
    };
    assert!(stranger.state().place.is_none() && theirs.site_keys().is_err(), "nothing was told");
    let mut own = machine.start(Way::List, None).expect("started");
    let Progress::Waiting { words, .. } = settle(&mut own).expect("settled") else {
        panic!("a technician is to see it")
    };
    assert_ne!(words, shown_there, "that is how they are told apart");
    let waiting = rig.registrar.registry().waiting(&Scope::everywhere()).expect("registry");
    assert_eq!(waiting.iter().filter(|one| one.serial == machine.serial).count(), 2);
    assert!(rig.registrar.approve(&machine.birth(), "Site A", "identify", "technician").expect("confirmed"));
    settle(&mut own).expect("settled");
    own.report(0).expect("the machine works");
    assert!(matches!(settle(&mut theirs).expect("settled"), Progress::Waiting { .. }), "and the stranger waits");
    assert_eq!(rig.known(&machine.name()).birth, Some(machine.birth()));
}

/// A fleet of one box, moved: its root on a stick, its issuing key in a process of its own.
struct Moved {
    line: FleetLine,
    /// The stick, and the signer's own directory.
    away: tempfile::TempDir,
    signer: Option<Child>,
    _directory: tempfile::TempDir,
}

impl Drop for Moved {
    fn drop(&mut self) {
        self.kill_signer();
    }
}

fn provision(arguments: &[&str]) -> Output {
    Command::new(program("provision")).args(arguments).output().expect("provision")
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Moved {
    fn at(&self, name: &str) -> PathBuf {
        self.away.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    fn socket(&self) -> PathBuf {
        self.at("socket")
    }

    fn kill_signer(&mut self) {
        if let Some(mut signer) = self.signer.take() {
            signer.kill().expect("killed");
            signer.wait().expect("ended");
        }
    }

    fn start_signer(&mut self, peers: &str) {
        self.kill_signer();
        let settings = format!(
            "issuer = 'issuer'\npass_phrase_file = 'phrase'\nurl = '{}'\nenvironment = 'practice'\nlog = 'signer.log'\n\
             operators = ['operator.pem']\ncertificate_days = 90\nmost_an_hour = {AN_HOUR}\npeers = {peers}\n",
            self.line.url()
        );
        std::fs::write(self.at("signer.toml"), settings).expect("file");
        let mut signer = Command::new(program("cccd-central"));
        signer.args(["signer", "--settings", &self.text("signer.toml"), "--socket", &self.text("socket")]);
        let mut signer = signer.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("signer");
        let mut first = String::new();
        BufReader::new(signer.stdout.take().expect("output")).read_line(&mut first).expect("a line");
        self.signer = Some(signer);
        assert!(first.starts_with("signing at"), "{first}");
    }

    fn remote(&self) -> Remote {
        Remote::new(&self.socket(), Arc::new(SystemClock::new()))
    }

    fn central_said(&self) -> String {
        std::fs::read_to_string(self.line.path("central.log")).expect("central's log")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at("signer.log")).expect("the signer's log")
    }
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).expect("moved");
}

/// A fleet as `init` makes it, with a device at a site; and then as docs/central-on-a-server.md moves it.
fn moved() -> Moved {
    let (directory, away) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
    let line = FleetLine::start(directory.path()).expect("line");
    line.listed("before").expect("let in by the root");
    let mut moved = Moved { line, away, signer: None, _directory: directory };
    rename(&moved.line.path("ca"), &moved.at("ca"));
    // What everybody may know stays, for devices that are set up.
    std::fs::create_dir(moved.line.path("ca")).expect("directory");
    std::fs::copy(moved.at("ca/fleet-ca.cert.pem"), moved.line.path("ca/fleet-ca.cert.pem")).expect("roots");
    std::fs::copy(moved.line.path("operator.pem"), moved.at("operator.pem")).expect("operator");
    ::program::private::replace(&moved.at("phrase"), PHRASE).expect("phrase");
    let (issuer, phrase) = (moved.text("issuer"), moved.text("phrase"));
    let (root, of_root) = (moved.text("ca"), moved.line.text("pass-phrase"));
    let at_signer = ["--issuer", &issuer, "--pass-phrase-file", &phrase];
    done(&provision(&[&["ca-request"][..], &at_signer].concat()));
    let (asked, certified) = (moved.text("issuer/issuer-1.csr.pem"), moved.text("certified"));
    done(&provision(&["ca-certify", "--ca", &root, "--pass-phrase-file", &of_root, &asked, "--out", &certified]));
    let install = [&["ca-install"][..], &at_signer, &[&certified]].concat();
    let early = provision(&install);
    let said = String::from_utf8_lossy(&early.stderr).into_owned() + &String::from_utf8_lossy(&early.stdout);
    assert!(!early.status.success() && said.contains("site_chains"), "the sites' keys would begin anew: {said}");
    rename(&moved.at("ca/chains"), &moved.at("issuer/chains"));
    done(&provision(&install));
    std::fs::copy(moved.at("issuer").join(ISSUERS), moved.line.path("tls").join(ISSUERS)).expect("issuing keys");
    let settings = format!(
        "signer = '{}'\nurl = '{}'\nenvironment = 'practice'\noperators = ['operator.pem']\ncertificate_days = 90\n",
        moved.socket().display(),
        moved.line.url()
    );
    std::fs::write(moved.line.path("registrar.toml"), settings).expect("settings");
    moved.start_signer("[]");
    moved.line.restart_central().expect("central without a key");
    moved
}

#[test]
fn the_process_that_the_network_reaches_lets_nobody_in_by_itself_and_the_rest_goes_on() {
    let mut fleet = moved();
    fleet.line.listed("after").expect("let in by the issuing key");
    let keeper = |name: &str| fleet.line.keeper(name, FleetLine::clock_at(FleetLine::now())).expect("keeper");
    let (before, after) = (keeper("before"), keeper("after"));
    assert!(before.site_keys().expect("keys") == after.site_keys().expect("keys"), "both know the same people");
    after.report(0).expect("central knows its issuing key");
    let files = |place: &Path| std::fs::read_dir(place).expect("directory").flatten().map(|one| one.file_name());
    assert!(files(&fleet.line.path("ca")).all(|name| name == "fleet-ca.cert.pem"), "no key is left at central");

    fleet.kill_signer();
    fleet.line.expect(&["later"], "Site A", "identify").expect("expected");
    let waits = fleet.line.enrol("later", "list", &["--within", "1"]).output().expect("provision");
    let said = String::from_utf8_lossy(&waits.stdout).into_owned() + &String::from_utf8_lossy(&waits.stderr);
    assert!(!waits.status.success() && said.contains("HTTP 503"), "it is to come again: {said}");
    assert!(fleet.central_said().contains("signer_unavailable"), "whoever runs central is told why");
    before.report(0).expect("those that are in go on");
    after.report(0).expect("those that are in go on");
    fleet.start_signer("[]");
    let mut again = fleet.line.enrol("later", "list", &[]);
    done(&again.output().expect("provision"));
    assert!(
        fleet.log().lines().any(|line| line.contains("\"later\"") && line.contains("signed")),
        "it stands in the log"
    );
}

#[test]
fn the_signer_hears_no_other_user_no_other_form_and_no_more_than_its_rate() {
    let mut fleet = moved();
    for nonsense in [&[0, 0, 0, 3, 1, 2, 3][..], &[255; 64], &[0, 0, 0, 1, 0xF6]] {
        let mut stream = UnixStream::connect(fleet.socket()).expect("connected");
        stream.write_all(nonsense).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        assert!(String::from_utf8_lossy(&answer).contains("signer_form"), "{answer:?}");
    }
    let receipt = |device: &str| Receipt {
        device: device.to_owned(),
        committed: 1,
        head: "0a".repeat(32),
        at: 0,
        refused: Vec::new(),
        log: None,
    };
    let code = |error: IssuerError| error.answer().1;
    let asks = fleet.remote();
    assert_eq!(code(asks.receipt(&receipt("../etc")).expect_err("no name")), "signer_form");
    for number in 0..AN_HOUR {
        asks.receipt(&receipt(&format!("kiosk-{number}"))).expect("signed");
    }
    assert_eq!(code(asks.receipt(&receipt("one-more")).expect_err("enough")), "signer_rate");
    fleet.line.expect(&["late"], "Site A", "identify").expect("expected");
    let waits = fleet.line.enrol("late", "list", &["--within", "1"]).output().expect("provision");
    let said = String::from_utf8_lossy(&waits.stdout).into_owned() + &String::from_utf8_lossy(&waits.stderr);
    assert!(said.contains("HTTP 503"), "{said}");
    assert!(fleet.central_said().contains("signer_rate"), "whoever runs central is told why");

    // Whoever this test runs as is not the user whom it answers now.
    fleet.start_signer("['4242424']");
    let refused = fleet.remote();
    assert_eq!(code(refused.receipt(&receipt("kiosk-1")).expect_err("another user")), "signer_peer");
    assert_eq!(code(refused.trust().expect_err("another user")), "signer_peer");

    // And the root, put where the issuing key was, is refused: it stays off line.
    let root = FleetCa::open(&fleet.at("ca"), b"a pass phrase of the rig").expect("root");
    let told = root.site_keys("Site A", SystemClock::new().wall()).expect_err("they are the issuing key's");
    assert_eq!(told.code(), "root_delegated");
}
