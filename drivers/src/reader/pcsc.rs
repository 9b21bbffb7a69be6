//! Readers through PC/SC (pcscd): every reader whose name contains a text, or all of them, watched together.
//!
//! Each card has a thread that talks to it over a connection of its own to the service: a reader whose firmware hangs
//! holds up that thread and nobody else.

use super::quirks::{self, Place};
use super::slots::{Look, Slots};
use super::{Card, Failures, NotWanted, Reader, ReaderError, announces_extended_length};
use pcsc::{Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// Readers of the PC/SC service. Readers may come and go while it waits.
pub struct PcscReader {
    context: Context,
    /// Part of the names to watch; empty for all.
    wanted: String,
    slots: Slots,
    health: Health,
    answer: Duration,
}

/// What cards leave behind for the next one.
#[derive(Debug, Clone, Default)]
struct Health {
    /// Set when a card was lost, until the next one is powered anew.
    lost: Arc<AtomicBool>,
    failures: Failures,
}

impl std::fmt::Debug for PcscReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PcscReader({:?})", self.wanted)
    }
}

/// How often the list of readers is looked at while waiting; pcscd also wakes the wait when one is plugged in.
const ROUND: Duration = Duration::from_millis(500);

/// So long may a reader take for one exchange. A chip may ask for 4.9 s at once (the longest frame waiting time of
/// ISO/IEC 14443-4) and again after that; the slowest thing that is asked of one, a signature of RSA-4096, takes a few
/// seconds. What is silent for this long is no chip that computes.
pub const ANSWER: Duration = Duration::from_secs(20);

/// Readers with an exchange that did not end in time. A thread still waits for each of them, and whoever connects to
/// such a reader would wait, too.
static HUNG: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn hung() -> MutexGuard<'static, BTreeSet<String>> {
    HUNG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Name of a slot, and the ATR of the card that lies there.
pub type Surveyed = (String, Option<Vec<u8>>);

impl PcscReader {
    /// Watches the readers whose name contains `wanted`; all with an empty text.
    ///
    /// # Errors
    /// When the service is not there, no such reader is attached now, or all such readers hang.
    pub fn open(wanted: &str) -> Result<Self, ReaderError> {
        let mut reader = Self {
            context: establish()?,
            wanted: wanted.to_owned(),
            slots: Slots::default(),
            health: Health::default(),
            answer: ANSWER,
        };
        reader.check()?;
        Ok(reader)
    }

    /// With another deadline for one exchange.
    #[must_use]
    pub fn with_answer_within(self, answer: Duration) -> Self {
        Self { answer, ..self }
    }

