"""All forms of a Russian word, as pymorphy3 declines and conjugates it.

Asking pymorphy3 for the words of the shipped rules takes most of a second at every start. Their forms are kept in
`router/forms.txt`, which is made by `python -m router.forms` and which a test keeps in step with `config/routing.toml`;
a word that is not in it (an administrator's own) is asked of pymorphy3, and only then is the dictionary loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("forms.txt")
PARTICIPLES = frozenset({"PRTF", "PRTS"})
SHORTEST = 3  # letters of a word that has forms
SURE = 0.2  # a reading of an ambiguous word counts from this probability on; below it, only the likeliest


def plain(text: str) -> str:
    """The text as words are compared: case folded, ё as е, accents that people type over vowels left out."""
    return text.casefold().replace("ё", "е").replace("\u0301", "").replace("\u00ad", "")


class Forms:
    """Gives the forms of words; the dictionary (30 MB), once needed, lives as long as this object."""

    def __init__(self, kept: Callable[[], dict[str, str]] | None = None) -> None:
        self._kept = kept or _kept
        self._morph: Any = None

    def of(self, word: str) -> set[str]:
        """All forms of `word`; of `word~` those of the past tense; of `=word`, short and Latin words only itself."""
        bare = word.removesuffix("~")
        if self.is_itself(word):
            return {bare.removeprefix("=")}
        line = self._kept().get(word)
        if line is not None:
            stem, *endings = line.split(" ")
            return {stem + ending for ending in endings}
        return self._ask(bare, only_past=bare != word)

    def is_itself(self, word: str) -> bool:
        """Is there but the one form, for which nobody need be asked?"""
        return word.startswith("=") or word.isascii() or len(word.removesuffix("~")) < SHORTEST

    def _ask(self, word: str, *, only_past: bool) -> set[str]:
        if self._morph is None:
            from pymorphy3.analyzer import MorphAnalyzer  # 0.15 s and 30 MB

            make: Callable[[], Any] = MorphAnalyzer
            self._morph = make()
        parses = self._morph.parse(word)
        if only_past:
            verbs = [form for parse in parses if "INFN" in parse.tag for form in parse.lexeme if "VERB" in form.tag]
            return {plain(form.word) for form in verbs if "past" in form.tag}
        likely = [parse for parse in parses if parse.score >= SURE] or parses[:1]
        return {plain(form.word) for parse in likely for form in _of_its_kind(parse)} | {word}


def _of_its_kind(parse: Any) -> Iterable[Any]:
    """The forms of the word meant: of a participle its own, lest «данные» be found in «дали», «бывший» in «был»."""
    if parse.tag.POS not in PARTICIPLES:
        return list(parse.lexeme)
    return [form for form in parse.lexeme if form.tag.POS in PARTICIPLES and form.tag.voice == parse.tag.voice]


@lru_cache(1)
def _kept() -> dict[str, str]:
    """The kept lines by their word; empty where the file was left out."""
    try:
        lines = KEPT.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split(":", 1) for line in lines)


def kept_text(words: Iterable[str]) -> str:
    """What `forms.txt` should hold for these words: a line each, «word:stem ending ending …»."""
    forms = Forms(kept=dict)
    lines = []
    for word in sorted(word for word in set(words) if not forms.is_itself(word)):
        found = sorted(forms.of(word))
        stem = _common_start(found)
        lines.append(" ".join([f"{word}:{stem}", *(form[len(stem) :] for form in found)]))
    return "\n".join(lines) + "\n"


def _common_start(words: Sequence[str]) -> str:
    """What the first and the last of sorted words begin with alike, and so all between them."""
    if not words:
        return ""
    pairs = zip(words[0], words[-1], strict=False)
    return "".join(letter for letter, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


if __name__ == "__main__":
    from router.compiled import words_of

    KEPT.write_text(kept_text(words_of(Path("config/routing.toml"))), encoding="utf-8")
