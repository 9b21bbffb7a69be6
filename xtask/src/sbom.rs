//! `cargo xtask sbom`: what each package is made of, as CycloneDX 1.5, into `target/sbom`.
//!
//! Crates with versions, licences and hashes, as cargo resolves them; C code that crates bring along (SQLite, AWS-LC) comes with
//! those crates. Libraries of Debian that programs are linked with are dependencies of the package.

use crate::{Tool, root, run, target};
use anyhow::Context as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The tool that writes it.
pub(crate) const TOOL: Tool = Tool("cargo-cyclonedx", "0.5.9", &[]);
/// Directories of the crates whose programs are packed.
const CRATES: [(&str, &str); 3] =
    [("agent", "cccd-agent"), ("provisioning", "cccd-provisioning"), ("central", "cccd-central")];

/// Writes the lists; where they are, by package.
pub(crate) fn write() -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let (tool, out) = (TOOL.fetch()?, target().join("sbom"));
    fs::create_dir_all(&out)?;
    let mut written = Vec::new();
    for (directory, package) in CRATES {
        // The tool writes beside the manifest of each crate that the workspace has.
        let manifest = root().join(directory).join("Cargo.toml");
        run(std::process::Command::new(&tool)
            .args([
                "cyclonedx",
                "--format",
                "json",
                "--spec-version",
                "1.5",
                "--override-filename",
                "sbom.cdx",
                "--quiet",
            ])
            .arg("--manifest-path")
            .arg(&manifest)
            .current_dir(root()))?;
        let to = out.join(format!("{package}.cdx.json"));
        let made = root().join(directory).join("sbom.cdx.json");
        fs::copy(&made, &to).with_context(|| format!("{} was not written", made.display()))?;
        tidy(root())?;
        written.push((package, to));
    }
    Ok(written)
}

/// Removes what the tool left in the source tree.
fn tidy(root: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(root)?.flatten() {
        let left = entry.path().join("sbom.cdx.json");
        if left.exists() {
            fs::remove_file(left)?;
        }
    }
    Ok(())
}
