"""Judges an HL7 v2 message: reads it from the standard input, prints its patient's fields as JSON when it is valid, and what is wrong otherwise."""

import json
import sys

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

# Segments of a site's own are no part of the standard's structure.
text = "\r".join(line for line in sys.stdin.buffer.read().decode().split("\r") if not line.startswith("Z"))
try:
    message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    message.validate()
except (HL7apyException, ValueError) as error:
    sys.exit(str(error) or repr(error))
person = message.pid
print(json.dumps({
    "structure": message.msh.msh_9.msh_9_3.to_er7(),
    "numbers": [[number.cx_1.to_er7(), number.cx_4.hd_2.to_er7(), number.cx_5.to_er7()] for number in person.pid_3],
    "family": person.pid_5.xpn_1.to_er7(),
    "given": person.pid_5.xpn_2.to_er7(),
    "born": person.pid_7.to_er7(),
    "address": person.pid_11.xad_1.to_er7(),
    "visit": message.pv1.pv1_19.to_er7(),
    "guardian": [
        part.to_er7()
        for kin in message.children.get("NK1") or []
        for part in (kin.nk1_2.xpn_1, kin.nk1_2.xpn_2, kin.nk1_3.ce_1, kin.nk1_33.cx_1, kin.nk1_33.cx_4.hd_2, kin.nk1_33.cx_5)
    ],
}))
