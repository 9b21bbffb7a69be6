//! Debian packages: `cccd-agent`, `cccd-provisioning`, `cccd-central`, for this machine's processor or a board's.
//!
//! Trees are laid out here and packed by dpkg-deb; what libraries they depend on is what dpkg-shlibdeps finds. Manual pages and
//! completions are written by the programs themselves.

use crate::cross::Platform;
use crate::{copyright, root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package: its program and crate, what it is in a line and in more, what apt brings along, files of `deploy/` with the
/// directory that they go to, and the pages of `docs/` beside it.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    program: &'static str,
    pub(crate) krate: &'static str,
    /// Crates and their programs that come along.
    also: &'static [(&'static str, &'static str)],
    about: &'static str,
    more: &'static str,
    depends: &'static str,
    recommends: &'static str,
    files: &'static [(&'static str, &'static str)],
    docs: &'static [&'static str],
}

#[rustfmt::skip]
pub(crate) const PACKAGES: [Package; 3] = [
    Package {
        name: "cccd-agent",
        program: "cccd-agent",
        krate: "cccd-agent",
        also: &[],
        about: "reads and verifies the Vietnamese citizen card at a kiosk or desk",
        more: "The chip is opened, its data and the chip itself are checked, and the verdict\n \
               becomes one signed event. A kiosk with a screen of its own, a desk for staff,\n \
               and an interface for other software on the same machine.",
        // Without polkitd pcscd lets nobody in but root.
        depends: "pcscd, polkitd, systemd",
        // A voice, sound, and the names of cameras.
        recommends: "alsa-utils, espeak-ng, v4l-utils",
        files: &[
            ("systemd/cccd-desk.service", "usr/lib/systemd/system"),
            ("systemd/cccd-kiosk.service", "usr/lib/systemd/system"),
            ("systemd/cccd-fault.service", "usr/lib/systemd/system"),
            ("sysusers/cccd-agent.conf", "usr/lib/sysusers.d"),
            ("60-cccd-kiosk.rules", "usr/lib/udev/rules.d"),
            ("polkit/60-cccd-agent.rules", "usr/share/polkit-1/rules.d"),
            // The layout that is built in, to be changed where the portal changes its template.
            ("../handoff/data/lodging.toml", "usr/share/doc/cccd-agent/examples"),
        ],
        docs: &[
            "audit.md", "cli.md", "configuration.md", "desk-in-ten-minutes.md", "errors.md", "hardening.md", "hardware.md", "kiosk-from-the-box.md",
            "kiosk.md", "local-api.md", "lodging.md", "models.md", "people.md", "profiles.md", "provisioning.md", "updates.md", "verdict.md",
            "examples/desk.toml", "examples/gate.toml", "examples/kiosk.toml",
        ],
    },
    Package {
        name: "cccd-provisioning",
        program: "provision",
        krate: "provisioning",
        also: &[],
        about: "enrols and updates devices, signs bundles, lists and notices",
        more: "The technician's tool at a device and the operator's tool at a desk: lets a\n \
               device in, signs what devices take, and follows the fleet.",
        depends: "systemd",
        recommends: "",
        files: &[
            ("systemd/cccd-update.service", "usr/lib/systemd/system"),
            ("systemd/cccd-update-dpkg.service", "usr/lib/systemd/system"),
        ],
        docs: &["cli.md", "errors.md", "kiosk.md", "provisioning.md", "updates.md"],
    },
    Package {
        name: "cccd-central",
        program: "cccd-central",
        krate: "cccd-central",
        also: &[("tlog", "verify-log")],
        about: "endpoint that citizen card devices sync to",
        more: "Takes signed events, keeps them unchanged, and says who belongs to the fleet.\n \
               After the installation: cccd-central init.",
        depends: "systemd",
        recommends: "",
        files: &[
            ("systemd/cccd-central.service", "usr/lib/systemd/system"),
            ("systemd/cccd-central-signer.service", "usr/lib/systemd/system"),
            ("sysusers/cccd-central.conf", "usr/lib/sysusers.d"),
            ("central/nginx.conf", "usr/share/doc/cccd-central/examples"),
        ],
        docs: &["audit.md", "central-on-a-server.md", "cli.md", "errors.md", "provisioning.md", "updates.md", "verdict.md"],
    },
];

