//! `cargo xtask`: what a person or CI types.
//!
//! | command | does |
//! |---|---|
//! | `demo [--once]` | the main job, end to end, without hardware |
//! | `demo --fleet` | ten devices enrol, renew, follow a new root; one is copied, one revoked |
//! | `test` | all tests, fuzz targets over their corpora included; what a device runs, on aarch64 under qemu-user; packages; at the end a table of what passed, failed and was skipped (`SKIP=forbid` makes a skip a failure) |
//! | `test --full` | the same, then what takes hours: `bare 13` and `bare 12`, the packages in the later release of Debian and for a board, the image |
//! | `deb [--debug] [--arch arm64 \| armhf]` | the three packages, into `target/deb`, with camera and Raspberry Pi lines in |
//! | `deb --check` | the same of debug programs, installed, upgraded and purged in a fresh Debian tree, and booted |
//! | `deb --check --release trixie` | the same in a tree of a later release than the machine's own |
//! | `deb --check --arch arm64 [--debug]` | the packages of a board, installed, started and purged in a tree of its processor under qemu-user; not in CI |
//! | `release --key FILE [--arch …]` | the packages for amd64, arm64 and armhf, `cccd-demo` for evaluation, SBOM, SHA-256 and signature, into `target/release-VERSION` |
//! | `image amd64 --central URL` (`arm64`) | a disk with two systems for a kiosk, into `target/image`; `--bundle`: the same as an update |
//! | `image amd64 --check [--until first-start]` (`arm64`) | starts it in QEMU: first start, factory reset, update, the gate, cuts of power; about an hour |
//! | `bare 13` or `bare 12` | `./start demo --once` in a tree of the least Debian 13 or 12; time, disk, what was installed |
//! | `sbom` | what each package is made of (CycloneDX), into `target/sbom` |
//! | `cross [aarch64 \| armv7] [build \| test]` | agent and provisioning for that processor, or their tests under qemu-user |
//! | `start-up [--write]` | how soon the agent of a package is ready, and what it holds as long as nobody comes; `--write` puts it into `docs/performance.md` |
//! | `check [CRATE…]` | formatting, clippy and tests of what was changed, and of nothing else |
//! | `docs` | checks the pages of `docs/` and makes the manual from them, into `target/manual` |
//! | `house [--write]` | rooms, floors and circles of the code; `--write` puts them into `docs/architecture.md` |
//! | `mutants [CRATE…] [--only ID]` | takes each check of the lists out of a copy and sees whether its crate's own tests notice; `--write` puts the lists into `docs/conformance.md` |
//! | `pictures` | the pictures of the guides in `docs/vi`, taken anew from the running product |
//! | `doctor [--install]` | says what this machine lacks, and installs it when asked |
//!
//! `demo` and `test` install what they lack themselves, through `apt-get`, and say so.

mod bare;
mod boot;
mod changes;
mod check;
mod copyright;
mod cross;
mod deb;
mod docs;
mod doctor;
mod figures;
mod film;
mod full;
mod image;
mod image_check;
mod image_machine;
mod image_slots;
mod lean;
mod ledger;
mod raspberry;
mod release;
mod sbom;
mod start_up;

