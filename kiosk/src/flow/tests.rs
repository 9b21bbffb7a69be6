use super::*;
use kiosk_ui::Language;
use kiosk_ui::judged::{Details, Judged};
use kiosk_ui::panel::PANELS;
use kiosk_ui::playlist::Playlist;
use kiosk_ui::state::{Field, Layer, ReadStep};
use verdict::{Admission, Because, Rung, Word};
use visit::profile::Profile;
use visit::steps::Refusal;

pub(super) fn place(queue: Option<(char, String)>) -> Place {
    let (site, playlist) = ("Bệnh viện".to_owned(), Playlist::default());
    Place {
        site,
        queue,
        panel: PANELS[0],
        patience_s: PATIENCE_S,
        reader_at: None,
        scanner_at: None,
        staff_at: None,
        calls: true,
        playlist,
    }
}

pub(super) fn kiosk(queue: bool) -> Flow {
    let ticket = queue;
    let queue = queue.then(|| ('A', "Phòng 12".to_owned()));
    Flow::new(place(queue), Task { ticket, ..Task::from(&Profile::built_in("identify").expect("profile")) })
}

/// A card that is proved, and goes on.
pub(super) fn proved() -> Box<Judged> {
    said(Word::Proved, Admission::GoesOn)
}

pub(super) fn said(word: Word, admission: Admission) -> Box<Judged> {
    Box::new(Judged::new(word, admission, Details { rung: Some(Rung::Proved), ..Details::default() }))
}

pub(super) fn forged() -> Box<Judged> {
    said(Word::NotGenuine, Admission::Refused(Because::NotGenuine))
}

/// Gives inputs one after the other and returns the effects of the last.
pub(super) fn after(flow: &mut Flow, inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
    inputs.into_iter().fold(Vec::new(), |_, input| flow.update(input))
}

pub(super) fn to_scan(flow: &mut Flow) {
    after(flow, [Input::Act(Act::Start), Input::Act(Act::Agree)]);
    assert_eq!(flow.state().screen, Screen::Scan { insurance: false });
}

pub(super) fn to_place(flow: &mut Flow) -> Vec<Effect> {
    to_scan(flow);
    after(flow, [Input::Scan(virtual_card::PERSONAS[0].qr().into())])
}

pub(super) fn to_result(flow: &mut Flow) -> Vec<Effect> {
    to_place(flow);
    let name = "Nguyễn Văn An".to_owned().into();
    let effects = after(flow, [Input::Progress(ReadStep::Text, 20), Input::Name(name), Input::Judged(proved(), None)]);
    if flow.state().screen.step() == Some(2) && effects.iter().any(|effect| matches!(effect, Effect::Keep(_))) {
        flow.update(Input::Kept(Ok(Some(("A047".to_owned(), None)))));
    }
    effects
}

pub(super) fn erased(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Erase))
}

#[test]
fn from_a_touch_to_the_ticket_and_the_card_in_the_hand() {
    let mut flow = kiosk(true);
    let effects = to_place(&mut flow);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Read(_))));
    assert_eq!(flow.state().screen, Screen::Place);
    let mut flow = kiosk(true);
    to_result(&mut flow);
    let Screen::Result(judged) = &flow.state().screen else { panic!("{:?}", flow.state().screen) };
    let holder = judged.holder.as_ref().filter(|_| judged.word == Word::Proved).expect("a holder");
    assert_eq!(*holder.name, "N. V. An", "a public screen shows no more of a name than its owner needs");
    let effects = flow.update(Input::Act(Act::Finish));
    assert!(effects.iter().any(|e| matches!(e, Effect::Ticket(number, ..) if number == "A047")));
    assert!(matches!(&flow.state().screen, Screen::Ticket { number, .. } if number == "A047"));
    flow.update(Input::Act(Act::Finish));
    assert_eq!(flow.state().screen, Screen::TakeCard);
    assert!(erased(&flow.update(Input::CardGone)));
    assert_eq!(flow.state().screen, Screen::Attract);
}

