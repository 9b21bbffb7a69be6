//! Scanners, readers, printers, speech and lines.

use super::{Entry, Kind, System, says};
use crate::device::DeviceError;
use crate::reader::ReaderError;
use crate::reader::quirks::{self, Place};
use program::Failure;

/// Words in the names of scanners, and of no keyboard, modem or cable.
pub(super) const SCANNERS: &[&str] = &[
    "scan",
    "barcode",
    "bar code",
    "honeywell",
    "newland",
    "datalogic",
    "symbol_tech",
    "symbol tech",
    "opticon",
    "zebex",
];
/// Words in the names of receipt printers.
const PRINTERS: &[&str] = &["print", "epson", "bixolon", "pos58", "pos80", "pos-58", "pos-80"];
/// What speaks CDC-ACM and is no scanner.
const MODEMS: &[&str] = &["modem", "lte", "gsm", "gps", "gnss"];

fn entry(kind: Kind, name: String, called: String, likely: bool, failure: Option<Failure>) -> Entry {
    Entry { kind, name, called, likely, modes: Vec::new(), failure }
}

/// A serial port.
struct Port {
    /// A name that stays.
    node: String,
    called: String,
    /// A class device on USB, not a cable.
    is_cdc: bool,
    failure: Option<Failure>,
}

impl Port {
    fn says(&self, words: &[&str]) -> bool {
        says(&self.called, words) || says(&self.node, words)
    }
}

fn ports(system: System<'_>) -> Vec<Port> {
    let kinds = ["ttyACM", "ttyUSB", "ttyAMA", "ttyS"];
    let names = kinds.into_iter().flat_map(|kind| system.numbered("/sys/class/tty", kind)).map(|(_, name)| name);
    names
        .filter(|name| {
            // Four of these stand in the list of every PC; type 0 is one without a chip behind it.
            !name.starts_with("ttyS")
                || !matches!(system.text(&format!("/sys/class/tty/{name}/type")).as_str(), "" | "0")
        })
        .map(|name| {
            let node = format!("/dev/{name}");
            let called = system.usb_name(&format!("/sys/class/tty/{name}/device"));
            Port {
                called: called.map_or_else(|| format!("serial port {name}"), |usb| format!("{usb}, {name}")),
                is_cdc: name.starts_with("ttyACM"),
                failure: system.closed(&node),
                node: system.lasting(&node, &["/dev/serial/by-id", "/dev/serial/by-path"]),
            }
        })
        .collect()
}

pub(super) fn serial_scanners(system: &System<'_>) -> Vec<Entry> {
    let likely = |port: &Port| {
        let other = port.says(PRINTERS) || port.says(MODEMS);
        port.says(SCANNERS) || (port.is_cdc && !other)
    };
    let entry = |port: Port| {
        let likely = likely(&port);
        entry(Kind::Scanner, format!("serial:{}", port.node), port.called, likely, port.failure)
    };
    ports(*system).into_iter().map(entry).collect()
}

pub(super) fn cameras(system: &System<'_>) -> Vec<Entry> {
    let found = system.numbered("/sys/class/video4linux", "video").into_iter();
    // A camera has further nodes for what is no picture.
    let first = |(_, name): &(u32, String)| {
        matches!(system.text(&format!("/sys/class/video4linux/{name}/index")).as_str(), "" | "0")
    };
    found
        .filter(first)
        .map(|(_, name)| {
            let node = format!("/dev/{name}");
            let place = format!("/sys/class/video4linux/{name}");
            let driver = system.at(&format!("{place}/device/driver")).canonicalize().unwrap_or_default();
            let not_built = || {
                let why = program::without("camera");
                Failure::from(DeviceError::Unsuitable { device: node.clone(), why })
            };
            let failure = if cfg!(feature = "camera") { system.closed(&node) } else { Some(not_built()) };
            let lasting = system.lasting(&node, &["/dev/v4l/by-id", "/dev/v4l/by-path"]);
            let called = format!("{}, camera", system.text(&format!("{place}/name")));
            entry(Kind::Scanner, format!("camera:{lasting}"), called, driver.ends_with("uvcvideo"), failure)
        })
        .collect()
}

/// What PC/SC has: any slot, and each by its name.
pub(super) fn pcsc(readers: Result<Vec<String>, ReaderError>) -> Vec<Entry> {
    let any = |failure| entry(Kind::Reader, "pcsc".to_owned(), "any slot of PC/SC".to_owned(), true, failure);
    let names = match readers {
        Err(error) => return vec![any(Some(error.into()))],
        Ok(names) => names,
    };
    let slots: Vec<&String> = names.iter().filter(|name| quirks::place(name) != Place::Sam).collect();
    let none = || ReaderError::NoReader { wanted: "(any)".to_owned(), attached: "none".to_owned() };
    let mut all = vec![any(slots.is_empty().then(|| none().into()))];
    for name in &names {
        // Two of one kind differ in their numbers only.
        let short = quirks::lasting(name, &names);
        let likely = quirks::place(name) != Place::Sam;
        all.push(entry(Kind::Reader, format!("pcsc:{short}"), name.clone(), likely, None));
    }
    all
}

