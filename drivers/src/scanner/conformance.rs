//! What every scanner must do. An implementation brings a [`Rig`] that holds codes before it and pulls its plug, and
//! calls [`run`].

use super::{Scanned, Scanner};
use crate::device::DeviceError;
use std::time::Duration;

/// Patience for things that must happen.
const SOON: Duration = Duration::from_secs(10);
/// Patience for things that must not happen.
const MOMENT: Duration = Duration::from_millis(60);
/// The text of a card's code, ASCII so that every scanner can say it.
const CODE: &str = "079185000028|185000028|TRAN THI BINH|02091985|Nu|12 Le Loi, Quan 1|01052021";

/// A scanner under test and the hand before it.
pub trait Rig {
    /// The scanner; called once.
    fn scanner(&mut self) -> Box<dyn Scanner>;
    /// Holds a code before it.
    fn hold(&mut self, text: &str);
    /// Pulls its plug.
    fn unplug(&mut self);
    /// Puts it back.
    fn plug(&mut self);
}

/// Runs the suite.
///
/// # Panics
/// When the scanner does not conform; the message names the clause.
pub fn run(rig: &mut dyn Rig) {
    let mut scanner = rig.scanner();
    assert!(!scanner.name().is_empty(), "a scanner has a name");
    assert_eq!(scanner.wait_for_scan(MOMENT), Ok(None), "no code is nothing");
    rig.hold(CODE);
    assert_eq!(next(&mut *scanner), CODE, "a code comes as it is");
    // A citizen who holds the card there for too long.
    for text in ["one", "two", "three"] {
        rig.hold(text);
    }
    assert_eq!([next(&mut *scanner), next(&mut *scanner), next(&mut *scanner)], ["one", "two", "three"], "in order");
    assert_eq!(scanner.wait_for_scan(MOMENT), Ok(None), "and each once");
    rig.unplug();
    let error = until_error(&mut *scanner);
    assert!(matches!(error, DeviceError::Absent { .. }), "an unplugged scanner is absent: {error:?}");
    let error = until_error(&mut *scanner);
    assert!(matches!(error, DeviceError::Absent { .. }), "and stays so: {error:?}");
    rig.plug();
    let back = std::iter::repeat_with(|| scanner.wait_for_scan(MOMENT)).take(200).find(Result::is_ok);
    assert_eq!(back, Some(Ok(None)), "it is found again, and what was held before is gone");
    rig.hold(CODE);
    assert_eq!(next(&mut *scanner), CODE, "and it reads as before");
}

fn next(scanner: &mut dyn Scanner) -> String {
    match scanner.wait_for_scan(SOON) {
        Ok(Some(Scanned::Text(scan))) => scan.text.to_string(),
        other => panic!("a code that was held before the scanner is read: {other:?}"),
    }
}

fn until_error(scanner: &mut dyn Scanner) -> DeviceError {
    std::iter::repeat_with(|| scanner.wait_for_scan(MOMENT))
        .take(200)
        .find_map(Result::err)
        .expect("an absence is told")
}
