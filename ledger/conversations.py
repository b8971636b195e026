"""Conversations and people whose platform gives them a new id."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, literal, select, update

from ledger.dialect import upsert
from ledger.schema import conversations, identities, ticket_identities, vouches


def move(conn: Connection, old: str, new: str, former: bytes) -> None:
    """The chat goes on under a new id (a group that became a supergroup). `former`: the old id, sealed.

    In a group each member has a conversation of his own, `chat:sender`; its former name is made of `former` when he
    next writes.
    """
    row = conn.execute(select(conversations).where(conversations.c.conversation == old)).one_or_none()
    ticket, last_at = (row.ticket, row.last_at) if row is not None else (None, 0.0)
    statement = upsert(conn, conversations).values(conversation=new, ticket=ticket, last_at=last_at, moved_from=former)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["conversation"], set_={"moved_from": statement.excluded.moved_from}
        )
    )


def former(conn: Connection, chats: Iterable[str]) -> dict[str, bytes]:
    """Of these chats those that had another id, with that id, sealed."""
    rows = conn.execute(
        select(conversations.c.conversation, conversations.c.moved_from).where(
            conversations.c.conversation.in_(sorted(set(chats))), conversations.c.moved_from.is_not(None)
        )
    )
    return {row.conversation: bytes(row.moved_from) for row in rows}


def alias(conn: Connection, old: bytes, new: bytes) -> None:
    """The same person under a new id: what he may speak for stays his, and is no longer the old id's.

    A given-up number soon belongs to somebody else; what else was known of the old id (the phone of a WhatsApp
    number) therefore no longer vouches for his tickets, and only corroborates.
    """
    mine = select(ticket_identities.c.ticket).where(ticket_identities.c.hash == old)
    with_it = select(vouches.c.other).where(vouches.c.channel == old, vouches.c.kind.in_(("phone", "channel")))
    conn.execute(
        update(ticket_identities)
        .where(
            ticket_identities.c.ticket.in_(mine),
            ticket_identities.c.hash.in_(with_it),
            ticket_identities.c.kind == "phone",
        )
        .values(vouched=False)
    )
    conn.execute(
        delete(ticket_identities).where(
            ticket_identities.c.ticket.in_(mine),
            ticket_identities.c.hash.in_(with_it),
            ticket_identities.c.hash != new,
            ticket_identities.c.kind == "channel",
        )
    )
    _rename(conn, old, new)
    conn.execute(delete(ticket_identities).where(ticket_identities.c.hash == old))
    conn.execute(delete(vouches).where(vouches.c.channel == old))
    conn.execute(delete(vouches).where(vouches.c.other == old))


def _rename(conn: Connection, old: bytes, new: bytes) -> None:
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
