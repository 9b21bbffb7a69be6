//! One read of a chip, from EF.CardAccess to chip authentication, as a state machine without I/O.
//!
//! The order of files is chosen so that what names the holder is there early and what is long comes late:
//! SOD, then the wanted groups with EF.DG2 last. Chip authentication follows, so that a copy that fails it has given
//! all its other evidence before; terminal authentication and the groups that it opens close the read.
//!
//! A chip that breaks off the secure channel over something that it dislikes is reset and opened anew, and the read goes
//! on without that, see [`Manner`]: what was read before stays, but every proof is made again, so that all of them are
//! of one session. A proof over which the chip breaks off loses nothing that was read.
//!
//! | file | task |
//! |---|---|
//! | `mod.rs` | the machine and its interface |
//! | `plan.rs` | what is to be read, and how |
//! | `delivery.rs` | one command with all that belongs to it: chaining, GET RESPONSE, the exact length |
//! | `reopen.rs` | what is kept when a session is lost, and what is given up |
//! | `progress.rs` | where a read stands |
//! | `access.rs` | which access protocol, with which password |
//! | `receive.rs` | what becomes of an answer in each state |
//! | `files.rs` | which files, in which order, from which byte |
//! | `proofs.rs` | active, chip and terminal authentication |

mod access;
mod delivery;
mod files;
mod plan;
mod progress;
mod proofs;
mod receive;
mod reopen;

pub use plan::{AccessPolicy, Expected, Plan};
pub use progress::{Phase, Progress};

use crate::active_authentication::{ActiveAuthentication, ActiveAuthenticationTranscript};
use crate::apdu::Command;
use crate::bac::Bac;
use crate::chip_authentication::{ChipAuthentication, ChipAuthenticationTranscript};
use crate::crypto::{GroupKey, KeyReserve};
use crate::error::Error;
use crate::evidence::{AccessRecord, Evidence, FileEvidence, Proof, TerminalRecord};
use crate::exchange::Exchange;
use crate::file::{FileId, PartialFile, ReadFile, select_file};
use crate::manner::{Feature, Manner, Select};
use crate::pace::{ChipAuthenticationData, Pace};
use crate::password::Password;
use crate::secret::Entropy;
use crate::secure_messaging::SecureMessaging;
use crate::security_info::PaceInfo;
use crate::terminal_authentication::{SigningRequest, TerminalAuthentication};
use delivery::Delivery;
use reopen::Experience;
use std::collections::{BTreeMap, VecDeque};

/// What an interrupted read had brought. A read of the same card, put back, goes on from there.
///
/// Nothing is taken on trust: the new session authenticates anew, reads EF.SOD again and takes the old bytes only
/// when it is the same to the letter; the hashes in it then prove that nothing was spliced. No proof of the chip is
/// taken over: the one that is there now makes all of them.
pub struct Interrupted {
    files: BTreeMap<FileId, FileEvidence>,
    not_read: BTreeMap<FileId, String>,
    current: Option<PartialFile>,
    experience: Experience,
}

impl Interrupted {
    const fn nothing(experience: Experience) -> Self {
        Self { files: BTreeMap::new(), not_read: BTreeMap::new(), current: None, experience }
    }

    /// How many files were read whole. None before EF.SOD: a read that left off sooner begins anew, in the manner that the
    /// chip and the reader have shown to take.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len()
    }
}

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Interrupted({} files)", self.files.len())
    }
}

/// What the session wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes to the card and feed its answer.
    Transmit(Vec<u8>),
    /// Reset the card, as by taking its power away, and say so to [`Session::was_reset`].
    Reset,
    /// Have the inspection system's key sign, and give the signature to [`Session::signed`].
    Sign(SigningRequest),
    /// The read is complete.
    Done,
}

/// AID of the eMRTD application (ICAO 9303-10 §3.1).
const APPLICATION: [u8; 7] = [0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01];

/// SELECT of the eMRTD application by its name, in one of its spellings.
#[must_use]
pub fn select_application(select: Select) -> Command {
    select.command(0x04, &APPLICATION)
}

/// Short identifier of EF.ATR/INFO in the master file (ICAO 9303-10 §3.11.2).
const ATR_INFO_SFI: u8 = 0x01;

/// The groups behind terminal authentication: fingerprints and irises.
const BIOMETRIC: [u8; 2] = [3, 4];

/// SELECT MF in three spellings. Some chips, the CCCD among them, refuse all of them with 6D00 and are in the
/// master file anyway; no answer is fatal.
const SELECT_MASTER_FILE: [(u8, u8, &[u8]); 3] =
    [(0x00, 0x0C, &[0x3F, 0x00]), (0x00, 0x0C, &[]), (0x00, 0x00, &[0x3F, 0x00])];

