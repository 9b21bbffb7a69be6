//! A fleet that comes back at once: central's queue and the devices' own uplink machines, in virtual time.

use cccd_central::queue::{Limits, Queue, Turn};
use events::sync::Receipt;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use store::uplink::machine::{Answer, Machine, Step};

/// Bytes of an event, and what one costs central.
const EVENT: usize = 690;
const COST: Duration = Duration::from_micros(78);

/// A fleet and its lines.
#[derive(Clone, Copy)]
struct Fleet {
    devices: usize,
    /// Events of each that wait.
    backlog: usize,
    /// Bytes that a line carries in a second.
    line: u64,
    /// For how long central was away, with all devices asking.
    outage: Duration,
}

/// What comes next, and to which device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Device,
    Arrived,
    Answered,
}

struct Device {
    name: String,
    machine: Machine,
    left: usize,
    sent: usize,
    turn: Option<Turn>,
    late: bool,
}

/// When how many events were stored.
struct Outcome {
    stored: Vec<(Duration, usize)>,
    turned_away: usize,
}

fn jitter(device: usize, time: Duration) -> u8 {
    let mixed = (device as u64 ^ (time.as_micros() as u64).rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed.to_be_bytes()[0]
}

fn run(fleet: Fleet) -> Outcome {
    let queue = Queue::new(Limits::default());
    let mut devices: Vec<Device> = (0..fleet.devices)
        .map(|n| {
            let (name, machine) = (format!("kiosk-{n}"), Machine::default());
            Device { name, machine, left: fleet.backlog, sent: 0, turn: None, late: false }
        })
        .collect();
    let mut agenda: BinaryHeap<Reverse<(Duration, Next, usize)>> =
        (0..fleet.devices).map(|n| Reverse((Duration::from_millis(n as u64 % 1000), Next::Device, n))).collect();
    let (mut free, mut outcome) = (Duration::ZERO, Outcome { stored: Vec::new(), turned_away: 0 });
    let end = fleet.outage + Duration::from_secs(24 * 3600);
    while let Some(Reverse((now, next, n))) = agenda.pop() {
        assert!(now < end, "{} devices are not drained", devices.iter().filter(|device| device.left > 0).count());
        let device = &mut devices[n];
        let busy = |again: Duration| {
            let again = Duration::from_secs(again.as_millis().div_ceil(1000) as u64);
            Answer::Unreachable { retry_after: Some(again) }
        };
        match next {
            Next::Device => match device.machine.next(now, device.left > 0) {
                Step::Idle => {}
                Step::WaitUntil(then) => agenda.push(Reverse((then, Next::Device, n))),
                Step::Send => {
                    device.sent = device.machine.batch().min(device.left);
                    device.machine.sending(now);
                    let bytes = device.sent * EVENT;
                    let admitted = if now < fleet.outage {
                        Err(None)
                    } else {
                        queue.admit(now, &device.name, bytes).map_err(Some)
                    };
                    match admitted {
                        Ok(turn) => {
                            device.turn = Some(turn);
                            let upload = Duration::from_micros(bytes as u64 * 1_000_000 / fleet.line);
                            agenda.push(Reverse((now + upload, Next::Arrived, n)));
                        }
                        Err(again) => {
                            outcome.turned_away += 1;
                            let answer = again.map_or(Answer::Unreachable { retry_after: None }, busy);
                            device.machine.feed(now, jitter(n, now), answer);
                            agenda.push(Reverse((now, Next::Device, n)));
                        }
                    }
                }
            },
            Next::Arrived => {
                let begin = now.max(free);
                device.late = begin > now + queue.patience();
                if device.late {
                    agenda.push(Reverse((now + queue.patience(), Next::Answered, n)));
                } else {
                    let takes = COST * u32::try_from(device.sent).expect("a batch");
                    free = begin + takes;
                    queue.worked(device.sent, device.sent * EVENT, takes);
                    agenda.push(Reverse((free, Next::Answered, n)));
                }
            }
            Next::Answered => {
                device.turn = None;
                let answer = if device.late {
                    busy(queue.again(now, &device.name))
                } else {
                    device.left -= device.sent;
                    outcome.stored.push((now, device.sent));
                    let (device, head) = (device.name.clone(), String::new());
                    Answer::Receipt(Receipt { device, committed: 0, head, at: 0, refused: Vec::new(), log: None })
                };
                device.machine.feed(now, jitter(n, now), answer);
                agenda.push(Reverse((now, Next::Device, n)));
            }
        }
    }
    outcome
}

/// The least part of central's capacity that was used in any half minute until so much of all was stored, from a time on.
fn least_goodput(outcome: &Outcome, from: Duration, until: usize) -> f64 {
    const WINDOW: Duration = Duration::from_secs(30);
    let mut stored = 0;
    let mut windows = std::collections::BTreeMap::new();
    for (at, events) in &outcome.stored {
        let window = at.saturating_sub(from).as_secs() / WINDOW.as_secs();
        *windows.entry(window).or_insert(0_usize) += events;
        stored += events;
        if stored >= until {
            break;
        }
    }
    let last = windows.keys().next_back().copied().unwrap_or_default();
    let most = WINDOW.as_secs_f64() / COST.as_secs_f64();
    (0..last).map(|window| windows.get(&window).copied().unwrap_or_default() as f64 / most).fold(1.0, f64::min)
}

fn drains(fleet: Fleet) -> Outcome {
    let outcome = run(fleet);
    let all = fleet.devices * fleet.backlog;
    assert_eq!(outcome.stored.iter().map(|(_, events)| events).sum::<usize>(), all, "all of it, and each once");
    outcome
}

#[test]
fn a_fleet_that_comes_back_in_one_second_is_drained_with_central_never_idle() {
    // Of thin lines those that are left in the end carry less than central takes.
    for (devices, backlog, line, of_ten) in
        [(200, 20_000, 1_000_000, 9), (2000, 3000, 1_000_000, 9), (4000, 750, 12_500, 7)]
    {
        let fleet = Fleet { devices, backlog, line, outage: Duration::ZERO };
        let outcome = drains(fleet);
        let all = devices * backlog;
        let least = least_goodput(&outcome, Duration::ZERO, all * of_ten / 10);
        let end = outcome.stored.last().expect("some").0;
        println!(
            "{devices} x {backlog} at {line} B/s: least {least:.2}, in {end:?}, {} sent away",
            outcome.turned_away
        );
        assert!(least >= 0.7, "{devices} devices with {backlog} events: {least}");
        let whole = COST * u32::try_from(all).expect("a count");
        assert!(end < whole * 2 + Duration::from_secs(300), "{devices} devices: {end:?} for {whole:?} of work");
    }
}

#[test]
fn after_an_outage_of_hours_all_is_drained_within_minutes_of_what_it_takes() {
    let outage = Duration::from_secs(8 * 3600);
    let fleet = Fleet { devices: 1000, backlog: 2000, line: 1_000_000, outage };
    let outcome = drains(fleet);
    let end = outcome.stored.last().expect("some").0 - outage;
    let whole = COST * 2_000_000;
    println!("after eight hours: {end:?} for {whole:?} of work, {} sent away", outcome.turned_away);
    // Devices come back over the longest wait, and each one is told at most that much once more.
    assert!(end < whole + Duration::from_secs(720), "{end:?}");
}
