//! How `cccd-agent`, `cccd-central` and `provision` end: a stable code, a sentence, a remedy and an exit status.
//! `docs/errors.md` lists the codes, `docs/cli.md` the statuses.

pub mod files;
pub mod owner;
pub mod private;

use emrtd::error::describe;
use serde::Serialize;
use std::io::Write as _;
use std::process::ExitCode;

/// Exit statuses of the programs.
pub mod exit {
    /// The card is genuine.
    pub const GENUINE: u8 = 0;
    /// A check failed.
    pub const CHECK_FAILED: u8 = 10;
    /// Nothing failed, but something required was not performed.
    pub const UNDECIDED: u8 = 11;
    /// Nothing is wrong with the document, and it is not to be accepted: expired, withdrawn, another one than was named.
    pub const NOT_ACCEPTABLE: u8 = 12;
    /// The card could not be read.
    pub const NOT_READ: u8 = 20;
    /// No reader, or no reader service.
    pub const NO_READER: u8 = 21;
    /// The command line or a file that it names is wrong.
    pub const USAGE: u8 = 64;
    /// The device's own store, keys or configuration failed.
    pub const DEVICE: u8 = 70;
}

/// A failure as people and programs see it. Never holds personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Exit status.
    #[serde(skip)]
    pub exit: u8,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]: {}", self.message, self.code, self.remedy)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The command line, or a file that it names, is wrong.
    #[must_use]
    pub fn usage(code: &str, message: impl Into<String>, remedy: &str) -> Self {
        Self { code: code.to_owned(), message: message.into(), remedy: remedy.to_owned(), exit: exit::USAGE }
    }

    /// The device's own store, keys or configuration failed.
    #[must_use]
    pub fn device(code: &str, message: impl Into<String>, remedy: &str) -> Self {
        Self { code: code.to_owned(), message: message.into(), remedy: remedy.to_owned(), exit: exit::DEVICE }
    }

    /// The same, with where it happened before the message.
    #[must_use]
    pub fn within(self, place: impl std::fmt::Display) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::device("internal_json", format!("cannot write JSON: {error}"), "report this as a bug")
    }
}

impl From<emrtd::Error> for Failure {
    fn from(error: emrtd::Error) -> Self {
        let remedy = match error.code() {
            "wrong_access_key" => "check the number (or the MRZ data) against the card that lies on the reader",
            "no_access_protocol" => "allow another access protocol, or give the data that it needs (--mrz for BAC)",
            "secure_messaging_failed" => {
                "take the card off and lay it down again, or on another reader; if no reader gets through, go on without the chip"
            }
            _ => "take the card off, lay it flat on the reader and try again",
        };
        let message = describe(&error);
        Self { code: error.code().to_owned(), message, remedy: remedy.to_owned(), exit: exit::NOT_READ }
    }
}

/// Prints to standard output, all of it or an error.
///
/// # Errors
/// `stdout_closed`.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| {
        Failure::device("stdout_closed", format!("cannot write to standard output: {e}"), "keep the pipe open")
    })
}

/// Ends a program: the failure for people on standard error and, where JSON was asked for, on standard output.
#[must_use]
pub fn end(result: Result<u8, Failure>, json: bool) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("{failure}");
            if json {
                // Whoever closed the pipe has the status.
                drop(print(&format!("{:#}\n", serde_json::json!({ "error": failure }))));
            }
            ExitCode::from(failure.exit)
        }
    }
}

#[cfg(test)]
mod tests {
    /// Every code that a source of central or the technician's tool writes out stands on the page: what looks like
    /// `Failure::usage("code"`, `=> "code"`, `code: "code"` and the like.
    #[test]
    fn the_page_lists_every_code() {
        let page = include_str!("../../docs/errors.md");
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = 0;
        let mut directories =
            ["program/src", "central/src/store", "central/src/bin", "provisioning/src"].map(|d| root.join(d)).to_vec();
        let mut files =
            ["central/src/tls.rs", "central/src/registrar/settings.rs"].map(|file| root.join(file)).to_vec();
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).expect("directory") {
                let path = entry.expect("entry").path();
                if path.is_dir() { directories.push(path) } else { files.push(path) }
            }
        }
        for file in files {
            let text = std::fs::read_to_string(&file).expect("source");
            for start in [
                "Failure::usage(",
                "Failure::device(",
                "Self::device(",
                "Self::usage(",
                "waiting(",
                "refused(",
                "code: ",
                "=> ",
            ] {
                for after in text.split(start).skip(1) {
                    let Some(code) = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next())
                    else {
                        continue;
                    };
                    let is_code =
                        code.contains('_') && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                    if is_code {
                        found += 1;
                        assert!(
                            page.contains(&format!("`{code}`")),
                            "docs/errors.md does not list {code} of {}",
                            file.display()
                        );
                    }
                }
            }
        }
        assert!(found > 40, "only {found} were found");
    }
}
