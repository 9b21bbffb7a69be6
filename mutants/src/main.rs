//! Takes each listed check out of a copy of the code and sees whether its crate's own tests notice.

use anyhow::{Context as _, bail};
use clap::Parser;
use mutants::{Check, Found, List, PAGE, Suite, table, with_table};
use std::path::Path;
use std::process::ExitCode;

/// Takes each listed check out of a copy of the code and sees whether its crate's own tests notice.
#[derive(Parser)]
struct Arguments {
    /// Crates with a list; all without any.
    crates: Vec<String>,
    /// Only checks whose identifiers begin so.
    #[arg(long)]
    only: Vec<String>,
    /// Write the table of the checks into docs/conformance.md, and run nothing.
    #[arg(long, conflicts_with_all = ["crates", "only"])]
    write: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mutants: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let lists = List::all(root)?;
    if arguments.write {
        let page = root.join(PAGE);
        let text = std::fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        return Ok(std::fs::write(&page, with_table(&text, &table(&lists)).context("the page has both marks")?)?);
    }
    if let Some(unknown) = arguments.crates.iter().find(|name| lists.iter().all(|list| list.package != **name)) {
        bail!("{unknown} has no list");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    let suite = Suite::copy(root, &target.join("mutants"), &lists)?;
    let mut wrong = Vec::new();
    for list in &lists {
        let wanted = arguments.crates.is_empty() || arguments.crates.contains(&list.package);
        let named =
            |check: &Check| arguments.only.is_empty() || arguments.only.iter().any(|only| check.id.starts_with(only));
        let checks: Vec<&Check> = list.checks.iter().filter(|check| wanted && named(check)).collect();
        if checks.is_empty() {
            continue;
        }
        eprintln!("── {}: {} checks", list.package, checks.len());
        let mut killed = 0;
        suite.run(list, &checks, |check, found| {
            let word = match (found, &check.equivalent) {
                (Found::Killed(test), None) => {
                    killed += 1;
                    format!("killed by {test}")
                }
                (Found::Survived, Some(why)) => format!("equivalent: {why}"),
                (Found::Survived, None) => {
                    wrong.push(format!("{} survived", check.id));
                    "SURVIVED".to_owned()
                }
                (Found::Killed(test), Some(_)) => {
                    wrong.push(format!("{} is said to be equivalent, and {test} notices", check.id));
                    format!("NOT EQUIVALENT: {test}")
                }
            };
            println!("{:<34} {word}", check.id);
        })?;
        println!("{}: {killed} of {} killed\n", list.package, checks.len());
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}
