//! The active bundle on disk.
//!
//! | in the directory | is |
//! |---|---|
//! | `N/` | the parts of bundle N as files, and `.bundle`, the signed file that they came from |
//! | `active` | a symbolic link to the bundle in use; paths in the configuration lead through it |
//! | `previous` | one to the bundle before, for the way back |
//! | `known` | the highest version that was ever active; nothing older is taken |
//!
//! A bundle is unpacked beside, checked by those who use its parts, and only then becomes active, by one `rename`. A cut at
//! any point leaves the one before.

use fleet::FleetError;
use fleet::bundle::{Acceptance, Bundle, MAX_BUNDLE};
use fleet::error::io;
use fleet::files::replace;
use program::foreign::Foreign;
use std::path::{Path, PathBuf};

/// The signed file in the directory of a bundle.
pub const SIGNED: &str = ".bundle";

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

    /// Checks a bundle, and makes it the active one; returns the version before and this one. When it is refused, what was
    /// active stays untouched.
    ///
    /// # Errors
    /// When signature, fleet or version are not right, a part is not usable, or the disk fails.
    pub fn take(
        &self,
        bytes: &[u8],
        operators: &[Vec<u8>],
        environment: &str,
        validate: Validate<'_>,
    ) -> Result<(u64, u64), FleetError> {
        let before = self.active();
        let (bundle, _) = Acceptance { operators, environment, known: self.known() }.open(bytes)?;
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
        // First what forbids the way back to an older one, then the one step that counts.
        replace(&self.0.join("known"), name.as_bytes())?;
        if before != 0 {
            self.link("previous", &before.to_string())?;
        }
        self.link("active", &name)?;
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
        match self.linked("previous").filter(|previous| *previous != active) {
            Some(previous) => {
                self.link("active", &previous.to_string())?;
                Ok((active, previous))
            }
            None => {
                let path = self.path();
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    removed => removed.map_err(io("remove", &path))?,
                }
                sync(&self.0)?;
                Ok((active, 0))
            }
        }
    }

    /// Whether the files of the active bundle are those that were signed; nothing is active is well, too.
    ///
    /// # Errors
    /// When a file was changed or is gone, or another version lies in the place of the active one.
    pub fn check(&self) -> Result<(), FleetError> {
        let active = self.active();
        if active == 0 {
            return Ok(());
        }
        let path = self.path();
        let signed = path.join(SIGNED);
        let bundle = Bundle::inspect(&std::fs::read(&signed).map_err(io("read", &signed))?)?;
        // An older one, put there from a copy of the disk, is whole in itself.
        if bundle.version != active {
            return Err(FleetError::Older { offered: bundle.version, known: active });
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
        let signed = self.path().join(SIGNED);
        Bundle::inspect(&std::fs::read(&signed).map_err(io("read", &signed))?).map(Some)
    }

    /// Removes what neither is active nor the way back.
    fn tidy(&self) {
        let keep = [self.linked("active"), self.linked("previous")];
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
