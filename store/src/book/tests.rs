use super::deliveries::Tried;
use super::*;
use events::Certain;
use visit::content::Content;
use visit::ledger::Direction;
use visit::profile::{Item, Rule};
use visit::roster::Roster;
use visit::steps::Refusal;
use zeroize::Zeroizing;

pub(crate) fn book() -> Book {
    Book::in_memory(Seal::new(Zeroizing::new([7; 32]))).expect("book")
}

pub(crate) fn content(number: &str) -> Content {
    Content { items: [(Item::IdNumber, number.to_owned().into())].into(), ..Content::default() }
}

const NURSE: Looker<'_> = Looker { by: "nv-2", role: events::Duty::Nurse, what: events::Look::Record, profile: "exam" };

pub(crate) fn look(book: &Book, which: Which<'_>) -> Result<Vec<Record>, BookError> {
    book.look(&NURSE, which, |_| true)
}

pub(crate) fn one(book: &Book, id: &str) -> Result<Option<Record>, BookError> {
    Ok(look(book, Which::One(id))?.pop())
}

const NOW: i64 = 1_795_398_060;

fn certain(at: i64) -> Certain {
    Certain::of(0, at, events::Quality::Signed).expect("certain")
}

pub(crate) fn visit<'a>(id: &str, content: &'a Content, entry: Option<Entry>) -> Visit<'a> {
    Visit {
        id: id.to_owned(),
        profile: "exam",
        at: NOW,
        day: "2026-11-23".to_owned(),
        sequence: 7,
        number: Some("A001".to_owned()),
        subject: Some(Bytes([1; 32])),
        counted_as: vec![Bytes([1; 32])],
        party: None,
        keep: Retention::Until(NOW + 100),
        content,
        entry,
        messages: vec![Message {
            recipient: "his".to_owned(),
            body: Zeroizing::new(b"{\"secret\":1}".to_vec()),
            erase_at: NOW + 1000,
        }],
        note: Body::Erasure(events::Erasure {
            why: "test".to_owned(),
            count: 0,
            profile: String::new(),
            subject: None,
        }),
        device: "kiosk-1",
        served: Served { staff: Some("nv-1".to_owned()), took: Some(40) },
        counts: Vec::new(),
    }
}

fn entry(rule: Rule, direction: Direction) -> Option<Entry> {
    Some(Entry { rule, direction, scope: "always".to_owned(), erase_at: NOW + 10_000 })
}

#[test]
fn a_visit_is_there_with_everything_that_follows_from_it_and_nobody_reads_it_in_the_file() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("book.db");
    let seal = || Seal::new(Zeroizing::new([7; 32]));
    let mut book = Book::open(&path, seal()).expect("book");
    let content = content("001099000017");
    book.commit(&visit("a", &content, entry(Rule::Once, Direction::Both))).expect("disk").kept().expect("allowed");
    drop(book);
    for file in std::fs::read_dir(directory.path()).expect("list") {
        let bytes = std::fs::read(file.expect("file").path()).expect("bytes");
        let found = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
        assert!(!found(b"001099000017") && !found(b"secret"));
    }
    let book = Book::open(&path, seal()).expect("book");
    let record = one(&book, "a").expect("reads").expect("there");
    assert_eq!((record.content, record.sequence, record.number.as_deref()), (content, 7, Some("A001")));
    assert_eq!(book.due(NOW).expect("reads").expect("due").recipient, "his");
    assert!(book.next_note().expect("reads").is_some());
    let other = Book::open(&path, Seal::new(Zeroizing::new([8; 32])));
    assert_eq!(other.expect_err("another key").code(), "book_sealed");
}

#[test]
fn the_second_one_is_refused_and_leaves_nothing() {
    let mut book = book();
    let content = content("001099000017");
    let once = || entry(Rule::Once, Direction::Both);
    book.commit(&visit("a", &content, once())).expect("disk").kept().expect("allowed");
    assert_eq!(book.commit(&visit("b", &content, once())).expect("disk"), Keeping::TooLate(Refusal::AlreadyDone));
    assert!(one(&book, "b").expect("reads").is_none());
    assert!(book.waiting_for("b", "his").expect("reads").is_none());
}

