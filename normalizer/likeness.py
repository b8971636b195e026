"""Whether a citizen says nearly the same again.

Two texts are alike when one holds all that the other says: the same words in about the same order, whatever stands
around them (greetings, signatures, dates, sums, «до сих пор», another sentence). As soon as each has a word that the
other lacks, they are two problems: «не приходит СМС» is not «не приходит письмо». Wrongly joined requests are worse
than a request asked twice, so a doubt counts against.

There is no index over texts: a citizen's text is compared with his own latest ones, so the cost does not grow with the
number of tickets.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz.distance import OSA, LCSseq

from normalizer.common_words import CLOSINGS, FILLERS, NEGATIONS

LEAST_WORDS = 6  # fewer meaningful words say too little to be known again
_MOST_TYPOS = 5  # mistyped words in a text that is still the same
_MOST_WORDS = 400  # of a text that are compared; who repeats himself does so from the beginning
_MOST_CHARACTERS = 8_000
_LEAST_SHARE = 0.4  # of the longer text that the shorter must cover: a sentence more, not another letter around it
_LEAST_ORDER = 0.5  # of the shorter text's words that stand in the same order in the longer: clauses change places

_NOISE = re.compile(r"https?://\S{1,500}|[\w.+-]{1,64}@[\w.-]{1,255}|<[^<>]{0,300}>")
_WORD = re.compile(r"[^\W\d_]+")
_ENDING = re.compile(
    r"(?:иями|ями|ами|иях|иям|его|ого|ему|ому|ыми|ими|ях|ах|ям|ам|ов|ев|ей|ой|ый|ий|ая|яя|ое|ее|ые|ие|ую|юю|ом|ем|ых|их|"
    r"ия|ию|ии|ью|[аеиоуыэюяьй]|(?<=[^s])s|(?<=[a-z]{4})(?:ing|ed))\Z"
)


def content_words(text: str) -> str | None:
    """The meaningful words of a text, reduced to what their forms share, with spaces between: what the ledger keeps
    to compare. None when they are too few to be known again.
    """
    words = _words(text)
    return " ".join(words) if len(words) >= LEAST_WORDS else None


def same(one: str, other: str) -> bool:
    """Whether one text says what the other says. Symmetric; never raises; bounded for texts of any length."""
    return same_words(" ".join(_words(one)), " ".join(_words(other)))


def same_words(one: str, other: str) -> bool:
    """`same` for what `content_words` gave of two texts."""
    shorter, longer = sorted((one.split(), other.split()), key=lambda words: (len(words), words))
    if len(shorter) < LEAST_WORDS or len(shorter) < _LEAST_SHARE * len(longer):
        return False
    only_shorter, only_longer = set(shorter) - set(longer), set(longer) - set(shorter)
    if min(len(only_shorter), len(only_longer)) > _MOST_TYPOS:
        return False  # another text: most comparisons end here, before words are held against words
    renamed = _typos(only_shorter, only_longer)
    only_longer -= set(renamed.values())
    only_shorter -= set(renamed)
    if only_shorter and only_longer:
        return False
    aligned = [renamed.get(word, word) for word in shorter]
    return LCSseq.similarity(aligned, longer) >= _LEAST_ORDER * len(aligned)


def _words(text: str) -> list[str]:
    """The meaningful words in order, shortened to what their forms share; «не приходит» is one word, `не_приходит`."""
    plain = text[:_MOST_CHARACTERS].lower().replace("ё", "е").replace("\u00ad", "")
    plain = plain.replace("’", "'").replace("n't", " not")
    closing = CLOSINGS.search(plain)
    if closing:
        plain = plain[: closing.start()]
    words: list[str] = []
    negated = ""
    for word in _WORD.findall(_NOISE.sub(" ", plain)):
        if word in NEGATIONS:
            negated = "не_"
        elif len(word) > 1 and word not in FILLERS:
            words.append(negated + _stem(word))
            negated = ""
    return words[:_MOST_WORDS]


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    """The word without its ending, where enough of it remains."""
    return _ENDING.sub("", word) if len(word) > 4 else word


def _typos(some: set[str], others: set[str]) -> dict[str, str]:
    """Which word of `others` each of `some` was meant to be."""
    found: dict[str, str] = {}
    free = sorted(others)
    for word in sorted(some)[:50]:
        match = next((candidate for candidate in free if _is_typo(word, candidate)), None)
        if match:
            free.remove(match)
            found[word] = match
    return found


def _is_typo(one: str, other: str) -> bool:
    """One slip in a longer word; not at its beginning, where «включить» and «выключить» differ."""
    if one.startswith("не_") and other.startswith("не_"):
        one, other = one[3:], other[3:]
    if min(len(one), len(other)) < 5 or one[:2] != other[:2]:
        return False
    allowed = 2 if min(len(one), len(other)) >= 10 else 1
    return OSA.distance(one, other, score_cutoff=allowed) <= allowed
