//! A lying card: a search over random combinations of moves finds nothing that is accepted where an honest reading of
//! ICAO 9303 refuses, and does find it in judges that forget one thing.

use cccd::judgement::judge;
use hil_tests::lying::{
    Cripple, FAULTS, Foreign, Home, Move, Paper, Random, Rollover, Scanned, Scene, Search, Signer, Stock, World,
    judged, profiles,
};
use verdict::Admission;
use virtual_card::Issuer;
use virtual_card::issuer::{CscaKey, DocumentSigner};

/// Combinations in the default run, over all threads.
const COMBINATIONS: usize = 100_000;

/// The seed; `HOSTILE_SEED` names another, `HOSTILE_COMBINATIONS` another number.
const SEED: u64 = 20_261_129;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn no_combination_of_moves_is_accepted_where_9303_refuses() {
    let wanted = usize::try_from(setting("HOSTILE_COMBINATIONS", COMBINATIONS as u64)).expect("a number");
    let seed = setting("HOSTILE_SEED", SEED);
    let threads = 2;
    let runs: Vec<_> = std::thread::scope(|scope| {
        let work = |thread: u64| {
            move || {
                let own = seed + thread;
                let mut search = Search::new(own);
                let mut found = Vec::new();
                while search.tried < wanted.div_ceil(threads) && found.len() < 12 {
                    found.extend(search.step().map(|found| (own, found)));
                }
                (search.tried, search.strict, search.stricter, found)
            }
        };
        let handles: Vec<_> = (0..threads as u64).map(|thread| scope.spawn(work(thread))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a thread")).collect()
    });
    let tried: usize = runs.iter().map(|(tried, ..)| tried).sum();
    let strict = runs.iter().fold([0; 2], |sum, (_, one, ..)| [sum[0] + one[0], sum[1] + one[1]]);
    for (seed, found) in runs.iter().flat_map(|(.., found)| found) {
        println!("seed {seed}, combination {}: {:?}\n    {}", found.after, found.moves, found.what);
    }
    for one in runs.iter().flat_map(|(_, _, stricter, _)| stricter) {
        println!("stricter than the truth, {one}");
    }
    println!("{tried} combinations; verdicts as strict as the truth, and stricter: {strict:?}");
    assert!(runs.iter().all(|(.., found)| found.is_empty()), "see above");
    assert_eq!(strict[1], 0, "nobody is turned away without a reason that is true");
    assert!(tried >= wanted, "{tried}");
}

/// A search that finds nothing must be able to.
#[test]
fn the_search_notices_each_fault() {
    const WITHIN: usize = 20_000;
    let seed = setting("HOSTILE_SEED", SEED);
    let mut search = Search::new(seed);
    let mut open = Cripple::ALL.to_vec();
    while !open.is_empty() && search.tried < WITHIN {
        for (cripple, found) in search.step_crippled(&open) {
            println!("seed {seed}, combination {}: without {cripple:?} {:?}", found.after, found.moves);
            open.retain(|one| *one != cripple);
        }
    }
    assert!(open.is_empty(), "not noticed within {WITHIN} combinations of seed {seed}: {open:?}");
}

/// What the judge of 26be0f9 called genuine, or accused wrongly.
#[test]
fn each_of_the_known_faults_is_gone() {
    let mut stock = Stock::new();
    for (name, moves, word) in FAULTS {
        let (_, judgement) = Scene::judged(&World::after(moves), &mut stock);
        assert_eq!(judgement.word().code(), word, "{name}: {:?}", judgement.reasons());
    }
}

/// How a certificate came to the operator, and for which of citizen card, identity card, residence card and passport it
/// vouches then.
const ORIGINS: [(Home, [bool; 4]); 8] = [
    // Given in person: every kind.
    (Home::Operator, [true, true, true, true]),
    // Narrowed by the operator's word.
    (Home::ForPassports, [false, false, false, true]),
    (Home::ForCards, [true, true, false, false]),
    // A master list is a list of passport authorities.
    (Home::MasterList, [false, false, false, true]),
    // Widened by the operator's word.
    (Home::Widened, [true, true, true, true]),
    // A pin is for the kinds that it was pinned for.
    (Home::PinForCards, [true, true, false, false]),
    (Home::PinForPassports, [false, false, false, true]),
    // Nobody's word.
    (Home::Nothing, [false, false, false, false]),
];

/// Profiles that take more than citizens' cards: residence cards and passports, of any state.
const TAKES_GUESTS: [&str; 9] =
    ["attest", "customer-check", "exam", "gate", "lodging", "lodging-hospital", "one-stop", "register", "school"];

/// Profiles that serve people whose issuer nobody knows here, visibly marked.
const MARKS_UNKNOWN: [&str; 9] = [
    "hospital-desk",
    "hospital-kiosk",
    "identify",
    "lodging",
    "lodging-hospital",
    "practice",
    "register",
    "roster-check",
    "school",
];

/// The profile that leaves them to staff.
const ASKS_STAFF: [&str; 1] = ["one-stop"];

#[test]
fn documents_are_accepted_in_exactly_the_cells_of_state_kind_origin_and_profile() {
    let mut stock = Stock::new();
    let profiles = profiles();
    let vietnamese = [Paper::Citizen, Paper::NumberlessVnm, Paper::ResidenceVnm, Paper::PassportVnm];
    // There is no citizen card of another state.
    let korean = [Paper::ForeignTd1, Paper::ForeignTd1, Paper::ResidenceKor, Paper::PassportKor];
    let mut cells = [0; 4];
    for (home, kinds) in ORIGINS {
        for signer in [Signer::State, Signer::NewKey, Signer::Neighbour] {
            for (at, paper) in vietnamese.into_iter().enumerate().chain(korean.into_iter().enumerate().skip(1)) {
                // What is kept of Korea: the same, where it can be; a link leads on in Vietnam only.
                let (foreign, vouches) = match (paper.is_vietnamese(), home) {
                    (true, _) => (Foreign::Operator, kinds[at]),
                    (false, Home::Operator | Home::Widened) => (Foreign::Operator, true),
                    (false, Home::MasterList) => (Foreign::MasterList, kinds[at]),
                    (false, Home::PinForCards | Home::PinForPassports) => (Foreign::Nothing, kinds[at]),
                    (false, _) => (Foreign::Nothing, false),
                };
                if signer == Signer::NewKey && !paper.is_vietnamese() {
                    continue;
                }
                let scan = if paper == Paper::Citizen { Scanned::Qr } else { Scanned::Mrz };
                let moves = [Move::Bring(paper), Move::Scan(scan), Move::Keep(home), Move::KeepForeign(foreign)];
                let moves = [&moves[..], &[Move::Sign(signer), Move::RollOver(Rollover::Link)]].concat();
                let (scene, judgement) = Scene::judged(&World::after(&moves), &mut stock);
                for one in &profiles {
                    let id = one.profile.id.as_str();
                    let taken = paper.kind() == "citizen_card" || TAKES_GUESTS.contains(&id) && at >= 2;
                    let expected = match () {
                        () if signer == Signer::Neighbour || !taken => 3,
                        () if vouches => 0,
                        () if MARKS_UNKNOWN.contains(&id) => 1,
                        () if ASKS_STAFF.contains(&id) => 2,
                        () => 3,
                    };
                    let found = match judged(&scene, &judgement, &one.profile).admission {
                        Admission::GoesOn => 0,
                        Admission::Marked(_) => 1,
                        Admission::AskStaff(_) => 2,
                        Admission::Refused(_) => 3,
                    };
                    assert_eq!(found, expected, "{id}: {moves:?}: {:?}", judgement.reasons());
                    cells[found] += 1;
                }
            }
        }
    }
    println!("cells that go on, are marked, left to staff, refused: {cells:?}");
}

/// Whatever of another state comes into the store: no card of Vietnam becomes green by it, and none is accused.
#[test]
fn no_certificate_of_another_state_changes_what_is_said_of_a_card_of_vietnam() {
    const CARDS: usize = 400;
    let mut foreign: Vec<Vec<u8>> = Vec::new();
    for country in ["LA", "UT", "DE", "CN", "KR"] {
        let issuer = Issuer::of(country).expect("issuer");
        let given = issuer.trust_files().expect("files");
        let certificates: Vec<&[u8]> = given[..2].iter().map(|file| &file.der[..]).collect();
        foreign.push(issuer.master_list(&certificates, "260101000000Z").expect("list"));
        foreign.push(issuer.document_signer(DocumentSigner::Brainpool256).expect("certificate"));
        foreign.push(issuer.same_name(CscaKey::New, CscaKey::Stranger).expect("certificate"));
        foreign.extend(given.into_iter().map(|file| file.der));
    }
    let seed = setting("HOSTILE_SEED", SEED);
    let (mut random, mut search, mut stock) = (Random::new(seed), Search::new(seed), Stock::new());
    let (mut seen, mut green) = (0, 0);
    while seen < CARDS {
        let moves = search.draw();
        let world = World::after(&moves);
        if !world.paper.is_vietnamese() {
            continue;
        }
        seen += 1;
        let (scene, before) = Scene::judged(&world, &mut stock);
        let mut store = (*scene.trust).clone();
        for _ in 0..=random.below(4) {
            let file: &Vec<u8> = random.one_of(&foreign[..]);
            drop(store.add("foreign", file).expect("a trust file"));
        }
        let after = judge(&scene.evidence, None, &scene.known, &store, scene.today);
        assert_eq!(after.answers, before.answers, "seed {seed}: {moves:?}: {:?}", after.reasons());
        green += usize::from(before.word().is_green());
    }
    println!("{seen} cards, {green} of them green before and after");
    assert!(green > 20 && green < CARDS);
}

/// Sessions with real (virtual) chips, which no evidence can tell: a copy put down for the card, an old answer to a new
/// question, files of one chip and proofs of another.
mod sessions {
    use super::{DocumentSigner, Issuer};
    use cccd::judgement::{Known, Today, judge};
    use emrtd::{Action, Evidence, Interrupted, Password, Plan, Proof, Session, SystemEntropy, TrustStore};
    use hil_tests::lying::{NOW, read_chip};
    use std::collections::BTreeMap;
    use verdict::Word;
    use virtual_card::issuer::IssuerFault;
    use virtual_card::personalise::Card;
    use virtual_card::{Answer, Chip, Fault, Lie, MAKES, Make, PERSONAS, Persona};

    const OWN: &Persona = &PERSONAS[0];
    const OTHER: &Persona = &PERSONAS[1];

    fn issuer() -> Issuer {
        Issuer::new(IssuerFault::None).expect("issuer")
    }

    fn word(evidence: &Evidence) -> Word {
        let mut trust = TrustStore::new();
        for file in issuer().trust_files().expect("files") {
            trust.add(file.name, &file.der).expect("a trust file");
        }
        judge(evidence, None, &Known::default(), &trust, Today::certain(NOW)).word()
    }

    /// EF.SOD of the card without one of its keys.
    fn without(group: u8) -> Vec<u8> {
        let card = Card::new(OWN, Fault::None).expect("card");
        let files = card.files().filter(|(id, _)| (0x0101..=0x0110).contains(id));
        let mut groups: BTreeMap<u8, Vec<u8>> = files.map(|(id, bytes)| ((id & 0xFF) as u8, bytes.to_vec())).collect();
        groups.remove(&group);
        issuer().sod(DocumentSigner::Brainpool256, &groups, "220116120000Z").expect("SOD")
    }

    fn begin(persona: &Persona, interrupted: Option<Interrupted>) -> Session {
        let plan = Plan::new(vec![Password::can(persona.can()).expect("CAN")], &[1, 2, 13, 14, 15]);
        match interrupted {
            Some(interrupted) => Session::resume(plan, Box::new(SystemEntropy), interrupted),
            None => Session::new(plan, Box::new(SystemEntropy)),
        }
    }

    /// Reads until the end, or until the card is lifted.
    fn run(chip: &mut Chip, mut session: Session) -> Result<Evidence, Box<Option<Interrupted>>> {
        while let Action::Transmit(command) = session.next().expect("command") {
            match chip.transmit(&command) {
                Answer::Response(answer) => session.feed(&answer).expect("accepted"),
                Answer::Lifted => return Err(Box::new(session.interrupt())),
            }
        }
        Ok(session.into_evidence().expect("opened"))
    }

    #[test]
    fn a_card_that_was_lifted_is_not_resumed_with_a_copy() {
        let (mut sessions, mut resumed) = (0, 0);
        for missing in [14, 15, 0] {
            let sod = (missing != 0).then(|| without(missing));
            let lay = |fault| {
                let mut chip = Chip::new(OWN, fault).expect("card");
                if let Some(sod) = &sod {
                    chip.set_file(0x011D, sod.clone());
                }
                chip
            };
            for lifted_after in (1_500..22_000).step_by(650) {
                let Err(interrupted) = run(&mut lay(Fault::Lifted(lifted_after)), begin(OWN, None)) else { continue };
                resumed += usize::from(interrupted.is_some());
                let evidence = run(&mut lay(Fault::Cloned), begin(OWN, *interrupted)).expect("a read");
                assert_eq!(word(&evidence), Word::NotGenuine, "without EF.DG{missing}, after {lifted_after} bytes");
                sessions += 2;
            }
        }
        println!("{sessions} sessions, {resumed} of them resumed");
        assert!(resumed > 40, "{resumed}");
    }

    #[test]
    fn a_copy_of_every_make_is_one() {
        for make in MAKES {
            for persona in [OWN, OTHER] {
                let mut copy = Chip::with_make(persona, Fault::Cloned, make).expect("card");
                assert_eq!(word(&read_chip(&mut copy, persona)), Word::NotGenuine, "{}", make.id);
                let mut stripped = Chip::with_make(persona, Fault::Stripped, make).expect("card");
                assert_eq!(word(&read_chip(&mut stripped, persona)), Word::Unproved, "{}", make.id);
            }
        }
    }

    /// The chip answers every question with the answer to the first.
    #[test]
    fn an_old_answer_to_a_new_question_is_wrong() {
        let sod = without(14);
        let lay = || {
            let mut chip = Chip::new(OWN, Fault::None).expect("card");
            chip.set_file(0x011D, sod.clone());
            chip
        };
        let evidence = read_chip(&mut lay(), OWN);
        assert_eq!(word(&evidence), Word::Proved);
        let Proof::Answered(old) = evidence.active_authentication else { panic!("answered") };
        for _ in 0..20 {
            let mut chip = lay();
            let answer = old.response.clone();
            chip.set_liar(Box::new(move |ins| match ins {
                0x88 => Lie::Protected(answer.clone(), 0x9000),
                _ => Lie::None,
            }));
            assert_eq!(word(&read_chip(&mut chip, OWN)), Word::NotGenuine);
        }
    }

    /// A chip of one's own, with the files of somebody else's card on it, opened by somebody else's number.
    #[test]
    fn the_files_of_another_card_on_a_chip_of_ones_own_are_a_copy() {
        for make in ["cccd", "cam"] {
            let make = *Make::find(make).expect("make");
            let card = Card::with_make(OTHER, Fault::None, make).expect("card");
            for left_out in [None, Some(0x010E), Some(0x010F)] {
                let mut chip = Chip::with_make(OWN, Fault::None, make).expect("card");
                for (id, bytes) in card.files().filter(|(id, _)| Some(*id) != left_out) {
                    chip.set_file(id, bytes.to_vec());
                }
                let evidence = read_chip(&mut chip, OWN);
                assert!(!word(&evidence).is_green(), "{} without {left_out:?}", make.id);
            }
        }
    }
}
