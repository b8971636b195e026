"""What each part of the program last said of itself, for `/readyz`, the board and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, select

from ledger.dialect import upsert
from ledger.schema import health

# A part that is well says so at most this often (seconds), and counts as silent after `SILENT_AFTER`.
SAY_EVERY = 20.0
SILENT_AFTER = 75.0


@dataclass(frozen=True, slots=True)
class Health:
    """One part: `ok`, `trouble` or `stopped`, why, and since when (seconds since 1970)."""

    component: str
    state: str
    detail: str | None
    since: float
    seen_at: float


def say(conn: Connection, component: str, state: str, detail: str | None, now: float) -> None:
    """Record how a part is; `since` stays while the state does."""
    statement = upsert(conn, health).values(component=component, state=state, detail=detail, since=now, seen_at=now)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["component"],
            set_={
                "state": state,
                "detail": detail,
                "seen_at": now,
                "since": case((health.c.state == state, health.c.since), else_=now),
            },
        )
    )


def forget(conn: Connection, component: str) -> None:
    """Remove a part that is no longer run."""
    conn.execute(delete(health).where(health.c.component == component))


def read(conn: Connection) -> list[Health]:
    """Every part that has said something, by name."""
    rows = conn.execute(select(health).order_by(health.c.component))
    return [Health(row.component, row.state, row.detail, row.since, row.seen_at) for row in rows]
