"""File names as inert data: what a citizen's program called a file, safe to show, to log and to offer for download."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 150  # characters; with UTF-8 Cyrillic that is 300 bytes of headers and fits every listing

_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)")
_INVISIBLE = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*', "_"))


def clean(name: str | None) -> str | None:
    """The name without path, control, bidi and zero-width characters, at most `MAX_LENGTH` long, extension kept.

    None when nothing is left. A name that Windows reserves (CON, nul.txt) gets a leading underscore.
    """
    if not name:
        return None
    name = unicodedata.normalize("NFC", _INVISIBLE.sub("", name[:4096]))
    name = re.split(r"[/\\]", name.rstrip("/\\ "))[-1]
    name = " ".join(name.translate(_FORBIDDEN).split()).strip(". ") if name.strip(". ") else ""
    if not name:
        return None
    if _RESERVED.match(name):
        name = "_" + name
    if len(name) > MAX_LENGTH:
        stem, dot, extension = name.rpartition(".")
        if not dot or not stem or len(extension) > 16:
            return name[:MAX_LENGTH].rstrip(". ")
        name = stem[: MAX_LENGTH - len(extension) - 1].rstrip(". ") + "." + extension
    return name
