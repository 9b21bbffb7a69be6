//! Debian packages: `cccd-agent`, `cccd-provisioning`, `cccd-central`.
//!
//! Trees are laid out here and packed by dpkg-deb; what libraries they depend on is what dpkg-shlibdeps finds. Manual pages and
//! completions are written by the programs themselves.

use crate::{cargo, root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package: its program, what it is, further dependencies, and files of `deploy/` with the directory that they go to.
struct Package {
    name: &'static str,
    program: &'static str,
    about: &'static str,
    depends: &'static str,
    files: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
const PACKAGES: [Package; 3] = [
    Package {
        name: "cccd-agent",
        program: "cccd-agent",
        about: "reads and verifies the Vietnamese citizen card at a kiosk or desk",
        // Without polkitd pcscd lets nobody in but root.
        depends: "pcscd, polkitd, systemd",
        files: &[
            ("systemd/cccd-desk.service", "usr/lib/systemd/system"),
            ("systemd/cccd-kiosk.service", "usr/lib/systemd/system"),
            ("sysusers/cccd-agent.conf", "usr/lib/sysusers.d"),
            ("60-cccd-kiosk.rules", "usr/lib/udev/rules.d"),
            ("polkit/60-cccd-agent.rules", "usr/share/polkit-1/rules.d"),
        ],
    },
    Package {
        name: "cccd-provisioning",
        program: "provision",
        about: "enrols and updates devices, signs bundles, lists and notices",
        depends: "systemd",
        files: &[("systemd/cccd-update.service", "usr/lib/systemd/system")],
    },
    Package {
        name: "cccd-central",
        program: "cccd-central",
        about: "the endpoint that citizen card devices sync to",
        depends: "systemd",
        files: &[
            ("systemd/cccd-central.service", "usr/lib/systemd/system"),
            ("sysusers/cccd-central.conf", "usr/lib/sysusers.d"),
        ],
    },
];

fn put(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    fs::create_dir_all(to.parent().context("a directory")?)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Makes the packages; where they are.
pub(crate) fn make(profile: &str) -> anyhow::Result<Vec<PathBuf>> {
    crate::doctor::install(crate::doctor::Purpose::Demo)?;
    crate::doctor::need_program("dpkg-shlibdeps", "dpkg-dev")?;
    let release: &[&str] = if profile == "release" { &["--release"] } else { &[] };
    for name in ["cccd-agent", "provisioning", "cccd-central"] {
        // One after the other: central must not be linked with what the agent alone needs.
        run(cargo().args(["build", "--locked", "--package", name, "--bins"]).args(release))?;
    }
    make_version(profile, env!("CARGO_PKG_VERSION"))
}

fn make_version(profile: &str, version: &str) -> anyhow::Result<Vec<PathBuf>> {
    let out = target().join("deb");
    fs::create_dir_all(&out)?;
    let architecture = said(Command::new("dpkg").arg("--print-architecture"))?;
    let lists = crate::sbom::write()?;
    let mut made = Vec::new();
    for package in &PACKAGES {
        let tree = out.join(package.name);
        drop(fs::remove_dir_all(&tree));
        let binary = target().join(profile).join(package.program);
        let installed = tree.join("usr/bin").join(package.program);
        put(&binary, &installed, 0o755)?;
        // A debug program in a package serves the check of the package only, and need not be large.
        run(Command::new("strip").arg(&installed))?;
        pages(package, &binary, &tree)?;
        for (file, place) in package.files {
            let name = Path::new(file).file_name().context("a file")?;
            put(&root().join("deploy").join(file), &tree.join(place).join(name), 0o644)?;
        }
        let scripts = root().join("deploy/debian");
        for script in ["postinst", "prerm", "postrm"] {
            let from = scripts.join(format!("{}.{script}", package.name));
            if from.exists() {
                put(&from, &tree.join("DEBIAN").join(script), 0o755)?;
            }
        }
        fs::create_dir_all(tree.join("DEBIAN"))?;
        for (_, list) in lists.iter().filter(|(name, _)| *name == package.name) {
            put(list, &tree.join("usr/share/doc").join(package.name).join("sbom.cdx.json"), 0o644)?;
        }
        fs::write(tree.join("DEBIAN/control"), control(package, version, &architecture, &out, &installed)?)?;
        let deb = out.join(format!("{}_{version}_{architecture}.deb", package.name));
        run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&deb))?;
        made.push(deb);
    }
    Ok(made)
}

/// Manual pages and completions, where Debian looks for them.
fn pages(package: &Package, binary: &Path, tree: &Path) -> anyhow::Result<()> {
    let written = tree.with_extension("pages");
    drop(fs::remove_dir_all(&written));
    run(Command::new(binary).arg("pages").arg(&written))?;
    for page in fs::read_dir(written.join("man"))? {
        let page = page?.path();
        run(Command::new("gzip").args(["-9", "-n", "-f"]).arg(&page))?;
        let name = format!("{}.gz", page.file_name().unwrap_or_default().to_string_lossy());
        put(&page.with_file_name(&name), &tree.join("usr/share/man/man1").join(&name), 0o644)?;
    }
    let program = package.program;
    for (from, to) in [
        (format!("bash/{program}.bash"), format!("usr/share/bash-completion/completions/{program}")),
        (format!("fish/{program}.fish"), format!("usr/share/fish/vendor_completions.d/{program}.fish")),
        (format!("zsh/_{program}"), format!("usr/share/zsh/vendor-completions/_{program}")),
    ] {
        put(&written.join("completions").join(from), &tree.join(to), 0o644)?;
    }
    Ok(())
}

fn control(package: &Package, version: &str, architecture: &str, out: &Path, program: &Path) -> anyhow::Result<String> {
    // dpkg-shlibdeps wants to stand beside a source's control file.
    fs::create_dir_all(out.join("debian"))?;
    fs::write(out.join("debian/control"), "Source: cccd-edge\n\nPackage: cccd\nArchitecture: any\n")?;
    let found = said(Command::new("dpkg-shlibdeps").arg("-O").arg(program).current_dir(out))?;
    let found = found.strip_prefix("shlibs:Depends=").unwrap_or_default();
    let depends = [found, package.depends].into_iter().filter(|list| !list.is_empty()).collect::<Vec<_>>().join(", ");
    let Package { name, about, .. } = package;
    Ok(format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: cccd-edge <cccd-edge@localhost>\n\
         Section: admin\nPriority: optional\nDepends: {depends}\nDescription: {about}\n"
    ))
}

