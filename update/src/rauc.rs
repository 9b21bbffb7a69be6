//! RAUC over D-Bus: devices with two systems, of which one runs while the other is written.
//!
//! Asked are `de.pengutronix.rauc` (interface `Installer`) and, for the restart, `org.freedesktop.login1`. Methods and
//! properties are those of RAUC 1.8 and later; the arguments that only newer versions know (`require-manifest-hash`, 1.14) are
//! sent where the service says that it knows them, and the hash of what was written is looked at afterwards in any case.
//!
//! 1.8 keeps no hash of a bundle with a slot. What it is told to install is noted here before, beside the checksum that the bundle's
//! manifest has for the slot's image (`rauc info`) and what RAUC says of the slot until then (checksum and time of the last writing).
//! The note counts once that has changed, and only as long as the slot has the noted checksum: what somebody installs by hand behind the
//! updater is another image, and is never taken for the one that the rollout names. A note that came after would be missing where power
//! was cut between, and what runs would be taken for the way back and written over.

use crate::engine::{Engine, EngineError, Progress};
use crate::state::Target;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use zbus::blocking::Connection;
use zbus::zvariant::{OwnedValue, Value};

#[zbus::proxy(
    interface = "de.pengutronix.rauc.Installer",
    default_service = "de.pengutronix.rauc",
    default_path = "/",
    gen_async = false,
    blocking_name = "Installer"
)]
trait InstallerInterface {
    fn install_bundle(&self, source: &str, args: HashMap<&str, Value<'_>>) -> zbus::Result<()>;
    fn mark(&self, state: &str, slot_identifier: &str) -> zbus::Result<(String, String)>;
    fn get_slot_status(&self) -> zbus::Result<Vec<(String, HashMap<String, OwnedValue>)>>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn operation(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_error(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn progress(&self) -> zbus::Result<(i32, String, i32)>;
}

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_async = false,
    blocking_name = "Logind"
)]
trait LogindInterface {
    fn reboot(&self, interactive: bool) -> zbus::Result<()>;
}

/// How often an installation is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Where the kernel says which start this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// RAUC.
#[derive(Debug)]
pub struct Rauc {
    bus: Connection,
    boot_id: PathBuf,
    /// How long a restart that was ordered is waited for.
    patience: Duration,
    /// Where it is noted what slots hold.
    notes: PathBuf,
    /// The program that says what is in a bundle.
    tool: PathBuf,
}

/// What is written into a slot, where RAUC itself does not say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    hash: String,
    /// SHA-256 of the slot's image, of the bundle's manifest; without it the note says nothing.
    checksum: Option<String>,
    /// The writing before it.
    before: Option<String>,
}

impl Note {
    /// Whether the slot holds what was noted: it was written since, and with that image.
    fn holds(&self, checksum: Option<&String>, writing: Option<&String>) -> bool {
        writing.is_some() && self.before.as_ref() != writing && checksum.is_some() && self.checksum.as_ref() == checksum
    }
}

fn notes(directory: &Path) -> PathBuf {
    directory.join("rauc.json")
}

fn bus(operation: &'static str) -> impl Fn(zbus::Error) -> EngineError {
    move |source| EngineError::Bus { operation, source: Box::new(source) }
}

/// One of RAUC's slots.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    name: String,
    booted: bool,
    /// Belongs to the system: `class` is that of the booted one.
    class: String,
    hash: Option<String>,
    /// Which writing of it this is: checksum and time.
    writing: Option<String>,
}

/// The slot of the system that does not run.
fn other(slots: &[Slot]) -> Option<&Slot> {
    let class = slots.iter().find(|slot| slot.booted).map(|slot| slot.class.as_str()).unwrap_or_default();
    slots.iter().find(|slot| !slot.booted && slot.class == class)
}

