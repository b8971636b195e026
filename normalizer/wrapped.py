"""Letters inside a wrapper that mail programs cannot open: opaque S/MIME signatures, winmail.dat, PGP armour.

cryptography verifies and makes PKCS #7 but does not hand out the content of an opaque signature, so the few fields of
RFC 5652 (5.1, 5.2) up to the content are walked here. TNEF is left to tnefparse, with its errors and sizes bounded.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Any

MAX_TNEF_PARTS = 200

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_ENVELOPED_DATA = bytes.fromhex("2a864886f70d010703")
_AUTH_ENVELOPED_DATA = bytes.fromhex("2a864886f70d0109100117")  # RFC 5083: what AES-GCM is wrapped in
_MAX_PIECES = 100_000  # of a constructed octet string; OpenSSL writes one for every 4 kB


def signed_content(data: bytes) -> bytes | None:
    """The letter inside an opaque `application/pkcs7-mime` signature (DER or BER); None when there is none to read."""
    try:
        content_info = _children(data, *_element(data, 0)[1:3])
        if len(content_info) < 2 or _value(data, content_info[0]) != _SIGNED_DATA:
            return None
        signed = _children(data, *_children(data, *content_info[1][1:3])[0][1:3])
        encapsulated = _children(data, *signed[2][1:3])
        octets = _children(data, *encapsulated[1][1:3])[0]
        return _octets(data, octets) or None
    except (IndexError, ValueError, struct.error):
        return None


def is_enveloped(data: bytes) -> bool:
    """Whether PKCS #7 data is encrypted."""
    return _ENVELOPED_DATA in data[:64] or _AUTH_ENVELOPED_DATA in data[:64]


_Element = tuple[int, int, int, int]  # tag, start of the value, its end, where the next element begins


def _element(data: bytes, at: int) -> _Element:
    """One BER element; an indefinite length ends at its end-of-contents octets."""
    tag, length, value = data[at], data[at + 1], at + 2
    if length == 0x80:
        end = value
        for _ in range(_MAX_PIECES):
            if data[end : end + 2] == b"\0\0":
                return tag, value, end, end + 2
            end = _element(data, end)[3] if data[end + 1] != 0x80 else _nested_end(data, end)
        raise ValueError("too many elements")
    if length > 0x80:
        count = length & 0x7F
        if count > 8:
            raise ValueError("length of a length")
        length = int.from_bytes(data[value : value + count], "big")
        value += count
    if value + length > len(data):
        raise ValueError("cut short")
    return tag, value, value + length, value + length


def _nested_end(data: bytes, at: int) -> int:
    """The end of an element of indefinite length, with a counter instead of recursion: depth is the sender's choice."""
    depth, position = 0, at
    for _ in range(_MAX_PIECES):
        if data[position : position + 2] == b"\0\0":
            depth -= 1
            position += 2
        elif data[position + 1] == 0x80:
            depth += 1
            position += 2
        else:
            position = _element(data, position)[3]
        if depth == 0:
            return position
    raise ValueError("too deep")


def _children(data: bytes, start: int, end: int) -> list[_Element]:
    out: list[_Element] = []
    while start < end and len(out) < 64:
        out.append(_element(data, start))
        start = out[-1][3]
    return out


def _value(data: bytes, element: _Element) -> bytes:
    return data[element[1] : element[2]]


def _octets(data: bytes, element: _Element) -> bytes:
    """An octet string, whole or in pieces."""
    tag, start, end, _ = element
    if not tag & 0x20:
        return data[start:end]
    pieces: list[bytes] = []
    for _ in range(_MAX_PIECES):
        if start >= end:
            break
        piece = _element(data, start)
        pieces.append(_value(data, piece))
        start = piece[3]
    return b"".join(pieces)


@dataclass(slots=True)
class Tnef:
    """What a winmail.dat holds."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    text: str = ""
    html: str = ""


def tnef(data: bytes) -> Tnef | None:
    """The files and the body of a winmail.dat, or None when it cannot be read."""
    from tnefparse.tnef import TNEF

    try:
        found: Any = TNEF(data, do_checksum=False)  # type: ignore[no-untyped-call]
        out = Tnef()
        for attachment in found.attachments[:MAX_TNEF_PARTS]:
            name = attachment.long_filename() or attachment.name or ""
            name = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
            if isinstance(attachment.data, bytes):
                out.files.append((name.strip("\0"), attachment.data))
        body, html = found.body, found.htmlbody
    except Exception:  # tnefparse raises whatever its structs raise on broken input; the file itself is kept
        return None
    out.text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    out.html = html.decode("utf-8", "replace") if isinstance(html, bytes) else html or ""
    return out


_CLEAR_SIGNED = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Za-z]+: [^\n]*\n)*\n?")
_SIGNATURE_BLOCK = re.compile(r"\n?-----BEGIN PGP SIGNATURE-----\n.*?(?:-----END PGP SIGNATURE-----\n?|\Z)", re.S)
_ENCRYPTED = "-----BEGIN PGP MESSAGE-----"


def unarmour(text: str) -> tuple[str, str | None]:
    """(text without PGP armour, flag). Clear-signed text loses its frame (RFC 9580, 7); encrypted text stays."""
    if _ENCRYPTED in text:
        return text, "encrypted"
    if "-----BEGIN PGP SIGNED MESSAGE-----" not in text:
        return text, None
    text = _SIGNATURE_BLOCK.sub("\n", _CLEAR_SIGNED.sub("", text))
    return re.sub(r"(?m)^- (?=-)", "", text), "signed"
