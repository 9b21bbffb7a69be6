//! The channel and the proofs of the chip: each weighed as a [`Finding`], from which both the check and the answer to
//! *chip* are made.
//!
//! An answer counts only under a key whose data group a rightly signed SOD binds, whether or not its signer is known
//! here. Under a key that is not bound a wrong answer accuses nobody either: the key itself may be the wrong one, and
//! then its hash says so.

use super::{Circumstances, Evidence, Proof};
use crate::active_authentication::Answer;
use crate::chip_authentication::ChipAuthenticationParameters;
use crate::cms::CmsError;
use crate::crypto::{AgreementKey, CryptoError, NamedGroup};
use crate::error::describe;
use crate::file::FileId;
use crate::lds::{self, CardSecurity};
use crate::passive_authentication::{PassiveAuthentication, judge_signed};
use crate::security_info::SecurityInfos;
use crate::tlv::TlvError;
use crate::trust::TrustStore;
use crate::verdict::{Check, Outcome};
use ::verdict::Chip;

/// What a proof of the chip showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// The chip holds a key that the signed data bind.
    Holds,
    /// It answered in full under such a key, and wrongly.
    Wrong,
    /// Nothing was shown, for this reason.
    Open(String),
}

impl Finding {
    fn open(reason: &str) -> Self {
        Self::Open(reason.to_owned())
    }

    /// What an answer is worth where the key stands in this group.
    fn of(answer: Result<Answer, CryptoError>, passive: &PassiveAuthentication, group: u8) -> Self {
        let bound = passive.bound.contains(&group);
        match answer {
            Ok(Answer::Right) if bound && passive.signed => Self::Holds,
            Ok(Answer::Wrong) if bound => Self::Wrong,
            Ok(Answer::Right | Answer::Wrong) => Self::open("key_not_bound"),
            Ok(Answer::Short) => Self::open("answer_short"),
            Ok(Answer::Odd) => Self::open("answer_odd"),
            Err(_) => Self::open("unsupported_algorithm"),
        }
    }

    fn check(&self, id: &str, detail: String) -> Check {
        let check = match self {
            Self::Holds => Check::passed(id),
            Self::Wrong => Check::failed(id, "wrong_answer"),
            Self::Open(reason) => Check::not_performed(id, reason),
        };
        if detail.is_empty() { check } else { check.with_detail(detail) }
    }
}

/// Whether the chip was talked to by the parameters that the issuer signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// EF.DG14 repeats them, or has none to compare.
    Undisputed,
    /// They are others, or cannot be read: what was proved over it does not count.
    Disputed,
}

impl Evidence {
    /// Every check of channel and chip, appended to `checks`, and the answer that follows.
    pub(super) fn check_chip(
        &self,
        passive: &PassiveAuthentication,
        trust: &TrustStore,
        circumstances: &Circumstances,
        checks: &mut Vec<Check>,
    ) -> Chip {
        let infos = self.content(FileId::Dg(14)).map(lds::dg14);
        let (channel, check) = self.channel(infos.as_ref());
        checks.push(check);
        let infos = infos.and_then(Result::ok);
        let (active, detail) = self.active(infos.as_ref(), passive);
        checks.push(active.check("active_authentication", detail));
        let (agreement, detail) = self.agreement(infos.as_ref(), passive);
        checks.push(agreement.check("chip_authentication", detail));
        let mut findings = vec![active, agreement];
        if self.pace_cam != Proof::NotAsked("not_offered".to_owned()) {
            let (mapping, cam) = self.mapping(infos.as_ref(), passive, trust, circumstances);
            checks.extend(cam);
            findings.push(mapping);
        }
        if findings.contains(&Finding::Wrong) {
            Chip::Copy
        } else if findings.contains(&Finding::Holds) && channel == Channel::Undisputed {
            Chip::Proved
        } else {
            Chip::Unproved
        }
    }

    /// EF.CardAccess is unsigned, and may have been assumed where the chip did not give it; EF.DG14 must repeat the
    /// PACE offer that was used (ICAO 9303-11 §9.2.11).
    fn channel(&self, infos: Option<&Result<SecurityInfos, TlvError>>) -> (Channel, Check) {
        const ID: &str = "card_access";
        let open = |reason| (Channel::Undisputed, Check::not_performed(ID, reason));
        let infos = match infos {
            Some(Ok(infos)) => infos,
            Some(Err(_)) => return open("dg14_malformed"),
            None => return open("no_dg14"),
        };
        if infos.pace.is_empty() {
            return open("dg14_has_no_pace_info");
        }
        let disputed = |reason| (Channel::Disputed, Check::remark(ID, reason));
        let same = match self.content(FileId::CardAccess).map(SecurityInfos::parse) {
            Some(Ok(offered)) => offered.pace.iter().all(|info| infos.pace.contains(info)),
            Some(Err(_)) => return disputed("card_access_malformed"),
            None if self.access.protocol == "BAC" => return open("no_card_access"),
            None => infos.pace.iter().any(|info| {
                info.name() == self.access.protocol
                    && info.group().map(NamedGroup::name) == self.access.curve.as_deref()
            }),
        };
        if same { (Channel::Undisputed, Check::passed(ID)) } else { disputed("card_access_differs_from_dg14") }
    }

