"""What people ask the ledger: the unified queue, one ticket, the envelopes, the quarantine. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select

from ledger.schema import attachments, erasures, journal, messages, outbox, outgoing, tickets

FINAL_STATES = ("enveloped", "merged", "redelivered", "ignored", "quarantined")
PAGE = 500
STRAGGLERS = 2000  # so far behind the newest id a commit may still come


def outcomes(conn: Connection, ids: Sequence[int]) -> dict[str, int]:
    """How many of these journal rows are in which state."""
    counts: dict[str, int] = {}
    for start in range(0, len(ids), PAGE):
        rows = conn.execute(
            select(journal.c.state, func.count())
            .where(journal.c.id.in_(ids[start : start + PAGE]))
            .group_by(journal.c.state)
        )
        for state, count in rows:
            counts[state] = counts.get(state, 0) + count
    return counts


def states(conn: Connection) -> dict[str, int]:
    """How many journal rows are in which state."""
    return {row[0]: row[1] for row in conn.execute(select(journal.c.state, func.count()).group_by(journal.c.state))}


def envelopes(
    conn: Connection, *, after: int = 0, ticket: str | None = None, since: float | None = None, most: int = PAGE
) -> list[RowMapping]:
    """`id` and `body` of envelopes in the order staged, from the one after `after`."""
    statement = select(messages.c.id, messages.c.body, messages.c.ticket).where(messages.c.id > after)
    found = _of(statement, ticket, since).order_by(messages.c.id).limit(most)
    return list(conn.execute(found).mappings())


def overtaken(
    conn: Connection, seen: Collection[int], *, ticket: str | None = None, since: float | None = None
) -> list[RowMapping]:
    """As `envelopes`: those that were not there yet when later ones were seen. A transaction may commit before one
    that began earlier. `seen`: the latest `STRAGGLERS` at least.
    """
    newest = max(seen)
    lately = select(messages.c.id).where(messages.c.id > newest - STRAGGLERS, messages.c.id < newest)
    missed = set(conn.execute(_of(lately, ticket, since)).scalars()) - set(seen)
    found = select(messages.c.id, messages.c.body, messages.c.ticket).where(messages.c.id.in_(sorted(missed)))
    return list(conn.execute(found.order_by(messages.c.id)).mappings()) if missed else []


def _of(statement: Select[Any], ticket: str | None, since: float | None) -> Select[Any]:
    statement = statement.where(messages.c.body.is_not(None))
    if ticket is not None:
        statement = statement.where(messages.c.ticket == ticket)
    if since is not None:
        statement = statement.where(messages.c.staged_at >= since)
    return statement


def queues(conn: Connection, desks: Sequence[str], now: float) -> list[dict[str, Any]]:
    """The unified queue, a row for each desk: envelopes that wait for the broker, those that it has, the time of the
    oldest open request, how many are open and how many of them are past their answer-by.
    """
    found: dict[str, dict[str, Any]] = {
        desk: {"desk": desk, "waiting": 0, "published": 0, "oldest": None, "open": 0, "past_answer_by": 0}
        for desk in desks
    }

    def row(desk: str) -> dict[str, Any]:
        empty = {"desk": desk, "waiting": 0, "published": 0, "oldest": None, "open": 0, "past_answer_by": 0}
        return found.setdefault(desk, empty)

    sent = select(outbox.c.desk, outbox.c.state, func.count(), func.min(outbox.c.created_at)).where(
        outbox.c.desk.is_not(None), outbox.c.state.in_(("pending", "published"))
    )
    for desk, state, count, oldest in conn.execute(sent.group_by(outbox.c.desk, outbox.c.state)):
        if state == "pending":
            row(desk).update(waiting=count, oldest=oldest)
        else:
            row(desk)["published"] = count
    waiting = (tickets.c.state == "open", tickets.c.waiting_since.is_not(None))
    opened = select(tickets.c.desk, func.count(), func.min(tickets.c.waiting_since)).where(*waiting)
    for desk, count, oldest in conn.execute(opened.group_by(tickets.c.desk)):
        known = row(desk)["oldest"]
        row(desk).update(open=count, oldest=oldest if known is None else min(oldest, known))
    late = select(tickets.c.desk, func.count()).where(*waiting, tickets.c.answer_by < now)
    for desk, count in conn.execute(late.group_by(tickets.c.desk)):
        row(desk)["past_answer_by"] = count
    return list(found.values())


def ticket(conn: Connection, number: str) -> RowMapping | None:
    """A ticket's row."""
    return conn.execute(select(tickets).where(tickets.c.number == number)).mappings().one_or_none()


def ticket_messages(conn: Connection, number: str) -> list[RowMapping]:
    """A ticket's messages in order."""
    return list(
        conn.execute(select(messages).where(messages.c.ticket == number).order_by(messages.c.sequence)).mappings()
    )


def ticket_outgoing(conn: Connection, number: str) -> list[RowMapping]:
    """What was said to the citizen about a ticket."""
    return list(conn.execute(select(outgoing).where(outgoing.c.ticket == number).order_by(outgoing.c.seq)).mappings())


def ticket_outbox(conn: Connection, number: str) -> list[RowMapping]:
    """What was, or is to be, published of a ticket."""
    return list(conn.execute(select(outbox).where(outbox.c.ticket == number).order_by(outbox.c.id)).mappings())


def ticket_attachments(conn: Connection, number: str) -> list[RowMapping]:
    """A ticket's files."""
    return list(
        conn.execute(select(attachments).where(attachments.c.ticket == number).order_by(attachments.c.id)).mappings()
    )


def ticket_erasures(conn: Connection, number: str) -> list[RowMapping]:
    """The records of a ticket's erasure."""
    return list(conn.execute(select(erasures).where(erasures.c.ticket == number).order_by(erasures.c.id)).mappings())


def quarantined(conn: Connection, *, after: int = 0, most: int = PAGE) -> list[RowMapping]:
    """Rows of the quarantine, in order."""
    return list(
        conn.execute(
            select(journal)
            .where(journal.c.state == "quarantined", journal.c.id > after)
            .order_by(journal.c.id)
            .limit(most)
        ).mappings()
    )


def journal_row(conn: Connection, row_id: int) -> RowMapping | None:
    """One journal row."""
    return conn.execute(select(journal).where(journal.c.id == row_id)).mappings().one_or_none()
