//! Questions to a technician.

use dialoguer::theme::SimpleTheme;
use dialoguer::{Confirm, Input, Select};
use program::Failure;

/// Somebody who answers.
pub trait Ask {
    /// Tells something.
    fn say(&mut self, text: &str);

    /// Yes or no.
    ///
    /// # Errors
    /// `terminal_absent` when nobody can be asked; so for the others.
    fn yes(&mut self, question: &str) -> Result<bool, Failure>;

    /// One of several, by its number.
    ///
    /// # Errors
    /// As [`Ask::yes`].
    fn choose(&mut self, question: &str, items: &[String], default: usize) -> Result<usize, Failure>;

    /// A text; empty where there is none.
    ///
    /// # Errors
    /// As [`Ask::yes`].
    fn text(&mut self, question: &str, default: &str) -> Result<String, Failure>;
}

/// A technician in a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Terminal;

fn absent(error: dialoguer::Error) -> Failure {
    let remedy = "call it in a terminal, or with --yes, which asks nothing";
    Failure::usage("terminal_absent", format!("nobody can be asked: {error}"), remedy)
}

impl Ask for Terminal {
    fn say(&mut self, text: &str) {
        program::print_text(&format!("{text}\n"));
    }

    fn yes(&mut self, question: &str) -> Result<bool, Failure> {
        Confirm::with_theme(&SimpleTheme).with_prompt(question).default(true).interact().map_err(absent)
    }

    fn choose(&mut self, question: &str, items: &[String], default: usize) -> Result<usize, Failure> {
        Select::with_theme(&SimpleTheme).with_prompt(question).items(items).default(default).interact().map_err(absent)
    }

    fn text(&mut self, question: &str, default: &str) -> Result<String, Failure> {
        let theme = SimpleTheme;
        let mut input = Input::<String>::with_theme(&theme).with_prompt(question).allow_empty(true);
        if !default.is_empty() {
            input = input.default(default.to_owned());
        }
        Ok(input.interact_text().map_err(absent)?.trim().to_owned())
    }
}
