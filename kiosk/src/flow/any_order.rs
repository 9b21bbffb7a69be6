//! Scan and tap in any order, and what stands over a step does not stop it.

use super::tests::{by, erased, kiosk, place, proved, to_place, to_result, to_scan};
use super::*;
use kiosk_ui::judged::Then;
use kiosk_ui::state::{Help, ReadStep};
use verdict::Admission;
use visit::profile::{Profile, Step};
use visit::steps::Refusal;

fn qr() -> Input {
    Input::Scan(virtual_card::PERSONAS[0].qr().into())
}

fn reads(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Read(_)))
}

/// A name, a profile, and what leads there.
type Situation = (&'static str, &'static str, Vec<Input>);

/// Each situation in which something may stand over what shows.
fn situations() -> Vec<Situation> {
    let start = || vec![Input::Act(Act::Start)];
    let agreed = || vec![Input::Act(Act::Start), Input::Act(Act::Agree)];
    let placed = || agreed().into_iter().chain([qr()]).collect::<Vec<_>>();
    let reading = || placed().into_iter().chain([Input::Progress(ReadStep::Text, 30)]).collect::<Vec<_>>();
    let judged = || reading().into_iter().chain([Input::Judged(proved(), None)]).collect::<Vec<_>>();
    let asked = || judged().into_iter().chain([Input::Act(Act::Finish)]).collect::<Vec<_>>();
    let chosen = || asked().into_iter().chain([Input::Act(Act::Choose(1))]).collect::<Vec<_>>();
    let kept = || {
        let number = Some(("A047".to_owned(), None));
        chosen().into_iter().chain([Input::Act(Act::Confirm), Input::Kept(Ok(number))]).collect::<Vec<_>>()
    };
    let and = |mut before: Vec<Input>, more: Vec<Input>| {
        before.extend(more);
        before
    };
    let hospital = "hospital-kiosk";
    vec![
        ("nobody", hospital, vec![]),
        ("consent", hospital, start()),
        ("scan", hospital, agreed()),
        ("number", hospital, and(agreed(), vec![Input::Act(Act::TypeNumber)])),
        ("no card", hospital, and(agreed(), vec![Input::Act(Act::NoCard)])),
        ("place", hospital, placed()),
        ("reading", hospital, reading()),
        ("lifted", hospital, and(reading(), vec![Input::Lifted])),
        ("problem", hospital, and(placed(), vec![Input::Failed("no_card".to_owned())])),
        ("result", hospital, judged()),
        ("choice", hospital, asked()),
        ("form", "register", asked()),
        ("review", hospital, chosen()),
        ("to disk", hospital, and(chosen(), vec![Input::Act(Act::Confirm)])),
        ("ticket", hospital, kept()),
        ("take card", hospital, and(kept(), vec![Input::Act(Act::Finish)])),
    ]
}

fn play((_, profile, inputs): Situation) -> Flow {
    let mut flow = by(profile);
    for input in inputs {
        flow.update(input);
    }
    flow
}

/// Everything that cards, codes and the device's own threads can say.
fn inputs() -> Vec<fn() -> Input> {
    vec![
        qr,
        || Input::Scan("GD4010123456789|4e67|15/01/1999|1|48|01 - 043|-|-|-|x|-|4|-|t|$".to_owned().into()),
        || Input::Scan("https://example.vn/".to_owned().into()),
        || Input::Misread,
        || Input::Progress(ReadStep::Portrait, 60),
        || Input::Name("Nguyễn Văn An".to_owned().into()),
        || Input::Lifted,
        || Input::Waiting,
        || Input::Judged(proved(), None),
        || Input::Judged(proved(), Some(Refusal::NotOnList)),
        || Input::Kept(Ok(Some(("A048".to_owned(), None)))),
        || Input::Kept(Err(Refusal::AlreadyDone)),
        || Input::Failed("card_lifted".to_owned()),
        || Input::CardGone,
        || Input::Part(Part::Scanner, Some(Trouble { since: "08:12".to_owned(), code: "device_absent".to_owned() })),
        || Input::Part(Part::Reader, Some(Trouble { since: "08:12".to_owned(), code: "device_absent".to_owned() })),
    ]
}

/// What has to be the same, whether something stood over it or not: the time that is left is not.
fn compared(flow: &Flow) -> String {
    let waits = flow.visit.as_ref().map(Visit::waits);
    let screen = &flow.state().screen;
    format!("{screen:?} {waits:?} {:?} {} {} {}", flow.pending, flow.tries, flow.gone, flow.ticket.is_some())
}

fn done(effects: &[Effect]) -> Vec<String> {
    // Whoever called already need not be called for.
    let said = |effect: &&Effect| !matches!(effect, Effect::SpeakScreen | Effect::Sound(_) | Effect::CallStaff);
    effects.iter().filter(said).map(|effect| format!("{effect:?}")).collect()
}

