//! What a device keeps and does besides reading cards: keys, event log, book, lists, and what goes to whom.
//!
//! One [`Site`] is shared by the reader's thread, the kiosk or desk, and the courier that delivers messages. It is
//! asked in the order of a visit: [`Site::consented`], [`Site::judged`], [`Site::keep`].

mod around;
mod conduct;
mod lists;
mod statement;

use self::around::{counted, minutely};
pub use self::conduct::looks;
use crate::people::People;
use crate::recorder::{self, EVENT_KEY, Recorder};
use crate::upkeep::{Charge, Running, Taken, Upkeep};
use crate::words::{DeviceWord, VisitResult};
use cccd::calendar::{date_of, day_of, time_of};
use cccd::judgement::Judgement;
use config::{self, Adopted, Config};
use drivers::reader::simulated::Slot;
use events::event::Bytes;
use events::{Body, Clock, DeviceEvent, Receiving};
use fleet::FleetError;
use fleet::revoked::RevokedCards;
use handoff::Envelope;
use handoff::courier::Courier;
use identity::TrustedClock;
use identity::bundles::Bundles;
use identity::visits::Visits;
use kiosk_ui::words;
use program::Private;
use program::{Failure, lock};
use reading::device::Happened;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use store::book::seal::Seal;
use store::book::{self, Book, Entry, Message, Retention, Served};
use store::outbox::Outbox;
use store::uplink::https::Https;
use store::uplink::worker::Worker;
use visit::content::{Assurance, Content, Released};
use visit::finished::{Agreed, Finished, Keeping, Kept, random_id};
use visit::ledger::period;
use visit::profile::{Keep, ON_DEVICE, PrintKind, Profile, placeholders};
use visit::roster::Index;
use visit::steps::Refusal;
use visit::tally::Ended;

/// How long pending events are sent after the end.
const DRAIN: Duration = Duration::from_secs(10);
/// Seconds of a day.
const DAY: i64 = 86_400;

/// Tells programs beside the device what happened; an error where nobody can hear it.
pub type Tell = dyn Fn(&Happened) -> Result<(), Failure> + Send + Sync;

/// What a site is given by the program around it.
#[derive(Clone)]
pub struct Around {
    /// The whole check of a configuration, for bundles.
    pub check: config::Check,
    /// Where programs beside the device hear what happens.
    pub tell: Arc<Tell>,
}

/// The lists of a profile, and the mark that the book had when they were read.
type Lists = (String, Vec<Arc<Index>>);

/// The site.
pub struct Site {
    /// The configuration.
    pub config: Config,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Whether somebody is served, for whoever would restart the device.
    pub visits: Visits,
    /// In practice, where virtual cards are laid.
    pub slot: Option<Slot>,
    profile: Arc<Profile>,
    recorder: Recorder,
    outbox: Mutex<Outbox>,
    book: Arc<Mutex<Book>>,
    /// By profile.
    rosters: RwLock<BTreeMap<String, Lists>>,
    /// Of the active bundle.
    revoked: RwLock<Option<Result<RevokedCards, FleetError>>>,
    uplink: Mutex<Option<Worker>>,
    upkeep: Mutex<Option<Running>>,
    generation: AtomicU64,
    courier: Arc<Courier>,
    around: Around,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Site({})", self.config.device)
    }
}

