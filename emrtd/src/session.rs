//! One read of a chip, from EF.CardAccess to chip authentication, as a state machine without I/O.
//!
//! ```text
//! loop {
//!     match session.next()? {
//!         Action::Transmit(command) => session.feed(&reader.transmit(&command)?)?,
//!         Action::Done => break,
//!     }
//! }
//! let evidence = session.into_evidence();
//! ```
//!
//! The order of files is chosen so that what names the holder is there early and what is long comes late:
//! SOD, then the wanted groups with EF.DG2 last. Chip authentication closes the read, so that a copy that
//! fails it has given all its other evidence before.

use crate::active_authentication::{ActiveAuthentication, ActiveAuthenticationTranscript};
use crate::apdu::{Command, Response};
use crate::bac::Bac;
use crate::chip_authentication::{ChipAuthentication, ChipAuthenticationParameters, ChipAuthenticationTranscript};
use crate::crypto::PublicKey;
use crate::error::Error;
use crate::evidence::{AccessRecord, Evidence, FileEvidence, Proof};
use crate::exchange::{Exchange, Step};
use crate::file::{FileId, FileOutcome, PartialFile, ReadFile, ReadSize};
use crate::lds::{self, Sod};
use crate::pace::{Pace, ParameterReference};
use crate::password::Password;
use crate::secret::{Entropy, Secret};
use crate::secure_messaging::SecureMessaging;
use crate::security_info::{PaceInfo, SecurityInfos};
use std::collections::{BTreeMap, VecDeque};

/// Which access protocols may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessPolicy {
    /// PACE when the chip offers it, else BAC, which the evidence records.
    #[default]
    Auto,
    /// PACE only.
    Pace,
    /// BAC only.
    Bac,
}

/// What to read and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which access protocols may be used.
    pub access: AccessPolicy,
    /// Passwords to try, best first. BAC uses those of kind MRZ.
    pub passwords: Vec<Password>,
    /// Data groups wanted; read when the SOD lists them. EF.SOD is always read.
    pub data_groups: Vec<u8>,
    /// The most response bytes that reader and chip take in one extended APDU; 256 or less switches extended
    /// length off.
    pub max_response: u32,
    /// EF.CardAccess to assume when the chip does not give one.
    pub card_access_fallback: Option<Vec<u8>>,
}

/// What an interrupted read had brought. A read of the same card, put back, goes on from there.
///
/// Nothing is taken on trust: the new session authenticates anew, reads EF.SOD again and takes the old bytes only
/// when it is the same to the letter; the hashes in it then prove that nothing was spliced.
pub struct Interrupted {
    files: BTreeMap<FileId, FileEvidence>,
    not_read: BTreeMap<FileId, String>,
    active: Proof<ActiveAuthenticationTranscript>,
    current: Option<PartialFile>,
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
    /// The read is complete.
    Done,
}

/// Where a read stands, for people and for timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub phase: Phase,
    /// Bytes of the current file that are there.
    pub bytes: usize,
    /// Bytes of the current file in all, once known.
    pub total: Option<usize>,
}

/// The steps of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the protocols and files")]
pub enum Phase {
    CardAccess,
    Pace,
    Bac,
    SelectApplication,
    File(FileId),
    ActiveAuthentication,
    ChipAuthentication,
    Done,
}

impl Phase {
    /// A stable name for reports: `card_access`, `pace`, `dg2`, …
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::CardAccess => "card_access".to_owned(),
            Self::Pace => "pace".to_owned(),
            Self::Bac => "bac".to_owned(),
            Self::SelectApplication => "select_application".to_owned(),
            Self::File(file) => file.to_string().trim_start_matches("EF.").to_lowercase(),
            Self::ActiveAuthentication => "active_authentication".to_owned(),
            Self::ChipAuthentication => "chip_authentication".to_owned(),
            Self::Done => "done".to_owned(),
        }
    }
}

/// AID of the eMRTD application (ICAO 9303-10 §3.1).
const APPLICATION: [u8; 7] = [0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01];

