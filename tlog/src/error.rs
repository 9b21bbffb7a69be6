//! Why something of a log is not believed.

use crate::seen::Evidence;
use thiserror::Error;

/// Why bytes are nothing of a log, or a log is not what it said it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// A proof that no log makes: its shape does not fit its sizes.
    #[error("the proof is malformed: {0}")]
    Proof(&'static str),
    /// A proof that leads to another root.
    #[error("the proof leads to another root than the signed one")]
    ProofDiffers,
    /// A position outside the log, or a log of more than [`MAX_SIZE`](crate::tree::MAX_SIZE) entries.
    #[error("the log has no such position")]
    Position,
    /// Not a signed note.
    #[error("not a signed note: {0}")]
    Note(&'static str),
    /// Not a checkpoint.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// Not a receipt, or not the kind that was wanted.
    #[error("not a receipt: {0}")]
    Receipt(&'static str),
    /// A tile or bundle that is cut off, or has another width.
    #[error("{path} is malformed: {why}")]
    Tile {
        /// Its path.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A tile or bundle that should be there.
    #[error("{0} is missing")]
    Missing(String),
    /// A tile or bundle that could not be read.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// Its path.
        path: String,
        /// The system's words.
        why: std::io::Error,
    },
    /// A tile that is not what the signed root is over.
    #[error("{0} is not what the checkpoint was signed over")]
    TileDiffers(String),
    /// An entry that is not what its leaf was made of.
    #[error("entry {0} is not the one that the log took in")]
    Rewritten(u64),
    /// An entry that no bundle holds.
    #[error("an entry of the log has 1 to {} bytes", crate::tiles::MAX_ENTRY)]
    EntrySize,
    /// A text that names no key, or a table of keys that contradicts itself.
    #[error("the keys of the log are unusable: {0}")]
    Key(&'static str),
    /// Nobody signs a log of that size, as far as is known here.
    #[error("no key is known here that signs the log at size {0}")]
    KeyUnknown(u64),
    /// The signature is not that of the key that signs at this size.
    #[error("the log's signature is missing or wrong")]
    Signature,
    /// Fewer witnesses than the verifier wants.
    #[error("{have} known witnesses have signed the checkpoint; {need} are wanted")]
    Witnesses {
        /// How many have.
        have: usize,
        /// How many must.
        need: usize,
    },
    /// Signed by or for another log.
    #[error("this is of another log")]
    Origin,
    /// The signer failed.
    #[error("the checkpoint could not be signed: {0}")]
    Signing(String),
    /// A log without entries: there is nothing that could be verified.
    #[error("the log is empty: nothing was verified")]
    Empty,
    /// Smaller than what was seen before. That accuses nobody: answers overtake each other, and backups are restored.
    #[error("the checkpoint is of {offered} entries; {seen} were seen before")]
    Older {
        /// What was seen.
        seen: u64,
        /// What came.
        offered: u64,
    },
    /// Larger than what was seen, without a proof that it extends it.
    #[error("nothing proves that the log of {offered} entries extends that of {seen}")]
    Unproven {
        /// What was seen.
        seen: u64,
        /// What came.
        offered: u64,
    },
    /// Two checkpoints, both signed, of which the later one does not extend the earlier one.
    #[error("the log does not extend what it signed before: size {}, now {}", .0.known.checkpoint.size, .0.offered.checkpoint.size)]
    Inconsistent(Box<Evidence>),
    /// Where a receipt was due none came, or none can be looked at.
    #[error("there is no receipt: {0}")]
    NoReceipt(&'static str),
    /// What was kept of an earlier run is not readable.
    #[error("the state of the earlier run is unusable: {0}")]
    State(&'static str),
}

impl LogError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Proof(_) => "log_proof_malformed",
            Self::ProofDiffers => "log_proof_differs",
            Self::Position => "log_position",
            Self::Note(_) => "log_note_malformed",
            Self::Checkpoint(_) => "log_checkpoint_malformed",
            Self::Receipt(_) => "log_receipt_malformed",
            Self::Tile { .. } => "log_tile_malformed",
            Self::Missing(_) => "log_tile_missing",
            Self::Unreadable { .. } => "log_unreadable",
            Self::TileDiffers(_) => "log_tile_differs",
            Self::Rewritten(_) => "log_rewritten",
            Self::EntrySize => "log_entry_size",
            Self::Key(_) => "log_key_malformed",
            Self::KeyUnknown(_) => "log_key_unknown",
            Self::Signature => "log_signature",
            Self::Witnesses { .. } => "log_witnesses",
            Self::Origin => "log_origin",
            Self::Signing(_) => "log_signing",
            Self::Empty => "log_empty",
            Self::Older { .. } => "log_older",
            Self::Unproven { .. } => "log_unproven",
            Self::Inconsistent(_) => "log_inconsistent",
            Self::NoReceipt(_) => "log_receipt_missing",
            Self::State(_) => "log_state",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Proof(_) | Self::ProofDiffers | Self::Receipt(_) | Self::Position | Self::Unproven { .. } => {
                "ask the log for it again; keep this one where it stays like that, and show both to whoever audits the log"
            }
            Self::Note(_) | Self::Checkpoint(_) => "take the file checkpoint of the log as it is, and no part of it",
            Self::Tile { .. } | Self::Missing(_) => {
                "copy the log again; a log that cannot show all of itself has not been verified"
            }
            Self::Unreadable { .. } => "read as a user who may read the log's directory",
            Self::TileDiffers(_) | Self::Rewritten(_) => {
                "copy the log again; where it stays like that the log was altered: keep the copy and its checkpoint, and tell whoever audits it"
            }
            Self::EntrySize => "this program's fault: report it",
            Self::Key(_) => "take the log's table of keys as its operator published it",
            Self::KeyUnknown(_) => {
                "ask the log's operator, by another way than the log, for the table of keys of today"
            }
            Self::Signature => {
                "compare the table of keys with the operator's; believe nothing of this log until they agree"
            }
            Self::Witnesses { .. } => "wait for the witnesses, or ask them why they have not signed",
            Self::Origin => "name the log's own directory and table of keys",
            Self::Signing(_) => "look at the key store",
            Self::Empty => "name the directory of a log that has entries",
            Self::Older { .. } => {
                "fetch the checkpoint again; where it stays older the log was restored: send it again what it lost"
            }
            Self::Inconsistent(_) => {
                "keep both checkpoints: they are signed; tell whoever audits the log, and send it nothing that is not kept here too"
            }
            Self::NoReceipt(_) => {
                "look at central: whether it has the keys of its log, and signs; without receipts nobody can show later what it had"
            }
            Self::State(_) => "take the file of the earlier run away: the next run begins anew",
        }
    }

    /// How a program ends that meets it.
    #[must_use]
    pub const fn exit(&self) -> u8 {
        match self {
            Self::Key(_) | Self::State(_) | Self::Unreadable { .. } => program::exit::USAGE,
            // Nothing is shown to be wrong, and nothing is shown.
            Self::Missing(_)
            | Self::KeyUnknown(_)
            | Self::Witnesses { .. }
            | Self::Empty
            | Self::NoReceipt(_)
            | Self::Older { .. }
            | Self::Unproven { .. } => program::exit::UNDECIDED,
            _ => program::exit::CHECK_FAILED,
        }
    }
}

program::coded!(LogError, exit);
