//! One visit: the steps of a profile as a pure state machine. Kiosk and desk show the same visit in their own way.
//!
//! ```text
//! consent → key → chip ─┬─ admitted ──────────────→ face → form → kept ─→ door, paper, hand-off → end
//!                       ├─ staff ─ they go on ────↗
//!                       └─ anything else ────────────────────────────────────────────────────────→ end
//! ```
//!
//! [`update`] takes a visit and an input and gives the visit after it and what is to be done. No clock, no device, and
//! no personal data: answers and what the chip said stay with the caller. Whether a document is good enough is not
//! decided here either: [`verdict::Terms::admit`] says so. [`crate::stage`] carries out what is wanted.
//!
//! What people see and what leaves the device is decided by the order: nothing opens, prints or leaves before the
//! visit is kept, so that a cut of power leaves either a visit that can be repeated or one that is complete on disk.

use crate::profile::Step;
use serde::Serialize;
use verdict::{Admission, Because};

/// Declares the reasons with their codes.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// Why somebody is turned away.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub enum Refusal {
            $($(#[$doc])* #[serde(rename = $code)] $name),*
        }

        impl Refusal {
            /// Every one.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$name),*];

            /// A stable identifier.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }
        }
    };
}

refusals! {
    /// A proof failed: forged, altered or copied.
    NotGenuine = "not_genuine",
    /// Another card than the one that was scanned, typed or listed.
    OtherCard = "other_card",
    /// A document of another kind or state than is taken here.
    OtherDocument = "other_document",
    /// The card was reported lost, or withdrawn.
    CardWithdrawn = "card_withdrawn",
    /// It is past its date of expiry.
    CardExpired = "card_expired",
    /// It is before its date of issue.
    CardNotYetValid = "card_not_yet_valid",
    /// Its dates, or today's, are not certain, and staff did not go on.
    ValidityUnknown = "validity_unknown",
    /// Less is assured than this use asks for, and staff did not go on where they may.
    Assurance = "assurance_too_low",
    /// The document leans on an algorithm that is too old for this use.
    Weak = "algorithm_too_weak",
    /// The chip has no 12-digit number, and people are counted by it here.
    NoNumber = "no_number",
    /// A child who came alone, where an adult comes with them.
    ChildAlone = "child_alone",
    /// The list does not name them.
    NotOnList = "not_on_list",
    /// There is no list on this device.
    NoList = "no_list",
    /// The list is not valid yet or any more.
    ListExpired = "list_expired",
    /// It was done already, here or on a device whose ledger was merged.
    AlreadyDone = "already_done",
    /// Whoever is inside cannot come in.
    AlreadyInside = "already_inside",
    /// Whoever is not inside cannot go out.
    NotInside = "not_inside",
    /// The face is not that of the portrait.
    FaceDiffers = "face_differs",
}

impl From<Because> for Refusal {
    fn from(because: Because) -> Self {
        match because {
            Because::NotGenuine => Self::NotGenuine,
            Because::OtherCard => Self::OtherCard,
            Because::OtherHolder => Self::FaceDiffers,
            Because::OtherDocument => Self::OtherDocument,
            Because::Withdrawn => Self::CardWithdrawn,
            Because::Expired => Self::CardExpired,
            Because::NotYetValid => Self::CardNotYetValid,
            Because::ValidityUnknown => Self::ValidityUnknown,
            Because::Assurance => Self::Assurance,
            Because::Weak => Self::Weak,
        }
    }
}

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// The holder was turned away.
    Refused(Refusal),
    /// Somebody broke it off, or its time ran out.
    Cancelled,
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
    /// A named member of staff, who goes on with a reason or does not.
    Staff,
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
    /// One step back: from the chip to its key, from there to the consent.
    Back,
    /// The read failed; the key is asked for again.
    NotRead,
    /// Before it is judged: the list does not name them, but may mean them by an entry; whether it must name them.
    Proposed {
        /// Whoever is not on the list is turned away.
        required: bool,
    },
    /// The chip was judged and the profile's terms were asked, and the list where there is one.
    Judged(Admission, Option<Refusal>),
    /// Whether staff go on, where the terms leave it to them; whether the entry that is proposed is theirs.
    Staff(bool),
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
    /// Whether there is somebody who may be asked.
    staffed: bool,
    /// What staff are asked about.
    asked: Option<Because>,
    /// An entry of the list may be theirs, and whether they must have one.
    proposed: Option<bool>,
}

