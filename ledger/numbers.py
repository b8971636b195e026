"""The numbers of `/metrics`, counted in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, func, select

from config import metrics as m
from config.metrics import Definition, Sample
from ledger.schema import attachments, erasures, health, journal, messages, outbox, outgoing, tickets

_ENDED = ("enveloped", "merged", "redelivered", "ignored", "quarantined")
_WAITING = ("received", "working", "held")


def samples(conn: Connection, now: float) -> list[Sample]:
    """Every number. A pass over a few indexes and tables: not for every second."""
    return [
        *_journal(conn, now),
        *_staged(conn),
        *_outbox(conn, now),
        *_outgoing(conn, now),
        *_tickets(conn, now),
        *_parts(conn, now),
    ]


def _grouped(conn: Connection, metric: Definition, *columns: Any, where: Any = None) -> Iterator[Sample]:
    statement = select(*columns, func.count()).group_by(*columns)
    if where is not None:
        statement = statement.where(where)
    for *labels, count in conn.execute(statement):
        yield Sample(metric, count, tuple(str(label or "none") for label in labels))


def _age(conn: Connection, metric: Definition, now: float, oldest: Any) -> Iterator[Sample]:
    value = conn.execute(oldest).scalar_one()
    yield Sample(metric, max(0.0, now - value) if value is not None else 0.0)


def _journal(conn: Connection, now: float) -> Iterator[Sample]:
    yield from _grouped(conn, m.ACCEPTED, journal.c.kind, journal.c.account)
    yield from _grouped(conn, m.OUTCOMES, journal.c.kind, journal.c.state, where=journal.c.state.in_(_ENDED))
    yield from _grouped(conn, m.JOURNAL_WAITING, journal.c.state, where=journal.c.state.in_(_WAITING))
    yield from _grouped(conn, m.QUARANTINE, journal.c.kind, where=journal.c.state == "quarantined")
    ready = select(func.min(journal.c.due_at)).where(journal.c.state == "received", journal.c.due_at <= now)
    yield from _age(conn, m.JOURNAL_OLDEST, now, ready)


def _staged(conn: Connection) -> Iterator[Sample]:
    envelopes = outbox.c.exchange == "appeals"
    yield from _grouped(conn, m.ENVELOPES, outbox.c.desk, outbox.c.kind, where=envelopes)
    yield from _grouped(conn, m.LINKS, messages.c.how, messages.c.certainty)


def _outbox(conn: Connection, now: float) -> Iterator[Sample]:
    yield from _grouped(conn, m.OUTBOX_WAITING, outbox.c.exchange, where=outbox.c.state == "pending")
    yield from _grouped(conn, m.PUBLISHED, outbox.c.exchange, outbox.c.desk, where=outbox.c.state == "published")
    yield from _age(
        conn, m.OUTBOX_OLDEST, now, select(func.min(outbox.c.created_at)).where(outbox.c.state == "pending")
    )


def _outgoing(conn: Connection, now: float) -> Iterator[Sample]:
    ended, owed = ("sent", "delivered", "failed"), ("owed", "sending")
    columns = (outgoing.c.kind, outgoing.c.purpose)
    yield from _grouped(conn, m.OUTGOING, *columns, outgoing.c.state, where=outgoing.c.state.in_(ended))
    yield from _grouped(conn, m.OUTGOING_WAITING, *columns, where=outgoing.c.state.in_(owed))
    oldest = select(outgoing.c.kind, func.min(outgoing.c.created_at)).where(outgoing.c.state.in_(owed))
    for kind, created in conn.execute(oldest.group_by(outgoing.c.kind)):
        yield Sample(m.OUTGOING_OLDEST, max(0.0, now - created), (kind,))


def _tickets(conn: Connection, now: float) -> Iterator[Sample]:
    waiting = (tickets.c.state == "open") & tickets.c.waiting_since.is_not(None)
    yield from _grouped(conn, m.TICKETS, tickets.c.desk, tickets.c.state)
    yield from _grouped(conn, m.WAITING, tickets.c.desk, where=waiting)
    yield from _grouped(conn, m.OVERDUE, tickets.c.desk, where=waiting & (tickets.c.answer_by < now))
    yield from _grouped(conn, m.ERASURES, erasures.c.cause)


def _parts(conn: Connection, now: float) -> Iterator[Sample]:
    yield from _grouped(conn, m.ATTACHMENTS, attachments.c.state)
    for row in conn.execute(select(health)):
        yield Sample(m.COMPONENT_UP, 1.0 if row.state == "ok" else 0.0, (row.component,))
        yield Sample(m.COMPONENT_SEEN, max(0.0, now - row.seen_at), (row.component,))
