//! `cargo xtask start-up`: how soon the agent of a package is ready, and what it holds as long as nobody comes.
//!
//! Shown, and asserted nowhere: time belongs to the machine. Processor time to the first word is what a later change can be
//! compared with, and the best of some starts is what a machine that does nothing else would show.

use crate::deb::said;
use crate::figures::Figures;
use crate::{ALL, cargo, root, run, target};
use anyhow::{Context as _, bail};
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often each is started.
const STARTS: usize = 10;
/// How long nobody comes.
const IDLE: Duration = Duration::from_secs(5);

/// A way to start the agent: its word, the table in its settings, what it says when it is ready.
const WAYS: [(&str, &str, &str); 2] = [
    ("desk", "[desk]\nsite = \"A\"\nlisten = \"127.0.0.1:8489\"\n", "the desk is open"),
    ("kiosk", "[kiosk]\nsite = \"A\"\npanel = \"portrait-21\"\n", "the kiosk is open"),
];

/// Where the figures stand.
const FIGURES: Figures = Figures {
    page: "docs/performance.md",
    begin: "<!-- start-up: written by `cargo xtask start-up --write` -->\n",
    end: "<!-- end of start-up -->\n",
};

/// Measures them, shows what came, and puts it into the page.
pub(crate) fn measure(write: bool) -> anyhow::Result<()> {
    run(cargo().args(["build", "--release", "--locked", "--package", "cccd-agent", "--bins"]).args(ALL))?;
    run(cargo().args(["build", "--locked", "--package", "provisioning", "--package", "virtual-card", "--bins"]))?;
    let (agent, device) = (target().join("release/cccd-agent"), device()?);
    let settings = fs::read_to_string(device.join("agent.toml"))?.replace("\"pcsc\"", "\"sim:an\"");
    let mut table = format!(
        "| | ready, best of {STARTS} | processor time until then | resident | of its own |\n|---|---|---|---|---|\n"
    );
    for (word, stage, ready) in WAYS {
        let file = device.join(format!("{word}.toml"));
        // Central is not there, and nothing of a start waits for it.
        fs::write(&file, format!("profile = \"hospital-{word}\"\n{settings}\n{stage}"))?;
        let (mut soonest, mut least, mut held) = (Duration::MAX, Duration::MAX, (0, 0));
        for start in 0..STARTS {
            let mut running = Running::start(&agent, word, &file, ready)?;
            soonest = soonest.min(running.ready);
            least = least.min(running.processor()?);
            if start + 1 == STARTS {
                pause(IDLE);
                held = running.held()?;
            }
            running.end()?;
        }
        table += &format!(
            "| `cccd-agent {word}` | {} ms | {} ms | {:.1} MB | {:.1} MB |\n",
            soonest.as_millis(),
            least.as_millis(),
            megabytes(held.0),
            megabytes(held.1)
        );
    }
    println!("{table}");
    if write {
        FIGURES.write(&table)?;
    }
    Ok(())
}

/// An enrolled device, made anew.
fn device() -> anyhow::Result<PathBuf> {
    let place = target().join("start-up");
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(&place)?;
    fs::write(place.join("phrase"), "a pass phrase of the rig")?;
    fs::set_permissions(place.join("phrase"), fs::Permissions::from_mode(0o600))?;
    let program = |name: &str| {
        let mut command = Command::new(target().join("debug").join(name));
        command.current_dir(&place);
        command
    };
    said(program("cccd-card").args(["trust", "--out", "trust"]))?;
    let ca = ["--ca", "ca", "--pass-phrase-file", "phrase"];
    said(program("provision").arg("ca-init").args(ca))?;
    let device = ["--out", "device", "--device", "box-1", "--site", "a", "--central", "https://127.0.0.1:1"];
    let trust = fs::canonicalize(place.join("trust"))?;
    said(program("provision").arg("bench").args(ca).args(device).arg("--trust").arg(trust))?;
    Ok(place.join("device"))
}

/// A started agent.
struct Running {
    process: Child,
    ready: Duration,
}

impl Running {
    fn start(agent: &Path, word: &str, settings: &Path, wanted: &str) -> anyhow::Result<Self> {
        let begin = now();
        let mut command = Command::new(agent);
        command.arg(word).arg("--config").arg(settings).current_dir(root());
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut log = BufReader::new(process.stderr.take().context("standard error")?);
        let (mut text, mut line) = (String::new(), String::new());
        while !line.contains(wanted) {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                bail!("cccd-agent {word} ended:\n{text}");
            }
            text += &line;
        }
        let ready = begin.elapsed();
        // The pipe must stay open and drained.
        std::thread::spawn(move || drop(log.read_to_string(&mut String::new())));
        Ok(Self { process, ready })
    }

    fn place(&self) -> PathBuf {
        Path::new("/proc").join(self.process.id().to_string())
    }

    /// What all of its threads took so far.
    fn processor(&self) -> anyhow::Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(self.place().join("task"))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>().context("schedstat")?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Kilobytes that are resident, and those of them that no file of the disk could give back.
    fn held(&self) -> anyhow::Result<(u64, u64)> {
        let text = fs::read_to_string(self.place().join("smaps_rollup"))?;
        let of = |name: &str| -> anyhow::Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
            line.trim().trim_end_matches(" kB").parse().with_context(|| line.to_owned())
        };
        Ok((of("Rss:")?, of("Anonymous:")?))
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end());
    }
}

fn megabytes(kilobytes: u64) -> f64 {
    kilobytes as f64 / 1024.0
}

#[allow(clippy::disallowed_methods, reason = "how long it took is shown, and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "what is measured is that nothing happens")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_the_figures() {
        let page = fs::read_to_string(root().join(FIGURES.page)).expect("page");
        let written = FIGURES.replaced(&page, "| figures |\n").expect("a place");
        assert!(written.contains("\n| figures |\n"));
        assert_eq!(FIGURES.replaced(&written, "| figures |\n"), Some(written), "once more changes nothing");
        assert_eq!(FIGURES.replaced("no place", ""), None);
    }
}
