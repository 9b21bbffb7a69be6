//! Which access protocol is tried, with which password.

use super::{Attempt, CHUNK, SELECT_MASTER_FILE, Session, State};
use crate::bac::Bac;
use crate::error::Error;
use crate::evidence::{AccessRecord, FileEvidence};
use crate::file::{FileId, ReadSize};
use crate::pace::{Pace, ParameterReference};
use crate::password::Password;
use crate::secret::Secret;
use crate::secure_messaging::SecureMessaging;
use crate::security_info::{Mapping, PaceInfo, SecurityInfos};
use crate::session::AccessPolicy;

impl Session {
    pub(super) fn card_access(&mut self, read: Option<Secret>) -> Result<(), Error> {
        if read.is_none() && self.master_file_tries < SELECT_MASTER_FILE.len() {
            self.master_file_tries += 1;
            self.state = State::SelectMasterFile;
            return Ok(());
        }
        let infos = match &read {
            Some(bytes) => SecurityInfos::parse(bytes.expose()).ok(),
            None => self.plan.card_access_fallback.as_ref().and_then(|bytes| {
                self.fallback = Some("card_access_assumed".to_owned());
                SecurityInfos::parse(bytes).ok()
            }),
        };
        if let Some(bytes) = read {
            self.files.insert(FileId::CardAccess, FileEvidence::Content(bytes));
        }
        self.offers = infos.map(|i| i.pace).unwrap_or_default();
        // A card that takes a password takes it in every variant, so only the best offer is tried: the strongest
        // cipher, then ECDH, then the mapping that also proves the chip, then the chip's own order.
        let supported = self.offers.iter().filter(|info| Pace::supports(info));
        let strength =
            |info: &PaceInfo| (info.cipher.strength(), info.key_agreement, info.mapping == Mapping::ChipAuthentication);
        if let Some(best) = supported.min_by_key(|info| std::cmp::Reverse(strength(info))) {
            let attempt = |password: &Password| Attempt::Pace(best.clone(), password.clone());
            self.attempts = self.plan.passwords.iter().map(attempt).collect();
        }
        if self.attempts.is_empty() {
            if self.plan.access == AccessPolicy::Auto {
                self.fallback = Some("pace_not_offered".to_owned());
                return self.switch_to_bac(Error::NoAccessProtocol("the chip does not offer PACE"));
            }
            return Err(Error::NoAccessProtocol("the chip does not offer PACE"));
        }
        self.next_attempt(Error::NoAccessProtocol("no password"))
    }

    pub(super) fn queue_bac(&mut self) {
        let mrz = self.plan.passwords.iter().filter(|p| matches!(p, Password::Mrz(_)));
        self.attempts = mrz.cloned().map(Attempt::Bac).collect();
    }

    /// Starts the next password, or the next protocol when they are used up.
    pub(super) fn next_attempt(&mut self, error: Error) -> Result<(), Error> {
        let refused_protocol = !matches!(error, Error::WrongPassword { .. }) && self.current.is_some();
        if refused_protocol && matches!(self.current, Some(Attempt::Pace(..))) {
            // The chip breaks off PACE for another reason than the password; the next password meets the same.
            self.attempts.clear();
            return self.fall_back(error);
        }
        if refused_protocol {
            return Err(error);
        }
        self.current = self.attempts.pop_front();
        match &self.current {
            Some(Attempt::Pace(info, password)) => {
                let same = self.offers.iter().filter(|other| other.oid == info.oid).count();
                let reference = if same > 1 { ParameterReference::Name } else { ParameterReference::Omit };
                let prepared = info.group().filter(|_| info.mapping != Mapping::Integrated);
                let prepared = prepared.and_then(|group| self.reserve.take(group));
                let pace = Pace::new(info.clone(), password.clone(), reference).with_mapping_key(prepared);
                self.state = State::Pace(pace);
                Ok(())
            }
            Some(Attempt::Bac(Password::Mrz(key))) => {
                self.state = State::Bac(Bac::new(key));
                Ok(())
            }
            Some(Attempt::Bac(Password::Can(_))) | None => Err(error),
        }
    }

    /// After a failure of PACE that is not a wrong password.
    fn fall_back(&mut self, error: Error) -> Result<(), Error> {
        if self.plan.access != AccessPolicy::Auto {
            return Err(error);
        }
        // A chip that gives no EF.CardAccess and refuses the assumed offer simply has no PACE.
        let assumed = self.fallback.as_deref() == Some("card_access_assumed");
        self.fallback = Some(if assumed { "pace_not_offered" } else { "pace_failed" }.to_owned());
        self.switch_to_bac(error)
    }

    fn switch_to_bac(&mut self, error: Error) -> Result<(), Error> {
        self.queue_bac();
        self.current = None;
        if self.attempts.is_empty() {
            return Err(error);
        }
        self.state = State::Select { before_bac: true };
        Ok(())
    }

    pub(super) fn opened(&mut self, channel: SecureMessaging) -> Result<(), Error> {
        let cipher = channel.cipher().name().to_owned();
        let (protocol, curve, password, after) = match self.current.take() {
            Some(Attempt::Pace(info, password)) => {
                let curve = info.group().map(|group| group.name().to_owned());
                let cam = info.mapping == Mapping::ChipAuthentication;
                (info.name(), curve, password, if cam { After::Cam } else { After::Pace })
            }
            Some(Attempt::Bac(password)) => {
                if let Password::Mrz(key) = &password {
                    self.chip_identifier = key.document_number_with_check_digit().to_vec();
                }
                ("BAC".to_owned(), None, password, After::Bac)
            }
            None => return Err(Error::OutOfOrder),
        };
        let password = password.kind().to_owned();
        let fallback = self.fallback.take();
        self.access = Some(AccessRecord { protocol, cipher, curve, password, fallback });
        let short = channel.short_le();
        let extended = if self.plan.max_response > 256 {
            // Room for the data objects of secure messaging around the plain data.
            (self.plan.max_response - 48).min(CHUNK).max(short)
        } else {
            short
        };
        self.size = self.plan.read_size.map_or(ReadSize { short, extended }, |known| {
            let short = known.short.min(short);
            ReadSize { short, extended: known.extended.min(extended).max(short) }
        });
        self.channel = Some(channel);
        self.attempts.clear();
        match after {
            // EF.CardSecurity is in the master file: before the application is selected.
            After::Cam => self.start_file(FileId::CardSecurity),
            After::Pace => self.state = State::Select { before_bac: false },
            // BAC runs inside the application already.
            After::Bac => self.start_file(FileId::Sod),
        }
        Ok(())
    }
}

/// What opened the chip, which decides what comes next.
enum After {
    Cam,
    Pace,
    Bac,
}
