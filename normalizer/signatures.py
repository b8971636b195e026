"""Which lines at the end of a person's words are a signature: a name, a post, a phone, a line of the program."""

from __future__ import annotations

from normalizer import quote_forms as forms
from normalizer import signature_forms
from normalizer.lines import Mark

MAX_SIGNATURE = 12  # lines; a longer tail is a postscript, not a signature


def mark_signatures(texts: list[str], marks: list[Mark]) -> None:
    """In every stretch of own lines, mark the tail that is a signature; only the last may have a long one."""
    start = 0
    count = len(texts)
    while start < count:
        if marks[start] is not Mark.OWN:
            start += 1
            continue
        end = start
        while end < count and (marks[end] is Mark.OWN or not texts[end].strip()):
            end += 1
        first = _signature_start(texts, start, end)
        if _only_greets(texts, marks, start, first, end):
            first = end
        marks[first:end] = [Mark.SIGNATURE] * (end - first)
        start = end


def _only_greets(texts: list[str], marks: list[Mark], start: int, first: int, end: int) -> bool:
    """Whether «С уважением, Иван» on one line is all that stands under a quote: what a person typed there."""
    left = [text for text in texts[start:end] if text.strip()]
    below = any(mark is Mark.QUOTED for mark in marks[:start])
    return below and first < end and len(left) == 1 and signature_forms.closing(left[0])


def _signature_start(texts: list[str], start: int, end: int) -> int:
    """The first line of the signature between two lines; `end` when there is none."""
    following = sum(1 for i in range(start, end) if texts[i].strip())
    for index in range(start, end):
        line = texts[index]
        if not line.strip():
            continue
        following -= 1
        if following > 4 * MAX_SIGNATURE:
            continue
        if signature_forms.delimiter(line) and (line == "-- " or _short_tail(texts, index + 1, end)):
            return index
        if following <= MAX_SIGNATURE and (
            (signature_forms.device(line) and following <= 6 and not _says(texts[index + 1 : end]))
            or (signature_forms.closing(line) and _short_tail(texts, index + 1, end))
            or (signature_forms.rule(line) and _is_card(texts[index + 1 : end]))
            or (signature_forms.footer(line) and any(map(signature_forms.of_a_list, texts[index + 1 : end])))
            or (signature_forms.disclaimer(line) and _short_tail(texts, index + 1, end))
            or (signature_forms.dashed_name(line) and _stands_alone(texts, start, index, end))
        ):
            return _with_rule(texts, start, index)
    return end


def _says(tail: list[str]) -> bool:
    """Whether a person goes on below the line that his phone put into the empty letter before he wrote."""
    lines = [line.strip() for line in tail if line.strip()]
    return not all(any(form(line) for form in _BELOW_A_DEVICE) for line in lines)


_BELOW_A_DEVICE = (
    signature_forms.device, signature_forms.notice, signature_forms.rule, signature_forms.delimiter,
    signature_forms.contact, signature_forms.closing, signature_forms.name, signature_forms.dashed_name,
    signature_forms.of_a_list,
)  # fmt: skip


def _is_card(tail: list[str]) -> bool:
    """Whether what follows a drawn line is a name, or one with a phone or an address, and no text."""
    lines = [line.strip() for line in tail if line.strip()]
    if any(forms.role(line) == "from" for line in lines):
        return False  # the header of a letter, as bounces repeat it
    if any(map(signature_forms.sentence, lines)):
        return False
    if all(len(line) <= 60 for line in lines) and any(map(signature_forms.contact, lines)):
        return True
    return 0 < len(lines) <= 2 and signature_forms.name(lines[0]) and len(lines[-1].split()) <= 4


def _with_rule(texts: list[str], start: int, index: int) -> int:
    """A drawn line right above a signature belongs to it."""
    before = index - 1
    while before > start and not texts[before].strip():
        before -= 1
    return before if before >= start and signature_forms.rule(texts[before]) else index


def _stands_alone(texts: list[str], start: int, index: int, end: int) -> bool:
    """Whether a line is the last one and has an empty line above: a name, not the last item of a list."""
    after = next((i for i in range(index + 1, end) if texts[i].strip()), end)
    last = after == end or signature_forms.footer(texts[after]) or signature_forms.device(texts[after])
    return last and index > start and not texts[index - 1].strip()


def _short_tail(texts: list[str], start: int, end: int) -> bool:
    """What follows a closing: a name, a post, a phone, a notice; no sentences, no questions, no postscript."""
    tail = [texts[i].strip() for i in range(start, end)]
    return all(
        signature_forms.notice(line) or (len(line) <= 120 and not signature_forms.sentence(line)) for line in tail
    )
