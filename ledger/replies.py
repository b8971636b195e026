"""A desk's reply in the ledger: owed once for its id, to where the citizen last wrote and was shown to be himself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select, update

from ledger import erasure
from ledger.crypto import Keyring
from ledger.dialect import is_
from ledger.schema import messages, outgoing, tickets

# The words of the index.
_IN_VAIN = (is_(outgoing.c.state, "failed"), outgoing.c.waited_since.is_not(None))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a reply leaves: the channel of the ticket's last verified message; `language` is the ticket's."""

    kind: str
    account: str
    platform_account: str
    conversation: str
    address: dict[str, Any] = field(repr=False)  # see `pipeline.effects.address`, with subject and references
    last_message_at: float
    language: str | None = None


def known(conn: Connection, number: str, reply_id: str) -> bool:
    """Whether the ticket's reply of this id was written before, or was the last that closed it."""
    written = select(outgoing.c.seq).where(outgoing.c.reply_id == reply_id, outgoing.c.ticket == number)
    closed = select(tickets.c.number).where(tickets.c.number == number, tickets.c.closed_by == reply_id)
    return conn.execute(written).first() is not None or conn.execute(closed).first() is not None


def used_elsewhere(conn: Connection, number: str, reply_id: str) -> bool:
    """Whether a reply to another ticket has this id: two desks that count from 1 each."""
    other = select(outgoing.c.seq).where(outgoing.c.reply_id == reply_id, outgoing.c.ticket != number)
    return conn.execute(other).first() is not None


def ticket_state(conn: Connection, number: str) -> str | None:
    """`open`, `closed` or `erased`, locked; None when there is no such ticket."""
    row = conn.execute(
        select(tickets.c.state, tickets.c.erased_at).where(tickets.c.number == number).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    return "erased" if row.erased_at is not None else str(row.state)


def target(conn: Connection, keys: Keyring, number: str, in_reply_to: str | None) -> Target | None:
    """Where to answer; None when no verified message of the ticket has an address."""
    rows = conn.execute(
        select(messages)
        .where(messages.c.ticket == number, messages.c.verified, messages.c.address.is_not(None))
        .order_by(messages.c.sequence.desc())
        .limit(50)
    ).all()
    if not rows:
        return None
    last, address = rows[0], json.loads(keys.unseal(bytes(rows[0].address), b"address"))
    for row in rows:  # the portal answers by e-mail: a mark or a comment without an address leads nowhere
        if last.channel != "portal" or address.get("email"):
            break
        last, address = row, json.loads(keys.unseal(bytes(row.address), b"address"))
    if in_reply_to is not None:  # answer that very message, when it came the same way
        for row in rows:
            other = json.loads(keys.unseal(bytes(row.address), b"address"))
            if other["message_id"] == in_reply_to and row.conversation == last.conversation:
                last, address = row, other
                break
    newest: float = conn.execute(
        select(func.max(messages.c.effective_at)).where(messages.c.conversation == last.conversation)
    ).scalar_one()
    return Target(
        kind=last.channel,
        account=last.account,
        platform_account=last.platform_account,
        conversation=last.conversation,
        address=address,
        last_message_at=newest,
        language=conn.execute(select(tickets.c.language).where(tickets.c.number == number)).scalar_one_or_none(),
    )


def close(conn: Connection, number: str, reply_id: str, now: float) -> bool:
    """Close a ticket as this reply asks; False when it was not open."""
    conn.execute(update(tickets).where(tickets.c.number == number).values(closed_by=reply_id))
    return erasure.close(conn, number, now)


def answered(conn: Connection, number: str, reply_id: str, now: float) -> None:
    """The desk has answered: nobody waits any more, and the conversation is alive. For a ticket that is locked."""
    waited = select(tickets.c.waiting_since, tickets.c.answer_by).where(tickets.c.number == number)
    since, due = conn.execute(waited).one()
    conn.execute(update(outgoing).where(outgoing.c.reply_id == reply_id).values(waited_since=since, was_due=due))
    conn.execute(
        update(tickets)
        .where(tickets.c.number == number)
        .values(answered_at=now, waiting_since=None, answer_by=None, last_message_at=now)
    )


def in_vain(conn: Connection, most: int = 100) -> list[str]:
    """Tickets with an answer that has failed, and that still count as answered by it."""
    rows = conn.execute(select(outgoing.c.ticket).where(*_IN_VAIN).order_by(outgoing.c.seq).limit(most))
    return sorted({row.ticket for row in rows})


def take_back(conn: Connection, number: str) -> str | None:
    """Whom no answer has reached since he wrote waits since then, as before. A ticket that was closed with that answer
    is open again; returns the answer's id then.

    Where a later answer is given, or on its way, it has ended the waiting in the place of the one that failed.
    """
    state = ticket_state(conn, number)
    answers = conn.execute(
        select(outgoing).where(outgoing.c.ticket == number, outgoing.c.purpose == "reply").order_by(outgoing.c.seq)
    ).all()
    given = [row for row in answers if row.state in ("owed", "sending", "sent", "delivered")]
    failed = [row for row in answers if row.state == "failed" and row.waited_since is not None]
    conn.execute(update(outgoing).where(outgoing.c.seq.in_([row.seq for row in failed])).values(waited_since=None))
    last = given[-1] if given else None
    earlier = [row for row in failed if last is not None and row.seq < last.seq]
    if last is not None and earlier:
        since, due = _first([last, *earlier])
        conn.execute(update(outgoing).where(outgoing.c.seq == last.seq).values(waited_since=since, was_due=due))
    newer = failed[len(earlier) :]
    closed_by = conn.execute(select(tickets.c.closed_by).where(tickets.c.number == number)).scalar_one()
    reopened = state == "closed" and closed_by in [row.reply_id for row in newer]
    if not newer or (state != "open" and not reopened):
        return None
    columns = tickets.c.waiting_since.label("waited_since"), tickets.c.answer_by.label("was_due")
    now_waits = conn.execute(select(*columns).where(tickets.c.number == number)).one()
    since, due = _first([now_waits, *newer])
    answered_at = last.created_at if last is not None else None
    changed = {"answered_at": answered_at, "waiting_since": since, "answer_by": due, "state": "open", "closed_at": None}
    conn.execute(update(tickets).where(tickets.c.number == number).values(**changed))
    return str(closed_by) if reopened else None


def _first(rows: Sequence[Any]) -> tuple[float | None, float | None]:
    """Who of these waited longest, and what was due first."""
    since = min((row.waited_since for row in rows if row.waited_since is not None), default=None)
    return since, min((row.was_due for row in rows if row.was_due is not None), default=None)
