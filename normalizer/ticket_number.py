"""The ticket number, `YYMMDD-NNNNNN-C`.

The day it was opened, a serial of that day, and a Damm check digit over all the digits before it. After 999999 the
serial of that day has seven digits. Digits only, so that it can be read out on the phone and typed on a keypad.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from unicodedata import normalize

_EXACT = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})-([0-9]{6}|[1-9][0-9]{6})-([0-9])")
_LARGEST_SERIAL = 9_999_999


@dataclass(frozen=True, slots=True)
class TicketNumber:
    """A number that is right in every digit. `str()` gives the one form that is stored and shown."""

    day: date
    serial: int

    def __str__(self) -> str:
        return make(self.day, self.serial)


@cache
def _damm() -> Callable[[str], int]:
    from stdnum.damm import checksum  # here: importing stdnum takes longer than starting all of normalizer

    return checksum  # type: ignore[no-any-return, unused-ignore]


def is_right(digits: str) -> bool:
    """Whether the last of these ASCII digits is the Damm check digit of those before it."""
    return _damm()(digits) == 0


def make(day: date, serial: int) -> str:
    """The number of the `serial`-th ticket (1 to 9,999,999) of a day in 2000 to 2099; ValueError for any other."""
    if not 2000 <= day.year <= 2099:
        raise ValueError("a ticket number holds a day of the years 2000 to 2099")
    if not 1 <= serial <= _LARGEST_SERIAL:
        raise ValueError("a serial lies between 1 and 9,999,999")
    stem, body = day.strftime("%y%m%d"), f"{serial:06}"
    return f"{stem}-{body}-{_damm()(stem + body)}"


def parse_exact(text: str) -> TicketNumber | None:
    """The number, if `text` is one in exactly the form that `make` gives; else None. For people's forms: references."""
    written = _EXACT.fullmatch(text)
    if not written or not is_right(text.replace("-", "")):
        return None
    year, month, day, serial = (int(part) for part in written.groups()[:4])
    try:
        return TicketNumber(date(2000 + year, month, day), serial) if serial else None
    except ValueError:  # no such day
        return None


def parse_typed(text: str) -> TicketNumber | None:
    """The number where nothing else is expected, as a command's argument: its digits, whatever stands between them."""
    digits = "".join(character for character in normalize("NFKC", text) if character in "0123456789")
    return parse_exact(f"{digits[:6]}-{digits[6:-1]}-{digits[-1:]}")
