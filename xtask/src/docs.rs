//! `cargo xtask docs`: the manual as a site that needs no server and no network, into `target/manual`.
//!
//! The tests of the crate `manual` and of the programs' command lines come first, then the site, then its links.

use crate::{ALL, Tool, cargo, root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes the site: without the parts that serve and watch.
pub(crate) const TOOL: Tool = Tool("mdbook", "0.5.4", &["--no-default-features", "--features", "search"]);

/// The test, one in each program, that parses the command lines of the pages.
const COMMANDS: &str = "the_manual_names_commands_that_there_are";

/// Checks the pages and makes the site.
pub(crate) fn make() -> anyhow::Result<()> {
    run(cargo().args(["test", "--quiet", "--package", "manual"]))?;
    let programs = ["cccd-agent", "cccd-central", "provisioning", "virtual-card", "xtask"];
    let programs = programs.iter().flat_map(|name| ["--package", name]);
    run(cargo().args(["test", "--quiet", "--bins", "--test", "manual"]).args(ALL).args(programs).arg(COMMANDS))?;
    let site = target().join("manual");
    run(Command::new(TOOL.fetch()?).arg("build").arg(root()).arg("--dest-dir").arg(&site))?;
    let pages = html(&site)?;
    for page in pages.iter().filter(|page| page.starts_with(site.join("vi"))) {
        // mdBook knows one language a book; a screen reader wants the page's own.
        let text = fs::read_to_string(page)?;
        fs::write(page, text.replacen("<html lang=\"en\"", "<html lang=\"vi\"", 1))?;
    }
    let mut dead = Vec::new();
    for page in &pages {
        dead.extend(dead_links(&site, page)?);
    }
    if !dead.is_empty() {
        bail!("{} links of the site lead nowhere:\n{}", dead.len(), dead.join("\n"));
    }
    println!("{} pages: {}", pages.len(), site.join("index.html").display());
    Ok(())
}

fn html(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(html(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "html") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Files that a page of the site points to and that are not there.
fn dead_links(site: &Path, page: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(page)?;
    let directory = page.parent().context("a directory")?;
    let links = ["href=\"", "src=\""].iter().flat_map(|attribute| text.split(attribute).skip(1));
    let links = links.filter_map(|rest| rest.split(['"', '#', '?']).next());
    let local = links.filter(|link| !link.is_empty() && !link.contains(':'));
    // The page for what is not found stands for every address, and its links begin at the root.
    let dead = local.filter(|link| !directory.join(link).exists() && !site.join(link.trim_start_matches('/')).exists());
    Ok(dead.map(|link| format!("{}: {link} is not there", page.display())).collect())
}
