"""The words of the pages, from files beside the texts for citizens: `<folder>/pages.ru.toml`, `pages.en.toml`.

A file of the administrator's own folder says only what it says differently; the shipped words fill in the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from config.texts import LANGUAGES, TextsError, document

SHIPPED = Path(__file__).parent / "texts"

Words = Mapping[str, str]


def load(folder: Path) -> dict[str, Words]:
    """Language -> key -> words. Raises `TextsError` that lists every file and key that is wrong."""
    problems: list[str] = []
    found: dict[str, Words] = {}
    for language in LANGUAGES:
        shipped = _read(SHIPPED / f"pages.{language}.toml", problems)
        own_file = folder / f"pages.{language}.toml"
        own = _read(own_file, problems) if folder != SHIPPED and own_file.exists() else {}
        problems += [f"{own_file}: {key}: no words of a page have this name" for key in own if key not in shipped]
        found[language] = {key: own.get(key, words) for key, words in shipped.items()}
    first = found[LANGUAGES[0]]
    for language in LANGUAGES[1:]:
        problems += [f"pages.{language}.toml: {key}: missing" for key in first if key not in found[language]]
        problems += [f"pages.{LANGUAGES[0]}.toml: {key}: missing" for key in found[language] if key not in first]
    if problems:
        raise TextsError(problems)
    return found


def _read(path: Path, problems: list[str]) -> dict[str, str]:
    sections = document(path, problems)
    problems += [
        f"{path}: {page}: should be a [section]" for page, said in sections.items() if not isinstance(said, dict)
    ]
    flat = {
        f"{page}.{key}": words
        for page, section in sections.items()
        if isinstance(section, dict)
        for key, words in section.items()
    }
    problems += [f"{path}: {key}: should be a text" for key, words in flat.items() if not isinstance(words, str)]
    return {key: words for key, words in flat.items() if isinstance(words, str)}
