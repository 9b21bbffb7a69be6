//! Lists of people, which of them counts today, and who is on it and in the ledger.

use super::{Lists, Site};
use cccd::calendar::in_vietnam;
use drivers::key_store::sealed;
use events::Verifier;
use events::event::Bytes;
use events::subject::Person;
use fleet::bundle::Kind;
use identity::bundles::Bundles;
use program::Failure;
use std::sync::{Arc, PoisonError};
use visit::content::{Content, ListedAs};
use visit::group::is_below;
use visit::ledger::{allow, period};
use visit::profile::Profile;
use visit::roster::{self, Index, Roster};
use visit::steps::Refusal;

impl Site {
    /// Whether somebody whose document is good enough may go on: the list first, then the ledger. What the list says
    /// goes into `content`.
    ///
    /// # Errors
    /// When the book fails.
    pub(super) fn admit(&self, profile: &Profile, content: &mut Content) -> Result<Option<Refusal>, Failure> {
        if profile.alone_from.is_some_and(|age| is_below(content, age, in_vietnam(self.now()).date())) {
            return Ok(Some(Refusal::ChildAlone));
        }
        let listed = self.listed(content);
        let list = self.roster(&profile.id);
        if let Some(rules) = profile.roster() {
            let today = in_vietnam(self.now()).date();
            match &list {
                None if rules.required => return Ok(Some(Refusal::NoList)),
                None => {}
                Some(list) => {
                    if let Err(refusal) = list.ask(today, rules, &listed, content) {
                        return Ok(Some(refusal));
                    }
                }
            }
        }
        let Some(rules) = profile.ledger() else { return Ok(None) };
        let scope = period(rules.scope, self.now(), list.as_ref().map(|list| list.roster().id.as_str()));
        let counted = self.counted_as(profile, &scope, content);
        let Some(standing) = self.book().standing(&profile.id, &scope, &counted)? else {
            return Ok(Some(Refusal::NoNumber));
        };
        Ok(allow(rules.rule, self.config.direction, standing).err())
    }

    /// How somebody stands in lists by keyed hash: by today's number, then by those that they had.
    fn listed(&self, content: &Content) -> Vec<Bytes<32>> {
        let Some(person) = content.person() else { return Vec::new() };
        let everybody = std::iter::once(person).chain(content.persons_before());
        everybody.map(|person| self.recorder.people.listed(&person)).collect()
    }

    /// Who a profile's ledger counts in a period: a citizen by the number alone, first as the list has it, then as the card does, then by
    /// those that they had; anybody else by document, state and number.
    pub(super) fn counted_as(&self, profile: &Profile, scope: &str, content: &Content) -> Vec<Bytes<32>> {
        let known = self.listed(content);
        if known.is_empty() {
            return known;
        }
        let people = &self.recorder.people;
        let listed = content.known_as.listed.as_ref().and_then(|listed| match listed {
            ListedAs::Number(number) => Some(people.listed(&Person::citizen(&number.0)?)),
            ListedAs::Subject(hash) => Some(Bytes(hex::decode(hash).ok()?.try_into().ok()?)),
        });
        let everybody = listed.into_iter().chain(known);
        everybody.map(|listed| people.counted(&profile.id, scope, &listed)).collect()
    }

    /// Whom of the list somebody may be who is not on it, for a person to decide; nobody where they are on it, or there is none that is
    /// valid today.
    #[must_use]
    pub fn proposed(&self, profile: &Profile, content: &Content) -> Option<roster::Entry> {
        profile.roster()?;
        let list = self.roster(&profile.id)?;
        let today = in_vietnam(self.now()).date();
        let open = list.roster().is_valid_on(today) && list.find(content, &self.listed(content)).is_none();
        list.propose(content).filter(|_| open).cloned()
    }

