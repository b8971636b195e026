"""Words and phrases of the rules, found in a text in any case form. Pure at run time; linear in the text.

A phrase is words in any order, close together. In a phrase
    `слово`      any form of the word, as pymorphy3 declines and conjugates it
    `слов*`      anything that begins so
    `=слово`     this form only
    `а/б`        either
    `{group}`    any word of the group of that name
    `не слово`   the word with «не» right before it, or one word between

All forms are made when the rules are loaded, so that the dictionary (about 30 MB) need not stay in memory and a word
of a message costs one look-up. A word nobody knows is compared with the forms that begin or end like it: one slip
is forgiven in six letters, two in twelve.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import merge
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

WORD = re.compile(r"[^\W_]+")
NEGATIONS = frozenset({"не", "ни", "not", "cannot", "t"})  # "can't" is read as "can", "t"
COUNTED_FROM = 3  # letters; shorter words do not part what belongs together
NEGATION_REACHES = 2  # words; «не очень помогли», «не могу войти»
GAP = 3  # other words that may stand between the words of a phrase
LONGEST_WORD = 64  # a longer one is no word of any rule, and would make the comparison dear
TYPO_FROM = 6  # letters; shorter words are too near to one another
TWO_TYPOS_FROM = 12
ENDS = 3  # letters at either end that must be right in a mistyped word; a slip cannot be at both
MEMORY = 8192  # words of messages whose meaning is kept

Sense = int  # a word of a phrase; even: as it stands, the odd one after it: negated


def plain(text: str) -> str:
    """The text as words are compared: case folded, ё as е, accents that people type over vowels left out."""
    return text.casefold().replace("ё", "е").replace("\u0301", "").replace("\u00ad", "")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a rule: `senses` must all be found close together."""

    written: str
    senses: tuple[Sense, ...]


@dataclass(slots=True)
class _Index:
    """What the words of all phrases look like in a text."""

    forms: dict[str, tuple[Sense, ...]]
    prefixes: dict[str, tuple[Sense, ...]]
    lengths: tuple[int, ...]
    ends: dict[tuple[str, int], list[str]] = field(default_factory=dict)  # by either end and the length

    def note_ends(self) -> None:
        """Make ready for mistyped words."""
        for form in self.forms:
            if len(form) >= TYPO_FROM - 1:
                for end in _ends(form):
                    self.ends.setdefault((end, len(form)), []).append(form)


class PhraseError(ValueError):
    """A phrase cannot be understood; the text says why."""


class VocabularyBuilder:
    """Collects phrases, then makes every form of their words. Keeps the dictionary no longer than it lives."""

    def __init__(self, groups: Mapping[str, Sequence[str]], never_typos: Iterable[str] = ()) -> None:
        self._groups = groups
        self._never_typos = tuple(map(plain, never_typos))
        self._senses: dict[frozenset[str], Sense] = {}
        self._phrases: dict[str, Phrase] = {}
        self._made: dict[str, set[str]] = {}
        self._morph: Any = None

    def phrase(self, written: str) -> Phrase:
        """The phrase; raises `PhraseError`."""
        if written not in self._phrases:
            self._phrases[written] = Phrase(written, tuple(dict.fromkeys(self._read(written))))
        return self._phrases[written]

    def _read(self, written: str) -> Iterator[Sense]:
        negated = False
        words = written.split()
        if not words:
            raise PhraseError("an empty phrase")
        for number, word in enumerate(words, 1):
            if plain(word) == "не" and number < len(words):
                negated = True
                continue
            yield self._sense(frozenset(self._alternatives(word))) + negated
            negated = False

    def _alternatives(self, word: str) -> Iterator[str]:
        for alternative in word.split("/"):
            if alternative.startswith("{"):
                name = alternative.strip("{}")
                if name not in self._groups:
                    raise PhraseError(f"no group is called {name!r}")
                for member in self._groups[name]:
                    yield from self._alternatives(member)
            elif not WORD.fullmatch(alternative.strip("=*")):
                raise PhraseError(f"{alternative!r} is not one word")
            else:
                yield plain(alternative)

    def _sense(self, alternatives: frozenset[str]) -> Sense:
        return self._senses.setdefault(alternatives, 2 * len(self._senses))

    def build(self) -> Vocabulary:
        """The vocabulary of all phrases asked for so far."""
        forms: dict[str, set[Sense]] = defaultdict(set)
        prefixes: dict[str, set[Sense]] = defaultdict(set)
        for alternatives, sense in self._senses.items():
            for word in alternatives:
                if word.endswith("*"):
                    prefixes[word[:-1]].add(sense)
                else:
                    for form in self._forms(word):
                        forms[form].add(sense)
        same: dict[tuple[Sense, ...], tuple[Sense, ...]] = {}  # forms of one word share one tuple: 3 MB less
        index = _Index(
            forms={form: same.setdefault(key := tuple(sorted(senses)), key) for form, senses in forms.items()},
            prefixes={prefix: tuple(sorted(senses)) for prefix, senses in prefixes.items()},
            lengths=tuple(sorted({len(prefix) for prefix in prefixes})),
        )
        index.note_ends()
        never_typos = frozenset(form for word in self._never_typos for form in self._forms(word))
        self._morph = None
        return Vocabulary(index, self._phrases.values(), never_typos)

    def _forms(self, word: str) -> set[str]:
        """Every form of the word. A word stands in three phrases on average, and its forms are slow to make."""
        if word not in self._made:
            self._made[word] = self._make_forms(word)
        return self._made[word]

    def _make_forms(self, word: str) -> set[str]:
        if word.startswith("="):
            return {word[1:]}
        if word.isascii() or len(word) < 3:
            return {word}
        if self._morph is None:
            from pymorphy3.analyzer import MorphAnalyzer  # 0.15 s and 30 MB, given back when the forms are made

            make: Callable[[], Any] = MorphAnalyzer
            self._morph = make()
        parses = self._morph.parse(word)
        likely = [parse for parse in parses if parse.score >= 0.2] or parses[:1]
        return {plain(form.word) for parse in likely for form in parse.lexeme} | {word}