use crate::ledger::Ledger;
use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What a person or CI types.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The main job, end to end, without hardware.
    Demo {
        /// Without questions; status 0 only if central stored the event.
        #[arg(long, conflicts_with = "fleet")]
        once: bool,
        /// Ten devices enrol, renew, follow a new root; one is copied, one revoked.
        #[arg(long)]
        fleet: bool,
    },
    /// All tests; at the end a table of what passed, failed and was skipped.
    Test {
        /// What takes hours, too: a newcomer on both releases of Debian, the packages in the later one and for a board, the image.
        #[arg(long)]
        full: bool,
    },
    /// Formatting, clippy and tests of what was changed, and of nothing else.
    Check {
        /// The crates; without them those that git says were changed.
        crates: Vec<String>,
    },
    /// Check the pages of docs/ and make the manual from them, into target/manual.
    Docs,
    /// Rooms, floors and circles of the code.
    House {
        /// Into docs/architecture.md.
        #[arg(long)]
        write: bool,
    },
    /// Take each listed check out of a copy of the code, and see whether its crate's own tests notice.
    Mutants {
        /// Crates with a list (mutants.toml); all without any.
        crates: Vec<String>,
        /// Only checks whose identifiers begin so.
        #[arg(long)]
        only: Vec<String>,
        /// The lists into docs/conformance.md, and no test is run.
        #[arg(long, conflicts_with_all = ["crates", "only"])]
        write: bool,
    },
    /// The pictures of the guides in docs/vi and the moving one of the README, taken anew from the running product.
    Pictures {
        /// Of the scenarios as the last test run played them.
        #[arg(long)]
        as_played: bool,
    },
    /// The three packages, into target/deb.
    Deb {
        /// Of debug programs.
        #[arg(long)]
        debug: bool,
        /// For which processor: amd64, arm64, armhf; this machine's own without it.
        #[arg(long)]
        arch: Option<String>,
        /// Of debug programs, installed, upgraded and purged in a fresh Debian tree, and booted; with --arch installed, started and purged
        /// under qemu-user.
        #[arg(long)]
        check: bool,
        /// With --check: in a tree of this release of Debian, as `trixie`; the machine's own without it.
        #[arg(long, requires = "check", conflicts_with = "arch")]
        release: Option<String>,
    },
    /// All that is handed out, with checksums and a signature, into target/release-VERSION.
    Release {
        /// The key that signs (`ssh-keygen -t ed25519` makes one).
        #[arg(long)]
        key: PathBuf,
        /// Of debug programs.
        #[arg(long)]
        debug: bool,
        /// For which processors; without it amd64, arm64 and armhf.
        #[arg(long)]
        arch: Vec<String>,
    },
    /// A disk with two systems for a kiosk, from the packages, into target/image.
    Image {
        /// For which processor: amd64, arm64 (Raspberry Pi).
        architecture: String,
        /// Where its devices ask to be let in: https://host:port.
        #[arg(long, required_unless_present = "check")]
        central: Option<String>,
        /// What stands on their screens.
        #[arg(long, default_value = "CCCD")]
        site: String,
        /// Directory with what its devices begin with: roots.pem, trust/, settings.toml.
        #[arg(long)]
        device: Option<PathBuf>,
        /// Whose bundles its devices take, PEM; without it a key for tests is made.
        #[arg(long)]
        certificate: Option<PathBuf>,
        /// What signs the bundle, PEM.
        #[arg(long)]
        key: Option<PathBuf>,
        /// The same system as an update for RAUC, too.
        #[arg(long)]
        bundle: bool,
        /// Start it in QEMU: first start, factory reset, update, the gate, cuts of power. About an hour.
        #[arg(long, conflicts_with_all = ["central", "device", "certificate", "key", "bundle"])]
        check: bool,
        /// How far the check goes.
        #[arg(long, value_enum, default_value = "all")]
        until: image_check::Until,
    },
    /// `./start demo --once` in a tree of the least Debian.
    Bare {
        /// 13 or 12.
        release: String,
    },
    /// What each package is made of (CycloneDX), into target/sbom.
    Sbom,
    /// How soon the agent of a package is ready, and what it holds as long as nobody comes.
    StartUp {
        /// Into docs/performance.md.
        #[arg(long)]
        write: bool,
    },
    /// What users notice since the last release.
    Changes {
        /// Into CHANGELOG.md, for a release.
        #[arg(long)]
        write: bool,
    },
    /// Agents without what a device has no use for, and what they are made of.
    Lean {
        /// Into docs/architecture.md.
        #[arg(long)]
        write: bool,
    },
    /// Programs for another processor, or their tests under qemu-user.
    Cross {
        /// aarch64 or armv7, build or test.
        words: Vec<String>,
    },
    /// What this machine lacks.
    Doctor {
        /// Install it.
        #[arg(long)]
        install: bool,
    },
}

fn main() -> ExitCode {
    let task = match Arguments::try_parse() {
        Ok(arguments) => arguments.task,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let result = match task {
        Task::Demo { fleet: true, .. } => demo("hil-fleet", &[]),
        Task::Demo { once: true, .. } => demo("hil-demo", &["--once"]),
        Task::Demo { .. } => demo("hil-demo", &[]),
        Task::Test { full } => test(full),
        Task::Check { crates } => check::check(&crates),
        Task::Docs => docs::make(),
        Task::House { write } => {
            run(cargo().args(["run", "--quiet", "-p", "house", "--"]).args(write.then_some("--write")))
        }
        Task::Mutants { crates, only, write } => {
            let only = only.iter().map(|only| format!("--only={only}"));
            run(cargo()
                .args(["run", "--quiet", "-p", "mutants", "--"])
                .args(write.then_some("--write"))
                .args(only)
                .args(crates))
        }
        Task::Pictures { as_played } => pictures(as_played),
        Task::Deb { check: true, arch: Some(arch), debug, .. } => deb::check_board(profile(debug), &arch),
        Task::Deb { check: true, release, .. } => deb::check(release.as_deref()),
        Task::Deb { debug, arch, .. } => deb::command(profile(debug), arch.as_deref()),
        Task::Release { key, debug, arch } => release::make(&key, profile(debug), &arch),
        Task::Image { architecture, check: true, until, .. } => image_check::check(&architecture, until),
        Task::Image { architecture, central, site, device, certificate, key, bundle, .. } => {
            let central = central.unwrap_or_default();
            image::make(&image::Wanted { architecture, central, site, device, certificate, key }, bundle)
        }
        Task::Bare { release } => bare::check(&release),
        Task::Sbom => sbom::write().map(|lists| lists.iter().for_each(|(_, list)| println!("{}", list.display()))),
        Task::StartUp { write } => start_up::measure(write),
        Task::Changes { write } => changes::changes(write),
        Task::Lean { write } => lean::check(write),
        Task::Cross { words } => cross::cross(&words.iter().map(String::as_str).collect::<Vec<_>>()),
        Task::Doctor { install: true } => doctor::install(doctor::Purpose::Test),
        Task::Doctor { .. } => doctor::report(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root, wherever cargo was called.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown} ended with {status}");
    }
    Ok(())
}

/// What is not in the usual agent, and is tested all the same.
const ALL: [&str; 2] = ["--features", "cccd-agent/camera,cccd-agent/rpi"];

const fn profile(debug: bool) -> &'static str {
    if debug { "debug" } else { "release" }
}

