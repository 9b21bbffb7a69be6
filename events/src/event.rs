//! The content of an event. Fields stand in the order of their encoded keys: the encoder writes them as declared.

use crate::tally::Tally;
use serde::{Deserialize, Serialize};
use verdict::{Answers, Holder, Rung, Word};

/// The version that is written. Version 1 is still read.
pub const VERSION: u32 = 2;

/// A fixed number of bytes, encoded as a byte string.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes<const N: usize>(pub [u8; N]);

impl<const N: usize> std::fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl<const N: usize> std::fmt::Display for Bytes<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const N: usize>;
        impl<const N: usize> serde::de::Visitor<'_> for Visitor<N> {
            type Value = Bytes<N>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{N} bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                bytes.try_into().map(Bytes).map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// One event. See the crate's documentation for the meaning of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Format version.
    #[serde(rename = "v")]
    pub version: u32,
    /// Wall clock, seconds since 1970.
    pub at: i64,
    /// Random identifier.
    pub id: Bytes<16>,
    /// Software version.
    #[serde(rename = "sw")]
    pub software: String,
    /// Quality of `at`.
    #[serde(rename = "tq")]
    pub time_quality: String,
    /// Milliseconds since the process started.
    #[serde(rename = "up")]
    pub uptime_ms: u64,
    /// Device identifier.
    #[serde(rename = "dev")]
    pub device: String,
    /// Position in the device's chain, from 1.
    #[serde(rename = "seq")]
    pub sequence: u64,
    /// What happened.
    pub body: Body,
    /// Random identifier of the run.
    pub boot: Bytes<16>,
    /// Hash of the event before.
    #[serde(rename = "prev")]
    pub previous: Bytes<32>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// A card was read and judged.
    Verification(Verification),
    /// A holder agreed.
    Consent(Consent),
    /// A visit ended.
    Visit(Visit),
    /// Data were erased.
    Erasure(Erasure),
    /// A person was given what is known of them.
    Disclosure(Disclosure),
    /// A document signer that nobody here vouches for was seen.
    Signer(Signer),
    /// Somebody of staff, or a program, looked at what is known of people.
    Access(Access),
    /// Somebody of staff changed what is kept of a visit.
    Change(Change),
    /// Somebody of staff handed over to the next.
    Handover(Handover),
    /// What a device counted.
    Tally(Tally),
    /// Something about the device itself.
    Device(DeviceEvent),
}

impl Body {
    /// The word of each kind.
    pub const KINDS: [&str; 11] = [
        "verification",
        "consent",
        "visit",
        "erasure",
        "disclosure",
        "signer",
        "access",
        "change",
        "handover",
        "tally",
        "device",
    ];

    /// The word that stands for its kind in an event.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Verification(_) => "verification",
            Self::Consent(_) => "consent",
            Self::Visit(_) => "visit",
            Self::Erasure(_) => "erasure",
            Self::Disclosure(_) => "disclosure",
            Self::Signer(_) => "signer",
            Self::Access(_) => "access",
            Self::Change(_) => "change",
            Self::Handover(_) => "handover",
            Self::Tally(_) => "tally",
            Self::Device(_) => "device",
        }
    }
}

/// Something about the device itself: its identity, clock, bundles, software, settings. `from` and `to` are what it was and
/// what it is, in words that name nobody.
///
/// | `what` | `from` and `to` |
/// |---|---|
/// | `certificate_renewed` | ends of validity, seconds since 1970 |
/// | `clock_jumped` | what the clock should have said and what it says, seconds since 1970 |
/// | `log_inconsistent` | central's log does not extend what it signed before: its origin |
/// | `time_signed` | what the device believed and what central said |
/// | `bundle_activated`, `bundle_refused`, `bundle_withdrawn` | version before and version, or code |
/// | `bundle_stale` | version, and until when it might be the newest, seconds since 1970 |
/// | `settings_activated`, `settings_refused` | hashes, or code |
/// | `update_kept`, `update_failed` | rollout and version, and `well` or code |
/// | `staff_called`, `staff_came` | nothing, or what the site calls the desk that comes |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEvent {
    /// What it is now.
    pub to: Option<String>,
    /// What it was.
    pub from: Option<String>,
    /// What happened.
    pub what: String,
}

/// A holder agreed: to which words, how, and when is the event's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// How: `touch` on the kiosk, `told_staff` at a desk, `app` through the local API.
    pub act: String,
    /// The words that were shown.
    pub text: String,
    /// The visit.
    pub visit: Bytes<16>,
    /// The site profile.
    pub profile: String,
    /// Version of the words.
    pub version: String,
    /// Their language, `vi` or `en`.
    pub language: String,
}

