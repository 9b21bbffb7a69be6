//! What is around a kiosk: where the picture goes, what is heard, and what comes in, all of it by one way.

use crate::clerk::Kept;
use crate::flow::Sound;
use devices::lines::Signal;
use kiosk_ui::Language;
use kiosk_ui::canvas::Canvas;
use kiosk_ui::geometry::Rect;
use kiosk_ui::panel::Panel;
use kiosk_ui::scene::Scene;
use kiosk_ui::slip::Slip;
use kiosk_ui::state::{Help, Part};
use program::{Failure, Private};
use reading::reader_thread::Said;
use site::checks::Check;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use visit::profile::Profile;

/// Where the picture goes.
pub trait Glass: Send {
    /// Shows the parts of the picture that changed. The scene says in words what it shows.
    fn show(&mut self, canvas: &Canvas, scene: &Scene, changed: &[Rect]);
    /// Nothing of what was shown may stay, here or further on.
    fn erase(&mut self);
    /// Something to hear.
    fn hear(&mut self, heard: Heard<'_>);
    /// How the kiosk is doing, for those who see it from afar.
    fn signal(&mut self, signal: Signal);
    /// A ticket to take along.
    fn print(&mut self, slip: Slip);
    /// Whoever stands there may pass.
    fn open_door(&mut self);
    /// Somebody wants staff. What becomes of it comes back as [`Outside::Help`]; a glass by which nobody hears it does nothing,
    /// and says so by [`crate::flow::Place::calls`].
    fn call_staff(&mut self) {}
}

/// What a kiosk lets hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A sound.
    Sound(Sound),
    /// Words in a language; none ends what is being said.
    Words(Language, &'a [&'a str]),
}

/// What comes from outside.
#[derive(Debug)]
pub enum Outside {
    /// A finger came down here.
    Down(i32, i32),
    /// The finger was lifted here.
    Up(i32, i32),
    /// The scanner read something.
    Scan(Private),
    /// The scanner read something, and what came from it is no text.
    Misread,
    /// How a part of the kiosk is.
    Part(Part, Option<Failure>),
    /// The panel is another.
    Panel(Panel),
    /// What was found or chosen of a part, for the technician.
    Found(Part, String),
    /// Another profile, in demonstrations.
    Profile(Box<Profile>),
    /// What became of a call for staff.
    Help(Help),
    /// The end.
    Stop,
}

/// Whatever is said to a kiosk, by those around it and by its own threads.
pub(crate) enum Comes {
    /// From outside.
    Outside(Outside),
    /// From the reader's thread.
    Reader(Said),
    /// From the thread that puts visits on disk.
    Clerk(Result<Kept, Failure>),
    /// How everything is, for the technician.
    Checked(Vec<Check>),
    /// What became of a call, by its identifier.
    Counter(String, Help),
}

/// The kiosk has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

/// The way in to a kiosk. There is one, so that what is said first is heard first, and at once.
#[derive(Debug, Clone)]
pub struct Entrance(Sender<Comes>);

impl Entrance {
    /// Says something.
    ///
    /// # Errors
    /// When the kiosk has ended.
    pub fn send(&self, outside: Outside) -> Result<(), Ended> {
        self.say(Comes::Outside(outside))
    }

    pub(crate) fn say(&self, what: Comes) -> Result<(), Ended> {
        self.0.send(what).map_err(|_| Ended)
    }
}

/// What came in and was not heard yet.
#[derive(Debug)]
pub struct Inbox {
    comes: Receiver<Comes>,
    entrance: Entrance,
    next: Option<Outside>,
}

impl std::fmt::Debug for Comes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Outside(_) => "Outside",
            Self::Reader(_) => "Reader",
            Self::Clerk(_) => "Clerk",
            Self::Checked(_) => "Checked",
            Self::Counter(..) => "Counter",
        })
    }
}

/// A way in, and what comes by it.
#[must_use]
pub fn entrance() -> (Entrance, Inbox) {
    let (say, comes) = channel();
    let entrance = Entrance(say);
    (entrance.clone(), Inbox { comes, entrance, next: None })
}

impl Inbox {
    /// Another way in.
    pub(crate) fn entrance(&self) -> Entrance {
        self.entrance.clone()
    }

    /// What was said by now, in its order; nothing when nobody says anything for so long. From outside there is one thing at a
    /// time: what a finger means depends on the picture to which the one before it has led.
    pub(crate) fn hear(&mut self, wait: Duration) -> Vec<Comes> {
        let mut heard = Vec::new();
        match self.next.take() {
            Some(outside) => heard.push(Comes::Outside(outside)),
            None => match self.comes.recv_timeout(wait) {
                Ok(comes) => heard.push(comes),
                // This end keeps a way in of its own, so the other never ends.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return heard,
            },
        }
        let mut is_one = matches!(heard[..], [Comes::Outside(_)]);
        for comes in self.comes.try_iter() {
            if let Comes::Outside(outside) = comes {
                if is_one {
                    self.next = Some(outside);
                    break;
                }
                is_one = true;
                heard.push(Comes::Outside(outside));
                continue;
            }
            heard.push(comes);
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_first_is_heard_first_and_one_finger_at_a_time() {
        let (entrance, mut inbox) = entrance();
        let names = |inbox: &mut Inbox| -> Vec<String> {
            let name = |comes: Comes| match comes {
                Comes::Outside(outside) => format!("{outside:?}"),
                other => format!("{other:?}"),
            };
            inbox.hear(Duration::ZERO).into_iter().map(name).collect()
        };
        assert_eq!(names(&mut inbox), [""; 0]);
        entrance.say(Comes::Checked(Vec::new())).expect("heard");
        for outside in [Outside::Down(1, 1), Outside::Misread, Outside::Stop] {
            entrance.send(outside).expect("heard");
            entrance.say(Comes::Checked(Vec::new())).expect("heard");
        }
        assert_eq!(names(&mut inbox), ["Checked", "Down(1, 1)", "Checked"]);
        assert_eq!(names(&mut inbox), ["Misread", "Checked"]);
        assert_eq!(names(&mut inbox), ["Stop", "Checked"]);
        assert_eq!(names(&mut inbox), [""; 0]);
        drop(inbox);
        assert_eq!(entrance.send(Outside::Stop), Err(Ended));
    }
}
