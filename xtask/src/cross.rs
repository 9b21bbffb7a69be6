//! `cargo xtask cross`: builds for the boards' processors, and runs the tests of what was built.
//!
//! Two ways. With the `cross` tool and a container engine, the tool is pointed at `cross.toml`. Without one, Debian's own
//! packages do: its cross compiler for C, its Rust compiler with the standard library of the other processor (where its
//! mirror has none of the compiler's version, rustup's), and a tree of the device's libraries that apt fills from its own
//! lists, so that the machine's package manager never hears of a foreign architecture (libnfc's could not stand beside the
//! machine's own). qemu-user runs the tests in that tree.

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
    /// Of an ELF file: 64 bits or 32, and the machine's number.
    elf: (u8, u8),
}

const PROCESSORS: [Processor; 2] = [
    Processor {
        word: "aarch64",
        triple: "aarch64-unknown-linux-gnu",
        debian: "arm64",
        gnu: "aarch64-linux-gnu",
        qemu: "qemu-aarch64-static",
        compiler: "gcc-aarch64-linux-gnu",
        elf: (2, 0xb7),
    },
    Processor {
        word: "armv7",
        triple: "armv7-unknown-linux-gnueabihf",
        debian: "armhf",
        gnu: "arm-linux-gnueabihf",
        qemu: "qemu-arm-static",
        compiler: "gcc-arm-linux-gnueabihf",
        elf: (1, 0x28),
    },
];

/// What programs of the device are linked with, and what the tests under qemu start.
const LIBRARIES: [&str; 5] = ["libc6-dev", "libssl-dev", "libpcsclite-dev", "libnfc-dev", "libtss2-dev"];

/// Crates whose own tests run under qemu: what a device runs. The rigs of `hil-tests` need the machine's own services.
const TESTED: [&str; 9] =
    ["emrtd", "events", "fleet", "cccd", "virtual-card", "kiosk-ui", "identity", "update", "drivers"];

/// Tests of theirs that qemu-user cannot run: their peer is a program or module of this machine's own processor, or they
/// watch a program fail to start, which under qemu starts first. The last one checks thousands of signatures and takes it minutes.
const NOT_HERE: [&str; 4] = [
    "pkcs11::",
    "gpio::guard::tests::a_guard_that_cannot_start_says_so",
    "what_cannot_speak_says_so_next_time",
    "request::tests::an_answer_is_for_one_request_of_one_device_by_this_fleet",
];

/// The tests of the crates that a device runs, on its processor; where Debian's packages for it cannot be had, that is said.
pub(crate) fn test(ledger: &mut crate::ledger::Ledger) -> anyhow::Result<()> {
    let part = "on aarch64";
    match command(&PROCESSORS[0], "test") {
        Ok(mut tests) => ledger.part(part, &mut tests, crate::ledger::by_cargo),
        Err(error) => ledger.skip(part, &error.context("its compiler or libraries cannot be had")),
    }
}

/// What programs are built for: this machine, or a processor whose compiler and libraries stand in a tree.
pub(crate) struct Platform {
    /// What Debian calls the processor.
    pub(crate) debian: String,
    /// What cargo calls it.
    pub(crate) triple: String,
    cross: Option<(&'static Processor, Tree)>,
}

impl Platform {
    /// This machine.
    pub(crate) fn own() -> anyhow::Result<Self> {
        let debian = crate::deb::said(Command::new("dpkg").arg("--print-architecture"))?;
        let about = crate::deb::said(Command::new("rustc").arg("-vV"))?;
        let triple = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        Ok(Self { debian, triple: triple.to_owned(), cross: None })
    }

    /// The one that Debian calls so; its compiler and libraries are fetched.
    pub(crate) fn of(debian: &str) -> anyhow::Result<Self> {
        let own = Self::own()?;
        if own.debian == debian {
            return Ok(own);
        }
        let processor = PROCESSORS.iter().find(|processor| processor.debian == debian);
        let processor = processor.with_context(|| {
            let known = PROCESSORS.map(|processor| processor.debian).join(", ");
            format!("{debian}: packages are made for {}, {known}", own.debian)
        })?;
        let tree = Tree::of(processor)?;
        Ok(Self { debian: debian.to_owned(), triple: processor.triple.to_owned(), cross: Some((processor, tree)) })
    }

