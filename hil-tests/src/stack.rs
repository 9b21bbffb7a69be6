//! A real pcscd with virtual readers (vsmartcard-vpcd) in namespaces of its own.

use crate::program;
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running PC/SC stack.
#[derive(Debug)]
pub struct Stack {
    pcscd: Child,
}

/// A card that lies on a reader; dropping it takes the card away.
#[derive(Debug)]
pub struct Laid {
    process: Child,
}

impl Drop for Stack {
    fn drop(&mut self) {
        end(&mut self.pcscd);
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Kills and reaps; a process that has ended already is no error.
fn end(process: &mut Child) {
    drop(process.kill());
    drop(process.wait());
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Stack {
    /// Starts the stack and waits until its readers are there.
    ///
    /// # Errors
    /// When a program is missing or the readers do not come up.
    pub fn start() -> anyhow::Result<Self> {
        let script =
            "ip link set lo up && mount -t tmpfs none /run && mkdir -p /run/pcscd && exec pcscd --foreground --error";
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--net"]);
        if !is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare.args(["sh", "-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let pcscd = unshare.spawn().context("cannot start unshare (package util-linux)")?;
        let mut stack = Self { pcscd };
        let start = now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = stack.pcscd.try_wait()? {
                bail!(
                    "pcscd ended at once ({status}); are pcscd, vsmartcard-vpcd and iproute2 installed, and are namespaces allowed?"
                );
            }
            let listed = stack.command("hil-probe").arg("readers").output()?;
            if String::from_utf8_lossy(&listed.stdout).contains("Virtual PCD") {
                return Ok(stack);
            }
            pause(20);
        }
        bail!("pcscd has no virtual reader after {} s; is vsmartcard-vpcd installed?", PATIENCE.as_secs())
    }

    /// A command that runs inside the stack's namespaces: a program of this workspace, or one on the PATH.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.pcscd.id())).args(["--mount", "--net"]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program(name));
        command
    }

    /// Lays the card of a persona on a reader, once the reader has seen the last one leave.
    ///
    /// # Errors
    /// When the card process does not come up.
    pub fn lay(&self, persona: &str, fault: &str, port: u16) -> anyhow::Result<Laid> {
        lay(|name| self.command(name), persona, fault, port)
    }

    /// Lays a card that another program plays; `sign` is what the program says on standard error when it is ready.
    ///
    /// # Errors
    /// When the program ends before it says so.
    pub fn lay_process(&self, command: Command, sign: &str) -> anyhow::Result<Laid> {
        lay_process(command, sign)
    }
}

/// Lays the card of a persona on a reader; `run` makes the commands, inside the stack's namespaces.
///
/// # Errors
/// When the card process does not come up.
pub fn lay(run: impl Fn(&str) -> Command, persona: &str, fault: &str, port: u16) -> anyhow::Result<Laid> {
    let empty = run("hil-probe").args(["empty", &port.to_string()]).output()?;
    if !empty.status.success() {
        bail!("the reader is not free: {}", String::from_utf8_lossy(&empty.stderr));
    }
    let mut command = run("cccd-card");
    command.args(["serve", "--persona", persona, "--fault", fault, "--vpcd", &format!("127.0.0.1:{port}")]);
    lay_process(command, "is on the reader")
}

fn lay_process(mut command: Command, sign: &str) -> anyhow::Result<Laid> {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = process.stderr.take().context("standard error")?;
    let laid = Laid { process };
    let mut lines = BufReader::new(stderr).lines();
    let mut said = String::new();
    for line in lines.by_ref() {
        let line = line?;
        if line.contains(sign) {
            // The pipe must stay open and drained, or the card dies of it.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(laid);
        }
        said.push_str(&line);
        said.push('\n');
    }
    bail!("the card did not come up:\n{said}")
}

fn is_root() -> bool {
    // The owner of this process's own entry, without a system call of our own.
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc")) == 0
}

/// Starts a stop-watch.
#[allow(clippy::disallowed_methods, reason = "rigs wait in real time")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits in real time.
#[allow(clippy::disallowed_methods, reason = "rigs wait in real time")]
pub fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Waits until something is there.
///
/// # Panics
/// When it does not come within a minute.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed().as_secs() < 60, "{what}");
        pause(200);
    }
}