/// What the tree has besides the least: what a device has, and what the packages want.
const INCLUDE: &str = "systemd,systemd-sysv,udev,pcscd,libssl3,libnfc6,libtss2-esys-3.0.2-0";
/// What debootstrap cannot configure, and apt can.
const LATER: [&str; 2] = ["dbus", "polkitd"];

/// A tree of Debian 12 in a directory, and commands inside it.
struct Tree(PathBuf);

impl Tree {
    /// What debootstrap makes, once.
    fn base() -> anyhow::Result<PathBuf> {
        crate::doctor::need_program("debootstrap", "debootstrap")?;
        let base = target().join("debian-12");
        let (ready, include) = (base.join("ready"), format!("--include={INCLUDE}"));
        if fs::read_to_string(&ready).is_ok_and(|made_with| made_with == INCLUDE) {
            return Ok(base);
        }
        eprintln!("── a tree of Debian 12 (once)");
        drop(fs::remove_dir_all(&base));
        run(Command::new("debootstrap").args(["--variant=minbase", &include, "bookworm"]).arg(&base))?;
        let install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
        Self(base.clone()).inside(&[&install[..], &LATER].concat())?;
        fs::write(ready, INCLUDE)?;
        Ok(base)
    }

    /// A fresh copy of it.
    fn fresh() -> anyhow::Result<Self> {
        let (base, fresh) = (Self::base()?, target().join("debian-12-fresh"));
        drop(fs::remove_dir_all(&fresh));
        run(Command::new("cp").arg("-a").arg(&base).arg(&fresh))?;
        Ok(Self(fresh))
    }

    fn inside(&self, words: &[&str]) -> anyhow::Result<String> {
        said(Command::new("chroot").arg(&self.0).args(words).env("DEBIAN_FRONTEND", "noninteractive"))
    }