/// What covers a step: its name, and how it comes.
type Cover = (&'static str, fn(&mut Flow));

/// Any input at any covered screen ends as without the cover.
#[test]
fn what_stands_over_a_step_stops_nothing() {
    let covers: [Cover; 3] = [
        ("more time", |flow| drop(flow.update(Input::Tick(u64::from(PATIENCE_S) * 1000)))),
        ("staff", |flow| drop(flow.update(Input::Act(Act::Staff)))),
        ("both", |flow| {
            flow.update(Input::Tick(u64::from(PATIENCE_S) * 1000));
            flow.update(Input::Act(Act::Staff));
        }),
    ];
    let mut covered = 0;
    for (cover, put) in covers {
        for at in 0..situations().len() {
            for input in inputs() {
                let name = situations()[at].0;
                let [mut bare, mut flow] = [0, 1].map(|_| play(situations().swap_remove(at)));
                let before = flow.state().screen.clone();
                put(&mut flow);
                // Where the time of a screen ends otherwise, nothing covers it.
                if !matches!(flow.state().screen, Screen::MoreTime | Screen::Staff(_))
                    || flow.covered.as_ref() != Some(&before)
                {
                    continue;
                }
                covered += 1;
                let (wanted, found) = (done(&bare.update(input())), done(&flow.update(input())));
                assert_eq!(found, wanted, "{cover} over {name}: {:?}", input());
                if matches!(flow.state().screen, Screen::MoreTime | Screen::Staff(_)) {
                    flow.update(Input::Act(Act::Back));
                }
                assert_eq!(compared(&flow), compared(&bare), "{cover} over {name}: {:?}", input());
            }
        }
    }
    assert!(covered > 300, "{covered} were looked at");
}

#[test]
fn a_card_that_is_laid_while_the_kiosk_asks_for_more_time_is_read_and_shown() {
    let mut flow = kiosk(false);
    to_place(&mut flow);
    flow.update(Input::Tick(u64::from(PATIENCE_S) * 1000));
    assert_eq!(flow.state().screen, Screen::MoreTime);
    flow.update(Input::Progress(ReadStep::Connect, 3));
    assert!(matches!(flow.state().screen, Screen::Reading { .. }), "whoever lays a card needs no more time");
    flow.update(Input::Judged(proved(), None));
    assert!(matches!(flow.state().screen, Screen::Result(_)));
}

#[test]
fn a_code_that_comes_before_consent_is_kept_and_used_after_it() {
    for early in [vec![qr()], vec![Input::Act(Act::Start), qr()]] {
        let mut flow = kiosk(false);
        for input in early {
            assert!(!reads(&flow.update(input)), "nobody agreed");
        }
        assert!(matches!(&flow.state().screen, Screen::Consent(consent) if consent.scanned));
        let told = format!("{flow:?}");
        assert!(!told.contains(virtual_card::PERSONAS[0].number), "{told}");
        assert!(reads(&flow.update(Input::Act(Act::Agree))), "nobody scans twice");
        assert_eq!(flow.state().screen, Screen::Place);
    }
    // Whoever does not agree leaves nothing, and the next has to scan.
    let mut flow = kiosk(false);
    flow.update(qr());
    assert!(erased(&flow.update(Input::Act(Act::Cancel))));
    assert!(flow.early.is_none());
    to_scan(&mut flow);
    // What opens no card begins nothing.
    let mut flow = kiosk(false);
    flow.update(Input::Scan("https://example.vn/".to_owned().into()));
    assert_eq!(flow.state().screen, Screen::Attract);
    flow.update(Input::Act(Act::Start));
    flow.update(Input::Scan("https://example.vn/".to_owned().into()));
    assert!(matches!(&flow.state().screen, Screen::Consent(consent) if !consent.scanned));
}

#[test]
fn whoever_scans_again_after_a_problem_need_not_press_first() {
    let mut flow = kiosk(false);
    to_place(&mut flow);
    flow.update(Input::Failed("no_card".to_owned()));
    assert!(matches!(flow.state().screen, Screen::Problem(_)));
    assert!(reads(&flow.update(qr())));
    // But not once staff has to help.
    let mut flow = kiosk(false);
    to_place(&mut flow);
    for _ in 1..TRIES {
        flow.update(Input::Failed("no_card".to_owned()));
        flow.update(qr());
    }
    flow.update(Input::Failed("no_card".to_owned()));
    assert!(!reads(&flow.update(qr())));
}

#[test]
fn from_each_step_there_is_a_way_back() {
    let back = || Input::Act(Act::Back);
    let mut flow = by("hospital-kiosk");
    to_scan(&mut flow);
    for way in [Act::TypeNumber, Act::NoCard] {
        flow.update(Input::Act(way));
        flow.update(back());
        assert_eq!(flow.state().screen, Screen::Scan { insurance: false }, "{way:?}");
    }
    flow.update(back());
    assert!(matches!(flow.state().screen, Screen::Consent(_)));
    let effects = flow.update(Input::Act(Act::Agree));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Agreed(_))), "the log has it already");
    flow.update(qr());
    let effects = flow.update(back());
    assert!(effects.iter().any(|effect| matches!(effect, Effect::StopWaiting)), "no card is read behind it");
    assert_eq!(flow.state().screen, Screen::Scan { insurance: false });
    flow.update(qr());
    flow.update(Input::Judged(proved(), None));
    flow.update(Input::Act(Act::Finish));
    assert!(matches!(flow.state().screen, Screen::Choice(_)));
    flow.update(back());
    assert!(
        matches!(&flow.state().screen, Screen::Result(judged) if judged.holder.is_none()),
        "the name has been seen"
    );
    flow.update(Input::Act(Act::Finish));
    // A slip of the finger can be mended, and prints nothing.
    let effects = flow.update(Input::Act(Act::Choose(3)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Keep(_) | Effect::Ticket(..))));
    assert!(matches!(&flow.state().screen, Screen::Review(review) if review.then == Then::Ticket));
    flow.update(back());
    flow.update(Input::Act(Act::Choose(1)));
    let effects = flow.update(Input::Act(Act::Confirm));
    let kept = effects.iter().find_map(|effect| match effect {
        Effect::Keep(answers) => {
            Some(answers.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(kept, Some(vec![("department", "K03")]));
}

#[test]
fn whoever_agreed_goes_back_and_leaves_stands_in_the_log() {
    let mut flow = kiosk(false);
    to_scan(&mut flow);
    flow.update(Input::Act(Act::Back));
    let effects = flow.update(Input::Act(Act::Cancel));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::TurnedAway(None))));
}