#[test]
fn in_and_out_by_turns_and_by_direction() {
    let mut book = book();
    let content = content("001099000017");
    let subject = Bytes([1; 32]);
    let mut pass =
        |id: &str, direction| book.commit(&visit(id, &content, entry(Rule::InOut, direction))).expect("disk");
    assert_eq!(pass("a", Direction::Out), Keeping::TooLate(Refusal::NotInside));
    assert_eq!(pass("b", Direction::In), Keeping::Kept(()));
    assert_eq!(pass("c", Direction::In), Keeping::TooLate(Refusal::AlreadyInside));
    assert_eq!(pass("d", Direction::Both), Keeping::Kept(()));
    assert_eq!(book.inside("exam").expect("count"), 0);
    book.commit(&visit("e", &content, entry(Rule::InOut, Direction::Both))).expect("disk").kept().expect("in");
    assert_eq!(book.inside("exam").expect("count"), 1);
    assert!(book.standing("exam", "always", &[subject]).expect("reads").expect("somebody").inside);
}

#[test]
fn what_is_past_its_time_goes_and_the_log_says_so() {
    let mut book = book();
    let content = content("001099000017");
    book.commit(&visit("a", &content, None)).expect("disk").kept().expect("allowed");
    let (row, ..) = book.next_note().expect("reads").expect("a note");
    book.noted(row).expect("forgotten");
    assert_eq!(book.expire(certain(NOW + 99)).expect("erases"), 0);
    assert_eq!(book.expire(certain(NOW + 100)).expect("erases"), 1);
    assert!(one(&book, "a").expect("reads").is_none());
    let (_, _, body) = book.next_note().expect("reads").expect("a note");
    let Body::Erasure(erasure) = body else { panic!("{body:?}") };
    assert_eq!((erasure.why.as_str(), erasure.count, erasure.profile.as_str()), ("retention", 1, "exam"));
}

#[test]
fn messages_that_nobody_took_and_lists_that_are_over_go_and_the_log_says_so() {
    let mut book = book();
    let content = content("001099000017");
    book.commit(&visit("a", &content, None)).expect("disk").kept().expect("allowed");
    book.take_roster(&list(1)).expect("taken");
    assert_eq!(book.expire(certain(NOW + 1000)).expect("erases"), 2, "the record and its message");
    assert!(book.due(NOW + 10_000).expect("reads").is_none());
    assert_eq!(book.drop_rosters("2026-12-02").expect("erases"), 0, "its last day is no day before");
    assert_eq!(book.drop_rosters("2026-12-03").expect("erases"), 1);
    let mut why = Vec::new();
    while let Some((row, _, body)) = book.next_note().expect("reads") {
        let Body::Erasure(erasure) = body else { panic!("{body:?}") };
        why.push((erasure.why, erasure.count));
        book.noted(row).expect("forgotten");
    }
    let expected = [("test", 0), ("retention", 1), ("undelivered", 1), ("roster_expired", 1)];
    assert_eq!(why, expected.map(|(why, count)| (why.to_owned(), count)));
}

fn list(version: u32) -> Roster {
    Roster {
        schema: visit::roster::SCHEMA.to_owned(),
        id: "r".to_owned(),
        version,
        title: String::new(),
        profile: "exam".to_owned(),
        valid_from: "2026-12-01".to_owned(),
        valid_until: "2026-12-02".to_owned(),
        entries: Vec::new(),
    }
}

#[test]
fn a_person_is_erased_but_not_what_an_authority_waits_for() {
    let mut book = book();
    let content = content("001099000017");
    book.commit(&visit("a", &content, None)).expect("disk").kept().expect("allowed");
    let held = Visit { keep: Retention::UntilReported, ..visit("b", &content, None) };
    book.commit(&held).expect("disk").kept().expect("allowed");
    let subject = Bytes([1; 32]);
    assert_eq!(look(&book, Which::Of(&[subject])).expect("reads").len(), 2);
    assert_eq!(book.erase_subjects(&[subject]).expect("erases"), (1, 1));
    assert!(book.due(NOW).expect("reads").is_none(), "messages go, too");
}

