//! What every printer must do. An implementation brings a [`Rig`] that has a [`Tray`] at its far end and calls [`run`].

use super::simulated::Tray;
use super::{Bitmap, Printer};
use crate::device::DeviceError;

/// A printer under test and the hand at its flap.
pub trait Rig {
    /// The printer; called once.
    fn printer(&mut self) -> Box<dyn Printer>;
    /// What is at the far end.
    fn tray(&mut self) -> Tray;
    /// Pulls its plug.
    fn unplug(&mut self);
    /// Puts it back.
    fn plug(&mut self);
}

/// Runs the suite.
///
/// # Panics
/// When the printer does not conform; the message names the clause.
pub fn run(rig: &mut dyn Rig) {
    let mut printer = rig.printer();
    let width = printer.width();
    assert!(!printer.name().is_empty(), "a printer has a name");
    assert_eq!(printer.check(), Ok(()), "a printer with paper would print");
    // Higher than the buffer of a small printer, and no multiple of a band.
    let picture = Bitmap::from_fn(width, 500, |x, y| (x * 7 + y * 13) % 11 < 4);
    assert_eq!(printer.print(&picture), Ok(()), "a picture is printed");
    assert_eq!(receipts(rig, 1), std::slice::from_ref(&picture), "dot by dot, and cut off");
    let narrow = Bitmap::from_fn(80, 10, |x, y| x == y);
    assert_eq!(printer.print(&narrow), Ok(()), "a narrow one, too");
    assert_eq!(receipts(rig, 2)[1], narrow, "as it is");
    let wide = Bitmap::from_fn(width + 8, 10, |_, _| true);
    assert!(matches!(printer.print(&wide), Err(DeviceError::Unsuitable { .. })), "one that is too wide is refused");
    let without = [Tray::take_paper, Tray::open_cover];
    for how in without {
        how(&rig.tray(), true);
        let error = printer.print(&picture).expect_err("it cannot print");
        assert!(
            matches!(error, DeviceError::Paper { .. }),
            "without paper or with the cover open it says so: {error:?}"
        );
        how(&rig.tray(), false);
        assert_eq!(printer.check(), Ok(()), "and would print again afterwards");
    }
    assert_eq!(receipts(rig, 2).len(), 2, "nothing was printed meanwhile");
    rig.unplug();
    let error = printer.print(&narrow).expect_err("an unplugged printer cannot print");
    assert!(matches!(error, DeviceError::Absent { .. }), "it is absent: {error:?}");
    rig.plug();
    assert_eq!(printer.print(&narrow), Ok(()), "and prints again when it is back");
    assert_eq!(receipts(rig, 3)[2], narrow, "the same");
    assert_eq!(rig.tray().unknown(), 0, "every byte was a command that printers know");
}

/// Receipts that lie in the tray once there are so many: a printer prints after it has taken everything.
fn receipts(rig: &mut dyn Rig, count: usize) -> Vec<Bitmap> {
    for _ in 0..500 {
        let receipts = rig.tray().receipts();
        if receipts.len() >= count {
            return receipts;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    rig.tray().receipts()
}