/// USB chips that libnfc's `pn53x_usb` knows by themselves: vendor and product.
const PN53X: [(&str, &str); 4] = [("04cc", "2533"), ("04e6", "5591"), ("054c", "02e1"), ("1fd3", "0608")];

pub(super) fn libnfc(system: &System<'_>) -> Vec<Entry> {
    let mut all = Vec::new();
    for device in system.names("/sys/bus/usb/devices") {
        let text = |file: &str| system.text(&format!("/sys/bus/usb/devices/{device}/{file}"));
        if PN53X.contains(&(text("idVendor").as_str(), text("idProduct").as_str())) {
            let number = |file: &str| text(file).parse::<u32>().unwrap_or(0);
            let node = format!("/dev/bus/usb/{:03}/{:03}", number("busnum"), number("devnum"));
            let called = format!("{} {}", text("manufacturer"), text("product")).trim().to_owned();
            let called = if called.is_empty() { "PN53x on USB".to_owned() } else { called };
            all.push(entry(Kind::Reader, "libnfc:pn53x_usb".to_owned(), called, true, system.closed(&node)));
        }
    }
    // One entry stands for all of them: the name does not tell two apart.
    all.truncate(1);
    // A PN532 on wires does not say that it is there.
    let mut could_be = |name: String, node: &str| {
        let called = format!("a PN532 on {node}");
        all.push(entry(Kind::Reader, format!("libnfc:{name}"), called, false, system.closed(node)));
    };
    for port in ports(*system).into_iter().filter(|port| !port.is_cdc) {
        could_be(format!("pn532_uart:{}", port.node), &port.node);
    }
    for (start, name) in [("spidev", "pn532_spi"), ("i2c-", "pn532_i2c")] {
        // On a PC such a bus belongs to memory modules and screens.
        if start == "i2c-" && !system.has("/proc/device-tree") {
            continue;
        }
        for bus in system.names("/dev").into_iter().filter(|bus| bus.starts_with(start)) {
            let node = format!("/dev/{bus}");
            let rate = if start == "spidev" { ":500000" } else { "" };
            could_be(format!("{name}:{node}{rate}"), &node);
        }
    }
    all
}

pub(super) fn printers(system: &System<'_>) -> Vec<Entry> {
    let usb = system.numbered("/sys/class/usbmisc", "lp").into_iter().map(|(_, name)| {
        let place = format!("/sys/class/usbmisc/{name}/device");
        let id = system.text(&format!("{place}/ieee1284_id"));
        let called = of_1284(&id).or_else(|| system.usb_name(&place)).unwrap_or_else(|| format!("printer {name}"));
        let node = format!("/dev/usb/{name}");
        let failure = system.closed(&node);
        entry(Kind::Printer, format!("usb:{node}"), called, true, failure)
    });
    let serial = ports(*system).into_iter().filter(|port| !port.says(SCANNERS) && !port.says(MODEMS)).map(|port| {
        let likely = port.says(PRINTERS);
        entry(Kind::Printer, format!("serial:{}", port.node), port.called, likely, port.failure)
    });
    usb.chain(serial).collect()
}

/// Maker and model of an IEEE 1284 identification: `MFG:EPSON;MDL:TM-T20II;…`.
fn of_1284(text: &str) -> Option<String> {
    let field = |names: [&str; 2]| {
        text.split(';').filter_map(|field| field.split_once(':')).find(|(name, _)| names.contains(&name.trim()))
    };
    let (_, model) = field(["MDL", "MODEL"])?;
    let maker = field(["MFG", "MANUFACTURER"]).map_or("", |(_, maker)| maker);
    Some(format!("{} {}", maker.trim(), model.trim()).trim().to_owned())
}

