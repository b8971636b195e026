"""Words and phrases of the rules, found in a text in any case form. Pure at run time; linear in the text.

A phrase is words in any order, close together. In a phrase
    `слово`      any form of the word, as pymorphy3 declines and conjugates it
    `слов*`      anything that begins so
    `=слово`     this form only
    `слово~`     the past tense of the verb only: «подавал», never «подавать» or «подаю»
    `а/б`        either
    `{group}`    any word of the group of that name
    `а … б`      further apart: up to fifteen other words between them
    `не слово`   the word with «не» before it, or with «не» and a word that «не» passes over («не могу войти»)

All forms are made when the rules are loaded, so that no dictionary need stay in memory and a word of a message costs
one look-up. A word nobody knows is tried as «не» glued to a known one («немогу»), then as it sounds («порол»,
«увидомления»), then is compared with the forms that begin or end like it: one slip is forgiven in six letters, two in
twelve. Forms that are equally near all count.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import merge

from rapidfuzz import process
from rapidfuzz.distance import OSA

from router.forms import Forms, plain

WORD = re.compile(r"[^\W_]+")
NEGATIONS = frozenset({"не", "ни", "not", "cannot", "t"})  # "can't" is read as "can", "t"
COUNTED_FROM = 3  # letters; shorter words do not part what belongs together
PASSED_OVER = 3  # words at most that one «не» passes over: «не могу сейчас больше войти»
GLUED = "не"
GLUED_FROM = 4  # letters after a glued «не», lest «неделя» be read as «не» and something
GAP = 3  # other words that may stand between the words of a phrase
FAR = "…"  # in a phrase: its words may stand further apart
FAR_GAP = 15  # about a long sentence
LONGEST_WORD = 64  # a longer one is no word of any rule, and would make the comparison dear
TYPO_FROM = 6  # letters; shorter words are too near to one another
TWO_TYPOS_FROM = 12
CYRILLIC = re.compile("[а-я]")
LATIN_LOOKALIKES = str.maketrans("aceopxykmtbh", "асеорхукмтвн")  # one slip of the keyboard, or a phisher's trick
SOUNDS_FROM = 5  # letters; «кот» sounds like «код»
SOUNDS = str.maketrans("оэеяыю", "аииииу", "ъь")  # unstressed vowels that sound alike; no signs
ENDS = 3  # letters at either end that must be right in a mistyped word; a slip cannot be at both
MEMORY = 8192  # words of messages whose meaning is kept

Sense = int  # a word of a phrase; even: as it stands, the odd one after it: negated
Meaning = tuple[frozenset[Sense], frozenset[Sense]]  # of a word in a text: as it stands, and after «не»
NOTHING: Meaning = (frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a rule: `senses` must all be found with no more than `gap` other words between them."""

    written: str
    senses: frozenset[Sense]
    gap: int


@dataclass(slots=True)
class _Index:
    """What the words of all phrases look like in a text."""

    forms: dict[str, tuple[Sense, ...]]
    prefixes: dict[str, tuple[Sense, ...]]
    lengths: tuple[int, ...]
    ends: dict[tuple[str, int], list[str]] = field(default_factory=dict)  # by either end and the length
    sounds: dict[str, list[str]] = field(default_factory=dict)  # forms by how they sound

    def note_ends(self) -> None:
        """Make ready for mistyped words."""
        for form in self.forms:
            if len(form) >= TYPO_FROM - 1:
                for end in _ends(form):
                    self.ends.setdefault((end, len(form)), []).append(form)
                self.sounds.setdefault(_sound(form), []).append(form)


class PhraseError(ValueError):
    """A phrase cannot be understood; the text says why."""