class Vocabulary:
    """Finds the phrases of the rules in a text."""

    def __init__(self, index: _Index, phrases: Iterable[Phrase], never_typos: frozenset[str]) -> None:
        self._index = index
        self._never_typos = never_typos
        self._single: dict[Sense, tuple[str, ...]] = {}
        self._anchored: dict[Sense, dict[Sense, list[Phrase]]] = {}
        self._anchor(list(phrases))
        self._meaning = lru_cache(MEMORY)(self._look_up)

    def _anchor(self, phrases: Sequence[Phrase]) -> None:
        """Each phrase is looked for where its rarest word stands, so that a «не» costs nothing."""
        use = Counter(sense for phrase in phrases for sense in phrase.senses)
        single: dict[Sense, list[str]] = defaultdict(list)
        anchored: dict[Sense, dict[Sense, list[Phrase]]] = defaultdict(lambda: defaultdict(list))
        for phrase in phrases:
            if len(phrase.senses) == 1:
                single[phrase.senses[0]].append(phrase.written)
            else:
                rarest, second, *_ = sorted(phrase.senses, key=lambda sense: use[sense])
                anchored[rarest][second].append(phrase)
        self._single = {sense: tuple(written) for sense, written in single.items()}
        self._anchored = {sense: dict(found) for sense, found in anchored.items()}

    def find(self, *texts: str) -> set[str]:
        """The phrases, as written in the rules, that stand in one of the texts."""
        found: set[str] = set()
        for text in texts:
            if text:
                self._find(text, found)
        return found

    def _find(self, text: str, found: set[str]) -> None:
        places = self._places(text)
        present = places.keys()
        for sense in present & self._single.keys():
            found.update(self._single[sense])
        for rarest in present & self._anchored.keys():
            beside = self._anchored[rarest]
            for second in present & beside.keys():
                for phrase in beside[second]:
                    if all(other in places for other in phrase.senses) and _close(phrase, places):
                        found.add(phrase.written)

    def _places(self, text: str) -> dict[Sense, list[int]]:
        """Where each word of the rules stands, counted in words but for those like «в», «от», «я»."""
        meaning = self._meaning
        places: dict[Sense, list[int]] = {}
        last_negation, position = -9, 0
        for number, word in enumerate(WORD.findall(plain(text))):
            if word in NEGATIONS:
                last_negation = number
            senses = meaning(word)
            for sense in senses:
                places.setdefault(sense, []).append(position)
                if 0 < number - last_negation <= NEGATION_REACHES:
                    places.setdefault(sense + 1, []).append(position)
            if len(word) >= COUNTED_FROM:
                position += 1
        return places

    def _look_up(self, word: str) -> tuple[Sense, ...]:
        if len(word) > LONGEST_WORD:
            return ()
        senses = self._exactly(word)
        if senses or len(word) < TYPO_FROM or word in self._never_typos:
            return senses
        return self._mistyped(word)

    def _exactly(self, word: str) -> tuple[Sense, ...]:
        index = self._index
        senses = index.forms.get(word, ())
        for length in index.lengths:
            if length > len(word):
                break
            senses += index.prefixes.get(word[:length], ())
        return senses

    def _mistyped(self, word: str) -> tuple[Sense, ...]:
        """What the word may be with a slip in it. The first letter must be right: «король» is no password."""
        slips = 2 if len(word) >= TWO_TYPOS_FROM else 1
        like: list[str] = []
        for end in _ends(word):
            for length in range(len(word) - slips, len(word) + slips + 1):
                like += self._index.ends.get((end, length), ())
        best = process.extractOne(word, like, scorer=OSA.distance, score_cutoff=slips)
        return self._index.forms[best[0]] if best is not None else ()

    def sizes(self) -> dict[str, int]:
        """How many forms and prefixes are known, for the measurements."""
        return {"forms": len(self._index.forms), "prefixes": len(self._index.prefixes)}


def _ends(word: str) -> tuple[str, str]:
    return word[:ENDS], word[0] + word[-ENDS:]


def _close(phrase: Phrase, places: Mapping[Sense, Sequence[int]]) -> bool:
    """Do all words of the phrase stand within its length and `GAP` words more, somewhere? Linear in the places."""
    reach = len(phrase.senses) + GAP
    if all(len(places[sense]) == 1 for sense in phrase.senses):  # nearly always
        once = [places[sense][0] for sense in phrase.senses]
        return max(once) - min(once) < reach
    seen: dict[Sense, int] = {}
    for position, sense in merge(*([(position, sense) for position in places[sense]] for sense in phrase.senses)):
        seen[sense] = position
        if len(seen) == len(phrase.senses) and position - min(seen.values()) < reach:
            return True
    return False
