"""What happened, for whoever listens at the exchange of events: one JSON object each, without personal data."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import uuid_utils
from pydantic import BaseModel, ConfigDict, Field

from normalizer.envelope import Certainty, How, Kind, Moment

EventType = Literal[
    "accepted",
    "linked",
    "acknowledged",
    "attachment",
    "delivered",
    "failed",
    "closed",
    "reopened",
    "erased",
    "quarantined",
]
Number = Annotated[str, Field(pattern=r"^\d{6}-\d{6,7}-\d$")]

MEANINGS: dict[EventType, str] = {
    "accepted": "a message is durably in the journal and has its envelope",
    "linked": "a message belongs to a ticket that was there before",
    "acknowledged": "the citizen was told the number of the ticket",
    "attachment": "an attachment that the envelope calls pending is stored or refused",
    "delivered": "a reply of a desk has reached the platform, or the citizen where the platform tells",
    "failed": "a reply or an acknowledgement will not be delivered; `reason` says why",
    "closed": "the ticket was closed, by a desk or by silence",
    "reopened": "the citizen wrote to a closed ticket in time, or the answer that it was closed with did not arrive",
    "erased": "the personal data of a ticket was erased",
    "quarantined": "a payload could not be read and waits for an operator",
}


class Event(BaseModel):
    """One event. A field that does not concern its type is null."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)

    id: UUID = Field(description="UUIDv7, the same at every publishing; the AMQP message_id")
    type: EventType = Field(description="; ".join(f"{name}: {meaning}" for name, meaning in MEANINGS.items()))
    at: Moment
    ticket: Number | None = None
    journal_id: int | None = None
    envelope_id: UUID | None = None
    channel: str | None = None
    account: str | None = None
    kind: Kind | None = None
    how: How | None = Field(None, description="linked: the evidence that decided")
    certainty: Certainty | None = Field(None, description="linked: whose number it is")
    reply_id: str | None = Field(
        None, description="delivered, failed, reopened by a failure: the id that the desk gave its reply"
    )
    attachment_id: str | None = Field(None, description="attachment: its id in the envelope")
    state: str | None = Field(None, description="attachment: stored or refused; delivered: sent, delivered or read")
    by: Literal["desk", "silence", "operator", "retention"] | None = Field(None, description="closed, erased: by whom")
    reason: str | None = Field(None, description="failed, attachment, quarantined: why; never a word of the citizen's")


def new_event(type: EventType, at: Any, **fields: Any) -> Event:  # noqa: A002  the name of the field
    """An event with an id of its own. `at` is a timezone-aware datetime."""
    return Event(id=UUID(str(uuid_utils.uuid7())), type=type, at=at, **fields)


def routing_key(event: Event) -> str:
    """`<type>.<channel>`, so that a listener can ask for `failed.#` or `*.telegram`."""
    return f"{event.type}.{event.channel or '-'}"
