//! Drives one read: the sans-IO session on one side, a card on the other, a clock and an observer beside them. While
//! the portrait is on the air, other threads judge EF.SOD and decode what of the portrait has arrived.

use crate::chips::{Chips, Sighting};
use crate::other_kind;
use crate::terminal::{Inspection, Terminal};
use drivers::reader::{Card, Reader, ReaderError, announces_extended_length};
use emrtd::lds::{self, Sod};
use emrtd::{
    Action, Error, Evidence, FileId, Manner, Plan, Progress, Session, SodVerification, SystemEntropy, TrustStore,
    UnixTime,
};
use events::Clock;
use kiosk_ui::portrait::{self, Picture};
use program::Failure;
use program::describe;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use zeroize::Zeroizing;

/// What a read cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    /// Time per phase, in the order of first appearance.
    pub phases: Vec<(String, Duration)>,
    /// From the first command to the last answer.
    pub total: Duration,
    /// Command and response pairs.
    pub apdus: u32,
    /// Bytes to the card.
    pub sent: u64,
    /// Bytes from the card.
    pub received: u64,
    /// How often the card was lifted and put back.
    pub interruptions: u32,
}

impl Cost {
    fn add(&mut self, phase: &str, time: Duration) {
        match self.phases.iter_mut().find(|(name, _)| name == phase) {
            Some((_, sum)) => *sum += time,
            None => self.phases.push((phase.to_owned(), time)),
        }
    }
}

/// What a read brought.
#[derive(Debug)]
pub struct Reading {
    /// Everything from the chip.
    pub evidence: Evidence,
    /// What is known of EF.SOD already.
    pub sod: Option<SodVerification>,
    /// The portrait.
    pub picture: Option<Picture>,
    /// How the chip had to be asked.
    pub asked: Asked,
    /// What it cost.
    pub cost: Cost,
}

/// How a chip had to be asked for its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The manner that it took in the end.
    pub manner: Manner,
    /// How often it was opened: once, and again whenever it had broken off.
    pub openings: u8,
    /// Whether the read began with what other cards had shown.
    pub expected: bool,
}

/// Reads a card on a reader according to the plan.
///
/// - A card that is lifted may be put back within `patience`: the read goes on where it stopped. `on_lifted` is told,
///   so that the person can be asked.
/// - A chip that breaks off over something that it dislikes is reset, and asked without that; what two cards of a type
///   agree on is remembered ([`chips`](crate::chips)).
///
/// # Errors
/// When the card stays away, refuses or breaks a protocol. A broken read yields no evidence: half a card proves
/// nothing.
pub fn read(
    reader: &mut dyn Reader,
    mut card: Box<dyn Card>,
    mut plan: Plan,
    terminal: &mut Terminal,
    clock: &dyn Clock,
    hooks: &mut Hooks<'_>,
) -> Result<Reading, Failure> {
    let atr = card.atr().to_vec();
    plan.max_response = plan.max_response.min(card.max_response());
    plan.ask_sizes = announces_extended_length(&atr).is_none();
    plan.expected = terminal.chips.expected(&atr, clock.monotonic());
    plan.terminal = terminal.inspection.as_ref().map(|inspection| inspection.certificates.clone());
    let mut work = Aside::new(Arc::clone(&terminal.trust), UnixTime(clock.wall()));
    let mut cost = Cost::default();
    let start = clock.monotonic();
    let mut session = Session::new(plan.clone(), Box::new(SystemEntropy)).with_reserve(terminal.take_reserve());
    let mut asked = Asked { manner: session.manner(), openings: 0, expected: plan.expected.is_some() };
    let evidence = loop {
        let inspection = terminal.inspection.as_ref();
        match attempt(&mut *card, &mut session, inspection, clock, hooks, &mut work, &mut cost) {
            Ok(()) => {
                asked.manner = session.manner();
                asked.openings += session.openings();
                break session.into_evidence().ok_or_else(|| other_kind::not_read(&Error::OutOfOrder))?;
            }
            Err(Stopped::Chip(error)) => return Err(other_kind::failure(&mut *card, &cost.phases, error)),
            Err(Stopped::Reader(ReaderError::CardLifted))
                if !hooks.patience.is_zero() && cost.interruptions < MOST_INTERRUPTIONS =>
            {
                drop(card);
                asked.openings = asked.openings.saturating_add(session.openings());
                (hooks.on_lifted)();
                card = match reader.wait_for_card(hooks.patience) {
                    Err(ReaderError::NoCard) => return Err(ReaderError::CardLifted.into()),
                    card => card?,
                };
                let entropy = Box::new(SystemEntropy);
                session = match session.interrupt() {
                    Some(interrupted) => Session::resume(plan.clone(), entropy, interrupted),
                    None => Session::new(plan.clone(), entropy),
                };
                cost.interruptions += 1;
            }
            Err(Stopped::Reader(error)) => return Err(error.into()),
        }
    };
    cost.total = clock.monotonic().saturating_sub(start);
    learn(&mut terminal.chips, &atr, &asked, &evidence, clock.monotonic());
    let (sod, picture) = work.finish(&evidence);
    if let Some(picture) = &picture {
        (hooks.on_picture)(picture);
    }
    Ok(Reading { evidence, sod, picture, asked, cost })
}

