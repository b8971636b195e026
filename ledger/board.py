"""What the board shows: desks at a glance, lists of tickets paged by key, one ticket's messages with what was sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, and_, func, or_, select, text

from ledger.schema import attachments, messages, outbox, outgoing, ticket_identities, tickets

State = Literal["open", "closed", "late"]
# In words, as the partial indexes have it: of a bound value SQLite's planner cannot know that the index applies.
_WAITING = (text("tickets.state = 'open'"), tickets.c.waiting_since.is_not(None))


def former_desks(conn: Connection, names: Collection[str], *, opened: bool = False) -> list[str]:
    """Desks that have tickets and stand in the rules no more; with `opened`, only those with one that is open.

    From one to the next by the index, so that it costs a look for each desk and not for each ticket.
    """
    found: list[str] = []
    last = ""
    while True:
        following = conn.execute(select(func.min(tickets.c.desk)).where(tickets.c.desk > last)).scalar_one()
        if following is None:
            return found
        last = following
        any_open = select(tickets.c.number).where(tickets.c.desk == last, tickets.c.state == "open").limit(1)
        if last not in names and (not opened or conn.execute(any_open).first() is not None):
            found.append(last)


def desks(conn: Connection, names: Sequence[str], now: float) -> list[dict[str, Any]]:
    """A row for each desk: open and waiting for an answer, since when the oldest, past its time, not yet sent.

    Read from partial indexes alone; what RabbitMQ has is not counted: that would be a pass over every envelope.
    """
    found: dict[str, dict[str, Any]] = {name: {"desk": name, "unsent": 0} for name in names}
    for name in found:  # desk by desk: grouped, SQLite takes another index and reads every open ticket
        counted = select(func.count(), func.min(tickets.c.waiting_since)).where(tickets.c.desk == name, *_WAITING)
        waiting, oldest = conn.execute(counted).one()
        past = select(func.count()).where(tickets.c.desk == name, *_WAITING, tickets.c.answer_by < now)
        found[name].update(waiting=waiting, oldest=oldest, late=conn.execute(past).scalar_one())
    pending = select(outbox.c.desk, func.count()).where(outbox.c.desk.is_not(None), outbox.c.state == "pending")
    for desk, count in conn.execute(pending.group_by(outbox.c.desk)):
        if desk in found:
            found[desk]["unsent"] = count
    return list(found.values())


def page(
    conn: Connection, names: Collection[str], state: State, before: tuple[float, str] | None, most: int
) -> list[RowMapping]:
    """Tickets of these desks: the newest number first; `late` ones by how long they are past their time.

    `before` is the key of the last one seen (answer-by, number); each desk is read from its own index.
    """
    found: list[RowMapping] = []
    for name in names:
        if state == "late":
            statement = select(tickets).where(tickets.c.desk == name, *_WAITING, tickets.c.answer_by.is_not(None))
            if before is not None:
                later = and_(tickets.c.answer_by == before[0], tickets.c.number > before[1])
                statement = statement.where(or_(tickets.c.answer_by > before[0], later))
            statement = statement.order_by(tickets.c.answer_by, tickets.c.number)
        else:
            statement = select(tickets).where(tickets.c.desk == name, tickets.c.state == state)
            if before is not None:
                statement = statement.where(tickets.c.number < before[1])
            statement = statement.order_by(tickets.c.number.desc())
        found += conn.execute(statement.limit(most)).mappings()
    if state == "late":
        found.sort(key=lambda row: (row["answer_by"], row["number"]))
    else:
        found.sort(key=lambda row: row["number"], reverse=True)
    return found[:most]


def tickets_of(conn: Connection, numbers: Sequence[str]) -> list[RowMapping]:
    """Tickets by number, in that order."""
    rows = conn.execute(select(tickets).where(tickets.c.number.in_(list(numbers)))).mappings()
    by_number = {row["number"]: row for row in rows}
    return [by_number[number] for number in numbers if number in by_number]


def first_words(conn: Connection, numbers: Collection[str]) -> Mapping[str, bytes]:
    """The envelope that opened each ticket."""
    rows = conn.execute(
        select(messages.c.ticket, messages.c.body).where(
            messages.c.ticket.in_(list(numbers)), messages.c.sequence == 1, messages.c.body.is_not(None)
        )
    )
    return {row.ticket: bytes(row.body) for row in rows}


def held_by(conn: Connection, hashes: Collection[bytes], before: tuple[float, str] | None, most: int) -> list[Any]:
    """Numbers (with `last_at`) of the tickets that these identities hold, the newest first; `before`: the last seen."""
    ticket, newest = ticket_identities.c.ticket, func.max(ticket_identities.c.last_at)
    statement = select(ticket, newest.label("last_at")).where(ticket_identities.c.hash.in_(list(hashes)))
    statement = statement.group_by(ticket)
    if before is not None:  # of the ticket's own newest: another identity of it may be older
        statement = statement.having(or_(newest < before[0], and_(newest == before[0], ticket < before[1])))
    return list(conn.execute(statement.order_by(newest.desc(), ticket.desc()).limit(most)).all())


def messages_of(conn: Connection, number: str, before: int | None, most: int) -> list[RowMapping]:
    """A ticket's latest messages, in order; with `before`, of those with a lower sequence."""
    statement = select(messages).where(messages.c.ticket == number)
    if before is not None:
        statement = statement.where(messages.c.sequence < before)
    rows = conn.execute(statement.order_by(messages.c.sequence.desc()).limit(most)).mappings()
    return list(rows)[::-1]


def files_of(conn: Connection, envelope_ids: Collection[str]) -> dict[str, RowMapping]:
    """The files of these envelopes, by their ids."""
    rows = conn.execute(select(attachments).where(attachments.c.envelope_id.in_(list(envelope_ids)))).mappings()
    return {row["id"]: row for row in rows}


def deliveries(conn: Connection, number: str, most: int) -> list[RowMapping]:
    """Where the latest envelopes of a ticket went, in order."""
    statement = select(outbox).where(outbox.c.ticket == number, outbox.c.exchange == "appeals")
    return list(conn.execute(statement.order_by(outbox.c.id.desc()).limit(most)).mappings())[::-1]


def sent(conn: Connection, number: str) -> list[RowMapping]:
    """What was said to the citizen about a ticket, in order; the latest 500."""
    rows = conn.execute(
        select(outgoing).where(outgoing.c.ticket == number).order_by(outgoing.c.seq.desc()).limit(500)
    ).mappings()
    return list(rows)[::-1]


def said(conn: Connection, number: str) -> int:
    """How much the citizen and the desks have said so far: a page that shows less is out of date."""
    counted = select(func.count()).select_from(messages).where(messages.c.ticket == number)
    answered = select(func.count()).where(outgoing.c.ticket == number, outgoing.c.purpose == "reply")
    return int(conn.execute(counted).scalar_one() + conn.execute(answered).scalar_one())
