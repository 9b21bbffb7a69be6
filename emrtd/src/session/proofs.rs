//! Active, chip and terminal authentication, and the groups that the last one opens.

use super::receive::refusal;
use super::reopen::session_lost;
use super::{BIOMETRIC, Session, State};
use crate::active_authentication::ActiveAuthentication;
use crate::apdu::{Response, split_status};
use crate::chip_authentication::{ChipAuthentication, ChipAuthenticationParameters, ChipAuthenticationTranscript};
use crate::cvc::Authorisation;
use crate::error::Error;
use crate::evidence::{Proof, TerminalRecord};
use crate::exchange::{Exchange as _, Step};
use crate::file::FileId;
use crate::lds::{self, Sod};
use crate::secure_messaging::{SecureMessaging, SecureMessagingError};
use crate::security_info::SecurityInfos;
use crate::terminal_authentication::{TerminalAuthentication, TerminalStep};

impl Session {
    pub(super) fn start_active(&mut self) {
        let key = self.file(FileId::Dg(15)).map(lds::dg15::parse);
        let reason = match key {
            Some(Ok(key)) => {
                // What the chip takes when files are read says nothing about its signature: only one that fits no
                // short answer at all is not asked for without extended length.
                let length = ActiveAuthentication::full_length(&key);
                let extended = self.max_response > 256 && !self.experience.answers_get_lost();
                if length <= 256 || extended {
                    let first = self.first_length(length, extended);
                    let run = ActiveAuthentication::new(key, first, extended).after(&self.experience.active);
                    if run.is_over() || self.experience.active_over {
                        self.active = Proof::Refused(self.experience.active_lost.clone());
                        return self.next_file();
                    }
                    self.state = State::ActiveAuthentication(run);
                    return;
                }
                "signature_needs_extended_length"
            }
            Some(Err(_)) => "unsupported_algorithm",
            None => "no_dg15",
        };
        self.active = Proof::NotAsked(reason.to_owned());
        self.next_file();
    }

    /// The Le to begin with: in one extended answer what its protection makes too long for a short one.
    fn first_length(&self, signature: u32, extended: bool) -> u32 {
        let short = self.channel.as_ref().map_or(256, SecureMessaging::short_le);
        let manner = self.experience.manner;
        let worked = manner.most() > manner.short();
        if signature > short && extended && (worked || signature > 256) { manner.most().max(signature) } else { 256 }
    }

    pub(super) fn receive_chip(
        &mut self,
        answer: &[u8],
        opened: Result<Response, SecureMessagingError>,
    ) -> Result<(), Error> {
        let state = std::mem::replace(&mut self.state, State::Done);
        match (state, opened) {
            (State::ChipAuthentication(mut run), Ok(response)) => match run.feed(&response, &mut *self.entropy) {
                Ok(Step::Send(command)) => return self.go_on(State::ChipAuthentication(run), command),
                Ok(Step::Done(done)) => {
                    self.channel = Some(done.session);
                    self.experience.chip = run.tried();
                    self.experience.manner = self.within_channel(self.experience.manner);
                    self.state = State::Confirm(done.terminal_key);
                    return Ok(());
                }
                Err(error) => self.chip = Proof::Refused(refusal(&error)),
            },
            (State::Confirm(key), Ok(_)) => {
                self.chip = Proof::Answered(ChipAuthenticationTranscript::new(key.private(), answer));
                self.terminal_key = key.compressed();
                self.start_terminal();
                return Ok(());
            }
            // An answer under other keys: whoever judges the evidence sees for themselves that it is wrong.
            (State::Confirm(key), Err(SecureMessagingError::Mac)) => {
                self.chip = Proof::Answered(ChipAuthenticationTranscript::new(key.private(), answer));
            }
            (state, Err(error)) => {
                let reason = session_lost(split_status(answer).map(|(_, status)| status));
                match &state {
                    State::ChipAuthentication(run) => self.experience.chip = run.tried(),
                    // The same way once more.
                    _ if self.dislikes_confirmation(&error) => self.experience.chip -= 1,
                    _ => {}
                }
                let infos = self.file(FileId::Dg(14)).and_then(|bytes| lds::dg14(bytes).ok());
                let left = infos.is_some_and(|infos| self.chip_offers(&infos).is_some());
                if left && self.lost_in_chip(reason.clone(), error) {
                    return Ok(());
                }
                self.chip = Proof::Refused(reason);
            }
            _ => return Err(Error::OutOfOrder),
        }
        self.leave_biometrics("no_chip_authentication");
        Ok(())
    }

