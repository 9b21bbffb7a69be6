//! `cccd-agent reset`: a device that goes to another site, or out of the fleet.
//!
//! | what | soft | hard |
//! |---|---|---|
//! | book, lists, bundles, site's key, certificates | gone | gone |
//! | birth key, event key, log | stay: it is the same device elsewhere | gone: it is a new device |
//!
//! Each file is removed before what says that it is there, and a reset that was cut off is called again.

use crate::check;
use crate::commands::print_text;
use identity::State;
use identity::keeper::{BIRTH_KEY, EVENT_KEY, SITE_KEY_FILE, lock};
use program::{Failure, exit};
use std::path::{Path, PathBuf};
use store::outbox::Outbox;

/// What stays of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Birth key, event key and log: it is the same device elsewhere.
    Soft,
    /// Nothing: it is a new device.
    Hard,
}

fn remove(path: &Path) -> Result<(), Failure> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let message = format!("cannot remove {}: {error}", path.display());
            Err(Failure::device("state_unwritable", message, "check rights and disk, and call it again"))
        }
        _ => Ok(()),
    }
}

/// A database and what SQLite keeps beside it.
fn database(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| PathBuf::from(format!("{}{end}", path.display())))
}

/// Resets a device whose agent does not run. Events that central does not have yet keep it from that, unless they are to
/// be lost.
///
/// # Errors
/// When events wait, the agent runs, or a file cannot be removed.
pub fn run(config: &Path, depth: Depth, lose_events: bool) -> Result<u8, Failure> {
    let config = check::load_or_last(config, None)?;
    let keys = config.key_store()?;
    let _alone = lock(&config.identity)?;
    if config.outbox().exists() {
        let waiting = Outbox::open(&config.outbox()).and_then(|outbox| outbox.pending(1))?;
        if !waiting.is_empty() && !lose_events {
            let remedy = "let the agent reach central, or take them along: cccd-agent outbox export";
            return Err(Failure::device("outbox_not_empty", "central does not have all events yet", remedy));
        }
    }
    let books = [("book.db", false), ("practice/book.db", true)].map(|(name, of)| (config.state.join(name), of));
    // While the books are there: they say which secrets they have.
    for label in books.iter().flat_map(|(book, practice)| store::book::seal::labels(book, *practice)) {
        keys.remove(&label)?;
    }
    let mut labels = vec!["site", "box", "tls-a", "tls-b"];
    let mut paths = vec![config.bundles.clone(), config.identity.join(SITE_KEY_FILE)];
    paths.extend(books.iter().flat_map(|(book, _)| database(book)));
    if depth == Depth::Hard {
        labels.extend([EVENT_KEY, BIRTH_KEY]);
        paths.extend(database(&config.outbox()));
    }
    for path in &paths {
        remove(path)?;
    }
    for label in labels {
        keys.remove(label)?;
    }
    if let Some(state) = config.identity_state()? {
        let mut fresh = State::new(&state.serial, &state.model, state.url(), None);
        (fresh.roots, fresh.floor) = (state.roots, state.floor);
        fresh.save(&config.identity)?;
    }
    let what = match depth {
        Depth::Soft => "the same device, without a site",
        Depth::Hard => "a new device",
    };
    print_text(&format!("reset: it is {what}; enrol it with provision enrol\n"));
    Ok(exit::GENUINE)
}
