//! Site profiles: what a use of the card reads, why it may, what is done with it and what may leave the device.
//!
//! A profile is data. It strings steps from a closed set together ([`Step`]), names the data that it takes ([`Item`])
//! and who receives which of them ([`Recipient`]). A new use of the card is a new file, not new code.
//! `docs/profiles.md` describes the format.

mod counting;
mod form;
pub mod item;
mod ways;

use cccd::document::{Kind, Taken};
pub use counting::Counting;
pub use form::{Choice, FormField, Group, Keyboard, LONGEST_ANSWER, Recipient, Source, Unfit};
pub use item::{Item, Sensitivity};
use program::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use verdict::Terms;
pub use ways::WithoutChip;

/// What is done, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The holder is told what for, and agrees.
    Consent,
    /// The card's QR code, its number, or the MRZ of a passport opens the chip.
    ScanQr,
    /// The chip is read and judged.
    ReadChip,
    /// Is the holder on the list, and may it be done once more?
    Roster,
    /// Somebody compares the face with the portrait.
    Face,
    /// What the card does not say.
    Form,
    /// A door opens.
    Relay,
    /// Something on paper.
    Print,
    /// The recipients get what they are to get.
    HandOff,
    /// The holder takes the card.
    Done,
}

impl Step {
    /// The name in profiles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::ScanQr => "scan-qr",
            Self::ReadChip => "read-chip",
            Self::Roster => "roster",
            Self::Face => "face",
            Self::Form => "form",
            Self::Relay => "relay",
            Self::Print => "print",
            Self::HandOff => "hand-off",
            Self::Done => "done",
        }
    }
}

/// A site profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Identifier.
    pub id: String,
    /// Title for citizens and staff.
    pub title_vi: String,
    /// The same in English.
    pub title_en: String,
    /// What the data are for, as the citizen is asked.
    pub purpose_vi: String,
    /// The same in English.
    pub purpose_en: String,
    /// Version of that wording; it stands in the event of the consent.
    #[serde(default = "Profile::first_version")]
    pub purpose_version: String,
    /// What allows it.
    pub legal_basis: String,
    /// Virtual cards only, visibly marked, and nothing is ever sent.
    #[serde(default)]
    pub practice: bool,
    /// What is done.
    steps: Spanned<Vec<Step>>,
    /// Data groups to read.
    data_groups: Spanned<Vec<u8>>,
    /// What of the holder the device takes.
    #[serde(default)]
    take: Option<Spanned<Vec<Item>>>,
    /// How long the device keeps what it took; nothing is kept without it.
    #[serde(default)]
    keep: Option<Spanned<Keep>>,
    /// What goes into events.
    pub event: EventScope,
    /// Who else receives what.
    #[serde(default)]
    recipient: Vec<Spanned<Recipient>>,
    /// What people are asked once their card is genuine.
    #[serde(default)]
    form: Vec<Spanned<FormField>>,
    /// Which documents are taken.
    #[serde(default = "Profile::citizen_cards")]
    documents: Spanned<Taken>,
    /// How much must be assured of a document and its holder, and what is done where less is.
    #[serde(default)]
    assurance: Terms,
    /// People without a card, and other cards beside it.
    #[serde(default)]
    pub accept: Vec<Accept>,
    /// Terms of the way in without a chip.
    #[serde(default)]
    without_chip: Option<Spanned<WithoutChip>>,
    /// From which age on people may do it alone; whoever is younger is sent to staff.
    #[serde(default)]
    pub alone_from: Option<u8>,
    /// A list of people.
    #[serde(default)]
    roster: Option<Spanned<RosterUse>>,
    /// How often something may be done.
    #[serde(default)]
    ledger: Option<Spanned<LedgerUse>>,
    /// What is printed.
    #[serde(default)]
    print: Option<Spanned<Print>>,
    /// What is counted, so that only sums leave the device; nothing is without it.
    #[serde(default)]
    tally: Option<Spanned<Counting>>,
    /// Several people belong together, as in a room.
    #[serde(default)]
    pub party: bool,
}

/// What else than a document with a chip is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// Somebody without a chip, typed in by staff and marked as such: a child, say.
    Typed,
    /// The QR code of a health insurance card, beside that of the citizen card.
    HealthInsurance,
}

/// How long the device keeps what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// Days, from the visit.
    pub days: u32,
    /// Not before the site has confirmed that the authority has it, and then this many days more.
    #[serde(default)]
    pub until_reported: bool,
}

