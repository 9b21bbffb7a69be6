//! The way to the counter: a thread that says how a call stands until nobody waits any more, and hears who comes.
//!
//! Nothing is claimed that nobody acknowledged. A counter that is away is told again and again; whoever stands there is meanwhile
//! told where staff is.

use kiosk_ui::Screen;
use kiosk_ui::state::{Help, Queue};
use site::counter::{At, Call, Lost, Standing, Waiting};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often a call is said.
pub(crate) const ROUND: Duration = Duration::from_secs(2);
/// Rounds without an answer after which whoever waits is sent to the desk.
const PATIENT: u32 = 4;
/// Rounds in which it is said that nobody waits any more.
const OVER: u32 = 30;

/// What is to be said.
#[derive(Debug)]
pub(crate) enum Order {
    /// Somebody calls, or goes on while they wait: the call, by its identifier.
    Call(String, Call),
    /// Nobody waits any more.
    Over,
}

/// One call, until nobody waits. Pure.
#[derive(Debug)]
struct Open {
    id: String,
    call: Call,
    failed: u32,
    told: Option<Help>,
}

impl Open {
    /// What whoever waits is told, if it is news.
    fn heard(&mut self, answer: Result<Standing, Lost>, staff_at: Option<&str>) -> Option<Help> {
        let help = match answer {
            Ok(Standing { taken_by: Some(by) }) => Help::Taken(by),
            // Somebody said that they come; a counter that was started anew does not take that back.
            Ok(_) | Err(_) if matches!(self.told, Some(Help::Taken(_))) => return None,
            Ok(_) => Help::Received,
            Err(_) => {
                self.failed += 1;
                if self.failed < PATIENT {
                    return None;
                }
                Help::At(staff_at.map(str::to_owned))
            }
        };
        if !matches!(help, Help::At(_)) {
            self.failed = 0;
        }
        (self.told.as_ref() != Some(&help)).then(|| self.told.insert(help).clone())
    }
}

