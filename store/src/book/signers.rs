//! Document signers that nobody here vouches for: which, how often, over how many numbers, since when. An operator
//! compares them with what an authority publishes, and pins them.
//!
//! Of the numbers nothing is kept but a bitmap of 4,096 places, one set by each keyed hash: it tells how many different
//! ones there were ("linear counting", within some per cent up to ten thousand), and names nobody.

use super::{Book, BookError, failed};
use events::event::Bytes;
use rusqlite::{OptionalExtension as _, params};

/// Places of the bitmap.
const PLACES: usize = 4096;

/// Signers that are remembered. A hostile card brings a new one every time: those that were seen once go first.
const MOST: i64 = 512;

/// The largest certificate that is kept. Real ones have under 2 KiB.
const LARGEST: usize = 8 * 1024;

/// A signer as it was seen here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSigner {
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// The kind of document that it signed last, as `cccd::document` has them.
    pub document: String,
    /// How many documents of it were read.
    pub count: u64,
    /// Over how many numbers, as far as the bitmap tells.
    pub numbers: u64,
    /// When the first one was read, seconds since 1970.
    pub since: i64,
    /// When the last one was.
    pub last: i64,
}

/// How many different things set these bits.
fn counted(bitmap: &[u8], count: u64) -> u64 {
    let set: u32 = bitmap.iter().map(|byte| byte.count_ones()).sum();
    let (places, empty) = (PLACES as f64, PLACES as f64 - f64::from(set));
    if empty < 1.0 {
        return count;
    }
    let estimate = -places * (empty / places).ln();
    // Nothing is counted twice for one reading, and nothing set is not counted.
    (estimate.round() as u64).clamp(u64::from(set), count.max(u64::from(set)))
}

impl Book {
    /// Notes that a document of this signer was read; with what is to be told of it, where it is time: after the first
    /// one, and whenever their number has doubled.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn saw_signer(
        &mut self,
        certificate: &[u8],
        document: &str,
        number: Option<&Bytes<32>>,
        now: i64,
    ) -> Result<Option<SeenSigner>, BookError> {
        if certificate.len() > LARGEST {
            return Ok(None);
        }
        let failed = failed("note a document signer");
        let fingerprint = events::hash(certificate).0;
        let transaction = self.begin("note a document signer")?;
        let query = "SELECT count, since, bitmap FROM signer WHERE fingerprint = ?1";
        let known: Option<(i64, i64, Vec<u8>)> = transaction
            .query_row(query, [fingerprint], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()
            .map_err(&failed)?;
        let (count, since, mut bitmap) = known.unwrap_or_else(|| (0, now, vec![0; PLACES / 8]));
        bitmap.resize(PLACES / 8, 0);
        if let Some(Bytes(hash)) = number {
            let place = usize::from(u16::from_be_bytes([hash[0], hash[1]])) % PLACES;
            bitmap[place / 8] |= 1 << (place % 8);
        }
        let count = count + 1;
        let seen_times = u64::try_from(count).unwrap_or_default();
        let write = "INSERT INTO signer (fingerprint, certificate, document, count, since, last, bitmap)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (fingerprint) DO UPDATE SET document = ?3, count = ?4, last = ?6, bitmap = ?7";
        transaction
            .execute(write, params![fingerprint, certificate, document, count, since, now, bitmap])
            .map_err(&failed)?;
        let drop = "DELETE FROM signer WHERE fingerprint IN
                        (SELECT fingerprint FROM signer ORDER BY count, last LIMIT max(0, (SELECT count(*) FROM signer) - ?1))";
        transaction.execute(drop, [MOST]).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        let seen = SeenSigner {
            certificate: certificate.to_vec(),
            document: document.to_owned(),
            count: seen_times,
            numbers: counted(&bitmap, seen_times),
            since,
            last: now,
        };
        Ok(seen_times.is_power_of_two().then_some(seen))
    }

    /// Every signer that was seen, the most frequent first.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub fn signers(&self) -> Result<Vec<SeenSigner>, BookError> {
        let failed = failed("read the document signers");
        let query = "SELECT certificate, document, count, since, last, bitmap FROM signer ORDER BY count DESC, since";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([], |row| {
            let (count, bitmap): (i64, Vec<u8>) = (row.get(2)?, row.get(5)?);
            let count = u64::try_from(count).unwrap_or_default();
            Ok(SeenSigner {
                certificate: row.get(0)?,
                document: row.get(1)?,
                count,
                numbers: counted(&bitmap, count),
                since: row.get(3)?,
                last: row.get(4)?,
            })
        });
        rows.and_then(Iterator::collect).map_err(&failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::tests::book;

    fn number(which: u32) -> Bytes<32> {
        events::hash(&which.to_be_bytes())
    }

    #[test]
    fn a_signer_is_told_of_at_first_and_whenever_its_documents_have_doubled() {
        let mut book = book();
        let told: Vec<u64> = (1..=40)
            .filter_map(|at| {
                book.saw_signer(b"one", "citizen_card", Some(&number(at % 5)), i64::from(at)).expect("kept")
            })
            .map(|seen| seen.count)
            .collect();
        assert_eq!(told, [1, 2, 4, 8, 16, 32]);
        let seen = book.signers().expect("read");
        assert_eq!((seen.len(), seen[0].count, seen[0].numbers, seen[0].since, seen[0].last), (1, 40, 5, 1, 40));
    }

    #[test]
    fn different_numbers_are_counted_and_none_is_kept() {
        let mut book = book();
        for which in 0..2000 {
            book.saw_signer(b"one", "citizen_card", Some(&number(which)), 0).expect("kept");
        }
        let numbers = book.signers().expect("read")[0].numbers;
        assert!((1900..=2100).contains(&numbers), "{numbers}");
    }

    #[test]
    fn a_flood_of_self_made_signers_drives_no_frequent_one_out() {
        let mut book = book();
        for _ in 0..3 {
            book.saw_signer(b"real", "citizen_card", None, 0).expect("kept");
        }
        for which in 0..MOST + 100 {
            book.saw_signer(&which.to_be_bytes(), "citizen_card", None, which).expect("kept");
        }
        let seen = book.signers().expect("read");
        assert_eq!(seen.len(), usize::try_from(MOST).expect("small"));
        assert_eq!(seen[0].certificate, b"real");
        assert_eq!(book.saw_signer(&[0; LARGEST + 1], "citizen_card", None, 0).expect("kept"), None);
    }
}
