//! What a kiosk does, as a pure state machine: inputs in, what shows and what is to be done out. No clock, no device.
//!
//! ```text
//! attract ─ touch ─→ consent ─ agree ─→ scan ─┬─ QR ────────→ place ─ card ─→ reading ─→ result ─→ (form) ─→ (ticket) ─→ take card
//!    ↑                                        └─ number ───↗                     │                                           │
//!    └──────────────── erased at cancel, timeout, end, card gone ────────────────┴────────── problem: again, or staff ───────┘
//! ```
//! What comes after what is the profile's: [`visit::steps`] says it, and this module shows it.
//!
//! - A step that waits for a person ends after [`PATIENCE_S`] seconds: "need more time?" for [`WARNING_S`] more, then
//!   everything is erased. While the chip is read no time runs.
//! - A machine that slept wakes to nobody: the visit is over, whatever it waited for.
//! - What stands over a step, the question about time and the call for staff, hides it and does not stop it: what the step
//!   waits for goes to the step.
//! - A code that comes before anybody agreed is kept, and nothing is done with it until they do.
//! - Whatever ends a session yields [`Effect::Erase`] and the settings of the next person: the usual ones.
//! - What was typed leaves only inside [`Effect::Read`]; the screen knows how many digits there are.

pub use devices::sound::Sound;
pub use inputs::{Effect, Input, Place, Task};
use kiosk_ui::judged::Judged;
use kiosk_ui::state::{
    Choice, Help, Holder, NUMBER_DIGITS, Notice, Part, Preferences, Problem, Queue, Trouble, choices_shown,
};
use kiosk_ui::{Act, Language, Phrase, Screen, State};
use program::{Private, Text};
use reading::access::AccessKey;
use visit::steps::{self, Visit, Wait};

pub use config::PATIENCE_S;
/// Seconds of "need more time?".
pub const WARNING_S: u16 = 20;
/// Seconds that a verdict or ticket stands.
pub const SHOWN_S: u16 = 30;
/// Seconds for which a visit is kept while somebody was called.
pub const HELP_S: u16 = 600;
/// Seconds that a bare verdict stands when the card has been taken.
pub const AFTERGLOW_S: u16 = 5;
/// Seconds that the technician's screen stands.
pub const TECHNICIAN_S: u16 = 120;
/// Milliseconds that the call to begin and each notice stand.
pub const NOTICE_MS: u64 = 8000;
/// Milliseconds for which the header is held to see it.
pub const HOLD_MS: u64 = 3000;
/// Tries before staff is called.
pub const TRIES: u8 = 3;

/// The state machine.
#[derive(Debug)]
pub struct Flow {
    place: Place,
    task: Task,
    notices: Vec<Notice>,
    visit: Option<Visit>,
    /// What the visit wants next, while its verdict stands on the glass.
    pending: Vec<steps::Effect>,
    /// The verdict has been seen; the disk is waited for.
    seen: bool,
    /// What opens the chip.
    key: Option<AccessKey>,
    /// What was filled in so far.
    answers: Vec<(String, Text)>,
    /// Code of the health insurance card that was scanned.
    insurance: Option<Private>,
    shown: State,
    typed: Private,
    tries: u8,
    now: u64,
    deadline: Option<u64>,
    /// The step that the question about time or the call for staff covers.
    covered: Option<Screen>,
    /// What came of the call for staff.
    help: Option<Help>,
    /// A code that came before anybody agreed.
    early: Option<Private>,
    /// Whoever stands there agreed: the log has it, and once is enough.
    agreed: bool,
    /// The verdict that goes on, without its holder, for the way back to it.
    verdict: Option<Judged>,
    /// The questions that have been answered, as they were left.
    asked: Vec<Screen>,
    holder: Option<Holder>,
    ticket: Option<(String, String)>,
    /// How many wait before it.
    queue: Option<Queue>,
    /// When the finger came down that is on the glass.
    pressed_at: u64,
    /// The card has left the reader since the verdict.
    gone: bool,
}

