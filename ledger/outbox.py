"""What is still to be published, and the mark once the broker has it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, bindparam, func, select, update

from ledger.dialect import among, exists_each, in_order_of_index, insert_each, is_
from ledger.leases import Lease, guard
from ledger.schema import messages, outbox
from ledger.wake import notify


@dataclass(frozen=True, slots=True)
class Pending:
    """A row that is due. `exchange` is without the prefix."""

    id: int
    message_id: str
    exchange: str
    routing_key: str
    type: str
    conversation: str
    ticket: str | None
    channel: str | None
    kind: str | None
    body: bytes = field(repr=False)
    created_at: float


_earlier = outbox.alias("earlier")
_blocked = exists_each(
    select(_earlier.c.id).where(
        _earlier.c.conversation == outbox.c.conversation,
        _earlier.c.id < outbox.c.id,
        is_(_earlier.c.state, "pending"),
        _earlier.c.due_at > bindparam("now"),
        _earlier.c.exchange == outbox.c.exchange,
    )
)
_DUE = (
    select(
        outbox.c.id,
        outbox.c.message_id,
        outbox.c.exchange,
        outbox.c.routing_key,
        outbox.c.type,
        outbox.c.conversation,
        outbox.c.ticket,
        outbox.c.channel,
        outbox.c.kind,
        func.coalesce(outbox.c.body, messages.c.body).label("body"),
        outbox.c.created_at,
    )
    .select_from(
        outbox.outerjoin(messages, and_(outbox.c.body.is_(None), messages.c.envelope_id == outbox.c.message_id))
    )
    .where(is_(outbox.c.state, "pending"), outbox.c.due_at <= bindparam("now"), ~_blocked)
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
)
_CONFIRMED = (
    update(outbox)
    .where(among(outbox.c.id, "ids"), is_(outbox.c.state, "pending"))
    .values(state="published", published_at=bindparam("now"), times=outbox.c.times + 1, reason=None)
)


def take(conn: Connection, now: float, most: int) -> list[Pending]:
    """The oldest rows that are due, none before an earlier one of its conversation that is not."""
    in_order_of_index(conn)
    rows = conn.execute(_DUE, {"now": now, "most": most})
    return [Pending(**{**row._mapping, "body": bytes(row.body or b"")}) for row in rows]


def mark(
    conn: Connection, lease: Lease, confirmed: Sequence[int], failed: Mapping[int, str], now: float, retry: float
) -> None:
    """Mark what the broker has confirmed; the rest is due again at `retry`, with the reason. Raises `Fenced`.

    What was erased while it was with the broker stays erased.
    """
    guard(conn, lease)
    if confirmed:
        conn.execute(_CONFIRMED, {"ids": list(confirmed), "now": now})
    if failed:
        conn.execute(
            update(outbox)
            .where(outbox.c.id == bindparam("row_id"), is_(outbox.c.state, "pending"))
            .values(due_at=retry, reason=bindparam("why")),
            [{"row_id": row_id, "why": why[:200]} for row_id, why in failed.items()],
        )


def requeue(conn: Connection, now: float, *, since: float | None, tickets: Collection[str]) -> int:
    """Publish envelopes again, under the same ids. Returns how many."""
    which = outbox.c.ticket.in_(sorted(tickets)) if tickets else outbox.c.created_at >= since
    done = conn.execute(
        update(outbox)
        .where(outbox.c.exchange == "appeals", is_(outbox.c.state, "published"), which)
        .values(state="pending", due_at=now, reason=None)
    )
    notify(conn, "outbox")
    return done.rowcount


def add(conn: Connection, rows: Iterable[Mapping[str, object]]) -> None:
    """Owe these rows to the broker."""
    values = [dict(row) for row in rows]
    if values:
        insert_each(conn, outbox, values)
        notify(conn, "outbox")
