//! Whom the product turned away once, walked through every profile that comes with the agent: no clock, no device, no disk.
//! `docs/people.md` has the table that comes of it; `UPDATE_DOCS=1` writes it.

use cccd::document::Kind;
use program::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use time::Date;
use time::macros::date;
use verdict::{Admission, Answers, Because, Chip, Consistency, Holder, Issuer, Validity};
use visit::content::{Assurance, Content, Paper, Source};
use visit::group::is_below;
use visit::profile::{Accept, Item, Profile, Step};
use visit::roster::Roster;
use visit::steps::{Effect, Input, Outcome, Refusal, Visit, Wait, update};
use visit::without_chip::{self, NoWay};

const TODAY: Date = date!(2026 - 11 - 30);

/// A document with a chip that opens.
#[derive(Clone, Copy)]
struct Document {
    kind: Kind,
    issuer: &'static str,
    answers: Answers,
}

/// Somebody who comes.
struct Person {
    who: &'static str,
    chip: Option<Document>,
    /// What staff may see beside or instead of it, the best first.
    papers: &'static [Paper],
    items: &'static [(Item, &'static str)],
    /// Whether whoever looks at the face says that it is theirs.
    theirs: bool,
}

const GOOD: Answers = Answers::of_chip(Issuer::Vouched, Chip::Proved);

const fn citizen(answers: Answers) -> Option<Document> {
    Some(Document { kind: Kind::CitizenCard, issuer: "VNM", answers })
}

const fn foreign(kind: Kind, issuer: &'static str) -> Option<Document> {
    Some(Document { kind, issuer, answers: GOOD })
}

const NUMBER: &str = "001099000017";
const BORN: (Item, &str) = (Item::DateOfBirth, "15/01/1999");
const CITIZEN: &[(Item, &str)] = &[(Item::IdNumber, NUMBER), BORN, (Item::Nationality, "Việt Nam")];
const OLD: &[(Item, &str)] =
    &[(Item::IdNumber, "001050000017"), (Item::DateOfBirth, "1950"), (Item::Nationality, "Việt Nam")];
const INFANT: &[(Item, &str)] =
    &[(Item::IdNumber, "001222000017"), (Item::DateOfBirth, "02/03/2022"), (Item::Nationality, "Việt Nam")];
const PUPIL: &[(Item, &str)] =
    &[(Item::IdNumber, "001218000017"), (Item::DateOfBirth, "02/03/2018"), (Item::Nationality, "Việt Nam")];
const KOREAN: &[(Item, &str)] =
    &[(Item::DocumentNumber, "M12345678"), (Item::DateOfBirth, "12/08/1984"), (Item::Nationality, "KOR")];
const OVERSEAS: &[(Item, &str)] =
    &[(Item::DocumentNumber, "C1234567"), (Item::DateOfBirth, "12/08/1984"), (Item::Nationality, "VNM")];

