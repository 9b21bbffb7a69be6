//! The verifier, as a library over files in memory and as a program over a directory.

mod common;

use common::{Files, Log, ORIGIN, TIME, ed25519, eddsa, keys};
use std::collections::BTreeMap;
use std::process::{Command, Output};
use tlog::note::{Note, Role};
use tlog::tiles::{Kind, Tile, bundle};
use tlog::tree::{Nodes as _, leaf};
use tlog::verify::{Source, State, Task, Verified, verify};
use tlog::{Checkpoint, Evidence, Keys, LogError};

const SIZE: u64 = 3 * 256 + 17;

fn task(keys: &Keys) -> Task<'_> {
    Task { keys, threads: 3, entries: true, every: 1 }
}

fn run(files: &Files, earlier: Option<&State>) -> Result<(Verified, State), LogError> {
    let mut last = None;
    let verified = verify(files, task(&keys()), earlier, |state, _| {
        last = Some(state.clone());
        Ok(())
    })?;
    Ok((verified, last.expect("told")))
}

fn code(files: &Files) -> &'static str {
    run(files, None).expect_err("refused").code()
}

#[test]
fn a_log_is_verified_whole() {
    for size in [1, 17, 255, 256, 257, 512, SIZE] {
        let (verified, state) = run(&Log::of(size).files(), None).expect("verified");
        assert_eq!((verified.size, verified.present, verified.gone, verified.unread), (size, size, 0, 0));
        assert_eq!((verified.extends, verified.before, state.tiles), (None, 0, size / 256));
        assert_eq!(verified.root, Log::of(size).checkpoint().root.to_string());
    }
}

#[test]
fn a_log_of_three_levels_is_verified_whole() {
    let files = Log::of(65_536 + 300).files();
    assert!(files.0.contains_key("tile/2/000.p/1"));
    let keys = keys();
    let shape = Task { entries: false, every: 0, ..task(&keys) };
    let verified = verify(&files, shape, None, |_, _| Ok(())).expect("verified");
    assert_eq!((verified.unread, verified.present), (65_836, 0));
    let mut wrong = files;
    wrong.0.get_mut("tile/2/000.p/1").expect("a tile")[0] ^= 1;
    let refused = verify(&wrong, shape, None, |_, _| Ok(())).expect_err("refused");
    assert!(matches!(&refused, LogError::TileDiffers(path) if path == "tile/2/000.p/1"), "{refused}");
}

/// Nothing that is wrong anywhere passes: each file missing, cut, longer, and with a bit changed.
#[test]
fn no_file_may_be_missing_or_changed() {
    let files = Log::of(SIZE).files();
    for path in files.0.keys() {
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut other = files.clone();
            change(other.0.get_mut(path).expect("a file"));
            run(&other, None).map(drop)
        };
        let mut other = files.clone();
        other.0.remove(path);
        assert_eq!(code(&other), "log_tile_missing", "{path}");
        changed(&|bytes| bytes.truncate(bytes.len() - 1)).expect_err(path);
        changed(&|bytes| bytes.push(0)).expect_err(path);
        let length = files.0[path].len();
        for at in [0, 1, length / 2, length - 2] {
            changed(&|bytes| bytes[at] ^= 1).expect_err(path);
        }
    }
    assert_eq!(code(&Files(BTreeMap::new())), "log_tile_missing", "nothing is verified of nothing");
    assert_eq!(code(&Log::of(0).files()), "log_empty");
}

#[test]
fn an_entry_that_was_changed_is_named() {
    let files = Log::of(SIZE).files();
    let mut changed = Log::of(SIZE);
    changed.entries[300][0] ^= 1;
    let path = "tile/entries/001";
    let mut other = files.clone();
    other.0.insert(path.to_owned(), changed.files().0[path].clone());
    assert!(matches!(run(&other, None), Err(LogError::Rewritten(300))));
    let mut swapped = Log::of(SIZE);
    swapped.entries.swap(770, 771);
    let path = "tile/entries/003.p/17";
    let mut other = files;
    other.0.insert(path.to_owned(), swapped.files().0[path].clone());
    assert!(matches!(run(&other, None), Err(LogError::Rewritten(770))));
}

#[test]
fn entries_may_go_and_the_proofs_hold() {
    let log = Log::of(SIZE);
    let mut files = log.files();
    let kept = log.entries[256..512].iter().enumerate();
    let kept = kept.map(|(at, entry)| (at % 4 != 0).then_some(&entry[..]));
    files.0.insert("tile/entries/001".to_owned(), bundle(kept).expect("bundle"));
    let all = bundle((0..256).map(|_| None)).expect("bundle");
    files.0.insert("tile/entries/002".to_owned(), all);
    let (verified, _) = run(&files, None).expect("verified");
    assert_eq!((verified.gone, verified.present), (64 + 256, SIZE - 64 - 256));
    // Whoever has an entry that the log erased still proves that it was there.
    let receipt = log.signed().receipt(&log.tree().inclusion(600, SIZE).expect("proof")).expect("receipt");
    keys().open_receipt(&receipt, &log.entries[600]).expect("it was in there");
}

