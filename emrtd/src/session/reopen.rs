//! A session that the chip has broken off: what is kept, what is given up, and the way back in.

use super::{Attempt, Before, Interrupted, Session, State, not_reached};
use crate::apdu::StatusWord;
use crate::error::Error;
use crate::evidence::Proof;
use crate::file::{FileId, FileOutcome, Lost, ReadFile, Shown};
use crate::manner::{Feature, Manner, Select};
use crate::secure_messaging::SecureMessagingError;
use std::collections::BTreeMap;

/// A chip that has to be opened more often than this does not want to be read.
const MOST_OPENINGS: u8 = 16;

/// So often may a card leave under a command of extended length, and be a card that was lifted.
const MOST_UNANSWERED: u8 = 1;

/// What a chip has shown of itself, kept from session to session of one read.
#[derive(Clone)]
pub(super) struct Experience {
    pub(super) manner: Manner,
    pub(super) shown: Shown,
    /// Extended length was answered bare, or not at all.
    pub(super) extended_lost: bool,
    /// How often the card left under a command of extended length.
    unanswered: u8,
    /// PACE is done inside the application.
    pub(super) application_first: bool,
    /// Which spelling of SELECT MF came before an EF.CardAccess that could be read; 0 for none.
    pub(super) master_file: usize,
    /// What opened the chip, with the fallback that the evidence records.
    pub(super) opened: Option<(Attempt, Option<String>)>,
    pub(super) openings: u8,
    /// How often each file's SELECT was answered bare.
    selects_lost: BTreeMap<FileId, usize>,
    /// Files that cannot be had, with the reason.
    pub(super) left_out: BTreeMap<FileId, String>,
    /// What active authentication was asked for in sessions that were lost over it, and how the last was.
    pub(super) active: Vec<(u32, bool)>,
    pub(super) active_lost: String,
    /// Nothing that is asked for otherwise would change that.
    pub(super) active_over: bool,
    /// How many ways of chip authentication were tried.
    pub(super) chip: usize,
}

impl Experience {
    pub(super) const fn new(manner: Manner) -> Self {
        Self {
            manner,
            shown: Shown { select: None, longest: 0 },
            extended_lost: false,
            unanswered: 0,
            application_first: false,
            master_file: 0,
            opened: None,
            openings: 0,
            selects_lost: BTreeMap::new(),
            left_out: BTreeMap::new(),
            active: Vec::new(),
            active_lost: String::new(),
            active_over: false,
            chip: 0,
        }
    }

    /// For the card that comes after a lifted one: likely the same, so that its manner is a good guess; what it proves
    /// is its own affair.
    pub(super) fn for_another_card(&self) -> Self {
        let Self { manner, shown, extended_lost, unanswered, application_first, .. } = *self;
        Self { shown, extended_lost, unanswered, application_first, ..Self::new(manner) }
    }

    /// Whether what is on the way to the terminal has a limit that nobody tells.
    pub(super) const fn answers_get_lost(&self) -> bool {
        self.unanswered > MOST_UNANSWERED
    }

    /// A file over whose SELECT the chip breaks off in every spelling is not to be had; the spelling that works for others
    /// is gone back to.
    fn selects_too_often(&mut self, file: FileId) -> bool {
        let lost = self.selects_lost.entry(file).or_default();
        *lost += 1;
        let over = *lost >= Select::ALL.len();
        if over {
            self.manner.file = self.shown.select.unwrap_or(Select::Silent);
        }
        over
    }
}

/// The reason for evidence, with the status word where there is one.
pub(super) fn session_lost(status: Option<StatusWord>) -> String {
    status.map_or_else(|| "session_lost".to_owned(), |status| format!("session_lost:{status}"))
}

impl Session {
    /// The card has left, as far as the reader can tell. Readers and drivers that lose what is longer than they can carry
    /// say the same: where it happens again, the next session asks for short answers.
    pub(super) fn unanswered(&mut self) {
        let experience = &mut self.experience;
        let extended = match &self.state {
            State::File(read) => {
                (experience.manner, experience.shown) = (read.manner(), read.shown());
                read.asks_extended()
            }
            State::ActiveAuthentication(run) => run.is_extended(),
            _ => false,
        };
        if self.outgoing.is_none() || !extended {
            return;
        }
        experience.unanswered = experience.unanswered.saturating_add(1);
        if experience.answers_get_lost() {
            experience.manner.give_up_extended(experience.shown.longest);
            experience.extended_lost = true;
        }
    }

    /// Keeps what the session has read, for another one.
    pub(super) fn set_aside(&mut self) {
        let experience = self.experience.clone();
        if !self.files.contains_key(&FileId::Sod) {
            // The session did not come as far as the one before it, if there was one.
            match &mut self.interrupted {
                Some(interrupted) => interrupted.experience = experience,
                None => self.interrupted = Some(Interrupted::nothing(experience)),
            }
            return;
        }
        let (mut files, mut not_read) = (std::mem::take(&mut self.files), std::mem::take(&mut self.not_read));
        // The new session reads what opened it itself.
        for file in [FileId::CardAccess, FileId::CardSecurity] {
            files.remove(&file);
            not_read.remove(&file);
        }
        let current = match &self.state {
            State::File(read) => read.partial(),
            _ => None,
        };
        let current = current.or_else(|| self.partial.take());
        self.interrupted = Some(Interrupted { files, not_read, current, experience });
    }