    /// Names of all attached readers.
    ///
    /// # Errors
    /// When the service is not there.
    pub fn attached() -> Result<Vec<String>, ReaderError> {
        let names = list(&establish()?)?;
        Ok(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// The slots that `wanted` names, those for SAMs among them, and what lies in each. Nothing is powered for it.
    ///
    /// # Errors
    /// When the service is not there.
    pub fn survey(wanted: &str) -> Result<Vec<Surveyed>, ReaderError> {
        let context = establish()?;
        let mut names = list(&context)?;
        names.retain(|name| name.to_string_lossy().contains(wanted));
        let mut states: Vec<_> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
        if !states.is_empty() {
            context.get_status_change(Duration::ZERO, &mut states).map_err(translate)?;
        }
        let atr = |state: &ReaderState| state.event_state().contains(State::PRESENT).then(|| state.atr().to_vec());
        Ok(states.iter().map(|state| (state.name().to_string_lossy().into_owned(), atr(state))).collect())
    }

    fn matching(&self) -> Result<Vec<CString>, ReaderError> {
        matching(&self.context, &self.wanted)
    }

    fn no_reader(&self) -> ReaderError {
        let names = list(&self.context).unwrap_or_default();
        let attached = names.iter().map(|n| n.to_string_lossy()).collect::<Vec<_>>().join(", ");
        let wanted = if self.wanted.is_empty() { "(any)".to_owned() } else { format!("{:?}", self.wanted) };
        ReaderError::NoReader { wanted, attached: if attached.is_empty() { "none".to_owned() } else { attached } }
    }

    /// The names now. A service that was started anew wants a new connection, and counts cards anew.
    fn names(&mut self) -> Result<Vec<CString>, ReaderError> {
        match self.matching() {
            Err(ReaderError::NoService) => {
                self.context = establish()?;
                self.slots.forget();
                self.matching()
            }
            names => names,
        }
    }

    /// Looks at the slots once; their states, for a wait.
    fn look(&mut self) -> Result<Vec<ReaderState>, ReaderError> {
        loop {
            let names = self.names()?;
            let mut states: Vec<_> = names.into_iter().map(|n| ReaderState::new(n, State::UNAWARE)).collect();
            if !states.is_empty() {
                match self.context.get_status_change(Duration::ZERO, &mut states) {
                    Ok(()) | Err(Error::Timeout) => {}
                    // One was unplugged meanwhile.
                    Err(Error::UnknownReader) => continue,
                    Err(error) => match translate(error) {
                        // The service ended between the two questions: the names say so, too.
                        ReaderError::NoService => continue,
                        error => return Err(error),
                    },
                }
            }
            self.slots.see(states.iter().map(|state| {
                let name = state.name().to_string_lossy().into_owned();
                let rank = quirks::place(&name).rank();
                let look = if state.event_state().contains(State::PRESENT) {
                    Look::Card(state.event_count())
                } else if state.event_state().intersects(State::EMPTY | State::UNAVAILABLE) {
                    Look::Empty
                } else {
                    // A card that vanished under a command is neither present nor empty until the service looks again.
                    Look::Unclear
                };
                (name, rank, look)
            }));
            return Ok(states);
        }
    }

    /// Waits until `done` finds what it looks for, for what is `left` of the time. A restarted service and readers that
    /// are plugged in meanwhile are picked up.
    fn watch<T>(
        &mut self,
        left: &mut Duration,
        mut done: impl FnMut(&Slots) -> Option<T>,
    ) -> Result<Option<T>, ReaderError> {
        loop {
            let mut states = self.look()?;
            if let Some(found) = done(&self.slots) {
                return Ok(Some(found));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let round = (*left).min(ROUND);
            *left -= round;
            // The pseudo reader wakes the wait when a reader is attached or removed.
            states.push(ReaderState::new(pcsc::PNP_NOTIFICATION(), State::UNAWARE));
            for state in &mut states {
                state.sync_current_state();
            }
            match self.context.get_status_change(round, &mut states) {
                Ok(()) | Err(Error::Timeout | Error::UnknownReader) => {}
                Err(error) => match translate(error) {
                    // Seen again at the top of the loop, which tries to connect anew.
                    ReaderError::NoService => {}
                    error => return Err(error),
                },
            }
        }
    }
}

impl Reader for PcscReader {
    fn name(&self) -> String {
        if self.wanted.is_empty() { "PC/SC".to_owned() } else { format!("PC/SC {:?}", self.wanted) }
    }

    fn check(&mut self) -> Result<(), ReaderError> {
        let names = self.names()?;
        let hung = hung();
        if names.is_empty() {
            return Err(self.no_reader());
        }
        let hangs = |name: &CString| hung.contains(&*name.to_string_lossy());
        if names.iter().all(hangs) { Err(ReaderError::Hung) } else { Ok(()) }
    }

    fn arm(&mut self) {
        program::ignore(self.look(), "what is wrong is said by the wait that follows");
        self.slots.arm();
    }

    fn wait_for_card(&mut self, timeout: Duration) -> Result<Box<dyn Card>, ReaderError> {
        let mut left = timeout;
        if self.health.lost.load(Ordering::Relaxed) {
            // Powering a card that is gone confuses the service for good, so it is given time to look for itself. When
            // it has seen the slot empty, the next card is an ordinary one; a card put back sooner is powered anew.
            let mut notice = NOTICE.min(left);
            left = left.saturating_sub(NOTICE);
            if self.watch(&mut notice, |slots| slots.is_gone().then_some(()))?.is_some() {
                self.health.lost.store(false, Ordering::Relaxed);
            }
        }
        loop {
            let found = self.watch(&mut left, |slots| Some(slots.candidates()).filter(|names| !names.is_empty()))?;
            let Some(names) = found else {
                let empty = self.matching()?.is_empty();
                return Err(if empty { self.no_reader() } else { ReaderError::NoCard });
            };
            let mut why = ReaderError::NoCard;
            for name in names {
                match self.connect(&name) {
                    Ok(card) => {
                        self.slots.give(&name);
                        return Ok(Box::new(card));
                    }
                    // The card left again, or does not answer yet; the reader was unplugged.
                    Err(ReaderError::CardLifted | ReaderError::ReaderLost) => {}
                    Err(error @ (ReaderError::CardInUse | ReaderError::Hung)) => why = error,
                    Err(error) => return Err(error),
                }
            }
            if left <= SETTLE {
                return Err(why);
            }
            left -= SETTLE;
            self.watch(&mut SETTLE.clone(), |_| None::<()>)?;
        }
    }

    fn set_aside(&mut self, why: NotWanted) -> bool {
        self.slots.set_aside(why)
    }

    fn wait_for_removal(&mut self, timeout: Duration) -> Result<bool, ReaderError> {
        let mut left = timeout;
        Ok(self.watch(&mut left, |slots| slots.is_gone().then_some(()))?.is_some())
    }
}

/// Between two tries to connect to a card that does not answer, or that another program has.
const SETTLE: Duration = Duration::from_millis(200);

/// pcscd looks at its readers every 400 ms; within this time it has noticed an empty one.
const NOTICE: Duration = Duration::from_millis(1000);

impl PcscReader {
    /// Connects for this program alone: nobody may speak into an open session.
    fn connect(&self, name: &str) -> Result<PcscCard, ReaderError> {
        if hung().contains(name) {
            return Err(ReaderError::Hung);
        }
        let (jobs, to_do) = channel();
        let (answers, answered) = channel();
        let (worker, health, done) = (name.to_owned(), self.health.clone(), Arc::new(AtomicBool::new(false)));
        let ends = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            if let Err(error) = work(&worker, &health, &to_do, &answers) {
                program::ignore(answers.send(Answer::Failed(error)), "whoever listened has ended");
            }
            let mut hung = hung();
            ends.store(true, Ordering::Relaxed);
            hung.remove(&worker);
        });
        let mut card = PcscCard {
            name: name.to_owned(),
            jobs: Some(jobs),
            answered,
            thread: Some(thread),
            done,
            within: self.answer,
            atr: Vec::new(),
            max_response: 256,
            ended: None,
        };
        match card.answer()? {
            Answer::Connected(atr, max_response) => (card.atr, card.max_response) = (atr, max_response),
            other => return Err(other.into_error()),
        }
        Ok(card)
    }
}

fn establish() -> Result<Context, ReaderError> {
    Context::establish(Scope::System).map_err(translate)
}

fn list(context: &Context) -> Result<Vec<CString>, ReaderError> {
    match context.list_readers_owned() {
        Ok(names) => Ok(names),
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(error) => Err(translate(error)),
    }
}

/// Readers whose name contains a text. Slots for SAMs are among them only where the text names them.
fn matching(context: &Context, wanted: &str) -> Result<Vec<CString>, ReaderError> {
    let mut names = list(context)?;
    names.retain(|name| name.to_string_lossy().contains(wanted));
    if names.iter().any(|name| quirks::place(&name.to_string_lossy()) != Place::Sam) {
        names.retain(|name| quirks::place(&name.to_string_lossy()) != Place::Sam);
    }
    Ok(names)
}

fn translate(error: Error) -> ReaderError {
    match error {
        Error::NoService | Error::ServiceStopped | Error::InvalidHandle => ReaderError::NoService,
        Error::NoSmartcard
        | Error::RemovedCard
        | Error::ResetCard
        | Error::UnpoweredCard
        | Error::UnresponsiveCard
        | Error::NotTransacted => ReaderError::CardLifted,
        Error::UnknownReader | Error::ReaderUnavailable => ReaderError::ReaderLost,
        Error::SharingViolation => ReaderError::CardInUse,
        Error::Timeout => ReaderError::NoCard,
        other => ReaderError::Communication(other.to_string()),
    }
}

/// The largest response of an extended APDU with status bytes.
const BUFFER: usize = 65_536 + 2;

/// What a card's thread is to do.
enum Job {
    Transmit(Zeroizing<Vec<u8>>),
    Reset,
}

/// What it says.
enum Answer {
    /// ATR and the most response bytes of one APDU.
    Connected(Vec<u8>, u32),
    Bytes(Vec<u8>),
    Reset,
    Failed(ReaderError),
}

impl Answer {
    fn into_error(self) -> ReaderError {
        match self {
            Self::Failed(error) => error,
            _ => ReaderError::Communication("the card's thread is out of step".to_owned()),
        }
    }
}

/// A card's thread: connects, works until nobody asks any more, and lets go.
fn work(name: &str, health: &Health, to_do: &Receiver<Job>, answers: &Sender<Answer>) -> Result<(), ReaderError> {
    let c_name = CString::new(name).map_err(|_| ReaderError::ReaderLost)?;
    let context = establish()?;
    let mut line = Line::open(&context, &c_name, health)?;
    let mut said = answers.send(Answer::Connected(line.atr.clone(), line.max_response));
    let mut buffer = Zeroizing::new(vec![0; BUFFER]);
    while said.is_ok()
        && let Ok(job) = to_do.recv()
    {
        let answer = match job {
            Job::Transmit(command) => line.transmit(&command, &mut buffer).map(Answer::Bytes),
            Job::Reset => line.reset().map(|()| Answer::Reset),
        };
        said = answers.send(answer.unwrap_or_else(Answer::Failed));
    }
    // Nobody heard the answer: it came too late, and the reader is powered anew.
    line.close(if said.is_err() { Disposition::UnpowerCard } else { Disposition::ResetCard });
    Ok(())
}

/// A connection to a card, inside its thread.
struct Line<'a> {
    card: Option<pcsc::Card>,
    atr: Vec<u8>,
    max_response: u32,
    health: &'a Health,
}

