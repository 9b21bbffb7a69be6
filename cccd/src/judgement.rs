//! The judgement over one read: five answers with their reasons, and the word over them (`docs/verdict.md`).
//!
//! `emrtd` answers who signed and whether the chip is the one that was issued; this module adds what only the national
//! profile knows: the dates of the document, whether its parts agree with each other and with what was scanned, and
//! which kind of document it is. Nothing here reads a clock: [`Today`] is an argument.
//!
//! | question | from | checks |
//! |---|---|---|
//! | issuer, chip | [`emrtd::Verification`] | `sod_signature`, `dsc_*`, `issuing_state`, `anchor_scope`, `dg_hash.N`, `active_authentication`, … |
//! | validity | EF.DG13 fields 11 and 12, else EF.DG1 | `document_validity` |
//! | consistency | [`crate::cross_check()`] | `mrz_check_digits`, `dg1_dg13_*`, `chip_qr_*`, `chip_number`, `dgN_readable` |
//! | holder | nobody yet | |

use crate::calendar::in_vietnam;
use crate::cross_check::{CrossCheck, Sources, cross_check, mrz_number, number_advice};
use crate::date::{CardDate, Century, is_without_end};
use crate::dg13::{Dg13, Field};
use crate::document::Kind;
use crate::number::Number;
use crate::qr::Qr;
use emrtd::{
    Check, Circumstances, Deviation, Document, Evidence, FileId, Mrz, Outcome, Severity, SodVerification, TrustStore,
    UnixTime, Verification, describe, lds,
};
use std::collections::BTreeMap;
use time::Date;
use verdict::{Answers, Consistency, Holder, Rung, Validity, Word};
use zeroize::Zeroizing;

/// What was known of the card before it was read.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The scanned QR code.
    pub qr: Option<Qr>,
    /// The typed, listed or scanned number.
    pub number: Option<Number>,
    /// The document number of a machine readable zone that was scanned or typed.
    pub document_number: Option<Zeroizing<String>>,
}

/// The time of the judgement.
#[derive(Debug, Clone, Copy)]
pub struct Today {
    /// Seconds since 1970.
    pub now: UnixTime,
    /// Whether that is the time. Where it is not, the time is this or later.
    pub is_certain: bool,
}

impl Today {
    /// A time that is certain.
    #[must_use]
    pub const fn certain(now: UnixTime) -> Self {
        Self { now, is_certain: true }
    }
}

/// Everything that was found out about a card.
#[derive(Clone)]
pub struct Judgement {
    /// All checks: of the evidence, and across its parts.
    pub checks: Vec<Check>,
    /// The five answers.
    pub answers: Answers,
    /// What the evidence's own verification found.
    pub verification: Verification,
    /// The machine readable zone.
    pub mrz: Option<Mrz>,
    /// The national data.
    pub dg13: Option<Dg13>,
    /// The kind of document.
    pub kind: Kind,
    /// Remarks on the number that change no answer.
    pub advice: Vec<&'static str>,
}

impl std::fmt::Debug for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Judgement({:?}, {:?})", self.kind, self.answers)
    }
}

/// Verifies evidence, compares its parts and answers. `prepared` is what was found out about EF.SOD while the read went
/// on, under the same anchors.
#[must_use]
pub fn judge(
    evidence: &Evidence,
    prepared: Option<&SodVerification>,
    known: &Known,
    trust: &TrustStore,
    today: Today,
) -> Judgement {
    let circumstances = Circumstances::now(today.now).with_issued(issued(evidence));
    judge_verified(evidence, evidence.verify_prepared(trust, prepared, &circumstances), known, today)
}

/// The date of issue that EF.DG13 states, for signatures that do not say when they were made. It is believed only
/// where the SOD binds the group.
#[must_use]
pub fn issued(evidence: &Evidence) -> Option<(u8, UnixTime)> {
    let dg13 = Dg13::parse(evidence.content(FileId::Dg(13))?).ok()?;
    let day = CardDate::from_text(dg13.get(Field::IssueDate)?)?.day()?;
    Some((13, UnixTime(day.midnight().assume_utc().unix_timestamp())))
}

/// The first day that a date may mean.
fn first_day(date: CardDate) -> Option<Date> {
    let month = date.month().unwrap_or(time::Month::January);
    Date::from_calendar_date(date.year()?, month, date.day().map_or(1, Date::day)).ok()
}

/// The last day that a date may mean.
fn last_day(date: CardDate) -> Option<Date> {
    if let Some(day) = date.day() {
        return Some(day);
    }
    let month = date.month().unwrap_or(time::Month::December);
    Date::from_calendar_date(date.year()?, month, month.length(date.year()?)).ok()
}

