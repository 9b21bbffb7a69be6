//! What the site does in a visit, for a kiosk and a desk alike: they show, this keeps.

use super::Site;
use events::event::Bytes;
use events::{Access, Body, Event};
use program::{Failure, lock};
use store::book::{Book, Looked, Looker, Part, Record, Seen, Served, Which};
use store::outbox::Outbox;
use verdict::Admission;
use visit::content::Content;
use visit::finished::{Finished, Keeping, Kept};
use visit::profile::Profile;
use visit::steps::Refusal;

impl Site {
    /// A card was judged: whether the list or the ledger turns its holder away. What the list says of them goes into `content`.
    /// What the document itself says comes before any list.
    ///
    /// # Errors
    /// When the book fails.
    pub fn judged(
        &self,
        profile: &Profile,
        admission: Admission,
        content: &mut Content,
    ) -> Result<Option<Refusal>, Failure> {
        match admission {
            Admission::Refused(_) => Ok(None),
            _ => self.admit(profile, content),
        }
    }

    /// Puts a visit on disk with everything that follows from it, and asks the recipient that gives out numbers for one. That
    /// recipient may take its time.
    ///
    /// # Errors
    /// When the disk fails: then nothing may be printed, opened or sent.
    pub fn keep(&self, profile: &Profile, finished: &Finished) -> Result<Keeping<Kept>, Failure> {
        self.keep_by(profile, finished, Served::default())
    }

    /// The same where it is known who of staff served them, and how long it took.
    ///
    /// # Errors
    /// As [`Site::keep`].
    pub fn keep_by(&self, profile: &Profile, finished: &Finished, served: Served) -> Result<Keeping<Kept>, Failure> {
        let mut kept = match self.commit(profile, finished, served)? {
            Keeping::Kept(kept) => kept,
            refused => return Ok(refused),
        };
        if let Some(given) = self.courier().registered(&kept.id) {
            (kept.number, kept.place) = (Some(given.number), given.place.or(kept.place));
        }
        Ok(Keeping::Kept(kept))
    }

    /// Somebody was turned away, or (without a reason) a visit was broken off. `finished` is what is known of them by then.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn turned_away(
        &self,
        profile: &Profile,
        visit: Bytes<16>,
        finished: Option<&Finished>,
        why: Option<Refusal>,
    ) -> Result<(), Failure> {
        self.turned_away_by(profile, visit, finished, why, &Served::default())
    }

    /// The same where it is known who of staff served them, and how long it took.
    ///
    /// # Errors
    /// As [`Site::turned_away`].
    pub fn turned_away_by(
        &self,
        profile: &Profile,
        visit: Bytes<16>,
        finished: Option<&Finished>,
        why: Option<Refusal>,
        served: &Served,
    ) -> Result<(), Failure> {
        let nobody = Finished { visit, sequence: 0, content: Content::default(), party: None };
        self.note_end(profile, finished.unwrap_or(&nobody), why, served)
    }

    /// Changes something in the book, and signs the events of it before anybody is told.
    ///
    /// # Errors
    /// When the change fails, or its event cannot be signed.
    pub fn change<T, E: Into<Failure>>(&self, change: impl FnOnce(&Book) -> Result<T, E>) -> Result<T, Failure> {
        let done = change(&self.book()).map_err(Into::into)?;
        self.drain()?;
        Ok(done)
    }

    /// Reads records for somebody: [`Book::look_part`]. The event of the look is signed before anything is given.
    ///
    /// # Errors
    /// When they cannot be read, or the look cannot be written down and signed.
    pub fn look_part(
        &self,
        looker: &Looker<'_>,
        which: Which<'_>,
        most: usize,
        keep: impl Fn(&Record) -> bool,
        seen: &mut Seen,
    ) -> Result<Part, Failure> {
        let part = self.book().look_part(looker, which, most, keep, seen)?;
        self.drain()?;
        Ok(part)
    }

    /// Writes down that somebody looks at a visit that is not, or not yet, in the book, and signs it; the proof of it.
    ///
    /// # Errors
    /// When it cannot be written down and signed.
    pub fn looked(&self, looker: &Looker<'_>, visit: &str, seen: &mut Seen) -> Result<Looked, Failure> {
        let looked = self.book().looked(looker, vec![visit.to_owned()], seen)?;
        self.drain()?;
        Ok(looked)
    }

    /// Who looked at what is kept of people, latest first, as far as the device still has it.
    ///
    /// # Errors
    /// When the outbox fails.
    pub fn looks(&self, most: usize) -> Result<Vec<(Event, Access)>, Failure> {
        looks(&lock(&self.outbox), most)
    }
}

/// Events that are looked through for looks: all that an outbox keeps.
const KEPT: usize = 20_000;

/// Who looked at what is kept of people, latest first, as far as an outbox still has it.
///
/// # Errors
/// When the outbox fails.
pub fn looks(outbox: &Outbox, most: usize) -> Result<Vec<(Event, Access)>, Failure> {
    let events = outbox.newest(KEPT)?;
    let look = |bytes: &Vec<u8>| {
        let event = events::signed::read(bytes).ok()?;
        let Body::Access(access) = event.body.clone() else { return None };
        Some((event, access))
    };
    Ok(events.iter().filter_map(look).take(most).collect())
}
