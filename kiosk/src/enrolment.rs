//! A kiosk that is not let in yet: it shows the code, the six words and how far it is, until a technician has confirmed it.
//!
//! A thread of its own takes the steps of the identity, as `provision enrol --by qr` does, and tries for ever. Where central
//! cannot be reached and the device knows the fleet's roots, the code carries the request itself, and what the scanner then
//! sees on the phone is the answer.

use crate::stage::{Comes, Glass, Heard, Inbox, Outside};
use config::Config;
use devices::lines::Signal;
use events::Clock;
use fleet::relay::Collector;
use fleet::request::Way;
use identity::keeper::{KeeperError, Progress, system_random};
use identity::{Https, Keeper, TrustedClock};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::panel::Panel;
use kiosk_ui::scene::Renderer;
use kiosk_ui::state::{EnrolStep, Enrolment, Part};
use kiosk_ui::{Screen, State, view};
use program::Failure;
use program::Private;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Longest pause between two pictures.
const FRAME: Duration = Duration::from_millis(100);
/// How often what is wrong with the device itself is tried again.
const MENDING: Duration = Duration::from_secs(10);
/// How long it shows that the device is in, before it begins its work.
const SHOWN: Duration = Duration::from_secs(3);

/// Whether a device has an identity that is not let in yet.
///
/// # Errors
/// When the identity cannot be read.
pub fn is_wanted(config: &Config) -> Result<bool, Failure> {
    Ok(config.identity_state()?.is_some_and(|state| state.current.is_none()))
}

/// What came from outside meanwhile and is still true: the parts of the kiosk.
pub type Parts = Vec<(Part, Option<Failure>)>;

/// How things stand once the device is let in.
#[derive(Debug)]
pub struct LetIn {
    /// The parts of the kiosk.
    pub parts: Parts,
    /// The panel.
    pub panel: Panel,
    /// What was found of the parts.
    pub found: Vec<(Part, String)>,
}

/// Shows and tries until the device is let in; `None` when it is to stop first.
///
/// # Errors
/// When the identity cannot be read.
pub fn run(
    config: &Config,
    panel: Panel,
    site: &str,
    clock: &Arc<dyn Clock>,
    inbox: &mut Inbox,
    glass: &mut dyn Glass,
) -> Result<Option<LetIn>, Failure> {
    let serial = config.identity_state()?.map(|state| state.serial).unwrap_or_default();
    let mut state = State::new(panel, site);
    state.screen = Screen::Enrolment(begin(&serial));
    let (tell, said) = channel();
    let (scans, scanned) = channel();
    let applicant = {
        let (config, clock) = (config.clone(), Arc::clone(clock));
        std::thread::spawn(move || apply(&config, &clock, &serial, &tell, &scanned))
    };
    let mut screen = Glazier { renderer: Renderer::default(), canvas: Canvas::new(panel.width, panel.height), glass };
    screen.glass.signal(Signal::Busy);
    let mut parts: Parts = Vec::new();
    let mut found = Vec::new();
    let mut done_at = None;
    loop {
        screen.show(&state);
        for comes in inbox.hear(FRAME) {
            // Threads of its own it has none yet.
            let Comes::Outside(outside) = comes else { continue };
            match outside {
                Outside::Stop => return Ok(None),
                Outside::Scan(text) => program::ignore(scans.send(text), "whoever listened has ended"),
                Outside::Part(part, fault) => {
                    parts.retain(|(each, _)| *each != part);
                    parts.push((part, fault));
                }
                Outside::Found(part, what) => {
                    found.retain(|(each, _)| *each != part);
                    found.push((part, what));
                }
                Outside::Panel(panel) => {
                    state.panel = panel;
                    screen.renderer.forget(&mut screen.canvas);
                    screen.canvas = Canvas::new(panel.width, panel.height);
                }
                // Nobody is served: fingers and profiles of demonstrations have nothing to say.
                Outside::Down(..) | Outside::Up(..) | Outside::Profile(_) | Outside::Misread | Outside::Help(_) => {}
            }
        }
        for shown in said.try_iter() {
            if shown.step == EnrolStep::Done && done_at.is_none() {
                done_at = Some(clock.monotonic() + SHOWN);
                screen.glass.hear(Heard::Sound(crate::flow::Sound::Done));
            }
            state.screen = Screen::Enrolment(shown);
        }
        state.tick = u32::try_from(clock.monotonic().as_millis() / 100).unwrap_or_default();
        if done_at.is_some_and(|at| clock.monotonic() >= at) {
            // Its lock on the identity is free before the upkeep wants it.
            program::ignore(applicant.join(), "a panic there was reported by the runtime");
            return Ok(Some(LetIn { parts, panel: state.panel, found }));
        }
    }
}

/// The picture and where it goes.
struct Glazier<'a> {
    renderer: Renderer,
    canvas: Canvas,
    glass: &'a mut dyn Glass,
}

impl Glazier<'_> {
    fn show(&mut self, state: &State) {
        let scene = view(state, &mut self.renderer.fonts);
        let (scene, changed) = self.renderer.draw(&mut self.canvas, scene);
        if !changed.is_empty() {
            self.glass.show(&self.canvas, scene, &changed);
        }
    }
}

