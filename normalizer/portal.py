"""The portal: what our own front writes for the form, the cabinet, the mobile app, the hotline and the service centres.

One payload is one JSON object. Only `source` and `idempotency_key` are needed; what is absent is null or left out:

    {"source": "form" | "cabinet" | "mobile" | "phone" | "office",
     "kind": "appeal" | "comment" | "mark",
     "idempotency_key": "the sender's own, 1 to 200 printable ASCII characters",
     "sent_at": "RFC 3339 with a zone",
     "number": "of an earlier request, as it was written",
     "subject": "…", "text": "…", "category": "a name of the routing rules", "audience": "of the line that was called",
     "citizen": {"full_name", "phone", "email", "inn", "snils", "account_number", "preferred_channel", "call_back_at",
                 "language", "passport": {"series", "number", "issued_on", "issued_by"}},
     "sign_in": {"id": "the portal's id of a signed-in citizen", "vouched": ["full_name", "phone", "email", …]},
     "details": {"application_number", "service", "step", "error_code", "error_text", "occurred_at", "device", "os",
                 "browser"},
     "review": {"mark": 1 to 5, "about": "YYYY-MM-DD", "suggestions": "…"},
     "attachments": [{"name", "media_type", "content": "base64"}]}

A `sign_in` is believed from every source but the form, which anybody can send. Without one the sender has no identity
of his own on this channel: what he states is stated, never vouched for.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal, cast, get_args

from normalizer import file_names
from normalizer.citizen import facts
from normalizer.message import Account, AttachmentKind, Identity, Limits, Message, Part, Reading, Sender, Unreadable
from normalizer.payload import (
    TOO_LARGE,
    Draft,
    cut,
    identifier,
    integer,
    line,
    mapping,
    parse,
    raw_identity,
    sequence,
    text,
)

Source = Literal["form", "cabinet", "mobile", "phone", "office"]
SOURCES: tuple[Source, ...] = get_args(Source)
ANONYMOUS = "form"
DETAILS = (
    *("application_number", "service", "step", "error_code", "error_text", "occurred_at", "device", "os", "browser"),
)
VOUCHED = ("full_name", "phone", "email", "inn", "snils")
MOST_KEY = 200  # characters of an idempotency key

_MEDIA_KINDS: dict[str, AttachmentKind] = {"image": "photo", "audio": "audio", "video": "video"}


def identify(payload: bytes) -> Identity:
    """By source and idempotency key. What a signed-in citizen sends is one conversation; the rest stand alone."""
    value = parse(payload)
    native = _native_id(value)
    if native is None:
        return raw_identity(payload)
    return Identity(key=native, conversation=_conversation(value, native), sent_at=_moment(text(value, "sent_at")))


def read(payload: bytes, account: Account) -> Reading:
    """The message of one payload."""
    value = parse(payload)
    if isinstance(value, Unreadable):
        return value
    native = _native_id(value)
    if native is None:
        return Unreadable("no source, or no idempotency key")
    source = cast(Source, text(value, "source"))
    limits = account.limits
    draft = Draft()
    draft.say(text(value, "text"))
    draft.parts = [_part(item, native, index, limits) for index, item in enumerate(sequence(value, "attachments"))]
    sender = _sender(value, source)
    return Message(
        native_id=native,
        conversation_id=_conversation(value, native),
        chat=False,
        sent_at=_moment(text(value, "sent_at")),
        sender=sender,
        subject=line(text(value, "subject")),
        via=source,
        stated=_stated(value, source, limits),
        **draft.within(limits),
    )


def _native_id(value: Any) -> str | None:
    source, key = text(value, "source"), identifier(value, "idempotency_key")
    return f"{source}:{key}" if source in SOURCES and key and len(key) <= MOST_KEY else None


def _conversation(value: Any, native: str) -> str:
    signed_in = _signed_in(value)
    return f"{text(value, 'source')}:citizen:{signed_in}" if signed_in else native


def _signed_in(value: Any) -> str | None:
    return None if text(value, "source") == ANONYMOUS else identifier(value, "sign_in", "id")


def _moment(written: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(written) if written else None
        if found is None or found.utcoffset() is None or found.timestamp() <= 0:
            return None
        return found.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one that UTC has no year for
        return None


def _sender(value: Any, source: Source) -> Sender:
    citizen, signed_in = mapping(value, "citizen"), _signed_in(value)
    vouched = _vouched(value, source)
    full_name, phone, email = line(text(citizen, "full_name")), phone_of(citizen), email_of(citizen)
    given = {"full_name": full_name, "phone": phone, "email": email}
    return Sender(
        id=f"{source}:{signed_in}" if signed_in else None,
        full_name=full_name,
        phone=phone,
        email=email,
        language=line(text(citizen, "language"), 16),
        vouched=(*(("id",) if signed_in else ()), *(name for name in vouched if given.get(name))),
    )


def _vouched(value: Any, source: Source) -> tuple[str, ...]:
    if source == ANONYMOUS:
        return ()
    named = [item for item in sequence(value, "sign_in", "vouched") if isinstance(item, str)]
    return tuple(name for name in VOUCHED if name in named)


def phone_of(citizen: Mapping[str, Any]) -> str | None:
    """E.164 of what stands in the field, read as in a citizen's text; None for what is no phone."""
    written = line(text(citizen, "phone"), 40)
    return facts(f"телефон {written}").phone if written else None