/// Their names.
const NAMES: [&str; 3] = [PACKAGES[0].name, PACKAGES[1].name, PACKAGES[2].name];

/// Who answers for the packages.
const MAINTAINER: &str = "cccd-edge <cccd-edge@localhost>";

pub(crate) fn put(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    fs::create_dir_all(to.parent().context("a directory")?)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

pub(crate) fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// `cargo xtask deb [--debug] [--arch ARCH]`.
pub(crate) fn command(profile: &str, architecture: Option<&str>) -> anyhow::Result<()> {
    let platform = architecture.map_or_else(Platform::own, Platform::of)?;
    make(profile, &platform)?.iter().for_each(|deb| println!("{}", deb.display()));
    Ok(())
}

/// Makes the packages; where they are.
pub(crate) fn make(profile: &str, platform: &Platform) -> anyhow::Result<Vec<PathBuf>> {
    crate::doctor::install(crate::doctor::Purpose::Build)?;
    let release: &[&str] = if profile == "release" { &["--release"] } else { &[] };
    for package in &PACKAGES {
        // One after the other: central must not be linked with what the agent alone needs.
        let features: &[&str] = if package.krate == "cccd-agent" { &crate::ALL } else { &[] };
        run(platform
            .cargo()
            .args(["build", "--locked", "--package", package.krate, "--bins"])
            .args(features)
            .args(release))?;
        for (krate, _) in package.also {
            run(platform.cargo().args(["build", "--locked", "--package", krate, "--bins"]).args(release))?;
        }
    }
    make_version(profile, platform, env!("CARGO_PKG_VERSION"))
}

fn make_version(profile: &str, platform: &Platform, version: &str) -> anyhow::Result<Vec<PathBuf>> {
    crate::doctor::need_program("dpkg-shlibdeps", "dpkg-dev")?;
    let out = target().join("deb");
    let lists = crate::sbom::write()?;
    let mut made = Vec::new();
    for package in &PACKAGES {
        let tree = out.join(&platform.debian).join(package.name);
        drop(fs::remove_dir_all(&tree));
        let binary = platform.programs(profile).join(package.program);
        let installed = tree.join("usr/bin").join(package.program);
        put(&binary, &installed, 0o755)?;
        // A debug program in a package serves the check of the package only, and need not be large.
        run(platform.strip().arg(&installed))?;
        for (_, program) in package.also {
            let installed = tree.join("usr/bin").join(program);
            put(&platform.programs(profile).join(program), &installed, 0o755)?;
            run(platform.strip().arg(&installed))?;
        }
        pages(package, platform, &binary, &tree)?;
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
        documents(package, platform, version, &tree)?;
        for (_, list) in lists.iter().filter(|(name, _)| *name == package.name) {
            put(list, &tree.join("usr/share/doc").join(package.name).join("sbom.cdx.json"), 0o644)?;
        }
        let depends = depends(package, platform, &out, &installed)?;
        fs::create_dir_all(tree.join("DEBIAN"))?;
        let size = installed_size(&tree)?;
        fs::write(tree.join("DEBIAN/control"), control(package, version, &platform.debian, &depends, size))?;
        fs::write(tree.join("DEBIAN/md5sums"), sums(&tree)?)?;
        let wrong = faults(package, &tree)?;
        anyhow::ensure!(wrong.is_empty(), "{}: {}", package.name, wrong.join("; "));
        let deb = out.join(format!("{}_{version}_{}.deb", package.name, platform.debian));
        run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&deb))?;
        made.push(deb);
    }
    Ok(made)
}

