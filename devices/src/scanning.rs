//! Scans as they come, and what of them can be believed.

use crate::parts::{Tell, Watch};
use crate::{PAUSE, ROUND};
use cccd::qr;
use drivers::scanner::{Garbled, Letters, Scan, Scanned, Scanner};
use kiosk_ui::state::Part;
use program::{Failure, Private};

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

/// What is wrong with a scanner whose scan was no text. It stays wrong until one is.
fn fault(garbled: Garbled) -> Option<Failure> {
    // Of a code that is too long the scanner is innocent.
    (garbled != Garbled::TooLong)
        .then(|| Failure::device(garbled.code(), "the scanner gives no text", garbled.remedy()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::told::{SOON, ToldOf, told};
    use drivers::input::simulated::{Fingers, SimulatedInput};
    use drivers::scanner::layouts::LAYOUTS;
    use drivers::scanner::simulated::{Hand, SimulatedScanner};
    use drivers::scanner::wedge::{self, WedgeScanner};
    use std::sync::mpsc::{Receiver, channel};

    #[test]
    fn scans_arrive_and_an_unplugged_scanner_is_told() {
        let hand = Hand::default();
        let (tell, told) = told();
        let (heard, comes_in) = channel();
        let scanner = Box::new(SimulatedScanner(hand.clone()));
        std::thread::spawn(move || scans(scanner, tell, &mut |said| heard.send(said).is_ok()));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, None)));
        hand.hold("079185000028");
        let Ok(Ok(text)) = comes_in.recv_timeout(SOON) else { panic!("a scan") };
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

    /// What a keyboard of a layout types arrives so.
    fn typed(layout: &str, text: &str) -> (Receiver<Result<Private, Garbled>>, ToldOf, Fingers) {
        let fingers = Fingers::default();
        let scanner = Box::new(WedgeScanner::new(SimulatedInput { fingers: fingers.clone(), surface: None }));
        let (tell, told) = told();
        let (heard, comes_in) = channel();
        std::thread::spawn(move || scans(scanner, tell, &mut |said| heard.send(said).is_ok()));
        let layout = LAYOUTS.iter().find(|known| known.name == layout).expect("layout");
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, None)));
        fingers.happen(wedge::keys_of(layout, &format!("{text}\r"), false));
        (comes_in, told, fingers)
    }

    #[test]
    fn wedge_insurance() {
        let code = "GD4010123456789|4e67|15/01/1999|1";
        let (comes_in, ..) = typed("us", code);
        let Ok(Ok(text)) = comes_in.recv_timeout(SOON) else { panic!("a scan") };
        assert_eq!(text.0.as_str(), code, "an insurance card's name is of hexadecimal digits: nothing is lost");
        assert!(matches!(qr::parse(&text.0), Ok(qr::Scan::HealthInsurance(_))));
    }

    #[test]
    fn wedge_layouts() {
        let card = "001099000017|012345678|Nguyen Van An|15011999|Nam|Ha Noi|16012022";
        for layout in ["gb", "de", "fr"] {
            let (comes_in, ..) = typed(layout, card);
            let Ok(Ok(text)) = comes_in.recv_timeout(SOON) else { panic!("a scan") };
            assert_eq!(text.0.as_str(), "001099000017", "{layout}");
        }
    }

    #[test]
    fn a_key_without_a_letter_is_told_of_the_scanner_and_not_of_the_citizen() {
        let (comes_in, told, fingers) = typed("gb", "https://a|b");
        assert!(matches!(comes_in.recv_timeout(SOON), Ok(Err(_))));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, Some("scan_layout".to_owned()))));
        fingers.happen(wedge::keys("001099000017\r", false));
        assert!(matches!(comes_in.recv_timeout(SOON), Ok(Ok(_))));
        assert_eq!(told.recv_timeout(SOON), Ok((Part::Scanner, None)), "until a scan is read again");
    }
}