enum State {
    /// The card is to be reset.
    Reset,
    AtrInfo,
    CardAccess(ReadFile),
    SelectMasterFile,
    Pace(Pace),
    Bac(Bac),
    Select(Before),
    File(ReadFile),
    ActiveAuthentication(ActiveAuthentication),
    ChipAuthentication(ChipAuthentication),
    /// The first command under the new keys, which shows that the chip has them.
    Confirm(GroupKey),
    /// The request is set while the signature is made.
    TerminalAuthentication(TerminalAuthentication, Option<SigningRequest>),
    Done,
    /// An error ended the session.
    Broken,
}

/// What the application is selected for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Chips that do PACE inside the application only.
    Pace,
    Bac,
    Files,
}

/// One read of a chip: says which bytes to send, and is fed what came back.
///
/// ```
/// use emrtd::{Action, Evidence, FileId, Password, Plan, Session, SystemEntropy};
///
/// /// What the caller has: a reader, a socket, a telephone.
/// trait Card {
///     fn transmit(&mut self, command: &[u8]) -> Vec<u8>;
///     fn reset(&mut self);
/// }
///
/// fn read(card: &mut impl Card, plan: Plan) -> Result<Option<Evidence>, emrtd::Error> {
///     let mut session = Session::new(plan, Box::new(SystemEntropy));
///     loop {
///         match session.next()? {
///             Action::Transmit(command) => session.feed(&card.transmit(&command))?,
///             Action::Reset => {
///                 card.reset();
///                 session.was_reset();
///             }
///             // Whoever has an inspection system's key gives its signature to `signed` instead.
///             Action::Sign(_) => session.not_signed(),
///             Action::Done => return Ok(session.into_evidence()),
///         }
///     }
/// }
/// #
/// # impl Card for virtual_card::Chip {
/// #     fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
/// #         match virtual_card::Chip::transmit(self, command) {
/// #             virtual_card::Answer::Response(bytes) => bytes,
/// #             virtual_card::Answer::Lifted => Vec::new(),
/// #         }
/// #     }
/// #     fn reset(&mut self) {
/// #         virtual_card::Chip::reset(self);
/// #     }
/// # }
/// # let mut card = virtual_card::Chip::new(&virtual_card::PERSONAS[0], virtual_card::Fault::None)?;
///
/// let evidence = read(&mut card, Plan::new(vec![Password::can("000017")?], &[1, 2, 13]))?.ok_or("not opened")?;
/// assert!(evidence.access.protocol.starts_with("PACE"));
/// assert!(evidence.content(FileId::Dg(13)).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    plan: Plan,
    entropy: Box<dyn Entropy>,
    channel: Option<SecureMessaging>,
    state: State,
    /// The next bytes for the card.
    outgoing: Option<Vec<u8>>,
    /// The command that they belong to.
    delivery: Option<Delivery>,
    experience: Experience,
    /// The most response bytes in one extended answer.
    max_response: u32,
    reserve: KeyReserve,
    master_file_tries: usize,
    /// Spellings of SELECT that the chip has refused for the application.
    selects_refused: usize,
    attempts: VecDeque<Attempt>,
    current: Option<Attempt>,
    offers: Vec<PaceInfo>,
    /// Those that were not tried, best first.
    untried: VecDeque<PaceInfo>,
    fallback: Option<String>,
    access: Option<AccessRecord>,
    queue: VecDeque<FileId>,
    files: BTreeMap<FileId, FileEvidence>,
    not_read: BTreeMap<FileId, String>,
    active: Proof<ActiveAuthenticationTranscript>,
    chip: Proof<ChipAuthenticationTranscript>,
    cam: Proof<ChipAuthenticationData>,
    terminal: Option<TerminalRecord>,
    /// What terminal authentication signs besides the challenge: the chip's identifier, the terminal's key.
    chip_identifier: Vec<u8>,
    terminal_key: Vec<u8>,
    interrupted: Option<Interrupted>,
    partial: Option<PartialFile>,
    /// The file that was on the air when an error ended the session.
    current_file: Option<FileId>,
    resumed: bool,
    /// A whole read, but for a proof that is asked for again in a session of its own.
    kept: Option<Box<Evidence>>,
}

#[derive(Clone)]
enum Attempt {
    Pace(PaceInfo, Password),
    Bac(Password),
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?})", self.progress().phase)
    }
}

