"""Passwords, of which Argon2id hashes are kept."""

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
    """Raises InvalidInput, without repeating the password, if it is too short, too long or not valid Unicode."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A password has at least {SHORTEST} characters, and at most {LONGEST}.")
    if any("\ud800" <= letter <= "\udfff" for letter in password):
        raise InvalidInput("A password is text in UTF-8.")
    return password


def password_hash_of(password: str) -> str:
    """The hash of a password.  It takes about 50 ms and 64 MiB, which is also the price of each guess."""
    return _HASHER.hash(_same_everywhere(password))


def password_matches(password_hash: str | None, password: str) -> bool:
    """Takes as long where there is no hash, and nothing matches then."""
    nobodys = _nobodys()
    try:
        _HASHER.verify(password_hash or nobodys, _same_everywhere(password))
    except VerifyMismatchError:
        return False
    return password_hash is not None


def renewed_hash(password_hash: str, password: str) -> str:
    """A new hash of the same password where the old one's parameters are no longer what is advised."""
    return password_hash_of(password) if _HASHER.check_needs_rehash(password_hash) else password_hash


def _same_everywhere(password: str) -> bytes:
    """One letter may be typed as several code points, and systems differ in that."""
    return unicodedata.normalize("NFKC", password).encode()


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_bytes(16))
