//! The device at work: reader and terminal, for a site. One scan arms one read; each verdict becomes a signed event on
//! disk before anybody is told of it.

use crate::access::{self, AccessKey};
use crate::anchors;
use crate::chips::Chips;
use crate::other_kind;
use crate::read::{self, Hooks};
use crate::readers;
use crate::readers::plan;
use crate::simulated;
use crate::take::take;
use crate::terminal::{Inspection, Terminal};
use cccd::dg13::{Dg13, Field};
use cccd::judgement::{self, Judgement, Today, Withdrawn};
use config::Config;
use drivers::reader::simulated::{SimulatedReader, Slot};
use drivers::reader::{Reader, ReaderError};
use emrtd::{AccessPolicy, Check, Evidence, FileId, Progress, Session};
use events::event::Bytes;
use events::sync::Receipt;
use events::{Clock, SignedEvent};
use kiosk_ui::portrait::Picture;
use program::{Failure, exit};
use program::{Private, Text};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use verdict::{Admission, Answers, Rung, Word};
use visit::content::Content;
use visit::profile::Profile;

/// How long a scan waits for its card.
const CARD_PATIENCE: Duration = Duration::from_secs(60);
/// How long a card that was lifted during a read may stay away.
const RESUME_PATIENCE: Duration = Duration::from_secs(5);
/// How often the stop signal is looked at.
pub const ROUND: Duration = Duration::from_millis(200);

/// What programs beside the device may know of what it does: one JSON object a line, without personal data (`docs/cli.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The reader is away; why.
    Waiting(Failure),
    /// A scan was understood; codes of what was mended of it.
    Armed(Vec<&'static str>),
    /// The card was lifted.
    Lifted,
    /// A verdict, and its event on disk.
    Event {
        /// Position in the log.
        sequence: u64,
        /// Its identifier.
        id: Bytes<16>,
        /// SHA-256 of its bytes.
        sha256: Bytes<32>,
        /// The word.
        word: Word,
        /// How much is assured.
        rung: Option<Rung>,
        /// How long the read took, milliseconds.
        total_ms: u64,
    },
    /// No verdict; why.
    Failed(Failure),
    /// Central has committed events.
    Receipt(Receipt),
    /// The desk answers at this address.
    Listening(SocketAddr),
}

impl Happened {
    /// The line.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Waiting(failure) => json!({ "waiting": failure }),
            Self::Armed(mended) if mended.is_empty() => json!({ "armed": true }),
            Self::Armed(mended) => json!({ "armed": true, "mended": mended }),
            Self::Lifted => json!({ "lifted": true }),
            Self::Event { sequence, id, sha256, word, rung, total_ms } => {
                let event = json!({ "seq": sequence, "id": id.to_string(), "sha256": sha256.to_string() });
                json!({ "event": event, "word": word, "rung": rung, "total_ms": total_ms })
            }
            Self::Failed(failure) => json!({ "error": failure }),
            Self::Receipt(receipt) => json!({ "receipt": receipt }),
            Self::Listening(address) => json!({ "listening": address.to_string() }),
        }
    }
}

/// What a device asks of the site that it works for.
pub trait Host: Send + Sync {
    /// The configuration.
    fn config(&self) -> &Config;

    /// Time.
    fn clock(&self) -> &Arc<dyn Clock>;

    /// The profile that it works by at first.
    fn profile(&self) -> Arc<Profile>;

    /// In practice, where virtual cards are laid.
    fn slot(&self) -> Option<&Slot>;

    /// Counts up with every new bundle.
    fn generation(&self) -> u64;

    /// The time of a judgement, and whether it is certain.
    fn today(&self) -> Today;

    /// Whether a card was reported lost, or withdrawn.
    fn is_withdrawn(&self, judgement: &Judgement) -> Withdrawn;

    /// Puts the event of a verdict on disk, and what is to be noted of the document signer.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn record(&self, profile: &Profile, evidence: &Evidence, judgement: &Judgement) -> Result<SignedEvent, Failure>;

    /// How many events central has not acknowledged yet.
    fn unsent(&self) -> u64;

    /// Tells programs beside the device.
    ///
    /// # Errors
    /// When nobody can hear it.
    fn tell(&self, happened: &Happened) -> Result<(), Failure>;
}

/// What is told while a card is read.
#[derive(Debug)]
pub enum Happening<'a> {
    /// After every answer of the chip.
    Progress(Progress),
    /// The holder's name is known.
    Name(Private),
    /// More of the portrait can be shown.
    Picture(&'a Picture),
    /// The card was lifted; it may be put back.
    Lifted,
    /// The card that lay there is not the wanted one; another is waited for.
    Waiting,
    /// The verdict; its event is on disk.
    Judged(Box<Judged>),
}