/// Copyright, licences, changes, and pages.
fn documents(package: &Package, platform: &Platform, version: &str, tree: &Path) -> anyhow::Result<()> {
    let place = tree.join("usr/share/doc").join(package.name);
    fs::create_dir_all(&place)?;
    let overrides = tree.join("usr/share/lintian/overrides").join(package.name);
    fs::create_dir_all(overrides.parent().context("a directory")?)?;
    fs::write(overrides, exceptions(package.name, tree.join("DEBIAN/postinst").exists()))?;
    let crates = copyright::crates(package.krate, &platform.triple)?;
    for (name, text) in [
        ("copyright", copyright::dep5(package.name, &crates)),
        ("licences", copyright::licences(&copyright::own()?, &crates)),
        ("CHANGELOG.md", crate::changes::whole()?),
        ("changelog", changelog(package.name, version, &said(&mut committed())?)),
    ] {
        fs::write(place.join(name), text)?;
        if name != "copyright" {
            run(Command::new("gzip").args(["-9", "-n", "-f"]).arg(place.join(name)))?;
        }
    }
    for page in package.docs {
        put(&root().join("docs").join(page), &place.join(page), 0o644)?;
    }
    Ok(())
}

/// When the last change was made, as Debian's changelogs have it.
fn committed() -> Command {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%aD"]).current_dir(root());
    git
}

/// What Debian's tools read; the changes themselves are in the Markdown beside it.
fn changelog(name: &str, version: &str, date: &str) -> String {
    format!(
        "{name} ({version}) unstable; urgency=medium\n\n  * CHANGELOG.md.gz, beside this file.\n\n -- {MAINTAINER}  {date}\n"
    )
}

/// What lintian finds, and why it stays so.
fn exceptions(name: &str, has_scripts: bool) -> String {
    let mut text = format!(
        "# There is no address for mail: who hands the packages out is told by the signature of the release.\n{name}: bogus-mail-host *\n"
    );
    if has_scripts {
        text += &format!(
            "# No debhelper: the updater restarts what runs by itself, when nobody is served.\n{name}: maintainer-script-calls-systemctl *\n"
        );
    }
    text
}

