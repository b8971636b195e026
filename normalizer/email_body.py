"""What a letter holds: the text to read, the files, the addresses behind links, and what is enclosed in it.

Every inline text part is read; of alternatives the plain one, unless it is empty, a stub, or only the HTML shows where
the quoted letter begins. Everything else is a file, byte for byte, wherever in the tree it stands.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from normalizer import calendar, charsets, file_names, flowed, mime, wrapped
from normalizer import headers as fields
from normalizer.lines import Line
from normalizer.message import AttachmentKind, Limits, Part
from normalizer.mime import Entity, Letter

_STUB = 120  # characters under which a plain alternative may be a stub («Your program shows no HTML»)
_MAX_RAW_TEXT = 4 * 1024 * 1024  # bytes of one text part that are looked at, as many as the HTML reader takes
_MAX_LINES = 20_000
_MAX_INNER = 1024 * 1024  # bytes of one that are read
_SHOWN = ("From", "Date", "To", "Subject")
_MAX_ENCLOSED = 5  # forwarded letters that are read; more stay files
_REPORTS = {
    "message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
    "message/feedback-report", "text/rfc822-headers", "message/rfc822-headers",
}  # fmt: skip
_OTHER_SHAPES = {"text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext"}
_LETTERS = {"message/rfc822", "message/global", "message/rfc-822"}
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_KINDS: dict[str, AttachmentKind] = {"image": "photo", "audio": "audio", "video": "video"}
_HTML_QUOTE = re.compile(
    r"<blockquote|gmail_quote|gmail_attr|divRplyFwdMsg|appendonsend|border-top:\s*solid #(?:E1E1E1|B5C4DF)"
    r"|yahoo_quoted",
    re.I,
)
_MESSAGE_ID = re.compile(r"^[>\s]{0,8}message-id\s?:\s{0,20}<([^<>\s]{1,500})>", re.I | re.M)


@dataclass(slots=True)
class Body:
    """Everything that was found. `lines`: the text, with the marks of HTML; `enclosed`: forwarded letters as text."""

    root_type: str = "text/plain"
    report_type: str = ""
    charset: str | None = None
    lines: list[Line] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)
    enclosed: str = ""
    flags: dict[str, None] = field(default_factory=dict)
    leaf_types: set[str] = field(default_factory=set)
    hashes: list[bytes] = field(default_factory=list)
    wrapped_lines: list[Line] = field(default_factory=list)  # the text of a winmail.dat
    calendar: str = ""  # what an invitation says
    returned_id: str | None = None  # the Message-ID of the letter that a report is about

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines[:200])

    def add(self, lines: list[Line]) -> None:
        """One more text, after an empty line; not the same words twice (plain and HTML side by side in `mixed`)."""
        if not lines or (self.lines and _words(lines) == _words(self.lines)):
            return
        if self.lines:
            self.lines.append(Line(""))
        self.lines.extend(lines)


def collect(letter: Letter, limits: Limits) -> Body:
    """Read all parts of a letter. Never raises; no more is decoded than the limits let through."""
    body = Body(letter.root.content_type, letter.root.params.get("report-type", "").lower())
    _walk(letter, body, limits, inside="")
    if len(body.lines) > _MAX_LINES:
        del body.lines[_MAX_LINES:]
        body.flags["too_large"] = None
    return body


def _walk(letter: Letter, body: Body, limits: Limits, inside: str) -> None:
    """`inside`: the number of the part that a signed letter was wrapped in."""
    if letter.limited:
        body.flags["too_large"] = None
    if letter.root.content_type == "multipart/encrypted":
        body.flags["encrypted"] = None
    groups: dict[int, list[Entity]] = {}
    for number, entity in enumerate(letter.root.leaves(), 1):
        body.leaf_types.add(entity.content_type)
        if _is_text(entity, bool(groups)):
            alternative = _alternative(entity)
            groups.setdefault(id(alternative or entity), []).append(entity)
            if entity.file_name() is not None:  # read, because nothing else is; and kept, because it is a file
                _file(letter, entity, f"{inside}{number}", body, limits)
        elif entity.content_type in _OTHER_SHAPES and _alternative(entity):
            continue  # the same words a third time (AMP, enriched)
        elif inside or not _open_smime(letter, entity, str(number), body, limits):
            _file(letter, entity, f"{inside}{number}", body, limits)
    for group in groups.values():
        _read_group(letter, group, body)
    if not any(line.text.strip() for line in body.lines):
        body.lines = body.wrapped_lines or [Line(line) for line in body.calendar.split("\n") if line]


def _open_smime(letter: Letter, entity: Entity, number: str, body: Body, limits: Limits) -> bool:
    """Read the letter inside an opaque signature as if it stood there; encrypted ones stay a file."""
    if entity.content_type not in _SMIME or mime.decoded_size(entity) > limits.attachment:
        return False
    data = mime.body(letter, entity)
    if wrapped.is_enveloped(data):
        body.flags["encrypted"] = None
        return False
    content = wrapped.signed_content(data)
    if content is None:
        return False
    body.flags["signed"] = None
    _walk(mime.parse(content, limits.parts, limits.depth), body, limits, inside=f"{number}.")
    return True


def _is_text(entity: Entity, has_text: bool) -> bool:
    kind = entity.content_type
    if kind.startswith("multipart/"):  # one without a part in it
        return entity.parent is None
    if kind not in ("text/plain", "text/html") and (kind not in _OTHER_SHAPES or _alternative(entity)):
        return False
    stated = entity.headers.raw("content-disposition")
    if not stated:
        return not has_text or entity.file_name() is None
    return entity.disposition != "attachment" and entity.file_name() is None


def _alternative(entity: Entity) -> Entity | None:
    """The outermost multipart/alternative around a part."""
    found = None
    parent = entity.parent
    while parent is not None:
        if parent.content_type == "multipart/alternative":
            found = parent
        parent = parent.parent
    return found


def _read_group(letter: Letter, group: list[Entity], body: Body) -> None:
    """Read one text, or the better one of its alternatives."""
    plain = [entity for entity in group if entity.content_type != "text/html"]
    html = [entity for entity in group if entity.content_type == "text/html"]
    plain_lines = [line for entity in plain for line in _plain(letter, entity, body)]
    if not html:
        body.add(plain_lines)
        return
    sources = [_decoded(letter, entity, body) for entity in html]
    if plain_lines and not _prefers_html(plain_lines, sources):
        for source in sources:
            _links_only(source, body)
        body.add(plain_lines)
        return
    from normalizer import html as html_reader

    lines: list[Line] = []
    for source in sources:
        rendered = html_reader.render(source)
        if rendered.limited:
            body.flags["too_large"] = None
        body.links.extend(rendered.links)
        lines.extend(rendered.lines)
    body.add(lines if any(line.text.strip() for line in lines) else plain_lines)


def _prefers_html(plain: list[Line], sources: list[str]) -> bool:
    text = "\n".join(line.text for line in plain).strip()
    if not text:
        return True
    if len(text) < _STUB:
        return True
    return any(_HTML_QUOTE.search(source) for source in sources) and "\n>" not in text


def _links_only(source: str, body: Body) -> None:
    found = re.findall(
        r"""<a\s[^<>]{0,500}?href\s*=\s*["']?((?:https?|mailto|tel):[^\s"'<>]{1,2000})""", source[:500_000], re.I
    )
    body.links.extend(link.replace("&amp;", "&") for link in found[:200])