/// The same over evidence whose own checks are done.
#[must_use]
pub fn judge_verified(evidence: &Evidence, verification: Verification, known: &Known, today: Today) -> Judgement {
    let mut checks = verification.checks.clone();
    let mut odd = false;
    // What the issuer has signed in an odd form is the issuer's oddity, and the detail says which.
    let mut malformed = |group: u8, error: &dyn std::error::Error| {
        checks.push(Check::remark(format!("dg{group}_readable"), "malformed").with_detail(describe(error)));
        odd = true;
    };
    let mrz = evidence.content(FileId::Dg(1)).map(lds::dg1::parse).transpose();
    let mrz = mrz.inspect_err(|error| malformed(1, error)).ok().flatten();
    let dg13 = evidence.content(FileId::Dg(13)).map(Dg13::parse).transpose();
    let dg13 = dg13.inspect_err(|error| malformed(13, error)).ok().flatten();
    let sources =
        Sources { mrz: mrz.as_ref(), dg13: dg13.as_ref(), qr: known.qr.as_ref(), number: known.number.as_ref() };
    let CrossCheck { checks: compared, consistency } = cross_check(sources);
    checks.extend(compared);
    // What was opened is what was scanned, for a passport as for a card.
    let printed = mrz.as_ref().map(|mrz| mrz.document_number.as_str());
    let same = |scanned: &Zeroizing<String>| printed == Some(scanned.trim_end_matches('<'));
    let consistency = match (&known.document_number, consistency) {
        (Some(scanned), _) if !same(scanned) => {
            checks.push(Check::remark("chip_document_number", "number_differs"));
            Consistency::OtherCard
        }
        (_, Consistency::Agrees) if odd => Consistency::Remarks,
        (_, consistency) => consistency,
    };
    let (validity, check) = validity(mrz.as_ref(), dg13.as_ref(), today);
    checks.push(check);
    let answers = Answers { validity, consistency, holder: Holder::NotCompared, ..verification.answers() };
    let kind = mrz.as_ref().map_or(Kind::Other, |mrz| Kind::of(mrz, dg13.as_ref()));
    let advice = advice(mrz.as_ref(), dg13.as_ref());
    Judgement { checks, answers, verification, mrz, dg13, kind, advice }
}

/// Whether the document is in force. Its last day counts; a card "without end" has none. Where EF.DG13 and EF.DG1 state
/// different ends, the earlier one counts.
fn validity(mrz: Option<&Mrz>, dg13: Option<&Dg13>, today: Today) -> (Validity, Check) {
    const ID: &str = "document_validity";
    let unknown = |reason: &str| (Validity::Unknown, Check::not_performed(ID, reason));
    let stated = |field| dg13.and_then(|dg13| dg13.get(field));
    let day = in_vietnam(today.now.0).date();
    let clock_unsure = || unknown("clock_unsure");
    if let Some(issued) = stated(Field::IssueDate).and_then(CardDate::from_text).and_then(first_day)
        && day < issued
    {
        // A clock that may be late says nothing about a card of tomorrow.
        return if today.is_certain {
            (Validity::NotYet, Check::remark(ID, "document_not_yet_valid").with_detail(format!("issued {issued}")))
        } else {
            clock_unsure()
        };
    }
    let printed = mrz.and_then(|mrz| CardDate::from_mrz(&mrz.expiry, Century::Expiry)).and_then(last_day);
    let end: Option<Date> = match stated(Field::ExpiryDate) {
        Some(text) if is_without_end(text) => return (Validity::InDate, Check::passed(ID).with_detail("without end")),
        Some(text) => {
            let end = CardDate::from_text(text).and_then(last_day);
            end.into_iter().chain(printed).min()
        }
        None => printed,
    };
    match end {
        None => unknown("expiry_unknown"),
        // The time is this or later: what is over now is over.
        Some(end) if end < day => {
            (Validity::Expired, Check::remark(ID, "document_expired").with_detail(format!("on {end}")))
        }
        Some(_) if !today.is_certain => clock_unsure(),
        Some(end) => (Validity::InDate, Check::passed(ID).with_detail(format!("until {end}"))),
    }
}

fn advice(mrz: Option<&Mrz>, dg13: Option<&Dg13>) -> Vec<&'static str> {
    let number = dg13.and_then(|d| d.get(Field::IdNumber)).and_then(|text| Number::parse(text).ok());
    let born = dg13.and_then(|d| d.get(Field::DateOfBirth)).and_then(CardDate::from_text).and_then(|date| date.year());
    match (number, born, mrz) {
        (Some(number), Some(born), Some(mrz)) => number_advice(&number, born, mrz.sex),
        _ => Vec::new(),
    }
}

