"""What goes to citizens: owed in the transaction that stages, sent by the one holder of the account's sending side."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, bindparam, or_, select, update
from uuid_utils import uuid7

from ledger.crypto import Keyring
from ledger.dialect import among, exists_each, in_order_of_index, is_, upsert
from ledger.leases import Lease, guard
from ledger.schema import conversations, meta, outgoing, threads
from ledger.wake import notify

# A `random_id` is an int32; the base is drawn once, so that a new ledger does not repeat the ids of an old one.
_BASE_KEY = "random_id_base"
_LARGEST = 2**31 - 1
_BASE = select(meta.c.value).where(meta.c.key == _BASE_KEY)


@dataclass(frozen=True, slots=True)
class Owed:
    """A message to a citizen that is to be sent. `content` is JSON: address, text, buttons, subject, references, …"""

    seq: int
    id: str
    purpose: str
    ticket: str | None
    conversation: str
    reply_id: str | None
    content: dict[str, Any] = field(repr=False)
    signed_id: str | None
    attempts: int
    already_sent: int
    created_at: float
    random_id: int


def row(
    keys: Keyring,
    *,
    purpose: str,
    kind: str,
    account: str,
    platform_account: str,
    conversation: str,
    content: Mapping[str, Any],
    now: float,
    ticket: str | None = None,
    journal_id: int | None = None,
    reply_id: str | None = None,
    signed_id: str | None = None,
) -> dict[str, Any]:
    """The columns of a new row."""
    return {
        "id": str(uuid7()),
        "purpose": purpose,
        "kind": kind,
        "account": account,
        "platform_account": platform_account,
        "conversation": conversation,
        "ticket": ticket,
        "journal_id": journal_id,
        "reply_id": reply_id,
        "content": keys.seal(json.dumps(content, ensure_ascii=False).encode(), b"outgoing"),
        "signed_id": signed_id,
        "state": "owed",
        "created_at": now,
        "due_at": now,
    }


def random_id(base: int, seq: int) -> int:
    """VK's `random_id` of a row: an int32, never 0, unique over the ledger's history."""
    return (base + seq) % _LARGEST + 1


def _random_base(conn: Connection) -> int:
    found = conn.execute(_BASE).scalar_one_or_none()
    if found is None:
        statement = upsert(conn, meta).values(key=_BASE_KEY, value=_drawn())
        conn.execute(statement.on_conflict_do_nothing())
        found = conn.execute(_BASE).scalar_one()
    return int(found)


def _drawn() -> str:
    return str(random.SystemRandom().randrange(_LARGEST))


def renew_random_ids(conn: Connection) -> None:
    """A ledger that was put back counts anew from an earlier row: VK would drop what has an id that it has seen."""
    statement = upsert(conn, meta).values(key=_BASE_KEY, value=_drawn())
    conn.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value}))


_earlier = outgoing.alias("earlier")
_blocked = exists_each(
    select(_earlier.c.seq).where(
        _earlier.c.account == outgoing.c.account,
        _earlier.c.conversation == outgoing.c.conversation,
        is_(_earlier.c.state, "owed", "sending"),
        _earlier.c.seq < outgoing.c.seq,
    )
)
_DUE = (
    select(outgoing)
    .where(
        outgoing.c.account == bindparam("account"),
        is_(outgoing.c.state, "owed", "sending"),
        # + 0: else SQLite goes by the index of due_at, and sorts all that is due.
        outgoing.c.due_at + 0 <= bindparam("now"),
        ~_blocked,
    )
    .order_by(outgoing.c.seq)
    .limit(bindparam("most"))
)
_TAKEN = update(outgoing).where(among(outgoing.c.seq, "seqs")).values(state="sending", attempts=outgoing.c.attempts + 1)
_NEXT_DUE = (
    select(outgoing.c.due_at)
    .where(outgoing.c.account == bindparam("account"), is_(outgoing.c.state, "owed", "sending"))
    .order_by(outgoing.c.due_at)
    .limit(1)
)


def next_owed(conn: Connection, keys: Keyring, lease: Lease, account: str, now: float, most: int) -> list[Owed]:
    """The next messages of the account, at most one for a conversation, and mark them as being sent.

    Only the holder of the lease sends; what an earlier holder had in its hands (`sending`) comes again.
    """
    guard(conn, lease)
    in_order_of_index(conn)
    rows = conn.execute(_DUE, {"account": account, "now": now, "most": most}).all()
    if not rows:
        return []
    conn.execute(_TAKEN, {"seqs": [r.seq for r in rows]})
    base = _random_base(conn)
    return [
        Owed(
            seq=r.seq,
            id=r.id,
            purpose=r.purpose,
            ticket=r.ticket,
            conversation=r.conversation,
            reply_id=r.reply_id,
            content=json.loads(keys.unseal(bytes(r.content), b"outgoing")) if r.content else {},
            signed_id=r.signed_id,
            attempts=r.attempts + 1,
            already_sent=r.already_sent,
            created_at=r.created_at,
            random_id=random_id(base, r.seq),
        )
        for r in rows
    ]


def _end(conn: Connection, seq: int, **values: Any) -> bool:
    """Change a row that is still owed. False when it has ended: recorded before, its answer cut off; or erased.

    In a transaction that has guarded the lease of the account, as `sent`, `again` and `failed`.
    """
    open_row = outgoing.c.seq == seq, is_(outgoing.c.state, "owed", "sending")
    return conn.execute(update(outgoing).where(*open_row).values(**values)).rowcount == 1


def sent(conn: Connection, owed: Owed, native_hashes: Sequence[bytes], now: float, *, chat: bool) -> bool:
    """The platform has taken it: record that, its ids, and that the conversation is alive. False when it has ended."""
    if not _end(conn, owed.seq, state="sent", sent_at=now, reason=None):
        return False
    if owed.ticket is not None:
        remember(conn, native_hashes, owed.ticket, owed.id)
    if chat:
        conn.execute(
            update(conversations)
            .where(conversations.c.conversation == owed.conversation, conversations.c.last_at < now)
            .values(last_at=now)
        )
    return True


def remember(conn: Connection, native_hashes: Sequence[bytes], ticket: str, outgoing_id: str) -> None:
    """A reply to one of these messages of ours belongs to the ticket."""
    if native_hashes:
        values = [
            {"native_hash": key, "ticket": ticket, "ours": True, "outgoing_id": outgoing_id} for key in native_hashes
        ]
        conn.execute(upsert(conn, threads).on_conflict_do_nothing(), values)


def sending(conn: Connection, account: str) -> bool:
    """Whether a message of the account is on its way: the platform may have taken it, and its id not be known yet."""
    found = select(outgoing.c.seq).where(outgoing.c.account == account, is_(outgoing.c.state, "owed", "sending"))
    return conn.execute(found.where(is_(outgoing.c.state, "sending")).limit(1)).first() is not None


def again(conn: Connection, seq: int, due_at: float, reason: str, already_sent: int) -> bool:
    """It did not go through; try again at `due_at`. So many parts of a long text are with the citizen already.

    False when it has ended.
    """
    return _end(conn, seq, state="owed", due_at=due_at, reason=reason, already_sent=already_sent)


def failed(conn: Connection, seq: int, reason: str) -> bool:
    """It will never go through. False when it has ended."""
    return _end(conn, seq, state="failed", reason=reason)


def adopt(conn: Connection, lease: Lease, kind: str, name: str, platform_account: str, known: Collection[str]) -> int:
    """Take over what is owed by the same account under a name that is no channel's any more: it was renamed."""
    guard(conn, lease)
    left = (
        is_(outgoing.c.state, "owed", "sending"),
        outgoing.c.account.not_in(known),
        outgoing.c.kind == kind,
        outgoing.c.platform_account == platform_account,
    )
    return conn.execute(update(outgoing).where(*left).values(account=name)).rowcount


