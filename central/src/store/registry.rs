//! Tables of the registrar, beside those of the event store (`PRAGMA user_version` 2):
//!
//! | table | a row is |
//! |---|---|
//! | `fleet_device` | a device, from the day it is expected to the day after it was replaced |
//! | `fleet_key` | a key that was ever seen, whose it is, and whether it was revoked: for ever, then |
//! | `fleet_token` | a one-time token, as its SHA-256 |
//! | `fleet_pending` | a request that waits for a technician |
//! | `fleet_bundle` | a signed bundle, for one site or for all |
//! | `fleet_technician` | who may confirm |
//! | `fleet_journal` | who did what to which device |
//!
//! Version 4 adds ([`DOOR`]):
//!
//! | table | a row is |
//! |---|---|
//! | `fleet_hold` | a code, or its beginning, that a technician has in hand until a time |
//! | `fleet_answered` | a request that was answered, by birth key and nonce, in the order of the answers |
//!
//! and whose place a request takes that waits (`fleet_pending.address`), and two triggers: a name of the registry is one of the log
//! only where both have the same event key, whoever writes.

pub(crate) const SCHEMA: &str = "
    CREATE TABLE fleet_device (
        name TEXT PRIMARY KEY,
        serial TEXT NOT NULL,
        site TEXT NOT NULL,
        profile TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('expected', 'active', 'quarantined', 'revoked', 'replaced')),
        way TEXT,
        birth TEXT UNIQUE,
        event_key TEXT,
        tls_key TEXT,
        tls_before TEXT,
        tls_used INTEGER NOT NULL DEFAULT 0,
        certificate BLOB,
        not_after INTEGER,
        answer BLOB,
        model TEXT,
        protection TEXT,
        software TEXT,
        bundle INTEGER NOT NULL DEFAULT 0,
        roots TEXT NOT NULL DEFAULT '',
        time_quality TEXT,
        seen_at INTEGER,
        since INTEGER NOT NULL,
        why TEXT
    ) STRICT;
    CREATE INDEX fleet_device_serial ON fleet_device (serial);
    CREATE TABLE fleet_key (
        fingerprint TEXT PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL, revoked_at INTEGER
    ) STRICT;
    CREATE TABLE fleet_token (
        hash TEXT PRIMARY KEY, site TEXT NOT NULL, profile TEXT NOT NULL, until INTEGER NOT NULL, birth TEXT
    ) STRICT;
    CREATE TABLE fleet_pending (
        birth TEXT PRIMARY KEY, serial TEXT NOT NULL, model TEXT NOT NULL, protection TEXT NOT NULL, request BLOB NOT NULL,
        at INTEGER NOT NULL, approved_site TEXT, approved_profile TEXT, approved_by TEXT, answer BLOB
    ) STRICT;
    CREATE TABLE fleet_bundle (
        version INTEGER PRIMARY KEY, site TEXT, bytes BLOB NOT NULL, at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE fleet_technician (name TEXT PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
    CREATE TABLE fleet_journal (
        position INTEGER PRIMARY KEY, at INTEGER NOT NULL, device TEXT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL,
        why TEXT
    ) STRICT;
    PRAGMA user_version = 2;
";

pub(crate) const DOOR: &str = "
    ALTER TABLE fleet_pending ADD COLUMN address TEXT NOT NULL DEFAULT '';
    CREATE INDEX fleet_pending_address ON fleet_pending (address, at);
    CREATE TABLE fleet_hold (prefix TEXT PRIMARY KEY, who TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
    CREATE TABLE fleet_answered (
        position INTEGER PRIMARY KEY, birth TEXT NOT NULL, nonce BLOB NOT NULL, UNIQUE (birth, nonce)
    ) STRICT;
    CREATE TRIGGER name_of_registry BEFORE INSERT ON fleet_device
        WHEN EXISTS (SELECT 1 FROM device WHERE name = NEW.name AND event_key IS NOT NEW.event_key)
        BEGIN SELECT RAISE(ABORT, 'the log has another device of this name'); END;
    CREATE TRIGGER name_of_log BEFORE INSERT ON device
        WHEN EXISTS (SELECT 1 FROM fleet_device WHERE name = NEW.name AND event_key IS NOT NEW.event_key)
        BEGIN SELECT RAISE(ABORT, 'the registry has another device of this name'); END;
    PRAGMA user_version = 4;
";

/// What was proved of which keys of a device (`PRAGMA user_version` 8).
pub(super) const PROOFS: &str = "
    CREATE TABLE fleet_tpm (
        device TEXT PRIMARY KEY,
        birth TEXT NOT NULL,
        event_key TEXT NOT NULL,
        endorsement TEXT NOT NULL,
        proof TEXT NOT NULL CHECK (proof IN ('vouched', 'first_sight')),
        at INTEGER NOT NULL
    ) STRICT;
    PRAGMA user_version = 8;
";