#[test]
fn nobody_is_read_without_having_agreed() {
    let mut flow = kiosk(false);
    let effects = flow.update(Input::Scan(virtual_card::PERSONAS[0].qr().into()));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Read(_))));
    assert!(matches!(flow.state().screen, Screen::Consent(_)));
}

#[test]
fn a_typed_number_shows_as_dots_and_is_said_as_such() {
    let mut flow = kiosk(false);
    to_scan(&mut flow);
    after(&mut flow, [Input::Act(Act::Speech), Input::Act(Act::TypeNumber)]);
    let number = virtual_card::PERSONAS[0].number;
    for digit in number.bytes() {
        let effects = flow.update(Input::Act(Act::Digit(digit - b'0')));
        assert!(effects.iter().any(|e| matches!(e, Effect::Speak(words) if *words == ["dấu sao"])), "{effects:?}");
    }
    assert_eq!(flow.state().screen, Screen::Number { typed: 12, wrong: false });
    assert!(!format!("{flow:?}").contains(number), "not even a Debug output tells");
    assert!(flow.update(Input::Act(Act::Digit(1))).iter().all(|e| !matches!(e, Effect::Speak(_))), "a thirteenth");
    let effects = flow.update(Input::Act(Act::Confirm));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Read(_))));
}

#[test]
fn three_tries_then_staff() {
    let mut flow = kiosk(false);
    for left in [2, 1, 0] {
        if flow.state().screen == Screen::Attract {
            to_scan(&mut flow);
        }
        flow.update(Input::Scan(virtual_card::PERSONAS[0].qr().into()));
        let effects = flow.update(Input::Failed("wrong_access_key".to_owned()));
        let Screen::Problem(problem) = flow.state().screen else { panic!("{:?}", flow.state().screen) };
        assert_eq!((problem.what, problem.tries_left), (Phrase::WrongCard, left));
        assert_eq!(effects.iter().any(|effect| matches!(effect, Effect::CallStaff)), left == 0);
        if left > 0 {
            flow.update(Input::Act(Act::Retry));
        }
    }
    flow.update(Input::Act(Act::Retry));
    flow.update(Input::Act(Act::Cancel));
    to_scan(&mut flow);
}

#[test]
fn a_lifted_card_may_be_put_back_and_the_read_goes_on() {
    let mut flow = kiosk(false);
    to_place(&mut flow);
    after(&mut flow, [Input::Progress(ReadStep::Portrait, 40), Input::Lifted]);
    assert_eq!(flow.state().screen, Screen::Lifted);
    flow.update(Input::Progress(ReadStep::Portrait, 41));
    assert!(matches!(flow.state().screen, Screen::Reading { per_cent: 41, .. }));
}

#[test]
fn before_the_time_is_up_the_person_is_asked_and_then_everything_is_erased() {
    let mut flow = kiosk(false);
    to_scan(&mut flow);
    flow.update(Input::Tick(44_900));
    assert_eq!((&flow.state().screen, flow.state().seconds_left), (&Screen::Scan { insurance: false }, Some(1)));
    let effects = flow.update(Input::Tick(45_000));
    assert_eq!(flow.state().screen, Screen::MoreTime);
    assert!(effects.iter().any(|e| matches!(e, Effect::Sound(Sound::Attention))), "by sight and by sound");
    flow.update(Input::Act(Act::MoreTime));
    assert_eq!(flow.state().screen, Screen::Scan { insurance: false }, "where the person was");
    flow.update(Input::Tick(90_000));
    assert!(erased(&flow.update(Input::Tick(110_000))));
    assert_eq!(flow.state().screen, Screen::Attract);
}

#[test]
fn no_time_runs_while_the_chip_is_read() {
    let mut flow = kiosk(false);
    to_place(&mut flow);
    flow.update(Input::Progress(ReadStep::Text, 30));
    flow.update(Input::Tick(3_600_000));
    assert!(matches!(flow.state().screen, Screen::Reading { .. }));
    assert_eq!(flow.state().seconds_left, None);
}

