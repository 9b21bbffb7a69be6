//! Tables of the staff (`PRAGMA user_version` 7): see `signin::staff`. Whoever could confirm devices before there were places could do
//! so everywhere, and goes on to until an operator says where.

pub(super) const SCHEMA: &str = "
    CREATE TABLE staff (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('reader', 'auditor', 'technician', 'operator')),
        everywhere INTEGER NOT NULL CHECK (everywhere IN (0, 1)),
        salt BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE staff_place (
        name TEXT NOT NULL REFERENCES staff (name) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        place TEXT NOT NULL,
        PRIMARY KEY (name, kind, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE staff_ended (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE unit_site (unit TEXT NOT NULL, site TEXT NOT NULL, PRIMARY KEY (unit, site)) STRICT, WITHOUT ROWID;
    INSERT INTO staff (name, role, everywhere, salt, hash) SELECT name, 'technician', 1, salt, hash FROM fleet_technician;
    DROP TABLE fleet_technician;
    PRAGMA user_version = 7;
";
