"""Text as a reader sees its digits: without tags, entities and invisible characters, every digit, dash and space plain.

What is removed or decoded is remembered, so that a place in the flat text leads back to the text as it was written.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\u20e3"
)
_DASHES = (
    "\u058a\u05be\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u207b\u2212\u2500\u2796\u2e3a\u2e3b\u30fc"
    "\ufe58\ufe63\uff0d"
)
_SPACES = "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u2800\u3000"
_BREAKS = "\r\v\f\u0085\u2028\u2029"
_OTHERS = {"／": "/", "．": ".", "＿": "_", "：": ":", "，": ",", "＋": "+", "＃": "#", "｜": "|", "⁄": "/", "∕": "/"}
_PLAIN = dict.fromkeys(_DASHES, "-") | dict.fromkeys(_SPACES, " ") | dict.fromkeys(_BREAKS, "\n") | _OTHERS
_NOT_PLAIN = re.compile(rf"[{_DASHES}{_SPACES}{_BREAKS}{''.join(_OTHERS)}]|(?![0-9])\d")
# A tag ends before the next "<" and after 1,000 characters at most, so a text of "<" alone costs no more than another.
_HIDDEN = re.compile(
    rf"</?([A-Za-z][A-Za-z0-9]*)[^<>]{{0,1000}}>|&(?:#[0-9]{{1,7}}|#[xX][0-9a-fA-F]{{1,6}}|[A-Za-z]{{2,12}});|[{_INVISIBLE}]"
)
_NEEDS_SCRUBBING = re.compile(rf"[<&{_INVISIBLE}]")
_BLOCKS = re.compile(r"(?i:br|p|div|t[rdh]|li|[uo]l|table|h[r1-6]|blockquote|pre|section|article)")


@dataclass(frozen=True, slots=True)
class FlatText:
    """`text`, and the way back: character `i` of it stood at `origin(i)` of what was written."""

    text: str
    written: str
    _starts: tuple[int, ...]  # of the stretches in `text` that were copied unchanged
    _origins: tuple[int, ...]  # of the same stretches in `written`

    def origin(self, index: int) -> int:
        """The place in the written text of a character of the flat one."""
        stretch = bisect_right(self._starts, index) - 1
        return self._origins[stretch] + index - self._starts[stretch]

    def as_written(self, start: int, end: int) -> str:
        """The written text behind `text[start:end]`, with whatever was hidden in between."""
        return self.written[self.origin(start) : self.origin(end - 1) + 1]


def flatten(written: str) -> FlatText:
    """Never raises; linear in the length of the text."""
    if not _NEEDS_SCRUBBING.search(written):
        return FlatText(_plain(written), written, (0,), (0,))
    pieces: list[str] = []
    starts, origins = [0], [0]
    length = position = 0
    for hidden in _HIDDEN.finditer(written):
        shown = _shown(hidden)
        pieces += written[position : hidden.start()], shown
        length += hidden.start() - position
        if shown:
            starts.append(length)
            origins.append(hidden.start())
            length += len(shown)
        position = hidden.end()
        starts.append(length)
        origins.append(position)
    pieces.append(written[position:])
    return FlatText(_plain("".join(pieces)), written, tuple(starts), tuple(origins))


def _shown(hidden: re.Match[str]) -> str:
    """What a reader sees in place of a tag, an entity or an invisible character: at most one character."""
    tag, whole = hidden[1], hidden[0]
    if tag:
        return "\n" if _BLOCKS.fullmatch(tag) else ""
    if not whole.startswith("&"):
        return ""
    decoded = html.unescape(whole)
    return decoded if len(decoded) == 1 and not _NEEDS_SCRUBBING.match(decoded) else ""


def _plain(text: str) -> str:
    """Character for character, so that places stay."""
    return _NOT_PLAIN.sub(lambda odd: _PLAIN.get(odd[0]) or str(unicodedata.decimal(odd[0])), text)
