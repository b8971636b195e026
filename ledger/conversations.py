"""Conversations and people whose platform gives them a new id."""

from __future__ import annotations

from sqlalchemy import Connection, literal, select

from ledger.dialect import upsert
from ledger.schema import conversations, identities, ticket_identities


def move(conn: Connection, old: str, new: str, now: float) -> None:
    """The conversation goes on under a new id (a group that became a supergroup)."""
    row = conn.execute(select(conversations).where(conversations.c.conversation == old)).one_or_none()
    if row is None:
        return
    values = {"conversation": new, "ticket": row.ticket, "last_at": row.last_at}
    conn.execute(upsert(conn, conversations).values(**values).on_conflict_do_nothing())


def alias(conn: Connection, old: bytes, new: bytes) -> None:
    """The same person under a new id: what he may speak for stays his."""
    person = conn.execute(select(identities).where(identities.c.hash == old)).one_or_none()
    if person is None:
        return
    conn.execute(
        upsert(conn, identities).values(hash=new, kind=person.kind, person_id=person.person_id).on_conflict_do_nothing()
    )
    mine = select(
        literal(new).label("hash"),
        ticket_identities.c.ticket,
        ticket_identities.c.kind,
        ticket_identities.c.vouched,
        ticket_identities.c.last_at,
    ).where(ticket_identities.c.hash == old)
    names = ["hash", "ticket", "kind", "vouched", "last_at"]
    for row in conn.execute(mine).all():  # few: the tickets of one person
        values = dict(zip(names, row, strict=True))
        conn.execute(upsert(conn, ticket_identities).values(**values).on_conflict_do_nothing())
