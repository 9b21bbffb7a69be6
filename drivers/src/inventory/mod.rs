//! What is attached to this machine: every device that `agent.toml` could name, with the exact words for it.
//!
//! Nothing is opened, so that nothing beeps, blinks or resets, and a running kiosk is not disturbed: the kernel's own lists
//! are read below a directory (`/`, or one that a test has filled), and whether this user may open a device is asked of its
//! node. Only readers are asked of their service, by whoever calls.
//!
//! | kind | found in | written |
//! |---|---|---|
//! | display | `/sys/class/drm`, `/sys/class/graphics`, `/dev/spidev*` | `drm:auto`, `drm:auto:HDMI-A-1`, `fbdev:/dev/fb0`, `spi:…` |
//! | touch | `/sys/class/input` | a name, or a path where two have one name |
//! | scanner | `/sys/class/tty`, `/sys/class/input`, `/sys/class/video4linux` | `serial:/dev/serial/by-id/…`, `wedge:NAME`, `camera:/dev/video0` |
//! | reader | PC/SC; `/sys/bus/usb`, `/dev/spidev*`, serial ports | `pcsc`, `pcsc:NAME`, `libnfc:…` |
//! | printer | `/sys/class/usbmisc`, serial ports | `usb:/dev/usb/lp0`, `serial:PATH` |
//! | speech | `/proc/asound`, programs | `espeak-ng`, `speech-dispatcher:SOCKET` |
//! | lines | `/sys/bus/gpio` | `/dev/gpiochip0` |

mod inputs;
mod others;
mod panels;

use crate::device::DeviceError;
use crate::display::Size;
use crate::reader::ReaderError;
use program::Failure;
use rustix::fs::Access;
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Display,
    Touch,
    Scanner,
    Reader,
    Printer,
    Speech,
    Lines,
}

impl Kind {
    /// In the order in which they are listed.
    pub const ALL: [Self; 7] =
        [Self::Display, Self::Touch, Self::Scanner, Self::Reader, Self::Printer, Self::Speech, Self::Lines];

    /// A stable identifier.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Display => "display",
            Self::Touch => "touch",
            Self::Scanner => "scanner",
            Self::Reader => "reader",
            Self::Printer => "printer",
            Self::Speech => "speech",
            Self::Lines => "lines",
        }
    }
}

/// A device that `agent.toml` could name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is for. A device that could be for several things has an entry of each.
    pub kind: Kind,
    /// The value in `agent.toml`.
    pub name: String,
    /// What people call it.
    pub called: String,
    /// Whether it is made for this; otherwise it only could be: a serial port without a name, a keyboard.
    pub likely: bool,
    /// Width and height in pixels that a display can have, the panel's own first; empty for anything else.
    pub modes: Vec<Size>,
    /// Why it cannot be used now.
    pub failure: Option<Failure>,
}

impl Entry {
    /// Whether it is made for this and can be used now.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.likely && self.failure.is_none()
    }
}

/// Everything that could be named on the system below `root`, by kind, likely things first. `readers` is what PC/SC says
/// ([`crate::reader::pcsc::PcscReader::attached`]).
#[must_use]
pub fn inventory(root: &Path, readers: Result<Vec<String>, ReaderError>) -> Vec<Entry> {
    let system = System { root };
    let mut all = panels::displays(&system);
    all.extend(inputs::touch_screens(&system));
    all.extend(others::serial_scanners(&system));
    all.extend(inputs::keyboards(&system));
    all.extend(others::cameras(&system));
    all.extend(others::pcsc(readers));
    all.extend(others::libnfc(&system));
    all.extend(others::printers(&system));
    all.extend(others::speech(&system));
    all.extend(others::lines(&system));
    // Stable: within a kind the order above stays.
    all.sort_by_key(|entry| (entry.kind, !entry.likely, entry.failure.is_some()));
    all
}

/// A system below a directory. Paths are written as on the system itself.
#[derive(Debug, Clone, Copy)]
struct System<'a> {
    root: &'a Path,
}

