"""Accounts of the board, their sessions, and the record of what they looked at and did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, select, text, update

from ledger.dialect import upsert
from ledger.schema import accounts, audit, sessions

# A session ends so long after it was last used, and in any case after a day's work.
IDLE_SECONDS = 4 * 3600.0
LONGEST_SECONDS = 14 * 3600.0
# `seen_at` is written at most this often: a read of a page should not be a write of the database.
TOUCH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in."""

    id: int
    name: str
    role: str
    one_time: bool

    @property
    def administrator(self) -> bool:
        """May manage accounts."""
        return self.role == "administrator"


def add_first(conn: Connection, name: str, secret: str, now: float) -> bool:
    """Add the first administrator; False when there is an account already."""
    if conn.dialect.name == "postgresql":  # two web processes may start at once; SQLite's writers queue anyway
        conn.execute(text("SELECT pg_advisory_xact_lock(7210554)"))
    if conn.execute(select(accounts.c.id).limit(1)).first() is not None:
        return False
    return add(conn, name, "administrator", secret, now, one_time=True)


def anybody(conn: Connection) -> bool:
    """Whether there is an account."""
    return conn.execute(select(accounts.c.id).limit(1)).first() is not None


def add(conn: Connection, name: str, role: str, secret: str, now: float, *, one_time: bool) -> bool:
    """Add an account; False when the name is taken."""
    statement = upsert(conn, accounts).values(
        name=name, role=role, secret=secret, one_time=one_time, active=True, created_at=now
    )
    statement = statement.on_conflict_do_nothing(index_elements=["name"]).returning(accounts.c.id)
    return conn.execute(statement).one_or_none() is not None


def every(conn: Connection) -> list[RowMapping]:
    """All accounts, by name; without their secrets."""
    columns = [column for column in accounts.c if column.name != "secret"]
    return list(conn.execute(select(*columns).order_by(accounts.c.name).limit(1000)).mappings())


def by_name(conn: Connection, name: str) -> RowMapping | None:
    """An active account with its secret."""
    statement = select(accounts).where(accounts.c.name == name, accounts.c.active)
    return conn.execute(statement).mappings().one_or_none()


def by_key(conn: Connection, digest: str) -> RowMapping | None:
    """The active system whose key has this SHA-256."""
    statement = select(accounts).where(accounts.c.secret == digest, accounts.c.role == "system", accounts.c.active)
    return conn.execute(statement).mappings().one_or_none()


def set_secret(conn: Connection, account_id: int, secret: str, *, one_time: bool, keep: bytes | None = None) -> None:
    """Give an account another password. Its sessions end, but for `keep`."""
    conn.execute(update(accounts).where(accounts.c.id == account_id).values(secret=secret, one_time=one_time))
    others = delete(sessions).where(sessions.c.account_id == account_id)
    conn.execute(others if keep is None else others.where(sessions.c.hash != keep))


def set_active(conn: Connection, account_id: int, active: bool) -> bool:
    """Open or close an account. False when that would leave no administrator."""
    conn.execute(update(accounts).where(accounts.c.id == account_id).values(active=active))
    left = conn.execute(select(func.count()).where(accounts.c.role == "administrator", accounts.c.active)).scalar_one()
    if not left:
        conn.execute(update(accounts).where(accounts.c.id == account_id).values(active=True))
        return False
    if not active:
        conn.execute(delete(sessions).where(sessions.c.account_id == account_id))
    return True


def open_session(conn: Connection, token_hash: bytes, account_id: int, now: float) -> None:
    """Sign in; sessions that are over are removed."""
    conn.execute(delete(sessions).where(sessions.c.seen_at < now - IDLE_SECONDS))
    conn.execute(sessions.insert().values(hash=token_hash, account_id=account_id, created_at=now, seen_at=now))
    conn.execute(update(accounts).where(accounts.c.id == account_id).values(seen_at=now))


def session(conn: Connection, token_hash: bytes, now: float) -> tuple[Account, float] | None:
    """Whose session this is, and when it was last used; None when it is over, or the account was closed."""
    row = conn.execute(
        select(accounts.c.id, accounts.c.name, accounts.c.role, accounts.c.one_time, sessions.c.seen_at)
        .join(accounts, accounts.c.id == sessions.c.account_id)
        .where(
            sessions.c.hash == token_hash,
            sessions.c.seen_at >= now - IDLE_SECONDS,
            sessions.c.created_at >= now - LONGEST_SECONDS,
            accounts.c.active,
        )
    ).one_or_none()
    return None if row is None else (Account(row.id, row.name, row.role, bool(row.one_time)), row.seen_at)


def touch(conn: Connection, token_hash: bytes, now: float) -> None:
    """The session was used."""
    conn.execute(update(sessions).where(sessions.c.hash == token_hash).values(seen_at=now))


def close_session(conn: Connection, token_hash: bytes) -> None:
    """Sign out."""
    conn.execute(delete(sessions).where(sessions.c.hash == token_hash))


def note(
    conn: Connection, account: str, action: str, now: float, *, ticket: str | None = None, detail: str | None = None
) -> None:
    """Record what was done."""
    conn.execute(audit.insert().values(at=now, account=account, action=action, ticket=ticket, detail=detail))


def notes(
    conn: Connection, *, ticket: str | None = None, before: int | None = None, most: int = 50
) -> Sequence[RowMapping]:
    """What was recorded, the newest first; with `before`, what is older than that row."""
    statement = select(audit)
    if ticket is not None:
        statement = statement.where(audit.c.ticket == ticket)
    if before is not None:
        statement = statement.where(audit.c.id < before)
    return list(conn.execute(statement.order_by(audit.c.id.desc()).limit(most)).mappings())


def forget_notes(conn: Connection, before: float) -> Any:
    """Remove what was recorded before then."""
    return conn.execute(delete(audit).where(audit.c.at < before)).rowcount
