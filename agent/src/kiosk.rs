//! A kiosk at work: the flow on one side, a glass with fingers and a device with a reader on the other.
//!
//! Two threads: this one owns flow, scene and picture; the other owns the device, which blocks on its reader. Every
//! read has a number, and what an older read still says is not heard.

use crate::access::{AccessKey, Private};
use crate::config::Config;
use crate::device::{Device, Happening, ROUND};
use crate::failure::{Failure, exit};
use crate::flow::{Effect, Flow, Input, Place, Sound, Task};
use crate::parts::{Fault, Register};
use crate::profile::Profile;
use drivers::reader::ReaderError;
use emrtd::file::FileId;
use emrtd::session::{Phase, Progress};
use emrtd::verdict::Decision;
use events::Clock;
use kiosk_ui::canvas::Canvas;
use kiosk_ui::geometry::Rect;
use kiosk_ui::playlist::Playlist;
use kiosk_ui::scene::{Renderer, Scene};
use kiosk_ui::slip::Slip;
use kiosk_ui::state::{About, Part, ReadStep, Trouble, Verdict, WallClock};
use kiosk_ui::theme::Panel;
use kiosk_ui::{Act, Language, Screen, view};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use time::{Date, OffsetDateTime, UtcOffset};

/// Where the picture goes.
pub trait Glass: Send {
    /// Shows the parts of the picture that changed. The scene says in words what it shows.
    fn show(&mut self, canvas: &Canvas, scene: &Scene, changed: &[Rect]);
    /// Nothing of what was shown may stay, here or further on.
    fn erase(&mut self);
    /// Something to hear.
    fn hear(&mut self, heard: Heard<'_>);
    /// How the kiosk is doing, for those who see it from afar.
    fn signal(&mut self, signal: Signal);
    /// A ticket to take along.
    fn print(&mut self, slip: Slip);
    /// Whoever stands there may pass.
    fn open_door(&mut self);
}

/// How a kiosk is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Signal {
    Ready,
    Busy,
    Problem,
}

impl Signal {
    /// What a screen means to those who see the kiosk from afar.
    #[must_use]
    pub const fn of(screen: &Screen) -> Self {
        match screen {
            Screen::Attract => Self::Ready,
            Screen::OutOfService(_)
            | Screen::Staff
            | Screen::Problem(_)
            | Screen::Result { verdict: Verdict::NotGenuine | Verdict::Undecided, .. } => Self::Problem,
            _ => Self::Busy,
        }
    }
}

/// What a kiosk lets hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A sound.
    Sound(Sound),
    /// Words in a language; none ends what is being said.
    Words(Language, &'a [&'a str]),
}

/// What comes from outside.
#[derive(Debug)]
pub enum Outside {
    /// A finger came down here.
    Down(i32, i32),
    /// The finger was lifted here.
    Up(i32, i32),
    /// The scanner read something.
    Scan(Private),
    /// How a part of the kiosk is.
    Part(Part, Option<Fault>),
    /// Another panel, in demonstrations.
    Panel(Panel),
    /// Another profile, in demonstrations.
    Profile(Profile),
    /// The end.
    Stop,
}

/// Longest pause between two pictures while something moves.
const FRAME: Duration = Duration::from_millis(100);

/// Vietnam has one time zone and no summer time.
const VIETNAM: UtcOffset = match UtcOffset::from_hms(7, 0, 0) {
    Ok(offset) => offset,
    Err(_) => UtcOffset::UTC,
};

/// A read that is wanted.
struct Order {
    read: u64,
    key: AccessKey,
    profile: Arc<Profile>,
}

/// What runs in the reader's thread says this, with the number of its read.
enum FromDevice {
    Of(u64, Input),
    Reader(Option<Fault>),
    Unsent(u64),
    Ended(Failure),
}

