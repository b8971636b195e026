"""Closing and erasing: what remains of an erased message is a keyed hash of its id, and the record of its erasure."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, exists, func, or_, select, update

from ledger.dialect import execute_each
from ledger.schema import (
    attachments,
    conversations,
    erasures,
    identities,
    journal,
    messages,
    outbox,
    outgoing,
    threads,
    ticket_identities,
    tickets,
    vouches,
)

PAGE = 200
_NO_VOUCHES = delete(vouches).where(or_(vouches.c.channel == bindparam("gone"), vouches.c.other == bindparam("gone")))


def erase(
    conn: Connection, number: str, now: float, *, offered: bool = False
) -> tuple[dict[str, Any], list[str]] | None:
    """Erase a ticket's personal data. Returns what was done, and the files that are to be removed from the storage.

    `offered`: there is a broker, which may have what it has not confirmed yet. None when there is no such ticket.
    Erasing twice erases what has come since.
    """
    if _lock(conn, number) is None:
        return None
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete=ON")  # else the old bytes stay in the file until they are needed
    count = conn.execute(select(func.count()).where(messages.c.ticket == number)).scalar_one()
    files = _erase_attachments(conn, number) + _erase_raw(conn, number)
    published = _erase_outbox(conn, number, offered)
    sent = conn.execute(
        update(outgoing).where(outgoing.c.ticket == number, outgoing.c.content.is_not(None)).values(content=None)
    ).rowcount
    conn.execute(
        update(outgoing)
        .where(outgoing.c.ticket == number, outgoing.c.state.in_(("owed", "sending")))
        .values(state="erased", reason="the ticket was erased")
    )
    conn.execute(
        update(messages).where(messages.c.ticket == number).values(body=None, address=None, likeness=None, why=None)
    )
    _erase_identities(conn, number)
    conn.execute(delete(threads).where(threads.c.ticket == number))
    conn.execute(update(conversations).where(conversations.c.ticket == number).values(ticket=None))
    conn.execute(
        update(tickets)
        .where(tickets.c.number == number)
        .values(state="closed", closed_at=now, erased_at=now, waiting_since=None, person_id=None, known="", why=None)
    )
    record = {
        "messages": count,
        "files": len(files),
        "sent_to_the_citizen": sent,
        "broker_still_has": published,
    }
    return record, files


def _lock(conn: Connection, number: str) -> Any:
    """The ticket's row, locked; before it, as processors do it, the identities that hold the ticket."""
    held = select(ticket_identities.c.hash).where(ticket_identities.c.ticket == number)
    locked = select(identities.c.hash).where(identities.c.hash.in_(held)).order_by(identities.c.hash)
    conn.execute(locked.with_for_update()).all()
    return conn.execute(select(tickets).where(tickets.c.number == number).with_for_update()).one_or_none()


def record(conn: Connection, number: str, now: float, cause: str, what: dict[str, Any]) -> None:
    """Keep the record of an erasure."""
    conn.execute(
        erasures.insert().values(ticket=number, at=now, cause=cause, record=json.dumps(what, ensure_ascii=False))
    )


def _erase_attachments(conn: Connection, number: str) -> list[str]:
    rows = conn.execute(
        select(attachments.c.storage_key).where(
            attachments.c.ticket == number, attachments.c.storage_key.is_not(None), attachments.c.state != "erased"
        )
    )
    files = [row.storage_key for row in rows]
    conn.execute(
        update(attachments)
        .where(attachments.c.ticket == number)
        .values(state="erased", name=None, sha256=None, wrapped_key=None, storage_key=None, fetch=None)
    )
    return files


def _erase_raw(conn: Connection, number: str) -> list[str]:
    """Of its messages, and of what was merged into them. No list of ids: a ticket may have very many messages."""
    own = select(messages.c.journal_id).where(messages.c.ticket == number)
    merged = journal.alias("merged")
    which = journal.c.id.in_(own.union_all(select(merged.c.id).where(merged.c.merged_into.in_(own))))
    rows = conn.execute(select(journal.c.payload_key).where(which, journal.c.payload_key.is_not(None)))
    files = [row.payload_key for row in rows]
    conn.execute(update(journal).where(which).values(payload=None, payload_key=None, payload_wrapped=None))
    return files