impl Session {
    /// A read according to `plan`, on a card that was just powered.
    #[must_use]
    pub fn new(plan: Plan, entropy: Box<dyn Entropy>) -> Self {
        let manner = plan.expected.map_or(Manner::FAST, |expected| expected.manner);
        Self {
            max_response: plan.max_response,
            plan,
            entropy,
            channel: None,
            state: State::Done,
            outgoing: None,
            delivery: None,
            experience: Experience::new(manner),
            reserve: KeyReserve::default(),
            master_file_tries: 0,
            selects_refused: 0,
            attempts: VecDeque::new(),
            current: None,
            offers: Vec::new(),
            untried: VecDeque::new(),
            fallback: None,
            access: None,
            queue: VecDeque::new(),
            files: BTreeMap::new(),
            not_read: BTreeMap::new(),
            active: not_reached(),
            chip: not_reached(),
            cam: Proof::NotAsked("not_offered".to_owned()),
            terminal: None,
            chip_identifier: Vec::new(),
            terminal_key: Vec::new(),
            interrupted: None,
            partial: None,
            current_file: None,
            resumed: false,
            kept: None,
        }
        .started()
    }

    /// A read that goes on from an interrupted one, if it meets the same card.
    #[must_use]
    pub fn resume(plan: Plan, entropy: Box<dyn Entropy>, interrupted: Interrupted) -> Self {
        let experience = interrupted.experience.for_another_card();
        let plan = Plan { expected: None, ..plan };
        Self { interrupted: Some(interrupted), experience, ..Self::new(plan, entropy) }.started()
    }

    /// The same with key pairs that were made before the card came.
    #[must_use]
    pub fn with_reserve(mut self, reserve: KeyReserve) -> Self {
        self.reserve = reserve;
        self
    }

    /// The manner that the chip takes, as far as this read has found out.
    #[must_use]
    pub const fn manner(&self) -> Manner {
        self.experience.manner
    }

    /// How often the chip was opened: more than once when it broke off.
    #[must_use]
    pub const fn openings(&self) -> u8 {
        self.experience.openings
    }

    /// What there is to go on from when the card has left. `None` where nothing is.
    #[must_use]
    pub fn interrupt(mut self) -> Option<Interrupted> {
        self.unanswered();
        self.set_aside();
        self.interrupted
    }

