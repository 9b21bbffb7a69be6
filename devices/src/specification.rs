//! Devices by their words in `agent.toml`.

use config::{self, Kiosk};
use drivers::device::DeviceError;
use drivers::display::fbdev::FramebufferDisplay;
use drivers::display::{Display, Format, Size};
use drivers::gpio::chardev::CharacterDevice;
use drivers::gpio::{Pin, Wiring};
use drivers::input::evdev::{EvdevInput, Wanted};
use drivers::printer::Printer;
use drivers::printer::escpos::EscPos;
use drivers::printer::transport::{SerialTransport, TcpTransport, UsbTransport};
use drivers::scanner::Scanner;
use drivers::scanner::serial::SerialScanner;
use drivers::scanner::wedge::WedgeScanner;
use drivers::speech::{ProgramSpeaker, Programs, Speaker, SpeechDispatcher};
use drivers::touch::{Calibration, EvdevTouchscreen, PictureSize, Rotation, Touchscreen};
use kiosk_ui::panel::{CAPITAL, PANELS, Panel, TARGET};
use program::Failure;

/// A key whose value names no device.
fn wrong(key: &str, value: &str, wanted: &str) -> Failure {
    Failure::usage(
        "config_invalid",
        format!("{key} = {value:?}: {wanted}"),
        "compare with /usr/share/doc/cccd-agent/configuration.md",
    )
}

fn of_driver(key: &str, value: &str, error: &DeviceError) -> Failure {
    match error {
        DeviceError::Specification { why, .. } => wrong(key, value, why),
        other => wrong(key, value, &other.to_string()),
    }
}

/// The panel whose layout is wished for, by its name; none where the display is to decide.
///
/// # Errors
/// When there is none of that name.
pub fn panel(kiosk: &Kiosk) -> Result<Option<Panel>, Failure> {
    let Some(name) = &kiosk.panel else { return Ok(None) };
    let found = Panel::find(name).ok_or_else(|| {
        let names = PANELS.map(|panel| panel.name).join(", ");
        wrong("panel", name, &format!("panels are {names}; without it the display decides"))
    });
    found.map(Some)
}

/// The layout on a display, the wished one where it can be read; none on a display too small for any.
#[must_use]
pub fn laid_out(wish: Option<Panel>, format: &Format) -> Option<Panel> {
    let pair = |size: Size| Some((i32::try_from(size.width).ok()?, i32::try_from(size.height).ok()?));
    let millimetres = format.picture_millimetres().and_then(pair);
    Panel::of(pair(format.picture())?, millimetres, wish.map(|panel| panel.layout))
}

/// What was chosen for a display, for the technician: pixels, picture, layout, and whether letters or targets are too small.
#[must_use]
pub fn chosen(format: &Format, panel: &Panel) -> String {
    let mut text = format!("{}x{}", format.panel.width, format.panel.height);
    if format.factor() > 1 {
        text += &format!(", drawn as {}x{}", panel.width, panel.height);
    }
    text += &format!(", layout {}", panel.name);
    let wide = format.picture_millimetres().and_then(|size| i32::try_from(size.width).ok());
    let smallest = wide.and_then(|wide| panel.smallest(wide));
    // A display says whole millimetres only.
    let is_small = |(size, least): (i32, i32)| size * 100 < least * 97;
    if let Some((capital, target)) = smallest.filter(|of| is_small((of.0, CAPITAL)) || is_small((of.1, TARGET))) {
        text += &format!(
            "; too small: capitals of {}.{} mm, targets of {}.{} mm: use a larger one",
            capital / 10,
            capital % 10,
            target / 10,
            target % 10
        );
    }
    text
}

/// How the picture is turned.
///
/// # Errors
/// When it is no quarter turn.
pub fn rotation(kiosk: &Kiosk) -> Result<Rotation, Failure> {
    Rotation::from_degrees(kiosk.rotation)
        .ok_or_else(|| wrong("rotation", &kiosk.rotation.to_string(), "0, 90, 180 or 270 degrees"))
}