#[test]
fn a_part_of_a_tile_may_give_way_to_the_full_one() {
    let (old, new) = (Log::of(700), Log::of(1000));
    let mut files = new.files();
    // The tile above the leaves has grown, and is still there as it was.
    for path in ["checkpoint", "tile/1/000.p/2"] {
        files.0.insert(path.to_owned(), old.files().0[path].clone());
    }
    let (verified, _) = run(&files, None).expect("the old checkpoint over the files of the new log");
    assert_eq!(verified.size, 700);
}

#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    let old = Log::of(SIZE);
    let (_, state) = run(&old.files(), None).expect("verified");
    let new = Log::of(2000);
    let mut files = new.files();
    // What was done is not read again: those entries may even be gone by now.
    for index in 0..3 {
        files.0.remove(&Tile { kind: Kind::Entries, index, width: 256 }.path());
    }
    let (verified, next) = run(&files, Some(&state)).expect("verified");
    assert_eq!((verified.before, verified.present, verified.extends), (768, 2000, Some(SIZE)));
    assert_eq!((next.tiles, next.present), (7, 1792));
    assert_eq!(code(&files), "log_tile_missing", "a run without a state wants all of them");
    // A run that was ended in the midst of it.
    let mut kept = None;
    let broken = verify(&new.files(), task(&keys()), None, |state, done| {
        kept = Some(state.clone());
        if done < 600 { Ok(()) } else { Err(LogError::State("the rig ends it")) }
    });
    broken.expect_err("ended");
    let kept = kept.expect("told");
    assert_eq!(kept.tiles, 3);
    let (verified, _) = run(&new.files(), Some(&kept)).expect("verified");
    assert_eq!((verified.before, verified.present), (768, 2000));
    // The state is believed for its checkpoint's signature, and for no more than that has.
    for wrong in [
        State { tiles: 8, ..kept.clone() },
        State { tiles: u64::MAX, ..kept.clone() },
        State { present: 769, ..kept.clone() },
        State { checkpoint: kept.checkpoint.replacen("2000", "2001", 1), ..kept.clone() },
    ] {
        run(&new.files(), Some(&wrong)).expect_err("refused");
    }
    let older = run(&old.files(), Some(&kept)).expect_err("refused");
    assert_eq!(older.code(), "log_older");
}

/// The log was changed behind what an earlier run saw, and is in order in itself.
#[test]
fn a_log_that_changed_its_past_is_convicted_by_its_own_signatures() {
    for size in [256, 700] {
        let (_, state) = run(&Log::of(size).files(), None).expect("verified");
        for how in ["dropped", "inserted", "moved", "rewritten"] {
            let mut other = Log::of(1000);
            match how {
                "dropped" => drop(other.entries.remove(100)),
                "inserted" => other.entries.insert(100, b"another".to_vec()),
                "moved" => other.entries.swap(100, 101),
                _ => other.entries[100] = b"another".to_vec(),
            }
            let files = other.files();
            run(&files, None).expect("in itself it is in order");
            let Err(LogError::Inconsistent(evidence)) = run(&files, Some(&state)) else { panic!("{how} at {size}") };
            assert!(evidence.is_certain(), "{how} at {size}: {}", evidence.describe());
            assert_eq!(Evidence::open(&evidence.to_bytes(), &keys()).expect("kept"), *evidence);
        }
    }
}

#[test]
fn hashes_that_lead_to_the_root_and_entries_that_do_not_are_told_apart() {
    // A log that signs a root over leaves of which it never had the entries.
    let log = Log::of(300);
    let mut tree = log.tree();
    tree.push(leaf(b"never shown"));
    let root = tree.root(301).expect("root");
    let mut files = Log::of(301).files();
    let (key, private) = ed25519(ORIGIN, Role::Author, 7);
    let text = Checkpoint { root, ..Log::of(301).checkpoint() }.text();
    let line = key.sign(&text, eddsa(&private)).expect("signed");
    files.0.insert("checkpoint".to_owned(), Note { text, signatures: vec![line] }.to_string().into_bytes());
    for tile in Tile::fresh(0, 301).filter(|tile| tile.kind != Kind::Entries) {
        files.0.insert(tile.path(), tile.hashes_from(&tree).expect("tile"));
    }
    assert!(matches!(run(&files, None), Err(LogError::Rewritten(300))));
    let keys = keys();
    let shape = Task { entries: false, ..task(&keys) };
    let verified = verify(&files, shape, None, |_, _| Ok(())).expect("its shape is in order");
    assert_eq!((verified.present, verified.unread), (0, 301));
}

