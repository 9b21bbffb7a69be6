//! The tables.

use super::days::{TABLES, Table};

pub(super) const SCHEMA: &str = "
    CREATE TABLE record (
        id TEXT PRIMARY KEY, profile TEXT NOT NULL, day TEXT NOT NULL, at INTEGER NOT NULL, subject BLOB,
        party TEXT, sequence INTEGER NOT NULL, number TEXT, erase_at INTEGER, batch INTEGER, gone_at INTEGER, body BLOB NOT NULL) STRICT;
    CREATE INDEX record_day ON record (day);
    CREATE INDEX record_subject ON record (subject);
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY, profile TEXT NOT NULL, scope TEXT NOT NULL, subject BLOB NOT NULL,
        inside INTEGER NOT NULL, at INTEGER NOT NULL, device TEXT NOT NULL, record TEXT, erase_at INTEGER NOT NULL) STRICT;
    CREATE INDEX ledger_subject ON ledger (profile, scope, subject);
    CREATE TABLE delivery (
        id INTEGER PRIMARY KEY, record TEXT NOT NULL, recipient TEXT NOT NULL, at INTEGER NOT NULL, due INTEGER NOT NULL,
        tries INTEGER NOT NULL, state TEXT NOT NULL, error TEXT, subject BLOB, erase_at INTEGER NOT NULL, body BLOB) STRICT;
    CREATE TABLE note (id INTEGER PRIMARY KEY, event BLOB NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, made INTEGER NOT NULL, taken INTEGER,
        confirmed_at INTEGER) STRICT;
    CREATE TABLE roster (
        id TEXT NOT NULL, version INTEGER NOT NULL, profile TEXT NOT NULL, until TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (profile, id)) STRICT;
    CREATE TABLE counter (day TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
";

/// What version 2 brought.
pub(super) const SIGNERS: &str = "
    CREATE TABLE signer (
        fingerprint BLOB PRIMARY KEY, certificate BLOB NOT NULL, document TEXT NOT NULL, count INTEGER NOT NULL,
        since INTEGER NOT NULL, last INTEGER NOT NULL, bitmap BLOB NOT NULL) STRICT;
    PRAGMA user_version = 2;
";

/// What version 3 brought: versions of records, what was done without whose it was, shifts.
pub(super) const VERSIONS: &str = "
    CREATE TABLE stand (
        record TEXT PRIMARY KEY, version INTEGER NOT NULL, filed INTEGER, withdrawn_at INTEGER, staff TEXT) STRICT;
    INSERT INTO stand SELECT id, 1, CASE WHEN batch IS NULL THEN NULL ELSE 1 END, NULL, NULL FROM record;
    CREATE TABLE change (
        record TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (record, number)) STRICT;
    CREATE TRIGGER record_gone AFTER DELETE ON record BEGIN
        DELETE FROM stand WHERE record = OLD.id;
        DELETE FROM change WHERE record = OLD.id;
    END;
    CREATE INDEX record_at ON record (profile, at);
    ALTER TABLE batch ADD COLUMN replaced_by INTEGER;
    CREATE TABLE tally (
        id INTEGER PRIMARY KEY, profile TEXT NOT NULL, day TEXT NOT NULL, at INTEGER NOT NULL, result TEXT NOT NULL, why TEXT,
        staff TEXT NOT NULL, took INTEGER) STRICT;
    CREATE INDEX tally_day ON tally (profile, day);
    CREATE TABLE shift (
        id INTEGER PRIMARY KEY, profile TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
    PRAGMA user_version = 3;
";

/// What version 4 brought: the keys of the days, under one of which each sealed row lies.
const KEYS: &str = "
    CREATE TABLE day_key (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, day INTEGER NOT NULL, spent INTEGER NOT NULL DEFAULT 0,
        body BLOB NOT NULL) STRICT;
    CREATE INDEX day_key_day ON day_key (kind, day);
    CREATE TABLE day_state (generation INTEGER NOT NULL, destroyed INTEGER NOT NULL, rolled INTEGER NOT NULL) STRICT;
    INSERT INTO day_state VALUES (1, -1, 0);
    ALTER TABLE ledger ADD COLUMN body BLOB;
    PRAGMA user_version = 4;
";

/// The same as SQL: the tables, and in each table with sealed rows which key they are under.
pub(super) fn keys() -> String {
    let column = |table: &Table| {
        let name = table.name;
        format!("ALTER TABLE {name} ADD COLUMN key INTEGER; CREATE INDEX {name}_key ON {name} (key);")
    };
    KEYS.to_owned() + &TABLES.iter().map(column).collect::<String>()
}

/// What notes of which keys rows are gone, whoever erases them.
pub(super) fn triggers() -> String {
    let triggers = |table: &Table| {
        let Table { name, body, .. } = table;
        let spent = "BEGIN UPDATE day_key SET spent = 1 WHERE id = OLD.key; END;";
        let mut sql = format!("CREATE TRIGGER {name}_key_gone AFTER DELETE ON {name} {spent}");
        if table.replaced {
            sql += &format!("CREATE TRIGGER {name}_key_replaced AFTER UPDATE OF {body} ON {name} {spent}");
        }
        sql
    };
    TABLES.iter().map(triggers).collect()
}