    /// Reads the lists of a profile from the book, where they are others than those that are known.
    ///
    /// # Errors
    /// When one does not open.
    pub fn load_rosters(&self, profile: &str) -> Result<(), Failure> {
        let book = self.book();
        let mark = book.rosters_mark(profile)?;
        if self.lists(profile).is_some_and(|(known, _)| known == mark) {
            return Ok(());
        }
        let lists: Vec<_> = book.rosters(profile)?.into_iter().map(|list| Arc::new(list.index())).collect();
        drop(book);
        self.rosters.write().unwrap_or_else(PoisonError::into_inner).insert(profile.to_owned(), (mark, lists));
        Ok(())
    }

    /// Takes in the lists of the active bundle that are for this site.
    ///
    /// # Errors
    /// When the bundle cannot be read.
    pub(super) fn import_sent(&self) -> Result<(), Failure> {
        let bundles = Bundles::new(&self.config.bundles);
        if !bundles.path().join("rosters").is_dir() {
            return Ok(());
        }
        let contents = bundles.contents()?;
        for entry in contents.iter().flat_map(|bundle| bundle.of_kind(Kind::Roster)) {
            let taken = match self.recorder.people.open_list(&entry.bytes) {
                // A bundle for several sites has the lists of each.
                Ok(None) => continue,
                Ok(Some(list)) => self.import_roster(&self.profile.id, &list, None).map(drop),
                Err(error) => Err(error.into()),
            };
            // One for another profile waits for a site of that profile.
            if let Err(failure) = taken {
                tracing::warn!(code = failure.code, path = entry.path, "list of the bundle: {}", failure.message);
            }
        }
        Ok(())
    }

    fn lists(&self, profile: &str) -> Option<Lists> {
        self.rosters.read().unwrap_or_else(PoisonError::into_inner).get(profile).cloned()
    }

    /// The list of a profile: one that is valid today, or else the last one there is.
    #[must_use]
    pub fn roster(&self, profile: &str) -> Option<Arc<Index>> {
        let today = in_vietnam(self.now()).date();
        // Another process may have taken one in; what cannot be read now is what it was.
        if let Err(failure) = self.load_rosters(profile) {
            tracing::error!(code = failure.code, "{}", failure.message);
        }
        let (_, lists) = self.lists(profile)?;
        lists.iter().rev().find(|list| list.roster().is_valid_on(today)).or_else(|| lists.last()).cloned()
    }

    /// Takes in a list for a profile that the operator signed, sealed with this pass phrase or not sealed.
    ///
    /// # Errors
    /// When it is not signed, older than the one that is there, for another profile, or no list.
    pub fn import_roster(
        &self,
        profile: &str,
        bytes: &[u8],
        pass_phrase: Option<&[u8]>,
    ) -> Result<Arc<Index>, Failure> {
        let trusted = self.config.roster.as_ref().ok_or_else(|| {
            let message = "the configuration has no [roster]: no operator's key";
            Failure::usage("roster_no_key", message, "add it as /usr/share/doc/cccd-agent/configuration.md shows")
        })?;
        let pem = program::files::read(&trusted.key)?;
        let operator = Verifier::from_pem(&pem).map_err(|e| {
            Failure::usage("roster_no_key", format!("{}: {e}", trusted.key.display()), "name the operator's public key")
        })?;
        let opened = if sealed::is_sealed(bytes) {
            let phrase = pass_phrase.unwrap_or_default();
            sealed::open(phrase, bytes).ok_or_else(|| {
                let message = "the pass phrase does not open the list";
                Failure::usage("roster_locked", message, "type the pass phrase that came with the list")
            })?
        } else {
            zeroize::Zeroizing::new(bytes.to_vec())
        };
        let roster = Roster::open(&opened, &operator)?;
        if roster.profile != profile {
            let message = format!("the list is for the profile {}, this is {profile}", roster.profile);
            return Err(Failure::usage("roster_other_profile", message, "use it on a device with that profile"));
        }
        self.book().take_roster(&roster)?;
        let id = roster.id.clone();
        drop(roster);
        self.load_rosters(profile)?;
        let lists = self.lists(profile).map(|(_, lists)| lists).unwrap_or_default();
        let found = lists.into_iter().find(|list| list.roster().id == id);
        found.ok_or_else(|| Failure::device("roster_lost", "the list is not in the book", "take it in again"))
    }
}
