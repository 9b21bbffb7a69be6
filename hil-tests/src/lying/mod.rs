//! A lying card, and everything around it that may lie as well: a library of moves, the truth about what they make, and
//! a search that combines them.
//!
//! A [`World`] is a card in front of a terminal, told in facts: who signed it, what the operator keeps, which files were
//! exchanged, who answered. [`Move`]s change facts. From the facts two things are made, by two hands: the *evidence* with
//! trust store and scan that the product judges ([`Stock`]), and the *truth* ([`Truth`]), which is book-keeping in plain
//! words from ICAO 9303 and `docs/verdict.md`. The truth calls nothing of `emrtd`, `cccd` or `verdict`, so that the two
//! cannot agree on the same mistake.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | the facts |
//! | `moves.rs` | what a liar may do, one thing at a time |
//! | `truth.rs` | what is true of a world, and what a profile may make of it |
//! | `form.rs` | what may be wrong about a signature |
//! | `papers.rs` | documents, as bytes |
//! | `people.rs` | genuine cards of people |
//! | `stock.rs` | issuers, trust stores and chips: made once, used a hundred thousand times |
//! | `scene.rs` | a world as evidence |
//! | `judge.rs` | the product's judge, and judges that forget one thing each |
//! | `search.rs` | random combinations of moves, and the shortest that shows the same |

mod form;
mod judge;
mod moves;
mod papers;
mod people;
mod scene;
mod search;
mod stock;
mod truth;

pub use form::Form;
pub use judge::{Cripple, Verdict, judged};
pub use moves::{FAULTS, Move};
pub use papers::{CAN_TWIN, Dates, NUMBER, OTHER_NUMBER, Paper, paper_dg1, paper_dg13};
pub use people::{Person, card_of, read_chip};
pub use scene::Scene;
pub use search::{Found, Random, Search, Use, profiles, violation};
pub use stock::{NOW, Stock};
pub use truth::{Allowed, Issuer, Truth, Validity, may};

/// Who signed EF.SOD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signer {
    /// The state that the paper names, by its usual document signer.
    State,
    /// Vietnam, with RSA-PSS.
    Rsa,
    /// Vietnam, under its second CSCA, to which a link with another name leads.
    Linked,
    /// Vietnam, under the new key of its first CSCA, which keeps its name.
    NewKey,
    /// Somebody with a CSCA of their own under Vietnam's names.
    SelfMade,
    /// Somebody with another key under the name of Vietnam's CSCA.
    Stranger,
    /// The other one of the two states: an honest issuer, and not this document's.
    Neighbour,
    /// Vietnam's document signer, which had expired when it signed.
    Expired,
    /// Vietnam's document signer, which was revoked.
    Revoked,
}

/// What the operator keeps of Vietnam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Home {
    /// Nothing.
    Nothing,
    /// The CSCA and its link, given in person.
    Operator,
    /// The same, for passports only.
    ForPassports,
    /// The same, for cards of citizens only.
    ForCards,
    /// Both in a master list.
    MasterList,
    /// Both in a master list, and the operator said that they are for everything.
    Widened,
    /// The CSCA lay loose in a directory.
    Loose,
    /// The document signer, if it is a real one, pinned for cards.
    PinForCards,
    /// The same, pinned for passports.
    PinForPassports,
    /// Whoever signed, pinned for cards: the operator was talked into it.
    PinWhoever,
}

/// What the operator keeps of Korea.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Foreign {
    /// Nothing.
    Nothing,
    /// Its CSCA and link, given in person.
    Operator,
    /// Its master list.
    MasterList,
    /// Its master list, in which somebody's own "CSCA of Vietnam" stands as well.
    ListWithSelfMade,
}

/// A certificate of a stranger's key that bears the known CSCA's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forged {
    /// There is none.
    Nothing,
    /// A "link" that names the old key as its issuer; the signature is not the old key's.
    Link,
    /// It names itself as its issuer; its own signature is wrong.
    Anchor,
}

/// What the operator keeps of Vietnam's new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rollover {
    /// Nothing.
    Nothing,
    /// The link from the old key.
    Link,
    /// The new key as an anchor of its own.
    Anchor,
}

/// The list of revoked document signers; it names the revoked one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// There is none.
    Nothing,
    /// Signed with the old key.
    ByOld,
    /// Signed with the new key.
    ByNew,
    /// Signed with a stranger's key.
    ByStranger,
    /// A change to another list: it decides nothing.
    Delta,
}

/// Which groups EF.SOD lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lists {
    /// All that the document has.
    All,
    /// Not EF.DG14.
    NoChipKey,
    /// Not EF.DG15.
    NoActiveKey,
    /// Neither.
    NoKeys,
}

/// What became of a file after it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum File {
    /// Nothing.
    Own,
    /// One letter of it was changed.
    Altered,
    /// It is that of another card; of a key: the liar's own.
    Replaced,
    /// The chip says that there is none.
    Hidden,
    /// The chip does not let anybody read it.
    Denied,
}

/// What came of a proof of the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// The chip answered with its key.
    Right,
    /// It answered in full with another key.
    Wrong,
    /// An answer of an earlier session to another question.
    Replayed,
    /// Less than an answer.
    Short,
    /// It refused.
    Refused,
    /// Nobody asked.
    NotAsked,
    /// It was answered with the liar's own key.
    OwnKey,
}

