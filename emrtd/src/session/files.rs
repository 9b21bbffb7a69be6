//! Which files are read, in which order, from which byte.

use super::{BIOMETRIC, Before, Session, State, not_reached};
use crate::error::Error;
use crate::evidence::{FileEvidence, Proof};
use crate::file::{FileId, FileOutcome, ReadFile};
use crate::lds::Sod;
use crate::secret::Secret;
use std::collections::VecDeque;

/// The groups with the keys of chip and active authentication.
const CHIP_KEYS: [u8; 2] = [14, 15];

impl Session {
    pub(super) fn start_file(&mut self, file: FileId) {
        let manner = self.experience.manner;
        let read = match self.partial.take_if(|partial| partial.file == file) {
            Some(partial) => ReadFile::resumed(partial, manner),
            None => ReadFile::new(file, manner),
        };
        self.state = State::File(read.on(self.experience.shown));
    }

    /// Takes over what an interrupted read of this very card had brought.
    fn take_over(&mut self, sod: &Secret) {
        let Some(interrupted) = self.interrupted.take() else { return };
        if interrupted.files.get(&FileId::Sod) != Some(&FileEvidence::Content(sod.clone())) {
            return;
        }
        self.resumed = true;
        self.queue.retain(|file| !interrupted.files.contains_key(file) && !interrupted.not_read.contains_key(file));
        self.files.extend(interrupted.files);
        self.not_read.extend(interrupted.not_read);
        self.partial = interrupted.current;
    }

    pub(super) fn file_done(&mut self, read: &ReadFile, outcome: FileOutcome) -> Result<(), Error> {
        let file = read.file();
        (self.experience.manner, self.experience.shown) = (read.manner(), read.shown());
        if file == FileId::CardSecurity {
            match outcome {
                FileOutcome::Read(bytes) => {
                    self.files.insert(file, FileEvidence::Content(bytes));
                }
                _ => {
                    self.not_read.insert(file, "absent".to_owned());
                }
            }
            self.state = State::Select(Before::Files);
            return Ok(());
        }
        match outcome {
            FileOutcome::Read(bytes) => {
                if file == FileId::Sod {
                    let sod = Sod::parse(bytes.expose()).ok();
                    self.compare_signer(sod.as_ref());
                    self.plan_files(sod);
                    self.take_over(&bytes);
                }
                self.files.insert(file, FileEvidence::Content(bytes));
            }
            FileOutcome::Absent => {
                self.not_read.insert(file, "absent".to_owned());
            }
            FileOutcome::Denied => {
                self.not_read.insert(file, "denied".to_owned());
            }
        }
        if file == FileId::Sod && self.not_read.contains_key(&FileId::Sod) {
            self.queue = self.wanted();
        }
        let unasked = self.active == not_reached();
        match file {
            FileId::Dg(15) => self.start_active(),
            // The read goes on from one in which the key was there already: whoever holds the card up now signs.
            FileId::Sod if unasked && self.files.contains_key(&FileId::Dg(15)) => self.start_active(),
            _ => self.next_file(),
        }
        Ok(())
    }

    /// The wanted groups in reading order: text, then keys, then the portrait. Groups behind terminal authentication
    /// come later. The keys of the chip are always wanted: what it proves itself with is nobody's choice.
    fn wanted(&self) -> VecDeque<FileId> {
        let mut wanted: Vec<u8> = self.plan.data_groups.clone();
        wanted.extend(CHIP_KEYS);
        wanted.retain(|n| !BIOMETRIC.contains(n));
        wanted.sort_by_key(|n| (*n == 2, *n));
        wanted.dedup();
        wanted.into_iter().map(FileId::Dg).collect()
    }

    /// The SOD lists the files, so EF.COM need not be read.
    fn plan_files(&mut self, sod: Option<Sod>) {
        let undated = sod.as_ref().is_some_and(|sod| sod.signed_data.signing_time.is_none());
        let listed = sod.map(|sod| sod.security_object.data_groups);
        let mut queue = self.wanted();
        if let Some(listed) = listed {
            // Where EF.SOD does not say when it was signed, the date of issue does.
            if undated && listed.contains_key(&12) && !queue.contains(&FileId::Dg(12)) {
                queue.push_front(FileId::Dg(12));
            }
            queue.retain(|file| matches!(file, FileId::Dg(n) if listed.contains_key(n)));
            for file in self.wanted() {
                if !queue.contains(&file) {
                    self.not_read.insert(file, "not_in_sod".to_owned());
                }
            }
        }
        self.queue = queue;
    }

    /// What was learnt of cards of one signer says nothing of those of another.
    fn compare_signer(&mut self, sod: Option<&Sod>) {
        let Some(expected) = self.plan.expected.take() else { return };
        if sod.and_then(Sod::signer_fingerprint) != Some(expected.signer) {
            let own = self.experience.manner.beyond(expected.manner);
            self.experience.manner = self.within_channel(own);
        }
    }

    pub(super) fn next_file(&mut self) {
        while let Some(file) = self.queue.pop_front() {
            match self.experience.left_out.get(&file) {
                Some(reason) => {
                    self.not_read.insert(file, reason.clone());
                }
                None => return self.start_file(file),
            }
        }
        if self.active == not_reached() {
            self.active = Proof::NotAsked("no_dg15".to_owned());
        }
        self.close();
    }
}