/// Runs until [`Outside::Stop`], the end of `outside`, or a failure of the device's own store.
///
/// # Errors
/// When the device cannot start, or its own store fails.
pub fn run(
    config: Config,
    place: Place,
    clock: Arc<dyn Clock>,
    outside: &Receiver<Outside>,
    mut glass: Box<dyn Glass>,
) -> Result<(), Failure> {
    let profile = Arc::new(Profile::load(&config.profile)?);
    let panel = place.panel;
    let mut kiosk = Kiosk {
        register: Register::begin(&config.state)?,
        about: About { device: config.device.clone(), version: env!("CARGO_PKG_VERSION").to_owned(), unsent: 0 },
        site: place.site.clone(),
        signal: None,
        playlist: place.playlist.clone(),
        today: None,
        flow: Flow::new(place, Task::from(&*profile)),
        profile,
        renderer: Renderer::default(),
        canvas: Canvas::new(panel.width, panel.height),
        down: None,
        speak: false,
        clock: Arc::clone(&clock),
        wanted: Arc::new(AtomicU64::new(0)),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let (reads, to_read) = channel();
    let (tell, told) = channel();
    let device = {
        let (stop, wanted) = (Arc::clone(&stop), Arc::clone(&kiosk.wanted));
        std::thread::spawn(move || device(&config, clock, &to_read, &tell, &wanted, &stop))
    };
    let result = kiosk.work(outside, &told, &reads, &mut *glass);
    stop.store(true, Ordering::Relaxed);
    drop(reads);
    kiosk.renderer.forget(&mut kiosk.canvas);
    glass.erase();
    // A panic there has been reported by the runtime.
    drop(device.join());
    result
}

struct Kiosk {
    register: Register,
    about: About,
    site: String,
    playlist: Playlist,
    /// The day whose notices are shown.
    today: Option<Date>,
    profile: Arc<Profile>,
    /// As last given.
    signal: Option<Signal>,
    flow: Flow,
    renderer: Renderer,
    canvas: Canvas,
    down: Option<Act>,
    /// The screen that comes is to be said.
    speak: bool,
    clock: Arc<dyn Clock>,
    /// The number of the read that counts.
    wanted: Arc<AtomicU64>,
}

impl Kiosk {
    fn work(
        &mut self,
        outside: &Receiver<Outside>,
        told: &Receiver<FromDevice>,
        reads: &Sender<Order>,
        glass: &mut dyn Glass,
    ) -> Result<(), Failure> {
        let starting = Fault {
            code: "reader_awaited".to_owned(),
            message: "the reader is looked for".to_owned(),
            remedy: "wait, or plug the reader in".to_owned(),
        };
        let first = self.part(Part::Reader, Some(starting));
        self.flow.update(first);
        self.flow.update(Input::About(self.about.clone()));
        loop {
            let mut inputs = vec![
                Input::Clock(self.wall_clock()),
                Input::Tick(u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX)),
            ];
            match outside.recv_timeout(FRAME) {
                Ok(Outside::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Outside::Down(x, y)) => {
                    self.down = self.renderer.hit(x, y);
                    inputs.push(Input::Press(self.down));
                }
                Ok(Outside::Up(x, y)) => {
                    inputs.push(Input::Press(None));
                    // It counts where it was put down and lifted on the same thing.
                    inputs.extend(self.down.take().filter(|act| self.renderer.hit(x, y) == Some(*act)).map(Input::Act));
                }
                Ok(Outside::Scan(text)) => inputs.push(Input::Scan(text)),
                Ok(Outside::Part(part, fault)) => inputs.push(self.part(part, fault)),
                Ok(Outside::Panel(panel)) => {
                    self.renderer.forget(&mut self.canvas);
                    self.canvas = Canvas::new(panel.width, panel.height);
                    glass.erase();
                    inputs.push(Input::Panel(panel));
                }
                Ok(Outside::Profile(profile)) => {
                    inputs.push(Input::Task(Task::from(&profile)));
                    self.profile = Arc::new(profile);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            inputs.extend(self.notices());
            for said in told.try_iter() {
                match said {
                    FromDevice::Of(read, input) if read == self.wanted.load(Ordering::Relaxed) => inputs.push(input),
                    FromDevice::Of(..) => {}
                    FromDevice::Reader(fault) => inputs.push(self.part(Part::Reader, fault)),
                    FromDevice::Unsent(unsent) => {
                        self.about.unsent = unsent;
                        inputs.push(Input::About(self.about.clone()));
                    }
                    FromDevice::Ended(failure) => return Err(failure),
                }
            }
            for input in inputs {
                for effect in self.flow.update(input) {
                    self.cause(effect, reads, glass);
                }
            }
            let scene = view(self.flow.state(), &mut self.renderer.fonts);
            let (scene, changed) = self.renderer.draw(&mut self.canvas, scene);
            if !changed.is_empty() {
                glass.show(&self.canvas, scene, &changed);
            }
            if std::mem::take(&mut self.speak) {
                let words: Vec<&str> = scene.speech().collect();
                glass.hear(Heard::Words(self.flow.state().preferences.language, &words));
            }
            let signal = Signal::of(&self.flow.state().screen);
            if self.signal != Some(signal) {
                self.signal = Some(signal);
                glass.signal(signal);
            }
        }
    }

    /// Writes down how a part is, and tells the flow.
    fn part(&mut self, part: Part, fault: Option<Fault>) -> Input {
        let since = self.wall_clock().time;
        let trouble = fault.as_ref().map(|fault| Trouble { since, code: fault.code.clone() });
        self.register.set(part, fault, self.clock.wall());
        Input::Part(part, trouble)
    }

    fn cause(&mut self, effect: Effect, reads: &Sender<Order>, glass: &mut dyn Glass) {
        match effect {
            Effect::Read(key) => {
                let read = self.wanted.fetch_add(1, Ordering::Relaxed) + 1;
                // The thread ends only when it has said why.
                drop(reads.send(Order { read, key, profile: Arc::clone(&self.profile) }));
            }
            Effect::StopWaiting => {
                self.wanted.fetch_add(1, Ordering::Relaxed);
            }
            Effect::Erase => {
                self.renderer.forget(&mut self.canvas);
                glass.erase();
            }
            Effect::SpeakScreen => self.speak = true,
            Effect::Speak(words) => {
                self.speak = false;
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                glass.hear(Heard::Words(self.flow.state().preferences.language, &words));
            }
            Effect::Sound(sound) => glass.hear(Heard::Sound(sound)),
            Effect::CallStaff => tracing::warn!(code = "staff_called", "somebody is wanted at the kiosk"),
            Effect::Ticket(number, place) => {
                tracing::info!(number, place, "ticket");
                glass.print(Slip { site: self.site.clone(), number, place, clock: self.wall_clock() });
            }
            Effect::OpenDoor => glass.open_door(),
            // Whom they go to is the profile's matter; no profile names anybody yet, and nothing is kept.
            Effect::Answers(answers) => tracing::info!(fields = answers.len(), "form filled in"),
        }
    }

    fn now(&self) -> Option<OffsetDateTime> {
        Some(OffsetDateTime::from_unix_timestamp(self.clock.wall()).ok()?.to_offset(VIETNAM))
    }

    /// The notices of today, once a day.
    fn notices(&mut self) -> Option<Input> {
        let today = self.now().map(OffsetDateTime::date).filter(|today| self.today != Some(*today))?;
        self.today = Some(today);
        Some(Input::Notices(self.playlist.of(today)))
    }

    fn wall_clock(&self) -> WallClock {
        let Some(now) = self.now() else { return WallClock::default() };
        WallClock {
            time: format!("{:02}:{:02}", now.hour(), now.minute()),
            weekday: now.weekday().number_days_from_monday(),
            date: format!("{:02}/{:02}/{}", now.day(), u8::from(now.month()), now.year()),
        }
    }
}

/// How often the reader is looked for while nobody is served.
const IDLE: Duration = Duration::from_secs(2);

/// Tells that the reader is away, waits until it is there again, and tells that; false at the end.
fn found_again(
    device: &mut Device,
    reader: &str,
    failure: &Failure,
    tell: &Sender<FromDevice>,
    stop: &AtomicBool,
) -> bool {
    drop(tell.send(FromDevice::Reader(Some(Fault::from(failure)))));
    match device.reopen(reader, stop) {
        Ok(()) => drop(tell.send(FromDevice::Reader(None))),
        Err(failure) => {
            drop(tell.send(FromDevice::Ended(failure)));
            return false;
        }
    }
    true
}

/// The reader's thread: one read after the other, the reader found again when it was away.
fn device(
    config: &Config,
    clock: Arc<dyn Clock>,
    to_read: &Receiver<Order>,
    tell: &Sender<FromDevice>,
    wanted: &AtomicU64,
    stop: &AtomicBool,
) {
    let mut device = match Device::start(config, clock, stop) {
        Ok(device) => device,
        Err(failure) => return drop(tell.send(FromDevice::Ended(failure))),
    };
    drop(tell.send(FromDevice::Reader(None)));
    loop {
        drop(tell.send(FromDevice::Unsent(device.unsent())));
        let Order { read, key, profile } = match to_read.recv_timeout(IDLE) {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = device.check()
                    && !found_again(&mut device, &config.reader, &error.into(), tell, stop)
                {
                    return;
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        device.work_by(&profile);
        let mut gauge = Gauge::default();
        let current = || !stop.load(Ordering::Relaxed) && wanted.load(Ordering::Relaxed) == read;
        let result = device.read(&key, &|| !current(), &mut |happening| {
            let input = match happening {
                Happening::Progress(progress) => gauge.read(progress),
                Happening::Name(name) => Input::Name(name),
                Happening::Picture(picture) => Input::Picture(Arc::new(picture.clone())),
                Happening::Lifted => Input::Lifted,
                Happening::Judged(decision, sequence) => Input::Judged(verdict(decision), sequence),
            };
            drop(tell.send(FromDevice::Of(read, input)));
        });
        if let Err(failure) = result {
            tracing::warn!(code = failure.code, "no verdict");
            match failure.exit {
                exit::DEVICE => return drop(tell.send(FromDevice::Ended(failure))),
                exit::NO_READER => {
                    drop(tell.send(FromDevice::Of(read, Input::Failed(failure.code.clone()))));
                    if !found_again(&mut device, &config.reader, &failure, tell, stop) {
                        return;
                    }
                }
                _ => drop(tell.send(FromDevice::Of(read, Input::Failed(failure.code)))),
            }
        }
        device.prepare();
        while current() {
            match device.wait_for_removal(ROUND) {
                Ok(false) => {}
                Ok(true) | Err(ReaderError::NoCard) => {
                    drop(tell.send(FromDevice::Of(read, Input::CardGone)));
                    break;
                }
                // The next read says so.
                Err(_) => break,
            }
        }
    }
    if let Err(failure) = device.finish() {
        drop(tell.send(FromDevice::Ended(failure)));
    }
}

const fn verdict(decision: Decision) -> Verdict {
    match decision {
        Decision::Genuine => Verdict::Genuine,
        Decision::NotGenuine => Verdict::NotGenuine,
        Decision::Undecided => Verdict::Undecided,
    }
}

/// Turns the phases of a session into steps and per cents that never go back, whatever order a chip wants.
#[derive(Default)]
struct Gauge {
    step: Option<ReadStep>,
    per_cent: u8,
}

impl Gauge {
    fn read(&mut self, progress: Progress) -> Input {
        let share = |from: usize, wide: usize| {
            let done = progress.total.map_or(0, |total| wide * progress.bytes.min(total) / total.max(1));
            u8::try_from(from + done).unwrap_or(100)
        };
        let (step, per_cent) = match progress.phase {
            Phase::CardAccess => (Some(ReadStep::Connect), 3),
            Phase::Pace | Phase::Bac => (Some(ReadStep::Unlock), 8),
            Phase::SelectApplication => (Some(ReadStep::Unlock), 16),
            Phase::File(FileId::Dg(2)) => (Some(ReadStep::Portrait), share(40, 54)),
            Phase::File(_) => (Some(ReadStep::Text), share(20, 18)),
            // These stand before or after the portrait: they move the ring, not the step.
            Phase::ActiveAuthentication | Phase::ChipAuthentication | Phase::TerminalAuthentication => (None, 0),
            Phase::Done => (Some(ReadStep::Verify), 98),
        };
        let step = self.step.max(step);
        (self.step, self.per_cent) = (step, self.per_cent.max(per_cent));
        Input::Progress(step.unwrap_or(ReadStep::Connect), self.per_cent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_never_goes_back() {
        let mut gauge = Gauge::default();
        let at = |phase, bytes, total| Progress { phase, bytes, total };
        let order = [
            at(Phase::CardAccess, 0, None),
            at(Phase::Pace, 0, None),
            at(Phase::File(FileId::Dg(14)), 100, Some(100)),
            at(Phase::ChipAuthentication, 0, None),
            at(Phase::File(FileId::Dg(13)), 0, None),
            at(Phase::File(FileId::Dg(2)), 5000, Some(10_000)),
            at(Phase::File(FileId::Dg(15)), 0, Some(100)),
            at(Phase::ActiveAuthentication, 0, None),
            at(Phase::Done, 0, None),
        ];
        let seen: Vec<(ReadStep, u8)> = order
            .into_iter()
            .map(|progress| match gauge.read(progress) {
                Input::Progress(step, per_cent) => (step, per_cent),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]), "{seen:?}");
        assert_eq!(seen[5], (ReadStep::Portrait, 67));
        assert_eq!(seen.last(), Some(&(ReadStep::Verify, 98)));
    }
}
