"""Which desk answers a message, how urgent it is, and why. Pure: the same case and rules give the same decision.

The rules are read from one file that an administrator edits (`config/routing.toml` explains its keys). A rule that
`decides` ends the matter; otherwise the weights of all that apply are added up by category, and the highest wins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from router.compiled import CASE_FIELD, Compiled, compile_rules
from router.contacts import without_contacts
from router.courtesies import says_little, without_address, without_courtesies
from router.deadline import after_working_days
from router.learned import LOWEST, kept
from router.rulesfile import Condition, Desk, Rule, RulesError, RulesFile, source
from router.vocabulary import Vocabulary, VocabularyBuilder

__all__ = ["Case", "Decision", "Rules", "RulesError", "load"]

LEAST, MOST = 0, 9
SHOWN = 4  # phrases of one rule in its explanation
DOUBT = 0.15  # of the logarithm of the odds, for each unit of weight that the rules set against the examples
NOT_IN_A_KEY = re.compile(r"[^a-z0-9_-]+")  # a dot would be a level of the routing key, * and # wildcards


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules may look at. `received_at` is timezone-aware."""

    received_at: datetime
    channel: str = "other"
    account: str = ""
    via: str | None = None  # portal: form, cabinet, mobile, phone, office
    kind: str = "new"  # of the envelope
    subject: str | None = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    quoted: str | None = field(default=None, repr=False)
    flags: frozenset[str] = frozenset()
    machine: Literal["bounce", "auto_reply", "bulk"] | None = None
    error_code: str | None = None
    chosen_category: str | None = None  # in the form
    chosen_audience: str | None = None  # in the form, of the line that was called, of the account: it decides
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The route. `why` holds one sentence for each thing that counted; never a word of the citizen's."""

    category: str
    audience: str
    desk: str
    priority: int
    routing_key: str
    answer_by: datetime | None
    why: tuple[str, ...]


def load(path: str | Path) -> Rules:
    """The rules of a file. Raises `RulesError`, with the line of what is wrong."""
    return Rules.parse(source(Path(path)), str(path))


