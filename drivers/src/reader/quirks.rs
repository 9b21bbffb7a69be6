//! What is known of models of readers beyond what they say themselves, as data.
//!
//! Nothing here was met on a real device by this project. Each line says where it is from: "descriptor" is the USB
//! descriptor that the CCID project collects of readers (`readers/` in its repository), "list" is only the name in the
//! list of readers that its driver supports, and the rest are the makers' manuals.
//!
//! What is no column here:
//! - `SCardReconnect`. No model needs it that others do not: a card that was lost or reset under a session, by a hand or by a
//!   machine that slept (pcsc-lite#154, #144), is connected to anew and powered by it on every reader
//!   ([`super::pcsc`]), since a first connection may still find the card that is gone (pyscard#63).
//! - Silence of other makers. For OMNIKEY, uTrust, R502 and KC 1000 no command to a buzzer was found in what could be read of
//!   their manuals; whether they have one at all is not known here.

/// Where in a device a slot is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The antenna on which a card is laid.
    Contactless,
    /// The name does not say.
    Unknown,
    /// A slot for a card with contacts.
    Contact,
    /// A slot inside, for a security module.
    Sam,
}

impl Place {
    /// Which is tried first where cards came at the same time: the lower.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Contactless => 0,
            Self::Unknown => 1,
            Self::Contact => 2,
            Self::Sam => 3,
        }
    }

    /// What a technician is told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contactless => "contactless",
            Self::Unknown => "reader",
            Self::Contact => "contact slot",
            Self::Sam => "SAM slot",
        }
    }
}

/// Where the slot of this PC/SC name is: `VENDOR PRODUCT [INTERFACE] (SERIAL) NN MM`, by the interface where there is one.
#[must_use]
pub fn place(name: &str) -> Place {
    let interface = name.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or(name, |(inside, _)| inside);
    let mut place = Place::Unknown;
    for word in interface.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_uppercase) {
        let found = match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "PICC" | "CL" | "CONTACTLESS" => Place::Contactless,
            // As in "5422CL".
            word if word.strip_suffix("CL").is_some_and(|model| model.ends_with(|c: char| c.is_ascii_digit())) => {
                Place::Contactless
            }
            "ICC" | "CONTACT" => Place::Contact,
            "SAM" => Place::Sam,
            _ => continue,
        };
        // "CL + SAM Reader" names the device, not the slot.
        if place == Place::Unknown || found == Place::Contactless {
            place = found;
        }
    }
    place
}

/// Whether an ATR is one that a reader makes for a contactless card (PC/SC part 3, 3.1.3.2.3.1). A card with contacts in a
/// slot that nobody lays cards on is a token or a SAM.
#[must_use]
pub fn is_contactless(atr: &[u8]) -> bool {
    matches!(atr, [0x3B, format, 0x80, 0x01, ..] if format & 0xF0 == 0x80)
}

/// What keeps a reader from beeping when it finds a card: whoever hears a beep lifts the card, and the read has only begun.
/// The terminal has sounds of its own for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// A command, sent like one to the card. It lasts until the reader is powered anew.
    Apdu(&'static [u8]),
    /// These bits of the "LED and buzzer behaviour" of ACS's readers are cleared, by `SCardControl`, which the CCID driver
    /// refuses unless its `ifdDriverOptions` allow it. At least the ACR1255U-J1 keeps them over a loss of power, in a memory
    /// that wears: it is written only where it says something else.
    Behaviour(u8),
}

impl Silence {
    /// Asks for it. A reader that refuses beeps on.
    pub(super) fn send(self, card: &pcsc::Card) {
        /// `IOCTL_SMARTCARD_VENDOR_IFD_EXCHANGE` of the CCID driver.
        const ESCAPE: u32 = 1;
        self.say(&mut |command| card.transmit(command, &mut [0; 258]).map(<[u8]>::to_vec).ok(), &mut |command| {
            card.control(pcsc::ctl_code(ESCAPE.into()), command, &mut [0; 258]).map(<[u8]>::to_vec).ok()
        });
    }

    /// The commands, by whatever carries them to the card's slot and to the reader itself.
    fn say(self, transmit: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>, escape: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>) {
        match self {
            Self::Apdu(command) => {
                transmit(command);
            }
            Self::Behaviour(beeps) => {
                if let Some([0xE1, 0x00, 0x00, 0x00, 0x01, now]) = escape(&[0xE0, 0x00, 0x00, 0x21, 0x00]).as_deref()
                    && now & beeps != 0
                {
                    escape(&[0xE0, 0x00, 0x00, 0x21, 0x01, now & !beeps]);
                }
            }
        }
    }
}

