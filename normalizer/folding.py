"""One folded form of a text, on which the concerns search without IGNORECASE, which makes `re` much slower."""

from __future__ import annotations

import re
from functools import lru_cache

_SAME = (
    ("ё", "е"),
    ("\u00a0", " "), ("\u202f", " "), ("\u2009", " "),
    ("‐", "-"), ("‑", "-"), ("‒", "-"), ("–", "-"), ("—", "-"), ("−", "-"),
    ("«", '"'), ("»", '"'), ("“", '"'), ("”", '"'), ("„", '"'), ("‟", '"'),
)  # fmt: skip


def has_any(low: str, stems: tuple[str, ...]) -> bool:
    """Whether one of `stems` is in `low`: some 50 ns a stem, where a pattern that finds nothing takes 10 µs."""
    for stem in stems:  # noqa: SIM110 - a generator would take twice as long
        if stem in low:
            return True
    return False


def matches(pattern: re.Pattern[str], low: str, stems: tuple[str, ...], most: int = 10) -> list[re.Match[str]]:
    """Where `pattern` matches at one of the `stems`, in the order of the text; at most `most` for a stem.

    Every match of `pattern` must begin with a stem: an alternation of many words is tried at every character.
    """
    found = []
    for stem in stems:
        at = low.find(stem)
        count = 0
        while at >= 0 and count < most:
            match = pattern.match(low, at)
            if match:
                found.append(match)
                count += 1
            at = low.find(stem, at + 1)
    return sorted(found, key=re.Match.start) if len(found) > 1 else found


@lru_cache(maxsize=4)  # the concerns of one message fold the same text one after another
def fold(text: str) -> str:
    """Lower case, ё as е, one kind of space, dash and quote. As long as `text`, so that positions are the same."""
    low = text.lower()
    if len(low) != len(text):  # "İ" is two characters in lower case
        low = "".join(small if len(small := char.lower()) == 1 else char for char in text)
    if not low.isascii():
        for char, same in _SAME:
            low = low.replace(char, same)
    return low


_MIXED = re.compile(r"[а-яα-ω][a-z@]|[a-z@α-ω][а-я]")
_MIXED_WORD = re.compile(r"[а-яa-z@α-ω]{0,16}?(?:[а-яα-ω][a-z@]|[a-z@α-ω][а-я])[а-яa-z@α-ω]{0,16}")
# Latin letters, the sign and Greek letters by the Cyrillic ones that they look like
_LOOK_ALIKES = str.maketrans(
    "aeopcyxkmtbhr@παρολε",
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u043a\u043c\u0442\u0432\u043d\u0433\u0430\u043f\u0430\u0440\u043e\u043b\u0435",
)


def one_script(low: str) -> str:
    """Folded text, its words of mixed scripts («парoль» with a Latin o) in Cyrillic letters; as long as `low`."""
    if not _MIXED.search(low):
        return low
    return _MIXED_WORD.sub(lambda word: word[0].translate(_LOOK_ALIKES), low)
