//! What a liar may do, and what may befall an honest card: one thing at a time.

use super::{
    Dates, File, Foreign, Forged, Form, GROUPS, Home, Listed, Lists, Mapping, Paper, Reads, Revoked, Rollover, Scanned,
    Shown, Signer, World,
};

/// One thing that is done. Each changes a fact, whatever was done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// Another document is brought: a foreign card, a passport, a card without a number.
    Bring(Paper),
    /// Its dates are these.
    Date(Dates),
    /// EF.SOD lists fewer groups.
    List(Lists),
    /// Somebody else signs: with a chain of their own, a neighbour, an expired or a revoked signer.
    Sign(Signer),
    /// The signer is for something else, its key is weak, the signature is odd or wrong.
    Form(Form),
    /// EF.SOD is that of another card.
    SodOfAnother,
    /// The operator keeps this of Vietnam.
    Keep(Home),
    /// The operator keeps this of Korea.
    KeepForeign(Foreign),
    /// A certificate under the known name is slipped in.
    Forge(Forged),
    /// The CSCA has a new key.
    RollOver(Rollover),
    /// There is a list of revoked signers.
    Revoke(Revoked),
    /// A group is changed, exchanged, hidden or denied.
    File(u8, File),
    /// Active authentication goes like this.
    Active(Shown),
    /// Chip authentication goes like this.
    Agreement(Shown),
    /// Both are refused.
    ProveNothing,
    /// Both keys are the liar's own, and so are the answers.
    OwnKeys,
    /// PACE-CAM goes like this.
    Mapping(Mapping),
    /// PACE-CAM is that of another card; the chip proves nothing else.
    MappingOfAnotherOnly,
    /// EF.CardAccess is another one.
    OtherAccess,
    /// This is scanned or typed.
    Scan(Scanned),
    /// The clock was only moved up to a floor.
    ClockUnsure,
    /// The list of withdrawn cards says this.
    Withdraw(Listed),
    /// The profile reads fewer groups.
    Read(Reads),
    /// Only the stored form is judged.
    Redact,
    /// What was prepared is about another EF.SOD.
    PrepareAnother,
}

impl Move {
    /// Every move, by families that are drawn from with the same chance.
    #[must_use]
    pub fn families() -> Vec<Vec<Self>> {
        let all = |list: &[Self]| list.to_vec();
        let kinds = [File::Altered, File::Replaced, File::Hidden, File::Denied];
        let proofs =
            [Shown::Wrong, Shown::Replayed, Shown::Short, Shown::Refused, Shown::NotAsked, Shown::OwnKey, Shown::Right];
        vec![
            Paper::ALL.map(Self::Bring).to_vec(),
            Dates::ALL.map(Self::Date).to_vec(),
            all(&[Lists::NoChipKey, Lists::NoActiveKey, Lists::NoKeys, Lists::All].map(Self::List)),
            [
                Signer::State,
                Signer::Rsa,
                Signer::Linked,
                Signer::NewKey,
                Signer::SelfMade,
                Signer::Stranger,
                Signer::Neighbour,
                Signer::Expired,
                Signer::Revoked,
            ]
            .map(Self::Sign)
            .to_vec(),
            Form::ALL.map(Self::Form).to_vec(),
            [
                Home::Nothing,
                Home::Operator,
                Home::ForPassports,
                Home::ForCards,
                Home::MasterList,
                Home::Widened,
                Home::Loose,
                Home::PinForCards,
                Home::PinForPassports,
                Home::PinWhoever,
            ]
            .map(Self::Keep)
            .to_vec(),
            [Foreign::Operator, Foreign::MasterList, Foreign::ListWithSelfMade].map(Self::KeepForeign).to_vec(),
            all(&[Self::Forge(Forged::Link), Self::Forge(Forged::Anchor)]),
            all(&[Self::RollOver(Rollover::Link), Self::RollOver(Rollover::Anchor)]),
            [Revoked::ByOld, Revoked::ByNew, Revoked::ByStranger, Revoked::Delta].map(Self::Revoke).to_vec(),
            GROUPS.into_iter().flat_map(|group| kinds.map(|file| Self::File(group, file))).collect(),
            proofs.map(Self::Active).to_vec(),
            proofs.map(Self::Agreement).to_vec(),
            all(&[Self::ProveNothing, Self::OwnKeys, Self::OtherAccess, Self::SodOfAnother]),
            all(&[
                Self::Mapping(Mapping::Right),
                Self::Mapping(Mapping::OfAnother),
                Self::Mapping(Mapping::Wrong),
                Self::MappingOfAnotherOnly,
            ]),
            [
                Scanned::Nothing,
                Scanned::Number,
                Scanned::QrOtherName,
                Scanned::OtherNumber,
                Scanned::OtherQr,
                Scanned::HomeMade,
                Scanned::Mrz,
                Scanned::OtherMrz,
            ]
            .map(Self::Scan)
            .to_vec(),
            all(&[Self::ClockUnsure, Self::Redact, Self::PrepareAnother]),
            [Listed::Number, Listed::ThisDay, Listed::OtherDay].map(Self::Withdraw).to_vec(),
            [Reads::NoPortrait, Reads::MrzOnly].map(Self::Read).to_vec(),
        ]
    }

