//! What is true of a world, in plain words: from ICAO 9303-10 to -12 and `docs/verdict.md`, not from the code.
//!
//! 9303-12 §7.1, 9303-11 §5.1: a document is its issuer's if the signature is right, the hashes are those of the files,
//! the signer may sign such documents for that state, was in force when it signed and is not revoked, and leads to an
//! anchor that the operator has for it. 9303-11 §6: the chip is the issued one if it answers under a key that the
//! signature binds. Whatever could not be seen is not true for whoever looks.

use super::{Dates, Forged, Form};
use super::{
    File, Foreign, GROUPS, Home, Listed, Lists, Mapping, Paper, Reads, Revoked, Rollover, Scanned, Shown, Signer, World,
};

/// Who signed, for whoever looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// The state, and the operator has an anchor for such documents.
    Vouched,
    /// A signer that the operator accepted for such documents.
    Pinned,
    /// Rightly signed, by nobody known.
    Unknown,
    /// It cannot be told what was signed.
    Unchecked,
    /// A proof is wrong.
    Bad,
}

/// Whether it is in force, for whoever looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Validity {
    InDate,
    Expired,
    NotYet,
    Withdrawn,
    Unknown,
}

/// What is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// Who signed.
    pub issuer: Issuer,
    /// Whether the chip has shown that it is the one that was issued.
    pub chip_original: bool,
    /// Whether it answered in full, and wrongly.
    pub chip_copy: bool,
    /// Whether what was scanned is what was read.
    pub number_matches: bool,
    /// Whether it is in force.
    pub validity: Validity,
    /// Whether it leans on an old algorithm.
    pub weak: bool,
    /// What kind of document it is seen to be: the product's word.
    pub kind: &'static str,
    /// The state that it names.
    pub state: &'static str,
    /// Whether the number of its holder is seen.
    pub has_number: bool,
}

impl Truth {
    /// Of a world.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let issuer = issuer(world);
        let (chip_original, chip_copy) = chip(world, issuer != Issuer::Bad);
        let mrz = shows(world, 1) && !world.redacted;
        let kind = if mrz { world.paper.kind() } else { "other" };
        Self {
            issuer,
            chip_original,
            chip_copy,
            number_matches: number_matches(world),
            validity: validity(world),
            weak: world.form.is_weak(),
            kind,
            state: if mrz { world.paper.state() } else { "" },
            has_number: !numbers(world).is_empty(),
        }
    }

    /// Whether a ledger can count its holder: a citizen by the number, anybody else by kind, state and number of the document.
    #[must_use]
    pub fn is_countable(&self) -> bool {
        self.kind != "citizen_card" || self.has_number
    }

    /// Whether a proof failed, so that it may be called not genuine.
    #[must_use]
    pub fn is_refuted(&self) -> bool {
        self.issuer == Issuer::Bad || self.chip_copy
    }

    /// How much is assured, from 1 to 5; nothing of what is refuted or another card.
    #[must_use]
    pub fn level(&self) -> Option<u8> {
        match self.issuer {
            _ if self.is_refuted() || !self.number_matches => None,
            Issuer::Vouched if self.chip_original => Some(5),
            Issuer::Pinned if self.chip_original => Some(4),
            Issuer::Unknown if self.chip_original => Some(3),
            _ => Some(1),
        }
    }

    /// Whether a surface may be green over it, where such documents are taken.
    #[must_use]
    pub fn may_be_green(&self) -> bool {
        matches!(self.level(), Some(4 | 5)) && matches!(self.validity, Validity::InDate | Validity::Unknown)
    }
}

/// Which groups the document has.
pub(super) fn is_of_document(world: &World, group: u8) -> bool {
    group != 13 || world.paper.is_national()
}

pub(super) fn is_listed(world: &World, group: u8) -> bool {
    let left_out = match world.lists {
        Lists::All => false,
        Lists::NoChipKey => group == 14,
        Lists::NoActiveKey => group == 15,
        Lists::NoKeys => group >= 14,
    };
    is_of_document(world, group) && !left_out
}