/// Use of a list of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterUse {
    /// Whoever is not on it is turned away; otherwise it is only said.
    #[serde(default)]
    pub required: bool,
    /// Attributes of its entries that staff and, with `form` and `recipient`, others may see.
    #[serde(default)]
    pub show: Vec<String>,
    /// Compare these of the chip with the list, and keep what differs.
    #[serde(default)]
    pub compare: Vec<Item>,
}

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerUse {
    /// The rule.
    pub rule: Rule,
    /// Over what it counts.
    #[serde(default)]
    pub scope: Scope,
}

/// How often something may be done by one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Once.
    Once,
    /// In and out by turns; the device says which it is.
    InOut,
    /// Any number of times; it is counted.
    Count,
}

/// Over what a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The day, in Vietnam.
    #[default]
    Day,
    /// The list that is in force.
    Roster,
    /// For ever, which is as long as records are kept.
    Always,
}

/// What is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Print {
    /// What it is.
    pub kind: PrintKind,
    /// Lines; `{full_name}`, `{form.ID}`, `{roster.ATTRIBUTE}`, `{date}`, `{time}`, `{site}` and `{number}` are filled in.
    #[serde(default)]
    pub lines: Vec<String>,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrintKind {
    /// A number in the queue; it names nobody.
    Ticket,
    /// A receipt on the roll.
    Receipt,
    /// A page that the desk prints.
    Page,
    /// A signed statement that the holder was verified with a document, as a file and a page.
    Attestation,
}

/// What about the holder may stand in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventScope {
    /// Fields, from a closed list.
    pub fields: Vec<EventField>,
    /// Who receives them.
    pub recipients: Vec<String>,
    /// How long they are kept.
    pub retention_days: u32,
}

/// A field that a profile may put into events. There is no name, number or image to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventField {
    /// The holder's number under the site's keyed hash.
    Subject,
}

macro_rules! built_in {
    ($($id:literal),* $(,)?) => { &[$(($id, include_str!(concat!("../../profiles/", $id, ".toml")))),*] };
}

/// The profiles that come with the agent.
const BUILT_IN: &[(&str, &str)] = fleet::built_in_profiles!(built_in);

/// Recipients that are on the device itself; the others need a connection in the configuration.
pub const ON_DEVICE: [&str; 2] = ["desk", "app"];

