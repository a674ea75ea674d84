"""A telephone number in the forms in which switches write it, and what takes its place when it is erased.

An erased number keeps its form.  Of a number of the North American Numbering Plan its first seven digits stay, because
reports look up its rate center by them; all other digits become 0.  Behind it stands a `~` and a random number, so that
it is the number of nobody, and calls of one erased number are still calls of one number.
"""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from gqlreports.errors import InvalidInput

_NANP = re.compile(r"(1?)([2-9][0-9]{2}[2-9][0-9]{6})")
_SEPARATORS = "[ \u00a0\u202f()./_\u2010-\u2015-]{0,3}"
"""What stands between digits: also blanks and hyphens at which a line does not break."""
_KEPT = 7
"""How many digits of a number of the North American Numbering Plan stay: its thousands-block."""
_FEWEST, _MOST = 7, 15
"""How many digits a telephone number has; E.164 allows 15."""
_TOKEN_DIGITS = 12


def new_token() -> str:
    """A random number, which tells erased numbers apart.  No telephone number has as many digits as both together."""
    return "".join(secrets.choice("0123456789") for _ in range(_TOKEN_DIGITS))


@dataclass(frozen=True)
class PhoneNumber:
    """The `digits` of a number, without the country code 1 if it is one of the North American Numbering Plan."""

    digits: str
    is_nanp: bool

    @property
    def is_ambiguous(self) -> bool:
        """Whether its ten digits without a country code may also be a number of the other kind."""
        return _NANP.fullmatch(self.digits) is not None and len(self.digits) == 10

    @property
    def pattern(self) -> str:
        """A regular expression for its digits, with or without separators, for ClickHouse and for Python."""
        return _SEPARATORS.join(self.digits)

    @property
    def dids(self) -> list[str]:
        """Its digits as an inventory of DIDs may have them."""
        return [self.digits, f"1{self.digits}"] if self.is_nanp else [self.digits]

    @property
    def erased_digits(self) -> str:
        if not self.is_nanp:
            return "0" * len(self.digits)
        kept = self.digits[:_KEPT]
        return kept + ("999" if self.digits.endswith("000") else "000")

    def erased(self, text: str, tech_prefixes: Collection[str], token: str) -> str | None:
        """A cell that holds the number, with the number erased; None if it holds another number.

        The number stands alone in its digits, or behind one of the tech prefixes, an international prefix or both.
        """
        tech = "|".join(re.escape(each) for each in sorted(tech_prefixes, key=len, reverse=True) if each)
        before = f"(?:(?:{tech}){_SEPARATORS})?" if tech else ""
        abroad = "(?:00|011)?"
        if self.is_nanp:
            # Without the 1, a number behind + or an international prefix is one of another country.
            before += rf"(?:{abroad}{_SEPARATORS}1{_SEPARATORS}|(?<!\+))"
        else:
            before += f"{abroad}{_SEPARATORS}"
        found = re.compile(f"(?<![0-9])({before})({self.pattern})(?![0-9])")
        erased = found.sub(lambda each: each[1] + self._erased_form(each[2], token), text)
        return None if erased == text else erased

    def _erased_form(self, form: str, token: str) -> str:
        digits = iter(self.erased_digits)
        return "".join(next(digits) if each.isdigit() else each for each in form) + f"~{token}"


def parse_number(text: str) -> PhoneNumber:
    """A number with or without `+`, an international prefix 00 or 011, and separators.

    As in reports, 10 digits, or 1 and 10 digits, are a number of the North American Numbering Plan if its area and its
    exchange begin with 2 to 9.  Raises InvalidInput for anything that is no telephone number.
    """
    digits = re.sub(_SEPARATORS, "", text.strip())
    found = re.fullmatch(r"(\+|00|011)?([0-9]+)", digits)
    if not found or not _FEWEST <= len(found[2]) <= _MOST or not found[2].strip("0"):
        raise InvalidInput(
            f"--number {text[:40]}: a telephone number has {_FEWEST} to {_MOST} digits, as +12125550142."
        )
    nanp = _NANP.fullmatch(found[2])
    if nanp and (nanp[1] or not found[1]):
        return PhoneNumber(nanp[2], True)
    return PhoneNumber(found[2], False)
