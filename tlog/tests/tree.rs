//! Tree and proofs, against another implementation and against whoever changes the past.

mod common;

use common::Log;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use tlog::tiles::{Kind, Tile, Tiles, bundle};
use tlog::tree::{Frontier, Nodes, Tree, empty, leaf};
use tlog::{Consistency, Hash, Inclusion, LogError};

type Theirs = MemoryBackedTree<Sha256, Vec<u8>>;

fn theirs(log: &Log) -> Theirs {
    let mut tree = Theirs::new();
    log.entries.iter().for_each(|entry| tree.push(entry.clone()));
    tree
}

fn flat(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| hash.0).collect()
}

#[test]
fn roots_and_proofs_are_those_of_another_implementation() {
    for size in 0..70 {
        let log = Log::of(size);
        let (ours, other) = (log.tree(), theirs(&log));
        assert_eq!(ours.root(size).expect("root").0, other.root().as_bytes()[..], "size {size}");
        for index in 0..size {
            let proof = ours.inclusion(index, size).expect("proof");
            assert_eq!(flat(&proof.path), other.prove_inclusion(index as usize).as_bytes(), "{index} of {size}");
        }
        for old in 1..size {
            let proof = ours.consistency(old, size).expect("proof");
            let other = other.prove_consistency((size - old) as usize);
            assert_eq!(flat(&proof.path), other.as_bytes(), "{old} to {size}");
        }
    }
    assert_eq!(empty(), Log::of(0).tree().root(0).expect("root"));
}

#[test]
fn every_proof_of_a_small_log_holds_and_for_nothing_else() {
    let tree = Log::of(20).tree();
    for size in 1..=20 {
        let root = tree.root(size).expect("root");
        for index in 0..size {
            let proof = tree.inclusion(index, size).expect("proof");
            let own = tree.node(0, index).expect("leaf");
            assert_eq!(proof.root(&own).expect("a root"), root);
            assert_eq!(Inclusion::from_bytes(&proof.to_bytes()).expect("read"), proof);
            for other in (0..size).filter(|other| *other != index) {
                let moved = Inclusion { index: other, ..proof.clone() };
                assert!(moved.root(&own).map_or(true, |it| it != root), "{index} is not at {other} of {size}");
                assert_ne!(proof.root(&tree.node(0, other).expect("leaf")).expect("a root"), root);
            }
            let longer = Inclusion { path: [&proof.path[..], &[own]].concat(), ..proof.clone() };
            assert!(matches!(longer.root(&own), Err(LogError::Proof(_))));
            if let Some((_, shorter)) = proof.path.split_last() {
                let shorter = Inclusion { path: shorter.to_vec(), ..proof.clone() };
                assert!(matches!(shorter.root(&own), Err(LogError::Proof(_))));
            }
        }
        for old in 1..=size {
            let before = tree.root(old).expect("root");
            let proof = tree.consistency(old, size).expect("proof");
            proof.verify(&before, &root).expect("it extends");
            assert_eq!(Consistency::from_bytes(&proof.to_bytes()).expect("read"), proof);
            let other = leaf(b"another");
            assert!(proof.verify(&other, &root).is_err());
            assert!(proof.verify(&before, &other).is_err());
            for at in 0..proof.path.len() {
                let mut changed = proof.clone();
                changed.path[at].0[5] ^= 1;
                assert!(changed.verify(&before, &root).is_err(), "{old} to {size}");
                let mut shorter = proof.clone();
                shorter.path.remove(at);
                assert!(shorter.verify(&before, &root).is_err(), "{old} to {size}");
            }
            let longer = Consistency { path: [&proof.path[..], &[other]].concat(), ..proof };
            assert!(matches!(longer.verify(&before, &root), Err(LogError::Proof(_))));
        }
    }
}

#[test]
fn a_proof_has_one_encoding() {
    let tree = Log::of(3).tree();
    let inclusion = tree.inclusion(1, 2).expect("proof").to_bytes();
    let consistency = tree.consistency(1, 2).expect("proof").to_bytes();
    for good in [inclusion, consistency] {
        // A number in two bytes, a list without its length, a hash in two pieces, a byte behind the end.
        let long = [&good[..1], &[0x18], &good[1..]].concat();
        let open = [&[0x9F], &good[1..], &[0xFF]].concat();
        let (front, hash) = good.split_at(good.len() - 34);
        let pieces = [front, &[0x5F, 0x50], &hash[2..18], &[0x50], &hash[18..], &[0xFF]].concat();
        let behind = [&good[..], &[0]].concat();
        for other in [long, open, pieces, behind] {
            assert!(matches!(Inclusion::from_bytes(&other), Err(LogError::Proof(_))), "{}", hex::encode(&other));
            assert!(matches!(Consistency::from_bytes(&other), Err(LogError::Proof(_))), "{}", hex::encode(other));
        }
    }
}

