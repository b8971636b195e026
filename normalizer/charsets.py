"""Bytes to text when the label is missing, wrong or unknown, as it often is in Russian mail.

A label is believed where it fits. Cyrillic charsets decode each other's bytes without an error, so a wrong label is
only noticed by its result: pairs of letters that Russian does not have, capitals after small letters.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# What mail says, and the codec that really reads it. GB2312 is a label for its superset GB18030, as iso-8859-1 and
# us-ascii are for windows-1252 and ks_c_5601 for cp949 (WHATWG Encoding Standard, 4.2).
_ALIASES = {
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "shift-jis": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "big5": "big5hkscs",
    "x-mac-cyrillic": "mac_cyrillic",
    "koi8": "koi8-r",
    "koi-8": "koi8-r",
    "koi8r": "koi8-r",
    "koi8-ru": "koi8-u",
    "win-1251": "cp1251",
    "win1251": "cp1251",
    "windows1251": "cp1251",
    "x-cp1251": "cp1251",
    "cp-1251": "cp1251",
    "ansi": "cp1251",
    "dos": "cp866",
    "ibm866": "cp866",
    "x-cp866": "cp866",
    "unicode-1-1-utf-7": "utf-7",
    "x-unknown": "",
    "unknown": "",
    "unknown-8bit": "",
    "8bit": "",
    "binary": "",
    "default": "",
    "utf": "utf-8",
    "unicode": "utf-8",
}
_UTF8_SPELLING = re.compile(r"(?:x-)?(?:unicode-)?(?:utf|ut|utf-)[\s_-]*8.*", re.I)
# Codecs of Python that are no charsets of text, or that cost more than linear time.
_NOT_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "mbcs", "oem", "undefined", "palmos"}
_STATEFUL = {"utf_7", "iso2022_jp", "iso2022_jp_ext", "iso2022_kr", "hz"}
_WIDE = {"utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"}
_BOMS = {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
_LOW_CONTROLS = re.compile(rb"[\x00-\x08]")  # every text in UTF-16 has some
# Those that Russian mail has, with a head start for how often: in a short word they can all look likely.
_CYRILLIC = {"cp1251": 0.1, "koi8-r": 0.08, "cp866": 0.0, "iso8859-5": 0.0, "mac-cyrillic": -0.1}
_CYRILLIC_FAMILY = {*_CYRILLIC, "koi8-u", "koi8-t", "cp855", "ptcp154", "kz1048"}
_LATIN = {None, "utf-8", "cp1252", "iso8859-15", "latin_1"}  # labels that programs put when they know nothing
_WIDER = {"koi8-r": "koi8-u"}  # Ukrainian letters where koi8-r draws boxes, which nobody does any more
_ASIAN = {"gb18030", "big5hkscs", "big5", "cp949", "cp932", "euc_jp", "shift_jis_2004", "euc_jis_2004", "johab"}

# The commonest pairs of letters of Russian and Ukrainian words; about half of all pairs in real text are among them.
_COMMON = (
    "стнотонаеновниравокооспопррогоеретлиоролренеталотьаноналомодоботескалавадеелинскаттеиттрринывеог"
    "домелеемасиламистиимакаредзачекивисоседаизкумасьсятымимоуюаяыйойиеияееейихымыхслспштлябыбожижеше"
    "щечтэтднннртлуучуктурясидибипигиздзнвсвысымурудупабагахочашащитвсвдльньяьюаеаюаєїхіїівізійціінвж"
    "щопівідіньіл"
)
_COMMON_PAIRS = frozenset(_COMMON[at : at + 2] for at in range(0, len(_COMMON), 2))
_LETTERS = re.compile("[а-яёіїєґ]+", re.I)
_CASE_BREAK = re.compile("[а-яё][А-ЯЁ]")
_SAMPLE = 800  # bytes looked at to judge a charset; more changes no verdict


@lru_cache(maxsize=256)
def codec(label: str) -> str | None:
    """Python's name of the codec for a charset label as mail writes it; None for an unknown one."""
    label = label.strip().strip("\"'").split("*")[0].strip().lower()
    if not label or len(label) > 40:
        return None
    name = _ALIASES.get(label, label)
    if _UTF8_SPELLING.fullmatch(name):
        name = "utf-8"
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if not getattr(found, "_is_text_encoding", True) or found.name.replace("-", "_") in _NOT_CHARSETS:
        return None
    return found.name


