#!/usr/bin/env python3
"""Cuts the fonts of the desk page out of kiosk-ui/fonts: letters of all that is written in Vietnamese and in Latin letters of
passports, and digits of one width. Needs `pip install fonttools brotli`.

Be Vietnam Pro has no tabular figures: its 1 is 400 units wide, its 4 is 713. For tables, dates and clocks each digit gets the
width of the widest but one, and stands in the middle of it; large numbers keep the font's own.
"""

import pathlib
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

HERE = pathlib.Path(__file__).resolve().parent
FONTS = HERE.parent.parent / "kiosk-ui" / "fonts"
DIGITS = range(0x30, 0x3A)
# Latin with its extensions, combining marks, punctuation, the dong, arrows, signs of comparison, triangles.
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x323), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x20AB, 0x20AC), (0x2190, 0x2193), (0x2260, 0x2265), (0x25B2, 0x25BC)]
LETTERS = [code for first, last in RANGES for code in range(first, last + 1)]


def cut(name, codes, features):
    font = TTFont(FONTS / f"BeVietnamPro-{name}.ttf", recalcTimestamp=False)
    options = Options()
    options.layout_features = features
    options.hinting = False
    subset = Subsetter(options)
    subset.populate(unicodes=codes)
    subset.subset(font)
    font.flavor = "woff2"
    return font


for weight, name in {400: "Regular", 500: "Medium", 600: "SemiBold", 700: "Bold"}.items():
    cut(name, LETTERS, ["kern", "mark", "mkmk", "ccmp", "locl"]).save(HERE / f"letters-{weight}.woff2")
    font = cut(name, DIGITS, [])
    glyphs, widths = font["glyf"], font["hmtx"]
    digits = [font.getBestCmap()[code] for code in DIGITS]
    wide = sorted(widths[digit][0] for digit in digits)[-2]
    for digit in digits:
        width, bearing = widths[digit]
        shift = (wide - width) // 2
        glyphs[digit].coordinates.translate((shift, 0))
        glyphs[digit].recalcBounds(glyphs)
        widths[digit] = (wide, bearing + shift)
    font.save(HERE / f"digits-{weight}.woff2")
