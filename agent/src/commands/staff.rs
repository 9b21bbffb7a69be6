//! `cccd-agent staff`: who works at the desk. On the page a manager does the same; here is what helps where none can.

use crate::commands::{book, print_text};
use cccd::calendar::{date_of, time_of};
use config::Config;
use desk::staff;
use events::{Clock as _, SystemClock};
use program::{Failure, eprintln, exit};
use std::path::Path;

/// Adds somebody, and prints their identifier and a PIN.
///
/// # Errors
/// When name or role do not do; when the book does not open.
pub fn add(config: &Path, name: &str, role: &str) -> Result<u8, Failure> {
    let duty = staff::duty(role)?;
    let pin = staff::new_pin()?;
    let person = staff::add(&book(&Config::load(config)?)?, name, duty, &pin, SystemClock::new().wall())?;
    given(&person.id, &pin);
    Ok(exit::GENUINE)
}

fn given(id: &str, pin: &str) {
    print_text(&format!("{id} {pin}\n"));
    eprintln!(
        "Mã PIN chỉ hiện một lần, đổi ngay trên trang quầy / the PIN is shown this once; it is changed on the desk's page"
    );
}

/// Lists everybody in the register.
///
/// # Errors
/// When the book does not open.
pub fn list(config: &Path) -> Result<u8, Failure> {
    let day = |at| format!("{} {}", date_of(at), time_of(at));
    for one in staff::register(&book(&Config::load(config)?)?)? {
        let ended = one.ended.map(|at| format!("  until {}", day(at))).unwrap_or_default();
        print_text(&format!("{:<6} {:<9} {}  {}{ended}\n", one.id, one.duty.code(), day(one.since), one.name));
    }
    Ok(exit::GENUINE)
}

/// Somebody does not work here any more.
///
/// # Errors
/// `staff_unknown`, `staff_last_manager`; when the book does not open.
pub fn remove(config: &Path, id: &str) -> Result<u8, Failure> {
    let person = staff::end(&book(&Config::load(config)?)?, id, SystemClock::new().wall())?;
    print_text(&format!("{} does not work here any more\n", person.name));
    Ok(exit::GENUINE)
}

/// Gives somebody a new PIN.
///
/// # Errors
/// `staff_unknown`; when the book does not open.
pub fn reset_pin(config: &Path, id: &str) -> Result<u8, Failure> {
    let pin = staff::new_pin()?;
    staff::set_pin(&book(&Config::load(config)?)?, id, &pin)?;
    given(id, &pin);
    Ok(exit::GENUINE)
}