/// Remembers what a card has shown, by its type.
fn learn(chips: &mut Chips, atr: &[u8], asked: &Asked, evidence: &Evidence, now: Duration) {
    let Some(sod) = evidence.content(FileId::Sod) else { return };
    let Some(signer) = Sod::parse(sod).ok().and_then(|sod| sod.signer_fingerprint()) else { return };
    let Asked { manner, expected, .. } = *asked;
    chips.saw(&Sighting { atr, signer, card: events::hash(sod).0, manner, expected }, now);
}

/// Who is told of what while a card is read.
pub struct Hooks<'a> {
    /// How long a lifted card may stay away; zero ends the read at once.
    pub patience: Duration,
    /// After every answer of the card.
    pub observe: &'a mut dyn FnMut(&Session, Progress),
    /// When the card was lifted.
    pub on_lifted: &'a mut dyn FnMut(),
    /// When more of the portrait can be shown, and when all of it can.
    pub on_picture: &'a mut dyn FnMut(&Picture),
}

impl std::fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hooks({:?})", self.patience)
    }
}

/// More lifts than this are a card that does not lie well: better to say so and start again.
const MOST_INTERRUPTIONS: u32 = 5;

enum Stopped {
    Chip(Error),
    Reader(ReaderError),
}

fn attempt(
    card: &mut dyn Card,
    session: &mut Session,
    inspection: Option<&Inspection>,
    clock: &dyn Clock,
    hooks: &mut Hooks<'_>,
    work: &mut Aside,
    cost: &mut Cost,
) -> Result<(), Stopped> {
    let mut last = clock.monotonic();
    loop {
        let command = match session.next().map_err(Stopped::Chip)? {
            Action::Transmit(command) => command,
            Action::Reset => {
                card.reset().map_err(Stopped::Reader)?;
                session.was_reset();
                continue;
            }
            Action::Sign(request) => {
                match inspection.map(|inspection| inspection.key.sign(&request)) {
                    Some(Ok(signature)) => session.signed(&signature).map_err(Stopped::Chip)?,
                    Some(Err(error)) => {
                        tracing::warn!(code = error.code(), "no terminal authentication: {}", describe(&error));
                        session.not_signed();
                    }
                    None => session.not_signed(),
                }
                continue;
            }
            Action::Done => return Ok(()),
        };
        let phase = session.progress().phase.name();
        let answer = card.transmit(&command).map_err(Stopped::Reader)?;
        cost.apdus += 1;
        cost.sent += command.len() as u64;
        cost.received += answer.len() as u64;
        session.feed(&answer).map_err(Stopped::Chip)?;
        let now = clock.monotonic();
        cost.add(&phase, now.saturating_sub(last));
        last = now;
        work.look(session, hooks.on_picture);
        (hooks.observe)(session, session.progress());
    }
}

/// What is done beside the conversation with the chip.
struct Aside {
    trust: Arc<TrustStore>,
    now: UnixTime,
    sod: Option<JoinHandle<SodVerification>>,
    portrait: Option<Portrait>,
}

impl Aside {
    const fn new(trust: Arc<TrustStore>, now: UnixTime) -> Self {
        Self { trust, now, sod: None, portrait: None }
    }

    /// Starts what can be started, and hands on what is there.
    fn look(&mut self, session: &Session, on_picture: &mut dyn FnMut(&Picture)) {
        if let (None, Some(sod)) = (&self.sod, session.file(FileId::Sod)) {
            let (sod, trust, now) = (sod.to_vec(), Arc::clone(&self.trust), self.now);
            self.sod = Some(std::thread::spawn(move || SodVerification::new(&sod, &trust, None, now)));
        }
        if let Some((FileId::Dg(2), front)) = session.arriving() {
            self.portrait.get_or_insert_with(Portrait::start).feed(front, on_picture);
        }
    }

    fn finish(self, evidence: &Evidence) -> (Option<SodVerification>, Option<Picture>) {
        // A panic there is a bug; the verification is then simply done again, where it shows.
        let sod = self.sod.and_then(|thread| thread.join().ok());
        let faces = evidence.content(FileId::Dg(2)).map(lds::dg2::parse).and_then(Result::ok);
        let picture = faces.and_then(|faces| portrait::decode(faces.first()?.image));
        (sod, picture)
    }
}

/// A thread that decodes what of the portrait has arrived: always the newest, never two at once.
struct Portrait {
    fronts: Sender<Zeroizing<Vec<u8>>>,
    pictures: Receiver<Picture>,
    sent: usize,
}

/// A new picture is tried when this many bytes more are there.
const STEP: usize = 2048;

