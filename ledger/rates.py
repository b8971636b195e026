"""How often somebody may do a thing, over all web processes: a leaky bucket for a key, in one statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, case, delete, update

from ledger.database import clock
from ledger.dialect import upsert
from ledger.schema import rates


def take(conn: Connection, key: bytes, most: int, seconds: float) -> bool:
    """Count an event of the key; False, and nothing counted, when there were `most` of them in `seconds`."""
    now, cost = clock(conn), seconds / most
    level = case((rates.c.empty_at > now, rates.c.empty_at), else_=now) + cost
    statement = upsert(conn, rates).values(key=key, empty_at=now + cost)
    statement = statement.on_conflict_do_update(
        index_elements=["key"], set_={"empty_at": level}, where=level <= now + seconds + 1e-6
    )
    return conn.execute(statement.returning(rates.c.key)).one_or_none() is not None


def give_back(conn: Connection, key: bytes, most: int, seconds: float) -> None:
    """Take back one event of the key that was counted."""
    conn.execute(update(rates).where(rates.c.key == key).values(empty_at=rates.c.empty_at - seconds / most))


def forget(conn: Connection) -> Any:
    """Remove the keys whose events have all run out. Returns how many."""
    return conn.execute(delete(rates).where(rates.c.empty_at < clock(conn))).rowcount
