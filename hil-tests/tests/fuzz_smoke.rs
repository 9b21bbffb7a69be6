//! A smoke run of the fuzz targets on the stable toolchain: every file of the corpora, and mutations of each.

#[path = "../../fuzz/src/targets.rs"]
#[allow(unreachable_pub, reason = "the file is a library of its own, too")]
mod targets;

use std::path::Path;

/// A xorshift generator: the run is the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.next() % 4 {
        if bytes.is_empty() {
            bytes.push(0);
        }
        let at = random.next() % bytes.len();
        match random.next() % 6 {
            0 => bytes[at] ^= 1 << (random.next() % 8),
            1 => bytes[at] = [0, 0x7F, 0x80, 0x81, 0x84, 0xFF][random.next() % 6],
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.next() as u8),
            4 => drop(bytes.remove(at)),
            _ => {
                let end = (at + random.next() % 32).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn no_target_panics_on_its_corpus_or_near_it() {
    let mutations = test_support::cases(1000, 40_000);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut files: Vec<_> =
            std::fs::read_dir(root.join(name)).expect(name).map(|entry| entry.expect(name).path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has a corpus");
        for file in files {
            let seed = std::fs::read(&file).expect(name);
            target(&seed);
            let runs = if targets::SLOW.contains(&name) { mutations / 40 } else { mutations };
            for _ in 0..runs {
                let mut bytes = seed.clone();
                mutate(&mut bytes, &mut random);
                let run = std::panic::catch_unwind(|| target(&bytes));
                assert!(run.is_ok(), "{name}, near {}: {}", file.display(), hex(&bytes));
            }
        }
    }
    targets::run("tlv", &[]);
}