class Rules:
    """The routing rules, checked and made ready. Safe to share between threads."""

    def __init__(self, file: RulesFile, compiled: Sequence[Compiled], builder: VocabularyBuilder) -> None:
        self.desks: tuple[Desk, ...] = file.desks
        self.categories: tuple[str, ...] = tuple(category.name for category in file.categories)
        self.titles: dict[str, dict[str, str]] = {"ru": {}, "en": {}}  # of categories and desks
        for category in file.categories:
            self.titles["ru"][category.name], self.titles["en"][category.name] = category.title_ru, category.title_en
        for desk in file.desks:
            self.titles["ru"].setdefault(desk.name, desk.title_ru)
            self.titles["en"].setdefault(desk.name, desk.title_en)
        self._builder = builder
        self._file = file
        self._learned = kept() if file.examples.weight or file.examples.sure else None
        taught = self._learned.categories if self._learned else ()
        self._strange = tuple(category for category in taught if category not in self.categories)
        self._zone = ZoneInfo(file.timezone)
        self._desk_of = {category: desk for desk in file.desks for category in desk.categories}
        self._rules = [rule for rule in compiled if rule.rule.phrases]
        wordless: dict[str, list[Compiled]] = {}  # by the field of `Case` that they look at
        for rule in compiled:
            if not rule.rule.phrases:
                wordless.setdefault(_first_field(rule.rule), []).append(rule)
        self._wordless = tuple(wordless.items())
        self._shown = {phrase.written: _shown(phrase.written) for rule in self._rules for phrase in rule.phrases}
        self._by_phrase: dict[str, list[Compiled]] = {}
        for rule in self._rules:
            for phrase in rule.phrases:
                self._by_phrase.setdefault(phrase.written, []).append(rule)

    @classmethod
    def parse(cls, text: str, source_name: str = "routing.toml") -> Rules:
        """The rules that a text describes. Raises `RulesError`."""
        file, compiled, builder = compile_rules(text, source_name)
        return cls(file, compiled, builder)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Every form of every word: made when the first message is routed, since the relay only wants the desks."""
        return self._builder.build()

    def route(self, case: Case) -> Decision:
        """Where the message goes. Never raises; linear in the length of the text."""
        case = replace(case, text=without_address(without_contacts(case.text)))
        own = self.vocabulary.find(case.subject or "", case.text)
        quoted = self.vocabulary.find(case.quoted) - own if case.quoted else set()
        category, why = self._plainly(case, own, quoted)
        audience, reason = self._audience(case, own)
        desk = self._desk_of[category]
        priority = self.priority(case.kind, case.repeats, audience, category, case.flags | _machine(case))
        return Decision(
            category=category,
            audience=audience,
            desk=desk.name,
            priority=priority,
            routing_key=".".join((desk.name, category, audience, NOT_IN_A_KEY.sub("-", case.channel.lower()) or "-")),
            answer_by=self._answer_by(case, category, desk),
            why=(*why, reason) if reason else why,
        )

    def priority(
        self, kind: str, repeats: int, audience: str, category: str, flags: frozenset[str] | Sequence[str] = ()
    ) -> int:
        """0 (can wait) to 9; for a follow-up of an existing ticket, whose category and desk stay, as for a new one."""
        terms = self._file.priority
        total = terms.base + terms.kind.get(kind, 0) + terms.audience.get(audience, 0) + terms.category.get(category, 0)
        total += min(repeats * terms.each_repeat, terms.most_repeats) if repeats > 0 else 0
        total += sum(terms.flag.get(flag, 0) for flag in flags)
        return max(LEAST, min(MOST, total))

    def answer_by(self, case: Case, category: str) -> datetime | None:
        """By when an answer to this message is owed in a category that is already known (a follow-up's ticket)."""
        return self._answer_by(case, category, self._desk_of.get(category) or self._desk_of[self._file.otherwise])

    def _plainly(self, case: Case, own: set[str], quoted: set[str]) -> tuple[str, tuple[str, ...]]:
        """The category by what is said beside courtesies; by all of it where that is little and tells nothing."""
        said = without_courtesies(case.text)
        if said != case.text:
            plain = self.vocabulary.find(case.subject or "", said)
            category, why = self._category(replace(case, text=said), plain, quoted)
            if category != self._file.otherwise or not says_little(said):
                return category, why
        return self._category(case, own, quoted)

    def _category(self, case: Case, own: set[str], quoted: set[str]) -> tuple[str, tuple[str, ...]]:
        applying = self._applying(case, own, quoted)
        for applies, found in applying:
            if applies.rule.decides:
                category = applies.rule.category
                return category, (f"{category} is decided by {self._what(applies, found)} (line {applies.line})",)
        weights = dict.fromkeys(self.categories, 0.0)
        why: list[tuple[float, str]] = []
        for applies, found in applying:
            rule = applies.rule
            weight = rule.weight * max(1, min(len(found), rule.at_most))
            weights[rule.category] += weight
            why.append((-weight, f"{rule.category} {weight:+g}: {self._what(applies, found)} (line {applies.line})"))
        likely = self._likely(case)
        for category, sure in self._file.examples.sure.items():
            if category in likely and self._is_sure(category, sure, likely[category], weights):
                return category, (
                    f"{category}: {math.exp(likely[category]):.0%} likely after the examples",
                    *_heaviest_first(why),
                )
        if likely:
            weights[self._file.otherwise] += self._file.enough  # what no rule names may still be like an example
            for category, weight in weights.items():
                # A category that no example is of counts by its rules alone, if one of them speaks for it.
                weights[category] += self._file.examples.weight * likely.get(category, 0.0 if weight else LOWEST)
            best = max(weights, key=weights.__getitem__)
            if best in likely:
                why.append((0.0, f"{best}: {math.exp(likely[best]):.0%} likely after the examples"))
            return best, _heaviest_first(why)
        best = max(weights, key=weights.__getitem__)  # the first of equals
        if weights[best] >= self._file.enough:
            return best, _heaviest_first(why)
        return self._file.otherwise, (
            *_heaviest_first(why),
            f"{self._file.otherwise}: nothing weighs {self._file.enough:g}",
        )

    def _is_sure(self, category: str, sure: float, logarithm: float, weights: Mapping[str, float]) -> bool:
        """Is it `sure` after the examples? The more the rules say otherwise, the surer it must be."""
        against = max(weight for other, weight in weights.items() if other != category) - weights[category]
        return _odds(math.exp(logarithm)) >= _odds(sure) + DOUBT * against

    def _likely(self, case: Case) -> dict[str, float]:
        """What the examples say of the citizen's own words; what is no category here is `otherwise`."""
        likely = self._learned.likelihoods(case.subject or "", case.text) if self._learned else {}
        if not likely or not self._strange:
            return likely
        rest = sum(
            math.exp(likely.pop(category)) for category in (*self._strange, self._file.otherwise) if category in likely
        )
        likely[self._file.otherwise] = math.log(min(1.0, max(rest, math.exp(LOWEST))))
        return likely

    def _what(self, applies: Compiled, found: list[str]) -> str:
        """What of a rule was met: its phrases, or what it asks for."""
        return ", ".join([self._shown[phrase] for phrase in sorted(found)[:SHOWN]]) or applies.conditions

    def _applying(self, case: Case, own: set[str], quoted: set[str]) -> list[tuple[Compiled, list[str]]]:
        """The rules that apply with the phrases found, in the order of the file."""
        found: dict[int, tuple[Compiled, list[str]]] = {}
        for written in own | quoted if quoted else own:
            for rule in self._by_phrase.get(written, ()):
                if rule.line in found:
                    if rule.rule.quoted or written in own:
                        found[rule.line][1].append(written)
                elif rule.rule.quoted or written in own:
                    found[rule.line] = (rule, [written])
        for field_name, rules in self._wordless:
            if getattr(case, field_name):
                found.update([(rule.line, (rule, [])) for rule in rules if _fits(rule.rule, case)])
        return [
            (rule, phrases)
            for _, (rule, phrases) in sorted(found.items())
            if rule.unless.isdisjoint(own) and (not phrases or not rule.conditional or _fits(rule.rule, case))
        ]

    def _audience(self, case: Case, own: set[str]) -> tuple[str, str]:
        if case.chosen_audience:
            known = any(case.chosen_audience == audience.name for audience in self._file.audiences)
            if known or case.chosen_audience == "general":
                return case.chosen_audience, f"{case.chosen_audience}: chosen, or of the line or account"
        for audience in self._file.audiences:
            if own and not own.isdisjoint(audience.phrases):
                phrase = next(phrase for phrase in audience.phrases if phrase in own)
                return audience.name, f"{audience.name}: «{phrase}»"
            if case.via is not None and case.via in audience.via:
                return audience.name, f"{audience.name}: came by {case.via}"
        return "general", ""

    def _answer_by(self, case: Case, category: str, desk: Desk) -> datetime | None:
        for terms in self._file.answer_by:
            if _fits(terms, case, category):
                if terms.working_days is not None and desk.calendar is not None:
                    return after_working_days(case.received_at, terms.working_days, desk.calendar, self._zone)
                return case.received_at + terms.within if terms.within is not None else None
        return None


def _first_field(rule: Rule) -> str:
    return next(of_case for name, of_case in CASE_FIELD.items() if getattr(rule, name))


def _odds(probability: float) -> float:
    """The logarithm of the odds, for any probability."""
    return math.log(max(probability, 1e-9) / max(1 - probability, 1e-9))


def _heaviest_first(why: Sequence[tuple[float, str]]) -> tuple[str, ...]:
    return tuple([sentence for _, sentence in sorted(why, key=itemgetter(0))])


def _shown(phrase: str) -> str:
    """A phrase of the rules, short enough to read: of many alternatives the first two."""
    words = [word if word.count("/") < 2 else "/".join(word.split("/")[:2]) + "/…" for word in phrase.split()]
    return f"«{' '.join(words)}»"


def _fits(asked: Condition, case: Case, category: str | None = None) -> bool:
    """Does everything hold that is asked for?"""
    if asked.channels and case.channel not in asked.channels:
        return False
    if asked.chosen and case.chosen_category not in asked.chosen:
        return False
    if asked.error_codes and not _code_fits(asked.error_codes, case.error_code):
        return False
    if asked.categories and category not in asked.categories:
        return False
    if asked.via and case.via not in asked.via:
        return False
    if asked.machine and case.machine not in asked.machine:
        return False
    if asked.kinds and case.kind not in asked.kinds:
        return False
    if asked.accounts and case.account not in asked.accounts:
        return False
    return not asked.flags or not case.flags.isdisjoint(asked.flags)


def _code_fits(patterns: Sequence[str], code: str | None) -> bool:
    return code is not None and any(fnmatchcase(code.upper(), pattern.upper()) for pattern in patterns)


def _machine(case: Case) -> frozenset[str]:
    return frozenset({case.machine}) if case.machine else frozenset()