impl Site {
    /// Opens everything that the configuration names. In practice nothing is sent, and the state is one of its own.
    ///
    /// # Errors
    /// When a file, key or store is not as it must be.
    pub fn open(
        mut config: Config,
        profile: Profile,
        clock: Arc<dyn Clock>,
        around: Around,
    ) -> Result<Arc<Self>, Failure> {
        let visits = Visits::new(&config.updater);
        config.state = config.state_of(profile.practice);
        if profile.practice {
            config.sync = false;
            config.recipient.clear();
        }
        let keys = config.key_store()?;
        let state = config.identity_state()?;
        let floor = state.as_ref().map_or(0, identity::State::not_earlier_than);
        let trusted = Arc::new(TrustedClock::new(clock, floor));
        let clock: Arc<dyn Clock> = Arc::clone(&trusted) as Arc<dyn Clock>;
        let event_key =
            keys.public_key(EVENT_KEY).map_err(|e| Failure::from(e).with_remedy("enrol the device again"))?;
        // Each derives a key from the pass phrase, which is meant to take long: beside each other they take half as long.
        let (people, book) = std::thread::scope(|scope| {
            let seal = if profile.practice { Seal::practice } else { Seal::open }(Arc::clone(&keys));
            let book = scope.spawn(|| Book::open(&config.state.join("book.db"), seal));
            let people = People::open(&config, Arc::clone(&keys), Arc::clone(&clock));
            (people, book.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (people, book) = (people?, book?);
        let outbox = Outbox::open(&config.outbox())?;
        let https = Https::default();
        let book = Arc::new(Mutex::new(book));
        let uplink = if config.sync {
            let tell = Arc::clone(&around.tell);
            let receipt = move |receipt: &events::sync::Receipt| {
                tracing::info!(committed = receipt.committed, "central has committed");
                let told = tell(&Happened::Receipt(receipt.clone()));
                program::ignore(told, "standard output may be closed by then; the receipt is in the outbox anyway");
            };
            let worker =
                Worker::start(&config.outbox(), https.clone(), Arc::clone(&clock), config.log_keys()?, receipt);
            Some(worker?)
        } else {
            None
        };
        let upkeep =
            if config.sync { Some(Upkeep::prepare(&config, Arc::clone(&keys), trusted, https)?) } else { None };
        let recorder = Recorder {
            device: config.device.clone(),
            keys,
            event_key,
            people,
            boot: random_id()?,
            clock: Arc::clone(&clock),
        };
        let courier = Courier::new(&config.recipient, Arc::clone(&book), Arc::clone(&clock))?;
        let site = Arc::new(Self {
            visits,
            slot: profile.practice.then(Slot::default),
            config,
            clock,
            profile: Arc::new(profile),
            recorder,
            outbox: Mutex::new(outbox),
            book,
            rosters: RwLock::default(),
            revoked: RwLock::default(),
            uplink: Mutex::new(uplink),
            upkeep: Mutex::default(),
            generation: AtomicU64::default(),
            courier: Arc::new(courier),
            around,
        });
        // What a cut of power left between book and outbox.
        site.drain()?;
        site.load_rosters(&site.profile.id)?;
        site.load_revoked();
        // A bundle that came on a stick was taken in while nothing ran.
        site.import_sent()?;
        site.note_settings()?;
        site.courier.start(minutely(Arc::downgrade(&site)));
        if let Some(upkeep) = upkeep {
            let charge: Arc<dyn Charge> = Arc::clone(&site) as Arc<dyn Charge>;
            *lock(&site.upkeep) = Some(upkeep.start(&charge));
        }
        Ok(site)
    }

    /// The profile that the site was opened with, with what the site's systems say about it.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let mut profile = Profile::clone(&self.profile);
        profile.set_departments(&self.courier.departments());
        profile
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.wall()
    }

    /// The book.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// The deliverer of messages.
    #[must_use]
    pub fn courier(&self) -> &Courier {
        &self.courier
    }

    /// Who signs.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Notes the document signer of a card where nobody here vouches for it, and tells central of it now and then: hash
    /// and certificate, never whose card it was.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn saw_signer(&self, judgement: &Judgement) -> Result<(), Failure> {
        let passive = &judgement.verification.passive;
        let unknown = judgement.answers.issuer == verdict::Issuer::Unknown;
        let Some(signer) = passive.document_signer.as_ref().filter(|_| unknown && passive.signed) else {
            return Ok(());
        };
        let mut book = self.book();
        let number = recorder::person(judgement).map(|person| book.handle(&person));
        let told = book.saw_signer(signer.der(), judgement.kind.code(), number.as_ref(), self.now())?;
        if let Some(seen) = told {
            book.note(&Body::Signer(events::Signer {
                count: seen.count,
                since: seen.since,
                numbers: seen.numbers,
                document: seen.document,
                certificate: seen.certificate,
            }))?;
        }
        drop(book);
        self.drain()
    }

    fn wake(&self) {
        if let Some(uplink) = &*lock(&self.uplink) {
            uplink.wake();
        }
    }

    /// Notes what became of configuration and bundle at the start.
    fn note_settings(&self) -> Result<(), Failure> {
        if let Some(config::Withdrawn { from, to }) = self.config.withdrawn {
            self.note_device(DeviceWord::BundleWithdrawn, Some(from.to_string()), Some(to.to_string()))?;
        }
        match self.config.adopted.clone() {
            Adopted::AsBefore | Adopted::New { .. } => Ok(()),
            Adopted::Refused(failure) => self.note_device(DeviceWord::SettingsRefused, None, Some(failure.code)),
        }
    }

    /// The stage works: its configuration is the last good one from now on.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn started(&self) -> Result<(), Failure> {
        match (self.config.keep(), self.config.adopted.clone()) {
            (true, Adopted::New { from, to }) => self.note_device(DeviceWord::SettingsActivated, Some(from), Some(to)),
            _ => Ok(()),
        }
    }