#[test]
fn a_message_is_tried_later_and_later_and_erased_when_it_is_there() {
    let mut book = book();
    let content = content("001099000017");
    book.commit(&visit("a", &content, None)).expect("disk").kept().expect("allowed");
    let mut now = NOW;
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let due = book.due(now).expect("reads").expect("due");
        book.tried(&due, &Tried::Later("recipient_unreachable".to_owned()), now).expect("noted");
        assert!(book.due(now).expect("reads").is_none(), "not at once");
        let wait = deliveries::pause(due.tries, due.id.unsigned_abs().wrapping_mul(2_654_435_761));
        pauses.push(wait);
        now += wait;
    }
    assert!(pauses.is_sorted() && pauses[0] < 10 && pauses[11] <= 4500, "{pauses:?}");
    let backlog = book.backlog().expect("reads");
    assert_eq!((backlog[0].waiting, backlog[0].error.as_deref()), (1, Some("recipient_unreachable")));
    let due = book.due(now).expect("reads").expect("due");
    book.tried(&due, &Tried::Delivered, now).expect("noted");
    assert!(book.backlog().expect("reads").is_empty());
    let body: Option<Vec<u8>> =
        book.connection.query_row("SELECT body FROM delivery", [], |row| row.get(0)).expect("row");
    assert_eq!(body, None);
    assert_eq!(book.deliveries_of("a").expect("reads"), [("his".to_owned(), "done".to_owned())]);
}

#[test]
fn a_file_counts_as_sent_only_when_the_portal_shows_as_many() {
    let mut book = book();
    let content = content("001099000017");
    for id in ["a", "b"] {
        book.commit(&Visit { keep: Retention::UntilReported, ..visit(id, &content, None) })
            .expect("disk")
            .kept()
            .expect("allowed");
    }
    let waiting = look(&book, Which::InNoFile("exam")).expect("reads");
    let batch = book.add_batch("xlsx", &waiting.iter().collect::<Vec<_>>(), 90, NOW).expect("noted");
    assert!(look(&book, Which::InNoFile("exam")).expect("reads").is_empty());
    assert_eq!(book.unreported("exam").expect("reads").len(), 2, "nobody has confirmed it");
    assert_eq!(book.reconcile(batch.id, 0, 90, NOW).expect_err("portal took none").code, "batch_differs");
    assert_eq!(book.batches().expect("reads")[0].confirmed_at, None);
    book.expire(certain(NOW + 1_000_000_000)).expect("erases");
    assert_eq!(look(&book, Which::File(batch.id)).expect("reads").len(), 2, "people stay until it is confirmed");
    assert_eq!(book.reconcile(99, 2, 90, NOW).expect_err("no such file").code, "batch_unknown");
    book.reconcile(batch.id, 2, 90, NOW).expect("confirmed");
    assert!(book.unreported("exam").expect("reads").is_empty());
    assert_eq!(book.expire(certain(NOW + 89 * 86_400)).expect("erases"), 0);
    assert_eq!(book.expire(certain(NOW + 90 * 86_400)).expect("erases"), 2);
}

#[test]
fn ledgers_of_rooms_that_meet_later_show_who_was_in_two() {
    let (mut first, mut second) = (book(), book());
    let content = content("001099000017");
    first.commit(&visit("a", &content, entry(Rule::Once, Direction::Both))).expect("disk").kept().expect("allowed");
    let mut other = visit("b", &content, entry(Rule::Once, Direction::Both));
    other.device = "kiosk-2";
    second.commit(&other).expect("disk").kept().expect("nobody knew");
    let lines = first.ledger("exam", "always").expect("reads");
    assert_eq!(second.merge("exam", "always", &lines, NOW + 10).expect("merged"), 1);
    assert_eq!(second.merge("exam", "always", &lines, NOW + 10).expect("merged"), 0, "once");
    let devices: Vec<_> =
        second.ledger("exam", "always").expect("reads").into_iter().map(|(.., device)| device).collect();
    assert_eq!(devices.len(), 2);
}

#[test]
fn whoever_got_another_number_is_one_person_in_a_ledger() {
    let content = content("001099000017");
    let of = |id: &'static str, numbers: &[u8], rule, direction| {
        let counted_as = numbers.iter().map(|number| Bytes([*number; 32])).collect();
        Visit { counted_as, ..visit(id, &content, entry(rule, direction)) }
    };
    let mut book = book();
    let once = |id, numbers| of(id, numbers, Rule::Once, Direction::Both);
    book.commit(&once("a", &[1])).expect("disk").kept().expect("under the old number");
    assert_eq!(book.commit(&once("b", &[2, 1])).expect("disk"), Keeping::TooLate(Refusal::AlreadyDone));
    book.commit(&once("c", &[2])).expect("disk").kept().expect("somebody else");
    let mut book = self::book();
    let turn = |id, numbers, direction| of(id, numbers, Rule::InOut, direction);
    book.commit(&turn("a", &[1], Direction::In)).expect("disk").kept().expect("in with the old card");
    book.commit(&turn("b", &[2, 1], Direction::Out)).expect("disk").kept().expect("out with the new one");
    assert_eq!(book.inside("exam").expect("count"), 0);
}

