//! What is erased is gone: whoever has every file from before, and every secret that is left, opens none of it.

use super::days::{Framed, TABLES, rows};
use super::seal::{Key, unseal};
use super::tests::{book, content, visit};
use super::*;
use drivers::key_store::{KeyStore, Protection};
use events::Certain;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use visit::content::Content;
use visit::profile::Rule;
use visit::roster::Roster;
use zeroize::Zeroizing;

const NOW: i64 = 1_795_398_060;
const DAY: i64 = 86_400;

fn at(seconds: i64) -> Certain {
    Certain::of(0, seconds, events::Quality::Signed).expect("certain")
}

type Map = BTreeMap<String, [u8; 32]>;
type Hook = Box<dyn Fn(&Map) + Send>;

/// Secrets in memory, and who looks whenever one is asked for or removed.
#[derive(Default)]
struct Secrets {
    map: Mutex<Map>,
    hook: Mutex<Option<Hook>>,
    /// What cannot be removed.
    stuck: Mutex<Option<&'static str>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Secrets {
    fn holding(map: Map) -> Arc<Self> {
        Arc::new(Self { map: Mutex::new(map), ..Self::default() })
    }

    fn seal(self: &Arc<Self>) -> Seal {
        Seal::open(Arc::clone(self) as Arc<dyn KeyStore>)
    }

    fn copy(&self) -> Map {
        locked(&self.map).clone()
    }

    fn look(&self) {
        if let Some(hook) = &*locked(&self.hook) {
            hook(&self.copy());
        }
    }

    fn missing<T>(label: &str) -> Result<T, KeyStoreError> {
        Err(KeyStoreError::NoKey(label.to_owned()))
    }
}

impl KeyStore for Secrets {
    fn protection(&self) -> Protection {
        Protection::File
    }

    fn generate(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        Self::missing(label)
    }

    fn public_key(&self, label: &str) -> Result<Vec<u8>, KeyStoreError> {
        Self::missing(label)
    }

    fn sign(&self, label: &str, _: &[u8]) -> Result<[u8; 64], KeyStoreError> {
        Self::missing(label)
    }

    fn secret(&self, label: &str) -> Result<Key, KeyStoreError> {
        self.look();
        let mut secret = [0; 32];
        openssl::rand::rand_bytes(&mut secret)?;
        Ok(Zeroizing::new(*locked(&self.map).entry(label.to_owned()).or_insert(secret)))
    }

    fn remove(&self, label: &str) -> Result<(), KeyStoreError> {
        self.look();
        if *locked(&self.stuck) == Some(label) {
            return Self::missing(label);
        }
        locked(&self.map).remove(label);
        self.look();
        Ok(())
    }
}

