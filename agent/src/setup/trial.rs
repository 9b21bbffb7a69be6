//! Each part of a device tried, once, before a technician. What a card or code says is not shown.

use config::{Kiosk, Printer as PrinterSettings};
use devices::printing::bitmap;
use devices::specification::{self, look};
use drivers::device::DeviceError;
use drivers::display::{Display, Picture};
use drivers::input::evdev::{EvdevInput, Wanted};
use drivers::printer::Printer;
use drivers::reader::Reader;
use drivers::scanner::{Letters, Scanned, Scanner};
use drivers::speech::Speaker;
use drivers::touch::calibration::{Calibration, Point, Rotation};
use drivers::touch::{EvdevTouchscreen, PictureSize, Touch, Touchscreen};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::font::Fonts;
use kiosk_ui::panel::Panel;
use kiosk_ui::scene::Renderer;
use kiosk_ui::slip::Receipt;
use kiosk_ui::state::{self, MARKS};
use kiosk_ui::{Screen, State, view};
use program::Failure;
use reading::readers;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a device is waited on at once.
const ROUND: Duration = Duration::from_millis(500);
/// In how many rounds somebody has to do what is asked: half a minute.
const PATIENCE: u32 = 60;
/// In how many rounds the point on the glass stops following: three seconds.
const FOLLOWED: u32 = 6;
/// How often the corners are touched before it is the screen's fault.
const TRIES: u32 = 3;

/// The width and height in which touches are taken: so fine that nothing is lost, whatever the panel.
pub const FINE: u32 = 1 << 16;

fn fine() -> PictureSize {
    PictureSize::new(FINE, FINE)
}

/// Where parts come from.
pub trait Parts {
    /// The display of a configuration.
    ///
    /// # Errors
    /// When its name is none; so for the others.
    fn display(&mut self, kiosk: &Kiosk) -> Result<Box<dyn Display>, Failure>;
    /// A touch screen by its name, [`FINE`], without calibration.
    fn touch(&mut self, name: &str) -> Box<dyn Touchscreen>;
    /// A scanner by its name.
    ///
    /// # Errors
    /// As [`Parts::display`].
    fn scanner(&mut self, name: &str) -> Result<Box<dyn Scanner>, Failure>;
    /// A printer as the configuration has it.
    ///
    /// # Errors
    /// As [`Parts::display`].
    fn printer(&mut self, printer: &PrinterSettings) -> Result<Box<dyn Printer>, Failure>;
    /// What speaks in a configuration.
    ///
    /// # Errors
    /// As [`Parts::display`].
    fn speaker(&mut self, kiosk: &Kiosk) -> Result<Option<Box<dyn Speaker>>, Failure>;
    /// A reader by its name.
    ///
    /// # Errors
    /// When its name is none, or it is not there.
    fn reader(&mut self, name: &str) -> Result<Box<dyn Reader>, Failure>;
}

/// The parts of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Attached;

impl Parts for Attached {
    fn display(&mut self, kiosk: &Kiosk) -> Result<Box<dyn Display>, Failure> {
        specification::display(kiosk)
    }

    fn touch(&mut self, name: &str) -> Box<dyn Touchscreen> {
        let input = EvdevInput::new(name.strip_prefix("evdev:").unwrap_or(name), Wanted::Touch);
        Box::new(EvdevTouchscreen::new(input, Calibration::default(), fine()))
    }

    fn scanner(&mut self, name: &str) -> Result<Box<dyn Scanner>, Failure> {
        specification::open_scanner(name)
    }

    fn printer(&mut self, printer: &PrinterSettings) -> Result<Box<dyn Printer>, Failure> {
        specification::open_printer(printer)
    }

    fn speaker(&mut self, kiosk: &Kiosk) -> Result<Option<Box<dyn Speaker>>, Failure> {
        specification::speaker(kiosk)
    }

    fn reader(&mut self, name: &str) -> Result<Box<dyn Reader>, Failure> {
        readers::open(name)
    }
}

/// Pictures on a display.
pub struct Easel<'a> {
    display: &'a mut dyn Display,
    panel: Panel,
    renderer: Renderer,
}

impl std::fmt::Debug for Easel<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Easel({})", self.display.name())
    }
}

impl<'a> Easel<'a> {
    /// With the layout for what the display is; the wished one where it can be read.
    ///
    /// # Errors
    /// As long as the display cannot be used, or when nothing can be read on it.
    pub fn new(display: &'a mut dyn Display, wish: Option<Panel>) -> Result<Self, DeviceError> {
        let (_, panel) = look(display, wish)?;
        Ok(Self { display, panel, renderer: Renderer::default() })
    }