/// The question that a check belongs to.
#[must_use]
pub fn question(check: &Check) -> &'static str {
    match check.id.as_str() {
        "active_authentication" | "chip_authentication" | "pace_cam" | "card_access" | "card_security" => "chip",
        "document_validity" | "document_withdrawn" => "validity",
        "mrz_check_digits" => "consistency",
        id if id.ends_with("_readable") || id.starts_with("dg1_dg13_") || id.starts_with("chip_") => "consistency",
        _ => "issuer",
    }
}

impl Judgement {
    /// The word, where every kind of document is taken.
    #[must_use]
    pub const fn word(&self) -> Word {
        self.answers.word()
    }

    /// How much is assured.
    #[must_use]
    pub const fn rung(&self) -> Option<Rung> {
        self.answers.rung()
    }

    /// Why each question is answered as it is: the codes of checks that did not pass, by question.
    #[must_use]
    pub fn reasons(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut reasons: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for check in self.checks.iter().filter(|check| check.outcome != Outcome::Passed) {
            let reason = check.reason.as_deref().unwrap_or_default();
            reasons.entry(question(check)).or_default().push(format!("{}:{reason}", check.id));
        }
        reasons
    }

    /// The document, from EF.DG1.
    #[must_use]
    pub const fn document(&self) -> Option<&Document> {
        self.verification.document.as_ref()
    }

    /// The issuing state as the MRZ has it; empty where there is none.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.document().map_or("", |document| document.issuer.as_str())
    }

    /// Whether the document leans on an algorithm that is too old: departures of the severity `strength`.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.verification.passive.deviations.iter().any(|d: &Deviation| d.severity() == Severity::Strength)
    }

    /// The holder's number, from the chip.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        number(self.mrz.as_ref(), self.dg13.as_ref())
    }

    /// The day on which it was issued, where the national data say so.
    #[must_use]
    pub fn issued(&self) -> Option<Date> {
        CardDate::from_text(self.dg13.as_ref()?.get(Field::IssueDate)?)?.day()
    }

    /// The end of its validity as people read it: a date, or "Không thời hạn".
    #[must_use]
    pub fn end(&self) -> Option<String> {
        match self.dg13.as_ref().and_then(|dg13| dg13.get(Field::ExpiryDate)) {
            Some(text) => Some(text.to_owned()),
            None => CardDate::from_mrz(&self.mrz.as_ref()?.expiry, Century::Expiry)?.day_first(),
        }
    }

    /// The same for a document that a list says is lost or withdrawn, or of which a list cannot say whether it is.
    #[must_use]
    pub fn listed(mut self, withdrawn: Withdrawn) -> Self {
        let (validity, check) = match withdrawn {
            Withdrawn::No => return self,
            Withdrawn::Yes => (Validity::Withdrawn, Check::remark("document_withdrawn", "card_withdrawn")),
            // Nothing that is over already becomes better by it.
            Withdrawn::Unknown if self.answers.validity == Validity::InDate => {
                (Validity::Unknown, Check::not_performed("document_withdrawn", "issue_date_unknown"))
            }
            Withdrawn::Unknown => return self,
        };
        self.answers.validity = validity;
        self.checks.push(check);
        self
    }
}

/// What a list of withdrawn and lost documents says of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is not on the list, or there is none.
    No,
    /// It is on the list.
    Yes,
    /// The list goes by a date of issue that is not known of this document.
    Unknown,
}

