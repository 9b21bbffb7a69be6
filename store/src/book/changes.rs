//! Versions of records: nothing that was kept is written over without what stood there, who changed it, when and why.
//!
//! Each act has a row with the whole of what people said, as it stands after the act, sealed, and an event
//! [`Change`] in the signed log with a commitment to that row. What the chip said is no part of it: it cannot be
//! changed. An undo is an act like another.

use crate::book::days::{Framed, Kind};
use crate::book::rows::{Portal, as_kept};
use crate::book::{Book, BookError, Record, add_note, failed, tally};
use events::event::Bytes;
use events::{Act, Body, Change, Duty};
use program::{Failure, Text};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use visit::content::to_json;
use visit::profile::Item;
use zeroize::Zeroizing;

/// Bytes of the random number before what is committed to.
const SALT: usize = 32;

/// What of a record people said, and may therefore mend.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// Answers, by the field's identifier.
    pub answers: BTreeMap<String, Text>,
    /// What staff typed from a paper; nothing where a chip was read.
    pub items: BTreeMap<Item, Text>,
    /// The party.
    pub party: Option<String>,
}

/// One version of a record, or an act that left it as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Which: 1 as it was kept.
    pub version: u64,
    /// When, seconds since 1970.
    pub at: i64,
    /// Who; empty where it is not known.
    pub by: String,
    /// As what.
    pub role: Option<Duty>,
    /// What was done; nothing where it was kept.
    pub act: Option<Act>,
    /// Why, a word of a closed list.
    pub why: Option<String>,
    /// The same in somebody's words.
    pub note: Option<Text>,
    /// As it stands from then on.
    pub stated: Stated,
    /// What the event in the log commits to; nothing where it was kept.
    #[serde(skip)]
    pub commitment: Option<Bytes<32>>,
}

/// Who changes a record, when and why.
#[derive(Debug, Clone)]
pub struct Doing<'a> {
    /// Who: the identifier in the register.
    pub by: &'a str,
    /// As what.
    pub role: Duty,
    /// Why, a word of a closed list.
    pub why: Option<&'a str>,
    /// The same in somebody's words.
    pub note: Option<Text>,
    /// When, seconds since 1970.
    pub at: i64,
    /// The day in Vietnam, `YYYY-MM-DD`.
    pub day: &'a str,
}

impl Record {
    /// What of it people said.
    #[must_use]
    pub fn stated(&self) -> Stated {
        let typed = !self.content.source.is_chip();
        Stated {
            answers: self.content.answers.clone(),
            items: if typed { self.content.items.clone() } else { BTreeMap::new() },
            party: self.party.clone(),
        }
    }

    /// The first version, which no act made.
    #[must_use]
    pub fn as_kept(&self) -> Version {
        Version {
            version: 1,
            at: self.at,
            by: self.staff.clone().unwrap_or_default(),
            role: None,
            act: None,
            why: None,
            note: None,
            stated: self.stated(),
            commitment: None,
        }
    }
}

fn changed_meanwhile() -> Failure {
    let remedy = "look at the record again, then do it once more if it is still right";
    Failure::usage("record_changed", "somebody else changed this record meanwhile", remedy)
}

/// The bytes that are sealed and committed to: a random number, then the version.
fn committed(version: &Version) -> Result<(Zeroizing<Vec<u8>>, Bytes<32>), BookError> {
    let json = to_json(version);
    let mut bytes = Zeroizing::new(vec![0; SALT + json.len()]);
    openssl::rand::rand_bytes(&mut bytes[..SALT])?;
    bytes[SALT..].copy_from_slice(&json);
    let commitment = events::hash(&bytes);
    Ok((bytes, commitment))
}

impl Book {
    /// Corrects what people said of a record that somebody has looked at. `subject` is under what the holder is found from then on.
    ///
    /// # Errors
    /// `record_changed` when somebody else was first; when the database fails.
    pub fn correct(
        &self,
        record: &Record,
        stated: &Stated,
        subject: Option<&Bytes<32>>,
        doing: &Doing<'_>,
    ) -> Result<(), Failure> {
        let failed = failed("correct a record");
        let mut content = record.content.clone();
        content.answers.clone_from(&stated.answers);
        if !content.source.is_chip() {
            content.items.clone_from(&stated.items);
        }
        let transaction = self.begin("correct a record")?;
        let record = self.again(record)?;
        // Under the key that it is under: what stood there goes with it, as one of its versions.
        let kept = as_kept(stated.party.as_deref(), &content.to_bytes());
        let (place, framed) = (format!("record/{}", record.id), Framed::new(subject, &kept));
        let sealed = self.days.frame_under(&transaction, record.key, &place, &framed)?;
        let party = self.days.party(&transaction, record.key, stated.party.as_deref())?;
        let update = "UPDATE record SET body = ?2, party = ?3, subject = ?4 WHERE id = ?1";
        transaction.execute(update, params![record.id, sealed.body, party, sealed.subject]).map_err(&failed)?;
        let typed = !content.source.is_chip();
        let items = if typed { stated.items.clone() } else { BTreeMap::new() };
        let stated = Stated { items, ..stated.clone() };
        self.acted(&transaction, &record, Act::Corrected, record.version + 1, &stated, doing)?;
        tally::count_act(&transaction, &record.profile, doing, Act::Corrected).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(())
    }

