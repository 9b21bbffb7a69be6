//! Command lines: what the pages say of a program is what the program takes.
//!
//! Lines of fenced blocks are parsed by the program's own definition of its arguments. In blocks marked `synopsis` and in quoted
//! words, where brackets and placeholders stand, subcommands and options must be the program's.

use crate::{Block, Page};
use clap::Command;
use clap::error::ErrorKind;

/// What was looked at, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Checked {
    /// How many lines and quoted words begin with the program.
    pub count: usize,
    /// What is wrong.
    pub findings: Vec<String>,
}

/// Blocks of these kinds are no command lines.
const OTHERS: [&str; 4] = ["toml", "json", "rust", "text"];

/// Checks every command line of a program.
#[must_use]
pub fn check(pages: &[Page], mut program: Command) -> Checked {
    // From here on global options stand with each subcommand.
    program.build();
    let name = program.get_name().to_owned();
    let mut checked = Checked::default();
    let mut note = |place: String, text: &str, outcome: Result<(), String>| {
        checked.count += 1;
        checked.findings.extend(outcome.err().map(|why| format!("{place}: {text}: {why}")));
    };
    for page in pages {
        for block in page.blocks().iter().filter(|block| !OTHERS.iter().any(|kind| block.is(kind))) {
            for (line, text) in lines(block) {
                let place = || format!("{}:{line}", page.path);
                match text.strip_prefix(&format!("{name} ")) {
                    Some(rest) if block.is("synopsis") => note(place(), &text, named(&program, rest)),
                    _ if block.is("synopsis") || !text.contains(&name) => {}
                    _ => match calls(&text) {
                        None => note(place(), &text, Err("a quotation mark is not closed".to_owned())),
                        Some(calls) => {
                            for call in calls.iter().filter(|call| is(call, &name)) {
                                note(place(), &text, parsed(&program, call));
                            }
                        }
                    },
                }
            }
        }
        for (at, quoted) in page.quoted() {
            if let Some(rest) = quoted.strip_prefix(&format!("{name} ")) {
                note(page.place(at), &quoted, named(&program, rest));
            }
        }
    }
    checked
}

/// The test of a program: every line of the manual that calls it is one that it takes, and there are so many at least.
///
/// # Panics
/// With what is wrong, or when too few were found.
pub fn hold(program: Command, least: usize) {
    hold_in(&crate::pages(crate::root()).expect("pages"), program, least);
}

/// [`hold`] for these pages.
///
/// # Panics
/// As [`hold`] does.
pub fn hold_in(pages: &[Page], program: Command, least: usize) {
    let checked = check(pages, program);
    assert!(checked.findings.is_empty(), "\n{}", checked.findings.join("\n"));
    assert!(checked.count > least, "only {} were found", checked.count);
}

fn is(call: &[String], program: &str) -> bool {
    call.first().is_some_and(|word| word.rsplit('/').next() == Some(program))
}

fn parsed(program: &Command, call: &[String]) -> Result<(), String> {
    match program.clone().try_get_matches_from(call) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Its usage lines say nothing of the page.
            Err(error.to_string().split("\n\n").next().unwrap_or_default().replace('\n', " "))
        }
        _ => Ok(()),
    }
}

/// Logical lines of a block, each with the line where it begins: what `\` continues is joined, and what a here-document holds
/// is left out. In a synopsis an indented line goes on with the one before.
fn lines(block: &Block) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut goes_on, mut until) = (false, None::<String>);
    for (number, line) in block.text.lines().enumerate() {
        if let Some(end) = &until {
            if line == end {
                until = None;
            }
            continue;
        }
        let indented = block.is("synopsis") && line.starts_with(' ');
        let text = line.trim_end_matches('\\').trim();
        match found.last_mut().filter(|_| goes_on || indented) {
            Some((_, before)) => *before = format!("{before} {text}"),
            None => found.push((block.line + number, text.to_owned())),
        }
        goes_on = line.ends_with('\\');
        until = text.split_once("<<").map(|(_, word)| word.trim().trim_matches(['\'', '"']).to_owned());
    }
    found
}

/// The simple commands of a line, without what stands before the program (`sudo`, `runuser -u NAME --`, variables) and without
/// redirections; `None` where a quotation mark is not closed.
fn calls(line: &str) -> Option<Vec<Vec<String>>> {
    let words = shlex::split(line)?;
    let commands = words.split(|word| ["|", "||", "&&", ";", "&"].contains(&word.as_str()));
    Some(commands.map(call).filter(|call| !call.is_empty()).collect())
}

