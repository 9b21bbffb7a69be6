//! Who did something already in a period. People stand here as the site's keyed hash for it, sealed, and are found by its mark under
//! the key of the day: when the line is past its time, nobody who has the file finds it for a number.

use super::days::{Days, Framed, Kind};
use super::rows::{Entry, Visit};
use super::{Book, BookError, failed};
use events::chain::Class;
use events::event::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};
use visit::ledger::{Standing, allow};
use visit::profile::Rule;
use visit::steps::Refusal;

/// Where a line lies.
pub(super) fn place(profile: &str, scope: &str, at: i64) -> String {
    format!("ledger/{profile}/{scope}/{at}")
}

/// A line of a person.
struct Line<'a> {
    profile: &'a str,
    scope: &'a str,
    subject: &'a Bytes<32>,
    at: i64,
    device: &'a str,
    erase_at: i64,
}

/// Writes a visit into a ledger; or why its rule does not allow that.
pub(super) fn enter(
    connection: &Connection,
    days: &Days,
    visit: &Visit<'_>,
    entry: &Entry,
) -> Result<Option<Refusal>, BookError> {
    // What cannot be counted has no place where people are counted.
    let (profile, scope) = (visit.profile, entry.scope.as_str());
    let Some(Counted { subject, marks, standing }) = counted(connection, days, (profile, scope), &visit.counted_as)?
    else {
        return Ok(Some(Refusal::NoNumber));
    };
    if let Err(refusal) = allow(entry.rule, entry.direction, standing) {
        return Ok(Some(refusal));
    }
    let line = Line { profile, scope, subject, at: visit.at, device: visit.device, erase_at: entry.erase_at };
    let inside = entry.rule == Rule::InOut && !standing.inside;
    write(connection, days, &line, &marks, inside, Some(&visit.id))?;
    Ok(None)
}

fn write(
    connection: &Connection,
    days: &Days,
    line: &Line<'_>,
    marks: &str,
    inside: bool,
    record: Option<&str>,
) -> Result<(), BookError> {
    let failed = failed("write the ledger");
    // Where somebody is, their last line says.
    let update = "UPDATE ledger SET inside = 0 WHERE profile = ?1 AND scope = ?2 AND inside = 1
                  AND subject IN (SELECT unhex(value) FROM json_each(?3))";
    connection.execute(update, params![line.profile, line.scope, marks]).map_err(&failed)?;
    let place = place(line.profile, line.scope, line.at);
    let framed = Framed::new(Some(line.subject), &[]);
    let sealed = days.frame(connection, (Kind::Ledger, Some(Class::D1.epoch(line.at))), &place, &framed)?;
    let insert = "INSERT INTO ledger (profile, scope, subject, inside, at, device, record, erase_at, key, body)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        line.profile,
        line.scope,
        sealed.subject,
        inside,
        line.at,
        line.device,
        record,
        line.erase_at,
        sealed.key,
        sealed.body
    ];
    connection.execute(insert, values).map_err(&failed)?;
    Ok(())
}

/// Under which of their numbers somebody is counted, and how they stand there.
struct Counted<'a> {
    subject: &'a Bytes<32>,
    marks: String,
    standing: Standing,
}

/// Where they were last, else under the first of their numbers; nothing for nobody.
fn counted<'a>(
    connection: &Connection,
    days: &Days,
    (profile, scope): (&str, &str),
    subjects: &'a [Bytes<32>],
) -> Result<Option<Counted<'a>>, BookError> {
    let mut found: Option<Counted<'_>> = None;
    for subject in subjects {
        let marks = days.marks(connection, Kind::Ledger, "person", &subject.0)?;
        let standing = standing(connection, profile, scope, &marks).map_err(failed("read the ledger"))?;
        if found.as_ref().is_none_or(|before| standing.last > before.standing.last) {
            found = Some(Counted { subject, marks, standing });
        }
    }
    Ok(found)
}

fn standing(connection: &Connection, profile: &str, scope: &str, marks: &str) -> rusqlite::Result<Standing> {
    const OF: &str = "FROM ledger WHERE profile = ?1 AND scope = ?2
                      AND subject IN (SELECT unhex(value) FROM json_each(?3))";
    let values = params![profile, scope, marks];
    let (count, last): (i64, Option<i64>) =
        connection
            .query_row(&format!("SELECT count(*), max(at) {OF}"), values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let query = format!("SELECT inside {OF} ORDER BY id DESC LIMIT 1");
    let inside: Option<bool> = connection.query_row(&query, values, |row| row.get(0)).optional()?;
    Ok(Standing { count: count.unsigned_abs(), inside: inside.unwrap_or(false), last })
}

impl Book {
    /// Where a person stands in a ledger, who may be in it under several numbers ([`Visit::counted_as`]); nothing for nobody.
    ///
    /// # Errors
    /// When the database fails.
    pub fn standing(&self, profile: &str, scope: &str, subjects: &[Bytes<32>]) -> Result<Option<Standing>, BookError> {
        let _moment = self.moment()?;
        let found = counted(&self.connection, &self.days, (profile, scope), subjects)?;
        Ok(found.map(|counted| counted.standing))
    }

    /// How many people are inside.
    ///
    /// # Errors
    /// When the database fails.
    pub fn inside(&self, profile: &str) -> Result<u64, BookError> {
        let query = "SELECT count(*) FROM ledger WHERE profile = ?1 AND inside = 1";
        let count: i64 =
            self.connection.query_row(query, [profile], |row| row.get(0)).map_err(failed("count who is inside"))?;
        Ok(count.unsigned_abs())
    }

    /// Everything that a ledger says of one period: keyed hash, when, where.
    ///
    /// # Errors
    /// When the database fails, or a line does not open.
    pub fn ledger(&self, profile: &str, scope: &str) -> Result<Vec<(Bytes<32>, i64, String)>, BookError> {
        let failed = failed("read the ledger");
        let _moment = self.moment()?;
        let query = "SELECT key, body, at, device FROM ledger WHERE profile = ?1 AND scope = ?2 ORDER BY at, id";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([profile, scope], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?, row.get(3)?))
        });
        rows.map_err(&failed)?
            .map(|row| {
                let (key, sealed, at, device) = row.map_err(&failed)?;
                let place = place(profile, scope, at);
                let framed = self.days.unframe(&self.connection, key, &place, &sealed)?;
                Ok((framed.handle().ok_or(BookError::Sealed(place))?, at, device))
            })
            .collect()
    }

    /// Takes in what another device's ledger says of a period; how many entries were new.
    ///
    /// # Errors
    /// When the database fails.
    pub fn merge(
        &mut self,
        profile: &str,
        scope: &str,
        entries: &[(Bytes<32>, i64, String)],
        erase_at: i64,
    ) -> Result<u64, BookError> {
        let failed = failed("merge a ledger");
        let transaction = self.begin("merge a ledger")?;
        let mut new = 0;
        for (subject, at, device) in entries {
            let marks = self.days.marks(&transaction, Kind::Ledger, "person", &subject.0)?;
            let query = "SELECT count(*) FROM ledger WHERE profile = ?1 AND scope = ?2 AND at = ?4 AND device = ?5
                         AND subject IN (SELECT unhex(value) FROM json_each(?3))";
            let known = transaction.query_row(query, params![profile, scope, marks, at, device], |row| row.get(0));
            if known.map_err(&failed)? {
                continue;
            }
            let line = Line { profile, scope, subject, at: *at, device, erase_at };
            write(&transaction, &self.days, &line, &marks, false, None)?;
            new += 1;
        }
        transaction.commit().map_err(&failed)?;
        Ok(new)
    }
}
