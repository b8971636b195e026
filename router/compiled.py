"""The rules of a routing file, checked as a whole and made ready: what is wrong is refused with its line.

`router.rulesfile` checks each table by itself; here is what only the tables together can show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from router.deadline import has_calendar
from router.rulesfile import Condition, Rule, RulesError, RulesFile, line_of, nearest, read, source
from router.vocabulary import Phrase, PhraseError, VocabularyBuilder

CASE_FIELD = {  # of Condition: of Case; the rarest first, so that most rules without words are not even looked at
    "machine": "machine",
    "chosen": "chosen_category",
    "error_codes": "error_code",
    "flags": "flags",
    "accounts": "account",
    "via": "via",
    "kinds": "kind",
    "channels": "channel",
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule with its phrases made ready, and the line of the file that explains it."""

    rule: Rule
    line: int
    phrases: tuple[Phrase, ...]
    unless: frozenset[str]
    conditional: bool
    conditions: str  # in words


def words_of(path: Path) -> set[str]:
    """Every word of a file's rules whose forms are needed, for `router.forms`. Raises as `load` does."""
    return compile_rules(source(path), str(path))[2].words()


def compile_rules(text: str, source_name: str) -> tuple[RulesFile, list[Compiled], VocabularyBuilder]:
    """The tables of a text, its rules, and what their words are made ready with. Raises `RulesError`."""
    file = read(text, source_name)
    _check(file, text, source_name)
    try:
        builder = VocabularyBuilder(file.groups, file.never_typos, file.negation_passes, file.one_word)
    except PhraseError as error:
        raise RulesError(source_name, line_of(text, ("one_word",)), f"one_word: {error}") from None
    _check_groups(file, builder, text, source_name)
    compiled = []
    for number, rule in enumerate(file.rules):
        phrases = _phrases(builder, rule.phrases, text, source_name, ("rules", number, "phrases"))
        unless = _phrases(builder, rule.unless, text, source_name, ("rules", number, "unless"))
        line = line_of(text, ("rules", number))
        conditional = any(rule.model_dump(include=set(Condition.model_fields)).values())
        compiled.append(
            Compiled(
                rule, line, phrases, frozenset(phrase.written for phrase in unless), conditional, _conditions(rule)
            )
        )
    for number, audience in enumerate(file.audiences):
        _phrases(builder, audience.phrases, text, source_name, ("audiences", number, "phrases"))
    return file, compiled, builder


def _conditions(rule: Rule) -> str:
    """What a rule without words asks for, in words."""
    asked: Mapping[str, object] = rule.model_dump(include=set(Condition.model_fields), exclude_defaults=True)
    return ", ".join(f"{key} {'/'.join(map(str, value))}" for key, value in asked.items() if isinstance(value, tuple))


def _phrases(
    builder: VocabularyBuilder, written: Sequence[str], text: str, source_name: str, path: tuple[str | int, ...]
) -> tuple[Phrase, ...]:
    phrases = []
    for phrase in written:
        try:
            phrases.append(builder.phrase(phrase))
        except PhraseError as error:
            raise RulesError(source_name, line_of(text, path, phrase), f"{phrase!r}: {error}") from None
    return tuple(phrases)


def _check(file: RulesFile, text: str, source_name: str) -> None:
    """What only the tables together can show. Raises `RulesError`."""

    def broken(path: tuple[str | int, ...], value: object, problem: str) -> RulesError:
        return RulesError(source_name, line_of(text, path, value), problem)

    categories = [category.name for category in file.categories]

    def unknown(name: str) -> str:
        return f"no category is called {name!r}{nearest(name, categories) or '; there are ' + ', '.join(categories)}"

    taken: dict[str, str] = {}
    for number, category in enumerate(categories):
        if category in categories[:number]:
            raise broken(("categories", number), category, f"the category {category!r} is there twice")
    for number, desk in enumerate(file.desks):
        if desk.name in [other.name for other in file.desks[:number]]:
            raise broken(("desks", number, "name"), desk.name, f"the desk {desk.name!r} is there twice")
        for category in desk.categories:
            if category not in categories:
                raise broken(("desks", number, "categories"), category, unknown(category))
            if category in taken:
                raise broken(("desks", number, "categories"), category, f"{category!r} is at {taken[category]!r} too")
            taken[category] = desk.name
        if desk.calendar is not None and not has_calendar(desk.calendar):
            raise broken(("desks", number, "calendar"), desk.calendar, f"no calendar of {desk.calendar!r} is known")
    for number, category in enumerate(categories):
        if category not in taken:
            raise broken(("categories", number), category, f"no desk takes the category {category!r}")
    if file.otherwise not in categories:
        raise broken(("otherwise",), file.otherwise, f"otherwise: {unknown(file.otherwise)}")
    for category in file.examples.sure:
        if category not in categories:
            raise broken(("examples", "sure"), None, unknown(category))
    for category in file.priority.category:
        if category not in categories:
            raise broken(("priority", "category"), None, unknown(category))
    for number, terms in enumerate(file.answer_by):
        for category in terms.categories:
            if category not in categories:
                raise broken(("answer_by", number, "categories"), category, unknown(category))
    for number, rule in enumerate(file.rules):
        if rule.category not in categories:
            raise broken(("rules", number), rule.category, unknown(rule.category))
        for category in rule.chosen:
            if category not in categories:
                raise broken(("rules", number, "chosen"), category, unknown(category))
        if rule.categories:
            raise broken(("rules", number, "categories"), None, "a rule decides the category; it cannot ask for one")
        if not rule.phrases and not any(getattr(rule, name) for name in CASE_FIELD):
            raise broken(("rules", number), None, "the rule asks for nothing: it would apply to every message")
    _check_answer_by(file, text, source_name)


def _check_groups(file: RulesFile, builder: VocabularyBuilder, text: str, source_name: str) -> None:
    for name in file.groups:
        try:
            builder.check_group(name)
        except PhraseError as error:
            raise RulesError(source_name, line_of(text, ("groups", name)), f"groups.{name}: {error}") from None


def _check_answer_by(file: RulesFile, text: str, source_name: str) -> None:
    for number, terms in enumerate(file.answer_by):
        path = ("answer_by", number)
        if (terms.within is None) == (terms.working_days is None):
            raise RulesError(source_name, line_of(text, path), "answer_by needs either within or working_days")
        if terms.working_days is None:
            continue
        for desk in file.desks:
            concerned = not terms.categories or not set(terms.categories).isdisjoint(desk.categories)
            if concerned and desk.calendar is None:
                problem = f"working_days: the desk {desk.name!r} has no calendar"
                raise RulesError(source_name, line_of(text, (*path, "working_days")), problem)
    try:
        ZoneInfo(file.timezone)
    except (KeyError, ValueError, OSError):
        line = line_of(text, ("timezone",), file.timezone)
        hint = nearest(file.timezone, available_timezones())
        raise RulesError(source_name, line, f"no time zone is called {file.timezone!r}{hint}") from None