    /// Takes a record out of what goes to the portal. What the portal would have kept it for is over: it is erased at `erase_at`
    /// if nothing else says when.
    ///
    /// # Errors
    /// `withdrawn_already`, `record_changed`; when the database fails.
    pub fn withdraw(&self, record: &Record, erase_at: i64, doing: &Doing<'_>) -> Result<(), Failure> {
        let failed = failed("withdraw a record");
        let transaction = self.begin("withdraw a record")?;
        let record = self.again(record)?;
        if record.withdrawn_at.is_some() {
            let remedy = "undo it if that is what is meant";
            return Err(Failure::usage("withdrawn_already", "this record is withdrawn already", remedy));
        }
        let update = "UPDATE record SET erase_at = coalesce(erase_at, ?2) WHERE id = ?1";
        transaction.execute(update, params![record.id, erase_at]).map_err(&failed)?;
        let update = "UPDATE stand SET withdrawn_at = ?2 WHERE record = ?1";
        transaction.execute(update, params![record.id, doing.at]).map_err(&failed)?;
        self.acted(&transaction, &record, Act::Withdrawn, record.version + 1, &record.stated(), doing)?;
        tally::count_act(&transaction, &record.profile, doing, Act::Withdrawn).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(())
    }

    /// Undoes that. `held` says whether the profile keeps its people until the portal has them.
    ///
    /// # Errors
    /// `not_withdrawn`, `record_changed`; when the database fails.
    pub fn restore(&self, record: &Record, held: bool, doing: &Doing<'_>) -> Result<(), Failure> {
        let failed = failed("restore a record");
        let transaction = self.begin("restore a record")?;
        let record = self.again(record)?;
        if record.withdrawn_at.is_none() {
            return Err(Failure::usage("not_withdrawn", "this record is not withdrawn", "look at the record again"));
        }
        let next = record.version + 1;
        // Nothing but the withdrawal came after the file: it has again what it had. Where the portal was told of the withdrawal,
        // the guest goes into the next file.
        let (filed, told) = match record.filed {
            Some(filed) if filed + 1 == record.version => (Some(next), false),
            filed => (filed, filed == Some(record.version)),
        };
        let update = "UPDATE stand SET withdrawn_at = NULL, filed = ?2 WHERE record = ?1";
        let number = filed.filter(|_| !told).map(|filed| i64::try_from(filed).unwrap_or(i64::MAX));
        transaction.execute(update, params![record.id, number]).map_err(&failed)?;
        let update = "UPDATE record SET batch = CASE WHEN ?2 THEN NULL ELSE batch END WHERE id = ?1";
        transaction.execute(update, params![record.id, told]).map_err(&failed)?;
        let update = "UPDATE record SET erase_at = NULL WHERE id = ?1 AND ?2
                      AND (batch IS NULL OR batch IN (SELECT id FROM batch WHERE confirmed_at IS NULL))";
        transaction.execute(update, params![record.id, held]).map_err(&failed)?;
        self.acted(&transaction, &record, Act::Restored, next, &record.stated(), doing)?;
        transaction.commit().map_err(&failed)?;
        Ok(())
    }

    /// Somebody has corrected on the portal what was changed after the portal had it.
    ///
    /// # Errors
    /// `nothing_to_correct`, `record_changed`; when the database fails.
    pub fn corrected_at_portal(&self, record: &Record, doing: &Doing<'_>) -> Result<(), Failure> {
        let failed = failed("note a correction at the portal");
        let transaction = self.begin("note a correction at the portal")?;
        let record = self.again(record)?;
        if record.portal() != Portal::Correct {
            let (message, remedy) = ("the portal has this record as it is here", "nothing is to be done");
            return Err(Failure::usage("nothing_to_correct", message, remedy));
        }
        let update = "UPDATE stand SET filed = version WHERE record = ?1";
        transaction.execute(update, params![record.id]).map_err(&failed)?;
        self.acted(&transaction, &record, Act::CorrectedAtPortal, record.version, &record.stated(), doing)?;
        transaction.commit().map_err(&failed)?;
        Ok(())
    }

    /// The people of a party, or one person, have left; which records.
    ///
    /// # Errors
    /// When the database fails.
    pub fn check_out(&self, profile: &str, who: &str, doing: &Doing<'_>) -> Result<Vec<String>, BookError> {
        let of = "SELECT rowid FROM record WHERE profile = ?1 AND gone_at IS NULL
                  AND (id = ?2 OR party IN (SELECT value FROM json_each(?3)))";
        self.leave(of, (profile, who), Some(doing.at), Act::CheckedOut, doing)
    }