const PEOPLE: &[Person] = &[
    Person {
        who: "one name, or a name of another order",
        chip: citizen(GOOD),
        papers: &[],
        items: CITIZEN,
        theirs: true,
    },
    Person {
        who: "a name over 29 letters",
        chip: citizen(Answers { consistency: Consistency::Remarks, ..GOOD }),
        papers: &[],
        items: CITIZEN,
        theirs: true,
    },
    Person { who: "born 1950, day unknown", chip: citizen(GOOD), papers: &[], items: OLD, theirs: true },
    Person {
        who: "child of 4, card without portrait",
        chip: citizen(GOOD),
        papers: &[Paper::BirthCertificate],
        items: INFANT,
        theirs: true,
    },
    Person {
        who: "pupil of 8 without a card",
        chip: None,
        papers: &[Paper::BirthCertificate, Paper::NumberNotice],
        items: PUPIL,
        theirs: true,
    },
    Person {
        who: "stateless, certificate of identity",
        chip: None,
        papers: &[Paper::IdentityCertificate],
        items: CITIZEN,
        theirs: true,
    },
    Person {
        who: "foreigner, passport with chip",
        chip: foreign(Kind::Passport, "KOR"),
        papers: &[Paper::Passport],
        items: KOREAN,
        theirs: true,
    },
    Person {
        who: "foreigner, passport without chip",
        chip: None,
        papers: &[Paper::Passport],
        items: KOREAN,
        theirs: true,
    },
    Person {
        who: "foreigner, residence card",
        chip: None,
        papers: &[Paper::ResidenceCard],
        items: KOREAN,
        theirs: true,
    },
    Person {
        who: "overseas Vietnamese, VN passport",
        chip: foreign(Kind::Passport, "VNM"),
        papers: &[Paper::Passport],
        items: OVERSEAS,
        theirs: true,
    },
    Person {
        who: "old identity card of 9 digits only",
        chip: None,
        papers: &[Paper::OldIdentityCard],
        items: OLD,
        theirs: true,
    },
    Person { who: "VNeID only", chip: None, papers: &[Paper::Vneid], items: CITIZEN, theirs: true },
    Person {
        who: "expired card",
        chip: citizen(Answers { validity: Validity::Expired, ..GOOD }),
        papers: &[Paper::Vneid],
        items: CITIZEN,
        theirs: true,
    },
    Person { who: "dead chip", chip: None, papers: &[Paper::CitizenCard], items: CITIZEN, theirs: true },
    Person {
        who: "issuer unknown here",
        chip: citizen(Answers { issuer: Issuer::Unknown, ..GOOD }),
        papers: &[Paper::CitizenCard],
        items: CITIZEN,
        theirs: true,
    },
    Person {
        who: "lost card of two, in another's hand",
        chip: citizen(Answers { validity: Validity::Withdrawn, ..GOOD }),
        papers: &[Paper::CitizenCard],
        items: CITIZEN,
        theirs: false,
    },
    Person {
        who: "a dead person's card",
        chip: citizen(GOOD),
        papers: &[Paper::CitizenCard],
        items: CITIZEN,
        theirs: false,
    },
    Person {
        who: "a copied card",
        chip: citizen(Answers { chip: Chip::Copy, ..GOOD }),
        papers: &[Paper::CitizenCard],
        items: CITIZEN,
        theirs: false,
    },
];

/// Everybody who has a number of some kind stands on the list of the place.
fn list(profile: &str) -> visit::roster::Index {
    let mut numbers = BTreeSet::new();
    for person in PEOPLE {
        for (item, value) in person.items {
            match item {
                Item::IdNumber => drop(numbers.insert(("number", *value))),
                Item::DocumentNumber => drop(numbers.insert(("document_number", *value))),
                _ => {}
            }
        }
    }
    let entries: Vec<_> = numbers.iter().map(|(way, value)| serde_json::json!({ *way: value })).collect();
    let text = serde_json::json!({
        "schema": visit::roster::SCHEMA, "id": "r", "version": 1, "title": "t", "profile": profile,
        "valid_from": "2026-11-30", "valid_until": "2026-11-30", "entries": entries,
    });
    Roster::parse(text.to_string().as_bytes()).expect("list").index()
}

/// What list and ledger say, as a site asks them.
fn listed(profile: &Profile, content: &mut Content) -> Option<Refusal> {
    if profile.alone_from.is_some_and(|age| is_below(content, age, TODAY)) {
        return Some(Refusal::ChildAlone);
    }
    if let Some(rules) = profile.roster()
        && let Err(refusal) = list(&profile.id).ask(TODAY, rules, &[], content)
    {
        return Some(refusal);
    }
    (profile.ledger().is_some() && content.person().is_none()).then_some(Refusal::NoNumber)
}

fn items(profile: &Profile, person: &Person) -> BTreeMap<Item, Text> {
    let name = [(Item::FullName, "Nguyễn Văn An")];
    let all = name.iter().chain(person.items).filter(|(item, _)| profile.takes(*item));
    all.map(|(item, text)| (*item, (*text).to_owned().into())).collect()
}

/// Plays a visit to its end; whoever of staff is asked goes on, and a face is that of its holder or is not.
fn played(profile: &Profile, admission: Admission, refusal: Option<Refusal>, theirs: bool) -> (Outcome, bool) {
    let (mut visit, mut wanted) = Visit::begin(profile.steps(), true);
    let mut asked = false;
    loop {
        let input = match wanted.last() {
            Some(Effect::End(outcome)) => return (*outcome, asked),
            Some(Effect::Ask(Wait::Consent)) => Input::Agreed,
            Some(Effect::Ask(Wait::Key)) => Input::Key,
            Some(Effect::Ask(Wait::Chip)) => Input::Judged(admission, refusal),
            Some(Effect::Ask(Wait::Staff)) => {
                asked = true;
                Input::Staff(true)
            }
            Some(Effect::Ask(Wait::Face)) => Input::Face(theirs),
            Some(Effect::Ask(Wait::Form)) => Input::Filled,
            Some(Effect::Keep) => Input::Kept(None),
            other => panic!("{}: nothing is wanted after {other:?}", profile.id),
        };
        (visit, wanted) = update(visit, input);
    }
}

