//! The device's own parts: reader, terminal, keys, outbox, uplink. One scan arms one read; each verdict becomes a signed
//! event on disk before anybody is told of it.

use crate::access::{self, AccessKey, Private};
use crate::anchors;
use crate::commands::{now, open_reader, plan, print_json};
use crate::config::Config;
use crate::failure::{Failure, exit};
use crate::outbox::{Outbox, OutboxError};
use crate::profile::Profile;
use crate::read::{self, Hooks};
use crate::recorder::{EVENT_KEY, Recorder};
use crate::report;
use crate::terminal::{Inspection, Terminal};
use crate::uplink::https::Https;
use crate::uplink::worker::Worker;
use cccd::dg13::{Dg13, Field};
use drivers::key_store::file::FileKeyStore;
use drivers::key_store::{KeyStore, sealed};
use drivers::reader::{Reader, ReaderError};
use emrtd::file::FileId;
use emrtd::secret::{Entropy as _, SystemEntropy};
use emrtd::session::{AccessPolicy, Progress, Session};
use emrtd::verdict::Decision;
use events::Clock;
use events::event::Bytes;
use kiosk_ui::portrait::Picture;
use serde_json::json;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a scan waits for its card.
const CARD_PATIENCE: Duration = Duration::from_secs(60);
/// How long a card that was lifted during a read may stay away.
const RESUME_PATIENCE: Duration = Duration::from_secs(5);
/// How long pending events are sent after the end.
const DRAIN: Duration = Duration::from_secs(10);
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
    /// The verdict; its event is on disk under this number.
    Judged(Decision, u64),
}

/// The holder's name as DG13 has it, with all its signs.
fn name(session: &Session) -> Option<Private> {
    let dg13 = Dg13::parse(session.file(FileId::Dg(13))?).ok()?;
    Some(dg13.get(Field::FullName)?.to_owned().into())
}

fn device_failure(error: &OutboxError) -> Failure {
    let remedy = match error.code() {
        "outbox_disk_full" => "free space on the device; nothing was lost",
        _ => "check the disk and the state directory; nothing was lost",
    };
    Failure::device(error.code(), emrtd::error::describe(error), remedy)
}

/// The device.
pub struct Device {
    reader: Box<dyn Reader>,
    terminal: Terminal,
    recorder: Recorder,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    uplink: Option<Worker>,
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

impl Device {
    /// Opens everything that the configuration names, and waits for the reader until told to stop.
    ///
    /// # Errors
    /// When a file, key or store is not as it must be.
    pub fn start(config: &Config, clock: Arc<dyn Clock>, stop: &AtomicBool) -> Result<Self, Failure> {
        let profile = Profile::load(&config.profile)?;
        let anchors = anchors::load(&config.trust)?;
        for note in &anchors.left_out {
            tracing::warn!(code = "trust_left_out", "{note}");
        }
        let inspection = config.terminal.as_deref().map(Inspection::load).transpose()?;
        let mut terminal = Terminal::new(anchors).with_inspection(inspection);
        terminal.prepare();
        let pass_phrase = config.pass_phrase()?;
        let keys: Arc<dyn KeyStore> = Arc::new(FileKeyStore::new(&config.keys, &pass_phrase));
        let event_key = keys
            .public_key(EVENT_KEY)
            .map_err(|e| Failure::device(e.code(), emrtd::error::describe(&e), "enrol the device again"))?;
        let sealed_path = config.keys.join("subject.sealed");
        let subject_key = std::fs::read(&sealed_path).ok().and_then(|bytes| sealed::open(&pass_phrase, &bytes));
        let subject_key = subject_key.ok_or_else(|| {
            let message = format!("cannot open {}", sealed_path.display());
            Failure::device("subject_key_locked", message, "enrol the device again")
        })?;
        let mut boot = [0; 16];
        SystemEntropy
            .fill(&mut boot)
            .map_err(|e| Failure::device("no_entropy", e.to_string(), "check the kernel's random source"))?;
        let outbox = Outbox::open(&config.outbox()).map_err(|e| device_failure(&e))?;
        let uplink = match &config.central {
            None => None,
            Some(central) => {
                let https = Https::new(&central.url, &central.certificate, &central.authority, Arc::clone(&keys))?;
                let receipt = |receipt: &events::sync::Receipt| {
                    tracing::info!(committed = receipt.committed, "central has committed");
                    // Standard output may be closed by then; the receipt is in the outbox anyway.
                    drop(print_json(&json!({ "receipt": receipt }), false));
                };
                let worker = Worker::start(&config.outbox(), https, Arc::clone(&clock), receipt);
                Some(worker.map_err(|e| device_failure(&e))?)
            }
        };
        let recorder = Recorder {
            device: config.device.clone(),
            keys,
            event_key,
            subject_key,
            boot: Bytes(boot),
            profile,
            clock: Arc::clone(&clock),
        };
        let reader = wait_for_reader(&config.reader, stop)?;
        Ok(Self { reader, terminal, recorder, outbox, clock, uplink })
    }

