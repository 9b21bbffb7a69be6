//! The active bundle on disk.
//!
//! | in the directory | is |
//! |---|---|
//! | `N/` | the parts of bundle N as files, and `.bundle`, the signed file that they came from |
//! | `active` | a symbolic link to the bundle in use; paths in the configuration lead through it |
//! | `previous` | one to the bundle before, for the way back |
//! | `known` | the highest version that was ever active; nothing older is taken |
//! | `trust.json` | whose bundles are taken, and how many of them have to sign what would harm ([`fleet::acceptance`]) |
//!
//! A bundle is unpacked beside, checked by those who use its parts, and only then becomes active, by one `rename`. A cut at
//! any point leaves the one before.
//!
//! The trust begins with the operators of the enrolment; from the first bundle on only bundles change it, and no way back, no restart and
//! no word of central's brings an operator back who was removed. Every bundle on the disk is looked at again under it.

use fleet::FleetError;
use fleet::acceptance::{Acceptance, Trust};
use fleet::bundle::{Bundle, MAX_BUNDLE};
use fleet::error::io;
use fleet::files::replace;
use program::foreign::Foreign;
use std::path::{Path, PathBuf};

/// The signed file in the directory of a bundle.
pub const SIGNED: &str = ".bundle";

/// Whose bundles are taken.
const TRUST: &str = "trust.json";

/// The bundles of a device.
#[derive(Debug, Clone)]
pub struct Bundles(PathBuf);

/// Looks at the parts before they are used; what is wrong with which.
pub type Validate<'a> = &'a dyn Fn(&Bundle, &Path) -> Result<(), FleetError>;

