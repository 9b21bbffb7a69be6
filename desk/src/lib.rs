//! The desk: the page for staff and the interface for other software, on this machine only.
//!
//! One visit at a time, because there is one reader. [`Desk`] owns it: handlers and the reader's thread tell it what
//! happens, it asks the pure visit what comes next, does that, and tells everybody who listens. The interface is
//! described by itself at `/v1/openapi.json`; `docs/local-api.md` is for people.

pub mod acts;
mod apart;
pub mod api;
pub mod calls;
pub mod compat;
pub mod figures;
pub mod guard;
pub mod kiosks;
pub mod listen;
pub mod page;
pub mod pairing;
pub mod paper;
pub mod people;
mod places;
pub mod portal;
pub mod practice;
pub mod problem;
pub mod proof;
pub mod queue;
pub mod records;
pub mod rights;
pub mod rooms;
mod running;
pub mod session;
pub mod shift;
pub mod staff;
mod views;
pub mod wire;
pub mod words;
pub mod work;

use crate::guard::Caller;
use crate::problem::Problem;
use crate::session::{Session, SessionEvent, What};
use axum::http::StatusCode;
use cccd::Code;
use devices::{door, printing, scanning, specification};
use drivers::gpio::guard::Guard;
use kiosk_ui::slip::Paper;
use kiosk_ui::state::ReadStep;
use program::Failure;
use program::Private;
use program::lock;
use reading::access::{self, AccessKey};
use reading::device::Host;
use reading::reader_thread::{self, ReaderThread};
use site::Site;
use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::broadcast;
use visit::content::Content;
use visit::finished::Agreed;
use visit::profile::{Accept, Profile};
use visit::steps::{self, Wait};

/// Level of the interface; it counts up with every change that a client must know of.
pub const API_LEVEL: u32 = 5;
/// Milliseconds without a sign of life after which a session is broken off.
const PATIENCE_MS: u64 = 180_000;
/// Milliseconds for which an ended session's result can still be fetched.
const REMEMBERED_MS: u64 = 300_000;
/// Ended sessions that are remembered.
const MOST_ENDED: usize = 16;
/// Idempotency keys that are remembered.
const MOST_KEYS: usize = 256;
/// Events that a slow client may be behind.
const BACKLOG: usize = 256;

/// What is told to everybody who listens.
#[derive(Debug, Clone)]
pub enum News {
    /// Something happened in a session.
    Session(SessionEvent),
    /// Reader, central or recipients are in another state.
    Status,
    /// Somebody calls at a kiosk, or comes; somebody waits, or was called.
    Calls,
    /// For programs that expect a vendor's plugin.
    Compat(compat::Message),
}

struct Inner {
    current: Option<Session>,
    ended: VecDeque<(u64, Session)>,
    by_key: VecDeque<(String, String)>,
    reader: Option<Failure>,
    printer: Option<Failure>,
    unsent: u64,
    broken: Option<Failure>,
    refused: HashMap<String, (u64, u64)>,
}

/// The desk.
pub struct Desk {
    site: Arc<Site>,
    profile: Arc<Profile>,
    port: u16,
    me: Weak<Self>,
    watch: guard::Watch,
    reader: Mutex<Option<ReaderThread>>,
    inner: Mutex<Inner>,
    news: broadcast::Sender<News>,
    slips: Option<Sender<Paper>>,
    door: Option<Mutex<(Guard, Duration)>>,
    calls: Mutex<calls::Calls>,
    queue: Mutex<queue::Queue>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({})", self.profile.id)
    }
}

const fn step_name(step: ReadStep) -> &'static str {
    match step {
        ReadStep::Connect => "connect",
        ReadStep::Unlock => "unlock",
        ReadStep::Text => "text",
        ReadStep::Portrait => "portrait",
        ReadStep::Verify => "verify",
    }
}

fn wrong_time(waits: Wait) -> Problem {
    let waits = serde_json::to_value(waits).unwrap_or_default();
    let title = format!("the session waits for {}", waits.as_str().unwrap_or_default());
    Problem::new(StatusCode::CONFLICT, "wrong_step", title, "look at the session, then do what it waits for")
}

