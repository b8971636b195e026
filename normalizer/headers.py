"""Header fields of a letter: found, decoded and taken apart, whatever their bytes are.

The standard library's `policy.default` raises on some addresses and needs 389 MB for a `To:` of 210 kB, so fields
stay bytes here until somebody asks for one, and every reader looks at a bounded piece.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

from normalizer import charsets

MAX_BLOCK = 256 * 1024  # bytes of one header block that are read; real ones stay under 30 kB
_MAX_VALUE = 16 * 1024  # bytes of one field that are decoded; a References of 400 ids fits

_NAME = re.compile(rb"[!-9;-~]{1,128}[ \t]*:")
_KNOWN = re.compile(
    rb"(?i)(?:content-|x-|received|from|to|cc|bcc|subject|date|mime-version|message-id|reply-to|in-reply-to|references"
    rb"|return-path|sender|list-|dkim-|authentication-|arc-|auto-submitted|precedence|importance|user-agent"
    rb"|thread-|delivered-to|disposition-|feedback-|errors-to|organization)[!-9;-~]*[ \t]*:"
)
_LINE_ENDS = re.compile(rb"[\r\n]*")
_BLANK = re.compile(rb"\r?\n\r?\n")


class Headers:
    """The fields of one entity: names in lower case, values as raw bytes in their order, unfolded on demand."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Sequence[tuple[str, bytes]] = ()) -> None:
        self._fields: dict[str, list[bytes]] = {}
        for name, value in fields:
            self._fields.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __len__(self) -> int:
        return len(self._fields)

    def names(self) -> Iterable[str]:
        return self._fields.keys()

    def raw(self, name: str) -> bytes:
        """The first field of that name that is not empty, unfolded to one line; empty when there is none."""
        found = self._fields.get(name, ())
        return next((value for raw in found if (value := unfold(raw))), b"")

    def all(self, name: str) -> list[bytes]:
        return [unfold(value) for value in self._fields.get(name, ())]

    def text(self, name: str, hint: str | None = None) -> str:
        """The first field of that name as one clean line of text."""
        return decode(self.raw(name), hint)

    def token(self, name: str) -> str:
        """A field of plain ASCII words, lower case: Auto-Submitted, Precedence."""
        return self.raw(name).decode("ascii", "replace").strip().lower()


def unfold(value: bytes) -> bytes:
    value = value[:_MAX_VALUE]
    return re.sub(rb"\r?\n[ \t]?|\r", b" ", value).strip() if b"\n" in value or b"\r" in value else value.strip()


def split(data: bytes, start: int, end: int) -> tuple[Headers, int]:
    """The header block that begins at `start`, and where the body begins.

    A line that is no field does not end the block while known fields still follow it before the blank line;
    otherwise the body begins there (a letter without the blank line).
    """
    if data.startswith(b"\xef\xbb\xbf", start):  # a byte order mark
        start += 3
    start = _LINE_ENDS.match(data, start, end).end()  # type: ignore[union-attr]  # matches the empty string too
    blank = _BLANK.search(data, start, end)
    block_end, body = (blank.start(), blank.end()) if blank else (end, end)
    lines = data[start : min(block_end, start + MAX_BLOCK)].replace(b"\r\n", b"\n").split(b"\n")
    if not blank and lines and not _NAME.match(lines[0]) and not lines[0].startswith((b"From ", b">From ")):
        return Headers(), start
    fields: list[tuple[str, bytes]] = []
    known_after = _last_known(lines)
    for index, line in enumerate(lines):
        if line[:1] in b" \t" and line[:1] and fields:
            fields[-1] = (
                (fields[-1][0], fields[-1][1] + b"\n" + line) if len(fields[-1][1]) < _MAX_VALUE else fields[-1]
            )
        elif _NAME.match(line):
            name, _, value = line.partition(b":")
            fields.append((name.strip().lower().decode("ascii"), value))
        elif index > known_after and not line.startswith((b"From ", b">From ")):
            return Headers(fields), _offset_of_line(data, start, index)
    return Headers(fields), body


def _last_known(lines: list[bytes]) -> int:
    for index in range(len(lines) - 1, -1, -1):
        if _KNOWN.match(lines[index]):
            return index
    return -1


def _offset_of_line(data: bytes, start: int, index: int) -> int:
    for _ in range(index):
        start = data.find(b"\n", start) + 1
    return start


# Encoded words (RFC 2047), and what mailers make of them: blanks inside, no padding, a lost end.
_WORD = re.compile(
    r"=\?([\w.:+-]{0,40})(?:\*[\w-]*)?\?([BbQq])\?(.*?)(?:\?=|\?$|(?==\?[\w.:-]{2,40}\?[BbQq]\?)|$)", re.S
)
_BETWEEN = re.compile(r"(\?=)[ \t]+(?==\?[\w.:+*-]{0,60}\?[BbQq]\?)")
_TWICE = re.compile(r"=\?[\w-]{2,20}\?[BbQq]\?[^?\s]{1,200}\?=")
_CONTROLS = re.compile("[\u0000-\u001f\u007f-\u009f\u2028\u2029]+")
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")


