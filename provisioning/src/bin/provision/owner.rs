//! Whose device this is: what is written in its directory must be the agent's, not root's, or the agent cannot read it.

use anyhow::Context as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// A program, as the owner of a directory where root calls it.
pub(crate) fn command(program: &Path, directory: &Path) -> anyhow::Result<Command> {
    let Some(owner) = other_owner(directory)? else { return Ok(Command::new(program)) };
    let mut command = Command::new("runuser");
    command.args(["--user", &owner, "--"]).arg(program);
    Ok(command)
}

/// Goes on as the owner of a directory, if root calls for somebody else's.
pub(crate) fn become_owner(directory: &Path) -> anyhow::Result<()> {
    if other_owner(directory)?.is_none() {
        return Ok(());
    }
    let own = std::env::current_exe().context("this program")?;
    let mut command = command(&own, directory)?;
    Err(command.args(std::env::args_os().skip(1)).exec()).context("cannot go on as the owner of the directory")
}

/// The owner's name, where root works in the directory of another user.
fn other_owner(directory: &Path) -> anyhow::Result<Option<String>> {
    let uid = |path: &Path| std::fs::metadata(path).map(|about| about.uid());
    // What is not there yet is made by whoever calls.
    let Ok(owner) = uid(directory) else { return Ok(None) };
    if owner == 0 || uid(Path::new("/proc/self"))? != 0 {
        return Ok(None);
    }
    let output = Command::new("id").args(["-nu", &owner.to_string()]).output().context("cannot start id")?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    anyhow::ensure!(output.status.success() && !name.is_empty(), "{} belongs to no user", directory.display());
    Ok(Some(name))
}
