//! Where a visit takes place: a kiosk shows it on a glass, a desk to its clients. [`follow`] is the one place in which
//! what a visit wants becomes what a stage does; a new step is a method here, and does not compile until each stage has it.

use crate::steps::{Effect, Outcome, Wait};

/// A stage. What of these it does not have, it does nothing for.
pub trait Stage {
    /// Why something cannot be done.
    type Error;

    /// Asks for what the visit waits for: a person's consent, a key, the chip, staff, a look at the face, the form.
    ///
    /// # Errors
    /// Of the stage.
    fn ask(&mut self, wait: Wait) -> Result<(), Self::Error>;

    /// Has the visit put on disk; what became of it is told to the visit later.
    ///
    /// # Errors
    /// Of the stage.
    fn keep(&mut self) -> Result<(), Self::Error>;

    /// Lets the holder pass.
    ///
    /// # Errors
    /// Of the stage.
    fn open_door(&mut self) -> Result<(), Self::Error>;

    /// Prints what the profile prints.
    ///
    /// # Errors
    /// Of the stage.
    fn print(&mut self) -> Result<(), Self::Error>;

    /// Gives the result to those who listen here; messages to recipients are on their way since the disk has them.
    ///
    /// # Errors
    /// Of the stage.
    fn hand_off(&mut self) -> Result<(), Self::Error>;

    /// The visit has ended.
    ///
    /// # Errors
    /// Of the stage.
    fn ended(&mut self, outcome: Outcome) -> Result<(), Self::Error>;
}

/// Does what a visit wants, in its order.
///
/// # Errors
/// The first of the stage's; what came after it is not done.
pub fn follow<S: Stage>(stage: &mut S, wanted: Vec<Effect>) -> Result<(), S::Error> {
    wanted.into_iter().try_for_each(|effect| match effect {
        Effect::Ask(wait) => stage.ask(wait),
        Effect::Keep => stage.keep(),
        Effect::OpenDoor => stage.open_door(),
        Effect::Print => stage.print(),
        Effect::HandOff => stage.hand_off(),
        Effect::End(outcome) => stage.ended(outcome),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Step;
    use crate::steps::{Input, Visit, update};
    use verdict::Admission;

    /// Writes down what it is asked for, and fails where it is told to.
    #[derive(Default)]
    struct Script {
        done: Vec<String>,
        fails_at: Option<&'static str>,
    }

    impl Script {
        fn line(&mut self, line: String) -> Result<(), ()> {
            let fails = self.fails_at.is_some_and(|at| line.starts_with(at));
            self.done.push(line);
            if fails { Err(()) } else { Ok(()) }
        }
    }

    impl Stage for Script {
        type Error = ();
        fn ask(&mut self, wait: Wait) -> Result<(), ()> {
            self.line(format!("ask {wait:?}"))
        }
        fn keep(&mut self) -> Result<(), ()> {
            self.line("keep".to_owned())
        }
        fn open_door(&mut self) -> Result<(), ()> {
            self.line("door".to_owned())
        }
        fn print(&mut self) -> Result<(), ()> {
            self.line("print".to_owned())
        }
        fn hand_off(&mut self) -> Result<(), ()> {
            self.line("hand off".to_owned())
        }
        fn ended(&mut self, outcome: Outcome) -> Result<(), ()> {
            self.line(format!("end {outcome:?}"))
        }
    }

    fn whole(script: &mut Script) -> Result<(), ()> {
        let steps = [Step::Consent, Step::ReadChip, Step::Relay, Step::Print, Step::HandOff];
        let (mut visit, wanted) = Visit::begin(&steps, false);
        follow(script, wanted)?;
        for input in [Input::Agreed, Input::Key, Input::Judged(Admission::GoesOn, None), Input::Kept(None)] {
            let (after, wanted) = update(visit, input);
            visit = after;
            follow(script, wanted)?;
        }
        Ok(())
    }

    #[test]
    fn what_a_visit_wants_is_done_in_its_order() {
        let mut script = Script::default();
        whole(&mut script).expect("nothing fails");
        let wanted = ["ask Consent", "ask Key", "ask Chip", "keep", "door", "print", "hand off", "end Done"];
        assert_eq!(script.done, wanted);
    }

    #[test]
    fn nothing_is_done_after_what_failed() {
        let mut script = Script { fails_at: Some("print"), ..Script::default() };
        whole(&mut script).expect_err("the printer");
        assert_eq!(script.done.last().map(String::as_str), Some("print"));
    }
}
