"""What one payload means, before any ticket is known: plain values, no I/O.

Each `normalizer/<kind>.py` offers two pure functions that never raise, on any input:

    identify(payload: bytes) -> Identity          cheap; before the journal, so that a redelivery is one row
    read(payload: bytes, account: Account) -> Reading    the meaning; after the journal

and, where one webhook body can hold several messages, `split(body: bytes) -> list[bytes]`, whose units
are what `identify` and `read` are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

AttachmentKind = Literal[
    "photo", "document", "voice", "audio", "video", "sticker", "location", "contact", "poll", "link", "other"
]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one payload may cost. Sizes in bytes; `text` counts UTF-8 bytes of one text field."""

    text: int = 64 * 1024
    attachment: int = 25 * 1024 * 1024
    parts: int = 1000
    depth: int = 50


@dataclass(frozen=True, slots=True)
class Account:
    """Our side of the conversation, as far as the meaning of a payload depends on it."""

    kind: str = ""
    platform_account: str = ""  # bot id, community, phone number id, mailbox address
    own_addresses: frozenset[str] = frozenset()  # lower case; mail that we send ourselves
    trusted_authserv_id: str | None = None  # RFC 8601: whose Authentication-Results may be believed
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one payload from another on one platform account.

    `key`: equal for every redelivery of the same revision and for nothing else.
    `conversation`: messages of one conversation are processed in the order of the journal.
    `group`: parts of one message (an album) share it. `wait`: seconds in which more parts may come.
    `sent_at`: as stated by the platform, timezone-aware, or None.
    """

    key: str
    conversation: str
    group: str | None = None
    sent_at: datetime | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote, as the platform says. `id` is the platform's own id without the kind (mail: the address)."""

    id: str | None = None
    aliases: tuple[str, ...] = ()  # the same person's other ids here (WhatsApp: the wa_id beside the BSUID)
    display_name: str | None = None
    username: str | None = None
    full_name: str | None = None
    phone: str | None = None  # E.164
    email: str | None = None
    language: str | None = None  # BCP 47, as the platform states it
    vouched: tuple[str, ...] = ()  # of "id", "phone", "email", "full_name": what the platform vouches for


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment as the platform gives it: `content` is in hand, or `fetch` says how to get it, or it is `data`."""

    part: str | None = None  # the native id of the message or MIME part that it came in
    kind: AttachmentKind = "document"
    name: str | None = None  # cleaned: no path, no control or bidi characters
    media_type: str | None = None  # as declared
    size: int | None = None  # bytes, as declared or measured
    content: bytes | None = field(default=None, repr=False)
    fetch: Mapping[str, Any] | None = field(default=None, repr=False)  # {"file_id": …}, {"media_id": …}, {"url": …}
    data: Mapping[str, Any] | None = field(default=None, repr=False)  # a location, a contact, a poll, an unknown kind
    refused: str | None = None  # the reason why it is not taken ("larger than the limit")


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a message that we sent: a WhatsApp status, a bounce of our mail."""

    native_id: str  # of our message
    state: Literal["sent", "delivered", "read", "failed"]
    code: str | None = None
    detail: str | None = None  # the platform's words; no personal data
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message, edit or deletion of a citizen (or of a machine), kind-neutral."""

    native_id: str  # contract, section 6, `source.message_id`
    conversation_id: str
    change: Literal["message", "edit", "deletion"] = "message"
    revises: str | None = None  # native id of the message that an edit or a deletion concerns
    chat: bool = True  # False for mail: no conversation window, no bursts
    sent_at: datetime | None = None
    sender: Sender = Sender()
    subject: str | None = None
    text: str = field(default="", repr=False)  # own new words (mail: after quotes and signature are taken off)
    quoted: str | None = field(default=None, repr=False)  # quoted or forwarded part
    signature: str | None = field(default=None, repr=False)
    attachments: tuple[Part, ...] = ()
    reply_to: tuple[str, ...] = ()  # native ids, nearest first (mail: In-Reply-To, then References)
    button: str | None = None  # payload of a pressed button
    machine: Literal["bounce", "auto_reply", "bulk"] | None = None
    report: DeliveryReport | None = None  # mail only: what this bounce or receipt says of the letter it is about
    authentication: Literal["pass", "fail"] | None = None  # mail only, by the trusted server
    content_key: str | None = None  # equal for the same mail through two mailboxes (contract, section 5)
    via: str | None = None  # portal only
    stated: Mapping[str, Any] = field(default_factory=dict, repr=False)  # portal only: fields of the form
    flags: tuple[str, ...] = ()  # forwarded, too_large, unreadable_part, …
    links: tuple[str, ...] = field(default=(), repr=False)  # addresses behind links, for ticket numbers in them


@dataclass(frozen=True, slots=True)
class Ignored:
    """A payload that is nobody's request: an echo of ours, typing, a read mark. `reason` is one short phrase."""

    reason: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A conversation or a person has a new id (group to supergroup; a changed WhatsApp number)."""

    what: Literal["conversation", "person"]
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An authentic payload that cannot be understood: it goes to the quarantine with its bytes."""

    reason: str


Reading = Message | Ignored | DeliveryReport | Renamed | Unreadable
