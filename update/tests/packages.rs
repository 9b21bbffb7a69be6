//! Packages by Debian's own dpkg, in a root of the test's own.

use fleet::rollout::{Package, set_hash};
use std::path::{Path, PathBuf};
use std::process::Command;
use update::engine::{Engine as _, EngineError};
use update::packages::{Packages, Tools};
use update::state::Target;

struct Debian(tempfile::TempDir);

impl Debian {
    fn new() -> Self {
        let debian = Self(tempfile::tempdir().expect("directory"));
        for directory in ["root/var/lib/dpkg/updates", "root/var/lib/dpkg/info", "root/var/log"] {
            std::fs::create_dir_all(debian.path(directory)).expect("directory");
        }
        std::fs::write(debian.path("root/var/lib/dpkg/status"), "").expect("status");
        debian
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn package(&self, version: &str, broken: bool) -> PathBuf {
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

    fn engine(&self) -> Packages {
        let root = format!("--root={}", self.path("root").display());
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let tools = Tools {
            dpkg: words(&["dpkg", &root, "--force-confold", "--force-script-chrootless"]),
            query: words(&["dpkg-query", &root]),
            restart: words(&["sh", "-c", &format!("echo restarted >> {}", self.path("restarts").display())]),
        };
        Packages::new(&self.path("state"), tools)
    }

    /// What a program of the package would read.
    fn installed(&self) -> String {
        std::fs::read_to_string(self.path("root/usr/share/cccd/version")).unwrap_or_default()
    }
}

fn target(file: &Path, version: &str) -> Target {
    let bytes = std::fs::read(file).expect("file");
    let package = Package {
        name: "cccd-agent".to_owned(),
        version: version.to_owned(),
        architecture: "all".to_owned(),
        file: events::hash(&bytes).to_string(),
    };
    Target { rollout: "r".to_owned(), version: version.to_owned(), hash: set_hash([&package].into_iter()) }
}

#[test]
fn a_package_is_installed_started_kept_and_taken_back() {
    let debian = Debian::new();
    let engine = debian.engine();
    let (first, second) = (debian.package("0.1.0", false), debian.package("0.2.0", false));
    let (one, two) = (target(&first, "0.1.0"), target(&second, "0.2.0"));
    assert_eq!(engine.running().expect("asked"), None, "nobody knows what came from the factory");
    engine.install(&one, &[first.clone()], &|_, _| {}).expect("installed");
    assert_eq!(engine.running().expect("asked"), None, "it was not started");
    engine.restart().expect("restarted");
    assert_eq!(engine.running().expect("asked").as_ref(), Some(&one.hash));

    engine.install(&two, &[second.clone()], &|_, _| {}).expect("installed");
    assert_eq!((debian.installed().as_str(), engine.running().expect("asked")), ("0.2.0", None), "not started yet");
    engine.keep_running().expect("left");
    assert_eq!((debian.installed().as_str(), engine.running().expect("asked").as_ref()), ("0.1.0", Some(&one.hash)));

    // Installed twice, as after a cut between dpkg and the record: the way back is still the first.
    engine.install(&two, &[second.clone()], &|_, _| {}).expect("installed");
    engine.install(&two, &[second], &|_, _| {}).expect("installed once more");
    engine.restart().expect("restarted");
    engine.affirm().expect("kept");
    assert_eq!(engine.running().expect("asked").as_ref(), Some(&two.hash));
    engine.reject().expect("taken back");
    engine.restart().expect("restarted");
    assert_eq!((debian.installed().as_str(), engine.running().expect("asked").as_ref()), ("0.1.0", Some(&one.hash)));
    assert_eq!(std::fs::read_to_string(debian.path("restarts")).expect("restarts").lines().count(), 3);

    // Somebody installs by hand.
    let by_hand = debian.package("0.3.0", false);
    let root = format!("--root={}", debian.path("root").display());
    assert!(Command::new("dpkg").arg(root).arg("--install").arg(by_hand).output().expect("dpkg").status.success());
    assert_eq!(engine.running().expect("asked"), None);
}

#[test]
fn without_a_way_back_nothing_is_touched_and_what_dpkg_refuses_is_undone() {
    let debian = Debian::new();
    let engine = debian.engine();
    let (first, second) = (debian.package("0.1.0", false), debian.package("0.2.0", false));
    let root = format!("--root={}", debian.path("root").display());
    assert!(Command::new("dpkg").arg(root).arg("--install").arg(&first).output().expect("dpkg").status.success());
    let refused = engine.install(&target(&second, "0.2.0"), &[second], &|_, _| {}).expect_err("no way back");
    assert!(matches!(&refused, EngineError::NoWayBack(what) if what == "cccd-agent 0.1.0"), "{refused}");
    assert_eq!(debian.installed(), "0.1.0");
    assert_eq!(engine.keep(&first).expect("kept"), ("cccd-agent".to_owned(), "0.1.0".to_owned()));

    let broken = debian.package("0.4.0", true);
    let refused = engine.install(&target(&broken, "0.4.0"), &[broken], &|_, _| {}).expect_err("dpkg refuses");
    assert!(matches!(&refused, EngineError::Install(why) if why.contains("dpkg")), "{refused}");
    assert_eq!(debian.installed(), "0.1.0", "what ran is installed again");
    assert!(engine.install(&target(&first, "0.1.0"), &[debian.path("restarts")], &|_, _| {}).is_err(), "no package");
}
