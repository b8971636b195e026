"""What labelled messages teach beside the rules: which words, and pairs of words, go with which category. Pure.

Rules name what somebody thought of. The messages that people have labelled hold more: for each word's beginning, and
each pair of neighbours, `router/learned.txt` keeps how much it speaks for or against a category (multinomial logistic
regression, as in Bishop, Pattern Recognition and Machine Learning, 4.3.4). `python -m router.learn` makes it anew.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from router.forms import plain

KEPT = Path(__file__).with_name("learned.txt")
STEM = re.compile(r"\b[^\W_]{1,5}")  # the letters of a word that count; what follows is mostly its ending
MOST_WORDS = 1000  # of a text that are looked at; what a letter is about is said before
FIELD = 32  # bits; the sum of MOST_WORDS weights in hundredths needs fewer
HALF = 1 << FIELD - 1
FEWEST = 7  # known words and pairs; of fewer, «что это?», nothing can be said
LOWEST = -4.0  # a category is never less likely than exp of this: the rules must be able to outweigh it


class Learned:
    """How likely each category is. Safe to share between threads."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Of the lines of a kept file: the categories, then `feature number:weight …` in hundredths."""
        rest = iter(lines)
        self.categories: tuple[str, ...] = tuple(next(rest, "").split())
        self._rows: dict[str, int] = {}  # a category is a field of bits in one number: all are added up at once
        for line in rest:
            feature, *weights = line.split()
            self._rows[feature] = sum(
                int(value) << FIELD * int(number) for number, value in (w.split(":") for w in weights)
            )
        self._fields = struct.Struct(f"<{len(self.categories)}I")
        self._halves = sum(HALF << FIELD * number for number in range(len(self.categories)))  # lest a field be negative

    def likelihoods(self, *texts: str) -> dict[str, float]:
        """The natural logarithm of each category's probability, not under `LOWEST`; empty where little is known."""
        found = features(" ".join(text for text in texts if text))
        known = [row for feature in found if (row := self._rows.get(feature)) is not None]
        if len(known) < FEWEST:
            return {}
        scale = scale_of(found) / 100
        total = sum(known, self._halves).to_bytes(self._fields.size, "little")
        scores = [(each - HALF) * scale for each in self._fields.unpack(total)]
        highest = max(scores)
        whole = highest + math.log(sum([math.exp(score - highest) for score in scores]))
        return {category: max(LOWEST, score - whole) for category, score in zip(self.categories, scores, strict=True)}


@lru_cache(1)
def kept() -> Learned:
    """What the shipped file holds; knows nothing where it was left out."""
    try:
        return Learned(KEPT.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return Learned([])


def features(text: str) -> set[str]:
    """The beginnings of the words of a text, and of neighbours, joined by a low line."""
    stems = STEM.findall(plain(text))[:MOST_WORDS]
    return {*stems, *map("_".join, pairwise(stems))}


def scale_of(found: set[str]) -> float:
    """Long messages are no surer than short ones."""
    return 1 / math.sqrt(len(found) + 1)