    /// Uses what a new bundle brought: anchors with the next card, lists at once.
    ///
    /// # Errors
    /// When the bundle cannot be read.
    pub fn reload(&self) -> Result<(), Failure> {
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.load_revoked();
        self.import_sent()
    }

    /// Takes a bundle in that a technician brought, and uses it at once; its version, or why it is refused. What was active stays
    /// then.
    ///
    /// # Errors
    /// When the device's own disk or log fails.
    pub fn take_bundle(&self, bytes: &[u8]) -> Result<Taken, Failure> {
        let missing = || Failure::device("identity_missing", "the device is not enrolled", "provision enrol");
        let state = self.config.identity_state()?.ok_or_else(missing)?;
        match crate::bundle::take(
            &Bundles::new(&self.config.bundles),
            &state,
            &self.config.file,
            bytes,
            self.around.check,
        ) {
            Ok((before, version)) => {
                self.note_device(DeviceWord::BundleActivated, Some(before.to_string()), Some(version.to_string()))?;
                self.reload()?;
                Ok(Taken::Active(version))
            }
            Err(error) => {
                tracing::error!(code = error.code(), "bundle refused: {error}");
                let active = Bundles::new(&self.config.bundles).active().to_string();
                self.note_device(DeviceWord::BundleRefused, Some(active), Some(error.code().to_owned()))?;
                Ok(Taken::Refused(error))
            }
        }
    }

    fn load_revoked(&self) {
        let list = crate::bundle::revoked(&Bundles::new(&self.config.bundles));
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = list;
    }