/// A visit ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// Why the holder was turned away: a stable code.
    pub why: Option<String>,
    /// Version 2: why the visit is marked, or why staff were asked: [`verdict::Because`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<verdict::Because>,
    /// Version 2: how much was assured of whoever it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<Rung>,
    /// Version 2: a member of staff went on where the profile asks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<Vouching>,
    /// The visit.
    pub visit: Bytes<16>,
    /// Version 2: whether somebody compared face and portrait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// `done`, `refused`, `cancelled`.
    pub result: String,
    /// The holder as a keyed hash, when the profile wants it.
    pub subject: Option<Bytes<32>>,
    /// The site profile.
    pub profile: String,
    /// Who receives what.
    pub recipients: Vec<Receiving>,
    /// Position of the event of the verdict; none where somebody without a chip was typed in.
    pub verification: Option<u64>,
}

/// A member of staff answers for going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vouching {
    /// Who: a keyed hash of their name, which stands in the sealed record.
    pub by: Bytes<32>,
    /// Why, from a closed list.
    pub reason: String,
}

/// Somebody looked at what is known of people: written before they were given it. It names none of them: the visits do that for
/// whoever may open the sealed records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Who: the identifier in the device's register of staff, the name of a program's pairing, or `uid:N` of a command.
    pub by: String,
    /// As what.
    pub role: Duty,
    /// What was looked at.
    pub what: Look,
    /// How many people it is about.
    pub count: u64,
    /// Which visits.
    pub visits: Vec<Bytes<16>>,
    /// The site profile; empty for all.
    pub profile: String,
}

/// As what somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// At a reception.
    Reception,
    /// At an examination.
    Proctor,
    /// At a ward.
    Nurse,
    /// Who answers for the place, its staff and what was let in.
    Manager,
    /// Other software.
    Program,
    /// A command at the device itself.
    Operator,
}

impl Duty {
    /// Those that people have.
    pub const STAFF: [Self; 4] = [Self::Reception, Self::Proctor, Self::Nurse, Self::Manager];

    /// Its word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reception => "reception",
            Self::Proctor => "proctor",
            Self::Nurse => "nurse",
            Self::Manager => "manager",
            Self::Program => "program",
            Self::Operator => "operator",
        }
    }
}

/// What somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// A visit that goes on, or has just ended.
    Visit,
    /// The signed result of a visit.
    Result,
    /// A record.
    Record,
    /// The list of a day.
    List,
    /// What a search found.
    Search,
    /// The list of a day as a table to take away.
    Export,
    /// Where an operator's list and the chips differ, as a table to take away.
    Corrections,
    /// A record printed once more.
    Print,
    /// A signed statement.
    Attestation,
    /// A file for an authority.
    File,
    /// Everything that is kept of a person, for that person.
    Subject,
}

impl Look {
    /// Its word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Result => "result",
            Self::Record => "record",
            Self::List => "list",
            Self::Search => "search",
            Self::Export => "export",
            Self::Corrections => "corrections",
            Self::Print => "print",
            Self::Attestation => "attestation",
            Self::File => "file",
            Self::Subject => "subject",
        }
    }
}

/// Somebody of staff changed what is kept of a visit. It holds nothing of it: what stands there now lies sealed in the device's
/// book, beside the number that the commitment was made with. With the record both go, and then the commitment says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Who: the identifier in the device's register of staff.
    pub by: String,
    /// What was done.
    pub act: Act,
    /// Why, from a closed list; nothing where the act says it.
    pub why: Option<String>,
    /// As what.
    pub role: Duty,
    /// Which visit.
    pub visit: Bytes<16>,
    /// The site profile.
    pub profile: String,
    /// The version that stands from now on; the first is what was kept.
    pub version: u64,
    /// SHA-256 of a random number of 32 bytes, which lies sealed with the version, and of the version.
    pub commitment: Bytes<32>,
}

/// What is done to what is kept of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It says something else now.
    Corrected,
    /// It is in no file for an authority any more.
    Withdrawn,
    /// It is again.
    Restored,
    /// The authority was told of a correction by hand.
    CorrectedAtPortal,
    /// The holder has left.
    CheckedOut,
    /// They have not.
    CheckOutUndone,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Corrected,
        Self::Withdrawn,
        Self::Restored,
        Self::CorrectedAtPortal,
        Self::CheckedOut,
        Self::CheckOutUndone,
    ];

    /// Its word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Corrected => "corrected",
            Self::Withdrawn => "withdrawn",
            Self::Restored => "restored",
            Self::CorrectedAtPortal => "corrected_at_portal",
            Self::CheckedOut => "checked_out",
            Self::CheckOutUndone => "check_out_undone",
        }
    }
}