/// The display.
///
/// # Errors
/// When it is not written as a display is.
pub fn display(kiosk: &Kiosk) -> Result<Box<dyn Display>, Failure> {
    let (text, rotation) = (&kiosk.display, rotation(kiosk)?);
    Ok(match text.split_once(':') {
        #[cfg(feature = "panel")]
        Some(("drm", device)) => Box::new(drivers::display::drm::DrmDisplay::new(device, rotation)),
        Some(("fbdev", device)) => Box::new(FramebufferDisplay::new(device, rotation)),
        #[cfg(feature = "panel")]
        Some(("spi", rest)) => {
            let display = drivers::display::spi::SpiDisplay::new(rest, rotation);
            Box::new(display.map_err(|e| of_driver("display", text, &e))?)
        }
        #[cfg(not(feature = "panel"))]
        Some(("drm" | "spi", _)) => return Err(wrong("display", text, &program::without("kiosk"))),
        _ => {
            return Err(wrong("display", text, "drm:auto, drm:PATH, fbdev:PATH or spi:MODEL:SPIDEV:GPIOCHIP:DC:RESET"));
        }
    })
}

/// What corrects where a touch lands.
///
/// # Errors
/// When it is not six numbers.
pub fn calibration(kiosk: &Kiosk) -> Result<Calibration, Failure> {
    let Some(text) = &kiosk.calibration else { return Ok(Calibration::default()) };
    text.parse().map_err(|why| wrong("calibration", text, why))
}

/// The touch screen, if there is one, for pictures of this size.
///
/// # Errors
/// When the calibration is not six numbers.
pub fn touch(kiosk: &Kiosk, size: PictureSize) -> Result<Option<Box<dyn Touchscreen>>, Failure> {
    let Some(device) = &kiosk.touch else { return Ok(None) };
    let calibration = calibration(kiosk)?.then(rotation(kiosk)?.into());
    let device = EvdevInput::new(device.strip_prefix("evdev:").unwrap_or(device), Wanted::Touch);
    Ok(Some(Box::new(EvdevTouchscreen::new(device, calibration, size))))
}

/// The scanner, if there is one.
///
/// # Errors
/// When it is not written as a scanner is.
pub fn scanner(kiosk: &Kiosk) -> Result<Option<Box<dyn Scanner>>, Failure> {
    kiosk.scanner.as_deref().map(open_scanner).transpose()
}

/// A scanner.
///
/// # Errors
/// When it is not written as a scanner is.
pub fn open_scanner(text: &str) -> Result<Box<dyn Scanner>, Failure> {
    Ok(match text.split_once(':') {
        Some(("serial", device)) => Box::new(SerialScanner::new(device).map_err(|e| of_driver("scanner", text, &e))?),
        Some(("wedge", device)) => Box::new(WedgeScanner::new(EvdevInput::new(device, Wanted::Keyboard))),
        #[cfg(feature = "camera")]
        Some(("camera", device)) => {
            use drivers::scanner::camera::{CameraScanner, V4l2};
            Box::new(CameraScanner::new(V4l2::new(device)))
        }
        #[cfg(not(feature = "camera"))]
        Some(("camera", _)) => return Err(wrong("scanner", text, &program::without("camera"))),
        _ => return Err(wrong("scanner", text, "serial:PATH, serial:PATH@RATE, wedge:NAME or camera:PATH")),
    })
}

/// The printer, if there is one.
///
/// # Errors
/// When it is not written as a printer is.
pub fn printer(kiosk: &Kiosk) -> Result<Option<Box<dyn Printer>>, Failure> {
    kiosk.printer.as_ref().map(open_printer).transpose()
}

/// A printer.
///
/// # Errors
/// When it is not written as a printer is.
pub fn open_printer(config::Printer { device: text, dots }: &config::Printer) -> Result<Box<dyn Printer>, Failure> {
    Ok(match text.split_once(':') {
        Some(("usb", path)) => Box::new(EscPos::new(UsbTransport::new(path), *dots)),
        Some(("tcp", address)) => Box::new(EscPos::new(TcpTransport::new(address), *dots)),
        Some(("serial", path)) => {
            let transport = SerialTransport::new(path).map_err(|e| of_driver("printer.device", text, &e))?;
            Box::new(EscPos::new(transport, *dots))
        }
        _ => return Err(wrong("printer.device", text, "usb:PATH, serial:PATH@RATE or tcp:HOST:PORT")),
    })
}

/// The speaker, if there is one.
///
/// # Errors
/// When it is not written as a speaker is.
pub fn speaker(kiosk: &Kiosk) -> Result<Option<Box<dyn Speaker>>, Failure> {
    let Some(text) = &kiosk.speech else { return Ok(None) };
    Ok(Some(match text.split_once(':') {
        None if text == "espeak-ng" => Box::new(ProgramSpeaker::new(Programs::usual(kiosk.clips.clone()))),
        Some(("speech-dispatcher", socket)) => Box::new(SpeechDispatcher::new(socket.into())),
        _ => return Err(wrong("speech", text, "espeak-ng or speech-dispatcher:SOCKET")),
    }))
}