    /// Shows a screen.
    ///
    /// # Errors
    /// As long as the display cannot be used, or when its pictures have another size.
    pub fn show(&mut self, screen: Screen) -> Result<(), DeviceError> {
        let state = State { screen, ..State::new(self.panel, "") };
        let mut canvas = Canvas::new(self.panel.width, self.panel.height);
        let scene = view(&state, &mut self.renderer.fonts);
        let whole = canvas.bounds();
        self.renderer.draw_part(&mut canvas, &scene, whole);
        let picture = Picture { width: self.panel.width as u32, pixels: canvas.pixels() };
        self.display.show(picture, &[picture.whole()])
    }
}

/// What came of touching the marks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Touched {
    /// Touches land where they should; with this calibration, if it needs one.
    Right(Option<Calibration>),
    /// Nobody touched a mark in time.
    Nobody,
    /// The marks were missed again and again.
    Badly,
}

/// Fingers as shares of the device's width and height.
struct Fingers<'a> {
    touch: &'a mut dyn Touchscreen,
    waiting: VecDeque<Touch>,
}

impl Fingers<'_> {
    /// The next finger that comes down; `None` when none did in so many rounds.
    fn next(&mut self, rounds: u32) -> Result<Option<Point>, DeviceError> {
        let mut left = rounds;
        loop {
            while let Some(touch) = self.waiting.pop_front() {
                if let Touch::Down(x, y) = touch {
                    let share = |at: i32| (f64::from(at) + 0.5) / f64::from(FINE);
                    return Ok(Some((share(x), share(y))));
                }
            }
            if left == 0 {
                return Ok(None);
            }
            left -= 1;
            self.waiting.extend(self.touch.wait(ROUND)?);
        }
    }
}

/// Has the four corners and the middle touched, and shows where touches land after that.
///
/// # Errors
/// When display or touch screen cannot be used.
pub fn touch(easel: &mut Easel<'_>, touch: &mut dyn Touchscreen, rotation: Rotation) -> Result<Touched, DeviceError> {
    let mut fingers = Fingers { touch, waiting: VecDeque::new() };
    let (width, height) = (f64::from(easel.panel.width), f64::from(easel.panel.height));
    let pixel = |(x, y): Point| Some(((x * width) as i32, (y * height) as i32));
    let mark_at = |mark: usize| (f64::from(MARKS[mark].0) / 100.0, f64::from(MARKS[mark].1) / 100.0);
    let middle = MARKS.len() - 1;
    for round in 0..TRIES {
        let wrong = round > 0;
        let mut touches = Vec::new();
        for mark in 0..middle {
            easel.show(Screen::Calibration(state::Calibration { mark: Some(mark), wrong, point: None }))?;
            let Some(touched) = fingers.next(PATIENCE)? else { return Ok(Touched::Nobody) };
            touches.push((touched, mark_at(mark)));
        }
        let Ok(calibration) = Calibration::measured(&touches, rotation) else { continue };
        let map = calibration.unwrap_or_default().then(rotation.into());
        let mut shown = state::Calibration { mark: Some(middle), wrong: false, point: None };
        easel.show(Screen::Calibration(shown))?;
        let Some((x, y)) = fingers.next(PATIENCE)? else { return Ok(Touched::Nobody) };
        let mut place = map.apply(x, y);
        if !Calibration::is_near(place, mark_at(middle)) {
            continue;
        }
        shown.mark = None;
        loop {
            shown.point = pixel(place);
            easel.show(Screen::Calibration(shown))?;
            let Some((x, y)) = fingers.next(FOLLOWED)? else { return Ok(Touched::Right(calibration)) };
            place = map.apply(x, y);
        }
    }
    Ok(Touched::Badly)
}

/// Waits for a scan: how many letters it has, and whether those with signs come; `None` when nobody scanned.
///
/// # Errors
/// When the scanner cannot be used, or what it sends is no text.
pub fn scan(scanner: &mut dyn Scanner) -> Result<Option<(usize, bool)>, Failure> {
    for _ in 0..PATIENCE {
        match scanner.wait_for_scan(ROUND)? {
            None => {}
            Some(Scanned::Text(scan)) => return Ok(Some((scan.text.chars().count(), scan.letters == Letters::All))),
            Some(Scanned::Garbled(garbled)) => {
                let message = "what the scanner sends is no text";
                return Err(Failure::device(garbled.code(), message, garbled.remedy()));
            }
        }
    }
    Ok(None)
}

