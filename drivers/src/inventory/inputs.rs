//! Touch screens, and keyboards that scanners pretend to be.

use super::others::SCANNERS;
use super::{Entry, Kind, System, says};
use crate::scanner::wedge::KEY_ENTER;
use crate::touch::{ABS_MT_POSITION_X, ABS_MT_POSITION_Y, ABS_MT_SLOT, ABS_X, ABS_Y, BTN_LEFT, BTN_TOUCH};

// `linux/input-event-codes.h`.
const KEY_1: u16 = 2;
const INPUT_PROP_POINTER: u16 = 0;
const INPUT_PROP_DIRECT: u16 = 1;

/// An input device as `/sys` tells every user of it.
struct Input {
    node: String,
    name: String,
    /// Bit sets as the kernel writes them.
    abs: String,
    key: String,
    properties: String,
}

impl Input {
    /// The same question that [`crate::input::evdev`] asks of a device that it has opened.
    fn is_touch(&self) -> bool {
        let abs = |axis| has(&self.abs, axis);
        let axes = if abs(ABS_MT_SLOT) { (ABS_MT_POSITION_X, ABS_MT_POSITION_Y) } else { (ABS_X, ABS_Y) };
        let pressed = has(&self.key, BTN_TOUCH) || (has(&self.key, BTN_LEFT) && abs(ABS_X));
        pressed && abs(axes.0) && abs(axes.1)
    }

    fn is_keyboard(&self) -> bool {
        has(&self.key, KEY_1) && has(&self.key, KEY_ENTER)
    }
}

/// Whether a bit is set in a set of the kernel's: words of this machine's width in hexadecimal digits, the highest first.
fn has(set: &str, bit: u16) -> bool {
    let (bit, width) = (usize::from(bit), usize::BITS as usize);
    let word = set.split_whitespace().rev().nth(bit / width).and_then(|word| u64::from_str_radix(word, 16).ok());
    word.is_some_and(|word| word >> (bit % width) & 1 == 1)
}

fn inputs(system: System<'_>) -> Vec<Input> {
    let found = system.numbered("/sys/class/input", "event").into_iter();
    found
        .map(|(_, event)| {
            let text = |file: &str| system.text(&format!("/sys/class/input/{event}/device/{file}"));
            Input {
                node: format!("/dev/input/{event}"),
                name: text("name"),
                abs: text("capabilities/abs"),
                key: text("capabilities/key"),
                properties: text("properties"),
            }
        })
        .collect()
}

/// The name by which the driver finds this one among its kind: its own, where the first whose name has that in it is this
/// one; else a path.
fn written(system: System<'_>, input: &Input, kind: &[&Input]) -> String {
    let first = kind.iter().find(|other| other.name.contains(&input.name));
    if !input.name.is_empty() && first.is_some_and(|first| first.node == input.node) {
        return input.name.clone();
    }
    system.lasting(&input.node, &["/dev/input/by-id", "/dev/input/by-path"])
}

fn called(input: &Input) -> String {
    if input.name.is_empty() { input.node.clone() } else { input.name.clone() }
}

pub(super) fn touch_screens(system: &System<'_>) -> Vec<Entry> {
    let inputs = inputs(*system);
    let kind: Vec<&Input> = inputs.iter().filter(|input| input.is_touch()).collect();
    let entry = |input: &&Input| Entry {
        kind: Kind::Touch,
        name: written(*system, input, &kind),
        called: called(input),
        // A touch pad moves a pointer elsewhere. Cheap panels and virtual machines say neither.
        likely: has(&input.properties, INPUT_PROP_DIRECT) || !has(&input.properties, INPUT_PROP_POINTER),
        modes: Vec::new(),
        failure: system.closed(&input.node),
    };
    kind.iter().map(entry).collect()
}