def russian(text: str) -> float:
    """How much the Cyrillic of a text looks like words: about 0.5 and more for real ones, under 0.2 for garble."""
    total = common = 0
    for word in _LETTERS.findall(text):
        low = word.lower()
        total += len(low) - 1
        common += sum(map(_COMMON_PAIRS.__contains__, map(str.__add__, low, low[1:])))
    if not total:
        return 0.0
    return common / total - len(_CASE_BREAK.findall(text)) / total


def _cyrillic_guess(data: bytes, declared: str | None) -> str | None:
    """The Cyrillic charset in which the bytes read as words, or None. The declared one wins where it is near."""
    sample = _high(data)
    declared = "koi8-r" if declared == "koi8-u" else declared
    best, best_score = None, 0.3
    for candidate in sorted(_CYRILLIC, key=lambda name: name != declared):
        text = sample.decode(candidate, "replace")
        letters = sum(map(len, _LETTERS.findall(text)))
        score = russian(text) * min(1.0, letters / max(1, len(sample.translate(None, b" \n"))))
        if candidate == declared and score > 0.4:
            return candidate
        score += _CYRILLIC[candidate] + (0.1 if candidate == declared else 0.0)
        if score > best_score:
            best, best_score = candidate, score
    return best


_ASCII_WITHOUT_BLANKS = bytes(set(range(128)) - set(b" \n"))


def _high(data: bytes) -> bytes:
    """The first bytes over 127, with the blanks between them: what a charset is judged by."""
    return b" ".join(data[:65536].translate(None, _ASCII_WITHOUT_BLANKS).split())[:_SAMPLE]


def decode(data: bytes, label: str | None = None, hint: str | None = None) -> str:
    """Text of the bytes. `label` is what they say of themselves, `hint` what the rest of the letter says.

    Never raises; a byte that no charset explains becomes U+FFFD.
    """
    declared = codec(label) if label else None
    if (declared and declared.replace("-", "_") in _WIDE) or data[:2] in _BOMS:
        if _LOW_CONTROLS.search(data[:4096]):
            wide = "utf-16" if data[:2] in _BOMS else str(declared)
            return _tolerant(data, wide).removeprefix("\ufeff")
        declared = None  # the label is wrong
    if declared and declared.replace("-", "_") in _STATEFUL:
        return _japanese(data) if declared == "iso2022_jp_ext" else _tolerant(data, declared)
    if data.isascii():
        if b"\x1b$" in data and not declared:
            return _japanese(data)
        return data.decode("ascii")
    if declared not in _ASIAN:
        try:
            return unmangled(data.decode("utf-8").removeprefix("\ufeff"))
        except UnicodeDecodeError as error:
            # A text cut inside its last character, or one bad byte in many good ones, is still UTF-8.
            if declared == "utf-8" and _mostly_utf8(data):
                return data.decode("utf-8", "replace")
            if error.start >= len(data) - 4 and error.start > 8:
                return data.decode("utf-8", "replace")
            if b"\n" in data and len(_CYRILLIC_UTF8.findall(data[:65536])) > 8:
                return _by_lines(data, declared)
    elif declared:
        try:
            return data.decode(declared)
        except UnicodeDecodeError:
            if _mostly_utf8(data):
                return data.decode("utf-8", "replace")
            return data.decode(declared, "replace")
    if declared is None or declared == "utf-8":
        declared = (codec(hint) if hint else None) or declared
    return _single_byte(data, declared)


_CYRILLIC_UTF8 = re.compile(rb"[\xd0\xd1][\x80-\xbf]")


def _by_lines(data: bytes, declared: str | None) -> str:
    """A text of which some lines are UTF-8 and some are not, as programs glue letters together."""
    lines: list[str | None] = []
    rest: list[bytes] = []
    for line in data.split(b"\n"):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(None)
            rest.append(line)
    others = iter(_single_byte(b"\n".join(rest), declared).split("\n"))
    return "\n".join(next(others, "") if line is None else line for line in lines)


