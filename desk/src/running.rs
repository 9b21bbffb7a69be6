//! What happens in a visit, and what the visit wants: the reader's thread on one side, disk, paper, door and listeners
//! on the other.

use super::compat;
use super::pairing::Role;
use super::problem::Problem;
use super::session::{Session, What};
use super::{Desk, Inner, MOST_ENDED, News, no_session, paper, step_name};
use cccd::calendar::in_vietnam;
use events::Look;
use handoff::counter::Waiting;
use handoff::insurer::Standing;
use kiosk_ui::state::Queue;
use program::Failure;
use program::lock;
use reading::access::AccessKey;
use reading::device::Judged;
use reading::reader_thread::ReaderEvent;
use std::sync::Arc;
use store::book::Served;
use verdict::Admission;
use visit::content::Content;
use visit::finished::{Keeping, Kept};
use visit::profile::{PrintKind, Profile};
use visit::stage::{self, Stage};
use visit::steps::{self, Outcome, Refusal, Wait};

/// A visit at the desk: clients listen to it, and the desk has a reader, a printer and a door.
struct Listened<'a> {
    desk: &'a Desk,
    inner: &'a mut Inner,
}

impl Stage for Listened<'_> {
    type Error = Problem;

    fn ask(&mut self, wait: Wait) -> Result<(), Problem> {
        let session = Desk::current(self.inner)?;
        if wait == Wait::Form {
            session.fill_insurance();
        }
        self.desk.tell(News::Session(session.happened(What::Waiting { waits: wait })));
        if wait == Wait::Chip
            && let Some(key) = session.key.take()
        {
            self.desk.read(key, Arc::clone(&session.profile));
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Problem> {
        let session = Desk::current(self.inner)?;
        self.desk.tell(News::Session(session.happened(What::Waiting { waits: Wait::Kept })));
        self.desk.keep(self.inner)
    }

    fn open_door(&mut self) -> Result<(), Problem> {
        self.desk.open_door();
        Ok(())
    }

    fn print(&mut self) -> Result<(), Problem> {
        self.desk.print(Desk::current(self.inner)?);
        Ok(())
    }

    fn hand_off(&mut self) -> Result<(), Problem> {
        let session = Desk::current(self.inner)?;
        if session.caller.is_plugin() {
            let looked = self.desk.looked(&session.caller, Look::Result, &session.id)?;
            self.desk.tell_plugin(session, || compat::Message::result(session, &looked));
        }
        Ok(())
    }

    fn ended(&mut self, outcome: Outcome) -> Result<(), Problem> {
        self.desk.end(self.inner, outcome)
    }
}

impl Desk {
    /// What the reader's thread says.
    pub(super) fn hear(&self, told: ReaderEvent) {
        let mut inner = lock(&self.inner);
        match told {
            ReaderEvent::Reader(fault) => {
                inner.reader = fault;
                return self.tell(News::Status);
            }
            ReaderEvent::Unsent(unsent) => {
                if inner.unsent != unsent {
                    inner.unsent = unsent;
                    self.tell(News::Status);
                }
                return;
            }
            ReaderEvent::Ended(failure) => {
                tracing::error!(code = failure.code, remedy = failure.remedy, "{}", failure.message);
                inner.broken = Some(failure);
                return self.tell(News::Status);
            }
            _ => {}
        }
        let Some(session) = &mut inner.current else {
            if matches!(told, ReaderEvent::Gone)
                && let Some((_, session)) = inner.ended.back()
            {
                self.tell_plugin(session, || compat::Message::Gone);
            }
            return;
        };
        session.touched = self.now_ms();
        let result = match told {
            ReaderEvent::Progress(step, per_cent) => {
                if session.log.iter().all(|event| !matches!(event.what, What::Progress { .. })) {
                    self.tell_plugin(session, || compat::Message::Card);
                }
                let event = session.happened(What::Progress { step: step_name(step), per_cent });
                self.tell(News::Session(event));
                Ok(())
            }
            ReaderEvent::Lifted => {
                let event = session.happened(What::Lifted);
                self.tell(News::Session(event));
                Ok(())
            }
            ReaderEvent::Waiting => {
                let event = session.happened(What::Waiting { waits: Wait::Chip });
                self.tell(News::Session(event));
                Ok(())
            }
            ReaderEvent::Failed(failure) => {
                self.tell_plugin(session, || compat::Message::Failed(failure.code.clone()));
                let (event, todo) = session.not_read(&failure);
                self.tell(News::Session(event));
                self.follow(&mut inner, todo)
            }
            ReaderEvent::Judged(judged) => self.judged(&mut inner, *judged),
            ReaderEvent::Gone => {
                let event = session.happened(What::CardGone);
                self.tell(News::Session(event));
                self.tell_plugin(session, || compat::Message::Gone);
                Ok(())
            }
            ReaderEvent::Name(_)
            | ReaderEvent::Picture(_)
            | ReaderEvent::Reader(_)
            | ReaderEvent::Unsent(_)
            | ReaderEvent::Ended(_) => Ok(()),
        };
        self.drop_problem(result);
    }

    /// Tells the doors of a plugin's software, if the session is its own: of others' it hears nothing.
    fn tell_plugin(&self, session: &Session, message: impl FnOnce() -> compat::Message) {
        if session.caller.is_plugin() {
            self.tell(News::Compat(message()));
        }
    }

    fn judged(&self, inner: &mut Inner, mut judged: Judged) -> Result<(), Problem> {
        let session = Self::current(inner)?;
        let (word, rung, admission) = (judged.word, judged.rung, judged.admission);
        let refusal = self.site.judged(&session.profile, admission, &mut judged.content)?;
        let open = matches!(refusal, None | Some(Refusal::NotOnList)) && !matches!(admission, Admission::Refused(_));
        // Only where somebody of staff looks can anybody be asked.
        let looked_at = session.caller.role == Role::Desk || session.caller.is_plugin();
        session.proposed = (open && looked_at).then(|| self.site.proposed(&session.profile, &judged.content)).flatten();
        let refusal = refusal.filter(|_| session.proposed.is_none());
        if let Some(code) = session.insurance.take() {
            judged.content.answers.extend(session.insurance_field().map(|id| (id, code.into())));
        }
        if !matches!(admission, Admission::Refused(_)) && refusal.is_none() && session.insurance_field().is_some() {
            self.ask_insurer(session.id.clone(), Arc::clone(&session.profile), judged.content.clone());
        }
        let todo = session.judged(judged, refusal);
        let event = session.happened(What::Judged { word, rung, admission, refusal });
        self.tell(News::Session(event));
        self.follow(inner, todo)
    }

    /// Asks what the health insurer says, in a thread of its own: nobody waits for it.
    fn ask_insurer(&self, id: String, profile: Arc<Profile>, content: Content) {
        let me = self.me.clone();
        std::thread::spawn(move || {
            let Some(desk) = me.upgrade() else { return };
            let cover = match desk.site.courier().cover(&profile, &content) {
                Some(Ok(cover)) => cover,
                Some(Err(code)) => return tracing::warn!(code, "the insurer's word on a patient is not known"),
                None => return,
            };
            let standing = Standing::of(cover.as_ref(), in_vietnam(desk.site.now()).date());
            let mut inner = lock(&desk.inner);
            if let Some(session) = inner.current.as_mut().filter(|session| session.id == id) {
                session.insured = Some((cover, standing));
                desk.tell(News::Session(session.happened(What::Insured)));
            }
        });
    }

    /// Does what the visit wants.
    pub(super) fn follow(&self, inner: &mut Inner, todo: Vec<steps::Effect>) -> Result<(), Problem> {
        stage::follow(&mut Listened { desk: self, inner }, todo)
    }

    /// Who of staff has a session, and how long it has taken.
    fn served(&self, session: &Session) -> Served {
        let staff = (session.caller.role == Role::Desk).then(|| session.caller.by.clone());
        // A clock that was set back measures nothing.
        let took = Some(self.site.now() - session.began).filter(|took| *took >= 0);
        Served { staff: staff.filter(|staff| !staff.is_empty()), took }
    }

    pub(super) fn open_door(&self) {
        let Some(door) = &self.door else { return };
        let (guard, open) = &mut *lock(door);
        if let Err(error) = guard.pulse(*open) {
            tracing::error!(code = error.code(), "the door does not open: {error}");
        }
    }

    fn read(&self, key: AccessKey, profile: Arc<Profile>) {
        if let Some(reader) = &*lock(&self.reader) {
            reader.read(key, profile);
        }
    }

    /// Puts the visit on disk, in a thread of its own: a recipient that gives out numbers may take its time.
    fn keep(&self, inner: &mut Inner) -> Result<(), Problem> {
        let session = Self::current(inner)?;
        let Some(finished) = session.finished.clone() else { return Err(no_session()) };
        let (profile, me, served) = (Arc::clone(&session.profile), self.me.clone(), self.served(session));
        std::thread::spawn(move || {
            let Some(desk) = me.upgrade() else { return };
            let kept = desk.site.keep_by(&profile, &finished, served);
            desk.drop_problem(desk.kept(kept));
        });
        Ok(())
    }

    fn kept(&self, kept: Result<Keeping<Kept>, Failure>) -> Result<(), Problem> {
        let mut inner = lock(&self.inner);
        let session = Self::current(&mut inner)?;
        let input = match kept {
            Ok(Keeping::Kept(kept)) => {
                if session.profile.print().is_some_and(|print| print.kind == PrintKind::Ticket)
                    && let Some(number) = &kept.number
                {
                    // Who has a number waits; that it cannot be written down keeps nobody from being served.
                    let place = kept.place.clone().or_else(|| self.site.queue_place()).unwrap_or_default();
                    match self.joined(number, &place) {
                        Ok(waiting) => {
                            session.queue =
                                waiting.map(|Waiting { ahead, minutes, link }| Queue { ahead, minutes, link });
                        }
                        Err(failure) => self.drop_problem(Err(failure.into())),
                    }
                }
                session.kept = Some(kept);
                steps::Input::Kept(None)
            }
            Ok(Keeping::TooLate(refusal)) => steps::Input::Kept(Some(refusal)),
            Err(failure) => {
                // Nothing was kept, so nothing may leave: the session ends, and the desk says why.
                let todo = session.advance(steps::Input::Cancel);
                inner.broken = Some(failure.clone());
                self.drop_problem(self.follow(&mut inner, todo));
                return Err(failure.into());
            }
        };
        let todo = session.advance(input);
        self.follow(&mut inner, todo)
    }

    fn print(&self, session: &Session) {
        if let (Some(slips), Some(print), Some(kept)) = (&self.slips, session.profile.print(), &session.kept)
            && let Some(paper) = paper::paper(&self.site, print.kind, kept, session.queue.clone())
        {
            program::ignore(
                slips.send(paper),
                "the printer's thread says what is wrong with the printer; the desk can print again",
            );
        }
    }

    /// Prints a record once more; false where there is no printer or nothing for it.
    #[must_use]
    pub fn print_again(&self, kind: PrintKind, kept: &Kept) -> bool {
        let paper = paper::paper(&self.site, kind, kept, None);
        self.slips.as_ref().zip(paper).is_some_and(|(slips, paper)| slips.send(paper).is_ok())
    }

    fn end(&self, inner: &mut Inner, outcome: Outcome) -> Result<(), Problem> {
        let Some(mut session) = inner.current.take() else { return Ok(()) };
        if let Some(reader) = &*lock(&self.reader)
            && outcome == Outcome::Cancelled
        {
            reader.stop_waiting();
        }
        (session.outcome, session.served) = (Some(outcome), None);
        let number = session.kept.as_ref().and_then(|kept| kept.number.clone());
        let event = session.happened(What::Ended { outcome, number });
        self.tell(News::Session(event));
        let why = match outcome {
            Outcome::Refused(why) => Some(Some(why)),
            // Nobody agreed to anything: nothing happened.
            Outcome::Cancelled if session.log.len() > 2 => Some(None),
            Outcome::Done | Outcome::Cancelled => None,
        };
        let served = self.served(&session);
        let noted = why.map(|why| {
            let finished = session.finished.as_ref();
            self.site.turned_away_by(&session.profile, session.visit, finished, why, &served)
        });
        if outcome != Outcome::Done {
            session.forget();
        }
        inner.ended.push_back((self.now_ms(), session));
        if inner.ended.len() > MOST_ENDED {
            inner.ended.pop_front();
        }
        self.tell(News::Status);
        Ok(noted.transpose().map(drop)?)
    }
}
