//! Scanners that play a keyboard (HID "keyboard wedge"): `wedge:PART OF NAME` or `wedge:/dev/input/by-id/…`.
//!
//! The device is grabbed, so that a scan is never typed into anything else. What has no key comes in one of two ways that
//! the better modules know: Alt held while its number is typed on the keypad (below 256 a Latin-1 code, else a Unicode
//! code point), or Ctrl+Shift+U and its number in hexadecimal. A module that knows neither leaves letters out, and says
//! nothing of it ([`Letters::Ascii`]).
//!
//! A module presses the keys of the layout that it is set to, US where nobody set it. Every key is read in every layout
//! ([`super::layouts`]) at once. A text of the form of a code, a number and separators behind it, tells which is the right
//! one, and what was right is tried first from then on. Where none is, the scan is [`Garbled::Layout`] if a key had no
//! letter.

use super::layouts::{LAYOUTS, Layout, Level};
use super::{Framer, Garbled, Letters, Scanned, Scanner, Trickle};
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
    reading: Reading,
    ready: VecDeque<Scanned>,
}

impl<I: InputDevice> WedgeScanner<I> {
    /// Over a keyboard.
    pub fn new(keyboard: I) -> Self {
        Self { keyboard, reading: Reading::default(), ready: VecDeque::new() }
    }
}

impl<I: InputDevice> Scanner for WedgeScanner<I> {
    fn name(&self) -> String {
        self.keyboard.name()
    }

    fn wait_for_scan(&mut self, timeout: Duration) -> Result<Option<Scanned>, DeviceError> {
        self.wait(timeout)
    }

    fn layout(&self) -> Option<&'static str> {
        Some(self.reading.layout())
    }
}

impl<I: InputDevice> Trickle for WedgeScanner<I> {
    fn ready(&mut self) -> &mut VecDeque<Scanned> {
        &mut self.ready
    }

    fn read(&mut self, timeout: Duration) -> Result<Duration, DeviceError> {
        let events = self.keyboard.wait(timeout).inspect_err(|_| self.reading = Reading::default())?;
        if events.is_empty() {
            self.ready.extend(self.reading.silence(timeout));
            return Ok(timeout);
        }
        for event in events {
            self.ready.extend(self.reading.take(event));
        }
        Ok(MOMENT.min(timeout))
    }
}

/// Keys into scans, in every layout at once.
#[derive(Debug)]
pub struct Reading {
    typists: [Typist; LAYOUTS.len()],
    /// The one whose layout was right last.
    current: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self { typists: LAYOUTS.each_ref().map(Typist::new), current: 0 }
    }
}

impl Reading {
    /// The layout that is tried first.
    #[must_use]
    pub const fn layout(&self) -> &'static str {
        LAYOUTS[self.current].name
    }

    /// Takes one event; gives the scan that is whole by it.
    pub fn take(&mut self, event: RawEvent) -> Option<Scanned> {
        let scans = match event {
            RawEvent { kind: EV_KEY, code, value } => self.typists.each_mut().map(|typist| typist.take(code, value)),
            RawEvent { kind: EV_SYN, code: SYN_DROPPED, .. } => {
                self.typists.iter_mut().for_each(|typist| typist.dropped = true);
                return None;
            }
            _ => return None,
        };
        self.judge(scans, true)
    }

    /// Nothing came for this long; gives the scan that is whole by it.
    pub fn silence(&mut self, duration: Duration) -> Option<Scanned> {
        let scans = self.typists.each_mut().map(|typist| {
            let scanned = typist.framer.silence(duration);
            typist.end(scanned)
        });
        self.judge(scans, false)
    }

    /// Chooses among what the layouts make of the same keys.
    fn judge(&mut self, mut scans: [Option<Scanned>; LAYOUTS.len()], by_suffix: bool) -> Option<Scanned> {
        if scans.iter().all(Option::is_none) {
            return None;
        }
        let lost = self.typists[self.current].lost;
        // The scan is over for all of them, whatever each made of its keys.
        self.typists.iter_mut().for_each(|typist| typist.begin(by_suffix));
        let text = |scan: &Option<Scanned>| match scan {
            Some(Scanned::Text(scan)) if is_coded(&scan.text) => Some(odd_letters(&scan.text)),
            _ => None,
        };
        let fits = scans.iter().enumerate().filter_map(|(at, scan)| Some((text(scan)?, at != self.current, at)));
        if let Some((_, _, at)) = fits.min() {
            self.current = at;
            return scans[at].take();
        }
        let scanned = scans[self.current].take()?;
        match &scanned {
            Scanned::Text(_) if lost => Some(Scanned::Garbled(Garbled::Layout)),
            _ => Some(scanned),
        }
    }
}

