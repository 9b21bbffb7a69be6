//! `cargo xtask check`: formatting, clippy and tests of what was changed, and of nothing else.
//!
//! Changed is what git says: the work tree against the last commit; where it is clean, the last commit.

use crate::{ALL, build, cargo, nextest, root, run};
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Checks the crates that are named, or those that were changed.
pub(crate) fn check(named: &[String]) -> anyhow::Result<()> {
    let crates = if named.is_empty() { changed()? } else { named.iter().cloned().collect() };
    if crates.is_empty() {
        println!("nothing that a crate holds was changed");
        return Ok(());
    }
    let packages: Vec<&str> = crates.iter().flat_map(|name| ["--package", name]).collect();
    let features: &[&str] = if crates.contains("cccd-agent") { &ALL } else { &[] };
    eprintln!("── {}", crates.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    run(cargo().arg("fmt").args(&packages).arg("--check"))?;
    run(cargo()
        .args(["clippy", "--all-targets", "--locked"])
        .args(&packages)
        .args(features)
        .args(["--", "-D", "warnings"]))?;
    if crates.contains("hil-tests") {
        // Its rigs start the programs of the workspace.
        build(&ALL)?;
    }
    run(nextest()?.args(["--no-tests", "pass", "--locked"]).args(&packages).args(features))
}

fn git(words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(words).current_dir(root()).output().context("cannot start git")?;
    if !output.status.success() {
        bail!("git {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Packages with a changed file. Names of files are ended by zero octets: git quotes those with signs otherwise.
fn changed() -> anyhow::Result<BTreeSet<String>> {
    let mut files =
        git(&["diff", "--name-only", "-z", "HEAD"])? + &git(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    if files.is_empty() {
        files = git(&["diff", "--name-only", "-z", "HEAD~1", "HEAD"])?;
    }
    let files = files.split('\0').filter(|file| !file.is_empty());
    files.filter_map(|file| package_of(root(), file).transpose()).collect()
}

/// The package that a file belongs to: the pages belong to the one that checks them; `None` for what no package holds.
fn package_of(root: &Path, file: &str) -> anyhow::Result<Option<String>> {
    if file.ends_with(".md") && (file.starts_with("docs/") || !file.contains('/')) {
        return Ok(Some("manual".to_owned()));
    }
    for directory in Path::new(file).ancestors().skip(1).filter(|directory| !directory.as_os_str().is_empty()) {
        let manifest = root.join(directory).join("Cargo.toml");
        if !manifest.exists() || directory.starts_with("fuzz") {
            continue;
        }
        let text = std::fs::read_to_string(&manifest)?;
        let name = text.lines().find_map(|line| line.strip_prefix("name = \"")).context("a manifest without a name")?;
        return Ok(Some(name.trim_end_matches('"').to_owned()));
    }
    eprintln!("── {file} belongs to no crate: `cargo xtask test` looks at it");
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_package_around_it() {
        let of = |file| package_of(root(), file).expect("manifest");
        assert_eq!(of("agent/src/commands/desk.rs").as_deref(), Some("cccd-agent"));
        assert_eq!(of("central/tests/command_line.rs").as_deref(), Some("cccd-central"));
        assert_eq!(of("docs/vi/le-tan.md").as_deref(), Some("manual"));
        assert_eq!(of("deploy/systemd/cccd-desk.service"), None);
        assert_eq!(of("Cargo.lock"), None);
    }
}
