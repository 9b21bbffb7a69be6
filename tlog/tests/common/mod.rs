//! A log with keys that nobody can mistake for secrets.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use std::collections::BTreeMap;
use std::path::Path;
use tlog::note::{Note, NoteKey, Role};
use tlog::tiles::{Kind, Tile, bundle};
use tlog::tree::{Nodes as _, Tree, leaf};
use tlog::verify::Source;
use tlog::{Checkpoint, Keys, LogError, SignedRoot};

pub const ORIGIN: &str = "log.tinh31.example/events";
pub const TIME: u64 = 1_780_000_000;

/// The P-256 key of this private number.
pub fn p256(number: u32) -> EcKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
    let number = BigNum::from_u32(number).expect("number");
    let mut public = EcPoint::new(&group).expect("point");
    let mut context = BigNumContext::new().expect("context");
    public.mul_generator2(&group, &number, &mut context).expect("point");
    EcKey::from_private_components(&group, &number, &public).expect("key")
}

pub fn spki(key: &EcKey<Private>) -> Vec<u8> {
    PKey::from_ec_key(key.clone()).and_then(|key| key.public_key_to_der()).expect("DER")
}

pub fn es256(key: &EcKey<Private>) -> impl Fn(&[u8]) -> Result<[u8; 64], ErrorStack> {
    |data| {
        let signature = EcdsaSig::sign(&openssl::sha::sha256(data), key)?;
        let mut plain = [0; 64];
        plain[..32].copy_from_slice(&signature.r().to_vec_padded(32)?);
        plain[32..].copy_from_slice(&signature.s().to_vec_padded(32)?);
        Ok(plain)
    }
}

/// An Ed25519 key whose seed is 32 times this byte.
pub fn ed25519(name: &str, role: Role, seed: u8) -> (NoteKey, PKey<Private>) {
    let key = PKey::private_key_from_raw_bytes(&[seed; 32], Id::ED25519).expect("key");
    let public = key.raw_public_key().expect("public").try_into().expect("32 bytes");
    (NoteKey::new(name, role, public).expect("key"), key)
}

pub fn eddsa(key: &PKey<Private>) -> impl Fn(&[u8]) -> Result<[u8; 64], ErrorStack> {
    |data| {
        let mut signature = [0; 64];
        Signer::new_without_digest(key)?.sign_oneshot(&mut signature, data)?;
        Ok(signature)
    }
}

/// A log in memory.
#[derive(Clone, Default)]
pub struct Log {
    pub entries: Vec<Vec<u8>>,
}

impl Log {
    pub fn of(size: u64) -> Self {
        Self { entries: (0..size).map(|number| format!("event {number}").into_bytes()).collect() }
    }

    pub fn tree(&self) -> Tree {
        self.entries.iter().map(|entry| leaf(entry)).collect()
    }

    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint_of(&self.tree())
    }

    fn checkpoint_of(&self, tree: &Tree) -> Checkpoint {
        let root = tree.root(self.size()).expect("root");
        Checkpoint { origin: ORIGIN.to_owned(), size: self.size(), root }
    }

    pub fn signed(&self) -> SignedRoot {
        let key = p256(1);
        SignedRoot::sign(self.checkpoint(), &spki(&key), es256(&key)).expect("signed")
    }

    pub fn cose(&self) -> Vec<u8> {
        self.signed().to_bytes().expect("bytes")
    }

    pub fn note(&self) -> Note {
        self.note_of(&self.tree())
    }

    fn note_of(&self, tree: &Tree) -> Note {
        let (key, private) = ed25519(ORIGIN, Role::Author, 7);
        let text = self.checkpoint_of(tree).text();
        let line = key.sign(&text, eddsa(&private)).expect("signed");
        Note { text, signatures: vec![line] }
    }

    /// All files.
    pub fn files(&self) -> Files {
        let tree = self.tree();
        let mut files = BTreeMap::new();
        for tile in Tile::fresh(0, self.size()) {
            let bytes = if tile.kind == Kind::Entries {
                let first = (tile.index * 256) as usize;
                bundle(self.entries[first..first + tile.width as usize].iter().map(|entry| Some(&entry[..])))
            } else {
                tile.hashes_from(&tree)
            };
            files.insert(tile.path(), bytes.expect("a tile"));
        }
        files.insert("checkpoint".to_owned(), self.note_of(&tree).to_string().into_bytes());
        Files(files)
    }
}

/// Files of a log in memory.
#[derive(Clone)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Source for Files {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.0.get(path).cloned())
    }
}

impl Files {
    pub fn write(&self, directory: &Path) {
        for (path, bytes) in &self.0 {
            let file = directory.join(path);
            std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
            std::fs::write(file, bytes).expect("written");
        }
    }
}

pub fn keys() -> Keys {
    Keys::new(ORIGIN)
        .note(0, ed25519(ORIGIN, Role::Author, 7).0)
        .and_then(|keys| keys.cose(0, &spki(&p256(1))))
        .expect("keys")
}