pub(super) fn keyboards(system: &System<'_>) -> Vec<Entry> {
    let inputs = inputs(*system);
    let kind: Vec<&Input> = inputs.iter().filter(|input| input.is_keyboard()).collect();
    let entry = |input: &&Input| Entry {
        kind: Kind::Scanner,
        name: format!("wedge:{}", written(*system, input, &kind)),
        called: format!("{}, types what it scans", called(input)),
        // Any other keyboard is one, and the agent would take it from whoever types.
        likely: says(&input.name, SCANNERS),
        modes: Vec::new(),
        failure: system.closed(&input.node),
    };
    kind.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::tests::{Found, found, system};

    /// What `/sys` says of a device: files and their texts.
    type About = [(&'static str, &'static str); 3];

    const GOODIX: About =
        [("capabilities/abs", "2658000 3\n"), ("capabilities/key", "400 0 0 0 0 0\n"), ("properties", "2\n")];
    const TABLET: About =
        [("capabilities/abs", "3\n"), ("capabilities/key", "1f0000 0 0 0 0\n"), ("properties", "0\n")];
    const PAD: About =
        [("capabilities/abs", "3\n"), ("capabilities/key", "e520 10000 0 0 0 0\n"), ("properties", "5\n")];
    const KEYBOARD: About = [
        ("capabilities/abs", "0\n"),
        ("capabilities/key", "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe\n"),
        ("properties", "0\n"),
    ];

    /// Input devices, each with its event's number, name and abilities; and links.
    fn machine(devices: &[(u32, &str, About)], links: &[(&str, &str)]) -> tempfile::TempDir {
        let mut files = Vec::new();
        for (event, name, about) in devices {
            let place = format!("/sys/class/input/event{event}/device");
            files.push((format!("/dev/input/event{event}"), String::new()));
            files.push((format!("{place}/name"), format!("{name}\n")));
            files.extend(about.iter().map(|(file, text)| (format!("{place}/{file}"), (*text).to_owned())));
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        system(&files, links)
    }

    fn named(name: &str, likely: bool) -> Found {
        (name.to_owned(), likely, None)
    }

    #[test]
    fn a_touch_screen_is_known_by_what_it_can_do() {
        let root = machine(
            &[
                (0, "AT Translated Set 2 keyboard", KEYBOARD),
                (3, "SynPS/2 TouchPad", PAD),
                (10, "QEMU Virtio Tablet", TABLET),
                (2, "Goodix Capacitive TouchScreen", GOODIX),
            ],
            &[],
        );
        let all = found(root.path(), Kind::Touch);
        let screens = [named("Goodix Capacitive TouchScreen", true), named("QEMU Virtio Tablet", true)];
        assert_eq!(all, [&screens[..], &[named("SynPS/2 TouchPad", false)]].concat());
    }

    #[test]
    fn what_the_driver_would_not_find_by_its_name_has_a_path() {
        let link = ("/dev/input/by-path/platform-usb-0:1.2-event", "/dev/input/event5");
        let root = machine(&[(4, "ILITEK-TP 2", GOODIX), (5, "ILITEK-TP", GOODIX), (6, "ILITEK-TP", GOODIX)], &[link]);
        let all = found(root.path(), Kind::Touch);
        assert_eq!(all, [named("ILITEK-TP 2", true), named(link.0, true), named("/dev/input/event6", true)]);
    }

    #[test]
    fn a_keyboard_is_a_scanner_where_its_name_says_so() {
        let root = machine(&[(0, "Logitech K120", KEYBOARD), (7, "HID Barcode Scanner", KEYBOARD)], &[]);
        let all = found(root.path(), Kind::Scanner);
        assert_eq!(all, [named("wedge:HID Barcode Scanner", true), named("wedge:Logitech K120", false)]);
    }

    #[test]
    fn bits_are_counted_from_the_end() {
        assert!(has("2658000 3", 0) && has("3", 1) && !has("3", 2) && !has("3", 64) && !has("", 0) && !has("x", 0));
        assert_eq!(has("1 0", 64), usize::BITS == 64);
    }
}
