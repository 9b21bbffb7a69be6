//! What a flow is told, and what it wants done.

use devices::sound::Sound;
use kiosk_ui::judged::{Judged, Texts};
use kiosk_ui::panel::Panel;
use kiosk_ui::playlist::Playlist;
use kiosk_ui::portrait::Picture;
use kiosk_ui::state::{About, Consent, Help, Notice, Part, Queue, ReadStep, Side, Trouble, WallClock};
use kiosk_ui::{Act, Language};
use program::{Private, Text};
use reading::access::AccessKey;
use std::sync::Arc;
use visit::profile::{Accept, FormField, Item, PrintKind, Profile, Source, Step};
use visit::steps::Refusal;

/// What differs from kiosk to kiosk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The site's name, as in the header.
    pub site: String,
    /// The letter before ticket numbers, and where people with one go; `None` where there are no tickets.
    pub queue: Option<(char, String)>,
    /// The panel.
    pub panel: Panel,
    /// Seconds that a step waits for a person; see [`config::PATIENCE_S`].
    pub patience_s: u16,
    /// Where the reader is, seen from the glass.
    pub reader_at: Option<Side>,
    /// Where the scanner is.
    pub scanner_at: Option<Side>,
    /// What the site calls the place where staff is: `Quầy 1`.
    pub staff_at: Option<String>,
    /// Somebody hears it when staff is called.
    pub calls: bool,
    /// What is told while nobody is served.
    pub playlist: Playlist,
}

/// What a kiosk does for people, from its profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Task {
    /// What they are asked to agree to.
    pub consent: Consent,
    /// What is done.
    pub steps: Vec<Step>,
    /// What they fill in.
    pub form: Vec<FormField>,
    /// They get a number in the queue.
    pub ticket: bool,
    /// The field that the QR code of a health insurance card fills in, where it is accepted.
    pub insurance: Option<String>,
    /// Which documents are taken, as people call them.
    pub takes: Texts,
    /// The lines of other documents than citizen cards open a chip.
    pub mrz: bool,
}

impl From<&Profile> for Task {
    fn from(profile: &Profile) -> Self {
        let both = |(vi, en): (&str, &str)| (vi.to_owned(), en.to_owned());
        let consent = Consent {
            purpose: (profile.purpose_vi.clone(), profile.purpose_en.clone()),
            takes: Item::ALL.into_iter().filter(|item| profile.takes(*item)).map(|item| both(item.label())).collect(),
            recipients: recipients(profile),
            keeps: profile.keep().map(|keep| keep.days),
            scanned: false,
        };
        let takes = if profile.takes_mrz() {
            ("thẻ căn cước và hộ chiếu".to_owned(), "citizen cards and passports".to_owned())
        } else {
            ("thẻ căn cước".to_owned(), "citizen cards".to_owned())
        };
        Self {
            takes,
            mrz: profile.takes_mrz(),
            consent,
            steps: profile.steps().to_vec(),
            // What a scan fills in, nobody types on a glass.
            // What concerns some only, a desk asks.
            form: profile.form().filter(|field| field.from.is_none() && field.asked_of.is_none()).cloned().collect(),
            ticket: profile.print().is_some_and(|print| print.kind == PrintKind::Ticket),
            insurance: profile
                .form()
                .find(|field| field.from == Some(Source::HealthInsurance) && profile.accepts(Accept::HealthInsurance))
                .map(|field| field.id.clone()),
        }
    }
}

/// Who receives something of the holder, as people call them; each once.
fn recipients(profile: &Profile) -> Vec<Texts> {
    let mut all: Vec<Texts> = Vec::new();
    for recipient in profile.recipients() {
        let (vi, en) = match recipient.id.as_str() {
            "desk" => ("quầy của cơ sở này", "this site's desk"),
            "his" | "fhir" | "hl7" => ("hệ thống bệnh viện", "the hospital's system"),
            id if id.starts_with("checkin") => ("giám định bảo hiểm y tế", "the health insurer"),
            "app" | "webhook" => ("phần mềm của cơ sở này", "this site's software"),
            other => (other, other),
        };
        let texts = (vi.to_owned(), en.to_owned());
        if !all.contains(&texts) {
            all.push(texts);
        }
    }
    all
}

impl Input {
    /// Whether it is for the step, whatever stands over that: all that cards, codes and the device's own threads say.
    pub(super) const fn concerns_the_step(&self) -> bool {
        match self {
            Self::Scan(_)
            | Self::Misread
            | Self::Progress(..)
            | Self::Name(_)
            | Self::Picture(_)
            | Self::Lifted
            | Self::Waiting
            | Self::Judged(..)
            | Self::Kept(_)
            | Self::Queue(_)
            | Self::Failed(_)
            | Self::CardGone
            | Self::Part(..) => true,
            Self::Tick(_)
            | Self::Slept
            | Self::Clock(_)
            | Self::Press(_)
            | Self::Act(_)
            | Self::Help(_)
            | Self::About(_)
            | Self::Panel(_)
            | Self::Task(_)
            | Self::Notices(_) => false,
        }
    }
}

/// What happens.
#[derive(Debug)]
pub enum Input {
    /// Milliseconds since start; at least ten times a second while something moves.
    Tick(u64),
    /// The machine slept, or stood still for so long that nobody can have waited for it.
    Slept,
    /// The time of day and date.
    Clock(WallClock),
    /// A finger is on something, or left it.
    Press(Option<Act>),
    /// A finger was lifted where it was put down.
    Act(Act),
    /// The scanner read something.
    Scan(Private),
    /// The scanner read something, and what came from it is no text.
    Misread,
    /// A read is under way.
    Progress(ReadStep, u8),
    /// The holder's full name is known.
    Name(Private),
    /// More of the portrait can be shown.
    Picture(Arc<Picture>),
    /// The card was lifted in the middle of a read, which waits for it.
    Lifted,
    /// What lay on the reader was something else; the card is waited for.
    Waiting,
    /// The read ended with a word, whose event is on disk, and what the profile makes of it; the list may still turn the
    /// holder away.
    Judged(Box<Judged>, Option<Refusal>),
    /// The visit is on disk with the number that was given out and where to go, or somebody else was first.
    Kept(Result<Option<(String, Option<String>)>, Refusal>),
    /// How many wait before the number that comes with [`Input::Kept`].
    Queue(Queue),
    /// The read ended without one.
    Failed(String),
    /// The card has left the reader.
    CardGone,
    /// What became of the call for staff.
    Help(Help),
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
    Read(Box<AccessKey>),
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
    /// A ticket with number and place, and how many wait before it.
    Ticket(String, String, Option<Queue>),
    /// The holder agreed to the words in this language.
    Agreed(Language),
    /// Whoever stands there may pass.
    OpenDoor,
    /// A technician wants to see the checks of the device.
    Examine,
    /// Put the visit on disk, with what was asked: identifiers of fields and answers, in order.
    Keep(Vec<(String, Text)>),
    /// The visit has ended without being kept.
    TurnedAway(Option<Refusal>),
}