impl Rauc {
    /// On the system's bus, with its notes in a directory.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(directory: &Path) -> Result<Self, EngineError> {
        let bus = Connection::system().map_err(bus("connect"))?;
        Ok(Self {
            bus,
            boot_id: BOOT_ID.into(),
            patience: Duration::from_secs(120),
            notes: notes(directory),
            tool: "rauc".into(),
        })
    }

    /// On another bus, with another file that says which start this is.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn on(address: &str, boot_id: &Path, patience: Duration, directory: &Path) -> Result<Self, EngineError> {
        let builder = zbus::blocking::connection::Builder::address(address).map_err(bus("connect"))?;
        let bus = builder.build().map_err(bus("connect"))?;
        Ok(Self { bus, boot_id: boot_id.to_owned(), patience, notes: notes(directory), tool: "rauc".into() })
    }

    /// With another program than `rauc` that says what is in a bundle.
    #[must_use]
    pub fn with_tool(self, tool: &Path) -> Self {
        Self { tool: tool.to_owned(), ..self }
    }

    /// SHA-256 that the bundle's manifest has for the image of a class of slots. Its signature is verified.
    fn checksum(&self, bundle: &Path, class: &str) -> Result<String, EngineError> {
        let failed = |why: String| EngineError::Program { program: "rauc info", why };
        let said = Command::new(&self.tool).args(["info", "--output-format=json"]).arg(bundle).output();
        let said = said.map_err(|error| failed(error.to_string()))?;
        if !said.status.success() {
            let text = String::from_utf8_lossy(&said.stderr);
            return Err(failed(text.trim().lines().last().unwrap_or_default().to_owned()));
        }
        let manifest: serde_json::Value =
            serde_json::from_slice(&said.stdout).map_err(|error| failed(error.to_string()))?;
        let images = manifest["images"].as_array().into_iter().flatten();
        let checksum = images.filter_map(|image| image[class]["checksum"].as_str()).next();
        checksum.map(str::to_owned).ok_or_else(|| failed(format!("the bundle has no image for {class}")))
    }

    fn installer(&self) -> Result<Installer<'_>, EngineError> {
        // What changes meanwhile is asked each time.
        Installer::builder(&self.bus)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .map_err(bus("find RAUC"))
    }

    fn slots(&self) -> Result<Vec<Slot>, EngineError> {
        let status = self.installer()?.get_slot_status().map_err(bus("ask for the slots"))?;
        let text = |slot: &HashMap<String, OwnedValue>, key: &str| {
            slot.get(key).and_then(|value| value.downcast_ref::<String>().ok())
        };
        let noted = self.noted();
        let slot = |(name, slot): (String, HashMap<String, OwnedValue>)| {
            let (sum, time) = (text(&slot, "sha256"), text(&slot, "installed.timestamp"));
            let writing = sum.as_ref().zip(time).map(|(sum, time)| format!("{sum} {time}"));
            let note = noted.get(&name).filter(|note| note.holds(sum.as_ref(), writing.as_ref()));
            Slot {
                booted: text(&slot, "state").as_deref() == Some("booted"),
                class: text(&slot, "class").unwrap_or_default(),
                hash: text(&slot, "bundle.hash").or_else(|| note.map(|note| note.hash.clone())),
                writing,
                name,
            }
        };
        Ok(status.into_iter().map(slot).collect())
    }

    /// What cannot be read is not known.
    fn noted(&self) -> BTreeMap<String, Note> {
        let bytes = std::fs::read(&self.notes).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Notes what will be written: the file was compared with the rollout before.
    fn note(&self, slot: &Slot, hash: &str, checksum: Option<String>) -> Result<(), EngineError> {
        let mut notes = self.noted();
        notes.insert(slot.name.clone(), Note { hash: hash.to_owned(), checksum, before: slot.writing.clone() });
        let failed = |source| EngineError::Io { operation: "write", path: self.notes.clone(), source };
        let bytes = serde_json::to_vec(&notes).map_err(|error| failed(error.into()))?;
        let into = self.notes.parent().unwrap_or_else(|| Path::new("/"));
        std::fs::create_dir_all(into).map_err(failed)?;
        fleet::files::replace(&self.notes, &bytes).map_err(|error| failed(std::io::Error::other(error)))
    }

    fn mark(&self, state: &str, slot: &str) -> Result<(), EngineError> {
        self.installer()?.mark(state, slot).map(drop).map_err(bus("mark a slot"))
    }

    /// Waits while RAUC installs.
    fn wait(&self, installer: &Installer<'_>, progress: Progress<'_>) -> Result<(), EngineError> {
        loop {
            let (per_cent, doing, _) = installer.progress().map_err(bus("ask how far it is"))?;
            progress(u8::try_from(per_cent.clamp(0, 100)).unwrap_or(0), &doing);
            if installer.operation().map_err(bus("ask what it does"))? == "idle" {
                let error = installer.last_error().map_err(bus("ask how it ended"))?;
                return if error.is_empty() { Ok(()) } else { Err(EngineError::Install(error)) };
            }
            std::thread::park_timeout(LOOK);
        }
    }
}

