//! What a desk prints: tickets and receipts on the roll, pages and statements in the browser.

use cccd::calendar::date_of;
use cccd::calendar::in_vietnam;
use cccd::calendar::time_of;
use kiosk_ui::slip::{Paper, Receipt, Slip};
use kiosk_ui::state::{Queue, WallClock};
use program::Failure;
use serde_json::json;
use site::Site;
use store::book::Record;
use visit::finished::Kept;
use visit::profile::{PrintKind, Profile};

/// The kind of document that a statement is signed as.
pub const ATTESTATION: &str = "attestation";

/// What goes onto the roll; nothing for pages.
#[must_use]
pub fn paper(site: &Site, kind: PrintKind, kept: &Kept, queue: Option<Queue>) -> Option<Paper> {
    match kind {
        PrintKind::Ticket => Some(Paper::Ticket(Slip {
            site: site.name().to_owned(),
            number: kept.number.clone()?,
            place: kept.place.clone().unwrap_or_default(),
            queue,
            look_again: kept.look_again,
            clock: WallClock {
                time: time_of(kept.at),
                weekday: in_vietnam(kept.at).weekday().number_days_from_monday(),
                date: date_of(kept.at),
            },
        })),
        PrintKind::Receipt => {
            Some(Paper::Receipt(Receipt { lines: kept.lines.iter().map(|line| line.0.clone()).collect() }))
        }
        PrintKind::Page | PrintKind::Attestation => None,
    }
}

/// What was kept of a record, to be printed once more.
#[must_use]
pub fn kept(site: &Site, profile: &Profile, record: &Record) -> Kept {
    Kept {
        id: record.id.clone(),
        number: record.number.clone(),
        place: site.queue_place(),
        lines: site.lines(profile, &record.content, record.number.as_deref(), record.at),
        look_again: record.content.assurance.as_ref().is_some_and(visit::content::Assurance::is_marked),
        at: record.at,
    }
}

/// A statement that the holder of a record was verified with a document, signed by the device (COSE_Sign1, kind
/// `attestation`): what the desk may see of the record, when, and the position of the verdict in the log.
///
/// # Errors
/// When the key cannot be used.
pub fn attestation(site: &Site, profile: &Profile, record: &Record) -> Result<Vec<u8>, Failure> {
    let released = visit::content::Released::new(profile, "app", &record.content);
    let statement = json!({
        "schema": "cccd-agent/attestation/2",
        "visit": record.id,
        "site": site.name(),
        "device": site.config.device,
        "at": record.at,
        "verification": record.content.source.is_chip().then_some(record.sequence),
        "assurance": record.content.assurance.as_ref().map(visit::content::Assurance::to_json),
        "holder": released.map(|released| released.to_json()),
    });
    let payload = zeroize::Zeroizing::new(statement.to_string());
    site.recorder().sign_document(ATTESTATION, payload.as_bytes())
}