impl Visit {
    /// A visit by these steps, as [`crate::profile::Profile::steps`] has them, and what is asked first. Where nobody of
    /// staff stands by, what is left to them is refused.
    #[must_use]
    pub fn begin(steps: &[Step], staffed: bool) -> (Self, Vec<Effect>) {
        let visit = Self { steps: steps.to_vec(), waits: Wait::End, staffed, asked: None, proposed: None };
        let first = if steps.contains(&Step::Consent) { Wait::Consent } else { Wait::Key };
        visit.ask(first)
    }

    /// What it waits for.
    #[must_use]
    pub const fn waits(&self) -> Wait {
        self.waits
    }

    /// What staff are asked about.
    #[must_use]
    pub const fn asked(&self) -> Option<Because> {
        self.asked
    }

    /// Whether staff are asked if the entry of the list that is proposed is theirs.
    #[must_use]
    pub fn asks_for_entry(&self) -> bool {
        self.waits == Wait::Staff && self.asked.is_none()
    }

    /// Nothing stands against the document any more.
    fn good(self) -> (Self, Vec<Effect>) {
        match self.proposed {
            Some(_) if self.staffed => Self { asked: None, ..self }.ask(Wait::Staff),
            Some(true) => self.end(Outcome::Refused(Refusal::NotOnList)),
            Some(false) | None => self.next(Wait::Chip),
        }
    }