fn no_session() -> Problem {
    let title = "there is no such session, or its result was there for long enough";
    Problem::new(StatusCode::NOT_FOUND, "session_unknown", title, "begin a new session")
}

impl Desk {
    /// A desk over a site; the reader's thread is started, and one that listens to it.
    ///
    /// # Errors
    /// When the profile or a device is not as it must be.
    pub fn start(site: &Arc<Site>, port: u16) -> Result<Arc<Self>, Failure> {
        let profile = Arc::new(site.profile());
        let config = site.config.desk.as_ref();
        let printer = config.and_then(|desk| desk.printer.as_ref());
        let printer = printer.map(specification::open_printer).transpose()?;
        let door = config.and_then(|desk| desk.lines.as_ref()).map(door::guard).transpose()?.flatten();
        let queue = queue::kept(&site.book())?;
        let (tell, said) = std::sync::mpsc::channel();
        // The desk may have ended.
        let reader = ReaderThread::start(Arc::clone(site) as Arc<dyn Host>, move |said| {
            program::ignore(tell.send(said), "whoever listened has ended")
        });
        let (news, _) = broadcast::channel(BACKLOG);
        let (slips, to_print) = std::sync::mpsc::channel();
        let desk = Arc::new_cyclic(|me| Self {
            site: Arc::clone(site),
            profile,
            port,
            me: me.clone(),
            watch: guard::Watch::default(),
            reader: Mutex::new(Some(reader)),
            inner: Mutex::new(Inner {
                current: None,
                ended: VecDeque::new(),
                by_key: VecDeque::new(),
                reader: Some(reader_thread::awaited()),
                printer: None,
                unsent: 0,
                broken: None,
                refused: HashMap::new(),
            }),
            news,
            slips: printer.is_some().then_some(slips),
            door: door.map(Mutex::new),
            calls: Mutex::default(),
            queue: Mutex::new(queue),
        });
        if let Some(printer) = printer {
            let told = Arc::downgrade(&desk);
            let tell = Box::new(move |_, fault: Option<Failure>| {
                if let Some(desk) = told.upgrade() {
                    lock(&desk.inner).printer = fault;
                    desk.tell(News::Status);
                }
            });
            std::thread::spawn(move || printing::print(printer, &to_print, tell));
        }
        let listener = Arc::downgrade(&desk);
        std::thread::spawn(move || {
            for said in said {
                let Some(desk) = listener.upgrade() else { return };
                let told = lock(&desk.reader).as_ref().and_then(|reader| reader.counts(said));
                if let Some(told) = told {
                    desk.hear(told);
                }
            }
        });
        Ok(desk)
    }

    /// The site.
    #[must_use]
    pub const fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The port that it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Everything that is told from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    fn tell(&self, news: News) {
        program::ignore(self.news.send(news), "nobody may be listening");
    }

    /// Somebody works at a page from now on.
    pub(crate) fn open(&self, pairing: &str, staff: &str) {
        self.watch.open(pairing, staff, self.now_ms());
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.site.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    /// Ends: the reader's thread, then what is pending.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish(&self) -> Result<(), Failure> {
        let reader = lock(&self.reader).take();
        drop(reader);
        self.site.finish()
    }

    /// The failure that ended the reader's thread.
    #[must_use]
    pub fn broken(&self) -> Option<Failure> {
        lock(&self.inner).broken.clone()
    }

    /// Logs a refusal by its code, once a second for each.
    pub fn refused(&self, code: &str) {
        let second = self.now_ms() / 1000;
        let mut inner = lock(&self.inner);
        let (last, held) = inner.refused.entry(code.to_owned()).or_insert((u64::MAX, 0));
        if *last == second {
            *held += 1;
            return;
        }
        let more = std::mem::take(held);
        *last = second;
        drop(inner);
        tracing::warn!(code, more, "a request was refused");
    }

