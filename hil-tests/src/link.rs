//! A contactless link in virtual time: how long a read would take at a bit rate, without waiting for it.
//!
//! | part | model | where the number is from |
//! |---|---|---|
//! | frame | payload + 3 bytes (PCB, CRC), 9 bits a byte, 30 us for start and end | ISO/IEC 14443-3 type A, 14443-4 |
//! | frame size | 256 bytes both ways, 253 of payload | FSD and FSC of current readers and chips |
//! | turn-around | 0.2 ms before each frame of the other side | frame delay times; an assumption of the right size |
//! | chaining | every chained frame but the last is acknowledged by a frame of 3 bytes | ISO/IEC 14443-4 §7.5.1 |
//! | host | 2 ms a command | PC/SC and USB, 1 to 5 ms |
//! | chip | 4 ms a command, 10 us a byte read | an assumption, as are the next two |
//! | chip, key agreement | 60 ms a step of PACE that multiplies points, 35 ms chip authentication | |
//! | chip, signature | 150 ms active authentication | |
//!
//! The numbers of the chip are assumptions: no card was measured. What the model is good for is comparing ways of
//! reading the same card.

use emrtd::{Action, Error, Evidence, Phase, Plan, Session, SystemEntropy};
use std::time::Duration;
use virtual_card::{Answer, Chip};

/// A bit rate with the model's other times.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Bits a second.
    pub bit_rate: u32,
}

/// Bytes of payload in a frame.
const PAYLOAD: usize = 253;
const FRAME_OVERHEAD: usize = 3;
const BITS_PER_BYTE: f64 = 9.0;
const START_AND_END: f64 = 30e-6;
const TURN_AROUND: f64 = 0.2e-3;
const HOST: f64 = 2e-3;
const CHIP_COMMAND: f64 = 4e-3;
const CHIP_BYTE: f64 = 10e-6;
const CHIP_PACE: f64 = 60e-3;
const CHIP_AUTHENTICATION: f64 = 35e-3;
const CHIP_SIGNATURE: f64 = 150e-3;

/// What a command makes the chip compute, besides moving bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Nothing of note.
    None,
    /// A key agreement of PACE.
    Pace,
    /// Chip authentication.
    ChipAuthentication,
    /// A signature.
    Signature,
}

impl Work {
    const fn seconds(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Pace => CHIP_PACE,
            Self::ChipAuthentication => CHIP_AUTHENTICATION,
            Self::Signature => CHIP_SIGNATURE,
        }
    }
}

impl Link {
    fn frame(self, bytes: usize) -> f64 {
        (bytes + FRAME_OVERHEAD) as f64 * BITS_PER_BYTE / f64::from(self.bit_rate) + START_AND_END + TURN_AROUND
    }

    /// One side's message, with the other's acknowledgements between its frames.
    fn message(self, bytes: usize) -> f64 {
        let frames = bytes.div_ceil(PAYLOAD).max(1);
        let full = frames - 1;
        full as f64 * (self.frame(PAYLOAD) + self.frame(0)) + self.frame(bytes - full * PAYLOAD)
    }

    /// Time of one command and its answer; `read` is how many bytes of a file the chip moves for it.
    #[must_use]
    pub fn exchange(self, command: usize, answer: usize, read: usize, work: Work) -> Duration {
        let chip = CHIP_COMMAND + read as f64 * CHIP_BYTE + work.seconds();
        Duration::from_secs_f64(self.message(command) + self.message(answer) + chip + HOST)
    }
}

/// One exchange as it went over the link.
#[derive(Debug, Clone, Copy)]
pub struct Exchanged {
    /// Time it took.
    pub time: Duration,
    /// Whether it read a file.
    pub reads: bool,
}

/// A chip behind a link: every exchange advances a clock that nobody waits for.
pub struct VirtualField {
    chip: Chip,
    link: Link,
    now: Duration,
    log: Vec<Exchanged>,
}

impl std::fmt::Debug for VirtualField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VirtualField({:?} at {:?})", self.link, self.now)
    }
}

impl VirtualField {
    /// Lays a chip into the field.
    #[must_use]
    pub const fn new(chip: Chip, link: Link) -> Self {
        Self { chip, link, now: Duration::ZERO, log: Vec::new() }
    }

