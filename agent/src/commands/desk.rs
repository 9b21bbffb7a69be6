//! `cccd-agent desk`: the page for staff and the interface for other software. `cccd-agent pair`: lets one in.

use crate::check;
use crate::commands::{book, open_site, print_text, told_to_end};
use config::no_table;
use config::{Config, Stage};
use desk::pairing::Role;
use desk::pairing::{self, Awaited};
use desk::{self, Desk, listen};
use devices::specification;
use events::{Clock, SystemClock};
use program::{Failure, eprintln, exit};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Serves the desk until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or its own store fails.
pub fn run(config: &Path) -> Result<u8, Failure> {
    let config = check::adopt(config, Stage::Desk)?;
    let wanted = config.desk.clone().ok_or_else(|| no_table("desk"))?;
    let scanner = wanted.scanner.as_deref().map(specification::open_scanner).transpose()?;
    let ended = told_to_end()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let site = open_site(config, clock)?;
    let desk = Desk::start(&site, wanted.listen.port())?;
    desk::keep_ticking(&desk);
    if let Some(scanner) = scanner {
        desk::take_scans(&desk, scanner);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| Failure::device("threads", e.to_string(), "check the machine's limits"))?;
    let served = runtime.block_on(listen::run(Arc::clone(&desk), || ended.load(Ordering::Relaxed)));
    runtime.shutdown_background();
    // Whoever waits for the page hears at once why there is none; what is pending waits in the outbox.
    served?;
    desk.finish()?;
    Ok(exit::GENUINE)
}

/// Prints a code that lets one in: the desk's page, a program, or the page of other software.
///
/// # Errors
/// When the page is named by no origin; when the book does not open.
pub fn pair(config: &Path, program: bool, origin: Option<&str>) -> Result<u8, Failure> {
    let awaited = match origin {
        Some(origin) => Awaited::origin(origin)?,
        None if program => Awaited::Program,
        None => Awaited::Page,
    };
    let code = pairing::new_code(&book(&Config::load(config)?)?, awaited, SystemClock::new().wall())?;
    print_text(&format!("{code}\n"));
    eprintln!("Mã ghép nối, dùng một lần trong 10 phút / pairing code, good once within 10 minutes");
    Ok(exit::GENUINE)
}

/// Lists those that were let in.
///
/// # Errors
/// When the book does not open.
pub fn paired(config: &Path) -> Result<u8, Failure> {
    for one in pairing::paired(&book(&Config::load(config)?)?, SystemClock::new().wall())? {
        let role = if one.role == Role::Desk { "desk" } else { "app" };
        let since = format!("{} {}", cccd::calendar::date_of(one.since), cccd::calendar::time_of(one.since));
        let origin = one.origin.map(|origin| format!("  {origin}")).unwrap_or_default();
        print_text(&format!("{:.8} {role:<5} {since}  {}{origin}\n", one.id, one.name));
    }
    Ok(exit::GENUINE)
}

/// Ends one pairing.
///
/// # Errors
/// `pairing_unknown` when there is none of that name; when the book does not open.
pub fn end(config: &Path, id: &str) -> Result<u8, Failure> {
    let name = pairing::end(&book(&Config::load(config)?)?, id, SystemClock::new().wall())?;
    print_text(&format!("{name} is not paired any more\n"));
    Ok(exit::GENUINE)
}

/// Forgets all that were let in.
///
/// # Errors
/// When the book does not open.
pub fn unpair(config: &Path) -> Result<u8, Failure> {
    pairing::forget_all(&book(&Config::load(config)?)?)?;
    print_text("nobody is paired any more\n");
    Ok(exit::GENUINE)
}
