//! What is around a kiosk: where the picture goes, what is heard, and what comes in.

use crate::flow::Sound;
use devices::lines::Signal;
use kiosk_ui::Language;
use kiosk_ui::canvas::Canvas;
use kiosk_ui::geometry::Rect;
use kiosk_ui::panel::Panel;
use kiosk_ui::scene::Scene;
use kiosk_ui::slip::Slip;
use kiosk_ui::state::Part;
use program::{Failure, Private};
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
    /// The end.
    Stop,
}
