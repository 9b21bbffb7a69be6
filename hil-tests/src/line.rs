//! The whole line on one machine: trust anchors, fleet CA, an enrolled device, central, and a PC/SC stack.

use crate::said::service;
use crate::stack::Stack;
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Files and processes of one line.
#[derive(Debug)]
pub struct Line {
    directory: PathBuf,
    /// The PC/SC stack; everything runs inside its namespaces.
    pub stack: Stack,
    central: Option<Child>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop_central();
    }
}

fn succeed(output: Output, what: &str) -> anyhow::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    bail!("{what} failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// The address of central, inside the stack's own network.
const CENTRAL: &str = "127.0.0.1:8443";

impl Line {
    /// Provisions a device and a central in `directory` and starts the PC/SC stack. Central is not started yet.
    ///
    /// # Errors
    /// When a step fails.
    pub fn provision(directory: &Path) -> anyhow::Result<Self> {
        let stack = Stack::start()?;
        let line = Self { directory: directory.to_owned(), stack, central: None };
        let phrase = line.path("pass-phrase");
        program::private::replace(&phrase, random_hex()?.as_bytes())?;
        line.run("cccd-card", &["trust", "--out", &line.text("trust")])?;
        let ca = ["--ca", &line.text("ca"), "--pass-phrase-file", &line.text("pass-phrase")];
        line.run("provision", &[&["ca-init"], &ca[..]].concat())?;
        let server = ["--out", &line.text("central"), "--host", "127.0.0.1"];
        line.run("provision", &[&["server"], &ca[..], &server].concat())?;
        let url = format!("https://{CENTRAL}");
        let device = ["--out", &line.text("device"), "--device", "kiosk-1", "--site", "practice", "--central", &url];
        let trust = ["--trust", &line.text("trust")];
        line.run("provision", &[&["bench"], &ca[..], &device, &trust].concat())?;
        line.run(
            "cccd-central",
            &["--db", &line.text("central.db"), "device", "add", &line.text("device/enrolment.json")],
        )?;
        Ok(line)
    }

    /// Empties the device's trust directory: a site without the ministry's anchor.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget_anchors(&self) -> anyhow::Result<()> {
        for file in std::fs::read_dir(self.path("trust"))? {
            std::fs::remove_file(file?.path())?;
        }
        Ok(())
    }

    /// A path inside the line's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Runs a program inside the line; what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        succeed(self.stack.command(program).args(arguments).output()?, program)
    }

    /// Starts central and waits until it listens.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_central(&mut self) -> anyhow::Result<()> {
        let mut command = self.stack.command("cccd-central");
        let (tls, phrase) = (self.text("central"), self.text("pass-phrase"));
        command.args(["--db", &self.text("central.db"), "serve", "--listen", CENTRAL]);
        command.args(["--tls", &tls, "--pass-phrase-file", &phrase]);
        self.central = Some(service("central", &mut command, "listening")?);
        Ok(())
    }

    /// Kills central, as a cut cable would.
    pub fn stop_central(&mut self) {
        if let Some(mut central) = self.central.take() {
            drop(central.kill());
            drop(central.wait());
        }
    }

    /// Enrols another device of the same site, into a directory of its name.
    ///
    /// # Errors
    /// When it fails.
    pub fn enrol_another(&self, name: &str) -> anyhow::Result<()> {
        let (ca, phrase, out) = (self.text("ca"), self.text("pass-phrase"), self.text(name));
        let (trust, url) = (self.text("trust"), format!("https://{CENTRAL}"));
        let device = ["bench", "--ca", &ca, "--pass-phrase-file", &phrase, "--out", &out, "--device", name];
        let site = ["--site", "practice", "--central", &url, "--trust", &trust];
        self.run("provision", &[&device[..], &site].concat())?;
        self.run(
            "cccd-central",
            &["--db", &self.text("central.db"), "device", "add", &self.text(&format!("{name}/enrolment.json"))],
        )?;
        Ok(())
    }

    /// Every event that central holds, decoded, in the order of arrival.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn events(&self) -> anyhow::Result<Vec<Value>> {
        let text = self.run("cccd-central", &["--db", &self.text("central.db"), "events"])?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Lets central check every signature and chain again; what it says.
    ///
    /// # Errors
    /// When one is wrong.
    pub fn verify_log(&self) -> anyhow::Result<String> {
        self.run("cccd-central", &["--db", &self.text("central.db"), "verify"])
    }

    /// A `cccd-agent` command inside the line.
    #[must_use]
    pub fn agent(&self) -> Command {
        self.stack.command("cccd-agent")
    }

    /// Starts the device.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_device(&self) -> anyhow::Result<Device> {
        self.start_device_logging("warn")
    }

    /// Starts a kiosk on the device's configuration, with its glass at `http://127.0.0.1:port/`; a step
    /// waits `patience_s` seconds for a person.
    ///
    /// # Errors
    /// When it cannot be started, or the port is taken.
    pub fn start_kiosk(&self, port: u16, patience_s: u16) -> anyhow::Result<Kiosk> {
        let socket = self.path("mirror.socket");
        let mut command = self.stack.command("hil-kiosk");
        command.args([
            self.text("device/agent.toml"),
            self.text("mirror.socket"),
            port.to_string(),
            patience_s.to_string(),
        ]);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("agent.log"))?;
        let process = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()?;
        let mut kiosk = Kiosk { process };
        let start = crate::stack::now();
        while UnixStream::connect(&socket).is_err() {
            if let Some(status) = kiosk.process.try_wait()? {
                bail!("the kiosk ended at once ({status}):\n{}", std::fs::read_to_string(self.path("agent.log"))?);
            }
            if start.elapsed() > Duration::from_secs(20) {
                bail!("the kiosk does not answer:\n{}", std::fs::read_to_string(self.path("agent.log"))?);
            }
            crate::stack::pause(20);
        }
        carry(port, socket)?;
        Ok(kiosk)
    }

    /// Starts the device with a log level; the log goes to `agent.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_device_logging(&self, level: &str) -> anyhow::Result<Device> {
        let mut command = self.agent();
        command.args(["run", "--config", &self.text("device/agent.toml")]).env("CCCD_LOG", level);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("agent.log"))?;
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdin = process.stdin.take().context("standard input")?;
        let stdout = process.stdout.take().context("standard output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Device { process, stdin: Some(stdin), lines })
    }
}

