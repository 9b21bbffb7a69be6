//! Small panels on SPI: `spi:MODEL:/dev/spidevB.C:/dev/gpiochipN:DC:RESET`, for example
//! `spi:ili9341:/dev/spidev0.0:/dev/gpiochip0:25:24`.
//!
//! Controllers are spoken to through `mipidsi`, the bus through `linux-embedded-hal`. A panel on SPI cannot say that it
//! is there: what is missed is the bus.

use super::{Display, Format, Picture, Rectangle, Rotation, Size, rgb565};
use crate::device::DeviceError;
use crate::gpio::chardev::CharacterDevice;
use crate::gpio::{Lines, Pin, Pull, Wiring};
use embedded_graphics::pixelcolor::Rgb565;
use embedded_graphics::pixelcolor::raw::RawU16;
use embedded_hal::spi::SpiDevice as _;
use linux_embedded_hal::spidev::{SpiModeFlags, Spidev, SpidevOptions};
use linux_embedded_hal::{Delay, SpidevDevice};
use mipidsi::interface::{Interface, InterfaceKind};
use mipidsi::models::{ILI9341Rgb565, Model, ST7789, ST7796};
use std::io;
use std::time::Duration;

/// The wires to a panel.
pub trait Bus: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Opens what is not open yet and pulls the reset line for a moment.
    ///
    /// # Errors
    /// As long as the bus cannot be used.
    fn reset(&mut self) -> Result<(), DeviceError>;

    /// Sends a command byte, or data.
    ///
    /// # Errors
    /// When the bus fails.
    fn send(&mut self, is_command: bool, bytes: &[u8]) -> io::Result<()>;
}

/// Most bytes that spidev takes at once, unless its module parameter says otherwise.
const TRANSFER: usize = 4096;

/// 32 MHz: what ILI9341 and ST7789 take over short wires.
const CLOCK_HZ: u32 = 32_000_000;

/// `/dev/spidev*` with two lines of a GPIO chip.
pub struct SpiBus {
    device: String,
    data: u32,
    reset: u32,
    lines: CharacterDevice,
    spi: Option<SpidevDevice>,
}

impl std::fmt::Debug for SpiBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpiBus({})", self.device)
    }
}

impl SpiBus {
    /// Data/command and reset lines are offsets on the chip. Nothing is opened yet.
    #[must_use]
    pub fn new(device: &str, chip: &str, data: u32, reset: u32) -> Self {
        let pin = |line| Pin { line, active_low: false, pull: Pull::None };
        let lines = CharacterDevice::new(chip, Wiring { outputs: vec![pin(data), pin(reset)], inputs: Vec::new() });
        Self { device: device.to_owned(), data, reset, lines, spi: None }
    }
}

fn io_error(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

impl Bus for SpiBus {
    fn name(&self) -> String {
        self.device.clone()
    }

    fn reset(&mut self) -> Result<(), DeviceError> {
        if self.spi.is_none() {
            let error = |e: io::Error| DeviceError::from_io(&self.device, &e);
            let mut spi = Spidev::open(&self.device).map_err(error)?;
            let options =
                SpidevOptions::new().bits_per_word(8).max_speed_hz(CLOCK_HZ).mode(SpiModeFlags::SPI_MODE_0).build();
            spi.configure(&options).map_err(error)?;
            self.spi = Some(SpidevDevice(spi));
        }
        for high in [true, false, true] {
            self.lines.set(self.reset, high)?;
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(())
    }

    fn send(&mut self, is_command: bool, bytes: &[u8]) -> io::Result<()> {
        self.lines.set(self.data, !is_command).map_err(io_error)?;
        let Some(spi) = &mut self.spi else { return Err(io_error("the bus is not open")) };
        bytes.chunks(TRANSFER).try_for_each(|chunk| spi.write(chunk)).map_err(io_error)
    }
}

/// What `mipidsi` writes to.
struct Wire(Box<dyn Bus>);

impl Interface for Wire {
    type Word = u8;
    type Error = io::Error;

    const KIND: InterfaceKind = InterfaceKind::Serial4Line;

    fn send_command(&mut self, command: u8, args: &[u8]) -> io::Result<()> {
        self.0.send(true, &[command])?;
        if args.is_empty() { Ok(()) } else { self.0.send(false, args) }
    }

    fn send_pixels<const N: usize>(&mut self, pixels: impl IntoIterator<Item = [u8; N]>) -> io::Result<()> {
        let bytes: Vec<u8> = pixels.into_iter().flatten().collect();
        self.0.send(false, &bytes)
    }

    fn send_repeated_pixel<const N: usize>(&mut self, pixel: [u8; N], count: u32) -> io::Result<()> {
        self.send_pixels(std::iter::repeat_n(pixel, count as usize))
    }
}

/// A controller that is set up.
trait Controller: Send {
    /// Writes a rectangle, row by row.
    fn write(&mut self, place: Rectangle, pixels: &mut dyn Iterator<Item = u16>) -> io::Result<()>;
}

impl<M: Model<ColorFormat = Rgb565> + Send> Controller for mipidsi::Display<Wire, M, mipidsi::NoResetPin> {
    fn write(&mut self, place: Rectangle, pixels: &mut dyn Iterator<Item = u16>) -> io::Result<()> {
        let edge = |at: i32| u16::try_from(at).map_err(io_error);
        let (start, end) = (place.top_left, place.top_left + place.size);
        let colors = pixels.map(|pixel| Rgb565::from(RawU16::new(pixel)));
        self.set_pixels(edge(start.x)?, edge(start.y)?, edge(end.x - 1)?, edge(end.y - 1)?, colors)
    }
}

/// Controllers that are known, with the size of their panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "names of controllers")]
pub enum SpiModel {
    Ili9341,
    St7789,
    St7796,
}

impl SpiModel {
    /// By name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Some(match name {
            "ili9341" => Self::Ili9341,
            "st7789" => Self::St7789,
            "st7796" => Self::St7796,
            _ => return None,
        })
    }

    /// Width and height of the panel, upright.
    #[must_use]
    pub const fn panel(self) -> Size {
        match self {
            Self::Ili9341 | Self::St7789 => Size::new(240, 320),
            Self::St7796 => Size::new(320, 480),
        }
    }

    fn start(self, bus: Box<dyn Bus>) -> Result<Box<dyn Controller>, DeviceError> {
        fn start<M>(model: M, bus: Box<dyn Bus>) -> Result<Box<dyn Controller>, DeviceError>
        where
            M: Model<ColorFormat = Rgb565> + Send + 'static,
        {
            let device = bus.name();
            match mipidsi::Builder::new(model, Wire(bus)).init(&mut Delay) {
                Ok(display) => Ok(Box::new(display)),
                Err(why) => Err(DeviceError::Failed { device, why: format!("{why:?}") }),
            }
        }
        match self {
            Self::Ili9341 => start(ILI9341Rgb565, bus),
            Self::St7789 => start(ST7789, bus),
            Self::St7796 => start(ST7796, bus),
        }
    }
}