def report(conn: Connection, native_hash: bytes, state: str, reason: str | None) -> Any:
    """What a platform says later of a message that we sent. Returns the row (or None), for the event.

    A failure is final even after `sent` (WhatsApp accepts first and refuses later), and where another part of the same
    message was delivered; nothing undoes a failure. What was delivered is no word of parts that are still owed.
    """
    row_id = conn.execute(
        select(threads.c.outgoing_id).where(threads.c.native_hash == native_hash)
    ).scalar_one_or_none()
    if row_id is None:
        return None
    new = {"delivered": "delivered", "read": "delivered", "failed": "failed"}.get(state)
    if new is None:
        return None
    if new == "failed":
        may_be = is_(outgoing.c.state, "owed", "sending", "sent", "delivered")
    else:
        whole = outgoing.c.already_sent == 0
        may_be = or_(is_(outgoing.c.state, "sent"), and_(is_(outgoing.c.state, "owed", "sending"), whole))
    return conn.execute(
        update(outgoing).where(outgoing.c.id == row_id, may_be).values(state=new, reason=reason).returning(outgoing)
    ).one_or_none()


def owe(conn: Connection, values: Mapping[str, Any]) -> bool:
    """Owe one message; False when its `reply_id` is known already."""
    statement = upsert(conn, outgoing).values(**values).on_conflict_do_nothing()
    notify(conn, "outgoing")
    return conn.execute(statement.returning(outgoing.c.seq)).one_or_none() is not None


def files(conn: Connection, keys: Keyring) -> set[str]:
    """Names of the files that go with what is still owed."""
    rows = conn.execute(
        select(outgoing.c.content).where(
            is_(outgoing.c.state, "owed", "sending"), outgoing.c.reply_id.is_not(None), outgoing.c.content.is_not(None)
        )
    )
    contents = (json.loads(keys.unseal(bytes(row.content), b"outgoing")) for row in rows)
    return {file["key"] for content in contents for file in content.get("files", ())}


def next_due(conn: Connection, account: str) -> float | None:
    """When the account's next message is due; None when nothing is owed."""
    in_order_of_index(conn)
    value: float | None = conn.execute(_NEXT_DUE, {"account": account}).scalar_one_or_none()
    return value