/// The form of the codes of cards: a number of 10, 12 or 15 letters and digits, and fields behind it; or twelve digits.
fn is_coded(text: &str) -> bool {
    let mut fields = text.split('|');
    let number = fields.next().unwrap_or_default();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_number = number.bytes().all(|byte| byte.is_ascii_alphanumeric()) && digits >= 8;
    match fields.count() {
        0 => number.len() == 12 && digits == 12,
        1 | 2 => false,
        _ => is_number && matches!(number.len(), 10 | 12 | 15),
    }
}

/// Letters that Vietnamese does not have: a wrong layout types some of them. Of layouts that differ in two letters only,
/// this tells which is the right one.
fn odd_letters(text: &str) -> usize {
    text.chars().filter(|letter| "fjwzFJWZ".contains(*letter)).count()
}

/// Turns keys into the letters of one layout, and these into scans.
#[derive(Debug)]
struct Typist {
    layout: &'static Layout,
    framer: Framer,
    shift: bool,
    control: bool,
    alt: bool,
    alt_gr: bool,
    /// A number typed on the keypad while Alt is held.
    keypad: Option<u32>,
    /// A number in hexadecimal after Ctrl+Shift+U.
    hexadecimal: Option<u32>,
    /// A key had no letter.
    lost: bool,
    /// The kernel lost keys.
    dropped: bool,
}

const KEY_TAB: u16 = 15;
pub(crate) const KEY_ENTER: u16 = 28;
const KEY_U: u16 = 22;
const KEY_SPACE: u16 = 57;
const KEY_KPENTER: u16 = 96;

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
    fn new(layout: &'static Layout) -> Self {
        Self {
            layout,
            framer: Framer::default(),
            shift: false,
            control: false,
            alt: false,
            alt_gr: false,
            keypad: None,
            hexadecimal: None,
            lost: false,
            dropped: false,
        }
    }

    fn take(&mut self, code: u16, value: i32) -> Option<Scanned> {
        let letter = self.key(code, value)?;
        let scanned = self.framer.feed(letter.encode_utf8(&mut [0; 4]).as_bytes()).pop();
        self.end(scanned)
    }

    /// Says how much of a scan came through.
    fn end(&self, scanned: Option<Scanned>) -> Option<Scanned> {
        let mut scanned = scanned?;
        if let Scanned::Text(scan) = &mut scanned {
            scan.letters = match (self.lost || self.dropped, scan.text.is_ascii()) {
                (true, _) => Letters::Lost,
                // Nothing says that letters with signs would have come through.
                (false, true) => Letters::Ascii,
                (false, false) => Letters::All,
            };
        }
        Some(scanned)
    }

    /// Begins a scan: what was typed by halves belongs to the last one.
    fn begin(&mut self, by_suffix: bool) {
        self.framer.end_with(by_suffix);
        (self.lost, self.dropped) = (false, false);
    }

    /// Takes a key; gives the letter that is done by it.
    fn key(&mut self, code: u16, value: i32) -> Option<char> {
        // 0 up, 1 down, 2 repeated: a held key of a scanner is no letter more.
        let down = value == 1;
        match code {
            42 | 54 => self.shift = down,
            29 | 97 => {
                self.control = down;
                if !down && let Some(number) = self.hexadecimal.take() {
                    return self.number(number);
                }
            }
            56 | 100 => {
                if code == 100 {
                    self.alt_gr = down;
                } else {
                    self.alt = down;
                }
                if !down && let Some(number) = self.keypad.take() {
                    return self.number(number);
                }
            }
            _ if !down => {}
            _ if (self.alt || self.alt_gr) && keypad(code).is_some() => {
                let digit = keypad(code)?;
                self.keypad = Some(self.keypad.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            }
            KEY_U if self.control && self.shift => self.hexadecimal = Some(0),
            KEY_ENTER | KEY_KPENTER | KEY_SPACE if self.hexadecimal.is_some() => {
                let number = self.hexadecimal.take()?;
                return self.number(number);
            }
            _ => return self.printed(code),
        }
        None
    }

    fn printed(&mut self, code: u16) -> Option<char> {
        // Ctrl+Alt is another way to hold AltGr.
        let alt_gr = self.alt_gr || self.alt && self.control;
        let held = !alt_gr && (self.control || self.alt);
        let letter = match (code, keypad(code)) {
            (KEY_ENTER | KEY_KPENTER, _) => Some('\r'),
            (KEY_TAB, _) => Some('\t'),
            (KEY_SPACE, _) => Some(' '),
            (_, Some(digit)) => char::from_digit(digit, 10),
            _ => {
                let level = if alt_gr {
                    Level::AltGr
                } else if self.shift {
                    Level::Shift
                } else {
                    Level::Plain
                };
                self.layout.letter(code, level)
            }
        };
        if let (Some(number), Some(digit)) = (self.hexadecimal, letter.and_then(|letter| letter.to_digit(16))) {
            self.hexadecimal = Some(number.saturating_mul(16).saturating_add(digit));
            return None;
        }
        self.lost |= letter.is_none() || held;
        letter.filter(|_| !held)
    }

    fn number(&mut self, number: u32) -> Option<char> {
        let letter = char::from_u32(number).filter(|letter| !letter.is_control());
        self.lost |= letter.is_none();
        letter
    }
}