    /// Whether bytes of an interrupted read were taken over.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    fn started(mut self) -> Self {
        self.start();
        self
    }

    fn start(&mut self) {
        self.state = if self.plan.access == AccessPolicy::Bac {
            self.queue_bac();
            State::Select(Before::Bac)
        } else if self.plan.ask_sizes {
            State::AtrInfo
        } else {
            self.read_card_access()
        };
    }

    /// EF.CardAccess: outside any session, and in a short answer.
    fn read_card_access(&self) -> State {
        State::CardAccess(ReadFile::new(FileId::CardAccess, self.experience.manner.within(256, 256)))
    }

    /// What to do now. Repeats the same action until `feed` is called.
    ///
    /// # Errors
    /// When a command cannot be built, or the session already ended in an error.
    #[allow(clippy::should_implement_trait, reason = "the name is the convention of sans-IO machines")]
    pub fn next(&mut self) -> Result<Action, Error> {
        if let Some(command) = &self.outgoing {
            return Ok(Action::Transmit(command.clone()));
        }
        let entropy = &mut *self.entropy;
        let command = match &mut self.state {
            State::CardAccess(read) | State::File(read) => read.begin(entropy)?,
            State::SelectMasterFile => {
                let (p1, p2, data) = SELECT_MASTER_FILE[self.master_file_tries - 1];
                Command::new(0x00, 0xA4, p1, p2).with_data(data.to_vec())
            }
            State::Pace(pace) => pace.begin(entropy)?,
            State::Bac(bac) => bac.begin(entropy)?,
            State::Select(_) => select_application(self.experience.manner.application),
            State::ActiveAuthentication(run) => run.begin(entropy)?,
            State::ChipAuthentication(run) => run.begin(entropy)?,
            // Something that the chip has answered before.
            State::Confirm(_) if self.experience.manner.has(Feature::ShortIdentifier) => {
                Command::new(0x00, 0xB0, 0x80 | FileId::Sod.sfi(), 0x00).with_le(8)
            }
            State::Confirm(_) => select_file(FileId::Sod, self.experience.manner),
            State::AtrInfo => Command::new(0x00, 0xB0, 0x80 | ATR_INFO_SFI, 0x00).with_le(256),
            State::Reset => return Ok(Action::Reset),
            State::TerminalAuthentication(_, Some(request)) => return Ok(Action::Sign(request.clone())),
            State::TerminalAuthentication(run, None) => run.begin(),
            State::Done => return Ok(Action::Done),
            State::Broken => return Err(Error::OutOfOrder),
        };
        Ok(Action::Transmit(self.dispatch(command)))
    }

    /// Takes the card's answer to the last command: data field and status bytes.
    ///
    /// # Errors
    /// When the read cannot go on. The session is over then; [`Session::into_evidence`] has what was read before.
    pub fn feed(&mut self, answer: &[u8]) -> Result<(), Error> {
        if self.outgoing.take().is_none() {
            return Err(Error::OutOfOrder);
        }
        self.current_file = match &self.state {
            State::File(read) => Some(read.file()),
            _ => None,
        };
        let result = self.receive(answer);
        match (&result, &self.state) {
            // The proof that this session was for is not to be had; the read before it stays.
            (Err(_), _) if self.kept.is_some() => {
                self.state = State::Done;
                return Ok(());
            }
            (Err(_), _) => self.state = State::Broken,
            (Ok(()), State::Done) => self.kept = None,
            _ => {}
        }
        result
    }

    /// Takes the signature that [`Action::Sign`] asked for.
    ///
    /// # Errors
    /// When none was asked for.
    pub fn signed(&mut self, signature: &[u8]) -> Result<(), Error> {
        let State::TerminalAuthentication(run, request) = &mut self.state else { return Err(Error::OutOfOrder) };
        let command = run.signed(signature)?;
        *request = None;
        self.dispatch(command);
        Ok(())
    }

    /// Goes on without terminal authentication, because the signature cannot be had: the groups that it would open
    /// stay unread.
    pub fn not_signed(&mut self) {
        if matches!(self.state, State::TerminalAuthentication(..)) {
            self.terminal_refused("no_signature");
        }
    }

    /// How the chip was opened, once it is.
    #[must_use]
    pub const fn access(&self) -> Option<&AccessRecord> {
        self.access.as_ref()
    }

    /// A file that was read, while the session still runs: the holder's text can be shown before the portrait.
    #[must_use]
    pub fn file(&self, file: FileId) -> Option<&[u8]> {
        match self.files.get(&file) {
            Some(FileEvidence::Content(bytes)) => Some(bytes.expose()),
            _ => None,
        }
    }

    /// The front of the file that is on the air now: a portrait can be decoded while it arrives.
    #[must_use]
    pub fn arriving(&self) -> Option<(FileId, &[u8])> {
        match &self.state {
            State::File(read) => Some((read.file(), read.bytes())),
            _ => None,
        }
    }

    /// Everything that was read. `None` when the chip was never opened.
    #[must_use]
    pub fn into_evidence(mut self) -> Option<Evidence> {
        if let Some(kept) = self.kept.take() {
            return Some(*kept);
        }
        // A read that ended early says so of every file that it still wanted.
        let current = match &self.state {
            State::File(read) => Some(read.file()),
            _ => self.current_file,
        };
        for file in self.queue.into_iter().chain(current) {
            if !self.files.contains_key(&file) {
                self.not_read.entry(file).or_insert_with(|| "not_reached".to_owned());
            }
        }
        Some(Evidence {
            access: self.access?,
            files: self.files,
            not_read: self.not_read,
            active_authentication: self.active,
            chip_authentication: self.chip,
            pace_cam: self.cam,
            terminal_authentication: self.terminal,
            document: None,
        })
    }

    /// The same of a read that may go on.
    fn evidence(&self) -> Option<Evidence> {
        Some(Evidence {
            access: self.access.clone()?,
            files: self.files.clone(),
            not_read: self.not_read.clone(),
            active_authentication: self.active.clone(),
            chip_authentication: self.chip.clone(),
            pace_cam: self.cam.clone(),
            terminal_authentication: None,
            document: None,
        })
    }

    /// Sends a command, in as many parts as it takes.
    fn dispatch(&mut self, command: Command) -> Vec<u8> {
        let extended = self.plan.max_response > 256 && !self.experience.extended_lost;
        let (delivery, first) = Delivery::new(command, self.channel.is_some() && !extended);
        self.delivery = Some(delivery);
        self.transmit(&first)
    }

    fn transmit(&mut self, command: &Command) -> Vec<u8> {
        let bytes = match &mut self.channel {
            Some(channel) => channel.protect(command),
            None => command.encode(),
        };
        self.outgoing = Some(bytes.clone());
        bytes
    }

    fn go_on(&mut self, state: State, command: Command) -> Result<(), Error> {
        self.state = state;
        self.dispatch(command);
        Ok(())
    }
}

/// A proof that the read has not come to yet; it stays so in evidence when the read ends before.
fn not_reached<T>() -> Proof<T> {
    Proof::NotAsked("not_reached".to_owned())
}