impl<'a> Line<'a> {
    fn open(context: &Context, name: &CStr, health: &'a Health) -> Result<Self, ReaderError> {
        let mut card = context.connect(name, ShareMode::Exclusive, Protocols::ANY).map_err(translate)?;
        let quirk = quirks::find(&name.to_string_lossy());
        if let Some(silence) = quirk.and_then(|quirk| quirk.silence) {
            silence.send(&card);
        }
        // The service may still hold the state of a card that was lost, and a reader that failed again and again may have
        // lost its way: this card is powered anew.
        if health.lost.load(Ordering::Relaxed) || health.failures.are_too_many() {
            if let Err(error) = card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::UnpowerCard) {
                leave(card);
                return Err(translate(error));
            }
            health.lost.store(false, Ordering::Relaxed);
        }
        let atr = card.status2_owned().map_err(translate)?.atr().to_vec();
        let by_reader = [max_apdu_data(&card), quirk.and_then(|quirk| quirk.max_response)].into_iter().flatten().min();
        let by_card = if announces_extended_length(&atr) == Some(false) { 256 } else { 65_536 };
        let max_response = by_reader.map_or(by_card, |reader| reader.clamp(256, by_card));
        Ok(Self { card: Some(card), atr, max_response, health })
    }

    fn reset(&mut self) -> Result<(), ReaderError> {
        let card = self.card.as_mut().ok_or(ReaderError::CardLifted)?;
        let reset = card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::ResetCard);
        reset.map_err(|error| self.diagnose(translate(error)))
    }

    fn transmit(&mut self, command: &[u8], buffer: &mut [u8]) -> Result<Vec<u8>, ReaderError> {
        let card = self.card.as_ref().ok_or(ReaderError::CardLifted)?;
        let answer = match card.transmit(command, buffer) {
            Ok(answer) if answer.len() >= 2 => Ok(answer.to_vec()),
            // Some drivers report success and nothing when the card leaves under a command; no card answers that.
            Ok(_) => Err(ReaderError::CardLifted),
            Err(error) => Err(translate(error)),
        };
        let answer = answer.map_err(|error| self.diagnose(error));
        self.health.failures.count(&answer);
        answer
    }

    /// Drivers report a vanished card in many ways; what the reader says of the slot decides.
    fn diagnose(&mut self, mut error: ReaderError) -> ReaderError {
        if let ReaderError::Communication(_) = error {
            let status = self.card.as_ref().map(|card| card.status2_owned());
            if !matches!(status, Some(Ok(status)) if status.status().contains(pcsc::Status::PRESENT)) {
                error = ReaderError::CardLifted;
            }
        }
        if error == ReaderError::CardLifted {
            self.health.lost.store(true, Ordering::Relaxed);
            // The handle would talk to the next card.
            if let Some(card) = self.card.take() {
                leave(card);
            }
        }
        error
    }

    /// The chip must forget its session; there is nobody left to tell when it is gone already.
    fn close(mut self, disposition: Disposition) {
        if let Some(card) = self.card.take()
            && let Err((_, _error)) = card.disconnect(disposition)
        {}
    }
}

