//! `cccd-agent access`: who looked at what is kept of people, for whoever has to answer for it.

use crate::commands::print_text;
use cccd::calendar::{date_of, time_of};
use config::Config;
use program::{Failure, exit};
use serde_json::json;
use std::path::Path;
use store::outbox::Outbox;
use visit::profile::Profile;

/// Lists who looked, latest first.
///
/// # Errors
/// When the outbox does not open.
pub fn list(config: &Path, as_json: bool) -> Result<u8, Failure> {
    let mut config = Config::load(config)?;
    config.state = config.state_of(Profile::load(&config.profile)?.practice);
    let looks = site::looks(&Outbox::open(&config.outbox())?, usize::MAX)?;
    if as_json {
        let looks: Vec<_> = looks
            .iter()
            .map(|(event, look)| {
                let visits: Vec<_> = look.visits.iter().map(ToString::to_string).collect();
                json!({
                    "at": event.at, "sequence": event.sequence, "by": look.by, "role": look.role, "what": look.what,
                    "count": look.count, "visits": visits, "profile": look.profile,
                })
            })
            .collect();
        print_text(&format!(
            "{:#}\n",
            json!({ "schema": "cccd-agent/access/1", "device": config.device, "looks": looks })
        ));
        return Ok(exit::GENUINE);
    }
    for (event, look) in looks {
        let (at, role, what) =
            (format!("{} {}", date_of(event.at), time_of(event.at)), look.role.code(), look.what.code());
        print_text(&format!(
            "{at}  {:>7}  {:<10} {role:<9} {what:<11} {:>5}  {}\n",
            event.sequence, look.by, look.count, look.profile
        ));
    }
    Ok(exit::GENUINE)
}
