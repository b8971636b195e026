"""Ticket numbers in what a citizen wrote: in any form that people use, and no other number taken for one.

A ticket number says little about itself: thirteen digits, of which six are a day and one a check digit. So a candidate
must stand alone (no longer run of digits around it), name a day on which tickets were given out, pass the Damm check,
and not be called something else by the words before it (`number_labels`). What is looked like a ticket number
and fails only the check or the day is a *slip*: for the ledger to compare with the citizen's own tickets.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal
from urllib.parse import unquote

from normalizer.flat_text import FlatText, flatten
from normalizer.number_labels import TAIL, Label, label, unglue
from normalizer.number_surroundings import kind, part_of_more
from normalizer.ticket_number import is_right

Place = Literal["own", "subject", "quoted", "file_name", "link"]


@dataclass(frozen=True, slots=True)
class Places:
    """Where numbers may stand in one message."""

    own: str = field(default="", repr=False)  # the citizen's own new words
    subject: str | None = field(default=None, repr=False)
    quoted: str | None = field(default=None, repr=False)
    file_names: Sequence[str] = field(default=(), repr=False)
    links: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """A ticket number that is right in every digit. `start`: characters into the text of its place."""

    number: str  # YYMMDD-NNNNNN-C
    as_written: str
    place: Place
    start: int


@dataclass(frozen=True, slots=True)
class Slip:
    """12 to 14 digits that were meant as a ticket number and are not one."""

    digits: str
    as_written: str
    place: Place
    start: int


@dataclass(frozen=True, slots=True)
class References:
    """`found`: strongest place first, within it as they stand, each number once. `slips`: the same."""

    found: tuple[Reference, ...] = ()
    slips: tuple[Slip, ...] = ()


# Only what comes close is examined, and of that the first so many in a text: a table of a thousand numbers names none.
_MOST_EXAMINED = 300
_MOST_SLIPS = 20
_LONGEST_WRITTEN = 200  # characters of one number with all that may stand between its digits
_NEAR = 40  # characters around the digits of a text in which a number may begin or end with a letter for a digit
_LEAST_REAL_DIGITS = 6  # of 13; the rest may be letters that look like digits

_DIGIT = "0-9OoОоЗзбlI|ВBІ"
_LOOKALIKES = str.maketrans("OoОоЗзбlI|ВBІ", "0000336111881")
_ALONE_LEFT, _ALONE_RIGHT = r"(?<![^\W_])(?<!\|)", r"(?![^\W_]|\|)"
_WRAP = r" {0,8}(?:\n[ >]{0,20}){0,3}"
# What may stand between two groups: spaces, a wrapped line with its quote marks, a mark with or without spaces.
# After a full stop, a comma or a colon no space: there a sentence ends.
_BETWEEN = rf"{_WRAP}(?:[-_/\\~*=·•]{{1,3}}{_WRAP}|[.,:])?"
_GROUPED = re.compile(
    rf"{_ALONE_LEFT}([{_DIGIT}]{{6}})({_BETWEEN})([{_DIGIT}]{{6,7}})({_BETWEEN})([{_DIGIT}]){_ALONE_RIGHT}"
)
# Where thirteen digits in one run are followed by a single one, they come first: «2611220001230 5 дней жду».
_BARE = re.compile(rf"([{_DIGIT}]{{6}})()([{_DIGIT}]{{6}})()([{_DIGIT}]){_ALONE_RIGHT}")
_GROUP = re.compile(rf"[{_DIGIT}]+")
_CHAIN = re.compile(rf"{_ALONE_LEFT}[{_DIGIT}]++{_ALONE_RIGHT}(?:{_BETWEEN}[{_DIGIT}]++{_ALONE_RIGHT})*+")
# Pieces of a chain: a line or what a spaced dash sets apart; what holds together without a space.
_LINE, _WORD = re.compile(r"(?:(?! +[-/] )[^\n])++"), re.compile(r"[^ \n]+")
_QUICK = re.compile(rf"\d(?:\D*+\d){{{_LEAST_REAL_DIGITS - 1}}}")
# A zero too few («261122-00123-0»), or no check digit («261122-000123»).
_SHORT = re.compile(
    rf"{_ALONE_LEFT}([0-9]{{6}})(?:( ?- ?)[0-9]{{5}}( ?- ?)[0-9]|( ?-? ?)[0-9]{{6}}){_ALONE_RIGHT}(?! ?-? ?[0-9])"
)
_SAID = re.compile(r"(?<=[0-9])[ (]{1,2}(?:тире|дефис|минус|dash|hyphen)[ )]{1,2}(?=[0-9])", re.I)  # into the phone
_UUID = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])")
_REAL_DIGIT = re.compile(r"[0-9]")
_WEAK = frozenset(["", " ", "\n", ".", ",", ":"])  # separators that other numbers, versions and lists have too
_IN_BRACKETS = re.compile(r"\([0-9]{1,5}\)[ -]{0,2}\Z")


def find(places: Places, *, first_day: date, last_day: date) -> References:
    """The ticket numbers in a message, of tickets opened from `first_day` to `last_day`, both included.

    Never raises; linear in the length of the texts; a text without six digits costs one pass of a scanner.
    """
    found: dict[str, Reference] = {}
    slips: dict[str, Slip] = {}
    for place, text in _texts(places):
        if not _QUICK.search(text):
            continue
        for candidate in _Reader(text, _days(first_day, last_day)).read():
            if candidate.right:
                number = f"{candidate.digits[:6]}-{candidate.digits[6:-1]}-{candidate.digits[-1]}"
                found.setdefault(number, Reference(number, candidate.as_written, place, candidate.start))
            elif place != "link" and len(slips) < _MOST_SLIPS:
                slip = Slip(candidate.digits, candidate.as_written, place, candidate.start)
                slips.setdefault(candidate.digits, slip)
    return References(tuple(found.values()), tuple(slips.values()))


def one_slip_apart(one: str, other: str) -> bool:
    """Whether one digit that is wrong, left out or too many, or two neighbours swapped, makes one of the other."""
    if len(one) != len(other):
        short, long = sorted((one, other), key=len)
        return any(long[:place] + long[place + 1 :] == short for place in range(len(long)))
    wrong = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(wrong) == 2:
        first, second = wrong
        return second == first + 1 and one[first] == other[second] and one[second] == other[first]
    return len(wrong) == 1


def _texts(places: Places) -> Iterator[tuple[Place, str]]:
    yield "own", places.own
    if places.subject:
        yield "subject", places.subject
    if places.quoted:
        yield "quoted", places.quoted
    for name in places.file_names:
        yield "file_name", name
    for link in places.links:
        yield "link", unquote(link)


@lru_cache(maxsize=8)
def _days(first_day: date, last_day: date) -> frozenset[str]:
    """The first six digits that a number may have."""
    days = range((last_day - first_day).days + 1)
    return frozenset((first_day + timedelta(days=day)).strftime("%y%m%d") for day in days)


def _a_slip_from_a_day(digits: str, days: frozenset[str]) -> bool:
    """Whether these six digits become one of the days by changing one or swapping two neighbours."""
    for place in range(6):
        before, after = digits[:place], digits[place + 1 :]
        if any(f"{before}{digit}{after}" in days for digit in "0123456789"):
            return True
        if after and f"{before}{after[0]}{digits[place]}{after[1:]}" in days:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Candidate:
    digits: str
    right: bool
    as_written: str
    start: int


@dataclass(slots=True)
class _Spans:
    """Stretches of a text that are taken; asked in any order."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def take(self, start: int, end: int) -> None:
        place = bisect_right(self.starts, start)
        self.starts.insert(place, start)
        self.ends.insert(place, end)

    def holds(self, start: int, end: int) -> bool:
        """Whether exactly this stretch was taken."""
        place = bisect_right(self.starts, start) - 1
        return place >= 0 and self.starts[place] == start and self.ends[place] == end

    def overlaps(self, start: int, end: int) -> bool:
        place = bisect_right(self.starts, end - 1)
        return place > 0 and self.ends[place - 1] > start