/// Files and directories below a directory, but what is for dpkg itself.
fn contents(tree: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let mut open = vec![tree.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path == tree.join("DEBIAN") {
                continue;
            }
            if path.is_dir() {
                open.push(path.clone());
            }
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// Kilobytes on the disk, as Debian's own tools count: each file rounded up, one for whatever is no file.
fn installed_size(tree: &Path) -> anyhow::Result<u64> {
    let size = |path: &PathBuf| {
        let about = path.symlink_metadata()?;
        Ok(if about.is_file() { about.len().div_ceil(1024) } else { 1 })
    };
    contents(tree)?.iter().map(size).sum()
}

/// By which a file that was changed is found.
fn sums(tree: &Path) -> anyhow::Result<String> {
    let mut names = Vec::new();
    for path in contents(tree)?.iter().filter(|path| path.is_file()) {
        names.push(path.strip_prefix(tree)?.to_owned());
    }
    Ok(said(Command::new("md5sum").args(names).current_dir(tree))? + "\n")
}

/// What Debian's policy would find wrong.
fn faults(package: &Package, tree: &Path) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let doc = format!("usr/share/doc/{}", package.name);
    for wanted in [
        format!("{doc}/copyright"),
        format!("{doc}/changelog.gz"),
        format!("{doc}/CHANGELOG.md.gz"),
        format!("{doc}/sbom.cdx.json"),
        format!("usr/share/man/man1/{}.1.gz", package.program),
        "DEBIAN/md5sums".to_owned(),
    ] {
        if !tree.join(&wanted).is_file() {
            wrong.push(format!("{wanted} is missing"));
        }
    }
    for path in contents(tree)? {
        let (about, shown) = (path.symlink_metadata()?, path.strip_prefix(tree)?.display().to_string());
        let mode = about.permissions().mode() & 0o7777;
        let is_program = shown.starts_with("usr/bin/");
        if about.is_dir() {
            if fs::read_dir(&path)?.next().is_none() {
                wrong.push(format!("{shown} is empty"));
            }
        } else if mode != if is_program { 0o755 } else { 0o644 } {
            wrong.push(format!("{shown} has mode {mode:o}"));
        }
        if shown != "usr" && !shown.starts_with("usr/") {
            wrong.push(format!("{shown} is outside /usr"));
        }
    }
    let control = fs::read_to_string(tree.join("DEBIAN/control"))?;
    for field in ["Package", "Version", "Architecture", "Maintainer", "Installed-Size", "Depends", "Description"] {
        let value = control.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
        if value.is_none_or(|value| value.is_empty() || value.contains("${")) {
            wrong.push(format!("control has no {field}"));
        }
    }
    let synopsis = control.lines().find_map(|line| line.strip_prefix("Description: ")).unwrap_or_default();
    if synopsis.len() > 80 || synopsis.ends_with('.') {
        wrong.push("the description's first line is no synopsis".to_owned());
    }
    if control.split("Description: ").nth(1).is_none_or(|rest| rest.lines().count() < 2) {
        wrong.push("the description has one line only".to_owned());
    }
    for script in ["postinst", "prerm", "postrm"].map(|script| tree.join("DEBIAN").join(script)) {
        if script.exists() && !fs::read_to_string(&script)?.starts_with("#!/bin/sh\nset -e\n") {
            wrong.push(format!("{} goes on after an error", script.display()));
        }
    }
    Ok(wrong)
}

/// Manual pages and completions, where Debian looks for them.
fn pages(package: &Package, platform: &Platform, binary: &Path, tree: &Path) -> anyhow::Result<()> {
    let written = tree.with_extension("pages");
    drop(fs::remove_dir_all(&written));
    run(platform.start(binary).arg("pages").arg(&written))?;
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

/// What the program is linked with, and what else it needs.
fn depends(package: &Package, platform: &Platform, out: &Path, program: &Path) -> anyhow::Result<String> {
    // dpkg-shlibdeps wants a source package around it.
    fs::create_dir_all(out.join("debian"))?;
    fs::write(out.join("debian/control"), "Source: cccd-edge\n\nPackage: cccd\nArchitecture: any\n")?;
    let found = said(platform.shlibdeps().arg("-O").arg(program).current_dir(out))?;
    let found = found.strip_prefix("shlibs:Depends=").context("dpkg-shlibdeps found nothing")?;
    Ok(format!("{found}, {}", package.depends))
}

fn control(package: &Package, version: &str, architecture: &str, depends: &str, size: u64) -> String {
    let Package { name, about, more, recommends, .. } = package;
    let recommends = if recommends.is_empty() { String::new() } else { format!("Recommends: {recommends}\n") };
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\nInstalled-Size: {size}\n\
         Section: admin\nPriority: optional\nDepends: {depends}\n{recommends}Description: {about}\n {more}\n"
    )
}

/// What debootstrap puts into the tree besides the least.
const INCLUDE: &str = "systemd,systemd-sysv,udev";
/// What a device has, and what the packages want: names that a release may have given to another package, which apt knows
/// and debootstrap does not.
const LATER: [&str; 6] = ["dbus", "polkitd", "pcscd", "libssl3", "libnfc6", "libtss2-esys-3.0.2-0"];

/// Starts a desk in a shell until it has served its page.
const DESK: &str = r"
TIMEFORMAT='processor %U s, %S s'
time {
    cccd-agent desk --config /etc/cccd-agent/agent.toml &
    desk=$!
    for n in $(seq 240); do (exec 3<>/dev/tcp/127.0.0.1/8480) 2>/dev/null && break; sleep 0.5; done
    exec 3<>/dev/tcp/127.0.0.1/8480
    printf 'GET / HTTP/1.0\r\nHost: 127.0.0.1:8480\r\n\r\n' >&3
    head -1 <&3
    kill $desk
    wait $desk || true
}";

/// A tree of Debian in a directory, and commands inside it.
struct Tree(PathBuf);

/// Where debootstrap makes the one of this machine's processor.
pub(crate) fn base() -> PathBuf {
    target().join("debian")
}

/// Where it makes the one of a board's, or of another release.
pub(crate) fn board(debian: &str) -> PathBuf {
    target().join(format!("debian-{debian}"))
}

impl Tree {
    /// What debootstrap makes, once.
    fn base(platform: &Platform, release: Option<&str>) -> anyhow::Result<PathBuf> {
        crate::doctor::need_program("debootstrap", "debootstrap")?;
        let own = crate::doctor::release()?;
        let release = release.unwrap_or(&own);
        let base = match (platform.is_own(), release == own) {
            (true, true) => base(),
            (true, false) => board(release),
            (false, _) => board(&platform.debian),
        };
        let (ready, include) = (base.join("ready"), format!("--include={INCLUDE}"));
        let recipe = format!("{release} {INCLUDE} {}", LATER.join(","));
        if fs::read_to_string(&ready).is_ok_and(|made_with| made_with == recipe) {
            return Ok(base);
        }
        eprintln!("── a tree of Debian, {release}, {} (once)", platform.debian);
        drop(fs::remove_dir_all(&base));
        let architecture = format!("--arch={}", platform.debian);
        run(Command::new("debootstrap").args(["--variant=minbase", &architecture, &include, release]).arg(&base))?;
        let install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
        Self(base.clone()).inside(&[&install[..], &LATER].concat())?;
        fs::write(ready, recipe)?;
        Ok(base)
    }

    /// A fresh copy of it.
    fn fresh(platform: &Platform, release: Option<&str>) -> anyhow::Result<Self> {
        let (base, fresh) = (Self::base(platform, release)?, target().join("debian-fresh"));
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

    /// Installs them, and starts each program.
    fn install_and_start(&self, packages: &[PathBuf]) -> anyhow::Result<()> {
        eprintln!("── install");
        self.install(packages)?;
        self.expect(true, &["usr/bin/cccd-agent", "usr/lib/systemd/system/cccd-kiosk.service", "etc/cccd-agent"])?;
        for words in [["cccd-agent", "--version"], ["provision", "--version"], ["cccd-central", "--version"]] {
            println!("{}", self.inside(&words)?);
        }
        println!("{}", self.inside(&["cccd-agent", "demo"])?.lines().last().unwrap_or_default());
        let owner = self.inside(&["stat", "-c", "%U:%G %a", "/etc/cccd-agent", "/var/lib/cccd-agent"])?;
        anyhow::ensure!(owner == "cccd-agent:cccd 700\ncccd-agent:cccd 700", "owners: {owner}");
        let unlike = self.inside(&[&["dpkg", "--verify"], &NAMES[..]].concat())?;
        anyhow::ensure!(unlike.is_empty(), "not as it was packed:\n{unlike}");
        Ok(())
    }

    /// Sets a desk up as its page says, and asks it for its page: what the other processor's programs do with keys, database and
    /// network. What the doctor says of the same device; processor time until it was up, and down again.
    fn desk_answers(&self) -> anyhow::Result<String> {
        eprintln!("── a desk, as docs/desk-in-ten-minutes.md has it");
        let path = "docs/desk-in-ten-minutes.md";
        let page = manual::Page::new(path, &fs::read_to_string(root().join(path))?);
        // Packages are there, and systemd is not.
        let is_here = |script: &str| !script.contains("apt ") && !script.contains("systemctl ");
        let steps: Vec<String> =
            manual::steps::of(&page).into_iter().map(|step| step.script).filter(|script| is_here(script)).collect();
        let doctor = steps.last().context("no steps")?;
        anyhow::ensure!(steps.len() == 4 && doctor.contains(" doctor "), "{path} has other steps");
        let script = format!(
            "set -e\ncd /root\n{}\n{DESK}\nset +e\n{doctor}\necho \"doctor $?\"\n",
            steps[..steps.len() - 1].join("\n")
        );
        put(&root().join("Cargo.toml"), &self.0.join("tmp/desk.sh"), 0o644)?;
        fs::write(self.0.join("tmp/desk.sh"), script)?;
        // A network of its own: the machine may have a desk at the same port.
        let net = "ip link set lo up && exec chroot \"$0\" /bin/bash /tmp/desk.sh 2>&1";
        let said = said(Command::new("unshare").args(["--net", "sh", "-c", net]).arg(&self.0))?;
        anyhow::ensure!(said.contains("HTTP/1.0 200 OK") || said.contains("HTTP/1.1 200 OK"), "no page:\n{said}");
        // No pcscd and no reader is there, and it says so.
        anyhow::ensure!(said.contains("\ndoctor 70"), "the doctor:\n{said}");
        anyhow::ensure!(said.contains("no_reader") || said.contains("pcsc"), "the doctor:\n{said}");
        let time = said.lines().find_map(|line| line.strip_prefix("processor ")).context("no time")?;
        fs::remove_dir_all(self.0.join("root/ca"))?;
        Ok(format!("`cccd-agent desk`, processor time of start, first page and end, emulated (user, system): {time}"))
    }

    /// Without a running udev: the package's script asks a `udevadm` that writes down what it is asked.
    fn what_was_there_is_triggered(&self) -> anyhow::Result<()> {
        let script = "mkdir -p /run/systemd/system /tmp/said && cd /tmp/said && \
            printf '#!/bin/sh\\necho \"$@\" >> /tmp/said/words\\n' > udevadm && printf '#!/bin/sh\\n' > systemctl && chmod +x * && \
            PATH=/tmp/said:$PATH /var/lib/dpkg/info/cccd-agent.postinst configure > /dev/null && cat words && \
            rm -r /run/systemd/system /tmp/said";
        let words = self.inside(&["sh", "-c", script])?;
        let mut calls = words.lines();
        let (reload, trigger) = (calls.next().unwrap_or_default(), calls.next().unwrap_or_default());
        anyhow::ensure!(reload == "control --reload" && trigger.starts_with("trigger "), "udevadm: {words}");
        let rules = fs::read_to_string(root().join("deploy/60-cccd-kiosk.rules"))?;
        for rule in rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let subsystem = rule.split('"').nth(1).context("a subsystem")?;
            let wanted = format!("--subsystem-match={subsystem}");
            anyhow::ensure!(trigger.split(' ').any(|word| word == wanted), "{rule}: udevadm {trigger}");
        }
        Ok(())
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
    Tree::base(&Platform::own()?, None)?;
    crate::sbom::TOOL.fetch().map(drop)
}

/// Installs, upgrades, removes and purges the packages in a fresh tree of Debian: of the machine's own release, or of another. They
/// fit later ones than that which they were made on.
pub(crate) fn check(release: Option<&str>) -> anyhow::Result<()> {
    crate::doctor::install(crate::doctor::Purpose::Test)?;
    let own = Platform::own()?;
    // Of the programs that the tests ran: to link each package for itself, as a release does, is a second build of all that
    // they share. It brings cards and their issuer, too.
    crate::build(&crate::ALL)?;
    let second = make_version("debug", &own, env!("CARGO_PKG_VERSION"))?;
    let first = make_version("debug", &own, "0.0.9")?;
    let tree = Tree::fresh(&own, release)?;
    tree.install_and_start(&first)?;
    tree.what_was_there_is_triggered()?;
    tree.inside(&["sh", "-c", "echo kept > /etc/cccd-agent/agent.toml; echo kept > /var/lib/cccd-agent/outbox.db"])?;
    tree.inside(&["sh", "-c", "echo kept > /var/lib/cccd-central/central.db"])?;
    tree.expect(true, &["usr/share/doc/cccd-agent/examples/kiosk.toml", "usr/lib/systemd/system/cccd-update.service"])?;
    let status = tree.inside(&["provision", "update", "status"])?;
    anyhow::ensure!(status.contains("idle"), "{status}");
    eprintln!("── upgrade");
    tree.install(&second)?;
    let version = tree.inside(&["dpkg-query", "-W", "-f", "${Version}", "cccd-agent"])?;
    anyhow::ensure!(version == env!("CARGO_PKG_VERSION"), "{version} is installed");
    tree.expect(true, &["etc/cccd-agent/agent.toml", "var/lib/cccd-agent/outbox.db"])?;
    eprintln!("── remove, and purge");
    tree.inside(&[&["dpkg", "--remove"], &NAMES[..]].concat())?;
    tree.expect(true, &["etc/cccd-agent/agent.toml", "var/lib/cccd-agent/outbox.db"])?;
    tree.expect(false, &["usr/bin/cccd-agent"])?;
    tree.inside(&[&["dpkg", "--purge"], &NAMES[..]].concat())?;
    tree.expect(false, &["etc/cccd-agent", "var/lib/cccd-agent", "etc/cccd-central"])?;
    tree.expect(true, &["var/lib/cccd-central/central.db"])?;
    // The tree has all that the packages depend on, and none of them: as a box that the pages begin with, without a network.
    crate::boot::check(&tree.0, &second)?;
    fs::remove_dir_all(&tree.0)?;
    let own = crate::doctor::release()?;
    println!("installed, upgraded, removed and purged in a tree of Debian, {}", release.unwrap_or(&own));
    Ok(())
}

/// Installs, starts, removes and purges the packages of a board in a tree of its processor, which qemu-user runs. Nothing is
/// booted: units and pages are the same files on every processor.
pub(crate) fn check_board(profile: &str, architecture: &str) -> anyhow::Result<()> {
    let platform = Platform::of(architecture)?;
    if platform.is_own() {
        return check(None);
    }
    anyhow::ensure!(crate::doctor::is_root(), "a tree of Debian is made and entered by root only");
    let packages = make(profile, &platform)?;
    let emulated = platform.emulated()?;
    let tree = Tree::fresh(&platform, None)?;
    tree.install_and_start(&packages)?;
    let start = tree.desk_answers()?;
    eprintln!("── remove, and purge");
    tree.inside(&[&["dpkg", "--purge"], &NAMES[..]].concat())?;
    tree.expect(false, &["usr/bin/cccd-agent", "etc/cccd-agent", "var/lib/cccd-agent", "etc/cccd-central"])?;
    // Rows of the table in docs/packages.md.
    let profile = if profile == "release" { "optimised" } else { "debug" };
    for package in &packages {
        let fields = ["--show", "--showformat=| `${Package}` | ${Architecture} | "];
        let name = said(Command::new("dpkg-deb").args(fields).arg(package))?;
        let installed = said(Command::new("dpkg-deb").args(["--field"]).arg(package).arg("Installed-Size"))?;
        println!("{name} {profile} | {} kB | {installed} kB |", fs::metadata(package)?.len().div_ceil(1024));
    }
    println!("{start}");
    fs::remove_dir_all(&tree.0)?;
    drop(emulated);
    println!("installed, started and purged in a tree of Debian, {}, {architecture}", crate::doctor::release()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_file_has_what_apt_shows() {
        let text = control(&PACKAGES[0], "0.1.0", "arm64", "libc6 (>= 2.36), pcscd", 51_234);
        assert!(text.contains("\nArchitecture: arm64\n") && text.contains("\nInstalled-Size: 51234\n"), "{text}");
        assert!(text.contains(
            "\nDepends: libc6 (>= 2.36), pcscd\nRecommends: alsa-utils, espeak-ng, v4l-utils\nDescription: "
        ));
        assert!(!control(&PACKAGES[2], "0.1.0", "arm64", "libc6", 1).contains("Recommends"));
        for package in &PACKAGES {
            let text = control(package, "0.1.0", "arm64", "libc6", 1);
            // Long lines wrap badly where apt shows them; a blank begins each that goes on.
            for line in text.split("Description: ").nth(1).unwrap_or_default().lines().skip(1) {
                assert!(line.starts_with(' ') && !line.starts_with("  ") && line.len() <= 81, "{line:?}");
            }
        }
    }

    #[test]
    fn what_policy_forbids_is_found() {
        let directory = tempfile::tempdir().expect("directory");
        let (tree, package) = (directory.path(), &PACKAGES[2]);
        let file = |path: &str, mode: u32| {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("directory");
            fs::write(&path, vec![b'x'; 1025]).expect("file");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        };
        for path in ["copyright", "changelog.gz", "CHANGELOG.md.gz", "sbom.cdx.json"] {
            file(&format!("usr/share/doc/cccd-central/{path}"), 0o644);
        }
        file("usr/share/man/man1/cccd-central.1.gz", 0o644);
        file("usr/bin/cccd-central", 0o755);
        fs::create_dir_all(tree.join("DEBIAN")).expect("directory");
        fs::write(tree.join("DEBIAN/control"), control(package, "1", "amd64", "libc6", 1)).expect("control");
        fs::write(tree.join("DEBIAN/md5sums"), sums(tree).expect("sums")).expect("file");
        assert_eq!(faults(package, tree).expect("looked at"), Vec::<String>::new());
        // Six files of two kilobytes, seven directories; what is for dpkg itself is not installed.
        assert_eq!(installed_size(tree).expect("size"), 19);
        let said = changelog("cccd-central", "1", "Sun, 29 Nov 2026 18:00:00 +0000");
        assert!(said.starts_with("cccd-central (1) unstable; urgency=medium\n\n  * ") && said.ends_with(":00 +0000\n"));

        fs::remove_file(tree.join("usr/share/doc/cccd-central/copyright")).expect("removed");
        file("usr/bin/cccd-central", 0o4755);
        file("opt/thing", 0o644);
        fs::create_dir_all(tree.join("usr/share/empty")).expect("directory");
        fs::write(tree.join("DEBIAN/control"), "Package: x\nDepends: ${shlibs:Depends}\nDescription: A thing.\n")
            .expect("control");
        fs::write(tree.join("DEBIAN/postinst"), "#!/bin/sh\nfalse\n").expect("script");
        let found = faults(package, tree).expect("looked at").join("\n");
        for wanted in [
            "cccd-central/copyright is missing",
            "usr/bin/cccd-central has mode 4755",
            "opt/thing is outside /usr",
            "usr/share/empty is empty",
            "control has no Installed-Size",
            "control has no Depends",
            "no synopsis",
            "one line only",
            "goes on after an error",
        ] {
            assert!(found.contains(wanted), "{wanted}: {found}");
        }
    }

    /// Text between quotes in a source, where it names a document.
    fn named(source: &str, prefix: &str) -> Vec<String> {
        let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | ',' | ';' | ':' | ')' | '\\');
        lines
            .flat_map(|line| line.split(prefix).skip(1).map(|rest| rest.split(ends).next().unwrap_or_default()))
            .map(|name| name.trim_end_matches('.').to_owned())
            .collect()
    }

    fn sources(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(directory).expect("directory") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).expect("source")));
            }
        }
    }

    /// What a program tells people to read must be where it tells them, on the machine where it runs.
    #[test]
    fn every_document_that_a_program_names_is_installed() {
        let installed: Vec<String> = PACKAGES
            .iter()
            .flat_map(|package| {
                let files = package.files.iter().filter(|(_, place)| place.starts_with("usr/share/doc/"));
                let files = files.map(|(file, place)| (*place, file.rsplit('/').next().unwrap_or_default()));
                let files = files.map(|(place, name)| format!("{}/{name}", place.trim_start_matches("usr/share/doc/")));
                let docs = package.docs.iter().map(|page| format!("{}/{page}", package.name));
                docs.chain(files).collect::<Vec<_>>()
            })
            .collect();
        let crates = [
            "agent",
            "visit",
            "config",
            "reading",
            "devices",
            "store",
            "handoff",
            "site",
            "kiosk",
            "desk",
            "drivers",
            "provisioning",
            "central",
            "identity",
            "update",
            "program",
            "fleet",
            "cccd",
            "kiosk-ui",
            "verdict",
        ];
        let mut found = Vec::new();
        crates.iter().for_each(|name| sources(&root().join(name).join("src"), &mut found));
        let mut count = 0;
        for (path, source) in found {
            let shipped = source.split("#[cfg(test)]").next().unwrap_or_default();
            for name in named(shipped, "/usr/share/doc/") {
                // A stage's name stands for each of them.
                let names = match name.split_once("{table}") {
                    Some((before, after)) => ["kiosk", "desk"].map(|table| format!("{before}{table}{after}")).to_vec(),
                    None => vec![name],
                };
                for name in names {
                    count += 1;
                    assert!(installed.contains(&name), "{}: no package installs {name}", path.display());
                }
            }
            // What is built in is no word to anybody.
            let is_said = |line: &&str| !line.trim_start().starts_with("//") && !line.contains("include_str!(");
            for line in shipped.lines().filter(is_said) {
                let inside = line.replace("/usr/share/doc/", "");
                assert!(!inside.contains("docs/"), "{}: not on a device: {line}", path.display());
            }
        }
        assert!(count > 20, "only {count} were found");
    }

    #[test]
    fn every_page_and_file_of_a_package_is_there() {
        for package in &PACKAGES {
            for page in package.docs {
                assert!(root().join("docs").join(page).is_file(), "{page}");
            }
            for (file, _) in package.files {
                assert!(root().join("deploy").join(file).is_file(), "{file}");
            }
        }
    }
}
