//! `cargo xtask bare 13|12`: the first minutes of a newcomer, in a tree of the least Debian.
//!
//! Debootstrap's minbase and certificates, nothing else; a clone of what is committed; then `./start demo --once`, which brings
//! compiler, Rust and the rest. Says how long it took, what disk, and what was installed. For root; the tree stays in the
//! target directory to be looked at, and is made anew each time.

use crate::{root, run, target};
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Enters a tree as a machine of its own would be: under another root, which commands that enter namespaces do not leave.
const ENTER: &str = r#"
set -e
mount --make-rprivate /
mount --bind "$0" "$0"
cd "$0"
mkdir -p old root/.cargo
if [ -d "$CARGO_REGISTRY" ]; then
    mkdir -p root/.cargo/registry
    mount --bind "$CARGO_REGISTRY" root/.cargo/registry
fi
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
pivot_root . old
umount --lazy /old
cd /root/cccd-edge
exec ./start demo --once
"#;

/// Releases that everything is to work on: number and name, the latest first.
pub(crate) const RELEASES: [(&str, &str); 2] = [("13", "trixie"), ("12", "bookworm")];

/// Makes the tree, and goes through it.
pub(crate) fn check(release: &str) -> anyhow::Result<()> {
    let Some((_, name)) = RELEASES.into_iter().find(|(number, _)| *number == release) else {
        bail!("usage: cargo xtask bare 13 | 12");
    };
    anyhow::ensure!(crate::doctor::is_root(), "a tree of Debian is made and entered by root only");
    crate::doctor::need_program("debootstrap", "debootstrap")?;
    let tree = target().join(format!("bare-{release}"));
    drop(fs::remove_dir_all(&tree));
    run(Command::new("debootstrap").args(["--variant=minbase", "--include=ca-certificates", name]).arg(&tree))?;
    // As an installation of its own has them.
    let sources = format!(
        "deb http://deb.debian.org/debian {name} main\ndeb http://deb.debian.org/debian-security {name}-security main\n"
    );
    fs::write(tree.join("etc/apt/sources.list"), sources)?;
    fs::copy("/etc/resolv.conf", tree.join("etc/resolv.conf"))?;
    run(Command::new("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(root()).arg(tree.join("root/cccd-edge")))?;
    let (packages, size, start) = (installed(&tree)?, kilobytes(&tree)?, now());
    let mut enter = Command::new("unshare");
    // Crates that this machine has fetched already are not fetched again; nothing else of it is seen.
    enter
        .env_clear()
        .env("HOME", "/root")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("CARGO_REGISTRY", registry());
    run(enter.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER]).arg(&tree))?;
    let new: Vec<_> = installed(&tree)?.difference(&packages).cloned().collect();
    let built = kilobytes(&tree.join("root/cccd-edge/target"))?;
    println!(
        "Debian {release}: `./start demo --once` took {} s and {} MB, {} MB of them below target; {} packages came:\n{}",
        start.elapsed().as_secs(),
        (kilobytes(&tree)? - size) / 1000,
        built / 1000,
        new.len(),
        new.join(" ")
    );
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "how long it took is shown, and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

fn registry() -> std::path::PathBuf {
    let home = std::env::var_os("HOME").map_or_else(|| "/root".into(), std::path::PathBuf::from);
    std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), Into::into).join("registry")
}

fn installed(tree: &Path) -> anyhow::Result<BTreeSet<String>> {
    let admin = format!("--admindir={}", tree.join("var/lib/dpkg").display());
    let list = Command::new("dpkg-query").args([&admin, "-W", "-f", "${Package}\n"]).output()?;
    anyhow::ensure!(list.status.success(), "dpkg-query cannot read {admin}");
    Ok(String::from_utf8(list.stdout)?.lines().map(str::to_owned).collect())
}

fn kilobytes(directory: &Path) -> anyhow::Result<u64> {
    let said = Command::new("du").args(["-sxk"]).arg(directory).output()?;
    let said = String::from_utf8(said.stdout)?;
    said.split_whitespace().next().and_then(|number| number.parse().ok()).context("du says no size")
}
