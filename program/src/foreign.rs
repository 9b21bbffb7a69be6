//! What root reads of another user's, by one door.
//!
//! Whoever owns a directory puts into it what they like: a symbolic link to where only root may look, a FIFO on which root waits for ever,
//! a device that does something when it is opened, a file without an end. [`Foreign`] opens below a directory of that user, over no link
//! of any kind, a regular file of theirs, up to a size. It only reads: root writes nothing where somebody else may put a link.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2, readlinkat};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Why something of another user's is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// It cannot be opened or read.
    #[error("cannot read {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// In the words of the system.
        #[source]
        source: io::Error,
    },
    /// A link leads there, or it is one.
    #[error("{0} is a symbolic link, or lies behind one")]
    Link(PathBuf),
    /// A FIFO, a device, a socket, a directory where a file must be, or the other way round.
    #[error("{0} is of another kind than it must be")]
    Kind(PathBuf),
    /// It is somebody else's.
    #[error("{path} belongs to user number {found} instead of {owner}")]
    Owner {
        /// What.
        path: PathBuf,
        /// Whose it is.
        found: u32,
        /// Whose it must be.
        owner: u32,
    },
    /// It is larger than such a file ever is.
    #[error("{path} has more than {most} bytes")]
    Size {
        /// What.
        path: PathBuf,
        /// How many there may be.
        most: u64,
    },
}

crate::coded!(ForeignError);

impl ForeignError {
    /// A stable identifier.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "foreign_unreadable",
            Self::Link(_) => "foreign_link",
            Self::Kind(_) => "foreign_kind",
            Self::Owner { .. } => "foreign_owner",
            Self::Size { .. } => "foreign_size",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check disk, path and rights",
            Self::Link(_) => {
                "find out who made the link; name the place itself in agent.toml, and where it must lie elsewhere use a bind mount"
            }
            Self::Kind(_) | Self::Size { .. } => {
                "find out who put it there, and remove it; the agent makes its own files anew"
            }
            Self::Owner { .. } => {
                "find out who put it there; what is the agent's own goes back with: chown -R cccd-agent:cccd /etc/cccd-agent /var/lib/cccd-agent"
            }
        }
    }

    /// Nothing is there.
    fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Another user, of whom something is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    uid: u32,
    gid: u32,
}

