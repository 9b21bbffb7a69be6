//! Signed notes of C2SP: a text, an empty line, and lines of signatures, each by a named Ed25519 key.
//!
//! ```text
//! log.tinh31.example/events
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — log.tinh31.example/events 7m1x0Q…
//! — witness.example/1 jWbPPw…
//! ```
//!
//! A signature line holds, in base64, the first four bytes of `SHA-256(name ‖ 0A ‖ type ‖ key)` and the signature. Type 1 signs
//! the text. Type 4 is a witness (C2SP `tlog-cosignature`): a time in eight bytes and a signature over `cosignature/v1`, `time
//! N`, each with its end of line, and the text. Lines of keys that are not known are passed over; a wrong signature of a known
//! key spoils the note.
//!
//! Private keys never come here: who signs gives a function.

use crate::LogError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::pkey::{Id, PKey, Public};
use openssl::sign::Verifier;
use std::fmt::{self, Display};
use std::str::FromStr;

/// The most bytes of a note.
pub const MAX_NOTE: usize = 64 * 1024;

/// The most signatures of a note; the specification wants at least 16.
const MAX_SIGNATURES: usize = 64;

/// What a key's signatures say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Of whoever wrote the text.
    Author = 1,
    /// Of a witness, with its time.
    Witness = 4,
}

/// A public key with its name: a `vkey`, `NAME+ID+BASE64`.
#[derive(Clone)]
pub struct NoteKey {
    name: String,
    role: Role,
    id: [u8; 4],
    raw: [u8; 32],
    key: PKey<Public>,
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteKey({self})")
    }
}

impl PartialEq for NoteKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.role == other.role && self.raw == other.raw
    }
}

/// Whether a name may stand in a line of signatures.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

impl NoteKey {
    /// A key of 32 bytes, as RFC 8032 has them.
    ///
    /// # Errors
    /// When name or key is none.
    pub fn new(name: &str, role: Role, raw: [u8; 32]) -> Result<Self, LogError> {
        if !is_name(name) {
            return Err(LogError::Key("a name has no spaces and no +"));
        }
        let key =
            PKey::public_key_from_raw_bytes(&raw, Id::ED25519).map_err(|_| LogError::Key("not an Ed25519 key"))?;
        let data = [name.as_bytes(), b"\n", &[role as u8], &raw].concat();
        let [a, b, c, d, ..] = events::hash(&data).0;
        Ok(Self { name: name.to_owned(), role, id: [a, b, c, d], raw, key })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures say.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether it is the same key, under whatever name.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.raw == other.raw
    }

    /// What a signature of this key is over.
    fn message(text: &str, time: Option<u64>) -> Vec<u8> {
        let head = time.map(|time| format!("cosignature/v1\ntime {time}\n")).unwrap_or_default();
        [head.as_bytes(), text.as_bytes()].concat()
    }

    fn line(&self, signature: Vec<u8>) -> Signature {
        Signature { name: self.name.clone(), id: self.id, bytes: signature }
    }

    /// The line of whoever wrote `text`. `sign` makes an Ed25519 signature with this key.
    ///
    /// # Errors
    /// When the signer fails, or this is a witness.
    pub fn sign<E: Display>(
        &self,
        text: &str,
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
    ) -> Result<Signature, LogError> {
        if self.role != Role::Author {
            return Err(LogError::Key("a witness signs with its time"));
        }
        let signature = sign(&Self::message(text, None)).map_err(|error| LogError::Signing(error.to_string()))?;
        Ok(self.line(signature.to_vec()))
    }

    /// The line of a witness that saw `text` at `time`, seconds since 1970. `sign` as above.
    ///
    /// # Errors
    /// When the signer fails, or this is no witness.
    pub fn cosign<E: Display>(
        &self,
        text: &str,
        time: u64,
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
    ) -> Result<Signature, LogError> {
        if self.role != Role::Witness || time > i64::MAX as u64 {
            return Err(LogError::Key("only a witness signs with its time"));
        }
        let signature = sign(&Self::message(text, Some(time))).map_err(|error| LogError::Signing(error.to_string()))?;
        Ok(self.line([&time.to_be_bytes()[..], &signature].concat()))
    }