impl Engine for Rauc {
    fn id(&self) -> &'static str {
        "rauc"
    }

    fn running(&self) -> Result<Option<String>, EngineError> {
        Ok(self.slots()?.into_iter().find(|slot| slot.booted).and_then(|slot| slot.hash))
    }

    fn incarnation(&self) -> Result<String, EngineError> {
        let read = std::fs::read_to_string(&self.boot_id);
        let read = read.map_err(|source| EngineError::Io { operation: "read", path: self.boot_id.clone(), source })?;
        Ok(read.trim().to_owned())
    }

    fn install(&self, target: &Target, files: &[PathBuf], progress: Progress<'_>) -> Result<(), EngineError> {
        let [file] = files else { return Err(EngineError::Other(format!("{} files for one image", files.len()))) };
        let installer = self.installer()?;
        let before = self.slots()?;
        let slot = other(&before).ok_or_else(|| EngineError::Install("there is no second system".to_owned()))?;
        let checksum = self.checksum(file, &slot.class);
        self.note(slot, &target.hash, checksum.as_ref().ok().cloned())?;
        let path = file.to_string_lossy();
        let with_hash = HashMap::from([("require-manifest-hash", Value::from(target.hash.as_str()))]);
        match installer.install_bundle(&path, with_hash) {
            Ok(()) => {}
            // A version that does not know the argument refuses it, and installs nothing.
            Err(zbus::Error::MethodError(_, Some(said), _)) if said.contains("require-manifest-hash") => {
                // It may keep no hash either: what cannot be told afterwards is not written.
                checksum?;
                installer.install_bundle(&path, HashMap::new()).map_err(bus("install"))?;
            }
            Err(error) => return Err(bus("install")(error)),
        }
        self.wait(&installer, progress)?;
        let slots = self.slots()?;
        let written = other(&slots);
        let hash = written.and_then(|slot| slot.hash.as_deref());
        if hash == Some(&target.hash) {
            return Ok(());
        }
        let name = written.map_or("no slot", |slot| slot.name.as_str());
        Err(EngineError::Other(format!("{name} holds {}, wanted is {}", hash.unwrap_or("nothing known"), target.hash)))
    }

    fn keep_running(&self) -> Result<(), EngineError> {
        self.mark("active", "booted")
    }

    fn affirm(&self) -> Result<(), EngineError> {
        self.mark("good", "booted")
    }

    fn reject(&self) -> Result<(), EngineError> {
        // First where to go, then that it must not be this: a cut between them goes to the good one.
        self.mark("active", "other")?;
        self.mark("bad", "booted")
    }

    fn restart(&self) -> Result<(), EngineError> {
        let logind = Logind::new(&self.bus).map_err(bus("find logind"))?;
        logind.reboot(false).map_err(bus("restart"))?;
        std::thread::park_timeout(self.patience);
        Err(EngineError::Program { program: "systemd-logind", why: "the machine did not restart".to_owned() })
    }
}