/// A panel on SPI.
pub struct SpiDisplay {
    name: String,
    model: SpiModel,
    rotation: Rotation,
    /// Makes the wires anew after a failure.
    wires: Box<dyn FnMut() -> Box<dyn Bus> + Send>,
    running: Option<Box<dyn Controller>>,
}

impl std::fmt::Debug for SpiDisplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpiDisplay({}, {:?})", self.name, self.model)
    }
}

impl SpiDisplay {
    /// From `MODEL:SPIDEV:GPIOCHIP:DC:RESET`. Nothing is opened yet.
    ///
    /// # Errors
    /// When that is not what is given.
    pub fn new(specification: &str, rotation: Rotation) -> Result<Self, DeviceError> {
        let parts: Vec<&str> = specification.split(':').collect();
        let parsed = (|| {
            let [model, device, chip, data, reset] = parts[..] else { return None };
            Some((SpiModel::find(model)?, device.to_owned(), chip.to_owned(), data.parse().ok()?, reset.parse().ok()?))
        })();
        let Some((model, device, chip, data, reset)) = parsed else {
            let why = "spi:MODEL:/dev/spidevB.C:/dev/gpiochipN:DC:RESET with MODEL one of ili9341, st7789, st7796";
            return Err(DeviceError::Specification { specification: specification.to_owned(), why });
        };
        let name = device.clone();
        Ok(Self::over(&name, model, rotation, move || Box::new(SpiBus::new(&device, &chip, data, reset))))
    }

    /// Over any wires.
    pub fn over(
        name: &str,
        model: SpiModel,
        rotation: Rotation,
        wires: impl FnMut() -> Box<dyn Bus> + Send + 'static,
    ) -> Self {
        Self { name: name.to_owned(), model, rotation, wires: Box::new(wires), running: None }
    }
}

impl Display for SpiDisplay {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn format(&mut self) -> Result<Format, DeviceError> {
        Ok(Format { panel: self.model.panel(), millimetres: None, rotation: self.rotation })
    }