    fn install(&self, packages: &[PathBuf]) -> anyhow::Result<()> {
        let mut names =
            vec!["apt-get".to_owned(), "install".to_owned(), "--yes".to_owned(), "--no-install-recommends".to_owned()];
        for package in packages {
            let name = package.file_name().context("a file")?;
            put(package, &self.0.join("tmp").join(name), 0o644)?;
            names.push(format!("/tmp/{}", name.to_string_lossy()));
        }
        let words: Vec<&str> = names.iter().map(String::as_str).collect();
        self.inside(&words).map(drop)
    }

    fn expect(&self, there: bool, paths: &[&str]) -> anyhow::Result<()> {
        for path in paths {
            let exists = self.0.join(path).symlink_metadata().is_ok();
            anyhow::ensure!(exists == there, "{path} is {}there", if exists { "" } else { "not " });
        }
        Ok(())
    }
}

/// Fetches what the check needs: the tree, and the tool that lists what a package is made of.
pub(crate) fn ready() -> anyhow::Result<()> {
    anyhow::ensure!(crate::doctor::is_root(), "a tree of Debian is made and entered by root only");
    crate::doctor::need_program("dpkg-shlibdeps", "dpkg-dev")?;
    Tree::base()?;
    crate::sbom::tool().map(drop)
}

/// Installs, upgrades, removes and purges the packages in a fresh tree of Debian 12.
pub(crate) fn check() -> anyhow::Result<()> {
    crate::doctor::install(crate::doctor::Purpose::Test)?;
    make("debug")?;
    // It brings cards and their issuer.
    run(cargo().args(["build", "--locked", "--package", "virtual-card", "--bins"]))?;
    let first = make_version("debug", "0.0.9")?;
    let second = make_version("debug", env!("CARGO_PKG_VERSION"))?;
    let tree = Tree::fresh()?;
    eprintln!("── install");
    tree.install(&first)?;
    tree.expect(true, &["usr/bin/cccd-agent", "usr/lib/systemd/system/cccd-kiosk.service", "etc/cccd-agent"])?;
    for words in [["cccd-agent", "--version"], ["provision", "--version"], ["cccd-central", "--version"]] {
        println!("{}", tree.inside(&words)?);
    }
    println!("{}", tree.inside(&["cccd-agent", "demo"])?.lines().last().unwrap_or_default());
    let owner = tree.inside(&["stat", "-c", "%U:%G %a", "/etc/cccd-agent", "/var/lib/cccd-agent"])?;
    anyhow::ensure!(owner == "cccd-agent:cccd 700\ncccd-agent:cccd 700", "owners: {owner}");
    tree.inside(&["sh", "-c", "echo kept > /etc/cccd-agent/agent.toml; echo kept > /var/lib/cccd-agent/outbox.db"])?;
    tree.inside(&["sh", "-c", "echo kept > /var/lib/cccd-central/central.db"])?;
    tree.expect(true, &["usr/share/doc/cccd-agent/sbom.cdx.json", "usr/lib/systemd/system/cccd-update.service"])?;
    let status = tree.inside(&["provision", "update", "status"])?;
    anyhow::ensure!(status.contains("idle"), "{status}");
    eprintln!("── upgrade");
    tree.install(&second)?;
    let version = tree.inside(&["dpkg-query", "-W", "-f", "${Version}", "cccd-agent"])?;
    anyhow::ensure!(version == env!("CARGO_PKG_VERSION"), "{version} is installed");
    tree.expect(true, &["etc/cccd-agent/agent.toml", "var/lib/cccd-agent/outbox.db"])?;
    crate::boot::check(&tree.0)?;
    eprintln!("── remove, and purge");
    let names = ["cccd-agent", "cccd-provisioning", "cccd-central"];
    tree.inside(&[&["dpkg", "--remove"], &names[..]].concat())?;
    tree.expect(true, &["etc/cccd-agent/agent.toml", "var/lib/cccd-agent/outbox.db"])?;
    tree.expect(false, &["usr/bin/cccd-agent"])?;
    tree.inside(&[&["dpkg", "--purge"], &names[..]].concat())?;
    tree.expect(false, &["etc/cccd-agent", "var/lib/cccd-agent", "etc/cccd-central"])?;
    tree.expect(true, &["var/lib/cccd-central/central.db"])?;
    fs::remove_dir_all(&tree.0)?;
    println!("installed, upgraded, removed and purged in a tree of Debian 12");
    Ok(())
}
