"""Which language a text is in, by its letters: enough to choose the words of an acknowledgement."""

from __future__ import annotations

import re
from typing import Literal

# The beginning tells as much as the whole, and keeps the cost flat.
_READ = 2000
_CYRILLIC = re.compile(r"[а-яёіїєґўәғқңөұүһ]+", re.IGNORECASE)
_LATIN = re.compile(r"[a-z]+", re.IGNORECASE)
_NOT_WORDS = re.compile(r"https?://\S+|(?<!\S)[^\s@]{1,64}@\S+")


def detect(text: str) -> Literal["ru", "en"] | None:
    """`ru` for Cyrillic (also Ukrainian, Kazakh or Belarusian: of what we can answer, Russian is next), `en` for Latin.

    None when fewer than two letters are there to judge by. Addresses and links say nothing. A third of Cyrillic is
    enough for Russian: its writers quote the English words of a screen, and others hardly ever write Cyrillic.
    """
    head = _NOT_WORDS.sub(" ", text[:_READ])
    cyrillic = sum(map(len, _CYRILLIC.findall(head)))
    latin = sum(map(len, _LATIN.findall(head)))
    if cyrillic + latin < 2:
        return None
    return "ru" if cyrillic * 2 >= latin else "en"
