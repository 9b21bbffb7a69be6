//! `cccd-agent scanner-code`: how a scanner that types is set, in steps that every maker has codes for, and a code that
//! shows whether it is set right: digits, separators, letters and the end of a line.

use crate::commands::print_text;
use kiosk_ui::code::Code;
use program::Failure;

/// The code of nobody's card. Its form tells the layout in which a scanner types.
const TEXT: &str = "001099000017|012345678|Nguyen Van Quy|15011999|Nam|Ha Noi|16012022";

/// In this order; the codes themselves stand in the scanner's manual.
const STEPS: [(&str, &str); 6] = [
    ("Khôi phục cài đặt gốc", "Restore factory defaults"),
    (
        "USB HID keyboard; nếu máy có thì tốt hơn là USB virtual COM (CDC), UTF-8, và serial:… trong agent.toml",
        "USB HID keyboard; better, where there is one, USB virtual COM (CDC) with UTF-8, and serial:… in agent.toml",
    ),
    ("Bàn phím USA (country code, English US)", "Keyboard layout USA (country code, English US)"),
    (
        "Suffix: Enter; Prefix: không; Caps lock: tắt; Convert case: không",
        "Suffix: Enter; prefix: none; caps lock: off; convert case: none",
    ),
    (
        "Output Unicode (UTF-8, Alt+keypad, Ctrl+Shift+U) nếu có",
        "Output Unicode (UTF-8, Alt+keypad, Ctrl+Shift+U) where there is such a code",
    ),
    (
        "Quét mã dưới đây: trên màn hình kỹ thuật, phần máy quét phải trở lại bình thường",
        "Scan the code below: on the technician's screen the scanner must be well again",
    ),
];

/// Prints steps and code.
///
/// # Errors
/// Never so far.
pub fn run() -> Result<u8, Failure> {
    print_text(&page());
    Ok(program::exit::GENUINE)
}

fn page() -> String {
    let steps = STEPS.iter().enumerate();
    let mut text: String = steps.map(|(n, (vi, en))| format!("{}. {vi}\n   {en}\n", n + 1)).collect();
    text += "\n";
    text += &Code::new(TEXT).map(|code| code.for_terminal()).unwrap_or_default();
    text + TEXT + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_a_card_and_stands_on_the_page() {
        assert!(matches!(cccd::qr::parse(TEXT), Ok(cccd::qr::Scan::Cccd(_))));
        let page = page();
        assert!(page.contains(&Code::new(TEXT).expect("short enough").for_terminal()) && page.contains("6. "));
    }
}
