//! The lists of checks.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A check, and the code without it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// One word for it, of no other check in any list.
    pub id: String,
    /// What the check is for, as a sentence that holds.
    pub says: String,
    /// Where a standard asks for it.
    pub clause: Option<String>,
    /// The file, below the crate.
    pub file: String,
    /// The expression that is the check; it occurs once, in `within` where that is given.
    pub code: String,
    /// What stands there without the check: an expression of the same type.
    pub without: String,
    /// A piece of the file around `code` that occurs once.
    pub within: Option<String>,
    /// Why no test can notice, where none can.
    pub equivalent: Option<String>,
    /// Whether it needs a build of its own, because no switch can stand there.
    #[serde(default)]
    pub alone: bool,
}

impl Check {
    /// Where the check stands in its file.
    ///
    /// # Errors
    /// When it stands there not at all, or more than once.
    pub fn span(&self, source: &str) -> anyhow::Result<Range<usize>> {
        let around = match &self.within {
            Some(within) => once(source, within).with_context(|| format!("{}: `within`", self.id))?,
            None => 0..source.len(),
        };
        let inner = once(&source[around.clone()], &self.code).with_context(|| format!("{}: `code`", self.id))?;
        Ok(around.start + inner.start..around.start + inner.end)
    }
}

fn once(text: &str, piece: &str) -> anyhow::Result<Range<usize>> {
    let mut found = text.match_indices(piece);
    match (found.next(), found.next()) {
        (Some((start, _)), None) => Ok(start..start + piece.len()),
        (None, _) => bail!("not found: {piece}"),
        (Some(_), Some(_)) => bail!("found more than once: {piece}"),
    }
}

/// The checks of one crate.
#[derive(Debug, Clone)]
pub struct List {
    /// The package whose tests must notice.
    pub package: String,
    /// Its directory, below the workspace.
    pub directory: PathBuf,
    /// In the order of the file.
    pub checks: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    check: Vec<Check>,
}

impl List {
    /// Every list of the workspace, by the order of its members.
    ///
    /// # Errors
    /// When one cannot be read, or an identifier stands twice.
    pub fn all(root: &Path) -> anyhow::Result<Vec<Self>> {
        let mut lists = Vec::new();
        for member in members(root)? {
            let file = root.join(&member).join("mutants.toml");
            if file.exists() {
                let text = std::fs::read_to_string(&file)?;
                let File { check } = toml::from_str(&text).with_context(|| file.display().to_string())?;
                let package = package(&root.join(&member))?;
                lists.push(Self { package, directory: member.into(), checks: check });
            }
        }
        let mut seen = BTreeSet::new();
        for check in lists.iter().flat_map(|list| &list.checks) {
            if !seen.insert(&check.id) {
                bail!("{} stands twice", check.id);
            }
        }
        Ok(lists)
    }
}

fn table(file: &Path) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    text.parse().with_context(|| file.display().to_string())
}

fn members(root: &Path) -> anyhow::Result<Vec<String>> {
    let manifest = table(&root.join("Cargo.toml"))?;
    let members = manifest["workspace"].get("members").and_then(toml::Value::as_array).context("no members")?;
    Ok(members.iter().filter_map(|member| Some(member.as_str()?.to_owned())).collect())
}

fn package(directory: &Path) -> anyhow::Result<String> {
    let manifest = table(&directory.join("Cargo.toml"))?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    Ok(name.context("a package without a name")?.to_owned())
}