#[test]
fn an_older_list_does_not_come_back() {
    let mut book = book();
    assert!(book.take_roster(&list(2)).expect("taken"));
    assert!(!book.take_roster(&list(2)).expect("known"));
    assert_eq!(book.take_roster(&list(1)).expect_err("older").code, "roster_older");
    assert_eq!(book.rosters("exam").expect("reads").len(), 1);
}

#[test]
fn tickets_count_from_one_each_day() {
    let book = book();
    assert_eq!(
        [book.next_ticket("2026-11-23").expect("counts"), book.next_ticket("2026-11-23").expect("counts")],
        [1, 2]
    );
    assert_eq!(book.next_ticket("2026-11-24").expect("counts"), 1);
}

#[test]
fn who_has_no_number_has_no_place_where_people_are_counted() {
    let mut book = book();
    let content = content("001099000017");
    let nobody = Visit { counted_as: Vec::new(), ..visit("one", &content, entry(Rule::Once, Direction::Both)) };
    assert_eq!(book.commit(&nobody).expect("asked"), Keeping::TooLate(Refusal::NoNumber));
    assert!(one(&book, "one").expect("read").is_none() && book.due(NOW).expect("read").is_none());
}

/// The looks that are noted, oldest first; they are forgotten.
fn looks(book: &Book) -> Vec<events::Access> {
    let mut looks = Vec::new();
    while let Some((row, _, body)) = book.next_note().expect("reads") {
        book.noted(row).expect("forgotten");
        if let Body::Access(access) = body {
            looks.push(access);
        }
    }
    looks
}

#[test]
fn who_looks_is_written_down_before_they_see_anything() {
    let mut book = book();
    let content = content("001099000017");
    let ids = ["00000000000000000000000000000001", "00000000000000000000000000000002"];
    for id in ids {
        book.commit(&visit(id, &content, None)).expect("disk").kept().expect("allowed");
    }
    looks(&book);
    assert_eq!(look(&book, Which::Day("2026-11-23", "exam")).expect("reads").len(), 2);
    let of = |access: &events::Access| (access.by.clone(), access.role, access.what, access.count, access.visits.len());
    let nurse = |count| ("nv-2".to_owned(), events::Duty::Nurse, events::Look::Record, count, count as usize);
    assert_eq!(looks(&book).iter().map(of).collect::<Vec<_>>(), [nurse(2)]);
    // What is not wanted is not given, and nobody looked at it.
    let found = book.look(&NURSE, Which::Day("2026-11-23", "exam"), |record| record.id == ids[0]).expect("reads");
    assert_eq!((found.len(), looks(&book)[0].visits.clone()), (1, vec![identifier_of(1)]));
    assert!(look(&book, Which::One("nobody")).expect("reads").is_empty() && looks(&book).is_empty());
    // The same page shows the same list again: only who came meanwhile is new.
    let mut seen = Seen::default();
    let again = |book: &Book, seen: &mut Seen| {
        book.look_part(&NURSE, Which::Day("2026-11-23", "exam"), usize::MAX, |_| true, seen)
            .expect("reads")
            .records
            .len()
    };
    assert_eq!((again(&book, &mut seen), looks(&book).len()), (2, 1));
    assert_eq!((again(&book, &mut seen), looks(&book).len()), (2, 0));
    book.commit(&visit("00000000000000000000000000000003", &content, None)).expect("disk").kept().expect("allowed");
    looks(&book);
    assert_eq!((again(&book, &mut seen), looks(&book)[0].visits.clone()), (3, vec![identifier_of(3)]));
}

fn identifier_of(number: u128) -> Bytes<16> {
    Bytes(number.to_be_bytes())
}

#[test]
fn a_look_that_cannot_be_written_down_gives_nothing() {
    let mut book = book();
    let content = content("001099000017");
    book.commit(&visit("a", &content, None)).expect("disk").kept().expect("allowed");
    book.connection
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON note BEGIN SELECT RAISE(ABORT, 'full'); END")
        .expect("trigger");
    for which in
        [Which::One("a"), Which::Day("2026-11-23", "exam"), Which::InNoFile("exam"), Which::Of(&[Bytes([1; 32])])]
    {
        let mut seen = Seen::default();
        assert!(book.look_part(&NURSE, which, usize::MAX, |_| true, &mut seen).is_err());
        assert!(book.looked(&NURSE, vec!["a".to_owned()], &mut seen).is_err(), "and it was not seen");
    }
    assert_eq!(book.unreported("exam").expect("counts nobody's data").len(), 1);
}

