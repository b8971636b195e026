"""The envelope, version 1 (contract, section 6): what desks and their systems rely on.

Times are RFC 3339 in UTC. A field absent in the source is null, never missing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

Kind = Literal["new", "follow_up", "repeat", "edit", "deletion", "review"]
How = Literal["thread", "reply", "quoted_number", "conversation", "content", "none"]
Certainty = Literal["verified", "corroborated", "claimed", "likely", "corrected"]


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T09:49:52.123Z`: UTC, milliseconds only where there are some."""
    moment = moment.astimezone(UTC)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Part(BaseModel):
    """Base of every part of the envelope: closed, so that a field nobody documented cannot slip in.

    Its schema requires every field: none is ever missing from what is published.
    """

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Link(Part):
    """Why the message belongs to its ticket: the evidence that decided, and whose number it is."""

    how: How
    certainty: Certainty | None = None
    as_written: str | None = Field(None, description="the number as the citizen wrote it")


class Ticket(Part):
    """The request that the message belongs to."""

    number: str = Field(description="YYMMDD-NNNNNN-C", pattern=r"^\d{6}-\d{6,7}-\d$")
    sequence: int = Field(ge=1, description="1 for the message that opened it, then 2, …")
    opened_at: Moment
    repeats: int = Field(0, ge=0, description="how often the citizen asked again")
    related: list[str] = Field(default_factory=list, description="other tickets that the message names")
    link: Link


class Source(Part):
    """Where the message came from."""

    channel: str
    account: str
    message_id: str
    conversation_id: str | None
    revision: int = Field(0, ge=0)
    revises: str | None = None
    sent_at: Moment | None
    received_at: Moment
    journal_id: int
    via: Literal["form", "cabinet", "mobile", "phone", "office"] | None = None


class Passport(Part):
    """A passport as stated."""

    series: str | None = None
    number: str | None = None
    issued_on: date | None = None
    issued_by: str | None = None


class Citizen(Part):
    """Who wrote. `vouched` names the fields that the platform vouches for; the rest is stated."""

    id: str | None = Field(None, description="`<channel>:<platform id>`")
    display_name: str | None = None
    username: str | None = None
    full_name: str | None = None
    phone: str | None = Field(None, description="E.164")
    email: str | None = None
    inn: str | None = None
    snils: str | None = Field(None, description="eleven digits")
    passport: Passport | None = None
    account_number: str | None = None
    preferred_channel: str | None = None
    call_back_at: str | None = None
    language: str | None = None
    vouched: list[str] = Field(default_factory=list)


class Attachment(Part):
    """A file, or what a messenger sends like one. A `pending` one is followed by an `attachment` event."""

    id: str
    part: str | None = None
    kind: Literal[
        "photo", "document", "voice", "audio", "video", "sticker", "location", "contact", "poll", "link", "other"
    ]
    name: str | None = None
    media_type: str | None = None
    size: int | None = Field(None, ge=0, description="bytes")
    sha256: str | None = None
    state: Literal["stored", "pending", "refused"]
    reason: str | None = None
    url: str | None = None
    data: dict[str, Any] | None = None


class Details(Part):
    """What the problem is about, as far as the text says."""

    application_number: str | None = None
    service: str | None = None
    step: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    occurred_at: str | None = Field(None, description="RFC 3339 with the zone, or a date")
    device: str | None = None
    os: str | None = None
    browser: str | None = None


class Review(Part):
    """A review of the support."""

    mark: int | None = None
    about: date | None = Field(None, description="the date stated")
    suggestions: str | None = None


class Route(Part):
    """Which desk answers, and by when."""

    category: str
    audience: str
    desk: str
    priority: int = Field(ge=0, le=9)
    routing_key: str
    answer_by: Moment | None


FLAGS: dict[str, str] = {
    "secret_removed": "a password, PIN, code or card number was removed before anyone saw it",
    "suspected_phishing": "the message asks for secrets, or forwards one that does",
    "auto_reply": "a robot answered (out of office)",
    "bounce": "a report that a mail could not be delivered",
    "bulk": "a mailing or a list",
    "claimed_number": "names a ticket that the sender could not be shown to own",
    "unknown_number": "names a number that no ticket has",
    "reopened": "the ticket was closed and is open again",
    "forwarded": "holds a forwarded message",
    "too_large": "something was cut or refused at a limit",
    "unreadable_part": "a part could not be decoded; the raw is kept",
    "number_limit": "the sender tries numbers one after another; numbers are not looked up for a while",
    "signed": "the mail carries an S/MIME or PGP signature (not checked)",
    "encrypted": "the content is encrypted and could not be read",
    "read_receipt": "a report that a mail was displayed",
    "authentication_failed": "the trusted mail server reports a failed authentication of the sender",
    "link_changed": "an edit moved the message to another ticket",
}


class Envelope(Part):
    """One message of a citizen, described for the desk that answers."""

    spec: Literal["priemnaya/1"] = "priemnaya/1"
    id: str = Field(description="UUIDv7, the same at every publishing; the AMQP message_id")
    kind: Kind
    ticket: Ticket
    source: Source
    citizen: Citizen
    subject: str | None
    text: str
    quoted: str | None
    attachments: list[Attachment]
    details: Details
    review: Review | None
    missing: list[Literal["full_name", "contact", "description"]]
    flags: list[str] = Field(description="; ".join(f"{flag}: {meaning}" for flag, meaning in FLAGS.items()))
    route: Route