/// How somebody comes in, or why not: a mark of the table, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Chip { marked: bool, staff: bool },
    Without { paper: Option<Paper>, staff: bool, second: bool },
    No(String),
}

fn by_chip(profile: &Profile, person: &Person, document: Document) -> Result<Cell, Refusal> {
    let accepted = profile.takes_document(document.kind, document.issuer);
    let admission = profile.terms().admit(document.answers, accepted, false);
    let rung = document.answers.rung();
    let mut content = Content {
        source: Source::from(document.kind),
        issuer: document.issuer.to_owned(),
        items: items(profile, person),
        assurance: rung.map(|rung| Assurance {
            rung,
            word: document.answers.word(),
            answers: Some(document.answers),
            document: document.kind.code().to_owned(),
            mark: admission.because(),
            staff: None,
        }),
        ..Content::default()
    };
    let refusal = if matches!(admission, Admission::Refused(_)) { None } else { listed(profile, &mut content) };
    match played(profile, admission, refusal, person.theirs) {
        (Outcome::Done, staff) => Ok(Cell::Chip { marked: matches!(admission, Admission::Marked(_)), staff }),
        (Outcome::Refused(refusal), _) => Err(refusal),
        (Outcome::Cancelled, _) => panic!("nobody broke it off"),
    }
}

fn without(profile: &Profile, person: &Person, paper: Option<Paper>) -> Result<Cell, String> {
    let way = without_chip::way(profile, paper).map_err(|no| match no {
        NoWay::NotTaken => profile.without_chip().why_not_en,
        NoWay::Paper(paper) => format!("{} is not taken here", paper.label().1),
        NoWay::TooLittle(_) => "less is assured than this use asks for".to_owned(),
    })?;
    let mut content = way.content(paper, items(profile, person), BTreeMap::new());
    match listed(profile, &mut content) {
        Some(refusal) => Err(refusal.code().to_owned()),
        // Staff compare the face with that on the paper before they answer for it.
        None if !person.theirs => Err("the face is not that on the paper".to_owned()),
        None => Ok(Cell::Without { paper, staff: way.asks_staff(), second: way.second }),
    }
}

fn walked(profile: &Profile, person: &Person) -> Cell {
    let mut why = None;
    if let Some(document) = person.chip {
        match by_chip(profile, person, document) {
            Ok(cell) => return cell,
            Err(refusal) => why = Some(refusal),
        }
    }
    // Whoever is turned away for what a proof or a list says is not let in by another paper.
    let final_word = [Refusal::NotGenuine, Refusal::CardWithdrawn, Refusal::FaceDiffers];
    if let Some(refusal) = why.filter(|refusal| final_word.contains(refusal)) {
        return Cell::No(refusal.code().to_owned());
    }
    let ways = person.papers.iter().copied().map(Some).chain([None]);
    let mut reasons = Vec::new();
    for paper in ways {
        match without(profile, person, paper) {
            Ok(cell) => return cell,
            Err(reason) => reasons.push(reason),
        }
    }
    let reason = reasons.into_iter().next().unwrap_or_default();
    Cell::No(match why {
        Some(refusal) if reason.is_empty() => refusal.code().to_owned(),
        _ => reason,
    })
}

fn all() -> Vec<(Profile, Vec<Cell>)> {
    let profiles = Profile::names_built_in().map(|id| Profile::built_in(id).expect("valid"));
    profiles
        .map(|profile| {
            let cells = PEOPLE.iter().map(|person| walked(&profile, person)).collect();
            (profile, cells)
        })
        .collect()
}