#[test]
fn positions_outside_a_log_are_refused() {
    let tree = Log::of(8).tree();
    assert!(matches!(tree.inclusion(8, 8), Err(LogError::Position)));
    assert!(matches!(tree.inclusion(0, 9), Err(LogError::Position)));
    assert!(matches!(tree.consistency(9, 8), Err(LogError::Position)));
    assert!(matches!(tree.consistency(3, 9), Err(LogError::Position)));
    for (index, size) in [(0, 0), (8, 8), (9, 8), (0, u64::MAX)] {
        let outside = Inclusion { size, index, path: Vec::new() };
        assert!(matches!(outside.root(&empty()), Err(LogError::Position)), "{index} of {size}");
        assert!(Inclusion::from_bytes(&outside.to_bytes()).is_err(), "{index} of {size}");
    }
    for (old, new) in [(9, 8), (1, u64::MAX)] {
        let outside = Consistency { old, new, path: Vec::new() };
        assert!(matches!(outside.roots(&empty()), Err(LogError::Position)), "{old} to {new}");
        assert!(Consistency::from_bytes(&outside.to_bytes()).is_err(), "{old} to {new}");
    }
    let of_nothing = Consistency { old: 0, new: 8, path: vec![empty()] };
    assert!(matches!(of_nothing.roots(&empty()), Err(LogError::Proof(_))));
    let nothing = tree.consistency(0, 8).expect("of nothing");
    assert!(nothing.path.is_empty() && nothing.roots(&empty()).is_err(), "nothing is proved of an empty log");
}