    /// Time since the chip was laid there.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// Every exchange so far.
    #[must_use]
    pub fn log(&self) -> &[Exchanged] {
        &self.log
    }

    /// The card is lifted and put back, which takes a while.
    pub fn lift(&mut self, away: Duration) {
        self.chip.reset();
        self.now += away;
    }

    /// Power off and on.
    pub fn reset(&mut self) {
        self.chip.reset();
    }

    /// One command and its answer. What a command is, shows in its header, also under secure messaging; what the chip
    /// computes for it, the caller knows.
    ///
    /// # Panics
    /// When the chip leaves by itself: lifts are injected here.
    pub fn transmit(&mut self, command: &[u8], work: Work) -> Vec<u8> {
        let Answer::Response(answer) = self.chip.transmit(command) else { panic!("the chip stays in the field") };
        let reads = matches!(command.get(1), Some(0xB0 | 0xB1));
        let read = if reads { answer.len() } else { 0 };
        let time = self.link.exchange(command.len(), answer.len(), read, work);
        self.now += time;
        self.log.push(Exchanged { time, reads });
        answer
    }
}

/// How long a lifted card is away.
const AWAY: Duration = Duration::from_millis(700);

/// More lifts than this end a read.
const MOST_LIFTS: usize = 40;

/// Reads a chip in virtual time. `lose` says of each exchange, by its number, whether its answer is lost: then the card
/// counts as lifted and put back, and the read goes on where it was.
///
/// # Errors
/// When the chip breaks the protocol, or the card is lifted again and again.
pub fn drive(field: &mut VirtualField, plan: &Plan, mut lose: impl FnMut(usize) -> bool) -> Result<Evidence, Error> {
    let mut session = Session::new(plan.clone(), Box::new(SystemEntropy));
    let (mut phase, mut step, mut number, mut lifts) = (Phase::CardAccess, 0, 0, 0);
    loop {
        let command = match session.next()? {
            Action::Transmit(command) => command,
            Action::Reset => {
                field.reset();
                session.was_reset();
                continue;
            }
            Action::Sign(_) => {
                session.not_signed();
                continue;
            }
            Action::Done => return session.into_evidence().ok_or(Error::OutOfOrder),
        };
        if session.progress().phase != phase {
            (phase, step) = (session.progress().phase, 0);
        }
        step += 1;
        // MSE:Set AT, nonce, mapping, key agreement, token; MSE:Set AT, key agreement.
        let work = match (phase, step) {
            (Phase::Pace, 3 | 4) => Work::Pace,
            (Phase::ChipAuthentication, 2) => Work::ChipAuthentication,
            (Phase::ActiveAuthentication, 1) => Work::Signature,
            _ => Work::None,
        };
        let answer = field.transmit(&command, work);
        number += 1;
        if lose(number) {
            lifts += 1;
            if lifts > MOST_LIFTS {
                return Err(Error::Limit { operation: "read", limit: "lifts" });
            }
            field.lift(AWAY);
            let entropy = Box::new(SystemEntropy);
            session = match session.interrupt() {
                Some(interrupted) => Session::resume(plan.clone(), entropy, interrupted),
                None => Session::new(plan.clone(), entropy),
            };
            (phase, step) = (Phase::CardAccess, 0);
            continue;
        }
        session.feed(&answer)?;
    }
}

/// The least that the read of these files could take on this link: every command that is not a read, as it was, and one
/// command a file that brings all of it.
#[must_use]
pub fn floor(field: &VirtualField, evidence: &Evidence) -> Duration {
    let others: Duration = field.log.iter().filter(|e| !e.reads).map(|e| e.time).sum();
    let one = |length: usize| field.link.exchange(READ_COMMAND, length + PROTECTION, length, Work::None);
    let files: Duration = evidence.files.keys().filter_map(|file| evidence.content(*file)).map(|b| one(b.len())).sum();
    others + files
}

/// A protected READ BINARY in extended length, and what secure messaging adds to an answer.
const READ_COMMAND: usize = 24;
const PROTECTION: usize = 32;