#[test]
fn a_verdict_closes_itself_after_half_a_minute() {
    let mut flow = kiosk(false);
    to_result(&mut flow);
    flow.update(Input::Tick(30_000));
    assert_eq!(flow.state().screen, Screen::TakeCard);
}

#[test]
fn whatever_ends_a_session_erases_and_resets_the_settings() {
    let endings: [fn(&mut Flow) -> Vec<Effect>; 5] = [
        |flow| flow.update(Input::Slept),
        |flow| flow.update(Input::Act(Act::Cancel)),
        |flow| after(flow, [Input::Tick(100_000), Input::Tick(200_000)]),
        |flow| after(flow, [Input::Act(Act::Staff), Input::Act(Act::Finish)]),
        |flow| after(flow, [Input::Act(Act::Staff), Input::Tick(u64::from(HELP_S) * 1000)]),
    ];
    for end in endings {
        let mut flow = kiosk(false);
        to_scan(&mut flow);
        after(&mut flow, [Act::Language, Act::TextSize, Act::Contrast, Act::Speech].map(Input::Act));
        assert_ne!(flow.state().preferences, Preferences::default());
        assert!(erased(&end(&mut flow)));
        assert_eq!(flow.state().preferences, Preferences::default());
        assert_eq!(flow.state().screen, Screen::Attract);
        assert!(flow.holder.is_none() && flow.typed.0.is_empty());
    }
}

#[test]
fn a_machine_that_slept_wakes_to_nobody() {
    let reading = |flow: &mut Flow| {
        to_place(flow);
        after(flow, [Input::Progress(ReadStep::Text, 30), Input::Name("Nguyễn Văn An".to_owned().into())])
    };
    let asked_for_more_time = |flow: &mut Flow| {
        to_scan(flow);
        flow.update(Input::Tick(45_000))
    };
    for till in [to_place, reading, to_result, asked_for_more_time] {
        let mut flow = kiosk(false);
        till(&mut flow);
        let effects = flow.update(Input::Slept);
        assert!(erased(&effects) && effects.iter().any(|effect| matches!(effect, Effect::StopWaiting)));
        assert!(flow.state().screen == Screen::Attract && flow.holder.is_none() && flow.visit.is_none());
        // What the reader's thread says of the read that was cut off concerns nobody.
        after(&mut flow, [Input::Judged(proved(), None), Input::Failed("card_lifted".to_owned()), Input::CardGone]);
        assert_eq!(flow.state().screen, Screen::Attract);
    }
    let mut flow = kiosk(false);
    assert!(flow.update(Input::Slept).is_empty(), "nobody was there");
    to_result(&mut flow);
    flow.update(Input::Act(Act::Finish));
    assert_eq!((flow.update(Input::Slept).len(), &flow.state().screen), (0, &Screen::TakeCard), "it lies there still");
}

#[test]
fn language_and_contrast_change_in_the_middle_of_a_step() {
    let mut flow = kiosk(false);
    to_place(&mut flow);
    after(&mut flow, [Input::Act(Act::Language), Input::Act(Act::Contrast)]);
    assert_eq!(flow.state().screen, Screen::Place);
    assert_eq!(flow.state().preferences.language, Language::English);
    assert!(flow.state().preferences.high_contrast);
}

pub(super) fn registering() -> Flow {
    let queue = Some(('A', "Phòng 12".to_owned()));
    Flow::new(place(queue), Task { ticket: true, ..Task::from(&Profile::built_in("register").expect("profile")) })
}

fn press(flow: &mut Flow, keys: &str) {
    after(flow, keys.chars().map(|key| Input::Act(Act::Key(key))));
}

