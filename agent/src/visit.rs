//! One visit: the steps of a profile as a pure state machine. Kiosk and desk show the same visit in their own way.
//!
//! ```text
//! consent → key → chip ─┬─ genuine, admitted ─→ face → form → kept ─→ door, paper, hand-off → end
//!                       └─ anything else ────────────────────────────────────────────────→ end
//! ```
//!
//! [`update`] takes a visit and an input and gives the visit after it and what is to be done. No clock, no device, and
//! no personal data: answers and what the chip said stay with the caller.
//!
//! What people see and what leaves the device is decided by the order: nothing opens, prints or leaves before the
//! visit is kept, so that a cut of power leaves either a visit that can be repeated or one that is complete on disk.

use crate::profile::Step;
use serde::Serialize;

/// Why somebody with a genuine card is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The card was reported lost, or withdrawn.
    CardWithdrawn,
    /// The list does not name them.
    NotOnList,
    /// There is no list on this device.
    NoList,
    /// The list is not valid yet or any more.
    ListExpired,
    /// It was done already, here or on a device whose ledger was merged.
    AlreadyDone,
    /// Whoever is inside cannot come in.
    AlreadyInside,
    /// Whoever is not inside cannot go out.
    NotInside,
    /// The face is not that of the portrait.
    FaceDiffers,
}

impl Refusal {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::CardWithdrawn,
        Self::NotOnList,
        Self::NoList,
        Self::ListExpired,
        Self::AlreadyDone,
        Self::AlreadyInside,
        Self::NotInside,
        Self::FaceDiffers,
    ];

    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CardWithdrawn => "card_withdrawn",
            Self::NotOnList => "not_on_list",
            Self::NoList => "no_list",
            Self::ListExpired => "list_expired",
            Self::AlreadyDone => "already_done",
            Self::AlreadyInside => "already_inside",
            Self::NotInside => "not_inside",
            Self::FaceDiffers => "face_differs",
        }
    }
}

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// The card is not genuine.
    NotGenuine,
    /// Something that a verdict needs was not there.
    Undecided,
    /// The card is genuine, its holder was turned away.
    Refused(Refusal),
    /// Somebody broke it off, or its time ran out.
    Cancelled,
}

/// The word over a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Word {
    Genuine,
    NotGenuine,
    Undecided,
}

impl From<emrtd::verdict::Decision> for Word {
    fn from(decision: emrtd::verdict::Decision) -> Self {
        match decision {
            emrtd::verdict::Decision::Genuine => Self::Genuine,
            emrtd::verdict::Decision::NotGenuine => Self::NotGenuine,
            emrtd::verdict::Decision::Undecided => Self::Undecided,
        }
    }
}

/// What a visit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// The holder's consent.
    Consent,
    /// What opens the chip.
    Key,
    /// The chip's verdict.
    Chip,
    /// A look at the face.
    Face,
    /// The form.
    Form,
    /// The disk.
    Kept,
    /// Nothing any more.
    End,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The holder agreed.
    Agreed,
    /// The chip can be opened.
    Key,
    /// The read failed; the key is asked for again.
    NotRead,
    /// The chip was judged, and the list was asked where there is one.
    Judged(Word, Option<Refusal>),
    /// Whether the face is that of the portrait.
    Face(bool),
    /// The form is filled in.
    Filled,
    /// The visit is on disk, or it must not be: somebody else was first.
    Kept(Option<Refusal>),
    /// It is broken off.
    Cancel,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Ask for this.
    Ask(Wait),
    /// Put the visit on disk, and with it what leaves the device.
    Keep,
    /// Open the door.
    OpenDoor,
    /// Print.
    Print,
    /// Send what is to be sent.
    HandOff,
    /// It has ended.
    End(Outcome),
}

/// A visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    steps: Vec<Step>,
    waits: Wait,
}

impl Visit {
    /// A visit by these steps, as [`crate::profile::Profile::steps`] has them, and what is asked first.
    #[must_use]
    pub fn begin(steps: &[Step]) -> (Self, Vec<Effect>) {
        let visit = Self { steps: steps.to_vec(), waits: Wait::End };
        let first = if steps.contains(&Step::Consent) { Wait::Consent } else { Wait::Key };
        visit.ask(first)
    }

