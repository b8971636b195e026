"""A letter's own words, the quoted letter and the signature, told apart.

Every word of the input is in exactly one of the three. When in doubt a line stays with the own words: an operator who
reads a quoted line too many loses a second, one who misses a citizen's sentence loses the request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from normalizer import quote_forms as forms
from normalizer.lines import Line, Mark
from normalizer.signatures import mark_signatures

_HEADER_SPAN = 14  # lines in which a quoted header is complete: five fields, long lists of receivers wrapped
_MAX_LOOKS = 1000  # lines ending in a colon that are looked at; a long correspondence has a hundred
_BROKEN_LENGTH = 65  # characters from which programs break lines; most break at 72 to 78
_ATTRIBUTION_SPAN = 5  # lines over which programs wrap "On …, … wrote:"

_QUOTED = re.compile(r"^\s{0,3}(?:[>＞]|&gt;)")
_INITIALS = re.compile(r"\s?([A-ZА-ЯЁІЇЄ][A-Za-zА-Яа-яЁёІіЇїЄє]{0,3})>{1,4}(?:\s|$)")
_TAIL = re.compile(
    r"^\s{0,3}>\s?(?:[^\s>]+\s){0,3}[^\s>]*\s*$"
)  # "> wrote:", what a program broke off behind an address


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts; `quoted` and `signature` are empty strings when there are none."""

    own: str
    quoted: str
    signature: str
    forwarded: bool = False