fn field(flow: &Flow) -> &Field {
    match &flow.state().screen {
        Screen::Form(field) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn after_a_genuine_card_the_form_is_filled_in() {
    let mut flow = registering();
    to_result(&mut flow);
    // The card may be taken at once: the form goes on.
    let effects = flow.update(Input::CardGone);
    assert_eq!((field(&flow).at, field(&flow).of, field(&flow).layer), (0, 2, Layer::Digits));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Ticket(..))));
    flow.update(Input::Act(Act::Confirm));
    assert!(field(&flow).wrong, "the telephone number is wanted");
    press(&mut flow, "09125");
    flow.update(Input::Act(Act::Backspace));
    press(&mut flow, "3");
    assert!(!field(&flow).wrong);
    flow.update(Input::Act(Act::Confirm));
    assert_eq!((field(&flow).at, field(&flow).layer), (1, Layer::Upper));
    press(&mut flow, "L");
    assert_eq!(field(&flow).layer, Layer::Lower, "capitals are for one letter");
    press(&mut flow, "ee Lowij");
    assert!(flow.update(Input::Act(Act::Confirm)).iter().all(|effect| !matches!(effect, Effect::Keep(_))));
    assert!(
        matches!(&flow.state().screen, Screen::Review(review) if review.rows.len() == 2),
        "first all of it is shown"
    );
    let effects = flow.update(Input::Act(Act::Confirm));
    let answers = effects.iter().find_map(|effect| match effect {
        Effect::Keep(answers) => Some(answers.iter().map(|(id, text)| (id.as_str(), text.0.as_str())).collect()),
        _ => None,
    });
    assert_eq!(answers, Some(vec![("phone", "09123"), ("address", "Lê Lợi")]));
    assert!(matches!(flow.state().screen, Screen::Reading { per_cent: 100, .. }), "until the disk has it");
    flow.update(Input::Kept(Ok(Some(("A047".to_owned(), None)))));
    assert!(matches!(flow.state().screen, Screen::Ticket { .. }), "then the ticket");
    flow.update(Input::Act(Act::Finish));
    assert_eq!(flow.state().screen, Screen::Attract);
}

#[test]
fn a_form_that_nobody_fills_in_is_erased() {
    let mut flow = registering();
    to_result(&mut flow);
    flow.update(Input::Act(Act::Finish));
    press(&mut flow, "0912");
    let (patience, warning) = (u64::from(PATIENCE_S) * 1000, u64::from(WARNING_S) * 1000);
    flow.update(Input::Tick(patience));
    assert_eq!(flow.state().screen, Screen::MoreTime);
    flow.update(Input::Act(Act::MoreTime));
    assert_eq!(field(&flow).text.text().as_str(), "0912", "more time keeps what was typed");
    flow.update(Input::Tick(patience * 2));
    let effects = flow.update(Input::Tick(patience * 2 + warning));
    assert!(erased(&effects) && flow.state().screen == Screen::Attract);
    assert!(!format!("{effects:?} {flow:?}").contains("0912"));
    // Nobody fills in a form whose card was not genuine.
    let mut flow = registering();
    to_place(&mut flow);
    after(&mut flow, [Input::Judged(forged(), None), Input::Act(Act::Finish)]);
    assert_eq!(flow.state().screen, Screen::TakeCard);
}

#[test]
fn notices_take_turns_with_the_call_to_begin() {
    let mut flow = kiosk(false);
    let notice = |title: &str| {
        let both = |text: &str| (text.to_owned(), text.to_owned());
        Notice { title: both(title), text: both(""), link: None }
    };
    flow.update(Input::Notices(vec![notice("one"), notice("two")]));
    let shown: Vec<_> = (0..6)
        .map(|turn| {
            flow.update(Input::Tick(turn * NOTICE_MS));
            flow.state().notice.as_ref().map(|notice| notice.title.0.clone())
        })
        .collect();
    let (one, two) = (Some("one".to_owned()), Some("two".to_owned()));
    assert_eq!(shown, [None, one.clone(), None, two, None, one]);
    flow.update(Input::Notices(Vec::new()));
    flow.update(Input::Tick(7 * NOTICE_MS));
    assert_eq!(flow.state().notice, None);
}

fn away(part: Part, since: &str) -> Input {
    Input::Part(part, Some(Trouble { since: since.to_owned(), code: "device_absent".to_owned() }))
}

