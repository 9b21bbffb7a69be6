//! A door relay that cannot stay on.
//!
//! The line belongs to a process of its own, which does nothing but this: it switches the relay on for as long as it is
//! told, never longer than its own maximum, and off at once when the pipe to the agent closes. An agent that hangs,
//! panics or is killed with signal 9 therefore leaves no door open. Against a hang of the kernel or a loss of power
//! only the relay board helps: docs/hardware.md says which ones fall back by themselves.
//!
//! The agent writes two bytes a command, big-endian: milliseconds to stay on, 0 to go off. While the relay is on, a new
//! time is not taken: it would be a way to stay on for ever.

use super::Lines;
use crate::device::DeviceError;
use rustix::event::{PollFd, PollFlags};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// The longest maximum that a configuration may ask for.
pub const LONGEST: Duration = Duration::from_secs(30);

/// Guards a line until `commands` ends.
///
/// # Errors
/// When the line cannot be used. It is off then, as far as it can be switched.
pub fn guard(
    lines: &mut dyn Lines,
    line: u32,
    maximum: Duration,
    mut commands: impl Read + AsFd,
) -> Result<(), DeviceError> {
    let name = lines.name();
    let failed = |error: rustix::io::Errno| DeviceError::from_io(&name, &error.into());
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).map_err(failed)?;
    lines.set(line, false)?;
    let mut on = false;
    loop {
        let mut ready = [PollFd::new(&commands, PollFlags::IN), PollFd::new(&timer, PollFlags::IN)];
        match rustix::event::poll(&mut ready, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => {
                lines.set(line, false)?;
                return Err(failed(error));
            }
        }
        let [command, expired] = ready.map(|fd| !fd.revents().is_empty());
        if expired {
            lines.set(line, false)?;
            on = false;
            // Read away, or it is ready for ever.
            rustix::io::read(&timer, &mut [0; 8]).map_err(failed)?;
        }
        if command {
            let mut bytes = [0; 2];
            if commands.read_exact(&mut bytes).is_err() {
                return lines.set(line, false);
            }
            let wanted = Duration::from_millis(u16::from_be_bytes(bytes).into()).min(maximum).min(LONGEST);
            if wanted.is_zero() {
                lines.set(line, false)?;
                on = false;
            } else if !on {
                let it_value = Timespec::try_from(wanted).unwrap_or_default();
                let once = Itimerspec { it_interval: Timespec::default(), it_value };
                // First the end, then the beginning.
                rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once).map_err(failed)?;
                lines.set(line, true)?;
                on = true;
            }
        }
    }
}

/// The agent's end of a guard.
#[derive(Debug)]
pub struct Guard {
    command: Vec<String>,
    running: Option<(Child, ChildStdin)>,
}

impl Guard {
    /// A guard that is started as this program with these arguments.
    #[must_use]
    pub const fn new(command: Vec<String>) -> Self {
        Self { command, running: None }
    }

    /// Switches the relay on for a while; the guard's maximum stands.
    ///
    /// # Errors
    /// When the guard cannot be started, or has ended.
    pub fn pulse(&mut self, duration: Duration) -> Result<(), DeviceError> {
        let milliseconds = u16::try_from(duration.as_millis()).unwrap_or(u16::MAX);
        self.tell(milliseconds)
    }

    /// Switches it off at once.
    ///
    /// # Errors
    /// When the guard cannot be started, or has ended.
    pub fn off(&mut self) -> Result<(), DeviceError> {
        self.tell(0)
    }

    fn tell(&mut self, milliseconds: u16) -> Result<(), DeviceError> {
        let error = |e: &std::io::Error| DeviceError::from_io("relay guard", e);
        if self.running.is_none() {
            let (program, arguments) = self.command.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
            let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
            let mut child = child.map_err(|e| error(&e))?;
            let Some(stdin) = child.stdin.take() else {
                return Err(DeviceError::Failed { device: "relay guard".to_owned(), why: "no pipe".to_owned() });
            };
            self.running = Some((child, stdin));
        }
        let Some((child, stdin)) = &mut self.running else { return Ok(()) };
        let result = stdin.write_all(&milliseconds.to_be_bytes());
        if result.is_err() {
            program::ignore(child.wait(), "it was told to end, and nothing more is asked of it");
            self.running = None;
        }
        result.map_err(|e| error(&e))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((mut child, stdin)) = self.running.take() {
            drop(stdin);
            program::ignore(child.wait(), "it was told to end, and nothing more is asked of it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpio::Wiring;
    use crate::gpio::simulated::{Board, SimulatedLines};
    use std::fs::File;

    const LINE: u32 = 17;

    fn started(maximum: Duration) -> (Board, File, std::thread::JoinHandle<Result<(), DeviceError>>) {
        let board = Board::default();
        let (commands, agent) = rustix::pipe::pipe().expect("pipe");
        let mut lines = SimulatedLines::new(
            board.clone(),
            Wiring { outputs: vec!["17".parse().expect("pin")], inputs: Vec::new() },
        );
        let thread = std::thread::spawn(move || guard(&mut lines, LINE, maximum, File::from(commands)));
        (board, File::from(agent), thread)
    }

    fn becomes(board: &Board, on: bool) -> bool {
        let pause = Duration::from_millis(2);
        (0..5000).any(|_| {
            std::thread::park_timeout(pause);
            board.is_high(LINE) == on
        })
    }

    #[test]
    fn the_relay_goes_off_by_itself() {
        let (board, mut agent, _thread) = started(Duration::from_millis(60));
        agent.write_all(&60_000u16.to_be_bytes()).expect("command");
        assert!(becomes(&board, true) && becomes(&board, false), "after the maximum, not after a minute");
        // Asking again and again does not keep it on.
        for _ in 0..3 {
            agent.write_all(&60_000u16.to_be_bytes()).expect("command");
        }
        assert!(becomes(&board, true) && becomes(&board, false));
    }

    #[test]
    fn it_goes_off_when_it_is_told_and_when_the_agent_dies() {
        let (board, mut agent, thread) = started(LONGEST);
        agent.write_all(&20_000u16.to_be_bytes()).expect("command");
        assert!(becomes(&board, true));
        agent.write_all(&0u16.to_be_bytes()).expect("command");
        assert!(becomes(&board, false));
        agent.write_all(&20_000u16.to_be_bytes()).expect("command");
        assert!(becomes(&board, true));
        drop(agent);
        assert_eq!(thread.join().expect("no panic"), Ok(()));
        assert!(!board.is_high(LINE));
    }

    #[test]
    fn a_guard_that_cannot_start_says_so() {
        let error = Guard::new(vec!["/nowhere/cccd-agent".to_owned()]).pulse(Duration::from_secs(1));
        assert!(matches!(error, Err(DeviceError::Absent { .. })), "{error:?}");
    }
}
