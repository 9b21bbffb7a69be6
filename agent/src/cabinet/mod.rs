//! The devices of a kiosk: what shows, speaks, prints and shines, and what is touched and scanned.
//!
//! Each device that blocks has a thread. Each may vanish and come back: [`Watch`] tells the kiosk, and the rest goes on.

pub mod lines;
pub mod specification;

use crate::access::Private;
use crate::config::Config;
use crate::config::check::no_table;
use crate::failure::Failure;
use crate::flow::{Place, Sound};
use crate::kiosk::{Glass, Heard, Outside, Signal};
use crate::parts::{Fault, Watch};
use cccd::qr;
use drivers::device::DeviceError;
use drivers::display::{Display, Format, Picture, Point, Rectangle, Size};
use drivers::gpio::guard::Guard;
use drivers::printer::{Bitmap, Printer};
use drivers::scanner::{Garbled, Letters, Scan, Scanned, Scanner};
use drivers::speech::{Line, Speaker, Tone, Voice};
use drivers::touch::{PictureSize, Touch, Touchscreen};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::font::Fonts;
use kiosk_ui::geometry::Rect;
use kiosk_ui::panel::{PANELS, Panel};
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
    /// As it was when the layout was chosen.
    format: Option<Format>,
    /// The panel whose layout is wished for.
    wish: Option<Panel>,
    panel: Panel,
    /// What the touch screen knows of the picture.
    size: PictureSize,
    outside: Sender<Outside>,
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
        let kiosk = config.kiosk.as_ref().ok_or_else(|| no_table("kiosk"))?;
        let wish = specification::panel(kiosk)?;
        // Until the display says what it is.
        let panel = wish.unwrap_or(UNTIL_KNOWN);
        let place = specification::place(kiosk, panel)?;
        let size = PictureSize::new(0, 0);
        let tell = || -> Tell {
            let outside = outside.clone();
            // The kiosk may have ended.
            Box::new(move |part, fault| drop(outside.send(Outside::Part(part, fault))))
        };
        // Everything is checked before anything is started.
        let display = specification::display(kiosk)?;
        let (touch, scanner) = (specification::touch(kiosk, size.clone())?, specification::scanner(kiosk)?);
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
        let mut cabinet = Self {
            display,
            format: None,
            wish,
            panel,
            size,
            outside: outside.clone(),
            shown: Watch::new(Part::Display, tell()),
            speaker: speaker.map(|speaker| (speaker, Watch::new(Part::Speaker, tell()))),
            slips,
            lines,
            door: guard.map(|(guard, open)| (guard, open, Watch::new(Part::Lines, tell()))),
        };
        cabinet.take_size();
        cabinet.look();
        let place = Place { panel: cabinet.panel, ..place };
        Ok((cabinet, place))
    }

    /// Looks at what the display is; another layout is told to the kiosk. False where no layout can be read on it.
    fn look(&mut self) -> bool {
        let Ok(format) = self.display.format() else { return true };
        if self.format == Some(format) {
            return format.picture() == self.picture();
        }
        self.format = Some(format);
        let Some(panel) = specification::laid_out(self.wish, &format) else { return false };
        let chosen = specification::chosen(&format, &panel);
        tracing::info!(display = self.display.name(), "{chosen}");
        // The kiosk may have ended.
        drop(self.outside.send(Outside::Found(Part::Display, chosen)));
        if self.panel != panel {
            self.panel = panel;
            self.take_size();
            drop(self.outside.send(Outside::Panel(panel)));
        }
        true
    }

    /// Width and height of the picture that the layout is for.
    const fn picture(&self) -> Size {
        Size::new(self.panel.width.unsigned_abs(), self.panel.height.unsigned_abs())
    }

    fn take_size(&self) {
        let Size { width, height } = self.picture();
        self.size.set(width, height);
    }
}

/// As long as the display was never there.
const UNTIL_KNOWN: Panel = PANELS[1];

/// What a display is, and the layout on it: the wished one where it can be read.
///
/// # Errors
/// As long as the display cannot be used, or when no layout can be read on it.
pub fn look(display: &mut dyn Display, wish: Option<Panel>) -> Result<(Format, Panel), DeviceError> {
    let format = display.format()?;
    let panel = specification::laid_out(wish, &format).ok_or_else(|| too_small(display, &format))?;
    Ok((format, panel))
}