def decode(value: bytes, hint: str | None = None) -> str:
    """One clean line: encoded words and raw 8-bit bytes decoded, control and bidi characters gone."""
    if b"=?" not in value:
        text = charsets.decode(value, None, hint)
    else:
        # latin-1 keeps every byte, so that raw bytes beside encoded words survive until they are decoded
        text = _decode_words(_BETWEEN.sub(r"\1", value.decode("latin-1")), hint)
        if "=?" in text and _TWICE.search(text):  # encoded twice
            text = _decode_words(text, hint) if text.isascii() else text
    return one_line(text)


def one_line(text: str) -> str:
    """The text without line ends, control and bidi characters (CRLF and NUL in an encoded word are an old attack)."""
    if not text.isprintable():
        text = _BIDI.sub("", _CONTROLS.sub(" ", text))
    return text.strip()


def _decode_words(text: str, hint: str | None) -> str:
    out: list[str] = []
    pending: list[bytes] = []  # neighbours of one charset: a character may be cut between two words
    pending_charset = ""
    last = 0

    def flush() -> None:
        if pending:
            out.append(charsets.decode(b"".join(pending), pending_charset, hint))
            pending.clear()

    for match in _WORD.finditer(text):
        between = text[last : match.start()]
        charset, encoding, body = match.group(1), match.group(2).lower(), match.group(3)
        if between or (pending and charset.lower() != pending_charset):
            flush()
        if between:
            out.append(charsets.decode(between.encode("latin-1"), None, hint))
        pending_charset = charset.lower()
        pending.append(_word_bytes(encoding, body))
        last = match.end()
    flush()
    if last < len(text):
        out.append(charsets.decode(text[last:].encode("latin-1"), None, hint))
    return "".join(out)


def _word_bytes(encoding: str, body: str) -> bytes:
    raw = body.encode("latin-1")
    if encoding == "q":
        return binascii.a2b_qp(raw.replace(b"\r", b"").replace(b"\n", b""), header=True)
    return base64_bytes(raw)


_PADDING = re.compile(rb"={1,2}\s*")
_MORE_BASE64 = re.compile(rb"[A-Za-z0-9+/]{4,}(?:\s{1,2}[A-Za-z0-9+/]{4,})*={0,2}\s*")


def base64_bytes(data: bytes | memoryview) -> bytes:
    """Base64 with whatever padding, blanks and foreign characters; what cannot be read is left out.

    Pieces that were encoded one by one are read one by one; what follows the padding and is no base64 (the footer that
    a list adds) is left out too.
    """
    first = _first(data, b"=")
    padding = _PADDING.match(data, first) if first >= 0 else None
    if padding and padding.end() < len(data):
        more = bytes(data[padding.end() :])
        head = _base64_piece(data[: padding.end()])
        return head + b"".join(map(_base64_piece, _PIECE.findall(more))) if _MORE_BASE64.match(more) else head
    return _base64_piece(data)


_PIECE = re.compile(rb"[A-Za-z0-9+/\r\n]{4,}={0,2}")
_WINDOW = 65536


def _first(data: bytes | memoryview, sign: bytes) -> int:
    """Where it stands first, or -1. A view cannot be asked, a large file is not copied, and `re` is 60 times slower."""
    for start in range(0, len(data), _WINDOW):
        found = bytes(data[start : start + _WINDOW]).find(sign)
        if found >= 0:
            return start + found
    return -1


def _base64_piece(data: bytes | memoryview) -> bytes:
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        pass
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", bytes(data))
    letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@]{1,128}@[^\s<>()\[\],;:\\\"@]{1,255}|\"[^\"]{1,128}\"@[\w.-]{1,255}")
_ANGLE = re.compile(r"<\s*(?:@[^:<>]*:)?([^<>]*)>")


def address(value: bytes, hint: str | None = None) -> tuple[str | None, str | None]:
    """(address in lower case, display name) of the first mailbox in an address field; None where it has none."""
    raw = value[:4096].decode("latin-1")
    masked = re.sub(r'"(?:[^"\\]|\\.)*"', lambda quoted: quoted.group().translate(_MASK), raw)
    angle = _ANGLE.search(masked)
    if angle:
        name = raw[: angle.start()]
        found = _ADDRESS.search(raw[angle.start(1) : angle.end(1)])
        email = found.group() if found else raw[angle.start(1) : angle.end(1)].strip()
        if "," in masked[: angle.start()] and _ADDRESS.search(masked[: masked.index(",")]):
            return address(value[: masked.index(",")], hint)
        name = name.rstrip("< ") or _comment(raw[angle.end() :])
    elif found := _ADDRESS.search(masked) or _ADDRESS.search(raw):
        email, name = found.group(), _comment(raw) or raw[: found.start()].rstrip("<[( ")
    elif b"=?" in value:
        decoded = decode(value, hint)
        if "@" in decoded and "=?" not in decoded:
            return address(decoded.encode("utf-8", "replace"))
        return None, _display(raw, hint)
    else:
        return None, _display(raw, hint)
    email = one_line(charsets.decode(email.encode("latin-1"), None, hint)).lower()
    email = email.strip() if '"@' in email else email.strip("'\" ")
    return (email if "@" in email.strip("@") else None), _display(name, hint)