_FOREIGN = re.compile("[^\x00-\x7f]")
_NOT_LATIN = re.compile(
    "[^\x00-\xff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)


def unmangled(text: str) -> str:
    """Russian text that was read in a wrong charset and written in UTF-8, read aright («Ð´Ð°», «РґР°», "äà": «да»).

    Only a text that is so as a whole: who shows such letters within his own words, shows what he saw.
    """
    first = _FOREIGN.search(text)
    if first is None:
        return text
    sample = text[first.start() : first.start() + 400]
    if "\u0400" <= first.group() <= "\u04ff":
        if (sample.count("Р") + sample.count("С")) * 4 < len(sample):
            return text
        return _reread(text, "cp1251", "utf-8")
    if first.group() > "\u2122" or _NOT_LATIN.search(sample):
        return text
    if sample.count("Ð") + sample.count("Ñ") > len(sample) // 5:
        return _reread(text, "latin-1", "utf-8", "cp1252")
    try:
        data = text.encode("latin-1" if _C1.search(text) else "cp1252")
    except UnicodeEncodeError:
        return text
    runs = re.findall(rb"[\x80-\xff]+", data[:4096])
    if sum(map(len, runs)) < 3 * len(runs):
        return text
    found = data.decode("cp1251", "replace")
    return found if russian(found[:_SAMPLE]) > 0.4 else text


_C1 = re.compile("[\x80-\x9f]")


def _reread(text: str, *charsets: str) -> str:
    """`text` as bytes of the first charset (or the third, where the first has no such letter), read in the second."""
    for wrong in (charsets[0], *charsets[2:]):
        try:
            found = text.encode(wrong).decode(charsets[1])
        except UnicodeError:
            continue
        if russian(found[:_SAMPLE]) > 0.3:
            return found
    return text


_DOUBLE_BYTES = re.compile(rb"\x1b\$[@B]([\x21-\x7e]*)(?:\x1b\([BJ])?")


def _japanese(data: bytes) -> str:
    """ISO-2022-JP, also with the rows of NEC («①», «㈱»), which of Python's codecs only cp932 knows."""
    text = _tolerant(data, "iso2022_jp_ext")
    if "\ufffd" not in text:
        return text
    out, at = [], 0
    for run in _DOUBLE_BYTES.finditer(data):
        out += [_tolerant(data[at : run.start()], "iso2022_jp_ext"), _shifted(run.group(1)).decode("cp932", "replace")]
        at = run.end()
    moved = "".join((*out, _tolerant(data[at:], "iso2022_jp_ext")))
    return moved if moved.count("\ufffd") < text.count("\ufffd") else text


def _shifted(pairs: bytes) -> bytes:
    """Pairs of JIS X 0208 as Shift_JIS has them (RFC 1468; JIS X 0208:1997, annex 1)."""
    out = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=False):
        out.append((row - 0x21 >> 1) + (0x81 if row < 0x5F else 0xC1))
        out.append(cell + (0x1F if cell < 0x60 else 0x20) if row & 1 else cell + 0x7E)
    return bytes(out)


def _tolerant(data: bytes, name: str) -> str:
    try:
        # UTF-7 hands out lone surrogates, which no encoder takes back.
        return data.decode(name, "replace").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    except (UnicodeError, ValueError):
        return data.decode("ascii", "replace")


def _mostly_utf8(data: bytes) -> bool:
    sample = data[:65536]
    high = len(sample.translate(None, bytes(range(128))))
    return high > 0 and sample.decode("utf-8", "replace").count("\ufffd") * 10 < high


def _single_byte(data: bytes, declared: str | None) -> str:
    guess = _cyrillic_guess(data, declared)
    if declared in _CYRILLIC_FAMILY:
        believed = guess if guess and declared != "koi8-u" else str(declared)
        return data.decode(_WIDER.get(believed, believed), "replace")
    if guess and declared in _LATIN and _in_runs(data):
        return data.decode(_WIDER.get(guess, guess), "replace")
    if declared and declared != "utf-8":
        try:
            return data.decode(declared)
        except UnicodeDecodeError:
            pass
    for candidate in ("gb18030", "cp949") if _in_runs(data) else ():
        try:
            return data.decode(candidate)
        except UnicodeDecodeError:
            continue
    if _mostly_utf8(data):
        return data.decode("utf-8", "replace")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode(declared if declared and declared != "utf-8" else "cp1252", "replace")


def _in_runs(data: bytes) -> bool:
    """Whether bytes over 127 stand together, as in Cyrillic words, and not single, as accents in Latin ones."""
    runs = re.findall(rb"[\x80-\xff]+", data[:4096])
    return bool(runs) and sum(map(len, runs)) / len(runs) > 1.7
