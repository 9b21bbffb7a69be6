//! `cargo xtask release`: what is handed out, in `target/release-VERSION`: the packages of each processor, an archive for
//! evaluation, what each package is made of, one list of SHA-256, and a signature over it.
//!
//! The signature is OpenSSH's (`ssh-keygen -Y`): the tool is on every Debian, the key may be on a token or in an agent, and
//! `git` signs in the same way. The key is named and never made here.

use crate::cross::Platform;
use crate::deb::{PACKAGES, said};
use crate::{copyright, deb, root, run, target};
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the signature is for: one over anything else is none over this.
const NAMESPACE: &str = "cccd-edge-release";
const SUMS: &str = "SHA256SUMS";
/// Processors that a release has besides this machine's.
const BOARDS: [&str; 2] = ["arm64", "armhf"];

/// The C library belongs to the system that starts the program, and so does all that must fit it.
const OF_THE_SYSTEM: [&str; 8] =
    ["linux-vdso", "ld-linux", "libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libresolv.so"];

/// Makes all of it, for these processors or for every one.
pub(crate) fn make(key: &Path, profile: &str, architectures: &[String]) -> anyhow::Result<()> {
    anyhow::ensure!(key.is_file(), "{} is no file", key.display());
    crate::doctor::need_program("ssh-keygen", "openssh-client")?;
    let own = Platform::own()?;
    let mut architectures: Vec<&str> = architectures.iter().map(String::as_str).collect();
    if architectures.is_empty() {
        architectures = [own.debian.as_str()].into_iter().chain(BOARDS).collect();
    }
    let out = target().join(format!("release-{}", env!("CARGO_PKG_VERSION")));
    drop(fs::remove_dir_all(&out));
    fs::create_dir_all(&out)?;
    for architecture in &architectures {
        let platform = Platform::of(architecture)?;
        for package in deb::make(profile, &platform)? {
            fs::copy(&package, out.join(package.file_name().context("a file")?))?;
        }
        if platform.is_own() {
            demo(profile, &platform, &out)?;
        }
    }
    for (package, list) in crate::sbom::write()? {
        fs::copy(list, out.join(format!("{package}_{}.sbom.cdx.json", env!("CARGO_PKG_VERSION"))))?;
    }
    sign(&out, key)?;
    println!("{}", out.display());
    Ok(())
}

/// Lists every file with its SHA-256, signs the list, and looks whether the signature is good.
fn sign(out: &Path, key: &Path) -> anyhow::Result<()> {
    let mut names: Vec<_> = fs::read_dir(out)?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    fs::write(out.join(SUMS), said(Command::new("sha256sum").args(&names).current_dir(out))? + "\n")?;
    run(Command::new("ssh-keygen").args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key).arg(out.join(SUMS)))?;
    // A key in an agent is named by its public half.
    let beside = PathBuf::from(format!("{}.pub", key.display()));
    let public = match fs::read_to_string(&beside) {
        Ok(public) => public,
        Err(_) => said(Command::new("ssh-keygen").arg("-y").arg("-f").arg(key))?,
    };
    let allowed = out.with_extension("allowed");
    fs::write(&allowed, format!("release namespaces=\"{NAMESPACE}\" {public}\n"))?;
    let mut verify = Command::new("ssh-keygen");
    verify.args(["-Y", "verify", "-n", NAMESPACE, "-I", "release", "-f"]).arg(&allowed);
    verify.arg("-s").arg(out.join(format!("{SUMS}.sig"))).stdin(Stdio::from(fs::File::open(out.join(SUMS))?));
    println!("{}", said(&mut verify)?);
    Ok(())
}