/// What is wrong, where in the text, and what to do.
type Fault = (Range<usize>, String, &'static str);

impl Profile {
    fn first_version() -> String {
        "1".to_owned()
    }

    fn citizen_cards() -> Spanned<Taken> {
        Spanned::new(0..0, Taken::parse([Kind::CitizenCard.code()]).unwrap_or_default())
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// With line and remedy when it is not one.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut profile: Self = toml::from_str(text).map_err(|e| {
            let why = format!("the profile is not valid: {}", e.to_string().trim());
            Failure::usage("profile_invalid", why, "compare with /usr/share/doc/cccd-agent/profiles.md")
        })?;
        let unnamed =
            profile.form.iter_mut().find_map(|field| Some((field.span(), field.get_mut().name_departments().err()?)));
        let unnamed =
            unnamed.map(|(span, why)| (span, why, "offer codes of the ministry's list, as offer = [\"K01\"]"));
        match unnamed.or_else(|| profile.fault()) {
            None => Ok(profile),
            Some((span, why, remedy)) => {
                let line = 1 + text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count();
                let why = format!("the profile is not valid: line {line}: {why}");
                Err(Failure::usage("profile_invalid", why, remedy))
            }
        }
    }

    /// The first thing that does not fit together.
    fn fault(&self) -> Option<Fault> {
        self.fault_in_steps().or_else(|| self.fault_in_data()).or_else(|| self.fault_in_tables())
    }

    fn fault_in_steps(&self) -> Option<Fault> {
        let span = || self.steps.span();
        let steps = self.steps();
        let has = |step| steps.contains(&step);
        if !steps.is_sorted() || steps.windows(2).any(|pair| pair[0] == pair[1]) {
            let order = "consent, scan-qr, read-chip, roster, face, form, relay, print, hand-off, done";
            return Some((
                span(),
                format!("steps come once each, in the order {order}"),
                "put the steps into that order",
            ));
        }
        if !(has(Step::ScanQr) && has(Step::ReadChip) && has(Step::Done)) {
            let why = "scan-qr, read-chip and done are part of every visit".to_owned();
            return Some((span(), why, "add the step that is missing"));
        }
        let pairs = [
            (Step::Roster, self.roster.is_some() || self.ledger.is_some(), "[roster] or [ledger]"),
            (Step::Form, !self.form.is_empty(), "[[form]]"),
            (Step::Print, self.print.is_some(), "[print]"),
            (Step::HandOff, self.recipient.iter().any(|r| r.get_ref().id != "desk"), "[[recipient]] other than desk"),
        ];
        for (step, table, name) in pairs {
            if has(step) != table {
                let (why, remedy) = if table {
                    (format!("{name} is there, the step {} is not", step.name()), "add the step")
                } else {
                    (format!("the step {} needs {name}", step.name()), "add the table, or leave the step out")
                };
                return Some((span(), why, remedy));
            }
        }
        None
    }

    fn fault_in_data(&self) -> Option<Fault> {
        if self.documents().next().is_none() {
            let why = "no kind of document is taken".to_owned();
            return Some((self.documents.span(), why, "name one, or leave the key out: then it is citizen_card"));
        }
        let groups = self.data_groups();
        let span = || self.data_groups.span();
        if let Some(group) = groups.iter().find(|n| !matches!(n, 1..=16)) {
            return Some((span(), format!("data group {group} does not exist"), "name data groups 1 to 16"));
        }
        if !groups.contains(&1) {
            let why = "data group 1 must be read: without it no verdict is possible".to_owned();
            return Some((span(), why, "add 1"));
        }
        if let Some(keep) = &self.keep
            && keep.get_ref().days == 0
        {
            return Some((
                keep.span(),
                "nothing is kept for 0 days".to_owned(),
                "leave [keep] out, and nothing is kept",
            ));
        }
        if let Some(take) = &self.take {
            // A number stands in DG1, too.
            let missing = |item: &Item| *item != Item::IdNumber && !groups.contains(&item.data_group());
            if let Some(item) = take.get_ref().iter().copied().find(missing) {
                let why = format!("{} stands in data group {}, which is not read", item.name(), item.data_group());
                return Some((take.span(), why, "add the data group, or take less"));
            }
        }
        let known = self.names();
        for recipient in &self.recipient {
            let Recipient { id, fields } = recipient.get_ref();
            if let Some(field) = fields.iter().find(|field| !known.contains(field.as_str())) {
                let why = format!("{id} is to receive {field}, which the profile does not take");
                return Some((recipient.span(), why, "name it under take, form or roster.show, or leave it out"));
            }
        }
        None
    }

    fn fault_in_tables(&self) -> Option<Fault> {
        let ids = self.recipient.iter().map(|r| (r.span(), r.get_ref().id.as_str()));
        let fields = self.form.iter().map(|f| (f.span(), f.get_ref().id.as_str()));
        for list in [ids.collect::<Vec<_>>(), fields.collect()] {
            let mut seen = BTreeSet::new();
            if let Some((span, id)) = list.into_iter().find(|(_, id)| !seen.insert(*id)) {
                return Some((span, format!("{id} stands twice"), "give each its own name"));
            }
        }
        if self.alone_from.is_some() && !self.takes(Item::DateOfBirth) {
            let why = "alone_from asks for an age, and date_of_birth is not taken".to_owned();
            return Some((self.steps.span(), why, "name date_of_birth under take"));
        }
        if let Some(ledger) = &self.ledger {
            if self.takes_mrz() && !self.takes(Item::DocumentNumber) {
                let why = "a ledger counts people by their number, and that of other documents is not taken".to_owned();
                return Some((ledger.span(), why, "name document_number under take, or take citizen_card only"));
            }
            if !self.takes(Item::IdNumber) {
                let why = "a ledger counts people by their 12-digit number, which is not taken".to_owned();
                return Some((ledger.span(), why, "name id_number under take"));
            }
            if !self.event.fields.contains(&EventField::Subject) {
                let why = "a ledger knows people by their keyed hash".to_owned();
                return Some((ledger.span(), why, "add subject to [event] fields"));
            }
            if ledger.get_ref().scope == Scope::Roster && self.roster.is_none() {
                let why = "the ledger counts over a list, and there is none".to_owned();
                return Some((ledger.span(), why, "add [roster], or count over day or always"));
            }
        }
        if let Some(roster) = &self.roster
            && let Some(item) = roster.get_ref().compare.iter().find(|item| !self.takes(**item))
        {
            let why = format!("{} is compared and not taken", item.name());
            return Some((roster.span(), why, "name it under take"));
        }
        if let Some(fault) = self.fault_without_chip() {
            return Some(fault);
        }
        if let Some(tally) = &self.tally
            && let Some((why, remedy)) = tally.get_ref().fault(|item| self.takes(item))
        {
            return Some((tally.span(), why, remedy));
        }
        if let Some(print) = &self.print {
            let known = self.names();
            let fixed = ["date", "time", "site", "number", "device", "assurance"];
            let unknown = print
                .get_ref()
                .lines
                .iter()
                .flat_map(|line| placeholders(line))
                .find(|name| !known.contains(*name) && !fixed.contains(name));
            if let Some(name) = unknown {
                let why = format!("{{{name}}} is to be printed, which the profile does not take");
                return Some((print.span(), why, "name it under take, form or roster.show, or leave it out"));
            }
        }
        None
    }

    /// What is counted of each visit.
    #[must_use]
    pub fn tally(&self) -> Option<&Counting> {
        self.tally.as_ref().map(Spanned::get_ref)
    }

    /// Every name that a recipient or a page may use.
    fn names(&self) -> BTreeSet<String> {
        let items = self.take().iter().map(|item| item.name().to_owned());
        let form = self.form.iter().map(|field| format!("form.{}", field.get_ref().id));
        let shown = self.roster().map(|roster| roster.show.as_slice()).unwrap_or_default();
        items.chain(form).chain(shown.iter().map(|name| format!("roster.{name}"))).collect()
    }

    /// What is done, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        self.steps.get_ref()
    }

    /// Data groups to read.
    #[must_use]
    pub fn data_groups(&self) -> &[u8] {
        self.data_groups.get_ref()
    }

    /// What of the holder the device takes.
    #[must_use]
    pub fn take(&self) -> &[Item] {
        self.take.as_ref().map(|take| take.get_ref().as_slice()).unwrap_or_default()
    }

    /// Whether it takes this.
    #[must_use]
    pub fn takes(&self, item: Item) -> bool {
        self.take().contains(&item)
    }

    /// How long the device keeps what it took.
    #[must_use]
    pub fn keep(&self) -> Option<Keep> {
        self.keep.as_ref().map(|keep| *keep.get_ref())
    }

    /// Who else receives what.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.recipient.iter().map(Spanned::get_ref)
    }

    /// A recipient by its name.
    #[must_use]
    pub fn recipient(&self, id: &str) -> Option<&Recipient> {
        self.recipients().find(|recipient| recipient.id == id)
    }

    /// What people are asked.
    pub fn form(&self) -> impl ExactSizeIterator<Item = &FormField> {
        self.form.iter().map(Spanned::get_ref)
    }

    /// Puts the departments of the hospital's system in the place of those in the profile.
    pub fn set_departments(&mut self, departments: &[(String, String)]) {
        self.form.iter_mut().for_each(|field| field.get_mut().replace_departments(departments));
    }

    /// Use of a list of people.
    #[must_use]
    pub fn roster(&self) -> Option<&RosterUse> {
        self.roster.as_ref().map(Spanned::get_ref)
    }

    /// How often something may be done.
    #[must_use]
    pub fn ledger(&self) -> Option<LedgerUse> {
        self.ledger.as_ref().map(|ledger| *ledger.get_ref())
    }

    /// What is printed.
    #[must_use]
    pub fn print(&self) -> Option<&Print> {
        self.print.as_ref().map(Spanned::get_ref)
    }

    /// How much must be assured.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.assurance
    }

    /// Which documents are taken, as the profile names them.
    pub fn documents(&self) -> impl Iterator<Item = String> {
        self.documents.get_ref().texts()
    }

    /// Whether a document of this kind, issued by this state as its MRZ has it, is taken.
    #[must_use]
    pub fn takes_document(&self, kind: Kind, issuer: &str) -> bool {
        self.documents.get_ref().takes(kind, issuer)
    }

    /// Whether any document that an MRZ opens is taken.
    #[must_use]
    pub fn takes_mrz(&self) -> bool {
        self.documents().any(|name| name != Kind::CitizenCard.code())
    }

    /// Whether this is accepted beside citizen cards.
    #[must_use]
    pub fn accepts(&self, what: Accept) -> bool {
        self.accept.contains(&what)
    }

    /// A profile by the name of one that comes with the agent, or from a file whose name ends in `.toml`.
    ///
    /// # Errors
    /// When there is none of that name, or the file is not a profile.
    pub fn load(name: &str) -> Result<Self, Failure> {
        if !name.ends_with(".toml") {
            return Self::built_in(name);
        }
        let text = std::fs::read_to_string(name).map_err(|e| {
            let message = format!("cannot read {name}: {e}");
            Failure::usage("file_unreadable", message, "name a file that exists and may be read")
        })?;
        Self::parse(&text)
    }

    /// Identifiers of the profiles that come with the agent.
    pub fn names_built_in() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(id, _)| *id)
    }

    /// A profile that comes with the agent.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn built_in(id: &str) -> Result<Self, Failure> {
        match BUILT_IN.iter().find(|(known, _)| *known == id) {
            Some((_, text)) => Self::parse(text),
            None => {
                let known = Self::names_built_in().collect::<Vec<_>>().join(", ");
                Err(Failure::usage("profile_unknown", format!("no profile {id:?}"), &format!("choose one of: {known}")))
            }
        }
    }
}

/// The names in braces in a line.
pub fn placeholders(line: &str) -> impl Iterator<Item = &str> {
    line.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

#[cfg(test)]
mod tests;