    /// After the files: chip authentication, unless the access protocol proved the same.
    pub(super) fn close(&mut self) {
        if !matches!(self.chip, Proof::NotAsked(_)) {
            self.state = State::Done;
            return;
        }
        let reason = match self.file(FileId::Dg(14)).map(lds::dg14) {
            Some(Ok(infos)) if self.cam_holds(&infos) && self.biometrics().is_empty() => "pace_cam_proved_it",
            Some(Ok(infos)) => {
                if let Some(run) = self.chip_offers(&infos) {
                    let prepared = run.named_group().and_then(|group| self.reserve.take(group));
                    self.state = State::ChipAuthentication(run.with_terminal_key(prepared));
                    return;
                }
                "no_usable_key"
            }
            Some(Err(_)) => "dg14_malformed",
            None => "no_dg14",
        };
        self.chip = Proof::NotAsked(reason.to_owned());
        self.leave_biometrics("no_chip_authentication");
    }

    /// What is left to try of chip authentication; `None` for nothing.
    fn chip_offers(&self, infos: &SecurityInfos) -> Option<ChipAuthentication> {
        ChipAuthentication::new(ChipAuthenticationParameters::all(infos), self.experience.chip)
    }

    /// Whether the chip has shown in PACE that it holds the key of EF.CardSecurity, and EF.DG14 repeats that key:
    /// without it the proof would count for nothing, and chip authentication is made as well.
    fn cam_holds(&self, infos: &SecurityInfos) -> bool {
        let Proof::Answered(data) = &self.cam else { return false };
        let keys = self.file(FileId::CardSecurity).and_then(|bytes| lds::CardSecurity::parse(bytes).ok());
        keys.is_some_and(|security| security.proves(data) && security.is_repeated_by(infos))
    }

    /// Groups behind terminal authentication that are wanted and listed.
    fn biometrics(&self) -> Vec<u8> {
        let listed = self.file(FileId::Sod).and_then(|sod| Sod::parse(sod).ok());
        let listed = listed.map(|sod| sod.security_object.data_groups).unwrap_or_default();
        let wanted = self.plan.data_groups.iter().copied();
        wanted.filter(|n| BIOMETRIC.contains(n) && listed.contains_key(n) && self.plan.terminal.is_some()).collect()
    }

    /// Says why the groups behind terminal authentication are not there, and ends the read.
    fn leave_biometrics(&mut self, reason: &str) {
        for number in self.plan.data_groups.iter().filter(|n| BIOMETRIC.contains(n)) {
            let file = FileId::Dg(*number);
            if !self.files.contains_key(&file) {
                self.not_read.entry(file).or_insert_with(|| reason.to_owned());
            }
        }
        self.state = State::Done;
    }

    fn start_terminal(&mut self) {
        match &self.plan.terminal {
            Some(certificates) if !self.biometrics().is_empty() => {
                let infos = self.file(FileId::Dg(14)).and_then(|bytes| lds::dg14(bytes).ok());
                let run = TerminalAuthentication::new(
                    certificates.clone(),
                    self.chip_identifier.clone(),
                    self.terminal_key.clone(),
                    infos.and_then(|infos| infos.terminal_authentication).unwrap_or_default(),
                );
                self.state = State::TerminalAuthentication(run, None);
            }
            Some(_) => self.leave_biometrics("not_in_sod"),
            None => self.leave_biometrics("no_terminal_authentication"),
        }
    }

    pub(super) fn receive_terminal(&mut self, opened: Result<Response, SecureMessagingError>) {
        let State::TerminalAuthentication(mut run, _) = std::mem::replace(&mut self.state, State::Done) else {
            return;
        };
        match opened.map_err(Error::from).and_then(|response| run.feed(&response)) {
            Ok(TerminalStep::Send(command)) => {
                self.state = State::TerminalAuthentication(run, None);
                self.dispatch(command);
            }
            Ok(TerminalStep::Sign(request)) => self.state = State::TerminalAuthentication(run, Some(request)),
            Ok(TerminalStep::Done(rights)) => {
                self.terminal = self.terminal_record("granted", rights);
                for number in self.biometrics() {
                    if rights.allows(number) {
                        self.queue.push_back(FileId::Dg(number));
                    } else {
                        self.not_read.insert(FileId::Dg(number), "not_authorised".to_owned());
                    }
                }
                self.next_file();
            }
            Err(error) => self.terminal_refused(match error {
                Error::Protocol { .. } => "no_certificate_path",
                _ => "chip_refused",
            }),
        }
    }

    pub(super) fn terminal_refused(&mut self, reason: &str) {
        self.terminal = self.terminal_record(reason, Authorisation::default());
        self.leave_biometrics("terminal_authentication_failed");
    }

    fn terminal_record(&self, result: &str, rights: Authorisation) -> Option<TerminalRecord> {
        let certificates = self.plan.terminal.as_ref()?;
        Some(TerminalRecord {
            result: result.to_owned(),
            holder: certificates.own().holder_name(),
            fingerprints: rights.fingerprints,
            irises: rights.irises,
        })
    }
}