    /// What it waits for.
    #[must_use]
    pub const fn waits(&self) -> Wait {
        self.waits
    }

    fn has(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }

    fn ask(self, wait: Wait) -> (Self, Vec<Effect>) {
        let effect = if wait == Wait::Kept { Effect::Keep } else { Effect::Ask(wait) };
        (Self { waits: wait, ..self }, vec![effect])
    }

    fn end(self, outcome: Outcome) -> (Self, Vec<Effect>) {
        (Self { waits: Wait::End, ..self }, vec![Effect::End(outcome)])
    }

    /// The next thing that somebody has to do, after this one.
    fn next(self, after: Wait) -> (Self, Vec<Effect>) {
        let people = [(Wait::Face, Step::Face), (Wait::Form, Step::Form)];
        let from = people.iter().position(|(wait, _)| *wait == after).map_or(0, |at| at + 1);
        let next = people[from..].iter().find(|(_, step)| self.has(*step)).map_or(Wait::Kept, |(wait, _)| *wait);
        self.ask(next)
    }
}

/// Takes one input. What does not fit changes nothing.
#[must_use]
pub fn update(visit: Visit, input: Input) -> (Visit, Vec<Effect>) {
    match (visit.waits, input) {
        (Wait::End, _) => (visit, Vec::new()),
        (_, Input::Cancel) => visit.end(Outcome::Cancelled),
        (Wait::Consent, Input::Agreed) => visit.ask(Wait::Key),
        (Wait::Key, Input::Key) => visit.ask(Wait::Chip),
        (Wait::Chip, Input::NotRead) => visit.ask(Wait::Key),
        (Wait::Chip, Input::Judged(Word::NotGenuine, _)) => visit.end(Outcome::NotGenuine),
        (Wait::Chip, Input::Judged(Word::Undecided, _)) => visit.end(Outcome::Undecided),
        (Wait::Chip, Input::Judged(Word::Genuine, Some(refusal))) => visit.end(Outcome::Refused(refusal)),
        (Wait::Chip, Input::Judged(Word::Genuine, None)) => visit.next(Wait::Chip),
        (Wait::Face, Input::Face(true)) => visit.next(Wait::Face),
        (Wait::Face, Input::Face(false)) => visit.end(Outcome::Refused(Refusal::FaceDiffers)),
        (Wait::Form, Input::Filled) => visit.next(Wait::Form),
        (Wait::Kept, Input::Kept(Some(refusal))) => visit.end(Outcome::Refused(refusal)),
        (Wait::Kept, Input::Kept(None)) => {
            let outputs =
                [(Step::Relay, Effect::OpenDoor), (Step::Print, Effect::Print), (Step::HandOff, Effect::HandOff)];
            let mut effects: Vec<Effect> =
                outputs.into_iter().filter(|(step, _)| visit.has(*step)).map(|(_, effect)| effect).collect();
            effects.push(Effect::End(Outcome::Done));
            (Visit { waits: Wait::End, ..visit }, effects)
        }
        _ => (visit, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;
    use proptest::prelude::*;

    fn play(steps: &[Step], inputs: &[Input]) -> (Visit, Vec<Effect>) {
        let (mut visit, mut all) = Visit::begin(steps);
        for input in inputs {
            let (after, effects) = update(visit, *input);
            visit = after;
            all.extend(effects);
        }
        (visit, all)
    }

    const EVERYTHING: [Step; 10] = [
        Step::Consent,
        Step::ScanQr,
        Step::ReadChip,
        Step::Roster,
        Step::Face,
        Step::Form,
        Step::Relay,
        Step::Print,
        Step::HandOff,
        Step::Done,
    ];

    #[test]
    fn every_step_in_order() {
        let genuine = Input::Judged(Word::Genuine, None);
        let inputs = [Input::Agreed, Input::Key, genuine, Input::Face(true), Input::Filled, Input::Kept(None)];
        let (visit, effects) = play(&EVERYTHING, &inputs);
        assert_eq!(visit.waits(), Wait::End);
        let ask = Effect::Ask;
        let expected = [
            ask(Wait::Consent),
            ask(Wait::Key),
            ask(Wait::Chip),
            ask(Wait::Face),
            ask(Wait::Form),
            Effect::Keep,
            Effect::OpenDoor,
            Effect::Print,
            Effect::HandOff,
            Effect::End(Outcome::Done),
        ];
        assert_eq!(effects, expected);
    }

    #[test]
    fn whoever_is_turned_away_gets_nothing() {
        let turned = [
            Input::Judged(Word::NotGenuine, None),
            Input::Judged(Word::Undecided, None),
            Input::Judged(Word::Genuine, Some(Refusal::NotOnList)),
        ];
        for judged in turned {
            let (visit, effects) = play(&EVERYTHING, &[Input::Agreed, Input::Key, judged, Input::Kept(None)]);
            assert_eq!(visit.waits(), Wait::End);
            assert!(matches!(effects.last(), Some(Effect::End(outcome)) if *outcome != Outcome::Done));
            assert!(!effects.contains(&Effect::Keep) && !effects.contains(&Effect::OpenDoor));
        }
    }

    #[test]
    fn a_second_one_who_was_quicker_is_noticed_at_the_disk() {
        let genuine = Input::Judged(Word::Genuine, None);
        let late = Input::Kept(Some(Refusal::AlreadyDone));
        let (_, effects) = play(&[Step::ScanQr, Step::ReadChip, Step::Print, Step::Done], &[Input::Key, genuine, late]);
        assert!(!effects.contains(&Effect::Print));
        assert_eq!(effects.last(), Some(&Effect::End(Outcome::Refused(Refusal::AlreadyDone))));
    }

    fn input() -> impl Strategy<Value = Input> {
        prop_oneof![
            Just(Input::Agreed),
            Just(Input::Key),
            Just(Input::NotRead),
            Just(Input::Judged(Word::Genuine, None)),
            Just(Input::Judged(Word::Genuine, Some(Refusal::NotOnList))),
            Just(Input::Judged(Word::NotGenuine, None)),
            any::<bool>().prop_map(Input::Face),
            Just(Input::Filled),
            Just(Input::Kept(None)),
            Just(Input::Kept(Some(Refusal::AlreadyDone))),
            Just(Input::Cancel),
        ]
    }

    proptest! {
        #[test]
        fn nothing_opens_prints_or_leaves_before_consent_a_genuine_card_and_the_disk(
            inputs in proptest::collection::vec(input(), 0..40),
            which in 0..Profile::names_built_in().count(),
        ) {
            let id = Profile::names_built_in().nth(which).expect("one");
            let profile = Profile::built_in(id).expect("valid");
            let (mut visit, mut effects) = Visit::begin(profile.steps());
            // Where a profile asks for no consent, there is none to wait for.
            let (mut agreed, mut genuine) = (!profile.steps().contains(&Step::Consent), false);
            let (mut kept, mut ended) = (false, 0);
            for input in inputs {
                let waited = visit.waits();
                agreed |= waited == Wait::Consent && input == Input::Agreed;
                genuine |= waited == Wait::Chip && input == Input::Judged(Word::Genuine, None);
                kept |= waited == Wait::Kept && input == Input::Kept(None);
                let (after, more) = update(visit, input);
                visit = after;
                for effect in &more {
                    match effect {
                        Effect::Ask(Wait::Key | Wait::Chip) => prop_assert!(agreed),
                        Effect::Ask(Wait::Face | Wait::Form) | Effect::Keep => prop_assert!(genuine),
                        Effect::OpenDoor | Effect::Print | Effect::HandOff => prop_assert!(kept),
                        Effect::End(outcome) => {
                            ended += 1;
                            prop_assert_eq!(*outcome == Outcome::Done, kept);
                        }
                        Effect::Ask(_) => {}
                    }
                }
                effects.extend(more);
            }
            prop_assert!(ended <= 1);
            prop_assert_eq!(ended == 1, visit.waits() == Wait::End);
        }
    }
}
