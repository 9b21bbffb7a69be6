//! A whole `agent.toml` from what is attached, what the device's file says already and what the site says. Pure.

use super::Place;
use drivers::inventory::{Entry, Kind};
use drivers::touch::Rotation;
use kiosk_ui::panel::Panel;
use program::Failure;
use toml_edit::{DocumentMut, Item, Table, Value};

/// What a proposal is made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// What is attached.
    pub devices: &'a [Entry],
    /// The device's file as it is; empty where there is none.
    pub own: &'a str,
    /// The settings of the active bundle, which stand below the file.
    pub site: &'a str,
    /// Settings that go before all others.
    pub wanted: &'a str,
    /// What the site is called, where somebody says so.
    pub called: Option<&'a str>,
    /// What central calls it; for where nobody else says anything.
    pub assigned: Option<&'a str>,
}

/// A file that could be written, and what a technician is to know of it.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What it is for.
    pub place: Place,
    /// The file.
    pub file: DocumentMut,
    /// Sentences: what was not found, or is to be looked at.
    pub notes: Vec<String>,
    /// The site's settings.
    site: Table,
}

/// A text that is no TOML.
fn malformed(what: &str, error: &toml_edit::TomlError) -> Failure {
    let message = format!("{what}: {}", error.to_string().trim());
    Failure::usage("config_invalid", message, "compare with /usr/share/doc/cccd-agent/configuration.md")
}

/// Lays a table over another: tables are joined, anything else is replaced; words beside a key stay.
fn lay_over(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Item::Table(below)), Item::Table(above)) => lay_over(below, above),
            (Some(item), value) => *item = value.clone(),
            (None, value) => {
                below.insert(key, value.clone());
            }
        }
    }
}

/// A value at `table.key`; a path of one key stands for the file's own.
fn find<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
    let table =
        tables.split('.').filter(|name| !name.is_empty()).try_fold(table, |table, name| table.get(name)?.as_table());
    table?.get(key)?.as_value()
}

impl Proposal {
    /// What the file would be.
    ///
    /// # Errors
    /// `config_invalid` when one of the texts is no TOML, `setup_no_site` when nobody says what the site is called.
    pub fn new(place: Place, from: &Sources<'_>) -> Result<Self, Failure> {
        let read = |what: &str, text: &str| text.parse::<DocumentMut>().map_err(|error| malformed(what, &error));
        let own = read("agent.toml", from.own)?;
        let site = read("the bundle's site.toml", from.site)?.as_table().clone();
        let wanted = read("the file with settings", from.wanted)?;
        let has_table = own.get(place.table()).is_some_and(Item::is_table);
        let mut file = if has_table { own.clone() } else { read("the example", place.example())? };
        if !has_table {
            // What the example says of devices is somebody else's.
            let table = file[place.table()].as_table_mut().into_iter();
            table.for_each(|table| {
                ["display", "panel", "touch", "scanner", "lines", "site"]
                    .map(|key| table.remove(key))
                    .into_iter()
                    .for_each(drop)
            });
            lay_over(file.as_table_mut(), own.as_table());
        }
        lay_over(file.as_table_mut(), wanted.as_table());
        let mut proposal = Self { place, file, notes: Vec::new(), site };
        proposal.fill(from)?;
        Ok(proposal)
    }

