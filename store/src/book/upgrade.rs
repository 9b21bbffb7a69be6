//! The keys of a book that has none yet: a new one, or one of up to version 3, whose rows all lay under one key for ever.

use super::days::{Days, Framed, Kind, TABLES, Table, rows};
use super::rows::as_kept;
use super::seal::{Key, Seal, unseal};
use super::{BookError, failed, schema};
use events::chain::Class;
use events::event::Bytes;
use events::subject::keyed;
use rusqlite::{Connection, params};
use zeroize::Zeroizing;

/// Brings a book to version 4, in the transaction that its caller commits. One row that does not open leaves all as it was.
pub(super) fn to_days(connection: &Connection, seal: Seal, is_old: bool) -> Result<Days, BookError> {
    let failed = failed("seal the book anew");
    connection.execute_batch(&schema::keys()).map_err(&failed)?;
    if is_old && seal.is_practice() {
        // It lay under the secret of the device's book, which is that book's to end. Nobody in it is real.
        for Table { name, .. } in TABLES {
            connection.execute(&format!("DELETE FROM {name}"), []).map_err(&failed)?;
        }
    }
    let days = if is_old && !seal.is_practice() {
        let old = seal.secret(0)?;
        let find = Zeroizing::new(keyed(&*old, "cccd-book-v1", &[b"find"]).0);
        let days = Days::begin(connection, seal, Some(find))?;
        move_all(connection, &days, &old)?;
        days
    } else {
        Days::begin(connection, seal, None)?
    };
    connection.execute_batch(&schema::triggers()).map_err(&failed)?;
    Ok(days)
}

fn move_all(connection: &Connection, days: &Days, old: &Key) -> Result<(), BookError> {
    let failed = failed("seal the book anew");
    // Of a message that was delivered nothing is left but when; whose it was is not needed for that.
    let update = "UPDATE delivery SET subject = NULL WHERE body IS NULL";
    connection.execute(update, []).map_err(&failed)?;
    ledger(connection, days)?;
    for table in TABLES.iter().filter(|table| table.name != "ledger") {
        for (row, place, body) in rows(connection, table, "key IS NULL", &[])? {
            let plain = unseal(old, &place, &body).ok_or_else(|| BookError::Sealed(place.clone()))?;
            let (key, plain) = moved(connection, days, table, row, plain)?;
            days.put(connection, table, (row, key), &place, plain)?;
        }
    }
    Ok(())
}

/// Under which key a row comes, and in which form.
fn moved(
    connection: &Connection,
    days: &Days,
    table: &Table,
    row: i64,
    plain: Zeroizing<Vec<u8>>,
) -> Result<(i64, Zeroizing<Vec<u8>>), BookError> {
    let failed = failed("seal the book anew");
    let name = table.name;
    if name == "change" {
        // Records come first.
        let query = "SELECT record.key FROM change JOIN record ON record.id = change.record WHERE change.rowid = ?1";
        return Ok((connection.query_row(query, [row], |row| row.get(0)).map_err(&failed)?, plain));
    }
    let day = match table.kind {
        Kind::List | Kind::Setting => None,
        _ => {
            let query = format!("SELECT at FROM {name} WHERE rowid = ?1");
            Some(Class::D1.epoch(connection.query_row(&query, [row], |row| row.get(0)).map_err(&failed)?))
        }
    };
    let key = days.of(connection, table.kind, day)?;
    if !table.finds {
        return Ok((key, plain));
    }
    let party = if name == "record" { "party" } else { "NULL" };
    let query = format!("SELECT subject, {party} FROM {name} WHERE rowid = ?1");
    let read = connection.query_row(&query, [row], |row| Ok((row.get::<_, Option<[u8; 32]>>(0)?, row.get(1)?)));
    let (subject, party): (_, Option<String>) = read.map_err(&failed)?;
    let plain = if name == "record" { as_kept(party.as_deref(), &plain) } else { plain };
    Ok((key, Framed::new(subject.map(Bytes).as_ref(), &plain).into_plain()))
}

/// Up to version 3 a ledger's keyed hashes stood in the clear, and who is inside was whoever's last line said so.
fn ledger(connection: &Connection, days: &Days) -> Result<(), BookError> {
    let failed = failed("seal the book anew");
    let update = "UPDATE ledger SET inside = 0 WHERE id <> (SELECT max(id) FROM ledger AS last
                  WHERE last.profile = ledger.profile AND last.scope = ledger.scope AND last.subject = ledger.subject)";
    connection.execute(update, []).map_err(&failed)?;
    let mut statement = connection.prepare("SELECT id, profile, scope, at, subject FROM ledger").map_err(&failed)?;
    let lines = statement.query_map([], |row| {
        let place = super::ledger::place(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?, row.get(3)?);
        Ok((row.get::<_, i64>(0)?, place, row.get::<_, i64>(3)?, Bytes(row.get(4)?)))
    });
    let lines: Vec<_> = lines.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)?;
    for (id, place, at, counted) in lines {
        let framed = Framed::new(Some(&counted), &[]);
        let sealed = days.frame(connection, (Kind::Ledger, Some(Class::D1.epoch(at))), &place, &framed)?;
        let update = "UPDATE ledger SET key = ?2, body = ?3, subject = ?4 WHERE id = ?1";
        connection.execute(update, params![id, sealed.key, sealed.body, sealed.subject]).map_err(&failed)?;
    }
    Ok(())
}