class _Reader:
    """Reads one text: first numbers in their three groups (or none), then those grouped in any other way."""

    def __init__(self, written: str, days: frozenset[str]) -> None:
        self.flat: FlatText = flatten(written)
        self.days = days
        self.taken = _Spans()
        self.examined = 0
        self.first = self.last = 0  # where the digits are
        self.right: list[_Candidate] = []
        self.wrong: list[tuple[int, int, str]] = []

    def read(self) -> list[_Candidate]:
        """Right numbers and slips, in the order in which they stand."""
        text = self.flat.text
        if text.count("-") >= 4:
            text = _UUID.sub(lambda uuid: "x" * len(uuid[0]), text)
        text = _SAID.sub(lambda said: "-".center(len(said[0])), unglue(text))
        firsts = [place for place in (text.find(digit) for digit in "0123456789") if place >= 0]
        self.first = max(0, min(firsts, default=0) - _NEAR)
        self.last = max(text.rfind(digit) for digit in "0123456789") + _NEAR
        self._pass(text)
        if "|" in text:  # not a one, then, but the border of a table
            self._pass(text.replace("|", " "))
        slips = []
        for start, end, digits in self.wrong:
            if not self.taken.overlaps(start, end):
                self.taken.take(start, end)
                slips.append(self._candidate(start, end, digits, right=False))
        return sorted(self.right + slips, key=lambda candidate: candidate.start)

    def _candidate(self, start: int, end: int, digits: str, *, right: bool) -> _Candidate:
        written = self.flat.as_written(start, end)[:_LONGEST_WRITTEN]
        return _Candidate(digits, right, written, self.flat.origin(start))

    def _pass(self, text: str) -> None:
        grouped = [_BARE.match(text, m.start()) or m for m in _GROUPED.finditer(text, self.first, self.last)]
        edges = {match.start() for match in grouped} | {match.end() for match in grouped}
        for match in grouped:
            if self.examined >= _MOST_EXAMINED:
                return
            self._grouped(text, match, edges)
        for chain in _CHAIN.finditer(text, self.first, self.last):
            if chain.end() - chain.start() >= 13 and not self.taken.holds(*chain.span()):
                if self.examined >= _MOST_EXAMINED:
                    return
                self._chain(text, chain.start(), chain.end())
        for short in _SHORT.finditer(text, self.first, self.last):
            if short[1] in self.days and self.examined < _MOST_EXAMINED:
                self._short(text, *short.span(), whole=bool(short[2]))

    def _label(self, text: str, start: int, end: int, *, bare: bool) -> Label | None:
        self.examined += 1
        before = self.flat.text[max(0, start - TAIL) : start]  # not `text`: there a glued word has lost its last letter
        return label(before, text[end : end + 10], bare=bare)

    def _is_ticket(self, digits: str) -> bool:
        """Whether these digits are a number that may have been given out."""
        serial = digits[6:-1]
        if digits[:6] not in self.days or serial == "000000" or (len(serial) == 7 and serial[0] == "0"):
            return False
        return is_right(digits)

    def _grouped(self, text: str, match: re.Match[str], edges: set[int]) -> None:
        """Six, six or seven, and one: the shape that we print, with anything or nothing between the groups."""
        start, end = match.span()
        date_group, between, serial_group, between_too, check_group = match.groups()
        written = date_group + serial_group + check_group
        kinds = {kind(between), kind(between_too)}
        dashed = not kinds & _WEAK
        digits = written.translate(_LOOKALIKES)
        right = self._is_ticket(digits)
        plausible = right or dashed or digits[:6] in self.days or _hinted(text, start)
        if not plausible or self.taken.overlaps(start, end):
            return
        if len(_REAL_DIGIT.findall(written)) < _LEAST_REAL_DIGITS or not date_group.translate(_NO_LETTERS):
            return
        if not check_group.isdigit() and kind(between_too) in " \n" and between_too:
            return  # «261122 000123 о чём»: a word, not a zero
        what = self._label(text, start, end, bare=not (dashed and right))
        if what == "other" or part_of_more(text, start, end, kinds, labelled=what == "ticket", edges=edges):
            return
        if right:
            self._take(start, end, digits)
        elif self._is_slip(digits, kinds, labelled=what == "ticket"):
            self.wrong.append((start, end, digits))

    def _is_slip(self, digits: str, kinds: set[str], *, labelled: bool) -> bool:
        """Whether digits that are no number were meant as one: the less their shape says, the more the day must."""
        on_a_day = digits[:6] in self.days
        if labelled or not kinds & _WEAK:
            return on_a_day or _a_slip_from_a_day(digits[:6], self.days)
        if kinds == {""}:
            return on_a_day and len(digits) == 13  # 14 in one run are a parcel's
        return on_a_day and "" not in kinds  # else, say, the twelve digits of an INN and one of something else

    def _short(self, text: str, start: int, end: int, *, whole: bool) -> None:
        """A number in which a digit is missing; `whole`: in its three groups, which say themselves what they are."""
        what = self._label(text, start, end, bare=not whole)
        if what != "ticket" and not (whole and what is None):
            return
        if not part_of_more(text, start, end, {"-"}, labelled=what == "ticket", edges=set()):
            self.wrong.append((start, end, re.sub("[^0-9]", "", text[start:end])))

    def _take(self, start: int, end: int, digits: str) -> None:
        self.taken.take(start, end)
        self.right.append(self._candidate(start, end, digits, right=True))

    def _chain(self, text: str, start: int, end: int) -> None:
        """A chain of groups: all of it, or what a word calls a ticket at its beginning, or one piece of it."""
        groups = [(group.start(), group.end()) for group in _GROUP.finditer(text, start, min(end, start + 600))]
        if end - start <= 600 and self._whole(text, groups):
            return
        if self._prefix(text, groups):
            return
        for piece in (*_LINE.finditer(text, start, end), *_WORD.finditer(text, start, end)):
            if 13 <= piece.end() - piece.start() < end - start and self.examined < _MOST_EXAMINED:
                piece_end = min(piece.end(), piece.start() + 600)
                self._whole(text, [(g.start(), g.end()) for g in _GROUP.finditer(text, piece.start(), piece_end)])

    def _whole(self, text: str, groups: list[tuple[int, int]]) -> bool:
        """Takes the groups as one number, if they are one: letters alone at their edges are words."""
        while groups and not _REAL_DIGIT.search(text, *groups[0]):
            groups = groups[1:]
        while groups and not _REAL_DIGIT.search(text, *groups[-1]) and text[groups[-1][0] - 1] in " \n":
            groups = groups[:-1]
        if sum(end - start for start, end in groups) not in (13, 14):
            return False
        return self._irregular(text, groups, needs_label=False)

    def _prefix(self, text: str, groups: list[tuple[int, int]]) -> bool:
        """Takes the first 13 or 14 digits, when a word right before them says that they are a ticket."""
        length = 0
        for count, (start, end) in enumerate(groups, 1):
            length += end - start
            if length > 14:
                return False
            if length >= 13 and self._irregular(text, groups[:count], needs_label=True):
                return True
        return False

    def _irregular(self, text: str, groups: list[tuple[int, int]], *, needs_label: bool) -> bool:
        start, end = groups[0][0], groups[-1][1]
        written = "".join(text[a:b] for a, b in groups)
        digits = written.translate(_LOOKALIKES)
        right = self._is_ticket(digits)
        if self.taken.overlaps(start, end) or (not right and not _hinted(text, start)):
            return False
        if len(_REAL_DIGIT.findall(written)) < _LEAST_REAL_DIGITS or not _spaced_inside(text, groups, len(digits)):
            return False
        what = self._label(text, start, end, bare=True)
        if what == "other" or (what is None and (needs_label or _anotherkind(text, start, groups))):
            return False
        kinds = {kind(text[a:b]) for (_, a), (b, _) in pairwise(groups)} or {""}
        if part_of_more(text, start, end, kinds, labelled=True, edges=set()):
            return False
        if right:
            self._take(start, end, digits)
        elif what == "ticket" and not needs_label and self._is_slip(digits, kinds, labelled=True):
            self.wrong.append((start, end, digits))
        return right


_NO_LETTERS = str.maketrans("", "", "OoОоЗзбlI|ВBІ")


def _hinted(text: str, start: int) -> bool:
    """Cheaply: whether a word or a sign that may call a number a ticket stands before it at all."""
    before = text[max(0, start - 3) : start].rstrip(' \n:-("«=')
    return not before or before[-1].isalpha() or before[-1] in "№#."


def _spaced_inside(text: str, groups: list[tuple[int, int]], length: int) -> bool:
    """Whether only spaces and dashes stand inside the day and the serial (dots there are dates and versions)."""
    offset = 0
    for (start, end), (following, _) in pairwise(groups):
        offset += end - start
        if offset not in (6, length - 1) and kind(text[end:following]) not in (" ", "\n", "-"):
            return False
    return True


def _anotherkind(text: str, start: int, groups: list[tuple[int, int]]) -> bool:
    """A phone by its brackets, a barcode by its grouping (4 601234 567893)."""
    in_brackets = _IN_BRACKETS.search(text, max(0, start - 9), start)
    return in_brackets is not None or [end - begin for begin, end in groups] == [1, 6, 6]