    /// How everything is.
    #[must_use]
    pub fn status(&self) -> wire::Status {
        let inner = lock(&self.inner);
        let current = inner.current.as_ref();
        let (reader, printer, unsent) = (inner.reader.clone(), inner.printer.clone(), inner.unsent);
        let busy = current.map(|session| session.caller.name.clone());
        let session = current.map(|session| session.id.clone());
        drop(inner);
        let book = self.site.book();
        let inside = self.profile.ledger().and_then(|_| book.inside(&self.profile.id).ok());
        wire::Status {
            reader: reader.map_or_else(wire::Part::works, |fault| wire::Part::away(&fault)),
            printer: self
                .slips
                .as_ref()
                .map(|_| printer.map_or_else(wire::Part::works, |fault| wire::Part::away(&fault))),
            central: wire::Central { configured: self.site.has_central(), unsent: self.site.unsent().max(unsent) },
            recipients: book.backlog().unwrap_or_default().into_iter().map(Into::into).collect(),
            busy,
            session,
            inside,
        }
    }

    /// Begins a session.
    ///
    /// # Errors
    /// `busy` while another one goes on; when the device has failed.
    pub fn begin(&self, caller: &Caller, wanted: wire::Begin, idempotency: Option<&str>) -> Result<String, Problem> {
        let idempotency = idempotency.map(|key| format!("{}/{key}", caller.id));
        let mut inner = lock(&self.inner);
        if let Some(key) = &idempotency
            && let Some((_, id)) = inner.by_key.iter().find(|(known, _)| known == key)
        {
            return Ok(id.clone());
        }
        if let Some(failure) = &inner.broken {
            return Err(failure.clone().into());
        }
        if let Some(current) = &inner.current {
            let title = format!("{:?} has a session", current.caller.name);
            let remedy = "wait until it has ended; GET /v1/status says so, and /v1/events tells of it";
            return Err(Problem::new(StatusCode::CONFLICT, "busy", title, remedy));
        }
        let served = match self.site.visits.begin() {
            Ok(None) => {
                let (title, remedy) = ("the device is about to restart", "it takes a minute or two; try again then");
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "device_restarting", title, remedy));
            }
            Ok(served) => served,
            // A disk in trouble sends nobody away; it is found out by what has to be kept.
            Err(error) => {
                tracing::warn!(code = error.code(), "{error}");
                None
            }
        };
        let visit = visit::finished::random_id()?;
        let (mut session, todo) =
            Session::new(visit, caller.clone(), Arc::clone(&self.profile), self.site.now(), self.now_ms());
        session.correlation = wanted.correlation_id;
        session.party = wanted.party;
        session.served = served;
        let id = session.id.clone();
        inner.current = Some(session);
        if let Some(key) = idempotency {
            inner.by_key.push_back((key, id.clone()));
            if inner.by_key.len() > MOST_KEYS {
                inner.by_key.pop_front();
            }
        }
        self.follow(&mut inner, todo)?;
        Ok(id)
    }

    /// Works with the session that goes on, if it is this caller's.
    fn with<T>(
        &self,
        caller: &Caller,
        id: &str,
        work: impl FnOnce(&Self, &mut Inner) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut inner = lock(&self.inner);
        let now = self.now_ms();
        match &mut inner.current {
            Some(session) if session.id == id && session.is_for(caller) => session.touched = now,
            _ => {
                let over = inner.ended.iter().any(|(_, session)| session.id == id && session.is_for(caller));
                if over {
                    return Err(wrong_time(Wait::End));
                }
                return Err(no_session());
            }
        }
        work(self, &mut inner)
    }

    fn current(inner: &mut Inner) -> Result<&mut Session, Problem> {
        inner.current.as_mut().ok_or_else(no_session)
    }

    fn step(&self, inner: &mut Inner, waits: Wait, input: steps::Input) -> Result<(), Problem> {
        let session = Self::current(inner)?;
        if session.steps.waits() != waits {
            return Err(wrong_time(session.steps.waits()));
        }
        let todo = session.advance(input);
        self.follow(inner, todo)
    }

    /// The holder agreed.
    ///
    /// # Errors
    /// When it is not the time for it, or it cannot be kept.
    pub fn consent(&self, caller: &Caller, id: &str, agreed: &Agreed) -> Result<(), Problem> {
        self.with(caller, id, |desk, inner| {
            let session = Self::current(inner)?;
            if session.steps.waits() != Wait::Consent {
                return Err(wrong_time(session.steps.waits()));
            }
            desk.site.consented(&session.profile, session.visit, agreed)?;
            desk.step(inner, Wait::Consent, steps::Input::Agreed)
        })
    }

    /// What opens the chip. The code of a health insurance card is noted where the profile takes it.
    ///
    /// # Errors
    /// When it is none, or it is not the time for it.
    pub fn key(&self, caller: &Caller, id: &str, key: &wire::Key) -> Result<(), Problem> {
        self.with(caller, id, |desk, inner| {
            let session = Self::current(inner)?;
            if session.steps.waits() != Wait::Key {
                return Err(wrong_time(session.steps.waits()));
            }
            if let Some(scan) = &key.scan
                && session.profile.accepts(Accept::HealthInsurance)
                && let Code::HealthInsurance(card) = Code::of(&scan.0)
            {
                session.insurance = Some(Private(card.code));
                let again = session.happened(What::Waiting { waits: Wait::Key });
                desk.tell(News::Session(again));
                return Ok(());
            }
            let opens = key.open(&session.profile)?;
            session.key = Some(opens);
            desk.step(inner, Wait::Key, steps::Input::Key)
        })
    }

    /// A scan from the device's own scanner: for whoever waits for a key.
    pub fn scanned(&self, text: &Private) {
        if let Some(code) = compat::typed(&text.0) {
            self.tell(News::Compat(compat::Message::Scan(code)));
        }
        self.begin_for_compat();
        let waiting = {
            let inner = lock(&self.inner);
            inner.current.as_ref().filter(|s| s.steps.waits() == Wait::Key).map(|s| (s.caller.clone(), s.id.clone()))
        };
        let Some((caller, id)) = waiting else { return };
        let key = wire::Key { scan: Some(text.clone()), ..wire::Key::default() };
        if let Err(problem) = self.key(&caller, &id, &key) {
            let mut inner = lock(&self.inner);
            if let Some(session) = &mut inner.current {
                let event = session.happened(What::NotRead { code: problem.code, remedy: problem.remedy });
                self.tell(News::Session(event));
            }
        }
    }

    /// What came from the scanner is no text: whoever waits for a scan learns why.
    fn misread(&self, garbled: drivers::scanner::Garbled) {
        let mut inner = lock(&self.inner);
        if let Some(session) = inner.current.as_mut().filter(|session| session.steps.waits() == Wait::Key) {
            let (code, remedy) = (garbled.code().to_owned(), garbled.remedy().to_owned());
            let event = session.happened(What::NotRead { code, remedy });
            self.tell(News::Session(event));
        }
    }

    /// Whether the face is that of the portrait.
    ///
    /// # Errors
    /// When it is not the time for it.
    pub fn face(&self, caller: &Caller, id: &str, same: bool) -> Result<(), Problem> {
        self.with(caller, id, |desk, inner| {
            let session = Self::current(inner)?;
            if session.steps.waits() == Wait::Face {
                session.compared(same);
            }
            desk.step(inner, Wait::Face, steps::Input::Face(same))
        })
    }

    /// Whoever is on duty goes on, with a reason, or does not.
    ///
    /// # Errors
    /// When nobody is on duty, or it is not the time for it.
    pub fn staff(&self, caller: &Caller, id: &str, staff: wire::Staff) -> Result<(), Problem> {
        self.with(caller, id, |desk, inner| {
            let session = Self::current(inner)?;
            if session.steps.waits() != Wait::Staff {
                return Err(wrong_time(session.steps.waits()));
            }
            let goes_on = staff.reason.is_some();
            if let Some(reason) = staff.reason {
                let vouching = work::vouching(self, caller, reason)?;
                let assurance = session.finished.as_mut().and_then(|finished| finished.content.assurance.as_mut());
                assurance.ok_or_else(no_session)?.staff = Some(vouching);
                if session.steps.asks_for_entry() {
                    session.is_listed();
                }
            }
            desk.step(inner, Wait::Staff, steps::Input::Staff(goes_on))
        })
    }

    /// The form is filled in.
    ///
    /// # Errors
    /// When a field is missing, unknown or malformed, or it is not the time for it.
    pub fn form(&self, caller: &Caller, id: &str, form: wire::Form) -> Result<(), Problem> {
        self.with(caller, id, |desk, inner| {
            let session = Self::current(inner)?;
            if session.steps.waits() != Wait::Form {
                return Err(wrong_time(session.steps.waits()));
            }
            let today = cccd::calendar::in_vietnam(desk.site.now()).date();
            let nobody = Content::default();
            let content = session.finished.as_ref().map_or(&nobody, |finished| &finished.content);
            let answers = work::answers(&session.profile, content, today, form.answers)?;
            let party = work::party(form.party.as_ref())?;
            if let Some(finished) = &mut session.finished {
                finished.content.answers = answers;
                finished.party = party.or_else(|| session.party.clone());
            }
            desk.step(inner, Wait::Form, steps::Input::Filled)
        })
    }

    /// Breaks a session off.
    ///
    /// # Errors
    /// When there is none, or it cannot be noted.
    pub fn cancel(&self, caller: &Caller, id: &str) -> Result<(), Problem> {
        self.with(caller, id, |desk, inner| {
            let todo = Self::current(inner)?.advance(steps::Input::Cancel);
            desk.follow(inner, todo)
        })
    }

    /// Breaks off a session that nobody cares for, and forgets results that were there for long enough.
    pub fn tick(&self) {
        let now = self.now_ms();
        let mut inner = lock(&self.inner);
        inner.ended.retain(|(at, _)| now < at.saturating_add(REMEMBERED_MS));
        let waits = |session: &Session| !matches!(session.steps.waits(), Wait::End | Wait::Kept);
        let abandoned = |session: &&mut Session| waits(session) && now > session.touched.saturating_add(PATIENCE_MS);
        if let Some(session) = inner.current.as_mut().filter(abandoned) {
            let todo = session.advance(steps::Input::Cancel);
            self.drop_problem(self.follow(&mut inner, todo));
        }
        let unsent = self.site.unsent();
        if inner.unsent != unsent {
            inner.unsent = unsent;
            self.tell(News::Status);
        }
    }

    fn drop_problem(&self, result: Result<(), Problem>) {
        if let Err(problem) = result {
            tracing::error!(code = problem.code, "{}", problem.title);
            self.tell(News::Status);
        }
    }
}