pub(super) fn is_asked_for(world: &World, group: u8) -> bool {
    match group {
        2 => world.reads == Reads::All,
        13 => world.reads != Reads::MrzOnly,
        _ => true,
    }
}

/// Whether the group is there after the read: what EF.SOD does not list is not asked for, but a liar may slip it in.
pub(super) fn shows(world: &World, group: u8) -> bool {
    let file = world.file(group);
    let there = is_listed(world, group) || is_of_document(world, group) && file == File::Replaced;
    is_asked_for(world, group) && there && !matches!(file, File::Hidden | File::Denied)
}

/// Whether it is there, and is what was signed.
fn is_bound(world: &World, group: u8) -> bool {
    let own = world.file(group) == File::Own && !world.sod_of_another;
    shows(world, group) && is_listed(world, group) && own && !world.form.is_unreadable()
}

/// Whether a hash shows that a group is not what was signed.
fn is_exchanged(world: &World, group: u8) -> bool {
    let changed = world.sod_of_another || matches!(world.file(group), File::Altered | File::Replaced);
    shows(world, group) && is_listed(world, group) && changed && !world.form.is_unreadable()
}

/// The signer's state, and whether it is the document's.
fn is_neighbour(world: &World) -> bool {
    match world.signer {
        Signer::State => false,
        Signer::Neighbour => true,
        _ => !world.paper.is_vietnamese(),
    }
}

/// What the operator's anchors vouch for: every kind, passports, cards of citizens, or nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Everything,
    Passports,
    Cards,
    Nothing,
}

impl For {
    fn takes(self, paper: Paper) -> bool {
        match self {
            Self::Everything => true,
            Self::Passports => paper.kind() == "passport",
            Self::Cards => matches!(paper.kind(), "citizen_card" | "identity_card"),
            Self::Nothing => false,
        }
    }
}

/// Vietnam's first CSCA.
const fn root(home: Home) -> For {
    match home {
        Home::Operator | Home::Widened => For::Everything,
        Home::ForPassports | Home::MasterList => For::Passports,
        Home::ForCards => For::Cards,
        Home::Nothing | Home::Loose | Home::PinForCards | Home::PinForPassports | Home::PinWhoever => For::Nothing,
    }
}

/// Whether the signer leads to something that the operator has for this document, pinned or not.
fn vouched(world: &World) -> Option<Issuer> {
    let real = !matches!(world.signer, Signer::SelfMade | Signer::Stranger);
    let pinned = match world.home {
        Home::PinForCards => real.then_some(For::Cards),
        Home::PinForPassports => real.then_some(For::Passports),
        Home::PinWhoever => Some(For::Cards),
        _ => None,
    };
    if let Some(pinned) = pinned {
        return pinned.takes(world.paper).then_some(Issuer::Pinned);
    }
    let korean = match world.foreign {
        Foreign::Nothing => For::Nothing,
        Foreign::Operator => For::Everything,
        Foreign::MasterList | Foreign::ListWithSelfMade => For::Passports,
    };
    let anchor = match world.signer {
        Signer::State if !world.paper.is_vietnamese() => korean,
        Signer::State | Signer::Rsa | Signer::Linked | Signer::Expired | Signer::Revoked => root(world.home),
        Signer::NewKey => match world.rollover {
            Rollover::Nothing => For::Nothing,
            Rollover::Link => root(world.home),
            Rollover::Anchor => For::Everything,
        },
        // Whoever takes in another's master list has that list's word for passports.
        Signer::SelfMade if world.foreign == Foreign::ListWithSelfMade => For::Passports,
        Signer::SelfMade | Signer::Stranger | Signer::Neighbour => For::Nothing,
    };
    // A certificate under a known name that no standing key signed leads nowhere.
    debug_assert!(world.forged == Forged::Nothing || world.signer != Signer::Stranger || anchor == For::Nothing);
    anchor.takes(world.paper).then_some(Issuer::Vouched)
}

