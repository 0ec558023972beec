"""Opaque page cursors, made and read in one place: a few strings and integers, url-safe."""

import base64
import binascii
import json

from ..errors import InvalidParameter

_WRONG = "cursor is not one that this service gave; leave it out to start from the beginning"


def encode(*parts: str | int) -> str:
    """Cursor text for the given parts."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).rstrip(b"=").decode()


def decode(text: str, *kinds: type[str] | type[int]) -> list[str | int]:
    """The parts of a cursor that must be of the given kinds. Raises: InvalidParameter for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidParameter(_WRONG) from None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds):
        raise InvalidParameter(_WRONG)
    if any(isinstance(part, int) and abs(part) >= 2**63 for part in parts):
        raise InvalidParameter(_WRONG)
    return parts
