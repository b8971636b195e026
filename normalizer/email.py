"""A letter: raw RFC 5322 bytes to a message. Pure; never raises; bounded by the limits of the account."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from normalizer import headers as fields
from normalizer import machine_mail, mail_reports, mime, quotes
from normalizer.email_authentication import authenticate
from normalizer.email_body import Body, collect
from normalizer.headers import Headers
from normalizer.message import Account, Identity, Ignored, Message, Reading, Sender, Unreadable

_MESSAGE_ID = re.compile(r"^[>\s]{0,8}message-id\s?:\s{0,20}<([^<>\s]{1,500})>", re.I | re.M)
_FORWARDED = re.compile(r"\s*(?:fwd?|fw|пересл(?:ано|анное)?|wg|tr|rv|doorst|i)\s?:", re.I)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CUT_MARK = b"x-priemnaya-cut:"  # the intake puts it before a letter of which it kept only the beginning
_NOT_GIVEN = b"x-priemnaya-not-given:"  # the connector's note of a letter that the mail server did not give
_OWN_MARK = "x-priemnaya"  # a header that our own letters carry (RFC 6648 knows why the X; nobody else uses it)


def identify(payload: bytes) -> Identity:
    """The key is the hash of the bytes, the conversation the first letter of the thread. Never raises."""
    key = "sha256:" + hashlib.sha256(payload).hexdigest()
    headers, _ = fields.split(payload, 0, min(len(payload), fields.MAX_BLOCK))
    return Identity(key=key, conversation=_thread(headers) or key, sent_at=_sent_at(headers))


def read(payload: bytes, account: Account) -> Reading:
    """The meaning of a letter. Never raises; linear in the payload."""
    if not payload.strip(b"\r\n\t \0"):
        return Unreadable("the letter is empty")
    if payload[: len(_NOT_GIVEN)].lower() == _NOT_GIVEN:
        return Unreadable("the mail server did not give this letter: look for it in the mailbox")
    letter = mime.parse(payload, account.limits.parts, account.limits.depth)
    headers = letter.root.headers
    if not len(headers) and _BINARY.search(payload[:4096]):
        return Unreadable("no header, and the content is not text")
    hint = letter.root.params.get("charset")
    email, name = _sender(headers, hint)
    if email and email in account.own_addresses and _is_ours(headers):
        return Ignored("our own mail")
    body = collect(letter, account.limits)
    return _message(payload, account, headers, body, email, name, headers.text("subject", body.charset or hint))


def _message(
    payload: bytes, account: Account, headers: Headers, body: Body, email: str | None, name: str | None, subject: str
) -> Message:
    split = quotes.split_lines(body.lines)
    facts = machine_mail.Facts(
        body.root_type,
        body.report_type,
        frozenset(body.leaf_types),
        email or "",
        name or "",
        subject,
        f"{body.text[:6000]}\n{body.enclosed[:4000]}",
        split.own[:4000],
        bool(split.quoted),
    )
    verdict = machine_mail.judge(headers, facts)
    quoted = "\n\n".join(part for part in (split.quoted, body.enclosed) if part) or None
    authentication, vouched = authenticate(headers, email, account.trusted_authserv_id)
    reply_to = _reply_to(headers)
    if verdict.machine == "bounce" or "read_receipt" in verdict.flags:
        original = body.returned_id or _quoted_id(body)
        reply_to = tuple(dict.fromkeys((original, *reply_to) if original else reply_to))
    flags = dict.fromkeys((*body.flags, *verdict.flags))
    if split.forwarded or (split.quoted and _FORWARDED.match(subject)):
        flags["forwarded"] = None
    if verdict.machine:
        flags[verdict.machine] = None
        flags.pop("forwarded", None)  # what a machine encloses is the letter that it answers
    if payload[: len(_CUT_MARK)].lower() == _CUT_MARK:
        flags["too_large"] = None
    if authentication == "fail":
        flags["authentication_failed"] = None
    own_id = fields.message_ids(headers.raw("message-id"))
    native_id = own_id[0] if own_id else "sha256:" + hashlib.sha256(payload).hexdigest()
    return Message(
        native_id=native_id,
        conversation_id=_thread(headers) or native_id,
        chat=False,
        sent_at=_sent_at(headers),
        sender=Sender(id=email, display_name=name, email=email, vouched=("id", "email") if vouched and email else ()),
        subject=subject or None,
        text=_cut(split.own, account.limits.text, flags),
        quoted=_cut(quoted, account.limits.text, flags) if quoted else None,
        signature=_cut(split.signature, 4096, flags) or None,
        attachments=tuple(body.attachments),
        reply_to=reply_to,
        machine=verdict.machine,
        report=mail_reports.report(verdict, subject, facts.text, reply_to),
        authentication=authentication,
        content_key=_content_key(headers, body),
        flags=tuple(flags),
        links=tuple(body.links),
    )


def _quoted_id(body: Body) -> str | None:
    """The Message-ID in the header of a letter that a bounce repeats in its text."""
    found = _MESSAGE_ID.search("\n".join(line.text for line in body.lines[:2000]))
    return found.group(1) if found else None


def _cut(text: str, limit: int, flags: dict[str, None]) -> str:
    """At most `limit` bytes of UTF-8, whole characters, no NUL; the flag says that something was cut."""
    text = text.replace("\0", "")
    if len(text) * 4 <= limit or len(data := text.encode("utf-8", "replace")) <= limit:
        return text
    flags["too_large"] = None
    return data[:limit].decode("utf-8", "ignore")


def _sender(headers: Headers, hint: str | None) -> tuple[str | None, str | None]:
    """Address and name of the author; a letter without a usable From is by its Sender, Reply-To or envelope."""
    name = None
    for field in ("from", "sender", "reply-to", "return-path"):
        for value in headers.all(field)[:4]:
            email, found = fields.address(value, hint)
            name = name or found
            if email:
                return email, name
    return None, name


def _is_ours(headers: Headers) -> bool:
    return _OWN_MARK in headers or headers.token("auto-submitted").startswith("auto-")


def _thread(headers: Headers) -> str | None:
    for field in ("references", "in-reply-to", "message-id"):
        if ids := fields.message_ids(headers.raw(field)):
            return ids[0]
    return None


def _reply_to(headers: Headers) -> tuple[str, ...]:
    """In-Reply-To, then References from the newest: the nearest letter first."""
    ids = [*fields.message_ids(headers.raw("in-reply-to")), *reversed(fields.message_ids(headers.raw("references")))]
    return tuple(dict.fromkeys(ids))[:100]


def _sent_at(headers: Headers) -> datetime | None:
    found = fields.date(headers.raw("date"))
    if found is None:
        received = headers.raw("received").rpartition(b";")[2]
        found = fields.date(received) if received else None
    return found


def _content_key(headers: Headers, body: Body) -> str:
    """Equal for the same letter through two mailboxes: what the author wrote, not what the way added."""
    digest = hashlib.sha256()
    for field in ("from", "date", "message-id"):
        digest.update(headers.raw(field) + b"\0")
    for part in body.hashes:
        digest.update(part)
    return digest.hexdigest()