/// Ticks until the desk is gone.
pub fn keep_ticking(desk: &Arc<Desk>) {
    let desk = Arc::downgrade(desk);
    std::thread::spawn(move || {
        while let Some(desk) = desk.upgrade() {
            desk.tick();
            drop(desk);
            std::thread::park_timeout(Duration::from_millis(500));
        }
    });
}

/// Scans from the device's own scanner go to whoever waits for one.
pub fn take_scans(desk: &Arc<Desk>, scanner: Box<dyn drivers::scanner::Scanner>) {
    let desk = Arc::downgrade(desk);
    std::thread::spawn(move || {
        scanning::scans(scanner, Box::new(|_, _| {}), &mut |said| {
            let Some(desk) = desk.upgrade() else { return false };
            match said {
                Ok(text) => desk.scanned(&text),
                Err(garbled) => desk.misread(garbled),
            }
            true
        });
    });
}

/// What opens a chip, from what a client gives.
fn opened(key: &wire::Key, profile: &Profile) -> Result<AccessKey, Failure> {
    match (&key.scan, &key.number, &key.mrz) {
        (Some(scan), None, None) => access::from_scan(&scan.0, profile.takes_mrz()),
        (None, Some(number), None) => access::from_number(&number.0),
        (None, None, Some(mrz)) if profile.takes_mrz() => access::from_mrz_text(&mrz.0),
        (None, None, Some(_)) => Err(access::passport_not_accepted()),
        _ => Err(Failure::usage("key_missing", "give one of scan, number and mrz", "scan the card's QR code")),
    }
}

impl wire::Key {
    fn open(&self, profile: &Profile) -> Result<AccessKey, Problem> {
        Ok(opened(self, profile)?)
    }
}