/// The keys that a scanner of this layout presses for a text: the other half of the twin. Letters without a key come by
/// Ctrl+Shift+U where the module knows it, and are left out where it does not.
#[must_use]
pub fn keys_of(layout: &Layout, text: &str, unicode: bool) -> Vec<RawEvent> {
    let key = |letter: char| match letter {
        ' ' => Some((KEY_SPACE, Level::Plain)),
        '\r' => Some((KEY_ENTER, Level::Plain)),
        '\t' => Some((KEY_TAB, Level::Plain)),
        _ => layout.key(letter),
    };
    let press = |(code, level): (u16, Level)| {
        let held = match level {
            Level::Plain => None,
            Level::Shift => Some(42),
            Level::AltGr => Some(100),
        };
        let (down, up) = (held.map(|held| (held, 1)), held.map(|held| (held, 0)));
        down.into_iter().chain([(code, 1), (code, 0)]).chain(up)
    };
    let mut pressed = Vec::new();
    for letter in text.chars() {
        match key(letter) {
            Some(key) => pressed.extend(press(key)),
            None if unicode => {
                pressed.extend([(29, 1), (42, 1), (KEY_U, 1), (KEY_U, 0), (42, 0)]);
                pressed.extend(format!("{:x}", u32::from(letter)).chars().filter_map(key).flat_map(press));
                pressed.push((29, 0));
            }
            None => {}
        }
    }
    let report = RawEvent { kind: EV_SYN, code: 0, value: 0 };
    pressed.into_iter().flat_map(|(code, value)| [RawEvent { kind: EV_KEY, code, value }, report]).collect()
}