#[test]
fn without_its_reader_the_kiosk_says_so_and_since_when() {
    let mut flow = kiosk(false);
    flow.update(away(Part::Reader, "08:12"));
    assert_eq!(flow.state().screen, Screen::OutOfService(Part::Reader));
    assert_eq!(flow.state().trouble(Part::Reader).map(|trouble| trouble.since.as_str()), Some("08:12"));
    flow.update(Input::Act(Act::Start));
    assert_eq!(flow.state().screen, Screen::OutOfService(Part::Reader), "nobody starts what cannot end");
    flow.update(Input::Part(Part::Reader, None));
    assert_eq!(flow.state().screen, Screen::Attract);
    // In the middle of a step it is that step's matter.
    to_place(&mut flow);
    flow.update(away(Part::Reader, "08:20"));
    assert_eq!(flow.state().screen, Screen::Place);
    flow.update(Input::Failed("reader_lost".to_owned()));
    flow.update(Input::Act(Act::Cancel));
    assert_eq!(flow.state().screen, Screen::OutOfService(Part::Reader));
}

#[test]
fn what_can_be_done_without_does_not_stop_the_kiosk() {
    let mut flow = kiosk(true);
    for part in Part::ALL.into_iter().filter(|part| !part.is_essential()) {
        flow.update(away(part, "08:12"));
        assert_eq!(flow.state().screen, Screen::Attract, "{part:?}");
    }
    // Without a scanner the number is typed at once.
    after(&mut flow, [Input::Act(Act::Start), Input::Act(Act::Agree)]);
    assert_eq!(flow.state().screen, Screen::Number { typed: 0, wrong: false });
    flow.update(Input::Act(Act::Cancel));
    flow.update(Input::Part(Part::Scanner, None));
    to_scan(&mut flow);
}

#[test]
fn the_technician_holds_the_header() {
    let mut flow = kiosk(false);
    let press = |at, held| [Input::Tick(at), Input::Press(Some(Act::Technician)), Input::Tick(at + held)];
    after(&mut flow, press(10_000, HOLD_MS - 1));
    flow.update(Input::Act(Act::Technician));
    assert_eq!(flow.state().screen, Screen::Attract, "a touch in passing does nothing");
    after(&mut flow, press(20_000, HOLD_MS));
    let effects = flow.update(Input::Act(Act::Technician));
    assert_eq!(flow.state().screen, Screen::Technician);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Examine)), "{effects:?}");
    flow.update(Input::Tick(20_000 + HOLD_MS + u64::from(TECHNICIAN_S) * 1000));
    assert_eq!(flow.state().screen, Screen::Attract, "and it does not stay");
    // It can be seen just when it is wanted most, and by nobody else's side.
    flow.update(away(Part::Reader, "08:12"));
    after(&mut flow, press(900_000, HOLD_MS));
    flow.update(Input::Act(Act::Technician));
    assert_eq!(flow.state().screen, Screen::Technician);
}

#[test]
fn the_door_opens_for_a_genuine_card_only() {
    let opens = |judged: Box<Judged>, refusal, kept| {
        let mut flow = by("gate");
        to_place(&mut flow);
        let mut effects = flow.update(Input::Judged(judged, refusal));
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::OpenDoor)), "not before the disk has it");
        effects.extend(flow.update(Input::Kept(kept)));
        effects.iter().any(|effect| matches!(effect, Effect::OpenDoor))
    };
    assert!(opens(proved(), None, Ok(None)));
    let too_little = said(Word::Signed, Admission::Refused(Because::Assurance));
    assert!(!opens(forged(), None, Ok(None)) && !opens(too_little, None, Ok(None)));
    let asked = said(Word::Expired, Admission::AskStaff(Because::Expired));
    assert!(!opens(asked, None, Ok(None)), "a kiosk has nobody of staff to ask");
    assert!(!opens(proved(), Some(Refusal::NotOnList), Ok(None)));
    assert!(!opens(proved(), None, Err(Refusal::AlreadyInside)), "somebody was quicker");
}