    /// The world after it.
    #[must_use]
    pub fn make(self, world: World) -> World {
        match self {
            // Whoever brings a document without a number opens it by its MRZ, unless they scan something else.
            Self::Bring(paper) if !paper.number_in_mrz() && world.scanned == Scanned::Qr => {
                World { paper, scanned: Scanned::Mrz, ..world }
            }
            Self::Bring(paper) => World { paper, ..world },
            Self::Date(dates) => World { dates, ..world },
            Self::List(lists) => World { lists, ..world },
            Self::Sign(signer) => World { signer, ..world },
            Self::Form(form) => World { form, ..world },
            Self::SodOfAnother => World { sod_of_another: true, ..world },
            Self::Keep(home) => World { home, ..world },
            Self::KeepForeign(foreign) => World { foreign, ..world },
            Self::Forge(forged) => World { forged, ..world },
            Self::RollOver(rollover) => World { rollover, ..world },
            Self::Revoke(revoked) => World { revoked, ..world },
            Self::File(group, file) => exchange(world, &[group], file),
            Self::Active(active) => World { active, ..world },
            Self::Agreement(agreement) => World { agreement, ..world },
            Self::ProveNothing => World { active: Shown::Refused, agreement: Shown::Refused, ..world },
            Self::OwnKeys => {
                let world = World { active: Shown::OwnKey, agreement: Shown::OwnKey, ..world };
                exchange(world, &[14, 15], File::Replaced)
            }
            Self::Mapping(mapping) => World { mapping, ..world },
            Self::MappingOfAnotherOnly => {
                let (active, agreement) = (Shown::NotAsked, Shown::NotAsked);
                World { mapping: Mapping::OfAnother, active, agreement, ..world }
            }
            Self::OtherAccess => World { other_access: true, ..world },
            Self::Scan(scanned) => World { scanned, ..world },
            Self::ClockUnsure => World { clock_unsure: true, ..world },
            Self::Withdraw(withdrawn) => World { withdrawn, ..world },
            Self::Read(reads) => World { reads, ..world },
            Self::Redact => World { redacted: true, ..world },
            Self::PrepareAnother => World { prepared_another: true, ..world },
        }
    }
}

fn exchange(mut world: World, groups: &[u8], file: File) -> World {
    for (at, _) in GROUPS.iter().enumerate().filter(|(_, group)| groups.contains(group)) {
        world.files[at] = file;
    }
    world
}

/// The faults of the judge of 26be0f9 that can be told in a file, as moves, and the word that is right. The numbers are
/// those of `docs/verdict.md`.
pub const FAULTS: [(&str, &[Move], &str); 12] = [
    ("a1-foreign-csca", &[Move::Sign(Signer::Neighbour), Move::KeepForeign(Foreign::Operator)], "not_genuine"),
    ("a1-foreign-master-list", &[Move::Sign(Signer::Neighbour), Move::KeepForeign(Foreign::MasterList)], "not_genuine"),
    (
        "a2-foreign-card",
        &[Move::Bring(Paper::ForeignTd1), Move::KeepForeign(Foreign::Operator), Move::Scan(Scanned::HomeMade)],
        "other_card",
    ),
    ("a3-expired", &[Move::Date(Dates::Expired)], "expired"),
    (
        "a4-revoked-by-new-key",
        &[Move::Sign(Signer::Revoked), Move::RollOver(Rollover::Link), Move::Revoke(Revoked::ByNew)],
        "not_genuine",
    ),
    ("a5-mapping-without-dg14", &[Move::MappingOfAnotherOnly, Move::List(Lists::NoChipKey)], "unproved"),
    ("a7-forged-anchor", &[Move::Sign(Signer::Stranger), Move::Forge(Forged::Anchor)], "signed"),
    ("f4-no-signing-time", &[Move::Sign(Signer::Expired), Move::Form(Form::SigningTimeMissing)], "signed"),
    ("f5-barcode-signer", &[Move::Form(Form::BarcodeSigner)], "not_genuine"),
    ("f5-critical-extension", &[Move::Form(Form::UnknownCritical)], "not_genuine"),
    ("f5-rsa-512", &[Move::Form(Form::Rsa512)], "unproved"),
    ("f6-forged-link", &[Move::Sign(Signer::Stranger), Move::Forge(Forged::Link)], "signed"),
];