/// What came of PACE with chip-authentication mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mapping {
    /// The chip does not offer it.
    NotOffered,
    /// It answered with its key.
    Right,
    /// Another card's EF.CardSecurity and answer.
    OfAnother,
    /// A wrong answer of full length.
    Wrong,
}

/// What was scanned or typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scanned {
    /// Nothing that says a number.
    Nothing,
    /// The number of the paper.
    Number,
    /// The paper's QR code.
    Qr,
    /// A QR code with the right number and another name.
    QrOtherName,
    /// Another person's number.
    OtherNumber,
    /// Another person's QR code.
    OtherQr,
    /// A home-made QR code whose number ends in the chip's CAN.
    HomeMade,
    /// The document number of the MRZ.
    Mrz,
    /// The document number of another passport.
    OtherMrz,
}

/// What the list of withdrawn and lost cards says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listed {
    /// There is no list.
    Nothing,
    /// Every card of the number.
    Number,
    /// The card of this number and day of issue.
    ThisDay,
    /// The card of this number that was issued on another day.
    OtherDay,
}

/// Which groups the profile reads; EF.DG14 and EF.DG15 always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reads {
    /// 1, 2 and 13.
    All,
    /// 1 and 13.
    NoPortrait,
    /// 1.
    MrzOnly,
}

/// A card in front of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    /// What document it is.
    pub paper: Paper,
    /// Its dates.
    pub dates: Dates,
    /// Which groups its EF.SOD lists.
    pub lists: Lists,
    /// Who signed.
    pub signer: Signer,
    /// What is odd or wrong about the signature.
    pub form: Form,
    /// Whether EF.SOD is that of another card of the same signer.
    pub sod_of_another: bool,
    /// What the operator keeps of Vietnam.
    pub home: Home,
    /// What the operator keeps of Korea.
    pub foreign: Foreign,
    /// What was slipped in.
    pub forged: Forged,
    /// What the operator keeps of the new key.
    pub rollover: Rollover,
    /// The list of revoked signers.
    pub revoked: Revoked,
    /// What became of EF.DG1, 2, 13, 14 and 15.
    pub files: [File; 5],
    /// Active authentication.
    pub active: Shown,
    /// Chip authentication.
    pub agreement: Shown,
    /// PACE-CAM.
    pub mapping: Mapping,
    /// Whether EF.CardAccess is another one than EF.DG14 repeats.
    pub other_access: bool,
    /// What was scanned.
    pub scanned: Scanned,
    /// Whether the clock was only moved up to a floor.
    pub clock_unsure: bool,
    /// The list of withdrawn cards.
    pub withdrawn: Listed,
    /// What was read.
    pub reads: Reads,
    /// Whether only the stored form is judged, without personal data.
    pub redacted: bool,
    /// Whether what was prepared while the card was read is about another EF.SOD.
    pub prepared_another: bool,
}

impl Default for World {
    /// An honest citizen's card, whose anchor the operator has.
    fn default() -> Self {
        Self {
            paper: Paper::Citizen,
            dates: Dates::Current,
            lists: Lists::All,
            signer: Signer::State,
            form: Form::Plain,
            sod_of_another: false,
            home: Home::Operator,
            foreign: Foreign::Nothing,
            forged: Forged::Nothing,
            rollover: Rollover::Nothing,
            revoked: Revoked::Nothing,
            files: [File::Own; 5],
            active: Shown::Right,
            agreement: Shown::Right,
            mapping: Mapping::NotOffered,
            other_access: false,
            scanned: Scanned::Qr,
            clock_unsure: false,
            withdrawn: Listed::Nothing,
            reads: Reads::All,
            redacted: false,
            prepared_another: false,
        }
    }
}

/// The groups of [`World::files`].
pub const GROUPS: [u8; 5] = [1, 2, 13, 14, 15];

impl World {
    /// An honest card with these moves made, in their order.
    #[must_use]
    pub fn after(moves: &[Move]) -> Self {
        moves.iter().fold(Self::default(), |world, one| one.make(world)).settled()
    }

    /// The same without facts that contradict each other: what the practice issuer cannot make.
    fn settled(mut self) -> Self {
        if matches!(self.signer, Signer::NewKey | Signer::Stranger) {
            self.form = Form::Plain;
        }
        let pinned = matches!(self.home, Home::PinForCards | Home::PinForPassports | Home::PinWhoever);
        // A link stands on a CSCA that came with a word of its own.
        if self.rollover == Rollover::Link && (pinned || matches!(self.home, Home::Nothing | Home::Loose)) {
            self.rollover = Rollover::Nothing;
        }
        // The other card's files beside the other card's EF.SOD would be the other card.
        if self.sod_of_another {
            self.files = self.files.map(|file| if file == File::Replaced { File::Altered } else { file });
        }
        // EF.CardSecurity is that of a card of Vietnam, whose document signer is another certificate than any pinned.
        if self.signer != Signer::State || !self.paper.is_vietnamese() || pinned {
            self.mapping = Mapping::NotOffered;
        }
        self
    }

    /// The same as it lies in a file: nobody scanned anything, and no list of withdrawn cards was asked.
    #[must_use]
    pub fn stored(self) -> Self {
        let scanned = Scanned::Nothing;
        Self { scanned, withdrawn: Listed::Nothing, clock_unsure: false, redacted: false, ..self }
    }

    /// What became of a group.
    #[must_use]
    pub fn file(&self, group: u8) -> File {
        GROUPS.iter().position(|one| *one == group).map_or(File::Own, |at| self.files[at])
    }
}
