//! Lights, buzzer and tamper switch: one thread that waits for something to do and looks at the switch meanwhile.

use crate::parts::Watch;
use crate::specification::Pins;
use drivers::device::DeviceError;
use drivers::gpio::{Lines, Pin};
use drivers::speech::Tone;
use kiosk_ui::Screen;
use kiosk_ui::state::Part;
use program::Failure;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How a kiosk is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Signal {
    Ready,
    Busy,
    Problem,
}

impl Signal {
    /// What a screen means to those who see the kiosk from afar.
    #[must_use]
    pub fn of(screen: &Screen) -> Self {
        match screen {
            Screen::Attract => Self::Ready,
            Screen::OutOfService(_) | Screen::Staff(_) | Screen::Problem(_) => Self::Problem,
            Screen::Result(judged) if !judged.admission.goes_on() => Self::Problem,
            _ => Self::Busy,
        }
    }
}

/// What the lines are to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Lights.
    Signal(Signal),
    /// The buzzer; it has one pitch.
    Beep(Vec<Tone>),
}

/// How often the switch is looked at, and how often lines that are away are looked for.
const ROUND: Duration = Duration::from_millis(250);

/// Works until the other end of `tasks` is gone.
pub fn work(
    mut lines: Box<dyn Lines>,
    pins: &Pins,
    tasks: &Receiver<Task>,
    tell: &mut dyn FnMut(Part, Option<Failure>),
) {
    let tell = std::cell::RefCell::new(tell);
    let mut watch = Watch::new(Part::Lines, |part, fault| tell.borrow_mut()(part, fault));
    let mut cabinet = Watch::new(Part::Cabinet, |part, fault| tell.borrow_mut()(part, fault));
    let mut signal = Signal::Busy;
    let mut beeps: VecDeque<Tone> = VecDeque::new();
    loop {
        let wait = beeps.front().map_or(ROUND, |(_, milliseconds)| Duration::from_millis((*milliseconds).into()));
        match tasks.recv_timeout(wait) {
            Ok(Task::Signal(new)) => signal = new,
            Ok(Task::Beep(tones)) => beeps = tones.into(),
            Err(RecvTimeoutError::Timeout) => {
                beeps.pop_front();
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let buzzing = beeps.front().is_some_and(|(hertz, _)| *hertz > 0);
        // Every time all of it: lines that were away come back dark.
        let done = show(&mut *lines, pins, signal, buzzing);
        watch.heard(done);
        if let Some(pin) = pins.tamper
            && let Ok(open) = lines.get(pin.line)
        {
            let remedy = "close it; if nobody of yours opened it, look for what was changed";
            cabinet.is(open.then(|| Failure::device("cabinet_open", "the cabinet is open", remedy)));
        }
    }
}

fn show(lines: &mut dyn Lines, pins: &Pins, signal: Signal, buzzing: bool) -> Result<(), DeviceError> {
    let mut set = |pin: Option<Pin>, on| pin.map_or(Ok(()), |pin| lines.set(pin.line, on));
    set(pins.ready, signal == Signal::Ready)?;
    set(pins.busy, signal == Signal::Busy)?;
    set(pins.problem, signal == Signal::Problem)?;
    set(pins.buzzer, buzzing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::gpio::simulated::{Board, SimulatedLines};
    use std::sync::mpsc::channel;

    fn pin(text: &str) -> Option<Pin> {
        Some(text.parse().expect("pin"))
    }

    fn until(what: &str, wanted: impl Fn() -> bool) {
        let seen = (0..1000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(5));
            wanted()
        });
        assert!(seen, "{what}");
    }

    #[test]
    fn lights_follow_the_screen_the_buzzer_stops_and_the_switch_is_told() {
        let pins = Pins {
            ready: pin("1"),
            problem: pin("2"),
            buzzer: pin("3"),
            tamper: pin("4 active-low pull-up"),
            ..Pins::default()
        };
        let board = Board::default();
        let lines = Box::new(SimulatedLines::new(board.clone(), pins.wiring()));
        let (tasks, to_do) = channel();
        let (told, heard) = channel();
        let thread = std::thread::spawn(move || {
            work(lines, &pins, &to_do, &mut |part, fault| {
                drop(told.send((part, fault.map(|fault| fault.code))));
            });
        });
        let next = || heard.recv_timeout(Duration::from_secs(10)).expect("told");
        tasks.send(Task::Signal(Signal::Ready)).expect("task");
        assert_eq!(next(), (Part::Lines, None));
        assert_eq!(next(), (Part::Cabinet, None));
        until("ready is lit", || board.is_high(1) && !board.is_high(2));
        tasks.send(Task::Signal(Signal::Problem)).expect("task");
        tasks.send(Task::Beep(vec![(880, 60), (0, 20), (880, 60)])).expect("task");
        until("it buzzes", || board.is_high(3) && board.is_high(2) && !board.is_high(1));
        until("and stops", || !board.is_high(3));
        board.drive(4, false);
        assert_eq!(next(), (Part::Cabinet, Some("cabinet_open".to_owned())));
        board.drive(4, true);
        assert_eq!(next(), (Part::Cabinet, None));
        board.unplug(true);
        assert_eq!(next(), (Part::Lines, Some("device_absent".to_owned())));
        board.unplug(false);
        assert_eq!(next(), (Part::Lines, None));
        until("the lights are as they were", || board.is_high(2));
        drop(tasks);
        thread.join().expect("no panic");
        assert!(!board.is_high(2), "and dark at the end");
    }
}
