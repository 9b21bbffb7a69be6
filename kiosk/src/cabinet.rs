//! The devices of a kiosk: what shows, speaks, prints and shines, and what is touched and scanned.
//!
//! Each device that blocks has a thread. Each may vanish and come back: [`Watch`] tells the kiosk, and the rest goes on.

use crate::flow::Place;
use crate::playlist;
use crate::stage::{Entrance, Glass, Heard, Outside};
use config::no_table;
use config::{Config, Kiosk};
use devices::lines::{self, Signal};
use devices::parts::{Tell, Watch};
use devices::printing::print;
use devices::scanning::scans;
use devices::specification::{self, Pins, too_small};
use devices::{PAUSE, ROUND, door};
use drivers::device::DeviceError;
use drivers::display::{Display, Format, Picture, Point, Rectangle, Size};
use drivers::gpio::guard::Guard;
use drivers::scanner::Scanner;
use drivers::speech::{Line, Speaker, Voice};
use drivers::touch::{PictureSize, Touch, Touchscreen};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::geometry::Rect;
use kiosk_ui::panel::{PANELS, Panel};
use kiosk_ui::playlist::Playlist;
use kiosk_ui::scene::Scene;
use kiosk_ui::slip::{Paper, Slip};
use kiosk_ui::state::{Part, Side};
use kiosk_ui::{Language, Phrase};
use program::Failure;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

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
    outside: Entrance,
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
    pub fn start(config: &Config, outside: &Entrance) -> Result<(Self, Place), Failure> {
        let kiosk = config.kiosk.as_ref().ok_or_else(|| no_table("kiosk"))?;
        let wish = specification::panel(kiosk)?;
        // Until the display says what it is.
        let panel = wish.unwrap_or(UNTIL_KNOWN);
        let place = place(kiosk, panel)?;
        let size = PictureSize::new(0, 0);
        let tell = || -> Tell {
            let outside = outside.clone();
            // The kiosk may have ended.
            Box::new(move |part, fault| {
                program::ignore(outside.send(Outside::Part(part, fault)), "whoever listened has ended")
            })
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
        let guard = kiosk.lines.as_ref().map(door::guard).transpose()?.flatten();
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
        program::ignore(self.outside.send(Outside::Found(Part::Display, chosen)), "the kiosk may have ended");
        if self.panel != panel {
            self.panel = panel;
            self.take_size();
            program::ignore(self.outside.send(Outside::Panel(panel)), "whoever listened has ended");
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

/// What differs from kiosk to kiosk.
///
/// # Errors
/// When the playlist is not the operator's.
fn place(kiosk: &Kiosk, panel: Panel) -> Result<Place, Failure> {
    Ok(Place {
        site: kiosk.site.clone(),
        queue: kiosk.queue.as_ref().map(|queue| (queue.letter, queue.place.clone())),
        panel,
        patience_s: kiosk.patience_s,
        reader_at: kiosk.reader_at.map(side),
        scanner_at: kiosk.scanner_at.map(side),
        staff_at: kiosk.staff_at.clone(),
        // Without a counter there are a lamp and a log, and nobody who answers.
        calls: kiosk.counter.is_some(),
        playlist: match &kiosk.playlist {
            None => Playlist::default(),
            Some(signed) => playlist::load(&signed.file, &signed.key)?,
        },
    })
}

const fn side(side: config::Side) -> Side {
    match side {
        config::Side::Above => Side::Above,
        config::Side::Below => Side::Below,
        config::Side::Left => Side::Left,
        config::Side::Right => Side::Right,
    }
}

/// As long as the display was never there.
const UNTIL_KNOWN: Panel = PANELS[1];

/// Waits for fingers until nobody listens.
fn feel(mut touch: Box<dyn Touchscreen>, outside: &Entrance, tell: Tell) {
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

/// Waits for scans until nobody listens at the kiosk.
fn scan(scanner: Box<dyn Scanner>, outside: &Entrance, tell: Tell) {
    scans(scanner, tell, &mut |said| outside.send(said.map_or(Outside::Misread, Outside::Scan)).is_ok());
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
            program::ignore(lines.send(lines::Task::Beep(sound.tones().to_vec())), "whoever listened has ended");
        }
        let Some((speaker, watch)) = &mut self.speaker else { return };
        let said = match heard {
            Heard::Sound(sound) => speaker.play(sound.tones()),
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
            program::ignore(lines.send(lines::Task::Signal(signal)), "whoever listened has ended");
        }
    }

    fn print(&mut self, slip: Slip) {
        if let Some(slips) = &self.slips {
            program::ignore(slips.send(Paper::Ticket(slip)), "whoever listened has ended");
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
    use crate::stage::{Comes, entrance};
    use drivers::display::simulated;
    use drivers::touch::Rotation;

    /// Parts and the codes of what is wrong with them.
    type ToldOf = std::sync::mpsc::Receiver<(Part, Option<String>)>;

    fn told() -> (Tell, ToldOf) {
        let (tell, told) = channel();
        (Box::new(move |part, fault: Option<Failure>| drop(tell.send((part, fault.map(|fault| fault.code))))), told)
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
        let (outside, _inbox) = entrance();
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
        let (outside, mut inbox) = entrance();
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
        let mut next = || match inbox.hear(Duration::ZERO).pop() {
            Some(Comes::Outside(Outside::Panel(panel))) => Some((panel.width, panel.height)),
            Some(Comes::Outside(Outside::Found(Part::Display, _))) => Some((0, 0)),
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
