"""What one word of a text may mean, as citizens write it. Pure; the cost is bounded by the length of a word.

A word nobody knows is tried, in this order, as «не» glued to a known one («немогу»), as it sounds («порол»,
«увидомления»), with a slip in it (one is forgiven in six letters, two in twelve; forms that are equally near all
count), as known words run together («меняобманули»), and, where it is Latin, as Russian in Latin letters («parol»).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rapidfuzz import process
from rapidfuzz.distance import OSA

GLUED = "не"
GLUED_FROM = 4  # letters after a glued «не», lest «неделя» be read as «не» and something
LONGEST_WORD = 64  # a longer one is no word of any rule, and would make the comparison dear
TYPO_FROM = 6  # letters; shorter words are too near to one another
TWO_TYPOS_FROM = 12
CYRILLIC = re.compile("[а-я]")
LATIN_LOOKALIKES = str.maketrans("aceopxykmtbh", "асеорхукмтвн")  # one slip of the keyboard, or a phisher's trick
DIGIT_LOOKALIKES = str.maketrans("0346", "озчб")
SOUNDS_FROM = 5  # letters; «кот» sounds like «код»
SOUNDS = str.maketrans("оэеяыю", "аииииу", "ъь")  # unstressed vowels that sound alike; no signs
ENDS = 3  # letters at either end that must be right in a mistyped word; a slip cannot be at both
RUN_FROM = 8  # letters of words that are run together
PART_FROM = 4  # letters of each of them; shorter ones are found by chance («дом» and «офон»)
LATIN_FROM = 3  # letters of Russian in Latin ones; "on" and "to" are English
LATIN = re.compile("shch|sch|sh|ch|zh|kh|ts|[yj][uaoe]|[a-z]")
Y_AFTER_A_VOWEL = re.compile("(?<=[aeiou])y(?![uaoe])")  # «moy» is «мой», «vy» is «вы»
RUSSIAN = dict(zip("abvgdezijklmnoprstufhcywxq", "абвгдезийклмнопрстуфхцывхк", strict=True)) | {
    "shch": "щ", "sch": "щ", "sh": "ш", "ch": "ч", "zh": "ж", "kh": "х", "ts": "ц", "yu": "ю", "ya": "я", "yo": "е",
    "ye": "е", "ju": "ю", "ja": "я", "jo": "е", "je": "е",
}  # fmt: skip
ENGLISH_KEYS, RUSSIAN_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`", "йцукенгшщзхъфывапролджэячсмитьбюе"
LAYOUT = str.maketrans(ENGLISH_KEYS, RUSSIAN_KEYS)  # «ghbdtn» is «привет» on the other keyboard

Sense = int  # a word of a phrase; even: as it stands, the odd one after it: negated


@dataclass(slots=True)
class Words:
    """The words of all phrases, and the senses of whatever stands in a text."""

    forms: Mapping[str, tuple[Sense, ...]]
    prefixes: Mapping[str, tuple[Sense, ...]]
    never_typos: frozenset[str]
    _lengths: tuple[int, ...] = ()
    _ends: dict[tuple[str, int], list[str]] = field(default_factory=dict)  # by either end and the length
    _sounds: dict[str, list[str]] = field(default_factory=dict)  # forms by how they sound

    def __post_init__(self) -> None:
        self._lengths = tuple(sorted({len(prefix) for prefix in self.prefixes}))
        for form in self.forms:
            if len(form) >= TYPO_FROM - 1:
                for end in _ends(form):
                    self._ends.setdefault((end, len(form)), []).append(form)
                self._sounds.setdefault(_sound(form), []).append(form)

    def senses(self, word: str) -> tuple[Sense, ...]:
        """The senses of a word in the plain form of `router.forms.plain`; none where nothing is near."""
        if len(word) > LONGEST_WORD:
            return ()
        latin = word.isascii()
        if not latin and CYRILLIC.search(word):
            word = word.translate(LATIN_LOOKALIKES)
        senses = self._exactly(word)
        if senses or word in self.never_typos or word.isdecimal():
            return senses
        if latin:
            word = _russian(word)
            return self._exactly(word) or self._nearly(word) if len(word) >= LATIN_FROM else ()
        return self._nearly(word) or self._with_digits(word)

    def _nearly(self, word: str) -> tuple[Sense, ...]:
        if len(word) < SOUNDS_FROM:
            return ()
        return self._glued(word) or self._like_sounding(word) or self._mistyped(word) or self._run_together(word)

    def _exactly(self, word: str) -> tuple[Sense, ...]:
        senses = self.forms.get(word, ())
        for length in self._lengths:
            if length > len(word):
                break
            senses += self.prefixes.get(word[:length], ())
        return senses

    def _glued(self, word: str) -> tuple[Sense, ...]:
        """«неприходит»: what follows «не», as it stands and negated, and «не» itself."""
        rest = word.removeprefix(GLUED)
        if rest == word or len(rest) < GLUED_FROM:
            return ()
        senses = self._exactly(rest) or self._like_sounding(rest) or self._mistyped(rest)
        return (*self._exactly(GLUED), *senses, *(sense | 1 for sense in senses)) if senses else ()

    def _like_sounding(self, word: str) -> tuple[Sense, ...]:
        """What a writer by ear may have meant: «миня», «порол», «увидомления»."""
        return self._of(self._sounds.get(_sound(word), ())) if len(word) >= SOUNDS_FROM else ()

    def _of(self, forms: Iterable[str]) -> tuple[Sense, ...]:
        return tuple({sense: None for form in forms for sense in self.forms[form]})

    def _mistyped(self, word: str) -> tuple[Sense, ...]:
        """What the word may be with a slip in it. The first letter must be right: «король» is no password."""
        if len(word) < TYPO_FROM:
            return ()
        slips = 2 if len(word) >= TWO_TYPOS_FROM else 1
        like: list[str] = []
        for end in _ends(word):
            for length in range(len(word) - slips, len(word) + slips + 1):
                like += self._ends.get((end, length), ())
        near = process.extract(word, like, scorer=OSA.distance, score_cutoff=slips, limit=None)  # the nearest first
        return self._of(form for form, distance, _ in near if distance == near[0][1])

    def _run_together(self, word: str) -> tuple[Sense, ...]:
        """«меняобманули»: the senses of all words that it is made of, where it is made of nothing else."""
        if len(word) < RUN_FROM:
            return ()
        parts: list[tuple[Sense, ...] | None] = [None] * len(word) + [()]  # of what begins at each letter
        for start in range(len(word) - 1, -1, -1):
            for end in range(start + PART_FROM, len(word) + 1):
                rest = parts[end]
                if rest is not None and (first := self.forms.get(word[start:end])):
                    parts[start] = first + rest
                    break
            if parts[start] is None and word.startswith(GLUED, start) and (rest := parts[start + len(GLUED)]):
                parts[start] = rest + tuple(sense | 1 for sense in rest)
        return tuple(dict.fromkeys(parts[0] or ()))

    def _with_digits(self, word: str) -> tuple[Sense, ...]:
        """«м0шенники», «6анк»: digits that look like letters."""
        return self._exactly(word.translate(DIGIT_LOOKALIKES)) if not word.isalpha() else ()


def other_layout(text: str) -> str:
    """What was typed with the keyboard switched to English."""
    return text.translate(LAYOUT)


def _ends(word: str) -> tuple[str, str]:
    return word[:ENDS], word[0] + word[-ENDS:]


def _sound(word: str) -> str:
    """The word as it is heard, roughly."""
    return word.translate(SOUNDS).replace("тс", "ц")


def _russian(word: str) -> str:
    """A word in Latin letters, read as Russian. Several systems are in use; what is heard decides among them."""
    return LATIN.sub(lambda found: RUSSIAN[found[0]], Y_AFTER_A_VOWEL.sub("j", word))
