//! A result for each word, and for each admission where it changes the screen.

use crate::judged::{Details, Document, Judged, Texts, Then};
use crate::state::Holder;
use verdict::{Admission, Because, Rung, Word};

fn texts(vi: &str, en: &str) -> Texts {
    (vi.to_owned(), en.to_owned())
}

/// Every result by name.
pub(super) fn results(holder: &Holder) -> Vec<(&'static str, Judged)> {
    use Admission::{AskStaff, GoesOn, Marked, Refused};
    let in_date = || Details { until: Some("01/01/2040".to_owned()), ..Details::default() };
    let named = || Then::Named(texts("chọn khoa", "choose a department"));
    let desk = |details: Details| Details {
        desk: Some(texts("Quầy 1", "Desk 1")),
        way: Some(texts("Đi thẳng 10 m, Quầy 1 ở bên trái", "10 m straight on, Desk 1 is on the left")),
        ..details
    };
    let expired = |rung| Details { rung: Some(rung), until: Some("12/08/2026".to_owned()), ..Details::default() };
    let early = || Details { rung: Some(Rung::Proved), from: Some("01/03/2027".to_owned()), ..Details::default() };
    let other = |document| Details {
        document: Some(document),
        takes: Some(texts("thẻ căn cước", "citizen cards")),
        ..Details::default()
    };
    let bare = Details::default;
    let of = |word, admission, details| Judged::new(word, admission, details).of(Some(holder.clone()));
    vec![
        ("result-proved", of(Word::Proved, GoesOn, in_date())),
        ("result-proved-next", of(Word::Proved, GoesOn, in_date()).then(named())),
        ("result-proved-weak", of(Word::Proved, Marked(Because::Weak), in_date()).then(Then::Ticket)),
        ("result-proved-dates", of(Word::Proved, AskStaff(Because::ValidityUnknown), bare())),
        ("result-pinned", of(Word::Pinned, GoesOn, in_date()).then(named())),
        ("result-pinned-refused", of(Word::Pinned, Refused(Because::Assurance), desk(in_date()))),
        ("result-signed", of(Word::Signed, Marked(Because::Assurance), in_date()).then(named())),
        ("result-signed-goes-on", of(Word::Signed, GoesOn, in_date())),
        ("result-signed-staff", of(Word::Signed, AskStaff(Because::Assurance), in_date())),
        ("result-signed-refused", of(Word::Signed, Refused(Because::Assurance), desk(in_date()))),
        ("result-shown", of(Word::Shown, Marked(Because::Assurance), bare()).then(Then::Ticket)),
        ("result-shown-refused", of(Word::Shown, Refused(Because::Assurance), bare())),
        ("result-claimed", of(Word::Claimed, Marked(Because::Assurance), bare()).then(Then::Ticket)),
        ("result-claimed-refused", of(Word::Claimed, Refused(Because::Assurance), bare())),
        ("result-unproved", of(Word::Unproved, Refused(Because::Assurance), bare())),
        ("result-unproved-staff", of(Word::Unproved, AskStaff(Because::Assurance), bare())),
        ("result-expired", of(Word::Expired, Refused(Because::Expired), desk(expired(Rung::Proved)))),
        ("result-expired-marked", of(Word::Expired, Marked(Because::Expired), expired(Rung::Signed)).then(named())),
        ("result-expired-staff", of(Word::Expired, AskStaff(Because::Expired), expired(Rung::Claimed))),
        ("result-not-yet", of(Word::NotYetValid, Refused(Because::NotYetValid), early())),
        ("result-withdrawn", of(Word::Withdrawn, Refused(Because::Withdrawn), bare())),
        ("result-passport", of(Word::OtherDocument, Refused(Because::OtherDocument), desk(other(Document::Passport)))),
        (
            "result-residence-card",
            of(Word::OtherDocument, Refused(Because::OtherDocument), other(Document::ResidenceCard)),
        ),
        ("result-other-card", of(Word::OtherCard, Refused(Because::OtherCard), bare())),
        ("result-other-holder", of(Word::OtherHolder, Refused(Because::OtherHolder), desk(bare()))),
        ("result-not-genuine", of(Word::NotGenuine, Refused(Because::NotGenuine), desk(bare()))),
        ("result-card-taken", of(Word::Signed, Marked(Because::Assurance), in_date()).of(None)),
    ]
}
