//! What comes into a trust directory, on whose word, and what it does to a card.

mod intake;
mod lists;
mod scopes;

use cccd::judgement::{Judgement, Known, Today, judge};
use drivers::reader::Reader as _;
use emrtd::{AccessPolicy, Certificate, Evidence, Password, UnixTime};
use events::SystemClock;
use program::Failure;
use reading::anchors::{self, Anchors};
use reading::read::{Hooks, read};
use reading::readers::plan as read_plan;
use reading::simulated;
use reading::terminal::Terminal;
use reading::trust::import::{Imported, write};
use reading::trust::plan::{Documents, Permissions, plan, unconfirmed};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;
use virtual_card::Issuer;
use virtual_card::issuer::IssuerFault;

/// A trust directory, and files beside it.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("directory"))
    }

    /// One that has these files.
    fn with(files: &[&[u8]]) -> Self {
        let bench = Self::new();
        std::fs::create_dir(bench.trust()).expect("directory");
        for (at, file) in files.iter().enumerate() {
            bench.put(&format!("{at}.cer"), file);
        }
        bench
    }

    fn trust(&self) -> PathBuf {
        self.0.path().join("trust")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.trust().join(name), bytes).expect("file");
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("file");
        std::fs::write(&path, bytes).expect("file");
        path
    }

    fn load(&self) -> Anchors {
        anchors::load(&self.trust()).expect("anchors")
    }

    fn import(&self, bytes: &[u8], allowed: &Permissions) -> Result<Imported, Failure> {
        self.import_for(bytes, None, allowed)
    }

    /// As the command does where nobody can be asked.
    fn import_for(&self, bytes: &[u8], words: Option<&[&str]>, allowed: &Permissions) -> Result<Imported, Failure> {
        let documents = words.map(documents);
        let plan = plan(&self.file(bytes), &self.trust(), documents.as_ref(), allowed, now(), &mut |_, _| ())?;
        let open = plan.open(allowed);
        if !open.is_empty() {
            return Err(unconfirmed(&open));
        }
        write(plan, now())
    }

    /// The names in the directory with the bytes.
    fn content(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let Ok(entries) = std::fs::read_dir(self.trust()) else { return Vec::new() };
        let mut files: Vec<_> =
            entries.map(|entry| entry.expect("entry").path()).filter(|path| path.is_file()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("file"))).collect()
    }
}

fn documents(words: &[&str]) -> Documents {
    Documents { words: words.iter().map(|word| (*word).to_owned()).collect(), reason: "test".to_owned() }
}

fn now() -> UnixTime {
    UnixTime::from_date(2026, 11, 29).expect("date")
}

fn nothing() -> Permissions {
    Permissions::default()
}

fn all() -> Permissions {
    Permissions { all: true, ..Permissions::default() }
}

fn accept(der: &[u8]) -> Permissions {
    Permissions { accepted: vec![fingerprint(der)], ..Permissions::default() }
}

fn fingerprint(der: &[u8]) -> Vec<u8> {
    Certificate::parse(der).expect("certificate").fingerprint()
}

fn code<T>(result: Result<T, Failure>) -> Option<String> {
    result.err().map(|failure| failure.code)
}

fn vietnam() -> Issuer {
    Issuer::new(IssuerFault::None).expect("issuer")
}

/// The first CSCA's certificate, the link, and the revocation list of an issuer. It signs them anew whenever it is
/// asked, so that it is asked once.
fn files(issuer: &Issuer) -> [Vec<u8>; 3] {
    static MADE: Mutex<BTreeMap<String, [Vec<u8>; 3]>> = Mutex::new(BTreeMap::new());
    let make = || [0, 1, 2].map(|at| issuer.trust_files().expect("files")[at].der.clone());
    MADE.lock().expect("lock").entry(format!("{issuer:?}")).or_insert_with(make).clone()
}

/// The certificate of the first CSCA.
fn root(issuer: &Issuer) -> Vec<u8> {
    files(issuer)[0].clone()
}

/// A read of a virtual card.
fn card(specification: &str) -> Evidence {
    let mut reader = simulated::reader(specification).expect("reader");
    let on_reader = reader.wait_for_card(Duration::ZERO).expect("card");
    let plan = read_plan(AccessPolicy::Auto, vec![Password::can("000017").expect("CAN")], &[1, 2, 3, 13, 14, 15]);
    let mut hooks =
        Hooks { patience: Duration::ZERO, observe: &mut |_, _| {}, on_lifted: &mut || {}, on_picture: &mut |_| {} };
    let mut terminal = Terminal::new(Anchors::default());
    read(&mut reader, on_reader, plan, &mut terminal, &SystemClock::new(), &mut hooks).expect("read").evidence
}

fn judged(evidence: &Evidence, bench: &Bench) -> Judgement {
    judge(evidence, None, &Known::default(), &bench.load().store, Today::certain(now()))
}