    /// They have not: one person, or those of a party who left last together; which records.
    ///
    /// # Errors
    /// When the database fails.
    pub fn check_out_undone(&self, profile: &str, who: &str, doing: &Doing<'_>) -> Result<Vec<String>, BookError> {
        let of = "SELECT rowid FROM record WHERE profile = ?1 AND gone_at IS NOT NULL
                  AND (id = ?2 OR (party IN (SELECT value FROM json_each(?3)) AND gone_at =
                      (SELECT max(gone_at) FROM record
                       WHERE profile = ?1 AND party IN (SELECT value FROM json_each(?3)))))";
        self.leave(of, (profile, who), None, Act::CheckOutUndone, doing)
    }

    fn leave(
        &self,
        of: &str,
        (profile, who): (&str, &str),
        gone_at: Option<i64>,
        act: Act,
        doing: &Doing<'_>,
    ) -> Result<Vec<String>, BookError> {
        let failed = failed("check out");
        let transaction = self.begin("check out")?;
        let party = self.days.marks(&transaction, Kind::Record, "party", who.as_bytes())?;
        let rows: Vec<i64> = {
            let mut statement = transaction.prepare(of).map_err(&failed)?;
            let rows = statement.query_map([profile, who, &party], |row| row.get(0)).map_err(&failed)?;
            rows.collect::<Result<_, _>>().map_err(&failed)?
        };
        let mut done = Vec::new();
        for row in rows {
            let Some(record) = self.record(row)? else { continue };
            let update = "UPDATE record SET gone_at = ?2 WHERE id = ?1";
            transaction.execute(update, params![record.id, gone_at]).map_err(&failed)?;
            self.acted(&transaction, &record, act, record.version, &record.stated(), doing)?;
            done.push(record.id);
        }
        transaction.commit().map_err(&failed)?;
        Ok(done)
    }

    /// A record as it is now, where it is still the version that somebody looked at.
    fn again(&self, looked: &Record) -> Result<Record, Failure> {
        let query = "SELECT rowid FROM record WHERE id = ?1";
        let row: Option<i64> = self
            .connection
            .query_row(query, [&looked.id], |row| row.get(0))
            .optional()
            .map_err(failed("look for a record"))?;
        let record = row.map(|row| self.record(row)).transpose()?.flatten();
        record.filter(|record| record.version == looked.version).ok_or_else(changed_meanwhile)
    }

    /// Writes an act down: its row, and the event that commits to it. The first one puts down what stood there before.
    fn acted(
        &self,
        connection: &Connection,
        record: &Record,
        act: Act,
        number: u64,
        stated: &Stated,
        doing: &Doing<'_>,
    ) -> Result<(), BookError> {
        let failed = failed("write a version");
        let query = "SELECT coalesce(max(number) + 1, 0) FROM change WHERE record = ?1";
        let next: i64 = connection.query_row(query, [&record.id], |row| row.get(0)).map_err(&failed)?;
        let now = Version {
            version: number,
            at: doing.at,
            by: doing.by.to_owned(),
            role: Some(doing.role),
            act: Some(act),
            why: doing.why.map(str::to_owned),
            note: doing.note.clone(),
            stated: stated.clone(),
            commitment: None,
        };
        let first = (next == 0).then(|| record.as_kept());
        let mut commitment = Bytes([0; 32]);
        for (version, row) in first.iter().chain([&now]).zip(next..) {
            let (plain, hash) = committed(version)?;
            commitment = hash;
            let place = format!("change/{}/{row}", record.id);
            let sealed = self.days.seal_under(connection, record.key, &place, &plain)?;
            let insert = "INSERT INTO change (record, number, body, key) VALUES (?1, ?2, ?3, ?4)";
            connection.execute(insert, params![record.id, row, sealed.body, sealed.key]).map_err(&failed)?;
        }
        let update = "INSERT INTO stand (record, version) VALUES (?1, ?2)
                      ON CONFLICT (record) DO UPDATE SET version = ?2";
        let stands = i64::try_from(number).unwrap_or(i64::MAX);
        connection.execute(update, params![record.id, stands]).map_err(&failed)?;
        let change = Change {
            by: doing.by.to_owned(),
            act,
            why: doing.why.map(str::to_owned),
            role: doing.role,
            visit: crate::book::access::identifier(&record.id).unwrap_or(Bytes([0; 16])),
            profile: record.profile.clone(),
            version: number,
            commitment,
        };
        add_note(connection, &Body::Change(change)).map_err(&failed)
    }

    /// What was done to a record, oldest first.
    pub(super) fn versions(&self, record: &str) -> Result<Vec<Version>, BookError> {
        let failed = failed("read versions");
        let _moment = self.moment()?;
        let query = "SELECT number, key, body FROM change WHERE record = ?1 ORDER BY number";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows =
            statement.query_map([record], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)));
        rows.map_err(&failed)?
            .map(|row| {
                let (number, key, sealed) = row.map_err(&failed)?;
                let place = format!("change/{record}/{number}");
                let plain = self.days.unseal(&self.connection, key, &place, &sealed)?;
                let json = plain.get(SALT..).unwrap_or_default();
                let version: Version = serde_json::from_slice(json).map_err(|_| BookError::Sealed(place))?;
                let commitment = version.act.is_some().then(|| events::hash(&plain));
                Ok(Version { commitment, ..version })
            })
            .collect()
    }
}
