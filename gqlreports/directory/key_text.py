"""The text of a key, and what it tells before it is looked up.

A key is `gqlr_`, its public id (12 digits), `_`, 256 random bits (64 digits) and a checksum (8 digits), the digits
hexadecimal.  The checksum is the CRC-32 of all before it: a key with a wrong or swapped digit is refused without a
look-up, and a scanner that finds the form in a file knows whether it is a key.  Keys made before had no id and no
checksum: `gqlr_` and 43 characters of base64url.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from zlib import crc32

from gqlreports.errors import Unauthenticated

PREFIX = "gqlr_"
_FORM = re.compile(PREFIX + "(?P<id>[0-9a-f]{12})_[0-9a-f]{64}(?P<checksum>[0-9a-f]{8})", re.ASCII)
_FORM_BEFORE = re.compile(PREFIX + "[A-Za-z0-9_-]{43}", re.ASCII)

INVALID = "This key is not valid; ask the operator for another."


@dataclass(frozen=True)
class PresentedKey:
    """A key of the right form; `id` is None for one that was made before keys had ids, `hash` its SHA-256."""

    id: str | None
    hash: str


def new_key_id() -> str:
    return secrets.token_hex(6)


def new_key_text(key_id: str) -> str:
    """A key of that id, from 256 bits of the system's randomness."""
    body = f"{PREFIX}{key_id}_{secrets.token_hex(32)}"
    return body + _checksum(body)


def parse_key(text: str) -> PresentedKey:
    """Raises Unauthenticated for what cannot be a key; the message does not repeat it."""
    found = _FORM.fullmatch(text)
    if found is not None and found["checksum"] == _checksum(text[: found.start("checksum")]):
        return PresentedKey(found["id"], key_hash(text))
    if found is None and _FORM_BEFORE.fullmatch(text):
        return PresentedKey(None, key_hash(text))
    raise Unauthenticated(INVALID)


def key_hash(text: str) -> str:
    """SHA-256 serves, for there is nothing to guess in 256 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{crc32(body.encode()):08x}"
