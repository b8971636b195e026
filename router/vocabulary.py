"""Words and phrases of the rules, found in a text in any case form. Pure at run time; linear in the text.

A phrase is words in any order, close together. In a phrase
    `слово`      any form of the word, as pymorphy3 declines and conjugates it
    `слов*`      anything that begins so
    `=слово`     this form only
    `слово~`     the past tense of the verb only: «подавал», never «подавать» or «подаю»
    `а/б`        either
    `{group}`    any word of the group of that name
    `а … б`      further apart: up to fifteen other words between them
    `не слово`   the word with «не» before it, or with «не» and a word that «не» passes over («не могу войти»),
                 in one sentence

All forms are made when the rules are loaded, so that no dictionary need stay in memory and a word of a message costs
one look-up; `router.words` says what an unknown word may be.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_

from router.forms import Forms, plain
from router.words import Sense, Words, other_layout

WORD = re.compile(r"[^\W_]+")
_WORD_OR_END = re.compile(r"[^\W_]+|[.!?;](?=\s)")  # of a sentence
WRITTEN = re.compile(r"=?[^\W_]+[*~]?")  # a word of a phrase, and of a group
GROUP = re.compile(r"\{[^{}]+\}")
NEGATIONS = frozenset({"не", "ни", "ne", "not", "cannot", "t"})  # "can't" is read as "can", "t"
COUNTED_FROM = 3  # letters; shorter words do not part what belongs together
PASSED_OVER = 3  # words at most that one «не» passes over: «не могу сейчас больше войти»
GAP = 3  # other words that may stand between the words of a phrase
FAR = "…"  # in a phrase: its words may stand further apart
FAR_GAP = 15  # about a long sentence
STRETCH = 32  # words known to some rule that are looked at together
OVERLAP = 48  # known words before and after them that a phrase can reach over, and more
MEMORY = 8192  # words of messages whose meaning is kept
MANY = 20  # forms that a word of which only the beginning is given counts for
FOREIGN = 3  # a Latin text of which not one word in so many is known may be typed on the other keyboard


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a rule: `senses` must all be found among no more than `reach` words in a row."""

    written: str
    senses: frozenset[Sense]
    reach: int


class PhraseError(ValueError):
    """A phrase cannot be understood; the text says why."""


class Meaning:
    """What a word of a text means to the rules. Compared by identity: all forms of a word share one."""

    __slots__ = ("anchored", "mask", "singles")

    def __init__(self, mask: int, singles: tuple[str, ...], anchored: tuple[tuple[int, Phrase], ...]) -> None:
        self.mask = mask  # a bit for each of its senses that phrases anchored at other words need
        self.singles = singles  # phrases of this one word
        self.anchored = anchored  # phrases that are looked for where this word stands, and what else they need