/// A card, for whoever uses it: its thread is at the other end.
struct PcscCard {
    name: String,
    jobs: Option<Sender<Job>>,
    answered: Receiver<Answer>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// The thread has ended. Changes under the lock of [`HUNG`] only.
    done: Arc<AtomicBool>,
    within: Duration,
    atr: Vec<u8>,
    max_response: u32,
    /// Nothing more comes of this card, and why.
    ended: Option<ReaderError>,
}

/// dwMaxAPDUDataSize of the reader (PC/SC part 10 §2.6.14), when it says.
fn max_apdu_data(card: &pcsc::Card) -> Option<u32> {
    const GET_FEATURES: u32 = 3400;
    const FEATURE_PROPERTIES: u8 = 0x12;
    const MAX_APDU_DATA_SIZE: u8 = 0x0A;
    let mut buffer = [0; 264];
    let features = card.control(pcsc::ctl_code(GET_FEATURES.into()), &[], &mut buffer).ok()?;
    let code = object(features, FEATURE_PROPERTIES)?;
    let code = u32::from_be_bytes(code.try_into().ok()?);
    let mut buffer = [0; 264];
    let properties = card.control(code.into(), &[], &mut buffer).ok()?;
    let value = object(properties, MAX_APDU_DATA_SIZE)?;
    Some(u32::from_le_bytes(value.try_into().ok()?))
}