#[test]
fn more_looks_than_an_event_holds_make_more_events() {
    let book = book();
    let visits: Vec<_> = (0..2_500_u128).map(|number| format!("{number:032x}")).collect();
    book.looked(&NURSE, visits, &mut Seen::default()).expect("noted");
    let looks = looks(&book);
    assert_eq!(looks.iter().map(|look| look.count).collect::<Vec<_>>(), [1000, 1000, 500]);
    assert!(looks.iter().all(|look| serde_cbor::to_vec(look).expect("CBOR").len() < 32 * 1024));
}

pub(crate) const CLERK: Doing<'_> = Doing {
    by: "nv-1",
    role: events::Duty::Reception,
    why: Some("typing_error"),
    note: None,
    at: NOW + 60,
    day: "2026-11-23",
};

/// The acts that are noted, oldest first; all notes are forgotten.
fn changes(book: &Book) -> Vec<events::Change> {
    let mut changes = Vec::new();
    while let Some((row, _, body)) = book.next_note().expect("reads") {
        book.noted(row).expect("forgotten");
        if let Body::Change(change) = body {
            changes.push(change);
        }
    }
    changes
}

/// Guests whom the portal waits for, in room 101.
fn lodging(ids: &[&str]) -> Book {
    let mut book = book();
    let content = Content { answers: [("room".to_owned(), "101".to_owned().into())].into(), ..content("001099000017") };
    for id in ids {
        let visit = Visit { keep: Retention::UntilReported, party: Some("An".to_owned()), ..visit(id, &content, None) };
        book.commit(&visit).expect("disk").kept().expect("allowed");
    }
    changes(&book);
    book
}

fn there(book: &Book, id: &str) -> Record {
    one(book, id).expect("reads").expect("there")
}

fn moved(record: &Record, room: &str) -> Stated {
    let answers = [("room".to_owned(), room.to_owned().into())].into();
    Stated { answers, ..record.stated() }
}

const ID: &str = "00000000000000000000000000000001";

#[test]
fn a_correction_is_a_version_and_what_stood_there_stays_readable() {
    let book = lodging(&[ID]);
    let first = there(&book, ID);
    assert_eq!((first.version, first.staff.as_deref(), first.versions.len()), (1, Some("nv-1"), 0));
    book.correct(&first, &moved(&first, "102"), Some(&Bytes([9; 32])), &CLERK).expect("corrected");
    let second = there(&book, ID);
    assert_eq!((second.version, second.stated()), (2, moved(&first, "102")));
    assert_eq!(second.content.items, first.content.items, "what came from the chip stays");
    let of: Vec<_> = second.versions.iter().map(|v| (v.version, v.act, v.stated.answers["room"].as_str())).collect();
    assert_eq!(of, [(1, None, "101"), (2, Some(events::Act::Corrected), "102")]);
    let change = &changes(&book)[0];
    assert_eq!((change.by.as_str(), change.version, change.visit), ("nv-1", 2, identifier_of(1)));
    assert_eq!(Some(change.commitment), second.versions[1].commitment, "the log commits to what stands there");
    assert_eq!(look(&book, Which::Of(&[Bytes([9; 32])])).expect("reads").len(), 1, "found under the new handle");
    // Who saw the first version does not write over the second.
    let late = book.correct(&first, &moved(&first, "103"), None, &CLERK).expect_err("somebody was first");
    assert_eq!((late.code.as_str(), there(&book, ID).version), ("record_changed", 2));
    assert!(changes(&book).is_empty(), "and nothing is noted");
}

#[test]
fn versions_of_the_same_words_have_commitments_that_nobody_compares() {
    let book = lodging(&[ID]);
    for room in ["102", "101", "102"] {
        let record = there(&book, ID);
        book.correct(&record, &moved(&record, room), None, &CLERK).expect("corrected");
    }
    let mut all: Vec<_> = changes(&book).into_iter().map(|change| change.commitment).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 3);
}

