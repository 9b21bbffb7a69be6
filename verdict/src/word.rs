//! The table from five answers to one word and a rung.

use crate::{Answers, Chip, Consistency, Holder, Issuer, Validity, codes};

codes! {
    /// The word over a document, as people hear it.
    Word {
        /// Issuer in scope, chip no copy, in force: green.
        Proved = "proved",
        /// The same under a signer that the operator accepted.
        Pinned = "pinned",
        /// Signature, hashes and chip are right, and nobody here knows the issuer.
        Signed = "signed",
        /// A person saw a document or a screen; no chip was read.
        Shown = "shown",
        /// Text only: a QR code, or what was typed.
        Claimed = "claimed",
        /// A chip was read, nothing is wrong with it, and too little could be proved.
        Unproved = "unproved",
        /// After its date of expiry.
        Expired = "expired",
        /// Before its date of issue.
        NotYetValid = "not_yet_valid",
        /// Lost or withdrawn.
        Withdrawn = "withdrawn",
        /// Genuine or not, a document of another kind or state than is taken here.
        OtherDocument = "other_document",
        /// Another card than the one that was scanned, typed or listed.
        OtherCard = "other_card",
        /// Another person than the one in the portrait.
        OtherHolder = "other_holder",
        /// A proof failed: forged, altered or copied.
        NotGenuine = "not_genuine",
    }
}

codes! {
    /// How much is assured, the least first.
    Rung {
        /// Text only, or a chip that proved nothing.
        Claimed = "claimed",
        /// A person saw a document or a screen, and says which.
        Shown = "shown",
        /// Signature and hashes are right and the chip holds the keys that they bind; the issuer is unknown here. A
        /// self-made card comes as far.
        Signed = "signed",
        /// As `proved`, under a signer that the operator accepted.
        Pinned = "pinned",
        /// The issuer is in scope and the chip is no copy.
        Proved = "proved",
    }
}

impl Rung {
    /// Whether a surface may show it in green or teal.
    #[must_use]
    pub const fn is_green(self) -> bool {
        matches!(self, Self::Proved | Self::Pinned)
    }

    /// From 1 to 5, for the meter.
    #[must_use]
    pub const fn level(self) -> u8 {
        self as u8 + 1
    }
}

impl Word {
    /// Whether a surface may show it in green or teal.
    #[must_use]
    pub const fn is_green(self) -> bool {
        matches!(self, Self::Proved | Self::Pinned)
    }
}

impl From<Rung> for Word {
    /// The word for somebody of whom no chip was read, or nothing stands against one that was.
    fn from(rung: Rung) -> Self {
        match rung {
            Rung::Claimed => Self::Claimed,
            Rung::Shown => Self::Shown,
            Rung::Signed => Self::Signed,
            Rung::Pinned => Self::Pinned,
            Rung::Proved => Self::Proved,
        }
    }
}

impl Answers {
    /// The word. The first line that fits decides.
    #[must_use]
    pub const fn word(self) -> Word {
        match (self.issuer, self.chip, self.validity, self.consistency, self.holder) {
            (Issuer::Refuted, _, _, _, _) | (_, Chip::Copy, _, _, _) => Word::NotGenuine,
            (_, _, _, Consistency::OtherCard, _) => Word::OtherCard,
            (_, _, _, _, Holder::Differs) => Word::OtherHolder,
            (_, _, Validity::Withdrawn, _, _) => Word::Withdrawn,
            (_, _, Validity::Expired, _, _) => Word::Expired,
            (_, _, Validity::NotYet, _, _) => Word::NotYetValid,
            (Issuer::Vouched, Chip::Proved, _, _, _) => Word::Proved,
            (Issuer::Pinned, Chip::Proved, _, _, _) => Word::Pinned,
            (Issuer::Unknown, Chip::Proved, _, _, _) => Word::Signed,
            (_, Chip::Unproved, _, _, _) | (Issuer::Unchecked, _, _, _, _) => Word::Unproved,
        }
    }

    /// The word where only some kinds of document are taken: `accepted` says whether this is one of them.
    #[must_use]
    pub const fn word_where(self, accepted: bool) -> Word {
        match self.word() {
            word @ (Word::NotGenuine | Word::OtherCard | Word::OtherHolder) => word,
            _ if !accepted => Word::OtherDocument,
            word => word,
        }
    }

    /// How much is assured of the document; nothing where a proof failed or where it is not the one that was named.
    #[must_use]
    pub const fn rung(self) -> Option<Rung> {
        match (self.issuer, self.chip, self.consistency) {
            (Issuer::Refuted, _, _) | (_, Chip::Copy, _) | (_, _, Consistency::OtherCard) => None,
            (Issuer::Vouched, Chip::Proved, _) => Some(Rung::Proved),
            (Issuer::Pinned, Chip::Proved, _) => Some(Rung::Pinned),
            (Issuer::Unknown, Chip::Proved, _) => Some(Rung::Signed),
            (_, Chip::Unproved, _) | (Issuer::Unchecked, _, _) => Some(Rung::Claimed),
        }
    }
}