/// Somebody of staff handed over: what was done since the last time, and what is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Who: the identifier in the device's register of staff.
    pub by: String,
    /// Who takes over, if anybody does.
    pub to: Option<String>,
    /// People who are here.
    pub here: u64,
    /// Visits that were kept.
    pub kept: u64,
    /// As what.
    pub role: Duty,
    /// Since when, seconds since 1970.
    pub since: i64,
    /// People of whom the authority has not confirmed anything.
    pub unsent: u64,
    /// The site profile.
    pub profile: String,
    /// Visits that were turned away.
    pub refused: u64,
}

/// A document signer that nobody here vouches for, as an operator compares it with what an authority publishes. It names
/// no holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// How many documents of it were read here so far.
    pub count: u64,
    /// When the first one was read, seconds since 1970.
    pub since: i64,
    /// Over how many numbers.
    pub numbers: u64,
    /// For which kind of document it signed, as `cccd::document` has them.
    pub document: String,
    /// Its certificate in DER.
    #[serde(with = "octets")]
    pub certificate: Vec<u8>,
}

/// CBOR byte strings for `Vec<u8>` fields.
mod octets {
    pub(super) fn serialize<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Octets;
        impl serde::de::Visitor<'_> for Octets {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Octets)
    }
}

/// What one recipient receives: names, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiving {
    /// Who.
    pub id: String,
    /// Names of fields.
    pub fields: Vec<String>,
}

/// Data were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// `retention`; `request` of the person; `undelivered`, messages that nobody took in time; `roster_expired`, lists.
    pub why: String,
    /// How many.
    pub count: u64,
    /// The site profile; empty for all.
    pub profile: String,
    /// Nobody: an event of erasure that is signed today says how many. Some of version 1 said whose.
    pub subject: Option<Bytes<32>>,
}

/// A person was given what is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// How many records.
    pub count: u64,
    /// Nobody, as in [`Erasure`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Bytes<32>>,
}

/// A card was read and judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Version 2: how much is assured; nothing where a proof failed or it is another card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<Rung>,
    /// Version 2: the word over the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
    /// How the chip was opened, for example `PACE-ECDH-GM-AES-CBC-CMAC-128`.
    pub access: String,
    /// One entry per check.
    pub checks: Vec<CheckResult>,
    /// Version 2: the five answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// The site profile that was in force.
    pub profile: String,
    /// The holder as a keyed hash, when the profile wants it.
    pub subject: Option<Bytes<32>>,
    /// Version 1 only: the word over all checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Version 2: the kind of document, as `cccd::document` has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// SHA-256 of the stored evidence.
    pub evidence: Bytes<32>,
}

/// One check: identifier, outcome, and why when it did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckResult {
    /// Stable identifier.
    pub id: String,
    /// Stable reason code.
    pub reason: Option<String>,
    /// `passed`, `failed`, `remark` or `not_performed`.
    pub outcome: String,
}

/// The word over all checks in events of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Decision {
    Genuine,
    NotGenuine,
    Undecided,
}

impl Event {
    /// Whether the content is one that its version knows: what came with version 2 has no place in version 1, and what
    /// version 2 replaced none in version 2.
    #[must_use]
    pub fn fits_its_version(&self) -> bool {
        match (self.version, &self.body) {
            (1, Body::Verification(it)) => {
                let newer = it.rung.is_some() || it.word.is_some() || it.answers.is_some() || it.document.is_some();
                it.decision.is_some() && !newer
            }
            (1, Body::Visit(it)) => it.mark.is_none() && it.rung.is_none() && it.staff.is_none() && it.holder.is_none(),
            (VERSION, Body::Verification(it)) => {
                // The word and the rung are what the answers say: nobody can sign another.
                let says = |answers: Answers| {
                    let words = [answers.word_where(true), answers.word_where(false)];
                    it.rung == answers.rung() && it.word.is_some_and(|word| words.contains(&word))
                };
                it.decision.is_none() && it.answers.is_some_and(says)
            }
            // What was done for a person must not tell who they are.
            (VERSION, Body::Erasure(it)) => it.subject.is_none(),
            (VERSION, Body::Disclosure(it)) => it.subject.is_none(),
            (VERSION, Body::Tally(it)) => it.is_whole(),
            (1, Body::Tally(_)) => false,
            (1 | VERSION, _) => true,
            _ => false,
        }
    }
}