fn build(features: &[&str]) -> anyhow::Result<()> {
    eprintln!("── building (the first time takes some minutes)");
    run(cargo().args(["build", "--workspace", "--bins"]).args(features))
}

/// What the demonstrations start: crates and their programs.
const DEMO: [(&str, &[&str]); 5] = [
    ("cccd-agent", &["cccd-agent"]),
    ("cccd-central", &["cccd-central"]),
    ("hil-tests", &["hil-demo", "hil-fleet", "hil-kiosk"]),
    ("provisioning", &["provision"]),
    ("virtual-card", &["cccd-card"]),
];

/// Of the agent, what the demonstrations show.
const DEMO_FEATURES: &str = "cccd-agent/desk,cccd-agent/kiosk,cccd-agent/lodging-xlsx,cccd-agent/practice";

fn demo(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    doctor::install(doctor::Purpose::Demo)?;
    eprintln!("── building (the first time takes some minutes)");
    let mut build = cargo();
    // Without what only devices and peers need, and the libraries of the system for it.
    build.args(["build", "--no-default-features", "--features", DEMO_FEATURES]);
    for (krate, programs) in DEMO {
        build.args(["--package", krate]).args(programs.iter().flat_map(|program| ["--bin", program]));
    }
    run(&mut build)?;
    let status = Command::new(target().join("debug").join(program)).args(arguments).status();
    let status = status.context("cannot start the demonstration")?;
    if !status.success() {
        bail!("the demonstration ended with {status}");
    }
    Ok(())
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A tool from crates.io: its program, the version that this repository was written against, and what else cargo is told.
pub(crate) struct Tool(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static [&'static str]);

impl Tool {
    /// Where it is when it was fetched.
    fn place(&self) -> PathBuf {
        target().join("tools/bin").join(self.0)
    }

    /// Builds it into the target directory, once.
    fn fetch(&self) -> anyhow::Result<PathBuf> {
        let Self(name, version, with) = self;
        if !self.place().exists() {
            eprintln!("── building {name} {version} (once)");
            let into = target().join("tools");
            let install = ["install", "--quiet", "--locked", name, "--version", version];
            run(cargo().args(install).args(*with).arg("--root").arg(into))?;
        }
        Ok(self.place())
    }
}

/// Runs the tests by the rules of `.config/nextest.toml`. One that the machine has serves as well.
const NEXTEST: Tool = Tool("cargo-nextest", "0.9.143", &[]);

fn test(full: bool) -> anyhow::Result<()> {
    doctor::install(doctor::Purpose::Test)?;
    // Tests start the workspace's programs, which a test build alone does not make.
    build(&ALL)?;
    let mut ledger = Ledger::open()?;
    let mut outcome = parts(&mut ledger, full);
    if full {
        let more = full::parts(&mut ledger);
        outcome = outcome.and(more);
    }
    println!("\n── what was tested\n{}", ledger.table());
    outcome
}

/// The seed of every test by chance in the usual run: what passed before a change passes after it, unless the change broke
/// it. Tests that are run one by one, and the whole campaign, have another each time.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "9303");

fn parts(ledger: &mut Ledger, campaign: bool) -> anyhow::Result<()> {
    let mut documentation = cargo();
    documentation.args(["test", "--workspace", "--doc", "--quiet"]).args(ALL);
    ledger.part("examples of the docs", &mut documentation, ledger::by_cargo)?;
    let mut tests = nextest()?;
    tests.arg("--workspace").args(ALL);
    match campaign {
        true => tests.env(test_support::CAMPAIGN, "1"),
        false if std::env::var_os(SEED.0).is_none() => tests.env(SEED.0, SEED.1),
        false => &mut tests,
    };
    ledger.part("tests", &mut tests, ledger::by_nextest)?;
    match deb::ready() {
        Ok(()) => ledger.beside(cross::test, "packages", || deb::check(None)),
        Err(error) => cross::test(ledger).and_then(|()| ledger.skip("packages", &error)),
    }
}

/// The runner of the tests: the machine's own, else the one that was fetched.
fn nextest() -> anyhow::Result<Command> {
    // What cargo calls by a subcommand is told so by its first word.
    let mut tests = if has(NEXTEST.0) { cargo() } else { Command::new(NEXTEST.fetch()?) };
    tests.current_dir(root()).args(["nextest", "run"]);
    Ok(tests)
}

/// Pictures of the guides: the directory and the end of the name of a scenario's picture, and its name in `docs/vi/images`.
const PICTURES: [(&str, &str, &str); 17] = [
    ("desk-scenario", "pairing", "ghep-noi"),
    ("desk-scenario", "ready", "san-sang"),
    ("desk-scenario", "consent", "dong-y"),
    ("desk-scenario", "key", "quet-ma"),
    ("desk-scenario", "chip", "dat-the"),
    ("desk-scenario", "face", "so-mat"),
    ("desk-scenario", "form", "bo-sung"),
    ("desk-scenario", "done", "xong"),
    ("desk-scenario", "typed", "nhap-tay"),
    ("desk-scenario", "portal", "cong-luu-tru"),
    ("desk-scenario", "offline", "mat-trung-tam"),
    ("desk-exam", "face", "thi-so-mat"),
    ("desk-exam", "again", "thi-lan-hai"),
    ("desk-practice", "practice", "luyen-tap"),
    ("desk-practice", "ticket", "so-thu-tu"),
    ("desk-practice", "copy", "the-sao-chep"),
    ("kiosk-scenario", "Chạm-để-bắt-đầu", "kiosk"),
];

/// The moving picture of the README: pictures of the kiosk's scenario in their order, and for how many tenths of a second.
const FILM: [(&str, u16); 9] = [
    ("Chạm-để-bắt-đầu", 15),
    ("Cho-phép-đọc-thẻ-căn-cước-", 20),
    ("Scan-the-QR-code-on-your-card", 15),
    ("Lay-the-card-on-the-reader", 12),
    ("Read-your-details", 12),
    ("Card-verified", 15),
    ("Outpatients", 15),
    ("Is-this-right-", 15),
    ("Your-number", 30),
];

/// Where the mirror shows the kiosk's glass in the window of its scenario.
const GLASS: film::Area = film::Area { left: 292, top: 18, width: 552, height: 976 };

/// The pictures of a scenario, by their names' order: their names begin with a number.
fn shots(scenario: &str) -> anyhow::Result<Vec<PathBuf>> {
    let shots = std::fs::read_dir(target().join("tmp").join(scenario))?;
    let mut shots: Vec<_> = shots.flatten().map(|entry| entry.path()).collect();
    shots.sort();
    Ok(shots)
}

/// The first of them with that name. An older run may have left others.
fn shot(shots: &[PathBuf], name: &str) -> anyhow::Result<PathBuf> {
    let wanted = |path: &&PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        stem.split_once('-').is_some_and(|(_, rest)| rest == name)
    };
    Ok(shots.iter().find(wanted).with_context(|| format!("no picture {name}"))?.clone())
}

/// Takes the pictures of the guides anew: the scenarios are played, and their pictures copied.
fn pictures(as_played: bool) -> anyhow::Result<()> {
    if !as_played {
        doctor::install(doctor::Purpose::Test)?;
        build(&ALL)?;
        run(cargo().args(["test", "--package", "hil-tests", "--test", "desk", "--test", "kiosk"]))?;
    }
    let into = root().join("docs/vi/images");
    std::fs::create_dir_all(&into)?;
    for (scenario, picture, name) in PICTURES {
        std::fs::copy(shot(&shots(scenario)?, picture)?, into.join(format!("{name}.png")))?;
    }
    let visit = shots("kiosk-scenario")?;
    let film =
        FILM.iter().map(|(name, tenths)| Ok((shot(&visit, name)?, *tenths))).collect::<anyhow::Result<Vec<_>>>()?;
    film::write(&film, GLASS, &root().join("docs/images/visit.png"))
}

fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).exists()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_manual_names_commands_that_there_are() {
        let mut pages = manual::pages(root()).expect("pages");
        for page in &mut pages {
            page.text = page.text.replace("cargo xtask", "xtask");
        }
        manual::commands::hold_in(&pages, Arguments::command(), 15);
    }
}