fn begin(serial: &str) -> Enrolment {
    let serial = serial.to_owned();
    Enrolment { serial, step: EnrolStep::Keys, code: None, words: Vec::new(), scanned: None, trouble: None }
}

/// Tries until it is let in, or nobody listens any more. What is wrong with the device's own keys or disk shows, too: a
/// technician stands there who may mend it.
fn apply(config: &Config, clock: &Arc<dyn Clock>, serial: &str, tell: &Sender<Enrolment>, scanned: &Receiver<Private>) {
    loop {
        let applicant = Applicant::open(config, Arc::clone(clock));
        let Err(failure) = applicant.and_then(|mut applicant| applicant.work(tell, scanned)) else { return };
        tracing::error!(code = failure.code, "enrolment: {}", failure.message);
        let shown = Enrolment { trouble: Some(failure.code), ..begin(serial) };
        if tell.send(shown).is_err() || scanned.recv_timeout(MENDING) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// The device that wants to be let in.
struct Applicant {
    keeper: Keeper,
    shown: Enrolment,
    collector: Collector,
}

impl Applicant {
    fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let keys = config.key_store()?;
        let state = config.identity_state()?;
        let (url, floor) = state.map(|state| (state.url().to_owned(), state.floor)).unwrap_or_default();
        let clock = Arc::new(TrustedClock::new(clock, floor));
        let central = Arc::new(Https::new(&url, Arc::clone(&keys), Arc::clone(&clock)));
        let keeper = Keeper::open(&config.identity, keys, central, clock, env!("CARGO_PKG_VERSION"));
        let keeper = keeper?.by(Way::Qr, None);
        let shown = begin(&keeper.state().serial);
        Ok(Self { keeper, shown, collector: Collector::default() })
    }

    /// Takes steps until it is let in, or nobody listens any more.
    fn work(&mut self, tell: &Sender<Enrolment>, scanned: &Receiver<Private>) -> Result<(), Failure> {
        loop {
            let wait = self.step()?;
            if tell.send(self.shown.clone()).is_err() || self.shown.step == EnrolStep::Done {
                return Ok(());
            }
            // Scans do not shorten what central has to wait for.
            let until = self.keeper.clock().monotonic() + wait;
            loop {
                match scanned.recv_timeout(until.saturating_sub(self.keeper.clock().monotonic())) {
                    Ok(scan) => self.hear(&scan)?,
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
                if tell.send(self.shown.clone()).is_err() || self.shown.step == EnrolStep::Done {
                    return Ok(());
                }
            }
        }
    }

    fn step(&mut self) -> Result<Duration, KeeperError> {
        let progress = self.keeper.step(&system_random)?;
        let is_away = matches!(&progress, Progress::Failed { code, .. } if code == "central_unreachable");
        let shown = &mut self.shown;
        shown.trouble = None;
        let mut wait = Duration::ZERO;
        match progress {
            Progress::KeyMade(_) => shown.step = EnrolStep::Keys,
            Progress::Asked(_) => shown.step = EnrolStep::Request,
            Progress::Waiting { words, wait: until } => {
                (shown.step, shown.code, shown.scanned) = (EnrolStep::Confirm, Some(self.keeper.code()?), None);
                shown.words = words.to_vec();
                wait = until;
            }
            Progress::Issued => (shown.step, shown.code) = (EnrolStep::Certificate, None),
            Progress::Promoted { .. } | Progress::Forgotten | Progress::Resting { .. } => {
                (shown.step, shown.code) = (EnrolStep::Done, None);
            }
            Progress::Failed { code, message, wait: until, .. } => {
                tracing::warn!(code, "enrolment: {message}");
                shown.trouble = Some(code);
                wait = until;
            }
        }
        // Without a network the phone carries the request, where roots are known that nobody has to compare.
        if is_away && self.keeper.state().underway.is_some() && shown.step < EnrolStep::Certificate {
            match self.keeper.code_with_request() {
                Ok(code) => {
                    (shown.step, shown.code, shown.trouble) = (EnrolStep::Confirm, Some(code), None);
                    shown.words = self.keeper.words()?.to_vec();
                }
                Err(KeeperError::NoRoots) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(wait)
    }

    /// A part of the answer on a phone's screen.
    fn hear(&mut self, scan: &Private) -> Result<(), KeeperError> {
        match self.collector.take("answer", &scan.0) {
            Ok(Some(answer)) => match self.keeper.take_answer(&answer) {
                Ok(_) => (self.shown.step, self.shown.code, self.shown.trouble) = (EnrolStep::Done, None, None),
                // The wrong answer, or a torn one: the right one is still awaited.
                Err(KeeperError::Fleet(error)) => self.shown.trouble = Some(error.code().to_owned()),
                Err(error) => return Err(error),
            },
            Ok(None) => self.shown.scanned = Some(self.collector.progress()),
            Err(error) => self.shown.trouble = Some(error.code().to_owned()),
        }
        Ok(())
    }
}