/// Lines of a cabinet by what they are for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "as in `config::Lines`")]
pub struct Pins {
    pub ready: Option<Pin>,
    pub busy: Option<Pin>,
    pub problem: Option<Pin>,
    pub buzzer: Option<Pin>,
    pub tamper: Option<Pin>,
    pub door: Option<Pin>,
}

impl Pins {
    /// From the configuration.
    ///
    /// # Errors
    /// When a line is not written as a line is.
    pub fn new(lines: &config::Lines) -> Result<Self, Failure> {
        let pin = |key: &str, text: &Option<String>| {
            let parsed =
                text.as_ref().map(|text| text.parse().map_err(|why| wrong(&format!("lines.{key}"), text, why)));
            parsed.transpose()
        };
        Ok(Self {
            ready: pin("ready", &lines.ready)?,
            busy: pin("busy", &lines.busy)?,
            problem: pin("problem", &lines.problem)?,
            buzzer: pin("buzzer", &lines.buzzer)?,
            tamper: pin("tamper", &lines.tamper)?,
            door: pin("door", &lines.door)?,
        })
    }

    /// The wiring of all but the door, which has a process of its own.
    #[must_use]
    pub fn wiring(&self) -> Wiring {
        Wiring {
            outputs: [self.ready, self.busy, self.problem, self.buzzer].into_iter().flatten().collect(),
            inputs: self.tamper.into_iter().collect(),
        }
    }
}

/// The lines of a chip.
///
/// # Errors
/// When this agent was built without what the chip needs.
pub fn lines(chip: &str, wiring: Wiring) -> Result<Box<dyn drivers::gpio::Lines>, Failure> {
    Ok(match chip {
        #[cfg(feature = "rpi")]
        "raspberry-pi" => Box::new(drivers::gpio::rpi::RaspberryPi::new(wiring)),
        #[cfg(not(feature = "rpi"))]
        "raspberry-pi" => return Err(wrong("lines.chip", chip, &program::without("rpi"))),
        _ => Box::new(CharacterDevice::new(chip, wiring)),
    })
}

/// What a display is, and the layout on it: the wished one where it can be read.
///
/// # Errors
/// As long as the display cannot be used, or when no layout can be read on it.
pub fn look(display: &mut dyn Display, wish: Option<Panel>) -> Result<(Format, Panel), DeviceError> {
    let format = display.format()?;
    let panel = laid_out(wish, &format).ok_or_else(|| too_small(display, &format))?;
    Ok((format, panel))
}

/// No layout can be read on a display.
pub fn too_small(display: &dyn Display, format: &Format) -> DeviceError {
    let Size { width, height } = format.picture();
    let why = format!("nothing can be read on {width}x{height} pixels");
    DeviceError::Unsuitable { device: display.name(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_display_decides_unless_a_readable_panel_is_named() {
        let of = |wish: Option<&str>, (width, height), millimetres: Option<(u32, u32)>, rotation| {
            let millimetres = millimetres.map(|(wide, high)| Size::new(wide, high));
            let format = Format { panel: Size::new(width, height), millimetres, rotation };
            laid_out(wish.and_then(Panel::find), &format).map(|panel| chosen(&format, &panel))
        };
        let none = Rotation::None;
        for (wish, pixels, millimetres, rotation, expected) in [
            (None, (1024, 600), None, none, "1024x600, layout landscape-7"),
            (None, (1280, 800), Some((217, 136)), none, "1280x800, layout wide"),
            (None, (3840, 2160), Some((941, 529)), none, "3840x2160, drawn as 1920x1080, layout wide"),
            (Some("tft-2.8"), (1280, 800), None, none, "1280x800, layout tiny"),
            (Some("portrait-21"), (800, 480), None, none, "800x480, layout small-7"),
            // Touch Display 2: as it is built, and turned.
            (None, (720, 1280), Some((88, 155)), Rotation::Right, "720x1280, layout wide"),
            (None, (720, 1280), Some((88, 155)), none, "720x1280, layout slim"),
            // Five inches.
            (
                None,
                (480, 800),
                Some((65, 108)),
                none,
                "480x800, layout slim; too small: capitals of 3.3 mm, targets of 10.5 mm: use a larger one",
            ),
        ] {
            assert_eq!(of(wish, pixels, millimetres, rotation).as_deref(), Some(expected));
        }
        assert_eq!(of(None, (128, 64), None, none), None);
    }
}
