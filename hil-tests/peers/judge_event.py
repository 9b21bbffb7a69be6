"""Judges signed events. The first line of the standard input is the CDDL's file, the second a SubjectPublicKeyInfo in hex, each
further one an event in hex; for each of these it prints the kind of event, or `refused` and why."""

import contextlib
import functools
import io
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import load_der_public_key
from zcbor import CddlValidationError, DataTranslator
from zcbor.zcbor import zcbor

# It makes tuples with a field for each key; a key may be a word of Python, as `from`.
zcbor.namedtuple = functools.partial(zcbor.namedtuple, rename=True)


def digest(data):
    hasher = Hash(SHA256())
    hasher.update(data)
    return hasher.finalize()


def judge(grammar, spki, data):
    message = cbor2.loads(data)
    # What it tells of its search is not for whoever reads one word a line.
    with contextlib.redirect_stdout(io.StringIO()):
        grammar.validate_obj(message)
    protected, _, payload, signature = message
    # One encoding: what this encoder makes of it, keys left where they are.
    for part, whole in [(message, data), (cbor2.loads(protected), protected), (cbor2.loads(payload), payload)]:
        if cbor2.dumps(part) != whole:
            raise ValueError("another encoding")
    if cbor2.loads(protected)[4] != digest(spki)[:8]:
        raise ValueError("another key")
    signed = cbor2.dumps(["Signature1", protected, b"cccd-event-v1", payload])
    numbers = [int.from_bytes(half, "big") for half in (signature[:32], signature[32:])]
    load_der_public_key(spki).verify(encode_dss_signature(*numbers), signed, ECDSA(SHA256()))
    return next(iter(cbor2.loads(payload)["body"]))


cddl, spki, *events = sys.stdin.read().split("\n")
with open(cddl, encoding="utf-8") as file:
    # Definitions for a generator of C, none of which is made; every list may be as long as it is.
    grammar = DataTranslator.from_cddl(file.read(), 1_000).my_types["event"]
for event in events:
    if event:
        try:
            print(judge(grammar, bytes.fromhex(spki), bytes.fromhex(event)))
        except (CddlValidationError, InvalidSignature, ValueError, TypeError, cbor2.CBORDecodeError) as error:
            print("refused:", " ".join((str(error) or type(error).__name__).split())[:200])
