//! `cargo xtask`: what a person or CI types.
//!
//! | command | does |
//! |---|---|
//! | `demo [--once]` | the main job, end to end, without hardware |
//! | `demo --fleet` | ten devices enrol, renew, follow a new root; one is copied, one revoked |
//! | `test` | all tests, fuzz targets over their corpora included; what a device runs, on aarch64 under qemu-user; packages |
//! | `deb [--debug]` | the three packages, into `target/deb` |
//! | `deb --check` | the same of debug programs, installed, upgraded and purged in a fresh Debian tree, and booted |
//! | `sbom` | what each package is made of (CycloneDX), into `target/sbom` |
//! | `cross [aarch64 \| armv7] [build \| test]` | agent and provisioning for that processor, or their tests under qemu-user |
//! | `pictures` | the pictures of the guides in `docs/vi`, taken anew from the running product |
//! | `doctor [--install]` | says what this machine lacks, and installs it when asked |
//!
//! `demo` and `test` install what they lack themselves, through `apt-get`, and say so.

mod boot;
mod cross;
mod deb;
mod doctor;
mod sbom;

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["demo"] => demo("hil-demo", &[]),
        ["demo", "--once"] => demo("hil-demo", &["--once"]),
        ["demo", "--fleet"] => demo("hil-fleet", &[]),
        ["test"] => test(),
        ["pictures"] => pictures(),
        ["deb"] => deb::make("release").map(drop),
        ["deb", "--debug"] => deb::make("debug").map(drop),
        ["deb", "--check"] => deb::check(),
        ["sbom"] => sbom::write().map(|lists| lists.iter().for_each(|(_, list)| println!("{}", list.display()))),
        ["cross", ref words @ ..] => cross::cross(words),
        ["doctor"] => doctor::report(),
        ["doctor", "--install"] => doctor::install(doctor::Purpose::Test),
        _ => {
            eprintln!(
                "usage: cargo xtask demo [--once | --fleet] | test | deb [--debug | --check] | sbom | cross [aarch64 | armv7] [build | test] | pictures | doctor [--install]"
            );
            return ExitCode::from(64);
        }
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

fn build(features: &[&str]) -> anyhow::Result<()> {
    eprintln!("── building (the first time takes some minutes)");
    run(cargo().args(["build", "--workspace", "--bins"]).args(features))
}

fn demo(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    doctor::install(doctor::Purpose::Demo)?;
    build(&[])?;
    let status = Command::new(target().join("debug").join(program)).args(arguments).status();
    let status = status.context("cannot start the demonstration")?;
    if !status.success() {
        bail!("the demonstration ended with {status}");
    }
    Ok(())
}

fn target() -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

fn test() -> anyhow::Result<()> {
    doctor::install(doctor::Purpose::Test)?;
    // Tests start the workspace's programs, which a test build alone does not make.
    build(&ALL)?;
    run(cargo().args(["test", "--workspace", "--doc", "--quiet"]).args(ALL))?;
    if !has("cargo-nextest") {
        eprintln!("── cargo-nextest is not here; using cargo test");
        run(cargo()
            .args(["test", "--workspace", "--lib", "--bins", "--tests"])
            .args(ALL)
            .args(["--", "--show-output"]))?;
        return on_the_device();
    }
    skipped()?;
    run(cargo().args(["nextest", "run", "--workspace"]).args(ALL))?;
    on_the_device()
}

/// What stands on a device: its processor, and its packages.
fn on_the_device() -> anyhow::Result<()> {
    cross::test()?;
    if let Err(error) = deb::ready() {
        eprintln!("── SKIPPED: packages in a tree of Debian 12, for want of it: {error:#}");
        return Ok(());
    }
    deb::check()
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

/// Takes the pictures of the guides anew: the scenarios are played, and their pictures copied.
fn pictures() -> anyhow::Result<()> {
    doctor::install(doctor::Purpose::Test)?;
    build(&ALL)?;
    run(cargo().args(["test", "--package", "hil-tests", "--test", "desk", "--test", "kiosk"]))?;
    let into = root().join("docs/vi/images");
    std::fs::create_dir_all(&into)?;
    for (scenario, picture, name) in PICTURES {
        let shots = std::fs::read_dir(target().join("tmp").join(scenario))?;
        let mut shots: Vec<_> = shots.flatten().map(|entry| entry.path()).collect();
        shots.sort();
        // Names begin with a number, and an older run may have left others.
        let wanted = |path: &Path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            stem.split_once('-').is_some_and(|(_, rest)| rest == picture)
        };
        let shot =
            shots.iter().find(|path| wanted(path)).with_context(|| format!("no picture {picture} of {scenario}"))?;
        std::fs::copy(shot, into.join(format!("{name}.png")))?;
    }
    Ok(())
}

/// Names the tests whose data are not at hand.
fn skipped() -> anyhow::Result<()> {
    let here = std::env::var_os("SHARED_TESTDATA").map_or_else(|| root().join("../shared/testdata"), Into::into);
    if here.exists() {
        return Ok(());
    }
    eprintln!("── SKIPPED for want of {} (set SHARED_TESTDATA):", here.display());
    let filter =
        "test(with_shared_vectors) or test(real_sods) or binary(recordings) or binary(real_sods) or test(appendix_i)";
    run(cargo()
        .args(["nextest", "list", "--workspace", "--filterset", filter, "--message-format", "oneline"])
        .args(ALL))
}

fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).exists()))
}
