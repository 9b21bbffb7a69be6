//! Whose directory this is: what is written there must be its service's, not root's, or the service cannot read it.
//!
//! Every command that touches the directory of a device or of central calls [`step_down`], or [`have_done`], before anything else.

use crate::{Coded, private};
use rustix::fs::{MemfdFlags, memfd_create};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::os::unix::process::CommandExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitStatus};
use thiserror::Error;

/// Why root cannot go on as the owner.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OwnerError {
    /// The directory's owner has no name here.
    #[error("{directory} belongs to user number {uid}, whom this machine does not know")]
    Unknown {
        /// The directory.
        directory: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// A program that every Debian has did not start, or a file could not be handed over.
    #[error("cannot go on as the owner of {directory}")]
    Failed {
        /// The directory.
        directory: PathBuf,
        /// In the words of the system.
        #[source]
        why: std::io::Error,
    },
}

impl Coded for OwnerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "owner_unknown",
            Self::Failed { .. } => "owner_failed",
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => {
                "give it to its service's user: chown -R cccd-agent:cccd /etc/cccd-agent at a device, chown -R cccd-central: /etc/cccd-central at central"
            }
            Self::Failed { .. } => {
                "install util-linux (setpriv) and coreutils (id), or call this as the user of the service"
            }
        }
    }
}

/// Where root calls for a directory of somebody else's, this program goes on as its owner, from its start: with the owner's
/// groups, the same arguments and `more` behind them. Otherwise nothing happens.
///
/// `inputs` are files that the command line names and the command reads: root has read them before, so the owner need not
/// be let in to where they lie. What lies where the owner could have put it the owner reads itself.
///
/// # Errors
/// When the owner is unknown, or a program of the base system is missing.
pub fn step_down(directory: &Path, inputs: &[&Path], more: &[&OsStr]) -> Result<(), OwnerError> {
    match as_owner(directory, inputs, more)? {
        None => Ok(()),
        Some((mut command, _inputs)) => {
            Err(OwnerError::Failed { directory: directory.to_owned(), why: command.exec() })
        }
    }
}

/// As [`step_down`], but root waits for the owner's end, and does its own part afterwards: how it ended.
///
/// # Errors
/// When the owner is unknown, or a program of the base system is missing.
pub fn have_done(directory: &Path, inputs: &[&Path], more: &[&OsStr]) -> Result<Option<ExitStatus>, OwnerError> {
    let Some((mut command, _inputs)) = as_owner(directory, inputs, more)? else { return Ok(None) };
    command.status().map(Some).map_err(|why| OwnerError::Failed { directory: directory.to_owned(), why })
}

/// This program as the owner of a directory, with the files that it inherits; `None` where nobody steps down.
fn as_owner(
    directory: &Path,
    inputs: &[&Path],
    more: &[&OsStr],
) -> Result<Option<(Command, Vec<OwnedFd>)>, OwnerError> {
    // The directory of a bare file name.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    // What is not there yet is made by whoever calls.
    let Ok(about) = std::fs::metadata(directory) else { return Ok(None) };
    let uid = about.uid();
    if uid == 0 || !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let failed = |why| OwnerError::Failed { directory: directory.to_owned(), why };
    let id = Command::new("id").args(["-g", &uid.to_string()]).output().map_err(failed)?;
    if !id.status.success() {
        return Err(OwnerError::Unknown { directory: directory.to_owned(), uid });
    }
    let gid = String::from_utf8_lossy(&id.stdout).trim().to_owned();
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut open = Vec::new();
    for input in inputs {
        // What root cannot read either is for the command to say.
        let Some(bytes) = of_root(input, uid) else { continue };
        let copy = handed_over(&bytes, mode(input), uid).map_err(failed)?;
        let place = format!("/proc/self/fd/{}", copy.as_raw_fd());
        arguments.iter_mut().for_each(|argument| rename(argument, input, &place));
        open.push(copy);
    }
    let own = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={uid}"), &format!("--regid={gid}"), "--init-groups", "--"]);
    command.arg(own).args(arguments).args(more);
    Ok(Some((command, open)))
}

/// What root reads for a user: nothing that lies in a directory of that user's, or behind a link of theirs, since it might lead to what
/// only root may read. The user can read that alone.
fn of_root(input: &Path, uid: u32) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    // Standard input and what a shell puts in a file's place have no place in a file system.
    let kernels = ["/dev", "/proc/self/fd"].iter().any(|kernels| input.starts_with(kernels));
    if kernels || is_out_of_reach(&std::path::absolute(input).ok()?, uid, 0) {
        return std::fs::read(input).map(zeroize::Zeroizing::new).ok();
    }
    None
}

