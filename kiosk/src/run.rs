//! A kiosk at work: the flow on one side, a glass with fingers and a device with a reader on the other.
//!
//! Three threads: this one owns flow, scene and picture; one owns the device, which blocks on its reader; one puts visits
//! on disk, which may wait for a hospital's system to give a number. What the other two say comes by the same way as what
//! comes from outside ([`Inbox`]). Every read has a number, and what an older read still says is not heard.

use crate::clerk;
use crate::counter as callers;
use crate::enrolment;
use crate::flow::{Effect, Flow, Input, Place, Task};
use crate::stage::{Comes, Entrance, Glass, Heard, Inbox, Outside};
use cccd::calendar::VIETNAM;
use cccd::document::Kind;
use config::Config;
use devices::lines::Signal;
use devices::parts::Register;
use events::Clock;
use events::event::Bytes;
use fleet::relay;
use identity::visits::Visit as Served;
use kiosk_ui::canvas::Canvas;
use kiosk_ui::judged::{self, Details};
use kiosk_ui::playlist::Playlist;
use kiosk_ui::scene::Renderer;
use kiosk_ui::slip::Slip;
use kiosk_ui::state::{About, Carried, Help, Part, Trouble, WallClock};
use kiosk_ui::{Act, Language, Screen, view};
use program::Failure;
use program::Private;
use reading::device::{Host, Judged};
use reading::reader_thread::{self, ReaderEvent, ReaderThread};
use site::checks::{self, Check};
use site::upkeep::Taken;
use site::words::DeviceWord;
use site::{Around, Site, counter};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use time::{Date, OffsetDateTime};
use verdict::Admission;
use visit::finished::{Agreed, ConsentAct, Finished, random_id};
use visit::profile::{Profile, Step};

/// Longest pause between two pictures while something moves.
const FRAME: Duration = Duration::from_millis(100);

/// After a longer pause the machine has slept.
const ASLEEP: Duration = Duration::from_secs(20);

/// Runs until [`Outside::Stop`], or a failure of the device's own store.
///
/// # Errors
/// When the device cannot start, or its own store fails.
pub fn run(
    config: Config,
    place: Place,
    clock: Arc<dyn Clock>,
    around: Around,
    mut inbox: Inbox,
    mut glass: Box<dyn Glass>,
) -> Result<(), Failure> {
    let (mut place, mut found) = (place, Vec::new());
    let (config, parts) = if enrolment::is_wanted(&config)? {
        let let_in = enrolment::run(&config, place.panel, &place.site, &clock, &mut inbox, &mut *glass)?;
        let Some(let_in) = let_in else { return Ok(()) };
        place.panel = let_in.panel;
        found = let_in.found;
        let parts = let_in.parts;
        (Config::load_or_last(&config.file, None, around.check)?, parts)
    } else {
        (config, Vec::new())
    };
    let profile = Profile::load(&config.profile)?;
    suits(&profile)?;
    let panel = place.panel;
    if profile.practice {
        place.site = format!("LUYỆN TẬP · {}", place.site);
    }
    let register = Register::begin(&config.state)?;
    let site = Site::open(config, profile, Arc::clone(&clock), around)?;
    let profile = Arc::new(site.profile());
    let mut kiosk = Kiosk {
        register,
        visit: None,
        finished: None,
        marked: false,
        about: About {
            device: site.config.device.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..About::default()
        },
        header: place.site.clone(),
        signal: None,
        playlist: place.playlist.clone(),
        today: None,
        flow: Flow::new(place, Task::from(&*profile)),
        profile,
        renderer: Renderer::default(),
        canvas: Canvas::new(panel.width, panel.height),
        down: None,
        speak: false,
        clock,
        site: Arc::clone(&site),
        call: None,
        served: None,
        collector: relay::Collector::default(),
        visits: 0,
    };
    let kiosk_of = site.config.kiosk.as_ref();
    let line = kiosk_of.and_then(|kiosk| kiosk.counter.as_ref());
    let line = line.map(|to| counter::Line::new(to, &site.config.device).map(Arc::new)).transpose()?;
    let (visits, to_keep) = channel();
    let clerk = {
        let (site, entrance, line) = (Arc::clone(&site), inbox.entrance(), line.clone());
        std::thread::spawn(move || {
            let tell = |kept| program::ignore(entrance.say(Comes::Clerk(kept)), "the kiosk has ended");
            clerk::work(&site, line.as_deref(), &to_keep, &tell);
        })
    };
    let calls = line.map(|line| {
        let (calls, orders) = channel();
        let (site, entrance) = (Arc::clone(&site), inbox.entrance());
        let staff_at = kiosk_of.and_then(|kiosk| kiosk.staff_at.clone());
        std::thread::spawn(move || {
            let ask = |id: &str, call: &counter::Call| line.call(id, call, site.now().saturating_mul(1000));
            let tell = |id: &str, help| {
                program::ignore(entrance.say(Comes::Counter(id.to_owned(), help)), "the kiosk has ended");
            };
            callers::work(&orders, callers::ROUND, staff_at.as_deref(), &ask, &tell);
        });
        calls
    });
    let entrance = inbox.entrance();
    let say = move |said| program::ignore(entrance.say(Comes::Reader(said)), "whoever listened has ended");
    let reader = ReaderThread::start(Arc::clone(&site) as Arc<dyn Host>, say);
    let threads = Threads { reader, visits, calls, entrance: inbox.entrance() };
    for (part, found) in found {
        kiosk.register.found(part, found, kiosk.clock.wall());
    }
    for (part, fault) in parts {
        let input = kiosk.heard(part, fault)?;
        kiosk.flow.update(input);
    }
    let result = kiosk.work(&mut inbox, &threads, &mut *glass);
    drop(threads);
    kiosk.renderer.forget(&mut kiosk.canvas);
    glass.erase();
    program::ignore(clerk.join(), "a panic there has been reported by the runtime");
    result?;
    site.finish()
}

