"""Judges what a log writes, and writes the same for the other side to judge. The standard input is JSON:

- `key`: the log's P-256 key in PEM; `entries`: all entries in hex; `root`: the root over them in hex
- `receipts`: `[receipt, index]`; `consistency`: `[old size, old root, [path]]`
- `note`: a checkpoint as a signed note, with `signers`: `[name, type, public key in hex]`

It prints JSON: `receipts`, a word for each; `consistency`, likewise; `signers`, the names that have signed; `made`, receipts of its own."""

import base64
import hashlib
import json
import sys

import scitt_cose
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

task = json.load(sys.stdin)
entries = task["entries"]
public = load_pem_private_key(task["key"].encode(), None).public_key()
public = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def receipt(data, index):
    result = scitt_cose.verify_receipt(bytes.fromhex(data), leaf_entry_hex=entries[index], log_public_key_pem=public)
    if not result.ok:
        return f"refused: {result.errors}"
    found = (result.root, result.tree_size, result.leaf_index)
    return "right" if found == (task["root"], len(entries), index) else f"another: {found}"


def consistency(old, root, path):
    return scitt_cose.verify_consistency(root, task["root"], old, len(entries), path)


def signed_by(note, name, kind, key):
    """C2SP signed-note and tlog-cosignature, from their text."""
    text, lines = note.rsplit("\n\n", 1)
    text += "\n"
    wanted = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]
    for line in lines.splitlines():
        _, who, data = line.split(" ")
        data = base64.b64decode(data)
        if who == name and data[:4] == wanted:
            signature = data[4:]
            if kind == 4:
                text = f"cosignature/v1\ntime {int.from_bytes(signature[:8], 'big')}\n{text}"
                signature = signature[8:]
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, text.encode())
            except InvalidSignature:
                return False
            return True
    return False


made = [
    scitt_cose.build_receipt(
        leaf_entry_hex=entries[index], leaf_index=index, tree_entries_hex=entries, alg="ES256",
        log_private_key_pem=task["key"], iss="log.example", sub="log.example/events", kid=b"12345678",
    ).hex()
    for _, index in task["receipts"]
]
print(json.dumps({
    "receipts": [receipt(*each) for each in task["receipts"]],
    "consistency": [consistency(*each) for each in task["consistency"]],
    "signers": [name for name, kind, key in task["signers"] if signed_by(task["note"], name, kind, bytes.fromhex(key))],
    "made": made,
}))
