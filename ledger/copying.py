"""A ledger that has outgrown its file: every row of it into another database, in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select, text

from ledger.database import Database
from ledger.dialect import insert_each
from ledger.migrate import migrate
from ledger.schema import accounts, health, journal, leases, metadata, tickets

PAGE = 1000
LEFT_OUT = (health,)  # what processes said, which are other ones there


class NotCopied(Exception):
    """Why not, and what to do."""


def copy(source: Database, target: Database, now: float) -> int:
    """Copy everything from an up-to-date ledger; returns how many rows. Raises `NotCopied` or `LedgerError`.

    The source stays as it is, and ids stay, so that every reference does. `now` is in Unix seconds.
    """
    if target.dialect != "postgresql":
        raise NotCopied("database.url names no PostgreSQL to copy to: set it first")
    migrate(target)
    with source.read() as old, target.write() as new:
        if old.execute(select(leases.c.name).where(leases.c.expires_at > now).limit(1)).first() is not None:
            raise NotCopied("a worker uses the file: stop it, and wait ten seconds")
        if any(
            new.execute(select(func.count()).select_from(table)).scalar_one() for table in (journal, tickets, accounts)
        ):
            raise NotCopied("the database that database.url names holds something already: give it an empty one")
        return sum(_copy(table, old, new) for table in metadata.sorted_tables if table not in LEFT_OUT)


def _copy(table: Table, old: Connection, new: Connection) -> int:
    new.execute(table.delete())  # what opening it has left there
    count = 0
    for rows in old.execution_options(yield_per=PAGE).execute(select(table)).mappings().partitions(PAGE):
        insert_each(new, table, [dict(row) for row in rows])
        count += len(rows)
    column = table.autoincrement_column
    if column is not None and count:
        following = f"setval(pg_get_serial_sequence('{table.name}', '{column.name}'), max({column.name}))"
        new.execute(text(f"SELECT {following} FROM {table.name}"))  # noqa: S608 names of ours
    return count