/// What is known of a model.
#[derive(Debug, Clone, Copy)]
pub struct Quirk {
    /// Part of its PC/SC name.
    pub name: &'static str,
    /// The most response bytes of one APDU, where that is less than a driver may claim.
    pub max_response: Option<u32>,
    /// What keeps it from beeping.
    pub silence: Option<Silence>,
    /// What a technician should know.
    pub note: &'static str,
    /// Where all this is from.
    pub source: &'static str,
}

/// All models of which something is known. The first that fits counts.
pub const QUIRKS: [Quirk; 14] = [
    Quirk {
        name: "ACR122U",
        max_response: Some(256),
        silence: Some(Silence::Apdu(&[0xFF, 0x00, 0x52, 0x00, 0x00])),
        note: "short APDUs only; after a restart of the machine some are found only when plugged in anew",
        source: "descriptor ACR122U_PICC: dwFeatures 00020040, message of 271 bytes; ACR122U API 2.04 (buzzer); nfc-pcsc#116 (restart)",
    },
    Quirk {
        name: "ACR1252",
        max_response: None,
        silence: Some(Silence::Behaviour(1 << 3)),
        note: "slots \"PICC\" and \"SAM\"",
        source: "descriptor ACS_ACR1252_Dual_Reader: dwFeatures 00040040, message of 522 bytes, interfaces PICC and SAM; ACM1252U-Y3 manual 1.03, 5.3.7 (buzzer of the module in it)",
    },
    Quirk {
        name: "ACR1255U-J1",
        max_response: None,
        silence: Some(Silence::Behaviour(1 << 3)),
        note: "contactless only; over USB, not Bluetooth",
        source: "list: 072F:223F; ACR1255U-J1 manual 1.01, 6.6.6 (buzzer; kept over a loss of power)",
    },
    Quirk {
        name: "ACR1281",
        max_response: None,
        silence: Some(Silence::Behaviour(1 << 4 | 1 << 5)),
        note: "three slots of one name on Linux, told apart by their last number only",
        source: "descriptor ACS_ACR1281U: bMaxSlotIndex 2, dwFeatures 000404BA; acsccid's list: 072F:2224 is an ACR1281U-C1; API of it 1.08, 5.3.6 (buzzer: cards that come and go, reset of the chip)",
    },
    Quirk {
        name: "uTrust 3700 F",
        max_response: None,
        silence: None,
        note: "contactless only",
        source: "list: 04E6:5790; no descriptor was seen",
    },
    Quirk {
        name: "uTrust 4701 F",
        max_response: None,
        silence: None,
        note: "slots \"Contact Reader\" and \"CL Reader\"",
        source: "list: 04E6:5724; interface names as users of opensc-tool report them; no descriptor was seen",
    },
    Quirk {
        name: "OMNIKEY 5022",
        max_response: None,
        silence: None,
        note: "contactless only",
        source: "list: 076B:5022; no descriptor was seen",
    },
    Quirk {
        name: "OMNIKEY 5122",
        max_response: None,
        silence: None,
        note: "contact and contactless",
        source: "list: 076B:5412 and 5432; no descriptor was seen",
    },
    Quirk {
        name: "OMNIKEY 5422",
        max_response: None,
        silence: None,
        note: "slots \"5422CL\" and \"5422\"",
        source: "descriptor HID_OMNIKEY_5422: dwFeatures 000404BA, message of 520 bytes, both interface names",
    },
    Quirk {
        name: "OMNIKEY 5427",
        max_response: None,
        silence: None,
        note: "may be set to type what it reads: leave it in its CCID mode",
        source: "list: 076B:5427; no descriptor was seen",
    },
    Quirk {
        name: "R502",
        max_response: None,
        silence: None,
        note: "slots \"Contactless\", \"Contact\" and \"SAM1\"; blocks of 61 bytes make it slow",
        source: "descriptor Feitian_R502: dwFeatures 000104B8, dwMaxIFSD 61, three interfaces",
    },
    Quirk {
        name: "KC 1000 SC/DI",
        max_response: None,
        silence: None,
        note: "a Cherry keyboard with a contact and a contactless slot",
        source: "list: 046A:00A2 and 00A5; no descriptor was seen",
    },
    Quirk {
        name: "SCL3711",
        max_response: Some(256),
        silence: None,
        note: "a PN533: not for the CCID driver; use libnfc:pn53x_usb",
        source: "libnfc 1.8, drivers/pn53x_usb.c; the chip carries 262 bytes (PN533 user manual)",
    },
    Quirk {
        name: "IFD-NFC",
        max_response: Some(256),
        silence: None,
        note: "a PN532 behind ifdnfc: libnfc:CONNSTRING is the shorter way",
        source: "ifdnfc; the chip carries 262 bytes (PN532 user manual, 7.3.5)",
    },
];