fn call(words: &[String]) -> Vec<String> {
    let mut call = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let is_first = call.is_empty();
        if is_first && word == "runuser" {
            words.by_ref().find(|word| *word == "--");
        } else if word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>']) {
            // The file stands in the same word or in the next one.
            if word.ends_with(['<', '>']) {
                words.next();
            }
        } else if !(is_first && (word == "sudo" || is_variable(word))) {
            call.push(word.clone());
        }
    }
    call
}

fn is_variable(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()))
}

/// Whether the subcommands and options of a synopsis are there: `bundle build … --version N`, `config / doctor`.
fn named(program: &Command, synopsis: &str) -> Result<(), String> {
    let mut path = vec![program];
    let mut value_follows = false;
    for word in synopsis.split_whitespace() {
        let is_value = std::mem::take(&mut value_follows);
        let word = word.trim_matches(['[', ']', '(', ')', '…', ',']);
        let command = path[path.len() - 1];
        if let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty()) {
            let option = option.split(['=', ']']).next().unwrap_or_default();
            let mut known = path.iter().flat_map(|command| command.get_arguments());
            let argument = known.find(|argument| argument.get_long() == Some(option));
            let argument = argument.ok_or_else(|| format!("{} has no --{option}", command.get_name()))?;
            value_follows = argument.get_action().takes_values();
        } else if is_value {
            // It may be called like a subcommand.
        } else if word == "/" {
            // Another subcommand of the same command, or of one above it.
            path.truncate(path.len().saturating_sub(1).max(1));
        } else if let Some(depth) = (1..=path.len()).rev().find(|depth| path[depth - 1].find_subcommand(word).is_some())
        {
            path.truncate(depth);
            path.extend(path[depth - 1].find_subcommand(word));
        } else if command.has_subcommands() && is_name(word) {
            return Err(format!("{} has no {word}", command.get_name()));
        }
    }
    Ok(())
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.bytes().all(|b| b == b'-' || b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgAction};

    fn program() -> Command {
        let file = Arg::new("file").long("file").required(true);
        let serve = Command::new("serve").arg(file).arg(Arg::new("json").long("json").action(ArgAction::SetTrue));
        let device = Command::new("device").subcommand(Command::new("add").arg(Arg::new("name").required(true)));
        Command::new("box").arg(Arg::new("db").long("db").global(true)).subcommands([serve, device])
    }

    fn findings(text: &str) -> (usize, Vec<String>) {
        let checked = check(&[Page::new("p.md", text)], program());
        (checked.count, checked.findings)
    }

    #[test]
    fn a_line_that_the_program_would_not_take_is_found() {
        let good = "```\nbox serve --file a   # why\nsudo A=b /usr/bin/box \\\n  device add c <list 2>/dev/null && runuser -u d -- box --help\n\
                    cat > x <<'END'\nbox nonsense\nEND\nls box-car\n```\n\n```toml\nbox = 1\n```\n";
        assert_eq!(findings(good), (3, vec![]));
        let (count, wrong) = findings("```sh\nbox serve\nid | box device add a b\nbox serve --file 'a\n```\n");
        assert_eq!((count, wrong.len()), (3, 3), "{wrong:?}");
        assert!(wrong[0].starts_with("p.md:2: box serve: error: the following required arguments"), "{wrong:?}");
        assert!(wrong[1].starts_with("p.md:3: id | box device add a b: error: unexpected argument"), "{wrong:?}");
        assert!(wrong[2].ends_with("a quotation mark is not closed"), "{wrong:?}");
    }

    #[test]
    fn a_synopsis_names_what_is_there() {
        let good = "`box --db FILE device add / serve [--json]`, `box --db device serve --json`\n\n```synopsis\nbox serve --file FILE\n    [--json]\n```\n";
        assert_eq!(findings(good), (3, vec![]));
        let (_, wrong) =
            findings("`box device remove`, `box serve --jason`\n\n```synopsis\nbox serve\n    [--xml]\n```\n");
        let expected = [
            "p.md:4: box serve [--xml]: serve has no --xml",
            "p.md:1: box device remove: device has no remove",
            "p.md:1: box serve --jason: serve has no --jason",
        ];
        assert_eq!(wrong, expected);
    }
}
