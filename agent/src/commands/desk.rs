//! `cccd-agent desk`: the page for staff and the interface for other software. `cccd-agent pair`: lets one in.

use crate::check;
use crate::commands::{book, open_site, print_text, told_to_end};
use config::no_table;
use config::{Config, Stage};
use desk::guard::{self, Role};
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

/// Prints a code that lets one browser or program in.
///
/// # Errors
/// When the book does not open.
pub fn pair(config: &Path, role: Role) -> Result<u8, Failure> {
    let code = guard::new_code(&book(&Config::load(config)?)?, role, SystemClock::new().wall())?;
    print_text(&format!("{code}\n"));
    eprintln!("Mã ghép nối, dùng một lần trong 10 phút / pairing code, good once within 10 minutes");
    Ok(exit::GENUINE)
}

/// Lists those that were let in.
///
/// # Errors
/// When the book does not open.
pub fn paired(config: &Path) -> Result<u8, Failure> {
    for (name, role, since) in guard::paired(&book(&Config::load(config)?)?)? {
        let role = if role == Role::Desk { "desk" } else { "app" };
        let since = format!("{} {}", cccd::calendar::date_of(since), cccd::calendar::time_of(since));
        print_text(&format!("{role:<5} {since}  {name}\n"));
    }
    Ok(exit::GENUINE)
}

/// Forgets all that were let in.
///
/// # Errors
/// When the book does not open.
pub fn unpair(config: &Path) -> Result<u8, Failure> {
    guard::forget_all(&book(&Config::load(config)?)?)?;
    print_text("nobody is paired any more\n");
    Ok(exit::GENUINE)
}