def _decoded(letter: Letter, entity: Entity, body: Body) -> str:
    view = entity
    if entity.end - entity.start > _MAX_RAW_TEXT:
        view = Entity(entity.headers, entity.content_type, entity.params, entity.start, entity.start + _MAX_RAW_TEXT)
        body.flags["too_large"] = None
    data = mime.body(letter, view)
    body.hashes.append(hashlib.sha256(data).digest())
    label = entity.params.get("charset")
    if entity.content_type == "text/html" and (label is None or charsets.codec(label) is None):
        meta = re.search(rb"charset\s*=\s*[\"']?\s*([\w:.-]{2,40})", data[:4096], re.I)
        label = meta.group(1).decode("ascii") if meta else label
    body.charset = body.charset or label
    text = charsets.decode(data, label)
    if "\ufffd" in text:
        body.flags["unreadable_part"] = None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(letter: Letter, entity: Entity, body: Body) -> list[Line]:
    text = _decoded(letter, entity, body).replace("\0", "")
    if "-----BEGIN PGP" in text:
        text, flag = wrapped.unarmour(text)
        if flag:
            body.flags[flag] = None
    if "begin " in text and "\nend" in text:
        text, files = mime.uu_files(text)
        for name, data in files:
            body.attachments.append(
                _part(f"uu.{len(body.attachments) + 1}", "application/octet-stream", name, len(data), data, None)
            )
            body.hashes.append(hashlib.sha256(data).digest())
    if entity.params.get("format", "").lower() == "flowed":
        text = flowed.unflow(text, entity.params.get("delsp", "").lower() == "yes")
    return [Line(line) for line in text.strip("\n").split("\n", _MAX_LINES)] if text.strip() else []


def _words(lines: list[Line]) -> str:
    return "".join("".join(line.text for line in lines[:500]).split())


