//! The devices of a kiosk: what shows, speaks, prints and shines, and what is touched and scanned.
//!
//! Each device that blocks has a thread. Each may vanish and come back: [`Watch`] tells the kiosk, and the rest goes on.

pub mod lines;
pub mod specification;

use crate::access::Private;
use crate::config::Config;
use crate::failure::Failure;
use crate::flow::{Place, Sound};
use crate::kiosk::{Glass, Heard, Outside, Signal};
use crate::parts::{Fault, Watch};
use drivers::display::{Display, Picture, Point, Rectangle, Size};
use drivers::gpio::guard::Guard;
use drivers::printer::{Bitmap, Printer};
use drivers::scanner::{Scan, Scanned, Scanner};
use drivers::speech::{Line, Speaker, Tone, Voice};
use drivers::touch::{Touch, Touchscreen};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::font::Fonts;
use kiosk_ui::geometry::Rect;
use kiosk_ui::scene::Scene;
use kiosk_ui::slip::{Paper, Slip};
use kiosk_ui::state::Part;
use kiosk_ui::{Language, Phrase};
use specification::Pins;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long a device that is away is left alone before it is looked for again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a device is waited on at once.
const ROUND: Duration = Duration::from_millis(500);
/// How often a printer is asked whether it has paper.
const PAPER: Duration = Duration::from_secs(15);

/// Tells the kiosk how a part is.
type Tell = Box<dyn FnMut(Part, Option<Fault>) + Send>;

/// The devices of a kiosk that show, speak, print and shine.
pub struct Cabinet {
    display: Box<dyn Display>,
    shown: Watch<Tell>,
    speaker: Option<(Box<dyn Speaker>, Watch<Tell>)>,
    slips: Option<Sender<Paper>>,
    lines: Option<Sender<lines::Task>>,
    door: Option<(Guard, Duration, Watch<Tell>)>,
}

impl std::fmt::Debug for Cabinet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cabinet({})", self.display.name())
    }
}

impl Cabinet {
    /// Starts the devices that a configuration names; `outside` hears of fingers, scans and parts.
    ///
    /// # Errors
    /// When the configuration names no kiosk, or something that is no device.
    pub fn start(config: &Config, outside: &Sender<Outside>) -> Result<(Self, Place), Failure> {
        let kiosk = config.kiosk.as_ref().ok_or_else(|| {
            Failure::usage(
                "config_no_kiosk",
                "the configuration has no [kiosk]",
                "add it as docs/configuration.md shows",
            )
        })?;
        let place = specification::place(kiosk)?;
        let tell = || -> Tell {
            let outside = outside.clone();
            // The kiosk may have ended.
            Box::new(move |part, fault| drop(outside.send(Outside::Part(part, fault))))
        };
        // Everything is checked before anything is started.
        let display = specification::display(kiosk)?;
        let (touch, scanner) = (specification::touch(kiosk)?, specification::scanner(kiosk)?);
        let (printer, speaker) = (specification::printer(kiosk)?, specification::speaker(kiosk)?);
        let wired = match &kiosk.lines {
            None => None,
            Some(config) => {
                let pins = Pins::new(config)?;
                Some((specification::lines(&config.chip, pins.wiring())?, pins, config))
            }
        };
        let guard = kiosk.lines.as_ref().map(door).transpose()?.flatten();
        if let Some(touch) = touch {
            let (outside, tell) = (outside.clone(), tell());
            std::thread::spawn(move || feel(touch, &outside, tell));
        }
        if let Some(scanner) = scanner {
            let (outside, tell) = (outside.clone(), tell());
            std::thread::spawn(move || scan(scanner, &outside, tell));
        }
        let slips = printer.map(|printer| {
            let (slips, to_print) = channel();
            let tell = tell();
            std::thread::spawn(move || print(printer, &to_print, tell));
            slips
        });
        let lines = wired.map(|(lines, pins, _)| {
            let (tasks, to_do) = channel();
            let mut tell = tell();
            std::thread::spawn(move || lines::work(lines, &pins, &to_do, &mut tell));
            tasks
        });
        let cabinet = Self {
            display,
            shown: Watch::new(Part::Display, tell()),
            speaker: speaker.map(|speaker| (speaker, Watch::new(Part::Speaker, tell()))),
            slips,
            lines,
            door: guard.map(|(guard, open)| (guard, open, Watch::new(Part::Lines, tell()))),
        };
        Ok((cabinet, place))
    }
}

