//! The pilot models of the plan, by the plan's numbers: what of each a device does, shown without a device. `docs/models.md` names these
//! tests, and says what is missing.

use cccd::document::Kind;
use handoff::lodging::{self, Guest, Layout, PORTAL};
use handoff::{Envelope, fhir};
use program::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use time::macros::date;
use verdict::{Admission, Answers, Because, Chip, Holder, Issuer, Rung, Validity};
use visit::content::{Assurance, Content, Means, Paper, Released, Source};
use visit::group::is_below;
use visit::ledger::{Direction, Standing, allow};
use visit::profile::{Item, PrintKind, Profile, Rule, Step};
use visit::roster::{Index, Roster};
use visit::steps::Refusal;
use visit::without_chip;

const NUMBER: &str = "001099000017";
const GOOD: Answers = Answers::of_chip(Issuer::Vouched, Chip::Proved);

fn profile(id: &str) -> Profile {
    Profile::built_in(id).expect("profile")
}

fn texts<'a, K: Ord>(of: impl IntoIterator<Item = (K, &'a str)>) -> BTreeMap<K, Text> {
    of.into_iter().map(|(key, text)| (key, text.to_owned().into())).collect()
}

/// Somebody whose card was read.
fn citizen(profile: &Profile, answers: &[(&str, &str)]) -> Content {
    let items = [
        (Item::IdNumber, NUMBER),
        (Item::FullName, "Nguyễn Văn An"),
        (Item::DateOfBirth, "15/01/1999"),
        (Item::Sex, "Nam"),
        (Item::Nationality, "Việt Nam"),
        (Item::IssueDate, "16/01/2022"),
    ];
    let admission = profile.terms().admit(GOOD, true, false);
    Content {
        items: texts(items.into_iter().filter(|(item, _)| profile.takes(*item))),
        answers: texts(answers.iter().map(|(id, text)| ((*id).to_owned(), *text))),
        assurance: Some(Assurance {
            rung: GOOD.rung().expect("genuine"),
            word: GOOD.word(),
            answers: Some(GOOD),
            document: Kind::CitizenCard.code().to_owned(),
            mark: admission.because(),
            staff: None,
        }),
        ..Content::default()
    }
}

/// Somebody of whom staff saw this.
fn seen(profile: &Profile, paper: Paper, answers: &[(&str, &str)]) -> Content {
    let Content { items, answers, .. } = citizen(profile, answers);
    without_chip::way(profile, Some(paper)).expect("a way in").content(Some(paper), items, answers)
}

fn list(profile: &str, entry: &str) -> Index {
    let text = format!(
        r#"{{"schema":"cccd-roster/1","id":"r","version":1,"title":"t","profile":"{profile}",
        "valid_from":"2026-11-30","valid_until":"2026-11-30","entries":[{entry}]}}"#
    );
    Roster::parse(text.as_bytes()).expect("list").index()
}

fn listed(profile: &Profile, entry: &str, content: &mut Content) -> Result<(), Refusal> {
    let rules = profile.roster().expect("a list");
    list(&profile.id, entry).ask(date!(2026 - 11 - 30), rules, &[], content)
}

const fn once(count: u64) -> Standing {
    Standing { count, inside: false, last: None }
}

#[test]
fn model_01_a_declaration_is_filled_in_and_goes_to_the_counters_software() {
    let profile = profile("one-stop");
    let content = citizen(&profile, &[("procedure", "Đăng ký thường trú"), ("request", "x")]);
    let app = Released::new(&profile, "app", &content).expect("granted").to_json();
    assert_eq!((&app["full_name"], &app["form"]["procedure"]), (&"Nguyễn Văn An".into(), &"Đăng ký thường trú".into()));
    assert_eq!(profile.print().map(|print| print.kind), Some(PrintKind::Page));
}

#[test]
fn model_03_a_document_is_bound_to_a_holder_and_the_statement_says_how_they_were_known() {
    let profile = profile("attest");
    assert_eq!(profile.print().map(|print| print.kind), Some(PrintKind::Attestation));
    let known = |content: &Content| content.assurance.as_ref().expect("said").to_json()["rung"].clone();
    assert_eq!(known(&citizen(&profile, &[])), "proved");
    assert_eq!(known(&seen(&profile, Paper::Passport, &[])), "shown");
}

#[test]
fn model_05_the_hospital_takes_the_card_or_vneid_and_its_system_learns_which() {
    let profile = profile("hospital-desk");
    for (content, means) in [(citizen(&profile, &[]), "chip"), (seen(&profile, Paper::Vneid, &[]), "vneid")] {
        let envelope = Envelope {
            visit: "0f".repeat(16),
            at: 1_795_398_060,
            profile: profile.id.clone(),
            device: "desk-1".to_owned(),
            number: None,
            released: Released::new(&profile, "fhir", &content).expect("granted"),
        };
        let bundle = fhir::bundle(&envelope, &config::FhirSystems::default()).to_string();
        assert!(bundle.contains(NUMBER) && bundle.contains(&format!("\"{means}\"")), "{means}: {bundle}");
    }
}

