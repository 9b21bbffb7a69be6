//! Who looked: the only way to what the book keeps of people.
//!
//! A [`Record`] comes out of [`Book::look`] and out of nothing else, and [`Looked`] out of [`Book::looked`]: both have the event of
//! the look on disk before they give anything. If it cannot be written, nothing is given.
//!
//! ```compile_fail
//! // Nobody says of themselves that it was written down.
//! let looked = store::book::Looked { visits: Vec::new() };
//! ```
//!
//! ```compile_fail
//! // No record without somebody who looks.
//! fn read(book: &store::book::Book) {
//!     let _ = book.records("1 = 1", []);
//! }
//! ```

use crate::book::{Book, BookError, Record, add_note, failed};
use events::event::Bytes;
use events::{Access, Body, Duty, Look};
use rusqlite::params;
use std::collections::BTreeSet;
use visit::content::Content;

/// Visits that one event names; more of them make more events, each below the greatest length.
const MOST: usize = 1000;
/// Looks that are remembered as written down; more are written down again.
const MOST_SEEN: usize = 20_000;

/// Somebody who looks.
#[derive(Debug, Clone, Copy)]
pub struct Looker<'a> {
    /// [`Access::by`].
    pub by: &'a str,
    /// As what.
    pub role: Duty,
    /// What at.
    pub what: Look,
    /// The site profile; empty for all.
    pub profile: &'a str,
}

/// What the log says already of somebody: a page that shows the same list anew because a guest came does not look at all of them
/// again. Nobody but the book adds to it.
#[derive(Debug, Default)]
pub struct Seen(BTreeSet<(Look, String)>);

/// Which records.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Those of a profile and a day, `YYYY-MM-DD`, latest first.
    Day(&'a str, &'a str),
    /// One, by its identifier.
    One(&'a str),
    /// Those of a profile that are in no file.
    InNoFile(&'a str),
    /// Those of a file.
    File(i64),
    /// Those of a person, by each [`Book::handle`] that they may have.
    Of(&'a [Bytes<32>]),
}

/// A look that stands in the log.
#[derive(Debug)]
pub struct Looked {
    visits: Vec<String>,
}

impl Looked {
    /// Whether the look was at this visit.
    #[must_use]
    pub fn is_at(&self, visit: &str) -> bool {
        self.visits.iter().any(|known| known == visit)
    }
}

/// A visit's identifier, as events have it.
fn identifier(visit: &str) -> Option<Bytes<16>> {
    let digits = (visit.len() == 32).then_some(visit)?;
    u128::from_str_radix(digits, 16).ok().map(|number| Bytes(number.to_be_bytes()))
}

impl Book {
    /// Reads records for somebody, as far as `keep` wants them, and writes down that they looked, each time anew. `keep` sees
    /// what it is to choose from and gives nothing of it away.
    ///
    /// # Errors
    /// When the database fails, a record does not open, or the look cannot be written down: then nothing is given.
    pub fn look(
        &self,
        looker: &Looker<'_>,
        which: Which<'_>,
        keep: impl Fn(&Record) -> bool,
    ) -> Result<Vec<Record>, BookError> {
        self.look_on(looker, which, keep, &mut Seen::default())
    }

    /// The same for somebody who is shown the same anew: only what they have not `seen` is written down.
    ///
    /// # Errors
    /// As [`Book::look`].
    pub fn look_on(
        &self,
        looker: &Looker<'_>,
        which: Which<'_>,
        keep: impl Fn(&Record) -> bool,
        seen: &mut Seen,
    ) -> Result<Vec<Record>, BookError> {
        let mut records = match which {
            Which::Day(day, profile) => {
                self.records("day = ?1 AND profile = ?2 ORDER BY at DESC, rowid DESC", params![day, profile])
            }
            Which::One(id) => self.records("id = ?1", [id]),
            Which::InNoFile(profile) => self.records("profile = ?1 AND batch IS NULL ORDER BY at", [profile]),
            Which::File(batch) => self.records("batch = ?1 ORDER BY at", [batch]),
            Which::Of(handles) => {
                let of = |handle: &Bytes<32>| self.records("subject = ?1 ORDER BY at", [handle.0.to_vec()]);
                handles.iter().map(of).collect::<Result<Vec<_>, _>>().map(|found| found.into_iter().flatten().collect())
            }
        }?;
        records.retain(|record| keep(record));
        self.looked(looker, records.iter().map(|record| record.id.clone()).collect(), seen)?;
        Ok(records)
    }

    /// Writes down that somebody looks at these visits, as far as they have not `seen` them; the proof of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn looked(&self, looker: &Looker<'_>, visits: Vec<String>, seen: &mut Seen) -> Result<Looked, BookError> {
        let of = |visit: &String| (looker.what, visit.clone());
        let new: Vec<&String> = visits.iter().filter(|visit| !seen.0.contains(&of(visit))).collect();
        let failed = failed("write down who looked");
        if !new.is_empty() {
            // Of one operation there is all or nothing.
            let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
            for part in new.chunks(MOST) {
                let named = part.iter().filter_map(|visit| identifier(visit));
                let access = Access {
                    by: looker.by.to_owned(),
                    role: looker.role,
                    what: looker.what,
                    count: part.len() as u64,
                    visits: named.collect(),
                    profile: looker.profile.to_owned(),
                };
                add_note(&transaction, &Body::Access(access)).map_err(&failed)?;
            }
            transaction.commit().map_err(&failed)?;
        }
        if seen.0.len() + new.len() > MOST_SEEN {
            seen.0.clear();
        }
        let now: Vec<_> = visits.iter().map(of).collect();
        seen.0.extend(now);
        Ok(Looked { visits })
    }

    fn records(&self, clause: &str, values: impl rusqlite::Params) -> Result<Vec<Record>, BookError> {
        let failed = failed("read records");
        let query = format!(
            "SELECT id, profile, day, at, sequence, number, party, batch, gone_at, body FROM record WHERE {clause}"
        );
        let mut statement = self.connection.prepare(&query).map_err(&failed)?;
        let rows = statement.query_map(values, |row| {
            let record = Record {
                id: row.get(0)?,
                profile: row.get(1)?,
                day: row.get(2)?,
                at: row.get(3)?,
                sequence: row.get::<_, i64>(4)?.unsigned_abs(),
                number: row.get(5)?,
                party: row.get(6)?,
                batch: row.get(7)?,
                gone_at: row.get(8)?,
                content: Content::default(),
            };
            Ok((record, row.get::<_, Vec<u8>>(9)?))
        });
        rows.map_err(&failed)?
            .map(|row| {
                let (mut record, sealed) = row.map_err(&failed)?;
                let place = format!("record/{}", record.id);
                let plain = self.seal.unseal(&place, &sealed).ok_or_else(|| BookError::Sealed(place.clone()))?;
                record.content = serde_json::from_slice(&plain).map_err(|_| BookError::Sealed(place))?;
                Ok(record)
            })
            .collect()
    }
}
