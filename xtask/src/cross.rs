//! `cargo xtask cross`: builds for the boards' processors, and runs the tests of what was built.
//!
//! Two ways. With the `cross` tool and a container engine, the tool is pointed at `cross.toml`. Without one, Debian's own
//! packages do: its cross compiler for C, its Rust compiler with the standard library of the other processor, and a tree of the
//! device's libraries that apt fills from its own lists, so that the machine's package manager never hears of a foreign
//! architecture (libnfc's could not stand beside the machine's own). qemu-user runs the tests in that tree.

use crate::{cargo, has, root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A processor: what cargo, Debian, GNU and qemu call it.
struct Processor {
    word: &'static str,
    triple: &'static str,
    debian: &'static str,
    gnu: &'static str,
    qemu: &'static str,
    compiler: &'static str,
}

const PROCESSORS: [Processor; 2] = [
    Processor {
        word: "aarch64",
        triple: "aarch64-unknown-linux-gnu",
        debian: "arm64",
        gnu: "aarch64-linux-gnu",
        qemu: "qemu-aarch64-static",
        compiler: "gcc-aarch64-linux-gnu",
    },
    Processor {
        word: "armv7",
        triple: "armv7-unknown-linux-gnueabihf",
        debian: "armhf",
        gnu: "arm-linux-gnueabihf",
        qemu: "qemu-arm-static",
        compiler: "gcc-arm-linux-gnueabihf",
    },
];

/// What programs of the device are linked with, and what the tests under qemu start.
const LIBRARIES: [&str; 5] = ["libc6-dev", "libssl-dev", "libpcsclite-dev", "libnfc-dev", "libtss2-dev"];

/// Crates whose own tests run under qemu: what a device runs. The rigs of `hil-tests` need the machine's own services.
const TESTED: [&str; 9] =
    ["emrtd", "events", "fleet", "cccd", "virtual-card", "kiosk-ui", "identity", "update", "drivers"];

/// Tests of theirs that qemu-user cannot run: their peer is a program or module of this machine's own processor, or they
/// watch a program fail to start, which under qemu starts first.
const NOT_HERE: [&str; 3] =
    ["pkcs11::", "gpio::guard::tests::a_guard_that_cannot_start_says_so", "what_cannot_speak_says_so_next_time"];

/// The tests of the crates that a device runs, on its processor; where Debian's packages for it cannot be had, that is said.
pub(crate) fn test() -> anyhow::Result<()> {
    if let Err(error) = Tree::of(&PROCESSORS[0]) {
        eprintln!("── SKIPPED: tests on aarch64, for want of its compiler or libraries: {error:#}");
        return Ok(());
    }
    cross(&["aarch64", "test"])
}

/// `cargo xtask cross [aarch64|armv7] [build|test|packages]`.
pub(crate) fn cross(words: &[&str]) -> anyhow::Result<()> {
    let (word, task) = match *words {
        [] => ("aarch64", "build"),
        [word] => (word, "build"),
        [word, task] => (word, task),
        _ => bail!("usage: cargo xtask cross [aarch64 | armv7] [build | test]"),
    };
    let processor =
        PROCESSORS.iter().find(|p| p.word == word).with_context(|| format!("{word} is no processor here"))?;
    let release = ["build", "--release", "--locked", "--package", "cccd-agent", "--package", "provisioning", "--bins"];
    let tests = TESTED.iter().flat_map(|name| ["--package", name]);
    let skip = NOT_HERE.iter().flat_map(|name| ["--skip", name]);
    let tests: Vec<&str> =
        ["test", "--locked", "--quiet", "--lib"].into_iter().chain(tests).chain(["--"]).chain(skip).collect();
    let arguments = match task {
        "build" => &release[..],
        "test" => &tests,
        _ => bail!("{task}: build or test"),
    };
    if has("cross") && engine() {
        return run(Command::new("cross")
            .current_dir(root())
            .env("CROSS_CONFIG", root().join("cross.toml"))
            .env("CARGO_BUILD_TARGET", processor.triple)
            .args(arguments));
    }
    let tree = Tree::of(processor)?;
    eprintln!("── {task} for {word}{}", if task == "test" { ", under qemu-user" } else { "" });
    run(tree.cargo(processor).env("CARGO_BUILD_TARGET", processor.triple).args(arguments))?;
    if task == "build" {
        for program in ["cccd-agent", "provision"] {
            let binary = tree.output.join(processor.triple).join("release").join(program);
            // A program that does not start on its own processor was not built.
            run(Command::new(processor.qemu).arg("-L").arg(&tree.libraries).arg(&binary).arg("--version"))?;
            println!("{}", binary.display());
        }
    }
    Ok(())
}

/// A container engine that answers, which `cross` needs.
fn engine() -> bool {
    ["docker", "podman"].iter().any(|name| {
        let quiet = |command: &mut Command| {
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status()
        };
        has(name) && quiet(Command::new(name).arg("info")).is_ok_and(|status| status.success())
    })
}

/// What stands under `target/cross/PROCESSOR`.
struct Tree {
    /// The device's C library and the libraries above it.
    libraries: PathBuf,
    /// What Debian's Rust compiler takes for its own root: the standard libraries of both processors.
    rust: PathBuf,
    /// Where cargo builds: the compilers differ, and so must the directories.
    output: PathBuf,
}

impl Tree {
    fn of(processor: &Processor) -> anyhow::Result<Self> {
        for (file, package) in [
            (format!("/usr/bin/{}-gcc", processor.gnu), processor.compiler),
            (format!("/usr/bin/{}", processor.qemu), "qemu-user-static"),
            ("/usr/lib/rustlib/x86_64-unknown-linux-gnu".to_owned(), "rustc-web"),
        ] {
            crate::doctor::need_file(Path::new(&file), package)?;
        }
        let place = target().join("cross").join(processor.word);
        let tree = Self { libraries: place.join("tree"), rust: place.join("rust"), output: place.join("target") };
        let version = standard_library()?;
        let ready = place.join("ready");
        if fs::read_to_string(&ready).is_ok_and(|made_for| made_for == version) {
            return Ok(tree);
        }
        eprintln!("── fetching Debian's libraries for {} into {}", processor.debian, place.display());
        for directory in [&tree.libraries, &tree.rust] {
            drop(fs::remove_dir_all(directory));
            fs::create_dir_all(directory)?;
        }
        fill(processor, &place, &tree.libraries)?;
        tree.standard_libraries(processor, &place, &version)?;
        fs::write(ready, version)?;
        Ok(tree)
    }

    /// The standard library of the other processor, of the very version of the machine's compiler.
    fn standard_libraries(&self, processor: &Processor, place: &Path, version: &str) -> anyhow::Result<()> {
        let name = format!("libstd-rust-web-dev_{version}_{}.deb", processor.debian);
        let url =
            format!("http://deb.debian.org/debian-security/pool/updates/main/r/rustc-web/{}", name.replace('+', "%2b"));
        let deb = place.join("libstd.deb");
        run(Command::new("curl").args(["-sSf", "--max-time", "300", "-o"]).arg(&deb).arg(url))?;
        let unpacked = place.join("libstd");
        drop(fs::remove_dir_all(&unpacked));
        run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&unpacked))?;
        let into = self.rust.join("lib/rustlib");
        fs::create_dir_all(&into)?;
        fs::rename(unpacked.join("usr/lib/rustlib").join(processor.triple), into.join(processor.triple))?;
        let host = "x86_64-unknown-linux-gnu";
        std::os::unix::fs::symlink(Path::new("/usr/lib/rustlib").join(host), into.join(host))?;
        fs::remove_file(deb)?;
        fs::remove_dir_all(unpacked)?;
        let wrapper = place.join("rustc");
        fs::write(&wrapper, format!("#!/bin/sh\nexec /usr/bin/rustc --sysroot {} \"$@\"\n", self.rust.display()))?;
        Ok(fs::set_permissions(wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755))?)
    }

    /// Cargo with the other processor's compiler, linker, libraries and runner.
    fn cargo(&self, processor: &Processor) -> Command {
        let (triple, gnu) = (processor.triple.replace('-', "_"), processor.gnu);
        let tree = self.libraries.display();
        let mut command = cargo();
        let pkg_config = format!("{tree}/usr/lib/{gnu}/pkgconfig:{tree}/usr/share/pkgconfig");
        let cargo_target = format!("CARGO_TARGET_{}", triple.to_uppercase());
        command
            .env("RUSTC", self.rust.with_file_name("rustc"))
            .env("CARGO_TARGET_DIR", &self.output)
            .env(format!("{cargo_target}_LINKER"), format!("{gnu}-gcc"))
            .env(format!("{cargo_target}_RUSTFLAGS"), format!("-Clink-arg=--sysroot={tree}"))
            .env(format!("{cargo_target}_RUNNER"), format!("{} -L {tree}", processor.qemu))
            .env(format!("CC_{triple}"), format!("{gnu}-gcc"))
            .env(format!("CFLAGS_{triple}"), format!("--sysroot={tree}"))
            .env(format!("BINDGEN_EXTRA_CLANG_ARGS_{triple}"), format!("--sysroot={tree} --target={gnu}"))
            .env("PKG_CONFIG_ALLOW_CROSS", "1")
            .env(format!("PKG_CONFIG_SYSROOT_DIR_{triple}"), &self.libraries)
            .env(format!("PKG_CONFIG_LIBDIR_{triple}"), pkg_config)
            // A machine of two cores has no use for what makes the second build quick and the disk full.
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_PROFILE_TEST_DEBUG", "0")
            .env_remove("RUSTUP_TOOLCHAIN");
        command
    }
}

