#!/usr/bin/python3
"""Seals of an encoder that is not ours: ICAO 9303-13 in Python, on Debian's python3-cryptography.

usage: seal.py       prints {"anchor": …, "signers": […], "seals": [{"seal", "kind", "features"}, …]}, bytes as hexadecimal
"""

import datetime
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID, ObjectIdentifier

ALPHABET = dict(zip(" 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", range(3, 40)))
SIGNER = ObjectIdentifier("2.23.136.1.1.11.1")
CURVES = [(ec.SECP224R1(), hashes.SHA224(), 28), (ec.SECP256R1(), hashes.SHA256(), 32),
          (ec.BrainpoolP256R1(), hashes.SHA256(), 32), (ec.BrainpoolP384R1(), hashes.SHA384(), 48),
          (ec.SECP384R1(), hashes.SHA384(), 48), (ec.BrainpoolP512R1(), hashes.SHA512(), 64)]


def c40(text):
    text, out = text.replace("<", " "), b""
    while len(text) >= 3:
        a, b, c = (ALPHABET[x] for x in text[:3])
        out, text = out + (1600 * a + 40 * b + c + 1).to_bytes(2, "big"), text[3:]
    if len(text) == 2:
        out += (1600 * ALPHABET[text[0]] + 40 * ALPHABET[text[1]] + 1).to_bytes(2, "big")
    elif text:
        out += bytes([0xFE, ord(text) + 1])
    return out


def date(day):
    return int(day.strftime("%m%d%Y")).to_bytes(3, "big")


def length(size):
    return bytes([size]) if size < 128 else bytes([0x81, size])


def name(country, common):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, country), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject, issuer, key, signer, serial, extensions):
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
               .serial_number(serial).not_valid_before(datetime.datetime(2021, 1, 1)).not_valid_after(datetime.datetime(2038, 1, 1)))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA512())


ROOT = ec.generate_private_key(ec.BrainpoolP512R1())
ROOT_NAME = name("VN", "CSCA of a peer")
USAGE = dict.fromkeys(["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                       "encipher_only", "decipher_only"], False)
ANCHOR = certificate(ROOT_NAME, ROOT_NAME, ROOT, ROOT, 1, [
    (x509.BasicConstraints(True, 0), True), (x509.KeyUsage(key_cert_sign=True, crl_sign=True, **USAGE), True),
    (x509.SubjectKeyIdentifier.from_public_key(ROOT.public_key()), False)])


def seal(version, key, digest, width, serial, category, definition, features, issued):
    reference = "%05X" % serial if version == 3 else "%02X%X" % (len("%X" % serial), serial)
    message = bytes([0xDC, version - 1]) + c40("VNM") + c40("VNPY" + reference) + date(issued) + date(issued)
    message += bytes([definition, category])
    for tag, value in features:
        message += bytes([tag]) + (bytes([len(value)]) if version == 3 else length(len(value))) + value
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    signature = r.to_bytes(width, "big") + s.to_bytes(width, "big")
    return message + b"\xff" + length(len(signature)) + signature


def main():
    signers, seals = [], []
    td2 = ["I<VNMTRAN<<THI<BINH<<<<<<<<<<<<<<<<<", "C7654321<8VNM8509022F2901017<<<<<<<6"]
    mrva = ["V<VNMNGUYEN<<VAN<A" + "<" * 26, "C1234567<2VNM9901155M2701016" + "<" * 16]
    mrvb = ["V<VNMNGUYEN<<VAN<A" + "<" * 18, "C1234567<2VNM9901155M2701016" + "<" * 8]
    kinds = [
        ("visa", 1, 0x5D, [(1, c40(mrva[0] + mrva[1][:28])), (3, b"\0"), (4, bytes([0, 3, 0])), (5, c40("C1234567"+" "))],
         {"mrz": mrva, "number_of_entries": None, "passport_number": "C1234567",
          "duration_of_stay": {"for": {"days": 0, "months": 3, "years": 0}}}),
        ("visa", 1, 0x5D, [(5, c40("C12345678")), (4, bytes([255] * 3)), (2, c40(mrvb[0] + mrvb[1][:28])), (6, b"\x01\x02")],
         {"mrz": mrvb, "passport_number": "C12345678", "visa_type": "0102", "duration_of_stay": "decided_at_the_border"}),
        ("emergency_travel_document", 3, 0x5E, [(2, c40("".join(td2)))], {"mrz": td2}),
        ("arrival_attestation", 2, 0xFD, [(2, c40("".join(td2))), (3, c40("160113000085"))],
         {"mrz": td2, "azr_number": "160113000085"}),
        ("residence_permit", 6, 0xFB, [(2, c40("".join(td2))), (3, c40("UFO001979"))],
         {"mrz": td2, "passport_number": "UFO001979"}),
        ("supplementary_sheet", 6, 0xFA, [(4, c40("".join(td2))), (5, c40("A12345678"))],
         {"mrz": td2, "sheet_number": "A12345678"}),
        ("social_insurance_card", 4, 0xFC, [(1, c40("65170839J003")), (2, "Nguyễn".encode()), (3, "Văn An".encode())],
         {"social_insurance_number": "65170839J003", "surname": "Nguyễn", "given_names": "Văn An"}),
        ("address_sticker", 8, 0xF9, [(1, c40("T2000AKA7")), (2, c40("05314000")), (3, c40("53123MUSTERMANNSTRASSE21"))],
         {"document_number": "T2000AKA7", "municipality": "05314000", "address": "53123MUSTERMANNSTRASSE21"}),
    ]
    for at, (curve, digest, width) in enumerate(CURVES):
        key, serial = ec.generate_private_key(curve), 0x1A0 + at
        signers.append(certificate(name("VN", "PY"), ROOT_NAME, key, ROOT, serial, [
            (x509.ExtendedKeyUsage([SIGNER]), True),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT.public_key()), False)]))
        for version in (3, 4):
            for kind, category, definition, features, expected in kinds:
                made = seal(version, key, digest, width, serial, category, definition, features, datetime.date(2026, 2, 28))
                seals.append({"seal": made.hex(), "kind": kind, "features": expected})
    der = lambda one: one.public_bytes(serialization.Encoding.DER).hex()
    print(json.dumps({"anchor": der(ANCHOR), "signers": [der(one) for one in signers], "seals": seals}))


main()
