//! Whether a card that was not read is of the kind that is looked for at all: a reader may hold a signing token, a SAM or
//! a bank card beside the citizen's card.

use drivers::reader::{Card, NotWanted};
use emrtd::hazmat::select_application;
use emrtd::manner::Select;
use emrtd::{Error, Phase};
use program::Failure;
use std::time::Duration;

/// Answering with FCI or without, whichever a card likes.
const SPELLINGS: [Select; 2] = [Select::Silent, Select::Information];

/// How cards say that they have no such application or no such command: not found (6A82), function not supported (6A81),
/// instruction (6D00) or class (6E00) not known, and the Java Card runtime's own word (6999).
const UNKNOWN: [[u8; 2]; 5] = [[0x6A, 0x82], [0x6A, 0x81], [0x6D, 0x00], [0x6E, 0x00], [0x69, 0x99]];

/// What a read does before anything is opened.
const BEFORE: [Phase; 5] = [Phase::CardAccess, Phase::Reset, Phase::Pace, Phase::Bac, Phase::SelectApplication];

/// What a read ended with. Where it was refused before anything was opened, the card is asked for the application itself:
/// one that does not know it is of another kind, and a status word alone does not say that.
pub fn failure(card: &mut dyn Card, phases: &[(String, Duration)], error: Error) -> Failure {
    let opened = phases.iter().any(|(done, _)| !BEFORE.iter().any(|phase| phase.name() == *done));
    if opened || matches!(error, Error::WrongPassword { .. } | Error::SecureMessaging(_)) || knows_application(card) {
        return not_read(&error);
    }
    Failure {
        code: OTHER_KIND.to_owned(),
        message: "the card does not know the application of citizen cards and passports".to_owned(),
        remedy:
            "lay the citizen card or passport on the reader; name one reader (reader = \"pcsc:NAME\") where a token is"
                .to_owned(),
        exit: program::exit::NOT_READ,
    }
}

/// What people are told of a card that could not be read.
#[must_use]
pub fn not_read(error: &Error) -> Failure {
    let remedy = match error.code() {
        "wrong_access_key" => "check the number (or the MRZ data) against the card that lies on the reader",
        "no_access_protocol" => "allow another access protocol, or give the data that it needs (--mrz for BAC)",
        "secure_messaging_failed" => {
            "take the card off and lay it down again, or on another reader; if no reader gets through, go on without the chip"
        }
        _ => "take the card off, lay it flat on the reader and try again",
    };
    let (code, message) = (error.code().to_owned(), program::describe(error));
    Failure { code, message, remedy: remedy.to_owned(), exit: program::exit::NOT_READ }
}

const OTHER_KIND: &str = "card_other_kind";

/// Only a card that says no to both forms does not know it. One that has left says nothing.
fn knows_application(card: &mut dyn Card) -> bool {
    card.reset().is_err()
        || SPELLINGS.into_iter().any(|select| {
            card.transmit(&select_application(select).encode())
                .map_or(true, |answer| !UNKNOWN.iter().any(|unknown| answer.ends_with(unknown)))
        })
}

/// Why a card whose read ended so is not the wanted one; nothing where it may be.
#[must_use]
pub fn not_wanted(failure: &Failure) -> Option<NotWanted> {
    match failure.code.as_str() {
        OTHER_KIND => Some(NotWanted::OtherKind),
        "wrong_access_key" => Some(NotWanted::OtherCard),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::reader::Reader as _;
    use drivers::reader::simulated::{Chip, SimulatedReader, Slot};

    /// Answers everything with one status word, but SELECT without FCI with another.
    struct Says([u8; 2], [u8; 2]);

    impl Chip for Says {
        fn atr(&self) -> Vec<u8> {
            vec![0x3B, 0x00]
        }

        fn reset(&mut self) {}

        fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
            Some(if command.get(3) == Some(&0x0C) { self.1.to_vec() } else { self.0.to_vec() })
        }
    }

    #[test]
    fn only_a_card_without_the_application_is_of_another_kind() {
        let refused = || Error::Status { operation: "PACE", status: emrtd::hazmat::apdu::StatusWord(0x6D00) };
        let code = |says: Says, done: Phase, error: Error| {
            let phases = [(done.name(), Duration::ZERO)];
            let slot = Slot::default();
            slot.insert(Box::new(says));
            let mut card = SimulatedReader::new(slot).wait_for_card(Duration::ZERO).expect("card");
            failure(&mut *card, &phases, error).code
        };
        for unknown in UNKNOWN {
            assert_eq!(code(Says(unknown, unknown), Phase::Pace, refused()), OTHER_KIND);
            assert_eq!(code(Says(unknown, unknown), Phase::ActiveAuthentication, refused()), "card_refused");
        }
        assert_eq!(code(Says([0x90, 0], [0x6A, 0x86]), Phase::Pace, refused()), "card_refused", "P2 00 is liked");
        assert_eq!(code(Says([0x6D, 0], [0x90, 0]), Phase::Bac, refused()), "card_refused", "P2 0C is liked");
        assert_eq!(code(Says([0x69, 0x82], [0x69, 0x82]), Phase::Bac, refused()), "card_refused", "locked, but there");
        let wrong = Error::WrongPassword { operation: "PACE" };
        assert_eq!(code(Says([0x6D, 0], [0x6D, 0]), Phase::Pace, wrong), "wrong_access_key");
    }
}