/// No layout can be read on a display.
fn too_small(display: &dyn Display, format: &Format) -> DeviceError {
    let Size { width, height } = format.picture();
    let why = format!("nothing can be read on {width}x{height} pixels");
    DeviceError::Unsuitable { device: display.name(), why }
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

/// What a scan says that can be believed: all of it, or only the number where letters may have been lost. The name on a
/// citizen card has letters with signs; no other code has any, so what is ASCII of it is whole.
fn believed(scan: Scan) -> Private {
    let is_whole = match scan.letters {
        Letters::All => true,
        Letters::Ascii => !matches!(qr::parse(&scan.text), Ok(qr::Scan::Cccd(_))),
        Letters::Lost => false,
    };
    if is_whole {
        return Private(scan.text);
    }
    let number = scan.text.split('|').next().unwrap_or_default();
    Private(zeroize::Zeroizing::new(number.to_owned()))
}

/// Waits for scans until nobody listens at the kiosk.
fn scan(scanner: Box<dyn Scanner>, outside: &Sender<Outside>, tell: Tell) {
    scans(scanner, tell, &mut |said| outside.send(said.map_or(Outside::Misread, Outside::Scan)).is_ok());
}

/// What is wrong with a scanner whose scan was no text. It stays wrong until one is.
fn fault(garbled: Garbled) -> Option<Fault> {
    // Of a code that is too long the scanner is innocent.
    (garbled != Garbled::TooLong).then(|| Fault {
        code: garbled.code().to_owned(),
        message: "the scanner gives no text".to_owned(),
        remedy: garbled.remedy().to_owned(),
    })
}

/// Gives each scan to `take`, or why it was none, until that says that nobody listens any more.
pub fn scans(mut scanner: Box<dyn Scanner>, tell: Tell, take: &mut dyn FnMut(Result<Private, Garbled>) -> bool) {
    let mut watch = Watch::new(Part::Scanner, tell);
    let mut wrong = None;
    let (mut layout, mut letters) = (Some("us"), Letters::All);
    loop {
        let scanned = match scanner.wait_for_scan(ROUND) {
            Ok(scanned) => scanned,
            Err(error) => {
                watch.heard::<()>(Err(error));
                std::thread::park_timeout(PAUSE);
                continue;
            }
        };
        let said = match scanned {
            None => None,
            Some(Scanned::Text(scan)) => {
                wrong = None;
                if scanner.layout().is_some() && scanner.layout() != layout {
                    layout = scanner.layout();
                    tracing::info!(layout, "the scanner plays the keyboard of this country");
                }
                let come = scan.letters;
                let scan = Ok(believed(scan));
                if come != letters && scan.as_ref().is_ok_and(|said| !said.0.contains('|')) {
                    letters = come;
                    tracing::info!(
                        "letters with signs do not come from the scanner: the number alone is used of a card's code"
                    );
                }
                Some(scan)
            }
            Some(Scanned::Garbled(garbled)) => {
                tracing::warn!(code = garbled.code(), remedy = garbled.remedy(), "a scan was not understood");
                wrong = fault(garbled);
                Some(Err(garbled))
            }
        };
        watch.is(wrong.clone());
        if let Some(said) = said
            && !take(said)
        {
            return;
        }
    }
}

/// So often is a printer looked for whose paper ended in the middle of a slip: five minutes. Whoever stands there with half
/// a ticket waits no longer than that.
const LOOKS_FOR_BROKEN: u32 = 150;

/// Prints slips until nobody sends any, and asks for the paper meanwhile.
///
/// A slip of which half came out is printed anew, the same one, as soon as there is paper. One of which nothing came out is
/// not: its number stands on the screen, and nobody waits for it later.
pub fn print(mut printer: Box<dyn Printer>, slips: &Receiver<Paper>, tell: Tell) {
    let mut watch = Watch::new(Part::Printer, tell);
    let mut fonts = Fonts::new();
    let mut works = watch.heard(printer.check()).is_some();
    // A slip that came out by half, and how often the printer is still looked for.
    let mut broken: Option<(Bitmap, u32)> = None;
    loop {
        // One that is away is looked for more often: its next ticket is wanted.
        let next = slips.recv_timeout(if works { PAPER } else { PAUSE * 4 });
        if matches!(next, Err(RecvTimeoutError::Disconnected)) {
            return;
        }
        works = watch.heard(printer.check()).is_some();
        if let Some((slip, looks)) = broken.take() {
            works = works && watch.heard(printer.print(&slip)).is_some();
            let waits = looks > 0 && !works;
            broken = waits.then(|| (slip, looks - 1));
        }
        if let Ok(slip) = next
            && works
        {
            let width = i32::try_from(printer.width()).unwrap_or(i32::MAX);
            let slip = bitmap(&slip.draw(&mut fonts, width));
            works = watch.heard(printer.print(&slip)).is_some();
            broken = (!works).then_some((slip, LOOKS_FOR_BROKEN));
        }
    }
}

/// Black where the picture is darker than half.
pub(crate) fn bitmap(canvas: &Canvas) -> Bitmap {
    let bounds = canvas.bounds();
    Bitmap::from_fn(bounds.w as u32, bounds.h as u32, |x, y| {
        canvas.pixel(x as i32, y as i32).channels().iter().map(|channel| u32::from(*channel)).sum::<u32>() < 384
    })
}

/// What a sound is made of.
pub(crate) fn tones(sound: Sound) -> Vec<Tone> {
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
        let shown = self.display.show(picture, &changed);
        let shown = match shown {
            Ok(()) | Err(DeviceError::Unsuitable { .. }) => {
                // While it was away another may have been put in its place.
                let is_readable = self.look();
                match self.format {
                    Some(format) if !is_readable => Err(too_small(&*self.display, &format)),
                    // The next picture is of its size.
                    _ if self.picture() != picture.size() => return,
                    _ => shown,
                }
            }
            gone => gone,
        };
        self.shown.heard(shown);
    }

    fn erase(&mut self) {
        // A display that is away shows nothing, either; what it is given when it is back is the next picture.
        if let Ok(size) = self.display.format().map(|format| format.picture()) {
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
    use drivers::display::simulated;
    use drivers::input::simulated::{Fingers, SimulatedInput};
    use drivers::printer::escpos::EscPos;
    use drivers::printer::simulated::{SimulatedTransport, Tray};
    use drivers::scanner::layouts::LAYOUTS;
    use drivers::scanner::simulated::{Hand, SimulatedScanner};
    use drivers::scanner::wedge::{self, WedgeScanner};
    use drivers::touch::Rotation;
    use kiosk_ui::state::WallClock;

    /// Parts and the codes of what is wrong with them.
    type ToldOf = Receiver<(Part, Option<String>)>;

    fn told() -> (Tell, ToldOf) {
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
        let scan = |letters| Scan { text: "079185000028|185000028|Trn Th Bnh".to_owned().into(), letters };
        assert_eq!(believed(scan(Letters::Lost)).0.as_str(), "079185000028");
        assert_eq!(believed(scan(Letters::Ascii)).0.as_str(), "079185000028");
        assert_eq!(believed(scan(Letters::All)).0.len(), 33);
    }

    /// What a keyboard of a layout types arrives at the kiosk so.
    fn typed(layout: &str, text: &str) -> (Receiver<Outside>, ToldOf, Fingers) {
        let fingers = Fingers::default();
        let scanner = Box::new(WedgeScanner::new(SimulatedInput { fingers: fingers.clone(), surface: None }));
        let (tell, told) = told();
        let (outside, comes_in) = channel();
        std::thread::spawn(move || scan(scanner, &outside, tell));
        let layout = LAYOUTS.iter().find(|known| known.name == layout).expect("layout");
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, None)));
        fingers.happen(wedge::keys_of(layout, &format!("{text}\r"), false));
        (comes_in, told, fingers)
    }

    #[test]
    fn wedge_insurance() {
        let code = "GD4010123456789|4e67|15/01/1999|1";
        let (comes_in, ..) = typed("us", code);
        let Ok(Outside::Scan(text)) = comes_in.recv_timeout(SOON) else { panic!("a scan") };
        assert_eq!(text.0.as_str(), code, "an insurance card's name is of hexadecimal digits: nothing is lost");
        assert!(matches!(qr::parse(&text.0), Ok(qr::Scan::HealthInsurance(_))));
    }

    #[test]
    fn wedge_layouts() {
        let card = "001099000017|012345678|Nguyen Van An|15011999|Nam|Ha Noi|16012022";
        for layout in ["gb", "de", "fr"] {
            let (comes_in, ..) = typed(layout, card);
            let Ok(Outside::Scan(text)) = comes_in.recv_timeout(SOON) else { panic!("a scan") };
            assert_eq!(text.0.as_str(), "001099000017", "{layout}");
        }
    }

    #[test]
    fn a_key_without_a_letter_is_told_of_the_scanner_and_not_of_the_citizen() {
        let (comes_in, told, fingers) = typed("gb", "https://a|b");
        assert!(matches!(comes_in.recv_timeout(SOON), Ok(Outside::Misread)));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, Some("scan_layout".to_owned()))));
        fingers.happen(wedge::keys("001099000017\r", false));
        assert!(matches!(comes_in.recv_timeout(SOON), Ok(Outside::Scan(_))));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, None)), "until a scan is read again");
    }

    fn slip() -> Slip {
        Slip {
            site: "Bệnh viện".to_owned(),
            number: "A047".to_owned(),
            look_again: false,
            place: "Phòng 12".to_owned(),
            clock: WallClock::default(),
        }
    }

    /// A printer at work: what lies in its tray, what is given to it, what it says, and its thread.
    fn printing() -> (Tray, Sender<Paper>, ToldOf, std::thread::JoinHandle<()>) {
        let tray = Tray::default();
        let (tell, told) = told();
        let (slips, to_print) = channel();
        let printer = Box::new(EscPos::new(SimulatedTransport(tray.clone()), 384));
        let thread = std::thread::spawn(move || print(printer, &to_print, tell));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Printer, None)));
        (tray, slips, told, thread)
    }

    #[test]
    fn tickets_are_printed_and_a_missing_roll_is_told() {
        let (tray, slips, told, thread) = printing();
        let slip = slip();
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
    fn a_ticket_of_which_half_came_out_is_printed_anew_once() {
        let (tray, slips, told, thread) = printing();
        let slip = slip();
        let whole = bitmap(&slip.draw(&mut Fonts::new(), 384));
        tray.end_paper_after(5000);
        slips.send(Paper::Ticket(slip.clone())).expect("slip");
        assert!(matches!(told.recv_timeout(SOON), Ok((Part::Printer, Some(_)))));
        // While there is none, another is asked for, of which nothing comes out: its number stands on the screen.
        slips.send(Paper::Ticket(Slip { number: "A048".to_owned(), ..slip })).expect("slip");
        while told.try_recv() != Ok((Part::Printer, Some("device_paper".to_owned()))) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        tray.take_paper(false);
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Printer, None)));
        drop(slips);
        thread.join().expect("no panic");
        let receipts = tray.receipts();
        assert_eq!(receipts.iter().filter(|receipt| **receipt == whole).count(), 1, "{receipts:?}");
        assert_eq!((receipts.last(), tray.unknown()), (Some(&whole), 0));
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
        assert!(matches!(cabinet.display.format(), Err(DeviceError::Absent { .. })));
        let text = "display='drm:/dev/dri/card9'";
        let mut without = config(text);
        without.kiosk.as_mut().expect("kiosk").panel = None;
        let (_, place) = Cabinet::start(&without, &outside).expect("the display decides");
        assert_eq!(place.panel, UNTIL_KNOWN);
    }

    #[test]
    fn a_display_that_comes_back_as_another_gets_its_layout() {
        let glass = simulated::Glass::default();
        let display = simulated::SimulatedDisplay::new(glass.clone(), Size::new(1024, 600), Rotation::None);
        let (outside, comes_in) = channel();
        let (tell, told) = told();
        let mut cabinet = Cabinet {
            display: Box::new(display),
            format: None,
            wish: None,
            panel: UNTIL_KNOWN,
            size: PictureSize::new(0, 0),
            outside,
            shown: Watch::new(Part::Display, tell),
            speaker: None,
            slips: None,
            lines: None,
            door: None,
        };
        let show = |cabinet: &mut Cabinet, panel: Panel| {
            let canvas = Canvas::new(panel.width, panel.height);
            cabinet.show(&canvas, &Scene::default(), &[canvas.bounds()]);
        };
        let next = || match comes_in.try_recv() {
            Ok(Outside::Panel(panel)) => Some((panel.width, panel.height)),
            Ok(Outside::Found(Part::Display, _)) => Some((0, 0)),
            _ => None,
        };
        show(&mut cabinet, UNTIL_KNOWN);
        assert_eq!(told.try_recv(), Ok((Part::Display, None)));
        assert_eq!((next(), next()), (Some((0, 0)), None), "the layout is the same");
        // A 4K television upright, in its place: nothing is wrong, and the next picture fits.
        glass.replace(Size::new(2160, 3840));
        show(&mut cabinet, UNTIL_KNOWN);
        assert_eq!((next(), next(), next()), (Some((0, 0)), Some((1080, 1920)), None));
        show(&mut cabinet, UNTIL_KNOWN);
        show(&mut cabinet, PANELS[0]);
        assert_eq!((next(), told.try_recv().ok(), glass.pixels().len()), (None, None, 2160 * 3840));
        // One on which nobody could read is told as such.
        glass.replace(Size::new(128, 64));
        show(&mut cabinet, PANELS[0]);
        show(&mut cabinet, PANELS[0]);
        assert_eq!(told.try_recv(), Ok((Part::Display, Some("device_unsuitable".to_owned()))));
        glass.replace(Size::new(1080, 1920));
        show(&mut cabinet, PANELS[0]);
        assert_eq!(told.try_recv(), Ok((Part::Display, None)));
    }
}
