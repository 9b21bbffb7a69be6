//! What stands over a step: the question about time, and the call for staff.

use super::{Effect, Flow, Input, Sound};
use kiosk_ui::Screen;
use kiosk_ui::state::Help;

impl Flow {
    /// Gives an input to the step that is covered. Where that leads to another step, the cover has had its time: whoever
    /// lays a card needs no more of it.
    pub(super) fn below(&mut self, step: Screen, input: Input, effects: &mut Vec<Effect>) {
        let cover = std::mem::replace(&mut self.shown.screen, step.clone());
        let (deadline, left, pressed) = (self.deadline, self.shown.seconds_left, self.shown.pressed);
        let of = self.shown.seconds_of;
        self.take(input, effects);
        let reads = |screen: &Screen| matches!(screen, Screen::Reading { .. });
        if self.shown.screen == step || (reads(&step) && reads(&self.shown.screen)) {
            self.covered = Some(std::mem::replace(&mut self.shown.screen, cover));
            (self.deadline, self.shown.seconds_left, self.shown.pressed) = (deadline, left, pressed);
            self.shown.seconds_of = of;
            effects.retain(|effect| !matches!(effect, Effect::SpeakScreen));
        }
    }

    /// Calls, and covers the step, which stays as it is: whoever comes finds it so.
    pub(super) fn call_staff(&mut self, effects: &mut Vec<Effect>) {
        let help = self.wanted(effects);
        if !matches!(self.shown.screen, Screen::MoreTime | Screen::Staff(_)) {
            self.covered = Some(self.shown.screen.clone());
        }
        self.go(Screen::Staff(help), effects);
    }

    /// What became of the call; the first of a visit makes it, and the log has it once.
    pub(super) fn wanted(&mut self, effects: &mut Vec<Effect>) -> Help {
        if let Some(help) = &self.help {
            return help.clone();
        }
        effects.push(Effect::CallStaff);
        let help = if self.place.calls { Help::Calling } else { Help::At(self.place.staff_at.clone()) };
        self.help.insert(help).clone()
    }

    /// What is said of the call.
    pub(super) fn helped(&mut self, help: Help, effects: &mut Vec<Effect>) {
        // Nobody waits for it any more.
        if self.help.is_none() {
            return;
        }
        self.help = Some(help.clone());
        if matches!(&self.shown.screen, Screen::Staff(known) if *known != help) {
            effects.push(Effect::Sound(Sound::Attention));
            self.go(Screen::Staff(help), effects);
        }
    }

    /// Where whoever calls stands; nothing where nobody called, or where they went.
    #[must_use]
    pub fn calls_at(&self) -> Option<&Screen> {
        self.help.as_ref().map(|_| self.covered.as_ref().unwrap_or(&self.shown.screen))
    }

    /// Back from what covers a step.
    pub(super) fn uncover(&mut self, effects: &mut Vec<Effect>) {
        match self.covered.take() {
            None | Some(Screen::Attract | Screen::OutOfService(_)) => self.end(effects),
            Some(step) => self.go(step, effects),
        }
    }
}
