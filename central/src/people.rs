//! Who somebody of the staff is, what they may do, and where: pure, without database and network.
//!
//! A [`Right`] is a type, and so is what was asked with it: a handler that wants to change something names [`Admit`] among its
//! arguments or does not compile. A [`Scope`] goes with every question that staff ask of the registry or the log; the one that
//! nobody filled in sees nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

program::closed_set! {
    /// What somebody is at central.
    pub enum Role {
        /// Sees devices and figures.
        Reader = "reader",
        /// Sees, besides, who did what, and what is strange in the log.
        Auditor = "auditor",
        /// Lets devices in, moves and replaces them.
        Technician = "technician",
        /// Does all of it, and ends the sessions of others.
        Operator = "operator",
    }
}

mod sealed {
    pub trait Sealed {}
}

/// What a request may do. Each is a type of its own; nobody adds one elsewhere.
pub trait Right: sealed::Sealed + fmt::Debug + Clone + Copy + Send + Sync + 'static {
    /// As it is called in refusals and documents.
    const WORD: &'static str;
    /// Who has it.
    const ROLES: &'static [Role];
}

macro_rules! right {
    ($(#[$doc:meta])* $name:ident, $word:literal, [$($role:ident),+]) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl sealed::Sealed for $name {}

        impl Right for $name {
            const WORD: &'static str = $word;
            const ROLES: &'static [Role] = &[$(Role::$role),+];
        }
    };
}

right! {
    /// To see devices, requests and figures of one's places.
    See, "see", [Reader, Auditor, Technician, Operator]
}
right! {
    /// To let devices in, to move and to replace them.
    Admit, "admit", [Technician, Operator]
}
right! {
    /// To see who did what, and what is strange.
    Audit, "audit", [Auditor, Operator]
}
right! {
    /// To change what holds for all of one's places: alerts, units, sessions of others.
    Operate, "operate", [Operator]
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Everywhere,
    Sites(BTreeSet<String>),
}

/// The sites that somebody may know of. What nobody said is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(Reach);

impl Default for Scope {
    fn default() -> Self {
        Self(Reach::Sites(BTreeSet::new()))
    }
}

impl Scope {
    /// All sites, also those that come later: of whoever has a shell of central, and of staff of whom somebody said so.
    #[must_use]
    pub const fn everywhere() -> Self {
        Self(Reach::Everywhere)
    }

    /// These sites and no other.
    #[must_use]
    pub fn of<S: Into<String>>(sites: impl IntoIterator<Item = S>) -> Self {
        Self(Reach::Sites(sites.into_iter().map(Into::into).collect()))
    }

    /// Whether a site is among them.
    #[must_use]
    pub fn sees(&self, site: &str) -> bool {
        match &self.0 {
            Reach::Everywhere => true,
            Reach::Sites(sites) => sites.contains(site),
        }
    }

    /// Whether it is all of them: what belongs to no site is seen by nobody else.
    #[must_use]
    pub const fn is_everywhere(&self) -> bool {
        matches!(self.0, Reach::Everywhere)
    }

    /// The sites by name; none where it is all of them.
    #[must_use]
    pub const fn sites(&self) -> Option<&BTreeSet<String>> {
        match &self.0 {
            Reach::Everywhere => None,
            Reach::Sites(sites) => Some(sites),
        }
    }

    /// For a query: bind it as `?1` and say [`Scope::clause`] of the column with the site. A parameter that was forgotten is NULL
    /// and lets no row through.
    #[must_use]
    pub fn sql(&self) -> String {
        match &self.0 {
            Reach::Everywhere => "true".to_owned(),
            Reach::Sites(sites) => serde_json::json!(sites).to_string(),
        }
    }

    /// The condition of a query over the column with the site, with [`Scope::sql`] as parameter `number`.
    #[must_use]
    pub fn clause(column: &str, number: usize) -> String {
        format!("(?{number} = 'true' OR {column} IN (SELECT value FROM json_each(?{number})))")
    }
}

/// Somebody of the staff, as a session knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    name: String,
    role: Role,
    scope: Scope,
}

impl Person {
    /// Somebody, as the staff's table says.
    #[must_use]
    pub fn new(name: &str, role: Role, scope: Scope) -> Self {
        Self { name: name.to_owned(), role, scope }
    }

    /// Their name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What they are.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The sites that they may know of.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether they have a right: what a page shows of itself. What is done wants [`Acting`].
    #[must_use]
    pub fn may<R: Right>(&self) -> bool {
        R::ROLES.contains(&self.role)
    }

    /// The same person, with a right; none where the role does not have it.
    #[must_use]
    pub fn acting<R: Right>(self) -> Option<Acting<R>> {
        self.may::<R>().then_some(Acting { person: self, right: PhantomData })
    }
}

/// Somebody who has a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting<R: Right> {
    person: Person,
    right: PhantomData<R>,
}

impl<R: Right> std::ops::Deref for Acting<R> {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_said_sees_nothing() {
        let nowhere = Scope::default();
        assert!(!nowhere.sees("A") && !nowhere.sees("") && !nowhere.is_everywhere());
        assert_eq!((nowhere.sql().as_str(), nowhere), ("[]", Scope::of(Vec::<String>::new())));
        let some = Scope::of(["A", "B"]);
        assert!(some.sees("A") && !some.sees("C") && !some.sees("a") && !some.is_everywhere());
        assert!(Scope::everywhere().sees("A") && Scope::everywhere().is_everywhere());
    }

    #[test]
    fn a_query_lets_through_what_the_scope_sees_and_without_a_scope_nothing() {
        let connection = rusqlite::Connection::open_in_memory().expect("database");
        connection
            .execute_batch("CREATE TABLE t (site TEXT); INSERT INTO t VALUES ('A'), ('B'), ('true'), (NULL), ('1');")
            .expect("rows");
        let query = format!("SELECT count(*) FROM t WHERE {}", Scope::clause("site", 1));
        let count =
            |scope: Option<String>| connection.query_row(&query, [scope], |row| row.get::<_, i64>(0)).expect("counted");
        assert_eq!(count(Some(Scope::everywhere().sql())), 5);
        assert_eq!(count(Some(Scope::of(["A", "true"]).sql())), 2);
        assert_eq!(count(Some(Scope::of(["true"]).sql())), 1, "a site of this name is a site");
        assert_eq!(count(Some(Scope::of(["A\"]", "'; --"]).sql())), 0);
        assert_eq!(count(Some(Scope::default().sql())), 0);
        assert_eq!(count(None), 0, "a parameter that was forgotten");
    }

    #[test]
    fn who_may_do_what() {
        let has = |role: Role| {
            let person = Person::new("an", role, Scope::everywhere());
            [person.may::<See>(), person.may::<Admit>(), person.may::<Audit>(), person.may::<Operate>()]
        };
        assert_eq!(has(Role::Reader), [true, false, false, false]);
        assert_eq!(has(Role::Auditor), [true, false, true, false]);
        assert_eq!(has(Role::Technician), [true, true, false, false]);
        assert_eq!(has(Role::Operator), [true; 4]);
        assert!(Person::new("an", Role::Reader, Scope::everywhere()).acting::<Admit>().is_none());
    }
}
