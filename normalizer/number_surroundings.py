"""What stands around a candidate for a ticket number: whether it is a piece of something longer."""

from __future__ import annotations

import re

_TIGHT = "-./,:\\"
_MIXED_LEFT = re.compile(r"(?:[0-9][A-Za-z]|[A-Za-z][0-9]|(?<![^\W_])[A-Fa-f]{2,})[0-9A-Za-z]{0,30}-\Z")
_MIXED_RIGHT = re.compile(r"-(?:[0-9]+[A-Za-z]|[A-Za-z]+[0-9])")
_TRUNK = re.compile(r"[^0-9][78] ?\([0-9]{3}[) ]")  # «8 (916…»: the last digit begins a phone
_MORE = re.compile(r"[ -]{1,2}[0-9]")  # twelve digits, a space, and a phone: not thirteen
_DATED = re.compile(r"(?<![0-9])(?:[0-9]{1,2}[./-][0-9]{1,2}[./-])?(?:20)?[0-9]{2}\Z")


def kind(between: str) -> str:
    """What separates two groups: a mark, or a line's end, or a space, or nothing."""
    mark = between.strip(" \n>")
    if mark:
        return mark[0]
    return "\n" if "\n" in between else between[:1]


def part_of_more(text: str, start: int, end: int, kinds: set[str], *, labelled: bool, edges: set[int]) -> bool:
    """Whether the groups around go on with the same separators, so that this is a piece of something longer."""
    if text[start - 1 : start] == "+":
        return True
    if kinds & {" ", "\n"} and _TRUNK.match(text, end - 2):
        return True
    if "" in kinds and len(kinds) == 2 and not labelled and _MORE.match(text, end):
        return True
    if _MIXED_LEFT.search(text, max(0, start - 40), start) or _MIXED_RIGHT.match(text, end):
        return True
    left = start - 1
    while left >= 0 and start - left <= 3 and text[left] == " ":
        left -= 1
    right = end
    while right < len(text) and right - end < 3 and text[right] == " ":
        right += 1
    return any(_goes_on(text, *side, kinds, labelled, edges) for side in ((start, left, -1), (end, right, 1)))


def _goes_on(text: str, edge: int, at: int, step: int, kinds: set[str], labelled: bool, edges: set[int]) -> bool:
    """One side of it: `at` is the first character beyond the spaces next to `edge`, `step` the direction away."""
    if not 0 <= at < len(text):
        return False
    spaced = (at != edge - 1) if step < 0 else (at != edge)
    mark = text[at]
    if spaced:
        if not mark.isdigit() or labelled or " " not in kinds:
            return False
        first, last = (max(0, at - 15), at + 1) if step < 0 else (at, at + 16)
        run = _run(text[first:last], step)
        return 3 <= run <= 9 and (at if step > 0 else at + 1) not in edges and not (step < 0 and _dated(text, at + 1))
    beyond = text[at + step : at + step + 1] if at + step >= 0 else ""
    if mark not in _TIGHT or not beyond.isdigit():
        return False
    neighbour = at + 1 if step > 0 else at
    loose = kinds == {""} or (mark == "-" and kinds <= {"", " ", "\n"})
    return (mark in kinds or loose) and neighbour not in edges


def _run(text: str, step: int) -> int:
    """How many digits the text begins with (ends with, going left)."""
    kept = text.lstrip("0123456789") if step > 0 else text.rstrip("0123456789")
    return len(text) - len(kept)


def _dated(text: str, end: int) -> bool:
    """Whether a date or a year ends here: «от 22.11.2026 261122 000123 4»."""
    return bool(_DATED.search(text, max(0, end - 10), end))