/// What is known of the reader of this PC/SC name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Quirk> {
    QUIRKS.iter().find(|quirk| name.contains(quirk.name))
}

/// The name without the numbers of reader and slot at its end, where it still names one of `all` slots only.
#[must_use]
pub fn lasting<'a>(name: &'a str, all: &[String]) -> &'a str {
    let start = without_numbers(name);
    if all.iter().filter(|other| other.contains(start)).count() == 1 { start } else { name }
}

/// A slot's name without the numbers of reader and slot, which pcscd gives in the order of plugging in.
fn without_numbers(name: &str) -> &str {
    let number = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match name.rsplitn(3, ' ').collect::<Vec<_>>()[..] {
        [slot, reader, name] if number(slot) && number(reader) => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_told_by_their_names() {
        for (name, wanted) in [
            ("ACS ACR122U PICC Interface 00 00", Place::Contactless),
            ("ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00", Place::Contactless),
            ("ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00", Place::Sam),
            (
                "Identiv Identiv uTrust 4701 F Dual Interface Reader [uTrust 4701 F Contact Reader] (5504) 00 00",
                Place::Contact,
            ),
            (
                "Identiv Identiv uTrust 4701 F Dual Interface Reader [uTrust 4701 F CL Reader] (5504) 01 00",
                Place::Contactless,
            ),
            ("Identiv Identiv uTrust 4711 F CL + SAM Reader 00 00", Place::Contactless),
            (
                "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422CL Smartcard Reader] (KE) 00 00",
                Place::Contactless,
            ),
            ("HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422 Smartcard Reader] (KE) 01 00", Place::Unknown),
            ("Feitian R502 [R502 SAM1 Reader] (1.0) 02 00", Place::Sam),
            ("Feitian R502 [R502 Contactless Reader] (1.0) 00 00", Place::Contactless),
            ("SAMSUNG Reader 00 00", Place::Unknown),
            ("Virtual PCD 00 01", Place::Unknown),
            ("[", Place::Unknown),
        ] {
            assert_eq!(place(name), wanted, "{name}");
        }
        assert!(Place::Contactless.rank() < Place::Unknown.rank() && Place::Contact.rank() < Place::Sam.rank());
    }

    #[test]
    fn every_line_can_be_found_and_says_where_it_is_from() {
        for quirk in &QUIRKS {
            let name = format!("Vendor {} Reader 00 00", quirk.name);
            assert_eq!(find(&name).map(|found| found.name), Some(quirk.name), "no line hides another");
            assert!(!quirk.source.is_empty() && !quirk.note.is_empty());
            assert!(quirk.max_response.is_none_or(|most| most >= 256));
        }
        assert!(find("Virtual PCD 00 00").is_none());
    }

    #[test]
    fn a_reader_is_silenced_once_and_not_again() {
        /// What a reader says that was set to this behaviour, and what it was sent.
        fn asked(mut behaviour: Option<u8>) -> (Vec<Vec<u8>>, Option<u8>) {
            let mut sent = Vec::new();
            let mut reader = |command: &[u8]| {
                sent.push(command.to_vec());
                behaviour = match command {
                    [0xE0, 0x00, 0x00, 0x21, 0x01, new] => behaviour.map(|_| *new),
                    _ => behaviour,
                };
                behaviour.map(|now| vec![0xE1, 0x00, 0x00, 0x00, 0x01, now])
            };
            Silence::Behaviour(0x30).say(&mut |_| unreachable!("nothing goes to the card"), &mut reader);
            (sent, behaviour)
        }
        let ask = vec![0xE0, 0x00, 0x00, 0x21, 0x00];
        let (sent, behaviour) = asked(Some(0xFB));
        assert_eq!(sent, [ask.clone(), vec![0xE0, 0x00, 0x00, 0x21, 0x01, 0xCB]], "the other bits stay as they were");
        assert_eq!(asked(behaviour).0, [&ask[..]], "its memory is not worn");
        assert_eq!(asked(None).0, [&ask[..]], "a driver that lets nothing through is asked once");
    }

    #[test]
    fn atrs_of_contactless_cards() {
        assert!(is_contactless(&[0x3B, 0x85, 0x80, 0x01, 0x80]));
        assert!(!is_contactless(&[0x3B, 0xFF, 0x13, 0x00, 0x00]));
        assert!(!is_contactless(&[]));
    }
}