impl Portrait {
    fn start() -> Self {
        let (fronts, work) = channel::<Zeroizing<Vec<u8>>>();
        let (done, pictures) = channel();
        std::thread::spawn(move || {
            while let Ok(mut front) = work.recv() {
                while let Ok(newer) = work.try_recv() {
                    front = newer;
                }
                if portrait::decode(&front).is_some_and(|picture| done.send(picture).is_err()) {
                    return;
                }
            }
        });
        Self { fronts, pictures, sent: 0 }
    }

    fn feed(&mut self, front: &[u8], on_picture: &mut dyn FnMut(&Picture)) {
        if let Some(picture) = self.pictures.try_iter().last() {
            on_picture(&picture);
        }
        if front.len() < self.sent + STEP {
            return;
        }
        if let Some((start, _)) = lds::dg2::image_start(front) {
            self.sent = front.len();
            program::ignore(
                self.fronts.send(Zeroizing::new(front[start..].to_vec())),
                "the thread lives as long as this sender",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anchors::Anchors;
    use crate::readers::plan;
    use crate::simulated;
    use cccd::judgement::{Known, Today, judge_verified};
    use emrtd::{AccessPolicy, Circumstances, Password};
    use events::SystemClock;
    use verdict::Word;
    use virtual_card::issuer::IssuerFault;

    fn terminal() -> Terminal {
        let mut anchors = Anchors::default();
        let issuer = virtual_card::Issuer::new(IssuerFault::None).expect("issuer");
        for file in issuer.trust_files().expect("files") {
            anchors.store.add(file.name, &file.der).expect("certificate");
        }
        Terminal::new(anchors)
    }

    fn read_card(card: &str, terminal: &mut Terminal, pictures: &mut usize) -> Reading {
        let mut reader = simulated::reader(card).expect("reader");
        let on_reader = reader.wait_for_card(Duration::ZERO).expect("card");
        let persona = card.split_once(':').map_or(card, |(persona, _)| persona);
        let can = virtual_card::Persona::find(persona).expect("persona").can();
        let plan = plan(AccessPolicy::Auto, vec![Password::can(can).expect("CAN")], &[1, 2, 3, 13, 14, 15]);
        let mut hooks = Hooks {
            patience: Duration::ZERO,
            observe: &mut |_, _| {},
            on_lifted: &mut || {},
            on_picture: &mut |_| *pictures += 1,
        };
        read(&mut reader, on_reader, plan, terminal, &SystemClock::new(), &mut hooks).expect("read")
    }

    #[test]
    fn the_sod_is_judged_and_the_portrait_decoded_beside_the_read() {
        let mut terminal = terminal();
        terminal.prepare();
        let mut pictures = 0;
        // Slow enough that other threads have their turn.
        let reading = read_card("an:slow:5", &mut terminal, &mut pictures);
        let picture = reading.picture.as_ref().expect("portrait");
        assert_eq!((picture.width, picture.height), (300, 400));
        assert!(pictures >= 2, "something was shown before the end: {pictures}");
        let sod = reading.sod.as_ref().expect("judged");
        assert!(sod.is_of(reading.evidence.content(FileId::Sod).expect("EF.SOD")));
        let now = UnixTime(SystemClock::new().wall());
        let circumstances = Circumstances::now(now);
        let beside = reading.evidence.verify_prepared(&terminal.trust, Some(sod), &circumstances);
        assert_eq!(beside.checks, reading.evidence.verify(&terminal.trust, &circumstances).checks);
        let judgement = judge_verified(&reading.evidence, beside, &Known::default(), Today::certain(now));
        assert_eq!(judgement.word(), Word::Proved, "{:#?}", judgement.checks);
    }

    #[test]
    fn what_two_cards_of_a_type_dislike_is_not_asked_of_the_third() {
        let mut terminal = terminal();
        let mut read = |card: &str| read_card(card, &mut terminal, &mut 0);
        let first = read("an:no-extended-length");
        // Once more for the signature, which no short answer holds.
        assert_eq!((first.asked.openings, first.asked.expected), (3, false));
        let again = read("an:no-extended-length");
        assert_eq!(again.cost.apdus, first.cost.apdus, "one card that was read twice");
        read("minh-one-parent:no-extended-length");
        let third = read("an:no-extended-length");
        assert_eq!((third.asked.openings, third.asked.expected), (2, true), "no proof is taken away");
        assert!(third.cost.apdus < first.cost.apdus);
        assert_eq!(third.asked.manner, first.asked.manner);
        assert_eq!(
            third.evidence.active_authentication, first.evidence.active_authentication,
            "no proof is taken away"
        );
    }

    /// `learnt-short-sticks.json` of the field cases: one odd card teaches nothing.
    #[test]
    fn learnt_short_sticks() {
        let mut terminal = terminal();
        let plain = read_card("an", &mut terminal, &mut 0).cost.apdus;
        read_card("minh-one-parent:no-extended-length", &mut terminal, &mut 0);
        for _ in 0..2 {
            assert_eq!(read_card("an", &mut terminal, &mut 0).cost.apdus, plain);
        }
    }
}