fn number(mrz: Option<&Mrz>, dg13: Option<&Dg13>) -> Option<Number> {
    let national = dg13.and_then(|dg13| Number::from_spaced(dg13.get(Field::IdNumber)?));
    // Where the national data have none that can be read, the MRZ of a citizen card has it, too.
    national.or_else(|| Number::parse(mrz_number(mrz?)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use emrtd::hazmat::tlv::{self, tag};
    use time::macros::date;

    const CARD: &str = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";

    fn mrz(expiry: &str) -> Mrz {
        let mut text = CARD.to_owned();
        text.replace_range(38..44, expiry);
        Mrz::parse(&text).expect("MRZ")
    }

    fn national(issued: &str, expires: &str) -> Dg13 {
        with_entries(&[(11, issued), (12, expires)])
    }

    fn with_entries(entries: &[(u8, &str)]) -> Dg13 {
        let entry = |index: u8, text: &str| {
            let parts = [tlv::encode(tag::INTEGER, &[index]), tlv::encode(tag::UTF8_STRING, text.as_bytes())].concat();
            tlv::encode(tag::SEQUENCE, &parts)
        };
        let entries: Vec<u8> = entries.iter().flat_map(|(index, text)| entry(*index, text)).collect();
        Dg13::parse(&tlv::encode(0x6D, &tlv::encode(tag::SEQUENCE, &entries))).expect("EF.DG13")
    }

    /// Noon in Vietnam.
    fn at(day: Date, is_certain: bool) -> Today {
        Today { now: UnixTime(day.midnight().assume_utc().unix_timestamp() + 5 * 3600), is_certain }
    }

    #[test]
    fn a_number_is_read_as_it_is_compared() {
        let card = mrz("390115");
        for (text, expected) in
            [("001099000018", "001099000018"), ("001 099 000018", "001099000018"), ("(không rõ)", "001099000017")]
        {
            let read = number(Some(&card), Some(&with_entries(&[(1, text)])));
            assert_eq!(read.map(|n| n.digits().to_owned()).as_deref(), Some(expected), "{text}");
        }
        assert!(number(None, Some(&with_entries(&[(1, "none")]))).is_none());
        assert!(number(None, None).is_none());
    }

    #[test]
    fn a_document_is_in_force_through_its_last_day() {
        let card = national("16/01/2022", "15/01/2039");
        let on = |day| validity(Some(&mrz("390115")), Some(&card), at(day, true)).0;
        assert_eq!(on(date!(2022 - 01 - 15)), Validity::NotYet);
        assert_eq!(on(date!(2022 - 01 - 16)), Validity::InDate);
        assert_eq!(on(date!(2039 - 01 - 15)), Validity::InDate);
        assert_eq!(on(date!(2039 - 01 - 16)), Validity::Expired);
    }

    #[test]
    fn the_day_is_that_of_vietnam() {
        let end = |hour: i64| {
            Today::certain(UnixTime(date!(2039 - 01 - 15).midnight().assume_utc().unix_timestamp() + hour * 3600))
        };
        assert_eq!(validity(Some(&mrz("390115")), None, end(16)).0, Validity::InDate, "23:00 in Hà Nội");
        assert_eq!(validity(Some(&mrz("390115")), None, end(17)).0, Validity::Expired, "midnight");
    }

    #[test]
    fn what_the_card_states_is_read_in_all_its_forms_and_the_earlier_end_counts() {
        let day = date!(2030 - 06 - 15);
        let cases = [
            ("Không thời hạn", "991231", Validity::InDate),
            ("KHÔNG THỜI HẠN", "200101", Validity::InDate),
            ("15/06/2030", "400101", Validity::InDate),
            ("14/06/2030", "400101", Validity::Expired),
            ("01/01/2040", "300614", Validity::Expired),
            ("2030", "<<<<<<", Validity::InDate),
            ("05/2030", "<<<<<<", Validity::Expired),
            ("not a date", "400101", Validity::InDate),
            ("not a date", "300101", Validity::Expired),
            ("not a date", "<<<<<<", Validity::Unknown),
        ];
        for (text, printed, expected) in cases {
            let card = national("16/01/2022", text);
            assert_eq!(validity(Some(&mrz(printed)), Some(&card), at(day, true)).0, expected, "{text} {printed}");
        }
        assert_eq!(validity(None, None, at(day, true)).0, Validity::Unknown, "nothing is known of nothing");
        let month = national("16/01/2022", "06/2030");
        let on = |day| validity(None, Some(&month), at(day, true)).0;
        assert_eq!((on(date!(2030 - 06 - 30)), on(date!(2030 - 07 - 01))), (Validity::InDate, Validity::Expired));
    }

    #[test]
    fn a_clock_that_may_be_late_says_only_what_is_over() {
        let card = national("16/01/2022", "15/01/2039");
        let on = |day| validity(Some(&mrz("390115")), Some(&card), at(day, false)).0;
        assert_eq!(on(date!(2020 - 01 - 01)), Validity::Unknown);
        assert_eq!(on(date!(2030 - 01 - 01)), Validity::Unknown);
        assert_eq!(on(date!(2039 - 01 - 16)), Validity::Expired, "it is this late, or later");
        let endless = national("16/01/2022", "Không thời hạn");
        assert_eq!(validity(None, Some(&endless), at(date!(2030 - 01 - 01), false)).0, Validity::InDate);
    }

    #[test]
    fn each_check_belongs_to_one_question() {
        for (id, belongs) in [
            ("sod_signature", "issuer"),
            ("issuing_state", "issuer"),
            ("dg_hash.13", "issuer"),
            ("pace_cam", "chip"),
            ("document_validity", "validity"),
            ("document_withdrawn", "validity"),
            ("dg13_readable", "consistency"),
            ("chip_qr_number", "consistency"),
        ] {
            assert_eq!(question(&Check::passed(id)), belongs, "{id}");
        }
    }
}
