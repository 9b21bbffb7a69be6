//! `cargo xtask test --full`: what takes too long for every change.
//!
//! Each part is done, whatever became of those before it, so that one night tells everything.

use crate::bare::RELEASES;
use crate::ledger::Ledger;
use crate::{bare, deb, doctor, image_check, lean};

/// Does them all.
///
/// # Errors
/// What became of the first that failed.
pub(crate) fn parts(ledger: &mut Ledger) -> anyhow::Result<()> {
    let own = doctor::release()?;
    let mut outcome = Ok(());
    let mut note = |result: anyhow::Result<()>| {
        if let Err(error) = &result {
            eprintln!("── failed: {error:#}");
        }
        if outcome.is_ok() {
            outcome = result;
        }
    };
    note(ledger.one("smaller agents", || lean::check(false)));
    note(ledger.one("a newcomer on Debian 13", || bare::check("13")));
    note(ledger.one("a newcomer on Debian 12", || bare::check("12")));
    note(match later(&own) {
        Some(release) => ledger.one("packages in the later release", || deb::check(Some(release))),
        None => {
            ledger.skip("packages in the later release", &anyhow::anyhow!("{own} is the latest that is known here"))
        }
    });
    note(ledger.one("packages for a board (arm64)", || deb::check_board("debug", "arm64")));
    note(ledger.one("image", || image_check::check("amd64", image_check::Until::All)));
    outcome
}

/// The release behind one. Packages fit those that are later than the one that they were made on, and none before.
fn later(own: &str) -> Option<&'static str> {
    let at = RELEASES.into_iter().position(|(_, name)| name == own)?;
    at.checked_sub(1).map(|before| RELEASES[before].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_go_to_the_later_release_and_never_back() {
        assert_eq!(later("bookworm"), Some("trixie"));
        assert_eq!(later("trixie"), None);
        assert_eq!(later("noble"), None);
    }
}