#[test]
fn with_a_record_everything_goes_that_hangs_on_it() {
    let mut book = lodging(&[ID]);
    let record = there(&book, ID);
    book.withdraw(&record, NOW + 100, &CLERK).expect("withdrawn");
    let count = |book: &Book, table: &str| -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        book.connection.query_row(&query, [], |row| row.get(0)).expect("counts")
    };
    assert_eq!((count(&book, "change"), count(&book, "stand"), count(&book, "tally")), (2, 1, 2));
    assert_eq!(book.expire(certain(NOW + 99)).expect("erases"), 0);
    assert_eq!(book.expire(certain(NOW + 100)).expect("erases"), 1, "who goes to no portal is not kept for it");
    assert_eq!((count(&book, "change"), count(&book, "stand"), count(&book, "tally")), (0, 0, 2));
    book.expire(certain(NOW + 60 + tally::DAYS * 86_400)).expect("erases");
    assert_eq!(count(&book, "tally"), 0);
}

#[test]
fn a_change_that_cannot_be_written_down_is_none() {
    let book = lodging(&[ID]);
    let record = there(&book, ID);
    changes(&book);
    book.connection
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON note BEGIN SELECT RAISE(ABORT, 'full'); END")
        .expect("trigger");
    assert!(book.correct(&record, &moved(&record, "102"), None, &CLERK).is_err());
    assert!(book.withdraw(&record, NOW, &CLERK).is_err());
    assert!(book.check_out("exam", ID, &CLERK).is_err());
    book.connection.execute_batch("DROP TRIGGER full").expect("dropped");
    let after = there(&book, ID);
    assert_eq!((after.version, after.stated(), after.withdrawn_at, after.gone_at), (1, record.stated(), None, None));
    assert!(after.versions.is_empty());
}

#[test]
fn a_party_leaves_and_those_who_left_last_come_back() {
    let (first, second) = (ID, "00000000000000000000000000000002");
    let book = lodging(&[first, second]);
    let later = Doing { at: NOW + 86_400, ..CLERK };
    assert_eq!(book.check_out("exam", first, &CLERK).expect("left"), [first]);
    assert_eq!(book.check_out("exam", "An", &later).expect("left"), [second]);
    assert!(book.check_out("exam", "An", &later).expect("nobody is here").is_empty());
    assert!(book.check_out("hotel", first, &CLERK).expect("another profile's").is_empty());
    assert_eq!(book.check_out_undone("exam", "An", &later).expect("back"), [second], "who left yesterday has left");
    assert_eq!(book.check_out_undone("exam", first, &later).expect("back"), [first]);
    let acts: Vec<_> = changes(&book).iter().map(|change| (change.act.code(), change.version)).collect();
    let (out, back) = ("checked_out", "check_out_undone");
    assert_eq!(acts, [(out, 1), (out, 1), (back, 1), (back, 1)], "it says what it said");
}

#[test]
fn how_it_is_with_the_portal_follows_from_what_was_done_and_in_which_order() {
    let mut book = lodging(&[ID]);
    let portal = |book: &Book| there(book, ID).portal();
    let file = |book: &mut Book| {
        let record = there(book, ID);
        book.add_batch("xlsx", &[&record], 90, NOW).expect("noted").id
    };
    let correct = |book: &Book, room: &str| {
        let record = there(book, ID);
        book.correct(&record, &moved(&record, room), None, &CLERK).expect("corrected");
    };
    let withdraw = |book: &Book| book.withdraw(&there(book, ID), NOW, &CLERK).expect("withdrawn");
    let restore = |book: &Book| book.restore(&there(book, ID), true, &CLERK).expect("restored");
    assert_eq!(portal(&book), Portal::Waiting);
    withdraw(&book);
    assert_eq!((portal(&book), book.unreported("exam").expect("reads").len()), (Portal::Withdrawn, 0));
    assert_eq!(book.withdraw(&there(&book, ID), NOW, &CLERK).expect_err("twice").code, "withdrawn_already");
    restore(&book);
    assert_eq!(book.restore(&there(&book, ID), true, &CLERK).expect_err("twice").code, "not_withdrawn");
    assert_eq!(
        book.expire(certain(NOW + 1_000_000)).expect("erases"),
        1,
        "its message, and not whom the portal waits for"
    );
    file(&mut book);
    assert_eq!(portal(&book), Portal::InFile);
    withdraw(&book);
    assert_eq!((portal(&book), book.batches().expect("reads")[0].stale), (Portal::Stale, true));
    restore(&book);
    assert_eq!((portal(&book), book.batches().expect("reads")[0].stale), (Portal::InFile, false), "as it was filed");
    correct(&book, "102");
    assert_eq!(portal(&book), Portal::Stale);
    let again = file(&mut book);
    let batches = book.batches().expect("reads");
    assert_eq!((portal(&book), batches[1].replaced_by, batches[0].stale), (Portal::InFile, Some(again), false));
    assert_eq!(book.reconcile(batches[1].id, 1, 90, NOW).expect_err("replaced").code, "batch_replaced");
    book.reconcile(again, 1, 90, NOW).expect("confirmed");
    assert_eq!(portal(&book), Portal::Sent);
    assert_eq!(book.corrected_at_portal(&there(&book, ID), &CLERK).expect_err("as here").code, "nothing_to_correct");
    correct(&book, "103");
    assert_eq!(portal(&book), Portal::Correct);
    book.corrected_at_portal(&there(&book, ID), &CLERK).expect("corrected there");
    assert_eq!(portal(&book), Portal::Sent);
    withdraw(&book);
    assert_eq!(portal(&book), Portal::Correct, "the portal has somebody who is withdrawn here");
    restore(&book);
    assert_eq!(portal(&book), Portal::Sent);
    withdraw(&book);
    book.corrected_at_portal(&there(&book, ID), &CLERK).expect("withdrawn there");
    assert_eq!(portal(&book), Portal::Withdrawn);
    restore(&book);
    assert_eq!((portal(&book), there(&book, ID).batch), (Portal::Waiting, None), "the portal is told anew");
}