impl Foreign {
    /// The owner of a directory that nobody but root could have put in its place: `/etc/cccd-agent`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn owner_of(directory: &Path) -> Result<Self, ForeignError> {
        // The directory of a bare file name.
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let about = std::fs::metadata(directory);
        let about = about.map_err(|source| ForeignError::Io { path: directory.to_owned(), source })?;
        Ok(Self { uid: about.uid(), gid: about.gid() })
    }

    /// Whether it is who asks.
    #[must_use]
    pub fn is_self(self) -> bool {
        rustix::process::geteuid().as_raw() == self.uid
    }

    /// The group of the directory, which may see what its owner is to see.
    #[must_use]
    pub const fn group(self) -> u32 {
        self.gid
    }

    /// A regular file below a directory; `None` where there is none.
    ///
    /// # Errors
    /// When it is anything else, somebody else's, or larger than `most`.
    pub fn file(self, directory: &Path, name: &Path, most: u64) -> Result<Option<File>, ForeignError> {
        let path = directory.join(name);
        let Some((base, _, about)) = self.look(directory, name)? else { return Ok(None) };
        self.suits(&path, &about, most)?;
        // Looked at without being opened first: a device may do something when it is opened. Should it be another by now, it is
        // looked at once more, and nobody waits for the other end of a FIFO.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Some(file) = present(open(base.as_fd(), name, &path, flags, BENEATH))? else { return Ok(None) };
        let about = fstat(&file).map_err(|error| ForeignError::Io { path: path.clone(), source: error.into() })?;
        self.suits(&path, &about, most)?;
        Ok(Some(file.into()))
    }

    /// The content of a regular file below a directory; `None` where there is none.
    ///
    /// # Errors
    /// As with [`Foreign::file`].
    pub fn read(self, directory: &Path, name: &Path, most: u64) -> Result<Option<Vec<u8>>, ForeignError> {
        let Some(file) = self.file(directory, name, most)? else { return Ok(None) };
        let path = directory.join(name);
        match limited(file, most) {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            // It grew meanwhile.
            Ok(None) => Err(ForeignError::Size { path, most }),
            Err(source) => Err(ForeignError::Io { path, source }),
        }
    }

    /// What a symbolic link below a directory says, which is not followed; `None` where there is none.
    ///
    /// # Errors
    /// When it is no link, or somebody else's.
    pub fn link(self, directory: &Path, name: &Path) -> Result<Option<PathBuf>, ForeignError> {
        let path = directory.join(name);
        let Some((_, link, about)) = self.look(directory, name)? else { return Ok(None) };
        if FileType::from_raw_mode(about.st_mode) != FileType::Symlink {
            return Err(ForeignError::Kind(path));
        }
        self.owns(&path, &about)?;
        let text = readlinkat(&link, "", Vec::new());
        let text = text.map_err(|error| ForeignError::Io { path, source: error.into() })?;
        Ok(Some(PathBuf::from(std::ffi::OsString::from_vec(text.into_bytes()))))
    }

    /// The directory and what lies below it, as a handle that opens nothing, with what is known of it.
    fn look(self, directory: &Path, name: &Path) -> Result<Option<(OwnedFd, OwnedFd, Stat)>, ForeignError> {
        let nothing = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Some(base) = present(open(CWD, directory, directory, nothing, NO_LINKS))? else { return Ok(None) };
        let about = |file: &OwnedFd, path: &Path| {
            fstat(file).map_err(|error| ForeignError::Io { path: path.to_owned(), source: error.into() })
        };
        let of_base = about(&base, directory)?;
        match FileType::from_raw_mode(of_base.st_mode) {
            FileType::Directory => self.owns(directory, &of_base)?,
            FileType::Symlink => return Err(ForeignError::Link(directory.to_owned())),
            _ => return Err(ForeignError::Kind(directory.to_owned())),
        }
        let path = directory.join(name);
        let Some(found) = present(open(base.as_fd(), name, &path, nothing, BENEATH))? else { return Ok(None) };
        let of_found = about(&found, &path)?;
        Ok(Some((base, found, of_found)))
    }

    fn owns(self, path: &Path, about: &Stat) -> Result<(), ForeignError> {
        if about.st_uid == self.uid {
            return Ok(());
        }
        Err(ForeignError::Owner { path: path.to_owned(), found: about.st_uid, owner: self.uid })
    }

    fn suits(self, path: &Path, about: &Stat, most: u64) -> Result<(), ForeignError> {
        match FileType::from_raw_mode(about.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return Err(ForeignError::Link(path.to_owned())),
            _ => return Err(ForeignError::Kind(path.to_owned())),
        }
        // A second name of a file that only root may read is somebody else's.
        self.owns(path, about)?;
        if u64::try_from(about.st_size).is_ok_and(|size| size <= most) {
            return Ok(());
        }
        Err(ForeignError::Size { path: path.to_owned(), most })
    }
}

/// Over no link: neither those in a file system nor the kernel's own in `/proc`.
const NO_LINKS: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS);
/// The same, and never out of the directory.
const BENEATH: ResolveFlags = NO_LINKS.union(ResolveFlags::BENEATH);

fn open(
    base: impl AsFd,
    name: &Path,
    path: &Path,
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, ForeignError> {
    // The kernel says that it was renamed meanwhile: once more, and not for ever.
    for _ in 0..16 {
        match openat2(&base, name, flags, Mode::empty(), resolve) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV) => return Err(ForeignError::Link(path.to_owned())),
            Err(error) => return Err(ForeignError::Io { path: path.to_owned(), source: error.into() }),
            Ok(file) => return Ok(file),
        }
    }
    Err(ForeignError::Io { path: path.to_owned(), source: io::ErrorKind::Interrupted.into() })
}

fn present<T>(opened: Result<T, ForeignError>) -> Result<Option<T>, ForeignError> {
    match opened {
        Err(error) if error.is_absence() => Ok(None),
        opened => opened.map(Some),
    }
}

/// All of a source; `None` where it has more than so many bytes.
fn limited(from: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// Runs a program on which another user may have a hand, takes so many bytes of each of its outputs, and waits so long for it; one that
/// says more or takes longer is ended. Nothing that it left running is waited for.
///
/// # Errors
/// When it does not start, says more, or takes longer.
pub fn said(command: &mut Command, most: u64, longest: Duration) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let output = outputs(&mut child, most, Deadline::after(longest));
    if output.is_err() {
        crate::ignore(child.kill(), "it has ended by itself");
        crate::ignore(child.wait(), "nobody asks how it ended");
    }
    output
}

