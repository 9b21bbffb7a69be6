//! What goes into the book and comes out of it.

use crate::book::changes::Version;
use events::event::Bytes;
use serde::{Deserialize, Serialize};
use visit::content::Content;
use visit::ledger::Direction;
use visit::profile::Rule;
use zeroize::Zeroizing;

/// A place in the ledger.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The rule.
    pub rule: Rule,
    /// Which way this device lets people go.
    pub direction: Direction,
    /// [`ledger::period`](visit::ledger::period).
    pub scope: String,
    /// When it is erased.
    pub erase_at: i64,
}

/// A message for a recipient.
#[derive(Debug, Clone)]
pub struct Message {
    /// For whom.
    pub recipient: String,
    /// What: sealed until it is sent, erased after.
    pub body: Zeroizing<Vec<u8>>,
    /// When it is given up and erased.
    pub erase_at: i64,
}

/// A visit that goes onto the disk.
#[derive(Debug, Clone)]
pub struct Visit<'a> {
    /// Identifier.
    pub id: String,
    /// The profile.
    pub profile: &'a str,
    /// Seconds since 1970.
    pub at: i64,
    /// The day in Vietnam, `YYYY-MM-DD`.
    pub day: String,
    /// Position of the event of the verdict; 0 where no chip was read.
    pub sequence: u64,
    /// The number of the ticket or receipt.
    pub number: Option<String>,
    /// Under what the holder's rows are found: [`super::Book::handle`].
    pub subject: Option<Bytes<32>>,
    /// Who the ledger counts: keyed hashes for this profile and period, one for each number that they are known under. Whoever is not
    /// counted yet is counted under the first.
    pub counted_as: Vec<Bytes<32>>,
    /// The party that they belong to.
    pub party: Option<String>,
    /// Whether there is a record, and when it is erased.
    pub keep: Retention,
    /// What is known of the holder.
    pub content: &'a Content,
    /// Their place in the ledger.
    pub entry: Option<Entry>,
    /// What is to be sent.
    pub messages: Vec<Message>,
    /// What the event says.
    pub note: events::Body,
    /// The device, for ledgers that are merged.
    pub device: &'a str,
    /// By whom, and how long it took.
    pub served: Served,
    /// Where it is counted.
    pub counts: Vec<visit::tally::Cell>,
}

/// Who of staff served somebody, and how long it took: for figures that name nobody who was served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Their identifier in the register; nothing where a kiosk did, or it is not known.
    pub staff: Option<String>,
    /// Seconds from the begin of the visit to its end.
    pub took: Option<i64>,
}

/// How long a record is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// There is none.
    NotKept,
    /// Until the portal has it, and never erased by the clock alone.
    UntilReported,
    /// Until then, seconds since 1970.
    Until(i64),
}

/// What is sealed of a record, beside under what its holder is found.
#[derive(Deserialize)]
pub(super) struct Body {
    pub(super) party: Option<String>,
    pub(super) content: Content,
}

/// The same as bytes, of what [`Content::to_bytes`] gave.
pub(super) fn as_kept(party: Option<&str>, content: &[u8]) -> Zeroizing<Vec<u8>> {
    let party = visit::content::to_json(&party);
    let parts: [&[u8]; 5] = [b"{\"party\":", &party, b",\"content\":", content, b"}"];
    let mut bytes = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A record, opened.
#[derive(Debug, Clone)]
pub struct Record {
    /// Identifier.
    pub id: String,
    /// The profile.
    pub profile: String,
    /// The day in Vietnam.
    pub day: String,
    /// Seconds since 1970.
    pub at: i64,
    /// Position of the event of the verdict; 0 where no chip was read.
    pub sequence: u64,
    /// The number of the ticket or receipt.
    pub number: Option<String>,
    /// The party.
    pub party: Option<String>,
    /// The key of its day, under which its versions are, too.
    pub(super) key: i64,
    /// The file for a portal that it went into.
    pub batch: Option<i64>,
    /// How far the portal has that file: nothing where it is in none.
    pub(super) shown: Option<Shown>,
    /// The version that is in the file.
    pub(super) filed: Option<u64>,
    /// The version that stands: 1 as it was kept.
    pub version: u64,
    /// When it was taken out of what goes to the portal.
    pub withdrawn_at: Option<i64>,
    /// Who of staff kept it.
    pub staff: Option<String>,
    /// What was done to it, oldest first; where one record is looked at, or those of a person, and nowhere else.
    pub versions: Vec<Version>,
    /// When they checked out.
    pub gone_at: Option<i64>,
    /// What is known.
    pub content: Content,
}

/// What somebody saw of a file on the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nobody has looked, or it shows some of its people.
    Open,
    /// It shows none of them.
    Nobody,
    /// It shows as many as the file has.
    All,
}

impl Shown {
    /// Of a record's file: when it was confirmed, and how many the portal showed.
    pub(super) fn of(batch: Option<i64>, confirmed_at: Option<i64>, taken: Option<i64>) -> Option<Self> {
        batch?;
        Some(match (confirmed_at, taken) {
            (Some(_), _) => Self::All,
            (None, Some(0)) => Self::Nobody,
            (None, _) => Self::Open,
        })
    }
}

/// How it is with a record and the portal of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Portal {
    /// It goes into the next file.
    Waiting,
    /// It is in a file that nobody has confirmed.
    InFile,
    /// It was changed since that file was made: the file is made again.
    Stale,
    /// The portal has it.
    Sent,
    /// It was changed after the portal had it: somebody corrects it there by hand.
    Correct,
    /// It goes into no file.
    Withdrawn,
}

impl Record {
    /// How it is with the portal.
    #[must_use]
    pub fn portal(&self) -> Portal {
        stand(self.shown, self.filed == Some(self.version), self.withdrawn_at.is_some())
    }
}

/// The same of what stands in the clear.
pub(super) const fn stand(shown: Option<Shown>, as_filed: bool, withdrawn: bool) -> Portal {
    match (shown, as_filed, withdrawn) {
        (Some(Shown::All), false, _) => Portal::Correct,
        (Some(Shown::Open), false, _) => Portal::Stale,
        (_, _, true) => Portal::Withdrawn,
        (None | Some(Shown::Nobody), _, false) => Portal::Waiting,
        (Some(Shown::Open), true, false) => Portal::InFile,
        (Some(Shown::All), true, false) => Portal::Sent,
    }
}