/// The value of a tag in a list of one-byte tags and lengths.
fn object(mut list: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [tag, length, rest @ ..] = list {
        let value = rest.get(..usize::from(*length))?;
        if *tag == wanted {
            return Some(value);
        }
        list = &rest[usize::from(*length)..];
    }
    None
}

impl PcscCard {
    /// What the thread says next.
    fn answer(&mut self) -> Result<Answer, ReaderError> {
        let why = match self.answered.recv_timeout(self.within) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) => {
                let mut hung = hung();
                if !self.done.load(Ordering::Relaxed) {
                    hung.insert(self.name.clone());
                }
                ReaderError::Hung
            }
            Err(RecvTimeoutError::Disconnected) => ReaderError::CardLifted,
        };
        self.ended = Some(why.clone());
        Err(why)
    }

    fn ask(&mut self, job: Job) -> Result<Answer, ReaderError> {
        if let Some(why) = &self.ended {
            return Err(why.clone());
        }
        if let Some(jobs) = &self.jobs {
            program::ignore(jobs.send(job), "an end of the thread is seen by its answer that does not come");
        }
        match self.answer()? {
            Answer::Failed(error) => Err(error),
            answer => Ok(answer),
        }
    }
}

impl Card for PcscCard {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn max_response(&self) -> u32 {
        self.max_response
    }

    fn reset(&mut self) -> Result<(), ReaderError> {
        match self.ask(Job::Reset)? {
            Answer::Reset => Ok(()),
            other => Err(other.into_error()),
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, ReaderError> {
        match self.ask(Job::Transmit(Zeroizing::new(command.to_vec())))? {
            Answer::Bytes(bytes) => Ok(bytes),
            other => Err(other.into_error()),
        }
    }
}

impl Drop for PcscCard {
    fn drop(&mut self) {
        self.jobs = None;
        // One that hangs is not waited for.
        if self.ended != Some(ReaderError::Hung)
            && let Some(thread) = self.thread.take()
        {
            program::ignore(thread.join(), "a panic there has been reported by the runtime");
        }
    }
}

/// Lets go of a card that is gone. A reset, which is what dropping the handle asks for, would fail and leave the
/// reader mute.
fn leave(card: pcsc::Card) {
    if let Err((_, _gone)) = card.disconnect(Disposition::LeaveCard) {}
}