/// Whether a list of revoked signers that counts here names this one. What nobody here leads to is not looked up.
fn is_revoked(world: &World) -> bool {
    let leads = world.home != Home::Nothing;
    let counts = match world.revoked {
        Revoked::Nothing | Revoked::ByStranger | Revoked::Delta => false,
        Revoked::ByOld => root(world.home) != For::Nothing,
        Revoked::ByNew => world.rollover != Rollover::Nothing,
    };
    world.signer == Signer::Revoked && leads && counts
}

fn issuer(world: &World) -> Issuer {
    let form = world.form;
    let exchanged = GROUPS.into_iter().any(|group| is_exchanged(world, group));
    // What is said of the signer takes a signature that it made.
    let signer_known = !form.is_uncheckable() && !form.is_unreadable() && !form.is_wrong();
    let says = is_bound(world, 1);
    let wrong_signer = signer_known
        && (says && is_neighbour(world)
            || form.is_for_others(world.paper) && (says || form != Form::OtherDocumentType)
            || world.signer == Signer::Expired && !form.has_no_time()
            || is_revoked(world));
    if form.is_wrong() || exchanged || wrong_signer {
        return Issuer::Bad;
    }
    let kept_back = GROUPS.into_iter().any(|group| {
        let gone = is_asked_for(world, group) && matches!(world.file(group), File::Hidden | File::Denied);
        is_listed(world, group) && gone
    });
    let slipped_in = GROUPS.into_iter().any(|group| shows(world, group) && !is_listed(world, group));
    if !signer_known || kept_back || slipped_in || !says {
        return Issuer::Unchecked;
    }
    // An authority does not sign documents; a signer that had expired may have signed before.
    let doubtful = form == Form::SignerIsAuthority || world.signer == Signer::Expired;
    vouched(world).filter(|_| !doubtful).unwrap_or(Issuer::Unknown)
}

/// Whether the chip has shown that it is the issued one, and whether it showed that it is not.
fn chip(world: &World, issuer_stands: bool) -> (bool, bool) {
    let (agreement, active) = (is_bound(world, 14), is_bound(world, 15));
    let wrong = |shown| matches!(shown, Shown::Wrong | Shown::Replayed);
    // The liar's signature has another length than the chip's, which says nothing; agreed keys have none.
    let own_key = world.agreement == Shown::OwnKey;
    let mapped = agreement && !matches!(world.mapping, Mapping::NotOffered | Mapping::OfAnother);
    let copy = active && wrong(world.active)
        || agreement && (wrong(world.agreement) || own_key)
        || mapped && world.mapping == Mapping::Wrong;
    let holds = active && world.active == Shown::Right
        || agreement && world.agreement == Shown::Right
        || mapped && world.mapping == Mapping::Right;
    // The channel must be the one that the issuer signed, where the signed file says which.
    let channel = !(world.other_access && shows(world, 14) && world.file(14) != File::Altered);
    let signed = !world.form.is_uncheckable() && !world.form.is_unreadable() && issuer_stands;
    (holds && channel && signed && !copy, copy)
}

/// Whose numbers are read, the national group's first: true where it is the holder's, false where it is somebody else's.
fn numbers(world: &World) -> Vec<bool> {
    let open = |group| shows(world, group) && !world.redacted;
    let carried = [(13, world.paper.number_in_group()), (1, world.paper.number_in_mrz())];
    let seen = carried.into_iter().filter(|(group, carried)| *carried && open(*group));
    seen.map(|(group, _)| world.file(group) != File::Replaced).collect()
}

fn number_matches(world: &World) -> bool {
    let (mrz, numbers) = (shows(world, 1) && !world.redacted, numbers(world));
    match world.scanned {
        Scanned::Nothing => true,
        // The number is each of those that are read.
        Scanned::Number | Scanned::Qr | Scanned::QrOtherName => !numbers.is_empty() && numbers.iter().all(|own| *own),
        Scanned::OtherNumber | Scanned::OtherQr => !numbers.is_empty() && numbers.iter().all(|own| !own),
        Scanned::Mrz => mrz && world.file(1) != File::Replaced,
        Scanned::HomeMade | Scanned::OtherMrz => false,
    }
}