NOTHING = Meaning(0, (), ())


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a word: what it means as it stands and after «не»; is it a «не», or passed over by one?"""

    as_it_stands: Meaning
    negated: Meaning
    negates: bool
    passes: bool


class VocabularyBuilder:
    """Collects phrases, then makes every form of their words. Keeps the dictionary no longer than it lives."""

    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        never_typos: Iterable[str] = (),
        negation_passes: Iterable[str] = (),
        one_word: Iterable[str] = (),
    ) -> None:
        self._groups = groups
        self._one_word = tuple(map(_halves, one_word))
        self._never_typos = tuple(map(plain, never_typos))
        self._negation_passes = tuple(map(plain, negation_passes))
        self._senses: dict[frozenset[str], Sense] = {}
        self._phrases: dict[str, Phrase] = {}

    def phrase(self, written: str) -> Phrase:
        """The phrase; raises `PhraseError`."""
        if written not in self._phrases:
            words = [word for word in written.split() if word != FAR]
            gap = FAR_GAP if FAR in written else GAP
            senses = frozenset(self._read(words))
            self._phrases[written] = Phrase(written, senses, len(senses) + gap)
        return self._phrases[written]

    def _read(self, words: Sequence[str]) -> Iterator[Sense]:
        negated = False
        if not words:
            raise PhraseError("an empty phrase")
        for number, word in enumerate(words, 1):
            if plain(word) == "не" and number < len(words):
                negated = True
                continue
            yield self._sense(frozenset(self._alternatives(word))) + negated
            negated = False

    def check_group(self, name: str) -> None:
        """Raises `PhraseError` when a group cannot be used: a word is none, or it names itself or no group."""
        for member in self._groups[name]:
            for _ in self._alternatives(member, within=(name,)):
                pass

    def _alternatives(self, word: str, within: tuple[str, ...] = ()) -> Iterator[str]:
        for alternative in word.split("/"):
            if GROUP.fullmatch(alternative):
                name = alternative[1:-1]
                if name not in self._groups:
                    raise PhraseError(f"no group is called {name!r}")
                if name in within:
                    raise PhraseError(f"the group {name!r} names itself")
                for member in self._groups[name]:
                    yield from self._alternatives(member, (*within, name))
            elif not WRITTEN.fullmatch(alternative):
                raise PhraseError(_no_word(alternative))
            else:
                yield plain(alternative)

    def _sense(self, alternatives: frozenset[str]) -> Sense:
        return self._senses.setdefault(alternatives, 2 * len(self._senses))

    def words(self) -> set[str]:
        """Every word, as written, whose forms the vocabulary needs."""
        in_phrases = {word for alternatives in self._senses for word in alternatives if not word.endswith("*")}
        return in_phrases.union(self._never_typos, self._negation_passes)

    def build(self) -> Vocabulary:
        """The vocabulary of all phrases asked for so far."""
        forms_of = Forms().of
        forms: dict[str, set[Sense]] = defaultdict(set)
        prefixes: dict[str, set[Sense]] = defaultdict(set)
        used: dict[str, list[Sense]] = defaultdict(list)
        for alternatives, sense in self._senses.items():
            for word in alternatives:
                used[word].append(sense)
        for word, senses in used.items():
            if word.endswith("*"):
                prefixes[word[:-1]].update(senses)
            else:
                for form in forms_of(word):
                    forms[form].update(senses)
        same: dict[tuple[Sense, ...], tuple[Sense, ...]] = {}  # forms of one word share one tuple: 3 MB less
        words = Words(
            forms={form: same.setdefault(key := tuple(sorted(found)), key) for form, found in forms.items()},
            prefixes={prefix: tuple(sorted(found)) for prefix, found in prefixes.items()},
            never_typos=frozenset(form for word in self._never_typos for form in forms_of(word)),
        )
        passes = frozenset(form for word in self._negation_passes for form in forms_of(word))
        return Vocabulary(words, self._phrases.values(), passes, self._one_word)


class Vocabulary:
    """Finds the phrases of the rules in a text."""

    def __init__(
        self,
        words: Words,
        phrases: Iterable[Phrase],
        negation_passes: frozenset[str],
        one_word: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._words = words
        self._apart = [(first, re.compile(rf"(?<!\w){first}[ -]+(?={rest})")) for first, rest in one_word]
        self._negation_passes = negation_passes
        self._single: dict[Sense, list[str]] = defaultdict(list)
        self._anchored: dict[Sense, list[tuple[int, Phrase]]] = defaultdict(list)
        self._bits: dict[Sense, int] = {}
        self._anchor(list(phrases))
        self._meanings: dict[tuple[Sense, ...], Meaning] = {(): NOTHING}
        self._known = lru_cache(MEMORY)(self._know)

    def _anchor(self, phrases: Sequence[Phrase]) -> None:
        """Each phrase is looked for where its rarest word stands, so that «на» or «код» costs nothing."""
        use: dict[Sense, float] = defaultdict(float)
        for form, senses in self._words.forms.items():
            often = _frequency(form)
            for sense in senses:
                use[sense] += often
        for prefix, senses in self._words.prefixes.items():
            often = MANY * _frequency(prefix)
            for sense in senses:
                use[sense] += often
        for phrase in phrases:
            if len(phrase.senses) == 1:
                self._single[next(iter(phrase.senses))].append(phrase.written)

        def common(sense: Sense) -> tuple[float, Sense]:
            return use[sense & ~1] / (1 + 3 * (sense & 1)), sense  # a word after «не» is rarer than the same without

        several = [phrase for phrase in phrases if len(phrase.senses) > 1]
        others = {phrase: phrase.senses - {min(phrase.senses, key=common)} for phrase in several}
        # The commonest words have the lowest bits, so that the masks are short numbers.
        in_order = sorted({sense for senses in others.values() for sense in senses}, key=common, reverse=True)
        self._bits = {sense: 1 << number for number, sense in enumerate(in_order)}
        for phrase in several:
            (rarest,) = phrase.senses - others[phrase]
            self._anchored[rarest].append((sum(self._bits[sense] for sense in others[phrase]), phrase))

    def find(self, *texts: str) -> set[str]:
        """The phrases, as written in the rules, that stand in one of the texts."""
        found: set[str] = set()
        for text in texts:
            if text:
                self._find(text, found)
        return found

    def _find(self, text: str, found: set[str]) -> None:
        words = self._read(text)
        if len(words) * FOREIGN < text.count(" ") + 1 and text.isascii():
            words = self._read(other_layout(text.lower())) or words
        places = [place for place, _ in words]
        masks = [meaning.mask for _, meaning in words]
        for start in range(0, len(words), STRETCH):
            # Of what may stand near, few phrases have all their words, and only they need a closer look.
            near = reduce(or_, masks[max(0, start - OVERLAP) : start + STRETCH + OVERLAP], 0)
            for place, meaning in words[start : start + STRETCH]:
                if meaning.singles:
                    found.update(meaning.singles)
                for mask, phrase in meaning.anchored:
                    if mask & near != mask or phrase.written in found:
                        continue
                    if _close(places, masks, place, mask, phrase.reach):
                        found.add(phrase.written)

    def _read(self, text: str) -> list[tuple[int, Meaning]]:
        """The words that some rule knows, and where they stand, not counting words like «в», «от», «я»."""
        known = self._known
        words = []
        negated, position = 0, 0  # words that the last «не» may still reach
        text = plain(text)
        for first, apart in self._apart:
            if first in text:
                text = apart.sub(first, text)
        for word in _WORD_OR_END.findall(text):
            if word in ".!?;":  # «Код не приходит. Мой номер …»: «не» reaches no further
                negated = 0
                continue
            what = known(word)
            meaning = what.negated if negated else what.as_it_stands
            if meaning is not NOTHING:
                words.append((position, meaning))
            if what.negates:
                negated = PASSED_OVER + 1
            elif negated:
                negated = negated - 1 if what.passes else 0
            if len(word) >= COUNTED_FROM:
                position += 1
        return words

    def _know(self, word: str) -> Known:
        senses = self._words.senses(word)
        passes = len(word) < COUNTED_FROM or word in self._negation_passes
        negated = tuple(sorted({*senses, *(sense | 1 for sense in senses)}))
        return Known(self._meaning(senses), self._meaning(negated), word in NEGATIONS, passes)

    def _meaning(self, senses: tuple[Sense, ...]) -> Meaning:
        found = self._meanings.get(senses)
        if found is None:
            if len(self._meanings) > MEMORY:  # only words run together or mistyped in ever new ways make so many
                self._meanings = {(): NOTHING}
            found = self._meanings[senses] = Meaning(
                sum({self._bits[sense] for sense in senses if sense in self._bits}),
                tuple(written for sense in senses for written in self._single.get(sense, ())),
                tuple(anchored for sense in senses for anchored in self._anchored.get(sense, ())),
            )
        return found

    def sizes(self) -> dict[str, int]:
        """How many forms and prefixes are known, for the measurements."""
        return {"forms": len(self._words.forms), "prefixes": len(self._words.prefixes)}


def _halves(written: str) -> tuple[str, str]:
    """The first word, and the beginning of the second, of what people write apart. Raises `PhraseError`."""
    halves = plain(written).split()
    if len(halves) != 2 or not all(map(WORD.fullmatch, halves)):
        raise PhraseError(f"{written!r} is not two words, or the second one's beginning")
    return halves[0], halves[1]


def _no_word(written: str) -> str:
    """Why that is no word of a phrase, and what may be meant."""
    if not written:
        return "a word is missing beside the /, which takes no blanks"
    if written.startswith("{"):
        return f"{written!r} is not one word; a group is written {{name}}"
    if ".." in written:
        return f"{written!r} is not one word; further apart is written {FAR}"
    parts = WORD.findall(written)
    meant = f"; write {' '.join(parts)}" if parts else ""
    return f"{written!r} is not one word{meant}"


def _frequency(form: str) -> float:
    """How often a word of so many letters is met, roughly: the short ones make up most of a text."""
    return max(1.0, 4.0 ** (6 - len(form)))


def _close(places: Sequence[int], masks: Sequence[int], here: int, mask: int, reach: int) -> bool:
    """Do a phrase's other words, in `mask`, stand close enough to the one at the place `here` and to one another?"""
    first, last = bisect_right(places, here - reach), bisect_left(places, here + reach)
    if reduce(or_, masks[first:last], 0) & mask != mask:
        return False
    if mask.bit_count() == 1:
        return True
    spans = (
        masks[start : bisect_left(places, places[start] + reach)]
        for start in range(first, bisect_right(places, here, first, last))
    )
    return any(reduce(or_, span) & mask == mask for span in spans)