/// Waits for a card; whether one came.
///
/// # Errors
/// When the reader cannot be used.
pub fn card(reader: &mut dyn Reader) -> Result<bool, Failure> {
    match reader.wait_for_card(ROUND * PATIENCE) {
        Ok(_) => Ok(true),
        Err(drivers::reader::ReaderError::NoCard) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Prints a slip that is nobody's.
///
/// # Errors
/// When the printer cannot be used.
pub fn print(printer: &mut dyn Printer, site: &str) -> Result<(), Failure> {
    let lines = [site, "Phiếu in thử · Test slip", "Ă Â Đ Ê Ô Ơ Ư ạ ả ấ ầ ẩ ẫ ậ 0123456789"];
    let receipt = Receipt { lines: lines.map(|line| zeroize::Zeroizing::new(line.to_owned())).to_vec() };
    let width = i32::try_from(printer.width()).unwrap_or(i32::MAX);
    let slip = bitmap(&receipt.draw(&mut Fonts::new(), width));
    Ok(printer.check().and_then(|()| printer.print(&slip))?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use drivers::display::simulated::{Glass, SimulatedDisplay};
    use drivers::input::simulated::{Fingers as Hand, SimulatedInput};
    use drivers::input::{Axis, EV_ABS, EV_KEY, EV_SYN, RawEvent, SYN_REPORT, Surface};

    const PANEL: &str = "landscape-7";

    /// A finger that comes down and goes where the device says so, in 4096ths.
    pub(in crate::setup) fn tap(x: f64, y: f64) -> Vec<RawEvent> {
        let event = |kind, code, value| RawEvent { kind, code, value };
        let at = |share: f64| (share * 4096.0).round() as i32;
        let report = event(EV_SYN, SYN_REPORT, 0);
        let touch = |down| event(EV_KEY, 0x14A, down);
        vec![event(EV_ABS, 0, at(x)), event(EV_ABS, 1, at(y)), touch(1), report, touch(0), report]
    }

    /// What comes of taps at these places of the device.
    fn taps(places: &[Point], rotation: Rotation) -> Touched {
        let panel = Panel::find(PANEL).expect("a panel");
        let (glass, size) = (Glass::default(), drivers::display::Size::new(panel.width as u32, panel.height as u32));
        let mut display = SimulatedDisplay::new(glass.clone(), size, Rotation::None);
        let (hand, screen) = screen_with();
        places.iter().for_each(|(x, y)| hand.happen(tap(*x, *y)));
        let mut easel = Easel::new(&mut display, Some(panel)).expect("a display");
        let touched = touch(&mut easel, &mut Quick(screen), rotation).expect("both are there");
        assert!(glass.pixels().iter().any(|pixel| *pixel != 0), "something was shown");
        touched
    }

    /// A screen without calibration, and the hand on it.
    pub(in crate::setup) fn screen_with() -> (Hand, EvdevTouchscreen<SimulatedInput>) {
        let (hand, axis) = (Hand::default(), Axis { minimum: 0, maximum: 4096 });
        let input = SimulatedInput { fingers: hand.clone(), surface: Some(Surface { x: axis, y: axis, slots: false }) };
        (hand, EvdevTouchscreen::new(input, Calibration::default(), fine()))
    }

    /// A screen that nobody has to wait for.
    pub(in crate::setup) struct Quick(pub EvdevTouchscreen<SimulatedInput>);

    impl Touchscreen for Quick {
        fn name(&self) -> String {
            self.0.name()
        }

        fn wait(&mut self, _: Duration) -> Result<Vec<Touch>, DeviceError> {
            self.0.wait(Duration::from_millis(1))
        }
    }

    /// The marks as a device sees them whose axes are so.
    fn marks(device: impl Fn(Point) -> Point) -> Vec<Point> {
        MARKS.map(|(x, y)| device((f64::from(x) / 100.0, f64::from(y) / 100.0))).to_vec()
    }

    #[test]
    fn a_screen_with_swapped_and_inverted_axes_is_calibrated() {
        let Touched::Right(Some(found)) = taps(&marks(|(x, y)| (y, 1.0 - x)), Rotation::None) else {
            panic!("calibrated")
        };
        let (x, y) = found.apply(0.25, 0.1);
        assert!((x - 0.9).abs() < 2e-3 && (y - 0.25).abs() < 2e-3, "{found}");
    }

    #[test]
    fn a_screen_that_is_right_or_turned_with_its_panel_needs_nothing() {
        assert_eq!(taps(&marks(|place| place), Rotation::None), Touched::Right(None));
        let turned = Calibration::from(Rotation::Right.inverse());
        assert_eq!(taps(&marks(|(x, y)| turned.apply(x, y)), Rotation::Right), Touched::Right(None));
        // Fingers after that move the point and change nothing.
        let more = [marks(|place| place), vec![(0.3, 0.3), (1.0, 1.0)]].concat();
        assert_eq!(taps(&more, Rotation::None), Touched::Right(None));
    }

    #[test]
    fn missed_marks_are_touched_again_and_three_times_at_most() {
        let good = marks(|place| place);
        let mut bad = good.clone();
        bad[2] = (0.6, 0.9);
        // The middle is not asked for where the corners do not fit.
        let bad = &bad[..4];
        assert_eq!(taps(&[bad, &good].concat(), Rotation::None), Touched::Right(None));
        assert_eq!(taps(&[bad, bad, bad].concat(), Rotation::None), Touched::Badly);
        let mut missed = good.clone();
        missed[4] = (0.2, 0.2);
        assert_eq!(taps(&[&missed[..], &good].concat(), Rotation::None), Touched::Right(None));
        assert_eq!(taps(&good[..2], Rotation::None), Touched::Nobody);
    }
}