#[test]
fn a_log_in_order_in_itself_is_not_the_one_that_was_signed() {
    for size in [17, 256, SIZE] {
        let mut other = Log::of(size);
        other.entries[5] = b"another".to_vec();
        let mut files = other.files();
        run(&files, None).expect("in order in itself");
        files.0.insert("checkpoint".to_owned(), Log::of(size).files().0["checkpoint"].clone());
        assert_eq!(code(&files), "log_tile_differs", "{size}");
    }
    // A tile and its entries, changed alike.
    let mut other = Log::of(SIZE);
    other.entries[300] = b"another".to_vec();
    let (mut files, other) = (Log::of(SIZE).files(), other.files());
    for path in ["tile/0/001", "tile/entries/001"] {
        files.0.insert(path.to_owned(), other.0[path].clone());
    }
    assert!(matches!(run(&files, None), Err(LogError::TileDiffers(path)) if path == "tile/0/001"));
}

#[test]
fn what_cannot_be_read_is_no_log() {
    struct Broken;
    impl Source for Broken {
        fn read(&self, path: &str) -> Result<Option<Vec<u8>>, LogError> {
            Err(LogError::Unreadable { path: path.to_owned(), why: std::io::ErrorKind::PermissionDenied.into() })
        }
    }
    let refused = verify(&Broken, task(&keys()), None, |_, _| Ok(())).expect_err("refused");
    assert_eq!(refused.code(), "log_unreadable");
}

struct Rig(tempfile::TempDir);

impl Rig {
    fn new(files: &Files, table: &str) -> Self {
        let rig = Self(tempfile::tempdir().expect("a directory"));
        files.write(&rig.0.path().join("log"));
        std::fs::write(rig.0.path().join("keys"), table).expect("written");
        rig
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verify-log"));
        command.current_dir(self.0.path()).args(["log", "--keys", "keys"]).args(arguments);
        command.output().expect("run")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn the_program_verifies_a_directory_and_says_what() {
    let key = ed25519(ORIGIN, Role::Author, 7).0;
    let (witness, private) = ed25519("witness.example/1", Role::Witness, 1);
    let table = format!("origin {ORIGIN}\n0 note {key}\nwitness {witness}\n");
    let mut files = Log::of(SIZE).files();
    let rig = Rig::new(&files, &table);
    let refused = rig.run(&[]);
    assert!(refused.status.code() == Some(11) && said(&refused).contains("log_witnesses"), "{}", said(&refused));
    let mut note = Log::of(SIZE).note();
    note.signatures.push(witness.cosign(&note.text, TIME, eddsa(&private)).expect("signed"));
    files.0.insert("checkpoint".to_owned(), note.to_string().into_bytes());
    files.write(&rig.0.path().join("log"));
    let output = rig.run(&["--state", "state", "--threads", "2"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for words in ["785 entries", "witnessed by witness.example/1", "785 entries are those", "no earlier run"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let again = rig.run(&["--state", "state", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!((&json["before"], &json["extends"], &json["gone"]), (&768.into(), &785.into(), &0.into()));
    let shape = rig.run(&["--hashes-only"]);
    assert!(shape.status.success() && said(&shape).contains("785 were not read"), "{}", said(&shape));

    // A log that changed its past: the evidence is kept.
    let mut other = Log::of(900);
    other.entries[5] = b"another".to_vec();
    let mut note = other.note();
    note.signatures.push(witness.cosign(&note.text, TIME, eddsa(&private)).expect("signed"));
    let mut files = other.files();
    files.0.insert("checkpoint".to_owned(), note.to_string().into_bytes());
    files.write(&rig.0.path().join("log"));
    let refused = rig.run(&["--state", "state", "--evidence", "evidence"]);
    assert!(refused.status.code() == Some(10) && said(&refused).contains("log_inconsistent"), "{}", said(&refused));
    let evidence = std::fs::read(rig.0.path().join("evidence")).expect("kept");
    assert!(Evidence::open(&evidence, &Keys::parse(&table).expect("keys")).expect("evidence").is_certain());
}

#[test]
fn the_program_refuses_what_it_cannot_read() {
    let key = ed25519(ORIGIN, Role::Author, 7).0;
    let rig = Rig::new(&Log::of(300).files(), &format!("origin {ORIGIN}\n0 note {key}\n"));
    std::fs::write(rig.0.path().join("state"), "{}").expect("written");
    let of = |arguments: &[&str]| {
        let output = rig.run(arguments);
        (output.status.code(), said(&output))
    };
    let (status, text) = of(&["--state", "state"]);
    assert!(status == Some(64) && text.contains("log_state"), "{text}");
    let (status, text) = of(&["--no-such"]);
    assert_eq!(status, Some(64), "{text}");
    assert_eq!(of(&["--version"]).0, Some(0));
    std::fs::write(rig.0.path().join("keys"), "origin").expect("written");
    let (status, text) = of(&[]);
    assert!(status == Some(64) && text.contains("log_key_malformed"), "{text}");
    std::fs::remove_file(rig.0.path().join("keys")).expect("removed");
    assert_eq!(of(&[]).0, Some(64));
}
