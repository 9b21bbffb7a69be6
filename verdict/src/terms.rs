//! What a use of the card asks for, and what becomes of a visit under it.

use crate::{Answers, Holder, Rung, Validity, Word, codes};
use serde::{Deserialize, Serialize};

codes! {
    /// What is done with somebody on a rung below the one that is asked for.
    Below {
        /// They are turned away.
        Refuse = "refuse",
        /// A named member of staff goes on with a reason, or nobody does.
        Staff = "staff",
        /// The visit goes on, visibly marked.
        Mark = "mark",
    }
}

codes! {
    /// What is done with a document that is over, not yet valid, or whose dates are not certain.
    WhenOver {
        /// The holder is turned away; where only the dates are uncertain, staff decide.
        Refuse = "refuse",
        /// A named member of staff goes on with a reason, or nobody does.
        Staff = "staff",
        /// The visit goes on, visibly marked.
        Warn = "warn",
    }
}

codes! {
    /// What is made of old algorithms: SHA-1, RSA below 2,048 bits, curves below 224 bits.
    Strength {
        /// They are named, and nothing follows.
        Any = "any",
        /// A document that leans on one is at most `signed`.
        Current = "current",
    }
}

codes! {
    /// Why a visit does not simply go on.
    Because {
        /// A proof failed.
        NotGenuine = "not_genuine",
        /// Another card than the one that was scanned, typed or listed.
        OtherCard = "other_card",
        /// Another person than the one in the portrait.
        OtherHolder = "other_holder",
        /// A document of another kind or state than is taken here.
        OtherDocument = "other_document",
        /// Lost or withdrawn.
        Withdrawn = "withdrawn",
        /// After its date of expiry.
        Expired = "expired",
        /// Before its date of issue.
        NotYetValid = "not_yet_valid",
        /// Its dates, or today's, are not certain.
        ValidityUnknown = "validity_unknown",
        /// Less is assured than this use asks for.
        Assurance = "assurance",
        /// An algorithm is too weak for what is asked.
        Weak = "weak",
    }
}

/// What becomes of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// It goes on.
    GoesOn,
    /// It goes on, visibly marked with the reason.
    Marked(Because),
    /// A named member of staff says that it goes on, with a reason, or it does not.
    AskStaff(Because),
    /// It ends.
    Refused(Because),
}

/// What a use of the card asks for: the table `[assurance]` of a profile. A key that is not there has the strictest
/// value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// The least that goes on without a mark.
    pub at_least: Rung,
    /// What is done with somebody on `pinned`, where that is too little.
    pub pinned: Below,
    /// The same for `signed`.
    pub signed: Below,
    /// The same for `shown`.
    pub shown: Below,
    /// The same for `claimed`.
    pub claimed: Below,
    /// What is done with documents that are over.
    pub expired: WhenOver,
    /// What is made of old algorithms.
    pub strength: Strength,
}

impl Default for Terms {
    /// The strictest: a profile that says nothing lets nothing pass that is less.
    fn default() -> Self {
        Self {
            at_least: Rung::Proved,
            pinned: Below::Refuse,
            signed: Below::Refuse,
            shown: Below::Refuse,
            claimed: Below::Refuse,
            expired: WhenOver::Refuse,
            strength: Strength::Current,
        }
    }
}

impl Terms {
    /// What is done with somebody on this rung.
    #[must_use]
    pub const fn below(&self, rung: Rung) -> Below {
        match rung {
            Rung::Claimed => self.claimed,
            Rung::Shown => self.shown,
            Rung::Signed => self.signed,
            Rung::Pinned => self.pinned,
            // Nothing is above it, so it is never too little.
            Rung::Proved => Below::Refuse,
        }
    }

    /// The rung that counts here: a document that leans on old algorithms is at most `signed` where strength is asked
    /// for.
    #[must_use]
    pub fn counted(&self, rung: Rung, weak: bool) -> Rung {
        if weak && self.strength == Strength::Current { rung.min(Rung::Signed) } else { rung }
    }

    /// What becomes of somebody whose document was read. `accepted`: it is of a kind and state that is taken here.
    /// `weak`: it leans on an old algorithm.
    #[must_use]
    pub fn admit(&self, answers: Answers, accepted: bool, weak: bool) -> Admission {
        let refused = Admission::Refused;
        match answers.word_where(accepted) {
            Word::NotGenuine => return refused(Because::NotGenuine),
            Word::OtherCard => return refused(Because::OtherCard),
            Word::OtherHolder => return refused(Because::OtherHolder),
            Word::OtherDocument => return refused(Because::OtherDocument),
            Word::Withdrawn => return refused(Because::Withdrawn),
            _ => {}
        }
        let Some(rung) = answers.rung() else { return refused(Because::NotGenuine) };
        let over = match answers.validity {
            Validity::Expired => self.over(Because::Expired),
            Validity::NotYet => self.over(Because::NotYetValid),
            // Nobody is turned away because a clock is unsure; nor does that let anything pass unseen.
            Validity::Unknown => match self.expired {
                WhenOver::Refuse | WhenOver::Staff => Admission::AskStaff(Because::ValidityUnknown),
                WhenOver::Warn => Admission::Marked(Because::ValidityUnknown),
            },
            Validity::Withdrawn => refused(Because::Withdrawn),
            Validity::InDate => Admission::GoesOn,
        };
        self.assured(rung, weak).and(over)
    }

    /// What becomes of somebody of whom only this much is assured: no chip was read, or none is asked about.
    #[must_use]
    pub fn assured(&self, rung: Rung, weak: bool) -> Admission {
        let counted = self.counted(rung, weak);
        if counted >= self.at_least {
            return Admission::GoesOn;
        }
        let because = if counted < rung { Because::Weak } else { Because::Assurance };
        match self.below(counted) {
            Below::Refuse => Admission::Refused(because),
            Below::Staff => Admission::AskStaff(because),
            Below::Mark => Admission::Marked(because),
        }
    }

    const fn over(&self, because: Because) -> Admission {
        match self.expired {
            WhenOver::Refuse => Admission::Refused(because),
            WhenOver::Staff => Admission::AskStaff(because),
            WhenOver::Warn => Admission::Marked(because),
        }
    }
}

impl Admission {
    /// The stricter of two; the first where they are alike.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |one: &Self| match one {
            Self::GoesOn => 0,
            Self::Marked(_) => 1,
            Self::AskStaff(_) => 2,
            Self::Refused(_) => 3,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }

    /// Whether the visit goes on without a word of staff.
    #[must_use]
    pub const fn goes_on(self) -> bool {
        matches!(self, Self::GoesOn | Self::Marked(_))
    }

    /// Why it does not simply go on.
    #[must_use]
    pub const fn because(self) -> Option<Because> {
        match self {
            Self::GoesOn => None,
            Self::Marked(because) | Self::AskStaff(because) | Self::Refused(because) => Some(because),
        }
    }
}

/// What a holder's comparison adds to answers that were given before it.
impl Answers {
    /// The same once somebody compared face and portrait.
    #[must_use]
    pub const fn with_holder(self, holder: Holder) -> Self {
        Self { holder, ..self }
    }
}