    /// A text at a path, of the file or, where it has none, of the site.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        find(self.file.as_table(), path).or_else(|| find(&self.site, path))?.as_str()
    }

    /// Says a value. What the site says already the file need not repeat.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) {
        let value = value.into();
        if find(&self.site, path).is_some_and(|known| known.to_string().trim() == value.to_string().trim()) {
            return self.remove(path);
        }
        let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut table = self.file.as_table_mut();
        for name in tables.split('.').filter(|name| !name.is_empty()) {
            let item = table.entry(name).or_insert_with(toml_edit::table);
            if !item.is_table() {
                *item = toml_edit::table();
            }
            let Some(below) = item.as_table_mut() else { return };
            table = below;
        }
        match table.get_mut(key) {
            Some(item) => *item = Item::Value(value),
            None => {
                table.insert(key, Item::Value(value));
            }
        }
    }

    /// Says nothing at a path.
    pub fn remove(&mut self, path: &str) {
        let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
        let table = tables
            .split('.')
            .filter(|name| !name.is_empty())
            .try_fold(self.file.as_table_mut(), |table, name| table.get_mut(name)?.as_table_mut());
        if let Some(table) = table {
            table.remove(key);
        }
    }

    /// The path of a key in the table of this place.
    #[must_use]
    pub fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.place.table())
    }

    /// Says what was found, where nobody has said anything.
    fn fill(&mut self, from: &Sources<'_>) -> Result<(), Failure> {
        let site = self.path("site");
        if let Some(called) = from.called {
            self.set(&site, called);
        } else if self.text(&site).is_none()
            && let Some(assigned) = from.assigned
        {
            self.set(&site, assigned);
        } else if self.text(&site).is_none() {
            let message = "nobody says what the site is called";
            return Err(Failure::usage("setup_no_site", message, "give it: --site 'BỆNH VIỆN A'"));
        }
        if self.place == Place::Gate && self.text("profile").is_none() {
            self.set("profile", "gate");
        }
        let ready = |kind: Kind| from.devices.iter().find(|entry| entry.kind == kind && entry.is_ready());
        let pcsc = self.text("reader").is_none_or(|reader| reader == "pcsc");
        if pcsc && let Some(reader) = ready(Kind::Reader) {
            // PC/SC is watched as a whole where it has a reader: another one may be plugged in later.
            self.set("reader", reader.name.as_str());
        } else if pcsc {
            self.set("reader", "pcsc");
            self.missing(from, Kind::Reader);
        }
        if self.place.table() == "kiosk" {
            self.fill_device(from, Kind::Display, "display");
            if self.panel().is_none_or(|panel| panel.touch) {
                self.fill_device(from, Kind::Touch, "touch");
            }
            self.fill_device(from, Kind::Speech, "speech");
        }
        let wedge = |entry: &&Entry| entry.name.starts_with("wedge:");
        // At a desk a scanner that types types into the page.
        if self.place != Place::Desk || !ready(Kind::Scanner).as_ref().is_some_and(wedge) {
            self.fill_device(from, Kind::Scanner, "scanner");
        }
        self.fill_device(from, Kind::Printer, "printer.device");
        if self.place.table() == "kiosk" && !self.has("lines") {
            self.missing(from, Kind::Lines);
        }
        Ok(())
    }

    /// Whether the file or the site says something of a key in the table of this place.
    fn has(&self, key: &str) -> bool {
        let in_table = |table: &Table| {
            table.get(self.place.table()).and_then(Item::as_table).is_some_and(|table| table.contains_key(key))
        };
        in_table(self.file.as_table()) || in_table(&self.site)
    }

    fn fill_device(&mut self, from: &Sources<'_>, kind: Kind, key: &str) {
        let path = self.path(key);
        if self.text(&path).is_some() {
            return;
        }
        match from.devices.iter().find(|entry| entry.kind == kind && entry.is_ready()) {
            Some(entry) => self.set(&path, entry.name.as_str()),
            None => self.missing(from, kind),
        }
    }

    /// A note of what was not found, and of what is there and cannot be used.
    fn missing(&mut self, from: &Sources<'_>, kind: Kind) {
        let id = kind.id();
        let mut entries = from.devices.iter().filter(|entry| entry.kind == kind);
        let note = match entries.clone().find(|entry| entry.likely && entry.failure.is_some()) {
            Some(Entry { name, failure: Some(why), .. }) => {
                format!("{id}: {name}: {} [{}] → {}", why.message, why.code, why.remedy)
            }
            _ => match entries.next() {
                None => format!("{id}: none was found"),
                Some(_) if kind == Kind::Lines => {
                    format!("{id}: nobody can see what is wired to a chip; {} is to be written by hand", self.path(id))
                }
                Some(_) => format!("{id}: none is surely one; cccd-agent devices lists what could be"),
            },
        };
        self.notes.push(note);
    }

    /// The layout that the file wishes for.
    #[must_use]
    pub fn panel(&self) -> Option<Panel> {
        Panel::find(self.text(&self.path("panel"))?)
    }

    /// How pictures are turned on the display.
    pub fn turn(&mut self, rotation: Rotation) {
        let key = self.path("rotation");
        if rotation == Rotation::None {
            self.remove(&key);
        } else {
            self.set(&key, i64::from(rotation.degrees()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drivers::device::DeviceError;
    use std::path::Path;

    fn entry(kind: Kind, name: &str, likely: bool) -> Entry {
        let modes = if kind == Kind::Display { vec![drivers::display::Size::new(1024, 600)] } else { Vec::new() };
        Entry { kind, name: name.to_owned(), called: name.to_owned(), likely, modes, failure: None }
    }

    fn machine() -> Vec<Entry> {
        vec![
            entry(Kind::Display, "drm:auto", true),
            entry(Kind::Touch, "Goodix Capacitive TouchScreen", true),
            entry(Kind::Scanner, "serial:/dev/serial/by-id/usb-Newland-if00", true),
            entry(Kind::Scanner, "wedge:Logitech K120", false),
            entry(Kind::Reader, "pcsc", true),
            entry(Kind::Printer, "usb:/dev/usb/lp0", true),
            entry(Kind::Speech, "espeak-ng", true),
            entry(Kind::Lines, "/dev/gpiochip0", true),
        ]
    }

    /// As `provision enrol` writes it.
    const ENROLLED: &str = "# Written by `provision`. Relative paths start at this file.\nreader = \"pcsc\"\ntrust = \"anchors\"\n\
        state = \"state\"\nidentity = \"identity\"\nkeys = \"keys\"\nkey_store = \"tpm:device:/dev/tpmrm0\"\n\
        pass_phrase_file = \"/etc/phrase\"\n";

    fn sources<'a>(devices: &'a [Entry], own: &'a str) -> Sources<'a> {
        Sources { devices, own, site: "", wanted: "", called: Some("Bệnh viện A"), assigned: None }
    }

    fn propose(place: Place, from: &Sources<'_>) -> Proposal {
        let proposal = Proposal::new(place, from).expect("a proposal");
        let text = proposal.file.to_string();
        // Whatever is proposed is a configuration without unknown words.
        config::Config::assemble(Path::new("/nowhere/agent.toml"), text.clone(), None)
            .unwrap_or_else(|why| panic!("{why}\n{text}"));
        proposal
    }

    #[test]
    fn a_kiosk_is_proposed_whole_and_what_enrolment_wrote_stays() {
        let devices = machine();
        let proposal = propose(Place::Kiosk, &sources(&devices, ENROLLED));
        for (path, value) in [
            ("trust", "anchors"),
            ("key_store", "tpm:device:/dev/tpmrm0"),
            ("pass_phrase_file", "/etc/phrase"),
            ("reader", "pcsc"),
            ("kiosk.site", "Bệnh viện A"),
            ("kiosk.display", "drm:auto"),
            ("kiosk.touch", "Goodix Capacitive TouchScreen"),
            ("kiosk.scanner", "serial:/dev/serial/by-id/usb-Newland-if00"),
            ("kiosk.printer.device", "usb:/dev/usb/lp0"),
            ("kiosk.speech", "espeak-ng"),
        ] {
            assert_eq!(proposal.text(path), Some(value), "{path}");
        }
        // No line is driven that nobody named: a relay may hang on it.
        assert!(!proposal.has("lines") && proposal.notes.iter().any(|note| note.contains("kiosk.lines")));
        assert_eq!(proposal.notes.len(), 1, "{:?}", proposal.notes);
        assert!(proposal.file.to_string().contains("# The reader: any slot"), "the words of the example stay");
    }

    #[test]
    fn what_is_not_there_is_not_taken_from_the_example() {
        let proposal = propose(Place::Kiosk, &sources(&[], ""));
        for path in ["kiosk.touch", "kiosk.scanner", "kiosk.display", "kiosk.printer.device", "kiosk.speech"] {
            assert_eq!(proposal.text(path), None, "{path}");
        }
        assert_eq!(proposal.text("reader"), Some("pcsc"));
        let gate = propose(Place::Gate, &sources(&machine(), ""));
        assert!(!gate.has("lines") && gate.text("profile") == Some("gate"));
        // What is there and cannot be used says why.
        let denied = DeviceError::Denied { device: "/dev/input/event2".to_owned(), group: Some("input".to_owned()) };
        let touch = Entry { failure: Some(denied.into()), ..entry(Kind::Touch, "Goodix", true) };
        let devices = [entry(Kind::Display, "drm:auto", true), touch];
        let proposal = propose(Place::Kiosk, &sources(&devices, ""));
        assert!(proposal.notes.iter().any(|note| note.contains("[device_denied]")), "{:?}", proposal.notes);
    }

    #[test]
    fn a_desk_has_no_screen_of_its_own_and_its_wedge_types_into_the_page() {
        let proposal = propose(Place::Desk, &sources(&machine(), ENROLLED));
        assert_eq!(proposal.text("desk.scanner"), Some("serial:/dev/serial/by-id/usb-Newland-if00"));
        assert_eq!(proposal.text("desk.printer.device"), Some("usb:/dev/usb/lp0"));
        assert!(proposal.file.get("kiosk").is_none());
        let wedge = [entry(Kind::Scanner, "wedge:HID Scanner", true)];
        assert_eq!(propose(Place::Desk, &sources(&wedge, "")).text("desk.scanner"), None);
        assert_eq!(propose(Place::Gate, &sources(&wedge, "")).text("kiosk.scanner"), Some("wedge:HID Scanner"));
    }

    #[test]
    fn the_file_goes_before_what_is_found_and_settings_that_are_given_before_both() {
        let devices = machine();
        let own = format!(
            "{ENROLLED}# by hand\n[kiosk]\nsite = \"S\"\npanel = \"small-7\"\n# ours\ndisplay = \"fbdev:/dev/fb0\"\n"
        );
        let proposal = propose(Place::Kiosk, &Sources { called: None, ..sources(&devices, &own) });
        assert_eq!(proposal.text("kiosk.site"), Some("S"));
        assert_eq!(
            (proposal.text("kiosk.display"), proposal.text("kiosk.panel")),
            (Some("fbdev:/dev/fb0"), Some("small-7"))
        );
        let text = proposal.file.to_string();
        assert!(text.contains("# ours\ndisplay") && text.contains("# by hand\n[kiosk]"), "{text}");
        let wanted = "profile = \"gate\"\n[kiosk]\nscanner = \"serial:/dev/ttyS0\"\n[kiosk.lines]\nchip = \"/dev/gpiochip4\"\ndoor = \"5\"\n";
        let proposal = propose(Place::Kiosk, &Sources { wanted, called: None, ..sources(&devices, &own) });
        assert_eq!(proposal.text("kiosk.scanner"), Some("serial:/dev/ttyS0"));
        assert_eq!((proposal.text("kiosk.lines.door"), proposal.text("profile")), (Some("5"), Some("gate")));
    }

    #[test]
    fn what_the_site_says_is_not_repeated() {
        let devices = machine();
        let site = "[kiosk]\nsite = \"Bệnh viện A\"\nscanner = \"serial:/dev/ttyACM7\"\n";
        let proposal =
            Proposal::new(Place::Kiosk, &Sources { site, ..sources(&devices, ENROLLED) }).expect("a proposal");
        let text = proposal.file.to_string();
        assert!(!text.lines().any(|line| line.starts_with("scanner") || line.starts_with("site")), "{text}");
        assert_eq!(proposal.text("kiosk.scanner"), Some("serial:/dev/ttyACM7"));
        assert_eq!(proposal.text("kiosk.display"), Some("drm:auto"));
    }

    #[test]
    fn a_site_has_a_name_and_texts_are_toml() {
        let code = |from: &Sources<'_>| Proposal::new(Place::Kiosk, from).expect_err("refused").code;
        assert_eq!(code(&Sources { called: None, ..sources(&[], ENROLLED) }), "setup_no_site");
        assert_eq!(code(&sources(&[], "reader =")), "config_invalid");
        let assigned = Sources { called: None, assigned: Some("vien-a"), ..sources(&[], ENROLLED) };
        assert_eq!(propose(Place::Desk, &assigned).text("desk.site"), Some("vien-a"));
    }
}
