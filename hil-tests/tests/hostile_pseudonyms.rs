//! Pseudonyms end when a profile says so, and so does what the book keeps: whoever has every file of a device and of central after
//! that day, and every pass phrase, links no event to a person any more, and opens no row, also with a copy of the book from before.
//! Before it they do, or these tests could not fail.

use drivers::key_store::KeyStore as _;
use drivers::key_store::file::FileKeyStore;
use events::chain::{Chains, Class};
use events::event::Bytes;
use events::sealed;
use events::subject::{Person, keyed};
use events::{Certain, Clock as _, Quality};
use fleet::request::Way;
use hil_tests::fleet::{BEGIN, DAY, Machine, PHRASE, Rig, settle};
use identity::keeper::Keeper;
use identity::{TrustedClock, people};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::book::seal::{Seal, labels};
use store::book::{Book, Looker, Message, Retention, Served, Visit, Which};
use visit::content::Content;
use visit::profile::Item;
use zeroize::Zeroizing;

const PROFILE: &str = "exam";

fn files(directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            found.insert(path, bytes);
        }
    }
}

/// Every file of the fleet: its central and its devices lie beside each other.
fn everything(machine: &Machine) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    files(machine.place.parent().expect("the rig's directory"), &mut found);
    found
}

fn keys(machine: &Machine) -> FileKeyStore {
    FileKeyStore::new(&machine.place.join("keys"), PHRASE)
}

/// What any key that there is opens, of every file.
fn opened(machine: &Machine) -> Vec<Vec<u8>> {
    let files = everything(machine);
    let (_, sites) = files.iter().find(|(path, _)| path.ends_with("ca/sites.sealed")).expect("the CA's secret");
    let secret = sealed::open(PHRASE, sites).expect("opens");
    let mut keys: Vec<Vec<u8>> = vec![keyed(&secret, "cccd-chains-kept-v1", &[]).0.to_vec(), secret.to_vec()];
    keys.extend(["site", "box"].map(|label| self::keys(machine).secret(label).expect("a secret").to_vec()));
    let plain = |bytes: &Vec<u8>| {
        // Under a pass phrase lies what costs a derivation; a key opens the rest.
        let plain = if sealed::is_sealed(bytes) {
            sealed::open(PHRASE, bytes)
        } else {
            keys.iter().find_map(|key| sealed::open(key, bytes))
        };
        plain.map(|plain| plain.to_vec())
    };
    let plain: Vec<Vec<u8>> = files.values().filter_map(plain).collect();
    // The site's keys at device and CA, the CA's secret, and the device's.
    assert!(plain.len() >= 4, "{} files opened", plain.len());
    [plain, keys].concat()
}

/// Whether a subject that an event of a time has can be found again from what was opened: by whole chains wherever they may lie
/// in it, or by any 32 bytes that are a key of that epoch.
fn is_linked(opened: &[Vec<u8>], class: Class, at: i64, person: &Person, subject: Bytes<32>) -> bool {
    let says = |chains: Chains| chains.subject(PROFILE, class.days(), at, person) == Some(subject);
    let whole = opened.iter().flat_map(|bytes| bytes.windows(Chains::SIZE)).filter_map(Chains::from_bytes).any(says);
    let alone = |key: &[u8]| {
        let chain = |class: Class| [&class.epoch(at).to_be_bytes()[..], key].concat();
        Chains::from_bytes(&Class::ALL.map(chain).concat()).is_some_and(says)
    };
    whole || opened.iter().flat_map(|bytes| bytes.windows(32)).any(alone)
}

fn contains(files: &BTreeMap<PathBuf, Vec<u8>>, part: &[u8]) -> Option<PathBuf> {
    let holds = |bytes: &Vec<u8>| bytes.windows(part.len()).any(|window| window == part);
    files.iter().find(|(_, bytes)| holds(bytes)).map(|(path, _)| path.clone())
}

