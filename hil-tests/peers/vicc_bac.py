#!/usr/bin/python3
"""A BAC card that is not ours, for vpcd.

Basic access control, key derivation, 3DES and the retail MAC are those of Debian's vsmartcard-vpicc
(virtualsmartcard.cards.ePass.PassportSAM and CryptoUtils). Its secure messaging leaves out the status object and was
never ported to Python 3, so the wrapping of commands and responses stands here, on its primitives.

usage: vicc_bac.py DIRECTORY MRZ_INFORMATION PORT      (DIRECTORY holds FID.bin files)
"""

import glob
import os
import socket
import struct
import sys
import types

PACKAGE = "/usr/lib/python3/site-packages/virtualsmartcard"
sys.path.insert(0, PACKAGE)

# Debian ships PyCryptodome under its own name; the package looks for the old one.
import Cryptodome.Cipher.DES  # noqa: E402
import Cryptodome.Cipher.DES3  # noqa: E402
import Cryptodome.Cipher.AES  # noqa: E402
import Cryptodome.Cipher.ARC4  # noqa: E402
import Cryptodome.Hash.HMAC  # noqa: E402
import Cryptodome.Hash.SHA  # noqa: E402

sys.modules.update({name.replace("Cryptodome", "Crypto", 1): module for name, module in list(sys.modules.items()) if name.startswith("Cryptodome")})

import virtualsmartcard.CryptoUtils as crypto  # noqa: E402
from virtualsmartcard.SWutils import SwError  # noqa: E402
from virtualsmartcard.cards.ePass import PassportSAM  # noqa: E402

# The package's xor of two strings was not ported to Python 3.
crypto.operation_on_string = lambda a, b, op: bytes(op(x, y) for x, y in zip(a, b))

APPLICATION = bytes.fromhex("A0000002471001")
ATR = bytes.fromhex("3B80800101")


def tlv(tag, value):
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + struct.pack(">H", size)
    return bytes([tag]) + length + value


def objects(data):
    while data:
        tag, size, skip = data[0], data[1], 2
        if size & 0x80:
            count = size & 0x7F
            size, skip = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
        yield tag, data[skip : skip + size], data[: skip + size]
        data = data[skip + size :]


def pad(data):
    return crypto.append_padding(8, data)


class Card:
    def __init__(self, directory, information):
        self.files = {}
        for path in glob.glob(os.path.join(directory, "*.bin")):
            with open(path, "rb") as file:
                self.files[int(os.path.basename(path)[:4], 16)] = file.read()
        self.information = information.encode()
        self.reset()

    def reset(self):
        # PassportSAM reads the key data out of a passport's second MRZ line; ours are given.
        self.sam = PassportSAM.__new__(PassportSAM)
        i = self.information
        self.sam.mrz2 = i[0:10] + b"UTO" + i[10:17] + b"F" + i[17:24]
        self.sam._PassportSAM__computeKeys()
        self.sam.current_SE = types.SimpleNamespace(
            ct=types.SimpleNamespace(key=None), cct=types.SimpleNamespace(key=None, blocklength=8), ssc=None
        )
        self.selected = None
        self.application = False

    def checksum(self, data):
        # An eight-byte counter; the package drops leading zeros.
        counter = struct.pack(">Q", self.sam.current_SE.ssc)
        return crypto.crypto_checksum("CC", self.sam.current_SE.cct.key, counter + data)

    def plain(self, header, data, le):
        ins, p1, p2 = header[1:4]
        if ins == 0xA4 and (p1, p2) == (4, 0x0C):
            if data != APPLICATION:
                return b"", 0x6A82
            self.application = True
            return b"", 0x9000
        secured = self.sam.current_SE.ct.key is not None
        if ins == 0xA4 and (p1, p2) == (2, 0x0C):
            self.selected = int.from_bytes(data, "big")
            if not self.application or self.selected not in self.files:
                return b"", 0x6A82
            return b"", 0x9000 if secured else 0x6982
        if ins == 0xB0:
            offset = p1 << 8 | p2
            if p1 & 0x80:
                self.selected, offset = 0x0100 | p1 & 0x1F, p2
            if not self.application or self.selected not in self.files:
                return b"", 0x6A82
            if not secured:
                return b"", 0x6982
            return self.files[self.selected][offset : offset + min(le, 231)], 0x9000
        if ins == 0x84:
            self.sam.last_challenge = os.urandom(8)
            return self.sam.last_challenge, 0x9000
        if ins == 0x82:
            try:
                status, answer = self.sam.external_authenticate(p1, p2, data)
                return answer, status
            except SwError as error:
                return b"", error.sw
        return b"", 0x6D00

    def transmit(self, apdu):
        header, body, le, data = apdu[:4], apdu[4:], 0, b""
        if len(body) > 1 and body[0] == 0:
            return b"\x67\x00"  # extended length, which this card does not take
        if len(body) == 1:
            le = body[0] or 256
        elif body:
            data, rest = body[1 : 1 + body[0]], body[1 + body[0] :]
            le = (rest[0] or 256) if rest else 0
        if self.sam.current_SE.ct.key is None or header[0] & 0x0C != 0x0C:
            answer, status = self.plain(header, data, le)
            return answer + struct.pack(">H", status)
        session = self.sam.current_SE
        session.ssc += 1
        covered, mac, command, le = b"", None, b"", 0
        for tag, value, raw in objects(data):
            if tag == 0x8E:
                mac = value
                continue
            covered += raw
            if tag == 0x87:
                command = crypto.decrypt("DES3-CBC", session.ct.key, value[1:])
                command = command[: command.rindex(b"\x80")]
            elif tag == 0x97:
                le = int.from_bytes(value, "big") or 256
        expected = self.checksum(pad(pad(header) + covered) if covered else pad(header))
        if mac != expected:
            return b"\x69\x88"
        answer, status = self.plain(bytes([header[0] & 0xF0]) + header[1:], command, le)
        session.ssc += 1
        out = tlv(0x87, b"\x01" + crypto.encrypt("DES3-CBC", session.ct.key, pad(answer))) if answer else b""
        out += tlv(0x99, struct.pack(">H", status))
        return out + tlv(0x8E, self.checksum(pad(out))) + struct.pack(">H", status)


def main():
    directory, information, port = sys.argv[1:4]
    card = Card(directory, information)
    reader = socket.create_connection(("127.0.0.1", int(port)))
    reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("card is on the reader", file=sys.stderr, flush=True)

    def receive(count):
        data = b""
        while len(data) < count:
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            more = reader.recv(count - len(data))
            if not more:
                sys.exit(0)
            data += more
        return data

    while True:
        body = receive(struct.unpack(">H", receive(2))[0])
        if body in (b"\x01", b"\x02"):
            card.reset()
        elif body == b"\x04":
            reader.sendall(struct.pack(">H", len(ATR)) + ATR)
        elif len(body) > 1:
            answer = card.transmit(body)
            reader.sendall(struct.pack(">H", len(answer)) + answer)


main()
