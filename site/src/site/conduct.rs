//! What the site does in a visit, for a kiosk and a desk alike: they show, this keeps.

use super::Site;
use events::event::Bytes;
use program::Failure;
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
        let mut kept = match self.commit(profile, finished)? {
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
        let nobody = Finished { visit, sequence: 0, content: Content::default(), party: None };
        self.note_end(profile, finished.unwrap_or(&nobody), why)
    }
}