    /// Whether its programs run here as they are.
    pub(crate) const fn is_own(&self) -> bool {
        self.cross.is_none()
    }

    pub(crate) fn cargo(&self) -> Command {
        self.cross.as_ref().map_or_else(cargo, |(processor, tree)| {
            let mut command = tree.cargo(processor);
            command.env("CARGO_BUILD_TARGET", processor.triple);
            command
        })
    }

    /// Where cargo leaves its programs.
    pub(crate) fn programs(&self, profile: &str) -> PathBuf {
        let above = self.cross.as_ref().map_or_else(target, |(processor, tree)| tree.output.join(processor.triple));
        above.join(profile)
    }

    /// Starts one of them.
    pub(crate) fn start(&self, program: &Path) -> Command {
        self.cross.as_ref().map_or_else(
            || Command::new(program),
            |(processor, tree)| {
                let mut command = Command::new(processor.qemu);
                command.arg("-L").arg(&tree.libraries).arg(program);
                command
            },
        )
    }

    /// Lets the kernel start its programs as if they were the machine's own, as long as what is returned lives: those of a tree
    /// start each other.
    pub(crate) fn emulated(&self) -> anyhow::Result<Option<Emulation>> {
        self.cross.as_ref().map_or(Ok(None), |(processor, _)| Emulation::of(processor))
    }

    pub(crate) fn strip(&self) -> Command {
        Command::new(
            self.cross.as_ref().map_or_else(|| "strip".to_owned(), |(processor, _)| format!("{}-strip", processor.gnu)),
        )
    }

