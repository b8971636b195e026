"""What each part of the program last said of itself, for `/readyz`, the board and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, func, select

from ledger.dialect import upsert
from ledger.schema import health

# A part that is well says so at most this often (seconds), and counts as silent after `SILENT_AFTER`.
SAY_EVERY = 20.0
SILENT_AFTER = 75.0
# A process that is gone is named for so long, where another one does its work.
GONE_AFTER = 3600.0


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


def forget(conn: Connection, holder: str) -> None:
    """Remove what a process said of itself: it is known to be dead."""
    conn.execute(delete(health).where(health.c.component.endswith(f":{holder}", autoescape=True)))


def forget_gone(conn: Connection, role: str, now: float) -> None:
    """Remove processes of a role that are gone. The last one heard of stays: that all are silent must be seen."""
    of_role = health.c.component.startswith(f"{role}:", autoescape=True)
    last = conn.execute(select(func.max(health.c.seen_at)).where(of_role)).scalar_one()
    if last is not None:
        conn.execute(delete(health).where(of_role, health.c.seen_at < min(last, now - GONE_AFTER)))


def forget_channels(conn: Connection, configured: set[str], now: float) -> None:
    """Remove channels that have been silent for a day and are none (any more) by the configuration."""
    named = {f"channel:{name}" for name in configured}
    known = conn.execute(
        select(health.c.component).where(
            health.c.component.startswith("channel:"), health.c.seen_at < now - 24 * GONE_AFTER
        )
    )
    gone = {row.component for row in known} - named
    conn.execute(delete(health).where(health.c.component.in_(gone)))


def read(conn: Connection) -> list[Health]:
    """Every part that has said something, by name."""
    rows = conn.execute(select(health).order_by(health.c.component))
    return [Health(row.component, row.state, row.detail, row.since, row.seen_at) for row in rows]