/// How often a program that says nothing any more is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Until when a program is waited for, by the machine's own steady clock: nothing else hangs on it.
#[derive(Clone, Copy)]
struct Deadline(Instant);

#[allow(
    clippy::disallowed_methods,
    reason = "how long another program may take is nothing that a test's clock could move"
)]
impl Deadline {
    fn after(longest: Duration) -> Self {
        Self(Instant::now() + longest)
    }

    /// What is left of the time.
    fn left(self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::new(io::ErrorKind::TimedOut, "it takes too long")) } else { Ok(left) }
    }

    /// How a program ended that says nothing any more: nobody tells when it does.
    fn ended(self, child: &mut Child) -> io::Result<ExitStatus> {
        loop {
            match child.try_wait()? {
                Some(status) => return Ok(status),
                None => std::thread::sleep(self.left()?.min(LOOK)),
            }
        }
    }
}

/// What comes out of a program.
struct Pipe {
    from: Option<File>,
    said: Vec<u8>,
}

impl Pipe {
    fn new(from: Option<impl Into<OwnedFd>>) -> Self {
        Self { from: from.map(|from| File::from(from.into())), said: Vec::new() }
    }

    /// Takes what there is; the end closes it.
    fn take(&mut self, most: u64) -> io::Result<()> {
        let mut some = [0; 8192];
        let count = self.from.as_mut().map_or(Ok(0), |from| from.read(&mut some))?;
        if count == 0 {
            self.from = None;
        }
        self.said.extend_from_slice(&some[..count]);
        if self.said.len() as u64 > most {
            Err(io::Error::other(format!("it says more than {most} bytes")))
        } else {
            Ok(())
        }
    }
}

