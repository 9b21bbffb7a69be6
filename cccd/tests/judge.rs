//! One read judged as a whole: what was scanned, what the groups hold, and what a list says.

use cccd::Number;
use cccd::judgement::{Judgement, Known, Today, Withdrawn, issued, judge, judge_verified};
use cccd::qr::{self, Scan};
use emrtd::hazmat::tlv::{self, tag};
use emrtd::{AccessRecord, Deviation, Evidence, FileEvidence, FileId, TrustStore, UnixTime, Verification};
use verdict::{Consistency, Validity, Word};

const MRZ: &str = "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<";
const NATIONAL: [(u8, &str); 4] = [(1, "001099000017"), (2, "Nguyễn Văn A"), (11, "16/01/2022"), (12, "15/01/2039")];

fn dg13(entries: &[(u8, &str)]) -> Vec<u8> {
    let entry = |(index, text): &(u8, &str)| {
        let parts = [tlv::encode(tag::INTEGER, &[*index]), tlv::encode(tag::UTF8_STRING, text.as_bytes())].concat();
        tlv::encode(tag::SEQUENCE, &parts)
    };
    let entries: Vec<u8> = entries.iter().flat_map(entry).collect();
    tlv::encode(0x6D, &tlv::encode(tag::SEQUENCE, &entries))
}

/// What a read brought, without a signature: nothing here asks who signed.
fn read(groups: &[(u8, Vec<u8>)]) -> Evidence {
    let content =
        |(number, bytes): &(u8, Vec<u8>)| (FileId::Dg(*number), FileEvidence::Content(bytes.as_slice().into()));
    let access = AccessRecord {
        protocol: "BAC".to_owned(),
        cipher: "3DES".to_owned(),
        curve: None,
        password: "MRZ".to_owned(),
        fallback: None,
    };
    let mut evidence = Evidence::new(access);
    evidence.files = groups.iter().map(content).collect();
    evidence
}

fn card() -> Evidence {
    let dg1 = tlv::encode(0x61, &tlv::encode(0x5F1F, MRZ.as_bytes()));
    read(&[(1, dg1), (13, dg13(&NATIONAL))])
}

fn in_2030() -> Today {
    Today::certain(UnixTime::from_date(2030, 6, 15).expect("a date"))
}

fn judged(evidence: &Evidence, known: &Known) -> Judgement {
    judge(evidence, None, known, &TrustStore::default(), in_2030())
}

fn scanned(text: &str) -> Known {
    match qr::parse(text) {
        Ok(Scan::Cccd(qr)) => Known { qr: Some(*qr), ..Known::default() },
        other => panic!("{other:?}"),
    }
}

/// The reasons for an answer to one question.
fn reasons(judgement: &Judgement, question: &str) -> Vec<String> {
    judgement.reasons().get(question).cloned().unwrap_or_default()
}

#[test]
fn a_card_that_was_scanned_is_the_one_that_was_read_or_another() {
    let number = |digits| Known { number: Number::parse(digits).ok(), ..Known::default() };
    let zone = |digits: &str| Known { document_number: Some(digits.to_owned().into()), ..Known::default() };
    for (known, consistency, expected) in [
        (Known::default(), Consistency::Agrees, &[][..]),
        (number("001099000017"), Consistency::Agrees, &[]),
        (scanned("001099000017|"), Consistency::Agrees, &["chip_qr_name:field_absent"]),
        (zone("099000017"), Consistency::Agrees, &[]),
        (zone("099000017<<<"), Consistency::Agrees, &[]),
        (number("001099000018"), Consistency::OtherCard, &["chip_number:number_differs"]),
        (scanned("001099000018|"), Consistency::OtherCard, &["chip_qr_number:number_differs"]),
        (zone("099000018"), Consistency::OtherCard, &["chip_document_number:number_differs"]),
        (zone(""), Consistency::OtherCard, &["chip_document_number:number_differs"]),
    ] {
        let judgement = judged(&card(), &known);
        assert_eq!(judgement.answers.consistency, consistency, "{expected:?}");
        let found = reasons(&judgement, "consistency");
        assert!(expected.iter().all(|reason| found.contains(&(*reason).to_owned())), "{expected:?} {found:?}");
        assert_eq!(judgement.word() == Word::OtherCard, consistency == Consistency::OtherCard);
    }
}

#[test]
fn a_zone_that_was_scanned_is_missed_where_the_chip_gives_none() {
    let known = Known { document_number: Some("099000017".to_owned().into()), ..Known::default() };
    assert_eq!(judged(&read(&[]), &known).word(), Word::OtherCard);
}

#[test]
fn a_group_that_cannot_be_read_is_a_remark_and_named() {
    let dg1 = tlv::encode(0x61, &tlv::encode(0x5F1F, MRZ.as_bytes()));
    for (groups, expected) in [
        ([(1, vec![0x61, 0x00]), (13, dg13(&NATIONAL))], "dg1_readable:malformed"),
        ([(1, dg1), (13, vec![0x6D, 0x02, 0x04, 0x00])], "dg13_readable:malformed"),
    ] {
        let judgement = judged(&read(&groups), &Known::default());
        assert!(reasons(&judgement, "consistency").contains(&expected.to_owned()), "{judgement:?}");
        assert_eq!(judgement.answers.consistency, Consistency::Remarks, "{expected}");
    }
}

#[test]
fn a_list_of_lost_documents_makes_a_document_worse_and_never_better() {
    let over = {
        let mut entries = NATIONAL;
        entries[3].1 = "15/01/2029";
        read(&[(13, dg13(&entries))])
    };
    for (evidence, withdrawn, expected, reason) in [
        (card(), Withdrawn::No, Validity::InDate, None),
        (card(), Withdrawn::Yes, Validity::Withdrawn, Some("document_withdrawn:card_withdrawn")),
        (card(), Withdrawn::Unknown, Validity::Unknown, Some("document_withdrawn:issue_date_unknown")),
        (over.clone(), Withdrawn::No, Validity::Expired, Some("document_validity:document_expired")),
        (over.clone(), Withdrawn::Unknown, Validity::Expired, Some("document_validity:document_expired")),
        (over, Withdrawn::Yes, Validity::Withdrawn, Some("document_withdrawn:card_withdrawn")),
    ] {
        let judgement = judged(&evidence, &Known::default()).listed(withdrawn);
        assert_eq!(judgement.answers.validity, expected, "{withdrawn:?}");
        let found = reasons(&judgement, "validity");
        assert!(reason.is_none_or(|reason| found.contains(&reason.to_owned())), "{withdrawn:?} {found:?}");
    }
}

#[test]
fn a_date_of_issue_without_its_day_is_told_to_nobody() {
    let stated = |text| {
        let mut entries = NATIONAL;
        entries[2].1 = text;
        issued(&read(&[(13, dg13(&entries))]))
    };
    assert_eq!(stated("16/01/2022"), UnixTime::from_date(2022, 1, 16).map(|day| (13, day)));
    for text in ["01/2022", "2022", "00/00/0000", "soon"] {
        assert_eq!(stated(text), None, "{text}");
    }
    assert_eq!(issued(&read(&[])), None);
}

#[test]
fn a_document_is_weak_by_its_algorithms_and_not_by_its_forms() {
    let weak = |deviations| {
        let mut verification = Verification::default();
        verification.passive.deviations = deviations;
        judge_verified(&card(), verification, &Known::default(), in_2030()).is_weak()
    };
    assert!(!weak(vec![]));
    assert!(!weak(vec![Deviation::IndefiniteLength]));
    assert!(weak(vec![Deviation::IndefiniteLength, Deviation::Sha1]));
}