/// A running kiosk whose glass is a browser tab.
#[derive(Debug)]
pub struct Kiosk {
    process: Child,
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Kiosk {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it ended with a failure.
    pub fn wait(&mut self) -> anyhow::Result<()> {
        let status = self.process.wait()?;
        if !status.success() {
            bail!("the kiosk ended with {status}");
        }
        Ok(())
    }

    /// Its process identifier.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

/// Carries every connection to a port of this machine's loopback to a Unix socket, as the stack has a network of its own.
///
/// # Errors
/// When the port is taken.
pub fn carry(port: u16, socket: PathBuf) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).with_context(|| format!("port {port} is taken"))?;
    std::thread::spawn(move || {
        for browser in listener.incoming().map_while(Result::ok) {
            let Ok(kiosk) = UnixStream::connect(&socket) else { continue };
            let (Ok(mut to_browser), Ok(mut to_kiosk)) = (browser.try_clone(), kiosk.try_clone()) else { continue };
            let (mut from_browser, mut from_kiosk) = (browser, kiosk);
            std::thread::spawn(move || {
                drop(std::io::copy(&mut from_browser, &mut to_kiosk));
                drop(to_kiosk.shutdown(Shutdown::Both));
            });
            std::thread::spawn(move || {
                drop(std::io::copy(&mut from_kiosk, &mut to_browser));
                drop(to_browser.shutdown(Shutdown::Both));
            });
        }
    });
    Ok(())
}

/// A running `cccd-agent run`.
#[derive(Debug)]
pub struct Device {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Device {
    /// Gives it a scan.
    ///
    /// # Errors
    /// When it does not listen any more.
    pub fn scan(&mut self, text: &str) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("standard input is closed")?;
        writeln!(stdin, "{text}")?;
        Ok(stdin.flush()?)
    }

    /// The next line that it says, or `None` when it has ended.
    ///
    /// # Errors
    /// When it says nothing for `patience`, or something that is no JSON.
    pub fn says(&self, patience: Duration) -> anyhow::Result<Option<Value>> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(Some(serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))?)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Ok(None),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => bail!("the device says nothing"),
        }
    }

    /// Waits for a line with this key.
    ///
    /// # Errors
    /// When it ends, reports an error, or stays silent before.
    pub fn expect(&self, key: &str) -> anyhow::Result<Value> {
        loop {
            let line =
                self.says(Duration::from_secs(30))?.with_context(|| format!("the device ended before {key:?}"))?;
            if line.get(key).is_some() {
                return Ok(line);
            }
            if let Some(error) = line.get("error") {
                bail!("the device reports {error}");
            }
        }
    }

    /// Kills it with SIGKILL, whatever it is doing, and returns what it had still said.
    pub fn kill(&mut self) -> Vec<Value> {
        drop(self.process.kill());
        drop(self.process.wait());
        self.lines.iter().filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }

    /// Closes its input and waits for its end; its exit status.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn finish(&mut self) -> anyhow::Result<Option<i32>> {
        self.stdin = None;
        self.wait()
    }

    /// Waits for its end, with its input open; its exit status.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> anyhow::Result<Option<i32>> {
        Ok(self.process.wait()?.code())
    }

    /// Its process identifier.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn random_hex() -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 24];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
