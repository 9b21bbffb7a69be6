"""Writes the *.hex beside it, with the ASN.1 compiler asn1tools: an implementation apart from ours.

    pip install asn1tools && python3 make.py
"""

import pathlib

import asn1tools

HERE = pathlib.Path(__file__).parent
FACE = asn1tools.compile_files(str(HERE / "39794-5.asn1"), "der")

JPEG = bytes.fromhex("FFD8FFE000104A46494600010100000100010000FFD9")
JP2 = bytes.fromhex("0000000C6A5020200D0A870A00000014667479706A703220")


def representation(number, image, code, more):
    """A representation block; `more` adds the optional fields."""
    information = {"imageDataFormat": ("code", code)}
    block = {"representationId": number}
    if more:
        information |= {
            "faceImageKind2D": ("code", 0),
            "cameraToSubjectDistance": 1500,
            "sensorDiagonal": 430,
            "lensFocalLength": 50,
            "imageSizeBlock": {"width": 413, "height": 531},
            "imageColourSpace": ("code", 2),
        }
        block |= {
            "captureDateTimeBlock": {"year": 2026, "month": 3, "day": 14, "hour": 9, "minute": 26, "second": 53},
            "sessionId": 7,
            "derivedFrom": 0,
            "captureDeviceBlock": {
                "modelIdBlock": {"organization": 257, "id": 65535},
                "certificationIdBlocks": [{"organization": 1, "id": 2}, {"organization": 3, "id": 4}],
            },
        }
    two_dimensional = {"representationData2D": image, "imageInformation2DBlock": information}
    return block | {"imageRepresentation": ("base", ("imageRepresentation2DBlock", two_dimensional))}


def block(representations):
    version = {"generation": 3, "year": 2019}
    return {"versionBlock": version, "representationBlocks": representations}


def tlv(tag, value):
    """ISO/IEC 7816-4, for what is around the block."""
    length = len(value)
    short = [length] if length < 128 else [0x80 | (size := (length.bit_length() + 7) // 8), *length.to_bytes(size)]
    return bytes.fromhex(tag) + bytes(short) + value


def template(data, tag="7F2E"):
    header = tlv("80", b"\x01\x01") + tlv("81", b"\x02") + tlv("82", b"\x00")
    header += tlv("87", b"\x01\x01") + tlv("88", b"\x00\x2a")
    return tlv("7F60", tlv("A1", header) + tlv(tag, data))


def file(*templates):
    return tlv("75", tlv("7F61", tlv("02", bytes([len(templates)])) + b"".join(templates)))


def profile(data):
    return FACE.encode("BiometricDataBlock", ("faceImageDataBlock", data))


def bare(data):
    return FACE.encode("FaceImageDataBlock", data)


mandatory = block([representation(1, JPEG, 2, False)])
every = block([representation(1, JP2, 3, True)])
two = block([representation(1, JPEG, 2, True), representation(2, JP2, 4, False)])

VECTORS = {
    "mandatory-7f2e-a1-65": file(template(profile(mandatory))),
    "more-7f2e-a1-65": file(template(profile(every))),
    "more-7f2e-65": file(template(bare(every))),
    "mandatory-5f2e-65": file(template(bare(mandatory), "5F2E")),
    "mandatory-5f2e-a1-65": file(template(profile(mandatory), "5F2E")),
    "two-representations": file(template(profile(two))),
    "two-templates": file(template(profile(mandatory)), template(bare(every))),
    "template-alone": tlv("75", template(profile(mandatory))),
    "extension-block": file(
        template(
            profile(block([{"representationId": 1, "imageRepresentation": ("extensionBlock", {})}]))
        )
    ),
}

for name, data in VECTORS.items():
    (HERE / f"{name}.hex").write_text(data.hex().upper() + "\n")
