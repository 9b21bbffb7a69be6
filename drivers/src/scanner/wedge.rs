//! Scanners that play a keyboard (HID "keyboard wedge"): `wedge:PART OF NAME` or `wedge:/dev/input/by-id/…`.
//!
//! The device is grabbed, so that a scan is never typed into anything else. Keys are those of a US keyboard. What has
//! no key comes in one of two ways that the better modules know: Alt held while its number is typed on the keypad
//! (below 256 a Latin-1 code, else a Unicode code point), or Ctrl+Shift+U and its number in hexadecimal. A module that
//! knows neither leaves letters out: its scans are marked as not whole, and only their digits are to be believed.

use super::{Framer, Scanned, Scanner, Trickle};
use crate::device::DeviceError;
use crate::input::{EV_KEY, EV_SYN, InputDevice, RawEvent, SYN_DROPPED};
use std::collections::VecDeque;
use std::time::Duration;

/// What taking keys that are there counts of the time to wait.
const MOMENT: Duration = Duration::from_millis(1);

/// A scanner that plays a keyboard.
#[derive(Debug)]
pub struct WedgeScanner<I> {
    keyboard: I,
    typist: Typist,
    framer: Framer,
    ready: VecDeque<Scanned>,
}

impl<I: InputDevice> WedgeScanner<I> {
    /// Over a keyboard.
    pub fn new(keyboard: I) -> Self {
        Self { keyboard, typist: Typist::default(), framer: Framer::default(), ready: VecDeque::new() }
    }

    fn take(&mut self, events: &[RawEvent]) {
        for event in events {
            match event {
                RawEvent { kind: EV_KEY, code, value } => {
                    if let Some(letter) = self.typist.key(*code, *value) {
                        let mut bytes = [0; 4];
                        let scans = self.framer.feed(letter.encode_utf8(&mut bytes).as_bytes());
                        self.whole(scans);
                    }
                }
                RawEvent { kind: EV_SYN, code: SYN_DROPPED, .. } => self.typist.lost = true,
                _ => {}
            }
        }
    }

    fn whole(&mut self, scans: impl IntoIterator<Item = Scanned>) {
        for mut scan in scans {
            if let Scanned::Text(scan) = &mut scan {
                let ascii_only = scan.text.is_ascii();
                let lost = std::mem::take(&mut self.typist.lost);
                // Letters with signs have come through: nothing says that others have not.
                scan.whole = !lost && !ascii_only;
            }
            self.ready.push_back(scan);
        }
    }
}

impl<I: InputDevice> Scanner for WedgeScanner<I> {
    fn name(&self) -> String {
        self.keyboard.name()
    }

    fn wait_for_scan(&mut self, timeout: Duration) -> Result<Option<Scanned>, DeviceError> {
        self.wait(timeout)
    }
}

impl<I: InputDevice> Trickle for WedgeScanner<I> {
    fn ready(&mut self) -> &mut VecDeque<Scanned> {
        &mut self.ready
    }

    fn read(&mut self, timeout: Duration) -> Result<Duration, DeviceError> {
        let events = self.keyboard.wait(timeout).inspect_err(|_| {
            self.framer.reset();
            self.typist = Typist::default();
        })?;
        if events.is_empty() {
            let scans = self.framer.silence(timeout);
            self.whole(scans);
            return Ok(timeout);
        }
        self.take(&events);
        Ok(MOMENT.min(timeout))
    }
}

/// Turns keys into letters.
#[derive(Debug, Default)]
struct Typist {
    shift: bool,
    control: bool,
    alt: bool,
    /// A number typed on the keypad while Alt is held.
    keypad: Option<u32>,
    /// A number in hexadecimal after Ctrl+Shift+U.
    hexadecimal: Option<u32>,
    /// A key had no letter.
    lost: bool,
}

const KEY_ENTER: u16 = 28;
const KEY_U: u16 = 22;
const KEY_SPACE: u16 = 57;
const KEY_KPENTER: u16 = 96;

/// Letters of a US keyboard by key code from 2 on, without and with Shift; a space where there is none.
const PLAIN: &[u8; 52] = b"1234567890-=\x08\tqwertyuiop[]\r asdfghjkl;'` \\zxcvbnm,./";
const SHIFTED: &[u8; 52] = b"!@#$%^&*()_+\x08\tQWERTYUIOP{}\r ASDFGHJKL:\"~ |ZXCVBNM<>?";

/// The digit of a key of the keypad.
const fn keypad(code: u16) -> Option<u32> {
    Some(match code {
        71 => 7,
        72 => 8,
        73 => 9,
        75 => 4,
        76 => 5,
        77 => 6,
        79 => 1,
        80 => 2,
        81 => 3,
        82 => 0,
        _ => return None,
    })
}

impl Typist {
    /// Takes a key; gives the letter that is done by it.
    fn key(&mut self, code: u16, value: i32) -> Option<char> {
        // 0 up, 1 down, 2 repeated: a held key of a scanner is no letter more.
        let down = value == 1;
        match code {
            42 | 54 => self.shift = down,
            29 | 97 => {
                self.control = down;
                if !down && let Some(number) = self.hexadecimal.take() {
                    return self.letter(number);
                }
            }
            56 | 100 => {
                self.alt = down;
                if !down && let Some(number) = self.keypad.take() {
                    return self.letter(number);
                }
            }
            _ if !down => {}
            _ if self.alt => match keypad(code) {
                Some(digit) => {
                    let number = self.keypad.unwrap_or(0);
                    self.keypad = Some(number.saturating_mul(10).saturating_add(digit));
                }
                None => self.lost = true,
            },
            KEY_U if self.control && self.shift => self.hexadecimal = Some(0),
            KEY_ENTER | KEY_KPENTER | KEY_SPACE if self.hexadecimal.is_some() => {
                let number = self.hexadecimal.take()?;
                return self.letter(number);
            }
            _ => return self.printed(code),
        }
        None
    }