pub(super) fn speech(system: &System<'_>) -> Vec<Entry> {
    let cards = system.text("/proc/asound/cards");
    // ` 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones`
    let card = |line: &str| Some(line.split_once("]: ")?.1.split_once(" - ")?.1.trim().to_owned());
    let cards: Vec<String> = cards.lines().filter_map(card).collect();
    let mut all = Vec::new();
    if !cards.is_empty() {
        let missing = ["espeak-ng", "aplay"].into_iter().find(|program| !system.has(&format!("/usr/bin/{program}")));
        let missing = missing.map(|program| Failure::from(DeviceError::Program { program: program.to_owned() }));
        let plays = |(_, name): &(u32, String)| {
            system.names(&format!("/sys/class/sound/{name}")).iter().any(|pcm| is_playback(pcm))
        };
        let node = system.numbered("/sys/class/sound", "card").into_iter().find(plays);
        let failure =
            missing.or_else(|| node.and_then(|(number, _)| system.closed(&format!("/dev/snd/controlC{number}"))));
        let called = format!("the machine's voice on {}", cards.join(", "));
        all.push(entry(Kind::Speech, "espeak-ng".to_owned(), called, true, failure));
    }
    let socket = "/run/speech-dispatcher/speechd.sock";
    if system.has(socket) {
        let name = format!("speech-dispatcher:{socket}");
        all.push(entry(Kind::Speech, name, "Speech Dispatcher".to_owned(), true, system.closed(socket)));
    }
    all
}

/// `pcmC0D0p`: what a card plays.
fn is_playback(pcm: &str) -> bool {
    pcm.starts_with("pcmC") && pcm.ends_with('p')
}

