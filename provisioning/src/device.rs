//! A device's directory before it knows anything: configuration, and an identity without keys.

use fleet::FleetError;
use fleet::authority::Roots;
use fleet::error::io;
use fleet::files::write_new;
use identity::State;
use std::path::Path;

/// What is known of a device before it is enrolled.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The serial number on the machine.
    pub serial: &'a str,
    /// Kind of machine.
    pub model: &'a str,
    /// Where it is enrolled: `https://host:port`.
    pub central: &'a str,
    /// The fleet's roots; without them a technician compares words.
    pub roots: Option<&'a Roots>,
    /// Trust anchors for cards.
    pub trust: &'a Path,
    /// Which key store.
    pub key_store: &'a str,
    /// The file with the pass phrase (or PIN) of the keys.
    pub pass_phrase_file: &'a Path,
}

/// Writes `agent.toml`, unless it is there, an empty directory for anchors, and a new identity.
///
/// # Errors
/// When there is an identity already, or a file cannot be written.
pub fn prepare(directory: &Path, setup: &Setup<'_>) -> Result<(), FleetError> {
    program::private::directory(directory).map_err(io("make", directory))?;
    let identity = directory.join("identity");
    if State::path(&identity).exists() {
        return Err(FleetError::Exists(State::path(&identity)));
    }
    // Empty, it says that nobody vouches for a card; not there, it would be a riddle.
    let trust = directory.join(setup.trust);
    if setup.trust.is_relative() && !trust.exists() {
        std::fs::create_dir_all(&trust).map_err(io("make", &trust))?;
    }
    match write_new(&directory.join("agent.toml"), configuration(directory, setup).as_bytes()) {
        Ok(()) | Err(FleetError::Exists(_)) => {}
        Err(error) => return Err(error),
    }
    State::new(setup.serial, setup.model, setup.central, setup.roots).save(&identity)
}

/// `Debug` of a string is a valid TOML basic string for paths and names without control characters.
fn configuration(directory: &Path, setup: &Setup<'_>) -> String {
    let Setup { trust, pass_phrase_file, key_store, .. } = setup;
    // Where the package's units keep it; a device elsewhere has all in one directory.
    let state = if directory == Path::new("/etc/cccd-agent") { "/var/lib/cccd-agent" } else { "state" };
    format!(
        "# Written by `provision`. Relative paths start at this file.\n\
         reader = \"pcsc\"\n\
         trust = {trust:?}\n\
         state = {state:?}\n\
         identity = \"identity\"\n\
         keys = \"keys\"\n\
         key_store = {key_store:?}\n\
         pass_phrase_file = {pass_phrase_file:?}\n"
    )
}
