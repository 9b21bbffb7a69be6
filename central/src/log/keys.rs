//! The keys with which central signs its log: a directory with the table that everybody may read, and the private halves.
//!
//! | file | is |
//! |---|---|
//! | `keys` | the table of [`tlog::keys`], which devices and auditors get by another way than the log |
//! | `SIZE.cose.key.pem`, `SIZE.note.key.pem` | the private keys that sign from that size on, sealed |
//! | `pass-phrase` | what opens them |
//!
//! A key is changed by adding one from a size that the log has not reached yet: the table goes out first, and counts when the log
//! gets there. Private halves of keys that no longer sign may be destroyed; their lines in the table stay.

use events::sealed::Lock;
use fleet::FleetError;
use fleet::files::{replace, write_new};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use program::{Failure, files, private};
use std::path::Path;
use tlog::note::{Note, NoteKey, Role};
use tlog::{Checkpoint, Keys, LogError, SignedRoot};
use zeroize::Zeroizing;

/// The table.
pub const TABLE: &str = "keys";
const PASS_PHRASE: &str = "pass-phrase";

/// Keys by the size from which they sign, ascending; without the private half where that was taken away.
type Rotation<P> = Vec<(u64, P, Option<PKey<Private>>)>;

/// The keys of one log.
#[derive(Debug)]
pub struct Signers {
    table: Keys,
    text: String,
    coses: Rotation<Vec<u8>>,
    notes: Rotation<NoteKey>,
}

fn ed25519(key: &PKey<Private>, data: &[u8]) -> Result<[u8; 64], ErrorStack> {
    let mut signature = [0; 64];
    Signer::new_without_digest(key)?.sign_oneshot(&mut signature, data)?;
    Ok(signature)
}

fn note_key(origin: &str, key: &PKey<Private>) -> Result<NoteKey, LogError> {
    let public = key.raw_public_key().ok().and_then(|raw| raw.try_into().ok());
    NoteKey::new(origin, Role::Author, public.ok_or(LogError::Key("not an Ed25519 key"))?)
}

fn base64(bytes: &[u8]) -> String {
    openssl::base64::encode_block(bytes)
}

/// The lines of a new pair of keys, whose private halves are written.
fn pair(directory: &Path, origin: &str, from: u64, lock: &Lock) -> Result<String, FleetError> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let cose = PKey::from_ec_key(EcKey::generate(&curve)?)?;
    let note = PKey::generate_ed25519()?;
    let named = note_key(origin, &note).map_err(|_| FleetError::Malformed("origin of the log"))?;
    write_new(&directory.join(format!("{from}.cose.key.pem")), &lock.seal_key(&cose)?)?;
    write_new(&directory.join(format!("{from}.note.key.pem")), &lock.seal_key(&note)?)?;
    Ok(format!("{from} note {named}\n{from} cose {}\n", base64(&cose.public_key_to_der()?)))
}

/// Makes the keys of a new log.
///
/// # Errors
/// When they cannot be written, or the origin is no name.
pub fn create(directory: &Path, origin: &str) -> Result<(), FleetError> {
    private::directory(directory).map_err(fleet::error::io("make", directory))?;
    let mut secret = Zeroizing::new([0; 32]);
    openssl::rand::rand_priv_bytes(&mut *secret)?;
    let phrase = Zeroizing::new(hex::encode(secret.as_slice()).into_bytes());
    write_new(&directory.join(PASS_PHRASE), &phrase)?;
    let lines = pair(directory, origin, 0, &Lock::new(&phrase))?;
    write_new(&directory.join(TABLE), format!("origin {origin}\n{lines}").as_bytes())
}

/// Adds a pair of keys that signs from a size on.
///
/// # Errors
/// When that is not larger than those before it, or they cannot be written.
pub fn rotate(directory: &Path, from: u64) -> Result<(), Failure> {
    let known = Signers::open(directory)?;
    if known.coses.iter().any(|(size, ..)| *size >= from) {
        return Err(LogError::Key("each key signs from a larger size than the one before it").into());
    }
    let lock = Lock::new(&files::pass_phrase(&directory.join(PASS_PHRASE))?);
    let lines = pair(directory, known.table.origin(), from, &lock)?;
    Ok(replace(&directory.join(TABLE), format!("{}{lines}", known.text).as_bytes())?)
}

impl Signers {
    /// Opens the keys of a directory.
    ///
    /// # Errors
    /// When the table is none, or a private key is another than its line says.
    pub fn open(directory: &Path) -> Result<Self, Failure> {
        let text = files::read(&directory.join(TABLE))?;
        let text = String::from_utf8(text).map_err(|_| LogError::Key("not UTF-8"))?;
        let table = Keys::parse(&text)?;
        let lock = Lock::new(&files::pass_phrase(&directory.join(PASS_PHRASE))?);
        let (mut coses, mut notes) = (Vec::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [from, form @ ("cose" | "note"), key] = words[..] else { continue };
            let from: u64 = from.parse().map_err(|_| LogError::Key("a key's line begins with a size"))?;
            let path = directory.join(format!("{from}.{form}.key.pem"));
            let private = path.exists().then(|| fleet::authority::open_key(&lock, &path)).transpose()?;
            let other = || LogError::Key("a private key is another than its line says");
            if form == "cose" {
                let public = openssl::base64::decode_block(key).map_err(|_| LogError::Key("not in base64"))?;
                let same = |private: &PKey<Private>| private.public_key_to_der().is_ok_and(|own| own == public);
                if private.as_ref().is_some_and(|private| !same(private)) {
                    return Err(other().into());
                }
                coses.push((from, public, private));
            } else {
                let public: NoteKey = key.parse()?;
                let same = |private: &PKey<Private>| {
                    private.id() == Id::ED25519 && note_key(table.origin(), private).is_ok_and(|own| own == public)
                };
                if private.as_ref().is_some_and(|private| !same(private)) {
                    return Err(other().into());
                }
                notes.push((from, public, private));
            }
        }
        Ok(Self { table, text, coses, notes })
    }

    /// The table.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.table
    }

    /// The table, as it is given to others.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Signs the log at a size: as COSE, and as a note.
    ///
    /// # Errors
    /// When no key signs at this size, or its private half is not here.
    pub fn sign(&self, size: u64, root: tlog::Hash) -> Result<(SignedRoot, String), LogError> {
        let checkpoint = Checkpoint { origin: self.table.origin().to_owned(), size, root };
        let (public, cose) = at(&self.coses, size)?;
        let (named, note) = at(&self.notes, size)?;
        let text = checkpoint.text();
        let line = named.sign(&text, |data| ed25519(note, data))?;
        let signed = SignedRoot::sign(checkpoint, public, |data| fleet::authority::sign(cose, data))?;
        Ok((signed, Note { text, signatures: vec![line] }.to_string()))
    }
}

/// The one key that signs a log of this size.
fn at<P>(rotation: &Rotation<P>, size: u64) -> Result<(&P, &PKey<Private>), LogError> {
    let found = rotation.iter().rev().find(|(from, ..)| *from <= size).ok_or(LogError::KeyUnknown(size))?;
    let private = found.2.as_ref().ok_or(LogError::KeyUnknown(size))?;
    Ok((&found.1, private))
}