pub(super) fn by(profile: &str) -> Flow {
    Flow::new(place(Some(('A', "Phòng 12".to_owned()))), Task::from(&Profile::built_in(profile).expect("profile")))
}

#[test]
fn whoever_is_turned_away_is_told_why_and_staff_is_called() {
    for refusal in Refusal::ALL {
        let mut flow = by("gate");
        to_place(&mut flow);
        let effects = flow.update(Input::Judged(proved(), Some(refusal)));
        assert!(matches!(flow.state().screen, Screen::Problem(Problem { tries_left: 0, .. })), "{refusal:?}");
        assert!(effects.iter().any(|effect| matches!(effect, Effect::CallStaff)));
        assert!(effects.iter().any(|e| matches!(e, Effect::TurnedAway(Some(why)) if *why == refusal)));
    }
}

#[test]
fn a_health_insurance_card_is_noted_and_the_citizen_card_still_wanted() {
    let insurance = "GD4010123456789|4e67|15/01/1999|1|48|01 - 043|-|-|-|x|-|4|-|t|$";
    let mut flow = by("hospital-kiosk");
    to_scan(&mut flow);
    flow.update(Input::Scan(insurance.to_owned().into()));
    assert_eq!(flow.state().screen, Screen::Scan { insurance: true });
    flow.update(Input::Scan(virtual_card::PERSONAS[0].qr().into()));
    flow.update(Input::Judged(proved(), None));
    flow.update(Input::Act(Act::Finish));
    let Screen::Choice(choice) = &flow.state().screen else { panic!("{:?}", flow.state().screen) };
    assert_eq!(choice.options[0].0, "Khoa Khám bệnh");
    flow.update(Input::Act(Act::Choose(1)));
    let effects = flow.update(Input::Act(Act::Confirm));
    let answers = effects.iter().find_map(|effect| match effect {
        Effect::Keep(answers) => Some(answers.iter().map(|(id, text)| (id.as_str(), text.0.as_str())).collect()),
        _ => None,
    });
    assert_eq!(answers, Some(vec![("department", "K03"), ("insurance", "GD4010123456789")]));
    // Where nobody asked for it, it is a code that is none of a card.
    let mut flow = by("identify");
    to_scan(&mut flow);
    flow.update(Input::Scan(insurance.to_owned().into()));
    assert!(matches!(flow.state().screen, Screen::Problem(_)));
}

#[test]
fn boarding_takes_one_scan_and_one_tap() {
    let mut flow = by("transit");
    let effects = flow.update(Input::Scan(virtual_card::PERSONAS[0].qr().into()));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Read(_))));
    let effects = flow.update(Input::Judged(proved(), None));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Keep(answers) if answers.is_empty())));
    assert!(flow.update(Input::Kept(Ok(None))).iter().any(|effect| matches!(effect, Effect::OpenDoor)));
    flow.update(Input::CardGone);
    flow.update(Input::Tick(u64::from(AFTERGLOW_S) * 1000));
    flow.update(Input::CardGone);
    assert_eq!(flow.state().screen, Screen::Attract);
}

#[test]
fn whoever_agreed_and_goes_away_stands_in_the_log() {
    let mut flow = kiosk(false);
    to_scan(&mut flow);
    let effects = flow.update(Input::Act(Act::Cancel));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::TurnedAway(None))));
    flow.update(Input::Act(Act::Start));
    let effects = flow.update(Input::Act(Act::Cancel));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::TurnedAway(_))), "nobody agreed to anything");
}

