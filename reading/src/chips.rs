//! What a device has learnt about types of chip: which manner of reading they take, so that a card is not asked for what
//! others like it have refused.
//!
//! A type is told by the answer to reset *and* by the document signer: cards of one batch share both, and a card that
//! means ill can copy the first only. Something is learnt when two cards agree, it is forgotten after an hour, and after
//! as many reads as a busy morning has: then the next card is asked for everything once more. What was learnt concerns the
//! reading of files alone; every proof is asked for as if nothing were known.
//!
//! `STATE/chips.json` shows it to `cccd-agent doctor`; it holds nothing about persons, and is not read back.
//!
//! ```json
//! {"schema": "cccd-agent/chips/1",
//!  "chips": [{"atr": "3b8580…", "signer": "9f86d0…", "manner": "careful", "without": ["short_identifier"],
//!             "short": 223, "most": 4096, "cards": 2, "in_use": true, "minutes_left": 57}, …]}
//! ```

use emrtd::{Expected, Manner};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long something learnt is kept.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// How many reads something learnt is used for.
const MOST_USES: u32 = 200;

/// Cards that have to agree.
const ENOUGH: u32 = 2;

/// Types remembered; more than a site meets in an hour.
const MOST: usize = 64;

/// What a read has shown of a card.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// Answer to reset.
    pub atr: &'a [u8],
    /// Its document signer.
    pub signer: [u8; 32],
    /// SHA-256 of its EF.SOD: tells two cards from one that was read twice.
    pub card: [u8; 32],
    /// The manner in which it was read in the end.
    pub manner: Manner,
    /// Whether the read began with what was learnt.
    pub expected: bool,
}

struct Entry {
    atr: Vec<u8>,
    signer: [u8; 32],
    manner: Manner,
    cards: u32,
    last_card: [u8; 32],
    since: Duration,
    uses: u32,
}

/// Types of chip, the one seen last at the end.
#[derive(Default)]
pub struct Chips {
    entries: Vec<Entry>,
    shown: Option<PathBuf>,
}

impl std::fmt::Debug for Chips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chips({})", self.entries.len())
    }
}

impl Chips {
    /// The same, showing what it knows in a state directory.
    #[must_use]
    pub fn shown_in(state: &Path) -> Self {
        Self { entries: Vec::new(), shown: Some(state.join(FILE)) }
    }

    /// What a card with this answer to reset is likely to take: as the last one took it. `now` is any clock that only
    /// goes forward.
    #[must_use]
    pub fn expected(&mut self, atr: &[u8], now: Duration) -> Option<Expected> {
        self.forget(now);
        let last = self.entries.iter_mut().rfind(|entry| entry.atr == atr).filter(|entry| entry.cards >= ENOUGH)?;
        last.uses += 1;
        Some(Expected::new(last.manner, last.signer))
    }

    /// Takes what a read has shown.
    pub fn saw(&mut self, sighting: &Sighting<'_>, now: Duration) {
        self.forget(now);
        let Sighting { atr, signer, card, manner, expected } = *sighting;
        let known = self.entries.iter().position(|entry| entry.atr == atr && entry.signer == signer);
        let known = known.map(|at| self.entries.remove(at));
        let entry = match known {
            // It was read as was expected, which shows nothing new of it.
            Some(entry) if expected && entry.manner == manner => entry,
            // The same card again.
            Some(entry) if entry.last_card == card => entry,
            Some(entry) => {
                let common = entry.manner.common(manner);
                let cards = if common.is_plain() { 1 } else { entry.cards + 1 };
                let manner = if common.is_plain() { manner } else { common };
                Entry { manner, cards, last_card: card, ..entry }
            }
            None => Entry { atr: atr.to_vec(), signer, manner, cards: 1, last_card: card, since: now, uses: 0 },
        };
        if self.entries.len() >= MOST {
            self.entries.remove(0);
        }
        self.entries.push(entry);
        self.show(now);
    }

    fn forget(&mut self, now: Duration) {
        self.entries.retain(|entry| now.saturating_sub(entry.since) < KEPT && entry.uses < MOST_USES);
    }

    fn show(&self, now: Duration) {
        let Some(path) = &self.shown else { return };
        let chips: Vec<_> =
            self.entries.iter().filter(|entry| !entry.manner.is_plain()).map(|e| e.shown(now)).collect();
        if chips.is_empty() && !path.exists() {
            return;
        }
        if let Err(error) = program::files::show(path, &Shown { schema: SCHEMA.to_owned(), chips }) {
            tracing::warn!(code = "chips_unwritten", "{error}");
        }
    }
}