def _file(letter: Letter, entity: Entity, number: str, body: Body, limits: Limits) -> None:
    """One part as a file, or, for what reports hold, what it says."""
    kind = entity.content_type
    if kind in _SIGNATURES:
        body.flags["signed"] = None
    if kind == "application/pgp-encrypted":
        body.flags["encrypted"] = None
    name = entity.file_name(body.charset)
    if kind in _REPORTS:
        _report(letter, entity, body)
        if name is None:
            return
    if kind in _LETTERS:
        _enclosed(letter, entity, number, body, limits)
    size = mime.decoded_size(entity)
    if size > limits.attachment + size // 32:  # line ends are counted in
        body.flags["too_large"] = None
        body.hashes.append(hashlib.sha256(memoryview(letter.payload)[entity.start : entity.end]).digest())
        body.attachments.append(_part(number, kind, name, size, None, "larger than the limit"))
        return
    content = mime.body(letter, entity)
    if not content and name is None:
        return
    body.hashes.append(hashlib.sha256(content).digest())
    if kind in _TNEF or (name or "").lower() == "winmail.dat":
        _open_tnef(content, number, body)
    if kind == "text/calendar":
        body.calendar = body.calendar or calendar.summary(
            charsets.decode(content[:65536], entity.params.get("charset"))
        )
    body.attachments.append(_part(number, kind, name, len(content), content, None))


def _part(number: str, kind: str, name: str | None, size: int, content: bytes | None, refused: str | None) -> Part:
    return Part(
        part=number,
        kind=_KINDS.get(kind.partition("/")[0], "document"),
        name=file_names.clean(name),
        media_type=kind,
        size=size,
        content=content,
        refused=refused,
    )


def _open_tnef(content: bytes, number: str, body: Body) -> None:
    """The files inside a winmail.dat stand beside it; its text is read when the letter has no other."""
    found = wrapped.tnef(content)
    if found is None:
        body.flags["unreadable_part"] = None
        return
    for index, (name, data) in enumerate(found.files, 1):
        body.attachments.append(_part(f"{number}.{index}", "application/octet-stream", name, len(data), data, None))
    if found.html:
        from normalizer import html as html_reader

        body.wrapped_lines = html_reader.render(found.html).lines
    elif found.text:
        body.wrapped_lines = [Line(line) for line in found.text.splitlines()]


def _report(letter: Letter, entity: Entity, body: Body) -> None:
    """What a delivery report says goes to the quoted part; the id of the returned letter is kept."""
    text = charsets.decode(mime.body(letter, entity)[:16384], entity.params.get("charset")).replace("\r\n", "\n")
    if body.returned_id is None:
        found = _MESSAGE_ID.search(text) or re.search(
            r"^(?:x-)?original-message-id\s*:\s*<([^<>\s]{1,500})>", text, re.I | re.M
        )
        body.returned_id = found.group(1) if found else None
    body.enclosed = f"{body.enclosed}\n\n{text.strip()}".strip()


def _enclosed(letter: Letter, entity: Entity, number: str, body: Body, limits: Limits) -> None:
    """Read a forwarded or returned letter: its sender, date, subject and words go to the quoted part.

    The files that were passed on with it stand beside it, as those of a winmail.dat do.
    """
    data = mime.body(letter, entity)
    headers, _ = fields.split(data, 0, len(data))
    if body.returned_id is None and (ids := fields.message_ids(headers.raw("message-id"))):
        body.returned_id = ids[0]
    body.flags["forwarded"] = None
    if sum(part.media_type in _LETTERS for part in body.attachments) < _MAX_ENCLOSED:
        if body.root_type != "multipart/report" and len(data) <= limits.attachment:
            _enclosed_files(mime.parse(data, limits.parts, limits.depth), number, body, limits)
        inner = mime.parse(data[:_MAX_INNER], 50, 20)
        texts = Body()
        group = [leaf for leaf in inner.root.leaves() if _is_text(leaf, True)]
        if group:
            first = _alternative(group[0])
            _read_group(
                inner, [leaf for leaf in group if leaf is group[0] or (first and _alternative(leaf) is first)], texts
            )
        head = "\n".join(f"{label}: {headers.text(label.lower())}" for label in _SHOWN if label.lower() in headers)
        words = "\n".join(line.text for line in texts.lines)[:16384].strip()
        body.enclosed = "\n\n".join(part for part in (body.enclosed, head, words) if part)
        body.links.extend(texts.links)


def _enclosed_files(inner: Letter, number: str, body: Body, limits: Limits) -> None:
    """The named parts of an enclosed letter. Their bytes are in its own hash already."""
    for index, leaf in enumerate(inner.root.leaves(), 1):
        name = leaf.file_name(body.charset)
        if name is None or len(body.attachments) >= limits.parts or mime.decoded_size(leaf) > limits.attachment:
            continue
        content = mime.body(inner, leaf)
        body.attachments.append(_part(f"{number}.{index}", leaf.content_type, name, len(content), content, None))
