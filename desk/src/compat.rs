//! Doors to software that expects a reader vendor's plugin, so that it needs no change: Socket.IO and raw WebSocket on one
//! address, and QR codes as a keyboard types them.
//!
//! | door | what such software sees |
//! |---|---|
//! | Socket.IO, event `/event` (and namespace `/event`, event `message`) | `{"id":1,"message"}` card laid down, `{"id":2,"message","data":{idCode, personName, …}}` read, `{"id":3,"message"}` failed, `{"id":4,"message","data":{img_data, …}}` portrait |
//! | WebSocket `/` | `{"EventName":"READ"}`, `{"NewState":"EMPTY"}`, `{"EventName":"CARD_RESULT","PersonalInfo":{…},"ChipFace"}`, `{"Status":"FAILURE","Code"}` |
//! | a keyboard device | the code of a citizen card or a health insurance card as it was scanned, and Enter |
//!
//! These formats have no pairing, so the doors are shut unless the configuration names the origins that may come in, and
//! `Host` is checked as everywhere. They hear of sessions that a scan began for them, or staff did, and of nobody else's.
//! What is sent is what the profile grants the recipient `app`; keys without a value are empty strings. Whole data groups (`dg2`, `dg13`, … of id 4) hold more than any profile may release: they are
//! always empty.

#[cfg(feature = "compat")]
pub(crate) mod doors;

use crate::guard::Caller;
use crate::pairing::Role;
use crate::session::Session;
use crate::{Desk, News, wire};
use cccd::code::Code;
use program::{Failure, Private, Text};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use store::book::Looked;
use tokio::sync::broadcast::error::RecvError;
use visit::content::Released;
use zeroize::Zeroizing;

/// What such software is told.
#[derive(Debug, Clone)]
pub enum Message {
    /// A card lies there and is read.
    Card,
    /// The result of a visit.
    Result(Arc<Released>),
    /// The read failed: a stable code.
    Failed(String),
    /// The card has left the reader.
    Gone,
    /// The code of a card was scanned: what [`typed`] makes of it.
    Scan(Private),
}

impl Message {
    /// The result of a session: what the profile grants other software.
    pub(super) fn result(session: &Session, looked: &Looked) -> Self {
        let content = session.content(Some(looked));
        let released = content.and_then(|content| Released::new(&session.profile, Role::App.recipient(), content));
        released.map_or(Self::Gone, |released| Self::Result(Arc::new(released)))
    }
}

impl Desk {
    /// A scan begins a session for such software where nobody has one, if the configuration says so. The consent is
    /// staff's to note at the desk page, unless the profile asks for none.
    pub(super) fn begin_for_compat(&self) {
        let wanted = self.site().config.desk.as_ref().is_some_and(|desk| desk.compat.begin_on_scan);
        if !wanted || self.status().session.is_some() {
            return;
        }
        let caller = Caller::plugin();
        if let Err(problem) = self.begin(&caller, wire::Begin::default(), None) {
            self.refused(&problem.code);
        }
    }
}

/// Usage identifiers of a boot keyboard (USB HID Usage Tables, page 7) for what stands in a QR code: modifiers, key.
fn key(letter: char) -> Option<(u8, u8)> {
    const SHIFT: u8 = 2;
    const SHIFTED: &str = "!@#$%^&*()";
    let plain = |letter: char| -> Option<u8> {
        Some(match letter {
            'a'..='z' => 4 + (letter as u8 - b'a'),
            '1'..='9' => 30 + (letter as u8 - b'1'),
            '0' => 39,
            ' ' => 44,
            '-' => 45,
            '=' => 46,
            '\\' => 49,
            ';' => 51,
            '\'' => 52,
            ',' => 54,
            '.' => 55,
            '/' => 56,
            _ => return None,
        })
    };
    if letter.is_ascii_uppercase() {
        return plain(letter.to_ascii_lowercase()).map(|key| (SHIFT, key));
    }
    if let Some(at) = SHIFTED.find(letter) {
        return u8::try_from(at).ok().map(|at| (SHIFT, 30 + at));
    }
    match letter {
        '|' => Some((SHIFT, 49)),
        '_' => Some((SHIFT, 45)),
        ':' => Some((SHIFT, 51)),
        '"' => Some((SHIFT, 52)),
        '<' => Some((SHIFT, 54)),
        '?' => Some((SHIFT, 56)),
        letter => plain(letter).map(|key| (0, key)),
    }
}

/// A text as the reports of a boot keyboard: eight bytes down, eight bytes up, for each key, and Enter at the end. A
/// keyboard has no Vietnamese letters: they are typed without their marks, as the card's MRZ spells them.
#[must_use]
pub fn reports(text: &str) -> Zeroizing<Vec<u8>> {
    let unmarked = cccd::name::without_marks(text);
    const ENTER: u8 = 40;
    let mut bytes = Zeroizing::new(Vec::new());
    for (modifiers, key) in unmarked.chars().filter_map(key).chain([(0, ENTER)]) {
        bytes.extend_from_slice(&[modifiers, 0, key, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0; 8]);
    }
    bytes
}

