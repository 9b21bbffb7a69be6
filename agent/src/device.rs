//! The device at work: reader and terminal, for a site. One scan arms one read; each verdict becomes a signed event on
//! disk before anybody is told of it.

use crate::access::{self, AccessKey, Private};
use crate::anchors;
use crate::chips::Chips;
use crate::commands::{open_reader, plan, print_json};
use crate::failure::{Failure, exit};
use crate::holder::Content;
use crate::other_kind;
use crate::profile::Profile;
use crate::read::{self, Hooks};
use crate::simulated;
use crate::site::Site;
use crate::terminal::{Inspection, Terminal};
use cccd::dg13::{Dg13, Field};
use cccd::judgement;
use drivers::reader::simulated::SimulatedReader;
use drivers::reader::{Reader, ReaderError};
use emrtd::file::FileId;
use emrtd::session::{AccessPolicy, Progress, Session};
use emrtd::verdict::Check;
use events::event::Bytes;
use kiosk_ui::portrait::Picture;
use serde_json::json;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use verdict::{Admission, Answers, Rung, Word};

/// How long a scan waits for its card.
const CARD_PATIENCE: Duration = Duration::from_secs(60);
/// How long a card that was lifted during a read may stay away.
const RESUME_PATIENCE: Duration = Duration::from_secs(5);
/// How often the stop signal is looked at.
pub const ROUND: Duration = Duration::from_millis(200);

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
    Some(dg13.get(Field::FullName)?.to_owned().into())
}

/// The device: a reader, and the site that it works for.
pub struct Device {
    reader: Box<dyn Reader>,
    terminal: Terminal,
    site: Arc<Site>,
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
fn wait_for_reader(specification: &str, stop: &AtomicBool) -> Result<Box<dyn Reader>, Failure> {
    let mut said = String::new();
    loop {
        match open_reader(specification) {
            Err(failure) if failure.exit == exit::NO_READER && !stop.load(Ordering::Relaxed) => {
                if said != failure.code {
                    tracing::warn!(code = failure.code, remedy = failure.remedy, "waiting: {}", failure.message);
                    print_json(&json!({ "waiting": failure }), false)?;
                    said = failure.code;
                }
                std::thread::park_timeout(ROUND);
            }
            result => return result,
        }
    }
}

/// The anchors that are trusted now; in practice those of virtual cards.
fn anchors_of(site: &Site, profile: &Profile) -> Result<anchors::Anchors, Failure> {
    let anchors = if profile.practice { simulated::anchors()? } else { site.config.load_anchors()? };
    for note in &anchors.left_out {
        tracing::warn!(code = "trust_left_out", "{note}");
    }
    Ok(anchors)
}

/// The reader that the configuration names; in practice the one on which virtual cards are laid.
fn reader(site: &Site, stop: &AtomicBool) -> Result<Box<dyn Reader>, Failure> {
    match &site.slot {
        Some(slot) => Ok(Box::new(SimulatedReader::new(slot.clone()))),
        None => wait_for_reader(&site.config.reader, stop),
    }
}

impl Device {
    /// Opens the reader that the configuration names, and waits for it until told to stop. In practice it is the one
    /// on which virtual cards are laid, and they are what is trusted.
    ///
    /// # Errors
    /// When a file is not as it must be.
    pub fn start(site: &Arc<Site>, stop: &AtomicBool) -> Result<Self, Failure> {
        let config = &site.config;
        let profile = Arc::new(Profile::load(&config.profile)?);
        let generation = site.generation();
        let anchors = anchors_of(site, &profile)?;
        let inspection = config.terminal.as_deref().map(Inspection::load).transpose()?;
        let mut terminal = Terminal::new(anchors).with_inspection(inspection);
        terminal.chips = Chips::shown_in(&config.state);
        terminal.prepare();
        let reader = reader(site, stop)?;
        Ok(Self { reader, terminal, site: Arc::clone(site), profile, generation })
    }

    /// One scan: a read and its event. What goes wrong with a card is reported and the device goes on; what goes
    /// wrong with the device itself ends it, because an event that cannot be kept must not look kept.
    ///
    /// # Errors
    /// When the device cannot go on.
    pub fn scan(&mut self, line: &str, stop: &AtomicBool) -> Result<(), Failure> {
        let result = access::from_scan(line, self.profile.takes_mrz()).and_then(|key| {
            let mended: Vec<_> = key.mended.iter().map(|remark| remark.code()).collect();
            let armed =
                if mended.is_empty() { json!({ "armed": true }) } else { json!({ "armed": true, "mended": mended }) };
            print_json(&armed, false)?;
            self.read(&key, &|| stop.load(Ordering::Relaxed), &mut |_| {}).map(drop)
        });
        self.prepare();
        match result {
            Ok(()) => Ok(()),
            Err(failure) if failure.exit == exit::DEVICE => Err(failure),
            Err(failure) => {
                tracing::warn!(code = failure.code, "no verdict");
                print_json(&json!({ "error": failure }), false)
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
        let clock = Arc::clone(&self.site.clock);
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
                drop(print_json(&json!({ "lifted": true }), false));
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
        let today = self.site.today();
        let (prepared, trust) = (reading.sod.as_ref(), &self.terminal.trust);
        let judgement = judgement::judge(&reading.evidence, prepared, &key.known, trust, today);
        let withdrawn = self.site.is_withdrawn(&judgement);
        let judgement = judgement.listed(withdrawn);
        let accepted = self.profile.takes_document(judgement.kind, judgement.issuer());
        let admission = self.profile.terms().admit(judgement.answers, accepted, judgement.is_weak());
        let word = judgement.answers.word_where(accepted);
        let signed = self.site.record(&self.profile, &reading.evidence, &judgement)?;
        self.site.saw_signer(&judgement)?;
        let total_ms = u64::try_from(reading.cost.total.as_millis()).unwrap_or(u64::MAX);
        let sequence = signed.event.sequence;
        tracing::info!(sequence, word = word.code(), total_ms, apdus = reading.cost.apdus, "card judged");
        let hash = events::hash(&signed.bytes);
        let event = json!({ "seq": sequence, "id": signed.event.id.to_string(), "sha256": hash.to_string() });
        print_json(&json!({ "event": event, "word": word, "rung": judgement.rung(), "total_ms": total_ms }), false)?;
        let judged = Judged {
            word,
            answers: judgement.answers,
            rung: judgement.rung(),
            admission,
            document: judgement.kind.code(),
            until: judgement.end(),
            content: Content::take(&self.profile, &reading, &judgement, admission, today.now),
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
        let generation = self.site.generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        match anchors_of(&self.site, &self.profile) {
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
        self.reader = reader(&self.site, stop)?;
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
