//! What goes into the book and comes out of it.

use events::Body;
use events::event::Bytes;
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
    /// Who the ledger counts: a keyed hash for this profile and period.
    pub counted_as: Option<Bytes<32>>,
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
    pub note: Body,
    /// The device, for ledgers that are merged.
    pub device: &'a str,
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
    /// The file for a portal that it went into.
    pub batch: Option<i64>,
    /// When they checked out.
    pub gone_at: Option<i64>,
    /// What is known.
    pub content: Content,
}