pub(super) fn lines(system: &System<'_>) -> Vec<Entry> {
    let chips = system.numbered("/dev", "gpiochip").into_iter();
    chips
        .map(|(_, name)| {
            let node = format!("/dev/{name}");
            let place = format!("/sys/bus/gpio/devices/{name}");
            let compatible = system.text(&format!("{place}/of_node/compatible"));
            let compatible = compatible.split('\0').next().unwrap_or_default();
            let parent = system.at(&place).canonicalize().ok();
            let parent = parent.as_deref().and_then(|place| place.parent()?.file_name()?.to_str());
            let called = match (compatible, parent) {
                ("", Some(parent)) if parent != "devices" => parent,
                ("", _) => "GPIO chip",
                (compatible, _) => compatible,
            };
            // A board's header hangs on its own chip, not on the expander of its firmware.
            let likely = !compatible.is_empty() && !says(compatible, &["firmware", "brcmstb"]);
            entry(Kind::Lines, node.clone(), called.to_owned(), likely, system.closed(&node))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::tests::{Found, found, system};

    fn named(name: &str, likely: bool, code: Option<&'static str>) -> Found {
        (name.to_owned(), likely, code.map(str::to_owned))
    }

    #[test]
    fn serial_ports_have_names_that_stay_and_are_what_their_makers_say() {
        let by_id = "/dev/serial/by-id/usb-Newland_NLS-FM430_0001-if00";
        let root = system(
            &[
                ("/dev/ttyACM0", ""),
                ("/dev/ttyUSB0", ""),
                ("/dev/ttyUSB1", ""),
                ("/sys/class/tty/ttyACM0/device/x", ""),
                ("/sys/class/tty/ttyUSB0/device/product", "POS58 Printer\n"),
                ("/sys/class/tty/ttyUSB1/x", ""),
                ("/sys/class/tty/ttyS0/type", "4\n"),
                ("/sys/class/tty/ttyS1/type", "0\n"),
                ("/sys/class/tty/tty1/x", ""),
            ],
            &[(by_id, "/dev/ttyACM0")],
        );
        let scanners = found(root.path(), Kind::Scanner);
        let expected = [
            named(&format!("serial:{by_id}"), true, None),
            named("serial:/dev/ttyUSB0", false, None),
            named("serial:/dev/ttyUSB1", false, None),
            named("serial:/dev/ttyS0", false, Some("device_absent")),
        ];
        assert_eq!(scanners, expected);
        let printers = found(root.path(), Kind::Printer);
        assert_eq!(printers[0], named("serial:/dev/ttyUSB0", true, None));
        assert!(!printers.iter().any(|(name, ..)| name.contains("Newland")), "{printers:?}");
        let readers = found(root.path(), Kind::Reader);
        assert!(readers.contains(&named("libnfc:pn532_uart:/dev/ttyUSB1", false, None)), "{readers:?}");
    }

    #[test]
    fn a_camera_is_its_first_node() {
        let root = system(
            &[
                ("/dev/video0", ""),
                ("/dev/video1", ""),
                ("/dev/video10", ""),
                ("/sys/class/video4linux/video0/index", "0\n"),
                ("/sys/class/video4linux/video0/name", "C270\n"),
                ("/sys/class/video4linux/video1/index", "1\n"),
                ("/sys/class/video4linux/video10/name", "bcm2835-codec-decode\n"),
                ("/sys/bus/usb/drivers/uvcvideo/module", ""),
            ],
            &[("/sys/class/video4linux/video0/device/driver", "/sys/bus/usb/drivers/uvcvideo")],
        );
        let code = if cfg!(feature = "camera") { None } else { Some("device_unsuitable") };
        let all = found(root.path(), Kind::Scanner);
        assert_eq!(all, [named("camera:/dev/video0", true, code), named("camera:/dev/video10", false, code)]);
    }

    #[test]
    fn slots_are_named_without_the_numbers_of_today() {
        let names = |names: &[&str]| -> Vec<(String, bool)> {
            let entries = pcsc(Ok(names.iter().map(|name| (*name).to_owned()).collect()));
            entries.into_iter().map(|entry| (entry.name.clone(), entry.is_ready())).collect()
        };
        let (picc, sam) =
            ("ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC]", "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM]");
        let all = names(&[&format!("{picc} 00 00"), &format!("{sam} 00 01")]);
        let expected = [("pcsc", true), (&format!("pcsc:{picc}"), true), (&format!("pcsc:{sam}"), false)];
        assert_eq!(all, expected.map(|(name, ready)| (name.to_owned(), ready)));
        let two = names(&["OMNIKEY 5422 00 00", "OMNIKEY 5422 01 00"]);
        assert_eq!((two[1].0.as_str(), two[2].0.as_str()), ("pcsc:OMNIKEY 5422 00 00", "pcsc:OMNIKEY 5422 01 00"));
        assert_eq!(names(&[]), [("pcsc".to_owned(), false)]);
        assert_eq!(names(&[sam])[0], ("pcsc".to_owned(), false), "nobody lays a card on that");
    }

    #[test]
    fn a_chip_that_libnfc_knows_is_found_on_usb_and_could_be_on_a_board() {
        let root = system(
            &[
                ("/sys/bus/usb/devices/1-1/idVendor", "04e6\n"),
                ("/sys/bus/usb/devices/1-1/idProduct", "5591\n"),
                ("/sys/bus/usb/devices/1-1/busnum", "1\n"),
                ("/sys/bus/usb/devices/1-1/devnum", "7\n"),
                ("/dev/bus/usb/001/007", ""),
                ("/dev/i2c-1", ""),
                ("/proc/device-tree/model", "Raspberry Pi"),
            ],
            &[],
        );
        let all = found(root.path(), Kind::Reader);
        let no_pcsc = named("pcsc", true, Some("no_reader"));
        let could_be = named("libnfc:pn532_i2c:/dev/i2c-1", false, None);
        assert_eq!(all, [named("libnfc:pn53x_usb", true, None), no_pcsc, could_be]);
    }

    #[test]
    fn a_printer_says_its_model() {
        let id = "MFG:EPSON;CMD:ESC/POS;MDL:TM-T20II;CLS:PRINTER;";
        let root = system(&[("/dev/usb/lp0", ""), ("/sys/class/usbmisc/lp0/device/ieee1284_id", id)], &[]);
        assert_eq!(found(root.path(), Kind::Printer), [named("usb:/dev/usb/lp0", true, None)]);
        assert_eq!(of_1284(id).as_deref(), Some("EPSON TM-T20II"));
        assert_eq!(of_1284("MFG:EPSON"), None);
    }

    #[test]
    fn speech_wants_a_card_and_its_programs() {
        let cards = (
            "/proc/asound/cards",
            " 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0\n                      vc4-hdmi-0\n 1 [Device         ]: USB-Audio - USB Audio\n",
        );
        let espeak = ("/usr/bin/espeak-ng", "");
        let root = system(&[cards, espeak], &[]);
        assert_eq!(found(root.path(), Kind::Speech), [named("espeak-ng", true, Some("program_absent"))]);
        let root = system(&[cards, espeak, ("/usr/bin/aplay", "")], &[]);
        assert_eq!(found(root.path(), Kind::Speech), [named("espeak-ng", true, None)]);
        let root = system(&[espeak, ("/run/speech-dispatcher/speechd.sock", "")], &[]);
        let socket = "speech-dispatcher:/run/speech-dispatcher/speechd.sock";
        assert_eq!(found(root.path(), Kind::Speech), [named(socket, true, None)]);
    }

    #[test]
    fn the_chip_of_a_header_is_not_the_firmwares() {
        let root = system(
            &[
                ("/dev/gpiochip0", ""),
                ("/dev/gpiochip1", ""),
                ("/dev/gpiochip2", ""),
                ("/sys/bus/gpio/devices/gpiochip0/of_node/compatible", "raspberrypi,rp1-gpio\0"),
                ("/sys/bus/gpio/devices/gpiochip1/of_node/compatible", "raspberrypi,firmware-gpio\0"),
            ],
            &[],
        );
        let all = found(root.path(), Kind::Lines);
        let others = ["/dev/gpiochip1", "/dev/gpiochip2"].map(|name| named(name, false, None));
        assert_eq!(all, [&[named("/dev/gpiochip0", true, None)][..], &others].concat());
    }
}