/// The guard of a door's relay, where there is one, and how long it opens.
///
/// # Errors
/// When the line is not written as a line is.
pub fn door(config: &crate::config::Lines) -> Result<Option<(Guard, Duration)>, Failure> {
    let Some(door) = Pins::new(config)?.door else { return Ok(None) };
    let command = crate::commands::relay_guard::command(&config.chip, door, config.door_ms);
    Ok(command.map(|command| (Guard::new(command), Duration::from_millis(config.door_ms.into()))))
}

/// Waits for fingers until nobody listens.
fn feel(mut touch: Box<dyn Touchscreen>, outside: &Sender<Outside>, tell: Tell) {
    let mut watch = Watch::new(Part::Touch, tell);
    loop {
        let touches = touch.wait(ROUND);
        if touches.is_err() {
            std::thread::park_timeout(PAUSE);
        }
        for touch in watch.heard(touches).unwrap_or_default() {
            let touch = match touch {
                Touch::Down(x, y) => Outside::Down(x, y),
                Touch::Up(x, y) => Outside::Up(x, y),
            };
            if outside.send(touch).is_err() {
                return;
            }
        }
    }
}

/// What a scan says that can be believed: all of it, or only the number where letters may have been lost.
fn believed(scan: Scan) -> Private {
    if scan.whole {
        return Private(scan.text);
    }
    let number = scan.text.split('|').next().unwrap_or_default();
    Private(zeroize::Zeroizing::new(number.to_owned()))
}

/// Waits for scans until nobody listens at the kiosk.
fn scan(scanner: Box<dyn Scanner>, outside: &Sender<Outside>, tell: Tell) {
    scans(scanner, tell, &mut |said| outside.send(Outside::Scan(said)).is_ok());
}

/// Gives each scan to `take`, until that says that nobody listens any more.
pub fn scans(mut scanner: Box<dyn Scanner>, tell: Tell, take: &mut dyn FnMut(Private) -> bool) {
    let mut watch = Watch::new(Part::Scanner, tell);
    loop {
        let scanned = scanner.wait_for_scan(ROUND);
        if scanned.is_err() {
            std::thread::park_timeout(PAUSE);
        }
        let said = match watch.heard(scanned).flatten() {
            None => continue,
            Some(Scanned::Text(scan)) => believed(scan),
            Some(Scanned::Garbled(garbled)) => {
                tracing::warn!(code = garbled.code(), remedy = garbled.remedy(), "a scan was not understood");
                // The citizen is told as of any code that is none of a card.
                Private::from("?|".to_owned())
            }
        };
        if !take(said) {
            return;
        }
    }
}

