//! The visit of whoever stands there: what the profile's steps look like on a glass.

use super::{Effect, Flow, Sound};
use cccd::code::{Code, Kind};
use kiosk_ui::judged::{Judged, Then};
use kiosk_ui::state::{Answer, Choice, Field, Layer, Part, Problem, ReadStep, Review};
use kiosk_ui::typing::Typing;
use kiosk_ui::{Act, Phrase, Screen};
use program::{Private, Text};
use reading::access;
use std::convert::Infallible;
use verdict::Admission;
use visit::profile::Keyboard;
use visit::stage::{self, Stage};
use visit::steps::{self, Outcome, Refusal, Visit, Wait};

/// A visit on the glass: everything is a screen, or an effect of the flow.
struct Shown<'a> {
    flow: &'a mut Flow,
    effects: &'a mut Vec<Effect>,
}

impl Stage for Shown<'_> {
    type Error = Infallible;

    fn ask(&mut self, wait: Wait) -> Result<(), Infallible> {
        let Self { flow, effects } = self;
        match wait {
            Wait::Consent => {
                let mut consent = flow.task.consent.clone();
                consent.scanned = flow.early.is_some();
                flow.go(Screen::Consent(consent), effects);
            }
            Wait::Key => flow.identify(effects),
            Wait::Chip => {
                effects.extend(flow.key.take().map(Box::new).map(Effect::Read));
                flow.go(Screen::Place, effects);
            }
            Wait::Form => flow.next_field(effects),
            // A kiosk has nobody who looks: profiles with that step are refused before it starts.
            Wait::Face => flow.step(steps::Input::Face(false), effects),
            Wait::Staff => flow.step(steps::Input::Staff(false), effects),
            Wait::Kept | Wait::End => {}
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Infallible> {
        let mut answers = std::mem::take(&mut self.flow.answers);
        answers.extend(self.flow.task.insurance.clone().zip(self.flow.insurance.take().map(Text::from)));
        self.effects.push(Effect::Keep(answers));
        Ok(())
    }

    fn open_door(&mut self) -> Result<(), Infallible> {
        self.effects.push(Effect::OpenDoor);
        Ok(())
    }

    /// The ticket is shown when the verdict has been seen.
    fn print(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn hand_off(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn ended(&mut self, outcome: Outcome) -> Result<(), Infallible> {
        self.flow.ended(outcome, self.effects);
        Ok(())
    }
}

/// A label in the middle of a sentence.
fn small(label: &str) -> String {
    let mut letters = label.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

impl Flow {
    /// Begins a visit.
    pub(super) fn begin(&mut self, effects: &mut Vec<Effect>) {
        let (visit, todo) = Visit::begin(&self.task.steps, false);
        self.visit = Some(visit);
        self.follow(todo, effects);
    }

    /// Tells the visit what happened, and what it wants next.
    pub(super) fn advance(&mut self, input: steps::Input) -> Vec<steps::Effect> {
        let Some(visit) = self.visit.take() else { return Vec::new() };
        let (visit, todo) = steps::update(visit, input);
        self.visit = Some(visit);
        todo
    }

    pub(super) fn step(&mut self, input: steps::Input, effects: &mut Vec<Effect>) {
        let todo = self.advance(input);
        self.follow(todo, effects);
    }

    /// Does what the visit wants.
    pub(super) fn follow(&mut self, todo: Vec<steps::Effect>, effects: &mut Vec<Effect>) {
        let Ok(()) = stage::follow(&mut Shown { flow: self, effects }, todo);
    }

    /// The visit has ended; what shows of it stays for its time.
    pub(super) fn ended(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        if let Outcome::Refused(refusal) = outcome {
            effects.push(Effect::TurnedAway(Some(refusal)));
            effects.push(Effect::Sound(Sound::Attention));
            let what = match refusal {
                Refusal::CardWithdrawn => Phrase::CardWithdrawn,
                Refusal::NotOnList => Phrase::NotOnList,
                Refusal::NoList | Refusal::ListExpired => Phrase::ListAway,
                Refusal::AlreadyDone => Phrase::AlreadyDone,
                Refusal::AlreadyInside | Refusal::NotInside => Phrase::WrongDirection,
                Refusal::NoNumber => Phrase::NotOnList,
                Refusal::ChildAlone => Phrase::ChildAlone,
                // What the document itself says has a screen of its own.
                _ => Phrase::CardNotRead,
            };
            self.stop_with(Problem { what, next: Phrase::SeeStaff, tries_left: 0, refused: true }, effects);
        }
    }

    /// Asks for the card's code, or for its number where nothing could read the code.
    pub(super) fn identify(&mut self, effects: &mut Vec<Effect>) {
        if let Some(early) = self.early.take() {
            return self.identified(&early.0, effects);
        }
        let by_hand = self.shown.trouble(Part::Scanner).is_some();
        let scan = Screen::Scan { insurance: self.insurance.is_some() };
        self.go(if by_hand { Screen::Number { typed: 0, wrong: false } } else { scan }, effects);
    }

    /// A code before the scanner, whatever stands on the glass.
    pub(super) fn scanned(&mut self, text: Private, effects: &mut Vec<Effect>) {
        let waits = self.visit.as_ref().is_some_and(|visit| visit.waits() == Wait::Key);
        match &self.shown.screen {
            Screen::Attract | Screen::Scan { .. } | Screen::Number { .. } => self.identified(&text.0, effects),
            Screen::Consent(_) => self.keep_early(text, effects),
            // Whoever scans again has said so.
            Screen::NoCard { .. } if waits => self.identified(&text.0, effects),
            Screen::Problem(problem) if waits && problem.tries_left > 0 => self.identified(&text.0, effects),
            _ => {}
        }
    }

    /// Keeps a code until its holder agrees; nothing is done with it before, and with the visit it is wiped.
    fn keep_early(&mut self, text: Private, effects: &mut Vec<Effect>) {
        if let Some(code) = self.insurance_code(&text.0) {
            self.insurance = Some(code);
        } else if access::from_scan(&text.0, self.task.mrz).is_ok() {
            self.early = Some(text);
        } else {
            return;
        }
        effects.push(Effect::Sound(Sound::Done));
        if let Screen::Consent(consent) = &mut self.shown.screen {
            consent.scanned = true;
        }
        self.wait_on();
        self.speak(effects);
    }

    /// One step back.
    pub(super) fn back(&mut self, effects: &mut Vec<Effect>) {
        match self.shown.screen {
            Screen::MoreTime | Screen::Staff(_) => self.uncover(effects),
            Screen::NoCard { .. } => self.identify(effects),
            Screen::Number { .. } if self.shown.trouble(Part::Scanner).is_none() => {
                self.typed = Private::default();
                self.identify(effects);
            }
            Screen::Scan { .. } | Screen::Number { .. } => {
                self.typed = Private::default();
                let todo = self.advance(steps::Input::Back);
                // Before a scan that began the visit there was nothing.
                if todo.is_empty() {
                    effects.push(Effect::StopWaiting);
                    return self.end(effects);
                }
                self.follow(todo, effects);
            }
            Screen::Place => {
                effects.push(Effect::StopWaiting);
                self.step(steps::Input::Back, effects);
            }
            Screen::Form(_) | Screen::Choice(_) | Screen::Review(_) => match self.asked.pop() {
                Some(before) => {
                    self.answers.pop();
                    self.go(before, effects);
                }
                None => {
                    if let Some(judged) = self.verdict.clone() {
                        self.pending = vec![steps::Effect::Ask(Wait::Form)];
                        self.go(Screen::Result(judged), effects);
                    }
                }
            },
            _ => {}
        }
    }

    /// A QR code or number: on to the card, or a problem that says why not.
    pub(super) fn identified(&mut self, text: &str, effects: &mut Vec<Effect>) {
        // Nobody reads a card at this kiosk without having agreed.
        if self.shown.screen == Screen::Attract {
            if access::from_scan(text, self.task.mrz).is_err() && self.insurance_code(text).is_none() {
                return;
            }
            self.begin(effects);
            // Where the profile asks for no consent, the scan was the beginning; else it waits for it. Nobody scans twice.
            if self.visit.as_ref().is_none_or(|visit| visit.waits() != Wait::Key) {
                return self.keep_early(Private::from(text.to_owned()), effects);
            }
        }
        if let Some(code) = self.insurance_code(text) {
            effects.push(Effect::Sound(Sound::Done));
            self.insurance = Some(code);
            return self.identify(effects);
        }
        let code = Code::of(text);
        let kind = code.kind();
        match access::from_code(code, self.task.mrz) {
            Ok(key) => {
                effects.push(Effect::Sound(Sound::Done));
                self.key = Some(key);
                self.step(steps::Input::Key, effects);
            }
            Err(_) if matches!((&self.shown.screen, kind), (Screen::Number { .. }, Kind::Digits | Kind::OldNumber)) => {
                effects.push(Effect::Sound(Sound::Attention));
                if self.another_try() {
                    self.go(Screen::Number { typed: 0, wrong: true }, effects);
                } else {
                    self.give_up(Phrase::NumberWrong, Phrase::CheckNumber, effects);
                }
            }
            Err(_) => self.problem(access::said_of(kind), Phrase::ScanCitizenCard, effects),
        }
    }

    /// The code of a health insurance card, where it is taken.
    pub(super) fn insurance_code(&self, text: &str) -> Option<Private> {
        self.task.insurance.as_ref()?;
        match Code::of(text) {
            Code::HealthInsurance(card) => Some(Private(card.code)),
            _ => None,
        }
    }

    pub(super) fn judged(&mut self, judged: Judged, refusal: Option<Refusal>, effects: &mut Vec<Effect>) {
        let admission = judged.admission;
        let todo = self.advance(steps::Input::Judged(admission, refusal));
        self.gone = false;
        let by_list = refusal.is_some() && !matches!(admission, Admission::Refused(_));
        if by_list {
            return self.follow(todo, effects);
        }
        effects.push(Effect::Sound(if admission.goes_on() { Sound::Done } else { Sound::Attention }));
        let judged = judged.then(self.after_verdict(&todo));
        self.verdict = admission.goes_on().then(|| judged.clone());
        self.go(Screen::Result(judged.of(self.holder.clone())), effects);
        if let [steps::Effect::End(Outcome::Refused(refusal))] = todo[..] {
            // The screen that stands says why.
            effects.push(Effect::TurnedAway(Some(refusal)));
            return;
        }
        // The disk need not wait until the verdict has been seen, and a door least of all; questions do.
        if todo == [steps::Effect::Keep] {
            self.follow(todo, effects);
        } else {
            self.pending = todo;
        }
    }

    /// What the main button of a verdict leads to: the visit itself says it, so the words cannot say another thing.
    fn after_verdict(&self, todo: &[steps::Effect]) -> Then {
        match self.task.form.first() {
            Some(field) if todo.contains(&steps::Effect::Ask(Wait::Form)) => {
                Then::Named((small(&field.label_vi), small(&field.label_en)))
            }
            _ => self.after_all(),
        }
    }

    /// What follows when nothing more is asked.
    const fn after_all(&self) -> Then {
        if self.task.ticket { Then::Ticket } else { Then::Finish }
    }

    pub(super) fn kept(&mut self, kept: Result<Option<(String, Option<String>)>, Refusal>, effects: &mut Vec<Effect>) {
        // What was not asked for gives nobody a number.
        if self.visit.as_ref().is_none_or(|visit| visit.waits() != Wait::Kept) {
            return;
        }
        match kept {
            Ok(number) => {
                let place = self.place.queue.as_ref().map(|(_, place)| place.clone());
                self.ticket = number
                    .filter(|_| self.task.ticket)
                    .map(|(number, given)| (number, given.or(place).unwrap_or_default()));
                self.step(steps::Input::Kept(None), effects);
                if self.seen {
                    self.finish(effects);
                }
            }
            Err(refusal) => self.step(steps::Input::Kept(Some(refusal)), effects),
        }
    }

    /// Asks for the field that is to be filled in next; with none, the form is done.
    pub(super) fn next_field(&mut self, effects: &mut Vec<Effect>) {
        let at = self.answers.len();
        let Some(field) = self.task.form.get(at) else { return self.step(steps::Input::Filled, effects) };
        let label = (field.label_vi.clone(), field.label_en.clone());
        let screen = if field.choice.is_empty() {
            let digits = matches!(field.keyboard, Keyboard::Digits | Keyboard::Date);
            let layer = if digits { Layer::Digits } else { Layer::Upper };
            let of = self.task.form.len();
            Screen::Form(Field { label, text: Typing::default(), at, of, layer, wrong: false })
        } else {
            let options = field.choice.iter().map(|one| (one.label_vi.clone(), one.label_en.clone())).collect();
            Screen::Choice(Choice { label, options, from: 0 })
        };
        self.go(screen, effects);
    }

    /// Takes an answer; after the last one all of them are shown.
    pub(super) fn answer(&mut self, text: Text, effects: &mut Vec<Effect>) {
        let Some(asked) = self.task.form.get(self.answers.len()) else { return };
        self.answers.push((asked.id.clone(), text));
        self.asked.push(self.shown.screen.clone());
        if self.answers.len() < self.task.form.len() {
            return self.next_field(effects);
        }
        // Nothing is printed or sent that nobody has seen whole.
        let rows = self.task.form.iter().zip(&self.answers).map(|(field, (_, answer))| {
            let chosen = field.choice.iter().find(|one| one.value == answer.as_str());
            let (vi, en) =
                chosen.map_or((answer.as_str(), answer.as_str()), |one| (one.label_vi.as_str(), one.label_en.as_str()));
            let answer = Answer(vi.to_owned().into(), en.to_owned().into());
            ((field.label_vi.clone(), field.label_en.clone()), answer)
        });
        let rows = rows.collect();
        self.go(Screen::Review(Review { rows, then: self.after_all() }), effects);
    }

    /// What was filled in is right: the visit goes on, and what waits for the disk shows as work.
    pub(super) fn filled(&mut self, effects: &mut Vec<Effect>) {
        self.asked = Vec::new();
        self.seen = true;
        self.go(Screen::Reading { step: ReadStep::Verify, per_cent: 100, holder: None }, effects);
        self.step(steps::Input::Filled, effects);
    }

    pub(super) fn fill_in(&mut self, act: Act, effects: &mut Vec<Effect>) {
        let language = self.shown.preferences.language;
        let Screen::Form(field) = &mut self.shown.screen else { return };
        field.wrong = false;
        match act {
            Act::Key(key) => {
                field.text.press(key);
                // Capitals are for one letter.
                if field.layer == Layer::Upper && key.is_alphabetic() {
                    field.layer = Layer::Lower;
                }
                if self.shown.preferences.speech {
                    // Whoever stands behind need not hear a number.
                    let digit = key.is_ascii_digit();
                    let said = if digit { Phrase::Hidden.text(language).to_owned() } else { key.to_string() };
                    effects.push(Effect::Speak(vec![said]));
                }
            }
            Act::Backspace => field.text.backspace(),
            Act::Shift => field.layer = if field.layer == Layer::Upper { Layer::Lower } else { Layer::Upper },
            Act::Digits => field.layer = if field.layer == Layer::Digits { Layer::Lower } else { Layer::Digits },
            Act::Confirm => self.fill_in_next(effects),
            _ => {}
        }
    }

    pub(super) fn fill_in_next(&mut self, effects: &mut Vec<Effect>) {
        let Screen::Form(field) = &mut self.shown.screen else { return };
        let Some(asked) = self.task.form.get(field.at) else { return };
        let Ok(answer) = asked.take(&field.text.text()) else {
            field.wrong = true;
            effects.push(Effect::Sound(Sound::Attention));
            return self.speak(effects);
        };
        self.answer(answer, effects);
    }

    /// After a verdict: what the visit wants next, the ticket if there is one, then the card.
    pub(super) fn finish(&mut self, effects: &mut Vec<Effect>) {
        // The verdict has been seen: nobody needs to see more of the person.
        self.holder = None;
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.follow(pending, effects);
            // A question stands there now.
            if self.visit.as_ref().is_some_and(|visit| visit.waits() == Wait::Form) {
                return;
            }
        }
        if self.visit.as_ref().is_some_and(|visit| visit.waits() == Wait::Kept) {
            self.seen = true;
            return self.go(Screen::Reading { step: ReadStep::Verify, per_cent: 100, holder: None }, effects);
        }
        match self.ticket.take() {
            Some((number, place)) => {
                let queue = self.queue.take();
                effects.push(Effect::Ticket(number.clone(), place.clone(), queue.clone()));
                self.go(Screen::Ticket { number, place, queue }, effects);
            }
            None => self.take_card(effects),
        }
    }
}