#[test]
fn a_file_of_which_the_portal_shows_some_is_settled_by_who_is_missing() {
    let ids = [ID, "00000000000000000000000000000002", "00000000000000000000000000000003"];
    let mut book = lodging(&ids);
    let all = |book: &Book| look(book, Which::InNoFile("exam")).expect("reads");
    let people = all(&book);
    let batch = book.add_batch("xlsx", &people.iter().collect::<Vec<_>>(), 90, NOW).expect("noted").id;
    assert_eq!(book.reconcile(batch, 2, 90, NOW).expect_err("one is missing").code, "batch_differs");
    assert!(all(&book).is_empty(), "who of them is missing is not guessed");
    let missing = there(&book, ids[1]);
    let second = book.add_batch("xlsx", &[&missing], 90, NOW).expect("noted").id;
    let batches = book.batches().expect("reads");
    assert_eq!((batches[1].made, batches[1].confirmed_at, batches[1].replaced_by), (2, Some(NOW), None));
    assert_eq!(there(&book, ids[0]).portal(), Portal::Sent);
    // Nobody of the second: everybody of it goes into the next one.
    assert_eq!(book.reconcile(second, 0, 90, NOW).expect_err("nobody").code, "batch_differs");
    assert_eq!(all(&book).iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), [ids[1]]);
    assert_eq!(there(&book, ids[1]).portal(), Portal::Waiting);
    assert_eq!(book.expire(certain(NOW + 90 * 86_400)).expect("erases"), 5, "two records, three messages; one waits");
}

