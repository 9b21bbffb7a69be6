//! Slips of paper, one after the other.

use crate::PAUSE;
use crate::parts::{Tell, Watch};
use drivers::printer::{Bitmap, Printer};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::font::Fonts;
use kiosk_ui::slip::Paper;
use kiosk_ui::state::Part;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often a printer is asked whether it has paper.
const PAPER: Duration = Duration::from_secs(15);

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
#[must_use]
pub fn bitmap(canvas: &Canvas) -> Bitmap {
    let bounds = canvas.bounds();
    Bitmap::from_fn(bounds.w as u32, bounds.h as u32, |x, y| {
        canvas.pixel(x as i32, y as i32).channels().iter().map(|channel| u32::from(*channel)).sum::<u32>() < 384
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::told::{SOON, ToldOf, told};
    use drivers::printer::escpos::EscPos;
    use drivers::printer::simulated::{SimulatedTransport, Tray};
    use kiosk_ui::slip::Slip;
    use kiosk_ui::state::WallClock;
    use std::sync::mpsc::{Sender, channel};

    fn slip() -> Slip {
        Slip {
            site: "Bệnh viện".to_owned(),
            number: "A047".to_owned(),
            look_again: false,
            place: "Phòng 12".to_owned(),
            queue: None,
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
}
