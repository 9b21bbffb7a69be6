#!/usr/bin/env python3
"""What each key of a keyboard types, as libxkbcommon has it: xkb.py LAYOUT...

One line a key: LAYOUT KEYCODE LEVEL CODEPOINT, keycodes as in linux/input-event-codes.h, level 0 plain, 1 with Shift,
2 with AltGr. Dead keys and keys that type no character are left out.
"""
import ctypes as C
import sys

KEYS = [41, *range(2, 14), *range(16, 28), 43, *range(30, 41), 86, *range(44, 54)]


class Names(C.Structure):
    _fields_ = [(name, C.c_char_p) for name in ("rules", "model", "layout", "variant", "options")]


lib = C.CDLL("libxkbcommon.so.0")
lib.xkb_context_new.restype = C.c_void_p
lib.xkb_keymap_new_from_names.restype = C.c_void_p
lib.xkb_keymap_new_from_names.argtypes = [C.c_void_p, C.POINTER(Names), C.c_int]
lib.xkb_keymap_key_get_syms_by_level.argtypes = [C.c_void_p, C.c_uint32, C.c_uint32, C.c_uint32, C.c_void_p]
lib.xkb_keysym_to_utf32.argtypes = [C.c_uint32]
lib.xkb_keysym_to_utf32.restype = C.c_uint32
context = lib.xkb_context_new(0)
for layout in sys.argv[1:]:
    names = Names(b"evdev", b"pc105", layout.encode(), b"", b"")
    keymap = lib.xkb_keymap_new_from_names(context, C.byref(names), 0)
    assert keymap, layout
    for key in KEYS:
        for level in range(3):
            symbols = C.POINTER(C.c_uint32)()
            count = lib.xkb_keymap_key_get_syms_by_level(keymap, key + 8, 0, level, C.byref(symbols))
            if count == 1:
                point = lib.xkb_keysym_to_utf32(symbols[0])
                if point >= 0x20:
                    print(layout, key, level, point)
