//! `cargo xtask lean`: agents without what a device has no use for.
//!
//! Each is looked at by clippy as the whole one is, and its crates are counted. What must not be in it is named here, so that
//! a dependency that finds another way in is noticed.

use crate::figures::Figures;
use crate::{ALL, cargo, run};
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;

/// An agent: what it is for, its features, and crates that it has no use for.
struct Agent {
    about: &'static str,
    features: &'static str,
    without: &'static [&'static str],
}

const PANELS: [&str; 4] = ["kiosk", "drm", "mipidsi", "linux-embedded-hal"];
const PAGES: [&str; 4] = ["desk", "axum", "socketioxide", "umya-spreadsheet"];

const AGENTS: [Agent; 4] = [
    Agent {
        about: "reads and verifies, on the command line",
        features: "",
        without: &["virtual-card", "cryptoki", "nfc1"],
    },
    Agent { about: "a desk and nothing else", features: "desk", without: &PANELS },
    Agent { about: "a desk at a lodging, keys in a TPM", features: "desk,lodging-xlsx,tpm", without: &PANELS },
    Agent { about: "a kiosk and nothing else", features: "kiosk,camera", without: &PAGES },
];

/// Where the figures stand.
const FIGURES: Figures = Figures {
    page: "docs/architecture.md",
    begin: "<!-- lean: written by `cargo xtask lean --write` -->\n",
    end: "<!-- end of lean -->\n",
};

/// Names of the crates that an agent is made of.
fn crates(features: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let tree =
        ["tree", "--locked", "--package", "cccd-agent", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let output = cargo().args(tree).args(features).output().context("cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    // A name and a version: two versions are two crates.
    let line = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(line).filter(|line| !line.is_empty()).collect())
}

fn has(crates: &BTreeSet<String>, name: &str) -> bool {
    crates.iter().any(|each| each.split(' ').next() == Some(name))
}

/// Their features, as cargo is told.
fn told(agent: &Agent) -> [&'static str; 3] {
    ["--no-default-features", "--features", agent.features]
}

fn table() -> anyhow::Result<String> {
    let mut table = "| agent | features | crates |\n| --- | --- | --- |\n".to_owned();
    for agent in &AGENTS {
        let crates = crates(&told(agent))?;
        if let Some(name) = agent.without.iter().find(|name| has(&crates, name)) {
            bail!("{}: an agent with [{}] is built with {name}", agent.about, agent.features);
        }
        let features = if agent.features.is_empty() { "none".to_owned() } else { format!("`{}`", agent.features) };
        table += &format!("| {} | {features} | {} |\n", agent.about, crates.len());
    }
    let whole = crates(&ALL)?;
    table += &format!("| that of the packages | all | {} |\n", whole.len());
    Ok(table)
}

/// Looks at each, and puts what it is made of into the page.
pub(crate) fn check(write: bool) -> anyhow::Result<()> {
    for agent in &AGENTS {
        eprintln!("── {}", agent.about);
        let clippy = ["clippy", "--locked", "--package", "cccd-agent"];
        run(cargo().args(clippy).args(told(agent)).args(["--", "-D", "warnings"]))?;
    }
    let table = table()?;
    print!("{table}");
    if write {
        FIGURES.write(&table)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;
    use std::fs;

    /// Where `cargo tree` answers without a build, so this is asked at each change.
    #[test]
    fn a_desk_has_no_panels_a_kiosk_no_spreadsheet_and_the_page_says_what_each_is_made_of() {
        let page = fs::read_to_string(root().join(FIGURES.page)).expect("page");
        let table = table().expect("crates");
        assert!(page.contains(&table), "cargo xtask lean --write\n{table}");
        let whole = crates(&ALL).expect("crates");
        for name in AGENTS.iter().flat_map(|agent| agent.without) {
            assert!(has(&whole, name), "{name}: that of the packages has it, so its name is right");
        }
    }
}
