"""HTML mail as lines of text; what each line is (own, quoted, signature) as the mail program marked it.

Text only: nothing is fetched, run or rendered. The structure that mail programs leave around a quoted letter is surer
than any pattern of words, so it is read first; `normalizer/quotes.py` then looks at the lines that are still own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from normalizer.lines import Line, Mark

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MAX_HTML = 4 * 1024 * 1024  # characters parsed; the text limit is reached long before
MAX_NODES = 200_000
MAX_LINKS = 200

_DROPPED = {
    "script",
    "style",
    "head",
    "title",
    "meta",
    "link",
    "object",
    "embed",
    "iframe",
    "noscript",
    "template",
    "svg",
    "math",
    "canvas",
    "audio",
    "video",
    "map",
    "select",
    "option",
    "datalist",
    "o:p-x",
}
_BLOCKS = {
    "p",
    "div",
    "br",
    "tr",
    "table",
    "tbody",
    "thead",
    "ul",
    "ol",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "pre",
    "hr",
    "section",
    "article",
    "header",
    "footer",
    "address",
    "dl",
    "dt",
    "dd",
    "center",
    "form",
    "fieldset",
    "figure",
    "main",
    "aside",
    "nav",
    "body",
    "html",
    "caption",
    "title",
}
_SPACED = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "dl"}

# Wrappers of the quoted letter, by class or id. Gmail, mail.ru, Yandex, Rambler, Yahoo, Proton, Zimbra, Thunderbird.
_QUOTE_CLASS = re.compile(
    r"\b(?:gmail_quote(?:_container)?|gmail_extra_quote|yahoo_quoted|protonmail_quote|zmail_extra|moz-cite-prefix"
    r"|moz-forward-container|tutanota_quote|wrap_quote|outlook_quote|zimbra_quote|mailru-blockquote|mail-quote-collapse"
    r"|reply_quote|mcntmcntquote|x_gmail_quote|front-blockquote|missive_quote|divrplyfwdmsg)\b",
    re.I,
)
# From here to the end of the letter everything is the quoted one: Outlook on the web and its mobile programs.
_REST_ID = re.compile(
    r"^(?:x_)*(?:divrplyfwdmsg|appendonsend|reply-intro|mail-editor-reference-message-container"
    r"|ms-outlook-mobile-reference-message|stopspelling|olk_src_body_section)$",
    re.I,
)
_SIGNATURE = re.compile(
    r"\b(?:gmail_signature|moz-signature|ms-outlook-mobile-signature|protonmail_signature_block|mailru_signature"
    r"|zimbra_signature|tutanota_signature|bloop_sign|js-mail-signature|ya-signature|mail-signature)\b"
    r"|\b(?:signature|composesignature|ms-outlook-mobile-signature|appleMailSignature|data-mailru-signature)\b",
    re.I,
)
# Outlook on the desktop draws a line above the quoted header: div style "border-top:solid #E1E1E1 1.0pt".
_OUTLOOK_LINE = re.compile(r"border-top:\s*solid\s+#(?:e1e1e1|b5c4df)", re.I)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|$)", re.I
)
_SPACE = re.compile(r"[ \t\r\n\f\xa0\u200b\u200c\u2060\ufeff\xad\u034f]+")
_SPACE_PRE = re.compile(r"[\r\f\u200b\u200c\u2060\ufeff\xad\u034f]+")


@dataclass(slots=True)
class Rendered:
    """The lines of an HTML body, and the addresses behind its links."""

    lines: list[Line] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    limited: bool = False

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(slots=True)
class _State:
    out: Rendered
    current: list[str] = field(default_factory=list)
    mark: Mark = Mark.OWN
    rest: Mark | None = None  # once set, everything that follows is marked so

    def newline(self, blank: bool = False) -> None:
        text = "".join(self.current)
        self.current.clear()
        if text.strip():
            self.out.lines.append(Line(text.strip(" "), self.mark))
        if blank and self.out.lines and self.out.lines[-1].text:
            self.out.lines.append(Line("", self.mark))


def render(source: str) -> Rendered:
    """The text of an HTML body in its block structure. Never raises; linear, and bounded by its limits."""
    from selectolax.lexbor import LexborHTMLParser

    out = Rendered(limited=len(source) > MAX_HTML)
    root = LexborHTMLParser(source[:MAX_HTML].replace("\0", "")).root
    if root is None:
        return out
    state = _State(out)
    _walk(root, state)
    state.newline()
    while out.lines and not out.lines[-1].text:
        out.lines.pop()
    return out


def _walk(root: LexborNode, state: _State) -> None:
    """Depth first with a stack of our own: markup can be nested deeper than Python's recursion goes."""
    stack: list[tuple[LexborNode | None, str, Mark, bool]] = [(root, "", Mark.OWN, False)]
    for _ in range(MAX_NODES):
        if not stack:
            return
        node, closing, mark, pre = stack.pop()
        if node is None:  # the end of an element
            if closing in _BLOCKS:
                state.newline(blank=closing in _SPACED)
            state.mark = state.rest or mark
            continue
        tag = node.tag or ""
        if tag == "-text":
            _text(node.text_content or "", state, pre)
            continue
        if tag == "-document":
            stack.extend((child, "", mark, pre) for child in reversed(list(node.iter(include_text=True))))
            continue
        if tag.startswith(("-", "_", "!")) or tag in _DROPPED:
            continue
        attributes = node.attributes
        if _is_hidden(attributes):
            continue
        if tag in _BLOCKS:
            state.newline(blank=tag in _SPACED)
        outer = state.mark
        state.mark = state.rest or _mark(tag, attributes, state, outer)
        _special(tag, attributes, state)
        stack.append((None, tag, outer, pre))
        inner_pre = (
            pre
            or tag == "pre"
            or "pre" in (attributes.get("style") or "")
            and "white-space" in (attributes.get("style") or "")
        )
        child = node.last_child
        while child is not None:
            stack.append((child, "", state.mark, inner_pre))
            child = child.prev
    state.out.limited = True


