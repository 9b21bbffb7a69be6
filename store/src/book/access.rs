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
//!     let _ = book.record(1);
//! }
//! ```

use crate::book::days::Kind;
use crate::book::rows::{Body, Shown};
use crate::book::{Book, BookError, Record, add_note, failed};
use events::event::Bytes;
use events::{Access, Duty, Look};
use rusqlite::OptionalExtension as _;
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
    /// A list of a profile, latest first.
    List(Listed<'a>),
    /// One, by its identifier.
    One(&'a str),
    /// Those of a profile that are in no file, or in one of which the portal shows nobody; without the withdrawn.
    InNoFile(&'a str),
    /// Those of a file.
    File(i64),
    /// Those of a person, by each [`Book::handle`] that they may have.
    Of(&'a [Bytes<32>]),
}

/// Which part of the list of a profile.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listed<'a> {
    /// The profile.
    pub profile: &'a str,
    /// Those who came on these days, the first and the last, `YYYY-MM-DD`; of all days without.
    pub days: Option<(&'a str, &'a str)>,
    /// Only those who have not gone and are not withdrawn.
    pub in_house: bool,
    /// Only those after this place, which [`Part::next`] named.
    pub after: Option<(i64, i64)>,
}

/// A part of a list.
#[derive(Debug)]
pub struct Part {
    /// Records, latest first.
    pub records: Vec<Record>,
    /// The place after which there are more.
    pub next: Option<(i64, i64)>,
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
pub(super) fn identifier(visit: &str) -> Option<Bytes<16>> {
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
        Ok(self.look_part(looker, which, usize::MAX, keep, &mut Seen::default())?.records)
    }

    /// The same for somebody who is shown the same anew, and no more than `most` of them: only what they have not `seen` is written
    /// down.
    ///
    /// # Errors
    /// As [`Book::look`].
    pub fn look_part(
        &self,
        looker: &Looker<'_>,
        which: Which<'_>,
        most: usize,
        keep: impl Fn(&Record) -> bool,
        seen: &mut Seen,
    ) -> Result<Part, BookError> {
        let mut found = Vec::new();
        for row in self.rows(which)? {
            // One more than is given says whether there are more; nobody sees it.
            if found.len() > most {
                break;
            }
            let Some(mut record) = self.record(row)? else { continue };
            if keep(&record) {
                if matches!(which, Which::One(_) | Which::Of(_)) {
                    record.versions = self.versions(&record.id)?;
                }
                found.push((row, record));
            }
        }
        let more = found.len() > most;
        found.truncate(most);
        let next = found.last().filter(|_| more).map(|(row, record)| (record.at, *row));
        let records: Vec<Record> = found.into_iter().map(|(_, record)| record).collect();
        self.looked(looker, records.iter().map(|record| record.id.clone()).collect(), seen)?;
        Ok(Part { records, next })
    }

    /// The rows that are meant, in order. Bodies are large: they are read one by one.
    fn rows(&self, which: Which<'_>) -> Result<Vec<i64>, BookError> {
        const OF: &str = "SELECT record.rowid FROM record LEFT JOIN stand ON stand.record = record.id WHERE ";
        let failed = failed("look for records");
        let _moment = self.moment()?;
        let select = |clause: &str, values: &[&dyn rusqlite::ToSql]| {
            let mut statement = self.connection.prepare(&format!("{OF}{clause}"))?;
            statement.query_map(values, |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()
        };
        let list = |listed: Listed<'_>| {
            let (from, to) = listed.days.unzip();
            let (at, row) = listed.after.unzip();
            let clause = "profile = ?1 AND (?2 IS NULL OR day >= ?2) AND (?3 IS NULL OR day <= ?3)
                          AND (NOT ?4 OR (gone_at IS NULL AND withdrawn_at IS NULL))
                          AND (?5 IS NULL OR (at, record.rowid) < (?5, ?6)) ORDER BY at DESC, record.rowid DESC";
            select(clause, &[&listed.profile, &from, &to, &listed.in_house, &at, &row])
        };
        match which {
            Which::Day(day, profile) => list(Listed { profile, days: Some((day, day)), ..Listed::default() }),
            Which::List(listed) => list(listed),
            Which::One(id) => select("id = ?1", &[&id]),
            Which::InNoFile(profile) => {
                let clause = "profile = ?1 AND withdrawn_at IS NULL AND (batch IS NULL OR batch IN
                                  (SELECT id FROM batch WHERE confirmed_at IS NULL AND taken = 0)) ORDER BY at, record.rowid";
                select(clause, &[&profile])
            }
            Which::File(batch) => select("batch = ?1 ORDER BY at, record.rowid", &[&batch]),
            Which::Of(handles) => {
                let mut found = Vec::new();
                for handle in handles {
                    let marks = self.days.marks(&self.connection, Kind::Record, "person", &handle.0)?;
                    let of = "subject IN (SELECT unhex(value) FROM json_each(?1)) ORDER BY at";
                    found.extend(select(of, &[&marks]).map_err(&failed)?);
                }
                Ok(found)
            }
        }
        .map_err(&failed)
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
                add_note(&transaction, &events::Body::Access(access)).map_err(&failed)?;
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

    /// A record by its row; nothing where it was erased meanwhile.
    pub(super) fn record(&self, row: i64) -> Result<Option<Record>, BookError> {
        let failed = failed("read a record");
        let _moment = self.moment()?;
        let query = "SELECT record.id, profile, day, record.at, sequence, number, NULL, batch, gone_at, body,
                     coalesce(stand.version, 1), filed, withdrawn_at, stand.staff, confirmed_at, taken, key
                     FROM record LEFT JOIN stand ON stand.record = record.id LEFT JOIN batch ON batch.id = record.batch
                     WHERE record.rowid = ?1";
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let found = statement.query_row([row], |row| {
            let batch: Option<i64> = row.get(7)?;
            let record = Record {
                id: row.get(0)?,
                profile: row.get(1)?,
                day: row.get(2)?,
                at: row.get(3)?,
                sequence: row.get::<_, i64>(4)?.unsigned_abs(),
                number: row.get(5)?,
                party: None,
                key: row.get::<_, Option<i64>>(16)?.unwrap_or_default(),
                batch,
                shown: Shown::of(batch, row.get(14)?, row.get(15)?),
                filed: row.get::<_, Option<i64>>(11)?.map(i64::unsigned_abs),
                version: row.get::<_, i64>(10)?.unsigned_abs(),
                withdrawn_at: row.get(12)?,
                staff: row.get(13)?,
                versions: Vec::new(),
                gone_at: row.get(8)?,
                content: Content::default(),
            };
            Ok((record, row.get::<_, Vec<u8>>(9)?))
        });
        let Some((mut record, sealed)) = found.optional().map_err(&failed)? else { return Ok(None) };
        let place = format!("record/{}", record.id);
        let framed = self.days.unframe(&self.connection, Some(record.key), &place, &sealed)?;
        let body: Body = serde_json::from_slice(framed.rest()).map_err(|_| BookError::Sealed(place))?;
        (record.party, record.content) = (body.party, body.content);
        Ok(Some(record))
    }
}
