//! Receipt printers.
//!
//! A [`Printer`] takes a picture in black and white and cuts it off. Text is drawn before, by whoever has the fonts: no
//! code page of a printer has all letters of Vietnamese. [`conformance`] is the suite that every implementation passes.

pub mod conformance;
pub mod escpos;
pub mod simulated;
pub mod transport;

use crate::device::DeviceError;

/// A picture in black and white. It may hold personal data: it is wiped when dropped, and `Debug` tells its size.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    width: u32,
    /// Eight dots a byte, the leftmost in the highest bit; rows begin on a byte.
    rows: zeroize::Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bitmap({}x{})", self.width, self.height())
    }
}

impl Bitmap {
    /// From a function that says which dots are black.
    #[must_use]
    pub fn from_fn(width: u32, height: u32, black: impl Fn(u32, u32) -> bool) -> Self {
        let stride = width.div_ceil(8);
        let mut rows = zeroize::Zeroizing::new(vec![0; (stride * height) as usize]);
        for y in 0..height {
            for x in 0..width {
                if black(x, y) {
                    rows[(y * stride + x / 8) as usize] |= 0x80 >> (x % 8);
                }
            }
        }
        Self { width, rows }
    }

    /// Width in dots.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in dots.
    #[must_use]
    pub fn height(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX).checked_div(self.stride()).unwrap_or(0)
    }

    /// Whether a dot is black.
    #[must_use]
    pub fn is_black(&self, x: u32, y: u32) -> bool {
        let byte = self.rows.get((y * self.stride() + x / 8) as usize).copied().unwrap_or(0);
        x < self.width && byte << (x % 8) & 0x80 != 0
    }

    const fn stride(&self) -> u32 {
        self.width.div_ceil(8)
    }
}

/// Something that prints.
pub trait Printer: Send {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Width of the paper in dots: 576 on 80 mm, 384 on 58 mm.
    fn width(&self) -> u32;

    /// Prints a picture and cuts the paper. When it returns, the printer has taken all of it. One that could not be ended
    /// is cut off before the next, which begins clean.
    ///
    /// # Errors
    /// [`DeviceError::Paper`] when there is none, before anything is printed; others as long as the device cannot be
    /// used, or when the picture is wider than the paper.
    fn print(&mut self, picture: &Bitmap) -> Result<(), DeviceError>;

    /// Whether a picture would be printed.
    ///
    /// # Errors
    /// As [`Printer::print`].
    fn check(&mut self) -> Result<(), DeviceError>;
}

/// The answer to a picture that is wider than the paper.
fn check_width(printer: &dyn Printer, picture: &Bitmap) -> Result<(), DeviceError> {
    if picture.width() <= printer.width() {
        return Ok(());
    }
    let why = format!("its paper is {} dots wide, the picture {}", printer.width(), picture.width());
    Err(DeviceError::Unsuitable { device: printer.name(), why })
}