def split(text: str) -> Split:
    """Split the plain text of a letter. Pure, linear, never raises."""
    return split_lines([Line(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")])


def split_lines(lines: Sequence[Line]) -> Split:
    """Split lines of which some are marked already (by the structure of HTML)."""
    lines = _unglued(lines)
    texts = [line.text for line in lines]
    marks = [_first_mark(line) for line in lines]
    _mark_indents(texts, marks)
    _mark_initials(texts, marks)
    _mend_addresses(texts, marks)
    _mend_quotes(texts, marks)
    forwarded = _mark_quotes(texts, marks)
    mark_signatures(texts, marks)
    own = _gather(texts, marks, Mark.OWN)
    return Split(own, _gather(texts, marks, Mark.QUOTED), _gather(texts, marks, Mark.SIGNATURE), forwarded)


def _unglued(lines: Sequence[Line]) -> list[Line]:
    """The lines, those cut in two that hold own words and, right behind them, an attribution."""
    out: list[Line] = []
    looked = 0
    for line in lines:
        cut = 0
        if line.mark is Mark.OWN and looked < _MAX_LOOKS and "@" in line.text and forms.ends_attribution(line.text):
            looked += 1
            cut = forms.glued_at(line.text)
        if cut:
            out.append(Line(line.text[:cut]))
        out.append(Line(line.text[cut:], line.mark) if cut else line)
    return out


def _first_mark(line: Line) -> Mark:
    if line.mark is Mark.OWN and _QUOTED.match(line.text[:16]) and not line.text.endswith("<<"):  # an ornament
        return Mark.QUOTED
    return line.mark


def _mark_indents(texts: list[str], marks: list[Mark]) -> None:
    """A plain blockquote holds a quote where an attribution stands above or first in it, or where one did before."""
    quoting = False
    start = looked = 0
    while start < len(texts):
        if marks[start] is not Mark.INDENTED:
            quoting = quoting or marks[start] is Mark.QUOTED
            start += 1
            continue
        end = start
        while end < len(texts) and (marks[end] is Mark.INDENTED or not texts[end].strip()):
            end += 1
        first = next((i for i in range(start, end) if texts[i].strip()), start)
        if not quoting and looked < _MAX_LOOKS:
            looked += 1
            quoting = _attribution_above(texts, start) or _quoted_from(texts, first)
        marks[start:end] = [Mark.QUOTED if quoting else Mark.OWN] * (end - start)
        start = end


def _attribution_above(texts: list[str], index: int) -> bool:
    above = [line.strip() for line in texts[max(0, index - _ATTRIBUTION_SPAN) : index] if line.strip()]
    return (
        bool(above)
        and forms.ends_attribution(above[-1])
        and any(forms.attribution(" ".join(above[first:]), True) for first in range(len(above)))
    )


def _quoted_from(texts: list[str], index: int) -> bool:
    line = texts[index].strip()
    return (forms.ends_attribution(line) and forms.attribution(line, True)) or _header_at(texts, index)


def _mark_initials(texts: list[str], marks: list[Mark]) -> None:
    """«ИП> …»: The Bat! puts the initials of the author before the sign; at least two such lines with the same ones."""
    found: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        if ">" in text[1:8] and marks[index] is Mark.OWN and (initials := _INITIALS.match(text)):
            found.setdefault(initials.group(1), []).append(index)
    for indexes in found.values():
        if len(indexes) > 1:
            for index in indexes:
                marks[index] = Mark.QUOTED


def _mend_addresses(texts: list[str], marks: list[Mark]) -> None:
    """A line that begins with the bracket which closes an address of the line above is not quoted."""
    own, before = Mark.OWN, Mark.QUOTED
    for index, mark in enumerate(marks):
        if (
            before is own is not mark
            and len(texts[index]) < 60
            and _TAIL.match(texts[index])
            and _opens_bracket(texts[max(0, index - 3) : index])
        ):
            marks[index] = mark = own
        before = mark


def _opens_bracket(lines: list[str]) -> bool:
    joined = "".join(line[-200:] for line in lines)
    return joined.count("<") > joined.count(">")


def _mend_quotes(texts: list[str], marks: list[Mark]) -> None:
    """A long quoted line that a program broke: its tail has no sign, and the next quoted line follows at once."""
    for index in range(1, len(texts) - 1):
        if (
            marks[index] is Mark.OWN
            and marks[index - 1] is marks[index + 1] is Mark.QUOTED
            and (tail := texts[index].strip())
            and (_broken_off(texts[index - 1], tail) or _closes_link(texts[index - 1], tail))
        ):
            marks[index] = Mark.QUOTED


def _broken_off(before: str, tail: str) -> bool:
    return len(before) >= _BROKEN_LENGTH and len(tail) < len(before) and (tail[0].islower() or not tail[0].isalpha())


def _closes_link(before: str, tail: str) -> bool:
    """Whether one unbroken word ends the address of a page that the line before began in a bracket."""
    begun = before[-300:].rpartition("(")[2]
    return tail.endswith(")") and " " not in tail and "://" in begun and not set(begun) & {" ", ")"}


def _mark_quotes(texts: list[str], marks: list[Mark]) -> bool:
    """Mark attributions, quoted headers and what follows them. Returns whether the letter was passed on."""
    count = len(texts)
    forwarded = False
    index = looked = 0
    while index < count:
        line = texts[index]
        if marks[index] is Mark.QUOTED or not line or forms.plain(line):
            index += 1
            continue
        if forms.announces(line) and _next_is_quoted(texts, marks, index):
            forwarded = forms.forward(line) or forwarded
            marks[index] = Mark.QUOTED  # what is passed on has its signs; words may follow
        elif _cuts(texts, marks, index):
            if (body := _signed_body(texts, marks, index)) is not None:
                marks[index:body] = [Mark.QUOTED] * (body - index)
                index = body
                continue
            forwarded = forms.forward(line) or forwarded
            marks[_rule_before(texts, marks, index) :] = [Mark.QUOTED] * (count - _rule_before(texts, marks, index))
            break
        elif looked < _MAX_LOOKS and forms.ends_attribution(line):
            looked += 1
            first = _attribution_start(texts, marks, index)
            if first is not None:
                before_quote = _next_is_quoted(texts, marks, index)
                marks[first : index + 1] = [Mark.QUOTED] * (index + 1 - first)
                if not before_quote and _something_before(texts, marks, first):
                    marks[first:] = [Mark.QUOTED] * (count - first)
                    break
        index += 1
    return forwarded


def _cuts(texts: list[str], marks: list[Mark], index: int) -> bool:
    """Whether the quoted letter begins here and goes on to the end: a separator, or a quoted header."""
    line = texts[index]
    if forms.where_to_write(line):
        return _something_before(texts, marks, index)  # who wrote only below it wrote there
    if forms.separator(line):
        return True
    if forms.announces(line):
        after = _next_line(texts, index + 1)
        return after is not None and _header_at(texts, after)
    if forms.drawn(line) and (forms.dashed_text(line) or forms.rule(line)):
        after = _next_line(texts, index + 1)
        return after is not None and after - index <= 3 and _header_at(texts, after)
    if not _header_at(texts, index):
        return False
    # An appeal can begin with «От: … Кому: … Тема: …» of its own; a mail program adds an address or a time of day.
    first = index
    while first > max(0, index - _HEADER_SPAN) and forms.role(texts[first - 1]):
        first -= 1
    return _something_before(texts, marks, first) or any(map(forms.from_a_program, texts[index : index + _HEADER_SPAN]))


def _signed_body(texts: list[str], marks: list[Mark], index: int) -> int | None:
    """Where the letter begins whose header stands here, when it has its signs and nothing stands above: an attribution.

    Mew, Gnus and others put «From: … Date: …» there; what answers the quoted lines stands between them.
    """
    if forms.role(texts[index]) is None or _something_before(texts, marks, index):
        return None
    body = index
    while body < len(texts) and body - index < _HEADER_SPAN and texts[body].strip() and marks[body] is Mark.OWN:
        body += 1
    after = _next_line(texts, body)
    return after if after is not None and marks[after] is Mark.QUOTED else None


def _header_at(texts: list[str], index: int) -> bool:
    """Whether a header of a letter begins at a line: three fields with the sender, or two with an address."""
    if forms.role(texts[index]) is None:
        return False
    if forms.flattened(texts[index]):
        return True
    roles: set[str] = set()
    missed = 0
    stated = False  # the sender with an address
    addressed = timed = False
    for line in texts[index : index + _HEADER_SPAN]:
        role = forms.role(line)
        if role is not None:
            roles.add(role)
            missed = 0
            stated = stated or (role == "from" and "@" in line)
            addressed = addressed or (role == "to" and "@" in line)
            timed = timed or (role == "sent" and forms.from_a_program(line))
        else:
            missed += 1
            if missed > 2:
                break
    if "from" not in roles:
        return addressed and timed
    return len(roles - {"cc"}) >= 3 or (stated and "sent" in roles)


def _rule_before(texts: list[str], marks: list[Mark], index: int) -> int:
    """A drawn line right before a quoted header belongs to it."""
    for before in range(index - 1, max(-1, index - 3), -1):
        if texts[before].strip():
            heads = forms.rule(texts[before]) or forms.title(texts[before])
            return before if heads and marks[before] is Mark.OWN else index
    return index


def _attribution_start(texts: list[str], marks: list[Mark], end: int) -> int | None:
    """The first line of the attribution that ends at a line, or None when it is none."""
    before_quote = _next_is_quoted(texts, marks, end)
    joined = ""
    for first in range(end, max(-1, end - _ATTRIBUTION_SPAN), -1):
        line = texts[first].strip()
        if not line and joined.startswith("<"):
            continue  # an empty line before the address
        if not line or marks[first] is not Mark.OWN or (first < end and line.endswith(":") and len(line) > 1):
            return None
        joined = line if first == end else f"{line} {joined}"
        if forms.attribution(joined, before_quote and first == end):
            return _widened(texts, marks, first, joined)
    return None


def _widened(texts: list[str], marks: list[Mark], first: int, joined: str) -> int:
    """The date may stand a line or two above what shows the attribution («On 5 Jun 2024, Name» / «<a@b> wrote:»)."""
    if forms.has_date(joined):
        return _with_head(texts, marks, first)
    for before in range(first - 1, max(-1, first - 4), -1):
        line = texts[before].strip()
        if not line or marks[before] is not Mark.OWN or line.endswith((".", "!", "?")):
            break
        if forms.opens_attribution(line) and len(line) < 150:
            return before
    return first


def _with_head(texts: list[str], marks: list[Mark], first: int) -> int:
    """What some programs put right above an attribution: a drawn line, or to whom and about what (Yandex)."""
    head = first
    while head and marks[head - 1] is Mark.OWN and texts[head - 1].endswith(";") and forms.role(texts[head - 1]):
        head -= 1
    if head and marks[head - 1] is Mark.OWN and forms.rule(texts[head - 1]):
        head -= 1
    return head


def _next_line(texts: list[str], index: int) -> int | None:
    for after in range(index, min(len(texts), index + 5)):
        if texts[after].strip():
            return after
    return None


def _next_is_quoted(texts: list[str], marks: list[Mark], index: int) -> bool:
    after = _next_line(texts, index + 1)
    return after is not None and marks[after] is Mark.QUOTED


def _something_before(texts: list[str], marks: list[Mark], first: int) -> bool:
    return any(texts[i].strip() and marks[i] is Mark.OWN for i in range(first))


def _gather(texts: list[str], marks: list[Mark], wanted: Mark) -> str:
    """The lines of one mark; one empty line where others were taken out between them."""
    out: list[str] = []
    gap = False
    for text, mark in zip(texts, marks, strict=True):
        if mark is not wanted:
            gap = True
            continue
        if gap and out:
            if not text.strip():
                continue
            if out[-1].strip():
                out.append("")
        gap = False
        out.append(text.rstrip())
    return "\n".join(out).strip()
