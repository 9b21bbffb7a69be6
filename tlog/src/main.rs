//! `verify-log DIRECTORY --keys FILE`: verifies a copy of a log, and trusts nothing but the keys of its checkpoints.

use clap::Parser;
use program::{Failure, eprintln, exit, ignore, println};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tlog::tiles::MAX_BYTES;
use tlog::verify::{Source, State, Task, Verified, verify};
use tlog::{Keys, LogError};

/// Verifies a copy of a log: every tile and every entry, against the keys of its checkpoints and nothing else.
#[derive(Debug, Parser)]
#[command(name = "verify-log", version)]
struct Command {
    /// The directory with `checkpoint` and `tile`.
    directory: PathBuf,
    /// The log's table of keys, which came by another way than the log.
    #[arg(long)]
    keys: PathBuf,
    /// Keeps here how far it is: the next run goes on from there, and wants the log to extend what this one saw.
    #[arg(long)]
    state: Option<PathBuf>,
    /// How many threads read and hash; as many as there are processors, if it is not said.
    #[arg(long)]
    threads: Option<usize>,
    /// The hashes only: says that nothing was dropped or reordered, and not what the entries are.
    #[arg(long)]
    hashes_only: bool,
    /// Where the log does not extend what an earlier run saw: keeps both checkpoints here.
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

/// A copy of a log on disk.
struct Directory(PathBuf);

impl Source for Directory {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, LogError> {
        let unreadable = |why| LogError::Unreadable { path: path.to_owned(), why };
        let file = match std::fs::File::open(self.0.join(path)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(unreadable)?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > MAX_BYTES {
            return Err(LogError::Tile { path: path.to_owned(), why: "larger than any tile" });
        }
        Ok(Some(bytes))
    }
}

fn earlier(path: &Path) -> Result<Option<State>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let state = serde_json::from_slice(&program::files::read(path)?);
    Ok(Some(state.map_err(|_| LogError::State("not the state of a run"))?))
}

/// Writes beside it and renames, so that a run that is ended leaves the old state or the new one.
fn keep(path: &Path, state: &State) -> Result<(), LogError> {
    let unwritable = |why| LogError::Unreadable { path: path.display().to_string(), why };
    let beside = path.with_extension("new");
    let text = serde_json::to_vec(state).map_err(|_| LogError::State("encoding"))?;
    std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path)).map_err(unwritable)
}

fn run(command: &Command) -> Result<u8, Failure> {
    let text = program::files::read(&command.keys)?;
    let keys = Keys::parse(std::str::from_utf8(&text).map_err(|_| LogError::Key("not UTF-8"))?)?;
    let known = command.state.as_deref().map(earlier).transpose()?.flatten();
    let threads = command.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let task = Task { keys: &keys, threads, entries: !command.hashes_only, every: 256 };
    let told = |state: &State, done: u64| {
        eprintln!("{done} entries of {} verified", size_of(&state.checkpoint));
        command.state.as_deref().map_or(Ok(()), |path| keep(path, state))
    };
    let verified = verify(&Directory(command.directory.clone()), task, known.as_ref(), told);
    if let Err(LogError::Inconsistent(evidence)) = &verified {
        eprintln!("{}", evidence.describe());
        if let Some(path) = &command.evidence {
            program::files::write(path, evidence.to_bytes())?;
        }
    }
    let verified = verified?;
    if command.json {
        let text = serde_json::to_string(&verified).map_err(|_| LogError::State("encoding"))?;
        println!("{text}");
    } else {
        say(&verified);
    }
    Ok(exit::GENUINE)
}

/// The size in the second line of a checkpoint, which was checked before it came here.
fn size_of(checkpoint: &str) -> &str {
    checkpoint.lines().nth(1).unwrap_or_default()
}

fn say(verified: &Verified) {
    println!("{}: {} entries, root {}", verified.origin, verified.size, verified.root);
    match verified.extends {
        Some(size) => println!("it extends the log of {size} entries that the earlier run saw"),
        None => println!("no earlier run: that it extends what it was is not known"),
    }
    if verified.witnesses.is_empty() {
        println!("no known witness has signed it: that others are shown the same log is not known");
    } else {
        println!("witnessed by {}", verified.witnesses.join(", "));
    }
    println!(
        "{} entries are those that the log took in, {} are gone and their hashes are there, {} were not read; {} of them by an earlier run",
        verified.present, verified.gone, verified.unread, verified.before
    );
}

fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            let status = if error.use_stderr() { exit::USAGE } else { exit::GENUINE };
            ignore(error.print(), "nobody reads what is printed");
            return ExitCode::from(status);
        }
    };
    program::end(run(&command), command.json)
}
