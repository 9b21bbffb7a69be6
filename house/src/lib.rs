//! The house drawn from its imports.
//!
//! A *room* is a crate of the workspace, and inside a crate each module that stands directly below its root, with all that is
//! below it. An *arrow* goes from a room to one that it names in its code; tests do not count. A room's *floor* is the length of
//! the longest way down from it, so that no arrow goes up but inside a *circle*: rooms that reach each other, of which none
//! can be understood, tested or replaced alone.

mod draw;
mod graph;
mod imports;

pub use draw::{picture, table};
pub use graph::Graph;

use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// More lines than these in one file are too many to keep in mind; tables of data and tests aside.
pub const LONG: usize = 600;

/// A crate with more than so much of all the code, in per cent, is more than one room.
pub const BIG: usize = 15;

/// Crates that make, test or describe the house and are no part of it.
pub const TOOLS: [&str; 6] = ["hil-tests", "house", "manual", "mutants", "test-support", "xtask"];

/// The page that the table stands in, below the workspace.
pub const PAGE: &str = "docs/architecture.md";

/// The picture beside it.
pub const PICTURE: &str = "docs/house.svg";

/// Marks around the table.
const MARKS: [&str; 2] = ["<!-- house: written by `cargo xtask house --write` -->\n", "<!-- end of house -->\n"];

/// A page with this table between its marks; `None` without them.
#[must_use]
pub fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some(format!("{before}{}\n{table}\n{}{after}", MARKS[0], MARKS[1]))
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub struct Crate {
    /// As in its manifest.
    pub name: String,
    /// Where it lies in the workspace.
    pub directory: String,
    /// Lines of its code without tests, by file below its directory.
    pub files: BTreeMap<String, usize>,
    /// Its modules below the root, and what they name of each other.
    pub inside: Graph,
    /// Calls whose result is dropped unread, as `file: call`.
    pub unread: BTreeSet<String>,
}

impl Crate {
    /// All lines of its code without tests.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.files.values().sum()
    }
}

/// A whole workspace.
#[derive(Debug, Clone)]
pub struct House {
    /// Its crates, by name.
    pub crates: BTreeMap<String, Crate>,
    /// What they name of each other.
    pub between: Graph,
}

impl House {
    /// Reads the code of a workspace. Tools and rigs are no part of the house: `without` names their crates.
    ///
    /// # Errors
    /// When a file cannot be read, or is no Rust.
    pub fn read(root: &Path, without: &[&str]) -> anyhow::Result<Self> {
        let manifest = |path: &Path| -> anyhow::Result<toml::Table> {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            text.parse().with_context(|| path.display().to_string())
        };
        let workspace = manifest(&root.join("Cargo.toml"))?;
        let members = workspace.get("workspace").and_then(|table| table.get("members"));
        let members = members.and_then(toml::Value::as_array).context("a list of members")?;
        let mut names: BTreeMap<String, (String, String, BTreeSet<String>)> = BTreeMap::new();
        for member in members.iter().filter_map(toml::Value::as_str) {
            let package = manifest(&root.join(member).join("Cargo.toml"))?;
            let name = package.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
            let name = name.with_context(|| format!("{member} has a name"))?.to_owned();
            if !without.contains(&name.as_str()) {
                // Others than these a path cannot mean: a module of its own may have another crate's name.
                let known = package.get("dependencies").and_then(toml::Value::as_table);
                let known = known.into_iter().flat_map(toml::Table::keys).map(|name| name.replace('-', "_")).collect();
                names.insert(name.replace('-', "_"), (name, member.to_owned(), known));
            }
        }
        let mut crates = BTreeMap::new();
        let mut between = Graph::default();
        for (name, directory, known) in names.values() {
            let found = imports::of(&root.join(directory).join("src"))?;
            between.room(name);
            for other in found.crates.intersection(known) {
                if let Some((other, ..)) = names.get(other) {
                    between.arrow(name, other);
                }
            }
            let (name, directory) = (name.clone(), directory.clone());
            let imports::Found { files, inside, unread, .. } = found;
            crates.insert(name.clone(), Crate { name, directory, files, inside, unread });
        }
        Ok(Self { crates, between })
    }

    /// How much of all its code stands in a crate, in per cent.
    #[must_use]
    pub fn share(&self, each: &Crate) -> usize {
        let all: usize = self.crates.values().map(Crate::lines).sum();
        (each.lines() * 100 + all / 2) / all.max(1)
    }

    /// Crates with more than [`BIG`] of it.
    #[must_use]
    pub fn big_rooms(&self) -> Vec<&str> {
        self.crates.values().filter(|each| self.share(each) > BIG).map(|each| each.name.as_str()).collect()
    }

    /// Every circle, as `crate: one, other, …` or, between crates, `one, other, …`.
    #[must_use]
    pub fn circles(&self) -> Vec<String> {
        let between = self.between.circles().into_iter().map(|circle| circle.join(", "));
        let inside = self.crates.values().flat_map(|each| {
            each.inside.circles().into_iter().map(|circle| format!("{}: {}", each.name, circle.join(", ")))
        });
        between.chain(inside).collect()
    }

    /// Files with more than [`LONG`] lines, as `directory/src/file`, with how many they have.
    #[must_use]
    pub fn long_files(&self) -> Vec<(String, usize)> {
        let files = self
            .crates
            .values()
            .flat_map(|each| each.files.iter().map(|(file, lines)| (format!("{}/{file}", each.directory), *lines)));
        files.filter(|(_, lines)| *lines > LONG).collect()
    }
}