    /// Ends the session, and wants a new one.
    fn reopen(&mut self, error: SecureMessagingError) -> Result<(), Error> {
        if self.experience.openings >= MOST_OPENINGS {
            return Err(error.into());
        }
        self.set_aside();
        self.channel = None;
        self.delivery = None;
        self.access = None;
        self.queue.clear();
        self.attempts.clear();
        self.current = None;
        self.fallback = None;
        self.partial = None;
        (self.active, self.chip) = (not_reached(), not_reached());
        self.cam = Proof::NotAsked("not_offered".to_owned());
        self.terminal = None;
        self.chip_identifier.clear();
        self.terminal_key.clear();
        self.state = State::Reset;
        Ok(())
    }

    /// The card was reset, as [`Action::Reset`](super::Action::Reset) asked for.
    pub fn was_reset(&mut self) {
        if !matches!(self.state, State::Reset) {
            return;
        }
        let Some((attempt, fallback)) = self.experience.opened.clone() else { return self.start() };
        self.fallback = fallback;
        let bac = matches!(attempt, Attempt::Bac(_));
        self.attempts.push_back(attempt);
        self.master_file_tries = self.experience.master_file;
        if bac {
            self.state = State::Select(Before::Bac);
        } else if self.master_file_tries > 0 {
            self.state = State::SelectMasterFile;
        } else {
            self.try_pace();
        }
    }

    /// PACE once more, as it was done before.
    pub(super) fn try_pace(&mut self) {
        if self.experience.application_first {
            self.state = State::Select(Before::Pace);
        } else if self.next_attempt(Error::OutOfOrder).is_err() {
            self.state = State::Broken;
        }
    }

    /// The last command was not answered under the session's keys.
    pub(super) fn lost(&mut self, error: SecureMessagingError) -> Result<(), Error> {
        let status = match error {
            SecureMessagingError::Unprotected(status) => Some(status),
            _ => None,
        };
        let reason = session_lost(status);
        self.delivery = None;
        match &mut self.state {
            State::File(read) => {
                if read.asks_extended() {
                    self.experience.extended_lost = true;
                }
                let (file, selects) = (read.file(), read.selects());
                let mut lost = read.lost(status);
                (self.experience.manner, self.experience.shown) = (read.manner(), read.shown());
                if selects && lost == Lost::Again && self.experience.selects_too_often(file) {
                    lost = Lost::Unreadable;
                }
                match lost {
                    Lost::Again => self.reopen(error),
                    Lost::Unreadable if file == FileId::Sod => Err(error.into()),
                    Lost::Unreadable => self.leave_out(file, reason, error),
                    Lost::Absent => self.leave_out(file, "absent".to_owned(), error),
                }
            }
            State::Select(_) if self.experience.manner.application.turn() => self.reopen(error),
            State::ActiveAuthentication(run) => {
                self.experience.active = run.tried().to_vec();
                if run.is_extended() {
                    self.experience.extended_lost = true;
                }
                self.experience.active_lost = reason;
                self.experience.active_over = !status.is_some_and(StatusWord::concerns_length);
                self.reopen(error)
            }
            _ => Err(error.into()),
        }
    }

    /// Chip authentication has cost the session when all else was read: it is tried in another way in a session of its
    /// own, and what was read stays if that one fails. False when there is to be no other.
    pub(super) fn lost_in_chip(&mut self, reason: String, error: SecureMessagingError) -> bool {
        self.chip = Proof::Refused(reason);
        let kept = self.evidence();
        if self.reopen(error).is_err() {
            return false;
        }
        self.kept = kept.map(Box::new);
        true
    }

    /// The chip broke off at the first command under its new keys: whether that is what it dislikes, and is given up.
    pub(super) fn dislikes_confirmation(&mut self, error: &SecureMessagingError) -> bool {
        let SecureMessagingError::Unprotected(status) = *error else { return false };
        // These say that the keys are wrong, or that there are none.
        if matches!(status, StatusWord(0x6982 | 0x6987 | 0x6988)) {
            return false;
        }
        let Experience { manner, shown, .. } = &mut self.experience;
        manner.give_up(Feature::ShortIdentifier) || manner.turn_file(shown.select)
    }

    fn leave_out(&mut self, file: FileId, reason: String, error: SecureMessagingError) -> Result<(), Error> {
        self.experience.left_out.insert(file, reason);
        self.reopen(error)
    }

    /// A file that can be had in no way: the read goes on, and says so.
    pub(super) fn unreadable(&mut self, read: &ReadFile, error: Error) -> Result<(), Error> {
        let (file, reason) = (read.file(), super::receive::refusal(&error));
        match error {
            // A chip that floods the terminal is not read on.
            Error::Limit { .. } => return Err(error),
            _ if file == FileId::Sod => return Err(error),
            _ if file == FileId::CardSecurity => return self.file_done(read, FileOutcome::Absent),
            _ => {}
        }
        (self.experience.manner, self.experience.shown) = (read.manner(), read.shown());
        self.not_read.insert(file, reason);
        self.next_file();
        Ok(())
    }
}
