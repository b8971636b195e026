"""What happened, for the exchange `priemnaya.events`: no personal data in any of it."""

from __future__ import annotations

from typing import Any

from uuid_utils import uuid7

from ledger.batch import Batch, dump, event_row
from ledger.journal import Claimed
from ledger.outgoing import Owed
from ledger.state import Link, Ticket
from normalizer.envelope import Envelope, rfc3339
from pipeline.compose import moment


def row(
    now: float, type_: str, *, conversation: str, ticket: str | None = None, journal_id: int | None = None, **data: Any
) -> dict[str, Any]:
    """The outbox row of an event: `id`, `type`, `at`, `ticket`, `journal_id`, and what belongs to its type."""
    event_id = str(uuid7())
    body = {
        "spec": "priemnaya.event/1",
        "id": event_id,
        "type": type_,
        "at": rfc3339(moment(now)),
        "ticket": ticket,
        "journal_id": journal_id,
        **data,
    }
    return event_row(now, event_id, type_, dump(body), conversation=conversation, ticket=ticket)


def staged(batch: Batch, journal: Claimed, link: Link, ticket: Ticket, envelope: Envelope, *, reopened: bool) -> None:
    """A message was accepted; where it joined an earlier ticket, or reopened one, that too."""
    common: dict[str, Any] = {"conversation": journal.conversation, "ticket": ticket.number, "journal_id": journal.id}
    batch.outbox.append(
        row(batch.now, "accepted", **common, envelope=envelope.id, kind=envelope.kind, channel=journal.kind)
    )
    if link.number is not None:
        batch.outbox.append(
            row(batch.now, "linked", **common, envelope=envelope.id, how=link.how, certainty=link.certainty)
        )
    if reopened:
        batch.outbox.append(row(batch.now, "reopened", **common, envelope=envelope.id))


def quarantined(batch: Batch, journal: Claimed, reason: str) -> None:
    """A payload went to the quarantine."""
    batch.outbox.append(quarantine_row(batch.now, journal, reason))


def quarantine_row(now: float, journal: Claimed, reason: str) -> dict[str, Any]:
    """The event of a payload that went to the quarantine."""
    where = {"conversation": journal.conversation, "journal_id": journal.id}
    return row(now, "quarantined", **where, channel=journal.kind, account=journal.account, reason=reason)


def sent_row(now: float, owed: Owed, type_: str, reason: str | None = None) -> dict[str, Any] | None:
    """The event of a message to a citizen that has ended; None for what no desk waits for (answers to commands)."""
    if owed.ticket is None or (owed.reply_id is None and owed.purpose == "answer"):
        return None
    return row(
        now,
        type_,
        conversation=owed.conversation,
        ticket=owed.ticket,
        outgoing=owed.id,
        reply=owed.reply_id,
        purpose=owed.purpose,
        reason=reason,
    )