def _text(text: str, state: _State, pre: bool) -> None:
    if pre:
        first, *more = _SPACE_PRE.sub("", text).split("\n")
        state.current.append(first)
        for line in more:
            state.out.lines.append(Line("".join(state.current).rstrip(), state.mark))
            state.current[:] = [line]
        return
    text = _SPACE.sub(" ", text)
    if text == " " and not state.current:
        return
    if state.current and state.current[-1].endswith(" "):
        text = text.lstrip(" ")
    state.current.append(text if state.current else text.lstrip(" "))


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    if "hidden" in attributes:
        return True
    style = attributes.get("style")
    return bool(style and _HIDDEN.search(style))


def _mark(tag: str, attributes: dict[str, str | None], state: _State, outer: Mark) -> Mark:
    """What an element says its content is."""
    if outer is Mark.QUOTED:
        return outer
    if tag == "blockquote":
        return Mark.QUOTED
    if not attributes:
        return outer
    name = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    if name != " ":
        if _REST_ID.match((attributes.get("id") or "").strip()):
            state.rest = Mark.QUOTED
            return Mark.QUOTED
        if _QUOTE_CLASS.search(name):
            return Mark.QUOTED
        if _SIGNATURE.search(name):
            return Mark.SIGNATURE
    style = attributes.get("style")
    if style and _OUTLOOK_LINE.search(style):
        state.rest = Mark.QUOTED
        return Mark.QUOTED
    if "data-smartmail" in attributes and (attributes["data-smartmail"] or "") == "gmail_signature":
        return Mark.SIGNATURE
    return outer


def _special(tag: str, attributes: dict[str, str | None], state: _State) -> None:
    if tag == "a" and (target := (attributes.get("href") or "").strip()):
        if len(state.out.links) < MAX_LINKS and target.lower().startswith(("http:", "https:", "mailto:", "tel:")):
            state.out.links.append(target[:2048])
    elif tag == "li":
        state.current.append("- ")
    elif tag in ("td", "th") and state.current:
        state.current.append(" ")
    elif tag == "hr" and state.mark is Mark.OWN:
        state.out.lines.append(Line("", state.mark))
    elif tag == "img" and (alt := (attributes.get("alt") or "").strip()) and len(alt) <= 4:
        state.current.append(alt)  # emoji drawn as images