    fn show(&mut self, picture: Picture<'_>, changed: &[Rectangle]) -> Result<(), DeviceError> {
        let format = self.format()?;
        format.check(&self.name, picture.size())?;
        let whole = [picture.whole()];
        let (controller, changed) = match &mut self.running {
            Some(controller) => (controller, changed),
            stopped => {
                let mut bus = (self.wires)();
                bus.reset()?;
                (stopped.insert(self.model.start(bus)?), &whole[..])
            }
        };
        let mut result = Ok(());
        for part in changed {
            let mut pixels = Vec::new();
            let place = format.place(picture, *part, |_, _, run| pixels.extend(run.map(rgb565)));
            if !place.is_zero_sized() && result.is_ok() {
                result = controller.write(place, &mut pixels.into_iter());
            }
        }
        result.map_err(|error| {
            // The wires are opened anew next time.
            self.running = None;
            DeviceError::from_io(&self.name, &error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::conformance::{self, Depth, Rig};
    use std::sync::{Arc, Mutex};

    /// What an ILI9341 does with what it is sent: column and page address set, memory write.
    #[derive(Default)]
    struct Chip {
        command: u8,
        arguments: Vec<u8>,
        columns: (u16, u16),
        pages: (u16, u16),
        at: (u16, u16),
        memory: Vec<u16>,
        is_awake: bool,
        unplugged: bool,
    }

    const WIDTH: u16 = 240;

    impl Chip {
        fn byte(&mut self, byte: u8) {
            self.arguments.push(byte);
            let pair =
                |bytes: &[u8]| (u16::from_be_bytes([bytes[0], bytes[1]]), u16::from_be_bytes([bytes[2], bytes[3]]));
            match (self.command, self.arguments.len()) {
                (0x2A, 4) => self.columns = pair(&self.arguments),
                (0x2B, 4) => self.pages = pair(&self.arguments),
                (0x2C, 2) => {
                    let pixel = u16::from_be_bytes([self.arguments[0], self.arguments[1]]);
                    self.arguments.clear();
                    let (x, y) = self.at;
                    self.memory[usize::from(y) * usize::from(WIDTH) + usize::from(x)] = pixel;
                    self.at = if x == self.columns.1 { (self.columns.0, y + 1) } else { (x + 1, y) };
                }
                _ => {}
            }
        }
    }

    struct ChipBus(Arc<Mutex<Chip>>);

    impl Bus for ChipBus {
        fn name(&self) -> String {
            "ILI9341".to_owned()
        }

        fn reset(&mut self) -> Result<(), DeviceError> {
            let mut chip = self.0.lock().expect("chip");
            if chip.unplugged {
                return Err(DeviceError::Absent { device: self.name(), why: "unplugged".to_owned() });
            }
            chip.memory = vec![0; usize::from(WIDTH) * 320];
            chip.is_awake = false;
            Ok(())
        }

        fn send(&mut self, is_command: bool, bytes: &[u8]) -> io::Result<()> {
            let mut chip = self.0.lock().expect("chip");
            if chip.unplugged {
                // What the kernel says when the adapter is gone.
                return Err(io::Error::from_raw_os_error(19));
            }
            for byte in bytes {
                if is_command {
                    (chip.command, chip.at) = (*byte, (chip.columns.0, chip.pages.0));
                    chip.arguments.clear();
                    chip.is_awake |= *byte == 0x11;
                } else {
                    chip.byte(*byte);
                }
            }
            Ok(())
        }
    }

    struct ChipRig(Arc<Mutex<Chip>>);

    impl Rig for ChipRig {
        fn display(&mut self, rotation: Rotation) -> Box<dyn Display> {
            let chip = Arc::clone(&self.0);
            let wires = move || -> Box<dyn Bus> { Box::new(ChipBus(Arc::clone(&chip))) };
            Box::new(SpiDisplay::over("ILI9341", SpiModel::Ili9341, rotation, wires))
        }

        fn panel(&mut self) -> (Size, Vec<u32>) {
            let chip = self.0.lock().expect("chip");
            assert!(chip.is_awake, "the panel was woken");
            let wide = |pixel: &u16| {
                let pixel = u32::from(*pixel);
                (pixel & 0xF800) << 8 | (pixel & 0x07E0) << 5 | (pixel & 0x001F) << 3
            };
            (SpiModel::Ili9341.panel(), chip.memory.iter().map(wide).collect())
        }

        fn unplug(&mut self) -> bool {
            self.0.lock().expect("chip").unplugged = true;
            true
        }

        fn plug(&mut self) {
            self.0.lock().expect("chip").unplugged = false;
        }
    }

    #[test]
    fn an_ili9341_on_emulated_wires_conforms() {
        conformance::run(&mut ChipRig(Arc::default()), Depth::Rgb565);
    }

    #[test]
    fn specifications_are_checked_and_a_missing_bus_told() {
        for wrong in ["ili9341:/dev/spidev0.0", "ili9999:/dev/spidev0.0:/dev/gpiochip0:25:24", ""] {
            let error = SpiDisplay::new(wrong, Rotation::None).expect_err(wrong);
            assert!(matches!(error, DeviceError::Specification { .. }), "{error:?}");
        }
        let display = SpiDisplay::new("ili9341:/dev/spidev9.9:/dev/gpiochip99:25:24", Rotation::Right);
        let mut display = display.expect("display");
        assert_eq!(display.format().map(|format| format.picture()), Ok(Size::new(320, 240)));
        let pixels = vec![0; 320 * 240];
        let shown = display.show(Picture { width: 320, pixels: &pixels }, &[]);
        assert!(matches!(shown, Err(DeviceError::Absent { .. })), "{shown:?}");
    }
}
