"""Cutting a long text into the messages that a platform takes: at ends of paragraphs, sentences, words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_SENTENCE_ENDS = (". ", "! ", "? ", "… ", ".\n", "!\n", "?\n", "…\n")


def utf16_units(text: str) -> int:
    """The length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def pieces(text: str, limit: int, length: Callable[[str], int] = len) -> list[str]:
    """The text in pieces of at most `limit`, as `length` counts. White space at the cuts is dropped; no piece is empty.

    Deterministic: another attempt cuts at the same places. Linear in the length of the text.
    """
    found: list[str] = []
    rest = text.strip()
    while rest:
        head = _head(rest, limit, length)
        if len(head) < len(rest):
            head = head[: _cut(head, rest[len(head)])]
        piece = head.rstrip()
        if piece:
            found.append(piece)
        rest = rest[len(head) :].lstrip()
    return found


def _head(text: str, limit: int, length: Callable[[str], int]) -> str:
    """The longest beginning that fits; a character counts 1 or 2."""
    head = text[:limit]
    while (over := length(head) - limit) > 0:
        head = head[: len(head) - (over + 1) // 2]
    return head


def _cut(head: str, following: str) -> int:
    """Where to cut: after a paragraph, a sentence, a line or a word, unless that wastes more than half of the piece."""
    least = len(head) // 2
    groups: Sequence[Sequence[str]] = (("\n\n",), _SENTENCE_ENDS, ("\n",), (" ",))
    for ends in groups:
        at = max((head.rfind(end) + len(end) if end in head else 0) for end in ends)
        if at > least:
            return at
    return len(head) if len(head) > 1 or following else 1