fn outputs(child: &mut Child, most: u64, deadline: Deadline) -> io::Result<Output> {
    let mut pipes = [Pipe::new(child.stdout.take()), Pipe::new(child.stderr.take())];
    while pipes.iter().any(|pipe| pipe.from.is_some()) {
        let mut looked: Vec<_> =
            pipes.iter().filter_map(|pipe| Some(PollFd::new(pipe.from.as_ref()?, PollFlags::IN))).collect();
        let left = Timespec::try_from(deadline.left()?).map_err(io::Error::other)?;
        match poll(&mut looked, Some(&left)) {
            Err(rustix::io::Errno::INTR) => continue,
            polled => polled?,
        };
        let ready: Vec<bool> = looked.iter().map(|pipe| !pipe.revents().is_empty()).collect();
        let open = pipes.iter_mut().filter(|pipe| pipe.from.is_some());
        for (pipe, _) in open.zip(ready).filter(|(_, ready)| *ready) {
            pipe.take(most)?;
        }
    }
    let [out, err] = pipes;
    Ok(Output { status: deadline.ended(child)?, stdout: out.said, stderr: err.said })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::mknodat;
    use std::os::unix::fs::{chown, symlink};

    const MOST: u64 = 1024;

    fn code(result: Result<Option<Vec<u8>>, ForeignError>) -> &'static str {
        result.map_or_else(|error| error.code(), |found| if found.is_some() { "read" } else { "absent" })
    }

    #[test]
    fn only_a_regular_file_of_its_owner_is_read_and_none_is_none() {
        let place = tempfile::tempdir().expect("a directory");
        let (theirs, outside) = (place.path().join("theirs"), place.path().join("outside"));
        std::fs::create_dir_all(theirs.join("below")).expect("directories");
        std::fs::create_dir_all(&outside).expect("directories");
        std::fs::write(outside.join("secret"), "secret").expect("a file");
        std::fs::write(theirs.join("file"), "said").expect("a file");
        let user = Foreign::owner_of(&theirs).expect("an owner");
        let read = |name: &str| user.read(&theirs, Path::new(name), MOST);
        assert_eq!(read("file").expect("read"), Some(b"said".to_vec()));
        assert_eq!(
            (code(read("none")), code(read("none/file")), code(read("file/file"))),
            ("absent", "absent", "foreign_unreadable")
        );
        assert_eq!((code(read("below")), code(read("../outside/secret"))), ("foreign_kind", "foreign_link"));
        assert_eq!(code(read(outside.join("secret").to_str().expect("text"))), "foreign_link");
        symlink(outside.join("secret"), theirs.join("link")).expect("linked");
        symlink(&outside, theirs.join("way")).expect("linked");
        symlink("file", theirs.join("within")).expect("linked");
        for name in ["link", "way/secret", "within"] {
            assert_eq!(code(read(name)), "foreign_link", "{name}");
        }
        assert_eq!(code(user.read(&theirs.join("way"), Path::new("secret"), MOST)), "foreign_link");
        assert_eq!(code(user.read(&place.path().join("no/where"), Path::new("secret"), MOST)), "absent");
        let fifo = mknodat(CWD, theirs.join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
        fifo.expect("a FIFO");
        assert_eq!(code(read("fifo")), "foreign_kind", "and nobody waits for its other end");
        let huge = File::create(theirs.join("huge")).expect("a file");
        huge.set_len(1 << 40).expect("sparse");
        assert_eq!(code(read("huge")), "foreign_size");
        huge.set_len(MOST + 1).expect("sparse");
        assert_eq!(code(read("huge")), "foreign_size");
        huge.set_len(MOST).expect("sparse");
        assert_eq!(code(read("huge")), "read");
    }

    #[test]
    fn a_link_is_told_and_not_followed() {
        let place = tempfile::tempdir().expect("a directory");
        let user = Foreign::owner_of(place.path()).expect("an owner");
        let link = |name: &str| user.link(place.path(), Path::new(name));
        symlink("7", place.path().join("active")).expect("linked");
        std::fs::create_dir(place.path().join("7")).expect("a directory");
        assert_eq!(link("active").expect("a link"), Some(PathBuf::from("7")));
        assert_eq!(link("none").expect("nothing"), None);
        assert_eq!(link("7").expect_err("a directory").code(), "foreign_kind");
    }

    #[test]
    fn what_is_roots_is_not_the_agents_whatever_it_is_called_there() {
        if !rustix::process::geteuid().is_root() {
            return test_support::skipped("only root can be another user");
        }
        let place = tempfile::tempdir().expect("a directory");
        let theirs = place.path().join("theirs");
        std::fs::create_dir(&theirs).expect("a directory");
        chown(&theirs, Some(1), Some(1)).expect("root may");
        let user = Foreign::owner_of(&theirs).expect("an owner");
        assert!(!user.is_self() && user.group() == 1);
        let read = |name: &str| code(user.read(&theirs, Path::new(name), MOST));
        std::fs::write(place.path().join("secret"), "secret").expect("a file");
        std::fs::hard_link(place.path().join("secret"), theirs.join("second-name")).expect("linked");
        assert_eq!(read("second-name"), "foreign_owner");
        // A terminal, which is nobody's business; opened it would be waited for, or worse.
        let made =
            mknodat(CWD, theirs.join("device"), FileType::CharacterDevice, Mode::RUSR, rustix::fs::makedev(1, 5));
        if made.is_ok() {
            assert_eq!(read("device"), "foreign_kind");
        }
        assert_eq!(code(user.read(place.path(), Path::new("secret"), MOST)), "foreign_owner", "a directory of root's");
    }

    #[test]
    fn a_program_without_an_end_is_ended() {
        let shell = |words: &str| said(Command::new("sh").args(["-c", words]), MOST, Duration::from_secs(60));
        let output = shell("echo out; echo err >&2; exit 3").expect("ended");
        assert_eq!(
            (output.stdout, output.stderr, output.status.code()),
            (b"out\n".to_vec(), b"err\n".to_vec(), Some(3))
        );
        assert!(shell("exec cat /dev/zero").is_err());
        assert!(shell("exec cat /dev/zero >&2").is_err());
    }

    #[test]
    fn a_program_that_takes_too_long_is_not_waited_for_nor_what_it_left_running() {
        let late = |words: &str| {
            let error = said(Command::new("sh").args(["-c", words]), MOST, Duration::from_millis(200));
            error.expect_err("ended").kind()
        };
        assert_eq!(late("exec sleep 600"), io::ErrorKind::TimedOut);
        assert_eq!(late("exec >&- 2>&-; exec sleep 600"), io::ErrorKind::TimedOut, "it says nothing any more");
        assert_eq!(late("sleep 60 &"), io::ErrorKind::TimedOut, "a child of its own holds the pipe");
    }
}
