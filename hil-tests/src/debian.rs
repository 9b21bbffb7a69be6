//! Packages by Debian's own dpkg, in a root of the test's own.

use std::path::PathBuf;
use std::process::Command;
use update::packages::{Packages, Tools};

/// A root of its own with a package database.
#[derive(Debug)]
pub struct Debian(tempfile::TempDir);

impl Debian {
    /// An empty one.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes files")]
    pub fn new() -> Self {
        let debian = Self(tempfile::tempdir().expect("directory"));
        for directory in ["root/var/lib/dpkg/updates", "root/var/lib/dpkg/info", "root/var/log"] {
            std::fs::create_dir_all(debian.path(directory)).expect("directory");
        }
        std::fs::write(debian.path("root/var/lib/dpkg/status"), "").expect("status");
        debian
    }

    /// A path in its directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Builds a package; a broken one depends on what is nowhere.
    ///
    /// # Panics
    /// When dpkg-deb fails.
    #[must_use]
    pub fn package(&self, version: &str, broken: bool) -> PathBuf {
        let tree = self.path(&format!("tree-{version}"));
        std::fs::create_dir_all(tree.join("DEBIAN")).expect("directory");
        std::fs::create_dir_all(tree.join("usr/share/cccd")).expect("directory");
        std::fs::write(tree.join("usr/share/cccd/version"), version).expect("file");
        let depends = if broken { "Depends: nothing-that-exists\n" } else { "" };
        let control = format!(
            "Package: cccd-agent\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@localhost>\n{depends}Description: x\n"
        );
        std::fs::write(tree.join("DEBIAN/control"), control).expect("control");
        let file = self.path(&format!("{version}.deb"));
        let built = Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&file).output();
        assert!(built.expect("dpkg-deb").status.success());
        file
    }

    /// The engine over it; each restart is a line in `restarts`.
    #[must_use]
    pub fn engine(&self) -> Packages {
        let root = format!("--root={}", self.path("root").display());
        let installing = self.path("state/installing");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let tools = Tools {
            install: words(&[
                "dpkg",
                &root,
                "--force-confold",
                "--force-script-chrootless",
                "--install",
                "--recursive",
                &installing.display().to_string(),
            ]),
            query: words(&["dpkg-query", &root]),
            restart: words(&["sh", "-c", &format!("echo restarted >> {}", self.path("restarts").display())]),
        };
        Packages::new(&self.path("state"), tools)
    }

    /// What a program of the package would read.
    #[must_use]
    pub fn installed(&self) -> String {
        std::fs::read_to_string(self.path("root/usr/share/cccd/version")).unwrap_or_default()
    }
}