/// Says calls, and tells who comes; ends with the kiosk.
pub(crate) fn work(
    orders: &Receiver<Order>,
    round: Duration,
    staff_at: Option<&str>,
    ask: &dyn Fn(&str, &Call) -> Result<Standing, Lost>,
    tell: &dyn Fn(&str, Help),
) {
    let mut open: Option<Open> = None;
    loop {
        let order = match open {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => orders.recv_timeout(round),
        };
        match order {
            Ok(Order::Call(id, call)) => match &mut open {
                Some(known) if known.id == id => known.call = call,
                _ => open = Some(Open { id, call, failed: 0, told: None }),
            },
            Ok(Order::Over) => {
                if let Some(open) = &mut open {
                    (open.call.over, open.failed) = (true, 0);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(call) = &mut open else { continue };
        let answer = ask(&call.id, &call.call);
        if let Err(lost) = answer {
            tracing::warn!(code = lost.code(), "the counter does not hear the call");
        }
        if call.call.over {
            call.failed += 1;
            if answer.is_ok() || call.failed > OVER {
                open = None;
            }
        } else if let Some(help) = call.heard(answer, staff_at) {
            tell(&call.id, help);
        }
    }
}

/// What the screen says of a number.
pub(crate) fn shown(waiting: Waiting) -> Queue {
    Queue { ahead: waiting.ahead, minutes: waiting.minutes, link: waiting.link }
}

/// Where somebody is who calls.
pub(crate) const fn at(screen: &Screen) -> At {
    match screen {
        Screen::Consent(_) => At::Consent,
        Screen::Scan { .. } | Screen::Number { .. } => At::Scan,
        Screen::NoCard { .. } => At::NoCard,
        Screen::Place | Screen::Reading { .. } | Screen::Lifted | Screen::TakeCard => At::Card,
        Screen::Result(_) => At::Result,
        Screen::Form(_) | Screen::Choice(_) | Screen::Review(_) => At::Form,
        Screen::Ticket { .. } => At::Ticket,
        Screen::Problem(_) => At::Problem,
        Screen::OutOfService(_) => At::OutOfService,
        Screen::Attract
        | Screen::Staff(_)
        | Screen::MoreTime
        | Screen::Enrolment(_)
        | Screen::Technician
        | Screen::TestPicture
        | Screen::Calibration(_)
        | Screen::NotStarted(_) => At::Start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    fn call(over: bool) -> Call {
        Call { kiosk: "kiosk-1".to_owned(), step: At::Scan, since: 1_790_000_000, over }
    }

    fn open() -> Open {
        Open { id: "c1".to_owned(), call: call(false), failed: 0, told: None }
    }

    fn comes(by: &str) -> Result<Standing, Lost> {
        Ok(Standing { taken_by: Some(by.to_owned()) })
    }

    const HEARD: Result<Standing, Lost> = Ok(Standing { taken_by: None });

    #[test]
    fn nothing_is_claimed_that_nobody_acknowledged() {
        let mut open = open();
        for _ in 1..PATIENT {
            assert_eq!(open.heard(Err(Lost::Away), Some("Quầy 1")), None, "it calls");
        }
        let there = Help::At(Some("Quầy 1".to_owned()));
        assert_eq!(open.heard(Err(Lost::Refused), Some("Quầy 1")), Some(there.clone()));
        assert_eq!(open.heard(Err(Lost::Away), Some("Quầy 1")), None, "they know where to go");
        assert_eq!(open.heard(HEARD, Some("Quầy 1")), Some(Help::Received), "the desk is back");
        assert_eq!(open.heard(HEARD, None), None);
        // A moment without an answer takes nothing back.
        assert_eq!(open.heard(Err(Lost::Away), None), None);
        assert_eq!(open.heard(comes("Quầy 1"), None), Some(Help::Taken("Quầy 1".to_owned())));
        for answer in [HEARD, Err(Lost::Away), Err(Lost::Away), Err(Lost::Away), Err(Lost::Away), comes("Quầy 1")] {
            assert_eq!(open.heard(answer, Some("Quầy 1")), None, "somebody comes");
        }
        assert_eq!(open.heard(comes("Quầy 2"), None), Some(Help::Taken("Quầy 2".to_owned())));
    }

    #[test]
    fn a_call_is_said_until_nobody_waits_and_that_is_said_until_it_is_heard() {
        let (say, orders) = channel();
        let (asked, told, say) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()), Mutex::new(Some(say)));
        let order = |order: Order| program::lock(&say).as_ref().map(|say| say.send(order).expect("listens"));
        // What the counter answers, one after the other; and what happens at the kiosk meanwhile.
        let ask = |id: &str, call: &Call| {
            let mut asked = program::lock(&asked);
            asked.push((id.to_owned(), call.step, call.over));
            match asked.len() {
                1 => Err(Lost::Away),
                2 => HEARD,
                3 => {
                    let step = At::Card;
                    order(Order::Call("c1".to_owned(), Call { step, ..self::call(false) }));
                    comes("Quầy 1")
                }
                4 => {
                    order(Order::Over);
                    comes("Quầy 1")
                }
                5 => Err(Lost::Away),
                6 => {
                    order(Order::Call("c2".to_owned(), self::call(false)));
                    HEARD
                }
                _ => {
                    // The kiosk ends.
                    program::lock(&say).take();
                    HEARD
                }
            }
        };
        let tell = |id: &str, help: Help| program::lock(&told).push((id.to_owned(), help));
        order(Order::Over);
        order(Order::Call("c1".to_owned(), call(false)));
        work(&orders, Duration::ZERO, None, &ask, &tell);
        let asked = program::lock(&asked).clone();
        let first = |step, over| ("c1".to_owned(), step, over);
        let scan = (At::Scan, false);
        assert_eq!(asked[..3], [first(scan.0, scan.1), first(scan.0, scan.1), first(scan.0, scan.1)]);
        assert_eq!(asked[3..6], [first(At::Card, false), first(At::Card, true), first(At::Card, true)]);
        assert_eq!(asked[6], ("c2".to_owned(), At::Scan, false), "the next call is another");
        let taken = Help::Taken("Quầy 1".to_owned());
        let told = program::lock(&told).clone();
        let of = |id: &str, help| (id.to_owned(), help);
        assert_eq!(told, [of("c1", Help::Received), of("c1", taken), of("c2", Help::Received)]);
    }
}