    /// Whether this key has signed the note: nothing where no line is its own, for a witness when.
    ///
    /// # Errors
    /// When a line is its own and the signature is wrong.
    pub fn find(&self, note: &Note) -> Result<Option<SignedAt>, LogError> {
        let mut found = None;
        for line in note.signatures.iter().filter(|line| line.name == self.name && line.id == self.id) {
            let (time, signature) = match self.role {
                Role::Author => (None, &line.bytes[..]),
                Role::Witness => {
                    let (time, signature) = line.bytes.split_first_chunk().ok_or(LogError::Signature)?;
                    (Some(u64::from_be_bytes(*time)), signature)
                }
            };
            if signature.len() != 64 || time.is_some_and(|time| time > i64::MAX as u64) {
                return Err(LogError::Signature);
            }
            let message = Self::message(&note.text, time);
            let valid = Verifier::new_without_digest(&self.key)
                .and_then(|mut verifier| verifier.verify_oneshot(signature, &message));
            if !valid.unwrap_or(false) {
                return Err(LogError::Signature);
            }
            found = Some(SignedAt { time });
        }
        Ok(found)
    }
}

/// That a key has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedAt {
    /// When, seconds since 1970, as a witness says it.
    pub time: Option<u64>,
}

impl Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.role as u8][..], &self.raw].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), BASE64.encode(key))
    }
}

impl FromStr for NoteKey {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        const WHY: LogError = LogError::Key("not NAME+ID+BASE64");
        let (name, rest) = text.split_once('+').ok_or(WHY)?;
        let (_, key) = rest.split_once('+').ok_or(WHY)?;
        let key = BASE64.decode(key).map_err(|_| WHY)?;
        let (role, raw) = key.split_first().ok_or(WHY)?;
        let role = match role {
            1 => Role::Author,
            4 => Role::Witness,
            _ => return Err(LogError::Key("neither Ed25519 nor a witness with Ed25519")),
        };
        let key = Self::new(name, role, raw.try_into().map_err(|_| WHY)?)?;
        // Its identifier follows from the rest: another one is a slip of the pen.
        if key.to_string() == text { Ok(key) } else { Err(LogError::Key("the identifier is not that of the key")) }
    }
}

/// A line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.bytes].concat();
        writeln!(f, "\u{2014} {} {}", self.name, BASE64.encode(bytes))
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = BASE64.decode(bytes).ok()?;
        let (id, bytes) = bytes.split_first_chunk()?;
        (is_name(name) && !bytes.is_empty()).then(|| Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

/// A text and who signed it. Reading it judges no signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text, with its last end of line.
    pub text: String,
    /// Who signed it.
    pub signatures: Vec<Signature>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// When it is none, or longer than any that a log writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogError> {
        if bytes.len() > MAX_NOTE {
            return Err(LogError::Note("too long"));
        }
        let all = std::str::from_utf8(bytes).map_err(|_| LogError::Note("not UTF-8"))?;
        if all.chars().any(|c| c < ' ' && c != '\n') {
            return Err(LogError::Note("a control character"));
        }
        let (text, lines) = all.rsplit_once("\n\n").ok_or(LogError::Note("no empty line before the signatures"))?;
        let lines = lines.strip_suffix('\n').ok_or(LogError::Note("the last line has no end"))?;
        let signatures: Option<Vec<Signature>> = lines.split('\n').map(Signature::parse).collect();
        let signatures = signatures.ok_or(LogError::Note("a line that is no signature"))?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(LogError::Note("too many signatures"));
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| write!(f, "{line}"))
    }
}
