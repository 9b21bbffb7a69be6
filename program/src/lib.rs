//! How `cccd-agent`, `cccd-central` and `provision` end: a stable code, a sentence, a remedy and an exit status.
//! `docs/errors.md` lists the codes, `docs/cli.md` the statuses.
//!
//! # Example
//!
//! ```
//! use program::{Failure, exit};
//!
//! let failure = Failure::usage("file_unreadable", "cannot read agent.toml", "name a file that exists").within("settings");
//! assert_eq!(failure.to_string(), "settings: cannot read agent.toml [file_unreadable]: name a file that exists");
//! assert_eq!(failure.exit, exit::USAGE);
//! ```

pub mod files;
pub mod foreign;
pub mod owner;
pub mod private;
pub mod set;
pub mod terminal;
mod text;

#[doc(hidden)]
pub use serde;
pub use text::{Private, Text, TextError};

use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// An error with what people are told of it. Every crate above this one implements it for its own errors, in one place each:
///
/// ```
/// use program::{Coded, Failure, exit};
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the door is locked")]
/// struct Locked;
///
/// impl Coded for Locked {
///     fn code(&self) -> &str {
///         "door_locked"
///     }
///     fn remedy(&self) -> &str {
///         "turn the key"
///     }
/// }
///
/// fn enter() -> Result<(), Failure> {
///     Err(Locked)?
/// }
///
/// let failure = enter().unwrap_err();
/// assert_eq!(failure.to_string(), "the door is locked [door_locked]: turn the key");
/// assert_eq!(failure.exit, exit::DEVICE);
/// ```
pub trait Coded: std::error::Error + Sized {
    /// A stable identifier: `docs/errors.md` lists it.
    fn code(&self) -> &str;

    /// What to do about it.
    fn remedy(&self) -> &str;

    /// How a program ends that meets it.
    fn exit(&self) -> u8 {
        exit::DEVICE
    }
}

/// Says that an error with methods `code` and `remedy` of its own is [`Coded`]; a third method of its own may say the status.
#[macro_export]
macro_rules! coded {
    ($error:ty $(, $exit:ident)?) => {
        impl $crate::Coded for $error {
            fn code(&self) -> &str {
                <$error>::code(self)
            }

            fn remedy(&self) -> &str {
                <$error>::remedy(self)
            }

            $(fn exit(&self) -> u8 {
                <$error>::$exit(self)
            })?
        }
    };
}

/// Says that what somebody asked for was left out when the program was built.
#[must_use]
pub fn without(feature: &str) -> String {
    format!("this program was built without the feature {feature}; the packages have it")
}

/// Lets a failure pass that nobody can mend or misses, and says why to those who read the code. In no other way is a result left unread:
/// a test of the house looks for one.
pub fn ignore<T, E>(result: Result<T, E>, _why: &'static str) {
    drop(result);
}

/// An error with its causes on one line.
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What a lock guards, also where somebody panicked with it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A failure as people and programs see it. Never holds personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Of an error that is wanted afterwards.
    #[must_use]
    pub fn of(error: &impl Coded) -> Self {
        let (code, remedy) = (error.code().to_owned(), error.remedy().to_owned());
        Self { code, message: describe(error), remedy, exit: error.exit() }
    }

    /// The same, as a mistake on the command line or in a file that it names.
    #[must_use]
    pub fn as_usage(self) -> Self {
        Self { exit: exit::USAGE, ..self }
    }

    /// The same, with what else is to be done here.
    #[must_use]
    pub fn with_remedy(self, remedy: &str) -> Self {
        Self { remedy: remedy.to_owned(), ..self }
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

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// Prints to standard output, all of it or an error; what a terminal would obey is escaped ([`terminal`]).
///
/// # Errors
/// `stdout_closed`.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(terminal::shown(text).as_bytes()).and_then(|()| out.flush()).map_err(|e| {
        Failure::device("stdout_closed", format!("cannot write to standard output: {e}"), "keep the pipe open")
    })
}

/// Prints a table or text for people. Whoever closes the pipe has seen enough.
pub fn print_text(text: &str) {
    ignore(print(text), "nobody reads what is printed");
}

/// Ends a program: the failure for people on standard error and, where JSON was asked for, on standard output.
#[must_use]
pub fn end(result: Result<u8, Failure>, json: bool) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            crate::eprintln!("{failure}");
            if json {
                // Whoever closed the pipe has the status.
                ignore(
                    print(&format!("{:#}\n", serde_json::json!({ "error": failure }))),
                    "nobody reads what is printed",
                );
            }
            ExitCode::from(failure.exit)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn causes_are_told() {
        let inner = std::fmt::Error;
        let outer = std::io::Error::other(inner);
        let error = super::owner::OwnerError::Failed { directory: "/x".into(), why: outer };
        assert_eq!(super::describe(&error), format!("{error}: {inner}"));
    }

    /// Every code that a source of device, central or the technician's tool writes out stands on the page: what looks like
    /// `Failure::usage("code"`, `=> "code"`, `code: "code"` and the like.
    #[test]
    fn the_page_lists_every_code() {
        let page = include_str!("../../docs/errors.md");
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = 0;
        let mut directories = [
            "program",
            "visit",
            "config",
            "reading",
            "devices",
            "store",
            "handoff",
            "site",
            "kiosk",
            "desk",
            "agent",
            "provisioning",
            "tlog",
        ]
        .map(|room| root.join(room).join("src"))
        .to_vec();
        directories.extend(["central/src/store", "central/src/bin"].map(|d| root.join(d)));
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
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            // Elsewhere an arrow leads to words of other kinds.
            let of_errors = ["Coded for", "coded!("].iter().any(|word| text.contains(word));
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
                if start == "=> " && !of_errors {
                    continue;
                }
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
