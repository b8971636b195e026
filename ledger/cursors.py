"""How far each polled account has been read; moved in the same transaction as the rows that it covers."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ledger.dialect import upsert
from ledger.errors import Fenced
from ledger.schema import cursors


def read(conn: Connection, account: str) -> str | None:
    """The cursor (JSON) of the account, or None."""
    value: str | None = conn.execute(select(cursors.c.value).where(cursors.c.account == account)).scalar_one_or_none()
    return value


def move(conn: Connection, account: str, value: str, token: int, now: float) -> None:
    """Move the cursor. Raises `Fenced` when a holder with a higher token has moved it already."""
    statement = upsert(conn, cursors).values(account=account, value=value, token=token, moved_at=now)
    moved = statement.on_conflict_do_update(
        index_elements=["account"],
        set_={"value": value, "token": token, "moved_at": now},
        where=cursors.c.token <= token,
    ).returning(cursors.c.token)
    if conn.execute(moved).one_or_none() is None:
        raise Fenced(account)