/// The main button of each verdict leads to what it says, in each profile that a kiosk can have.
#[test]
fn what_the_button_says_is_what_happens() {
    for id in Profile::names_built_in() {
        let mut profile = Task::from(&Profile::built_in(id).expect("valid"));
        profile.steps.retain(|step| *step != Step::Face);
        let mut flow = Flow::new(place(Some(('A', "Phòng 12".to_owned()))), profile);
        after_agreement(&mut flow);
        let effects = flow.update(Input::Judged(proved(), None));
        if effects.iter().any(|effect| matches!(effect, Effect::Keep(_))) {
            flow.update(Input::Kept(Ok(Some(("A047".to_owned(), None)))));
        }
        let Screen::Result(judged) = flow.state().screen.clone() else { panic!("{id}: {:?}", flow.state().screen) };
        assert_eq!(judged.admission, Admission::GoesOn);
        // What nobody fills in here is kept at once.
        if flow.update(Input::Act(Act::Finish)).iter().any(|effect| matches!(effect, Effect::Keep(_))) {
            flow.update(Input::Kept(Ok(Some(("A047".to_owned(), None)))));
        }
        let screen = &flow.state().screen;
        let fits = match (&judged.then, screen) {
            (Then::Named((label, _)), Screen::Form(field)) => field.label.0.to_lowercase() == label.to_lowercase(),
            (Then::Named((label, _)), Screen::Choice(choice)) => choice.label.0.to_lowercase() == label.to_lowercase(),
            (Then::Ticket, Screen::Ticket { .. }) | (Then::Finish, Screen::TakeCard) => true,
            _ => false,
        };
        assert!(fits, "{id}: {:?} led to {screen:?}", judged.then);
    }
}

fn after_agreement(flow: &mut Flow) {
    flow.update(Input::Act(Act::Start));
    if matches!(flow.state().screen, Screen::Consent(_)) {
        flow.update(Input::Act(Act::Agree));
    }
    flow.update(qr());
}

#[test]
fn a_call_keeps_the_visit_and_says_no_more_than_was_acknowledged() {
    let mut flow = kiosk(false);
    to_result(&mut flow);
    let before = flow.state().screen.clone();
    let effects = flow.update(Input::Act(Act::Staff));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CallStaff)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Erase | Effect::StopWaiting)), "the visit is kept");
    assert_eq!(flow.state().screen, Screen::Staff(Help::Calling), "what is known of the person is covered");
    for help in [Help::Received, Help::Taken("Quầy 1".to_owned())] {
        flow.update(Input::Help(help.clone()));
        assert_eq!(flow.state().screen, Screen::Staff(help));
    }
    flow.update(Input::Act(Act::Back));
    assert_eq!(flow.state().screen, before);
    // What is said of a call of somebody who has left is not heard.
    flow.update(Input::Act(Act::Finish));
    flow.update(Input::CardGone);
    flow.update(Input::Help(Help::Received));
    flow.update(Input::Act(Act::Staff));
    assert_eq!(flow.state().screen, Screen::Staff(Help::Calling));
    // Where nobody hears it, the screen says where to go.
    let at = Some("Quầy 1".to_owned());
    let mut flow = Flow::new(Place { calls: false, staff_at: at.clone(), ..place(None) }, Task::default());
    flow.update(Input::Act(Act::Staff));
    assert_eq!(flow.state().screen, Screen::Staff(Help::At(at)));
}