_MASK = {ord(char): "_" for char in "<>(),;:@"}


def _comment(raw: str) -> str:
    opened, closed = raw.find("("), raw.rfind(")")
    return raw[opened + 1 : closed] if 0 <= opened < closed else ""


def _display(raw: str, hint: str | None) -> str | None:
    raw = raw.strip().rstrip(",;:").strip()
    name = " ".join(decode(raw.encode("latin-1"), hint).split())
    for _ in range(2):  # a quoted string, perhaps inside an encoded word, perhaps with single quotes inside
        if len(name) >= 2 and name[0] == name[-1] and name[0] in "\"'":
            name = name[1:-1].strip()
    return re.sub(r"\\(.)", r"\1", name)[:200] or None


def message_ids(value: bytes) -> list[str]:
    """The ids of a Message-ID, In-Reply-To or References field, without brackets, in their order."""
    text = one_line(charsets.decode(value))
    found = re.findall(r"<([^<>]{1,998})>", text)
    if not found:
        found = [word.strip("<>,") for word in text.split() if "@" in word]
    return [re.sub(r"\s+", "", one)[:500] for one in found if one.strip()]


def date(value: bytes) -> datetime | None:
    """A date field in UTC; None when it is no date or a year that no letter has."""
    text = value[:200].decode("latin-1")
    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        offset = parts[9] or 0
        if abs(offset) >= 86400:
            offset = 0
        moment = datetime(*parts[:5], min(parts[5], 59), tzinfo=UTC) - timedelta(seconds=offset)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if 1970 <= moment.year <= 2200 else None


_PARAMETER = re.compile(rb";\s*([!#-'*+.0-9A-Z^-~-]{1,64})\s*=\s*(\"(?:[^\"\\]|\\.)*\"?|[^;]*)")


_MISSING_SEMICOLON = re.compile(rb"(?:^|(?<![,\s])[,\s]{1,40})(?=(?:file)?name[*\d]{0,6}\s*=)", re.I)


def parameters(value: bytes, hint: str | None = None) -> tuple[str, dict[str, str]]:
    """The value before the first `;` in lower case, and its parameters decoded: RFC 2231, its continuations, and its
    wrong cousins (encoded words in quotes, raw 8-bit, no quotes around blanks)."""
    if b";" not in value and b"=" in value:  # a blank or a comma where the semicolon belongs, or no value before it
        value = _MISSING_SEMICOLON.sub(b";", value, count=1)
    head, _, _ = value.partition(b";")
    main = head.strip().strip(b'"').lower().decode("ascii", "replace")
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for match in _PARAMETER.finditer(value[len(head) :]):
        name = match.group(1).lower().decode("ascii")
        raw = match.group(2).strip()
        if raw.startswith(b'"'):
            raw = re.sub(rb'\\(["\\])', rb"\1", raw[1:-1] if raw.endswith(b'"') and len(raw) > 1 else raw[1:])
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(name, decode(raw, hint))
            continue
        number, _, extended = rest.partition("*")
        is_extended = bool(extended) or rest == "" or rest.endswith("*")
        if number and not number.isdigit():
            continue
        pieces.setdefault(base, {}).setdefault(int(number[:4] or 0), (is_extended, raw))
    for base, found in pieces.items():
        plain[base] = _joined(found, hint)
    return main, plain


def _joined(pieces: dict[int, tuple[bool, bytes]], hint: str | None) -> str:
    charset: str | None = None
    runs: list[tuple[bool, bytearray]] = []
    encoded = False
    for order, number in enumerate(sorted(pieces)):
        extended, raw = pieces[number]
        if order == 0 and extended and raw.count(b"'") >= 2:
            label, _, raw = raw.split(b"'", 2)
            charset = label.decode("ascii", "replace")
        encoded = encoded or extended
        escaped = extended or (b"%" in raw and encoded)
        # A program may cut between the sign and its digits, so neighbours are read together.
        if escaped and runs and runs[-1][0]:
            runs[-1][1].extend(raw)
        else:
            runs.append((escaped, bytearray(raw)))
    joined = b"".join(_unpercent(bytes(run)) if escaped else bytes(run) for escaped, run in runs)
    if b"=?" in joined:
        return decode(joined, charset or hint)
    return one_line(charsets.decode(joined, charset, hint))


def _unpercent(raw: bytes) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes((int(found.group(1), 16),)), raw)
