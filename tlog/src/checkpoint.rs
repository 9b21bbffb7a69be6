//! What a log says of itself at one size, in the two forms in which it is signed.
//!
//! As text (C2SP `tlog-checkpoint`): origin, size, root in base64, a line each. This log writes no lines of extension, and a
//! checkpoint with some is not one of its own. As COSE: [`crate::receipt`]. Both are over one root, and say the same three
//! things under their signature.

use crate::hash::MAX_SIZE;
use crate::note::is_name;
use crate::{Hash, LogError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use events::event::Bytes;

/// The state of a log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: a URL without its scheme, for example `log.tinh31.example/events`.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root over all of them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that a note signs.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0))
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// When it is not in its one form.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(LogError::Checkpoint("three lines are origin, size and root"));
        let (origin, size, root) = (line()?, line()?, line()?);
        if !is_name(origin) {
            return Err(LogError::Checkpoint("the origin has no spaces and no +"));
        }
        let size = size.parse().map_err(|_| LogError::Checkpoint("the size is a number"))?;
        let root = BASE64.decode(root).ok().and_then(|root| root.try_into().ok());
        let root = root.map(Bytes).ok_or(LogError::Checkpoint("the root is 32 bytes in base64"))?;
        let checkpoint = Self { origin: origin.to_owned(), size, root };
        if size > MAX_SIZE || checkpoint.text() != text {
            return Err(LogError::Checkpoint("not in its one form"));
        }
        Ok(checkpoint)
    }
}

/// How something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A signed note, Ed25519.
    Note,
    /// COSE_Sign1, ES256.
    Cose,
}

/// A checkpoint whose signature was checked, with the bytes that prove it. Only [`Keys`](crate::Keys) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// In which form.
    pub(crate) form: Form,
    /// As it came.
    pub(crate) bytes: Vec<u8>,
}

impl Signed {
    /// In which form it came.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The signed bytes as they came: [`Keys`](crate::Keys) opens them again.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