fn markdown(all: &[(Profile, Vec<Cell>)]) -> String {
    use std::fmt::Write as _;
    let mut reasons: Vec<String> = Vec::new();
    let mut text = String::from("| |");
    for at in 1..=PEOPLE.len() {
        write!(text, " {at} |").expect("text");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(PEOPLE.len()));
    for (profile, cells) in all {
        write!(text, "\n| `{}` |", profile.id).expect("text");
        for cell in cells {
            let mark = match cell {
                Cell::Chip { marked: true, .. } => "chip, marked".to_owned(),
                Cell::Chip { staff: true, .. } => "chip, staff".to_owned(),
                Cell::Chip { .. } => "chip".to_owned(),
                Cell::Without { paper, staff, second } => {
                    let by = match paper {
                        Some(Paper::Vneid) => "VNeID",
                        Some(_) => "paper",
                        None => "word",
                    };
                    let who = if *second {
                        ", two"
                    } else if *staff {
                        ", staff"
                    } else {
                        ", marked"
                    };
                    format!("{by}{who}")
                }
                Cell::No(reason) => {
                    let at = reasons.iter().position(|known| known == reason).unwrap_or_else(|| {
                        reasons.push(reason.clone());
                        reasons.len() - 1
                    });
                    format!("no ({})", at + 1)
                }
            };
            write!(text, " {mark} |").expect("text");
        }
    }
    text.push_str("\n\nColumns:\n\n");
    for (at, person) in PEOPLE.iter().enumerate() {
        writeln!(text, "{}. {}", at + 1, person.who).expect("text");
    }
    text.push_str("\nWhy not:\n\n");
    for (at, reason) in reasons.iter().enumerate() {
        writeln!(text, "{}. {}", at + 1, reason).expect("text");
    }
    text
}

const BEGIN: &str = "<!-- people: `UPDATE_DOCS=1` and the test `people` of the room `visit` write this -->\n";
const END: &str = "<!-- end of people -->\n";

/// The page says what the code does; with `UPDATE_DOCS` it is made to.
#[test]
fn the_page_says_what_happens_to_whom_in_each_profile() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/people.md");
    let text = std::fs::read_to_string(&path).expect("docs/people.md");
    let (before, rest) = text.split_once(BEGIN).expect("the begin of the table");
    let (shown, after) = rest.split_once(END).expect("its end");
    let written = markdown(&all());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{written}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(shown, written, "write it anew as the comment there says");
}

#[test]
fn nobody_is_turned_away_without_a_reason_that_is_told() {
    for (profile, cells) in all() {
        for (person, cell) in PEOPLE.iter().zip(cells) {
            if let Cell::No(reason) = cell {
                assert!(!reason.is_empty(), "{} at {}", person.who, profile.id);
            }
        }
    }
}

#[test]
fn a_dead_chip_a_child_and_a_foreigner_come_in_wherever_a_person_of_staff_can_be_asked() {
    let alone = ["identify", "hospital-kiosk", "practice"];
    // Money and examinations ask for a face, and a pupil's certificate has none; lists of citizens have no foreigners.
    for (profile, cells) in all() {
        let open = |who: &str| {
            let at = PEOPLE.iter().position(|person| person.who == who).expect("somebody");
            !matches!(cells[at], Cell::No(_))
        };
        assert_eq!(profile.accepts(Accept::Typed), !alone.contains(&profile.id.as_str()), "{}", profile.id);
        if alone.contains(&profile.id.as_str()) {
            continue;
        }
        for who in ["dead chip", "VNeID only", "stateless, certificate of identity", "expired card"] {
            assert!(open(who), "{who} at {}", profile.id);
        }
        for who in ["a copied card", "lost card of two, in another's hand"] {
            assert!(!open(who), "{who} at {}", profile.id);
        }
        let face = profile.steps().contains(&Step::Face);
        assert!(!face || !open("a dead person's card"), "{}", profile.id);
    }
}

#[test]
fn what_differs_in_a_name_alone_turns_nobody_away() {
    for (profile, cells) in all() {
        assert_eq!(cells[0], cells[1], "{}", profile.id);
        assert!(matches!(cells[2], Cell::Chip { .. }), "{}: {:?}", profile.id, cells[2]);
    }
    assert_eq!(Answers { consistency: Consistency::Remarks, ..GOOD }.rung(), GOOD.rung());
    assert_eq!(Because::from(NoWay::NotTaken), Because::Assurance);
    assert!(Holder::ALL.len() > 1);
}
