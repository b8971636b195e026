"""What a file is, told from its first bytes: neither its name nor its sender is believed.

puremagic knows the rare formats; it fails at those that matter most here: every zip is a .docx to it, a program is
`application/octet-stream`, a voice message may be a video, and markup after a comment or a byte-order mark is nothing.
So these are told here, in the manner of the MIME Sniffing Standard (mimesniff.spec.whatwg.org), before it is asked.
"""

from __future__ import annotations

import re

FIRST = 8192  # bytes that are looked at; more changes nothing
UNKNOWN = "application/octet-stream"

# At the very start of the file, longest first where one begins another.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"#!AMR", "audio/amr"),
    (b"#!", "text/x-script"),
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"dex\n", "application/x-dex"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS", "application/postscript"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"fLaC", "audio/flac"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"(\xb5/\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"MSCF", "application/vnd.ms-cab-compressed"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {  # ISO base media files, bytes 8 to 12
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_ZIPPED: tuple[tuple[bytes, str], ...] = (
    (b"AndroidManifest.xml", "application/vnd.android.package-archive"),
    (b"classes.dex", "application/vnd.android.package-archive"),
    (b"META-INF/MANIFEST.MF", "application/java-archive"),
    (b"word/", _OFFICE + "wordprocessingml.document"),
    (b"xl/", _OFFICE + "spreadsheetml.sheet"),
    (b"ppt/", _OFFICE + "presentationml.presentation"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_TYPES = (
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
)

# Types that plain text may claim to be; all are shown and served as text or as a download.
_CLAIMED = re.compile(
    r"text/[a-z0-9][a-z0-9.+-]{0,60}|message/rfc822|application/(?:json|javascript|x-sh|x-ndjson|pkcs7-mime)"
)
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SVG = re.compile(r"<(?:[a-z0-9]{1,20}:)?svg[\s/>]")
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|script|iframe|object|embed|meta|form|style|img|link)[\s/>]")
_HTML_START = re.compile(r"<(?:h[1-6]|div|font|table|a|title|b|br|p|span|center)[\s/>]|<!--")


def sniff(first_bytes: bytes, declared: str | None = None) -> str:
    """The media type of a file whose first 8 kB (or all, when it is smaller) are given. Never raises.

    `declared` decides only between types that look the same: kinds of plain text, and of old Office files.
    """
    data = first_bytes[:FIRST]
    claimed = (declared or "").partition(";")[0].strip().lower()
    return _binary(data, claimed) or _text(data, claimed) or _rare(data) or UNKNOWN


def _binary(data: bytes, claimed: str) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] in _RIFF:
        return _RIFF[data[8:12]]
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return _BRANDS.get(brand) or ("video/3gpp" if brand.startswith(b"3g") else "video/mp4")
    if data[:4] == b"OggS":
        return "video/ogg" if b"theora" in data[:512] else "audio/ogg"
    if data[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in data[:64] else "video/x-matroska"
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(data, claimed)
    if data.startswith(_OLE):
        return claimed if claimed in _OLE_TYPES else "application/x-ole-storage"
    if data[257:262] == b"ustar":
        return "application/x-tar"
    # `BM` and `MZ` begin ordinary words too; a text is no bitmap. A program that is all text does not run.
    for start, media_type in _STARTS:
        if data.startswith(start) and not (len(start) == 2 and start.isalpha() and _decoded(data) is not None):
            return media_type
    return None


def _zip(data: bytes, claimed: str) -> str:
    if data[30:38] == b"mimetype":  # OpenDocument and EPUB put their type first, uncompressed
        found = re.match(rb"application/[a-z0-9.+-]{1,80}", data[38:])
        return found[0].decode("ascii") if found else "application/zip"
    for name, media_type in _ZIPPED:
        if name in data:
            return media_type
    return claimed if b"[Content_Types].xml" in data and claimed.startswith(_OFFICE) else "application/zip"


def _text(data: bytes, claimed: str) -> str | None:
    text = _decoded(data)
    if text is None:
        return None
    text = text.lower().lstrip()
    if _SVG.search(text):
        return "image/svg+xml"
    if _HTML.search(text) or _HTML_START.match(text):
        return "text/html"
    if text.startswith("<?php"):
        return "text/x-script"
    if text.startswith("<?xml"):
        return "application/xml"
    if "%pdf-" in text[:1024]:  # readers allow for junk before it
        return "application/pdf"
    if text.startswith("begin:vcard"):
        return "text/vcard"
    if text.startswith("begin:vcalendar"):
        return "text/calendar"
    return claimed if _CLAIMED.fullmatch(claimed) else "text/plain"


def _decoded(data: bytes) -> str | None:
    """The text, where it is one: no control characters. The charset does not matter for finding markup."""
    for mark, charset in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[2:].decode(charset, "replace")
    if not data or _NOT_TEXT.search(data):
        return None
    return data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _rare(data: bytes) -> str | None:
    if not data:
        return None
    import puremagic  # its tables take 20 ms to load, and most files never come this far

    try:
        found = puremagic.magic_string(data)
    except Exception:  # it raises what its parsers raise; an unknown file is no error
        return None
    best = found[0] if found else None
    # A type told from less than four bytes is a guess.
    if best is None or len(best.byte_match or b"") < 4 or not re.fullmatch(r"[a-z]+/[a-z0-9.+-]{1,80}", best.mime_type):
        return None
    return str(best.mime_type)