#[test]
fn a_code_that_opens_no_card_is_called_what_it_is() {
    for (text, what) in [
        ("not a card|", Phrase::NotACardCode),
        ("GD4010123456789", Phrase::CodeInsurance),
        ("https://vneid.gov.vn/qr?token=0123456789ab", Phrase::CodeVneid),
        ("https://example.vn/", Phrase::CodeLink),
        ("M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 100", Phrase::CodeBoardingPass),
        ("dc036abc6d32c8a72cb10f7134b798155d0102", Phrase::CodeSeal),
        ("012345678", Phrase::CodeOldNumber),
        ("00109900001x|a", Phrase::CodeNotRead),
        (
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10",
            Phrase::CodePassport,
        ),
    ] {
        let mut flow = kiosk(false);
        to_scan(&mut flow);
        flow.update(Input::Scan(text.to_owned().into()));
        let Screen::Problem(problem) = flow.state().screen else { panic!("{text}: {:?}", flow.state().screen) };
        assert_eq!((problem.what, problem.next), (what, Phrase::ScanCitizenCard), "{text}");
    }
}

#[test]
fn what_the_scanner_does_not_read_is_no_try_of_the_citizen() {
    let mut flow = kiosk(false);
    flow.update(Input::Misread);
    assert_eq!(flow.state().screen, Screen::Attract, "nobody is there");
    to_scan(&mut flow);
    for _ in 0..TRIES * 2 {
        flow.update(Input::Misread);
        let Screen::Problem(problem) = flow.state().screen else { panic!("{:?}", flow.state().screen) };
        assert_eq!((problem.what, problem.next), (Phrase::ScanUnclear, Phrase::ScanOrType));
        assert_eq!(problem.tries_left, TRIES);
        flow.update(Input::Act(Act::Retry));
    }
    // The scanner is known to be wrong by now: the number is typed, and a scan that is read is taken all the same.
    let trouble = Trouble { since: "08:00".to_owned(), code: "scan_layout".to_owned() };
    after(&mut flow, [Input::Part(Part::Scanner, Some(trouble)), Input::Misread, Input::Act(Act::Retry)]);
    assert_eq!(flow.state().screen, Screen::Number { typed: 0, wrong: false });
    flow.update(Input::Misread);
    assert_eq!(flow.state().screen, Screen::Number { typed: 0, wrong: false });
    flow.update(Input::Scan(virtual_card::PERSONAS[0].qr().into()));
    assert_eq!(flow.state().screen, Screen::Place);
}

#[test]
fn a_card_of_another_kind_that_lay_there_is_no_reason_to_stop_waiting() {
    let mut flow = kiosk(false);
    to_place(&mut flow);
    flow.update(Input::Progress(ReadStep::Connect, 3));
    assert!(matches!(flow.state().screen, Screen::Reading { .. }));
    flow.update(Input::Waiting);
    assert_eq!(flow.state().screen, Screen::Place);
    flow.update(Input::Failed("card_other_kind".to_owned()));
    let Screen::Problem(problem) = flow.state().screen else { panic!("{:?}", flow.state().screen) };
    assert_eq!((problem.what, problem.next), (Phrase::OtherKind, Phrase::PlaceCard));
}

#[test]
fn with_the_card_the_person_leaves_the_glass_and_the_verdict_stays_a_moment() {
    let mut flow = kiosk(false);
    to_result(&mut flow);
    assert!(erased(&flow.update(Input::CardGone)));
    assert!(
        matches!(&flow.state().screen, Screen::Result(judged) if judged.word == Word::Proved && judged.holder.is_none())
    );
    flow.update(Input::Tick(5_000));
    assert_eq!(flow.state().screen, Screen::Attract, "no card to remind of");
}

#[test]
fn what_goes_in_tells_nobody_in_a_debug_output() {
    let qr = virtual_card::PERSONAS[0].qr();
    let inputs = [Input::Scan(qr.clone().into()), Input::Name(qr.clone().into()), Input::Act(Act::Digit(7))];
    let told = format!("{inputs:?}");
    assert!(!told.contains(&qr[..12]) && !told.contains('7'), "{told}");
}

#[test]
fn with_speech_every_new_screen_is_said() {
    let mut flow = kiosk(false);
    let said = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::SpeakScreen));
    assert!(!said(&flow.update(Input::Act(Act::Start))));
    assert!(said(&flow.update(Input::Act(Act::Speech))) && said(&flow.update(Input::Act(Act::Agree))));
}
