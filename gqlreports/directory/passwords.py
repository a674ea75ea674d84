"""Passwords, which are stored as Argon2id hashes."""

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from gqlreports.errors import InvalidInput

SHORTEST = 12
LONGEST = 1024
_HASHER = PasswordHasher()


def checked_password(password: str) -> str:
    """The password, if it is valid.

    Raises InvalidInput if it is too short, too long or not valid Unicode.  The message does not repeat it.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A password has at least {SHORTEST} characters, and at most {LONGEST}.")
    if any("\ud800" <= letter <= "\udfff" for letter in password):
        raise InvalidInput("A password is text in UTF-8.")
    return password


def password_hash_of(password: str) -> str:
    """The hash of a password.  Hashing takes about 50 ms and 64 MiB, which is also the cost of each guess."""
    return _HASHER.hash(_same_everywhere(password))


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether a password matches a hash.

    If the hash is None, nothing matches, but the check takes equally long.
    """
    nobodys = _nobodys()
    try:
        _HASHER.verify(password_hash or nobodys, _same_everywhere(password))
    except VerifyMismatchError:
        return False
    return password_hash is not None


def renewed_hash(password_hash: str, password: str) -> str:
    """The hash, or a new hash of the same password if the old one's parameters are outdated."""
    return password_hash_of(password) if _HASHER.check_needs_rehash(password_hash) else password_hash


def _same_everywhere(password: str) -> bytes:
    """Normalize a password, since some systems produce one code point for a letter and others several."""
    return unicodedata.normalize("NFKC", password).encode()


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_bytes(16))
