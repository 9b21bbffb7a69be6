//! What a key types, by the layout that a scanner is set to. The tables are those of xkeyboard-config 2.35 (`us`, `gb`, …);
//! `drivers/tests/layouts.rs` compares them with libxkbcommon. Of what is typed with AltGr only ASCII is here: nothing
//! else is in a code. The US keyboard has no key 86. Where xkeyboard-config has a second key for `|`, which Windows and the
//! scanners that play its keyboards do not have, it is left out: it would make layouts look alike.

/// The keys of a table, in its order: the row of digits, three rows of letters; 86 is the key beside the left Shift.
pub const KEYS: [u16; 48] = [
    41, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 43, 30, 31, 32, 33, 34,
    35, 36, 37, 38, 39, 40, 86, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53,
];

/// Marks a key without a letter in a table.
const NONE: char = '␀';

/// A layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// As xkeyboard-config calls it.
    pub name: &'static str,
    plain: &'static str,
    shifted: &'static str,
    alt_gr: &'static [(u16, char)],
}

/// What is held with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Level {
    Plain,
    Shift,
    AltGr,
}

impl Layout {
    /// The letter of a key; nothing for a key without one.
    #[must_use]
    pub fn letter(&self, code: u16, level: Level) -> Option<char> {
        let row = match level {
            Level::Plain => self.plain,
            Level::Shift => self.shifted,
            Level::AltGr => return self.alt_gr.iter().find(|(key, _)| *key == code).map(|(_, letter)| *letter),
        };
        let at = KEYS.iter().position(|key| *key == code)?;
        row.chars().nth(at).filter(|letter| *letter != NONE)
    }

    /// The key of a letter, and what is held with it.
    #[must_use]
    pub fn key(&self, letter: char) -> Option<(u16, Level)> {
        let levels = [Level::Plain, Level::Shift, Level::AltGr];
        let mut keys = levels.into_iter().flat_map(|level| KEYS.map(|code| (code, level)));
        keys.find(|(code, level)| self.letter(*code, *level) == Some(letter))
    }
}

