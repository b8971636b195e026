"""The journal: every payload once, durable before the platform is told; and the claims of those who process it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
    update,
)

from ledger.crypto import Keyring
from ledger.dialect import among, execute_each, exists_each, in_order_of_index, is_, once, upsert
from ledger.leases import alive
from ledger.schema import journal
from ledger.wake import notify

# Larger payloads lie in the storage: a database page cache is no place for 40 MB letters.
INLINE_BYTES = 256 * 1024
# A start made alone that killed the processor three times is enough (contract, section 8).
STARTS = 3

# As the partial index of the open rows names them: a statement that repeats them can use it.
OPEN_STATES = ("received", "working", "held")


@dataclass(frozen=True, slots=True)
class Entry:
    """A payload to be journalled. `payload` is None when it lies in the storage under `payload_key`."""

    key_hash: bytes
    kind: str
    account: str
    platform_account: str
    conversation: str
    album: str | None
    payload: bytes | None = field(repr=False)  # sealed
    payload_key: str | None
    payload_wrapped: bytes | None = field(repr=False)
    size: int
    sent_at: float | None
    received_at: float
    due_at: float
    acknowledge: bool = True

    def values(self) -> dict[str, Any]:
        """The columns of the row."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A journal row in work. `owner` is the claim that must still stand when it is staged."""

    id: int
    kind: str
    account: str
    platform_account: str
    conversation: str
    album: str | None
    payload: bytes | None = field(repr=False)
    payload_key: str | None
    payload_wrapped: bytes | None = field(repr=False)
    sent_at: float | None
    received_at: float
    alone: bool
    attempts: int
    acknowledge: bool
    size: int

    @property
    def effective_at(self) -> float:
        """When it was said: `sent_at`, never later than `received_at` (contract, section 5)."""
        return self.received_at if self.sent_at is None else min(self.sent_at, self.received_at)


_CLAIMED = [journal.c[name] for name in Claimed.__slots__]

