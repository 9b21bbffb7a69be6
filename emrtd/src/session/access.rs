//! Which access protocol is tried, with which password.

use super::{Attempt, Before, SELECT_MASTER_FILE, Session, State};
use crate::apdu::{Response, StatusWord};
use crate::bac::Bac;
use crate::error::Error;
use crate::evidence::{AccessRecord, FileEvidence};
use crate::file::FileId;
use crate::manner::{Manner, Select};
use crate::pace::{Pace, ParameterReference};
use crate::password::Password;
use crate::secret::Secret;
use crate::secure_messaging::SecureMessaging;
use crate::security_info::{Mapping, PaceInfo, SecurityInfos};
use crate::session::AccessPolicy;
use crate::tlv::{self, tag};

/// More variants of PACE than these are tried with no chip.
const MOST_OFFERS: usize = 4;

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
            self.experience.master_file = self.master_file_tries;
            self.files.insert(FileId::CardAccess, FileEvidence::Content(bytes));
        }
        self.offers = infos.map(|i| i.pace).unwrap_or_default();
        // The best offer first: the strongest cipher, then ECDH, then the mapping that also proves the chip, then the
        // chip's own order.
        let strength =
            |info: &PaceInfo| (info.cipher.strength(), info.key_agreement, info.mapping == Mapping::ChipAuthentication);
        let mut supported: Vec<_> = self.offers.iter().filter(|info| Pace::supports(info)).cloned().collect();
        supported.sort_by_key(|info| std::cmp::Reverse(strength(info)));
        supported.truncate(MOST_OFFERS);
        self.untried = supported.into();
        if !self.next_offer() {
            if self.plan.access == AccessPolicy::Auto {
                self.fallback = Some("pace_not_offered".to_owned());
                return self.switch_to_bac(Error::NoAccessProtocol("the chip does not offer PACE"));
            }
            return Err(Error::NoAccessProtocol("the chip does not offer PACE"));
        }
        self.next_attempt(Error::NoAccessProtocol("no password"))
    }

    /// Every password for the best offer that was not tried. A card that takes a password takes it in every variant, so
    /// the next one is tried only where the chip refuses the variant.
    fn next_offer(&mut self) -> bool {
        let Some(offer) = self.untried.pop_front() else { return false };
        let attempt = |password: &Password| Attempt::Pace(offer.clone(), password.clone());
        self.attempts = self.plan.passwords.iter().map(attempt).collect();
        !self.attempts.is_empty()
    }

    pub(super) fn queue_bac(&mut self) {
        let mrz = self.plan.passwords.iter().filter(|password| password.is_mrz());
        self.attempts = mrz.cloned().map(Attempt::Bac).collect();
    }

    /// Starts the next password, or the next protocol when they are used up.
    pub(super) fn next_attempt(&mut self, error: Error) -> Result<(), Error> {
        let refused_protocol = !matches!(error, Error::WrongPassword { .. }) && self.current.is_some();
        if refused_protocol && matches!(self.current, Some(Attempt::Pace(..))) {
            if self.wants_application_first(&error) {
                self.experience.application_first = true;
                self.attempts.extend(self.current.take());
                self.attempts.rotate_right(1);
                self.state = State::Select(Before::Pace);
                return Ok(());
            }
            // The chip breaks off PACE for another reason than the password: the next password meets the same.
            if !self.next_offer() {
                self.attempts.clear();
                return self.fall_back(error);
            }
        } else if refused_protocol {
            return Err(error);
        }
        if self.attempts.is_empty() && matches!(self.current, Some(Attempt::Pace(..))) {
            // Some chips end PACE so although the password is right. BAC tells: a wrong one is wrong there, too.
            return self.fall_back(error);
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

    /// Whether the chip may do PACE inside the application only. One that has shown no EF.CardAccess likely has no PACE
    /// at all: it is asked only where nothing else would open it.
    fn wants_application_first(&self, error: &Error) -> bool {
        let refused = matches!(error, Error::Status { operation: Pace::SET_AT, .. });
        let shown = self.files.contains_key(&FileId::CardAccess);
        let bac = self.plan.access == AccessPolicy::Auto && self.plan.passwords.iter().any(Password::is_mrz);
        refused && !self.experience.application_first && (shown || !bac)
    }

    /// After the last failure of PACE.
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
        self.state = State::Select(Before::Bac);
        Ok(())
    }

    /// The application is selected, or the chip refuses it so.
    pub(super) fn selected(&mut self, before: Before, status: StatusWord) -> Result<(), Error> {
        if !status.is_success() {
            self.selects_refused += 1;
            if self.selects_refused >= Select::ALL.len() {
                return Err(Error::Status { operation: "SELECT application", status });
            }
            let application = &mut self.experience.manner.application;
            *application = application.next();
            self.state = State::Select(before);
            return Ok(());
        }
        self.selects_refused = 0;
        match before {
            Before::Pace => self.next_attempt(Error::NoAccessProtocol("no password")),
            Before::Bac => self.next_attempt(Error::NoAccessProtocol("no MRZ key data for BAC")),
            Before::Files => {
                self.start_file(FileId::Sod);
                Ok(())
            }
        }
    }

    /// What EF.ATR/INFO says of the length of answers: object `7F66` with the most bytes of a command and of a response
    /// (ISO/IEC 7816-4 §12.7.1).
    pub(super) fn sizes(&mut self, response: &Response) {
        let most = || {
            let objects = response.data.expose();
            // A byte of historical information may stand in front.
            let objects = objects.strip_prefix(&[0x00]).or_else(|| objects.strip_prefix(&[0x80])).unwrap_or(objects);
            let information = tlv::find(objects, 0x7F66).ok()??;
            let mut sizes = information.children();
            sizes.expect(tag::INTEGER).ok()?;
            sizes.expect(tag::INTEGER).ok()?.small_uint().ok()
        };
        if let Some(most) = most() {
            self.max_response = self.max_response.min(most.max(256));
        }
    }

    pub(super) fn opened(&mut self, channel: SecureMessaging) -> Result<(), Error> {
        let cipher = channel.cipher().name().to_owned();
        let opened = self.current.clone().map(|attempt| (attempt, self.fallback.clone()));
        self.experience.opened = opened;
        self.experience.openings += 1;
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
        self.channel = Some(channel);
        self.experience.manner = self.within_channel(self.experience.manner);
        self.attempts.clear();
        match after {
            // EF.CardSecurity is in the master file: before the application is selected.
            After::Cam => self.start_file(FileId::CardSecurity),
            After::Pace => self.state = State::Select(Before::Files),
            // BAC runs inside the application already.
            After::Bac => self.start_file(FileId::Sod),
        }
        Ok(())
    }
}

impl Session {
    /// As much of a manner as reader and channel allow.
    pub(super) fn within_channel(&self, manner: Manner) -> Manner {
        let short = self.channel.as_ref().map_or(256, SecureMessaging::short_le);
        // Room for the data objects of secure messaging around the plain data.
        let extended = if self.max_response > 256 { (self.max_response - 48).max(short) } else { short };
        manner.within(short, extended)
    }
}

/// What opened the chip, which decides what comes next.
enum After {
    Cam,
    Pace,
    Bac,
}
