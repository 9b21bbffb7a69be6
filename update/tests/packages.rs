//! Packages on plain Debian: real package files, and a dpkg of the test's own that notes what is installed.

use std::path::PathBuf;
use std::process::Command;
use update::engine::{Engine as _, EngineError};
use update::packages::{Packages, Tools};
use update::state::Target;

struct Debian {
    directory: tempfile::TempDir,
    engine: Packages,
}

impl Debian {
    /// With these packages installed: name, version and dpkg's word for how they stand.
    fn with(installed: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let place = directory.path().display().to_string();
        std::fs::write(directory.path().join("status"), installed.join("\n") + "\n").expect("status");
        // Each file is of one package, whose name and version it says; one called `broken` cannot be installed.
        let install = format!(
            "for file in {place}/own/installing/*.deb; do
                 called=$(basename \"$file\" .deb); name=${{called%%_*}}
                 [ \"$name\" = broken ] && {{ echo 'it breaks' > {place}/own/dpkg.log; echo 'the service failed' >&2; exit 1; }}
                 grep -v \"^$name \" {place}/status > {place}/status.new
                 echo \"$name ${{called#*_}} installed\" >> {place}/status.new
                 mv {place}/status.new {place}/status
             done"
        );
        let words = |script: &str| ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
        let tools =
            Tools { install: words(&install), query: words(&format!("cat {place}/status")), restart: words("exit 0") };
        let engine = Packages::new(&directory.path().join("own"), tools);
        Self { directory, engine }
    }

    /// A package file.
    fn package(&self, name: &str, version: &str) -> PathBuf {
        let tree = self.directory.path().join("tree");
        std::fs::create_dir_all(tree.join("DEBIAN")).expect("directory");
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: none\n"
        );
        std::fs::write(tree.join("DEBIAN/control"), control).expect("control");
        let file = self.directory.path().join(format!("{name}-{}.deb", version.replace(':', "%")));
        let built = Command::new("dpkg-deb").args(["--nocheck", "--build"]).arg(&tree).arg(&file).output();
        let built = built.expect("dpkg-deb");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        file
    }

    fn install(&self, hash: &str, files: &[PathBuf]) -> Result<(), EngineError> {
        let target = Target { rollout: "r".to_owned(), version: "2".to_owned(), hash: hash.to_owned() };
        self.engine.install(&target, files, &|_, _| {})
    }

    fn status(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.path().join("status")).expect("status");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    fn running(&self) -> Option<String> {
        self.engine.running().expect("asked")
    }
}

fn code(result: Result<(), EngineError>) -> &'static str {
    result.expect_err("refused").code()
}

#[test]
fn a_set_is_installed_started_and_taken_back() {
    let debian = Debian::with(&["agent 1.0 installed", "left 1.0 not-installed"]);
    debian.engine.keep(&debian.package("agent", "1.0")).expect("kept");
    let files = [debian.package("agent", "2.0"), debian.package("left", "2.0")];
    debian.install("new", &files).expect("installed");
    assert_eq!(debian.running(), None, "it does not run yet");
    debian.engine.restart().expect("restarted");
    assert_eq!(debian.running().as_deref(), Some("new"));
    debian.engine.reject().expect("rejected");
    debian.engine.restart().expect("restarted");
    assert!(debian.status().contains(&"agent 1.0 installed".to_owned()), "{:?}", debian.status());
    assert_eq!(debian.running(), None, "what came from the factory has no hash");
}

#[test]
fn nothing_is_installed_without_a_way_back() {
    let debian = Debian::with(&["agent 1.0 installed"]);
    let new = debian.package("agent", "2.0");
    assert_eq!(code(debian.install("new", &[new])), "update_no_way_back");
    assert_eq!(debian.status(), ["agent 1.0 installed"]);
    assert_eq!(code(debian.engine.reject()), "update_no_way_back", "there is nothing before what runs");
}

#[test]
fn what_somebody_installed_by_hand_is_not_what_the_rollout_named() {
    let debian = Debian::with(&["agent 1.0 installed"]);
    debian.engine.keep(&debian.package("agent", "1.0")).expect("kept");
    debian.install("new", &[debian.package("agent", "2.0")]).expect("installed");
    debian.engine.restart().expect("restarted");
    assert_eq!(debian.running().as_deref(), Some("new"));
    for other in ["agent 2.1 installed", "agent 2.0 config-files", ""] {
        std::fs::write(debian.directory.path().join("status"), format!("{other}\n")).expect("status");
        assert_eq!(debian.running(), None, "{other:?}");
    }
}

#[test]
fn a_set_that_breaks_in_the_middle_is_taken_back_as_a_whole() {
    let debian = Debian::with(&["agent 1.0 installed"]);
    debian.engine.keep(&debian.package("agent", "1.0")).expect("kept");
    let files = [debian.package("agent", "2.0"), debian.package("broken", "2.0")];
    let failed = debian.install("new", &files).expect_err("it breaks");
    assert_eq!(failed.code(), "update_install");
    assert!(failed.to_string().contains("it breaks"), "what dpkg said, not what its service did: {failed}");
    assert_eq!(debian.status(), ["agent 1.0 installed"]);
}

#[test]
fn what_another_attempt_left_is_not_installed() {
    let debian = Debian::with(&["agent 1.0 installed"]);
    debian.engine.keep(&debian.package("agent", "1.0")).expect("kept");
    let installing = debian.directory.path().join("own/installing");
    std::fs::create_dir_all(&installing).expect("a directory");
    std::fs::copy(debian.package("other", "1.0"), installing.join("other_1.0.deb")).expect("a file");
    debian.install("new", &[debian.package("agent", "2.0")]).expect("installed");
    assert_eq!(debian.status(), ["agent 2.0 installed"]);
}

#[test]
fn a_version_with_an_epoch_has_its_way_back_and_is_no_path() {
    let debian = Debian::with(&["agent 1:1.0 installed"]);
    debian.engine.keep(&debian.package("agent", "1:1.0")).expect("kept");
    let names: Vec<String> = std::fs::read_dir(debian.directory.path().join("own/kept"))
        .expect("directory")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["agent_1%1.0.deb"]);
    debian.install("new", &[debian.package("agent", "1:2.0")]).expect("it has a way back");
}
