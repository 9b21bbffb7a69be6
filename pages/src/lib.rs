//! Manual pages and completions from a program's own definition of its command line, so that neither can drift from it.

use clap::Command;
use clap_complete::Shell;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Prints what clap says instead of arguments, and the status to end with: help and version are no errors, everything else is
/// a wrong command line.
#[must_use]
pub fn not_run(error: &clap::Error) -> ExitCode {
    program::ignore(error.print(), "nobody reads what is printed");
    ExitCode::from(if error.use_stderr() { program::exit::USAGE } else { 0 })
}

/// Writes `man/*.1` (a page for the program and for each of its commands) and `completions/{bash,fish,zsh}` into a
/// directory.
///
/// # Errors
/// When a file cannot be written.
pub fn write(mut command: Command, directory: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    let manual = directory.join("man");
    std::fs::create_dir_all(&manual)?;
    clap_mangen::generate_to(command.clone(), &manual)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        let place = directory.join("completions").join(shell.to_string());
        std::fs::create_dir_all(&place)?;
        clap_complete::generate_to(shell, &mut command, &name, &place)?;
    }
    Ok(())
}