    /// One scan: a read and its event. What goes wrong with a card is reported and the device goes on; what goes
    /// wrong with the device itself ends it, because an event that cannot be kept must not look kept.
    ///
    /// # Errors
    /// When the device cannot go on.
    pub fn scan(&mut self, line: &str, stop: &AtomicBool) -> Result<(), Failure> {
        let result = access::from_scan(line).and_then(|key| {
            print_json(&json!({ "armed": true }), false)?;
            self.read(&key, &|| stop.load(Ordering::Relaxed), &mut |_| {})
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
        let until = self.clock.monotonic() + CARD_PATIENCE;
        let card = loop {
            match self.reader.wait_for_card(ROUND) {
                Err(ReaderError::NoCard) if self.clock.monotonic() < until && !stop() => {}
                card => break card?,
            }
        };
        let plan = plan(AccessPolicy::Auto, key.passwords.clone(), &self.recorder.profile.data_groups);
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
        let reading = read::read(&mut *self.reader, card, plan, &mut self.terminal, &*self.clock, &mut hooks);
        let reading = reading?;
        let judgement = report::judge(&reading, &key.known, &self.terminal.trust, now(&*self.clock));
        let (evidence, cost) = (&reading.evidence, &reading.cost);
        let recorded = self.recorder.record(&mut self.outbox, &mut SystemEntropy, evidence, &judgement);
        let signed = recorded.map_err(|e| device_failure(&e))?;
        let total_ms = u64::try_from(cost.total.as_millis()).unwrap_or(u64::MAX);
        let sequence = signed.event.sequence;
        tracing::info!(sequence, decision = ?judgement.decision, total_ms, apdus = cost.apdus, "card judged");
        let event = json!({
            "seq": sequence, "id": signed.event.id.to_string(), "sha256": events::hash(&signed.bytes).to_string(),
        });
        print_json(&json!({ "event": event, "decision": judgement.decision, "total_ms": total_ms }), false)?;
        if let Some(uplink) = &self.uplink {
            uplink.wake();
        }
        tell.borrow_mut()(Happening::Judged(judgement.decision, sequence));
        Ok(())
    }

    /// Whether the reader is there, while nobody waits for a card.
    ///
    /// # Errors
    /// When it is away.
    pub fn check(&mut self) -> Result<(), ReaderError> {
        self.reader.check()
    }

    /// Another profile from now on.
    pub fn work_by(&mut self, profile: &Profile) {
        if self.recorder.profile != *profile {
            self.recorder.profile = profile.clone();
        }
    }

    /// How many events central has not acknowledged yet.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        let last = self.outbox.end().map_or(0, |end| end.sequence);
        last.saturating_sub(self.outbox.acknowledged().unwrap_or(last))
    }

    /// For the next card, whatever became of this one.
    pub fn prepare(&mut self) {
        self.terminal.prepare();
    }

    /// Waits until the reader is there again.
    ///
    /// # Errors
    /// When told to stop before.
    pub fn reopen(&mut self, specification: &str, stop: &AtomicBool) -> Result<(), Failure> {
        self.reader = wait_for_reader(specification, stop)?;
        Ok(())
    }

    /// Whether the reader is empty, after this long at most.
    ///
    /// # Errors
    /// When the reader is away.
    pub fn wait_for_removal(&mut self, patience: Duration) -> Result<bool, ReaderError> {
        self.reader.wait_for_removal(patience)
    }

    /// Sends what is pending, for a while.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish(self) -> Result<(), Failure> {
        match self.uplink {
            Some(uplink) => uplink.stop(DRAIN).map_err(|e| device_failure(&e)),
            None => Ok(()),
        }
    }
}
