//! What a kiosk does, as a pure state machine: inputs in, what shows and what is to be done out. No clock, no device.
//!
//! ```text
//! attract ─ touch ─→ consent ─ agree ─→ scan ─┬─ QR ────────→ place ─ card ─→ reading ─→ result ─→ (form) ─→ (ticket) ─→ take card
//!    ↑                                        └─ number ───↗                     │                                           │
//!    └──────────────── erased at cancel, timeout, end, card gone ────────────────┴────────── problem: again, or staff ───────┘
//! ```
//!
//! - A step that waits for a person ends after [`PATIENCE_S`] seconds: "need more time?" for [`WARNING_S`] more, then
//!   everything is erased. While the chip is read no time runs.
//! - Whatever ends a session yields [`Effect::Erase`] and the settings of the next person: the usual ones.
//! - What was typed leaves only inside [`Effect::Read`]; the screen knows how many digits there are.

use crate::access::{self, AccessKey, Private};
use crate::profile::{FormField, Keyboard, Profile};
use kiosk_ui::playlist::Playlist;
use kiosk_ui::portrait::Picture;
use kiosk_ui::state::{
    About, Field, Holder, Layer, NUMBER_DIGITS, Notice, Part, Preferences, Problem, ReadStep, Trouble, Verdict,
    WallClock,
};
use kiosk_ui::theme::Panel;
use kiosk_ui::typing::Typing;
use kiosk_ui::{Act, Language, Phrase, Screen, State};
use std::sync::Arc;

/// Seconds that a step waits for a person, unless the site says otherwise.
pub const PATIENCE_S: u16 = 45;
/// Seconds of "need more time?".
pub const WARNING_S: u16 = 20;
/// Seconds that a verdict or ticket stands.
pub const SHOWN_S: u16 = 30;
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

/// What differs from kiosk to kiosk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The site's name, as in the header.
    pub site: String,
    /// The letter before ticket numbers, and where people with one go; `None` where there are no tickets.
    pub queue: Option<(char, String)>,
    /// The panel.
    pub panel: Panel,
    /// Seconds that a step waits for a person; see [`PATIENCE_S`].
    pub patience_s: u16,
    /// What is told while nobody is served.
    pub playlist: Playlist,
}

/// What a kiosk does for people, from its profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Task {
    /// What their data are for, in Vietnamese and English.
    pub purpose: (String, String),
    /// What they fill in.
    pub form: Vec<FormField>,
}

impl From<&Profile> for Task {
    fn from(profile: &Profile) -> Self {
        let purpose = (profile.purpose_vi.clone(), profile.purpose_en.clone());
        Self { purpose, form: profile.form.clone() }
    }
}

/// What happens.
#[derive(Debug)]
pub enum Input {
    /// Milliseconds since start; at least ten times a second while something moves.
    Tick(u64),
    /// The time of day and date.
    Clock(WallClock),
    /// A finger is on something, or left it.
    Press(Option<Act>),
    /// A finger was lifted where it was put down.
    Act(Act),
    /// The scanner read something.
    Scan(Private),
    /// A read is under way.
    Progress(ReadStep, u8),
    /// The holder's full name is known.
    Name(Private),
    /// More of the portrait can be shown.
    Picture(Arc<Picture>),
    /// The card was lifted in the middle of a read, which waits for it.
    Lifted,
    /// The read ended with a verdict; its event is on disk under this number.
    Judged(Verdict, u64),
    /// The read ended without one.
    Failed(String),
    /// The card has left the reader.
    CardGone,
    /// A part of the kiosk is there, or something is wrong with it.
    Part(Part, Option<Trouble>),
    /// What a technician wants to know has changed.
    About(About),
    /// The panel is another.
    Panel(Panel),
    /// The kiosk does something else for people from now on.
    Task(Task),
    /// The notices of today.
    Notices(Vec<Notice>),
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Wait for a card and read it.
    Read(AccessKey),
    /// Do not wait for a card any more.
    StopWaiting,
    /// Nothing of this person may stay: glass, caches, mirrors.
    Erase,
    /// Say what the screen says; what was being said ends.
    SpeakScreen,
    /// Say these lines; what was being said ends.
    Speak(Vec<String>),
    /// A sound.
    Sound(Sound),
    /// Somebody is wanted at the kiosk.
    CallStaff,
    /// A ticket with number and place.
    Ticket(String, String),
    /// Whoever stands there may pass.
    OpenDoor,
    /// The form is filled in: identifiers of fields and what was typed, in order.
    Answers(Vec<(String, Private)>),
}

/// Sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Sound {
    Touch,
    Done,
    Attention,
}

/// The state machine.
#[derive(Debug)]
pub struct Flow {
    place: Place,
    task: Task,
    notices: Vec<Notice>,
    /// What was filled in so far; there are more fields while the card was genuine.
    answers: Option<Vec<(String, Private)>>,
    shown: State,
    typed: Private,
    tries: u8,
    now: u64,
    deadline: Option<u64>,
    /// What "need more time?" covers.
    covered: Option<Screen>,
    holder: Option<Holder>,
    ticket: Option<(String, String)>,
    /// When the finger came down that is on the glass.
    pressed_at: u64,
    /// The card has left the reader since the verdict.
    gone: bool,
}

impl Flow {
    /// A kiosk that nobody uses, and what it does.
    #[must_use]
    pub fn new(place: Place, task: Task) -> Self {
        let shown = State::new(place.panel, &place.site);
        Self {
            place,
            task,
            notices: Vec::new(),
            answers: None,
            shown,
            typed: Private::default(),
            tries: TRIES,
            now: 0,
            deadline: None,
            covered: None,
            holder: None,
            ticket: None,
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
        match input {
            Input::Tick(now) => self.tick(now, &mut effects),
            Input::Clock(clock) => self.shown.clock = clock,
            Input::Press(act) => {
                self.shown.pressed = act;
                if act.is_some() {
                    self.pressed_at = self.now;
                }
            }
            Input::Act(act) => self.act(act, &mut effects),
            Input::Scan(text) => {
                if matches!(self.shown.screen, Screen::Attract | Screen::Scan | Screen::Number { .. }) {
                    self.identified(&text.0, &mut effects);
                }
            }
            Input::Progress(step, per_cent) if self.is_reading() => {
                let holder = self.holder.clone();
                let screen = Screen::Reading { step, per_cent, holder };
                // The steps of one read are one screen: it is spoken once.
                if matches!(self.shown.screen, Screen::Reading { .. }) {
                    self.shown.screen = screen;
                } else {
                    self.go(screen, &mut effects);
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
                self.go(Screen::Lifted, &mut effects);
            }
            Input::Judged(verdict, sequence) if self.is_reading() => self.judged(verdict, sequence, &mut effects),
            Input::Failed(code) if self.is_reading() => self.failed(&code, &mut effects),
            Input::CardGone => self.card_gone(&mut effects),
            Input::Part(part, trouble) => self.part(part, trouble, &mut effects),
            Input::About(about) => self.shown.about = about,
            Input::Panel(panel) => self.shown.panel = panel,
            Input::Notices(notices) => self.notices = notices,
            Input::Task(task) => {
                self.task = task;
                effects.push(Effect::StopWaiting);
                self.end(&mut effects);
            }
            Input::Progress(..)
            | Input::Name(_)
            | Input::Picture(_)
            | Input::Lifted
            | Input::Judged(..)
            | Input::Failed(_) => {}
        }
        effects
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
            Screen::Result { .. } | Screen::Ticket { .. } | Screen::Staff => Some(SHOWN_S),
            Screen::Technician => Some(TECHNICIAN_S),
            _ => Some(self.place.patience_s),
        }
    }

    /// Shows a screen, says it, and gives it its time.
    fn go(&mut self, screen: Screen, effects: &mut Vec<Effect>) {
        let seconds = self.seconds(&screen);
        self.deadline = seconds.map(|seconds| self.now + u64::from(seconds) * 1000);
        self.shown.seconds_left = seconds;
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
            Screen::Result { .. } => self.finish(effects),
            Screen::Ticket { .. } => self.take_card(effects),
            Screen::Staff | Screen::Technician => self.end(effects),
            waiting => {
                self.covered = Some(waiting);
                effects.push(Effect::Sound(Sound::Attention));
                self.go(Screen::MoreTime, effects);
            }
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
                effects.push(Effect::CallStaff);
                // A read that is under way goes on behind nobody's back.
                if !matches!(self.shown.screen, Screen::Reading { .. } | Screen::OutOfService(_)) {
                    effects.push(Effect::StopWaiting);
                    self.go(Screen::Staff, effects);
                }
                return;
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
                self.go(Screen::Consent { purpose: self.task.purpose.clone() }, effects);
            }
            // Whoever held the header for long enough knows of it.
            (Act::Technician, Screen::Attract | Screen::OutOfService(_))
                if self.now.saturating_sub(self.pressed_at) >= HOLD_MS =>
            {
                self.go(Screen::Technician, effects);
            }
            (Act::Agree, Screen::Consent { .. }) => self.identify(effects),
            (Act::TypeNumber, Screen::Scan) => self.go(Screen::Number { typed: 0, wrong: false }, effects),
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
            (Act::Retry, Screen::Problem(_)) => self.identify(effects),
            (Act::MoreTime, Screen::MoreTime) => {
                let covered = self.covered.take().unwrap_or(Screen::Attract);
                self.go(covered, effects);
            }
            (Act::Finish, Screen::Result { .. }) => self.finish(effects),
            (Act::Finish, Screen::Ticket { .. }) => self.take_card(effects),
            (Act::Finish, Screen::Staff | Screen::Technician) => self.end(effects),
            (Act::Cancel, Screen::Attract | Screen::OutOfService(_)) => {}
            (Act::Cancel, _) => {
                effects.push(Effect::StopWaiting);
                self.end(effects);
            }
            _ => {}
        }
    }

    /// Asks for the card's code, or for its number where nothing could read the code.
    fn identify(&mut self, effects: &mut Vec<Effect>) {
        let by_hand = self.shown.trouble(Part::Scanner).is_some();
        self.go(if by_hand { Screen::Number { typed: 0, wrong: false } } else { Screen::Scan }, effects);
    }

    /// A QR code or number: on to the card, or a problem that says why not.
    fn identified(&mut self, text: &str, effects: &mut Vec<Effect>) {
        match access::from_scan(text) {
            // Nobody reads a card at this kiosk without having agreed.
            Ok(_) if self.shown.screen == Screen::Attract => {
                self.go(Screen::Consent { purpose: self.task.purpose.clone() }, effects);
            }
            Ok(key) => {
                effects.push(Effect::Sound(Sound::Done));
                effects.push(Effect::Read(key));
                self.go(Screen::Place, effects);
            }
            Err(_) if matches!(self.shown.screen, Screen::Number { .. }) => {
                effects.push(Effect::Sound(Sound::Attention));
                if self.another_try() {
                    self.go(Screen::Number { typed: 0, wrong: true }, effects);
                } else {
                    self.give_up(Phrase::NumberWrong, Phrase::CheckNumber, effects);
                }
            }
            Err(failure) => {
                let next = if failure.code == "qr_health_insurance" {
                    Phrase::HealthInsuranceCard
                } else {
                    Phrase::ScanOrType
                };
                self.problem(Phrase::NotACardCode, next, effects);
            }
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
            self.go(Screen::Problem(Problem { what, next, tries_left: self.tries }), effects);
        } else {
            self.give_up(what, next, effects);
        }
    }

    fn give_up(&mut self, what: Phrase, next: Phrase, effects: &mut Vec<Effect>) {
        effects.push(Effect::CallStaff);
        self.go(Screen::Problem(Problem { what, next, tries_left: 0 }), effects);
    }

    fn know(&mut self, holder: Holder) {
        if let Screen::Reading { holder: shown, .. } = &mut self.shown.screen {
            *shown = Some(holder.clone());
        }
        self.holder = Some(holder);
    }

    fn judged(&mut self, verdict: Verdict, sequence: u64, effects: &mut Vec<Effect>) {
        effects.push(Effect::Sound(if verdict == Verdict::Genuine { Sound::Done } else { Sound::Attention }));
        self.answers = None;
        if verdict == Verdict::Genuine {
            effects.push(Effect::OpenDoor);
            self.answers = Some(Vec::new());
            let number = |prefix: char| format!("{prefix}{:03}", sequence % 1000);
            self.ticket = self.place.queue.clone().map(|(prefix, place)| (number(prefix), place));
        }
        let holder = self.holder.clone();
        self.gone = false;
        self.go(Screen::Result { verdict, holder }, effects);
    }

    fn failed(&mut self, code: &str, effects: &mut Vec<Effect>) {
        self.holder = None;
        let (what, next) = match code {
            "card_lifted" => (Phrase::LiftedTooLong, Phrase::KeepCard),
            "wrong_access_key" => (Phrase::WrongCard, Phrase::CheckNumber),
            "no_card" => (Phrase::NoCardCame, Phrase::PlaceCard),
            _ => (Phrase::CardNotRead, Phrase::PutCardFlat),
        };
        self.problem(what, next, effects);
    }

    /// The field that is to be filled in next, if there is one.
    fn next_field(&self) -> Option<Screen> {
        let at = self.answers.as_ref()?.len();
        let field = self.task.form.get(at)?;
        Some(Screen::Form(Field {
            label: (field.label_vi.clone(), field.label_en.clone()),
            text: Typing::default(),
            at,
            of: self.task.form.len(),
            layer: if field.keyboard == Keyboard::Digits { Layer::Digits } else { Layer::Upper },
            wrong: false,
        }))
    }

    fn fill_in(&mut self, act: Act, effects: &mut Vec<Effect>) {
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

    fn fill_in_next(&mut self, effects: &mut Vec<Effect>) {
        let (Screen::Form(field), Some(answers)) = (&mut self.shown.screen, &mut self.answers) else { return };
        let Some(asked) = self.task.form.get(field.at) else { return };
        let text = field.text.text();
        if text.trim().is_empty() && !asked.optional {
            field.wrong = true;
            effects.push(Effect::Sound(Sound::Attention));
            return self.speak(effects);
        }
        answers.push((asked.id.clone(), Private(text)));
        if answers.len() == self.task.form.len() {
            effects.push(Effect::Answers(std::mem::take(answers)));
            self.answers = None;
        }
        self.finish(effects);
    }

    /// After a verdict: the form if there is one, the ticket if there is one, then the card.
    fn finish(&mut self, effects: &mut Vec<Effect>) {
        // The verdict has been seen: nobody needs to see more of the person.
        self.holder = None;
        if let Some(form) = self.next_field() {
            return self.go(form, effects);
        }
        match self.ticket.take() {
            Some((number, place)) => {
                effects.push(Effect::Ticket(number.clone(), place.clone()));
                self.go(Screen::Ticket { number, place }, effects);
            }
            None => self.take_card(effects),
        }
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
        self.gone = true;
        match self.shown.screen {
            Screen::TakeCard => self.end(effects),
            Screen::Result { verdict, .. } if self.ticket.is_none() && self.next_field().is_none() => {
                self.holder = None;
                self.shown.screen = Screen::Result { verdict, holder: None };
                self.deadline = Some(self.now + u64::from(AFTERGLOW_S) * 1000);
                effects.push(Effect::Erase);
            }
            Screen::Result { .. } => self.finish(effects),
            _ => {}
        }
    }

    /// Nobody is there any more: nothing of the person stays, and the next finds the usual settings.
    fn end(&mut self, effects: &mut Vec<Effect>) {
        let had_speech = self.shown.preferences.speech;
        self.typed = Private::default();
        (self.holder, self.covered, self.ticket, self.tries, self.gone) = (None, None, None, TRIES, false);
        self.answers = None;
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
mod tests;
