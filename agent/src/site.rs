//! What a device keeps and does besides reading cards: keys, event log, book, lists, and what goes to whom.
//!
//! One [`Site`] is shared by the reader's thread, the kiosk or desk, and the courier that delivers messages. It is
//! asked in the order of a visit: [`Site::consented`], [`Site::admit`], [`Site::keep`].

use crate::access::Private;
use crate::book::seal::Seal;
use crate::book::{self, Book, Entry, Message};
use crate::config::{self, Adopted, Config};
use crate::custodian::{Custodian, Running};
use crate::failure::Failure;
use crate::handoff::{Courier, Envelope};
use crate::holder::{Assurance, Content, Released, Source};
use crate::outbox::{Outbox, OutboxError};
use crate::profile::{Keep, ON_DEVICE, PrintKind, Profile, Scope, placeholders};
use crate::recorder::{EVENT_KEY, Recorder};
use crate::roster::{Index, Roster};
use crate::uplink::https::Https;
use crate::uplink::worker::Worker;
use crate::visit::Refusal;
use cccd::judgement::{Judgement, Today, Withdrawn};
use drivers::key_store::sealed;
use drivers::reader::simulated::Slot;
use emrtd::secret::{Entropy as _, SystemEntropy};
use events::event::Bytes;
use events::{Body, Clock, DeviceEvent, Receiving, SignedEvent, Verifier};
use fleet::FleetError;
use fleet::bundle::Kind;
use fleet::revoked::{Listed, RevokedCards};
use identity::TrustedClock;
use identity::bundles::Bundles;
use identity::visits::Visits;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use time::{OffsetDateTime, UtcOffset};

/// How long pending events are sent after the end.
const DRAIN: Duration = Duration::from_secs(10);
/// Seconds of a day.
const DAY: i64 = 86_400;

/// Vietnam has one time zone and no summer time.
pub const VIETNAM: UtcOffset = match UtcOffset::from_hms(7, 0, 0) {
    Ok(offset) => offset,
    Err(_) => UtcOffset::UTC,
};

/// A time in Vietnam.
#[must_use]
pub fn in_vietnam(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(VIETNAM)
}

/// The day as the book has it, `YYYY-MM-DD`.
#[must_use]
pub fn day_of(seconds: i64) -> String {
    let at = in_vietnam(seconds);
    format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}

/// The day as people read it, `dd/MM/yyyy`.
#[must_use]
pub fn date_of(seconds: i64) -> String {
    let at = in_vietnam(seconds);
    format!("{:02}/{:02}/{:04}", at.day(), u8::from(at.month()), at.year())
}

/// The period that a ledger counts in at a time, with the list that is here.
pub(crate) fn period(scope: Scope, now: i64, list: Option<&Index>) -> String {
    book::period(scope, &day_of(now), list.map(|list| list.roster().id.as_str()))
}

/// The time of day, `HH:MM`.
#[must_use]
pub fn time_of(seconds: i64) -> String {
    let at = in_vietnam(seconds);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn outbox_failure(error: &OutboxError) -> Failure {
    let remedy = match error.code() {
        "outbox_disk_full" => "free space on the device; nothing was lost",
        _ => "check the disk and the state directory; nothing was lost",
    };
    Failure::device(error.code(), emrtd::error::describe(error), remedy)
}

/// A random identifier.
///
/// # Errors
/// When the kernel's random source fails.
pub fn random_id() -> Result<Bytes<16>, Failure> {
    let mut id = [0; 16];
    SystemEntropy
        .fill(&mut id)
        .map_err(|e| Failure::device("no_entropy", e.to_string(), "check the kernel's random source"))?;
    Ok(Bytes(id))
}

/// A holder's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// How: `touch`, `told_staff` or `app`.
    pub act: &'static str,
    /// `vi` or `en`.
    pub language: &'static str,
}

/// Somebody whose visit ends well.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The visit.
    pub visit: Bytes<16>,
    /// Position of the event of the verdict; 0 where no chip was read.
    pub sequence: u64,
    /// What is known of them, answers included.
    pub content: Content,
    /// The party that they belong to.
    pub party: Option<String>,
}