/// What a keyboard types of a scan: the code of a citizen card, as far as its seven fields go, or of a health insurance card. A
/// keyboard types into whatever has the focus, so of anything else that somebody holds before the scanner it types nothing, and
/// signs that no field of a card needs are spaces.
#[must_use]
pub fn typed(scan: &str) -> Option<Private> {
    let text = Text::cleaned(scan);
    let text = text.as_str();
    let separator = text.chars().find(|c| !c.is_alphanumeric() && *c != ' ');
    let mut fields: Vec<&str> = separator.map_or_else(|| vec![text], |separator| text.split(separator).collect());
    let code = Code::of(text);
    let is_card = matches!(code, Code::CitizenCard(_));
    match code {
        Code::CitizenCard(qr) if qr.odd.is_empty() => fields.truncate(7),
        // Its names are hexadecimal digits, so that no field is a word.
        Code::HealthInsurance(_) => {
            let digits = |c: char| c.is_ascii_hexdigit() || "/-:.$ ".contains(c);
            if !fields.iter().skip(1).all(|field| field.chars().all(digits)) {
                return None;
            }
        }
        _ => return None,
    }
    let signs = if is_card { ",./-'():" } else { ",./-'():$" };
    let needed = |c: char| c.is_alphanumeric() || signs.contains(c);
    let mut typed = Zeroizing::new(String::with_capacity(text.len()));
    for (at, field) in fields.into_iter().enumerate() {
        typed.extend(separator.filter(|_| at > 0));
        typed.extend(field.chars().map(|c| if needed(c) { c } else { ' ' }));
    }
    Some(Private(typed))
}

/// Types what is scanned into a keyboard device, until the desk is gone.
///
/// # Errors
/// When there is no such device.
pub fn type_scans(desk: &Arc<Desk>, device: &Path) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(device);
    let mut keyboard = opened.map_err(|e| {
        let message = format!("cannot type into {}: {e}", device.display());
        Failure::usage("keyboard_absent", message, "name a HID gadget (/dev/hidg0) in [desk.compat] keyboard")
    })?;
    let mut news = desk.listen();
    std::thread::spawn(move || {
        loop {
            match news.blocking_recv() {
                Ok(News::Compat(Message::Scan(text))) => {
                    if let Err(error) = keyboard.write_all(&reports(&text.0)) {
                        tracing::warn!(code = "keyboard_failed", "a scan was not typed: {error}");
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    /// A host's side of the boot protocol, written from the usage tables' other direction.
    fn typed(bytes: &[u8]) -> String {
        const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz1234567890";
        let mut text = String::new();
        for report in bytes.chunks(8).filter(|report| report[2] != 0) {
            let shift = report[0] & 0x22 != 0;
            let letter = match (report[2], shift) {
                (40, _) => '\n',
                (44, _) => ' ',
                (49, true) => '|',
                (54, _) => ',',
                (56, false) => '/',
                (key @ 4..=39, shift) => {
                    let letter = PLAIN.as_bytes()[usize::from(key) - 4] as char;
                    if shift { letter.to_ascii_uppercase() } else { letter }
                }
                _ => '?',
            };
            text.push(letter);
        }
        text
    }

    #[test]
    fn a_keyboard_types_the_codes_of_cards_and_nothing_else() {
        let said = |scan: &str| super::typed(scan).map(|text| text.0.to_string());
        let card = "001099000017||Nguyễn Văn Đức|15011999|Nam|Số 1, Hà Nội|16012022";
        assert_eq!(said(card).as_deref(), Some(card));
        assert_eq!(said(&format!("\u{feff}{card}\r\n")).as_deref(), Some(card));
        assert_eq!(said(&format!("{card}|curl evil.example")).as_deref(), Some(card), "what is no field of a card");
        let hostile = card.replace("Số 1, Hà Nội", "x; $(reboot) & `id` > y");
        assert_eq!(said(&hostile).as_deref(), Some(&*card.replace("Số 1, Hà Nội", "x   (reboot)    id    y")));
        let insurance = "GD4010123456789|4e677579e1bb856e|15/01/1999|1|-|79 - 071|01/01/2026|4|5f-71|$";
        assert_eq!(said(insurance).as_deref(), Some(insurance));
        assert_eq!(said("GD4010123456789").as_deref(), Some("GD4010123456789"));
        for other in [
            "rm -rf ~",
            "001099000017",
            "https://evil.example/",
            "001099000017||Nguyễn Văn Đức|never|Nam|x|16012022",
            "0123456789|reboot",
            "ABCDEFGHIJ|powershell -c x|$",
            "IDVNM0990000176001099000017<<79901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<",
            "",
        ] {
            assert_eq!(said(other), None, "{other}");
        }
    }

    #[test]
    fn a_scan_is_typed_as_a_keyboard_types() {
        let text = "001099000017||Nguyễn Văn Đức|15011999|Nam|Số 1, Hà Nội|16012022";
        let expected = "001099000017||Nguyen Van Duc|15011999|Nam|So 1, Ha Noi|16012022\n";
        assert_eq!(typed(&reports(text)), expected);
    }
}
