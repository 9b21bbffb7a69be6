//! `cccd-agent demo`: every persona and every fault on the simulated reader, in one table. No hardware, no network.

use crate::commands::{now, print_text};
use cccd::judgement::{Today, judge};
use drivers::reader::Reader as _;
use emrtd::{AccessPolicy, Outcome};
use events::Clock;
use program::Failure;
use reading::access;
use reading::read::{self, Hooks};
use reading::readers::plan;
use reading::simulated;
use reading::terminal::Terminal;
use std::time::Duration;
use virtual_card::PERSONAS;

const FAULTS: [&str; 11] = [
    "lifted:3000",
    "slow:5",
    "wrong-password",
    "cloned",
    "stripped",
    "altered:13",
    "altered:2",
    "self-made-csca",
    "expired-dsc",
    "revoked-dsc",
    "garbage",
];

/// Prints the table.
///
/// # Errors
/// When a card cannot be made.
pub fn run(clock: &dyn Clock) -> Result<u8, Failure> {
    let mut terminal = Terminal::new(simulated::anchors()?);
    print_text(&format!("{:<34} {:<14} {:>8}  what stands out\n", "card", "word", "ms"));
    for persona in &PERSONAS {
        line(persona.id, &persona.qr(), &mut terminal, clock)?;
    }
    let first = &PERSONAS[0];
    for fault in FAULTS {
        line(&format!("{}:{fault}", first.id), &first.qr(), &mut terminal, clock)?;
    }
    Ok(program::exit::GENUINE)
}

fn line(card: &str, qr: &str, terminal: &mut Terminal, clock: &dyn Clock) -> Result<(), Failure> {
    let key = access::from_qr(qr)?;
    let mut reader = simulated::reader(card)?;
    let connected = reader.wait_for_card(Duration::ZERO)?;
    let plan = plan(AccessPolicy::Auto, key.passwords, &[1, 2, 13, 14, 15]);
    let mut hooks =
        Hooks { patience: Duration::ZERO, observe: &mut |_, _| {}, on_lifted: &mut || {}, on_picture: &mut |_| {} };
    terminal.prepare();
    match read::read(&mut reader, connected, plan, terminal, clock, &mut hooks) {
        Err(failure) => print_text(&format!("{card:<34} {:<14} {:>8}  {}\n", "not read", "", failure.code)),
        Ok(reading) => {
            let (prepared, today) = (reading.sod.as_ref(), Today::certain(now(clock)));
            let judgement = judge(&reading.evidence, prepared, &key.known, &terminal.trust, today);
            let odd = judgement.checks.iter().filter(|c| c.outcome != Outcome::Passed);
            let odd: Vec<_> = odd.map(|c| format!("{} {}", c.id, c.reason.as_deref().unwrap_or_default())).collect();
            let word = judgement.word().code();
            let milliseconds = reading.cost.total.as_secs_f64() * 1e3;
            print_text(&format!("{card:<34} {word:<14} {milliseconds:>8.1}  {}\n", odd.join(", ")));
        }
    }
    Ok(())
}