/// What was kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Identifier of the visit.
    pub id: String,
    /// The number of the ticket or receipt, if there is one.
    pub number: Option<String>,
    /// Where people with a ticket go.
    pub place: Option<String>,
    /// The lines of a receipt or page.
    pub lines: Vec<Private>,
    /// Whether the visit is marked: whoever serves its holder looks at the card again.
    pub look_again: bool,
    /// When.
    pub at: i64,
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
    recorder: Recorder,
    outbox: Mutex<Outbox>,
    book: Mutex<Book>,
    /// By profile.
    rosters: RwLock<BTreeMap<String, Lists>>,
    /// Of the active bundle.
    revoked: RwLock<Option<Result<RevokedCards, FleetError>>>,
    uplink: Mutex<Option<Worker>>,
    custodian: Mutex<Option<Running>>,
    generation: AtomicU64,
    courier: Courier,
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
    pub fn open(mut config: Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, Failure> {
        let profile = Profile::load(&config.profile)?;
        let visits = Visits::new(&config.state);
        if profile.practice {
            config.state = config.state.join("practice");
            config.sync = false;
            config.recipient.clear();
        }
        let keys = config.key_store()?;
        let state = config.identity_state()?;
        let floor = state.as_ref().map_or(0, identity::State::not_earlier_than);
        let trusted = Arc::new(TrustedClock::new(clock, floor));
        let clock: Arc<dyn Clock> = Arc::clone(&trusted) as Arc<dyn Clock>;
        let event_key = keys
            .public_key(EVENT_KEY)
            .map_err(|e| Failure::device(e.code(), emrtd::error::describe(&e), "enrol the device again"))?;
        // Each derives a key from the pass phrase, which is meant to take long: beside each other they take half as long.
        let (subject_key, seal) = std::thread::scope(|scope| {
            let seal = scope.spawn(|| Seal::open(&*keys));
            let subject_key = config.site_key(&*keys);
            (subject_key, seal.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (subject_key, seal) = (subject_key?, seal?);
        let outbox = Outbox::open(&config.outbox()).map_err(|e| outbox_failure(&e))?;
        let book = Book::open(&config.state.join("book.db"), seal)?;
        let https = Https::default();
        let uplink = if config.sync {
            let receipt = |receipt: &events::sync::Receipt| {
                tracing::info!(committed = receipt.committed, "central has committed");
                // Standard output may be closed by then; the receipt is in the outbox anyway.
                drop(crate::commands::print_json(&json!({ "receipt": receipt }), false));
            };
            let worker = Worker::start(&config.outbox(), https.clone(), Arc::clone(&clock), receipt);
            Some(worker.map_err(|e| outbox_failure(&e))?)
        } else {
            None
        };
        let custodian =
            if config.sync { Some(Custodian::prepare(&config, Arc::clone(&keys), trusted, https)?) } else { None };
        let recorder = Recorder {
            device: config.device.clone(),
            keys,
            event_key,
            subject_key,
            boot: random_id()?,
            clock: Arc::clone(&clock),
        };
        let courier = Courier::new(&config)?;
        let site = Arc::new(Self {
            visits,
            slot: profile.practice.then(Slot::default),
            config,
            clock,
            recorder,
            outbox: Mutex::new(outbox),
            book: Mutex::new(book),
            rosters: RwLock::default(),
            revoked: RwLock::default(),
            uplink: Mutex::new(uplink),
            custodian: Mutex::default(),
            generation: AtomicU64::default(),
            courier,
        });
        // What a cut of power left between book and outbox.
        site.drain()?;
        site.load_rosters(&profile.id)?;
        site.load_revoked();
        site.note_settings()?;
        Courier::start(&site);
        if let Some(custodian) = custodian {
            *lock(&site.custodian) = Some(custodian.start(&site));
        }
        Ok(site)
    }

    /// The profile that the configuration names, with what the site's systems say about it.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn profile(&self) -> Result<Profile, Failure> {
        let mut profile = Profile::load(&self.config.profile)?;
        profile.set_departments(&self.courier.departments(self.now()));
        Ok(profile)
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
    pub const fn courier(&self) -> &Courier {
        &self.courier
    }

    /// Who signs.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Appends the event of a verdict.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn record(
        &self,
        profile: &Profile,
        evidence: &emrtd::Evidence,
        judgement: &Judgement,
    ) -> Result<SignedEvent, Failure> {
        let recorded = self.recorder.record(&mut lock(&self.outbox), &mut SystemEntropy, profile, evidence, judgement);
        let signed = recorded.map_err(|e| outbox_failure(&e))?;
        self.wake();
        Ok(signed)
    }

    /// Notes the document signer of a card where nobody here vouches for it, and tells central of it now and then: hash
    /// and certificate, never whose card it was.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn saw_signer(&self, judgement: &Judgement) -> Result<(), Failure> {
        let passive = &judgement.verification.passive;
        let unknown = judgement.answers.issuer == verdict::Issuer::Unknown;
        let Some(signer) = passive.document_signer.as_ref().filter(|_| unknown && passive.signed) else {
            return Ok(());
        };
        let number = judgement.number().map(|number| self.recorder.keyed_hash(number.digits()));
        let mut book = self.book();
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
            self.note_device("bundle_withdrawn", Some(from.to_string()), Some(to.to_string()))?;
        }
        match self.config.adopted.clone() {
            Adopted::AsBefore | Adopted::New { .. } => Ok(()),
            Adopted::Refused(failure) => self.note_device("settings_refused", None, Some(failure.code)),
        }
    }

    /// The stage works: its configuration is the last good one from now on.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn started(&self) -> Result<(), Failure> {
        match (self.config.keep(), self.config.adopted.clone()) {
            (true, Adopted::New { from, to }) => self.note_device("settings_activated", Some(from), Some(to)),
            _ => Ok(()),
        }
    }

    /// Uses what a new bundle brought: anchors with the next card, lists at once.
    ///
    /// # Errors
    /// When the bundle cannot be read.
    pub fn reload(&self) -> Result<(), Failure> {
        self.generation.fetch_add(1, Ordering::Relaxed);
        let contents = Bundles::new(&self.config.bundles).contents();
        let contents = contents.map_err(|e| Failure::device(e.code(), e.to_string(), e.remedy()))?;
        self.load_revoked();
        let profile = Profile::load(&self.config.profile)?;
        for entry in contents.iter().flat_map(|bundle| bundle.of_kind(Kind::Roster)) {
            // A list for another profile, or one that wants a pass phrase, waits for staff.
            if let Err(failure) = self.import_roster(&profile.id, &entry.bytes, None) {
                tracing::warn!(code = failure.code, path = entry.path, "list of the bundle: {}", failure.message);
            }
        }
        Ok(())
    }

    /// Takes a bundle in that a technician brought, and uses it at once; its version, or why it is refused. What was active stays
    /// then.
    ///
    /// # Errors
    /// When the device's own disk or log fails.
    pub fn take_bundle(&self, bytes: &[u8]) -> Result<Result<u64, FleetError>, Failure> {
        let missing = || Failure::device("identity_missing", "the device is not enrolled", "provision enrol");
        let state = self.config.identity_state()?.ok_or_else(missing)?;
        match crate::bundle::take(&Bundles::new(&self.config.bundles), &state, &self.config.file, bytes) {
            Ok((before, version)) => {
                self.note_device("bundle_activated", Some(before.to_string()), Some(version.to_string()))?;
                self.reload()?;
                Ok(Ok(version))
            }
            Err(error) => {
                tracing::error!(code = error.code(), "bundle refused: {error}");
                let active = Bundles::new(&self.config.bundles).active().to_string();
                self.note_device("bundle_refused", Some(active), Some(error.code().to_owned()))?;
                Ok(Err(error))
            }
        }
    }

    fn load_revoked(&self) {
        let list = crate::bundle::revoked(&Bundles::new(&self.config.bundles));
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = list;
    }

    /// Counts up with every new bundle.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Notes something about the device itself.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn note_device(&self, what: &str, from: Option<String>, to: Option<String>) -> Result<(), Failure> {
        let body = Body::Device(DeviceEvent { to, from, what: what.to_owned() });
        let id = random_id()?;
        self.recorder.append(&mut lock(&self.outbox), id, body).map_err(|e| outbox_failure(&e))?;
        self.wake();
        Ok(())
    }

    /// How many events central has not acknowledged yet.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        let outbox = lock(&self.outbox);
        let last = outbox.end().map_or(0, |end| end.sequence);
        last.saturating_sub(outbox.acknowledged().unwrap_or(last))
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
        let last = outbox.last().map_err(|e| outbox_failure(&e))?;
        let mut last = last.and_then(|bytes| events::signed::read(&bytes).ok()).map(|event| event.id);
        while let Some((row, id, body)) = book.next_note()? {
            if last != Some(id) {
                self.recorder.append(&mut outbox, id, body).map_err(|e| outbox_failure(&e))?;
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
            act: agreed.act.to_owned(),
            text: text.clone(),
            visit,
            profile: profile.id.clone(),
            version: profile.purpose_version.clone(),
            language: agreed.language.to_owned(),
        });
        self.book().note(&body)?;
        self.drain()
    }

    /// Reads the lists of a profile from the book, where they are others than those that are known.
    ///
    /// # Errors
    /// When one does not open.
    pub fn load_rosters(&self, profile: &str) -> Result<(), Failure> {
        let book = self.book();
        let mark = book.rosters_mark(profile)?;
        if self.lists(profile).is_some_and(|(known, _)| known == mark) {
            return Ok(());
        }
        let lists: Vec<_> = book.rosters(profile)?.into_iter().map(|list| Arc::new(list.index())).collect();
        drop(book);
        self.rosters.write().unwrap_or_else(PoisonError::into_inner).insert(profile.to_owned(), (mark, lists));
        Ok(())
    }

    fn lists(&self, profile: &str) -> Option<Lists> {
        self.rosters.read().unwrap_or_else(PoisonError::into_inner).get(profile).cloned()
    }

    /// The list of a profile: one that is valid today, or else the last one there is.
    #[must_use]
    pub fn roster(&self, profile: &str) -> Option<Arc<Index>> {
        let today = in_vietnam(self.now()).date();
        // Another process may have taken one in; what cannot be read now is what it was.
        if let Err(failure) = self.load_rosters(profile) {
            tracing::error!(code = failure.code, "{}", failure.message);
        }
        let (_, lists) = self.lists(profile)?;
        lists.iter().rev().find(|list| list.roster().is_valid_on(today)).or_else(|| lists.last()).cloned()
    }

    /// Takes in a list for a profile that the operator signed, sealed with this pass phrase or not sealed.
    ///
    /// # Errors
    /// When it is not signed, older than the one that is there, for another profile, or no list.
    pub fn import_roster(
        &self,
        profile: &str,
        bytes: &[u8],
        pass_phrase: Option<&[u8]>,
    ) -> Result<Arc<Index>, Failure> {
        let trusted = self.config.roster.as_ref().ok_or_else(|| {
            let message = "the configuration has no [roster]: no operator's key";
            Failure::usage("roster_no_key", message, "add it as /usr/share/doc/cccd-agent/configuration.md shows")
        })?;
        let pem = program::files::read(&trusted.key)?;
        let operator = Verifier::from_pem(&pem).map_err(|e| {
            Failure::usage("roster_no_key", format!("{}: {e}", trusted.key.display()), "name the operator's public key")
        })?;
        let opened = if sealed::is_sealed(bytes) {
            let phrase = pass_phrase.unwrap_or_default();
            sealed::open(phrase, bytes).ok_or_else(|| {
                let message = "the pass phrase does not open the list";
                Failure::usage("roster_locked", message, "type the pass phrase that came with the list")
            })?
        } else {
            zeroize::Zeroizing::new(bytes.to_vec())
        };
        let roster = Roster::open(&opened, &operator)?;
        if roster.profile != profile {
            let message = format!("the list is for the profile {}, this is {profile}", roster.profile);
            return Err(Failure::usage("roster_other_profile", message, "use it on a device with that profile"));
        }
        self.book().take_roster(&roster)?;
        let id = roster.id.clone();
        drop(roster);
        self.load_rosters(profile)?;
        let lists = self.lists(profile).map(|(_, lists)| lists).unwrap_or_default();
        let found = lists.into_iter().find(|list| list.roster().id == id);
        found.ok_or_else(|| Failure::device("roster_lost", "the list is not in the book", "take it in again"))
    }

    /// Whether a card was reported lost, or withdrawn, as far as the operator's bundle says.
    #[must_use]
    pub fn is_withdrawn(&self, judgement: &Judgement) -> Withdrawn {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let revoked = match revoked.as_ref() {
            None => return Withdrawn::No,
            // A list that is there and cannot be read lets nobody pass unseen.
            Some(Err(_)) => return Withdrawn::Unknown,
            Some(Ok(list)) => list,
        };
        // The list is one of citizen cards. What has no number is no citizen card, and no profile that counts takes it.
        let Some(number) = judgement.number() else { return Withdrawn::No };
        let issued = judgement.issued().map(|day| day.to_string());
        match revoked.look_up(&self.recorder.subject_key, number.digits(), issued.as_deref()) {
            Listed::Yes => Withdrawn::Yes,
            Listed::No => Withdrawn::No,
            Listed::Perhaps => Withdrawn::Unknown,
        }
    }

    /// The time of a judgement: a clock that was only moved up to a floor is not certain.
    #[must_use]
    pub fn today(&self) -> Today {
        let now = emrtd::x509::UnixTime(self.now());
        Today { now, is_certain: self.clock.quality() > events::Quality::Floor }
    }

    /// Whether somebody whose document is good enough may go on: the list first, then the ledger. What the list says
    /// goes into `content`.
    ///
    /// # Errors
    /// When the book fails.
    pub fn admit(&self, profile: &Profile, content: &mut Content) -> Result<Option<Refusal>, Failure> {
        let subject = self.recorder.subject_of(content);
        let list = self.roster(&profile.id);
        if let Some(rules) = profile.roster() {
            let today = in_vietnam(self.now()).date();
            match &list {
                None if rules.required => return Ok(Some(Refusal::NoList)),
                None => {}
                Some(list) => {
                    if let Err(refusal) = list.ask(today, rules, subject.as_ref(), content) {
                        return Ok(Some(refusal));
                    }
                }
            }
        }
        let Some(rules) = profile.ledger() else { return Ok(None) };
        let Some(subject) = self.recorder.counted_as(content) else { return Ok(Some(Refusal::NoNumber)) };
        let scope = period(rules.scope, self.now(), list.as_deref());
        let standing = self.book().standing(&profile.id, &scope, &subject)?;
        Ok(book::allow(rules.rule, self.config.direction, standing).err())
    }

    /// Puts a visit on disk with everything that follows from it. `Ok(Err(…))`: somebody else was first.
    ///
    /// # Errors
    /// When the disk fails: then nothing may be printed, opened or sent.
    pub fn keep(&self, profile: &Profile, finished: &Finished) -> Result<Result<Kept, Refusal>, Failure> {
        let now = self.now();
        let content = &finished.content;
        let subject = self.recorder.subject_of(content);
        let id = finished.visit.to_string();
        let number = profile.print().map(|print| self.number(print.kind, finished)).transpose()?;
        let keep =
            profile.keep().map(|Keep { days, until_reported }| (!until_reported).then(|| now + i64::from(days) * DAY));
        let entry = profile.ledger().map(|rules| Entry {
            rule: rules.rule,
            direction: self.config.direction,
            scope: period(rules.scope, now, self.roster(&profile.id).as_deref()),
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
            subject,
            counted_as: self.recorder.counted_as(content),
            party: finished.party.clone(),
            keep,
            content,
            entry,
            messages,
            note: self.visit_note(profile, finished, "done", None),
            device: &self.config.device,
        };
        if let Err(refusal) = self.book().commit(&visit)? {
            return Ok(Err(refusal));
        }
        self.drain()?;
        self.courier.wake();
        Ok(Ok(kept))
    }

    /// Notes that somebody was turned away, or that a visit was broken off.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn turned_away(&self, profile: &Profile, finished: &Finished, why: Option<Refusal>) -> Result<(), Failure> {
        let result = if why.is_some() { "refused" } else { "cancelled" };
        self.book().note(&self.visit_note(profile, finished, result, why))?;
        self.drain()
    }

    fn visit_note(&self, profile: &Profile, finished: &Finished, result: &str, why: Option<Refusal>) -> Body {
        let content = &finished.content;
        let wants = profile.event.fields.contains(&crate::profile::EventField::Subject);
        let reaches = |id: &str| {
            result == "done"
                && (ON_DEVICE.contains(&id) || id == crate::lodging::PORTAL || self.config.recipient.contains_key(id))
        };
        let recipients = profile.recipients().filter(|recipient| reaches(&recipient.id)).filter_map(|recipient| {
            let released = Released::new(profile, &recipient.id, content)?;
            Some(Receiving { id: recipient.id.clone(), fields: released.names() })
        });
        let assurance = content.assurance.as_ref();
        let vouching = assurance.and_then(|assurance| assurance.staff.as_ref()).map(|staff| events::Vouching {
            by: self.recorder.keyed_hash(&staff.name.0),
            reason: staff.reason.code().to_owned(),
        });
        Body::Visit(events::Visit {
            mark: assurance.and_then(|assurance| assurance.mark),
            rung: assurance.map(|assurance| assurance.rung),
            staff: vouching,
            holder: assurance.and_then(|assurance| assurance.answers).map(|answers| answers.holder),
            why: why.map(|why| why.code().to_owned()),
            visit: finished.visit,
            result: result.to_owned(),
            subject: if wants { self.recorder.subject_of(content) } else { None },
            profile: profile.id.clone(),
            recipients: recipients.collect(),
            verification: (content.source != Source::Typed).then_some(finished.sequence),
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

    /// Signs a claim as a JWS in its compact form (RFC 7515) with the key that signs events (ES256).
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn sign_jws(&self, kind: &str, claim: &serde_json::Value) -> Result<String, Failure> {
        use base64::Engine as _;
        use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
        let header = json!({ "alg": "ES256", "typ": kind, "kid": self.key_id() });
        let claim = zeroize::Zeroizing::new(claim.to_string());
        let mut jws = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claim.as_bytes()));
        let signature = self.recorder.keys.sign(EVENT_KEY, jws.as_bytes());
        let signature =
            signature.map_err(|e| Failure::device(e.code(), emrtd::error::describe(&e), "check the key store"))?;
        jws.push('.');
        jws.push_str(&BASE64.encode(signature));
        Ok(jws)
    }

    /// The identifier of the key that signs: the first eight bytes of the SHA-256 of its SubjectPublicKeyInfo.
    #[must_use]
    pub fn key_id(&self) -> String {
        events::hash(&self.recorder.event_key).to_string()[..16].to_owned()
    }

    /// The key that signs, as a JWK (RFC 7517).
    ///
    /// # Errors
    /// When it is no key on P-256.
    pub fn jwk(&self) -> Result<serde_json::Value, Failure> {
        use base64::Engine as _;
        use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
        // SubjectPublicKeyInfo of P-256 ends in the uncompressed point.
        let key = &self.recorder.event_key;
        let point = key.len().checked_sub(65).and_then(|from| key.get(from..)).filter(|point| point[0] == 4);
        let point = point.ok_or_else(|| {
            Failure::device("key_store_crypto", "the event key is not on P-256", "enrol the device again")
        })?;
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        Ok(json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.key_id(), "use": "sig", "alg": "ES256" }))
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
                    "assurance" => crate::words::chip(content.assurance.as_ref()),
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
            filled.push(format!("Mức xác thực: {}", crate::words::chip(Some(less))).into());
        }
        filled
    }

    /// Sends what is pending, for a while.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish(&self) -> Result<(), Failure> {
        self.courier.stop();
        drop(lock(&self.custodian).take());
        match lock(&self.uplink).take() {
            Some(uplink) => uplink.stop(DRAIN).map_err(|e| outbox_failure(&e)),
            None => Ok(()),
        }
    }
}