/// One entry dropped, inserted, moved, rewritten: none of these logs extends the one that was signed, whatever comes behind.
fn wronged(log: &Log, at: usize) -> [(&'static str, Log); 4] {
    let with = |change: fn(&mut Vec<Vec<u8>>, usize)| {
        let mut other = log.clone();
        change(&mut other.entries, at);
        other
    };
    [
        ("dropped", with(|entries, at| drop(entries.remove(at)))),
        ("inserted", with(|entries, at| entries.insert(at, b"another".to_vec()))),
        ("moved", with(|entries, at| entries.swap(at, at + 1))),
        ("rewritten", with(|entries, at| entries[at][0] ^= 1)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(test_support::cases(24, 4_000)))]

    #[test]
    fn no_changed_past_is_extended(old in 2_u64..300, more in 1_u64..300, at in any::<prop::sample::Index>()) {
        let log = Log::of(old + more);
        let before = log.tree().root(old).expect("root");
        let honest = log.tree().consistency(old, log.size()).expect("proof");
        honest.verify(&before, &log.checkpoint().root).expect("it extends");
        let at = at.index(old as usize - 1);
        for (how, other) in wronged(&log, at) {
            let (tree, root) = (other.tree(), other.checkpoint().root);
            let size = other.size();
            if size < old { continue }
            for proof in [tree.consistency(old, size).expect("proof"), Consistency { new: size, ..honest.clone() }] {
                prop_assert!(proof.verify(&before, &root).is_err(), "{how} at {at}: {old} to {size}");
            }
            // And the entry that was there has no proof of its place any more.
            let mine = leaf(&log.entries[at]);
            let proof = tree.inclusion(at as u64, size).expect("proof");
            prop_assert!(proof.root(&mine).expect("a root") != root, "{how} at {at}");
        }
    }

    #[test]
    fn a_frontier_appends_as_the_tree_does(sizes in prop::collection::vec(0_u64..40, 1..6)) {
        let mut frontier = Frontier::default();
        let log = Log::of(sizes.iter().sum());
        let tree = log.tree();
        let mut entries = log.entries.iter();
        for more in sizes {
            entries.by_ref().take(more as usize).for_each(|entry| frontier.push(leaf(entry)));
            prop_assert_eq!(frontier.root(), tree.root(frontier.size()).expect("root"));
            let kept = frontier.to_bytes();
            frontier = Frontier::from_bytes(&kept).expect("kept");
            prop_assert!(Frontier::from_bytes(&kept[..kept.len() - 1]).is_err());
            prop_assert!(Frontier::from_bytes(&[&kept[..], &[0; 32]].concat()).is_err());
        }
    }

    #[test]
    fn proofs_from_tiles_are_those_from_the_tree(size in 1_u64..1500, old in any::<prop::sample::Index>(), grown in 0_u64..600) {
        let log = Log::of(size);
        let (tree, files) = (log.tree(), log.files().0);
        let read = |tile: &Tile| files.get(&tile.path()).cloned().ok_or_else(|| LogError::Missing(tile.path()));
        let tiles = Tiles { size, read };
        let old = old.index(size as usize) as u64;
        prop_assert_eq!(tiles.root(size).expect("root"), tree.root(size).expect("root"));
        prop_assert_eq!(tiles.inclusion(old, size).expect("proof"), tree.inclusion(old, size).expect("proof"));
        prop_assert_eq!(tiles.consistency(old, size).expect("proof"), tree.consistency(old, size).expect("proof"));
        // What a growing log writes is what the grown log has beyond the old one, and what it had.
        let all: std::collections::BTreeSet<Tile> = Tile::fresh(0, size + grown).collect();
        let before: std::collections::BTreeSet<Tile> = Tile::fresh(0, size).collect();
        let fresh: std::collections::BTreeSet<Tile> = Tile::fresh(size, size + grown).collect();
        prop_assert!(fresh.is_disjoint(&before) && fresh.is_subset(&all));
        prop_assert!(all.difference(&before).all(|tile| fresh.contains(tile)));
        for tile in all {
            prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
        }
    }

}

proptest! {
    #[test]
    fn no_bytes_are_a_proof_by_chance(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let long = Inclusion::from_bytes(&bytes).is_ok_and(|it| it.to_bytes() != bytes);
        let other = Consistency::from_bytes(&bytes).is_ok_and(|it| it.to_bytes() != bytes);
        prop_assert!(!long && !other, "there is one encoding");
        drop(Frontier::from_bytes(&bytes));
    }

    #[test]
    fn a_path_of_a_tile_has_one_form(index in any::<u64>(), level in 0_u8..64, width in 1_u64..=256, entries: bool) {
        let kind = if entries { Kind::Entries } else { Kind::Hashes(level) };
        let tile = Tile { kind, index, width };
        prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
    }
}

#[test]
fn tiles_are_those_of_the_specification() {
    let tile = |kind, index, width| Tile { kind, index, width };
    assert_eq!(tile(Kind::Hashes(0), 1_234_067, 256).path(), "tile/0/x001/x234/067");
    assert_eq!(tile(Kind::Entries, 5, 12).path(), "tile/entries/005.p/12");
    // A tree of 70000: 273 full tiles and one of 112, one full and one of 17, one of 1.
    let all: Vec<Tile> = Tile::fresh(0, 70_000).filter(|tile| tile.kind != Kind::Entries).collect();
    let of =
        |level, full| all.iter().filter(|tile| tile.kind == Kind::Hashes(level) && (tile.width == 256) == full).count();
    assert_eq!([of(0, true), of(0, false), of(1, true), of(1, false), of(2, false)], [273, 1, 1, 1, 1]);
    assert!(all.contains(&tile(Kind::Hashes(0), 273, 112)) && all.contains(&tile(Kind::Hashes(1), 1, 17)));
    assert_eq!(Tile::fresh(0, 256).filter(|tile| tile.kind == Kind::Hashes(1)).map(|tile| tile.width).sum::<u64>(), 1);
    for wrong in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/1",
        "tile/00/001",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/+01",
        "tile/64/001",
        "tile/-1/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/012",
        "tile/0/001.p/",
        "tile/entry/001",
        "tile/0/../001",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "/tile/0/001",
    ] {
        assert_eq!(Tile::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_bundle_says_which_entries_are_gone_and_holds_no_others() {
    let tile = Tile { kind: Kind::Entries, index: 0, width: 3 };
    let entries = [Some(b"one".as_slice()), None, Some(b"three")];
    let bytes = bundle(entries).expect("bundle");
    assert_eq!(tile.read_entries(&bytes).expect("read"), entries);
    assert_eq!(Tile { width: 2, ..tile }.read_entries(&bytes).expect("a wider one"), entries[..2]);
    assert!(Tile { width: 4, ..tile }.read_entries(&bytes).is_err());
    for end in 1..bytes.len() {
        let cut = tile.read_entries(&bytes[..end]);
        assert!(cut.is_err(), "cut off at {end}");
    }
    assert!(bundle([Some(b"".as_slice())]).is_err(), "an entry has a byte");
    assert!(bundle([Some(&[0; 0x1_0000][..])]).is_err(), "and no more than two bytes can say");
    assert!(tile.read_entries(&vec![0; 2 * 257]).is_err());
    let hashes = Tile { kind: Kind::Hashes(0), index: 0, width: 2 };
    assert_eq!(hashes.read_hashes(&[0; 64]).expect("two").len(), 2);
    assert_eq!(hashes.read_hashes(&[0; 96]).expect("a wider one").len(), 2);
    for wrong in [0, 32, 63, 65, 257 * 32] {
        assert!(hashes.read_hashes(&vec![0; wrong]).is_err(), "{wrong} bytes");
    }
}

#[test]
fn a_frontier_over_full_tiles_goes_on_where_they_end() {
    let log = Log::of(1000);
    let tree = log.tree();
    let tiles: Vec<Hash> = (0..3).map(|index| tree.node(8, index).expect("tile")).collect();
    let mut frontier = Frontier::over_tiles(&tiles);
    log.entries[768..].iter().for_each(|entry| frontier.push(leaf(entry)));
    assert_eq!((frontier.size(), frontier.root()), (1000, tree.root(1000).expect("root")));
    assert_eq!(Tree::default().size(), 0);
}