class VocabularyBuilder:
    """Collects phrases, then makes every form of their words. Keeps the dictionary no longer than it lives."""

    def __init__(
        self, groups: Mapping[str, Sequence[str]], never_typos: Iterable[str] = (), negation_passes: Iterable[str] = ()
    ) -> None:
        self._groups = groups
        self._never_typos = tuple(map(plain, never_typos))
        self._negation_passes = tuple(map(plain, negation_passes))
        self._senses: dict[frozenset[str], Sense] = {}
        self._phrases: dict[str, Phrase] = {}

    def phrase(self, written: str) -> Phrase:
        """The phrase; raises `PhraseError`."""
        if written not in self._phrases:
            words = [word for word in written.split() if word != FAR]
            gap = FAR_GAP if FAR in written else GAP
            self._phrases[written] = Phrase(written, frozenset(self._read(words)), gap)
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

    def _alternatives(self, word: str) -> Iterator[str]:
        for alternative in word.split("/"):
            if alternative.startswith("{"):
                name = alternative.strip("{}")
                if name not in self._groups:
                    raise PhraseError(f"no group is called {name!r}")
                for member in self._groups[name]:
                    yield from self._alternatives(member)
            elif not WORD.fullmatch(alternative.strip("=*~")):
                raise PhraseError(f"{alternative!r} is not one word")
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
        index = _Index(
            forms={form: same.setdefault(key := tuple(sorted(found)), key) for form, found in forms.items()},
            prefixes={prefix: tuple(sorted(found)) for prefix, found in prefixes.items()},
            lengths=tuple(sorted({len(prefix) for prefix in prefixes})),
        )
        index.note_ends()
        never_typos = frozenset(form for word in self._never_typos for form in forms_of(word))
        passes = frozenset(form for word in self._negation_passes for form in forms_of(word))
        return Vocabulary(index, self._phrases.values(), never_typos, passes)


