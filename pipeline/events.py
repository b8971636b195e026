"""What happened, for the exchange `priemnaya.events`: no personal data in any of it."""

from __future__ import annotations

from typing import Any

from ledger.batch import Batch, event_row
from ledger.journal import Claimed
from ledger.outgoing import Owed
from ledger.state import Link, Ticket
from normalizer.envelope import Envelope
from pipeline.times import moment
from router.events import EventType, new_event, routing_key


def row(now: float, type_: EventType, *, conversation: str, **fields: Any) -> dict[str, Any]:
    """The outbox row of an event; `fields` are those of `router.events.Event`."""
    event = new_event(type_, moment(now), **fields)
    body = event.model_dump_json().encode()
    return event_row(
        now,
        str(event.id),
        type_,
        routing_key(event),
        body,
        conversation=conversation,
        ticket=event.ticket,
        channel=event.channel,
    )


def staged(batch: Batch, journal: Claimed, link: Link, ticket: Ticket, envelope: Envelope, *, reopened: bool) -> None:
    """A message was accepted; where it joined an earlier ticket, or reopened one, that too."""
    common: dict[str, Any] = {
        "conversation": journal.conversation,
        "ticket": ticket.number,
        "journal_id": journal.id,
        "envelope_id": envelope.id,
        "channel": journal.kind,
        "account": journal.account,
    }
    batch.outbox.append(row(batch.now, "accepted", **common, kind=envelope.kind))
    if link.number is not None:
        linked: dict[str, Any] = {"how": link.how, "certainty": link.certainty, "kind": envelope.kind}
        batch.outbox.append(row(batch.now, "linked", **common, **linked))
    if reopened:
        batch.outbox.append(row(batch.now, "reopened", **common))


def quarantined(batch: Batch, journal: Claimed, reason: str) -> None:
    """A payload went to the quarantine."""
    batch.outbox.append(quarantine_row(batch.now, journal, reason))


def quarantine_row(now: float, journal: Claimed, reason: str) -> dict[str, Any]:
    """The event of a payload that went to the quarantine."""
    where: dict[str, Any] = {"conversation": journal.conversation, "journal_id": journal.id}
    return row(now, "quarantined", **where, channel=journal.kind, account=journal.account, reason=reason)


def sent_row(
    now: float, owed: Owed, kind: str, account: str, type_: EventType, reason: str | None = None
) -> dict[str, Any] | None:
    """The event of a message to a citizen that has ended; None for what no desk waits for (answers to commands)."""
    if owed.ticket is None or (owed.reply_id is None and owed.purpose == "answer"):
        return None
    return row(
        now,
        type_,
        conversation=owed.conversation,
        ticket=owed.ticket,
        channel=kind,
        account=account,
        reply_id=owed.reply_id,
        state="sent" if type_ == "delivered" else None,
        reason=reason,
    )
