//! A real pcscd with virtual readers (vsmartcard-vpcd) in namespaces of its own.

use crate::program;
use crate::said::Said;
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A running PC/SC stack.
#[derive(Debug)]
pub struct Stack {
    pcscd: Child,
    said: Said,
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

/// The service as it is started. Version 2 asks polkit about every client, which is not in a private `/run`; version 1 has no
/// switch for it.
pub(crate) fn pcscd() -> &'static str {
    static COMMAND: OnceLock<&str> = OnceLock::new();
    COMMAND.get_or_init(|| {
        let help = Command::new("pcscd").arg("--help").output().map(|output| [output.stdout, output.stderr].concat());
        match String::from_utf8_lossy(&help.unwrap_or_default()).contains("--disable-polkit") {
            true => "pcscd --foreground --error --disable-polkit",
            false => "pcscd --foreground --error",
        }
    })
}

/// Starts a service whose words are kept.
fn listened_to(command: &mut Command) -> std::io::Result<(Child, Said)> {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let said = Said::default();
    process.stdout.take().into_iter().for_each(|stdout| drop(said.keep(stdout)));
    process.stderr.take().into_iter().for_each(|stderr| drop(said.keep(stderr)));
    Ok((process, said))
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
            format!("ip link set lo up && mount -t tmpfs none /run && mkdir -p /run/pcscd && exec {}", pcscd());
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--net"]);
        if !is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare.args(["sh", "-c", &script]);
        let (pcscd, said) = listened_to(&mut unshare).context("cannot start unshare (package util-linux)")?;
        let mut stack = Self { pcscd, said };
        stack.wait()?;
        Ok(stack)
    }

    /// Until the readers are there.
    fn wait(&mut self) -> anyhow::Result<()> {
        let start = now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.pcscd.try_wait()? {
                // What it said last is still on its way to us.
                pause(100);
                bail!("pcscd ended at once ({status}):\n{}", self.said);
            }
            let listed = self.command("hil-probe").arg("readers").output()?;
            if String::from_utf8_lossy(&listed.stdout).contains("Virtual PCD") {
                return Ok(());
            }
            pause(20);
        }
        bail!("pcscd has no virtual reader after {} s:\n{}", PATIENCE.as_secs(), self.said)
    }

    /// Kills the service and starts it anew, as an update of its package or a crash does; cards have left by then.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        // The namespaces live as long as somebody is in them.
        let mut keeper = self.command("sh").args(["-c", "echo; exec sleep 60"]).stdout(Stdio::piped()).spawn()?;
        BufReader::new(keeper.stdout.take().context("standard output")?).read_line(&mut String::new())?;
        let mut again = Command::new("nsenter");
        again.arg(format!("--target={}", keeper.id())).args(["--mount", "--net"]);
        if !is_root() {
            again.args(["--user", "--preserve-credentials"]);
        }
        again.args(["--", "sh", "-c", &format!("rm -f /run/pcscd/*; exec {}", pcscd())]);
        end(&mut self.pcscd);
        let again = listened_to(&mut again).context("cannot start nsenter (package util-linux)")?;
        (self.pcscd, self.said) = again;
        let up = self.wait();
        end(&mut keeper);
        up
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