    fn active(&self, infos: Option<&SecurityInfos>, passive: &PassiveAuthentication) -> (Finding, String) {
        let key = self.content(FileId::Dg(15)).map(lds::dg15::parse);
        let hash = infos.and_then(|i| i.active_authentication_hash);
        let detail = key.as_ref().and_then(|k| k.as_ref().ok()).map(|k| k.describe()).unwrap_or_default();
        let finding = match (&self.active_authentication, key) {
            _ if passive.active_key_compromised => Finding::open("issuer_declared_compromised"),
            (Proof::NotAsked(reason) | Proof::Refused(reason), _) => Finding::open(reason),
            (Proof::Answered(_), None) => Finding::open("no_dg15"),
            (Proof::Answered(transcript), Some(key)) => {
                Finding::of(key.and_then(|key| transcript.judge(&key, hash)), passive, 15)
            }
        };
        (finding, detail)
    }

    fn agreement(&self, infos: Option<&SecurityInfos>, passive: &PassiveAuthentication) -> (Finding, String) {
        let offers = infos.map(ChipAuthenticationParameters::all).unwrap_or_default();
        let detail = offers.first().map(ChipAuthenticationParameters::describe).unwrap_or_default();
        let finding = match &self.chip_authentication {
            Proof::NotAsked(reason) | Proof::Refused(reason) => Finding::open(reason),
            Proof::Answered(_) if infos.is_none() => Finding::open("no_dg14"),
            Proof::Answered(transcript) => Finding::of(transcript.judge(&offers), passive, 14),
        };
        (finding, detail)
    }

    /// PACE-CAM: EF.CardSecurity must be signed as well as EF.SOD is, EF.DG14 must be bound and repeat its keys, and
    /// the chip must hold one. EF.CardSecurity lies outside of what the SOD binds, so whatever is wrong with the file
    /// alone is a remark.
    fn mapping(
        &self,
        infos: Option<&SecurityInfos>,
        passive: &PassiveAuthentication,
        trust: &TrustStore,
        circumstances: &Circumstances,
    ) -> (Finding, [Check; 2]) {
        const FILE: &str = "card_security";
        const PROOF: &str = "pace_cam";
        let open = |file: Check, reason: &str| {
            let finding = Finding::open(reason);
            let check = finding.check(PROOF, String::new());
            (finding, [file, check])
        };
        let missing = || Check::not_performed(FILE, "no_card_security");
        let (data, security) = match (&self.pace_cam, self.content(FileId::CardSecurity)) {
            (Proof::NotAsked(reason) | Proof::Refused(reason), _) => return open(missing(), reason),
            (Proof::Answered(_), None) => return open(missing(), "no_card_security"),
            (Proof::Answered(data), Some(file)) => (data, CardSecurity::parse(file)),
        };
        let security = match security {
            Ok(security) => security,
            Err(error) => {
                let check = match error {
                    CmsError::Crypto(_) => Check::not_performed(FILE, "unsupported_algorithm"),
                    _ => Check::remark(FILE, "card_security_malformed"),
                };
                return open(check.with_detail(describe(&error)), "no_card_security");
            }
        };
        let mut file = judge_signed(FILE, &security.signed_data, passive, trust, circumstances.at, circumstances.now);
        let signed = file.outcome == Outcome::Passed
            || file.outcome != Outcome::Failed && !passive.trusted && is_of_the_same_signer(&security, passive);
        if file.outcome == Outcome::Failed {
            file.outcome = Outcome::Remark;
        }
        let bound = infos.filter(|_| passive.bound.contains(&14));
        let repeated = bound.is_some_and(|infos| security.is_repeated_by(infos));
        if infos.is_some_and(|infos| !security.is_repeated_by(infos)) {
            file = Check::remark(FILE, "card_security_differs_from_dg14");
        }
        let finding = match security.judge(data) {
            _ if bound.is_none() => Finding::open("key_not_bound"),
            _ if !repeated => Finding::open("card_security_differs_from_dg14"),
            // Under a file that nobody vouches for a right answer shows nothing.
            Ok(Answer::Right) if !signed => Finding::open("card_security_not_signed"),
            answer => Finding::of(answer, passive, 14),
        };
        let keys = security.keys().map(AgreementKey::describe).collect::<Vec<_>>().join(", ");
        let check = finding.check(PROOF, keys);
        (finding, [file, check])
    }
}

/// Whether the signature of EF.CardSecurity is right under the certificate that signed EF.SOD, or under another of the
/// same issuer: where nobody vouches for the one, nobody need vouch for the other.
fn is_of_the_same_signer(security: &CardSecurity, passive: &PassiveAuthentication) -> bool {
    let Some(signer) = &passive.document_signer else { return false };
    let data = &security.signed_data;
    let of_issuer = data.certificates.iter().filter(|own| own.issuer_name() == signer.issuer_name());
    std::iter::once(signer).chain(of_issuer).any(|certificate| matches!(data.verify(certificate), Ok(Ok(()))))
}