/// The version of the machine's standard library, which the other processor's must have.
fn standard_library() -> anyhow::Result<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", "libstd-rust-web-dev"]).output()?;
    anyhow::ensure!(output.status.success(), "libstd-rust-web-dev is not installed");
    Ok(String::from_utf8(output.stdout)?)
}

/// Libraries of Debian 12 for a processor, unpacked and not installed, found through lists of their own.
fn fill(processor: &Processor, place: &Path, tree: &Path) -> anyhow::Result<()> {
    let apt = place.join("apt");
    drop(fs::remove_dir_all(&apt));
    for directory in ["lists/partial", "archives/partial", "etc"] {
        fs::create_dir_all(apt.join(directory))?;
    }
    fs::write(apt.join("status"), "")?;
    let signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
    fs::write(apt.join("sources.list"), format!("deb {signed} http://deb.debian.org/debian bookworm main\n"))?;
    let option = |key: &str, value: &dyn std::fmt::Display| format!("-o{key}={value}");
    let options = [
        option("APT::Architecture", &processor.debian),
        option("APT::Architectures", &processor.debian),
        option("Dir::Etc::SourceList", &apt.join("sources.list").display()),
        option("Dir::Etc::SourceParts", &apt.join("etc").display()),
        option("Dir::Etc::PreferencesParts", &apt.join("etc").display()),
        option("Dir::State::Lists", &apt.join("lists").display()),
        option("Dir::State::Status", &apt.join("status").display()),
        option("Dir::Cache", &apt.display()),
        option("Debug::NoLocking", &"1"),
        option("APT::Sandbox::User", &"root"),
        option("APT::Install-Recommends", &"0"),
    ];
    run(Command::new("apt-get").args(&options).args(["-qq", "update"]))?;
    run(Command::new("apt-get")
        .args(&options)
        .args(["-qq", "--yes", "--download-only", "install"])
        .args(LIBRARIES)
        .stdout(std::process::Stdio::null()))?;
    // Debian's merged layout: some packages still name /lib.
    fs::create_dir_all(tree.join("usr/lib"))?;
    std::os::unix::fs::symlink("usr/lib", tree.join("lib"))?;
    for deb in fs::read_dir(apt.join("archives"))?.flatten().map(|entry| entry.path()) {
        if deb.extension().is_some_and(|kind| kind == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(tree))?;
        }
    }
    Ok(fs::remove_dir_all(apt)?)
}
