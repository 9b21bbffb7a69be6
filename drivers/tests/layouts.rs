//! The tables of layouts against libxkbcommon, which every Linux desktop types with.

use drivers::scanner::layouts::{KEYS, LAYOUTS, Level};
use std::path::Path;
use std::process::Command;

#[test]
fn layouts_are_those_of_xkeyboard_config() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/xkb.py");
    let output = Command::new("python3").arg(script).args(LAYOUTS.map(|layout| layout.name)).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        return test_support::skipped("needs python3, libxkbcommon0 and xkb-data");
    };
    let text = String::from_utf8(output.stdout).expect("text");
    let mut compared = 0;
    let theirs = |name: &str, code: u16, level: usize| {
        let start = format!("{name} {code} {level} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start))?;
        char::from_u32(line.parse().expect("a number"))
    };
    for layout in &LAYOUTS {
        for code in KEYS {
            // An ANSI keyboard has no such key.
            if layout.name == "us" && code == 86 {
                continue;
            }
            for (at, level) in [Level::Plain, Level::Shift, Level::AltGr].into_iter().enumerate() {
                let expected = theirs(layout.name, code, at).filter(|letter| at < 2 || letter.is_ascii());
                let ours = layout.letter(code, level);
                // The second key for the separator is left out on purpose; there is one all the same.
                let is_second = ours.is_none() && expected == Some('|') && layout.key('|').is_some();
                assert!(ours == expected || is_second, "{} {code} {level:?}: {ours:?} {expected:?}", layout.name);
                compared += usize::from(expected.is_some());
            }
        }
    }
    assert!(compared > 1000, "{compared} letters were compared");
}