impl Entry {
    fn shown(&self, now: Duration) -> Chip {
        let Self { manner, cards, .. } = *self;
        Chip {
            atr: hex::encode(&self.atr),
            signer: hex::encode(self.signer),
            manner: manner.name().to_owned(),
            without: manner.without().map(str::to_owned).collect(),
            short: manner.short(),
            most: manner.most(),
            cards,
            in_use: cards >= ENOUGH,
            minutes_left: KEPT.saturating_sub(now.saturating_sub(self.since)).as_secs() / 60,
        }
    }
}

const FILE: &str = "chips.json";
const SCHEMA: &str = "cccd-agent/chips/1";

#[derive(Serialize, Deserialize)]
struct Shown {
    schema: String,
    chips: Vec<Chip>,
}

/// A type of chip, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chip {
    /// Answer to reset.
    pub atr: String,
    /// Document signer.
    pub signer: String,
    /// `fast`, `careful` or `slow`.
    pub manner: String,
    /// What it is not asked for.
    pub without: Vec<String>,
    /// The most bytes in a short answer.
    pub short: u32,
    /// The most bytes in any answer.
    pub most: u32,
    /// Cards that showed it.
    pub cards: u32,
    /// Whether enough of them did.
    pub in_use: bool,
    /// Until it is forgotten.
    pub minutes_left: u64,
}

/// What a process that works with this state directory has learnt.
#[must_use]
pub fn shown(state: &Path) -> Vec<Chip> {
    let shown = std::fs::read(state.join(FILE)).ok().and_then(|text| serde_json::from_slice::<Shown>(&text).ok());
    shown.filter(|shown| shown.schema == SCHEMA).map(|shown| shown.chips).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATR: &[u8] = &[0x3B, 0x80, 0x80, 0x01, 0x01];
    const HOUR: Duration = Duration::from_secs(3600);
    const SMALL: Manner = Manner::sized(160, 160);

    fn saw(chips: &mut Chips, signer: u8, card: u8, manner: Manner) {
        let expected = chips.expected(ATR, Duration::ZERO).is_some_and(|e| e.signer == [signer; 32]);
        let sighting = Sighting { atr: ATR, signer: [signer; 32], card: [card; 32], manner, expected };
        chips.saw(&sighting, Duration::ZERO);
    }

    fn expected(chips: &mut Chips, now: Duration) -> Option<Manner> {
        chips.expected(ATR, now).map(|expected| expected.manner)
    }

    #[test]
    fn two_cards_of_one_signer_have_to_agree() {
        let mut chips = Chips::default();
        saw(&mut chips, 1, 1, SMALL);
        assert_eq!(expected(&mut chips, Duration::ZERO), None, "one is not enough");
        saw(&mut chips, 1, 1, SMALL);
        assert_eq!(expected(&mut chips, Duration::ZERO), None, "nor is one that was read twice");
        saw(&mut chips, 2, 2, SMALL);
        assert_eq!(expected(&mut chips, Duration::ZERO), None, "nor one of another signer");
        saw(&mut chips, 1, 3, SMALL);
        assert_eq!(expected(&mut chips, Duration::ZERO), Some(SMALL));
        assert_eq!(chips.expected(&ATR[..4], Duration::ZERO), None);
        // The next card is of another signer: what follows it is asked for everything.
        saw(&mut chips, 3, 4, Manner::FAST);
        assert_eq!(expected(&mut chips, Duration::ZERO), None);
    }

    #[test]
    fn it_is_forgotten() {
        let mut chips = Chips::default();
        saw(&mut chips, 1, 1, SMALL);
        saw(&mut chips, 1, 2, SMALL);
        assert_eq!(expected(&mut chips, HOUR - Duration::from_secs(1)), Some(SMALL));
        assert_eq!(expected(&mut chips, HOUR), None);
        saw(&mut chips, 1, 1, SMALL);
        saw(&mut chips, 1, 2, SMALL);
        let used = (0..MOST_USES + 10).filter(|_| expected(&mut chips, Duration::ZERO).is_some()).count();
        assert_eq!(used, MOST_USES as usize);
    }

    #[test]
    fn a_card_that_takes_everything_unlearns() {
        let mut chips = Chips::default();
        saw(&mut chips, 1, 1, SMALL);
        saw(&mut chips, 1, 2, Manner::FAST);
        saw(&mut chips, 1, 3, SMALL);
        assert_eq!(expected(&mut chips, Duration::ZERO), None);
    }

    #[test]
    fn what_is_shown_can_be_read() {
        let directory = tempfile::tempdir().expect("directory");
        assert_eq!(shown(directory.path()), []);
        let mut chips = Chips::shown_in(directory.path());
        saw(&mut chips, 1, 1, Manner::FAST);
        assert!(!directory.path().join(FILE).exists(), "there is nothing to show");
        saw(&mut chips, 2, 2, SMALL);
        let seen = shown(directory.path());
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (seen[0].manner.as_str(), seen[0].cards, seen[0].in_use, seen[0].minutes_left),
            ("careful", 1, false, 60)
        );
    }
}