/// Whether a kiosk can do what a profile wants.
///
/// # Errors
/// `profile_needs_staff` when it cannot.
pub fn suits(profile: &Profile) -> Result<(), Failure> {
    if profile.steps().contains(&Step::Face) {
        let message = format!("{} has somebody look at the face, and a kiosk has nobody", profile.id);
        return Err(Failure::usage("profile_needs_staff", message, "use the desk, or a profile without that step"));
    }
    Ok(())
}

/// Where work is sent to.
struct Threads {
    reader: ReaderThread,
    visits: Sender<clerk::Order>,
    /// Where there is a counter that hears calls.
    calls: Option<Sender<callers::Order>>,
    entrance: Entrance,
}

struct Kiosk {
    register: Register,
    about: About,
    header: String,
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
    site: Arc<Site>,
    /// The call that somebody waits for: its identifier, and what the counter was told.
    call: Option<(String, counter::Call)>,
    /// The visit of whoever stands there.
    visit: Option<Bytes<16>>,
    /// What is known of them, once their card was judged.
    finished: Option<Box<Finished>>,
    /// Less is assured of whoever stands there than usual.
    marked: bool,
    /// Held while somebody is served: nobody restarts the device meanwhile.
    served: Option<Served>,
    /// A bundle that comes through a phone.
    collector: relay::Collector,
    /// Counts visits: what the clerk says of an older one is not heard.
    visits: u64,
}

