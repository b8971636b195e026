"""Which language a text is in, by its letters: enough to choose the words of an acknowledgement."""

from __future__ import annotations

import re
import string
from typing import Literal

# The beginning tells as much as the whole, and keeps the cost flat.
_READ = 2000
# In UTF-8 every Cyrillic letter of the modern languages begins with one of these bytes, and nothing else does.
_CYRILLIC_LEADS = (b"\xd0", b"\xd1", b"\xd2", b"\xd3")
_LATIN_LETTERS = string.ascii_letters.encode()
_NOT_WORDS = re.compile(r"https?://\S+|(?<!\S)[^\s@]{1,64}@\S+|(?<!\S)/[a-zA-Z0-9_]\S*")


def detect(text: str) -> Literal["ru", "en"] | None:
    """`ru` for Cyrillic (also Ukrainian, Kazakh or Belarusian: of what we can answer, Russian is next), `en` for Latin.

    None when fewer than two letters are there to judge by. Addresses, links and commands (`/start`) say nothing. A
    third of Cyrillic is enough for Russian: its writers quote the English words of a screen, and others hardly ever
    write Cyrillic.
    """
    head = text[:_READ]
    if "@" in head or "/" in head:
        head = _NOT_WORDS.sub(" ", head)
    written = head.encode(errors="replace")
    cyrillic = sum(map(written.count, _CYRILLIC_LEADS))
    latin = len(written) - len(written.translate(None, _LATIN_LETTERS))
    if cyrillic + latin < 2:
        return None
    return "ru" if cyrillic * 2 >= latin else "en"