impl System<'_> {
    fn at(self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A text file without white space and zeros around it; empty where there is none.
    fn text(self, path: &str) -> String {
        let text = std::fs::read(self.at(path)).unwrap_or_default();
        String::from_utf8_lossy(&text).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
    }

    fn has(self, path: &str) -> bool {
        self.at(path).exists()
    }

    /// The names in a directory that begin so and go on with a number, by that number.
    fn numbered(self, directory: &str, start: &str) -> Vec<(u32, String)> {
        let number = |name: String| Some((name.strip_prefix(start)?.parse().ok()?, name));
        let mut found: Vec<_> = self.names(directory).into_iter().filter_map(number).collect();
        found.sort_unstable();
        found
    }

    /// The names in a directory.
    fn names(self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.at(directory)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    /// A name of a node that stays when numbers change: the first link to it in these directories; else its own.
    fn lasting(self, node: &str, directories: &[&str]) -> String {
        let Ok(wanted) = self.at(node).canonicalize() else { return node.to_owned() };
        let links = directories
            .iter()
            .flat_map(|directory| self.names(directory).into_iter().map(move |name| format!("{directory}/{name}")));
        let is_it = |link: &String| self.at(link).canonicalize().is_ok_and(|place| place == wanted);
        links.into_iter().find(is_it).unwrap_or_else(|| node.to_owned())
    }

    /// Maker and product of the USB device that a directory of `/sys` belongs to.
    fn usb_name(self, directory: &str) -> Option<String> {
        let place = self.at(directory).canonicalize().ok()?;
        let product = place.ancestors().take(5).find(|up| up.join("product").exists())?;
        let text = |file: &str| std::fs::read_to_string(product.join(file)).unwrap_or_default().trim().to_owned();
        Some(format!("{} {}", text("manufacturer"), text("product")).trim().to_owned())
    }

    /// Why this user cannot open a node; `None` where it can.
    fn closed(self, node: &str) -> Option<Failure> {
        let place = self.at(node);
        let why = match rustix::fs::access(&place, Access::READ_OK | Access::WRITE_OK) {
            Ok(()) => return None,
            Err(Errno::ACCESS | Errno::PERM) => DeviceError::denied(node, &place),
            Err(error) => DeviceError::from_io(node, &error.into()),
        };
        Some(why.into())
    }
}

/// Whether a name has one of these words in it, whatever the case.
fn says(name: &str, words: &[&str]) -> bool {
    let name = name.to_lowercase();
    words.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system with files, and links from one path to another.
    pub(super) fn system(files: &[(&str, &str)], links: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("directory");
        let place = |path: &str| {
            let place = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(place.parent().expect("a parent")).expect("directories");
            place
        };
        for (path, text) in files {
            std::fs::write(place(path), text).expect("a file");
        }
        for (path, to) in links {
            std::os::unix::fs::symlink(root.path().join(to.trim_start_matches('/')), place(path)).expect("a link");
        }
        root
    }

    /// Name, whether it is likely, and the code of what is wrong with it.
    pub(super) type Found = (String, bool, Option<String>);

    pub(super) fn found(root: &Path, kind: Kind) -> Vec<Found> {
        let entries = inventory(root, Ok(Vec::new())).into_iter().filter(|entry| entry.kind == kind);
        entries.map(|entry| (entry.name, entry.likely, entry.failure.map(|why| why.code))).collect()
    }

    #[test]
    fn a_machine_with_nothing_has_nothing_and_says_so_of_its_reader() {
        let root = system(&[], &[]);
        let all = inventory(root.path(), Err(ReaderError::NoService));
        let [entry] = &all[..] else { panic!("{all:?}") };
        assert_eq!(
            (entry.name.as_str(), entry.failure.as_ref().map(|why| why.code.as_str())),
            ("pcsc", Some("no_pcsc_service"))
        );
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        // Whatever it has: no entry without a name, and none twice.
        let all = inventory(Path::new("/"), Ok(Vec::new()));
        let mut names: Vec<_> = all.iter().map(|entry| (entry.kind, &entry.name)).collect();
        assert!(all.iter().all(|entry| !entry.name.is_empty() && !entry.called.is_empty()), "{all:?}");
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{all:?}");
    }

    #[test]
    fn a_device_that_may_not_be_opened_is_there_all_the_same() {
        use std::os::unix::fs::PermissionsExt as _;
        if rustix::process::geteuid().is_root() {
            return test_support::skipped("root may open everything");
        }
        let root = system(&[("/dev/gpiochip0", "")], &[]);
        let node = root.path().join("dev/gpiochip0");
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o000)).expect("mode");
        assert_eq!(
            found(root.path(), Kind::Lines),
            [("/dev/gpiochip0".to_owned(), false, Some("device_denied".to_owned()))]
        );
    }
}
