//! `cargo xtask`: what a person or CI types.
//!
//! | command | does |
//! |---|---|
//! | `demo [--once]` | the main job, end to end, without hardware |
//! | `test` | all tests, fuzz targets over their corpora included |
//! | `doctor [--install]` | says what this machine lacks, and installs it when asked |
//!
//! `demo` and `test` install what they lack themselves, through `apt-get`, and say so.

mod doctor;

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["demo"] => demo(false),
        ["demo", "--once"] => demo(true),
        ["test"] => test(),
        ["doctor"] => doctor::report(),
        ["doctor", "--install"] => doctor::install(doctor::Purpose::Test),
        _ => {
            eprintln!("usage: cargo xtask demo [--once] | test | doctor [--install]");
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

fn demo(once: bool) -> anyhow::Result<()> {
    doctor::install(doctor::Purpose::Demo)?;
    build(&[])?;
    let mut demo = Command::new(target().join("debug/hil-demo"));
    demo.args(once.then_some("--once"));
    let status = demo.status().context("cannot start the demonstration")?;
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
        return run(cargo()
            .args(["test", "--workspace", "--lib", "--bins", "--tests"])
            .args(ALL)
            .args(["--", "--show-output"]));
    }
    skipped()?;
    run(cargo().args(["nextest", "run", "--workspace"]).args(ALL))
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