    /// What the terms of a profile lead to.
    fn admitted(self, admission: Admission) -> (Self, Vec<Effect>) {
        match admission {
            Admission::GoesOn | Admission::Marked(_) => self.good(),
            Admission::AskStaff(because) if self.staffed => Self { asked: Some(because), ..self }.ask(Wait::Staff),
            Admission::AskStaff(because) | Admission::Refused(because) => self.end(Outcome::Refused(because.into())),
        }
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
        (Wait::Chip, Input::NotRead | Input::Back) => visit.ask(Wait::Key),
        (Wait::Key, Input::Back) if visit.has(Step::Consent) => visit.ask(Wait::Consent),
        // What the document itself says comes before any list.
        (Wait::Chip, Input::Judged(admission @ Admission::Refused(_), _)) => visit.admitted(admission),
        (Wait::Chip, Input::Judged(_, Some(refusal))) => visit.end(Outcome::Refused(refusal)),
        (Wait::Chip, Input::Judged(admission, None)) => visit.admitted(admission),
        (Wait::Chip, Input::Proposed { required }) => (Visit { proposed: Some(required), ..visit }, Vec::new()),
        (Wait::Staff, Input::Staff(goes_on)) => match (visit.asked, goes_on, visit.proposed) {
            (Some(_), true, _) => visit.good(),
            (Some(because), false, _) => visit.end(Outcome::Refused(because.into())),
            (None, false, Some(true)) => visit.end(Outcome::Refused(Refusal::NotOnList)),
            (None, ..) => visit.next(Wait::Chip),
        },
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
        let (mut visit, mut all) = Visit::begin(steps, true);
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
        let genuine = Input::Judged(Admission::GoesOn, None);
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
            Input::Judged(Admission::Refused(Because::NotGenuine), None),
            Input::Judged(Admission::Refused(Because::Assurance), None),
            Input::Judged(Admission::GoesOn, Some(Refusal::NotOnList)),
        ];
        for judged in turned {
            let (visit, effects) = play(&EVERYTHING, &[Input::Agreed, Input::Key, judged, Input::Kept(None)]);
            assert_eq!(visit.waits(), Wait::End);
            assert!(matches!(effects.last(), Some(Effect::End(outcome)) if *outcome != Outcome::Done));
            assert!(!effects.contains(&Effect::Keep) && !effects.contains(&Effect::OpenDoor));
        }
    }

    #[test]
    fn staff_go_on_or_nobody_does() {
        let asked = Input::Judged(Admission::AskStaff(Because::Assurance), None);
        let steps = [Step::ScanQr, Step::ReadChip, Step::Print, Step::Done];
        let (visit, effects) = play(&steps, &[Input::Key, asked]);
        assert_eq!((visit.waits(), visit.asked()), (Wait::Staff, Some(Because::Assurance)));
        assert_eq!(effects.last(), Some(&Effect::Ask(Wait::Staff)));
        let (_, effects) = play(&steps, &[Input::Key, asked, Input::Staff(true), Input::Kept(None)]);
        assert!(effects.contains(&Effect::Print));
        let refused = Effect::End(Outcome::Refused(Refusal::Assurance));
        let (_, effects) = play(&steps, &[Input::Key, asked, Input::Staff(false), Input::Kept(None)]);
        assert_eq!(effects.last(), Some(&refused));
        // Where nobody stands by, nobody is asked.
        let (mut visit, _) = Visit::begin(&steps, false);
        for input in [Input::Key, asked] {
            let (after, effects) = update(visit, input);
            visit = after;
            assert!(input == Input::Key || effects == [refused]);
        }
    }

    #[test]
    fn whom_a_list_may_mean_is_for_staff_to_say() {
        let steps = [Step::ScanQr, Step::ReadChip, Step::Roster, Step::Print, Step::Done];
        let genuine = Input::Judged(Admission::GoesOn, None);
        let play = |required, inputs: &[Input]| {
            let before = [Input::Key, Input::Proposed { required }];
            play(&steps, &before.iter().chain(inputs).copied().collect::<Vec<_>>())
        };
        let (visit, effects) = play(true, &[genuine]);
        assert!(visit.asks_for_entry() && effects.last() == Some(&Effect::Ask(Wait::Staff)));
        assert_eq!(play(true, &[genuine, Input::Staff(true)]).1.last(), Some(&Effect::Keep));
        let not_listed = Effect::End(Outcome::Refused(Refusal::NotOnList));
        assert_eq!(play(true, &[genuine, Input::Staff(false)]).1.last(), Some(&not_listed));
        // Whoever need not be on the list goes on as somebody who is not.
        assert_eq!(play(false, &[genuine, Input::Staff(false)]).1.last(), Some(&Effect::Keep));
        // Two questions are two: of the document first.
        let asked = Input::Judged(Admission::AskStaff(Because::Expired), None);
        let (visit, _) = play(true, &[asked]);
        assert!(visit.waits() == Wait::Staff && !visit.asks_for_entry());
        let (visit, _) = play(true, &[asked, Input::Staff(true)]);
        assert!(visit.asks_for_entry());
        // Where nobody stands by, an entry that may be somebody else's is nobody's.
        let (mut visit, mut last) = Visit::begin(&steps, false);
        for input in [Input::Key, Input::Proposed { required: true }, genuine] {
            (visit, last) = update(visit, input);
        }
        assert_eq!(last, [not_listed]);
    }

    #[test]
    fn a_list_is_not_asked_about_a_document_that_is_refused() {
        let both = Input::Judged(Admission::Refused(Because::OtherCard), Some(Refusal::NotOnList));
        let (_, effects) = play(&[Step::ScanQr, Step::ReadChip, Step::Done], &[Input::Key, both]);
        assert_eq!(effects.last(), Some(&Effect::End(Outcome::Refused(Refusal::OtherCard))));
    }

    #[test]
    fn a_second_one_who_was_quicker_is_noticed_at_the_disk() {
        let genuine = Input::Judged(Admission::GoesOn, None);
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
            Just(Input::Back),
            Just(Input::Judged(Admission::GoesOn, None)),
            Just(Input::Judged(Admission::Marked(Because::Assurance), None)),
            Just(Input::Judged(Admission::AskStaff(Because::Expired), None)),
            Just(Input::Judged(Admission::GoesOn, Some(Refusal::NotOnList))),
            Just(Input::Judged(Admission::Refused(Because::NotGenuine), None)),
            any::<bool>().prop_map(Input::Staff),
            any::<bool>().prop_map(|required| Input::Proposed { required }),
            any::<bool>().prop_map(Input::Face),
            Just(Input::Filled),
            Just(Input::Kept(None)),
            Just(Input::Kept(Some(Refusal::AlreadyDone))),
            Just(Input::Cancel),
        ]
    }

    proptest! {
        #[test]
        fn nothing_opens_prints_or_leaves_before_consent_an_admitted_card_and_the_disk(
            inputs in proptest::collection::vec(input(), 0..40),
            staffed: bool,
            which in 0..Profile::names_built_in().count(),
        ) {
            let id = Profile::names_built_in().nth(which).expect("one");
            let profile = Profile::built_in(id).expect("valid");
            let (mut visit, mut effects) = Visit::begin(profile.steps(), staffed);
            // Where a profile asks for no consent, there is none to wait for.
            let (mut agreed, mut admitted) = (!profile.steps().contains(&Step::Consent), false);
            let (mut kept, mut ended) = (false, 0);
            for input in inputs {
                let waited = visit.waits();
                agreed |= waited == Wait::Consent && input == Input::Agreed;
                let goes_on = matches!(input, Input::Judged(Admission::GoesOn | Admission::Marked(_), None));
                admitted |= (waited == Wait::Chip && goes_on) || (waited == Wait::Staff && input == Input::Staff(true));
                kept |= waited == Wait::Kept && input == Input::Kept(None);
                let (after, more) = update(visit, input);
                visit = after;
                for effect in &more {
                    match effect {
                        Effect::Ask(Wait::Key | Wait::Chip) => prop_assert!(agreed),
                        Effect::Ask(Wait::Staff) => prop_assert!(staffed),
                        Effect::Ask(Wait::Face | Wait::Form) | Effect::Keep => prop_assert!(admitted),
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
