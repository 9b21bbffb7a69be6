"""Judges a FHIR R4 bundle: reads it from the standard input, prints nothing when it is valid, and what is wrong otherwise.

R4B is R4 with few changes, none in Bundle, Patient or Encounter.
"""

import sys

from fhir.resources.R4B.bundle import Bundle

try:
    Bundle.model_validate_json(sys.stdin.read())
except ValueError as error:
    sys.exit(str(error))