def _erase_outbox(conn: Connection, number: str, offered: bool) -> list[dict[str, str]]:
    """What waits is not published any more; what the broker may have is named, for whoever must empty the queues."""
    given = or_(outbox.c.times > 0, outbox.c.state == "pending") if offered else outbox.c.times > 0
    rows = conn.execute(
        select(outbox.c.message_id, outbox.c.routing_key).where(
            outbox.c.ticket == number, outbox.c.exchange == "appeals", given
        )
    )
    published = [{"message_id": row.message_id, "routing_key": row.routing_key} for row in rows]
    conn.execute(
        update(outbox)
        .where(outbox.c.ticket == number, outbox.c.exchange == "appeals")
        .values(state="erased", reason="the ticket was erased")
    )
    return published


def _erase_identities(conn: Connection, number: str) -> None:
    held = select(ticket_identities.c.hash).where(ticket_identities.c.ticket == number)
    elsewhere = exists().where(ticket_identities.c.hash == identities.c.hash, ticket_identities.c.ticket != number)
    gone = conn.execute(
        delete(identities).where(identities.c.hash.in_(held), ~elsewhere).returning(identities.c.hash)
    ).all()
    conn.execute(delete(ticket_identities).where(ticket_identities.c.ticket == number))
    execute_each(conn, _NO_VOUCHES, [{"gone": row.hash} for row in gone])


def expired(conn: Connection, closed_before: float) -> list[str]:
    """Tickets that were closed before then and are not erased yet; a page of them."""
    rows = conn.execute(
        select(tickets.c.number)
        .where(tickets.c.state == "closed", tickets.c.erased_at.is_(None), tickets.c.closed_at < closed_before)
        .order_by(tickets.c.closed_at)
        .limit(PAGE)
    )
    return [row.number for row in rows]


def due(conn: Connection, number: str, closed_before: float) -> bool:
    """Lock a ticket of such a page. False when it need not be erased any more: its citizen has opened it again."""
    row = _lock(conn, number)
    return row is not None and row.state == "closed" and row.erased_at is None and row.closed_at < closed_before


def close_silent(conn: Connection, silent_since: float, now: float) -> list[str]:
    """Close tickets without a message since then; a page of them."""
    rows = conn.execute(
        select(tickets.c.number)
        .where(tickets.c.state == "open", tickets.c.last_message_at < silent_since)
        .order_by(tickets.c.last_message_at)
        .limit(PAGE)
    )
    numbers = [row.number for row in rows]
    return [number for number in numbers if close(conn, number, now, silent_since=silent_since)]


def close(conn: Connection, number: str, now: float, *, silent_since: float = math.inf) -> bool:
    """Close a ticket; False when it was not open, or has a message since then."""
    done = conn.execute(
        update(tickets)
        .where(tickets.c.number == number, tickets.c.state == "open", tickets.c.last_message_at < silent_since)
        .values(state="closed", closed_at=now, waiting_since=None, answer_by=None)
    )
    return done.rowcount == 1


def erase_raw_before(conn: Connection, done_before: float) -> tuple[int, list[str]]:
    """Erase raw payloads of rows that ended before then, and our answers to them that are of no ticket (to `/start`,
    to `/status`); a page of them. Quarantined ones stay: they are needed.

    Returns how many, and the files to be removed.
    """
    rows = conn.execute(
        select(journal.c.id, journal.c.payload_key)
        .where(
            and_(
                journal.c.done_at < done_before,
                or_(journal.c.payload.is_not(None), journal.c.payload_key.is_not(None)),
                journal.c.state.in_(("enveloped", "merged", "redelivered", "ignored")),
            )
        )
        .limit(PAGE)
    ).all()
    if rows:
        ids = [row.id for row in rows]
        conn.execute(
            update(journal).where(journal.c.id.in_(ids)).values(payload=None, payload_key=None, payload_wrapped=None)
        )
        answers = outgoing.c.journal_id.in_(ids), outgoing.c.ticket.is_(None)
        gone = case((outgoing.c.state.in_(("owed", "sending")), "erased"), else_=outgoing.c.state)
        conn.execute(update(outgoing).where(*answers).values(content=None, state=gone))
    return len(rows), [row.payload_key for row in rows if row.payload_key]


def known_files(conn: Connection, names: Collection[str]) -> set[str]:
    """Those of these files that a row names."""
    found = {
        row[0] for row in conn.execute(select(attachments.c.storage_key).where(attachments.c.storage_key.in_(names)))
    }
    return found | {
        row[0] for row in conn.execute(select(journal.c.payload_key).where(journal.c.payload_key.in_(names)))
    }