fn let_in(rig: &Rig, machine: &Machine) -> Keeper {
    let token = rig.registrar.make_token("A", "identify", 72, "test").expect("token");
    let mut keeper = machine.start(Way::Token, Some(&token)).expect("started");
    settle(&mut keeper).expect("let in");
    keeper
}

#[test]
fn after_an_epochs_end_no_file_of_device_or_central_links_a_person() {
    let rig = Rig::new();
    let machine = rig.device();
    let keeper = let_in(&rig, &machine);
    let told = rig.known(&machine.name()).answer.expect("kept until it is used");
    let part = &told[told.len() / 2..told.len() / 2 + 64];
    assert!(contains(&everything(&machine), part).is_some(), "central keeps what it told until then");
    keeper.report(0).expect("central takes its report");
    assert_eq!(rig.known(&machine.name()).answer, None);
    assert_eq!(contains(&everything(&machine), part), None, "what a device has used is erased");
    keeper.report(0).expect("and the device goes on");

    let an = Person::citizen("001099000017").expect("a person");
    let site = keeper.site_keys().expect("the site's keys");
    let of = |class: Class| site.chains.subject(PROFILE, class.days(), BEGIN, &an).expect("a subject");
    let end_of = |class: Class| (i64::from(class.epoch(BEGIN)) + 1) * i64::from(class.days()) * DAY;
    let mut subjects = Class::ALL.map(|class| (end_of(class), class, of(class)));
    // Time goes forward, and an epoch of two years may end before one of one.
    subjects.sort_by_key(|(end, ..)| *end);
    drop((keeper, site));
    let store = keys(&machine);
    let step = |now| {
        rig.clock.set(now);
        let clock = TrustedClock::new(Arc::clone(&machine.system) as Arc<dyn events::Clock>, 0);
        clock.set(now, Quality::Signed);
        rig.ca().step_sites(now).expect("the registrar steps");
        people::stepped(&machine.place, &store, &clock).expect("the device steps");
        opened(&machine)
    };
    // Two epochs may end at one midnight.
    for ending in subjects.chunk_by(|(one, ..), (other, ..)| one == other) {
        let end = ending[0].0;
        let (before, after) = (step(end - 1), step(end));
        for (_, class, subject) in ending {
            assert!(is_linked(&before, *class, BEGIN, &an, *subject), "{} days: not before the end", class.days());
            assert!(!is_linked(&after, *class, BEGIN, &an, *subject), "{} days: after the end", class.days());
        }
    }
}

#[test]
fn a_clock_that_stands_far_ahead_destroys_no_key_and_a_signed_time_does() {
    let rig = Rig::new();
    let machine = rig.device();
    let keeper = let_in(&rig, &machine);
    let before = keeper.site_keys().expect("keys");
    let (store, far) = (keys(&machine), BEGIN + 3650 * DAY);
    let an = Person::citizen("001099000017").expect("a person");
    machine.system.set(far);
    let clock = TrustedClock::new(Arc::clone(&machine.system) as Arc<dyn events::Clock>, 0);
    let waits = people::stepped(&machine.place, &store, &clock).expect("keys");
    assert_eq!(waits, before, "what may be wrong is derived in memory");
    let seems = waits.chains.subject(PROFILE, 365, far, &an);
    clock.set(far, Quality::Signed);
    let stepped = people::stepped(&machine.place, &store, &clock).expect("keys");
    assert_eq!(stepped.chains.subject(PROFILE, 365, BEGIN, &an), None);
    assert!(seems.is_some() && stepped.chains.subject(PROFILE, 365, far, &an) == seems, "and says the same");
    assert_eq!(keeper.site_keys().expect("keys"), stepped, "on the disk, too");
}

/// A copy of a device's files, with nobody else's eyes on it: its keys are those of one time, all else is of another.
fn copied(
    machine: &Machine,
    keys: &BTreeMap<PathBuf, Vec<u8>>,
    rest: &BTreeMap<PathBuf, Vec<u8>>,
) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let copy = tempfile::tempdir().expect("directory");
    let is_key = |path: &&Path| path.starts_with("keys");
    for (files, of_keys) in [(keys, true), (rest, false)] {
        let own = files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(&machine.place).ok()?, bytes)));
        for (path, bytes) in own.filter(|(path, _)| is_key(path) == of_keys) {
            let to = copy.path().join(path);
            std::fs::create_dir_all(to.parent().expect("a directory")).expect("made");
            std::fs::write(&to, bytes).expect("written");
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).expect("closed");
        }
    }
    copy
}

