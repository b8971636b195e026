"""Rows of an accepted message, and what payloads do that are no messages: delivery reports, renamed ids."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from ledger import conversations, journal, outgoing
from ledger.batch import Batch
from ledger.crypto import SealBroken
from ledger.database import Connection
from ledger.journal import Claimed, conversation_hash
from ledger.state import Case, Link, Ticket
from ledger.storage import StorageError, Stored
from normalizer.envelope import Envelope
from normalizer.message import DeliveryReport, Message, Part, Renamed
from normalizer.payload import TOO_LARGE
from pipeline import events
from pipeline.intake import payload_of
from pipeline.kinds import read
from pipeline.parts import Parts
from pipeline.understand import Understood

# A failure that names no message of ours is read again for so long, while one is being sent; then it is nobody's.
EARLY_SECONDS, LOOK_AGAIN_SECONDS = 120.0, 1.0


def address(message: Message) -> dict[str, Any]:
    """Where to answer, as the connector understands it."""
    return {
        "conversation": message.conversation_id,
        "sender": message.sender.id,
        "aliases": list(message.sender.aliases),
        "phone": message.sender.phone,
        "email": message.sender.email,
        "message_id": message.native_id,
    }


def message_row(
    parts: Parts,
    row: Claimed,
    understood: Understood,
    case: Case,
    link: Link,
    ticket: Ticket,
    envelope: Envelope,
    now: float,
) -> dict[str, Any]:
    """The columns of an accepted message."""
    message, keys = understood.message, parts.keys
    where = {**address(message), "subject": message.subject, "references": list(reversed(message.reply_to))}
    return {
        "envelope_id": envelope.id,
        "journal_id": row.id,
        "ticket": ticket.number,
        "sequence": ticket.sequence,
        "kind": link.kind,
        "channel": row.kind,
        "account": row.account,
        "platform_account": row.platform_account,
        "conversation": row.conversation,
        "native_hash": case.base_hash or case.native_hash,  # of all its revisions the same
        "revision": link.revision,
        "content_hash": case.content_hash,
        "person_id": ticket.person_id,
        "how": link.how,
        "certainty": link.certainty,
        "why": "\n".join(link.why),
        "verified": link.owner and message.machine is None,
        "address": keys.seal(json.dumps(where, ensure_ascii=False).encode(), b"address"),
        "likeness": keys.seal(case.likeness.encode(), b"likeness") if case.likeness else None,
        "sent_at": row.sent_at,
        "received_at": row.received_at,
        "effective_at": row.effective_at,
        "staged_at": now,
        "body": envelope.model_dump_json().encode(),
    }


def attachment_row(
    parts: Parts,
    row: Claimed,
    part: Part,
    stored: Stored | None,
    media_type: str | None,
    state: str,
    reason: str | None,
    *,
    attachment_id: str,
    envelope_id: str,
    ticket: str,
    now: float,
) -> dict[str, Any]:
    """The columns of an attachment that has, or will have, content."""
    keys = parts.keys
    return {
        "id": attachment_id,
        "envelope_id": envelope_id,
        "ticket": ticket,
        "journal_id": row.id,
        "account": row.account,
        "kind": part.kind,
        "name": keys.seal(part.name.encode("utf-8", "replace"), b"name") if part.name else None,
        "media_type": media_type,
        "size": stored.size if stored else part.size,
        "sha256": stored.sha256 if stored else None,
        "state": state,
        "reason": reason,
        "storage_key": stored.key if stored else None,
        "wrapped_key": stored.wrapped_key if stored else None,
        "fetch": keys.seal(json.dumps(dict(part.fetch)).encode(), b"fetch") if part.fetch and not stored else None,
        "due_at": now,
    }


def cut_flags(message: Message, files: Collection[int]) -> tuple[str, ...]:
    """The flag for contents that the storage has refused; of the rest, whoever read the payload has said it."""
    parts = enumerate(message.attachments)
    refused = any(part.content is not None and not part.refused and at not in files for at, part in parts)
    return ("too_large",) if refused else ()


def state_of(part: Part, stored: Stored | None) -> tuple[Any, str | None]:
    """The state of an attachment, and why it is refused."""
    if part.refused:
        return "refused", part.refused
    if stored is not None or (part.data is not None and part.fetch is None):
        return "stored", None
    if part.fetch is not None:
        return "pending", None
    return "refused", TOO_LARGE if part.content is not None else "the platform gave no content"


def text_of(parts: Parts, row: Claimed) -> str:
    """The words of a greeting that has waited; empty when its payload is gone."""
    try:
        reading = read(row.kind, payload_of(parts, row), parts.account(row.account, row.kind, row.platform_account))
    except (StorageError, SealBroken, LookupError):
        return ""
    return reading.text if isinstance(reading, Message) else ""


def status(conn: Connection, batch: Batch, row: Claimed, key: bytes, report: DeliveryReport) -> None:
    """End the row of a delivery status, or let it wait: a failure may come sooner than our own record of the message.

    The first part of an answer can be refused while its files are still being sent.
    """
    early = batch.now < row.received_at + EARLY_SECONDS
    sending = early and report.state == "failed" and outgoing.sending(conn, row.account)
    if not delivery(conn, batch, row, key, report) and sending:
        journal.later(conn, row.id, batch.now + LOOK_AGAIN_SECONDS)
    else:
        batch.end(row.id, "ignored", "a delivery status")


def delivery(conn: Connection, batch: Batch, row: Claimed, key: bytes, report: DeliveryReport) -> bool:
    """What became of a message of ours: the message's row says so, and an event where a desk waits for it.

    As when it is sent: nobody waits for answers to commands, and that a citizen was told his number was said already.
    False when it says nothing new of any message.
    """
    sent = outgoing.report(conn, key, report.state, report.code or report.detail)
    if sent is not None and sent.ticket is not None and (sent.reply_id is not None or sent.state == "failed"):
        batch.outbox.append(
            events.row(
                batch.now,
                sent.state,
                conversation=row.conversation,
                ticket=sent.ticket,
                journal_id=row.id,
                channel=row.kind,
                account=row.account,
                reply_id=sent.reply_id,
                state=report.state if sent.state == "delivered" else None,
                reason=sent.reason,
            )
        )
    return sent is not None


def renamed(conn: Connection, parts: Parts, batch: Batch, row: Claimed, reading: Renamed) -> None:
    """A conversation or a person has a new id: what was known of the old one holds for the new one."""
    keys = parts.keys
    if reading.what == "conversation":
        old = conversation_hash(keys, row.kind, row.platform_account, reading.old)
        new = conversation_hash(keys, row.kind, row.platform_account, reading.new)
        conversations.move(conn, old, new, keys.seal(reading.old.encode("utf-8", "replace"), b"chat"))
    else:
        names = [keys.identity("channel", f"{row.kind}:{name}") for name in (reading.old, reading.new)]
        conversations.alias(conn, names[0], names[1])
        old, new = (conversation_hash(keys, row.kind, row.platform_account, one) for one in (reading.old, reading.new))
        conversations.move(conn, old, new, keys.seal(reading.old.encode("utf-8", "replace"), b"chat"))
    batch.end(row.id, "ignored", f"a {reading.what} has a new id")
