//! Files of updates: a directory in which each is named by its SHA-256.

use fleet::est::FILE_PART;
use fleet::rollout::{copy_hashed, is_hash};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// The directory.
#[derive(Debug, Clone)]
pub struct Files(PathBuf);

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it begins.
    pub from: u64,
    /// What it is; empty after the end.
    pub bytes: Vec<u8>,
    /// How long the whole file is.
    pub whole: u64,
}

impl Files {
    /// In a directory, which is made when the first file comes.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Copies a file to where devices may have it; its SHA-256.
    ///
    /// # Errors
    /// When it cannot be read or copied.
    pub fn offer(&self, file: &Path) -> std::io::Result<String> {
        program::private::directory(&self.0)?;
        let beside = self.0.join(format!(".{}.part", std::process::id()));
        let copy = std::fs::File::create(&beside)?;
        let hash = copy_hashed(std::fs::File::open(file)?, &copy)?;
        copy.sync_all()?;
        std::fs::rename(&beside, self.0.join(&hash))?;
        Ok(hash)
    }

    /// Whether it is here.
    #[must_use]
    pub fn has(&self, hash: &str) -> bool {
        is_hash(hash) && self.0.join(hash).is_file()
    }

    /// A part of a file; `None` where there is no such file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn part(&self, hash: &str, from: u64, until: Option<u64>) -> std::io::Result<Option<Part>> {
        if !self.has(hash) {
            return Ok(None);
        }
        let mut file = std::fs::File::open(self.0.join(hash))?;
        let whole = file.metadata()?.len();
        // No more than a part at a time, whatever is asked (RFC 9110 clause 14.2).
        let end = until.map_or(u64::MAX, |last| last.saturating_add(1)).min(from.saturating_add(FILE_PART)).min(whole);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(end.saturating_sub(from)).read_to_end(&mut bytes)?;
        Ok(Some(Part { from, bytes, whole }))
    }
}

/// One range of bytes, `bytes=FROM-` or `bytes=FROM-LAST`; the whole file where nothing else is asked that is understood.
#[must_use]
pub fn range(header: Option<&str>) -> (u64, Option<u64>) {
    let one = || {
        let (from, last) = header?.strip_prefix("bytes=")?.split_once('-')?;
        let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
        Some((from.parse().ok()?, last))
    };
    one().unwrap_or((0, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_file_and_names_lead_nowhere_else() {
        let directory = tempfile::tempdir().expect("directory");
        let files = Files::new(&directory.path().join("files"));
        let content: Vec<u8> = (0..FILE_PART + 10).map(|n| n as u8).collect();
        std::fs::write(directory.path().join("secret"), "secret").expect("written");
        std::fs::write(directory.path().join("image"), &content).expect("written");
        let hash = files.offer(&directory.path().join("image")).expect("offered");
        assert_eq!(hash, events::hash(&content).to_string());
        let mut together = Vec::new();
        loop {
            let part = files.part(&hash, together.len() as u64, None).expect("read").expect("a file");
            if part.bytes.is_empty() {
                break;
            }
            together.extend(part.bytes);
        }
        assert!(together == content);
        assert_eq!(files.part(&hash, 5, Some(7)).expect("read").expect("a file").bytes, content[5..8]);
        assert_eq!(
            files.part(&hash, u64::MAX, None).ok().flatten().map(|part| part.bytes.len()).unwrap_or_default(),
            0
        );
        for name in ["../secret", "", &hash.to_uppercase(), &"0".repeat(64)] {
            assert_eq!(files.part(name, 0, None).expect("asked"), None, "{name}");
        }
    }

    #[test]
    fn ranges_are_read_as_rfc_9110_has_them() {
        for (header, expected) in [
            (None, (0, None)),
            (Some("bytes=5-"), (5, None)),
            (Some("bytes=5-9"), (5, Some(9))),
            (Some("bytes=-5"), (0, None)),
            (Some("bytes=1-2,4-5"), (0, None)),
            (Some("lines=1-2"), (0, None)),
        ] {
            assert_eq!(range(header), expected, "{header:?}");
        }
    }
}