_earlier = journal.alias("earlier")
_unfinished = exists_each(
    select(_earlier.c.id).where(
        _earlier.c.conversation == journal.c.conversation,
        _earlier.c.id < journal.c.id,
        or_(
            is_(_earlier.c.state, "working"),
            and_(is_(_earlier.c.state, "received"), _earlier.c.due_at > bindparam("now")),
        ),
        is_(_earlier.c.state, *OPEN_STATES),
    )
)
_APPEND = once(
    lambda conn: (
        upsert(conn, journal)
        .on_conflict_do_nothing(index_elements=["key_hash"])
        .returning(journal.c.id, journal.c.key_hash)
    )
)
_ANYTHING = select(journal.c.id).where(is_(journal.c.state, "received"), journal.c.due_at <= bindparam("now")).limit(1)
_READY = (
    select(journal.c.id, journal.c.alone, journal.c.album, journal.c.conversation)
    .where(is_(journal.c.state, "received"), journal.c.due_at <= bindparam("now"), ~_unfinished)
    .order_by(journal.c.id)
    .limit(bindparam("most"))
)
_TAKE = (
    update(journal)
    .where(among(journal.c.id, "ids"))
    .values(state="working", owner=bindparam("claimer"), attempts=journal.c.attempts + bindparam("starts"))
    .returning(*_CLAIMED)
)
_STILL_MINE = (
    select(journal.c.id)
    .where(among(journal.c.id, "ids"), is_(journal.c.state, "working"), journal.c.owner == bindparam("claimer"))
    .order_by(journal.c.id)
    .with_for_update()
)
_HELD = (
    select(*_CLAIMED)
    .where(
        among(journal.c.conversation, "conversations"),
        is_(journal.c.state, *OPEN_STATES),
        is_(journal.c.state, "held"),
    )
    .order_by(journal.c.id)
    .with_for_update()
)
_FINISH = (
    update(journal)
    .where(journal.c.id == bindparam("row_id"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        merged_into=bindparam("new_merged_into"),
        owner=null(),
        done_at=bindparam("now"),
    )
)

_NOT_COUNTED = case((journal.c.attempts > 0, journal.c.attempts - 1), else_=0)


def key_hash(keys: Keyring, kind: str, platform_account: str, key: str) -> bytes:
    """What tells redeliveries apart, as it is kept: all that remains of an erased message."""
    return keys.keyed_hash(b"journal", kind.encode(), platform_account.encode(), key.encode("utf-8", "replace"))


def conversation_hash(keys: Keyring, kind: str, platform_account: str, conversation: str) -> str:
    """The name of a conversation in the ledger: 32 hexadecimal digits."""
    parts = (kind.encode(), platform_account.encode(), conversation.encode("utf-8", "replace"))
    return keys.keyed_hash(b"conversation", *parts)[:16].hex()


def append(conn: Connection, entries: Sequence[Entry]) -> dict[bytes, int]:
    """Journal what is new. Returns the new rows' ids by key hash; the others are redeliveries."""
    if not entries:
        return {}
    rows = conn.execute(_APPEND(conn), [entry.values() for entry in _distinct(entries)])
    new = {bytes(row.key_hash): row.id for row in rows}
    if new:
        notify(conn, "journal")
    return new


def _distinct(entries: Sequence[Entry]) -> Iterable[Entry]:
    return {entry.key_hash: entry for entry in reversed(entries)}.values().__reversed__()


def claim(conn: Connection, owner: str, now: float, most: int) -> list[Claimed]:
    """Take up to `most` rows into work, in order, never overtaking an unfinished row of the same conversation.

    A row that was in work when a processor died is claimed alone, and its start is counted.
    """
    if conn.dialect.name == "postgresql":
        # Claims go one after the other: two at once could each miss what the other takes of one conversation.
        conn.execute(text("SELECT pg_advisory_xact_lock(7210553)"))
        in_order_of_index(conn)
    rows = list(conn.execute(_READY, {"now": now, "most": most}))
    if not rows:
        return []
    rows = rows[:1] if rows[0].alone else _until_alone(rows)
    ids = {row.id for row in rows} | _rest_of_albums(conn, rows)
    taken = conn.execute(_TAKE, {"ids": sorted(ids), "claimer": owner, "starts": 1 if one_message(rows) else 0})
    return sorted((_claimed(row) for row in taken.mappings()), key=lambda row: row.id)


def one_message(rows: Sequence[Any]) -> bool:
    """Whether these rows are one message: a single one, or parts of one album, which are staged and blamed together."""
    return len({(row.conversation, row.album or row.id) for row in rows}) == 1


def _until_alone(rows: Sequence[Any]) -> list[Any]:
    """The rows before the first one that wants to be alone: it and what follows wait for the next claim."""
    for index, row in enumerate(rows):
        if row.alone:
            return list(rows[:index])
    return list(rows)


def _rest_of_albums(conn: Connection, rows: Sequence[Any]) -> set[int]:
    albums = {(row.conversation, row.album) for row in rows if row.album is not None}
    if not albums:
        return set()
    parts = conn.execute(
        select(journal.c.id, journal.c.conversation, journal.c.album).where(
            journal.c.conversation.in_({conversation for conversation, _ in albums}),
            journal.c.album.in_({album for _, album in albums}),
            is_(journal.c.state, *OPEN_STATES),
            is_(journal.c.state, "received"),
        )
    )
    return {part.id for part in parts if (part.conversation, part.album) in albums}


def _claimed(row: RowMapping) -> Claimed:
    return Claimed(**{name: row[name] for name in Claimed.__slots__})


def still_mine(conn: Connection, owner: str, ids: Iterable[int]) -> set[int]:
    """Those of `ids` whose claim stands; they stay locked until the transaction ends."""
    rows = conn.execute(_STILL_MINE, {"ids": sorted(ids), "claimer": owner})
    return {row.id for row in rows}


def finish(conn: Connection, outcomes: Sequence[dict[str, Any]], now: float) -> None:
    """End rows. Each outcome: `id`, `state`, and `reason`, `merged_into` where there are any."""
    execute_each(
        conn,
        _FINISH,
        [
            {
                "row_id": outcome["id"],
                "new_state": outcome["state"],
                "new_reason": outcome.get("reason"),
                "new_merged_into": outcome.get("merged_into"),
                "now": now,
            }
            for outcome in outcomes
        ],
    )


def erase(conn: Connection, ids: Sequence[int]) -> None:
    """Take the raw bytes of these rows away; a file of theirs is one that nobody names, and is swept."""
    if ids:
        gone = {"payload": None, "payload_key": None, "payload_wrapped": None}
        conn.execute(update(journal).where(among(journal.c.id, "ids")).values(**gone), {"ids": sorted(ids)})


def give_back(conn: Connection, owner: str, ids: Iterable[int], due_at: float, *, blame: bool) -> None:
    """Put rows back that were not finished. With `blame`, each is tried by itself from now on and the start
    counts; without (too much for the memory), it was not the message's fault and does not.
    """
    counted = journal.c.attempts if blame else _NOT_COUNTED
    conn.execute(
        update(journal)
        .where(journal.c.id.in_(sorted(ids)), journal.c.owner == owner, is_(journal.c.state, "working"))
        .values(
            state="received",
            owner=None,
            due_at=due_at,
            alone=or_(journal.c.alone, literal(blame)),
            attempts=counted,
        )
    )


def give_up(conn: Connection, owner: str, due_at: float) -> int:
    """Put back all that a living claimer has in work, as no message's fault. Returns how many rows."""
    mine = is_(journal.c.state, *OPEN_STATES), is_(journal.c.state, "working"), journal.c.owner == owner
    values = {"state": "received", "owner": None, "due_at": due_at, "attempts": _NOT_COUNTED}
    return conn.execute(update(journal).where(*mine).values(**values)).rowcount


def recover(conn: Connection, now: float) -> tuple[int, list[int]]:
    """Take back what dead processors had in work, to be tried one by one.

    Returns how many went back, and the ids that have killed their processor for the last time: the caller
    quarantines them.
    """
    owners = {
        row.owner for row in conn.execute(select(journal.c.owner).where(is_(journal.c.state, "working")).distinct())
    }
    dead = owners - alive(conn, owners)
    if not dead:
        return 0, []
    rows = conn.execute(  # locked: another may take the same back, or a processor that was only frozen end them
        select(journal.c.id, journal.c.attempts)
        .where(is_(journal.c.state, "working"), journal.c.owner.in_(dead))
        .order_by(journal.c.id)
        .with_for_update()
    ).all()
    poison = [row.id for row in rows if row.attempts >= STARTS]
    rest = [row.id for row in rows if row.attempts < STARTS]
    if rest:
        conn.execute(
            update(journal)
            .where(journal.c.id.in_(rest), is_(journal.c.state, "working"), journal.c.owner.in_(dead))
            .values(state="received", owner=None, alone=True, due_at=now)
        )
    return len(rest), poison


def rows(conn: Connection, ids: Iterable[int]) -> list[Claimed]:
    """These rows, in order."""
    found = conn.execute(select(*_CLAIMED).where(journal.c.id.in_(sorted(ids))).order_by(journal.c.id))
    return [_claimed(row) for row in found.mappings()]


def held(conn: Connection, conversations: Iterable[str]) -> list[Claimed]:
    """Greetings that wait in these conversations for the message that they belong to; locked."""
    found = conn.execute(_HELD, {"conversations": sorted(set(conversations))})
    return [_claimed(row) for row in found.mappings()]


def later(conn: Connection, row_id: int, due_at: float) -> None:
    """Read a row that is in work once more, at `due_at`: what it is about is not known yet."""
    values = {"state": "received", "owner": None, "due_at": due_at, "attempts": _NOT_COUNTED}
    conn.execute(update(journal).where(journal.c.id == row_id).values(**values))


def hold(conn: Connection, row_id: int, due_at: float) -> None:
    """Let a greeting wait for its message until `due_at`."""
    conn.execute(update(journal).where(journal.c.id == row_id).values(state="held", owner=None, due_at=due_at))


def anything(conn: Connection, now: float) -> bool:
    """Whether a row may be ready: a look that takes no writer's turn."""
    return conn.execute(_ANYTHING, {"now": now}).first() is not None


_later = journal.alias("later")
_followed = exists().where(
    _later.c.conversation == journal.c.conversation,
    _later.c.id > journal.c.id,
    is_(_later.c.state, *OPEN_STATES),
    is_(_later.c.state, "received", "working"),
)
_GREETINGS = (
    select(*_CLAIMED)
    .where(is_(journal.c.state, *OPEN_STATES), is_(journal.c.state, "held"), ~_followed)
    .order_by(journal.c.id)
)
_NEXT_DUE = select(func.min(journal.c.due_at)).where(
    is_(journal.c.state, *OPEN_STATES), is_(journal.c.state, "received", "held")
)


def take_held(conn: Connection, now: float, ids: Iterable[int] | None = None, *, lock: bool = True) -> list[Claimed]:
    """Greetings whose time is over and that nothing unprocessed follows; with `ids`, those whatever the time."""
    waiting = _GREETINGS.where(journal.c.due_at <= now if ids is None else journal.c.id.in_(sorted(ids)))
    found = conn.execute(waiting.with_for_update() if lock else waiting)
    return [_claimed(row) for row in found.mappings()]


def next_due(conn: Connection) -> float | None:
    """When the next waiting row, or greeting, is due; None when nothing waits."""
    value: float | None = conn.execute(_NEXT_DUE).scalar_one()
    return value


def unfinished(conn: Connection, ids: Sequence[int]) -> bool:
    """Whether one of these rows still waits for a processor, or is in the work of one."""
    for start in range(0, len(ids), 500):
        open_rows = select(journal.c.id).where(
            journal.c.id.in_(ids[start : start + 500]), is_(journal.c.state, "received", "working")
        )
        if conn.execute(open_rows.limit(1)).first() is not None:
            return True
    return False


_PLACE = (
    update(journal)
    .where(journal.c.id == bindparam("row_id"))
    .values({name: bindparam(f"new_{name}") for name in ("conversation", "album", "size", "sent_at")})
)


def retry(
    conn: Connection,
    ids: Sequence[int],
    now: float,
    payload: bytes | None = None,
    *,
    places: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
) -> list[int]:
    """Put quarantined rows back, as if they had just come; with `payload` (sealed), those bytes instead.

    `places`: what they belong to, where it can be told by now (`pipeline.intake.place`). Returns the ids that were in
    the quarantine.
    """
    values: dict[str, Any] = {"state": "received", "reason": None, "attempts": 0, "alone": True, "due_at": now}
    if payload is not None:
        values |= {"payload": payload, "payload_key": None, "payload_wrapped": None}
    done = conn.execute(
        update(journal)
        .where(among(journal.c.id, "ids"), is_(journal.c.state, "quarantined"))
        .values(**values)
        .returning(journal.c.id),
        {"ids": sorted(ids)},
    )
    taken = [row.id for row in done]
    mended = [
        {"row_id": row_id} | {f"new_{name}": value for name, value in places[row_id].items()}
        for row_id in taken
        if row_id in places
    ]
    execute_each(conn, _PLACE, mended)
    notify(conn, "journal")
    return taken


def dismiss(conn: Connection, ids: Sequence[int], now: float) -> list[int]:
    """End quarantined rows that somebody has looked at and that are nobody's request: `ignored`, and their bytes are
    erased when those of other rows are. Returns the ids that were in the quarantine.
    """
    done = conn.execute(
        update(journal)
        .where(among(journal.c.id, "ids"), is_(journal.c.state, "quarantined"))
        .values(state="ignored", reason="dismissed from the quarantine", done_at=now)
        .returning(journal.c.id),
        {"ids": sorted(ids)},
    )
    return [row.id for row in done]