/// The most to ask for in one extended APDU. Larger ones save little, show no progress, and are lost whole when the
/// card is lifted.
const CHUNK: u32 = 4096;

/// SELECT MF in three spellings. Some chips, the CCCD among them, refuse all of them with 6D00 and are in the
/// master file anyway; no answer is fatal.
const SELECT_MASTER_FILE: [(u8, u8, &[u8]); 3] =
    [(0x00, 0x0C, &[0x3F, 0x00]), (0x00, 0x0C, &[]), (0x00, 0x00, &[0x3F, 0x00])];

enum State {
    CardAccess(ReadFile),
    SelectMasterFile,
    Pace(Pace),
    Bac(Bac),
    Select {
        before_bac: bool,
    },
    File(ReadFile),
    ActiveAuthentication(ActiveAuthentication),
    ChipAuthentication(ChipAuthentication),
    /// The first command under the new keys, which shows that the chip has them.
    Confirm {
        private: Secret,
    },
    Done,
    /// An error ended the session.
    Broken,
}

/// One read of a chip.
pub struct Session {
    plan: Plan,
    entropy: Box<dyn Entropy>,
    channel: Option<SecureMessaging>,
    state: State,
    /// The next command, already protected.
    outgoing: Option<Vec<u8>>,
    size: ReadSize,
    master_file_tries: usize,
    attempts: VecDeque<Attempt>,
    current: Option<Attempt>,
    offers: Vec<PaceInfo>,
    fallback: Option<String>,
    access: Option<AccessRecord>,
    queue: VecDeque<FileId>,
    files: BTreeMap<FileId, FileEvidence>,
    not_read: BTreeMap<FileId, String>,
    active: Proof<ActiveAuthenticationTranscript>,
    chip: Proof<ChipAuthenticationTranscript>,
    interrupted: Option<Interrupted>,
    partial: Option<PartialFile>,
    resumed: bool,
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
        let size = ReadSize { short: 256, extended: 256 };
        Self {
            plan,
            entropy,
            channel: None,
            state: State::Done,
            outgoing: None,
            size,
            master_file_tries: 0,
            attempts: VecDeque::new(),
            current: None,
            offers: Vec::new(),
            fallback: None,
            access: None,
            queue: VecDeque::new(),
            files: BTreeMap::new(),
            not_read: BTreeMap::new(),
            active: not_reached(),
            chip: not_reached(),
            interrupted: None,
            partial: None,
            resumed: false,
        }
        .started()
    }

    /// A read that goes on from an interrupted one, if it meets the same card.
    #[must_use]
    pub fn resume(plan: Plan, entropy: Box<dyn Entropy>, interrupted: Interrupted) -> Self {
        Self { interrupted: Some(interrupted), ..Self::new(plan, entropy) }
    }

    /// What there is to go on from when the card has left. `None` before EF.SOD was read.
    #[must_use]
    pub fn interrupt(mut self) -> Option<Interrupted> {
        if !self.files.contains_key(&FileId::Sod) {
            // The card left again before the new session came as far as the old one.
            return self.interrupted;
        }
        self.files.remove(&FileId::CardAccess);
        let current = match &self.state {
            State::File(read) => read.partial(),
            _ => None,
        };
        let current = current.or(self.partial);
        Some(Interrupted { files: self.files, not_read: self.not_read, active: self.active, current })
    }

    /// Whether bytes of an interrupted read were taken over.
    #[must_use]
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    fn started(mut self) -> Self {
        if self.plan.access == AccessPolicy::Bac {
            self.queue_bac();
            self.state = State::Select { before_bac: true };
        } else {
            self.state = State::CardAccess(ReadFile::new(FileId::CardAccess, self.size));
        }
        self
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
            State::Select { .. } => Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(APPLICATION.to_vec()),
            State::ActiveAuthentication(run) => run.begin(entropy)?,
            State::ChipAuthentication(run) => run.begin(entropy)?,
            State::Confirm { .. } => Command::new(0x00, 0xB0, 0x80 | FileId::Sod.sfi(), 0x00).with_le(8),
            State::Done => return Ok(Action::Done),
            State::Broken => return Err(Error::OutOfOrder),
        };
        Ok(Action::Transmit(self.dispatch(&command)))
    }

    /// Takes the card's answer to the last command: data field and status bytes.
    ///
    /// # Errors
    /// When the read cannot go on. The session is over then; [`Session::into_evidence`] has what was read before.
    pub fn feed(&mut self, answer: &[u8]) -> Result<(), Error> {
        if self.outgoing.take().is_none() {
            return Err(Error::OutOfOrder);
        }
        let result = self.receive(answer);
        if result.is_err() {
            self.state = State::Broken;
        }
        result
    }

    /// Where the read stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let (phase, (bytes, total)) = match &self.state {
            State::CardAccess(read) => (Phase::CardAccess, read.progress()),
            State::SelectMasterFile => (Phase::CardAccess, (0, None)),
            State::Pace(_) => (Phase::Pace, (0, None)),
            State::Bac(_) => (Phase::Bac, (0, None)),
            State::Select { .. } => (Phase::SelectApplication, (0, None)),
            State::File(read) => (Phase::File(read.file()), read.progress()),
            State::ActiveAuthentication(_) => (Phase::ActiveAuthentication, (0, None)),
            State::ChipAuthentication(_) | State::Confirm { .. } => (Phase::ChipAuthentication, (0, None)),
            State::Done | State::Broken => (Phase::Done, (0, None)),
        };
        Progress { phase, bytes, total }
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

    /// Everything that was read. `None` when the chip was never opened.
    #[must_use]
    pub fn into_evidence(self) -> Option<Evidence> {
        Some(Evidence {
            access: self.access?,
            files: self.files,
            not_read: self.not_read,
            active_authentication: self.active,
            chip_authentication: self.chip,
        })
    }

    fn dispatch(&mut self, command: &Command) -> Vec<u8> {
        let bytes = match &mut self.channel {
            Some(channel) => channel.protect(command).encode(),
            None => command.encode(),
        };
        self.outgoing = Some(bytes.clone());
        bytes
    }

    fn receive(&mut self, answer: &[u8]) -> Result<(), Error> {
        let reason = "fewer than two bytes";
        let outer = Response::decode(answer).ok_or(Error::Protocol { operation: "response", reason })?;
        let opened = match &mut self.channel {
            Some(channel) => channel.unprotect(&outer),
            None => Ok(outer),
        };
        // A chip that cannot answer under the keys of chip authentication is a copy, not a broken read.
        if matches!(self.state, State::Confirm { .. } | State::ChipAuthentication(_)) {
            return self.receive_chip(answer, opened);
        }
        let response = opened?;
        let entropy = &mut *self.entropy;
        match std::mem::replace(&mut self.state, State::Broken) {
            State::CardAccess(mut read) => match read.feed(&response, entropy) {
                Ok(Step::Send(command)) => self.go_on(State::CardAccess(read), &command),
                Ok(Step::Done(FileOutcome::Read(bytes))) => self.card_access(Some(bytes)),
                // Whatever is wrong with the unsigned file, another SELECT or BAC may still work.
                _ => self.card_access(None),
            },
            State::SelectMasterFile => {
                self.state = State::CardAccess(ReadFile::new(FileId::CardAccess, self.size));
                Ok(())
            }
            State::Pace(mut pace) => match pace.feed(&response, entropy) {
                Ok(Step::Send(command)) => self.go_on(State::Pace(pace), &command),
                Ok(Step::Done(output)) => self.opened(output.session),
                Err(error) => self.next_attempt(error),
            },
            State::Bac(mut bac) => match bac.feed(&response, entropy) {
                Ok(Step::Send(command)) => self.go_on(State::Bac(bac), &command),
                Ok(Step::Done(channel)) => self.opened(channel),
                Err(error) => self.next_attempt(error),
            },
            State::Select { before_bac } => {
                if !response.status.is_success() {
                    return Err(Error::Status { operation: "SELECT application", status: response.status });
                }
                if before_bac {
                    return self.next_attempt(Error::NoAccessProtocol("no MRZ key data for BAC"));
                }
                self.start_file(FileId::Sod);
                Ok(())
            }
            State::File(mut read) => match read.feed(&response, entropy)? {
                Step::Send(command) => self.go_on(State::File(read), &command),
                Step::Done(outcome) => self.file_done(&read, outcome),
            },
            State::ActiveAuthentication(mut run) => {
                match run.feed(&response, entropy) {
                    Ok(Step::Send(command)) => return self.go_on(State::ActiveAuthentication(run), &command),
                    Ok(Step::Done(transcript)) => self.active = Proof::Answered(transcript),
                    Err(_) => self.active = Proof::Refused("chip_refused".to_owned()),
                }
                self.next_file();
                Ok(())
            }
            State::ChipAuthentication(_) | State::Confirm { .. } | State::Done | State::Broken => {
                Err(Error::OutOfOrder)
            }
        }
    }

    fn receive_chip(
        &mut self,
        answer: &[u8],
        opened: Result<Response, crate::secure_messaging::SecureMessagingError>,
    ) -> Result<(), Error> {
        let state = std::mem::replace(&mut self.state, State::Done);
        match (state, opened) {
            (State::ChipAuthentication(mut run), Ok(response)) => match run.feed(&response, &mut *self.entropy) {
                Ok(Step::Send(command)) => return self.go_on(State::ChipAuthentication(run), &command),
                Ok(Step::Done(done)) => {
                    self.channel = Some(done.session);
                    self.state = State::Confirm { private: done.private };
                }
                Err(_) => self.chip = Proof::Refused("chip_refused".to_owned()),
            },
            (State::Confirm { private }, Ok(_)) => {
                self.chip = Proof::Answered(ChipAuthenticationTranscript {
                    terminal_private: private.expose().to_vec(),
                    response: answer.to_vec(),
                });
            }
            _ => self.chip = Proof::Refused("chip_does_not_hold_the_key".to_owned()),
        }
        Ok(())
    }

    fn go_on(&mut self, state: State, command: &Command) -> Result<(), Error> {
        self.state = state;
        self.dispatch(command);
        Ok(())
    }

    fn card_access(&mut self, read: Option<Secret>) -> Result<(), Error> {
        if read.is_none() && self.master_file_tries < SELECT_MASTER_FILE.len() {
            self.master_file_tries += 1;
            self.state = State::SelectMasterFile;
            return Ok(());
        }
        let infos = match &read {
            Some(bytes) => SecurityInfos::parse(bytes.expose()).ok(),
            None => self.plan.card_access_fallback.as_ref().and_then(|bytes| {
                self.fallback = Some("card_access_assumed".to_owned());
                SecurityInfos::parse(bytes).ok()
            }),
        };
        if let Some(bytes) = read {
            self.files.insert(FileId::CardAccess, FileEvidence::Content(bytes));
        }
        self.offers = infos.map(|i| i.pace).unwrap_or_default();
        // A card that takes a password takes it in every variant, so only the best offer is tried: the strongest
        // cipher, then ECDH, then the chip's own order.
        let supported = self.offers.iter().filter(|info| Pace::supports(info));
        let strength = |info: &PaceInfo| (info.cipher.key_len() + info.cipher.block_len(), info.key_agreement);
        if let Some(best) = supported.min_by_key(|info| std::cmp::Reverse(strength(info))) {
            let attempt = |password: &Password| Attempt::Pace(best.clone(), password.clone());
            self.attempts = self.plan.passwords.iter().map(attempt).collect();
        }
        if self.attempts.is_empty() {
            if self.plan.access == AccessPolicy::Auto {
                self.fallback = Some("pace_not_offered".to_owned());
                return self.switch_to_bac(Error::NoAccessProtocol("the chip does not offer PACE"));
            }
            return Err(Error::NoAccessProtocol("the chip does not offer PACE"));
        }
        self.next_attempt(Error::NoAccessProtocol("no password"))
    }

    fn queue_bac(&mut self) {
        let mrz = self.plan.passwords.iter().filter(|p| matches!(p, Password::Mrz(_)));
        self.attempts = mrz.cloned().map(Attempt::Bac).collect();
    }

    /// Starts the next password, or the next protocol when they are used up.
    fn next_attempt(&mut self, error: Error) -> Result<(), Error> {
        let refused_protocol = !matches!(error, Error::WrongPassword { .. }) && self.current.is_some();
        if refused_protocol && matches!(self.current, Some(Attempt::Pace(..))) {
            // The chip breaks off PACE for another reason than the password; the next password meets the same.
            self.attempts.clear();
            return self.fall_back(error);
        }
        if refused_protocol {
            return Err(error);
        }
        self.current = self.attempts.pop_front();
        match &self.current {
            Some(Attempt::Pace(info, password)) => {
                let same = self.offers.iter().filter(|other| other.oid == info.oid).count();
                let reference = if same > 1 { ParameterReference::Name } else { ParameterReference::Omit };
                self.state = State::Pace(Pace::new(info.clone(), password.clone(), reference));
                Ok(())
            }
            Some(Attempt::Bac(Password::Mrz(key))) => {
                self.state = State::Bac(Bac::new(key));
                Ok(())
            }
            Some(Attempt::Bac(Password::Can(_))) | None => Err(error),
        }
    }

    /// After a failure of PACE that is not a wrong password.
    fn fall_back(&mut self, error: Error) -> Result<(), Error> {
        if self.plan.access != AccessPolicy::Auto {
            return Err(error);
        }
        // A chip that gives no EF.CardAccess and refuses the assumed offer simply has no PACE.
        let assumed = self.fallback.as_deref() == Some("card_access_assumed");
        self.fallback = Some(if assumed { "pace_not_offered" } else { "pace_failed" }.to_owned());
        self.switch_to_bac(error)
    }

    fn switch_to_bac(&mut self, error: Error) -> Result<(), Error> {
        self.queue_bac();
        self.current = None;
        if self.attempts.is_empty() {
            return Err(error);
        }
        self.state = State::Select { before_bac: true };
        Ok(())
    }

    fn opened(&mut self, channel: SecureMessaging) -> Result<(), Error> {
        let cipher = channel.cipher().name().to_owned();
        let (protocol, curve, password, next) = match self.current.take() {
            Some(Attempt::Pace(info, password)) => {
                let curve = info.domain_name().map(str::to_owned);
                (info.name(), curve, password, State::Select { before_bac: false })
            }
            Some(Attempt::Bac(password)) => ("BAC".to_owned(), None, password, State::Done),
            None => return Err(Error::OutOfOrder),
        };
        let password = password.kind().to_owned();
        let fallback = self.fallback.take();
        self.access = Some(AccessRecord { protocol, cipher, curve, password, fallback });
        let short = channel.short_le();
        let extended = if self.plan.max_response > 256 {
            // Room for the data objects of secure messaging around the plain data.
            (self.plan.max_response - 48).min(CHUNK).max(short)
        } else {
            short
        };
        self.size = ReadSize { short, extended };
        self.channel = Some(channel);
        self.attempts.clear();
        match next {
            // BAC runs inside the application already.
            State::Done => self.start_file(FileId::Sod),
            state => self.state = state,
        }
        Ok(())
    }

    fn start_file(&mut self, file: FileId) {
        let read = match self.partial.take_if(|partial| partial.file == file) {
            Some(partial) => ReadFile::resumed(partial, self.size),
            None => ReadFile::new(file, self.size),
        };
        self.state = State::File(read);
    }

    /// Takes over what an interrupted read of this very card had brought.
    fn take_over(&mut self, sod: &Secret) {
        let Some(interrupted) = self.interrupted.take() else { return };
        if interrupted.files.get(&FileId::Sod) != Some(&FileEvidence::Content(sod.clone())) {
            return;
        }
        self.resumed = true;
        self.queue.retain(|file| !interrupted.files.contains_key(file) && !interrupted.not_read.contains_key(file));
        self.files.extend(interrupted.files);
        self.not_read.extend(interrupted.not_read);
        self.active = interrupted.active;
        self.partial = interrupted.current;
    }

    fn file_done(&mut self, read: &ReadFile, outcome: FileOutcome) -> Result<(), Error> {
        let file = read.file();
        self.size = read.size();
        match outcome {
            FileOutcome::Read(bytes) => {
                if file == FileId::Sod {
                    self.plan_files(bytes.expose());
                    self.take_over(&bytes);
                }
                self.files.insert(file, FileEvidence::Content(bytes));
            }
            FileOutcome::Absent => {
                self.not_read.insert(file, "absent".to_owned());
            }
            FileOutcome::Denied => {
                self.not_read.insert(file, "denied".to_owned());
            }
        }
        if file == FileId::Sod && self.not_read.contains_key(&FileId::Sod) {
            self.queue = self.wanted();
        }
        let unasked = self.active == not_reached();
        match file {
            FileId::Dg(15) => self.start_active(),
            // The card left between EF.DG15 and its signature.
            FileId::Sod if unasked && self.files.contains_key(&FileId::Dg(15)) => self.start_active(),
            _ => self.next_file(),
        }
        Ok(())
    }

    /// The wanted groups in reading order: text, then keys, then the portrait.
    fn wanted(&self) -> VecDeque<FileId> {
        let mut wanted: Vec<u8> = self.plan.data_groups.clone();
        wanted.sort_by_key(|n| (*n == 2, *n));
        wanted.dedup();
        wanted.into_iter().map(FileId::Dg).collect()
    }

    /// The SOD lists the files, so EF.COM need not be read.
    fn plan_files(&mut self, sod: &[u8]) {
        let listed = Sod::parse(sod).ok().map(|sod| sod.security_object.data_groups);
        let mut queue = self.wanted();
        if let Some(listed) = listed {
            queue.retain(|file| matches!(file, FileId::Dg(n) if listed.contains_key(n)));
            for file in self.wanted() {
                if !queue.contains(&file) {
                    self.not_read.insert(file, "not_in_sod".to_owned());
                }
            }
        }
        self.queue = queue;
    }

    fn start_active(&mut self) {
        let key = self.file(FileId::Dg(15)).map(lds::dg15::parse);
        let reason = match key {
            Some(Ok(key)) => {
                // Signature and data objects must fit; RSA of 2,048 bits and more does not fit a short response.
                let length = match key {
                    PublicKey::Rsa { bits, .. } => bits.div_ceil(8),
                    PublicKey::Ec { curve, .. } => 2 * curve.field_len() as u32 + 16,
                };
                let le = if length > self.size.short { self.size.extended.max(length) } else { 256 };
                if length > self.size.short && self.size.extended <= 256 {
                    "signature_needs_extended_length"
                } else {
                    self.state = State::ActiveAuthentication(ActiveAuthentication::new(le));
                    return;
                }
            }
            Some(Err(_)) => "unsupported_algorithm",
            None => "no_dg15",
        };
        self.active = Proof::NotAsked(reason.to_owned());
        self.next_file();
    }

    fn next_file(&mut self) {
        if let Some(file) = self.queue.pop_front() {
            self.start_file(file);
            return;
        }
        if self.active == not_reached() {
            self.active = Proof::NotAsked("no_dg15".to_owned());
        }
        let infos = self.file(FileId::Dg(14)).map(lds::dg14);
        let reason = match infos.map(|infos| infos.map(|i| ChipAuthenticationParameters::choose(&i))) {
            Some(Ok(Some(parameters))) => {
                self.state = State::ChipAuthentication(ChipAuthentication::new(parameters));
                return;
            }
            Some(Ok(None)) => "no_usable_key",
            Some(Err(_)) => "dg14_malformed",
            None => "no_dg14",
        };
        self.chip = Proof::NotAsked(reason.to_owned());
        self.state = State::Done;
    }
}

/// A proof that the read has not come to yet; it stays so in evidence when the read ends before.
fn not_reached<T>() -> Proof<T> {
    Proof::NotAsked("not_reached".to_owned())
}