/// [`keys_of`] of a US keyboard.
#[must_use]
pub fn keys(text: &str, unicode: bool) -> Vec<RawEvent> {
    keys_of(&LAYOUTS[0], text, unicode)
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
        assert_eq!((whole.text.as_str(), whole.letters), (text, Letters::All));
        let less = scan(keys(&format!("{text}\r"), false));
        assert_eq!((less.text.as_str(), less.letters), ("079|Nguyn Th {Hng}; ~#'\"", Letters::Ascii));
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
        let mut events = keys("001099000017|012345678|Nguyễn|15011999", true);
        events.push(RawEvent { kind: EV_SYN, code: SYN_DROPPED, value: 0 });
        events.extend(keys("\r", true));
        assert_eq!(scan(events).letters, Letters::Lost);
    }

    /// Everything that a scanner of a layout types, in order; one scanner for all of it.
    fn typed(texts: &[(&str, &str)], unicode: bool) -> Vec<Scanned> {
        let mut reading = Reading::default();
        let mut scans = Vec::new();
        for (name, text) in texts {
            let layout = LAYOUTS.iter().find(|layout| layout.name == *name).expect(name);
            let keys = keys_of(layout, &format!("{text}\r"), unicode);
            scans.extend(keys.into_iter().filter_map(|event| reading.take(event)));
        }
        scans
    }

    fn text(scanned: &Scanned) -> (&str, Letters) {
        match scanned {
            Scanned::Text(scan) => (&scan.text, scan.letters),
            other => panic!("{other:?}"),
        }
    }

    const CARD: &str = "001099000017|012345678|Nguyen Van An|15011999|Nam|Ha Noi|16012022";

    #[test]
    fn wedge_insurance() {
        let code = "GD4010123456789|4e67|15/01/1999|1";
        let scans = typed(&[("us", code)], false);
        assert_eq!(text(&scans[0]), (code, Letters::Ascii), "every letter of it has a key");
    }

    #[test]
    fn wedge_layouts() {
        for layout in &LAYOUTS {
            let scans = typed(&[(layout.name, CARD)], false);
            assert_eq!(scans.len(), 1, "{}", layout.name);
            assert_eq!(text(&scans[0]), (CARD, Letters::Ascii), "{}", layout.name);
            // The number alone, and a health insurance card.
            for other in ["001099000017", "GD4010123456789|4e677579|15/01/1999|1|a9$"] {
                assert_eq!(text(&typed(&[(layout.name, CARD), (layout.name, other)], false)[1]).0, other);
            }
            // What is learnt is used for what has no such form, and unlearnt when another scanner is plugged in.
            let link = "https://vneid.gov.vn/abc-def_1?x=2";
            let scans = typed(&[(layout.name, CARD), (layout.name, link), ("us", CARD), ("us", link)], false);
            assert_eq!(scans.iter().map(|scan| text(scan).0).collect::<Vec<_>>(), [CARD, link, CARD, link]);
        }
    }

    #[test]
    fn letters_with_signs_come_through_in_every_layout() {
        let card = "001099000017|012345678|Nguyễn Thị Huỳnh Yến|15011999|Nữ|Số 1, Hà Nội|16012022";
        for layout in &LAYOUTS {
            assert_eq!(text(&typed(&[(layout.name, card)], true)[0]), (card, Letters::All), "{}", layout.name);
        }
    }

    #[test]
    fn a_key_without_a_letter_is_a_fault_of_the_scanner() {
        // A link from a scanner that is set to UK: nothing in it tells the layout.
        let fault = Scanned::Garbled(Garbled::Layout);
        assert_eq!(typed(&[("gb", "https://a|b|c")], false), std::slice::from_ref(&fault));
        // A key that no layout has; the number is believed all the same.
        let mut events = keys("001099000017|012345678|Nguyen", false);
        events.push(RawEvent { kind: EV_KEY, code: 183, value: 1 });
        events.extend(keys(" Van An|15011999\r", false));
        let seen = scan(events);
        assert_eq!((&seen.text[..12], seen.letters), ("001099000017", Letters::Lost));
        // Half a scan that is lost with its end does not spoil the next one.
        let mut reading = Reading::default();
        let half = keys_of(&LAYOUTS[1], "079|079|", false).into_iter().find_map(|event| reading.take(event));
        assert_eq!((half, reading.silence(QUIET)), (None, Some(fault)));
        let whole = keys(&format!("{CARD}\r"), false).into_iter().find_map(|event| reading.take(event));
        assert_eq!(text(&whole.expect("a scan")).0, CARD);
    }
}
