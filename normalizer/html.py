"""HTML mail as lines of text; what each line is (own, quoted, signature) as the mail program marked it.

Text only: nothing is fetched, run or rendered. The structure that mail programs leave around a quoted letter is surer
than any pattern of words, so it is read first; `normalizer/quotes.py` then looks at the lines that are still own.

selectolax repairs the markup and writes it out well-formed; the walk is over that string, because a Python object for
every node costs ten times as much (3 ms for 13 kB).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from normalizer.lines import Line, Mark

MAX_HTML = 2 * 1024 * 1024  # characters parsed; the text limit is reached long before
MAX_DEPTH = 2000  # lexbor needs 20 s for 100,000 nested divs, 0.02 s for this many; people nest a hundred
MAX_LINKS = 200
MAX_LINES = 20_000

_STRIPPED = [
    "script", "style", "head", "title", "object", "embed", "iframe", "noscript", "template", "svg", "math", "canvas",
    "audio", "video", "select", "datalist", "noembed", "noframes", "xmp", "plaintext", "textarea",
]  # fmt: skip
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_BLOCKS = frozenset(
    {
        "p", "div", "tr", "table", "tbody", "thead", "tfoot", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6",
        "blockquote", "pre", "section", "article", "header", "footer", "address", "dl", "dt", "dd", "center", "form",
        "fieldset", "figure", "main", "aside", "nav", "body", "html", "caption",
    }
)  # fmt: skip
# Elements that say nothing when they have no attributes.
_PLAIN = frozenset(
    {"b", "i", "u", "strong", "em", "span", "font", "a", "small", "big", "s", "sub", "sup", "tt", "code", "o:p", "img"}
)
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "dl"})

_TOKEN = re.compile(r'<(/?)([a-zA-Z][^\s/>]*)((?:[^<>"]++|"[^"]*")*+)>|<!--.*?(?:-->|$)|<![^>]*>|([^<]+|<)', re.S)
_ATTRIBUTE = re.compile(r'([^\s="]+)(?:="([^"]*)")?')
_NESTING = re.compile(r"<(/?)[a-zA-Z]")

# What marks the quoted letter by class or id: Yahoo, Proton, Zoho, Thunderbird, Tuta and others.
# Not Gmail's `gmail_quote`: answers between the quoted lines stand inside of it, and its blockquotes are marked anyway.
# Not its `gmail_attr` either: above a letter that is passed on it stands without a blockquote; its words tell which.
_QUOTE_NAMES = re.compile(
    r"\b(?:(?:ydp\w{0,12}?)?yahoo_quoted|protonmail_quote|zmail_extra|moz-cite-prefix|moz-forward-container|moz-email-headers-table"
    r"|tutanota_quote|wrap_quote|outlook_quote|zimbra_quote|mailru-blockquote|reply_quote|front-blockquote|missive_quote"
    r"|WordSection1_quote|cf_quote|quoted-message|mail-quote|reply-intro)\b",
    re.I,
)
# From such an element to the end of the letter everything is quoted: Outlook on the web and its mobile programs.
_REST_NAMES = re.compile(
    r'\bid="(?:x_)*(?:divRplyFwdMsg|appendonsend|mail-editor-reference-message-container'
    r'|ms-outlook-mobile-reference-message|OLK_SRC_BODY_SECTION)"',
    re.I,
)
_SIGNATURE_NAMES = re.compile(
    r"\b(?:gmail_signature|moz-signature|ms-outlook-mobile-signature|protonmail_signature_block(?:-\w+)?|AppleMailSignature"
    r"|tutanota_signature|js-mail-signature|mail-signature|data-signature-widget|zmail_signature|composer_signature"
    r"|front-signature|aqm-signature|mi-signature)\b"
    r"|\bid=\"(?:x_)*signature\"|data-signature",
    re.I,
)
# Outlook on the desktop draws a line above the quoted header with a border of one of its two greys.
_OUTLOOK_LINE = re.compile(
    r"border:none;\s*border-top:\s*solid\s+#(?:e1e1e1|b5c4df)|border-top:\s*(?:1px\s+)?solid\s+#(?:e1e1e1|b5c4df)", re.I
)
# Gmail's "increase indent" makes a blockquote of one's own words.
_INDENT = re.compile(r"margin:\s*0(?:px)?\s+0(?:px)?\s+0(?:px)?\s+40px;\s*border:\s*(?:medium\s+)?none", re.I)
# What mail programs put on the blockquote of a quoted letter; without any of it, words around it have to tell.
_SAYS_QUOTE = re.compile(r"\b(?:type|cite|class|id|data-[\w-]{1,40})=|border", re.I)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:[;\"]|!|$)|\shidden(?:[\s=>]|$)",
    re.I,
)
_TIGHT = re.compile(r"MsoNormal|MsoPlainText|margin(?:-(?:top|bottom))?:\s*0|xmsonormal", re.I)
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")


@dataclass(slots=True)
class Rendered:
    """The lines of an HTML body, and the addresses behind its links."""

    lines: list[Line] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    limited: bool = False


def render(source: str) -> Rendered:
    """The text of an HTML body in its block structure. Never raises; linear, and bounded by its limits."""
    limited = len(source) > MAX_HTML
    source = source[:MAX_HTML].replace("\0", "")
    if _too_deep(source):
        limited = True
    else:
        source = _well_formed(source)
    reader = _Reader()
    for token in _TOKEN.finditer(source):
        closing, tag, attributes, text = token.groups()
        if text is not None:
            reader.text(text)
        elif tag is None or (tag in _PLAIN and not attributes and not reader.open_marks):
            continue
        elif closing:
            if tag in _BLOCKS or reader.open_marks:  # else it ends nothing
                reader.close(tag)
        else:
            reader.open(tag, attributes)
            if len(reader.out.lines) > MAX_LINES:
                limited = True
                break
    return reader.finish(limited)


def _too_deep(source: str) -> bool:
    if source.count("<") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _NESTING.finditer(source):
        depth += -1 if token.group(1) else 1
        # Elements without an end tag count too, so a long flat letter of <br> may look deep: look again without them.
        if depth > MAX_DEPTH:
            return _nested_blocks(source)
    return False


def _nested_blocks(source: str) -> bool:
    depth = 0
    for token in re.finditer(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)", source):
        tag = token.group(2).lower()
        if tag in _VOID or tag in ("p", "li", "tr", "td", "th", "dt", "dd", "option", "meta"):
            continue
        depth = max(0, depth - 1) if token.group(1) else depth + 1
        if depth > MAX_DEPTH:
            return True
    return False


def _well_formed(source: str) -> str:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    try:
        parser = LexborHTMLParser(source)
        parser.strip_tags(_STRIPPED)
        return parser.html or ""
    except (SelectolaxError, UnicodeError, ValueError):
        return source


def _meaning(tag: str, attributes: str) -> tuple[bool, Mark | None, bool]:
    """Whether an element is hidden, what it makes of the lines in it, and whether of all that follow too."""
    if _HIDDEN.search(attributes):
        return True, None, False
    if tag == "blockquote" and not _INDENT.search(attributes):
        return False, Mark.QUOTED if _SAYS_QUOTE.search(attributes) else Mark.INDENTED, False
    if _REST_NAMES.search(attributes) or (tag == "div" and _OUTLOOK_LINE.search(attributes)):
        return False, Mark.QUOTED, True
    if "class=" in attributes or "id=" in attributes or "data-" in attributes:
        if _QUOTE_NAMES.search(attributes):
            return False, Mark.QUOTED, False
        if _SIGNATURE_NAMES.search(attributes):
            return False, Mark.SIGNATURE, False
    return False, None, False


class _Reader:
    """Collects lines from the tags and texts of well-formed markup; tolerates what is not."""

    def __init__(self) -> None:
        self.out = Rendered()
        self.pieces: list[str] = []
        self.mark = Mark.OWN
        self.rest = False  # everything that follows is quoted
        self.hidden = 0  # depth inside a hidden element
        self.pre = 0
        self.marks: list[tuple[str, Mark, bool]] = []  # elements inside a marked one: tag, mark before, changed it
        self.known: dict[tuple[str, str], tuple[bool, Mark | None, bool]] = {}  # what attributes mean

    @property
    def open_marks(self) -> bool:
        return bool(self.marks) or self.hidden > 0

    def text(self, text: str) -> None:
        if self.hidden:
            return
        if "&" in text:
            text = unescape(text)
        if not self.pre:
            self.pieces.append(text)
            return
        first, *more = text.split("\n")
        self.pieces.append(first)
        for line in more:
            self.flush(always=True)
            self.pieces.append(line)

    def open(self, tag: str, attributes: str) -> None:
        if self.hidden:
            self.hidden += tag not in _VOID
            return
        if tag == "br":
            self.flush(always=True)
            return
        if tag in _BLOCKS:
            self.flush()
            if tag in _SPACED and not (attributes and _TIGHT.search(attributes)):
                self.blank()
        elif tag in ("td", "th"):
            self.pieces.append(" ")
        if tag in _VOID:
            self.void(tag, attributes)
            return
        self.pre += tag == "pre"
        if tag == "li":
            self.pieces.append("- ")
        if tag == "blockquote" or (attributes and tag != "body"):
            self.attributes(tag, attributes)
        elif self.marks:
            self.marks.append((tag, self.mark, False))

    def attributes(self, tag: str, attributes: str) -> None:
        known = self.known.get((tag, attributes))
        if known is None:  # programs repeat the same style on every line
            known = self.known[tag, attributes] = _meaning(tag, attributes)
        hidden, mark, rest = known
        if hidden:
            self.hidden = 1
            return
        if tag == "a":
            self.link(attributes)
        inside = self.mark is Mark.INDENTED and mark is not Mark.QUOTED  # whether it is a quote is not known yet
        if mark in (None, self.mark) or self.mark is Mark.QUOTED or inside:
            if self.marks:
                self.marks.append((tag, self.mark, False))
            return
        self.rest = self.rest or rest
        self.flush()
        self.marks.append((tag, self.mark, True))
        self.mark = mark

    def close(self, tag: str) -> None:
        if self.hidden:
            self.hidden -= 1
            return
        if tag in _BLOCKS:
            self.flush(always=tag == "p" and bool(self.pieces))
            if tag in _SPACED and tag != "p":
                self.blank()
        if tag == "pre":
            self.pre = max(0, self.pre - 1)
        if self.marks and self.marks[-1][0] == tag:
            _, before, changed = self.marks.pop()
            if changed:
                self.flush()
                self.mark = self.mark if self.rest else before

    def void(self, tag: str, attributes: str) -> None:
        if tag == "hr":
            self.flush()
            self.blank()
        elif tag == "img":
            found = dict(_ATTRIBUTE.findall(attributes))
            alt = unescape(found.get("alt", ""))
            if alt and len(alt) <= 4 and not alt.isascii() and not alt.isalpha():  # an emoji drawn as an image
                self.pieces.append(alt)

    def link(self, attributes: str) -> None:
        target = unescape(dict(_ATTRIBUTE.findall(attributes)).get("href", "")).strip()
        if len(self.out.links) < MAX_LINKS and target.lower().startswith(("http:", "https:", "mailto:", "tel:")):
            self.out.links.append(target[:2048])

    def flush(self, always: bool = False) -> None:
        """End the line. `always`: also an empty one, which is an empty line."""
        if not self.pieces:
            if always:
                self.out.lines.append(Line("", self.mark))
            return
        text = "".join(self.pieces)
        self.pieces.clear()
        if not text.isascii():
            text = _INVISIBLE.sub("", text)
        text = text.rstrip() if self.pre else " ".join(text.split())
        if text and text != "-":
            self.out.lines.append(Line(text, self.mark))
        elif always:
            self.out.lines.append(Line("", self.mark))

    def blank(self) -> None:
        if self.out.lines and self.out.lines[-1].text:
            self.out.lines.append(Line("", self.mark))

    def finish(self, limited: bool) -> Rendered:
        self.flush()
        lines: list[Line] = []
        empty = 0
        for line in self.out.lines:  # two empty lines in a row at most, none at the ends
            empty = 0 if line.text else empty + 1
            if empty <= 2 and (lines or line.text):
                lines.append(line)
        while lines and not lines[-1].text:
            lines.pop()
        self.out.lines = lines
        self.out.limited = limited
        return self.out