/// Prints slips until nobody sends any, and asks for the paper meanwhile.
pub fn print(mut printer: Box<dyn Printer>, slips: &Receiver<Paper>, tell: Tell) {
    let mut watch = Watch::new(Part::Printer, tell);
    let mut fonts = Fonts::new();
    let mut works = watch.heard(printer.check()).is_some();
    loop {
        // One that is away is looked for more often: its next ticket is wanted.
        match slips.recv_timeout(if works { PAPER } else { PAUSE * 4 }) {
            Ok(slip) => {
                let width = i32::try_from(printer.width()).unwrap_or(i32::MAX);
                let canvas = slip.draw(&mut fonts, width);
                // A number that stands on the screen need not be printed late: nobody waits for it then.
                works = watch.heard(printer.print(&bitmap(&canvas))).is_some();
            }
            Err(RecvTimeoutError::Timeout) => works = watch.heard(printer.check()).is_some(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Black where the picture is darker than half.
fn bitmap(canvas: &Canvas) -> Bitmap {
    let bounds = canvas.bounds();
    Bitmap::from_fn(bounds.w as u32, bounds.h as u32, |x, y| {
        canvas.pixel(x as i32, y as i32).channels().iter().map(|channel| u32::from(*channel)).sum::<u32>() < 384
    })
}

/// What a sound is made of.
fn tones(sound: Sound) -> Vec<Tone> {
    match sound {
        Sound::Touch => vec![(1200, 25)],
        Sound::Done => vec![(880, 90), (0, 40), (1175, 160)],
        Sound::Attention => vec![(660, 180), (0, 90), (660, 180)],
    }
}

impl Glass for Cabinet {
    fn show(&mut self, canvas: &Canvas, _: &Scene, changed: &[Rect]) {
        let picture = Picture { width: canvas.bounds().w as u32, pixels: canvas.pixels() };
        let changed: Vec<Rectangle> = changed
            .iter()
            .map(|part| Rectangle::new(Point::new(part.x, part.y), Size::new(part.w as u32, part.h as u32)))
            .collect();
        self.shown.heard(self.display.show(picture, &changed));
    }

    fn erase(&mut self) {
        // A display that is away shows nothing, either; what it is given when it is back is the next picture.
        if let Ok(size) = self.display.size() {
            let black = vec![0; (size.width * size.height) as usize];
            let picture = Picture { width: size.width, pixels: &black };
            self.shown.heard(self.display.show(picture, &[picture.whole()]));
        }
    }

    fn hear(&mut self, heard: Heard<'_>) {
        if let Heard::Sound(sound) = heard
            && let Some(lines) = &self.lines
        {
            drop(lines.send(lines::Task::Beep(tones(sound))));
        }
        let Some((speaker, watch)) = &mut self.speaker else { return };
        let said = match heard {
            Heard::Sound(sound) => speaker.play(&tones(sound)),
            Heard::Words(language, words) => {
                let voice = match language {
                    Language::Vietnamese => Voice::Vietnamese,
                    Language::English => Voice::English,
                };
                let judged: Vec<_> = kiosk_ui::words::spoken().collect();
                let phrase = |text: &str| Phrase::ALL.iter().find(|phrase| phrase.text(language) == text);
                let of_word = |text: &str| judged.iter().find(|(_, pair)| pair.text(language) == text);
                let clip = |text: &str| {
                    phrase(text)
                        .map(|phrase| phrase.name().to_owned())
                        .or_else(|| of_word(text).map(|(name, _)| name.clone()))
                };
                let line = |text: &&str| Line { text: (*text).to_owned().into(), clip: clip(text) };
                speaker.say(voice, &words.iter().map(line).collect::<Vec<_>>())
            }
        };
        watch.heard(said);
    }

    fn signal(&mut self, signal: Signal) {
        if let Some(lines) = &self.lines {
            drop(lines.send(lines::Task::Signal(signal)));
        }
    }

    fn print(&mut self, slip: Slip) {
        if let Some(slips) = &self.slips {
            drop(slips.send(Paper::Ticket(slip)));
        }
    }

    fn open_door(&mut self) {
        if let Some((guard, open, watch)) = &mut self.door {
            watch.heard(guard.pulse(*open));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::device::DeviceError;
    use drivers::printer::escpos::EscPos;
    use drivers::printer::simulated::{SimulatedTransport, Tray};
    use drivers::scanner::simulated::{Hand, SimulatedScanner};
    use kiosk_ui::state::WallClock;

    fn told() -> (Tell, Receiver<(Part, Option<String>)>) {
        let (tell, told) = channel();
        (Box::new(move |part, fault: Option<Fault>| drop(tell.send((part, fault.map(|fault| fault.code))))), told)
    }

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn scans_arrive_and_an_unplugged_scanner_is_told() {
        let hand = Hand::default();
        let (tell, told) = told();
        let (outside, comes_in) = channel();
        let scanner = Box::new(SimulatedScanner(hand.clone()));
        std::thread::spawn(move || scan(scanner, &outside, tell));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, None)));
        hand.hold("079185000028");
        let Ok(Outside::Scan(text)) = comes_in.recv_timeout(SOON) else { panic!("a scan") };
        assert_eq!(text.0.as_str(), "079185000028");
        hand.unplug(true);
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, Some("device_absent".to_owned()))));
        hand.unplug(false);
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, None)));
    }

    #[test]
    fn of_a_scan_that_lost_letters_only_the_number_is_believed() {
        let scan = |whole| Scan { text: "079185000028|185000028|Trn Th Bnh".to_owned().into(), whole };
        assert_eq!(believed(scan(false)).0.as_str(), "079185000028");
        assert_eq!(believed(scan(true)).0.len(), 33);
    }

    #[test]
    fn tickets_are_printed_and_a_missing_roll_is_told() {
        let tray = Tray::default();
        let (tell, told) = told();
        let (slips, to_print) = channel();
        let printer = Box::new(EscPos::new(SimulatedTransport(tray.clone()), 384));
        let thread = std::thread::spawn(move || print(printer, &to_print, tell));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Printer, None)));
        let slip = Slip {
            site: "Bệnh viện".to_owned(),
            number: "A047".to_owned(),
            look_again: false,
            place: "Phòng 12".to_owned(),
            clock: WallClock::default(),
        };
        slips.send(Paper::Ticket(slip.clone())).expect("slip");
        tray.take_paper(false);
        while tray.receipts().is_empty() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert_eq!(tray.receipts(), [bitmap(&slip.draw(&mut Fonts::new(), 384))]);
        tray.take_paper(true);
        slips.send(Paper::Ticket(slip)).expect("slip");
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Printer, Some("device_paper".to_owned()))));
        drop(slips);
        thread.join().expect("no panic");
    }

    #[test]
    fn a_configuration_is_checked_before_anything_starts() {
        let config = |kiosk: &str| {
            let text = format!(
                "profile='identify'\nreader='pcsc'\ntrust='t'\nstate='s'\nkeys='k'\n\
                 pass_phrase_file='p'\n[kiosk]\nsite='S'\npanel='portrait-21'\n{kiosk}"
            );
            toml::from_str::<Config>(&text).expect("TOML")
        };
        let (outside, _comes_in) = channel();
        let failure = |kiosk: &str| Cabinet::start(&config(kiosk), &outside).expect_err(kiosk).message;
        let good = "display='drm:/dev/dri/card9'\n";
        for (kiosk, names) in [
            ("display='hdmi'", "display"),
            ("display='drm:/dev/dri/card9'\nrotation=45", "rotation"),
            (&format!("{good}scanner='usb:1'"), "scanner"),
            (&format!("{good}scanner='serial:/dev/ttyACM0@fast'"), "scanner"),
            (&format!("{good}touch='ILITEK'\ncalibration='1 0 0'"), "calibration"),
            (&format!("{good}speech='festival'"), "speech"),
            (&format!("{good}[kiosk.printer]\ndevice='lpt1'"), "printer.device"),
            (&format!("{good}[kiosk.lines]\nchip='/dev/gpiochip0'\nready='GPIO17'"), "lines.ready"),
        ] {
            let message = failure(kiosk);
            assert!(message.contains(names), "{kiosk}: {message}");
        }
        let (mut cabinet, place) = Cabinet::start(&config(good), &outside).expect("a display is enough");
        assert_eq!((place.panel.name, place.queue), ("portrait-21", None));
        assert!(matches!(cabinet.display.size(), Err(DeviceError::Absent { .. })));
    }
}