/// The layouts that scanners are set to, the most usual first.
pub const LAYOUTS: [Layout; 12] = [
    Layout {
        name: "us",
        plain: "`1234567890-=qwertyuiop[]\\asdfghjkl;'␀zxcvbnm,./",
        shifted: "~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\"␀ZXCVBNM<>?",
        alt_gr: &[],
    },
    Layout {
        name: "gb",
        plain: "`1234567890-=qwertyuiop[]#asdfghjkl;'\\zxcvbnm,./",
        shifted: "¬!\"£$%^&*()_+QWERTYUIOP{}~ASDFGHJKL:@|ZXCVBNM<>?",
        alt_gr: &[(8, '{'), (9, '['), (10, ']'), (11, '}'), (12, '\\'), (16, '@'), (18, 'e')],
    },
    Layout {
        name: "de",
        plain: "␀1234567890ß␀qwertzuiopü+#asdfghjklöä<yxcvbnm,.-",
        shifted: "°!\"§$%&/()=?␀QWERTZUIOPÜ*'ASDFGHJKLÖÄ>YXCVBNM;:_",
        alt_gr: &[(8, '{'), (9, '['), (10, ']'), (11, '}'), (12, '\\'), (16, '@'), (27, '~'), (86, '|')],
    },
    Layout {
        name: "fr",
        plain: "²&é\"'(-è_çà)=azertyuiop␀$*qsdfghjklmù<wxcvbn,;:!",
        shifted: "~1234567890°+AZERTYUIOP␀£µQSDFGHJKLM%>WXCVBN?./§",
        alt_gr: &[
            (3, '~'),
            (4, '#'),
            (5, '{'),
            (6, '['),
            (7, '|'),
            (8, '`'),
            (9, '\\'),
            (10, '^'),
            (11, '@'),
            (12, ']'),
            (13, '}'),
            (30, '@'),
        ],
    },
    Layout {
        name: "be",
        plain: "²&é\"'(§è!çà)-azertyuiop␀$µqsdfghjklmù<wxcvbn,;:=",
        shifted: "³1234567890°_AZERTYUIOP␀*£QSDFGHJKLM%>WXCVBN?./+",
        alt_gr: &[
            (2, '|'),
            (3, '@'),
            (4, '#'),
            (7, '^'),
            (8, '{'),
            (9, '['),
            (10, '{'),
            (11, '}'),
            (12, '\\'),
            (16, '@'),
            (26, '['),
            (27, ']'),
            (86, '\\'),
        ],
    },
    Layout {
        name: "ch",
        plain: "§1234567890'␀qwertzuiopü␀$asdfghjklöä<yxcvbnm,.-",
        shifted: "°+\"*ç%&/()=?␀QWERTZUIOPè!£ASDFGHJKLéà>YXCVBNM;:_",
        alt_gr: &[
            (3, '@'),
            (4, '#'),
            (8, '|'),
            (10, ']'),
            (11, '}'),
            (16, '@'),
            (26, '['),
            (27, ']'),
            (43, '}'),
            (40, '{'),
            (86, '\\'),
        ],
    },
    Layout {
        name: "es",
        plain: "º1234567890'¡qwertyuiop␀+çasdfghjklñ␀<zxcvbnm,.-",
        shifted: "ª!\"·$%&/()=?¿QWERTYUIOP␀*ÇASDFGHJKLÑ␀>ZXCVBNM;:_",
        alt_gr: &[
            (41, '\\'),
            (2, '|'),
            (3, '@'),
            (4, '#'),
            (5, '~'),
            (8, '{'),
            (9, '['),
            (10, ']'),
            (11, '}'),
            (12, '\\'),
            (16, '@'),
            (26, '['),
            (27, ']'),
            (43, '}'),
            (40, '{'),
        ],
    },
    Layout {
        name: "it",
        plain: "\\1234567890'ìqwertyuiopè+ùasdfghjklòà<zxcvbnm,.-",
        shifted: "|!\"£$%&/()=?^QWERTYUIOPé*§ASDFGHJKLç°>ZXCVBNM;:_",
        alt_gr: &[
            (8, '{'),
            (9, '['),
            (10, ']'),
            (11, '}'),
            (12, '`'),
            (13, '~'),
            (16, '@'),
            (26, '['),
            (27, ']'),
            (39, '@'),
            (40, '#'),
        ],
    },
    Layout {
        name: "pt",
        plain: "\\1234567890'«qwertyuiop+␀␀asdfghjklçº<zxcvbnm,.-",
        shifted: "|!\"#$%&/()=?»QWERTYUIOP*␀␀ASDFGHJKLÇª>ZXCVBNM;:_",
        alt_gr: &[(3, '@'), (8, '{'), (9, '['), (10, ']'), (11, '}'), (12, '\\'), (16, '@'), (86, '\\')],
    },
    Layout {
        name: "se",
        plain: "§1234567890+␀qwertyuiopå␀'asdfghjklöä<zxcvbnm,.-",
        shifted: "½!\"#¤%&/()=?␀QWERTYUIOPÅ␀*ASDFGHJKLÖÄ>ZXCVBNM;:_",
        alt_gr: &[(3, '@'), (5, '$'), (8, '{'), (9, '['), (10, ']'), (11, '}'), (12, '\\'), (16, '@'), (86, '|')],
    },
    Layout {
        name: "dk",
        plain: "½1234567890+␀qwertyuiopå␀'asdfghjklæø<zxcvbnm,.-",
        shifted: "§!\"#¤%&/()=?␀QWERTYUIOPÅ␀*ASDFGHJKLÆØ>ZXCVBNM;:_",
        alt_gr: &[(3, '@'), (5, '$'), (8, '{'), (9, '['), (10, ']'), (11, '}'), (13, '|'), (16, '@'), (86, '\\')],
    },
    Layout {
        name: "no",
        plain: "|1234567890+\\qwertyuiopå␀'asdfghjkløæ<zxcvbnm,.-",
        shifted: "§!\"#¤%&/()=?␀QWERTYUIOPÅ␀*ASDFGHJKLØÆ>ZXCVBNM;:_",
        alt_gr: &[(3, '@'), (5, '$'), (8, '{'), (9, '['), (10, ']'), (11, '}'), (16, '@')],
    },
];