impl Kiosk {
    fn work(&mut self, inbox: &mut Inbox, threads: &Threads, glass: &mut dyn Glass) -> Result<(), Failure> {
        let first = self.part(Part::Reader, Some(reader_thread::awaited()));
        self.flow.update(first);
        self.flow.update(Input::About(self.about.clone()));
        // The first picture waits for nothing.
        let mut pause = Duration::ZERO;
        let mut before = self.clock.monotonic();
        loop {
            let now = self.clock.monotonic();
            let passed = now.saturating_sub(std::mem::replace(&mut before, now));
            let mut inputs = Vec::new();
            if passed > ASLEEP {
                tracing::info!(seconds = passed.as_secs(), "the machine has slept");
                inputs.push(Input::Slept);
            }
            inputs.push(Input::Clock(self.wall_clock()));
            inputs.push(Input::Tick(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)));
            let is_first = pause.is_zero();
            for comes in inbox.hear(std::mem::replace(&mut pause, FRAME)) {
                let Some(input) = self.input(comes, threads, glass)? else { return Ok(()) };
                inputs.extend(input);
            }
            self.begin_to_serve(&mut inputs);
            inputs.extend(self.notices());
            for input in inputs {
                for effect in self.flow.update(input) {
                    self.cause(effect, threads, glass)?;
                }
            }
            self.call(threads)?;
            let scene = view(self.flow.state(), &mut self.renderer.fonts);
            let (scene, changed) = self.renderer.draw(&mut self.canvas, scene);
            if !changed.is_empty() {
                glass.show(&self.canvas, scene, &changed);
            }
            if is_first {
                tracing::info!(profile = self.profile.id, "the kiosk is open");
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

    /// Tells the counter of somebody who calls, of where they go on, and that they went.
    fn call(&mut self, threads: &Threads) -> Result<(), Failure> {
        let Some(calls) = &threads.calls else { return Ok(()) };
        let order = match (self.flow.calls_at().map(callers::at), &mut self.call) {
            (None, None) => return Ok(()),
            (Some(step), Some((_, call))) if call.step == step => return Ok(()),
            (None, call) => {
                *call = None;
                callers::Order::Over
            }
            (Some(step), Some((id, call))) => {
                call.step = step;
                callers::Order::Call(id.clone(), call.clone())
            }
            (Some(step), call) => {
                let kiosk = self.site.config.device.clone();
                let begun = counter::Call { kiosk, step, since: self.clock.wall(), over: false };
                let (id, begun) = call.insert((random_id()?.to_string(), begun));
                callers::Order::Call(id.clone(), begun.clone())
            }
        };
        program::ignore(calls.send(order), "the thread ends with the kiosk");
        Ok(())
    }

    /// What somebody says to the flow; nothing at the end.
    fn input(&mut self, comes: Comes, threads: &Threads, glass: &mut dyn Glass) -> Result<Option<Vec<Input>>, Failure> {
        Ok(Some(match comes {
            Comes::Outside(Outside::Stop) => return Ok(None),
            Comes::Outside(outside) => self.said_outside(outside, glass)?,
            Comes::Reader(said) => match threads.reader.counts(said) {
                Some(told) => vec![self.said_by_reader(told)?],
                None => Vec::new(),
            },
            // Whoever stands there now is another.
            Comes::Clerk(kept) => {
                let kept = kept?;
                let counts = kept.visit == self.visits;
                let queue = kept.queue.map(Input::Queue);
                if counts { queue.into_iter().chain([Input::Kept(kept.kept)]).collect() } else { Vec::new() }
            }
            Comes::Counter(id, help) if self.call.as_ref().is_some_and(|(known, _)| *known == id) => {
                self.said_outside(Outside::Help(help), glass)?
            }
            // Of somebody who went.
            Comes::Counter(..) => Vec::new(),
            Comes::Checked(checks) => {
                let code = |check: Check| (check.id.to_owned(), check.fault.map(|fault| fault.code));
                self.about.checks = Some(checks.into_iter().map(code).collect());
                vec![Input::About(self.about.clone())]
            }
        }))
    }

    fn said_outside(&mut self, outside: Outside, glass: &mut dyn Glass) -> Result<Vec<Input>, Failure> {
        Ok(match outside {
            Outside::Stop => Vec::new(),
            Outside::Down(x, y) => {
                self.down = self.renderer.hit(x, y);
                vec![Input::Press(self.down)]
            }
            Outside::Up(x, y) => {
                // It counts where it was put down and lifted on the same thing.
                let act = self.down.take().filter(|act| self.renderer.hit(x, y) == Some(*act)).map(Input::Act);
                [Input::Press(None)].into_iter().chain(act).collect()
            }
            Outside::Scan(text) => vec![match self.carried(&text)? {
                Some(input) => input,
                None => Input::Scan(text),
            }],
            Outside::Misread => vec![Input::Misread],
            Outside::Help(help) => {
                if let Help::Taken(by) = &help {
                    self.site.note_device(DeviceWord::StaffCame, None, Some(by.clone()))?;
                }
                vec![Input::Help(help)]
            }
            Outside::Part(part, fault) => vec![self.heard(part, fault)?],
            Outside::Found(part, found) => {
                self.register.found(part, found, self.clock.wall());
                Vec::new()
            }
            Outside::Panel(panel) if panel == self.flow.state().panel => Vec::new(),
            Outside::Panel(panel) => {
                self.renderer.forget(&mut self.canvas);
                self.canvas = Canvas::new(panel.width, panel.height);
                glass.erase();
                vec![Input::Panel(panel)]
            }
            Outside::Profile(profile) => {
                suits(&profile)?;
                self.site.load_rosters(&profile.id)?;
                let task = Task::from(&*profile);
                self.profile = Arc::new(*profile);
                vec![Input::Task(task)]
            }
        })
    }

    fn said_by_reader(&mut self, told: ReaderEvent) -> Result<Input, Failure> {
        Ok(match told {
            ReaderEvent::Progress(step, per_cent) => Input::Progress(step, per_cent),
            ReaderEvent::Name(name) => Input::Name(name),
            ReaderEvent::Picture(picture) => Input::Picture(picture),
            ReaderEvent::Lifted => Input::Lifted,
            ReaderEvent::Waiting => Input::Waiting,
            ReaderEvent::Judged(judged) => self.judged(*judged)?,
            ReaderEvent::Failed(failure) => Input::Failed(failure.code),
            ReaderEvent::Gone => Input::CardGone,
            ReaderEvent::Reader(fault) => self.part(Part::Reader, fault),
            ReaderEvent::Unsent(unsent) => {
                self.about.unsent = unsent;
                Input::About(self.about.clone())
            }
            ReaderEvent::Ended(failure) => return Err(failure),
        })
    }

    /// A part of a bundle from a technician's phone, while the technician's screen is open; nothing for any other scan.
    fn carried(&mut self, scan: &Private) -> Result<Option<Input>, Failure> {
        if self.flow.state().screen != Screen::Technician || !relay::is_part("bundle", &scan.0) {
            return Ok(None);
        }
        let carried = match self.collector.take("bundle", &scan.0) {
            Ok(None) => {
                let (have, of) = self.collector.progress();
                Carried::Parts(have, of)
            }
            Ok(Some(bytes)) => match self.site.take_bundle(&bytes)? {
                Taken::Active(version) => Carried::Taken(version),
                Taken::Refused(refused) => Carried::Refused(refused.code().to_owned()),
            },
            Err(error) => Carried::Refused(error.code().to_owned()),
        };
        self.about.carried = Some(carried);
        Ok(Some(Input::About(self.about.clone())))
    }

    /// Where a touch or a scan would begin a visit, the device is kept from restarting first; while it is about to restart,
    /// nobody begins.
    fn begin_to_serve(&mut self, inputs: &mut Vec<Input>) {
        let is_idle =
            matches!(self.flow.state().screen, Screen::Attract | Screen::OutOfService(_) | Screen::Technician);
        let begins = |input: &Input| matches!(input, Input::Act(Act::Start | Act::Staff) | Input::Scan(_));
        if !is_idle {
            return;
        }
        self.served = None;
        if !inputs.iter().any(begins) {
            return;
        }
        match self.site.visits.begin() {
            Ok(Some(served)) => self.served = Some(served),
            Ok(None) => inputs.retain(|input| !begins(input)),
            // A disk in trouble sends nobody away; it is found out by what has to be kept.
            Err(error) => tracing::warn!(code = error.code(), "{error}"),
        }
    }

    /// How a part is. Once the panel shows the picture, the kiosk has really started.
    fn heard(&mut self, part: Part, fault: Option<Failure>) -> Result<Input, Failure> {
        if part == Part::Display && fault.is_none() {
            self.site.started()?;
        }
        Ok(self.part(part, fault))
    }

    /// Writes down how a part is, and tells the flow.
    fn part(&mut self, part: Part, fault: Option<Failure>) -> Input {
        let since = self.wall_clock().time;
        let trouble = fault.as_ref().map(|fault| Trouble { since, code: fault.code.clone() });
        self.register.set(part, fault, self.clock.wall());
        Input::Part(part, trouble)
    }

    /// The visit of whoever stands there.
    fn visit(&mut self) -> Result<Bytes<16>, Failure> {
        if self.visit.is_none() {
            self.visit = Some(random_id()?);
        }
        Ok(self.visit.unwrap_or(Bytes([0; 16])))
    }

    /// Keeps what is known of the holder for the rest of the visit, and asks whether they may go on.
    fn judged(&mut self, judged: Judged) -> Result<Input, Failure> {
        let Judged { word, rung, admission, document, until, sequence, mut content, .. } = judged;
        let refusal = self.site.judged(&self.profile, admission, &mut content)?;
        self.finished = Some(Box::new(Finished { visit: self.visit()?, sequence, content, party: None }));
        self.marked = admission != Admission::GoesOn;
        let details = Details {
            rung,
            // "Không thời hạn" is no day.
            until: until.filter(|text| cccd::CardDate::from_text(text).is_some()),
            document: Some(kind_of(document)),
            takes: Some(Task::from(&*self.profile).takes),
            ..Details::default()
        };
        Ok(Input::Judged(Box::new(judged::Judged::new(word, admission, details)), refusal))
    }

    fn cause(&mut self, effect: Effect, threads: &Threads, glass: &mut dyn Glass) -> Result<(), Failure> {
        match effect {
            Effect::Agreed(language) => {
                let language = if language == Language::English { "en" } else { "vi" };
                let visit = self.visit()?;
                self.site.consented(&self.profile, visit, &Agreed { act: ConsentAct::Touch, language })?;
            }
            Effect::Keep(answers) => {
                if let Some(mut finished) = self.finished.take() {
                    finished.content.answers = answers.into_iter().collect();
                    // The thread ends only when it has said why.
                    let order = clerk::Order { visit: self.visits, profile: Arc::clone(&self.profile), finished };
                    program::ignore(threads.visits.send(order), "whoever listened has ended");
                }
            }
            Effect::TurnedAway(why) => {
                let (visit, finished) = (self.visit()?, self.finished.take());
                self.site.turned_away(&self.profile, visit, finished.as_deref(), why)?;
            }
            Effect::Read(key) => threads.reader.read(*key, Arc::clone(&self.profile)),
            Effect::StopWaiting => threads.reader.stop_waiting(),
            Effect::Erase => {
                (self.visit, self.finished, self.marked) = (None, None, false);
                self.visits += 1;
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
            Effect::CallStaff => {
                tracing::warn!(code = "staff_called", "somebody is wanted at the kiosk");
                self.site.note_device(DeviceWord::StaffCalled, None, None)?;
                glass.call_staff();
            }
            Effect::Ticket(number, place, queue) => {
                tracing::info!(number, place, "ticket");
                let (site, clock, look_again) = (self.header.clone(), self.wall_clock(), self.marked);
                glass.print(Slip { site, number, place, queue, look_again, clock });
            }
            Effect::OpenDoor => glass.open_door(),
            Effect::Examine => {
                (self.about.checks, self.about.carried) = (None, None);
                let (site, entrance) = (Arc::clone(&self.site), threads.entrance.clone());
                // Central may take its time to answer; whoever asked may have left by then.
                std::thread::spawn(move || {
                    program::ignore(
                        entrance.say(Comes::Checked(checks::run(&site.config))),
                        "whoever listened has ended",
                    )
                });
            }
        }
        Ok(())
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

/// What a screen calls a kind of document.
fn kind_of(code: &str) -> judged::Document {
    match Kind::find(code) {
        Some(Kind::Passport) => judged::Document::Passport,
        Some(Kind::IdentityCard | Kind::CitizenCard) => judged::Document::IdentityCard,
        Some(Kind::ResidenceCard) => judged::Document::ResidenceCard,
        Some(Kind::Other) | None => judged::Document::Other,
    }
}