/// Whether no step of the way to a file, over whatever links, belongs to a user.
fn is_out_of_reach(path: &Path, uid: u32, links: u8) -> bool {
    let mut at = PathBuf::from("/");
    let mut rest = path.components();
    while let Some(step) = rest.next() {
        match step {
            Component::ParentDir => {
                at.pop();
                continue;
            }
            Component::Normal(name) => at.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
        }
        let Ok(about) = std::fs::symlink_metadata(&at) else { return false };
        if about.uid() == uid {
            return false;
        }
        if about.is_symlink() {
            let Ok(to) = std::fs::read_link(&at) else { return false };
            let whole = at.parent().unwrap_or_else(|| Path::new("/")).join(to).join(rest.as_path());
            return links < 40 && is_out_of_reach(&whole, uid, links + 1);
        }
    }
    true
}

/// The mode of what a user is handed: a file that is open to others stays so, and is no secret to whoever takes it for one.
fn mode(input: &Path) -> u32 {
    match std::fs::metadata(input) {
        Ok(about) if about.is_file() && !private::is_closed(about.uid(), about.mode()) => about.mode() & 0o777 | 0o400,
        _ => 0o600,
    }
}

/// A copy without a name, which outlives `exec` and which its next user may open.
fn handed_over(bytes: &[u8], mode: u32, uid: u32) -> std::io::Result<OwnedFd> {
    let mut copy = File::from(memfd_create("input", MemfdFlags::empty())?);
    copy.write_all(bytes)?;
    copy.set_permissions(Permissions::from_mode(mode))?;
    fchown(&copy, Some(uid), None)?;
    Ok(copy.into())
}

/// `FILE` or `--option=FILE`.
fn rename(argument: &mut OsString, from: &Path, to: &str) {
    let bytes = argument.as_bytes();
    let Some(before) = bytes.strip_suffix(from.as_os_str().as_bytes()) else { return };
    if before.is_empty() || (before.starts_with(b"--") && before.ends_with(b"=")) {
        *argument = OsString::from_vec([before, to.as_bytes()].concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_reads_nothing_for_a_user_that_the_user_may_have_put_there() {
        if !rustix::process::geteuid().is_root() {
            return test_support::skipped("only root can be another user");
        }
        let place = tempfile::tempdir().expect("a directory");
        let (theirs, secret) = (place.path().join("theirs"), place.path().join("secret"));
        std::fs::write(&secret, "secret").expect("a file");
        std::fs::create_dir(&theirs).expect("a directory");
        std::os::unix::fs::symlink(&secret, theirs.join("link")).expect("linked");
        std::os::unix::fs::symlink(theirs.join("link"), place.path().join("over")).expect("linked");
        std::os::unix::fs::symlink(&secret, place.path().join("roots")).expect("linked");
        std::os::unix::fs::chown(&theirs, Some(1), Some(1)).expect("root may");
        let read = |path: &Path| of_root(path, 1).map(|bytes| bytes.to_vec());
        assert_eq!(read(&theirs.join("link")), None);
        assert_eq!(read(&theirs.join("../theirs/link")), None);
        assert_eq!(read(&place.path().join("theirs/../secret")), None, "who knows what theirs is then");
        assert_eq!(read(&place.path().join("over")), None, "a link of root's to a link of theirs");
        assert_eq!(read(&secret), Some(b"secret".to_vec()));
        assert_eq!(read(&place.path().join("roots")), Some(b"secret".to_vec()), "a link of root's own");
    }

    #[test]
    fn what_a_user_is_handed_is_as_open_as_it_was() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("file");
        std::fs::write(&file, "secret").expect("a file");
        for (before, after) in [(0o600, 0o600), (0o400, 0o600), (0o644, 0o644), (0o604, 0o604), (0o606, 0o606)] {
            std::fs::set_permissions(&file, Permissions::from_mode(before)).expect("mode");
            assert_eq!(mode(&file), after, "{before:o}");
        }
        assert_eq!(mode(Path::new("/dev/null")), 0o600, "it lies nowhere");
        if rustix::process::geteuid().is_root() {
            let copy = File::from(handed_over(b"secret", 0o644, 1).expect("handed over"));
            let about = copy.metadata().expect("metadata");
            assert_eq!((about.uid(), about.mode() & 0o777), (1, 0o644));
        }
    }

    #[test]
    fn only_whole_arguments_are_renamed() {
        let renamed = |argument: &str| {
            let mut argument = OsString::from(argument);
            rename(&mut argument, Path::new("list"), "/proc/self/fd/3");
            argument.into_string().expect("text")
        };
        assert_eq!(renamed("list"), "/proc/self/fd/3");
        assert_eq!(renamed("--file=list"), "/proc/self/fd/3".replacen("", "--file=", 1));
        for other in ["--list", "/etc/list", "a=list", "list2", "--file"] {
            assert_eq!(renamed(other), other);
        }
    }
}