class Vocabulary:
    """Finds the phrases of the rules in a text."""

    def __init__(
        self, index: _Index, phrases: Iterable[Phrase], never_typos: frozenset[str], negation_passes: frozenset[str]
    ) -> None:
        self._index = index
        self._never_typos = never_typos
        self._negation_passes = negation_passes
        self._single: dict[Sense, tuple[str, ...]] = {}
        self._anchored: dict[Sense, tuple[Phrase, ...]] = {}
        self._anchor(list(phrases))
        self._meanings: dict[tuple[Sense, ...], Meaning] = {(): NOTHING}  # shared by all forms of a word
        self._meaning = lru_cache(MEMORY)(self._mean)

    def _anchor(self, phrases: Sequence[Phrase]) -> None:
        """Each phrase is looked for where its rarest word stands, so that a «не» costs nothing."""
        use = Counter(sense for phrase in phrases for sense in phrase.senses)
        single: dict[Sense, list[str]] = defaultdict(list)
        anchored: dict[Sense, list[Phrase]] = defaultdict(list)
        for phrase in phrases:
            rarest = min(phrase.senses, key=lambda sense: (use[sense], sense))
            if len(phrase.senses) == 1:
                single[rarest].append(phrase.written)
            else:
                anchored[rarest].append(phrase)
        self._single = {sense: tuple(written) for sense, written in single.items()}
        self._anchored = {sense: tuple(found) for sense, found in anchored.items()}
        self._singles, self._anchors = frozenset(self._single), frozenset(self._anchored)  # quicker to meet than keys

    def find(self, *texts: str) -> set[str]:
        """The phrases, as written in the rules, that stand in one of the texts."""
        found: set[str] = set()
        for text in texts:
            if text:
                self._find(text, found)
        return found

    def _find(self, text: str, found: set[str]) -> None:
        words = self._words(text)
        present: set[Sense] = set().union(*[senses for _, senses in words])
        for sense in present & self._singles:
            found.update(self._single[sense])
        candidates = [
            phrase for sense in present & self._anchors for phrase in self._anchored[sense] if phrase.senses <= present
        ]
        if candidates:
            places = _places(words, set().union(*[phrase.senses for phrase in candidates]))
            found.update([phrase.written for phrase in candidates if _close(phrase, places)])

    def _words(self, text: str) -> list[tuple[int, frozenset[Sense]]]:
        """The words that some rule knows, and where they stand, not counting words like «в», «от», «я»."""
        meaning = self._meaning
        words = []
        negated, position = 0, 0  # words that the last «не» may still reach
        for word in WORD.findall(plain(text)):
            senses = meaning(word)[1 if negated else 0]
            if senses:
                words.append((position, senses))
            if word in NEGATIONS:
                negated = PASSED_OVER + 1
            elif negated:
                negated = negated - 1 if len(word) < COUNTED_FROM or word in self._negation_passes else 0
            if len(word) >= COUNTED_FROM:
                position += 1
        return words

    def _mean(self, word: str) -> Meaning:
        senses = self._look_up(word)
        if senses not in self._meanings:
            if len(self._meanings) > MEMORY:  # only words glued or mistyped in ever new ways make so many
                self._meanings = {(): NOTHING}
            self._meanings[senses] = (frozenset(senses), frozenset(senses).union(sense + 1 for sense in senses))
        return self._meanings[senses]

    def _look_up(self, word: str) -> tuple[Sense, ...]:
        if len(word) > LONGEST_WORD:
            return ()
        if not word.isascii() and CYRILLIC.search(word):
            word = word.translate(LATIN_LOOKALIKES)
        senses = self._exactly(word)
        if senses or len(word) < SOUNDS_FROM or word in self._never_typos:
            return senses
        return self._glued(word) or self._like_sounding(word) or self._mistyped(word)

    def _glued(self, word: str) -> tuple[Sense, ...]:
        """«неприходит»: what follows «не», as it stands and negated, and «не» itself."""
        rest = word.removeprefix(GLUED)
        if rest == word or len(rest) < GLUED_FROM:
            return ()
        senses = self._exactly(rest) or self._like_sounding(rest) or self._mistyped(rest)
        return (*self._exactly(GLUED), *senses, *(sense | 1 for sense in senses)) if senses else ()

    def _like_sounding(self, word: str) -> tuple[Sense, ...]:
        """What a writer by ear may have meant: «миня», «порол», «увидомления»."""
        if len(word) < SOUNDS_FROM:
            return ()
        return self._senses_of(self._index.sounds.get(_sound(word), ()))

    def _senses_of(self, forms: Iterable[str]) -> tuple[Sense, ...]:
        return tuple({sense: None for form in forms for sense in self._index.forms[form]})

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
        if len(word) < TYPO_FROM:
            return ()
        slips = 2 if len(word) >= TWO_TYPOS_FROM else 1
        like: list[str] = []
        for end in _ends(word):
            for length in range(len(word) - slips, len(word) + slips + 1):
                like += self._index.ends.get((end, length), ())
        near = process.extract(word, like, scorer=OSA.distance, score_cutoff=slips, limit=None)  # the nearest first
        return self._senses_of(form for form, distance, _ in near if distance == near[0][1])

    def sizes(self) -> dict[str, int]:
        """How many forms and prefixes are known, for the measurements."""
        return {"forms": len(self._index.forms), "prefixes": len(self._index.prefixes)}


def _ends(word: str) -> tuple[str, str]:
    return word[:ENDS], word[0] + word[-ENDS:]


def _sound(word: str) -> str:
    """The word as it is heard, roughly."""
    return word.translate(SOUNDS).replace("тс", "ц")


def _places(words: Iterable[tuple[int, frozenset[Sense]]], needed: set[Sense]) -> dict[Sense, list[int]]:
    """Where each sense that is needed stands."""
    places: dict[Sense, list[int]] = {}
    for position, senses in words:
        for sense in senses & needed:
            places.setdefault(sense, []).append(position)
    return places


def _close(phrase: Phrase, places: Mapping[Sense, Sequence[int]]) -> bool:
    """Do all words of the phrase stand within its length and its gap, somewhere? Linear in the places."""
    reach = len(phrase.senses) + phrase.gap
    where = [places[sense] for sense in phrase.senses]
    if max(map(len, where)) == 1:  # nearly always
        once = [place[0] for place in where]
        return max(once) - min(once) < reach
    seen: dict[Sense, int] = {}
    for position, sense in merge(*([(position, sense) for position in places[sense]] for sense in phrase.senses)):
        seen[sense] = position
        if len(seen) == len(phrase.senses) and position - min(seen.values()) < reach:
            return True
    return False