impl Bundles {
    /// In a directory, which is made when the first bundle comes.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    fn linked(&self, name: &str) -> Option<u64> {
        std::fs::read_link(self.0.join(name)).ok()?.to_str()?.parse().ok()
    }

    /// The version in use; 0 when there is none.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.linked("active").unwrap_or_default()
    }

    /// The highest version that was ever active.
    #[must_use]
    pub fn known(&self) -> u64 {
        let noted: Option<u64> =
            std::fs::read_to_string(self.0.join("known")).ok().and_then(|text| text.trim().parse().ok());
        noted.unwrap_or_default().max(self.active())
    }

    /// Where the parts of the active bundle are.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.join("active")
    }

    /// The trust as it was noted; `None` before the first bundle, and where an older version took the active one.
    fn noted(&self) -> Result<Option<Trust>, FleetError> {
        let path = self.0.join(TRUST);
        match std::fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|_| FleetError::Malformed("trust in operators"))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", &path)(error)),
        }
    }

    fn note(&self, trust: &Trust) -> Result<(), FleetError> {
        let bytes = serde_json::to_vec_pretty(trust).map_err(|_| FleetError::Malformed("trust in operators"))?;
        replace(&self.0.join(TRUST), &bytes)
    }

    /// Whose bundles are taken now. `enrolled` are the operators of the enrolment, which count until there was a bundle.
    ///
    /// # Errors
    /// When what was noted, or the active bundle, cannot be read.
    pub fn trust(&self, enrolled: &[Vec<u8>]) -> Result<Trust, FleetError> {
        match self.noted()? {
            // Power was cut between a bundle and its trust.
            Some(trust) if self.active() > trust.version => trust.taken(&self.signed(self.active())?),
            Some(trust) => Ok(trust),
            // An older version took what is active, and whom that names.
            None => {
                let named = self.contents()?.map(|bundle| bundle.operators()).transpose()?.unwrap_or_default();
                let trust = Trust::of(if named.is_empty() { enrolled } else { &named });
                Ok(Trust { version: self.active(), ..trust })
            }
        }
    }

    fn signed(&self, version: u64) -> Result<Vec<u8>, FleetError> {
        let signed = self.0.join(version.to_string()).join(SIGNED);
        std::fs::read(&signed).map_err(io("read", &signed))
    }

    /// Checks a bundle, and makes it the active one; returns the version before and this one. When it is refused, what was
    /// active stays untouched.
    ///
    /// # Errors
    /// When signatures, fleet or version are not right, a part is not usable, or the disk fails.
    pub fn take(
        &self,
        bytes: &[u8],
        enrolled: &[Vec<u8>],
        environment: &str,
        validate: Validate<'_>,
    ) -> Result<(u64, u64), FleetError> {
        let before = self.active();
        let trust = self.trust(enrolled)?;
        let accepted = Acceptance { trust: &trust, environment, known: self.known() }.open(bytes)?;
        let bundle = accepted.bundle;
        // Lists of people are in there.
        program::private::directory(&self.0).map_err(io("make", &self.0))?;
        let name = bundle.version.to_string();
        let beside = self.0.join(format!(".{name}.new"));
        let done = self.unpack(&bundle, bytes, &beside).and_then(|()| validate(&bundle, &beside));
        if let Err(error) = done {
            program::ignore(
                std::fs::remove_dir_all(&beside),
                "what is left over of a refused bundle is of no use, and its absence no error",
            );
            return Err(error);
        }
        let place = self.0.join(&name);
        program::ignore(std::fs::remove_dir_all(&place), "left over from a cut before it became active");
        std::fs::rename(&beside, &place).map_err(io("move", &place))?;
        sync(&self.0)?;
        // First what forbids the way back to an older one, then the one step that counts. Its own trust is found again from it.
        replace(&self.0.join("known"), name.as_bytes())?;
        self.note(&trust)?;
        if before != 0 && self.whole_under(before, Some(&accepted.trust)).is_ok() {
            self.link("previous", &before.to_string())?;
        } else {
            let gone = std::fs::remove_file(self.0.join("previous"));
            program::ignore(gone, "mostly there is none; what it leads to is looked at before it is used");
        }
        self.link("active", &name)?;
        self.note(&accepted.trust)?;
        self.tidy();
        Ok((before, bundle.version))
    }

    fn unpack(&self, bundle: &Bundle, bytes: &[u8], beside: &Path) -> Result<(), FleetError> {
        program::ignore(
            std::fs::remove_dir_all(beside),
            "what stays there harms nobody, and the next one takes it away",
        );
        let mut directories = std::collections::BTreeSet::from([beside.to_owned()]);
        program::private::directory(beside).map_err(io("make", beside))?;
        let parts = bundle.entries.iter().map(|entry| (entry.path.as_str(), entry.bytes.as_slice()));
        for (path, content) in parts.chain([(SIGNED, bytes)]) {
            // `Bundle` lets no path lead elsewhere.
            let path = beside.join(path);
            let directory = path.parent().unwrap_or(beside).to_owned();
            program::private::directory(&directory).map_err(io("make", &directory))?;
            replace(&path, content)?;
            directories.insert(directory);
        }
        directories.iter().try_for_each(|directory| sync(directory))
    }

    fn link(&self, name: &str, to: &str) -> Result<(), FleetError> {
        let beside = self.0.join(format!(".{name}.new"));
        program::ignore(std::fs::remove_file(&beside), "what stays there harms nobody, and the next one takes it away");
        std::os::unix::fs::symlink(to, &beside).map_err(io("link", &beside))?;
        let path = self.0.join(name);
        std::fs::rename(&beside, &path).map_err(io("replace", &path))?;
        sync(&self.0)
    }

    /// Goes back to the bundle before: the active one turned out to be unusable. It is not taken a second time. Returns the
    /// version that was active and the one that is; 0 when there is none before.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn withdraw(&self) -> Result<(u64, u64), FleetError> {
        let active = self.active();
        replace(&self.0.join("known"), self.known().to_string().as_bytes())?;
        // One before may be of a time that let in what is refused today.
        let usable = |previous: &u64| *previous != active && self.whole(*previous).is_ok();
        match self.linked("previous").filter(usable) {
            Some(previous) => {
                self.link("active", &previous.to_string())?;
                self.tidy();
                Ok((active, previous))
            }
            None => {
                let path = self.path();
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    removed => removed.map_err(io("remove", &path))?,
                }
                sync(&self.0)?;
                self.tidy();
                Ok((active, 0))
            }
        }
    }

    /// Whether the files of the active bundle are those that were signed, and enough of the operators who are trusted now signed
    /// them; nothing is active is well, too.
    ///
    /// # Errors
    /// When a file was changed or is gone, another version lies in the place of the active one, or others signed it.
    pub fn check(&self) -> Result<(), FleetError> {
        let active = self.active();
        if active == 0 {
            return Ok(());
        }
        self.whole(active)
    }

    /// Whether the files of a bundle that was taken are those that were signed, by operators who are trusted still.
    fn whole(&self, version: u64) -> Result<(), FleetError> {
        self.whole_under(version, self.noted()?.as_ref())
    }

    fn whole_under(&self, version: u64, noted: Option<&Trust>) -> Result<(), FleetError> {
        let path = self.0.join(version.to_string());
        let bytes = self.signed(version)?;
        let bundle = match noted {
            Some(trust) => trust.vouches(&bytes)?,
            None => {
                let bundle = Bundle::inspect(&bytes)?;
                // Who takes one that says until when it is fresh notes the trust first.
                if bundle.fresh_until.is_some() {
                    return Err(FleetError::Trustless);
                }
                bundle
            }
        };
        // An older one, put there from a copy of the disk, is whole in itself.
        if bundle.version != version {
            return Err(FleetError::Older { offered: bundle.version, known: version });
        }
        for entry in &bundle.entries {
            let file = path.join(&entry.path);
            if std::fs::read(&file).map_err(io("read", &file))? != entry.bytes {
                return Err(FleetError::Entry { path: entry.path.clone(), why: "the file was changed".to_owned() });
            }
        }
        Ok(())
    }

    /// The signed file of the active bundle of another user's device, as root reads it; `None` when none is active. Nothing of it is
    /// checked yet.
    ///
    /// # Errors
    /// When what lies there is not what such a user's agent makes.
    pub fn signed_of(&self, user: Foreign) -> Result<Option<Vec<u8>>, FleetError> {
        // The link says a number, and is not followed.
        let Some(active) = user.link(&self.0, Path::new("active"))? else { return Ok(None) };
        let number: Option<u64> = active.to_str().and_then(|text| text.parse().ok());
        let number = number.ok_or(FleetError::Malformed("link to the active bundle"))?;
        Ok(user.read(&self.0, &Path::new(&number.to_string()).join(SIGNED), MAX_BUNDLE as u64)?)
    }

    /// The active bundle as it was signed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn contents(&self) -> Result<Option<Bundle>, FleetError> {
        if self.active() == 0 {
            return Ok(None);
        }
        Bundle::inspect(&self.signed(self.active())?).map(Some)
    }

    /// Removes what neither is active nor the way back.
    fn tidy(&self) {
        // What may not be used again does not stay: lists of people may lie in it.
        let keep = [self.linked("active"), self.linked("previous").filter(|previous| self.whole(*previous).is_ok())];
        let Ok(list) = std::fs::read_dir(&self.0) else { return };
        for path in list.flatten().map(|entry| entry.path()) {
            let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
            if number.is_some_and(|number: u64| !keep.contains(&Some(number))) {
                program::ignore(std::fs::remove_dir_all(&path), "it costs room, no more");
            }
        }
    }
}

fn sync(directory: &Path) -> Result<(), FleetError> {
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(io("sync", directory))
}
