"""Reading JSON that a platform sent, when nothing about it may be taken for granted.

`parse` turns bytes into plain values or says why not; the getters walk a path of keys and answer with a value of the
promised type, or with nothing: they never raise. Every string that leaves here encodes to UTF-8 and holds no NUL.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from normalizer.message import Identity, Limits, Part, Unreadable

MAX_DEPTH = 200  # the standard library's parser recurses and gives up near 1,000; VK nests forwards 45 deep at most
MAX_INTEGER = 2**63  # no platform has an id or a time beyond a signed 64-bit integer
MAX_IDENTIFIER = 256  # characters; the longest are WhatsApp's message ids with some 130. Keys of an index hold them
TOO_LARGE = "larger than the limit"
_LAST_MOMENT = 253_402_300_800  # 10000-01-01, the first second that `datetime` cannot hold

# Possessive and without a required closing quote, so that it matches at every quote: linear on any input.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = [0] * 256
for _bracket, _step in ((b"[", 1), (b"{", 1), (b"]", -1), (b"}", -1)):
    _STEP[_bracket[0]] = _step


def _too_deep(payload: bytes) -> bool:
    if payload.count(b"[") + payload.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", payload).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > MAX_DEPTH


def _no_constant(name: str) -> float:
    raise ValueError(name)


# Made once: `json.loads` with an option makes a decoder at each call, which costs as much as a small payload.
_STRICT = json.JSONDecoder(parse_constant=_no_constant)
_MARKING = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) < 4000 else math.inf)


def parse(payload: bytes, *, mark_long_integers: bool = False) -> Any:
    """The JSON value, or `Unreadable` with the reason (no JSON value is one). Of equal keys the last one counts.

    An integer of more digits than Python converts (4,300) makes the payload unreadable; `mark_long_integers` puts
    infinity in its place, for a `split` that has to set the one bad unit apart: `parse` refuses that unit later.
    """
    if _too_deep(payload):
        return Unreadable("nested too deep")
    try:
        document = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Unreadable("not UTF-8")
    try:
        return (_MARKING if mark_long_integers else _STRICT).decode(document)
    except json.JSONDecodeError:
        return Unreadable("not JSON")
    except ValueError:
        return Unreadable("a number that is none, or too long")
    except RecursionError:
        return Unreadable("nested too deep")


def dump(value: Any) -> bytes:
    """A unit of its own, as compact UTF-8 JSON; escaped where a lone surrogate does not encode."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def clean(value: str) -> str:
    """Without NUL; surrogate pairs joined, lone ones replaced by U+FFFD."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def find(value: Any, *path: str) -> Any:
    """What stands at the end of the path of keys, or None."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def mapping(value: Any, *path: str) -> dict[str, Any]:
    """The object at the path; an empty one where there is none."""
    found = find(value, *path)
    return found if isinstance(found, dict) else {}


def sequence(value: Any, *path: str) -> list[Any]:
    """The array at the path; an empty one where there is none."""
    found = find(value, *path)
    return found if isinstance(found, list) else []


def text(value: Any, *path: str) -> str | None:
    """The string at the path, cleaned; None where there is none or only white space."""
    found = find(value, *path)
    if not isinstance(found, str):
        return None
    found = clean(found)
    return found if found and not found.isspace() else None


def integer(value: Any, *path: str) -> int | None:
    """The integer at the path, also one written as a string (WhatsApp's times, VK's `ts`)."""
    found = find(value, *path)
    if isinstance(found, str) and len(found) <= 20 and found.isascii() and found.removeprefix("-").isdigit():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not -MAX_INTEGER <= found < MAX_INTEGER:
        return None
    return found


def identifier(value: Any, *path: str) -> str | None:
    """An id at the path, as a string of printable ASCII: platforms change between numbers and strings."""
    found = find(value, *path)
    if isinstance(found, str):
        found = found.strip()
        return found if 0 < len(found) <= MAX_IDENTIFIER and found.isascii() and found.isprintable() else None
    number = integer(found)
    return None if number is None else str(number)


