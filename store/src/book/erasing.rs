//! What is past its time, and what somebody asks to have erased: rows go at once, and with them the keys that they were under
//! ([`super::days`]).

use super::days::{Kind, checkpoint};
use super::{Book, BookError, add_note, failed, tally};
use events::event::Bytes;
use events::{Body, Certain};

impl Book {
    /// Erases what is past its time, and notes for each profile how many records went, and how many messages nobody took. Keys
    /// under which nothing is left are destroyed; at the turn of the day, all of those under which something is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn expire(&mut self, now: Certain) -> Result<u64, BookError> {
        let (now, day) = (now.at(), now.day());
        let failed = failed("erase what is past its time");
        let transaction = self.begin("erase what is past its time")?;
        let mut counts: Vec<(String, u64)> = Vec::new();
        {
            let query = "SELECT profile, count(*) FROM record WHERE erase_at <= ?1 GROUP BY profile";
            let mut statement = transaction.prepare(query).map_err(&failed)?;
            let rows = statement.query_map([now], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
            for row in rows.map_err(&failed)? {
                counts.push(row.map_err(&failed)?);
            }
        }
        // What nobody took in time is lost to its recipient: that is said, not passed over.
        tally::expire(&transaction, now).map_err(&failed)?;
        let query = "SELECT count(*) FROM delivery WHERE erase_at <= ?1 AND state <> 'done'";
        let undelivered: i64 = transaction.query_row(query, [now], |row| row.get(0)).map_err(&failed)?;
        let mut gone = 0;
        for table in ["record", "ledger", "delivery"] {
            let delete = format!("DELETE FROM {table} WHERE erase_at <= ?1");
            gone += transaction.execute(&delete, [now]).map_err(&failed)?;
        }
        for (profile, count) in &counts {
            let body = Body::Erasure(events::Erasure {
                why: "retention".to_owned(),
                count: *count,
                profile: profile.clone(),
                subject: None,
            });
            add_note(&transaction, &body).map_err(&failed)?;
        }
        if undelivered > 0 {
            let (why, count) = ("undelivered".to_owned(), undelivered.unsigned_abs());
            let erasure = events::Erasure { why, count, profile: String::new(), subject: None };
            add_note(&transaction, &Body::Erasure(erasure)).map_err(&failed)?;
        }
        let destroyed = self.days.roll(&transaction, Some(day))?;
        transaction.commit().map_err(&failed)?;
        if destroyed || gone > 0 {
            checkpoint(&self.connection)?;
        }
        // Also what could not be removed before.
        self.days.forget(&self.connection)?;
        Ok(counts.iter().map(|(_, count)| count).sum::<u64>() + undelivered.unsigned_abs())
    }

    /// Erases everything about a person, by each of their [`Book::handle`]s, because they ask for it. The event names nobody. What an authority has not confirmed yet stays; how
    /// many went and how many stayed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erase_subjects(&mut self, handles: &[Bytes<32>]) -> Result<(u64, u64), BookError> {
        let failed = failed("erase what is known of a person");
        let transaction = self.begin("erase what is known of a person")?;
        let (mut gone, mut stays) = (0, 0_i64);
        for handle in handles {
            let of = |kind| self.days.marks(&transaction, kind, "person", &handle.0);
            let (records, messages) = (of(Kind::Record)?, of(Kind::Message)?);
            let delete = "DELETE FROM delivery WHERE subject IN (SELECT unhex(value) FROM json_each(?1)) OR record IN
                          (SELECT id FROM record WHERE subject IN (SELECT unhex(value) FROM json_each(?2)))";
            transaction.execute(delete, [&messages, &records]).map_err(&failed)?;
            let delete = "DELETE FROM record
                          WHERE subject IN (SELECT unhex(value) FROM json_each(?1)) AND erase_at IS NOT NULL";
            gone += transaction.execute(delete, [&records]).map_err(&failed)?;
            let query = "SELECT count(*) FROM record WHERE subject IN (SELECT unhex(value) FROM json_each(?1))";
            stays += transaction.query_row(query, [&records], |row| row.get::<_, i64>(0)).map_err(&failed)?;
        }
        let body = Body::Erasure(events::Erasure {
            why: "request".to_owned(),
            count: gone as u64,
            profile: String::new(),
            subject: None,
        });
        add_note(&transaction, &body).map_err(&failed)?;
        // Whoever asked does not wait for a day to be over.
        self.days.roll(&transaction, None)?;
        transaction.commit().map_err(&failed)?;
        checkpoint(&self.connection)?;
        self.days.forget(&self.connection)?;
        Ok((gone as u64, stays.unsigned_abs()))
    }
}