    /// dpkg-shlibdeps, told where the libraries are and which packages they come from: those of the tree are not installed.
    pub(crate) fn shlibdeps(&self) -> Command {
        let mut command = Command::new("dpkg-shlibdeps");
        if let Some((processor, tree)) = &self.cross {
            command.env("DEB_HOST_ARCH", processor.debian).arg("-L").arg(tree.shlibs());
            for directory in
                [tree.libraries.join("usr/lib").join(processor.gnu), tree.libraries.join("lib").join(processor.gnu)]
            {
                command.arg("-l").arg(directory);
            }
        }
        command
    }
}

/// Where the kernel is told of programs of other machines.
const FOREIGN: &str = "/proc/sys/fs/binfmt_misc";

/// The kernel's rule for a processor's programs, which goes with it.
pub(crate) struct Emulation(PathBuf);

impl Emulation {
    /// `None` where the machine has such a rule already, as one with systemd and qemu-user has.
    fn of(processor: &Processor) -> anyhow::Result<Option<Self>> {
        let place = Path::new(FOREIGN);
        if !place.join("register").exists() {
            run(Command::new("mount").args(["-t", "binfmt_misc", "binfmt_misc"]).arg(place))?;
        }
        let (bits, machine) = processor.elf;
        if place.join(processor.qemu.trim_end_matches("-static")).exists() {
            return Ok(None);
        }
        let (name, qemu) = (format!("cccd-{}", processor.debian), processor.qemu);
        let head =
            format!(r"\x7fELF\x{bits:02x}\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x{machine:02x}\x00");
        let mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
        let own = place.join(&name);
        if !own.exists() {
            // F: qemu is opened now, and need not be in the tree.
            fs::write(place.join("register"), format!(":{name}:M::{head}:{mask}:/usr/bin/{qemu}:F"))
                .context("the kernel takes no rule for foreign programs")?;
        }
        Ok(Some(Self(own)))
    }
}

impl Drop for Emulation {
    fn drop(&mut self) {
        drop(fs::write(&self.0, "-1"));
    }
}

/// `cargo xtask cross [aarch64|armv7] [build|test]`.
pub(crate) fn cross(words: &[&str]) -> anyhow::Result<()> {
    let (word, task) = match *words {
        [] => ("aarch64", "build"),
        [word] => (word, "build"),
        [word, task] => (word, task),
        _ => bail!("usage: cargo xtask cross [aarch64 | armv7] [build | test]"),
    };
    let processor =
        PROCESSORS.iter().find(|p| p.word == word).with_context(|| format!("{word} is no processor here"))?;
    run(&mut command(processor, task)?)?;
    if task == "build" && !by_container() {
        let tree = Tree::of(processor)?;
        for program in ["cccd-agent", "provision"] {
            let binary = tree.output.join(processor.triple).join("release").join(program);
            // A program that does not start on its own processor was not built.
            run(Command::new(processor.qemu).arg("-L").arg(&tree.libraries).arg(&binary).arg("--version"))?;
            println!("{}", binary.display());
        }
    }
    Ok(())
}

/// Cargo, by the one way or the other.
fn command(processor: &Processor, task: &str) -> anyhow::Result<Command> {
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
    let mut command = if by_container() {
        let mut command = Command::new("cross");
        command.current_dir(root()).env("CROSS_CONFIG", root().join("cross.toml"));
        command
    } else {
        let tree = Tree::of(processor)?;
        eprintln!("── {task} for {}{}", processor.word, if task == "test" { ", under qemu-user" } else { "" });
        tree.cargo(processor)
    };
    command.env("CARGO_BUILD_TARGET", processor.triple).args(arguments);
    Ok(command)
}

/// The `cross` tool, where it can work.
fn by_container() -> bool {
    has("cross") && engine()
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
        ] {
            crate::doctor::need_file(Path::new(&file), package)?;
        }
        let place = target().join("cross").join(processor.word);
        let tree = Self { libraries: place.join("tree"), rust: place.join("rust"), output: place.join("target") };
        let ready = place.join("ready");
        let made_for = fs::read_to_string(&ready).ok();
        let is_here = |version: &anyhow::Result<String>| version.as_ref().ok() == made_for.as_ref();
        if made_for.is_some() && tree.shlibs().exists() && (is_here(&debians_rust()) || is_here(&rustups_rust())) {
            return Ok(tree);
        }
        eprintln!("── fetching Debian's libraries for {} into {}", processor.debian, place.display());
        for directory in [&tree.libraries, &tree.rust] {
            drop(fs::remove_dir_all(directory));
            fs::create_dir_all(directory)?;
        }
        let lists = Lists::of(processor, &place)?;
        lists.fill(&tree)?;
        let version = match tree.standard_libraries(processor, &place, &lists) {
            Err(error) if has("rustup") => {
                eprintln!("── Debian has no Rust for {} ({error:#}); rustup has", processor.debian);
                let mut add = Command::new("rustup");
                run(add.args(["target", "add", processor.triple]).env_remove("RUSTUP_TOOLCHAIN"))?;
                compiler(&place, "exec rustc \"$@\"")?;
                rustups_rust()?
            }
            version => version?,
        };
        fs::remove_dir_all(lists.place)?;
        fs::write(ready, version)?;
        Ok(tree)
    }

    /// Which package each library comes from, as the packages themselves say.
    fn shlibs(&self) -> PathBuf {
        self.libraries.with_file_name("shlibs")
    }

    /// The standard library of the other processor, of the very version of the machine's compiler; that version.
    fn standard_libraries(&self, processor: &Processor, place: &Path, lists: &Lists) -> anyhow::Result<String> {
        crate::doctor::need_file(Path::new("/var/lib/dpkg/info/rustc-web.list"), "rustc-web")?;
        let version = debians_rust()?;
        let deb = lists.download(&format!("libstd-rust-web-dev={version}"))?;
        let unpacked = place.join("libstd");
        drop(fs::remove_dir_all(&unpacked));
        run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&unpacked))?;
        let into = self.rust.join("lib/rustlib");
        fs::create_dir_all(&into)?;
        fs::rename(unpacked.join("usr/lib/rustlib").join(processor.triple), into.join(processor.triple))?;
        let host = "x86_64-unknown-linux-gnu";
        std::os::unix::fs::symlink(Path::new("/usr/lib/rustlib").join(host), into.join(host))?;
        fs::remove_dir_all(unpacked)?;
        compiler(place, &format!("exec /usr/bin/rustc --sysroot {} \"$@\"", self.rust.display()))?;
        Ok(version)
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