/// A card was judged.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The word.
    pub word: Word,
    /// The five answers.
    pub answers: Answers,
    /// How much is assured.
    pub rung: Option<Rung>,
    /// What the profile's terms make of it.
    pub admission: Admission,
    /// The kind of document.
    pub document: &'static str,
    /// The end of its validity, as people read it.
    pub until: Option<String>,
    /// Every check.
    pub checks: Vec<Check>,
    /// Position of the event.
    pub sequence: u64,
    /// SHA-256 of the event.
    pub event: Bytes<32>,
    /// What the profile takes of the holder; nothing where the visit does not go on.
    pub content: Content,
    /// How long the read took, milliseconds.
    pub total_ms: u64,
}

/// The holder's name as DG13 has it, with all its signs.
fn name(session: &Session) -> Option<Private> {
    let dg13 = Dg13::parse(session.file(FileId::Dg(13))?).ok()?;
    Some(Private::clone(&Text::cleaned(dg13.get(Field::FullName)?)))
}

/// The device: a reader, and the site that it works for.
pub struct Device {
    reader: Box<dyn Reader>,
    terminal: Terminal,
    host: Arc<dyn Host>,
    profile: Arc<Profile>,
    /// The site's bundle that the anchors are from.
    generation: u64,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Device({})", self.reader.name())
    }
}

/// A device may be switched on before its reader or pcscd: it says what it waits for, and waits.
fn wait_for_reader(host: &dyn Host, stop: &AtomicBool) -> Result<Box<dyn Reader>, Failure> {
    let mut said = String::new();
    loop {
        match readers::open(&host.config().reader) {
            Err(failure) if failure.exit == exit::NO_READER && !stop.load(Ordering::Relaxed) => {
                if said != failure.code {
                    tracing::warn!(code = failure.code, remedy = failure.remedy, "waiting: {}", failure.message);
                    said.clone_from(&failure.code);
                    host.tell(&Happened::Waiting(failure))?;
                }
                std::thread::park_timeout(ROUND);
            }
            result => return result,
        }
    }
}

/// The anchors that are trusted now; in practice those of virtual cards.
fn anchors_of(host: &dyn Host, profile: &Profile) -> Result<anchors::Anchors, Failure> {
    let anchors = if profile.practice { simulated::anchors()? } else { anchors::of(host.config())? };
    for note in &anchors.left_out {
        tracing::warn!(code = "trust_left_out", "{note}");
    }
    Ok(anchors)
}

/// The reader that the configuration names; in practice the one on which virtual cards are laid.
fn reader(host: &dyn Host, stop: &AtomicBool) -> Result<Box<dyn Reader>, Failure> {
    match host.slot() {
        Some(slot) => Ok(Box::new(SimulatedReader::new(slot.clone()))),
        None => wait_for_reader(host, stop),
    }
}

impl Device {
    /// Opens the reader that the configuration names, and waits for it until told to stop. In practice it is the one
    /// on which virtual cards are laid, and they are what is trusted.
    ///
    /// # Errors
    /// When a file is not as it must be.
    pub fn start(host: Arc<dyn Host>, stop: &AtomicBool) -> Result<Self, Failure> {
        let config = host.config();
        let profile = host.profile();
        let generation = host.generation();
        let anchors = anchors_of(&*host, &profile)?;
        let inspection = config.terminal.as_deref().map(Inspection::load).transpose()?;
        let mut terminal = Terminal::new(anchors).with_inspection(inspection);
        terminal.chips = Chips::shown_in(&config.state);
        terminal.prepare();
        let reader = reader(&*host, stop)?;
        Ok(Self { reader, terminal, host, profile, generation })
    }

    /// One scan: a read and its event. What goes wrong with a card is reported and the device goes on; what goes
    /// wrong with the device itself ends it, because an event that cannot be kept must not look kept.
    ///
    /// # Errors
    /// When the device cannot go on.
    pub fn scan(&mut self, line: &str, stop: &AtomicBool) -> Result<(), Failure> {
        let result = access::from_scan(line, self.profile.takes_mrz()).and_then(|key| {
            self.host.tell(&Happened::Armed(key.mended.iter().map(|remark| remark.code()).collect()))?;
            self.read(&key, &|| stop.load(Ordering::Relaxed), &mut |_| {}).map(drop)
        });
        self.prepare();
        match result {
            Ok(()) => Ok(()),
            Err(failure) if failure.exit == exit::DEVICE => Err(failure),
            Err(failure) => {
                tracing::warn!(code = failure.code, "no verdict");
                self.host.tell(&Happened::Failed(failure))
            }
        }
    }