/// An archive with the agent, the libraries that it is linked with and a script that starts it: nothing is installed.
fn demo(profile: &str, platform: &Platform, out: &Path) -> anyhow::Result<()> {
    let name = format!("cccd-demo-{}-{}", env!("CARGO_PKG_VERSION"), platform.debian);
    let tree = target().join("demo").join(&name);
    drop(fs::remove_dir_all(&tree));
    let program = tree.join("bin/cccd-agent");
    deb::put(&platform.programs(profile).join("cccd-agent"), &program, 0o755)?;
    run(platform.strip().arg(&program))?;
    // Anchors of the virtual cards' issuer, by which they are genuine.
    let release: &[&str] = if profile == "release" { &["--release"] } else { &[] };
    run(platform.cargo().args(["build", "--locked", "--package", "virtual-card", "--bins"]).args(release))?;
    said(Command::new(platform.programs(profile).join("cccd-card")).args(["trust", "--out"]).arg(tree.join("trust")))?;
    let mut linked = said(Command::new("objdump").arg("-T").arg(&program))?;
    let mut owners = BTreeSet::new();
    for library in libraries(&said(Command::new("ldd").arg(&program))?)? {
        let to = tree.join("lib").join(library.file_name().context("a file")?);
        deb::put(&library, &to, 0o644)?;
        linked += &said(Command::new("objdump").arg("-T").arg(&to))?;
        // The packages' own lists name /lib or /usr/lib, whichever they were made with.
        let real = fs::canonicalize(&library)?;
        let end: PathBuf = real.components().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
        let owner = said(Command::new("dpkg").arg("-S").arg(Path::new("*").join(end)))?;
        owners.insert(owner.split(':').next().unwrap_or_default().to_owned());
    }
    for owner in owners {
        let from = Path::new("/usr/share/doc").join(&owner).join("copyright");
        deb::put(&from, &tree.join("doc").join(format!("{owner}.copyright")), 0o644)?;
    }
    let crates = copyright::crates(PACKAGES[0].krate, &platform.triple)?;
    fs::write(tree.join("doc/licences"), copyright::licences(&copyright::own()?, &crates))?;
    let (major, minor) = newest_glibc(&linked).context("the program names no version of glibc")?;
    let archive = format!("{name}.tar.gz");
    let readme = fs::read_to_string(root().join("deploy/demo/README.md"))?
        .replace("@ARCHIVE@", &archive)
        .replace("@DIRECTORY@", &name)
        .replace("@ARCHITECTURE@", &platform.debian)
        .replace("@GLIBC@", &format!("{major}.{minor}"));
    fs::write(tree.join("README.md"), readme)?;
    deb::put(&root().join("deploy/demo/run"), &tree.join("run"), 0o755)?;
    run(Command::new("tar")
        .args(["--create", "--gzip", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--file"])
        .arg(out.join(&archive))
        .arg("--directory")
        .arg(target().join("demo"))
        .arg(&name))?;
    try_out(&out.join(archive), &name)
}

/// Unpacks the archive elsewhere, looks whether it takes its libraries from there, and runs it.
fn try_out(archive: &Path, name: &str) -> anyhow::Result<()> {
    let place = target().join("demo/tried");
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(&place)?;
    run(Command::new("tar").arg("--extract").arg("--file").arg(archive).arg("--directory").arg(&place))?;
    let start = || {
        let mut command = Command::new(place.join(name).join("run"));
        command.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
        command
    };
    let inside = fs::canonicalize(place.join(name))?;
    let loaded = said(start().env("LD_TRACE_LOADED_OBJECTS", "1").env("LD_LIBRARY_PATH", inside.join("lib")))?;
    if let Some(foreign) = libraries(&loaded)?.into_iter().find(|library| !library.starts_with(&inside)) {
        bail!("the archive lacks {}", foreign.display());
    }
    let said = said(&mut start())?;
    println!("{name}: {}", said.lines().last().unwrap_or_default());
    Ok(())
}

/// The libraries that `ldd` names, but those of the system.
fn libraries(ldd: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in ldd.lines().map(str::trim) {
        let file = line.split([' ', '/']).next().unwrap_or_default();
        if file.is_empty() || OF_THE_SYSTEM.iter().any(|name| file.starts_with(name)) {
            continue;
        }
        let place = line.split_once(" => ").and_then(|(_, rest)| rest.split(" (").next());
        let place = place.with_context(|| format!("ldd: {line}"))?;
        anyhow::ensure!(place.starts_with('/'), "ldd: {line}");
        found.push(PathBuf::from(place));
    }
    Ok(found)
}

/// The newest version of the C library that symbols ask for.
fn newest_glibc(symbols: &str) -> Option<(u32, u32)> {
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let version = rest.split([')', ' ', '\n']).next()?;
        let mut numbers = version.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_the_system_stay_there_and_what_is_not_found_is_said() {
        let ldd = "\tlinux-vdso.so.1 (0x1)\n\tlibpcsclite.so.1 => /lib/a/libpcsclite.so.1 (0x2)\n\tlibc.so.6 => /lib/a/libc.so.6 (0x3)\n\
                   \tlibcrypto.so.3 => /lib/a/libcrypto.so.3 (0x4)\n\t/lib64/ld-linux-x86-64.so.2 (0x5)\n";
        let found = libraries(ldd).expect("libraries");
        assert_eq!(found, ["/lib/a/libpcsclite.so.1", "/lib/a/libcrypto.so.3"].map(PathBuf::from));
        assert!(libraries("\tlibnfc.so.6 => not found\n").is_err());
    }

    #[test]
    fn versions_of_glibc_are_numbers() {
        let symbols = "0 DF *UND* 0 (GLIBC_2.9) a\n0 DF *UND* 0 (GLIBC_2.34) b\n0 DF *UND* 0 (GLIBC_2.2.5) c\n(GLIBC_PRIVATE) d\n";
        assert_eq!(newest_glibc(symbols), Some((2, 34)));
        assert_eq!(newest_glibc("nothing"), None);
    }

    #[test]
    fn a_changed_file_and_a_changed_list_are_found() {
        let directory = tempfile::tempdir().expect("directory");
        let (out, key) = (directory.path().join("out"), directory.path().join("key"));
        fs::create_dir(&out).expect("directory");
        fs::write(out.join("a.deb"), "a").expect("file");
        if !crate::has("ssh-keygen") {
            test_support::skipped("ssh-keygen is not here");
            return;
        }
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).expect("a key");
        sign(&out, &key).expect("signed");
        let list = fs::read_to_string(out.join(SUMS)).expect("list");
        assert!(list.lines().count() == 1 && list.ends_with("  a.deb\n"), "{list}");
        let check = || said(Command::new("sha256sum").args(["--check", "--quiet", SUMS]).current_dir(&out));
        check().expect("as it was");
        fs::write(out.join("a.deb"), "b").expect("file");
        check().expect_err("it was changed");
        fs::write(out.join(SUMS), list + " ").expect("list");
        let mut verify = Command::new("ssh-keygen");
        verify.args(["-Y", "verify", "-n", NAMESPACE, "-I", "release", "-f"]).arg(out.with_extension("allowed"));
        verify.arg("-s").arg(out.join(format!("{SUMS}.sig")));
        said(verify.stdin(fs::File::open(out.join(SUMS)).expect("list"))).expect_err("it was changed");
    }
}
