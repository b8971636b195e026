"""What the web front asks of the ledger for a citizen: where his request went, and the state of one that is his."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, select

from ledger.schema import journal, messages, outgoing, ticket_identities, tickets


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a journalled payload. `told`: the sender may be told the number."""

    state: str
    number: str | None = None
    told: bool = False
    kind: str | None = None
    how: str | None = None
    envelope_id: str | None = None


def journalled(conn: Connection, key_hash: bytes) -> RowMapping | None:
    """The row of a payload, with its bytes."""
    return conn.execute(select(journal).where(journal.c.key_hash == key_hash)).mappings().one_or_none()


def outcome(conn: Connection, journal_id: int) -> Outcome | None:
    """What became of a row; None when there is no such row."""
    row = conn.execute(
        select(
            journal.c.state,
            messages.c.ticket,
            messages.c.verified,
            messages.c.how,
            messages.c.kind,
            messages.c.envelope_id,
        )
        .outerjoin(messages, messages.c.journal_id == journal.c.id)
        .where(journal.c.id == journal_id)
    ).one_or_none()
    if row is None:
        return None
    # The number is his own, or he wrote it himself (contract, section 5); else nobody learns that it exists.
    told = row.ticket is not None and (bool(row.verified) or row.how == "quoted_number")
    return Outcome(row.state, row.ticket, told, row.kind, row.how, row.envelope_id)


def state(conn: Connection, number: str, hashes: Collection[bytes]) -> RowMapping | None:
    """A ticket that one of these identities holds. One statement, the same for a number that there is not."""
    held = exists().where(ticket_identities.c.ticket == tickets.c.number, ticket_identities.c.hash.in_(list(hashes)))
    return conn.execute(select(tickets).where(tickets.c.number == number, held)).mappings().one_or_none()


def entered_by(conn: Connection, number: str, account: str) -> list[Any]:
    """The envelopes of a ticket that came by this portal channel."""
    rows = conn.execute(
        select(messages.c.body)
        .where(messages.c.ticket == number, messages.c.account == account, messages.c.channel == "portal")
        .order_by(messages.c.sequence)
        .limit(100)
    )
    return [bytes(row.body) for row in rows if row.body is not None]


def ticket(conn: Connection, number: str) -> RowMapping | None:
    """A ticket's row."""
    return conn.execute(select(tickets).where(tickets.c.number == number)).mappings().one_or_none()


def letters(conn: Connection, number: str, account: str) -> list[str]:
    """Our signed ids of the letters about a ticket that an e-mail channel has sent or owes, the latest 20 in order."""
    rows = conn.execute(
        select(outgoing.c.signed_id)
        .where(
            outgoing.c.ticket == number,
            outgoing.c.kind == "email",
            outgoing.c.account == account,
            outgoing.c.signed_id.is_not(None),
            outgoing.c.state != "failed",
        )
        .order_by(outgoing.c.seq.desc())
        .limit(20)
    )
    return [row.signed_id for row in rows][::-1]