/// A copy of a directory.
fn copied(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("directory");
    for entry in std::fs::read_dir(from).expect("list") {
        let path = entry.expect("an entry").path();
        // What SQLite keeps in shared memory it makes anew.
        if path.extension().is_none_or(|end| end != "db-shm") {
            std::fs::copy(&path, to.path().join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    to
}

struct Bench {
    directory: tempfile::TempDir,
    secrets: Arc<Secrets>,
}

impl Bench {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("directory"), secrets: Arc::default() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("book.db")
    }

    fn book(&self) -> Book {
        Book::open(&self.path(), self.secrets.seal()).expect("book")
    }

    /// The keys that somebody gets out of a copy of the book by secrets: each of them under each secret.
    fn keys(copy: &Path, secrets: &Map) -> Vec<Key> {
        let connection = Connection::open(copy.join("book.db")).expect("opened");
        let query = "SELECT 'day_key/' || id || '/' || kind || '/' || day, body FROM day_key";
        let mut statement = connection.prepare(query).expect("query");
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let rows: Vec<_> = rows.expect("rows").collect::<Result<_, _>>().expect("rows");
        let opened = |(place, body): &(String, Vec<u8>)| {
            secrets.values().find_map(|secret| unseal(&Zeroizing::new(*secret), place, body))
        };
        let key = |plain: Zeroizing<Vec<u8>>| Zeroizing::new(plain.as_slice().try_into().expect("a key"));
        rows.iter().filter_map(opened).map(key).collect()
    }

    /// Rows of a copy that open by some key, or by a secret itself.
    fn open_rows(copy: &Path, keys: &[Key]) -> Vec<String> {
        let connection = Connection::open(copy.join("book.db")).expect("opened");
        let all = TABLES.iter().flat_map(|table| rows(&connection, table, "1", &[]).unwrap_or_default());
        let opens = |place: &str, body: &[u8]| keys.iter().any(|key| unseal(key, place, body).is_some());
        all.filter(|(_, place, body)| opens(place, body)).map(|(_, place, _)| place).collect()
    }
}

fn kept(id: &str, days: i64, content: &Content) -> Visit<'static> {
    let content = Box::leak(Box::new(content.clone()));
    let entry = Entry {
        rule: Rule::Count,
        direction: visit::ledger::Direction::Both,
        scope: "always".to_owned(),
        erase_at: NOW + days * DAY,
    };
    let mut visit = visit(id, content, Some(entry));
    visit.keep = Retention::Until(NOW + days * DAY);
    visit.party = Some("Nguyễn Văn An".to_owned());
    for message in &mut visit.messages {
        message.erase_at = NOW + days * DAY;
    }
    visit
}

fn roster(version: u32) -> Roster {
    Roster {
        schema: visit::roster::SCHEMA.to_owned(),
        id: "r".to_owned(),
        version,
        title: "Nguyễn Văn An".to_owned(),
        profile: "exam".to_owned(),
        valid_from: "2026-11-23".to_owned(),
        valid_until: "2026-11-24".to_owned(),
        entries: Vec::new(),
    }
}

/// A book with something in every table: `a` goes after a day, `b` after thirty.
fn full(bench: &Bench) -> Book {
    let mut book = bench.book();
    let content = content("001099000017");
    for (id, days) in [("a", 1), ("b", 30)] {
        book.commit(&kept(id, days, &content)).expect("disk").kept().expect("allowed");
        let doing = Doing { at: NOW, ..tests::CLERK };
        book.check_out("exam", id, &doing).expect("left");
    }
    book.take_roster(&roster(1)).expect("taken");
    book.set("pairing", b"Lan").expect("set");
    let shift = tally::Shift {
        number: 0,
        at: NOW,
        since: NOW,
        counted: 0,
        by: "nv-1".to_owned(),
        to: None,
        note: None,
        lines: vec!["Nguyễn Văn An".to_owned()],
    };
    let handover = events::Handover {
        by: "nv-1".to_owned(),
        to: None,
        here: 0,
        kept: 0,
        role: events::Duty::Reception,
        since: NOW,
        unsent: 0,
        profile: "exam".to_owned(),
        refused: 0,
    };
    book.close_shift(&shift, handover).expect("closed");
    book
}

/// Whether everything of `b`, and what else lasts, is as it was.
fn lasts(book: &Book) {
    let b = tests::one(book, "b").expect("reads").expect("there");
    assert_eq!((b.content, b.party.as_deref()), (content("001099000017"), Some("Nguyễn Văn An")));
    assert_eq!(b.versions.len(), 2);
    let found = tests::look(book, Which::Of(&[Bytes([1; 32])])).expect("reads");
    assert!(found.iter().any(|record| record.id == "b"));
    assert_eq!(*book.waiting_for("b", "his").expect("reads").expect("waits").body, b"{\"secret\":1}");
    assert_eq!(book.setting("pairing").expect("reads").as_deref().map(Vec::as_slice), Some(&b"Lan"[..]));
    assert_eq!(book.shifts("exam", 9).expect("reads").len(), 1);
    assert!(book.standing("exam", "always", &[Bytes([1; 32])]).expect("reads").expect("somebody").count >= 1);
    assert!(book.ledger("exam", "always").expect("reads").iter().all(|(subject, ..)| *subject == Bytes([1; 32])));
}

#[test]
fn every_sealed_column_has_its_key_and_says_when_rows_of_it_are_gone() {
    let book = book();
    let names = |query: &str| -> Vec<String> {
        let mut statement = book.connection.prepare(query).expect("query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    };
    // All bytes of the schema are marks, sealed, or one of these: they name nobody (`note`, `signer`), or are the keys.
    let bytes = "SELECT m.name || '.' || c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
                 WHERE m.type = 'table' AND c.type = 'BLOB' AND c.name <> 'subject' ORDER BY 1";
    let open = ["day_key.body", "note.body", "note.event", "signer.bitmap", "signer.certificate", "signer.fingerprint"];
    let mut expected: Vec<_> = TABLES.iter().map(|table| format!("{}.{}", table.name, table.body)).collect();
    expected.extend(open.map(str::to_owned));
    expected.sort();
    assert_eq!(names(bytes), expected);
    for table in &TABLES {
        let of = format!("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '{}'", table.name);
        let triggers = names(&of);
        assert!(triggers.contains(&format!("{}_key_gone", table.name)), "{triggers:?}");
        assert_eq!(triggers.contains(&format!("{}_key_replaced", table.name)), table.replaced, "{triggers:?}");
    }
}

#[test]
fn after_retention_no_copy_of_before_opens_by_anything_that_is_left() {
    let bench = Bench::new();
    let mut book = full(&bench);
    let before = copied(bench.directory.path());
    let then = bench.secrets.copy();
    let all = Bench::open_rows(before.path(), &Bench::keys(before.path(), &then));
    assert!(all.len() >= 13, "before it all of it opens, or this test could not fail: {all:?}");
    // `a`, its message and its line are past their time; the list is replaced, the setting is set anew.
    book.take_roster(&roster(2)).expect("taken");
    book.set("pairing", b"Lan").expect("set");
    assert_eq!(book.expire(at(NOW + 2 * DAY)).expect("erases"), 2);
    lasts(&book);
    let left = bench.secrets.copy();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(Bench::keys(before.path(), &left).is_empty(), "no key of before opens");
    let now = copied(bench.directory.path());
    let mut keys = Bench::keys(now.path(), &left);
    assert!(keys.len() > 4, "those of now do");
    keys.extend(left.values().map(|secret| Zeroizing::new(*secret)));
    let open = Bench::open_rows(before.path(), &keys);
    // Of the shift nothing is gone: its key is the one of before, and lies under another secret.
    assert!(open.iter().all(|place| place.starts_with("shift/")), "{open:?}");
    // No mark of before is made again either.
    let old = Connection::open(before.path().join("book.db")).expect("opened");
    for table in TABLES.iter().filter(|table| table.finds) {
        let mut statement = old.prepare(&format!("SELECT subject FROM {}", table.name)).expect("query");
        let rows = statement.query_map([], |row| row.get::<_, [u8; 32]>(0)).expect("rows");
        for mark in rows.map(|row| row.expect("a mark")) {
            let made =
                |key: &Key| events::subject::keyed(&**key, "cccd-book-v4", &[b"person", &[1; 32]]) == Bytes(mark);
            assert!(!keys.iter().any(made), "{}", table.name);
        }
    }
    // And in no file stands whose it was.
    drop(book);
    for file in std::fs::read_dir(bench.directory.path()).expect("list") {
        let bytes = std::fs::read(file.expect("file").path()).expect("bytes");
        for needle in ["001099000017", "Nguyễn Văn An", "secret\":1"] {
            assert!(!bytes.windows(needle.len()).any(|part| part == needle.as_bytes()), "{needle}");
        }
        assert!(!bytes.windows(32).any(|part| part == [1; 32]), "nor under what they are found");
    }
}

#[test]
fn whoever_asks_to_be_forgotten_is_so_at_once_and_the_others_of_the_day_stay() {
    let bench = Bench::new();
    let mut book = full(&bench);
    let other = Visit { subject: Some(Bytes([2; 32])), ..kept("c", 30, &content("001099000018")) };
    book.commit(&other).expect("disk").kept().expect("allowed");
    let before = copied(bench.directory.path());
    assert_eq!(book.erase_subjects(&[Bytes([1; 32])]).expect("erases"), (2, 0));
    assert!(book.waiting_for("b", "his").expect("reads").is_none());
    let c = tests::one(&book, "c").expect("reads").expect("there");
    assert_eq!(c.content, content("001099000018"));
    assert!(book.waiting_for("c", "his").expect("reads").is_some());
    assert_eq!(tests::look(&book, Which::Of(&[Bytes([2; 32])])).expect("reads").len(), 1);
    let left = bench.secrets.copy();
    let keys = Bench::keys(copied(bench.directory.path()).path(), &left);
    let open = Bench::open_rows(before.path(), &keys);
    assert!(
        !open.iter().any(|place| ["record", "change", "delivery"].iter().any(|of| place.starts_with(of))),
        "{open:?}"
    );
}

#[test]
fn rows_of_a_day_are_sealed_anew_once_and_a_day_that_is_empty_ends_at_once() {
    let bench = Bench::new();
    let mut book = bench.book();
    let generation = |book: &Book| -> i64 {
        book.connection.query_row("SELECT generation FROM day_state", [], |row| row.get(0)).expect("state")
    };
    let content = content("001099000017");
    for hour in 1..=3 {
        let erase_at = NOW + DAY + hour * 60;
        let visit = Visit {
            keep: Retention::Until(erase_at),
            messages: Vec::new(),
            ..visit(&hour.to_string(), &content, None)
        };
        book.commit(&visit).expect("disk").kept().expect("allowed");
    }
    let first = generation(&book);
    let after = [0, 61, 62, 121, 122, 181, 182].map(|seconds| {
        book.expire(at(NOW + DAY + seconds)).expect("erases");
        generation(&book) - first
    });
    // The first two go one by one under a key that the third still has; with the third the key goes.
    assert_eq!(after, [0, 0, 0, 0, 0, 1, 1]);
    // What goes before the day is over waits until it is.
    for id in ["x", "y"] {
        let mut visit = Visit { at: NOW + DAY, keep: Retention::NotKept, ..visit(id, &content, None) };
        visit.messages.iter_mut().for_each(|message| message.erase_at = NOW + 9 * DAY);
        book.commit(&visit).expect("disk").kept().expect("allowed");
    }
    let due = book.due(NOW + DAY).expect("reads").expect("due");
    book.tried(&due, &deliveries::Tried::Delivered, NOW + DAY).expect("noted");
    let after = [DAY + 200, 2 * DAY, 2 * DAY + 60].map(|seconds| {
        book.expire(at(NOW + seconds)).expect("erases");
        generation(&book) - first
    });
    assert_eq!(after, [1, 2, 2], "once");
    assert!(book.due(NOW + DAY).expect("reads").is_some(), "what nobody took waits still");
}

#[test]
fn power_is_cut_wherever_a_secret_is_touched_and_there_is_a_whole_book() {
    let bench = Bench::new();
    let mut book = full(&bench);
    let cuts: Arc<Mutex<Vec<(tempfile::TempDir, Map)>>> = Arc::default();
    let (from, into) = (bench.directory.path().to_owned(), Arc::clone(&cuts));
    *locked(&bench.secrets.hook) = Some(Box::new(move |map| locked(&into).push((copied(&from), map.clone()))));
    book.expire(at(NOW + 2 * DAY)).expect("erases");
    book.erase_subjects(&[Bytes([9; 32])]).expect("erases");
    *locked(&bench.secrets.hook) = None;
    let cuts = std::mem::take(&mut *locked(&cuts));
    assert!(cuts.len() >= 3, "{}", cuts.len());
    for (directory, map) in cuts {
        let secrets = Secrets::holding(map);
        let path = directory.path().join("book.db");
        let mut book = Book::open(&path, secrets.seal()).expect("opens");
        lasts(&book);
        book.expire(at(NOW + 2 * DAY)).expect("erases");
        lasts(&book);
        assert_eq!(secrets.copy().len(), 1, "and one secret is left");
    }
}

#[test]
fn what_cannot_be_written_or_removed_is_tried_again_and_loses_nothing() {
    let bench = Bench::new();
    let mut book = full(&bench);
    book.connection
        .execute_batch(
            "CREATE TRIGGER full BEFORE UPDATE OF generation ON day_state BEGIN SELECT RAISE(ABORT, 'x'); END",
        )
        .expect("trigger");
    assert_eq!(book.expire(at(NOW + 2 * DAY)).expect_err("full").code(), "book_failed");
    lasts(&book);
    assert!(tests::one(&book, "a").expect("reads").is_some(), "of one operation there is all or nothing");
    book.connection.execute_batch("DROP TRIGGER full").expect("dropped");
    *locked(&bench.secrets.stuck) = Some("book-1");
    assert_eq!(book.expire(at(NOW + 2 * DAY)).expect_err("not removed").code(), "book_key_locked");
    lasts(&book);
    assert_eq!(bench.secrets.copy().len(), 2);
    *locked(&bench.secrets.stuck) = None;
    drop(book);
    let mut book = bench.book();
    book.expire(at(NOW + 2 * DAY)).expect("erases");
    lasts(&book);
    assert_eq!(bench.secrets.copy().len(), 1);
}

#[test]
fn two_processes_write_and_destroy_beside_each_other() {
    let bench = Bench::new();
    let (mut one, mut other) = (full(&bench), bench.book());
    let content = content("001099000017");
    // A key that one made and took back is not what the other makes.
    let nobody = Visit { counted_as: Vec::new(), ..kept("no", 30, &content) };
    let later = Visit { at: NOW + DAY, ..nobody };
    assert!(one.commit(&later).expect("asked").kept().is_none(), "nobody is counted");
    for (at, id) in (1..).zip(["d", "e", "f"]) {
        let visit = Visit { at: NOW + DAY, subject: Some(Bytes([at; 32])), ..kept(id, 30, &content) };
        let (writes, destroys) = if at % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        writes.commit(&visit).expect("disk").kept().expect("allowed");
        destroys.expire(Certain::of(0, NOW + 2 * DAY, events::Quality::Signed).expect("certain")).expect("erases");
        destroys.erase_subjects(&[Bytes([at; 32])]).expect("erases");
        assert!(tests::one(writes, id).expect("reads").is_none());
    }
    one.set("pairing", b"Lan").expect("set");
    assert_eq!(other.setting("pairing").expect("reads").as_deref().map(Vec::as_slice), Some(&b"Lan"[..]));
}

/// A book of version 3, as the program before wrote it.
fn old(bench: &Bench, seal_it: impl Fn(&str, &[u8]) -> Vec<u8>) {
    let old = Connection::open(bench.path()).expect("opened");
    old.execute_batch(&[SCHEMA, SIGNERS, VERSIONS].concat()).expect("version 3");
    let insert = |sql: &str, values: &[&dyn rusqlite::ToSql]| old.execute(sql, values).expect("kept");
    let body = seal_it("record/b", &content("001099000017").to_bytes());
    insert(
        "INSERT INTO record (id, profile, day, at, subject, party, sequence, erase_at, body)
         VALUES ('b', 'exam', '2026-11-23', ?1, ?2, 'Nguyễn Văn An', 7, ?3, ?4)",
        &[&NOW, &[1_u8; 32].to_vec(), &(NOW + 30 * DAY), &body],
    );
    insert("INSERT INTO stand (record, version) VALUES ('b', 1)", &[]);
    for number in 0..2 {
        let version = Version {
            version: 1,
            at: NOW,
            by: String::new(),
            role: None,
            act: None,
            why: None,
            note: None,
            stated: Stated::default(),
            commitment: None,
        };
        let plain = [&[0; 32][..], &visit::content::to_json(&version)].concat();
        let body = seal_it(&format!("change/b/{number}"), &plain);
        insert("INSERT INTO change VALUES ('b', ?1, ?2)", &[&number, &body]);
    }
    for (recipient, body) in [("his", Some(seal_it("delivery/b/his", b"{\"secret\":1}"))), ("done", None)] {
        insert(
            "INSERT INTO delivery (record, recipient, at, due, tries, state, subject, erase_at, body)
             VALUES ('b', ?1, ?2, ?2, 0, CASE WHEN ?3 IS NULL THEN 'done' ELSE 'due' END, ?4, ?5, ?3)",
            &[&recipient, &NOW, &body, &[1_u8; 32].to_vec(), &(NOW + 30 * DAY)],
        );
    }
    for at in [NOW, NOW + 1] {
        insert(
            "INSERT INTO ledger (profile, scope, subject, inside, at, device, erase_at)
             VALUES ('exam', 'always', ?1, 1, ?2, 'kiosk-1', ?3)",
            &[&[1_u8; 32].to_vec(), &at, &(NOW + 30 * DAY)],
        );
    }
    let list = seal_it("roster/exam/r", &visit::content::to_json(&roster(1)));
    insert("INSERT INTO roster VALUES ('r', 1, 'exam', '2026-11-24', ?1)", &[&list]);
    insert("INSERT INTO setting VALUES ('pairing', ?1)", &[&seal_it("setting/pairing", b"Lan")]);
    let shift =
        seal_it(&format!("shift/{NOW}"), br#"{"at":1,"since":1,"counted":0,"by":"","to":null,"note":null,"lines":[]}"#);
    insert("INSERT INTO shift (profile, at, body) VALUES ('exam', ?1, ?2)", &[&NOW, &shift]);
}

#[test]
fn a_book_of_version_3_has_all_that_it_had_and_its_one_key_is_gone() {
    let bench = Bench::new();
    let one: Key = bench.secrets.secret("book").expect("made");
    old(&bench, |place, plain| seal::seal(&one, place, plain).expect("sealed"));
    let before = copied(bench.directory.path());
    let book = bench.book();
    lasts(&book);
    assert_eq!((book.inside("exam").expect("counts"), book.ledger("exam", "always").expect("reads").len()), (1, 2));
    assert_eq!(book.rosters("exam").expect("reads").len(), 1);
    let an = Person::citizen("001099000017").expect("a person");
    let find = events::subject::keyed(&*one, "cccd-book-v1", &[b"find"]);
    assert_eq!(book.handle(&an), an.hash(&find.0, events::subject::Purpose::Book), "people are found as before");
    let left = bench.secrets.copy();
    assert_eq!(left.keys().collect::<Vec<_>>(), ["book-1"]);
    let mut keys = Bench::keys(copied(bench.directory.path()).path(), &left);
    keys.extend(left.values().map(|secret| Zeroizing::new(*secret)));
    assert!(Bench::open_rows(before.path(), &keys).is_empty(), "and a copy of before opens no more");
    assert!(!Bench::open_rows(before.path(), &[one]).is_empty(), "by the one key it did");
    drop(book);
    lasts(&bench.book());
}

#[test]
fn a_book_of_version_3_that_does_not_open_stays_as_it_was() {
    let bench = Bench::new();
    let one: Key = bench.secrets.secret("book").expect("made");
    old(&bench, |place, plain| {
        let mut sealed = seal::seal(&one, place, plain).expect("sealed");
        sealed[20] ^= u8::from(place.starts_with("setting/"));
        sealed
    });
    assert_eq!(Book::open(&bench.path(), bench.secrets.seal()).expect_err("changed").code(), "book_sealed");
    let version = Connection::open(bench.path())
        .and_then(|connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)));
    assert_eq!(version.expect("version"), 3);
    assert_eq!(bench.secrets.copy().get("book"), Some(&*one), "and so does its key");
}

#[test]
fn a_book_of_practice_begins_anew_and_leaves_the_devices_own_key_alone() {
    let bench = Bench::new();
    let one: Key = bench.secrets.secret("book").expect("made");
    old(&bench, |place, plain| seal::seal(&one, place, plain).expect("sealed"));
    let seal = Seal::practice(Arc::clone(&bench.secrets) as Arc<dyn KeyStore>);
    let book = Book::open(&bench.path(), seal).expect("opened");
    assert!(tests::one(&book, "b").expect("reads").is_none());
    assert_eq!(bench.secrets.copy().keys().collect::<Vec<_>>(), ["book", "practice-1"]);
}

#[test]
fn whoever_removes_a_book_removes_every_secret_of_it() {
    let bench = Bench::new();
    assert_eq!(seal::labels(&bench.path(), false), ["book", "book-1", "book-2"]);
    let mut book = full(&bench);
    book.expire(at(NOW + 2 * DAY)).expect("erases");
    let labels = seal::labels(&bench.path(), false);
    assert!(bench.secrets.copy().keys().all(|label| labels.contains(label)), "{labels:?}");
}

#[test]
fn a_frame_is_what_it_was_made_of() {
    for handle in [None, Some(Bytes([3; 32]))] {
        let framed = Framed::new(handle.as_ref(), b"rest");
        assert_eq!((framed.handle(), framed.rest()), (handle, &b"rest"[..]));
    }
}
