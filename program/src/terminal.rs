//! What goes to terminals and logs. Names in certificates, of files and of devices may be anything: here each character that
//! a terminal obeys, or that people do not see, becomes its escape in JSON (`\u001b`), which says in JSON what it said before.
//!
//! The programs print with the macros of this crate, which have the names of those that they take the place of:
//!
//! ```
//! use program::println;
//!
//! println!("subject {}", "\u{1b}[2J"); // subject \u001b[2J
//! ```
//!
//! Whoever closes the pipe has seen enough: what cannot be printed is no failure.

use crate::text::is_odd;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

/// A text of which a terminal does nothing but show it; its lines and columns stay.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// The same in one line.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

fn escaped(text: &str, stays: fn(char) -> bool) -> Cow<'_, str> {
    let odd = |c: char| is_odd(c) && !stays(c);
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                crate::ignore(write!(shown, "\\u{unit:04x}"), "writing to memory does not fail");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// For the macros: what is said, and where.
#[doc(hidden)]
pub fn say(mut to: impl Write, what: fmt::Arguments<'_>, end: &str) {
    let text = what.to_string();
    let said = to.write_all(shown(&text).as_bytes()).and_then(|()| to.write_all(end.as_bytes()));
    crate::ignore(said.and_then(|()| to.flush()), "nobody reads what is printed");
}

/// As the one of `std`, for what may hold anything.
#[macro_export]
macro_rules! print {
    ($($said:tt)*) => { $crate::terminal::say(::std::io::stdout().lock(), ::std::format_args!($($said)*), "") };
}

/// As the one of `std`, for what may hold anything.
#[macro_export]
macro_rules! println {
    ($($said:tt)*) => { $crate::terminal::say(::std::io::stdout().lock(), ::std::format_args!($($said)*), "\n") };
}

/// As the one of `std`, for what may hold anything.
#[macro_export]
macro_rules! eprint {
    ($($said:tt)*) => { $crate::terminal::say(::std::io::stderr().lock(), ::std::format_args!($($said)*), "") };
}

/// As the one of `std`, for what may hold anything.
#[macro_export]
macro_rules! eprintln {
    ($($said:tt)*) => { $crate::terminal::say(::std::io::stderr().lock(), ::std::format_args!($($said)*), "\n") };
}

/// Standard error for a log of which each entry is one write: one line, and nothing in it that a terminal obeys.
#[must_use]
pub fn log() -> Log<io::Stderr> {
    Log(io::stderr())
}

/// A log; see [`log`].
#[derive(Debug)]
pub struct Log<W>(W);

impl<W: Write> Write for Log<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let (body, end) = text.strip_suffix('\n').map_or((&*text, ""), |body| (body, "\n"));
        self.0.write_all(line(body).as_bytes())?;
        self.0.write_all(end.as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_terminal_shows_and_does_not_obey() {
        assert_eq!(shown("CSCA\u{1b}[2J\u{9b}31m\u{202e}\tx\n"), "CSCA\\u001b[2J\\u009b31m\\u202e\tx\n");
        assert_eq!(shown("Cục Cảnh sát"), "Cục Cảnh sát");
        assert_eq!(line("a\nb\r"), "a\\u000ab\\u000d");
        let mut said = Vec::new();
        say(&mut said, format_args!("{}", "\u{7}"), "\n");
        assert_eq!(said, b"\\u0007\n");
    }

    #[test]
    fn an_entry_of_a_log_is_one_line() {
        let mut log = Log(Vec::new());
        log.write_all("ERROR no such card\nINFO all is well\u{1b}]0;x\u{7}\n".as_bytes()).expect("written");
        assert_eq!(log.0, b"ERROR no such card\\u000aINFO all is well\\u001b]0;x\\u0007\n");
    }

    proptest! {
        #[test]
        fn what_is_shown_holds_nothing_odd_and_json_says_what_it_said(text: String) {
            let json = serde_json::to_string(&text).expect("JSON");
            let shown = shown(&json);
            prop_assert!(!shown.contains(is_odd));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
        }
    }
}