#[test]
fn a_list_comes_in_parts_and_only_what_is_given_was_looked_at() {
    let ids: Vec<String> = (1..=5_u128).map(|number| format!("{number:032x}")).collect();
    let book = lodging(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let part = |after| {
        let listed = Listed { profile: "exam", in_house: true, after, ..Listed::default() };
        let part = book.look_part(&NURSE, Which::List(listed), 2, |_| true, &mut Seen::default()).expect("reads");
        (part.records.into_iter().map(|record| record.id).collect::<Vec<_>>(), part.next)
    };
    let (first, next) = part(None);
    assert_eq!((first, looks(&book)[0].count), (vec![ids[4].clone(), ids[3].clone()], 2));
    let (second, next) = part(next);
    let (third, last) = part(next);
    assert_eq!((second.len(), third, last), (2, vec![ids[0].clone()], None));
    book.check_out("exam", &ids[4], &CLERK).expect("left");
    book.withdraw(&there(&book, &ids[3]), NOW, &CLERK).expect("withdrawn");
    assert_eq!(part(None).0, [ids[2].as_str(), ids[1].as_str()], "who went or is withdrawn is not here");
    let days = |from, to| {
        let listed = Listed { profile: "exam", days: Some((from, to)), ..Listed::default() };
        book.look(&NURSE, Which::List(listed), |_| true).expect("reads").len()
    };
    assert_eq!([days("2026-11-01", "2026-11-23"), days("2026-11-24", "9999"), days("0000", "2026-11-22")], [5, 0, 0]);
}

#[test]
fn records_are_counted_by_what_stands_in_the_clear() {
    let mut book = lodging(&[ID, "00000000000000000000000000000002", "00000000000000000000000000000003"]);
    book.check_out("exam", ID, &CLERK).expect("left");
    book.withdraw(&there(&book, "00000000000000000000000000000002"), NOW, &CLERK).expect("withdrawn");
    let third = there(&book, "00000000000000000000000000000003");
    book.add_batch("xlsx", &[&third], 90, NOW).expect("noted");
    let counts = book.counts("exam", true, ("2026-11-23", NOW - 3600)).expect("counts");
    let expected =
        tally::Counts { today: 2, here: 1, gone_today: 1, unsent: 1, in_file: 1, withdrawn: 1, ..Default::default() };
    assert_eq!(counts, expected);
    let next = book.counts("exam", false, ("2026-11-24", NOW + 86_400)).expect("counts");
    assert_eq!(next, tally::Counts { here: 1, ..Default::default() }, "without a portal nothing is owed to one");
}

#[test]
fn a_tally_and_a_shift_name_nobody_who_was_served() {
    let book = lodging(&[ID]);
    let note = Body::Erasure(events::Erasure { why: String::new(), count: 0, profile: String::new(), subject: None });
    let served = Served { staff: Some("nv-2".to_owned()), took: None };
    let when = ("2026-11-23", NOW + 5);
    book.ended("exam", Some(Refusal::AlreadyDone), &served, &note, when, &[]).expect("noted");
    book.ended("exam", None, &Served::default(), &note, when, &[]).expect("noted");
    let counted = book.counted("exam", "2026-11-23", "2026-11-23").expect("reads");
    let of: Vec<_> = counted.iter().map(|c| (c.result.as_str(), c.why.as_deref(), c.staff.as_str(), c.took)).collect();
    let refused = ("refused", Some(Refusal::AlreadyDone.code()), "nv-2", None);
    assert_eq!(of, [("done", None, "nv-1", Some(40)), refused, ("cancelled", None, "", None)]);
    assert!(book.counted("exam", "2026-11-24", "9999").expect("reads").is_empty());
    let shift = tally::Shift {
        number: 0,
        at: NOW,
        since: NOW - 60,
        counted: 3,
        by: "nv-1".to_owned(),
        to: Some("nv-2".to_owned()),
        note: Some("Phòng 104".to_owned().into()),
        lines: vec!["BÀN GIAO CA".to_owned()],
    };
    let handover = events::Handover {
        by: "nv-1".to_owned(),
        to: shift.to.clone(),
        here: 1,
        kept: 1,
        role: events::Duty::Reception,
        since: shift.since,
        unsent: 1,
        profile: "exam".to_owned(),
        refused: 1,
    };
    let number = book.close_shift(&shift, handover).expect("closed");
    assert_eq!(book.shifts("exam", 10).expect("reads"), [tally::Shift { number, ..shift }]);
    assert!(book.shifts("hotel", 10).expect("reads").is_empty());
}

#[test]
fn a_book_of_an_older_version_has_its_records_and_knows_what_was_filed() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("book.db");
    let seal = || Seal::new(Zeroizing::new([7; 32]));
    let old = Connection::open(&path).expect("opened");
    old.execute_batch(&[SCHEMA, SIGNERS].concat()).expect("version 2");
    let key = Zeroizing::new([7; 32]);
    let body =
        |id: &str| seal::seal(&key, &format!("record/{id}"), &content("001099000017").to_bytes()).expect("sealed");
    for (id, batch) in [("a", None), ("b", Some(1))] {
        let insert = "INSERT INTO record (id, profile, day, at, sequence, batch, body)
                      VALUES (?1, 'exam', '2026-11-23', ?2, 7, ?3, ?4)";
        old.execute(insert, params![id, NOW, batch, body(id)]).expect("kept");
    }
    old.execute("INSERT INTO batch (kind, at, made) VALUES ('xlsx', ?1, 1)", [NOW]).expect("noted");
    drop(old);
    let book = Book::open(&path, seal()).expect("opened");
    let (first, second) = (there(&book, "a"), there(&book, "b"));
    assert_eq!((first.version, first.portal(), first.staff), (1, Portal::Waiting, None));
    assert_eq!((second.version, second.portal()), (1, Portal::InFile));
    book.check_out("exam", "a", &CLERK).expect("left");
    assert_eq!(there(&book, "a").versions.len(), 2);
}