def email_of(citizen: Mapping[str, Any]) -> str | None:
    """The address that stands in the field, and nothing else in it, lower case; None for what is none."""
    written = line(text(citizen, "email"), 254)
    found = facts(f"почта {written}").email if written else None
    return found if found == (written or "").lower() else None


def _stated(value: Any, source: Source, limits: Limits) -> dict[str, Any]:
    """The fields that stand beside the text: only those that are there and right."""
    citizen = mapping(value, "citizen")
    inn, snils = line(text(citizen, "inn"), 40), line(text(citizen, "snils"), 40)
    found: dict[str, Any] = {
        "number": line(text(value, "number"), 64),
        "category": line(text(value, "category"), 64),
        "audience": line(text(value, "audience"), 64),
        "full_name": line(text(citizen, "full_name")),
        "phone": phone_of(citizen),
        "email": email_of(citizen),
        "inn": facts(f"ИНН {inn}").inn if inn else None,
        "snils": facts(f"СНИЛС {snils}").snils if snils else None,
        "passport": _passport(mapping(citizen, "passport")),
        "vouched": _vouched(value, source),
        "review": _review(mapping(value, "review"), limits),
    }
    for name in ("account_number", "preferred_channel", "call_back_at"):
        found[name] = line(text(citizen, name))
    for name in DETAILS:
        found[name] = line(text(value, "details", name), 2000 if name == "error_text" else 256)
    return {name: item for name, item in found.items() if item}


def _passport(given: Mapping[str, Any]) -> dict[str, Any] | None:
    found = {name: line(text(given, name)) for name in ("series", "number", "issued_by")}
    day = _day(text(given, "issued_on"))
    return {**found, "issued_on": day} if day or any(found.values()) else None


def _review(given: Mapping[str, Any], limits: Limits) -> dict[str, Any] | None:
    mark = integer(given, "mark")
    found = {
        "mark": mark if mark is not None and 1 <= mark <= 5 else None,
        "about": _day(text(given, "about")),
        "suggestions": cut(text(given, "suggestions") or "", limits.text)[0] or None,
    }
    return found if any(found.values()) else None


def _day(written: str | None) -> str | None:
    try:
        return date.fromisoformat(written).isoformat() if written else None
    except ValueError:
        return None


def _part(item: Any, native: str, index: int, limits: Limits) -> Part:
    media_type = line(text(item, "media_type"), 127)
    part = f"{native}:{index + 1}"
    name = file_names.clean(text(item, "name"))
    kind = _MEDIA_KINDS.get((media_type or "").partition("/")[0].lower(), "document")
    written = "".join((text(item, "content") or "").split())  # many encoders break the lines, as in mail (RFC 2045)
    if len(written) > limits.attachment * 4 // 3 + 4:
        size = len(written) * 3 // 4
        return Part(part=part, kind=kind, name=name, media_type=media_type, size=size, refused=TOO_LARGE)
    try:
        content = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return Part(part=part, kind=kind, name=name, media_type=media_type, refused="not base64")
    if not content:
        return Part(part=part, kind=kind, name=name, media_type=media_type, size=0, refused="empty")
    if len(content) > limits.attachment:
        size = len(content)
        return Part(part=part, kind=kind, name=name, media_type=media_type, size=size, refused=TOO_LARGE)
    return Part(part=part, kind=kind, name=name, media_type=media_type, size=len(content), content=content)