    /// Waits for a card, reads it, and puts its event on disk. `tell` hears how far it is; `stop` ends the wait.
    ///
    /// # Errors
    /// When no card came, it was not read, or the event could not be kept.
    pub fn read(
        &mut self,
        key: &AccessKey,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(Happening<'_>),
    ) -> Result<(), Failure> {
        let (host, clock) = (Arc::clone(&self.host), Arc::clone(self.host.clock()));
        let until = clock.monotonic() + CARD_PATIENCE;
        let plan = plan(AccessPolicy::Auto, key.passwords.clone(), self.profile.data_groups());
        let tell = RefCell::new(tell);
        let mut named = false;
        let mut hooks = Hooks {
            patience: RESUME_PATIENCE,
            observe: &mut |session, progress| {
                let tell = &mut *tell.borrow_mut();
                tell(Happening::Progress(progress));
                if !named && let Some(name) = name(session) {
                    named = true;
                    tell(Happening::Name(name));
                }
            },
            on_lifted: &mut || {
                program::ignore(host.tell(&Happened::Lifted), "whoever holds the card sees it on the screen");
                tell.borrow_mut()(Happening::Lifted);
            },
            on_picture: &mut |picture| tell.borrow_mut()(Happening::Picture(picture)),
        };
        self.reader.arm();
        let mut aside: Option<Failure> = None;
        let reading = loop {
            self.use_new_anchors();
            let card = match self.reader.wait_for_card(ROUND) {
                // What another program has is waited for, too.
                Err(ReaderError::NoCard | ReaderError::CardInUse) if clock.monotonic() < until && !stop() => continue,
                Err(ReaderError::NoCard) if let Some(failure) = aside => return Err(failure),
                card => card?,
            };
            match read::read(&mut *self.reader, card, plan.clone(), &mut self.terminal, &*clock, &mut hooks) {
                Err(failure) if other_kind::not_wanted(&failure).is_some_and(|why| self.reader.set_aside(why)) => {
                    tracing::info!(code = failure.code, "another card is waited for: {}", failure.message);
                    tell.borrow_mut()(Happening::Waiting);
                    aside = Some(failure);
                }
                reading => break reading?,
            }
        };
        let today = host.today();
        let (prepared, trust) = (reading.sod.as_ref(), &self.terminal.trust);
        let judgement = judgement::judge(&reading.evidence, prepared, &key.known, trust, today);
        let withdrawn = host.is_withdrawn(&judgement);
        let judgement = judgement.listed(withdrawn);
        let accepted = self.profile.takes_document(judgement.kind, judgement.issuer());
        let admission = self.profile.terms().admit(judgement.answers, accepted, judgement.is_weak());
        let word = judgement.answers.word_where(accepted);
        let signed = host.record(&self.profile, &reading.evidence, &judgement)?;
        let total_ms = u64::try_from(reading.cost.total.as_millis()).unwrap_or(u64::MAX);
        let sequence = signed.event.sequence;
        tracing::info!(sequence, word = word.code(), total_ms, apdus = reading.cost.apdus, "card judged");
        let hash = events::hash(&signed.bytes);
        host.tell(&Happened::Event {
            sequence,
            id: signed.event.id,
            sha256: hash,
            word,
            rung: judgement.rung(),
            total_ms,
        })?;
        let judged = Judged {
            word,
            answers: judgement.answers,
            rung: judgement.rung(),
            admission,
            document: judgement.kind.code(),
            until: judgement.end(),
            content: take(&self.profile, &reading, &judgement, &key.known, admission, today.now),
            checks: judgement.checks,
            sequence,
            event: hash,
            total_ms,
        };
        tell.borrow_mut()(Happening::Judged(Box::new(judged)));
        Ok(())
    }

    /// Whether the reader is there, while nobody waits for a card.
    ///
    /// # Errors
    /// When it is away.
    pub fn check(&mut self) -> Result<(), ReaderError> {
        self.use_new_anchors();
        self.reader.check()
    }

    /// Another profile from now on.
    pub fn work_by(&mut self, profile: &Arc<Profile>) {
        self.profile = Arc::clone(profile);
    }

    /// For the next card, whatever became of this one.
    pub fn prepare(&mut self) {
        self.use_new_anchors();
        self.terminal.prepare();
    }

    /// Trusts what a new bundle brought. It is looked for while nobody waits, and before a card is read.
    fn use_new_anchors(&mut self) {
        let generation = self.host.generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        match anchors_of(&*self.host, &self.profile) {
            Ok(anchors) => self.terminal.trust = Arc::new(anchors.store),
            // The bundle was checked before it became active; what was trusted stays.
            Err(failure) => tracing::error!(code = failure.code, "{}", failure.message),
        }
    }

    /// Waits until the reader is there again.
    ///
    /// # Errors
    /// When told to stop before.
    pub fn reopen(&mut self, stop: &AtomicBool) -> Result<(), Failure> {
        self.reader = reader(&*self.host, stop)?;
        Ok(())
    }

    /// Whether the reader is empty, after this long at most.
    ///
    /// # Errors
    /// When the reader is away.
    pub fn wait_for_removal(&mut self, patience: Duration) -> Result<bool, ReaderError> {
        self.reader.wait_for_removal(patience)
    }
}