/// How many records of a person the program itself finds in a book; or why it does not open.
fn found(place: &Path, person: &Person) -> Result<usize, &'static str> {
    let keys = Arc::new(FileKeyStore::new(&place.join("keys"), PHRASE));
    let book = Book::open(&place.join("state/book.db"), Seal::open(keys)).map_err(|error| error.code())?;
    let looker = Looker { by: "nv-1", role: events::Duty::Manager, what: events::Look::Record, profile: PROFILE };
    let records = book.look(&looker, Which::Of(&[book.handle(person)]), |_| true).map_err(|error| error.code())?;
    Ok(records.len())
}

#[test]
fn after_retention_no_file_has_the_person_and_the_book_of_before_opens_by_no_key_that_is_left() {
    let (rig, name) = (Rig::new(), "Nguyễn Văn An");
    let machine = rig.device();
    let keeper = let_in(&rig, &machine);
    let an = Person::citizen("001099000017").expect("a person");
    let store = Arc::new(keys(&machine));
    let path = machine.place.join("state/book.db");
    let mut book = Book::open(&path, Seal::open(Arc::clone(&store) as _)).expect("book");
    let content = Content {
        items: [(Item::FullName, name.to_owned().into()), (Item::IdNumber, "001099000017".to_owned().into())].into(),
        ..Content::default()
    };
    let note = events::Erasure { why: String::new(), count: 0, profile: String::new(), subject: None };
    let visit = Visit {
        id: "00000000000000000000000000000001".to_owned(),
        profile: PROFILE,
        at: BEGIN,
        day: "2027-01-15".to_owned(),
        sequence: 0,
        number: None,
        subject: Some(book.handle(&an)),
        counted_as: Vec::new(),
        counts: Vec::new(),
        party: Some(name.to_owned()),
        keep: Retention::Until(BEGIN + 30 * DAY),
        content: &content,
        entry: None,
        messages: vec![Message {
            recipient: "his".to_owned(),
            body: Zeroizing::new(name.as_bytes().to_vec()),
            erase_at: BEGIN + 30 * DAY,
        }],
        note: events::Body::Erasure(note),
        device: "kiosk-1",
        served: Served::default(),
    };
    book.commit(&visit).expect("disk").kept().expect("allowed");
    let before = everything(&machine);
    assert_eq!(found(copied(&machine, &before, &before).path(), &an), Ok(1), "before it a copy opens");
    // A clock that stands ten years ahead is no time to erase by; one that central signed is.
    let reached = keeper.site_keys().expect("keys").chains.day();
    machine.system.set(BEGIN + 3650 * DAY);
    let clock = TrustedClock::new(Arc::clone(&machine.system) as Arc<dyn events::Clock>, 0);
    assert_eq!(Certain::of(reached, clock.wall(), clock.quality()), None);
    clock.set(BEGIN + 31 * DAY, Quality::Signed);
    let now = Certain::of(reached, clock.wall(), clock.quality()).expect("certain");
    assert_eq!(book.expire(now).expect("erases"), 2, "the record, and what nobody took");
    drop(book);
    let after = everything(&machine);
    for needle in [name, "001099000017"] {
        assert_eq!(contains(&after, needle.as_bytes()), None, "{needle}");
    }
    assert_eq!(found(copied(&machine, &after, &before).path(), &an), Err("book_sealed"), "with the keys that are left");
    assert_eq!(found(copied(&machine, &after, &after).path(), &an), Ok(0), "and the book of now goes on");
    assert!(!after.contains_key(&machine.place.join("keys/book-1.sealed")), "{:?}", labels(&path, false));
}
