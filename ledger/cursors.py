"""How far each polled account has been read; moved in the same transaction as the rows that it covers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select

from ledger.dialect import once, upsert
from ledger.errors import Fenced
from ledger.schema import cursors

_READ = select(cursors.c.value).where(cursors.c.account == bindparam("account"))


def _moved(conn: Connection) -> Any:
    statement = upsert(conn, cursors)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["account"],
        set_={"value": new.value, "token": new.token, "moved_at": new.moved_at},
        where=cursors.c.token <= new.token,
    ).returning(cursors.c.token)


_MOVE = once(_moved)


def read(conn: Connection, account: str) -> str | None:
    """The cursor (JSON) of the account, or None."""
    value: str | None = conn.execute(_READ, {"account": account}).scalar_one_or_none()
    return value


def move(conn: Connection, account: str, value: str, token: int, now: float) -> None:
    """Move the cursor. Raises `Fenced` when a holder with a higher token has moved it already."""
    row = {"account": account, "value": value, "token": token, "moved_at": now}
    if conn.execute(_MOVE(conn), row).one_or_none() is None:
        raise Fenced(account)
