//! What installs an update, starts it and takes it back.

use crate::state::Target;
use std::path::PathBuf;
use thiserror::Error;

/// An engine could not do what it was told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Nobody answers on D-Bus, or answers with an error.
    #[error("{operation} over D-Bus")]
    Bus {
        /// What was asked.
        operation: &'static str,
        /// Why not.
        #[source]
        source: Box<zbus::Error>,
    },
    /// A program of the system failed.
    #[error("{program}: {why}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        why: String,
    },
    /// The engine refused the file, or could not write it.
    #[error("the update cannot be installed: {0}")]
    Install(String),
    /// The file is not what the rollout names.
    #[error("the file is another than the rollout names: {0}")]
    Other(String),
    /// What runs cannot be taken back: nothing is kept of what ran before.
    #[error("there is no way back to what runs now: {0}")]
    NoWayBack(String),
    /// A file could not be read or written.
    #[error("cannot {operation} {path}")]
    Io {
        /// `read`, `write`, …
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

program::coded!(EngineError);

impl EngineError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Bus { .. } => "update_bus",
            Self::Program { .. } => "update_program",
            Self::Install(_) => "update_install",
            Self::Other(_) => "update_other_file",
            Self::NoWayBack(_) => "update_no_way_back",
            Self::Io { .. } => "update_io",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Bus { .. } => "check that rauc.service and systemd-logind run: systemctl status rauc",
            Self::Program { .. } => "run it by hand, and mend what it says",
            Self::Install(_) => {
                "look at the last words of whoever installs: /var/lib/cccd-update/packages/dpkg.log, journalctl -u cccd-update-dpkg -u rauc"
            }
            Self::Other(_) => "publish the file again, or correct the rollout",
            Self::NoWayBack(_) => "keep the packages that are installed: provision update keep FILE…",
            Self::Io { .. } => "free space, or check the disk",
        }
    }

    /// Whether it may work the next time without anybody doing anything.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Bus { .. } | Self::Program { .. } | Self::Install(_) | Self::Io { .. })
    }
}

/// Called with per cent and a few words.
pub type Progress<'a> = &'a dyn Fn(u8, &str);

/// Installs, starts, takes back. Each call can be repeated after a cut of power.
pub trait Engine: Send {
    /// What it is called.
    fn id(&self) -> &'static str;

    /// The hash of what runs; `None` where nobody knows, as with what came from the factory.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn running(&self) -> Result<Option<String>, EngineError>;

    /// What differs from one start to the next.
    ///
    /// # Errors
    /// When it cannot be read.
    fn incarnation(&self) -> Result<String, EngineError>;

    /// Writes it beside what runs, and has it start next.
    ///
    /// # Errors
    /// When a file is another than the target, or cannot be installed: what runs goes on running.
    fn install(&self, target: &Target, files: &[PathBuf], progress: Progress<'_>) -> Result<(), EngineError>;

    /// Has what runs now start next, and leaves what was installed beside it.
    ///
    /// # Errors
    /// When it cannot be said.
    fn keep_running(&self) -> Result<(), EngineError>;

    /// What runs is well: it is kept.
    ///
    /// # Errors
    /// When it cannot be said.
    fn affirm(&self) -> Result<(), EngineError>;

    /// What runs is not well: what ran before starts next.
    ///
    /// # Errors
    /// When it cannot be said, or there is nothing to go back to.
    fn reject(&self) -> Result<(), EngineError>;

    /// Starts what is to start next. May not return.
    ///
    /// # Errors
    /// When it cannot be done.
    fn restart(&self) -> Result<(), EngineError>;
}
