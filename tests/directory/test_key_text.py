"""The form of keys: made, told apart from all else, and refused by their checksum alone."""

import binascii
import hashlib
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqlreports.directory.keys import PresentedKey, new_key_id, new_key_text, parse_key
from gqlreports.errors import Unauthenticated

HEXADECIMAL = "0123456789abcdef"
ids = st.text(HEXADECIMAL, min_size=12, max_size=12)


def refused(text: str) -> bool:
    try:
        parse_key(text)
    except Unauthenticated:
        return True
    return False


def told_apart(text: str) -> bool:
    """Whether a key is one, computed another way: by its parts and the checksum of another library."""
    parts = text.split("_")
    if len(parts) == 3 and parts[0] == "gqlr" and (len(parts[1]), len(parts[2])) == (12, 72):
        digits, checksum = parts[2][:64], parts[2][64:]
        if all(each in HEXADECIMAL for each in parts[1] + parts[2]):
            return int(checksum, 16) == binascii.crc32(f"gqlr_{parts[1]}_{digits}".encode())
    return False


def test_a_key_is_of_a_form_that_a_scanner_knows() -> None:
    """The pattern of docs/keys.md."""
    assert re.fullmatch(r"gqlr_[0-9a-f]{12}_[0-9a-f]{72}", new_key_text(new_key_id()))


@given(ids)
def test_a_key_tells_its_id_and_hash(key_id: str) -> None:
    text = new_key_text(key_id)
    assert told_apart(text)
    assert parse_key(text) == PresentedKey(key_id, hashlib.sha256(text.encode("ascii")).hexdigest())


def test_keys_have_256_bits_of_their_own() -> None:
    secret = [new_key_text("0" * 12).split("_")[2][:64] for _ in range(200)]
    assert len(set(secret)) == 200
    for place in range(256):
        assert {int(each, 16) >> place & 1 for each in secret} == {0, 1}


def test_every_wrong_digit_and_every_swap_is_refused() -> None:
    text = new_key_text(new_key_id())
    for place, right in enumerate(text):
        for wrong in set(HEXADECIMAL + "gGO_-l \n") - {right}:
            assert refused(text[:place] + wrong + text[place + 1 :])
        assert refused(text[:place] + text[place + 1 :])
        assert refused(text[:place] + right + text[place:])
        swapped = text[:place] + text[place : place + 2][::-1] + text[place + 2 :]
        assert swapped == text or refused(swapped)


@given(st.one_of(st.text(), st.from_regex(r"gqlr_[0-9a-f]{12}_[0-9a-f]{72}", fullmatch=True)))
def test_anything_else_is_refused(text: str) -> None:
    assert refused(text) is not told_apart(text)


@given(st.text("_-" + HEXADECIMAL, min_size=1, max_size=120).map(lambda rest: f"gqlr_{rest}"))
def test_what_looks_like_a_key(text: str) -> None:
    before = len(text) == 48
    assert refused(text) is not (before or told_apart(text))


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "\ufeff{}", '"{}"', "{}\0", "{}="])
def test_a_key_stands_alone(around: str) -> None:
    assert refused(around.format(new_key_text(new_key_id())))
    assert refused(around.format("gqlr_" + secrets.token_urlsafe(32)))


def test_a_key_made_before_keys_had_ids() -> None:
    """As it was made then."""
    text = "gqlr_" + secrets.token_urlsafe(32)
    assert parse_key(text) == PresentedKey(None, hashlib.sha256(text.encode()).hexdigest())


def test_a_presented_key_does_not_print_its_text() -> None:
    text = new_key_text(new_key_id())
    assert text.split("_")[2] not in repr(parse_key(text))