    /// Notes something about the device itself.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn note_device(&self, what: DeviceWord, from: Option<String>, to: Option<String>) -> Result<(), Failure> {
        let body = Body::Device(DeviceEvent { to, from, what: what.to_string() });
        let id = random_id()?;
        self.recorder.append(&mut lock(&self.outbox), id, body)?;
        self.wake();
        Ok(())
    }

    /// Whether events go to a central.
    #[must_use]
    pub const fn has_central(&self) -> bool {
        self.config.sync
    }

    /// Moves noted events into the outbox, each once: a cut of power leaves at most the last one in both.
    ///
    /// # Errors
    /// When book or outbox fails.
    pub fn drain(&self) -> Result<(), Failure> {
        let book = self.book();
        let mut outbox = lock(&self.outbox);
        let last = outbox.last()?;
        let mut last = last.and_then(|bytes| events::signed::read(&bytes).ok()).map(|event| event.id);
        while let Some((row, id, body)) = book.next_note()? {
            if last != Some(id) {
                self.recorder.append(&mut outbox, id, body)?;
                last = Some(id);
            }
            book.noted(row)?;
        }
        drop((book, outbox));
        self.wake();
        Ok(())
    }

    /// A holder agreed to a profile's words.
    ///
    /// # Errors
    /// When it cannot be kept: then nothing may be read.
    pub fn consented(&self, profile: &Profile, visit: Bytes<16>, agreed: &Agreed) -> Result<(), Failure> {
        let text = if agreed.language == "en" { &profile.purpose_en } else { &profile.purpose_vi };
        let body = Body::Consent(events::Consent {
            act: agreed.act.to_string(),
            text: text.clone(),
            visit,
            profile: profile.id.clone(),
            version: profile.purpose_version.clone(),
            language: agreed.language.to_owned(),
        });
        self.book().note(&body)?;
        self.drain()
    }

    /// Puts a visit on disk with everything that follows from it.
    ///
    /// # Errors
    /// When the disk fails: then nothing may be printed, opened or sent.
    pub(super) fn commit(
        &self,
        profile: &Profile,
        finished: &Finished,
        served: Served,
    ) -> Result<Keeping<Kept>, Failure> {
        let now = self.now();
        let content = &finished.content;
        let id = finished.visit.to_string();
        let number = profile.print().map(|print| self.number(print.kind, finished)).transpose()?;
        let keep = match profile.keep() {
            None => Retention::NotKept,
            Some(Keep { until_reported: true, .. }) => Retention::UntilReported,
            Some(Keep { days, .. }) => Retention::Until(now + i64::from(days) * DAY),
        };
        let entry = profile.ledger().map(|rules| Entry {
            rule: rules.rule,
            direction: self.config.direction,
            scope: period(rules.scope, now, self.roster(&profile.id).as_ref().map(|list| list.roster().id.as_str())),
            erase_at: now + i64::from(profile.event.retention_days) * DAY,
        });
        let connected = profile.recipients().filter(|recipient| self.config.recipient.contains_key(&recipient.id));
        let mut messages = Vec::new();
        for recipient in connected {
            let Some(released) = Released::new(profile, &recipient.id, content) else { continue };
            let days = self.config.recipient.get(&recipient.id).map_or(1, |connection| connection.give_up_days);
            let envelope = Envelope {
                visit: id.clone(),
                at: now,
                profile: profile.id.clone(),
                device: self.config.device.clone(),
                number: number.clone(),
                released,
            };
            let erase_at = now + i64::from(days) * DAY;
            messages.push(Message { recipient: recipient.id.clone(), body: envelope.to_bytes(), erase_at });
        }
        let kept = Kept {
            lines: self.lines(profile, content, number.as_deref(), now),
            place: self.queue_place(),
            look_again: content.assurance.as_ref().is_some_and(Assurance::is_marked),
            id: id.clone(),
            number: number.clone(),
            at: now,
        };
        let visit = book::Visit {
            id,
            profile: &profile.id,
            at: now,
            day: day_of(now),
            sequence: finished.sequence,
            number,
            subject: content.bearer().map(|person| self.book().handle(&person)),
            counted_as: entry.as_ref().map(|entry| self.counted_as(profile, &entry.scope, content)).unwrap_or_default(),
            party: finished.party.clone(),
            keep,
            content,
            entry,
            messages,
            note: self.visit_note(profile, finished, VisitResult::Done, None),
            device: &self.config.device,
            served,
            counts: counted(profile, content, Ended::Done, now),
        };
        if let Keeping::TooLate(refusal) = self.book().commit(&visit)? {
            return Ok(Keeping::TooLate(refusal));
        }
        self.drain()?;
        self.courier.wake();
        Ok(Keeping::Kept(kept))
    }

    /// Notes that somebody was turned away, or that a visit was broken off.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(super) fn note_end(
        &self,
        profile: &Profile,
        finished: &Finished,
        why: Option<Refusal>,
        served: &Served,
    ) -> Result<(), Failure> {
        let result = if why.is_some() { VisitResult::Refused } else { VisitResult::Cancelled };
        let (note, now) = (self.visit_note(profile, finished, result, why), self.now());
        let counts = counted(profile, &finished.content, why.map_or(Ended::Cancelled, Ended::Refused), now);
        self.book().ended(&profile.id, why, served, &note, (&day_of(now), now), &counts)?;
        self.drain()
    }

    fn visit_note(&self, profile: &Profile, finished: &Finished, result: VisitResult, why: Option<Refusal>) -> Body {
        let content = &finished.content;
        let reaches = |id: &str| {
            result == VisitResult::Done
                && (ON_DEVICE.contains(&id) || id == handoff::lodging::PORTAL || self.config.recipient.contains_key(id))
        };
        let recipients = profile.recipients().filter(|recipient| reaches(&recipient.id)).filter_map(|recipient| {
            let released = Released::new(profile, &recipient.id, content)?;
            Some(Receiving { id: recipient.id.clone(), fields: released.names() })
        });
        let assurance = content.assurance.as_ref();
        let vouching = assurance.and_then(|assurance| assurance.staff.as_ref()).map(|staff| events::Vouching {
            by: self.recorder.people.staff(profile, &staff.name.0),
            reason: staff.reason.code().to_owned(),
        });
        Body::Visit(events::Visit {
            mark: assurance.and_then(|assurance| assurance.mark),
            rung: assurance.map(|assurance| assurance.rung),
            staff: vouching,
            holder: assurance.and_then(|assurance| assurance.answers).map(|answers| answers.holder),
            why: why.map(|why| why.code().to_owned()),
            visit: finished.visit,
            result: result.to_string(),
            subject: self.recorder.people.subject(profile, content.person().as_ref()),
            profile: profile.id.clone(),
            recipients: recipients.collect(),
            verification: content.source.is_chip().then_some(finished.sequence),
        })
    }

    fn queue(&self) -> Option<(char, String)> {
        let desk = self.config.desk.as_ref().and_then(|desk| desk.queue.as_ref());
        let queue = desk.or_else(|| self.config.kiosk.as_ref()?.queue.as_ref())?;
        Some((queue.letter, queue.place.clone()))
    }

    /// Where people with a ticket go.
    #[must_use]
    pub fn queue_place(&self) -> Option<String> {
        self.queue().map(|(_, place)| place)
    }

    /// The site's name.
    #[must_use]
    pub fn name(&self) -> &str {
        let desk = self.config.desk.as_ref().map(|desk| desk.site.as_str());
        desk.or_else(|| self.config.kiosk.as_ref().map(|kiosk| kiosk.site.as_str())).unwrap_or_default()
    }

    fn number(&self, kind: PrintKind, finished: &Finished) -> Result<String, Failure> {
        Ok(match kind {
            PrintKind::Ticket => {
                let letter = self.queue().map_or('A', |(letter, _)| letter);
                format!("{letter}{:03}", self.book().next_ticket(&day_of(self.now()))?)
            }
            _ => finished.visit.to_string()[..8].to_uppercase(),
        })
    }

    /// The lines that a profile prints, filled in.
    #[must_use]
    pub fn lines(&self, profile: &Profile, content: &Content, number: Option<&str>, at: i64) -> Vec<Private> {
        let lines = profile.print().map(|print| print.lines.as_slice()).unwrap_or_default();
        let fill = |line: &String| {
            let mut text = zeroize::Zeroizing::new(line.clone());
            for name in placeholders(line) {
                let value = match name {
                    "date" => date_of(at),
                    "time" => time_of(at),
                    "site" => self.name().to_owned(),
                    "device" => self.config.device.clone(),
                    "number" => number.unwrap_or_default().to_owned(),
                    "assurance" => chip(content.assurance.as_ref()),
                    name => content.get(name).map(|value| value.0.to_string()).unwrap_or_default(),
                };
                *text = text.replace(&format!("{{{name}}}"), &value);
            }
            Private(text)
        };
        let mut filled: Vec<Private> = lines.iter().map(fill).collect();
        // Paper says it where less is assured, whatever the profile prints.
        let said = lines.iter().any(|line| placeholders(line).any(|name| name == "assurance"));
        let less = content.assurance.as_ref().filter(|assurance| !assurance.rung.is_green() || assurance.is_marked());
        if let Some(less) = less.filter(|_| !filled.is_empty() && !said) {
            filled.push(format!("Mức xác thực: {}", chip(Some(less))).into());
        }
        filled
    }

    /// Sends what is pending, for a while.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish(&self) -> Result<(), Failure> {
        self.courier.stop();
        let upkeep = lock(&self.upkeep).take();
        drop(upkeep);
        match lock(&self.uplink).take() {
            Some(uplink) => Ok(uplink.stop(DRAIN)?),
            None => Ok(()),
        }
    }
}

/// The short name of what is assured; nothing for records that do not say.
fn chip(assurance: Option<&Assurance>) -> String {
    assurance.map(|assurance| words::of(assurance.word).chip.both()).unwrap_or_default()
}