def number(value: Any, *path: str) -> float | None:
    """A finite number at the path (a coordinate)."""
    found = find(value, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if -1e15 < found < 1e15 else None


def size(value: Any, *path: str) -> int | None:
    """A size in bytes at the path: not negative."""
    found = integer(value, *path)
    return found if found is not None and found >= 0 else None


def moment(value: Any, *path: str) -> datetime | None:
    """A Unix time in seconds at the path, as UTC; 0 stands for none, as Telegram uses it."""
    found = integer(value, *path)
    if found is None or not 0 < found < _LAST_MOMENT:
        return None
    return datetime.fromtimestamp(found, UTC)


def phone(value: Any, *path: str) -> str | None:
    """E.164 of an international number, with or without the plus, as messengers give it; None for anything else."""
    found = find(value, *path)
    if not isinstance(found, str) or len(found) > 40:
        return None
    digits = "".join(character for character in found if character.isascii() and character.isdigit())
    return f"+{digits}" if 7 <= len(digits) <= 15 and not digits.startswith("0") else None


def line(value: str | None, limit: int = 256) -> str | None:
    """A name as one line: no control, bidi or zero-width characters, at most `limit` characters."""
    if value is None:
        return None
    shown = "".join(one for one in value[: 4 * limit] if one.isprintable() or one.isspace())
    return " ".join(shown.split())[:limit].rstrip() or None


def form(raw: str) -> tuple[list[str], Any]:
    """A filled-in form that came as a string of JSON: its answers as lines, and as bounded data.

    What is no JSON object is one line, and no data.
    """
    try:
        answers = json.loads(raw) if raw.count("{") + raw.count("[") <= MAX_DEPTH else None
    except ValueError:
        answers = None
    if not isinstance(answers, dict):
        return [raw], {}
    answers.pop("flow_token", None)  # WhatsApp's: a secret between us and the form
    lines = [clean(f"{name}: {answer}") for name, answer in answers.items() if isinstance(answer, str) and answer]
    return lines, bounded(answers)


def bounded(value: Any, depth: int = 8, budget: int = 200) -> Any:
    """A copy fit for an envelope: strings cleaned and cut at 1,000 characters, depth and number of values limited."""
    return _Copy(budget).of(value, depth)


class _Copy:
    def __init__(self, budget: int) -> None:
        self.left = budget

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return clean(value[:1000])
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return value if -MAX_INTEGER <= value < MAX_INTEGER else str(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if depth <= 0:
            return None
        if isinstance(value, list):
            return [self.of(item, depth - 1) for item in value if self._take()]
        if isinstance(value, dict):
            return {clean(str(key)[:200]): self.of(item, depth - 1) for key, item in value.items() if self._take()}
        return None

    def _take(self) -> bool:
        self.left -= 1
        return self.left >= 0


def fields(value: Any, *names: str) -> dict[str, Any]:
    """Those of the named fields that are there, bounded: the `data` of a part."""
    source = value if isinstance(value, dict) else {}
    return {name: bounded(source[name]) for name in names if source.get(name) is not None}


def digest(value: Any) -> str:
    """Sixteen hex digits that are equal for equal JSON values."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def raw_identity(payload: bytes) -> Identity:
    """The identity of a payload that says nothing of its own: its bytes. It shares no conversation, so blocks none."""
    key = f"raw:{hashlib.sha256(payload).hexdigest()}"
    return Identity(key=key, conversation=key)


def cut(value: str, limit: int) -> tuple[str, bool]:
    """At most `limit` bytes of UTF-8, cut between characters; whether something was cut."""
    if len(value) * 4 <= limit:
        return value, False
    encoded = value.encode()
    if len(encoded) <= limit:
        return value, False
    return encoded[: max(limit, 0)].decode("utf-8", "ignore"), True


def join(pieces: Iterable[str | None], separator: str = "\n\n") -> str | None:
    """The pieces that are there, joined; None where there is none."""
    found = separator.join(piece for piece in pieces if piece)
    return found or None


@dataclass(slots=True)
class Draft:
    """What is collected while a payload is read; `within` keeps the limits."""

    own: list[str] = field(default_factory=list)  # the citizen's own words
    quoted: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    def say(self, words: str | None) -> None:
        if words:
            self.own.append(words)

    def quote(self, words: str | None) -> None:
        if words:
            self.quoted.append(words)

    def link(self, address: str | None) -> None:
        if address and len(self.links) < 100 and address not in self.links:
            self.links.append(address[:2048])

    def hidden_link(self, address: str | None, native_id: str) -> None:
        """An address behind words: nobody who reads the words alone would see it."""
        if address and len(self.links) < 100 and address not in self.links:
            self.link(address)
            self.parts.append(Part(part=native_id, kind="link", data={"url": address[:2048]}))

    def forwarded(self) -> None:
        """What was said so far are another's words."""
        self.quoted[:0] = self.own
        self.own = []
        self.flags.add("forwarded")

    def within(self, limits: Limits) -> dict[str, Any]:
        """The fields of a `Message` that hold content, cut at the limits with the flag `too_large`."""
        own, own_cut = cut("\n".join(self.own), limits.text)
        quoted, quoted_cut = cut("\n\n".join(self.quoted), limits.text)
        parts = tuple(self.parts[: limits.parts])
        if own_cut or quoted_cut or len(parts) < len(self.parts):
            self.flags.add("too_large")
        for reason in {part.refused for part in parts if part.refused}:
            self.flags.add("too_large" if reason.startswith("larger") else "unreadable_part")
        return {
            "text": own,
            "quoted": quoted or None,
            "attachments": parts,
            "links": tuple(self.links),
            "flags": tuple(sorted(self.flags)),
        }