#[test]
fn model_06_a_kiosk_registers_by_itself_and_sends_a_child_to_the_desk() {
    let profile = profile("hospital-kiosk");
    assert!(!profile.steps().contains(&Step::Face) && profile.print().is_some());
    let age = profile.alone_from.expect("an age");
    let born = |text: &str| Content { items: texts([(Item::DateOfBirth, text)]), ..Content::default() };
    let today = date!(2026 - 11 - 30);
    assert!(is_below(&born("02/03/2018"), age, today) && !is_below(&born("1950"), age, today));
}

const STAY: [(&str, &str); 4] =
    [("room", "0101"), ("arrival", "30/11/2026"), ("departure", "01/12/2026"), ("reason", "1 - Du lịch")];

fn told(profile: &Profile, content: &Content) -> Result<(), program::Failure> {
    let guest = Guest::new(Released::new(profile, PORTAL, content).expect("granted"));
    lodging::check(&Layout::load(None).expect("layout"), &guest, 1)
}

#[test]
fn model_07_a_guest_by_card_or_vneid_is_told_to_the_portal_and_foreigners_with_their_permitted_stay() {
    let profile = profile("lodging");
    told(&profile, &citizen(&profile, &STAY)).expect("a card");
    told(&profile, &seen(&profile, Paper::Vneid, &STAY)).expect("VNeID");
    let mut foreign = citizen(&profile, &STAY);
    foreign.source = Source::Passport;
    foreign.items.extend(texts([(Item::DocumentNumber, "M12345678"), (Item::Nationality, "KOR")]));
    told(&profile, &foreign).expect_err("nobody asked until when they may stay");
    foreign.answers.extend(texts([("permitted_until".to_owned(), "30/12/2026")]));
    told(&profile, &foreign).expect("complete");
}

#[test]
fn model_08_a_patient_who_stays_is_told_with_the_reason_of_patients() {
    let profile = profile("lodging-hospital");
    let stay = [&STAY[..3], &[("reason", "18 - Chữa bệnh"), ("ward", "Khoa Nội 2")]].concat();
    told(&profile, &citizen(&profile, &stay)).expect("taken");
}