/// The compiler that cargo is given.
fn compiler(place: &Path, words: &str) -> anyhow::Result<()> {
    let wrapper = place.join("rustc");
    fs::write(&wrapper, format!("#!/bin/sh\n{words}\n"))?;
    Ok(fs::set_permissions(wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755))?)
}

/// The version of the standard library of Debian's compiler, which the other processor's must have.
fn debians_rust() -> anyhow::Result<String> {
    crate::deb::said(Command::new("dpkg-query").args(["-W", "-f", "${Version}", "libstd-rust-web-dev"]))
}

/// The version of rustup's compiler.
fn rustups_rust() -> anyhow::Result<String> {
    anyhow::ensure!(has("rustup"), "rustup is not here");
    crate::deb::said(Command::new("rustc").arg("--version").current_dir(root()).env_remove("RUSTUP_TOOLCHAIN"))
}

/// Lists of the packages of the machine's own release for a processor, apart from the machine's own.
struct Lists {
    place: PathBuf,
    options: Vec<String>,
}

impl Lists {
    fn of(processor: &Processor, place: &Path) -> anyhow::Result<Self> {
        let apt = place.join("apt");
        drop(fs::remove_dir_all(&apt));
        for directory in ["lists/partial", "archives/partial", "etc"] {
            fs::create_dir_all(apt.join(directory))?;
        }
        fs::write(apt.join("status"), "")?;
        let signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
        let release = crate::doctor::release()?;
        let mirror = format!("{signed} http://deb.debian.org");
        let sources =
            format!("deb {mirror}/debian {release} main\ndeb {mirror}/debian-security {release}-security main\n");
        fs::write(apt.join("sources.list"), sources)?;
        let option = |key: &str, value: &dyn std::fmt::Display| format!("-o{key}={value}");
        let options = vec![
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
        let lists = Self { place: apt, options };
        if run(lists.apt().arg("update")).is_err() {
            eprintln!("── some lists cannot be had; going on with the others");
        }
        Ok(lists)
    }

    fn apt(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.args(&self.options).arg("-qq").current_dir(&self.place);
        command
    }

    /// A package, not installed.
    fn download(&self, package: &str) -> anyhow::Result<PathBuf> {
        run(self.apt().args(["download", package]))?;
        let mut files = fs::read_dir(&self.place)?.flatten().map(|entry| entry.path());
        files.find(|path| path.extension().is_some_and(|kind| kind == "deb")).context("a package")
    }

    /// Unpacks the libraries, without installing them.
    fn fill(&self, into: &Tree) -> anyhow::Result<()> {
        let (apt, tree) = (&self.place, &into.libraries);
        run(self
            .apt()
            .args(["--yes", "--download-only", "install"])
            .args(LIBRARIES)
            .stdout(std::process::Stdio::null()))?;
        // Debian's merged layout: some packages still name /lib.
        fs::create_dir_all(tree.join("usr/lib"))?;
        std::os::unix::fs::symlink("usr/lib", tree.join("lib"))?;
        let mut shlibs = String::new();
        for deb in fs::read_dir(apt.join("archives"))?.flatten().map(|entry| entry.path()) {
            if deb.extension().is_some_and(|kind| kind == "deb") {
                run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(tree))?;
                run(Command::new("dpkg-deb").arg("--control").arg(&deb).arg(apt.join("control")))?;
                shlibs += &fs::read_to_string(apt.join("control/shlibs")).unwrap_or_default();
                fs::remove_dir_all(apt.join("control"))?;
            }
        }
        Ok(fs::write(into.shlibs(), shlibs)?)
    }
}
