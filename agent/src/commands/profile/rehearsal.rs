//! How a visit goes, screen by screen, with a made-up person.

use crate::commands::print_text;
use kiosk::flow::{Effect, Flow, Input, Place, Task};
use kiosk_ui::judged::{Details, Judged};
use kiosk_ui::panel::PANELS;
use kiosk_ui::playlist::Playlist;
use kiosk_ui::state::{Part, ReadStep};
use kiosk_ui::{Act, Screen};
use program::{Failure, exit};
use verdict::{Answers, Word};
use virtual_card::PERSONAS;
use visit::profile::{Keyboard, Profile, Step};

/// Plays a visit through the flow, with a made-up person: each screen, and what is done.
///
/// # Errors
/// When the profile is not valid.
pub fn simulate(name: &str, word: Word) -> Result<u8, Failure> {
    let profile = Profile::load(name)?;
    let Some(lines) = visit(&profile, word) else {
        let message = format!("no chip leads to the word {}", word.code());
        return Err(Failure::usage(
            "word_without_chip",
            message,
            "name another word of /usr/share/doc/cccd-agent/verdict.md",
        ));
    };
    for line in lines {
        print_text(&format!("{line}\n"));
    }
    Ok(exit::GENUINE)
}

/// What a screen is called, without what is personal on it.
fn screen(screen: &Screen) -> String {
    match screen {
        Screen::Result(judged) => format!("word: {}", judged.word.code()),
        Screen::Choice(choice) => format!("choice: {}", choice.label.0),
        Screen::Form(field) => format!("form {}/{}: {}", field.at + 1, field.of, field.label.0),
        Screen::Consent(consent) => format!("consent: {}", consent.purpose.0),
        other => {
            let name = format!("{other:?}");
            name.split([' ', '(', '{']).next().unwrap_or_default().to_lowercase()
        }
    }
}

fn effect(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Read(_) => "the chip is read".to_owned(),
        Effect::Erase => "everything of the person is erased".to_owned(),
        Effect::CallStaff => "staff is called".to_owned(),
        Effect::Ticket(number, place, _) => format!("ticket {number}, {place}"),
        Effect::OpenDoor => "the door opens, where there is one".to_owned(),
        Effect::Agreed(_) => "the consent is put into the log".to_owned(),
        Effect::Keep(answers) => format!("the visit is put on disk, with {} answers", answers.len()),
        Effect::TurnedAway(Some(why)) => format!("turned away: {}", why.code()),
        Effect::TurnedAway(None) => "broken off".to_owned(),
        Effect::StopWaiting | Effect::SpeakScreen | Effect::Speak(_) | Effect::Sound(_) | Effect::Examine => {
            return None;
        }
    })
}

/// Answers that lead to a word, and whether the document is one that is taken.
fn leading_to(word: Word) -> Option<(Answers, bool)> {
    let all = || Answers::all().flat_map(|answers| [(answers, true), (answers, false)]);
    all().find(|(answers, accepted)| answers.word_where(*accepted) == word)
}

/// The lines of a visit.
fn visit(profile: &Profile, word: Word) -> Option<Vec<String>> {
    let (answers, accepted) = leading_to(word)?;
    let admission = profile.terms().admit(answers, accepted, false);
    let judged = Judged::new(word, admission, Details { rung: answers.rung(), ..Details::default() });
    // What somebody does at a desk, a kiosk has nobody for: the visit is played without it.
    let mut task = Task::from(profile);
    task.steps.retain(|step| *step != Step::Face);
    let place = Place {
        site: String::new(),
        queue: Some(('A', "…".to_owned())),
        panel: PANELS[0],
        patience_s: kiosk::flow::PATIENCE_S,
        reader_at: None,
        scanner_at: None,
        staff_at: None,
        calls: false,
        playlist: Playlist::default(),
    };
    let mut flow = Flow::new(place, task);
    let persona = &PERSONAS[0];
    let mut inputs = vec![
        Input::Part(Part::Reader, None),
        Input::Act(Act::Start),
        Input::Act(Act::Agree),
        Input::Scan(persona.qr().into()),
        Input::Progress(ReadStep::Connect, 3),
        Input::Name(persona.name.to_owned().into()),
        Input::Judged(Box::new(judged), None),
    ];
    if admission.goes_on() {
        let kept = || Input::Kept(Ok(Some(("A001".to_owned(), None))));
        let asked: Vec<_> = profile.form().filter(|field| field.from.is_none()).collect();
        if asked.is_empty() {
            inputs.push(kept());
        }
        inputs.push(Input::Act(Act::Finish));
        for field in &asked {
            if !field.choice.is_empty() {
                inputs.push(Input::Act(Act::Choose(0)));
                continue;
            }
            let keys = match field.keyboard {
                Keyboard::Digits => "0900000000",
                Keyboard::Date => "23/11/2026",
                Keyboard::Text | Keyboard::Digest => "abc",
            };
            inputs.extend(keys.chars().map(|key| Input::Act(Act::Key(key))));
            inputs.push(Input::Act(Act::Confirm));
        }
        if !asked.is_empty() {
            // What was filled in is right.
            inputs.push(Input::Act(Act::Confirm));
            inputs.push(kept());
        }
    }
    inputs.push(Input::Act(Act::Finish));
    inputs.push(Input::CardGone);
    let mut lines = vec![format!("  {}", screen(&flow.state().screen))];
    let mut last = lines[0].clone();
    for input in inputs {
        let effects = flow.update(input);
        lines.extend(effects.iter().filter_map(effect).map(|done| format!("    → {done}")));
        let now = format!("  {}", screen(&flow.state().screen));
        if now != last {
            last.clone_from(&now);
            lines.push(now);
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_shows_each_screen_and_what_is_done() {
        let profile = Profile::built_in("register").expect("profile");
        let lines = visit(&profile, Word::Proved).expect("a chip may be proved");
        let at = |text: &str| {
            lines.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {lines:#?}"))
        };
        let order = [
            at("attract"),
            at("consent"),
            at("scan"),
            at("the chip is read"),
            at("word: proved"),
            at("form 1/2: Số điện thoại"),
            at("form 2/2"),
            at("on disk, with 2 answers"),
            at("takecard"),
        ];
        assert!(order.is_sorted(), "{lines:#?}");
        assert!(lines.last().is_some_and(|line| line.contains("attract")), "{lines:#?}");
        let lines = visit(&profile, Word::NotGenuine).expect("a chip may be a copy");
        assert!(!lines.iter().any(|line| line.contains("form") || line.contains("ticket") || line.contains("door")));
        assert_eq!(visit(&profile, Word::Shown), None, "nobody reads that from a chip");
        let all = lines.concat();
        assert!(!all.contains(PERSONAS[0].name) && !all.contains(PERSONAS[0].number), "nobody's data are printed");
    }
}