#[test]
fn model_09_and_10_a_gate_lets_in_who_is_listed_and_counts_them_in_and_out() {
    let profile = profile("gate");
    let entry = format!(r#"{{"number":"{NUMBER}","attributes":{{"company":"Mẫu"}}}}"#);
    let mut content = citizen(&profile, &[]);
    listed(&profile, &entry, &mut content).expect("listed");
    assert_eq!(listed(&profile, r#"{"number":"001099000018"}"#, &mut content), Err(Refusal::NotOnList));
    let inside = Standing { inside: true, ..once(1) };
    assert_eq!(allow(Rule::InOut, Direction::In, inside), Err(Refusal::AlreadyInside));
    assert_eq!(allow(Rule::InOut, Direction::Out, inside), Ok(()));
    assert!(profile.steps().contains(&Step::Relay));
}

#[test]
fn model_11_a_customer_is_checked_and_nothing_stays_on_the_device() {
    let profile = profile("customer-check");
    assert!(profile.keep().is_none());
    let expired = Answers { validity: Validity::Expired, ..GOOD };
    assert_eq!(profile.terms().admit(expired, true, false), Admission::Refused(Because::Expired));
    let unknown = Answers { issuer: Issuer::Unknown, ..GOOD };
    assert_eq!(profile.terms().admit(unknown, true, false), Admission::Refused(Because::Assurance));
}

#[test]
fn model_12_who_stands_at_the_counter_is_told_and_another_holder_is_not_them() {
    let profile = profile("identify");
    assert_eq!(profile.terms().admit(GOOD, true, false), Admission::GoesOn);
    let other = GOOD.with_holder(Holder::Differs);
    assert_eq!(profile.terms().admit(other, true, false), Admission::Refused(Because::OtherHolder));
}

#[test]
fn model_13_a_ticket_is_found_in_a_list_that_names_nobody() {
    let profile = profile("transit");
    let subject = events::event::Bytes([7; 32]);
    let index = list("transit", &format!(r#"{{"subject":"{subject}","attributes":{{"entitlement":"miễn phí"}}}}"#));
    let mut content = citizen(&profile, &[]);
    let rules = profile.roster().expect("a list");
    index.ask(date!(2026 - 11 - 30), rules, &[subject], &mut content).expect("entitled");
    let desk = Released::new(&profile, "desk", &content).expect("granted").to_json();
    assert_eq!(desk, serde_json::json!({ "roster": { "entitlement": "miễn phí" } }));
}

#[test]
fn model_14_and_31_who_is_listed_is_paid_once_and_a_worn_card_is_no_reason_not_to_be() {
    let profile = profile("beneficiary");
    let entry = format!(r#"{{"number":"{NUMBER}","attributes":{{"amount":"500000","period":"11/2026"}}}}"#);
    for mut content in [citizen(&profile, &[]), seen(&profile, Paper::CitizenCard, &[])] {
        listed(&profile, &entry, &mut content).expect("listed");
        assert_eq!(content.listed["amount"].as_str(), "500000");
        assert_eq!(content.person(), events::subject::Person::citizen(NUMBER), "one person, however they are known");
    }
    let rule = profile.ledger().expect("a ledger").rule;
    assert_eq!(allow(rule, Direction::Both, once(0)), Ok(()));
    assert_eq!(allow(rule, Direction::Both, once(1)), Err(Refusal::AlreadyDone));
    assert!(profile.without_chip().second);
}

#[test]
fn model_15_a_candidate_is_listed_and_seated_and_comes_once_also_with_a_dead_chip() {
    let profile = profile("exam");
    let entry = format!(r#"{{"number":"{NUMBER}","attributes":{{"seat":"A12","room":"P201"}}}}"#);
    for (mut content, means) in
        [(citizen(&profile, &[]), Means::Chip), (seen(&profile, Paper::CitizenCard, &[]), Means::Seen)]
    {
        listed(&profile, &entry, &mut content).expect("listed");
        let app = Released::new(&profile, "app", &content).expect("granted");
        assert_eq!((app.get("roster.seat"), app.means()), (Some("A12"), means));
    }
    let rule = profile.ledger().expect("a ledger").rule;
    assert_eq!(allow(rule, Direction::Both, once(1)), Err(Refusal::AlreadyDone));
}

#[test]
fn model_17_the_card_that_came_in_is_the_card_that_goes_out() {
    let rule = profile("parking").ledger().expect("a ledger").rule;
    assert_eq!(allow(rule, Direction::Out, once(0)), Err(Refusal::NotInside));
    assert_eq!(allow(rule, Direction::Out, Standing { inside: true, ..once(1) }), Ok(()));
}

#[test]
fn model_23_and_38_practice_is_marked_and_leaves_the_device_nowhere() {
    let profile = profile("practice");
    assert!(profile.practice);
    let away: Vec<_> = profile.recipients().filter(|to| !["desk", "app"].contains(&to.id.as_str())).collect();
    assert!(away.is_empty(), "{away:?}");
}

#[test]
fn model_26_a_pupil_without_a_card_attends_and_who_fetches_a_child_is_listed() {
    let profile = profile("school");
    let entry = format!(r#"{{"number":"{NUMBER}","attributes":{{"pupil":"Bé Mẫu","class":"2A"}}}}"#);
    for mut content in [citizen(&profile, &[]), seen(&profile, Paper::BirthCertificate, &[])] {
        listed(&profile, &entry, &mut content).expect("listed");
        assert_eq!(content.listed["class"].as_str(), "2A");
    }
}

#[test]
fn model_29_and_30_what_a_list_says_otherwise_than_the_chip_is_named() {
    let profile = profile("roster-check");
    let entry =
        format!(r#"{{"number":"{NUMBER}","items":{{"full_name":"NGUYEN VAN AN","date_of_birth":"16/01/1999"}}}}"#);
    let mut content = citizen(&profile, &[]);
    listed(&profile, &entry, &mut content).expect("listed");
    let differs: Vec<_> = content.differences.iter().map(|one| one.item).collect();
    assert_eq!(differs, [Item::DateOfBirth]);
    assert!(Rung::Shown < profile.terms().at_least);
}

/// Names of tests of models in the Rust files below a directory, build output aside.
fn models(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("directory") {
        let path = entry.expect("entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            models(&path, found);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).expect("source");
            let names = text.split("fn model_").skip(1).filter_map(|rest| rest.split('(').next());
            found.extend(
                names.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).map(|name| format!("model_{name}")),
            );
        }
    }
}

#[test]
fn the_page_has_all_38_models_and_names_every_test_of_one_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/models.md")).expect("page");
    let numbers: Vec<u32> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    assert_eq!(numbers, (1..=38).collect::<Vec<_>>());
    let mut known = BTreeSet::new();
    models(&root, &mut known);
    let named: BTreeSet<String> =
        page.split('`').skip(1).step_by(2).filter(|word| word.starts_with("model_")).map(str::to_owned).collect();
    assert_eq!(named, known);
    for line in page.lines().filter(|line| line.contains("| works |")) {
        assert!(line.contains("`model_"), "what works is shown by a test: {line}");
    }
}