    fn printed(&mut self, code: u16) -> Option<char> {
        let letter = match (code, keypad(code)) {
            (KEY_KPENTER, _) => Some('\r'),
            (KEY_SPACE, _) => Some(' '),
            (_, Some(digit)) => char::from_digit(digit, 10),
            _ => {
                let row = if self.shift { SHIFTED } else { PLAIN };
                let letter = code.checked_sub(2).and_then(|at| row.get(usize::from(at))).copied();
                letter.filter(|letter| !matches!(letter, b' ' | 0x08)).map(char::from)
            }
        };
        if let (Some(number), Some(digit)) = (self.hexadecimal, letter.and_then(|letter| letter.to_digit(16))) {
            self.hexadecimal = Some(number.saturating_mul(16).saturating_add(digit));
            return None;
        }
        self.lost |= letter.is_none() || self.control;
        letter.filter(|_| !self.control)
    }

    fn letter(&mut self, number: u32) -> Option<char> {
        let letter = char::from_u32(number).filter(|letter| !letter.is_control());
        self.lost |= letter.is_none();
        letter
    }
}

/// The key of a letter, and whether Shift is held with it.
fn key_of(letter: char) -> Option<(u16, bool)> {
    if letter == ' ' {
        return Some((KEY_SPACE, false));
    }
    let find = |row: &[u8; 52]| {
        let at = row.iter().position(|byte| char::from(*byte) == letter && !matches!(byte, b' ' | 0x08))?;
        u16::try_from(at + 2).ok()
    };
    find(PLAIN).map(|code| (code, false)).or_else(|| find(SHIFTED).map(|code| (code, true)))
}

/// The keys that a scanner presses for a text: the other half of the twin. Letters without a key come by Ctrl+Shift+U
/// where the module knows it, and are left out where it does not.
#[must_use]
pub fn keys(text: &str, unicode: bool) -> Vec<RawEvent> {
    let mut pressed = Vec::new();
    let mut press = |code: u16, value: i32| pressed.push((code, value));
    for letter in text.chars() {
        match key_of(letter) {
            Some((code, shift)) => {
                for (code, value) in [(42, 1), (code, 1), (code, 0), (42, 0)] {
                    if code != 42 || shift {
                        press(code, value);
                    }
                }
            }
            None if unicode => {
                for (code, value) in [(29, 1), (42, 1), (KEY_U, 1), (KEY_U, 0), (42, 0)] {
                    press(code, value);
                }
                for (code, _) in format!("{:x}", u32::from(letter)).chars().filter_map(key_of) {
                    press(code, 1);
                    press(code, 0);
                }
                press(29, 0);
            }
            None => {}
        }
    }
    let report = RawEvent { kind: EV_SYN, code: 0, value: 0 };
    pressed.into_iter().flat_map(|(code, value)| [RawEvent { kind: EV_KEY, code, value }, report]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::simulated::{Fingers, SimulatedInput};
    use crate::scanner::conformance::{self, Rig};
    use crate::scanner::{QUIET, Scan};

    struct WedgeRig(Fingers);

    impl Rig for WedgeRig {
        fn scanner(&mut self) -> Box<dyn Scanner> {
            Box::new(WedgeScanner::new(SimulatedInput { fingers: self.0.clone(), surface: None }))
        }

        fn hold(&mut self, text: &str) {
            self.0.happen(keys(&format!("{text}\r"), true));
        }

        fn unplug(&mut self) {
            self.0.unplug(true);
        }

        fn plug(&mut self) {
            self.0.unplug(false);
        }
    }

    #[test]
    fn the_wedge_conforms() {
        conformance::run(&mut WedgeRig(Fingers::default()));
    }

    fn scan(events: Vec<RawEvent>) -> Scan {
        let fingers = Fingers::default();
        let mut scanner = WedgeScanner::new(SimulatedInput { fingers: fingers.clone(), surface: None });
        fingers.happen(events);
        match scanner.wait_for_scan(QUIET * 2) {
            Ok(Some(Scanned::Text(scan))) => scan,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn letters_without_a_key_come_by_their_numbers_or_are_missed() {
        let text = "079|Nguyễn Thị {Hương}; ~#'\"";
        let whole = scan(keys(&format!("{text}\r"), true));
        assert_eq!((whole.text.as_str(), whole.whole), (text, true));
        let less = scan(keys(&format!("{text}\r"), false));
        assert_eq!((less.text.as_str(), less.whole), ("079|Nguyn Th {Hng}; ~#'\"", false));
        // Alt+0234 is ê in Latin-1, Alt+7871 is ế.
        let alt = |digits: &[u16]| {
            let keys = digits.iter().flat_map(|code| [(*code, 1), (*code, 0)]);
            let all = [(56, 1)].into_iter().chain(keys).chain([(56, 0)]);
            all.map(|(code, value)| RawEvent { kind: EV_KEY, code, value }).collect::<Vec<_>>()
        };
        let typed = [alt(&[82, 80, 81, 75]), alt(&[71, 72, 71, 79]), keys("\r", false)].concat();
        assert_eq!(scan(typed).text.as_str(), "êế");
    }

    #[test]
    fn events_that_the_kernel_dropped_are_not_taken_for_whole() {
        let mut events = keys("079|Nguyễn", true);
        events.push(RawEvent { kind: EV_SYN, code: SYN_DROPPED, value: 0 });
        events.extend(keys("\r", true));
        assert!(!scan(events).whole);
    }
}
