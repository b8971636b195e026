"""One folded form of a text, on which the concerns search without IGNORECASE, which makes `re` much slower."""

from __future__ import annotations

_SAME = (
    ("ё", "е"),
    ("\u00a0", " "), ("\u202f", " "), ("\u2009", " "),
    ("‐", "-"), ("‑", "-"), ("‒", "-"), ("–", "-"), ("—", "-"), ("−", "-"),
    ("«", '"'), ("»", '"'), ("“", '"'), ("”", '"'), ("„", '"'), ("‟", '"'),
)  # fmt: skip


def fold(text: str) -> str:
    """Lower case, ё as е, one kind of space, dash and quote. As long as `text`, so that positions are the same."""
    low = text.lower()
    if len(low) != len(text):  # "İ" is two characters in lower case
        low = "".join(small if len(small := char.lower()) == 1 else char for char in text)
    if not low.isascii():
        for char, same in _SAME:
            low = low.replace(char, same)
    return low