fn validity(world: &World) -> Validity {
    let open = |group| shows(world, group) && !world.redacted;
    let (mrz, national) = (open(1), open(13));
    let certain = |validity| if world.clock_unsure { Validity::Unknown } else { validity };
    let by_dates = match world.dates {
        _ if !mrz && !national => Validity::Unknown,
        Dates::NotYet if national => certain(Validity::NotYet),
        Dates::Current | Dates::NotYet => certain(Validity::InDate),
        Dates::Expired => Validity::Expired,
        // Group 13 says so in words, the MRZ has a day far away.
        Dates::Endless if national => Validity::InDate,
        Dates::Endless => certain(Validity::InDate),
        Dates::Unreadable => Validity::Unknown,
    };
    // A list of citizens' cards, by number and day of issue.
    let holder = numbers(world).first().copied();
    let day = national.then_some(world.dates != Dates::NotYet);
    match world.withdrawn {
        Listed::Nothing => by_dates,
        Listed::Number if holder == Some(true) => Validity::Withdrawn,
        Listed::ThisDay if holder == Some(true) && day == Some(true) => Validity::Withdrawn,
        _ if holder.is_none() || world.withdrawn == Listed::Number && day.is_some() => by_dates,
        // A list names nobody: who is asked about without a day may be on it.
        _ if day.is_none() && by_dates == Validity::InDate => Validity::Unknown,
        _ => by_dates,
    }
}

/// What a profile may do with somebody, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Turn them away.
    Refuse,
    /// Leave it to a named member of staff.
    Staff,
    /// Go on, visibly marked.
    Mark,
    /// Go on.
    GoOn,
}

impl Allowed {
    fn of(word: &str) -> Self {
        match word {
            "staff" => Self::Staff,
            "mark" | "warn" => Self::Mark,
            _ => Self::Refuse,
        }
    }
}

/// The most that a profile may do, by what `docs/verdict.md` says of its words. The profile is taken as text.
#[must_use]
pub fn may(truth: &Truth, profile: &toml::Table) -> Allowed {
    let Some(level) = truth.level() else { return Allowed::Refuse };
    let documents = profile.get("documents").and_then(toml::Value::as_array);
    let taken = documents.map_or(truth.kind == "citizen_card", |list| {
        list.iter().filter_map(toml::Value::as_str).any(|one| {
            let (kind, state) = one.split_once(':').map_or((one, truth.state), |(kind, state)| (kind, state));
            kind == truth.kind && state == truth.state
        })
    });
    // Who counts people must know whom it counts.
    let counts = profile.get("ledger").is_some();
    if !taken || counts && !truth.is_countable() || truth.validity == Validity::Withdrawn {
        return Allowed::Refuse;
    }
    let assurance = profile.get("assurance");
    let word = |key: &str, otherwise: &'static str| -> String {
        let value = assurance.and_then(|table| table.get(key)).and_then(toml::Value::as_str);
        value.unwrap_or(otherwise).to_owned()
    };
    let names = ["", "claimed", "shown", "signed", "pinned", "proved"];
    let weak = truth.weak && word("strength", "current") == "current";
    let level = if weak { level.min(3) } else { level };
    let name = names[usize::from(level)];
    let least = names.iter().position(|one| *one == word("at_least", "proved")).unwrap_or(5);
    let by_level = if usize::from(level) >= least { Allowed::GoOn } else { Allowed::of(&word(name, "refuse")) };
    let over = word("expired", "refuse");
    let by_dates = match truth.validity {
        Validity::InDate => Allowed::GoOn,
        Validity::Expired | Validity::NotYet => Allowed::of(&over),
        Validity::Unknown if over == "warn" => Allowed::Mark,
        Validity::Unknown => Allowed::Staff,
        Validity::Withdrawn => Allowed::Refuse,
    };
    by_level.min(by_dates)
}
