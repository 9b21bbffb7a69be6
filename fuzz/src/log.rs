//! What a log, a witness or a stick says of a log.

use tlog::note::{Note, NoteKey};
use tlog::tiles::{Kind, Tile, bundle};
use tlog::tree::{Frontier, leaf};
use tlog::{Checkpoint, Consistency, Evidence, Hash, Inclusion, Keys, LogError, Receipt};

const LEAF: Hash = events::event::Bytes([7; 32]);

/// A signed note, and what may stand in one; a table of keys.
pub(super) fn log_note(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(Note::parse(note.to_string().as_bytes()).ok().as_ref(), Some(&note), "it reads back");
        if let Ok(checkpoint) = Checkpoint::parse(&note.text) {
            assert_eq!(checkpoint.text(), note.text, "there is one form");
            let keys = Keys::new(&checkpoint.origin);
            assert!(matches!(keys.open_note(bytes), Err(LogError::KeyUnknown(_))), "nobody is trusted");
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<NoteKey>() {
            assert_eq!(key.to_string(), text, "there is one form");
        }
        drop(Keys::parse(text));
    }
}

/// A receipt, a checkpoint in COSE, kept evidence.
pub(super) fn log_receipt(bytes: &[u8]) {
    if let Ok(receipt) = Receipt::parse(bytes) {
        drop(receipt.root(&LEAF));
        if let Ok((origin, _)) = receipt.claims() {
            let keys = Keys::new(origin);
            assert!(keys.open_receipt(bytes, b"entry").is_err() && keys.open_cose(bytes).is_err(), "nobody is trusted");
        }
    }
    assert!(Evidence::open(bytes, &Keys::new("log.example")).is_err(), "nobody is trusted");
}

/// Proofs and peaks.
pub(super) fn log_proof(bytes: &[u8]) {
    if let Ok(proof) = Inclusion::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes, "there is one encoding");
        drop(proof.root(&LEAF));
    }
    if let Ok(proof) = Consistency::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes, "there is one encoding");
        assert!(proof.verify(&LEAF, &leaf(bytes)).is_err(), "no path leads to a root of the caller's choice");
    }
    if let Ok(mut frontier) = Frontier::from_bytes(bytes) {
        assert_eq!(frontier.to_bytes(), bytes, "there is one encoding");
        frontier.push(LEAF);
        assert_eq!(frontier.root(), frontier.root());
    }
}

/// A path, a tile, a bundle: the first byte is the width.
pub(super) fn log_tile(bytes: &[u8]) {
    if let Some((text, tile)) = std::str::from_utf8(bytes).ok().and_then(|text| Some((text, Tile::parse(text)?))) {
        assert_eq!(tile.path(), text, "there is one form");
    }
    let Some((width, rest)) = bytes.split_first() else { return };
    let of = |kind| Tile { kind, index: 0, width: u64::from(*width) + 1 };
    if let Ok(entries) = of(Kind::Entries).read_entries(rest) {
        assert_eq!(entries.len(), usize::from(*width) + 1);
        let again = bundle(entries).expect("what was read can be written");
        assert!(rest.starts_with(&again), "there is one form");
    }
    if let Ok(hashes) = of(Kind::Hashes(0)).read_hashes(rest) {
        assert_eq!(hashes.len(), usize::from(*width) + 1);
    }
}