impl Flow {
    /// A kiosk that nobody uses, and what it does.
    #[must_use]
    pub fn new(place: Place, task: Task) -> Self {
        let mut shown = State::new(place.panel, &place.site);
        (shown.reader_at, shown.scanner_at) = (place.reader_at, place.scanner_at);
        Self {
            place,
            task,
            notices: Vec::new(),
            visit: None,
            pending: Vec::new(),
            seen: false,
            key: None,
            answers: Vec::new(),
            insurance: None,
            shown,
            typed: Private::default(),
            tries: TRIES,
            now: 0,
            deadline: None,
            covered: None,
            help: None,
            early: None,
            agreed: false,
            verdict: None,
            asked: Vec::new(),
            holder: None,
            ticket: None,
            queue: None,
            pressed_at: 0,
            gone: false,
        }
    }

    /// What shows.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.shown
    }

    /// Takes one input.
    pub fn update(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.covered.take() {
            Some(step) if input.concerns_the_step() => self.below(step, input, &mut effects),
            covered => {
                self.covered = covered;
                self.take(input, &mut effects);
            }
        }
        effects
    }

    fn take(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Tick(now) => self.tick(now, effects),
            Input::Slept => self.slept(effects),
            Input::Clock(clock) => self.shown.clock = clock,
            Input::Press(act) => {
                self.shown.pressed = act;
                if act.is_some() {
                    self.pressed_at = self.now;
                }
            }
            Input::Act(act) => self.act(act, effects),
            Input::Scan(text) => self.scanned(text, effects),
            Input::Help(help) => self.helped(help, effects),
            Input::Misread => self.misread(effects),
            Input::Progress(step, per_cent) if self.is_reading() => {
                let holder = self.holder.clone();
                let screen = Screen::Reading { step, per_cent, holder };
                // The steps of one read are one screen: it is spoken once.
                if matches!(self.shown.screen, Screen::Reading { .. }) {
                    self.shown.screen = screen;
                } else {
                    self.go(screen, effects);
                }
            }
            Input::Name(name) if self.is_reading() => self.know(Holder::new(&name.0, None)),
            Input::Picture(picture) if self.is_reading() => {
                if let Some(holder) = &self.holder {
                    self.know(Holder { name: holder.name.clone(), picture: Some(picture) });
                }
            }
            Input::Lifted if self.is_reading() => {
                effects.push(Effect::Sound(Sound::Attention));
                self.go(Screen::Lifted, effects);
            }
            Input::Waiting if self.is_reading() => self.go(Screen::Place, effects),
            Input::Judged(judged, refusal) if self.is_reading() => self.judged(*judged, refusal, effects),
            Input::Kept(kept) => self.kept(kept, effects),
            Input::Queue(queue) => self.queue = self.visit.is_some().then_some(queue),
            Input::Failed(code) if self.is_reading() => self.failed(&code, effects),
            Input::CardGone => self.card_gone(effects),
            Input::Part(part, trouble) => self.part(part, trouble, effects),
            Input::About(about) => self.shown.about = about,
            Input::Panel(panel) => self.shown.panel = panel,
            Input::Notices(notices) => self.notices = notices,
            Input::Task(task) => {
                self.task = task;
                effects.push(Effect::StopWaiting);
                self.end(effects);
            }
            Input::Progress(..)
            | Input::Name(_)
            | Input::Picture(_)
            | Input::Lifted
            | Input::Waiting
            | Input::Judged(..)
            | Input::Failed(_) => {}
        }
    }

    /// From laying the card down to the verdict, a lifted card included.
    const fn is_reading(&self) -> bool {
        matches!(self.shown.screen, Screen::Place | Screen::Reading { .. } | Screen::Lifted)
    }

    /// How long a screen stands when nobody does anything; `None` where no time runs.
    const fn seconds(&self, screen: &Screen) -> Option<u16> {
        match screen {
            Screen::Attract | Screen::Reading { .. } | Screen::Lifted | Screen::OutOfService(_) | Screen::TakeCard => {
                None
            }
            Screen::MoreTime => Some(WARNING_S),
            // Where staff can be called, the visit waits for them; where not, for the way to the desk.
            Screen::Staff(Help::At(_)) => Some(SHOWN_S * 2),
            Screen::Staff(_) => Some(HELP_S),
            Screen::Result(_) | Screen::Ticket { .. } => Some(SHOWN_S),
            Screen::Technician => Some(TECHNICIAN_S),
            _ => Some(self.place.patience_s),
        }
    }

    /// Shows a screen, says it, and gives it its time.
    fn go(&mut self, screen: Screen, effects: &mut Vec<Effect>) {
        let seconds = self.seconds(&screen);
        self.deadline = seconds.map(|seconds| self.now + u64::from(seconds) * 1000);
        self.shown.seconds_left = seconds;
        self.shown.seconds_of = seconds.unwrap_or_default();
        self.shown.screen = screen;
        self.shown.pressed = None;
        self.speak(effects);
    }

    fn speak(&self, effects: &mut Vec<Effect>) {
        if self.shown.preferences.speech {
            effects.push(Effect::SpeakScreen);
        }
    }

    fn tick(&mut self, now: u64, effects: &mut Vec<Effect>) {
        self.now = now;
        self.shown.tick = u32::try_from(now / 100 % (1 << 31)).unwrap_or(0);
        // The call to begin, then a notice, then the call again.
        let turn = usize::try_from(now / NOTICE_MS).unwrap_or(0);
        let places = self.notices.len() * 2;
        let shown = if places > 0 && turn % 2 == 1 { self.notices.get(turn % places / 2) } else { None };
        if self.shown.notice.as_ref() != shown {
            self.shown.notice = shown.cloned();
        }
        let Some(deadline) = self.deadline else {
            self.shown.seconds_left = None;
            return;
        };
        let left = deadline.saturating_sub(now);
        self.shown.seconds_left = u16::try_from(left.div_ceil(1000)).ok();
        if left > 0 {
            return;
        }
        match self.shown.screen.clone() {
            Screen::MoreTime => {
                effects.push(Effect::StopWaiting);
                self.end(effects);
            }
            Screen::Result(_) => self.finish(effects),
            Screen::Ticket { .. } => self.take_card(effects),
            Screen::Staff(_) => {
                effects.push(Effect::StopWaiting);
                self.end(effects);
            }
            Screen::Technician => self.end(effects),
            waiting => {
                self.covered = Some(waiting);
                effects.push(Effect::Sound(Sound::Attention));
                self.go(Screen::MoreTime, effects);
            }
        }
    }

    /// Whoever stood there has gone, and whoever comes must not be offered more time with what they left.
    fn slept(&mut self, effects: &mut Vec<Effect>) {
        if !matches!(self.shown.screen, Screen::Attract | Screen::OutOfService(_) | Screen::TakeCard) {
            effects.push(Effect::StopWaiting);
            self.end(effects);
        }
    }

    fn act(&mut self, act: Act, effects: &mut Vec<Effect>) {
        effects.push(Effect::Sound(Sound::Touch));
        match act {
            Act::Language => {
                self.shown.preferences.language = match self.shown.preferences.language {
                    Language::Vietnamese => Language::English,
                    Language::English => Language::Vietnamese,
                };
            }
            Act::TextSize => self.shown.preferences.large ^= true,
            Act::Contrast => self.shown.preferences.high_contrast ^= true,
            Act::Speech => {
                self.shown.preferences.speech ^= true;
                if !self.shown.preferences.speech {
                    effects.push(Effect::Speak(Vec::new()));
                }
            }
            Act::Staff => {
                return self.call_staff(effects);
            }
            _ => return self.act_on_screen(act, effects),
        }
        self.speak(effects);
        self.wait_on();
    }

    /// A sign of life: the step's time starts again.
    fn wait_on(&mut self) {
        if self.shown.screen != Screen::MoreTime
            && self.deadline.is_some()
            && let Some(seconds) = self.seconds(&self.shown.screen)
        {
            self.deadline = Some(self.now + u64::from(seconds) * 1000);
        }
    }

    fn act_on_screen(&mut self, act: Act, effects: &mut Vec<Effect>) {
        self.wait_on();
        match (act, self.shown.screen.clone()) {
            (Act::Start, Screen::Attract) => {
                self.begin(effects);
            }
            // Whoever held the header for long enough knows of it.
            (Act::Technician, Screen::Attract | Screen::OutOfService(_))
                if self.now.saturating_sub(self.pressed_at) >= HOLD_MS =>
            {
                self.shown.about.checks = None;
                effects.push(Effect::Examine);
                self.go(Screen::Technician, effects);
            }
            (Act::Agree, Screen::Consent { .. }) => {
                if !std::mem::replace(&mut self.agreed, true) {
                    effects.push(Effect::Agreed(self.shown.preferences.language));
                }
                self.step(steps::Input::Agreed, effects);
            }
            (Act::Back, _) => self.back(effects),
            (Act::NoCard, Screen::Scan { .. }) => {
                self.go(Screen::NoCard { passports: self.task.mrz }, effects);
            }
            (Act::Confirm, Screen::Review(_)) => self.filled(effects),
            (Act::TypeNumber, Screen::Scan { .. }) => self.go(Screen::Number { typed: 0, wrong: false }, effects),
            (Act::Digit(digit), Screen::Number { .. }) if digit < 10 && self.typed.0.len() < NUMBER_DIGITS => {
                self.typed.0.push(char::from(b'0' + digit));
                self.shown.screen = Screen::Number { typed: self.typed.0.len(), wrong: false };
                if self.shown.preferences.speech {
                    let hidden = Phrase::Hidden.text(self.shown.preferences.language);
                    effects.push(Effect::Speak(vec![hidden.to_owned()]));
                }
            }
            (Act::Backspace, Screen::Number { .. }) => {
                self.typed.0.pop();
                self.shown.screen = Screen::Number { typed: self.typed.0.len(), wrong: false };
            }
            (Act::Confirm, Screen::Number { .. }) => {
                let typed = std::mem::take(&mut self.typed);
                self.identified(&typed.0, effects);
            }
            (act, Screen::Form(_)) if act != Act::Cancel => self.fill_in(act, effects),
            (Act::Choose(which), Screen::Choice(_)) => {
                let field = self.task.form.get(self.answers.len());
                if let Some(chosen) = field.and_then(|field| field.choice.get(usize::from(which))) {
                    let value = chosen.value.clone();
                    self.answer(value.into(), effects);
                }
            }
            (Act::More, Screen::Choice(choice)) => {
                let from = choice.from + choices_shown(self.shown.panel);
                let from = if from < choice.options.len() { from } else { 0 };
                self.go(Screen::Choice(Choice { from, ..choice }), effects);
            }
            (Act::Retry, Screen::Problem(_)) => self.identify(effects),
            (Act::MoreTime, Screen::MoreTime) => self.uncover(effects),
            (Act::Finish, Screen::Result(_)) => self.finish(effects),
            (Act::OtherCard, Screen::Result(_)) => {
                // Another card is another visit, with its own consent; who stands there keeps their settings.
                let preferences = self.shown.preferences;
                effects.push(Effect::StopWaiting);
                self.end(effects);
                if self.shown.screen == Screen::Attract {
                    self.shown.preferences = preferences;
                    self.begin(effects);
                }
            }
            (Act::Finish, Screen::Ticket { .. }) => self.take_card(effects),
            (Act::Finish, Screen::Staff(_)) => {
                effects.push(Effect::StopWaiting);
                self.end(effects);
            }
            (Act::Finish, Screen::Technician) => self.end(effects),
            (Act::Cancel, Screen::Attract | Screen::OutOfService(_)) => {}
            (Act::Cancel, _) => {
                effects.push(Effect::StopWaiting);
                self.end(effects);
            }
            _ => {}
        }
    }

    /// Counts a failed try; whether there is another.
    const fn another_try(&mut self) -> bool {
        self.tries = self.tries.saturating_sub(1);
        self.tries > 0
    }

    fn problem(&mut self, what: Phrase, next: Phrase, effects: &mut Vec<Effect>) {
        effects.push(Effect::Sound(Sound::Attention));
        if self.another_try() {
            self.go(Screen::Problem(Problem { what, next, tries_left: self.tries, refused: false }), effects);
        } else {
            self.give_up(what, next, effects);
        }
    }

    /// The scanner's fault, and no try of whoever stands there: they scan once more, or type the number.
    fn misread(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.shown.screen, Screen::Scan { .. } | Screen::Number { .. }) {
            effects.push(Effect::Sound(Sound::Attention));
        }
        if matches!(self.shown.screen, Screen::Scan { .. }) {
            let (what, next) = (Phrase::ScanUnclear, Phrase::ScanOrType);
            self.go(Screen::Problem(Problem { what, next, tries_left: self.tries, refused: false }), effects);
        }
    }

    fn give_up(&mut self, what: Phrase, next: Phrase, effects: &mut Vec<Effect>) {
        self.stop_with(Problem { what, next, tries_left: 0, refused: false }, effects);
    }

    /// Nothing more can be done here.
    fn stop_with(&mut self, problem: Problem, effects: &mut Vec<Effect>) {
        self.wanted(effects);
        self.go(Screen::Problem(problem), effects);
    }

    fn know(&mut self, holder: Holder) {
        if let Screen::Reading { holder: shown, .. } = &mut self.shown.screen {
            *shown = Some(holder.clone());
        }
        self.holder = Some(holder);
    }

    fn failed(&mut self, code: &str, effects: &mut Vec<Effect>) {
        self.holder = None;
        self.advance(steps::Input::NotRead);
        let (what, next) = match code {
            "card_lifted" => (Phrase::LiftedTooLong, Phrase::KeepCard),
            "wrong_access_key" => (Phrase::WrongCard, Phrase::CheckNumber),
            "no_card" => (Phrase::NoCardCame, Phrase::PlaceCard),
            "card_other_kind" => (Phrase::OtherKind, Phrase::PlaceCard),
            "card_in_use" => (Phrase::CardNotRead, Phrase::SeeStaff),
            _ => (Phrase::CardNotRead, Phrase::PutCardFlat),
        };
        self.problem(what, next, effects);
    }

    fn take_card(&mut self, effects: &mut Vec<Effect>) {
        if self.gone {
            self.end(effects);
        } else {
            effects.push(Effect::Sound(Sound::Attention));
            self.go(Screen::TakeCard, effects);
        }
    }

    /// The card is in its holder's hand: what it said leaves the glass at once, the bare verdict a little later.
    fn card_gone(&mut self, effects: &mut Vec<Effect>) {
        // Of whoever was there, and not of the next.
        self.gone = self.visit.is_some();
        let ended = self.has_ended();
        match self.shown.screen {
            Screen::TakeCard => self.end(effects),
            Screen::Result(ref mut judged) if self.ticket.is_none() && ended => {
                self.holder = None;
                judged.holder = None;
                self.deadline = Some(self.now + u64::from(AFTERGLOW_S) * 1000);
                effects.push(Effect::Erase);
            }
            Screen::Result(_) => self.finish(effects),
            _ => {}
        }
    }

    /// Nothing more is to be done for this person.
    fn has_ended(&self) -> bool {
        self.pending.iter().all(|wanted| matches!(wanted, steps::Effect::End(_)))
            && self.visit.as_ref().is_none_or(|visit| visit.waits() == Wait::End)
    }

    /// Nobody is there any more: nothing of the person stays, and the next finds the usual settings.
    fn end(&mut self, effects: &mut Vec<Effect>) {
        let had_speech = self.shown.preferences.speech;
        self.typed = Private::default();
        (self.holder, self.covered, self.ticket, self.tries, self.gone) = (None, None, None, TRIES, false);
        // Whoever agreed and went away before the end: the log says so.
        let agreed = std::mem::take(&mut self.agreed);
        let open = |visit: &Visit| {
            !matches!(visit.waits(), Wait::End | Wait::Kept) && (agreed || visit.waits() != Wait::Consent)
        };
        (self.help, self.early, self.verdict, self.asked) = (None, None, None, Vec::new());
        self.queue = None;
        if self.visit.take().is_some_and(|visit| open(&visit)) {
            effects.push(Effect::TurnedAway(None));
        }
        (self.pending, self.seen, self.key, self.insurance) = (Vec::new(), false, None, None);
        self.answers = Vec::new();
        self.shown.preferences = Preferences::default();
        effects.push(Effect::Erase);
        if had_speech {
            effects.push(Effect::Speak(Vec::new()));
        }
        let away = |part: &Part| part.is_essential() && self.shown.trouble(*part).is_some();
        let screen = Part::ALL.into_iter().find(away).map_or(Screen::Attract, Screen::OutOfService);
        self.go(screen, effects);
    }

    fn part(&mut self, part: Part, trouble: Option<Trouble>, effects: &mut Vec<Effect>) {
        self.shown.parts.retain(|(known, _)| *known != part);
        self.shown.parts.push((part, trouble));
        self.shown.parts.sort_by_key(|(part, _)| *part);
        // Somebody in the middle of something learns of it from their own step.
        if part.is_essential() && matches!(self.shown.screen, Screen::Attract | Screen::OutOfService(_)) {
            self.end(effects);
        }
    }
}

#[cfg(test)]
mod any_order;
mod cover;
mod inputs;
#[cfg(test)]
mod tests;
mod visiting;
